"""Graphs as text: a tree that shows sharing, and Graphviz DOT."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from workbench.graph.expr import Constant, Data, Expr, Get, Input
from workbench.graph.frozen import fields
from workbench.graph.inner import Graph
from workbench.graph.traverse import topological

MAX_INDENT = 60


def op_text(expr: Expr) -> str:
    """Return an operation with its static parameters: ``sum{axes=(0,)}``."""
    op: Any = expr.op
    if isinstance(op, Get):
        return f"get[{op.index}]"
    if isinstance(op, Input):
        return one_line(op.label or expr.name or "input")
    if isinstance(op, Constant):
        return constant_text(op.value)
    if isinstance(op, Data):
        return one_line(op.label)
    if op.graphs or op.plain:
        return str(op.name)
    # A flag that is down unless someone raises it says nothing.
    flags = {name for name, default in getattr(op, "_defaults", {}).items() if default is False}
    shown = [f"{name}={value}" for name, value in fields(op).items() if name not in ("name", "kind", "type") and not (value is False and name in flags)]
    title = str(expr.op.name)
    return f"{title}{{{', '.join(shown)}}}" if shown else title


def constant_text(value: np.ndarray[Any, Any]) -> str:
    """Return a short text of a constant."""
    if value.ndim == 0:
        return f"{value.item()!r}"
    if value.size <= 4:
        words = np.array2string(value, separator=", ", precision=6, max_line_width=1000).split()
        return " ".join(words).replace(" ,", ",").replace("[ ", "[").replace(" ]", "]")
    return f"const {value.dtype}{list(value.shape)}"


def one_line(name: str) -> str:
    """Return a name with what would break the line written out."""
    return name if name.isprintable() else repr(name)[1:-1]


def text(roots: Expr | Sequence[Expr], types: bool = True) -> str:
    """Return graphs as a tree of lines, shared parts shown once and referred to by number.

    Inputs of one name are numbered too, where they are different ones. Bodies of loops and branches
    follow the tree, each once, with their parameters.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> x = pt.scalar("x")
    >>> print(text(pt.exp(x) + pt.exp(x), types=False))
    add
      [1] exp
        x
      -> [1]
    >>> (_,), (path,) = pt.scan(lambda s: ([s * 0.5], [s]), [x], n_steps=3)
    >>> print(text(path))
    get[1] : float64[3]
      scan{#1} : (float64[], float64[3], float64[3])
        x : float64[]
    <BLANKLINE>
    #1 (x : float64[])
      multiply : float64[]
        x : float64[]
        0.5 : float64[]
      x : float64[]
      x : float64[]
    """
    tops = [roots] if isinstance(roots, Expr) else list(roots)
    printer = _Tree(types)
    lines = printer.tree(tops, 0)
    for graph in printer.inner:  # Which grows while it is gone through.
        body = printer.tree((*graph.params, *graph.results), 1)[len(graph.params) :]
        params = ", ".join(f"{printer.reference(p)} : {p.type}" for p in graph.params)
        lines += ["", f"#{printer.number(graph)} ({params})", *body]
    return "\n".join(lines)


class _Tree:
    """The text of one or more graphs: what has a number already, and the inner graphs met so far."""

    def __init__(self, types: bool) -> None:
        self.types = types
        self.numbers: dict[Expr, int] = {}
        self.inner: list[Graph] = []
        self.places: dict[Graph, int] = {}

    def number(self, graph: Graph) -> int:
        if graph not in self.places:
            self.inner.append(graph)
            self.places[graph] = len(self.inner)
        return self.places[graph]

    def tree(self, roots: Sequence[Expr], depth: int) -> list[str]:
        self.numbers = {}
        counts: dict[Expr, int] = {}
        namesakes: dict[str, int] = {}
        for node in topological(roots):
            for x in node.inputs:
                counts[x] = counts.get(x, 0) + 1
            if isinstance(node.op, Input):
                namesakes[op_text(node)] = namesakes.get(op_text(node), 0) + 1
        lines: list[str] = []
        stack = [(r, depth) for r in reversed(roots)]
        while stack:
            node, depth = stack.pop()
            # Indentation alone would make a deep chain's text quadratic.
            indent = "  " * depth if depth <= MAX_INDENT else "  " * MAX_INDENT + f"({depth}) "
            if node in self.numbers and node.inputs:
                lines.append(f"{indent}-> [{self.numbers[node]}]")
                continue
            if (counts.get(node, 0) > 1 and node.inputs) or namesakes.get(self.label(node), 0) > 1:
                self.numbers.setdefault(node, len(self.numbers) + 1)
            label = self.reference(node)
            lines.append(f"{indent}{label}" + (f" : {node.type}" if self.types else ""))
            stack.extend((x, depth + 1) for x in reversed(node.inputs))
        return lines

    def reference(self, node: Expr) -> str:
        """The label of a node, with its number if it has one."""
        return f"[{self.numbers[node]}] {self.label(node)}" if node in self.numbers else self.label(node)

    def label(self, node: Expr) -> str:
        label = op_text(node)
        if node.op.graphs:
            label += f"{{{', '.join(f'#{self.number(g)}' for g in node.op.graphs)}}}"
        return f"{label} {node.name!r}" if node.name and one_line(node.name) != label else label


def dot(roots: Expr | Sequence[Expr]) -> str:
    """Return graphs in Graphviz's DOT language; bodies of loops and branches as boxes beside the graph.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> print(dot(pt.exp(pt.scalar("x"))))
    digraph {
      rankdir=TB; node [shape=box, style=rounded, fontname=Helvetica];
      n0_0 [label="x\\nfloat64[]"];
      n0_1 [label="exp\\nfloat64[]"];
      n0_0 -> n0_1;
    }
    """
    tops = [roots] if isinstance(roots, Expr) else list(roots)
    labels = _Tree(types=True)
    lines = ["digraph {", "  rankdir=TB; node [shape=box, style=rounded, fontname=Helvetica];", *_dot_nodes(tops, 0, labels)]
    for graph in labels.inner:  # Which grows while it is gone through.
        k = labels.number(graph)
        body = _dot_nodes((*graph.params, *graph.results), k, labels)
        lines += [f"  subgraph cluster_{k} {{", f'    label="#{k}";', *(f"  {line}" for line in body), "  }"]
    return "\n".join([*lines, "}"])


def _dot_nodes(roots: Sequence[Expr], k: int, labels: _Tree) -> list[str]:
    number = {n: i for i, n in enumerate(topological(roots))}
    lines = []
    for n, i in number.items():
        label = _escape(labels.label(n) + "\n" + str(n.type))
        lines.append(f'  n{k}_{i} [label="{label}"];')
        lines += [f"  n{k}_{number[x]} -> n{k}_{i};" for x in n.inputs]
    return lines


def _escape(label: str) -> str:
    return label.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
