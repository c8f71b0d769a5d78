"""Runs of single elements in a copy: many moves from one array, or table of arguments, to another are one loop in code.

A model of a thousand named variables has a thousand results of one element each; a stack of a thousand inputs has as many parts.
Written out they are thousands of lines, of which compilers take seconds; as a loop over a table of numbers they are three.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from workbench.compile.loop_ir import loops as L

LEAST = 8
"""So many moves are a loop."""

Place = tuple[str, str]
"""An array, or a table of arrays, and the dtype of its elements."""
Spot = tuple[Place, int]
"""Where an element is: in what, and its number there."""
Pair = tuple[L.Buffer, "L.Buffer | L.Literal"]


@dataclass
class Run:
    """Moves from elements `of` a source to elements `to` of a target."""

    target: Place
    source: Place
    to: list[int] = field(default_factory=list)
    of: list[int] = field(default_factory=list)


def in_runs(pairs: Sequence[Pair], spot: Callable[[L.Buffer | L.Literal], Spot | None]) -> tuple[list[Pair], list[Run]]:
    """Return the moves of a copy that are made one by one, and the runs of the others.

    What a run reads is not written by the copy, so that runs may come first.
    """
    if len(pairs) < LEAST:
        return list(pairs), []
    spots = [(spot(a), spot(b)) for a, b in pairs]
    written = {to[0] for to, _ in spots if to is not None and to[0][0] != "io"}
    found: dict[tuple[Place, Place], list[int]] = {}
    for k, (to, of) in enumerate(spots):
        if to is not None and of is not None and to[0][1] == of[0][1] and of[0] not in written:
            found.setdefault((to[0], of[0]), []).append(k)
    # An array that is moved as a whole has another name for its home; what shares it is moved one by one.
    found = {places: numbers for places, numbers in found.items() if len(numbers) >= LEAST}
    taken = {k for numbers in found.values() for k in numbers}
    alone = [pair for k, pair in enumerate(pairs) if k not in taken]
    if any(to is None and a.size != 1 for (to, _), (a, _) in zip(spots, pairs)):
        return list(pairs), []
    runs = [Run(*places, *([spots[k][side][1] for k in numbers] for side in (0, 1))) for places, numbers in found.items()]  # type: ignore[index]
    return alone, runs
