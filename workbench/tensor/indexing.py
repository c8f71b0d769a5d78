"""Indexing: slices with fixed bounds, gathers by integer arrays, and their updates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from workbench.errors import DTypeError, IndexBoundsError, ShapeError
from workbench.graph.expr import Constant, Expr, Op, intern
from workbench.graph.types import TensorType
from workbench.tensor import elementwise as _e
from workbench.tensor import shape as _s
from workbench.tensor.tensor import Tensor, as_tensor

Spec = tuple[tuple[int, int, int], ...]  # (start, length, step) of every axis


def _slices(spec: Spec) -> tuple[slice, ...]:
    found = []
    for start, length, step in spec:
        stop = start + step * length
        found.append(slice(start, None if step < 0 and stop < 0 else stop, step))
    return tuple(found)


@dataclass(frozen=True)
class Slice(Op):
    """Every `step`-th element from `start`, on every axis."""

    spec: Spec
    name = "slice"

    def infer(self, x: TensorType) -> TensorType:
        return x.with_shape(tuple(length for _, length, _ in self.spec))

    def numpy(self, x: Any) -> Any:
        return x[_slices(self.spec)]

    def jax(self, x: Any) -> Any:
        return x[_slices(self.spec)]

    def grad(self, node: Expr, cotangent: Tensor) -> Sequence[Expr | None]:
        return [intern(SetSlice(self.spec), (_s.zeros_like(node.inputs[0]), cotangent))]

    def element(self, builder: Any, node: Expr, index: Sequence[Any]) -> Any:
        return builder.element(node.inputs[0], builder.slice_index(index, self.spec))


@dataclass(frozen=True)
class SetSlice(Op):
    """A tensor with a slice of it replaced."""

    spec: Spec
    name = "set_slice"

    def infer(self, x: TensorType, value: TensorType) -> TensorType:
        return x

    def numpy(self, x: Any, value: Any) -> Any:
        result = np.array(x)
        result[_slices(self.spec)] = value
        return result

    def jax(self, x: Any, value: Any) -> Any:
        return x.at[_slices(self.spec)].set(value)

    def grad(self, node: Expr, cotangent: Tensor) -> Sequence[Expr | None]:
        value = node.inputs[1]
        kept = intern(SetSlice(self.spec), (cotangent, _s.zeros_like(value)))
        return [kept, intern(Slice(self.spec), (cotangent,))]

    def accumulate(self, builder: Any, node: Expr) -> None:
        x, value = node.inputs

        def body(index: Sequence[Any]) -> tuple[Sequence[Any], Any]:
            return builder.slice_index(index, self.spec), builder.element(value, index)

        builder.accumulate(node, value.type.static_shape, body, None, start=x)


def _check_index(op: str, x: TensorType, index: TensorType) -> None:
    if index.kind not in "iu":
        raise DTypeError(f"{op}: an index must be an integer, got {index.dtype}")
    if x.ndim == 0:
        raise ShapeError(f"{op}: a scalar cannot be indexed")


@dataclass(frozen=True)
class Take(Op):
    """``x[index]`` along the first axis, for an integer index of any rank.

    Negative indices count from the end. An index out of bounds is an ``IndexError`` at run time.
    """

    name = "take"

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
        return [intern(AddAt(), (_s.zeros_like(x), index, cotangent)), None]

    def element(self, builder: Any, node: Expr, index: Sequence[Any]) -> Any:
        x, at = node.inputs
        rank = at.type.ndim
        row = builder.row(builder.element(at, index[:rank]), x, at)
        return builder.element(x, [row, *index[rank:]])


@dataclass(frozen=True)
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
        x, index, value = node.inputs
        return [
            intern(SetAt(), (cotangent, index, _s.zeros_like(value))),
            None,
            intern(Take(), (cotangent, index)),
        ]

    def accumulate(self, builder: Any, node: Expr) -> None:
        _accumulate_at(builder, node, None)


@dataclass(frozen=True)
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
        return [cotangent, None, intern(Take(), (cotangent, node.inputs[1]))]

    def accumulate(self, builder: Any, node: Expr) -> None:
        _accumulate_at(builder, node, _e.add)


def _infer_update(what: str, x: TensorType, index: TensorType, value: TensorType) -> TensorType:
    _check_index(what, x, index)
    wanted = (*index.shape, *x.shape[1:])
    if value.shape != wanted or value.dtype != x.dtype:
        raise ShapeError(f"{what}: the value is {value}, it must be {x.with_shape(wanted)}")
    return x


def _accumulate_at(builder: Any, node: Expr, combine: Any) -> None:
    x, at, value = node.inputs
    rank = at.type.ndim

    def body(index: Sequence[Any]) -> tuple[Sequence[Any], Any]:
        row = builder.row(builder.element(at, index[:rank]), x, at)
        return [row, *index[rank:]], builder.element(value, index)

    builder.accumulate(node, value.type.static_shape, body, combine, start=x)


def _check_bounds(x: Any, index: Any) -> None:
    n = np.shape(x)[0]
    at = np.asarray(index)
    if at.size and (int(at.max()) >= n or int(at.min()) < -n):
        bad = at[(at >= n) | (at < -n)].reshape(-1)[0]
        raise IndexBoundsError(f"index {bad} is out of bounds for an axis of length {n}")


def take(x: Any, index: Any) -> Tensor:
    """Return ``x[index]`` along the first axis.

    Raises
    ------
    IndexBoundsError
        If a constant index is out of bounds.
    """
    x, index = as_tensor(x), as_tensor(index)
    if isinstance(index.op, Constant) and x.ndim and x.type.shape[0] is not None:
        n = x.type.shape[0]
        value = index.op.value
        if value.size and index.type.kind in "iu" and not (-n <= value.min() and value.max() < n):
            position = np.argwhere((value >= n) | (value < -n))[0]
            where = f" (position {', '.join(map(str, position))} of the index)" if value.ndim else ""
            raise IndexBoundsError(
                f"index {value[tuple(position)]} is out of bounds for an axis of length {n}{where}",
                f"valid indices run from 0 to {n - 1}; data counted from 1 needs `index - 1`",
            )
    return intern(Take(), (x, index))


def getitem(x: Tensor, key: Any) -> Tensor:
    """``x[key]``: integers, slices with fixed bounds, ``None``, ``...``, one integer array."""
    keys = list(key) if isinstance(key, tuple) else [key]
    used = [k for k in keys if k is not None and k is not Ellipsis]
    if len(used) > x.ndim:
        raise IndexBoundsError(f"{len(used)} indices for a tensor of shape {x.type.shape}")
    if not any(k is Ellipsis for k in keys):
        keys.append(Ellipsis)
    at = next(i for i, k in enumerate(keys) if k is Ellipsis)
    keys[at : at + 1] = [slice(None)] * (x.ndim - len(used))

    arrays = [(i, k) for i, k in enumerate(k for k in keys if k is not None) if _is_array(k)]
    if len(arrays) > 1:
        raise NotImplementedError("indexing with several integer arrays at once is not supported yet")
    if arrays:
        return _gather(x, keys, *arrays[0])
    spec, shape = _basic(x, keys)
    sliced = x if spec == tuple((0, n, 1) for n in x.type.shape) else intern(Slice(spec), (x,))
    return _s.reshape(sliced, shape)


def _is_array(k: Any) -> bool:
    return not isinstance(k, (int, slice, np.integer)) and k is not None


def _basic(x: Tensor, keys: Sequence[Any]) -> tuple[Spec, list[int]]:
    spec: list[tuple[int, int, int]] = []
    shape: list[int] = []
    for k in keys:
        if k is None:
            shape.append(1)
            continue
        axis = len(spec)
        n = x.type.shape[axis]
        if n is None:
            raise ShapeError(f"axis {axis} of {x.type} is known only at run time and cannot be sliced yet")
        if isinstance(k, slice):
            start, stop, step = k.indices(n)
            length = len(range(start, stop, step))
            spec.append((start if length else 0, length, step))
            shape.append(length)
        else:
            if not -n <= k < n:
                raise IndexBoundsError(
                    f"index {k} is out of bounds for axis {axis} of length {n}", f"valid indices: {-n} to {n - 1}"
                )
            spec.append((int(k) % n, 1, 1))
    return tuple(spec), shape


def _gather(x: Tensor, keys: Sequence[Any], axis: int, index: Any) -> Tensor:
    index = as_tensor(index)
    if index.dtype == "bool":
        if not isinstance(index.op, Constant):
            raise NotImplementedError("a boolean index must be a constant for now")
        index = as_tensor(np.flatnonzero(index.op.value))
    rest = [slice(None) if _is_array(k) else k for k in keys]
    if any(k != slice(None) for k in rest if k is not None) or None in [k for k in keys if k is None]:
        x = getitem(x, tuple(rest))
        axis -= sum(1 for k in rest[:axis] if isinstance(k, (int, np.integer)))
    if axis == 0:
        return take(x, index)
    order = [axis, *[a for a in range(x.ndim) if a != axis]]
    moved = take(_s.transpose(x, order), index)
    rank = index.ndim
    back = [*range(rank, rank + axis), *range(rank), *range(rank + axis, moved.ndim)]
    return _s.transpose(moved, back)


def set_subtensor(part: Tensor, value: Any) -> Tensor:
    """``set_subtensor(x[i], v)``: `x` with ``x[i]`` replaced by `v`."""
    return _update(part, value, "set")


def inc_subtensor(part: Tensor, value: Any) -> Tensor:
    """``inc_subtensor(x[i], v)``: `x` with `v` added to ``x[i]``."""
    return _update(part, value, "inc")


def _update(part: Tensor, value: Any, how: str) -> Tensor:
    inner = part.inputs[0] if isinstance(part.op, _s.Reshape) else part
    value = _s.broadcast_to(_e.cast(as_tensor(value), part.dtype), part.type.static_shape)
    if isinstance(inner.op, Slice):
        value = _s.reshape(value, inner.type.static_shape)
        if how == "inc":
            value = inner + value
        return intern(SetSlice(inner.op.spec), (inner.inputs[0], value))
    if isinstance(part.op, Take):
        op = SetAt() if how == "set" else AddAt()
        return intern(op, (part.inputs[0], part.inputs[1], value))
    raise ShapeError(f"{part!r} is not an indexing x[i], so it cannot be {how}", "write x[i].set(value)")
