"""From flat unconstrained draws to the model's variables: compiled, a block of draws at a time."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

import workbench.tensor as pt
from workbench.compile import CompiledFunction, function
from workbench.graph.inner import Graph
from workbench.model.model import Model
from workbench.tensor.tensor import Tensor


def block_graph(graph: Graph, rows: int) -> Graph:
    """Return the graph applied to each of `rows` flat vectors: one loop over the rows.

    Parameters are the draws (rows, d) and how many of the rows to do.
    """
    d = graph.params[0].type.shape[0]
    draws = pt.matrix("draws", rows, d)
    count = pt.tensor("count", "int64", ())
    start = [pt.zeros((rows, *r.type.static_shape), r.type.dtype) for r in graph.results]

    def body(i: Tensor, *outputs: Tensor) -> list[Tensor]:
        values = graph.apply(draws[i])
        return [i + 1, *(o[i].set(v) for o, v in zip(outputs, values))]

    _, *results = pt.while_loop(lambda i, *outputs: i < count, body, [0, *start])
    return Graph([draws, count], results)


class Values:
    """The free variables and deterministics of a model, from flat draws.

    Attributes
    ----------
    names, shapes, dtypes
        Variables in order, and what each draw of them is.
    """

    def __init__(self, model: Model, backend: str, rows: int) -> None:
        self.names = [str(x.name) for x in (*model.free_RVs, *model.deterministics)]
        graph = model.constrained_graph()
        self.shapes = [r.type.static_shape for r in graph.results]
        self.dtypes = [r.type.dtype for r in graph.results]
        self.rows = rows
        block = block_graph(graph, rows)
        self.function: CompiledFunction = function(block.params, block.results, backend=backend, name="values")

    def __call__(self, draws: np.ndarray[Any, Any], count: int) -> list[np.ndarray[Any, Any]]:
        """Return each variable's values, (count, *shape), for the first `count` rows of `draws`."""
        return [v[:count] for v in self.function(draws, count)]


def element_names(model: Model, name: str, shape: tuple[int, ...]) -> list[str]:
    """Return the names of a variable's elements, by its coords: ``a[AITKIN]``; by label and position where several labels are equal."""
    if not shape:
        return [name]
    dims = model.named_vars_to_dims.get(name, ())
    labels: list[list[str]] = []
    for axis, n in enumerate(shape):
        known = model.coords.get(str(dims[axis])) if axis < len(dims) else None
        texts = [str(c) for c in known] if known is not None and len(known) == n else [str(i) for i in range(n)]
        labels.append(apart(texts))
    found = [""]
    for axis_labels in labels:
        found = [f"{before}, {label}" if before else label for before in found for label in axis_labels]
    return [f"{name}[{label}]" for label in found]


def apart(names: list[str]) -> list[str]:
    """Return names with the position of those that occur several times.

    Examples
    --------
    >>> apart(["a", "b", "a"])
    ['a (0)', 'b', 'a (2)']
    """
    if len(set(names)) == len(names):
        return names
    several = {n for n, k in Counter(names).items() if k > 1}
    return apart([f"{n} ({i})" if n in several else n for i, n in enumerate(names)])
