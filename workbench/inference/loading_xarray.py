"""xarray, which holds results, takes half a second to import, and what it looks for beside it another half: it loads beside compilers and the sampling."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from workbench.compile.phases import heard

NICE = 3
_loading: threading.Thread | None = None


def load_in_background(nice: int = NICE) -> None:
    """Begin to import xarray, at a somewhat lower priority if nothing else is asked for."""
    global _loading
    if _loading is None:
        _loading = threading.Thread(target=_load, args=(nice,), name="workbench-xarray", daemon=True)
        _loading.start()


@contextmanager
def beside_compilers(wanted: bool) -> Iterator[None]:
    """Begin to import xarray, if that is `wanted`, as soon as a compiler is at work on what is compiled here."""
    with heard(lambda phase: load_in_background(nice=0) if wanted and phase == "compile" else None):
        yield


def _load(nice: int = NICE) -> None:
    if nice and sys.platform == "linux":
        # There a thread has a priority of its own; elsewhere its number is another process's.
        # Half the share of a chain's thread, not less: who needs xarray meanwhile waits for this thread, which cannot be given its priority back,
        # and at a tenth of the share an import took minutes on a machine that others use too.
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), nice)
    import xarray

    # With its first variable it imports Dask's arrays, where Dask is installed.
    xarray.Variable((), 0.0)
