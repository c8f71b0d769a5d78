"""A graph in single precision: every tensor of float64 in it becomes one of float32."""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.compile.slots import slots_of
from workbench.errors import CompileError
from workbench.graph.expr import Constant, Data, Expr, Input, Op, constant_op, give_name, intern
from workbench.graph.frozen import changed, fields
from workbench.graph.inner import Graph
from workbench.graph.traverse import topological
from workbench.graph.types import TensorType, TupleType
from workbench.tensor.declaration import Cast, ScalarOp
from workbench.tensor.elementwise import minimum
from workbench.tensor.random.random_bits import word_to_unit
from workbench.tensor.tensor import constant

WIDE, NARROW = "float64", "float32"
BELOW_ONE = 1.0 - 2.0**-24
"""The largest float32 below 1: to which a uniform number that would be rounded up to 1 is cut."""


def in_single_precision(graph: Graph) -> Graph:
    """Return the graph with float32 for float64 throughout: parameters, results, constants, loops.

    Data stay as they are, and are cast where they are read. Random bits, keys and whole numbers keep
    their types. Numbers that float32 cannot hold become infinite or zero.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> x = pt.vector("x", 3)
    >>> in_single_precision(Graph([x], [pt.exp(x) * 0.1]))
    Graph((float32[3]) -> (float32[3]))
    """
    return _Narrowing().graph(graph)


def computed_in_single_precision(graph: Graph) -> Graph:
    """Return a graph of the same parameters that does in float32 what this one does in float64, and has such results.

    Raises
    ------
    CompileError
        If the graph has slots: what is in them is given double precision.
    """
    if slots_of(graph):
        raise CompileError("a function with slots computes in float64", "use precision='float32' for functions without slots, or backend='jax'")
    single = in_single_precision(graph)
    given: list[Any] = [x if x.type is narrow.type else intern(Cast(NARROW), (x,)) for x, narrow in zip(graph.params, single.params)]
    return Graph(graph.params, single.apply(*given))


class _Narrowing:
    def __init__(self) -> None:
        self.graphs: dict[Graph, Graph] = {}

    def graph(self, graph: Graph) -> Graph:
        known = self.graphs.get(graph)
        if known is None:
            made: dict[Expr, Expr] = {}
            for node in topological((*graph.params, *graph.results)):
                made[node] = self.node(node, tuple(made[x] for x in node.inputs))
            known = Graph([made[p] for p in graph.params], [made[r] for r in graph.results])
            self.graphs[graph] = known
        return known

    def node(self, node: Expr, inputs: tuple[Expr, ...]) -> Expr:
        made: Expr = intern(self.op(node.op), inputs)
        if isinstance(made.type, TensorType) and made.type.dtype == WIDE:
            # An operation whose result is double whatever it reads, or data.
            made = intern(Cast(NARROW), (made,))
            if node.op is word_to_unit:
                made = minimum(made, constant(BELOW_ONE, NARROW))
        return made if made is node else give_name(made, node.name)

    def op(self, op: Op) -> Op:
        if isinstance(op, Constant):
            with np.errstate(over="ignore"):  # Limits such as 1e150 are infinite in float32.
                return constant_op(op.value, NARROW) if op.value.dtype == WIDE else op
        if isinstance(op, Input):
            return Input(op.label, self.field(op.type))
        if isinstance(op, (Data, ScalarOp)):
            return op
        if op.graphs:
            op = op.with_graphs(tuple(map(self.graph, op.graphs)))
        old = fields(op)
        new = {name: self.field(value) for name, value in old.items()}
        narrow = {name: value for name, value in new.items() if value is not old[name]}
        return changed(op, **narrow) if narrow else op

    def field(self, value: Any) -> Any:
        """A static parameter of an operation; the same object where it names no float64."""
        if isinstance(value, str):
            return NARROW if value == WIDE else value
        if isinstance(value, TensorType):
            return TensorType(NARROW, value.shape) if value.dtype == WIDE else value
        if isinstance(value, TupleType):
            return TupleType(tuple(map(self.field, value.items)))
        if type(value) is tuple:
            items = tuple(map(self.field, value))
            return value if all(a is b for a, b in zip(items, value)) else items
        return value
