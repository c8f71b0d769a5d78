"""R-hat and effective sample size while a run goes on.

Rank-normalised split R-hat and bulk ESS. Source: Vehtari, Gelman, Simpson, Carpenter and Bürkner,
"Rank-normalization, folding, and localization" (2021), equations 1-14; tests hold both equal to
ArviZ's.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def rhat(draws: Array) -> float:
    """Return rank-normalised split R-hat: the larger of bulk and folded.

    Parameters
    ----------
    draws
        (chains, draws).
    """
    if draws.shape[1] < 4 or not np.isfinite(draws).all():
        return float("nan")
    halves = _split(draws)
    folded = np.abs(halves - np.median(halves))
    return max(_plain_rhat(_normal_scores(halves)), _plain_rhat(_normal_scores(folded)))


def ess_bulk(draws: Array) -> float:
    """Return the bulk effective sample size of (chains, draws)."""
    if draws.shape[1] < 4 or not np.isfinite(draws).all():
        return float("nan")
    return _ess(_normal_scores(_split(draws)))


def mcse_mean(draws: Array) -> float:
    """Return the Monte Carlo standard error of the mean of (chains, draws)."""
    return float(draws.std(ddof=1) / np.sqrt(_ess(_split(draws))))


def _split(draws: Array) -> Array:
    half = draws.shape[1] // 2
    return np.concatenate([draws[:, :half], draws[:, -half:]])


def _normal_scores(draws: Array) -> Array:
    """Ranks (ties averaged) as normal quantiles."""
    _, inverse, counts = np.unique(draws, return_inverse=True, return_counts=True)
    twice = 2 * np.cumsum(counts) - (counts - 1)
    return np.asarray(_scores(draws.size)[twice[inverse]].reshape(draws.shape))


@functools.lru_cache(maxsize=4)
def _scores(size: int) -> Array:
    """Normal quantiles of the ranks 0, 1/2, 1, ... among `size`."""
    from workbench.tensor import constant
    from workbench.tensor.random import erfinv

    p = np.clip((np.arange(2 * size + 1) / 2.0 - 0.375) / (size + 0.25), 1e-12, 1 - 1e-12)
    return np.asarray(np.sqrt(2.0) * erfinv(constant(2.0 * p - 1.0)).eval())


def _plain_rhat(draws: Array) -> float:
    n = draws.shape[1]
    between = n * draws.mean(axis=1).var(ddof=1)
    within = draws.var(axis=1, ddof=1).mean()
    if within == 0:
        return float("nan")
    return float(np.sqrt((between / within + n - 1) / n))


def _autocovariance(draws: Array) -> Array:
    n = draws.shape[1]
    centred = draws - draws.mean(axis=1, keepdims=True)
    size = 1 << (2 * n - 1).bit_length()
    spectrum = np.fft.rfft(centred, size, axis=1)
    return np.fft.irfft(spectrum * np.conj(spectrum), size, axis=1)[:, :n].real / n


def _ess(draws: Array) -> float:
    chains, n = draws.shape
    if np.ptp(draws) < np.finfo(float).resolution:
        return float(draws.size)
    covariance = _autocovariance(draws)
    within = covariance[:, 0].mean() * n / (n - 1.0)
    total = within * (n - 1.0) / n
    if chains > 1:
        total += draws.mean(axis=1).var(ddof=1)
    correlation = (1.0 - (within - covariance.mean(axis=0)) / total).tolist()
    rho = np.zeros(n)
    rho[0] = 1.0
    even, odd = 1.0, correlation[1]
    rho[1] = odd
    # Geyer: sums of neighbours stay positive ...
    t = 1
    while t < n - 3 and even + odd > 0.0:
        even, odd = correlation[t + 1], correlation[t + 2]
        if even + odd >= 0:
            rho[t + 1], rho[t + 2] = even, odd
        t += 2
    last = t - 2
    if even > 0:
        rho[last + 1] = even
    # ... and do not increase.
    t = 1
    while t <= last - 2:
        if rho[t + 1] + rho[t + 2] > rho[t - 1] + rho[t]:
            rho[t + 1] = rho[t + 2] = (rho[t - 1] + rho[t]) / 2.0
        t += 2
    tau = -1.0 + 2.0 * rho[: last + 1].sum() + rho[last + 1 : last + 2].sum()
    tau = max(tau, 1.0 / np.log10(draws.size))
    return float(draws.size / tau)


def summary(names: list[str], draws: Array) -> list[dict[str, Any]]:
    """Return mean, sd, ESS and R-hat of each element, the worst R-hat first.

    Parameters
    ----------
    names
        Names of the elements.
    draws
        (chains, draws, elements).
    """
    rows = []
    for i, name in enumerate(names):
        x = draws[:, :, i]
        rows.append(
            {"name": name, "mean": float(x.mean()), "sd": float(x.std(ddof=1)) if x.size > 1 else float("nan"),
             "ess_bulk": ess_bulk(x), "rhat": rhat(x)}
        )  # fmt: skip
    return sorted(rows, key=lambda r: -r["rhat"] if np.isfinite(r["rhat"]) else -np.inf)
