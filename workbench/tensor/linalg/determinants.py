"""Determinants, and their signs and logarithms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from workbench.graph.expr import Expr, intern, results_of
from workbench.graph.frozen import frozen
from workbench.graph.types import TensorType, TupleType
from workbench.tensor import elementwise as _e
from workbench.tensor import shape as _s
from workbench.tensor.gufunc import Gufunc, check_matrix, floats, of_results
from workbench.tensor.linalg.decompositions import svd
from workbench.tensor.linalg.diagonal import eye
from workbench.tensor.linalg.linear_systems import inv
from workbench.tensor.linalg.products import matmul, matrix_transpose
from workbench.tensor.reduction import reductions as _r
from workbench.tensor.tensor import Tensor


@frozen
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


@frozen
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
    """What :func:`slogdet` returns.

    Examples
    --------
    >>> pt.linalg.slogdet([[2.0, 0.0], [0.0, 3.0]]).sign.eval().item()
    1.0
    """

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
