"""The No-U-Turn sampler in flat form: one loop over leapfrogs builds tree after tree.

Multinomial NUTS (Hoffman and Gelman, 2014; Betancourt, 2017). Every iteration makes one gradient;
when it completes a subtree the subtree is merged, when it completes the tree a draw is written,
the sampler adapts, and the next tree begins. So chains that run side by side on an accelerator
never wait for the longest tree, and on C the branches are real branches.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import workbench.tensor as pt
from workbench.graph.expr import Input, intern
from workbench.graph.inner import Graph
from workbench.samplers.integrator import kinetic, leapfrog
from workbench.samplers.mass_matrix import LATE_WINDOW, first_scale, update_mass
from workbench.samplers.random_numbers import RandomNumbers
from workbench.samplers.state import NutsState, branch
from workbench.samplers.step_size import average_step, first_step, jittered
from workbench.samplers.termination import Checkpoints, Half, check_leaf, joined_turning
from workbench.tensor.tensor import Tensor, as_tensor

STATS = (
    "diverging", "energy", "tree_depth", "n_steps", "step_size", "step_size_bar", "acceptance_rate", "lp",
    "reached_max_treedepth", "index_in_trajectory", "energy_error", "max_energy_error", "tuning",
)  # fmt: skip
"""Columns of the statistics, by ArviZ's names."""

MAX_ENERGY_RANGE = 1000.0
"""Energies of one trajectory further apart than this are a divergence. The range is a property of the
trajectory, whichever of its points it started from, so the sampler stays reversible."""
EARLY, FINAL = 0.3, 0.85
"""Shares of warm-up: short windows and trees before the first, only the step size after the second."""
EARLY_DEPTH = 8


@dataclass(frozen=True)
class NutsSettings:
    """What a user may choose.

    Parameters
    ----------
    target_accept
        Acceptance that the step size aims at, between 0 and 1.
    max_treedepth
        Doublings after which a tree ends.
    """

    target_accept: float = 0.8
    max_treedepth: int = 10


class Nuts:
    """The sampler, as graphs around the slot ``logp_grad``: from a position (d,) to log-density and gradient.

    The number of parameters `d` and the depth of trees are lengths: one graph, and its code, are for all of them.

    Parameters
    ----------
    numbers
        Where random numbers come from.
    """

    def __init__(self, numbers: RandomNumbers = RandomNumbers()) -> None:
        self.numbers = numbers

    # Graphs ------------------------------------------------------------------------------------

    @functools.cached_property
    def init(self) -> Graph:
        """Graph to a chain's state (with no rows for draws).

        Parameters are the chain's key, its start (d,), the acceptance aimed at, and zeros for the
        checkpoints (max_treedepth + 1, d).
        """
        key: Tensor = intern(Input("key", pt.constant(np.uint64(0)).type))
        q, target, checkpoints = pt.vector("q", "d"), pt.scalar("target"), pt.matrix("checkpoints", "levels", "d")
        return Graph([key, q, target, checkpoints], list(self.initial_state(key, q, target, checkpoints))[:-4])

    def advance(self, rows: int) -> Graph:
        """Graph that makes up to `rows` draws.

        Parameters are the state's fields, then how many draws are wanted, the most leapfrogs to
        spend, the length of warm-up, and the acceptance that its step sizes aim at. Results are the
        state's fields, then leapfrogs spent, draws made, draws (rows, d) and statistics (rows, len(STATS)).
        """
        params: list[Any] = []
        for p, field in zip(self.init.results, NutsState._fields):
            x = intern(Input(field, p.type))
            x.name = field
            params.append(x)
        wanted, budget, tune = (pt.tensor(n, "int64", ()) for n in ("wanted", "budget", "tune"))
        target = pt.scalar("target")
        d = NutsState._make([*params, *[None] * 4]).q.shape[0]
        state = NutsState._make([*params, as_tensor(0), as_tensor(0), pt.zeros((rows, d)), pt.zeros((rows, len(STATS)))])
        return Graph([*params, wanted, budget, tune, target], list(self.sample_chunk(state, wanted, budget, tune, target)))

    # Steps -------------------------------------------------------------------------------------

    def logp_grad(self, q: Tensor) -> tuple[Tensor, Tensor]:
        value, gradient = pt.slot("logp_grad", (as_tensor(0.0).type, q.type), q)
        return value, gradient

    def initial_state(self, key: Tensor, q: Tensor, target: Tensor, checkpoints: Tensor) -> NutsState:
        """Return the state at the start of the first tree."""
        lp, g = self.logp_grad(q)
        scale = first_scale(g)
        v = self.numbers.first_velocity(key, q)
        step = first_step(self.logp_grad, q, v, g, lp, scale, target)
        zero, none = pt.zeros_like(q), as_tensor(0)
        nothing = as_tensor(0.0)
        state = NutsState(
            key=key, draw=none, q=q, v=zero, g=g,
            q_left=q, v_left=zero, g_left=g, q_right=q, v_right=zero, g_right=g, index_left=none, index_right=none,
            rho=zero, weight=nothing,
            proposal_q=q, proposal_g=g, proposal_lp=lp, proposal_energy=nothing, proposal_index=none,
            direction=none, depth=none, leaf=none, sub_rho=zero, sub_weight=nothing,
            sub_q=q, sub_g=g, sub_lp=lp, sub_energy=nothing, sub_index=none,
            checkpoint_first=checkpoints, checkpoint_last=checkpoints, checkpoint_before=checkpoints,
            energy=nothing, leapfrogs=none, accept_sum=nothing, symmetric_sum=nothing,
            lowest_error=nothing, highest_error=nothing,
            step=step, log_step=pt.log(step), log_step_average=pt.log(step), step_error=nothing,
            step_anchor=pt.log(10.0 * step), step_updates=nothing,
            scale=scale, window=as_tensor(LATE_WINDOW), seen=nothing,
            mean_q=zero, square_q=zero, mean_g=zero, square_g=zero,
            next_seen=nothing, next_mean_q=zero, next_square_q=zero, next_mean_g=zero, next_square_g=zero,
            done=none, row=none, draws=pt.zeros((0, q.shape[0])), stats=pt.zeros((0, len(STATS))),
        )  # fmt: skip
        return self.begin_tree(state)

    def sample_chunk(self, state: NutsState, wanted: Tensor, budget: Tensor, tune: Tensor, target: Tensor) -> NutsState:
        """Loop over leapfrogs until enough draws are made or the budget is spent."""

        def going(*fields: Tensor) -> Tensor:
            s = NutsState(*fields)
            return pt.logical_and(s.row < wanted, s.done < budget)

        def body(*fields: Tensor) -> NutsState:
            return self.one_leapfrog(NutsState(*fields), tune, target)

        return NutsState(*pt.while_loop(going, body, state, NutsState._fields))

    def one_leapfrog(self, s: NutsState, tune: Tensor, target: Tensor) -> NutsState:
        """One step of the integrator, and all that follows from it."""
        q, v, g, lp = leapfrog(self.logp_grad, s.q, s.v, s.g, s.scale, s.step * pt.cast(s.direction, "float64"))
        energy = kinetic(v) - lp
        error = energy - s.energy
        error = pt.where(pt.isnan(error), float("inf"), error)
        lowest, highest = pt.minimum(s.lowest_error, error), pt.maximum(s.highest_error, error)
        # In warm-up a fall is welcome, however deep: it leads from a far start to the bulk.
        fall = pt.where(pt.logical_and(s.draw < tune, error > -float("inf")), 0.0, lowest)
        diverging = pt.logical_not(highest - fall <= MAX_ENERGY_RANGE)
        turned, checkpoints = check_leaf(
            Checkpoints(s.checkpoint_first, s.checkpoint_last, s.checkpoint_before), s.leaf, v, s.sub_rho
        )

        # Weights are relative to the start; a divergent leaf has none.
        weight = pt.where(diverging, -float("inf"), -error)
        accept = pt.where(diverging, 0.0, pt.exp(pt.minimum(weight, 0.0)))
        symmetric = pt.where(
            diverging, 0.0, 2.0 * pt.exp(pt.minimum(weight, 0.0)) / (1.0 + pt.exp(pt.minimum(weight, 300.0)))
        )
        index = pt.where(s.direction > 0, s.index_right, s.index_left) + s.direction * (s.leaf + 1)

        s = s._replace(
            q=q, v=v, g=g, sub_rho=s.sub_rho + v,
            checkpoint_first=checkpoints.first, checkpoint_last=checkpoints.last, checkpoint_before=checkpoints.before,
            leaf=s.leaf + 1, leapfrogs=s.leapfrogs + 1, done=s.done + 1,
            accept_sum=s.accept_sum + accept, symmetric_sum=s.symmetric_sum + symmetric,
            lowest_error=lowest, highest_error=highest,
        )  # fmt: skip
        s = self.choose_leaf(s, lp, energy, weight, index)

        stopped = pt.logical_or(turned, diverging)
        complete = pt.equal(s.leaf, pt.left_shift(as_tensor(1), s.depth))
        return branch(
            pt.logical_or(stopped, complete),
            lambda s: self.end_subtree(s, stopped, diverging, tune, target),
            lambda s: s,
            s,
        )

    def choose_leaf(self, s: NutsState, lp: Tensor, energy: Tensor, weight: Tensor, index: Tensor) -> NutsState:
        """Multinomial choice within a subtree: take the new leaf in proportion to its weight."""
        u = self.numbers.leaf(s)
        take = pt.logical_and(
            weight > -float("inf"), u * (1.0 + pt.exp(pt.minimum(s.sub_weight - weight, 700.0))) < 1.0
        )

        def taken(s: NutsState) -> NutsState:
            return s._replace(sub_q=s.q, sub_g=s.g, sub_lp=lp, sub_energy=energy, sub_index=index)

        s = branch(take, taken, lambda s: s, s)
        return s._replace(sub_weight=log_add(s.sub_weight, weight))

    def end_subtree(self, s: NutsState, stopped: Tensor, diverging: Tensor, tune: Tensor, target: Tensor) -> NutsState:
        """Merge a complete subtree into the trajectory; end the tree or begin the next subtree."""
        early = pt.cast(s.draw, "float64") < EARLY * pt.cast(tune, "float64")
        deepest = s.checkpoint_first.shape[0] - 1
        most = pt.minimum(pt.where(early, EARLY_DEPTH, deepest), deepest)

        forward = s.direction > 0
        far, near = pt.where(forward, s.v_left, s.v_right), pt.where(forward, s.v_right, s.v_left)
        turned = joined_turning(Half(s.rho, far, near), Half(s.sub_rho, s.v, s.checkpoint_first[0]))

        s = branch(stopped, lambda s: s, self.merge_subtree, s)
        ended = pt.logical_or(stopped, turned)
        full = pt.logical_and(s.depth >= most, pt.logical_not(ended))
        return branch(
            pt.logical_or(ended, full),
            lambda s: self.begin_tree(self.end_tree(s, diverging, full, tune, target)),
            self.begin_subtree,
            s,
        )

    def merge_subtree(self, s: NutsState) -> NutsState:
        """Join the subtree to the trajectory and choose between their candidates."""
        u = self.numbers.merge(s)
        # Biased progressive sampling: prefer the new half.
        take = u < pt.exp(pt.minimum(s.sub_weight - s.weight, 0.0))
        s = branch(
            s.direction > 0,
            lambda s: s._replace(q_right=s.q, v_right=s.v, g_right=s.g, index_right=s.index_right + s.leaf),
            lambda s: s._replace(q_left=s.q, v_left=s.v, g_left=s.g, index_left=s.index_left - s.leaf),
            s,
        )

        def taken(s: NutsState) -> NutsState:
            return s._replace(
                proposal_q=s.sub_q, proposal_g=s.sub_g, proposal_lp=s.sub_lp, proposal_energy=s.sub_energy,
                proposal_index=s.sub_index,
            )  # fmt: skip

        s = branch(take, taken, lambda s: s, s)
        return s._replace(rho=s.rho + s.sub_rho, weight=log_add(s.weight, s.sub_weight), depth=s.depth + 1)

    def begin_subtree(self, s: NutsState) -> NutsState:
        """Choose a direction and start from that end."""
        s = branch(
            self.numbers.forward(s),
            lambda s: s._replace(q=s.q_right, v=s.v_right, g=s.g_right, direction=as_tensor(1)),
            lambda s: s._replace(q=s.q_left, v=s.v_left, g=s.g_left, direction=as_tensor(-1)),
            s,
        )
        return s._replace(
            leaf=as_tensor(0), sub_rho=pt.zeros_like(s.sub_rho), sub_weight=as_tensor(-float("inf"))
        )

    def begin_tree(self, s: NutsState) -> NutsState:
        """Draw a velocity and start a trajectory of one point, the last draw."""
        v = self.numbers.velocity(s)
        energy = kinetic(v) - s.proposal_lp
        q, g = s.proposal_q, s.proposal_g
        s = s._replace(
            q_left=q, v_left=v, g_left=g, q_right=q, v_right=v, g_right=g, index_left=as_tensor(0), index_right=as_tensor(0),
            rho=v, weight=as_tensor(0.0), proposal_energy=energy, proposal_index=as_tensor(0), depth=as_tensor(0),
            energy=energy, leapfrogs=as_tensor(0), accept_sum=as_tensor(0.0), symmetric_sum=as_tensor(0.0),
            lowest_error=as_tensor(0.0), highest_error=as_tensor(0.0),
            step=jittered(s.log_step, self.numbers.jitter(s)),
        )  # fmt: skip
        return self.begin_subtree(s)

    def end_tree(self, s: NutsState, diverging: Tensor, full: Tensor, tune: Tensor, target: Tensor) -> NutsState:
        """Write the draw and its statistics, and adapt while tuning."""
        tuning = s.draw < tune
        n = pt.cast(s.leapfrogs, "float64")
        real = functools.partial(pt.cast, dtype="float64")
        max_error = pt.where(-s.lowest_error > s.highest_error, s.lowest_error, s.highest_error)
        row: Sequence[Tensor] = [
            real(diverging), s.proposal_energy, real(s.depth), n, s.step, pt.exp(s.log_step_average), s.accept_sum / n, s.proposal_lp,
            real(full), real(s.proposal_index), s.proposal_energy - s.energy, max_error, real(tuning),
        ]  # fmt: skip
        s = s._replace(
            draws=s.draws[s.row].set(s.proposal_q),
            stats=s.stats[s.row].set(pt.stack([as_tensor(x) for x in row])),
            row=s.row + 1,
        )

        def adapt(s: NutsState) -> NutsState:
            share = pt.cast(s.draw, "float64") / pt.cast(tune, "float64")
            final = share >= FINAL
            s = branch(final, lambda s: s, lambda s: update_mass(s, diverging, share < EARLY), s)
            statistic = pt.where(final, s.symmetric_sum, s.accept_sum) / pt.cast(s.leapfrogs, "float64")
            s = average_step(s, statistic, target)
            last = pt.equal(s.draw + 1, tune)
            return s._replace(log_step=pt.where(last, s.log_step_average, s.log_step))

        s = branch(tuning, adapt, lambda s: s, s)
        return s._replace(draw=s.draw + 1)


def log_add(a: Tensor, b: Tensor) -> Tensor:
    """Return log(exp(a) + exp(b)), minus infinity being allowed."""
    high, low = pt.maximum(a, b), pt.minimum(a, b)
    return pt.where(low > -float("inf"), high + pt.log1p(pt.exp(low - high)), high)
