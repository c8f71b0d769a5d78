"""Data that a function replaces at each call: their arrays are arguments of its code, and for each two arrays take turns.

A step of training replaces all parameters. Code that wrote over them would leave half a step behind where it fails, and change
what another thread is reading. So new values are written beside the old ones, into the array that held the values before: nothing
is copied, and nothing is allocated after the first call. An array that somebody else has kept (a function that is bound to it,
`get_value(borrow=True)`) is left to them.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

_references: Any = getattr(sys, "getrefcount", None)
"""Counts who holds an object, where Python does."""


class States:
    """Data that a function updates.

    Parameters
    ----------
    data
        The data, of known lengths.
    reuses
        Whether the code writes into arrays that it is given.
    """

    def __init__(self, data: Sequence[Any], reuses: bool) -> None:
        self.data, self.reuses = data, reuses
        self._rooms: list[Any] = [None] * len(data)

    def __len__(self) -> int:
        return len(self.data)

    def values(self) -> list[Any]:
        """Return what the data hold now: arrays, or what stays on a device."""
        return [x.op.value if self.reuses else x.op.cell[0] for x in self.data]

    def rooms(self) -> dict[str, list[Any]]:
        """Return arrays for the new values, for code that is given them."""
        if not self.reuses or not self.data:
            return {}
        for i, x in enumerate(self.data):
            if self._rooms[i] is None:
                self._rooms[i] = np.empty(x.type.shape, x.type.dtype)
        return {"rooms": self._rooms}

    def take(self, news: Sequence[Any]) -> None:
        """Let the data hold new values, which nobody else has."""
        for i, (x, new) in enumerate(zip(self.data, news)):
            old = _exchange(x.op.cell, new)
            self._rooms[i] = old if self.reuses and _references and _references(old) == ALONE else None


def _exchange(cell: list[Any], new: Any) -> Any:
    old, cell[0] = cell[0], new
    return old


def _count_alone() -> int:
    # What is counted beside holders differs from one Python to the next.
    old = _exchange([np.empty(0)], None)
    return int(_references(old)) if _references else 0


ALONE = _count_alone()
"""The count of an object that only the one who asks has."""
