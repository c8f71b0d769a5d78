"""Other names of operations: Theano's, PyTensor's, SciPy's, and NumPy 2's short ones."""

from __future__ import annotations

from typing import Any

from workbench.tensor import bits, incomplete, rounding, special
from workbench.tensor import elementwise as _e
from workbench.tensor import trigonometry as _t
from workbench.tensor.tensor import Tensor, as_tensor

# NumPy.
absolute = fabs = _e.abs
remainder = _e.mod
true_divide = _e.divide
pow = _e.power
fix = rounding.trunc
around = rounding.round
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


def positive(x: Any) -> Tensor:
    """Return `x`."""
    return as_tensor(x)


__all__ = [
    "absolute", "acos", "acosh", "and_", "around", "asin", "asinh", "atan", "atan2", "atanh", "bitwise_invert",
    "bitwise_left_shift", "bitwise_not", "bitwise_right_shift", "degrees", "eq", "expit", "fabs", "fix", "gammal",
    "gammau", "ge", "gt", "int_div", "le", "lgamma", "log1pexp", "lt", "mul", "neg", "neq", "or_", "positive", "pow",
    "psi", "radians", "remainder", "round_half_to_even", "sgn", "sqr", "sub", "tri_gamma", "true_div", "true_divide",
    "xor",
]  # fmt: skip
