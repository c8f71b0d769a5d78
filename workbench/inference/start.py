"""Start points of chains: jittered around the support point, checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from workbench.errors import SamplingError
from workbench.model.inspection import report
from workbench.model.model import Model
from workbench.model.points import unconstrained
from workbench.model.position import Places

Array = np.ndarray[Any, Any]

TRIES = 10
NEARER = (0.1, 0.01, 0.0)
"""Where no try has a density, starts so much nearer to the support point are tried: there may be little room around it."""
FALL = 1e6
"""A start from which the log-density rises by more than this along its slope is moved up that slope: a tree
halves what a chain lies above the bulk's energy, so warm-up covers this in 20 draws, but not exp(500)."""
MOST_LINES, MOST_HALVINGS = 100, 1100


def start_point(
    model: Model,
    density: Callable[[Array, Array], tuple[float, Array]],
    rng: np.random.Generator,
    initvals: Mapping[Any, Any] | None = None,
    jitter: bool = True,
    tries: int = TRIES,
) -> tuple[Array, Array]:
    """Return a start with finite log-density and gradient, as the two vectors of a position.

    Parameters
    ----------
    model
        The model.
    density
        Its compiled log-density, and gradient with respect to continuous values.
    rng
        Source of the jitter, uniform on (-1, 1).
    initvals
        Values, by variable or name, that replace the support point, without jitter.
    jitter
        Whether the other continuous variables are jittered.
    tries
        How many jittered points to try; then nearer ones, and the support point itself.

    Raises
    ------
    ModelError
        If `initvals` names no free variable, or lies outside of its support.
    SamplingError
        If no try gives a finite log-density and gradient; names the term at fault.
    """
    given = unconstrained(model, initvals or {})
    places = Places.of(model)
    centre, z = places.vectors({**model.initial_point(), **given})
    fixed = np.full(len(centre), not jitter)
    for name in given:
        if name in places.continuous:
            fixed[places.continuous[name][0]] = True
    for reach in (*[1.0] * tries, *NEARER):
        q = centre + np.where(fixed, 0.0, reach * rng.uniform(-1.0, 1.0, len(centre)))
        value, gradient = density(q, z)
        if np.isfinite(value) and np.isfinite(gradient).all():
            return _nearer(lambda q: density(q, z), q, ~fixed), z
        if fixed.all():
            break
    raise _complaint(model, places, places.point(q, z), float(value), gradient)


def _nearer(logp_grad: Callable[..., Any], q: Array, free: Array) -> Array:
    """Return `q`, or if it lies extremely far out a point up its slope: steepest ascent, steps doubled or halved."""
    value, gradient = logp_grad(q)
    for _ in range(MOST_LINES):
        slope = np.where(free, gradient, 0.0)
        if not slope.any():
            break
        slope = slope / np.abs(slope).max()
        found = _up(logp_grad, q, value, slope)
        if found is None or found[1] - value < FALL:
            break
        q, value, gradient = found
    return q


def _up(logp_grad: Callable[..., Any], q: Array, value: float, slope: Array) -> tuple[Array, float, Array] | None:
    """The best point on the line q + step * slope among steps 1, 2, 4, ..., or the first better one of 1/2, 1/4, ..."""
    best, step, factor = None, 1.0, 2.0
    for _ in range(MOST_HALVINGS):
        there = q + step * slope
        here, gradient = logp_grad(there)
        if np.isfinite(here) and np.isfinite(gradient).all() and here > (value if best is None else best[1]):
            best = there, float(here), gradient
            if factor < 1.0:
                break
        elif best is not None:
            break
        else:
            factor = 0.5
        step *= factor
    return best


def _complaint(model: Model, places: Places, point: dict[str, Array], value: float, gradient: Array) -> SamplingError:
    """What to say of an impossible start, at the line of the first variable at fault."""
    if np.isfinite(value):
        bad = [n for n, (at, _) in places.continuous.items() if not np.isfinite(gradient[at]).all()]
        message = f"the gradient with respect to {', '.join(bad)} is not finite at any start point tried"
    else:
        bad = [n for n, term in model.point_logps(point).items() if not np.isfinite(term)]
        message = f"the log-density is {value} at every start point tried:\n{report(model, point)}"
    named = {**model.named_vars, **{model.value_name(rv): rv for rv in model.free_RVs}}
    written = next((named[n].provenance for n in bad if n in named), None)
    hint = "check that the data can occur under the model, or give a start with initvals={name: value}"
    return SamplingError(message, hint, written.location if written else None)
