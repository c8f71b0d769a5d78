"""Other names of operations: Theano's, PyTensor's, SciPy's, and NumPy 2's short ones."""

from __future__ import annotations

import math
from functools import reduce
from types import SimpleNamespace
from typing import Any

import numpy as np

from workbench.errors import ShapeError
from workbench.tensor import bits, rounding
from workbench.tensor import elementwise as _e
from workbench.tensor import shape as shapes
from workbench.tensor import trigonometry as _t
from workbench.tensor.indexing.take import take_along_axis
from workbench.tensor.linalg import triangular as triangles
from workbench.tensor.linalg.diagonal import diagonal
from workbench.tensor.linalg.products import dot, matmul
from workbench.tensor.reduction import reductions as reduction
from workbench.tensor.shape import joining
from workbench.tensor.sorting import sorting
from workbench.tensor.special import functions as special
from workbench.tensor.special import incomplete
from workbench.tensor.special import incomplete_inverses as inverses
from workbench.tensor.tensor import Tensor, as_tensor, data

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
floor_div = _e.floor_divide
dense_dot = dot
inverse_permutation = sorting.argsort
mgrid, ogrid = np.mgrid, np.ogrid
"""Ranges are known when a model is written: NumPy's own."""


def alloc(value: Any, *shape: Any) -> Tensor:
    """Return `value` repeated to a shape, one argument an axis.

    Examples
    --------
    >>> pt.alloc(1.5, 2, 2).eval().tolist()
    [[1.5, 1.5], [1.5, 1.5]]
    """
    return shapes.broadcast_to(value, shape)


def shape_padleft(x: Any, n_ones: int = 1) -> Tensor:
    """Return `x` with so many axes of length 1 before its own.

    Examples
    --------
    >>> pt.shape_padleft([1, 2]).type.shape
    (1, 2)
    """
    return shapes.expand_dims(x, tuple(range(n_ones)))


def shape_padright(x: Any, n_ones: int = 1) -> Tensor:
    """Return `x` with so many axes of length 1 after its own.

    Examples
    --------
    >>> pt.shape_padright([1, 2]).type.shape
    (2, 1)
    """
    return shapes.expand_dims(x, tuple(range(-n_ones, 0)))


def shape_padaxis(x: Any, axis: int) -> Tensor:
    """Return `x` with an axis of length 1 more, at `axis`.

    Examples
    --------
    >>> pt.shape_padaxis([[1, 2]], 1).type.shape
    (1, 1, 2)
    """
    return shapes.expand_dims(x, axis)


def fill(a: Any, b: Any) -> Tensor:
    """Return `b` in the shape of `a`.

    Examples
    --------
    >>> fill(np.zeros((2, 2)), 3.0).eval().tolist()
    [[3.0, 3.0], [3.0, 3.0]]
    """
    return shapes.broadcast_to(b, as_tensor(a).shape)


second = fill


def join(axis: int, *tensors: Any) -> Tensor:
    """Return tensors joined along an axis, which comes first.

    Examples
    --------
    >>> pt.join(0, [1, 2], [3]).eval().tolist()
    [1, 2, 3]
    """
    return joining.concatenate(tensors, axis=axis)


def specify_shape(x: Any, shape: Any, *rest: Any) -> Tensor:
    """Return `x`, which must have a shape; ``None`` in it for a length that may be any.

    Raises
    ------
    ShapeError
        If it is known to have another.

    Examples
    --------
    >>> pt.specify_shape(pt.vector("x"), (3,)).type.shape
    (3,)
    """
    x = as_tensor(x)
    wanted = (shape, *rest) if rest or shape is None or np.ndim(shape) == 0 else tuple(shape)
    have = x.type.shape
    if len(wanted) != len(have) or any(isinstance(n, (int, np.integer)) and isinstance(m, int) and n != m for n, m in zip(wanted, have)):
        raise ShapeError(f"specify_shape: {x!r} has shape {have}, not {tuple(wanted)}")
    lengths = [x.shape[i] if n is None else n for i, n in enumerate(wanted)]
    return x if all(isinstance(n, int) for n in have) else shapes.reshape(x, lengths)


def largest(*tensors: Any) -> Tensor:
    """Return the larger elements of several tensors.

    Examples
    --------
    >>> pt.largest([1, 5], [3, 2], 4).eval().tolist()
    [4, 5]
    """
    return reduce(_e.maximum, tensors)


def smallest(*tensors: Any) -> Tensor:
    """Return the smaller elements of several tensors.

    Examples
    --------
    >>> pt.smallest([1, 5], [3, 2], 4).eval().tolist()
    [1, 2]
    """
    return reduce(_e.minimum, tensors)


def stacklists(tensors: Any) -> Tensor:
    """Return nested lists of tensors as one, an axis a level.

    Examples
    --------
    >>> pt.stacklists([[1, 2], [3, 4]]).eval().tolist()
    [[1, 2], [3, 4]]
    """
    return joining.stack([stacklists(t) for t in tensors]) if isinstance(tensors, (list, tuple)) else as_tensor(tensors)


def max_and_argmax(x: Any, axis: int | None = None, keepdims: bool = False) -> tuple[Tensor, Tensor]:
    """Return the maximum, and where it is.

    Examples
    --------
    >>> [x.eval().item() for x in pt.max_and_argmax([3.0, 7.0, 5.0])]
    [7.0, 1]
    """
    return reduction.max(x, axis=axis, keepdims=keepdims), reduction.argmax(x, axis=axis, keepdims=keepdims)


def isposinf(x: Any) -> Tensor:
    """Whether elements are plus infinity.

    Examples
    --------
    >>> pt.isposinf([-np.inf, np.inf]).eval().tolist()
    [False, True]
    """
    return _e.equal(x, np.inf)


def isneginf(x: Any) -> Tensor:
    """Whether elements are minus infinity.

    Examples
    --------
    >>> pt.isneginf([-np.inf, np.inf]).eval().tolist()
    [True, False]
    """
    return _e.equal(x, -np.inf)


def iround(x: Any) -> Tensor:
    """Return `x` rounded, as whole numbers.

    Examples
    --------
    >>> pt.iround([1.4, 2.6]).eval().tolist()
    [1, 3]
    """
    return _e.cast(rounding.round(x), "int64")


def tensor_copy(x: Any) -> Tensor:
    """Return `x`: expressions never change.

    Examples
    --------
    >>> pt.tensor_copy([1, 2]).eval().tolist()
    [1, 2]
    """
    return as_tensor(x)


def get_vector_length(x: Any) -> int:
    """Return the length of a vector, which must be known.

    Examples
    --------
    >>> pt.get_vector_length(pt.vector("x", 3))
    3
    """
    return as_tensor(x).type.static_shape[0]


def tril_indices_from(x: Any, k: int = 0) -> Any:
    """Return the indices of the lower triangle of a matrix.

    Examples
    --------
    >>> [i.eval().tolist() for i in pt.tril_indices_from(np.eye(2))]
    [[0, 1, 1], [0, 0, 1]]
    """
    n, m = as_tensor(x).shape
    return triangles.tril_indices(n, k, m)


def triu_indices_from(x: Any, k: int = 0) -> Any:
    """Return the indices of the upper triangle of a matrix.

    Examples
    --------
    >>> [i.eval().tolist() for i in pt.triu_indices_from(np.eye(2))]
    [[0, 0, 1], [0, 1, 1]]
    """
    n, m = as_tensor(x).shape
    return triangles.triu_indices(n, k, m)


def choose(a: Any, choices: Any) -> Tensor:
    """Return for each element of `a` that of the choice which it numbers.

    Examples
    --------
    >>> choose([1, 0, 1], [[1.0, 2.0, 3.0], [10.0, 20.0, 30.0]]).eval().tolist()
    [10.0, 2.0, 30.0]
    """
    a, *given = shapes.broadcast_arrays(a, *choices)
    return take_along_axis(joining.stack(given), shapes.expand_dims(a, 0), 0)[0]


def batched_dot(a: Any, b: Any) -> Tensor:
    """Return the products of the matrices or vectors along the first axis of both.

    Examples
    --------
    >>> batched_dot(np.ones((2, 3)), np.ones((2, 3))).eval().tolist()
    [3.0, 3.0]
    """
    a, b = as_tensor(a), as_tensor(b)
    left = a if a.ndim == 3 else a[:, None, :]
    right = b if b.ndim == 3 else b[:, :, None]
    found = matmul(left, right)
    return shapes.squeeze(found, tuple(axis for axis, x in ((1, a), (2, b)) if x.ndim == 2))


def matrix_dot(*matrices: Any) -> Tensor:
    """Return the product of several matrices."""
    return reduce(dot, matrices)


def tensorinv(a: Any, ind: int = 2) -> Tensor:
    """Return the inverse of a tensor, whose first `ind` axes are the rows of a matrix, as in NumPy."""
    from workbench.tensor.linalg import inv

    a = as_tensor(a)
    rows, columns = a.shape[:ind], a.shape[ind:]
    return shapes.reshape(inv(shapes.reshape(a, (math.prod(rows), math.prod(columns)))), (*columns, *rows))


def tensorsolve(a: Any, b: Any) -> Tensor:
    """Return the `x` with ``tensordot(a, x, x.ndim) == b``, as in NumPy."""
    from workbench.tensor.linalg import solve

    a, b = as_tensor(a), as_tensor(b)
    unknown = a.shape[b.ndim :]
    return shapes.reshape(solve(shapes.reshape(a, (b.size, math.prod(unknown))), shapes.ravel(b)), unknown)


def factorial(n: Any) -> Tensor:
    """Return ``n!``.

    Examples
    --------
    >>> pt.factorial([3, 5]).eval().tolist()
    [6.0, 120.0]
    """
    return special.gamma(as_tensor(n) + 1.0)


def poch(z: Any, m: Any) -> Tensor:
    """Return the rising factorial ``gamma(z + m) / gamma(z)``.

    Examples
    --------
    >>> pt.poch(3.0, 2.0).eval().tolist()
    12.0
    """
    return special.gamma(as_tensor(z) + m) / special.gamma(z)


def kn(n: Any, x: Any) -> Tensor:
    """Return the modified Bessel function of the second kind, of whole order.

    Examples
    --------
    >>> pt.kn(1, 2.0).eval().round(4).tolist()
    0.1399
    """
    return special.kv(n, x)


def identity_like(x: Any) -> Tensor:
    """Return the identity matrix in the shape of a matrix.

    Examples
    --------
    >>> pt.identity_like([[1.0, 2.0], [3.0, 5.0]]).eval().tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    from workbench.tensor.linalg.diagonal import eye

    n, m = as_tensor(x).shape
    return eye(n, m, dtype=as_tensor(x).dtype)


def norm_of_elements(x: Any, L: float = 2, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Return the `L` norm of the elements of `x`, all of them or along axes: PyTensor's method ``x.norm(L)``."""
    x = as_tensor(x)
    if L == 0:
        return reduction.sum(_e.cast(_e.not_equal(x, 0), "float64"), axis=axis, keepdims=keepdims)
    if np.inf == L:
        return reduction.max(_e.abs(x), axis=axis, keepdims=keepdims)
    if -np.inf == L:
        return reduction.min(_e.abs(x), axis=axis, keepdims=keepdims)
    return reduction.sum(_e.abs(x) ** L, axis=axis, keepdims=keepdims) ** (1.0 / L)


def as_floats(x: Any) -> Any:
    """Return numbers or an expression in double precision."""
    return x.astype("float64") if hasattr(x, "astype") else np.asarray(x, "float64")


def as_integers(x: Any) -> Any:
    """Return numbers or an expression as whole numbers."""
    return x.astype("int64") if hasattr(x, "astype") else np.asarray(x, "int64")


def horizontal_stack(*tensors: Any) -> Tensor:
    """Return matrices beside each other.

    Examples
    --------
    >>> pt.horizontal_stack([[1], [2]], [[3], [4]]).eval().tolist()
    [[1, 3], [2, 4]]
    """
    return joining.concatenate(tensors, axis=1)


def vertical_stack(*tensors: Any) -> Tensor:
    """Return matrices below each other.

    Examples
    --------
    >>> pt.vertical_stack([[1, 2]], [[3, 4]]).eval().tolist()
    [[1, 2], [3, 4]]
    """
    return joining.concatenate(tensors, axis=0)


def shared(value: Any, name: str | None = None, **options: Any) -> Tensor:
    """Return data that can be replaced: ``x.set_value(...)``."""
    return data(name or "shared", value)


def ceil_intdiv(a: Any, b: Any) -> Tensor:
    """Return ``a / b`` rounded up, of whole numbers."""
    return -(-as_tensor(a) // b)


def round_half_away_from_zero(a: Any) -> Tensor:
    """Return `a` rounded to whole numbers; halves away from zero.

    Examples
    --------
    >>> round_half_away_from_zero([0.5, -2.5, 1.4]).eval().tolist()
    [1.0, -3.0, 1.0]
    """
    a = as_tensor(a)
    return _e.sign(a) * _e.floor(_e.abs(a) + 0.5)


def nonzero_values(a: Any) -> Tensor:
    """Return the elements that are not zero, as a vector."""
    flat = shapes.ravel(a)
    return flat[sorting.flatnonzero(flat)]


def compress(condition: Any, x: Any, axis: int | None = None) -> Tensor:
    """Return the slices of `x` along an axis, of its elements without one, for which a condition holds.

    Examples
    --------
    >>> compress([True, False, True], [[1, 2, 3], [4, 5, 6]], axis=1).eval().tolist()
    [[1, 3], [4, 6]]
    """
    x = shapes.ravel(x) if axis is None else as_tensor(x)
    return x[(slice(None),) * ((axis or 0) % x.ndim) + (sorting.flatnonzero(condition),)]


def is_flat(var: Any, ndim: int = 1) -> bool:
    """Whether `var` has so many axes."""
    return bool(as_tensor(var).ndim == ndim)


def atleast_Nd(x: Any, *, n: int = 1, left: bool = True) -> Tensor:
    """Return `x` with `n` axes at least; those that are added have length 1 and come first, or last."""
    x = as_tensor(x)
    more = max(n - x.ndim, 0)
    return shape_padleft(x, more) if left else shape_padright(x, more)


def chi2sf(x: Any, k: Any) -> Tensor:
    """Return the probability that a chi-squared variable with `k` degrees of freedom exceeds `x`."""
    return incomplete.gammaincc(as_tensor(k) / 2.0, as_tensor(x) / 2.0)


config = SimpleNamespace(floatX="float64")
"""PyTensor's settings that models ask for."""


def shape_of(x: Any) -> tuple[Any, ...]:
    """Return the lengths of the axes of `x`."""
    return tuple(as_tensor(x).shape)


def positive(x: Any) -> Tensor:
    """Return `x`.

    Examples
    --------
    >>> pt.positive([1, -2]).eval().tolist()
    [1, -2]
    """
    return as_tensor(x)


__all__ = [
    "absolute", "acos", "acosh", "alloc", "and_", "around", "as_tensor_variable", "asin", "asinh", "atan", "atan2",
    "atanh", "batched_dot", "betaincinv", "bitwise_invert", "bitwise_left_shift", "bitwise_not", "bitwise_right_shift", "choose", "concat", "degrees",
    "dense_dot", "eq", "expit", "extract_diag", "fabs", "factorial", "fill", "fix", "floor_div", "gammainccinv", "gammaincinv", "gammal", "gammau", "ge",
    "get_vector_length", "gt", "horizontal_stack", "identity_like", "int_div", "inverse_permutation", "iround", "isneginf", "isposinf", "join", "kn",
    "largest", "le", "lgamma", "log1pexp", "lt", "max_and_argmax", "mgrid", "mul", "neg", "neq", "ogrid", "or_", "permute_dims", "poch", "positive",
    "pow", "psi", "radians", "remainder", "round_half_to_even", "second", "sgn", "shape_padaxis", "shape_padleft", "shape_padright", "smallest",
    "specify_shape", "sqr", "stacklists", "sub", "tensor_copy", "tri_gamma", "tril_indices_from", "triu_indices_from", "true_div", "true_divide",
    "vertical_stack", "xor",
]  # fmt: skip
