"""Metropolis for elements of two states: some are flipped together, and that is taken or not by the ratio of densities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

import workbench.tensor as pt
from workbench.samplers.kernel import Kernel, Position
from workbench.tensor.tensor import Tensor, as_tensor

FLIP, ACCEPT = range(2)
LEAST = 0.2
"""Below this share of proposals that are taken fewer elements are flipped."""


class BinaryMetropolisState(NamedTuple):
    """What a chain carries from one draw to the next."""

    key: Tensor
    """Random key of the chain."""
    draw: Tensor
    """Number of the draw that is being made."""
    rest_q: Tensor
    """Continuous values of the position."""
    rest_z: Tensor
    """Discrete values of the position, those of the block excepted."""
    x: Tensor
    """The block, (d,)."""
    lp: Tensor
    """Its log-density."""
    low: Tensor
    """The lower state of each element, (d,)."""
    scaling: Tensor
    """Each element flips with probability ``1 - 0.5**scaling``."""
    tuned: Tensor
    """Whether the scaling is adapted."""
    every: Tensor
    """Draws between changes of it."""
    taken: Tensor
    """Proposals taken since the last change."""
    accept: Tensor
    """Acceptance probability of the last proposal."""
    p_jump: Tensor
    """Probability with which it flipped an element."""


@dataclass(frozen=True)
class BinaryMetropolisSettings:
    """What a user may choose.

    Parameters
    ----------
    low
        The lower state of each element.
    scaling
        Each element flips with probability ``1 - 0.5**scaling``.
    tune
        Whether that is lessened in warm-up where few proposals are taken.
    tune_interval
        Draws between changes.
    """

    low: tuple[int, ...]
    scaling: float = 1.0
    tune: bool = True
    tune_interval: int = 100

    def arguments(self, size: int) -> list[Any]:
        """Return what the kernel's parameters are given for a block of `size` elements."""
        return [np.asarray(self.low, np.int64), self.scaling, self.tune, self.tune_interval]


class BinaryMetropolis(Kernel):
    """Flips of several elements of two states at once; each flips with the same probability from either, so the proposal is symmetric."""

    name = "binary_metropolis"
    stats = {"accept": "float64", "p_jump": "float64"}
    densities = ("logp",)
    discrete = True

    def parameters(self) -> list[Tensor]:
        return [
            pt.vector("low", "d", dtype="int64"), pt.scalar("scaling"), pt.scalar("tuned", dtype="bool"), pt.scalar("tune_interval", dtype="int64")
        ]  # fmt: skip

    def init(self, key: Tensor, x: Tensor, rest: Position | None, *parameters: Tensor) -> BinaryMetropolisState:
        rest_q, rest_z = rest if rest else (pt.zeros(0), pt.zeros(0, "int64"))
        low, scaling, tuned, every = parameters
        none, nothing = as_tensor(0), as_tensor(0.0)
        return BinaryMetropolisState(
            key=key, draw=none, rest_q=rest_q, rest_z=rest_z, x=x, lp=self.logp(x, rest), low=low, scaling=scaling, tuned=tuned, every=every,
            taken=none, accept=nothing, p_jump=nothing,
        )  # fmt: skip

    def renew(self, s: BinaryMetropolisState, rest: Position) -> BinaryMetropolisState:
        return s._replace(rest_q=rest.q, rest_z=rest.z, lp=self.logp(s.x, rest))

    def begin(self, s: BinaryMetropolisState) -> BinaryMetropolisState:
        return s

    def tick(self, s: BinaryMetropolisState, tune: Tensor) -> BinaryMetropolisState:
        key = pt.random.fold_in(s.key, s.draw)
        p_jump = 1.0 - 0.5**s.scaling
        flips = pt.random.uniform(pt.random.fold_in(key, FLIP), s.x.shape) < p_jump
        x = pt.where(flips, 2 * s.low + 1 - s.x, s.x)
        lp = self.logp(x, None if self.place is None else Position(s.rest_q, s.rest_z))
        ratio = lp - s.lp
        accept = pt.where(pt.isnan(ratio), 0.0, pt.exp(pt.minimum(ratio, 0.0)))
        accepted = pt.random.uniform(pt.random.fold_in(key, ACCEPT)) < accept
        taken, draw = s.taken + pt.cast(accepted, "int64"), s.draw + 1
        at_end = pt.equal(draw % s.every, 0)
        share = pt.cast(taken, "float64") / pt.cast(s.every, "float64")
        adapting = pt.logical_and(pt.logical_and(s.tuned, at_end), draw <= tune)
        return s._replace(
            x=pt.where(accepted, x, s.x), lp=pt.where(accepted, lp, s.lp), draw=draw, accept=accept, p_jump=p_jump,
            taken=pt.where(at_end, 0, taken),
            scaling=s.scaling * pt.where(pt.logical_and(adapting, share < LEAST), pt.where(share < LEAST / 4.0, 0.5, 0.8), 1.0),
        )  # fmt: skip

    def finished(self, s: BinaryMetropolisState) -> Tensor:
        return pt.constant(True)

    def value(self, s: BinaryMetropolisState) -> Tensor:
        return s.x

    def statistics(self, s: BinaryMetropolisState) -> list[Tensor]:
        return [s.accept, s.p_jump]
