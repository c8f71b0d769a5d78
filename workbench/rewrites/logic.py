"""Choices, comparisons, truth values, extremes and bits in their simplest form."""

from __future__ import annotations

import numpy as np

import workbench.tensor as pt
from workbench.graph.domain import Booleans, Integers, Interval, positive
from workbench.graph.expr import Expr
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
from workbench.rewrites.signs import is_identically
from workbench.tensor import elementwise as e
from workbench.tensor.shape import broadcast_like
from workbench.tensor.tensor import Tensor

GROUP = "canonicalise"
ANY = "fiub"

a, b, condition = (variable(label, Booleans()) for label in ("a", "b", "condition"))
x, y, z = (variable(label, kinds=ANY) for label in "xyz")
n, m = variable("n", kinds="fiu"), variable("m", kinds="fiu")
i, j = variable("i", Integers(-3, 3), kinds="iu"), variable("j", Integers(-3, 3), kinds="iu")
word, other = variable("word", Integers(), kinds="iu"), variable("other", Integers(), kinds="iu")
number, another = variable("number"), variable("another")
c, d = variable("c", constant=True), variable("d", constant=True)
low, high = variable("low", Interval(-2.0, -1.0), constant=True), variable("high", Interval(1.0, 2.0), constant=True)
inner_low = variable("inner_low", Interval(-1.0, 0.0), constant=True)
inner_high = variable("inner_high", Interval(0.0, 1.0), constant=True)
low_constant = variable("low_constant", Interval(high=0.0), constant=True, where=is_nonpositive)
high_constant = variable("high_constant", positive, constant=True, where=is_nonnegative)
# A comparison with NaN is False: where a sign answers it, there must be a number.
nonzero = variable("nonzero", positive, where=together(is_nonzero, is_number), kinds="fiu")
above_zero = variable("above_zero", positive, where=together(is_positive, is_number), kinds="fiu")
not_negative = variable("not_negative", positive, where=together(is_nonnegative, is_number), kinds="fiu")
below_zero = variable("below_zero", Interval(high=0.0), where=together(is_negative, is_number), kinds="fiu")
not_positive = variable("not_positive", Interval(high=0.0), where=together(is_nonpositive, is_number), kinds="fiu")


def always(value: bool, like: Tensor) -> Tensor:
    """A truth value in the shape of `like`."""
    return broadcast_like(pt.constant(value), like)



# Choices --------------------------------------------------------------------------------------


@rule(GROUP, ops=(e.where,), examples=lambda: [pt.where(pt.constant(True), pt.vector("v", 4), 0.0), pt.where(pt.broadcast_to(pt.constant(False), (4,)), 0.0, pt.vector("v", 4))])
def constant_condition(expr: Expr) -> Expr | None:
    """A choice whose condition is known is made now."""
    condition, chosen, otherwise = expr.inputs
    if is_identically(True, condition):
        return chosen
    return otherwise if is_identically(False, condition) else None


@rule(GROUP, pt.where(condition, x, x))
def where_of_equal_branches(x: Tensor) -> Tensor:
    """A choice between equals is no choice."""
    return x


@rule(GROUP, pt.where(pt.logical_not(condition), x, y))
def where_of_not(condition: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """A choice on what is not so is the other choice on what is."""
    return pt.where(condition, y, x)


@rule(GROUP, pt.where(condition, pt.where(condition, x, y), z))
def where_in_its_own_branch(condition: Tensor, x: Tensor, z: Tensor) -> Tensor:
    """Inside the branch taken when a condition holds, it holds."""
    return pt.where(condition, x, z)


@rule(GROUP, pt.where(condition, x, pt.where(condition, y, z)))
def where_in_its_other_branch(condition: Tensor, x: Tensor, z: Tensor) -> Tensor:
    """Inside the branch taken when a condition does not hold, it does not."""
    return pt.where(condition, x, z)


@rule(GROUP, pt.where(a, pt.where(b, x, y), y))
def where_of_both(a: Tensor, b: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Two choices with one alternative are one choice on both conditions."""
    return pt.where(pt.logical_and(a, b), x, y)


@rule(GROUP, pt.where(a, x, pt.where(b, x, y)))
def where_of_either(a: Tensor, b: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Two choices with one outcome are one choice on either condition."""
    return pt.where(pt.logical_or(a, b), x, y)


@rule(GROUP, pt.where(condition, True, False))
def where_of_true_and_false(condition: Tensor) -> Tensor:
    """True where a condition holds and False where not: the condition."""
    return condition


@rule(GROUP, pt.where(condition, False, True))
def where_of_false_and_true(condition: Tensor) -> Tensor:
    """False where a condition holds and True where not: its opposite."""
    return pt.logical_not(condition)


@rule(GROUP, number * pt.cast(condition, "float64"))
def multiply_by_truth(number: Tensor, condition: Tensor) -> Tensor:
    """A number times a truth value is the number or zero (a product with zero is zero)."""
    return pt.where(condition, number, 0.0)


# Comparisons ----------------------------------------------------------------------------------


@rule(GROUP, x < x)
def less_than_self(x: Tensor) -> Tensor:
    """Nothing is less than itself."""
    return always(False, x)


@rule(GROUP, x > x)
def greater_than_self(x: Tensor) -> Tensor:
    """Nothing is greater than itself."""
    return always(False, x)


@rule(GROUP, i <= i)
def at_most_self(i: Tensor) -> Tensor:
    """An integer is at most itself."""
    return always(True, i)


@rule(GROUP, i >= i)
def at_least_self(i: Tensor) -> Tensor:
    """An integer is at least itself."""
    return always(True, i)


@rule(GROUP, e.equal(i, i))
def equal_to_self(i: Tensor) -> Tensor:
    """An integer equals itself (a missing number does not)."""
    return always(True, i)


@rule(GROUP, e.not_equal(i, i))
def different_from_self(i: Tensor) -> Tensor:
    """An integer does not differ from itself."""
    return always(False, i)


@rule(GROUP, above_zero > 0)
def positive_is_above_zero(above_zero: Tensor) -> Tensor:
    """A positive number is above zero."""
    return always(True, above_zero)


@rule(GROUP, not_negative >= 0)
def nonnegative_is_at_least_zero(not_negative: Tensor) -> Tensor:
    """A number that is not negative is at least zero."""
    return always(True, not_negative)


@rule(GROUP, not_negative < 0)
def nonnegative_is_not_below_zero(not_negative: Tensor) -> Tensor:
    """A number that is not negative is not below zero."""
    return always(False, not_negative)


@rule(GROUP, above_zero <= 0)
def positive_is_not_at_most_zero(above_zero: Tensor) -> Tensor:
    """A positive number is above zero."""
    return always(False, above_zero)


@rule(GROUP, below_zero < 0)
def negative_is_below_zero(below_zero: Tensor) -> Tensor:
    """A negative number is below zero."""
    return always(True, below_zero)


@rule(GROUP, not_positive > 0)
def nonpositive_is_not_above_zero(not_positive: Tensor) -> Tensor:
    """A number that is not positive is not above zero."""
    return always(False, not_positive)


@rule(GROUP, e.equal(nonzero, 0))
def nonzero_is_not_zero(nonzero: Tensor) -> Tensor:
    """What is never zero does not equal zero."""
    return always(False, nonzero)


@rule(GROUP, e.not_equal(nonzero, 0))
def nonzero_differs_from_zero(nonzero: Tensor) -> Tensor:
    """What is never zero differs from zero."""
    return always(True, nonzero)


@rule(GROUP, pt.isnan(i))
def integer_is_a_number(i: Tensor) -> Tensor:
    """An integer is never missing."""
    return always(False, i)


@rule(GROUP, (-number) > 0)
def negative_above_zero(number: Tensor) -> Tensor:
    """-x is above zero where x is below (of integers the smallest has no opposite)."""
    return number < np.zeros((), number.dtype)


@rule(GROUP, (-number) < 0)
def negative_below_zero(number: Tensor) -> Tensor:
    """-x is below zero where x is above (of integers the smallest has no opposite)."""
    return number > np.zeros((), number.dtype)


# Truth values ---------------------------------------------------------------------------------


@rule(GROUP, pt.logical_not(pt.logical_not(a)))
def not_of_not(a: Tensor) -> Tensor:
    """What is not untrue is true."""
    return a


@rule(GROUP, pt.logical_and(a, a))
def and_of_self(a: Tensor) -> Tensor:
    """Saying it twice adds nothing."""
    return a


@rule(GROUP, pt.logical_or(a, a))
def or_of_self(a: Tensor) -> Tensor:
    """Saying it twice adds nothing."""
    return a


@rule(GROUP, pt.logical_and(a, pt.constant(True)))
def and_true(a: Tensor) -> Tensor:
    """`and True` changes nothing."""
    return a


@rule(GROUP, pt.logical_and(a, pt.constant(False)))
def and_false(a: Tensor) -> Tensor:
    """Nothing and False is true."""
    return always(False, a)


@rule(GROUP, pt.logical_or(a, pt.constant(False)))
def or_false(a: Tensor) -> Tensor:
    """`or False` changes nothing."""
    return a


@rule(GROUP, pt.logical_or(a, pt.constant(True)))
def or_true(a: Tensor) -> Tensor:
    """Everything or True is true."""
    return always(True, a)


@rule(GROUP, pt.logical_and(a, pt.logical_not(a)))
def and_of_opposites(a: Tensor) -> Tensor:
    """Nothing is both true and untrue."""
    return always(False, a)


@rule(GROUP, pt.logical_or(a, pt.logical_not(a)))
def or_of_opposites(a: Tensor) -> Tensor:
    """Everything is true or untrue."""
    return always(True, a)


@rule(GROUP, pt.logical_and(a, pt.logical_or(a, b)))
def and_absorbs_or(a: Tensor) -> Tensor:
    """a and (a or b) is a."""
    return a


@rule(GROUP, pt.logical_or(a, pt.logical_and(a, b)))
def or_absorbs_and(a: Tensor) -> Tensor:
    """a or (a and b) is a."""
    return a


@rule(GROUP, pt.logical_or(a, pt.logical_or(a, b)))
def or_of_self_again(a: Tensor, b: Tensor) -> Tensor:
    """a or (a or b) is a or b."""
    return pt.logical_or(a, b)


@rule(GROUP, pt.logical_and(a, pt.logical_and(a, b)))
def and_of_self_again(a: Tensor, b: Tensor) -> Tensor:
    """a and (a and b) is a and b."""
    return pt.logical_and(a, b)


@rule(GROUP, pt.logical_or(pt.logical_and(a, b), pt.logical_and(a, pt.logical_not(b))))
def or_of_both_cases(a: Tensor) -> Tensor:
    """(a and b) or (a and not b) is a: one of the two cases is there."""
    return a


@rule(GROUP, pt.logical_or(pt.logical_and(a, b), pt.logical_or(pt.logical_and(a, pt.logical_not(b)), condition)))
def or_of_both_cases_and_more(a: Tensor, condition: Tensor) -> Tensor:
    """(a and b) or (a and not b) or c is a or c: one of the two cases is there."""
    return pt.logical_or(a, condition)


@rule(GROUP, pt.logical_not(pt.logical_and(pt.logical_not(a), pt.logical_not(b))))
def and_of_negations(a: Tensor, b: Tensor) -> Tensor:
    """Not (not a and not b) is (a or b): de Morgan."""
    return pt.logical_or(a, b)


@rule(GROUP, pt.logical_not(pt.logical_or(pt.logical_not(a), pt.logical_not(b))))
def or_of_negations(a: Tensor, b: Tensor) -> Tensor:
    """Not (not a or not b) is (a and b): de Morgan."""
    return pt.logical_and(a, b)


@rule(GROUP, pt.logical_not(e.equal(x, y)))
def not_equal_from_not(x: Tensor, y: Tensor) -> Tensor:
    """What is not equal differs."""
    return e.not_equal(x, y)


@rule(GROUP, pt.logical_not(e.not_equal(x, y)))
def equal_from_not(x: Tensor, y: Tensor) -> Tensor:
    """What does not differ is equal."""
    return e.equal(x, y)


@rule(GROUP, pt.logical_not(i < j))
def at_least_from_not(i: Tensor, j: Tensor) -> Tensor:
    """An integer that is not less is at least as large."""
    return i >= j


@rule(GROUP, pt.logical_not(i <= j))
def greater_from_not(i: Tensor, j: Tensor) -> Tensor:
    """An integer that is not at most as large is greater."""
    return i > j


@rule(GROUP, pt.logical_not(i > j))
def at_most_from_not(i: Tensor, j: Tensor) -> Tensor:
    """An integer that is not greater is at most as large."""
    return i <= j


@rule(GROUP, pt.logical_not(i >= j))
def less_from_not(i: Tensor, j: Tensor) -> Tensor:
    """An integer that is not at least as large is less."""
    return i < j


@rule(GROUP, e.bitwise_and(a, b))
def logical_and_from_bits(a: Tensor, b: Tensor) -> Tensor:
    """The bits of truth values are the truth values."""
    return pt.logical_and(a, b)


@rule(GROUP, e.bitwise_or(a, b))
def logical_or_from_bits(a: Tensor, b: Tensor) -> Tensor:
    """The bits of truth values are the truth values."""
    return pt.logical_or(a, b)


@rule(GROUP, e.invert(a))
def logical_not_from_bits(a: Tensor) -> Tensor:
    """The bit of a truth value is the truth value."""
    return pt.logical_not(a)


# Extremes -------------------------------------------------------------------------------------


@rule(GROUP, pt.maximum(n, n))
def maximum_of_self(n: Tensor) -> Tensor:
    """The larger of a number and itself is the number."""
    return n


@rule(GROUP, pt.minimum(n, n))
def minimum_of_self(n: Tensor) -> Tensor:
    """The smaller of a number and itself is the number."""
    return n


@rule(GROUP, pt.maximum(n, pt.maximum(n, m)))
def maximum_again(n: Tensor, m: Tensor) -> Tensor:
    """A number need not enter a maximum twice."""
    return pt.maximum(n, m)


@rule(GROUP, pt.minimum(n, pt.minimum(n, m)))
def minimum_again(n: Tensor, m: Tensor) -> Tensor:
    """A number need not enter a minimum twice."""
    return pt.minimum(n, m)


@rule(GROUP, pt.maximum(n, pt.minimum(n, m)))
def maximum_with_own_minimum(n: Tensor) -> Tensor:
    """max(x, min(x, y)) is x."""
    return n


@rule(GROUP, pt.minimum(n, pt.maximum(n, m)))
def minimum_with_own_maximum(n: Tensor) -> Tensor:
    """min(x, max(x, y)) is x."""
    return n


@rule(GROUP, pt.maximum(pt.maximum(n, c), d))
def lower_limits_joined(n: Tensor, c: Tensor, d: Tensor) -> Tensor:
    """Of two lower limits the higher counts."""
    return pt.maximum(n, pt.maximum(c, d))


@rule(GROUP, pt.minimum(pt.minimum(n, c), d))
def upper_limits_joined(n: Tensor, c: Tensor, d: Tensor) -> Tensor:
    """Of two upper limits the lower counts."""
    return pt.minimum(n, pt.minimum(c, d))


def _in_order(low: Tensor, high: Tensor) -> bool:
    return bool((low.op.value <= high.op.value).all())


@rule(GROUP, pt.maximum(pt.minimum(pt.maximum(n, low), high), low))
def lower_limit_again(n: Tensor, low: Tensor, high: Tensor) -> Tensor | None:
    """A number between two limits is above the lower one."""
    return pt.minimum(pt.maximum(n, low), high) if _in_order(low, high) else None


@rule(GROUP, pt.minimum(pt.maximum(pt.minimum(n, high), low), high))
def upper_limit_again(n: Tensor, low: Tensor, high: Tensor) -> Tensor | None:
    """A number between two limits is below the upper one."""
    return pt.maximum(pt.minimum(n, high), low) if _in_order(low, high) else None


@rule(GROUP, pt.minimum(pt.maximum(pt.minimum(pt.maximum(n, low), high), inner_low), inner_high))
def clip_of_clip(
    n: Tensor, low: Tensor, high: Tensor, inner_low: Tensor, inner_high: Tensor
) -> Tensor | None:
    """A number limited twice is limited once, where the limits are in order."""
    if not _in_order(low, high) or not _in_order(inner_low, inner_high):
        return None
    return pt.minimum(pt.maximum(n, pt.clip(low, inner_low, inner_high)), pt.clip(high, inner_low, inner_high))


@rule(GROUP, pt.maximum(number, -np.inf))
def maximum_with_minus_infinity(number: Tensor) -> Tensor:
    """Every number is at least minus infinity."""
    return number


@rule(GROUP, pt.minimum(number, np.inf))
def minimum_with_infinity(number: Tensor) -> Tensor:
    """Every number is at most infinity."""
    return number


@rule(GROUP, pt.maximum(not_negative, low_constant))
def maximum_of_nonnegative(not_negative: Tensor) -> Tensor:
    """A number that is not negative is at least any constant that is not positive."""
    return not_negative


@rule(GROUP, pt.minimum(not_positive, high_constant))
def minimum_of_nonpositive(not_positive: Tensor) -> Tensor:
    """A number that is not positive is at most any constant that is not negative."""
    return not_positive


@rule(GROUP, -pt.maximum(-number, -another))
def minimum_from_maximum(number: Tensor, another: Tensor) -> Tensor:
    """-max(-x, -y) is min(x, y) (of integers the smallest has no opposite)."""
    return pt.minimum(number, another)


@rule(GROUP, -pt.minimum(-number, -another))
def maximum_from_minimum(number: Tensor, another: Tensor) -> Tensor:
    """-min(-x, -y) is max(x, y) (of integers the smallest has no opposite)."""
    return pt.maximum(number, another)


# Bits -----------------------------------------------------------------------------------------


@rule(GROUP, word ^ word)
def xor_with_self(word: Tensor) -> Tensor:
    """All bits of x differ from none of x's."""
    return pt.zeros_like(word)


@rule(GROUP, word & word)
def bits_and_self(word: Tensor) -> Tensor:
    """x & x is x."""
    return word


@rule(GROUP, word | word)
def bits_or_self(word: Tensor) -> Tensor:
    """x | x is x."""
    return word


@rule(GROUP, (word ^ other) ^ word)
def xor_twice(word: Tensor, other: Tensor) -> Tensor:
    """What is flipped twice is back."""
    return other


@rule(GROUP, ~(~word))
def invert_twice(word: Tensor) -> Tensor:
    """What is flipped twice is back."""
    return word


@rule(GROUP, word ^ 0)
def xor_with_zero(word: Tensor) -> Tensor:
    """x ^ 0 is x."""
    return word


@rule(GROUP, word | 0)
def bits_or_zero(word: Tensor) -> Tensor:
    """x | 0 is x."""
    return word


@rule(GROUP, word & 0)
def bits_and_zero(word: Tensor) -> Tensor:
    """x & 0 is 0."""
    return pt.zeros_like(word)


@rule(GROUP, word << 0)
def shift_left_by_zero(word: Tensor) -> Tensor:
    """A shift by no bits changes nothing."""
    return word


@rule(GROUP, word >> 0)
def shift_right_by_zero(word: Tensor) -> Tensor:
    """A shift by no bits changes nothing."""
    return word
