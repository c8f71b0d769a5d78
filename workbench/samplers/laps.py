"""LAPS, the late-adjusted parallel sampler: MAMS whose warm-up leaves acceptance out until the chains are about where they belong.

In the first part of warm-up a transition is one step of microcanonical Langevin dynamics, which no chain refuses. Its step is as long as the
bias allows that the chains still have: the ensemble tells it from what holds of the posterior, that ``-cov(x, gradient)`` is 1
for each parameter and the mean gradient 0. So steps are long while the chains are far out, and shorten as they come in. Then
MAMS begins there, with a step size of its own. Source: "The Late Adjusted Parallel Sampler", arXiv:2601.16696 (2026), and what BlackJAX has by
that name. There the metric is found in the first part, and the length of trajectories is fixed; here both are learned as in MAMS, the metric
from the first step on.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import workbench.tensor as pt
from workbench.samplers.chain_numbers import numbered
from workbench.samplers.chees import CheesState, acceptance
from workbench.samplers.mams import Mams, MamsState, _make
from workbench.samplers.pooled_metric import better_scale
from workbench.tensor.tensor import Tensor, as_tensor

UNADJUSTED = 0.75
"""Share of warm-up whose steps are not refused."""
REFRESH = 2
"""A purpose of random numbers: what turns velocities a little before a step."""
MEMORY = 1.9
"""A velocity is forgotten along this many standard deviations, times the root of d."""
TOLERANCE = 0.01
"""The variance of energy errors that is allowed per parameter is this times ``bias ** (3 / 8)``: 0.1 in the paper, whose velocity Verlet has larger errors
for the same bias. With 0.1 here the standard deviations of a normal stay a third too small, and the chains come in no sooner."""
LEAST_CHANGE, MOST_CHANGE = 0.3, 3.0
"""What the step size changes by, from one step to the next."""
LOST = 0.1
"""Where more of the chains than this share run into an energy error without bound, the step is halved."""

LapsState = _make("LapsState", (*MamsState._fields, "v"))
"""What MAMS carries, and velocities (n, d) of length 1."""


class Laps(Mams):
    """Microcanonical Langevin steps without acceptance, then MAMS."""

    name = "laps"

    def carried(self, s: CheesState) -> Any:
        # Speeds are kept from the first step on: nothing is refused that could hold chains back.
        return MamsState(*s, free=pt.constant(False))

    def first_length(self, q: Tensor) -> Tensor:
        return pt.sqrt(pt.cast(q.shape[1], "float64"))

    def start(self, key: Tensor, q: Tensor, settings: Mapping[str, Tensor]) -> Any:
        s = super().start(key, q, settings)
        # Uphill in parameters in which the chains are spread too widely, downhill in those in which too little.
        outwards = pt.where(_virial(s) > 1.0, 1.0, -1.0)
        v = outwards * pt.exp(s.log_scale) * s.g
        return LapsState(*s, v=_directions(pt.where(pt.isfinite(v), v, 0.0) + 1e-300))

    def transition(self, s: Any, tune: Tensor) -> Any:
        early = pt.floor(UNADJUSTED * pt.cast(tune, "float64"))
        draw = pt.cast(s.draw, "float64")

        def unadjusted(*fields: Tensor) -> list[Tensor]:
            return list(self.unadjusted(LapsState(*fields)))

        def adjusted(*fields: Tensor) -> list[Tensor]:
            first = pt.logical_and(pt.equal(draw, early), early > 0.0)
            begun = pt.cond(first, lambda *s: list(self.begun(LapsState(*s))), lambda *s: list(s), list(fields), LapsState._fields)
            return list(super(Laps, self).transition(LapsState(*begun), tune))

        return LapsState(*pt.cond(draw < early, unadjusted, adjusted, list(s), LapsState._fields))

    def unadjusted(self, s: Any) -> Any:
        """Return the state after a step that no chain refuses, with the step size, and the metric, for the next one."""
        scale, step = pt.exp(s.log_scale), pt.exp(s.log_step)
        size = pt.cast(s.q.shape[1], "float64")
        off = s.q - pt.mean(s.q, axis=0)
        memory = MEMORY * pt.sqrt(pt.sum(pt.mean(pt.square(off / scale), axis=0)))
        noise = self.numbers.normal(s.key, s.draw, REFRESH, numbered(s.q), s.q.shape[1])
        v = _directions(s.v + pt.sqrt(pt.expm1(2.0 * step / memory) / size) * noise)
        end = self.leap(s, s.q, v, s.g, s.lp, pt.zeros_like(s.lp), scale, step)
        error = self._error(s.lp, v, end)
        there = pt.isfinite(error)
        q, last, g, lp, _ = end
        new = s._replace(
            draw=s.draw + 1, q=pt.where(there[:, None], q, s.q), g=pt.where(there[:, None], g, s.g), lp=pt.where(there, lp, s.lp),
            v=pt.where(there[:, None], last, -v), acceptance=acceptance(error), diverging=pt.logical_not(there), energy=-pt.where(there, lp, s.lp),
            energy_error=error, steps=as_tensor(1), step=step,
        )  # fmt: skip
        known = pt.maximum(pt.sum(pt.cast(there, "float64")), 1.0)
        mean = pt.sum(pt.where(there, error, 0.0)) / known
        variance = pt.sum(pt.where(there, pt.square(error - mean), 0.0)) / known / size
        # The variance grows as the sixth power of the step.
        change = pt.power(TOLERANCE * pt.power(_bias(new), 3.0 / 8.0) / pt.maximum(variance, 1e-300), 1.0 / 6.0)
        change = pt.where(pt.isfinite(change), pt.clip(change, LEAST_CHANGE, MOST_CHANGE), 1.0)
        change = pt.where(pt.mean(pt.cast(there, "float64")) < 1.0 - LOST, 0.5, change)
        log_scale = better_scale(s.log_scale, new.q, new.g, pt.cast(new.draw, "float64"))
        return new._replace(log_step=s.log_step + pt.log(change), log_scale=log_scale)

    def begun(self, s: Any) -> Any:
        """Return the state that MAMS begins its part of warm-up with: the longest trajectory goes there and back in the chains' widest direction."""
        log_step = pt.log(self.first_step(s))
        x = (s.q - pt.mean(s.q, axis=0)) / pt.exp(s.log_scale)
        # About the largest variance: the trace of the covariance's square, from neighbours' products, over its trace.
        widest = pt.mean(pt.square(pt.sum(x[1:] * x[:-1], axis=1))) / pt.maximum(pt.mean(pt.sum(pt.square(x), axis=1)), 1e-300)
        # That of a normal distribution is half a turn.
        log_length = pt.log(math.pi * self.first_length(s.q)) + 0.5 * pt.log(pt.clip(widest, 1.0, 1e10))
        return s._replace(
            log_step=log_step, log_step_average=log_step, step_anchor=log_step + math.log(2.0), log_length=log_length, log_length_average=log_length
        )


def _virial(s: Any) -> Tensor:
    """``-cov(x, gradient)`` over the chains, (d,): 1 in the posterior, whatever that is."""
    return -pt.mean((s.q - pt.mean(s.q, axis=0)) * s.g, axis=0)


def _bias(s: Any) -> Tensor:
    """Mean square, over parameters, of what the chains' spread and place are off by, in units of the metric."""
    return pt.mean(pt.square(1.0 - _virial(s)) + pt.square(pt.mean(s.g, axis=0) * pt.exp(s.log_scale)))


def _directions(v: Tensor) -> Tensor:
    """Vectors (n, d) at length 1."""
    return v / pt.maximum(pt.sqrt(pt.sum(pt.square(v), axis=1)), 1e-300)[:, None]
