"""Populations: particles that go from the prior to the posterior together, through tempered posteriors (SMC).

A stage raises the inverse temperature as far as the particles' weights allow, resamples them, and moves each by a Markov
transition that leaves the new stage's density as it is, until they have forgotten where they were. The mean weights of all
stages multiply to the marginal likelihood. Source: Del Moral, Doucet and Jasra, "Sequential Monte Carlo samplers" (2006); the
stages and their end are those of PyMC, after Minson, Simons and Beck (2013) and Ching and Chen (2007).

A kernel says how particles are moved: a class with `move` (`population_moves.py`).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, NamedTuple

import numpy as np

import workbench.tensor as pt
from workbench.graph.inner import Graph
from workbench.samplers.chain_numbers import ChainNumbers, numbered
from workbench.samplers.kernel import named
from workbench.samplers.tempering import next_step, relative_weights, systematic_resampling
from workbench.tensor.tensor import Tensor, as_tensor

RESAMPLING, EVALUATION, PLACE, NOISE, ACCEPT, WIDTH, OTHER_PLACE, OTHER_NOISE, OTHER_ACCEPT, OTHER_EVALUATION = range(10)
INFINITY = float("inf")
FRESH = 2.0
"""What a correlation is compared with at first: PyMC's number, larger than any."""
FALLING = 0.9
"""Moves go on while the correlations of more than this share of the elements fall."""
MOVED = 0.9
"""And until this share of the particles has moved."""
FORGOTTEN = 0.25
"""And until the mean correlation is this, or falls no more: particles stay in modes that no move leads between."""
FIRST_LOOK, STANDING = 8, 0.98
"""It is looked at after so many moves, and twice, four times as many: it falls no more if it is above this share of what it was at half of them."""
MOST_MOVES = 500
SHRINKAGE, LEAST_SHRINKAGE = 0.1, 1e-6
"""The covariance goes to its diagonal by elements per particle times the first, and by the second at least."""
LEAST_VARIANCE = 1e-12
LARGEST = 2.0**52
"""Largest whole number of a discrete element that is proposed."""


class PopulationState(NamedTuple):
    """What a population carries (`n` particles, `d` continuous and `k` discrete elements, `m` of both)."""

    key: Tensor
    """Random key of the population."""
    draw: Tensor
    """Number of the next move, of all stages."""
    q: Tensor
    """Unconstrained values of the continuous variables, (n, d)."""
    z: Tensor
    """Values of the discrete ones, (n, k)."""
    prior: Tensor
    """Log-densities of the prior, (n,)."""
    likelihood: Tensor
    """Log-likelihoods, (n,), potentials with them."""
    gradient: Tensor
    """Gradients of the tempered log-density, (n, d), of kernels that use them; else (n, 0)."""
    beta: Tensor
    """Inverse temperature."""
    evidence: Tensor
    """Logarithm of the marginal likelihood up to this temperature."""
    variance: Tensor
    """Estimate of its variance."""
    effective: Tensor
    """Effective number of the particles when they were weighted."""
    parent: Tensor
    """From which particle of the last stage each one descends, (n,)."""
    excess: Tensor
    """Weights over the mean weight, less 1, of that particle and of those that it descends from, their sum, (n,)."""
    begin: Tensor
    """Where particles were when the stage began, all elements, (n, m)."""
    correlation: Tensor
    """Between there and now, of each element, (m,)."""
    reference: Tensor
    """Their mean when half as many moves were made, or less."""
    moved: Tensor
    """Whether each particle has moved since, (n,)."""
    centre: Tensor
    """Means of the particles of each half when the stage began, those of the second first, (2, m)."""
    factor: Tensor
    """Cholesky factors of their covariances, (2, m, m)."""
    white: Tensor
    """Particles as multiples of the factor from the centre, (n, m), of kernels that use them; else (n, 0)."""
    scale: Tensor
    """Logarithm of the width or the length of steps."""
    accepted: Tensor
    """Sum over this stage's moves of the share that was accepted."""
    moves: Tensor
    """Moves of this stage."""
    settled: Tensor
    """Whether the stage's moves are done."""


class Population:
    """A kernel of SMC. A new one is a class with `move`, which ends with :meth:`after`.

    The model's prior and likelihood are the slot ``parts``: from continuous values (n, d), discrete ones (n, k) and random
    words (n,), for likelihoods that are simulated, to two log-densities (n,); or the slot ``parts_grad``, which takes the inverse
    temperature too, and returns the gradient (n, d) of the tempered log-density as well.

    Attributes
    ----------
    name
        What its code is called.
    settings
        What a user may choose, numbers by name, and what they are if nothing is said.
    gradients
        Whether it uses gradients.
    """

    name: ClassVar[str] = "population"
    settings: ClassVar[Mapping[str, float]] = {"threshold": 0.5, "correlation_threshold": 0.01}
    gradients: ClassVar[bool] = False

    def __init__(self, numbers: ChainNumbers = ChainNumbers()) -> None:
        self.numbers = numbers

    # What a kernel says --------------------------------------------------------------------------

    def first_scale(self, size: Tensor) -> Tensor:
        """Return the logarithm of the width of the first steps, for elements of that number."""
        return as_tensor(0.0)

    def prepared(self, s: PopulationState) -> PopulationState:
        """Return the state before the first move of a stage, when centre and factor are known."""
        return s

    def move(self, s: PopulationState, settings: Mapping[str, Tensor]) -> PopulationState:
        """Return the state after one move of each particle, which leaves the tempered density as it is."""
        raise NotImplementedError

    # What kernels have in common -----------------------------------------------------------------

    def densities(self, s: PopulationState, q: Tensor, z: Tensor, purpose: int = EVALUATION) -> tuple[Tensor, Tensor, Tensor]:
        """Return log-densities of the prior and log-likelihoods (n,), and gradients (n, d) or (n, 0)."""
        words = self.numbers.words(s.key, s.draw, purpose, numbered(q))
        each = pt.zeros(q.shape[0]).type
        if not self.gradients:
            prior, likelihood = pt.slot("parts", (each, each), q, z, words)
            return prior, likelihood, pt.zeros((q.shape[0], 0))
        prior, likelihood, gradient = pt.slot("parts_grad", (each, each, q.type), q, z, words, s.beta)
        return prior, likelihood, gradient

    def normal(self, s: PopulationState, purpose: int, size: Tensor) -> Tensor:
        """Standard normal numbers of this move, (n, size)."""
        return self.numbers.normal(s.key, s.draw, purpose, numbered(s.q), size)

    def uniform(self, s: PopulationState, purpose: int) -> Tensor:
        """Uniform numbers of this move, (n,)."""
        return self.numbers.uniform(s.key, s.draw, purpose, numbered(s.q))

    def within_cells(self, s: PopulationState, purpose: int) -> Tensor:
        """Return all elements as real numbers, (n, m): a discrete one anywhere within a half of its value.

        A whole number is the nearest to any point of its cell: with a density that is the same all over a cell, which a place
        drawn evenly within it leaves as it is, discrete elements are moved as continuous ones are, and rounded.
        """
        k = s.z.shape[1]
        counters = numbered(s.q)[:, None] * pt.cast(k, "uint64") + pt.arange(k, dtype="uint64")
        place = self.numbers.uniform(s.key, s.draw, purpose, counters) - 0.5
        return pt.concatenate([s.q, pt.cast(s.z, "float64") + place], axis=1)

    def white_of(self, s: PopulationState, x: Tensor) -> Tensor:
        """Return points (n, m) as multiples of the factors from the centres, (n, m)."""
        return _by_halves(x, lambda x, i: pt.transpose(pt.linalg.solve_triangular(s.factor[i], pt.transpose(x - s.centre[i]), lower=True)))

    def centres(self, s: PopulationState) -> Tensor:
        """Return the centre for each particle, (n, m)."""
        return _by_halves(pt.zeros_like(s.begin), lambda x, i: x + s.centre[i])

    def steps_of(self, s: PopulationState, white: Tensor) -> Tensor:
        """Return multiples (n, size) of the factors' first elements, of all if `white` has all, as steps, (n, size)."""
        size = white.shape[1]
        return _by_halves(white, lambda x, i: x @ pt.transpose(s.factor[i, :size, :size]))

    def slopes_of(self, s: PopulationState, gradient: Tensor) -> Tensor:
        """Return gradients (n, size) as slopes in multiples of the factors, (n, size)."""
        size = gradient.shape[1]
        return _by_halves(gradient, lambda x, i: x @ s.factor[i, :size, :size])

    def taken(
        self, s: PopulationState, ratio: Tensor, purpose: int, **proposed: Tensor,
    ) -> tuple[PopulationState, Tensor, Tensor]:  # fmt: skip
        """Return the state with proposals where they are accepted, with that, and the probabilities of it, (n,).

        Parameters
        ----------
        s, purpose
            The state, and where the numbers are from that decide.
        ratio
            Logarithms of the ratios of acceptance, (n,). A proposal whose ratio is no number, or plus infinity, is not taken.
        proposed
            Fields of the state, (n, ...).
        """
        chance = pt.where(ratio < INFINITY, pt.exp(pt.minimum(ratio, 0.0)), 0.0)
        take = self.uniform(s, purpose) < chance
        new = {name: pt.where(take[:, None] if x.ndim == 2 else take, x, getattr(s, name)) for name, x in proposed.items()}
        return s._replace(moved=pt.logical_or(s.moved, take), **new), take, chance

    def after(self, s: PopulationState, chance: Tensor, settings: Mapping[str, Tensor]) -> PopulationState:
        """Return the state at the end of a move whose proposals had these chances (n,): counted, and the stage over if it is."""
        found = pt.abs(correlations(s.begin, _together(s.q, s.z)))
        falling = mean_of(pt.cast(s.correlation - found > settings["correlation_threshold"], "float64")) > FALLING
        still = mean_of(pt.cast(s.moved, "float64")) < MOVED
        mean, moves = mean_of(found), s.moves + 1
        looks = pt.equal(moves & (moves - 1), 0)
        stands = pt.logical_and(pt.logical_and(looks, moves >= FIRST_LOOK), mean > STANDING * s.reference)
        remembered = pt.logical_and(mean > FORGOTTEN, pt.logical_not(stands))
        going = pt.logical_and(pt.logical_or(falling, pt.logical_or(still, remembered)), moves < MOST_MOVES)
        return s._replace(
            draw=s.draw + 1, correlation=found, reference=pt.where(looks, mean, s.reference), accepted=s.accepted + mean_of(chance), moves=moves, settled=pt.logical_not(going)
        )

    def start(self, key: Tensor, q: Tensor, z: Tensor) -> PopulationState:
        """Return the state of particles that are drawn from the prior."""
        n, zero, none = q.shape[0], as_tensor(0.0), as_tensor(0)
        every = _together(q, z)
        size = every.shape[1]
        each = pt.zeros(n)
        s = PopulationState(
            key=key, draw=none, q=q, z=z, prior=each, likelihood=each, gradient=pt.zeros((n, 0)), beta=zero, evidence=zero, variance=zero,
            effective=pt.cast(n, "float64"), parent=pt.arange(n), excess=each, begin=every, correlation=pt.zeros(size), reference=zero,
            moved=pt.cast(each, "bool"), centre=pt.zeros((2, size)), factor=pt.zeros((2, size, size)), white=pt.zeros((n, 0)),
            scale=self.first_scale(pt.cast(size, "float64")), accepted=zero, moves=none, settled=pt.constant(True),
        )  # fmt: skip
        prior, likelihood, gradient = self.densities(s, q, z)
        return self.prepared(s._replace(prior=prior, likelihood=likelihood, gradient=gradient, draw=as_tensor(1)))

    def temper(self, s: PopulationState, settings: Mapping[str, Tensor]) -> PopulationState:
        """Return the state at the beginning of the next stage: the temperature raised, particles weighted and resampled."""
        n = pt.cast(s.q.shape[0], "float64")
        known = possible(s.prior, s.likelihood)
        room = 1.0 - s.beta
        step = next_step(known, room, settings["threshold"])
        weights = relative_weights(known, step)
        mean = pt.mean(weights)
        excess = weights / mean - 1.0
        # What siblings have in common, they have of their parent: its error counts as one. See docs/decisions.
        shared = pt.zeros_like(excess)[s.parent].inc(excess)
        variance = (pt.sum(pt.square(shared)) + 2.0 * pt.sum(s.excess * excess)) / pt.square(n)
        order = systematic_resampling(weights, self.numbers.uniform(s.key, s.draw, RESAMPLING, pt.constant(0, "uint64")))
        s = s._replace(
            q=s.q[order], z=s.z[order], prior=s.prior[order], likelihood=s.likelihood[order],
            beta=pt.where(step >= room, 1.0, s.beta + step), evidence=s.evidence + pt.log(mean) + step * pt.max(known),
            variance=s.variance + pt.maximum(variance, 0.0), effective=pt.square(n * mean) / pt.sum(pt.square(weights)),
            parent=order, excess=(s.excess + excess)[order],
        )  # fmt: skip
        places = self.within_cells(s, PLACE)
        half = places.shape[0] // 2
        (first, spread), (second, other) = centre_and_factor(places[half:]), centre_and_factor(places[:half])
        s = s._replace(
            begin=_together(s.q, s.z), correlation=pt.full_like(first, FRESH), reference=as_tensor(FRESH), moved=pt.zeros_like(s.moved),
            centre=pt.stack([first, second]), factor=pt.stack([spread, other]), accepted=as_tensor(0.0), moves=as_tensor(0), settled=pt.constant(False), draw=s.draw + 1,
        )  # fmt: skip
        return self.prepared(s)

    # Graphs --------------------------------------------------------------------------------------

    @functools.cached_property
    def _first(self) -> tuple[list[Tensor], PopulationState]:
        """Key and particles, and the state that is made of them."""
        key = named(pt.constant(np.uint64(0)).type, "key")
        q, z = pt.matrix("q", "particles", "d"), pt.matrix("z", "particles", "k", dtype="int64")
        return [key, q, z], self.start(key, q, z)

    @functools.cached_property
    def init(self) -> Graph:
        """Graph to the state of particles drawn from the prior: parameters are key, continuous and discrete values."""
        params, state = self._first
        return Graph(params, list(state))

    @functools.cached_property
    def stage(self) -> Graph:
        """Graph from a state, and the settings, to that at the beginning of the next stage."""
        return self._step(self.temper)

    @functools.cached_property
    def advance(self) -> Graph:
        """Graph from a state, and the settings, to that after one move."""
        return self._step(self.move)

    def _step(self, step: Any) -> Graph:
        params = [named(x.type, field) for x, field in zip(self._first[1], PopulationState._fields)]
        settings = {name: pt.scalar(name) for name in self.settings}
        return Graph([*params, *settings.values()], list(step(PopulationState._make(params), settings)))


def possible(prior: Tensor, likelihood: Tensor) -> Tensor:
    """Return log-likelihoods, minus infinity where they, or the prior's densities, are no number or infinite: a fault of the model."""
    return pt.where(pt.logical_and(pt.isfinite(prior), pt.isfinite(likelihood)), likelihood, -INFINITY)


def tempered(prior: Tensor, likelihood: Tensor, beta: Tensor) -> Tensor:
    """Return the log-density of a stage, but for a constant, (n,): minus infinity where there is no likelihood, at beta 0 too."""
    known = possible(prior, likelihood)
    return pt.where(pt.equal(known, -INFINITY), -INFINITY, prior + beta * known)


def mean_of(x: Tensor) -> Tensor:
    """Return the mean of a vector; 0 if it is empty."""
    return pt.sum(x) / pt.maximum(pt.cast(x.shape[0], "float64"), 1.0)


def correlations(a: Tensor, b: Tensor) -> Tensor:
    """Return Pearson's correlation of the columns of two tables (n, m), (m,): 0 where one does not vary."""
    a, b = a - pt.mean(a, axis=0), b - pt.mean(b, axis=0)
    size = pt.sqrt(pt.sum(pt.square(a), axis=0)) * pt.sqrt(pt.sum(pt.square(b), axis=0))
    return pt.where(size > 0.0, pt.sum(a * b, axis=0) / pt.where(size > 0.0, size, 1.0), 0.0)


def centre_and_factor(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mean (m,) of points (n, m), and the Cholesky factor (m, m) of their covariance, shrunk towards its diagonal."""
    n, m = pt.cast(x.shape[0], "float64"), pt.cast(x.shape[1], "float64")
    centre = pt.mean(x, axis=0)
    away = x - centre
    spread = pt.sqrt(pt.mean(pt.square(away), axis=0))
    spread = pt.where(spread > 0.0, spread, LEAST_VARIANCE**0.5)
    share = pt.minimum(SHRINKAGE * m / n + LEAST_SHRINKAGE, 1.0)
    away = away / spread
    size = x.shape[1]
    correlation = (1.0 - share) * (pt.transpose(away) @ away) / n
    # An element that does not vary has no correlation, and a factor of its own.
    correlation = pt.where(pt.eye(size, dtype="bool"), 1.0, correlation)
    return centre, spread[:, None] * pt.linalg.cholesky(correlation)


def _by_halves(x: Tensor, f: Callable[[Tensor, int], Tensor]) -> Tensor:
    """What a function makes of the first rows of a table, which is half of them, and the number 0, and of the others and 1."""
    half = x.shape[0] // 2
    return pt.concatenate([f(x[:half], 0), f(x[half:], 1)], axis=0)


def _together(q: Tensor, z: Tensor) -> Tensor:
    """All elements as real numbers, (n, m)."""
    return pt.concatenate([q, pt.cast(z, "float64")], axis=1)
