"""Random-walk Metropolis: a step from the last draw, taken or not by the ratio of densities.

Elements are moved one by one, each given the others, or all together. The steps' widths are tuned in warm-up by
the share that is taken. Source: Metropolis et al., "Equation of state calculations by fast computing machines"
(1953); the options and the table of tuning are those of PyMC.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

import workbench.tensor as pt
from workbench.errors import SamplingError
from workbench.samplers.kernel import Kernel, Position, address, branch, known_rest, unchanged
from workbench.samplers.proposals import (
    CONTINUOUS,
    INDEPENDENT,
    MultivariateNormalProposal,
    Proposal,
    chosen,
    independent_steps,
    positive,
    widths,
)
from workbench.tensor.tensor import Tensor, as_tensor

PROPOSAL, ACCEPT = range(2)
TUNING = ((0.001, 0.1), (0.05, 0.5), (0.2, 0.9), (0.5, 1.0), (0.75, 1.1), (0.95, 2.0))
"""Shares taken, and what a width is multiplied by below them; above the last one, by `MOST`."""
MOST = 10.0
LONGEST = 2.0**52
"""Longest step of an integer."""


class MetropolisState(NamedTuple):
    """What a chain carries from one update to the next (`d` elements)."""

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
    lp: Tensor
    """Its log-density."""
    proposed: Tensor
    """Where this draw's step leads, (d,)."""
    element: Tensor
    """Updates of this draw that are done."""
    together: Tensor
    """Whether all elements are moved by one update."""
    proposal: Tensor
    """Number of the distribution of steps."""
    spread: Tensor
    """Widths of steps as they were given, (d,), or the Cholesky factor of their covariance, (d, d)."""
    scaling: Tensor
    """What widths are multiplied by, (d,)."""
    width: Tensor
    """Mean of that in this draw."""
    every: Tensor
    """Draws between changes of the widths; 0 for none."""
    taken: Tensor
    """Steps taken since the last change, (d,)."""
    accept: Tensor
    """Sum of the acceptance probabilities of this draw's updates."""
    accepted: Tensor
    """Updates of this draw that were taken."""


def acceptance(lp: Tensor, before: Tensor) -> Tensor:
    """Return the probability to go from one log-density to another; 0 to a point that has none, or an infinite one."""
    usable = pt.logical_and(pt.isfinite(lp), pt.logical_not(pt.isnan(before)))
    return pt.where(usable, pt.exp(pt.minimum(lp - before, 0.0)), 0.0)


def tuned(scaling: Tensor, share: Tensor) -> Tensor:
    """Return widths after a change, from the share of steps taken: PyMC's table."""
    factor = as_tensor(MOST)
    for bound, smaller in reversed(TUNING):
        # Bounds above a half belong to the share below them.
        below = share <= bound if bound >= 0.5 else share < bound
        factor = pt.where(below, smaller, factor)
    return scaling * factor


class Metropolis(Kernel):
    """Random-walk Metropolis of continuous elements."""

    name = "metropolis"
    stats = {"accept": "float64", "accepted": "float64", "scaling": "float64"}
    densities = ("logp",)
    proposals: ClassVar[Sequence[type[Proposal]]] = CONTINUOUS
    """Distributions of steps that it knows, by number."""

    def parameters(self) -> list[Tensor]:
        """Widths of steps and what they are multiplied by, the proposal's number, whether elements move together, draws between changes."""
        return [
            self.spread(), pt.vector("scaling", "d"), pt.scalar("proposal", "int64"), pt.scalar("together", "bool"),
            pt.scalar("tune_interval", "int64"),
        ]  # fmt: skip

    def spread(self) -> Tensor:
        return pt.vector("spread", "d")

    def init(self, key: Tensor, x: Tensor, rest: Position | None, *parameters: Tensor) -> MetropolisState:
        spread, scaling, proposal, together, every = parameters
        rest_q, rest_z = known_rest(rest)
        zero, none = as_tensor(0.0), as_tensor(0)
        return MetropolisState(
            key=key, draw=none, rest_q=rest_q, rest_z=rest_z, x=x, lp=self.logp(x, rest), proposed=x, element=none,
            together=together, proposal=proposal, spread=spread, scaling=scaling, width=zero,
            every=every, taken=pt.zeros_like(scaling), accept=zero, accepted=none,
        )  # fmt: skip

    def renew(self, s: MetropolisState, rest: Position) -> MetropolisState:
        return s._replace(rest_q=rest.q, rest_z=rest.z, lp=self.logp(s.x, rest))

    def begin(self, s: MetropolisState) -> MetropolisState:
        return s._replace(
            proposed=self.moved(s.x, self.steps(s)), width=pt.mean(s.scaling), element=as_tensor(0),
            accept=as_tensor(0.0), accepted=as_tensor(0),
        )  # fmt: skip

    def steps(self, s: MetropolisState) -> Tensor:
        """The step (d,) of a draw."""
        return independent_steps(self.proposals, s.proposal, address(s, PROPOSAL), s.scaling * s.spread)

    def moved(self, x: Tensor, step: Tensor) -> Tensor:
        """Where a step leads."""
        return x + step

    def uniform(self, s: MetropolisState) -> Tensor:
        """The uniform number that decides an update."""
        return pt.random.uniform(pt.random.fold_in(address(s, ACCEPT), s.element))

    def tick(self, s: MetropolisState, tune: Tensor) -> MetropolisState:
        """One update."""
        updates = self.updates(s)
        moves = pt.logical_or(s.together, pt.equal(pt.arange(s.x.shape[0]), s.element))
        x = pt.where(moves, s.proposed, s.x)
        lp = self.logp(x, self.rest(s))
        accept = acceptance(lp, s.lp)
        accepted = self.uniform(s) < accept
        s = s._replace(
            x=pt.where(accepted, x, s.x), lp=pt.where(accepted, lp, s.lp), element=s.element + 1,
            taken=s.taken + pt.where(pt.logical_and(moves, accepted), 1.0, 0.0),
            accept=s.accept + accept, accepted=s.accepted + pt.where(accepted, 1, 0),
        )  # fmt: skip
        return branch(s.element >= updates, lambda s: self.end(s, tune), unchanged, s)

    def updates(self, s: MetropolisState) -> Tensor:
        """Updates of a draw."""
        return pt.where(s.together, 1, s.x.shape[0])

    def end(self, s: MetropolisState, tune: Tensor) -> MetropolisState:
        """The draw is done. Changes the widths if it is time."""
        draw, every = s.draw + 1, pt.maximum(s.every, 1)
        due = pt.logical_and(pt.logical_and(s.every > 0, pt.equal(draw % every, 0)), draw <= tune)
        share = s.taken / pt.cast(every, "float64")
        return s._replace(
            draw=draw, scaling=pt.where(due, tuned(s.scaling, share), s.scaling), taken=pt.where(due, 0.0, s.taken)
        )

    def finished(self, s: MetropolisState) -> Tensor:
        return s.element >= self.updates(s)

    def value(self, s: MetropolisState) -> Tensor:
        return s.x

    def statistics(self, s: MetropolisState) -> list[Tensor]:
        updates = pt.cast(pt.maximum(s.element, 1), "float64")
        return [s.accept / updates, pt.cast(s.accepted, "float64") / updates, s.width]


class IntegerMetropolis(Metropolis):
    """Random-walk Metropolis of integers: steps are rounded."""

    name = "integer_metropolis"
    discrete = True
    proposals = INDEPENDENT

    def moved(self, x: Tensor, step: Tensor) -> Tensor:
        return x + pt.cast(pt.clip(pt.round(step), -LONGEST, LONGEST), "int64")


class CorrelatedMetropolis(Metropolis):
    """Random-walk Metropolis with correlated steps, of all elements together."""

    name = "correlated_metropolis"

    def spread(self) -> Tensor:
        return pt.matrix("spread", "d", "d")

    def steps(self, s: MetropolisState) -> Tensor:
        return s.scaling * MultivariateNormalProposal.steps(address(s, PROPOSAL), s.spread)


class CorrelatedIntegerMetropolis(CorrelatedMetropolis, IntegerMetropolis):
    """Random-walk Metropolis of integers with correlated steps."""

    name = "correlated_integer_metropolis"


@dataclass(frozen=True)
class MetropolisSettings:
    """What a user may choose, by PyMC's names.

    Parameters
    ----------
    S
        Widths of steps, one or one for each element: standard deviations of normal ones. Or a covariance matrix (d, d).
    proposal_dist
        Distribution of steps: `NormalProposal` (default), `UniformProposal`, `CauchyProposal`, `LaplaceProposal`,
        `PoissonProposal` (for integers) or `MultivariateNormalProposal` (default where `S` is a matrix).
    scaling
        What widths are multiplied by at first, one number or one for each element.
    tune
        Whether that is tuned in warm-up.
    tune_interval
        Draws between changes of it.
    elementwise
        Whether a draw moves the elements one by one, which takes a log-density for each, or all together. Steps of a
        covariance matrix are always made whole: to take some elements of a correlated step and not others would not leave
        the posterior as it is.

    Examples
    --------
    >>> MetropolisSettings(S=[[1.0, 0.9], [0.9, 1.0]]).kernel(discrete=False).name
    'correlated_metropolis'
    """

    S: Any = None
    proposal_dist: Any = None
    scaling: Any = 1.0
    tune: bool = True
    tune_interval: int = 100
    elementwise: bool = True

    def kernel(self, discrete: bool) -> type[Kernel]:
        """Return the kernel for a block of continuous or discrete values."""
        if chosen(self.proposal_dist, self.S, discrete).matrix:
            return CorrelatedIntegerMetropolis if discrete else CorrelatedMetropolis
        return IntegerMetropolis if discrete else Metropolis

    def arguments(self, size: int) -> list[Any]:
        """Return what the kernel's parameters are given for a block of `size` elements.

        Raises
        ------
        SamplingError
            If an option is out of bounds, or of another size.
        """
        proposal = chosen(self.proposal_dist, self.S, discrete=True)
        if self.tune_interval < 1:
            raise SamplingError(f"tune_interval must be at least 1, got {self.tune_interval!r}")
        number = 0 if proposal.matrix else INDEPENDENT.index(proposal)
        return [
            widths(proposal, self.S, size), positive("scaling", self.scaling, size), number,
            np.bool_(proposal.matrix or not self.elementwise), int(self.tune_interval) if self.tune else 0,
        ]  # fmt: skip
