"""Of which degree an expression is as a polynomial in an array: 1 if linear, 2 if quadratic, by what each operation does to it."""

from __future__ import annotations

from typing import Any

import numpy as np

import workbench.tensor as pt
from workbench.distributions.constraints import CheckParameters
from workbench.graph.expr import Constant, Expr
from workbench.graph.traverse import topological
from workbench.tensor.elementwise import Cast
from workbench.tensor.indexing.advanced import Index
from workbench.tensor.indexing.rows import AddAt, SetAt, Take
from workbench.tensor.indexing.slices import SetSlice, Slice
from workbench.tensor.linalg.diagonal import Diagonal, DiagonalMatrix
from workbench.tensor.linalg.linear_systems import Solve
from workbench.tensor.linalg.products import MatMul
from workbench.tensor.linalg.triangular_systems import SolveTriangular
from workbench.tensor.markers import Annotation, StopGradient
from workbench.tensor.reduction.cumulative import Cumulate
from workbench.tensor.reduction.reductions import Reduce
from workbench.tensor.shape import BroadcastTo, Dim, Reshape, SameLength, Transpose
from workbench.tensor.shape.joining import Concatenate

MOVED = (Reshape, BroadcastTo, Transpose, Slice, Take, Index, SameLength, Diagonal, DiagonalMatrix, Cast)
"""Operations whose first input may depend on the array, and is only put elsewhere."""
JOINED = (Concatenate, SetSlice, SetAt, AddAt)


class Degrees:
    """The degree of each node below some expressions; ``None`` where it is no polynomial, or not known to be one.

    Parameters
    ----------
    array
        What the polynomial is in.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> x, a = pt.vector("x", 3), pt.vector("a", 3)
    >>> degrees = Degrees(x)
    >>> degrees.of(pt.sum(pt.exp(a) * (x - a) ** 2)), degrees.of(a @ a), degrees.of(pt.exp(x))
    (2, 0, None)
    """

    def __init__(self, array: Expr) -> None:
        self.array = array
        self._found: dict[Expr, int | None] = {array: 1}

    def of(self, x: Expr) -> int | None:
        """Return the degree of an expression."""
        for node in topological([x]):
            if node not in self._found:
                self._found[node] = self._degree(node)
        return self._found[x]

    def obstacle(self, x: Expr) -> Expr | None:
        """Return the first node below an expression that is no polynomial; ``None`` if all are."""
        self.of(x)
        return next((node for node in topological([x]) if self._found[node] is None), None)

    def _degree(self, node: Any) -> int | None:
        below = [self._found[x] for x in node.inputs]
        if isinstance(node.op, Dim) or (not any(below) and None not in below):
            return 0
        if any(d is None for d in below):
            return None
        return _made(node, [d for d in below if d is not None])


def _made(node: Any, below: list[int]) -> int | None:
    """The degree of what an operation makes of inputs of some degrees."""
    op = node.op
    # Parameters stand there for the message only.
    first, rest = below[0], below[1 : 2 if isinstance(op, CheckParameters) else None]
    if op in (pt.add, pt.subtract) or isinstance(op, JOINED):
        return max(below)
    if op is pt.multiply or isinstance(op, MatMul):
        return sum(below)
    if op is pt.square:
        return 2 * first
    if op is pt.power:
        return _power(node.inputs[1], first, rest[0])
    if op is pt.where:
        return max(rest) if first == 0 else None
    if isinstance(op, (Solve, SolveTriangular)):
        return rest[0] if first == 0 else None
    if op is pt.negative or (isinstance(op, Annotation) and not isinstance(op, StopGradient)):
        return first
    if op is pt.divide or (isinstance(op, (*MOVED, CheckParameters)) and node.type.kind == "f"):
        return first if not any(rest) else None
    if isinstance(op, Cumulate) and op.kind == "add":
        return first
    if isinstance(op, Reduce) and op.kind == "sum":
        return first
    return None


def _power(exponent: Any, base: int, of_exponent: int) -> int | None:
    if of_exponent or not isinstance(exponent.op, Constant):
        return None
    value = exponent.op.value
    n = int(value.flat[0]) if value.size and np.all(value == value.flat[0]) and value.flat[0] == int(value.flat[0]) else -1
    return n * base if n >= 0 else None
