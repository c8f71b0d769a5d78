"""One factorisation for several systems of a general matrix, and of its transpose, its inverse and its determinant: what rules make of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from workbench.graph.expr import Expr
from workbench.graph.frozen import frozen
from workbench.graph.types import TensorType
from workbench.tensor.gufunc import Gufunc, check_matrix
from workbench.tensor.linalg.elimination import determinant_call, eliminate_call, substitute_call
from workbench.tensor.linalg.triangular_systems import check_solve, jax_spread
from workbench.tensor.native_call import NativeCall
from workbench.tensor.tensor import Tensor


@frozen
class Eliminate(Gufunc):
    """L (below the diagonal, whose ones are not stored) and U of matrices (..., n, n) in one, and a row more: the pivots, (..., n + 1, n).

    Compiled code for large matrices factors the transpose, which the routines of LAPACK see. Only :class:`SolveEliminated` and :class:`EliminatedDeterminant`
    read it. Of a singular matrix the first pivot is NaN, and a diagonal element of U zero.
    """

    name = "eliminate"

    def infer(self, a: TensorType) -> TensorType:
        check_matrix("eliminate", a, square=True)
        return a.with_shape((*a.shape[:-2], a.shape[-2] + 1, a.shape[-1]))

    def numpy(self, a: Any) -> Any:
        import warnings

        from scipy.linalg import lu_factor

        n = a.shape[-1]
        made = np.full((*a.shape[:-2], n + 1, n), np.nan, a.dtype)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Of singular matrices.
            for i in np.ndindex(a.shape[:-2]) if n else ():
                if np.isfinite(a[i]).all():
                    whole, pivots = lu_factor(a[i])
                    made[i][:-1] = whole
                    if np.diagonal(whole).all():
                        made[i][-1] = pivots
        return made

    def jax(self, a: Any) -> Any:
        import jax.numpy as jnp

        # Pivots cost JAX more than they spare: the matrix as it is, factored by each system.
        return jnp.concatenate([a, jnp.zeros_like(a[..., :1, :])], -2)

    def native(self, node: Expr) -> NativeCall | None:
        return eliminate_call(node.inputs[0].type)

    def grad(self, node: Expr, cotangent: Tensor) -> Sequence[Expr | None]:
        raise NotImplementedError("it is made where derivatives have been taken")


@frozen
class SolveEliminated(Gufunc):
    """The solution x of ``a @ x = b``, or of ``a.T @ x = b`` if `transposed`, from :class:`Eliminate` of `a`, for matrices b."""

    transposed: bool
    name = "solve_eliminated"
    cores = (2, 2)

    def infer(self, factor: TensorType, b: TensorType) -> TensorType:
        n = factor.shape[-1]
        check_solve("solve", factor.with_shape((*factor.shape[:-2], n, n)), b)
        return b.with_shape((*self.batch(factor, b), *b.shape[-2:]))

    def numpy(self, factor: Any, b: Any) -> Any:
        from scipy.linalg import lu_solve

        n, k = b.shape[-2:]
        batch = np.broadcast_shapes(factor.shape[:-2], b.shape[:-2])
        factor, b = (np.broadcast_to(x, (*batch, *x.shape[-2:])) for x in (factor, b))
        made = np.full((*batch, n, k), np.nan, b.dtype)
        for i in np.ndindex(batch) if n * k else ():
            pivots = factor[i][-1]
            if not np.isnan(pivots[0]):
                made[i] = lu_solve((factor[i][:-1], pivots.astype(np.int32)), b[i], int(self.transposed), check_finite=False)
        return made

    def jax(self, factor: Any, b: Any) -> Any:
        import jax.numpy as jnp

        a, b = jax_spread(factor[..., :-1, :], b)
        return b if b.size == 0 else jnp.linalg.solve(jnp.swapaxes(a, -1, -2) if self.transposed else a, b)

    def native(self, node: Expr) -> NativeCall | None:
        factor, b = (x.type for x in node.inputs)
        return substitute_call(factor, b, self.transposed)

    def grad(self, node: Expr, cotangent: Tensor) -> Sequence[Expr | None]:
        raise NotImplementedError("it is made where derivatives have been taken")


@frozen
class EliminatedDeterminant(Gufunc):
    """The determinant of a matrix from its :class:`Eliminate`, or its "sign" or the "log" of its size: `part`."""

    part: str
    name = "eliminated_determinant"

    def infer(self, factor: TensorType) -> TensorType:
        return factor.with_shape(factor.shape[:-2])

    def numpy(self, factor: Any) -> Any:
        diagonal, n = np.diagonal(factor[..., :-1, :], axis1=-2, axis2=-1), factor.shape[-1]
        swaps = np.count_nonzero(factor[..., -1, :] != np.arange(n), axis=-1)
        sign = np.sign(diagonal).prod(-1) * (1 - 2 * (swaps % 2)).astype(factor.dtype) + 0.0
        with np.errstate(divide="ignore", over="ignore"):
            size = np.log(np.abs(diagonal)).sum(-1)
            return np.asarray({"det": sign * np.exp(size), "sign": sign, "log": size}[self.part], factor.dtype)

    def jax(self, factor: Any) -> Any:
        import jax.numpy as jnp

        a = factor[..., :-1, :]
        if a.shape[-1] == 0:
            return (jnp.zeros if self.part == "log" else jnp.ones)(a.shape[:-2], a.dtype)
        sign, size = jnp.linalg.slogdet(a)
        return {"det": sign * jnp.exp(size), "sign": sign, "log": size}[self.part]

    def native(self, node: Expr) -> NativeCall | None:
        return determinant_call(node.inputs[0].type, PARTS.index(self.part))

    def grad(self, node: Expr, cotangent: Tensor) -> Sequence[Expr | None]:
        raise NotImplementedError("it is made where derivatives have been taken")


PARTS = ("det", "sign", "log")
