"""MAMS: Metropolis-adjusted microcanonical sampling, of many chains whose trajectories are of one length.

The speed of a trajectory is constant, whatever the energy: a gradient turns the velocity, and what it would have
added to the kinetic energy is counted as work. Steps, metric and length are learned as ChEES-HMC learns them.
Source: Robnik, Cohn-Gordon and Seljak, "Metropolis adjusted microcanonical Hamiltonian Monte Carlo" (2025).
"""

from __future__ import annotations

import workbench.tensor as pt
from workbench.samplers.chees import Chees, CheesState
from workbench.tensor.tensor import Tensor

MINIMAL_NORM = 0.1931833275037836
"""Share of the outer turns in McLachlan's minimal-norm integrator of second order."""


class Mams(Chees):
    """Isokinetic trajectories, accepted or not, from all chains' step size, diagonal metric and length."""

    name = "mams"
    settings = {"target_accept": 0.7}
    gradients_per_step = 2
    least_size = 2

    def velocity(self, s: CheesState) -> Tensor:
        """Draw directions (n, d), of length 1."""
        v = super().velocity(s)
        return v / _norm(v)[:, None]

    def leap(self, q: Tensor, v: Tensor, g: Tensor, lp: Tensor, work: Tensor, scale: Tensor, step: Tensor) -> list[Tensor]:
        """One step of the minimal-norm integrator: turn, drift, turn, drift, turn; two gradients."""
        v, first = turn(v, scale * g, MINIMAL_NORM * step)
        q = q + 0.5 * step * (scale * v)
        lp, g = self.logp_grad(q)
        v, second = turn(v, scale * g, (1.0 - 2.0 * MINIMAL_NORM) * step)
        q = q + 0.5 * step * (scale * v)
        lp, g = self.logp_grad(q)
        v, third = turn(v, scale * g, MINIMAL_NORM * step)
        return [q, v, g, lp, work + first + second + third]

    def kinetic(self, v: Tensor, work: Tensor) -> Tensor:
        return work

    def first_length(self, q: Tensor) -> Tensor:
        # The speed is 1, where in HMC it is the root of d.
        return pt.sqrt(pt.cast(q.shape[1], "float64"))


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
