"""``pm.math``: the functions that models are written with, under PyMC's names."""
# ruff: noqa: I001

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np

import workbench.tensor as pt
from workbench.distributions.correlation import expand_packed_triangular
from workbench.errors import ShapeError
from workbench.graph.lengths import differ, product
from workbench.tensor import linalg
from workbench.tensor.tensor import Tensor
from workbench.tensor import (
    abs, and_, arccos, arccosh, arcsin, arcsinh, arctan, arctanh, as_tensor, broadcast_to, ceil, clip, concatenate,
    constant, cos, cosh, cumprod, cumsum, diff, dot, eq, erf, erfc, erfcinv, erfinv, exp, floor, full, full_like, ge,
    gt, le, log, log1mexp, log1p, log1pexp, log_softmax, logaddexp, logit, logsumexp, lt, matmul, max, maximum, mean,
    min, minimum, neq, ones, ones_like, or_, prod, round, sgn, sigmoid, sin, sinh, softmax, sqr, sqrt, stack, sum,
    switch, tan, tanh, where, zeros, zeros_like,
)  # fmt: skip
from workbench.names import answers, listing

if TYPE_CHECKING:
    from workbench.tensor.linalg import inv as matrix_inverse

invlogit = sigmoid
invprobit = pt.ndtr
probit = pt.ndtri
flatten = pt.ravel


def logdet(x: Any) -> Tensor:
    """Return the logarithm of the absolute value of a determinant."""
    return linalg.slogdet(x).logabsdet


def logdiffexp(a: Any, b: Any) -> Tensor:
    """Return ``log(exp(a) - exp(b))``, without overflow.

    Examples
    --------
    >>> logdiffexp(1000.0, 999.0).eval()
    array(999.5413...)
    """
    a, b = as_tensor(a), as_tensor(b)
    nothing = eq(b, -np.inf)
    return switch(nothing, a, a + log1mexp(switch(nothing, -1.0, b - a)))


def kronecker(*matrices: Any) -> Tensor:
    """Return the Kronecker product of several matrices."""
    return reduce(pt.kron, matrices)


def flat_outer(a: Any, b: Any) -> Tensor:
    """Return the outer product of two vectors as a vector."""
    return pt.ravel(pt.outer(a, b))


def kron_diag(*diagonals: Any) -> Tensor:
    """Return the diagonal of the Kronecker product of diagonal matrices."""
    return reduce(flat_outer, diagonals)


def _along_axes(function: Any, matrices: Sequence[Any], m: Any) -> Tensor:
    """Apply ``function(matrix, columns)`` with each factor, as with their Kronecker product."""
    factors, m = [as_tensor(k) for k in matrices], as_tensor(m)
    columns = m[:, None] if m.ndim == 1 else m
    lengths, rest = tuple(k.shape[1] for k in factors), columns.shape[1]
    if differ(columns.type.shape[0], product(k.type.shape[1] for k in factors)):
        raise ShapeError(
            f"the factors have {' x '.join(map(str, lengths))} columns, but what they are applied to has {columns.type.shape[0]} rows",
            "the product of the factors' columns must be the number of rows",
        )
    x = pt.reshape(columns, (*lengths, rest))
    for axis, factor in enumerate(factors):
        front = pt.moveaxis(x, axis, 0)
        done = function(factor, pt.reshape(front, (front.shape[0], -1)))
        x = pt.moveaxis(pt.reshape(done, (done.shape[0], *front.shape[1:])), 0, axis)
    return pt.reshape(x, (-1, rest))


def kron_dot(krons: Sequence[Any], m: Any) -> Tensor:
    """Return the product of the Kronecker product of `krons` and `m`, without making the former.

    Examples
    --------
    >>> kron_dot([np.eye(2), [[0.0, 1.0], [1.0, 0.0]]], np.arange(4.0)).eval().ravel()
    array([1., 0., 3., 2.])
    """
    return _along_axes(dot, krons, m)


def kron_solve_lower(krons: Sequence[Any], m: Any) -> Tensor:
    """Solve with the Kronecker product of lower triangular matrices, without making it."""
    return _along_axes(lambda a, b: linalg.solve_triangular(a, b, lower=True), krons, m)


def kron_solve_upper(krons: Sequence[Any], m: Any) -> Tensor:
    """Solve with the Kronecker product of upper triangular matrices, without making it."""
    return _along_axes(lambda a, b: linalg.solve_triangular(a, b, lower=False), krons, m)


def block_diagonal(matrices: Sequence[Any]) -> Tensor:
    """Return the matrix with `matrices` as blocks on its diagonal."""
    return linalg.block_diag(*matrices)


def batched_diag(x: Any) -> Tensor:
    """Return the diagonals of matrices, or matrices with the rows of a matrix as diagonals."""
    x = as_tensor(x)
    if x.ndim == 3:
        return pt.diagonal(x, axis1=-2, axis2=-1)
    if x.ndim != 2:
        raise ShapeError(f"batched_diag: the input has {x.ndim} axes", "give a matrix of diagonals, or a batch of matrices")
    return x[..., None] * pt.eye(x.shape[-1])


def flatten_list(tensors: Sequence[Any]) -> Tensor:
    """Return tensors as one vector."""
    return concatenate([pt.ravel(x) for x in tensors])


def cartesian(*arrays: Any) -> np.ndarray[Any, Any]:
    """Return the Cartesian product of arrays; the first changes slowest.

    Parameters
    ----------
    arrays
        Vectors, or matrices whose rows are combined.

    Examples
    --------
    >>> cartesian([0, 1], [5, 6]).tolist()
    [[0, 5], [0, 6], [1, 5], [1, 6]]
    """
    rows = [np.asarray(a)[:, None] if np.ndim(a) == 1 else np.asarray(a) for a in arrays]
    grids = np.meshgrid(*[np.arange(len(a)) for a in rows], indexing="ij")
    return np.concatenate([a[grid.ravel()] for a, grid in zip(rows, grids)], axis=-1)


__all__ = [
    "abs", "and_", "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctanh", "as_tensor", "batched_diag",
    "block_diagonal", "broadcast_to", "cartesian", "ceil", "clip", "concatenate", "constant", "cos", "cosh", "cumprod",
    "cumsum", "diff", "dot", "eq", "erf", "erfc", "erfcinv", "erfinv", "exp", "expand_packed_triangular", "flat_outer",
    "flatten", "flatten_list", "floor", "full", "full_like", "ge", "gt", "invlogit", "invprobit", "kron_diag",
    "kron_dot", "kron_solve_lower", "kron_solve_upper", "kronecker", "le", "log", "log1mexp", "log1p", "log1pexp",
    "log_softmax", "logaddexp", "logdet", "logdiffexp", "logit", "logsumexp", "lt", "matmul", "matrix_inverse", "max",
    "maximum", "mean", "min", "minimum", "neq", "ones", "ones_like", "or_", "prod", "probit", "round", "sgn", "sigmoid",
    "sin", "sinh", "softmax", "sqr", "sqrt", "stack", "sum", "switch", "tan", "tanh", "where", "zeros", "zeros_like",
]  # fmt: skip


__getattr__, __dir__ = answers(__name__), listing(__name__)
