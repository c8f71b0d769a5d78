"""Arithmetic: sums, products, quotients, signs; whole quotients and remainders."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from workbench.graph.domain import positive, real
from workbench.tensor.declaration import ScalarOp, elementwise
from workbench.tensor.tensor import Tensor

_pair: Any = (real, real)
add: ScalarOp = elementwise(
    "add", np.add, c={"b": "({x} | {y})", "": "({x} + {y})"}, symbol="+", commutative=True, domain=_pair,
    grad=(lambda g, x, y: g, lambda g, x, y: g), tame=True,
)  # fmt: skip
subtract: ScalarOp = elementwise(
    "subtract", np.subtract, c="({x} - {y})", symbol="-", domain=_pair,
    grad=(lambda g, x, y: g, lambda g, x, y: -g), tame=True,
)  # fmt: skip
multiply: ScalarOp = elementwise(
    "multiply", np.multiply, c={"b": "({x} & {y})", "": "({x} * {y})"}, symbol="*", commutative=True, domain=_pair,
    grad=(lambda g, x, y: g * y, lambda g, x, y: g * x), tame=True,
)  # fmt: skip
divide: ScalarOp = elementwise(
    "divide", np.divide, c="({x} / {y})", symbol="/", domain=(real, positive), cost=4,
    # The square of y may be no number of the computer where the derivative is one.
    grad=(lambda g, x, y: g / y, lambda g, x, y: -(g / y) * (x / y)),
)  # fmt: skip
negative: ScalarOp = elementwise("negative", np.negative, c="(-{x})", symbol="-", grad=lambda g, x: -g, tame=True)
abs: ScalarOp = elementwise(
    "abs", np.abs, c={"f": "fabs({x})", "i": "({x} < 0 ? -{x} : {x})", "": "{x}"},
    py={"b": "{x}", "": "abs({x})"}, grad=lambda g, x: g * sign(x), tame=True,
)  # fmt: skip
sign: ScalarOp = elementwise(
    "sign", np.sign, c={"f": "({x} != {x} ? {x} : (double)(({x} > 0) - ({x} < 0)))", "": "(({x} > 0) - ({x} < 0))"},
    py={"f": "({x} if {x} != {x} else (1.0 if {x} > 0 else (-1.0 if {x} < 0 else 0.0)))",
        "": "(1 if {x} > 0 else (-1 if {x} < 0 else 0))"}, cost=3,
)  # fmt: skip
square: ScalarOp = elementwise("square", np.square, c="({x} * {x})", grad=lambda g, x: 2.0 * g * x, tame=True)


def _reciprocal(x: Any) -> Any:
    if np.asarray(x).dtype.kind == "f":
        return np.reciprocal(x)
    # NumPy leaves 1 // 0 to the processor; here it is 0, as in its own floor_divide.
    return np.where(x == 0, 0, np.reciprocal(np.where(x == 0, 1, x))).astype(np.asarray(x).dtype)


def _jax_reciprocal(x: Any) -> Any:
    import jax.numpy as jnp

    if jnp.issubdtype(x.dtype, jnp.floating):
        return jnp.reciprocal(x)
    own_inverse = (x == 1) | (x == -1) if jnp.issubdtype(x.dtype, jnp.signedinteger) else x == 1
    return jnp.where(own_inverse, x, 0).astype(x.dtype)


reciprocal: ScalarOp = elementwise(
    "reciprocal", _reciprocal, like=np.reciprocal, jax=_jax_reciprocal, domain=positive, cost=4,
    c={"f": "(1 / {x})", "i": "({x} == 1 || {x} == -1 ? {x} : 0)", "": "({x} == 1)"},
    py={"f": "(1 / {x})", "i": "({x} if {x} == 1 or {x} == -1 else 0)", "": "(1 if {x} == 1 else 0)"},
    grad=lambda g, x: -g * square(reciprocal(x)), doc="1 / x; of an integer, its whole part.",
)  # fmt: skip

# Whole quotients and remainders ---------------------------------------------------------------

DIVISION = {
    "c": (
        "double fmod(double, double);",
        """\
static inline double wb_mod(double x, double y) {
    double r = fmod(x, y);
    if (y == 0) return r;
    if (r == 0) return __builtin_copysign(0.0, y);
    return (y < 0) != (r < 0) ? r + y : r;
}""",
        """\
static inline double wb_floor_divide(double x, double y) {
    if (y == 0) return x / y;
    const double r = fmod(x, y);
    double q = (x - r) / y;
    if (r != 0 && (y < 0) != (r < 0)) q -= 1;
    if (q == 0) return __builtin_copysign(0.0, x / y);
    const double whole = floor(q);
    return q - whole > 0.5 ? whole + 1 : whole;
}""",
    ),
    "py": (
        """\
def wb_mod(x, y):
    r = np.fmod(x, y)
    if y == 0:
        return r
    if r == 0:
        return math.copysign(0.0, y)
    return r + y if (y < 0) != (r < 0) else r
""",
        """\
def wb_floor_divide(x, y):
    if y == 0:
        return x / y
    r = np.fmod(x, y)
    q = (x - r) / y
    if r != 0 and (y < 0) != (r < 0):
        q -= 1.0
    if q == 0:
        return math.copysign(0.0, x / y)
    whole = np.floor(q)
    return whole + 1.0 if q - whole > 0.5 else whole
""",
    ),
}
"""As NumPy does: exact remainders with the divisor's sign, the quotient that belongs to them."""


def _jax_division(name: str) -> Callable[..., Any]:
    def call(x: Any, y: Any) -> Any:
        import jax.numpy as jnp

        function = getattr(jnp, name)
        if jnp.issubdtype(x.dtype, jnp.floating):
            # JAX says nan for x // 0 where NumPy says inf, and zeros of other signs.
            found = function(x, y)
            if name == "floor_divide":
                found = jnp.where(y == 0, x / y, found)
            return jnp.where(found == 0, jnp.copysign(jnp.zeros_like(found), y if name == "mod" else x / y), found)
        return jnp.where(y == 0, 0, function(x, jnp.where(y == 0, 1, y))).astype(x.dtype)

    return call


# Integers: by zero gives 0; by -1 is set apart, since the processor traps at -2**63 // -1.
mod: ScalarOp = elementwise(
    "mod", np.remainder, symbol="%", domain=(real, positive), cost=20, support=DIVISION, jax=_jax_division("mod"),
    c={"f": "wb_mod({x}, {y})", "u": "({y} == 0 ? 0 : {x} % {y})",
       "i": "({y} == 0 || {y} == -1 ? 0 : {x} % {y} + ({x} % {y} != 0 && ({x} < 0) != ({y} < 0) ? {y} : 0))"},
    py={"f": "wb_mod({x}, {y})", "u": "({y} if {y} == 0 else {x} % {y})",
        "i": "(0 if {y} == 0 or {y} == -1 else {x} % {y})"},
    grad=(lambda g, x, y: g, lambda g, x, y: -g * floor_divide(x, y)), doc="The remainder of x // y, with the sign of y.",
)  # fmt: skip
floor_divide: ScalarOp = elementwise(
    "floor_divide", np.floor_divide, symbol="//", domain=(real, positive), cost=20, support=DIVISION,
    jax=_jax_division("floor_divide"),
    c={"f": "wb_floor_divide({x}, {y})", "u": "({y} == 0 ? 0 : {x} / {y})",
       "i": "({y} == 0 ? 0 : {y} == -1 ? -{x} : {x} / {y} - ({x} % {y} != 0 && ({x} < 0) != ({y} < 0)))"},
    py={"f": "wb_floor_divide({x}, {y})", "u": "({y} if {y} == 0 else {x} // {y})",
        "i": "(0 if {y} == 0 else (-{x} if {y} == -1 else {x} // {y}))"}, doc="The largest whole number not above x / y.",
)  # fmt: skip


def divmod(x: Any, y: Any) -> tuple[Tensor, Tensor]:
    """Return ``x // y`` and ``x % y``.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> [int(part.eval()) for part in pt.divmod(pt.constant(-7), 2)]
    [-4, 1]
    """
    return floor_divide(x, y), mod(x, y)
