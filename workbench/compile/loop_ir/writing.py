"""The loop IR as text: which expressions share a loop, where values lie, what is done in place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from workbench.compile.loop_ir import loops as L
from workbench.compile.loop_ir.lines import CodeLine
from workbench.compile.loop_ir.storage import Storage, buffers
from workbench.graph.expr import Expr
from workbench.graph.lengths import Size, text
from workbench.graph.types import TensorType


def write_program(program: L.Program, storage: Storage) -> list[CodeLine]:
    """Return a lowered graph as lines of text, each with the expression that it computes.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> from workbench.compile.loop_ir.lower import lower
    >>> from workbench.compile.loop_ir.storage import plan
    >>> from workbench.graph.inner import Graph
    >>> x = pt.vector("x", 3)
    >>> program = lower(Graph([x], [pt.exp(x) * 2.0]), "double")
    >>> print("\\n".join(write_program(program, plan(program))))
    program double
      in0: float64[3]  // x
      out0: float64[3]
      t1: float64[3], out0 itself
    <BLANKLINE>
    loop 1 over 3
      v2 = in0[i0]  // x
      v3 = exp(v2)  // ...
      v4 = v3 * 2.0
      out0[i0] = v4
    """
    return _Writer(program, storage).lines


class _Writer:
    def __init__(self, program: L.Program, storage: Storage) -> None:
        self.storage = storage
        self.program = program
        self.lines: list[CodeLine] = []
        self.indent = self.loops = self.loop = 0
        self.line(f"program {program.name}")
        self.indent = 1
        for b in (*program.inputs, *program.outputs, *(b for b, _ in program.constants)):
            self.line(f"{b.name}: {_kind(b)}", b.note, b.of)
        self.places()
        self.indent = 0
        self.line("")
        self.block(program.body)

    def line(self, text: str, note: str = "", of: Expr | None = None) -> None:
        shown = " ".join(note.split())
        self.lines.append(CodeLine("  " * self.indent + text + (f"  // {shown}" if shown else ""), of, self.loop))

    def places(self) -> None:
        """What temporaries lie where, and which share a place."""
        owners: dict[Any, str] = {}
        found = [b for b in buffers(self.program.body) if b.kind == "temporary" and not b.root.is_local]
        for b in found:
            home = self.storage.of(b)
            if home is b.root and b.base is None:
                at = self.storage.offset.get(home, 0)
                before = owners.get(at)
                owners[at] = b.name
                where = f"at byte {at} of the arena" if isinstance(at, int) else "in the arena"
                self.line(f"{b.name}: {_kind(b)}, {where}{f', in the place of {before}' if before else ''}", b.note, b.of)
            else:
                where = f"{home.name} itself" if b.base is None else f"a part of {home.name}, from element {_size(b.start)}"
                self.line(f"{b.name}: {_kind(b)}, {where}", b.note, b.of)

    def block(self, block: Sequence[L.Statement]) -> None:
        for s in block:
            if isinstance(s, L.Kernel):
                self.kernel(s)
            elif isinstance(s, L.Blocked):
                self.line(f"in turns over {_size(s.rows)} of {_size(s.extent)} rows, which stay in the cache:")
                self.within(s.kernels)
            elif isinstance(s, L.Copy):
                for a, b in s.pairs:
                    self.line(f"{self.whole(a)} = {self.value(b)}", a.note, a.of)
            elif isinstance(s, L.Fill):
                self.line(f"{self.whole(s.buffer)} = {_number(s.value)}", s.buffer.note, s.buffer.of)
            elif isinstance(s, L.Call):
                called = self.program.regions[s.region].label
                self.line(f"{self.names(s.results)} = {called}({self.names(s.arguments)})", "", s.results[0].of if s.results else None)
            elif isinstance(s, L.External):
                node = self.program.externals[s.which]
                how = s.native.name if s.native is not None else f"callback {node.op.name}"
                self.line(f"{self.names(s.results)} = {how}({self.names(s.arguments)})", "", node)
            elif isinstance(s, L.Branch):
                self.line(f"if {self.value(s.predicate)}:")
                self.within(s.then)
                if s.orelse:
                    self.line("else:")
                    self.within(s.orelse)
            elif isinstance(s, L.Loop):
                self.line("repeat:" if s.steps is None else f"repeat {_size(s.steps)} times:")
                self.within([*s.test])
                self.indent += 1
                self.line(f"leave unless {self.value(s.predicate)}")
                self.indent -= 1
                self.within(s.body)

    def within(self, block: Sequence[L.Statement]) -> None:
        self.indent += 1
        self.block(block)
        self.indent -= 1

    def kernel(self, kernel: L.Kernel) -> None:
        self.loops = self.loop = self.loops + 1
        over = " x ".join(_size(n) for n in kernel.extents) if kernel.extents else ""
        self.line(f"loop {self.loop} over {over}" if over else f"scalars {self.loop}", kernel.note)
        self.indent += 1
        for line in kernel.lines:
            if isinstance(line, L.Load):
                self.line(f"{line.name} = {self.place(line.buffer, line.index)}", line.note, line.of)
            elif isinstance(line, L.Let):
                self.line(f"{line.name} = {_call(line.op, [_operand(a) for a in line.arguments])}", line.note, line.of)
            elif isinstance(line, L.Position):
                self.line(f"{line.name} = {_index(line.index)}")
            else:
                self.line(f"{line.name} = row {_operand(line.index)} of {_size(line.extent)}, checked", "", line.of)
        for store in kernel.stores:
            self.line(f"{self.place(store.buffer, store.index)} = {_operand(store.value)}", store.buffer.note, store.buffer.of)
        for fold in kernel.folds:
            place = self.place(fold.buffer, fold.index)
            self.line(f"{place} = {_call(fold.op, [place, _operand(fold.value)])}", fold.buffer.note, fold.buffer.of)
        self.indent -= 1
        self.loop = 0

    # Names are those of where values lie, as in the code that is compiled.

    def place(self, buffer: L.Buffer, index: L.Index) -> str:
        home = self.storage.of(buffer)
        return home.name if home.is_local else f"{home.name}[{_index(L.add(index, buffer.start))}]"

    def whole(self, buffer: L.Buffer) -> str:
        home = self.storage.of(buffer)
        return home.name if buffer.start == 0 else f"{home.name}[{_size(buffer.start)}...]"

    def value(self, value: L.Buffer | L.Literal) -> str:
        return _number(value) if isinstance(value, L.Literal) else self.whole(value)

    def names(self, several: Sequence[L.Buffer]) -> str:
        return ", ".join(map(self.whole, several))


def _call(op: Any, arguments: Sequence[str]) -> str:
    symbol = getattr(op, "symbol", "")
    return f"{arguments[0]} {symbol} {arguments[1]}" if symbol and len(arguments) == 2 else f"{op.name}({', '.join(arguments)})"


def _index(index: L.Index) -> str:
    if isinstance(index, L.IndexOp):
        return f"{_factor(index.left)} {index.op} {_factor(index.right)}"
    return index if isinstance(index, str) else _size(index)


def _factor(index: L.Index) -> str:
    return f"({_index(index)})" if isinstance(index, L.IndexOp) else _index(index)


def _size(n: Size) -> str:
    return str(n) if isinstance(n, int) else text(n)


def _operand(value: L.Operand) -> str:
    return _number(value) if isinstance(value, L.Literal) else value


def _number(value: L.Literal) -> str:
    return repr(np.dtype(value.dtype).type(value.value).item())


def _kind(b: L.Buffer) -> str:
    return str(TensorType(b.dtype, b.shape))
