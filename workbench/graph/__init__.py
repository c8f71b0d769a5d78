"""Immutable, interned expression graphs and the rewrite engine."""

from workbench.graph import pickling
from workbench.graph.expr import Constant, Data, Expr, Get, Input, Op, intern, rebuild, results_of
from workbench.graph.formulas import formula, formulas, summary, terms
from workbench.graph.inner import Graph, close_over, extract
from workbench.graph.printing import text
from workbench.graph.provenance import Provenance, derived
from workbench.graph.rewrite import RULES, Firing, Mode, Pass, PassRecord, Rule, Trace, rule
from workbench.graph.serialise import from_json, to_json
from workbench.graph.traverse import ancestors, depends_on, free_inputs, replace, topological, users
from workbench.graph.types import TensorType, TupleType, Type

__all__ = [
    "RULES", "Constant", "Data", "Expr", "Firing", "Get", "Graph", "Input", "Mode", "Op", "Pass",
    "PassRecord", "Provenance", "Rule", "TensorType", "Trace", "TupleType", "Type", "ancestors",
    "close_over", "depends_on", "derived", "extract", "formula", "formulas", "free_inputs", "from_json", "intern", "pickling", "rebuild", "replace",
    "results_of", "rule", "summary", "terms", "text", "to_json", "topological", "users",
]  # fmt: skip
