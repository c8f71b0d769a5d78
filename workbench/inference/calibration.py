"""What simulation-based calibration found: ranks, whether they are uniform, and what departs, in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from workbench.errors import ModelError
from workbench.inference import uniformity

Array = np.ndarray[Any, Any]

LEVEL = 0.95
"""Of bands; what leaves them by chance is 1 in 20 quantities."""
NAMED = 8


class Replicate(NamedTuple):
    """What one replicate gave."""

    ranks: dict[str, Array]
    """The rank of each simulated value among draws, by what it is of."""
    ess: float
    """The smallest effective number of the draws that were made."""
    divergences: int
    """How many trajectories diverged."""


@dataclass(frozen=True, eq=False)
class Calibration:
    """Ranks of true values among draws from their posteriors. Made by :func:`workbench.sbc`.

    Attributes
    ----------
    ranks
        By variable or quantity, (replicates, *shape): how many of the draws lie below the true value, 0 to `draws`.
    draws
        How many draws a value was ranked among.
    elements
        Names of the elements of each.
    numbers, asked
        Numbers of the replicates that are done, and how many were asked for.
    ess
        The fewest effective draws of each replicate: where they are fewer than `draws`, ranks are not quite independent of each other.
    divergences
        Trajectories of each replicate that diverged.
    failures
        What went wrong, by number of the replicate; they have no ranks.
    """

    ranks: Mapping[str, Array]
    draws: int
    elements: Mapping[str, list[str]]
    numbers: Array
    asked: int
    ess: Array
    divergences: Array
    failures: Mapping[int, str]

    @property
    def p_values(self) -> dict[str, Array]:
        """By variable or quantity, for each element: the probability that uniform ranks leave their expectation as far, anywhere."""
        found = {}
        for name, ranks in self.ranks.items():
            flat = ranks.reshape(len(ranks), -1)
            each = [uniformity.p_value(column, self.draws) for column in flat.T]
            found[name] = np.array(each).reshape(ranks.shape[1:])
        return found

    def band(self, level: float = LEVEL) -> tuple[Array, Array]:
        """Return the band of all elements: the least and the greatest number of ranks below 1, ..., `draws`, for all of these at once.

        Parameters
        ----------
        level
            The probability that uniform ranks keep inside.
        """
        return uniformity.band(len(self.numbers), self.draws, level)

    def column(self, element: str) -> Array:
        """Return the ranks of one element, (replicates,), by its name.

        Raises
        ------
        ModelError
            If there is none.
        """
        for name, names in self.elements.items():
            if element in names:
                return self.ranks[name].reshape(len(self.numbers), -1)[:, names.index(element)]
        raise ModelError(f"nothing was ranked that is called {element!r}", f"it is one of {', '.join(e for names in self.elements.values() for e in names)}")

    def table(self) -> list[dict[str, Any]]:
        """Return for each element its name, `p`, `adjusted` (for there being so many: Holm), and a `verdict`; the worst first."""
        flat = {e: float(p) for name, each in self.p_values.items() for e, p in zip(self.elements[name], each.ravel())}
        rows: list[dict[str, Any]] = []
        least = 0.0
        for k, (element, p) in enumerate(sorted(flat.items(), key=lambda pair: pair[1])):
            least = max(least, min(1.0, (len(flat) - k) * p))
            rows.append({"name": element, "p": p, "adjusted": least, "verdict": self._verdict(element, p, least)})
        return rows

    def _verdict(self, element: str, p: float, adjusted: float) -> str:
        if adjusted <= 1.0 - LEVEL:
            return uniformity.departure(self.column(element), self.draws)
        return "uniform" if p > 1.0 - LEVEL else "outside its band, as one of so many may be"

    @property
    def passed(self) -> bool:
        """Whether nothing speaks against the computation: with right posteriors that is so 19 times of 20, however many elements there are."""
        return not any(row["adjusted"] <= 1.0 - LEVEL for row in self.table())

    def __str__(self) -> str:
        n = len(self.numbers)
        of = f"{n} replicates" if n == self.asked else f"{n} of {self.asked} replicates"
        rows = self.table()
        wrong = [row for row in rows if row["adjusted"] <= 1.0 - LEVEL]
        head = f"SBC of {of}, ranks among {self.draws} draws: "
        if wrong:
            lines = [f"{head}the ranks of {len(wrong)} of {len(rows)} quantities are not uniform"]
            lines += [f"  {row['name']}: {row['verdict']} ({_said(row['adjusted'])})" for row in wrong[:NAMED]]
            lines += [f"  and {len(wrong) - NAMED} more: .table() has all"] if len(wrong) > NAMED else []
        else:
            about = ", ".join(self.ranks) if len(self.ranks) <= NAMED else f"{len(rows)} quantities"
            lines = [f"{head}nothing speaks against the computation of {about}"]
        return "\n".join([*lines, *(f"  {text}" for text in self._notes())])

    def _notes(self) -> list[str]:
        """What a reader should know beside the verdicts."""
        notes = []
        if few := int((self.ess < self.draws).sum()):
            notes.append(f"{few} replicates have fewer effective draws than the {self.draws} that values are ranked among: give more draws, or fewer ranked")
        if diverged := int((self.divergences > 0).sum()):
            notes.append(f"trajectories diverged in {diverged} replicates")
        if self.failures:
            number, said = next(iter(self.failures.items()))
            notes.append(f"{len(self.failures)} replicates failed and are left out, which may bias ranks; number {number}: {said}")
        return notes

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {len(self.numbers)} replicates, {'passed' if self.passed else 'not passed'}>"

    def plot(self, names: Any = None, level: float = LEVEL) -> Any:
        """Draw, for each element, how the distribution of its ranks differs from that of uniform ones, with its band, and its ranks' histogram.

        Parameters
        ----------
        names
            Elements or variables to show; by default the few whose ranks are least uniform.
        level
            Of the bands.

        Returns
        -------
        matplotlib.figure.Figure
        """
        from workbench.inference.calibration_plot import plot

        return plot(self, names, level)


def _said(p: float) -> str:
    # It is one less a probability near one.
    return f"p = {p:.2g}" if p > 1e-10 else "p < 1e-10"
