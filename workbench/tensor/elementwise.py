"""Elementwise operations that the rest of the package needs most, in one place.

The machinery is in ``declaration.py``; each operation is declared once, with its NumPy, C, Numba and JAX forms
and gradient, in the file of its family.
"""

from workbench.tensor.arithmetic import (
    abs,
    add,
    divide,
    divmod,
    floor_divide,
    mod,
    multiply,
    negative,
    reciprocal,
    sign,
    square,
    subtract,
)
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
from workbench.tensor.comparison import (
    clip,
    copysign,
    equal,
    fmax,
    fmin,
    greater,
    greater_equal,
    heaviside,
    less,
    less_equal,
    maximum,
    minimum,
    nan_to_num,
    not_equal,
    switch,
    where,
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
from workbench.tensor.powers import cbrt, power, sqrt
from workbench.tensor.rounding import ceil, floor, isfinite, isinf, isnan, rint, round, signbit, trunc

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
