"""`sample_smc`: draws from a posterior through tempered ones, with its marginal likelihood."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np

from workbench.errors import ArgumentError, SamplingError, warn_user
from workbench.inference import options
from workbench.inference.checks import number, whole
from workbench.inference.convergence import ConvergenceWarning
from workbench.inference.each_draw import seed_word
from workbench.inference.interrupts import Interrupts
from workbench.inference.smc.particles import checked_start
from workbench.inference.smc.run import SmcRun
from workbench.model.context import modelcontext
from workbench.model.minibatch import refuse_minibatches
from workbench.model.model import Model
from workbench.model.simulators import require_density, simulated_variables
from workbench.samplers.population import Population
from workbench.samplers.population_moves import IMH, KERNELS

LIMITS: dict[str, tuple[float, float]] = {
    "threshold": (0.0, 1.0), "correlation_threshold": (0.0, 1.0), "target_accept": (0.0, 1.0), "path_length": (0.0, float("inf")),
    "max_steps": (1.0, 1e6),
}  # fmt: skip
"""Limits of the kernels' settings."""
FEWEST = 4
"""Fewest particles of a population."""


def sample_smc(
    draws: int = 2000,
    kernel: type[Population] | str = IMH,
    *,
    start: Any = None,
    model: Model | None = None,
    random_seed: Any = None,
    chains: int | None = None,
    cores: int | None = None,
    compute_convergence_checks: bool = True,
    return_inferencedata: bool = True,
    idata_kwargs: Mapping[str, Any] | None = None,
    progressbar: bool | str = True,
    backend: str | None = None,
    compile_kwargs: Mapping[str, Any] | None = None,
    quiet: bool = False,
    blocking: bool = True,
    blas_cores: Any = None,
    mp_ctx: Any = None,
    progressbar_theme: Any = None,
    **settings: Any,
) -> Any:
    """Draw from the posterior by sequential Monte Carlo, and estimate the marginal likelihood.

    Particles are drawn from the prior and taken to the posterior through densities between them, prior times likelihood to a power
    that grows from 0 to 1. At each stage they are weighted, resampled, and moved. That finds modes far apart, with their weights, and
    takes continuous and discrete variables, potentials, which count with the likelihood, and simulators (:class:`workbench.Simulator`).

    Parameters
    ----------
    draws
        Particles of each chain, and draws from the posterior.
    kernel
        How particles are moved: ``pm.smc.IMH``, ``pm.smc.MH`` or ``pm.smc.HMC``, or their names.
    start
        Where particles begin, in the place of draws from the prior: arrays (draws, *shape) by variable or its name, or unconstrained by value
        name, for all chains or one mapping for each. Variables that are not given are drawn from the prior. The marginal likelihood is
        right if what is given are draws from the prior.
    model
        The model; that of the surrounding block by default.
    random_seed
        The same seed gives the same draws, whatever `cores`: an integer, a sequence of them, or a NumPy generator.
    chains, cores
        Number of populations, 4 by default, and how many are computed at once, all cores by default.
    compute_convergence_checks
        Warn when the draws may not represent the posterior.
    return_inferencedata
        Return ArviZ's InferenceData; the `SmcRun` if not.
    idata_kwargs
        As for :func:`workbench.sample`.
    progressbar
        Show stages and inverse temperatures.
    backend
        "c", "numba", "jax", "numpy" or "auto"; the model's by default.
    compile_kwargs
        The backend by PyMC's name of a mode: ``{"mode": "NUMBA"}``.
    quiet
        Show no progress and warn of nothing.
    blocking
        Wait for the end. If not, return the `SmcRun` that has begun: it has ``wait``, ``stop`` and ``progress``.
    blas_cores, mp_ctx, progressbar_theme
        Taken so that code written for PyMC runs: chains are threads, with one BLAS thread each.
    settings
        Those of the kernel: ``threshold=0.5`` and ``correlation_threshold=0.01``, as :class:`workbench.smc.IMH` says, and others for HMC.

    Returns
    -------
    InferenceData or SmcRun
        ``idata.sample_stats`` has `beta`, `accept_rate` and more of each stage (chain, stage); `log_marginal_likelihood`, in the last stage of
        each chain, and `log_marginal_likelihood_se`, (chain,), estimated from within each population. Of all chains together they are
        attributes: ``idata.sample_stats.attrs["log_marginal_likelihood"]``, ``["log_marginal_likelihood_se"]``.

    Raises
    ------
    SamplingError
        If an option is out of bounds, nothing is observed, a prior is improper, no draw from the prior has a likelihood, or the run is
        stopped before a population is at the posterior. Its `run` has the particles.
    ModelError
        If `start` names no free variable.
    ShapeError
        If `start` has not one value for each particle.
    ArgumentError
        If an option is not known, or of the wrong kind.

    Warns
    -----
    ConvergenceWarning
        If the draws may not represent the posterior.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model():
    ...     p = pm.Beta("p", 1.0, 1.0)
    ...     y = pm.Binomial("y", 10, p, observed=7)
    ...     run = pm.sample_smc(1000, chains=2, random_seed=1, progressbar=False, return_inferencedata=False)
    >>> abs(run.log_marginal_likelihood - -2.3979) < 4.0 * run.log_marginal_likelihood_se
    True
    """
    model = modelcontext(model)
    if not isinstance(model, Model):
        raise ArgumentError(f"model must be a Model, got {model!r}")
    chosen = _kernel(kernel)
    given = _settings(chosen, settings)
    count, several = whole("draws", draws, FEWEST), 4 if chains is None else whole("chains", chains, 1)
    computes = options.backend_of(backend, compile_kwargs, model)
    at_once = None if cores is None else whole("cores", cores, 1)
    kept = options.kept(model, None, True, idata_kwargs)
    _check_model(model, chosen)
    now = model.at_current_shapes()
    starts = checked_start(now, start, count, several)
    run = SmcRun(model, count, chosen, given, several, at_once, seed_word(random_seed), computes, starts, kept)
    if not any(run.places.sizes):
        raise SamplingError("the model's free variables have no elements: there is nothing to sample", "look at their shapes and dims")
    if return_inferencedata:
        run.results.check()
    if not blocking:
        return run.start()
    _carry_out(run, options.shows_progress(progressbar) and not quiet)
    if compute_convergence_checks and not quiet:
        for problem in run.problems():
            warn_user(problem, ConvergenceWarning)
    return run.idata if return_inferencedata else run


def _kernel(kernel: Any) -> type[Population]:
    if isinstance(kernel, type) and issubclass(kernel, Population):
        return kernel
    if isinstance(kernel, str) and kernel.lower() in KERNELS:
        return KERNELS[kernel.lower()]
    raise ArgumentError(f"there is no kernel {kernel!r}", f"it is one of {', '.join(f'pm.smc.{k.__name__}' for k in KERNELS.values())}")


def _settings(kernel: type[Population], given: Mapping[str, Any]) -> dict[str, float]:
    """All settings of a kernel, those that are given checked."""
    for name in given:
        if name not in kernel.settings:
            known = ["draws", *(sample_smc.__kwdefaults__ or ()), *kernel.settings]
            near = next(iter(difflib.get_close_matches(name, known, 1)), None)
            raise ArgumentError(
                f"sample_smc has no option {name!r} with the kernel {kernel.__name__}",
                f"did you mean {near}?" if near else f"the kernel's are {', '.join(kernel.settings)}",
            )
    checked = {name: number(*LIMITS.get(name, (-np.inf, np.inf)))(name, x) for name, x in given.items()}
    return {**kernel.settings, **checked}


def _check_model(model: Model, kernel: type[Population]) -> None:
    if not model.free_RVs:
        raise SamplingError("the model has no free variable to sample")
    if not model.observed_RVs and not model.potentials:
        raise SamplingError(
            "the model has no observed variable and no potential: its posterior is its prior", "pm.sample_prior_predictive() draws from that"
        )
    refuse_minibatches(model, "sampling")
    if kernel.gradients:
        require_density(model, f"the kernel {kernel.__name__} needs its gradient: take pm.smc.IMH or pm.smc.MH")
    for rv in simulated_variables(model):
        if any(rv is x for x in model.free_RVs):
            raise SamplingError(f"{rv.name} is a simulator, and not observed", "give observed=", rv.provenance.location if rv.provenance else None)


def _carry_out(run: SmcRun, shown: bool) -> None:
    """Start a run, show where it is, and wait for its end; an interrupt stops it."""
    shown = shown and (sys.stderr.isatty() or "ipykernel" in sys.modules)
    run.start()
    try:
        with Interrupts() as interrupts:
            while not interrupts.wait(run._done, 0.2 if shown else 0.05):
                if shown:
                    sys.stderr.write(f"\r{run.progress()}   ")
                    sys.stderr.flush()
    except KeyboardInterrupt:
        run.stop()
        while not run._done.wait(0.05):
            pass
    finally:
        if shown:
            sys.stderr.write("\n")
    run.wait()
