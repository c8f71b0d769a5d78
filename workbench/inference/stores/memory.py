"""Draws in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from workbench.inference.stores.store import Array, Column, Contents, State


class MemoryRows:
    """The draws of one chain, in one array for each column.

    Examples
    --------
    >>> rows = MemoryRows([Column("posterior", "mu", "float64", (), ())], 10, [])
    >>> rows.append([np.array([1.0, 2.0])], [])
    >>> rows.count, rows.read(0, 1, 2).tolist()
    (2, [2.0])
    """

    def __init__(self, columns: Sequence[Column], total: int, state: State) -> None:
        self.count = 0
        self.state = state
        # Memory that is not written to is not taken.
        self.tables = [np.empty((total, *c.shape), c.dtype) for c in columns]

    def append(self, columns: Sequence[Array], state: State) -> None:
        """Add rows, and the state after them."""
        n = len(columns[0])
        for i, new in enumerate(columns):
            if self.count + n > len(self.tables[i]):
                self.tables[i] = self._longer(self.tables[i], self.count + n)
            self.tables[i][self.count : self.count + n] = new
        self.state = state
        self.count += n

    def _longer(self, table: Array, rows: int) -> Array:
        """A table for that many rows and more, where more are made than were foreseen. Views of the one before stay as they are."""
        longer = np.empty((max(rows, 2 * len(table)), *table.shape[1:]), table.dtype)
        longer[: self.count] = table[: self.count]
        return longer

    def read(self, column: int, start: int, stop: int) -> Array:
        """Return rows of a column: a view."""
        return self.tables[column][start : min(stop, self.count)]


class MemoryStore:
    """Draws in memory: they end with the program."""

    keeps_together = True

    def claim(self) -> None:
        """Nothing has to be made sure of."""

    def begin(self, contents: Contents, states: Sequence[State]) -> list[MemoryRows]:
        """Return the rows of each lane."""
        return [MemoryRows(contents.row_columns, contents.total, state) for state in states]

    def change_warmup(self, tune: int, about: Callable[[], Mapping[str, Any]]) -> None:
        """Nothing is kept apart."""

    def close(self, about: Mapping[str, Any]) -> None:
        """Nothing is left to write."""
