"""Warm-up that goes on, for shorter steps, where trajectories diverge after it: the draws until then become draws of warm-up.

After 150, 300, 600 ... draws all chains wait for each other, and it is asked whether more than one in 1,000 of their trajectories diverge:
whether so many have that of such a share they would be an accident, one in twenty.
If so the step size is adapted anew, for the next of the acceptances that were given; mass matrix and position are kept. So what it costs is
the draws until then and not a run from its start, and no more of them than are made afterwards. When it is asked depends on numbers of draws
alone: a seed gives the same draws whatever cores, chunks or pauses.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from workbench.errors import ArgumentError
from workbench.inference.early_stop import end_warm_up
from workbench.inference.stores import MemoryStore
from workbench.samplers import NutsSettings
from workbench.samplers.warm_up import FINAL

if TYPE_CHECKING:
    from workbench.inference.run import Run

FIRST = 150
"""Draws after warm-up after which it is asked first; then after twice as many, and so on."""
RARE, ACCIDENT = 0.001, 0.05
"""Share of trajectories that diverge up to which draws are kept; and how probable what is more than that may be where there are no more."""
AGAIN = 100
"""Draws in which the step size is adapted again."""


class Shortened(NamedTuple):
    """That steps were made shorter.

    Attributes
    ----------
    draws
        How many draws of each chain there were after warm-up.
    divergences
        How many of their trajectories diverged.
    target
        The acceptance that is aimed at since.
    """

    draws: int
    divergences: int
    target: float


def checked(given: Any, target: float, tune: int) -> tuple[float, ...]:
    """Return acceptances to aim at in turn.

    Raises
    ------
    ArgumentError
        If they do not rise, from that which is aimed at first to below 1, or there is no warm-up.
    """
    found = tuple(given) if isinstance(given, (tuple, list)) else (given,)
    if not all(isinstance(x, (int, float)) for x in found) or not np.all(np.diff([target, *found, 1.0]) > 0.0):
        raise ArgumentError(f"shorter_steps must be acceptances that rise from target_accept={target:g} to below 1, got {given!r}", "for example shorter_steps=(0.95, 0.99)")
    if found and not tune:
        raise ArgumentError("shorter_steps adapts steps again, and tune=0 adapts none", "leave one of them out")
    return tuple(float(x) for x in found)


def check(run: Run) -> None:
    """Raise where steps cannot be made shorter.

    Raises
    ------
    ArgumentError
        If no variable is moved by NUTS, or draws are written where those of warm-up are apart.
    """
    if not any(isinstance(s.settings, NutsSettings) for s in run.steps):
        raise ArgumentError("shorter_steps is for this package's NUTS, which moves no variable here", "leave it out")
    if not isinstance(run.store, MemoryStore):
        raise ArgumentError("shorter_steps makes draws of warm-up of others, which trace has written already", "leave one of them out")


def room(run: Run) -> int:
    """Return how many draws a chain may have that become draws of warm-up."""
    return len(run.shorter_targets) * (run.draws_requested + AGAIN)


def stretches(run: Run) -> Iterator[float]:
    """Yield after how many draws all chains of a run are to stand next, and shorten its steps there if trajectories diverge."""
    for target in run.shorter_targets:
        draws = FIRST
        while True:
            yield run.tune + draws
            if run.stopping.is_set() or draws >= run.draws_requested:
                return
            found = divergences(run)
            if is_more(found, draws * run.chains):
                break
            draws *= 2
        adapt_again(run, target)
        run.shortened.append(Shortened(draws, found, target))


def is_more(diverged: int, trajectories: int) -> bool:
    """Whether so many of some trajectories diverged that it is more than the rare one.

    Examples
    --------
    >>> is_more(2, 600), is_more(3, 600), is_more(9, 6000), is_more(11, 6000)
    (False, True, False, True)
    """
    expected = RARE * trajectories
    fewer = sum(math.exp(k * math.log(expected) - expected - math.lgamma(k + 1)) for k in range(diverged))
    return 1.0 - fewer < ACCIDENT


def divergences(run: Run) -> int:
    """How many trajectories of a run diverged after warm-up."""
    stats = run.stats
    return int(stats["diverging"].sum()) if "diverging" in stats else 0


def adapt_again(run: Run, target: float) -> None:
    """Let warm-up go on from where the chains of a run stand, in which the step size alone is adapted, to another acceptance."""
    made = run.kept[0].count
    for chain in run.kept:
        chain.keep(run.linked.with_target(chain.state, target))  # type: ignore[union-attr]
    end_warm_up(run, min(made + AGAIN, int(made / FINAL)))
