"""The Kalman filter as a graph: what is seen of a linear chain of normal states, integrated over the states, step by step.

What is seen of a state x at a time is a term of the log-density that is quadratic in it, ``peak - precision / 2 * (x - at)**2 +
slope * (x - at)``: a normal observation of it, or several, has no slope; where nothing is seen all are 0. So it is known without
dividing by the precision, and a variance may be 0.

Source: Durbin and Koopman, "Time Series Analysis by State Space Methods" (2012), chapters 4 and 6.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

import workbench.tensor as pt
from workbench.tensor.tensor import Tensor


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
    mean, variance, drift, noise = (pt.broadcast_to(pt.cast(pt.as_tensor(x), "float64"), seen.at.shape[:-1]) for x in (mean, variance, drift, noise))

    def step(m: Tensor, p: Tensor, peak: Tensor, at: Tensor, precision: Tensor, slope: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        apart = at - m
        shrunk = 1.0 + precision * p
        term = _term(peak, apart, precision, slope, p, shrunk)
        after = m + p * (slope + precision * apart) / shrunk
        return [after + drift, p / shrunk + noise], [term]

    _, (terms,) = pt.scan(step, [mean, variance], seen.by_time, names=["mean", "variance"])
    return pt.moveaxis(terms, 0, -1)


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
    rho = pt.stack([pt.broadcast_to(w, batch) for w in weights], axis=-1)
    constant, noise = (pt.broadcast_to(pt.cast(pt.as_tensor(x), "float64"), batch) for x in (constant, noise))
    first = []
    m, cov = mean[..., ::-1], pt.eye(p) * variance[..., ::-1][..., None]
    for i in range(p):
        m, cov, term = _observed(m, cov, [x[..., i] for x in seen], p - 1 - i)
        first.append(term)

    def step(m: Tensor, cov: Tensor, *now: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        across = pt.sum(cov * rho[..., None, :], axis=-1)
        newest = pt.sum(m * rho, axis=-1)
        spread = pt.sum(across * rho, axis=-1)
        shifted = pt.concatenate([(newest + constant)[..., None], m[..., :-1]], axis=-1)
        row = pt.concatenate([(spread + noise)[..., None], across[..., :-1]], axis=-1)
        below = pt.concatenate([across[..., :-1, None], cov[..., :-1, :-1]], axis=-1)
        wide = pt.concatenate([row[..., None, :], below], axis=-2)
        after, narrow, term = _observed(shifted, wide, list(now), 0)
        return [after, narrow], [term, across, m, cov]

    rest = seen.times(slice(p, None))
    _, (terms, *_) = pt.scan(step, [m, cov], rest.by_time, names=["mean", "covariance"])
    return pt.concatenate([pt.stack(first, axis=-1), pt.moveaxis(terms, 0, -1)], axis=-1)


def _observed(m: Tensor, cov: Tensor, now: list[Tensor], i: int) -> tuple[Tensor, Tensor, Tensor]:
    """Mean and covariance of states given what is seen of the one of number `i`, and the logarithm of its integral."""
    peak, at, precision, slope = now
    row = cov[..., i, :]
    p = row[..., i]
    apart, shrunk = at - m[..., i], 1.0 + precision * p
    term = _term(peak, apart, precision, slope, p, shrunk)
    after = m + row * ((slope + precision * apart) / shrunk)[..., None]
    share = row / shrunk[..., None]
    # The row and column of what is seen are divided, not subtracted from: so they keep their digits.
    own = np.arange(m.type.shape[-1]) == i
    narrow = pt.where(own[:, None], share[..., None, :], pt.where(own, share[..., :, None], cov - (precision[..., None] * row)[..., :, None] * share[..., None, :]))
    return after, narrow, term
