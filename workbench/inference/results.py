"""Runs as ArviZ's InferenceData. ArviZ takes seconds to import: it loads beside the sampling."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.model.missing import fractions

if TYPE_CHECKING:
    from workbench.inference.run import Run
    from workbench.model.model import Model

_loading: threading.Thread | None = None
import_seconds: float | None = None
"""How long the import of ArviZ took, once it is done."""


def load_arviz_in_background() -> None:
    """Begin to import ArviZ, at low priority."""
    global _loading
    if _loading is None:
        _loading = threading.Thread(target=_load, name="workbench-arviz", daemon=True)
        _loading.start()


def _load() -> None:
    global import_seconds
    begun = time.perf_counter()
    if hasattr(os, "setpriority"):
        # On Linux a thread has a priority of its own.
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)
    try:
        import arviz  # noqa: F401
    except ImportError:
        return
    import_seconds = time.perf_counter() - begun


def dims_and_coords(model: Model) -> tuple[dict[str, list[str]], dict[str, Any]]:
    """Return the dims of each variable and the labels of each dim, as ArviZ takes them."""
    dims = {
        name: [d if d is not None else f"{name}_dim_{i}" for i, d in enumerate(ds)] for name, ds in model.named_vars_to_dims.items()
    }
    coords = {
        d: np.arange(model.length_of(d)) if labels is None else label_array(labels) for d, labels in model.coords.items()
    }
    return dims, coords


def label_array(labels: Sequence[Any]) -> np.ndarray[Any, Any]:
    """Return labels of a dim as they are stored: an array of one axis, also where they are tuples."""
    found = np.empty(len(labels), object)
    found[:] = labels
    return found if any(isinstance(x, tuple) for x in labels) else np.asarray(labels)


def data_of(model: Model) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the observed values, and the data, of a model by name."""
    observed = {}
    for rv in model.observed_RVs:
        content = np.asarray(model.rvs_to_values[rv].eval())
        # Counts that were given as floats are counts.
        observed[str(rv.name)] = content if fractions(content, rv.dtype).any() else content.astype(rv.dtype)
    return observed, {str(x.name): np.asarray(x.eval()) for x in model.data_vars}


@dataclass(frozen=True)
class Kept:
    """What of a run goes into its InferenceData.

    Attributes
    ----------
    var_names
        Variables of the posterior; all when ``None``.
    warmup
        Whether the draws of warm-up do.
    log_likelihood
        Whether the log-density of each observation is computed; names of observed variables for a part of them.
    attributes
        Further attributes of the posterior.
    """

    var_names: tuple[str, ...] | None = None
    warmup: bool = True
    log_likelihood: bool | Sequence[str] = False
    attributes: Mapping[str, Any] = field(default_factory=dict)

    def of(self, draws: Mapping[str, Any]) -> dict[str, Any]:
        """Return the draws that are kept, by variable."""
        return {k: v for k, v in draws.items() if self.var_names is None or k in self.var_names}


def to_inference_data(run: Run) -> Any:
    """Return a run's draws, statistics and data as InferenceData, with the model's dims and coords."""
    if _loading is not None:
        _loading.join()
    import arviz as az

    kept = run.kept_results
    dims, coords = run.dims, run.coords
    groups: dict[str, Any] = {"posterior": kept.of(run.draws), "sample_stats": run.stats, "observed_data": run.observed}
    if run.warmup and (kept.warmup or not run.draws):
        groups |= {"warmup_posterior": kept.of(run.warmup), "warmup_sample_stats": run.warmup_stats, "save_warmup": True}
    attributes = {
        "inference_library": "workbench", "sampling_time": run.timings.get("sample", float("nan")),
        "tuning_steps": run.tune, "backend": run.backend, "random_seed": str(run.seed), **kept.attributes,
    }  # fmt: skip
    groups = {k: v for k, v in groups.items() if v}
    idata = az.from_dict(**groups, coords=coords, dims=dims)
    added = {"constant_data": constants_to_dataset(run.constants, coords, dims, {})} if run.constants else {}
    if kept.log_likelihood and run.draws:
        added |= _log_likelihood(run, kept.log_likelihood)
    if added:
        idata.add_groups(added)
    (idata.posterior if run.draws else idata.warmup_posterior).attrs.update(attributes)
    return idata


def _log_likelihood(run: Run, wanted: bool | Sequence[str]) -> dict[str, Any]:
    # It makes its results with what is in this file.
    from workbench.inference.predictive import compute_log_likelihood

    names = None if wanted is True else list(wanted)  # type: ignore[arg-type]
    found = compute_log_likelihood(run, var_names=names, extend_inferencedata=False, model=run.model)
    return {"log_likelihood": found} if found.data_vars else {}


def constants_to_dataset(data: Mapping[str, Any], coords: Mapping[str, Any], dims: Mapping[str, Any], attrs: Mapping[str, Any]) -> Any:
    """Return data of a model as a Dataset; numbers are numbers there (ArviZ makes arrays of one of them)."""
    import arviz as az

    made = az.dict_to_dataset(dict(data), coords=dict(coords), dims=dict(dims), default_dims=[], attrs=dict(attrs))
    return made.isel({f"{name}_dim_0": 0 for name, value in data.items() if not np.ndim(value)}, drop=True)


def axes_of(model: Model, name: str, shape: Sequence[int]) -> list[str]:
    """Return names for the axes of what belongs to a variable.

    A log-density of vectors has fewer axes than these, the first ones.
    """
    dims = model.named_vars_to_dims.get(name, ())
    return [
        str(dims[i]) if i < len(dims) and dims[i] is not None and model.length_of(str(dims[i])) == n else f"{name}_dim_{i}"
        for i, n in enumerate(shape)
    ]


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
    coords: Mapping[str, Any] | None = None,
    dims: Mapping[str, Sequence[str]] | None = None,
    **attributes: Any,
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
    coords, dims
        Labels of dims, and dims of variables, in the place of the model's.
    attributes
        Kept with each group.
    """
    import arviz as az

    own_dims, own_coords = dims_and_coords(model)
    given = {k: [str(d) for d in ds] for k, ds in (dims or {}).items()}
    dims, coords = {**own_dims, **given}, {**own_coords, **(coords or {})}
    values, data = data_of(model)
    names = tuple(sample.dims) if sample is not None else ("chain", "draw")
    stacked = sample.stacked if sample is not None else {}
    labels = {**coords, **({d: v for d, v in sample.coords.items() if d not in stacked} if sample is not None else {})}
    attrs = {"inference_library": "workbench", **attributes}
    made: dict[str, Any] = {}
    for name, variables in groups.items():
        if variables:
            # ArviZ puts only chain and draw in front by itself.
            full = {k: [*names, *(given.get(k) or axes_of(model, k, np.shape(v)[len(names) :]))] for k, v in variables.items()}
            made[name] = az.dict_to_dataset(dict(variables), coords=labels, dims=full, default_dims=[], attrs=attrs)
            for d, index in stacked.items():
                made[name] = made[name].drop_vars(d).assign_coords(_coords_of(d, index))
    if observed and values:
        made["observed_data"] = az.dict_to_dataset(values, coords=coords, dims=dims, default_dims=[], attrs=attrs)
    if constant is not None and data:
        made[constant] = constants_to_dataset(data, coords, dims, attrs)
    return az.InferenceData(**made)
