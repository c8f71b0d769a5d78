"""Log-densities as SciPy has them, to compare with what the rules derive: written by other people, from other formulas."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Array = Any


def log_density(name: str, value: Array, parameters: tuple[Array, ...]) -> Array | None:
    """Return SciPy's log-density of a distribution at a value; ``None`` where it has no such distribution."""
    make = _FORMS.get(name)
    return None if make is None else make(value, *parameters)


def _of(name: str, arguments: Callable[..., dict[str, Array]], mass: bool = False) -> Callable[..., Array]:
    """The form of a distribution that SciPy calls `name`, with its arguments from the workbench's parameters."""

    def form(x: Array, *parameters: Array) -> Array:
        from scipy import stats

        d = getattr(stats, name)
        return (d.logpmf if mass else d.logpdf)(x, **arguments(*parameters))

    return form


def _categorical(x: Array, p: Array) -> Array:
    index = np.asarray(x, np.int64)
    p = np.broadcast_to(p, (*index.shape, np.shape(p)[-1]))
    with np.errstate(divide="ignore"):
        return np.log(np.take_along_axis(p, index[..., None], -1)[..., 0])


def _zero_inflated(count: Callable[..., Array]) -> Callable[..., Array]:
    def form(x: Array, psi: Array, *parameters: Array) -> Array:
        here = np.log(psi) + count(x, *parameters)
        return np.where(np.equal(x, 0), np.logaddexp(np.log1p(-np.asarray(psi)), here), here)

    return form


def _normal_mixture(x: Array, w: Array, mu: Array, sigma: Array) -> Array:
    from scipy.special import logsumexp

    parts = _of("norm", lambda: {"loc": mu, "scale": sigma})(np.asarray(x)[..., None])
    return logsumexp(parts + np.log(w), axis=-1)


_POISSON = _of("poisson", lambda mu: {"mu": mu}, True)
_BINOMIAL = _of("binom", lambda n, p: {"n": n, "p": p}, True)
_NEGATIVE_BINOMIAL = _of("nbinom", lambda mu, alpha: {"n": alpha, "p": alpha / (mu + np.asarray(alpha))}, True)

_FORMS: dict[str, Callable[..., Array]] = {
    "Normal": _of("norm", lambda mu, sigma: {"loc": mu, "scale": sigma}),
    "HalfNormal": _of("halfnorm", lambda sigma: {"scale": sigma}),
    "Uniform": _of("uniform", lambda a, b: {"loc": a, "scale": np.subtract(b, a)}),
    "Exponential": _of("expon", lambda lam: {"scale": 1 / np.asarray(lam)}),
    "Gamma": _of("gamma", lambda a, b: {"a": a, "scale": 1 / np.asarray(b)}),
    "InverseGamma": _of("invgamma", lambda a, b: {"a": a, "scale": b}),
    "ChiSquared": _of("chi2", lambda nu: {"df": nu}),
    "Beta": _of("beta", lambda a, b: {"a": a, "b": b}),
    "StudentT": _of("t", lambda nu, mu, sigma: {"df": nu, "loc": mu, "scale": sigma}),
    "HalfStudentT": lambda x, nu, sigma: np.log(2) + _of("t", lambda: {"df": nu, "scale": sigma})(x),
    "Cauchy": _of("cauchy", lambda a, b: {"loc": a, "scale": b}),
    "HalfCauchy": _of("halfcauchy", lambda b: {"scale": b}),
    "Laplace": _of("laplace", lambda mu, b: {"loc": mu, "scale": b}),
    "Logistic": _of("logistic", lambda mu, s: {"loc": mu, "scale": s}),
    "Gumbel": _of("gumbel_r", lambda mu, b: {"loc": mu, "scale": b}),
    "Moyal": _of("moyal", lambda mu, s: {"loc": mu, "scale": s}),
    "LogNormal": _of("lognorm", lambda mu, s: {"s": s, "scale": np.exp(mu)}),
    "Weibull": _of("weibull_min", lambda a, b: {"c": a, "scale": b}),
    "Pareto": _of("pareto", lambda a, m: {"b": a, "scale": m}),
    "Rice": _of("rice", lambda nu, s: {"b": nu / np.asarray(s), "scale": s}),
    "SkewNormal": _of("skewnorm", lambda mu, s, a: {"a": a, "loc": mu, "scale": s}),
    "ExGaussian": _of("exponnorm", lambda mu, s, nu: {"K": nu / np.asarray(s), "loc": mu, "scale": s}),
    "TruncatedNormal": _of("truncnorm", lambda mu, s, lo, hi: {"a": (lo - np.asarray(mu)) / s, "b": (hi - np.asarray(mu)) / s, "loc": mu, "scale": s}),
    "Triangular": _of("triang", lambda lo, c, hi: {"c": np.subtract(c, lo) / np.subtract(hi, lo), "loc": lo, "scale": np.subtract(hi, lo)}),
    "VonMises": _of("vonmises", lambda mu, kappa: {"kappa": kappa, "loc": mu}),
    "Bernoulli": _of("bernoulli", lambda p: {"p": p}, True),
    "Binomial": _BINOMIAL,
    "BetaBinomial": _of("betabinom", lambda n, a, b: {"n": n, "a": a, "b": b}, True),
    "Poisson": _POISSON,
    "NegativeBinomial": _NEGATIVE_BINOMIAL,
    "Geometric": _of("geom", lambda p: {"p": p}, True),
    "HyperGeometric": _of("hypergeom", lambda N, k, n: {"M": N, "n": k, "N": n}, True),
    "DiscreteUniform": _of("randint", lambda a, b: {"low": a, "high": np.add(b, 1)}, True),
    "Categorical": _categorical,
    "NormalMixture": _normal_mixture,
    "ZeroInflatedPoisson": _zero_inflated(_POISSON),
    "ZeroInflatedBinomial": _zero_inflated(_BINOMIAL),
    "ZeroInflatedNegativeBinomial": _zero_inflated(_NEGATIVE_BINOMIAL),
    "MvNormal": _of("multivariate_normal", lambda mu, cov: {"mean": mu, "cov": cov}),
    "CholeskyMvNormal": _of("multivariate_normal", lambda mu, chol: {"mean": mu, "cov": np.asarray(chol) @ np.swapaxes(chol, -1, -2)}),
    "PrecisionMvNormal": _of("multivariate_normal", lambda mu, tau: {"mean": mu, "cov": np.linalg.inv(tau)}),
    "MvStudentT": _of("multivariate_t", lambda nu, mu, scale: {"loc": mu, "shape": scale, "df": nu}),
    "Multinomial": _of("multinomial", lambda n, p: {"n": n, "p": p}, True),
    "Dirichlet": lambda x, a: _of("dirichlet", lambda: {"alpha": a})(np.swapaxes(x, 0, -1)),
    "Wishart": _of("wishart", lambda nu, V: {"df": nu, "scale": V}),
}  # fmt: skip
