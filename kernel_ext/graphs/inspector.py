"""The graph inspector, on the kernel's side."""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kernel_ext import static_view
from kernel_ext.code import loop_times
from kernel_ext.code.loop_times import LoopTimes
from kernel_ext.graphs.comparison import Together, compared_models
from kernel_ext.graphs.computation import as_compiled, computation_of
from kernel_ext.graphs.grouping import Group, by_purpose, folded
from kernel_ext.graphs.model_view import model_columns
from kernel_ext.graphs.snapshot import FORMULA, columns, label_of, summarise, thumbnail, written_inside
from kernel_ext.graphs.values import Values, initial_position, variables_at
from kernel_ext.sampling import draws
from kernel_ext.widget.frames import encode
from kernel_ext.widget.part import Part
from workbench import Model
from workbench.compile.listing import listing
from workbench.compile.loop_ir.lines import CodeLine
from workbench.graph import RULES, Expr, formula, free_inputs, topological
from workbench.graph.inner import Graph, nodes_within
from workbench.graph.provenance import Purpose
from workbench.model.purposes import Purposes

FORMULAS = 2000
"""Nodes of larger graphs are called by their operations."""
CHUNK = 180_000
"""About how many bytes of a graph go in one message."""
PLACES = 4
"""So many loops of a node are told."""
AROUND, MOST_LINES = 2, 20
"""Lines of code before and after a node's own, and how many from its first are shown."""


class GraphInspector(Part):
    """Shows a model's variables or computation, or an expression; details of a node on request.

    Parameters
    ----------
    subject
        A model or an expression.
    called
        What the subject is called.
    view
        "model" for variables in their plates, "computation" for log-density and gradient; by default the first of these
        that the subject has.
    compare
        Another model or expression: what both have is told apart from what only one has.
    compared_to
        What that is called.
    """

    def __init__(self, subject: Model | Expr, called: str = "", view: str = "", compare: Model | Expr | None = None, compared_to: str = "") -> None:
        super().__init__()
        if compare is not None and isinstance(compare, Model) != isinstance(subject, Model):
            raise TypeError(f"{_what(subject)} can be compared with another, not with {_what(compare)}")
        self.subject, self.compare = subject, compare
        self.called = called or (subject.name or "" if isinstance(subject, Expr) else "")
        self.compared_to = compared_to or "the other"
        self.view = view or ("model" if isinstance(subject, Model) else "computation")
        self.name = "model" if self.view == "model" else "density"
        self.title = "Model" if self.view == "model" else "Density" if isinstance(subject, Model) else "Graph"
        self._graphs: dict[int, Graph] = {}
        self._purposes: Purposes | None = None
        self._values: dict[Any, Values] = {}
        self._listings: dict[str, list[CodeLine]] = {}
        self._lines: dict[Any, list[Expr]] | None = None
        self._loop_times: LoopTimes | None = None
        self._boxes: set[Expr] | None = None

    @property
    def graph(self) -> Graph:
        """The computation: a model's optimised log-density and gradient, or the expression."""
        return self._graph_of(self.subject)

    def _graph_of(self, subject: Model | Expr) -> Graph:
        if id(subject) not in self._graphs:
            if isinstance(subject, Model):
                made = computation_of(subject)
                self._graphs[id(subject)] = made.graph
                if subject is self.subject:
                    self._purposes = made.purposes
            else:
                self._graphs[id(subject)] = Graph(free_inputs([subject]), [subject])
        return self._graphs[id(subject)]

    def on_hello(self, content: Mapping[str, Any]) -> None:
        if self.view != "model" and id(self.subject) not in self._graphs:
            # It may take a second, and who hears nothing asks again.
            self.push("begun", said="deriving the log-density and its gradient…" if isinstance(self.subject, Model) else "looking at the graph…")
        self.push_graph()

    def static(self) -> dict[str, str]:
        if self.compare is None:
            return static_view.subject_bundle(self.subject)
        return static_view.side_by_side({self.called: self.subject, self.compared_to: self.compare})

    def push_graph(self) -> None:
        """Send the drawing, a large one in several messages."""
        drawn, groups, roots = self._drawn()
        numbers = [self.numbers.of(r) for r in roots]
        drawn.update({f"group.{field}": [getattr(g, field) for g in groups] for field in ("label", "said", "kind")})
        drawn["group.parent"] = np.array([g.parent for g in groups], np.int32)
        drawn["group.open"] = np.array([g.open for g in groups], np.uint8)
        drawn["group.head"] = np.array([-1 if g.head is None else g.head for g in groups], np.int32)
        chunks = -(-len(encode(drawn)[1]) // CHUNK) or 1
        said = {"view": self.view, "title": self.called, "roots": numbers, "chunks": chunks}
        if self.compare is not None:
            said |= {"title": f"{self.called} − / + {self.compared_to}", "comparing": [self.called, self.compared_to]}
        for i in range(chunks):
            part = {name: c[len(c) * i // chunks : len(c) * (i + 1) // chunks] for name, c in drawn.items()}
            self.push("graph", part, chunk=i, **(said if i == 0 else {"chunks": chunks}))

    def _drawn(self) -> tuple[dict[str, Any], list[Group], Sequence[Expr]]:
        if self.view == "model" and isinstance(self.subject, Model):
            roots: list[Expr] = list(self.subject.observed_RVs) or list(self.subject.named_vars.values())
            if isinstance(self.compare, Model):
                return *compared_models(self.numbers, self.subject, self.compare), roots
            return *model_columns(self.numbers, self.subject), roots
        if self.compare is not None:
            both = Together(self.graph, self._graph_of(self.compare))
            nodes = [n for n in both.shown.values() if not written_inside(n)]
            roots = list(dict.fromkeys([*self.graph.results, *(both.of(r) for r in self._graph_of(self.compare).results)]))
            drawn = columns(self.numbers, nodes, both.edges(nodes), {}, {}, {})
            drawn["side"] = np.array([both.side[n] for n in nodes], np.uint8)
            return drawn, [], roots
        return self._computed(list(self.graph.results))

    def _computed(self, roots: Sequence[Expr]) -> tuple[dict[str, Any], list[Group], Sequence[Expr]]:
        """The columns of a computation: its nodes, those inside of loops and branches too, by what they are for."""
        nodes = [n for n in topological(roots) if not written_inside(n)]
        there = set(nodes)
        edges = [(x, n) for n in nodes for x in dict.fromkeys(n.inputs) if x in there]
        groups: list[Group] = []
        purposes = self._purposes
        held = by_purpose(nodes, purposes.of, _said(self.subject, purposes), groups) if purposes and isinstance(self.subject, Model) else [-1] * len(nodes)
        # Of large graphs nobody reads all formulas, and each is some work.
        named = self.numbers.label if len(nodes) <= FORMULAS else label_of
        held = folded(nodes, roots, held, [self.numbers.of(n) for n in nodes], [named(n) for n in nodes], groups)
        for i, n in enumerate(list(nodes)):
            inside = [x for x in topological([r for g in n.op.graphs for r in g.results]) if x not in there and not written_inside(x)]
            if not inside:
                continue
            groups.append(Group(f"inside {n.op.name}", "", "loop", held[i]))
            nodes += inside
            held += [len(groups) - 1] * len(inside)
            there.update(inside)
            edges += [(x, y) for y in inside for x in dict.fromkeys(y.inputs) if x in there]
            edges += [(r, n) for g in n.op.graphs for r in dict.fromkeys(g.results) if r in there]
        return columns(self.numbers, nodes, edges, {n: named(n) for n in nodes}, {}, {}, held), groups, roots

    # Details of a node -------------------------------------------------------------------------------

    def on_node(self, content: Mapping[str, Any]) -> None:
        expr = self.numbers.expr(int(content["key"]))
        facts = self.describe(expr)
        shown = self.value(expr, _place(content))
        value, numbers = shown if shown is not None else (None, np.empty(0))
        run = draws.latest_run(self.subject) if isinstance(self.subject, Model) else None
        points = None if run is None else {"chains": len(run.kept), "draws": draws.draws_made(run)}
        self.push("node", {"value": numbers}, rid=content.get("rid"), key=content["key"], value=value, points=points, **facts)

    def on_more(self, content: Mapping[str, Any]) -> None:
        """Answer with what takes longer: the gradient, the time, the code."""
        expr = self.numbers.expr(int(content["key"]))
        gradient, numbers, taken, loops = None, np.empty(0), None, None
        if self.view != "model":
            values = self._values_at(_place(content))
            try:
                slope = values.gradient(expr) if isinstance(self.subject, Model) else None
                if slope is not None:
                    shape, numbers = thumbnail(slope)
                    gradient = {"summary": summarise(slope), "shape": shape}
                seconds = values.seconds(expr)
                taken = None if seconds is None else {"seconds": seconds, "said": "its operation alone, in NumPy"}
            except Exception as error:
                gradient = {"error": f"{type(error).__name__}: {error}"}
            loops = self.loops(expr)
        self.push("more", {"gradient": numbers}, rid=content.get("rid"), key=content["key"], gradient=gradient, time=taken, loops=loops, code=self.code(expr))

    def on_measure(self, content: Mapping[str, Any]) -> None:
        """Measure the loops of the compiled code, and tell of a node's. Code with clocks is compiled for it: the handler does not wait."""
        threading.Thread(target=self._measure, args=(content,), name="workbench-loop-times", daemon=True).start()

    def _measure(self, content: Mapping[str, Any]) -> None:
        try:
            self._loop_times = loop_times.measured(self.subject)
            loops = self._loops_in(self._loop_times, self.numbers.expr(int(content["key"])))
        except Exception as error:
            loops = {"why": getattr(error, "message", None) or f"{type(error).__name__}: {error}"}
        self.push("loops", rid=content.get("rid"), key=content["key"], loops=loops)

    def loops(self, expr: Expr) -> dict[str, Any]:
        """Return which loops of the compiled code compute a node, and their times, if they are measured; or why they cannot be."""
        try:
            known = loop_times.known(as_compiled(computation_of(self.subject).graph))
        except Exception as error:
            return {"why": f"{type(error).__name__}: {error}"}
        if known is None:
            why = loop_times.why_not()
            return {"why": why} if why else {"measured": False}
        self._loop_times = known
        return self._loops_in(known, expr)

    def _loops_in(self, times: LoopTimes, expr: Expr) -> dict[str, Any]:
        if self._boxes is None:
            self._boxes = {n for n in nodes_within([self.graph]) if not written_inside(n)}
        boxes = self._boxes
        how, lines = times.of(expr)
        longest = sorted(lines, key=lambda x: -x.seconds)
        places = [
            {"kind": x.kind, "what": x.what, "seconds": x.seconds, "times": x.times, "keys": [self.numbers.of(n) for n in x.computes if n in boxes]}
            for x in longest[:PLACES]
        ]  # fmt: skip
        return {"measured": True, "how": how, "seconds": sum(x.seconds for x in lines), "total": times.total, "places": places, "count": len(lines)}

    def describe(self, expr: Expr) -> dict[str, Any]:
        """Return what the details panel shows of a node, but for values."""
        origin = expr.provenance
        line = rule = None
        if origin is not None and origin.location is not None:
            where = origin.location
            alike = [self.numbers.of(n) for n in self._on_line(where)]
            line = {"file": where.filename, "number": where.lineno, "text": where.text.strip(), "keys": alike}
        if origin is not None and origin.rule is not None:
            known = RULES.get(origin.rule)
            rule = {"name": origin.rule.replace("_", " "), "doc": known.doc if known else "the chain rule"}
        return {
            "op": str(expr.op.name), "type": self._type(expr), "name": expr.name, "line": line, "rule": rule, "formula": formula(expr),
            "part": str(self._purposes.of[expr]) if self._purposes and expr in self._purposes.of else None,
        }  # fmt: skip

    def _type(self, expr: Expr) -> str:
        """A type, with the dims that its lengths can only be."""
        shape = getattr(expr.type, "shape", ())
        if not isinstance(self.subject, Model) or not shape:
            return str(expr.type)
        lengths = {d: self.subject.dim_lengths[d] for d in self.subject.coords if d in self.subject.dim_lengths}
        sizes = {str(d): int(np.asarray(n.eval() if hasattr(n, "eval") else n)) for d, n in lengths.items()}
        named = [[d for d, size in sizes.items() if size == n and n > 1] for n in shape]
        if not any(len(found) == 1 for found in named):
            return str(expr.type)
        return f"{expr.type.dtype}[{', '.join(f'{found[0]} ({n})' if len(found) == 1 else str(n) for n, found in zip(shape, named))}]"

    def _on_line(self, where: Any) -> list[Expr]:
        """The drawn nodes that a line of the user made."""
        if self._lines is None:
            self._lines = {}
            shown = self.subject.named_vars.values() if self.view == "model" and isinstance(self.subject, Model) else topological(self.graph.results)
            for n in shown:
                if n.provenance is not None and n.provenance.location is not None and not written_inside(n):
                    place = n.provenance.location
                    self._lines.setdefault((place.filename, place.lineno), []).append(n)
        return self._lines.get((where.filename, where.lineno), [])

    def value(self, expr: Expr, place: tuple[int, int] | None = None) -> tuple[dict[str, Any], np.ndarray[Any, Any]] | None:
        """Return a node's value at the initial point, or at a chain's draw, in words and as a thumbnail."""
        try:
            value = self._values_at(place).of(expr)
        except Exception as error:
            return {"error": f"{type(error).__name__}: {error}"}, np.empty(0)
        if value is None or isinstance(value, tuple):
            return None
        shape, numbers = thumbnail(value)
        return {"summary": summarise(value), "shape": shape, "said": "at the initial point" if isinstance(self.subject, Model) else "it has no inputs"}, numbers

    def _values_at(self, place: tuple[int, int] | None) -> Values:
        """Values at the initial point, or at a draw of the last run. Kept for one point at a time."""
        run = draws.latest_run(self.subject) if place is not None and isinstance(self.subject, Model) else None
        at = (place, id(run))
        if at not in self._values:
            self._values.clear()
            if not isinstance(self.subject, Model):
                self._values[at] = Values(Graph([], []), [])
            else:
                q, z = initial_position(self.subject) if place is None or run is None else draws.position(run, *place)
                if self.view == "model":
                    self._values[at] = Values(Graph([], []), [], variables_at(self.subject, q, z))
                else:
                    self._values[at] = Values(self.graph, [{"z": z}.get(str(p.name), q) for p in self.graph.params])
        return self._values[at]

    def code(self, expr: Expr) -> dict[str, dict[str, Any]]:
        """Return the lines of each backend's code that compute a node, with some around them."""
        if self.view == "model":
            return {}
        found = {}
        for kind in ("c", "numba", "jax"):
            # JAX takes seconds to be imported: its code is shown to those who use it.
            if kind != "jax" or "jax" in sys.modules:
                found[kind] = self._code_in(kind, expr)
        return found

    def _code_in(self, kind: str, expr: Expr) -> dict[str, Any]:
        if kind not in self._listings:
            try:
                self._listings[kind] = listing(kind, as_compiled(computation_of(self.subject).graph))
            except Exception as error:
                return {"error": f"{type(error).__name__}: {error}"}
        lines = self._listings[kind]
        own = [i for i, line in enumerate(lines) if line.of is expr]
        if not own:
            return {"error": "no line of its own: it is written inside others', or was rewritten"}
        first, last = max(0, own[0] - AROUND), min(len(lines), min(own[-1], own[0] + MOST_LINES) + AROUND + 1)
        text = "\n".join(f"{'>' if i in own else ' '} {lines[i]}" for i in range(first, last))
        return {"text": text, "lines": [i + 1 for i in own]}


def _what(subject: Model | Expr) -> str:
    return "a model" if isinstance(subject, Model) else "an expression"


def _place(content: Mapping[str, Any]) -> tuple[int, int] | None:
    at = content.get("at")
    return (int(at["chain"]), int(at["draw"])) if at else None


def _said(model: Model, made: Purposes) -> dict[Purpose, str]:
    """What parts are, as formulas."""
    found: dict[Purpose, str] = {}
    free = [str(x.name) for x in model.free_RVs]
    for p, nodes in made.parts.items():
        name = p.names[0] if len(p.names) == 1 else ""
        x = model.named_vars.get(name)
        if p.kind in ("prior", "density", "potential") and x is not None:
            found[p] = formula(x, FORMULA)
        elif p.kind == "gradient to":
            found[p] = f"∂ logp / ∂ {name}"
        elif p.kind in ("value", "expression"):
            found[p] = formula(nodes[-1], FORMULA)
    listed = ", ".join(free)
    return {**found, Purpose("values"): listed, Purpose("gradient"): f"∂ logp / ∂ ({listed})", Purpose("log-density"): "logp: the sum of the terms"}
