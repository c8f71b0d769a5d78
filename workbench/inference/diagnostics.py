"""R-hat and effective sample size while a run goes on.

Rank-normalised split R-hat and bulk ESS. Source: Vehtari, Gelman, Simpson, Carpenter and Bürkner,
"Rank-normalization, folding, and localization" (2021), equations 1-14; tests hold both equal to
ArviZ's.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
BLOCK = 2**20
"""Numbers worked on at once: elements are taken in blocks that stay in cache and small in memory."""


def rhat(draws: Array) -> Any:
    """Return rank-normalised split R-hat: the larger of bulk and folded.

    Parameters
    ----------
    draws
        (chains, draws, *shape).

    Returns
    -------
    A number for each element, (*shape); NaN where there are too few draws, or some are not finite.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> bool(rhat(rng.normal(size=(4, 1000))) < 1.01)
    True
    """
    return _by_element(_rhat, draws)


def ess_bulk(draws: Array) -> Any:
    """Return the bulk effective sample size of (chains, draws, *shape), for each element."""
    return _by_element(lambda x: _ess(_normal_scores(_split(x))), draws)


def ess_tail(draws: Array) -> Any:
    """Return the effective sample size of the tails, the smaller one of the quantiles at 5 and 95 %, of (chains, draws, *shape), for each element."""
    return _by_element(_ess_tail, draws)


def mcse_mean(draws: Array) -> Any:
    """Return the Monte Carlo standard error of the mean of (chains, draws, *shape), for each element."""
    return _by_element(lambda x: x.std(axis=(1, 2), ddof=1) / np.sqrt(_ess(_split(x))), draws)


def ess_and_rhat(draws: Array) -> Any:
    """Return the bulk effective sample size and R-hat of (chains, draws, *shape), for each element: (2, *shape)."""
    return _by_element(_ess_and_rhat, draws, 2)


def summary(names: list[str], draws: Array) -> list[dict[str, Any]]:
    """Return mean, sd, ESS and R-hat of each element, the worst R-hat first.

    Parameters
    ----------
    names
        Names of the elements.
    draws
        (chains, draws, elements).
    """
    sd = draws.std(axis=(0, 1), ddof=1) if draws.shape[0] * draws.shape[1] > 1 else np.full(len(names), np.nan)
    ess, reduction = ess_and_rhat(draws)
    columns = {"mean": draws.mean(axis=(0, 1)), "sd": sd, "ess_bulk": ess, "rhat": reduction}
    rows: list[dict[str, Any]] = [
        {"name": name, **{title: float(column[i]) for title, column in columns.items()}} for i, name in enumerate(names)
    ]
    return sorted(rows, key=lambda r: -r["rhat"] if np.isfinite(r["rhat"]) else -np.inf)


def _by_element(statistic: Callable[[Array], Array], draws: Array, *several: int) -> Any:
    """Apply `statistic`, from (elements, chains, draws) to (*several, elements), a block of elements at a time."""
    chains, n, *shape = draws.shape
    columns = np.moveaxis(draws.reshape(chains, n, -1), 2, 0)
    found = np.full((*several, len(columns)), np.nan)
    usable = np.flatnonzero(np.isfinite(columns).all(axis=(1, 2))) if n >= 4 else np.empty(0, int)
    block = max(1, BLOCK // (chains * n))
    for at in range(0, len(usable), block):
        some = usable[at : at + block]
        found[..., some] = statistic(columns[some].astype(np.float64, copy=False))
    return found.reshape((*several, *shape))[()]


def _rhat(draws: Array) -> Array:
    halves = _split(draws)
    return _larger_rhat(halves, _normal_scores(halves))


def _ess_and_rhat(draws: Array) -> Array:
    halves = _split(draws)
    scores = _normal_scores(halves)
    return np.stack([_ess(scores), _larger_rhat(halves, scores)])


def _ess_tail(draws: Array) -> Array:
    ordered = np.sort(draws.reshape(len(draws), -1), axis=1)
    found = []
    for p in (0.05, 0.95):
        # The quantile that R calls type 7; rounding must not move a draw across it.
        at = ordered.shape[1] * p + (1.0 - p)
        below = int(min(max(at, 1.0), ordered.shape[1] - 1.0))
        share = min(max(at - below, 0.0), 1.0)
        quantile = (1.0 - share) * ordered[:, below - 1] + share * ordered[:, below]
        found.append(_ess(_split((draws <= quantile[:, None, None]).astype(np.float64))))
    return np.minimum(*found)


def _larger_rhat(halves: Array, scores: Array) -> Array:
    folded = np.abs(halves - np.median(halves, axis=(1, 2), keepdims=True))
    return np.maximum(_plain_rhat(scores), _plain_rhat(_normal_scores(folded)))


def _split(draws: Array) -> Array:
    half = draws.shape[2] // 2
    return np.concatenate([draws[:, :, :half], draws[:, :, -half:]], axis=1)


def _normal_scores(draws: Array) -> Array:
    """Ranks within each element (ties averaged) as normal quantiles."""
    # Ranks are kept doubled, so that those of ties are whole numbers.
    flat = draws.reshape(len(draws), -1)
    size = flat.shape[1]
    order = np.argsort(flat, axis=1)
    ordered = np.take_along_axis(flat, order, axis=1)
    ranks = np.empty(flat.shape, np.int64)
    np.put_along_axis(ranks, order, np.arange(2, 2 * size + 2, 2)[None, :], axis=1)
    changes = ordered[:, 1:] != ordered[:, :-1]
    for i in np.flatnonzero(~changes.all(axis=1)):
        first = np.flatnonzero(np.r_[True, changes[i]])
        counts = np.diff(np.r_[first, size])
        ranks[i, order[i]] = np.repeat(2 * first + counts + 1, counts)
    return np.asarray(_scores(size)[ranks].reshape(draws.shape))


@functools.lru_cache(maxsize=4)
def _scores(size: int) -> Array:
    """Normal quantiles of half the whole numbers 0, 1, 2, ... as ranks among `size`."""
    from workbench.tensor import constant
    from workbench.tensor.random import erfinv

    p = np.clip((np.arange(2 * size + 1) / 2.0 - 0.375) / (size + 0.25), 1e-12, 1 - 1e-12)
    return np.asarray(np.sqrt(2.0) * erfinv(constant(2.0 * p - 1.0)).eval())


def _plain_rhat(draws: Array) -> Array:
    n = draws.shape[2]
    between = n * draws.mean(axis=2).var(axis=1, ddof=1)
    within = draws.var(axis=2, ddof=1).mean(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(within == 0, np.nan, np.sqrt((between / within + n - 1) / n))


def _autocovariance(draws: Array) -> Array:
    n = draws.shape[2]
    size = 1 << (2 * n - 1).bit_length()
    spectrum = np.fft.rfft(draws - draws.mean(axis=2, keepdims=True), size, axis=2)
    return np.fft.irfft(spectrum.real**2 + spectrum.imag**2, size, axis=2)[:, :, :n] / n


def _ess(draws: Array) -> Array:
    elements, chains, n = draws.shape
    covariance = _autocovariance(draws)
    within = covariance[:, :, 0].mean(axis=1) * n / (n - 1.0)
    total = within * (n - 1.0) / n
    if chains > 1:
        total = total + draws.mean(axis=2).var(axis=1, ddof=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        rho = 1.0 - (within[:, None] - covariance.mean(axis=1)) / total[:, None]
    rho[:, 0] = 1.0
    # Geyer: sums of neighbours, as long as they are positive, and made not to increase.
    most = max(0, (n - 3) // 2)
    even = rho[:, 0 : 2 * most + 1 : 2]
    pairs = even + rho[:, 1 : 2 * most + 2 : 2]
    ended = ~(pairs > 0)
    ended[:, most] = True
    end = ended.argmax(axis=1)
    rows = np.arange(elements)
    before = np.where(np.arange(most + 1) < end[:, None], np.minimum.accumulate(pairs, axis=1), 0.0)
    after = np.where(pairs[rows, end] >= 0, even[rows, end], np.maximum(even[rows, end], 0.0))
    tau = np.maximum(-1.0 + 2.0 * before.sum(axis=1) + after, 1.0 / np.log10(chains * n))
    still = np.ptp(draws, axis=(1, 2)) < np.finfo(float).resolution
    return np.where(still, float(chains * n), chains * n / tau)
