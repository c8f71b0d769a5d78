"""Other names of operations: Theano's, PyTensor's, SciPy's, and NumPy 2's short ones."""

from __future__ import annotations

from typing import Any

from workbench.tensor import bits, incomplete, inverses, joining, rounding, special
from workbench.tensor import elementwise as _e
from workbench.tensor import shape as shapes
from workbench.tensor import trigonometry as _t
from workbench.tensor.diagonal import diagonal
from workbench.tensor.tensor import Tensor, as_tensor

# NumPy.
absolute = fabs = _e.abs
remainder = _e.mod
true_divide = _e.divide
pow = _e.power
fix = rounding.trunc
around = rounding.round
concat, permute_dims = joining.concatenate, shapes.transpose
acos, asin, atan, atan2 = _t.arccos, _t.arcsin, _t.arctan, _t.arctan2
acosh, asinh, atanh = _t.arccosh, _t.arcsinh, _t.arctanh
radians, degrees = _t.deg2rad, _t.rad2deg
bitwise_not = bitwise_invert = bits.invert
bitwise_left_shift, bitwise_right_shift = bits.left_shift, bits.right_shift

# SciPy.
expit = _e.sigmoid
lgamma = special.gammaln
psi = special.digamma

# Theano and PyTensor.
sub, mul, neg, true_div, int_div = _e.subtract, _e.multiply, _e.negative, _e.divide, _e.floor_divide
sgn, sqr = _e.sign, _e.square
gt, ge, lt, le, eq, neq = _e.greater, _e.greater_equal, _e.less, _e.less_equal, _e.equal, _e.not_equal
and_, or_, xor = bits.bitwise_and, bits.bitwise_or, bits.bitwise_xor
log1pexp = _e.softplus
round_half_to_even = rounding.rint
tri_gamma = special.trigamma
gammal, gammau = incomplete.gammal, incomplete.gammau
as_tensor_variable = as_tensor
betaincinv, gammaincinv, gammainccinv = inverses.betaincinv, inverses.gammaincinv, inverses.gammainccinv
extract_diag = diagonal


def alloc(value: Any, *shape: Any) -> Tensor:
    """Return `value` repeated to a shape, one argument an axis."""
    return shapes.broadcast_to(value, shape)


def shape_padleft(x: Any, n_ones: int = 1) -> Tensor:
    """Return `x` with so many axes of length 1 before its own."""
    return shapes.expand_dims(x, tuple(range(n_ones)))


def shape_padright(x: Any, n_ones: int = 1) -> Tensor:
    """Return `x` with so many axes of length 1 after its own."""
    return shapes.expand_dims(x, tuple(range(-n_ones, 0)))


def positive(x: Any) -> Tensor:
    """Return `x`."""
    return as_tensor(x)


__all__ = [
    "absolute", "acos", "acosh", "alloc", "and_", "around", "as_tensor_variable", "asin", "asinh", "atan", "atan2",
    "atanh", "betaincinv", "bitwise_invert", "bitwise_left_shift", "bitwise_not", "bitwise_right_shift", "concat", "degrees",
    "eq", "expit", "extract_diag", "fabs", "fix", "gammainccinv", "gammaincinv", "gammal", "gammau", "ge", "gt",
    "int_div", "le", "lgamma", "log1pexp", "lt", "mul", "neg", "neq", "or_", "permute_dims", "positive", "pow", "psi", "radians",
    "remainder", "round_half_to_even", "sgn", "shape_padleft", "shape_padright", "sqr", "sub", "tri_gamma",
    "true_div", "true_divide", "xor",
]  # fmt: skip
