"""The loop IR as text, for readers: loops, what they compute, and where values are kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from workbench.compile.loop_ir import loops as L
from workbench.compile.loop_ir.lines import CodeLine
from workbench.compile.loop_ir.storage import Storage
from workbench.graph.expr import Expr


def text(program: L.Program, storage: Storage | None = None) -> str:
    """Return a program as lines; with its storage, also where each buffer lies.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> from workbench.compile.loop_ir.lower import lower
    >>> from workbench.graph import Graph
    >>> x = pt.vector("x", 3)
    >>> total = pt.sum(pt.exp(x))
    >>> print(text(lower(Graph([x], [total]), "f")))  # doctest: +ELLIPSIS
    f(in0: float64[3] x) -> (out0: float64)
      fill t1 = 0
      for i0 < 3
        v2 = in0[i0]    # x
        v3 = exp(v2)    # ...
        t1 = t1 + v3
      copy out0 = t1
    """
    return "\n".join(lines_of(program, storage))


def lines_of(program: L.Program, storage: Storage | None = None) -> list[CodeLine]:
    """Return the lines of the text, with the expressions that they compute."""
    takes, gives = (", ".join(_declared(b) for b in bs) for bs in (program.inputs, program.outputs))
    lines = [CodeLine(f"{program.name}({takes}) -> ({gives})")]
    lines += [CodeLine(f"  constant {_declared(b)}", b.of) for b, _ in program.constants]
    lines += _indented(_Numbered().block(program.body))
    if storage is not None:
        lines += [CodeLine(""), CodeLine(f"memory: {storage.arena} bytes"), *_places(storage)]
    return lines


def _places(storage: Storage) -> Iterator[CodeLine]:
    for b, start in sorted(storage.offset.items(), key=lambda item: item[0].name):
        yield CodeLine(f"  {_declared(b)} from byte {start}", b.of)
    for b, home in storage.home.items():
        yield CodeLine(f"  {b.name} lies in {storage.of(home).name}", b.of)


def _declared(b: L.Buffer) -> str:
    shape = f"[{', '.join(map(str, b.shape))}]" if b.shape else ""
    return f"{b.name}: {b.dtype}{shape}{f' {b.note}' if b.note else ''}"


class _Numbered:
    """Statements as lines; kernels are numbered as they come."""

    def __init__(self) -> None:
        self.loops = 0

    def block(self, block: Sequence[L.Statement]) -> Iterator[CodeLine]:
        for s in block:
            yield from self.statement(s)

    def statement(self, s: L.Statement) -> Iterator[CodeLine]:
        if isinstance(s, L.Kernel):
            yield from self.kernel(s)
        elif isinstance(s, L.Blocked):
            yield CodeLine(f"in turns, {s.rows} of {s.extent} rows at a time")
            for kernel in s.kernels:
                yield from _indented(self.kernel(kernel))
        elif isinstance(s, L.Straight):
            yield from self.block(s.statements)
        elif isinstance(s, L.Copy):
            said = f"copy {', '.join(_place(a) for a, _ in s.pairs)} = {', '.join(_source(b) for _, b in s.pairs)}"
            yield CodeLine(said, s.pairs[0][0].of if len(s.pairs) == 1 else None)
        elif isinstance(s, L.Fill):
            yield CodeLine(f"fill {_place(s.buffer)} = {s.value.value}", s.buffer.of)
        elif isinstance(s, L.Begin):
            yield CodeLine(f"begin {_place(s.buffer)}", s.buffer.of)
        elif isinstance(s, L.Call):
            yield CodeLine(f"{_places_of(s.results)} = region {s.region}({_places_of(s.arguments)})", s.results[0].of if s.results else None)
        elif isinstance(s, L.External):
            called = f"operation {s.which} by NumPy" if s.native is None else str(getattr(s.native, "name", "a library"))
            yield CodeLine(f"{_places_of(s.results)} = {called}({_places_of(s.arguments)})", s.results[0].of if s.results else None)
        elif isinstance(s, L.Branch):
            yield CodeLine(f"if {_source(s.predicate)}")
            yield from _indented(self.block(s.then))
            yield CodeLine("else")
            yield from _indented(self.block(s.orelse))
        else:
            assert isinstance(s, L.Loop)  # Readers see a program whole.
            yield CodeLine(f"repeat{'' if s.steps is None else f' {s.steps} times'}")
            yield from _indented(self.block(s.test))
            yield CodeLine(f"  while {_source(s.predicate)}")
            yield from _indented(self.block(s.body))

    def kernel(self, k: L.Kernel) -> Iterator[CodeLine]:
        self.loops += 1
        loop = self.loops
        inside = (CodeLine(f"{said}    # {note}" if note else said, of, loop) for said, note, of in _lines(k))
        if not k.extents:
            yield from inside
            return
        note = f"    # {k.note}" if k.note else ""
        yield CodeLine(f"for {', '.join(f'i{i} < {n}' for i, n in enumerate(k.extents))}{note}", None, loop)
        yield from _indented(inside)


def _lines(k: L.Kernel) -> Iterator[tuple[str, str, Expr | None]]:
    """What each line says, its note, and the expression that it computes."""
    for line in k.lines:
        if isinstance(line, L.Load):
            yield f"{line.name} = {line.buffer.name}{_at(line.buffer, line.index)}", line.note, line.of
        elif isinstance(line, L.Let):
            yield f"{line.name} = {_computed(line.op, [_operand(a) for a in line.arguments])}", line.note, line.of
        elif isinstance(line, L.Position):
            yield f"{line.name} = {_index(line.index)}", "", None
        else:
            yield f"{line.name} = row {_operand(line.index)} of {line.extent}", "", line.of
    for s in k.stores:
        yield f"{s.buffer.name}{_at(s.buffer, s.index)} = {_operand(s.value)}", s.buffer.note, s.buffer.of
    for f in k.folds:
        target = f"{f.buffer.name}{_at(f.buffer, f.index)}"
        yield f"{target} = {_computed(f.op, [target, _operand(f.value)])}", f.buffer.note, f.buffer.of


def _computed(op: Any, arguments: list[str]) -> str:
    symbol = getattr(op, "symbol", "")
    if symbol and len(arguments) == 2:
        return f"{arguments[0]} {symbol} {arguments[1]}"
    return f"{symbol}{arguments[0]}" if symbol else f"{getattr(op, 'name', op)}({', '.join(arguments)})"


def _at(b: L.Buffer, index: L.Index) -> str:
    return f"[{_index(index)}]" if b.shape or b.base is not None else ""


def _index(index: L.Index) -> str:
    if isinstance(index, L.IndexOp):
        return f"{_inner(index.left)} {index.op} {_inner(index.right)}"
    return str(index)


def _inner(index: L.Index) -> str:
    return f"({_index(index)})" if isinstance(index, L.IndexOp) and index.op in "+-" else _index(index)


def _operand(x: L.Operand) -> str:
    return str(x.value) if isinstance(x, L.Literal) else x


def _source(x: L.Buffer | L.Literal) -> str:
    return str(x.value) if isinstance(x, L.Literal) else _place(x)


def _place(b: L.Buffer) -> str:
    return b.name if b.base is None else f"{b.root.name}[from {b.start}]"


def _places_of(buffers: Sequence[L.Buffer]) -> str:
    return ", ".join(map(_place, buffers))


def _indented(lines: Iterable[CodeLine]) -> Iterator[CodeLine]:
    return (CodeLine(f"  {line}", line.of, line.loop) for line in lines)
