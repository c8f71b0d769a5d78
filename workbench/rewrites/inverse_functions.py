"""Functions and what undoes them: exponentials and logarithms, rounding of whole numbers."""

from __future__ import annotations

import math

import numpy as np

import workbench.tensor as pt
from workbench.graph.domain import positive
from workbench.graph.pattern import variable
from workbench.graph.properties import is_integer, is_nonnegative, is_number, is_positive, together
from workbench.graph.rewrite import rule
from workbench.tensor import elementwise as e
from workbench.tensor.tensor import Tensor

GROUP = "canonicalise"

x = variable("x")
c = variable("c", constant=True)
p = variable("p", positive)
above_zero = variable("above_zero", positive, where=together(is_positive, is_number))
not_negative = variable("not_negative", positive, where=is_nonnegative)
whole = variable("whole", where=is_integer)


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


@rule(GROUP, e.power(math.e, x))
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
