"""Indices that enter a function as arguments, data or constants: what to check where no loop does."""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.errors import IndexBoundsError
from workbench.graph.expr import Constant, Data, Expr
from workbench.graph.frozen import frozen
from workbench.graph.inner import Graph
from workbench.graph.traverse import topological
from workbench.tensor.control.flow import Cond
from workbench.tensor.declaration import Cast
from workbench.tensor.indexing.advanced import AddIndex, Index, SetIndex
from workbench.tensor.indexing.layout import layout_of
from workbench.tensor.indexing.rows import AddAt, SetAt, Take
from workbench.tensor.markers import Annotation, Named
from workbench.tensor.shape import BroadcastTo, Reshape


@frozen(eq=False)
class EnteringIndex:
    """`leaf`, an input, data or a constant, indexes axis `axis` of `what`, which has length `extent`."""

    leaf: Expr
    what: str
    axis: int
    extent: int
    location: Any

    def check(self, values: np.ndarray[Any, Any]) -> None:
        """Raise an error if a value is out of bounds.

        Raises
        ------
        IndexBoundsError
            With the first such value, the variable and the user's line.
        """
        bad = values[(values >= self.extent) | (values < -self.extent)]
        if bad.size:
            raise IndexBoundsError(
                f"index {bad.flat[0]} is out of bounds for axis {self.axis} of {self.what}, which has length {self.extent}",
                f"valid indices run from 0 to {self.extent - 1}",
                self.location,
            )


def entering_indices(graph: Graph) -> list[EnteringIndex]:
    """Return the inputs, data and constants that index something as they are, in the graph and inside its loops.

    Of a constant in a branch nothing is said: the branch may be there for where the index is right.
    """
    found: list[EnteringIndex] = []
    pending, seen, params = [(graph, True)], {graph}, set(graph.params)
    while pending:
        g, certain = pending.pop()
        for node in topological(g.results):
            for axis, at in _index_arrays(node):
                leaf = _leaf(at)
                if isinstance(leaf.op, Data) or (certain and isinstance(leaf.op, Constant)) or (g is graph and leaf in params):
                    x = node.inputs[0]
                    what, where = x.name or leaf.name or "the tensor", node.provenance
                    found.append(EnteringIndex(leaf, what, axis, x.type.static_shape[axis], where.location if where else None))
            inner = [h for h in node.op.graphs if h not in seen]
            seen.update(inner)
            pending += [(h, certain and not isinstance(node.op, Cond)) for h in inner]
    return found


def _index_arrays(node: Expr) -> list[tuple[int, Expr]]:
    """Axes of the node's first input, each with the array that indexes it."""
    if isinstance(node.op, (Take, SetAt, AddAt)):
        return [(0, node.inputs[1])]
    if isinstance(node.op, (Index, SetIndex, AddIndex)):
        others = node.inputs[1:] if isinstance(node.op, Index) else node.inputs[1:-1]
        axes = layout_of(node.op.key, node.inputs[0].type, [o.type for o in others]).axes
        return [(axis, others[at]) for axis, (kind, at, _) in enumerate(axes) if kind == "array"]
    return []


def _leaf(x: Expr) -> Expr:
    """What an index is a view of."""
    while isinstance(x.op, (Annotation, Named, Reshape, BroadcastTo, Cast)):
        x = x.inputs[0]
    return x
