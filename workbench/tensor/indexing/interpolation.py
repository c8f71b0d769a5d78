"""Functions through given points: PyTensor's `interpolate1d` and `interp`'s kin."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from workbench.errors import ArgumentError, ShapeError
from workbench.tensor import elementwise as _e
from workbench.tensor.sorting.sorting import argsort, searchsorted
from workbench.tensor.tensor import Tensor, as_tensor

METHODS = ("linear", "nearest", "first", "last", "mean")


def interpolate1d(
    x: Any, y: Any, method: str = "linear", left_pad: Any = None, right_pad: Any = None, extrapolate: bool = True
) -> Callable[[Any], Tensor]:
    """Return a function through the points (x, y).

    Parameters
    ----------
    x, y
        Vectors of one length, two points at least; `x` need not be sorted.
    method
        Between two points: "linear"; "nearest", the value of the nearer point, of the left one in the middle; "first" and "last", that of the left and of
        the right point; "mean", their mean.
    left_pad, right_pad
        Values left of all points and right of them, where it is not extrapolated; those of the first and last point by default.
    extrapolate
        Whether the outer pieces go on.

    Returns
    -------
    From a tensor to one of its shape; its gradient is that of the piece.

    Raises
    ------
    ArgumentError, ShapeError
        If there is no such method, or the points are no vectors of one length.

    Examples
    --------
    >>> f = interpolate1d([0.0, 1.0, 3.0], [0.0, 10.0, 20.0])
    >>> f([0.5, 2.0, 4.0]).eval().tolist()
    [5.0, 15.0, 25.0]
    """
    if method not in METHODS:
        raise ArgumentError(f"interpolate1d: method={method!r}", f"one of {', '.join(METHODS)}")
    x, y = as_tensor(x), as_tensor(y)
    if x.ndim != 1 or y.ndim != 1:
        raise ShapeError(f"interpolate1d takes two vectors, not tensors of shapes {x.type.shape} and {y.type.shape}")
    n = x.type.shape[0]
    if isinstance(n, int) and n < 2:
        raise ShapeError(f"interpolate1d takes two points at least, got {n}")
    order = argsort(x)
    x, y = _e.cast(x, "float64")[order], _e.cast(y, "float64")[order]

    def interpolated(at: Any) -> Tensor:
        at = _e.cast(as_tensor(at), "float64")
        after = searchsorted(x, at, side="left")
        last = x.shape[0] - 1
        if method in ("first", "last"):
            found = y[_e.clip(after - (method == "first"), 0, last)]
            return found if extrapolate else padded(at, found)
        right = _e.clip(after, 1, last)
        left = right - 1
        x0, x1, y0, y1 = x[left], x[right], y[left], y[right]
        if method == "linear":
            found = y0 + (at - x0) * (y1 - y0) / (x1 - x0)
        elif method == "nearest":
            found = _e.where(at - x0 <= x1 - at, y0, y1)
        else:
            found = 0.5 * (y0 + y1)
        return found if extrapolate else padded(at, found)

    def padded(at: Tensor, found: Tensor) -> Tensor:
        # At the first point the value is its own, whatever stands left of it.
        low = _e.where(at <= x[0], y[0], found) if left_pad is None else _e.where(at < x[0], left_pad, found)
        return _e.where(at > x[-1], y[-1] if right_pad is None else right_pad, low)

    return interpolated


__all__ = ["interpolate1d"]
