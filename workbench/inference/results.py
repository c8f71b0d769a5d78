"""Runs as ArviZ's InferenceData. ArviZ takes seconds to import: it loads beside the sampling."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from workbench.inference.run import Run

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


def to_inference_data(run: Run) -> Any:
    """Return a run's draws, statistics and data as InferenceData, with the model's dims and coords."""
    if _loading is not None:
        _loading.join()
    import arviz as az

    model = run.model
    dims = {name: list(d) for name, d in model.named_vars_to_dims.items()}
    coords = {name: np.asarray(labels) for name, labels in model.coords.items()}
    observed = {str(rv.name): np.asarray(model.rvs_to_values[rv].eval()) for rv in model.observed_RVs}
    constant = {str(x.name): np.asarray(x.eval()) for x in model.data_vars}
    groups: dict[str, Any] = {
        "posterior": run.draws,
        "sample_stats": run.stats,
        "observed_data": observed,
        "constant_data": constant,
    }
    if run.warmup:
        groups |= {"warmup_posterior": run.warmup, "warmup_sample_stats": run.warmup_stats, "save_warmup": True}
    attributes = {
        "inference_library": "workbench", "sampling_time": run.timings.get("sample", float("nan")),
        "tuning_steps": run.tune, "backend": run.backend, "random_seed": str(run.seed),
    }  # fmt: skip
    groups = {k: v for k, v in groups.items() if v}
    idata = az.from_dict(**groups, coords=coords, dims=dims)
    idata.posterior.attrs.update(attributes)
    return idata
