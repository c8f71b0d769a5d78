"""What chains have drawn: rows as they are made, and the rows that several chains have together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from workbench.inference.values import Values
from workbench.samplers import STATS

Array = np.ndarray[Any, Any]
Slices = dict[str, tuple[slice, tuple[int, ...]]]

FLAGS, COUNTS = ("diverging", "reached_max_treedepth"), ("tree_depth", "n_steps", "index_in_trajectory")
TIMES = ("perf_counter_start", "perf_counter_diff", "process_time_diff")
"""Seconds of a draw, by PyMC's names. A chunk's are shared out to its draws by their leapfrogs."""


class Chain:
    """What one chain has made so far. Rows of warm-up come first."""

    def __init__(self, number: int, total: int, d: int, values: Values) -> None:
        self.number = number
        self.count = 0
        self.leapfrogs = 0
        self.state: list[Array] = []
        self.q = np.empty((total, d))
        self.stats = np.empty((total, len(STATS)))
        self.times = np.empty((total, len(TIMES)))
        self.values = [np.empty((total, *shape), dtype) for shape, dtype in zip(values.shapes, values.dtypes)]

    def add(self, q: Array, stats: Array, values: Sequence[Array], begun: float, seconds: float, cpu_seconds: float) -> None:
        """Append draws. `count` moves last, so that readers never see a row half written."""
        n = len(q)
        at = slice(self.count, self.count + n)
        self.q[at], self.stats[at] = q, stats
        for mine, new in zip(self.values, values):
            mine[at] = new
        steps = stats[:, STATS.index("n_steps")]
        share = steps / max(steps.sum(), 1.0)
        self.times[at, 0] = begun + seconds * (np.cumsum(share) - share)
        self.times[at, 1], self.times[at, 2] = seconds * share, cpu_seconds * share
        self.count += n


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
        self, chains: Sequence[Chain], first: int, last: int, tune: int, slices: Slices, names: Sequence[str]
    ) -> None:
        self.first, self.tune, self.slices, self.names = first, tune, slices, names
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
        """Return unconstrained draws by the name of their value."""
        if not self.chains:
            return {}
        q = self._rows("q")
        return {name: q[..., at].reshape((*q.shape[:2], *shape)) for name, (at, shape) in self.slices.items()}

    def stats(self) -> dict[str, Array]:
        """Return statistics by ArviZ's names, (chain, draw)."""
        if not self.chains:
            return {}
        table = self._rows("stats")
        found: dict[str, Array] = {}
        for i, name in enumerate(STATS):
            if name != "tuning":
                kind = bool if name in FLAGS else np.int64 if name in COUNTS else np.float64
                found[name] = table[:, :, i].astype(kind)
        after = np.arange(self.first, self.first + self.draws) >= self.tune
        found["divergences"] = np.cumsum(found["diverging"] & after, axis=1)
        times = self._rows("times")
        return found | {name: times[:, :, i] for i, name in enumerate(TIMES)}
