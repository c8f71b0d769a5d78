"""A file that says which process writes to a store."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from workbench.errors import StoreError


class Lock:
    """A lock file with the writer's process: of a process that has ended it is taken over.

    Parameters
    ----------
    path
        Of the file.
    store
        What it locks, for messages.
    """

    def __init__(self, path: Path, store: Path) -> None:
        self.path, self.store = path, store
        self.held = False

    def take(self) -> None:
        """Take the lock.

        Raises
        ------
        StoreError
            If a process that may live has it.
        """
        with self._alone() as file:
            owner = _owner(file)
            if owner is not None and _may_live(owner):
                here = owner.get("host") == platform.node()
                raise StoreError(
                    f"{self.store}: another run writes to it: process {owner.get('pid')}{'' if here else ' on ' + str(owner.get('host'))}",
                    "stop that run, or wait for its end" + ("" if here and sys.platform != "win32" else f"; if that process has ended, delete {self.path}"),
                )
            _write(file, {"pid": os.getpid(), "host": platform.node(), "started": _started(os.getpid())})
        self.held = True

    def release(self) -> None:
        """Give the lock back."""
        if self.held:
            self.held = False
            with contextlib.suppress(OSError), self._alone() as file:
                _write(file, None)
                os.unlink(self.path)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[int]:
        """The file, open, while no other process reads or changes it."""
        while True:
            file = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
            try:
                _flock(file)
                # Who had it before may have deleted it.
                if self.path.exists() and os.path.samestat(os.fstat(file), os.stat(self.path)):
                    yield file
                    return
            finally:
                os.close(file)


def _flock(file: int) -> None:
    try:
        import fcntl
    except ImportError:  # Windows.
        return
    fcntl.flock(file, fcntl.LOCK_EX)


def _owner(file: int) -> dict[str, Any] | None:
    """Who has the lock; no one, where that cannot be read: it was being written when its process ended."""
    os.lseek(file, 0, os.SEEK_SET)
    try:
        found = json.loads(os.read(file, 10_000) or b"null")
    except ValueError:
        return None
    return found if isinstance(found, dict) and isinstance(found.get("pid"), int) and found["pid"] > 0 else None


def _write(file: int, owner: dict[str, Any] | None) -> None:
    os.ftruncate(file, 0)
    os.lseek(file, 0, os.SEEK_SET)
    os.write(file, b"" if owner is None else json.dumps(owner).encode())
    os.fsync(file)


def _may_live(owner: dict[str, Any]) -> bool:
    if owner.get("host") != platform.node():
        return True
    if sys.platform == "win32":
        # There os.kill asks nothing, it interrupts. The owner says itself when it is done.
        return True
    try:
        os.kill(owner["pid"], 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        pass
    now = _started(owner["pid"])
    if now == ENDED:
        return False
    # Its number may be another process's by now.
    return owner.get("started") is None or now is None or owner["started"] == now


ENDED = "ended"


def _started(pid: int) -> str | None:
    """When a process began, in words that no other process of its number has; ``None`` where that cannot be told."""
    try:
        state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except (OSError, ValueError):
        return None
    # A zombie waits for its parent alone.
    return ENDED if state in "ZX" else f"{boot} {fields[18]}"
