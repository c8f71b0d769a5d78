"""DEMetropolis as it was first written: chains move one after the other, each by the difference of any two others.

Each move leaves the distribution of all chains as it is, given the others; moved at the same time by where the others were before,
as PyMC moves them, they would not be independent of what they are moved by. Any two of the others span more directions than
those of another half do: so few chains go further than by :mod:`workbench.samplers.demetropolis`, which is for many on an
accelerator. Source: ter Braak, "A Markov chain Monte Carlo version of the genetic algorithm differential evolution" (2006),
section 2; the options are those of PyMC.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import workbench.tensor as pt
from workbench.errors import ArgumentError, SamplingError
from workbench.samplers.de_metropolis_z import LAMBDA, SCALING, TUNED
from workbench.samplers.ensemble import Ensemble
from workbench.samplers.metropolis import acceptance, tuned
from workbench.samplers.proposals import CONTINUOUS, chosen, independent_steps, positive, widths
from workbench.tensor.tensor import Tensor, as_tensor

FIRST, SECOND, NOISE, ACCEPT = range(4)


class DEMetropolisInTurnState(NamedTuple):
    """What the chains carry from one transition to the next (`n` chains, `d` parameters)."""

    key: Tensor
    draw: Tensor
    q: Tensor
    """Positions, (n, d)."""
    lp: Tensor
    """Log-densities there, (n,)."""
    proposal: Tensor
    """Number of the noise's distribution."""
    spread: Tensor
    """Widths of the noise as they were given, (d,)."""
    scaling: Tensor
    """What they are multiplied by, (d,)."""
    multiple: Tensor
    """What differences are multiplied by."""
    every: Tensor
    """Transitions between changes of one of the two."""
    what: Tensor
    """Which of the two is changed."""
    taken: Tensor
    """Share of proposals taken since the last change, summed over transitions."""
    width: Tensor
    """Mean of `scaling` in the last transition."""
    reach: Tensor
    """`multiple` then."""
    accept: Tensor
    """Probability of acceptance of the last proposal, (n,)."""
    accepted: Tensor
    """Whether it was taken, (n,)."""


class DEMetropolisInTurn(Ensemble):
    """Random-walk Metropolis of a population, whose steps are differences of the others."""

    name = "demetropolis_in_turn"
    stats = {"accept": "float64", "accepted": "bool", "scaling": "float64", "lambda": "float64"}
    density = "logp"
    one_by_one = True
    dependent = True
    fewest = 3
    asked_for = "step=pm.DEMetropolis()"  # type: ignore[assignment]

    def parameters(self) -> list[Tensor]:
        """The noise's distribution, widths and their factor; the multiple; what is tuned how often."""
        return [
            pt.scalar("proposal", "int64"), pt.vector("spread", "d"), pt.vector("scaling", "d"), pt.scalar("multiple"),
            pt.scalar("tune_interval", "int64"), pt.scalar("tuned", "int64"),
        ]  # fmt: skip

    def start(self, key: Tensor, q: Tensor, settings: Mapping[str, Tensor]) -> DEMetropolisInTurnState:
        each = [as_tensor(0), pt.zeros_like(q[:, 0])]
        _, lp = pt.while_loop(lambda i, _: i < q.shape[0], lambda i, lp: [i + 1, lp[i].set(self.logp(q[i]))], each, ("i", "lp"))
        nothing, zero = as_tensor(0.0), pt.zeros_like(lp)
        return DEMetropolisInTurnState(
            key, as_tensor(0), q, lp, settings["proposal"], settings["spread"], settings["scaling"], settings["multiple"],
            settings["tune_interval"], settings["tuned"], nothing, nothing, nothing, zero, pt.cast(zero, "bool"),
        )  # fmt: skip

    def transition(self, s: DEMetropolisInTurnState, tune: Tensor) -> DEMetropolisInTurnState:
        n = s.q.shape[0]
        width = s.scaling * s.spread

        def step(i: Tensor, q: Tensor, lp: Tensor, accept: Tensor, accepted: Tensor) -> list[Tensor]:
            """Move one chain, given where the others are now."""
            chain = pt.cast(i, "uint64")
            first, second, noise = (self.numbers.words(s.key, s.draw, purpose, chain) for purpose in (FIRST, SECOND, NOISE))
            # Two of the others, counted without the chain itself.
            others = pt.cast(n - 1, "uint64")
            one = first % others
            two = (one + 1 + second % (others - 1)) % others
            one, two = (pt.cast(x + pt.cast(x >= chain, "uint64"), "int64") for x in (one, two))
            proposed = q[i] + s.multiple * (q[one] - q[two]) + independent_steps(CONTINUOUS, s.proposal, noise, width)
            there = self.logp(proposed)
            share = acceptance(there, lp[i])
            take = self.numbers.uniform(s.key, s.draw, ACCEPT, chain) < share
            return [
                i + 1, q[i].set(pt.where(take, proposed, q[i])), lp[i].set(pt.where(take, there, lp[i])), accept[i].set(share), accepted[i].set(take),
            ]  # fmt: skip

        names = ("i", "q", "lp", "accept", "accepted")
        _, q, lp, accept, accepted = pt.while_loop(lambda i, *_: i < n, step, [0, s.q, s.lp, s.accept, s.accepted], names)
        draw, taken = s.draw + 1, s.taken + pt.mean(pt.cast(accepted, "float64"))
        due = pt.logical_and(s.draw < tune, pt.equal(draw % s.every, 0))
        share = taken / pt.cast(s.every, "float64")
        return s._replace(
            draw=draw, q=q, lp=lp, accept=accept, accepted=accepted, width=pt.mean(s.scaling), reach=s.multiple,
            scaling=pt.where(pt.logical_and(due, pt.equal(s.what, SCALING)), tuned(s.scaling, share), s.scaling),
            multiple=pt.where(pt.logical_and(due, pt.equal(s.what, LAMBDA)), tuned(s.multiple, share), s.multiple),
            taken=pt.where(due, 0.0, taken),
        )  # fmt: skip

    def statistics(self, s: DEMetropolisInTurnState) -> Sequence[Tensor]:
        return [s.accept, s.accepted, s.width, s.reach]

    def gradients(self, s: DEMetropolisInTurnState) -> Tensor:
        return as_tensor(1)


@dataclass(frozen=True)
class DEMetropolisSettings:
    """What a user may choose, by PyMC's names.

    Parameters
    ----------
    S, proposal_dist, lamb, scaling, tune, tune_interval
        As of :class:`workbench.samplers.DEMetropolisZSettings`.
    """

    S: Any = None
    proposal_dist: Any = None
    lamb: float | None = None
    scaling: Any = 0.001
    tune: str | None = "scaling"
    tune_interval: int = 100

    def arguments(self, size: int) -> dict[str, Any]:
        """Return what the sampler's parameters are given for `size` elements, by name.

        Raises
        ------
        ArgumentError
            If the proposal or what is tuned is none of those that are known.
        SamplingError
            If an option is out of bounds, or of another size.
        """
        proposal = chosen(self.proposal_dist, self.S, discrete=False)
        if proposal not in CONTINUOUS:
            raise ArgumentError(f"the noise of DEMetropolis has no {proposal.__name__}: correlations come from the other chains", "give S as a vector")
        if self.tune not in TUNED:
            raise ArgumentError(f'tune must be "scaling", "lambda" or None, got {self.tune!r}')
        if self.tune_interval < 1:
            raise SamplingError(f"tune_interval must be at least 1, got {self.tune_interval!r}")
        if self.lamb is not None and not 0.0 < self.lamb < math.inf:
            raise SamplingError(f"lamb must be positive and finite, got {self.lamb!r}")
        return {
            "proposal": CONTINUOUS.index(proposal), "spread": widths(proposal, self.S, size), "scaling": positive("scaling", self.scaling, size),
            "multiple": 2.38 / math.sqrt(2.0 * max(size, 1)) if self.lamb is None else float(self.lamb),
            "tune_interval": int(self.tune_interval), "tuned": TUNED[self.tune],
        }  # fmt: skip
