"""The leapfrog integrator in whitened velocities: one gradient a step."""

from __future__ import annotations

from collections.abc import Callable

import workbench.tensor as pt
from workbench.tensor.tensor import Tensor

LogpGrad = Callable[[Tensor], tuple[Tensor, Tensor]]


def leapfrog(
    logp_grad: LogpGrad, q: Tensor, v: Tensor, g: Tensor, scale: Tensor, step: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return position, velocity, gradient and log-density after one step.

    Half a kick, a drift, half a kick (velocity Verlet; Neal, "MCMC using Hamiltonian dynamics",
    2011), with position moving by ``scale * v`` and velocity by ``scale * gradient``.
    """
    half = 0.5 * step
    v = v + half * (scale * g)
    q = q + step * (scale * v)
    lp, g = logp_grad(q)
    return q, v + half * (scale * g), g, lp


def kinetic(v: Tensor) -> Tensor:
    """Kinetic energy of a whitened velocity."""
    return 0.5 * pt.sum(pt.square(v))
