"""Kernels as they are written: what operations ask the compiler for, element by element."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from workbench.compile.loop_ir import loops as L
from workbench.compile.loop_ir.multiply_add import parts
from workbench.errors import CompileError
from workbench.graph.expr import Constant, Expr, Get, Input, Op
from workbench.graph.frozen import frozen
from workbench.graph.lengths import Size, at_least, symbols
from workbench.graph.pattern import uniform_value
from workbench.graph.types import KINDS, TensorType
from workbench.tensor.elementwise import Elementwise
from workbench.tensor.indexing.slices import Slice
from workbench.tensor.markers import Annotation, Named
from workbench.tensor.shape import Arange, BroadcastTo, Dim, Reshape, Transpose
from workbench.tensor.shape.joining import Concatenate

LONGEST_NOTE = 90
"""Characters of the user's line in a comment of generated code."""

LARGEST_WRITTEN = 4
"""Larger numbers, and fractions, are found where data are: the code of a model is that of all its lengths and scales."""
WRITE_NUMBERS = {"floor_divide", "mod", "left_shift", "right_shift"}
"""What compilers do better with a number that they see."""

Value = L.Buffer | L.Literal


def location_of(x: Expr) -> Any:
    return x.provenance.location if x.provenance else None


def shape_of(x: Expr) -> tuple[Size, ...]:
    """Return the shape of an expression: numbers, and lengths that are arguments of compiled code."""
    return shape_of_type(x.type, x)


def shape_of_type(kind: Any, x: Expr) -> tuple[Size, ...]:
    """Return the shape of a type, that of `x` or of one of its items."""
    assert isinstance(kind, TensorType)
    if None in kind.shape:
        raise of_values(x)
    return kind.shape  # type: ignore[return-value]


def of_values(x: Expr) -> CompileError:
    """The error about a shape that is known only when compiled code runs."""
    return CompileError(
        f"the shape of {x!r} ({x.type}) depends on values, and compiled code must know it",
        "use backend='numpy'; or keep the length: where(mask, x, 0) for x[mask], a constant for a length",
        location=location_of(x),
    )


class Block(Protocol):
    """The expressions that a kernel belongs to: which have values, and since which unit."""

    lowering: Any
    env: dict[Expr, Value]
    place: dict[Expr, int]
    stored: set[Expr]
    statements: list[L.Statement]

    tuples: dict[Expr, list[Value]]

    def value(self, x: Expr) -> Value:
        """The storage or literal of a node that has one."""

    def inside(self, env: dict[Expr, Value], results: Sequence[Expr]) -> Block:
        """Lower the results of an inner graph, given the values of its parameters."""


@dataclass(eq=False)
class Unit:
    """A kernel over `space` with its nodes, or (`space` is ``None``) one control node."""

    space: tuple[Size, ...] | None
    nodes: list[Expr] = field(default_factory=list)


@frozen(eq=False)
class Counter(Input):
    """The number of a scan's step: less than `steps`, so it is a valid row of what the scan runs over."""

    steps: Size


@frozen
class Extent(Op):
    """A length as a number."""

    size: Size
    name = "extent"

    def infer(self) -> TensorType:
        return TensorType("int64")

    def element(self, builder: KernelMaker, node: Expr, index: Sequence[L.Index]) -> L.Operand:
        return builder.extent(self.size)


VIEWS = (Annotation, Named, Reshape, BroadcastTo, Transpose, Slice, Arange, Dim, Extent)
"""What only says which element of something else an element is, or its number."""


def read_by(x: Expr) -> Sequence[Expr]:
    """What code of a node reads: its inputs, or what they are views of, where its routine can read that as it lies."""
    native = x.op.native(x) if hasattr(x.op, "reads") else None
    return x.inputs if native is None else x.op.reads(x)  # type: ignore[no-any-return]


def fuses(op: Any) -> bool:
    """Whether an operation is a formula of elements that a loop can hold."""
    return isinstance(op, Elementwise) and getattr(op, "fusable", True)


class KernelMaker:
    """The builder that ops talk to while one kernel is written."""

    def __init__(self, block: Block, number: int, unit: Unit) -> None:
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
        self.rows: dict[tuple[L.Operand, Size], str] = {}
        self.before: list[L.Statement] = []
        self.where: Any = None
        self.viewed: Expr | None = None  # The view whose element is being found.
        self.asking: Expr | None = None  # The node that is telling its loops.

    def emit(self) -> None:
        """Write the kernel's nodes that somebody needs."""
        names = []
        for x in self.needed():
            if hasattr(x.op, "accumulate"):
                self.asking = x
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

    def place_part(self, x: Expr, part: Expr, whole: L.Buffer, start: Size) -> None:
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
            outer = self.viewed
            if not isinstance(x.op, VIEWS):
                self.viewed = outer if x in self.block.env else None
            elif outer is None:
                self.viewed = x
            found = self.memo[x, at] = self.compute(x, at)
            self.viewed = outer
        return found

    def compute(self, x: Expr, at: tuple[L.Index, ...]) -> L.Operand:
        value = self.block.env.get(x)
        if value is None and isinstance(x.op, Get):
            value = self.block.value(x)
        if value is None and isinstance(x.op, Constant):  # A formula that `element` made brings constants of its own.
            value = self.block.lowering.leaf(x)
        # A stored node is read from its buffer only after its unit; before, it is cheap: recompute. So are row numbers, always.
        if value is not None and self.block.place.get(x, -1) < self.number and not isinstance(_unshaped(x).op, Arange):
            return value if isinstance(value, L.Literal) else self.load(value, L.row_major(at, value.shape), x if self.viewed is None else self.viewed)
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
        before, self.asking = self.asking, x
        try:
            return x.op.element(self, x, at)
        finally:
            self.asking = before

    def load(self, buffer: L.Buffer, index: L.Index, x: Expr) -> L.Operand:
        if buffer.is_local:
            return buffer.name
        known = self.loads.get((buffer, index))
        if known is None:
            known = self.loads[buffer, index] = name = self.fresh()
            self.kernel.lines.append(L.Load(name, buffer.dtype, buffer, index, x))
        return known

    def let(self, op: Elementwise, arguments: tuple[L.Operand, ...], x: Expr, operands: Sequence[Expr]) -> str:
        if op.name not in WRITE_NUMBERS:
            arguments = tuple(a if is_written(a) else self.load(self.block.lowering.number(a), 0, y) for a, y in zip(arguments, operands))
        name = self.fresh()
        dtypes = tuple(y.type.dtype for y in operands)
        self.kernel.lines.append(L.Let(name, x.type.dtype, op, arguments, dtypes, self.note(x), x))
        return name

    def note(self, x: Expr) -> str:
        """The name of an expression, and the user's line that wrote it where that is another than before."""
        where = location_of(x)
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

    def knows(self, n: Size) -> bool:
        """Whether a length is known when compiled code is entered."""
        return isinstance(n, int) or self.block.lowering.known.issuperset(symbols(n))

    def extent(self, n: Size) -> L.Operand:
        """A length as a number."""
        return L.Literal(n, "int64") if isinstance(n, int) else self.cast(n, "int64")

    def cast(self, index: L.Index, dtype: str) -> L.Operand:
        """A loop index as a number."""
        name = self.fresh()
        self.kernel.lines.append(L.Position(name, dtype, index))
        return name

    def ravel(self, index: Sequence[L.Index], shape: Sequence[Size]) -> L.Index:
        return L.row_major(index, shape)

    def unravel(self, flat: L.Index, shape: Sequence[Size]) -> list[L.Index]:
        found: list[L.Index] = []
        for axis in range(len(shape) - 1, 0, -1):
            found.append(L.remainder(flat, shape[axis]))
            flat = L.divide(flat, shape[axis])
        return [*([flat] if shape else []), *reversed(found)]

    def slice_index(self, index: Sequence[L.Index], spec: Any) -> list[L.Index]:
        """The position in the whole of element `index` of a slice."""
        return [
            start if length == 1 else L.add(L.multiply(i, step), start)
            for i, (start, length, step) in zip(index, spec)
        ]

    def row(self, value: L.Operand, x: Expr, at: Expr, axis: int = 0) -> L.Index:
        """The row of `x` along `axis` that a run-time index `value` asks for, checked unless it is known."""
        extent = shape_of(x)[axis]
        if _in_range(at, extent):
            return int(value.value) if isinstance(value, L.Literal) else value
        if (value, extent) in self.rows:
            return self.rows[value, extent]  # Where that index is wrong, the code has ended there.
        name = self.rows[value, extent] = self.fresh()
        what = x.name or at.name or "the tensor"
        # On the line of what indexes: data that are indices have none.
        self.block.lowering.checks.append(L.Check(what, extent, location_of(at if self.asking is None else self.asking), axis))
        self.kernel.lines.append(L.Row(name, value, extent, len(self.block.lowering.checks) - 1, at))
        return name

    def accumulate(
        self,
        node: Expr,
        space: tuple[Size, ...],
        body: Callable[[Sequence[L.Index]], tuple[Sequence[L.Index], L.Operand]],
        combine: Any,
        start: Any,
    ) -> None:
        """Fold ``value`` into ``node[target]`` for every index of the space, from `start`."""
        target = self.block.env[node]
        assert isinstance(target, L.Buffer)
        if isinstance(start, Expr):
            base = self.block.env.get(start)
            uniform = uniform_start(start)
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


def _in_range(at: Expr, extent: Size) -> bool:
    """Whether all of `at` are rows of an axis, for all that the names of lengths may stand for."""
    if isinstance(at.op, Counter):
        return at_least(extent, at.op.steps)
    if isinstance(at.op, Constant):
        rows = at.op.value
        return bool(rows.size and rows.min() >= 0 and at_least(extent, int(rows.max()) + 1))
    at = _unshaped(at)
    return isinstance(at.op, Arange) and at_least(extent, at.type.shape[0])


def _unshaped(x: Expr) -> Expr:
    """What is reshaped or broadcast."""
    while isinstance(x.op, (Reshape, BroadcastTo)):
        x = x.inputs[0]
    return x


def is_written(value: L.Operand) -> bool:
    """Whether an operand is no number, or one that is written into code: small whole ones and halves, bits, infinity and NaN."""
    if not isinstance(value, L.Literal) or KINDS[value.dtype] not in "fi":
        return True
    x = value.value
    return not math.isfinite(x) or (abs(x) <= LARGEST_WRITTEN and float(2 * x).is_integer())


def uniform_start(x: Expr) -> Any:
    """The one value of a constant, or of a broadcast constant."""
    while isinstance(x.op, (BroadcastTo, Reshape)):
        x = x.inputs[0]
    value = uniform_value(x)
    return None if value is None else value.item()
