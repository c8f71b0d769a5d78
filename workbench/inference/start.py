"""Start points of chains: jittered around the support point, checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from workbench.errors import SamplingError
from workbench.model.inspection import report
from workbench.model.model import Model

TRIES = 10


def start_point(
    model: Model,
    logp_grad: Callable[..., Any],
    rng: np.random.Generator,
    initvals: Mapping[str, Any] | None = None,
) -> np.ndarray[Any, Any]:
    """Return a flat start point with finite log-density and gradient.

    Parameters
    ----------
    model
        The model.
    logp_grad
        Its compiled log-density and gradient.
    rng
        Source of the jitter, uniform on (-1, 1).
    initvals
        Values by value name that replace the support point, without jitter.

    Raises
    ------
    SamplingError
        If no try gives a finite log-density and gradient; names the term at fault.
    """
    point = {**model.initial_point(), **(initvals or {})}
    centre = model.flatten(point)
    fixed = np.zeros(len(centre), bool)
    for name in initvals or {}:
        fixed[model.flat_slices[name][0]] = True
    for _ in range(TRIES):
        q = centre + np.where(fixed, 0.0, rng.uniform(-1.0, 1.0, len(centre)))
        value, gradient = logp_grad(q)
        if np.isfinite(value) and np.isfinite(gradient).all():
            return q
        if fixed.all():
            break
    raise SamplingError(_complaint(model, q, float(value), gradient), "check that the data can occur under the model, "
                        "or give a start with initvals={name: value}")  # fmt: skip


def _complaint(model: Model, q: np.ndarray[Any, Any], value: float, gradient: np.ndarray[Any, Any]) -> str:
    if not np.isfinite(value):
        return f"the log-density is {value} at every start point tried:\n{report(model, model.unflatten(q))}"
    names = [n for n, (at, _) in model.flat_slices.items() if not np.isfinite(gradient[at]).all()]
    return f"the gradient with respect to {', '.join(names)} is not finite at any start point tried"
