"""Expressions that a transformation made of others know how: they can be made again, step by step, into a trace."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from workbench.graph.expr import Constant, Expr
from workbench.graph.rewrite import Trace
from workbench.graph.traverse import replace, topological

Again = Callable[[Trace], Sequence[Any]]
"""Makes results once more, and records each step."""

_known: dict[int, tuple[Again, Sequence[Expr], int, Any]] = {}
"""By the id of a result, for expressions cannot be compared: how it is made, and of what, which result it is, what forgets it."""


def remember(results: Iterable[Expr], made_of: Sequence[Expr], again: Again) -> None:
    """Let results of a transformation be made again by `again`, for as long as they live.

    What lies below the expressions that they are made of is none of its results: these are held, and so it would be kept for ever.
    Nor is what is computed of constants alone, such as ones: it is a part of any graph, and comes from no one derivation.
    """
    results = list(results)
    before = set(topological(made_of))
    varying: set[Expr] = set()
    for node in topological(results):
        if not isinstance(node.op, Constant) if not node.inputs else not varying.isdisjoint(node.inputs):
            varying.add(node)
    for i, x in enumerate(results):
        if x.inputs and x in varying and x not in before and (id(x) not in _known or _known[id(x)][3]() is not x):
            key = id(x)
            _known[key] = again, made_of, i, weakref.ref(x, lambda _, key=key: _known.pop(key, None))  # type: ignore[misc]


def derived_again(roots: Sequence[Expr]) -> tuple[list[Any], Trace]:
    """Return expressions with all in them that transformations made of others made once more, and the steps of these.

    They are the same expressions, but for loops: those made again have variables of their own.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> from workbench.transforms import grad
    >>> x = pt.scalar("x")
    >>> (again,), trace = derived_again([2.0 * grad(pt.sin(x), x)])
    >>> again, [f.rule.name for p in trace.passes for f in p.firings]
    (2.0 * (1.0 * cos(x)), ['derivative_of_sin'])
    """
    trace = Trace()
    made: dict[int, Sequence[Any]] = {}
    new: dict[Expr, Expr] = {}
    _derive(roots, trace, made, new, set())
    return replace(list(roots), new), trace


def _derive(roots: Sequence[Expr], trace: Trace, made: dict[int, Sequence[Any]], new: dict[Expr, Expr], seen: set[Expr]) -> None:
    for node in topological(roots):
        entry = _known.get(id(node)) if node not in seen else None
        seen.add(node)
        if entry is None or entry[3]() is not node:
            continue
        again, made_of, i, _ = entry
        if id(again) not in made:
            # What it was made of may have been derived itself: a second derivative of a first.
            _derive(made_of, trace, made, new, seen)
            made[id(again)] = again(trace)
        if made[id(again)][i] is not node:
            new[node] = made[id(again)][i]
