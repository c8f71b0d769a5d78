"""Symmetric distributions on the real line, by a location and a scale; and Gumbel's and Moyal's."""

from __future__ import annotations

import math
from typing import Any

import workbench.tensor as pt
from workbench.distributions.constraints import positive
from workbench.distributions.distribution import REAL, Distribution
from workbench.distributions.families import LOCATION_SCALE, Family
from workbench.distributions.formulas import (
    LOG_ROOT_2PI,
    log1p_square,
    normal_logp,
    quantile,
    sigma_of,
    where_valid,
)
from workbench.tensor.special.double_logarithms import log1mexpexp
from workbench.tensor.special.incomplete import log_betainc
from workbench.tensor.special.incomplete_inverses import betaincinv
from workbench.tensor.tensor import Tensor

EULER_GAMMA = 0.5772156649015329


class Normal(Distribution):
    """Normal (Gaussian) distribution on the real line.

        f(x) = exp(-(x - mu)**2 / (2 * sigma**2)) / (sigma * sqrt(2 * pi)), for any x

    Parameters
    ----------
    mu
        Mean; 0 by default.
    sigma
        Standard deviation, > 0; 1 by default.
    tau
        Precision, ``1 / sigma**2``: an alternative to `sigma`.

    Examples
    --------
    >>> x = Normal.dist(0.0, 1.0)
    >>> round(float(Normal.logp(pt.constant(0.0), *x.inputs[1:]).eval()), 4)
    -0.9189
    """

    parameters = ("mu", "sigma")
    family = LOCATION_SCALE
    domains = {"sigma": positive}
    support = REAL

    @classmethod
    def arguments(cls, mu: Any = 0.0, sigma: Any = None, tau: Any = None) -> tuple[Any, ...]:
        return mu, sigma_of(sigma, tau)

    @classmethod
    def logp(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        return normal_logp(value, *parameters)

    @classmethod
    def logcdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        mu, sigma = parameters
        return pt.log_ndtr((value - mu) / sigma)

    @classmethod
    def logccdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        mu, sigma = parameters
        return pt.log_ndtr((mu - value) / sigma)

    @classmethod
    def icdf(cls, q: Tensor, *parameters: Tensor) -> Tensor:
        mu, sigma = parameters
        return quantile(q, mu + sigma * pt.ndtri(q))

    @classmethod
    def draw(cls, key: Tensor, shape: tuple[int, ...], *parameters: Tensor) -> Tensor:
        mu, sigma = parameters
        return pt.random.normal(key, shape) * sigma + mu

    @classmethod
    def support_point(cls, *parameters: Tensor) -> Tensor:
        return parameters[0]


def student_t_logp(value: Tensor, nu: Tensor, mu: Any, sigma: Tensor) -> Tensor:
    """Log-density of Student's t distribution."""
    # Gamma((nu + 1) / 2) / Gamma(nu / 2) is sqrt(pi) / B(nu / 2, 1 / 2): one term, which does not cancel.
    # Beyond 1e16 degrees of freedom it is the normal distribution's constant; beyond 1e100, at infinity too, its density.
    far = nu > 1e16
    degrees = pt.where(far, 1.0, nu)
    constant = pt.where(far, -LOG_ROOT_2PI, -pt.betaln(0.5 * degrees, 0.5) - 0.5 * pt.log(degrees))
    degrees = pt.minimum(nu, 1e100)
    return constant - pt.log(sigma) - 0.5 * (degrees + 1.0) * log1p_square((value - mu) / sigma, degrees, value)


def student_t_distance(inside: Tensor, outside: Tensor, nu: Tensor) -> Tensor:
    """How far from its centre a standard t variable lies with a probability, and not with another; they sum to 1."""
    # The share t**2 / (nu + t**2) has more digits than the rest of it up to the middle; for large nu nearly always.
    central = outside >= pt.where(nu > 1e5, 1e-6, 0.5)
    degrees = pt.minimum(nu, 1e10)
    far = betaincinv(0.5 * degrees, 0.5, pt.where(central, 0.5, outside))
    near = betaincinv(0.5, 0.5 * degrees, pt.where(central, inside, 0.5))
    distance = pt.sqrt(degrees * pt.where(central, near / (1.0 - near), (1.0 - far) / far))
    return pt.where(nu > 1e10, -pt.ndtri(0.5 * outside), distance)


def student_t_log_tail(t: Tensor, nu: Tensor) -> Tensor:
    """The log of the probability of a standard t variable beyond ``t >= 0``, on one side."""
    # The derivative at the centre is that of a number next to it.
    degrees, distance = pt.minimum(nu, 1e10), t + 1e-100
    near = distance < 1e100
    squared = pt.where(near, distance, 1.0) ** 2
    share, rest = squared / (degrees + squared), degrees / (degrees + squared)
    # Farther out it is a power of the distance, to all digits.
    power = 0.5 * degrees * (pt.log(degrees) - 2.0 * pt.log(pt.where(near, 1.0, distance)))
    far = power - pt.log(degrees) - pt.betaln(0.5 * degrees, 0.5)
    tail = pt.where(near, log_betainc(0.5 * degrees, 0.5, rest, share) - math.log(2.0), far)
    return pt.where(nu > 1e10, pt.log_ndtr(-t), tail)


class StudentT(Distribution):
    """Student's t distribution.

        f(x) = Gamma((nu + 1) / 2) / (Gamma(nu / 2) * sqrt(nu * pi) * sigma) * (1 + ((x - mu) / sigma)**2 /
            nu)**(-(nu + 1) / 2),
            for any x

    Parameters
    ----------
    nu
        Degrees of freedom, > 0.
    mu
        Location; 0 by default.
    sigma
        Scale, > 0; 1 by default. It is not the standard deviation.
    lam
        ``1 / sigma**2``: an alternative to `sigma`.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     x = pm.StudentT("x", nu=4.0, mu=0.0, sigma=1.0)
    """

    parameters = ("nu", "mu", "sigma")
    family = LOCATION_SCALE
    domains = {"nu": positive, "sigma": positive}
    support = REAL

    @classmethod
    def arguments(cls, nu: Any, mu: Any = 0.0, *, sigma: Any = None, lam: Any = None) -> tuple[Any, ...]:
        return nu, mu, sigma_of(sigma, lam, "lam")

    @classmethod
    def logp(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        nu, mu, sigma = parameters
        return student_t_logp(value, nu, mu, sigma)

    @classmethod
    def logcdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        nu, mu, sigma = parameters
        t = (value - mu) / sigma
        tail = student_t_log_tail(pt.where(t < 0.0, -t, t), nu)
        return pt.where(t < 0.0, tail, pt.log1mexp(tail))

    @classmethod
    def logccdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        nu, mu, sigma = parameters
        return cls.logcdf(2.0 * mu - value, nu, mu, sigma)

    @classmethod
    def icdf(cls, q: Tensor, *parameters: Tensor) -> Tensor:
        nu, mu, sigma = parameters
        distance = student_t_distance(pt.abs(1.0 - 2.0 * q), 2.0 * pt.minimum(q, 1.0 - q), nu)
        return quantile(q, mu + sigma * pt.where(q < 0.5, -distance, distance))

    @classmethod
    def draw(cls, key: Tensor, shape: tuple[int, ...], *parameters: Tensor) -> Tensor:
        nu, mu, sigma = parameters
        return pt.random.student_t(key, shape, nu) * sigma + mu

    @classmethod
    def support_point(cls, *parameters: Tensor) -> Tensor:
        return parameters[1]


class Cauchy(Distribution):
    """Cauchy (Lorentz) distribution. It has no mean.

        f(x) = 1 / (pi * beta * (1 + ((x - alpha) / beta)**2)), for any x

    Parameters
    ----------
    alpha
        Location: the median.
    beta
        Scale, > 0: half of the width at half of the height.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     x = pm.Cauchy("x", alpha=0.0, beta=1.0)
    """

    parameters = ("alpha", "beta")
    family = Family("alpha", "beta")
    domains = {"beta": positive}
    support = REAL

    @classmethod
    def arguments(cls, alpha: Any, beta: Any) -> tuple[Any, ...]:
        return alpha, beta

    @classmethod
    def logp(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        alpha, beta = parameters
        return -math.log(math.pi) - pt.log(beta) - log1p_square((value - alpha) / beta, 1.0, value)

    @classmethod
    def logcdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        alpha, beta = parameters
        # The angle from the left, not 1/2 + arctan / pi, which cancels in the left tail.
        return pt.log(pt.arctan2(1.0, (alpha - value) / beta) / math.pi)

    @classmethod
    def logccdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        alpha, beta = parameters
        return cls.logcdf(2.0 * alpha - value, alpha, beta)

    @classmethod
    def icdf(cls, q: Tensor, *parameters: Tensor) -> Tensor:
        alpha, beta = parameters
        near = pt.minimum(q, 1.0 - q)
        distance = 1.0 / pt.tan(math.pi * near)
        return quantile(q, alpha + beta * pt.where(q < 0.5, -distance, distance))

    @classmethod
    def draw(cls, key: Tensor, shape: tuple[int, ...], *parameters: Tensor) -> Tensor:
        alpha, beta = parameters
        return pt.random.cauchy(key, shape) * beta + alpha

    @classmethod
    def support_point(cls, *parameters: Tensor) -> Tensor:
        return parameters[0]


class Laplace(Distribution):
    """Laplace (double exponential) distribution.

        f(x) = exp(-abs(x - mu) / b) / (2 * b), for any x

    Parameters
    ----------
    mu
        Location: the mean and the median.
    b
        Scale, > 0; the variance is ``2 * b**2``.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     x = pm.Laplace("x", mu=0.0, b=1.0)
    """

    parameters = ("mu", "b")
    family = Family("mu", "b")
    domains = {"b": positive}
    support = REAL

    @classmethod
    def arguments(cls, mu: Any, b: Any) -> tuple[Any, ...]:
        return mu, b

    @classmethod
    def logp(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        mu, b = parameters
        return -pt.log(2.0 * b) - pt.abs(value - mu) / b

    @classmethod
    def logcdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        mu, b = parameters
        y = (value - mu) / b
        return pt.where(y <= 0.0, y - math.log(2.0), pt.log1p(-0.5 * pt.exp(-pt.abs(y))))

    @classmethod
    def logccdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        mu, b = parameters
        return cls.logcdf(2.0 * mu - value, mu, b)

    @classmethod
    def icdf(cls, q: Tensor, *parameters: Tensor) -> Tensor:
        mu, b = parameters
        return quantile(q, mu + b * pt.where(q < 0.5, pt.log(2.0 * q), -pt.log(2.0 - 2.0 * q)))

    @classmethod
    def draw(cls, key: Tensor, shape: tuple[int, ...], *parameters: Tensor) -> Tensor:
        mu, b = parameters
        return pt.random.laplace(key, shape) * b + mu

    @classmethod
    def support_point(cls, *parameters: Tensor) -> Tensor:
        return parameters[0]


class Logistic(Distribution):
    """Logistic distribution.

        f(x) = exp(-z) / (s * (1 + exp(-z))**2), with z = (x - mu) / s, for any x

    Parameters
    ----------
    mu
        Location: the mean and the median; 0 by default.
    s
        Scale, > 0; 1 by default. The variance is ``(pi * s)**2 / 3``.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     x = pm.Logistic("x", mu=0.0, s=1.0)
    """

    parameters = ("mu", "s")
    family = Family("mu", "s")
    domains = {"s": positive}
    support = REAL

    @classmethod
    def arguments(cls, mu: Any = 0.0, s: Any = 1.0) -> tuple[Any, ...]:
        return mu, s

    @classmethod
    def logp(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        mu, s = parameters
        # Symmetric in z, and finite far from mu on both sides.
        z = pt.abs((value - mu) / s)
        return -z - 2.0 * pt.log1p(pt.exp(-z)) - pt.log(s)

    @classmethod
    def logcdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        mu, s = parameters
        return -pt.softplus((mu - value) / s)

    @classmethod
    def logccdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        mu, s = parameters
        return -pt.softplus((value - mu) / s)

    @classmethod
    def icdf(cls, q: Tensor, *parameters: Tensor) -> Tensor:
        mu, s = parameters
        return quantile(q, mu + s * pt.logit(q))

    @classmethod
    def draw(cls, key: Tensor, shape: tuple[int, ...], *parameters: Tensor) -> Tensor:
        mu, s = parameters
        return pt.random.logistic(key, shape) * s + mu

    @classmethod
    def support_point(cls, *parameters: Tensor) -> Tensor:
        return parameters[0]


class Gumbel(Distribution):
    """Gumbel distribution: of the greatest of many.

        f(x) = exp(-z - exp(-z)) / beta, with z = (x - mu) / beta, for any x

    Parameters
    ----------
    mu
        Location: the mode.
    beta
        Scale, > 0; the mean is ``mu + 0.5772 * beta``.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     x = pm.Gumbel("x", mu=0.0, beta=1.0)
    """

    parameters = ("mu", "beta")
    family = Family("mu", "beta")
    domains = {"beta": positive}
    support = REAL

    @classmethod
    def arguments(cls, mu: Any, beta: Any) -> tuple[Any, ...]:
        return mu, beta

    @classmethod
    def logp(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        mu, beta = parameters
        z = (value - mu) / beta
        return where_valid(pt.isfinite(value), -z - pt.exp(-z) - pt.log(beta))

    @classmethod
    def logcdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        mu, beta = parameters
        return -pt.exp((mu - value) / beta)

    @classmethod
    def logccdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        mu, beta = parameters
        return log1mexpexp((mu - value) / beta)

    @classmethod
    def icdf(cls, q: Tensor, *parameters: Tensor) -> Tensor:
        mu, beta = parameters
        return quantile(q, mu - beta * pt.log(-pt.log(q)))

    @classmethod
    def draw(cls, key: Tensor, shape: tuple[int, ...], *parameters: Tensor) -> Tensor:
        mu, beta = parameters
        return pt.random.gumbel(key, shape) * beta + mu

    @classmethod
    def support_point(cls, *parameters: Tensor) -> Tensor:
        mu, beta = parameters
        return mu + beta * EULER_GAMMA


class Moyal(Distribution):
    """Moyal distribution: of energy lost by ionisation, near to Landau's.

        f(x) = exp(-(z + exp(-z)) / 2) / (sigma * sqrt(2 * pi)), with z = (x - mu) / sigma, for any x

    Parameters
    ----------
    mu
        Location: the mode; 0 by default.
    sigma
        Scale, > 0; 1 by default. The mean is ``mu + 1.2704 * sigma``.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     x = pm.Moyal("x", mu=0.0, sigma=1.0)
    """

    parameters = ("mu", "sigma")
    family = LOCATION_SCALE
    domains = {"sigma": positive}
    support = REAL

    @classmethod
    def arguments(cls, mu: Any = 0.0, sigma: Any = 1.0) -> tuple[Any, ...]:
        return mu, sigma

    @classmethod
    def logp(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        mu, sigma = parameters
        z = (value - mu) / sigma
        return where_valid(pt.isfinite(value), -0.5 * (z + pt.exp(-z)) - LOG_ROOT_2PI - pt.log(sigma))

    @classmethod
    def logcdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        mu, sigma = parameters
        # P(Z**2 > exp(-z)) of a standard normal Z.
        return pt.log_ndtr(-pt.exp(0.5 * (mu - value) / sigma)) + math.log(2.0)

    @classmethod
    def logccdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        mu, sigma = parameters
        half = 0.5 * (mu - value) / sigma
        # Far right the error function is its argument, times a constant; far left it is 1.
        far, left = half < -18.0, half > 3.0
        inside = pt.log(pt.erf(pt.exp(pt.where(pt.logical_or(far, left), 0.0, half)) / math.sqrt(2.0)))
        return pt.where(far, half + 0.5 * math.log(2.0 / math.pi), pt.where(left, 0.0, inside))

    @classmethod
    def icdf(cls, q: Tensor, *parameters: Tensor) -> Tensor:
        mu, sigma = parameters
        return quantile(q, mu - 2.0 * sigma * pt.log(-pt.ndtri(0.5 * q)))

    @classmethod
    def draw(cls, key: Tensor, shape: tuple[int, ...], *parameters: Tensor) -> Tensor:
        mu, sigma = parameters
        return mu - 2.0 * sigma * pt.log(pt.abs(pt.random.normal(key, shape)))

    @classmethod
    def support_point(cls, *parameters: Tensor) -> Tensor:
        mu, sigma = parameters
        return mu + sigma * (EULER_GAMMA + math.log(2.0))
