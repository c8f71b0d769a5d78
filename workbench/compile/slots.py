"""Slots of a graph: which there are, and the graph with graphs in them, for backends that compile a graph whole."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from workbench.errors import CompileError
from workbench.graph.conditions import retyped
from workbench.graph.expr import Expr
from workbench.graph.inner import Graph, mapped, nodes_within
from workbench.graph.lengths import Size, Symbol
from workbench.tensor.control.flow import Region, Slot


def slots_of(graph: Graph) -> dict[str, Slot]:
    """Return the slots of a graph, those of its loops and branches too, by label.

    Raises
    ------
    CompileError
        If one label stands for functions of different types.
    """
    found: dict[str, Slot] = {}
    for node in nodes_within([graph]):
        if isinstance(node.op, Slot) and found.setdefault(node.op.label, node.op) != node.op:
            raise CompileError(f"the slot {node.op.label} has several types in one graph", "give each function a label of its own")
    return found


def filled(graph: Graph, given: Mapping[str, Graph], finished: Callable[[Graph], Graph] = lambda graph: graph) -> Graph:
    """Return the graph with graphs in its slots, each a region of the slot's name, for lengths that fit them.

    Those that are narrowed for the graph are `finished` then.
    """
    lengths: dict[Symbol, Size] = {}
    for node in nodes_within([graph]):
        if isinstance(node.op, Slot):
            # As they are called where the slot stands, which conditions may have made others than those that it was declared with.
            there = Slot(node.op.label, tuple(x.type for x in node.inputs), node.op.returns)
            lengths.update(there.numbers([p.type for p in given[node.op.label].params]))
    if lengths:
        params = [retyped(p, lengths) for p in graph.params]
        graph = Graph(params, graph.apply(*params))

    def region(node: Expr, inputs: tuple[Expr, ...]) -> Expr | None:
        if not isinstance(node.op, Slot):
            return None
        whole = given[node.op.label]
        made = whole.at([x.type for x in inputs])
        return Region(node.op.label, made if made is whole else finished(made))(*inputs)

    return graph.map_results(lambda results: mapped(results, region))


def empty(name: str, labels: Iterable[str]) -> CompileError:
    """The error for a call of code with slots."""
    label = ", ".join(labels)
    return CompileError(f"{name} has a slot with no function in it: {label}", f"link one: f.link({label}=function)")


class Whole:
    """A graph with slots on a backend that compiles a graph whole: it is compiled when the slots are filled."""

    def __init__(self, graph: Graph, compiled: Callable[..., Any], finished: Callable[[Graph], Graph]) -> None:
        self.graph, self.compiled, self.finished = graph, compiled, finished

    def linked(self, functions: Mapping[str, Any]) -> Any:
        """Return the graph compiled with the graphs of the functions in its slots."""
        return self.compiled(filled(self.graph, {label: f.graph for label, f in functions.items()}, self.finished))

    def __call__(self, *values: Any) -> Any:
        raise empty("the graph", slots_of(self.graph))
