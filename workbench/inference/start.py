"""Start points of chains: jittered around the support point, checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from workbench.errors import SamplingError
from workbench.model.inspection import report
from workbench.model.model import Model
from workbench.model.points import unconstrained

TRIES = 10


def start_point(
    model: Model,
    logp_grad: Callable[..., Any],
    rng: np.random.Generator,
    initvals: Mapping[Any, Any] | None = None,
    jitter: bool = True,
    tries: int = TRIES,
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
        Values, by variable or name, that replace the support point, without jitter.
    jitter
        Whether the other variables are jittered.
    tries
        How many jittered points to try.

    Raises
    ------
    ModelError
        If `initvals` names no free variable, or lies outside of its support.
    SamplingError
        If no try gives a finite log-density and gradient; names the term at fault.
    """
    given = unconstrained(model, initvals or {})
    centre = model.flatten({**model.initial_point(), **given})
    fixed = np.full(len(centre), not jitter)
    for name in given:
        fixed[model.flat_slices[name][0]] = True
    for _ in range(tries):
        q = centre + np.where(fixed, 0.0, rng.uniform(-1.0, 1.0, len(centre)))
        value, gradient = logp_grad(q)
        if np.isfinite(value) and np.isfinite(gradient).all():
            return q
        if fixed.all():
            break
    raise _complaint(model, q, float(value), gradient)


def _complaint(model: Model, q: np.ndarray[Any, Any], value: float, gradient: np.ndarray[Any, Any]) -> SamplingError:
    """What to say of an impossible start, at the line of the first variable at fault."""
    point = model.unflatten(q)
    if np.isfinite(value):
        bad = [n for n, (at, _) in model.flat_slices.items() if not np.isfinite(gradient[at]).all()]
        message = f"the gradient with respect to {', '.join(bad)} is not finite at any start point tried"
    else:
        bad = [n for n, term in model.point_logps(point).items() if not np.isfinite(term)]
        message = f"the log-density is {value} at every start point tried:\n{report(model, point)}"
    named = {**model.named_vars, **{model.value_name(rv): rv for rv in model.free_RVs}}
    written = next((named[n].provenance for n in bad if n in named), None)
    hint = "check that the data can occur under the model, or give a start with initvals={name: value}"
    return SamplingError(message, hint, written.location if written else None)
