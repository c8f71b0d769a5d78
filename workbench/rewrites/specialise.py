"""The same value with less work in the rows: what is the same for all of them is computed once."""

from __future__ import annotations

import numpy as np

import workbench.tensor as pt
from workbench.graph.domain import positive
from workbench.graph.expr import Constant, Expr
from workbench.graph.pattern import uniform_value, variable
from workbench.graph.properties import is_positive
from workbench.graph.rewrite import rule
from workbench.rewrites.constants import one_constant
from workbench.rewrites.powers import product_of_exponents
from workbench.tensor import elementwise as e
from workbench.tensor.assumptions import Assume, assume
from workbench.tensor.tensor import Tensor

GROUP = "specialise"

x, y = variable("x"), variable("y")
z = variable("z", positive)
above_zero = variable("above_zero", positive, where=is_positive)


def _vector() -> Tensor:
    return pt.vector("v", 4)


def _positive(name: str) -> Tensor:
    return pt.exp(pt.scalar(name))


def _is_scalar(node: Expr) -> bool:
    return node.type.ndim == 0


@rule(GROUP, ops=(Assume,), examples=lambda: [assume(_vector(), positive=True)])
def value_of_assumption(expr: Expr) -> Expr | None:
    """What was assumed of a value has served its purpose: the value is computed."""
    return expr.inputs[0]


# Powers ---------------------------------------------------------------------------------------

LARGEST_POWER = 16


def _whole_power(x: Tensor, exponent: int) -> Tensor:
    """`x` to a positive power, by squares and products."""
    if exponent == 1:
        return x
    half = pt.square(_whole_power(x, exponent // 2))
    return half * x if exponent % 2 else half


@rule(GROUP, ops=(e.power,), over=(Constant,), examples=lambda: [_vector() ** 3.0, _vector() ** 7.0, pt.vector("i", 3, dtype="int64") ** 5])
def small_power(expr: Expr) -> Expr | None:
    """A small whole power takes few multiplications."""
    base, exponent = expr.inputs
    k = uniform_value(exponent)
    if k is None or k != np.rint(k) or not 3 <= k <= LARGEST_POWER or base.type.dtype != expr.type.dtype:
        return None
    return _whole_power(base, int(k))


@rule(GROUP, ops=(e.power,), over=(Constant,), examples=lambda: [_positive("s") ** -2.0, _positive("s") ** -3.0])
def small_negative_power(expr: Expr) -> Expr | None:
    """A small negative power is the reciprocal of the positive one."""
    k = uniform_value(expr.inputs[1])
    if k is None or k != np.rint(k) or not 2 <= -k <= LARGEST_POWER or expr.type.kind != "f":
        return None
    return pt.reciprocal(_whole_power(expr.inputs[0], int(-k)))


@rule(GROUP, ops=(e.power,), over=(Constant,), examples=lambda: [_positive("s") ** 1.5, _positive("s") ** 2.5])
def small_half_power(expr: Expr) -> Expr | None:
    """A power like 3/2 is a whole power times the square root."""
    base, exponent = expr.inputs
    k = uniform_value(exponent)
    if k is None or 2.0 * k % 2.0 != 1.0 or not 1.5 <= k <= LARGEST_POWER:
        return None
    return _whole_power(base, int(k)) * pt.sqrt(base)


@rule(GROUP, e.power(above_zero, -0.5))
def power_minus_half(above_zero: Tensor) -> Tensor:
    """The power -1/2 of a positive number is the reciprocal of the square root; at -0.0 they have different signs."""
    return pt.reciprocal(pt.sqrt(above_zero))


# Exponentials ---------------------------------------------------------------------------------


@rule(GROUP, pt.exp(x) * pt.exp(y))
def product_of_two_exp(x: Tensor, y: Tensor) -> Tensor:
    """The product of two exponentials is one exponential."""
    return pt.exp(x + y)


@rule(GROUP, pt.exp(x) / pt.exp(y))
def quotient_of_exp(x: Tensor, y: Tensor) -> Tensor:
    """The quotient of two exponentials is one exponential."""
    return pt.exp(x - y)


@rule(GROUP, pt.square(pt.exp(x)))
def square_of_exp(x: Tensor) -> Tensor:
    """The square of an exponential is an exponential."""
    return pt.exp(x * 2.0)


@rule(GROUP, pt.sqrt(pt.exp(x)))
def square_root_of_exp(x: Tensor) -> Tensor:
    """The square root of an exponential is an exponential."""
    return pt.exp(x * 0.5)


@rule(GROUP, e.power(pt.exp(x), y))
def power_of_exp(x: Tensor, y: Tensor) -> Tensor:
    """A power of an exponential is an exponential."""
    return pt.exp(product_of_exponents(x, y))


EXPONENTIALS = (product_of_two_exp, quotient_of_exp, square_of_exp, square_root_of_exp, power_of_exp)


# Magnitudes -------------------------------------------------------------------------


@rule(GROUP, pt.abs(x) * pt.abs(y))
def product_of_magnitudes(x: Tensor, y: Tensor) -> Tensor:
    """The product of magnitudes is the magnitude of the product."""
    return pt.abs(x * y)


# Products and quotients -----------------------------------------------------------------------


@rule(GROUP, ops=(e.divide,), over=(Constant,), examples=lambda: [_vector() / 8.0, pt.scalar("s") / 0.5, _vector() / np.array([1.0, 2.0, -4.0, 0.5])])
def division_by_power_of_two(expr: Expr) -> Expr | None:
    """Dividing by a power of two is multiplying by its reciprocal, exactly."""
    x, divisor = expr.inputs
    if not isinstance(divisor.op, Constant) or not (np.frexp(np.abs(divisor.op.value))[0] == 0.5).all():
        return None
    with np.errstate(over="ignore"):
        inverse = (1.0 / divisor.op.value).astype(expr.type.dtype)
    return x * inverse if np.isfinite(inverse).all() and inverse.all() else None


@rule(GROUP, x * y + x * z)
def common_factor_of_sum(x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    """A factor that two terms share is multiplied once."""
    return x * (y + z)


@rule(GROUP, x * y - x * z)
def common_factor_of_difference(x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    """A factor that two terms share is multiplied once."""
    return x * (y - z)


@rule(GROUP, x / z + y / z)
def common_divisor_of_sum(x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    """A divisor that two terms share divides once."""
    return (x + y) / z


@rule(GROUP, x / z - y / z)
def common_divisor_of_difference(x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    """A divisor that two terms share divides once."""
    return (x - y) / z


@rule(GROUP, pt.reciprocal(x / y))
def reciprocal_of_quotient(x: Tensor, y: Tensor) -> Tensor:
    """The reciprocal of a quotient is the quotient the other way up."""
    return y / x


@rule(GROUP, ops=(e.divide,), examples=lambda: [_vector() / _positive("s")])
def division_by_scalar(expr: Expr) -> Expr | None:
    """Dividing many rows by one number: take its reciprocal once and multiply (at most 1 ulp away)."""
    a, b = expr.inputs
    return None if _is_scalar(a) or not _is_scalar(b) else a * pt.reciprocal(b)


@rule(GROUP, ops=(e.multiply,), examples=lambda: [(_vector() * pt.scalar("a")) * pt.scalar("b")])
def scalars_multiplied_first(expr: Expr) -> Expr | None:
    """Two scalar factors of many rows are multiplied with each other first, once."""
    for product, scalar in (expr.inputs, expr.inputs[::-1]):
        if not _is_scalar(scalar) or product.op is not e.multiply:
            continue
        for other, rows in (product.inputs, product.inputs[::-1]):
            if _is_scalar(other) and not _is_scalar(rows):
                fixed = isinstance(other.op, Constant) and isinstance(scalar.op, Constant)
                both = one_constant(e.multiply, other, scalar) if fixed else other * scalar
                return None if both is None else rows * both
    return None


@rule(GROUP, ops=(e.multiply,), examples=lambda: [(_vector() * pt.scalar("a")) * pt.vector("w", 4)])
def scalar_multiplied_last(expr: Expr) -> Expr | None:
    """A scalar factor moves out of a product of rows, to where it may leave a sum or meet another scalar."""
    for product, rows in (expr.inputs, expr.inputs[::-1]):
        if _is_scalar(rows) or product.op is not e.multiply:
            continue
        for scalar, other in (product.inputs, product.inputs[::-1]):
            if _is_scalar(scalar) and not _is_scalar(other):
                return (other * rows) * scalar
    return None


@rule(GROUP, ops=(e.square,), examples=lambda: [pt.square(_vector() * pt.scalar("a"))])
def square_of_scaled(expr: Expr) -> Expr | None:
    """The square of scaled rows: square the scale once, and it can leave a sum."""
    inner = expr.inputs[0]
    if inner.op is e.multiply and not _is_scalar(inner):
        for scalar, rows in (inner.inputs, inner.inputs[::-1]):
            if _is_scalar(scalar) and not _is_scalar(rows):
                return pt.square(rows) * pt.square(scalar)
    return None


@rule(GROUP, ops=(e.negative,), examples=lambda: [-(_vector() * pt.scalar("a"))])
def negate_scalar_factor(expr: Expr) -> Expr | None:
    """The sign of scaled rows is changed once, on the scale."""
    inner = expr.inputs[0]
    if inner.op is e.multiply and not _is_scalar(inner):
        for scalar, rows in (inner.inputs, inner.inputs[::-1]):
            if _is_scalar(scalar):
                return rows * -scalar
    return None
