"""Linear algebra on the last two axes, batched over the leading ones, in the names of ``numpy.linalg``.

Nothing here raises for the values of a matrix: what does not exist is NaN or infinite, on every
backend and for that matrix of a stack alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from workbench.errors import ShapeError
from workbench.graph.expr import Expr, intern, results_of
from workbench.graph.types import TensorType, TupleType
from workbench.tensor import elementwise as _e
from workbench.tensor.gufunc import Gufunc, check_matrix, floats, of_results
from workbench.tensor.linalg.decompositions import (
    QRResult,
    SVDResult,
    cholesky,
    qr,
    svd,
)  # fmt: skip
from workbench.tensor.linalg.diagonal import Diagonal, eye
from workbench.tensor.linalg.eigenvalues import EighResult, EigResult, eig, eigh, eigvalsh
from workbench.tensor.linalg.linear_systems import LstsqResult, cho_solve, inv, lstsq, pinv, solve, solve_triangular
from workbench.tensor.linalg.products import matmul, matrix_transpose
from workbench.tensor.reduction import reductions as _r
from workbench.tensor.shape import reshaping as _s
from workbench.tensor.shape import run_time_shape as _u
from workbench.tensor.shape.joining import concatenate
from workbench.tensor.tensor import Tensor, as_tensor

# Determinants ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Det(Gufunc):
    """The determinant."""

    name = "det"

    def infer(self, x: TensorType) -> TensorType:
        check_matrix("det", x, square=True)
        return x.with_shape(x.shape[:-2])

    def numpy(self, x: Any) -> Any:
        return np.asarray(np.linalg.det(x))

    def jax(self, x: Any) -> Any:
        import jax.numpy as jnp

        return jnp.linalg.det(x) if x.shape[-1] else jnp.ones(x.shape[:-2], x.dtype)

    def grad(self, node: Expr, cotangent: Tensor) -> Sequence[Expr | None]:
        (x,) = node.inputs
        g = _s.whole(cotangent, node)
        regular = _spread(g * node) * matrix_transpose(inv(x))
        return [_e.where(_spread(_e.equal(node, 0.0)), _spread(g) * _cofactors_of_singular(x, node), regular)]


def _cofactors_of_singular(x: Any, determinant: Any) -> Tensor:
    """The cofactors of those matrices of a stack whose determinant is zero, by their singular values; computed where there are any."""
    from workbench.tensor.control.flow import cond

    def by_singular_values(x: Any, determinant: Any) -> list[Tensor]:
        u, s, vt = svd(_e.where(_spread(_e.equal(determinant, 0.0)), x, eye(x.shape[-1], dtype=x.dtype)))
        others = _s.expand_dims(_r.product_of_others(s, (s.ndim - 1,)), -2)
        return [_spread(det(u) * det(vt)) * matmul(u * others, vt)]

    found: list[Tensor] = cond(_r.any(_e.equal(determinant, 0.0)), by_singular_values, lambda x, _: [_s.zeros_like(x)], [x, determinant])
    return found[0]


def _spread(x: Tensor) -> Tensor:
    """One number for each matrix, with the axes of a matrix."""
    return _s.expand_dims(_s.expand_dims(x, -1), -1)


def det(x: Any) -> Tensor:
    """Return the determinant of square matrices: shape (...).

    The gradient is that of the cofactors, also where the determinant is zero; second derivatives are NaN there.

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
    >>> round(float(pt.linalg.det([[2.0, 0.0], [0.0, 4.0]]).eval()), 12)
    8.0
    """
    (x,) = floats("det", x)
    return intern(Det(), (x,))


@dataclass(frozen=True)
class SlogDet(Gufunc):
    """The sign of the determinant and the logarithm of its size."""

    name = "slogdet"

    def infer(self, x: TensorType) -> TupleType:
        check_matrix("slogdet", x, square=True)
        one = x.with_shape(x.shape[:-2])
        return TupleType((one, one))

    def numpy(self, x: Any) -> Any:
        return tuple(np.asarray(part) for part in np.linalg.slogdet(x))

    def jax(self, x: Any) -> Any:
        import jax.numpy as jnp

        if x.shape[-1] == 0:
            return jnp.ones(x.shape[:-2], x.dtype), jnp.zeros(x.shape[:-2], x.dtype)
        return tuple(jnp.linalg.slogdet(x))

    def grad(self, node: Expr, cotangent: Any) -> Sequence[Expr | None]:
        (x,) = node.inputs
        of_log = of_results(node, cotangent)[1]
        return [None if of_log is None else _spread(of_log) * matrix_transpose(inv(x))]


class SlogDetResult(NamedTuple):
    """What :func:`slogdet` returns."""

    sign: Tensor
    logabsdet: Tensor


def slogdet(x: Any) -> SlogDetResult:
    """Return the sign of the determinant of square matrices and the logarithm of its absolute value.

    Parameters
    ----------
    x
        Shape (..., n, n).

    Returns
    -------
    Sign (-1, 0 or 1) and logarithm (minus infinity for a singular matrix), each of shape (...).

    Raises
    ------
    ShapeError
        If the matrices are not square.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> sign, logabsdet = pt.linalg.slogdet([[0.0, 1.0], [1.0, 0.0]])
    >>> float(sign.eval()), float(logabsdet.eval())
    (-1.0, 0.0)
    """
    (x,) = floats("slogdet", x)
    return SlogDetResult(*results_of(intern(SlogDet(), (x,))))


# Functions of matrices ------------------------------------------------------------------------


@dataclass(frozen=True)
class Expm(Gufunc):
    """The matrix exponential."""

    name = "expm"

    def infer(self, x: TensorType) -> TensorType:
        check_matrix("expm", x, square=True)
        return x

    def numpy(self, x: Any) -> Any:
        from scipy.linalg import expm as scipy_expm

        if x.size == 0:
            return x
        finite = np.isfinite(x).all((-2, -1), keepdims=True)
        return np.where(finite, scipy_expm(np.where(finite, x, 0.0)), np.nan).astype(x.dtype)

    def jax(self, x: Any) -> Any:
        import jax.numpy as jnp
        from jax.scipy.linalg import expm as jax_expm

        if x.size == 0:
            return x
        finite = jnp.isfinite(x).all((-2, -1), keepdims=True)
        # 2^-40 |x| reaches every norm whose exponential is finite or zero and has digits left.
        return jnp.where(finite, jax_expm(jnp.where(finite, x, 0.0), max_squarings=40), jnp.nan)

    def grad(self, node: Expr, cotangent: Tensor) -> Sequence[Expr | None]:
        # The derivative stands in the corner of the exponential of [[x.T, g], [0, x.T]] (Mathias, 1996).
        (x,) = node.inputs
        n = _s.extent(x, x.ndim - 1)
        t, g = matrix_transpose(x), _s.whole(cotangent, node)
        top = concatenate([t, g], axis=-1)
        bottom = concatenate([_s.zeros_like(t), t], axis=-1)
        return [expm(concatenate([top, bottom], axis=-2))[..., :n, n:]]


def expm(x: Any) -> Tensor:
    """Return the exponential of square matrices (not of their elements).

    Parameters
    ----------
    x
        Shape (..., n, n).

    Returns
    -------
    Of the shape of `x`; NaN for a matrix that is not finite.

    Raises
    ------
    ShapeError
        If the matrices are not square.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> pt.linalg.expm([[0.0, 1.0], [0.0, 0.0]]).eval()
    array([[1., 1.],
           [0., 1.]])
    """
    (x,) = floats("expm", x)
    return intern(Expm(), (x,))


def matrix_power(x: Any, n: int) -> Tensor:
    """Return square matrices multiplied with themselves `n` times; of the inverse if `n` is negative.

    Raises
    ------
    ShapeError
        If the matrices are not square.
    TypeError
        If `n` is not an integer.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> pt.linalg.matrix_power([[1, 1], [0, 1]], 5).eval()
    array([[1, 5],
           [0, 1]])
    """
    x = as_tensor(x)
    check_matrix("matrix_power", x.type, square=True)
    if isinstance(n, bool) or not isinstance(n, (int, np.integer)):
        raise TypeError(f"matrix_power: the exponent must be an integer, got {n!r}")
    if n == 0:
        return _s.broadcast_like(eye(_s.extent(x, x.ndim - 1), dtype=x.dtype), x)
    square, left = (inv(x), -int(n)) if n < 0 else (x, int(n))
    result = None
    while True:
        if left & 1:
            result = square if result is None else matmul(result, square)
        left >>= 1
        if not left:
            assert result is not None
            return result
        square = matmul(square, square)


# Sums and arrangements ------------------------------------------------------------------------


def trace(x: Any, offset: int = 0, dtype: Any = None) -> Tensor:
    """Return the sum of the diagonal of matrices, or of the `offset`-th one above it: shape (...).

    Raises
    ------
    ShapeError
        If `x` has fewer than two axes.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> float(pt.linalg.trace([[1.0, 2.0], [3.0, 4.0]]).eval())
    5.0
    """
    x = as_tensor(x)
    check_matrix("trace", x.type)
    return _r.sum(intern(Diagonal(int(offset)), (x,)), axis=-1, dtype=dtype)


def block_diag(*blocks: Any) -> Tensor:
    """Return matrices with `blocks` along the diagonal and zeros elsewhere.

    Parameters
    ----------
    blocks
        Shapes (..., m_i, n_i); leading axes broadcast. A vector is a matrix of one row, a scalar a
        matrix of one element.

    Returns
    -------
    Shape (..., sum of m_i, sum of n_i).

    Raises
    ------
    ShapeError
        If there is no block, or the leading axes do not broadcast.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> pt.linalg.block_diag([[1, 2]], [[3], [4]]).eval()
    array([[1, 2, 0],
           [0, 0, 3],
           [0, 0, 4]])
    """
    if not blocks:
        raise ShapeError("block_diag of no blocks", "give at least one matrix")
    parts = _e.promote("block_diag", *blocks)
    parts = [_s.expand_dims(x, tuple(range(2 - x.ndim))) if x.ndim < 2 else x for x in parts]
    batch = _u.common_lengths({x: x.type.shape[:-2] for x in parts}, "block_diag: the leading axes")
    width = sum(x.shape[-1] for x in parts)
    rows, at = [], 0
    for x in parts:
        m, n = x.shape[-2:]
        row = [_s.zeros((*batch, m, at), x.dtype), _s.broadcast_to(x, (*batch, m, n)), _s.zeros((*batch, m, width - at - n), x.dtype)]
        rows.append(concatenate([part for part in row if part.type.shape[-1] != 0] or row[:1], axis=-1))
        at += n
    return concatenate(rows, axis=-2)


# Norms ----------------------------------------------------------------------------------------


def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Return the norm of vectors or matrices, as ``numpy.linalg.norm``.

    Parameters
    ----------
    x
        Any tensor.
    ord
        Of a vector: a number p for ``sum(|x|^p)^(1/p)``, ``inf`` and ``-inf`` for the largest and the
        smallest size, 0 for the number of elements that are not zero. Of a matrix: "fro", "nuc", 1,
        -1, 2, -2, ``inf``, ``-inf``. By default the root of the sum of squares.
    axis
        One axis for vectors, a pair for matrices; all axes by default.
    keepdims
        Keep the axes of the norm, with length 1.

    Raises
    ------
    ShapeError
        If the axes are not there, or `ord` asks for a vector or matrix and `x` is neither.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> float(pt.linalg.norm([3.0, 4.0]).eval())
    5.0
    """
    (x,) = floats("norm", x)
    if axis is None and ord is None:
        axes = tuple(range(x.ndim))
    elif axis is None:
        if x.ndim not in (1, 2):
            raise ShapeError(f"norm with ord={ord!r} of a tensor of shape {x.type.shape}", "give the axis, or the pair of axes")
        axes = tuple(range(x.ndim))
    else:
        given = (axis,) if isinstance(axis, (int, np.integer)) else tuple(axis)
        for a in given:
            if not -x.ndim <= a < x.ndim:
                raise ShapeError(f"norm: axis {a} is out of bounds for a tensor of shape {x.type.shape}")
        axes = tuple(int(a) % x.ndim for a in given)
        if len(set(axes)) != len(axes) or len(axes) not in (1, 2):
            raise ShapeError(f"norm: axis must be one axis or a pair of different ones, not {axis!r}")
    if ord is None or (ord == "fro" and len(axes) == 2):
        return _r.root_of_squares(_r.sum(_e.square(x), axis=axes, keepdims=keepdims))
    if len(axes) == 1:
        return _vector_norm(x, ord, axes[0], keepdims)
    return _matrix_norm(x, ord, axes, keepdims)


def _largest(sizes: Tensor, axis: int, keepdims: bool = False) -> Tensor:
    """The largest of sizes: of none, 0."""
    return (_r.sum if sizes.type.shape[axis] == 0 else _r.max)(sizes, axis=axis, keepdims=keepdims)


def _vector_norm(x: Tensor, ord: Any, axis: int, keepdims: bool) -> Tensor:
    if isinstance(ord, str):
        raise ValueError(f"norm: {ord!r} is no norm of vectors")
    size = _e.abs(x)
    if ord == np.inf:
        return _largest(size, axis, keepdims)
    if ord == -np.inf:
        return _r.min(size, axis, keepdims)
    if ord == 0:
        return _r.sum(_e.cast(_e.not_equal(x, 0.0), x.dtype), axis, keepdims=keepdims)
    if ord == 1:
        return _r.sum(size, axis, keepdims=keepdims)
    if ord == 2:
        return _e.sqrt(_r.sum(_e.square(x), axis, keepdims=keepdims))
    return _e.power(_r.sum(_e.power(size, float(ord)), axis, keepdims=keepdims), 1.0 / ord)


def _matrix_norm(x: Tensor, ord: Any, axes: tuple[int, ...], keepdims: bool) -> Tensor:
    rest = [i for i in range(x.ndim) if i not in axes]
    stack = _s.transpose(x, [*rest, *axes])
    if ord in (1, -1, np.inf, -np.inf):
        sums = _r.sum(_e.abs(stack), axis=-2 if ord in (1, -1) else -1)
        result = (_largest if ord > 0 else _r.min)(sums, axis=-1)
    elif ord in (2, -2, "nuc"):
        s = svd(stack, compute_uv=False)
        result = _r.sum(s, axis=-1) if ord == "nuc" else (_largest if ord == 2 else _r.min)(s, axis=-1)
    else:
        raise ValueError(f"norm: {ord!r} is no norm of matrices")
    for axis in sorted(axes) if keepdims else ():
        result = _s.expand_dims(result, axis)
    return result


__all__ = [
    "EigResult", "EighResult", "LstsqResult", "QRResult", "SVDResult", "SlogDetResult", "block_diag", "cho_solve",
    "cholesky", "det", "eig", "eigh", "eigvalsh", "expm", "inv", "lstsq", "matrix_power", "matrix_transpose", "norm",
    "pinv", "qr", "slogdet", "solve", "solve_triangular", "svd", "trace",
]  # fmt: skip
