"""The digest of a package's source. It needs no package, so that what builds this one can ask for it."""

from __future__ import annotations

import hashlib
from pathlib import Path


def digest_of(home: Path, before: float | None = None) -> str | None:
    """Return the digest of all Python files of a folder; ``None`` if there are none, or if one was changed `before` that time or later.

    Parameters
    ----------
    home
        The folder.
    before
        Seconds since the epoch.
    """
    found, files = hashlib.blake2b(digest_size=20), sorted(home.rglob("*.py"))
    for path in files:
        for part in (path.relative_to(home).as_posix().encode(), path.read_bytes()):
            found.update(str(len(part)).encode() + b":" + part)
        if before is not None and path.stat().st_ctime > before:
            return None
    return found.hexdigest() if files else None
