"""Compiled code kept on disk by content: no locks, atomic, private, bounded."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from workbench.config import cache_directory, cache_limit_bytes
from workbench.errors import CompileError


def folder() -> Path:
    """Return the cache folder, made private.

    Raises
    ------
    CompileError
        If it cannot be made, or others can write to it: code from there would be theirs.
    """
    path = cache_directory()
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = path.stat()
    except OSError as error:
        raise _unusable(path, error) from None
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

    Raises
    ------
    CompileError
        If the folder cannot be used: it is read-only, or the disk is full.
    """
    home = folder()
    try:
        return _fetch(home, name, suffix, build)
    except OSError as error:
        raise _unusable(home, error) from error


def _unusable(path: Path, error: OSError) -> CompileError:
    return CompileError(
        f"compiled code cannot be kept in {path}: {error.strerror or error}", "set WORKBENCH_CACHE_DIR to a folder that can be written to"
    )


def _fetch(home: Path, name: str, suffix: str, build: Callable[[Path], None]) -> tuple[Path, bool]:
    path = home / (name + suffix)
    mark = home / (name + ".sum")
    if _intact(path, mark):
        os.utime(path)
        return path, True
    with tempfile.TemporaryDirectory(dir=home, prefix="building-") as work:
        fresh = Path(work) / ("built" + suffix)
        build(fresh)
        check = Path(work) / "sum"
        check.write_text(_checksum(fresh))
        # Two processes may build the same: both results are equal, the last rename wins.
        os.replace(fresh, path)
        os.replace(check, mark)
    _prune(home, keep=name)
    return path, False


def _checksum(path: Path) -> str:
    return hashlib.blake2b(path.read_bytes(), digest_size=20).hexdigest()


def _intact(path: Path, mark: Path) -> bool:
    try:
        return mark.read_text() == _checksum(path)
    except OSError:
        return False


def _prune(home: Path, keep: str) -> None:
    """Drop the files used longest ago while the cache is larger than its limit; not those named `keep`."""
    for left in home.glob("building-*"):
        # Of a process that was killed: no compiler takes so long.
        with suppress(FileNotFoundError):
            if time.time() - left.stat().st_mtime > 86_400:
                shutil.rmtree(left, ignore_errors=True)
    files = []
    for f in (*home.iterdir(), *home.glob("__pycache__/*")):  # Numba keeps its own files there.
        try:
            status = f.stat()
        except FileNotFoundError:  # Another process prunes too.
            continue
        if f.is_file() and f.name.split(".")[0] != keep:
            files.append((status.st_mtime, status.st_size, f))
    total = sum(size for _, size, _ in files)
    limit = cache_limit_bytes()
    for _, size, f in sorted(files, key=lambda item: item[0]):
        if total <= limit:
            return
        f.unlink(missing_ok=True)
        total -= size
