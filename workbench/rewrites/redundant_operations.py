"""Operations whose result is there already: sorting what is sorted, taking from a tuple, casts that lose nothing."""

from __future__ import annotations

from typing import Any

import numpy as np

import workbench.tensor as pt
from workbench.graph.expr import Constant, Expr, Get, intern
from workbench.graph.pattern import uniform_value
from workbench.graph.properties import is_sorted
from workbench.graph.rewrite import rule
from workbench.tensor.control.flow import Cond, MakeTuple
from workbench.tensor.elementwise import Cast
from workbench.tensor.markers import InTraining, Named, StopGradient, stop_gradient
from workbench.tensor.reduction.reductions import Reduce
from workbench.tensor.sorting.sorting import Sort

GROUP = "canonicalise"


def _matrix() -> Any:
    return pt.matrix("m", 3, 4)


def _vector() -> Any:
    return pt.vector("v", 4)


@rule(GROUP, ops=(Sort,), examples=lambda: [pt.sort(pt.sort(_vector())), pt.sort(pt.exp(pt.sort(_matrix(), axis=1)), axis=1)])
def sort_of_sorted(expr: Expr) -> Expr | None:
    """What is sorted need not be sorted."""
    (x,) = expr.inputs
    return x if expr.op.axis == x.type.ndim - 1 and is_sorted(x) else None


@rule(GROUP, ops=(Reduce,), over=(Sort,), examples=lambda: [pt.sum(pt.sort(_vector())), pt.max(pt.sort(_matrix(), axis=0), axis=0)])
def reduction_of_sort(expr: Expr) -> Expr | None:
    """The order of the terms does not matter."""
    inner = expr.inputs[0]
    return intern(expr.op, inner.inputs) if inner.op.axis in expr.op.axes else None


@rule(GROUP, ops=(Named, StopGradient, InTraining), examples=lambda: [Named("d")(_vector()), stop_gradient(_vector()), InTraining("noise")(pt.exp(_vector()), _vector())])
def value_of_annotation(expr: Expr) -> Expr | None:
    """A name, or a remark for the gradient or on training, is not computed: the value is."""
    return expr.inputs[0]


@rule(GROUP, ops=(Cond,), over=(Constant,), examples=lambda: [pt.cond(pt.constant(True), lambda v: [v + 1.0], lambda v: [v], [_vector()])[0].inputs[0]])  # fmt: skip
def constant_branch(expr: Expr) -> Expr | None:
    """A branch whose condition is known is taken now."""
    value = uniform_value(expr.inputs[0])
    if value is None:
        return None
    assert isinstance(expr.op, Cond)
    return MakeTuple()(*(expr.op.then if value else expr.op.orelse).apply(*expr.inputs[1:]))


@rule(GROUP, ops=(Get,), over=(MakeTuple,), examples=lambda: [Get(0)(MakeTuple()(_vector(), _matrix()))])
def get_from_tuple(expr: Expr) -> Expr | None:
    """Taking one of several values that are known apart is that value."""
    assert isinstance(expr.op, Get)
    return expr.inputs[0].inputs[expr.op.index]


@rule(GROUP, ops=(Cast,), over=(Cast,), examples=lambda: [pt.cast(pt.cast(pt.vector("i", 4, dtype="int32"), "float64"), "int32"), pt.cast(pt.cast(pt.vector("f", 4, dtype="float32"), "float64"), "int64")])  # fmt: skip
def cast_of_cast(expr: Expr) -> Expr | None:
    """A cast that keeps every value is not needed before another."""
    inner = expr.inputs[0]
    source = inner.inputs[0]
    return pt.cast(source, expr.type.dtype) if _holds(np.dtype(inner.type.dtype), np.dtype(source.type.dtype)) else None


def _holds(wide: np.dtype[Any], narrow: np.dtype[Any]) -> bool:
    """Whether every value of one dtype is one of the other, exactly (NumPy calls int64 to float64 safe)."""
    if wide.kind == "f" and narrow.kind in "iu":
        return 8 * narrow.itemsize <= np.finfo(wide).nmant + 1
    return np.can_cast(narrow, wide, "safe")
