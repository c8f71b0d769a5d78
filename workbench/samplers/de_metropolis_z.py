"""DEMetropolisZ: differences between a chain's own past draws are the proposals of the next.

A step is a multiple of the difference of two of them, and a little noise: so it has the posterior's scales and
correlations without a gradient. Source: ter Braak and Vrugt, "Differential evolution Markov chain with snooker updater
and fewer chains" (2008); the options are those of PyMC.

The past that a chain reads is `capacity` draws at most. In warm-up it is the last ones; at its end the first of them, which
may come from before the chain found the posterior, are forgotten; then draws are added until there are `capacity`. From
there on steps no longer depend on what the chain does, and its distribution is the posterior exactly, not in the limit alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

import workbench.tensor as pt
from workbench.errors import ArgumentError, SamplingError
from workbench.samplers.kernel import Kernel, Position, address, branch, known_rest, unchanged
from workbench.samplers.metropolis import acceptance, tuned
from workbench.samplers.proposals import CONTINUOUS, chosen, independent_steps, positive, widths
from workbench.tensor.tensor import Tensor, as_tensor

NOISE, FIRST, SECOND, ACCEPT = range(4)
NOTHING, SCALING, LAMBDA = range(3)
TUNED = {None: NOTHING, "scaling": SCALING, "lambda": LAMBDA}
CAPACITY = 1000


class DEMetropolisZState(NamedTuple):
    """What a chain carries from one draw to the next (`d` elements)."""

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
    history: Tensor
    """Past draws in a ring, (capacity, d)."""
    oldest: Tensor
    """Row of the oldest of them."""
    kept: Tensor
    """How many there are."""
    proposal: Tensor
    """Number of the noise's distribution."""
    spread: Tensor
    """Widths of the noise as they were given, (d,)."""
    scaling: Tensor
    """What they are multiplied by, (d,)."""
    multiple: Tensor
    """What differences are multiplied by."""
    every: Tensor
    """Draws between changes of one of the two."""
    what: Tensor
    """Which of the two is changed."""
    drop: Tensor
    """Share of the past that is forgotten at the end of warm-up."""
    taken: Tensor
    """Steps taken since the last change."""
    width: Tensor
    """Mean of `scaling` when the last step was made."""
    reach: Tensor
    """`multiple` then."""
    accept: Tensor
    """Acceptance probability of the last step."""
    accepted: Tensor
    """Whether it was taken."""


class DEMetropolisZ(Kernel):
    """Random-walk Metropolis of a whole block, whose steps are differences of its past."""

    name = "de_metropolis_z"
    stats = {"accept": "float64", "accepted": "bool", "scaling": "float64", "lambda": "float64"}
    densities = ("logp",)

    def parameters(self) -> list[Tensor]:
        """Zeros for the past; the noise's distribution, widths and their factor; the multiple; what is tuned how often; what is forgotten."""
        return [
            pt.matrix("history", "capacity", "d"), pt.scalar("proposal", "int64"), pt.vector("spread", "d"), pt.vector("scaling", "d"),
            pt.scalar("multiple"), pt.scalar("tune_interval", "int64"), pt.scalar("tuned", "int64"), pt.scalar("tune_drop_fraction"),
        ]  # fmt: skip

    def init(self, key: Tensor, x: Tensor, rest: Position | None, *parameters: Tensor) -> DEMetropolisZState:
        history, proposal, spread, scaling, multiple, every, what, drop = parameters
        rest_q, rest_z = known_rest(rest)
        none, zero = as_tensor(0), as_tensor(0.0)
        return DEMetropolisZState(
            key=key, draw=none, rest_q=rest_q, rest_z=rest_z, x=x, lp=self.logp(x, rest), history=history, oldest=none, kept=none,
            proposal=proposal, spread=spread, scaling=scaling, multiple=multiple, every=every, what=what, drop=drop,
            taken=zero, width=zero, reach=zero, accept=zero, accepted=pt.constant(False),
        )  # fmt: skip

    def renew(self, s: DEMetropolisZState, rest: Position) -> DEMetropolisZState:
        return s._replace(rest_q=rest.q, rest_z=rest.z, lp=self.logp(s.x, rest))

    def begin(self, s: DEMetropolisZState) -> DEMetropolisZState:
        return s._replace(width=pt.mean(s.scaling), reach=s.multiple)

    def uniform(self, s: DEMetropolisZState) -> Tensor:
        """The uniform number that decides whether a step is taken."""
        return pt.random.uniform(address(s, ACCEPT))

    def steps(self, s: DEMetropolisZState) -> Tensor:
        """A step (d,): noise, and a multiple of the difference of two past draws where there are two."""
        noise = independent_steps(CONTINUOUS, s.proposal, address(s, NOISE), s.scaling * s.spread)
        capacity = s.history.shape[0]
        several = pt.maximum(s.kept, 2)
        one = pt.random.randint(address(s, FIRST), (), several)
        # Any of the others.
        two = (one + 1 + pt.random.randint(address(s, SECOND), (), several - 1)) % several
        apart = s.history[(s.oldest + one) % capacity] - s.history[(s.oldest + two) % capacity]
        return noise + pt.where(s.kept >= 2, s.multiple, 0.0) * apart

    def tick(self, s: DEMetropolisZState, tune: Tensor) -> DEMetropolisZState:
        """One step."""
        x = s.x + self.steps(s)
        lp = self.logp(x, self.rest(s))
        accept = acceptance(lp, s.lp)
        accepted = self.uniform(s) < accept
        s = s._replace(
            x=pt.where(accepted, x, s.x), lp=pt.where(accepted, lp, s.lp), accept=accept, accepted=accepted,
            taken=s.taken + pt.where(accepted, 1.0, 0.0), draw=s.draw + 1,
        )  # fmt: skip
        tuning = s.draw <= tune
        s = branch(pt.logical_or(tuning, s.kept < s.history.shape[0]), self.remember, unchanged, s)
        s = branch(pt.equal(s.draw, tune), self.forget, unchanged, s)
        return branch(tuning, self.adapted, unchanged, s)

    def remember(self, s: DEMetropolisZState) -> DEMetropolisZState:
        """Add a draw to the past, in place of the oldest where that is full."""
        capacity = s.history.shape[0]
        full = s.kept >= capacity
        return s._replace(
            history=s.history[(s.oldest + s.kept) % capacity].set(s.x),
            oldest=pt.where(full, (s.oldest + 1) % capacity, s.oldest), kept=pt.where(full, capacity, s.kept + 1),
        )  # fmt: skip

    def forget(self, s: DEMetropolisZState) -> DEMetropolisZState:
        """Forget the first of the past."""
        dropped = pt.cast(pt.floor(s.drop * pt.cast(s.kept, "float64")), "int64")
        return s._replace(oldest=(s.oldest + dropped) % s.history.shape[0], kept=s.kept - dropped)

    def adapted(self, s: DEMetropolisZState) -> DEMetropolisZState:
        """Change the noise or the multiple, if it is time."""
        due = pt.equal(s.draw % s.every, 0)
        share = s.taken / pt.cast(s.every, "float64")
        return s._replace(
            scaling=pt.where(pt.logical_and(due, pt.equal(s.what, SCALING)), tuned(s.scaling, share), s.scaling),
            multiple=pt.where(pt.logical_and(due, pt.equal(s.what, LAMBDA)), tuned(s.multiple, share), s.multiple),
            taken=pt.where(due, 0.0, s.taken),
        )

    def finished(self, s: DEMetropolisZState) -> Tensor:
        return pt.constant(True)

    def value(self, s: DEMetropolisZState) -> Tensor:
        return s.x

    def statistics(self, s: DEMetropolisZState) -> list[Tensor]:
        return [s.accept, s.accepted, s.width, s.reach]


@dataclass(frozen=True)
class DEMetropolisZSettings:
    """What a user may choose, by PyMC's names.

    Parameters
    ----------
    S
        Widths of the noise, one or one for each element.
    proposal_dist
        Its distribution: `NormalProposal` (default), `UniformProposal`, `CauchyProposal` or `LaplaceProposal`.
    lamb
        What differences are multiplied by; ``2.38 / sqrt(2 d)``, which is best for normal posteriors, where it is None.
    scaling
        What the noise's widths are multiplied by, one number or one for each element.
    tune
        What is tuned in warm-up: "scaling", "lambda" or None.
    tune_interval
        Draws between changes of it.
    tune_drop_fraction
        Share of the past that is forgotten at the end of warm-up.
    capacity
        Past draws that are kept; 1000, and ten for each element if that is more, where it is None.
    """

    S: Any = None
    proposal_dist: Any = None
    lamb: float | None = None
    scaling: Any = 0.001
    tune: str | None = "scaling"
    tune_interval: int = 100
    tune_drop_fraction: float = 0.9
    capacity: int | None = None

    def kernel(self, discrete: bool) -> type[Kernel]:
        """Return the kernel for a block of continuous values."""
        return DEMetropolisZ

    def arguments(self, size: int) -> list[Any]:
        """Return what the kernel's parameters are given for a block of `size` elements.

        Raises
        ------
        ArgumentError
            If an option is none of those that are known.
        SamplingError
            If one is out of bounds, or of another size.
        """
        proposal = chosen(self.proposal_dist, self.S, discrete=False)
        if proposal not in CONTINUOUS:
            raise ArgumentError(f"the noise of DEMetropolisZ has no {proposal.__name__}: correlations come from the past", "give S as a vector")
        if self.tune not in TUNED:
            raise ArgumentError(f'tune must be "scaling", "lambda" or None, got {self.tune!r}')
        if self.tune_interval < 1:
            raise SamplingError(f"tune_interval must be at least 1, got {self.tune_interval!r}")
        if not 0.0 <= self.tune_drop_fraction <= 1.0:
            raise SamplingError(f"tune_drop_fraction must lie between 0 and 1, got {self.tune_drop_fraction!r}")
        if self.lamb is not None and not 0.0 < self.lamb < math.inf:
            raise SamplingError(f"lamb must be positive and finite, got {self.lamb!r}")
        capacity = max(CAPACITY, 10 * size) if self.capacity is None else self.capacity
        if capacity < 2:
            raise SamplingError(f"capacity must be at least 2, got {capacity!r}")
        return [
            np.zeros((capacity, size)), CONTINUOUS.index(proposal), widths(proposal, self.S, size), positive("scaling", self.scaling, size),
            2.38 / math.sqrt(2.0 * max(size, 1)) if self.lamb is None else float(self.lamb), int(self.tune_interval), TUNED[self.tune],
            float(self.tune_drop_fraction),
        ]  # fmt: skip
