"""Sampling runs: threads, chunks, live draws, results for ArviZ; predictive sampling, modes."""

from workbench.compile.jax.devices import devices
from workbench.inference.drawing import draw
from workbench.inference.optimise import find_constrained_prior, find_MAP
from workbench.inference.predictive import (
    compute_deterministics,
    compute_log_likelihood,
    compute_log_prior,
    sample_posterior_predictive,
    sample_prior_predictive,
)  # fmt: skip
from workbench.inference.run import Run
from workbench.inference.sampling import sample
from workbench.inference.sbc import sbc
from workbench.inference.step_methods import (
    NUTS,
    BinaryGibbsMetropolis,
    BinaryMetropolis,
    CategoricalGibbsMetropolis,
    CompoundStep,
    Metropolis,
)  # fmt: skip

__all__ = [
    "NUTS", "BinaryGibbsMetropolis", "BinaryMetropolis", "CategoricalGibbsMetropolis", "CompoundStep", "Metropolis",
    "Run", "compute_deterministics", "compute_log_likelihood", "compute_log_prior", "devices", "draw", "find_MAP", "find_constrained_prior", "sample",
    "sample_posterior_predictive", "sample_prior_predictive", "sbc",
]  # fmt: skip
