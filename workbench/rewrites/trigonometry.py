"""Circular and hyperbolic functions: symmetries, inverses, and identities that keep digits."""

from __future__ import annotations

import math

import numpy as np

import workbench.tensor as pt
from workbench.graph.domain import Interval
from workbench.graph.pattern import variable
from workbench.graph.rewrite import rule
from workbench.tensor.tensor import Tensor
from workbench.tensor.trigonometry import sech_squared

x = variable("x", Interval(-4.0, 4.0))
inside = variable("inside", Interval(-1.0, 1.0))
above_one = variable("above_one", Interval(1.0, 9.0))

# Symmetries -----------------------------------------------------------------------------------

GROUP = "canonicalise"


@rule(GROUP, pt.sin(-x))
def sine_of_negative(x: Tensor) -> Tensor:
    """The sine is odd: the sign comes out."""
    return -pt.sin(x)


@rule(GROUP, pt.tan(-x))
def tangent_of_negative(x: Tensor) -> Tensor:
    """The tangent is odd: the sign comes out."""
    return -pt.tan(x)


@rule(GROUP, pt.sinh(-x))
def sinh_of_negative(x: Tensor) -> Tensor:
    """sinh is odd: the sign comes out."""
    return -pt.sinh(x)


@rule(GROUP, pt.tanh(-x))
def tanh_of_negative(x: Tensor) -> Tensor:
    """tanh is odd: the sign comes out."""
    return -pt.tanh(x)


@rule(GROUP, pt.arctan(-x))
def arctan_of_negative(x: Tensor) -> Tensor:
    """arctan is odd: the sign comes out."""
    return -pt.arctan(x)


@rule(GROUP, pt.arcsin(-inside))
def arcsin_of_negative(inside: Tensor) -> Tensor:
    """arcsin is odd: the sign comes out."""
    return -pt.arcsin(inside)


@rule(GROUP, pt.arcsinh(-x))
def arcsinh_of_negative(x: Tensor) -> Tensor:
    """arcsinh is odd: the sign comes out."""
    return -pt.arcsinh(x)


@rule(GROUP, pt.arctanh(-inside))
def arctanh_of_negative(inside: Tensor) -> Tensor:
    """arctanh is odd: the sign comes out."""
    return -pt.arctanh(inside)


@rule(GROUP, pt.cos(-x))
def cosine_of_negative(x: Tensor) -> Tensor:
    """The cosine is even: it does not see the sign."""
    return pt.cos(x)


@rule(GROUP, pt.cosh(-x))
def cosh_of_negative(x: Tensor) -> Tensor:
    """cosh is even: it does not see the sign."""
    return pt.cosh(x)


@rule(GROUP, pt.cos(pt.abs(x)))
def cosine_of_magnitude(x: Tensor) -> Tensor:
    """The cosine is even: it does not see the sign."""
    return pt.cos(x)


@rule(GROUP, pt.cosh(pt.abs(x)))
def cosh_of_magnitude(x: Tensor) -> Tensor:
    """cosh is even: it does not see the sign."""
    return pt.cosh(x)


# Inverses -------------------------------------------------------------------------------------


@rule(GROUP, pt.tan(pt.arctan(x)))
def tangent_of_arctan(x: Tensor) -> Tensor:
    """The tangent undoes arctan."""
    return x


@rule(GROUP, pt.sin(pt.arcsin(inside)))
def sine_of_arcsin(inside: Tensor) -> Tensor:
    """The sine undoes arcsin, which numbers outside [-1, 1] have not."""
    return pt.where(pt.abs(inside) <= 1.0, inside, np.nan)


@rule(GROUP, pt.cos(pt.arccos(inside)))
def cosine_of_arccos(inside: Tensor) -> Tensor:
    """The cosine undoes arccos, which numbers outside [-1, 1] have not."""
    return pt.where(pt.abs(inside) <= 1.0, inside, np.nan)


@rule(GROUP, pt.sinh(pt.arcsinh(x)))
def sinh_of_arcsinh(x: Tensor) -> Tensor:
    """sinh undoes arcsinh."""
    return x


@rule(GROUP, pt.arcsinh(pt.sinh(x)))
def arcsinh_of_sinh(x: Tensor) -> Tensor:
    """arcsinh undoes sinh."""
    return x


@rule(GROUP, pt.tanh(pt.arctanh(inside)))
def tanh_of_arctanh(inside: Tensor) -> Tensor:
    """tanh undoes arctanh, which numbers outside [-1, 1] have not."""
    return pt.where(pt.abs(inside) <= 1.0, inside, np.nan)


@rule(GROUP, pt.arctanh(pt.tanh(x)))
def arctanh_of_tanh(x: Tensor) -> Tensor:
    """arctanh undoes tanh, also where that has rounded to 1."""
    return x


@rule(GROUP, pt.cosh(pt.arccosh(above_one)))
def cosh_of_arccosh(above_one: Tensor) -> Tensor:
    """cosh undoes arccosh, which numbers below 1 have not."""
    return pt.where(above_one >= 1.0, above_one, np.nan)


# Identities -----------------------------------------------------------------------------------


@rule(GROUP, pt.square(pt.sin(x)) + pt.square(pt.cos(x)))
def pythagoras(x: Tensor) -> Tensor:
    """sin² + cos² is 1."""
    return pt.ones_like(x)


@rule(GROUP, pt.square(pt.cosh(x)) - pt.square(pt.sinh(x)))
def hyperbolic_pythagoras(x: Tensor) -> Tensor:
    """cosh² - sinh² is 1."""
    return pt.ones_like(x)


@rule(GROUP, pt.sin(x) / pt.cos(x))
def tangent_from_quotient(x: Tensor) -> Tensor:
    """sin / cos is tan."""
    return pt.tan(x)


@rule(GROUP, pt.sinh(x) / pt.cosh(x))
def tanh_from_quotient(x: Tensor) -> Tensor:
    """sinh / cosh is tanh, which does not overflow."""
    return pt.tanh(x)


# Digits ---------------------------------------------------------------------------------------

STABILISE = "stabilise"
any_size = variable("any_size")


@rule(STABILISE, 1.0 - pt.cos(x), precise=True)
def one_minus_cosine(x: Tensor) -> Tensor:
    """1 - cos(x) loses digits when x is small; 2 sin²(x / 2) does not."""
    return 2.0 * pt.square(pt.sin(x * 0.5))


@rule(STABILISE, pt.cos(x) - 1.0, precise=True)
def cosine_minus_one(x: Tensor) -> Tensor:
    """cos(x) - 1 loses digits when x is small; -2 sin²(x / 2) does not."""
    return -2.0 * pt.square(pt.sin(x * 0.5))


@rule(STABILISE, 1.0 - pt.square(pt.cos(x)), precise=True)
def one_minus_squared_cosine(x: Tensor) -> Tensor:
    """1 - cos² loses digits when x is small; sin² does not."""
    return pt.square(pt.sin(x))


@rule(STABILISE, 1.0 - pt.square(pt.sin(x)))
def one_minus_squared_sine(x: Tensor) -> Tensor:
    """1 - sin² loses digits near the quarter turn; cos² does not."""
    return pt.square(pt.cos(x))


@rule(STABILISE, 1.0 - pt.square(pt.tanh(any_size)), precise=True)
def one_minus_squared_tanh(any_size: Tensor) -> Tensor:
    """1 - tanh² cancels for large x; 1 / cosh² does not."""
    return sech_squared(any_size)


@rule(STABILISE, 1.0 - pt.tanh(any_size), precise=True)
def one_minus_tanh(any_size: Tensor) -> Tensor:
    """1 - tanh(x) cancels for large x; twice the sigmoid of -2x does not."""
    return 2.0 * pt.sigmoid(-2.0 * any_size)


@rule(STABILISE, 1.0 + pt.tanh(any_size), precise=True)
def one_plus_tanh(any_size: Tensor) -> Tensor:
    """1 + tanh(x) cancels for large negative x; twice the sigmoid of 2x does not."""
    return 2.0 * pt.sigmoid(2.0 * any_size)


@rule(STABILISE, 2.0 * pt.sigmoid(any_size) - 1.0, precise=True)
def tanh_from_sigmoid(any_size: Tensor) -> Tensor:
    """2 sigmoid(x) - 1 cancels for small x; tanh(x / 2) does not."""
    return pt.tanh(any_size * 0.5)


@rule(STABILISE, pt.log(pt.cosh(any_size)), precise=True)
def log_of_cosh(any_size: Tensor) -> Tensor:
    """cosh overflows when x is large, and is near 1 when x is small; both are mended."""
    size = pt.abs(any_size)
    near = 0.5 * pt.log1p(pt.square(pt.sinh(pt.minimum(size, 1.0))))
    return pt.where(size < 1.0, near, size + (pt.log1p(pt.exp(-2.0 * size)) - math.log(2.0)))


@rule(STABILISE, pt.exp(x) - pt.exp(-x), precise=True)
def sinh_from_exp(x: Tensor) -> Tensor:
    """exp(x) - exp(-x) cancels for small x; 2 sinh(x) does not."""
    return 2.0 * pt.sinh(x)


@rule(STABILISE, pt.exp(x) + pt.exp(-x))
def cosh_from_exp(x: Tensor) -> Tensor:
    """exp(x) + exp(-x) is 2 cosh(x)."""
    return 2.0 * pt.cosh(x)


@rule(STABILISE, pt.log((1.0 + inside) / (1.0 - inside)), precise=True)
def arctanh_from_log(inside: Tensor) -> Tensor:
    """log((1 + x) / (1 - x)) loses digits when x is small; 2 arctanh(x) does not."""
    return 2.0 * pt.arctanh(inside)


@rule(STABILISE, pt.log1p(inside) - pt.log1p(-inside))
def arctanh_from_logs(inside: Tensor) -> Tensor:
    """log(1 + x) - log(1 - x) is 2 arctanh(x)."""
    return 2.0 * pt.arctanh(inside)


@rule(STABILISE, pt.log(any_size + pt.sqrt(1.0 + pt.square(any_size))), precise=True)
def arcsinh_from_log(any_size: Tensor) -> Tensor:
    """log(x + sqrt(1 + x²)) cancels for negative x; arcsinh(x) does not."""
    return pt.arcsinh(any_size)
