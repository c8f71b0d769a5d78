"""What the formulas of several distributions share: scales, supports, quantiles, normal tails."""

from __future__ import annotations

import math
from typing import Any

import workbench.tensor as pt
from workbench.distributions.distribution import cast_real
from workbench.errors import ModelError
from workbench.tensor.tensor import Tensor

INF = float("inf")
NAN = float("nan")
LOG_ROOT_2PI = 0.5 * math.log(2.0 * math.pi)


def sigma_of(sigma: Any, tau: Any, precision: str = "tau") -> Any:
    """The standard deviation, given as it is or by the precision; 1 by default."""
    if sigma is not None and tau is not None:
        raise ModelError(f"give sigma or {precision}, not both")
    if tau is not None:
        return 1.0 / pt.sqrt(cast_real(tau))
    return 1.0 if sigma is None else sigma


def inside_of(valid: Tensor, value: Tensor, otherwise: Any) -> Tensor:
    """`value` where it is `valid`, else a number at which the formula has finite derivatives.

    What is not taken must have them too: in a mixture, a component that a value cannot come from has a
    weight of zero, and zero times NaN is NaN.
    """
    return pt.where(valid, value, otherwise)


def where_valid(valid: Tensor, logp: Tensor) -> Tensor:
    """`logp` where `valid`, else minus infinity."""
    return pt.where(valid, logp, -INF)


def finite_from(value: Tensor, lower: Any, logp: Tensor) -> Tensor:
    """`logp` from `lower` up, minus infinity below it and at infinity."""
    return pt.where(pt.logical_and(value >= lower, value < INF), logp, -INF)


def zero_to(m: Tensor) -> Tensor:
    """The logarithm of ``0 ** m``."""
    return pt.where(pt.equal(m, 0.0), 0.0, pt.where(m > 0.0, -INF, INF))


def power_log(x: Tensor, m: Tensor) -> Tensor:
    """The logarithm of ``x ** m``, with ``0 ** 0`` as 1 and minus infinity at 0 for any other `m`."""
    zero = pt.equal(x, 0.0)
    return pt.where(zero, pt.where(pt.equal(m, 0.0), 0.0, -INF), m * pt.log(pt.where(zero, 1.0, x)))


def quantile(q: Tensor, formula: Tensor, at_0: Any = None, at_1: Any = None) -> Tensor:
    """A quantile function, NaN outside [0, 1]; its ends where the formula has not got them exactly."""
    for end, value in ((0.0, at_0), (1.0, at_1)):
        if value is not None:
            formula = pt.where(pt.equal(q, end), value, formula)
    return pt.where(pt.logical_and(q >= 0.0, q <= 1.0), formula, NAN)


def normal_logp(value: Tensor, mu: Any, sigma: Tensor) -> Tensor:
    """Log-density of the normal distribution."""
    return -0.5 * ((value - mu) / sigma) ** 2 - math.log(math.sqrt(2.0 * math.pi)) - pt.log(sigma)


def log_ndtr_difference(a: Tensor, b: Tensor) -> Tensor:
    """The log of the standard normal probability between `a` and `b`, as exact in one tail as in the other."""
    right = a > 0.0
    low, high = pt.where(right, -b, a), pt.where(right, -a, b)
    top = pt.log_ndtr(high)
    return top + pt.log1mexp(pt.log_ndtr(low) - top)


def log_mills_difference(u: Tensor, v: Tensor) -> Tensor:
    """Return the log of ``phi(u) * (m(u) - m(v))`` for ``0 <= u <= v``, with Mills' ratio ``m = (1 - Phi) / phi``.

    It is what is left of a normal tail less another one that an exponential factor makes comparable.
    """
    ratio = [pt.erfcx(x / math.sqrt(2.0)) for x in (u, v)]
    # Rounding must not take the difference of nearly equal ratios to 0 or below.
    return pt.log(pt.maximum(ratio[0] - ratio[1], 1e-300)) - 0.5 * u * u - math.log(2.0)


def improper(name: str) -> ModelError:
    """The error of a draw from a density that has no integral."""
    return ModelError(f"{name} is improper: there are no draws from it", "give a proper prior, or observe or fix the variable")
