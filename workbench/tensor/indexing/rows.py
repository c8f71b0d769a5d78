"""Rows by an array of their numbers: `Take` gathers them, `SetAt` replaces them, `AddAt` adds to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from workbench.errors import DTypeError, IndexBoundsError, ShapeError
from workbench.graph.expr import Constant, Expr, Op, intern
from workbench.graph.frozen import frozen
from workbench.graph.lengths import minimum, one_length
from workbench.graph.types import Shape, TensorType
from workbench.tensor import elementwise as _e
from workbench.tensor import shape as _s
from workbench.tensor.tensor import Tensor, as_tensor


def _check_index(op: str, x: TensorType, index: TensorType) -> None:
    if index.kind not in "iu":
        raise DTypeError(f"{op}: an index must be an integer, got {index.dtype}")
    if x.ndim == 0:
        raise ShapeError(f"{op}: a scalar cannot be indexed")


@frozen
class Take(Op):
    """``x[index]`` along the first axis, for an integer index of any rank.

    Negative indices count from the end. An index out of bounds is an ``IndexError`` at run time.
    """

    name = "take"

    def infer_from(self, inputs: tuple[Expr, ...]) -> TensorType:
        x, index = inputs
        if isinstance(index.op, Constant) and index.op.value.size and x.type.ndim:
            # That they are there is a condition on the length.
            needed = max(int(index.op.value.max()) + 1, -int(index.op.value.min()))
            one_length(minimum(x.type.shape[0], needed), needed)
        return self.infer(x.type, index.type)

    def infer(self, x: TensorType, index: TensorType) -> TensorType:
        _check_index("x[index]", x, index)
        return x.with_shape((*index.shape, *x.shape[1:]))

    def numpy(self, x: Any, index: Any) -> Any:
        _check_bounds(x, index)
        return np.asarray(x)[index]

    def jax(self, x: Any, index: Any) -> Any:
        return x[index]

    def grad(self, node: Expr, cotangent: Tensor) -> Sequence[Expr | None]:
        x, index = node.inputs
        return [intern(AddAt(), (_s.zeros_like(x), index, _s.whole(cotangent, node))), None]

    def written(self, *operands: str) -> str:
        return f"{operands[0]}[{operands[1]}]"

    def element(self, builder: Any, node: Expr, index: Sequence[Any]) -> Any:
        x, at = node.inputs
        rank = at.type.ndim
        row = builder.row(builder.element(at, index[:rank]), x, at)
        return builder.element(x, [row, *index[rank:]])


@frozen
class SetAt(Op):
    """``x`` with ``x[index]`` replaced along the first axis; the last wins where an index repeats."""

    name = "set_at"

    def infer(self, x: TensorType, index: TensorType, value: TensorType) -> TensorType:
        return _infer_update("x[index].set(value)", x, index, value)

    def numpy(self, x: Any, index: Any, value: Any) -> Any:
        _check_bounds(x, index)
        result = np.array(x)
        result[index] = value
        return result

    def jax(self, x: Any, index: Any, value: Any) -> Any:
        return x.at[index].set(value)

    def grad(self, node: Expr, cotangent: Tensor) -> Sequence[Expr | None]:
        _, index, value = node.inputs
        g = _s.whole(cotangent, node)
        kept = intern(SetAt(), (g, index, _s.zeros_like(value)))
        return [kept, None, of_the_last(node, Take(), g)]

    def accumulate(self, builder: Any, node: Expr) -> None:
        _accumulate_at(builder, node, None)


@frozen
class AddAt(Op):
    """``x`` with `value` added to ``x[index]`` along the first axis; repeated indices add up."""

    name = "add_at"

    def infer(self, x: TensorType, index: TensorType, value: TensorType) -> TensorType:
        return _infer_update("x[index].inc(value)", x, index, value)

    def numpy(self, x: Any, index: Any, value: Any) -> Any:
        _check_bounds(x, index)
        result = np.array(x)
        np.add.at(result, index, value)
        return result

    def jax(self, x: Any, index: Any, value: Any) -> Any:
        return x.at[index].add(value)

    def grad(self, node: Expr, cotangent: Tensor) -> Sequence[Expr | None]:
        g = _s.whole(cotangent, node)
        return [g, None, intern(Take(), (g, node.inputs[1]))]

    def accumulate(self, builder: Any, node: Expr) -> None:
        _accumulate_at(builder, node, _e.add)


def _infer_update(what: str, x: TensorType, index: TensorType, value: TensorType) -> TensorType:
    _check_index(what, x, index)
    check_value(what, x, (*index.shape, *x.shape[1:]), value)
    return x


def check_value(what: str, x: TensorType, wanted: Shape, value: TensorType) -> None:
    """Raise an error if a value does not fit the part of `x` that it updates."""
    differs = any(one_length(n, m) is None for n, m in zip(wanted, value.shape))
    if value.dtype != x.dtype or value.ndim != len(wanted) or differs:
        raise ShapeError(f"{what}: the value is {value}, it must be {x.with_shape(wanted)}")


def of_the_last(node: Expr, read: Op, cotangent: Tensor) -> Tensor:
    """Return the gradient of the values of an update, of which `read` is the reading: zero for those that a later one replaced."""
    arrays = [i for i in node.inputs[1:-1] if i.type.ndim]
    gradient: Tensor = intern(read, (cotangent, *node.inputs[1:-1]))
    if not any(_may_repeat(i) for i in arrays):
        return gradient
    x, *_, value = node.inputs
    # Write every value's number where the value goes; it counts if it is still there.
    numbers = _s.reshape_like(_s.arange(as_tensor(value).size_expr()), value)
    written = intern(node.op, (_s.zeros_like(x, "int64"), *node.inputs[1:-1], numbers))
    found = intern(read, (written, *node.inputs[1:-1]))
    return _e.where(_e.equal(found, numbers), gradient, _s.zeros_like(gradient))


def _may_repeat(index: Expr) -> bool:
    if isinstance(index.op, Constant):
        at = index.op.value
        return bool(np.unique(at).size != at.size or (at < 0).any())
    return not isinstance(index.op, _s.Arange) and index.type.shape != (1,) * index.type.ndim


def _accumulate_at(builder: Any, node: Expr, combine: Any) -> None:
    x, at, value = node.inputs
    rank = at.type.ndim

    def body(index: Sequence[Any]) -> tuple[Sequence[Any], Any]:
        row = builder.row(builder.element(at, index[:rank]), x, at)
        return [row, *index[rank:]], builder.element(value, index)

    builder.accumulate(node, value.type.shape, body, combine, start=x)


def _check_bounds(x: Any, index: Any) -> None:
    n = np.shape(x)[0]
    at = np.asarray(index)
    if at.size and (int(at.max()) >= n or int(at.min()) < -n):
        bad = at[(at >= n) | (at < -n)].reshape(-1)[0]
        raise IndexBoundsError(f"index {bad} is out of bounds for axis 0 of length {n}")
