"""Axes joined to one and split again, and several tensors in one: PyTensor's `join_dims`, `split_dims`, `pack` and `unpack`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from workbench.errors import ShapeError
from workbench.tensor import shape as _s
from workbench.tensor.shape.joining import concatenate
from workbench.tensor.tensor import Tensor, as_tensor


def join_dims(x: Any, start_axis: int = 0, n_axes: int | None = None) -> Tensor:
    """Return `x` with neighbouring axes joined to one.

    Parameters
    ----------
    x
        A tensor.
    start_axis
        The first of them.
    n_axes
        How many; all from there by default. With 0 an axis of length 1 is put there.

    Raises
    ------
    ShapeError
        If there are not so many.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> join_dims(pt.zeros((2, 3, 4, 5)), start_axis=1, n_axes=2).type.shape
    (2, 12, 5)
    """
    x = as_tensor(x)
    first = _axis("join_dims", start_axis, x.ndim + (n_axes == 0))
    n = x.ndim - first if n_axes is None else int(n_axes)
    if n < 0 or first + n > x.ndim:
        raise ShapeError(f"join_dims: {n} axes from axis {first} on, and the tensor has {x.ndim}")
    lengths = x.shape[first : first + n]
    return _s.reshape(x, (*x.shape[:first], _product(lengths), *x.shape[first + n :]))


def split_dims(x: Any, shape: Any, axis: int = 0) -> Tensor:
    """Return `x` with one axis split into several.

    Parameters
    ----------
    x
        A tensor.
    shape
        The lengths of those, whose product is that of the axis; -1 for one that follows. An empty shape takes away an axis of length 1.
    axis
        The axis.

    Raises
    ------
    ShapeError
        If the lengths do not fit.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> split_dims(pt.zeros((6, 4, 6)), shape=(2, 3), axis=-1).type.shape
    (6, 4, 2, 3)
    """
    x = as_tensor(x)
    at = _axis("split_dims", axis, x.ndim)
    lengths = _lengths(shape)
    return _s.reshape(x, (*x.shape[:at], *lengths, *x.shape[at + 1 :]))


def pack(*tensors: Any, keep_axes: int | Sequence[int] | None = None) -> tuple[Tensor, list[Any]]:
    """Return several tensors as one, and the shapes that :func:`unpack` needs.

    Parameters
    ----------
    tensors
        Tensors, of equal lengths along the axes that are kept.
    keep_axes
        First axes (0, 1, ...), or last ones (-1, -2, ...), that stay; the others are raveled to one. None stays by default.

    Returns
    -------
    packed, shapes
        The tensors joined along the raveled axis, and for each the lengths that were raveled.

    Raises
    ------
    ShapeError
        If the axes are neither the first nor the last, or the tensors do not have them.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> packed, shapes = pack(pt.zeros((2, 3)), pt.zeros(4), 1.0)
    >>> packed.type.shape, shapes
    ((11,), [(2, 3), (4,), ()])
    >>> pack(pt.zeros((5, 3)), pt.zeros((5, 2, 2)), keep_axes=0)[0].type.shape
    (5, 7)
    """
    if not tensors:
        raise ShapeError("pack takes one tensor at least")
    before, after = _kept(keep_axes)
    rows, shapes = [], []
    for x in map(as_tensor, tensors):
        if x.ndim < before + after:
            raise ShapeError(f"pack keeps {before + after} axes, and a tensor has {x.ndim}")
        inner = x.shape[before : x.ndim - after]
        shapes.append(tuple(inner))
        rows.append(_s.reshape(x, (*x.shape[:before], _product(inner), *x.shape[x.ndim - after :])))
    return concatenate(rows, axis=before), shapes


def unpack(packed_input: Any, packed_shapes: Sequence[Any], keep_axes: int | Sequence[int] | None = None) -> list[Tensor]:
    """Return the tensors that :func:`pack` put into one.

    Parameters
    ----------
    packed_input, packed_shapes
        What `pack` returned.
    keep_axes
        What it was given.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> a, b = unpack(pt.arange(5), [(2, 2), ()])
    >>> a.eval().tolist(), int(b.eval())
    ([[0, 1], [2, 3]], 4)
    """
    x = as_tensor(packed_input)
    before, after = _kept(keep_axes)
    if x.ndim != before + after + 1:
        raise ShapeError(f"unpack: the tensor has {x.ndim} axes, and would have {before + after + 1}")
    found, at = [], 0
    for shape in packed_shapes:
        lengths = _lengths(shape)
        end = at + _product(lengths)
        part = x[(*[slice(None)] * before, slice(at, end))]
        found.append(_s.reshape(part, (*x.shape[:before], *lengths, *x.shape[before + 1 :])))
        at = end
    return found


def _axis(what: str, axis: int, ndim: int) -> int:
    if not -ndim <= axis < ndim:
        raise ShapeError(f"{what}: axis {axis} of a tensor with {ndim} axes")
    return axis % ndim


def _kept(axes: Any) -> tuple[int, int]:
    """How many of the first, and of the last, axes stay."""
    given = sorted([] if axes is None else [int(axes)] if np.ndim(axes) == 0 else [int(a) for a in axes])
    after, before = [a for a in given if a < 0], [a for a in given if a >= 0]
    if before != list(range(len(before))) or after != list(range(-len(after), 0)):
        raise ShapeError(f"keep_axes={axes}: the first axes stay (0, 1, ...), or the last (-1, -2, ...)")
    return len(before), len(after)


def _lengths(shape: Any) -> tuple[Any, ...]:
    return tuple(shape) if isinstance(shape, (tuple, list)) or np.ndim(shape) else (shape,)


def _product(lengths: Sequence[Any]) -> Any:
    made: Any = 1
    for n in lengths:
        made = n if isinstance(made, int) and made == 1 else made * n
    return made
