"""Systems of linear equations, and inverses. Public in `workbench.tensor.linalg`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from workbench.errors import ShapeError
from workbench.graph.expr import Expr, intern, results_of
from workbench.graph.frozen import frozen
from workbench.graph.length_names import shape_text
from workbench.graph.lengths import minimum, one_length
from workbench.graph.types import TensorType, TupleType
from workbench.tensor import elementwise as _e
from workbench.tensor import shape as _s
from workbench.tensor.gufunc import Gufunc, check_matrix, floats, nan_where_it_fails, of_results
from workbench.tensor.linalg.decompositions import cholesky, columns, svd
from workbench.tensor.linalg.elimination import solve_call
from workbench.tensor.linalg.products import matmul, matrix_transpose
from workbench.tensor.linalg.triangular_systems import check_solve, jax_spread, solution, solve_triangular
from workbench.tensor.native_call import NativeCall
from workbench.tensor.reduction import reductions as _r
from workbench.tensor.tensor import Tensor, as_tensor


@frozen
class Solve(Gufunc):
    """The solution x of ``a @ x = b``, for matrices b."""

    name = "solve"
    cores = (2, 2)

    def infer(self, a: TensorType, b: TensorType) -> TensorType:
        check_solve("solve", a, b)
        return b.with_shape((*self.batch(a, b), *b.shape[-2:]))

    def numpy(self, a: Any, b: Any) -> Any:
        return nan_where_it_fails(np.linalg.solve, [b.shape[-2:]], a, b)

    def jax(self, a: Any, b: Any) -> Any:
        import jax.numpy as jnp

        a, b = jax_spread(a, b)
        return b if b.size == 0 else jnp.linalg.solve(a, b)

    def native(self, node: Expr) -> NativeCall | None:
        a, b = node.inputs
        return solve_call(a.type, b.type)

    def grad(self, node: Expr, cotangent: Tensor) -> Sequence[Expr | None]:
        a, b = node.inputs
        of_b = solve(matrix_transpose(a), _s.whole(cotangent, node), b_ndim=2)
        return [_s.unbroadcast(-matmul(of_b, matrix_transpose(node)), a), _s.unbroadcast(of_b, b)]


def solve(a: Any, b: Any, assume_a: str = "gen", b_ndim: int | None = None) -> Tensor:
    """Return the solution x of ``a @ x = b``.

    Parameters
    ----------
    a
        Shape (..., n, n).
    b
        A vector of length n, or matrices of shape (..., n, k).
    assume_a
        "gen" for a general matrix; "pos" for a symmetric positive-definite one, of which the lower
        triangle is read.
    b_ndim
        1 if `b` is a stack of vectors, shape (..., n); 2 for matrices. By default only a tensor of
        one axis is a vector, as in NumPy.

    Returns
    -------
    Of the shape of `b`, leading axes broadcast. Where a matrix is singular (or, for "pos", not
    positive definite) the solution has infinite elements or NaN; nothing is raised.

    Raises
    ------
    ShapeError
        If the shapes do not fit.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> pt.linalg.solve([[2.0, 0.0], [0.0, 4.0]], [2.0, 2.0]).eval()
    array([1. , 0.5])
    """
    if assume_a not in ("gen", "pos"):
        raise ValueError(f"solve: assume_a is 'gen' or 'pos', not {assume_a!r}")
    if assume_a == "pos":
        return cho_solve(cholesky(a), b, b_ndim=b_ndim)
    return solution("solve", Solve(), a, b, b_ndim)


def cho_solve(factor: Any, b: Any, lower: bool = True, b_ndim: int | None = None) -> Tensor:
    """Return the solution x of ``a @ x = b``, given a Cholesky factor of `a`.

    Parameters
    ----------
    factor
        Shape (..., n, n): L of ``a = L @ L.T``, or its transpose if not `lower`; or ``(factor, lower)``, as SciPy has it.
    b, b_ndim
        As for :func:`solve`.

    Examples
    --------
    >>> cho_solve(([[2.0, 0.0], [0.0, 1.0]], True), [4.0, 3.0]).eval().tolist()
    [1.0, 3.0]
    """
    if isinstance(factor, tuple):
        if len(factor) != 2 or not isinstance(factor[1], (bool, np.bool_)):
            raise ShapeError("cho_solve takes a factor, or the pair (factor, lower)", "lower is True or False: which triangle the factor is")
        factor, lower = factor
    half = solve_triangular(factor, b, lower=lower, trans=0 if lower else 1, b_ndim=b_ndim)
    # A vector against a stack has become a stack of vectors.
    rank = b_ndim or min(as_tensor(b).ndim, 2)
    return solve_triangular(factor, half, lower=lower, trans=1 if lower else 0, b_ndim=rank)


@frozen
class Lstsq(Gufunc):
    """The least-squares solution, the rank and the singular values."""

    rcond: float | None
    name = "lstsq"
    cores = (2, 2)

    def infer(self, a: TensorType, b: TensorType) -> TupleType:
        check_matrix("lstsq", a)
        check_matrix("lstsq", b)
        (m, n), (rows, k) = a.shape[-2:], b.shape[-2:]
        if one_length(m, rows) is None:
            raise ShapeError(f"lstsq: a right-hand side of shape {shape_text(b.shape)} has {rows} rows, the matrix {m}")
        batch = self.batch(a, b)
        values = a.with_shape((*batch, minimum(m, n)))
        return TupleType((a.with_shape((*batch, n, k)), TensorType("int64", batch), values))

    def numpy(self, a: Any, b: Any) -> Any:
        (m, n), k = a.shape[-2:], b.shape[-1]
        batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
        a, b = (np.broadcast_to(x, (*batch, *x.shape[-2:])) for x in (a, b))
        x = np.full((*batch, n, k), np.nan, a.dtype)
        rank = np.zeros(batch, np.int64)
        values = np.full((*batch, min(m, n)), np.nan, a.dtype)
        for i in np.ndindex(*batch):
            try:
                x[i], _, rank[i], values[i] = np.linalg.lstsq(a[i], b[i], rcond=self.rcond)
            except np.linalg.LinAlgError:
                continue
        return x, rank, values

    def jax(self, a: Any, b: Any) -> Any:
        import jax.numpy as jnp

        a, b = jax_spread(a, b)
        m, n = a.shape[-2:]
        if a.size == 0 or b.size == 0:
            s = jnp.linalg.svd(a, compute_uv=False) if a.size else jnp.zeros((*a.shape[:-2], min(m, n)), a.dtype)
            x = jnp.zeros((*a.shape[:-2], n, b.shape[-1]), a.dtype)
            return x, _jax_rank(s, _cutoff(self.rcond, m, n, a.dtype)).sum(-1), s
        u, s, vt = jnp.linalg.svd(a, full_matrices=False)
        kept = _jax_rank(s, _cutoff(self.rcond, m, n, a.dtype))
        inverse = jnp.where(kept, 1.0 / jnp.where(kept, s, 1.0), 0.0)
        right = jnp.matmul(jnp.swapaxes(u, -1, -2), b, precision="highest")
        x = jnp.matmul(jnp.swapaxes(vt, -1, -2), inverse[..., None] * right, precision="highest")
        # A NaN anywhere leaves no singular value; it must not look like a matrix of zeros.
        x = jnp.where(jnp.isnan(s).any(-1)[..., None, None], jnp.nan, x)
        return x, kept.sum(-1), s

    def grad(self, node: Expr, cotangent: Any) -> Sequence[Expr | None]:
        a, b = node.inputs
        x, _, values = results_of(node)
        gx, _, gs = of_results(node, cotangent)
        of_a = of_b = None
        if gx is not None:
            p = pinv(a, rtol=self.rcond)
            pt_g = matmul(matrix_transpose(p), gx)
            of_b = _s.unbroadcast(pt_g, b)
            missed = b - matmul(a, x)
            free = gx - matmul(matrix_transpose(a), pt_g)
            of_a = -matmul(pt_g, matrix_transpose(x))
            of_a = of_a + matmul(missed, matrix_transpose(matmul(p, pt_g)))
            of_a = of_a + matmul(matmul(matrix_transpose(p), x), matrix_transpose(free))
        if gs is not None:
            u, _, vt = svd(a, full_matrices=False)
            more = matmul(columns(u, gs), vt)
            of_a = more if of_a is None else of_a + more
        return [None if of_a is None else _s.unbroadcast(of_a, a), of_b]


def _cutoff(rcond: float | None, m: int, n: int, dtype: Any) -> float:
    return max(m, n) * float(np.finfo(dtype).eps) if rcond is None else rcond


def _jax_rank(s: Any, rcond: float) -> Any:
    return s > rcond * s[..., :1]


class LstsqResult(NamedTuple):
    """What :func:`lstsq` returns.

    Examples
    --------
    >>> pt.linalg.lstsq([[1.0], [1.0]], [2.0, 4.0]).solution.eval().round(4).tolist()
    [3.0]
    """

    solution: Tensor
    residuals: Tensor
    rank: Tensor
    singular_values: Tensor


def lstsq(a: Any, b: Any, rcond: float | None = None, b_ndim: int | None = None) -> LstsqResult:
    """Return the x of least norm that minimises the squared length of ``b - a @ x``.

    Parameters
    ----------
    a
        Shape (..., m, n).
    b
        A vector of length m, or matrices of shape (..., m, k).
    rcond
        Singular values below `rcond` times the largest count as zero; by default max(m, n) times the
        dtype's precision.
    b_ndim
        1 if `b` is a stack of vectors; see :func:`solve`.

    Returns
    -------
    The solution; the sums of squared residuals, one a column (NumPy leaves them out where the rank
    is not n or m <= n: a shape must not depend on values); the ranks; the singular values of `a`.
    The gradient of the solution supposes that the rank does not change.

    Raises
    ------
    ShapeError
        If the shapes do not fit.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> pt.linalg.lstsq([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]], [1.0, 3.0, 5.0]).solution.eval().round(12)
    array([1., 2.])
    """
    a, b = floats("lstsq", a, b)
    if b.ndim == 0:
        raise ShapeError("lstsq: the right-hand side is a scalar", "give a vector or matrices")
    one = (b_ndim or b.ndim) == 1
    right = _s.expand_dims(b, -1) if one else b
    x, rank, values = results_of(intern(Lstsq(rcond), (a, right)))
    residuals = _r.sum(_e.square(right - matmul(a, x)), axis=-2)
    if one:
        x, residuals = _s.squeeze(x, -1), _s.squeeze(residuals, -1)
    return LstsqResult(x, residuals, rank, values)


# Inverses -------------------------------------------------------------------------------------


@frozen
class Inv(Gufunc):
    """The inverse of square matrices."""

    name = "inv"

    def infer(self, x: TensorType) -> TensorType:
        check_matrix("inv", x, square=True)
        return x

    def numpy(self, x: Any) -> Any:
        return nan_where_it_fails(np.linalg.inv, [x.shape[-2:]], x)

    def jax(self, x: Any) -> Any:
        import jax.numpy as jnp

        return jnp.linalg.inv(x) if x.size else x

    def grad(self, node: Expr, cotangent: Tensor) -> Sequence[Expr | None]:
        t = matrix_transpose(node)
        return [-matmul(matmul(t, _s.whole(cotangent, node)), t)]


def inv(x: Any) -> Tensor:
    """Return the inverse of square matrices; infinite elements or NaN for a singular one.

    Parameters
    ----------
    x
        Shape (..., n, n).

    Raises
    ------
    ShapeError
        If the matrices are not square.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> pt.linalg.inv([[2.0, 0.0], [0.0, 4.0]]).eval()
    array([[0.5 , 0.  ],
           [0.  , 0.25]])
    """
    (x,) = floats("inv", x)
    return intern(Inv(), (x,))


@frozen
class PInv(Gufunc):
    """The Moore-Penrose inverse."""

    rtol: float | None
    name = "pinv"

    def infer(self, x: TensorType) -> TensorType:
        check_matrix("pinv", x)
        return x.with_shape((*x.shape[:-2], x.shape[-1], x.shape[-2]))

    def numpy(self, x: Any) -> Any:
        m, n = x.shape[-2:]
        rtol = _cutoff(self.rtol, m, n, x.dtype)
        return nan_where_it_fails(lambda x: np.linalg.pinv(x, rcond=rtol), [(n, m)], x)

    def jax(self, x: Any) -> Any:
        import jax.numpy as jnp

        m, n = x.shape[-2:]
        return jnp.linalg.pinv(x, rtol=_cutoff(self.rtol, m, n, x.dtype)) if x.size else jnp.swapaxes(x, -1, -2)

    def grad(self, node: Expr, cotangent: Tensor) -> Sequence[Expr | None]:
        # Golub and Pereyra (1973), for a rank that does not change.
        (a,) = node.inputs
        assert isinstance(node, Tensor)
        p, pt, gt = node, matrix_transpose(node), matrix_transpose(_s.whole(cotangent, node))
        first = matmul(matmul(gt, p), pt)
        second = matmul(matmul(pt, p), gt)
        total = -matmul(matmul(pt, matrix_transpose(gt)), pt)
        total = total + first - matmul(a, matmul(p, first))
        return [total + second - matmul(matmul(second, p), a)]


def pinv(x: Any, rtol: float | None = None) -> Tensor:
    """Return the Moore-Penrose inverse of matrices.

    Parameters
    ----------
    x
        Shape (..., m, n).
    rtol
        Singular values up to `rtol` times the largest count as zero; by default max(m, n) times the
        dtype's precision.

    Returns
    -------
    Shape (..., n, m). The gradient supposes that the rank does not change.

    Raises
    ------
    ShapeError
        If `x` has fewer than two axes.

    Examples
    --------
    >>> pt.linalg.pinv([[2.0, 0.0], [0.0, 4.0]]).eval().round(4).tolist()
    [[0.5, 0.0], [0.0, 0.25]]
    """
    (x,) = floats("pinv", x)
    return intern(PInv(rtol), (x,))
