"""The state of a chain in a file: whole, or not at all."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from workbench.inference.stores.store import State

MARK = b"workbench state 1\n"


@dataclass(frozen=True)
class Checkpoint:
    """Where a chain is."""

    count: int
    """Rows before it."""
    checks: tuple[int, ...]
    """Of each column, the CRC-32 of these rows."""
    state: State
    """What the chain needs to go on."""


def encode(checkpoint: Checkpoint) -> bytes:
    """Return a checkpoint as bytes that say of themselves whether they are whole.

    Examples
    --------
    >>> content = encode(Checkpoint(3, (1, 2), [np.arange(3.0), np.array(True)]))
    >>> decode(content).state
    [array([0., 1., 2.]), array(True)]
    >>> decode(content[:-1]) is decode(content[:20] + b"?" + content[21:]) is None
    True
    """
    arrays = [np.asarray(x) for x in checkpoint.state]
    told = {"count": checkpoint.count, "checks": list(checkpoint.checks), "arrays": [[x.dtype.str, list(x.shape)] for x in arrays]}
    head = json.dumps(told).encode()
    body = b"".join([MARK, struct.pack("<I", len(head)), head, *(x.tobytes() for x in arrays)])
    return body + struct.pack("<I", zlib.crc32(body))


def decode(content: bytes) -> Checkpoint | None:
    """Return the checkpoint; ``None`` if these are not the bytes of one, or not all of them."""
    if not content.startswith(MARK) or len(content) < len(MARK) + 8 or zlib.crc32(content[:-4]) != struct.unpack("<I", content[-4:])[0]:
        return None
    at = len(MARK) + 4
    (length,) = struct.unpack("<I", content[at - 4 : at])
    told: Any = json.loads(content[at : at + length])
    at += length
    state: State = []
    for kind, shape in told["arrays"]:
        x = np.frombuffer(content, kind, int(np.prod(shape)), at).reshape(shape).copy()
        state.append(x)
        at += x.nbytes
    return Checkpoint(told["count"], tuple(told["checks"]), state)


def read(paths: Sequence[Path]) -> list[tuple[Path, Checkpoint]]:
    """Return the checkpoints that are whole, the latest first."""
    found = []
    for path in paths:
        try:
            checkpoint = decode(path.read_bytes())
        except FileNotFoundError:
            continue
        if checkpoint is not None:
            found.append((path, checkpoint))
    return sorted(found, key=lambda pair: -pair[1].count)
