"""One form for equal expressions: constants folded, identities gone, shapes simple."""

from __future__ import annotations

from typing import Any

import numpy as np

import workbench.tensor as pt
from workbench.graph.domain import positive
from workbench.graph.expr import Constant, Expr, Get, constant_op, intern
from workbench.graph.pattern import uniform_value, variable
from workbench.graph.rewrite import rule
from workbench.tensor import elementwise as e
from workbench.tensor.control import Cond, MakeTuple
from workbench.tensor.elementwise import Cast, ScalarOp
from workbench.tensor.indexing import AddAt, Slice, Take
from workbench.tensor.reduction import Reduce
from workbench.tensor.shape import BroadcastLike, BroadcastTo, Concatenate, Named, Reshape, Transpose
from workbench.tensor.tensor import Tensor, as_tensor

GROUP = "canonicalise"
FOLD_LIMIT = 10_000
"""Constants of more elements are not computed at compile time unless their inputs are as large."""

x, y, z = variable("x"), variable("y"), variable("z")
c, d = variable("c", constant=True), variable("d", constant=True)
p = variable("p", positive)


def _matrix() -> Any:
    return pt.matrix("m", 3, 4)


def _vector() -> Any:
    return pt.vector("v", 4)


@rule(GROUP, ops=(ScalarOp, Cast, Reduce, Slice, Take, Transpose, Reshape, Concatenate),
      examples=lambda: [pt.exp(pt.constant([0.5, 1.0])), pt.constant(2.0) * 3.0])  # fmt: skip
def constant_folding(expr: Expr) -> Expr | None:
    """An operation on constants is a constant: compute it now."""
    if not all(isinstance(i.op, Constant) for i in expr.inputs):
        return None
    size = expr.type.size
    if size > FOLD_LIMIT and size > max(i.type.size for i in expr.inputs):
        return None
    with np.errstate(all="ignore"):
        value = expr.op.numpy(*[i.op.value for i in expr.inputs])
    return intern(constant_op(value, expr.type.dtype))


@rule(GROUP, x + 0.0)
def add_zero(x: Tensor) -> Tensor:
    """Adding zero changes nothing."""
    return x


@rule(GROUP, x - 0.0)
def subtract_zero(x: Tensor) -> Tensor:
    """Subtracting zero changes nothing."""
    return x


@rule(GROUP, x * 1.0)
def multiply_by_one(x: Tensor) -> Tensor:
    """Multiplying by one changes nothing."""
    return x


@rule(GROUP, x / 1.0)
def divide_by_one(x: Tensor) -> Tensor:
    """Dividing by one changes nothing."""
    return x


@rule(GROUP, x * 0.0)
def multiply_by_zero(x: Tensor) -> Tensor:
    """Zero times a finite number is zero (an infinite or missing factor is taken for an error upstream)."""
    return pt.constant(np.zeros((), x.dtype))


@rule(GROUP, x * -1.0)
def multiply_by_minus_one(x: Tensor) -> Tensor:
    """Multiplying by -1 is a change of sign."""
    return -x


@rule(GROUP, -(-x))
def double_negative(x: Tensor) -> Tensor:
    """Two changes of sign cancel."""
    return x


@rule(GROUP, x - (-y))
def subtract_negative(x: Tensor, y: Tensor) -> Tensor:
    """Subtracting a negative is adding."""
    return x + y


@rule(GROUP, x + (-y))
def add_negative(x: Tensor, y: Tensor) -> Tensor:
    """Adding a negative is subtracting."""
    return x - y


@rule(GROUP, (-x) * (-y))
def negatives_multiplied(x: Tensor, y: Tensor) -> Tensor:
    """The signs of two factors cancel."""
    return x * y


@rule(GROUP, (-x) * c)
def negative_times_constant(x: Tensor, c: Tensor) -> Tensor:
    """A change of sign joins the constant factor."""
    return x * (-c)


@rule(GROUP, -(x * c))
def negate_constant_factor(x: Tensor, c: Tensor) -> Tensor:
    """A change of sign joins the constant factor."""
    return x * (-c)


@rule(GROUP, (x * c) * d)
def constants_multiplied(x: Tensor, c: Tensor, d: Tensor) -> Tensor:
    """Two constant factors become one."""
    return x * (c * d)


@rule(GROUP, (x + c) + d)
def constants_added(x: Tensor, c: Tensor, d: Tensor) -> Tensor:
    """Two constant terms become one."""
    return x + (c + d)


@rule(GROUP, (x - c) - d)
def constants_subtracted(x: Tensor, c: Tensor, d: Tensor) -> Tensor:
    """Two constant terms become one."""
    return x - (c + d)


@rule(GROUP, x * x)
def square_from_product(x: Tensor) -> Tensor:
    """A number times itself is its square."""
    return pt.square(x)


@rule(GROUP, e.power(x, 2.0))
def square_from_power(x: Tensor) -> Tensor:
    """The second power is the square."""
    return pt.square(x)


@rule(GROUP, e.power(x, 1.0))
def first_power(x: Tensor) -> Tensor:
    """The first power is the number itself."""
    return x


@rule(GROUP, e.power(p, 0.5))
def square_root_from_power(p: Tensor) -> Tensor:
    """The power one half is the square root."""
    return pt.sqrt(p)


@rule(GROUP, e.power(p, -1.0))
def reciprocal_from_power(p: Tensor) -> Tensor:
    """The power -1 is the reciprocal."""
    return pt.reciprocal(p)


@rule(GROUP, 1.0 / p)
def reciprocal_from_division(p: Tensor) -> Tensor:
    """One divided by a number is its reciprocal."""
    return pt.reciprocal(p)


@rule(GROUP, pt.square(-x))
def square_of_negative(x: Tensor) -> Tensor:
    """A square does not see the sign."""
    return pt.square(x)


@rule(GROUP, pt.log(pt.exp(x)))
def log_of_exp(x: Tensor) -> Tensor:
    """The logarithm undoes the exponential."""
    return x


@rule(GROUP, pt.exp(pt.log(p)))
def exp_of_log(p: Tensor) -> Tensor:
    """The exponential undoes the logarithm."""
    return p


@rule(GROUP, pt.exp(x) > 0.0)
def exp_is_positive(x: Tensor) -> Tensor:
    """An exponential is always positive."""
    return pt.constant(True)


@rule(GROUP, pt.exp(x) >= 0.0)
def exp_is_not_negative(x: Tensor) -> Tensor:
    """An exponential is never negative."""
    return pt.constant(True)


@rule(GROUP, ops=(e.where,), examples=lambda: [pt.where(pt.constant(True), _vector(), 0.0)])
def constant_condition(expr: Expr) -> Expr | None:
    """A choice whose condition is known is made now."""
    value = uniform_value(expr.inputs[0])
    return None if value is None else expr.inputs[1 if value else 2]


@rule(GROUP, ops=(Cond,), examples=lambda: [pt.cond(pt.constant(True), lambda v: [v + 1.0], lambda v: [v], [_vector()])[0].inputs[0]])  # fmt: skip
def constant_branch(expr: Expr) -> Expr | None:
    """A branch whose condition is known is taken now."""
    value = uniform_value(expr.inputs[0])
    if value is None:
        return None
    assert isinstance(expr.op, Cond)
    return MakeTuple()(*(expr.op.then if value else expr.op.orelse).apply(*expr.inputs[1:]))


@rule(GROUP, ops=(Get,), examples=lambda: [Get(0)(MakeTuple()(_vector(), _matrix()))])
def get_from_tuple(expr: Expr) -> Expr | None:
    """Taking one of several values that are known apart is that value."""
    made = expr.inputs[0]
    assert isinstance(expr.op, Get)
    return made.inputs[expr.op.index] if isinstance(made.op, MakeTuple) else None


@rule(GROUP, ops=(Named,), examples=lambda: [Named("d")(_vector())])
def value_of_named(expr: Expr) -> Expr | None:
    """A name is for the reader: the value is what is computed."""
    return expr.inputs[0]


@rule(GROUP, ops=(Reshape,), examples=lambda: [pt.reshape(pt.reshape(_matrix(), (2, 6)), (4, 3))])
def reshape_of_reshape(expr: Expr) -> Expr | None:
    """Only the last of two reshapes matters."""
    inner = expr.inputs[0]
    return pt.reshape(inner.inputs[0], expr.type.shape) if isinstance(inner.op, Reshape) else None


@rule(GROUP, ops=(Transpose,), examples=lambda: [pt.transpose(pt.transpose(pt.tensor("t", shape=(2, 3, 4)), (1, 2, 0)), (0, 2, 1))])  # fmt: skip
def transpose_of_transpose(expr: Expr) -> Expr | None:
    """Two transposes are one."""
    inner = expr.inputs[0]
    if not isinstance(inner.op, Transpose):
        return None
    assert isinstance(expr.op, Transpose)
    return pt.transpose(inner.inputs[0], tuple(inner.op.axes[a] for a in expr.op.axes))


@rule(GROUP, ops=(BroadcastTo,), examples=lambda: [pt.broadcast_to(pt.broadcast_to(pt.scalar("s"), (4,)), (3, 4))])
def broadcast_of_broadcast(expr: Expr) -> Expr | None:
    """Only the last of two broadcasts matters."""
    inner = expr.inputs[0]
    if not isinstance(inner.op, BroadcastTo):
        return None
    return pt.broadcast_to(inner.inputs[0], expr.type.shape)


@rule(GROUP, ops=(BroadcastLike,), examples=lambda: [intern(BroadcastLike(), (pt.scalar("s"), _vector()))])
def broadcast_to_known_shape(expr: Expr) -> Expr | None:
    """A broadcast to another tensor's shape needs only the shape, once that is known."""
    if None in expr.type.shape:
        return None
    return pt.broadcast_to(expr.inputs[0], expr.type.shape)


@rule(GROUP, ops=(ScalarOp, Cast), examples=lambda: [pt.broadcast_to(pt.scalar("s"), (4,)) * _vector()])
def broadcast_within_elementwise(expr: Expr) -> Expr | None:
    """Elementwise operations broadcast by themselves: an operand need not be broadcast first."""
    if not any(isinstance(i.op, BroadcastTo) for i in expr.inputs):
        return None
    bare = [i.inputs[0] if isinstance(i.op, BroadcastTo) else i for i in expr.inputs]
    result = intern(expr.op, tuple(bare))
    # Whole expressions of broadcasts are computed small and broadcast once.
    return result.fit(expr.type)


@rule(GROUP, ops=(Slice,), examples=lambda: [pt.concatenate([_vector(), _vector() * 2.0])[4:8]])
def slice_of_concatenation(expr: Expr) -> Expr | None:
    """A slice that lies in one part of a concatenation is a slice of that part."""
    whole = expr.inputs[0]
    assert isinstance(expr.op, Slice)
    if not isinstance(whole.op, Concatenate):
        return None
    axis = whole.op.axis
    start, length, step = expr.op.spec[axis]
    stop = start + (length - 1) * step
    at = 0
    for part in whole.inputs:
        n = part.type.shape[axis]
        if length and at <= min(start, stop) and max(start, stop) < at + n:
            spec = (*expr.op.spec[:axis], (start - at, length, step), *expr.op.spec[axis + 1 :])
            whole_part = spec == tuple((0, m, 1) for m in part.type.shape)
            return part if whole_part else intern(Slice(spec), (part,))
        at += n
    return None


@rule(GROUP, ops=(Take,), examples=lambda: [pt.take(pt.broadcast_to(pt.scalar("s"), (4,)), pt.constant([0, 3, 3]))])
def take_of_repeated(expr: Expr) -> Expr | None:
    """Every row of a repeated scalar is that scalar."""
    source = expr.inputs[0]
    if not (isinstance(source.op, BroadcastTo) and source.inputs[0].type.ndim == 0):
        return None
    if not isinstance(expr.inputs[1].op, Constant):
        return None
    return pt.broadcast_to(source.inputs[0], expr.type.shape)


@rule(GROUP, ops=(AddAt,), examples=lambda: [pt.zeros(4)[pt.constant([0, 1, 1])].inc(0.0)])
def add_zero_at(expr: Expr) -> Expr | None:
    """Adding zeros somewhere changes nothing."""
    value = expr.inputs[2]
    while isinstance(value.op, BroadcastTo):
        value = value.inputs[0]
    return expr.inputs[0] if uniform_value(value) == 0 else None


@rule(GROUP, ops=(Reduce,), examples=lambda: [pt.sum(pt.sum(_matrix(), axis=0)), pt.max(pt.max(_matrix(), axis=1))])
def reduction_of_reduction(expr: Expr) -> Expr | None:
    """Two reductions of one kind are one."""
    inner = expr.inputs[0]
    assert isinstance(expr.op, Reduce)
    if not (isinstance(inner.op, Reduce) and inner.op.kind == expr.op.kind):
        return None
    kept = [a for a in range(inner.inputs[0].type.ndim) if a not in inner.op.axes]
    axes = tuple(sorted((*inner.op.axes, *(kept[a] for a in expr.op.axes))))
    return intern(Reduce(expr.op.kind, axes), (inner.inputs[0],))


@rule(GROUP, ops=(Reduce,), examples=lambda: [pt.sum(pt.broadcast_to(pt.scalar("s"), (3, 4)))])
def sum_of_repeated(expr: Expr) -> Expr | None:
    """The sum of one number repeated is that number times how often."""
    source = expr.inputs[0]
    assert isinstance(expr.op, Reduce)
    if expr.op.kind != "sum" or len(expr.op.axes) != source.type.ndim:
        return None
    value = uniform_value(source)
    if (not isinstance(source.op, BroadcastTo) and value is None) or source.type.dtype != "float64":
        return None
    if value is not None:
        return as_tensor(np.asarray(value * source.type.size))
    inner = source.inputs[0]
    repeats = source.type.size / max(inner.type.size, 1)
    return pt.sum(inner) * repeats


def _scalar_factor(node: Expr) -> tuple[Expr, Expr] | None:
    """Split a product into a factor without axes and the rest."""
    if node.op is e.multiply:
        for a, b in (node.inputs, node.inputs[::-1]):
            if (a.type.ndim == 0 and b.type.ndim > 0) or (uniform_value(a) is not None and b.type == node.type):
                return a, b
    return None


@rule(GROUP, ops=(Reduce,), examples=lambda: [pt.sum(pt.scalar("s") * _vector()), pt.sum(2.0 * _matrix(), axis=1)])
def factor_out_of_sum(expr: Expr) -> Expr | None:
    """A factor that all terms share is multiplied once, outside the sum."""
    assert isinstance(expr.op, Reduce)
    parts = _scalar_factor(expr.inputs[0]) if expr.op.kind == "sum" else None
    if parts is None or expr.type.dtype != "float64":
        return None
    factor, rest = parts
    value = uniform_value(factor)
    scale = factor if value is None else pt.constant(np.float64(value))
    return scale * intern(expr.op, (rest,))


@rule(GROUP, ops=(Reduce,), examples=lambda: [pt.sum(_vector() - pt.scalar("s")), pt.sum(_vector() + 2.0)])
def constant_term_out_of_sum(expr: Expr) -> Expr | None:
    """A term without axes, added in every row, is added once, times the number of rows."""
    inner = expr.inputs[0]
    assert isinstance(expr.op, Reduce)
    if expr.op.kind != "sum" or inner.op not in (e.add, e.subtract) or len(expr.op.axes) != inner.type.ndim:
        return None
    a, b = inner.inputs
    for term, rest, first in ((a, b, True), (b, a, False)):
        if term.type.ndim == 0 and rest.type == inner.type and inner.type.dtype == "float64":
            total = term * float(inner.type.size)
            rows = intern(expr.op, (rest,))
            if inner.op is e.add:
                return total + rows
            return total - rows if first else rows - total
    return None


@rule(GROUP, ops=(Reduce,), examples=lambda: [pt.sum(-_vector())])
def sum_of_negative(expr: Expr) -> Expr | None:
    """The sign is changed once, outside the sum."""
    assert isinstance(expr.op, Reduce)
    inner = expr.inputs[0]
    if expr.op.kind != "sum" or inner.op is not e.negative:
        return None
    return -intern(expr.op, inner.inputs)
