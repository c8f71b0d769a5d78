"""Where a tree's random numbers come from: each has an address, none depends on how the loop is cut.

The key of a draw is the chain's key folded with the draw's number; below it every purpose has a
counter of its own, and leaves and merges one more. So nested, flat and chunked forms of a sampler
draw the same numbers, and a test can put chosen numbers in their place.
"""

from __future__ import annotations

import workbench.tensor as pt
from workbench.samplers.kernel import address
from workbench.samplers.state import NutsState
from workbench.tensor.tensor import Tensor

MOMENTUM, DIRECTIONS, LEAVES, MERGES, JITTER, FIRST = range(6)


class RandomNumbers:
    """The random numbers of NUTS, by address."""

    def first_velocity(self, key: Tensor, q: Tensor) -> Tensor:
        """Velocity (d,) of the step that finds the first step size."""
        return pt.random.normal(pt.random.fold_in(key, 2**63 + FIRST), q.shape)

    def velocity(self, s: NutsState) -> Tensor:
        """Standard normal velocity (d,) of a new tree."""
        return pt.random.normal(address(s, MOMENTUM), s.v.shape)

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
        """Uniform number that varies the step size of a tree."""
        return pt.random.uniform(address(s, JITTER))
