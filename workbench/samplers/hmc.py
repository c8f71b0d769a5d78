"""Hamiltonian Monte Carlo with trajectories of one length. Where NUTS is at hand it chooses the length by itself.

Source: Duane, Kennedy, Pendleton and Roweth, "Hybrid Monte Carlo" (1987); Neal, "MCMC using Hamiltonian dynamics" (2011).
Step size and mass matrix are adapted as those of NUTS are.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

import workbench.tensor as pt
from workbench.errors import SamplingError
from workbench.samplers.integrator import LogpGrad, kinetic, leapfrog
from workbench.samplers.kernel import Kernel, Position, address, branch, known_rest, unchanged
from workbench.samplers.low_rank import Directions, judged_directions, update_directions
from workbench.samplers.mass_matrix import first_scale
from workbench.samplers.nuts import METRICS
from workbench.samplers.step_size import first_step
from workbench.samplers.warm_up import adapt, first_adaptation
from workbench.tensor.tensor import Tensor, as_tensor

VELOCITY, JITTER, ACCEPT, FIRST = range(4)
MAX_ENERGY_ERROR = 1000.0
"""A trajectory that ends higher than this above its start is a divergence."""
JITTERED = 0.15
"""Share by which the step size of a trajectory may differ from the adapted one, so that no length suits a period."""


class HmcState(NamedTuple):
    """What a chain carries from one leapfrog to the next (`d` elements)."""

    key: Tensor
    """Random key of the chain."""
    draw: Tensor
    """Number of the draw that is being made."""
    rest_q: Tensor
    """Continuous values of the position, of which those of other kernels are read."""
    rest_z: Tensor
    """Discrete values of the position."""
    target: Tensor
    """Acceptance that the step size aims at."""
    path_length: Tensor
    """Time that a trajectory lasts."""
    max_steps: Tensor
    """Most leapfrogs of a trajectory."""

    q: Tensor
    """Where the trajectory is, (d,)."""
    v: Tensor
    """Whitened velocity there, (d,)."""
    g: Tensor
    """Gradient of the log-density there, (d,)."""
    proposal_q: Tensor
    """The draw, (d,): where the trajectory started, until it ends."""
    proposal_g: Tensor
    proposal_lp: Tensor
    proposal_index: Tensor
    """Leapfrogs from the last draw to this one: those of its trajectory, or 0."""
    energy: Tensor
    """Energy at the trajectory's start."""
    error: Tensor
    """Energy at its end less that."""
    accept: Tensor
    """Probability of acceptance."""
    planned: Tensor
    """Leapfrogs of this trajectory."""
    leapfrogs: Tensor
    """Those done."""
    diverging: Tensor
    ended: Tensor

    step: Tensor
    """Step size of this trajectory, jitter included."""
    log_step: Tensor
    """Logarithm of the adapted step size."""
    log_step_average: Tensor
    step_error: Tensor
    step_anchor: Tensor
    step_updates: Tensor
    scale: Tensor
    """Square root of the inverse mass matrix's diagonal, (d,)."""
    bent: Tensor
    """Whether directions are stretched beyond it."""
    basis: Tensor
    """These directions, (rank, d)."""
    factor: Tensor
    """The map within them, (rank, rank)."""
    recent_q: Tensor
    """Recent draws, (n, d), and the gradients there."""
    recent_g: Tensor
    window: Tensor
    seen: Tensor
    mean_q: Tensor
    square_q: Tensor
    mean_g: Tensor
    square_g: Tensor
    next_seen: Tensor
    next_mean_q: Tensor
    next_square_q: Tensor
    next_mean_g: Tensor
    next_square_g: Tensor


class HmcNumbers:
    """The random numbers of HMC, by address."""

    def velocity(self, s: HmcState) -> Tensor:
        """Standard normal velocity (d,) of a new trajectory."""
        return pt.random.normal(address(s, VELOCITY), s.v.shape)

    def jitter(self, s: HmcState) -> Tensor:
        """Uniform number that varies the step size."""
        return pt.random.uniform(address(s, JITTER))

    def accept(self, s: HmcState) -> Tensor:
        """Uniform number that decides whether the trajectory's end is the draw."""
        return pt.random.uniform(address(s, ACCEPT))


class Hmc(Kernel):
    """HMC, as graphs around the slot ``logp_grad``.

    Parameters
    ----------
    place
        Its number in a compound.
    numbers
        Where random numbers come from.
    """

    name = "hmc"
    stats = {
        "diverging": "bool", "accepted": "bool", "energy": "float64", "n_steps": "int64", "step_size": "float64",
        "step_size_bar": "float64", "path_length": "float64", "acceptance_rate": "float64", "lp": "float64", "energy_error": "float64",
    }  # fmt: skip

    apart = {"directions": judged_directions}

    def __init__(self, place: int | None = None, numbers: HmcNumbers = HmcNumbers()) -> None:
        super().__init__(place)
        self.numbers = numbers

    def parameters(self) -> list[Tensor]:
        """The acceptance aimed at, the trajectories' time, most leapfrogs of one, the first step size (0: it is looked for), zeros for
        directions (rank, d) and recent draws (n, d)."""
        return [
            pt.scalar("target_accept"), pt.scalar("path_length"), pt.scalar("max_steps", "int64"), pt.scalar("first_step"),
            pt.matrix("basis", "rank", "d"), pt.matrix("recent", "recent", "d"),
        ]  # fmt: skip

    def init(self, key: Tensor, x: Tensor, rest: Position | None, *parameters: Tensor) -> HmcState:
        target, path_length, max_steps, given, basis, recent = parameters
        density = functools.partial(self.logp_grad, rest=rest)
        lp, g = density(x)
        scale = first_scale(g)
        v = pt.random.normal(pt.random.fold_in(key, 2**63 + FIRST), x.shape)
        step = pt.where(given > 0.0, given, first_step(density, x, v, g, lp, scale, target))
        zero, none, nothing, no = pt.zeros_like(x), as_tensor(0), as_tensor(0.0), pt.constant(False)
        rest_q, rest_z = known_rest(rest)
        return HmcState(
            key=key, draw=none, rest_q=rest_q, rest_z=rest_z, target=target, path_length=path_length, max_steps=max_steps,
            q=x, v=zero, g=g, proposal_q=x, proposal_g=g, proposal_lp=lp, proposal_index=none,
            energy=nothing, error=nothing, accept=nothing, planned=none, leapfrogs=none, diverging=no, ended=no,
            **first_adaptation(step, scale, basis, recent),
        )  # fmt: skip

    def density(self, s: HmcState) -> LogpGrad:
        """The log-density and its gradient, given the rest of a state."""
        return functools.partial(self.logp_grad, rest=self.rest(s))

    def renew(self, s: HmcState, rest: Position) -> HmcState:
        s = s._replace(rest_q=rest.q, rest_z=rest.z)
        lp, g = self.density(s)(s.proposal_q)
        return s._replace(proposal_lp=lp, proposal_g=g)

    def begin(self, s: HmcState) -> HmcState:
        """Draw a velocity and start a trajectory from the last draw."""
        v = self.numbers.velocity(s)
        step = pt.exp(s.log_step) * self.jitter(s)
        return s._replace(
            q=s.proposal_q, v=v, g=s.proposal_g, proposal_index=as_tensor(0), energy=kinetic(v) - s.proposal_lp,
            step=step, planned=self.steps(s, step), leapfrogs=as_tensor(0), ended=pt.constant(False),
        )  # fmt: skip

    def jitter(self, s: HmcState) -> Tensor:
        """What the adapted step size is multiplied by."""
        return 1.0 - JITTERED + 2.0 * JITTERED * self.numbers.jitter(s)

    def steps(self, s: HmcState, step: Tensor) -> Tensor:
        """Leapfrogs of a trajectory: they depend on no position."""
        most = pt.cast(s.max_steps, "float64")
        return pt.cast(pt.clip(pt.floor(s.path_length / step), 1.0, most), "int64")

    def tick(self, s: HmcState, tune: Tensor) -> HmcState:
        """One leapfrog."""
        metric = Directions(s.scale, s.bent, s.basis, s.factor)
        q, v, g, lp = leapfrog(self.density(s), s.q, s.v, s.g, metric, s.step)
        error = kinetic(v) - lp - s.energy
        s = s._replace(q=q, v=v, g=g, leapfrogs=s.leapfrogs + 1)
        # A trajectory that leaves the density is given up where it does, and so is the one back from beyond.
        lost = pt.logical_not(pt.isfinite(error))
        over = pt.logical_or(lost, s.leapfrogs >= s.planned)
        return branch(over, lambda s: self.end(s, lp, error, tune), unchanged, s)

    def end(self, s: HmcState, lp: Tensor, error: Tensor, tune: Tensor) -> HmcState:
        """The trajectory is done: its end is the draw, or its start again. Adapts while tuning."""
        # Downwards however far: from a start far out, it leads to the bulk.
        diverging = pt.logical_not(pt.logical_and(error <= MAX_ENERGY_ERROR, pt.isfinite(error)))
        accept = pt.where(diverging, 0.0, pt.exp(-pt.maximum(error, 0.0)))

        def taken(s: HmcState) -> HmcState:
            return s._replace(proposal_q=s.q, proposal_g=s.g, proposal_lp=lp, proposal_index=s.leapfrogs)

        s = branch(self.numbers.accept(s) < accept, taken, unchanged, s)
        s = branch(s.draw < tune, lambda s: adapt(s, tune, diverging, accept, accept, update_directions), unchanged, s)
        error = pt.where(pt.isnan(error), float("inf"), error)
        return s._replace(ended=pt.constant(True), diverging=diverging, accept=accept, error=error, draw=s.draw + 1)

    def finished(self, s: HmcState) -> Tensor:
        return s.ended

    def value(self, s: HmcState) -> Tensor:
        return s.proposal_q

    def statistics(self, s: HmcState) -> list[Tensor]:
        moved = s.proposal_index > 0
        return [
            s.diverging, moved, s.energy + pt.where(moved, s.error, 0.0), s.leapfrogs, s.step, pt.exp(s.log_step_average),
            s.step * pt.cast(s.leapfrogs, "float64"), s.accept, s.proposal_lp, s.error,
        ]  # fmt: skip


@dataclass(frozen=True)
class HmcSettings:
    """What a user may choose, by PyMC's names.

    Parameters
    ----------
    path_length
        Time that a trajectory lasts, where the posterior's standard deviations are about 1 after adaptation.
    max_steps
        Most leapfrogs of a trajectory.
    target_accept
        Acceptance that the step size aims at, between 0 and 1.
    step_scale
        First step size, for one element: for `d` it is divided by ``d ** 0.25``. It is looked for where this is None.
    metric
        What the mass matrix has beside its diagonal, as for NUTS: "auto", "diag", "low_rank" or "dense".
    """

    path_length: float = 2.0
    max_steps: int = 1024
    target_accept: float = 0.65
    step_scale: float | None = None
    metric: str = "auto"

    def kernel(self, discrete: bool) -> type[Kernel]:
        """Return the kernel for a block of continuous values."""
        return Hmc

    def arguments(self, size: int) -> list[Any]:
        """Return what the kernel's parameters are given for a block of `size` elements.

        Raises
        ------
        SamplingError
            If an option is out of bounds.
        """
        if not 0.0 < self.target_accept < 1.0:
            raise SamplingError(f"target_accept must lie between 0 and 1, got {self.target_accept!r}")
        if not self.path_length > 0.0:
            raise SamplingError(f"path_length must be positive, got {self.path_length!r}")
        if self.max_steps < 1:
            raise SamplingError(f"max_steps must be at least 1, got {self.max_steps!r}")
        if self.step_scale is not None and not self.step_scale > 0.0:
            raise SamplingError(f"step_scale must be positive, got {self.step_scale!r}")
        return [
            float(self.target_accept), float(self.path_length), int(self.max_steps), (self.step_scale or 0.0) / max(size, 1) ** 0.25,
            *(np.zeros((rows, size)) for rows in METRICS[self.metric](size)),
        ]  # fmt: skip
