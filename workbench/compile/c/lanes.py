"""How many numbers a vector loop takes at once: as many as the widest registers have where it computes functions, else four.

Registers of 512 bits halve the time of exponentials, logarithms and long polynomials, and leave that of sums and products as it is.
There the rest of a loop with a sum, which compilers leave scalar, is what counts: up to seven turns of it, or up to three.
"""

from __future__ import annotations

from workbench.compile.loop_ir import loops as L
from workbench.compile.loop_ir.loop_levels import Nest

MANY = " simdlen(8)"
"""Said of loops beside numbers whose truth values are bytes in memory: there would be as many as bytes."""
FEW = " WB_FEW"
"""Four where registers have eight."""
DEAR = 20
"""The cost of an exponential: the least of what wide registers pay for."""


def lanes(n: Nest, truth: str, has_bytes: bool) -> str:
    """Return the clause of a vector loop, in which truth values are of the dtype `truth`, those in memory perhaps bytes."""
    if has_bytes:
        return MANY if truth != "bool" else ""
    inside = n.lines[n.depth]
    dtypes = {x.dtype for x in inside if isinstance(x, (L.Load, L.Let))} | {s.buffer.dtype for s in n.stores}
    if not dtypes <= {"float64", "int64", "uint64", "bool"}:
        return ""  # As many as the narrowest need.
    # By what is computed alone: code is for any length.
    return "" if any(isinstance(x, L.Let) and x.op.cost >= DEAR for x in inside) else FEW
