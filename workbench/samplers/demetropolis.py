"""DEMetropolis: differences between chains are the proposals of others.

A chain proposes to move by a multiple of the difference of two other chains' positions, and a little noise; so
proposals have the posterior's scales and correlations without a gradient. One half of the chains moves by the
differences within the other half, then the other: each half is moved given the other, so the chains together
have the posterior as their distribution. Source: ter Braak, "A Markov chain Monte Carlo version of the genetic
algorithm differential evolution" (2006); halves as in Goodman and Weare (2010).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import workbench.tensor as pt
from workbench.samplers.chain_numbers import numbered
from workbench.samplers.chees import acceptance, energy_error
from workbench.samplers.ensemble import Ensemble
from workbench.tensor.tensor import Tensor, as_tensor

CHOICE, OTHER, NOISE, ACCEPT = range(4)
RATE = 0.6
"""Update number t of the multiple's logarithm is t to minus this power times the error in acceptance."""


class DEMetropolisState(NamedTuple):
    """What the chains carry from one transition to the next (`n` chains, `d` parameters)."""

    key: Tensor
    draw: Tensor
    q: Tensor
    """Positions, (n, d)."""
    lp: Tensor
    """Log-densities there, (n,)."""
    target: Tensor
    """Acceptance that the multiple aims at."""
    scaling: Tensor
    """Standard deviation of the noise."""
    log_multiple: Tensor
    """Logarithm of what differences are multiplied by."""
    acceptance: Tensor
    """Probability of acceptance of the last proposal, (n,)."""
    accepted: Tensor
    """Whether it was accepted, (n,)."""


class DEMetropolis(Ensemble):
    """Random-walk Metropolis whose proposals are differences between chains."""

    name = "demetropolis"
    stats = {"acceptance_rate": "float64", "accepted": "bool", "lp": "float64", "lambda": "float64"}
    settings = {"target_accept": 0.25, "scaling": 0.001}
    density = "logp"
    fewest = 4

    def start(self, key: Tensor, q: Tensor, settings: Mapping[str, Tensor]) -> DEMetropolisState:
        lp = self.logp(q)
        multiple = math.log(2.38) - 0.5 * pt.log(2.0 * pt.cast(q.shape[1], "float64"))
        each = pt.zeros_like(lp)
        return DEMetropolisState(
            key, as_tensor(0), q, lp, settings["target_accept"], settings["scaling"], multiple, each, pt.cast(each, "bool")
        )

    def transition(self, s: DEMetropolisState, tune: Tensor) -> DEMetropolisState:
        n, d = s.q.shape
        half = n // 2
        chains = numbered(s.q)
        a, b = pt.cast(half, "uint64"), pt.cast(n - half, "uint64")
        low = chains < a
        # Of the other half's chains, two that differ: by the first one's number, and how far from it the second is.
        first, apart = (self.numbers.words(s.key, s.draw, purpose, chains) for purpose in (CHOICE, OTHER))
        size, start = pt.where(low, b, a), pt.where(low, a, pt.constant(0, "uint64"))
        one = first % size
        two = (one + 1 + apart % (size - 1)) % size
        one, two = (pt.cast(start + x, "int64") for x in (one, two))
        noise = s.scaling * self.numbers.normal(s.key, s.draw, NOISE, chains, d)
        u = self.numbers.uniform(s.key, s.draw, ACCEPT, chains)
        for moves in (low, pt.logical_not(low)):
            proposal = s.q + pt.exp(s.log_multiple) * (s.q[one] - s.q[two]) + noise
            lp = self.logp(proposal)
            accept = acceptance(energy_error(-s.lp, -lp))
            take = pt.logical_and(moves, u < accept)
            s = s._replace(
                q=pt.where(take[:, None], proposal, s.q), lp=pt.where(take, lp, s.lp),
                acceptance=pt.where(moves, accept, s.acceptance), accepted=pt.where(moves, take, s.accepted),
            )  # fmt: skip
        t = pt.cast(s.draw + 1, "float64")
        change = pt.power(t, -RATE) * (pt.mean(s.acceptance) - s.target)
        return s._replace(draw=s.draw + 1, log_multiple=pt.where(s.draw < tune, s.log_multiple + change, s.log_multiple))

    def statistics(self, s: DEMetropolisState) -> Sequence[Tensor]:
        return [s.acceptance, s.accepted, s.lp, pt.exp(s.log_multiple)]

    def gradients(self, s: DEMetropolisState) -> Tensor:
        return as_tensor(2)
