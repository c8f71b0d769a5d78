"""Determinants, and the logarithms of their sizes, from what is known of matrices."""

from __future__ import annotations

from typing import Any

import numpy as np

import workbench.tensor as pt
from workbench.graph.expr import Expr, Get
from workbench.graph.properties import (
    is_integer,
    is_nonnegative,
    is_orthogonal,
    is_positive_definite,
)  # fmt: skip
from workbench.graph.rewrite import rule
from workbench.rewrites.linear_algebra import (
    GROUP,
    is_triangular,
    square_matrix,
    stack_of_matrices,
)  # fmt: skip
from workbench.rewrites.matrix_properties import (
    diagonal,
    each_number,
    is_kron,
    is_square,
    scalar_times_matrix,
    untransposed,
)  # fmt: skip
from workbench.rewrites.sums import as_factor, has_moderate_power
from workbench.tensor import elementwise as e
from workbench.tensor import linalg
from workbench.tensor.linalg.determinants import Det, SlogDet
from workbench.tensor.linalg.linear_systems import Inv
from workbench.tensor.linalg.matrix_functions import Expm
from workbench.tensor.linalg.products import MatMul, kron
from workbench.tensor.shape import Reshape, Transpose

# Determinants ---------------------------------------------------------------------------------


def _is_log_size(expr: Expr) -> Any:
    """The matrices of which an expression is the logarithm of the determinant's size."""
    made = expr.inputs[0]
    return made.inputs[0] if isinstance(made.op, SlogDet) and expr.op.index == 1 else None


def _is_sign(expr: Expr) -> Any:
    """The matrices of which an expression is the determinant's sign."""
    made = expr.inputs[0]
    return made.inputs[0] if isinstance(made.op, SlogDet) and expr.op.index == 0 else None


@rule(GROUP, ops=(Det,), examples=lambda: [linalg.det(square_matrix(lower_triangular=True)), linalg.det(stack_of_matrices(upper_triangular=True)), linalg.det(square_matrix(diagonal=True))])
def determinant_of_triangular(expr: Expr) -> Expr | None:
    """The determinant of a triangular matrix is the product of its diagonal."""
    (x,) = expr.inputs
    return pt.prod(diagonal(x), axis=-1) if is_triangular(x) else None


@rule(GROUP, ops=(Det,), over=(Inv,), examples=lambda: [linalg.det(linalg.inv(square_matrix(positive_definite=True)))])
def determinant_of_inverse(expr: Expr) -> Expr | None:
    """The determinant of an inverse is the reciprocal."""
    return pt.reciprocal(linalg.det(expr.inputs[0].inputs[0]))


@rule(GROUP, ops=(Det,), over=(Transpose,), examples=lambda: [linalg.det(square_matrix().T)])
def determinant_of_transpose(expr: Expr) -> Expr | None:
    """A transpose has the same determinant."""
    source = untransposed(expr.inputs[0])
    return None if source is None else linalg.det(source)


@rule(GROUP, ops=(Det,), over=(MatMul,), examples=lambda: [linalg.det(square_matrix() @ square_matrix("b"))])
def determinant_of_product(expr: Expr) -> Expr | None:
    """The determinant of a product of square matrices is the product of the determinants."""
    a, b = expr.inputs[0].inputs
    return linalg.det(a) * linalg.det(b) if is_square(a) and is_square(b) else None


@rule(GROUP, ops=(Det,), over=(e.multiply, e.divide), examples=lambda: [linalg.det(pt.scalar("s") * square_matrix()), linalg.det(pt.tensor("s", shape=(2, 1, 1)) * square_matrix())])
def determinant_of_scaled(expr: Expr) -> Expr | None:
    """The determinant of a scaled matrix is scaled by the power of its size."""
    parts = scalar_times_matrix(expr.inputs[0])
    if parts is None:
        return None
    factor, n = each_number(parts[0]), parts[1].type.shape[-1]
    return e.power(factor, as_factor(n, *parts)) * linalg.det(parts[1]) if has_moderate_power(factor, n) else None


@rule(GROUP, ops=(Det,), over=(Reshape,), examples=lambda: [linalg.det(kron(square_matrix(), square_matrix("b", 2)))])
def determinant_of_kron(expr: Expr) -> Expr | None:
    """The determinant of a Kronecker product is that of each factor to the power of the other's size."""
    parts = is_kron(expr.inputs[0])
    if parts is None:
        return None
    m, n = (p.type.shape[-1] for p in parts)
    return e.power(linalg.det(parts[0]), as_factor(n, *parts)) * e.power(linalg.det(parts[1]), as_factor(m, *parts))


@rule(GROUP, ops=(e.abs, e.square), over=(Det,), examples=lambda: [pt.abs(linalg.det(square_matrix(orthogonal=True))), pt.square(linalg.det(stack_of_matrices(orthogonal=True)))])
def size_of_orthogonal_determinant(expr: Expr) -> Expr | None:
    """The determinant of an orthogonal matrix is 1 or -1."""
    return pt.ones_like(expr.inputs[0]) if is_orthogonal(expr.inputs[0].inputs[0]) else None


def _sign_and_size(x: Any, depth: int = 5) -> tuple[Any, Any] | None:
    """The sign, and the logarithm of the size, of an expression of determinants; ``None`` of anything else."""
    if isinstance(x.op, Det):
        return linalg.slogdet(x.inputs[0])
    if depth == 0:
        return None
    if x.op is e.multiply or x.op is e.divide:
        parts = [_sign_and_size(i, depth - 1) for i in x.inputs]
        if parts == [None, None]:
            return None
        (sign, size), (other, more) = (p or (pt.sign(i), pt.log(pt.abs(i))) for p, i in zip(parts, x.inputs))
        return sign * other, size + more if x.op is e.multiply else size - more
    inner = _sign_and_size(x.inputs[0], depth - 1) if x.op in (e.reciprocal, e.negative, e.square, e.abs, e.power) else None
    if inner is None:
        return None
    sign, size = inner
    if x.op is e.power:
        exponent = x.inputs[1]
        return (e.power(sign, exponent), size * exponent) if is_integer(exponent) else None
    if x.op is e.negative:
        return -sign, size
    if x.op is e.reciprocal:
        return sign, -size
    return pt.ones_like(sign), size * 2.0 if x.op is e.square else size


@rule(GROUP, ops=(e.log,), over=(Det, e.multiply, e.divide, e.reciprocal, e.square, e.abs, e.power), examples=lambda: [
    pt.log(linalg.det(square_matrix(positive_definite=True))), pt.log(linalg.det(square_matrix())), pt.log(pt.abs(linalg.det(square_matrix()))),
    pt.log(pt.abs(linalg.det(square_matrix()) * linalg.det(square_matrix("b")))), pt.log(pt.reciprocal(pt.square(linalg.det(square_matrix()))) * 3.0)])  # fmt: skip
def log_of_determinant(expr: Expr) -> Expr | None:
    """A determinant over- or underflows easily; its logarithm, computed as such, does not."""
    (x,) = expr.inputs
    parts = _sign_and_size(x)
    if parts is None:
        return None
    return parts[1] if is_nonnegative(x) else pt.where(parts[0] >= 0.0, parts[1], np.nan)


@rule(GROUP, ops=(e.sign,), over=(Det,), examples=lambda: [pt.sign(linalg.det(square_matrix()))])
def sign_of_determinant(expr: Expr) -> Expr | None:
    """The sign of a determinant does not need its size, which may overflow."""
    return linalg.slogdet(expr.inputs[0].inputs[0]).sign


@rule(GROUP, ops=(e.multiply,), over=(Get,), examples=lambda: [(s := linalg.slogdet(square_matrix())).sign * pt.exp(s.logabsdet)])
def determinant_from_parts(expr: Expr) -> Expr | None:
    """The sign times the exponential of the logarithm of the size is the determinant."""
    for sign, size in (expr.inputs, expr.inputs[::-1]):
        if size.op is e.exp and isinstance(sign.op, Get) and isinstance(size.inputs[0].op, Get):
            matrices = _is_sign(sign)
            if matrices is not None and _is_log_size(size.inputs[0]) is matrices:
                return linalg.det(matrices)
    return None


@rule(GROUP, ops=(Get,), over=(SlogDet,), examples=lambda: [linalg.slogdet(square_matrix(lower_triangular=True))[1], linalg.slogdet(stack_of_matrices(upper_triangular=True))[0]])
def slogdet_of_triangular(expr: Expr) -> Expr | None:
    """The determinant of a triangular matrix is the product of its diagonal: signs multiply, logarithms add."""
    size, sign = _is_log_size(expr), _is_sign(expr)
    if size is not None and is_triangular(size):
        return pt.sum(pt.log(pt.abs(diagonal(size))), axis=-1)
    return pt.prod(pt.sign(diagonal(sign)), axis=-1) if sign is not None and is_triangular(sign) else None


@rule(GROUP, ops=(Get,), over=(SlogDet,), examples=lambda: [linalg.slogdet(square_matrix(positive_definite=True))[1], linalg.slogdet(stack_of_matrices(positive_definite=True))[1]])
def logdet_of_positive_definite(expr: Expr) -> Expr | None:
    """The logarithm of the determinant of a positive-definite matrix is read off its Cholesky factor."""
    x = _is_log_size(expr)
    if x is None or not is_positive_definite(x):
        return None
    return 2.0 * pt.sum(pt.log(diagonal(linalg.cholesky(x))), axis=-1)


@rule(GROUP, ops=(Get,), over=(SlogDet,), examples=lambda: [linalg.slogdet(square_matrix(positive_definite=True))[0]])
def sign_of_positive_definite(expr: Expr) -> Expr | None:
    """The determinant of a positive-definite matrix is positive."""
    x = _is_sign(expr)
    return pt.ones_like(expr) if x is not None and is_positive_definite(x) else None


@rule(GROUP, ops=(Get,), over=(SlogDet,), examples=lambda: [linalg.slogdet(square_matrix(orthogonal=True))[1]])
def logdet_of_orthogonal(expr: Expr) -> Expr | None:
    """The determinant of an orthogonal matrix is 1 or -1: its size has logarithm 0."""
    x = _is_log_size(expr)
    return pt.zeros_like(expr) if x is not None and is_orthogonal(x) else None


@rule(GROUP, ops=(Get,), over=(SlogDet,), examples=lambda: [linalg.slogdet(linalg.inv(square_matrix(positive_definite=True)))[1], linalg.slogdet(linalg.inv(square_matrix(positive_definite=True)))[0]])
def slogdet_of_inverse(expr: Expr) -> Expr | None:
    """The logarithm of the determinant of an inverse is the negative; the sign is the same."""
    x = expr.inputs[0].inputs[0]
    if not isinstance(x.op, Inv):
        return None
    sign, size = linalg.slogdet(x.inputs[0])
    return -size if expr.op.index == 1 else sign


@rule(GROUP, ops=(Get,), over=(SlogDet,), examples=lambda: [linalg.slogdet(square_matrix().T)[1], linalg.slogdet(square_matrix().T)[0]])
def slogdet_of_transpose(expr: Expr) -> Expr | None:
    """A transpose has the same determinant."""
    source = untransposed(expr.inputs[0].inputs[0])
    return None if source is None else linalg.slogdet(source)[expr.op.index]


@rule(GROUP, ops=(Get,), over=(SlogDet,), examples=lambda: [linalg.slogdet(square_matrix() @ square_matrix("b"))[1], linalg.slogdet(square_matrix() @ square_matrix("b"))[0]])
def slogdet_of_product(expr: Expr) -> Expr | None:
    """For a product of square matrices the signs multiply and the logarithms add."""
    x = expr.inputs[0].inputs[0]
    if not isinstance(x.op, MatMul) or not all(is_square(p) for p in x.inputs):
        return None
    first, second = (linalg.slogdet(p) for p in x.inputs)
    return first.logabsdet + second.logabsdet if expr.op.index == 1 else first.sign * second.sign


@rule(GROUP, ops=(Get,), over=(SlogDet,), examples=lambda: [linalg.slogdet(kron(square_matrix(), square_matrix("b", 2)))[1]])
def logdet_of_kron(expr: Expr) -> Expr | None:
    """The logarithm of the determinant of a Kronecker product is that of each factor times the other's size."""
    x = _is_log_size(expr)
    parts = None if x is None else is_kron(x)
    if parts is None:
        return None
    m, n = (p.type.shape[-1] for p in parts)
    return linalg.slogdet(parts[0]).logabsdet * as_factor(n, *parts) + linalg.slogdet(parts[1]).logabsdet * as_factor(m, *parts)


@rule(GROUP, ops=(Get,), over=(SlogDet,), examples=lambda: [linalg.slogdet(kron(square_matrix(), square_matrix("b", 2)))[0]])
def determinant_sign_of_kron(expr: Expr) -> Expr | None:
    """The sign of the determinant of a Kronecker product is that of each factor to the power of the other's size."""
    x = _is_sign(expr)
    parts = None if x is None else is_kron(x)
    if parts is None:
        return None
    m, n = (p.type.shape[-1] for p in parts)
    return e.power(linalg.slogdet(parts[0]).sign, as_factor(n, *parts)) * e.power(linalg.slogdet(parts[1]).sign, as_factor(m, *parts))


@rule(GROUP, ops=(Get,), over=(SlogDet,), examples=lambda: [linalg.slogdet(pt.scalar("s") * square_matrix())[1], linalg.slogdet(stack_of_matrices() / pt.tensor("s", shape=(2, 1, 1)))[1]])
def logdet_of_scaled(expr: Expr) -> Expr | None:
    """A factor of a matrix adds its logarithm once for each row."""
    x = _is_log_size(expr)
    parts = None if x is None else scalar_times_matrix(x)
    if parts is None:
        return None
    return linalg.slogdet(parts[1]).logabsdet + pt.log(pt.abs(each_number(parts[0]))) * as_factor(parts[1].type.shape[-1], x)


@rule(GROUP, ops=(Det,), over=(Expm,), examples=lambda: [linalg.det(linalg.expm(square_matrix()))])
def determinant_of_exponential(expr: Expr) -> Expr | None:
    """The determinant of exp(A) is exp of the trace of A."""
    x = expr.inputs[0].inputs[0]
    return pt.exp(linalg.trace(x))
