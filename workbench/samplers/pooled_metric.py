"""Diagonal metric from all chains at once: minimises the Fisher divergence.

The inverse mass is ``sqrt(var(positions) / var(gradients))``, as for single chains, but over the chains: it is
known at the first transition, for a normal posterior exactly and wherever the chains are. Estimates of later
transitions count more, so that what chains saw on their way is forgotten.
"""

from __future__ import annotations

import math

import workbench.tensor as pt
from workbench.tensor.tensor import Tensor

LOWEST, HIGHEST = math.log(1e-10), math.log(1e10)
FORGETTING = 8.0
"""Update number t counts with t to this power, less one."""


def first_scale(q: Tensor, g: Tensor) -> Tensor:
    """Return the logarithm of the scale (d,) from positions and gradients (chains, d)."""
    found = _log_scale(q, g)
    alone = -0.5 * pt.log(pt.mean(pt.abs(g), axis=0))
    alone = pt.where(pt.isfinite(alone), alone, 0.0)
    return pt.clip(pt.where(pt.isfinite(found), found, alone), LOWEST, HIGHEST)


def better_scale(log_scale: Tensor, q: Tensor, g: Tensor, t: Tensor) -> Tensor:
    """Return the logarithm of the scale (d,) after update number `t` (1 for the first)."""
    weight = FORGETTING / (t + FORGETTING)
    found = pt.clip(_log_scale(q, g), LOWEST, HIGHEST)
    return pt.where(pt.isfinite(found), (1.0 - weight) * log_scale + weight * found, log_scale)


def _log_scale(q: Tensor, g: Tensor) -> Tensor:
    return 0.25 * (pt.log(_spread(q)) - pt.log(_spread(g)))


def _spread(x: Tensor) -> Tensor:
    """Sum of squared deviations over the chains, (d,)."""
    return pt.sum(pt.square(x - pt.mean(x, axis=0)), axis=0)
