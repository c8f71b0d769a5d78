"""When a trajectory has turned: the generalised criterion, and its iterative form.

A stretch of trajectory has turned when the sum of its velocities points against either end's
velocity. Two halves that are joined are checked as a whole, and across the seam both ways: one half
with the first point of the other. The criterion is the same for the joined trajectory and for every
balanced subtree within it: else the set of trajectories that reach a point would depend on where
they started, and the sampler would draw from another distribution.

A subtree of ``2**depth`` leaves contains smaller balanced subtrees; each must be checked when its
last leaf arrives. Only the ends of the unfinished ones are kept, at most one a level.
Sources: Betancourt, "A conceptual introduction to Hamiltonian Monte Carlo" (2017), A.4.2; Phan,
Pradhan and Jankowiak, "Composable effects" (NumPyro, 2019), appendix A.
"""

from __future__ import annotations

from typing import NamedTuple

import workbench.tensor as pt
from workbench.tensor.tensor import Tensor


class Half(NamedTuple):
    """A stretch of trajectory: sum of its velocities, and those at its ends, each (d,)."""

    rho: Tensor
    outer: Tensor
    """At the end away from the other half."""
    inner: Tensor
    """At the seam."""


def turning(rho: Tensor, one: Tensor, other: Tensor) -> Tensor:
    """Whether a stretch with velocity sum `rho` and these velocities at its ends has turned back."""
    return pt.logical_or(pt.sum(rho * one) <= 0.0, pt.sum(rho * other) <= 0.0)


def joined_turning(a: Half, b: Half) -> Tensor:
    """Whether two neighbouring halves, joined, have turned: as a whole, or across the seam."""
    whole = turning(a.rho + b.rho, a.outer, b.outer)
    seam = pt.logical_or(turning(a.rho + b.inner, a.outer, b.inner), turning(b.rho + a.inner, b.outer, a.inner))
    return pt.logical_or(whole, seam)


class Checkpoints(NamedTuple):
    """The left halves of the unfinished inner subtrees, a row a level, (max_depth + 1, d)."""

    first: Tensor
    """Velocity at the first leaf."""
    last: Tensor
    """Velocity at the last leaf."""
    before: Tensor
    """Sum of the subtree's velocities before the first leaf."""


def checkpoint_rows(leaf: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the rows of leaf number `leaf` of a subtree.

    Returns
    -------
    start
        Where a half that begins with this leaf is kept: a left half if the leaf is even; if it is
        odd, the right half of the pair that it ends.
    highest, lowest
        An odd leaf ends the inner subtrees whose left halves are in rows `highest` down to
        `lowest`, each one's right half beginning in the row above; the largest of them is itself
        the left half now kept in row `lowest`. An even leaf ends none: `lowest` is above `highest`.
    """
    highest = pt.popcount(leaf >> 1)
    # Trailing ones of n are the zeros that adding one makes: popcount(n ^ (n + 1)) - 1.
    trailing = pt.popcount(pt.bitwise_xor(leaf, leaf + 1)) - 1
    return highest + (leaf & 1), highest, highest - trailing + 1


def check_leaf(kept: Checkpoints, leaf: Tensor, v: Tensor, before: Tensor) -> tuple[Tensor, Checkpoints]:
    """Return whether an inner subtree that ends with this leaf has turned, and the checkpoints with it.

    Parameters
    ----------
    kept
        Checkpoints of the leaves before.
    leaf, v, before
        The leaf's number in the subtree, its velocity (d,), the sum of the velocities before it.
    """
    start, highest, lowest = checkpoint_rows(leaf)
    first, sums = kept.first[start].set(v), kept.before[start].set(before)
    rho = before + v

    def body(row: Tensor, _: Tensor) -> tuple[Tensor, Tensor]:
        left = Half(sums[row + 1] - sums[row], first[row], kept.last[row])
        right = Half(rho - sums[row + 1], v, first[row + 1])
        return row - 1, joined_turning(left, right)

    _, turned = pt.while_loop(
        lambda row, turned: pt.logical_and(row >= lowest, pt.logical_not(turned)),
        body,
        [highest, pt.constant(False)],
        names=("row", "turned"),
    )
    # Rows of a subtree that has turned are not read again: to ask for it here has the loop over, so that the row is written in place.
    return turned, Checkpoints(first, kept.last[pt.where(turned, start, pt.minimum(start, lowest))].set(v), sums)
