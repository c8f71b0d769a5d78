"""A program with clocks, compiled: what each of its statements takes is in a table that its environment points to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from workbench.compile.loop_ir import loops as L
from workbench.compile.machine_code import Code

WITHOUT = "without what a clock takes"


@dataclass(frozen=True)
class Clocked:
    """Code with clocks, which takes the place of that without.

    Attributes
    ----------
    code
        The code. Its table has nanoseconds and the number of runs of each statement, one after the other.
    statements
        What has a clock: statements that have no others inside, in their order.
    """

    code: Code
    statements: Sequence[L.Statement]

    def __post_init__(self) -> None:
        # Code that has no statement has no clock, and is asked for where its table is all the same.
        self.code.clocks = np.zeros(2 * len(self.statements) + 1, np.int64)

    def reset(self) -> None:
        """Set all clocks to zero."""
        self._table()[:] = 0

    def read(self) -> list[tuple[float, int]]:
        """Return seconds, without those that a clock itself takes, and the number of runs of each statement.

        What takes hardly longer than nothing may be found to take a little less.
        """
        return [(int(spent) * 1e-9, int(times)) for spent, times in self._table().reshape(-1, 2)]

    def _table(self) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
        assert self.code.clocks is not None
        return self.code.clocks[: 2 * len(self.statements)]
