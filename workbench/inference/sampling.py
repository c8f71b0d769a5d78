"""`sample`: draws from a model's posterior."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Mapping
from typing import Any

from workbench.errors import SamplingError
from workbench.inference import run as _run
from workbench.inference.results import load_arviz_in_background
from workbench.inference.run import Run
from workbench.model.model import Model, current_model
from workbench.samplers import NutsSettings


def sample(
    draws: int = 1000,
    *,
    tune: int = 1000,
    chains: int = 4,
    cores: int | None = None,
    random_seed: int | None = None,
    target_accept: float = 0.8,
    max_treedepth: int = 10,
    model: Model | None = None,
    initvals: Mapping[str, Any] | None = None,
    backend: str | None = None,
    progressbar: bool = True,
    blocking: bool = True,
    return_inferencedata: bool = True,
) -> Any:
    """Draw from the posterior with NUTS.

    Parameters
    ----------
    draws, tune
        Draws to keep and draws of warm-up, per chain.
    chains, cores
        Number of chains, and how many run at once (all cores by default).
    random_seed
        The same seed gives the same draws.
    target_accept
        Acceptance that the step size aims at.
    max_treedepth
        Doublings after which a trajectory ends.
    model
        The model; that of the surrounding ``with`` block by default.
    initvals
        Start values by value name, in unconstrained space; the rest is jittered around the support
        point.
    backend
        "c", "numba", "jax", "numpy" or "auto"; the model's by default.
    progressbar
        Show progress: a dashboard in a notebook, a line in a terminal.
    blocking
        Wait for the end. If not, the `Run` is returned at once: ``.stop() .pause() .resume()
        .wait() .draws``.
    return_inferencedata
        Return ArviZ's InferenceData; the `Run` if not.

    Returns
    -------
    InferenceData or Run

    Raises
    ------
    SamplingError
        If a start point is impossible, or nothing was drawn.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model():
    ...     x = pm.Normal("x", 3.0, 1.0)
    ...     run = pm.sample(200, tune=200, chains=2, random_seed=1, progressbar=False, return_inferencedata=False)
    >>> run.draws["x"].shape
    (2, 200)
    """
    model = model or current_model()
    if not model.free_RVs:
        raise SamplingError("the model has no free variable to sample")
    if draws < 1 or tune < 0 or chains < 1:
        raise SamplingError(f"draws={draws}, tune={tune}, chains={chains}: there must be at least one draw and chain")
    if not 0.0 < target_accept < 1.0:
        raise SamplingError(f"target_accept must lie between 0 and 1, got {target_accept}")
    seed = secrets.randbits(63) if random_seed is None else int(random_seed)
    if return_inferencedata:
        load_arviz_in_background()
    settings = NutsSettings(target_accept, max_treedepth)
    run = Run(model, draws, tune, chains, cores, seed, settings, backend or model.backend, initvals)
    watched = bool(_run.on_start) and progressbar
    run.start(watched)
    if not blocking:
        return run
    if progressbar and not watched and sys.stderr.isatty():
        _watch_in_terminal(run)
    run.wait()
    return run.idata if return_inferencedata else run


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
