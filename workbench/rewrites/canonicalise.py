"""One form for equal expressions: constants folded, identities gone, shapes simple.

The rules take numbers for real numbers: ``x - x`` is 0 and ``(x + y) - x`` is ``y``, whatever
rounding or an infinity would have made of them (see ``docs/decisions/0008-zero-times-x.md``).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import workbench.tensor as pt
from workbench.graph.domain import Interval, positive
from workbench.graph.expr import Constant, Expr, Get, constant_op, intern
from workbench.graph.pattern import uniform_value, variable
from workbench.graph.properties import (
    is_integer,
    is_negative,
    is_nonnegative,
    is_nonpositive,
    is_nonzero,
    is_number,
    is_positive,
    is_sorted,
    together,
)  # fmt: skip
from workbench.graph.rewrite import rule
from workbench.tensor import elementwise as e
from workbench.tensor.control.flow import Cond, MakeTuple
from workbench.tensor.elementwise import Cast, ScalarOp
from workbench.tensor.indexing.indexing import AddAt, SetSlice, Slice, Take
from workbench.tensor.markers import StopGradient, stop_gradient
from workbench.tensor.reduction.reductions import Reduce
from workbench.tensor.shape.reshaping import Concatenate, Named, Reshape, Transpose
from workbench.tensor.sorting.sorting import Sort
from workbench.tensor.tensor import Tensor

GROUP = "canonicalise"
FOLD_LIMIT = 10_000
"""Constants of more elements are not computed at compile time unless their inputs are as large."""

NUMBERS = "fiu"
x, y = variable("x"), variable("y")
n, m = variable("n", kinds=NUMBERS), variable("m", kinds=NUMBERS)
signed = variable("signed", kinds="fi")
c, d = variable("c", constant=True), variable("d", constant=True)
k, l = variable("k", constant=True, kinds=NUMBERS), variable("l", constant=True, kinds=NUMBERS)  # noqa: E741
p = variable("p", positive)
nonzero = variable("nonzero", positive, where=together(is_nonzero, is_number))
above_zero = variable("above_zero", positive, where=together(is_positive, is_number))
not_negative = variable("not_negative", positive, where=is_nonnegative)
not_positive = variable("not_positive", Interval(high=0.0), where=is_nonpositive)
below_zero = variable("below_zero", Interval(high=0.0), where=together(is_negative, is_number))
whole = variable("whole", where=is_integer)
below_nothing = variable("below_nothing", Interval(high=0.0), constant=True, where=is_negative)


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


def zero(x: Tensor) -> Tensor:
    """Zeros of the shape and dtype of `x`."""
    return pt.zeros_like(x)


def one(x: Tensor) -> Tensor:
    """Ones of the shape and dtype of `x`."""
    return pt.ones_like(x)


def _matrix() -> Any:
    return pt.matrix("m", 3, 4)


def _vector() -> Any:
    return pt.vector("v", 4)


# Constants ------------------------------------------------------------------------------------


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


# Sums -----------------------------------------------------------------------------------------


@rule(GROUP, n + 0)
def add_zero(n: Tensor) -> Tensor:
    """Adding zero changes nothing."""
    return n


@rule(GROUP, n - 0)
def subtract_zero(n: Tensor) -> Tensor:
    """Subtracting zero changes nothing."""
    return n


@rule(GROUP, 0 - n)
def subtract_from_zero(n: Tensor) -> Tensor:
    """Zero minus a number is a change of sign."""
    return -n


@rule(GROUP, n - n)
def subtract_self(n: Tensor) -> Tensor:
    """A number minus itself is zero."""
    return zero(n)


@rule(GROUP, (n + m) - n)
def subtract_term(n: Tensor, m: Tensor) -> Tensor:
    """What is added and subtracted cancels."""
    return m


@rule(GROUP, n - (n + m))
def subtract_sum_with_self(n: Tensor, m: Tensor) -> Tensor:
    """What is added and subtracted cancels."""
    return -m


@rule(GROUP, (n - m) + m)
def add_what_was_subtracted(n: Tensor, m: Tensor) -> Tensor:
    """What is subtracted and added cancels."""
    return n


@rule(GROUP, (n - m) - n)
def subtract_minuend(n: Tensor, m: Tensor) -> Tensor:
    """What is added and subtracted cancels."""
    return -m


@rule(GROUP, n - (n - m))
def subtract_difference_with_self(n: Tensor, m: Tensor) -> Tensor:
    """What is added and subtracted cancels."""
    return m


@rule(GROUP, x + x)
def add_self(x: Tensor) -> Tensor:
    """A number added to itself is twice the number."""
    return x * 2.0


@rule(GROUP, x * c + x)
def add_to_multiple(x: Tensor, c: Tensor) -> Tensor:
    """c x + x is (c + 1) x."""
    return x * (c + 1.0)


@rule(GROUP, x * c + x * d)
def multiples_added(x: Tensor, c: Tensor, d: Tensor) -> Tensor | None:
    """Two multiples of one number are one."""
    both = one_constant(e.add, c, d)
    return None if both is None else x * both


@rule(GROUP, x * c - x)
def subtract_from_multiple(x: Tensor, c: Tensor) -> Tensor:
    """c x - x is (c - 1) x."""
    return x * (c - 1.0)


@rule(GROUP, x - x * c)
def subtract_multiple(x: Tensor, c: Tensor) -> Tensor:
    """x - c x is (1 - c) x."""
    return x * (1.0 - c)


@rule(GROUP, x * c - x * d)
def multiples_subtracted(x: Tensor, c: Tensor, d: Tensor) -> Tensor | None:
    """Two multiples of one number are one."""
    both = one_constant(e.subtract, c, d)
    return None if both is None else x * both


# Signs ----------------------------------------------------------------------------------------


@rule(GROUP, -(-n))
def double_negative(n: Tensor) -> Tensor:
    """Two changes of sign cancel."""
    return n


@rule(GROUP, n - (-m))
def subtract_negative(n: Tensor, m: Tensor) -> Tensor:
    """Subtracting a negative is adding."""
    return n + m


@rule(GROUP, n + (-m))
def add_negative(n: Tensor, m: Tensor) -> Tensor:
    """Adding a negative is subtracting."""
    return n - m


@rule(GROUP, x + below_nothing)
def add_negative_constant(x: Tensor, below_nothing: Tensor) -> Tensor:
    """Adding a negative constant is subtracting a positive one."""
    return x - (-below_nothing)


@rule(GROUP, x - below_nothing)
def subtract_negative_constant(x: Tensor, below_nothing: Tensor) -> Tensor:
    """Subtracting a negative constant is adding a positive one."""
    return x + (-below_nothing)


@rule(GROUP, -(n - m))
def negative_of_difference(n: Tensor, m: Tensor) -> Tensor:
    """The sign of a difference changes when its terms change places."""
    return m - n


@rule(GROUP, n * -1)
def multiply_by_minus_one(n: Tensor) -> Tensor:
    """Multiplying by -1 is a change of sign."""
    return -n


@rule(GROUP, (-n) * (-m))
def negatives_multiplied(n: Tensor, m: Tensor) -> Tensor:
    """The signs of two factors cancel."""
    return n * m


@rule(GROUP, (-x) * c)
def negative_times_constant(x: Tensor, c: Tensor) -> Tensor:
    """A change of sign joins the constant factor."""
    return x * (-c)


@rule(GROUP, -(x * c))
def negate_constant_factor(x: Tensor, c: Tensor) -> Tensor:
    """A change of sign joins the constant factor."""
    return x * (-c)


@rule(GROUP, (-x) / (-y))
def negatives_divided(x: Tensor, y: Tensor) -> Tensor:
    """The signs of numerator and denominator cancel."""
    return x / y


@rule(GROUP, pt.square(-n))
def square_of_negative(n: Tensor) -> Tensor:
    """A square does not see the sign."""
    return pt.square(n)


@rule(GROUP, pt.abs(-signed))
def magnitude_of_negative(signed: Tensor) -> Tensor:
    """A magnitude does not see the sign."""
    return pt.abs(signed)


@rule(GROUP, pt.abs(pt.abs(n)))
def magnitude_of_magnitude(n: Tensor) -> Tensor:
    """A magnitude is its own magnitude."""
    return pt.abs(n)


@rule(GROUP, pt.square(pt.abs(n)))
def square_of_magnitude(n: Tensor) -> Tensor:
    """A square does not see the sign."""
    return pt.square(n)


@rule(GROUP, pt.abs(not_negative))
def magnitude_of_nonnegative(not_negative: Tensor) -> Tensor:
    """A number that is not negative is its own magnitude."""
    return not_negative


@rule(GROUP, pt.abs(not_positive))
def magnitude_of_nonpositive(not_positive: Tensor) -> Tensor:
    """The magnitude of a number that is not positive is its negative."""
    return -not_positive


@rule(GROUP, pt.sign(above_zero))
def sign_of_positive(above_zero: Tensor) -> Tensor:
    """The sign of a positive number is 1."""
    return one(above_zero)


@rule(GROUP, pt.sign(below_zero))
def sign_of_negative(below_zero: Tensor) -> Tensor:
    """The sign of a negative number is -1."""
    return -one(below_zero)


@rule(GROUP, pt.sign(pt.sign(n)))
def sign_of_sign(n: Tensor) -> Tensor:
    """A sign is its own sign."""
    return pt.sign(n)


@rule(GROUP, pt.sign(n) * pt.abs(n))
def sign_times_magnitude(n: Tensor) -> Tensor:
    """Sign times magnitude is the number."""
    return n


@rule(GROUP, pt.sign(n) * n)
def sign_times_self(n: Tensor) -> Tensor:
    """A number times its sign is its magnitude."""
    return pt.abs(n)


# Products and quotients -----------------------------------------------------------------------


@rule(GROUP, n * 1)
def multiply_by_one(n: Tensor) -> Tensor:
    """Multiplying by one changes nothing."""
    return n


@rule(GROUP, x / 1.0)
def divide_by_one(x: Tensor) -> Tensor:
    """Dividing by one changes nothing."""
    return x


@rule(GROUP, n * 0)
def multiply_by_zero(n: Tensor) -> Tensor:
    """Zero times a finite number is zero (an infinite or missing factor is taken for an error upstream)."""
    return zero(n)


@rule(GROUP, 0.0 / nonzero)
def divide_zero(nonzero: Tensor) -> Tensor:
    """Zero divided by what is not zero is zero."""
    return zero(nonzero)


@rule(GROUP, nonzero / nonzero)
def divide_by_self(nonzero: Tensor) -> Tensor:
    """A number that is not zero, divided by itself, is one."""
    return one(nonzero)


@rule(GROUP, (nonzero * y) / nonzero)
def divide_by_factor(nonzero: Tensor, y: Tensor) -> Tensor:
    """A factor that is not zero cancels."""
    return y


@rule(GROUP, nonzero / (nonzero * y))
def divide_by_multiple(nonzero: Tensor, y: Tensor) -> Tensor:
    """A factor that is not zero cancels."""
    return pt.reciprocal(y)


@rule(GROUP, (x / nonzero) * nonzero)
def multiply_by_divisor(x: Tensor, nonzero: Tensor) -> Tensor:
    """Dividing and multiplying by a number that is not zero cancel."""
    return x


@rule(GROUP, nonzero * pt.reciprocal(nonzero))
def multiply_by_own_reciprocal(nonzero: Tensor) -> Tensor:
    """A number that is not zero times its reciprocal is one."""
    return one(nonzero)


@rule(GROUP, nonzero * pt.reciprocal(pt.square(nonzero)))
def multiply_by_reciprocal_of_square(nonzero: Tensor) -> Tensor:
    """x / x² is 1 / x, where x is not zero."""
    return pt.reciprocal(nonzero)


@rule(GROUP, pt.square(nonzero) / nonzero)
def divide_square_by_root(nonzero: Tensor) -> Tensor:
    """x² / x is x, where x is not zero."""
    return nonzero


@rule(GROUP, 1.0 / p)
def reciprocal_from_division(p: Tensor) -> Tensor:
    """One divided by a number is its reciprocal."""
    return pt.reciprocal(p)


@rule(GROUP, pt.reciprocal(pt.reciprocal(p)))
def reciprocal_of_reciprocal(p: Tensor) -> Tensor:
    """Two reciprocals cancel."""
    return p


@rule(GROUP, x / pt.reciprocal(p))
def divide_by_reciprocal(x: Tensor, p: Tensor) -> Tensor:
    """Dividing by a reciprocal is multiplying."""
    return x * p


@rule(GROUP, pt.reciprocal(-p))
def reciprocal_of_negative(p: Tensor) -> Tensor:
    """The sign leaves the reciprocal."""
    return -pt.reciprocal(p)


# Powers ---------------------------------------------------------------------------------------


@rule(GROUP, x * x)
def square_from_product(x: Tensor) -> Tensor:
    """A number times itself is its square."""
    return pt.square(x)


@rule(GROUP, e.power(n, 2))
def square_from_power(n: Tensor) -> Tensor:
    """The second power is the square."""
    return pt.square(n)


@rule(GROUP, e.power(n, 1))
def first_power(n: Tensor) -> Tensor:
    """The first power is the number itself."""
    return n


@rule(GROUP, e.power(n, 0))
def zeroth_power(n: Tensor) -> Tensor:
    """The power zero is one (of zero, too)."""
    return one(n)


@rule(GROUP, e.power(1.0, x))
def power_of_one(x: Tensor) -> Tensor:
    """All powers of one are one."""
    return one(x)


@rule(GROUP, e.power(p, 0.5))
def square_root_from_power(p: Tensor) -> Tensor:
    """The power one half is the square root."""
    return pt.sqrt(p)


@rule(GROUP, e.power(p, -1.0))
def reciprocal_from_power(p: Tensor) -> Tensor:
    """The power -1 is the reciprocal."""
    return pt.reciprocal(p)


def product_of_exponents(x: Tensor, y: Tensor) -> Tensor:
    """x y, which is 0 where either is, as the power of 1 that they make together is 1: 0 times infinity too."""
    if any(isinstance(i.op, Constant) and np.isfinite(i.op.value).all() and i.op.value.all() for i in (x, y)):
        return x * y
    return pt.where(pt.logical_or(pt.equal(x, 0.0), pt.equal(y, 0.0)), 0.0, x * y)


@rule(GROUP, e.power(e.power(above_zero, x), y))
def power_of_power(above_zero: Tensor, x: Tensor, y: Tensor) -> Tensor | None:
    """The exponents of a power of a power of a positive number are multiplied."""
    return e.power(above_zero, product_of_exponents(x, y))


@rule(GROUP, e.power(above_zero, x) * e.power(above_zero, y))
def powers_multiplied(above_zero: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """The exponents of powers of one positive number are added in their product."""
    return e.power(above_zero, x + y)


@rule(GROUP, pt.sqrt(pt.square(x)))
def square_root_of_square(x: Tensor) -> Tensor:
    """The square root of a square is the magnitude, without the overflow of the square."""
    return pt.abs(x)


@rule(GROUP, pt.square(pt.sqrt(p)))
def square_of_square_root(p: Tensor) -> Tensor:
    """The square undoes the square root, which negative numbers have not."""
    return p if is_nonnegative(p) else pt.where(p >= 0.0, p, np.nan)


# Functions and their inverses -----------------------------------------------------------------


@rule(GROUP, pt.log(pt.exp(x)))
def log_of_exp(x: Tensor) -> Tensor:
    """The logarithm undoes the exponential."""
    return x


@rule(GROUP, pt.exp(pt.log(p)))
def exp_of_log(p: Tensor) -> Tensor:
    """The exponential undoes the logarithm, which negative numbers have not."""
    return p if is_nonnegative(p) else pt.where(p >= 0.0, p, np.nan)


def without_sign(not_negative: Tensor) -> Tensor:
    """A number that is not negative as one whose zero has no sign: its reciprocal is infinity, not minus infinity."""
    return not_negative if is_positive(not_negative) else pt.abs(not_negative)


@rule(GROUP, pt.exp(c * pt.log(not_negative)))
def exp_of_multiple_of_log(c: Tensor, not_negative: Tensor) -> Tensor:
    """exp(c log(x)) is the power c of x, where x is not negative."""
    return e.power(without_sign(not_negative), c)


@rule(GROUP, pt.exp(-pt.log(not_negative)))
def exp_of_negative_log(not_negative: Tensor) -> Tensor:
    """exp(-log(x)) is 1 / x, where x is not negative."""
    return pt.reciprocal(without_sign(not_negative))


@rule(GROUP, e.power(np.e, x))
def power_of_e(x: Tensor) -> Tensor:
    """A power of e is the exponential."""
    return pt.exp(x)


@rule(GROUP, e.log10(pt.exp(x)))
def log10_of_exp(x: Tensor) -> Tensor:
    """The logarithm undoes the exponential, to another base."""
    return x * (1.0 / math.log(10.0))


@rule(GROUP, e.log2(pt.exp(x)))
def log2_of_exp(x: Tensor) -> Tensor:
    """The logarithm undoes the exponential, to another base."""
    return x * (1.0 / math.log(2.0))


@rule(GROUP, pt.log1p(pt.expm1(x)))
def log1p_of_expm1(x: Tensor) -> Tensor:
    """log1p undoes expm1."""
    return x


@rule(GROUP, pt.expm1(pt.log1p(p)))
def expm1_of_log1p(p: Tensor) -> Tensor:
    """expm1 undoes log1p, which numbers below -1 have not."""
    return p if is_nonnegative(p) else pt.where(p >= -1.0, p, np.nan)


@rule(GROUP, pt.exp(pt.log1p(p)))
def exp_of_log1p(p: Tensor) -> Tensor:
    """exp(log(1 + x)) is 1 + x, where that is not negative."""
    return 1.0 + p if is_nonnegative(p) else pt.where(p >= -1.0, 1.0 + p, np.nan)


@rule(GROUP, pt.log(1.0 + pt.expm1(x)))
def log_of_one_plus_expm1(x: Tensor) -> Tensor:
    """expm1(x) + 1 is exp(x), and the logarithm undoes it."""
    return x


@rule(GROUP, pt.softplus(x) - pt.softplus(-x))
def softplus_difference(x: Tensor) -> Tensor:
    """log(1 + exp(x)) - log(1 + exp(-x)) is x: the logit of a sigmoid."""
    return x


@rule(GROUP, pt.sigmoid(pt.log(p) - pt.log1p(-p)))
def sigmoid_of_logit(p: Tensor) -> Tensor:
    """The sigmoid undoes the logit, which numbers outside [0, 1] have not."""
    return pt.where(pt.logical_and(p >= 0.0, p <= 1.0), p, np.nan)


@rule(GROUP, pt.log(above_zero * pt.exp(x)))
def log_of_product_with_exp(above_zero: Tensor, x: Tensor) -> Tensor:
    """The logarithm of a product with an exponential is a sum, which neither over- nor underflows."""
    return pt.log(above_zero) + x


@rule(GROUP, pt.log(above_zero / pt.exp(x)))
def log_of_quotient_by_exp(above_zero: Tensor, x: Tensor) -> Tensor:
    """The logarithm of a quotient by an exponential is a difference, which neither over- nor underflows."""
    return pt.log(above_zero) - x


@rule(GROUP, pt.reciprocal(pt.exp(x)))
def reciprocal_of_exp(x: Tensor) -> Tensor:
    """1 / exp(x) is exp(-x)."""
    return pt.exp(-x)


@rule(GROUP, pt.floor(whole))
def floor_of_integer(whole: Tensor) -> Tensor:
    """A whole number is its own floor."""
    return whole


@rule(GROUP, pt.rint(whole))
def rounded_integer(whole: Tensor) -> Tensor:
    """A whole number needs no rounding."""
    return whole


@rule(GROUP, pt.ceil(whole))
def ceiling_of_integer(whole: Tensor) -> Tensor:
    """A whole number is its own ceiling."""
    return whole


@rule(GROUP, pt.trunc(whole))
def truncated_integer(whole: Tensor) -> Tensor:
    """A whole number has no fraction to drop."""
    return whole


@rule(GROUP, e.log2(e.exp2(x)))
def log2_of_exp2(x: Tensor) -> Tensor:
    """The logarithm undoes the power."""
    return x


@rule(GROUP, e.exp2(e.log2(p)))
def exp2_of_log2(p: Tensor) -> Tensor:
    """The power undoes the logarithm, which negative numbers have not."""
    return p if is_nonnegative(p) else pt.where(p >= 0.0, p, np.nan)


@rule(GROUP, pt.log1p(p - 1.0))
def log1p_of_predecessor(p: Tensor) -> Tensor:
    """log(1 + (x - 1)) is log(x)."""
    return pt.log(p)


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


# Annotations, branches, tuples ----------------------------------------------------------------


@rule(GROUP, ops=(Named, StopGradient), examples=lambda: [Named("d")(_vector()), stop_gradient(_vector())])
def value_of_annotation(expr: Expr) -> Expr | None:
    """A name, or a remark for the gradient, is not computed: the value is."""
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


# Casts ----------------------------------------------------------------------------------------


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


