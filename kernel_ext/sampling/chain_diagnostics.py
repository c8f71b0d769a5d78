"""What each chain is like: in a sentence, where it is stuck, slow, or elsewhere than the others; and its energies, trees and steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from workbench.inference.element_table import FINE, ElementTable
from workbench.inference.run import Run

Array = np.ndarray[Any, Any]

RECENT = 200
STILL = 0.05
"""A chain that moves in a smaller share of its last draws is stuck."""
BEHIND = 0.5
"""A chain of fewer draws than this share of the most is slow."""
FAR = 3.0
"""Standard deviations within chains by which the mean of one is elsewhere, if the others are together."""


def said_of_chains(run: Run, table: ElementTable) -> list[str]:
    """Return what is to be said of each chain that is shown; mostly nothing."""
    chains = run.kept[: run.shown_chains]
    counts = [c.count for c in chains]
    away = elsewhere(table)
    words = []
    for _i, chain in enumerate(chains):
        said = []
        if chain.count > run.tune + 20:
            q, z = chain.position(max(run.tune, chain.count - RECENT), chain.count)
            rows = np.concatenate([q, z], axis=1)
            moved = (rows[1:] != rows[:-1]).any(axis=1).mean() if len(rows) > 1 else 1.0
            if moved < STILL:
                said.append(f"stuck: of its last {len(rows)} draws {moved:.0%} moved")
        if max(counts) > 200 and chain.count < BEHIND * max(counts):
            said.append(f"slow: {chain.count:,} draws where another has {max(counts):,}")
        if chain.number in away:
            said.append(away[chain.number])
        words.append("; ".join(said))
    return words


def elsewhere(table: ElementTable) -> dict[Any, str]:
    """Return chains that stay far from where all others are together: in another mode, or not arrived yet."""
    fine = np.flatnonzero(table.notes[: table.done] == FINE)
    if len(table.draws.chains) < 3 or not len(fine):
        return {}
    means, spread = table.means[:, fine], np.median(table.sds[:, fine], axis=0)
    found = {}
    with np.errstate(divide="ignore", invalid="ignore"):
        for i, number in enumerate(table.draws.chains):
            others = np.delete(means, i, axis=0)
            gap = np.abs(means[i] - others.mean(axis=0)) / spread
            together = np.ptp(others, axis=0) / spread
            far = np.where((gap > FAR) & (together < 1.0), gap, 0.0)
            if far.size and far.max() > 0.0:
                e = int(np.argmax(far))
                name = table.names[fine[e]]
                found[number] = f"elsewhere: its mean of {name} is {means[i, e]:.3g}, that of the others {others[:, e].mean():.3g}; another mode?"
    return found


def diagnostic_columns(stats: Callable[[str], Array | None], steps: Array | None = None) -> tuple[dict[str, Array], dict[str, Any]]:
    """Return of a chain what its figures are drawn of, and what is said of it.

    Parameters
    ----------
    stats
        Gives a statistic of the draws after warm-up by its name, if there is one.
    steps
        Step sizes from the beginning of warm-up.

    Returns
    -------
    dict, dict
        Densities of energies and of their changes, counts of draws that took 1 leapfrog, 2 or 3, 4 to 7, ..., the step size on its way. And the fraction
        of missing information, and whether most draws are made by trajectories of one time, which have no tree.
    """
    energy, leapfrogs, depth = (stats(name) for name in ("energy", "n_steps", "tree_depth"))
    columns: dict[str, Array] = {}
    fraction = None
    if energy is not None and len(energy) > 4 and np.isfinite(energy).all():
        centred, change = energy - energy.mean(), np.diff(energy)
        reach = 4.0 * max(float(centred.std()), float(change.std())) or 1.0
        edges = np.linspace(-reach, reach, 41)
        columns = {"energy": np.histogram(centred, edges, density=True)[0], "change": np.histogram(change, edges, density=True)[0], "reach": np.array([reach])}
        fraction = bfmi(energy)
    if leapfrogs is not None and len(leapfrogs):
        columns["leapfrogs"] = np.bincount(np.log2(np.maximum(leapfrogs, 1)).astype(int)).astype(np.float64)
    if steps is not None and len(steps):
        columns["step"] = np.asarray(steps[:: max(1, len(steps) // 100)], np.float64)
    timed = depth is not None and len(depth) > 0 and float(np.mean(depth == 0)) > 0.5
    return columns, {"bfmi": fraction, "timed": timed}


def bfmi(energy: Array) -> float | None:
    """Return the Bayesian fraction of missing information of a chain; Betancourt (2016), "Diagnosing suboptimal cotangent disintegrations"."""
    spread = float(np.var(energy, ddof=1))
    return float(np.mean(np.diff(energy) ** 2)) / spread if spread > 0.0 else None
