"""Approximations of posteriors as graphs: families of distributions, objectives, optimizers, and the descents that fit them."""

from workbench.variational.batches import DataLoader, prefetch
from workbench.variational.descent import Descent
from workbench.variational.deterministic import Newton, fixed_noise
from workbench.variational.elbo import Elbo, Objective
from workbench.variational.family import Family, word
from workbench.variational.flows import FlowFamily
from workbench.variational.gaussian import FullRankFamily, LowRankFamily, MeanFieldFamily
from workbench.variational.gradient_norms import norm_constraint, total_norm_constraint
from workbench.variational.optimizers import (
    Optimizer,
    adadelta,
    adagrad,
    adagrad_window,
    adam,
    adamax,
    adamw,
    momentum,
    nesterov_momentum,
    rmsprop,
    sgd,
)  # fmt: skip
from workbench.variational.schedules import (
    Schedule,
    cosine_decay_schedule,
    exponential_decay,
    linear_schedule,
    warmup_cosine_decay_schedule,
)  # fmt: skip
from workbench.variational.stein import AmortisedStein, Particles, Stein

__all__ = [
    "AmortisedStein", "DataLoader", "Descent", "Elbo", "Family", "FlowFamily", "FullRankFamily", "LowRankFamily", "MeanFieldFamily", "Newton", "Objective",
    "Optimizer", "Particles", "Schedule", "Stein", "adadelta", "adagrad", "adagrad_window", "adam", "adamax", "adamw", "cosine_decay_schedule",
    "exponential_decay", "fixed_noise", "linear_schedule", "momentum", "nesterov_momentum", "norm_constraint", "prefetch", "rmsprop", "sgd",
    "total_norm_constraint", "warmup_cosine_decay_schedule", "word",
]  # fmt: skip
