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


def log_ndtr_difference(a: Tensor, b: Tensor, width: Any = None) -> Tensor:
    """The log of the standard normal probability between `a` and `b`, as exact in one tail as in the other; `width` is ``b - a``."""
    return log_ndtr_ratio(a, b, 0.5 * (a + b), b - a if width is None else width, 0.0)


def log_ndtr_ratio(a: Tensor, b: Tensor, middle: Tensor, width: Tensor, z: Any, to_middle: Any = None, to_low: Any = None, to_high: Any = None) -> Tensor:
    """Return the log of the normal probability between two bounds, times ``exp(z**2 / 2)``.

    The squares of `z` and of a bound cancel where both are far in a tail: with the distances of `z` from the bounds and
    from their middle their difference keeps its digits.

    Parameters
    ----------
    a, b, middle, width
        Bounds in standard units, what is half way between, and their distance.
    z
        A number in standard units.
    to_middle, to_low, to_high
        ``z - middle``, ``z - a`` and ``z - b``; computed if not given.
    """
    to_middle, to_low, to_high = (z - x if d is None else d for x, d in ((middle, to_middle), (a, to_low), (b, to_high)))
    # Between close bounds: the density half way, and what its curvature adds.
    square = middle * middle
    narrow = width * (1.0 + pt.abs(middle)) < 1e-2
    w = pt.where(narrow, width, 1e-2) ** 2
    m = pt.where(narrow, square, 0.0)
    curved = pt.log1p(w * ((m - 1.0) / 24.0 + w * (m * (m - 6.0) + 3.0) / 1920.0))
    close = 0.5 * to_middle * (z + middle) - LOG_ROOT_2PI + pt.log(pt.where(narrow, width, 1.0)) + curved
    # In a tail: by the scaled tails of both, the nearer bound's square apart.
    right = a > 0.0
    near, far = pt.where(right, a, -b), pt.where(right, b, -a)
    in_tail = near > 0.0
    close_tail, far_tail = (pt.erfcx(pt.where(in_tail, x, y) / math.sqrt(2.0)) for x, y in ((near, 1.0), (far, 2.0)))
    fall = pt.where(in_tail, -0.5 * width * (near + far), -1.0) + pt.log(far_tail / close_tail)
    from_near = pt.where(right, to_low * (z + a), to_high * (z + b))
    tail = 0.5 * pt.where(in_tail, from_near, 0.0) + pt.log(0.5 * close_tail) + pt.log1mexp(pt.where(narrow, -1.0, fall))
    # Around the centre.
    top = pt.log_ndtr(pt.where(in_tail, 1.0, -near))
    rest = pt.where(pt.logical_or(in_tail, narrow), -1.0, pt.log_ndtr(-far) - top)
    return pt.where(narrow, close, pt.where(in_tail, tail, 0.5 * z * z + top + pt.log1mexp(rest)))


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
