"""Lengths of vectors of normal variables: the chi and the Maxwell distribution."""

from __future__ import annotations

import math
from typing import Any

import workbench.tensor as pt
from workbench.distributions.constraints import positive
from workbench.distributions.distribution import POSITIVE, Distribution
from workbench.distributions.families import Family
from workbench.distributions.formulas import INF, finite_from, inside_of, power_log, quantile, where_valid
from workbench.tensor.special.incomplete import log_gammainc, log_gammaincc
from workbench.tensor.special.incomplete_inverses import gammaincinv
from workbench.tensor.tensor import Tensor


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
        inside = value > 0.0
        return where_valid(inside, log_gammainc(0.5 * parameters[0], _half_square(inside, value)))

    @classmethod
    def logccdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        inside = value > 0.0
        return pt.where(inside, log_gammaincc(0.5 * parameters[0], _half_square(inside, value)), 0.0)

    @classmethod
    def icdf(cls, q: Tensor, *parameters: Tensor) -> Tensor:
        return quantile(q, pt.sqrt(2.0 * gammaincinv(0.5 * parameters[0], q)))

    @classmethod
    def draw(cls, key: Tensor, shape: tuple[int, ...], *parameters: Tensor) -> Tensor:
        return pt.sqrt(2.0 * pt.random.gamma(key, shape, 0.5 * parameters[0]))

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
        (a,) = parameters
        x = inside_of(pt.logical_and(value >= 0.0, value < INF), value, 1.0)
        return finite_from(value, 0.0, 0.5 * math.log(2.0 / math.pi) + 2.0 * pt.log(x) - 0.5 * pt.square(x / a) - 3.0 * pt.log(a))

    @classmethod
    def logcdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        inside = value > 0.0
        return where_valid(inside, log_gammainc(pt.constant(1.5), _half_square(inside, value / parameters[0])))

    @classmethod
    def logccdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        inside = value > 0.0
        return pt.where(inside, log_gammaincc(pt.constant(1.5), _half_square(inside, value / parameters[0])), 0.0)

    @classmethod
    def icdf(cls, q: Tensor, *parameters: Tensor) -> Tensor:
        return quantile(q, parameters[0] * pt.sqrt(2.0 * gammaincinv(pt.constant(1.5), q)))

    @classmethod
    def draw(cls, key: Tensor, shape: tuple[int, ...], *parameters: Tensor) -> Tensor:
        return parameters[0] * pt.sqrt(2.0 * pt.random.gamma(key, shape, pt.constant(1.5)))

    @classmethod
    def support_point(cls, *parameters: Tensor) -> Tensor:
        return 2.0 * math.sqrt(2.0 / math.pi) * parameters[0]


def _half_square(inside: Tensor, x: Tensor) -> Tensor:
    return 0.5 * pt.square(pt.where(inside, x, 1.0))
