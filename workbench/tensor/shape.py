"""Shape operations: the same elements in another arrangement. The compiler turns them into indices."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from workbench.errors import ShapeError
from workbench.graph.expr import Expr, Op, constant_op, intern
from workbench.graph.types import Shape, TensorType
from workbench.tensor import elementwise as _e
from workbench.tensor.tensor import Tensor, as_tensor, floatX


@dataclass(frozen=True)
class Reshape(Op):
    """The same elements, row-major, in another shape."""

    shape: tuple[int, ...]
    name = "reshape"

    def infer(self, x: TensorType) -> TensorType:
        if None not in x.shape and math.prod(self.shape) != x.size:
            raise ShapeError(f"a tensor of shape {x.shape} cannot be reshaped to {self.shape}")
        return x.with_shape(self.shape)

    def numpy(self, x: Any) -> Any:
        return np.reshape(x, self.shape)

    def jax(self, x: Any) -> Any:
        return x.reshape(self.shape)

    def grad(self, node: Expr, cotangent: Tensor) -> Sequence[Expr | None]:
        return [reshape(cotangent, node.inputs[0].type.static_shape)]

    def element(self, builder: Any, node: Expr, index: Sequence[Any]) -> Any:
        """Element of the result at `index`: the element of the input with the same row-major number."""
        source = node.inputs[0].type.static_shape
        moved = _drop_units(self.shape, source, index)
        if moved is None:
            moved = builder.unravel(builder.ravel(index, self.shape), source)
        return builder.element(node.inputs[0], moved)


@dataclass(frozen=True)
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


@dataclass(frozen=True)
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


@dataclass(frozen=True)
class BroadcastLike(Op):
    """The elements of one tensor repeated to the shape of another, known only at run time."""

    name = "broadcast_like"

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


@dataclass(frozen=True)
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
        return builder.extent(node.inputs[0].type.static_shape[self.axis])


@dataclass(frozen=True)
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
        return [transpose(cotangent, tuple(self.axes.index(i) for i in range(len(self.axes))))]

    def element(self, builder: Any, node: Expr, index: Sequence[Any]) -> Any:
        return builder.element(node.inputs[0], [index[self.axes.index(i)] for i in range(len(self.axes))])


@dataclass(frozen=True)
class Concatenate(Op):
    """Tensors one after another along an axis."""

    axis: int
    name = "concatenate"

    def infer(self, *types: TensorType) -> TensorType:
        first = types[0]
        for t in types[1:]:
            if t.ndim != first.ndim or any(
                a != b for i, (a, b) in enumerate(zip(t.shape, first.shape)) if i != self.axis
            ):
                raise ShapeError(
                    f"tensors of shapes {', '.join(str(t.shape) for t in types)} "
                    f"cannot be concatenated along axis {self.axis}"
                )
        lengths = [t.shape[self.axis] for t in types]
        total = None if None in lengths else sum(n for n in lengths if n is not None)
        return first.with_shape((*first.shape[: self.axis], total, *first.shape[self.axis + 1 :]))

    def numpy(self, *values: Any) -> Any:
        return np.concatenate(values, self.axis)

    def jax(self, *values: Any) -> Any:
        import jax.numpy as jnp

        return jnp.concatenate(values, self.axis)

    def grad(self, node: Expr, cotangent: Tensor) -> Sequence[Expr | None]:
        found: list[Expr | None] = []
        start = 0
        for x in node.inputs:
            stop = start + x.type.static_shape[self.axis]
            found.append(cotangent[(slice(None),) * self.axis + (slice(start, stop),)])
            start = stop
        return found


@dataclass(frozen=True)
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


def dim(x: Tensor, axis: int) -> Tensor:
    """Return the length of an axis as a symbolic integer."""
    return intern(Dim(axis), (x,))


def reshape(x: Any, shape: Any) -> Tensor:
    """Return `x` in another shape; one length may be -1."""
    x = as_tensor(x)
    wanted = [shape] if isinstance(shape, int) else [int(n) for n in shape]
    if -1 in wanted:
        rest = math.prod(n for n in wanted if n != -1)
        if rest == 0 or x.size % rest:
            raise ShapeError(f"a tensor of shape {x.type.shape} cannot be reshaped to {tuple(wanted)}")
        wanted[wanted.index(-1)] = x.size // rest
    if tuple(wanted) == x.type.shape:
        return x
    return intern(Reshape(tuple(wanted)), (x,))


def broadcast_to(x: Any, shape: Any) -> Tensor:
    """Return `x` repeated to `shape`."""
    x = as_tensor(x)
    wanted = (shape,) if isinstance(shape, int) else tuple(int(n) for n in shape)
    return x if x.type.shape == wanted else intern(BroadcastTo(wanted), (x,))


def broadcast_like(x: Any, like: Expr) -> Tensor:
    """Return `x` repeated to the shape of `like`."""
    x = as_tensor(x)
    if None not in like.type.shape:
        return broadcast_to(x, like.type.shape)
    return x if x.type.shape == like.type.shape == () else intern(BroadcastLike(), (x, like))


def unbroadcast(cotangent: Tensor, x: Expr) -> Tensor:
    """Sum a cotangent over the axes along which `x` was broadcast."""
    from workbench.tensor.reduction import sum

    wanted: Shape = x.type.shape
    have = cotangent.type.shape
    if have == wanted:
        return cotangent
    extra = len(have) - len(wanted)
    if extra < 0:
        return broadcast_like(cotangent, x)
    axes = [*range(extra)]
    axes += [i + extra for i, n in enumerate(wanted) if n == 1 and have[i + extra] != 1]
    result = sum(cotangent, axis=tuple(axes)) if axes else cotangent
    if result.type.shape != wanted and None not in wanted:
        # Cotangents may arrive without the axes of length 1, or narrower than the value.
        result = reshape(result, wanted) if result.size == x.type.size else broadcast_to(result, wanted)
    return result


def transpose(x: Any, axes: Sequence[int] | None = None) -> Tensor:
    """Return `x` with its axes in another order, reversed by default."""
    x = as_tensor(x)
    order = tuple(range(x.ndim))[::-1] if axes is None else tuple(a % x.ndim for a in axes)
    return x if order == tuple(range(x.ndim)) else intern(Transpose(order), (x,))


def expand_dims(x: Any, axis: int) -> Tensor:
    """Return `x` with one more axis of length 1."""
    x = as_tensor(x)
    at = axis % (x.ndim + 1)
    return reshape(x, (*x.type.static_shape[:at], 1, *x.type.static_shape[at:]))


def squeeze(x: Any, axis: int | None = None) -> Tensor:
    """Return `x` without its axes of length 1, or without the one given."""
    x = as_tensor(x)
    drop = [i for i, n in enumerate(x.type.shape) if n == 1] if axis is None else [axis % x.ndim]
    for i in drop:
        if x.type.shape[i] != 1:
            raise ShapeError(f"axis {i} of a tensor of shape {x.type.shape} has not length 1")
    return reshape(x, [n for i, n in enumerate(x.type.static_shape) if i not in drop])


def concatenate(tensors: Sequence[Any], axis: int = 0) -> Tensor:
    """Return tensors one after another along `axis`."""
    parts = _e.promote("concatenate", *[as_tensor(t) for t in tensors])
    if parts[0].ndim == 0:
        raise ShapeError("scalars cannot be concatenated", "use stack")
    return parts[0] if len(parts) == 1 else intern(Concatenate(axis % parts[0].ndim), tuple(parts))


def stack(tensors: Sequence[Any], axis: int = 0) -> Tensor:
    """Return tensors of one shape along a new axis."""
    parts = [as_tensor(t) for t in tensors]
    if len({t.type.shape for t in parts}) > 1:
        raise ShapeError(f"tensors of shapes {', '.join(str(t.type.shape) for t in parts)} cannot be stacked")
    return concatenate([expand_dims(t, axis) for t in parts], axis)


def arange(n: int, dtype: str = "int64") -> Tensor:
    """Return the integers 0 ... n - 1."""
    return intern(Arange(int(n), dtype))


def full(shape: Any, value: Any, dtype: str | None = None) -> Tensor:
    """Return a tensor of one repeated value."""
    return broadcast_to(as_tensor(value, dtype), shape)


def zeros(shape: Any, dtype: str = floatX) -> Tensor:
    """Return zeros."""
    return full(shape, intern(constant_op(0, dtype)))


def ones(shape: Any, dtype: str = floatX) -> Tensor:
    """Return ones."""
    return full(shape, intern(constant_op(1, dtype)))


def zeros_like(x: Any) -> Tensor:
    """Return zeros of the shape and dtype of `x`."""
    x = as_tensor(x)
    return broadcast_like(intern(constant_op(0, x.dtype)), x)


def ones_like(x: Any) -> Tensor:
    """Return ones of the shape and dtype of `x`."""
    x = as_tensor(x)
    return broadcast_like(intern(constant_op(1, x.dtype)), x)
