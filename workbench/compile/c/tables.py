"""Long straight code as a table: ten thousand unlike terms are a few hundred forms of formulas, and a table of who is computed when.

Written out, each formula is a line that is read once in its life, and costs a compiler a tenth of a millisecond. Here a formula with
those that only it reads is a case of a switch; the table says which case is next, and where it finds its operands and leaves its value.
Everything is computed in the same order by the same operations, so no bit of any result changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING, Any, Union

import numpy as np

from workbench.compile.loop_ir import loops as L
from workbench.compile.loop_ir.storage import buffers
from workbench.tensor.elementwise import C_TYPES

if TYPE_CHECKING:
    from workbench.compile.c.printer import _Printer

LEAST = 12_000
"""Fewer formulas in a row are written out."""
LARGEST = (4, 2, 1)
"""So many formulas are one case at most; fewer, where that makes more than `MOST` cases."""
MOST = 500


def in_tables(body: Sequence[L.Statement]) -> list[L.Statement]:
    """Return statements in which long rows of scalar ones are :class:`~workbench.compile.loop_ir.loops.Straight`."""
    made: list[L.Statement] = []
    for plain, some in groupby(body, _is_plain):
        row = list(some)
        if not plain:
            made += map(_with_tables_inside, row)
        elif sum(len(s.lines) for s in row if isinstance(s, L.Kernel)) >= LEAST:
            made.append(L.Straight(row))
        else:
            made += row
    return made


def _with_tables_inside(s: L.Statement) -> L.Statement:
    if isinstance(s, L.Branch):
        return replace(s, then=in_tables(s.then), orelse=in_tables(s.orelse))
    return replace(s, test=in_tables(s.test), body=in_tables(s.body)) if isinstance(s, L.Loop) else s


def _is_plain(s: L.Statement) -> bool:
    """Whether a statement moves and computes single elements only, that are where a number says."""
    if isinstance(s, L.Kernel):
        return not s.extents and not s.folds and all(_is_known(x) for x in (*s.lines, *s.stores))
    if isinstance(s, L.Copy):
        return all(_is_one(a) and _is_one(b) for a, b in s.pairs)
    return isinstance(s, L.Begin) or (isinstance(s, L.Fill) and _is_one(s.buffer))


def _is_one(b: L.Buffer | L.Literal) -> bool:
    return isinstance(b, L.Literal) or (b.size == 1 and _fits(b.start))


def _is_known(x: L.Line | L.Store) -> bool:
    return isinstance(x, L.Let) or (isinstance(x, (L.Load, L.Store)) and _fits(L.add(x.index, x.buffer.start)))


def _fits(index: L.Index) -> bool:
    return isinstance(index, int) and index < 2**31


def named_outside(table: L.Straight, body: Sequence[L.Statement]) -> set[str]:
    """The names of the variables that statements other than those of a table read, or write."""
    found: set[str] = set()
    pending = [body]
    while pending:
        some = pending.pop()
        found.update(b.name for b in buffers(some))
        for s in L.walk(some):
            if isinstance(s, L.Straight) and s is not table:
                pending.append(s.statements)
            elif isinstance(s, L.Kernel):
                for x in s.lines:
                    found.update(a for a in (x.arguments if isinstance(x, L.Let) else (x.index,)) if isinstance(a, str))
                values = [*(y.value for y in s.stores), *(y.value for y in s.folds)]
                found.update(value for value in values if isinstance(value, str))
    return found


@dataclass(eq=False)
class _Memory:
    """An element that code reads, or writes, where it lies: the C of it for a number, and the number."""

    form: str
    number: int


@dataclass(eq=False)
class _Step:
    """What a row of the table does: its value, of a C type, is that of a formula, or what was read; or is written to a target."""

    kind: str
    of: L.Let | L.Load | L.Store | None
    operands: Sequence[Operand]
    target: _Memory | None = None
    uses: int = 0
    formulas: int = 1
    inside: bool = False
    """Whether it is a part of the case of the one step that reads it."""


@dataclass
class _Row:
    """A step as the table has it: its case, where its value goes, and what it reads."""

    step: _Step
    case: int
    operands: list[_Step | int]


Operand = Union[_Step, _Memory, str]
Written = tuple[str, Any]
"""A line of a case, and what it is of the first time."""


class Table:
    """A row of scalar statements as a table.

    Parameters
    ----------
    statements
        The statements.
    outside
        Names of the variables that other statements read.
    printer
        Prints the program; it says where things are.

    Attributes
    ----------
    numbers
        The table: how many slots there are, then row by row a case, where the value goes, and where its operands are; 0 at the end.
    cases
        The lines of each case, from 1 on.
    before, after
        What enters slots from variables, and variables from slots: the variable, and the C of the slot or value.
    """

    def __init__(self, statements: Sequence[L.Statement], outside: set[str], printer: _Printer) -> None:
        self.printer = printer
        self.steps: list[_Step] = []
        self.known: dict[str, Operand] = {}
        self.constants = {b: i for i, (b, _) in enumerate(printer.program.constants)}
        self.entering: dict[str, _Step] = {}
        self.leaving: dict[str, None] = {}
        for s in statements:
            self.statement(s)
        # In a loop, what it reads first is what it left the last time.
        kept = {name: self.known[name] for name in self.leaving if name in outside or name in self.entering}
        for x in kept.values():
            if isinstance(x, _Step):
                x.uses += 2  # More than one: it has a slot, that stays its own.
        for largest in LARGEST:
            rows, self.cases = self.rows(largest)
            if len(self.cases) <= MOST:
                break
        self.numbers, slots = self.placed(rows)
        self.before = [(name, self.outer(x, slots)) for name, x in self.entering.items()]
        self.after = [(name, self.outer(x, slots)) for name, x in kept.items()]

    # What is computed --------------------------------------------------------------------------

    def statement(self, s: L.Statement) -> None:
        if isinstance(s, L.Kernel):
            for x in s.lines:
                if isinstance(x, L.Load):
                    self.known[x.name] = self.read(x.buffer, x.index, x)
                elif isinstance(x, L.Let):
                    self.printer.support.update(dict.fromkeys(x.op.support.get("c", ())))
                    self.known[x.name] = self.step(x.dtype, x, [self.operand(a, kind) for a, kind in zip(x.arguments, x.dtypes)])
            for y in s.stores:
                self.write(y.buffer, y.index, self.operand(y.value, y.buffer.dtype), y)
        elif isinstance(s, L.Copy):
            values = [self.operand(b, b.dtype) if isinstance(b, L.Literal) else self.read(b, 0) for _, b in s.pairs]
            for (a, _), value in zip(s.pairs, values):
                self.write(a, 0, value)
        elif isinstance(s, L.Fill):
            self.write(s.buffer, 0, self.operand(s.value, s.buffer.dtype))

    def step(self, dtype: str, of: L.Let | L.Load | L.Store | None, operands: Sequence[Operand], target: _Memory | None = None) -> _Step:
        made = _Step(C_TYPES[dtype], of, operands, target)
        for x in operands:
            if isinstance(x, _Step):
                x.uses += 1
        self.steps.append(made)
        return made

    def operand(self, value: L.Operand, dtype: str) -> Operand:
        if isinstance(value, L.Literal):
            return self.printer.operand(value)
        if value not in self.known:  # A variable that was made before.
            self.known[value] = self.entering[value] = _Step(C_TYPES[dtype], None, ())
        return self.known[value]

    def read(self, buffer: L.Buffer, index: L.Index, of: L.Load | None = None) -> Operand:
        home = self.printer.storage.of(buffer)
        if home.is_local:
            return self.operand(home.name, home.dtype)
        place = self.memory(buffer, index)
        # Arguments and constants stay as they are; what may be written to is read at once.
        return place if home.kind in ("input", "constant") else self.step(buffer.dtype, of, [place])

    def write(self, buffer: L.Buffer, index: L.Index, value: Operand, of: L.Store | None = None) -> None:
        home = self.printer.storage.of(buffer)
        if home.is_local:
            self.known[home.name] = value
            self.leaving[home.name] = None
        else:
            self.step(buffer.dtype, of, [value], self.memory(buffer, index))

    def memory(self, buffer: L.Buffer, index: L.Index) -> _Memory:
        home, at, kind = self.printer.storage.of(buffer), L.add(index, buffer.start), C_TYPES[buffer.dtype]
        assert isinstance(at, int)
        if home.size == 1 and home in self.constants:
            return _Memory(f"((const {kind} *)env->constants[{{}}])[0]", self.constants[home])
        if home.size == 1 and home in self.printer.arguments:
            return _Memory(f"(({'' if home.kind == 'output' else 'const '}{kind} *)io[{{}}])[0]", self.printer.arguments[home])
        return _Memory(f"{self.printer.named(home)}[{{}}]", at)

    # Cases -------------------------------------------------------------------------------------

    def rows(self, largest: int) -> tuple[list[_Row], list[list[Written]]]:
        """The steps as rows, with at most so many formulas in one, and the lines of the cases."""
        for s in self.steps:
            s.inside, s.formulas = False, 1
        for s in self.steps:
            for x in s.operands if isinstance(s.of, L.Let) else ():
                if isinstance(x, _Step) and x.uses == 1 and isinstance(x.of, L.Let) and s.formulas + x.formulas <= largest:
                    x.inside = True
                    s.formulas += x.formulas
        rows: list[_Row] = []
        numbers: dict[tuple[str, ...], int] = {}
        cases: list[list[Written]] = []
        for s in self.steps:
            if s.inside:
                continue
            lines: list[Written] = []
            operands: list[_Step | int] = []
            value = self.formula(s, operands, lines) if isinstance(s.of, L.Let) else self.text(s.operands[0], operands, lines)
            target = slot("t[1]", s.kind) if s.target is None else s.target.form.format("t[1]")
            lines += [(f"{target} = {value};", None), (f"t += {len(operands) + 2};", None)]
            key = tuple(line for line, _ in lines)
            if key not in numbers:
                cases.append(lines)
                numbers[key] = len(cases)
            rows.append(_Row(s, numbers[key], operands))
        return rows, cases

    def text(self, x: Operand, operands: list[_Step | int], lines: list[Written]) -> str:
        """What a case writes for an operand, after the lines that compute it."""
        if isinstance(x, str):
            return x
        if isinstance(x, _Step) and x.inside:
            value = self.formula(x, operands, lines)
            lines.append((f"const {x.kind} x{len(lines)} = {value};", x.of))
            return f"x{len(lines) - 1}"
        at = f"t[{len(operands) + 2}]"
        operands.append(x if isinstance(x, _Step) else x.number)
        return slot(at, x.kind) if isinstance(x, _Step) else x.form.format(at)

    def formula(self, s: _Step, operands: list[_Step | int], lines: list[Written]) -> str:
        assert isinstance(s.of, L.Let)
        return s.of.op.c_once([self.text(x, operands, lines) for x in s.operands], s.of.dtypes)

    # Slots -------------------------------------------------------------------------------------

    def placed(self, rows: Sequence[_Row]) -> tuple[np.ndarray[Any, Any], dict[_Step, int]]:
        """The numbers of the table, and the slots that steps had: one that nobody reads any more is taken again."""
        slots = {x: i for i, x in enumerate(self.entering.values())}
        count, free = len(slots), list[int]()
        left = {s: s.uses for s in (*self.entering.values(), *(r.step for r in rows))}
        numbers = [0]
        for r in rows:
            row = [x if isinstance(x, int) else slots[x] for x in r.operands]
            for x in r.operands:
                if isinstance(x, _Step):
                    left[x] -= 1
                    if not left[x]:
                        free.append(slots[x])
            if r.step.target is not None:
                at = r.step.target.number
            else:
                if not free:
                    free.append(count)
                    count += 1
                at = slots[r.step] = free.pop()
            numbers += [r.case, at, *row]
        numbers[0] = count
        return np.array([*numbers, 0], np.int32), slots

    def outer(self, x: Operand, slots: dict[_Step, int]) -> str:
        """The C of a value outside of the cases."""
        return x if isinstance(x, str) else x.form.format(x.number) if isinstance(x, _Memory) else slot(str(slots[x]), x.kind)


def slot(at: str, kind: str) -> str:
    """The C of a slot that holds a value of some type."""
    return f"v[{at}].of_{kind}"
