"""Settings, read from the environment when first asked for."""

from __future__ import annotations

import gc
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from workbench.errors import CompileError

if TYPE_CHECKING:
    from pathlib import Path

BEGAN = time.time()
"""When the package was imported."""


@contextmanager
def no_collections() -> Iterator[None]:
    """Look for no garbage while this lasts: what is made as modules are imported is none, and all of it would be looked at often."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        # All of it is old at once: it would be looked at whole otherwise, the next time.
        gc.freeze()
        gc.unfreeze()
        if collects:
            gc.enable()


def cache_directory() -> Path:
    """Return the folder for compiled code: ``WORKBENCH_CACHE_DIR``, else the user's cache folder."""
    from pathlib import Path

    given = os.environ.get("WORKBENCH_CACHE_DIR")
    if given:
        return Path(given).expanduser()
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "workbench"
    if sys.platform == "win32" and (local := os.environ.get("LOCALAPPDATA")):
        return Path(local) / "workbench" / "Cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "workbench"


def compiler_command() -> str | None:
    """Return the C compiler asked for by ``WORKBENCH_CC``; empty means that none is to be used."""
    return os.environ.get("WORKBENCH_CC")


def cache_limit_bytes() -> int:
    """Return how large the cache may grow: ``WORKBENCH_CACHE_MB``, 512 by default.

    Raises
    ------
    CompileError
        If that is not a whole number.
    """
    return _whole_number("WORKBENCH_CACHE_MB", 512, "set it to a whole number of megabytes, such as 512; 0 keeps the latest alone") << 20


def most_operations() -> int:
    """Return how many operations a graph may have to be compiled: ``WORKBENCH_MOST_OPERATIONS``, a million by default.

    Raises
    ------
    CompileError
        If that is not a whole number.
    """
    return _whole_number("WORKBENCH_MOST_OPERATIONS", 1_000_000, "set it to a whole number, such as 1000000")


def _whole_number(name: str, otherwise: int, hint: str) -> int:
    given = os.environ.get(name) or str(otherwise)
    if not (given.isascii() and given.isdigit()):
        raise CompileError(f"{name} is {given!r}", hint)
    return int(given)


def compiler_flags() -> tuple[str, ...]:
    """Return further flags for the C compiler, from ``WORKBENCH_CFLAGS``: sanitizers, for tests."""
    return tuple(os.environ.get("WORKBENCH_CFLAGS", "").split())


def own_math() -> bool:
    """Return whether C code is to have exponentials and logarithms of our own though glibc has vector forms: ``WORKBENCH_MATH=own``.

    Raises
    ------
    CompileError
        If it is set to something else.
    """
    given = os.environ.get("WORKBENCH_MATH", "")
    if given not in ("", "own"):
        raise CompileError(f"WORKBENCH_MATH is {given!r}", "set it to own, or to nothing for the library's functions where they have vector forms")
    return given == "own"


def checks_programs() -> bool:
    """Return whether every program's reads are proven before it is printed: ``WORKBENCH_CHECK=1``, for tests.

    Raises
    ------
    CompileError
        If it is set to something else.
    """
    given = os.environ.get("WORKBENCH_CHECK", "")
    if given not in ("", "0", "1", "all"):
        raise CompileError(f"WORKBENCH_CHECK is {given!r}", "set it to 1 to check every program, to all for each of its lengths, or to 0")
    return given in ("1", "all")


def checks_all_lengths() -> bool:
    """Return whether long programs are proven at all lengths that they are bound to, not at the first few: ``WORKBENCH_CHECK=all``."""
    return os.environ.get("WORKBENCH_CHECK", "") == "all"
