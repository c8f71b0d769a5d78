"""Truth values as wide as the numbers beside them: a choice between two numbers is a mask then, and no conversion.

Compilers make a vector loop as wide as its narrowest values need. Beside bytes, numbers of eight bytes are thirty-two in a row: more than
there are registers, and more than any vector form of a function takes.
"""

from __future__ import annotations

from collections.abc import Sequence

from workbench.compile.loop_ir import loops as L
from workbench.compile.loop_ir.loop_levels import Nest
from workbench.compile.loop_ir.storage import Storage, buffers

WIDE = {"float64": "int64", "float32": "int32"}
"""The dtype of masks of numbers."""
LARGEST = 2**20
"""Constants of more elements stay bytes: reading eight times as much would cost more."""
LONGEST = 128
"""Kernels of more lines are left as they are: as vector loops they would take compilers many seconds."""


def kernel_dtype(kernel: L.Kernel) -> str:
    """Return the dtype of truth values in a kernel: in loops over numbers that of their masks."""
    if len(kernel.lines) > LONGEST or all(n == 1 for n in kernel.extents):
        return "bool"
    kinds = {line.dtype for line in kernel.lines if isinstance(line, (L.Load, L.Let))}
    return next((mask for number, mask in WIDE.items() if number in kinds), "bool")


def stored_wide(program: L.Program, body: Sequence[L.Statement], storage: Storage) -> dict[L.Buffer, str]:
    """Return the constants, data among them, that are masks in memory, with their dtypes: truth values that loops alone read."""
    found: dict[L.Buffer, str] = {}
    constants = {b for b, _ in program.constants if b.dtype == "bool" and (not isinstance(b.size, int) or b.size <= LARGEST)}
    if not constants:
        return {}
    others: list[L.Statement] = []
    for s in L.walk(body):
        if isinstance(s, L.Straight):
            others += s.statements
        elif isinstance(s, (L.Call, L.External, L.Copy, L.Branch, L.Loop)):
            others.append(s)
        elif isinstance(s, L.Kernel):
            dtype = kernel_dtype(s)
            for line in s.lines:
                if isinstance(line, L.Load) and line.dtype == "bool" and dtype != "bool":
                    # Of two widths the first: a conversion from either is right.
                    found.setdefault(storage.of(line.buffer), dtype)
    pointed = {storage.of(b) for b in buffers(others)}
    return {b: dtype for b, dtype in found.items() if b in constants and b not in pointed}


def has_bytes(n: Nest, storage: Storage, wide: dict[L.Buffer, str]) -> bool:
    """Whether the innermost loop reads truth values that are bytes, or writes some."""
    read = [line.buffer for line in n.lines[n.depth] if isinstance(line, L.Load)]
    return any(b.dtype == "bool" and storage.of(b) not in wide for b in (*read, *(s.buffer for s in n.stores)))
