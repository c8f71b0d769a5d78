"""Logarithms of gamma functions that cancel, without cancellation: as deviances, which are small where the terms are large.

Stirling's formula makes ``lgamma(x + 1)`` the sum of ``x log(x) - x``, which is large, and of a rest that is not. In the
density of counts the large parts of all terms together are a sum of ``D(x, m) = x log(x / m) + m - x``, none of them
negative. Source: C. Loader, "Fast and accurate computation of binomial probabilities" (2000).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import workbench.tensor as pt
from workbench.graph.expr import Constant
from workbench.tensor.tensor import Tensor, as_tensor

LARGE = 1e5
"""Where terms that cancel leave less than ten digits."""


def are_large(*given: Tensor) -> bool:
    """Whether some numbers are so large, for certain, that the plain formulas lose digits."""
    return any(isinstance(x.op, Constant) and x.op.value.size > 0 and bool(np.max(np.abs(x.op.value)) > LARGE) for x in given)


def are_moderate(*given: Tensor) -> bool:
    """Whether all numbers are known, and none of them is large."""
    return all(isinstance(x.op, Constant) for x in given) and not are_large(*given)


def deviance(x: Any, mean: Any) -> Tensor:
    """Return ``x * log(x / mean) + mean - x``, with its digits where `x` is near `mean`; `mean` at 0, and 0 where both are."""
    x, mean = as_tensor(x) * 1.0, as_tensor(mean)
    positive = pt.where(mean > 0.0, mean, 1.0)
    t = (x - mean) / positive
    near = pt.abs(t) < 0.1
    u = pt.where(near, t, 0.0)
    small = u * u + (1.0 + u) * _log1p_less_itself(u)
    some = pt.logical_and(x > 0.0, pt.logical_not(near))
    far = pt.where(some, x, 1.0)
    apart = pt.where(some, far * (pt.log(far) - pt.log(pt.where(x > 0.0, mean, 1.0))), 0.0) + (mean - x)
    return pt.where(near, mean * small, apart)


def _log1p_less_itself(u: Tensor) -> Tensor:
    """Return ``log(1 + u) - u`` up to a tenth, by the series of the inverse hyperbolic tangent."""
    v = u / (2.0 + u)
    w = v * v
    series = 0.0 * w
    for k in (15, 13, 11, 9, 7, 5, 3):
        series = 1.0 / k + w * series
    return 2.0 * v * w * series - u * v


def _stirling(x: Tensor) -> Tensor:
    """The rest of Stirling's formula from 10 on."""
    r = 1.0 / (x * x)
    terms = (1.0 / 12.0, -1.0 / 360.0, 1.0 / 1260.0, -1.0 / 1680.0, 1.0 / 1188.0, -691.0 / 360360.0, 1.0 / 156.0)
    total = 0.0 * r
    for c in reversed(terms):
        total = c + r * total
    return total / x


def factorial_rest(k: Any) -> Tensor:
    """Return ``lgamma(k + 1) - k log(k) + k``; 0 at 0."""
    k = as_tensor(k) * 1.0
    some = k > 0.0
    x = pt.where(some, k, 1.0)
    return pt.where(some, gamma_rest(x) + pt.log(x), 0.0)


def gamma_rest(a: Any) -> Tensor:
    """Return ``lgamma(a) - a log(a) + a``, of positive numbers."""
    a = as_tensor(a)
    large = a >= 10.0
    # Smaller numbers by the tenth after them: vectors of logarithms are faster than the gamma function.
    x = pt.where(large, 10.0, a)
    y = pt.where(large, a, a + 10.0)
    log_y = pt.log(y)
    rest = _stirling(y) + 0.5 * (math.log(2.0 * math.pi) - log_y)
    return rest + pt.where(large, 0.0, y * log_y - pt.log(_next_nine(x)) - (x + 1.0) * pt.log(x) - 10.0)


def _next_nine(x: Tensor) -> Tensor:
    """The product of ``x + 1`` to ``x + 9``."""
    product = x + 1.0
    for i in range(2, 10):
        product = product * (x + float(i))
    return product


def rising_excess(a: Any, x: Any) -> Tensor:
    """Return ``lgamma(a + x) - lgamma(a) - x log(a)``, for counts that are not large and any `a`."""
    a, x = as_tensor(a), as_tensor(x) * 1.0
    small = a < 10.0
    base, log_a = pt.where(small, a + 10.0, a), pt.log(a)
    t = x / base
    near = t < 0.1
    u = pt.where(near, t, 0.0)
    apart = pt.log1p(t)
    curved = base * pt.where(near, _log1p_less_itself(u), apart - t) + (x - 0.5) * apart + (_stirling(base + x) - _stirling(base))
    # From the tenth number after them back to those that are meant.
    first = pt.where(small, a, 1.0)
    some = x > 0.0
    steps = pt.where(some, pt.log(pt.where(some, first + x, 1.0)) - pt.where(small, log_a, 0.0), 0.0)
    steps = steps + pt.log(_next_nine(first + x) / _next_nine(first))
    return curved + pt.where(small, x * (pt.log(base) - log_a) - steps, 0.0)


def log_polya_term(x: Any, a: Any, share: Any, rest: Any) -> Tensor:
    """Return ``lgamma(x + a) - lgamma(x + 1) - lgamma(a) + x log(share) + a log(rest)``; `rest` is ``1 - share``."""
    both = x + a
    return gamma_rest(both) - factorial_rest(x) - gamma_rest(a) - deviance(x, both * share) - deviance(a, both * rest)


def log_polya_whole(n: Any, total: Any) -> Tensor:
    """Return what the terms of all categories have too much, for `n` things and concentrations of sum `total`."""
    return gamma_rest(n + total) - factorial_rest(n) - gamma_rest(total)


def log_binomial_mass(k: Tensor, n: Tensor, p: Any, rest: Any) -> Tensor:
    """Return the log of the binomial probability of `k` of `n`, each with probability `p`, and `rest` is ``1 - p``."""
    return factorial_rest(n) - factorial_rest(k) - factorial_rest(n - k) - deviance(k, n * p) - deviance(n - k, n * rest)
