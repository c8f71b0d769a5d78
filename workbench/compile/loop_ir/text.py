"""The loop IR as text, for readers: loops, what they compute, and where values are kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from workbench.compile.loop_ir import loops as L
from workbench.compile.loop_ir.storage import Storage


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
        v2 = in0[i0]
        v3 = exp(v2)    # ...
        t1 = t1 + v3
      copy out0 = t1
    """
    takes, gives = (", ".join(_declared(b) for b in bs) for bs in (program.inputs, program.outputs))
    lines = [f"{program.name}({takes}) -> ({gives})"]
    lines += [f"  constant {_declared(b)}" for b, _ in program.constants]
    lines += [f"  {line}" for line in _block(program.body)]
    if storage is not None:
        lines += ["", f"memory: {storage.arena} bytes", *_places(storage)]
    return "\n".join(lines)


def _places(storage: Storage) -> Iterator[str]:
    for b, start in sorted(storage.offset.items(), key=lambda item: item[0].name):
        yield f"  {_declared(b)} from byte {start}"
    for b, home in storage.home.items():
        yield f"  {b.name} lies in {storage.of(home).name}"


def _declared(b: L.Buffer) -> str:
    shape = f"[{', '.join(map(str, b.shape))}]" if b.shape else ""
    return f"{b.name}: {b.dtype}{shape}{f' {b.note}' if b.note else ''}"


def _block(block: Sequence[L.Statement]) -> Iterator[str]:
    for s in block:
        yield from _statement(s)


def _statement(s: L.Statement) -> Iterator[str]:
    if isinstance(s, L.Kernel):
        yield from _kernel(s)
    elif isinstance(s, L.Blocked):
        yield f"in turns, {s.rows} of {s.extent} rows at a time"
        for kernel in s.kernels:
            yield from _indented(_kernel(kernel))
    elif isinstance(s, L.Copy):
        yield f"copy {', '.join(_place(a) for a, _ in s.pairs)} = {', '.join(_source(b) for _, b in s.pairs)}"
    elif isinstance(s, L.Fill):
        yield f"fill {_place(s.buffer)} = {s.value.value}"
    elif isinstance(s, L.Begin):
        yield f"begin {_place(s.buffer)}"
    elif isinstance(s, L.Call):
        yield f"{_places_of(s.results)} = region {s.region}({_places_of(s.arguments)})"
    elif isinstance(s, L.External):
        called = f"operation {s.which} by NumPy" if s.native is None else str(getattr(s.native, "name", "a library"))
        yield f"{_places_of(s.results)} = {called}({_places_of(s.arguments)})"
    elif isinstance(s, L.Branch):
        yield f"if {_source(s.predicate)}"
        yield from _indented(_block(s.then))
        yield "else"
        yield from _indented(_block(s.orelse))
    else:
        yield f"repeat{'' if s.steps is None else f' {s.steps} times'}"
        yield from _indented(_block(s.test))
        yield f"  while {_source(s.predicate)}"
        yield from _indented(_block(s.body))


def _kernel(k: L.Kernel) -> Iterator[str]:
    note = f"    # {k.note}" if k.note else ""
    inside = _lines(k)
    if not k.extents:
        yield from inside
        return
    yield f"for {', '.join(f'i{i} < {n}' for i, n in enumerate(k.extents))}{note}"
    yield from _indented(inside)


def _lines(k: L.Kernel) -> Iterator[str]:
    for line in k.lines:
        if isinstance(line, L.Load):
            yield f"{line.name} = {line.buffer.name}{_at(line.buffer, line.index)}"
        elif isinstance(line, L.Let):
            yield f"{line.name} = {_computed(line.op, [_operand(a) for a in line.arguments])}{f'    # {line.note}' if line.note else ''}"
        elif isinstance(line, L.Position):
            yield f"{line.name} = {_index(line.index)}"
        else:
            yield f"{line.name} = row {_operand(line.index)} of {line.extent}"
    for s in k.stores:
        yield f"{s.buffer.name}{_at(s.buffer, s.index)} = {_operand(s.value)}"
    for f in k.folds:
        target = f"{f.buffer.name}{_at(f.buffer, f.index)}"
        yield f"{target} = {_computed(f.op, [target, _operand(f.value)])}"


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


def _indented(lines: Iterator[str]) -> Iterator[str]:
    return (f"  {line}" for line in lines)
