"""What a callback of `sample` is told of each draw."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from workbench.inference.chains import Chain
from workbench.inference.linked import statistics_by_name

if TYPE_CHECKING:
    from workbench.inference.run import Run

Array = np.ndarray[Any, Any]


class Draw(NamedTuple):
    """What a callback is told of a draw, by PyMC's names."""

    chain: int
    """Number of the chain."""
    is_last: bool
    """Whether it is the chain's last draw."""
    draw_idx: int
    """Number of the draw, those of warm-up included."""
    tuning: bool
    """Whether it belongs to warm-up."""
    stats: list[dict[str, Any]]
    """Its statistics by name, of each kernel."""
    point: dict[str, Array]
    """Values by variable, and unconstrained ones by the name of the value."""


Callback = Callable[["Run", Draw], Any]


def last_draws(run: Run, chain: Chain, q: Array, z: Array, stats: Array, values: Sequence[Array], i: int) -> Draw:
    """Return what is told of draw `i` of the last ones of a chain."""
    point = {**run.places.point(q[i], z[i]), **{name: v[i] for name, v in zip(list(run.shapes), values)}}
    at = chain.count - len(q) + i
    return Draw(chain.number, at + 1 == run.total, at, at < run.tune, _stats_of(run, stats[i]), point)


def _stats_of(run: Run, row: Array) -> list[dict[str, Any]]:
    """The statistics of a draw, those of each kernel by name."""
    found, at = [], 0
    for n in run.linked.parts:
        stats = statistics_by_name(run.linked.columns[at : at + n], row[at : at + n])
        found.append({name: x.item() for name, x in stats.items()})
        at += n
    return found
