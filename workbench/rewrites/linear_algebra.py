"""What is known of matrices put to use: inverses that need not be formed, factors that are there already."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import workbench.tensor as pt
from workbench.graph.expr import Expr, intern, rebuild
from workbench.graph.frozen import frozen
from workbench.graph.properties import (
    IDENTITY,
    facts,
    has_positive_diagonal,
    is_diagonal,
    is_lower_triangular,
    is_orthogonal,
    is_positive,
    is_positive_definite,
    is_symmetric,
    is_upper_triangular,
)  # fmt: skip
from workbench.graph.rewrite import Firing, Pass, PassRecord, Rule, Settled, rule
from workbench.graph.traverse import topological
from workbench.rewrites.matrix_properties import (
    are_transposes,
    diagonal,
    is_kron,
    is_square,
    of_diagonal,
    scalar_times_matrix,
    swaps_matrices,
    untransposed,
)  # fmt: skip
from workbench.rewrites.read_once import WHOLE, lifted
from workbench.tensor import elementwise as e
from workbench.tensor import linalg
from workbench.tensor.assumptions import assume
from workbench.tensor.elementwise import ScalarOp
from workbench.tensor.indexing.slices import Slice, everything
from workbench.tensor.linalg.decompositions import Cholesky, Triangle, tril
from workbench.tensor.linalg.determinants import Det, SlogDet
from workbench.tensor.linalg.diagonal import Diagonal, DiagonalMatrix, Eye, SetDiagonal, eye
from workbench.tensor.linalg.linear_systems import Inv, Solve
from workbench.tensor.linalg.matrix_functions import Expm
from workbench.tensor.linalg.products import MatMul, kron, matmul, matrix_transpose
from workbench.tensor.shape import Reshape, Transpose, extents
from workbench.tensor.tensor import Tensor

GROUP = "linear algebra"


def square_matrix(name: str = "a", n: int = 3, **known: bool) -> Tensor:
    """A square matrix of which something is known, for examples."""
    return assume(pt.matrix(name, n, n), **known)


def stack_of_matrices(name: str = "a", **known: bool) -> Tensor:
    """Two square matrices."""
    return assume(pt.tensor(name, shape=(2, 3, 3)), **known)


def wide_matrix(name: str = "b") -> Tensor:
    """A matrix with more columns than rows."""
    return pt.matrix(name, 3, 4)


def is_identity(x: Expr) -> bool:
    """Whether a matrix is known to be the identity."""
    return facts(x) & IDENTITY == IDENTITY


def identity_like(x: Expr) -> Any:
    """Identity matrices in the shape of `x`."""
    return pt.broadcast_to(eye(extents(x)[-1], dtype=x.type.dtype), extents(x))


def diagonal_matrices(x: Any) -> Any:
    """Diagonal matrices of the vectors on the last axis."""
    return intern(DiagonalMatrix(0), (x,))


def is_triangular(x: Expr) -> bool:
    """Whether a square matrix is a triangle."""
    return is_square(x) and (is_lower_triangular(x) or is_upper_triangular(x))


# Transposes and products ----------------------------------------------------------------------


@rule(GROUP, ops=(Transpose,), over=(MatMul,), examples=lambda: [(square_matrix() @ wide_matrix()).T])
def transpose_of_product(expr: Expr) -> Expr | None:
    """The transpose of a product is the product of the transposes, the other way round."""
    product = untransposed(expr)
    if product is None:
        return None
    a, b = product.inputs
    return matmul(matrix_transpose(b), matrix_transpose(a))


@rule(GROUP, ops=(Transpose,), examples=lambda: [square_matrix(symmetric=True).T, matrix_transpose(stack_of_matrices(positive_definite=True))])
def transpose_of_symmetric(expr: Expr) -> Expr | None:
    """A symmetric matrix is its own transpose."""
    return expr.inputs[0] if swaps_matrices(expr) and is_symmetric(expr.inputs[0]) else None


@rule(GROUP, ops=(MatMul,), examples=lambda: [wide_matrix().T @ eye(3), eye(3) @ wide_matrix()])
def product_with_identity(expr: Expr) -> Expr | None:
    """The identity changes nothing."""
    a, b = expr.inputs
    return b if is_identity(a) else a if is_identity(b) else None


@rule(GROUP, ops=(MatMul,), examples=lambda: [(q := square_matrix("q", orthogonal=True)).T @ q, (q := stack_of_matrices(orthogonal=True)) @ matrix_transpose(q)])
def orthogonal_times_transpose(expr: Expr) -> Expr | None:
    """An orthogonal matrix times its transpose is the identity."""
    a, b = expr.inputs
    return identity_like(expr) if are_transposes(a, b) and is_orthogonal(a) and is_square(a) else None


@rule(GROUP, ops=(MatMul,), examples=lambda: [square_matrix(diagonal=True) @ wide_matrix(), wide_matrix().T @ square_matrix(diagonal=True), stack_of_matrices(diagonal=True) @ wide_matrix()])
def product_with_diagonal(expr: Expr) -> Expr | None:
    """A diagonal matrix scales the rows, or the columns, of the other factor."""
    a, b = expr.inputs
    if is_diagonal(a) and is_square(a):
        return pt.expand_dims(diagonal(a), -1) * b
    return a * pt.expand_dims(diagonal(b), -2) if is_diagonal(b) and is_square(b) else None


@rule(GROUP, ops=(MatMul,), over=(MatMul,), examples=lambda: [(q := square_matrix("q", orthogonal=True)).T @ (q @ wide_matrix()), (wide_matrix().T @ (q := square_matrix("q", orthogonal=True))) @ q.T])
def orthogonal_cancels_in_product(expr: Expr) -> Expr | None:
    """An orthogonal matrix cancels its transpose beside it in a product."""
    a, b = expr.inputs
    if isinstance(b.op, MatMul) and are_transposes(a, b.inputs[0]) and is_orthogonal(a):
        return b.inputs[1]
    if isinstance(a.op, MatMul) and are_transposes(a.inputs[1], b) and is_orthogonal(b):
        return a.inputs[0]
    return None


@rule(GROUP, ops=(MatMul,), over=(Cholesky,), examples=lambda: [(c := linalg.cholesky(square_matrix(positive_definite=True))) @ c.T])
def product_of_cholesky_factors(expr: Expr) -> Expr | None:
    """A Cholesky factor times its transpose is the matrix (which is taken to have one)."""
    a, b = expr.inputs
    return a.inputs[0] if isinstance(a.op, Cholesky) and swaps_matrices(b) and b.inputs[0] is a else None


@rule(GROUP, ops=(Triangle,), examples=lambda: [tril(linalg.cholesky(square_matrix(positive_definite=True))), tril(square_matrix(lower_triangular=True))])
def triangle_of_triangular(expr: Expr) -> Expr | None:
    """The triangle of a matrix that has no other elements is the matrix."""
    op, x = expr.op, expr.inputs[0]
    if op.is_lower:
        return x if op.k >= 0 and is_lower_triangular(x) else None
    return x if op.k <= 0 and is_upper_triangular(x) else None


# Diagonals and traces -------------------------------------------------------------------------


@rule(GROUP, ops=(Diagonal,), over=(MatMul,), examples=lambda: [diagonal(wide_matrix().T @ wide_matrix("c")), diagonal((b := wide_matrix()) @ pt.exp(b).T)])
def diagonal_of_product(expr: Expr) -> Expr | None:
    """The diagonal of a product needs the products of rows with their own columns only."""
    product = of_diagonal(expr)
    if product is None or not isinstance(product.op, MatMul):
        return None
    a, b = product.inputs
    return pt.sum(a * matrix_transpose(b), axis=-1)


@rule(GROUP, ops=(Diagonal,), over=(Transpose,), examples=lambda: [diagonal(square_matrix().T), diagonal(matrix_transpose(stack_of_matrices()))])
def diagonal_of_transpose(expr: Expr) -> Expr | None:
    """A transpose has the same diagonal."""
    moved = of_diagonal(expr)
    source = None if moved is None else untransposed(moved)
    return None if source is None else diagonal(source)


@rule(GROUP, ops=(Diagonal,), over=(ScalarOp,), examples=lambda: [diagonal(pt.exp(square_matrix()) + pt.vector("v", 3)), diagonal(stack_of_matrices() * eye(3))])
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


@rule(GROUP, ops=(Diagonal,), over=(Reshape,), examples=lambda: [diagonal(kron(square_matrix(), square_matrix("b", 2)))])
def diagonal_of_kron(expr: Expr) -> Expr | None:
    """The diagonal of a Kronecker product is the Kronecker product of the diagonals."""
    product = of_diagonal(expr)
    parts = None if product is None else is_kron(product)
    return None if parts is None else kron(diagonal(parts[0]), diagonal(parts[1]))


@rule(GROUP, ops=(Slice,), over=(Reshape,), examples=lambda: [pt.reshape(square_matrix(), (9,))[::4], pt.reshape(stack_of_matrices(), (2, 9))[:, ::4]])
def diagonal_from_slice(expr: Expr) -> Expr | None:
    """Every (n + 1)-th element of an n by n matrix, row by row, is its diagonal."""
    flat = expr.inputs[0]
    matrices = flat.inputs[0]
    *leading, (start, n, step) = expr.op.spec(expr)
    if start != 0 or step != n + 1 or flat.type.shape != (*matrices.type.shape[:-2], n * n):
        return None
    return diagonal(matrices) if matrices.type.shape[-2:] == (n, n) and tuple(leading) == everything(flat.type.shape[:-1]) else None


@rule(GROUP, ops=(Diagonal,), over=(DiagonalMatrix, SetDiagonal, Eye), examples=lambda: [diagonal(pt.diag(pt.vector("v", 3))), diagonal(pt.fill_diagonal(square_matrix(), pt.vector("v", 3))), diagonal(pt.eye(3))])
def diagonal_that_was_set(expr: Expr) -> Expr | None:
    """The diagonal of a matrix made from its diagonal is what it was made from."""
    made = expr.inputs[0]
    if made.op.offset != expr.op.offset:
        return None
    return pt.ones_like(expr) if isinstance(made.op, Eye) else made.inputs[-1].fit(expr)


@rule(GROUP, ops=(DiagonalMatrix,), over=(Diagonal,), examples=lambda: [pt.diag(pt.diag(square_matrix(diagonal=True)))])
def diagonal_matrix_of_diagonal(expr: Expr) -> Expr | None:
    """A diagonal matrix is made of its diagonal."""
    matrices = of_diagonal(expr.inputs[0])
    return matrices if expr.op.offset == 0 and matrices is not None and is_diagonal(matrices) else None


# Cholesky factors -----------------------------------------------------------------------------


@rule(GROUP, ops=(Cholesky,), over=(MatMul,), examples=lambda: [linalg.cholesky((c := square_matrix(lower_triangular=True, positive_diagonal=True)) @ c.T), linalg.cholesky((u := square_matrix(upper_triangular=True, positive_diagonal=True)).T @ u)])
def cholesky_of_product(expr: Expr) -> Expr | None:
    """The Cholesky factor of L L', for a lower triangle L with a positive diagonal, is L."""
    a, b = expr.inputs[0].inputs
    return a if are_transposes(a, b) and is_lower_triangular(a) and has_positive_diagonal(a) else None


@rule(GROUP, ops=(Cholesky,), examples=lambda: [linalg.cholesky(square_matrix(diagonal=True, positive_definite=True)), linalg.cholesky(stack_of_matrices(diagonal=True, positive_diagonal=True))])
def cholesky_of_diagonal(expr: Expr) -> Expr | None:
    """The Cholesky factor of a diagonal matrix has the square roots on the diagonal."""
    return pt.sqrt(expr.inputs[0]) if is_diagonal(expr.inputs[0]) else None


@rule(GROUP, ops=(Cholesky,), over=(Reshape,), examples=lambda: [linalg.cholesky(kron(square_matrix(positive_definite=True), square_matrix("b", 2, positive_definite=True)))])
def cholesky_of_kron(expr: Expr) -> Expr | None:
    """The Cholesky factor of a Kronecker product is the Kronecker product of the factors."""
    parts = is_kron(expr.inputs[0])
    if parts is None or not all(is_positive_definite(p) for p in parts):
        return None
    return kron(linalg.cholesky(parts[0]), linalg.cholesky(parts[1]))


@rule(GROUP, ops=(Cholesky,), over=(e.multiply, e.divide), examples=lambda: [linalg.cholesky(pt.exp(pt.scalar("s")) * square_matrix(positive_definite=True))])
def cholesky_of_scaled(expr: Expr) -> Expr | None:
    """The Cholesky factor of a scaled matrix is the factor, scaled by the square root."""
    parts = scalar_times_matrix(expr.inputs[0])
    if parts is None or not is_positive(parts[0]):
        return None
    return pt.sqrt(parts[0]) * linalg.cholesky(parts[1])


# Exponentials ---------------------------------------------------------------------------------


@rule(GROUP, ops=(Expm,), examples=lambda: [linalg.expm(square_matrix(diagonal=True)), linalg.expm(stack_of_matrices(diagonal=True))])
def exponential_of_diagonal(expr: Expr) -> Expr | None:
    """The exponential of a diagonal matrix has the exponentials on the diagonal."""
    (x,) = expr.inputs
    return diagonal_matrices(pt.exp(diagonal(x))) if is_diagonal(x) and is_square(x) else None


# Factors that are there already ---------------------------------------------------------------


@frozen
class LinearAlgebra(Pass):
    """The pass. Before its rules, it finds whole operations, and marks each matrix whose Cholesky factor the graph computes anyway."""

    def run(self, roots: Sequence[Expr], record: bool = True, settled: Settled | None = None) -> tuple[tuple[Expr, ...], PassRecord]:
        start = time.perf_counter()
        whole, found = lifted(roots, [r for r in self.rules if r.group == WHOLE])
        marked, steps = _mark_factored(whole) if FACTORED in self.rules else (whole, [])
        after, done = Pass(self.name, tuple(r for r in self.rules if r.group != WHOLE), self.doc).run(marked, record, settled)
        firings = (*found, *steps, *done.firings) if record else ()
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
