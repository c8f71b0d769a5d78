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
from workbench.samplers.integrator import LogpGrad, kinetic, leapfrog
from workbench.samplers.mass_matrix import LATE_WINDOW, first_scale, update_mass
from workbench.samplers.state import NutsState, branch
from workbench.samplers.step_size import average_step, first_step, jittered
from workbench.samplers.termination import checkpoint_rows, turned_inside, turning
from workbench.tensor.tensor import Tensor, as_tensor

STATS = (
    "diverging", "energy", "tree_depth", "n_steps", "step_size", "acceptance_rate", "lp",
    "reached_max_treedepth", "index_in_trajectory", "energy_error", "max_energy_error", "tuning",
)  # fmt: skip
"""Columns of the statistics, by ArviZ's names."""

MAX_ENERGY_ERROR = 1000.0
EARLY, FINAL = 0.3, 0.85
"""Shares of warm-up: short windows and trees before the first, only the step size after the second."""
EARLY_DEPTH = 8
MOMENTUM, DIRECTIONS, LEAVES, MERGES, JITTER_KEY, FIRST = range(6)
"""Counters below a draw's key: every random number has an address."""


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
    """The sampler of one dimension, as graphs around a model's ``logp_grad`` region.

    Parameters
    ----------
    logp_grad
        Graph from the flat vector (d,) to log-density and gradient.
    settings
        Target acceptance and maximal depth.
    """

    def __init__(self, logp_grad: Graph, settings: NutsSettings = NutsSettings()) -> None:
        self.region = logp_grad
        self.settings = settings
        self.d: int = logp_grad.params[0].type.shape[0]

    def logp_grad(self, q: Tensor) -> tuple[Tensor, Tensor]:
        value, gradient = pt.region("logp_grad", self.region, q)
        return value, gradient

    @functools.cached_property
    def init(self) -> Graph:
        """Graph from a chain's key and start (d,) to its state (with no rows for draws)."""
        key: Tensor = intern(Input("key", pt.constant(np.uint64(0)).type))
        q = pt.vector("q", self.d)
        return Graph([key, q], list(initial_state(self.logp_grad, key, q, self.settings))[:-4])

    def advance(self, rows: int) -> Graph:
        """Graph that makes up to `rows` draws.

        Parameters are the state's fields, then how many draws are wanted, the most leapfrogs to
        spend, and the length of warm-up. Results are the state's fields, then leapfrogs spent,
        draws made, draws (rows, d) and statistics (rows, len(STATS)).
        """
        params: list[Any] = []
        for p, field in zip(self.init.results, NutsState._fields):
            x = intern(Input(field, p.type))
            x.name = field
            params.append(x)
        wanted, budget, tune = (pt.tensor(n, "int64", ()) for n in ("wanted", "budget", "tune"))
        state = NutsState._make(
            [*params, as_tensor(0), as_tensor(0), pt.zeros((rows, self.d)), pt.zeros((rows, len(STATS)))]
        )
        after = sample_chunk(self.logp_grad, state, wanted, budget, tune, self.settings)
        return Graph([*params, wanted, budget, tune], list(after))


def initial_state(logp_grad: LogpGrad, key: Tensor, q: Tensor, settings: NutsSettings) -> NutsState:
    """Return the state at the start of the first tree."""
    lp, g = logp_grad(q)
    scale = first_scale(g)
    step = first_step(logp_grad, pt.random.fold_in(key, 2**63 + FIRST), q, g, lp, scale, settings.target_accept)
    zero, none = pt.zeros_like(q), as_tensor(0)
    rows = pt.zeros((settings.max_treedepth + 1, q.type.static_shape[0]))
    nothing = as_tensor(0.0)
    state = NutsState(
        key=key, draw=none, q=q, v=zero, g=g,
        q_left=q, v_left=zero, g_left=g, q_right=q, v_right=zero, g_right=g, index_left=none, index_right=none,
        rho=zero, weight=nothing,
        proposal_q=q, proposal_g=g, proposal_lp=lp, proposal_energy=nothing, proposal_index=none,
        direction=none, depth=none, leaf=none, sub_rho=zero, sub_weight=nothing,
        sub_q=q, sub_g=g, sub_lp=lp, sub_energy=nothing, sub_index=none, checkpoint_v=rows, checkpoint_rho=rows,
        energy=nothing, leapfrogs=none, accept_sum=nothing, symmetric_sum=nothing, max_error=nothing,
        step=step, log_step=pt.log(step), log_step_average=pt.log(step), step_error=nothing,
        step_anchor=pt.log(10.0 * step), step_updates=nothing,
        scale=scale, window=as_tensor(LATE_WINDOW), seen=nothing,
        mean_q=zero, square_q=zero, mean_g=zero, square_g=zero,
        next_seen=nothing, next_mean_q=zero, next_square_q=zero, next_mean_g=zero, next_square_g=zero,
        done=none, row=none, draws=pt.zeros((0, q.type.static_shape[0])), stats=pt.zeros((0, len(STATS))),
    )  # fmt: skip
    return begin_tree(state)


def sample_chunk(
    logp_grad: LogpGrad, state: NutsState, wanted: Tensor, budget: Tensor, tune: Tensor, settings: NutsSettings
) -> NutsState:
    """Loop over leapfrogs until enough draws are made or the budget is spent."""

    def going(*fields: Tensor) -> Tensor:
        s = NutsState(*fields)
        return pt.logical_and(s.row < wanted, s.done < budget)

    def body(*fields: Tensor) -> NutsState:
        return one_leapfrog(logp_grad, NutsState(*fields), tune, settings)

    return NutsState(*pt.while_loop(going, body, state, NutsState._fields))


def one_leapfrog(logp_grad: LogpGrad, s: NutsState, tune: Tensor, settings: NutsSettings) -> NutsState:
    """One step of the integrator, and all that follows from it."""
    q, v, g, lp = leapfrog(logp_grad, s.q, s.v, s.g, s.scale, s.step * pt.cast(s.direction, "float64"))
    energy = kinetic(v) - lp
    error = energy - s.energy
    diverging = pt.logical_not(error <= MAX_ENERGY_ERROR)
    sub_rho = s.sub_rho + v

    keep, highest, lowest = checkpoint_rows(s.leaf, settings.max_treedepth)
    checkpoint_v = s.checkpoint_v[keep].set(v)
    checkpoint_rho = s.checkpoint_rho[keep].set(sub_rho)
    turned = turned_inside(checkpoint_v, checkpoint_rho, sub_rho, v, highest, lowest)

    # Weights are relative to the start; a divergent leaf has none.
    weight = pt.where(diverging, -float("inf"), -error)
    accept = pt.where(diverging, 0.0, pt.exp(pt.minimum(weight, 0.0)))
    symmetric = pt.where(diverging, 0.0, 2.0 * pt.exp(pt.minimum(weight, 0.0)) / (1.0 + pt.exp(pt.minimum(weight, 300.0))))
    index = pt.where(s.direction > 0, s.index_right, s.index_left) + s.direction * (s.leaf + 1)

    s = s._replace(
        q=q, v=v, g=g, sub_rho=sub_rho, checkpoint_v=checkpoint_v, checkpoint_rho=checkpoint_rho,
        leaf=s.leaf + 1, leapfrogs=s.leapfrogs + 1, done=s.done + 1,
        accept_sum=s.accept_sum + accept, symmetric_sum=s.symmetric_sum + symmetric,
        max_error=pt.where(pt.abs(error) > pt.abs(s.max_error), error, s.max_error),
    )  # fmt: skip
    s = choose_leaf(s, lp, energy, weight, index)

    stopped = pt.logical_or(turned, diverging)
    complete = pt.equal(s.leaf, pt.left_shift(as_tensor(1), s.depth))
    return branch(
        pt.logical_or(stopped, complete),
        lambda s: end_subtree(s, stopped, diverging, tune, settings),
        lambda s: s,
        s,
    )


def draw_key(s: NutsState, purpose: int) -> Tensor:
    """Return the key for one purpose within the current draw."""
    return pt.random.fold_in(pt.random.fold_in(s.key, s.draw), purpose)


def choose_leaf(s: NutsState, lp: Tensor, energy: Tensor, weight: Tensor, index: Tensor) -> NutsState:
    """Multinomial choice within a subtree: take the new leaf in proportion to its weight."""
    u = pt.random.uniform(pt.random.fold_in(draw_key(s, LEAVES), s.leapfrogs))
    take = pt.logical_and(weight > -float("inf"), u * (1.0 + pt.exp(pt.minimum(s.sub_weight - weight, 700.0))) < 1.0)

    def taken(s: NutsState) -> NutsState:
        return s._replace(sub_q=s.q, sub_g=s.g, sub_lp=lp, sub_energy=energy, sub_index=index)

    s = branch(take, taken, lambda s: s, s)
    return s._replace(sub_weight=log_add(s.sub_weight, weight))


def log_add(a: Tensor, b: Tensor) -> Tensor:
    """Return log(exp(a) + exp(b)), minus infinity being allowed."""
    high, low = pt.maximum(a, b), pt.minimum(a, b)
    return pt.where(low > -float("inf"), high + pt.log1p(pt.exp(low - high)), high)


def end_subtree(
    s: NutsState, stopped: Tensor, diverging: Tensor, tune: Tensor, settings: NutsSettings
) -> NutsState:
    """Merge a complete subtree into the trajectory; end the tree or begin the next subtree."""
    early = pt.cast(s.draw, "float64") < EARLY * pt.cast(tune, "float64")
    most = pt.minimum(pt.where(early, EARLY_DEPTH, settings.max_treedepth), settings.max_treedepth)

    def merge(s: NutsState) -> NutsState:
        return merge_subtree(s)

    merged = branch(stopped, lambda s: s, merge, s)
    # merge_subtree leaves the verdict in `direction`: 0 when the joined trajectory has turned.
    over = pt.logical_or(stopped, pt.logical_or(pt.equal(merged.direction, 0), merged.depth >= most))
    return branch(
        over,
        lambda s: begin_tree(end_tree(s, diverging, merged_depth_reached(s, most), tune, settings)),
        begin_subtree,
        merged,
    )


def merged_depth_reached(s: NutsState, most: Tensor) -> Tensor:
    """Whether the tree has as many doublings as it may."""
    return s.depth >= most


def merge_subtree(s: NutsState) -> NutsState:
    """Join the subtree to the trajectory and choose between their candidates."""
    forward = s.direction > 0
    first = s.checkpoint_v[0]
    rho = s.rho + s.sub_rho

    # `near` is the old end that the subtree grew from, `far` the other one.
    def joined_forward(s: NutsState) -> NutsState:
        turned = _turned(s.rho, s.sub_rho, rho, s.v_left, s.v_right, first, s.v)
        return s._replace(
            q_right=s.q, v_right=s.v, g_right=s.g, index_right=s.index_right + s.leaf,
            direction=pt.where(turned, 0, s.direction),
        )  # fmt: skip

    def joined_backward(s: NutsState) -> NutsState:
        turned = _turned(s.rho, s.sub_rho, rho, s.v_right, s.v_left, first, s.v)
        return s._replace(
            q_left=s.q, v_left=s.v, g_left=s.g, index_left=s.index_left - s.leaf,
            direction=pt.where(turned, 0, s.direction),
        )  # fmt: skip

    u = pt.random.uniform(pt.random.fold_in(draw_key(s, MERGES), s.depth))
    # Biased progressive sampling: prefer the new half.
    take = u < pt.exp(pt.minimum(s.sub_weight - s.weight, 0.0))
    s = branch(forward, joined_forward, joined_backward, s)

    def taken(s: NutsState) -> NutsState:
        return s._replace(
            proposal_q=s.sub_q, proposal_g=s.sub_g, proposal_lp=s.sub_lp, proposal_energy=s.sub_energy,
            proposal_index=s.sub_index,
        )  # fmt: skip

    s = branch(take, taken, lambda s: s, s)
    return s._replace(rho=s.rho + s.sub_rho, weight=log_add(s.weight, s.sub_weight), depth=s.depth + 1)


def _turned(
    rho_old: Tensor, rho_new: Tensor, rho: Tensor, far: Tensor, near: Tensor, first: Tensor, last: Tensor
) -> Tensor:
    """The criterion on the whole, and across the seam both ways (Stan's additional checks)."""
    whole = turning(rho, far, last)
    seam = pt.logical_or(turning(rho_old + first, far, first), turning(rho_new + near, near, last))
    return pt.logical_or(whole, seam)


def begin_subtree(s: NutsState) -> NutsState:
    """Choose a direction and start from that end."""
    word = draw_key(s, DIRECTIONS)
    forward = pt.equal(pt.cast(word >> pt.cast(s.depth, "uint64"), "int64") & 1, 1)
    s = branch(
        forward,
        lambda s: s._replace(q=s.q_right, v=s.v_right, g=s.g_right, direction=as_tensor(1)),
        lambda s: s._replace(q=s.q_left, v=s.v_left, g=s.g_left, direction=as_tensor(-1)),
        s,
    )
    return s._replace(
        leaf=as_tensor(0), sub_rho=pt.zeros_like(s.sub_rho), sub_weight=as_tensor(-float("inf"))
    )


def begin_tree(s: NutsState) -> NutsState:
    """Draw a velocity and start a trajectory of one point, the last draw."""
    v = pt.random.normal(draw_key(s, MOMENTUM), s.v.type.shape)
    energy = kinetic(v) - s.proposal_lp
    q, g = s.proposal_q, s.proposal_g
    s = s._replace(
        q_left=q, v_left=v, g_left=g, q_right=q, v_right=v, g_right=g, index_left=as_tensor(0), index_right=as_tensor(0),
        rho=v, weight=as_tensor(0.0), proposal_energy=energy, proposal_index=as_tensor(0), depth=as_tensor(0),
        energy=energy, leapfrogs=as_tensor(0), accept_sum=as_tensor(0.0), symmetric_sum=as_tensor(0.0),
        max_error=as_tensor(0.0), step=jittered(s.log_step, draw_key(s, JITTER_KEY)),
    )  # fmt: skip
    return begin_subtree(s)


def end_tree(
    s: NutsState, diverging: Tensor, reached: Tensor, tune: Tensor, settings: NutsSettings
) -> NutsState:
    """Write the draw and its statistics, and adapt while tuning."""
    tuning = s.draw < tune
    n = pt.cast(s.leapfrogs, "float64")
    real = functools.partial(pt.cast, dtype="float64")
    row: Sequence[Tensor] = [
        real(diverging), s.proposal_energy, real(s.depth), n, s.step, s.accept_sum / n, s.proposal_lp,
        real(pt.logical_and(reached, pt.logical_not(diverging))), real(s.proposal_index),
        s.proposal_energy - s.energy, s.max_error, real(tuning),
    ]  # fmt: skip
    s = s._replace(
        draws=s.draws[s.row].set(s.proposal_q),
        stats=s.stats[s.row].set(pt.stack([as_tensor(x) for x in row])),
        row=s.row + 1,
    )

    def adapt(s: NutsState) -> NutsState:
        share = pt.cast(s.draw, "float64") / pt.cast(tune, "float64")
        final = share >= FINAL
        s = branch(
            final, lambda s: s, lambda s: update_mass(s, diverging, pt.cast(s.draw, "float64") < EARLY * pt.cast(tune, "float64")), s
        )
        statistic = pt.where(final, s.symmetric_sum, s.accept_sum) / pt.cast(s.leapfrogs, "float64")
        s = average_step(s, statistic, settings.target_accept)
        last = pt.equal(s.draw + 1, tune)
        return s._replace(log_step=pt.where(last, s.log_step_average, s.log_step))

    s = branch(tuning, adapt, lambda s: s, s)
    return s._replace(draw=s.draw + 1)
