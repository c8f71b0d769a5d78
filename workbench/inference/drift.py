"""Whether chains that are independent still move the same way: then warm-up has not brought them to the posterior.

R-hat does not see it where all chains begin close to one another, far from the posterior.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

BY_CHANCE = 1e-4
"""Probability that of chains at the posterior a single element is said to drift."""
LEAST = 0.1
"""Drifts of fewer standard deviations change no answer."""
FEWEST_CHAINS = 16


def drift(first: Array, last: Array) -> Array:
    """Return how far the mean of all chains moves, in standard deviations of the chains; 0 where that may be chance.

    In the posterior the difference between a chain's own draws has mean 0, and the chains, which are independent, tell its standard error.

    Parameters
    ----------
    first, last
        A few of the first and of the last draws, (draws, chains, elements).

    Returns
    -------
    ndarray
        Of each element, how far.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> first, last = rng.normal(size=(2, 4, 256, 3))
    >>> drift(first, last).tolist()
    [0.0, 0.0, 0.0]
    >>> drift(first, last + [0.0, 0.0, 1.5]).round(1).tolist()
    [0.0, 0.0, 1.5]
    """
    from scipy.special import stdtrit

    chains = first.shape[1]
    if chains < FEWEST_CHAINS:
        return np.zeros(first.shape[2])
    moved = last.mean(axis=0, dtype=float) - first.mean(axis=0, dtype=float)
    mean, error = moved.mean(axis=0), moved.std(axis=0, ddof=1) / np.sqrt(chains)
    spread = np.sqrt(np.maximum(first[-1].var(axis=0), last[-1].var(axis=0)))
    # Of several ways to be wrong, one for each element and side.
    bound = float(stdtrit(chains - 1, 1.0 - 0.5 * BY_CHANCE / max(1, len(mean))))
    far = (np.abs(mean) > bound * error) & (np.abs(mean) > LEAST * spread) & (spread > 0.0)
    return np.where(far, np.abs(mean) / np.where(spread > 0.0, spread, 1.0), 0.0)
