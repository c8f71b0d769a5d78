"""Powers of numbers in their simplest form: squares, roots, reciprocals, exponents of exponents."""

from __future__ import annotations

import numpy as np

import workbench.tensor as pt
from workbench.graph.domain import positive
from workbench.graph.expr import Constant
from workbench.graph.pattern import variable
from workbench.graph.properties import is_nonnegative, is_number, is_positive, together
from workbench.graph.rewrite import rule
from workbench.rewrites.arithmetic import one
from workbench.tensor import elementwise as e
from workbench.tensor.tensor import Tensor

GROUP = "canonicalise"

x, y, n = variable("x"), variable("y"), variable("n", kinds="fiu")
p = variable("p", positive)
above_zero = variable("above_zero", positive, where=together(is_positive, is_number))


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
