"""`sample`: draws from a model's posterior."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from workbench.errors import ModelError, SamplingError, warn_user
from workbench.inference import run as _run
from workbench.inference.convergence import ConvergenceWarning, convergence_problems
from workbench.inference.each_draw import seed_word
from workbench.inference.results import Kept, load_arviz_in_background
from workbench.inference.run import Run
from workbench.model.context import modelcontext
from workbench.model.model import Model
from workbench.samplers import NutsSettings

InitialValues = Mapping[Any, Any]


def sample(
    draws: int = 1000,
    *,
    tune: int = 1000,
    chains: int | None = None,
    cores: int | None = None,
    random_seed: Any = None,
    progressbar: bool = True,
    quiet: bool = False,
    var_names: Sequence[str] | None = None,
    initvals: InitialValues | Sequence[InitialValues | None] | None = None,
    target_accept: float = 0.8,
    max_treedepth: int = 10,
    nuts: Mapping[str, Any] | None = None,
    discard_tuned_samples: bool = True,
    compute_convergence_checks: bool = True,
    return_inferencedata: bool = True,
    idata_kwargs: Mapping[str, Any] | None = None,
    model: Model | None = None,
    backend: str | None = None,
    blocking: bool = True,
) -> Any:
    """Draw from the posterior with NUTS.

    Parameters
    ----------
    draws, tune
        Draws to keep and draws of warm-up, per chain.
    chains, cores
        Number of chains (4 by default), and how many run at once (all cores by default).
    random_seed
        The same seed gives the same draws: an integer, a sequence of them, or a NumPy generator.
    progressbar
        Show progress: a dashboard in a notebook, a line in a terminal.
    quiet
        Show no progress and warn of nothing.
    var_names
        Variables that the InferenceData keeps; all by default.
    initvals
        Where chains start: values by variable or its name, or unconstrained by value name; one for
        all chains, or one for each. Variables that are not given start around their support point.
    target_accept
        Acceptance that the step size aims at.
    max_treedepth
        Doublings after which a trajectory ends.
    nuts
        The two above as a mapping, as PyMC takes them.
    discard_tuned_samples
        Leave the draws of warm-up out of the InferenceData.
    compute_convergence_checks
        Warn when the draws may not represent the posterior: divergences, R-hat, effective sample size.
    return_inferencedata
        Return ArviZ's InferenceData; the `Run` if not.
    idata_kwargs
        ``{"log_likelihood": True}`` adds the log-density of each observation (a list of names: of these
        variables); other entries become attributes of the posterior.
    model
        The model; that of the surrounding ``with`` block by default.
    backend
        "c", "numba", "jax", "numpy" or "auto"; the model's by default.
    blocking
        Wait for the end. If not, the `Run` is returned at once: ``.stop() .pause() .resume()
        .wait() .draws``.

    Returns
    -------
    InferenceData or Run

    Raises
    ------
    SamplingError
        If a start point is impossible, or nothing was drawn. A run that is stopped in warm-up gives
        InferenceData of warm-up alone.
    ModelError
        If an option names a variable that the model does not have.

    Warns
    -----
    ConvergenceWarning
        If the draws may not represent the posterior.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model():
    ...     x = pm.Normal("x", 3.0, 1.0)
    ...     run = pm.sample(200, tune=200, chains=2, random_seed=1, progressbar=False, return_inferencedata=False)
    >>> run.draws["x"].shape
    (2, 200)
    """
    model = modelcontext(model)
    if not model.free_RVs:
        raise SamplingError("the model has no free variable to sample")
    chains = 4 if chains is None else chains
    if draws < 1 or tune < 0 or chains < 1:
        raise SamplingError(f"draws={draws}, tune={tune}, chains={chains}: there must be at least one draw and chain")
    settings = NutsSettings(**{"target_accept": target_accept, "max_treedepth": max_treedepth, **(nuts or {})})
    if not 0.0 < settings.target_accept < 1.0:
        raise SamplingError(f"target_accept must lie between 0 and 1, got {settings.target_accept}")
    kept = _kept(model, var_names, discard_tuned_samples, idata_kwargs or {})
    starts = [initvals] * chains if initvals is None or isinstance(initvals, Mapping) else list(initvals)
    if len(starts) != chains:
        raise SamplingError(f"initvals has {len(starts)} starts for {chains} chains", "give one for each chain, or one for all")
    if return_inferencedata:
        load_arviz_in_background()
    run = Run(model, draws, tune, chains, cores, seed_word(random_seed), settings, backend or model.backend, starts, kept)
    progressbar = progressbar and not quiet
    watched = bool(_run.on_start) and progressbar
    run.start(watched)
    if not blocking:
        return run
    if progressbar and not watched and sys.stderr.isatty():
        _watch_in_terminal(run)
    run.wait()
    if compute_convergence_checks and not quiet:
        for problem in convergence_problems(run):
            warn_user(problem, ConvergenceWarning)
    return run.idata if return_inferencedata else run


def _kept(model: Model, var_names: Sequence[str] | None, discard_tuned_samples: bool, options: Mapping[str, Any]) -> Kept:
    known = [str(x.name) for x in (*model.free_RVs, *model.deterministics)]
    unknown = [n for n in var_names or () if n not in known]
    if unknown:
        raise ModelError(f"var_names: {', '.join(map(repr, unknown))} is not sampled", f"the model samples {', '.join(known)}")
    attributes = {k: v for k, v in options.items() if k != "log_likelihood"}
    return Kept(
        None if var_names is None else tuple(var_names), not discard_tuned_samples, options.get("log_likelihood", False), attributes
    )


def _watch_in_terminal(run: Run) -> None:
    total = run.chains * run.total
    try:
        while not run.wait(0.2):
            rows = run.progress()
            made = sum(r["draws"] for r in rows)
            divergences = sum(r["divergences"] for r in rows)
            sys.stderr.write(f"\r{run.state}: {made}/{total} draws, {divergences} divergences   ")
            sys.stderr.flush()
    finally:
        sys.stderr.write("\r" + " " * 60 + "\r")
