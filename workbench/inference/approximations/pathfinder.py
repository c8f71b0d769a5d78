"""`fit_pathfinder`: normal approximations along the way of L-BFGS to a mode, the best of each of several ways, weighted together."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from workbench.errors import ArgumentError, SamplingError, warn_user
from workbench.inference import options
from workbench.inference.approximations.flat_density import FlatDensity, model_of_all_data
from workbench.inference.approximations.flat_draws import draws_as_inference_data, unconstrained_names
from workbench.inference.approximations.lbfgs import FactoredNormal, Path, inverse_hessians, lbfgs_path
from workbench.inference.approximations.pareto_k import ParetoK, smoothed_weights, weighted_evidence
from workbench.inference.approximations.resampling import METHODS, resampled
from workbench.inference.blas_threads import limited
from workbench.inference.checks import number, whole
from workbench.inference.convergence import ConvergenceWarning
from workbench.inference.each_draw import seed_word
from workbench.model.interventions import with_own_data
from workbench.model.model import Model

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Settings:
    """How paths are made and judged.

    Attributes
    ----------
    maxcor
        Steps that an inverse Hessian is made of; ``None`` for ``max(5, ceil(3 log(d)))``.
    maxiter, ftol, gtol, maxls
        Options of L-BFGS-B.
    num_elbo_draws
        Draws for each estimate of the ELBO.
    """

    maxcor: int | None = None
    maxiter: int = 1000
    ftol: float = 1e-12
    gtol: float = 1e-8
    maxls: int = 100
    num_elbo_draws: int = 10


@dataclass(frozen=True)
class PathFound:
    """A path, and the best normal approximation along it.

    Attributes
    ----------
    path
        The path.
    elbo
        Estimated at each point after the first, (n,); minus infinity where there is no approximation.
    best
        The point, of those, at which it is greatest; ``None`` if there is none.
    normal
        The approximation there.
    evaluations
        How often the log-density was computed.
    """

    path: Path
    elbo: Array
    best: int | None
    normal: FactoredNormal | None
    evaluations: int


def find_path(density: FlatDensity, start: Array, rng: np.random.Generator, settings: Settings) -> PathFound:
    """Return a path from a start, with the approximation along it whose ELBO is greatest: single-path Pathfinder."""
    d = density.size
    maxcor = settings.maxcor or max(5, math.ceil(3.0 * math.log(d)))
    path = lbfgs_path(density, start, maxcor, settings.maxiter, settings.ftol, settings.gtol, settings.maxls)
    elbo = np.full(max(len(path.q) - 1, 0), -np.inf)
    best: tuple[int | None, FactoredNormal | None] = (None, None)
    with np.errstate(all="ignore"):
        for i, inverse in enumerate(inverse_hessians(path, maxcor)):
            try:
                normal = FactoredNormal(inverse, path.q[i + 1], path.gradients[i + 1])
            except (np.linalg.LinAlgError, ValueError):
                continue
            q, log_q = normal.draw(rng.normal(size=(settings.num_elbo_draws, d)))
            elbo[i] = np.mean(density.values(q) - log_q)
            if elbo[i] > (-np.inf if best[0] is None else elbo[best[0]]):
                best = i, normal
    return PathFound(path, elbo, *best, path.evaluations + settings.num_elbo_draws * len(elbo))


def find_paths(
    density: FlatDensity, count: int, seed: int, settings: Settings, initvals: Any = None, jitter: bool = True, cores: int | None = None
) -> list[PathFound]:
    """Return paths from starts as the sampler's, found side by side.

    Raises
    ------
    SamplingError
        If on no path there is an approximation.
    """

    def one(i: int) -> PathFound:
        rng = np.random.default_rng([seed, i])
        return find_path(density, density.start(rng, initvals, jitter), rng, settings)

    with limited(1), ThreadPoolExecutor(max(1, min(count, cores or os.cpu_count() or 1))) as pool:
        found = list(pool.map(one, range(count)))
    if all(f.normal is None for f in found):
        said = "; ".join(sorted({f.path.message for f in found}))
        steps = max(len(f.path.q) - 1 for f in found)
        raise SamplingError(
            f"no path led to an approximation: of {count} the longest has {steps} steps ({said})",
            "begin elsewhere with initvals, or sample with NUTS",
        )
    return found


def fit_pathfinder(
    model: Model | None = None,
    num_paths: int = 4,
    num_draws: int = 1000,
    num_draws_per_path: int = 1000,
    maxcor: int | None = None,
    maxiter: int = 1000,
    ftol: float = 1e-12,
    gtol: float = 1e-8,
    maxls: int = 100,
    num_elbo_draws: int = 10,
    jitter: bool = True,
    importance_sampling: str | None = "psis",
    progressbar: bool = True,
    random_seed: Any = None,
    initvals: Mapping[Any, Any] | None = None,
    include_transformed: bool = False,
    cores: int | None = None,
    quiet: bool = False,
    backend: str | None = None,
    compile_kwargs: Mapping[str, Any] | None = None,
) -> Any:
    """Approximate the posterior by normal distributions found on the way to a mode: multi-path Pathfinder.

    Each path of L-BFGS gives a normal approximation at every step; the one with the greatest ELBO is drawn from, and the draws of all
    paths are weighted by their density over that of their approximations.

    Parameters
    ----------
    model
        The model, with continuous free variables; that of the surrounding block by default.
    num_paths
        Paths; one is single-path Pathfinder.
    num_draws
        Draws to return.
    num_draws_per_path
        Draws of each path's approximation, from which these are chosen.
    maxcor
        Steps of which an inverse Hessian is made; ``max(5, ceil(3 * log(d)))`` for d elements by default.
    maxiter, ftol, gtol, maxls
        Most steps, the relative gain and the slope at which they end, most evaluations of one step: SciPy's L-BFGS-B.
    num_elbo_draws
        Draws for the estimate of each ELBO.
    jitter
        Whether paths begin at jittered points, as chains do.
    importance_sampling
        How draws are chosen: "psis", by Pareto-smoothed weights, without replacement where these are worth that many draws; "psir",
        with replacement always; "identity", by weights as they are; ``None``: all draws of all paths, each path's as a chain.
    progressbar
        Taken so that code written for PyMC runs.
    random_seed
        The same seed gives the same draws.
    initvals
        Where paths begin, by variable or value name, without jitter.
    include_transformed
        Whether the posterior has the unconstrained values too.
    cores
        Paths at a time; all cores by default.
    quiet
        Warn of nothing.
    backend
        "c", "numba", "jax", "numpy" or "auto"; the model's by default.
    compile_kwargs
        The backend by PyMC's name of a mode.

    Returns
    -------
    InferenceData
        ``posterior``; ``sample_stats`` with the log-density ``lp``, that of the approximation ``log_q``, and ``path``; ``fit`` with
        each path's ELBOs and log-densities by iteration, ``best_iteration``, ``mean_vector`` and ``standard_deviations``, ``evaluations``;
        the data. Attributes of the posterior: ``pareto_k``, ``pareto_k_words``, ``importance_ess``, ``log_marginal_likelihood``.

    Raises
    ------
    ModelError
        If a free variable is discrete, or data are a minibatch.
    SamplingError
        If no path leads to an approximation, or a start is impossible.

    Warns
    -----
    ConvergenceWarning
        If the draws do not represent the posterior, by their k-hat.

    References
    ----------
    Zhang, Carpenter, Gelman and Vehtari, "Pathfinder: parallel quasi-Newton variational inference" (2022).

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model():
    ...     mu = pm.Normal("mu", 0.0, 1.0)
    ...     y = pm.Normal("y", mu, 1.0, observed=[3.0])
    ...     idata = pm.fit_pathfinder(random_seed=1, backend="numpy")
    >>> idata.posterior["mu"].shape, bool(abs(idata.posterior["mu"].mean() - 1.5) < 0.1)
    ((1, 1000), True)
    """
    given = model_of_all_data(model, "fit_pathfinder")
    if importance_sampling not in METHODS:
        raise ArgumentError(f"importance_sampling must be one of {', '.join(map(repr, METHODS))}; got {importance_sampling!r}")
    paths, wanted, each = whole("num_paths", num_paths, 1), whole("num_draws", num_draws, 1), whole("num_draws_per_path", num_draws_per_path, 1)
    positive = number(0.0)
    settings = Settings(
        None if maxcor is None else whole("maxcor", maxcor, 1), whole("maxiter", maxiter, 1), positive("ftol", ftol), positive("gtol", gtol),
        whole("maxls", maxls, 1), whole("num_elbo_draws", num_elbo_draws, 1),
    )  # fmt: skip
    computes = options.backend_of(backend, compile_kwargs, given)
    own = with_own_data(given)
    density = FlatDensity(own, computes)
    begun, seed = time.perf_counter(), seed_word(random_seed)
    found = find_paths(density, paths, seed, settings, initvals, jitter, None if cores is None else whole("cores", cores, 1))
    rng = np.random.default_rng([seed, paths])
    usable = [(i, f.normal) for i, f in enumerate(found) if f.normal is not None]
    drawn = [normal.draw(rng.normal(size=(each, density.size))) for _, normal in usable]
    q, log_q = (np.concatenate(x) for x in zip(*drawn))
    origin = np.repeat([i for i, _ in usable], each)
    lp = density.values(q)
    log_weights, k = smoothed_weights(lp - log_q)
    about = {
        "inference_method": "pathfinder", "backend": density.backend, **k.attributes, "log_marginal_likelihood": weighted_evidence(lp - log_q),
        "evaluations": sum(f.evaluations for f in found) + len(q), "sampling_time": time.perf_counter() - begun,
    }  # fmt: skip
    if importance_sampling is None:
        shape = len(usable), each
    else:
        shape = 1, wanted
        weights = lp - log_q if importance_sampling == "identity" else log_weights
        chosen = resampled(rng, weights, wanted, importance_sampling == "psir")
        q, lp, log_q, origin = q[chosen], lp[chosen], log_q[chosen], origin[chosen]
    if not quiet:
        _tell(k, found, paths)
    stats = {"lp": lp.reshape(shape), "log_q": log_q.reshape(shape), "path": origin.reshape(shape)}
    return draws_as_inference_data(
        own, q.reshape(*shape, -1), density.backend, stats=stats, about=about, include_transformed=include_transformed, groups={"fit": _fit(own, found)}
    )


def _tell(k: ParetoK, found: list[PathFound], paths: int) -> None:
    """Warn of what speaks against the draws."""
    lost = sum(f.normal is None for f in found)
    if lost:
        warn_user(f"{lost} of {paths} paths led to no approximation: they have no draws", ConvergenceWarning)
    if not k.good:
        warn_user(k.words, ConvergenceWarning)


def _fit(model: Model, found: list[PathFound]) -> Any:
    """What is known of each path, as a Dataset."""
    import xarray

    d, most = model.flat_size, max(len(f.path.q) for f in found)
    elbo, lp = np.full((2, len(found), most), np.nan)
    mean, spread = np.full((2, len(found), d), np.nan)
    for i, f in enumerate(found):
        elbo[i, 1 : len(f.elbo) + 1], lp[i, : len(f.path.values)] = f.elbo, f.path.values
        if f.normal is not None:
            mean[i], spread[i] = f.normal.mean, np.sqrt(f.normal.variances)
    return xarray.Dataset(
        {
            "elbo": (["path", "iteration"], elbo), "lp": (["path", "iteration"], lp), "mean_vector": (["path", "rows"], mean),
            "standard_deviations": (["path", "rows"], spread), "best_iteration": (["path"], [-1 if f.best is None else f.best + 1 for f in found]),
            "evaluations": (["path"], [f.evaluations for f in found]), "ended": (["path"], [f.path.message for f in found]),
        },
        coords={"path": np.arange(len(found)), "iteration": np.arange(most), "rows": unconstrained_names(model)},
    )  # fmt: skip
