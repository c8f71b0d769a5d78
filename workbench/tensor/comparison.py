"""The smaller and the larger, comparisons, and choices by them."""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.graph.domain import Booleans, Domain, Integers, real
from workbench.graph.expr import intern
from workbench.graph.types import KINDS
from workbench.tensor.declaration import ScalarOp, cast, elementwise
from workbench.tensor.rounding import isinf, isnan
from workbench.tensor.tensor import Tensor, as_tensor

# Smaller and larger ---------------------------------------------------------------------------

_pair: Any = (real, real)
_NAN_MIN = "({x} < {y} || {x} != {x} ? {x} : {y})"
_NAN_MAX = "({x} > {y} || {x} != {x} ? {x} : {y})"
minimum: ScalarOp = elementwise(
    "minimum", np.minimum, c=_NAN_MIN, py="select(({x} < {y}) | ({x} != {x}), {x}, {y})", commutative=True,
    domain=_pair, cost=2,
    grad=(lambda g, x, y: where(x <= y, g, 0.0), lambda g, x, y: where(x <= y, 0.0, g)), tame=True,
)  # fmt: skip
maximum: ScalarOp = elementwise(
    "maximum", np.maximum, c=_NAN_MAX, py="select(({x} > {y}) | ({x} != {x}), {x}, {y})", commutative=True,
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
    "where", np.where, c="({x} ? {y} : {z})", py="select({x}, {y}, {z})", result="where",
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
