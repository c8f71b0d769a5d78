"""The graph inspector, on the kernel's side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from kernel_ext import static_view
from kernel_ext.computation import computation_of
from kernel_ext.model_view import model_columns
from kernel_ext.part import Part
from kernel_ext.snapshot import expression_columns, summarise
from workbench import Model
from workbench.graph import RULES, Expr, free_inputs, replace, summary, topological
from workbench.graph.inner import Graph
from workbench.model.drawing import named_expressions
from workbench.model.position import Places
from workbench.tensor import constant


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
    """

    def __init__(self, subject: Model | Expr, called: str = "", view: str = "") -> None:
        super().__init__()
        self.subject = subject
        self.called = called or (subject.name or "" if isinstance(subject, Expr) else "")
        self.view = view or ("model" if isinstance(subject, Model) else "computation")
        self.name = "model" if self.view == "model" else "density"
        self.title = "Model" if self.view == "model" else "Density" if isinstance(subject, Model) else "Graph"
        self._values: dict[Expr, Any] | None = None
        self._graph: Graph | None = None

    @property
    def graph(self) -> Graph:
        """The computation: a model's optimised log-density and gradient, or the expression."""
        if self._graph is None:
            if isinstance(self.subject, Model):
                self._graph = computation_of(self.subject).graph
            else:
                self._graph = Graph(free_inputs([self.subject]), [self.subject])
        return self._graph

    def on_hello(self, content: Mapping[str, Any]) -> None:
        self.push_graph()

    def static(self) -> dict[str, str]:
        return static_view.subject_bundle(self.subject)

    def push_graph(self) -> None:
        """Send the drawing."""
        if self.view == "model" and isinstance(self.subject, Model):
            roots: list[Any] = list(self.subject.observed_RVs) or list(self.subject.named_vars.values())
            drawn, plates = model_columns(self.numbers, self.subject)
        else:
            plates = []
            roots = list(self.graph.results)
            drawn = expression_columns(self.numbers, roots)
        self.push("graph", drawn, view=self.view, title=self.called, groups=plates, roots=[self.numbers.of(r) for r in roots])

    def on_node(self, content: Mapping[str, Any]) -> None:
        expr = self.numbers.expr(int(content["key"]))
        self.push("node", rid=content.get("rid"), key=content["key"], **self.describe(expr))

    def describe(self, expr: Expr) -> dict[str, Any]:
        """Return what the details panel shows of a node."""
        origin = expr.provenance
        line = rule = None
        if origin is not None and origin.location is not None:
            where = origin.location
            line = {"file": where.filename, "number": where.lineno, "text": where.text}
        if origin is not None and origin.rule is not None:
            known = RULES.get(origin.rule)
            rule = {"name": origin.rule.replace("_", " "), "doc": known.doc if known else "the chain rule"}
        return {
            "op": str(expr.op.name), "type": str(expr.type), "name": expr.name, "line": line, "rule": rule,
            "formula": summary(expr), "value": self.value(expr), "code": self.code(),
        }  # fmt: skip

    def value(self, expr: Expr) -> dict[str, str] | None:
        """Return a node's value at the model's initial point, computed with NumPy."""
        try:
            if self._values is None:
                self._values = self._evaluate()
            if expr in self._values:
                return {"summary": summarise(self._values[expr])}
            return {"summary": summarise(expr.eval())} if not free_inputs([expr]) else None  # type: ignore[attr-defined]
        except Exception as error:
            return {"error": f"{type(error).__name__}: {error}"}

    def _evaluate(self) -> dict[Expr, Any]:
        if not isinstance(self.subject, Model):
            return {}
        model = self.subject
        point = model.initial_point()
        start = model.flatten(point)
        nodes = topological(self.graph.results)
        constrained = model.constrained_graph()
        with np.errstate(all="ignore"):
            values = dict(zip(nodes, Graph(self.graph.params, nodes).run("numpy", start)))
            variables = constrained.run("numpy", *Places.of(model).vectors(point))
        values.update(zip((*model.free_RVs, *model.deterministics), variables))
        values.update((rv, model.rvs_to_values[rv].eval()) for rv in model.observed_RVs)
        named = named_expressions(model)
        known = {rv: constant(values[rv]) for rv in (*model.free_RVs, *model.observed_RVs)}
        values.update((x, now.eval()) for x, now in zip(named, replace(named, known)))
        return values

    def code(self) -> dict[str, str]:
        """Return the C code of the computation."""
        if self.view == "model":
            return {}
        from workbench.compile.c.printer import print_c
        from workbench.compile.loop_ir.lower import lower
        from workbench.compile.loop_ir.storage import plan

        try:
            program = lower(self.graph, self.called or "graph")
        except Exception as error:
            return {"c": f"{type(error).__name__}: {error}"}
        text = print_c(program, plan(program), ()).text
        return {"c": text[text.index("int32_t run(void *const *io, const wb_env *env, char *arena") :]}
