"""ChEES-HMC: all chains take trajectories of one length, which they learn together.

Every trajectory is a share of the longest, the same share for all chains, from an evenly spread sequence: so no
chain waits for another. The length grows while longer trajectories change the squared distance from the middle
more (ChEES: change in the estimator of the expected square). Source: Hoffman, Radul and Sountsov, "An
adaptive-MCMC scheme for setting trajectory lengths in Hamiltonian Monte Carlo" (2021).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import workbench.tensor as pt
from workbench.samplers.chain_numbers import numbered
from workbench.samplers.ensemble import Ensemble
from workbench.samplers.pooled_metric import better_scale, first_scale
from workbench.samplers.step_size import average_step
from workbench.tensor.tensor import Tensor, as_tensor

MOMENTUM, ACCEPT, FIRST = range(3)
MAX_ENERGY_ERROR = 1000.0
"""An energy that rises by more than this is a divergence."""
MOST_LEAPFROGS = 1000
"""Most steps of one trajectory, and of one in the first part of warm-up, before the metric is known."""
EARLY, MOST_EARLY = 0.1, 64
LOWEST_ACCEPTANCE = 0.1
"""In the harmonic mean a chain that is stuck counts as one that accepts so rarely."""
RATE, MEMORY, MOST_CHANGE = 0.025, 0.95, 0.35
"""Adam's rate, its memory of squared gradients, and the most that it may change the logarithm of the length."""
AVERAGING = -0.5
"""What is used after warm-up is an average of what was tried; update number t has the weight t to this power."""
FIRST_STEP = 0.1


class CheesState(NamedTuple):
    """Everything that the chains carry from one transition to the next (`n` chains, `d` parameters)."""

    key: Tensor
    """Random key of the run."""
    draw: Tensor
    """Transitions made, warm-up included."""
    q: Tensor
    """Positions, (n, d), in the model's unconstrained space."""
    g: Tensor
    """Gradients of the log-density there, (n, d)."""
    lp: Tensor
    """Log-densities, (n,)."""

    target: Tensor
    """Acceptance that the step size aims at."""
    log_scale: Tensor
    """Logarithm of the square root of the inverse mass matrix's diagonal, (d,)."""
    log_step: Tensor
    """Logarithm of the step size."""
    log_step_average: Tensor
    step_error: Tensor
    """Dual averaging's running mean of (target - acceptance)."""
    step_anchor: Tensor
    """Dual averaging shrinks towards this log step size."""
    step_updates: Tensor
    log_length: Tensor
    """Logarithm of the longest trajectory's length."""
    log_length_average: Tensor
    square_slope: Tensor
    """Adam's running mean of the criterion's squared slope."""

    acceptance: Tensor
    """Of the last transition: its probability of acceptance, (n,)."""
    diverging: Tensor
    """Whether the proposal was a divergence, (n,)."""
    energy: Tensor
    """Energy of the draw, (n,)."""
    energy_error: Tensor
    """Energy of the proposal less that of its start, (n,)."""
    steps: Tensor
    """Steps of the integrator."""
    step: Tensor
    """Step size."""


class Chees(Ensemble):
    """HMC with step size, diagonal metric and trajectory length learned from all chains."""

    name = "chees"
    stats = {
        "diverging": "bool", "energy": "float64", "n_steps": "int64", "step_size": "float64", "acceptance_rate": "float64",
        "lp": "float64", "energy_error": "float64", "trajectory_length": "float64",
    }  # fmt: skip
    settings = {"target_accept": 0.651}
    gradients_per_step = 1

    # The dynamics ------------------------------------------------------------------------------

    def velocity(self, s: CheesState) -> Tensor:
        """Draw velocities (n, d)."""
        return self.numbers.normal(s.key, s.draw, MOMENTUM, numbered(s.q), s.q.shape[1])

    def leap(self, s: CheesState, q: Tensor, v: Tensor, g: Tensor, lp: Tensor, work: Tensor, scale: Tensor, step: Tensor) -> list[Tensor]:
        """Return position, velocity, gradient, log-density and kinetic energy gained (n,), after one step: velocity Verlet."""
        v = v + 0.5 * step * (scale * g)
        q = q + step * (scale * v)
        lp, g = self.logp_grad(q)
        return [q, v + 0.5 * step * (scale * g), g, lp, work]

    def kinetic(self, v: Tensor, work: Tensor) -> Tensor:
        """Return kinetic energies (n,): of velocities, or what the trajectory has gained."""
        return 0.5 * pt.sum(pt.square(v), axis=1)

    def first_length(self, q: Tensor) -> Tensor:
        """Return the trajectory length that warm-up begins with."""
        return as_tensor(1.0)

    # The sampler -------------------------------------------------------------------------------

    def start(self, key: Tensor, q: Tensor, settings: Mapping[str, Tensor]) -> CheesState:
        lp, g = self.logp_grad(q)
        zero, none, each = as_tensor(0.0), as_tensor(0), pt.zeros_like(lp)
        log_scale = first_scale(q, g)
        s = self.carried(CheesState(
            key=key, draw=none, q=q, g=g, lp=lp, target=settings["target_accept"], log_scale=log_scale,
            log_step=zero, log_step_average=zero, step_error=zero, step_anchor=zero, step_updates=zero,
            log_length=pt.log(self.first_length(q)), log_length_average=pt.log(self.first_length(q)), square_slope=zero,
            acceptance=each, diverging=pt.cast(each, "bool"), energy=each, energy_error=each, steps=none, step=zero,
        ))  # fmt: skip
        log_step = pt.log(self.first_step(s))
        return s._replace(log_step=log_step, log_step_average=log_step, step_anchor=log_step + math.log(2.0))

    def carried(self, s: CheesState) -> CheesState:
        """Return the first state with what a subclass carries besides."""
        return s

    def first_step(self, s: CheesState) -> Tensor:
        """Return a step size at which the acceptance of one step of all chains crosses its target: doubled or halved from 0.1."""
        v = self.velocity(s._replace(draw=as_tensor(2**62 + FIRST)))

        def accepted(step: Tensor) -> Tensor:
            end = self.leap(s, s.q, v, s.g, s.lp, pt.zeros_like(s.lp), pt.exp(s.log_scale), step)
            return harmonic_mean(acceptance(self._error(s.lp, v, end))) > s.target

        def body(step: Tensor, tries: Tensor, factor: Tensor, going: Tensor) -> list[Tensor]:
            enough = accepted(step)
            factor = pt.where(pt.equal(tries, 0), pt.where(enough, 2.0, 0.5), factor)
            going = pt.equal(pt.cast(enough, "int64"), pt.cast(factor > 1.0, "int64"))
            return [pt.where(going, step * factor, step), tries + 1, factor, going]

        step, *_ = pt.while_loop(
            lambda step, tries, factor, going: pt.logical_and(going, tries < 50), body, [FIRST_STEP, 0, 1.0, pt.constant(True)],
            ("step", "tries", "factor", "going"),
        )  # fmt: skip
        return step

    def _error(self, lp: Tensor, v: Tensor, end: Sequence[Tensor]) -> Tensor:
        """Energies at the end of trajectories less those at their start, (n,)."""
        _, last, _, last_lp, work = end
        return energy_error(self.kinetic(v, pt.zeros_like(work)) - lp, self.kinetic(last, work) - last_lp)

    def transition(self, s: CheesState, tune: Tensor) -> CheesState:
        share = self.numbers.shared(s.draw)
        scale, step = pt.exp(s.log_scale), pt.exp(s.log_step)
        early = pt.cast(s.draw, "float64") < EARLY * pt.cast(tune, "float64")
        most = pt.where(early, float(MOST_EARLY), float(MOST_LEAPFROGS))
        steps = pt.cast(pt.clip(pt.ceil(share * pt.exp(s.log_length) / step), 1.0, most), "int64")
        v = self.velocity(s)

        def leap(i: Tensor, q: Tensor, v: Tensor, g: Tensor, lp: Tensor, work: Tensor) -> list[Tensor]:
            return [i + 1, *self.leap(s, q, v, g, lp, work, scale, step)]

        _, *end = pt.while_loop(
            lambda i, *at: i < steps, leap, [0, s.q, v, s.g, s.lp, pt.zeros_like(s.lp)], ("i", "q", "v", "g", "lp", "work")
        )
        error = self._error(s.lp, v, end)
        accept = acceptance(error)
        take = self.numbers.uniform(s.key, s.draw, ACCEPT, numbered(s.q)) < accept
        q, last, g, lp, work = end
        before = self.kinetic(v, pt.zeros_like(work)) - s.lp
        new = s._replace(
            draw=s.draw + 1, q=pt.where(take[:, None], q, s.q), g=pt.where(take[:, None], g, s.g), lp=pt.where(take, lp, s.lp),
            acceptance=accept, diverging=pt.equal(error, float("inf")), energy=pt.where(take, before + error, before),
            energy_error=error, steps=steps, step=step,
        )  # fmt: skip

        # A subclass may carry more.
        kind = type(new)

        def adapted(*fields: Tensor) -> CheesState:
            slope = criterion_slope(s.q, q, last, accept, scale) * share
            return self.adapt(kind(*fields), slope, tune)

        return kind(*pt.cond(s.draw < tune, adapted, lambda *fields: list(fields), list(new), new._fields))

    def adapt(self, s: CheesState, slope: Tensor, tune: Tensor) -> CheesState:
        """Return the state with step size, length and metric after a transition of warm-up."""
        s = average_step(s, harmonic_mean(s.acceptance))
        t = s.step_updates
        # Adam without momentum on the logarithm of the length.
        slope = slope * pt.exp(s.log_length)
        square = MEMORY * s.square_slope + (1.0 - MEMORY) * pt.square(slope)
        rms = pt.sqrt(square / (1.0 - pt.power(MEMORY, t)))
        change = pt.clip(RATE * slope / rms, -MOST_CHANGE, MOST_CHANGE)
        known = pt.logical_and(rms > 0.0, pt.isfinite(rms))
        log_length = s.log_length + pt.where(known, change, 0.0)
        weight = pt.power(t, AVERAGING)
        average = weight * log_length + (1.0 - weight) * s.log_length_average
        last = pt.equal(s.draw, tune)
        return s._replace(
            log_length=pt.where(last, average, log_length), log_length_average=average,
            square_slope=pt.where(known, square, s.square_slope), log_step=pt.where(last, s.log_step_average, s.log_step),
            log_scale=better_scale(s.log_scale, s.q, s.g, t),
        )  # fmt: skip

    def statistics(self, s: CheesState) -> Sequence[Tensor]:
        return [s.diverging, s.energy, s.steps, s.step, s.acceptance, s.lp, s.energy_error, pt.cast(s.steps, "float64") * s.step]

    def gradients(self, s: CheesState) -> Tensor:
        return s.steps * self.gradients_per_step


def energy_error(before: Tensor, after: Tensor) -> Tensor:
    """Return energies after less those before, (chains,); infinite where there is none, or too much."""
    error = after - before
    # A density of plus infinity is a fault of the model.
    return pt.where(pt.logical_and(pt.isfinite(error), error <= MAX_ENERGY_ERROR), error, float("inf"))


def acceptance(error: Tensor) -> Tensor:
    """Return probabilities of acceptance from energy errors."""
    return pt.exp(-pt.maximum(error, 0.0))


def harmonic_mean(accept: Tensor) -> Tensor:
    """Return the harmonic mean of acceptances: that of the chains which accept least counts most."""
    return 1.0 / pt.mean(1.0 / pt.maximum(accept, LOWEST_ACCEPTANCE))


def criterion_slope(start: Tensor, end: Tensor, v: Tensor, accept: Tensor, scale: Tensor) -> Tensor:
    """Return the slope of ChEES in the length of trajectories, from those of all chains.

    The criterion is the expected square of the change in squared distance from the middle, where positions are
    measured in units of `scale`; chains count by their acceptance.

    Parameters
    ----------
    start, end, v
        Positions at the start and at the end of trajectories, and velocities there, (chains, d).
    accept
        Probabilities of acceptance, (chains,).
    scale
        Units of the parameters, (d,).
    """
    counts = (accept > 0.0)[:, None]
    total = pt.maximum(pt.sum(accept), 1e-300)
    first = start / scale
    last = pt.where(counts, end / scale, 0.0)
    a = first - pt.mean(first, axis=0)
    b = pt.where(counts, last - pt.sum(accept[:, None] * last, axis=0) / total, 0.0)
    gained = pt.sum(pt.square(b), axis=1) - pt.sum(pt.square(a), axis=1)
    return pt.sum(accept * gained * pt.sum(b * pt.where(counts, v, 0.0), axis=1)) / total
