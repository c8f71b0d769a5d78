"""NumPy-like tensors: symbolic arrays with NumPy's names, operators and broadcasting."""

import importlib
from typing import Any

# Tensor first: the families need it, and its operators need them.
from workbench.tensor.tensor import (
    Tensor, as_tensor, constant, data, matrix, scalar, set_data, tensor, vector,
)  # fmt: skip  # isort: skip
from workbench.graph.domain import Booleans, Integers, Interval
from workbench.graph.serialise import NAMED
from workbench.tensor import random
from workbench.tensor.annotations import stop_gradient
from workbench.tensor.control import cond, ifelse, region, while_loop
from workbench.tensor.elementwise import (
    OPS,
    abs, add, bitwise_and, bitwise_or, bitwise_xor, cast, clip, divide, equal, exp, expm1, floor, greater,
    greater_equal, invert, isfinite, isnan, left_shift, less, less_equal, log, log1p, logical_and, logical_not,
    logical_or, logit, maximum, minimum, multiply, negative, not_equal, popcount, power, reciprocal, right_shift,
    rint, sigmoid, sign, softplus, sqrt, square, subtract, switch, where,
)  # fmt: skip
from workbench.tensor.indexing import inc_subtensor, set_subtensor, take
from workbench.tensor.products import (
    dot, einsum, inner, kron, matmul, matrix_transpose, matvec, outer, tensordot, vdot, vecdot, vecmat,
)  # fmt: skip
from workbench.tensor.reduction import all, any, max, mean, min, prod, std, sum, var
from workbench.tensor.scan import map, scan
from workbench.tensor.shape import (
    arange, broadcast_to, concatenate, expand_dims, full, ones, ones_like, reshape, squeeze, stack, transpose,
    zeros, zeros_like,
)  # fmt: skip

NAMED["function"] = OPS

TRANSFORMS = frozenset(
    ["extract", "grad", "hessian", "hessian_vector_product", "jacobian", "jvp", "replace", "vectorize", "vectorize_graph", "vjp"]
)
"""Functions of graphs, which live a layer above; offered here too, as in PyTensor."""


def __getattr__(name: str) -> Any:
    if name in TRANSFORMS:
        return getattr(importlib.import_module("workbench.transforms"), name)
    raise AttributeError(f"module 'workbench.tensor' has no attribute {name!r}")


__all__ = [
    "Booleans", "Integers", "Interval", "Tensor", "abs", "add", "all", "any", "arange", "as_tensor",
    "bitwise_and", "bitwise_or", "bitwise_xor", "broadcast_to", "cast", "clip", "concatenate", "cond",
    "constant", "data", "divide", "dot", "equal", "exp", "expand_dims", "expm1", "floor", "full", "greater",
    "greater_equal", "ifelse", "inc_subtensor", "invert", "isfinite", "isnan", "left_shift", "less",
    "less_equal", "log", "log1p", "logical_and", "logical_not", "logical_or", "logit", "map", "matmul",
    "matrix", "max", "maximum", "mean", "min", "minimum", "multiply", "negative", "not_equal", "ones",
    "ones_like", "popcount", "power", "prod", "random", "reciprocal", "region", "reshape", "right_shift",
    "rint", "scalar", "scan", "set_data", "set_subtensor", "sigmoid", "sign", "softplus", "sqrt", "square",
    "squeeze", "stack", "std", "stop_gradient", "subtract", "sum", "switch", "take", "tensor", "transpose",
    "var", "vector", "where", "while_loop", "zeros", "zeros_like",
    "einsum", "inner", "kron", "matrix_transpose", "matvec", "outer", "tensordot", "vdot", "vecdot", "vecmat",
]  # fmt: skip
