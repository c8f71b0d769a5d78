"""What the printers of C and Numba share: functions one after the other, what each of them uses, and whose its lines are."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.compile.loop_ir import loops as L
from workbench.compile.loop_ir.lines import CodeLine
from workbench.compile.loop_ir.parts import Divided, first_of
from workbench.compile.loop_ir.sizes import Sizes
from workbench.compile.loop_ir.storage import Storage, written_by
from workbench.compile.printed import HOLDING
from workbench.graph.expr import Expr
from workbench.graph.lengths import Size


class Printer:
    """Prints functions of a program.

    Attributes
    ----------
    lines, indent
        Those of the function that is being printed.
    used
        What it uses that is to be declared: buffers, and names of sizes.
    number, loop
        The numbers of the statement and of the kernel that are being printed, in the order of the whole program; 0 for none.
    """

    comment: str

    def __init__(self, program: L.Program, body: Sequence[L.Statement], storage: Storage) -> None:
        self.program, self.storage = program, storage
        self.sizes = Sizes(storage)
        self.lines: list[CodeLine] = []
        self.indent = 1
        self.used: dict[L.Buffer | str, None] = {}
        self.support: dict[str, None] = {}
        self.in_block = False
        self.number = self.loop = 0
        self.numbers, self.loops = _numbered(body)

    def divide(self, made: Divided) -> None:
        """Print a program as it is divided."""
        self.divided = made
        self.kept = set(made.kept)

    # What functions use ------------------------------------------------------------------------

    def is_variable(self, home: L.Buffer) -> bool:
        """Whether a buffer is a variable of its function, and not in memory."""
        return home.is_local and home not in self.kept

    def named(self, home: L.Buffer) -> str:
        """The name of a buffer that is used."""
        self.used[home] = None
        return home.name

    def size(self, n: Size) -> str:
        name = self.sizes.size(n)
        if name[0] == "n":
            self.used[name] = None
        return name

    def arena(self) -> str:
        """The name of the size of the arena."""
        self.used[self.sizes.arena()] = None
        return self.sizes.arena()

    def start_of(self, home: L.Buffer) -> str:
        """The name of where a buffer starts in the arena."""
        self.used[self.sizes.place(home)] = None
        return self.sizes.place(home)

    def used_sizes(self) -> list[tuple[int, str, str]]:
        """The sizes that are used: where they are, their names, and what is said of them."""
        return [(i, name, note) for i, (name, note) in enumerate(self.sizes.named()) if name in self.used]

    # Lines -------------------------------------------------------------------------------------

    def line(self, text: str, note: str = "", of: Expr | None = None) -> None:
        self.lines.append(self.made("    " * self.indent + text, note, of, self.loop, self.number))

    def made(self, text: str, note: str = "", of: Expr | None = None, loop: int = 0, statement: int = 0) -> CodeLine:
        """A line with what people read in it."""
        clean = " ".join(note.replace("\\", " ").split())
        return CodeLine(f"{text}  {self.comment} {clean}" if clean else text, of, loop, statement=statement)

    def block(self, block: Sequence[L.Statement]) -> None:
        for s in block:
            first = first_of(s) if isinstance(s, L.Do) else s
            self.number = self.numbers.get(first, 0)
            self.loop = self.loops.get(first, 0) if isinstance(first, L.Kernel) and s is not first else 0
            self.statement(s)
            self.number = self.loop = 0

    def statement(self, s: L.Statement) -> None:
        raise NotImplementedError


def _numbered(body: Sequence[L.Statement]) -> tuple[dict[L.Statement, int], dict[L.Kernel, int]]:
    """Numbers from 1: of the statements without others inside, and of the kernels."""
    statements: dict[L.Statement, int] = {}
    loops: dict[L.Kernel, int] = {}
    inner: set[L.Statement] = set()
    for s in L.walk(body):
        if isinstance(s, L.Blocked):
            inner.update(s.kernels)
        if not isinstance(s, HOLDING) and s not in inner:
            statements[s] = len(statements) + 1
        if isinstance(s, L.Kernel) and 0 not in s.extents:
            loops[s] = len(loops) + 1
    return statements, loops


def computed(s: L.Statement) -> Expr | None:
    """What a statement computes first."""
    if isinstance(s, L.Kernel):
        return next((b.of for b in written_by(s)), None)
    if isinstance(s, L.Copy):
        return s.pairs[0][0].of
    if isinstance(s, (L.Call, L.External)):
        return s.results[0].of if s.results else None
    return s.buffer.of if isinstance(s, (L.Fill, L.Begin)) else None
