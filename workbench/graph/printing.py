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
BINDING = {"|": 2, "^": 3, "&": 4, "<<": 5, ">>": 5, "+": 6, "-": 6, "*": 7, "/": 7, "//": 7, "%": 7, "@": 7, "**": 9}
"""How tightly operators hold their operands together, in Python's order."""
COMPARISON, NEGATION, ATOM = 1, 8, 10


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
    >>> x, y = pt.vector("x", 3), pt.vector("y", 2)
    >>> summary(pt.log(1.0 + x[np.array([0, 2])]) * (y - 2.0) ** 2)
    'log(1.0 + x[[0, 2]]) * (y - 2.0) ** 2.0'
    """
    memo: dict[Expr, tuple[str, int]] = {}
    for node in topological([expr]):
        if node.name and node is not expr:
            memo[node] = (node.name, ATOM)
            continue
        made, binding = _written(node, [memo[x] for x in node.inputs])
        memo[node] = (made, binding) if len(made) <= limit else (f"{op_text(node)}(...)", ATOM)
    return memo[expr][0]


def _written(node: Expr, parts: list[tuple[str, int]]) -> tuple[str, int]:
    """A node written with its operands, and how tightly it holds together: as Python reads it."""
    symbol = getattr(node.op, "symbol", "")
    if not node.inputs:
        made = op_text(node)
        return made, NEGATION if made.startswith("-") else ATOM
    if symbol and len(parts) == 2:
        binding = BINDING.get(symbol, COMPARISON)
        # Operators of one rank are read from the left; powers from the right, and comparisons as a chain.
        left, right = (binding + 1, NEGATION) if symbol == "**" else (binding, binding + 1)
        left += binding == COMPARISON
        return f"{_operand(parts[0], left)} {symbol} {_operand(parts[1], right)}", binding
    if symbol:
        return f"{symbol}{_operand(parts[0], ATOM)}", NEGATION
    made = node.op.written(_operand(parts[0], ATOM), *(text for text, _ in parts[1:]))
    return made or f"{op_text(node)}({', '.join(text for text, _ in parts)})", ATOM


def _operand(part: tuple[str, int], least: int) -> str:
    made, binding = part
    return made if binding >= least else f"({made})"


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
