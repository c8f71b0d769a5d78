"""Elementwise operations of arithmetic: each declared once, with its NumPy, C, Numba and JAX forms and gradient.

The machinery is in ``declaration.py``; other families in ``rounding.py``, ``bits.py``,
``exponential.py``, ``trigonometry.py``, ``special.py`` and those beside it. Their names that the rest of the
package needs most are here too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from workbench.errors import DTypeError
from workbench.graph.domain import Booleans, Domain, Integers, positive, real
from workbench.graph.expr import Constant, intern
from workbench.graph.types import KINDS
from workbench.tensor.bits import (
    bitwise_and,
    bitwise_count,
    bitwise_or,
    bitwise_xor,
    invert,
    left_shift,
    logical_and,
    logical_not,
    logical_or,
    logical_xor,
    popcount,
    right_shift,
)  # fmt: skip
from workbench.tensor.declaration import (
    BITS,
    C_TYPES,
    NAMES,
    OPS,
    Cast,
    Elementwise,
    Form,
    NoForm,
    ScalarOp,
    broadcast_shapes,
    cast,
    elementwise,
    promote,
)  # fmt: skip
from workbench.tensor.exponential import (
    exp,
    exp2,
    expm1,
    log,
    log1mexp,
    log1p,
    log2,
    log10,
    logaddexp,
    logaddexp2,
    logit,
    sigmoid,
    softplus,
)  # fmt: skip
from workbench.tensor.rounding import ceil, floor, isfinite, isinf, isnan, rint, round, signbit, trunc
from workbench.tensor.tensor import Tensor, as_tensor

__all__ = [
    "BITS", "C_TYPES", "NAMES", "OPS", "Cast", "Elementwise", "Form", "NoForm", "ScalarOp", "abs", "add",
    "bitwise_and", "bitwise_count", "bitwise_or", "bitwise_xor", "broadcast_shapes", "cast", "cbrt", "ceil", "clip",
    "copysign", "divide", "divmod", "elementwise", "equal", "exp", "exp2", "expm1", "floor", "floor_divide", "fmax",
    "fmin", "greater", "greater_equal", "heaviside", "invert", "isfinite", "isinf", "isnan", "left_shift", "less",
    "less_equal", "log", "log10", "log1mexp", "log1p", "log2", "logaddexp", "logaddexp2", "logical_and",
    "logical_not", "logical_or", "logical_xor", "logit", "maximum", "minimum", "mod", "multiply", "nan_to_num",
    "negative", "not_equal", "popcount", "power", "promote", "reciprocal", "right_shift", "rint",
    "round", "sigmoid", "sign", "signbit", "softplus", "sqrt", "square", "subtract", "switch", "trunc", "where",
]  # fmt: skip

# Arithmetic -----------------------------------------------------------------------------------

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

# Powers and roots -----------------------------------------------------------------------------

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
    >>> [int(part.eval()) for part in divmod(as_tensor(-7), 2)]
    [-4, 1]
    """
    return floor_divide(x, y), mod(x, y)


# Smaller and larger ---------------------------------------------------------------------------

_NAN_MIN = "({x} < {y} || {x} != {x} ? {x} : {y})"
_NAN_MAX = "({x} > {y} || {x} != {x} ? {x} : {y})"
minimum: ScalarOp = elementwise(
    "minimum", np.minimum, c=_NAN_MIN, py="({x} if {x} < {y} or {x} != {x} else {y})", commutative=True,
    domain=_pair, cost=2,
    grad=(lambda g, x, y: where(x <= y, g, 0.0), lambda g, x, y: where(x <= y, 0.0, g)), tame=True,
)  # fmt: skip
maximum: ScalarOp = elementwise(
    "maximum", np.maximum, c=_NAN_MAX, py="({x} if {x} > {y} or {x} != {x} else {y})", commutative=True,
    domain=_pair, cost=2,
    grad=(lambda g, x, y: where(x >= y, g, 0.0), lambda g, x, y: where(x >= y, 0.0, g)), tame=True,
)  # fmt: skip
fmin: ScalarOp = elementwise(
    "fmin", np.fmin, c="({x} <= {y} || {y} != {y} ? {x} : {y})", py="({x} if {x} <= {y} or {y} != {y} else {y})",
    commutative=True, domain=_pair, cost=2, doc="The smaller; a number rather than NaN.",
    grad=(lambda g, x, y: where(x <= fmin(x, y), g, 0.0), lambda g, x, y: where(x <= fmin(x, y), 0.0, g)),
)  # fmt: skip
fmax: ScalarOp = elementwise(
    "fmax", np.fmax, c="({x} >= {y} || {y} != {y} ? {x} : {y})", py="({x} if {x} >= {y} or {y} != {y} else {y})",
    commutative=True, domain=_pair, cost=2, doc="The larger; a number rather than NaN.",
    grad=(lambda g, x, y: where(x >= fmax(x, y), g, 0.0), lambda g, x, y: where(x >= fmax(x, y), 0.0, g)),
)  # fmt: skip
copysign: ScalarOp = elementwise(
    "copysign", np.copysign, c="__builtin_copysign({x}, {y})", py="math.copysign({x}, {y})", domain=_pair, cost=2,
    grad=(lambda g, x, y: g * copysign(1.0, x) * copysign(1.0, y), None), doc="x with the sign of y.",
)  # fmt: skip
heaviside: ScalarOp = elementwise(
    "heaviside", np.heaviside, c="({x} != {x} ? {x} : {x} == 0 ? {y} : {x} > 0 ? 1.0 : 0.0)", domain=_pair, cost=3,
    py="({x} if {x} != {x} else ({y} if {x} == 0 else (1.0 if {x} > 0 else 0.0)))",
    grad=(None, lambda g, x, y: where(equal(x, 0.0), g, 0.0)), doc="0 below zero, 1 above, y at zero.",
)  # fmt: skip

# Comparison and choice ------------------------------------------------------------------------


def _comparison(name: str, symbol: str, commutative: bool = False, domain: Domain = real) -> ScalarOp:
    return elementwise(
        name, getattr(np, name), c=f"({{x}} {symbol} {{y}})", symbol=symbol, commutative=commutative,
        domain=(domain, domain), before=_compared,
    )  # fmt: skip


def _compared(op: ScalarOp, x: Any, y: Any) -> Any:
    """Compare integers that no common dtype holds by their values, as NumPy does."""
    for number, other in ((x, y), (y, x)):
        if type(number) is int and isinstance(other, Tensor) and KINDS[other.dtype] in "iu":
            bounds = np.iinfo(other.dtype)
            if not bounds.min <= number <= bounds.max:
                side = number - bounds.max if number > bounds.max else number - bounds.min
                always = op.function(*((side, 0) if number is x else (0, side)))
                return intern(equal if always else not_equal, (other, other))
    if not (isinstance(x, Tensor) and isinstance(y, Tensor)) or "uint64" not in (x.dtype, y.dtype):
        return None
    if KINDS[x.dtype] == "i":
        return where(less(x, 0), op(-1, 0), op(cast(x, "uint64"), y))
    if KINDS[y.dtype] == "i":
        return where(less(y, 0), op(0, -1), op(x, cast(y, "uint64")))
    return None


less: ScalarOp = _comparison("less", "<")
less_equal: ScalarOp = _comparison("less_equal", "<=")
greater: ScalarOp = _comparison("greater", ">")
greater_equal: ScalarOp = _comparison("greater_equal", ">=")
equal: ScalarOp = _comparison("equal", "==", True, Integers(-2, 2))
not_equal: ScalarOp = _comparison("not_equal", "!=", True, Integers(-2, 2))

where: ScalarOp = elementwise(
    "where", np.where, c="({x} ? {y} : {z})", py="({y} if {x} else {z})", result="where",
    domain=(Booleans(), real, real),
    grad=(None, lambda g, x, y, z: where(x, g, 0.0), lambda g, x, y, z: where(x, 0.0, g)), tame=True,
)  # fmt: skip
switch = where


def clip(x: Any, min: Any = None, max: Any = None) -> Tensor:
    """Return `x` limited to [`min`, `max`]; ``None`` is no limit.

    Examples
    --------
    >>> clip([-1.0, 0.5, 7.0], 0.0, 1.0).eval().tolist()
    [0.0, 0.5, 1.0]
    """
    x = as_tensor(x)
    # Unlike elsewhere, a Python integer may be out of the dtype's range: the dtype's own limit is then tighter.
    if min is not None and not _outside(x, min, below=True):
        x = maximum(x, min)
    return x if max is None or _outside(x, max, below=False) else minimum(x, max)


def _outside(x: Tensor, limit: Any, below: bool) -> bool:
    if type(limit) is not int or x.type.kind not in "iu":
        return False
    info = np.iinfo(x.dtype)
    return limit < info.min if below else limit > info.max


def nan_to_num(x: Any, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None) -> Tensor:
    """Return `x` with NaN and infinities replaced; these by the largest numbers, unless given.

    Examples
    --------
    >>> nan_to_num([np.nan, np.inf, 1.0], posinf=9.0).eval().tolist()
    [0.0, 9.0, 1.0]
    """
    x = as_tensor(x)
    if KINDS[x.dtype] != "f":
        return x
    largest = float(np.finfo(x.dtype).max)
    high = largest if posinf is None else posinf
    low = -largest if neginf is None else neginf
    return where(isnan(x), nan, where(isinf(x), where(x > 0.0, *(as_tensor(v, x.dtype) for v in (high, low))), x))

