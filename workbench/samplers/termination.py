"""When a trajectory has turned: the generalised criterion, and its iterative form.

A subtree of ``2**depth`` leaves contains smaller balanced subtrees; each must be checked when its
last leaf arrives. Only the first leaves of the unfinished ones are kept, at most one a level.
Sources: Betancourt, "A conceptual introduction to Hamiltonian Monte Carlo" (2017), A.4.2; Phan,
Pradhan and Jankowiak, "Composable effects" (NumPyro, 2019), appendix A.
"""

from __future__ import annotations

import workbench.tensor as pt
from workbench.tensor.tensor import Tensor, as_tensor


def turning(rho: Tensor, first: Tensor, last: Tensor) -> Tensor:
    """Whether a stretch of trajectory with velocity sum `rho` and these end velocities has turned."""
    return pt.logical_or(pt.sum(rho * first) <= 0.0, pt.sum(rho * last) <= 0.0)


def checkpoint_rows(leaf: Tensor, dummy: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return where leaf `leaf` is kept, and the levels that end with it.

    Returns
    -------
    keep
        The row for an even leaf; `dummy` for an odd one, which is not kept.
    highest, lowest
        An odd leaf ends the inner subtrees that begin at rows `highest` down to `lowest`; an even
        leaf ends none (`lowest` is above `highest`).
    """
    row = pt.popcount(leaf >> 1)
    # Trailing ones of n are the zeros that adding one makes: popcount(n ^ (n + 1)) - 1.
    trailing = pt.popcount(pt.bitwise_xor(leaf, leaf + 1)) - 1
    even = pt.equal(leaf & 1, 0)
    return pt.where(even, row, as_tensor(dummy)), row, row - trailing + 1


def turned_inside(
    checkpoint_v: Tensor, checkpoint_rho: Tensor, rho: Tensor, v: Tensor, highest: Tensor, lowest: Tensor
) -> Tensor:
    """Whether any inner subtree that ends with this leaf has turned."""

    def body(row: Tensor, _: Tensor) -> tuple[Tensor, Tensor]:
        first = checkpoint_v[row]
        return row - 1, turning(rho - checkpoint_rho[row] + first, first, v)

    _, turned = pt.while_loop(
        lambda row, turned: pt.logical_and(row >= lowest, pt.logical_not(turned)),
        body,
        [highest, pt.constant(False)],
        names=("row", "turned"),
    )
    return turned
