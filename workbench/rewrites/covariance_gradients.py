"""The gradient of a Gaussian density in its covariance K: what its Cholesky factor L makes long is short.

The density has ``log|K|``, from the diagonal of L, and ``z'z`` with ``L z = y``. Their cotangents of L,
carried on to K, are multiples of ``inv(K)`` and of ``u u'`` with ``u = inv(L)' z``: one inverse from the
factor, a quarter of the work of the general formula. Source: Rasmussen and Williams (2006), equation 5.9.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

import workbench.tensor as pt
from workbench.graph.expr import Expr, intern
from workbench.graph.pattern import uniform_value
from workbench.graph.rewrite import rule
from workbench.rewrites.matrix_properties import of_diagonal, untransposed
from workbench.rewrites.sums_of_parts import is_zero
from workbench.tensor import elementwise as e
from workbench.tensor import linalg
from workbench.tensor.linalg.decompositions import CholeskyGradient, InverseFromFactor, Triangle, half_of_lower
from workbench.tensor.linalg.diagonal import DiagonalMatrix, SetDiagonal
from workbench.tensor.linalg.products import MatMul, matmul, matrix_transpose
from workbench.tensor.linalg.triangular_systems import SolveTriangular
from workbench.tensor.shape import Reshape, extent


def _factor() -> Any:
    a = pt.matrix("a", 3, 3)
    return linalg.cholesky(a @ a.T + 3.0 * np.eye(3))


def _of_quadratic(factor: Any, z: Any, sign: float) -> Any:
    u = intern(SolveTriangular(True, True, False), (factor, sign * z))
    return pt.tril(-(u @ matrix_transpose(z)))


def _checked_by_a_density(factor: Any, z: Any) -> Any:
    holds = pt.all(pt.diagonal(factor) > 0.0)
    u = intern(SolveTriangular(True, True, False), (factor, pt.where(holds, -z, 0.0)))
    return pt.fill_diagonal(pt.zeros((3, 3)), pt.where(holds, -1.0 / pt.diagonal(factor), 0.0)) - pt.tril(u @ matrix_transpose(z))


def _examples() -> list[Expr]:
    factor, z = _factor(), pt.matrix("z", 3, 2)
    of_determinant = intern(DiagonalMatrix(0), (-1.0 / pt.diagonal(factor),))
    return [
        intern(CholeskyGradient(), (factor, g))
        for g in (of_determinant, _checked_by_a_density(factor, z), pt.fill_diagonal(pt.zeros((3, 3)), 2.0 / pt.diagonal(factor)), _of_quadratic(factor, z, -1.0), of_determinant + _of_quadratic(factor, z, -0.5), _of_quadratic(factor, z, 1.0) - of_determinant)
    ]


@rule("linear algebra", ops=(CholeskyGradient,), examples=_examples)
def gradient_in_covariance(expr: Expr) -> Expr | None:
    """The gradient of a Gaussian density in its covariance is that covariance's inverse and an outer product."""
    factor, cotangent = expr.inputs
    if expr.type.ndim != 2:
        return None
    total: Any = None
    for sign, term in _terms(cotangent, 1.0):
        found = _of_log_determinant(factor, term)
        if found is None:
            found = _of_square(factor, term)
        if found is None:
            return None
        total = sign * found if total is None else total + sign * found
    return half_of_lower(total)


@rule("specialise", ops=(CholeskyGradient,), examples=lambda: [intern(CholeskyGradient(), (_factor(), pt.matrix("g", 3, 3)))])
def gradient_of_factor_written_out(expr: Expr) -> Expr | None:
    """The gradient through a Cholesky factor: products and substitutions with its triangle."""
    written: Expr = expr.op.loop(*expr.inputs)
    return written


def _terms(x: Expr, sign: float) -> Iterator[tuple[float, Expr]]:
    """The terms of a sum, each with its sign."""
    if x.op is e.add or x.op is e.subtract:
        yield from _terms(x.inputs[0], sign)
        yield from _terms(x.inputs[1], sign if x.op is e.add else -sign)
    elif x.op is e.negative:
        yield from _terms(x.inputs[0], -sign)
    elif isinstance(x.op, Triangle) and x.op.is_lower and x.op.k == 0:
        yield from _terms(x.inputs[0], sign)
    else:
        yield sign, x


def _of_log_determinant(factor: Expr, term: Expr) -> Any:
    """``c inv(K)``, for a diagonal of ``c / diagonal(L)``."""
    if not isinstance(term.op, (DiagonalMatrix, SetDiagonal)) or term.op.offset != 0:
        return None
    *base, quotient = term.inputs
    if base and not is_zero(base[0]):
        return None
    guards, quotient = _unguarded(quotient)
    count: Any = 1.0
    if quotient.op is e.reciprocal:
        divisor = quotient.inputs[0]
    elif quotient.op is e.divide:
        count, divisor = uniform_value(quotient.inputs[0]), quotient.inputs[1]
    else:
        return None
    if count is None or of_diagonal(divisor) is not factor:
        return None
    return _guarded(guards, float(count) * intern(InverseFromFactor(), (factor,)))


def _of_square(factor: Expr, term: Expr) -> Any:
    """``u_w u_z'`` with ``u = inv(L)' ...``, for ``inv(L)' w z'`` where w is a multiple of z."""
    if not isinstance(term.op, MatMul):
        return None
    solved, row = term.inputs
    sign = 1.0
    if solved.op is e.negative:
        solved, sign = solved.inputs[0], -1.0
    op = solved.op
    if not isinstance(op, SolveTriangular) or not op.is_lower or not op.transposed or op.unit_diagonal or solved.inputs[0] is not factor:
        return None
    z = untransposed(row)
    if z is None and isinstance(row.op, Reshape) and row.type.shape[0] == 1:
        z = pt.reshape(row.inputs[0], (extent(row, 1), 1))
    guards, right = _unguarded(solved.inputs[1])
    if z is None or _multiple_of(right) is not _multiple_of(z):
        return None
    own, other = intern(op, (factor, right)), intern(op, (factor, z))
    return _guarded(guards, sign * matmul(own, matrix_transpose(other)))


def _unguarded(x: Expr) -> tuple[list[Any], Expr]:
    """What an expression is where some conditions hold; elsewhere it is 0: so it is with the gradient of a density that checks its parameters."""
    guards: list[Any] = []
    while x.op is e.where and all(n == 1 for n in x.inputs[0].type.shape) and is_zero(x.inputs[2]) and x.inputs[1].type.ndim == x.type.ndim:
        guards.append(pt.reshape(x.inputs[0], ()))
        x = x.inputs[1]
    return guards, x


def _guarded(guards: list[Any], x: Any) -> Any:
    for condition in reversed(guards):
        x = pt.where(condition, x, 0.0)
    return x


def _multiple_of(x: Expr) -> Expr:
    """What an expression is a multiple of, by a number; a column is the vector that it is made of."""
    while True:
        column = isinstance(x.op, Reshape) and sum(n != 1 for n in x.type.shape) <= 1
        scaled = [i for i in (0, 1) if uniform_value(x.inputs[1 - i]) is not None] if x.op is e.multiply else []
        if x.op is e.negative or column:
            x = x.inputs[0]
        elif scaled:
            x = x.inputs[scaled[0]]
        else:
            return x
