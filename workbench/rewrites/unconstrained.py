"""Densities over unconstrained space, in the arithmetic of the real numbers.

A constrained value is a function of the unconstrained one, such as ``exp(q)``, and a density is written over it. These
rules put the two together before the gradient is taken: ``log(exp(q))`` is ``q`` and ``exp(q) < inf`` is true, wherever
``exp(q)`` as a float is 0 or infinite.
"""

from __future__ import annotations

import math

import numpy as np

import workbench.tensor as pt
from workbench.graph.domain import positive
from workbench.graph.expr import Constant, Expr, intern
from workbench.graph.pattern import uniform_value, variable
from workbench.graph.properties import is_number, is_positive, together
from workbench.graph.rewrite import rule
from workbench.rewrites.logic import always
from workbench.tensor import elementwise as e
from workbench.tensor.indexing.rows import Take
from workbench.tensor.indexing.slices import Slice
from workbench.tensor.reduction.reductions import Reduce
from workbench.tensor.shape import BroadcastTo, Reshape, Transpose, broadcast_like
from workbench.tensor.shape.joining import Concatenate
from workbench.tensor.special.double_logarithms import log1mexpexp, log_softplus
from workbench.tensor.tensor import Tensor

GROUP = "unconstrained"
ROUNDING = 8.0 * np.finfo(np.float64).eps

x, y = variable("x"), variable("y")
lower, upper = variable("lower"), variable("upper")
above_zero = variable("above_zero", positive, where=together(is_positive, is_number))


# Inside of the support ------------------------------------------------------------------------


@rule(GROUP, pt.exp(x) < np.inf)
def exp_is_finite(x: Tensor) -> Tensor:
    """The exponential of a number is finite, however large it is."""
    return always(True, x)


@rule(GROUP, pt.softplus(x) < np.inf)
def softplus_is_finite(x: Tensor) -> Tensor:
    """softplus of a number is finite."""
    return always(True, x)


@rule(GROUP, pt.sigmoid(x) < 1.0)
def sigmoid_below_one(x: Tensor) -> Tensor:
    """A sigmoid is less than 1, however near it is."""
    return always(True, x)


@rule(GROUP, pt.sigmoid(x) <= 1.0)
def sigmoid_at_most_one(x: Tensor) -> Tensor:
    """A sigmoid is less than 1."""
    return always(True, x)


@rule(GROUP, pt.sigmoid(x) > 1.0)
def sigmoid_not_above_one(x: Tensor) -> Tensor:
    """A sigmoid is less than 1."""
    return always(False, x)


@rule(GROUP, pt.sigmoid(x) >= 1.0)
def sigmoid_not_at_least_one(x: Tensor) -> Tensor:
    """A sigmoid is less than 1, however near it is."""
    return always(False, x)


@rule(GROUP, e.equal(pt.sigmoid(x), 1.0))
def sigmoid_is_not_one(x: Tensor) -> Tensor:
    """A sigmoid is less than 1, however near it is."""
    return always(False, x)


@rule(GROUP, above_zero + x >= x)
def at_least_its_lower_bound(above_zero: Tensor, x: Tensor) -> Tensor:
    """What is added to a bound is positive."""
    return always(True, above_zero + x)


@rule(GROUP, above_zero + x > x)
def above_its_lower_bound(above_zero: Tensor, x: Tensor) -> Tensor:
    """What is added to a bound is positive, however small it is beside it."""
    return always(True, above_zero + x)


@rule(GROUP, x - above_zero <= x)
def at_most_its_upper_bound(x: Tensor, above_zero: Tensor) -> Tensor:
    """What is subtracted from a bound is positive."""
    return always(True, x - above_zero)


@rule(GROUP, x - above_zero < x)
def below_its_upper_bound(x: Tensor, above_zero: Tensor) -> Tensor:
    """What is subtracted from a bound is positive, however small it is beside it."""
    return always(True, x - above_zero)


@rule(GROUP, x + y >= x)
def at_least_a_variable_bound(x: Tensor, y: Tensor) -> Tensor:
    """What is added to a bound decides."""
    return broadcast_like(y >= 0.0, x + y)


@rule(GROUP, lower + (upper - lower) * pt.sigmoid(x) <= upper)
def at_most_a_variable_bound(lower: Tensor, upper: Tensor, x: Tensor) -> Tensor:
    """A part of the way from one bound to another ends before it."""
    return broadcast_like(upper - lower >= 0.0, lower + (upper - lower) * x)


@rule(GROUP, upper - (lower + (upper - lower) * pt.sigmoid(x)))
def rest_of_the_way(upper: Tensor, lower: Tensor, x: Tensor) -> Tensor:
    """What is left of the way between two bounds is the other part of it, without cancellation."""
    return (upper - lower) * pt.sigmoid(-x)


def _share(expr: Expr) -> tuple[np.ndarray, np.ndarray, Expr] | None:
    """The bounds and the log-odds of a number between constant bounds: ``lower + width * sigmoid(x)``."""
    low, expr = _start(expr)
    width: np.ndarray = np.array(1.0)
    if expr.op is e.multiply:
        factor, expr = expr.inputs if isinstance(expr.inputs[0].op, Constant) else expr.inputs[::-1]
        if not isinstance(factor.op, Constant) or not is_positive(factor):
            return None
        width = factor.op.value
    if expr.op is not pt.sigmoid:
        return None
    return low, low + width, expr.inputs[0]


def _start(expr: Expr) -> tuple[np.ndarray, Expr]:
    """The constant to which something is added, and what that is."""
    first, second = expr.inputs if expr.op in (e.add, e.subtract) else (expr, expr)
    if expr.op is e.add and isinstance(first.op, Constant):
        return first.op.value, second
    if expr.op in (e.add, e.subtract) and isinstance(second.op, Constant):
        return second.op.value if expr.op is e.add else -second.op.value, first
    return np.array(0.0), expr


def _always(value: bool, comparison: Expr) -> Tensor:
    """A truth value in the shape of a comparison, which it does not contain."""
    first, second = comparison.inputs
    return always(value, first if first.type.shape == comparison.type.shape else first + second)


def _equal_to_rounding(a: np.ndarray, b: np.ndarray, scale: np.ndarray) -> bool:
    return bool(np.all(np.abs(a - b) <= ROUNDING * (np.abs(a) + np.abs(scale))))


def _vector() -> Tensor:
    return pt.vector("v", 4)


def _of_share() -> Tensor:
    return 0.1 + pt.constant(0.7 - 0.1) * pt.sigmoid(_vector())


@rule(GROUP, ops=(e.greater, e.greater_equal), over=(Constant,), examples=lambda: [pt.exp(_vector()) - 1.0 >= -1.0, _of_share() > 0.1])
def above_constant_bound(expr: Expr) -> Expr | None:
    """What is added to a bound is positive, however small it is beside it."""
    if not isinstance(expr.inputs[1].op, Constant):
        return None
    low, rest = _start(expr.inputs[0])
    is_inside = rest is not expr.inputs[0] and above_zero.op.where(rest) and bool(np.all(low == expr.inputs[1].op.value))
    return _always(True, expr) if is_inside else None


@rule(GROUP, ops=(e.less, e.less_equal), over=(Constant,), examples=lambda: [_of_share() <= 0.7, _of_share() < 0.7])
def below_constant_bound(expr: Expr) -> Expr | None:
    """A part of the way to a bound is below it, though rounding may say that it is not."""
    found = _share(expr.inputs[0]) if isinstance(expr.inputs[1].op, Constant) else None
    if found is None or not _equal_to_rounding(expr.inputs[1].op.value, found[1], found[0]):
        return None
    return _always(True, expr)


@rule(GROUP, ops=(e.greater_equal, e.equal), over=(Constant,), examples=lambda: [_of_share() >= 0.7, e.equal(_of_share(), 0.7)])
def not_at_constant_bound(expr: Expr) -> Expr | None:
    """A part of the way to a bound is below it, though rounding may say that it is not."""
    found = _share(expr.inputs[0]) if isinstance(expr.inputs[1].op, Constant) else None
    if found is None or not _equal_to_rounding(expr.inputs[1].op.value, found[1], found[0]):
        return None
    return _always(False, expr)


@rule(GROUP, ops=(e.subtract,), over=(Constant,), examples=lambda: [0.7 - _of_share(), 0.6 - 0.6 * pt.sigmoid(_vector())])
def rest_of_the_way_to_a_constant(expr: Expr) -> Expr | None:
    """What is left of the way to a bound is the other part of it, without cancellation."""
    found = _share(expr.inputs[1]) if isinstance(expr.inputs[0].op, Constant) else None
    if found is None or not _equal_to_rounding(expr.inputs[0].op.value, found[1], found[0]):
        return None
    low, high, odds = found
    return pt.constant(high - low) * pt.sigmoid(pt.negative(odds))


def _choice() -> Tensor:
    return pt.where(pt.constant([True, False, True, False]), pt.exp(_vector()), _vector())


@rule(GROUP, ops=(Take, Slice), over=(e.where, Transpose), examples=lambda: [_choice()[np.array([2, 0])], _choice()[np.array([1, 3, 1])], _choice()[::2]])
def part_of_known_choice(expr: Expr) -> Expr | None:
    """Elements of which all were chosen from one side are elements of that side."""
    arranged, *at = expr.inputs
    choice = arranged.inputs[0] if isinstance(arranged.op, Transpose) else arranged
    if choice.op is not e.where or choice.type.is_open or not all(isinstance(i.op, Constant) for i in (choice.inputs[0], *at)):
        return None
    mask = np.broadcast_to(choice.inputs[0].op.value, choice.type.static_shape)
    if mask.size > 4096:
        return None
    taken = expr.op.numpy(mask if arranged is choice else arranged.op.numpy(mask), *(i.op.value for i in at))
    side = choice.inputs[1] if taken.all() else choice.inputs[2] if not taken.any() else None
    if side is None or side.type != choice.type:
        return None
    return intern(expr.op, (side if arranged is choice else intern(arranged.op, (side,)), *at))


# Logarithms -----------------------------------------------------------------------------------

ARRANGED = (Slice, Take, Reshape, Transpose, BroadcastTo)
"""Operations that arrange the elements of their first input."""


def free_logarithm(expr: Expr, depth: int = 12) -> Tensor | None:
    """The logarithm of what is made of exponentials, sigmoids and softplus, without computing these; else None."""
    op = expr.op
    if op is e.exp:
        return expr.inputs[0]
    if op is pt.sigmoid:
        return -pt.softplus(-expr.inputs[0])
    if op is pt.softplus:
        return None if _is_kept_away(expr.inputs[0]) else log_softplus(expr.inputs[0])
    if depth == 0:
        return None
    if op in (e.square, e.sqrt, e.reciprocal):
        inner = free_logarithm(expr.inputs[0], depth - 1)
        if inner is None:
            return None
        return -inner if op is e.reciprocal else (2.0 if op is e.square else 0.5) * inner
    if op is e.power:
        inner = free_logarithm(expr.inputs[0], depth - 1)
        return None if inner is None else expr.inputs[1] * inner
    if op in (e.multiply, e.divide, e.where):
        first, second = (free_logarithm(i, depth - 1) for i in expr.inputs[-2:])
        if first is None and second is None:
            return None
        for_first, for_second = (_logarithm(i, known) for i, known in zip(expr.inputs[-2:], (first, second)))
        if for_first is None or for_second is None:
            return None
        if op is e.where:
            return pt.where(expr.inputs[0], for_first, for_second)
        return for_first + for_second if op is e.multiply else for_first - for_second
    if isinstance(op, Concatenate):
        found = [free_logarithm(i, depth - 1) for i in expr.inputs]
        logs = [_logarithm(i, known) for i, known in zip(expr.inputs, found)]
        parts = [x for x in logs if x is not None]
        return None if all(x is None for x in found) or len(parts) < len(logs) else intern(op, tuple(parts))
    if isinstance(op, ARRANGED):
        inner = free_logarithm(expr.inputs[0], depth - 1)
        return None if inner is None else intern(op, (inner, *expr.inputs[1:]))
    return None


def _is_kept_away(x: Expr) -> bool:
    """Whether numbers whose exponentials underflow have been replaced by 0, as `log_softplus` and `log1mexpexp` do."""
    return x.op is e.where and uniform_value(x.inputs[1]) == 0.0


def _logarithm(expr: Expr, known: Tensor | None) -> Tensor | None:
    """The logarithm of a factor, if it is positive for certain."""
    if known is not None:
        return known
    return pt.log(expr) if is_positive(expr) else None


MADE = (e.exp, pt.sigmoid, pt.softplus, e.square, e.sqrt, e.reciprocal, e.power, e.multiply, e.divide, e.where, Concatenate, *ARRANGED)
"""What free_logarithm may see through."""


@rule(GROUP, ops=(e.log,), over=MADE, examples=lambda: [
    pt.log(pt.exp(_vector()) / 3.0), pt.log(pt.softplus(_vector())), pt.log(pt.where(_vector() > 0.0, 2.0 * pt.sigmoid(_vector()), 1.0)),
    pt.log(pt.square(pt.exp(_vector()) * 2.0)), pt.log(pt.exp(_vector())[:2]), pt.log(pt.concatenate([pt.exp(_vector()), pt.constant([2.0])])),
])  # fmt: skip
def log_of_exponentials(expr: Expr) -> Expr | None:
    """The logarithm of a product of exponentials is the sum of the exponents."""
    return free_logarithm(expr.inputs[0])


@rule(GROUP, ops=(e.log,), over=(Reduce,), examples=lambda: [pt.log(pt.sum(pt.concatenate([pt.exp(_vector()), pt.constant([2.0])])))])
def log_of_sum_of_parts(expr: Expr) -> Expr | None:
    """A sum of exponentials side by side, and of other positive numbers, underflows; with the largest taken out it does not."""
    total = expr.inputs[0]
    if total.op.kind != "sum" or not isinstance(total.inputs[0].op, (Concatenate, *ARRANGED)):
        return None
    found = free_logarithm(total.inputs[0])
    return None if found is None else pt.logsumexp(found, axis=total.op.axes)


@rule(GROUP, ops=(e.log1p,), over=MADE, examples=lambda: [pt.log1p(pt.square(pt.exp(_vector()) / 3.0)), pt.log1p(0.5 * pt.exp(_vector()))])
def log1p_of_exponentials(expr: Expr) -> Expr | None:
    """log(1 + p) is softplus(log(p)), which does not overflow where p does."""
    found = free_logarithm(expr.inputs[0])
    return None if found is None else pt.softplus(found)


def _opposite(expr: Expr) -> Expr | None:
    """The number whose negative an expression is."""
    if expr.op is e.negative:
        return expr.inputs[0]
    if expr.op is e.multiply:
        for factor, other in (expr.inputs, expr.inputs[::-1]):
            if isinstance(factor.op, Constant) and bool((factor.op.value < 0.0).all()):
                return pt.constant(-factor.op.value) * other
            inner = _opposite(other) if other.op is e.negative else None
            if inner is not None:
                return factor * inner
    return None


@rule(GROUP, ops=(e.log1mexp,), over=(e.negative, e.multiply), examples=lambda: [pt.log1mexp(-pt.softplus(_vector())), pt.log1mexp(-2.0 * pt.softplus(_vector()))])
def log1mexp_of_exponentials(expr: Expr) -> Expr | None:
    """log(1 - exp(-p)) is next to log(p) where p is next to nothing, and underflows."""
    opposite = _opposite(expr.inputs[0])
    found = None if opposite is None else free_logarithm(opposite)
    return None if found is None or _is_kept_away(found) else log1mexpexp(found)


# Products that are finite where their factors are not -----------------------------------------


@rule(GROUP, y / pt.exp(x))
def divided_by_exp(y: Tensor, x: Tensor) -> Tensor:
    """To divide by an exponential is to multiply by the opposite one, whose derivative does not overflow before it does."""
    return y * pt.exp(-x)


@rule(GROUP, ops=(e.divide,), over=ARRANGED, examples=lambda: [_vector() / pt.broadcast_to(pt.exp(pt.scalar("s")), (4,)), _vector()[:2] / pt.exp(_vector())[2:]])
def divided_by_arranged_exp(expr: Expr) -> Expr | None:
    """To divide by rows of an exponential is to multiply by those of the opposite one."""
    numerator, divisor = expr.inputs
    arrangements = []
    while isinstance(divisor.op, ARRANGED):
        arrangements.append(divisor)
        divisor = divisor.inputs[0]
    if divisor.op is not e.exp:
        return None
    made: Expr = pt.exp(pt.negative(divisor.inputs[0]))
    for step in reversed(arrangements):
        made = intern(step.op, (made, *step.inputs[1:]))
    return e.multiply(numerator, made)


@rule(GROUP, ops=(e.divide,), over=(pt.softplus,), examples=lambda: [1.5 / pt.softplus(_vector())])
def divided_by_softplus(expr: Expr) -> Expr | None:
    """A constant divided by softplus is an exponential, whose derivative does not overflow before it does."""
    numerator, divisor = expr.inputs
    if not isinstance(numerator.op, Constant) or _is_kept_away(divisor.inputs[0]):
        return None
    return numerator * pt.exp(-log_softplus(divisor.inputs[0]))


def _is_extreme(expr: Expr) -> bool:
    """Whether a constant is so far from 1 that it decides where a product overflows."""
    if not isinstance(expr.op, Constant) or expr.op.value.size > 4096 or not is_positive(expr):
        return False
    sizes = np.abs(np.log(expr.op.value))
    return bool((sizes > math.log(1e4)).any())



@rule(GROUP, ops=(e.multiply,), over=(e.exp,), examples=lambda: [1e-9 * pt.exp(_vector()), pt.exp(_vector()) * 1e9])
def multiple_of_exp(expr: Expr) -> Expr | None:
    """A factor far from 1 joins the exponent: the product is finite where the exponential alone is not."""
    for factor, other in (expr.inputs, expr.inputs[::-1]):
        if other.op is e.exp and _is_extreme(factor):
            return pt.exp(other.inputs[0] + pt.log(factor))
    return None


@rule(GROUP, ops=(e.divide,), over=(e.exp,), examples=lambda: [pt.exp(_vector()) / 1e9])
def exp_over_constant(expr: Expr) -> Expr | None:
    """A divisor far from 1 joins the exponent: the quotient is finite where the exponential alone is not."""
    numerator, divisor = expr.inputs
    if numerator.op is e.exp and _is_extreme(divisor):
        return pt.exp(numerator.inputs[0] - pt.log(divisor))
    return None
