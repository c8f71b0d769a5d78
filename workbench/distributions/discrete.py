"""Discrete distributions of numbers: what they share, and those of successes among trials."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import workbench.tensor as pt
from workbench.distributions.constraints import Check, Constraint, not_negative, positive, unit_interval
from workbench.distributions.deviances import (
    are_large,
    are_moderate,
    log_binomial_mass,
    log_polya_term,
    log_polya_whole,
    rising_excess,
)
from workbench.distributions.distribution import DISCRETE, Distribution, cast_real
from workbench.distributions.formulas import INF, quantile
from workbench.distributions.probabilities import log1m_of, log_binomial, log_of, real, times_log, times_log1m
from workbench.errors import ModelError
from workbench.graph.types import TensorType
from workbench.names import answers
from workbench.tensor.special.incomplete import log_betainc
from workbench.tensor.tensor import Tensor

probability_above_zero = Constraint("greater than 0 and at most 1", lambda p: pt.logical_and(p > 0.0, p <= 1.0))


class Count(Distribution):
    """What distributions of whole numbers share."""

    support = DISCRETE
    dtype = "int64"

    @classmethod
    def ends(cls, *parameters: Tensor) -> tuple[Any, Any] | None:
        return (0, INF) if not cls.event_rank else None


def one_given(title: str, **given: Any) -> tuple[str, Any]:
    """Return the one of several arguments that is given, with its name.

    Raises
    ------
    ModelError
        If none is, or more than one.
    """
    found = [(name, x) for name, x in given.items() if x is not None]
    if len(found) != 1:
        raise ModelError(f"{title}: give either {' or '.join(given)}" + (", not both" if found else ""))
    return found[0]


def probability(title: str, p: Any, logit_p: Any) -> Any:
    """The probability, given as it is or by its log-odds."""
    name, value = one_given(title, p=p, logit_p=logit_p)
    return value if name == "p" else pt.sigmoid(cast_real(logit_p))


def summed_log_cdf(value: Tensor, last: Tensor, logp: Callable[[Tensor], Tensor], like: TensorType) -> Tensor:
    """Logarithm of the sum of probabilities from 0 to `value`, term by term; `last` is the end of the support."""
    end = pt.broadcast_to(pt.minimum(pt.floor(real(value)), last), like.shape)

    def add(k: Tensor, total: Tensor) -> list[Tensor]:
        term = pt.broadcast_to(logp(k), like.shape)
        return [k + 1.0, pt.where(k <= end, pt.logaddexp(total, term), total)]

    start = pt.broadcast_to(pt.constant(-INF), like.shape)
    total = pt.while_loop(lambda k, total: pt.any(k <= end), add, [pt.constant(0.0), start], names=("k", "total"))[1]
    # The sum of all may be above 1 by a rounding.
    return pt.where(real(value) >= last, 0.0, pt.minimum(total, 0.0))


class Bernoulli(Count):
    """Bernoulli distribution: 1 with probability `p`, else 0.

        f(x) = p**x * (1 - p)**(1 - x), for x = 0, 1

    Parameters
    ----------
    p
        Probability of 1, between 0 and 1.
    logit_p
        Log-odds of 1: an alternative to `p`, exact in the tails.

    Examples
    --------
    >>> from workbench.transforms.logprob import logp
    >>> float(logp(Bernoulli.dist(logit_p=50.0), 0).eval())
    -50.0
    """

    parameters = ("p",)
    domains = {"p": unit_interval}

    @classmethod
    def arguments(cls, p: Any = None, logit_p: Any = None) -> tuple[Any, ...]:
        return (probability(cls.__name__, p, logit_p),)

    @classmethod
    def logp(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        (p,) = parameters
        mass = pt.where(pt.equal(value, 1), log_of(p), log1m_of(p))
        return pt.where(pt.logical_and(value >= 0, value <= 1), mass, -INF)

    @classmethod
    def logcdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        x = real(value)
        return pt.where(x < 0.0, -INF, pt.where(x < 1.0, log1m_of(parameters[0]), 0.0))

    @classmethod
    def logccdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        x = real(value)
        return pt.where(x < 0.0, 0.0, pt.where(x < 1.0, log_of(parameters[0]), -INF))

    @classmethod
    def icdf(cls, q: Tensor, *parameters: Tensor) -> Tensor:
        return quantile(q, pt.where(q <= 1.0 - parameters[0], 0.0, 1.0))

    @classmethod
    def draw(cls, key: Tensor, shape: tuple[int, ...], *parameters: Tensor) -> Tensor:
        return pt.random.bernoulli(key, shape, parameters[0])

    @classmethod
    def support_point(cls, *parameters: Tensor) -> Tensor:
        return pt.cast(parameters[0] >= 0.5, "int64")

    @classmethod
    def ends(cls, *parameters: Tensor) -> tuple[Any, Any]:
        return 0, 1


class Binomial(Count):
    """Binomial distribution: how many of `n` trials succeed.

        f(x) = C(n, x) * p**x * (1 - p)**(n - x), for x = 0, 1, ..., n

    Parameters
    ----------
    n
        Number of trials, >= 0.
    p
        Probability of success, between 0 and 1.
    logit_p
        Log-odds of success: an alternative to `p`, exact in the tails.

    Examples
    --------
    >>> from workbench.transforms.logprob import logp
    >>> round(float(logp(Binomial.dist(n=4, p=0.5), 2).eval()), 6)  # 6 / 16
    -0.980829
    """

    parameters = ("n", "p")
    domains = {"n": not_negative, "p": unit_interval}

    @classmethod
    def arguments(cls, n: Any, p: Any = None, logit_p: Any = None) -> tuple[Any, ...]:
        return n, probability(cls.__name__, p, logit_p)

    @classmethod
    def logp(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        n, p = parameters
        inside = pt.logical_and(value >= 0, value <= n)
        k = pt.where(inside, value, 0.0)
        large = are_large(n, value)
        mass = log_binomial_mass(k, n, p, 1.0 - p) if large else log_binomial(n, k) + times_log(k, p) + times_log1m(n - k, p)
        return pt.where(inside, mass, -INF)

    @classmethod
    def logcdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        return _binomial_tail(value, *parameters)[0]

    @classmethod
    def logccdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        return _binomial_tail(value, *parameters)[1]

    @classmethod
    def draw(cls, key: Tensor, shape: tuple[int, ...], *parameters: Tensor) -> Tensor:
        return pt.random.binomial(key, shape, *parameters)

    @classmethod
    def support_point(cls, *parameters: Tensor) -> Tensor:
        n, p = parameters
        return pt.rint(n * p)

    @classmethod
    def ends(cls, *parameters: Tensor) -> tuple[Any, Any]:
        return 0, parameters[0]


def _binomial_tail(value: Tensor, n: Tensor, p: Tensor) -> tuple[Tensor, Tensor]:
    """Logarithms of the probabilities of at most `value`, and of more."""
    k = pt.floor(real(value))
    inside = pt.logical_and(k >= 0.0, k < n)
    k = pt.where(inside, k, 0.0)
    rest = pt.where(inside, n - k, 1.0)
    before = real(value) < 0.0
    below = pt.where(inside, log_betainc(rest, k + 1.0, 1.0 - p, p), pt.where(before, -INF, 0.0))
    above = pt.where(inside, log_betainc(k + 1.0, rest, p, 1.0 - p), pt.where(before, 0.0, -INF))
    return below, above


class BetaBinomial(Count):
    """Beta-binomial distribution: binomial with a probability that is beta distributed.

        f(x) = C(n, x) * B(x + alpha, n - x + beta) / B(alpha, beta), for x = 0, 1, ..., n

    Parameters
    ----------
    alpha, beta
        Parameters of the beta distribution, > 0.
    n
        Number of trials, >= 0.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     x = pm.BetaBinomial("x", alpha=2.0, beta=5.0, n=10)
    """

    parameters = ("n", "alpha", "beta")
    domains = {"n": not_negative, "alpha": positive, "beta": positive}

    @classmethod
    def arguments(cls, alpha: Any, beta: Any, n: Any) -> tuple[Any, ...]:
        return n, alpha, beta

    @classmethod
    def logp(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        n, alpha, beta = parameters
        inside = pt.logical_and(value >= 0, value <= n)
        k = pt.where(inside, value, 0.0)
        total = alpha + beta
        if are_moderate(n, value):
            log_total = pt.log(total)
            terms = [x * (pt.log(a) - log_total) + rising_excess(a, x) for x, a in ((k, alpha), (n - k, beta))]
            mass = log_binomial(n, k) + terms[0] + terms[1] - rising_excess(total, n)
        else:
            share, rest = n / (n + total), total / (n + total)
            terms = [log_polya_term(x, a, share, rest) for x, a in ((k, alpha), (n - k, beta))]
            mass = terms[0] + terms[1] - log_polya_whole(n, total)
        return pt.where(inside, mass, -INF)

    @classmethod
    def logcdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        like = cls.logp(value, *parameters).type
        return summed_log_cdf(value, parameters[0], lambda k: cls.logp(k, *parameters), like)

    @classmethod
    def logccdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        """More than so many successes are fewer than the rest of failures."""
        n, alpha, beta = parameters
        return cls.logcdf(n - pt.floor(real(value)) - 1.0, n, beta, alpha)

    @classmethod
    def draw(cls, key: Tensor, shape: tuple[int, ...], *parameters: Tensor) -> Tensor:
        n, alpha, beta = parameters
        keys = pt.random.split(key, 2)
        return pt.random.binomial(keys[1], shape, n, pt.random.beta(keys[0], shape, alpha, beta))

    @classmethod
    def support_point(cls, *parameters: Tensor) -> Tensor:
        n, alpha, beta = parameters
        return pt.rint(n * alpha / (alpha + beta))

    @classmethod
    def ends(cls, *parameters: Tensor) -> tuple[Any, Any]:
        return 0, parameters[0]


class Geometric(Count):
    """Geometric distribution: how many trials there are up to the first success.

        f(x) = p * (1 - p)**(x - 1), for x = 1, 2, ...

    Parameters
    ----------
    p
        Probability of success, > 0 and <= 1.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     x = pm.Geometric("x", p=0.2)
    """

    parameters = ("p",)
    domains = {"p": probability_above_zero}

    @classmethod
    def arguments(cls, p: Any) -> tuple[Any, ...]:
        return (p,)

    @classmethod
    def logp(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        (p,) = parameters
        failures = pt.where(value >= 1, value - 1.0, 0.0)
        return pt.where(value >= 1, times_log1m(failures, p) + times_log(1.0, p), -INF)

    @classmethod
    def logcdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        above = cls.logccdf(value, *parameters)
        return pt.where(real(value) < 1.0, -INF, pt.log1mexp(above))

    @classmethod
    def logccdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        return times_log1m(pt.maximum(pt.floor(real(value)), 0.0), parameters[0])

    @classmethod
    def icdf(cls, q: Tensor, *parameters: Tensor) -> Tensor:
        (p,) = parameters
        found = pt.ceil(pt.log1p(-q) / pt.log1p(-p))
        # Rounding may have led one too far.
        before = -pt.expm1((found - 1.0) * pt.log1p(-p))
        found = pt.where(pt.logical_and(before >= q, found > 1.0), found - 1.0, found)
        return quantile(q, found)

    @classmethod
    def draw(cls, key: Tensor, shape: tuple[int, ...], *parameters: Tensor) -> Tensor:
        return pt.random.geometric(key, shape, parameters[0])

    @classmethod
    def support_point(cls, *parameters: Tensor) -> Tensor:
        return pt.rint(1.0 / parameters[0])


class HyperGeometric(Count):
    """Hypergeometric distribution: how many of `n` things drawn without putting back are among the `k` good of `N`.

        f(x) = C(k, x) * C(N - k, n - x) / C(N, n), for x = max(0, n - N + k), ..., min(k, n)

    Parameters
    ----------
    N
        How many things there are.
    k
        How many of them are good, between 0 and `N`.
    n
        How many are drawn, between 0 and `N`.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     x = pm.HyperGeometric("x", N=50, k=10, n=5)
    """

    parameters = ("N", "k", "n")
    domains = {"N": not_negative, "k": not_negative, "n": not_negative}

    @classmethod
    def arguments(cls, N: Any, k: Any, n: Any) -> tuple[Any, ...]:
        return N, k, n

    @classmethod
    def checks(cls, *parameters: Tensor) -> list[Check]:
        total, good, drawn = parameters
        return [*super().checks(*parameters), (good <= total, "k must be at most N"), (drawn <= total, "n must be at most N")]

    @classmethod
    def ends(cls, *parameters: Tensor) -> tuple[Tensor, Tensor]:
        total, good, drawn = parameters
        return pt.maximum(drawn - (total - good), 0.0), pt.minimum(good, drawn)

    @classmethod
    def logp(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        total, good, drawn = parameters
        least, most = cls.ends(*parameters)
        inside = pt.logical_and(value >= least, value <= most)
        x = pt.where(inside, value, least)
        # As the probabilities of three binomial distributions, whatever their common probability.
        share, rest = drawn / total, (total - drawn) / total
        parts = ((x, good), (drawn - x, total - good), (drawn, total))
        first, second, whole = (log_binomial_mass(k, n, share, rest) for k, n in parts)
        mass = first + second - whole
        return pt.where(inside, mass, -INF)

    @classmethod
    def logcdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        like = cls.logp(value, *parameters).type
        return summed_log_cdf(value, cls.ends(*parameters)[1], lambda k: cls.logp(k, *parameters), like)

    @classmethod
    def logccdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        """More than so many good things are fewer than the rest of bad ones."""
        total, good, drawn = parameters
        return cls.logcdf(drawn - pt.floor(real(value)) - 1.0, total, total - good, drawn)

    @classmethod
    def draw(cls, key: Tensor, shape: tuple[int, ...], *parameters: Tensor) -> Tensor:
        total, good, drawn = parameters
        return pt.random.hypergeometric(key, shape, good, total - good, drawn)

    @classmethod
    def support_point(cls, *parameters: Tensor) -> Tensor:
        total, good, drawn = parameters
        return pt.floor(drawn * good / total)


__getattr__ = answers(__name__)
