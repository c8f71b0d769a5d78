"""The state of a NUTS chain: plain arrays, so that a run can pause, move and resume bit for bit."""

from __future__ import annotations

from typing import NamedTuple

from workbench.tensor.tensor import Tensor


class NutsState(NamedTuple):
    """Everything a chain carries from one leapfrog to the next (`d` is the number of parameters).

    Positions and gradients are in the model's unconstrained space; velocities are whitened: kinetic
    energy is ``|v|**2 / 2`` and the position moves by ``step * scale * v``.
    """

    key: Tensor
    """Random key of the chain."""
    draw: Tensor
    """Number of the draw that is being made, warm-up included."""
    rest_q: Tensor
    """Continuous values of the whole position, of which those of other kernels are read; none where there are no others."""
    rest_z: Tensor
    """Discrete values of the position."""
    target: Tensor
    """Acceptance that the step size aims at."""

    q: Tensor
    """Position, (d,), at the end that is being extended."""
    v: Tensor
    """Velocity there, (d,)."""
    g: Tensor
    """Gradient of the log-density there, (d,)."""

    q_left: Tensor
    """Position at the trajectory's left end, (d,)."""
    v_left: Tensor
    g_left: Tensor
    q_right: Tensor
    """Position at its right end, (d,)."""
    v_right: Tensor
    g_right: Tensor
    index_left: Tensor
    """Leapfrogs from the start to the left end, negative."""
    index_right: Tensor
    """Leapfrogs from the start to the right end."""

    rho: Tensor
    """Sum of velocities over the trajectory, (d,)."""
    weight: Tensor
    """Logarithm of the trajectory's total weight, relative to its start."""
    proposal_q: Tensor
    """The state that becomes the draw if it ends here, (d,)."""
    proposal_g: Tensor
    proposal_lp: Tensor
    proposal_energy: Tensor
    proposal_index: Tensor

    direction: Tensor
    """1 when the right end is being extended, -1 for the left."""
    depth: Tensor
    """Doublings done."""
    leaf: Tensor
    """Leaves of the current subtree (of ``2**depth``), or leapfrogs of the current trajectory of one time, done."""
    sub_rho: Tensor
    """Sum of velocities over the current subtree, (d,)."""
    sub_weight: Tensor
    sub_q: Tensor
    """The current subtree's candidate, (d,)."""
    sub_g: Tensor
    sub_lp: Tensor
    sub_energy: Tensor
    sub_index: Tensor
    checkpoint_first: Tensor
    """Velocities at the first leaves of unfinished inner subtrees, (max_depth + 1, d)."""
    checkpoint_last: Tensor
    """Velocities at the last leaves of their left halves, (max_depth + 1, d)."""
    checkpoint_before: Tensor
    """Sums of the subtree's velocities before their first leaves, (max_depth + 1, d)."""

    energy: Tensor
    """Energy at the trajectory's start."""
    leapfrogs: Tensor
    """Leapfrogs of this draw."""
    accept_sum: Tensor
    """Sum of acceptance probabilities: over the tree, or of the ends of trajectories."""
    symmetric_sum: Tensor
    """Sum of the symmetric acceptance statistic over the same."""
    lowest_error: Tensor
    """Lowest energy of the trajectory, relative to its start; 0 or negative."""
    highest_error: Tensor
    """Highest energy of the trajectory, relative to its start; 0 or positive."""
    begins: Tensor
    """What the next leapfrog begins: nothing, a subtree, a trajectory with other steps, or one whose velocity is not drawn yet."""
    ended: Tensor
    """Whether the draw is done: it is `proposal_q`."""
    diverging: Tensor
    """Whether the tree ended by a divergence, or one of the trajectories."""
    full: Tensor
    """Whether it ended at the greatest depth."""

    time: Tensor
    """Time that the trajectories of a draw last."""
    trajectories: Tensor
    """How many of them make a draw; none where a tree does."""
    trajectory: Tensor
    """Trajectories of this draw done."""
    length: Tensor
    """Leapfrogs of the current one."""
    finer: Tensor
    """Its steps, as a share of the draw's step size."""
    reached: Tensor
    """The share with which the end was reached that coarser steps now go back from; 0 where none do."""
    worst_error: Tensor
    """Largest error of energy in those before it, up or down."""

    step: Tensor
    """Step size of this draw, jitter included."""
    log_step: Tensor
    """Logarithm of the adapted step size."""
    log_step_average: Tensor
    step_error: Tensor
    """Dual averaging's running mean of (target - acceptance)."""
    step_anchor: Tensor
    """Dual averaging shrinks towards this log step size."""
    step_updates: Tensor

    scale: Tensor
    """Square root of the inverse mass matrix's diagonal, (d,)."""
    bent: Tensor
    """Whether directions are stretched beyond the diagonal."""
    basis: Tensor
    """These directions, in coordinates whitened by the diagonal, (rank, d)."""
    factor: Tensor
    """What the coordinates in these directions are multiplied by, (rank, rank)."""
    recent_q: Tensor
    """Recent draws, (n, d), from which directions are found."""
    recent_g: Tensor
    """Their gradients."""
    last_q: Tensor
    """The draw before, (d,), in warm-up."""
    path_mean: Tensor
    """Mean of the draws that tell how draws are made best, (d,)."""
    path_square: Tensor
    """Sum of squared deviations from it, (d,)."""
    trees_seen: Tensor
    """Of these draws, those made by trees: their number, how many diverged, leapfrogs, and sums of squared differences of each from the draw before, (d,)."""
    trees_diverged: Tensor
    trees_leapfrogs: Tensor
    trees_jumps: Tensor
    timed_seen: Tensor
    """The same of those made by trajectories of one time, but for divergences."""
    timed_leapfrogs: Tensor
    timed_jumps: Tensor
    window: Tensor
    """Draws after which the background window takes over."""
    seen: Tensor
    """Draws in the foreground window."""
    mean_q: Tensor
    """Mean of positions in the foreground window, (d,)."""
    square_q: Tensor
    """Sum of squared deviations of positions, (d,)."""
    mean_g: Tensor
    square_g: Tensor
    next_seen: Tensor
    """Draws in the background window."""
    next_mean_q: Tensor
    next_square_q: Tensor
    next_mean_g: Tensor
    next_square_g: Tensor
