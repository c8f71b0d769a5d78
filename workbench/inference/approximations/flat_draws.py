"""Draws of the flat unconstrained vector as InferenceData of the model's variables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from workbench.inference.idata import container
from workbench.inference.inference_data import data_of
from workbench.inference.layout import Layout
from workbench.inference.values import Values, apart, element_names
from workbench.model.model import Model
from workbench.model.position import Places
from workbench.samplers import ROWS

Array = np.ndarray[Any, Any]


def constrained_draws(model: Model, q: Array, backend: str) -> dict[str, Array]:
    """Return the free variables and deterministics of a model without discrete ones, from draws of its flat vector.

    Parameters
    ----------
    model
        The model, at its current shapes.
    q
        Draws, (..., d).
    backend
        Where to compute.

    Returns
    -------
    dict
        By name, (..., *shape).
    """
    values = Values(model, backend, ROWS)
    rows = np.ascontiguousarray(q, np.float64).reshape(-1, q.shape[-1])
    none = np.empty((len(rows), 0), np.int64)
    blocks = [values(rows[i : i + ROWS], none[i : i + ROWS]) for i in range(0, len(rows), ROWS)]
    return {
        name: np.concatenate([b[v] for b in blocks]).reshape((*q.shape[:-1], *shape)) if blocks else np.empty((*q.shape[:-1], *shape))
        for v, (name, shape) in enumerate(zip(values.names, values.shapes))
    }


def unconstrained_names(model: Model) -> list[str]:
    """Return the names of the elements of the flat vector: ``mu``, ``sigma_log__``, ``a[AITKIN]``."""
    found: list[str] = []
    for rv, (_, shape) in zip(model.free_RVs, Places.of(model).continuous.values()):
        named = str(rv.name) if model.rvs_to_transforms.get(rv) is None else model.value_name(rv)
        found += element_names(model, named, shape)
    return apart(found)


def draws_as_inference_data(
    model: Model,
    q: Array,
    backend: str,
    *,
    stats: Mapping[str, Array] | None = None,
    about: Mapping[str, Any] | None = None,
    include_transformed: bool = False,
    var_names: Sequence[str] | None = None,
    groups: Mapping[str, Any] | None = None,
) -> Any:
    """Return draws of the flat vector as InferenceData, with the model's dims, labels and data.

    Parameters
    ----------
    model
        The model, at its current shapes, without discrete free variables.
    q
        Draws, (chain, draw, d).
    backend
        Where to compute the variables.
    stats
        Statistics of each draw, (chain, draw, ...), by name.
    about
        What the posterior says of how it was made, as files can hold it.
    include_transformed
        Whether the posterior has the unconstrained values too.
    var_names
        Variables that the posterior keeps; all by default.
    groups
        Further groups, as Datasets.
    """
    layout = Layout.of(model)
    observed, constant = data_of(model)
    drawn = constrained_draws(model, q, backend)
    if include_transformed:
        drawn = {**Places.of(model).point(q, np.empty((*q.shape[:-1], 0), np.int64)), **drawn}
    kept = {k: v for k, v in drawn.items() if var_names is None or k in var_names}
    made: dict[str, Any] = {"posterior": layout.dataset(kept, ("chain", "draw"), attributes=about)}
    if stats:
        made["sample_stats"] = layout.dataset(stats, ("chain", "draw"), attributes=about)
    for name, values in (("observed_data", observed), ("constant_data", constant)):
        if values:
            made[name] = layout.dataset(values)
    return container({**made, **(groups or {})})
