"""Draws and data as ArviZ's InferenceData."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.inference.idata import container
from workbench.inference.layout import Layout
from workbench.model.minibatch import batch_keys
from workbench.model.missing import fractions

if TYPE_CHECKING:
    from workbench.model.model import Model


def data_of(model: Model) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the observed values, and the data, of a model by name; of minibatches none, which are not what was observed."""
    observed = {}
    for rv in model.observed_RVs:
        if batch_keys([model.rvs_to_values[rv]]):
            continue
        content = np.asarray(model.rvs_to_values[rv].eval())
        # Counts that were given as floats are counts.
        observed[str(rv.name)] = content if fractions(content, rv.dtype).any() else content.astype(rv.dtype)
    return observed, {str(x.name): np.asarray(x.eval()) for x in model.data_vars}


def _coords_of(dim: str, index: Any) -> Any:
    """The coords of a dim whose labels are those of several."""
    import xarray

    return xarray.Coordinates.from_pandas_multiindex(index, dim)


def groups_to_inference_data(
    model: Model,
    groups: Mapping[str, Mapping[str, Any]],
    *,
    constant: str | None = None,
    observed: bool = False,
    sample: Any = None,
    dims: Mapping[str, Any] | None = None,
    coords: Mapping[str, Any] | None = None,
) -> Any:
    """Return groups of draws, and the model's data if asked for, as InferenceData.

    Parameters
    ----------
    model
        Whose dims and coords they have.
    groups
        Arrays (chain, draw, *shape) by variable, by group.
    constant
        The group of the model's data, if they are to be added.
    observed
        Whether to add the observed values.
    sample
        What knows the labels of the sample axes.
    dims, coords
        Further dims of variables, and labels of dims.
    """
    layout = Layout.of(model, dims, coords)
    values, data = data_of(model)
    first = tuple(sample.dims) if sample is not None else ("chain", "draw")
    stacked = sample.stacked if sample is not None else {}
    labels = {d: v for d, v in sample.coords.items() if d not in stacked} if sample is not None else {}
    made: dict[str, Any] = {}
    for name, variables in groups.items():
        if variables:
            made[name] = layout.dataset(variables, first, labels, batch=name.startswith("log_"))
            for d, index in stacked.items():
                made[name] = made[name].drop_vars(d).assign_coords(_coords_of(d, index))
    if observed and values:
        made["observed_data"] = layout.dataset(values)
    if constant is not None and data:
        made[constant] = layout.dataset(data)
    return container(made)
