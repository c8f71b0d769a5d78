"""From a graph to the loop IR: which nodes share a loop, which values get storage.

Every node is placed in a *unit*: a kernel over one index space, or a control statement. A node
joins the first unit of its space that comes late enough: not before the units of what it reads at
its own index, and after the units of what it reads elsewhere (gathers, broadcasts, reductions). So
all that runs over the same rows shares one loop, forward and reverse together. A value gets
storage only if a later unit, or another index, reads it; shape operations and cheap formulas read
elsewhere are recomputed instead.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from workbench.compile.loop_ir import loops as L
from workbench.compile.loop_ir.blocking import block_rows
from workbench.compile.loop_ir.control import MANY, control
from workbench.compile.loop_ir.kernels import (
    VIEWS,
    KernelMaker,
    Unit,
    Value,
    fuses,
    location_of,
    of_values,
    read_by,
    shape_of,
    shape_of_type,
    uniform_start,
)
from workbench.compile.loop_ir.scalars import merge_scalars
from workbench.errors import CompileError
from workbench.graph.expr import Constant, Data, Expr, Get, constant_op, intern
from workbench.graph.inner import Graph
from workbench.graph.lengths import Length, Size, Symbol, at_least, product, symbols
from workbench.graph.pattern import uniform_value
from workbench.graph.provenance import inherited
from workbench.graph.types import TensorType, TupleType
from workbench.tensor.control.flow import Cond, Region, Slot, While
from workbench.tensor.control.scan import Scan
from workbench.tensor.elementwise import Elementwise
from workbench.tensor.indexing.advanced import Index
from workbench.tensor.indexing.rows import Take
from workbench.tensor.indexing.slices import Slice
from workbench.tensor.shape import Reshape
from workbench.tensor.shape.joining import Concatenate

RECOMPUTE_COST = 4
"""A formula of at most this cost is recomputed where it is read at another index."""

KERNEL_NODES, SCALAR_NODES = 200, 100
"""Nodes that one loop, or one run of scalars, holds at most: compilers take a time that grows faster than a loop."""

Watch = Callable[[str, L.Program], None]
"""Told of the stages of a program, each by its name, as it is then."""


def lower(graph: Graph, name: str, known: Iterable[Symbol] = (), held: int = 0, watch: Watch | None = None) -> L.Program:
    """Lower a graph, whose lengths are numbers, or follow from those of its parameters or from `known` ones.

    The last `held` parameters are no arguments: code finds them where it finds constants. Who gives a `watch` sees the
    program after each stage.

    Raises
    ------
    CompileError
        If a shape depends on values.
    """
    return _Lowering(name, known).program(graph, held, watch)


class _Lowering:
    """State shared by the blocks of one program: names, constants, regions, checks."""

    def __init__(self, name: str, known: Iterable[Symbol]) -> None:
        self.name = name
        self.known = set(known)
        self.count = 0
        self.constants: dict[Expr, L.Buffer] = {}
        self.regions: list[L.Region] = []
        self.checks: list[L.Check] = []
        self.externals: list[Expr] = []
        self.signed: dict[Length, Any] = {}

    def program(self, graph: Graph, held: int, watch: Watch | None) -> L.Program:
        env: dict[Expr, Value] = {}
        inputs: list[L.Buffer] = []
        arguments = len(graph.params) - held
        for i, p in enumerate(graph.params):
            if i < arguments:
                made = L.Buffer(f"in{i}", p.type.dtype, shape_of(p), "input", note=p.name or "", of=p)
                inputs.append(made)
            else:
                made = self.constant(p, shape_of(p))
            self.known.update(s for n in made.shape for s in symbols(n))
            env[p] = made
        outputs = [
            L.Buffer(f"out{i}", r.type.dtype, shape_of(r), "output", note=r.name or "", of=r)
            for i, r in enumerate(graph.results)
        ]
        body = _Block(self, env, graph.results).statements
        results = [env[r] for r in graph.results]
        body.append(L.Copy(list(zip(outputs, results))))
        constants = [(b, x.op) for x, b in self.constants.items()]
        program = L.Program(self.name, inputs, outputs, constants, body, self.regions, self.checks, self.externals, frozenset(self.known), self.signed)
        seen = watch or (lambda stage, program: None)
        seen("fusion", program)
        program.body = merge_scalars(program.body)
        seen("scalars", program)
        block_rows(program.body)
        seen("rows", program)
        return program

    def buffer(self, x: Expr, stem: str = "t") -> L.Buffer:
        self.count += 1
        return L.Buffer(f"{stem}{self.count}", x.type.dtype, shape_of(x), note=x.name or "", of=x)

    def check_lengths(self, x: Expr) -> None:
        """Raise unless the lengths of a node are known when compiled code is entered."""
        for kind in x.type.items if isinstance(x.type, TupleType) else [x.type]:
            for n in shape_of_type(kind, x) if isinstance(kind, TensorType) else ():
                if isinstance(n, int):
                    continue
                if not self.known.issuperset(symbols(n)):
                    raise of_values(x)
                if not at_least(n, 0):
                    self.signed.setdefault(n, location_of(x))

    def leaf(self, x: Expr) -> Value | None:
        """Value of a constant or data leaf."""
        if isinstance(x.op, Constant):
            value = uniform_value(x)
            if value is not None:
                return L.Literal(value.item(), x.type.dtype)
        elif not isinstance(x.op, Data):
            return None
        return self.constants.get(x) or self.constant(x, x.op.value.shape)

    def number(self, value: L.Literal) -> L.Buffer:
        """A number that is not written into code: its place beside other constants."""
        x: Expr = intern(constant_op(value.value, value.dtype))
        return self.constants.get(x) or self.constant(x, ())

    def constant(self, x: Expr, shape: tuple[Size, ...]) -> L.Buffer:
        """What is no argument: its place is one that the code is told beside them."""
        made = self.constants[x] = L.Buffer(f"k{len(self.constants)}", x.type.dtype, shape, "constant", note=x.name or "", of=x)
        return made


class _Block:
    """Lowers the expressions of one graph, given the values of its parameters."""

    def __init__(self, lowering: _Lowering, env: dict[Expr, Value], results: Sequence[Expr]) -> None:
        self.lowering = lowering
        self.env = env
        self.statements: list[L.Statement] = []
        self.units: list[Unit] = []
        self.by_space: dict[tuple[Size, ...], list[int]] = {}
        self.place: dict[Expr, int] = {}
        self.stored: set[Expr] = set()
        self.used_here: set[Expr] = set()
        self.tuples: dict[Expr, list[Value]] = {}
        self.begins: dict[int, list[L.Buffer]] = {}

        order = self.below(results)
        for x in order:
            self.assign(x)
        within = {r: part for r in results if (part := self.part_of_stored(r)) is not None} if len(results) >= MANY else {}
        for r in results:
            if r not in within:
                self.require_storage(r)
        self.stored.update(source for source, _ in within.values() if source in self.place)
        self.choose_storage(order)
        for number, unit in enumerate(self.units):
            for b in self.begins.get(number, ()):
                self.statements.append(L.Begin(b))
            if unit.space is None:
                # What is made to say it in loops was written where the operation was.
                (x,) = unit.nodes
                inherited(x.provenance, control, self, x)
            else:
                KernelMaker(self, number, unit).emit()
        for r in results:
            self.env[r] = self.part(r, *within[r]) if r in within else self.value(r)

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
                self.lowering.check_lengths(x)
                found.append(x)
        return found

    def part_of_stored(self, r: Expr) -> tuple[Expr, int] | None:
        """What a result is an element of, and which, if it is one that no loop need move."""
        y = r
        at: Size = 0
        while isinstance(y.op, (Reshape, Slice)) and y not in self.env and y not in self.place:
            if isinstance(y.op, Slice):
                if shape_of(y) != (1,):
                    return None
                at = y.op.spec(y)[0][0] + at * y.op.spec(y)[0][2]
            y = y.inputs[0]
        held = isinstance(self.env.get(y), L.Buffer) or (self.needs_storage(y) and not isinstance(y.op, Get))
        return (y, at) if y is not r and held and isinstance(at, int) and product(shape_of(r)) == 1 and len(shape_of(y)) == 1 else None

    def part(self, r: Expr, source: Expr, at: int) -> L.Buffer:
        whole = self.value(source)
        assert isinstance(whole, L.Buffer)
        self.lowering.count += 1
        return L.Buffer(f"{whole.name}_{self.lowering.count}", whole.dtype, shape_of(r), whole.kind, whole, at, r.name or "", r)

    def inside(self, env: dict[Expr, Value], results: Sequence[Expr]) -> _Block:
        """Lower the results of an inner graph, given the values of its parameters."""
        return _Block(self.lowering, env, results)

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
        elif fuses(op) or hasattr(op, "element"):
            self.put(x, shape_of(x), x.inputs)
        elif hasattr(op, "accumulate"):
            if len(x.inputs) > 1 and uniform_start(x.inputs[0]) is None:
                self.require_storage(x.inputs[0])
            self.put(x, shape_of(x.inputs[-1 if len(x.inputs) > 1 else 0]), x.inputs)
        else:
            self.put_control(x)

    def put(self, x: Expr, space: tuple[Size, ...], inputs: Sequence[Expr], force_view: bool = False) -> None:
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
                self.units.append(Unit(()))
            number = len(self.units)
            self.units.append(Unit(space))
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
        inputs = read_by(x)
        if not isinstance(x.op, Concatenate):
            for y in inputs:
                self.require_storage(y)
        for s, _ in self.sources(x, None, inputs, True):
            if self.needs_storage(s):
                self.stored.add(s)
        self.place[x] = len(self.units)
        self.units.append(Unit(None, [x]))

    def require_storage(self, y: Expr) -> None:
        """Make sure that `y` will be a buffer or a literal: a view gets a kernel of its own."""
        if isinstance(y.op, VIEWS) and y not in self.env and y not in self.place:
            self.put(y, shape_of(y), [y], force_view=True)
            self.stored.add(y)
        elif self.needs_storage(y):
            self.stored.add(y)

    def sources(
        self, user: Expr, space: tuple[Size, ...] | None, inputs: Sequence[Expr], force_view: bool
    ) -> list[tuple[Expr, bool]]:
        """What a node reads: placed nodes, and whether at the node's own index."""
        found: dict[Expr, bool] = {}
        elementwise = fuses(user.op)
        pending: list[tuple[Expr, bool]] = []
        for i, y in enumerate(inputs):
            if elementwise and space == () and y in self.place and fuses(y.op):  # One number of others: most of long straight code.
                if y not in self.env:
                    found[y] = True
                continue
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
            again = space is not None and self.is_cheap(y) and (not same or self.is_of_one_array(y))
            if (isinstance(y.op, VIEWS) and y not in self.place) or again:
                pending += [(z, False) for z in y.inputs]
            else:
                found[y] = found.get(y, True) and same and not isinstance(y.op, Get)
        return list(found.items())

    def reads_same(self, user: Expr, position: int, y: Expr, space: tuple[Size, ...], elementwise: bool) -> bool:
        """Whether `user` reads its input at its own loop index."""
        if not isinstance(y.type, TensorType) or shape_of(y) != space or not (fuses(y.op) or isinstance(y.op, (Index, Take))):
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
            if not fuses(z.op):
                return False
            cost += z.op.cost
            if cost > RECOMPUTE_COST:
                return False
            pending += z.inputs
        return loads <= 2

    def is_of_one_array(self, y: Expr) -> bool:
        """Whether a formula is of one array that is there from the start, and of numbers: to read that costs what reading the formula's own would."""
        given = [z for z in y.inputs if shape_of(z)]
        values = [self.env.get(z) for z in given]
        return len(given) == 1 and all(isinstance(v, L.Buffer) and v.root.kind in ("input", "constant") for v in values)

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
        inner = product(shape_of(x)[x.op.axis + 1 :])
        first = self.place[x]
        offset: Size = 0
        contiguous = product(shape_of(x)[: x.op.axis]) == 1
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


