"""What is known of the states of a linear system from all that is seen: from the last time to the first, after a filter.

Source: Durbin and Koopman, "Time Series Analysis by State Space Methods" (2012), sections 4.4 and 6.4: no matrix is inverted, so
states may be known exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import workbench.tensor as pt
from workbench.tensor.tensor import Tensor
from workbench.transforms.gaussian_filter import Filtered, Flat, System, diffuse_of, matrix_of


class Smoothed(NamedTuple):
    """What is known of the states from all that is seen.

    Attributes
    ----------
    mean, cov
        ``(time, ..., d)`` and ``(time, ..., d, d)``.
    """

    mean: Any
    cov: Any


def smoothed(at: Callable[..., System], found: Filtered, moving: Sequence[Tensor] = ()) -> Smoothed:
    """Return mean and covariance of the states given all that is seen.

    Parameters
    ----------
    at, moving
        As they were given to the filter.
    found
        What it found; with its states.
    """
    columns, d = found.means.type.shape[1], found.means.type.shape[-1]

    def body(r: Any, n: Any, news: Any, weight: Any, across: Any, means: Any, cov: Any, *elements: Any) -> tuple[list[Any], list[Any]]:
        system = at(*elements)
        p = len(system.design)
        design = matrix_of({(i, j): a for i, row in enumerate(system.design) for j, a in row.items()}, (p, d))
        transition = matrix_of(system.transition, d)
        r, n = pt.matmul(r, transition), _both(n, transition)
        if system.correlated:
            # What is seen stands before the states, with its errors.
            r = pt.concatenate([pt.zeros((*r.shape[:-1], p)), r], axis=-1)
            n = pt.concatenate([pt.zeros((*n.shape[:-1], p)), n], axis=-1)
            n = pt.concatenate([pt.zeros((*n.shape[:-2], p, p + d)), n], axis=-2)
        for i in reversed(range(p)):
            z = pt.constant([float(i == j) for j in range(p + d)]) if system.correlated else design[..., i, :]
            k = across[i] * weight[i][..., None]
            inner = pt.sum(k * r, axis=-1)
            r = r + z * (weight[i] * news[:, i] - inner)[..., None]
            left = n - pt.sum(n * k[..., None, :], axis=-1)[..., :, None] * z[..., None, :]
            left = left - z[..., :, None] * pt.sum(left * k[..., :, None], axis=-2)[..., None, :]
            n = left + weight[i][..., None, None] * z[..., :, None] * z[..., None, :]
        if system.correlated:
            r, n = r[..., p:] + pt.matmul(r[..., :p], design), _whole(n, design, p)
        mean = means + pt.sum(cov * r[..., None, :], axis=-1)
        return [r, n], [mean, cov - pt.matmul(pt.matmul(cov, n), cov)]

    start = [pt.zeros_like(found.means[0]), pt.zeros_like(found.cov[0])]
    runs = [found.news, found.weight, found.across, found.means[:-1], found.cov[:-1], *moving]
    _, (means, cov) = pt.scan(body, start, runs, reverse=True, names=["slope", "curvature"])
    if columns == 1:
        return Smoothed(means[:, 0], cov)
    flat = diffuse_of(found)
    return Smoothed(*with_diffuse(flat, means, cov))


def with_diffuse(flat: Any, means: Tensor, cov: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and covariance of states that are linear in diffuse ones, of which as much is known as there is to know."""
    rest = pt.moveaxis(means[:, 1:], 1, -1)
    spread = pt.linalg.solve(flat.precision, pt.swapaxes(rest, -1, -2), assume_a="pos", b_ndim=2)
    return means[:, 0] + pt.sum(rest * flat.mean[..., None, :], axis=-1), cov + pt.matmul(rest, spread)


def _both(n: Tensor, transition: Tensor) -> Tensor:
    return pt.matmul(pt.matmul(pt.swapaxes(transition, -1, -2), n), transition)


def _whole(n: Tensor, design: Tensor, p: int) -> Tensor:
    """The curvature in the states, of that in what is seen and the states."""
    across = pt.matmul(n[..., p:, :p], design)
    both = pt.matmul(pt.matmul(pt.swapaxes(design, -1, -2), n[..., :p, :p]), design)
    return n[..., p:, p:] + across + pt.swapaxes(across, -1, -2) + both


def known_before(found: Filtered) -> Smoothed:
    """Return mean and covariance of the states before what is seen at each time, and after all; NaN while diffuse states are not determined."""
    return _resolved(found, found.means, found.cov, after=False)


def known_after(found: Filtered) -> Smoothed:
    """Return mean and covariance of the states given what is seen up to each time; NaN while diffuse states are not determined."""
    return _resolved(found, found.after, found.after_cov, after=True)


def _resolved(found: Filtered, means: Tensor, cov: Tensor, after: bool) -> Smoothed:
    if means.type.shape[1] == 1:
        return Smoothed(means[:, 0], cov)
    # (time, columns, numbers, ...) to (time, ..., columns, numbers)
    news, weight = pt.moveaxis(found.news, (1, 2), (-2, -1)), pt.moveaxis(found.weight, 1, -1)
    data, rest = news[..., :1, :], news[..., 1:, :]
    precision = pt.cumsum(pt.matmul(rest * weight[..., None, :], pt.swapaxes(rest, -1, -2)), axis=0)
    slope = pt.cumsum(pt.matmul(rest * weight[..., None, :], pt.swapaxes(data, -1, -2)), axis=0)[..., 0]
    if not after:
        precision, slope = (pt.concatenate([pt.zeros_like(x[:1]), x]) for x in (precision, slope))
    mean = -pt.linalg.solve(precision, slope, assume_a="pos", b_ndim=1)
    flat = Flat(precision, mean, None)
    return Smoothed(*with_diffuse(flat, means, cov))
