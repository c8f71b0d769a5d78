"""LU factorisation with row pivots, and systems solved by it. Public in `workbench.tensor.linalg`."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from workbench.errors import GradientError, ShapeError
from workbench.graph.expr import Expr, Op, intern, results_of
from workbench.graph.frozen import frozen
from workbench.graph.lengths import Size, minimum
from workbench.graph.types import TensorType, TupleType
from workbench.tensor import shape as _s
from workbench.tensor.gufunc import Gufunc, check_matrix, floats, of_results
from workbench.tensor.indexing.take import take_along_axis
from workbench.tensor.linalg.diagonal import eye
from workbench.tensor.linalg.products import matmul, matrix_transpose
from workbench.tensor.linalg.triangular import tril, triu
from workbench.tensor.linalg.triangular_systems import solve_triangular
from workbench.tensor.sorting.sorting import argsort
from workbench.tensor.tensor import Tensor, as_tensor


@frozen
class LUFactor(Gufunc):
    """L (below the diagonal, whose ones are not stored) and U in one matrix, and the pivots."""

    name = "lu_factor"

    def infer(self, x: TensorType) -> TupleType:
        check_matrix("lu_factor", x)
        k: Size = minimum(*x.shape[-2:])
        return TupleType((x, TensorType("int32", (*x.shape[:-2], k))))

    def numpy(self, x: Any) -> Any:
        import warnings

        from scipy.linalg import lu_factor as factor

        rows, columns = x.shape[-2:]
        whole, pivots = np.empty_like(x), np.empty((*x.shape[:-2], min(rows, columns)), np.int32)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Of singular matrices, whose factors exist.
            for i in np.ndindex(x.shape[:-2]):
                if x[i].size == 0:
                    continue
                if np.isfinite(x[i]).all():
                    whole[i], pivots[i] = factor(x[i])
                else:
                    whole[i], pivots[i] = np.nan, np.arange(min(rows, columns))
        return whole, pivots

    def jax(self, x: Any) -> Any:
        from jax.scipy.linalg import lu_factor as factor

        return tuple(factor(x))

    def grad(self, node: Expr, cotangent: Any) -> Sequence[Expr | None]:
        (x,) = node.inputs
        if x.type.shape[-2] != x.type.shape[-1]:
            n, m = x.type.shape[-2:]
            raise GradientError(f"no gradient is known through lu of {n} by {m} matrices", "factor a square one")
        g, _ = of_results(node, cotangent)
        if g is None:
            return [None]
        whole, pivots = results_of(node)
        lower, upper = tril(whole, -1) + eye(x.shape[-1], dtype=x.dtype), triu(whole)
        inner = tril(matmul(matrix_transpose(lower), tril(g, -1)), -1) + triu(matmul(triu(g), matrix_transpose(upper)))
        left = solve_triangular(lower, inner, lower=True, trans=1, unit_diagonal=True, b_ndim=2)
        both = matrix_transpose(solve_triangular(upper, matrix_transpose(left), b_ndim=2))
        return [_rows(both, argsort(permutation_of(pivots, x.shape[-2])))]


@frozen
class Permutation(Op):
    """Where each row comes from, after rows were swapped with those of pivots, in turn."""

    name = "pivots_to_permutation"

    def infer(self, pivots: TensorType, rows: TensorType) -> TensorType:
        return TensorType("int64", (*pivots.shape[:-1], *rows.shape))

    def numpy(self, pivots: Any, rows: Any) -> Any:
        found = np.broadcast_to(np.arange(len(rows)), (*pivots.shape[:-1], len(rows))).copy()
        for i in np.ndindex(pivots.shape[:-1]):
            for k, p in enumerate(pivots[i]):
                found[i][[k, p]] = found[i][[p, k]]
        return found

    def jax(self, pivots: Any, rows: Any) -> Any:
        from jax.lax.linalg import lu_pivots_to_permutation

        return lu_pivots_to_permutation(pivots, len(rows)).astype("int64")


def permutation_of(pivots: Tensor, rows: Any) -> Tensor:
    """Return the permutation p (..., n) with ``x[p] = L @ U``, from the pivots of the factorisation of x."""
    return intern(Permutation(), (pivots, _s.arange(rows)))


def _rows(x: Tensor, order: Tensor) -> Tensor:
    """Matrices with their rows in another order."""
    return take_along_axis(x, _s.broadcast_to(_s.expand_dims(order, -1), (*order.shape, x.shape[-1])), axis=-2)


def lu_factor(a: Any, *, check_finite: bool = False, overwrite_a: bool = False) -> tuple[Tensor, Tensor]:
    """Return L and U in one matrix, and pivots, as :func:`scipy.linalg.lu_factor` does.

    Parameters
    ----------
    a
        Shape (..., m, n).
    check_finite, overwrite_a
        Taken for the sake of SciPy's and PyTensor's code.

    Returns
    -------
    lu, pivots
        Shapes (..., m, n) and (..., min(m, n)), int32. A matrix that is not finite has factors of NaN.

    Raises
    ------
    ShapeError
        If `a` has no two axes.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> lu, pivots = pt.linalg.lu_factor([[1.0, 2.0], [4.0, 4.0]])
    >>> lu.eval().tolist(), pivots.eval().tolist()
    ([[4.0, 4.0], [0.25, 1.0]], [1, 1])
    """
    (x,) = floats("lu_factor", a)
    whole, pivots = results_of(intern(LUFactor(), (x,)))
    return whole, pivots


def lu(a: Any, permute_l: bool = False, p_indices: bool = False, *, check_finite: bool = False, overwrite_a: bool = False) -> tuple[Tensor, ...]:
    """Return P, L and U with ``a = P @ L @ U``, as :func:`scipy.linalg.lu` does.

    Parameters
    ----------
    a
        Shape (..., m, n).
    permute_l
        Return ``P @ L`` and U.
    p_indices
        Return in the place of P the rows p with ``a = L[p] @ U``, int64 (..., m).

    Raises
    ------
    ShapeError
        If `a` has no two axes.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> p, l, u = pt.linalg.lu([[1.0, 2.0], [4.0, 4.0]])
    >>> (p @ l @ u).eval().tolist()
    [[1.0, 2.0], [4.0, 4.0]]
    """
    (x,) = floats("lu", a)
    whole, pivots = lu_factor(x)
    rows = x.shape[-2]
    k = minimum(*x.type.shape[-2:])
    least: Any = k if isinstance(k, int) else pivots.shape[-1]
    lower = tril(whole[..., :, :least], -1) + eye(rows, least, dtype=x.dtype)
    upper = triu(whole[..., :least, :])
    order = argsort(permutation_of(pivots, rows))
    if p_indices:
        return order, lower, upper
    if permute_l:
        return _rows(lower, order), upper
    one = _s.broadcast_to(eye(rows, dtype=x.dtype), (*order.shape, rows))
    return _rows(one, order), lower, upper


def lu_solve(lu_and_piv: tuple[Any, Any], b: Any, trans: int | bool = 0, b_ndim: int | None = None, check_finite: bool = False, overwrite_b: bool = False) -> Tensor:
    """Solve ``a @ x = b`` by the factors that :func:`lu_factor` gives.

    Parameters
    ----------
    lu_and_piv
        Factors (..., n, n) and pivots (..., n).
    b
        Shape (n,) or (..., n, k).
    trans
        1 to solve ``a.T @ x = b``.
    b_ndim
        1 if `b` is a stack of vectors, 2 if of matrices; 1 for one vector by default.

    Raises
    ------
    ShapeError
        If the factors are not square.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> pt.linalg.lu_solve(pt.linalg.lu_factor([[1.0, 2.0], [4.0, 4.0]]), [3.0, 8.0]).eval().tolist()
    [1.0, 1.0]
    """
    whole, b = floats("lu_solve", lu_and_piv[0], b)
    pivots = as_tensor(lu_and_piv[1])
    if whole.ndim < 2 or pivots.ndim != whole.ndim - 1:
        raise ShapeError(f"lu_solve takes the factors and pivots of lu_factor, not tensors of shapes {whole.type.shape} and {pivots.type.shape}")
    check_matrix("lu_solve", whole.type, square=True)
    vector = (b.ndim if b_ndim is None else b_ndim) == 1
    right = _s.expand_dims(b, -1) if vector else b
    order = permutation_of(pivots, whole.shape[-1])
    lower = functools.partial(solve_triangular, whole, lower=True, unit_diagonal=True, b_ndim=2)
    upper = functools.partial(solve_triangular, whole, b_ndim=2)
    if trans:
        found = _rows(lower(upper(right, trans=1), trans=1), argsort(order))
    else:
        found = upper(lower(_rows(right, order)))
    return found[..., 0] if vector else found
