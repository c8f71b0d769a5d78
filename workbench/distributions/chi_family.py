"""Lengths of vectors of normal variables: the chi and the Maxwell distribution."""

from __future__ import annotations

import math
from typing import Any

import workbench.tensor as pt
from workbench.distributions.constraints import positive
from workbench.distributions.distribution import POSITIVE, Distribution
from workbench.distributions.families import Family
from workbench.distributions.formulas import INF, finite_from, inside_of, power_log
from workbench.distributions.gamma_family import ChiSquared
from workbench.tensor.tensor import Tensor

THREE = pt.constant(3.0)


class Chi(Distribution):
    """Chi distribution: the length of a vector of standard normal variables.

        f(x) = 2**(1 - nu / 2) * x**(nu - 1) * exp(-x**2 / 2) / Gamma(nu / 2), for x >= 0

    Parameters
    ----------
    nu
        Degrees of freedom, > 0: how many variables.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     x = pm.Chi("x", nu=3.0)
    """

    parameters = ("nu",)
    domains = {"nu": positive}
    support = POSITIVE

    @classmethod
    def arguments(cls, nu: Any) -> tuple[Any, ...]:
        return (nu,)

    @classmethod
    def logp(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        (nu,) = parameters
        x = inside_of(pt.logical_and(value >= 0.0, value < INF), value, 1.0)
        return finite_from(value, 0.0, (1.0 - 0.5 * nu) * math.log(2.0) - pt.gammaln(0.5 * nu) + power_log(x, nu - 1.0) - 0.5 * pt.square(x))

    @classmethod
    def logcdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        return ChiSquared.logcdf(value * pt.abs(value), *parameters)

    @classmethod
    def logccdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        return ChiSquared.logccdf(value * pt.abs(value), *parameters)

    @classmethod
    def icdf(cls, q: Tensor, *parameters: Tensor) -> Tensor:
        return pt.sqrt(ChiSquared.icdf(q, *parameters))

    @classmethod
    def draw(cls, key: Tensor, shape: tuple[int, ...], *parameters: Tensor) -> Tensor:
        return pt.sqrt(ChiSquared.draw(key, shape, *parameters))

    @classmethod
    def support_point(cls, *parameters: Tensor) -> Tensor:
        (nu,) = parameters
        return math.sqrt(2.0) * pt.exp(pt.gammaln(0.5 * (nu + 1.0)) - pt.gammaln(0.5 * nu))


class Maxwell(Distribution):
    """Maxwell distribution: the speed of a particle whose velocity has three normal components.

        f(x) = sqrt(2 / pi) * x**2 * exp(-x**2 / (2 * a**2)) / a**3, for x >= 0

    Parameters
    ----------
    a
        Standard deviation of each component, > 0.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     x = pm.Maxwell("x", a=2.0)
    """

    parameters = ("a",)
    family = Family(scale="a")
    domains = {"a": positive}
    support = POSITIVE

    @classmethod
    def arguments(cls, a: Any) -> tuple[Any, ...]:
        return (a,)

    @classmethod
    def logp(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        return Chi.logp(value / parameters[0], THREE) - pt.log(parameters[0])

    @classmethod
    def logcdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        return Chi.logcdf(value / parameters[0], THREE)

    @classmethod
    def logccdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        return Chi.logccdf(value / parameters[0], THREE)

    @classmethod
    def icdf(cls, q: Tensor, *parameters: Tensor) -> Tensor:
        return parameters[0] * Chi.icdf(q, THREE)

    @classmethod
    def draw(cls, key: Tensor, shape: tuple[int, ...], *parameters: Tensor) -> Tensor:
        return parameters[0] * Chi.draw(key, shape, THREE)

    @classmethod
    def support_point(cls, *parameters: Tensor) -> Tensor:
        return parameters[0] * Chi.support_point(THREE)
