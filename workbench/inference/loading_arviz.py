"""ArviZ takes seconds to import, seven tenths of them for plots and statistics: it loads beside the sampling, and results wait for their class alone."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import sys
import threading
import warnings
from typing import Any

NICE = 3
_loading: threading.Thread | None = None


def load_in_background() -> None:
    """Begin to import ArviZ, at a somewhat lower priority."""
    global _loading
    if _loading is None:
        # Once a day ArviZ 0.23 tells who imports it of its next version: nothing to a user who asked for draws.
        warnings.filterwarnings("ignore", r"\s*ArviZ is undergoing a major refactor", FutureWarning)
        _loading = threading.Thread(target=_load, name="workbench-arviz", daemon=True)
        _loading.start()


def _load() -> None:
    if sys.platform == "linux":
        # There a thread has a priority of its own; elsewhere its number is another process's.
        # Half the share of a chain's thread, not less: who needs ArviZ meanwhile waits for this thread, which cannot be given its priority back,
        # and at a tenth of the share the import took minutes on a machine that others use too.
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
    with contextlib.suppress(ImportError):
        import arviz  # noqa: F401


def inference_data_class() -> Any:
    """Return ArviZ's InferenceData, where ArviZ is being imported as soon as that is there."""
    while _loading is not None and _loading.is_alive():
        if (found := getattr(sys.modules.get("arviz.data"), "InferenceData", None)) is not None:
            return found
        _loading.join(0.002)
    from arviz import InferenceData

    return InferenceData


def version() -> str:
    """Return the version of ArviZ, without importing it."""
    return importlib.metadata.version("arviz")
