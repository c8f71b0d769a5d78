"""A diagonal plus a product of low rank: systems and determinants of the low rank's size.

``M = diag(d) + A B``, with A n by r and B r by n, has ``K = I + B diag(1/d) A``, r by r, for which

- ``M^-1 y = (y - A x) / d`` with ``K x = B (y / d)`` (Woodbury),
- ``det M = det K * prod(d)`` (the determinant lemma).

Rules hold where the diagonal is known to be positive: elsewhere it may have a zero, which M does not mind. They are
asked before a graph is differentiated too. Source: Hager, "Updating the inverse of a matrix" (1989).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import workbench.tensor as pt
from workbench.graph.expr import Get
from workbench.graph.pattern import uniform_value
from workbench.graph.properties import has_positive_diagonal, is_diagonal, is_nonnegative
from workbench.graph.rewrite import Declined, rule
from workbench.rewrites.matrix_properties import (
    are_transposes,
    diagonal,
    each_number,
    is_square,
    of_diagonal,
    scalar_times_matrix,
)
from workbench.tensor import elementwise as e
from workbench.tensor import linalg
from workbench.tensor.assumptions import Assume, assume
from workbench.tensor.linalg.decompositions import Cholesky
from workbench.tensor.linalg.determinants import Det, SlogDet
from workbench.tensor.linalg.diagonal import DiagonalMatrix, Eye, eye
from workbench.tensor.linalg.linear_systems import Inv, Solve
from workbench.tensor.linalg.products import MatMul, matmul, matrix_transpose
from workbench.tensor.linalg.triangular_systems import SolveTriangular
from workbench.tensor.reduction.reductions import Reduce
from workbench.tensor.shape import Reshape, extents

GROUP = "low rank"
LEAST, RATIO, MOST = 24, 4, 64
"""The rules hold for n by n matrices of at least `LEAST` rows, and of at least `RATIO` times their rank; of open n, for ranks up to `MOST`."""


@dataclass(frozen=True, eq=False)
class _Sum:
    """``diag(d) + a b``; `symmetric` where b is the transpose of a."""

    d: Any
    a: Any
    b: Any
    symmetric: bool

    @property
    def small(self) -> Any:
        """K: of a symmetric sum, known to be positive definite."""
        k = eye(self.a.shape[-1], dtype=self.a.dtype) + matmul(self.b, self.a / pt.expand_dims(self.d, -1))
        return assume(k, positive_definite=True) if self.symmetric else k

    def solution(self, y: Any) -> tuple[Any, Any]:
        """``M^-1 y``, and the x of ``K x = B (y / d)``."""
        divisor = pt.expand_dims(self.d, -1)
        x = linalg.solve(self.small, matmul(self.b, y / divisor))
        return (y - matmul(self.a, x)) / divisor, x


def _parts(x: Any) -> _Sum:
    """A matrix taken apart; raises `Declined` where it is nothing of the kind, or gains nothing."""
    while isinstance(x.op, Assume):
        x = x.inputs[0]
    if x.op is not e.add or not is_square(x):
        raise Declined("the matrix is no sum of a diagonal and a product", x)
    for diagonals, product in (x.inputs, x.inputs[::-1]):
        if not (is_diagonal(diagonals) and is_square(diagonals)):
            continue
        scaled = scalar_times_matrix(product)
        factor, product = scaled if scaled is not None else (None, product)
        if not isinstance(product.op, MatMul):
            raise Declined("what is added to a diagonal is no product", product)
        if not has_positive_diagonal(diagonals):
            raise Declined("the diagonal is not known to be positive", diagonals)
        a, b = product.inputs
        _see_that_it_gains(a, x)
        d = _diagonal(diagonals)
        symmetric = are_transposes(a, b)
        if factor is None:
            return _Sum(d, a, b, symmetric)
        if symmetric and is_nonnegative(factor):
            root = pt.sqrt(factor)
            return _Sum(d, a * root, b * root, True)
        return _Sum(d, a * factor, b, False)
    raise Declined("no term of the sum is a diagonal matrix", x)


def _diagonal(x: Any) -> Any:
    """The diagonal of diagonal matrices, as numbers and not as a part of a matrix where that can be."""
    scaled = scalar_times_matrix(x)
    if scaled is not None and isinstance(scaled[1].op, (Eye, DiagonalMatrix)):
        scale = each_number(scaled[0])
        return (pt.expand_dims(scale, -1) if scale.ndim else scale) * _diagonal(scaled[1])
    if isinstance(x.op, DiagonalMatrix):
        return x.inputs[0]
    return pt.ones(extents(x)[-1], dtype=x.dtype) if isinstance(x.op, Eye) else diagonal(x)


def _see_that_it_gains(a: Any, at: Any) -> None:
    n, rank = a.type.shape[-2:]
    if not isinstance(rank, int):
        raise Declined("the rank is not known to be lower than the number of rows", at)
    if isinstance(n, int) and (n < LEAST or n < RATIO * rank):
        raise Declined(f"{n} rows and a rank of {rank} gain nothing: it takes {LEAST} rows, and {RATIO} times the rank", at)
    if not isinstance(n, int) and rank > MOST:
        raise Declined(f"a rank of {rank} is not known to be low, for the number of rows is open", at)


def _symmetric(x: Any) -> _Sum:
    found = _parts(x)
    if not found.symmetric:
        raise Declined("a Cholesky factor is that of a symmetric matrix, and the product is not one with its own transpose", x)
    return found


def _matrix(rank: int = 2, n: int = 24, symmetric: bool = True) -> Any:
    d, u = pt.vector("d", n), pt.matrix("u", n, rank)
    return pt.diag(pt.exp(d)) + (u @ u.T if symmetric else u @ pt.matrix("w", rank, n))


def _stack() -> Any:
    u = pt.tensor("u", shape=(2, 24, 3))
    return pt.exp(pt.scalar("s")) * eye(24) + 0.5 * (u @ matrix_transpose(u))


def _right() -> Any:
    return pt.matrix("y", 24, 2)


@rule(GROUP, ops=(Solve,), over=(e.add, Assume), examples=lambda: [linalg.solve(_matrix(), _right()), linalg.solve(_matrix(symmetric=False), _right()), linalg.solve(_stack(), _right())])
def solve_with_low_rank(expr: Any) -> Any:
    """A system of a diagonal plus a product of low rank is one of the rank's size (Woodbury)."""
    return _parts(expr.inputs[0]).solution(expr.inputs[1])[0]


@rule("specialise", ops=(Inv,), over=(e.add, Assume), examples=lambda: [linalg.inv(_matrix()), linalg.inv(_matrix(symmetric=False))])
def inverse_with_low_rank(expr: Any) -> Any:
    """The inverse of a diagonal plus a product of low rank is that of the diagonal less a product of low rank (Woodbury): where no system took its place."""
    found = _parts(expr.inputs[0])
    row = found.b / pt.expand_dims(found.d, -2)
    inverse = pt.diag(1.0 / found.d) if found.d.ndim == 1 else linalg.inv(_diagonal_of(found.d))
    return inverse - matmul(found.a / pt.expand_dims(found.d, -1), linalg.solve(found.small, row))


def _diagonal_of(d: Any) -> Any:
    from workbench.rewrites.linear_algebra import diagonal_matrices

    return diagonal_matrices(d)


@rule(GROUP, ops=(Det,), over=(e.add, Assume), examples=lambda: [linalg.det(_matrix()), linalg.det(_matrix(symmetric=False))])
def determinant_with_low_rank(expr: Any) -> Any:
    """The determinant of a diagonal plus a product of low rank is one of the rank's size, times the diagonal (determinant lemma)."""
    found = _parts(expr.inputs[0])
    return linalg.det(found.small) * pt.prod(found.d, axis=-1)


@rule(GROUP, ops=(Get,), over=(SlogDet,), examples=lambda: [linalg.slogdet(_matrix())[1], linalg.slogdet(_matrix(symmetric=False))[0], linalg.slogdet(_stack())[1]])
def slogdet_with_low_rank(expr: Any) -> Any:
    """The logarithm of the determinant of a diagonal plus a product of low rank is that of one of the rank's size, and those of the diagonal."""
    found = _parts(expr.inputs[0].inputs[0])
    sign, size = linalg.slogdet(found.small)
    return sign if expr.op.index == 0 else size + pt.sum(pt.log(found.d), axis=-1)


def _factored(x: Any) -> Any:
    """The matrix of a Cholesky factor."""
    if not isinstance(x.op, Cholesky):
        raise Declined("the triangle is not the Cholesky factor of a sum", x)
    return x.inputs[0]


def _whitened(y: Any = None) -> Any:
    return linalg.solve_triangular(linalg.cholesky(_matrix()), _right() if y is None else y, lower=True)


@rule(GROUP, ops=(Reduce,), over=(e.square,), examples=lambda: [pt.sum(pt.square(_whitened())), pt.sum(pt.square(_whitened()), axis=-2), pt.sum(pt.square(_whitened(pt.vector("y", 24))))])
def quadratic_form_with_low_rank(expr: Any) -> Any:
    """The square of what a Cholesky factor whitens is y' M^-1 y: of a diagonal plus U U' two sums of squares, without cancellation."""
    solved = expr.inputs[0].inputs[0]
    of_vector = isinstance(solved.op, Reshape) and solved.inputs[0].type.shape == (*solved.type.shape, 1)
    solved = solved.inputs[0] if of_vector else solved
    op, n = solved.op, solved.type.ndim
    if expr.op.kind != "sum" or not isinstance(op, SolveTriangular) or not op.is_lower or op.transposed or op.unit_diagonal or n - 2 not in expr.op.axes:
        raise Declined("no sum of squares of what a Cholesky factor whitens", expr)
    factor, y = solved.inputs
    found = _symmetric(_factored(factor))
    left, x = found.solution(y)
    # y - U x = d left: M^-1 is the least of its squares over d, and those of x.
    each = pt.sum(pt.square(left) * pt.expand_dims(found.d, -1), axis=-2) + pt.sum(pt.square(x), axis=-2)
    each = pt.squeeze(each, -1) if of_vector else each
    rest = tuple(a if a < n - 2 else a - 1 for a in expr.op.axes if a != n - 2)
    return pt.sum(each, axis=rest) if rest else each


@rule(GROUP, ops=(Reduce,), over=(e.log,), examples=lambda: [pt.sum(pt.log(diagonal(linalg.cholesky(_matrix()))), axis=-1), pt.sum(pt.log(diagonal(linalg.cholesky(_stack()))), axis=-1)])
def log_diagonal_with_low_rank(expr: Any) -> Any:
    """The logarithms of a Cholesky factor's diagonal add up to half that of the determinant: of a diagonal plus U U', one of the rank's size."""
    factor = of_diagonal(expr.inputs[0].inputs[0])
    if expr.op.kind != "sum" or factor is None or expr.op.axes != (expr.inputs[0].type.ndim - 1,):
        raise Declined("no sum of logarithms of a factor's diagonal", expr)
    found = _symmetric(_factored(factor))
    return 0.5 * pt.sum(pt.log(found.d), axis=-1) + pt.sum(pt.log(diagonal(linalg.cholesky(found.small))), axis=-1)


@rule(GROUP, ops=(Reduce,), over=(e.logical_and,), examples=lambda: [pt.all(pt.logical_and((c := diagonal(linalg.cholesky(_matrix()))) > 0.0, pt.isfinite(c)))])
def definiteness_with_low_rank(expr: Any) -> Any:
    """A positive diagonal plus U U' is positive definite where its numbers are finite: so is the small matrix then."""
    tests = expr.inputs[0].inputs
    sides = [t.inputs[0] for t in tests if t.op is e.isfinite] + [t.inputs[0] for t in tests if t.op is e.greater and uniform_value(t.inputs[1]) == 0]
    if expr.op.kind != "all" or len(sides) != 2 or sides[0] is not sides[1] or len(expr.op.axes) != sides[0].type.ndim:
        raise Declined("no test of a factor's diagonal", expr)
    factor = of_diagonal(sides[0])
    if factor is None:
        raise Declined("no test of a factor's diagonal", expr)
    found = _symmetric(_factored(factor))
    small = diagonal(linalg.cholesky(found.small))
    return pt.logical_and(pt.all(pt.isfinite(found.d)), pt.all(pt.logical_and(small > 0.0, pt.isfinite(small))))
