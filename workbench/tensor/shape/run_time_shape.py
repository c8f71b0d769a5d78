"""Shape operations on lengths that are known only at run time.

Each has a method ``known``, which gives the operation of fixed shape once the lengths are known; a
rule asks it. On NumPy they run as they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from workbench.errors import CompileError, ShapeError
from workbench.graph.expr import Constant, Expr, Op, intern
from workbench.graph.frozen import frozen
from workbench.graph.types import KINDS, Shape, TensorType
from workbench.tensor import elementwise as _e
from workbench.tensor.shape import reshaping as _s
from workbench.tensor.shape.one_shape import of_one_shape
from workbench.tensor.tensor import Tensor, as_tensor


@frozen
class InsertAxes(Op):
    """More axes of length 1, at the places `axes` of the result."""

    axes: tuple[int, ...]
    name = "insert_axes"

    def infer(self, x: TensorType) -> TensorType:
        rest = iter(x.shape)
        return x.with_shape(tuple(1 if i in self.axes else next(rest) for i in range(x.ndim + len(self.axes))))

    def numpy(self, x: Any) -> Any:
        return np.expand_dims(x, self.axes)

    def jax(self, x: Any) -> Any:
        import jax.numpy as jnp

        return jnp.expand_dims(x, self.axes)

    def grad(self, node: Expr, cotangent: Tensor) -> Sequence[Expr | None]:
        return [_s.squeeze(_s.whole(cotangent, node), self.axes)]

    def element(self, builder: Any, node: Expr, index: Sequence[Any]) -> Any:
        return builder.element(node.inputs[0], [i for a, i in enumerate(index) if a not in self.axes])

    def known(self, node: Expr) -> Expr | None:
        return _s.expand_dims(node.inputs[0], self.axes) if None not in node.type.shape else None


@frozen
class DropAxes(Op):
    """Without the axes `axes`, which have length 1."""

    axes: tuple[int, ...]
    name = "drop_axes"

    def infer(self, x: TensorType) -> TensorType:
        for a in self.axes:
            if x.shape[a] not in (1, None):
                raise ShapeError(f"squeeze: axis {a} of a tensor of shape {x.shape} has not length 1")
        return x.with_shape(tuple(n for i, n in enumerate(x.shape) if i not in self.axes))

    def numpy(self, x: Any) -> Any:
        return np.squeeze(x, self.axes)

    def jax(self, x: Any) -> Any:
        return x.squeeze(self.axes)

    def grad(self, node: Expr, cotangent: Tensor) -> Sequence[Expr | None]:
        return [_s.expand_dims(_s.whole(cotangent, node), self.axes)]

    def element(self, builder: Any, node: Expr, index: Sequence[Any]) -> Any:
        rest = iter(index)
        x = node.inputs[0]
        return builder.element(x, [0 if a in self.axes else next(rest) for a in range(x.type.ndim)])

    def known(self, node: Expr) -> Expr | None:
        x = node.inputs[0]
        return _s.squeeze(x, self.axes) if None not in x.type.shape else None


@frozen
class ReshapeLike(Op):
    """The elements of one tensor, row-major, in the shape of another."""

    name = "reshape_like"

    def infer(self, x: TensorType, like: TensorType) -> TensorType:
        if None not in x.shape and None not in like.shape and x.size != like.size:
            raise ShapeError(f"a tensor of shape {x.shape} cannot be reshaped to {like.shape}")
        return x.with_shape(like.shape)

    def numpy(self, x: Any, like: Any) -> Any:
        return np.reshape(x, np.shape(like))

    def jax(self, x: Any, like: Any) -> Any:
        return x.reshape(like.shape)

    def grad(self, node: Expr, cotangent: Tensor) -> Sequence[Expr | None]:
        return [_s.reshape_like(_s.whole(cotangent, node), node.inputs[0]), None]

    def element(self, builder: Any, node: Expr, index: Sequence[Any]) -> Any:
        return builder.element(node.inputs[0], _s.reshaped_index(builder, node, index))

    def known(self, node: Expr) -> Expr | None:
        x, like = node.inputs
        return _s.reshape(x, like.type.shape) if None not in like.type.shape else None


@frozen
class SumLike(Op):
    """What comes back to an operand from a result that it was broadcast to, lengths known only at run time.

    Where the operand has length 1 the cotangent is summed; where the cotangent has, it is repeated.
    """

    name = "sum_like"

    def infer(self, g: TensorType, like: TensorType) -> TensorType:
        if g.ndim > like.ndim:
            raise ShapeError(f"a cotangent of shape {g.shape} for an operand of shape {like.shape}")
        return g.with_shape(like.shape)

    def numpy(self, g: Any, like: Any) -> Any:
        wanted = np.shape(like)
        own = wanted[len(wanted) - g.ndim :]
        axes = tuple(i for i, (n, m) in enumerate(zip(g.shape, own)) if m == 1 and n != 1)
        return np.broadcast_to(np.sum(g, axis=axes, keepdims=True) if axes else g, wanted)

    def jax(self, g: Any, like: Any) -> Any:
        import jax.numpy as jnp

        own = like.shape[like.ndim - g.ndim :]
        axes = tuple(i for i, (n, m) in enumerate(zip(g.shape, own)) if m == 1 and n != 1)
        return jnp.broadcast_to(g.sum(axes, keepdims=True), like.shape)

    def grad(self, node: Expr, cotangent: Tensor) -> Sequence[Expr | None]:
        # Summed where that was repeated, repeated where that was summed.
        return [_s.unbroadcast(_s.whole(cotangent, node), node.inputs[0]), None]

    def known(self, node: Expr) -> Expr | None:
        g, like = node.inputs
        if None in g.type.shape or None in like.type.shape:
            return None
        return _s.unbroadcast(g, like)


@frozen
class SameLength(Op):
    """The first tensor, whose axis `axis` must have the length that axis `other` of the second has.

    Products and sums would broadcast an axis of length 1 where the operation that they stand for does not.
    """

    what: str
    axis: int
    other: int
    name = "same_length"

    def infer(self, x: TensorType, like: TensorType) -> TensorType:
        n, m = x.shape[self.axis], like.shape[self.other]
        if None not in (n, m) and n != m:
            raise self._error(x.shape, like.shape, n, m)
        return x.with_shape((*x.shape[: self.axis], m if n is None else n, *x.shape[self.axis + 1 :]))

    def _error(self, x: Any, like: Any, n: Any, m: Any) -> ShapeError:
        return ShapeError(f"{self.what} of shapes {x} and {like}: {n} is not {m}", "these axes must have one length")

    def _checked(self, x: Any, like: Any) -> Any:
        n, m = x.shape[self.axis], like.shape[self.other]
        if n != m:
            raise self._error(x.shape, like.shape, n, m)
        return x

    def numpy(self, x: Any, like: Any) -> Any:
        return self._checked(x, like)

    def jax(self, x: Any, like: Any) -> Any:
        return self._checked(x, like)

    def grad(self, node: Expr, cotangent: Tensor) -> Sequence[Expr | None]:
        return [cotangent, None]

    def element(self, builder: Any, node: Expr, index: Sequence[Any]) -> Any:
        return builder.element(node.inputs[0], index)

    def known(self, node: Expr) -> Expr | None:
        x, like = node.inputs
        return x if x.type.shape[self.axis] is not None and x.type.shape[self.axis] == like.type.shape[self.other] else None


def paired(what: str, x: Tensor, axis: int, y: Tensor, other: int) -> Tensor:
    """Return `x`, of which axis `axis` is summed with axis `other` of `y`: of one length, now or at run time.

    Raises
    ------
    ShapeError
        If the lengths are known, and differ.
    """
    axis, other = axis % x.ndim, other % y.ndim
    made = SameLength(what, axis, other)
    made.infer(x.type, y.type)
    known = None not in (x.type.shape[axis], y.type.shape[other])
    if known or (axis == other and x.ndim == y.ndim and of_one_shape(x) is of_one_shape(y)):
        return x
    return intern(made, (x, y))


def _concrete(length: Any) -> int:
    """A length as a number, in JAX: it must not depend on values."""
    try:
        return int(length)
    except TypeError:
        raise CompileError(
            "the length of an axis depends on values, which JAX cannot compile", "use backend='numpy'"
        ) from None


@frozen
class ToLengths(Op):
    """A tensor reshaped, or repeated, to lengths of which some (``None``) are inputs."""

    how: str
    shape: Shape

    @property
    def name(self) -> str:
        return f"{self.how}_lengths"

    def infer(self, x: TensorType, *given: TensorType) -> TensorType:
        return x.with_shape(tuple(None if n == -1 else n for n in self.shape))

    def lengths(self, given: Sequence[Any]) -> tuple[Any, ...]:
        """The shape, with the lengths given in their places."""
        rest = iter(given)
        return tuple(next(rest) if n is None else n for n in self.shape)

    def numpy(self, x: Any, *given: Any) -> Any:
        shape = self.lengths([int(n) for n in given])
        return np.reshape(x, shape) if self.how == "reshape" else np.broadcast_to(x, shape)

    def jax(self, x: Any, *given: Any) -> Any:
        import jax.numpy as jnp

        shape = self.lengths([_concrete(n) for n in given])
        return x.reshape(shape) if self.how == "reshape" else jnp.broadcast_to(x, shape)

    def grad(self, node: Expr, cotangent: Tensor) -> Sequence[Expr | None]:
        x, *given = node.inputs
        g = _s.whole(cotangent, node)
        back = _s.reshape_like(g, x) if self.how == "reshape" else _s.unbroadcast(g, x)
        return [back, *[None] * len(given)]

    def known(self, node: Expr) -> Expr | None:
        x, *given = node.inputs
        if not all(isinstance(n.op, Constant) for n in given):
            return None
        shape = self.lengths([int(n.op.value) for n in given])
        return _s.reshape(x, shape) if self.how == "reshape" else _s.broadcast_to(x, shape)


def _to_lengths(how: str, x: Tensor, wanted: Sequence[Any]) -> Tensor:
    shape = tuple(n if isinstance(n, int) else None for n in wanted)
    return intern(ToLengths(how, shape), (x, *(n for n in wanted if not isinstance(n, int))))


def reshape_to(x: Tensor, wanted: Sequence[Any]) -> Tensor:
    """Return `x` in a shape some of whose lengths are expressions."""
    return _to_lengths("reshape", x, wanted)


def broadcast_to_lengths(x: Tensor, wanted: Sequence[Any]) -> Tensor:
    """Return `x` repeated to a shape some of whose lengths are expressions."""
    if x.ndim > len(wanted):
        raise ShapeError(f"a tensor of shape {x.type.shape} cannot be broadcast to {len(wanted)} axes")
    return _to_lengths("broadcast", x, wanted)


def common_lengths(leading: Mapping[Tensor, Shape], what: str = "operands") -> tuple[Any, ...]:
    """Return the lengths to which the leading axes of tensors broadcast, by what is known of them."""
    shape = _e.broadcast_shapes(*leading.values(), what=what)
    found: list[Any] = []
    for back, n in zip(range(-len(shape), 0), shape):
        common: Any = n
        later = [(x, len(s) + back) for x, s in leading.items() if n is None and len(s) >= -back and s[back] is None]
        for m in dict.fromkeys(_s.dim(x, axis) for x, axis in later):
            common = m if common is None else _e.where(_e.equal(common, 1), m, common)
        found.append(common)
    return tuple(found)


def broadcast_together(parts: Sequence[Tensor]) -> list[Tensor]:
    """Return tensors repeated to their common shape, not all of it known yet."""
    wanted = common_lengths({t: t.type.shape for t in parts})
    return [_s.broadcast_to(t, wanted) for t in parts]


@frozen
class ArangeBetween(Op):
    """Numbers from a start up to a stop, a step apart, all three known only at run time."""

    to: str
    name = "arange_between"

    def infer(self, start: TensorType, stop: TensorType, step: TensorType) -> TensorType:
        return TensorType(self.to, (None,))

    def numpy(self, start: Any, stop: Any, step: Any) -> Any:
        start, stop, step = (np.asarray(b).item() for b in (start, stop, step))
        return np.arange(start, stop, step).astype(self.to)

    def jax(self, start: Any, stop: Any, step: Any) -> Any:
        raise CompileError("the length of an arange depends on values, which JAX cannot compile", "use backend='numpy'")

    def grad(self, node: Expr, cotangent: Tensor) -> Sequence[Expr | None]:
        g = _s.whole(cotangent, node)
        if KINDS[self.to] != "f":
            return [None, None, None]
        numbers = _s.arange(_s.dim(g, 0), dtype=self.to)
        return [g.sum(), None, (g * numbers).sum()]

    def known(self, node: Expr) -> Expr | None:
        if not all(isinstance(b.op, Constant) for b in node.inputs):
            return None
        start, stop, step = (b.op.value.item() for b in node.inputs)
        return _s.arange(start, stop, step, self.to)


def arange_between(start: Any, stop: Any, step: Any, dtype: str | None) -> Tensor:
    """Return the numbers between bounds some of which are expressions."""
    bounds = _e.promote("arange", *(as_tensor(b) for b in (start, stop, step)))
    if any(b.ndim for b in bounds):
        raise ShapeError(f"arange: the bounds must be scalars, got {', '.join(str(b.type) for b in bounds)}")
    return intern(ArangeBetween(np.dtype(dtype or bounds[0].dtype).name), tuple(bounds))
