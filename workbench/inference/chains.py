"""What chains have drawn: rows as they are made, and the rows that several chains have together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from workbench.inference.external.sampler import External
from workbench.inference.linked import LinkedSampler, statistics_by_name
from workbench.model.position import Places

Array = np.ndarray[Any, Any]

TIMES = ("perf_counter_start", "perf_counter_diff", "process_time_diff")
"""Seconds of a draw, by PyMC's names. A chunk's are shared out to its draws by their ticks."""


class Chain:
    """What one chain has made so far. Rows of warm-up come first.

    Attributes
    ----------
    q, z
        Positions: continuous values (n, d), discrete ones (n, k).
    stats
        Statistics (n, number of columns), and in the last column the ticks of a draw.
    values
        Draws of the model's variables, (n, *shape) each.
    """

    def __init__(self, number: int, total: int, linked: LinkedSampler | External) -> None:
        self.number = number
        self.count = 0
        self.state: list[Array] = []
        self.columns = linked.columns
        d, k = linked.places.sizes
        self.q, self.z = np.empty((total, d)), np.empty((total, k), np.int64)
        self.stats = np.empty((total, len(linked.columns) + 1))
        self.times = np.empty((total, len(TIMES)))
        values = linked.values
        self.values = [np.empty((total, *shape), dtype) for shape, dtype in zip(values.shapes, values.dtypes)]

    def add(self, q: Array, z: Array, stats: Array, values: Sequence[Array], begun: float, seconds: float, cpu_seconds: float) -> None:
        """Append draws. `count` moves last, so that readers never see a row half written."""
        n = len(q)
        at = slice(self.count, self.count + n)
        self.q[at], self.z[at], self.stats[at] = q, z, stats
        for mine, new in zip(self.values, values):
            mine[at] = new
        share = stats[:, -1] / max(stats[:, -1].sum(), 1.0)
        self.times[at, 0] = begun + seconds * (np.cumsum(share) - share)
        self.times[at, 1], self.times[at, 2] = seconds * share, cpu_seconds * share
        self.count += n

    def stat(self, name: str, start: int = 0) -> Array | None:
        """Return a statistic of the draws from `start` on, the first of that name; ``None`` if there is none."""
        at = next((i for i, (n, _) in enumerate(self.columns) if n == name), None)
        return None if at is None else self.stats[start : self.count, at]


class Cut:
    """The rows from `first` on, before `last`, of as many chains as have most of them together.

    A chain that was stopped early is left out where that keeps more draws than it costs.

    Attributes
    ----------
    chains, numbers
        The chains, and their numbers.
    draws
        How many rows each of them has.
    left_out
        How many rows each chain that is left out has, by its number.
    """

    def __init__(
        self, chains: Sequence[Chain], first: int, last: int, tune: int, places: Places, names: Sequence[str]
    ) -> None:
        self.first, self.tune, self.places, self.names = first, tune, places, names
        counts = [max(0, min(c.count, last) - first) for c in chains]
        self.draws = max(sorted(counts), key=lambda n: n * sum(k >= n for k in counts), default=0)
        self.chains = [c for c, k in zip(chains, counts) if self.draws and k >= self.draws]
        self.numbers = [c.number for c in self.chains]
        self.left_out = {c.number: k for c, k in zip(chains, counts) if k and c.number not in self.numbers}

    def _rows(self, table: str) -> Array:
        return np.stack([getattr(c, table)[self.first : self.first + self.draws] for c in self.chains])

    def values(self) -> dict[str, Array]:
        """Return draws by variable, (chain, draw, *shape)."""
        if not self.chains:
            return {}
        rows = slice(self.first, self.first + self.draws)
        return {name: np.stack([c.values[i][rows] for c in self.chains]) for i, name in enumerate(self.names)}

    def unconstrained(self) -> dict[str, Array]:
        """Return draws of the values, unconstrained ones of continuous variables, by name."""
        if not self.chains:
            return {}
        return self.places.point(self._rows("q"), self._rows("z"))

    def stats(self) -> dict[str, Array]:
        """Return statistics by ArviZ's names, (chain, draw)."""
        if not self.chains:
            return {}
        found = dict(statistics_by_name(self.chains[0].columns, self._rows("stats")))
        if "diverging" in found:
            after = np.arange(self.first, self.first + self.draws) >= self.tune
            found["divergences"] = np.cumsum(found["diverging"] & after, axis=1)
        times = self._rows("times")
        return found | {name: times[:, :, i] for i, name in enumerate(TIMES)}
