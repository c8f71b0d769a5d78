"""Distributions of whole numbers that do not count successes: Poisson and its kin, ranges, waiting times."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import workbench.tensor as pt
from workbench.distributions.constraints import Check, Constraint, not_negative, positive
from workbench.distributions.deviances import are_large, deviance, factorial_rest, log_polya_term
from workbench.distributions.discrete import Count, one_given
from workbench.distributions.distribution import cast_real
from workbench.distributions.formulas import INF, quantile
from workbench.distributions.probabilities import real, times_log
from workbench.graph.expr import Constant
from workbench.tensor.special.incomplete import log_betainc, log_gammainc, log_gammaincc
from workbench.tensor.tensor import Tensor, as_tensor

open_unit_interval = Constraint("between 0 and 1, both excluded", lambda p: pt.logical_and(p > 0.0, p < 1.0))


class Poisson(Count):
    """Poisson distribution: how many events there are, at a constant rate.

        f(x) = mu**x * exp(-mu) / x!, for x = 0, 1, ...

    Parameters
    ----------
    mu
        Mean, >= 0.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     x = pm.Poisson("x", mu=4.0)
    """

    parameters = ("mu",)
    domains = {"mu": not_negative}

    @classmethod
    def arguments(cls, mu: Any) -> tuple[Any, ...]:
        return (mu,)

    @classmethod
    def logp(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        (mu,) = parameters
        k = pt.where(value >= 0, value, 0.0)
        mass = -deviance(k, mu) - factorial_rest(k) if are_large(value, mu) else times_log(k, mu) - pt.gammaln(k + 1.0) - mu
        return pt.where(value >= 0, mass, -INF)

    @classmethod
    def logcdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        k = pt.floor(real(value))
        return pt.where(k >= 0.0, log_gammaincc(pt.maximum(k, 0.0) + 1.0, parameters[0]), -INF)

    @classmethod
    def logccdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        k = pt.floor(real(value))
        return pt.where(k >= 0.0, log_gammainc(pt.maximum(k, 0.0) + 1.0, parameters[0]), 0.0)

    @classmethod
    def draw(cls, key: Tensor, shape: tuple[int, ...], *parameters: Tensor) -> Tensor:
        return pt.random.poisson(key, shape, parameters[0])

    @classmethod
    def support_point(cls, *parameters: Tensor) -> Tensor:
        return pt.floor(parameters[0])


class NegativeBinomial(Count):
    """Negative binomial distribution: Poisson with a mean that is gamma distributed.

        f(x) = C(x + alpha - 1, x) * r**alpha * (1 - r)**x, with r = alpha / (mu + alpha), for x = 0, 1, ...

    The variance is ``mu + mu**2 / alpha``.

    Parameters
    ----------
    mu
        Mean, > 0.
    alpha
        Shape of the gamma distribution, > 0: the larger, the closer to Poisson.
    n, p
        How many failures are waited for, > 0, and their probability: `x` counts the successes before.
        ``alpha = n`` and ``mu = n * (1 - p) / p``: alternatives to `alpha` and `mu`.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     x = pm.NegativeBinomial("x", mu=5.0, alpha=2.0)
    """

    parameters = ("mu", "alpha")
    domains = {"mu": positive, "alpha": positive}

    @classmethod
    def arguments(cls, mu: Any = None, alpha: Any = None, p: Any = None, n: Any = None) -> tuple[Any, ...]:
        _, size = one_given(cls.__name__, alpha=alpha, n=n)
        which, centre = one_given(cls.__name__, mu=mu, p=p)
        if which == "mu":
            return mu, size
        p = as_tensor(centre)
        return size * ((1.0 - p) / p), size

    @classmethod
    def logp(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        mu, alpha = parameters
        k = pt.where(value >= 0, value, 0.0)
        if are_large(value, mu, alpha):
            mass = log_polya_term(k, alpha, mu / (mu + alpha), alpha / (mu + alpha))
        else:
            coefficient = -pt.betaln(alpha, k + 1.0) - pt.log(alpha + k)
            mass = coefficient - k * pt.log1p(alpha / mu) - alpha * pt.log1p(mu / alpha)
        return pt.where(value >= 0, mass, -INF)

    @classmethod
    def logcdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        mu, alpha = parameters
        k = pt.floor(real(value))
        return pt.where(k >= 0.0, log_betainc(alpha, pt.maximum(k, 0.0) + 1.0, alpha / (mu + alpha), mu / (mu + alpha)), -INF)

    @classmethod
    def logccdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        mu, alpha = parameters
        k = pt.floor(real(value))
        return pt.where(k >= 0.0, log_betainc(pt.maximum(k, 0.0) + 1.0, alpha, mu / (mu + alpha), alpha / (mu + alpha)), 0.0)

    @classmethod
    def draw(cls, key: Tensor, shape: tuple[int, ...], *parameters: Tensor) -> Tensor:
        return pt.random.negative_binomial(key, shape, *parameters)

    @classmethod
    def support_point(cls, *parameters: Tensor) -> Tensor:
        return pt.floor(parameters[0])


def whole(bound: Any) -> Tensor:
    """A bound of whole numbers: rounded down, where it is not seen to be one."""
    x = as_tensor(bound)
    known = x.type.kind in "iub" or (isinstance(x.op, Constant) and bool((np.floor(x.op.value) == x.op.value).all()))
    return cast_real(x) if known else pt.floor(cast_real(x))



class DiscreteUniform(Count):
    """Uniform distribution on whole numbers.

        f(x) = 1 / (upper - lower + 1), for x = lower, ..., upper

    Parameters
    ----------
    lower, upper
        The least and the greatest number.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     x = pm.DiscreteUniform("x", lower=1, upper=6)
    """

    parameters = ("lower", "upper")

    @classmethod
    def arguments(cls, lower: Any, upper: Any) -> tuple[Any, ...]:
        return whole(lower), whole(upper)

    @classmethod
    def checks(cls, *parameters: Tensor) -> list[Check]:
        lower, upper = parameters
        return [(lower <= upper, "lower must not be greater than upper")]

    @classmethod
    def logp(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        lower, upper = parameters
        return pt.where(pt.logical_and(value >= lower, value <= upper), -pt.log(upper - lower + 1.0), -INF)

    @classmethod
    def logcdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        lower, upper = parameters
        count = pt.clip(pt.floor(real(value)) - lower + 1.0, 0.0, upper - lower + 1.0)
        return pt.log(count) - pt.log(upper - lower + 1.0)

    @classmethod
    def logccdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        lower, upper = parameters
        count = pt.clip(upper - pt.floor(real(value)), 0.0, upper - lower + 1.0)
        return pt.log(count) - pt.log(upper - lower + 1.0)

    @classmethod
    def icdf(cls, q: Tensor, *parameters: Tensor) -> Tensor:
        lower, upper = parameters
        count = upper - lower + 1.0
        found = pt.ceil(q * count)
        found = pt.where((found - 1.0) / count >= q, found - 1.0, found)
        return quantile(q, pt.maximum(found + lower - 1.0, lower))

    @classmethod
    def draw(cls, key: Tensor, shape: tuple[int, ...], *parameters: Tensor) -> Tensor:
        lower, upper = (pt.cast(p, "int64") for p in parameters)
        return pt.random.randint(key, shape, lower, upper + 1)

    @classmethod
    def support_point(cls, *parameters: Tensor) -> Tensor:
        lower, upper = parameters
        return pt.maximum(pt.floor((upper + lower) / 2.0), lower)

    @classmethod
    def ends(cls, *parameters: Tensor) -> tuple[Any, Any]:
        return parameters[0], parameters[1]


class DiscreteWeibull(Count):
    """Discrete Weibull distribution: the whole part of a Weibull variable.

        f(x) = q**(x**beta) - q**((x + 1)**beta), for x = 0, 1, ...

    Parameters
    ----------
    q
        Probability of more than 0, between 0 and 1, both excluded.
    beta
        Shape, > 0.

    Notes
    -----
    Source: Nakagawa and Osaki, "The discrete Weibull distribution" (1975).

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     x = pm.DiscreteWeibull("x", q=0.9, beta=1.5)
    """

    parameters = ("q", "beta")
    domains = {"q": open_unit_interval, "beta": positive}

    @classmethod
    def arguments(cls, q: Any, beta: Any) -> tuple[Any, ...]:
        return q, beta

    @classmethod
    def logp(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        q, beta = parameters
        k = pt.where(value >= 0, value, 0.0)
        # The power of 0 has no derivative in beta; there the first term is 0 whatever beta is.
        first = pt.equal(k, 0.0)
        safe = pt.where(first, 1.0, k)
        start = pt.where(first, 0.0, safe**beta)
        # (k + 1)**beta - k**beta, whose terms are close where k is large.
        step = pt.where(first, 1.0, safe**beta * pt.expm1(beta * pt.log1p(1.0 / safe)))
        mass = start * pt.log(q) + pt.log1mexp(step * pt.log(q))
        return pt.where(value >= 0, mass, -INF)

    @classmethod
    def logcdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        return pt.where(real(value) < 0.0, -INF, pt.log1mexp(cls.logccdf(value, *parameters)))

    @classmethod
    def logccdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        q, beta = parameters
        return pt.maximum(pt.floor(real(value)) + 1.0, 0.0) ** beta * pt.log(q)

    @classmethod
    def icdf(cls, q: Tensor, *parameters: Tensor) -> Tensor:
        base, beta = parameters
        found = pt.ceil((pt.log1p(-q) / pt.log(base)) ** (1.0 / beta)) - 1.0
        return quantile(q, pt.maximum(found, 0.0))

    @classmethod
    def draw(cls, key: Tensor, shape: tuple[int, ...], *parameters: Tensor) -> Tensor:
        return pt.cast(cls.icdf(pt.random.uniform(key, shape), *parameters), "int64")

    @classmethod
    def support_point(cls, *parameters: Tensor) -> Tensor:
        q, beta = parameters
        return pt.maximum(pt.floor((math.log(0.5) / pt.log(q)) ** (1.0 / beta) - 1.0), 0.0)
