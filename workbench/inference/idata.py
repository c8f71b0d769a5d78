"""What holds groups of draws and data: InferenceData of ArviZ before version 1, xarray's DataTree since.

Both have groups as attributes (``idata.posterior``). What differs is here: how one is made, what its groups are called, how one is put in.
Which one is made is seen by what the installed ArviZ has, without importing it; what is given may be either.
"""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any


@functools.cache
def has_inference_data() -> bool:
    """Return whether the installed ArviZ has InferenceData."""
    spec = importlib.util.find_spec("arviz")
    return spec is not None and any((Path(p) / "data" / "inference_data.py").exists() for p in spec.submodule_search_locations or ())


def container(groups: Mapping[str, Any]) -> Any:
    """Return Datasets by group as the installed ArviZ takes them.

    Examples
    --------
    >>> import xarray
    >>> container({"posterior": xarray.Dataset({"mu": (("chain", "draw"), [[1.0, 2.0]])})}).posterior.sizes["draw"]
    2
    """
    if has_inference_data():
        from workbench.inference.arviz_class import inference_data_class

        # ArviZ hides groups of warm-up unless told otherwise.
        return inference_data_class()(**{"save_warmup": True, **groups})
    import xarray

    return xarray.DataTree.from_dict(dict(groups))


def group_names(idata: Any) -> list[str]:
    """Return the names of the groups that there are; of what has none, nothing."""
    groups = getattr(idata, "groups", None)
    found = groups() if callable(groups) else groups or []
    return [name for g in found if (name := str(g).strip("/"))]


def group(idata: Any, name: str) -> Any:
    """Return a group as a Dataset."""
    found = idata[name]
    return found.to_dataset() if hasattr(found, "to_dataset") and hasattr(found, "subtree") else found


def has_groups(idata: Any) -> bool:
    """Return whether groups can be added."""
    return hasattr(idata, "groups") and (hasattr(idata, "extend") or hasattr(idata, "subtree"))


def put(idata: Any, name: str, dataset: Any) -> None:
    """Put a Dataset in as a group, in the place of one of that name."""
    if hasattr(idata, "subtree"):
        import xarray

        idata[name] = xarray.DataTree(dataset)
        return
    if name in idata.groups():
        del idata[name]
    idata.add_groups({name: dataset})


def extended(idata: Any, found: Any, replaced: Iterable[str]) -> Any:
    """Return it with the groups of another; those of some names in the place of older ones, others only where there is none."""
    there, replaced = group_names(idata), set(replaced)
    for name in group_names(found):
        if name in replaced or name not in there:
            put(idata, name, group(found, name))
    return idata
