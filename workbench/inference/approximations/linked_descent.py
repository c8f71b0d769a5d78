"""A model, an objective and an optimizer, compiled and linked: what a fit calls."""

from __future__ import annotations

import functools
import threading
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from workbench.compile import CompiledFunction
from workbench.compile.kept import OwnGraph, kept_function
from workbench.graph.inner import Graph
from workbench.inference.approximations.flat_density import hessian_product_graph
from workbench.inference.linked import started
from workbench.model.density import logp_grad_graph
from workbench.model.functions import function_of
from workbench.model.minibatch import with_batches_of
from workbench.model.model import Model
from workbench.tensor.random import threefry
from workbench.variational import Descent, Family, Newton, Objective, Optimizer, fixed_noise, word

Array = np.ndarray[Any, Any]
ROWS = 4096
"""Most steps of one call."""
DRAWS, NOISE = 2**63 + 1, 2**63 + 2
"""Counters of the keys for draws from an approximation, and for noise that stays."""


class Chunk(NamedTuple):
    """What a call makes."""

    losses: Array
    """Of the steps that were made, (n,)."""
    converged: bool
    """Whether nothing is left to do."""
    at_fault: Array | None
    """The point (d,) at which the loss or its gradient is not finite, if there is one."""
    loss: float
    """The loss there."""


def own_key(seed: int, counter: int) -> np.uint64:
    """Return one of the keys that follow from a seed."""
    return np.uint64(threefry.numpy(np.uint64(seed), np.uint64(counter)))


def batch_density(model: Model, backend: str) -> CompiledFunction:
    """Return the log-density of a model and its gradient, compiled, from the flat vector and the key of its minibatches."""

    def graph(m: Model) -> Graph:
        return with_batches_of(logp_grad_graph(m), word("batch"))

    return function_of(model, "logp_grad_of_batch", backend, graph)


class StochasticDescent:
    """Steps of an optimizer down the estimated gradient of an objective.

    Parameters
    ----------
    model
        The model, with data of its own.
    objective, optimizer
        What is made small, and how.
    backend
        Where to compute.
    seed
        Of which all random numbers follow.
    values
        Parameters at first.
    draws
        Of each step.
    longest
        Longest gradient of all parameters together.
    given
        The objective's settings and rooms.
    """

    rows = ROWS

    def __init__(
        self, model: Model, objective: Objective, optimizer: Optimizer, backend: str, seed: int, values: Sequence[Array], draws: int,
        longest: float = np.inf, given: Sequence[Any] = (), number: int = 0,
    ) -> None:  # fmt: skip
        self.model, self.objective, self.optimizer, self.backend = model, objective, optimizer, backend
        self.values, self.number = [np.asarray(v, np.float64) for v in values], number
        self._kept = optimizer.first(self.values)
        self._key = np.uint64(seed)
        self._settings = [*optimizer.settings.values(), draws, longest, *given]

    def compile(self) -> None:
        """Compile what is not yet; the descent does not wait for the model."""
        density = started(lambda: batch_density(self.model, self.backend))
        advance = compiled_descent(self.backend, self.objective, self.optimizer)
        self._advance = advance.link(logp_grad=density.result())

    def advance(self, wanted: int) -> Chunk:
        """Make up to so many steps."""
        v, k = len(self.values), len(self._kept)
        found = self._advance(self._key, self.number, *self.values, *self._kept, *self._settings, wanted, np.zeros(ROWS))
        number, rows = int(found[0]), int(found[1 + v + k])
        self.values, self._kept, self.number = list(found[1 : 1 + v]), list(found[1 + v : 1 + v + k]), number
        losses, z = found[-2:]
        bad = rows < wanted
        return Chunk(np.array(losses[:rows]), False, np.array(z) if bad else None, float(losses[rows]) if bad else 0.0)


class NewtonDescent:
    """Newton's method down the bound over noise that stays.

    Parameters
    ----------
    model, backend
        The model, with data of its own, and where to compute.
    noise
        Draws that stay, (m, d).
    values
        Means (d,), and standard deviations before softplus (d,).
    tolerance
        Largest element of the gradient at the end, in units of standard deviations.
    """

    rows = ROWS

    def __init__(self, model: Model, backend: str, noise: Array, values: Sequence[Array], tolerance: float) -> None:
        self.model, self.backend, self.noise, self.tolerance = model, backend, noise, tolerance
        self._mu, self._omega = values[0], np.log(np.logaddexp(0.0, values[1]))
        self._radius = 1.0
        self.gradient = np.inf

    def compile(self) -> None:
        """Compile what is not yet."""
        plain = started(lambda: function_of(self.model, "logp_grad", self.backend, logp_grad_graph))
        second = started(lambda: function_of(self.model, "hessian_product", self.backend, hessian_product_graph))
        advance = compiled_newton(self.backend)
        self._advance = advance.link(logp_grad=plain.result(), hessian_product=second.result())

    @property
    def values(self) -> list[Array]:
        """Means, and standard deviations before softplus."""
        sd = np.exp(self._omega)
        return [self._mu, sd + np.log(-np.expm1(-sd))]

    def advance(self, wanted: int) -> Chunk:
        """Make up to so many steps."""
        room = np.zeros(ROWS)
        mu, omega, radius, gradient, rows, losses, loss, z = self._advance(self._mu, self._omega, self._radius, self.noise, self.tolerance, wanted, room)
        self._mu, self._omega, self._radius, self.gradient = np.array(mu), np.array(omega), float(radius), float(gradient)
        bad = not np.isfinite(loss)
        # The constant of the entropy, so that losses are those of other methods.
        constant = 0.5 * len(mu) * (1.0 + np.log(2.0 * np.pi))
        ended = bool(rows < wanted) or self.gradient <= self.tolerance
        return Chunk(np.array(losses[: int(rows)]) - constant, ended, np.array(z) if bad else None, float(loss))


def noise_that_stays(seed: int, pairs: int, size: int) -> Array:
    """Return noise (2 * pairs, size) for :class:`NewtonDescent`."""
    rng = np.random.default_rng(int(own_key(seed, NOISE)))
    return fixed_noise(rng.standard_normal((pairs, size)))


def _once(cache: dict[Any, CompiledFunction], locks: Any, key: Any, make: Any) -> CompiledFunction:
    with locks:
        if key not in cache:
            cache[key] = make()
        return cache[key]


_descents: dict[Any, CompiledFunction] = {}
_compiling = threading.Lock()


def compiled_descent(backend: str, objective: Objective, optimizer: Optimizer) -> CompiledFunction:
    """Return the one compiled form of a descent on a backend, for all models and settings."""
    descent = Descent(objective, optimizer)

    def make() -> CompiledFunction:
        of = (Descent, type(objective), type(objective.family), *optimizer.formulas)
        return kept_function(OwnGraph(of, descent.name, descent.advance, "descent"), backend)

    return _once(_descents, _compiling, (backend, descent.name), make)


@functools.cache
def compiled_newton(backend: str) -> CompiledFunction:
    """Return the one compiled form of Newton's method on a backend."""
    return kept_function(OwnGraph((Newton,), "", Newton().advance, Newton.name), backend)


def compiled_draws(backend: str, family: Family) -> CompiledFunction:
    """Return the one compiled form of a family's draws on a backend."""
    own = OwnGraph((type(family),), family.name, family.draws, "draws")
    return _once(_descents, _compiling, (backend, "draws", family.name), lambda: kept_function(own, backend))


def settings_of(objective: Objective, given: Mapping[str, float]) -> list[float]:
    """Return an objective's settings in order: those given, or its own."""
    return [float(given.get(name, x)) for name, x in objective.settings.items()]
