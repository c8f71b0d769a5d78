"""What is said of a compiled function: its lengths and forms, what shares a loop, what is called back and why, where memory goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.compile.loop_ir import loops as L
from workbench.compile.loop_ir.describing import bytes_of, described, place, size_text, told
from workbench.compile.loop_ir.sizes import LITERAL_LIMIT
from workbench.compile.loop_ir.storage import Storage
from workbench.graph.lengths import symbols, text
from workbench.graph.traverse import topological

if TYPE_CHECKING:
    from workbench.compile.function import CompiledFunction


SHOWN = 8
"""So many loops, calls and arrays are told."""
CALLED_BACK = "called back, for they have no form as loops and no routine of a library here: Python is entered, and other threads wait"


def explanation(f: CompiledFunction) -> str:
    """Return a text that says what is compiled, and to what."""
    params, forms = f.graph.params, f.compilations
    nodes = sum(1 for n in topological(f.graph.results) if n.inputs)
    open_lengths = dict.fromkeys(s.name for p in params for n in p.type.shape if not isinstance(n, int) for s in symbols(n))
    lines = [f"{f.name} on {f.backend}: {forms} form{'s' if forms != 1 else ''} of {nodes} operation{'s' if nodes != 1 else ''}"]
    lines += [f"  {p.name or f'input {i}'}: {p.type}" for i, p in enumerate(params)]
    if not open_lengths:
        shared = f"; those above {LITERAL_LIMIT} are arguments of the code, which is that of other numbers too" if hasattr(f._only, "code") else ""
        lines.append(f"  all lengths are numbers{shared}")
    elif f._only is not None:
        lines.append(f"  lengths that are arguments of the code: {', '.join(open_lengths)}")
        for lengths, times in getattr(f._only, "gains", {}).items():
            lines.append(f"  compiled for {lengths} too, where that is {times:.1f} times faster")
    else:
        lines.append(f"  compiled for each tuple of shapes: {', '.join(open_lengths)} are numbers in each")
    code = getattr(f._only, "code", None)
    if code is not None and code.program.body:
        lines += _of_program(code.program, code.storage)
    return "\n".join(lines)


def _of_program(program: L.Program, storage: Storage) -> list[str]:
    """What shares a loop, what is called, and what memory is for."""
    lines = []
    statements = [s for s in L.walk(program.body) if isinstance(s, (L.Kernel, L.External, L.Call))]
    loops = [s for s in statements if isinstance(s, L.Kernel) and s.extents]
    if loops:
        lines.append(f"  {_number(len(loops), 'loop')}, each over what has the same rows:")
        longest = sorted(loops, key=lambda s: -len(s.lines))[:SHOWN]
        for s in (s for s in loops if s in longest):
            count = sum(isinstance(line, L.Let) for line in s.lines)
            lines.append(f"    {described(s, program).text} ({_number(count, 'operation')} in one pass)")
        lines += [f"    and {len(loops) - SHOWN} shorter ones"] if len(loops) > SHOWN else []
    for kind, title in (("library", "routines of libraries"), ("call", "code that is compiled by itself"), ("called back", CALLED_BACK)):
        found = [d for s in statements if not isinstance(s, L.Kernel) and (d := described(s, program)).kind == kind]
        if found:
            lines.append(f"  {title}:")
            lines += [f"    {d.text}{f'  ({place(d.location)})' if d.location else ''}" for d in found[:SHOWN]]
            lines += [f"    and {len(found) - SHOWN} more"] if len(found) > SHOWN else []
    held = [b for b in storage.offset if b.kind == "temporary"]
    if held:
        sizes = [(bytes_of(b), b) for b in held]
        known = sorted((pair for pair in sizes if isinstance(pair[0], int)), key=lambda pair: -pair[0])  # type: ignore[operator]
        ordered = [*(pair for pair in sizes if not isinstance(pair[0], int)), *known]
        total = f", {size_text(storage.arena)} together" if isinstance(storage.arena, int) else ""
        lines.append(f"  memory for {_number(len(held), 'temporary array')}{total}; those that are not needed at the same time share it:")
        for n, b in ordered[:SHOWN]:
            what = told(b.of) if b.of is not None else b.name
            lines.append(f"    {what}: {size_text(n) if isinstance(n, int) else f'{text(n)} bytes'}")
        lines += [f"    and {len(held) - SHOWN} smaller ones"] if len(held) > SHOWN else []
    return lines


def _number(n: int, what: str) -> str:
    return f"{n} {what}{'s' if n != 1 else ''}"
