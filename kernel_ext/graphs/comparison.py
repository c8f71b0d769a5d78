"""What two models have in common: as columns for the widgets, each node with its side."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np

from kernel_ext.graphs.grouping import Group
from kernel_ext.graphs.model_view import arrows, variable, variable_columns
from kernel_ext.graphs.snapshot import Keys
from workbench import Model
from workbench.graph import Expr, Input, topological
from workbench.graph.inner import Graph

BOTH, LEFT, RIGHT = 0, 1, 2


def compared_models(keys: Keys, left: Model, right: Model) -> tuple[dict[str, Any], list[Group]]:
    """Return the columns of two models' variables: those of one name that say the same are one node."""
    above, over = arrows(left), arrows(right)
    shown = {x: variable(left, x, above[x]) for x in above}
    known = {v: x for x, v in shown.items()}
    others = {x: variable(right, x, over[x]) for x in over}
    stands = {x: known.get(v, x) for x, v in others.items()}
    common = set(stands.values()) & set(above)
    shown.update((x, v) for x, v in others.items() if stands[x] is x)
    edges = [(p, x) for x in above for p in above[x]] + [(stands[p], stands[x]) for x in over for p in over[x]]
    made, groups = variable_columns(keys, shown, list(dict.fromkeys(edges)))
    sides = [BOTH if x in common else LEFT if x in above else RIGHT for x in shown]
    return {**made, "side": np.array(sides, np.uint8)}, groups


class Together:
    """The nodes of two computations: what is computed alike from inputs of the same name and type is one node."""

    def __init__(self, left: Graph, right: Graph) -> None:
        numbers: dict[Hashable, int] = {}
        self._number: dict[Expr, int] = {}
        sides = []
        for graph in (left, right):
            nodes = topological(graph.results)
            for n in nodes:
                what: Hashable = ("input", n.name, n.type) if isinstance(n.op, Input) else (n.op, *(self._number[x] for x in n.inputs))
                self._number[n] = numbers.setdefault(what, len(numbers))
            sides.append({self._number[n]: n for n in nodes})
        first, second = sides
        self.shown: dict[int, Expr] = {**second, **first}
        """By number, each once: the left one's where both have it."""
        self.side = {n: BOTH if i in first and i in second else LEFT if i in first else RIGHT for i, n in self.shown.items()}

    def of(self, expr: Expr) -> Expr:
        """Return the node that stands for one of either graph."""
        return self.shown[self._number[expr]]

    def edges(self, drawn: Sequence[Expr]) -> list[tuple[Expr, Expr]]:
        """Return arrows between the nodes that are drawn."""
        there = set(drawn)
        return [(a, n) for n in drawn for a in dict.fromkeys(self.of(x) for x in n.inputs) if a in there]
