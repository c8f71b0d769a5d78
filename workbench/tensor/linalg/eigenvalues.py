"""Eigenvalues and eigenvectors, of symmetric and of general matrices. Public in `workbench.tensor.linalg`.

Gradients follow Giles (2008), "Collected matrix derivative results for forward and reverse mode algorithmic
differentiation", and, of general matrices, Boeddeker et al. (2019), "On the computation of complex-valued gradients".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from workbench.graph.expr import Expr, intern, results_of
from workbench.graph.frozen import frozen
from workbench.graph.types import TensorType, TupleType
from workbench.tensor import elementwise as _e
from workbench.tensor import shape as _s
from workbench.tensor.gufunc import Gufunc, check_matrix, floats, nan_where_it_fails, of_results
from workbench.tensor.linalg.decompositions import columns, gaps, of_lower
from workbench.tensor.linalg.diagonal import eye
from workbench.tensor.linalg.linear_systems import inv
from workbench.tensor.linalg.products import matmul, matrix_transpose
from workbench.tensor.reduction import reductions as _r
from workbench.tensor.shape.joining import concatenate
from workbench.tensor.tensor import Tensor


@frozen
class Eigh(Gufunc):
    """Eigenvalues, ascending, and eigenvectors of the symmetric matrix given by its lower triangle."""

    name = "eigh"

    def infer(self, x: TensorType) -> TupleType:
        check_matrix("eigh", x, square=True)
        return TupleType((x.with_shape(x.shape[:-1]), x))

    def numpy(self, x: Any) -> Any:
        n = x.shape[-1]
        return tuple(nan_where_it_fails(lambda x: tuple(np.linalg.eigh(x)), [(n,), (n, n)], x))

    def jax(self, x: Any) -> Any:
        import jax.numpy as jnp

        lower = jnp.tril(x)
        return tuple(jnp.linalg.eigh(lower + jnp.swapaxes(jnp.tril(x, -1), -1, -2), symmetrize_input=False))

    def grad(self, node: Expr, cotangent: Any) -> Sequence[Expr | None]:
        w, v = results_of(node)
        gw, gv = of_results(node, cotangent)
        vt = matrix_transpose(v)
        total = None
        if gw is not None:
            total = matmul(columns(v, gw), vt)
        if gv is not None:
            turned = matmul(matmul(v, gaps(w) * matmul(vt, gv)), vt)
            total = turned if total is None else total + turned
        assert total is not None
        return [of_lower(total)]


class EighResult(NamedTuple):
    """What :func:`eigh` returns.

    Examples
    --------
    >>> pt.linalg.eigh([[2.0, 0.0], [0.0, 3.0]]).eigenvalues.eval().tolist()
    [2.0, 3.0]
    """

    eigenvalues: Tensor
    eigenvectors: Tensor


def eigh(x: Any, UPLO: str = "L") -> EighResult:
    """Return the eigenvalues and eigenvectors of symmetric matrices.

    Parameters
    ----------
    x
        Shape (..., n, n).
    UPLO
        Which triangle is read: "L", the lower, or "U".

    Returns
    -------
    Eigenvalues, ascending, shape (..., n); eigenvectors as columns, shape (..., n, n). NaN where
    the algorithm fails. The gradient through the vectors needs distinct eigenvalues.

    Raises
    ------
    ShapeError
        If the matrices are not square.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> pt.linalg.eigh([[2.0, 1.0], [1.0, 2.0]]).eigenvalues.eval().round(12)
    array([1., 3.])
    """
    if UPLO not in ("L", "U"):
        raise ValueError(f"eigh: UPLO is 'L' or 'U', not {UPLO!r}")
    (x,) = floats("eigh", x)
    check_matrix("eigh", x.type, square=True)
    return EighResult(*results_of(intern(Eigh(), (x if UPLO == "L" else matrix_transpose(x),))))


def eigvalsh(x: Any, UPLO: str = "L") -> Tensor:
    """Return the eigenvalues of symmetric matrices, ascending: shape (..., n). See :func:`eigh`.

    Examples
    --------
    >>> pt.linalg.eigvalsh([[2.0, 1.0], [1.0, 2.0]]).eval().round(4).tolist()
    [1.0, 3.0]
    """
    return eigh(x, UPLO).eigenvalues


@frozen
class Eig(Gufunc):
    """Eigenvalues and eigenvectors of general matrices: real parts and imaginary parts."""

    name = "eig"

    def infer(self, x: TensorType) -> TupleType:
        check_matrix("eig", x, square=True)
        values = x.with_shape(x.shape[:-1])
        return TupleType((values, values, x, x))

    def numpy(self, x: Any) -> Any:
        n = x.shape[-1]

        def parts(x: Any) -> tuple[Any, ...]:
            w, v = np.linalg.eig(x)
            return tuple(np.ascontiguousarray(p) for p in (np.real(w), np.imag(w), np.real(v), np.imag(v)))

        return nan_where_it_fails(parts, [(n,), (n,), (n, n), (n, n)], x)

    def jax(self, x: Any) -> Any:
        import jax.numpy as jnp

        w, v = jnp.linalg.eig(x)
        return tuple(p.astype(x.dtype) for p in (w.real, w.imag, v.real, v.imag))

    def grad(self, node: Expr, cotangent: Any) -> Sequence[Expr | None]:
        """Of dL = Re tr(P^H V^-1 dA V), with P from the cotangents of the values and of the vectors.

        The vectors are those of LAPACK: of length 1, the largest element of each real.
        """
        wr, wi, vr, vi = results_of(node)
        gwr, gwi, gvr, gvi = of_results(node, cotangent)
        v = Pair(vr, vi)
        p = Pair(_diagonal(wr, gwr), _diagonal(wi, gwi))
        if gvr is not None or gvi is not None:
            p = p + _of_vectors(Pair(wr, wi), v, Pair(*(_s.zeros_like(vr) if g is None else g for g in (gvr, gvi))))
        # V^-H P V^H; the inverse of a complex matrix is that of [[re, -im], [im, re]].
        n = _s.extent(vr, vr.ndim - 1)
        whole = concatenate([concatenate([vr, -vi], axis=-1), concatenate([vi, vr], axis=-1)], axis=-2)
        back = inv(whole)
        inverse = Pair(back[..., :n, :n], back[..., n:, :n])
        return [(inverse.H @ p @ v.H).re]


class Pair(NamedTuple):
    """Complex matrices: real parts and imaginary parts."""

    re: Tensor
    im: Tensor

    def __add__(self, other: Any) -> Pair:
        return Pair(self.re + other.re, self.im + other.im)

    def __matmul__(self, other: Pair) -> Pair:
        re = matmul(self.re, other.re) - matmul(self.im, other.im)
        return Pair(re, matmul(self.re, other.im) + matmul(self.im, other.re))

    @property
    def H(self) -> Pair:
        """The conjugate transpose."""
        return Pair(matrix_transpose(self.re), -matrix_transpose(self.im))


def _diagonal(like: Tensor, g: Tensor | None) -> Tensor:
    values = _s.zeros_like(like) if g is None else g
    return _identity(like) * _s.expand_dims(values, -2)


def _identity(w: Tensor) -> Tensor:
    return eye(_s.extent(w, w.ndim - 1), dtype=w.dtype)


def _of_vectors(w: Pair, v: Pair, g: Pair) -> Pair:
    """P for the cotangents `g` of the vectors: V^H W / conj(w_j - w_i) off the diagonal.

    W is `g` less what the length 1, and the real largest element, take back.
    """
    along = Pair(_r.sum(g.re * v.re + g.im * v.im, axis=-2, keepdims=True), _r.sum(g.re * v.im - g.im * v.re, axis=-2, keepdims=True))
    sizes = _e.square(v.re) + _e.square(v.im)
    largest = _e.equal(_s.expand_dims(_s.arange(_s.extent(v.re, v.re.ndim - 2)), 1), _r.argmax(sizes, axis=-2, keepdims=True))
    turned = _e.where(largest, along.im / _e.where(largest, v.re, 1.0), 0.0)
    left = v.H @ Pair(g.re - along.re * v.re, g.im - along.re * v.im + turned)
    apart = Pair(*(_s.expand_dims(part, -2) - _s.expand_dims(part, -1) for part in w))
    square = _e.square(apart.re) + _e.square(apart.im) + _identity(w.re)
    # x / conj(d) = x d / |d|^2, and 0 on the diagonal.
    re = (left.re * apart.re - left.im * apart.im) / square
    return Pair(re, (left.re * apart.im + left.im * apart.re) / square)


class EigResult(NamedTuple):
    """What :func:`eig` returns.

    Examples
    --------
    >>> pt.linalg.eig([[2.0, 0.0], [0.0, 3.0]])._fields
    ('real_eigenvalues', 'imag_eigenvalues', 'real_eigenvectors', 'imag_eigenvectors')
    """

    real_eigenvalues: Tensor
    imag_eigenvalues: Tensor
    real_eigenvectors: Tensor
    imag_eigenvectors: Tensor


def eig(x: Any) -> EigResult:
    """Return the eigenvalues and eigenvectors of general square matrices, as real and imaginary parts.

    There is no complex dtype here, so every complex result comes as two real ones. For symmetric matrices use
    :func:`eigh`. The gradient needs distinct eigenvalues.

    Parameters
    ----------
    x
        Shape (..., n, n).

    Returns
    -------
    Real parts and imaginary parts of the eigenvalues, shape (..., n), in no order; and of the
    eigenvectors, as columns of length 1, shape (..., n, n). NaN where the algorithm fails.

    Raises
    ------
    ShapeError
        If the matrices are not square.

    Examples
    --------
    >>> pt.linalg.eig([[2.0, 0.0], [0.0, 3.0]])[0].type.shape
    (2,)
    """
    (x,) = floats("eig", x)
    return EigResult(*results_of(intern(Eig(), (x,))))


__all__ = ["Eig", "EigResult", "Eigh", "EighResult", "eig", "eigh", "eigvalsh"]
