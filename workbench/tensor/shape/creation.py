"""Tensors made from numbers: sequences, grids, filled shapes."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from workbench.errors import ShapeError
from workbench.graph.expr import Constant, Expr, constant_op, intern
from workbench.graph.frozen import frozen
from workbench.graph.types import TensorType
from workbench.tensor import elementwise as _e
from workbench.tensor.shape.broadcasting import broadcast_arrays, broadcast_like, broadcast_to
from workbench.tensor.shape.lengths import OfLengths, filled, filled_with_values, length_of, lengths
from workbench.tensor.shape.reshaping import expand_dims, ravel, reshape
from workbench.tensor.shape.transposing import moveaxis
from workbench.tensor.tensor import Tensor, as_tensor, constant, floatX


@frozen
class Arange(OfLengths):
    """The integers 0, 1, ..., n - 1; the input is n, where that is ``None``."""

    shape: tuple[int | None]
    to: str = "int64"
    name = "arange"
    of_values = 0

    @property
    def n(self) -> int | None:
        return self.shape[0]

    def infer_from(self, inputs: tuple[Expr, ...]) -> TensorType:
        return TensorType(self.to, filled(self.shape, inputs))

    def numpy(self, *number: Any) -> Any:
        (n,) = filled_with_values(self.shape, number, "arange")
        return np.arange(n, dtype=self.to)

    def jax(self, *number: Any) -> Any:
        import jax.numpy as jnp

        (n,) = filled_with_values(self.shape, number, "arange")
        return jnp.arange(n, dtype=self.to)

    def element(self, builder: Any, node: Expr, index: Sequence[Any]) -> Any:
        return builder.cast(index[0], self.to)


def arange(start: Any, stop: Any = None, step: Any = 1, dtype: str | None = None) -> Tensor:
    """Return numbers from `start` up to but without `stop`, `step` apart; from 0, for one argument.

    The bounds may be scalar expressions; the length is then known only at run time.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> pt.arange(2, 10, 3).eval()
    array([2, 5, 8])
    """
    if stop is None:
        start, stop = 0, start
    start, stop, step = (
        b.op.value[()] if isinstance(b, Tensor) and isinstance(b.op, Constant) else b for b in (start, stop, step)
    )
    if any(isinstance(b, Tensor) for b in (start, stop, step)):
        return _arange_between(start, stop, step, dtype)
    if not all(isinstance(b, (int, np.integer)) for b in (start, stop, step)):
        return constant(np.arange(start, stop, step), dtype)
    start, stop, step = int(start), int(stop), int(step)
    if step == 0:
        raise ShapeError("arange: the step cannot be 0")
    (n,) = lengths(len(range(start, stop, step)) if abs(stop - start) < 2**63 else stop - start, "arange")
    dtype = "int64" if dtype is None else np.dtype(dtype).name
    if dtype in ("bool", "float32"):
        return constant(np.arange(start, stop, step), dtype)
    numbers: Tensor = intern(Arange((n,), dtype))
    if step != 1:
        numbers = numbers * np.asarray(step, dtype)
    return numbers + np.asarray(start, dtype) if start else numbers


def _arange_between(start: Any, stop: Any, step: Any, dtype: str | None) -> Tensor:
    """The numbers between bounds some of which are expressions."""
    bounds = _e.promote("arange", *(as_tensor(b) for b in (start, stop, step)))
    if any(b.ndim for b in bounds):
        raise ShapeError(f"arange: the bounds must be scalars, got {', '.join(str(b.type) for b in bounds)}")
    first, last, apart = (_e.cast(b, "int64") if b.type.kind in "iub" else b for b in bounds)
    if first.type.kind == "f":
        count = _e.cast(_e.ceil((last - first) / apart), "int64")
    else:
        count = -_e.floor_divide(first - last, apart)
    if not isinstance(apart.op, Constant):
        # A step of 0 is an error: no axis has a negative length.
        count = _e.where(_e.equal(apart, 0), -1, _e.maximum(count, 0))
    else:
        count = _e.maximum(count, 0)
    to = np.dtype(dtype or bounds[0].dtype).name
    size = length_of(count)
    numbers: Tensor = intern(Arange((size,), bounds[0].dtype)) if isinstance(size, int) else intern(Arange((None,), bounds[0].dtype), (count,))
    if not (isinstance(apart.op, Constant) and apart.op.value == 1):
        numbers = numbers * _e.cast(apart, bounds[0].dtype)
    if not (isinstance(first.op, Constant) and first.op.value == 0):
        numbers = numbers + _e.cast(first, bounds[0].dtype)
    return _e.cast(numbers, to)


def full(shape: Any, fill_value: Any, dtype: str | None = None) -> Tensor:
    """Return a tensor of one repeated value.

    Examples
    --------
    >>> pt.full((2,), 7).eval().tolist()
    [7, 7]
    """
    return broadcast_to(as_tensor(fill_value, None if dtype is None else np.dtype(dtype).name), shape)


def zeros(shape: Any, dtype: str = floatX) -> Tensor:
    """Return zeros.

    Examples
    --------
    >>> pt.zeros((2,)).eval().tolist()
    [0.0, 0.0]
    """
    return full(shape, intern(constant_op(0, dtype)))


def ones(shape: Any, dtype: str = floatX) -> Tensor:
    """Return ones.

    Examples
    --------
    >>> pt.ones((2,)).eval().tolist()
    [1.0, 1.0]
    """
    return full(shape, intern(constant_op(1, dtype)))


def zeros_like(x: Any, dtype: str | None = None) -> Tensor:
    """Return zeros of the shape and dtype of `x`.

    Examples
    --------
    >>> pt.zeros_like([1.5, 2.5]).eval().tolist()
    [0.0, 0.0]
    """
    x = as_tensor(x)
    return broadcast_like(intern(constant_op(0, dtype or x.dtype)), x)


def ones_like(x: Any, dtype: str | None = None) -> Tensor:
    """Return ones of the shape and dtype of `x`.

    Examples
    --------
    >>> pt.ones_like([1.5, 2.5]).eval().tolist()
    [1.0, 1.0]
    """
    x = as_tensor(x)
    return broadcast_like(intern(constant_op(1, dtype or x.dtype)), x)


# Those build on what stands above.


def empty(shape: Any, dtype: str = floatX) -> Tensor:
    """Return a tensor whose values do not matter: zeros, since an expression has no memory left unset.

    Examples
    --------
    >>> pt.empty((2, 3)).type.shape
    (2, 3)
    """
    return zeros(shape, dtype)


def empty_like(x: Any, dtype: str | None = None) -> Tensor:
    """Return a tensor of the shape and dtype of `x` whose values do not matter: zeros.

    Examples
    --------
    >>> pt.empty_like([1.0, 2.0]).type.shape
    (2,)
    """
    return zeros_like(x, dtype)


def full_like(x: Any, fill_value: Any, dtype: str | None = None) -> Tensor:
    """Return a tensor of one repeated value, of the shape and dtype of `x`.

    Examples
    --------
    >>> pt.full_like([1.0, 2.0], 7).eval().tolist()
    [7.0, 7.0]
    """
    x = as_tensor(x)
    return broadcast_like(_e.cast(as_tensor(fill_value), dtype or x.dtype), x)


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
    first, last = broadcast_arrays(first, last)
    parts = max(num - 1 if endpoint else num, 1)
    fractions = reshape(constant(np.arange(num) / parts, first.dtype), (num, *[1] * first.ndim))
    made = first + fractions * (last - first)
    if endpoint and num > 1:
        made = made[-1].set(last)
    if dtype is not None:
        made = _e.cast(_e.floor(made) if np.dtype(dtype).kind in "iu" else made, dtype)
    return moveaxis(made, 0, axis) if axis else made


def _linspace_of_length(start: Any, stop: Any, num: Tensor, endpoint: bool, dtype: str | None, axis: int) -> Tensor:
    """Numbers of which it is known only at run time how many there are."""
    first, last = (t if t.type.kind == "f" else _e.cast(t, "float64") for t in _e.promote("linspace", start, stop))
    first, last = broadcast_arrays(first, last)
    numbers = reshape(arange(num), (num, *[1] * first.ndim))
    parts = _e.maximum(num - 1 if endpoint else num, 1)
    made = first + _e.cast(numbers, first.dtype) / _e.cast(parts, first.dtype) * (last - first)
    if endpoint:
        made = _e.where(_e.logical_and(_e.equal(numbers, num - 1), num > 1), last, made)
    if dtype is not None:
        made = _e.cast(_e.floor(made) if np.dtype(dtype).kind in "iu" else made, dtype)
    return moveaxis(made, 0, axis) if axis else made


def logspace(
    start: Any, stop: Any, num: Any = 50, endpoint: bool = True, base: float = 10.0, dtype: str | None = None, axis: int = 0
) -> Tensor:
    """Return `num` numbers from ``base**start`` to ``base**stop``, in equal ratios.

    Examples
    --------
    >>> pt.logspace(0.0, 2.0, 3).eval().round(4).tolist()
    [1.0, 10.0, 100.0]
    """
    exponents = linspace(start, stop, num, endpoint, axis=axis)
    if not isinstance(start, Tensor) and not isinstance(stop, Tensor):
        return constant(np.logspace(start, stop, num, endpoint, base, dtype=dtype, axis=axis))
    made = _e.power(base, exponents)
    return made if dtype is None else _e.cast(made, dtype)


def geomspace(start: Any, stop: Any, num: Any = 50, endpoint: bool = True, dtype: str | None = None, axis: int = 0) -> Tensor:
    """Return `num` numbers from `start` to `stop`, in equal ratios.

    Examples
    --------
    >>> pt.geomspace(1.0, 100.0, 3).eval().round(4).tolist()
    [1.0, 10.0, 100.0]
    """
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

    Examples
    --------
    >>> [x.eval().tolist() for x in pt.meshgrid([1, 2], [3, 4])]
    [[[1, 2], [1, 2]], [[3, 3], [4, 4]]]
    """
    if indexing not in ("xy", "ij"):
        raise ShapeError(f"meshgrid: the indexing is 'xy' or 'ij', not {indexing!r}")
    rank = len(vectors)
    made = []
    for i, v in enumerate(vectors):
        at = 1 - i if indexing == "xy" and rank > 1 and i < 2 else i
        made.append(expand_dims(ravel(v), tuple(a for a in range(rank) if a != at)))
    return made if sparse else broadcast_arrays(*made)


def indices(dimensions: Any, dtype: str = "int64") -> Tensor:
    """Return the indices of a tensor of these lengths: along the first axis, one for each axis.

    Examples
    --------
    >>> pt.indices((2, 2)).eval().tolist()
    [[[0, 0], [1, 1]], [[0, 1], [0, 1]]]
    """
    shape = lengths(dimensions, "indices")
    return as_tensor(meshgrid(*(arange(n, dtype=dtype) for n in shape), indexing="ij"))


def unravel_index(numbers: Any, shape: Any) -> tuple[Tensor, ...]:
    """Return the indices into a tensor of this shape of row-major numbers.

    Examples
    --------
    >>> [x.eval().tolist() for x in pt.unravel_index([2, 3], (2, 3))]
    [[0, 1], [2, 0]]
    """
    rest = as_tensor(numbers)
    found: list[Tensor] = []
    for n in reversed(lengths(shape, "unravel_index")):
        found.append(_e.mod(rest, n))
        rest = _e.floor_divide(rest, n)
    return tuple(found[::-1])


def ravel_multi_index(multi_index: Any, dims: Any) -> Tensor:
    """Return the row-major numbers of indices, one tensor an axis, into a tensor of shape `dims`.

    Examples
    --------
    >>> pt.ravel_multi_index(([0, 1], [2, 0]), (2, 3)).eval().tolist()
    [2, 3]
    """
    flat: Any = 0
    for i, n in zip(multi_index, lengths(dims, "ravel_multi_index"), strict=True):
        flat = flat * n + as_tensor(i)
    return as_tensor(flat)
