"""Kernels over the same rows of a large array run block by block of rows: it is read from memory once.

A logistic regression multiplies its design matrix by the coefficients, works on the results, and
multiplies them by the matrix again: three kernels over its rows. Where what a later kernel reads of
an earlier one lies in the same row, they may take turns over blocks that stay in the cache.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import reduce

from workbench.compile.loop_ir import loops as L
from workbench.graph.lengths import Size, maximum, product, quotient

CACHED_ELEMENTS = 4096
"""Elements of the widest array in one block of rows: they stay in the first-level cache."""
LEAST_ELEMENTS = 16_384
"""Smaller arrays stay in the cache anyway."""


def block_rows(block: list[L.Statement], touched: _Touched | None = None) -> None:
    """Put kernels that may take turns into `Blocked` statements, in place."""
    touched = _Touched() if touched is None else touched
    done: list[L.Statement] = []
    pending = list(block)
    while pending:
        s = pending.pop(0)
        if isinstance(s, L.Branch):
            block_rows(s.then, touched)
            block_rows(s.orelse, touched)
        elif isinstance(s, L.Loop):
            block_rows(s.test, touched)
            block_rows(s.body, touched)
        elif isinstance(s, L.Kernel) and len(s.extents) > 1 and s.extents[0] not in (0, 1):
            group = _collect(s, pending, touched)
            if group.pays():
                done += [*group.before, L.Blocked(s.extents[0], group.rows(), group.kernels)]
                pending = [*group.after, *pending[group.taken :]]
                continue
        done.append(s)
    block[:] = done


@dataclass(eq=False)
class _Access:
    """One read or write of a buffer by a kernel."""

    buffer: L.Buffer
    index: L.Index
    writes: bool

    def in_row(self, n: Size) -> bool:
        """Whether row i0 of the kernel touches row i0 of the buffer only."""
        return own_row(self.buffer, self.index, n)


def own_row(b: L.Buffer, index: L.Index, n: Size) -> bool:
    """Whether row i0 of a loop over `n` rows touches row i0 of a buffer only."""
    return bool(b.shape) and b.shape[0] == n and b.size != 0 and _is_row(index, product(b.shape[1:]))


def _is_row(index: L.Index, stride: Size) -> bool:
    """Whether a flat position is ``i0 * stride`` plus something within the row."""
    if index == "i0":
        return stride == 1
    if not isinstance(index, L.IndexOp) or "i0" in L.index_variables(index.right):
        return False
    if index.op == "+":
        return stride != 1 and _is_row(index.left, stride)
    if index.op == "*" and L.is_size(index.right):
        rest = quotient(stride, index.right)
        return rest * index.right == stride and _is_row(index.left, rest)
    return False


def _accesses(s: L.Kernel) -> list[_Access]:
    found = [_Access(x.buffer, x.index, False) for x in s.lines if isinstance(x, L.Load)]
    found += [_Access(x.buffer, x.index, True) for x in s.stores]
    return found + [_Access(x.buffer, x.index, True) for x in s.folds]


Key = L.Buffer | str
"""What two statements may share: an array, or a local variable by name."""


def _key(b: L.Buffer) -> Key:
    return b.name if b.is_local else b.root


Keys = tuple[set[Key], set[Key]]
"""What is read, and what is written."""


class _Touched:
    """What statements read and write, each found out once: of a program each is asked for as often as there are kernels."""

    def __init__(self) -> None:
        self._found: dict[L.Statement, Keys | None] = {}

    def by(self, s: L.Statement) -> Keys | None:
        if s not in self._found:
            self._found[s] = _touched(s)
        return self._found[s]


def _touched(s: L.Statement) -> Keys | None:
    """What a simple statement reads and writes; ``None`` for control flow and calls."""
    if isinstance(s, L.Kernel):
        accesses = _accesses(s)
        writes = {_key(a.buffer) for a in accesses if a.writes}
        # A fold reads what it writes.
        reads = {_key(a.buffer) for a in accesses if not a.writes} | {_key(f.buffer) for f in s.folds}
        return reads | _names(s), writes
    if isinstance(s, (L.Fill, L.Begin)):
        return set(), {_key(s.buffer)}
    if isinstance(s, L.Copy):
        return {_key(b) for _, b in s.pairs if isinstance(b, L.Buffer)}, {_key(a) for a, _ in s.pairs}
    return None


def _names(s: L.Kernel) -> set[Key]:
    """Variables that a kernel reads and does not define."""
    used: set[str] = set()
    for x in s.lines:
        if isinstance(x, L.Let):
            used.update(a for a in x.arguments if isinstance(a, str))
        elif isinstance(x, L.Row):
            used.update([x.index] if isinstance(x.index, str) else [])
        else:
            used |= L.index_variables(x.index)
    effects: list[L.Store | L.Fold] = [*s.stores, *s.folds]
    for e in effects:
        used |= L.index_variables(e.index)
        used.update([e.value] if isinstance(e.value, str) else [])
    return used - {x.name for x in s.lines} - {f"i{axis}" for axis in range(len(s.extents))}  # type: ignore[return-value]


@dataclass
class _Group:
    """Kernels that may take turns, and the statements between them that go before or after; what all kernels touch, and all that go after."""

    n: Size
    touched: _Touched
    kernels: list[L.Kernel] = field(default_factory=list)
    before: list[L.Statement] = field(default_factory=list)
    after: list[L.Statement] = field(default_factory=list)
    by_kernels: Keys = field(default_factory=lambda: (set(), set()))
    by_after: Keys = field(default_factory=lambda: (set(), set()))
    taken: int = 0

    def add(self, kernel: L.Kernel) -> None:
        self.kernels.append(kernel)
        _join(self.by_kernels, self.touched.by(kernel))

    def admits(self, kernel: L.Kernel) -> bool:
        """Whether everything that the kernel shares with the group lies in the same row of both."""
        touched = self.touched.by(kernel)
        if _conflict(touched, self.by_after):
            return False
        if not _conflict(touched, self.by_kernels):
            return True
        assert touched is not None
        mine = _accesses(kernel)
        for k in self.kernels:
            theirs = self.touched.by(k)
            assert theirs is not None
            shared = (touched[1] & (theirs[0] | theirs[1])) | (theirs[1] & touched[0])
            if any(isinstance(key, str) for key in shared):
                return False
            for a in _accesses(k) if shared else ():
                for b in mine:
                    if a.buffer.root not in shared or a.buffer.root is not b.buffer.root:
                        continue
                    same = a.buffer.start == b.buffer.start and a.buffer.shape == b.buffer.shape
                    if not (same and a.in_row(self.n) and b.in_row(self.n)):
                        return False
        return True

    def place(self, s: L.Statement) -> bool:
        """Put a statement before or after the group; false where neither is allowed."""
        touched = self.touched.by(s)
        if touched is None:
            return False
        if not _conflict(touched, self.by_kernels) and not _conflict(touched, self.by_after):
            self.before.append(s)
        else:
            self.after.append(s)
            _join(self.by_after, touched)
        return True

    def widest(self) -> dict[L.Buffer, int]:
        """How many kernels read each array that is large, or may be."""
        counts: dict[L.Buffer, int] = {}
        for k in self.kernels:
            for b in {x.buffer.root for x in k.lines if isinstance(x, L.Load) and self.is_large(x.buffer)}:
                counts[b] = counts.get(b, 0) + 1
        return counts

    def is_large(self, b: L.Buffer) -> bool:
        if isinstance(self.n, int) and isinstance(b.size, int):
            return b.size >= max(LEAST_ELEMENTS, 2 * self.n)
        return bool(b.shape) and b.shape[0] == self.n and not isinstance(self.n, int) and product(b.shape[1:]) not in (0, 1)

    def pays(self) -> bool:
        return any(count > 1 for count in self.widest().values())

    def rows(self) -> Size:
        """How many rows are a block."""
        widest = self.widest()
        strides = [b.size // self.n if isinstance(b.size, int) else product(b.shape[1:]) for b in widest]
        stride = reduce(maximum, strides)
        rows = maximum(8, quotient(CACHED_ELEMENTS, stride))
        if isinstance(self.n, int):
            return rows
        # Of a small array all rows are one block.
        size = reduce(maximum, [b.size for b, count in widest.items() if count > 1])
        return rows + maximum(0, LEAST_ELEMENTS - size) * self.n


def _conflict(a: Keys | None, b: Keys | None) -> bool:
    if a is None or b is None:
        return True
    return not (a[1].isdisjoint(b[0]) and a[1].isdisjoint(b[1]) and b[1].isdisjoint(a[0]))


def _join(to: Keys, more: Keys | None) -> None:
    """Add what a statement touches to what others do."""
    reads, writes = more or (set(), set())
    to[0].update(reads)
    to[1].update(writes)


def _collect(first: L.Kernel, pending: Sequence[L.Statement], touched: _Touched) -> _Group:
    """Take what can join the group from the statements that follow its first kernel."""
    group = _Group(first.extents[0], touched)
    group.add(first)
    last = 0
    saved: tuple[int, int] = (0, 0)
    for at, s in enumerate(pending):
        if isinstance(s, L.Kernel) and s.extents and s.extents[0] == group.n and group.admits(s):
            group.add(s)
            last = at + 1
            saved = len(group.before), len(group.after)
        elif not group.place(s):
            break
    # What was set aside after the last kernel that joined stays where it is.
    group.taken = last
    del group.before[saved[0] :], group.after[saved[1] :]
    return group
