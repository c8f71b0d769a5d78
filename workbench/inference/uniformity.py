"""Whether ranks are uniform: simultaneous bands for their distribution, exact, and what departs from it in words.

Source: Säilynoja, Bürkner and Vehtari, "Graphical test for discrete uniformity and its applications in goodness-of-fit evaluation and
multiple sample comparison" (2022). The points where their distribution function is looked at are here all those where that of
uniform ranks steps, so that counts are binomial as they stand.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

SAME = 1e-9
"""Tail probabilities that differ by less, relatively, are equal: those of symmetric counts are rounded differently."""


def counts_below(ranks: Array, most: int) -> Array:
    """Return how many ranks lie below each of 1, ..., `most`.

    Examples
    --------
    >>> counts_below(np.array([0, 3, 1, 3]), 3).tolist()
    [1, 2, 2]
    """
    return np.cumsum(np.bincount(np.asarray(ranks, np.int64), minlength=most + 1))[:most]


def p_value(ranks: Array, most: int) -> float:
    """Return the probability that uniform ranks depart as far somewhere as these do, exactly.

    Parameters
    ----------
    ranks
        Whole numbers from 0 to `most`, independent of one another.
    most
        The largest rank possible: that of a value above all `most` draws it is compared with.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> p_value(rng.integers(100, size=200), 99) > 0.05, p_value(rng.integers(80, size=200), 99) < 1e-6
    (True, True)
    """
    return _p_value(len(ranks), most, furthest(ranks, most))


def furthest(ranks: Array, most: int) -> float:
    """Return the smallest two-sided tail probability, over 1, ..., `most`, of how many ranks lie below."""
    tails = _tails(len(ranks), most)
    return float(tails[np.arange(most), counts_below(ranks, most)].min())


@functools.lru_cache(maxsize=4096)
def _p_value(n: int, most: int, tail: float) -> float:
    return float(np.clip(1.0 - _coverage(n, most, tail), 0.0, 1.0))


@functools.lru_cache(maxsize=32)
def band(n: int, most: int, level: float = 0.95) -> tuple[Array, Array]:
    """Return the least and the greatest counts below 1, ..., `most` that keep `n` uniform ranks inside, all at once, with probability `level`.

    Parameters
    ----------
    n
        Number of ranks.
    most
        The largest rank.
    level
        Probability that all counts of uniform ranks lie inside: at least this, and as little more as whole numbers allow.

    Examples
    --------
    >>> low, high = band(200, 99)
    >>> int(low[49]), int(high[49])
    (79, 121)
    """
    possible = np.unique(_tails(n, most))
    first, last = 0, len(possible)
    # The largest tail probability that may be cut off: where coverage is still enough.
    while first < last:
        middle = (first + last + 1) // 2
        if _coverage(n, most, float(possible[middle - 1])) >= level:
            first = middle
        else:
            last = middle - 1
    low, high = _inside(n, most, float(possible[first - 1]) if first else 0.0)
    return low, high


def interval(n: int, share: float, level: float) -> tuple[int, int]:
    """Return the least and the greatest of `n` that are of a class of a given share, in the middle `level` of their distribution.

    Examples
    --------
    >>> interval(200, 0.05, 0.99)
    (3, 19)
    """
    if share >= 1.0:
        return n, n
    count = np.arange(n + 1)
    lower = np.cumsum(np.exp(_log_choose(n, count) + count * np.log(share) + (n - count) * np.log1p(-share)))
    return int(np.searchsorted(lower, (1.0 - level) / 2.0)), min(n, int(np.searchsorted(lower, (1.0 + level) / 2.0)))


@functools.lru_cache(maxsize=8)
def _tails(n: int, most: int) -> Array:
    """Two-sided tail probabilities of binomial counts: of k = 1, ..., `most` (rows), of 0, ..., n below k (columns)."""
    below = np.arange(1, most + 1)[:, None] / (most + 1.0)
    count = np.arange(n + 1)[None, :]
    mass = np.exp(_log_choose(n, count) + count * np.log(below) + (n - count) * np.log1p(-below))
    lower = np.cumsum(mass, axis=1)
    upper = np.cumsum(mass[:, ::-1], axis=1)[:, ::-1]
    return np.minimum(1.0, 2.0 * np.minimum(lower, upper))


def _inside(n: int, most: int, tail: float) -> tuple[Array, Array]:
    """The least and the greatest counts whose tail probability is above `tail`."""
    within = _tails(n, most) > tail * (1.0 + SAME)
    # At the largest of them all, what is most probable.
    within[np.arange(most), _tails(n, most).argmax(axis=1)] = True
    return within.argmax(axis=1), n - within[:, ::-1].argmax(axis=1)


def _coverage(n: int, most: int, tail: float) -> float:
    """The probability that all counts of uniform ranks have tail probabilities above `tail`, count after count."""
    if (_tails(n, most).max(axis=1) <= tail * (1.0 + SAME)).any():
        return 0.0
    low, high = _inside(n, most, tail)
    counts, chance = np.array([0]), np.array([1.0])
    for k in range(most):
        # Of the ranks that are not below k, each is k with equal probability.
        each = 1.0 / (most + 1.0 - k)
        after = np.arange(low[k], high[k] + 1)
        more = after[None, :] - counts[:, None]
        left = (n - counts)[:, None]
        possible = (more >= 0) & (more <= left)
        more = np.where(possible, more, 0)
        mass = np.where(possible, np.exp(_log_choose(left, more) + more * np.log(each) + (left - more) * np.log1p(-each)), 0.0)
        counts, chance = after, chance @ mass
    return float(chance.sum())


def _log_choose(n: Any, k: Array) -> Array:
    table = _log_factorials(int(np.max(n)))
    return table[n] - table[k] - table[n - k]  # type: ignore[no-any-return]


@functools.lru_cache(maxsize=8)
def _log_factorials(most: int) -> Array:
    return np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, most + 1)))])


def departure(ranks: Array, most: int) -> str:
    """Return how ranks of true values among posterior draws depart from uniform ones, in words.

    Parameters
    ----------
    ranks
        Whole numbers from 0 to `most`: how many draws lie below the true value.
    most
        The number of draws.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> departure(rng.binomial(99, rng.beta(0.5, 0.5, size=200)), 99)
    'the posterior is too narrow: true values lie in its tails too often'
    """
    u = (np.asarray(ranks, float) + 0.5) / (most + 1.0)
    variance = (1.0 - 1.0 / (most + 1.0) ** 2) / 12.0
    shift = (u.mean() - 0.5) / np.sqrt(variance / len(u))
    spread = (np.mean((u - 0.5) ** 2) - variance) / np.sqrt(1.0 / 180.0 / len(u))
    if max(abs(shift), abs(spread)) < 2.0:
        return "its ranks are not uniform, though neither shifted nor spread as a whole"
    if abs(shift) > abs(spread):
        return f"the posterior lies too {'low' if shift > 0 else 'high'}: true values lie {'above' if shift > 0 else 'below'} its middle too often"
    if spread > 0:
        return "the posterior is too narrow: true values lie in its tails too often"
    return "the posterior is too wide: true values lie near its middle too often"
