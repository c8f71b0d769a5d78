"""Starts of chains from a fit: `init="advi"` and `init="map"`, by PyMC's names.

The mean-field approximation is found by Newton's method over draws that stay (`pm.fit(method="dadvi")`): from a start 20 standard deviations
out, 20,000 steps of ADVI, which has the same objective, were not half-way.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.errors import ArgumentError
from workbench.inference.approximations.fitting import fit
from workbench.inference.approximations.flat_density import NO_INTEGERS
from workbench.inference.optimise import find_MAP
from workbench.model.model import Model
from workbench.model.position import Places

FITTED = ("advi", "advi+adapt_diag", "advi_map", "map")
"""Names of ways to begin at a fit."""


def fitted_starts(init: str, model: Model, backend: str, chains: int, seed: int) -> list[Mapping[Any, Any] | None]:
    """Return where chains begin: at draws of a mean-field approximation, fitted from the initial point or from the mode; or all at the mode.

    Parameters
    ----------
    init
        Of `FITTED`.
    model
        The model.
    backend, chains, seed
        As for the run.

    Raises
    ------
    ArgumentError
        If there are discrete variables.
    """
    if model.discrete_value_vars:
        raise ArgumentError(f"init={init!r} is for models whose variables are all continuous", "leave init out, or give initvals")
    mode = None
    if init in ("map", "advi_map"):
        names = [str(rv.name) for rv in model.free_RVs]
        found = find_MAP(model=model, backend=backend, progressbar=False, seed=seed)
        mode = {name: found[name] for name in names}
        if init == "map":
            return [mode] * chains
    approximation = fit(method="dadvi", model=model, random_seed=seed, start=mode, backend=backend, quiet=True, compute_convergence_checks=False)
    z, _ = approximation.flat_draws(chains, seed)
    places = Places.of(model)
    return [places.point(q, NO_INTEGERS) for q in z]
