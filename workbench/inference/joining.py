"""Results of the independent parts of a model as results of the whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from workbench.errors import ArgumentError
from workbench.inference.idata import container, group, group_names
from workbench.inference.predictive import compute_deterministics
from workbench.model.context import modelcontext
from workbench.model.model import Model

WHOLE: dict[str, Callable[..., Any]] = {
    "lp": np.add, "energy": np.add, "n_steps": np.add, "diverging": np.logical_or, "reached_max_treedepth": np.logical_or,
    "tree_depth": np.maximum, "acceptance_rate": np.minimum,
}  # fmt: skip
"""Statistics of a draw of all parts from those of each: what adds up, whether there is one, the least favourable. Others are a part's own."""


def join(parts: Sequence[Any], model: Model | None = None) -> Any:
    """Return draws of the independent parts of a model, see :func:`workbench.split`, as draws of the model.

    Parameters
    ----------
    parts
        InferenceData of each, of as many chains and draws: they are independent, and so any draw of one belongs to any of another.
    model
        The whole model; that of the surrounding block by default.

    Returns
    -------
    InferenceData: the variables of all in the order of the model, deterministics of several parts computed; of the statistics the sum of
    ``lp energy n_steps``, whether any part is ``diverging``, the largest ``tree_depth`` and the smallest ``acceptance_rate``.

    Raises
    ------
    ArgumentError
        If there are none, or they are not of as many chains and draws.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     a, b = pm.Normal("a"), pm.Normal("b")
    ...     c = pm.Deterministic("c", a + b)
    >>> parts = [pm.sample(50, tune=50, chains=2, model=part, random_seed=i, progressbar=False, quiet=True) for i, part in enumerate(pm.split(model))]
    >>> list(pm.join(parts, model).posterior.data_vars)
    ['a', 'b', 'c']
    """
    model = modelcontext(model)
    if not parts:
        raise ArgumentError("there are no parts to join")
    sizes = [(idata.posterior.sizes["chain"], idata.posterior.sizes["draw"]) for idata in parts]
    if len(set(sizes)) > 1:
        raise ArgumentError(
            f"the parts have not as many draws: {', '.join(f'{c} chains of {d}' for c, d in sizes)}", "sample each with the same chains= and draws="
        )
    groups: dict[str, Any] = {}
    for name in dict.fromkeys(g for idata in parts for g in group_names(idata)):
        found = [group(idata, name) for idata in parts if name in group_names(idata)]
        if name.endswith("sample_stats"):
            groups[name] = _statistics(found)
            continue
        made = found[0]
        for other in found[1:]:
            made = made.merge(other.assign_coords({d: made.coords[d] for d in ("chain", "draw") if d in made.coords and d in other.dims}))
        if name.endswith("posterior"):
            names = [str(x.name) for x in model.deterministics if x.name not in made]
            if names:
                made = made.merge(compute_deterministics(made, var_names=names, model=model, progressbar=False))
            order = [str(x.name) for x in model.unobserved_RVs]
            made = made[[*(n for n in order if n in made), *(n for n in made.data_vars if n not in order)]]
        groups[name] = made
    return container(groups)


def _statistics(found: Sequence[Any]) -> Any:
    made = found[0][[n for n in WHOLE if all(n in ds for ds in found)]].copy()
    for name in made.data_vars:
        whole = found[0][name].to_numpy()
        for other in found[1:]:
            whole = WHOLE[str(name)](whole, other[name].to_numpy())
        made[name] = (made[name].dims, whole)
    return made
