"""Pictures of calibration: differences of distribution functions with simultaneous bands, and rank histograms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.errors import ModelError
from workbench.inference import uniformity

if TYPE_CHECKING:
    from workbench.inference.calibration import Calibration

SHOWN = 8
"""Elements of a picture for which no names are given."""
MOST_BINS, LEAST_IN_BIN = 20, 10
INSIDE, OUTSIDE, BAND = "#1f5fa8", "#c0392b", "#d9e2ec"


def plot(found: Calibration, names: Any = None, level: float = 0.95) -> Any:
    """Return a figure with a row for each element; see :meth:`Calibration.plot`."""
    import matplotlib.pyplot as plt

    elements = _elements(found, names)
    figure, axes = plt.subplots(len(elements), 2, figsize=(9, 1.1 + 1.9 * len(elements)), squeeze=False, layout="constrained")
    for element, (left, right) in zip(elements, axes):
        ranks = found.column(element)
        _difference(left, ranks, found.draws, level)
        _histogram(right, ranks, found.draws, level)
        left.set_ylabel(element)
    axes[0, 0].set_title(f"ECDF of ranks less uniform, {100 * level:g} % band")
    axes[0, 1].set_title("ranks")
    for axis in axes[-1]:
        axis.set_xlabel("share of draws below the true value")
    return figure


def _elements(found: Calibration, names: Any) -> list[str]:
    if names is None:
        worst = {row["name"] for row in found.table()[:SHOWN]}
        return [e for those in found.elements.values() for e in those if e in worst]
    chosen: list[str] = []
    for name in [names] if isinstance(names, str) else names:
        chosen += found.elements.get(str(name), [str(name)])
    if not chosen:
        raise ModelError("names is empty: there is nothing to show")
    return chosen


def _difference(axis: Any, ranks: Any, most: int, level: float) -> None:
    n = len(ranks)
    x = np.arange(1, most + 1) / (most + 1)
    low, high = uniformity.band(n, most, level)
    counts = uniformity.counts_below(ranks, most)
    axis.fill_between(x, low / n - x, high / n - x, step="mid", color=BAND, linewidth=0)
    axis.axhline(0.0, color="grey", linewidth=0.6)
    outside = bool(((counts < low) | (counts > high)).any())
    axis.step(x, counts / n - x, where="mid", color=OUTSIDE if outside else INSIDE)
    axis.set_xlim(0, 1)


def _histogram(axis: Any, ranks: Any, most: int, level: float) -> None:
    n = len(ranks)
    possible = [b for b in range(1, MOST_BINS + 1) if (most + 1) % b == 0 and n / b >= LEAST_IN_BIN]
    bins = max(possible, default=1)
    edges = np.linspace(0, 1, bins + 1)
    # All bars at once, by Bonferroni's inequality.
    low, high = uniformity.interval(n, 1.0 / bins, 1.0 - (1.0 - level) / bins)
    axis.axhspan(low, high, color=BAND, linewidth=0)
    axis.axhline(n / bins, color="grey", linewidth=0.6)
    axis.hist((np.asarray(ranks) + 0.5) / (most + 1), bins=edges, color=INSIDE, edgecolor="white", linewidth=0.5)
    axis.set_xlim(0, 1)
