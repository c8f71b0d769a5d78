"""The Kalman filter as a graph: what is seen of a linear chain of normal states, integrated over the states, step by step.

What is seen of a state x at a time is a term of the log-density that is quadratic in it, ``peak - precision / 2 * (x - at)**2 +
slope * (x - at)``: a normal observation of it, or several, has no slope; where nothing is seen all are 0. So it is known without
dividing by the precision, and a variance may be 0. The steps are those of `gaussian_filter`.

Source: Durbin and Koopman, "Time Series Analysis by State Space Methods" (2012), chapters 4 and 6.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

import workbench.tensor as pt
from workbench.tensor.tensor import Tensor
from workbench.transforms.gaussian_filter import Row, System, Update, layout_of, times, total


class Seen(NamedTuple):
    """What is seen of the states, each ``(..., time)``."""

    peak: Tensor
    at: Tensor
    precision: Tensor
    slope: Tensor

    def times(self, part: Any) -> Seen:
        """Those of some times."""
        return Seen(*(x[..., part] for x in self))

    @property
    def by_time(self) -> list[Tensor]:
        """With the time in front."""
        return [pt.moveaxis(x, -1, 0) for x in self]


def local_level(mean: Any, variance: Any, drift: Any, noise: Any, seen: Seen) -> Tensor:
    """Return the log-evidence of what is seen of a random walk, step by step: log p(y[t] | y[0], ..., y[t-1]), ``(..., time)``.

    Parameters
    ----------
    mean, variance
        Of the first state, ``(...)``.
    drift, noise
        Mean and variance of each step, ``(...)``.
    seen
        What is seen.

    Examples
    --------
    >>> import numpy as np
    >>> y = np.array([1.0, 2.0])
    >>> seen = Seen(*map(pt.as_tensor, (np.full(2, -0.5 * np.log(2 * np.pi)), y, np.ones(2), np.zeros(2))))
    >>> local_level(0.0, 1.0, 0.0, 1.0, seen).eval().round(4).tolist()  # y[0] ~ N(0, 2), y[1] ~ N(0.5, 2.5)
    [-1.5155, -1.8271]
    """
    batch = seen.at.shape[:-1]
    mean, variance, drift, noise = (pt.broadcast_to(pt.cast(pt.as_tensor(x), "float64"), batch) for x in (mean, variance, drift, noise))
    system = System({(0, 0): 1.0}, {0: drift}, {(0, 0): noise}, [{0: 1.0}], {}, {})
    space = layout_of(1)
    (m,), cov = space.open(space.start([mean[..., None]], variance[..., None, None]), 1)
    return pt.moveaxis(_steps(space, system, m, cov, seen), 0, -1)


class SeenTogether(NamedTuple):
    """What is seen of vectors of d states: of numbers of which each is a state and a sum of those after it.

    Attributes
    ----------
    numbers
        What is seen of each, the first states first. Constants are the first one's.
    weights
        Number i is ``x[i] + weights[i, j] * x[j] + ...``, j > i, each ``(..., time)``; none of a pair is 0.
    """

    numbers: list[Seen]
    weights: dict[tuple[int, int], Tensor]

    def of_states(self, x: Tensor) -> list[Tensor]:
        """The numbers of states, ``(..., time, d)``."""
        d = len(self.numbers)
        return [total(times(self.weights.get((i, j), 1.0), x[..., j]) for j in range(i, d) if i == j or (i, j) in self.weights) for i in range(d)]

    def states(self, numbers: Sequence[Tensor]) -> Tensor:
        """The states, ``(..., time, d)``, that have some numbers."""
        found = list(numbers)
        for i in reversed(range(len(found))):
            for j in range(i + 1, len(found)):
                if (i, j) in self.weights:
                    found[i] = found[i] - self.weights[i, j] * found[j]
        return pt.stack(found, axis=-1)


NEGLIGIBLE = 1e-13
"""A part of a curvature below this is what rounding left of none."""


def taken_apart(curvature: Tensor, slope: Tensor) -> SeenTogether:
    """Return quadratic functions ``slope . x - x . curvature x / 2`` as sums of functions of one number each: by LDL' factors.

    Parameters
    ----------
    curvature, slope
        ``(..., d, d)``, symmetric, and ``(..., d)``.

    Examples
    --------
    >>> import numpy as np
    >>> made = taken_apart(pt.constant([[4.0, 2.0], [2.0, 1.0]]), pt.constant([8.0, 4.0]))  # -(2 x + y - 4)**2 / 2
    >>> [float(x.eval()) for x in (*made.numbers[0][1:3], made.weights[0, 1], made.numbers[1].precision)]
    [2.0, 4.0, 0.5, 0.0]
    """
    d = slope.type.shape[-1]
    left = {(i, j): curvature[..., i, j] for i in range(d) for j in range(i + 1)}
    right = [slope[..., i] for i in range(d)]
    numbers, weights = [], {}
    for i in range(d):
        pivot, nothing = left[i, i], pt.zeros_like(right[i])
        some = pt.abs(pivot) > NEGLIGIBLE * pt.abs(curvature[..., i, i])
        whole = pt.where(some, pivot, 1.0)
        numbers.append(Seen(nothing, pt.where(some, right[i] / whole, 0.0), pt.where(some, pivot, 0.0), pt.where(some, 0.0, right[i])))
        for j in range(i + 1, d):
            # Where a number has no curvature of its own, it has none with others: else it is no such sum, and not a number.
            none = pt.where(pt.abs(left[j, i]) > NEGLIGIBLE * pt.abs(curvature[..., j, j]), np.nan, 0.0)
            weights[i, j] = pt.where(some, left[j, i] / whole, none)
        for j in range(i + 1, d):
            right[j] = right[j] - weights[i, j] * right[i]
            for k in range(i + 1, j + 1):
                left[j, k] = left[j, k] - weights[i, j] * left[k, i]
    return SeenTogether(numbers, weights)


def vector_level(mean: Tensor, cov: Tensor, drift: Tensor, noise: Tensor, seen: SeenTogether) -> Tensor:
    """Return the log-evidence of what is seen of a random walk of vectors, step by step, ``(..., time)``.

    Parameters
    ----------
    mean, cov
        Of the first states, ``(..., d)`` and ``(..., d, d)``.
    drift, noise
        Mean and covariance of each step.
    seen
        What is seen.
    """
    batch, d = seen.numbers[0].at.shape[:-1], len(seen.numbers)
    mean, drift = (pt.broadcast_to(x, (*batch, d)) for x in (mean, drift))
    cov, noise = (pt.broadcast_to(x, (*batch, d, d)) for x in (cov, noise))
    both = {(i, j): noise[..., max(i, j), min(i, j)] for i in range(d) for j in range(d)}
    system = System({(i, i): 1.0 for i in range(d)}, {i: drift[..., i] for i in range(d)}, both, [], {}, {})
    space = layout_of(d)
    (m,), c = space.open(space.start([mean], cov), 1)
    pairs = list(seen.weights)

    def step(*given: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        width = len(given) - 4 * d - len(pairs)
        (m,), c = space.open(given[:width], 1)
        now, by = given[width : width + 4 * d], dict(zip(pairs, given[width + 4 * d :]))
        terms = []
        for i in range(d):
            row = {i: 1.0, **{j: w for (k, j), w in by.items() if k == i}}
            m, c, term = _observed(space, m, c, Seen(*now[4 * i : 4 * i + 4]), row)
            terms.append(term)
        (m,), c = space.ahead(system, [m], c)
        return space.close([m], c), [total(terms)]

    by_time = [*(x for number in seen.numbers for x in number.by_time), *(pt.moveaxis(w, -1, 0) for w in seen.weights.values())]
    _, (terms,) = pt.scan(step, space.close([m], c), by_time, names=space.names(1))
    return pt.moveaxis(terms, 0, -1)


def _steps(space: Any, system: System, mean: Any, cov: Any, seen: Seen) -> Tensor:
    """The terms of all times, which are in front, of what is seen of the first state."""

    def step(*given: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        (m,), c = space.open(given[:-4], 1)
        m, c, term = _observed(space, m, c, Seen(*given[-4:]), {0: 1.0})
        (m,), c = space.ahead(system, [m], c)
        return space.close([m], c), [term]

    _, (terms,) = pt.scan(step, space.close([mean], cov), seen.by_time, names=space.names(1))
    return terms


def _observed(space: Any, m: Any, cov: Any, now: Seen, row: Row) -> tuple[Any, Any, Tensor]:
    """Mean and covariance of states given what is seen of a sum of them, and the logarithm of its integral."""
    across = space.across(row, cov)
    variance = space.dot(row, across)
    apart, shrunk = now.at - space.dot(row, m), 1.0 + now.precision * variance
    update = Update(now.precision / shrunk, 1.0 / shrunk)
    term = _term(now.peak, apart, now.precision, now.slope, variance, shrunk)
    return space.moved(m, across, (now.slope + now.precision * apart) / shrunk), space.narrowed(cov, across, update, next(iter(row)) if len(row) == 1 else None), term


def _term(peak: Tensor, apart: Tensor, precision: Tensor, slope: Tensor, variance: Tensor, shrunk: Tensor) -> Tensor:
    """The logarithm of the integral of what is seen over a normal state."""
    return peak - 0.5 * pt.log(shrunk) - (0.5 * precision * apart * apart + slope * apart - 0.5 * slope * slope * variance) / shrunk


def autoregression(mean: Any, variance: Any, weights: Sequence[Tensor], constant: Any, noise: Any, seen: Seen) -> Tensor:
    """Return the log-evidence of what is seen of an autoregressive process, step by step, ``(..., time)``.

    The states of a step are the last p values, the latest first.

    Parameters
    ----------
    mean, variance
        Of the first p values, which are independent, ``(..., p)``.
    weights
        Of the last value, the one before, ...: each ``(...)``.
    constant, noise
        Constant term, and variance of the noise, ``(...)``.
    seen
        What is seen.
    """
    p = len(weights)
    batch = seen.at.shape[:-1]
    mean, variance = (pt.broadcast_to(pt.cast(pt.as_tensor(x), "float64"), (*batch, p)) for x in (mean, variance))
    rho = [pt.broadcast_to(w, batch) for w in weights]
    constant, noise = (pt.broadcast_to(pt.cast(pt.as_tensor(x), "float64"), batch) for x in (constant, noise))
    space = layout_of(p)
    # The latest of the first values is the first state.
    (m,), cov = space.open(space.start([mean[..., ::-1]], pt.eye(p) * variance[..., ::-1][..., None]), 1)
    system = System({**{(0, j): w for j, w in enumerate(rho)}, **{(i, i - 1): 1.0 for i in range(1, p)}}, {0: constant}, {(0, 0): noise}, [{0: 1.0}], {}, {})
    first = []
    for i in range(p):
        m, cov, term = _observed(space, m, cov, seen.times(i), {p - 1 - i: 1.0})
        first.append(term)
    (m,), cov = space.ahead(system, [m], cov)
    terms = _steps(space, system, m, cov, seen.times(slice(p, None)))
    return pt.concatenate([pt.stack(first, axis=-1), pt.moveaxis(terms, 0, -1)], axis=-1)
