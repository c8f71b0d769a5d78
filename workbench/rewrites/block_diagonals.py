"""Block-diagonal matrices: each block is worked on by itself, and the zeros beside them not at all."""

from __future__ import annotations

import functools
import operator
from collections.abc import Sequence
from typing import Any

import workbench.tensor as pt
from workbench.graph.expr import Expr, Get, intern
from workbench.graph.pattern import uniform_value
from workbench.graph.rewrite import rule
from workbench.rewrites.linear_algebra import GROUP, square_matrix
from workbench.rewrites.matrix_properties import is_square, matrix_times_vector
from workbench.tensor import elementwise as e
from workbench.tensor import linalg
from workbench.tensor.linalg.block_diagonal import block_diag
from workbench.tensor.linalg.decompositions import Cholesky
from workbench.tensor.linalg.determinants import Det, SlogDet
from workbench.tensor.linalg.linear_systems import Inv, Solve
from workbench.tensor.linalg.products import MatMul, matmul
from workbench.tensor.reduction.reductions import Reduce
from workbench.tensor.shape import BroadcastTo
from workbench.tensor.shape.joining import Concatenate
from workbench.tensor.tensor import Tensor


def _example(**known: bool) -> Tensor:
    return block_diag(square_matrix("a", 3, **known), square_matrix("b", 2, **known), square_matrix("c", 2, **known))


def blocks_of(x: Expr) -> list[Any] | None:
    """The square blocks along the diagonal of block-diagonal matrices; ``None`` of other matrices."""
    n = x.type.ndim
    if not isinstance(x.op, Concatenate) or n < 2 or x.op.axis != n - 2 or not is_square(x):
        return None
    found: list[Expr] = []
    before: Any = 0
    for row in x.inputs:
        parts = row.inputs if isinstance(row.op, Concatenate) and row.op.axis == n - 1 else (row,)
        blocks = [i for i, part in enumerate(parts) if not _is_zero(part)]
        if len(blocks) != 1:
            return None
        block = parts[blocks[0]]
        if not is_square(block) or sum(part.type.shape[-1] for part in parts[: blocks[0]]) != before:
            return None
        before = before + block.type.shape[-1]
        found.append(block)
    return found if len(found) > 1 else None


def _is_zero(x: Expr) -> bool:
    while isinstance(x.op, BroadcastTo):
        x = x.inputs[0]
    return bool(uniform_value(x) == 0)


def _rows(x: Any, blocks: Sequence[Any], axis: int) -> list[Any] | None:
    """The rows (or columns) of `x` that meet each block; ``None`` where their number is open."""
    lengths = [b.type.shape[-1] for b in blocks]
    if not all(isinstance(n, int) for n in lengths):
        return None
    found, start = [], 0
    for n in lengths:
        found.append(x[(..., slice(start, start + n), *[slice(None)] * (-1 - axis))])
        start += n
    return found


@rule(GROUP, ops=(Det,), over=(Concatenate,), examples=lambda: [linalg.det(_example())])
def determinant_of_blocks(expr: Expr) -> Expr | None:
    """The determinant of a block-diagonal matrix is the product of those of its blocks."""
    blocks = blocks_of(expr.inputs[0])
    return None if blocks is None else functools.reduce(operator.mul, map(linalg.det, blocks))


@rule(GROUP, ops=(Get,), over=(SlogDet,), examples=lambda: [linalg.slogdet(_example())[1], linalg.slogdet(_example())[0]])
def slogdet_of_blocks(expr: Expr) -> Expr | None:
    """Of a block-diagonal matrix, the logarithms of the blocks' determinants are added, and their signs multiplied."""
    made = expr.inputs[0]
    blocks = blocks_of(made.inputs[0]) if isinstance(made.op, SlogDet) else None
    if blocks is None:
        return None
    parts = [linalg.slogdet(b)[expr.op.index] for b in blocks]
    return functools.reduce(operator.add if expr.op.index else operator.mul, parts)


@rule(GROUP, ops=(Inv,), over=(Concatenate,), examples=lambda: [linalg.inv(_example(positive_definite=True))])
def inverse_of_blocks(expr: Expr) -> Expr | None:
    """The inverse of a block-diagonal matrix has the inverses of the blocks."""
    blocks = blocks_of(expr.inputs[0])
    return None if blocks is None else block_diag(*map(linalg.inv, blocks))


@rule(GROUP, ops=(Cholesky,), over=(Concatenate,), examples=lambda: [linalg.cholesky(_example(positive_definite=True))])
def cholesky_of_blocks(expr: Expr) -> Expr | None:
    """The Cholesky factor of a block-diagonal matrix has the factors of the blocks."""
    blocks = blocks_of(expr.inputs[0])
    return None if blocks is None else block_diag(*map(linalg.cholesky, blocks))


@rule(GROUP, ops=(Solve,), over=(Concatenate,), examples=lambda: [linalg.solve(_example(positive_definite=True), pt.matrix("y", 7, 4))])
def solve_with_blocks(expr: Expr) -> Expr | None:
    """A system with a block-diagonal matrix is one for each block."""
    a, b = expr.inputs
    blocks = blocks_of(a)
    rows = None if blocks is None else _rows(b, blocks, -2)
    if blocks is None or rows is None:
        return None
    return pt.concatenate([intern(Solve(), pair) for pair in zip(blocks, rows)], axis=-2)


@rule(GROUP, ops=(MatMul,), over=(Concatenate,), examples=lambda: [_example() @ pt.matrix("y", 7, 4), pt.matrix("y", 4, 7) @ _example()])
def product_with_blocks(expr: Expr) -> Expr | None:
    """A product with a block-diagonal matrix is one for each block."""
    a, b = expr.inputs
    if (blocks := blocks_of(a)) is not None and (rows := _rows(b, blocks, -2)) is not None:
        return pt.concatenate([matmul(block, part) for block, part in zip(blocks, rows)], axis=-2)
    if (blocks := blocks_of(b)) is not None and (columns := _rows(a, blocks, -1)) is not None:
        return pt.concatenate([matmul(part, block) for block, part in zip(blocks, columns)], axis=-1)
    return None


@rule(GROUP, ops=(Reduce,), over=(e.multiply,), examples=lambda: [_example() @ pt.vector("v", 7), pt.vector("v", 7) @ _example()])
def vector_times_blocks(expr: Expr) -> Expr | None:
    """A block-diagonal matrix times a vector is each block times its part of the vector."""
    product = matrix_times_vector(expr)
    blocks = None if product is None else blocks_of(product[0])
    if product is None or blocks is None or product[1].type.ndim != 1:
        return None
    parts = _rows(product[1], blocks, -1)
    if parts is None:
        return None
    return pt.concatenate([block @ part if product[2] else part @ block for block, part in zip(blocks, parts)])
