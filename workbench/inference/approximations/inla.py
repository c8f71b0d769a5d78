"""`fit_inla`: nested Laplace approximations of latent Gaussian models."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from workbench.errors import ArgumentError, warn_user
from workbench.inference import options
from workbench.inference.approximations.flat_density import FlatDensity, model_of_all_data
from workbench.inference.approximations.flat_draws import draws_as_inference_data, unconstrained_names
from workbench.inference.approximations.hyperparameters import (
    Integrated,
    at_mode_alone,
    composite_design,
    lattice,
    marginal_mode,
)
from workbench.inference.approximations.laplace_marginal import LaplaceMarginal
from workbench.inference.approximations.latent_gaussian import LatentField, latent_field
from workbench.inference.approximations.pareto_k import ParetoK, smoothed_weights, weighted_evidence
from workbench.inference.approximations.resampling import METHODS, resampled
from workbench.inference.approximations.skewed import SkewedMap
from workbench.inference.checks import whole
from workbench.inference.convergence import ConvergenceWarning
from workbench.inference.each_draw import seed_word
from workbench.model.interventions import with_own_data
from workbench.model.model import Model

Array = np.ndarray[Any, Any]

STRATEGIES = ("simplified_laplace", "gaussian")
INTEGRATIONS = ("auto", "grid", "ccd", "eb")
ON_A_GRID = 3
"""Most hyperparameters that a lattice is laid over by default."""
MOST_COLUMNS = 4000
"""Latent variables up to which each one's skewness is computed: it needs the whole covariance matrix."""


def fit_inla(
    model: Model | None = None,
    latent: Sequence[Any] | Any = None,
    *,
    strategy: str = "simplified_laplace",
    int_strategy: str = "auto",
    initvals: Mapping[Any, Any] | None = None,
    chains: int = 2,
    draws: int = 500,
    importance_sampling: str | None = None,
    random_seed: Any = None,
    include_transformed: bool = False,
    progressbar: bool = True,
    quiet: bool = False,
    backend: str | None = None,
    compile_kwargs: Mapping[str, Any] | None = None,
) -> Any:
    """Approximate the posterior of a latent Gaussian model by nested Laplace approximations (INLA).

    Given the hyperparameters, the latent variables are approximated at their mode; the hyperparameters, whose marginal density follows,
    are integrated over on a lattice or a design of points. Precision matrices are sparse. Exact up to the integration over
    hyperparameters, where observations are normal too.

    Parameters
    ----------
    model
        The model, with continuous free variables; that of the surrounding block by default.
    latent
        Latent Gaussian variables, or their names. By default all that are found to be jointly normal given the rest: `Normal`, `MvNormal`,
        `GaussianRandomWalk`, `AR`, `CAR`, `ICAR`, `ZeroSumNormal` and the like that stand in no scale. The rest are hyperparameters.
    strategy
        "simplified_laplace" corrects mean and skewness of each latent variable by third derivatives; "gaussian" does not.
    int_strategy
        How hyperparameters are integrated over: "grid", a lattice; "ccd", a central composite design, which is coarser; "eb", fixed
        at their mode; "auto", the lattice for up to three of them.
    initvals
        Where to begin, by variable or value name.
    chains, draws
        Draws to make: chains are blocks of independent draws.
    importance_sampling
        ``None`` for draws of the approximation; else how they are chosen among these, as in :func:`fit_pathfinder`.
    random_seed
        The same seed gives the same draws.
    include_transformed
        Whether the posterior has the unconstrained values too.
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
        ``posterior``, joint draws; ``sample_stats`` with the log-density ``lp`` and that of the approximation ``log_q``; ``fit`` with
        the points of hyperparameters, ``theta`` (unconstrained), their ``weights`` and ``log_marginal``; of each latent variable ``mean``,
        ``standard_deviations``, of the mixture over all points, and ``skewness``; the data. Attributes of the posterior:
        ``log_marginal_likelihood``, ``latent``, ``hyperparameters``, ``pareto_k`` and ``pareto_k_words``.

    Raises
    ------
    ModelError
        If there are no latent Gaussian variables, one that is named is not, a free variable is discrete, or data are a minibatch.
    SamplingError
        If latent variables have no mode, or too many points are needed.

    Warns
    -----
    ConvergenceWarning
        If the draws do not represent the posterior, by their k-hat.

    References
    ----------
    Rue, Martino and Chopin, "Approximate Bayesian inference for latent Gaussian models by using integrated nested Laplace
    approximations" (2009); Margossian, Vehtari, Simpson and Agrawal (2020) for the gradient.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model():
    ...     scale = pm.HalfNormal("scale", 1.0)
    ...     x = pm.Normal("x", 0.0, scale, shape=5)
    ...     y = pm.Poisson("y", pm.math.exp(x), observed=[0, 2, 1, 4, 1])
    ...     idata = pm.fit_inla(random_seed=1, backend="numpy")
    >>> idata.posterior.attrs["latent"], idata.posterior.attrs["hyperparameters"], idata.posterior["x"].shape
    ('x', 'scale', (2, 500, 5))
    """
    given = model_of_all_data(model, "fit_inla")
    for name, value, known in (
        ("strategy", strategy, STRATEGIES), ("int_strategy", int_strategy, INTEGRATIONS), ("importance_sampling", importance_sampling, METHODS),
    ):  # fmt: skip
        if value not in known:
            raise ArgumentError(f"{name} must be one of {', '.join(map(repr, known))}; got {value!r}")
    rows, columns = whole("chains", chains, 1), whole("draws", draws, 1)
    computes = options.backend_of(backend, compile_kwargs, given)
    own = with_own_data(given)
    density = FlatDensity(own, computes)
    field = latent_field(own, latent)
    begun = time.perf_counter()
    rng = np.random.default_rng(seed_word(random_seed))
    start = density.start(rng, initvals, jitter=False)
    marginal = LaplaceMarginal(density, field, start)
    mode = marginal_mode(marginal, start[field.hyper])
    way = int_strategy if int_strategy != "auto" else "grid" if len(field.hyper) <= ON_A_GRID else "ccd"
    found = lattice(marginal, mode) if way == "grid" else composite_design(marginal, mode) if way == "ccd" else at_mode_alone(mode)
    nested = NestedLaplace(field, found, strategy == "simplified_laplace")
    q, log_q = nested.draw(rng, rows * columns)
    lp = density.values(q)
    log_weights, k = smoothed_weights(lp - log_q)
    words = words_of(k, len(field.where))
    about = {
        "inference_method": "INLA", "backend": density.backend, "latent": ", ".join(field.names), "hyperparameters": ", ".join(field.hyper_names),
        "strategy": strategy, "int_strategy": way, "points": len(found.points), "log_marginal_likelihood": found.log_marginal_likelihood,
        "log_marginal_likelihood_psis": weighted_evidence(lp - log_q), **k.attributes, "pareto_k_words": words, "band": marginal.hessian.structure.band,
        "border": len(marginal.hessian.structure.border), "sampling_time": time.perf_counter() - begun,
    }  # fmt: skip
    if importance_sampling is not None:
        chosen = resampled(rng, lp - log_q if importance_sampling == "identity" else log_weights, len(q), importance_sampling == "psir")
        q, lp, log_q = q[chosen], lp[chosen], log_q[chosen]
    if not quiet and not k.good:
        warn_user(words, ConvergenceWarning)
    stats = {"lp": lp.reshape(rows, columns), "log_q": log_q.reshape(rows, columns)}
    return draws_as_inference_data(
        own, q.reshape(rows, columns, -1), density.backend, stats=stats, about=about, include_transformed=include_transformed,
        groups={"fit": nested.dataset(own)},
    )  # fmt: skip


def words_of(k: ParetoK, latent: int) -> str:
    """Return whether to trust the approximation: k-hat judges the joint distribution, which is harder to meet than single marginals."""
    if k.good or math.isnan(k.value):
        return k.words
    return (
        f"k-hat is {k.value:.2f} (good: at most {k.threshold:.2f}) for the joint distribution of {latent} latent variables and the hyperparameters: small errors of "
        "many variables add up in it. Means and intervals of single variables may be right all the same: compare some with a run of NUTS"
    )


class NestedLaplace:
    """The joint approximation of hyperparameters and latent variables.

    Parameters
    ----------
    field
        Which elements are which.
    found
        The points of hyperparameters.
    corrected
        Whether means and skewness are corrected by third derivatives.
    """

    def __init__(self, field: LatentField, found: Integrated, corrected: bool) -> None:
        self.field, self.found, self.corrected = field, found, corrected
        n = len(field.where)
        best = found.mode.best
        self.skewness = best.skewness() if corrected and n <= MOST_COLUMNS else np.zeros(n)
        self.map = SkewedMap(self.skewness)

    def _shift(self, point: int) -> Array:
        one = self.found.points[point]
        return one.shift if self.corrected else np.zeros(len(self.field.where))

    def draw(self, rng: np.random.Generator, count: int) -> tuple[Array, Array]:
        """Return draws of the flat vector, (count, d), and the log-density of each."""
        from scipy.spatial import cKDTree

        field, found = self.field, self.found
        z, log_q = found.density.draw(rng, count)
        theta = found.mode.theta(z)
        log_q = log_q - found.mode.log_volume
        nearest = cKDTree(found.z).query(z)[1] if z.shape[1] else np.zeros(count, int)
        q = np.empty((count, len(field.where) + len(field.hyper)))
        q[:, field.hyper] = theta
        noise = rng.normal(size=(count, len(field.where)))
        for point in np.unique(nearest):
            one, own = found.points[point], np.flatnonzero(nearest == point)
            spread = one.deviations
            moved = one.factor.coloured(noise[own].T).T
            w, slopes = self.map(moved / spread)
            centre = one.x + (theta[own] - one.theta) @ one.slopes.T
            q[np.ix_(own, field.where)] = centre + self._shift(point) + spread * w
            normal = 0.5 * one.factor.log_det - 0.5 * noise.shape[1] * math.log(2.0 * math.pi) - 0.5 * np.sum(noise[own] ** 2, axis=1)
            log_q[own] += normal - slopes.sum(axis=1)
        return q, log_q

    def moments(self) -> tuple[Array, Array]:
        """Return mean and standard deviation of each latent variable, of the mixture over all points."""
        weights = np.exp(self.found.log_weights)
        means = np.array([one.x + self._shift(i) for i, one in enumerate(self.found.points)])
        variances = np.array([one.deviations**2 for one in self.found.points])
        mean = weights @ means
        return mean, np.sqrt(weights @ (variances + (means - mean) ** 2))

    def dataset(self, model: Model) -> Any:
        """Return what is known of the fit as a Dataset."""
        import xarray

        names = np.array(unconstrained_names(model))
        mean, spread = self.moments()
        thetas = np.array([one.theta for one in self.found.points])
        return xarray.Dataset(
            {
                "theta": (["point", "hyperparameter"], thetas), "weights": (["point"], np.exp(self.found.log_weights)),
                "log_marginal": (["point"], [one.log_marginal for one in self.found.points]), "mean": (["rows"], mean),
                "standard_deviations": (["rows"], spread), "skewness": (["rows"], self.skewness),
            },
            coords={"point": np.arange(len(thetas)), "hyperparameter": names[self.field.hyper], "rows": names[self.field.where]},
        )  # fmt: skip
