"""What follows from data alone and gives shapes by its values: a model's shapes of now are found by it."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.graph.expr import Constant, Data, Expr, Get
from workbench.graph.types import TensorType
from workbench.tensor.indexing.advanced import AddIndex, Index, SetIndex
from workbench.tensor.keys import LABEL
from workbench.tensor.shape import Arange, BroadcastTo, Dim, Reshape
from workbench.tensor.sorting.sorting import Nonzero, RepeatedNumbers, Unique

OF_VALUES = (Nonzero, RepeatedNumbers, Unique)
OF_NUMBERS = (Reshape, BroadcastTo, Arange, Index, SetIndex, AddIndex)


def numbers_of(node: Expr) -> list[Expr]:
    """Return the scalar inputs by whose values a node has its shape."""
    op = node.op
    if isinstance(op, (Reshape, BroadcastTo)):
        return list(node.inputs[1:])
    if isinstance(op, Arange):
        return list(node.inputs)
    if isinstance(op, (Index, SetIndex, AddIndex)):
        return [node.inputs[1 + b[1]] for e in op.key if e[0] == "slice" for b in e[1:] if isinstance(b, tuple)]
    return []


def of_data(order: Sequence[Expr]) -> tuple[set[Expr], set[Expr]]:
    """Return the nodes, of all in order, that follow from data and constants alone; and those among them by values of data, not by shapes."""
    fixed: set[Expr] = set()
    found: set[Expr] = set()
    for node in order:
        if not node.inputs:
            # The key of a random variable is data too, which each draw replaces.
            if isinstance(node.op, Constant) or (isinstance(node.op, Data) and node.op.label != LABEL):
                fixed.add(node)
            if isinstance(node.op, Data):
                found.add(node)
        elif all(i in fixed for i in node.inputs) and not node.op.graphs:
            fixed.add(node)
            if not isinstance(node.op, Dim) and any(i in found for i in node.inputs):
                found.add(node)
    return fixed, found


def has_length_of_values(node: Expr) -> bool:
    """Whether a node is a vector of indices or numbers as many as values say."""
    return isinstance(node.type, TensorType) and isinstance(node.inputs[0].op if isinstance(node.op, Get) else node.op, OF_VALUES)
