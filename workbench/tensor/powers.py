"""Powers and roots."""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.errors import DTypeError
from workbench.graph.domain import positive, real
from workbench.graph.expr import Constant
from workbench.tensor.arithmetic import square
from workbench.tensor.bits import logical_and
from workbench.tensor.comparison import equal, where
from workbench.tensor.declaration import ScalarOp, elementwise
from workbench.tensor.exponential import log
from workbench.tensor.tensor import Tensor, as_tensor

INTEGER_POWER = {
    "c": """\
static inline uint64_t wb_integer_power(uint64_t x, uint64_t y) {
    uint64_t result = 1;
    for (; y; y >>= 1, x *= x) if (y & 1) result *= x;
    return result;
}""",
    "py": """\
def wb_integer_power(x, y):
    result, x, y = np.uint64(1), np.uint64(x), np.uint64(y)
    while y:
        if y & np.uint64(1):
            result = result * x
        x = x * x
        y = y >> np.uint64(1)
    return result
""",
}
"""Squares and multiplies, modulo 2**64: the low bits are those of any narrower dtype."""


def _power(x: Any, y: Any) -> Any:
    x, y = np.asarray(x), np.asarray(y)
    if y.dtype.kind != "i" or not (y < 0).any():
        return np.power(x, y)
    inverse = np.where(x == 1, 1, np.where(x == -1, 1 - 2 * (y & 1), 0))
    return np.where(y < 0, inverse, np.power(x, np.where(y < 0, 0, y))).astype(x.dtype)


def _jax_power(x: Any, y: Any) -> Any:
    import jax.numpy as jnp

    if jnp.issubdtype(y.dtype, jnp.floating):
        return jnp.power(x, y)
    # JAX's own looks at the last six bits of the exponent alone.
    result, factor, left = jnp.ones_like(x), x, y
    for _ in range(8 * x.dtype.itemsize):
        result, factor, left = jnp.where(left & 1 == 1, result * factor, result), factor * factor, left >> 1
    if not jnp.issubdtype(y.dtype, jnp.signedinteger):
        return result
    inverse = jnp.where(x == 1, 1, jnp.where(x == -1, 1 - 2 * (y & 1), 0)).astype(x.dtype)
    return jnp.where(y < 0, inverse, result)


def _whole_exponents(op: ScalarOp, base: Any, exponent: Any) -> None:
    """Refuse what is known to be no integer, as NumPy does."""
    base, exponent = as_tensor(base), as_tensor(exponent)
    if "f" in (base.type.kind, exponent.type.kind) or not isinstance(exponent.op, Constant):
        return
    if (exponent.op.value < 0).any():
        raise DTypeError(
            "integers to negative integer powers are not integers", "make the base a float: x.astype('float64') ** y"
        )


def _power_slope(g: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """y * x**(y - 1); where y is 0, y / x, whose derivatives are the same: 0 * x**-1 may be 0 * inf."""
    if isinstance(y.op, Constant) and y.op.value.all():
        return g * (y * power(x, y.op.value - 1.0))  # As it is written by hand.
    none = equal(y, 0.0)
    return g * where(none, y / where(equal(x, 0.0), 1.0, x), y * power(x, where(none, 1.0, y - 1.0)))


power: ScalarOp = elementwise(
    "power", _power, like=np.power, before=_whole_exponents, jax=_jax_power, symbol="**", domain=(positive, real), cost=40,
    c={"f": "pow({x}, {y})", "u": "wb_integer_power({x}, {y})",
       "i": "({y} < 0 ? ({x} == 1 ? 1 : {x} == -1 ? 1 - 2 * ({y} & 1) : 0) : (int64_t)wb_integer_power({x}, {y}))"},
    py={"f": "pow({x}, {y})", "u": "wb_integer_power({x}, {y})",
        "i": "((1 if {x} == 1 else (1 - 2 * ({y} & 1) if {x} == -1 else 0)) if {y} < 0 else np.int64(wb_integer_power({x}, {y})))"},
    support=INTEGER_POWER,
    grad=(
        _power_slope,
        # x**y * log(x) tends to 0 with x for positive y.
        lambda g, x, y: g * power(x, y) * log(where(logical_and(equal(x, 0.0), y > 0.0), 1.0, x)),
    ),
    steep=True, doc="x to the power y; integers wrap around, and 1 / x**n of integers is its whole part.",
)  # fmt: skip
sqrt: ScalarOp = elementwise(
    "sqrt", np.sqrt, c="sqrt({x})", domain=positive, cost=5, grad=lambda g, x: g / (2.0 * sqrt(x)), steep=True
)
cbrt: ScalarOp = elementwise(
    "cbrt", np.cbrt, c="cbrt({x})", py="np.cbrt({x})", cost=20, support={"c": "double cbrt(double);"},
    grad=lambda g, x: g / (3.0 * square(cbrt(x))), steep=True,
)  # fmt: skip
