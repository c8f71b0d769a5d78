"""Constants: computed where an operation has nothing else, and collected where it has."""

from __future__ import annotations

import numpy as np

import workbench.tensor as pt
from workbench.graph.expr import Constant, Expr, constant_op, intern
from workbench.graph.pattern import variable
from workbench.graph.rewrite import rule
from workbench.tensor import elementwise as e
from workbench.tensor.elementwise import Cast, ScalarOp
from workbench.tensor.indexing.rows import AddAt, Take
from workbench.tensor.indexing.slices import SetSlice, Slice
from workbench.tensor.reduction.reductions import Reduce
from workbench.tensor.shape import Reshape, Transpose
from workbench.tensor.shape.joining import Concatenate
from workbench.tensor.tensor import Tensor

GROUP = "canonicalise"
FOLD_LIMIT = 10_000
"""Constants of more elements are not computed at compile time unless their inputs are as large."""

x, y = variable("x"), variable("y")
n, m = variable("n", kinds="fiu"), variable("m", kinds="fiu")
c, d = variable("c", constant=True), variable("d", constant=True)
k, l = variable("k", constant=True, kinds="fiu"), variable("l", constant=True, kinds="fiu")  # noqa: E741


def one_constant(op: ScalarOp, c: Tensor, d: Tensor) -> Tensor | None:
    """The constant that two make; ``None`` where it overflows, or underflows, though neither of them does.

    ``(x * 1e-200) * 1e-200`` is a number for a large `x`, and ``x * 1e-400`` is 0.
    """
    made: Tensor = op(c, d)
    if made.type.kind != "f":
        return made
    one, other = (np.asarray(i.op.value, made.dtype) for i in (c, d))
    with np.errstate(all="ignore"):
        value = op.function(one, other)
    lost = np.isfinite(one) & np.isfinite(other) & ~np.isfinite(value)
    if op in (e.multiply, e.divide):
        lost |= (abs(value) < np.finfo(made.dtype).tiny) & (one != 0.0) & np.isfinite(other) & ((other != 0.0) | (op is e.divide))
    return None if lost.any() else made


@rule(GROUP, ops=(ScalarOp, Cast, Reduce, Slice, SetSlice, Take, AddAt, Transpose, Reshape, Concatenate), over=(Constant,),
      examples=lambda: [pt.exp(pt.constant([0.5, 1.0])), pt.constant(2.0) * 3.0, pt.constant([[1.0, 2.0]]).T])  # fmt: skip
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


@rule(GROUP, (x * c) * d)
def constants_multiplied(x: Tensor, c: Tensor, d: Tensor) -> Tensor | None:
    """Two constant factors become one."""
    both = one_constant(e.multiply, c, d)
    return None if both is None else x * both


@rule(GROUP, (n + k) + l)
def constants_added(n: Tensor, k: Tensor, l: Tensor) -> Tensor | None:  # noqa: E741
    """Two constant terms become one."""
    both = one_constant(e.add, k, l)
    return None if both is None else n + both


@rule(GROUP, (n - k) - l)
def constants_subtracted(n: Tensor, k: Tensor, l: Tensor) -> Tensor | None:  # noqa: E741
    """Two constant terms become one."""
    both = one_constant(e.add, k, l)
    return None if both is None else n - both


@rule(GROUP, (n + k) - l)
def constant_added_and_subtracted(n: Tensor, k: Tensor, l: Tensor) -> Tensor | None:  # noqa: E741
    """Two constant terms become one."""
    both = one_constant(e.subtract, k, l)
    return None if both is None else n + both


@rule(GROUP, (n - k) + l)
def constant_subtracted_and_added(n: Tensor, k: Tensor, l: Tensor) -> Tensor | None:  # noqa: E741
    """Two constant terms become one."""
    both = one_constant(e.subtract, l, k)
    return None if both is None else n + both


@rule(GROUP, k - (l - n))
def constant_minus_difference(k: Tensor, l: Tensor, n: Tensor) -> Tensor | None:  # noqa: E741
    """Two constant terms become one."""
    both = one_constant(e.subtract, k, l)
    return None if both is None else n + both


@rule(GROUP, k - (n + l))
def constant_minus_sum(k: Tensor, n: Tensor, l: Tensor) -> Tensor | None:  # noqa: E741
    """Two constant terms become one."""
    both = one_constant(e.subtract, k, l)
    return None if both is None else both - n


@rule(GROUP, (x * c) / d)
def constants_divided(x: Tensor, c: Tensor, d: Tensor) -> Tensor | None:
    """A constant factor and a constant divisor become one factor."""
    both = one_constant(e.divide, c, d)
    return None if both is None else x * both


@rule(GROUP, (x / c) / d)
def constant_divisors(x: Tensor, c: Tensor, d: Tensor) -> Tensor | None:
    """Two constant divisors become one."""
    both = one_constant(e.multiply, c, d)
    return None if both is None else x / both


@rule(GROUP, (n + k) + (m + l))
def constant_terms_collected(n: Tensor, k: Tensor, m: Tensor, l: Tensor) -> Tensor | None:  # noqa: E741
    """The constant terms of two sums become one."""
    both = one_constant(e.add, k, l)
    return None if both is None else (n + m) + both


@rule(GROUP, (x * c) * (y * d))
def constant_factors_collected(x: Tensor, c: Tensor, y: Tensor, d: Tensor) -> Tensor | None:
    """The constant factors of two products become one."""
    both = one_constant(e.multiply, c, d)
    return None if both is None else (x * y) * both


@rule(GROUP, (x * c) / (y * d))
def constant_factors_divided(x: Tensor, c: Tensor, y: Tensor, d: Tensor) -> Tensor | None:
    """The constant factors of a numerator and a denominator become one."""
    both = one_constant(e.divide, c, d)
    return None if both is None else (x / y) * both
