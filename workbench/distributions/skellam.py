"""The difference of two Poisson variables."""

from __future__ import annotations

import functools
import math
from fractions import Fraction
from typing import Any

import numpy as np

import workbench.tensor as pt
from workbench.distributions.constraints import not_negative
from workbench.distributions.deviances import deviance
from workbench.distributions.discrete import Count
from workbench.distributions.formulas import INF
from workbench.distributions.probabilities import real, times_log
from workbench.tensor.tensor import Tensor

FAR = 60.0
"""From where on the asymptotic series has all digits; before it so many terms of the power series have."""
TERMS_NEAR, TERMS_FAR = 77, 9


class Skellam(Count):
    """Skellam distribution: the difference of two Poisson variables.

        f(x) = exp(-mu1 - mu2) * (mu1 / mu2)**(x / 2) * iv(abs(x), 2 * sqrt(mu1 * mu2)), for any x

    Whole numbers, also negative ones; `iv` is the modified Bessel function of the first kind. The mean is ``mu1 - mu2``, the variance ``mu1 + mu2``.

    Parameters
    ----------
    mu1
        Mean of the variable that is counted, >= 0.
    mu2
        Mean of the variable that is taken away, >= 0.

    Notes
    -----
    PyMC-extras' distribution of this name. Here it keeps its digits where a Bessel function is 0 or infinite in floating point. Cumulative probabilities
    are sums of terms from the value outwards, of some tens of standard deviations.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     home, away = pm.HalfNormal("home"), pm.HalfNormal("away")
    ...     goals = pm.Skellam("goals", mu1=home, mu2=away, observed=[1, 0, -2])
    """

    parameters = ("mu1", "mu2")
    domains = {"mu1": not_negative, "mu2": not_negative}

    @classmethod
    def arguments(cls, mu1: Any, mu2: Any) -> tuple[Any, ...]:
        return mu1, mu2

    @classmethod
    def ends(cls, *parameters: Tensor) -> tuple[Any, Any]:
        return -INF, INF

    @classmethod
    def logp(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        mu1, mu2 = parameters
        x, product = real(value), mu1 * mu2
        k, ahead = pt.abs(x), x >= 0.0
        more, less = pt.where(ahead, mu1, mu2), pt.where(ahead, mu2, mu1)
        r = pt.sqrt(pt.square(k) + 4.0 * product)
        far = r >= FAR
        # The most probable numbers of both whose difference is x: what is left is how far they are from the means.
        safe = pt.where(far, r, FAR)
        many = 0.5 * (pt.where(far, k, FAR) + safe)
        few = pt.where(far, product, 0.0) / many
        apart = -deviance(many, more) - deviance(few, less) - 0.5 * pt.log(2.0 * math.pi * safe) + pt.log(_asymptotic(pt.where(far, k, FAR), safe))
        together = times_log(k, more) - pt.gammaln(k + 1.0) - mu1 - mu2 + pt.log(_power_series(k, pt.where(far, 0.0, product)))
        return pt.where(far, apart, together)

    @classmethod
    def logcdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        mu1, mu2 = parameters
        x = pt.floor(real(value))
        low = x <= mu1 - mu2
        # Away from the mean terms decrease: the sum of the smaller tail.
        tail = _log_tail(pt.where(low, x, x + 1.0), pt.where(low, -1.0, 1.0), lambda k: cls.logp(k, *parameters))
        return pt.where(low, tail, pt.log1mexp(pt.minimum(tail, 0.0)))

    @classmethod
    def logccdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        """More than `value` is less than ``-value`` of the difference turned round."""
        mu1, mu2 = parameters
        return cls.logcdf(-pt.floor(real(value)) - 1.0, mu2, mu1)

    @classmethod
    def draw(cls, key: Tensor, shape: tuple[int, ...], *parameters: Tensor) -> Tensor:
        first, second = pt.random.split(key, 2)
        return pt.random.poisson(first, shape, parameters[0]) - pt.random.poisson(second, shape, parameters[1])

    @classmethod
    def support_point(cls, *parameters: Tensor) -> Tensor:
        mu1, mu2 = parameters
        return pt.floor(mu1) - pt.floor(mu2)


def _log_tail(start: Tensor, step: Tensor, logp: Any) -> Tensor:
    """Logarithm of the sum of terms from `start` in steps of 1 or -1, until they add nothing."""
    first = logp(start)

    def add(k: Tensor, term: Tensor, total: Tensor) -> list[Tensor]:
        k = k + step
        new = logp(k)
        return [k, new, pt.logaddexp(total, new)]

    begin = pt.broadcast_to(start, first.type.shape)
    return pt.while_loop(lambda k, term, total: pt.any(term > total - 40.0), add, [begin, first, first], names=("k", "term", "total"))[2]


def _power_series(k: Tensor, q: Tensor) -> Tensor:
    """The sum of ``k! q**j / (j! (k + j)!)``: the Bessel function over its first term (Abramowitz and Stegun 9.6.10)."""
    j = np.arange(1.0, TERMS_NEAR)
    k, some = pt.expand_dims(k, -1), q > 0.0
    # Of data this is a table that is computed once.
    coefficients = pt.gammaln(k + 1.0) - pt.gammaln(k + j + 1.0) - np.array([math.lgamma(i + 1.0) for i in j])
    log_q = pt.expand_dims(pt.log(pt.where(some, q, 1.0)), -1)
    following = pt.sum(pt.exp((j - 1.0) * log_q + coefficients), axis=-1)
    return 1.0 + q * pt.where(some, following, 1.0 / (pt.squeeze(k, -1) + 1.0))


def _asymptotic(k: Tensor, r: Tensor) -> Tensor:
    """Debye's series of order `k` at ``r = sqrt(k**2 + z**2)``, which holds for all orders where r is large (Abramowitz and Stegun 9.7.7)."""
    t2, total = pt.square(k / r), 0.0 * r
    for polynomial in reversed(_debye(TERMS_FAR)):
        value = 0.0 * r
        for c in reversed(polynomial):
            value = c + t2 * value
        total = value + total / r
    return total


@functools.lru_cache
def _debye(count: int) -> tuple[tuple[float, ...], ...]:
    """Coefficients of ``U_n(t) / t**n`` by powers of ``t**2`` (Abramowitz and Stegun 9.3.10)."""
    u = {0: Fraction(1)}
    found = []
    for n in range(count):
        found.append(tuple(float(u.get(n + 2 * i, 0)) for i in range(n + 1)))
        new: dict[int, Fraction] = {}
        for p, c in u.items():
            # t**2 (1 - t**2) u' / 2 and the integral of (1 - 5 t**2) u / 8.
            for power, part in ((p + 1, c * p / 2 + c / (8 * (p + 1))), (p + 3, -c * p / 2 - 5 * c / (8 * (p + 3)))):
                new[power] = new.get(power, Fraction(0)) + part
        u = new
    return tuple(found)
