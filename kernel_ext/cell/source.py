"""Lines of code as they are shown: where a character stands, and what points at it."""

from __future__ import annotations

import unicodedata

WIDEST = 110


def column_of(line: str, byte: int) -> int:
    """The character at a byte of a line: Python counts columns of code in bytes of UTF-8."""
    return len(line.encode()[:byte].decode(errors="ignore"))


def pointed(line: str, start: int, stop: int) -> list[str]:
    """A line and carets under its characters from `start` to `stop`; of a long line what is around them."""
    stop = max(stop, start + 1)
    left, right = 0, len(line)
    if right > WIDEST:
        left = max(0, min(start - 20, right - WIDEST))
        right = left + WIDEST
    before, after = "... " if left else "", " ..." if right < len(line) else ""
    indent = "".join("\t" if c == "\t" else " " * _cells(c) for c in line[left:start])
    carets = sum(_cells(c) for c in line[start : min(stop, right)]) or 1
    return [f"{before}{line[left:right]}{after}", " " * len(before) + indent + "^" * carets]


def _cells(character: str) -> int:
    """How many cells of a terminal a character takes."""
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
