"""Gibbs sampling of elements of two states: each flips, or does not, given all others."""

from __future__ import annotations

import workbench.tensor as pt
from workbench.samplers.sweep import Sweep, SweepState
from workbench.tensor.tensor import Tensor

FLIP, TAKE = range(2)


class BinaryGibbs(Sweep):
    """Flips of elements of two states, in PyMC `BinaryGibbsMetropolis`.

    With the ratio `r` of the densities after and before, an element flips with probability ``min(1, r) max(t, 1 / (1 + min(r, 1 / r)))``,
    where the tendency `t` is PyMC's ``transit_p``. For ``t = 0`` that is a draw from the conditional distribution. The second factor is
    the same from either side, so any `t` leaves the posterior as it is; and as no flip is rarer than in the draw from the conditional
    distribution, no mean has a larger error (Peskun, 1973).
    """

    name = "binary_gibbs"
    stats = {}

    def choose(self, s: SweepState, i: Tensor, values: Tensor, logp: Tensor, key: Tensor) -> Tensor:
        now = s.x[i] - s.low[i]
        difference = logp[1 - now] - logp[now]
        lesser = pt.exp(-pt.abs(difference))
        flip = pt.where(difference < 0.0, lesser, 1.0) * pt.maximum(s.tendency, 1.0 / (1.0 + lesser))
        # No number where both are impossible: it stays.
        return pt.where(pt.random.uniform(key) < flip, 1 - now, now)
