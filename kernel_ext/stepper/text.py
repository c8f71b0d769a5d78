"""Formulas, and what differs between two texts: by words within a formula, by lines between stages of code."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence

from workbench.distributions import Draw
from workbench.graph import Expr, formula, summary

SHORT, LONG = 240, 900
"""Characters of a formula in a step, and of a whole graph's."""

_WORD = re.compile(r"[^\W\d]\w*|\d+(?:\.\d*)?(?:e[+-]?\d+)?|\*\*|//|<=|>=|==|\s+|.", re.UNICODE | re.IGNORECASE)
_NAME = re.compile(r"[^\W\d]\w*", re.UNICODE)

Marked = list[tuple[str, bool]]
"""A text in pieces, each with whether it differs from the other text."""


def written(expr: Expr, limit: int = SHORT) -> str:
    """Return an expression as a person writes it."""
    return formula(expr, limit)


def both(before: Expr, after: Expr, limit: int = SHORT) -> tuple[str, str]:
    """Return two sides of a step: exactly as they are computed, where a person would write them alike."""
    texts = formula(before, limit), formula(after, limit)
    if texts[0] == texts[1]:
        texts = summary(before, limit), summary(after, limit)
    drawn = isinstance(before.op, Draw) and before.name
    return (f"{before.name} ~ {texts[0]}", texts[1]) if drawn else texts


def called(expr: Expr, limit: int = 80) -> str:
    """Return an expression's name, else its formula."""
    return expr.name or formula(expr, limit)


def marked(before: str, after: str) -> tuple[Marked, Marked]:
    """Return two formulas in pieces: those that are in both, and those that are not.

    Examples
    --------
    >>> marked("x ** 2.0 + y", "square(x) + y")
    ([('x', False), (' ** 2.0', True), (' + y', False)], [('square(', True), ('x', False), (')', True), (' + y', False)])
    """
    a, b = _WORD.findall(before), _WORD.findall(after)
    left: Marked = []
    right: Marked = []
    for tag, i, j, k, m in difflib.SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
        # Brackets and signs alone are alike everywhere.
        same = tag == "equal" and (j - i > 3 or any(_NAME.match(word) for word in a[i:j]))
        for into, words in ((left, a[i:j]), (right, b[k:m])):
            if words and into and into[-1][1] is not same:
                into[-1] = into[-1][0] + "".join(words), not same
            elif words:
                into.append(("".join(words), not same))
    return left, right


def lines_apart(before: str, after: str, context: int = 3) -> list[tuple[str, str]]:
    """Return the lines of two texts, each with ``" "``, ``"-"`` or ``"+"``; long parts that are the same as one line ``"@"``."""
    a, b = before.splitlines(), after.splitlines()
    found: list[tuple[str, str]] = []
    groups = difflib.SequenceMatcher(None, a, b, autojunk=False).get_opcodes()
    for n, (tag, i, j, k, m) in enumerate(groups):
        if tag != "equal":
            found += [("-", line) for line in a[i:j]] + [("+", line) for line in b[k:m]]
            continue
        same = a[i:j]
        first, last = (0 if n == 0 else context), (0 if n == len(groups) - 1 else context)
        if len(same) <= first + last + 1:
            found += [(" ", line) for line in same]
        else:
            found += [(" ", line) for line in same[:first]]
            found.append(("@", f"{len(same) - first - last} lines are the same"))
            found += [(" ", line) for line in same[len(same) - last :]]
    return found


def joined(roots: Sequence[Expr], limit: int = LONG, most: int = 12) -> str:
    """Return the formulas of a graph's results, a line each, of many those of the first."""
    lines = [f"{r.name} = {written(r, limit)}" if r.name else written(r, limit) for r in roots[:most]]
    return "\n".join([*lines, *([f"… and {len(roots) - most} more"] if len(roots) > most > 1 else [])])
