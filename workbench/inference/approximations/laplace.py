"""`fit_laplace`: the normal approximation of a posterior at its mode."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from workbench.errors import ArgumentError, SamplingError, warn_user
from workbench.inference import options
from workbench.inference.approximations.flat_density import FlatDensity, model_of_all_data
from workbench.inference.approximations.flat_draws import draws_as_inference_data, unconstrained_names
from workbench.inference.approximations.hessian import Hessian
from workbench.inference.approximations.mode import Mode, NoMode, newton
from workbench.inference.approximations.pareto_k import smoothed_weights, weighted_evidence
from workbench.inference.approximations.resampling import METHODS, resampled
from workbench.inference.checks import whole
from workbench.inference.convergence import ConvergenceWarning
from workbench.inference.each_draw import seed_word
from workbench.model.interventions import with_own_data
from workbench.model.model import Model

Array = np.ndarray[Any, Any]
LARGEST_MATRIX = 2000
"""Elements of the flat vector up to which the covariance matrix is among the results."""
SHOWN = 4


def fit_laplace(
    model: Model | None = None,
    *,
    optimize_method: str = "L-BFGS-B",
    initvals: Mapping[Any, Any] | None = None,
    chains: int = 2,
    draws: int = 500,
    importance_sampling: str | None = None,
    random_seed: Any = None,
    jitter: bool = False,
    include_transformed: bool = True,
    optimizer_kwargs: Mapping[str, Any] | None = None,
    progressbar: bool = True,
    quiet: bool = False,
    backend: str | None = None,
    compile_kwargs: Mapping[str, Any] | None = None,
) -> Any:
    """Approximate the posterior by the normal distribution at its mode, in unconstrained space.

        p(q | y) is about Normal(q | q*, H^-1), H the negative second derivatives of the log-density at its mode q*

    The density is that of the unconstrained values, with the Jacobian of transforms; the mode is not that of :func:`find_MAP`.
    Second derivatives are exact and, where most of them are zero, sparse. The approximation is exact for normal posteriors.

    Parameters
    ----------
    model
        The model, with continuous free variables; that of the surrounding block by default.
    optimize_method
        The method of ``scipy.optimize.minimize`` that leads near the mode; Newton's method ends there.
    initvals
        Where to begin, by variable or value name; the rest at the support points.
    chains, draws
        Draws to make: chains are blocks of independent draws.
    importance_sampling
        ``None`` for draws of the approximation; else how they are chosen among these, as in :func:`fit_pathfinder`.
    random_seed
        The same seed gives the same draws.
    jitter
        Whether to begin at a jittered point.
    include_transformed
        Whether the posterior has the unconstrained values too.
    optimizer_kwargs
        Further arguments of ``scipy.optimize.minimize``.
    progressbar
        Taken so that code written for PyMC runs.
    quiet
        Warn of nothing.
    backend
        "c", "numba", "jax", "numpy" or "auto"; the model's by default.
    compile_kwargs
        The backend by PyMC's name of a mode.

    Returns
    -------
    InferenceData
        ``posterior``, ``sample_stats`` with the log-density ``lp`` and that of the approximation ``log_q``, ``fit`` with
        ``mean_vector`` and ``covariance_matrix`` of the unconstrained values (``standard_deviations`` alone beyond 2,000), and the data.
        Attributes of the posterior: ``log_marginal_likelihood``, that of the normal approximation; ``pareto_k`` with
        ``pareto_k_words``; ``log_marginal_likelihood_psis``, the same corrected by importance weights.

    Raises
    ------
    ModelError
        If a free variable is discrete, or data are a minibatch.
    SamplingError
        If there is no mode, or the log-density does not fall in some direction from it: names it.

    Warns
    -----
    ConvergenceWarning
        If the draws do not represent the posterior, by their k-hat.

    References
    ----------
    Tierney and Kadane, "Accurate approximations for posterior moments and marginal densities" (1986).

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model():
    ...     mu = pm.Normal("mu", 0.0, 1.0)
    ...     y = pm.Normal("y", mu, 1.0, observed=[3.0])
    ...     idata = pm.fit_laplace(random_seed=1, backend="numpy")
    >>> idata.fit["mean_vector"].values.round(6).tolist(), idata.fit["covariance_matrix"].values.round(6).tolist()
    ([1.5], [[0.5]])
    >>> round(idata.posterior.attrs["log_marginal_likelihood"], 6)
    -3.515512
    """
    given = model_of_all_data(model, "fit_laplace")
    if importance_sampling not in METHODS:
        raise ArgumentError(f"importance_sampling must be one of {', '.join(map(repr, METHODS))}; got {importance_sampling!r}")
    rows, columns = whole("chains", chains, 1), whole("draws", draws, 1)
    computes = options.backend_of(backend, compile_kwargs, given)
    own = with_own_data(given)
    begun = time.perf_counter()
    density = FlatDensity(own, computes)
    rng = np.random.default_rng(seed_word(random_seed))
    start = density.start(rng, initvals, jitter)
    mode = _mode(density, start, optimize_method, dict(optimizer_kwargs or {}))
    normal = NormalAtMode(mode)
    q, log_q = normal.draw(rng, rows * columns)
    lp = density.values(q)
    log_weights, k = smoothed_weights(lp - log_q)
    evidence = weighted_evidence(lp - log_q)
    if importance_sampling is not None:
        chosen = resampled(rng, lp - log_q if importance_sampling == "identity" else log_weights, len(q), importance_sampling == "psir")
        q, lp, log_q = q[chosen], lp[chosen], log_q[chosen]
    about = {
        "inference_method": "laplace", "backend": density.backend, "log_marginal_likelihood": normal.log_marginal_likelihood,
        "log_marginal_likelihood_psis": evidence, **k.attributes, "newton_steps": mode.iterations, "sampling_time": time.perf_counter() - begun,
    }  # fmt: skip
    if not quiet and not k.good:
        warn_user(k.words, ConvergenceWarning)
    stats = {"lp": lp.reshape(rows, columns), "log_q": log_q.reshape(rows, columns)}
    return draws_as_inference_data(
        own, q.reshape(rows, columns, -1), density.backend, stats=stats, about=about, include_transformed=include_transformed,
        groups={"fit": fit_group(own, mode.q, None if density.size > LARGEST_MATRIX else mode.factor.inverse(), mode.factor)},
    )  # fmt: skip


def fit_group(model: Model, mean: Array, covariance: Array | None, factor: Any = None) -> Any:
    """Return the mean and covariance of the flat vector as a Dataset, with the names of its elements."""
    import xarray

    names = unconstrained_names(model)
    if covariance is None:
        spread = np.sqrt(factor.inverse_elements()[factor.structure.diagonal])
        second: dict[str, Any] = {"standard_deviations": (["rows"], spread)}
        return xarray.Dataset({"mean_vector": (["rows"], mean), **second}, coords={"rows": names})
    return xarray.Dataset({"mean_vector": (["rows"], mean), "covariance_matrix": (["rows", "columns"], covariance)}, coords={"rows": names, "columns": names})


class NormalAtMode:
    """The normal distribution with mean and precision of a mode, by all elements of the flat vector."""

    def __init__(self, mode: Mode) -> None:
        self.mode = mode
        self._log_normaliser = 0.5 * len(mode.q) * math.log(2.0 * math.pi) - 0.5 * mode.factor.log_det

    @property
    def log_marginal_likelihood(self) -> float:
        """Laplace's approximation of it."""
        return self.mode.value + self._log_normaliser

    def draw(self, rng: np.random.Generator, count: int) -> tuple[Array, Array]:
        """Return draws (count, d), and the log-density of each, (count,)."""
        noise = rng.normal(size=(count, len(self.mode.q)))
        q = self.mode.q + self.mode.factor.coloured(noise.T).T
        return q, -self._log_normaliser - 0.5 * np.sum(noise * noise, axis=1)


def _mode(density: FlatDensity, start: Array, method: str, further: dict[str, Any]) -> Mode:
    """The mode, or an error that says which variable has none."""
    import scipy.optimize

    def cost(q: Array) -> tuple[float, Array]:
        value, gradient = density(q)
        return (-value if np.isfinite(value) else np.inf), -np.nan_to_num(gradient)

    with np.errstate(all="ignore"):
        near = scipy.optimize.minimize(cost, start, **{"method": method, "jac": True, **further}).x
        if not np.isfinite(density(near)[0]):
            near = start
        try:
            return newton(density, Hessian(density, np.arange(density.size), near), near)
        except NoMode as lost:
            raise _complaint(density, lost) from None


def _complaint(density: FlatDensity, lost: NoMode) -> SamplingError:
    """What to say where there is no mode, at the line of the variable that is most at fault."""
    names = unconstrained_names(density.model)
    if lost.values is not None:
        vector, curvature = _flattest(density, lost)
        worst = np.argsort(-np.abs(vector))[:SHOWN]
        direction = " ".join(f"{vector[i]:+.2f} {names[i]}" for i in worst if abs(vector[i]) > 0.05)
        message = f"the log-density does not fall from where the search for its mode ended along {direction}: its second derivative there is {-curvature:.3g}"
        hint = "the data and priors leave this direction open, or there is a ridge: give it a proper prior, or sample with NUTS"
    else:
        scaled = np.abs(lost.gradient)
        worst = np.argsort(-np.where(np.isfinite(scaled), scaled, np.inf))[:SHOWN]
        said = ", ".join(f"{names[i]} (at {lost.q[i]:.4g}, slope {lost.gradient[i]:.3g})" for i in worst if scaled[i] > 0 or not np.isfinite(scaled[i]))
        message = f"no mode is found: the log-density still rises along {said}"
        hint = "it may have no upper bound, as at the scale 0 of a centred hierarchy: write that non-centred, or use fit_pathfinder or sample"
    at = int(worst[0])
    line = np.cumsum([rv.size for rv in (density.model.rvs_to_values[x] for x in density.model.free_RVs)])
    rv = density.model.free_RVs[int(np.searchsorted(line, at, side="right"))]
    return SamplingError(message, hint, rv.provenance.location if rv.provenance else None)


def _flattest(density: FlatDensity, lost: NoMode) -> tuple[Array, float]:
    """The direction in which the precision is least, and how much that is."""
    assert lost.values is not None
    if not np.isfinite(lost.values).all():
        return np.where(np.isfinite(lost.gradient), 0.0, 1.0), math.nan
    structure = Hessian(density, np.arange(density.size), lost.q).structure
    values = lost.values
    if len(values) != len(structure.rows):
        values = Hessian(density, np.arange(density.size), lost.q).at(lost.q)
    if structure.size <= LARGEST_MATRIX:
        size, vectors = np.linalg.eigh(structure.dense(values))
        return vectors[:, 0], float(size[0])
    from scipy.sparse import coo_array
    from scipy.sparse.linalg import eigsh

    off = structure.rows != structure.columns
    i, j = np.r_[structure.rows, structure.columns[off]], np.r_[structure.columns, structure.rows[off]]
    size, vectors = eigsh(coo_array((np.r_[values, values[off]], (i, j)), shape=(structure.size,) * 2).tocsr(), k=1, which="SA", tol=1e-3)
    return vectors[:, 0], float(size[0])
