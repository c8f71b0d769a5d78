"""Warm-up of a sampler that uses gradients: what is adapted when, after each of its first draws."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import workbench.tensor as pt
from workbench.samplers.kernel import branch, unchanged
from workbench.samplers.mass_matrix import update_mass
from workbench.samplers.step_size import average_step
from workbench.tensor.tensor import Tensor

EARLY, FINAL = 0.3, 0.85
"""Shares of warm-up: short windows and trees before the first, only the step size after the second."""


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
