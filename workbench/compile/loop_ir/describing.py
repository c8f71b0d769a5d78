"""What a statement of a program does, in a reader's words: the names and formulas of the graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from workbench.compile.loop_ir import loops as L
from workbench.graph.expr import Expr, Input
from workbench.graph.formulas import formula
from workbench.graph.lengths import Size
from workbench.tensor.indexing.rows import SetAt

NAMED = 3
"""So many results of a loop are told."""
LONG = 40
"""Characters of a formula."""


@dataclass(frozen=True)
class Description:
    """What a statement does.

    Attributes
    ----------
    kind
        "loop", "scalars", "library", "called back", "call", "copy" or "fill".
    text
        What it computes.
    writes
        The arrays (not single numbers) that it writes.
    location
        The user's line of the first thing that it computes, if known.
    computes
        The expressions whose values, or elements, it computes: those that are kept, and those on the way to them.
    """

    kind: str
    text: str
    writes: tuple[L.Buffer, ...]
    location: Any
    computes: tuple[Expr, ...] = ()


def described(s: L.Statement, program: L.Program) -> Description:
    """Return what a statement without statements inside does."""
    if isinstance(s, L.Blocked):
        written = [b for k in s.kernels for b in _written(k)]
        return _made("loop", f"over {s.extent}, {len(s.kernels)} in turns: ", written, on_the_way=[x for k in s.kernels for x in _on_the_way(k)])
    if isinstance(s, L.Straight):
        kernels = [k for k in s.statements if isinstance(k, L.Kernel)]
        return _made("scalars", f"{len(kernels)} in a row: ", [b for k in kernels for b in _written(k)], on_the_way=[x for k in kernels for x in _on_the_way(k)])
    if isinstance(s, L.Kernel):
        written = _written(s)
        over = " x ".join(map(str, s.extents))
        kind, before = ("loop", f"over {over}: ") if s.extents else ("scalars", "")
        return _made(kind, before, written, on_the_way=_on_the_way(s))
    if isinstance(s, L.External):
        called = program.externals[s.which]
        return _made("called back" if s.native is None else "library", f"{called.op.name}: ", s.results, called)
    if isinstance(s, L.Call):
        return _made("call", f"{program.regions[s.region].label}: ", s.results)
    if isinstance(s, L.Copy):
        return _made("copy", "", [a for a, _ in s.pairs])
    assert isinstance(s, (L.Fill, L.Begin))
    return _made("fill", "", [s.buffer])


def _written(kernel: L.Kernel) -> list[L.Buffer]:
    return [*(x.buffer for x in kernel.stores), *(x.buffer for x in kernel.folds)]


def _on_the_way(kernel: L.Kernel) -> list[Expr]:
    """What has elements in a kernel: what is computed there, and views of what is read."""
    lets = [x.of for x in kernel.lines if isinstance(x, (L.Let, L.Row))]
    views = [x.of for x in kernel.lines if isinstance(x, L.Load) and x.of is not x.buffer.of]
    return [x for x in (*lets, *views) if x is not None]


def _made(kind: str, before: str, buffers: Sequence[L.Buffer], of: Expr | None = None, on_the_way: Sequence[Expr] = ()) -> Description:
    exprs = list(dict.fromkeys(x for x in (b.of for b in buffers) if x is not None))
    shown = [told(x) for x in exprs[:NAMED]]
    more = [f"{len(exprs) - NAMED} more"] if len(exprs) > NAMED else []
    first = of if of is not None else next(iter(exprs), None)
    where = first.provenance.location if first is not None and first.provenance else None
    arrays = tuple(dict.fromkeys(b for b in buffers if not b.is_local and b.size != 1))
    computes = tuple(dict.fromkeys([*([of] if of is not None else []), *exprs, *on_the_way]))
    return Description(kind, before + (", ".join([*shown, *more]) or "what the program needs"), arrays, where, computes)


def told(x: Expr) -> str:
    """Return an expression's name, or else its formula."""
    if isinstance(x.op, SetAt) and isinstance(x.inputs[0].op, Input) and not x.name:
        return f"{told(x.inputs[2])} of each step"  # How a loop fills its outputs.
    return x.name or formula(x, LONG)


def place(location: Any) -> str:
    """Return where something was written, short: the file's own name and the line."""
    if location is None:
        return ""
    return f"{str(location.filename).replace(chr(92), '/').rsplit('/', 1)[-1]}:{location.lineno}"


def size_text(n: float) -> str:
    """Return a number of bytes as people say it."""
    for unit in ("B", "kB", "MB"):
        if n < 1000:
            return f"{n:.0f} B" if unit == "B" else f"{n:.1f} {unit}"
        n /= 1000
    return f"{n:.1f} GB"


def bytes_of(b: L.Buffer) -> Size:
    """Return how many bytes a buffer has: a length, where its lengths are open."""
    return b.size * np.dtype(b.dtype).itemsize
