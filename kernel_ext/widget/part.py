"""A part of a panel, on the kernel's side: one view of a subject, with its messages and what it leaves in a saved notebook."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from kernel_ext.graphs.snapshot import Keys
from kernel_ext.widget.frames import Columns

if TYPE_CHECKING:
    from kernel_ext.widget.panel import Panel


class Part:
    """One view of a subject. Subclasses answer messages with methods named ``on_<type>``.

    A handler may be called from another thread while a cell runs, so it answers at once, or sets a flag.

    Attributes
    ----------
    name
        Which view of the front end shows it.
    title
        What its tab says.
    numbers
        Numbers of expressions; a panel's parts share them, so that what is chosen in one is found in every other.
    """

    name: str
    title: str

    def __init__(self) -> None:
        self.numbers = Keys()
        self.panel: Panel | None = None

    def joined(self, panel: Panel, numbers: Keys) -> None:
        """Become a part of a panel."""
        self.panel, self.numbers = panel, numbers

    def push(self, kind: str, columns: Columns | None = None, /, **content: Any) -> None:
        """Send a message to the views."""
        if self.panel is not None:
            self.panel.push(self.name, kind, columns, **content)

    def receive(self, content: Mapping[str, Any]) -> None:
        """Answer a message; what nobody knows is not answered."""
        answer = getattr(self, f"on_{content.get('t')}", None)
        if answer is not None:
            answer(content)

    def static(self) -> dict[str, str]:
        """Return what a saved notebook shows of it without a kernel, by mime type; "text/plain" is always there."""
        raise NotImplementedError

    def _ipython_display_(self) -> None:
        from kernel_ext.display import show
        from kernel_ext.widget.panel import Panel

        show(self.panel or Panel([self]))
