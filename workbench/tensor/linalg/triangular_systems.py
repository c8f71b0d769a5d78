"""Systems of linear equations whose matrix is triangular. Public in `workbench.tensor.linalg`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from workbench.errors import ShapeError
from workbench.graph.expr import Expr, intern
from workbench.graph.frozen import frozen
from workbench.graph.length_names import shape_text
from workbench.graph.lengths import one_length
from workbench.graph.types import TensorType
from workbench.tensor import shape as _s
from workbench.tensor.gufunc import Gufunc, check_matrix, floats
from workbench.tensor.linalg.lapack import solve_triangular_call
from workbench.tensor.linalg.products import matmul, matrix_transpose
from workbench.tensor.linalg.triangular import tril, triu
from workbench.tensor.native_call import NativeCall
from workbench.tensor.tensor import Tensor


def check_solve(what: str, a: TensorType, b: TensorType) -> None:
    """Raise an error unless a matrix and right-hand sides make a system."""
    check_matrix(what, a, square=True)
    check_matrix(what, b)
    n, m = a.shape[-1], b.shape[-2]
    if one_length(n, m) is None:
        raise ShapeError(f"{what}: a right-hand side of shape {shape_text(b.shape)} has {m} rows, the matrix {n}")


def jax_spread(*stacks: Any) -> list[Any]:
    """Return stacks with their leading axes broadcast, which JAX's forms do not do themselves."""
    import jax.numpy as jnp

    batch = jnp.broadcast_shapes(*(x.shape[:-2] for x in stacks))
    return [jnp.broadcast_to(x, (*batch, *x.shape[-2:])) for x in stacks]


@frozen
class SolveTriangular(Gufunc):
    """The solution x of ``a @ x = b`` or ``a.T @ x = b``, where one triangle of a is read."""

    is_lower: bool
    transposed: bool
    unit_diagonal: bool
    name = "solve_triangular"
    cores = (2, 2)

    def infer(self, a: TensorType, b: TensorType) -> TensorType:
        check_solve("solve_triangular", a, b)
        return b.with_shape((*self.batch(a, b), *b.shape[-2:]))

    def numpy(self, a: Any, b: Any) -> Any:
        from scipy.linalg import blas

        # BLAS, unlike LAPACK's and SciPy's function, divides by a zero on the diagonal.
        trsm = blas.strsm if a.dtype == np.float32 else blas.dtrsm
        batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
        a, b = (np.broadcast_to(x, (*batch, *x.shape[-2:])) for x in (a, b))
        result = np.empty(b.shape, b.dtype)
        if result.size == 0:
            return result
        for i in np.ndindex(*batch):
            # In BLAS's column-major eyes the transpose lies there, with the other triangle.
            result[i] = trsm(
                1.0, a[i].T, b[i], lower=not self.is_lower, trans_a=not self.transposed, diag=self.unit_diagonal
            )
        return result

    def jax(self, a: Any, b: Any) -> Any:
        from jax.lax import linalg

        a, b = jax_spread(a, b)
        if b.size == 0:
            return b
        return linalg.triangular_solve(
            a, b, left_side=True, lower=self.is_lower, transpose_a=self.transposed, unit_diagonal=self.unit_diagonal
        )

    def native(self, node: Expr) -> NativeCall | None:
        if self.unit_diagonal:
            return None
        a, b = node.inputs
        return solve_triangular_call(a.type, b.type, self.is_lower, self.transposed)

    def grad(self, node: Expr, cotangent: Tensor) -> Sequence[Expr | None]:
        a, b = node.inputs
        other = SolveTriangular(self.is_lower, not self.transposed, self.unit_diagonal)
        of_b = intern(other, (a, _s.whole(cotangent, node)))
        left, right = (node, of_b) if self.transposed else (of_b, node)
        of_a = -matmul(left, matrix_transpose(right))
        off = 1 if self.unit_diagonal else 0
        of_a = tril(of_a, -off) if self.is_lower else triu(of_a, off)
        return [_s.unbroadcast(of_a, a), _s.unbroadcast(of_b, b)]


def solution(what: str, op: Any, a: Any, b: Any, b_ndim: int | None) -> Tensor:
    """Return `op` of a matrix and right-hand sides, which are vectors or matrices."""
    a, b = floats(what, a, b)
    if b_ndim not in (None, 1, 2):
        raise ValueError(f"{what}: b_ndim is 1 or 2, not {b_ndim}")
    if b.ndim == 0:
        raise ShapeError(f"{what}: the right-hand side is a scalar", "give a vector or matrices")
    if (b_ndim or b.ndim) != 1:
        return intern(op, (a, b))
    # A vector is a matrix of one column.
    return _s.squeeze(intern(op, (a, _s.expand_dims(b, -1))), -1)


def solve_triangular(
    a: Any, b: Any, *, trans: int | str = 0, lower: bool = False, unit_diagonal: bool = False, check_finite: bool = False, b_ndim: int | None = None
) -> Tensor:
    """Return the solution x of ``a @ x = b`` for triangular matrices `a`.

    Parameters
    ----------
    a
        Shape (..., n, n); the other triangle is not read.
    b
        A vector of length n, or matrices of shape (..., n, k).
    trans
        0 or "N" for ``a @ x = b``; 1 or "T" (2 or "C") for ``a.T @ x = b``.
    lower
        Whether the lower triangle of `a` is read; the upper by default, as in SciPy.
    unit_diagonal
        Take the diagonal to be ones, and do not read it.
    check_finite
        Taken for the sake of SciPy's and PyTensor's code.
    b_ndim
        1 if `b` is a stack of vectors; see :func:`solve`.

    Returns
    -------
    Of the shape of `b`, leading axes broadcast; infinite or NaN where the diagonal has a zero.

    Raises
    ------
    ShapeError
        If the shapes do not fit.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> pt.linalg.solve_triangular([[2.0, 0.0], [1.0, 1.0]], [2.0, 3.0], lower=True).eval()
    array([1., 2.])
    """
    if trans not in (0, 1, 2, "N", "T", "C"):
        raise ValueError(f"solve_triangular: trans is 0, 1, 2, 'N', 'T' or 'C', not {trans!r}")
    op = SolveTriangular(bool(lower), trans not in (0, "N"), unit_diagonal)
    return solution("solve_triangular", op, a, b, b_ndim)
