"""Every state of a traced graph, as what each step changes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import NamedTuple

from kernel_ext.stepper.cells import Cells, Roots, Version, in_order
from workbench.graph import Expr, Firing, PassRecord, Trace
from workbench.graph.expr import give_name, rebuild
from workbench.graph.inner import Graph
from workbench.graph.rewrite import INSIDE

Changes = dict[int, tuple[Version | None, Version | None]]
State = dict[int, Version]


class Step(NamedTuple):
    """What one firing did to the graph.

    Attributes
    ----------
    changes
        The cells that it touched: what each was and is, ``None`` where it is not needed.
    own
        Those that the firing itself touched: a pass may begin with more, or less, than the one before ended with.
    made
        Cells that are new.
    place, result
        The cell of the result, and what it is; -1 and ``None`` where what the rule was for was not needed.
    about
        Of a derivation's step, the cell of what it is about; else -1.
    roots
        The cells of the results.
    """

    changes: Changes
    own: Changes
    made: tuple[int, ...]
    place: int
    result: Version | None
    about: int
    roots: Roots


class Replay:
    """The states of a traced graph: step 0 is before everything, step n after firing n.

    They are made in order, once, when they are first asked for; a state is kept whenever as much has changed since the last
    one as a quarter of what there is, so what is kept is in proportion to what is changed, and any state is near one.
    """

    def __init__(self, trace: Trace) -> None:
        self.passes = [p for p in trace.passes if p.firings or p.before]
        self.firings: list[tuple[PassRecord, Firing]] = [(p, f) for p in self.passes for f in p.firings]
        self.first: list[int] = []
        at = 0
        for p in self.passes:
            self.first.append(at)
            at += len(p.firings)
        cells = Cells()
        self.bodies, self.versions = cells.bodies, cells.versions
        self.unfitting = 0
        """Cells that a pass's result has and its steps did not lead to."""
        self._steps: list[Step] = []
        self._kept: dict[int, State] = {}
        self._lives: dict[int, list[int]] | None = None
        self._lock = threading.Lock()
        self._work = self._made(cells)

    def __len__(self) -> int:
        return len(self.firings)

    def step(self, n: int) -> Step:
        """Return what firing `n` did; of 0, the beginning."""
        while len(self._steps) <= n:
            with self._lock:
                # Another thread may have got there; it waits no longer than for one step.
                if len(self._steps) <= n:
                    self._steps.append(next(self._work))
        return self._steps[n]

    def state(self, n: int) -> State:
        """Return the cells after `n` firings."""
        self.step(n)
        kept = max(k for k in list(self._kept) if k <= n)
        state = dict(self._kept[kept])
        for i in range(kept + 1, n + 1):
            apply(state, self._steps[i].changes)
        return state

    def roots(self, n: int) -> tuple[Expr, ...]:
        """Return the graph after `n` firings, as expressions."""
        found = self.exprs(n)
        return tuple(found[c] for c in self.step(n).roots.cells())

    def lives(self) -> dict[int, list[int]]:
        """Return, for each cell, the steps that made, changed or took it away, in order."""
        if self._lives is None:
            found: dict[int, list[int]] = {}
            for n in range(len(self) + 1):
                for c in self.step(n).changes:
                    found.setdefault(c, []).append(n)
            self._lives = found
        return self._lives

    def exprs(self, n: int) -> dict[int, Expr]:
        """Return the expression of every cell after `n` firings."""
        state = self.state(n)
        found: dict[int, Expr] = {}
        for c in in_order(state):
            v = state[c]
            inputs = tuple(found[x] for x in v.below)
            if not v.inside:
                found[c] = rebuild(v.expr, inputs)
                continue
            graphs, at = [], 0
            for g in v.expr.op.graphs:
                results = [found[x] for x in v.inside[at : at + len(g.results)]]
                same = all(new is old for new, old in zip(results, g.results))
                graphs.append(g if same else Graph(g.params, results))
                at += len(results)
            made: Expr = v.expr.op.with_graphs(tuple(graphs))(*inputs)
            found[c] = give_name(made, v.expr.name)
        return found

    def _made(self, cells: Cells) -> Iterator[Step]:
        if not self.passes:
            self._kept[0] = {}
            yield Step({}, {}, (), -1, None, -1, cells.roots)
            return
        cells.show(self.passes[0].before)
        changes = cells.changes()
        self._kept[0] = cells.state()
        yield Step(changes, {}, (), -1, None, -1, cells.roots)
        since, n, size = 0, 0, len(changes)
        entered: Changes = {}
        for number, record in enumerate(self.passes):
            if number:
                cells.show(record.before)
            entered = _joined(entered, cells.changes())
            for i, firing in enumerate(record.firings):
                n += 1
                known = len(cells.versions)
                place = _fire(cells, record, firing)
                made = tuple(cells.cell(n) for n in range(known, len(cells.versions)) if cells.needed(n))
                if record.kind == "rewrite" and i == len(record.firings) - 1:
                    self.unfitting += cells.show(record.after)
                own = cells.changes()
                changes, entered = (own if not entered else _joined(entered, own)), {}
                since += len(changes)
                if since >= size // 4 + 64:
                    self._kept[n] = cells.state()
                    since, size = 0, len(self._kept[n])
                about = cells.where(firing.before) if record.kind == "derive" else -1
                result = None if place is None else cells.versions[place]
                yield Step(changes, own, made, -1 if place is None else cells.cell(place), result, about, cells.roots)


def _fire(cells: Cells, record: PassRecord, firing: Firing) -> int | None:
    if record.kind == "derive":
        return cells.add(firing.after)
    if firing.rule is INSIDE:
        return cells.renew(firing.before, firing.after)
    return cells.rewrite(firing.before, firing.after)


def _joined(first: Changes, then: Changes) -> Changes:
    """Return two changes, one after the other, as one."""
    found = dict(first)
    for c, (was, now) in then.items():
        found[c] = (found[c][0] if c in found else was), now
    return {c: (was, now) for c, (was, now) in found.items() if was is not now}


def apply(state: State, changes: Changes) -> None:
    """Do a step to a state."""
    for c, (_, now) in changes.items():
        if now is None:
            state.pop(c, None)
        else:
            state[c] = now
