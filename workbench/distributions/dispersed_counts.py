"""Counts that are more, or less, dispersed than Poisson's and the negative binomial's."""

from __future__ import annotations

from typing import Any

import workbench.tensor as pt
from workbench.distributions.constraints import Check, positive
from workbench.distributions.deviances import deviance, factorial_rest, log_polya_term, log_polya_whole
from workbench.distributions.discrete import Count, summed_log_cdf
from workbench.distributions.formulas import INF
from workbench.distributions.probabilities import real
from workbench.tensor.tensor import Tensor

LARGEST = 1e18
"""A mean of counts that are 64-bit numbers."""


class GeneralizedPoisson(Count):
    """Generalized Poisson distribution: how many there are with all descendants, of Poisson numbers of children.

        f(x) = mu * (mu + lam * x)**(x - 1) * exp(-mu - lam * x) / x!, for x = 0, 1, ...

    The mean is ``mu / (1 - lam)``, the variance ``mu / (1 - lam)**3``; of a negative `lam` nearly.

    Parameters
    ----------
    mu
        Mean number of the first ones, > 0.
    lam
        Mean number of children of each, at most 1. With 0 it is Poisson's distribution. With a negative number, not less than -1 nor
        ``-mu / 4``, variances are smaller than means, and there are no values from ``-mu / lam`` on.

    Notes
    -----
    PyMC-extras' distribution of this name, with its parameters. With a negative `lam` probabilities sum to 1 but for what is cut off (at most 0.005). Source: Consul
    and Famoye, "Generalized Poisson regression model" (1992).

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     x = pm.GeneralizedPoisson("x", mu=4.0, lam=0.3)
    """

    parameters = ("mu", "lam")
    domains = {"mu": positive}

    @classmethod
    def arguments(cls, mu: Any, lam: Any) -> tuple[Any, ...]:
        return mu, lam

    @classmethod
    def checks(cls, *parameters: Tensor) -> list[Check]:
        mu, lam = parameters
        allowed = pt.logical_and(pt.abs(lam) <= 1.0, -0.25 * mu <= lam)
        return [*super().checks(*parameters), (allowed, "lam must be between max(-1, -mu / 4) and 1")]

    @classmethod
    def logp(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        mu, lam = parameters
        x = real(value)
        inside = pt.logical_and(x >= 0.0, mu + lam * x > 0.0)
        k = pt.where(inside, x, 0.0)
        rate = mu + lam * k
        mass = pt.log(mu) - pt.log(rate) - deviance(k, rate) - factorial_rest(k)
        return pt.where(inside, mass, -INF)

    @classmethod
    def logcdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        """Sum of the terms up to `value`."""
        like = cls.logp(value, *parameters).type
        return summed_log_cdf(value, cls.ends(*parameters)[1], lambda k: cls.logp(k, *parameters), like)

    @classmethod
    def draw(cls, key: Tensor, shape: tuple[int, ...], *parameters: Tensor) -> Tensor:
        mu, lam = (pt.broadcast_to(p, shape) for p in parameters)
        first, second = pt.random.split(key, 2)
        fewer = lam < 0.0
        return pt.where(fewer, _by_inversion(second, shape, mu, pt.where(fewer, lam, 0.0)), _by_descent(first, shape, mu, pt.where(fewer, 0.0, lam)))

    @classmethod
    def support_point(cls, *parameters: Tensor) -> Tensor:
        mu, lam = parameters
        return pt.floor(mu / pt.where(lam < 1.0, 1.0 - lam, 1.0))

    @classmethod
    def ends(cls, *parameters: Tensor) -> tuple[Any, Any]:
        mu, lam = parameters
        return 0, pt.where(lam < 0.0, pt.ceil(-mu / pt.where(lam < 0.0, lam, -1.0)) - 1.0, INF)


def _by_descent(key: Tensor, shape: tuple[int, ...], mu: Tensor, lam: Tensor) -> Tensor:
    """A Poisson number, and of each generation the next, until there is none."""
    keys = pt.random.split(key, 2)
    first = pt.random.poisson(keys[0], shape, mu)

    def next_generation(key: Tensor, living: Tensor, total: Tensor) -> list[Tensor]:
        keys = pt.random.split(key, 2)
        children = pt.random.poisson(keys[0], shape, lam * living)
        return [keys[1], children, total + children]

    return pt.while_loop(lambda key, living, total: pt.any(living > 0), next_generation, [keys[1], first, first], names=("key", "living", "total"))[2]


def _by_inversion(key: Tensor, shape: tuple[int, ...], mu: Tensor, lam: Tensor) -> Tensor:
    """The first number whose cumulative probability is not less than a uniform one; `lam` is not positive."""
    u = pt.where(lam < 0.0, pt.random.uniform(key, shape), 0.0)
    last = pt.where(lam < 0.0, GeneralizedPoisson.ends(mu, lam)[1], 0.0)

    def add(k: Tensor, found: Tensor, total: Tensor) -> list[Tensor]:
        found = pt.where(total < u, k, found)
        return [k + 1.0, pt.minimum(found, last), total + pt.exp(GeneralizedPoisson.logp(k, mu, lam))]

    start = [pt.constant(1.0), pt.zeros_like(u), pt.exp(-mu)]
    search = pt.while_loop(lambda k, found, total: pt.any(pt.logical_and(total < u, k <= last)), add, start, names=("k", "found", "total"))
    return pt.cast(search[1], "int64")


class BetaNegativeBinomial(Count):
    """Beta negative binomial distribution: negative binomial with a probability that is beta distributed.

        f(x) = B(r + x, alpha + beta) / B(r, alpha) * Gamma(x + beta) / (x! * Gamma(beta)), for x = 0, 1, ...

    The mean is ``r * beta / (alpha - 1)`` where `alpha` is more than 1, and infinite else.

    Parameters
    ----------
    alpha, beta
        Parameters of the beta distribution of the probability of what is waited for, > 0.
    r
        How many of them are waited for, > 0: `x` counts the others before.

    Notes
    -----
    PyMC-extras' distribution of this name, with its parameters.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     x = pm.BetaNegativeBinomial("x", alpha=3.0, beta=2.0, r=4.0)
    """

    parameters = ("alpha", "beta", "r")
    domains = {"alpha": positive, "beta": positive, "r": positive}

    @classmethod
    def arguments(cls, alpha: Any, beta: Any, r: Any) -> tuple[Any, ...]:
        return alpha, beta, r

    @classmethod
    def logp(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        alpha, beta, r = parameters
        x = real(value)
        k = pt.where(x >= 0.0, x, 0.0)
        # Of that many trials r are what is waited for (beta-binomial), and the last is one of them.
        n, total = r + k, alpha + beta
        share, rest = n / (n + total), total / (n + total)
        trials = log_polya_term(k, beta, share, rest) + log_polya_term(r, alpha, share, rest) - log_polya_whole(n, total)
        return pt.where(x >= 0.0, trials + pt.log(r / n), -INF)

    @classmethod
    def logcdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        """Sum of the terms up to `value`."""
        like = cls.logp(value, *parameters).type
        return summed_log_cdf(value, pt.constant(INF), lambda k: cls.logp(k, *parameters), like)

    @classmethod
    def draw(cls, key: Tensor, shape: tuple[int, ...], *parameters: Tensor) -> Tensor:
        alpha, beta, r = parameters
        first, second, third = (pt.random.split(key, 3)[i] for i in range(3))
        odds = pt.random.gamma(first, shape, beta) / pt.random.gamma(second, shape, alpha)
        return pt.random.negative_binomial(third, shape, pt.minimum(r * odds, LARGEST), r)

    @classmethod
    def support_point(cls, *parameters: Tensor) -> Tensor:
        alpha, beta, r = parameters
        return pt.floor(r * beta / alpha)
