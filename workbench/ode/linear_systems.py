"""Systems with one matrix and several right-hand sides, one after another: of a few scalars, or of a vector."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import workbench.tensor as pt

State = list[Any]


class Factors:
    """LU factors of ``scaled I - rows``, in scalars: straight code, with the largest pivot of each column.

    Parameters
    ----------
    rows
        Elements of a square matrix.
    scaled
        What is on the diagonal.
    """

    def __init__(self, rows: Sequence[Sequence[Any]], scaled: Any) -> None:
        n = len(rows)
        a = [[scaled - x if i == j else -x for j, x in enumerate(row)] for i, row in enumerate(rows)]
        self.swaps: list[list[Any]] = []
        self.factors: list[list[Any]] = []
        for k in range(n):
            swaps = []
            for i in range(k + 1, n):
                test = pt.abs(a[i][k]) > pt.abs(a[k][k])
                swaps.append(test)
                for j in range(k, n):
                    a[k][j], a[i][j] = pt.where(test, a[i][j], a[k][j]), pt.where(test, a[k][j], a[i][j])
            factors = []
            for i in range(k + 1, n):
                factor = a[i][k] / a[k][k]
                factors.append(factor)
                for j in range(k + 1, n):
                    a[i][j] = a[i][j] - factor * a[k][j]
            self.swaps.append(swaps)
            self.factors.append(factors)
        self.upper = a

    def solve(self, right: Sequence[Any]) -> State:
        """Return the solution for a right-hand side."""
        n, x = len(self.upper), list(right)
        for k in range(n):
            for i, test in enumerate(self.swaps[k], k + 1):
                x[k], x[i] = pt.where(test, x[i], x[k]), pt.where(test, x[k], x[i])
            for i, factor in enumerate(self.factors[k], k + 1):
                x[i] = x[i] - factor * x[k]
        for k in range(n - 1, -1, -1):
            for j in range(k + 1, n):
                x[k] = x[k] - self.upper[k][j] * x[j]
            x[k] = x[k] / self.upper[k][k]
        return x


class System:
    """The matrix ``scaled I - matrix``."""

    def __init__(self, matrix: Any, scaled: Any) -> None:
        self.matrix = scaled * pt.eye(matrix.shape[0]) - matrix

    def solve(self, right: Sequence[Any]) -> State:
        """Return the solution for a right-hand side."""
        return [pt.linalg.solve(self.matrix, right[0])]
