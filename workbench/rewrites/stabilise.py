"""The same value with more correct digits, or without overflow on the way to it."""

from __future__ import annotations

import workbench.tensor as pt
from workbench.graph.domain import Interval, positive
from workbench.graph.expr import Expr, intern
from workbench.graph.pattern import variable
from workbench.graph.properties import is_nonnegative, is_positive
from workbench.graph.rewrite import rule
from workbench.tensor import elementwise as e
from workbench.tensor.reduction import Reduce
from workbench.tensor.tensor import Tensor

GROUP = "stabilise"

x = variable("x")
small = variable("small", Interval(-0.9, 5.0))
below_one = variable("below_one", Interval(-5.0, 0.9))
p = variable("p", positive)
above_zero = variable("above_zero", positive, where=is_positive)

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
    return small / (pt.sqrt(1.0 + small) + 1.0)


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
    return x * pt.log(above_zero)


@rule(GROUP, ops=(e.log,), over=(Reduce,), examples=lambda: [pt.log(pt.prod(pt.abs(pt.vector("v", 4)))), pt.log(pt.prod(pt.square(pt.matrix("m", 3, 4)) + 1.0, axis=0))])
def log_of_product(expr: Expr) -> Expr | None:
    """A product of many positive numbers over- or underflows; the sum of their logarithms does not."""
    product = expr.inputs[0]
    if product.op.kind != "prod" or not is_nonnegative(product.inputs[0]):
        return None
    return intern(Reduce("sum", product.op.axes), (pt.log(product.inputs[0]),))
