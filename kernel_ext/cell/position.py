"""What stands around the cursor in Python that is being written: a string, a call and its argument, the word so far."""

from __future__ import annotations

import re
from dataclasses import dataclass

_TOKEN = re.compile(r'#[^\n]*|[rbfuRBFU]{0,2}("""|\'\'\'|"|\')|[()\[\]{},]|\n')
WORD = re.compile(r"[^\W\d][\w.]*$|(?<![\w.])$")


@dataclass(frozen=True)
class Position:
    """Where the cursor is.

    Attributes
    ----------
    before
        The code up to the cursor.
    string
        Where the content of the string that the cursor is in begins; ``None`` outside of strings.
    comment
        Whether it is in a comment.
    callee
        What is called where the cursor is between its brackets; empty elsewhere.
    argument
        The argument so far: from the comma or bracket before it.
    given
        Names of keyword arguments that the call has before the cursor.
    """

    before: str
    string: int | None
    comment: bool
    callee: str
    argument: str
    given: tuple[str, ...]

    @property
    def word(self) -> str:
        """The name so far, with the dots in it."""
        found = WORD.search(self.before)
        return found[0] if found else ""

    @property
    def keyword(self) -> str:
        """The name of the keyword argument that is being given; empty if none is."""
        found = re.match(r"\s*(\w+)\s*=(?!=)", self.argument)
        return found[1] if found else ""


def position(before: str) -> Position:
    """Read code up to the cursor."""
    at, comment, string = 0, False, None
    brackets: list[tuple[str, int, list[int]]] = []  # The bracket, where it is, where its arguments begin.
    while (token := _TOKEN.search(before, at)) is not None:
        at = token.end()
        text = token[0]
        if text[0] == "#":
            comment = at == len(before)
        elif token[1] is not None:
            end = _end_of_string(before, at, token[1])
            if end is None:
                string = at
                break
            at = end
        elif text in "([{":
            brackets.append((text, token.start(), [at]))
        elif text in ")]}":
            brackets = brackets[:-1]
        elif text == "," and brackets:
            brackets[-1][2].append(at)
    for bracket, start, arguments in reversed(brackets):
        callee = re.search(r"[^\W\d][\w.]*\s*$", before[:start]) if bracket == "(" else None
        if callee is not None:
            pieces = [before[a:b] for a, b in zip(arguments, [*arguments[1:], len(before)])]
            given = [found[1] for p in pieces[:-1] if (found := re.match(r"\s*(\w+)\s*=(?!=)", p))]
            return Position(before, string, comment, callee[0].strip(), pieces[-1], tuple(given))
    return Position(before, string, comment, "", "", ())


def _end_of_string(text: str, at: int, quote: str) -> int | None:
    """Where a string ends that begins before `at`; a line's end ends one of single quotes."""
    while at < len(text):
        if text[at] == "\\":
            at += 2
        elif text.startswith(quote, at):
            return at + len(quote)
        elif text[at] == "\n" and len(quote) == 1:
            return at
        else:
            at += 1
    return None
