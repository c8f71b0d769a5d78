"""Proof, program by program, that generated code reads what it means to read.

A lowered program is run with tokens in the place of numbers, once as written, with memory of its own
for every buffer, and at the same time in the memory that `storage` gave it. Each write puts a new token
in both. Each read must find a token as written (it is written before it is read, on every path), and the
same one in memory (nothing else was put there meanwhile). What a loop or a branch leaves behind is
joined: a token that differs between two paths becomes one that stands for that pair, in both worlds.

Indices are followed too: those that the lowering does not check at run time must be in range. It is for
tests (``WORKBENCH_CHECK=1``), which run it on every program they compile: on a long one, a sampler, at the first few
of its lengths, at all of them with ``WORKBENCH_CHECK=all``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.compile.loop_ir import loops as L
from workbench.compile.loop_ir.loop_levels import nest
from workbench.errors import CompileError
from workbench.graph.expr import Constant
from workbench.graph.lengths import Size, Symbol, number
from workbench.graph.types import KINDS

if TYPE_CHECKING:
    from workbench.compile.loop_ir.storage import Storage

STEPS = 6
"""A counted loop is run so often; what its later steps do follows from how the last ones differ."""
LARGEST = 1 << 25
"""Elements of one access, above which a program is taken as it is."""
SPREAD = 64
"""Numbers that lie closer than this are counted by marks: one place for each between the least and the largest."""

Array = np.ndarray[Any, Any]
Place = L.Buffer | str
"""Memory of its own: an output, a local variable, or the arena."""
ARENA = "arena"


def check(program: L.Program, storage: Storage, values: Mapping[Symbol, int] | None = None) -> None:
    """Raise an error unless every read finds what was written for it; `storage` is the plan of the program's memory.

    `values` are the numbers that its lengths are.

    Raises
    ------
    CompileError
        With the buffer, its element and the statement.
    """
    made = _Checker(program, storage, values or {})
    if made.arena <= LARGEST and all(made.size(b) <= LARGEST for b in (*program.inputs, *program.outputs)):
        made.program()


@dataclass
class _State:
    """Tokens by element: `written` of each buffer as the program means it, `memory` of each place; 0 is none.

    `numbers` are values of local variables that are known: the counters of loops.
    """

    written: dict[L.Buffer, Array] = field(default_factory=dict)
    memory: dict[Place, Array] = field(default_factory=dict)
    numbers: dict[L.Buffer, int] = field(default_factory=dict)

    def copy(self) -> _State:
        written = {k: v.copy() for k, v in self.written.items()}
        return _State(written, {k: v.copy() for k, v in self.memory.items()}, dict(self.numbers))

    def arrays(self) -> dict[Any, Array]:
        return {**{(0, k): v for k, v in self.written.items()}, **{(1, k): v for k, v in self.memory.items()}}


@dataclass(frozen=True)
class _Grid:
    """What an index may be: integers over some of a kernel's axes, and over what only the run will tell (by name)."""

    axes: tuple[int | str, ...]
    values: Array

    @property
    def open(self) -> bool:
        return any(isinstance(a, str) for a in self.axes)

    def along(self, axes: Sequence[int | str]) -> Array:
        """The values with these axes, of length 1 where they do not matter."""
        order = [self.axes.index(a) for a in axes if a in self.axes]
        lengths = iter(self.values.transpose(order).shape)
        return self.values.transpose(order).reshape([next(lengths) if a in self.axes else 1 for a in axes])


def _combined(function: Callable[..., Any], *grids: _Grid) -> _Grid:
    axes = sorted({a for g in grids for a in g.axes}, key=str)
    return _Grid(tuple(axes), np.asarray(function(*(g.along(axes) for g in grids))))


ARITHMETIC: dict[str, Callable[..., Any]] = {"+": np.add, "*": np.multiply, "/": np.floor_divide, "%": np.remainder}


@dataclass(frozen=True)
class _Access:
    """The cells of memory that a kernel reads or writes, over the axes of its grid."""

    what: L.Load | L.Store | L.Fold
    buffer: L.Buffer
    grid: _Grid
    place: Place
    cells: Array  # One row for each of the grid's values.
    first: int
    last: int  # Of the cells.

    @property
    def writes(self) -> bool:
        return not isinstance(self.what, L.Load)


class _Ends(Exception):
    """An axis without rows is indexed: the program ends there with an error."""


class _Checker:
    def __init__(self, program: L.Program, storage: Storage, values: Mapping[Symbol, int]) -> None:
        self.code = program
        self.storage = storage
        self.values = values
        self.arena = self.number(storage.arena)
        widths = {np.dtype(b.dtype).itemsize for b in storage.offset}
        self.grain = int(np.gcd.reduce([*widths, 8]))
        self.token = 1
        self.local: dict[str, L.Buffer] = {}
        self.constants = {b: op.value for b, op in program.constants if isinstance(op, Constant)}
        self.where = ""

    def program(self) -> None:
        try:
            state = self.block(self.code.body, _State())
        except _Ends:
            return
        self.where = "the end"
        for b in self.code.outputs:
            self.read(state, b)

    def number(self, n: Size) -> int:
        return number(n, self.values)

    def size(self, b: L.Buffer) -> int:
        return self.number(b.size)

    def elements(self, b: L.Buffer) -> Array:
        """The elements of its root that a buffer is."""
        start = self.number(b.start)
        return np.arange(start, start + self.size(b))

    def fault(self, problem: str) -> CompileError:
        return CompileError(f"internal: {self.code.name}: {problem} (at {self.where or 'a statement'})", "please report it with the model")

    # Tokens ------------------------------------------------------------------------------------

    def fresh(self, n: int) -> Array:
        self.token += n
        return np.arange(self.token - n, self.token)

    def cells(self, buffer: L.Buffer, elements: Array) -> tuple[Place, Array]:
        """Where elements of the root of a buffer are, one row of cells for each."""
        home = self.storage.of(buffer)
        if home not in self.storage.offset:
            return home, elements[:, None]
        width = np.dtype(home.dtype).itemsize // self.grain
        start = self.number(self.storage.offset[home]) // self.grain
        return ARENA, (start + elements * width)[:, None] + np.arange(width)

    def written(self, state: _State, root: L.Buffer) -> Array:
        return state.written.setdefault(root, np.zeros(self.size(root), np.int64))

    def memory(self, state: _State, place: Place) -> Array:
        if place not in state.memory:
            size = -(-self.arena // self.grain) if isinstance(place, str) else self.size(place)
            state.memory[place] = np.zeros(size, np.int64)
        return state.memory[place]

    def read(self, state: _State, buffer: L.Buffer, elements: Array | None = None, partly: bool = False) -> Array:
        """The tokens of elements (of the buffer, all by default), each of which must be there; `partly`: or must not have been written."""
        if buffer.root.kind in ("input", "constant"):
            return np.zeros(self.size(buffer) if elements is None else elements.size, np.int64)
        at = self.elements(buffer) if elements is None else self.number(buffer.start) + elements.ravel()
        tokens = self.written(state, buffer.root)[at]
        place, cells = self.cells(buffer, at)
        missing, changed = tokens == 0, (self.memory(state, place)[cells] != tokens[:, None]).any(1)
        for wrong, why in ((missing & (not partly), "before it is written"), (changed & ~missing, "after something else was put there")):
            if wrong.any():
                raise self.fault(f"element {at[wrong.argmax()]} of {buffer.root.name} is read {why}")
        return tokens

    def write(self, state: _State, buffer: L.Buffer, elements: Array | None = None, tokens: Array | None = None, maybe: bool = False) -> None:
        """Put tokens (new ones by default); `maybe`: at some of the elements only."""
        at = self.elements(buffer) if elements is None else self.number(buffer.start) + elements
        tokens = self.fresh(at.size) if tokens is None else tokens
        place, cells = self.cells(buffer, at)
        self.memory(state, place)[cells] = tokens[:, None]
        whole = self.written(state, buffer.root)
        whole[at] = np.where(whole[at] == 0, 0, tokens) if maybe else tokens
        state.numbers.pop(buffer.root, None)

    def join(self, one: _State, other: _State) -> _State:
        """What is known where either path may have been taken."""
        a, b = one.arrays(), other.arrays()
        for x, y in ((a, b), (b, a)):
            for key in x.keys() - y.keys():
                y[key] = np.zeros_like(x[key])
        keys = list(a)
        differs = {key: np.flatnonzero(a[key] != b[key]) for key in keys}
        pairs = np.concatenate([np.zeros(0, np.int64), *((a[key][d] << 32) | b[key][d] for key, d in differs.items())])
        distinct, number = np.unique(pairs, return_inverse=True)
        tokens = self.fresh(distinct.size)[number]
        made = _State(numbers={k: v for k, v in one.numbers.items() if other.numbers.get(k) == v})
        begin = 0
        for key in keys:
            d = differs[key]
            joined = a[key].copy()
            joined[d] = tokens[begin : begin + d.size]
            begin += d.size
            if key[0] == 0:
                joined[(a[key] == 0) | (b[key] == 0)] = 0
            (made.memory if key[0] else made.written)[key[1]] = joined
        return made

    # Statements --------------------------------------------------------------------------------

    def block(self, block: Sequence[L.Statement], state: _State) -> _State:
        for s in block:
            if isinstance(s, L.Branch):
                self.predicate(state, s.predicate)
                state = self.join(self.block(s.then, state.copy()), self.block(s.orelse, state))
            elif isinstance(s, L.Loop):
                state = self.loop(s, state)
            else:
                self.simple(s, state)
        return state

    def simple(self, s: L.Statement, state: _State) -> None:
        self.where = type(s).__name__.lower()
        if isinstance(s, L.Kernel):
            self.kernel(s, state)
        elif isinstance(s, L.Blocked):
            self.blocked(s, state)
        elif isinstance(s, L.Copy):
            self.copy(s, state)
        elif isinstance(s, L.Fill):
            self.write(state, s.buffer)
            self.note(state, s.buffer, s.value.value)
        elif isinstance(s, L.Begin):
            self.written(state, s.buffer.root)[:] = 0
        elif isinstance(s, (L.Call, L.External)):
            self.call(s, state)

    def note(self, state: _State, buffer: L.Buffer, value: Any) -> None:
        """Remember the value of a local variable, where it is a whole number."""
        if buffer.is_local:
            self.local[buffer.name] = buffer
            if KINDS[buffer.dtype] in "iub" and value is not None:
                state.numbers[buffer] = int(value)

    def predicate(self, state: _State, predicate: L.Buffer | L.Literal) -> bool | None:
        if isinstance(predicate, L.Literal):
            return bool(predicate.value)
        self.read(state, predicate)
        known = state.numbers.get(predicate)
        return None if known is None else bool(known)

    def copy(self, s: L.Copy, state: _State) -> None:
        moves = []
        for a, b in s.pairs:
            if self.size(a):
                source = b if isinstance(b, L.Buffer) else None
                # What is filled part by part may be moved before it is full.
                tokens = None if source is None or source.root.kind in ("input", "constant") else self.read(state, source, partly=True)
                value = state.numbers.get(source) if source is not None else b.value  # type: ignore[union-attr]
                moves.append((a, source, tokens, value))
        # Elements of equally long arrays are moved together, one index after the other; scalars are read first and written last.
        at: dict[Any, list[tuple[L.Buffer, Any]]] = {}
        for a, *_ in moves:
            to, target = self.cells(a, self.elements(a))
            at.setdefault(to, []).append((a, target))
        # Of most targets it is enough to see where they begin and end.
        spans = {to: np.array([(t.min(), t.max()) for _, t in there]) for to, there in at.items()}
        for c, source, _, _ in moves:
            if source is None or source.root.kind in ("input", "constant"):
                continue
            of, cells = self.cells(source, self.elements(source))
            if of not in at:
                continue
            near = np.flatnonzero((spans[of][:, 0] <= cells.max()) & (spans[of][:, 1] >= cells.min()))
            for a, target in (at[of][i] for i in near):
                together = a is c or (self.size(a) == self.size(c) and (self.size(a) == 1 or np.array_equal(target, cells)))
                if not together and _meet(target, cells):
                    raise self.fault(f"{source.name} is overwritten by {a.name} in the copy that reads it")
        for a, _, tokens, value in moves:
            self.write(state, a, tokens=tokens)
            self.note(state, a, value)

    def call(self, s: L.Call | L.External, state: _State) -> None:
        for b in s.arguments:
            self.read(state, b)
        touched: list[tuple[L.Buffer, Place, Array]] = []
        for b, is_result in [*((b, False) for b in s.arguments), *((b, True) for b in s.results)]:
            if b.root.kind in ("input", "constant"):
                continue
            place, cells = self.cells(b, self.elements(b))
            if is_result:
                for other, where, theirs in touched:
                    if where == place and _meet(cells, theirs):
                        raise self.fault(f"{b.name}, the result of a call, lies in {other.name}")
            touched.append((b, place, cells))
        for b in s.results:
            self.write(state, b)
            self.note(state, b, None)

    # Loops -------------------------------------------------------------------------------------

    def loop(self, s: L.Loop, state: _State) -> _State:
        if s.steps is not None:
            return self.counted(s, self.number(s.steps), state)
        while True:
            tested = self.block(s.test, state.copy())
            self.predicate(tested, s.predicate)
            again = self.join(state, self.block(s.body, tested.copy()))
            if _pattern(again) == _pattern(state):
                return tested
            state = again

    def counted(self, s: L.Loop, steps: int, state: _State) -> _State:
        history: list[_State] = []
        for k in range(steps):
            if k == STEPS:
                self.skip(history[-3:], steps - k)
                state = history[-1]
                break
            state = self.block(s.test, state)
            if self.predicate(state, s.predicate) is not True:
                raise self.fault(f"a loop of {steps} steps does not go on after {k}")
            state = self.block(s.body, state)
            history.append(state.copy())
        state = self.block(s.test, state)
        if self.predicate(state, s.predicate) is not False:
            raise self.fault(f"a loop of {steps} steps does not end")
        return state

    def skip(self, history: list[_State], more: int) -> None:
        """Change the last state to that after `more` steps, if each goes one row further than that before."""
        before, middle, last = history
        x, y, z = before.arrays(), middle.arrays(), last.arrays()
        found: dict[Any, tuple[Array, Array]] = {}
        for key, now in z.items():
            then = y.get(key, np.zeros_like(now))
            earlier, later = x.get(key, np.zeros_like(now)) != then, then != now
            only_then, only_now = np.flatnonzero(earlier & ~later), np.flatnonzero(later & ~earlier)
            if only_now.size and only_then.size == only_now.size:
                found[key] = only_now, only_now - only_then  # Of each cell: rows of what lies side by side in the arena have lengths of their own.
        k = np.arange(more)[:, None]
        distinct = np.unique(np.concatenate([np.zeros(0, np.int64), *(z[key][at] for key, (at, _) in found.items())]))
        # A step's tokens, for each of the steps that follow: the same ones wherever the step put a token.
        tokens = self.fresh(more * distinct.size)
        for key, (at, shift) in found.items():
            now = z[key]
            targets = at + (k + 1) * shift
            if targets.min() < 0 or targets.max() >= now.size:
                raise self.fault("a loop goes beyond the end of what it fills")
            now[targets] = tokens[k * distinct.size + np.searchsorted(distinct, now[at])]
        for b, value in last.numbers.items():
            step = value - middle.numbers.get(b, value)
            last.numbers[b] = value + more * step if b.dtype != "bool" else value

    # Kernels -----------------------------------------------------------------------------------

    def kernel(self, s: L.Kernel, state: _State) -> list[_Access]:
        extents = [self.number(n) for n in s.extents]
        if 0 in extents:
            return []
        self.where = f"the loop over {extents}" + (f" for {s.note}" if s.note else "")
        known: dict[str, _Grid | None] = {f"i{a}": _Grid((a,), np.arange(n)) for a, n in enumerate(extents)}
        outside: set[str] = set()

        def value(x: L.Operand) -> _Grid | None:
            if isinstance(x, L.Literal):
                return _Grid((), np.asarray(x.value, np.int64)) if KINDS[x.dtype] in "iub" and x.value < 2**63 else None
            if x not in known:
                outside.add(x)
                b = self.local.get(x)
                if b is None:
                    raise self.fault(f"{x} is read before it is written")
                self.read(state, b)
                known[x] = _Grid((), np.asarray(state.numbers[b])) if b in state.numbers else None
            return known[x]

        def grid(index: L.Index) -> _Grid:
            if isinstance(index, L.IndexOp):
                return _combined(ARITHMETIC[index.op], grid(index.left), grid(index.right))
            if not isinstance(index, str):
                return _Grid((), np.asarray(self.number(index)))
            found = value(index)
            if found is None:
                raise self.fault(f"an index, {index}, is not checked")
            return found

        accesses = []

        def access(x: L.Load | L.Store | L.Fold) -> _Access:
            g = grid(x.index)
            flat = g.values.ravel()
            if flat.min() < 0 or flat.max() >= max(self.size(x.buffer), 1):
                raise self.fault(f"an index of {x.buffer.name}, which has {self.size(x.buffer)} elements, runs from {flat.min()} to {flat.max()}")
            place, cells = ("", flat[:, None]) if x.buffer.root.kind in ("input", "constant") else self.cells(x.buffer, self.number(x.buffer.start) + flat)
            accesses.append(made := _Access(x, x.buffer, g, place, cells, int(cells.min()), int(cells.max())))
            return made

        for line in s.lines:
            if isinstance(line, L.Load):
                g = access(line).grid
                self.read(state, line.buffer, g.values)
                table = self.constants.get(line.buffer)
                exact = table is not None and table.dtype.kind in "iub"
                known[line.name] = _Grid(g.axes, table.ravel()[g.values].astype(np.int64)) if exact and table is not None else None
            elif isinstance(line, L.Let):
                known[line.name] = _let(line, [value(a) for a in line.arguments])
            elif isinstance(line, L.Position):
                g = grid(line.index)
                known[line.name] = g if KINDS[line.dtype] in "iu" else None
            else:
                asked = value(line.index)
                extent = self.number(line.extent)
                if not extent:
                    raise _Ends
                known[line.name] = _Grid((line.name,), np.arange(extent)) if asked is None else _row(asked, extent)
        effects: list[L.Store | L.Fold] = [*s.stores, *s.folds]
        values = [value(e.value) for e in effects]
        if not s.extents:
            # All lines stand before what is written; what is written as it is, or where, is read meanwhile.
            outside = {name for e in effects for x in (e.value, e.index) if not isinstance(x, L.Literal) for name in L.index_variables(x)}
        writes = [access(e) for e in effects]
        self.in_step(s, accesses, writes)
        for e, w, v in zip(effects, writes, values):
            if e.buffer.name in outside:
                raise self.fault(f"{e.buffer.name} is written by the loop that reads it")
            at = _distinct(w.grid.values)
            if isinstance(e, L.Fold):
                self.read(state, e.buffer, at)
            self.write(state, e.buffer, at, maybe=w.grid.open)
            exact = v is not None and isinstance(e, L.Store) and v.values.size == 1
            self.note(state, e.buffer, v.values.item() if exact and v is not None else None)
        return accesses

    def in_step(self, s: L.Kernel, accesses: Sequence[_Access], writes: Sequence[_Access]) -> None:
        """What is written may be read by the same index of the loop alone, for it may run in any order."""
        several = {a for a, n in enumerate(s.extents) if self.number(n) > 1}
        level = nest(s).level
        for w in writes:
            for x in accesses:
                if x is w or x.place != w.place or x.first > w.last or w.first > x.last:
                    continue
                if not _meet(x.cells, w.cells):
                    continue
                # A row that is found outside of the loop is one row, whichever it is.
                fixed = all(level[a] == 0 for a in w.grid.axes if isinstance(a, str))
                own = isinstance(w.what, L.Store) and not x.writes and fixed and several <= set(w.grid.axes)
                same = x.grid.axes == w.grid.axes and np.array_equal(x.cells, w.cells) and _distinct(w.cells).size == w.cells.size
                if not (own and same):
                    raise self.fault(f"{w.buffer.name} is written where other indices of the loop use {x.buffer.name}")

    def blocked(self, s: L.Blocked, state: _State) -> None:
        """Kernels that take turns: what one writes in a row, the others may use in that row alone."""
        turns = [self.kernel(k, state) for k in s.kernels]
        for one, other in combinations(turns, 2):
            for a in one:
                for b in other:
                    if a.place != b.place or not a.place or not (a.writes or b.writes):
                        continue
                    (mine, rows), (theirs, others) = _by_row(a), _by_row(b)
                    _, i, j = np.intersect1d(mine, theirs, return_indices=True)
                    if (rows[i] != others[j]).any() or (i.size and (rows[i] < 0).any()):
                        raise self.fault(f"{a.buffer.name} and {b.buffer.name} share memory in different rows of loops that take turns")


def _let(line: L.Let, arguments: Sequence[_Grid | None]) -> _Grid | None:
    """The value of a formula of whole numbers that are known."""
    if KINDS[line.dtype] not in "iub" or any(d not in KINDS or KINDS[d] not in "iub" for d in line.dtypes):
        return None
    given = [g for g in arguments if g is not None]
    if len(given) < len(arguments):
        return None
    made = _combined(lambda *v: line.op.numpy(*(x.astype(d) for x, d in zip(v, line.dtypes))), *given)
    return _Grid(made.axes, made.values.astype(np.int64))


def _distinct(numbers: Array) -> Array:
    """The numbers, each once, in order: by marks, where they lie close, as cells of memory do (sorting takes ten times as long)."""
    if numbers.size < 2:
        return numbers.ravel()
    low, high = numbers.min(), numbers.max()
    if high - low > SPREAD * numbers.size:
        return np.unique(numbers)
    there = np.zeros(high - low + 1, bool)
    there[numbers - low] = True
    return low + np.flatnonzero(there)


def _meet(one: Array, other: Array) -> bool:
    """Whether a number is in both."""
    if not one.size or not other.size:
        return False
    low, high = max(one.min(), other.min()), min(one.max(), other.max())
    if low > high:
        return False
    if one.size == 1 or other.size == 1:
        return bool((one.ravel()[:, None] == other.ravel()).any())
    there = np.zeros(high - low + 1, bool)
    there[one[(one >= low) & (one <= high)] - low] = True
    return bool(there[other[(other >= low) & (other <= high)] - low].any())


def _row(asked: _Grid, extent: int) -> _Grid:
    at = np.where(asked.values < 0, asked.values + extent, asked.values)
    return _Grid(asked.axes, np.where((at >= 0) & (at < extent), at, 0))


def _by_row(a: _Access) -> tuple[Array, Array]:
    """The cells of an access, and the row of the loop that touches each: -1 where more than one may."""
    cells = a.cells
    if 0 not in a.grid.axes:
        distinct = _distinct(cells)
        return distinct, np.full(distinct.size, -1)
    number = np.broadcast_to(_Grid((0,), np.arange(a.grid.values.shape[a.grid.axes.index(0)])).along(a.grid.axes), a.grid.values.shape)
    rows = np.repeat(number.ravel(), cells.shape[1])
    order = np.argsort(cells.ravel(), kind="stable")
    distinct, first = np.unique(cells.ravel()[order], return_index=True)
    low, high = np.minimum.reduceat(rows[order], first), np.maximum.reduceat(rows[order], first)
    return distinct, np.where(low == high, low, -1)


def _pattern(state: _State) -> list[Any]:
    """Which elements hold the same token, and which none: what matters of a state to a loop."""
    arrays = state.arrays()
    keys = sorted((k for k in arrays if arrays[k].any()), key=lambda k: (k[0], k[1] if isinstance(k[1], str) else k[1].name))
    tokens = np.concatenate([np.zeros(1, np.int64), *(arrays[k] for k in keys)])
    if tokens.max() > SPREAD * tokens.size:
        _, tokens = np.unique(tokens, return_inverse=True)
    # Of each token, where it comes first: what is assigned last stays.
    first = np.zeros(tokens.max() + 1, np.int64)
    first[tokens[::-1]] = np.arange(tokens.size)[::-1]
    return [keys, first[tokens].tobytes(), sorted((b.name, v) for b, v in state.numbers.items())]
