"""The same value with more correct digits, or without overflow on the way to it."""

from __future__ import annotations

import numpy as np

import workbench.tensor as pt
from workbench.graph.domain import Interval, positive, unit
from workbench.graph.expr import Constant, Expr, intern
from workbench.graph.pattern import variable
from workbench.graph.properties import is_nonnegative, is_positive
from workbench.graph.rewrite import rule
from workbench.tensor import elementwise as e
from workbench.tensor.indexing.advanced import Index
from workbench.tensor.indexing.rows import Take
from workbench.tensor.indexing.slices import Slice
from workbench.tensor.markers import StopGradient
from workbench.tensor.reduction.reductions import Reduce
from workbench.tensor.shape import BroadcastTo, Reshape
from workbench.tensor.tensor import Tensor

GROUP = "stabilise"

x, y = variable("x"), variable("y")
below_zero = variable("below_zero", Interval(high=0.0))
u = variable("u", unit)
small = variable("small", Interval(-0.9, 5.0))
below_one = variable("below_one", Interval(-5.0, 0.9))
p = variable("p", positive)
above_zero = variable("above_zero", positive, where=is_positive)
not_negative = variable("not_negative", positive, where=is_nonnegative)
scale = variable("scale", positive, constant=True, where=is_positive)
other_scale = variable("other_scale", positive, constant=True, where=is_positive)

# log1p and expm1 ------------------------------------------------------------------------------


@rule(GROUP, pt.log(1.0 + small), precise=True)
def log_of_one_plus(small: Tensor) -> Tensor:
    """log(1 + x) loses digits when x is small; log1p(x) does not."""
    return pt.log1p(small)


@rule(GROUP, pt.log(1.0 - below_one), precise=True)
def log_of_one_minus(below_one: Tensor) -> Tensor:
    """log(1 - x) loses digits when x is small; log1p(-x) does not."""
    return pt.log1p(-below_one)


@rule(GROUP, pt.exp(x) - 1.0, precise=True)
def exp_minus_one(x: Tensor) -> Tensor:
    """exp(x) - 1 loses digits when x is small; expm1(x) does not."""
    return pt.expm1(x)


@rule(GROUP, 1.0 - pt.exp(x), precise=True)
def one_minus_exp(x: Tensor) -> Tensor:
    """1 - exp(x) loses digits when x is small; -expm1(x) does not."""
    return -pt.expm1(x)


@rule(GROUP, pt.expm1(x) + 1.0)
def expm1_plus_one(x: Tensor) -> Tensor:
    """expm1(x) + 1 is exp(x), which keeps its digits for large negative x."""
    return pt.exp(x)


@rule(GROUP, pt.sqrt(1.0 + small) - 1.0, precise=True)
def square_root_minus_one(small: Tensor) -> Tensor:
    """sqrt(1 + x) - 1 loses digits when x is small; x / (sqrt(1 + x) + 1) does not."""
    return pt.where(pt.equal(small, np.inf), small, small / (pt.sqrt(1.0 + small) + 1.0))


@rule(GROUP, pt.log(-pt.expm1(below_zero)), precise=True)
def log_of_minus_expm1(below_zero: Tensor) -> Tensor:
    """log(1 - exp(x)) loses digits when exp(x) is small; log1mexp(x) takes the better of two ways."""
    return e.log1mexp(below_zero)


@rule(GROUP, pt.log1p(-pt.exp(below_zero)), precise=True)
def log1p_of_minus_exp(below_zero: Tensor) -> Tensor:
    """log(1 - exp(x)) loses digits when x is small; log1mexp(x) takes the better of two ways."""
    return e.log1mexp(below_zero)


@rule(GROUP, pt.log(pt.exp(x) + pt.exp(y)))
def log_of_two_exp(x: Tensor, y: Tensor) -> Tensor:
    """exp(x) + exp(y) overflows when either is large; logaddexp(x, y) does not."""
    return e.logaddexp(x, y)


@rule(GROUP, pt.log(scale * pt.exp(x) + pt.exp(y)))
def log_of_multiple_plus_exp(scale: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """a exp(x) + exp(y) overflows when either is large; logaddexp does not."""
    return e.logaddexp(x + pt.log(scale), y)


@rule(GROUP, pt.log(scale * pt.exp(x) + other_scale * pt.exp(y)))
def log_of_mixture(scale: Tensor, x: Tensor, other_scale: Tensor, y: Tensor) -> Tensor:
    """a exp(x) + b exp(y) overflows when either is large; logaddexp does not."""
    return e.logaddexp(x + pt.log(scale), y + pt.log(other_scale))


@rule(GROUP, pt.log(pt.exp(x) - pt.exp(y)))
def log_of_difference_of_exp(x: Tensor, y: Tensor) -> Tensor:
    """exp(x) - exp(y) overflows, and cancels where they are close; x + log(1 - exp(y - x)) does neither."""
    # Equal infinities have no difference, and both exponentials of minus infinity are 0.
    return x + e.log1mexp(pt.where(pt.equal(x, y), 0.0, y - x))


@rule(GROUP, pt.log1p(pt.exp(x) + pt.exp(y)))
def log_of_one_plus_two_exp(x: Tensor, y: Tensor) -> Tensor:
    """log(1 + exp(x) + exp(y)) overflows; logaddexp does not."""
    return e.logaddexp(0.0, e.logaddexp(x, y))


@rule(GROUP, pt.log(above_zero + pt.exp(x)))
def log_of_positive_plus_exp(above_zero: Tensor, x: Tensor) -> Tensor | None:
    """a + exp(x) overflows when x is large; logaddexp does not."""
    return e.logaddexp(pt.log(above_zero), x)


# The logistic function ------------------------------------------------------------------------


@rule(GROUP, pt.log1p(pt.exp(x)), precise=True)
def log_of_one_plus_exp(x: Tensor) -> Tensor:
    """log(1 + exp(x)) overflows when x is large; softplus(x) does not."""
    return pt.softplus(x)


@rule(GROUP, pt.log(pt.sigmoid(x)), precise=True)
def log_of_sigmoid(x: Tensor) -> Tensor:
    """The logarithm of a sigmoid underflows for large negative x; -softplus(-x) does not."""
    return -pt.softplus(-x)


@rule(GROUP, 1.0 - pt.sigmoid(x), precise=True)
def one_minus_sigmoid(x: Tensor) -> Tensor:
    """One minus a sigmoid cancels for large x; the sigmoid of -x does not."""
    return pt.sigmoid(-x)


@rule(GROUP, pt.log1p(-pt.sigmoid(x)), precise=True)
def log_of_one_minus_sigmoid(x: Tensor) -> Tensor:
    """log(1 - sigmoid(x)) is -softplus(x), which keeps its digits for large x."""
    return -pt.softplus(x)


@rule(GROUP, pt.reciprocal(1.0 + pt.exp(x)))
def sigmoid_from_exp(x: Tensor) -> Tensor:
    """1 / (1 + exp(x)) is the sigmoid of -x."""
    return pt.sigmoid(-x)


@rule(GROUP, pt.exp(x) / (1.0 + pt.exp(x)), precise=True)
def sigmoid_from_quotient(x: Tensor) -> Tensor:
    """exp(x) / (1 + exp(x)) overflows when x is large; the sigmoid does not."""
    return pt.sigmoid(x)


@rule(GROUP, pt.exp(x) * pt.sigmoid(-x), precise=True)
def sigmoid_from_odds(x: Tensor) -> Tensor:
    """The odds exp(x) times the probability against is the probability for, without overflow."""
    return pt.sigmoid(x)


@rule(GROUP, pt.exp(-x) * pt.sigmoid(x), precise=True)
def sigmoid_from_opposite_odds(x: Tensor) -> Tensor:
    """The odds exp(-x) times the probability for is the probability against, without overflow."""
    return pt.sigmoid(-x)


@rule(GROUP, pt.sigmoid(x) / pt.sigmoid(-x))
def odds(x: Tensor) -> Tensor:
    """The odds of a sigmoid are exp(x)."""
    return pt.exp(x)


@rule(GROUP, pt.exp(-pt.softplus(x)))
def exp_of_negative_softplus(x: Tensor) -> Tensor:
    """exp(-log(1 + exp(x))) is the sigmoid of -x."""
    return pt.sigmoid(-x)


@rule(GROUP, pt.exp(pt.softplus(x)))
def exp_of_softplus(x: Tensor) -> Tensor:
    """exp(log(1 + exp(x))) is 1 + exp(x)."""
    return 1.0 + pt.exp(x)


@rule(GROUP, pt.softplus(x) - x, precise=True)
def softplus_minus_self(x: Tensor) -> Tensor:
    """softplus(x) - x cancels for large x; softplus(-x) does not."""
    return pt.softplus(-x)


@rule(GROUP, x - pt.softplus(x), precise=True)
def self_minus_softplus(x: Tensor) -> Tensor:
    """x - softplus(x) cancels for large x; -softplus(-x) does not."""
    return -pt.softplus(-x)


@rule(GROUP, pt.expm1(pt.softplus(x)))
def expm1_of_softplus(x: Tensor) -> Tensor:
    """exp(log(1 + exp(x))) - 1 is exp(x)."""
    return pt.exp(x)


@rule(GROUP, e.logit(pt.sigmoid(x)), precise=True)
def logit_of_sigmoid(x: Tensor) -> Tensor:
    """The logit undoes the sigmoid, also where that has rounded to 0 or 1."""
    return x


@rule(GROUP, pt.sigmoid(e.logit(u)))
def sigmoid_of_logit_function(u: Tensor) -> Tensor:
    """The sigmoid undoes the logit, which numbers outside [0, 1] have not."""
    return pt.where(pt.logical_and(u >= 0.0, u <= 1.0), u, np.nan)


@rule(GROUP, pt.log(u / (1.0 - u)))
def logit_from_odds(u: Tensor) -> Tensor:
    """The logarithm of the odds is the logit, which keeps its digits around 1/2."""
    return e.logit(u)


@rule(GROUP, pt.log(u) - pt.log1p(-u))
def logit_from_logs(u: Tensor) -> Tensor:
    """log(x) - log(1 - x) cancels around 1/2; the logit does not."""
    return e.logit(u)


# Logarithms of powers and products ------------------------------------------------------------


@rule(GROUP, pt.log(pt.square(x)))
def log_of_square(x: Tensor) -> Tensor:
    """A square may overflow; twice the logarithm of the magnitude does not."""
    return 2.0 * pt.log(pt.abs(x))


@rule(GROUP, pt.log(pt.sqrt(p)))
def log_of_square_root(p: Tensor) -> Tensor:
    """The logarithm of a square root is half the logarithm."""
    return 0.5 * pt.log(p)


@rule(GROUP, pt.log(pt.reciprocal(p)))
def log_of_reciprocal(p: Tensor) -> Tensor:
    """The logarithm of a reciprocal is the negative logarithm."""
    return -pt.log(p)


@rule(GROUP, pt.log(e.power(above_zero, x)))
def log_of_power(above_zero: Tensor, x: Tensor) -> Tensor:
    """A power may overflow; the exponent times the logarithm does not."""
    logarithm = pt.log(above_zero)
    if isinstance(x.op, Constant) and np.isfinite(x.op.value).all() and x.op.value.all():
        return x * logarithm
    # Any number to the power of 0 is 1, and so is 1 to any power.
    return pt.where(pt.logical_or(pt.equal(x, 0.0), pt.equal(above_zero, 1.0)), 0.0, x * logarithm)


@rule(GROUP, ops=(e.log,), over=(Reduce,), examples=lambda: [pt.log(pt.prod(pt.vector("v", 4))), pt.log(pt.prod(pt.square(pt.matrix("m", 3, 4)) + 1.0, axis=0))])
def log_of_product(expr: Expr) -> Expr | None:
    """A product of many numbers over- or underflows; the sum of the logarithms of their sizes does not."""
    product = expr.inputs[0]
    if product.op.kind != "prod":
        return None
    (x,) = product.inputs
    if is_nonnegative(x):
        return intern(Reduce("sum", product.op.axes), (pt.log(x),))
    total = intern(Reduce("sum", product.op.axes), (pt.log(pt.abs(x)),))
    return pt.where(intern(product.op, (pt.sign(x),)) >= 0.0, total, np.nan)


# Sums of exponentials -------------------------------------------------------------------------


def _bare(x: Expr) -> Expr:
    """An expression without the broadcasts and reshapes around it."""
    while isinstance(x.op, (Reshape, BroadcastTo, StopGradient)):
        x = x.inputs[0]
    return x


def _is_shifted(exponent: Expr) -> bool:
    """Whether the largest exponent has been subtracted already."""
    if exponent.op is not e.subtract:
        return False
    shift = _bare(exponent.inputs[1])
    if shift.op is e.where:
        return _bare(shift.inputs[0]).op is e.isfinite
    return isinstance(shift.op, Reduce) and shift.op.kind == "max"


@rule(GROUP, ops=(e.log,), over=(Reduce,), examples=lambda: [pt.log(pt.sum(pt.exp(pt.vector("v", 4)))), pt.log(pt.sum(pt.exp(pt.matrix("m", 3, 4)), axis=1))])
def log_of_sum_of_exp(expr: Expr) -> Expr | None:
    """Exponentials overflow; with the largest taken out of the sum first, they do not."""
    total = expr.inputs[0]
    if total.op.kind != "sum" or total.inputs[0].op is not e.exp:
        return None
    exponent = total.inputs[0].inputs[0]
    return None if _is_shifted(exponent) else pt.logsumexp(exponent, axis=total.op.axes)


@rule(GROUP, ops=(e.log,), over=(Reduce,), examples=lambda: [pt.log(pt.sum(pt.constant([0.1, 0.2, 0.3, 0.4]) * pt.exp(pt.vector("v", 4))))])
def log_of_weighted_sum_of_exp(expr: Expr) -> Expr | None:
    """Exponentials overflow; the logarithms of constant positive weights join the exponents, and the largest leaves the sum."""
    total = expr.inputs[0]
    if total.op.kind != "sum" or total.inputs[0].op is not e.multiply:
        return None
    for weights, terms in (total.inputs[0].inputs, total.inputs[0].inputs[::-1]):
        if terms.op is e.exp and isinstance(weights.op, Constant) and is_positive(weights):
            return pt.logsumexp(terms.inputs[0] + pt.log(weights), axis=total.op.axes)
    return None


@rule(GROUP, ops=(e.divide,), over=(e.exp,), examples=lambda: [(w := pt.exp(pt.vector("v", 4))) / pt.sum(w), (w := pt.exp(pt.matrix("m", 3, 4))) / pt.sum(w, axis=1, keepdims=True), (w := pt.exp(pt.matrix("m", 3, 4))) / pt.sum(w, axis=0)])
def softmax_from_exp(expr: Expr) -> Expr | None:
    """Exponentials overflow; divided by their sum, they may all be divided by the largest first."""
    weights, divisor = expr.inputs
    total = _bare(divisor)
    if weights.op is not e.exp or not isinstance(total.op, Reduce) or total.op.kind != "sum" or total.inputs[0] is not weights:
        return None
    exponent = weights.inputs[0]
    if _is_shifted(exponent) or expr.type != weights.type:
        return None
    kept = tuple(1 if a in total.op.axes else n for a, n in enumerate(weights.type.shape))
    if divisor.type.shape != kept and (1,) * (len(kept) - divisor.type.ndim) + divisor.type.shape != kept:
        return None
    return pt.softmax(exponent, axis=total.op.axes)


@rule(GROUP, pt.log(pt.exp(x) / not_negative))
def log_of_exp_over(x: Tensor, not_negative: Tensor) -> Tensor:
    """The logarithm of an exponential divided by something is a difference, which does not underflow."""
    return x - pt.log(not_negative)


def has_logarithm(x: Expr) -> bool:
    """Whether the logarithm of `x`, or of what it is part of, has a form of its own, which keeps digits."""
    while isinstance(x.op, (Slice, Take, Index, Reshape)):
        x = x.inputs[0]
    if x.op is e.divide:
        return x.inputs[0].op is e.exp and is_nonnegative(x.inputs[1])
    return x.op in (pt.sigmoid, pt.erfc, pt.ndtr)


@rule(GROUP, ops=(e.log2, e.log10), examples=lambda: [pt.log10(pt.softmax(pt.vector("v", 4))), pt.log2(pt.sigmoid(pt.vector("v", 4))[1:])])
def logarithm_to_another_base(expr: Expr) -> Expr | None:
    """To whatever base, a logarithm that has a form which does not underflow is a multiple of the natural one."""
    return pt.log(expr.inputs[0]) / np.log(2.0 if expr.op is e.log2 else 10.0) if has_logarithm(expr.inputs[0]) else None


@rule(GROUP, ops=(e.log,), over=(Slice, Take, Index, Reshape), examples=lambda: [pt.log(pt.softmax(pt.vector("v", 4))[1]), pt.log(pt.take(pt.sigmoid(pt.vector("v", 4)), pt.constant([2, 0]))), pt.log(pt.softmax(pt.matrix("m", 2, 3), axis=1)[[0, 1], [2, 0]])])
def log_of_part(expr: Expr) -> Expr | None:
    """The logarithm of a part is part of the logarithm, where that has a form that does not underflow."""
    part = expr.inputs[0]
    source = part.inputs[0]
    return intern(part.op, (pt.log(source), *part.inputs[1:])) if has_logarithm(source) else None
