"""What is known of matrices put to use: inverses that need not be formed, factors that are there already."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import workbench.tensor as pt
from workbench.graph.expr import Expr, Get, intern, rebuild
from workbench.graph.properties import (
    IDENTITY,
    facts,
    has_positive_diagonal,
    is_diagonal,
    is_lower_triangular,
    is_nonnegative,
    is_nonzero,
    is_orthogonal,
    is_positive,
    is_positive_definite,
    is_symmetric,
    is_upper_triangular,
)  # fmt: skip
from workbench.graph.rewrite import Firing, Pass, PassRecord, Rule, rule
from workbench.graph.traverse import topological
from workbench.rewrites.structure import (
    are_transposes,
    diagonal,
    is_kron,
    is_square,
    of_diagonal,
    scalar_times_matrix,
    swaps_matrices,
    untransposed,
)  # fmt: skip
from workbench.tensor import elementwise as e
from workbench.tensor import linalg
from workbench.tensor.assumptions import assume
from workbench.tensor.diagonal import Diagonal, DiagonalMatrix, Eye, SetDiagonal, eye
from workbench.tensor.elementwise import ScalarOp
from workbench.tensor.equations import Inv, PInv, Solve, SolveTriangular
from workbench.tensor.factorisations import Cholesky, Triangle, tril
from workbench.tensor.indexing import Slice
from workbench.tensor.linalg import Det, Expm, SlogDet
from workbench.tensor.products import MatMul, kron, matmul, matrix_transpose
from workbench.tensor.reduction import Reduce
from workbench.tensor.shape import Reshape, Transpose
from workbench.tensor.tensor import Tensor

GROUP = "linear algebra"


def _square(name: str = "a", n: int = 3, **known: bool) -> Tensor:
    return assume(pt.matrix(name, n, n), **known)


def _stack(name: str = "a", **known: bool) -> Tensor:
    return assume(pt.tensor(name, shape=(2, 3, 3)), **known)


def _wide(name: str = "b") -> Tensor:
    return pt.matrix(name, 3, 4)


def is_identity(x: Expr) -> bool:
    """Whether a matrix is known to be the identity."""
    return facts(x) & IDENTITY == IDENTITY


def identity_like(x: Expr) -> Any:
    """Identity matrices in the shape of `x`."""
    return pt.broadcast_to(eye(x.type.shape[-1], dtype=x.type.dtype), x.type.shape)


def diagonal_matrices(x: Any) -> Any:
    """Diagonal matrices of the vectors on the last axis."""
    return intern(DiagonalMatrix(0), (x,))


def _known(x: Expr) -> bool:
    return None not in x.type.shape


# Transposes and products ----------------------------------------------------------------------


@rule(GROUP, ops=(Transpose,), over=(MatMul,), examples=lambda: [(_square() @ _wide()).T])
def transpose_of_product(expr: Expr) -> Expr | None:
    """The transpose of a product is the product of the transposes, the other way round."""
    product = untransposed(expr)
    if product is None:
        return None
    a, b = product.inputs
    return matmul(matrix_transpose(b), matrix_transpose(a))


@rule(GROUP, ops=(Transpose,), examples=lambda: [_square(symmetric=True).T, matrix_transpose(_stack(positive_definite=True))])
def transpose_of_symmetric(expr: Expr) -> Expr | None:
    """A symmetric matrix is its own transpose."""
    return expr.inputs[0] if swaps_matrices(expr) and is_symmetric(expr.inputs[0]) else None


@rule(GROUP, ops=(MatMul,), examples=lambda: [_wide().T @ eye(3), eye(3) @ _wide()])
def product_with_identity(expr: Expr) -> Expr | None:
    """The identity changes nothing."""
    a, b = expr.inputs
    return b if is_identity(a) else a if is_identity(b) else None


@rule(GROUP, ops=(MatMul,), examples=lambda: [(q := _square("q", orthogonal=True)).T @ q, (q := _stack(orthogonal=True)) @ matrix_transpose(q)])
def orthogonal_times_transpose(expr: Expr) -> Expr | None:
    """An orthogonal matrix times its transpose is the identity."""
    a, b = expr.inputs
    return identity_like(expr) if are_transposes(a, b) and is_orthogonal(a) and _known(expr) else None


@rule(GROUP, ops=(MatMul,), examples=lambda: [_square(diagonal=True) @ _wide(), _wide().T @ _square(diagonal=True), _stack(diagonal=True) @ _wide()])
def product_with_diagonal(expr: Expr) -> Expr | None:
    """A diagonal matrix scales the rows, or the columns, of the other factor."""
    a, b = expr.inputs
    if is_diagonal(a) and is_square(a) and _known(a):
        return pt.expand_dims(diagonal(a), -1) * b
    return a * pt.expand_dims(diagonal(b), -2) if is_diagonal(b) and is_square(b) and _known(b) else None


@rule(GROUP, ops=(MatMul,), over=(MatMul,), examples=lambda: [(q := _square("q", orthogonal=True)).T @ (q @ _wide()), (_wide().T @ (q := _square("q", orthogonal=True))) @ q.T])
def orthogonal_cancels_in_product(expr: Expr) -> Expr | None:
    """An orthogonal matrix cancels its transpose beside it in a product."""
    a, b = expr.inputs
    if isinstance(b.op, MatMul) and are_transposes(a, b.inputs[0]) and is_orthogonal(a):
        return b.inputs[1]
    if isinstance(a.op, MatMul) and are_transposes(a.inputs[1], b) and is_orthogonal(b):
        return a.inputs[0]
    return None


@rule(GROUP, ops=(MatMul,), over=(Cholesky,), examples=lambda: [(c := linalg.cholesky(_square(positive_definite=True))) @ c.T])
def product_of_cholesky_factors(expr: Expr) -> Expr | None:
    """A Cholesky factor times its transpose is the matrix (which is taken to have one)."""
    a, b = expr.inputs
    return a.inputs[0] if isinstance(a.op, Cholesky) and swaps_matrices(b) and b.inputs[0] is a else None


@rule(GROUP, ops=(Triangle,), examples=lambda: [tril(linalg.cholesky(_square(positive_definite=True))), tril(_square(lower_triangular=True))])
def triangle_of_triangular(expr: Expr) -> Expr | None:
    """The triangle of a matrix that has no other elements is the matrix."""
    op, x = expr.op, expr.inputs[0]
    if op.is_lower:
        return x if op.k >= 0 and is_lower_triangular(x) else None
    return x if op.k <= 0 and is_upper_triangular(x) else None


# Diagonals and traces -------------------------------------------------------------------------


@rule(GROUP, ops=(Diagonal,), over=(MatMul,), examples=lambda: [diagonal(_wide().T @ _wide("c"))])
def diagonal_of_product(expr: Expr) -> Expr | None:
    """The diagonal of a product needs the products of rows with their own columns only."""
    product = of_diagonal(expr)
    if product is None or not isinstance(product.op, MatMul):
        return None
    a, b = product.inputs
    return pt.sum(a * matrix_transpose(b), axis=-1)


@rule(GROUP, ops=(Diagonal,), over=(Transpose,), examples=lambda: [diagonal(_square().T), diagonal(matrix_transpose(_stack()))])
def diagonal_of_transpose(expr: Expr) -> Expr | None:
    """A transpose has the same diagonal."""
    moved = of_diagonal(expr)
    source = None if moved is None else untransposed(moved)
    return None if source is None else diagonal(source)


@rule(GROUP, ops=(Diagonal,), over=(ScalarOp,), examples=lambda: [diagonal(pt.exp(_square()) + pt.vector("v", 3)), diagonal(_stack() * eye(3))])
def diagonal_of_elementwise(expr: Expr) -> Expr | None:
    """The diagonal of an elementwise function is the function of the diagonals."""
    whole = of_diagonal(expr)
    if whole is None or not isinstance(whole.op, ScalarOp):
        return None
    return intern(whole.op, tuple(_diagonal_of_operand(x, whole.type.shape[-1]) for x in whole.inputs))


def _diagonal_of_operand(x: Any, n: int) -> Any:
    if x.type.shape[-2:] == (n, n):
        return diagonal(x)
    if x.type.ndim < 2:
        return x
    # One row or one column, repeated.
    axis = x.type.ndim - (2 if x.type.shape[-2] == 1 else 1)
    return pt.squeeze(x, axis)


@rule(GROUP, ops=(Diagonal,), over=(Reshape,), examples=lambda: [diagonal(kron(_square(), _square("b", 2)))])
def diagonal_of_kron(expr: Expr) -> Expr | None:
    """The diagonal of a Kronecker product is the Kronecker product of the diagonals."""
    product = of_diagonal(expr)
    parts = None if product is None else is_kron(product)
    return None if parts is None else kron(diagonal(parts[0]), diagonal(parts[1]))


@rule(GROUP, ops=(Slice,), over=(Reshape,), examples=lambda: [pt.reshape(_square(), (9,))[::4], pt.reshape(_stack(), (2, 9))[:, ::4]])
def diagonal_from_slice(expr: Expr) -> Expr | None:
    """Every (n + 1)-th element of an n by n matrix, row by row, is its diagonal."""
    flat = expr.inputs[0]
    matrices = flat.inputs[0]
    start, n, step = expr.op.spec[-1]
    if start or step != n + 1 or flat.type.shape != (*matrices.type.shape[:-2], n * n):
        return None
    batch = tuple((0, m, 1) for m in flat.type.shape[:-1])
    return diagonal(matrices) if matrices.type.shape[-2:] == (n, n) and expr.op.spec[:-1] == batch else None


@rule(GROUP, ops=(Diagonal,), over=(DiagonalMatrix, SetDiagonal, Eye), examples=lambda: [diagonal(pt.diag(pt.vector("v", 3))), diagonal(pt.fill_diagonal(_square(), pt.vector("v", 3))), diagonal(pt.eye(3))])
def diagonal_that_was_set(expr: Expr) -> Expr | None:
    """The diagonal of a matrix made from its diagonal is what it was made from."""
    made = expr.inputs[0]
    if made.op.offset != expr.op.offset:
        return None
    return pt.ones_like(expr) if isinstance(made.op, Eye) else made.inputs[-1].fit(expr.type)


@rule(GROUP, ops=(DiagonalMatrix,), over=(Diagonal,), examples=lambda: [pt.diag(pt.diag(_square(diagonal=True)))])
def diagonal_matrix_of_diagonal(expr: Expr) -> Expr | None:
    """A diagonal matrix is made of its diagonal."""
    matrices = of_diagonal(expr.inputs[0])
    return matrices if expr.op.offset == 0 and matrices is not None and is_diagonal(matrices) else None


# Inverses -------------------------------------------------------------------------------------


@rule(GROUP, ops=(Inv,), over=(Inv,), examples=lambda: [linalg.inv(linalg.inv(_square(positive_definite=True)))])
def inverse_of_inverse(expr: Expr) -> Expr | None:
    """The inverse of an inverse is the matrix."""
    return expr.inputs[0].inputs[0]


@rule(GROUP, ops=(Inv,), examples=lambda: [linalg.inv(_square(diagonal=True, positive_diagonal=True)), linalg.inv(_stack(diagonal=True, positive_diagonal=True))])
def inverse_of_diagonal(expr: Expr) -> Expr | None:
    """The inverse of a diagonal matrix has the reciprocals on the diagonal."""
    (x,) = expr.inputs
    return diagonal_matrices(pt.reciprocal(diagonal(x))) if is_diagonal(x) and _known(x) else None


@rule(GROUP, ops=(Inv, PInv), examples=lambda: [linalg.inv(_square(orthogonal=True)), linalg.pinv(_stack(orthogonal=True))])
def inverse_of_orthogonal(expr: Expr) -> Expr | None:
    """The inverse of an orthogonal matrix is its transpose."""
    return matrix_transpose(expr.inputs[0]) if is_orthogonal(expr.inputs[0]) else None


@rule(GROUP, ops=(PInv,), examples=lambda: [linalg.pinv(_square(positive_definite=True)), linalg.pinv(_square(lower_triangular=True, positive_diagonal=True))])
def pseudoinverse_of_invertible(expr: Expr) -> Expr | None:
    """The pseudoinverse of a matrix that has an inverse is the inverse."""
    (x,) = expr.inputs
    triangular = has_positive_diagonal(x) and (is_lower_triangular(x) or is_upper_triangular(x))
    return linalg.inv(x) if triangular or is_positive_definite(x) else None


@rule(GROUP, ops=(Inv,), over=(Transpose,), examples=lambda: [linalg.inv(_square(positive_diagonal=True).T)])
def inverse_of_transpose(expr: Expr) -> Expr | None:
    """The inverse of a transpose is the transpose of the inverse."""
    source = untransposed(expr.inputs[0])
    return None if source is None else matrix_transpose(linalg.inv(source))


@rule(GROUP, ops=(Inv,), over=(Reshape,), examples=lambda: [linalg.inv(kron(_square(positive_definite=True), _square("b", 2, positive_definite=True)))])
def inverse_of_kron(expr: Expr) -> Expr | None:
    """The inverse of a Kronecker product is the Kronecker product of the inverses."""
    parts = is_kron(expr.inputs[0])
    return None if parts is None else kron(linalg.inv(parts[0]), linalg.inv(parts[1]))


@rule(GROUP, ops=(Inv,), over=(e.multiply,), examples=lambda: [linalg.inv(pt.exp(pt.scalar("s")) * _square(positive_definite=True))])
def inverse_of_scaled(expr: Expr) -> Expr | None:
    """The inverse of a scaled matrix is the inverse, scaled by the reciprocal."""
    parts = scalar_times_matrix(expr.inputs[0])
    if parts is None or not is_nonzero(parts[0]):
        return None
    return linalg.inv(parts[1]) / parts[0]


@rule(GROUP, ops=(MatMul,), over=(Inv,), examples=lambda: [linalg.inv(_square(positive_definite=True)) @ _wide(), _wide().T @ linalg.inv(_square(positive_definite=True))])
def product_with_inverse(expr: Expr) -> Expr | None:
    """A product with an inverse solves a system of equations: more accurate than the inverse, and less work."""
    a, b = expr.inputs
    if isinstance(a.op, Inv):
        return intern(Solve(), (a.inputs[0], b))
    if isinstance(b.op, Inv):
        return matrix_transpose(intern(Solve(), (matrix_transpose(b.inputs[0]), matrix_transpose(a))))
    return None


@rule(GROUP, ops=(Reduce,), over=(e.multiply,), examples=lambda: [linalg.inv(_square(positive_definite=True)) @ pt.vector("v", 3), pt.vector("v", 3) @ linalg.inv(_square(positive_definite=True))])
def vector_times_inverse(expr: Expr) -> Expr | None:
    """An inverse times a vector solves a system of equations: more accurate than the inverse, and less work."""
    if expr.op.kind != "sum" or expr.inputs[0].type.ndim != 2 or len(expr.op.axes) != 1:
        return None
    operands = expr.inputs[0].inputs
    for inverse, other in (operands, operands[::-1]):
        if not isinstance(inverse.op, Inv) or inverse.type.ndim != 2 or not _known(inverse) or not _known(other):
            continue
        a, n = inverse.inputs[0], inverse.type.shape[-1]
        if expr.op.axes == (1,) and other.type.shape in ((n,), (1, n)):
            return pt.reshape(intern(Solve(), (a, pt.reshape(other, (n, 1)))), (n,))
        if expr.op.axes == (0,) and other.type.shape == (n, 1):
            return pt.reshape(intern(Solve(), (matrix_transpose(a), other)), (n,))
    return None


# Systems of equations -------------------------------------------------------------------------


@rule(GROUP, ops=(Solve, SolveTriangular), examples=lambda: [linalg.solve(eye(3), _wide())])
def solve_with_identity(expr: Expr) -> Expr | None:
    """The identity changes nothing."""
    return expr.inputs[1] if is_identity(expr.inputs[0]) else None


@rule(GROUP, ops=(Solve, SolveTriangular), examples=lambda: [linalg.solve(_square(diagonal=True, positive_diagonal=True), _wide()), linalg.solve_triangular(_square(diagonal=True, positive_diagonal=True), _wide())])
def solve_with_diagonal(expr: Expr) -> Expr | None:
    """A system with a diagonal matrix is a division."""
    a, b = expr.inputs
    if not is_diagonal(a) or not _known(a) or getattr(expr.op, "unit_diagonal", False):
        return None
    return b / pt.expand_dims(diagonal(a), -1)


@rule(GROUP, ops=(Solve,), examples=lambda: [linalg.solve(_square(orthogonal=True), _wide()), linalg.solve(_stack(orthogonal=True), _wide())])
def solve_with_orthogonal(expr: Expr) -> Expr | None:
    """A system with an orthogonal matrix is a product with its transpose."""
    a, b = expr.inputs
    return matmul(matrix_transpose(a), b) if is_orthogonal(a) else None


@rule(GROUP, ops=(Solve,), examples=lambda: [linalg.solve(_square(lower_triangular=True), _wide()), linalg.solve(_stack(upper_triangular=True), _wide())])
def solve_with_triangular(expr: Expr) -> Expr | None:
    """A system with a triangular matrix is solved by substitution."""
    a, b = expr.inputs
    if is_lower_triangular(a):
        return intern(SolveTriangular(True, False, False), (a, b))
    return intern(SolveTriangular(False, False, False), (a, b)) if is_upper_triangular(a) else None


@rule(GROUP, ops=(SolveTriangular,), over=(Transpose,), examples=lambda: [linalg.solve_triangular(_square(lower_triangular=True).T, _wide(), lower=False)])
def solve_with_transposed_triangular(expr: Expr) -> Expr | None:
    """Substitution reads a transposed triangle where it is."""
    a, b = expr.inputs
    source, op = untransposed(a), expr.op
    if source is None:
        return None
    return intern(SolveTriangular(not op.is_lower, not op.transposed, op.unit_diagonal), (source, b))


@rule(GROUP, ops=(Solve,), examples=lambda: [linalg.solve(_square(positive_definite=True), _wide()), linalg.solve(_stack(positive_definite=True), _wide())])
def solve_with_positive_definite(expr: Expr) -> Expr | None:
    """A system with a positive-definite matrix is solved by its Cholesky factor, with half the work."""
    a, b = expr.inputs
    if not is_positive_definite(a):
        return None
    factor = linalg.cholesky(a)
    half = intern(SolveTriangular(True, False, False), (factor, b))
    return intern(SolveTriangular(True, True, False), (factor, half))


@rule(GROUP, ops=(Solve,), over=(Inv,), examples=lambda: [linalg.solve(linalg.inv(_square(positive_definite=True)), _wide())])
def solve_with_inverse(expr: Expr) -> Expr | None:
    """A system with an inverse is a product with the matrix."""
    a, b = expr.inputs
    return matmul(a.inputs[0], b) if isinstance(a.op, Inv) else None


@rule(GROUP, ops=(Solve,), over=(MatMul,), examples=lambda: [linalg.solve(a := _square(positive_definite=True), a @ _wide())])
def solve_of_product(expr: Expr) -> Expr | None:
    """The x of A x = A b is b."""
    a, b = expr.inputs
    return b.inputs[1] if isinstance(b.op, MatMul) and b.inputs[0] is a else None


@rule(GROUP, ops=(SolveTriangular,), over=(MatMul,), examples=lambda: [linalg.solve_triangular(a := _square(lower_triangular=True), a @ _wide()), linalg.solve_triangular(a := _square(lower_triangular=True), a.T @ _wide(), trans=1)])
def substitution_of_product(expr: Expr) -> Expr | None:
    """The x of L x = L b is b."""
    a, b = expr.inputs
    if not isinstance(b.op, MatMul) or not _reads_all(expr.op, a):
        return None
    factor = untransposed(b.inputs[0]) if expr.op.transposed else b.inputs[0]
    return b.inputs[1] if factor is a else None


def _reads_all(op: Any, a: Expr) -> bool:
    """Whether a substitution reads all of the matrix."""
    return not op.unit_diagonal and (is_lower_triangular if op.is_lower else is_upper_triangular)(a)


@rule(GROUP, ops=(Solve, SolveTriangular), examples=lambda: [linalg.solve(a := _square(positive_definite=True), a), linalg.solve_triangular(a := _square(lower_triangular=True), a)])
def solve_of_self(expr: Expr) -> Expr | None:
    """The X of A X = A is the identity."""
    a, b = expr.inputs
    if a is not b or not _known(a):
        return None
    if isinstance(expr.op, SolveTriangular) and (expr.op.transposed or not _reads_all(expr.op, a)):
        return None
    return identity_like(expr)


@rule(GROUP, ops=(MatMul,), over=(Solve,), examples=lambda: [(a := _square(positive_definite=True)) @ linalg.solve(a, _wide())])
def product_with_solution(expr: Expr) -> Expr | None:
    """A times the x of A x = b is b."""
    a, b = expr.inputs
    return b.inputs[1] if isinstance(b.op, Solve) and b.inputs[0] is a else None


@rule(GROUP, ops=(MatMul,), over=(SolveTriangular,), examples=lambda: [(a := _square(lower_triangular=True)) @ linalg.solve_triangular(a, _wide()), (a := _square(lower_triangular=True)).T @ linalg.solve_triangular(a, _wide(), trans=1)])
def product_with_substitution(expr: Expr) -> Expr | None:
    """L times the x of L x = b is b."""
    a, b = expr.inputs
    if not isinstance(b.op, SolveTriangular) or not _reads_all(b.op, b.inputs[0]):
        return None
    factor = untransposed(a) if b.op.transposed else a
    return b.inputs[1] if factor is b.inputs[0] else None


# Cholesky factors -----------------------------------------------------------------------------


@rule(GROUP, ops=(Cholesky,), over=(MatMul,), examples=lambda: [linalg.cholesky((c := _square(lower_triangular=True, positive_diagonal=True)) @ c.T), linalg.cholesky((u := _square(upper_triangular=True, positive_diagonal=True)).T @ u)])
def cholesky_of_product(expr: Expr) -> Expr | None:
    """The Cholesky factor of L L', for a lower triangle L with a positive diagonal, is L."""
    a, b = expr.inputs[0].inputs
    return a if are_transposes(a, b) and is_lower_triangular(a) and has_positive_diagonal(a) else None


@rule(GROUP, ops=(Cholesky,), examples=lambda: [linalg.cholesky(_square(diagonal=True, positive_definite=True)), linalg.cholesky(_stack(diagonal=True, positive_diagonal=True))])
def cholesky_of_diagonal(expr: Expr) -> Expr | None:
    """The Cholesky factor of a diagonal matrix has the square roots on the diagonal."""
    return pt.sqrt(expr.inputs[0]) if is_diagonal(expr.inputs[0]) else None


@rule(GROUP, ops=(Cholesky,), over=(Reshape,), examples=lambda: [linalg.cholesky(kron(_square(positive_definite=True), _square("b", 2, positive_definite=True)))])
def cholesky_of_kron(expr: Expr) -> Expr | None:
    """The Cholesky factor of a Kronecker product is the Kronecker product of the factors."""
    parts = is_kron(expr.inputs[0])
    if parts is None or not all(is_positive_definite(p) for p in parts):
        return None
    return kron(linalg.cholesky(parts[0]), linalg.cholesky(parts[1]))


@rule(GROUP, ops=(Cholesky,), over=(e.multiply,), examples=lambda: [linalg.cholesky(pt.exp(pt.scalar("s")) * _square(positive_definite=True))])
def cholesky_of_scaled(expr: Expr) -> Expr | None:
    """The Cholesky factor of a scaled matrix is the factor, scaled by the square root."""
    parts = scalar_times_matrix(expr.inputs[0])
    if parts is None or not is_positive(parts[0]):
        return None
    return pt.sqrt(parts[0]) * linalg.cholesky(parts[1])


@rule("specialise", ops=(Inv,), examples=lambda: [linalg.inv(_square(lower_triangular=True)), linalg.inv(_stack(upper_triangular=True))])
def inverse_of_triangular(expr: Expr) -> Expr | None:
    """The inverse of a triangular matrix is found by substitution."""
    (x,) = expr.inputs
    return intern(SolveTriangular(is_lower_triangular(x), False, False), (x, identity_like(x))) if _triangular(x) else None


# Determinants ---------------------------------------------------------------------------------


def _is_log_size(expr: Expr) -> Any:
    """The matrices of which an expression is the logarithm of the determinant's size."""
    made = expr.inputs[0]
    return made.inputs[0] if isinstance(made.op, SlogDet) and expr.op.index == 1 else None


def _is_sign(expr: Expr) -> Any:
    """The matrices of which an expression is the determinant's sign."""
    made = expr.inputs[0]
    return made.inputs[0] if isinstance(made.op, SlogDet) and expr.op.index == 0 else None


def _triangular(x: Expr) -> bool:
    return _known(x) and (is_lower_triangular(x) or is_upper_triangular(x))


@rule(GROUP, ops=(Det,), examples=lambda: [linalg.det(_square(lower_triangular=True)), linalg.det(_stack(upper_triangular=True)), linalg.det(_square(diagonal=True))])
def determinant_of_triangular(expr: Expr) -> Expr | None:
    """The determinant of a triangular matrix is the product of its diagonal."""
    (x,) = expr.inputs
    return pt.prod(diagonal(x), axis=-1) if _triangular(x) else None


@rule(GROUP, ops=(Det,), over=(Inv,), examples=lambda: [linalg.det(linalg.inv(_square(positive_definite=True)))])
def determinant_of_inverse(expr: Expr) -> Expr | None:
    """The determinant of an inverse is the reciprocal."""
    return pt.reciprocal(linalg.det(expr.inputs[0].inputs[0]))


@rule(GROUP, ops=(Det,), over=(Transpose,), examples=lambda: [linalg.det(_square().T)])
def determinant_of_transpose(expr: Expr) -> Expr | None:
    """A transpose has the same determinant."""
    source = untransposed(expr.inputs[0])
    return None if source is None else linalg.det(source)


@rule(GROUP, ops=(Det,), over=(MatMul,), examples=lambda: [linalg.det(_square() @ _square("b"))])
def determinant_of_product(expr: Expr) -> Expr | None:
    """The determinant of a product of square matrices is the product of the determinants."""
    a, b = expr.inputs[0].inputs
    return linalg.det(a) * linalg.det(b) if is_square(a) and is_square(b) else None


@rule(GROUP, ops=(Det,), over=(e.multiply,), examples=lambda: [linalg.det(pt.scalar("s") * _square())])
def determinant_of_scaled(expr: Expr) -> Expr | None:
    """The determinant of a scaled matrix is scaled by the power of its size."""
    parts = scalar_times_matrix(expr.inputs[0])
    return None if parts is None else e.power(parts[0], float(parts[1].type.shape[-1])) * linalg.det(parts[1])


@rule(GROUP, ops=(Det,), over=(Reshape,), examples=lambda: [linalg.det(kron(_square(), _square("b", 2)))])
def determinant_of_kron(expr: Expr) -> Expr | None:
    """The determinant of a Kronecker product is that of each factor to the power of the other's size."""
    parts = is_kron(expr.inputs[0])
    if parts is None:
        return None
    m, n = (p.type.shape[-1] for p in parts)
    return e.power(linalg.det(parts[0]), float(n)) * e.power(linalg.det(parts[1]), float(m))


@rule(GROUP, ops=(e.abs, e.square), over=(Det,), examples=lambda: [pt.abs(linalg.det(_square(orthogonal=True))), pt.square(linalg.det(_stack(orthogonal=True)))])
def size_of_orthogonal_determinant(expr: Expr) -> Expr | None:
    """The determinant of an orthogonal matrix is 1 or -1."""
    return pt.ones_like(expr.inputs[0]) if is_orthogonal(expr.inputs[0].inputs[0]) else None


@rule(GROUP, ops=(e.log,), over=(Det,), examples=lambda: [pt.log(linalg.det(_square(positive_definite=True))), pt.log(linalg.det(_square()))])
def log_of_determinant(expr: Expr) -> Expr | None:
    """A determinant over- or underflows easily; its logarithm, computed as such, does not."""
    det = expr.inputs[0]
    sign, size = linalg.slogdet(det.inputs[0])
    return size if is_nonnegative(det) else pt.where(sign >= 0.0, size, np.nan)


@rule(GROUP, ops=(e.log,), over=(e.abs,), examples=lambda: [pt.log(pt.abs(linalg.det(_square())))])
def log_of_determinant_size(expr: Expr) -> Expr | None:
    """A determinant over- or underflows easily; the logarithm of its size, computed as such, does not."""
    det = expr.inputs[0].inputs[0]
    return linalg.slogdet(det.inputs[0]).logabsdet if isinstance(det.op, Det) else None


@rule(GROUP, ops=(e.sign,), over=(Det,), examples=lambda: [pt.sign(linalg.det(_square()))])
def sign_of_determinant(expr: Expr) -> Expr | None:
    """The sign of a determinant does not need its size, which may overflow."""
    return linalg.slogdet(expr.inputs[0].inputs[0]).sign


@rule(GROUP, ops=(e.multiply,), over=(Get,), examples=lambda: [(s := linalg.slogdet(_square())).sign * pt.exp(s.logabsdet)])
def determinant_from_parts(expr: Expr) -> Expr | None:
    """The sign times the exponential of the logarithm of the size is the determinant."""
    for sign, size in (expr.inputs, expr.inputs[::-1]):
        if size.op is e.exp and isinstance(sign.op, Get) and isinstance(size.inputs[0].op, Get):
            matrices = _is_sign(sign)
            if matrices is not None and _is_log_size(size.inputs[0]) is matrices:
                return linalg.det(matrices)
    return None


@rule(GROUP, ops=(Get,), over=(SlogDet,), examples=lambda: [linalg.slogdet(_square(lower_triangular=True))[1], linalg.slogdet(_stack(upper_triangular=True))[0]])
def slogdet_of_triangular(expr: Expr) -> Expr | None:
    """The determinant of a triangular matrix is the product of its diagonal: signs multiply, logarithms add."""
    size, sign = _is_log_size(expr), _is_sign(expr)
    if size is not None and _triangular(size):
        return pt.sum(pt.log(pt.abs(diagonal(size))), axis=-1)
    return pt.prod(pt.sign(diagonal(sign)), axis=-1) if sign is not None and _triangular(sign) else None


@rule(GROUP, ops=(Get,), over=(SlogDet,), examples=lambda: [linalg.slogdet(_square(positive_definite=True))[1], linalg.slogdet(_stack(positive_definite=True))[1]])
def logdet_of_positive_definite(expr: Expr) -> Expr | None:
    """The logarithm of the determinant of a positive-definite matrix is read off its Cholesky factor."""
    x = _is_log_size(expr)
    if x is None or not is_positive_definite(x) or not _known(x):
        return None
    return 2.0 * pt.sum(pt.log(diagonal(linalg.cholesky(x))), axis=-1)


@rule(GROUP, ops=(Get,), over=(SlogDet,), examples=lambda: [linalg.slogdet(_square(positive_definite=True))[0]])
def sign_of_positive_definite(expr: Expr) -> Expr | None:
    """The determinant of a positive-definite matrix is positive."""
    x = _is_sign(expr)
    return pt.ones_like(expr) if x is not None and is_positive_definite(x) and _known(x) else None


@rule(GROUP, ops=(Get,), over=(SlogDet,), examples=lambda: [linalg.slogdet(_square(orthogonal=True))[1]])
def logdet_of_orthogonal(expr: Expr) -> Expr | None:
    """The determinant of an orthogonal matrix is 1 or -1: its size has logarithm 0."""
    x = _is_log_size(expr)
    return pt.zeros_like(expr) if x is not None and is_orthogonal(x) and _known(x) else None


@rule(GROUP, ops=(Get,), over=(SlogDet,), examples=lambda: [linalg.slogdet(linalg.inv(_square(positive_definite=True)))[1], linalg.slogdet(linalg.inv(_square(positive_definite=True)))[0]])
def slogdet_of_inverse(expr: Expr) -> Expr | None:
    """The logarithm of the determinant of an inverse is the negative; the sign is the same."""
    x = expr.inputs[0].inputs[0]
    if not isinstance(x.op, Inv):
        return None
    sign, size = linalg.slogdet(x.inputs[0])
    return -size if expr.op.index == 1 else sign


@rule(GROUP, ops=(Get,), over=(SlogDet,), examples=lambda: [linalg.slogdet(_square().T)[1], linalg.slogdet(_square().T)[0]])
def slogdet_of_transpose(expr: Expr) -> Expr | None:
    """A transpose has the same determinant."""
    source = untransposed(expr.inputs[0].inputs[0])
    return None if source is None else linalg.slogdet(source)[expr.op.index]


@rule(GROUP, ops=(Get,), over=(SlogDet,), examples=lambda: [linalg.slogdet(_square() @ _square("b"))[1], linalg.slogdet(_square() @ _square("b"))[0]])
def slogdet_of_product(expr: Expr) -> Expr | None:
    """For a product of square matrices the signs multiply and the logarithms add."""
    x = expr.inputs[0].inputs[0]
    if not isinstance(x.op, MatMul) or not all(is_square(p) for p in x.inputs):
        return None
    first, second = (linalg.slogdet(p) for p in x.inputs)
    return first.logabsdet + second.logabsdet if expr.op.index == 1 else first.sign * second.sign


@rule(GROUP, ops=(Get,), over=(SlogDet,), examples=lambda: [linalg.slogdet(kron(_square(), _square("b", 2)))[1]])
def logdet_of_kron(expr: Expr) -> Expr | None:
    """The logarithm of the determinant of a Kronecker product is that of each factor times the other's size."""
    x = _is_log_size(expr)
    parts = None if x is None else is_kron(x)
    if parts is None:
        return None
    m, n = (p.type.shape[-1] for p in parts)
    return linalg.slogdet(parts[0]).logabsdet * float(n) + linalg.slogdet(parts[1]).logabsdet * float(m)


@rule(GROUP, ops=(Get,), over=(SlogDet,), examples=lambda: [linalg.slogdet(pt.scalar("s") * _square())[1]])
def logdet_of_scaled(expr: Expr) -> Expr | None:
    """A factor of a matrix adds its logarithm once for each row."""
    x = _is_log_size(expr)
    parts = None if x is None else scalar_times_matrix(x)
    if parts is None:
        return None
    return linalg.slogdet(parts[1]).logabsdet + pt.log(pt.abs(parts[0])) * float(parts[1].type.shape[-1])


# Exponentials ---------------------------------------------------------------------------------


@rule(GROUP, ops=(Expm,), examples=lambda: [linalg.expm(_square(diagonal=True)), linalg.expm(_stack(diagonal=True))])
def exponential_of_diagonal(expr: Expr) -> Expr | None:
    """The exponential of a diagonal matrix has the exponentials on the diagonal."""
    (x,) = expr.inputs
    return diagonal_matrices(pt.exp(diagonal(x))) if is_diagonal(x) and _known(x) else None


@rule(GROUP, ops=(Inv,), over=(Expm,), examples=lambda: [linalg.inv(linalg.expm(_square()))])
def inverse_of_exponential(expr: Expr) -> Expr | None:
    """The inverse of exp(A) is exp(-A)."""
    return linalg.expm(-expr.inputs[0].inputs[0])


@rule(GROUP, ops=(Det,), over=(Expm,), examples=lambda: [linalg.det(linalg.expm(_square()))])
def determinant_of_exponential(expr: Expr) -> Expr | None:
    """The determinant of exp(A) is exp of the trace of A."""
    x = expr.inputs[0].inputs[0]
    return pt.exp(linalg.trace(x)) if _known(x) else None


# Factors that are there already ---------------------------------------------------------------


@dataclass(frozen=True)
class LinearAlgebra(Pass):
    """The pass. Before its rules, it marks each matrix whose Cholesky factor the graph computes anyway."""

    def run(self, roots: Sequence[Expr], record: bool = True) -> tuple[tuple[Expr, ...], PassRecord]:
        start = time.perf_counter()
        marked, steps = _mark_factored(roots) if FACTORED in self.rules else (roots, [])
        after, done = super().run(marked, record)
        firings = (*steps, *done.firings) if record else ()
        seconds = time.perf_counter() - start
        return after, PassRecord(self.name, self.doc, tuple(roots), after, firings, seconds)


def _mark_factored(roots: Sequence[Expr]) -> tuple[Sequence[Expr], list[Firing]]:
    """State that a matrix is positive definite, where its Cholesky factor is taken elsewhere in the graph."""
    nodes = topological(roots)
    factored = {n.inputs[0] for n in nodes if isinstance(n.op, Cholesky)}
    if not factored:
        return roots, []
    memo: dict[Expr, Expr] = {}
    steps = []
    for n in nodes:
        made = rebuild(n, tuple(memo[x] for x in n.inputs)) if n.inputs else n
        if isinstance(n.op, (Det, SlogDet, Solve, Inv)) and n.inputs[0] in factored and not is_positive_definite(n.inputs[0]):
            marked = _marked(made)
            steps.append(Firing(FACTORED, made, marked, 0.0))
            made = marked
        memo[n] = made
    return [memo[r] for r in roots], steps


def _marked(expr: Expr) -> Expr:
    stated = assume(expr.inputs[0], positive_definite=True)
    made: Expr = intern(expr.op, (stated, *expr.inputs[1:]))
    return made


FACTORED = Rule(
    "factored_matrix", GROUP, "A matrix whose Cholesky factor is computed is positive definite (else the factor is NaN): what else is asked of it can share the factor.",
    (), lambda expr: None, _marked,
)  # fmt: skip
