"""Step size by dual averaging (Nesterov; Hoffman and Gelman, "The No-U-Turn sampler", 2014)."""

from __future__ import annotations

import math
from typing import Any

import workbench.tensor as pt
from workbench.samplers.integrator import Diagonal, LogpGrad, kinetic, leapfrog
from workbench.samplers.kernel import branch, unchanged
from workbench.tensor.tensor import Tensor, as_tensor

DECAY, DELAY, SHRINKAGE = 0.75, 10.0, 0.05
"""k, t0 and gamma of the paper; t0 and gamma as in nuts-rs."""
FIRST_STEP = 0.1
FAR = 300.0
"""A step size this many times longer or shorter than the anchor is far from it; nearer, the bias in acceptance
is below 0.01 after 300 draws (the distance in logarithms times SHRINKAGE / (2 sqrt(n)))."""
JITTER = 0.1


def average_step(s: Any, statistic: Tensor) -> Any:
    """Return a sampler's state, which has the fields of dual averaging, after one update with the acceptance `statistic`."""
    n = s.step_updates + 1.0
    rate = 1.0 / (n + DELAY)
    error = (1.0 - rate) * s.step_error + rate * (s.target - statistic)
    log_step = s.step_anchor - pt.sqrt(n) / SHRINKAGE * error
    mix = pt.exp(-DECAY * pt.log(n))
    average = mix * log_step + (1.0 - mix) * s.log_step_average
    return s._replace(step_updates=n, step_error=error, log_step=log_step, log_step_average=average)


def anchored(s: Any) -> Any:
    """Return the state with dual averaging begun anew, if its step size has gone far from the anchor.

    Dual averaging holds a step size at a distance from its anchor only by a lasting error in
    acceptance. A new mass matrix changes the unit of the step size; after a start far out by so much
    that the old anchor would leave steps much too long or too short at the end of warm-up.
    """
    zero = as_tensor(0.0)
    far = pt.abs(s.log_step - s.step_anchor) > math.log(FAR)
    anew = s._replace(step_updates=zero, step_error=zero, step_anchor=s.log_step, log_step_average=s.log_step)
    return branch(far, lambda s: anew, unchanged, s)


def first_step(
    logp_grad: LogpGrad, q: Tensor, v: Tensor, g: Tensor, lp: Tensor, scale: Tensor, target: Tensor
) -> Tensor:
    """Return a step size at which one leapfrog's acceptance crosses `target`: doubled or halved from 0.1."""
    start = kinetic(v) - lp

    def accepted(step: Tensor) -> Tensor:
        _, v1, _, lp1 = leapfrog(logp_grad, q, v, g, Diagonal(scale), step)
        change = start - (kinetic(v1) - lp1)
        return pt.where(pt.isfinite(change), change, -float("inf")) > pt.log(target)

    up = accepted(as_tensor(FIRST_STEP))
    factor = pt.where(up, 2.0, 0.5)

    def body(step: Tensor, tries: Tensor, going: Tensor) -> list[Tensor]:
        step = step * factor
        return [step, tries + 1, pt.equal(pt.cast(accepted(step), "int64"), pt.cast(up, "int64"))]

    step, _, _ = pt.while_loop(
        lambda step, tries, going: pt.logical_and(going, tries < 50),
        body,
        [FIRST_STEP, 0, pt.constant(True)],
        names=("step", "tries", "going"),
    )
    return step


def jittered(log_step: Tensor, u: Tensor) -> Tensor:
    """Return a step size within 10 % of the adapted one, from a uniform number."""
    return pt.exp(log_step) * (1.0 - JITTER + 2.0 * JITTER * u)
