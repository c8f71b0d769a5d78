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
    statement
        In C and Numba, the number of the statement that it belongs to, from 1, as a profile counts them; 0 for none.
    """

    __slots__ = ("loop", "of", "statement", "support")
    of: Expr | None
    loop: int
    support: bool
    statement: int

    def __new__(cls, text: str, of: Expr | None = None, loop: int = 0, support: bool = False, statement: int = 0) -> CodeLine:
        made = super().__new__(cls, text)
        made.of, made.loop, made.support, made.statement = of, loop, support, statement
        return made

    def changed(self, text: str) -> CodeLine:
        """Return another text in the place of this line."""
        return CodeLine(text, self.of, self.loop, self.support, self.statement)


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
