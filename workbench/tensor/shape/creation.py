"""Tensors made from numbers: sequences, grids, filled shapes."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from workbench.errors import ShapeError
from workbench.tensor import elementwise as _e
from workbench.tensor.shape import reshaping as _s
from workbench.tensor.tensor import Tensor, as_tensor, constant, floatX


def empty(shape: Any, dtype: str = floatX) -> Tensor:
    """Return a tensor whose values do not matter: zeros, since an expression has no memory left unset."""
    return _s.zeros(shape, dtype)


def empty_like(x: Any, dtype: str | None = None) -> Tensor:
    """Return a tensor of the shape and dtype of `x` whose values do not matter: zeros."""
    return _s.zeros_like(x, dtype)


def full_like(x: Any, fill_value: Any, dtype: str | None = None) -> Tensor:
    """Return a tensor of one repeated value, of the shape and dtype of `x`."""
    x = as_tensor(x)
    return _s.broadcast_like(_e.cast(as_tensor(fill_value), dtype or x.dtype), x)


def linspace(start: Any, stop: Any, num: Any = 50, endpoint: bool = True, dtype: str | None = None, axis: int = 0) -> Tensor:
    """Return `num` numbers evenly spaced from `start` to `stop`.

    Parameters
    ----------
    start, stop
        Numbers or tensors, which broadcast.
    num
        How many: an integer, or an expression of one.
    endpoint
        Whether `stop` is the last of them.
    dtype
        Of the result; integers are rounded down.
    axis
        Where the numbers lie in the result, when `start` or `stop` has axes.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> pt.linspace(0, 1, 5).eval()
    array([0.  , 0.25, 0.5 , 0.75, 1.  ])
    """
    if isinstance(num, Tensor):
        return _linspace_of_length(start, stop, num, endpoint, dtype, axis)
    num = operator.index(num)
    if num < 0:
        raise ShapeError(f"linspace: the number of samples cannot be negative, got {num}")
    if not isinstance(start, Tensor) and not isinstance(stop, Tensor):
        return constant(np.linspace(start, stop, num, endpoint, dtype=dtype, axis=axis))
    first, last = (t if t.type.kind == "f" else _e.cast(t, "float64") for t in _e.promote("linspace", start, stop))
    first, last = _s.broadcast_arrays(first, last)
    parts = max(num - 1 if endpoint else num, 1)
    fractions = _s.reshape(constant(np.arange(num) / parts, first.dtype), (num, *[1] * first.ndim))
    made = first + fractions * (last - first)
    if endpoint and num > 1:
        made = made[-1].set(last)
    if dtype is not None:
        made = _e.cast(_e.floor(made) if np.dtype(dtype).kind in "iu" else made, dtype)
    return _s.moveaxis(made, 0, axis) if axis else made


def _linspace_of_length(start: Any, stop: Any, num: Tensor, endpoint: bool, dtype: str | None, axis: int) -> Tensor:
    """Numbers of which it is known only at run time how many there are."""
    first, last = (t if t.type.kind == "f" else _e.cast(t, "float64") for t in _e.promote("linspace", start, stop))
    first, last = _s.broadcast_arrays(first, last)
    numbers = _s.reshape(_s.arange(num), (num, *[1] * first.ndim))
    parts = _e.maximum(num - 1 if endpoint else num, 1)
    made = first + _e.cast(numbers, first.dtype) / _e.cast(parts, first.dtype) * (last - first)
    if endpoint:
        made = _e.where(_e.logical_and(_e.equal(numbers, num - 1), num > 1), last, made)
    if dtype is not None:
        made = _e.cast(_e.floor(made) if np.dtype(dtype).kind in "iu" else made, dtype)
    return _s.moveaxis(made, 0, axis) if axis else made


def logspace(
    start: Any, stop: Any, num: Any = 50, endpoint: bool = True, base: float = 10.0, dtype: str | None = None, axis: int = 0
) -> Tensor:
    """Return `num` numbers from ``base**start`` to ``base**stop``, in equal ratios."""
    exponents = linspace(start, stop, num, endpoint, axis=axis)
    if not isinstance(start, Tensor) and not isinstance(stop, Tensor):
        return constant(np.logspace(start, stop, num, endpoint, base, dtype=dtype, axis=axis))
    made = _e.power(base, exponents)
    return made if dtype is None else _e.cast(made, dtype)


def geomspace(start: Any, stop: Any, num: Any = 50, endpoint: bool = True, dtype: str | None = None, axis: int = 0) -> Tensor:
    """Return `num` numbers from `start` to `stop`, in equal ratios."""
    if not isinstance(start, Tensor) and not isinstance(stop, Tensor):
        return constant(np.geomspace(start, stop, num, endpoint, dtype=dtype, axis=axis))
    made = _e.exp(linspace(_e.log(start), _e.log(stop), num, endpoint, axis=axis))
    return made if dtype is None else _e.cast(made, dtype)


def meshgrid(*vectors: Any, indexing: str = "xy", sparse: bool = False) -> list[Tensor]:
    """Return the coordinates of the points of a grid: one tensor for each vector.

    Parameters
    ----------
    vectors
        Coordinates along each axis.
    indexing
        "xy": the first vector runs along the second axis, as in pictures; "ij": along the first.
    sparse
        Leave the axes along which a coordinate does not change at length 1.
    """
    if indexing not in ("xy", "ij"):
        raise ShapeError(f"meshgrid: the indexing is 'xy' or 'ij', not {indexing!r}")
    rank = len(vectors)
    made = []
    for i, v in enumerate(vectors):
        at = 1 - i if indexing == "xy" and rank > 1 and i < 2 else i
        made.append(_s.expand_dims(_s.ravel(v), tuple(a for a in range(rank) if a != at)))
    return made if sparse else _s.broadcast_arrays(*made)


def indices(dimensions: Any, dtype: str = "int64") -> Tensor:
    """Return the indices of a tensor of these lengths: along the first axis, one for each axis."""
    from workbench.tensor.shape.joining import stack

    shape = _s.lengths(dimensions, "indices")
    return stack(meshgrid(*(_s.arange(n, dtype=dtype) for n in shape), indexing="ij"))


def unravel_index(numbers: Any, shape: Any) -> tuple[Tensor, ...]:
    """Return the indices into a tensor of this shape of row-major numbers."""
    rest = as_tensor(numbers)
    found: list[Tensor] = []
    for n in reversed(_s.lengths(shape, "unravel_index")):
        found.append(_e.mod(rest, n))
        rest = _e.floor_divide(rest, n)
    return tuple(found[::-1])


def ravel_multi_index(multi_index: Any, dims: Any) -> Tensor:
    """Return the row-major numbers of indices, one tensor an axis, into a tensor of shape `dims`."""
    flat: Any = 0
    for i, n in zip(multi_index, _s.lengths(dims, "ravel_multi_index"), strict=True):
        flat = flat * n + as_tensor(i)
    return as_tensor(flat)
