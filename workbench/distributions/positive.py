"""Distributions on the positive numbers; those of the gamma family are in `gamma_family`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import workbench.tensor as pt
from workbench.distributions.constraints import not_negative, positive
from workbench.distributions.distribution import INTERVAL, POSITIVE, Distribution
from workbench.distributions.families import Family
from workbench.distributions.formulas import (
    INF,
    finite_else,
    finite_from,
    inside_of,
    log_mills_difference,
    normal_logp,
    quantile,
    sigma_of,
    where_valid,
)  # fmt: skip
from workbench.errors import ModelError
from workbench.graph.expr import Constant
from workbench.tensor.special.double_logarithms import log1mexpexp
from workbench.tensor.tensor import Tensor, as_tensor


class LogNormal(Distribution):
    """Log-normal distribution: of the exponential of a normal variable.

        f(x) = exp(-(log(x) - mu)**2 / (2 * sigma**2)) / (x * sigma * sqrt(2 * pi)), for x > 0

    Parameters
    ----------
    mu
        Mean of the logarithm; 0 by default.
    sigma
        Standard deviation of the logarithm, > 0; 1 by default.
    tau
        ``1 / sigma**2``: an alternative to `sigma`.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     x = pm.LogNormal("x", mu=0.0, sigma=0.5)
    """

    parameters = ("mu", "sigma")
    family = Family("mu", "sigma", of_normal=True)
    domains = {"sigma": positive}
    support = POSITIVE

    @classmethod
    def arguments(cls, mu: Any = 0.0, sigma: Any = None, tau: Any = None) -> tuple[Any, ...]:
        return mu, sigma_of(sigma, tau)

    @classmethod
    def logp(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        inside = value > 0.0
        logarithm = pt.log(inside_of(inside, value, 1.0))
        return where_valid(inside, normal_logp(logarithm, *parameters) - logarithm)

    @classmethod
    def logcdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        mu, sigma = parameters
        inside = value > 0.0
        return where_valid(inside, pt.log_ndtr((pt.log(pt.where(inside, value, 1.0)) - mu) / sigma))

    @classmethod
    def logccdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        mu, sigma = parameters
        inside = value > 0.0
        return pt.where(inside, pt.log_ndtr((mu - pt.log(pt.where(inside, value, 1.0))) / sigma), 0.0)

    @classmethod
    def icdf(cls, q: Tensor, *parameters: Tensor) -> Tensor:
        mu, sigma = parameters
        return quantile(q, pt.exp(mu + sigma * pt.ndtri(q)))

    @classmethod
    def draw(cls, key: Tensor, shape: tuple[int, ...], *parameters: Tensor) -> Tensor:
        mu, sigma = parameters
        return pt.exp(pt.random.normal(key, shape) * sigma + mu)

    @classmethod
    def support_point(cls, *parameters: Tensor) -> Tensor:
        mu, sigma = parameters
        # The mean; the median where that is too large.
        return finite_else(pt.exp(mu + 0.5 * sigma * sigma), pt.exp(mu))


class Weibull(Distribution):
    """Weibull distribution.

        f(x) = alpha / beta * (x / beta)**(alpha - 1) * exp(-(x / beta)**alpha), for x >= 0

    Parameters
    ----------
    alpha
        Shape, > 0.
    beta
        Scale, > 0.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     x = pm.Weibull("x", alpha=1.5, beta=2.0)
    """

    parameters = ("alpha", "beta")
    family = Family(scale="beta")
    domains = {"alpha": positive, "beta": positive}
    support = POSITIVE

    @classmethod
    def arguments(cls, alpha: Any, beta: Any) -> tuple[Any, ...]:
        return alpha, beta

    @classmethod
    def logp(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        alpha, beta = parameters
        logarithm = pt.log(inside_of(pt.logical_and(value > 0.0, value < INF), value, beta) / beta)
        density = pt.log(alpha) - pt.log(beta) + (alpha - 1.0) * logarithm - pt.exp(alpha * logarithm)
        # x**0 is 1 at 0 too.
        power = pt.where(pt.equal(alpha, 1.0), 0.0, pt.where(alpha < 1.0, INF, -INF))
        at_zero = pt.log(alpha) - pt.log(beta) + power
        return finite_from(value, 0.0, pt.where(pt.equal(value, 0.0), at_zero, density))

    @classmethod
    def logcdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        alpha, beta = parameters
        inside = value > 0.0
        return where_valid(inside, log1mexpexp(alpha * pt.log(pt.where(inside, value, 1.0) / beta)))

    @classmethod
    def logccdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        alpha, beta = parameters
        inside = value > 0.0
        return pt.where(inside, -((pt.where(inside, value, 1.0) / beta) ** alpha), 0.0)

    @classmethod
    def icdf(cls, q: Tensor, *parameters: Tensor) -> Tensor:
        alpha, beta = parameters
        return quantile(q, beta * (-pt.log1p(-q)) ** (1.0 / alpha))

    @classmethod
    def draw(cls, key: Tensor, shape: tuple[int, ...], *parameters: Tensor) -> Tensor:
        alpha, beta = parameters
        return beta * pt.random.exponential(key, shape) ** (1.0 / alpha)

    @classmethod
    def support_point(cls, *parameters: Tensor) -> Tensor:
        alpha, beta = parameters
        return finite_else(beta * pt.exp(pt.gammaln(1.0 + 1.0 / alpha)), beta)


class Pareto(Distribution):
    """Pareto distribution.

        f(x) = alpha * m**alpha / x**(alpha + 1), for x >= m

    Parameters
    ----------
    alpha
        Shape, > 0.
    m
        Scale, > 0: the least value.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     x = pm.Pareto("x", alpha=2.0, m=1.0)
    """

    parameters = ("alpha", "m")
    family = Family(scale="m")
    domains = {"alpha": positive, "m": positive}
    support = INTERVAL

    @classmethod
    def arguments(cls, alpha: Any, m: Any) -> tuple[Any, ...]:
        return alpha, m

    @classmethod
    def logp(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        alpha, m = parameters
        inside = value >= m
        return where_valid(inside, pt.log(alpha) + alpha * pt.log(m) - (alpha + 1.0) * pt.log(inside_of(inside, value, m)))

    @classmethod
    def logcdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        return where_valid(value > parameters[1], pt.log1mexp(cls.logccdf(value, *parameters)))

    @classmethod
    def logccdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        alpha, m = parameters
        return alpha * (pt.log(m) - pt.log(pt.maximum(value, m)))

    @classmethod
    def icdf(cls, q: Tensor, *parameters: Tensor) -> Tensor:
        alpha, m = parameters
        return quantile(q, m * pt.exp(-pt.log1p(-q) / alpha))

    @classmethod
    def draw(cls, key: Tensor, shape: tuple[int, ...], *parameters: Tensor) -> Tensor:
        alpha, m = parameters
        return m * pt.exp(pt.random.exponential(key, shape) / alpha)

    @classmethod
    def support_point(cls, *parameters: Tensor) -> Tensor:
        alpha, m = parameters
        return finite_else(m * 2.0 ** (1.0 / alpha), 2.0 * m)

    @classmethod
    def bounds(cls, *parameters: Tensor) -> tuple[Tensor, Tensor]:
        return parameters[1], pt.constant(INF)


class Wald(Distribution):
    """Wald (inverse Gaussian) distribution: of the time at which a drifting Brownian motion passes a line.

        f(x) = sqrt(lam / (2 * pi * y**3)) * exp(-lam * (y - mu)**2 / (2 * mu**2 * y)), with y = x - alpha,
            for x > alpha

    Parameters
    ----------
    mu
        Mean, > 0.
    lam
        Shape, > 0; 1 by default.
    phi
        ``lam / mu``: an alternative to one of them.
    alpha
        Shift, >= 0; 0 by default.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     x = pm.Wald("x", mu=1.0, lam=2.0)
    """

    parameters = ("mu", "lam", "alpha")
    domains = {"mu": positive, "lam": positive, "alpha": not_negative}
    support = POSITIVE

    @classmethod
    def arguments(cls, mu: Any = None, lam: Any = None, phi: Any = None, alpha: Any = 0.0) -> tuple[Any, ...]:
        if mu is not None and phi is None:
            return mu, 1.0 if lam is None else lam, alpha
        if phi is not None and mu is not None and lam is None:
            return mu, as_tensor(mu) * phi, alpha
        if phi is not None and lam is not None and mu is None:
            return as_tensor(lam) / phi, lam, alpha
        raise ModelError("Wald: give mu, mu and lam, mu and phi, or lam and phi")

    @classmethod
    def logp(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        mu, lam, alpha = parameters
        y = value - alpha
        inside = pt.logical_and(y > 0.0, y < INF)
        y = pt.where(inside, y, 1.0)
        # (y - mu) / mu / sqrt(y), whose square is finite where that of (y - mu) / mu is not.
        root = pt.sqrt(y)
        distance = root / mu - 1.0 / root
        density = 0.5 * pt.log(lam / (2.0 * math.pi)) - 1.5 * pt.log(y) - 0.5 * lam * distance * distance
        return where_valid(inside, density)

    @classmethod
    def logcdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        mu, lam, alpha = parameters
        y = value - alpha
        inside = pt.logical_and(y > 0.0, y < INF)
        y = pt.where(inside, y, 1.0)
        root = pt.sqrt(lam / y)
        first = pt.log_ndtr(root * (y / mu - 1.0))
        second = 2.0 * lam / mu + pt.log_ndtr(-root * (y / mu + 1.0))
        return pt.where(inside, pt.minimum(pt.logaddexp(first, second), 0.0), pt.where(value > alpha, 0.0, -INF))

    @classmethod
    def logccdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        mu, lam, alpha = parameters
        y = value - alpha
        # Beyond the mean, where the distribution function comes near 1.
        far = pt.logical_and(y > mu, y < INF)
        x = pt.where(far, y, mu)
        root = pt.sqrt(lam / x)
        found = log_mills_difference(root * (x / mu - 1.0), root * (x / mu + 1.0))
        near = pt.log1mexp(cls.logcdf(pt.where(far, alpha, value), mu, lam, alpha))
        return pt.where(far, found, near)

    @classmethod
    def draw(cls, key: Tensor, shape: tuple[int, ...], *parameters: Tensor) -> Tensor:
        mu, lam, alpha = parameters
        return pt.random.wald(key, shape, mu, lam) + alpha

    @classmethod
    def support_point(cls, *parameters: Tensor) -> Tensor:
        mu, _, alpha = parameters
        return mu + alpha

    @classmethod
    def bounds(cls, *parameters: Tensor) -> tuple[Tensor, Tensor]:
        return parameters[2], pt.constant(INF)

    @classmethod
    def variable(cls, given: Sequence[Tensor], shape: Any = None, size: Any = None, said: Mapping[str, Any] = MappingProxyType({})) -> Tensor:
        alpha = given[-1].op
        shifted = not (isinstance(alpha, Constant) and (alpha.value == 0.0).all())
        if shifted and cls.support == POSITIVE:
            return cls.with_fields(support=INTERVAL).variable(given, shape, size, said)
        return super().variable(given, shape, size, said)


class Rice(Distribution):
    """Rice distribution: of the distance from 0 of a point in the plane, normal around one at distance `nu`.

        f(x) = x / sigma**2 * exp(-(x**2 + nu**2) / (2 * sigma**2)) * I0(x * nu / sigma**2), for x > 0

    Parameters
    ----------
    nu
        Distance of the centre, >= 0.
    sigma
        Standard deviation in each direction, > 0; 1 by default.
    b
        ``nu / sigma``: an alternative to `nu`.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     x = pm.Rice("x", nu=1.0, sigma=2.0)
    """

    parameters = ("nu", "sigma")
    domains = {"nu": not_negative, "sigma": positive}
    support = POSITIVE

    @classmethod
    def arguments(cls, nu: Any = None, sigma: Any = None, b: Any = None) -> tuple[Any, ...]:
        if (nu is None) == (b is None):
            raise ModelError("Rice: give either nu or b")
        sigma = 1.0 if sigma is None else sigma
        return (as_tensor(b) * sigma if nu is None else nu), sigma

    @classmethod
    def logp(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        nu, sigma = parameters
        inside = pt.logical_and(value > 0.0, value < INF)
        x = pt.where(inside, value, 1.0) / sigma
        b = nu / sigma
        # exp(-(x**2 + b**2) / 2) times I0, which is exp(x * b) times what does not overflow.
        return where_valid(inside, pt.log(x) - pt.log(sigma) - 0.5 * (x - b) ** 2 + pt.log(pt.i0e(x * b)))

    @classmethod
    def draw(cls, key: Tensor, shape: tuple[int, ...], *parameters: Tensor) -> Tensor:
        nu, sigma = parameters
        keys = pt.random.split(key, 2)
        x, y = pt.random.normal(keys[0], shape) * sigma + nu, pt.random.normal(keys[1], shape) * sigma
        return pt.sqrt(x * x + y * y)

    @classmethod
    def support_point(cls, *parameters: Tensor) -> Tensor:
        """The mean with ``nu / sigma`` in place of `nu`, as in PyMC: a Laguerre polynomial, by Bessel functions."""
        nu, sigma = parameters
        t = 0.25 * (nu / (sigma * sigma)) ** 2
        # Far out Bessel functions are no numbers, and this would be no start: `nu` is, where the noise is small.
        near = t < 1e6
        s = pt.where(near, t, 1.0)
        mean = sigma * math.sqrt(0.5 * math.pi) * ((1.0 + 2.0 * s) * pt.ive(0.0, s) + 2.0 * s * pt.ive(1.0, s))
        return pt.where(near, mean, nu)
