"""From positions to the model's variables, a block of draws at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import Any

import numpy as np

import workbench.tensor as pt
from workbench.compile import CompiledFunction
from workbench.graph.inner import Graph
from workbench.model.density import lengths_in, values_of_variables
from workbench.model.functions import function_of
from workbench.model.model import Model
from workbench.model.position import Places, constrained_position
from workbench.tensor.tensor import Tensor


def as_they_are(model: Model) -> list[str]:
    """Return the names of the free variables that are parts of a position as they are: those without a transform."""
    values = values_of_variables(model)
    return [str(rv.name) for rv in model.free_RVs if values[rv] is model.rvs_to_values[rv]]


def block_graph(model: Model, rows: int, without: Collection[str] = ()) -> Graph:
    """Return the graph from `rows` positions to the free variables and deterministics of a model: one loop over the rows.

    Parameters are the rows of each vector (rows, size), and how many of them to do; variables `without` these names.
    """
    graph = constrained_position(model)
    variables = (*model.free_RVs, *model.deterministics)
    chosen = [k for k, x in enumerate(variables) if x.name not in without]
    graph = Graph(graph.params, [graph.results[k] for k in chosen])
    draws = [pt.tensor(str(p.name), p.type.dtype, (rows, *p.type.shape)) for p in graph.params]
    count = pt.tensor("count", "int64", ())
    start = [pt.zeros((rows, *lengths_in(r.type.shape, model, variables[k])), r.type.dtype) for k, r in zip(chosen, graph.results)]

    def body(i: Tensor, *outputs: Tensor) -> list[Tensor]:
        values = graph.apply(*(x[i] for x in draws))
        return [i + 1, *(o[i].set(v) for o, v in zip(outputs, values))]

    _, *results = pt.while_loop(lambda i, *outputs: i < count, body, [0, *start])
    return Graph([*draws, count], results)


class Values:
    """The free variables and deterministics of a model, from positions.

    What a position holds as it is is copied; the rest is compiled.

    Attributes
    ----------
    names, shapes, dtypes
        Variables in order, and what each draw of them is.
    """

    def __init__(self, model: Model, backend: str, rows: int) -> None:
        variables = (*model.free_RVs, *model.deterministics)
        self.names = [str(x.name) for x in variables]
        self.shapes = [x.type.static_shape for x in variables]
        self.dtypes = [x.type.dtype for x in variables]
        self.rows = rows
        same = as_they_are(model)
        # Without a transform, a value is called as its variable.
        there = {name: (which, at) for which, places in enumerate(Places.of(model)) for name, (at, _) in places.items()}
        self._held = {name: there[name] for name in same}
        self.function: CompiledFunction | None = None
        if len(same) < len(variables):
            self.function = function_of(model, "values", backend, lambda m: block_graph(m, rows, same), (rows, *same))

    def __call__(self, q: np.ndarray[Any, Any], z: np.ndarray[Any, Any]) -> list[np.ndarray[Any, Any]]:
        """Return each variable's values, (n, *shape), at positions given by their vectors, (n, d) and (n, k), of at most `rows` rows."""
        count = len(q)
        computed = iter(self._computed(q, z) if self.function is not None else ())
        found = []
        for name, shape, dtype in zip(self.names, self.shapes, self.dtypes):
            if name in self._held:
                which, at = self._held[name]
                found.append((q, z)[which][:, at].astype(dtype).reshape(count, *shape))
            else:
                found.append(next(computed)[:count])
        return found

    def _computed(self, q: np.ndarray[Any, Any], z: np.ndarray[Any, Any]) -> list[np.ndarray[Any, Any]]:
        """What is compiled, of `rows` rows."""
        assert self.function is not None
        count = len(q)
        if count < self.rows:
            q, z = (np.concatenate([x, np.zeros((self.rows - count, x.shape[1]), x.dtype)]) for x in (q, z))
        found: list[np.ndarray[Any, Any]] = self.function(q, z, count)
        return found


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
