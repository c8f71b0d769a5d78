"""Values of a computation's nodes at a point: of each node when it is asked for, its gradient, and what it costs."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from workbench import Model
from workbench.graph import Expr, free_inputs, replace, topological
from workbench.graph.inner import Graph
from workbench.model.drawing import named_expressions
from workbench.model.position import Places
from workbench.tensor import constant
from workbench.transforms.gradient import grad

Array = np.ndarray[Any, Any]
REPEATS = 7


class Values:
    """Values at one point.

    Parameters
    ----------
    graph
        The computation.
    arguments
        Values of its parameters.
    known
        Values that are known otherwise.
    """

    def __init__(self, graph: Graph, arguments: Sequence[Array], known: Mapping[Expr, Any] | None = None) -> None:
        self.graph, self.arguments = graph, list(arguments)
        self._known: dict[Expr, Any] = {**dict(zip(graph.params, self.arguments)), **(known or {})}

    def of(self, expr: Expr) -> Any:
        """Return a node's value; ``None`` for what does not follow from the point."""
        if expr not in self._known:
            if not set(free_inputs([expr])) <= set(self.graph.params):
                return None
            wanted = [n for n in topological([expr]) if n not in self._known]
            with np.errstate(all="ignore"):
                self._known.update(zip(wanted, Graph(self.graph.params, wanted).run("numpy", *self.arguments)))
        return self._known[expr]

    def gradient(self, expr: Expr) -> Any:
        """Return how much the first result grows with each element of a node; ``None`` if it does not depend on it."""
        total = self.graph.results[0]
        if getattr(total.type, "shape", None) != () or expr.type.dtype != "float64" or expr not in depends_on_nodes(total):
            return None
        (slope,) = grad(total, [expr], disconnected_inputs="ignore")  # type: ignore[arg-type]
        with np.errstate(all="ignore"):
            return Graph(self.graph.params, [slope]).run("numpy", *self.arguments)[0]

    def seconds(self, expr: Expr) -> float | None:
        """Return how long NumPy takes over a node's operation alone, its operands at hand: the median of some evaluations."""
        if not expr.inputs or expr.op.graphs:
            return None
        operands = [self.of(x) for x in expr.inputs]
        if any(v is None for v in operands):
            return None
        taken = []
        with np.errstate(all="ignore"):
            for _ in range(REPEATS):
                begun = time.perf_counter()
                expr.op.numpy(*operands)
                taken.append(time.perf_counter() - begun)
        return float(np.median(taken))


def depends_on_nodes(total: Expr) -> set[Expr]:
    """Return everything that a result is computed from."""
    return set(topological([total]))


def variables_at(model: Model, q: Array, z: Array) -> dict[Expr, Any]:
    """Return values of a model's variables, and of its named expressions, at a position."""
    values: dict[Expr, Any] = dict(zip((*model.free_RVs, *model.deterministics), model.constrained_graph().run("numpy", q, z)))
    for rv in model.observed_RVs:
        values[rv] = model.rvs_to_values[rv].eval()
    computed = [*model.potentials, *named_expressions(model)]
    known: dict[Any, Any] = {rv: constant(values[rv]) for rv in (*model.free_RVs, *model.observed_RVs)}
    with np.errstate(all="ignore"):
        values.update((x, now.eval()) for x, now in zip(computed, replace(computed, known)))
        values.update((x, x.eval()) for x in model.data_vars)
    return values


def initial_position(model: Model) -> tuple[Array, Array]:
    """Return where sampling starts, as two vectors."""
    return Places.of(model).vectors(model.initial_point())


