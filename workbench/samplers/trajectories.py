"""How a draw of NUTS is made: by a tree, or by some trajectories of one time. Decided once, in warm-up.

A tree holds its start at a place that chance chooses: of the leapfrogs that it pays for half are made for a way that is not gone. A trajectory of one
time, whose end is taken or refused (Duane, Kennedy, Pendleton and Roweth, 1987), goes all of its way. What time is right depends on the periods in
which values oscillate around their means, and with a mass matrix that leaves all of them about one period it is known: a third of a period, by
which values and their squares are both new. Where periods differ much, only trees find how far to go.

Which of the two it is, draws tell. In the later half of warm-up they are made by a tree and by trajectories in turn, and the correlation of each draw
with the one before it, which is measured for both, says how many gradients a new value costs. The decision is a chain's own and fixed before
the step size is adapted for the last time, so that draws keep the posterior. That a time can be learned in warm-up is from Wu, Stoehr and Robert,
"Faster Hamiltonian Monte Carlo by learning leapfrog scale" (2018).
"""

from __future__ import annotations

from typing import Any

import workbench.tensor as pt
from workbench.samplers.kernel import branch, unchanged
from workbench.samplers.mass_matrix import welford
from workbench.samplers.warm_up import FINAL
from workbench.tensor.tensor import Tensor, as_tensor

BEGIN = 0.5
"""Share of warm-up after which draws tell which way is better; they do until only the step size is adapted."""
FEWEST = 40.0
"""Draws of each kind that tell enough."""
TIME, SHORT = 2.2, 1.5
"""Time of a trajectory, where a period is about 2 pi; and a quarter of a period, which is enough where no value is slow."""
VARIED = 0.3
"""Share of its time by which a trajectory may be longer or shorter: else a value of just the wrong period would never move."""
SLOW, NEW = 0.4, 0.1
"""Correlation of successive draws by trees of a value that is slow; and below which all values overshoot, or are nearly new."""
CHEAP = 3
"""A tree that costs no more trajectories than this is of values with about one period."""
MARGIN = 1.35
"""Trajectories may be so much worse than trees by the correlation after one draw: it tells of means, and squares gain more."""
DIVERGING = 0.02
"""Share of trees that diverge, above which trajectories are made in any case: they come to narrow places, with finer steps."""
LEAST, MOST = 2, 16
"""Trajectories of a draw."""


def first_plan(q: Tensor) -> dict[str, Tensor]:
    """Return the fields of a state that say how its next draw is made, and what is known of draws made before, at a position (d,)."""
    zero, none, nothing = pt.zeros_like(q), as_tensor(0), as_tensor(0.0)
    return dict(
        time=nothing, trajectories=none, trajectory=none, length=none, finer=as_tensor(1.0), reached=nothing, worst_error=nothing,
        last_q=q, path_mean=zero, path_square=zero,
        trees_seen=nothing, trees_diverged=nothing, trees_leapfrogs=nothing, trees_jumps=zero, timed_seen=nothing, timed_leapfrogs=nothing, timed_jumps=zero,
    )  # fmt: skip


def leapfrogs_of(time: Tensor, u: Tensor, step: Tensor, most: Tensor) -> Tensor:
    """Return how many leapfrogs last about that time, varied by a uniform number."""
    varied = time * (1.0 + VARIED * (2.0 * u - 1.0))
    return pt.cast(pt.clip(pt.round(varied / step), 1.0, pt.cast(most, "float64")), "int64")


def update_plan(s: Any, tune: Tensor) -> Any:
    """Return a state of NUTS with its last draw counted and, in warm-up, how the next one is made."""
    draw, length = pt.cast(s.draw, "float64"), pt.cast(tune, "float64")
    begun, over = draw >= BEGIN * length, draw >= FINAL * length
    counts = pt.logical_and(begun, pt.logical_not(over))
    decides = pt.logical_and(over, draw - 1.0 < FINAL * length)

    s = branch(counts, _counted, unchanged, s)
    s = branch(decides, _decided, unchanged, s)
    return s._replace(last_q=s.proposal_q)


def _counted(s: Any) -> Any:
    """The state with a draw counted; the next is made the other way."""
    mean, square = welford(s.trees_seen + s.timed_seen + 1.0, s.path_mean, s.path_square, s.proposal_q)
    timed = s.trajectory > 0
    jumps, leapfrogs = pt.square(s.proposal_q - s.last_q), pt.cast(s.leapfrogs, "float64")
    by_time, by_tree = pt.where(timed, 1.0, 0.0), pt.where(timed, 0.0, 1.0)
    s = s._replace(
        path_mean=mean, path_square=square,
        trees_seen=s.trees_seen + by_tree, trees_diverged=s.trees_diverged + pt.where(s.diverging, by_tree, 0.0), trees_leapfrogs=s.trees_leapfrogs + by_tree * leapfrogs, trees_jumps=s.trees_jumps + by_tree * jumps,
        timed_seen=s.timed_seen + by_time, timed_leapfrogs=s.timed_leapfrogs + by_time * leapfrogs, timed_jumps=s.timed_jumps + by_time * jumps,
    )  # fmt: skip
    return s._replace(time=as_tensor(TIME), trajectories=pt.where(timed, 0, _count(s, TIME)))


def _count(s: Any, time: Any) -> Tensor:
    """How many trajectories of a time cost no more than trees did."""
    found = s.trees_leapfrogs / s.trees_seen * pt.exp(s.log_step) / time
    return pt.cast(pt.clip(pt.floor(found), float(LEAST), float(MOST)), "int64")


def _decided(s: Any) -> Any:
    """The state with how all draws are made from now on."""
    # Squared differences of successive draws have the mean 2 var (1 - correlation).
    spread = s.path_square / (s.trees_seen + s.timed_seen)
    by_trees = 1.0 - 0.5 * pt.min(s.trees_jumps / spread) / s.trees_seen
    by_time = 1.0 - 0.5 * pt.min(s.timed_jumps / spread) / s.timed_seen
    trees_cost, timed_cost = s.trees_leapfrogs / s.trees_seen, s.timed_leapfrogs / s.timed_seen
    known = pt.logical_and(s.trees_seen >= FEWEST, s.timed_seen >= FEWEST)

    count = _count(s, TIME)
    short = pt.logical_and(by_trees < SLOW, count <= CHEAP)
    better = MARGIN * (1.0 - by_time) * (1.0 + by_trees) * trees_cost > (1.0 - by_trees) * (1.0 + by_time) * timed_cost
    time = pt.where(short, SHORT, TIME)
    count = pt.where(pt.logical_and(short, by_trees < NEW), 1, count)
    narrow = s.trees_diverged > DIVERGING * s.trees_seen
    return s._replace(time=time, trajectories=pt.where(pt.logical_and(known, pt.logical_or(pt.logical_or(short, better), narrow)), count, 0))
