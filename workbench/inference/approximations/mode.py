"""Modes of log-densities by Newton's method, with the precision there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from workbench.inference.approximations.flat_density import FlatDensity
from workbench.inference.approximations.hessian import Hessian
from workbench.inference.approximations.precision import Factor, NotPositiveDefinite

Array = np.ndarray[Any, Any]
CLOSE, CLOSE_ENOUGH = 1e-12, 1e-6
"""Twice the height that is missing to the mode, where the search ends; and where it may end if rounding leaves nothing to gain."""
MOST = 100
MOST_HALVINGS, MOST_DAMPINGS = 40, 30


@dataclass(frozen=True)
class Mode:
    """A mode by some elements of the flat vector.

    Attributes
    ----------
    q
        The point, (d,).
    value
        Log-density there.
    values, factor
        Elements of the precision there, and its factor.
    iterations
        Newton steps.
    """

    q: Array
    value: float
    values: Array
    factor: Factor
    iterations: int


class NoMode(Exception):
    """A search that has not ended at a mode.

    Attributes
    ----------
    q, gradient
        Where it ended.
    values
        Elements of the precision there, which is not positive definite; ``None`` if the log-density still rises.
    """

    def __init__(self, q: Array, gradient: Array, values: Array | None) -> None:
        super().__init__()
        self.q, self.gradient, self.values = q, gradient, values


def newton(density: FlatDensity, hessian: Hessian, q: Array, most: int = MOST) -> Mode:
    """Return the mode near a point, by the elements that the Hessian is of; the others stay.

    Raises
    ------
    NoMode
        If there is none.
    """
    where = hessian.where
    value, gradient = density(q)
    for count in range(most):
        values = hessian.at(q)
        try:
            factor, damped = Factor(hessian.structure, values), False
        except NotPositiveDefinite:
            factor, damped = _damped(hessian, values, q, gradient), True
        slope = gradient[where]
        step = factor.solve(slope)
        gain = float(slope @ step)
        if not damped and gain < CLOSE:
            # What is missing is less than rounding: the last step is not judged by the log-density.
            q = q.copy()
            q[where] += step
            return Mode(q, density(q)[0], values, factor, count + 1)
        found = _up(density, where, q, value, step, gain)
        if found is None:
            if not damped and gain < CLOSE_ENOUGH:
                return Mode(q, value, values, factor, count)
            raise NoMode(q, gradient, values if damped else None)
        if damped and gain < CLOSE_ENOUGH:
            raise NoMode(q, gradient, values)
        q, value, gradient = found
    raise NoMode(q, gradient, None)


def _damped(hessian: Hessian, values: Array, q: Array, gradient: Array) -> Factor:
    """The factor of a precision to which as much of the identity is added as it needs to be positive definite."""
    on = hessian.structure.diagonal
    if np.isfinite(values).all():
        size = 1e-3 * max(float(np.abs(values[on]).max(initial=0.0)), 1e-8)
        for _ in range(MOST_DAMPINGS):
            added = values.copy()
            added[on] += size
            try:
                return Factor(hessian.structure, added)
            except NotPositiveDefinite:
                size *= 4.0
    raise NoMode(q, gradient, values)


def _up(density: FlatDensity, where: Array, q: Array, value: float, step: Array, gain: float) -> tuple[Array, float, Array] | None:
    """The first better point among q + step, q + step / 2, ...; ``None`` if there is none."""
    share = 1.0
    for _ in range(MOST_HALVINGS):
        there = q.copy()
        there[where] += share * step
        here, gradient = density(there)
        # Near the mode the gain is less than the rounding of the log-density.
        if np.isfinite(here) and np.isfinite(gradient).all() and here >= value + 1e-4 * share * gain - 1e-13 * abs(value):
            return there, here, gradient
        share /= 2.0
    return None
