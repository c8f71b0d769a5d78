"""MAMS: Metropolis-adjusted microcanonical sampling, of many chains whose trajectories are of one length.

The speed of a trajectory is constant, whatever the energy: a gradient turns the velocity, and what it would have
added to the kinetic energy is counted as work. Steps, metric and length are learned as ChEES-HMC learns them.

So a chain that is far out comes in no faster than another moves, and the steep density there asks for short steps: a hundred standard
deviations away none arrives. In the first part of warm-up speeds are free therefore, in the same integrator: that is ChEES-HMC, whose chains
fall in, and what it has learned of steps, metric and length is what MAMS begins with.
Source: Robnik, Cohn-Gordon and Seljak, "Metropolis adjusted microcanonical Hamiltonian Monte Carlo" (2025).
"""

from __future__ import annotations

import math
from collections import namedtuple
from collections.abc import Callable
from typing import Any

import workbench.tensor as pt
from workbench.samplers.chees import Chees, CheesState
from workbench.tensor.tensor import Tensor, as_tensor

COMING_IN = 0.2
"""Share of warm-up in which speeds are free."""
MINIMAL_NORM = 0.1931833275037836
"""Share of the outer turns in McLachlan's minimal-norm integrator of second order."""

_make: Callable[..., Any] = namedtuple
MamsState = _make("MamsState", (*CheesState._fields, "free"))
"""What ChEES-HMC carries, and whether speeds are free."""


class Mams(Chees):
    """Isokinetic trajectories, accepted or not, from all chains' step size, diagonal metric and length."""

    name = "mams"
    settings = {"target_accept": 0.7}
    gradients_per_step = 2
    least_size = 2

    def carried(self, s: CheesState) -> Any:
        return MamsState(*s, free=pt.constant(True))

    def transition(self, s: Any, tune: Tensor) -> Any:
        return super().transition(self.kept(s, s.draw >= pt.cast(pt.floor(COMING_IN * pt.cast(tune, "float64")), "int64")), tune)

    def kept(self, s: Any, now: Tensor) -> Any:
        """Return the state with speeds that are kept from `now` on, if they were free, and adaptation begun anew from what is known."""
        now = pt.logical_and(s.free, now)
        # The speed is 1 then, where it was the root of d.
        longer = pt.where(now, 0.5 * pt.log(pt.cast(s.q.shape[1], "float64")), 0.0)
        log_step, log_length = s.log_step + longer, s.log_length + longer
        begun = {
            "log_step_average": log_step, "step_anchor": log_step + math.log(2.0), "step_error": as_tensor(0.0), "step_updates": as_tensor(0.0),
            "log_length_average": log_length, "square_slope": as_tensor(0.0), "free": pt.constant(False),
        }  # fmt: skip
        return s._replace(log_step=log_step, log_length=log_length, **{name: pt.where(now, x, getattr(s, name)) for name, x in begun.items()})

    def velocity(self, s: Any) -> Tensor:
        """Draw directions (n, d), of length 1, where speeds are kept."""
        v = super().velocity(s)
        return pt.where(s.free, v, v / _norm(v)[:, None])

    def leap(self, s: Any, q: Tensor, v: Tensor, g: Tensor, lp: Tensor, work: Tensor, scale: Tensor, step: Tensor) -> list[Tensor]:
        """One step of the minimal-norm integrator: turn, drift, turn, drift, turn; two gradients."""
        v, first = self.turned(s, v, scale * g, MINIMAL_NORM * step)
        q = q + 0.5 * step * (scale * v)
        lp, g = self.logp_grad(q)
        v, second = self.turned(s, v, scale * g, (1.0 - 2.0 * MINIMAL_NORM) * step)
        q = q + 0.5 * step * (scale * v)
        lp, g = self.logp_grad(q)
        v, third = self.turned(s, v, scale * g, MINIMAL_NORM * step)
        return [q, v, g, lp, work + first + second + third]

    def turned(self, s: Any, v: Tensor, g: Tensor, time: Tensor) -> tuple[Tensor, Tensor]:
        """Return velocities (n, d) after a gradient has acted on them for a time, and the kinetic energy gained, (n,)."""
        kept, work = turn(v, g, time)
        faster = v + time * g
        gained = 0.5 * pt.sum((faster + v) * (faster - v), axis=1)
        return pt.where(s.free, faster, kept), pt.where(s.free, gained, work)

    def kinetic(self, v: Tensor, work: Tensor) -> Tensor:
        return work


def turn(v: Tensor, g: Tensor, time: Tensor) -> tuple[Tensor, Tensor]:
    """Return directions (n, d) turned towards the gradient `g` for a time, and the work done, (n,).

    The exact solution of ``dv/dt = (g - v (v . g)) / (d - 1)`` on the sphere.
    """
    d = pt.cast(v.shape[1], "float64")
    size = _norm(g)
    e = g / pt.maximum(size, 1e-300)[:, None]
    along = pt.sum(e * v, axis=1)
    angle = time * size / (d - 1.0)
    shrunk = pt.exp(-angle)
    towards = (1.0 - shrunk) * (1.0 + shrunk + along * (1.0 - shrunk))
    v = towards[:, None] * e + 2.0 * shrunk[:, None] * v
    gained = angle + pt.log(0.5 * (1.0 + along + (1.0 - along) * pt.square(shrunk)))
    return v / _norm(v)[:, None], (d - 1.0) * gained


def _norm(x: Tensor) -> Tensor:
    return pt.sqrt(pt.sum(pt.square(x), axis=1))
