"""Results of loops and branches that nobody reads are not computed. A pass over whole graphs."""

from __future__ import annotations

import time
from collections.abc import Sequence

from workbench.graph.expr import Expr, Get, intern, rebuild
from workbench.graph.frozen import frozen
from workbench.graph.inner import Graph
from workbench.graph.provenance import derived, inherited
from workbench.graph.rewrite import Firing, Pass, PassRecord, Rule, Settled
from workbench.graph.traverse import topological
from workbench.rewrites.last_of_scan import last_carried
from workbench.tensor.control.flow import Cond, MakeTuple, Region, While
from workbench.tensor.control.scan import Scan

DOC = "What a loop or branch computes and nobody reads, or computes twice, is left out."


@frozen
class UnusedResults(Pass):
    """The pass. Unlike a rule's, its condition is about the users of a node, not about the node."""

    name: str = "unused results"
    rules: tuple[Rule, ...] = ()
    doc: str = DOC

    def run(self, roots: Sequence[Expr], record: bool = True, settled: Settled | None = None) -> tuple[tuple[Expr, ...], PassRecord]:
        start = time.perf_counter()
        carried, firings = last_carried(roots)
        after = tuple(_trim(carried, firings, 0))
        seconds = time.perf_counter() - start
        return after, PassRecord(self.name, self.doc, tuple(roots), after, tuple(firings) if record else (), seconds)


def _trim(roots: Sequence[Expr], firings: list[Firing], depth: int) -> list[Expr]:
    nodes = topological(roots)
    used: dict[Expr, set[int]] = {}
    for node in nodes:
        if isinstance(node.op, Get):
            used.setdefault(node.inputs[0], set()).add(node.op.index)
    memo: dict[Expr, Expr] = {}
    moved: dict[Expr, dict[int, int]] = {}
    for node in nodes:
        inputs = tuple(memo[x] for x in node.inputs)
        if isinstance(node.op, Get) and node.inputs[0] in moved:
            memo[node] = inherited(node.provenance, intern, Get(moved[node.inputs[0]][node.op.index]), inputs)
            if memo[node] is not node:
                firings.append(Firing(UNUSED, node, memo[node], 0.0, depth))
        elif hasattr(node.op, "written_out"):
            memo[node], moved[node] = _written_out(rebuild(node, inputs), used.get(node, set()), firings, depth)
        elif isinstance(node.op, While):
            memo[node], moved[node] = _carrying_less(node, inputs, used.get(node, set()), firings, depth)
        elif isinstance(node.op, (Scan, Cond, Region)):
            memo[node], moved[node] = _trimmed(node, inputs, used.get(node, set()), firings, depth)
        else:
            memo[node] = _inside(rebuild(node, inputs) if inputs else node, firings, depth)
    return [memo[r] for r in roots]


def _trimmed(
    node: Expr, inputs: tuple[Expr, ...], used: set[int], firings: list[Firing], depth: int
) -> tuple[Expr, dict[int, int]]:
    """The node with the results in `used` only, and where they are now."""
    op = node.op
    first = op.carries if isinstance(op, Scan) else 0
    keep: list[int] = list(range(first))
    place = {i: i for i in keep}
    seen: dict[tuple[Expr, ...], int] = {}
    for i in range(first, len(node.type.items)):
        same = tuple(g.results[i] for g in op.graphs)
        if i not in used:
            continue
        if same not in seen:
            seen[same] = len(keep)
            keep.append(i)
        place[i] = seen[same]
    graphs = tuple(
        Graph(g.params, _trim([g.results[i] for i in keep], firings, depth + 1)) for g in op.graphs
    )
    if len(keep) == len(node.type.items) and all(g == h for g, h in zip(graphs, op.graphs)):
        return rebuild(node, inputs), {i: i for i in keep}
    return inherited(node.provenance, intern, op.with_graphs(graphs), inputs), place


def _inside(node: Expr, firings: list[Firing], depth: int) -> Expr:
    if not node.op.graphs:
        return node
    graphs = tuple(Graph(g.params, _trim(g.results, firings, depth + 1)) for g in node.op.graphs)
    if all(g == h for g, h in zip(graphs, node.op.graphs)):
        return node
    made: Expr = inherited(node.provenance, intern, node.op.with_graphs(graphs), node.inputs)
    return made


def _carrying_less(
    node: Expr, inputs: tuple[Expr, ...], used: set[int], firings: list[Firing], depth: int
) -> tuple[Expr, dict[int, int]]:
    """A loop that carries what is in `used`, what its condition reads, and what these are computed of; and where they are now."""
    op: While = node.op
    n = op.carried
    params = [{p: i for i, p in enumerate(g.params[:n])} for g in op.graphs]
    live = {*used, *(params[0][x] for x in topological(op.cond.results) if x in params[0])}
    pending: list[Expr] = [op.body.results[i] for i in live]
    seen: set[Expr] = set()
    while pending:
        x = pending.pop()
        if x in seen:
            continue
        seen.add(x)
        pending += x.inputs
        i = params[1].get(x)
        if i is not None and i not in live:
            live.add(i)
            pending.append(op.body.results[i])
    keep = sorted(live)
    if len(keep) == n:
        return _inside(rebuild(node, inputs), firings, depth), {i: i for i in range(n)}
    cond, body = (
        Graph([*(g.params[i] for i in keep), *g.params[n:]], _trim(results, firings, depth + 1))
        for g, results in ((op.cond, op.cond.results), (op.body, [op.body.results[i] for i in keep]))
    )
    made = inherited(node.provenance, intern, While(cond, body, len(keep)), (*(inputs[i] for i in keep), *inputs[n:]))
    firings.append(Firing(UNUSED, node, made, 0.0, depth))
    return made, {i: k for k, i in enumerate(keep)}


def _written_out(node: Expr, used: set[int], firings: list[Firing], depth: int) -> tuple[Expr, dict[int, int]]:
    """The loop that an operation is, with the results in `used` only, and where they are now."""
    with derived(node.provenance, WRITTEN_OUT.name):
        graph: Graph = node.op.written_out(node)
        keep = sorted(used)
        less = Graph(graph.params, _trim([graph.results[i] for i in keep], firings, depth + 1))
        made: Expr = MakeTuple()(*less.apply(*node.inputs))
    firings.append(Firing(WRITTEN_OUT, node, made, 0.0, depth))
    return made, {i: k for k, i in enumerate(keep)}


def _as_loop(expr: Expr) -> None:
    """An operation with a derivative of its own is written as the loop that it is, once derivatives have been taken."""


def _keep(expr: Expr) -> None:
    """What a loop or branch computes and nobody reads, or computes twice, is left out."""


UNUSED = Rule("unused_result", "unused results", DOC, (), lambda expr: None, _keep)
WRITTEN_OUT = Rule("written_out", "unused results", DOC, (), lambda expr: None, _as_loop)
