"""A model and a kernel of SMC, compiled and linked."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np

from workbench.compile import CompiledFunction
from workbench.compile.kept import OwnGraph, kept_function
from workbench.graph.inner import Graph
from workbench.inference.linked import started
from workbench.inference.values import Values
from workbench.model.functions import function_of
from workbench.model.model import Model
from workbench.model.prior_and_likelihood import of_particles, prior_and_likelihood, tempered_density
from workbench.samplers.population import Population, PopulationState

Array = np.ndarray[Any, Any]
ROWS = 512
"""Positions of one call for the values of variables."""


class LinkedPopulation:
    """The functions of an SMC run.

    Parameters
    ----------
    model
        The model; its data keep their lengths.
    kernel
        What moves particles.
    settings
        Its settings, all by name.
    backend
        Where to compute.

    Attributes
    ----------
    values
        From positions to the model's variables.
    """

    def __init__(self, model: Model, kernel: type[Population], settings: Mapping[str, float], backend: str) -> None:
        values = started(lambda: Values(model, backend, ROWS))
        parts = compiled_population(backend, kernel)  # type: ignore[arg-type]  # A class has its metaclass's hash.
        slot = "parts_grad" if kernel.gradients else "parts"
        together = backend in ("numpy", "jax")

        def graph(m: Model) -> Graph:
            if kernel.gradients:
                return of_particles(tempered_density(m), together, shared=1)
            return of_particles(prior_and_likelihood(m), together)

        density = function_of(model, slot, backend, graph)
        self._settings = [np.float64(settings[name]) for name in kernel.settings]
        self._init, self._stage, self._advance = (f.link(**{slot: density} if slot in f.slots else {}) for f in parts)
        self.values: Values = values.result()

    def init(self, key: Array, q: Array, z: Array) -> PopulationState:
        """Return the state of particles that are drawn from the prior, (n, d) and (n, k)."""
        return PopulationState(*self._init(key, q, z))

    def stage(self, state: PopulationState) -> PopulationState:
        """Return the state at the beginning of the next stage."""
        return PopulationState(*self._stage(*state, *self._settings))

    def advance(self, state: PopulationState) -> PopulationState:
        """Return the state after one more move."""
        return PopulationState(*self._advance(*state, *self._settings))

    def variables(self, q: Array, z: Array) -> list[Array]:
        """Return each variable's values (n, *shape) at positions (n, d) and (n, k)."""
        blocks = [self.values(q[i : i + ROWS], z[i : i + ROWS]) for i in range(0, len(q), ROWS)]
        return [np.concatenate(part) for part in zip(*blocks)]


@functools.cache
def compiled_population(backend: str, kernel: type[Population]) -> tuple[CompiledFunction, ...]:
    """Return the one compiled form of a kernel on a backend: first state, beginning of a stage, move."""
    made = kernel()
    name = made.name
    return (
        kept_function(OwnGraph((kernel,), "init", lambda: made.init, f"{name}_init"), backend),
        kept_function(OwnGraph((kernel,), "stage", lambda: made.stage, f"{name}_stage"), backend),
        kept_function(OwnGraph((kernel,), "advance", lambda: made.advance, name), backend),
    )
