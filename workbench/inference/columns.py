"""What every draw of a run has, as columns of a store: variables, positions, statistics, times."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from workbench.inference.external.sampler import External
from workbench.inference.layout import Layout
from workbench.inference.linked import LinkedSampler, statistics_by_name
from workbench.inference.linked_ensemble import LinkedEnsemble
from workbench.inference.stores import Column, Contents

Array = np.ndarray[Any, Any]

TIMES = ("perf_counter_start", "perf_counter_diff", "process_time_diff")
"""Seconds of a draw, by PyMC's names. A chunk's are shared out to its draws by their ticks."""


class Columns:
    """Where the parts of a draw are among the columns of a store.

    Parameters
    ----------
    linked
        The model and the sampler.
    layout
        Dims and labels of results.

    Attributes
    ----------
    all
        The columns: the model's variables first.
    stats
        Where each statistic is, by name; those that several kernels have are an axis more.
    """

    def __init__(self, linked: LinkedSampler | External | LinkedEnsemble, layout: Layout) -> None:
        self.layout, self.places, self._columns = layout, linked.places, linked.columns
        values = linked.values
        self.all = [
            Column("posterior", name, dtype, shape, tuple(layout.dims_of(name, len(shape))))
            for name, shape, dtype in zip(values.names, values.shapes, values.dtypes)
        ]
        self._vectors: dict[str, int] = {}
        for name, size, dtype in zip("qz", self.places.sizes, ("float64", "int64")):
            if size:
                self._vectors[name] = len(self.all)
                self.all.append(Column("unconstrained_posterior", name, dtype, (size,), (f"{name}_dim_0",)))
        self.stats: dict[str, int] = {}
        example = {**statistics_by_name(linked.columns, np.empty((0, len(linked.columns)))), **dict.fromkeys(TIMES, np.empty(0))}
        for name, x in example.items():
            self._add_stat(name, x.dtype.name, x.shape[1:])
            if name == "diverging":
                self._add_stat("divergences", "int64", ())

    def _add_stat(self, name: str, dtype: str, shape: tuple[int, ...]) -> None:
        self.stats[name] = len(self.all)
        self.all.append(Column("sample_stats", name, dtype, shape, tuple(f"{name}_dim_{i}" for i in range(len(shape)))))

    def vector(self, name: str, read: Callable[[int], Array], rows: int) -> Array:
        """Return rows of a position's vector ``"q"`` or ``"z"``, which may be empty."""
        at = self._vectors.get(name)
        return np.empty((rows, 0), np.float64 if name == "q" else np.int64) if at is None else read(at)

    def of(self, q: Array, z: Array, stats: Array, values: Sequence[Array], times: Array, divergences: Any, tuning: Array) -> list[Array]:
        """Return draws as columns, of one chain (n, ...), or of several (n, chains, ...).

        Parameters
        ----------
        q, z, stats, values
            What the sampler made, and the model's variables of it.
        times
            As in `TIMES`, (n, 3) or (n, chains, 3).
        divergences
            How many there were before.
        tuning
            Whether each draw belongs to warm-up, whose divergences do not count.
        """
        found = [*values, *({"q": q, "z": z}[name] for name in self._vectors)]
        named = statistics_by_name(self._columns, stats)
        for name, x in named.items():
            found.append(x)
            if name == "diverging":
                lead = q.shape[:-1]
                bad = x.any(axis=tuple(range(len(lead), x.ndim))) & ~tuning.reshape(-1, *(1 for _ in lead[1:]))
                found.append(divergences + np.cumsum(bad, axis=0))
        return [*found, *np.moveaxis(times, -1, 0)]

    def contents(
        self, chains: int, tune: int, draws: int, data: Mapping[str, Mapping[str, Array]], about: Callable[[], Mapping[str, Any]],
        tuning_steps: int | None = None, together: bool = False,
    ) -> Contents:  # fmt: skip
        """Return what a run will write, beside its draws `data`, arrays by group and name."""
        placed = {
            group: {name: (self.layout.dims_of(name, np.ndim(x)), np.asarray(x)) for name, x in members.items()}
            for group, members in data.items() if members
        }  # fmt: skip
        lengths: dict[str, dict[str, int]] = {}
        for c in self.all:
            lengths.setdefault(c.group, {}).update(zip(c.dims, c.shape))
        for group, members in placed.items():
            lengths[group] = {d: n for dims, x in members.values() for d, n in zip(dims, x.shape)}
        labels = {
            group: {d: np.asarray(self.layout.labels[d]) if d in self.layout.labels else np.arange(n) for d, n in own.items()} for group, own in lengths.items()
        }
        for name, places in zip("qz", self.places):
            if name in self._vectors:
                labels["unconstrained_posterior"][f"{name}_dim_0"] = np.array(
                    [f"{value}[{', '.join(map(str, i))}]" if shape else value for value, (_, shape) in places.items() for i in np.ndindex(*shape)]
                )
        return Contents(self.all, chains, tune, draws, labels, placed, about, tuning_steps, together)
