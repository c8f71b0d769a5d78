"""The runs of models that began in this process: where the draws are that an inspector looks at."""

from __future__ import annotations

import weakref

import numpy as np

from workbench import Model
from workbench.inference.run import Run

_runs: list[weakref.ref[Run]] = []


def remember(run: Run) -> None:
    """Keep track of a run for as long as something else keeps it."""
    _runs[:] = [r for r in _runs if r() is not None] + [weakref.ref(run)]


def latest_run(model: Model) -> Run | None:
    """Return the last run of a model that has draws after warm-up; ``None`` without one."""
    for found in reversed(_runs):
        run = found()
        # A run has a copy of the model, of the same variables.
        given = None if run is None or run.model.taken_from is None else run.model.taken_from[0]
        if run is None or given is None or len(given.free_RVs) != len(model.free_RVs):
            continue
        if all(a is b for a, b in zip(given.free_RVs, model.free_RVs)) and draws_made(run):
            return run
    return None


def draws_made(run: Run) -> int:
    """Return how many draws after warm-up every chain has."""
    return max(0, min((c.count for c in run.kept), default=0) - run.tune)


def position(run: Run, chain: int, draw: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the two vectors of a posterior draw.

    Raises
    ------
    IndexError
        If there is no such draw.
    """
    if not (0 <= chain < len(run.kept) and 0 <= draw < draws_made(run)):
        raise IndexError(f"there is no draw {draw + 1} of chain {chain + 1}: the run has {draws_made(run)} draws of {len(run.kept)} chains")
    at = run.tune + draw
    q, z = run.kept[chain].position(at, at + 1)
    return q[0], z[0]
