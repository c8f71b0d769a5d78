"""NumPy: every operation's own NumPy form, one after another. The reference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from workbench.compile.entered_lengths import lengths_of
from workbench.graph.expr import Expr
from workbench.graph.inner import Graph
from workbench.graph.lengths import Symbol
from workbench.graph.traverse import topological
from workbench.graph.types import TensorType


class NumpyFunction:
    """A graph interpreted.

    Raises
    ------
    ShapeError
        At a call, if the types of parameters say that lengths are equal, which are not.

    Attributes
    ----------
    values
        The value of every node at the last call, where `keep_values` is asked for.
    """

    def __init__(self, graph: Graph, name: str, keep_values: bool = False, lengths: Sequence[Symbol] = ()) -> None:
        self.graph, self._lengths = graph, lengths
        self.values: dict[Expr, Any] = {}
        self._nodes = [n for n in topological(graph.results) if keep_values and isinstance(n.type, TensorType)]
        self._whole = Graph(graph.params, [*graph.results, *self._nodes])
        self._open = any(not isinstance(n, int) for p in graph.params for n in p.type.shape)

    def __call__(self, *values: np.ndarray[Any, Any]) -> list[np.ndarray[Any, Any]]:
        if self._open:
            numbers = map(int, values[len(values) - len(self._lengths) :])
            lengths_of(self.graph.params, [v.shape for v in values], dict(zip(self._lengths, numbers)))
        with np.errstate(all="ignore"):
            made = [np.asarray(v) for v in self._whole.run("numpy", *values)]
        count = len(self.graph.results)
        self.values = dict(zip(self._nodes, made[count:]))
        # They may be arguments, constants, or parts of one another.
        return [v.copy() for v in made[:count]]
