"""The widget: a panel of parts behind one comm, each part a tab."""

from __future__ import annotations

import base64
import functools
import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from kernel_ext.graphs.snapshot import Keys
from kernel_ext.widget.frames import VERSION, Columns, encode
from kernel_ext.widget.part import Part

STATIC = Path(__file__).parents[1] / "static"


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


@functools.lru_cache(maxsize=2)
def _module(changed: int) -> tuple[str, str]:
    """The front end's module and what names it: a page takes it once, whatever the number of its widgets."""
    text = static_file("workbench.js").read_text()
    return text, hashlib.sha256(text.encode()).hexdigest()[:16]


def front_end() -> tuple[str, str]:
    """Return the text of the front end's module, and its hash."""
    return _module(static_file("workbench.js").stat().st_mtime_ns)


class Panel(anywidget.AnyWidget):  # type: ignore[misc]
    """Shows parts as tabs. One line to the front end carries the frames of all.

    Parameters
    ----------
    parts
        What it shows, in the order of the tabs.
    first
        The name of the part that is seen first; by default the first.
    title
        What is shown, in the notebook's words.
    """

    # anywidget makes traits only of what the class has; each instance brings its text.
    _esm = ""
    parts: Any = traitlets.List().tag(sync=True)
    first = traitlets.Unicode().tag(sync=True)
    title = traitlets.Unicode().tag(sync=True)
    module = traitlets.Unicode().tag(sync=True)
    # For front ends whose messages do not come while a cell runs: what a run has come to, in short.
    status = traitlets.Unicode().tag(sync=True)

    def __init__(self, parts: Sequence[Part], first: str = "", title: str = "") -> None:
        self.members = {p.name: p for p in parts}
        self.numbers = Keys()
        # The text, not the path: anywidget takes paths from classes alone, before a build may be there.
        super().__init__(
            _esm=static_file("loader.js").read_text(), module=front_end()[1], parts=[[p.name, p.title] for p in parts],
            first=first or next(iter(self.members), ""), title=title,
        )  # fmt: skip
        # What a saved notebook shows of the panel, and what puts something else in its place: known when it is displayed.
        self.lasting: dict[str, str] = {}
        self.replace: Callable[[dict[str, str]], None] | None = None
        self._sequence = 0
        self._base64 = False
        for p in parts:
            p.joined(self, self.numbers)
        self.on_msg(self._receive)
        deliver_at_once(self)

    def push(self, part: str, kind: str, columns: Columns | None = None, /, **content: Any) -> None:
        """Send a message to the views of a part."""
        self._sequence += 1
        message = {"t": kind, "p": part, "v": VERSION, "seq": self._sequence, **content}
        if not columns:
            self.send(message)
            return
        message["cols"], data = encode(columns)
        if self._base64:
            self.send({**message, "b64": base64.b64encode(data).decode()})
        else:
            self.send(message, [data])

    def offer(self) -> None:
        """Send the front end's module."""
        self.send({"t": "module", "v": VERSION, "text": front_end()[0]})

    def _receive(self, _: Any, content: Any, buffers: Any) -> None:
        # Whatever a front end sends, the kernel goes on.
        if not isinstance(content, Mapping):
            return
        if content.get("t") == "module":
            self.offer()
            return
        if content.get("t") == "hello":
            self._base64 = self._base64 or bool(content.get("b64"))
        part = self.members.get(str(content.get("p")))
        if part is None:
            return
        try:
            part.receive(content)
        except Exception as error:
            self.push(part.name, "wrong", rid=content.get("rid"), message=f"{type(error).__name__}: {error}")


def deliver_at_once(widget: Any) -> None:
    """Let messages reach the kernel while a cell runs.

    ipykernel 7 sends a comm's messages to the subshell that last published on it: for a widget made
    in an ordinary cell that is the busy main shell. Without a recorded subshell they are delivered
    on a thread of their own. The attribute is private, so it may go.
    """
    comm: Any = getattr(widget, "comm", None)
    if hasattr(comm, "_reply_subshell_for"):
        comm._reply_subshell_for = None
