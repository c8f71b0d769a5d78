"""Warm-up as Stan does it: windows of doubling length, the variances of each window's draws as the next one's diagonal metric.

The first draws and the last adapt the step size alone; windows lie between, at the end of each of which the metric is set, the step size
is looked for anew, and its averaging begins again. Gradients play no part. Source: Stan's reference manual, "MCMC sampling",
sections "Adaptation" and "Euclidean metric"; the code of Stan's `windowed_adaptation` and `var_adaptation`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import workbench.tensor as pt
from workbench.samplers.kernel import branch, unchanged
from workbench.samplers.step_size import average_step
from workbench.tensor.tensor import Tensor, as_tensor

FIRST, BASE, LAST = 75, 25, 50
"""Draws before the windows, of the first window, and after the windows, where warm-up is as long as all of them."""
FIRST_SHARE, LAST_SHARE = 0.15, 0.1
"""Shares of a shorter warm-up that are before its one window, and after it."""
SHORTEST = 20
"""Warm-up of fewer draws adapts the step size alone."""
PRIOR_DRAWS, PRIOR_VARIANCE = 5.0, 1e-3
"""A window's variances are shrunk as if there were so many draws more, of this variance."""


def buffers(tune: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return how many draws of warm-up lie before the windows, in the first window, and after the windows."""
    whole = tune >= FIRST + BASE + LAST
    length = pt.cast(tune, "float64")
    first, last = (pt.cast(pt.floor(share * length), "int64") for share in (FIRST_SHARE, LAST_SHARE))
    return pt.where(whole, FIRST, first), pt.where(whole, BASE, tune - first - last), pt.where(whole, LAST, last)


def window_after(length: Tensor, draw: Tensor, windows_end: Tensor) -> tuple[Tensor, Tensor]:
    """Return the length of the window that begins after draw number `draw`, of twice `length`, and the number of its last draw.

    It goes on to the end of all windows where the one after it would not be whole.
    """
    twice = 2 * length
    end = draw + twice
    return twice, pt.where(pt.logical_or(end + 2 * twice >= windows_end, end >= windows_end - 1), windows_end - 1, end)


def adapt(s: Any, tune: Tensor, acceptance: Tensor, first_step: Callable[[Any], Tensor]) -> Any:
    """Return the state with the step size and, at the end of a window, the metric adapted to the last draw.

    Parameters
    ----------
    s
        A state of NUTS. `next_seen` is the length of the window, `window` the number of its last draw.
    tune
        Draws of warm-up.
    acceptance
        What the step size brings to its target.
    first_step
        From a state with another metric to a step size to begin with.
    """
    before, base, after = buffers(tune)
    windows_end = tune - after
    s = branch(pt.equal(s.draw, 0), lambda s: s._replace(window=pt.cast(before + base - 1, "float64"), next_seen=pt.cast(base, "float64")), unchanged, s)
    s = average_step(s, acceptance)
    inside = pt.logical_and(pt.logical_and(s.draw >= before, s.draw < windows_end), tune >= SHORTEST)

    def counted(s: Any) -> Any:
        n = s.seen + 1.0
        change = s.proposal_q - s.mean_q
        mean = s.mean_q + change / n
        s = s._replace(seen=n, mean_q=mean, square_q=s.square_q + change * (s.proposal_q - mean))
        return branch(pt.equal(s.draw, pt.cast(s.window, "int64")), ended, unchanged, s)

    def ended(s: Any) -> Any:
        weight = s.seen / (s.seen + PRIOR_DRAWS)
        variance = weight * s.square_q / (s.seen - 1.0) + (1.0 - weight) * PRIOR_VARIANCE
        length, end = window_after(pt.cast(s.next_seen, "int64"), s.draw, windows_end)
        zero, none = pt.zeros_like(s.mean_q), as_tensor(0.0)
        s = s._replace(
            scale=pt.sqrt(variance), seen=none, mean_q=zero, square_q=zero,
            next_seen=pt.cast(length, "float64"), window=pt.cast(end, "float64"),
        )  # fmt: skip
        log_step = pt.log(first_step(s))
        return s._replace(log_step=log_step, log_step_average=log_step, step_anchor=pt.log(10.0) + log_step, step_error=none, step_updates=none)

    s = branch(inside, counted, unchanged, s)
    last = pt.equal(s.draw + 1, tune)
    return s._replace(log_step=pt.where(last, s.log_step_average, s.log_step))
