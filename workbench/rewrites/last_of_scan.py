"""Of the outputs of a scan of which only the last is read, the last is carried: no step's other outputs are kept."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import workbench.tensor as pt
from workbench.graph.expr import Expr, Get, Input, intern
from workbench.graph.inner import Graph
from workbench.graph.provenance import derived
from workbench.graph.rewrite import Firing, Rule
from workbench.graph.traverse import replace, topological
from workbench.graph.types import TensorType
from workbench.tensor.control.scan import Scan
from workbench.tensor.indexing.slices import Slice, part_of


def _carry(expr: Expr) -> None:
    """The last of a scan's outputs, where no other is read, is carried from step to step: memory does not grow with the steps."""


LAST = Rule("last_of_scan", "unused results", _carry.__doc__ or "", (), lambda expr: None, _carry)


def last_carried(roots: Sequence[Expr]) -> tuple[Sequence[Expr], list[Firing]]:
    """Return expressions with such outputs carried, and the steps."""
    nodes = topological(roots)
    loops = [n for n in nodes if isinstance(n.op, Scan) and len(n.type.items) > n.op.carries]
    if not loops:
        return roots, []
    readers: dict[Expr, list[Expr]] = {}
    for n in nodes:
        for x in n.inputs:
            readers.setdefault(x, []).append(n)
    asked = set(roots)
    became: dict[Expr, Expr] = {}
    for loop in loops:
        gets = [g for g in readers.get(loop, ()) if isinstance(g.op, Get)]
        last = [g for g in gets if g.op.index >= loop.op.carries and g not in asked and _only_last(g, readers.get(g, ()))]
        if last and loop not in asked:
            with derived(loop.provenance, LAST.name):
                became.update(_moved(loop, gets, last, readers))
    if not became:
        return roots, []
    # Loops inside one another's inputs: each is found as it is after those before it.
    return replace(roots, became), [Firing(LAST, before, after, 0.0) for before, after in became.items()]


def _only_last(x: Expr, readers: Iterable[Expr]) -> bool:
    """Whether all that is read of stacked outputs is the last one, and there is one, of a shape that is known."""
    shape, found = x.type.shape, list(readers)
    if not found or not all(isinstance(n, int) for n in shape) or shape[0] < 2:
        return False
    return all(isinstance(r.op, Slice) and r.op.spec(r)[0] == (shape[0] - 1, 1, 1) for r in found)


def _moved(loop: Expr, gets: Sequence[Expr], last: Sequence[Expr], readers: dict[Expr, list[Expr]]) -> dict[Expr, Expr]:
    """What takes the place of a scan's results, and of the slices of those that are carried now."""
    op: Scan = loop.op
    body, n = op.body, op.carries
    rows = [body.results[g.op.index] for g in last]
    known: dict[Expr, int] = {r: i for i, r in reversed(list(enumerate(body.results[:n]))) if isinstance(r.type, TensorType)}
    new = [r for r in dict.fromkeys(rows) if r not in known]
    known.update((r, n + k) for k, r in enumerate(new))
    gone = {g.op.index for g in last}
    kept = [i for i in range(n, len(body.results)) if i not in gone]
    params = [*body.params[:n], *(intern(Input(None, r.type)) for r in new), *body.params[n:]]
    graph = Graph(params, [*body.results[:n], *new, *(body.results[i] for i in kept)])
    start: list[Any] = [pt.zeros(r.type.shape, r.type.dtype) for r in new]
    made = Scan(graph, op.steps, n + len(new), op.sequences)(*loop.inputs[:n], *start, *loop.inputs[n:])
    place = {**{i: i for i in range(n)}, **{i: n + len(new) + k for k, i in enumerate(kept)}}
    found: dict[Expr, Expr] = {g: intern(Get(place[g.op.index]), (made,)) for g in gets if g.op.index in place}
    for g, row in zip(last, rows):
        carried: Any = intern(Get(known[row]), (made,))
        for r in readers[g]:
            found[r] = part_of(pt.expand_dims(carried, 0), ((0, 1, 1), *r.op.spec(r)[1:]))
    return found
