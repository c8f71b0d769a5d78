"""Approximations of posteriors as graphs: families of distributions, objectives, optimizers, and the descents that fit them."""

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
    momentum,
    nesterov_momentum,
    rmsprop,
    sgd,
)  # fmt: skip
from workbench.variational.stein import AmortisedStein, Particles, Stein

__all__ = [
    "AmortisedStein", "Descent", "Elbo", "Family", "FlowFamily", "FullRankFamily", "LowRankFamily", "MeanFieldFamily", "Newton", "Objective",
    "Optimizer", "Particles", "Stein", "adadelta", "adagrad", "adagrad_window", "adam", "adamax", "fixed_noise", "momentum",
    "nesterov_momentum", "norm_constraint", "rmsprop", "sgd", "total_norm_constraint", "word",
]  # fmt: skip
