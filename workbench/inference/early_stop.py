"""Warm-up that ends when the chains agree, and not before.

Warm-up is planned to be short, and planned anew, longer, each time that the chains do not agree where its last part would begin, in which
the step size alone is adapted. When it is asked depends on numbers of draws alone, and all chains wait for each other there: so the
draws are the same whatever cores, chunks or pauses, and when a run is resumed.

Chains agree where R-hat of every unconstrained value over the later half of the draws so far, the larger of that of ranks and of folded
ranks (Vehtari et al. 2021), is small: they are at the same place, in the same spread, and none drifts. Draws after warm-up are made by a
kernel that no longer changes, as always, so that they keep the posterior wherever warm-up ends.

Measured (`benchmarks/early_stop.py`, medians of 5 seeds, four chains, 1,000 draws, ratio to a warm-up of 1,000): gradients of warm-up radon 0.36,
eight schools 0.35, kidiq 0.53, IRT 0.69, GARCH 0.39; least effective draws per gradient of sampling 0.91, 0.85, 0.75, 0.89, 0.81, for the mass
matrix is known less well; per gradient of both 1.20, 1.30, 1.15, 1.07, 1.27. So it is for short runs, and an option.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.errors import ArgumentError
from workbench.inference.diagnostics import rhat
from workbench.inference.origin import about
from workbench.samplers.warm_up import FINAL

if TYPE_CHECKING:
    from workbench.inference.run import Run

Array = np.ndarray[Any, Any]

SHORTEST, GROWTH = 300, 1.5
"""Draws of the first plan (directions of the mass matrix are found from the 200th draw on), and what each is longer by than the one before."""
MOST_RHAT = 1.05
"""Of some sixty draws of each half of each chain, R-hat of chains that agree is below."""


def plans(most: int) -> list[tuple[int, int]]:
    """Return lengths of warm-up that are planned, shorter than the longest, and after how many draws it is asked whether each is enough.

    Examples
    --------
    >>> plans(1000)
    [(300, 255), (450, 383), (675, 574)]
    """
    found, length = [], float(SHORTEST)
    while int(length) < most:
        found.append((int(length), math.ceil(FINAL * int(length))))
        length *= GROWTH
    return found


def stretches(run: Run) -> Iterator[float]:
    """Yield after how many draws all chains of a run are to stand next, and set how long its warm-up is planned, and is at last."""
    for length, asked in plans(run.longest_tune or 0):
        run.planned_tune = length
        yield asked
        if run.stopping.is_set():
            return
        if agree(run, asked):
            # Of a run that goes on warm-up may have been made longer since.
            if not run.shortened:
                end_warm_up(run, length)
            break
    else:
        run.planned_tune = run.longest_tune or run.tune


def agree(run: Run, draws: int) -> bool:
    """Return whether the chains of a run are at the same place in the later half of their first draws."""
    positions = [np.concatenate(c.position(draws // 2, draws), axis=1) for c in run.kept]
    x = np.stack(positions).astype(np.float64)
    # What never changes says nothing: all states of a discrete variable but one may be improbable.
    x = x[:, :, np.ptp(x, axis=(0, 1)) > 0.0]
    return bool(x.shape[2]) and bool(np.all(rhat(x) < MOST_RHAT))


def end_warm_up(run: Run, length: int) -> None:
    """Let the warm-up of a run be as long as that."""
    if run.tune != length:
        run.store.change_warmup(length, lambda: about(run))  # type: ignore[attr-defined]
    run.tune = length
    plan(run, length)


def plan(run: Run, length: int) -> None:
    """Let the chains of a run go by a warm-up as long as that from now on."""
    run.planned_tune = length
    for chain in run.kept:
        chain.tune = length


def check(run: Run) -> None:
    """Raise where warm-up cannot end early.

    Raises
    ------
    ArgumentError
        If a kernel must know beforehand how long it is, or the store keeps draws of warm-up whose number must be known.
    """
    fixed = [s.kernel.name for s in run.steps if s.kernel.plans_warm_up]
    if fixed:
        raise ArgumentError(f"stop_tuning_early: {', '.join(fixed)} plans its windows by the length of warm-up", "leave one of them out")
    if not hasattr(run.store, "change_warmup"):
        raise ArgumentError(f"stop_tuning_early: {run.store!r} must know how many draws of warm-up there are", "give trace a path, or leave one of them out")
