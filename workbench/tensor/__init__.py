"""NumPy-like tensors: symbolic arrays with NumPy's names, operators and broadcasting."""

from typing import TYPE_CHECKING

from numpy import e, euler_gamma, inf, nan, newaxis, pi

# Tensor first, which the families need; then its methods, which need them.
from workbench.tensor.tensor import (
    Tensor, as_tensor, constant, data, matrix, scalar, set_data, tensor, vector,
)  # fmt: skip  # isort: skip
from workbench.tensor.methods import Methods  # noqa: F401  # isort: skip
from workbench import names
from workbench.graph.domain import Booleans, Integers, Interval
from workbench.graph.serialise import NAMED, PLACES
from workbench.tensor import linalg, random, sparse
from workbench.tensor.markers import stop_gradient
from workbench.tensor.assumptions import assume
from workbench.tensor.closeness import allclose, isclose
from workbench.tensor.control.flow import cond, ifelse, region, slot, while_loop
from workbench.tensor import aliases
from workbench.tensor.aliases import *  # noqa: F403
from workbench.tensor.elementwise import (
    OPS,
    abs, add, bitwise_and, bitwise_count, bitwise_or, bitwise_xor, cast, cbrt, ceil, clip, copysign, divide, divmod,
    equal, exp, exp2, expm1, floor, floor_divide, fmax, fmin, greater, greater_equal, heaviside, invert, isfinite, isinf,
    isnan, left_shift, less, less_equal, log, log10, log1mexp, log1p, log2, logaddexp, logaddexp2, logical_and,
    logical_not, logical_or, logical_xor, logit, maximum, minimum, mod, multiply, nan_to_num, negative, not_equal,
    popcount, power, reciprocal, right_shift, rint, round, sigmoid, sign, signbit, softplus, sqrt, square, subtract,
    switch, trunc, where,
)  # fmt: skip
from workbench.tensor.special.incomplete import betainc, gammainc, gammaincc
from workbench.tensor.special.functions import (
    beta, betaln, digamma, erf, erfc, erfcinv, erfcx, erfinv, gamma, gammaln, hyp2f1, i0, i0e, i1, i1e, iv, ive, j0, j1, jv, kv,
    kve, log_ndtr, ndtr, ndtri, owens_t, polygamma, trigamma,
)  # fmt: skip
from workbench.tensor.trigonometry import (
    arccos, arccosh, arcsin, arcsinh, arctan, arctan2, arctanh, cos, cosh, deg2rad, hypot, rad2deg, sin, sinc, sinh, tan,
    tanh,
)  # fmt: skip
from workbench.tensor.constructors import (
    bcol, bmatrix, brow, bscalar, btensor3, btensor4, bvector, col, dcol, dmatrix, drow, dscalar, dtensor3, dtensor4,
    dvector, fcol, fmatrix, frow, fscalar, ftensor3, ftensor4, fvector, icol, imatrix, irow, iscalar, itensor3, itensor4,
    ivector, lcol, lmatrix, lrow, lscalar, ltensor3, ltensor4, lvector, matrices, row, scalars, tensor3, tensor4, tensor5,
    vectors, wcol, wmatrix, wrow, wscalar, wtensor3, wtensor4, wvector,
)  # fmt: skip
from workbench.tensor.shape.creation import (
    empty, empty_like, full_like, geomspace, indices, linspace, logspace, meshgrid, ravel_multi_index, unravel_index,
)  # fmt: skip
from workbench.tensor.reduction.cumulative import cumprod, cumsum, diff
from workbench.tensor.linalg.diagonal import diag, diagflat, diagonal, eye, fill_diagonal, identity, trace, tri
from workbench.tensor.indexing.take import put_along_axis, take, take_along_axis
from workbench.tensor.indexing.updates import inc_subtensor, set_subtensor
from workbench.tensor.indexing.lookup import interp, isin, select
from workbench.tensor.linalg.products import (
    dot, einsum, inner, kron, matmul, matrix_transpose, matvec, outer, tensordot, vdot, vecdot, vecmat,
)  # fmt: skip
from workbench.tensor.reduction.reductions import (
    all, amax, amin, any, argmax, argmin, log_softmax, logsumexp, max, mean, min, prod, ptp, softmax, std, sum,
    var,
)  # fmt: skip
from workbench.tensor.control.scan import map, scan
from workbench.tensor.shape.joining import (
    append, array_split, column_stack, concatenate, dsplit, dstack, hsplit, hstack, pad, repeat, roll, split, stack, tile,
    vsplit, vstack,
)  # fmt: skip
from workbench.tensor.shape import (
    arange, atleast_1d, atleast_2d, atleast_3d, broadcast_arrays, broadcast_to, expand_dims, flip, fliplr, flipud, full,
    moveaxis, ones, ones_like, ravel, reshape, rot90, squeeze, swapaxes, transpose, zeros, zeros_like,
)  # fmt: skip
from workbench.tensor.sorting.sorting import (
    argsort, argwhere, bincount, digitize, flatnonzero, histogram, nonzero, searchsorted, sort, unique,
)  # fmt: skip
from workbench.tensor.reduction.statistics import (
    average, corrcoef, count_nonzero, cov, median, nanmax, nanmean, nanmin, nanprod, nanstd, nansum, nanvar, percentile, quantile,
)  # fmt: skip
from workbench.tensor.linalg.triangular import tril, tril_indices, triu, triu_indices

NAMED["function"] = OPS
PLACES.extend([*linalg.LATER, "workbench.tensor.fft", "workbench.tensor.nn.convolution", "workbench.tensor.nn.pooling", "workbench.tensor.nn.regularization", "workbench.tensor.nn.normalization", "workbench.tensor.signal"])
names.make_callable("workbench.tensor.shape")

flatten = ravel

if TYPE_CHECKING:
    from workbench.tensor import fft, nn, signal

LATER = {
    "workbench.tensor.fft": "fft",
    "workbench.tensor.nn": "nn",
    "workbench.tensor.signal": "signal",
    # Functions of graphs, which live a layer above; offered here too, as in PyTensor.
    "workbench.transforms": "Lop Rop extract grad hessian hessian_vector_product jacobian jvp replace vectorize vectorize_graph vjp",
}
"""Loaded when first used."""

__getattr__, __dir__ = names.answers(__name__, LATER), names.listing(__name__)

__all__ = [
    "Booleans", "Integers", "Interval", "Tensor", "abs", "add", "all", "any", "arange", "as_tensor", "assume",
    "bitwise_and", "bitwise_or", "bitwise_xor", "broadcast_to", "cast", "clip", "concatenate", "cond",
    "constant", "data", "divide", "dot", "equal", "exp", "expand_dims", "expm1", "floor", "full", "greater",
    "greater_equal", "ifelse", "inc_subtensor", "invert", "isfinite", "isnan", "left_shift", "less",
    "less_equal", "log", "log1p", "logical_and", "logical_not", "logical_or", "logit", "map", "matmul",
    "matrix", "max", "maximum", "mean", "min", "minimum", "multiply", "negative", "not_equal", "ones",
    "ones_like", "popcount", "power", "prod", "random", "reciprocal", "region", "reshape", "right_shift",
    "rint", "scalar", "scan", "set_data", "set_subtensor", "sigmoid", "sign", "slot", "softplus", "sqrt", "square",
    "squeeze", "stack", "std", "stop_gradient", "subtract", "sum", "switch", "take", "tensor", "transpose",
    "var", "vector", "where", "while_loop", "zeros", "zeros_like",
    "einsum", "fft", "inner", "kron", "linalg", "nn", "signal", "sparse", "matrix_transpose", "matvec", "outer", "tensordot", "tril", "triu", "vdot", "vecdot", "vecmat",
    "amax", "amin", "append", "argmax", "argmin", "argsort", "argwhere", "array_split", "atleast_1d", "atleast_2d",
    "atleast_3d", "bcol", "bincount", "bmatrix", "broadcast_arrays", "brow", "bscalar", "btensor3", "btensor4",
    "bvector", "col", "column_stack", "cumprod", "cumsum", "dcol", "diag", "diagflat", "diagonal", "diff", "digitize",
    "dmatrix", "drow", "dscalar", "dsplit", "dstack", "dtensor3", "dtensor4", "dvector", "empty", "empty_like", "eye",
    "fcol", "fill_diagonal", "flatnonzero", "flatten", "flip", "fliplr", "flipud", "fmatrix", "frow", "fscalar",
    "ftensor3", "ftensor4", "full_like", "fvector", "geomspace", "histogram", "hsplit", "hstack", "icol", "identity",
    "imatrix", "indices", "irow", "iscalar", "itensor3", "itensor4", "ivector", "lcol", "linspace", "lmatrix",
    "log_softmax", "logspace", "logsumexp", "lrow", "lscalar", "ltensor3", "ltensor4", "lvector", "matrices",
    "median", "meshgrid", "moveaxis", "nonzero", "pad", "ptp", "put_along_axis", "ravel", "ravel_multi_index",
    "repeat", "roll", "rot90", "row", "scalars", "searchsorted", "softmax", "sort", "split", "swapaxes",
    "take_along_axis", "trace", "allclose", "isclose", "tril_indices", "triu_indices", "tensor3", "tensor4", "tensor5", "tile", "tri", "unique", "unravel_index", "vectors", "vsplit",
    "vstack", "wcol", "wmatrix", "wrow", "wscalar", "wtensor3", "wtensor4", "wvector",
    "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctan2", "arctanh", "beta", "betainc", "betaln",
    "bitwise_count", "cbrt", "ceil", "copysign", "cos", "cosh", "deg2rad", "digamma", "divmod", "erf", "erfc",
    "erfcinv", "erfcx", "erfinv", "exp2", "floor_divide", "fmax", "fmin", "gamma", "gammainc", "gammaincc", "gammaln",
    "heaviside", "hyp2f1", "hypot", "i0", "i0e", "i1", "i1e", "isinf", "iv", "ive", "j0", "j1", "jv", "kv", "kve", "log10",
    "log1mexp", "log2", "log_ndtr", "logaddexp", "logaddexp2", "logical_xor", "mod", "nan_to_num", "ndtr", "ndtri",
    "owens_t", "polygamma", "rad2deg", "round", "signbit", "sin", "sinc", "sinh", "tan", "tanh", "trigamma", "trunc",
    "average", "corrcoef", "count_nonzero", "cov", "interp", "isin", "nanmax", "nanmean", "nanmin", "nanprod", "nanstd", "nansum",
    "nanvar", "percentile", "quantile", "select", "e", "euler_gamma", "inf", "nan", "newaxis", "pi", *aliases.__all__,
]  # fmt: skip
