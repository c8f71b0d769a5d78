"""Lines of generated code that know what they compute."""

from __future__ import annotations

from collections.abc import Iterable

from workbench.graph.expr import Expr


class CodeLine(str):
    """A line of generated code.

    Attributes
    ----------
    of
        The expression that it computes or reads, where it is one's.
    loop
        The number of the kernel that it belongs to, from 1; 0 for none.
    support
        Whether it is no part of the program itself: a declaration, or a routine that all programs share.
    """

    __slots__ = ("loop", "of", "support")
    of: Expr | None
    loop: int
    support: bool

    def __new__(cls, text: str, of: Expr | None = None, loop: int = 0, support: bool = False) -> CodeLine:
        made = super().__new__(cls, text)
        made.of, made.loop, made.support = of, loop, support
        return made


def single_lines(pieces: Iterable[str]) -> list[CodeLine]:
    """Return pieces of code, some of several lines, line by line."""
    found: list[CodeLine] = []
    for piece in pieces:
        if isinstance(piece, CodeLine):
            found.append(piece)
        else:
            found += map(CodeLine, piece.split("\n"))
    return found


def support_lines(pieces: Iterable[str]) -> list[CodeLine]:
    """Return pieces of code that programs share, line by line."""
    return [CodeLine(line, support=True) for piece in pieces for line in piece.split("\n")]
