"""What operations tell of the matrices they make: triangles, symmetry, definiteness."""

from __future__ import annotations

from typing import Any

from workbench.graph.expr import Expr, Get, intern
from workbench.graph.properties import (
    ELEMENTWISE,
    IDENTITY,
    MATRIX,
    has_positive_diagonal,
    infers,
    is_diagonal,
    is_integer,
    is_lower_triangular,
    is_nonnegative,
    is_nonpositive,
    is_nonzero,
    is_one_hot,
    is_orthogonal,
    is_positive,
    is_positive_definite,
    is_positive_semidefinite,
    is_sorted,
    is_symmetric,
    is_upper_triangular,
)  # fmt: skip
from workbench.rewrites.signs import is_identically
from workbench.tensor import elementwise as e
from workbench.tensor.indexing.rows import Take
from workbench.tensor.indexing.slices import Slice, everything
from workbench.tensor.linalg.decompositions import QR, SVD, Cholesky, Triangle
from workbench.tensor.linalg.determinants import Det, SlogDet
from workbench.tensor.linalg.diagonal import Diagonal, DiagonalMatrix, Eye, SetDiagonal
from workbench.tensor.linalg.eigenvalues import Eigh
from workbench.tensor.linalg.linear_systems import Inv
from workbench.tensor.linalg.matrix_functions import Expm
from workbench.tensor.linalg.products import MatMul
from workbench.tensor.markers import InTraining, Named, StopGradient
from workbench.tensor.shape import BroadcastTo, Reshape, Transpose, extents, reshape

TRIANGLES: int = is_lower_triangular | is_upper_triangular
DEFINITE: int = is_positive_definite
ZEROS: int = is_diagonal
"""What elementwise functions keep that leave zeros alone: triangles and symmetry."""


# Recognising what has no operation of its own --------------------------------------------------


def is_square(x: Expr) -> bool:
    """Whether the last two axes have one length."""
    shape = x.type.shape
    return len(shape) >= 2 and shape[-1] == shape[-2]


def swaps_matrices(x: Expr) -> bool:
    """Whether an expression is the transpose of matrices on the last two axes."""
    if not isinstance(x.op, Transpose) or x.type.ndim < 2:
        return False
    n = x.type.ndim
    return bool(x.op.axes == (*range(n - 2), n - 1, n - 2))


def untransposed(x: Expr) -> Expr | None:
    """The matrices that `x` is the transpose of, if it is written as one."""
    found: Expr | None = x.inputs[0] if swaps_matrices(x) else None
    return found


def are_transposes(a: Expr, b: Expr) -> bool:
    """Whether one of two expressions is the transpose of the other."""
    return untransposed(a) is b or untransposed(b) is a


def diagonal(x: Any) -> Any:
    """The diagonals of matrices on the last two axes."""
    return intern(Diagonal(0), (x,))


def of_diagonal(x: Expr) -> Expr | None:
    """The square matrices whose diagonal `x` is."""
    found: Expr | None = x.inputs[0] if x.op == Diagonal(0) and is_square(x.inputs[0]) else None
    return found


def kron_parts(x: Expr) -> tuple[Expr, Expr] | None:
    """The two matrices whose Kronecker product `x` is, in its own or any other shape."""
    source = x
    while isinstance(source.op, Reshape):
        source = source.inputs[0]
    if source is x or source.op is not e.multiply:
        return None
    spread = source.inputs
    for a, b in (spread, spread[::-1]):
        if a.type.ndim != 4 or b.type.ndim != 4:
            continue
        (_, one, _, other), (first, _, second, _) = a.type.shape, b.type.shape
        if one == other == first == second == 1:
            # A matrix of one row or column may pass for either factor: both readings are right.
            return _matrix(a, (0, 2)), _matrix(b, (1, 3))
    return None


def _matrix(x: Expr, axes: tuple[int, int]) -> Expr:
    """The matrix of two axes of `x`, whose other two have length 1."""
    shape = tuple(x.type.shape[a] for a in axes)
    if isinstance(x.op, Reshape) and x.inputs[0].type.shape == shape:
        return x.inputs[0]
    lengths = extents(x)
    return reshape(x, [lengths[a] for a in axes])


def is_kron(x: Expr) -> tuple[Expr, Expr] | None:
    """The two square matrices whose Kronecker product the matrix `x` is.

    That the product is square does not make them so: of a 2 by 3 and a 3 by 2 matrix it is 6 by 6, of rank 4, and has
    determinant 0 and no inverse. What has lengths that are not known to be equal is left as it is written, for conditions
    are asked of what was written and checked where values enter: a rule cannot add one. ``pt.matrix("A", "n", "n")`` is square.
    """
    parts = kron_parts(x)
    if parts is None or not all(is_square(p) for p in parts):
        return None
    n = parts[0].type.shape[-1] * parts[1].type.shape[-1]
    return parts if x.type.shape == (n, n) else None


def scalar_times_matrix(x: Expr) -> tuple[Expr, Expr] | None:
    """The number (or one for each matrix, with two axes of length 1) and the square matrices whose product `x` is."""
    if not is_square(x):
        return None
    if x.op is e.divide and is_scale(x.inputs[1]) and is_square(x.inputs[0]):
        return e.reciprocal(x.inputs[1]), x.inputs[0]
    if x.op is not e.multiply:
        return None
    for a, b in (x.inputs, x.inputs[::-1]):
        if is_scale(a) and is_square(b) and b.type.shape[-2:] == x.type.shape[-2:]:
            return a, b
    return None


def is_scale(x: Expr) -> bool:
    """Whether `x` is a number, or one for each matrix of a stack."""
    return x.type.ndim == 0 or x.type.shape[-2:] == (1, 1)


def each_number(scale: Any) -> Any:
    """The numbers that a scale of matrices is made of, without the axes for the matrices."""
    return scale if scale.type.ndim == 0 else reshape(scale, extents(scale)[:-2])


def matrix_times_vector(x: Expr) -> tuple[Expr, Expr, bool] | None:
    """The square matrices and the vectors whose product the sum `x` is, and whether the vectors stand on the right.

    Products of matrices and vectors are written as sums: ``A @ b`` is ``sum(A * b, axis=-1)``.
    """
    if x.op.kind != "sum" or x.inputs[0].op is not e.multiply or len(x.op.axes) != 1:
        return None
    (axis,) = x.op.axes
    terms, n = x.inputs[0], x.inputs[0].type.ndim
    batch = terms.type.shape[: n - 2]
    if axis < n - 2:
        return None
    right = axis == n - 1
    for matrices, other in (terms.inputs, terms.inputs[::-1]):
        if not is_square(matrices) or matrices.type.shape != terms.type.shape[n - matrices.type.ndim :]:
            continue
        m = matrices.type.shape[-1]
        if right and other.type.shape in ((m,), (1, m), (*batch, 1, m)):
            return matrices, reshape(other, (*extents(other)[:-2], extents(other)[-1])), True
        if not right and other.type.shape in ((m, 1), (*batch, m, 1)):
            return matrices, reshape(other, extents(other)[:-1]), False
    return None


# Inference ------------------------------------------------------------------------------------


@infers(Named, StopGradient)
def facts_of_annotated(node: Expr, x: int) -> int:
    """A remark on a value changes nothing."""
    return x


@infers(InTraining)
def facts_in_training(node: Expr, x: int, predicted: int) -> int:
    """Until it is replaced, the value is that of training."""
    return x


def _flipped(x: int) -> int:
    known = x & (is_symmetric | is_orthogonal | DEFINITE)
    known |= is_upper_triangular if is_lower_triangular.of(x) else 0
    return known | (is_lower_triangular if is_upper_triangular.of(x) else 0)


@infers(Transpose)
def structure_of_transpose(node: Expr, x: int) -> int:
    """The transpose of a lower triangle is an upper one; all else stays."""
    if swaps_matrices(node):
        return _flipped(x)
    n = node.type.ndim
    return x & MATRIX if node.op.axes[n - 2 :] == (n - 2, n - 1) else 0


def _same_matrices(node: Expr) -> bool:
    return node.type.ndim >= 2 and node.type.shape[-2:] == node.inputs[0].type.shape[-2:]


@infers(BroadcastTo)
def structure_of_broadcast(node: Expr, x: int) -> int:
    """Matrices repeated are the same matrices."""
    return x & MATRIX if _same_matrices(node) else 0


@infers(Reshape)
def structure_of_reshape(node: Expr, x: int) -> int:
    """Stacks of matrices in another arrangement of the stack; and Kronecker products."""
    known = x & MATRIX if _same_matrices(node) and is_square(node) else 0
    parts = is_kron(node)
    if parts is not None:
        from workbench.graph.properties import facts

        known |= facts(parts[0]) & facts(parts[1]) & MATRIX
    return known


@infers(Slice)
def structure_of_slice(node: Expr, x: int) -> int:
    """Some of a stack of matrices are what all are."""
    shape = node.inputs[0].type.shape
    return x & MATRIX if len(shape) > 2 and node.op.spec(node)[-2:] == everything(shape[-2:]) else 0


@infers(Diagonal)
def facts_of_diagonal(node: Expr, x: int) -> int:
    """The diagonal of matrices with a positive one is positive."""
    return (x & ELEMENTWISE) | (is_positive if node.op.offset == 0 and has_positive_diagonal.of(x) else 0)


@infers(DiagonalMatrix)
def structure_of_diagonal_matrix(node: Expr, v: int) -> int:
    """A diagonal matrix is as definite as its diagonal is positive."""
    known = v & (is_integer | is_nonnegative | is_nonpositive)
    if node.op.offset > 0:
        return known | is_upper_triangular
    if node.op.offset < 0:
        return known | is_lower_triangular
    known |= is_diagonal
    if is_identically(1, node.inputs[0]):
        return known | IDENTITY
    return known | (is_positive_definite if is_positive.of(v) else is_positive_semidefinite if is_nonnegative.of(v) else 0)


@infers(Eye)
def structure_of_eye(node: Expr) -> int:
    """The identity is diagonal, orthogonal and definite."""
    known = is_integer | is_nonnegative
    return known | (IDENTITY | is_one_hot if node.op.offset == 0 and is_square(node) else 0)


@infers(SetDiagonal)
def structure_of_set_diagonal(node: Expr, x: int, value: int) -> int:
    """Another diagonal leaves triangles and symmetry alone."""
    known = x & value & ELEMENTWISE
    if node.op.offset == 0 and is_square(node):
        known |= (x & is_diagonal) | (has_positive_diagonal if is_positive.of(value) else 0)
    return known


@infers(Take)
def structure_of_take(node: Expr, x: int, at: int) -> int:
    """Some of a stack of matrices."""
    return x & MATRIX if node.inputs[0].type.ndim > 2 else 0


@infers(e.square, e.sqrt, e.abs, e.sign, e.expm1, e.log1p, e.negative)
def structure_under_function_through_zero(node: Expr, x: int) -> int:
    """A function that leaves 0 alone leaves triangles alone."""
    known = x & ZEROS
    return known | (x & is_orthogonal if node.op is e.negative else 0)


@infers(e.exp, e.log, e.sigmoid, e.softplus, e.reciprocal)
def symmetry_under_function(node: Expr, x: int) -> int:
    """A function of every element leaves symmetry alone."""
    return x & is_symmetric


def _like_node(node: Expr, i: int) -> bool:
    return bool(node.inputs[i].type.shape[-2:] == node.type.shape[-2:]) and node.type.ndim >= 2


@infers(e.add, e.subtract)
def structure_of_sum(node: Expr, a: int, b: int) -> int:
    """Triangles and symmetry add up; so does definiteness."""
    if not (_like_node(node, 0) and _like_node(node, 1)):
        return 0
    known = a & b & ZEROS
    if node.op is e.add:
        known |= a & b & has_positive_diagonal
        if is_positive_semidefinite.of(a) and is_positive_semidefinite.of(b):
            known |= is_positive_semidefinite
            known |= is_positive_definite if is_positive_definite.of(a) or is_positive_definite.of(b) else 0
    return known


@infers(e.multiply)
def structure_of_elementwise_product(node: Expr, a: int, b: int) -> int:
    """Zeros stay zeros; a positive number times a definite matrix is definite (and so is Schur's product of two)."""
    known = 0
    for i, (x, y) in enumerate(((a, b), (b, a))):
        if _like_node(node, i) and is_square(node):
            known |= x & TRIANGLES
            if is_scale(node.inputs[1 - i]):
                known |= scaled(x, y)
    if _like_node(node, 0) and _like_node(node, 1):
        known |= a & b & (is_positive_definite | is_diagonal)
    return known


def scaled(x: int, scale: int) -> int:
    """The structure of matrices with properties `x` times a number with properties `scale`."""
    known = x & is_diagonal
    if is_nonnegative.of(scale) and is_positive_semidefinite.of(x):
        known |= is_positive_semidefinite
    return known | (x & (is_positive_definite | has_positive_diagonal) if is_positive.of(scale) else 0)


@infers(e.divide)
def structure_of_quotient(node: Expr, a: int, b: int) -> int:
    """Matrices divided by a number."""
    return scaled(a, b) if is_scale(node.inputs[1]) and is_square(node) and is_square(node.inputs[0]) else 0


@infers(MatMul)
def structure_of_product(node: Expr, a: int, b: int) -> int:
    """Triangles times triangles are triangles; X @ X.T is symmetric, and definite where X has an inverse."""
    left, right = node.inputs
    known = int(is_nonnegative) if is_nonnegative.of(a & b) else 0
    if is_square(left) and is_square(right):
        both = a & b & (TRIANGLES | is_orthogonal)
        known |= both
        if both & TRIANGLES:
            known |= a & b & has_positive_diagonal
        if is_diagonal.of(a & b):
            known |= is_diagonal | (a & b & is_positive_definite)
    if are_transposes(left, right):
        known |= is_positive_semidefinite
        triangular = a & TRIANGLES
        if (has_positive_diagonal.of(a) and triangular) or is_orthogonal.of(a):
            known |= is_positive_definite
    return known


@infers(Inv)
def structure_of_inverse(node: Expr, x: int) -> int:
    """An inverse has the triangle, the symmetry and the definiteness of the matrix."""
    known = x & (is_diagonal | is_orthogonal | is_positive_definite)
    return known if x & TRIANGLES or is_positive_definite.of(x) else known & ~has_positive_diagonal


@infers(Cholesky)
def structure_of_cholesky(node: Expr, x: int) -> int:
    """A Cholesky factor is a lower triangle with a positive diagonal."""
    return is_lower_triangular | has_positive_diagonal | (is_diagonal if is_diagonal.of(x) else 0)


@infers(Triangle)
def structure_of_triangle(node: Expr, x: int) -> int:
    """A part of a matrix that is a triangle is one."""
    if not is_square(node):
        return 0
    lower, k = node.op.is_lower, node.op.k
    known = x & TRIANGLES
    if (k <= 0) if lower else (k >= 0):
        known |= is_lower_triangular if lower else is_upper_triangular
    if (k >= 0) if lower else (k <= 0):
        known |= x & has_positive_diagonal
    return known


@infers(Expm)
def structure_of_exponential(node: Expr, x: int) -> int:
    """The exponential of a symmetric matrix is positive definite; triangles stay triangles."""
    known = x & ZEROS
    return known | (is_positive_definite if is_symmetric.of(x) else has_positive_diagonal if x & TRIANGLES else 0)


@infers(Det)
def sign_of_determinant(node: Expr, x: int) -> int:
    """The determinant of a definite matrix is positive; that of an orthogonal one 1 or -1."""
    known = is_positive if is_positive_definite.of(x) else is_nonnegative if is_positive_semidefinite.of(x) else 0
    return known | (is_nonzero if is_orthogonal.of(x) else 0)


@infers(Get)
def facts_of_result(node: Expr, _: int) -> int:
    """What the results of factorisations are."""
    from workbench.graph.properties import facts

    made, i = node.inputs[0], node.op.index
    if isinstance(made.op, SlogDet):
        known = facts(made.inputs[0])
        return (is_integer | (is_positive if is_positive_definite.of(known) else 0)) if i == 0 else 0
    if isinstance(made.op, Eigh):
        known = facts(made.inputs[0])
        if i == 1:
            return int(is_orthogonal)
        sign = is_positive if is_positive_definite.of(known) else is_nonnegative if is_positive_semidefinite.of(known) else 0
        return is_sorted | sign
    if isinstance(made.op, QR):
        return 0 if not is_square(node) else int(is_orthogonal if i == 0 else is_upper_triangular)
    if isinstance(made.op, SVD):
        return int(is_nonnegative) if i == 1 else int(is_orthogonal) if is_square(node) else 0
    return 0


