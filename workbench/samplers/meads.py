"""MEADS: generalised HMC whose settings are read off the chains, all the time: no phase of tuning to choose.

The chains are in folds. A fold takes its metric, step size and damping from the positions and gradients of the
fold before, as they are now; one fold in turn stands still. So no fold's settings depend on what moves with it, and
the chains together keep the posterior as their distribution, from the first transition on. Momentum is
refreshed in part before every step, and a step that is not taken turns it round; the number that decides between
them is kept and moved on too, so that refusals come together, and are rare between. Source: Hoffman and Sountsov,
"Tuning-free generalized Hamiltonian Monte Carlo" (2022); Neal, "Non-reversibly updating a uniform [0,1] value
for Metropolis accept/reject decisions" (2020).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import workbench.tensor as pt
from workbench.samplers.chain_numbers import numbered
from workbench.samplers.chees import acceptance, energy_error
from workbench.samplers.ensemble import Ensemble
from workbench.tensor.tensor import Tensor, as_tensor

FOLDS = 4
UPDATES = 2 * FOLDS
"""Updates of one transition. In each, one fold stands still."""
FOLD_ORDER, FIRST_MOMENTUM, FIRST_SLICE, MOMENTUM = range(4)
LONGEST_STEP, STEP_SHARE = 1.0, 0.5
"""The step size is at most the one, and this share of what the largest curvature allows."""


class MeadsState(NamedTuple):
    """What the chains carry from one transition to the next (`n` chains, `d` parameters)."""

    key: Tensor
    draw: Tensor
    q: Tensor
    """Positions, (n, d)."""
    g: Tensor
    """Gradients of the log-density there, (n, d)."""
    lp: Tensor
    """Log-densities there, (n,)."""
    v: Tensor
    """Velocities, (n, d), in units of the metric."""
    slice: Tensor
    """What decides whether a step is taken, on [-1, 1), (n,)."""
    acceptance: Tensor
    """Mean probability of acceptance in the last transition, (n,)."""
    diverging: Tensor
    """Whether a step in it diverged, (n,)."""
    energy_error: Tensor
    """Largest energy error in it, (n,)."""
    step: Tensor
    """Step size of the last update, (n,)."""


class _Settings(NamedTuple):
    """What the positions and gradients of a fold say to the fold after it."""

    scale: Tensor
    """Metric, (d,)."""
    step: Tensor
    damping: Tensor


class Meads(Ensemble):
    """Generalised HMC in folds of chains, each with metric, step size and damping from another."""

    name = "meads"
    stats = {
        "diverging": "bool", "energy": "float64", "n_steps": "int64", "step_size": "float64", "acceptance_rate": "float64",
        "lp": "float64", "energy_error": "float64",
    }  # fmt: skip
    fewest = 2 * FOLDS

    def start(self, key: Tensor, q: Tensor, settings: Mapping[str, Tensor]) -> MeadsState:
        lp, g = self.logp_grad(q)
        chains, first = numbered(q), as_tensor(2**62)
        v = self.numbers.normal(key, first, FIRST_MOMENTUM, chains, q.shape[1])
        u = 2.0 * self.numbers.uniform(key, first, FIRST_SLICE, chains) - 1.0
        each = pt.zeros_like(lp)
        return MeadsState(key, as_tensor(0), q, g, lp, v, u, each, pt.cast(each, "bool"), each, each)

    def transition(self, s: MeadsState, tune: Tensor) -> MeadsState:
        # Chains are put in another order, and folds are made of neighbours.
        words = self.numbers.words(s.key, s.draw, FOLD_ORDER, numbered(s.q))
        order = pt.argsort(words)
        each = pt.zeros_like(s.lp)
        sorted_state = s._replace(
            q=s.q[order], g=s.g[order], lp=s.lp[order], v=s.v[order], slice=s.slice[order],
            acceptance=each, diverging=pt.cast(each, "bool"), energy_error=each, step=each,
        )  # fmt: skip

        def body(i: Tensor, *fields: Tensor) -> list[Tensor]:
            return [i + 1, *self.update(MeadsState(*fields), i, order)]

        _, *fields = pt.while_loop(lambda i, *fields: i < UPDATES, body, [0, *sorted_state], ("update", *MeadsState._fields))
        e = MeadsState(*fields)
        back = pt.argsort(order)
        return e._replace(
            draw=s.draw + 1, q=e.q[back], g=e.g[back], lp=e.lp[back], v=e.v[back], slice=e.slice[back],
            acceptance=e.acceptance[back] / (UPDATES - UPDATES // FOLDS), diverging=e.diverging[back],
            energy_error=e.energy_error[back], step=e.step[back],
        )  # fmt: skip

    def update(self, s: MeadsState, i: Tensor, chains: Tensor) -> MeadsState:
        """Return the state after one step of all chains but those of fold `i` (modulo `FOLDS`); chains are in order of folds."""
        n, d = s.q.shape
        t = pt.cast(s.draw * UPDATES + i + 1, "float64")
        cuts = [n * f // FOLDS for f in range(FOLDS + 1)]
        told = [fold_settings(s.q[a:b], s.g[a:b], t) for a, b in zip(cuts, cuts[1:])]
        rank = pt.arange(n)
        fold = sum((pt.cast(rank >= cut, "int64") for cut in cuts[1:-1]), start=pt.zeros_like(rank))
        before = (fold + FOLDS - 1) % FOLDS
        scale = pt.stack([x.scale for x in told])[before]
        step, damping = (pt.stack([x[j] for x in told])[before] for j in (1, 2))
        refreshed = 1.0 - pt.exp(-2.0 * step * damping)
        noise = self.numbers.normal(s.key, s.draw * UPDATES + i, MOMENTUM, chains, d)
        v = pt.sqrt(1.0 - refreshed)[:, None] * s.v + pt.sqrt(refreshed)[:, None] * noise
        u = (s.slice + 1.0 + 0.5 * refreshed) % 2.0 - 1.0
        eps = step[:, None]
        half = v + 0.5 * eps * (scale * s.g)
        q = s.q + eps * (scale * half)
        lp, g = self.logp_grad(q)
        last = half + 0.5 * eps * (scale * g)
        error = energy_error(_kinetic(v) - s.lp, _kinetic(last) - lp)
        accept = acceptance(error)
        moves = pt.not_equal(fold, i % FOLDS)
        take = pt.logical_and(moves, pt.abs(u) < pt.exp(-error))
        taken, turned = take[:, None], pt.logical_and(moves, pt.logical_not(take))[:, None]
        return s._replace(
            q=pt.where(taken, q, s.q), g=pt.where(taken, g, s.g), lp=pt.where(take, lp, s.lp),
            v=pt.where(taken, last, pt.where(turned, -v, s.v)),
            slice=pt.where(take, u * pt.exp(error), pt.where(moves, u, s.slice)),
            acceptance=s.acceptance + pt.where(moves, accept, 0.0),
            diverging=pt.logical_or(s.diverging, pt.logical_and(moves, pt.equal(error, float("inf")))),
            energy_error=pt.where(pt.logical_and(moves, pt.abs(error) > pt.abs(s.energy_error)), error, s.energy_error),
            step=pt.where(moves, step, s.step),
        )  # fmt: skip

    def statistics(self, s: MeadsState) -> Sequence[Tensor]:
        made = as_tensor(UPDATES - UPDATES // FOLDS)
        return [s.diverging, _kinetic(s.v) - s.lp, made, s.step, s.acceptance, s.lp, s.energy_error]

    def gradients(self, s: MeadsState) -> Tensor:
        return as_tensor(UPDATES)


def fold_settings(q: Tensor, g: Tensor, t: Tensor) -> _Settings:
    """Return what positions and gradients (chains, d) say at update number `t`."""
    centred = q - pt.mean(q, axis=0)
    scale = pt.sqrt(pt.mean(pt.square(centred), axis=0))
    scale = pt.where(pt.logical_and(pt.isfinite(scale), scale > 0.0), scale, 1.0)
    step = pt.minimum(STEP_SHARE / pt.sqrt(largest_eigenvalue(g * scale)), LONGEST_STEP)
    step = pt.where(step > 0.0, step, LONGEST_STEP)
    slowest = 1.0 / pt.sqrt(largest_eigenvalue(centred / scale))
    damping = pt.maximum(pt.where(pt.isfinite(slowest), slowest, 0.0), 1.0 / (t * step))
    return _Settings(scale, step, damping)


def largest_eigenvalue(x: Tensor) -> Tensor:
    """Return about the largest eigenvalue of ``E[x x']``, from rows (n, d): the trace of its square over its trace.

    The trace of the square is estimated from pairs of rows that differ, without bias however few the rows are.
    """
    n, d = x.shape
    m = pt.cast(n, "float64")
    squares = pt.sum(pt.square(x), axis=1)
    # The sum over pairs of rows of their product's square, from the smaller of two matrices.
    (pairs,) = pt.cond(
        d < n, lambda x: [pt.sum(pt.square(pt.transpose(x) @ x))], lambda x: [pt.sum(pt.square(x @ pt.transpose(x)))], [x]
    )
    square = (pairs - pt.sum(pt.square(squares))) / (m * (m - 1.0))
    # Of few rows it may come out too small: an eigenvalue is no smaller than their mean.
    trace = pt.mean(squares)
    return pt.maximum(square / trace, trace / pt.cast(d, "float64"))


def _kinetic(v: Tensor) -> Tensor:
    return 0.5 * pt.sum(pt.square(v), axis=1)
