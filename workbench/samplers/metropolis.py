"""Random-walk Metropolis: a proposal around the last draw, taken or not by the ratio of densities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import workbench.tensor as pt
from workbench.samplers.kernel import Kernel, Position
from workbench.tensor.tensor import Tensor, as_tensor

PROPOSAL, ACCEPT = range(2)


class MetropolisState(NamedTuple):
    """What a chain carries from one draw to the next."""

    key: Tensor
    """Random key of the chain."""
    draw: Tensor
    """Number of the draw that is being made."""
    rest_q: Tensor
    """Continuous values of the position, those of the block excepted."""
    rest_z: Tensor
    """Discrete values of the position."""
    x: Tensor
    """The block, (d,)."""
    lp: Tensor
    """Its log-density."""
    scaling: Tensor
    """The proposal's width."""
    every: Tensor
    """Draws between changes of the width."""
    taken: Tensor
    """Proposals taken since the last change."""
    accept: Tensor
    """Acceptance probability of the last proposal."""
    accepted: Tensor
    """Whether it was taken."""


@dataclass(frozen=True)
class MetropolisSettings:
    """What a user may choose.

    Parameters
    ----------
    scaling
        First width of the proposal.
    tune_interval
        Draws between changes of the width, in warm-up.
    """

    scaling: float = 1.0
    tune_interval: int = 100

    def arguments(self, size: int) -> list[Any]:
        """Return what the kernel's parameters are given for a block of `size` elements."""
        return [self.scaling, float(self.tune_interval)]


class Metropolis(Kernel):
    """Random-walk Metropolis of a whole block."""

    name = "metropolis"
    stats = {"accept": "float64", "accepted": "bool", "scaling": "float64"}
    densities = ("logp",)

    def parameters(self) -> list[Tensor]:
        return [pt.scalar("scaling"), pt.scalar("tune_interval")]

    def init(self, key: Tensor, x: Tensor, rest: Position | None, *parameters: Tensor) -> MetropolisState:
        scaling, every = parameters
        nothing = as_tensor(0.0)
        return MetropolisState(
            key=key, draw=as_tensor(0), rest_q=rest.q if rest else pt.zeros(0), rest_z=rest.z if rest else pt.zeros(0, "int64"),
            x=x, lp=self.logp(x, rest), scaling=scaling, every=every, taken=nothing, accept=nothing, accepted=pt.constant(False),
        )  # fmt: skip

    def _rest(self, s: MetropolisState) -> Position | None:
        return None if self.place is None else Position(s.rest_q, s.rest_z)

    def renew(self, s: MetropolisState, rest: Position) -> MetropolisState:
        return s._replace(rest_q=rest.q, rest_z=rest.z, lp=self.logp(s.x, rest))

    def begin(self, s: MetropolisState) -> MetropolisState:
        return s

    def propose(self, s: MetropolisState) -> Tensor:
        key = pt.random.fold_in(pt.random.fold_in(s.key, s.draw), PROPOSAL)
        return s.x + s.scaling * pt.random.normal(key, s.x.shape)

    def tick(self, s: MetropolisState, tune: Tensor) -> MetropolisState:
        x = self.propose(s)
        lp = self.logp(x, self._rest(s))
        ratio = lp - s.lp
        accept = pt.where(pt.isnan(ratio), 0.0, pt.exp(pt.minimum(ratio, 0.0)))
        u = pt.random.uniform(pt.random.fold_in(pt.random.fold_in(s.key, s.draw), ACCEPT))
        accepted = u < accept
        return s._replace(
            x=pt.where(accepted, x, s.x), lp=pt.where(accepted, lp, s.lp), accept=accept, accepted=accepted, draw=s.draw + 1,
        )  # fmt: skip

    def finished(self, s: MetropolisState) -> Tensor:
        return pt.constant(True)

    def value(self, s: MetropolisState) -> Tensor:
        return s.x

    def statistics(self, s: MetropolisState) -> list[Tensor]:
        return [s.accept, s.accepted, s.scaling]


class IntegerMetropolis(Metropolis):
    """Random-walk Metropolis of integers."""

    name = "integer_metropolis"
    discrete = True

    def propose(self, s: MetropolisState) -> Tensor:
        key = pt.random.fold_in(pt.random.fold_in(s.key, s.draw), PROPOSAL)
        return s.x + pt.cast(pt.round(s.scaling * pt.random.normal(key, s.x.shape)), "int64")
