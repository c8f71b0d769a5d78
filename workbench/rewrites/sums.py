"""Sums, products and extremes over axes in their simplest form: what is the same in all terms leaves them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import workbench.tensor as pt
from workbench.graph.expr import Constant, Expr, intern
from workbench.graph.frozen import changed
from workbench.graph.lengths import Size, at_least, product, quotient
from workbench.graph.pattern import uniform_value
from workbench.graph.properties import is_nonnegative, is_one_hot, is_positive
from workbench.graph.rewrite import rule
from workbench.tensor import elementwise as e
from workbench.tensor.assumptions import assume
from workbench.tensor.elementwise import Cast
from workbench.tensor.reduction.reductions import Reduce
from workbench.tensor.shape import BroadcastTo, Reshape, Transpose, extents
from workbench.tensor.shape.lengths import terms_of
from workbench.tensor.tensor import Tensor, as_tensor

GROUP = "canonicalise"


def _matrix(name: str = "m") -> Tensor:
    return pt.matrix(name, 3, 4)


def _vector(name: str = "v") -> Tensor:
    return pt.vector(name, 4)


def _scalar(name: str = "s") -> Tensor:
    return pt.scalar(name)


def _terms(expr: Expr) -> Size:
    """How many elements each result of a reduction is made of."""
    shape = expr.inputs[0].type.shape
    return product(shape[a] for a in expr.op.axes)


def as_factor(size: Size, *where: Expr) -> Any:
    """A length, of expressions that have it, as a factor."""
    if isinstance(size, int):
        return float(size)
    total: Any = 0.0
    for c, factors in terms_of(size, *where):
        # As floats from the start: the number of elements of what is only repeated may have more than 63 bits.
        total = total + math.prod((pt.cast(n, "float64") for n in factors), start=float(c))
    return total


def _whole(expr: Expr) -> bool:
    """Whether all axes are reduced."""
    return len(expr.op.axes) == expr.inputs[0].type.ndim


def _kind(expr: Expr, *kinds: str) -> bool:
    return expr.op.kind in kinds


def _extreme(expr: Expr) -> bool:
    """Whether it is the largest or smallest of some elements: of none it has no value."""
    return _kind(expr, "max", "min") and not expr.op.of_nothing


# All reductions -------------------------------------------------------------------------------


OF_NOTHING = {"sum": 0, "prod": 1, "all": True, "any": False}


@rule(GROUP, ops=(Reduce,), examples=lambda: [pt.sum(pt.vector("w", 0)), pt.prod(pt.matrix("w", 0, 3), axis=0), pt.all(pt.vector("w", 0) > 0.0)])
def reduction_of_nothing(expr: Expr) -> Expr | None:
    """The sum of no numbers is 0, their product 1; all of no conditions hold, and none of any."""
    if _terms(expr) != 0 or expr.op.kind not in OF_NOTHING:
        return None
    return pt.full(extents(expr), OF_NOTHING[expr.op.kind], expr.type.dtype)


@rule(GROUP, ops=(Reduce,), over=(Reduce,), examples=lambda: [pt.sum(pt.sum(_matrix(), axis=0)), pt.max(pt.max(_matrix(), axis=1))])
def reduction_of_reduction(expr: Expr) -> Expr | None:
    """Two reductions of one kind are one."""
    inner = expr.inputs[0]
    if inner.op.kind != expr.op.kind:
        return None
    kept = [a for a in range(inner.inputs[0].type.ndim) if a not in inner.op.axes]
    axes = tuple(sorted((*inner.op.axes, *(kept[a] for a in expr.op.axes))))
    return intern(changed(expr.op, axes=axes, of_nothing=expr.op.of_nothing or inner.op.of_nothing), (inner.inputs[0],))


@rule(GROUP, ops=(Reduce,), examples=lambda: [pt.sum(pt.matrix("m", 1, 4), axis=0), pt.max(pt.vector("w", 1))])
def reduction_over_units(expr: Expr) -> Expr | None:
    """A reduction over axes of length 1 combines nothing: a reshape says so."""
    x = expr.inputs[0]
    units = [a for a in expr.op.axes if x.type.shape[a] == 1]
    if len(units) < len(expr.op.axes):
        return None
    return pt.reshape(x, extents(expr))


@rule(GROUP, ops=(Reduce,), over=(Reshape,), examples=lambda: [pt.sum(pt.reshape(_matrix(), (2, 6))), pt.max(pt.reshape(_vector(), (4, 1)))])
def reduction_of_reshape(expr: Expr) -> Expr | None:
    """A reduction of everything does not see the shape."""
    source = expr.inputs[0].inputs[0]
    if not _whole(expr):
        return None
    return intern(changed(expr.op, axes=tuple(range(source.type.ndim))), (source,)) if source.type.ndim else source


@rule(GROUP, ops=(Reduce,), over=(Transpose,), examples=lambda: [pt.sum(_matrix().T), pt.max(_matrix().T, axis=0)])
def reduction_of_transpose(expr: Expr) -> Expr | None:
    """A reduction of a transpose reduces the axes where they were."""
    moved = expr.inputs[0]
    axes = tuple(sorted(moved.op.axes[a] for a in expr.op.axes))
    made: Expr = intern(changed(expr.op, axes=axes), moved.inputs)
    kept = [a for a in moved.op.axes if a not in axes]
    return pt.transpose(made, [sorted(kept).index(a) for a in kept])


@rule(GROUP, ops=(Reduce,), over=(BroadcastTo,), examples=lambda: [pt.max(pt.broadcast_to(_scalar(), (4,))), pt.min(pt.broadcast_to(_vector(), (3, 4)), axis=0)])
def extreme_of_repeated(expr: Expr) -> Expr | None:
    """The largest of one number repeated is that number; so are the smallest, all and any."""
    repeated = expr.inputs[0]
    source = repeated.inputs[0]
    extra = repeated.type.ndim - source.type.ndim
    if not _kind(expr, "max", "min", "all", "any") or not at_least(_terms(expr), 1):
        return None
    same = all(a < extra or source.type.shape[a - extra] == 1 for a in expr.op.axes)
    if not same:
        return None
    return pt.broadcast_to(pt.reshape(source, _kept_shape(expr, source, extra)), extents(expr))


def _kept_shape(expr: Expr, source: Expr, extra: int) -> list[Any]:
    return [n for a, n in enumerate(extents(source), extra) if a not in expr.op.axes]


# Sums -----------------------------------------------------------------------------------------


@rule(GROUP, ops=(Reduce,), over=(BroadcastTo, Constant), examples=lambda: [pt.sum(pt.broadcast_to(_scalar(), (3, 4))), pt.sum(pt.broadcast_to(_vector(), (3, 4)), axis=0)])
def sum_of_repeated(expr: Expr) -> Expr | None:
    """The sum of one number repeated is that number times how often."""
    source = expr.inputs[0]
    if not _kind(expr, "sum") or source.type.dtype != "float64":
        return None
    value = uniform_value(source)
    if value is not None and _whole(expr) and not source.type.is_open:
        return as_tensor(np.asarray(value * source.type.size))
    if not isinstance(source.op, BroadcastTo):
        return None
    inner = source.inputs[0]
    if _whole(expr):
        times = quotient(source.type.length, inner.type.length) if inner.type.length != 0 else 0
        return pt.sum(inner) * as_factor(times, source) if times != 0 else pt.zeros_like(expr)
    extra = source.type.ndim - inner.type.ndim
    terms = _terms(expr)
    if not all(a < extra for a in expr.op.axes):
        return None
    return pt.broadcast_to(inner, extents(expr)) * as_factor(terms, source) if terms != 0 else pt.zeros_like(expr)


def _scalar_factor(node: Expr) -> tuple[Expr, Expr] | None:
    """Split a product into a factor without axes and the rest."""
    if node.op is e.multiply:
        for a, b in (node.inputs, node.inputs[::-1]):
            if (a.type.ndim == 0 and b.type.ndim > 0) or (uniform_value(a) is not None and b.type == node.type):
                return a, b
    return None


@rule(GROUP, ops=(Reduce,), over=(e.multiply,), examples=lambda: [pt.sum(_scalar() * _vector()), pt.sum(2.0 * _matrix(), axis=1)])
def factor_out_of_sum(expr: Expr) -> Expr | None:
    """A factor that all terms share is multiplied once, outside the sum."""
    parts = _scalar_factor(expr.inputs[0]) if _kind(expr, "sum") else None
    if parts is None or expr.type.dtype != "float64":
        return None
    factor, rest = parts
    value = uniform_value(factor)
    scale = factor if value is None else pt.constant(np.float64(value))
    return scale * intern(expr.op, (rest,))


@rule(GROUP, ops=(Reduce,), over=(e.divide,), examples=lambda: [pt.sum(_vector() / _scalar()), pt.sum(_matrix() / 3.0, axis=0)])
def divisor_out_of_sum(expr: Expr) -> Expr | None:
    """A divisor that all terms share divides once, outside the sum."""
    over = expr.inputs[0]
    a, b = over.inputs
    if not _kind(expr, "sum") or expr.type.dtype != "float64" or b.type.ndim or not a.type.ndim:
        return None
    return intern(expr.op, (a,)) / b


@rule(GROUP, ops=(Reduce,), over=(e.add, e.subtract), examples=lambda: [pt.sum(_vector() - _scalar()), pt.sum(_vector() + 2.0)])
def constant_term_out_of_sum(expr: Expr) -> Expr | None:
    """A term without axes, added in every row, is added once, times the number of rows."""
    inner = expr.inputs[0]
    if not _kind(expr, "sum") or not _whole(expr):
        return None
    a, b = inner.inputs
    for term, rest, first in ((a, b, True), (b, a, False)):
        if term.type.ndim == 0 and rest.type == inner.type and inner.type.dtype == "float64":
            total = term * as_factor(inner.type.length, inner)
            rows = intern(expr.op, (rest,))
            if inner.op is e.add:
                return total + rows
            return total - rows if first else rows - total
    return None


@rule(GROUP, ops=(Reduce,), over=(e.multiply,), examples=lambda: [pt.sum(pt.matrix("a", 3, 1) * pt.matrix("b", 1, 4)), pt.sum(pt.tensor("t", shape=(2, 3, 1)) * pt.tensor("r", shape=(2, 1, 4)), axis=(1, 2))])
def sum_of_outer_product(expr: Expr) -> Expr | None:
    """A sum of all products of the elements of two tensors is the product of their sums."""
    factors = expr.inputs[0].inputs
    if not _kind(expr, "sum") or expr.type.kind != "f" or any(f.type.ndim != expr.inputs[0].type.ndim for f in factors):
        return None
    lengths = [[f.type.shape[a] for a in expr.op.axes] for f in factors]
    if any(1 not in pair for pair in zip(*lengths)) or any(set(n) == {1} for n in lengths):
        return None
    first, second = (intern(expr.op, (f,)) for f in factors)
    return first * second


@rule(GROUP, ops=(Reduce,), over=(e.negative,), examples=lambda: [pt.sum(-_vector())])
def sum_of_negative(expr: Expr) -> Expr | None:
    """The sign is changed once, outside the sum."""
    return -intern(expr.op, expr.inputs[0].inputs) if _kind(expr, "sum") else None


@rule(GROUP, ops=(Reduce,), examples=lambda: [pt.sum(assume(_matrix(), one_hot=True), axis=1)])
def sum_of_one_hot(expr: Expr) -> Expr | None:
    """One 1 and zeros add up to 1."""
    x = expr.inputs[0]
    if not _kind(expr, "sum") or expr.op.axes != (x.type.ndim - 1,) or not is_one_hot(x):
        return None
    return pt.ones(extents(expr), expr.type.dtype)


# Products -------------------------------------------------------------------------------------


@rule(GROUP, ops=(Reduce,), over=(e.exp,), examples=lambda: [pt.prod(pt.exp(_vector())), pt.prod(pt.exp(_matrix()), axis=0)])
def product_of_exp(expr: Expr) -> Expr | None:
    """A product of exponentials is the exponential of the sum."""
    return pt.exp(intern(Reduce("sum", expr.op.axes), expr.inputs[0].inputs)) if _kind(expr, "prod") else None


@rule(GROUP, ops=(Reduce,), over=(e.sqrt, e.square, e.abs, e.reciprocal), examples=lambda: [pt.prod(pt.square(_matrix()), axis=1), pt.prod(pt.sqrt(pt.exp(_vector())))])
def product_of_power(expr: Expr) -> Expr | None:
    """A product of squares is the square of the product; so with magnitudes and reciprocals, and roots of what is not negative."""
    inner = expr.inputs[0]
    if not _kind(expr, "prod") or (inner.op is e.sqrt and not is_nonnegative(inner.inputs[0])):
        return None
    return intern(inner.op, (intern(expr.op, inner.inputs),))


@rule(GROUP, ops=(Reduce,), over=(BroadcastTo, Constant), examples=lambda: [pt.prod(pt.broadcast_to(_scalar(), (4,)))])
def product_of_repeated(expr: Expr) -> Expr | None:
    """The product of one number repeated is a power of it."""
    source = expr.inputs[0]
    if not _kind(expr, "prod") or not isinstance(source.op, BroadcastTo) or source.inputs[0].type.ndim:
        return None
    if source.type.kind != "f" or not at_least(_terms(expr), 1):
        return None
    return e.power(source.inputs[0], as_factor(_terms(expr), source))


def has_moderate_power(x: Expr, exponent: Size) -> bool:
    """Whether a power stays far from the ends of a float, so that a product that does not overflow may be taken apart."""
    if not isinstance(exponent, int):
        return False
    if not isinstance(x.op, Constant):
        return exponent <= 8
    with np.errstate(all="ignore"):
        return bool(1e-100 < np.abs(x.op.value) ** float(exponent) < 1e100)


@rule(GROUP, ops=(Reduce,), over=(e.multiply,), examples=lambda: [pt.prod(_scalar() * _vector()), pt.prod(2.0 * _matrix(), axis=1)])
def factor_out_of_product(expr: Expr) -> Expr | None:
    """A factor that all terms share leaves a product as a power."""
    parts = _scalar_factor(expr.inputs[0]) if _kind(expr, "prod") else None
    terms = _terms(expr)
    if parts is None or terms == 0 or expr.type.dtype != "float64" or parts[0].type.ndim or not has_moderate_power(parts[0], terms):
        return None
    return e.power(parts[0], as_factor(terms, *expr.inputs)) * intern(expr.op, (parts[1],))


# Extremes -------------------------------------------------------------------------------------

OPPOSITE = {"max": "min", "min": "max"}
INCREASING = (e.exp, e.expm1, e.sigmoid, e.softplus)
INCREASING_ABOVE_ZERO = (e.log, e.log1p, e.sqrt)


@rule(GROUP, ops=(Reduce,), over=(e.negative,), examples=lambda: [pt.max(-_vector()), pt.min(-_matrix(), axis=0)])
def extreme_of_negative(expr: Expr) -> Expr | None:
    """The largest of the negatives is the negative of the smallest (of integers the smallest has no opposite)."""
    if not _kind(expr, "max", "min") or expr.type.kind != "f":
        return None
    return -intern(changed(expr.op, kind=OPPOSITE[expr.op.kind]), expr.inputs[0].inputs)


@rule(GROUP, ops=(Reduce,), over=INCREASING + INCREASING_ABOVE_ZERO, examples=lambda: [pt.max(pt.exp(_vector())), pt.max(pt.sqrt(pt.abs(_vector()))), pt.min(pt.sigmoid(_matrix()), axis=0)])
def extreme_of_increasing(expr: Expr) -> Expr | None:
    """The largest value of an increasing function is its value at the largest."""
    inner = expr.inputs[0]
    if not _extreme(expr) or (inner.op in INCREASING_ABOVE_ZERO and not is_nonnegative(inner.inputs[0])):
        return None
    return intern(inner.op, (intern(expr.op, inner.inputs),))


@rule(GROUP, ops=(Reduce,), over=(e.add,), examples=lambda: [pt.max(_vector() + _scalar()), pt.min(2.0 + _matrix(), axis=0)])
def term_out_of_extreme(expr: Expr) -> Expr | None:
    """A term that all elements share is added once, outside the extreme."""
    if not _extreme(expr) or expr.type.kind != "f":
        return None
    for term, rest in (expr.inputs[0].inputs, expr.inputs[0].inputs[::-1]):
        if term.type.ndim == 0 and rest.type.ndim:
            return term + intern(expr.op, (rest,))
    return None


@rule(GROUP, ops=(Reduce,), over=(e.multiply,), examples=lambda: [pt.max(_vector() * pt.exp(_scalar())), pt.min(2.0 * _matrix(), axis=0)])
def factor_out_of_extreme(expr: Expr) -> Expr | None:
    """A positive factor that all elements share is multiplied once, outside the extreme."""
    parts = _scalar_factor(expr.inputs[0]) if _extreme(expr) and expr.type.kind == "f" else None
    if parts is None or parts[0].type.ndim or not is_positive(parts[0]):
        return None
    return parts[0] * intern(expr.op, (parts[1],))


@rule(GROUP, ops=(Reduce,), over=(e.logical_not,), examples=lambda: [pt.all(pt.logical_not(_vector() > 0.0)), pt.any(pt.logical_not(_matrix() > 0.0), axis=0)])
def all_of_not(expr: Expr) -> Expr | None:
    """All untrue is not any true, and the other way round: de Morgan."""
    if not _kind(expr, "all", "any"):
        return None
    kind = "any" if expr.op.kind == "all" else "all"
    return pt.logical_not(intern(Reduce(kind, expr.op.axes), expr.inputs[0].inputs))


@rule(GROUP, ops=(Reduce,), over=(Cast,), examples=lambda: [pt.max(pt.cast(pt.cast(_vector(), "float32"), "float64"))])
def extreme_before_cast(expr: Expr) -> Expr | None:
    """A cast that keeps every value is made once, on the extreme."""
    inner = expr.inputs[0]
    if not _extreme(expr) or not np.can_cast(inner.inputs[0].type.dtype, inner.type.dtype, "safe"):
        return None
    if inner.inputs[0].type.kind == "b":
        return None
    return pt.cast(intern(expr.op, inner.inputs), expr.type.dtype)
