"""Elliptical slice sampling: of a block with a Gaussian prior. There is nothing to tune, and no step is in vain.

A draw from the prior and the block span an ellipse; on it a point is looked for where the likelihood is above a height
under the present one, in an interval of angles that shrinks towards the block. Source: Murray, Adams and MacKay,
"Elliptical slice sampling" (2010).

The density comes in two parts: `log_likelihood` is all that depends on the block but its prior, and `prior` makes of
standard normal noise the prior's mean and a step from it, given the rest.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import workbench.tensor as pt
from workbench.samplers.kernel import Kernel, Position, address, branch, known_rest
from workbench.tensor.tensor import Tensor, as_tensor

NOISE, HEIGHT, ANGLE = range(3)


class EllipticalSliceState(NamedTuple):
    """What a chain carries from one point of the ellipse to the next (`d` elements)."""

    key: Tensor
    """Random key of the chain."""
    draw: Tensor
    """Number of the draw that is being made."""
    rest_q: Tensor
    """Continuous values of the position, of which those of other kernels are read."""
    rest_z: Tensor
    """Discrete values of the position."""
    x: Tensor
    """The block, (d,)."""
    ll: Tensor
    """Its log-likelihood."""
    mean: Tensor
    """The prior's mean, (d,)."""
    step: Tensor
    """A draw from the prior less that, (d,)."""
    height: Tensor
    """Logarithm of the likelihood above which the next draw is."""
    angle: Tensor
    """Where on the ellipse the next point is; the block is at 0."""
    low: Tensor
    """The interval of angles that are left."""
    high: Tensor
    shrunk: Tensor
    """Points of this draw that were too low."""
    done: Tensor
    """Whether the draw is made."""


class EllipticalSlice(Kernel):
    """Elliptical slice sampling of a whole block."""

    name = "elliptical_slice"
    stats = {"nstep_in": "int64", "angle": "float64"}
    densities = ("log_likelihood", "prior")

    def log_likelihood(self, x: Tensor, rest: Position | None) -> Tensor:
        """The log-density of the block given the rest without its prior, but for a constant."""
        (value,) = pt.slot(self.slot("log_likelihood"), (as_tensor(0.0).type,), x, *(rest or ()))
        return value

    def prior(self, noise: Tensor, rest: Position | None) -> tuple[Tensor, Tensor]:
        """The prior's mean given the rest, and a step from it that noise (d,) makes."""
        mean, step = pt.slot(self.slot("prior"), (noise.type, noise.type), noise, *(rest or ()))
        return mean, step

    def init(self, key: Tensor, x: Tensor, rest: Position | None, *parameters: Tensor) -> EllipticalSliceState:
        rest_q, rest_z = known_rest(rest)
        none, zero = as_tensor(0), as_tensor(0.0)
        return EllipticalSliceState(
            key=key, draw=none, rest_q=rest_q, rest_z=rest_z, x=x, ll=self.log_likelihood(x, rest), mean=pt.zeros_like(x),
            step=pt.zeros_like(x), height=zero, angle=zero, low=zero, high=zero, shrunk=none, done=pt.constant(False),
        )  # fmt: skip

    def renew(self, s: EllipticalSliceState, rest: Position) -> EllipticalSliceState:
        return s._replace(rest_q=rest.q, rest_z=rest.z, ll=self.log_likelihood(s.x, rest))

    def begin(self, s: EllipticalSliceState) -> EllipticalSliceState:
        """Draw an ellipse, a height, and a first angle on the whole of it."""
        mean, step = self.prior(pt.random.normal(address(s, NOISE), s.x.shape), self.rest(s))
        s = s._replace(mean=mean, step=step, shrunk=as_tensor(0), done=pt.constant(False))
        angle = 2.0 * math.pi * self.uniform(s)
        height = s.ll - pt.random.exponential(address(s, HEIGHT))
        return s._replace(height=height, angle=angle, low=angle - 2.0 * math.pi, high=angle)

    def uniform(self, s: EllipticalSliceState) -> Tensor:
        """The uniform number of the next angle."""
        return pt.random.uniform(pt.random.fold_in(address(s, ANGLE), s.shrunk))

    def tick(self, s: EllipticalSliceState, tune: Tensor) -> EllipticalSliceState:
        """Look at one point."""
        x = s.mean + (s.x - s.mean) * pt.cos(s.angle) + s.step * pt.sin(s.angle)
        ll = self.log_likelihood(x, self.rest(s))
        # A point without a likelihood, or with an infinite one, is none.
        inside = pt.logical_and(ll >= s.height, pt.isfinite(ll))
        return branch(inside, lambda s: s._replace(x=x, ll=ll, draw=s.draw + 1, done=pt.constant(True)), self.shrink, s)

    def shrink(self, s: EllipticalSliceState) -> EllipticalSliceState:
        """The point is too low: it becomes an end of the interval, which keeps the block inside."""
        before = s.angle < 0.0
        low, high = pt.where(before, s.angle, s.low), pt.where(before, s.high, s.angle)
        s = s._replace(low=low, high=high, shrunk=s.shrunk + 1)
        return s._replace(angle=low + (high - low) * self.uniform(s))

    def finished(self, s: EllipticalSliceState) -> Tensor:
        return s.done

    def value(self, s: EllipticalSliceState) -> Tensor:
        return s.x

    def statistics(self, s: EllipticalSliceState) -> list[Tensor]:
        return [s.shrunk, s.angle]


@dataclass(frozen=True)
class EllipticalSliceSettings:
    """There is nothing to choose."""

    def kernel(self, discrete: bool) -> type[Kernel]:
        """Return the kernel for a block of continuous values."""
        return EllipticalSlice

    def arguments(self, size: int) -> list[Any]:
        """Return what the kernel's parameters are given for a block of `size` elements: nothing."""
        return []
