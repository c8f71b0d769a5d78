"""Warm-up that goes on, for shorter steps, where trajectories diverge after it: the draws until then become draws of warm-up.

After 150, 300, 600 ... draws all chains wait for each other, and it is asked whether more than one in 1,000 of their trajectories diverge:
whether so many have that of such a share they would be an accident, one in twenty.
If so the step size is adapted anew, for the next of the acceptances that were given; mass matrix and position are kept. So what it costs is
the draws until then and not a run from its start, and no more of them than are made afterwards. When it is asked depends on numbers of draws
alone: a seed gives the same draws whatever cores, chunks or pauses, and when a run is resumed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from workbench.errors import ArgumentError
from workbench.inference.early_stop import end_warm_up, plan
from workbench.samplers import Nuts
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
    tune
        Draws of warm-up that there were before these.
    """

    draws: int
    divergences: int
    target: float
    tune: int

    @property
    def longer(self) -> int:
        """Draws of warm-up that there are since: nothing but the step size is adapted in the last."""
        made = self.tune + self.draws
        return min(made + AGAIN, int(made / FINAL))


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
        If no variable is moved by NUTS, or the store keeps draws of warm-up whose number must be known.
    """
    if not any(issubclass(s.kernel, Nuts) for s in run.steps):
        raise ArgumentError("shorter_steps is for this package's NUTS, which moves no variable here", "leave it out")
    if not hasattr(run.store, "change_warmup"):
        raise ArgumentError(f"shorter_steps: {run.store!r} must know how many draws of warm-up there are", "give trace a path, or leave one of them out")


def stretches(run: Run) -> Iterator[float]:
    """Yield after how many draws all chains of a run are to stand next, and shorten its steps there if trajectories diverge."""
    for known in tuple(run.shortened):
        # Of a run that goes on: a chain may be before that place, if its later states were lost.
        plan(run, known.tune)
        yield known.tune + known.draws
        if run.stopping.is_set():
            return
        adapt_again(run, known)
    for target in run.shorter_targets[len(run.shortened) :]:
        draws = FIRST
        while True:
            yield run.tune + draws
            if run.stopping.is_set() or draws >= run.draws_requested:
                return
            found = divergences(run, draws)
            if is_more(found, draws * run.chains):
                break
            draws *= 2
        new = Shortened(draws, found, target, run.tune)
        run.shortened.append(new)
        adapt_again(run, new)


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


def divergences(run: Run, draws: int) -> int:
    """How many trajectories diverged of the first draws after warm-up."""
    return sum(int(c.rows.read(c.columns.stats["diverging"], run.tune, run.tune + draws).sum()) for c in run.kept)


def adapt_again(run: Run, new: Shortened) -> None:
    """Let warm-up go on, in which the step size alone is adapted, to another acceptance, in the chains that are where it begins.

    What a store has says first that warm-up is longer: of a run that ends in between chains are found to be at the place, and begin.
    """
    if run.tune < new.longer:
        end_warm_up(run, new.longer)
    plan(run, new.longer)
    for chain in run.kept:
        if chain.count == new.tune + new.draws:
            chain.keep(run.linked.with_target(chain.state, new.target))  # type: ignore[union-attr]
