"""Sizes that code reads where it is entered, so that it is the same code for other data of the same structure."""

from __future__ import annotations

from collections.abc import Hashable

from workbench.compile.loop_ir import loops as L
from workbench.compile.loop_ir.storage import Storage
from workbench.graph.length_names import said
from workbench.graph.lengths import Size

LITERAL_LIMIT = 4
"""Smaller sizes are written into code, where loops over them are unrolled."""


def is_written(n: Size) -> bool:
    """Whether a size is written into code as a number."""
    return isinstance(n, int) and n <= LITERAL_LIMIT


class Sizes:
    """Names for the sizes of a program.

    Equal sizes have one name. A place in the arena has its own, whatever number it is: that two places are as far from the
    start as each other, or as something is long, is chance, and other for other lengths.
    """

    def __init__(self, storage: Storage) -> None:
        self.values: list[Size] = []
        self._storage = storage
        self._names: dict[Hashable, str] = {}
        self._said: list[str] = []

    def size(self, n: Size) -> str:
        """Return what code writes for a size: the number, or a name."""
        return str(n) if is_written(n) else self._name(n, n)

    def place(self, home: L.Buffer) -> str:
        """Return the name of where a buffer starts in the arena."""
        return self._name(home, self._storage.offset[home])

    def arena(self) -> str:
        """Return the name of the size of the arena."""
        return self._name("arena", self._storage.arena)

    def named(self) -> list[tuple[str, str]]:
        """Return names, in the order in which code finds sizes, and what is said of each."""
        return list(zip(self._names.values(), self._said))

    def _name(self, key: Hashable, n: Size) -> str:
        if key not in self._names:
            self._names[key] = f"n{len(self.values)}"
            self.values.append(n)
            self._said.append("" if isinstance(n, int) and not isinstance(key, int) else said(n))
        return self._names[key]
