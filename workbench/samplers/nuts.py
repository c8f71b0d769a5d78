"""The No-U-Turn sampler in flat form: one loop over leapfrogs builds tree after tree.

Multinomial NUTS (Hoffman and Gelman, 2014; Betancourt, 2017). Every iteration makes one gradient;
when it completes a subtree the subtree is merged, when it completes the tree a draw is written,
the sampler adapts, and the next tree begins. So chains that run side by side on an accelerator
never wait for the longest tree, and on C the branches are real branches.

Where warm-up shows that it pays (`trajectories.py`) a draw is made by trajectories of one time instead, one
after the other from new velocities, the end of each taken or refused. One that diverges is made again with finer
steps, so that draws come to narrow places; its end may be taken if coarser steps would diverge on the way back too (Modi,
Barnett and Carpenter, "Delayed rejection Hamiltonian Monte Carlo for sampling multiscale distributions", 2023).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

import workbench.tensor as pt
from workbench.errors import ArgumentError
from workbench.samplers import stan_windows
from workbench.samplers.integrator import LogpGrad, Metric, kinetic, leapfrog
from workbench.samplers.kernel import Kernel, Position, branch, known_rest, unchanged
from workbench.samplers.low_rank import Directions, judged_directions, update_directions
from workbench.samplers.mass_matrix import first_scale
from workbench.samplers.random_numbers import RandomNumbers
from workbench.samplers.state import NutsState
from workbench.samplers.step_size import first_step, jittered
from workbench.samplers.termination import Checkpoints, Half, check_leaf, joined_turning
from workbench.samplers.trajectories import first_plan, leapfrogs_of, update_plan
from workbench.samplers.warm_up import EARLY, adapt, first_adaptation
from workbench.tensor.tensor import Tensor, as_tensor

MAX_ENERGY_RANGE = 1000.0
"""Energies of one trajectory further apart than this are a divergence. The range is a property of the
trajectory, whichever of its points it started from, so the sampler stays reversible."""
MAX_TIMED_RANGE = 50.0
"""The same for a trajectory of one time, whose end would hardly ever be taken if it is as far from its start: a divergence of the finest steps, else a
reason for finer ones."""
FINER, FINEST = 0.25, 0.015625
"""What step sizes are multiplied by after a divergence, and the smallest share of the draw's step size."""
EARLY_DEPTH = 8
SUBTREE, AGAIN, TRAJECTORY = 1, 2, 3
"""What a leapfrog may begin, beside nothing."""

METRICS: dict[str, Callable[[int], tuple[int, int]]] = {
    "auto": lambda d: (d, max(64, 3 * d)) if d <= 64 else (16, 96) if d <= 2000 else (0, 0),
    "diag": lambda d: (0, 0),
    "low_rank": lambda d: (min(d, 32), 96),
    "dense": lambda d: (d, max(64, 3 * d)),
}
"""Directions beside the diagonal, and recent draws to find them, by the size of the block."""


@dataclass(frozen=True)
class NutsSettings:
    """What a user may choose.

    Parameters
    ----------
    target_accept
        Acceptance that the step size aims at, between 0 and 1.
    max_treedepth
        Doublings after which a tree ends.
    metric
        What the mass matrix has beside its diagonal: "auto", a few directions where they pay; "diag", nothing;
        "low_rank", more of them; "dense", all.
    adaptation
        How the diagonal is found in warm-up: "fisher", from draws and gradients in overlapping windows; "stan", from the draws of windows
        of doubling length, and nothing beside it.
    trajectories
        How draws are made: "auto", by trees or by trajectories of one time, which draws of warm-up decide; "trees".
    """

    target_accept: float = 0.8
    max_treedepth: int = 10
    metric: str = "auto"
    adaptation: str = "fisher"
    trajectories: str = "auto"

    def kernel(self, discrete: bool) -> type[Kernel]:
        """Return the kernel for a block of continuous values."""
        return NutsByStan if self.adaptation == "stan" else NutsOfTrees if self.trajectories == "trees" else Nuts

    def arguments(self, size: int) -> list[Any]:
        """Return what the kernel's parameters are given for a block of `size` elements.

        Raises
        ------
        ArgumentError
            If the adaptation does not find such a metric.
        """
        if self.adaptation == "stan" and self.metric not in ("auto", "diag"):
            raise ArgumentError(f"adaptation='stan' finds a diagonal, and metric={self.metric!r} is asked for", "leave one of them out")
        rank, recent = METRICS["diag" if self.adaptation == "stan" else self.metric](size)
        return [self.target_accept, *(np.zeros((rows, size)) for rows in (self.max_treedepth + 1, rank, recent))]


class Nuts(Kernel):
    """The sampler, as graphs around the slot ``logp_grad``: from a position (d,) to log-density and gradient.

    Parameters
    ----------
    place
        Its number in a compound.
    numbers
        Where random numbers come from.
    """

    name = "nuts"
    stats = {
        "diverging": "bool", "energy": "float64", "tree_depth": "int64", "n_steps": "int64", "step_size": "float64",
        "step_size_bar": "float64", "acceptance_rate": "float64", "lp": "float64", "reached_max_treedepth": "bool",
        "index_in_trajectory": "int64", "energy_error": "float64", "max_energy_error": "float64",
    }  # fmt: skip

    apart = {"directions": judged_directions}
    directions = staticmethod(update_directions)
    timed: ClassVar[bool] = True
    """Whether draws may be made by trajectories of one time."""

    def __init__(self, place: int | None = None, numbers: RandomNumbers = RandomNumbers()) -> None:
        super().__init__(place)
        self.numbers = numbers

    # Kernel ------------------------------------------------------------------------------------

    def parameters(self) -> list[Tensor]:
        """The acceptance aimed at; zeros for the checkpoints (max_treedepth + 1, d), directions (rank, d) and recent draws (n, d)."""
        shapes = {"checkpoints": "levels", "basis": "rank", "recent": "recent"}
        return [pt.scalar("target_accept"), *(pt.matrix(name, rows, "d") for name, rows in shapes.items())]

    def init(self, key: Tensor, x: Tensor, rest: Position | None, *parameters: Tensor) -> NutsState:
        target, checkpoints, basis, recent = parameters
        q, density = x, functools.partial(self.logp_grad, rest=rest)
        lp, g = density(q)
        scale = self.first_scale(g)
        v = self.numbers.first_velocity(key, q)
        step = first_step(density, q, v, g, lp, scale, target)
        zero, none = pt.zeros_like(q), as_tensor(0)
        nothing, no = as_tensor(0.0), pt.constant(False)
        rest_q, rest_z = known_rest(rest)
        return NutsState(
            key=key, draw=none, rest_q=rest_q, rest_z=rest_z,
            target=target, q=q, v=zero, g=g,
            q_left=q, v_left=zero, g_left=g, q_right=q, v_right=zero, g_right=g, index_left=none, index_right=none,
            rho=zero, weight=nothing,
            proposal_q=q, proposal_g=g, proposal_lp=lp, proposal_energy=nothing, proposal_index=none,
            direction=none, depth=none, leaf=none, sub_rho=zero, sub_weight=nothing,
            sub_q=q, sub_g=g, sub_lp=lp, sub_energy=nothing, sub_index=none,
            checkpoint_first=checkpoints, checkpoint_last=checkpoints, checkpoint_before=checkpoints,
            energy=nothing, leapfrogs=none, accept_sum=nothing, symmetric_sum=nothing,
            lowest_error=nothing, highest_error=nothing, begins=none, ended=no, diverging=no, full=no,
            **first_plan(q), **first_adaptation(step, scale, basis, recent),
        )  # fmt: skip

    def renew(self, s: NutsState, rest: Position) -> NutsState:
        s = s._replace(rest_q=rest.q, rest_z=rest.z)
        lp, g = self.density(s)(s.proposal_q)
        return s._replace(proposal_lp=lp, proposal_g=g)

    def begin(self, s: NutsState) -> NutsState:
        """Begin a draw: a tree, or the first of its trajectories."""
        no = pt.constant(False)
        return s._replace(
            proposal_index=as_tensor(0), depth=as_tensor(0), trajectory=as_tensor(0), leapfrogs=as_tensor(0),
            accept_sum=as_tensor(0.0), symmetric_sum=as_tensor(0.0), worst_error=as_tensor(0.0), ended=no, diverging=no, full=no,
            step=jittered(s.log_step, self.numbers.jitter(s)), begins=as_tensor(TRAJECTORY),
        )  # fmt: skip

    def finished(self, s: NutsState) -> Tensor:
        return s.ended

    def value(self, s: NutsState) -> Tensor:
        return s.proposal_q

    def statistics(self, s: NutsState) -> list[Tensor]:
        return [
            s.diverging, s.proposal_energy, s.depth, s.leapfrogs, s.step, pt.exp(s.log_step_average),
            s.accept_sum / chances(s), s.proposal_lp, s.full, s.proposal_index, s.proposal_energy - s.energy, worst_error(s),
        ]  # fmt: skip

    # Steps -------------------------------------------------------------------------------------

    def density(self, s: NutsState) -> LogpGrad:
        """The log-density and its gradient, given the rest of a state."""
        return functools.partial(self.logp_grad, rest=self.rest(s))

    def metric(self, s: NutsState) -> Metric:
        """How velocities move positions."""
        return Directions(s.scale, s.bent, s.basis, s.factor)

    def begin_part(self, s: NutsState) -> NutsState:
        """Begin what is due: a trajectory of one point, the candidate, from a new velocity; and from one of its ends what it grows by."""
        s = branch(s.begins >= TRAJECTORY, self.begin_trajectory, unchanged, s)
        forward, back = self.numbers.forward(s), s.reached > 0.0
        s = branch(
            pt.logical_or(forward, back),
            lambda s: s._replace(q=s.q_right, v=s.v_right, g=s.g_right),
            lambda s: s._replace(q=s.q_left, v=s.v_left, g=s.g_left),
            s,
        )
        return s._replace(
            direction=pt.where(pt.not_equal(forward, back), 1, -1), leaf=as_tensor(0), sub_rho=pt.zeros_like(s.sub_rho), sub_weight=as_tensor(-float("inf")), begins=as_tensor(0)
        )

    def begin_trajectory(self, s: NutsState) -> NutsState:
        v, q, g = self.numbers.velocity(s), s.proposal_q, s.proposal_g
        energy = kinetic(v) - s.proposal_lp
        s = s._replace(
            q_left=q, v_left=v, g_left=g, q_right=q, v_right=v, g_right=g, index_left=as_tensor(0), index_right=as_tensor(0),
            rho=v, weight=as_tensor(0.0), energy=energy, proposal_energy=energy, lowest_error=as_tensor(0.0), highest_error=as_tensor(0.0),
        )  # fmt: skip
        return self.with_steps(s, 1.0) if self.timed else s

    def with_steps(self, s: NutsState, finer: Tensor | float) -> NutsState:
        """Make the next trajectory of one time with steps of a share of the draw's step size."""
        longest = pt.left_shift(as_tensor(1), s.checkpoint_first.shape[0] - 1) - 1
        return s._replace(finer=as_tensor(finer), length=leapfrogs_of(s.time, self.numbers.duration(s), s.step * finer, longest))

    def tick(self, s: NutsState, tune: Tensor) -> NutsState:
        """One step of the integrator, and all that follows from it."""
        s = branch(s.begins > 0, self.begin_part, unchanged, s)
        q, v, g, lp = leapfrog(self.density(s), s.q, s.v, s.g, self.metric(s), s.step * s.finer * pt.cast(s.direction, "float64"))
        energy = kinetic(v) - lp
        error = energy - s.energy
        error = pt.where(pt.isnan(error), float("inf"), error)
        lowest, highest = pt.minimum(s.lowest_error, error), pt.maximum(s.highest_error, error)
        # In warm-up a fall is welcome, however deep: it leads from a far start to the bulk.
        fall = pt.where(pt.logical_and(s.draw < tune, error > -float("inf")), 0.0, lowest)
        most = pt.where(s.trajectories > 0, MAX_TIMED_RANGE, MAX_ENERGY_RANGE) if self.timed else MAX_ENERGY_RANGE
        diverging = pt.logical_not(highest - fall <= most)
        s = s._replace(
            q=q, v=v, g=g, leaf=s.leaf + 1, leapfrogs=s.leapfrogs + 1, lowest_error=lowest, highest_error=highest,
        )  # fmt: skip
        # Weights are relative to the start; a divergent point has none.
        weight = pt.where(diverging, -float("inf"), -error)

        def of_tree(s: NutsState) -> NutsState:
            return self.grow_tree(s, lp, energy, weight, diverging, tune)

        def of_time(s: NutsState) -> NutsState:
            over = pt.logical_or(diverging, s.leaf >= s.length)
            return branch(over, lambda s: self.end_trajectory(s, lp, energy, weight, diverging), unchanged, s)

        s = branch(s.trajectories > 0, of_time, of_tree, s) if self.timed else of_tree(s)
        return branch(s.ended, lambda s: self.end_draw(s, tune), unchanged, s)

    def end_trajectory(self, s: NutsState, lp: Tensor, energy: Tensor, weight: Tensor, diverging: Tensor) -> NutsState:
        """Take the end of a trajectory of one time or refuse it; make it again with finer steps if it diverges; begin the next one, or end the draw."""
        accept, symmetric = acceptances(weight)
        chosen, coarse, back = self.numbers.end(s) < accept, s.finer >= 1.0, s.reached > 0.0
        first = pt.where(pt.logical_and(coarse, pt.logical_not(back)), 1.0, 0.0)
        s = s._replace(accept_sum=s.accept_sum + first * accept, symmetric_sum=s.symmetric_sum + first * symmetric)

        there = pt.logical_and(chosen, pt.logical_not(back))
        arrives = pt.logical_and(there, pt.logical_not(coarse))
        # No steps lead to where there is no density.
        narrow = pt.logical_and(diverging, pt.abs(energy) < float("inf"))
        goes_on = pt.logical_and(narrow, s.finer > pt.where(back, s.reached / FINER, FINEST))

        def arrived(s: NutsState) -> NutsState:
            """The end is kept, until it is known that coarser steps back from it diverge."""
            return s._replace(
                q_right=s.q, v_right=s.v, g_right=s.g, sub_lp=lp, sub_energy=energy, sub_index=s.leaf, reached=s.finer, worst_error=worst_error(s)
            )

        def again(s: NutsState) -> NutsState:
            from_end = s.reached > 0.0
            error = pt.where(from_end, s.sub_energy - s.energy, 0.0)
            s = s._replace(begins=as_tensor(AGAIN), lowest_error=error, highest_error=error)
            return self.with_steps(s, pt.where(arrives, 1.0, s.finer * FINER))

        def over(s: NutsState) -> NutsState:
            return self.over(s, lp, energy, pt.logical_and(there, coarse), pt.logical_and(back, narrow), diverging)

        s = branch(arrives, arrived, unchanged, s)
        return branch(pt.logical_or(arrives, goes_on), again, over, s)

    def over(self, s: NutsState, lp: Tensor, energy: Tensor, taken: Tensor, kept: Tensor, diverging: Tensor) -> NutsState:
        """Move to the end of a trajectory if it is taken, or to the one that was kept; begin the next one, or end the draw."""
        back = s.reached > 0.0
        s = branch(
            taken,
            lambda s: s._replace(proposal_q=s.q, proposal_g=s.g, proposal_lp=lp, proposal_energy=energy, proposal_index=s.proposal_index + s.leaf),
            unchanged,
            s,
        )
        s = branch(
            kept,
            lambda s: s._replace(
                proposal_q=s.q_right, proposal_g=s.g_right, proposal_lp=s.sub_lp, proposal_energy=s.sub_energy, proposal_index=s.proposal_index + s.sub_index
            ),
            unchanged,
            s,
        )
        s = s._replace(
            trajectory=s.trajectory + 1, diverging=pt.logical_or(s.diverging, pt.logical_and(diverging, pt.logical_not(back))),
            lowest_error=pt.where(back, 0.0, s.lowest_error), highest_error=pt.where(back, 0.0, s.highest_error), reached=as_tensor(0.0),
        )  # fmt: skip
        return branch(
            s.trajectory >= s.trajectories,
            lambda s: s._replace(ended=pt.constant(True)),
            lambda s: s._replace(begins=as_tensor(TRAJECTORY), worst_error=worst_error(s)),
            s,
        )

    def grow_tree(self, s: NutsState, lp: Tensor, energy: Tensor, weight: Tensor, diverging: Tensor, tune: Tensor) -> NutsState:
        """Add the newest point to the subtree, and end that where it is complete or must stop."""
        turned, checkpoints = check_leaf(
            Checkpoints(s.checkpoint_first, s.checkpoint_last, s.checkpoint_before), s.leaf - 1, s.v, s.sub_rho
        )
        accept, symmetric = acceptances(weight)
        index = pt.where(s.direction > 0, s.index_right, s.index_left) + s.direction * s.leaf
        s = s._replace(
            sub_rho=s.sub_rho + s.v,
            checkpoint_first=checkpoints.first, checkpoint_last=checkpoints.last, checkpoint_before=checkpoints.before,
            accept_sum=s.accept_sum + accept, symmetric_sum=s.symmetric_sum + symmetric,
        )  # fmt: skip
        s = self.choose_leaf(s, lp, energy, weight, index)

        stopped = pt.logical_or(turned, diverging)
        complete = pt.equal(s.leaf, pt.left_shift(as_tensor(1), s.depth))
        return branch(
            pt.logical_or(stopped, complete),
            lambda s: self.end_subtree(s, stopped, diverging, tune),
            unchanged,
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

        s = branch(take, taken, unchanged, s)
        return s._replace(sub_weight=log_add(s.sub_weight, weight))

    def end_subtree(self, s: NutsState, stopped: Tensor, diverging: Tensor, tune: Tensor) -> NutsState:
        """Merge a complete subtree into the trajectory; end the tree or begin the next subtree."""
        early = pt.cast(s.draw, "float64") < EARLY * pt.cast(tune, "float64")
        deepest = s.checkpoint_first.shape[0] - 1
        most = pt.minimum(pt.where(early, EARLY_DEPTH, deepest), deepest)

        forward = s.direction > 0
        far, near = pt.where(forward, s.v_left, s.v_right), pt.where(forward, s.v_right, s.v_left)
        turned = joined_turning(Half(s.rho, far, near), Half(s.sub_rho, s.v, s.checkpoint_first[0]))

        s = branch(stopped, unchanged, self.merge_subtree, s)
        ended = pt.logical_or(stopped, turned)
        full = pt.logical_and(s.depth >= most, pt.logical_not(ended))
        return branch(
            pt.logical_or(ended, full),
            lambda s: s._replace(ended=pt.constant(True), diverging=diverging, full=full),
            lambda s: s._replace(begins=as_tensor(SUBTREE)),
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

        s = branch(take, taken, unchanged, s)
        return s._replace(rho=s.rho + s.sub_rho, weight=log_add(s.weight, s.sub_weight), depth=s.depth + 1)

    def end_draw(self, s: NutsState, tune: Tensor) -> NutsState:
        """The candidate is the draw. Adapts while tuning."""
        accept, symmetric = s.accept_sum / chances(s), s.symmetric_sum / chances(s)
        s = branch(s.draw < tune, lambda s: self.adapted(s, tune, accept, symmetric), unchanged, s)
        return s._replace(draw=s.draw + 1)

    def first_scale(self, g: Tensor) -> Tensor:
        """Return the scale to begin with, from the gradient (d,) at the start."""
        return first_scale(g)

    def adapted(self, s: NutsState, tune: Tensor, accept: Tensor, symmetric: Tensor) -> NutsState:
        """Return the state adapted to a draw of warm-up."""
        s = adapt(s, tune, s.diverging, accept, symmetric, self.directions)
        return update_plan(s, tune) if self.timed else s  # type: ignore[no-any-return]


class NutsOfTrees(Nuts):
    """The sampler that makes all draws by trees."""

    name = "nuts_of_trees"
    timed = False


class NutsByStan(NutsOfTrees):
    """The sampler with Stan's warm-up."""

    name = "nuts_by_stan"
    plans_warm_up = True
    apart = {}

    def first_scale(self, g: Tensor) -> Tensor:
        return pt.ones_like(g)

    def adapted(self, s: NutsState, tune: Tensor, accept: Tensor, symmetric: Tensor) -> NutsState:
        def first(s: NutsState) -> Tensor:
            v = self.numbers.first_velocity(pt.random.fold_in(s.key, s.draw), s.proposal_q)
            return first_step(self.density(s), s.proposal_q, v, s.proposal_g, s.proposal_lp, s.scale, s.target)

        adapted: NutsState = stan_windows.adapt(s, tune, accept, first)
        return adapted


def acceptances(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Return the probability to take a point of that logarithmic weight, relative to the start, and the same as it is from either side.

    Over draws of the posterior both have one mean; the second varies less.
    """
    accept = pt.exp(pt.minimum(weight, 0.0))
    return accept, 2.0 * accept / (1.0 + pt.exp(pt.minimum(weight, 300.0)))


def chances(s: NutsState) -> Tensor:
    """Return how many points of a draw had a chance to be taken: the ends of its trajectories, or all points of its tree."""
    return pt.cast(pt.where(s.trajectory > 0, s.trajectory, s.leapfrogs), "float64")


def worst_error(s: NutsState) -> Tensor:
    """Return the largest error of energy of a draw, up or down."""
    now = pt.where(-s.lowest_error > s.highest_error, s.lowest_error, s.highest_error)
    return pt.where(pt.abs(s.worst_error) > pt.abs(now), s.worst_error, now)


def log_add(a: Tensor, b: Tensor) -> Tensor:
    """Return log(exp(a) + exp(b)), minus infinity being allowed."""
    high, low = pt.maximum(a, b), pt.minimum(a, b)
    return pt.where(low > -float("inf"), high + pt.log1p(pt.exp(low - high)), high)
