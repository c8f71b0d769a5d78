"""Scalars that are copied into one another are one variable wherever they never hold different values at once.

A branch leaves its results in variables of their own, so what it passes on unchanged, or changes on one
side only, would be copied at every level of nesting: most of the lines of a sampler. As arrays do in
`storage`, the ends of a copy share a variable here if they do not interfere, and the copy goes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from workbench.compile.loop_ir import loops as L


def merge_scalars(body: Sequence[L.Statement]) -> list[L.Statement]:
    """Return the statements with copied scalars merged."""
    live = _Liveness(body)
    if not live.names:
        return list(body)
    live.block(body, set())
    home: dict[L.Buffer, L.Buffer] = {}
    for s in reversed(list(L.walk(body))):  # Inner ones first.
        if isinstance(s, L.Copy):
            for a, b in s.pairs:
                if _is_scalar(a) and _is_scalar(b):
                    _join(_home(a, home), _home(b, home), live.edges, home)
    return _Merged(live.names, home).block(body)


def _is_scalar(value: Any) -> bool:
    return isinstance(value, L.Buffer) and value.is_local


def _home(x: Any, home: dict[L.Buffer, L.Buffer]) -> L.Buffer:
    while x in home:
        x = home[x]
    found: L.Buffer = x
    return found


def _join(a: L.Buffer, b: L.Buffer, edges: dict[L.Buffer, set[L.Buffer]], home: dict[L.Buffer, L.Buffer]) -> None:
    """Let `a` live in `b` if they do not interfere."""
    if a is b or a.dtype != b.dtype or b in edges.get(a, ()):
        return
    home[a] = b
    mine = edges.setdefault(b, set())
    for other in edges.pop(a, ()):
        edges[other].discard(a)
        edges[other].add(b)
        mine.add(other)


class _Liveness:
    """Which scalars that are copied hold live values at the same time."""

    def __init__(self, body: Sequence[L.Statement]) -> None:
        self.edges: dict[L.Buffer, set[L.Buffer]] = {}
        self.names: dict[str, L.Buffer] = {}
        for s in L.walk(body):
            if isinstance(s, L.Copy):
                for a, b in s.pairs:
                    if _is_scalar(a) and _is_scalar(b):
                        self.names.update((x.name, x) for x in (a, b) if isinstance(x, L.Buffer))

    def of(self, values: Iterable[Any]) -> set[L.Buffer]:
        """The scalars among buffers, operands and indices."""
        found = set()
        for v in values:
            for name in [v.name] if isinstance(v, L.Buffer) else () if isinstance(v, L.Literal) else L.index_variables(v):
                if name in self.names:
                    found.add(self.names[name])
        return found

    def define(self, x: L.Buffer, live: Iterable[L.Buffer]) -> None:
        mine = self.edges.setdefault(x, set())
        for other in live:
            if other is not x:
                mine.add(other)
                self.edges.setdefault(other, set()).add(x)

    def block(self, block: Sequence[L.Statement], after: set[L.Buffer]) -> set[L.Buffer]:
        """Walk backwards from the scalars live after the block to those live before it."""
        live = set(after)
        for s in reversed(block):
            if isinstance(s, L.Branch):
                live = self.block(s.then, live) | self.block(s.orelse, live) | self.of([s.predicate])
            elif isinstance(s, L.Loop):
                live = self.loop(s, live)
            elif isinstance(s, L.Copy):
                self.copy(s, live)
            elif isinstance(s, L.Blocked):
                together = live.union(*(self.of(reads(k)) | self.of(written(k)) for k in s.kernels))
                for k in reversed(s.kernels):
                    self.assign(self.of(written(k)), together, live, self.of(reads(k)))
            elif isinstance(s, L.Kernel):
                # Without a loop all is read before anything is written, but for what is stored as it is, and where.
                clash = reads(s) if s.extents else where_and_what(s)
                self.assign(self.of(written(s)), self.of(clash), live, self.of(reads(s)))
            elif isinstance(s, (L.Call, L.External)):
                arguments = self.of(s.arguments)
                self.assign(self.of(s.results), arguments, live, arguments)
            elif isinstance(s, L.Fill):
                self.assign(self.of([s.buffer]), (), live, ())
        return live

    def assign(self, targets: set[L.Buffer], clash: Iterable[L.Buffer], live: set[L.Buffer], read: Iterable[L.Buffer]) -> None:
        for x in targets:
            self.define(x, {*live, *clash, *targets})
        live -= targets
        live.update(read)

    def copy(self, s: L.Copy, live: set[L.Buffer]) -> None:
        pairs = [(a, b) for a, b in s.pairs if a.name in self.names]
        after = set(live)
        for a, b in pairs:
            others = self.of([y for x, y in pairs if x is not a]) | self.of([x for x, _ in pairs if x is not a])
            self.define(a, (after | others) - (self.of([b]) - others))
        live.difference_update(a for a, _ in pairs)
        live |= self.of([b for _, b in s.pairs])

    def loop(self, s: L.Loop, after: set[L.Buffer]) -> set[L.Buffer]:
        head = set(after)
        while True:
            tested = after | self.block(s.body, head) | self.of([s.predicate])
            before = self.block(s.test, tested)
            if before <= head:
                return head
            head |= before


def reads(kernel: L.Kernel) -> list[Any]:
    """The operands and indices that a kernel reads, and the scalars that it adds to."""
    found: list[Any] = [f.buffer for f in kernel.folds]
    for line in kernel.lines:
        found += line.arguments if isinstance(line, L.Let) else [line.index]
    return found + where_and_what(kernel)


def where_and_what(kernel: L.Kernel) -> list[Any]:
    """The indices at which a kernel writes, and the operands that it writes."""
    effects: list[L.Store | L.Fold] = [*kernel.stores, *kernel.folds]
    return [x for e in effects for x in (e.index, e.value)]


def written(kernel: L.Kernel) -> list[L.Buffer]:
    """The buffers that a kernel stores to or folds into."""
    return [*(x.buffer for x in kernel.stores), *(x.buffer for x in kernel.folds)]


class _Merged:
    """Statements with each scalar's home in its place."""

    def __init__(self, names: dict[str, L.Buffer], home: dict[L.Buffer, L.Buffer]) -> None:
        self.homes = {x: _home(x, home) for x in home}
        self.renamed = {name: self.homes[x].name for name, x in names.items() if x in self.homes}

    def block(self, block: Sequence[L.Statement]) -> list[L.Statement]:
        made: list[L.Statement] = []
        for s in block:
            if isinstance(s, L.Copy):
                pairs = [(self.buffer(a), self.buffer(b)) for a, b in s.pairs]
                pairs = [(a, b) for a, b in pairs if a is not b]
                if pairs:
                    made.append(L.Copy(pairs))
            elif isinstance(s, L.Branch):
                then, orelse = self.block(s.then), self.block(s.orelse)
                if then or orelse:
                    made.append(L.Branch(self.buffer(s.predicate), then, orelse))
            elif isinstance(s, L.Loop):
                made.append(replace(s, test=self.block(s.test), predicate=self.buffer(s.predicate), body=self.block(s.body)))
            elif isinstance(s, L.Kernel):
                made.append(self.kernel(s))
            elif isinstance(s, L.Blocked):
                made.append(replace(s, kernels=[self.kernel(k) for k in s.kernels]))
            elif isinstance(s, (L.Call, L.External)):
                made.append(replace(s, arguments=[*map(self.buffer, s.arguments)], results=[*map(self.buffer, s.results)]))
            else:
                assert isinstance(s, (L.Fill, L.Begin))
                made.append(replace(s, buffer=self.buffer(s.buffer)))
        return made

    def buffer(self, x: Any) -> Any:
        return self.homes.get(x, x) if isinstance(x, L.Buffer) else x

    def kernel(self, k: L.Kernel) -> L.Kernel:
        stores = [self.effect(e) for e in k.stores]
        stores = [e for e in stores if not (e.buffer.is_local and e.value == e.buffer.name)]
        return replace(k, lines=[self.line(line) for line in k.lines], stores=stores, folds=[self.effect(e) for e in k.folds])

    def effect(self, e: Any) -> Any:
        return replace(e, buffer=self.buffer(e.buffer), index=self.index(e.index), value=self.index(e.value))

    def line(self, line: L.Line) -> L.Line:
        if isinstance(line, L.Let):
            return replace(line, arguments=tuple(map(self.index, line.arguments)))
        return replace(line, index=self.index(line.index))

    def index(self, index: Any) -> Any:
        """An index, or an operand, with the names of now."""
        if isinstance(index, str):
            return self.renamed.get(index, index)
        if isinstance(index, L.IndexOp):
            return L.IndexOp(index.op, self.index(index.left), self.index(index.right))
        return index
