"""Functions of square matrices, not of their elements: the exponential, whole powers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from workbench.graph.expr import Expr, intern
from workbench.graph.frozen import frozen
from workbench.graph.types import TensorType
from workbench.tensor import shape as _s
from workbench.tensor.gufunc import Gufunc, check_matrix, floats
from workbench.tensor.linalg.diagonal import eye
from workbench.tensor.linalg.linear_systems import inv
from workbench.tensor.linalg.products import matmul, matrix_transpose
from workbench.tensor.shape.joining import concatenate
from workbench.tensor.tensor import Tensor, as_tensor


@frozen
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
