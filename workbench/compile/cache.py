"""Compiled code kept on disk by content: no locks, atomic, private, bounded."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from workbench.config import cache_directory, cache_limit_bytes
from workbench.errors import CompileError, warn_user


@dataclass
class Statistics:
    """What this process asked the cache for: how often a result had to be `built`, and how often it was `found`."""

    built: int = 0
    found: int = 0


statistics = Statistics()


def folder() -> Path:
    """Return the cache folder, made private.

    Raises
    ------
    OSError
        If it cannot be made.
    CompileError
        If others can write to it: code from there would be theirs.
    """
    path = cache_directory()
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = path.stat()
    if hasattr(os, "getuid") and (
        status.st_uid not in (os.getuid(), 0) or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    ):
        raise CompileError(
            f"the cache folder {path} can be written by others, so compiled code there cannot be trusted",
            f"run `chmod go-w {path}`, or set WORKBENCH_CACHE_DIR to a private folder",
        )
    return path


def digest(*parts: str) -> str:
    """Return the name under which the parts' result is kept."""
    h = hashlib.blake2b(digest_size=20)
    for part in parts:
        h.update(str(len(part)).encode() + b":" + part.encode())
    return h.hexdigest()


def fetch(name: str, suffix: str, build: Callable[[Path], None]) -> tuple[Path, bool]:
    """Return the file kept under `name`, building it if it is missing or damaged.

    Parameters
    ----------
    name, suffix
        Content digest and file ending.
    build
        Writes the file to the path it is given.

    Returns
    -------
    path, hit

    Where the folder cannot be used (it is read-only, or the disk is full), a temporary one takes its place
    (and :func:`say` says so).

    Raises
    ------
    CompileError
        If that cannot be used either.
    """
    try:
        return _fetch(folder(), name, suffix, build)
    except OSError as error:
        home = temporary_folder(error)
    try:
        return _fetch(home, name, suffix, build)
    except OSError as error:
        raise CompileError(
            f"compiled code cannot be kept in {home}: {error.strerror or error}", "set WORKBENCH_CACHE_DIR to a folder that can be written to"
        ) from error


def temporary_folder(error: OSError) -> Path:
    """Return a folder of this process, for what cannot be kept because of `error`."""
    global _temporary
    path = cache_directory()
    with _first:
        if _temporary is None:
            _temporary = tempfile.TemporaryDirectory(prefix="workbench-", ignore_cleanup_errors=True)
        _unusable.setdefault(path, error.strerror or str(error))
    return Path(_temporary.name)


def say() -> None:
    """Warn, once for each, of cache folders in which nothing could be kept; on the thread on which the user waits."""
    path = cache_directory()
    if path in _unusable and path not in _said:
        _said.add(path)
        warn_user(
            f"compiled code cannot be kept in {path} ({_unusable[path]}): the next process compiles it again. "
            "Set WORKBENCH_CACHE_DIR to a folder that can be written to"
        )


_temporary: tempfile.TemporaryDirectory[str] | None = None
_unusable: dict[Path, str] = {}
_said: set[Path] = set()
_first = threading.Lock()


def discard(path: Path) -> None:
    """Forget a kept file: it cannot be used, though it is what was written."""
    with suppress(OSError):
        path.with_suffix(".sum").unlink()


def _fetch(home: Path, name: str, suffix: str, build: Callable[[Path], None]) -> tuple[Path, bool]:
    path = home / (name + suffix)
    mark = home / (name + ".sum")
    if _intact(path, mark):
        with suppress(OSError):  # Another process may have dropped it just now, or it is another user's.
            os.utime(path)
        statistics.found += 1
        return path, True
    with tempfile.TemporaryDirectory(dir=home, prefix="building-") as work:
        fresh = Path(work) / ("built" + suffix)
        build(fresh)
        check = Path(work) / "sum"
        check.write_text(_checksum(fresh))
        # Two processes may build the same: both results are equal, the last rename wins.
        for source, target in ((fresh, path), (check, mark)):
            if target.is_dir():
                shutil.rmtree(target)
            os.replace(source, target)
    _bound(home, name, path)
    statistics.built += 1
    return path, False


def _checksum(path: Path) -> str:
    return hashlib.blake2b(path.read_bytes(), digest_size=20).hexdigest()


def _intact(path: Path, mark: Path) -> bool:
    try:
        return mark.read_bytes() == _checksum(path).encode()
    except OSError:
        return False


_grown: dict[Path, int] = {}
"""Bytes that this process put in a folder since it last looked through it."""
LOOK = 16
"""A folder is looked through at a process's first build, then whenever it has put a sixteenth of the limit there: that takes a while."""


def _bound(home: Path, name: str, path: Path) -> None:
    limit = cache_limit_bytes()
    with suppress(OSError):
        _grown[home] = _grown.get(home, limit) + path.stat().st_size
    if _grown.get(home, limit) * LOOK >= limit:
        _grown[home] = 0
        _prune(home, keep=name)


def _prune(home: Path, keep: str) -> None:
    """Drop the files used longest ago while the cache is larger than its limit; not those named `keep`."""
    for left in home.glob("building-*"):
        # Of a process that was killed: no compiler takes so long.
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > 86_400:
                shutil.rmtree(left, ignore_errors=True)
    files = []
    for f in (*home.iterdir(), *home.glob("__pycache__/*")):  # Numba keeps its own files there.
        try:
            status = f.stat()
        except OSError:  # Another process prunes too.
            continue
        if f.is_file() and f.name.split(".")[0] != keep:
            files.append((status.st_mtime, status.st_size, f))
    total = sum(size for _, size, _ in files)
    limit = cache_limit_bytes()
    for _, size, f in sorted(files, key=lambda item: item[0]):
        if total <= limit:
            return
        with suppress(OSError):
            f.unlink()
        total -= size
