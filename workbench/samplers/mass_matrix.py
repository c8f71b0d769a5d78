"""Diagonal mass matrix from draws and gradients: minimises the Fisher divergence.

The inverse mass is ``sqrt(var(draws) / var(gradients))``. Two windows of running variances: the
foreground one is used, the background one takes over when it is long enough, so that early draws
are forgotten. Source: Seyboldt, Carlson and Carpenter, "Preconditioning Hamiltonian Monte Carlo by
minimizing Fisher divergence" (2026), and nuts-rs.
"""

from __future__ import annotations

from typing import Any

import workbench.tensor as pt
from workbench.samplers.kernel import branch, unchanged
from workbench.samplers.step_size import anchored
from workbench.tensor.tensor import Tensor

LOWEST, HIGHEST = 1e-20, 1e20
EARLY_WINDOW, LATE_WINDOW, GROWTH = 10.0, 80.0, 1.5
MOVED_ENOUGH = 4
"""A divergent trajectory's proposal counts only if it lies further from the start than this."""


def first_scale(g: Tensor) -> Tensor:
    """Return the first scale, from one gradient: inverse mass ``1 / |g|``."""
    return pt.sqrt(_clamped(1.0 / pt.abs(g), pt.ones_like(g)))


def _clamped(inverse_mass: Tensor, otherwise: Tensor) -> Tensor:
    usable = pt.logical_and(pt.isfinite(inverse_mass), inverse_mass > 0.0)
    return pt.where(usable, pt.clip(inverse_mass, LOWEST, HIGHEST), otherwise)


def welford(count: Tensor, mean: Tensor, square: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and sum of squared deviations with one more value, the `count`-th."""
    change = x - mean
    mean = mean + change / count
    return mean, square + change * (x - mean)


def update_mass(s: Any, diverging: Tensor, early: Tensor) -> Any:
    """Return a sampler's state with the new draw in both windows, the windows switched if due, and a new scale.

    The state has the fields of `NutsState` that are read here.
    """
    distance = pt.abs(s.proposal_index)
    counts = pt.where(diverging, distance > MOVED_ENOUGH, distance > 0)

    def add(s: Any) -> Any:
        n, m = s.seen + 1.0, s.next_seen + 1.0
        mean_q, square_q = welford(n, s.mean_q, s.square_q, s.proposal_q)
        mean_g, square_g = welford(n, s.mean_g, s.square_g, s.proposal_g)
        next_mean_q, next_square_q = welford(m, s.next_mean_q, s.next_square_q, s.proposal_q)
        next_mean_g, next_square_g = welford(m, s.next_mean_g, s.next_square_g, s.proposal_g)
        switch = m >= pt.where(early, EARLY_WINDOW, s.window)
        s = branch(switch, anchored, unchanged, s)
        count = pt.where(switch, m, n)
        square_q = pt.where(switch, next_square_q, square_q)
        square_g = pt.where(switch, next_square_g, square_g)
        # The windows are of one length, so the variances' divisors cancel.
        inverse_mass = _clamped(pt.sqrt(square_q / square_g), pt.square(s.scale))
        return s._replace(
            seen=count,
            mean_q=pt.where(switch, next_mean_q, mean_q),
            square_q=square_q,
            mean_g=pt.where(switch, next_mean_g, mean_g),
            square_g=square_g,
            next_seen=pt.where(switch, 0.0, m),
            next_mean_q=pt.where(switch, 0.0, next_mean_q),
            next_square_q=pt.where(switch, 0.0, next_square_q),
            next_mean_g=pt.where(switch, 0.0, next_mean_g),
            next_square_g=pt.where(switch, 0.0, next_square_g),
            window=pt.where(pt.logical_and(switch, pt.logical_not(early)), s.window * GROWTH, s.window),
            scale=pt.where(count >= 3.0, pt.sqrt(inverse_mass), s.scale),
        )

    return branch(counts, add, unchanged, s)
