"""Whether shapes of parameters and draws go together, as far as their lengths are known."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.graph.lengths import Size, differ
from workbench.graph.types import Shape


def fits(batch: Shape, wanted: Sequence[Size | None]) -> bool:
    """Whether a shape broadcasts to another, as far as is known."""
    if len(batch) > len(wanted):
        return False
    pairs = zip(batch[::-1], wanted[::-1])
    return all(n == 1 or m is None or not differ(n, m) for n, m in pairs)


def alike(one: Sequence[Size | None], other: Sequence[Size | None]) -> bool:
    """Whether two shapes may be the same, as far as is known."""
    return len(one) == len(other) and all(n is None or m is None or not differ(n, m) for n, m in zip(one, other))
