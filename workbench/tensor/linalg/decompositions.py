"""Matrix factorisations: Cholesky, QR, singular values. Public in `workbench.tensor.linalg`.

Gradients follow Giles (2008), "Collected matrix derivative results for forward and reverse mode
algorithmic differentiation", Murray (2016), "Differentiation of the Cholesky decomposition", and
Roberts and Roberts (2020), "QR and LQ decomposition matrix backpropagation algorithms for square,
wide, and deep matrices".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from workbench.errors import GradientError
from workbench.graph.expr import Expr, intern, results_of
from workbench.graph.frozen import frozen
from workbench.graph.lengths import at_least, minimum
from workbench.graph.types import TensorType, TupleType
from workbench.tensor import elementwise as _e
from workbench.tensor import shape as _s
from workbench.tensor.gufunc import Gufunc, check_matrix, floats, nan_where_it_fails, of_results
from workbench.tensor.linalg.diagonal import eye
from workbench.tensor.linalg.lapack import cholesky_call, inverse_from_factor_call
from workbench.tensor.linalg.products import matmul, matrix_transpose
from workbench.tensor.linalg.triangular import Triangle, tril, triu
from workbench.tensor.linalg.triangular_systems import solve_triangular
from workbench.tensor.native_call import NativeCall
from workbench.tensor.shape.joining import concatenate
from workbench.tensor.tensor import Tensor, tensor


def columns(x: Tensor, scale: Tensor) -> Tensor:
    """Return matrices with column j times ``scale[..., j]``."""
    return x * _s.expand_dims(scale, -2)


def half_of_lower(x: Tensor) -> Tensor:
    """The lower triangle, with half the diagonal."""
    return 0.5 * (tril(x) + tril(x, -1))


def gaps(values: Tensor) -> Tensor:
    """``1 / (values[j] - values[i])`` at (i, j), zero on the diagonal."""
    apart = _s.expand_dims(values, -2) - _s.expand_dims(values, -1)
    one = eye(values.shape[-1], dtype=values.dtype)
    # Ones stand on the diagonal while it divides: infinity there would be NaN in the next derivative.
    return 1.0 / (apart + one) - one


def of_lower(s: Tensor) -> Tensor:
    """The cotangent of the lower triangle that was read, from that of the symmetric matrix it stands for."""
    return half_of_lower(s + matrix_transpose(s))


# Cholesky -------------------------------------------------------------------------------------


@frozen
class Cholesky(Gufunc):
    """The lower Cholesky factor; reads the lower triangle only; NaN where there is none."""

    name = "cholesky"

    def infer(self, x: TensorType) -> TensorType:
        check_matrix("cholesky", x, square=True)
        return x

    def numpy(self, x: Any) -> Any:
        factor = nan_where_it_fails(np.linalg.cholesky, [x.shape[-2:]], x)
        failed = np.isnan(np.diagonal(factor, axis1=-2, axis2=-1)).any(-1)
        return np.where(failed[..., None, None], np.nan, factor) if failed.any() else factor

    def jax(self, x: Any) -> Any:
        import jax.numpy as jnp
        from jax.lax import linalg

        if x.size == 0:
            return x
        factor = linalg.cholesky(x, symmetrize_input=False)
        failed = jnp.isnan(jnp.diagonal(factor, axis1=-2, axis2=-1)).any(-1)
        return jnp.where(failed[..., None, None], jnp.nan, factor)

    def native(self, node: Expr) -> NativeCall | None:
        return cholesky_call(node.inputs[0].type)

    def grad(self, node: Expr, cotangent: Tensor) -> Sequence[Expr | None]:
        return [intern(CholeskyGradient(), (node, _s.whole(cotangent, node)))]


@frozen
class CholeskyGradient(Gufunc):
    """The cotangent of matrices, from their lower Cholesky factors and the cotangents of these."""

    name = "cholesky_gradient"
    cores = (2, 2)

    def infer(self, factor: TensorType, cotangent: TensorType) -> TensorType:
        return factor.with_shape((*self.batch(factor, cotangent), *factor.shape[-2:]))

    def loop(self, factor: Tensor, cotangent: Tensor) -> Tensor:
        """As other operations: inv(L).T @ half(L.T @ cotangent) @ inv(L), and its transpose added."""
        inner = half_of_lower(matmul(matrix_transpose(factor), tril(cotangent)))
        s = matrix_transpose(_against(factor, matrix_transpose(_against(factor, inner))))
        return of_lower(s)

    def numpy(self, factor: Any, cotangent: Any) -> Any:
        return _written_out(self, "numpy", factor, cotangent)

    def jax(self, factor: Any, cotangent: Any) -> Any:
        return _written_out(self, "jax", factor, cotangent)

    def grad(self, node: Expr, cotangent: Tensor) -> Sequence[Expr | None]:
        factor, g = node.inputs
        w = half_of_lower(_s.whole(cotangent, node))
        w = w + matrix_transpose(w)
        left = solve_triangular(factor, w, lower=True, b_ndim=2)
        of_inner = half_of_lower(solve_triangular(factor, matrix_transpose(left), lower=True, b_ndim=2))
        both = node + matrix_transpose(node)  # type: ignore[operator]
        of_factor = matmul(tril(g), matrix_transpose(of_inner)) - matmul(both, matrix_transpose(left))
        return [_s.unbroadcast(tril(of_factor), factor), _s.unbroadcast(tril(matmul(factor, of_inner)), g)]


def _against(factor: Tensor, x: Tensor) -> Tensor:
    """inv(L).T @ x."""
    return solve_triangular(factor, x, lower=True, trans=1, b_ndim=2)


def _written_out(op: Any, backend: str, *values: Any) -> Any:
    """What `op.loop` says, of arrays."""
    from workbench.graph.inner import Graph

    inputs = [tensor(dtype=str(v.dtype), shape=tuple(v.shape)) for v in values]
    return Graph(inputs, [op.loop(*inputs)]).run(backend, *values)[0]


@frozen
class InverseFromFactor(Gufunc):
    """The inverse of ``L @ L.T``, from the lower triangles L."""

    name = "inverse_from_factor"

    def infer(self, factor: TensorType) -> TensorType:
        check_matrix(self.name, factor, square=True)
        return factor

    def loop(self, factor: Tensor) -> Tensor:
        """As other operations."""
        identity = _s.broadcast_like(eye(factor.shape[-1], dtype=factor.dtype), factor)
        return _against(factor, solve_triangular(factor, identity, lower=True, b_ndim=2))

    def numpy(self, factor: Any) -> Any:
        return _written_out(self, "numpy", factor)

    def jax(self, factor: Any) -> Any:
        return _written_out(self, "jax", factor)

    def native(self, node: Expr) -> NativeCall | None:
        return inverse_from_factor_call(node.inputs[0].type)

    def grad(self, node: Expr, cotangent: Tensor) -> Sequence[Expr | None]:
        g = _s.whole(cotangent, node)
        return [-tril(matmul(matmul(matmul(node, g + matrix_transpose(g)), node), node.inputs[0]))]  # type: ignore[arg-type]


def cholesky(x: Any, lower: bool = True, upper: bool = False) -> Tensor:
    """Return the Cholesky factor of symmetric positive-definite matrices.

    Parameters
    ----------
    x
        Shape (..., n, n); only the lower triangle is read.
    lower
        Return L with ``x = L @ L.T``; else its transpose.
    upper
        Read the upper triangle, and return U with ``x = U.T @ U``, as NumPy.

    Returns
    -------
    Triangular matrices of the shape of `x`; NaN throughout for one that is not positive definite,
    on every backend: to a sampler a divergence, not an error.

    Raises
    ------
    ShapeError
        If the matrices are not square.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> pt.linalg.cholesky([[4.0, 2.0], [2.0, 10.0]]).eval()
    array([[2., 0.],
           [1., 3.]])
    """
    (x,) = floats("cholesky", x)
    if upper:
        return matrix_transpose(cholesky(matrix_transpose(x)))
    factor: Tensor = intern(Cholesky(), (x,))
    return factor if lower else matrix_transpose(factor)


# QR -------------------------------------------------------------------------------------------


@frozen
class QR(Gufunc):
    """Orthonormal columns and a triangle; all columns of Q if `complete`."""

    complete: bool
    name = "qr"

    def infer(self, x: TensorType) -> TupleType:
        check_matrix("qr", x)
        m, n = x.shape[-2:]
        k = m if self.complete else minimum(m, n)
        return TupleType((x.with_shape((*x.shape[:-2], m, k)), x.with_shape((*x.shape[:-2], k, n))))

    def numpy(self, x: Any) -> Any:
        return tuple(np.linalg.qr(x, mode="complete" if self.complete else "reduced"))

    def jax(self, x: Any) -> Any:
        import jax.numpy as jnp

        return tuple(jnp.linalg.qr(x, mode="complete" if self.complete else "reduced"))

    def grad(self, node: Expr, cotangent: Any) -> Sequence[Expr | None]:
        (x,) = node.inputs
        m, n = x.type.shape[-2:]
        if self.complete and not at_least(n, m):
            raise GradientError(
                f"no gradient is known through qr(mode='complete') of {m} by {n} matrices: "
                "the columns of Q beyond R are arbitrary", "use mode='reduced'",
            )  # fmt: skip
        q, r = results_of(node)
        gq, gr = (_s.zeros_like(y) if g is None else g for g, y in zip(of_results(node, cotangent), (q, r)))
        if at_least(m, n):
            return [_qr_gradient(q, r, gq, triu(gr))]
        # x = [first | rest]: Q and the square part of R factor `first`; the rest of R is Q.T @ rest (of no columns, where m >= n).
        k = _s.extent(r, r.ndim - 2)
        rest, gr_rest = x[..., k:], gr[..., k:]
        first = _qr_gradient(q, r[..., :k], gq + matmul(rest, matrix_transpose(gr_rest)), triu(gr[..., :k]))
        return [concatenate([first, matmul(q, gr_rest)], axis=-1)]


def _qr_gradient(q: Tensor, r: Tensor, gq: Tensor, gr: Tensor) -> Tensor:
    m = matmul(r, matrix_transpose(gr)) - matmul(matrix_transpose(gq), q)
    right = gq + matmul(q, tril(m) + matrix_transpose(tril(m, -1)))
    return matrix_transpose(solve_triangular(r, matrix_transpose(right), lower=False, b_ndim=2))


class QRResult(NamedTuple):
    """What :func:`qr` returns.

    Examples
    --------
    >>> pt.linalg.qr([[2.0, 0.0], [0.0, 3.0]]).R.type.shape
    (2, 2)
    """

    Q: Tensor
    R: Tensor


def qr(x: Any, mode: str = "reduced") -> Any:
    """Return the QR factorisation ``x = Q @ R``: orthonormal columns, and an upper triangle.

    Parameters
    ----------
    x
        Shape (..., m, n).
    mode
        "reduced": Q is (..., m, k), R (..., k, n), with k the smaller of m and n; "complete": Q is
        (..., m, m); "r": R of the reduced form alone.

    Returns
    -------
    ``(Q, R)``, or R. The gradient needs full rank in the first k columns, and for "complete" m <= n.

    Raises
    ------
    ShapeError
        If `x` has fewer than two axes.

    Examples
    --------
    >>> [x.type.shape for x in pt.linalg.qr([[1.0, 2.0], [3.0, 5.0]])]
    [(2, 2), (2, 2)]
    """
    if mode not in ("reduced", "complete", "r"):
        raise ValueError(f"qr has no mode {mode!r}; choose 'reduced', 'complete' or 'r'")
    (x,) = floats("qr", x)
    result = QRResult(*results_of(intern(QR(mode == "complete"), (x,))))
    return result.R if mode == "r" else result


# Singular values ------------------------------------------------------------------------------


@frozen
class SVD(Gufunc):
    """U, the singular values in descending order, and V transposed."""

    full_matrices: bool
    name = "svd"

    def infer(self, x: TensorType) -> TupleType:
        check_matrix("svd", x)
        *batch, m, n = x.shape
        k = minimum(m, n)
        rows, cols = (m, n) if self.full_matrices else (k, k)
        return TupleType(tuple(x.with_shape((*batch, *core)) for core in ((m, rows), (k,), (cols, n))))

    def numpy(self, x: Any) -> Any:
        m, n = x.shape[-2:]
        k = min(m, n)
        rows, cols = (m, n) if self.full_matrices else (k, k)
        made = nan_where_it_fails(
            lambda x: tuple(np.linalg.svd(x, full_matrices=self.full_matrices)), [(m, rows), (k,), (cols, n)], x
        )
        return tuple(made)

    def jax(self, x: Any) -> Any:
        import jax.numpy as jnp

        return tuple(jnp.linalg.svd(x, full_matrices=self.full_matrices))

    def grad(self, node: Expr, cotangent: Any) -> Sequence[Expr | None]:
        u, s, vt = results_of(node)
        gu, gs, gvt = of_results(node, cotangent)
        (x,) = node.inputs
        if self.full_matrices and x.type.shape[-1] != x.type.shape[-2]:
            if gu is not None or gvt is not None:
                raise GradientError(
                    "no gradient is known through the singular vectors of svd(full_matrices=True): "
                    "those beyond the singular values are arbitrary", "use full_matrices=False",
                )  # fmt: skip
        if self.full_matrices and gu is None and gvt is None:
            u, s, vt = results_of(intern(SVD(False), (x,)))
        if gu is None and gvt is None:
            assert gs is not None
            return [matmul(columns(u, gs), vt)]
        gu = _s.zeros_like(u) if gu is None else gu
        gv = matrix_transpose(_s.zeros_like(vt) if gvt is None else gvt)
        v, ut = matrix_transpose(vt), matrix_transpose(u)
        turns = gaps(_e.square(s))
        of_u, of_v = matmul(ut, gu), matmul(vt, gv)
        inside = columns(turns * (of_u - matrix_transpose(of_u)), s)
        inside = inside + turns * (of_v - matrix_transpose(of_v)) * _s.expand_dims(s, -1)
        total = matmul(matmul(u, inside), vt)
        if gs is not None:
            total = total + matmul(columns(u, gs), vt)
        # What turns the thin vectors out of the space that they span; square ones span it all.
        m, n = x.type.shape[-2:]
        if not at_least(n, m):
            total = total + matmul(columns(gu - matmul(u, of_u), 1.0 / s), vt)
        if not at_least(m, n):
            total = total + matmul(u, matrix_transpose(columns(gv - matmul(v, of_v), 1.0 / s)))
        return [total]


@frozen
class SingularValues(Gufunc):
    """The singular values in descending order, without the vectors."""

    name = "singular_values"

    def infer(self, x: TensorType) -> TensorType:
        check_matrix("singular_values", x)
        return x.with_shape((*x.shape[:-2], minimum(*x.shape[-2:])))

    def numpy(self, x: Any) -> Any:
        return nan_where_it_fails(lambda x: np.linalg.svd(x, compute_uv=False), [(min(x.shape[-2:]),)], x)

    def jax(self, x: Any) -> Any:
        import jax.numpy as jnp

        return jnp.linalg.svd(x, compute_uv=False)

    def grad(self, node: Expr, cotangent: Tensor) -> Sequence[Expr | None]:
        u, _, vt = results_of(intern(SVD(False), node.inputs))
        return [matmul(columns(u, _s.whole(cotangent, node)), vt)]


class SVDResult(NamedTuple):
    """What :func:`svd` returns.

    Examples
    --------
    >>> pt.linalg.svd([[2.0, 0.0], [0.0, 3.0]]).S.eval().tolist()
    [3.0, 2.0]
    """

    U: Tensor
    S: Tensor
    Vh: Tensor


def svd(x: Any, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    """Return the singular value decomposition ``x = (U * S[..., None, :]) @ Vh``.

    Parameters
    ----------
    x
        Shape (..., m, n).
    full_matrices
        Return all of U (m by m) and Vh (n by n), not only the first min(m, n) vectors.
    compute_uv
        Return the vectors, not the singular values alone.

    Returns
    -------
    ``(U, S, Vh)``, or S: descending, shape (..., min(m, n)). NaN where the algorithm fails. The
    gradient through the vectors needs distinct singular values, above zero unless the matrix is
    square; through S it always exists where they are distinct.

    Raises
    ------
    ShapeError
        If `x` has fewer than two axes.

    Examples
    --------
    >>> pt.linalg.svd([[1.0, 2.0], [3.0, 5.0]])[1].eval().round(4).tolist()
    [6.2429, 0.1602]
    """
    (x,) = floats("svd", x)
    result = SVDResult(*results_of(intern(SVD(full_matrices and compute_uv), (x,))))
    return result if compute_uv else result.S


__all__ = [
    "QR", "SVD", "Cholesky", "QRResult", "SingularValues", "SVDResult", "Triangle", "cholesky", "columns", "gaps", "of_lower", "qr", "svd", "tril", "triu",
]  # fmt: skip
