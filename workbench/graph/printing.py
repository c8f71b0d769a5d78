"""Expressions as text: one line, or a tree that shows sharing; and Graphviz DOT."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from workbench.graph.expr import Constant, Data, Expr, Get, Input
from workbench.graph.traverse import topological

INFIX_LIMIT = 160
MAX_INDENT = 60


def op_text(expr: Expr) -> str:
    """Return an operation with its static parameters: ``sum{axes=(0,)}``."""
    op: Any = expr.op
    if isinstance(op, Get):
        return f"get[{op.index}]"
    if isinstance(op, Input):
        return op.label or expr.name or "input"
    if isinstance(op, Constant):
        return constant_text(op.value)
    if isinstance(op, Data):
        return op.label
    if op.graphs or op.plain or not is_dataclass(op):
        return str(op.name)
    shown = [f"{f.name}={getattr(op, f.name)}" for f in fields(op) if f.name not in ("name", "kind", "type")]
    title = str(expr.op.name)
    return f"{title}{{{', '.join(shown)}}}" if shown else title


def constant_text(value: np.ndarray[Any, Any]) -> str:
    """Return a short text of a constant."""
    if value.ndim == 0:
        return f"{value.item()!r}"
    if value.size <= 4:
        return np.array2string(value, separator=", ", precision=6)
    return f"const {value.dtype}{list(value.shape)}"


def summary(expr: Expr, limit: int = INFIX_LIMIT) -> str:
    """Return an expression as one line of formula, cut at `limit` characters.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> x = pt.scalar("x")
    >>> summary(pt.log(1.0 + x) * 2.0)
    'log(1.0 + x) * 2.0'
    """
    memo: dict[Expr, tuple[str, bool]] = {}
    for node in topological([expr]):
        if node.name and node is not expr:
            memo[node] = (node.name, False)
            continue
        symbol = getattr(node.op, "symbol", "")
        parts = [_wrap(memo[x]) if symbol else memo[x][0] for x in node.inputs]
        if not node.inputs:
            made, compound = op_text(node), False
        elif symbol and len(parts) == 2:
            made, compound = f"{parts[0]} {symbol} {parts[1]}", True
        elif symbol:
            made, compound = f"{symbol}{parts[0]}", True
        else:
            made, compound = f"{op_text(node)}({', '.join(parts)})", False
        if len(made) > limit:
            made, compound = f"{op_text(node)}(...)", False
        memo[node] = (made, compound)
    return memo[expr][0]


def _wrap(part: tuple[str, bool]) -> str:
    return f"({part[0]})" if part[1] else part[0]


def text(roots: Expr | Sequence[Expr], types: bool = True) -> str:
    """Return graphs as a tree of lines, shared parts shown once and referred to by number.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> x = pt.scalar("x")
    >>> print(text(pt.exp(x) + pt.exp(x), types=False))
    add
      [1] exp
        x
      -> [1]
    """
    tops = [roots] if isinstance(roots, Expr) else list(roots)
    counts: dict[Expr, int] = {}
    for node in topological(tops):
        for x in node.inputs:
            counts[x] = counts.get(x, 0) + 1
    numbers: dict[Expr, int] = {}
    lines: list[str] = []
    stack = [(r, 0) for r in reversed(tops)]
    while stack:
        node, depth = stack.pop()
        # Indentation alone would make a deep chain's text quadratic.
        indent = "  " * depth if depth <= MAX_INDENT else "  " * MAX_INDENT + f"({depth}) "
        if node in numbers:
            lines.append(f"{indent}-> [{numbers[node]}]")
            continue
        label = op_text(node)
        if node.name and node.name != label:
            label += f" '{node.name}'"
        if counts.get(node, 0) > 1 and node.inputs:
            numbers[node] = len(numbers) + 1
            label = f"[{numbers[node]}] {label}"
        lines.append(f"{indent}{label}" + (f" : {node.type}" if types else ""))
        stack.extend((x, depth + 1) for x in reversed(node.inputs))
    return "\n".join(lines)


def dot(roots: Expr | Sequence[Expr]) -> str:
    """Return graphs in Graphviz's DOT language."""
    tops = [roots] if isinstance(roots, Expr) else list(roots)
    nodes = topological(tops)
    number = {n: i for i, n in enumerate(nodes)}
    lines = ["digraph {", "  rankdir=TB; node [shape=box, style=rounded, fontname=Helvetica];"]
    for n in nodes:
        label = op_text(n) + (f"\n{n.name}" if n.name and n.name != op_text(n) else "") + f"\n{n.type}"
        lines.append(f'  n{number[n]} [label="{_escape(label)}"];')
        lines += [f"  n{number[x]} -> n{number[n]};" for x in n.inputs]
    return "\n".join([*lines, "}"])


def _escape(label: str) -> str:
    return label.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
