"""Quantiles by search, of what has a distribution function and no inverse of it, or one that has lost its digits."""

from __future__ import annotations

from collections.abc import Callable

import workbench.tensor as pt
from workbench.tensor.tensor import Tensor

LARGEST = 1.7e308
NARROWEST = 2.0**-30
"""Of the numbers beyond a limit, the first tried is further by this share of the limit."""
MOST_STEPS = 2200
"""More than it takes to go by doubling from the smallest number to the largest, and back by halves."""


def quantile_above(log_below: Callable[[Tensor], Tensor], log_q: Tensor, lower: Tensor, upper: Tensor, wanted: Tensor, discrete: bool) -> Tensor:
    """Return the smallest numbers from `lower` on at which `log_below` is `log_q` or more, to the last digit.

    By doubling the distance from `lower` until one is found, then by halves.

    Parameters
    ----------
    log_below
        The logarithm of a distribution function.
    log_q
        Logarithms of probabilities, of the shape of the result.
    lower, upper
        Where it is; `lower` is finite where it is `wanted`.
    wanted
        Where there is something to find; it is undefined elsewhere.
    discrete
        Whether whole numbers are meant.
    """
    wanted, lower, upper = (pt.broadcast_to(x, log_q.shape) for x in (wanted, pt.cast(lower, "float64"), pt.cast(upper, "float64")))
    begin = pt.where(wanted, lower, 0.0)
    first = begin - 1.0 if discrete else begin
    width = pt.ones_like(begin) if discrete else pt.maximum(pt.abs(begin) * NARROWEST, 1e-300)
    most = pt.minimum(upper, LARGEST)

    def middle(a: Tensor, b: Tensor) -> Tensor:
        between = 0.5 * a + 0.5 * b
        return pt.floor(between) if discrete else between

    def missing(a: Tensor, b: Tensor, closed: Tensor) -> Tensor:
        between = middle(a, b)
        apart = b - a > 1.0 if discrete else pt.logical_and(between > a, between < b)
        return pt.logical_and(wanted, pt.logical_or(pt.logical_not(closed), apart))

    def step(turn: Tensor, a: Tensor, b: Tensor, closed: Tensor) -> list[Tensor]:
        tried = pt.where(closed, middle(a, b), b)
        less = log_below(tried) < log_q
        further = pt.minimum(first + 2.0 * (b - first), most)
        high = pt.where(less, pt.where(closed, b, further), tried)
        return [turn + 1, pt.where(less, tried, a), high, pt.logical_or(closed, pt.logical_not(less))]

    _, _, found, closed = pt.while_loop(
        lambda turn, a, b, closed: pt.logical_and(pt.any(missing(a, b, closed)), turn < MOST_STEPS),
        step, [pt.cast(0, "int64"), first, pt.minimum(first + width, most), pt.full(log_q.shape, False, dtype="bool")], names=("turn", "a", "b", "closed"),
    )  # fmt: skip
    return pt.where(closed, found, float("nan"))
