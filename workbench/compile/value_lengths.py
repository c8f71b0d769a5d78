"""What has lengths by values: it is computed before compiled code is entered.

Compiled code takes the lengths of its arguments as arguments. Those of `x[x > 0]`, `zeros(k)` or `x[:k]` depend on
values: the indices of `x > 0`, and the number `k`, are computed first, by NumPy, and enter as arguments too. Inside
a loop there is no such time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from workbench.graph.expr import Expr, Get
from workbench.graph.lengths import Symbol, symbols
from workbench.graph.traverse import topological
from workbench.graph.types import TensorType, TupleType
from workbench.tensor.indexing.advanced import AddIndex, Index, SetIndex
from workbench.tensor.shape.lengths import numbers_in_length


def computed_before(roots: Sequence[Expr], given: Iterable[Expr], bounds: bool = False) -> tuple[list[Any], list[Any]]:
    """Return the arrays and the numbers by whose values a graph has lengths, beyond those of inputs and data that are `given`.

    `bounds`: and the numbers that slices begin and end with, which JAX must know too.
    """
    known: set[Symbol] = {s for x in given for s in _symbols(x)}
    arrays: list[Any] = []
    numbers: dict[Any, None] = {}
    several: dict[Expr, set[Symbol]] = {}  # The new lengths of nodes with several results.
    for node in topological(roots):
        if bounds and isinstance(node.op, (Index, SetIndex, AddIndex)):
            numbers.update(dict.fromkeys(bounds_of(node)))
        if isinstance(node.type, TensorType) and not node.type.is_open:
            continue
        unknown = _symbols(node) - known
        if isinstance(node.type, TupleType):
            several[node] = unknown
            continue
        if isinstance(node.op, Get) and _symbols(node) & several[node.inputs[0]]:
            arrays.append(node)
            known |= unknown
            continue
        for x in node.inputs:
            for number, symbol in numbers_in_length(x):
                if symbol in unknown - known:
                    numbers[number] = None
                    known.add(symbol)
        if not unknown <= known:
            arrays.append(node)
            known |= unknown
    return arrays, list(numbers)


def bounds_of(node: Expr) -> list[Expr]:
    """Return the numbers that the slices of a key begin and end with, where they are expressions."""
    return [node.inputs[1 + b[1]] for e in node.op.key if e[0] == "slice" for b in e[1:] if isinstance(b, tuple)]


def _symbols(x: Expr) -> set[Symbol]:
    items = x.type.items if isinstance(x.type, TupleType) else [x.type]
    return {s for t in items if isinstance(t, TensorType) and t.is_open for n in t.shape for s in symbols(n)}
