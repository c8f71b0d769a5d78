"""The leapfrog integrator in whitened velocities: one gradient a step."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

import workbench.tensor as pt
from workbench.tensor.tensor import Tensor

LogpGrad = Callable[[Tensor], tuple[Tensor, Tensor]]


class Metric(Protocol):
    """How whitened velocities move positions, and gradients velocities."""

    def drift(self, q: Tensor, v: Tensor, g: Tensor, step: Tensor) -> tuple[Tensor, Tensor]:
        """Return position and velocity after half a kick and a drift."""

    def kick(self, v: Tensor, g: Tensor, step: Tensor) -> Tensor:
        """Return the velocity after a kick."""


class Diagonal(NamedTuple):
    """The metric of a diagonal mass matrix: position moves by ``scale * v``, velocity by ``scale * gradient``."""

    scale: Tensor
    """Square root of the inverse mass matrix's diagonal, (d,)."""

    def kick(self, v: Tensor, g: Tensor, step: Tensor) -> Tensor:
        return v + step * (self.scale * g)

    def drift(self, q: Tensor, v: Tensor, g: Tensor, step: Tensor) -> tuple[Tensor, Tensor]:
        v = self.kick(v, g, 0.5 * step)
        return q + step * (self.scale * v), v


def leapfrog(
    logp_grad: LogpGrad, q: Tensor, v: Tensor, g: Tensor, metric: Metric, step: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return position, velocity, gradient and log-density after one step.

    Half a kick, a drift, half a kick (velocity Verlet; Neal, "MCMC using Hamiltonian dynamics", 2011).
    """
    q, v = metric.drift(q, v, g, step)
    lp, g = logp_grad(q)
    return q, metric.kick(v, g, 0.5 * step), g, lp


def kinetic(v: Tensor) -> Tensor:
    """Kinetic energy of a whitened velocity."""
    return 0.5 * pt.sum(pt.square(v))
