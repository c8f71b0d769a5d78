"""Distributions between two bounds, and angles."""

from __future__ import annotations

import math
from typing import Any

import workbench.tensor as pt
from workbench.distributions.constraints import Check, positive
from workbench.distributions.deviances import are_large, deviance, gamma_rest
from workbench.distributions.distribution import INTERVAL, UNIT, Distribution
from workbench.distributions.families import Family
from workbench.distributions.formulas import (
    BELOW_ONE,
    INF,
    LOG_ROOT_2PI,
    NAN,
    SMALLEST,
    anchored_log_ndtr,
    inside_of,
    log_ndtr_difference,
    normal_logp,
    quantile,
    sigma_of,
    where_valid,
    zero_to,
)  # fmt: skip
from workbench.errors import ModelError
from workbench.graph.expr import Constant
from workbench.tensor.special.incomplete import log_betainc
from workbench.tensor.special.incomplete_inverses import betaincinv
from workbench.tensor.tensor import Tensor, as_tensor


class Uniform(Distribution):
    """Uniform distribution between two bounds.

        f(x) = 1 / (upper - lower), for lower <= x <= upper

    Parameters
    ----------
    lower, upper
        Bounds; 0 and 1 by default.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     x = pm.Uniform("x", lower=0.0, upper=10.0)
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
    def logccdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        lower, upper = parameters
        return pt.log(pt.clip((upper - value) / (upper - lower), 0.0, 1.0))

    @classmethod
    def icdf(cls, q: Tensor, *parameters: Tensor) -> Tensor:
        lower, upper = parameters
        return quantile(q, lower + (upper - lower) * q)

    @classmethod
    def draw(cls, key: Tensor, shape: tuple[int, ...], *parameters: Tensor) -> Tensor:
        return pt.random.uniform(key, shape, *parameters)

    @classmethod
    def support_point(cls, *parameters: Tensor) -> Tensor:
        return (parameters[0] + parameters[1]) / 2.0

    @classmethod
    def bounds(cls, *parameters: Tensor) -> tuple[Tensor, Tensor]:
        return parameters[0], parameters[1]


class Triangular(Distribution):
    """Triangular distribution: its density rises to the mode, then falls.

        f(x) = 2 / (upper - lower) * min((x - lower) / (c - lower), (upper - x) / (upper - c)),
            for lower <= x <= upper

    Parameters
    ----------
    lower, upper
        Bounds; 0 and 1 by default.
    c
        Mode, between them; 0.5 by default.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     x = pm.Triangular("x", lower=0.0, upper=10.0, c=3.0)
    """

    parameters = ("lower", "c", "upper")
    support = INTERVAL

    @classmethod
    def arguments(cls, lower: Any = 0.0, upper: Any = 1.0, c: Any = 0.5) -> tuple[Any, ...]:
        return lower, c, upper

    @classmethod
    def checks(cls, *parameters: Tensor) -> list[Check]:
        lower, c, upper = parameters
        between = pt.logical_and(lower <= c, c <= upper)
        return [(lower < upper, "lower must be less than upper"), (between, "c must be between lower and upper")]

    @classmethod
    def logp(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        lower, c, upper = parameters
        # With the mode at the upper bound all of it rises, the bound too.
        rising = pt.logical_or(value < c, c >= upper)
        inside = pt.logical_and(value >= lower, value <= upper)
        x = inside_of(inside, value, c)
        safe = pt.where(pt.logical_and(rising, c > lower), c - lower, 1.0)
        share = pt.where(rising, (x - lower) / safe, (upper - x) / pt.where(rising, 1.0, upper - c))
        some = pt.logical_and(inside, share > 0.0)
        return where_valid(some, pt.log(2.0 * inside_of(some, share, 1.0)) - pt.log(upper - lower))

    @classmethod
    def logcdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        lower, c, upper = parameters
        x = pt.clip(value, lower, upper)
        rising = x <= c
        safe = pt.where(rising, pt.where(c > lower, c - lower, 1.0), 1.0)
        # At the lower bound the logarithm itself, elsewhere one whose derivative is finite.
        below = 2.0 * pt.log(pt.where(pt.logical_and(rising, x < upper), x - lower, 1.0)) - pt.log(upper - lower) - pt.log(safe)
        above = pt.log1p(-(pt.where(rising, 0.0, upper - x) ** 2) / ((upper - lower) * pt.where(rising, 1.0, upper - c)))
        return pt.where(pt.logical_and(rising, x < upper), below, pt.where(x < upper, above, 0.0))

    @classmethod
    def logccdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        lower, c, upper = parameters
        return cls.logcdf(-value, -upper, -c, -lower)

    @classmethod
    def icdf(cls, q: Tensor, *parameters: Tensor) -> Tensor:
        lower, c, upper = parameters
        width = upper - lower
        below = lower + pt.sqrt(width * (c - lower) * q)
        above = upper - pt.sqrt(width * (upper - c) * (1.0 - q))
        return quantile(q, pt.where(q * width < c - lower, below, above))

    @classmethod
    def draw(cls, key: Tensor, shape: tuple[int, ...], *parameters: Tensor) -> Tensor:
        return cls.icdf(pt.random.uniform(key, shape), *parameters)

    @classmethod
    def support_point(cls, *parameters: Tensor) -> Tensor:
        lower, c, upper = parameters
        return (lower + upper + c) / 3.0

    @classmethod
    def bounds(cls, *parameters: Tensor) -> tuple[Tensor, Tensor]:
        return parameters[0], parameters[2]


class TruncatedNormal(Distribution):
    """Normal distribution between two bounds.

        f(x) = phi((x - mu) / sigma) / (sigma * (Phi((upper - mu) / sigma) - Phi((lower - mu) / sigma))),
            for lower <= x <= upper

    Parameters
    ----------
    mu, sigma
        Mean and standard deviation (> 0) of the normal distribution; 0 and 1 by default.
    tau
        ``1 / sigma**2``: an alternative to `sigma`.
    lower, upper
        Bounds; none by default.

    Examples
    --------
    >>> x = TruncatedNormal.dist(0.0, 1.0, lower=40.0)  # 40 standard deviations out
    >>> round(float(TruncatedNormal.logp(pt.constant(40.0), *x.inputs[1:]).eval()), 4)
    3.6895
    """

    parameters = ("mu", "sigma", "lower", "upper")
    domains = {"sigma": positive}
    support = INTERVAL

    @classmethod
    def arguments(
        cls, mu: Any = 0.0, sigma: Any = None, *, tau: Any = None, lower: Any = None, upper: Any = None
    ) -> tuple[Any, ...]:
        return mu, sigma_of(sigma, tau), -INF if lower is None else lower, INF if upper is None else upper

    @classmethod
    def checks(cls, *parameters: Tensor) -> list[Check]:
        *_, lower, upper = parameters
        order = (lower < upper, "lower must be less than upper")
        return [*super().checks(*parameters), *([] if _limitless(lower) or _limitless(upper) else [order])]

    @classmethod
    def _log_probability(cls, low: Tensor, high: Tensor, mu: Tensor, sigma: Tensor) -> Tensor:
        """The log of the normal probability between two bounds; fewer terms where one is none for certain."""
        a, b = _standard(low, mu, sigma), _standard(high, mu, sigma)
        if _limitless(low) and _limitless(high):
            return pt.constant(0.0)
        if _limitless(low):
            return pt.log_ndtr(b)
        if _limitless(high):
            return pt.log_ndtr(-a)
        return log_ndtr_difference(a, b, (_finite(high, mu, sigma) - _finite(low, mu, sigma)) / sigma)

    @classmethod
    def logp(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        mu, sigma, lower, upper = parameters
        inside = pt.logical_and(value >= lower, value <= upper)
        if _limitless(lower) and _limitless(upper):
            return where_valid(inside, normal_logp(value, mu, sigma))
        x = inside_of(inside, value, pt.clip(mu, lower, upper))
        if _limitless(lower) or _limitless(upper):
            bound, side = (upper, 1.0) if _limitless(lower) else (lower, -1.0)
            b = side * _standard(bound, mu, sigma)
            in_tail = b < 0.0
            anchor = pt.where(in_tail, _finite(bound, mu, sigma), mu)
            scaled = pt.log(0.5 * pt.erfcx(pt.where(in_tail, -b, 0.0) / math.sqrt(2.0)))
            mass = pt.where(in_tail, scaled, pt.log_ndtr(pt.where(in_tail, 0.0, b)))
        else:
            low, high = _finite(lower, mu, sigma), _finite(upper, mu, sigma)
            anchored, mass = anchored_log_ndtr((low - mu) / sigma, (high - mu) / sigma, (high - low) / sigma)
            anchor = anchored(low, high, mu)
        # Squares of what is far in a tail cancel: as a product they do not.
        squares = (x - anchor) / sigma * ((x + (anchor - 2.0 * mu)) / sigma)
        return where_valid(inside, -0.5 * squares - LOG_ROOT_2PI - pt.log(sigma) - mass)

    @classmethod
    def logcdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        mu, sigma, lower, upper = parameters
        inside = pt.logical_and(value > lower, value < upper)
        x = pt.where(inside, value, pt.where(pt.isfinite(lower), lower + sigma, pt.where(pt.isfinite(upper), upper, mu)))
        found = cls._log_probability(lower, x, mu, sigma) - cls._log_probability(lower, upper, mu, sigma)
        return pt.where(inside, found, pt.where(value >= upper, 0.0, -INF))

    @classmethod
    def logccdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        mu, sigma, lower, upper = parameters
        return cls.logcdf(-value, -mu, sigma, -upper, -lower)

    @classmethod
    def icdf(cls, q: Tensor, *parameters: Tensor) -> Tensor:
        mu, sigma, lower, upper = parameters
        a, b = _standard(lower, mu, sigma), _standard(upper, mu, sigma)
        # In the tail that is nearer, where probabilities have all their digits: they have none beyond 37 standard deviations.
        right = a > 0.0
        near, far = pt.where(right, -a, a), pt.where(right, -b, b)
        probability = pt.exp(pt.log_ndtr(near)) * (1.0 - q) + pt.exp(pt.log_ndtr(far)) * q
        none = pt.maximum(probability, 0.0) < 1e-300
        z = pt.ndtri(pt.where(none, 0.5, probability))
        found = pt.clip(mu + sigma * pt.where(right, -z, z), lower, upper)
        return quantile(q, pt.where(none, NAN, found), lower, upper)

    @classmethod
    def draw(cls, key: Tensor, shape: tuple[int, ...], *parameters: Tensor) -> Tensor:
        mu, sigma, lower, upper = parameters
        drawn = pt.random.truncated_normal(key, shape, (lower - mu) / sigma, (upper - mu) / sigma)
        return pt.clip(drawn * sigma + mu, lower, upper)

    @classmethod
    def support_point(cls, *parameters: Tensor) -> Tensor:
        mu, _, lower, upper = parameters
        below, above = pt.isfinite(lower), pt.isfinite(upper)
        one = pt.where(below, lower + 1.0, pt.where(above, upper - 1.0, mu))
        return pt.where(pt.logical_and(below, above), (lower + upper) / 2.0, one)

    @classmethod
    def bounds(cls, *parameters: Tensor) -> tuple[Tensor, Tensor]:
        return parameters[2], parameters[3]


def _limitless(bound: Tensor) -> bool:
    """Whether a bound is infinite for certain."""
    return isinstance(bound.op, Constant) and bool((abs(bound.op.value) == INF).all())


def _finite(bound: Tensor, mu: Tensor, sigma: Tensor) -> Tensor:
    """A bound; one that may be infinite so far out that it is none, where gradients are finite."""
    if isinstance(bound.op, Constant) and bool((abs(bound.op.value) < INF).all()):
        return bound
    return pt.where(pt.isfinite(bound), bound, mu + pt.where(bound > 0.0, 1e8, -1e8) * sigma)


def _standard(bound: Tensor, mu: Tensor, sigma: Tensor) -> Tensor:
    """A bound in standard units; one that may be infinite so far out that it is none, where gradients are finite."""
    if isinstance(bound.op, Constant) and bool((abs(bound.op.value) < INF).all()):
        return (bound - mu) / sigma
    finite = pt.isfinite(bound)
    return pt.where(finite, (pt.where(finite, bound, 0.0) - mu) / sigma, pt.where(bound > 0.0, 1e8, -1e8))


class Beta(Distribution):
    """Beta distribution between 0 and 1.

        f(x) = x**(alpha - 1) * (1 - x)**(beta - 1) / B(alpha, beta), for 0 <= x <= 1

    Parameters
    ----------
    alpha, beta
        Shapes, > 0.
    mu
        Mean, between 0 and 1; with `sigma` or `nu` an alternative to `alpha` and `beta`.
    sigma
        Standard deviation, less than ``sqrt(mu * (1 - mu))``.
    nu
        ``alpha + beta``: like a number of observations.

    Examples
    --------
    >>> x = Beta.dist(mu=0.25, nu=8.0)
    >>> [float(p.eval()) for p in x.inputs[1:]]
    [2.0, 6.0]
    """

    parameters = ("alpha", "beta")
    domains = {"alpha": positive, "beta": positive}
    support = UNIT

    @classmethod
    def arguments(
        cls, alpha: Any = None, beta: Any = None, mu: Any = None, sigma: Any = None, nu: Any = None
    ) -> tuple[Any, ...]:
        others = (mu, sigma, nu)
        if alpha is not None and beta is not None and all(x is None for x in others):
            return alpha, beta
        if alpha is None and beta is None and mu is not None and (sigma is None) != (nu is None):
            mu = as_tensor(mu)
            size = mu * (1.0 - mu) / as_tensor(sigma) ** 2 - 1.0 if nu is None else as_tensor(nu)
            return mu * size, (1.0 - mu) * size
        raise ModelError("Beta: give alpha and beta, mu and sigma, or mu and nu")

    @classmethod
    def logp(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        alpha, beta = parameters
        # At the bounds themselves the powers of what is 0 are not finite, and have no derivative.
        low, high = pt.equal(value, 0.0), pt.equal(value, 1.0)
        x = inside_of(pt.logical_and(value > 0.0, value < 1.0), value, 0.5)
        if are_large(alpha, beta):
            total = alpha + beta
            large = deviance(alpha, total * x) + deviance(beta, total * (1.0 - x)) + pt.log(x) + pt.log1p(-x)
            density = gamma_rest(total) - gamma_rest(alpha) - gamma_rest(beta) - large
            return where_valid(pt.logical_and(value > 0.0, value < 1.0), density)
        left = pt.where(low, zero_to(alpha - 1.0), pt.where(high, 0.0, (alpha - 1.0) * pt.log(x)))
        right = pt.where(high, zero_to(beta - 1.0), pt.where(low, 0.0, (beta - 1.0) * pt.log1p(-x)))
        return where_valid(pt.logical_and(value >= 0.0, value <= 1.0), left + right - pt.betaln(alpha, beta))

    @classmethod
    def logcdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        alpha, beta = parameters
        inside = pt.logical_and(value > 0.0, value < 1.0)
        x = pt.where(inside, value, 0.5)
        return pt.where(inside, log_betainc(alpha, beta, x, 1.0 - x), pt.where(value >= 1.0, 0.0, -INF))

    @classmethod
    def logccdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        alpha, beta = parameters
        inside = pt.logical_and(value > 0.0, value < 1.0)
        x = pt.where(inside, value, 0.5)
        return pt.where(inside, log_betainc(beta, alpha, 1.0 - x, x), pt.where(value >= 1.0, -INF, 0.0))

    @classmethod
    def icdf(cls, q: Tensor, *parameters: Tensor) -> Tensor:
        return quantile(q, betaincinv(*parameters, q))

    @classmethod
    def draw(cls, key: Tensor, shape: tuple[int, ...], *parameters: Tensor) -> Tensor:
        return pt.random.beta(key, shape, *parameters)

    @classmethod
    def support_point(cls, *parameters: Tensor) -> Tensor:
        alpha, beta = parameters
        return alpha / (alpha + beta)


class Kumaraswamy(Distribution):
    """Kumaraswamy distribution between 0 and 1: like a beta distribution, of a simpler formula.

        f(x) = a * b * x**(a - 1) * (1 - x**a)**(b - 1), for 0 <= x <= 1

    Parameters
    ----------
    a, b
        Shapes, > 0.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     x = pm.Kumaraswamy("x", a=2.0, b=3.0)
    """

    parameters = ("a", "b")
    domains = {"a": positive, "b": positive}
    support = UNIT

    @classmethod
    def arguments(cls, a: Any, b: Any) -> tuple[Any, ...]:
        return a, b

    @classmethod
    def logp(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        a, b = parameters
        low, high = pt.equal(value, 0.0), pt.equal(value, 1.0)
        logarithm = pt.log(inside_of(pt.logical_and(value > 0.0, value < 1.0), value, 0.5))
        left = pt.where(low, zero_to(a - 1.0), pt.where(high, 0.0, (a - 1.0) * logarithm))
        right = pt.where(high, zero_to(b - 1.0), pt.where(low, 0.0, (b - 1.0) * pt.log1mexp(a * logarithm)))
        return where_valid(pt.logical_and(value >= 0.0, value <= 1.0), pt.log(a) + pt.log(b) + left + right)

    @classmethod
    def logcdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        a, b = parameters
        inside = pt.logical_and(value > 0.0, value < 1.0)
        power = a * pt.log(pt.where(inside, value, 0.5))
        # Where the power itself is no number, it is the probability over `b`.
        small = power < -600.0
        found = pt.where(small, pt.log(b) + power, pt.log1mexp(b * pt.log1mexp(pt.where(small, -1.0, power))))
        return pt.where(inside, found, pt.where(value >= 1.0, 0.0, -INF))

    @classmethod
    def logccdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        a, b = parameters
        inside = pt.logical_and(value > 0.0, value < 1.0)
        found = b * pt.log1mexp(a * pt.log(pt.where(inside, value, 0.5)))
        return pt.where(inside, found, pt.where(value >= 1.0, -INF, 0.0))

    @classmethod
    def icdf(cls, q: Tensor, *parameters: Tensor) -> Tensor:
        a, b = parameters
        return quantile(q, pt.exp(pt.log1mexp(pt.log1p(-q) / b) / a))

    @classmethod
    def draw(cls, key: Tensor, shape: tuple[int, ...], *parameters: Tensor) -> Tensor:
        a, b = parameters
        return pt.exp(pt.log1mexp(-pt.random.exponential(key, shape) / b) / a)

    @classmethod
    def support_point(cls, *parameters: Tensor) -> Tensor:
        a, b = parameters
        return pt.clip(b * pt.exp(pt.betaln(1.0 + 1.0 / a, b)), SMALLEST, BELOW_ONE)


class LogitNormal(Distribution):
    """Logit-normal distribution between 0 and 1: of the logistic function of a normal variable.

        f(x) = exp(-(log(x / (1 - x)) - mu)**2 / (2 * sigma**2)) / (x * (1 - x) * sigma * sqrt(2 * pi)),
            for 0 < x < 1

    Parameters
    ----------
    mu, sigma
        Mean and standard deviation (> 0) of the log-odds; 0 and 1 by default.
    tau
        ``1 / sigma**2``: an alternative to `sigma`.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     x = pm.LogitNormal("x", mu=0.0, sigma=1.0)
    """

    parameters = ("mu", "sigma")
    family = Family("mu", "sigma", of_normal=True)
    domains = {"sigma": positive}
    support = UNIT

    @classmethod
    def arguments(cls, mu: Any = 0.0, sigma: Any = None, tau: Any = None) -> tuple[Any, ...]:
        return mu, sigma_of(sigma, tau)

    @classmethod
    def logp(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        inside = pt.logical_and(value > 0.0, value < 1.0)
        x = inside_of(inside, value, 0.5)
        return where_valid(inside, normal_logp(pt.logit(x), *parameters) - pt.log(x) - pt.log1p(-x))

    @classmethod
    def logcdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        mu, sigma = parameters
        inside = pt.logical_and(value > 0.0, value < 1.0)
        found = pt.log_ndtr((pt.logit(pt.where(inside, value, 0.5)) - mu) / sigma)
        return pt.where(inside, found, pt.where(value >= 1.0, 0.0, -INF))

    @classmethod
    def logccdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        mu, sigma = parameters
        inside = pt.logical_and(value > 0.0, value < 1.0)
        found = pt.log_ndtr((mu - pt.logit(pt.where(inside, value, 0.5))) / sigma)
        return pt.where(inside, found, pt.where(value >= 1.0, -INF, 0.0))

    @classmethod
    def icdf(cls, q: Tensor, *parameters: Tensor) -> Tensor:
        mu, sigma = parameters
        return quantile(q, pt.sigmoid(mu + sigma * pt.ndtri(q)))

    @classmethod
    def draw(cls, key: Tensor, shape: tuple[int, ...], *parameters: Tensor) -> Tensor:
        mu, sigma = parameters
        return pt.sigmoid(pt.random.normal(key, shape) * sigma + mu)

    @classmethod
    def support_point(cls, *parameters: Tensor) -> Tensor:
        """The median."""
        return pt.clip(pt.sigmoid(parameters[0]), SMALLEST, BELOW_ONE)
