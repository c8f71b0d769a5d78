"""Walking graphs, without recursion: order, ancestors, replacement."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from workbench.graph.expr import Expr, Input, rebuild


def topological(roots: Iterable[Expr]) -> list[Expr]:
    """Return all nodes below `roots`, inputs before users, each once.

    The order depends only on the graph: depth first, inputs left to right.
    """
    order: list[Expr] = []
    seen: set[Expr] = set()
    for root in roots:
        # None stands above a node whose inputs, if any were left, have been dealt with.
        stack: list[Expr | None] = [root]
        while stack:
            node = stack.pop()
            if node is None:
                order.append(stack.pop())  # type: ignore[arg-type]
                continue
            if node in seen:
                continue
            seen.add(node)
            if not node.inputs:
                order.append(node)
                continue
            stack += (node, None)
            for x in node.inputs[::-1]:
                if x not in seen:
                    stack.append(x)
    return order


def ancestors(roots: Iterable[Expr]) -> set[Expr]:
    """Return all nodes below `roots`, the roots included."""
    return set(topological(roots))


def free_inputs(roots: Iterable[Expr]) -> list[Expr]:
    """Return the inputs that `roots` need, in order of first use."""
    return [node for node in topological(roots) if isinstance(node.op, Input)]


def depends_on(roots: Iterable[Expr], sources: Iterable[Expr]) -> set[Expr]:
    """Return the nodes below `roots` that depend on any of `sources` (the sources included)."""
    wanted = set(sources)
    reached: set[Expr] = set()
    for node in topological(roots):
        if node in wanted or any(x in reached for x in node.inputs):
            reached.add(node)
    return reached


def users(roots: Sequence[Expr]) -> dict[Expr, list[Expr]]:
    """Return, for every node below `roots`, the nodes that use it."""
    table: dict[Expr, list[Expr]] = {}
    for node in topological(roots):
        table.setdefault(node, [])
        for x in dict.fromkeys(node.inputs):
            table[x].append(node)
    return table


def replace(roots: Any, replacements: Mapping[Expr, Expr]) -> Any:
    """Return `roots` with every key of `replacements` replaced by its value.

    Parameters
    ----------
    roots
        One expression, or a sequence of them; the result is the same.
    replacements
        New expressions by old.

    Notes
    -----
    A replacement is used as it is: it is not searched for keys itself. Nothing is mutated; what
    does not change is shared.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> x, y = pt.scalar("x"), pt.scalar("y")
    >>> replace(pt.exp(x) + x, {x: y})
    exp(y) + y
    """
    if isinstance(roots, Expr):
        return replace([roots], replacements)[0]
    memo: dict[Expr, Expr] = dict(replacements)
    for old, new in memo.items():
        if not isinstance(new, Expr):
            raise TypeError(f"{old!r} can be replaced by an expression, not by {new!r}; pt.constant makes one of a number")
    for root in roots:
        if root in memo:
            continue
        stack = [root]
        while stack:
            node = stack[-1]
            if node in memo:
                stack.pop()
                continue
            waiting = [x for x in node.inputs if x not in memo]
            if waiting:
                stack.extend(waiting)
                continue
            stack.pop()
            memo[node] = rebuild(node, tuple(memo[x] for x in node.inputs)) if node.inputs else node
    return [memo[root] for root in roots]
