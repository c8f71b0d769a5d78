"""Sampling runs: threads, chunks, live draws, results for ArviZ; predictive sampling, modes."""

from workbench.compile.jax.devices import devices
from workbench.inference.approximations.approximation import (
    Approximation,
    Empirical,
    FullRank,
    LowRank,
    MeanField,
    NormalizingFlow,
    sample_approx,
)  # fmt: skip
from workbench.inference.approximations.callbacks import CheckParametersConvergence, Tracker
from workbench.inference.approximations.fit_run import FitRun
from workbench.inference.approximations.fitting import fit
from workbench.inference.approximations.inla import fit_inla
from workbench.inference.approximations.laplace import fit_laplace
from workbench.inference.approximations.methods import (
    ADVI,
    ASVGD,
    DADVI,
    NFVI,
    SVGD,
    FullRankADVI,
    Inference,
    KLqp,
    LowRankADVI,
)  # fmt: skip
from workbench.inference.approximations.pathfinder import fit_pathfinder
from workbench.inference.continuous_step_methods import (
    MALA,
    NUTS,
    ConjugateGibbs,
    DEMetropolis,
    DEMetropolisZ,
    EllipticalSlice,
    HamiltonianMC,
    Slice,
)
from workbench.inference.drawing import draw
from workbench.inference.hidden_states import state_probabilities, viterbi
from workbench.inference.joining import join
from workbench.inference.optimise import find_constrained_prior, find_MAP
from workbench.inference.planning import Plan, infer
from workbench.inference.predictive import (
    compute_deterministics,
    compute_log_likelihood,
    compute_log_prior,
    sample_posterior_predictive,
    sample_prior_predictive,
)  # fmt: skip
from workbench.inference.prior_check import check_priors
from workbench.inference.recovery import recover
from workbench.inference.resume import resume_run
from workbench.inference.run import Run
from workbench.inference.sampling import sample
from workbench.inference.sbc import sbc
from workbench.inference.smc import sample_smc
from workbench.inference.step_methods import (
    BinaryGibbsMetropolis,
    BinaryMetropolis,
    CategoricalGibbsMetropolis,
    CompoundStep,
    Metropolis,
)  # fmt: skip
from workbench.inference.stores import ZarrStore
from workbench.samplers import (
    CauchyProposal,
    LaplaceProposal,
    MultivariateNormalProposal,
    NormalProposal,
    PoissonProposal,
    UniformProposal,
)  # fmt: skip
from workbench.variational import (
    DataLoader,
    adadelta,
    adagrad,
    adagrad_window,
    adam,
    adamax,
    adamw,
    cosine_decay_schedule,
    exponential_decay,
    linear_schedule,
    momentum,
    nesterov_momentum,
    norm_constraint,
    prefetch,
    rmsprop,
    sgd,
    total_norm_constraint,
    warmup_cosine_decay_schedule,
)  # fmt: skip

__all__ = [
    "ADVI", "ASVGD", "Approximation", "CheckParametersConvergence", "DADVI", "DataLoader", "Empirical", "FitRun", "FullRank", "FullRankADVI", "Inference", "KLqp",
    "LowRank", "LowRankADVI", "MeanField", "NFVI", "NormalizingFlow", "SVGD", "Tracker", "adadelta", "adagrad", "adagrad_window", "adam", "adamax",
    "adamw", "cosine_decay_schedule", "exponential_decay", "linear_schedule", "warmup_cosine_decay_schedule", "fit", "momentum", "nesterov_momentum", "norm_constraint", "prefetch", "rmsprop", "sample_approx", "sgd", "total_norm_constraint",
    "MALA", "NUTS", "BinaryGibbsMetropolis", "BinaryMetropolis", "CategoricalGibbsMetropolis", "CauchyProposal", "CompoundStep", "ConjugateGibbs", "DEMetropolis", "DEMetropolisZ",
    "EllipticalSlice", "HamiltonianMC", "LaplaceProposal", "Metropolis", "MultivariateNormalProposal", "NormalProposal", "PoissonProposal", "Slice", "UniformProposal",
    "Run", "ZarrStore", "check_priors", "compute_deterministics", "compute_log_likelihood", "compute_log_prior", "devices", "draw", "find_MAP", "find_constrained_prior", "recover", "resume_run", "sample", "state_probabilities", "viterbi",
    "Plan", "infer", "join",
    "sample_posterior_predictive", "sample_prior_predictive", "sample_smc", "sbc",
    "fit_inla", "fit_laplace", "fit_pathfinder",
]  # fmt: skip
