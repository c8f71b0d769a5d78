"""From a graph to the loop IR: which nodes share a loop, which values get storage.

Every node is placed in a *unit*: a kernel over one index space, or a control statement. A node
joins the first unit of its space that comes late enough: not before the units of what it reads at
its own index, and after the units of what it reads elsewhere (gathers, broadcasts, reductions). So
all that runs over the same rows shares one loop, forward and reverse together. A value gets
storage only if a later unit, or another index, reads it; shape operations and cheap formulas read
elsewhere are recomputed instead.
"""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from workbench.compile.loop_ir import loops as L
from workbench.compile.loop_ir.blocking import block_rows
from workbench.compile.loop_ir.multiply_add import parts
from workbench.errors import CompileError, ShapeError
from workbench.graph.expr import Constant, Data, Expr, Get, Input, intern
from workbench.graph.inner import Graph
from workbench.graph.pattern import uniform_value
from workbench.graph.types import TensorType, TupleType
from workbench.tensor.control.flow import Cond, Region, Slot, While
from workbench.tensor.control.scan import Scan
from workbench.tensor.elementwise import Elementwise
from workbench.tensor.indexing.advanced import Index
from workbench.tensor.indexing.rows import SetAt, Take
from workbench.tensor.indexing.slices import Slice
from workbench.tensor.linalg.lapack import NativeCall
from workbench.tensor.markers import Annotation
from workbench.tensor.shape.reshaping import (
    Arange,
    BroadcastLike,
    BroadcastTo,
    Concatenate,
    Dim,
    Named,
    Reshape,
    Transpose,
)

VIEWS = (Annotation, Named, Reshape, BroadcastTo, BroadcastLike, Transpose, Slice, Arange, Dim)
RECOMPUTE_COST = 4
"""A formula of at most this cost is recomputed where it is read at another index."""

KERNEL_NODES, SCALAR_NODES = 200, 1000
"""Nodes that one loop, or one run of scalars, holds at most: compilers take a time that grows faster than a loop."""

LONGEST_NOTE = 90
"""Characters of the user's line in a comment of generated code."""

Value = L.Buffer | L.Literal


def lower(graph: Graph, name: str) -> L.Program:
    """Lower a graph whose shapes are all known.

    Raises
    ------
    CompileError
        If an operation has no loop form, or a shape is not known.
    """
    return _Lowering(name).program(graph)


def shape_of(x: Expr) -> tuple[int, ...]:
    """Return the static shape of an expression."""
    assert isinstance(x.type, TensorType)
    try:
        return x.type.static_shape
    except ShapeError:
        # Open inputs have their shapes by now: a function is compiled for those of each call.
        raise CompileError(
            f"the shape of {x!r} ({x.type}) depends on values, and compiled code must know it",
            "use backend='numpy'; or keep the length: where(mask, x, 0) for x[mask], a constant for a length",
            location=_location(x),
        ) from None


def _location(x: Expr) -> Any:
    return x.provenance.location if x.provenance else None


class _Lowering:
    """State shared by the blocks of one program: names, constants, regions, checks."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.count = 0
        self.constants: dict[Expr, L.Buffer] = {}
        self.regions: list[tuple[str, Graph | None]] = []
        self.checks: list[L.Check] = []
        self.externals: list[Expr] = []

    def program(self, graph: Graph) -> L.Program:
        env: dict[Expr, Value] = {}
        inputs: list[L.Buffer] = []
        for i, p in enumerate(graph.params):
            made = L.Buffer(f"in{i}", p.type.dtype, shape_of(p), "input", note=p.name or "")
            env[p] = made
            inputs.append(made)
        outputs = [
            L.Buffer(f"out{i}", r.type.dtype, shape_of(r), "output", note=r.name or "")
            for i, r in enumerate(graph.results)
        ]
        body = _Block(self, env, graph.results).statements
        results = [env[r] for r in graph.results]
        body.append(L.Copy(list(zip(outputs, results))))
        constants = [(b, x.op) for x, b in self.constants.items()]
        block_rows(body)
        return L.Program(self.name, inputs, outputs, constants, body, self.regions, self.checks, self.externals)

    def buffer(self, x: Expr, stem: str = "t") -> L.Buffer:
        self.count += 1
        return L.Buffer(f"{stem}{self.count}", x.type.dtype, shape_of(x), note=x.name or "")

    def leaf(self, x: Expr) -> Value | None:
        """Value of a constant or data leaf."""
        if isinstance(x.op, Constant):
            value = uniform_value(x)
            if value is not None:
                return L.Literal(value.item(), x.type.dtype)
        elif not isinstance(x.op, Data):
            return None
        if x not in self.constants:
            kind = x.op.value.shape
            self.constants[x] = L.Buffer(
                f"k{len(self.constants)}", x.type.dtype, kind, "constant", note=x.name or ""
            )
        return self.constants[x]


@dataclass(eq=False)
class _Unit:
    """A kernel over `space` with its nodes, or (`space` is ``None``) one control node."""

    space: tuple[int, ...] | None
    nodes: list[Expr] = field(default_factory=list)


class _Block:
    """Lowers the expressions of one graph, given the values of its parameters."""

    def __init__(self, lowering: _Lowering, env: dict[Expr, Value], results: Sequence[Expr]) -> None:
        self.lowering = lowering
        self.env = env
        self.statements: list[L.Statement] = []
        self.units: list[_Unit] = []
        self.by_space: dict[tuple[int, ...], list[int]] = {}
        self.place: dict[Expr, int] = {}
        self.stored: set[Expr] = set()
        self.used_here: set[Expr] = set()
        self.tuples: dict[Expr, list[Value]] = {}
        self.begins: dict[int, list[L.Buffer]] = {}

        order = self.below(results)
        for x in order:
            self.assign(x)
        for r in results:
            self.require_storage(r)
        self.choose_storage(order)
        for number, unit in enumerate(self.units):
            for b in self.begins.get(number, ()):
                self.statements.append(L.Begin(b))
            if unit.space is None:
                self.control(unit.nodes[0])
            else:
                _KernelMaker(self, number, unit).emit()
        for r in results:
            self.env[r] = self.value(r)

    def below(self, results: Sequence[Expr]) -> list[Expr]:
        """The nodes to compute, inputs first, cut at what has a value already."""
        found = []
        for x in _topological_until(results, self.env):
            if x in self.env:
                continue
            leaf = self.lowering.leaf(x)
            if leaf is not None:
                self.env[x] = leaf
            else:
                found.append(x)
        return found

    def value(self, x: Expr) -> Value:
        """The storage or literal of a node that has one."""
        if x in self.env:
            return self.env[x]
        if isinstance(x.op, Get):
            return self.tuples[x.inputs[0]][x.op.index]
        raise CompileError(f"internal: {x!r} has no storage")

    # Placement ---------------------------------------------------------------------------------

    def needs_storage(self, x: Expr) -> bool:
        """Whether `x` is computed here by a kernel (views are too, once they have one)."""
        return x in self.place and not isinstance(x.op, Get)

    def assign(self, x: Expr) -> None:
        op = x.op
        if isinstance(op, VIEWS):
            return
        if isinstance(op, Get):
            self.place[x] = self.place[x.inputs[0]]
        elif isinstance(op, (While, Scan, Cond, Region, Slot, Concatenate)):
            self.put_control(x)
        elif _fuses(op) or hasattr(op, "element"):
            self.put(x, shape_of(x), x.inputs)
        elif hasattr(op, "accumulate"):
            if len(x.inputs) > 1 and _uniform_start(x.inputs[0]) is None:
                self.require_storage(x.inputs[0])
            self.put(x, shape_of(x.inputs[-1 if len(x.inputs) > 1 else 0]), x.inputs)
        else:
            self.put_control(x)

    def put(self, x: Expr, space: tuple[int, ...], inputs: Sequence[Expr], force_view: bool = False) -> None:
        """Place a node in the first unit of its space that comes late enough."""
        sources = self.sources(x, space, inputs, force_view)
        earliest = 0
        for s, same in sources:
            earliest = max(earliest, self.place[s] + (0 if same else 1))
        candidates = self.by_space.setdefault(space, [])
        at = bisect_left(candidates, earliest)
        if at < len(candidates):
            number = candidates[at]
        else:
            if space:
                # Room for scalars before every loop, so that a later scalar need not split it.
                self.by_space.setdefault((), []).append(len(self.units))
                self.units.append(_Unit(()))
            number = len(self.units)
            self.units.append(_Unit(space))
            candidates.append(number)
        self.units[number].nodes.append(x)
        self.place[x] = number
        if len(self.units[number].nodes) >= (KERNEL_NODES if space else SCALAR_NODES):
            candidates.remove(number)
        for s, same in sources:
            if not (same and self.place[s] == number):
                if self.needs_storage(s):
                    self.stored.add(s)
            else:
                self.used_here.add(s)

    def put_control(self, x: Expr) -> None:
        if not isinstance(x.op, Concatenate):
            for y in x.inputs:
                self.require_storage(y)
        for s, _ in self.sources(x, None, x.inputs, True):
            if self.needs_storage(s):
                self.stored.add(s)
        self.place[x] = len(self.units)
        self.units.append(_Unit(None, [x]))

    def require_storage(self, y: Expr) -> None:
        """Make sure that `y` will be a buffer or a literal: a view gets a kernel of its own."""
        if isinstance(y.op, VIEWS) and y not in self.env and y not in self.place:
            self.put(y, shape_of(y), [y], force_view=True)
            self.stored.add(y)
        elif self.needs_storage(y):
            self.stored.add(y)

    def sources(
        self, user: Expr, space: tuple[int, ...] | None, inputs: Sequence[Expr], force_view: bool
    ) -> list[tuple[Expr, bool]]:
        """What a node reads: placed nodes, and whether at the node's own index."""
        found: dict[Expr, bool] = {}
        elementwise = _fuses(user.op)
        pending: list[tuple[Expr, bool]] = []
        for i, y in enumerate(inputs):
            if i == 0 and len(inputs) > 1 and y in self.place and hasattr(user.op, "accumulate"):
                # What an accumulation starts from is copied whole, from its storage.
                found[y] = False
                continue
            same = not force_view and space is not None and self.reads_same(user, i, y, space, elementwise)
            pending.append((y, same))
        while pending:
            y, same = pending.pop()
            if y in self.env:
                continue
            if (isinstance(y.op, VIEWS) and y not in self.place) or (not same and self.is_cheap(y) and space is not None):
                pending += [(z, False) for z in y.inputs]
            else:
                found[y] = found.get(y, True) and same and not isinstance(y.op, Get)
        return list(found.items())

    def reads_same(self, user: Expr, position: int, y: Expr, space: tuple[int, ...], elementwise: bool) -> bool:
        """Whether `user` reads its input at its own loop index."""
        if not isinstance(y.type, TensorType) or shape_of(y) != space or not (_fuses(y.op) or isinstance(y.op, (Index, Take))):
            return False
        if elementwise:
            return True
        if isinstance(user.op, (Index, Take)):
            return position > 0
        # An accumulation reads its base (the first of several inputs) as a whole.
        return len(user.inputs) == 1 or position > 0

    def is_cheap(self, y: Expr) -> bool:
        """Whether recomputing an elementwise formula elsewhere beats storing it."""
        if not isinstance(y.op, Elementwise) or not shape_of(y):
            return False
        cost = loads = 0
        pending: list[Expr] = [y]
        while pending:
            z = pending.pop()
            if z in self.env or not shape_of(z) or isinstance(z.op, (Get, *VIEWS)) or hasattr(z.op, "accumulate"):
                loads += bool(shape_of(z))
                continue
            if not _fuses(z.op):
                return False
            cost += z.op.cost
            if cost > RECOMPUTE_COST:
                return False
            pending += z.inputs
        return loads <= 2

    # Storage -----------------------------------------------------------------------------------

    def choose_storage(self, order: Sequence[Expr]) -> None:
        """Give every stored node a buffer; the parts of a concatenation live inside it."""
        for x in order:
            if isinstance(x.op, Concatenate):
                whole = self.lowering.buffer(x, "cat")
                self.env[x] = whole
                self.split_storage(x, whole)
        for x in self.place:
            needed = x in self.stored or hasattr(x.op, "accumulate")
            if needed and x not in self.env and not isinstance(x.type, TupleType) and not isinstance(x.op, Get):
                self.env[x] = self.lowering.buffer(x)

    def split_storage(self, x: Expr, whole: L.Buffer) -> None:
        assert isinstance(x.op, Concatenate)
        inner = int(np.prod(shape_of(x)[x.op.axis + 1 :], dtype=np.int64))
        first = self.place[x]
        offset = 0
        contiguous = int(np.prod(shape_of(x)[: x.op.axis], dtype=np.int64)) == 1
        for part in x.inputs:
            size = shape_of(part)[x.op.axis] * inner
            owner = part
            while isinstance(owner.op, Reshape) and owner not in self.place:
                owner = owner.inputs[0]
            fresh = self.needs_storage(owner) and owner not in self.env and not isinstance(owner.op, (Get, Concatenate))
            # A view may get storage of its own for a later reader only: that is written too late for the whole.
            if contiguous and fresh and self.place[owner] < self.place[x] and not isinstance(owner.type, TupleType):
                made = self.lowering.buffer(owner)
                made.base, made.offset = whole, offset
                self.env[owner] = made
                first = min(first, self.place[owner])
            offset += size
        self.begins.setdefault(first, []).append(whole)

    # Control -----------------------------------------------------------------------------------

    def control(self, x: Expr) -> None:
        op = x.op
        if isinstance(op, Concatenate):
            self.concatenate(x)
        elif isinstance(op, (Region, Slot)):
            self.region(x)
        elif isinstance(op, Cond):
            self.cond(x)
        elif isinstance(op, While):
            self.loop(x)
        elif isinstance(op, Scan):
            self.scan(x)
        else:
            native = op.native(x) if hasattr(op, "native") else None
            if native is None and hasattr(op, "loop"):
                self.written_out(x)
            else:
                self.external(x, native)

    def written_out(self, x: Expr) -> None:
        """An operation that says how loops compute it: ``op.loop`` of its inputs."""
        params: list[Expr] = [intern(Input(None, y.type)) for y in x.inputs]
        made: Expr = x.op.loop(*params)
        env: dict[Expr, Value] = dict(zip(params, map(self.operand, x.inputs)))
        self.statements += _Block(self.lowering, env, [made]).statements
        self.env[x] = env[made]

    def external(self, x: Expr, native: NativeCall | None) -> None:
        arguments = [self.in_memory(y) for y in x.inputs]
        if isinstance(x.type, TupleType):
            results = self.results(x)
        else:
            self.env[x] = made = self.lowering.buffer(x)
            results = [made]
        self.lowering.externals.append(x)
        self.statements.append(L.External(len(self.lowering.externals) - 1, arguments, results, native))

    def operand(self, x: Expr) -> Value:
        return self.value(x)

    def concatenate(self, x: Expr) -> None:
        assert isinstance(x.op, Concatenate)
        whole = self.env[x]
        assert isinstance(whole, L.Buffer)
        inner = int(np.prod(shape_of(x)[x.op.axis + 1 :], dtype=np.int64))
        start = 0
        for part in x.inputs:
            length = shape_of(part)[x.op.axis]
            owner = part
            while isinstance(owner.op, Reshape) and owner not in self.place:
                owner = owner.inputs[0]
            value = self.env.get(owner)
            # A part that occurs twice lies in its first place only.
            if not (isinstance(value, L.Buffer) and value.base is whole and value.offset == start * inner):
                _KernelMaker(self, self.place[x], _Unit(shape_of(part))).place_part(x, part, whole, start)
            start += length

    def results(self, x: Expr) -> list[L.Buffer]:
        assert isinstance(x.type, TupleType)
        made = []
        for item in x.type.items:
            assert isinstance(item, TensorType)
            self.lowering.count += 1
            made.append(L.Buffer(f"t{self.lowering.count}", item.dtype, item.static_shape))
        self.tuples[x] = list(made)
        return made

    def region(self, x: Expr) -> None:
        key = (x.op.label, None if isinstance(x.op, Slot) else x.op.graph)
        if key not in self.lowering.regions:
            self.lowering.regions.append(key)
        arguments = [self.in_memory(y) for y in x.inputs]
        results = self.results(x)
        self.statements.append(L.Call(self.lowering.regions.index(key), arguments, results))

    def in_memory(self, x: Expr) -> L.Buffer:
        value = self.operand(x)
        if isinstance(value, L.Buffer):
            return value
        self.lowering.count += 1
        made = L.Buffer(f"t{self.lowering.count}", value.dtype, shape_of(x))
        self.statements.append(L.Copy([(made, value)]))
        return made

    def cond(self, x: Expr) -> None:
        assert isinstance(x.op, Cond)
        predicate, *operands = [self.operand(y) for y in x.inputs]
        targets = self.results(x)
        branches = []
        for graph in (x.op.then, x.op.orelse):
            env = dict(zip(graph.params, operands))
            block = _Block(self.lowering, env, graph.results)
            pairs = [(t, env[r]) for t, r in zip(targets, graph.results)]
            branches.append([*block.statements, L.Copy(pairs)])
        self.statements.append(L.Branch(predicate, *branches))

    def loop(self, x: Expr) -> None:
        assert isinstance(x.op, While)
        op = x.op
        operands = [self.operand(y) for y in x.inputs]
        carried = self.results(x)
        for buffer, p in zip(carried, op.body.params):
            buffer.note = p.name or ""
        self.statements.append(L.Copy(list(zip(carried, operands))))
        closed = operands[op.carried :]
        test_env: dict[Expr, Value] = dict(zip(op.cond.params, [*carried, *closed]))
        test = _Block(self.lowering, test_env, op.cond.results)
        body_env: dict[Expr, Value] = dict(zip(op.body.params, [*carried, *closed]))
        body = _Block(self.lowering, body_env, op.body.results)
        pairs = [(c, body_env[r]) for c, r in zip(carried, op.body.results)]
        self.statements.append(
            L.Loop(test.statements, test_env[op.cond.results[0]], [*body.statements, L.Copy(pairs)])
        )

    def scan(self, x: Expr) -> None:
        """A counted loop: elements are taken from the sequences, outputs set row by row."""
        op = x.op
        assert isinstance(op, Scan) and op.steps is not None
        n, s = op.carries, op.sequences
        operands = [self.operand(y) for y in x.inputs]
        results = self.results(x)
        carried, stacked = results[:n], results[n:]
        for buffer, p in zip(carried, op.body.params):
            buffer.note = p.name or ""
        count: Any = intern(Counter("step", TensorType("int64"), op.steps))
        counter = self.lowering.buffer(count)
        counter.note = "step"
        self.statements.append(L.Copy([(counter, L.Literal(0, "int64")), *zip(carried, operands)]))
        self.statements += [L.Begin(b) for b in stacked]
        if not op.steps:
            return

        rows: list[Expr] = [intern(Input(None, y.type)) for y in x.inputs[n : n + s]]
        stacks: list[Expr] = [intern(Input(None, t)) for t in x.type.items[n:]]
        elements = [intern(Take(), (r, count)) for r in rows]
        closed = op.body.params[n + s :]
        made = op.body.apply(*op.body.params[:n], *elements, *closed)
        outputs = [intern(SetAt(), (o, count, y)) for o, y in zip(stacks, made[n:])]
        env: dict[Expr, Value] = {count: counter, **dict(zip(op.body.params[:n], carried))}
        env.update(zip((*rows, *closed), operands[n:]))
        env.update(zip(stacks, stacked))
        body = _Block(self.lowering, env, [*made[:n], *outputs, count + 1])
        ends = [*carried, *stacked, counter]
        pairs = [(end, env[r]) for end, r in zip(ends, [*made[:n], *outputs, count + 1])]
        more = count < op.steps
        test_env: dict[Expr, Value] = {count: counter}
        test = _Block(self.lowering, test_env, [more])
        self.statements.append(L.Loop(test.statements, test_env[more], [*body.statements, L.Copy(pairs)], op.steps))


@dataclass(frozen=True, eq=False)
class Counter(Input):
    """The number of a scan's step: less than `steps`, so it is a valid row of what the scan runs over."""

    steps: int


def _fuses(op: Any) -> bool:
    """Whether an operation is a formula of elements that a loop can hold."""
    return isinstance(op, Elementwise) and getattr(op, "fusable", True)


def _topological_until(results: Sequence[Expr], known: Mapping[Expr, Any]) -> list[Expr]:
    """Topological order that does not look below nodes with a known value."""
    order: list[Expr] = []
    seen: set[Expr] = set()
    for root in results:
        stack: list[tuple[Expr, bool]] = [(root, False)]
        while stack:
            node, ready = stack.pop()
            if ready:
                order.append(node)
            elif node not in seen:
                seen.add(node)
                stack.append((node, True))
                if node not in known:
                    stack.extend((x, False) for x in reversed(node.inputs) if x not in seen)
    return order


class _KernelMaker:
    """The builder that ops talk to while one kernel is written."""

    def __init__(self, block: _Block, number: int, unit: _Unit) -> None:
        assert unit.space is not None
        self.block = block
        self.number = number
        self.unit = unit
        self.space = unit.space
        self.kernel = L.Kernel(self.space)
        self.index: tuple[L.Index, ...] = tuple(
            0 if n == 1 else f"i{axis}" for axis, n in enumerate(self.space)
        )
        self.memo: dict[tuple[Expr, tuple[L.Index, ...]], L.Operand] = {}
        self.loads: dict[tuple[L.Buffer, L.Index], L.Operand] = {}
        self.before: list[L.Statement] = []
        self.where: Any = None

    def emit(self) -> None:
        """Write the kernel's nodes that somebody needs."""
        names = []
        for x in self.needed():
            if hasattr(x.op, "accumulate"):
                x.op.accumulate(self, x)
            else:
                value = self.compute(x, self.index)
                self.memo[x, self.index] = value
                stored = self.block.env.get(x)
                if isinstance(stored, L.Buffer):
                    self.kernel.stores.append(L.Store(stored, L.row_major(self.index, self.space), value))
            if x.name:
                names.append(x.name)
        self.kernel.note = ", ".join(dict.fromkeys(names))
        self.finish()

    def finish(self) -> None:
        self.block.statements += self.before
        self.drop_unused()
        if self.kernel.stores or self.kernel.folds:
            self.block.statements.append(self.kernel)

    def drop_unused(self) -> None:
        """Drop the products that only sums read which have them inside."""
        effects: list[L.Store | L.Fold] = [*self.kernel.stores, *self.kernel.folds]
        used = {name for e in effects for name in (e.value, *L.index_variables(e.index))}
        kept: list[L.Line] = []
        for line in reversed(self.kernel.lines):
            if line.name in used or not isinstance(line, L.Let):
                kept.append(line)
                used.update(line.arguments if isinstance(line, L.Let) else [line.index] if isinstance(line, L.Row) else L.index_variables(line.index))
        self.kernel.lines = kept[::-1]

    def needed(self) -> list[Expr]:
        """The unit's nodes that are stored, accumulated, or read by one that is."""
        wanted: set[Expr] = set()
        for x in reversed(self.unit.nodes):
            if x in self.block.stored or hasattr(x.op, "accumulate") or x in self.block.env or x in wanted:
                wanted.add(x)
                pending = list(x.inputs)
                while pending:
                    y = pending.pop()
                    if y in wanted or (y in self.block.env and self.block.place.get(y) != self.number):
                        continue
                    if self.block.place.get(y) == self.number:
                        wanted.add(y)
                    elif not isinstance(y.op, Get):
                        pending += y.inputs
        return [x for x in self.unit.nodes if x in wanted]

    def place_part(self, x: Expr, part: Expr, whole: L.Buffer, start: int) -> None:
        """Write one part of a concatenation that could not be computed in place."""
        assert isinstance(x.op, Concatenate)
        value = self.element(part, self.index)
        target = list(self.index)
        target[x.op.axis] = L.add(target[x.op.axis], start)
        self.kernel.stores.append(L.Store(whole, L.row_major(target, shape_of(x)), value))
        self.finish()

    # What ops ask for --------------------------------------------------------------------------

    def element(self, x: Expr, index: Sequence[L.Index]) -> L.Operand:
        """The element of `x` at `index`."""
        at = tuple(0 if n == 1 else i for i, n in zip(index, shape_of(x)))
        found = self.memo.get((x, at))
        if found is None:
            found = self.memo[x, at] = self.compute(x, at)
        return found

    def compute(self, x: Expr, at: tuple[L.Index, ...]) -> L.Operand:
        value = self.block.env.get(x)
        if value is None and isinstance(x.op, Get):
            value = self.block.value(x)
        if value is None and isinstance(x.op, Constant):  # A formula that `element` made brings constants of its own.
            value = self.block.lowering.leaf(x)
        # A stored node is read from its buffer only after its unit; before, it is cheap: recompute.
        if value is not None and self.block.place.get(x, -1) < self.number:
            return value if isinstance(value, L.Literal) else self.load(value, L.row_major(at, value.shape))
        joined = parts(x, self.block.env)
        if joined is not None:
            op, product, added = joined
            operands = [*product.inputs, added]
            # Of what is broadcast, the product's inputs stand at the product's own index.
            within = at[len(at) - product.type.ndim :]
            values = [*(self.broadcast_element(y, within, product.type) for y in product.inputs), self.broadcast_element(added, at, x.type)]
            return self.let(op, tuple(values), x, operands)
        if isinstance(x.op, Elementwise):
            arguments = tuple(self.broadcast_element(y, at, x.type) for y in x.inputs)
            return self.let(x.op, arguments, x, x.inputs)
        return x.op.element(self, x, at)

    def load(self, buffer: L.Buffer, index: L.Index) -> L.Operand:
        if buffer.is_local:
            return buffer.name
        known = self.loads.get((buffer, index))
        if known is None:
            known = self.loads[buffer, index] = name = self.fresh()
            self.kernel.lines.append(L.Load(name, buffer.dtype, buffer, index))
        return known

    def let(self, op: Elementwise, arguments: tuple[L.Operand, ...], x: Expr, operands: Sequence[Expr]) -> str:
        name = self.fresh()
        dtypes = tuple(y.type.dtype for y in operands)
        self.kernel.lines.append(L.Let(name, x.type.dtype, op, arguments, dtypes, self.note(x)))
        return name

    def note(self, x: Expr) -> str:
        """The name of an expression, and the user's line that wrote it where that is another than before."""
        where = _location(x)
        if where is None or where == self.where:
            return x.name or ""
        self.where = where
        line = f"{os.path.basename(where.filename)}:{where.lineno} {where.text}".strip()
        return " | ".join(filter(None, (x.name, line[:LONGEST_NOTE])))

    def fresh(self) -> str:
        self.block.lowering.count += 1
        return f"v{self.block.lowering.count}"

    def broadcast_element(self, x: Expr, index: Sequence[L.Index], whole: TensorType) -> L.Operand:
        """The element of `x` that broadcasting puts at `index` of the `whole`."""
        shape = shape_of(x)
        return self.element(x, index[len(index) - len(shape) :])

    def extent(self, n: int) -> L.Operand:
        return L.Literal(n, "int64")

    def cast(self, index: L.Index, dtype: str) -> L.Operand:
        """A loop index as a number."""
        name = self.fresh()
        self.kernel.lines.append(L.Position(name, dtype, index))
        return name

    def ravel(self, index: Sequence[L.Index], shape: Sequence[int]) -> L.Index:
        return L.row_major(index, shape)

    def unravel(self, flat: L.Index, shape: Sequence[int]) -> list[L.Index]:
        found: list[L.Index] = []
        for axis in range(len(shape) - 1, 0, -1):
            found.append(L.remainder(flat, shape[axis]))
            flat = L.divide(flat, shape[axis])
        return [*([flat] if shape else []), *reversed(found)]

    def slice_index(self, index: Sequence[L.Index], spec: Any) -> list[L.Index]:
        """The position in the whole of element `index` of a slice."""
        return [
            L.add(L.multiply(i, step), start) if length != 1 else start
            for i, (start, length, step) in zip(index, spec)
        ]

    def row(self, value: L.Operand, x: Expr, at: Expr, axis: int = 0) -> L.Index:
        """The row of `x` along `axis` that a run-time index `value` asks for, checked unless it is known."""
        extent = shape_of(x)[axis]
        rows = at
        while isinstance(rows.op, (Reshape, BroadcastTo)):
            rows = rows.inputs[0]
        if isinstance(rows.op, Arange) and rows.op.n <= extent:
            return int(value.value) if isinstance(value, L.Literal) else value
        if isinstance(at.op, Counter) and at.op.steps <= extent:
            assert isinstance(value, str)
            return value
        if isinstance(at.op, Constant) and at.op.value.size and at.op.value.min() >= 0 and at.op.value.max() < extent:
            return int(value.value) if isinstance(value, L.Literal) else value
        name = self.fresh()
        what = x.name or at.name or "the tensor"
        self.block.lowering.checks.append(L.Check(what, extent, _location(at), axis))
        self.kernel.lines.append(L.Row(name, value, extent, len(self.block.lowering.checks) - 1))
        return name

    def accumulate(
        self,
        node: Expr,
        space: tuple[int, ...],
        body: Callable[[Sequence[L.Index]], tuple[Sequence[L.Index], L.Operand]],
        combine: Any,
        start: Any,
    ) -> None:
        """Fold ``value`` into ``node[target]`` for every index of the space, from `start`."""
        target = self.block.env[node]
        assert isinstance(target, L.Buffer)
        if isinstance(start, Expr):
            base = self.block.env.get(start)
            uniform = _uniform_start(start)
            if uniform is not None:
                self.before.append(L.Fill(target, L.Literal(uniform, target.dtype)))
            else:
                self.before.append(L.Copy([(target, base if base is not None else self.block.value(start))]))
        else:
            self.before.append(L.Fill(target, L.Literal(start, target.dtype)))
        index, value = body(self.index)
        flat = L.row_major(index, shape_of(node))
        if combine is None:
            self.kernel.stores.append(L.Store(target, flat, value))
        else:
            self.kernel.folds.append(L.Fold(target, flat, combine, value))


def _uniform_start(x: Expr) -> Any:
    """The one value of a constant, or of a broadcast constant."""
    while isinstance(x.op, (BroadcastTo, BroadcastLike, Reshape)):
        x = x.inputs[0]
    value = uniform_value(x)
    return None if value is None else value.item()
