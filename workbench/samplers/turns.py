"""How far trajectories go: until they turn back, or less far. Decided once, in warm-up.

A trajectory that goes on until it turns back lasts half a period of a value that oscillates around its mean. Where the mass matrix leaves all
values about one period, draws are then on the other side of the mean, and about as far from it as before: means are known very well, but what is
even about the mean (variances, tails) hardly changes. A quarter of a period, after which the velocities at the ends are orthogonal, draws both
anew, for half the gradients. A value that is slower than most would take steps half as long there, and need four times as many.

Which of the two it is, draws tell that are made by trajectories that turn back. The largest correlation of successive draws is negative where all
values overshoot: a quarter of a period is enough. Where it is a little above zero, trajectories go further, to a negative product of velocities in
proportion to it; and where it is more, they turn back. The limit is a chain's own, fixed after warm-up and the same for every subtree, so
draws keep the posterior.
"""

from __future__ import annotations

from typing import Any

import workbench.tensor as pt
from workbench.samplers.kernel import branch, unchanged
from workbench.samplers.mass_matrix import welford
from workbench.samplers.warm_up import FINAL
from workbench.tensor.tensor import Tensor, as_tensor

BEGIN = 0.5
"""Share of warm-up after which draws tell how far trajectories go; they do until only the step size is adapted."""
FEWEST = 40.0
"""Draws that tell enough."""
SLOW = 0.1
"""Correlation of successive draws of a value that is slow."""


def first_path(q: Tensor) -> dict[str, Tensor]:
    """Return the fields of a state that this changes, at a position (d,)."""
    zero = pt.zeros_like(q)
    return dict(turn_limit=as_tensor(-float("inf")), last_q=q, path_seen=as_tensor(0.0), path_mean=zero, path_square=zero, path_jumps=zero)


def update_turns(s: Any, tune: Tensor) -> Any:
    """Return a state of NUTS with its last draw counted and, once, how far trajectories go from now on."""
    draw, length = pt.cast(s.draw, "float64"), pt.cast(tune, "float64")
    counts = pt.logical_and(draw >= BEGIN * length, draw < FINAL * length)
    decides = pt.logical_and(draw >= FINAL * length, draw - 1.0 < FINAL * length)

    def counted(s: Any) -> Any:
        n = s.path_seen + 1.0
        mean, square = welford(n, s.path_mean, s.path_square, s.proposal_q)
        return s._replace(path_seen=n, path_mean=mean, path_square=square, path_jumps=s.path_jumps + pt.square(s.proposal_q - s.last_q))

    def decided(s: Any) -> Any:
        # Squared differences of successive draws have the mean 2 var (1 - correlation); squared velocities have the mean d.
        correlation = 1.0 - 0.5 * pt.min(s.path_jumps / s.path_square)
        limit = -pt.maximum(correlation, 0.0) * pt.cast(s.proposal_q.shape[0], "float64")
        enough = pt.logical_and(s.path_seen >= FEWEST, correlation < SLOW)
        return s._replace(turn_limit=pt.where(enough, limit, -float("inf")))

    s = branch(decides, decided, lambda s: branch(counts, counted, unchanged, s), s)
    return s._replace(last_q=s.proposal_q)
