"""The generalized extreme value distribution."""

from __future__ import annotations

import math
from typing import Any

import workbench.tensor as pt
from workbench.distributions.constraints import positive
from workbench.distributions.distribution import REAL, Distribution
from workbench.distributions.families import Family
from workbench.distributions.formulas import INF, inside_of, quantile, where_valid
from workbench.tensor.special.double_logarithms import log1mexpexp
from workbench.tensor.tensor import Tensor

SMALL = 1e-3
"""Where a series of six terms is exact to the last digit, and has derivatives at 0."""


class GenExtreme(Distribution):
    """Generalized extreme value distribution: of the greatest of many, with tails of any weight.

        f(x) = (1 + xi * z)**(-1 - 1 / xi) * exp(-(1 + xi * z)**(-1 / xi)) / sigma, with z = (x - mu) / sigma, for x > mu - sigma / xi

    Parameters
    ----------
    mu
        Location, 0 by default.
    sigma
        Scale, > 0; 1 by default.
    xi
        Shape, 0 by default, which is the :class:`Gumbel` distribution: the heavier the upper tail the larger. Where it is negative, the
        end of the support is an upper one. SciPy's `c` is ``-xi``.
    scipy
        Whether `xi` is SciPy's `c`.

    Notes
    -----
    Source: Coles, "An introduction to statistical modeling of extreme values" (2001), equation 3.2. The ends of the support
    depend on parameters: a sampler turns away from parameters that observations are beyond.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     x = pm.GenExtreme("x", mu=3.9, sigma=0.2, xi=-0.1)
    """

    parameters = ("mu", "sigma", "xi")
    family = Family("mu", "sigma")
    domains = {"sigma": positive}
    support = REAL

    @classmethod
    def arguments(cls, mu: Any = 0.0, sigma: Any = 1.0, xi: Any = 0.0, *, scipy: bool = False) -> tuple[Any, ...]:
        return mu, sigma, -xi if scipy else xi

    @classmethod
    def logp(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        _, sigma, xi = parameters
        inside, log_t = _reduced(value, *parameters)
        return where_valid(inside, (1.0 + xi) * log_t - pt.exp(log_t) - pt.log(sigma))

    @classmethod
    def logcdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        inside, log_t = _reduced(value, *parameters)
        return pt.where(inside, -pt.exp(log_t), pt.where(_is_below(value, parameters[2]), -INF, 0.0))

    @classmethod
    def logccdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        inside, log_t = _reduced(value, *parameters)
        return pt.where(inside, log1mexpexp(log_t), pt.where(_is_below(value, parameters[2]), 0.0, -INF))

    @classmethod
    def icdf(cls, q: Tensor, *parameters: Tensor) -> Tensor:
        mu, sigma, xi = parameters
        end = mu - sigma / pt.where(pt.equal(xi, 0.0), 1.0, xi)
        some = pt.where(pt.logical_and(q > 0.0, q < 1.0), q, 0.5)
        return quantile(q, _at(pt.log(-pt.log(some)), *parameters), pt.where(xi > 0.0, end, -INF), pt.where(xi < 0.0, end, INF))

    @classmethod
    def draw(cls, key: Tensor, shape: tuple[int, ...], *parameters: Tensor) -> Tensor:
        return _at(-pt.random.gumbel(key, shape), *parameters)

    @classmethod
    def support_point(cls, *parameters: Tensor) -> Tensor:
        """The median."""
        return _at(pt.constant(math.log(math.log(2.0))), *parameters)


def _reduced(value: Tensor, mu: Tensor, sigma: Tensor, xi: Tensor) -> tuple[Tensor, Tensor]:
    """Whether a value is in the support, and log((1 + xi * z)**(-1 / xi)) there."""
    z = (value - mu) / sigma
    # What is not a number is no end of the support.
    inside = pt.logical_not(pt.logical_or(pt.isinf(value), xi * z <= -1.0))
    z = inside_of(inside, z, 0.0)
    u = xi * z
    some = pt.where(pt.abs(u) < SMALL, 1.0, u)
    series = 1.0 - u * (1 / 2 - u * (1 / 3 - u * (1 / 4 - u * (1 / 5 - u * (1 / 6)))))
    return inside, -z * pt.where(pt.abs(u) < SMALL, series, pt.log1p(some) / some)


def _is_below(value: Tensor, xi: Tensor) -> Tensor:
    """Whether a value that is not in the support is below it: it has a lower end where xi is positive."""
    return pt.where(pt.isinf(value), value < 0.0, xi > 0.0)


def _at(log_t: Tensor, mu: Tensor, sigma: Tensor, xi: Tensor) -> Tensor:
    """The value at which ``(1 + xi * z)**(-1 / xi)`` has a logarithm."""
    v = -xi * log_t
    some = pt.where(pt.abs(v) < SMALL, 1.0, v)
    series = 1.0 + v * (1 / 2 + v * (1 / 6 + v * (1 / 24 + v * (1 / 120 + v * (1 / 720)))))
    return mu - sigma * log_t * pt.where(pt.abs(v) < SMALL, series, pt.expm1(some) / some)
