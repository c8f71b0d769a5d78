"""Warm-up of a sampler that uses gradients: what is adapted when, after each of its first draws."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import workbench.tensor as pt
from workbench.samplers.kernel import branch, unchanged
from workbench.samplers.mass_matrix import LATE_WINDOW, update_mass
from workbench.samplers.step_size import average_step
from workbench.tensor.tensor import Tensor, as_tensor

EARLY, FINAL = 0.3, 0.85
"""Shares of warm-up: short windows and trees before the first, only the step size after the second."""


def first_adaptation(step: Tensor, scale: Tensor, basis: Tensor, recent: Tensor) -> dict[str, Tensor]:
    """Return the fields of a state that adaptation changes, at a first step size and scale (d,), with room for directions and recent draws."""
    zero, nothing = pt.zeros_like(scale), as_tensor(0.0)
    return dict(
        step=step, log_step=pt.log(step), log_step_average=pt.log(step), step_error=nothing,
        step_anchor=pt.log(10.0 * step), step_updates=nothing,
        scale=scale, bent=pt.constant(False), basis=basis, factor=pt.dot(basis, basis.T), recent_q=recent, recent_g=recent,
        window=as_tensor(LATE_WINDOW), seen=nothing, mean_q=zero, square_q=zero, mean_g=zero, square_g=zero,
        next_seen=nothing, next_mean_q=zero, next_square_q=zero, next_mean_g=zero, next_square_g=zero,
    )  # fmt: skip


def adapt(
    s: Any, tune: Tensor, diverging: Tensor, acceptance: Tensor, final_acceptance: Tensor, directions: Callable[[Any], Any] = unchanged
) -> Any:
    """Return the state with the mass matrix and the step size adapted to the last draw.

    Parameters
    ----------
    s
        A state with the fields of `NutsState` that adaptation reads; `draw` is the number of the last draw.
    tune
        Draws of warm-up.
    diverging
        Whether the draw's trajectory diverged.
    acceptance, final_acceptance
        What the step size brings to its target, and what it does when nothing else is adapted any more.
    directions
        What is adapted beside the diagonal of the mass matrix.
    """
    share = pt.cast(s.draw, "float64") / pt.cast(tune, "float64")
    final = share >= FINAL
    s = branch(final, unchanged, lambda s: directions(update_mass(s, diverging, share < EARLY)), s)
    s = average_step(s, pt.where(final, final_acceptance, acceptance))
    last = pt.equal(s.draw + 1, tune)
    return s._replace(log_step=pt.where(last, s.log_step_average, s.log_step))
