"""The same value with less work in the rows: what is the same for all of them is computed once."""

from __future__ import annotations

import workbench.tensor as pt
from workbench.graph.expr import Expr
from workbench.graph.rewrite import rule
from workbench.tensor import elementwise as e
from workbench.tensor.tensor import Tensor

GROUP = "specialise"


def _vector() -> Tensor:
    return pt.vector("v", 4)


def _positive(name: str) -> Tensor:
    return pt.exp(pt.scalar(name))


def _is_scalar(node: Expr) -> bool:
    return node.type.ndim == 0


@rule(GROUP, ops=(e.divide,), examples=lambda: [_vector() / _positive("s")])
def division_by_scalar(expr: Expr) -> Expr | None:
    """Dividing many rows by one number: take its reciprocal once and multiply (at most 1 ulp away)."""
    a, b = expr.inputs
    return None if _is_scalar(a) or not _is_scalar(b) else a * pt.reciprocal(b)


@rule(GROUP, ops=(e.multiply,), examples=lambda: [(_vector() * pt.scalar("a")) * pt.scalar("b")])
def scalars_multiplied_first(expr: Expr) -> Expr | None:
    """Two scalar factors of many rows are multiplied with each other first, once."""
    for product, scalar in (expr.inputs, expr.inputs[::-1]):
        if not _is_scalar(scalar) or product.op is not e.multiply:
            continue
        for other, rows in (product.inputs, product.inputs[::-1]):
            if _is_scalar(other) and not _is_scalar(rows):
                return rows * (other * scalar)
    return None


@rule(GROUP, ops=(e.multiply,), examples=lambda: [(_vector() * pt.scalar("a")) * pt.vector("w", 4)])
def scalar_multiplied_last(expr: Expr) -> Expr | None:
    """A scalar factor moves out of a product of rows, to where it may leave a sum or meet another scalar."""
    for product, rows in (expr.inputs, expr.inputs[::-1]):
        if _is_scalar(rows) or product.op is not e.multiply:
            continue
        for scalar, other in (product.inputs, product.inputs[::-1]):
            if _is_scalar(scalar) and not _is_scalar(other):
                return (other * rows) * scalar
    return None


@rule(GROUP, ops=(e.square,), examples=lambda: [pt.square(_vector() * pt.scalar("a"))])
def square_of_scaled(expr: Expr) -> Expr | None:
    """The square of scaled rows: square the scale once, and it can leave a sum."""
    inner = expr.inputs[0]
    if inner.op is e.multiply and not _is_scalar(inner):
        for scalar, rows in (inner.inputs, inner.inputs[::-1]):
            if _is_scalar(scalar) and not _is_scalar(rows):
                return pt.square(rows) * pt.square(scalar)
    return None


@rule(GROUP, ops=(e.negative,), examples=lambda: [-(_vector() * pt.scalar("a"))])
def negate_scalar_factor(expr: Expr) -> Expr | None:
    """The sign of scaled rows is changed once, on the scale."""
    inner = expr.inputs[0]
    if inner.op is e.multiply and not _is_scalar(inner):
        for scalar, rows in (inner.inputs, inner.inputs[::-1]):
            if _is_scalar(scalar):
                return rows * -scalar
    return None


