"""What the draws say of every scalar element, in columns, and which to look at first: made a block of elements at a time."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from workbench.inference.diagnostics import ess_and_rhat, ess_tail

Array = np.ndarray[Any, Any]

STATISTICS = ("mean", "sd", "q5", "q95", "ess_bulk", "ess_tail", "rhat")
FINE, NOT_FINITE, CONSTANT, FEW = range(4)
"""What is to be said of an element: nothing, some draws are not finite, all draws are the same, there are too few draws."""
BLOCK = 2**17
"""Numbers that are worked on between looks at the clock."""
LEAST = 8
"""Draws a chain below which nothing is said."""


@dataclass(frozen=True)
class Draws:
    """Draws after warm-up, as many of each chain.

    Attributes
    ----------
    names
        Of the elements of all variables, in order.
    chains
        Numbers of the chains, or their labels.
    count
        Draws of each chain.
    variables
        Of each variable its draws, of each chain (count, size): arrays, or what slices like them.
    """

    names: Sequence[str]
    chains: Sequence[int | str]
    count: int
    variables: Sequence[Sequence[Any]]

    @classmethod
    def of_run(cls, run: Any, most: int | None = None) -> Draws:
        """The draws that chains of a run have together, of its first chains if so many are looked at `most`."""
        cut = run.cut()
        chains = cut.chains[:most]
        count = len(run.shapes)
        return cls(run.variable_names(), cut.numbers[:most], cut.draws if chains else 0,
                   [[_Flat(c, i, cut.first, cut.last) for c in chains] for i in range(count)])  # fmt: skip

    @classmethod
    def of_arrays(cls, names: Sequence[str], chains: Sequence[int | str], variables: Mapping[str, Array]) -> Draws:
        """Those of arrays, (chain, draw, *shape), by variable."""
        count = min((x.shape[1] for x in variables.values()), default=0)
        return cls(names, chains, count, [list(x.reshape(*x.shape[:2], -1)) for x in variables.values()])

    def read(self, first: int, last: int, step: int = 1) -> Array:
        """Return every `step`-th draw of the elements from `first` on, before `last`: (chains, draws, elements)."""
        found, at = [], 0
        for variable in self.variables:
            size = variable[0].shape[1] if len(variable) else 0
            a, b = max(first - at, 0), min(last - at, size)
            if a < b:
                found.append(np.stack([np.asarray(chain[::step, a:b], np.float64) for chain in variable]))
            at += size
        return np.concatenate(found, axis=2) if found else np.empty((len(self.chains), 0, 0))


class _Flat:
    """A chain's draws of one variable, with one axis of elements: read when they are asked for."""

    def __init__(self, chain: Any, number: int, first: int, last: int) -> None:
        self._chain, self._number, self._first, self._last = chain, number, first, last

    @property
    def shape(self) -> tuple[int, int]:
        return self._last - self._first, int(np.prod(self._chain.columns.all[self._number].shape, dtype=np.int64))

    def __getitem__(self, at: tuple[slice, slice]) -> Array:
        rows = self._chain.value(self._number, self._first, self._last)
        return np.asarray(rows.reshape(len(rows), -1)[at])


class ElementTable:
    """Mean, standard deviation, quantiles, effective sample sizes and R-hat of every element.

    Parameters
    ----------
    draws
        The draws.
    step
        Of how many draws one is taken.

    Attributes
    ----------
    columns
        By statistic, a number for each element: NaN where there is none, or not yet.
    means, sds
        Of each chain, (chains, elements).
    notes
        For each element what is to be said of it: `FINE`, `NOT_FINITE`, `CONSTANT` or `FEW`.
    done
        How many elements are done: the first.

    Examples
    --------
    >>> x = np.random.default_rng(0).normal(size=(4, 500, 3))
    >>> x[0, :, 2] += 1.0
    >>> table = ElementTable(Draws.of_arrays(["a[0]", "a[1]", "a[2]"], range(4), {"a": x}))
    >>> table.fill(), [table.names[i] for i in table.worst()[:1]]
    (True, ['a[2]'])
    """

    def __init__(self, draws: Draws, step: int = 1) -> None:
        self.draws, self.step, self.names = draws, step, draws.names
        self.columns = {name: np.full(len(draws.names), np.nan) for name in STATISTICS}
        self.notes = np.full(len(draws.names), FEW, np.uint8)
        self.means, self.sds = np.full((2, len(draws.chains), len(draws.names)), np.nan)
        self.done = self.tails_done = 0
        self.rows = -(-draws.count // step)
        if self.rows < LEAST or not len(draws.chains):
            self.done = self.tails_done = len(draws.names)

    @classmethod
    def within(cls, draws: Draws, numbers: float) -> ElementTable:
        """A table of all elements from so many numbers, by taking every second, third, ... draw of long runs."""
        whole = len(draws.names) * len(draws.chains) * draws.count
        most = max(1, draws.count // (2 * LEAST))
        return cls(draws, int(min(max(1, -(-whole // max(1.0, numbers))), most)))

    @property
    def complete(self) -> bool:
        """Whether all elements are done."""
        return self.done >= len(self.names)

    def fill(self, seconds: float = float("inf"), tails: bool = True) -> bool:
        """Go on for some seconds, or until all is done, with quantiles and tails if wanted; return whether it is."""
        end = time.perf_counter() + seconds
        for _ in self.blocks(tails):
            if time.perf_counter() > end:
                break
        return self.complete and (self.tails_done >= len(self.names) or not tails)

    def blocks(self, tails: bool = True) -> Iterator[None]:
        """Do what is left, a block of elements at a time."""
        size = max(1, BLOCK // max(1, len(self.draws.chains) * self.rows))
        while self.done < len(self.names):
            last = min(self.done + size, len(self.names))
            self._describe(self.done, last)
            self.done = last
            yield
        while tails and self.tails_done < len(self.names):
            last = min(self.tails_done + size, len(self.names))
            self._describe_tails(self.tails_done, last)
            self.tails_done = last
            yield

    def _describe(self, first: int, last: int) -> None:
        x = self.draws.read(first, last, self.step)
        at = slice(first, last)
        flat = x.reshape(-1, x.shape[2])
        finite = np.isfinite(flat).all(axis=0)
        self.notes[at] = np.where(~finite, NOT_FINITE, np.where((flat == flat[0]).all(axis=0), CONSTANT, FINE))
        with np.errstate(invalid="ignore", over="ignore"):
            self.means[:, at], self.sds[:, at] = x.mean(axis=1), x.std(axis=1, ddof=1)
            bulk, rhat = ess_and_rhat(x)
            found = {"mean": flat.mean(axis=0), "sd": flat.std(axis=0, ddof=1), "ess_bulk": bulk, "rhat": rhat}
        for name, values in found.items():
            self.columns[name][at] = values

    def _describe_tails(self, first: int, last: int) -> None:
        x = self.draws.read(first, last, self.step)
        at = slice(first, last)
        with np.errstate(invalid="ignore", over="ignore"):
            self.columns["q5"][at], self.columns["q95"][at] = np.quantile(x.reshape(-1, x.shape[2]), (0.05, 0.95), axis=0)
            self.columns["ess_tail"][at] = ess_tail(x)

    def worst(self) -> Array:
        """Return the places of elements, the worst first: draws that are not finite, then the largest R-hat; constants are last.

        Of equal R-hat the one of fewer effective draws comes first, and then the one that the model has first.
        """
        rhat, ess = self.columns["rhat"], self.columns["ess_bulk"]
        # A chain that stands still where others do not has no variance within, and an R-hat without bound.
        rank = np.select([self.notes == NOT_FINITE, self.notes == FINE], [0, 1], 2)
        return np.lexsort((np.arange(len(rhat)), np.where(np.isnan(ess), np.inf, ess), -np.where(np.isnan(rhat), np.inf, rhat), rank))

    def row(self, i: int) -> dict[str, Any]:
        """Return an element's statistics by name."""
        if i >= self.tails_done:
            self._describe_tails(i, i + 1)
        return {"name": self.names[i], "note": int(self.notes[i]), **{name: float(x[i]) for name, x in self.columns.items()}}
