"""Skewed distributions on the real line."""

from __future__ import annotations

import math
from typing import Any

import workbench.tensor as pt
from workbench.distributions.constraints import positive
from workbench.distributions.distribution import REAL, Distribution
from workbench.distributions.families import LOCATION_SCALE, Family
from workbench.distributions.formulas import (
    log1p_square,
    log_mills_difference,
    normal_logp,
    quantile,
    sigma_of,
    where_valid,
)
from workbench.errors import ModelError
from workbench.tensor.special.incomplete import log_betainc
from workbench.tensor.special.incomplete_inverses import betaincinv
from workbench.tensor.tensor import Tensor, as_tensor


class AsymmetricLaplace(Distribution):
    """Asymmetric Laplace distribution: exponential on both sides, with different rates.

        f(x) = b / (kappa + 1 / kappa) * exp(-(x - mu) * b * s * kappa**s), with s = sign(x - mu), for any x

    Parameters
    ----------
    kappa
        Asymmetry, > 0; 1 is symmetric.
    mu
        Location: the mode.
    b
        Rate, > 0: the inverse of a scale.
    q
        Probability below `mu`, between 0 and 1: an alternative to `kappa`, for quantile regression.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     x = pm.AsymmetricLaplace("x", kappa=1.5, mu=0.0, b=1.0)
    """

    parameters = ("kappa", "mu", "b")
    family = Family("mu", "b", -1.0)
    domains = {"kappa": positive, "b": positive}
    support = REAL

    @classmethod
    def arguments(cls, kappa: Any = None, mu: Any = None, b: Any = None, q: Any = None) -> tuple[Any, ...]:
        if (kappa is None) == (q is None):
            raise ModelError("AsymmetricLaplace: give either kappa or q")
        if mu is None or b is None:
            raise ModelError("AsymmetricLaplace: mu and b are needed")
        if q is not None:
            q = as_tensor(q)
            kappa = pt.sqrt(q / (1.0 - q))
        return kappa, mu, b

    @classmethod
    def logp(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        kappa, mu, b = parameters
        distance = value - mu
        rate = pt.where(distance >= 0.0, kappa, 1.0 / kappa)
        return pt.log(b / (kappa + 1.0 / kappa)) - pt.abs(distance) * b * rate

    @classmethod
    def logcdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        kappa, mu, b = parameters
        left = value < mu
        below = -pt.log1p(1.0 / kappa**2) - (mu - value) * b / kappa
        # The rest of 1 is no number for a small kappa at mu: to the left of it, where it is not taken, stands another.
        decay = pt.where(left, 1.0, (value - mu) * b * kappa)
        return pt.where(left, below, pt.log1p(-pt.exp(-decay) / (1.0 + kappa * kappa)))

    @classmethod
    def logccdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        """Seen in a mirror, the asymmetry is the reciprocal."""
        kappa, mu, b = parameters
        return cls.logcdf(2.0 * mu - value, 1.0 / kappa, mu, b)

    @classmethod
    def icdf(cls, q: Tensor, *parameters: Tensor) -> Tensor:
        kappa, mu, b = parameters
        squared = kappa * kappa
        share = squared / (1.0 + squared)
        below = kappa / b * pt.log(q / share)
        above = -pt.log((1.0 - q) * (1.0 + squared)) / (b * kappa)
        return quantile(q, mu + pt.where(q < share, below, above))

    @classmethod
    def draw(cls, key: Tensor, shape: tuple[int, ...], *parameters: Tensor) -> Tensor:
        kappa, mu, b = parameters
        keys = pt.random.split(key, 2)
        up, down = pt.random.exponential(keys[0], shape), pt.random.exponential(keys[1], shape)
        return mu + (up / kappa - down * kappa) / b

    @classmethod
    def support_point(cls, *parameters: Tensor) -> Tensor:
        kappa, mu, b = parameters
        return mu - (kappa - 1.0 / kappa) / b


class ExGaussian(Distribution):
    """Exponentially modified normal distribution: of a normal plus an exponential variable.

        f(x) = exp((mu - x) / nu + sigma**2 / (2 * nu**2)) * Phi((x - mu) / sigma - sigma / nu) / nu, for any x

    Parameters
    ----------
    mu, sigma
        Mean and standard deviation (> 0) of the normal variable; 0 and 1 by default.
    nu
        Mean of the exponential variable, > 0.

    Notes
    -----
    The density is this one for every `nu`. PyMC takes the normal one alone where ``nu <= 0.05 * sigma``.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     x = pm.ExGaussian("x", mu=300.0, sigma=40.0, nu=100.0)
    """

    parameters = ("mu", "sigma", "nu")
    family = Family("mu")
    domains = {"sigma": positive, "nu": positive}
    support = REAL

    @classmethod
    def arguments(cls, mu: Any = 0.0, sigma: Any = 1.0, *, nu: Any) -> tuple[Any, ...]:
        return mu, sigma, nu

    @classmethod
    def logp(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        mu, sigma, nu = parameters
        z, ratio = (value - mu) / sigma, sigma / nu
        w = ratio - z
        left = w > 0.0
        # exp(ratio**2 / 2 - ratio * z) grows beyond all numbers as Phi(-w) vanishes: together they are erfcx.
        together = pt.log(0.5 * pt.erfcx(pt.where(left, w, 0.0) / math.sqrt(2.0))) - 0.5 * z * z
        # Not with z, whose slope in sigma would cancel far out.
        apart = 0.5 * ratio * ratio - (value - mu) / nu + pt.log_ndtr(-w)
        return where_valid(pt.isfinite(value), pt.where(left, together, apart) - pt.log(nu))

    @classmethod
    def logcdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        mu, sigma, nu = parameters
        inside = pt.isfinite(value)
        z, ratio = (pt.where(inside, value, mu) - mu) / sigma, sigma / nu
        left = z < 0.0
        distance = pt.where(left, -z, 0.0)
        below = log_mills_difference(distance, distance + ratio)
        right = pt.where(left, 0.0, z)
        normal = pt.log_ndtr(right)
        above = normal + pt.log1mexp(cls.logp(mu + sigma * right, mu, sigma, nu) + pt.log(nu) - normal)
        return pt.where(inside, pt.where(left, below, above), pt.log_ndtr(value))

    @classmethod
    def logccdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        mu, sigma, nu = parameters
        inside = pt.isfinite(value)
        x = pt.where(inside, value, mu)
        both = pt.logaddexp(pt.log_ndtr((mu - x) / sigma), cls.logp(x, mu, sigma, nu) + pt.log(nu))
        # The sum may be above 1 by a rounding.
        return pt.where(inside, pt.minimum(both, 0.0), pt.log_ndtr(-value))

    @classmethod
    def draw(cls, key: Tensor, shape: tuple[int, ...], *parameters: Tensor) -> Tensor:
        mu, sigma, nu = parameters
        keys = pt.random.split(key, 2)
        return mu + pt.random.normal(keys[0], shape) * sigma + pt.random.exponential(keys[1], shape) * nu

    @classmethod
    def support_point(cls, *parameters: Tensor) -> Tensor:
        mu, _, nu = parameters
        return mu + nu


class SkewNormal(Distribution):
    """Skew-normal distribution.

        f(x) = 2 / sigma * phi(z) * Phi(alpha * z), with z = (x - mu) / sigma, for any x

    Parameters
    ----------
    alpha
        Skewness parameter; 1 by default, 0 is the normal distribution.
    mu, sigma
        Location and scale, > 0; 0 and 1 by default. They are not the mean and the standard deviation.
    tau
        ``1 / sigma**2``: an alternative to `sigma`.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     x = pm.SkewNormal("x", alpha=4.0, mu=0.0, sigma=1.0)
    """

    parameters = ("mu", "sigma", "alpha")
    family = LOCATION_SCALE
    domains = {"sigma": positive}
    support = REAL

    @classmethod
    def arguments(cls, alpha: Any = 1.0, mu: Any = 0.0, sigma: Any = None, tau: Any = None) -> tuple[Any, ...]:
        return mu, sigma_of(sigma, tau), alpha

    @classmethod
    def logp(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        mu, sigma, alpha = parameters
        inside = pt.isfinite(value)
        return where_valid(inside, math.log(2.0) + normal_logp(value, mu, sigma) + pt.log_ndtr(alpha * (value - mu) / sigma))

    @classmethod
    def logcdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        mu, sigma, alpha = parameters
        z = (value - mu) / sigma
        return pt.log(pt.maximum(pt.ndtr(z) - 2.0 * pt.owens_t(z, alpha), 0.0))

    @classmethod
    def logccdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        """Seen in a mirror, the skewness has the other sign: the heavier tail is a sum there, in which nothing cancels."""
        mu, sigma, alpha = parameters
        return cls.logcdf(2.0 * mu - value, mu, sigma, -alpha)

    @classmethod
    def draw(cls, key: Tensor, shape: tuple[int, ...], *parameters: Tensor) -> Tensor:
        mu, sigma, alpha = parameters
        keys = pt.random.split(key, 2)
        shared, own = pt.abs(pt.random.normal(keys[0], shape)), pt.random.normal(keys[1], shape)
        return mu + sigma * (alpha * shared + own) / pt.sqrt(1.0 + alpha * alpha)

    @classmethod
    def support_point(cls, *parameters: Tensor) -> Tensor:
        mu, sigma, alpha = parameters
        return mu + sigma * math.sqrt(2.0 / math.pi) * alpha / pt.sqrt(1.0 + alpha * alpha)


class SkewStudentT(Distribution):
    """Skewed Student's t distribution, of Jones and Faddy.

        f(x) = (1 + t)**(a + 1/2) * (1 - t)**(b + 1/2) / (B(a, b) * 2**(a + b - 1) * sqrt(a + b) * sigma),
            with t = z / sqrt(a + b + z**2) and z = (x - mu) / sigma, for any x

    Parameters
    ----------
    a, b
        Weights of the right and the left tail, > 0; equal ones give Student's t with ``2 * a`` degrees of
        freedom.
    mu
        Location; 0 by default.
    sigma
        Scale, > 0; 1 by default.
    lam
        ``1 / sigma**2``: an alternative to `sigma`.

    Notes
    -----
    Source: Jones and Faddy, "A skew extension of the t-distribution, with applications" (2003).

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     x = pm.SkewStudentT("x", a=3.0, b=5.0)
    """

    parameters = ("a", "b", "mu", "sigma")
    family = LOCATION_SCALE
    domains = {"a": positive, "b": positive, "sigma": positive}
    support = REAL

    @classmethod
    def arguments(cls, a: Any, b: Any, *, mu: Any = 0.0, sigma: Any = None, lam: Any = None) -> tuple[Any, ...]:
        return a, b, mu, sigma_of(sigma, lam, "lam")

    @classmethod
    def logp(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        a, b, mu, sigma = parameters
        # 1 + z / sqrt(a + b + z**2) and 1 - that are exp(+-arcsinh(t)) / sqrt(1 + t**2).
        t = (value - mu) / (sigma * pt.sqrt(a + b))
        tails = (a - b) * pt.arcsinh(t) - 0.5 * (a + b + 1.0) * log1p_square(t, 1.0, value)
        constant = -pt.betaln(a, b) - (a + b - 1.0) * math.log(2.0) - 0.5 * pt.log(a + b) - pt.log(sigma)
        return where_valid(pt.isfinite(value), tails + constant)

    @classmethod
    def logcdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        a, b, mu, sigma = parameters
        t = (value - mu) / (sigma * pt.sqrt(a + b))
        log_odds = 2.0 * pt.arcsinh(t)
        near = pt.abs(log_odds) < 400.0
        safe = pt.where(near, log_odds, 0.0)
        # Farther out a tail is a power of the distance, to all digits.
        below = a * pt.minimum(log_odds, -400.0) - pt.log(a) - pt.betaln(a, b)
        above = pt.log1mexp(-b * pt.maximum(log_odds, 400.0) - pt.log(b) - pt.betaln(a, b))
        return pt.where(near, log_betainc(a, b, pt.sigmoid(safe), pt.sigmoid(-safe)), pt.where(t > 0.0, above, below))

    @classmethod
    def logccdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        a, b, mu, sigma = parameters
        return cls.logcdf(2.0 * mu - value, b, a, mu, sigma)

    @classmethod
    def icdf(cls, q: Tensor, *parameters: Tensor) -> Tensor:
        a, b, mu, sigma = parameters
        # The share of a beta variable, and the rest of it, each without cancellation where it is small.
        share, rest = betaincinv(a, b, q), betaincinv(b, a, 1.0 - q)
        low = pt.log(share) - pt.log1p(-pt.minimum(share, 0.5))
        high = pt.log1p(-pt.minimum(rest, 0.5)) - pt.log(rest)
        return quantile(q, mu + sigma * pt.sqrt(a + b) * pt.sinh(0.5 * pt.where(share < 0.5, low, high)))

    @classmethod
    def draw(cls, key: Tensor, shape: tuple[int, ...], *parameters: Tensor) -> Tensor:
        a, b, mu, sigma = parameters
        keys = pt.random.split(key, 2)
        half_logit = 0.5 * (pt.random.log_gamma(keys[0], shape, a) - pt.random.log_gamma(keys[1], shape, b))
        return mu + sigma * pt.sqrt(a + b) * pt.sinh(half_logit)

    @classmethod
    def support_point(cls, *parameters: Tensor) -> Tensor:
        """The location and the mean of the standard distribution, as in PyMC; the location alone where there is none."""
        a, b, mu, _ = parameters
        exists = pt.minimum(a, b) > 0.5
        over = [pt.gammaln(pt.where(exists, x, 1.0) - 0.5) - pt.gammaln(x) for x in (a, b)]
        mean = 0.5 * (a - b) * pt.sqrt(a + b) * pt.exp(over[0] + over[1])
        return mu + pt.where(exists, mean, 0.0)
