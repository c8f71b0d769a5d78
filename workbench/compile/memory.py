"""Whether what a function needs fits into memory: asked before it starts, for where it does not the system may end the process."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from workbench.compile.loop_ir import loops as L
from workbench.compile.loop_ir.describing import size_text, told
from workbench.compile.loop_ir.storage import Storage
from workbench.errors import NotEnoughMemoryError
from workbench.graph.lengths import Symbol, number

LARGE = 1 << 30
"""Functions that need fewer bytes are not asked about."""


def free_memory() -> int | None:
    """Return how many bytes this process can have yet; ``None`` where the system does not say."""
    if sys.platform != "linux":
        return None
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        found = [int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")]
    except (OSError, ValueError, IndexError):
        return None
    try:
        # Of a container, which may have less.
        limit, used = (Path(f"/sys/fs/cgroup/memory.{which}").read_text().strip() for which in ("max", "current"))
        found += [max(int(limit) - int(used), 0)] if limit != "max" else []
    except (OSError, ValueError):
        pass
    return min(found, default=None)


def require_memory(program: L.Program, storage: Storage, values: Mapping[Symbol, int], arena: int) -> None:
    """Raise where the results and temporaries of a program are larger than what is free.

    Raises
    ------
    NotEnoughMemoryError
        With what takes most.
    """
    sizes = {b: number(b.size, values) * np.dtype(b.dtype).itemsize for b in (*program.outputs, *storage.offset)}
    needed = arena + sum(sizes[b] for b in program.outputs)
    if needed < LARGE:
        return
    free = free_memory()
    if free is None or needed <= free:
        return
    largest = max(sizes, key=lambda b: sizes[b])
    what = told(largest.of) if largest.of is not None else largest.name
    shape = ", ".join(f"{number(n, values):,}" for n in largest.shape)
    where = largest.of.provenance.location if largest.of is not None and largest.of.provenance else None
    raise NotEnoughMemoryError(
        f"{program.name} needs {size_text(needed)} of memory for results and temporaries, and {size_text(free)} are free; "
        f"the largest is {what}: {size_text(sizes[largest])}, of shape ({shape})",
        "of a long scan, ask for the last value alone (y[-1]), and give checkpoint_every= where its gradient is taken; of draws, ask for fewer at a time",
        where,
    )
