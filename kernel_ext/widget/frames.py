"""Frames between kernel and widgets: JSON with a table of columns, and one buffer that holds them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

VERSION = 1
_CODES = {"u1": "u8", "u4": "u32", "i4": "i32", "f4": "f32", "f8": "f64"}

Columns = Mapping[str, "np.ndarray[Any, Any] | Sequence[str]"]


def encode(columns: Columns) -> tuple[list[dict[str, Any]], bytes]:
    """Return the table of columns and their bytes, each column on a multiple of 8.

    Examples
    --------
    >>> table, data = encode({"x": np.array([1.0]), "name": ["a"]})
    >>> table[1]
    {'n': 'name', 'd': 'str', 'o': 8, 'l': 1}
    """
    table: list[dict[str, Any]] = []
    parts: list[bytes] = []
    at = 0
    for name, values in columns.items():
        if isinstance(values, np.ndarray):
            kind, count, raw = _CODES[values.dtype.str[1:]], len(values), np.ascontiguousarray(values).tobytes()
        else:
            texts = [str(v).encode() for v in values]
            offsets = np.cumsum([0, *map(len, texts)], dtype=np.uint32)
            kind, count, raw = "str", len(texts), offsets.tobytes() + b"".join(texts)
        table.append({"n": name, "d": kind, "o": at, "l": count})
        raw += bytes(-len(raw) % 8)
        parts.append(raw)
        at += len(raw)
    return table, b"".join(parts)
