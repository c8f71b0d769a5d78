"""Distributions with a probability of their own at zero: zero-inflated ones and hurdles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

import workbench.tensor as pt
from workbench.distributions.constraints import Check, unit_interval
from workbench.distributions.discrete import Binomial, Count
from workbench.distributions.distribution import REAL, Distribution
from workbench.distributions.gamma_family import Gamma
from workbench.distributions.poisson_family import NegativeBinomial, Poisson
from workbench.distributions.positive import LogNormal
from workbench.distributions.probabilities import log1m_of, log_of, real
from workbench.tensor.tensor import Tensor

INF = float("inf")


class AtZero(Distribution):
    """What zero-inflated distributions and hurdles share: another distribution, and its probability `psi`.

    Attributes
    ----------
    inside
        The other distribution: with probability `psi` a value comes from there.
    """

    inside: ClassVar[type[Distribution]]

    @classmethod
    def checks(cls, *parameters: Tensor) -> list[Check]:
        psi, *inner = parameters
        return [(unit_interval.holds(psi), f"psi must be {unit_interval.text}"), *cls.inside.checks(*inner)]


class ZeroInflated(AtZero, Count):
    """With probability ``1 - psi`` zero, else a draw of `inside`, which may be zero too."""

    @classmethod
    def logp(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        psi, *inner = parameters
        mass = log_of(psi) + cls.inside.logp(value, *inner)
        return pt.where(pt.equal(value, 0), pt.logaddexp(log1m_of(psi), mass), mass)

    @classmethod
    def logcdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        psi, *inner = parameters
        both = pt.logaddexp(log1m_of(psi), log_of(psi) + cls.inside.logcdf(value, *inner))
        # The sum may be above 1 by a rounding.
        return pt.where(real(value) < 0.0, -INF, pt.minimum(both, 0.0))

    @classmethod
    def logccdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        psi, *inner = parameters
        return pt.where(real(value) < 0.0, 0.0, log_of(psi) + cls.inside.logccdf(value, *inner))

    @classmethod
    def draw(cls, key: Tensor, shape: tuple[int, ...], *parameters: Tensor) -> Tensor:
        psi, *inner = parameters
        keys = pt.random.split(key, 2)
        return pt.random.bernoulli(keys[0], shape, psi) * cls.inside.draw(keys[1], shape, *inner)

    @classmethod
    def support_point(cls, *parameters: Tensor) -> Tensor:
        psi, *inner = parameters
        return pt.rint(psi * cls.inside.support_point(*inner))


class ZeroInflatedPoisson(ZeroInflated):
    """Zero-inflated Poisson distribution: zero with probability ``1 - psi``, else Poisson.

        f(x) = psi * mu**x * exp(-mu) / x! + (1 - psi) * (x == 0), for x = 0, 1, ...

    Parameters
    ----------
    psi
        Probability of the Poisson part, between 0 and 1.
    mu
        Mean of the Poisson part, >= 0.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     x = pm.ZeroInflatedPoisson("x", psi=0.8, mu=3.0)
    """

    inside = Poisson
    parameters = ("psi", "mu")

    @classmethod
    def arguments(cls, psi: Any, mu: Any) -> tuple[Any, ...]:
        return psi, *Poisson.arguments(mu)


class ZeroInflatedBinomial(ZeroInflated):
    """Zero-inflated binomial distribution: zero with probability ``1 - psi``, else binomial.

        f(x) = psi * C(n, x) * p**x * (1 - p)**(n - x) + (1 - psi) * (x == 0), for x = 0, 1, ..., n

    Parameters
    ----------
    psi
        Probability of the binomial part, between 0 and 1.
    n
        Number of trials, >= 0.
    p
        Probability of success, between 0 and 1.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     x = pm.ZeroInflatedBinomial("x", psi=0.8, n=10, p=0.3)
    """

    inside = Binomial
    parameters = ("psi", "n", "p")

    @classmethod
    def arguments(cls, psi: Any, n: Any, p: Any) -> tuple[Any, ...]:
        return psi, *Binomial.arguments(n, p)

    @classmethod
    def ends(cls, *parameters: Tensor) -> tuple[Any, Any]:
        return 0, parameters[1]


class ZeroInflatedNegativeBinomial(ZeroInflated):
    """Zero-inflated negative binomial distribution: zero with probability ``1 - psi``, else negative binomial.

        f(x) = psi * C(x + alpha - 1, x) * r**alpha * (1 - r)**x + (1 - psi) * (x == 0),
            with r = alpha / (mu + alpha), for x = 0, 1, ...

    Parameters
    ----------
    psi
        Probability of the negative binomial part, between 0 and 1.
    mu, alpha, n, p
        As of `NegativeBinomial`.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     x = pm.ZeroInflatedNegativeBinomial("x", psi=0.8, mu=3.0, alpha=2.0)
    """

    inside = NegativeBinomial
    parameters = ("psi", "mu", "alpha")

    @classmethod
    def arguments(cls, psi: Any, mu: Any = None, alpha: Any = None, p: Any = None, n: Any = None) -> tuple[Any, ...]:
        return psi, *NegativeBinomial.arguments(mu, alpha, p, n)


class Hurdle(AtZero):
    """With probability ``1 - psi`` zero, else a draw of `inside` that is positive."""

    @classmethod
    def is_mixed(cls) -> bool:
        return np.dtype(cls.dtype).kind == "f"

    @classmethod
    def _log_positive(cls, *inner: Tensor) -> Tensor | None:
        """Logarithm of the probability that `inside` is positive, where it may be zero."""
        return None

    @classmethod
    def logp(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        psi, *inner = parameters
        density = log_of(psi) + cls.inside.logp(pt.where(value > 0, value, 1), *inner)
        scale = cls._log_positive(*inner)
        density = density if scale is None else density - scale
        zero = pt.where(pt.equal(value, 0), log1m_of(psi), -INF)
        return pt.where(value > 0, density, zero)

    @classmethod
    def logcdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        psi, *inner = parameters
        x = real(value)
        if cls.is_mixed():
            below = cls.inside.logcdf(pt.where(x > 0.0, x, 1.0), *inner)
            found = pt.logaddexp(log1m_of(psi), log_of(psi) + pt.where(x > 0.0, below, -INF))
        else:
            found = pt.log1mexp(cls.logccdf(value, *parameters))
        return pt.where(x < 0.0, -INF, found)

    @classmethod
    def logccdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        psi, *inner = parameters
        x = real(value)
        above = cls.inside.logccdf(pt.where(x > 0.0, x, 1.0), *inner)
        scale = cls._log_positive(*inner)
        above = pt.where(x > 0.0, above if scale is None else above - scale, 0.0)
        return pt.where(x < 0.0, 0.0, log_of(psi) + above)

    @classmethod
    def _positive(cls, key: Tensor, shape: tuple[int, ...], inner: Sequence[Tensor]) -> Tensor:
        """A draw of `inside` that is positive."""
        return cls.inside.draw(key, shape, *inner)

    @classmethod
    def draw(cls, key: Tensor, shape: tuple[int, ...], *parameters: Tensor) -> Tensor:
        psi, *inner = parameters
        keys = pt.random.split(key, 2)
        drawn = cls._positive(keys[1], shape, inner)
        return pt.where(pt.equal(pt.random.bernoulli(keys[0], shape, psi), 1), drawn, pt.zeros_like(drawn))

    @classmethod
    def support_point(cls, *parameters: Tensor) -> Tensor:
        psi, *inner = parameters
        return psi * cls.inside.support_point(*inner)


class CountHurdle(Hurdle, Count):
    """A hurdle before counts: those of `inside` that are not zero."""

    @classmethod
    def support_point(cls, *parameters: Tensor) -> Tensor:
        psi, *inner = parameters
        point = cls.inside.support_point(*inner)
        return pt.rint(psi * pt.where(point >= 1.0, point, 2.0))


class HurdlePoisson(CountHurdle):
    """Hurdle Poisson distribution: zero with probability ``1 - psi``, else Poisson without its zeros.

        f(x) = psi * mu**x * exp(-mu) / (x! * (1 - exp(-mu))), for x = 1, 2, ...; P(x = 0) = 1 - psi

    Parameters
    ----------
    psi
        Probability of more than zero, between 0 and 1.
    mu
        Mean of the Poisson distribution, >= 0.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     x = pm.HurdlePoisson("x", psi=0.8, mu=3.0)
    """

    inside = Poisson
    parameters = ("psi", "mu")

    @classmethod
    def arguments(cls, psi: Any, mu: Any) -> tuple[Any, ...]:
        return psi, *Poisson.arguments(mu)

    @classmethod
    def _log_positive(cls, *inner: Tensor) -> Tensor | None:
        return pt.log1mexp(-inner[0])

    @classmethod
    def _positive(cls, key: Tensor, shape: tuple[int, ...], inner: Sequence[Tensor]) -> Tensor:
        # The first event of a process of rate 1 comes before mu; the others are Poisson after it.
        (mu,) = inner
        keys = pt.random.split(key, 2)
        first = -pt.log1p(pt.random.uniform(keys[0], shape) * pt.expm1(-mu))
        return 1 + pt.random.poisson(keys[1], shape, pt.maximum(mu - first, 0.0))


class HurdleNegativeBinomial(CountHurdle):
    """Hurdle negative binomial distribution: zero with probability ``1 - psi``, else negative binomial without its zeros.

        f(x) = psi * C(x + alpha - 1, x) * r**alpha * (1 - r)**x / (1 - r**alpha), with r = alpha / (mu + alpha),
            for x = 1, 2, ...; P(x = 0) = 1 - psi

    Parameters
    ----------
    psi
        Probability of more than zero, between 0 and 1.
    mu, alpha, n, p
        As of `NegativeBinomial`.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     x = pm.HurdleNegativeBinomial("x", psi=0.8, mu=3.0, alpha=2.0)
    """

    inside = NegativeBinomial
    parameters = ("psi", "mu", "alpha")

    @classmethod
    def arguments(cls, psi: Any, mu: Any = None, alpha: Any = None, p: Any = None, n: Any = None) -> tuple[Any, ...]:
        return psi, *NegativeBinomial.arguments(mu, alpha, p, n)

    @classmethod
    def _log_positive(cls, *inner: Tensor) -> Tensor | None:
        mu, alpha = inner
        return pt.log1mexp(-alpha * pt.log1p(mu / alpha))

    @classmethod
    def _positive(cls, key: Tensor, shape: tuple[int, ...], inner: Sequence[Tensor]) -> Tensor:
        # Events of a process over [0, 1] whose rate is gamma distributed, of shape alpha and mean mu:
        # the first is at `first`; after it, the rate is Gamma(alpha + 1, c + first).
        mu, alpha = inner
        keys = pt.random.split(key, 3)
        c = alpha / mu
        none = pt.expm1(-alpha * pt.log1p(mu / alpha))
        first = pt.minimum(c * pt.expm1(-pt.log1p(pt.random.uniform(keys[0], shape) * none) / alpha), 1.0)
        rate = pt.random.gamma(keys[1], shape, alpha + 1.0) / (c + first)
        return 1 + pt.random.poisson(keys[2], shape, rate * (1.0 - first))


class HurdleGamma(Hurdle):
    """Hurdle gamma distribution: zero with probability ``1 - psi``, else gamma.

        f(x) = psi * beta**alpha * x**(alpha - 1) * exp(-beta * x) / Gamma(alpha), for x > 0; P(x = 0) = 1 - psi

    Parameters
    ----------
    psi
        Probability of more than zero, between 0 and 1.
    alpha, beta, mu, sigma
        As of `Gamma`.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     x = pm.HurdleGamma("x", psi=0.8, alpha=2.0, beta=1.0)
    """

    inside = Gamma
    support = REAL
    parameters = ("psi", "alpha", "beta")

    @classmethod
    def arguments(cls, psi: Any, alpha: Any = None, beta: Any = None, mu: Any = None, sigma: Any = None) -> tuple[Any, ...]:
        return psi, *Gamma.arguments(alpha=alpha, beta=beta, mu=mu, sigma=sigma)


class HurdleLogNormal(Hurdle):
    """Hurdle log-normal distribution: zero with probability ``1 - psi``, else log-normal.

        f(x) = psi * exp(-(log(x) - mu)**2 / (2 * sigma**2)) / (x * sigma * sqrt(2 * pi)), for x > 0;
            P(x = 0) = 1 - psi

    Parameters
    ----------
    psi
        Probability of more than zero, between 0 and 1.
    mu, sigma, tau
        As of `LogNormal`.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     x = pm.HurdleLogNormal("x", psi=0.8, mu=0.0, sigma=1.0)
    """

    inside = LogNormal
    support = REAL
    parameters = ("psi", "mu", "sigma")

    @classmethod
    def arguments(cls, psi: Any, mu: Any = 0.0, sigma: Any = None, tau: Any = None) -> tuple[Any, ...]:
        return psi, *LogNormal.arguments(mu=mu, sigma=sigma, tau=tau)
