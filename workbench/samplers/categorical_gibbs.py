"""Gibbs sampling of elements of few states: each is drawn given all others."""

from __future__ import annotations

import workbench.tensor as pt
from workbench.samplers.sweep import Sweep, SweepState
from workbench.tensor.tensor import Tensor, as_tensor

PICK, TAKE = range(2)


def weights_of(logp: Tensor) -> Tensor:
    """Return numbers in proportion to the densities, the largest 1; all 0 where none is possible."""
    most = pt.max(logp)
    return pt.where(most > -float("inf"), pt.exp(logp - most), 0.0)


def picked(weights: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
    """Return a number with a probability in proportion to its weight, from a uniform number, and the sum of weights."""
    below = pt.cumsum(weights)
    total = below[-1]
    return pt.sum(pt.cast(below <= u * total, "int64")), total


class CategoricalGibbs(Sweep):
    """Each element is drawn from its conditional distribution, in PyMC `CategoricalGibbsMetropolis`.

    With a tendency of 1 another state than the present one is proposed in proportion to the densities, and taken with Liu's
    probability ("Metropolized Gibbs sampler: an improvement", 1996): no mean has a larger error. PyMC calls that proposal "proportional".
    """

    name = "categorical_gibbs"
    stats = {}

    def choose(self, s: SweepState, i: Tensor, values: Tensor, logp: Tensor, key: Tensor) -> Tensor:
        number = pt.arange(logp.shape[0])
        now = s.x[i] - s.low[i]
        weights = pt.where(number < s.states[i], weights_of(logp), 0.0)
        here = pt.equal(number, now)
        others = pt.where(pt.logical_and(here, s.tendency > 0.0), 0.0, weights)
        found, total = picked(others, pt.random.uniform(pt.random.fold_in(key, PICK)))
        # With the state that it would leave behind in place of the one that it goes to.
        back = pt.sum(pt.where(pt.equal(number, found), 0.0, weights))
        take = pt.logical_or(s.tendency <= 0.0, pt.random.uniform(pt.random.fold_in(key, TAKE)) * back < total)
        return pt.where(pt.logical_and(total > 0.0, take), found, now)


class CategoricalMetropolis(Sweep):
    """Another state is proposed, each with the same probability, and taken or not by the ratio of densities: PyMC's proposal "uniform"."""

    name = "categorical_metropolis"
    stats = {}

    def candidates(self, s: SweepState, i: Tensor, key: Tensor) -> Tensor:
        now, others = s.x[i] - s.low[i], s.states[i] - 1
        pick = pt.cast(pt.floor(pt.cast(others, "float64") * pt.random.uniform(key)), "int64")
        other = pt.minimum(pick + pt.cast(pick >= now, "int64"), others)
        return s.low[i] + pt.stack([now, other])

    def choose(self, s: SweepState, i: Tensor, values: Tensor, logp: Tensor, key: Tensor) -> Tensor:
        difference = logp[1] - logp[0]
        return pt.where(pt.random.uniform(key) < pt.exp(pt.minimum(difference, 0.0)), as_tensor(1), as_tensor(0))
