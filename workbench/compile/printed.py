"""Generated code: what a printer of the loop IR makes."""

from __future__ import annotations

from dataclasses import dataclass, field

from workbench.compile.loop_ir import loops as L
from workbench.compile.loop_ir.lines import CodeLine, single_lines, support_lines
from workbench.graph.lengths import Size

HOLDING = (L.Branch, L.Loop, L.Begin, L.Do)
"""Statements that are counted as those inside them."""


@dataclass
class Source:
    """Generated code and what it needs at run time: the program's own, and declarations and routines before and after it.

    `stored` are the dtypes of constants that it wants to lie in memory otherwise than they are, by their numbers.
    """

    pieces: list[str]
    sizes: list[Size]
    before: list[str]
    after: list[str]
    stored: dict[int, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        return "\n".join([*self.before, *self.pieces, *self.after])

    @property
    def lines(self) -> list[CodeLine]:
        """The text line by line, with the expressions that lines compute."""
        return [*support_lines(self.before), *single_lines(self.pieces), *support_lines(self.after)]

    @property
    def code(self) -> str:
        """The text without comments: what decides whether a compiled form can be reused."""
        return without_comments(self.text, "//")


def without_comments(text: str, mark: str) -> str:
    """Return generated code without what people read in it: it changes with names and lines that the code does not depend on."""
    lines = (line.split("  " + mark)[0].rstrip() for line in text.splitlines())
    return "\n".join(line for line in lines if line and not line.lstrip().startswith(mark))
