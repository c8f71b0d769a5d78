"""Starts of chains from Pathfinder: `init="pathfinder"`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from workbench.errors import ArgumentError
from workbench.inference.approximations.flat_density import NO_INTEGERS, FlatDensity
from workbench.inference.approximations.pareto_k import smoothed_weights
from workbench.inference.approximations.pathfinder import Settings, find_paths
from workbench.inference.approximations.resampling import resampled
from workbench.model.interventions import with_own_data
from workbench.model.model import Model
from workbench.model.position import Places

DRAWS = 100
"""Of each path, of which its chain begins at one."""


def pathfinder_starts(model: Model, backend: str, chains: int, seed: int, cores: int | None) -> list[Mapping[Any, Any] | None]:
    """Return where chains begin: each at a draw of the approximation of a path of its own, chosen by its importance weight.

    Parameters
    ----------
    model
        The model.
    backend, chains, seed, cores
        As for the run.

    Returns
    -------
    list
        Unconstrained values by value name; ``None`` for a chain whose path led to no approximation.

    Raises
    ------
    ArgumentError
        If there are discrete variables.
    SamplingError
        If no path leads to an approximation.
    """
    if model.discrete_value_vars:
        raise ArgumentError('init="pathfinder" is for models whose variables are all continuous', "leave init out, or give initvals")
    density = FlatDensity(with_own_data(model), backend)
    places = Places.of(density.model)
    starts: list[Mapping[Any, Any] | None] = []
    for i, found in enumerate(find_paths(density, chains, seed, Settings(), cores=cores)):
        if found.normal is None:
            starts.append(None)
            continue
        rng = np.random.default_rng([seed, chains, i])
        q, log_q = found.normal.draw(rng.normal(size=(DRAWS, density.size)))
        log_weights, _ = smoothed_weights(density.values(q) - log_q)
        (chosen,) = resampled(rng, log_weights, 1, True)
        starts.append(places.point(q[chosen], NO_INTEGERS))
    return starts
