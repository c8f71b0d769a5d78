"""Continuous distributions."""

from __future__ import annotations

import math
from typing import Any

import workbench.tensor as pt
from workbench.distributions.constraints import Check, positive
from workbench.distributions.distribution import INTERVAL, POSITIVE, REAL, Distribution
from workbench.errors import ModelError
from workbench.tensor.tensor import Tensor

INF = float("inf")


def _sigma(sigma: Any, tau: Any) -> Any:
    """The standard deviation, given as it is or by the precision."""
    if sigma is not None and tau is not None:
        raise ModelError("give sigma or tau, not both")
    if tau is not None:
        return 1.0 / pt.sqrt(tau)
    return 1.0 if sigma is None else sigma


def where_valid(valid: Tensor, logp: Tensor) -> Tensor:
    """`logp` where `valid`, else minus infinity."""
    return pt.where(valid, logp, -INF)


class Normal(Distribution):
    r"""Normal (Gaussian) distribution on the real line.

    .. math:: f(x) = \frac{1}{\sigma\sqrt{2\pi}} \exp\left(-\frac{(x-\mu)^2}{2\sigma^2}\right)

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
    domains = {"sigma": positive}
    support = REAL

    @classmethod
    def arguments(cls, mu: Any = 0.0, sigma: Any = None, tau: Any = None) -> tuple[Any, ...]:
        return mu, _sigma(sigma, tau)

    @classmethod
    def logp(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        mu, sigma = parameters
        return -0.5 * ((value - mu) / sigma) ** 2 - math.log(math.sqrt(2.0 * math.pi)) - pt.log(sigma)

    @classmethod
    def draw(cls, key: Tensor, shape: tuple[int, ...], *parameters: Tensor) -> Tensor:
        mu, sigma = parameters
        return pt.random.normal(key, shape) * sigma + mu

    @classmethod
    def support_point(cls, *parameters: Tensor) -> Tensor:
        return parameters[0]


class HalfNormal(Distribution):
    r"""Half-normal distribution: the absolute value of a normal variable of mean 0.

    .. math:: f(x) = \sqrt{\frac{2}{\pi\sigma^2}} \exp\left(-\frac{x^2}{2\sigma^2}\right),\quad x \ge 0

    Parameters
    ----------
    sigma
        Scale, > 0; 1 by default.
    tau
        Precision, ``1 / sigma**2``: an alternative to `sigma`.
    """

    parameters = ("sigma",)
    domains = {"sigma": positive}
    support = POSITIVE

    @classmethod
    def arguments(cls, sigma: Any = None, tau: Any = None) -> tuple[Any, ...]:
        return (_sigma(sigma, tau),)

    @classmethod
    def logp(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        (sigma,) = parameters
        density = -0.5 * (value / sigma) ** 2 + math.log(math.sqrt(2.0 / math.pi)) - pt.log(sigma)
        return where_valid(value >= 0.0, density)

    @classmethod
    def draw(cls, key: Tensor, shape: tuple[int, ...], *parameters: Tensor) -> Tensor:
        return pt.abs(pt.random.normal(key, shape)) * parameters[0]

    @classmethod
    def support_point(cls, *parameters: Tensor) -> Tensor:
        return parameters[0]


class Exponential(Distribution):
    r"""Exponential distribution on the positive numbers.

    .. math:: f(x) = \lambda e^{-\lambda x},\quad x \ge 0

    Parameters
    ----------
    lam
        Rate, > 0; 1 by default.
    scale
        ``1 / lam``: an alternative to `lam`.
    """

    parameters = ("lam",)
    domains = {"lam": positive}
    support = POSITIVE

    @classmethod
    def arguments(cls, lam: Any = None, scale: Any = None) -> tuple[Any, ...]:
        if lam is not None and scale is not None:
            raise ModelError("give lam or scale, not both")
        return (1.0 / pt.as_tensor(scale) if scale is not None else 1.0 if lam is None else lam,)

    @classmethod
    def logp(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        (lam,) = parameters
        return where_valid(value >= 0.0, pt.log(lam) - lam * value)

    @classmethod
    def logcdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        (lam,) = parameters
        return where_valid(value > 0.0, pt.log(-pt.expm1(-lam * value)))

    @classmethod
    def draw(cls, key: Tensor, shape: tuple[int, ...], *parameters: Tensor) -> Tensor:
        return pt.random.exponential(key, shape) / parameters[0]

    @classmethod
    def support_point(cls, *parameters: Tensor) -> Tensor:
        return 1.0 / parameters[0]


class Uniform(Distribution):
    r"""Uniform distribution between two bounds.

    .. math:: f(x) = \frac{1}{u - l},\quad l \le x \le u

    Parameters
    ----------
    lower, upper
        Bounds; 0 and 1 by default.
    """

    parameters = ("lower", "upper")
    support = INTERVAL

    @classmethod
    def arguments(cls, lower: Any = 0.0, upper: Any = 1.0) -> tuple[Any, ...]:
        return lower, upper

    @classmethod
    def checks(cls, *parameters: Tensor) -> list[Check]:
        lower, upper = parameters
        return [(lower < upper, "lower must be less than upper")]

    @classmethod
    def logp(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        lower, upper = parameters
        inside = pt.logical_and(value >= lower, value <= upper)
        return where_valid(inside, -pt.log(upper - lower))

    @classmethod
    def logcdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        lower, upper = parameters
        return pt.log(pt.clip((value - lower) / (upper - lower), 0.0, 1.0))

    @classmethod
    def draw(cls, key: Tensor, shape: tuple[int, ...], *parameters: Tensor) -> Tensor:
        return pt.random.uniform(key, shape, *parameters)

    @classmethod
    def support_point(cls, *parameters: Tensor) -> Tensor:
        return (parameters[0] + parameters[1]) / 2.0

    @classmethod
    def bounds(cls, *parameters: Tensor) -> tuple[Tensor, Tensor]:
        return parameters[0], parameters[1]
