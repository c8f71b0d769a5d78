"""Graphs over data of one moment: leaves of their own in the place of those that can be replaced, and of what enters with them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from workbench.graph.expr import Constant, Data, Expr, constant_op, give_name, intern
from workbench.graph.inner import Graph, mapped, nodes_within
from workbench.graph.lengths import Size, Symbol, substitute
from workbench.graph.types import TensorType, type_of


def data_of(graphs: Iterable[Graph]) -> list[Expr]:
    """Return the data leaves of graphs, those inside their loops, branches and regions too."""
    return list(dict.fromkeys(n for n in nodes_within(graphs) if isinstance(n.op, Data)))


def leaf_of(x: Expr, value: np.ndarray[Any, Any]) -> Expr:
    """Return data that stand for an expression of that value; a number as a constant, for it may be a length."""
    made = intern(constant_op(value)) if not value.shape and value.dtype.kind in "iu" else intern(Data(x.name or "data", [value], type_of(value)))
    return made if isinstance(made.op, Constant) else give_name(made, x.name)  # type: ignore[no-any-return]


def with_leaves(graph: Graph, params: Iterable[Expr], leaves: Mapping[Expr, Expr]) -> Graph:
    """Return the graph over other first parameters, and over leaves in the place of the other parameters and of data."""
    kept = list(params)
    new = {**dict(zip(graph.params, kept)), **leaves}
    return Graph(kept, mapped(graph.results, lambda node, inputs: new.get(node)))


def at_lengths(kind: Any, known: Mapping[Symbol, Size]) -> Any:
    """Return a type with numbers for lengths that are known."""
    return kind.with_shape(tuple(substitute(n, known) for n in kind.shape)) if isinstance(kind, TensorType) and kind.is_open else kind
