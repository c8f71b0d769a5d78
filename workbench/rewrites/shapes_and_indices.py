"""Shapes and indices in their simplest form: moves merged, parts of constructed tensors found where they were made."""

from __future__ import annotations

from typing import Any

import numpy as np

import workbench.tensor as pt
from workbench.graph.expr import Constant, Expr, constant_op, intern
from workbench.graph.lengths import Size, at_least, product, quotient
from workbench.graph.pattern import uniform_value
from workbench.graph.rewrite import rule
from workbench.tensor.elementwise import Cast, ScalarOp
from workbench.tensor.indexing.advanced import AddIndex, Index, SetIndex
from workbench.tensor.indexing.rows import AddAt, SetAt, Take
from workbench.tensor.indexing.slices import SetSlice, Slice, Spec, everything, fixed, part_of
from workbench.tensor.indexing.updates import with_fixed_bounds
from workbench.tensor.linalg.diagonal import Eye
from workbench.tensor.shape import Arange, BroadcastTo, Dim, Reshape, SameLength, Transpose, dim, extents, number_of
from workbench.tensor.shape.joining import Concatenate, part_that_has
from workbench.tensor.tensor import Tensor

GROUP = "canonicalise"


def _matrix(name: str = "m") -> Tensor:
    return pt.matrix(name, 3, 4)


def _vector(name: str = "v") -> Tensor:
    return pt.vector(name, 4)


def _scalar() -> Tensor:
    return pt.scalar("s")


# Reshape --------------------------------------------------------------------------------------


@rule(GROUP, ops=(Reshape,), over=(Reshape,), examples=lambda: [intern(Reshape((4, 3)), (pt.reshape(_matrix(), (2, 6)),))])
def reshape_of_reshape(expr: Expr) -> Expr | None:
    """Only the last of two reshapes matters."""
    return intern(expr.op, (expr.inputs[0].inputs[0], *expr.inputs[1:]))


@rule(GROUP, ops=(Reshape, BroadcastTo, Arange, Eye), examples=lambda: [
    intern(Reshape((None, 6)), (_matrix(), pt.constant(2))), intern(BroadcastTo((None, 4)), (_vector(), pt.constant(3))),
    intern(Arange((None,)), (pt.constant(3),)), intern(Eye((None, 3), 0, "float64"), (pt.constant(2),))])  # fmt: skip
def shape_known_now(expr: Expr) -> Expr | None:
    """Lengths that are known when the graph is compiled are part of the operation."""
    known: Expr | None = expr.op.known(expr)
    return known


@rule(GROUP, ops=(Reshape, BroadcastTo), examples=lambda: [intern(Reshape((4,)), (_vector(),)), intern(BroadcastTo((3, 4)), (_matrix(),))])
def arrangement_that_changes_nothing(expr: Expr) -> Expr | None:
    """A reshape or broadcast to the shape that there is does nothing."""
    return expr.inputs[0] if expr.inputs[0].type == expr.type else None


def _with_units(expr: Expr, source: Expr) -> bool:
    return [n for n in expr.type.shape if n != 1] == [n for n in source.type.shape if n != 1]


@rule(GROUP, ops=(Reshape,), over=(BroadcastTo,), examples=lambda: [pt.reshape(pt.broadcast_to(_scalar(), (3, 4)), (2, 6)), pt.reshape(pt.broadcast_to(pt.reshape(_vector(), (1, 4)), (1, 3, 4)), (3, 4))])
def reshape_of_broadcast(expr: Expr) -> Expr | None:
    """A repeated number in another shape is the number repeated to that shape."""
    source = expr.inputs[0].inputs[0]
    if source.type.shape == () or source.type.shape == (1,) * source.type.ndim:
        return pt.broadcast_to(pt.reshape(source, ()), extents(expr))
    before = expr.inputs[0].type.shape
    while before and before[0] == 1 and len(before) > source.type.ndim:
        before = before[1:]
    return pt.broadcast_to(source, extents(expr)) if before == expr.type.shape and before != expr.inputs[0].type.shape else None


@rule(GROUP, ops=(ScalarOp, Cast), over=(Reshape, Transpose), examples=lambda: [pt.exp(pt.reshape(_matrix(), (6, 2))), pt.exp(_matrix().T), _matrix().T + _matrix("w").T, _matrix().T * _scalar()])
def move_out_of_elementwise(expr: Expr) -> Expr | None:
    """The same change of shape of every operand is made once, on the result, where another may undo it."""
    move: Any = None
    source: Any = None
    shape: Any = None
    numbers: Any = ()
    for x in expr.inputs:
        if x.type.ndim == 0:
            continue
        if not isinstance(x.op, (Reshape, Transpose)):
            return None
        below = x.inputs[0].type.shape
        if move is not None and (x.op != move or below != source or x.type.shape != shape):
            return None
        move, source, shape, numbers = x.op, below, x.type.shape, x.inputs[1:]
    if move is None or source == () or product(source) == 0:
        return None
    bare = [x if x.type.ndim == 0 else x.inputs[0] for x in expr.inputs]
    return intern(move, (intern(expr.op, tuple(bare)), *numbers))


# Transpose ------------------------------------------------------------------------------------


@rule(GROUP, ops=(Transpose,), over=(Transpose,), examples=lambda: [pt.transpose(pt.transpose(pt.tensor("t", shape=(2, 3, 4)), (1, 2, 0)), (0, 2, 1))])  # fmt: skip
def transpose_of_transpose(expr: Expr) -> Expr | None:
    """Two transposes are one."""
    inner = expr.inputs[0]
    return pt.transpose(inner.inputs[0], tuple(inner.op.axes[a] for a in expr.op.axes))


@rule(GROUP, ops=(Transpose,), over=(BroadcastTo,), examples=lambda: [pt.transpose(pt.broadcast_to(_scalar(), (3, 4))), pt.transpose(pt.broadcast_to(_vector(), (3, 4)))])
def transpose_of_broadcast(expr: Expr) -> Expr | None:
    """Axes along which elements are repeated need not be moved."""
    repeated = expr.inputs[0]
    source = repeated.inputs[0]
    units = [1] * (repeated.type.ndim - source.type.ndim) + list(extents(source))
    moved = [a for a in expr.op.axes if not (isinstance(units[a], int) and units[a] == 1)]
    if moved != sorted(moved):
        return None
    return pt.broadcast_to(pt.reshape(source, [units[a] for a in expr.op.axes]), extents(expr))


@rule(GROUP, ops=(Transpose,), examples=lambda: [pt.transpose(pt.tensor("t", shape=(3, 1, 4)), (1, 0, 2)), pt.transpose(pt.tensor("t", shape=(1, 4)))])
def transpose_of_units(expr: Expr) -> Expr | None:
    """Moving an axis of length 1 rearranges nothing: a reshape says so."""
    shape = expr.inputs[0].type.shape
    if 1 not in shape:
        return None
    moved = [a for a in expr.op.axes if shape[a] != 1]
    return pt.reshape(expr.inputs[0], extents(expr)) if moved == sorted(moved) else None


# Broadcasting ---------------------------------------------------------------------------------


@rule(GROUP, ops=(BroadcastTo,), over=(BroadcastTo,), examples=lambda: [pt.broadcast_to(pt.broadcast_to(_scalar(), (4,)), (3, 4))])
def broadcast_of_broadcast(expr: Expr) -> Expr | None:
    """Only the last of two broadcasts matters."""
    return pt.broadcast_to(expr.inputs[0].inputs[0], extents(expr))



@rule(GROUP, ops=(ScalarOp, Cast), over=(BroadcastTo,), examples=lambda: [pt.broadcast_to(_scalar(), (4,)) * _vector(), pt.exp(pt.broadcast_to(_scalar(), (4,)))])
def broadcast_within_elementwise(expr: Expr) -> Expr | None:
    """Elementwise operations broadcast by themselves: an operand need not be broadcast first."""
    bare = [i.inputs[0] if isinstance(i.op, BroadcastTo) else i for i in expr.inputs]
    result: Expr = intern(expr.op, tuple(bare))
    # Whole expressions of broadcasts are computed small and broadcast once.
    return result.fit(expr)


@rule(GROUP, ops=(BroadcastTo,), over=(Reshape,), examples=lambda: [pt.broadcast_to(pt.reshape(_vector(), (1, 1, 4)), (2, 3, 4)), pt.broadcast_to(pt.reshape(_scalar(), (1,)), (4,))])
def broadcast_of_leading_units(expr: Expr) -> Expr | None:
    """Broadcasting adds leading axes by itself."""
    inner = expr.inputs[0]
    source = inner.inputs[0]
    extra = inner.type.ndim - source.type.ndim
    if extra <= 0 or inner.type.shape != ((1,) * extra + source.type.shape):
        return None
    return pt.broadcast_to(source, extents(expr))


@rule(GROUP, ops=(Dim,), examples=lambda: [intern(Dim(0), (_matrix(),))])
def known_length(expr: Expr) -> Expr | None:
    """The length of an axis is a constant, once it is known."""
    n = expr.inputs[0].type.shape[expr.op.axis]
    return pt.constant(np.int64(n)) if isinstance(n, int) else None


@rule(GROUP, ops=(Dim,), examples=lambda: [intern(Dim(0), (pt.exp(pt.vector("u")),)), intern(Dim(0), (pt.concatenate([pt.vector("u"), _vector()]),))])
def length_where_it_comes_from(expr: Expr) -> Expr | None:
    """A length is asked of what has it, not of what is computed from that."""
    return dim(expr.inputs[0], expr.op.axis)


@rule(GROUP, ops=(SameLength,), examples=lambda: [intern(SameLength("@", 1, 0), (_matrix(), pt.matrix("w", 4, 2)))])
def lengths_that_are_the_same(expr: Expr) -> Expr | None:
    """What is known to have the length it must have need not be compared."""
    x, like = expr.inputs
    return x if x.type.shape[expr.op.axis] == like.type.shape[expr.op.other] else None


@rule(GROUP, ops=(Index, SetIndex, AddIndex), examples=lambda: [
    intern(Index((("slice", 1, None, 2), ("int", 2))), (_matrix(),)),
    intern(SetIndex((("slice", 1, None, 2), ("int", 2))), (_matrix(), pt.vector("v", 1)))])  # fmt: skip
def index_known_now(expr: Expr) -> Expr | None:
    """An index whose bounds are known when the graph is compiled is a slice with fixed bounds."""
    return with_fixed_bounds(expr)


# Slices ---------------------------------------------------------------------------------------


@rule(GROUP, ops=(Slice, SetSlice), examples=lambda: [intern(Slice(((1, None, 1), (-2, None, 0))), (_matrix(),)), intern(SetSlice(((-1, None, 1),)), (_vector(), pt.vector("w", 1)))])
def bounds_known_now(expr: Expr) -> Expr | None:
    """Bounds of an axis whose length is known when the graph is compiled are counted from its start."""
    bounds = fixed(expr.op.bounds, expr.inputs[0].type.shape)
    return None if bounds == expr.op.bounds else intern(type(expr.op)(bounds), expr.inputs)


def _merged(outer: Spec, inner: Spec) -> Spec:
    """The slice that two slices, `outer` of `inner`, are."""
    return tuple(
        (start + first * step, length, step * stride)
        for (first, length, stride), (start, _, step) in zip(outer, inner)
    )


@rule(GROUP, ops=(Slice,), examples=lambda: [intern(Slice(((0, None, 1),)), (_vector(),))])
def slice_of_everything(expr: Expr) -> Expr | None:
    """The slice that takes everything takes the tensor."""
    return expr.inputs[0] if expr.op.spec(expr) == everything(expr.inputs[0].type.shape) else None


@rule(GROUP, ops=(Slice,), over=(Slice,), examples=lambda: [pt.vector("w", 9)[1:8][::-2], _matrix()[1:, ::2][0:1]])
def slice_of_slice(expr: Expr) -> Expr | None:
    """A slice of a slice is a slice."""
    inner = expr.inputs[0]
    return part_of(inner.inputs[0], _merged(expr.op.spec(expr), inner.op.spec(inner)))


@rule(GROUP, ops=(Slice,), over=(Concatenate,), examples=lambda: [pt.concatenate([_vector(), _vector() * 2.0])[4:8], pt.concatenate([pt.zeros(3), _vector()])[1:3]])
def slice_of_concatenation(expr: Expr) -> Expr | None:
    """A slice that lies in one part of a concatenation is a slice of that part."""
    whole = expr.inputs[0]
    axis, spec = whole.op.axis, expr.op.spec(expr)
    found = part_that_has(whole, spec[axis])
    if found is None:
        return None
    part, within = found
    return part_of(part, (*spec[:axis], within, *spec[axis + 1 :]))


@rule(GROUP, ops=(Slice,), over=(BroadcastTo,), examples=lambda: [pt.broadcast_to(_scalar(), (4,))[1:3], pt.broadcast_to(_vector(), (3, 4))[1:, 2:]])
def slice_of_broadcast(expr: Expr) -> Expr | None:
    """A part of repeated elements repeats them less often."""
    source = expr.inputs[0].inputs[0]
    last = expr.op.spec(expr)[expr.type.ndim - source.type.ndim :]
    part = part_of(source, tuple((0, 1, 1) if n == 1 else s for n, s in zip(source.type.shape, last)))
    return None if part is None else pt.broadcast_to(part, extents(expr))


@rule(GROUP, ops=(Slice,), over=(Transpose,), examples=lambda: [_matrix().T[1:3]])
def slice_of_transpose(expr: Expr) -> Expr | None:
    """A slice of a transpose is a transpose of a slice."""
    inner = expr.inputs[0]
    axes = inner.op.axes
    bounds = tuple(expr.op.bounds[axes.index(a)] for a in range(len(axes)))
    return intern(inner.op, (intern(Slice(bounds), inner.inputs),))


@rule(GROUP, ops=(Slice,), over=(Reshape,), examples=lambda: [pt.expand_dims(_matrix(), 1)[1:, :, 2:], pt.expand_dims(_vector(), 1)[::-1]])
def slice_of_units(expr: Expr) -> Expr | None:
    """A slice of a tensor with axes of length 1 added is such a tensor of a slice."""
    inner = expr.inputs[0]
    source = inner.inputs[0]
    if not _with_units(inner, source) or 0 in expr.type.shape:
        return None
    kept = iter([s for n, s in zip(inner.type.shape, expr.op.bounds) if n != 1])
    bounds = tuple((0, 1, 1) if n == 1 else next(kept) for n in source.type.shape)
    return pt.reshape(intern(Slice(bounds), (source,)), extents(expr))


@rule(GROUP, ops=(Slice,), over=(SetSlice,), examples=lambda: [_vector()[1:3].set(pt.vector("w", 2))[1:3], _vector()[:2].set(pt.vector("w", 2))[2:], _vector()[:3].set(pt.vector("w", 3))[1:2]])
def slice_of_set_slice(expr: Expr) -> Expr | None:
    """A part of what was set is part of the value; a part beside it is part of the tensor before."""
    update = expr.inputs[0]
    x, value = update.inputs
    spec, written = expr.op.spec(expr), update.op.spec(update)
    if any(step <= 0 or length == 0 for _, length, step in (*spec, *written)):
        return None
    inside: list[tuple[Size, Size, int]] = []
    for (first, length, step), (start, n, stride) in zip(spec, written):
        last, end = first + (length - 1) * step, start + (n - 1) * stride
        if at_least(start, last + 1) or at_least(first, end + 1):
            return intern(expr.op, (x,))
        whole = quotient(first - start, stride)
        if at_least(first, start) and at_least(end, last) and whole * stride == first - start and not step % stride:
            inside.append((whole, length, step // stride))
    return part_of(value, tuple(inside)) if len(inside) == len(spec) else None


@rule(GROUP, ops=(Slice,), over=(Take,), examples=lambda: [pt.take(_matrix(), pt.constant([2, 0, 0]), axis=0)[1:, ::2]])
def slice_of_take(expr: Expr) -> Expr | None:
    """Some of the rows that were chosen: choose those rows alone."""
    x, index = expr.inputs[0].inputs
    if not index.type.ndim:
        return None
    spec = expr.op.spec(expr)
    columns, rows = part_of(x, ((0, x.type.shape[0], 1), *spec[index.type.ndim :])), part_of(index, spec[: index.type.ndim])
    return None if columns is None or rows is None else intern(Take(), (columns, rows))


@rule(GROUP, ops=(Slice,), over=(Arange,), examples=lambda: [pt.arange(9)[2:8:3], pt.arange(20_000)[1:]])
def slice_of_arange(expr: Expr) -> Expr | None:
    """A slice of 0, 1, 2, ... is an arithmetic sequence."""
    ((start, length, step),) = expr.op.spec(expr)
    to = expr.type.dtype
    if length == 1 and isinstance(start, int):
        return pt.constant(np.asarray([start], to))
    first = np.asarray(start, to) if isinstance(start, int) else pt.cast(number_of(start, expr.inputs[0]), to)
    return pt.arange(extents(expr)[0], dtype=to) * np.asarray(step, to) + first


@rule(GROUP, ops=(SetSlice,), examples=lambda: [intern(SetSlice(((0, None, 1),)), (_vector(), _vector("w")))])
def set_everything(expr: Expr) -> Expr | None:
    """Setting everything leaves the value."""
    return expr.inputs[1].fit(expr) if expr.op.spec(expr) == everything(expr.type.shape) else None


@rule(GROUP, ops=(SetSlice,), over=(SetSlice,), examples=lambda: [_vector()[1:3].set(0.0)[1:3].set(pt.vector("w", 2))])
def set_slice_again(expr: Expr) -> Expr | None:
    """What is set twice keeps the last value."""
    inner = expr.inputs[0]
    if not isinstance(inner.op, SetSlice) or inner.op.bounds != expr.op.bounds:
        return None
    return intern(expr.op, (inner.inputs[0], expr.inputs[1]))


@rule(GROUP, ops=(SetSlice,), over=(Slice,), examples=lambda: [(v := _vector())[1:3].set(v[1:3])])
def set_to_own_slice(expr: Expr) -> Expr | None:
    """Setting a part to itself changes nothing."""
    x, value = expr.inputs
    same = isinstance(value.op, Slice) and value.inputs[0] is x and value.op.bounds == expr.op.bounds
    return x if same else None


# Concatenation --------------------------------------------------------------------------------


@rule(GROUP, ops=(Concatenate,), over=(Concatenate,), examples=lambda: [pt.concatenate([pt.concatenate([_vector(), _vector("w")]), _vector("u")])])
def concatenation_of_concatenation(expr: Expr) -> Expr | None:
    """Parts of a part that is joined along the same axis are parts."""
    if not any(isinstance(p.op, Concatenate) and p.op == expr.op for p in expr.inputs):
        return None
    parts = [q for p in expr.inputs for q in (p.inputs if p.op == expr.op else (p,))]
    return intern(expr.op, tuple(parts))


@rule(GROUP, ops=(Concatenate,), examples=lambda: [intern(Concatenate(0), (_vector(), pt.vector("empty", 0))), intern(Concatenate(0), (_vector(),))])
def concatenation_without_empty_parts(expr: Expr) -> Expr | None:
    """Parts of length 0 add nothing, and one part alone is the whole."""
    axis = expr.op.axis
    parts = [p for p in expr.inputs if p.type.shape[axis] != 0]
    if len(parts) == len(expr.inputs) > 1 or not parts:
        return None
    return parts[0] if len(parts) == 1 else intern(expr.op, tuple(parts))


@rule(GROUP, ops=(Concatenate,), over=(Slice,), examples=lambda: [pt.concatenate([(v := _vector())[:1], v[1:3], _vector("w")])])
def concatenation_of_neighbours(expr: Expr) -> Expr | None:
    """Slices side by side of one tensor, joined again, are one slice."""
    parts: list[Expr] = []
    for part in expr.inputs:
        joined = _neighbours(parts[-1], part, expr.op.axis) if parts else None
        parts[len(parts) - (joined is not None) :] = [part if joined is None else joined]
    if len(parts) == len(expr.inputs):
        return None
    return parts[0] if len(parts) == 1 else intern(expr.op, tuple(parts))


def _neighbours(a: Expr, b: Expr, axis: int) -> Expr | None:
    if not (isinstance(a.op, Slice) and isinstance(b.op, Slice)) or a.inputs[0] is not b.inputs[0]:
        return None
    above, below = a.op.spec(a), b.op.spec(b)
    if any(s != t for i, (s, t) in enumerate(zip(above, below)) if i != axis):
        return None
    (start, n, step), (first, m, stride) = above[axis], below[axis]
    if step != 1 or stride != 1 or start + n != first:
        return None
    joined: Expr | None = part_of(a.inputs[0], (*above[:axis], (start, n + m, 1), *above[axis + 1 :]))
    return joined


# Gathers --------------------------------------------------------------------------------------


@rule(GROUP, ops=(Take,), over=(BroadcastTo,), examples=lambda: [pt.take(pt.broadcast_to(_scalar(), (4,)), pt.constant([0, 3, 3]))])
def take_of_repeated(expr: Expr) -> Expr | None:
    """Every row of a repeated scalar is that scalar."""
    source = expr.inputs[0]
    if not (isinstance(source.op, BroadcastTo) and source.inputs[0].type.ndim == 0):
        return None
    if not isinstance(expr.inputs[1].op, Constant):
        return None
    return pt.broadcast_to(source.inputs[0], extents(expr))


@rule(GROUP, ops=(Take,), over=(Constant,), examples=lambda: [intern(Take(), (_matrix(), pt.constant(2))), intern(Take(), (_vector(), pt.constant([3, 2, 1, 0]))), intern(Take(), (_vector(), pt.constant([-1])))])
def slice_from_take(expr: Expr) -> Expr | None:
    """Rows at equal steps are a slice."""
    x, index = expr.inputs
    n = x.type.shape[0]
    if not isinstance(index.op, Constant) or index.type.ndim > 1 or not index.type.size:
        return None
    at = index.op.value.reshape(-1).astype(np.int64)
    if not isinstance(n, int):
        # That it is there is a condition of reading it.
        row = intern(Slice(fixed(((int(at[0]), None, 0), *[(None, None, 1)] * (x.type.ndim - 1)), x.type.shape)), (x,)) if at.size == 1 else None
        return None if row is None else pt.reshape(row, extents(expr))
    at = np.where(at < 0, at + n, at)
    if at.min() < 0 or at.max() >= n:
        return None
    step = int(at[1] - at[0]) if at.size > 1 else 1
    if step == 0 or not (np.diff(at) == step).all():
        return None
    part = part_of(x, ((int(at[0]), int(at.size), step), *everything(x.type.shape[1:])))
    return None if part is None else pt.reshape(part, extents(expr))


@rule(GROUP, ops=(Take,), over=(Arange,), examples=lambda: [pt.take(_vector(), pt.arange(4)), pt.take(pt.vector("w", 9), pt.arange(4)), pt.take(v := _vector(), pt.arange(v.shape[0]))])
def take_of_first_rows(expr: Expr) -> Expr | None:
    """The rows 0, 1, 2, ... are a slice."""
    x, index = expr.inputs
    if not isinstance(index.op, Arange) or not at_least(x.type.shape[0], index.type.shape[0]):
        return None
    return part_of(x, ((0, index.type.shape[0], 1), *everything(x.type.shape[1:])))


@rule(GROUP, ops=(Take,), over=(Arange,), examples=lambda: [pt.take(pt.arange(9), pt.constant([[0, 8], [3, 3]]))])
def take_from_arange(expr: Expr) -> Expr | None:
    """The i-th of 0, 1, 2, ... is i."""
    numbers, index = expr.inputs
    if not (isinstance(numbers.op, Arange) and isinstance(index.op, Constant)) or (index.op.value < 0).any():
        return None
    return intern(constant_op(index.op.value, expr.type.dtype))


@rule(GROUP, ops=(Take,), over=(Take,), examples=lambda: [pt.take(pt.take(_vector(), pt.constant([3, 0, 0, 2])), pt.constant([0, 1, 1]))])
def take_of_take(expr: Expr) -> Expr | None:
    """Rows of chosen rows are chosen rows: index the indices, where they are known."""
    inner, index = expr.inputs
    if not isinstance(inner.op, Take):
        return None
    source, first = inner.inputs
    if not (isinstance(first.op, Constant) and isinstance(index.op, Constant)) or first.type.ndim == 0:
        return None
    return intern(Take(), (source, pt.constant(first.op.value[index.op.value])))


@rule(GROUP, ops=(Take,), over=(SetAt,), examples=lambda: [_taken_where_set()])
def take_of_set_row(expr: Expr) -> Expr | None:
    """The row that was just set is the value."""
    updated, index = expr.inputs
    if not isinstance(updated.op, SetAt) or updated.inputs[1] is not index or index.type.ndim:
        return None
    return updated.inputs[2]


def _taken_where_set() -> Expr:
    i = pt.cast(pt.scalar("i") * 0.0 + 2.0, "int64")
    return pt.take(_matrix()[i].set(_vector()), i, axis=0)


@rule(GROUP, ops=(SetAt,), over=(SetAt,), examples=lambda: [_set_twice()])
def set_row_again(expr: Expr) -> Expr | None:
    """What is set twice keeps the last value."""
    inner, index, value = expr.inputs
    if not isinstance(inner.op, SetAt) or inner.inputs[1] is not index:
        return None
    return intern(SetAt(), (inner.inputs[0], index, value))


def _set_twice() -> Expr:
    i = pt.constant([0, 2])
    return _matrix()[i].set(1.0)[i].set(_vector())


@rule(GROUP, ops=(AddAt,), examples=lambda: [pt.zeros(4)[pt.constant([0, 1, 1])].inc(0.0)])
def add_zero_at(expr: Expr) -> Expr | None:
    """Adding zeros somewhere changes nothing."""
    value = expr.inputs[2]
    while isinstance(value.op, BroadcastTo):
        value = value.inputs[0]
    return expr.inputs[0] if uniform_value(value) == 0 else None
