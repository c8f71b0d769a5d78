"""What each chain is like: in a sentence, where it is stuck, slow, or elsewhere than the others; and its energies, trees and steps."""

from __future__ import annotations

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


def diagnostic_columns(energy: Array | None, depth: Array | None, steps: Array | None) -> tuple[dict[str, Array], float | None]:
    """Return densities of a chain's energies and of their changes, counts of tree depths, the step size on its way; and its BFMI."""
    columns: dict[str, Array] = {}
    fraction = None
    if energy is not None and len(energy) > 4 and np.isfinite(energy).all():
        centred, change = energy - energy.mean(), np.diff(energy)
        reach = 4.0 * max(float(centred.std()), float(change.std())) or 1.0
        edges = np.linspace(-reach, reach, 41)
        columns = {"energy": np.histogram(centred, edges, density=True)[0], "change": np.histogram(change, edges, density=True)[0], "reach": np.array([reach])}
        fraction = bfmi(energy)
    if depth is not None and len(depth):
        columns["depth"] = np.bincount(np.clip(depth.astype(int), 0, 20)).astype(np.float64)
    if steps is not None and len(steps):
        columns["step"] = np.asarray(steps[:: max(1, len(steps) // 100)], np.float64)
    return columns, fraction


def bfmi(energy: Array) -> float | None:
    """Return the Bayesian fraction of missing information of a chain; Betancourt (2016), "Diagnosing suboptimal cotangent disintegrations"."""
    spread = float(np.var(energy, ddof=1))
    return float(np.mean(np.diff(energy) ** 2)) / spread if spread > 0.0 else None
