"""Draws chosen among those of an approximation by their weights."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
METHODS = (None, "psis", "psir", "identity")
"""Ways to use importance weights, by the names of pymc-extras: not at all; smoothed, without and with replacement; as they are."""


def resampled(rng: np.random.Generator, log_weights: Array, count: int, replace: bool) -> Array:
    """Return which draws are chosen, in proportion to their weights.

    Parameters
    ----------
    rng
        Source of the choice.
    log_weights
        Logarithms of weights, (n,), up to a constant.
    count
        How many to choose.
    replace
        Whether one may be chosen several times. It may also where the weights are worth fewer draws than are to be chosen: without
        replacement, nearly all draws would be taken then, whatever their weights.

    Examples
    --------
    >>> resampled(np.random.default_rng(1), np.array([0.0, -np.inf, 0.0]), 2, False).tolist()
    [2, 0]
    """
    weights = np.exp(log_weights - np.max(log_weights))
    weights = np.where(np.isnan(weights), 0.0, weights)
    weights = weights / weights.sum()
    few = 1.0 / np.sum(weights * weights) < count
    return rng.choice(len(weights), count, replace=replace or bool(few), p=weights)
