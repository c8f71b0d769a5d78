"""Shape operations: the same elements in another arrangement. The compiler turns them into indices."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from workbench.errors import DTypeError, ShapeError
from workbench.graph.expr import Constant, Expr, Op, constant_op, intern
from workbench.graph.frozen import frozen
from workbench.graph.types import Shape, TensorType
from workbench.tensor import elementwise as _e
from workbench.tensor.shape.one_shape import of_one_shape
from workbench.tensor.tensor import Tensor, as_tensor, constant, floatX


@frozen
class Reshape(Op):
    """The same elements, row-major, in another shape; -1 for a length that is known only at run time."""

    shape: tuple[int, ...]
    name = "reshape"

    def infer(self, x: TensorType) -> TensorType:
        if None not in x.shape:
            return x.with_shape(resolve(self.shape, x))
        return x.with_shape(tuple(None if n == -1 else n for n in self.shape))

    def numpy(self, x: Any) -> Any:
        return np.reshape(x, self.shape)

    def jax(self, x: Any) -> Any:
        return x.reshape(self.shape)

    def grad(self, node: Expr, cotangent: Tensor) -> Sequence[Expr | None]:
        return [reshape_like(whole(cotangent, node), node.inputs[0])]

    def element(self, builder: Any, node: Expr, index: Sequence[Any]) -> Any:
        """Element of the result at `index`: the element of the input with the same row-major number."""
        return builder.element(node.inputs[0], reshaped_index(builder, node, index))


def resolve(wanted: Sequence[int], x: TensorType) -> tuple[int, ...]:
    """Return the lengths of a reshape of `x`, with the length for -1."""
    rest = math.prod(n for n in wanted if n != -1)
    if -1 in wanted and rest and x.size % rest == 0:
        return tuple(x.size // rest if n == -1 else n for n in wanted)
    if -1 in wanted or rest != x.size:
        hint = "" if rest else "-1 cannot be told where another length is 0"
        raise ShapeError(f"a tensor of shape {x.shape} cannot be reshaped to {tuple(wanted)}: {x.size} elements", hint)
    return tuple(wanted)


def reshaped_index(builder: Any, node: Expr, index: Sequence[Any]) -> Sequence[Any]:
    """Return the index into the input of a reshape, for an index into its result."""
    shape, source = node.type.shape, node.inputs[0].type.shape
    moved = _drop_units(shape, source, index)
    return builder.unravel(builder.ravel(index, shape), source) if moved is None else moved  # type: ignore[no-any-return]


@frozen
class Named(Op):
    """The value itself under a name of its own: what has one already, or is a constant, gets another."""

    label: str
    name = "named"

    def infer(self, x: TensorType) -> TensorType:
        return x

    def numpy(self, x: Any) -> Any:
        return x

    def jax(self, x: Any) -> Any:
        return x

    def grad(self, node: Expr, cotangent: Tensor) -> Sequence[Expr | None]:
        return [cotangent]

    def element(self, builder: Any, node: Expr, index: Sequence[Any]) -> Any:
        return builder.element(node.inputs[0], index)


def _drop_units(new: Sequence[int], old: Sequence[int], index: Sequence[Any]) -> list[Any] | None:
    """Return the index into shape `old` when the shapes differ by axes of length 1 only."""
    if [n for n in new if n != 1] != [n for n in old if n != 1]:
        return None
    kept = iter([i for n, i in zip(new, index) if n != 1])
    return [0 if n == 1 else next(kept) for n in old]


@frozen
class BroadcastTo(Op):
    """The elements repeated along new axes and axes of length 1."""

    shape: tuple[int, ...]
    name = "broadcast_to"

    def infer(self, x: TensorType) -> TensorType:
        if _e.broadcast_shapes(x.shape, self.shape) != self.shape:
            raise ShapeError(f"a tensor of shape {x.shape} cannot be broadcast to {self.shape}")
        return x.with_shape(self.shape)

    def numpy(self, x: Any) -> Any:
        return np.broadcast_to(x, self.shape)

    def jax(self, x: Any) -> Any:
        import jax.numpy as jnp

        return jnp.broadcast_to(x, self.shape)

    def grad(self, node: Expr, cotangent: Tensor) -> Sequence[Expr | None]:
        return [unbroadcast(cotangent, node.inputs[0])]

    def element(self, builder: Any, node: Expr, index: Sequence[Any]) -> Any:
        return builder.broadcast_element(node.inputs[0], index, node.type)


@frozen
class BroadcastLike(Op):
    """The elements of one tensor repeated to the shape of another, known only at run time."""

    name = "broadcast_like"
    broadcasts = True

    def infer(self, x: TensorType, like: TensorType) -> TensorType:
        return x.with_shape(_e.broadcast_shapes(x.shape, like.shape))

    def numpy(self, x: Any, like: Any) -> Any:
        return np.broadcast_to(x, np.shape(like))

    def jax(self, x: Any, like: Any) -> Any:
        import jax.numpy as jnp

        return jnp.broadcast_to(x, like.shape)

    def grad(self, node: Expr, cotangent: Tensor) -> Sequence[Expr | None]:
        return [unbroadcast(cotangent, node.inputs[0]), None]

    def element(self, builder: Any, node: Expr, index: Sequence[Any]) -> Any:
        return builder.broadcast_element(node.inputs[0], index, node.type)


@frozen
class Dim(Op):
    """The length of one axis, known only at run time."""

    axis: int
    name = "dim"

    def infer(self, x: TensorType) -> TensorType:
        return TensorType("int64")

    def numpy(self, x: Any) -> Any:
        return np.int64(np.shape(x)[self.axis])

    def jax(self, x: Any) -> Any:
        import jax.numpy as jnp

        return jnp.asarray(x.shape[self.axis], jnp.int64)

    def element(self, builder: Any, node: Expr, index: Sequence[Any]) -> Any:
        return builder.extent(node.inputs[0].type.shape[self.axis])


@frozen
class Transpose(Op):
    """The axes in another order."""

    axes: tuple[int, ...]
    name = "transpose"

    def infer(self, x: TensorType) -> TensorType:
        return x.with_shape(tuple(x.shape[a] for a in self.axes))

    def numpy(self, x: Any) -> Any:
        return np.transpose(x, self.axes)

    def jax(self, x: Any) -> Any:
        return x.transpose(self.axes)

    def grad(self, node: Expr, cotangent: Tensor) -> Sequence[Expr | None]:
        return [transpose(whole(cotangent, node), tuple(self.axes.index(i) for i in range(len(self.axes))))]

    def element(self, builder: Any, node: Expr, index: Sequence[Any]) -> Any:
        return builder.element(node.inputs[0], [index[self.axes.index(i)] for i in range(len(self.axes))])


@frozen
class Concatenate(Op):
    """Tensors one after another along an axis."""

    axis: int
    name = "concatenate"

    def infer(self, *types: TensorType) -> TensorType:
        shape: list[int | None] = []
        for axis in range(types[0].ndim):
            lengths = [t.shape[axis] for t in types if t.ndim == types[0].ndim]
            known = {n for n in lengths if n is not None}
            if len(lengths) != len(types) or (axis != self.axis and len(known) > 1):
                raise ShapeError(
                    f"tensors of shapes {', '.join(str(t.shape) for t in types)} "
                    f"cannot be concatenated along axis {self.axis}",
                    "all other axes must have the same lengths",
                )
            if axis == self.axis:
                shape.append(None if None in lengths else sum(n for n in lengths if n is not None))
            else:
                shape.append(known.pop() if known else None)
        return types[0].with_shape(tuple(shape))

    def numpy(self, *values: Any) -> Any:
        return np.concatenate(values, self.axis)

    def jax(self, *values: Any) -> Any:
        import jax.numpy as jnp

        return jnp.concatenate(values, self.axis)

    def grad(self, node: Expr, cotangent: Tensor) -> Sequence[Expr | None]:
        found: list[Expr | None] = []
        g = whole(cotangent, node)
        start: Any = 0
        for x in node.inputs:
            length = x.type.shape[self.axis]
            stop = start + (dim(x, self.axis) if length is None else length)
            found.append(g[(slice(None),) * self.axis + (slice(start, stop),)])
            start = stop
        return found


@frozen
class Arange(Op):
    """The integers 0, 1, ..., n - 1."""

    n: int
    to: str = "int64"
    name = "arange"

    def infer(self) -> TensorType:
        return TensorType(self.to, (self.n,))

    def numpy(self) -> Any:
        return np.arange(self.n, dtype=self.to)

    def jax(self) -> Any:
        import jax.numpy as jnp

        return jnp.arange(self.n, dtype=self.to)

    def element(self, builder: Any, node: Expr, index: Sequence[Any]) -> Any:
        return builder.cast(index[0], self.to)


# Axes and lengths -----------------------------------------------------------------------------


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


def dim(x: Tensor, axis: int) -> Tensor:
    """Return the length of an axis as a symbolic integer."""
    return intern(Dim(axis), (x,))


def extent(x: Tensor, axis: int) -> Any:
    """Return the length of an axis: an integer where known, else a symbolic one."""
    n = x.type.shape[axis]
    return dim(x, axis) if n is None else n


def lengths(shape: Any, what: str) -> tuple[Any, ...]:
    """Return a shape as integers, and scalar expressions for lengths known only at run time.

    Raises
    ------
    ShapeError, DTypeError
        If a length is not an integer.
    """
    if isinstance(shape, Tensor) and shape.ndim == 1:
        shape = shape.op.value.tolist() if isinstance(shape.op, Constant) else tuple(shape)
    given = tuple(shape) if isinstance(shape, (tuple, list)) or getattr(shape, "ndim", 0) == 1 else (shape,)
    found: list[Any] = []
    for n in given:
        if isinstance(n, Tensor) and isinstance(n.op, Constant):
            n = n.op.value[()]
        if isinstance(n, Tensor):
            if n.ndim or n.type.kind not in "iu":
                raise DTypeError(f"{what}: a length must be an integer, got {n.type}")
            found.append(n)
            continue
        try:
            found.append(operator.index(n))
        except TypeError:
            raise DTypeError(f"{what}: a length must be an integer, got {n!r}") from None
        if not -1 <= found[-1] < 2**62:
            raise ShapeError(f"{what}: an axis cannot have length {found[-1]}")
    size = math.prod(n for n in found if isinstance(n, int))
    if abs(size) >= 2**62:
        raise ShapeError(f"{what}: a tensor of shape {tuple(found)} has too many elements to count in 64 bits")
    return tuple(found)


def whole(cotangent: Tensor, of: Expr) -> Tensor:
    """Return a cotangent in the full shape of its value: it may have come narrower, to be broadcast."""
    given, wanted = cotangent.type.shape, of.type.shape
    # An open length that is to be 1 can be nothing else.
    is_whole = len(given) == len(wanted) and all(n == m or (n is None and m == 1) for n, m in zip(given, wanted))
    return cotangent if is_whole else broadcast_like(cotangent, of)


# Functions ------------------------------------------------------------------------------------


def reshape(x: Any, shape: Any) -> Tensor:
    """Return the same elements, row-major, in another shape; one length may be -1.

    Raises
    ------
    ShapeError
        If the numbers of elements differ.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> pt.reshape(pt.arange(6), (2, -1)).eval()
    array([[0, 1, 2],
           [3, 4, 5]])
    """
    x = as_tensor(x)
    wanted = lengths(shape, "reshape")
    if sum(isinstance(n, int) and n == -1 for n in wanted) > 1:
        raise ShapeError(f"reshape: only one length may be -1, got {wanted}")
    if not all(isinstance(n, int) for n in wanted):
        return _u.reshape_to(x, wanted)
    if None not in x.type.shape:
        wanted = resolve(wanted, x.type)
        return x if wanted == x.type.shape else intern(Reshape(wanted), (x,))
    if x.ndim == 1 and wanted == (-1,):
        return x
    return intern(Reshape(wanted), (x,))


def reshape_like(x: Tensor, like: Expr) -> Tensor:
    """Return `x` in the shape of `like`."""
    if None not in like.type.shape:
        return reshape(x, like.type.shape)
    return intern(_u.ReshapeLike(), (x, like))


def ravel(x: Any) -> Tensor:
    """Return the elements, row-major, in one axis."""
    return reshape(x, (-1,))


def broadcast_to(x: Any, shape: Any) -> Tensor:
    """Return `x` repeated to `shape`.

    Raises
    ------
    ShapeError
        If `x` does not broadcast to it.
    """
    x = as_tensor(x)
    wanted = lengths(shape, "broadcast_to")
    if any(isinstance(n, int) and n < 0 for n in wanted):
        raise ShapeError(f"broadcast_to: a length cannot be negative, got {wanted}")
    if not all(isinstance(n, int) for n in wanted):
        return _u.broadcast_to_lengths(x, wanted)
    return x if x.type.shape == wanted else intern(BroadcastTo(wanted), (x,))


def broadcast_like(x: Any, like: Expr) -> Tensor:
    """Return `x` repeated to the shape of `like`."""
    x = as_tensor(x)
    if None not in like.type.shape:
        return broadcast_to(x, like.type.shape)
    return intern(BroadcastLike(), (x, like))


def broadcast_arrays(*tensors: Any) -> list[Tensor]:
    """Return the tensors, all repeated to their common shape.

    Raises
    ------
    ShapeError
        If they do not broadcast together.
    """
    parts = [as_tensor(t) for t in tensors]
    shape = _e.broadcast_shapes(*(t.type.shape for t in parts))
    if None not in shape:
        return [broadcast_to(t, shape) for t in parts]
    return _u.broadcast_together(parts)


def unbroadcast(cotangent: Tensor, x: Expr, others: Sequence[Expr] | None = None, core: int = 0) -> Tensor:
    """Sum a cotangent over the axes along which `x` was broadcast.

    Parameters
    ----------
    cotangent, x
        Of the result, and the operand.
    others
        What it was broadcast with; anything, if not given.
    core
        How many last axes are not broadcast.
    """
    wanted: Shape = x.type.shape
    have = cotangent.type.shape
    at_run_time = _may_be_broadcast(x, others, core)
    if have == wanted and not at_run_time:
        return cotangent
    extra = len(have) - len(wanted)
    result = cotangent
    if extra >= 0:
        axes = [*range(extra)]
        axes += [i + extra for i, n in enumerate(wanted) if n == 1 and have[i + extra] != 1]
        result = cotangent.sum(axis=tuple(axes)) if axes else cotangent
        if len(axes) > extra:
            result = expand_dims(result, tuple(a - extra for a in axes[extra:]))
    if at_run_time:
        return intern(_u.SumLike(), (result, x))
    if result.type.shape != wanted:
        # Cotangents may arrive without the axes of length 1, or narrower than the value.
        result = broadcast_like(result, x)
    return result


def _may_be_broadcast(x: Expr, others: Sequence[Expr] | None, core: int) -> bool:
    """Whether an axis of `x`, of a length not known yet, may turn out to have length 1 where another operand is longer."""
    open_axes = [back for back in range(-x.type.ndim, -core) if x.type.shape[back] is None]
    if not open_axes or others is None:
        return bool(open_axes)
    longer = [y for y in others if any(y.type.ndim >= -back and y.type.shape[back] != 1 for back in open_axes)]
    return any(y.type.ndim != x.type.ndim or of_one_shape(y) is not of_one_shape(x) for y in longer)


def transpose(x: Any, axes: Sequence[int] | None = None) -> Tensor:
    """Return `x` with its axes in another order, reversed by default.

    Raises
    ------
    ShapeError
        If `axes` is not an order of all axes.
    """
    x = as_tensor(x)
    order = tuple(range(x.ndim))[::-1] if axes is None else axes_of("transpose", tuple(axes), x.ndim)
    if len(order) != x.ndim:
        raise ShapeError(f"transpose: {len(order)} axes for a tensor of {x.ndim} dimensions")
    return x if order == tuple(range(x.ndim)) else intern(Transpose(order), (x,))


def dimshuffle(x: Any, pattern: Sequence[Any]) -> Tensor:
    """Return `x` with its axes in the order of `pattern`, and a new one of length 1 at each "x" in it.

    Axes that `pattern` leaves out are dropped: they must have length 1.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> pt.matrix("m", 2, 3).dimshuffle(1, "x", 0).type.shape
    (3, 1, 2)
    """
    x = as_tensor(x)
    kept = axes_of("dimshuffle", tuple(p for p in pattern if p != "x"), x.ndim)
    dropped = tuple(a for a in range(x.ndim) if a not in kept)
    x = squeeze(x, dropped) if dropped else x
    order = sorted(kept)
    x = transpose(x, [order.index(a) for a in kept])
    return expand_dims(x, tuple(i for i, p in enumerate(pattern) if p == "x"))


def swapaxes(x: Any, axis1: int, axis2: int) -> Tensor:
    """Return `x` with two axes exchanged."""
    x = as_tensor(x)
    order = list(range(x.ndim))
    a, b = axis_of("swapaxes", axis1, x.ndim), axis_of("swapaxes", axis2, x.ndim)
    order[a], order[b] = b, a
    return transpose(x, order)


def moveaxis(x: Any, source: Any, destination: Any) -> Tensor:
    """Return `x` with some axes at other places; the others keep their order.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> pt.moveaxis(pt.zeros((2, 3, 4)), 0, -1).type.shape
    (3, 4, 2)
    """
    x = as_tensor(x)
    old, new = axes_of("moveaxis", source, x.ndim), axes_of("moveaxis", destination, x.ndim)
    if len(old) != len(new):
        raise ShapeError(f"moveaxis: {len(old)} axes cannot go to {len(new)} places")
    order = [a for a in range(x.ndim) if a not in old]
    for place, a in sorted(zip(new, old)):
        order.insert(place, a)
    return transpose(x, order)


def expand_dims(x: Any, axis: Any) -> Tensor:
    """Return `x` with more axes of length 1, at the places `axis` (one or several) of the result."""
    x = as_tensor(x)
    count = len(axis) if isinstance(axis, (tuple, list)) else 1
    axes = axes_of("expand_dims", axis, x.ndim + count)
    if None in x.type.shape:
        return intern(_u.InsertAxes(tuple(sorted(axes))), (x,)) if axes else x
    rest = iter(x.type.static_shape)
    return reshape(x, [1 if i in axes else next(rest) for i in range(x.ndim + count)])


def squeeze(x: Any, axis: Any = None) -> Tensor:
    """Return `x` without its axes of length 1, or without those given.

    Raises
    ------
    ShapeError
        If an axis given has another length.
    """
    x = as_tensor(x)
    if axis is None:
        axes = tuple(i for i, n in enumerate(x.type.shape) if n == 1)
    else:
        axes = axes_of("squeeze", axis, x.ndim)
    for i in axes:
        if x.type.shape[i] not in (1, None):
            raise ShapeError(f"squeeze: axis {i} of a tensor of shape {x.type.shape} has not length 1")
    if None in x.type.shape:
        return intern(_u.DropAxes(tuple(sorted(axes))), (x,)) if axes else x
    return reshape(x, [n for i, n in enumerate(x.type.static_shape) if i not in axes])


def atleast_1d(*tensors: Any) -> Any:
    """Return the tensor with at least one axis; a list for several."""
    return _at_least(tensors, lambda x: expand_dims(x, 0) if x.ndim == 0 else x)


def atleast_2d(*tensors: Any) -> Any:
    """Return the tensor with at least two axes, new ones in front; a list for several."""
    return _at_least(tensors, lambda x: expand_dims(x, tuple(range(2 - x.ndim))) if x.ndim < 2 else x)


def atleast_3d(*tensors: Any) -> Any:
    """Return the tensor with at least three axes, as NumPy places them; a list for several."""
    places: dict[int, Any] = {0: (0, 1, 2), 1: (0, 2), 2: 2}
    return _at_least(tensors, lambda x: expand_dims(x, places[x.ndim]) if x.ndim < 3 else x)


def _at_least(tensors: Sequence[Any], widen: Any) -> Any:
    made = [widen(as_tensor(t)) for t in tensors]
    return made[0] if len(made) == 1 else made


def flip(x: Any, axis: Any = None) -> Tensor:
    """Return `x` with the order of elements reversed along `axis` (one, several, or all)."""
    x = as_tensor(x)
    axes = axes_of("flip", axis, x.ndim)
    return x[tuple(slice(None, None, -1) if a in axes else slice(None) for a in range(x.ndim))]


def flipud(x: Any) -> Tensor:
    """Return `x` reversed along its first axis."""
    return flip(x, 0)


def fliplr(x: Any) -> Tensor:
    """Return `x` reversed along its second axis."""
    return flip(x, 1)


def rot90(x: Any, k: int = 1, axes: tuple[int, int] = (0, 1)) -> Tensor:
    """Return `x` turned by `k` quarters in the plane of two axes, from the first towards the second."""
    x = as_tensor(x)
    a, b = axes_of("rot90", tuple(axes), x.ndim)
    k %= 4
    if k == 0:
        return x
    if k == 2:
        return flip(x, (a, b))
    return swapaxes(flip(x, b), a, b) if k == 1 else flip(swapaxes(x, a, b), b)


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
        return _u.arange_between(start, stop, step, dtype)
    if not all(isinstance(b, (int, np.integer)) for b in (start, stop, step)):
        return constant(np.arange(start, stop, step), dtype)
    start, stop, step = int(start), int(stop), int(step)
    if step == 0:
        raise ShapeError("arange: the step cannot be 0")
    (n,) = lengths(len(range(start, stop, step)) if abs(stop - start) < 2**63 else stop - start, "arange")
    dtype = "int64" if dtype is None else np.dtype(dtype).name
    if dtype in ("bool", "float32"):
        return constant(np.arange(start, stop, step), dtype)
    numbers: Tensor = intern(Arange(n, dtype))
    if step != 1:
        numbers = numbers * np.asarray(step, dtype)
    return numbers + np.asarray(start, dtype) if start else numbers


def full(shape: Any, fill_value: Any, dtype: str | None = None) -> Tensor:
    """Return a tensor of one repeated value."""
    return broadcast_to(as_tensor(fill_value, None if dtype is None else np.dtype(dtype).name), shape)


def zeros(shape: Any, dtype: str = floatX) -> Tensor:
    """Return zeros."""
    return full(shape, intern(constant_op(0, dtype)))


def ones(shape: Any, dtype: str = floatX) -> Tensor:
    """Return ones."""
    return full(shape, intern(constant_op(1, dtype)))


def zeros_like(x: Any, dtype: str | None = None) -> Tensor:
    """Return zeros of the shape and dtype of `x`."""
    x = as_tensor(x)
    return broadcast_like(intern(constant_op(0, dtype or x.dtype)), x)


def ones_like(x: Any, dtype: str | None = None) -> Tensor:
    """Return ones of the shape and dtype of `x`."""
    x = as_tensor(x)
    return broadcast_like(intern(constant_op(1, dtype or x.dtype)), x)


# Those build on what stands above.
from workbench.tensor.shape import run_time_shape as _u  # noqa: E402
