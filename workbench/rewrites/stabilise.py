"""The same value with more correct digits."""

from __future__ import annotations

import workbench.tensor as pt
from workbench.graph.domain import Interval, positive, unit
from workbench.graph.pattern import variable
from workbench.graph.rewrite import rule
from workbench.tensor.tensor import Tensor

GROUP = "stabilise"

x = variable("x")
small = variable("small", Interval(-0.9, 5.0))
below_one = variable("below_one", Interval(-5.0, 0.9))
p = variable("p", positive)
u = variable("u", unit)


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


@rule(GROUP, pt.reciprocal(1.0 + pt.exp(-x)))
def sigmoid_from_exp(x: Tensor) -> Tensor:
    """1 / (1 + exp(-x)) is the sigmoid."""
    return pt.sigmoid(x)


@rule(GROUP, pt.log(pt.square(p)))
def log_of_square(p: Tensor) -> Tensor:
    """The square of a positive number may overflow; twice its logarithm does not."""
    return 2.0 * pt.log(p)


@rule(GROUP, pt.log(pt.sqrt(p)))
def log_of_square_root(p: Tensor) -> Tensor:
    """The logarithm of a square root is half the logarithm."""
    return 0.5 * pt.log(p)


@rule(GROUP, pt.log(pt.reciprocal(p)))
def log_of_reciprocal(p: Tensor) -> Tensor:
    """The logarithm of a reciprocal is the negative logarithm."""
    return -pt.log(p)
