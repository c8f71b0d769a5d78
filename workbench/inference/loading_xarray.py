"""xarray, which holds results, takes a third of a second to import: it loads beside compilers and the sampling, and without Dask's arrays, which take as long."""

from __future__ import annotations

import functools
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

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
    import xarray  # noqa: F401

    _ask_of_dask_later()


def _ask_of_dask_later() -> None:
    """Keep xarray from importing Dask's arrays, where that is installed, to ask whether the data of its first variable are one of Dask's arrays."""
    from xarray.namedarray import pycompat

    known: Any = getattr(pycompat, "_cached_duck_array_modules", None)
    kind: Any = getattr(pycompat, "DuckArrayModule", None)
    # Another version of xarray may ask otherwise: then it imports what it likes.
    if isinstance(known, dict) and kind is not None:
        known.setdefault("dask", _Dask(kind))


class _Dask:
    """What xarray knows of Dask, found out when it is asked for."""

    def __init__(self, kind: Any) -> None:
        self._kind = kind

    @property
    def type(self) -> tuple[Any, ...]:
        """The class of Dask's arrays: there are none before it is imported."""
        return self._found.type if "dask.array" in sys.modules else ()

    @functools.cached_property
    def _found(self) -> Any:
        return self._kind("dask")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._found, name)
