"""Circular and hyperbolic functions, their inverses, angles."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from workbench.graph.domain import Domain, Interval, inf, real
from workbench.tensor.declaration import ScalarOp, elementwise
from workbench.tensor.elementwise import abs, equal, reciprocal, sign, sqrt, square, where
from workbench.tensor.exponential import libm
from workbench.tensor.tensor import Tensor


def _circular(name: str, short: str, grad: Any, domain: Domain = real, cost: int = 20, steep: bool = False) -> ScalarOp:
    """Declare a function that C and Python call `short`."""
    return elementwise(
        name, getattr(np, name), c=f"{short}({{x}})", py=f"math.{short}({{x}})", support=libm(short), grad=grad,
        domain=domain, cost=cost, steep=steep,
    )  # fmt: skip


# sin, cos, tan and tanh are among the functions that compiled C has in vector form already.
sin: ScalarOp = elementwise("sin", np.sin, c="sin({x})", cost=20, grad=lambda g, x: g * cos(x))
cos: ScalarOp = elementwise("cos", np.cos, c="cos({x})", cost=20, grad=lambda g, x: -g * sin(x))
tan: ScalarOp = elementwise(
    "tan", np.tan, c="tan({x})", domain=Interval(-1.5, 1.5), cost=30, grad=lambda g, x: g * (1.0 + square(tan(x)))
)


def _one_minus_square(x: Tensor) -> Tensor:
    """1 - x**2 with its digits near 1 and, like its derivative, near 0."""
    return where(abs(x) < 0.5, 1.0 - square(x), (1.0 - x) * (1.0 + x))


arcsin: ScalarOp = _circular("arcsin", "asin", lambda g, x: g / sqrt(_one_minus_square(x)), Interval(-1.0, 1.0), steep=True)
arccos: ScalarOp = _circular("arccos", "acos", lambda g, x: -g / sqrt(_one_minus_square(x)), Interval(-1.0, 1.0), steep=True)
arctan: ScalarOp = _circular("arctan", "atan", lambda g, x: g * square(reciprocal(hypot(1.0, x))))
arctan2: ScalarOp = elementwise(
    "arctan2", np.arctan2, c="atan2({x}, {y})", py="math.atan2({x}, {y})", domain=(real, real), cost=40,
    support=libm("atan2", arguments="double, double"), doc="The angle of the point (y, x) from the axis of y.",
    grad=(lambda g, x, y: g * (_share(y, x) / hypot(x, y)), lambda g, x, y: -g * (_share(x, y) / hypot(x, y))),
)  # fmt: skip

sinh: ScalarOp = _circular("sinh", "sinh", lambda g, x: g * cosh(x), Interval(-5.0, 5.0), 30)
cosh: ScalarOp = _circular("cosh", "cosh", lambda g, x: g * sinh(x), Interval(-5.0, 5.0), 30)


def _sech_squared(x: Any) -> Any:
    small = np.exp(-2.0 * np.abs(x))
    return 4.0 * small / np.square(1.0 + small)


def _jax_sech_squared(x: Any) -> Any:
    import jax.numpy as jnp

    small = jnp.exp(-2.0 * jnp.abs(x))
    return 4.0 * small / jnp.square(1.0 + small)


SECH_SQUARED = "static inline double wb_sech_squared(double x) { const double s = exp(-2.0 * fabs(x)); return 4.0 * s / ((1.0 + s) * (1.0 + s)); }"
# 1 - tanh(x)**2 far out loses the digits of its small values.
sech_squared: ScalarOp = elementwise(
    "sech_squared", _sech_squared, c="wb_sech_squared({x})", support={"c": SECH_SQUARED}, jax=_jax_sech_squared, result="float", cost=30,
    py="(4.0 * exp(-2.0 * abs({x})) / ((1.0 + exp(-2.0 * abs({x}))) * (1.0 + exp(-2.0 * abs({x})))))",
    grad=lambda g, x: g * (-2.0 * tanh(x) * sech_squared(x)), doc="1 / cosh(x)**2, the derivative of tanh.",
)  # fmt: skip
tanh: ScalarOp = elementwise("tanh", np.tanh, c="tanh({x})", cost=30, grad=lambda g, x: g * sech_squared(x))
arcsinh: ScalarOp = _circular("arcsinh", "asinh", lambda g, x: g / hypot(1.0, x), cost=40)
arccosh: ScalarOp = _circular("arccosh", "acosh", lambda g, x: g / (sqrt(x - 1.0) * sqrt(x + 1.0)), Interval(1.0, inf), 40, steep=True)
arctanh: ScalarOp = _circular("arctanh", "atanh", lambda g, x: g / _one_minus_square(x), Interval(-1.0, 1.0), 40, steep=True)

deg2rad: ScalarOp = elementwise(
    "deg2rad", np.deg2rad, c=f"({{x}} * {math.pi / 180!r})", grad=lambda g, x: g * (math.pi / 180)
)
rad2deg: ScalarOp = elementwise(
    "rad2deg", np.rad2deg, c=f"({{x}} * {180 / math.pi!r})", grad=lambda g, x: g * (180 / math.pi)
)
def _share(x: Tensor, y: Tensor) -> Tensor:
    """The share of the leg x in the hypotenuse; zero where there is none. Of the long leg by the other, for its small derivative."""
    long, h = abs(x) > abs(y), hypot(x, y)
    other = y / where(long, x, 1.0)
    return where(long, sign(x) / sqrt(1.0 + square(where(long, other, 0.0))), x / where(equal(h, 0.0), 1.0, h))


hypot: ScalarOp = elementwise(
    "hypot", np.hypot, c="hypot({x}, {y})", py="math.hypot({x}, {y})", commutative=True, domain=(real, real), cost=20,
    support=libm("hypot", arguments="double, double"), doc="sqrt(x**2 + y**2), without overflow.",
    grad=(lambda g, x, y: g * _share(x, y), lambda g, x, y: g * _share(y, x)),
)  # fmt: skip

PI = repr(math.pi)


def _sinc_slope(g: Tensor, x: Tensor) -> Tensor:
    """(cos(pi x) - sinc(x)) / x, near zero by its series: the difference cancels there."""
    t = square(math.pi * x)
    series = -(math.pi**2) / 3 * x * (1 - t / 10 * (1 - t / 28 * (1 - t / 54 * (1 - t / 88 * (1 - t / 130)))))
    near = square(x) < 0.01
    away = where(near, 1.0, x)
    return g * where(near, series, (cos(math.pi * away) - sinc(away)) / away)


sinc: ScalarOp = elementwise(
    "sinc", np.sinc, c=f"({{x}} == 0 ? 1.0 : sin({PI} * {{x}}) / ({PI} * {{x}}))", result="float", cost=30,
    py=f"(1.0 if {{x}} == 0 else sin({PI} * {{x}}) / ({PI} * {{x}}))", grad=_sinc_slope, doc="sin(pi x) / (pi x).",
)  # fmt: skip
