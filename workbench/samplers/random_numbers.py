"""Where the random numbers of NUTS come from: each has an address, none depends on how the loop is cut.

The key of a draw is the chain's key folded with the draw's number; below it every purpose has a
counter of its own, leaves and merges one more, and each trajectory of a draw purposes of its own. So nested, flat and chunked forms of a sampler
draw the same numbers, and a test can put chosen numbers in their place.
"""

from __future__ import annotations

import workbench.tensor as pt
from workbench.samplers.kernel import address
from workbench.samplers.state import NutsState
from workbench.tensor.tensor import Tensor

MOMENTUM, DIRECTIONS, LEAVES, MERGES, JITTER, FIRST, DURATION, END = PURPOSES = range(8)


class RandomNumbers:
    """The random numbers of NUTS, by address."""

    def first_velocity(self, key: Tensor, q: Tensor) -> Tensor:
        """Velocity (d,) of the step that finds the first step size."""
        return pt.random.normal(pt.random.fold_in(key, 2**63 + FIRST), q.shape)

    def velocity(self, s: NutsState) -> Tensor:
        """Standard normal velocity (d,) of a new trajectory."""
        return pt.random.normal(_of_trajectory(s, MOMENTUM), s.v.shape)

    def duration(self, s: NutsState) -> Tensor:
        """Uniform number that varies the time of a trajectory."""
        return pt.random.uniform(_of_trajectory(s, DURATION))

    def end(self, s: NutsState) -> Tensor:
        """Uniform number that decides whether the end of a trajectory is taken."""
        return pt.random.uniform(_of_trajectory(s, END))

    def forward(self, s: NutsState) -> Tensor:
        """Whether the doubling at the state's depth goes forward: one bit of the draw's word."""
        word = address(s, DIRECTIONS)
        return pt.equal(pt.cast(word >> pt.cast(s.depth, "uint64"), "int64") & 1, 1)

    def leaf(self, s: NutsState) -> Tensor:
        """Uniform number that decides whether the newest leaf is taken within its subtree."""
        return pt.random.uniform(pt.random.fold_in(address(s, LEAVES), s.leapfrogs))

    def merge(self, s: NutsState) -> Tensor:
        """Uniform number that decides between the trajectory's candidate and the new half's."""
        return pt.random.uniform(pt.random.fold_in(address(s, MERGES), s.depth))

    def jitter(self, s: NutsState) -> Tensor:
        """Uniform number that varies the step size of a draw."""
        return pt.random.uniform(address(s, JITTER))


def _of_trajectory(s: NutsState, purpose: int) -> Tensor:
    return address(s, purpose + len(PURPOSES) * s.trajectory)
