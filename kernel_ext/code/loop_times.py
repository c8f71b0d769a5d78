"""Where the time of a computation goes in C: measured once, told of each node and of each line of code."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from weakref import WeakValueDictionary

import numpy as np

from kernel_ext.code.measuring import TURN, Measurement
from kernel_ext.graphs.computation import Subject, as_compiled, computation_of
from kernel_ext.graphs.values import initial_position
from workbench import Model
from workbench.compile.c.toolchain import require_compiler
from workbench.compile.function import CompiledFunction
from workbench.compile.profiling import ProfileLine, profiled_graph
from workbench.errors import CompileError
from workbench.graph import Expr
from workbench.graph.inner import Graph, nodes_within


@dataclass(frozen=True, eq=False)
class LoopTimes:
    """The statements of the C code of a graph: loops and library calls, with the time of each.

    Attributes
    ----------
    graph
        What is computed.
    lines
        The statements in their order.
    """

    graph: Graph
    lines: tuple[ProfileLine, ...]

    @cached_property
    def total(self) -> float:
        """Seconds of a call: of all statements."""
        return sum(x.seconds for x in self.lines)

    def of(self, expr: Expr) -> tuple[str, list[ProfileLine]]:
        """Return how an expression is computed, and the statements that do it.

        How is "" where they compute its elements; "loop" where it is a loop over steps or a branch, and they are inside; "inside" where it
        is written inside of what is computed from it; there are none of what costs nothing, as constants, and of what the code has not.
        """
        found = self._by_expr.get(expr, [])
        whole = self._together([expr, *nodes_within(expr.op.graphs)]) if expr.op.graphs else found
        if whole:
            return "loop" if len(whole) > len(found) else "", whole
        if not expr.inputs or expr not in self._users:
            return "", []
        # The nearest of what is computed from it that has statements.
        level, seen = [expr], {expr}
        while level:
            level = [u for x in level for u in self._users.get(x, ()) if u not in seen]
            seen.update(level)
            found = self._together(level)
            if found:
                return "inside", found
        return "", []

    def _together(self, exprs: Iterable[Expr]) -> list[ProfileLine]:
        made = {line.statement: line for x in exprs for line in self._by_expr.get(x, ())}
        return [made[i] for i in sorted(made)]

    @cached_property
    def _by_expr(self) -> dict[Expr, list[ProfileLine]]:
        made: dict[Expr, list[ProfileLine]] = {}
        for line in self.lines:
            for x in line.computes:
                made.setdefault(x, []).append(line)
        return made

    @cached_property
    def _users(self) -> dict[Expr, list[Expr]]:
        made: dict[Expr, list[Expr]] = {r: [] for r in self.graph.results}
        for n in nodes_within([self.graph]):
            for x in dict.fromkeys(n.inputs):
                made.setdefault(x, []).append(n)
        return made


_kept: WeakValueDictionary[Graph, LoopTimes] = WeakValueDictionary()
"""What was measured, as long as a part holds it."""
_lock = threading.Lock()


def known(graph: Graph) -> LoopTimes | None:
    """Return what was measured of a graph, if it was."""
    with _lock:
        return _kept.get(graph)


def why_not() -> str:
    """Return why nothing can be measured: there is no C compiler; empty if there is one."""
    try:
        require_compiler()
    except CompileError as error:
        return " – ".join(filter(None, (error.message, error.hint)))
    return ""


def measured(subject: Subject, anew: bool = False) -> LoopTimes:
    """Return the times of a subject's computation: a model's at its initial point, others' at random numbers. It takes a second or more.

    What was measured before is returned again, unless it is to be measured `anew`.

    Raises
    ------
    CompileError
        If there is no C compiler, a shape depends on values, or a function is of another backend or has slots.
    """
    with TURN:
        graph = as_compiled(computation_of(subject).graph)
        found = known(graph)
        if found is None or anew:
            found = LoopTimes(graph, _lines(subject, graph))
            with _lock:
                _kept[graph] = found
        return found


def _lines(subject: Subject, graph: Graph) -> tuple[ProfileLine, ...]:
    if isinstance(subject, CompiledFunction):
        if subject.backend != "c":
            raise CompileError(f"it is compiled for {subject.backend}", "compile it for backend='c' to see where the time goes in C")
        return subject.profile(*Measurement(subject).points[0]).lines
    if isinstance(subject, Model):
        q, z = initial_position(subject)
        values = [np.asarray({"z": z}.get(str(p.name), q)) for p in graph.params]
    else:
        values = Measurement(subject).points[0]
    return profiled_graph(graph, values, "logp_grad")
