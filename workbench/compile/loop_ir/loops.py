"""The loop IR: kernels over index spaces, calls, branches and loops, on buffers.

One small vocabulary that the C and the Numba printers read. Sizes are numbers, or lengths that get
their numbers when compiled code is entered. A program is a list of statements:

``Kernel``
    a loop nest over an index space: scalar lets, then stores and folds;
``Blocked``
    kernels that take turns over blocks of rows;
``Straight``
    many statements of single elements in a row, in programs that are being printed as C;
``Copy``, ``Fill``, ``Begin``
    whole-buffer moves; `Copy` is parallel (all sources are read before any target is written);
``Do``
    a call of a part, in programs that are being printed as several functions;
``Branch``, ``Loop``, ``Call``, ``External``
    control flow, calls of separately compiled regions, and of operations that have no loop form.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeGuard, Union

from workbench.graph.expr import Expr
from workbench.graph.inner import Graph
from workbench.graph.lengths import Length, Size, Symbol, product, quotient
from workbench.tensor.elementwise import Elementwise, ScalarOp
from workbench.tensor.native_call import NativeCall

# Index arithmetic ------------------------------------------------------------------------------

Index = Union[Size, str, "IndexOp"]


@dataclass(frozen=True)
class IndexOp:
    """``left op right`` on integers that are not negative; leaves are integers, lengths and variable names."""

    op: str
    left: Index
    right: Index


def is_size(index: Any) -> TypeGuard[Size]:
    """Whether an index is the same in every loop: a number, or a length."""
    return isinstance(index, (int, Length))


def add(a: Index, b: Index) -> Index:
    if is_size(a) and is_size(b):
        return a + b
    return b if a == 0 else a if b == 0 else IndexOp("+", a, b)


def multiply(a: Index, b: Index) -> Index:
    if is_size(a) and is_size(b):
        return a * b
    if a == 0 or b == 0:
        return 0
    return b if a == 1 else a if b == 1 else IndexOp("*", a, b)


def divide(a: Index, b: Size) -> Index:
    return quotient(a, b) if is_size(a) else a if b == 1 else IndexOp("/", a, b)


def remainder(a: Index, b: Size) -> Index:
    return a - quotient(a, b) * b if is_size(a) else 0 if b == 1 else IndexOp("%", a, b)


def index_variables(index: Index) -> set[str]:
    """Return the variables an index reads."""
    if isinstance(index, IndexOp):
        return index_variables(index.left) | index_variables(index.right)
    return {index} if isinstance(index, str) else set()


def row_major(index: Sequence[Index], shape: Sequence[Size]) -> Index:
    """Return the flat position of a multi-index."""
    flat: Index = 0
    for i, n in zip(index, shape):
        flat = add(multiply(flat, n), i) if n != 1 else flat
    return flat


# Values ----------------------------------------------------------------------------------------


@dataclass(eq=False)
class Buffer:
    """Storage for one value.

    `kind` is "input", "output", "constant" or "temporary". A view has a `base`, and starts
    `offset` elements into it. Temporaries without axes are local variables. `of` is the expression
    whose value it holds; of several results, the one that has them all.
    """

    name: str
    dtype: str
    shape: tuple[Size, ...]
    kind: str = "temporary"
    base: Buffer | None = None
    offset: Size = 0
    note: str = ""
    of: Expr | None = field(default=None, repr=False)

    @property
    def size(self) -> Size:
        return product(self.shape)

    @property
    def root(self) -> Buffer:
        return self.base.root if self.base else self

    @property
    def start(self) -> Size:
        """Position in the root."""
        return self.offset + (self.base.start if self.base else 0)

    @property
    def is_local(self) -> bool:
        """Whether it is a local variable of the generated function."""
        return self.kind == "temporary" and not self.shape and self.base is None


@dataclass(frozen=True)
class Literal:
    """A number written into the code."""

    value: Any
    dtype: str


Operand = Union[str, Literal]
Thing = Union[Buffer, Size]
"""What a statement names, of which another like it may name another: a buffer that is no view, or a size that is no written number."""

# Inside a kernel -------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Load:
    """``name = buffer[index]``, an element of `of`: of what the buffer holds, or of a view of that."""

    name: str
    dtype: str
    buffer: Buffer
    index: Index
    of: Expr | None = field(default=None, repr=False)

    @property
    def note(self) -> str:
        return (self.of.name if self.of is not None else "") or self.buffer.note


@dataclass(frozen=True, eq=False)
class Let:
    """``name = op(arguments)``, an element of the expression `of`."""

    name: str
    dtype: str
    op: Elementwise
    arguments: tuple[Operand, ...]
    dtypes: tuple[str, ...]
    note: str = ""
    of: Expr | None = field(default=None, repr=False)


@dataclass(frozen=True, eq=False)
class Position:
    """``name = index``: a loop index as a number."""

    name: str
    dtype: str
    index: Index


@dataclass(frozen=True, eq=False)
class Row:
    """``name``: the row that a run-time `index` asks for, an element of `of`, counted from the end when negative.

    Outside the axis, check number `check` fails and the row is 0.
    """

    name: str
    index: Operand
    extent: Size
    check: int
    of: Expr | None = field(default=None, repr=False)


@dataclass(frozen=True, eq=False)
class Store:
    """``buffer[index] = value``."""

    buffer: Buffer
    index: Index
    value: Operand


@dataclass(frozen=True, eq=False)
class Fold:
    """``buffer[index] = op(buffer[index], value)``."""

    buffer: Buffer
    index: Index
    op: ScalarOp
    value: Operand


Line = Union[Load, Let, Position, Row]


@dataclass(eq=False)
class Kernel:
    """A loop nest over `extents` with loop variables ``i0, i1, ...``."""

    extents: tuple[Size, ...]
    lines: list[Line] = field(default_factory=list)
    stores: list[Store] = field(default_factory=list)
    folds: list[Fold] = field(default_factory=list)
    note: str = ""


@dataclass(eq=False)
class Blocked:
    """Kernels over the same `extent` of rows, which take turns over blocks of `rows` rows."""

    extent: Size
    rows: Size
    kernels: list[Kernel]


@dataclass(eq=False)
class Straight:
    """Statements of single elements in a row, of which there are so many that C has them as a table."""

    statements: list[Statement]


@dataclass(eq=False)
class Copy:
    """Move whole buffers, all at once: every source is read before any target is written."""

    pairs: list[tuple[Buffer, Buffer | Literal]]  # (target, source)


@dataclass(eq=False)
class Fill:
    """Set every element of a buffer."""

    buffer: Buffer
    value: Literal


@dataclass(eq=False)
class Begin:
    """A buffer that the following statements fill part by part."""

    buffer: Buffer


@dataclass(eq=False)
class Call:
    """Call a region: arguments, then results."""

    region: int
    arguments: list[Buffer]
    results: list[Buffer]


@dataclass(eq=False)
class External:
    """Call an operation that has no loop form: `native` where there is one.

    Else its NumPy form, number `which` of the program, is called back.
    """

    which: int
    arguments: list[Buffer]
    results: list[Buffer]
    native: NativeCall | None = None


@dataclass(eq=False)
class Branch:
    """``if predicate: then else: orelse``."""

    predicate: Buffer | Literal
    then: list[Statement]
    orelse: list[Statement]


@dataclass(eq=False)
class Loop:
    """``while True: test; if not predicate: break; body``; `steps` is how often, where that is known."""

    test: list[Statement]
    predicate: Buffer | Literal
    body: list[Statement]
    steps: Size | None = None


@dataclass(eq=False)
class Part:
    """A function of a program: statements that are done in one place, or in several.

    `parameters` are the buffers and sizes of which each place has its own; they are called what the first place calls them.
    """

    name: str
    body: list[Statement]
    parameters: list[Thing]


@dataclass(eq=False)
class Do:
    """Do a part, with `arguments` for its parameters; `first` is what is done first, as this place has it."""

    part: Part
    arguments: list[Thing]
    first: Statement


Statement = Union[Kernel, Blocked, Straight, Copy, Fill, Begin, Call, External, Branch, Loop, Do]


@dataclass(frozen=True)
class Check:
    """A run-time check of an index: what it indexes, and how long that axis is."""

    what: str
    extent: Size
    location: Any = None
    axis: int = 0


@dataclass(frozen=True)
class Region:
    """What is compiled by itself, called with arguments and for results of these shapes; no graph in a slot for what will be linked."""

    label: str
    graph: Graph | None
    takes: tuple[tuple[Size, ...], ...]
    returns: tuple[tuple[Size, ...], ...]


@dataclass(eq=False)
class Program:
    """A lowered graph."""

    name: str
    inputs: list[Buffer]
    outputs: list[Buffer]
    constants: list[tuple[Buffer, Any]]
    body: list[Statement]
    regions: list[Region]
    checks: list[Check]
    externals: list[Expr]
    """Nodes whose NumPy form is called back."""
    lengths: frozenset[Symbol] = frozenset()
    """What the arguments' shapes give numbers to."""
    signed: dict[Length, Any] = field(default_factory=dict)
    """Lengths that numbers of arguments may make negative, with the user's lines."""


def walk(block: Sequence[Statement]) -> Iterator[Statement]:
    """Yield every statement of a block, inner ones included."""
    pending = list(reversed(block))
    while pending:
        s = pending.pop()
        yield s
        if isinstance(s, Branch):
            pending += [*reversed(s.orelse), *reversed(s.then)]
        elif isinstance(s, Loop):
            pending += [*reversed(s.body), *reversed(s.test)]
        elif isinstance(s, Blocked):
            pending += reversed(s.kernels)


def native_calls(program: Program) -> list[NativeCall]:
    """Return the calls of functions that need no Python."""
    return [s.native for s in walk(program.body) if isinstance(s, External) and s.native is not None]


def called_back(program: Program) -> list[str]:
    """Return the names of the operations whose NumPy form is called back."""
    return [program.externals[s.which].op.name for s in walk(program.body) if isinstance(s, External) and s.native is None]
