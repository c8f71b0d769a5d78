"""What operations tell of the numbers they make: signs, whole numbers, order."""

from __future__ import annotations

from typing import Any

import workbench.tensor as pt
from workbench.graph.domain import Domain, Interval, inf
from workbench.graph.expr import Expr
from workbench.graph.lengths import at_least
from workbench.graph.pattern import uniform_value
from workbench.graph.properties import (
    ELEMENTWISE,
    infers,
    is_integer,
    is_negative,
    is_nonnegative,
    is_nonpositive,
    is_nonzero,
    is_number,
    is_one_hot,
    is_positive,
    is_sorted,
)  # fmt: skip
from workbench.tensor import elementwise as e
from workbench.tensor.elementwise import Cast, ScalarOp
from workbench.tensor.indexing.rows import AddAt, SetAt, Take
from workbench.tensor.indexing.slices import SetSlice, Slice
from workbench.tensor.markers import Named
from workbench.tensor.reduction.cumulative import Cumulate
from workbench.tensor.reduction.reductions import Reduce
from workbench.tensor.shape import Arange, BroadcastTo, Reshape, Transpose
from workbench.tensor.shape.joining import Concatenate
from workbench.tensor.sorting.sorting import Sort
from workbench.tensor.trigonometry import sech_squared

SIGN: int = is_positive | is_negative
"""All that is said of signs."""


def _negated(a: int) -> int:
    """The sign of -x where x has that of `a`."""
    known = a & is_nonzero
    if is_nonnegative.of(a):
        known |= is_nonpositive
    if is_nonpositive.of(a):
        known |= is_nonnegative
    return known


def _product(a: int, b: int) -> int:
    """The sign of a product."""
    known = a & b & is_nonzero
    if is_nonnegative.of(a):
        known |= b & (is_nonnegative | is_nonpositive)
    if is_nonpositive.of(a):
        known |= _negated(b) & (is_nonnegative | is_nonpositive)
    return known


def _sum(a: int, b: int) -> int:
    """The sign of a sum: known where both terms pull the same way."""
    known = 0
    for side in (is_nonnegative, is_nonpositive):
        if side.of(a) and side.of(b):
            known |= side | ((a | b) & is_nonzero)
    return known


# NaN ------------------------------------------------------------------------------------------

EVERYWHERE = (e.exp, e.exp2, e.expm1, e.reciprocal, pt.sinh, pt.cosh, pt.erfcx, pt.i0, pt.i0e, pt.i1, pt.i1e, pt.j0, pt.j1)
"""Functions of all numbers whose domain is where tests draw."""
FROM_ZERO = (e.sqrt, e.log, e.log1p, e.log2, e.log10)
"""Functions of all numbers that are not negative."""
BY_DIVISION = (e.divide, e.floor_divide, e.mod)


def _takes(op: ScalarOp, domain: Domain, x: int) -> bool:
    """Whether all numbers with the properties `x` are in the domain of an operand."""
    if op in EVERYWHERE or not isinstance(domain, Interval):
        return True
    if op in FROM_ZERO:
        return is_nonnegative.of(x)
    if domain.high < inf:
        return op is e.log1mexp and is_nonpositive.of(x)
    return domain.low == -inf or (domain.low == 0.0 and (is_positive if op not in BY_DIVISION else is_nonzero).of(x))


@infers(ScalarOp)
def number_where_defined(node: Expr, *operands: int) -> int:
    """A function makes a number of the numbers in its domain."""
    if all(is_number.of(x) and _takes(node.op, d, x) for d, x in zip(node.op.domains, operands)):
        return int(is_number)
    return 0


# Signs ----------------------------------------------------------------------------------------


@infers(e.exp, e.exp2, e.softplus, e.sigmoid, sech_squared, pt.cosh, pt.erfc, pt.erfcx, pt.ndtr, pt.i0, pt.i0e)
def functions_that_are_positive(node: Expr, x: int) -> int:
    """exp, softplus, sigmoid, cosh and their like are positive everywhere."""
    return is_positive


@infers(pt.gamma)
def sign_of_gamma(node: Expr, x: int) -> int:
    """The gamma function of positive numbers is positive."""
    return int(is_positive) if is_positive.of(x) else 0


@infers(pt.beta)
def sign_of_beta(node: Expr, a: int, b: int) -> int:
    """The beta function of positive numbers is positive."""
    return int(is_positive) if is_positive.of(a & b) else 0


@infers(pt.hypot)
def sign_of_hypotenuse(node: Expr, x: int, y: int) -> int:
    """A length is not negative."""
    return is_nonnegative | ((x | y) & is_nonzero)


@infers(e.expm1, e.log1p, e.cbrt, pt.sinh, pt.tanh, pt.arcsinh, pt.arctan, pt.arcsin, pt.arctanh, pt.erf, pt.erfinv)
def functions_with_the_sign_of_their_operand(node: Expr, x: int) -> int:
    """Increasing functions through zero keep the sign."""
    return x & SIGN


@infers(e.reciprocal)
def sign_of_reciprocal(node: Expr, x: int) -> int:
    """1/x has the sign of x, and is never 0 (of an integer it is the whole part)."""
    return (x & SIGN) | is_nonzero if node.type.kind == "f" else 0


@infers(e.sqrt)
def sign_of_square_root(node: Expr, x: int) -> int:
    """A square root is not negative, and 0 only at 0."""
    return is_nonnegative | (x & is_nonzero)


@infers(e.abs)
def sign_of_magnitude(node: Expr, x: int) -> int:
    """Magnitudes are not negative, and 0 only at 0."""
    return is_nonnegative | (x & (is_nonzero | is_integer))


@infers(e.square)
def sign_of_square(node: Expr, x: int) -> int:
    """Squares are not negative, and 0 only at 0 (integers may overflow: nothing is said of them)."""
    return is_nonnegative | (x & (is_nonzero | is_integer)) if node.type.kind == "f" else 0


@infers(e.negative)
def sign_of_negative(node: Expr, x: int) -> int:
    """A change of sign turns the sign round (of integers the smallest has no opposite)."""
    if node.type.kind == "f":
        return _negated(x) | (x & is_integer)
    return _negated(x & is_positive) if node.type.kind == "i" else 0


@infers(e.sign)
def sign_of_sign(node: Expr, x: int) -> int:
    """The sign has the sign of its operand."""
    return (x & SIGN) | is_integer


@infers(e.logit)
def order_of_logit(node: Expr, x: int) -> int:
    """An increasing function keeps the order."""
    return x & is_sorted


@infers(e.log1mexp, pt.log_ndtr)
def sign_of_log1mexp(node: Expr, x: int) -> int:
    """The logarithm of a part of 1 is negative."""
    return is_negative


@infers(e.floor, e.ceil, e.rint, e.trunc)
def sign_of_rounded(node: Expr, x: int) -> int:
    """What is rounded to a whole number may reach 0, but not cross it (nor need it, away from 0)."""
    known = is_integer | (x & (is_nonnegative | is_nonpositive))
    away: Any = {e.floor: is_negative, e.ceil: is_positive}.get(node.op)
    return known | away if away is not None and away.of(x) else known


@infers(e.add)
def sign_of_sum(node: Expr, a: int, b: int) -> int:
    """A sum of numbers of one sign has that sign (integers may overflow: nothing is said of them)."""
    known = a & b & is_integer
    if node.type.kind == "f":
        known |= _sum(a, b)
    return known | (_keeps_order(node) if is_sorted.of(a & b) else 0)


@infers(e.subtract)
def sign_of_difference(node: Expr, a: int, b: int) -> int:
    """a - b has the sign that a and -b share."""
    return (a & b & is_integer) | (_sum(a, _negated(b)) if node.type.kind == "f" else 0)


@infers(e.multiply)
def sign_of_product(node: Expr, a: int, b: int) -> int:
    """The sign of a product follows from those of its factors; a number times itself is a square."""
    known = a & b & is_integer
    if node.type.kind == "f":
        known |= _product(a, b)
        if node.inputs[0] is node.inputs[1]:
            known |= is_nonnegative
    return known


@infers(e.divide)
def sign_of_quotient(node: Expr, a: int, b: int) -> int:
    """A quotient has the sign of the product, and is 0 only where its numerator is."""
    return _product(a, b | is_nonzero) | (a & is_nonzero)


@infers(e.power)
def sign_of_power(node: Expr, base: int, exponent: int) -> int:
    """Powers of positive numbers are positive; even powers are not negative (integers may overflow)."""
    if node.type.kind != "f":
        return 0
    if is_positive.of(base):
        return is_positive
    if is_nonnegative.of(base):
        return is_nonnegative
    value = uniform_value(node.inputs[1])
    return is_nonnegative if value is not None and value % 2 == 0 else 0


@infers(e.maximum)
def sign_of_maximum(node: Expr, a: int, b: int) -> int:
    """The larger of two is positive where one of them is."""
    known = (a & b & ELEMENTWISE) | ((a | b) & is_nonnegative)
    return known | (is_positive if is_positive.of(a) or is_positive.of(b) else 0)


@infers(e.minimum)
def sign_of_minimum(node: Expr, a: int, b: int) -> int:
    """The smaller of two is negative where one of them is."""
    known = (a & b & ELEMENTWISE) | ((a | b) & is_nonpositive)
    return known | (is_negative if is_negative.of(a) or is_negative.of(b) else 0)


@infers(e.where)
def sign_of_choice(node: Expr, condition: int, a: int, b: int) -> int:
    """A choice has what both alternatives have."""
    return a & b & ELEMENTWISE


@infers(Cast)
def sign_of_cast(node: Expr, x: int) -> int:
    """Another dtype keeps signs, but truncation may reach 0."""
    source, target = node.inputs[0].type.kind, node.type.kind
    if target == "f":
        return x & ELEMENTWISE
    return x & is_nonnegative if source == "f" and target == "i" else 0


@infers(Reshape, Transpose, Slice, Named, BroadcastTo)
def elements_of_one(node: Expr, x: int) -> int:
    """Elements in another arrangement are what they were."""
    return x & ELEMENTWISE


@infers(Take)
def elements_of_first(node: Expr, x: int, other: int) -> int:
    """Repeated or chosen elements are what they were."""
    return x & ELEMENTWISE


@infers(Concatenate)
def elements_of_all(node: Expr, *parts: int) -> int:
    """Tensors joined have what all of them have."""
    known = parts[0] & ELEMENTWISE
    for p in parts[1:]:
        known &= p
    return known


@infers(SetSlice)
def elements_of_slice_update(node: Expr, x: int, value: int) -> int:
    """A tensor with a part replaced has what both have."""
    return x & value & ELEMENTWISE


@infers(SetAt)
def elements_of_update(node: Expr, x: int, at: int, value: int) -> int:
    """A tensor with a part replaced has what both have."""
    return x & value & ELEMENTWISE


@infers(AddAt)
def elements_of_increment(node: Expr, x: int, at: int, value: int) -> int:
    """A tensor with something added in places: the sign that both share, or the tensor's own."""
    known = 0
    for side in (is_nonnegative, is_nonpositive):
        if side.of(x) and side.of(value) and node.type.kind == "f":
            known |= side | (x & is_nonzero)
    return known | (x & value & (is_integer | is_number))


@infers(Cumulate)
def sign_of_running_sum(node: Expr, x: int) -> int:
    """Running sums and products of numbers are numbers; of numbers that are not negative they are not, of positive ones positive."""
    assert isinstance(node.op, Cumulate)
    if node.type.kind != "f":
        return 0
    known = x & is_number
    if is_nonnegative.of(x) or (is_nonpositive.of(x) and node.op.kind == "add"):
        known |= x & SIGN
    return known


@infers(Arange)
def elements_of_arange(node: Expr) -> int:
    """0, 1, 2, ... ascend and are not negative."""
    return is_nonnegative | is_sorted | is_integer | is_number


@infers(Take)
def row_of_identity(node: Expr, x: int, at: int) -> int:
    """Rows chosen from one-hot rows are one-hot."""
    return x & is_one_hot if node.inputs[0].type.ndim > 1 else 0


@infers(Sort)
def order_of_sorted(node: Expr, x: int) -> int:
    """What is sorted along the last axis is sorted."""
    return (x & ELEMENTWISE) | (is_sorted if node.op.axis == node.type.ndim - 1 else 0)


@infers(e.exp, e.log, e.log1p, e.expm1, e.sqrt, e.sigmoid, e.softplus, e.floor, e.ceil, e.rint, pt.tanh, pt.sinh, pt.arctan, pt.erf, pt.ndtr)
def order_under_increasing_function(node: Expr, x: int) -> int:
    """An increasing function keeps the order."""
    return x & is_sorted


def _keeps_order(node: Expr) -> int:
    """Whether a sum of sorted operands is sorted: where they are as long as the result."""
    return is_sorted if all(i.type.shape[-1:] == node.type.shape[-1:] for i in node.inputs) else 0


@infers(Reduce)
def sign_of_reduction(node: Expr, x: int) -> int:
    """Sums, products and extremes of numbers of one sign have it, where there is at least one."""
    assert isinstance(node.op, Reduce)
    kind = node.op.kind
    if kind in ("all", "any"):
        return 0
    lengths = [node.inputs[0].type.shape[a] for a in node.op.axes]
    some = all(at_least(n, 1) for n in lengths)
    whole = x & (is_integer | is_number)
    if kind in ("max", "min"):
        return 0 if node.op.of_nothing else x & ELEMENTWISE
    if node.type.kind != "f":
        return whole
    if kind == "sum":
        if some:
            return whole | (x & SIGN if x & (is_nonnegative | is_nonpositive) else 0)
        return whole | (x & (is_nonnegative | is_nonpositive))
    return whole | (x & is_positive if is_nonnegative.of(x) else x & is_nonzero)


def is_identically(value: float, node: Expr) -> bool:
    """Whether a tensor is one value repeated, seen through broadcasts."""
    while isinstance(node.op, (BroadcastTo)):
        node = node.inputs[0]
    found = uniform_value(node)
    return found is not None and bool(found == value)


__all__ = ["SIGN", "is_identically"]
