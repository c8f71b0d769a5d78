"""Scalars that are copied into one another are one variable wherever they never hold different values at once.

A branch leaves its results in variables of their own, so what it passes on unchanged, or changes on one
side only, would be copied at every level of nesting: most of the lines of a sampler. As arrays do in
`storage`, the ends of a copy share a variable here if they do not interfere, and the copy goes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, TypeGuard

from workbench.compile.loop_ir import loops as L


def merge_scalars(body: Sequence[L.Statement]) -> list[L.Statement]:
    """Return the statements with copied scalars merged."""
    live = _Liveness(body)
    if not live.scalars:
        return list(body)
    live.block(body, 0)
    groups = _Groups(live)
    for s in reversed(list(L.walk(body))):  # Inner ones first.
        if isinstance(s, L.Copy):
            for a, b in s.pairs:
                if _is_scalar(a) and _is_scalar(b):
                    groups.join(live.numbers[a.name], live.numbers[b.name])
    return _Merged({x: home for i, x in enumerate(live.scalars) if (home := live.scalars[groups.home(i)]) is not x}).block(body)


def _is_scalar(value: Any) -> TypeGuard[L.Buffer]:
    return isinstance(value, L.Buffer) and value.is_local


class _Groups:
    """Scalars that live in one variable, by their numbers; sets of scalars are whole numbers with a bit for each."""

    def __init__(self, live: _Liveness) -> None:
        self.dtypes = [x.dtype for x in live.scalars]
        self.homes = list(range(len(self.dtypes)))
        self.members = [1 << i for i in self.homes]
        self.clashes = live.clashes

    def home(self, i: int) -> int:
        while self.homes[i] != i:
            i = self.homes[i]
        return i

    def join(self, a: int, b: int) -> None:
        """Let the group of `a` live in that of `b` if they do not interfere."""
        a, b = self.home(a), self.home(b)
        members, clashes = self.members, self.clashes
        if a == b or self.dtypes[a] != self.dtypes[b] or clashes[a] & members[b] or clashes[b] & members[a]:
            return
        self.homes[a] = b
        members[b] |= members[a]
        clashes[b] |= clashes[a]


class _Liveness:
    """Which scalars that are copied hold live values at the same time: `clashes` says it for one of the two at least."""

    def __init__(self, body: Sequence[L.Statement]) -> None:
        found: dict[str, L.Buffer] = {}
        for s in L.walk(body):
            if isinstance(s, L.Copy):
                for a, b in s.pairs:
                    if _is_scalar(a) and _is_scalar(b):
                        found |= {a.name: a, b.name: b}
        self.scalars = list(found.values())
        self.numbers = {name: i for i, name in enumerate(found)}
        self.clashes = [0] * len(found)

    def of(self, values: Iterable[Any]) -> int:
        """The scalars among buffers, operands and indices."""
        found = 0
        for v in values:
            for name in [v.name] if isinstance(v, L.Buffer) else () if isinstance(v, L.Literal) else L.index_variables(v):
                i = self.numbers.get(name)
                if i is not None:
                    found |= 1 << i
        return found

    def block(self, block: Sequence[L.Statement], after: int) -> int:
        """Walk backwards from the scalars live after the block to those live before it."""
        live = after
        for s in reversed(block):
            if isinstance(s, L.Branch):
                live = self.block(s.then, live) | self.block(s.orelse, live) | self.of([s.predicate])
            elif isinstance(s, L.Loop):
                live = self.loop(s, live)
            elif isinstance(s, L.Copy):
                live = self.copy(s, live)
            elif isinstance(s, L.Blocked):
                together = live
                for k in s.kernels:
                    together |= self.of(reads(k)) | self.of(written(k))
                for k in reversed(s.kernels):
                    live = self.assign(written(k), together, live, self.of(reads(k)))
            elif isinstance(s, L.Kernel):
                # Without a loop all is read before anything is written, but for what is stored as it is, and where.
                clash = reads(s) if s.extents else where_and_what(s)
                live = self.assign(written(s), self.of(clash), live, self.of(reads(s)))
            elif isinstance(s, (L.Call, L.External)):
                arguments = self.of(s.arguments)
                live = self.assign(s.results, arguments, live, arguments)
            elif isinstance(s, L.Fill):
                live = self.assign([s.buffer], 0, live, 0)
        return live

    def assign(self, targets: Iterable[L.Buffer], clash: int, live: int, read: int) -> int:
        """The scalars live before targets are assigned."""
        numbers = [i for x in targets if (i := self.numbers.get(x.name)) is not None]
        assigned = sum({1 << i for i in numbers})
        for i in numbers:
            self.clashes[i] |= (live | clash | assigned) & ~(1 << i)
        return live & ~assigned | read

    def copy(self, s: L.Copy, live: int) -> int:
        """The scalars live before a copy."""
        pairs = [(1 << self.numbers[a.name], self.of([b])) for a, b in s.pairs if a.name in self.numbers]
        targets = sources = again = 0
        for target, source in pairs:
            targets |= target
            again |= sources & source
            sources |= source
        for target, source in pairs:
            others = (sources & ~source | again | targets) & ~target
            self.clashes[target.bit_length() - 1] |= (live | others) & ~(source & ~others) & ~target
        return live & ~targets | self.of([b for _, b in s.pairs])

    def loop(self, s: L.Loop, after: int) -> int:
        head = after
        while True:
            tested = after | self.block(s.body, head) | self.of([s.predicate])
            before = self.block(s.test, tested)
            if not before & ~head:
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

    def __init__(self, homes: dict[L.Buffer, L.Buffer]) -> None:
        self.homes = homes
        self.renamed = {x.name: home.name for x, home in homes.items()}

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
