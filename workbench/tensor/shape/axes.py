"""Numbers of axes as users give them: negative ones count from the end."""

from __future__ import annotations

import operator
from typing import Any

from workbench.errors import ShapeError


def axis_of(what: str, axis: Any, ndim: int) -> int:
    """Return the number of an axis, counted from 0.

    Raises
    ------
    ShapeError
        If there is no such axis.
    """
    try:
        at = operator.index(axis)
    except TypeError:
        raise TypeError(f"{what}: an axis is an integer, not {axis!r}") from None
    if not -ndim <= at < ndim:
        raise ShapeError(
            f"{what}: axis {at} is out of bounds for a tensor of {ndim} dimensions",
            f"axes run from {-ndim} to {ndim - 1}" if ndim else "a scalar has no axes",
        )
    return at % ndim


def axes_of(what: str, axis: Any, ndim: int) -> tuple[int, ...]:
    """Return several axes, counted from 0; all of them for ``None``.

    Raises
    ------
    ShapeError
        If one does not exist, or is given twice.
    """
    if axis is None:
        return tuple(range(ndim))
    given = tuple(axis) if isinstance(axis, (tuple, list)) else (axis,)
    axes = tuple(axis_of(what, a, ndim) for a in given)
    if len(set(axes)) != len(axes):
        raise ShapeError(f"{what}: an axis is given twice in {given}")
    return axes
