"""Inverses that need not be formed, and systems of equations with a structure that is known."""

from __future__ import annotations

from typing import Any

import workbench.tensor as pt
from workbench.graph.expr import Expr, intern
from workbench.graph.properties import (
    has_positive_diagonal,
    is_diagonal,
    is_lower_triangular,
    is_nonzero,
    is_orthogonal,
    is_positive_definite,
    is_upper_triangular,
)  # fmt: skip
from workbench.graph.rewrite import rule
from workbench.rewrites.linear_algebra import (
    GROUP,
    diagonal_matrices,
    identity_like,
    is_identity,
    is_triangular,
    square_matrix,
    stack_of_matrices,
    wide_matrix,
)  # fmt: skip
from workbench.rewrites.matrix_properties import (
    diagonal,
    is_kron,
    is_square,
    matrix_times_vector,
    scalar_times_matrix,
    untransposed,
)  # fmt: skip
from workbench.tensor import elementwise as e
from workbench.tensor import linalg
from workbench.tensor.linalg.diagonal import eye
from workbench.tensor.linalg.linear_systems import Inv, PInv, Solve
from workbench.tensor.linalg.matrix_functions import Expm
from workbench.tensor.linalg.products import MatMul, kron, matmul, matrix_transpose
from workbench.tensor.linalg.triangular_systems import SolveTriangular
from workbench.tensor.reduction.reductions import Reduce
from workbench.tensor.shape import Reshape, Transpose

# Inverses -------------------------------------------------------------------------------------


@rule(GROUP, ops=(Inv,), over=(Inv,), examples=lambda: [linalg.inv(linalg.inv(square_matrix(positive_definite=True)))])
def inverse_of_inverse(expr: Expr) -> Expr | None:
    """The inverse of an inverse is the matrix."""
    return expr.inputs[0].inputs[0]


@rule(GROUP, ops=(Inv,), examples=lambda: [linalg.inv(square_matrix(diagonal=True, positive_diagonal=True)), linalg.inv(stack_of_matrices(diagonal=True, positive_diagonal=True))])
def inverse_of_diagonal(expr: Expr) -> Expr | None:
    """The inverse of a diagonal matrix has the reciprocals on the diagonal."""
    (x,) = expr.inputs
    return diagonal_matrices(pt.reciprocal(diagonal(x))) if is_diagonal(x) and is_square(x) else None


@rule(GROUP, ops=(Inv, PInv), examples=lambda: [linalg.inv(square_matrix(orthogonal=True)), linalg.pinv(stack_of_matrices(orthogonal=True))])
def inverse_of_orthogonal(expr: Expr) -> Expr | None:
    """The inverse of an orthogonal matrix is its transpose."""
    return matrix_transpose(expr.inputs[0]) if is_orthogonal(expr.inputs[0]) else None


@rule(GROUP, ops=(PInv,), examples=lambda: [linalg.pinv(square_matrix(positive_definite=True)), linalg.pinv(square_matrix(lower_triangular=True, positive_diagonal=True))])
def pseudoinverse_of_invertible(expr: Expr) -> Expr | None:
    """The pseudoinverse of a matrix that has an inverse is the inverse."""
    (x,) = expr.inputs
    triangular = has_positive_diagonal(x) and (is_lower_triangular(x) or is_upper_triangular(x))
    return linalg.inv(x) if triangular or is_positive_definite(x) else None


@rule(GROUP, ops=(Inv,), over=(Transpose,), examples=lambda: [linalg.inv(square_matrix(positive_diagonal=True).T)])
def inverse_of_transpose(expr: Expr) -> Expr | None:
    """The inverse of a transpose is the transpose of the inverse."""
    source = untransposed(expr.inputs[0])
    return None if source is None else matrix_transpose(linalg.inv(source))


@rule(GROUP, ops=(Inv,), over=(Reshape,), examples=lambda: [linalg.inv(kron(square_matrix(positive_definite=True), square_matrix("b", 2, positive_definite=True)))])
def inverse_of_kron(expr: Expr) -> Expr | None:
    """The inverse of a Kronecker product of square matrices is the Kronecker product of the inverses; of others it has none."""
    parts = is_kron(expr.inputs[0])
    return None if parts is None else kron(linalg.inv(parts[0]), linalg.inv(parts[1]))


@rule(GROUP, ops=(Inv,), over=(e.multiply, e.divide), examples=lambda: [linalg.inv(pt.exp(pt.scalar("s")) * square_matrix(positive_definite=True)), linalg.inv(square_matrix(positive_definite=True) / pt.exp(pt.tensor("s", shape=(2, 1, 1))))])
def inverse_of_scaled(expr: Expr) -> Expr | None:
    """The inverse of a scaled matrix is the inverse, scaled by the reciprocal."""
    parts = scalar_times_matrix(expr.inputs[0])
    if parts is None or not is_nonzero(parts[0]):
        return None
    return linalg.inv(parts[1]) / parts[0]


def _inverted(x: Expr) -> tuple[Expr | None, Expr] | None:
    """A scale (if any), and the matrices whose inverses, scaled, `x` are."""
    scale: Expr | None = None
    if x.op is e.negative:
        scale, x = pt.constant(-1.0), x.inputs[0]
    parts = scalar_times_matrix(x)
    if parts is not None:
        scale = parts[0] if scale is None else -parts[0]  # type: ignore[operator]
        x = parts[1]
    if isinstance(x.op, Inv):
        return scale, x.inputs[0]
    source = untransposed(x)
    return (scale, matrix_transpose(source.inputs[0])) if source is not None and isinstance(source.op, Inv) else None


def _solution(scale: Expr | None, a: Any, b: Any) -> Any:
    solved = intern(Solve(), (a, b))
    return solved if scale is None else scale * solved


@rule(GROUP, ops=(MatMul,), over=(Inv, Transpose, e.multiply, e.divide, e.negative), examples=lambda: [
    linalg.inv(square_matrix(positive_definite=True)) @ wide_matrix(), wide_matrix().T @ linalg.inv(square_matrix(positive_definite=True)),
    -linalg.inv(square_matrix(positive_definite=True)).T @ wide_matrix(), wide_matrix().T @ (pt.scalar("s") * linalg.inv(square_matrix(positive_definite=True)))])  # fmt: skip
def product_with_inverse(expr: Expr) -> Expr | None:
    """A product with an inverse solves a system of equations: more accurate than the inverse, and less work."""
    a, b = expr.inputs
    left, right = _inverted(a), _inverted(b)
    if left is not None:
        return _solution(*left, b)
    if right is not None:
        return matrix_transpose(_solution(right[0], matrix_transpose(right[1]), matrix_transpose(a)))
    return None


@rule(GROUP, ops=(Reduce,), over=(e.multiply,), examples=lambda: [
    linalg.inv(square_matrix(positive_definite=True)) @ pt.vector("v", 3), pt.vector("v", 3) @ linalg.inv(square_matrix(positive_definite=True)),
    -linalg.inv(square_matrix(positive_definite=True)).T @ pt.vector("v", 3), pt.matvec(linalg.inv(stack_of_matrices(positive_definite=True)), pt.matrix("w", 2, 3))])  # fmt: skip
def vector_times_inverse(expr: Expr) -> Expr | None:
    """An inverse times a vector solves a system of equations: more accurate than the inverse, and less work."""
    product = matrix_times_vector(expr)
    inverted = None if product is None else _inverted(product[0])
    if product is None or inverted is None:
        return None
    a = inverted[1] if product[2] else matrix_transpose(inverted[1])
    return pt.squeeze(_solution(inverted[0], a, pt.expand_dims(product[1], -1)), -1)


@rule(GROUP, ops=(Reduce,), over=(e.multiply,), examples=lambda: [
    pt.diag(pt.vector("d", 3)) @ pt.vector("v", 3), pt.vector("v", 3) @ square_matrix(diagonal=True), eye(3) @ pt.vector("v", 3), pt.matvec(stack_of_matrices(diagonal=True), pt.matrix("w", 2, 3))])  # fmt: skip
def vector_times_diagonal(expr: Expr) -> Expr | None:
    """A diagonal matrix scales the elements of a vector."""
    product = matrix_times_vector(expr)
    if product is None or not is_diagonal(product[0]):
        return None
    return product[1] if is_identity(product[0]) else diagonal(product[0]) * product[1]


@rule(GROUP, ops=(Reduce,), over=(e.multiply,), examples=lambda: [(a := square_matrix(positive_definite=True)) @ linalg.solve(a, pt.vector("v", 3))])
def vector_times_solution(expr: Expr) -> Expr | None:
    """A times the x of A x = b is b."""
    product = matrix_times_vector(expr)
    if product is None or not product[2]:
        return None
    solved = product[1]
    while isinstance(solved.op, Reshape):
        solved = solved.inputs[0]
    same = isinstance(solved.op, Solve) and solved.inputs[0] is product[0] and solved.type.shape == (*product[1].type.shape, 1)
    return pt.squeeze(solved.inputs[1], -1) if same else None


@rule(GROUP, ops=(Solve,), over=(Reshape,), examples=lambda: [intern(Solve(), (a := square_matrix(positive_definite=True), pt.expand_dims(a @ pt.vector("v", 3), -1)))])
def solve_of_vector_product(expr: Expr) -> Expr | None:
    """The x of A x = A b is b."""
    a, b = expr.inputs
    summed = b.inputs[0] if isinstance(b.op, Reshape) else b
    product = matrix_times_vector(summed) if isinstance(summed.op, Reduce) and b.type.shape == (*summed.type.shape, 1) else None
    if product is None or product[0] is not a or not product[2]:
        return None
    return pt.expand_dims(product[1], -1)


@rule(GROUP, ops=(Inv,), over=(Expm,), examples=lambda: [linalg.inv(linalg.expm(square_matrix()))])
def inverse_of_exponential(expr: Expr) -> Expr | None:
    """The inverse of exp(A) is exp(-A)."""
    return linalg.expm(-expr.inputs[0].inputs[0])


@rule("specialise", ops=(Inv,), examples=lambda: [linalg.inv(square_matrix(lower_triangular=True)), linalg.inv(stack_of_matrices(upper_triangular=True))])
def inverse_of_triangular(expr: Expr) -> Expr | None:
    """The inverse of a triangular matrix is found by substitution."""
    (x,) = expr.inputs
    return intern(SolveTriangular(is_lower_triangular(x), False, False), (x, identity_like(x))) if is_triangular(x) else None


# Systems of equations -------------------------------------------------------------------------


@rule(GROUP, ops=(Solve, SolveTriangular), examples=lambda: [linalg.solve(eye(3), wide_matrix())])
def solve_with_identity(expr: Expr) -> Expr | None:
    """The identity changes nothing."""
    return expr.inputs[1] if is_identity(expr.inputs[0]) else None


@rule(GROUP, ops=(Solve, SolveTriangular), examples=lambda: [linalg.solve(square_matrix(diagonal=True, positive_diagonal=True), wide_matrix()), linalg.solve_triangular(square_matrix(diagonal=True, positive_diagonal=True), wide_matrix(), lower=True)])
def solve_with_diagonal(expr: Expr) -> Expr | None:
    """A system with a diagonal matrix is a division."""
    a, b = expr.inputs
    if not is_diagonal(a) or not is_square(a) or getattr(expr.op, "unit_diagonal", False):
        return None
    return b / pt.expand_dims(diagonal(a), -1)


@rule(GROUP, ops=(Solve,), examples=lambda: [linalg.solve(square_matrix(orthogonal=True), wide_matrix()), linalg.solve(stack_of_matrices(orthogonal=True), wide_matrix())])
def solve_with_orthogonal(expr: Expr) -> Expr | None:
    """A system with an orthogonal matrix is a product with its transpose."""
    a, b = expr.inputs
    return matmul(matrix_transpose(a), b) if is_orthogonal(a) else None


@rule(GROUP, ops=(Solve,), examples=lambda: [linalg.solve(square_matrix(lower_triangular=True), wide_matrix()), linalg.solve(stack_of_matrices(upper_triangular=True), wide_matrix())])
def solve_with_triangular(expr: Expr) -> Expr | None:
    """A system with a triangular matrix is solved by substitution."""
    a, b = expr.inputs
    if is_lower_triangular(a):
        return intern(SolveTriangular(True, False, False), (a, b))
    return intern(SolveTriangular(False, False, False), (a, b)) if is_upper_triangular(a) else None


@rule(GROUP, ops=(SolveTriangular,), over=(Transpose,), examples=lambda: [linalg.solve_triangular(square_matrix(lower_triangular=True).T, wide_matrix(), lower=False)])
def solve_with_transposed_triangular(expr: Expr) -> Expr | None:
    """Substitution reads a transposed triangle where it is."""
    a, b = expr.inputs
    source, op = untransposed(a), expr.op
    if source is None:
        return None
    return intern(SolveTriangular(not op.is_lower, not op.transposed, op.unit_diagonal), (source, b))


@rule(GROUP, ops=(Solve,), examples=lambda: [linalg.solve(square_matrix(positive_definite=True), wide_matrix()), linalg.solve(stack_of_matrices(positive_definite=True), wide_matrix())])
def solve_with_positive_definite(expr: Expr) -> Expr | None:
    """A system with a positive-definite matrix is solved by its Cholesky factor, with half the work."""
    a, b = expr.inputs
    if not is_positive_definite(a):
        return None
    factor = linalg.cholesky(a)
    half = intern(SolveTriangular(True, False, False), (factor, b))
    return intern(SolveTriangular(True, True, False), (factor, half))


@rule(GROUP, ops=(Solve,), over=(Inv,), examples=lambda: [linalg.solve(linalg.inv(square_matrix(positive_definite=True)), wide_matrix())])
def solve_with_inverse(expr: Expr) -> Expr | None:
    """A system with an inverse is a product with the matrix."""
    a, b = expr.inputs
    return matmul(a.inputs[0], b) if isinstance(a.op, Inv) else None


@rule(GROUP, ops=(Solve,), over=(MatMul,), examples=lambda: [linalg.solve(a := square_matrix(positive_definite=True), a @ wide_matrix())])
def solve_of_product(expr: Expr) -> Expr | None:
    """The x of A x = A b is b."""
    a, b = expr.inputs
    return b.inputs[1] if isinstance(b.op, MatMul) and b.inputs[0] is a else None


@rule(GROUP, ops=(SolveTriangular,), over=(MatMul,), examples=lambda: [linalg.solve_triangular(a := square_matrix(lower_triangular=True), a @ wide_matrix(), lower=True), linalg.solve_triangular(a := square_matrix(lower_triangular=True), a.T @ wide_matrix(), trans=1, lower=True)])
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


@rule(GROUP, ops=(Solve, SolveTriangular), examples=lambda: [linalg.solve(a := square_matrix(positive_definite=True), a), linalg.solve_triangular(a := square_matrix(lower_triangular=True), a, lower=True)])
def solve_of_self(expr: Expr) -> Expr | None:
    """The X of A X = A is the identity."""
    a, b = expr.inputs
    if a is not b:
        return None
    if isinstance(expr.op, SolveTriangular) and (expr.op.transposed or not _reads_all(expr.op, a)):
        return None
    return identity_like(expr)


@rule(GROUP, ops=(MatMul,), over=(Solve,), examples=lambda: [(a := square_matrix(positive_definite=True)) @ linalg.solve(a, wide_matrix())])
def product_with_solution(expr: Expr) -> Expr | None:
    """A times the x of A x = b is b."""
    a, b = expr.inputs
    return b.inputs[1] if isinstance(b.op, Solve) and b.inputs[0] is a else None


@rule(GROUP, ops=(MatMul,), over=(SolveTriangular,), examples=lambda: [(a := square_matrix(lower_triangular=True)) @ linalg.solve_triangular(a, wide_matrix(), lower=True), (a := square_matrix(lower_triangular=True)).T @ linalg.solve_triangular(a, wide_matrix(), trans=1, lower=True)])
def product_with_substitution(expr: Expr) -> Expr | None:
    """L times the x of L x = b is b."""
    a, b = expr.inputs
    if not isinstance(b.op, SolveTriangular) or not _reads_all(b.op, b.inputs[0]):
        return None
    factor = untransposed(a) if b.op.transposed else a
    return b.inputs[1] if factor is b.inputs[0] else None
