"""Storage of a lowered program: liveness, coalescing of copies (in-place updates), one arena.

Buffers are the variables and statements the instructions of a register allocator: two buffers
joined by a copy become one if they do not interfere, so a loop's carried arrays are updated in
place wherever nobody reads the old value later. What is left shares one arena by lifetimes.
"""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from workbench.compile.loop_ir import loops as L
from workbench.compile.loop_ir.loop_levels import nest
from workbench.config import checks_all_lengths, checks_programs
from workbench.errors import ShapeError
from workbench.graph.lengths import Length, Size, Symbol, at_least, fresh, number, symbols, text

ALIGNMENT = 64


@dataclass
class Storage:
    """Where every buffer lives.

    `home` maps a root buffer to the one it shares storage with; `offset` gives temporaries their
    byte position in an arena of `arena` bytes. Where lengths of the program are arguments, positions
    are lengths too, whose values :meth:`at` finds.
    """

    home: dict[L.Buffer, L.Buffer] = field(default_factory=dict)
    offset: dict[L.Buffer, Size] = field(default_factory=dict)
    arena: Size = 0
    neighbours: _Neighbours | None = None
    signed: Mapping[Length, Any] = field(default_factory=dict)
    unproven: Unproven | None = None
    """What is to be proven for each values of the lengths, where tests ask for it."""

    def of(self, buffer: L.Buffer) -> L.Buffer:
        """The root that holds `buffer`."""
        root = buffer.root
        while root in self.home:
            root = self.home[root]
        return root

    def at(self, values: Mapping[Symbol, int]) -> dict[Symbol, int]:
        """Return the values of the lengths of a program, those of positions in the arena with them.

        Raises
        ------
        ShapeError
            If a length is negative.
        """
        found = dict(values)
        for n, location in self.signed.items():
            if number(n, values) < 0:
                raise ShapeError(f"an axis cannot have length {number(n, values)}", f"it is {text(n)}", location)
        if self.neighbours is not None:
            offsets, arena = self.neighbours.placed({b: number(b.size, values) for b in self.offset})
            for position, start in [*((self.offset[b], start) for b, start in offsets.items()), (self.arena, arena)]:
                (symbol,) = symbols(position)
                found[symbol] = start
        if self.unproven is not None:
            self.unproven.prove(self, found)
        return found


LONG = 100
"""Statements of a program whose proof takes seconds, as a sampler's does: it is proven at a `FEW` of its lengths."""
FEW = 2


@dataclass
class Unproven:
    """A program that is proven for each values of its lengths, once: a sampler is bound to the same ones again and again.

    A long one is proven for the first few values (all with ``WORKBENCH_CHECK=all``).
    """

    program: L.Program
    proven: set[frozenset[tuple[Symbol, int]]] = field(default_factory=set)

    def prove(self, storage: Storage, values: Mapping[Symbol, int]) -> None:
        """Prove the program as `storage` places it.

        Raises
        ------
        CompileError
            If something is read that was not written for it.
        """
        from workbench.compile.loop_ir.checker import check

        known = frozenset(values.items())
        with _proving:
            enough = len(self.proven) >= FEW and len(walk_deepest_first(self.program.body)) > LONG and not checks_all_lengths()
            if known not in self.proven and not enough:
                check(self.program, storage, values)
                self.proven.add(known)


_proving = threading.Lock()
"""Threads that bind one program to the same lengths wait for one proof."""


def plan(program: L.Program) -> Storage:
    """Coalesce copies and place temporaries; drops copies that became empty."""
    storage = Storage(signed=program.signed)
    graph = _Interference()
    graph.block(program.body, graph.bits(o for o in program.outputs if o.shape))
    _coalesce(program, graph, storage)
    written = program.body
    program.body = _without_empty_copies(written, storage)
    neighbours = _Neighbours(program, graph, storage)
    sizes = {b: b.size for b in neighbours.apart if isinstance(b.size, int)}
    if len(sizes) == len(neighbours.apart):
        offset, storage.arena = neighbours.placed(sizes)
        storage.offset.update((b, offset[b]) for b in neighbours.apart)
    else:
        storage.neighbours, storage.arena = neighbours, fresh("arena")
        storage.offset = {b: fresh(f"place of {b.name}") for b in neighbours.apart}
    if checks_programs():
        storage.unproven = Unproven(replace(program, body=written))
        if not program.lengths:
            storage.at({})
            storage.unproven = None
    return storage


def _is_array(value: object) -> bool:
    """Arrays that can be written: temporaries and outputs."""
    return isinstance(value, L.Buffer) and not value.root.is_local and value.root.kind in ("temporary", "output")


class _Interference:
    """Which buffers hold live values at the same time.

    Sets of buffers are whole numbers, of which each buffer is a bit: a program has thousands that live at once, and what is live
    at each statement is known of each of them. `edges` joins those that may share nothing; `beside` those of which a kernel
    writes one where it reads the other, element by element: they may be one place, but must not overlap otherwise. Both hold
    one of the two directions at least.
    """

    def __init__(self) -> None:
        self.numbers: dict[L.Buffer, int] = {}
        self.named: list[L.Buffer] = []
        self.outputs = 0
        self.edges: dict[L.Buffer, int] = {}
        self.beside: dict[L.Buffer, int] = {}

    def bit(self, buffer: L.Buffer) -> int:
        """The set of a root alone."""
        number = self.numbers.get(buffer)
        if number is None:
            number = self.numbers[buffer] = len(self.named)
            self.named.append(buffer)
            if buffer.kind == "output":
                self.outputs |= 1 << number
        return 1 << number

    def bits(self, of: Iterable[L.Buffer]) -> int:
        """The set of the roots of some buffers."""
        found = 0
        for b in of:
            found |= self.bit(b.root)
        return found

    def members(self, found: int) -> Iterator[L.Buffer]:
        """The buffers of a set."""
        shown = bin(found)
        last = len(shown) - 1
        at = shown.rfind("1")
        while at > 1:
            yield self.named[last - at]
            at = shown.rfind("1", 0, at)

    def define(self, buffer: L.Buffer, live: int) -> None:
        self.edges[buffer] = self.edges.get(buffer, 0) | live & ~self.bit(buffer)

    def block(self, block: Sequence[L.Statement], live: int) -> int:
        """Walk backwards from the buffers live after the block to those live before it."""
        for s in reversed(block):
            if isinstance(s, L.Kernel):
                live = self.kernel(s, live)
            elif isinstance(s, L.Blocked):
                live = self.blocked(s, live)
            elif isinstance(s, L.Copy):
                live = self.copy(s, live)
            elif isinstance(s, (L.Fill, L.Begin)):
                if _is_array(s.buffer):
                    self.define(s.buffer.root, live)
                    if s.buffer.base is None:
                        live &= ~self.bit(s.buffer)
            elif isinstance(s, (L.Call, L.External)):
                live = self.call(s, live)
            elif isinstance(s, L.Branch):
                live = self.block(s.then, live) | self.block(s.orelse, live)
            elif isinstance(s, L.Loop):
                live = self.loop(s, live)
        return live

    def kernel(self, s: L.Kernel, live: int) -> int:
        loads = [x for x in s.lines if isinstance(x, L.Load) and _is_array(x.buffer)]
        stores = [x for x in s.stores if _is_array(x.buffer)]
        folds = [x for x in s.folds if _is_array(x.buffer)]
        read, after = self.bits(x.buffer for x in loads), live
        written = self.bits(x.buffer for x in stores) | self.bits(x.buffer for x in folds)
        identity = L.row_major([0 if n == 1 else f"i{a}" for a, n in enumerate(s.extents)], s.extents)
        for x in stores:
            # What each index of the loop reads where it writes may be one place; not if another index writes there too.
            own = loads and writes_apart(s, x.index)
            clash = self.bits(y.buffer for y in loads if (y.index, y.buffer.start) != (x.index, x.buffer.start)) if own else read
            root = x.buffer.root
            self.define(root, after | clash | written)
            self.beside[root] = self.beside.get(root, 0) | read & ~self.bit(root)
            whole = x.buffer.base is None and x.index == identity and x.buffer.shape == s.extents
            live = live & ~self.bit(root) if whole else live | self.bit(root)
        for f in folds:
            self.define(f.buffer.root, after | read | written)
            live |= self.bit(f.buffer.root)
        return live | read

    def blocked(self, s: L.Blocked, live: int) -> int:
        """Kernels that take turns: whatever one of them touches is live throughout."""
        touched = self.bits(b for b in buffers(s.kernels) if _is_array(b))
        for b in {b.root for k in s.kernels for b in written_by(k) if _is_array(b)}:
            self.define(b, live | touched)
        # A kernel's own walk says what is read before it is written.
        for k in reversed(s.kernels):
            live = self.kernel(k, live)
        return live

    def copy(self, s: L.Copy, live: int) -> int:
        pairs = [(a, b) for a, b in s.pairs if _is_array(a)]
        reads = Counter(b.root for _, b in pairs if isinstance(b, L.Buffer) and _is_array(b))
        targets = Counter(a.root for a, _ in pairs)
        read = self.bits(reads)
        every = live | read | self.bits(targets)
        # Outputs are never one another: what holds of them all is asked of the rest.
        apart = every & ~self.outputs
        if all(a.kind == "output" for a in targets):
            every = apart
        for a, b in pairs:
            beyond = apart if a.root.kind == "output" else every
            own = b.root if isinstance(b, L.Buffer) else None
            if own is not None and reads[own] == 1 and (own not in targets or (own is a.root and targets[own] == 1)):
                beyond &= ~self.bit(own)
            self.define(a.root, beyond)
            if a.base is None:
                live &= ~self.bit(a)
        return live | read

    def call(self, s: L.Call | L.External, live: int) -> int:
        arguments, results = (self.bits(b for b in some if _is_array(b)) for some in (s.arguments, s.results))
        for b in self.members(results):
            self.define(b, live | arguments | results)
        return live & ~results | arguments

    def loop(self, s: L.Loop, after: int) -> int:
        head = after
        while True:
            before = self.block(s.test, after | self.block(s.body, head))
            if before | head == head:
                return head
            head |= before


def written_by(kernel: L.Kernel) -> list[L.Buffer]:
    """The buffers that a kernel stores to or folds into."""
    return [*(x.buffer for x in kernel.stores), *(x.buffer for x in kernel.folds)]


def writes_apart(kernel: L.Kernel, index: L.Index) -> bool:
    """Whether `index` is sure to be another one for each index of the kernel's loops."""
    loops = {f"i{a}": n for a, n in enumerate(kernel.extents) if n != 1}
    if not loops or 0 in kernel.extents:
        return True
    factors = _factors(index, nest(kernel).level)
    if factors is None or not loops.keys() <= factors.keys():
        return False
    reach: Size = 0
    for name, factor in sorted(factors.items(), key=lambda item: _magnitude(item[1])):
        # The first factor is no 0: it is a number, or counts the elements of rows that are there to be written.
        if reach != 0 and not at_least(factor, reach + 1):
            return False
        reach = reach + factor * (loops[name] - 1)
    return True


def _magnitude(factor: Size) -> tuple[int, ...]:
    """An order in which factors are likely to grow."""
    return (0, 0, factor) if isinstance(factor, int) else (len(factor.terms[0][0]), len(factor.terms), factor.terms[0][1])


def _factors(index: L.Index, level: dict[str, int]) -> dict[str, Size] | None:
    """The sizes of the factors of the loop variables in a sum of multiples of them; ``None`` of another index."""
    if isinstance(index, str):
        # What is found outside of all loops does not change in them.
        return {} if level.get(index, 0) == 0 else {index: 1} if _is_loop_variable(index) else None
    if not isinstance(index, L.IndexOp):
        return {}
    left, right = _factors(index.left, level), _factors(index.right, level)
    if left is None or right is None:
        return None
    if index.op == "+" and not left.keys() & right.keys():
        return {**left, **right}
    if index.op == "*" and isinstance(index.right, int):
        return {name: factor * abs(index.right) for name, factor in left.items()}
    if index.op == "*" and isinstance(index.right, Length) and at_least(index.right, 0):
        return {name: factor * index.right for name, factor in left.items()}
    return left if left == right == {} else None


def _is_loop_variable(name: str) -> bool:
    return name[0] == "i" and name[1:].isdigit()


def _coalesce(program: L.Program, graph: _Interference, storage: Storage) -> None:
    """Join the ends of copies that never hold different live values."""
    joined: dict[L.Buffer, int] = {}
    for s in walk_deepest_first(program.body):
        if not isinstance(s, L.Copy):
            continue
        for a, b in s.pairs:
            if not (_is_array(a) and _is_array(b)) or not isinstance(b, L.Buffer):
                continue
            if a.base is not None or b.base is not None:
                continue
            x, y = storage.of(a), storage.of(b)
            if x is y or x.size != y.size or x.dtype != y.dtype or x.kind == y.kind == "output":
                continue
            of_x, of_y = joined.get(x) or graph.bit(x), joined.get(y) or graph.bit(y)
            if graph.edges.get(x, 0) & of_y or graph.edges.get(y, 0) & of_x:
                continue
            keep, gone = (x, y) if x.kind == "output" else (y, x)
            storage.home[gone] = keep
            joined[keep] = of_x | of_y
            for relation in (graph.edges, graph.beside):
                relation[keep] = relation.get(keep, 0) | relation.pop(gone, 0)


def walk_deepest_first(block: Sequence[L.Statement]) -> list[L.Statement]:
    """Every statement, inner ones before the statement that holds them."""
    return list(reversed(list(L.walk(block))))


def _without_empty_copies(block: Sequence[L.Statement], storage: Storage) -> list[L.Statement]:
    kept: list[L.Statement] = []
    for s in block:
        if isinstance(s, L.Copy):
            pairs = [(a, b) for a, b in s.pairs if not _same_place(a, b, storage)]
            if pairs:
                kept.append(L.Copy(pairs))
        elif isinstance(s, L.Branch):
            kept.append(L.Branch(s.predicate, *(_without_empty_copies(part, storage) for part in (s.then, s.orelse))))
        elif isinstance(s, L.Loop):
            kept.append(replace(s, test=_without_empty_copies(s.test, storage), body=_without_empty_copies(s.body, storage)))
        else:
            kept.append(s)
    return kept


def _same_place(a: L.Buffer, b: L.Buffer | L.Literal, storage: Storage) -> bool:
    return isinstance(b, L.Buffer) and storage.of(a) is storage.of(b) and a.start == b.start


class _Neighbours:
    """Temporaries with those that live at the same time: `apart` share nothing, `beside` may be one place."""

    def __init__(self, program: L.Program, graph: _Interference, storage: Storage) -> None:
        homes: dict[L.Buffer, None] = {}
        for b in buffers(program.body):
            home = storage.of(b)
            if home.kind == "temporary" and not home.is_local:
                homes[home] = None
        edges, beside = (_among(homes, graph, relation, storage) for relation in (graph.edges, graph.beside))
        self.apart: dict[L.Buffer, list[L.Buffer]] = {home: list(edges[home]) for home in homes}
        self.beside: dict[L.Buffer, list[L.Buffer]] = {home: [] for home in homes}
        for home in homes:
            for o in beside[home]:
                if o not in edges[home]:
                    # Element by element is in step only where elements are equally long.
                    in_step = np.dtype(o.dtype).itemsize == np.dtype(home.dtype).itemsize
                    (self.beside if in_step else self.apart)[home].append(o)

    def placed(self, sizes: Mapping[L.Buffer, int]) -> tuple[dict[L.Buffer, int], int]:
        """Return positions in bytes and the size of the arena: those that live at the same time do not overlap."""
        offset: dict[L.Buffer, int] = {}
        placed: dict[L.Buffer, tuple[int, int]] = {}
        arena = 0
        for home in sorted(self.apart, key=lambda b: -sizes[b]):
            size = -(-max(sizes[home], 1) * np.dtype(home.dtype).itemsize // ALIGNMENT) * ALIGNMENT
            apart, one_place = ([placed[o] for o in others[home] if o in placed] for others in (self.apart, self.beside))
            at = _first_fit(size, apart, one_place)
            placed[home] = (at, at + size)
            offset[home] = at
            arena = max(arena, at + size)
        return offset, arena


def _among(homes: Iterable[L.Buffer], graph: _Interference, relation: Mapping[L.Buffer, int], storage: Storage) -> dict[L.Buffer, dict[L.Buffer, None]]:
    """Which of some homes are related, in both directions."""
    found: dict[L.Buffer, dict[L.Buffer, None]] = {home: {} for home in homes}
    there = sum(1 << k for k, b in enumerate(graph.named) if storage.of(b) in found)
    for home, related in found.items():
        for b in graph.members(relation.get(home, 0) & there):
            other = storage.of(b)
            if other is not home:
                related[other] = None
                found[other][home] = None
    return found


def _first_fit(size: int, apart: Sequence[tuple[int, int]], one_place: Sequence[tuple[int, int]]) -> int:
    """The first position for `size` bytes that overlaps none of `apart`, and of `one_place` only those that start there."""
    merged: list[tuple[int, int]] = []
    for start, stop in sorted(apart):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(stop, merged[-1][1]))
        else:
            merged.append((start, stop))
    ends = [stop for _, stop in merged]
    for at in sorted({0, *ends, *(x for place in one_place for x in place)}):
        # The first of `apart` that ends after `at`.
        k = bisect_right(ends, at)
        free = k == len(merged) or at + size <= merged[k][0]
        if free and all(start == at or stop <= at or at + size <= start for start, stop in one_place):
            return at
    raise AssertionError("there is always room at the end")


def buffers(block: Sequence[L.Statement]) -> list[L.Buffer]:
    """Every buffer that the statements name, in order."""
    found: dict[L.Buffer, None] = {}
    for s in L.walk(block):
        if isinstance(s, L.Kernel):
            for x in s.lines:
                if isinstance(x, L.Load):
                    found[x.buffer] = None
            found.update((y.buffer, None) for y in s.stores)
            found.update((y.buffer, None) for y in s.folds)
        elif isinstance(s, L.Copy):
            for a, b in s.pairs:
                found[a] = None
                if isinstance(b, L.Buffer):
                    found[b] = None
        elif isinstance(s, (L.Fill, L.Begin)):
            found[s.buffer] = None
        elif isinstance(s, (L.Call, L.External)):
            found.update(dict.fromkeys((*s.arguments, *s.results)))
        elif isinstance(s, (L.Branch, L.Loop)) and isinstance(s.predicate, L.Buffer):
            found[s.predicate] = None
    return list(found)
