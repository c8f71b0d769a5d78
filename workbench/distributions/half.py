"""Distributions around 0, folded onto the positive numbers."""

from __future__ import annotations

import math
from typing import Any

import workbench.tensor as pt
from workbench.distributions.constraints import positive
from workbench.distributions.distribution import POSITIVE, Distribution
from workbench.distributions.families import Family
from workbench.distributions.formulas import INF, log1p_square, quantile, sigma_of, where_valid
from workbench.distributions.location_scale import student_t_distance, student_t_log_tail, student_t_logp
from workbench.tensor.special.incomplete import log_betainc
from workbench.tensor.tensor import Tensor


class HalfNormal(Distribution):
    """Half-normal distribution: the absolute value of a normal variable of mean 0.

        f(x) = sqrt(2 / pi) / sigma * exp(-x**2 / (2 * sigma**2)), for x >= 0

    Parameters
    ----------
    sigma
        Scale, > 0; 1 by default.
    tau
        Precision, ``1 / sigma**2``: an alternative to `sigma`.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     x = pm.HalfNormal("x", sigma=1.0)
    """

    parameters = ("sigma",)
    family = Family(scale="sigma")
    domains = {"sigma": positive}
    support = POSITIVE

    @classmethod
    def arguments(cls, sigma: Any = None, tau: Any = None) -> tuple[Any, ...]:
        return (sigma_of(sigma, tau),)

    @classmethod
    def logp(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        (sigma,) = parameters
        density = -0.5 * (value / sigma) ** 2 + math.log(math.sqrt(2.0 / math.pi)) - pt.log(sigma)
        return where_valid(value >= 0.0, density)

    @classmethod
    def logcdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        (sigma,) = parameters
        return where_valid(value >= 0.0, pt.log(pt.erf(value / (sigma * math.sqrt(2.0)))))

    @classmethod
    def logccdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        (sigma,) = parameters
        return pt.where(value >= 0.0, math.log(2.0) + pt.log_ndtr(-value / sigma), 0.0)

    @classmethod
    def icdf(cls, q: Tensor, *parameters: Tensor) -> Tensor:
        return quantile(q, math.sqrt(2.0) * parameters[0] * pt.erfinv(q))

    @classmethod
    def draw(cls, key: Tensor, shape: tuple[int, ...], *parameters: Tensor) -> Tensor:
        return pt.abs(pt.random.normal(key, shape)) * parameters[0]

    @classmethod
    def support_point(cls, *parameters: Tensor) -> Tensor:
        return parameters[0]


class HalfStudentT(Distribution):
    """Half Student's t distribution: the absolute value of a Student's t variable around 0.

        f(x) = 2 * Gamma((nu + 1) / 2) / (Gamma(nu / 2) * sqrt(nu * pi) * sigma) * (1 + (x / sigma)**2 / nu)**(-(nu
            + 1) / 2),
            for x >= 0

    Parameters
    ----------
    nu
        Degrees of freedom, > 0.
    sigma
        Scale, > 0; 1 by default.
    lam
        ``1 / sigma**2``: an alternative to `sigma`.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     x = pm.HalfStudentT("x", nu=3.0, sigma=1.0)
    """

    parameters = ("nu", "sigma")
    family = Family(scale="sigma")
    domains = {"nu": positive, "sigma": positive}
    support = POSITIVE

    @classmethod
    def arguments(cls, nu: Any, sigma: Any = None, lam: Any = None) -> tuple[Any, ...]:
        return nu, sigma_of(sigma, lam, "lam")

    @classmethod
    def logp(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        nu, sigma = parameters
        return where_valid(value >= 0.0, math.log(2.0) + student_t_logp(value, nu, 0.0, sigma))

    @classmethod
    def logcdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        nu, sigma = parameters
        inside = pt.logical_and(value > 0.0, value < INF)
        t = pt.where(inside, value, 1.0) / sigma
        # Near 0 the probability itself, not the rest of the tail's.
        near = t < 1.0
        squared = pt.where(near, t, 0.5) ** 2
        found = log_betainc(0.5, 0.5 * nu, squared / (nu + squared), nu / (nu + squared))
        far = pt.log1mexp(math.log(2.0) + student_t_log_tail(pt.where(near, 1.0, t), nu))
        return pt.where(inside, pt.where(near, found, far), pt.where(value > 0.0, 0.0, -INF))

    @classmethod
    def logccdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        nu, sigma = parameters
        inside = value > 0.0
        tail = student_t_log_tail(pt.where(inside, value, sigma) / sigma, nu)
        return pt.where(inside, math.log(2.0) + tail, 0.0)

    @classmethod
    def icdf(cls, q: Tensor, *parameters: Tensor) -> Tensor:
        nu, sigma = parameters
        return quantile(q, sigma * student_t_distance(q, 1.0 - q, nu))

    @classmethod
    def draw(cls, key: Tensor, shape: tuple[int, ...], *parameters: Tensor) -> Tensor:
        nu, sigma = parameters
        return pt.abs(pt.random.student_t(key, shape, nu)) * sigma

    @classmethod
    def support_point(cls, *parameters: Tensor) -> Tensor:
        return parameters[1]


class HalfCauchy(Distribution):
    """Half-Cauchy distribution: the absolute value of a Cauchy variable around 0. It has no mean.

        f(x) = 2 / (pi * beta * (1 + (x / beta)**2)), for x >= 0

    Parameters
    ----------
    beta
        Scale, > 0: the median.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     x = pm.HalfCauchy("x", beta=2.5)
    """

    parameters = ("beta",)
    family = Family(scale="beta")
    domains = {"beta": positive}
    support = POSITIVE

    @classmethod
    def arguments(cls, beta: Any) -> tuple[Any, ...]:
        return (beta,)

    @classmethod
    def logp(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        (beta,) = parameters
        density = math.log(2.0 / math.pi) - pt.log(beta) - log1p_square(value / beta, 1.0, value)
        return where_valid(value >= 0.0, density)

    @classmethod
    def logcdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        return where_valid(value >= 0.0, pt.log(2.0 / math.pi * pt.arctan(value / parameters[0])))

    @classmethod
    def logccdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        found = pt.log(2.0 / math.pi * pt.arctan2(parameters[0], value))
        return pt.where(value >= 0.0, found, 0.0)

    @classmethod
    def icdf(cls, q: Tensor, *parameters: Tensor) -> Tensor:
        return quantile(q, parameters[0] * pt.tan(0.5 * math.pi * q), at_1=INF)

    @classmethod
    def draw(cls, key: Tensor, shape: tuple[int, ...], *parameters: Tensor) -> Tensor:
        return pt.abs(pt.random.cauchy(key, shape)) * parameters[0]

    @classmethod
    def support_point(cls, *parameters: Tensor) -> Tensor:
        return parameters[0]
