"""What a subject is computed by: one graph, and every step to it, for all parts of all panels, so that an expression is one in each."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from workbench import Model
from workbench.compile.function import CompiledFunction
from workbench.graph import Data, Expr, Trace, free_inputs, topological
from workbench.graph.expr import Op, give_name, intern
from workbench.graph.frozen import frozen
from workbench.graph.inner import Graph
from workbench.graph.types import TupleType
from workbench.model.compiled import PointFunction
from workbench.model.density import LogpDlogp
from workbench.model.purposes import Purposes, purposes
from workbench.model.tracing import trace_of
from workbench.rewrites import default_mode

Subject = Model | Expr | CompiledFunction
FUNCTIONS = (CompiledFunction, PointFunction, LogpDlogp)
"""What is compiled, as `function` and models make it."""


@frozen
class Results(Op):
    """The results of a function together: for drawings, and for text."""

    name = "results"

    def infer(self, *types: Any) -> TupleType:
        return TupleType(types)

    def numpy(self, *values: Any) -> tuple[Any, ...]:
        return values


def drawn(subject: Subject) -> Model | Expr:
    """Return a subject as what can be drawn: a function as the expression that it computes."""
    if not isinstance(subject, CompiledFunction):
        return subject
    results = subject.graph.results
    made: Expr = results[0] if len(results) == 1 else intern(Results(), results)
    return made


def as_compiled(graph: Graph) -> Graph:
    """Return a graph as code is made of it: results that are drawn as one expression apart again."""
    if len(graph.results) == 1 and isinstance(graph.results[0].op, Results):
        return Graph(graph.params, graph.results[0].inputs)
    return graph


class Computation(NamedTuple):
    """The graph as it is written and as it is compiled; the steps from the first, or from the model, to the last; what a model's nodes are for."""

    written: Graph
    graph: Graph
    trace: Trace
    purposes: Purposes | None = None


def function_in(x: Any) -> Any:
    """Return the compiled function behind a function of points, or of a model; anything else as it is."""
    return x.function if isinstance(x, FUNCTIONS[1:]) else x


def computation_of(subject: Subject) -> Computation:
    """Return what computes a subject: a model's log-density and gradient for the data of now, an expression, a function.

    That of a model is made once for what the model is, the lengths of its data, and the rules that there are; that of the
    last few expressions too, so that its loops, which are new ones whenever they are made, are the same in all parts.
    """
    if isinstance(subject, CompiledFunction):
        return Computation(subject.written, subject.graph, trace_of(subject))
    if isinstance(subject, Expr):
        return _of_expression(subject, default_mode(), tuple(np.shape(x.op.value) for x in topological([subject]) if isinstance(x.op, Data)))
    shapes = tuple(np.shape(x.op.value) for x in subject.data_vars if isinstance(x.op, Data))
    made = subject.compiled_functions.get(subject, ("computation", default_mode(), shapes), _of_model).value
    return made or _of_model(subject)


@lru_cache(maxsize=4)
def _of_expression(expr: Expr, mode: Any, shapes: Any) -> Computation:
    trace, inputs = trace_of(expr), free_inputs([expr])
    return Computation(Graph(inputs, [expr]), Graph(inputs, trace.passes[-1].after), trace)


def _of_model(model: Model) -> Computation:
    made = purposes(model)
    for result, name in zip(made.roots, ("logp", "gradient")):
        give_name(result, name)
    # Repeated terms are rerolled before derivatives are taken too: the last pass of that name is the optimisation's.
    before = next(p.before for p in reversed(made.trace.passes) if p.name == default_mode().passes[0].name)
    return Computation(Graph(free_inputs(before), before), Graph(free_inputs(before), made.roots), made.trace, made)
