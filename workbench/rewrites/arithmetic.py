"""Sums, signs, products and quotients of numbers in their simplest form.

The rules take numbers for real numbers: ``x - x`` is 0 and ``(x + y) - x`` is ``y``, whatever
rounding or an infinity would have made of them (see ``docs/decisions/0008-zero-times-x.md``).
"""

from __future__ import annotations

import numpy as np

import workbench.tensor as pt
from workbench.graph.domain import Interval, positive
from workbench.graph.expr import Constant, Expr
from workbench.graph.pattern import variable
from workbench.graph.properties import (
    is_negative,
    is_nonnegative,
    is_nonpositive,
    is_nonzero,
    is_number,
    is_positive,
    together,
)  # fmt: skip
from workbench.graph.rewrite import rule
from workbench.rewrites.constants import one_constant
from workbench.tensor import elementwise as e
from workbench.tensor.tensor import Tensor

GROUP = "canonicalise"

x, y = variable("x"), variable("y")
n, m = variable("n", kinds="fiu"), variable("m", kinds="fiu")
signed = variable("signed", kinds="fi")
same = variable("same", kinds="fiu", where=lambda x: not _is_infinite(x))
c, d = variable("c", constant=True), variable("d", constant=True)
p = variable("p", positive)
nonzero = variable("nonzero", positive, where=together(is_nonzero, is_number))
above_zero = variable("above_zero", positive, where=together(is_positive, is_number))
not_negative = variable("not_negative", positive, where=is_nonnegative)
not_positive = variable("not_positive", Interval(high=0.0), where=is_nonpositive)
below_zero = variable("below_zero", Interval(high=0.0), where=together(is_negative, is_number))
below_nothing = variable("below_nothing", Interval(high=0.0), constant=True, where=is_negative)


def _is_infinite(x: Expr) -> bool:
    """Whether an expression is a constant with an element that is no finite number: that does not cancel."""
    return isinstance(x.op, Constant) and x.type.kind == "f" and not np.isfinite(x.op.value).all()


def zero(x: Tensor) -> Tensor:
    """Zeros of the shape and dtype of `x`."""
    return pt.zeros_like(x)


def one(x: Tensor) -> Tensor:
    """Ones of the shape and dtype of `x`."""
    return pt.ones_like(x)


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


@rule(GROUP, same - same)
def subtract_self(same: Tensor) -> Tensor:
    """A number minus itself is zero."""
    return zero(same)


@rule(GROUP, (same + m) - same)
def subtract_term(same: Tensor, m: Tensor) -> Tensor:
    """What is added and subtracted cancels."""
    return m


@rule(GROUP, same - (same + m))
def subtract_sum_with_self(same: Tensor, m: Tensor) -> Tensor:
    """What is added and subtracted cancels."""
    return -m


@rule(GROUP, (n - same) + same)
def add_what_was_subtracted(n: Tensor, same: Tensor) -> Tensor:
    """What is subtracted and added cancels."""
    return n


@rule(GROUP, (same - m) - same)
def subtract_minuend(same: Tensor, m: Tensor) -> Tensor:
    """What is added and subtracted cancels."""
    return -m


@rule(GROUP, same - (same - m))
def subtract_difference_with_self(same: Tensor, m: Tensor) -> Tensor:
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
