"""Frames between kernel and widgets: JSON with a table of columns, and one buffer that holds them."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import anywidget
import numpy as np

VERSION = 1
STATIC = Path(__file__).parent / "static"
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


def static_file(name: str) -> Path:
    """Return a built file of the front end.

    Raises
    ------
    FileNotFoundError
        If the widgets were not built; says how.
    """
    path = STATIC / name
    if not path.exists():
        raise FileNotFoundError(f"the widget {name} is not built: run `make setup` in the project's folder")
    return path


class LinkedWidget(anywidget.AnyWidget):  # type: ignore[misc]
    """A widget that speaks frames. Subclasses answer messages with methods named ``on_<type>``."""

    # anywidget makes traits only of what the class has; each instance brings its text.
    _esm = ""
    _css = ""

    def __init__(self, module: str) -> None:
        # The text, not the path: anywidget takes paths from classes alone, before a build may be there.
        super().__init__(_esm=static_file(module).read_text(), _css=static_file("workbench.css").read_text())
        self._sequence = 0
        self._base64 = False
        self.on_msg(self._receive)
        deliver_at_once(self)

    def push(self, kind: str, columns: Columns | None = None, /, **content: Any) -> None:
        """Send a message."""
        self._sequence += 1
        message = {"t": kind, "v": VERSION, "seq": self._sequence, **content}
        if not columns:
            self.send(message)
            return
        message["cols"], data = encode(columns)
        if self._base64:
            self.send({**message, "b64": base64.b64encode(data).decode()})
        else:
            self.send(message, [data])

    def _receive(self, _: Any, content: Mapping[str, Any], buffers: Any) -> None:
        kind = content.get("t", "")
        if kind == "hello":
            self._base64 = self._base64 or bool(content.get("b64"))
        answer: Callable[[Mapping[str, Any]], None] | None = getattr(self, f"on_{kind}", None)
        if answer is not None:
            answer(content)


def deliver_at_once(widget: Any) -> None:
    """Let messages reach the kernel while a cell runs.

    ipykernel 7 sends a comm's messages to the subshell that last published on it: for a widget made
    in an ordinary cell that is the busy main shell. Without a recorded subshell they are delivered
    on a thread of their own. The attribute is private, so it may go.
    """
    comm = getattr(widget, "comm", None)
    if hasattr(comm, "_reply_subshell_for"):
        comm._reply_subshell_for = None
