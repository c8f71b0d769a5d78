"""Expressions in the real numbers: their values to as many digits as one asks for, by mpmath."""

import mpmath
import numpy as np

from workbench.graph import topological
from workbench.tensor.elementwise import OPS


def ratio(x, y):
    return x / y if y != 0 else mpmath.nan


def power(x, y):
    if y == 0 or x == 1:
        return mpmath.mpf(1)
    if x == 0 and y > 0:
        return mpmath.mpf(0)
    return mpmath.power(x, y) if x > 0 or (x < 0 and mpmath.isint(y)) else mpmath.nan


def remainder(x, y):
    return x - y * mpmath.floor(x / y) if y != 0 and mpmath.isfinite(x) and mpmath.isfinite(y) else mpmath.nan


def within_reach(function):
    """The function, and no value of numbers that have hundreds of digits before the point."""

    def of(*x):
        if any(mpmath.isfinite(i) and i and mpmath.mag(i) > 500 for i in x):
            raise OverflowError
        return function(*x)

    return of


def unless_nan(function):
    return lambda *x: mpmath.nan if any(mpmath.isnan(i) for i in x) else function(*x)


def inside(low, high, function):
    """The function where it is defined: at and between two numbers."""
    return lambda x: function(x) if low <= x <= high else mpmath.nan


inf = mpmath.inf
MP = {
    "add": lambda x, y: x + y, "subtract": lambda x, y: x - y, "multiply": lambda x, y: x * y, "negative": lambda x: -x, "divide": ratio, "abs": abs,
    "reciprocal": lambda x: ratio(mpmath.mpf(1), x), "square": lambda x: x * x, "power": power, "sqrt": inside(0, inf, mpmath.sqrt), "mod": remainder,
    "cbrt": unless_nan(lambda x: mpmath.cbrt(x) if x >= 0 else -mpmath.cbrt(-x)), "sign": unless_nan(mpmath.sign), "floor": mpmath.floor, "ceil": mpmath.ceil, "rint": mpmath.nint,
    "trunc": lambda x: mpmath.floor(x) if x >= 0 else mpmath.ceil(x), "floor_divide": lambda x, y: mpmath.floor(ratio(x, y)),
    "exp": mpmath.exp, "exp2": lambda x: mpmath.power(2, x), "expm1": lambda x: mpmath.exp(x) - 1, "log": inside(0, inf, mpmath.log),
    "log1p": inside(-1, inf, lambda x: mpmath.log(1 + x)), "log2": inside(0, inf, lambda x: mpmath.log(x, 2)), "log10": inside(0, inf, mpmath.log10),
    "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)), "softplus": lambda x: mpmath.log(1 + mpmath.exp(x)), "log1mexp": inside(-inf, 0, lambda x: mpmath.log(1 - mpmath.exp(x))),
    "logit": lambda x: mpmath.log(x / (1 - x)) if 0 < x < 1 else mpmath.log(x) if x == 0 else inf if x == 1 else mpmath.nan,
    "logaddexp": lambda x, y: mpmath.log(mpmath.exp(x) + mpmath.exp(y)), "logaddexp2": lambda x, y: mpmath.log(mpmath.power(2, x) + mpmath.power(2, y), 2),
    "maximum": unless_nan(max), "minimum": unless_nan(min),
    "sin": mpmath.sin, "cos": mpmath.cos, "tan": lambda x: mpmath.tan(x) if abs(mpmath.cos(x)) > mpmath.mpf(10) ** (5 - mpmath.mp.dps) else mpmath.nan,
    "tanh": mpmath.tanh, "cosh": mpmath.cosh, "sinh": mpmath.sinh, "sech_squared": lambda x: 1 / mpmath.cosh(x) ** 2, "arcsin": inside(-1, 1, mpmath.asin), "arccos": inside(-1, 1, mpmath.acos),
    "arctan": mpmath.atan, "arctan2": mpmath.atan2, "arcsinh": mpmath.asinh, "arccosh": inside(1, inf, mpmath.acosh), "arctanh": lambda x: mpmath.atanh(x) if abs(x) < 1 else x * inf if abs(x) == 1 else mpmath.nan,
    "erf": mpmath.erf, "erfc": mpmath.erfc, "erfcx": lambda x: mpmath.exp(x * x) * mpmath.erfc(x), "ndtr": mpmath.ncdf, "log_ndtr": lambda x: mpmath.log(mpmath.ncdf(x)),
    "gammaln": lambda x: mpmath.loggamma(x) if x > 0 else mpmath.nan, "gamma": lambda x: mpmath.gamma(x) if x > 0 else mpmath.nan,
    "digamma": lambda x: mpmath.digamma(x) if x > 0 else mpmath.nan, "betaln": lambda x, y: mpmath.log(mpmath.beta(x, y)) if x > 0 and y > 0 else mpmath.nan,
    "where": lambda c, x, y: x if c else y, "less": lambda x, y: x < y, "less_equal": lambda x, y: x <= y, "greater": lambda x, y: x > y,
    "greater_equal": lambda x, y: x >= y, "equal": lambda x, y: x == y, "not_equal": lambda x, y: x != y, "isnan": mpmath.isnan, "isinf": mpmath.isinf,
    "isfinite": mpmath.isfinite,
}  # fmt: skip


STEEP = ("exp", "exp2", "expm1", "sigmoid", "softplus", "logaddexp", "logaddexp2", "log1mexp", "sin", "cos", "tan", "tanh", "cosh", "sinh", "sech_squared", "erf", "erfc", "erfcx", "ndtr", "log_ndtr", "gamma", "power")  # fmt: skip
"""Of numbers with hundreds of digits before the point, these take mpmath for ever, if they are of a computed number."""


def exact(value):
    """Floats as mpmath's numbers; other values as they are."""
    value = np.asarray(value)
    if value.dtype.kind != "f":
        return value
    with np.errstate(invalid="ignore"):
        return np.asarray(np.frompyfunc(lambda v: mpmath.mpf(float(v)), 1, 1)(value), object)


def not_rounded(n, operands):
    """The value of an operation on exact operands; ``None`` where there is none in mpmath."""
    kind = n.type.kind
    if kind != "f" and all(x.dtype.kind != "O" for x in operands):
        return np.asarray(n.op.numpy(*operands))
    if n.op.name == "cast":
        return exact(operands[0].astype("float64") if operands[0].dtype.kind != "O" else operands[0]) if kind == "f" else None
    if n.op.name in OPS:
        if n.op.name not in MP:
            return None
        function = within_reach(MP[n.op.name]) if n.op.name in STEEP else MP[n.op.name]
        operands = [x if x.dtype.kind in "Ob" else exact(x.astype("float64")) for x in operands]
        try:
            found = np.asarray(np.frompyfunc(function, len(operands), 1)(*operands), object)
        except OverflowError:
            return None
        return found if kind == "f" else found.astype(n.type.dtype)
    if n.op.name in ("max", "min") and any(mpmath.isnan(v) for v in operands[0].ravel()):
        return None
    try:
        found = np.asarray(n.op.numpy(*operands))
    except (TypeError, ValueError, AttributeError):  # NumPy has no form of it for objects.
        return None
    return found if (found.dtype.kind == "O") == (kind == "f") else None


def in_real_numbers(roots, leaves, digits):
    """Values of expressions, nothing rounded on the way from the values of `leaves`; ``None`` where an operation has no form here."""
    nodes, needed = topological(roots), set(roots)
    for n in reversed(nodes):
        if n in needed and n not in leaves:
            needed.update(n.inputs)
    memo = {}
    with mpmath.workdps(digits):
        for n in nodes:
            if n not in needed:
                continue
            if n in leaves:
                memo[n] = exact(leaves[n])
            elif n.op.name == "constant":
                memo[n] = exact(n.op.value)
            else:
                operands = [memo[x] for x in n.inputs]
                memo[n] = None if any(x is None for x in operands) or not hasattr(n.type, "dtype") else not_rounded(n, operands)
    return [memo[r] for r in roots]
