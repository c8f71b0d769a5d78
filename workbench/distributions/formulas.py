"""What the formulas of several distributions share: scales, supports, quantiles, normal tails."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

import workbench.tensor as pt
from workbench.distributions.distribution import cast_real
from workbench.errors import ModelError
from workbench.graph.expr import Constant, Input
from workbench.tensor.tensor import Tensor

INF = float("inf")
NAN = float("nan")
SMALLEST, BELOW_ONE = 2.0**-1022, 1.0 - 2.0**-53
"""The least normal number above 0, and the greatest number below 1."""
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


def finite_else(point: Tensor, otherwise: Tensor) -> Tensor:
    """A point where that is a finite number, else another one."""
    return pt.where(pt.isfinite(point), point, otherwise)


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


def may_be_far(value: Tensor) -> bool:
    """Whether the square of a value may be no number: of an argument, and of constants from 1e100 on.

    Of an expression, such as the exponential of an unconstrained value, rules find the logarithm in real arithmetic; of data it is one.
    """
    return isinstance(value.op, Input) or (isinstance(value.op, Constant) and bool((np.abs(value.op.value) >= 1e100).any()))


def log1p_square(t: Tensor, over: Any, value: Tensor) -> Tensor:
    """The logarithm of ``1 + t**2 / over``, with `over` at most 1e100; also where the square is too large, if that may be at this `value`.

    Many data have the short formula, which is up to five times as fast.
    """
    if not may_be_far(value):
        return pt.log1p(t**2 / over)
    size = pt.abs(t)
    far = size > 1e120
    near = pt.where(far, 0.0, t)
    # One logarithm, of either; the 1 is no part of the greater one.
    found = pt.where(far, 2.0, 1.0) * pt.log1p(pt.where(far, size, near * near / over))
    return pt.where(far, found - pt.log(over), found)


def log1p_squares(z: Tensor, over: Tensor) -> Tensor:
    """The logarithm of 1 + the sum of the squares of vectors `z` divided by `over`, as :func:`log1p_square`."""
    most = pt.stop_gradient(pt.max(pt.abs(z), axis=-1))
    far = most > 1e120
    unit = pt.where(far, most, 1.0)
    squares = pt.sum(pt.square(z / pt.expand_dims(unit, -1)), axis=-1)
    found = pt.where(far, 2.0, 1.0) * pt.log1p(pt.where(far, unit * pt.sqrt(squares), squares / over))
    return pt.where(far, found - pt.log(over), found)


def log_ndtr_difference(a: Tensor, b: Tensor, width: Any = None) -> Tensor:
    """The log of the standard normal probability between `a` and `b`, as exact in one tail as in the other; `width` is ``b - a``."""
    anchor, mass = anchored_log_ndtr(a, b, b - a if width is None else width)
    z = anchor(a, b, 0.0)
    return mass - 0.5 * z * z


def anchored_log_ndtr(a: Tensor, b: Tensor, width: Tensor) -> tuple[Callable[[Any, Any, Any], Tensor], Tensor]:
    """Return a number near the normal probability's mass between two bounds, and the log of that times ``exp(anchor**2 / 2)``.

    The square of the number and that of any other between the bounds cancel where both are far in a tail: they are to be
    subtracted as a product of their sum and their difference.

    Parameters
    ----------
    a, b, width
        Bounds in standard units, and their distance.

    Returns
    -------
    A function that picks the number, of the lower and the upper bound and the centre in any units, and the logarithm.
    """
    # Between close bounds: the density half way, and what its curvature adds.
    middle = 0.5 * (a + b)
    narrow = width * (1.0 + pt.abs(middle)) < 1e-2
    w, m = pt.where(narrow, width, 1e-2) ** 2, pt.where(narrow, middle, 0.0) ** 2
    curved = pt.log1p(w * ((m - 1.0) / 24.0 + w * (m * (m - 6.0) + 3.0) / 1920.0))
    close = pt.log(pt.where(narrow, width, 1.0)) - LOG_ROOT_2PI + curved
    # In a tail: by the scaled tails of both, the nearer bound's square apart.
    right = a > 0.0
    near, far = pt.where(right, a, -b), pt.where(right, b, -a)
    in_tail = near > 0.0
    near_tail, far_tail = (pt.erfcx(pt.where(in_tail, x, y) / math.sqrt(2.0)) for x, y in ((near, 1.0), (far, 2.0)))
    fall = pt.where(in_tail, -0.5 * width * (near + far), -1.0) + pt.log(far_tail / near_tail)
    tail = pt.log(0.5 * near_tail) + pt.log1mexp(pt.where(narrow, -1.0, fall))
    # Around the centre.
    top = pt.log_ndtr(pt.where(in_tail, 1.0, -near))
    rest = pt.where(pt.logical_or(in_tail, narrow), -1.0, pt.log_ndtr(-far) - top)
    mass = pt.where(narrow, close, pt.where(in_tail, tail, top + pt.log1mexp(rest)))

    def anchor(low: Any, high: Any, centre: Any) -> Tensor:
        return pt.where(narrow, 0.5 * (low + high), pt.where(in_tail, pt.where(right, low, high), centre))

    return anchor, mass


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
