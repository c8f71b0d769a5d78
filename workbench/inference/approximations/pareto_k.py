"""Pareto-smoothed importance sampling: weights that mend an approximation's draws, and whether they can, in words."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from workbench.errors import SamplingError

Array = np.ndarray[Any, Any]

LARGEST_GOOD = 0.7
FEWEST = 25
"""Draws below which the tail of the weights cannot be judged."""
EXACT = 1e-6
"""Log-weights that differ by less than this are the rounding of equal ones: their tail has no shape."""


@dataclass(frozen=True)
class ParetoK:
    """The shape of the tail of importance weights, and what it says of an approximation.

    Attributes
    ----------
    value
        k-hat: minus infinity where all weights are equal, NaN where there are too few draws to tell.
    draws
        How many draws it was estimated from.
    ess
        The effective number of draws after weighting, ``1 / sum(w**2)``.

    References
    ----------
    Yao, Vehtari, Simpson and Gelman, "Yes, but did it work? Evaluating variational inference" (2018); Vehtari, Simpson, Gelman, Yao
    and Gabry, "Pareto smoothed importance sampling" (2024), whose threshold ``min(1 - 1 / log10(S), 0.7)`` for S draws is used here.

    Examples
    --------
    >>> ParetoK(0.31, 1000, 640.0).good, ParetoK(0.9, 1000, 3.0).good
    (True, False)
    """

    value: float
    draws: int
    ess: float

    @property
    def threshold(self) -> float:
        """The largest k-hat at which this many draws suffice for weights to be trusted."""
        return min(1.0 - 1.0 / math.log10(self.draws), LARGEST_GOOD) if self.draws > 10 else 0.0

    @property
    def good(self) -> bool:
        return self.value <= self.threshold

    @property
    def words(self) -> str:
        """Whether to trust the approximation, in a sentence."""
        if math.isnan(self.value):
            return f"k-hat is not known: {self.draws} draws are too few to judge the approximation by"
        if self.value == -math.inf:
            return "the approximation is exact, as far as its draws show: all importance weights are equal"
        said = f"k-hat is {self.value:.2f} (good: at most {self.threshold:.2f})"
        if self.good:
            return f"{said}: the approximation is close to the posterior, and importance weights mend what is left (worth {self.ess:.0f} of {self.draws} draws)"
        if self.value < 1.0:
            return f"{said}: the approximation misses a part of the posterior; its means may be useful, its tails and intervals are not to be trusted: sample with NUTS"
        return f"{said}: the approximation is far from the posterior; do not trust it: sample with NUTS, or write the model in another parametrisation"

    @property
    def attributes(self) -> dict[str, Any]:
        """What results say of it."""
        return {"pareto_k": self.value, "pareto_k_words": self.words, "importance_ess": self.ess}


def weighted_evidence(log_ratios: Array) -> float:
    """Return the logarithm of the mean of importance weights: the log marginal likelihood, where they are a model's density over a normalised one.

    Examples
    --------
    >>> round(weighted_evidence(np.log([1.0, 3.0])), 6) == round(math.log(2.0), 6)
    True
    """
    top = float(np.max(log_ratios))
    return top + math.log(np.mean(np.exp(log_ratios - top)))


def smoothed_weights(log_ratios: Any) -> tuple[Array, ParetoK]:
    """Return normalised log-weights of draws, their tail smoothed, and k-hat.

    Parameters
    ----------
    log_ratios
        Log-density of the target less that of the approximation at each draw, (n,), each up to a constant. What is NaN or minus
        infinity has weight 0.

    Raises
    ------
    SamplingError
        If no draw has a weight, or one has an infinite one.
    """
    ratios = np.asarray(log_ratios, np.float64)
    usable = np.isfinite(ratios)
    if not usable.any() or (ratios == np.inf).any():
        what = "of no draw is finite" if not usable.any() else "of a draw is infinite"
        raise SamplingError(f"the log-density {what}: the approximation has nothing in common with the posterior", "look at the model at its start: model.debug()")
    kept = ratios[usable]
    found = kept - kept.max()
    value = math.nan
    if np.ptp(kept) < EXACT:
        value = -math.inf
    elif len(kept) >= FEWEST:
        with np.errstate(all="ignore"):
            smooth, shape = _smoothed(kept)
        if np.isfinite(shape):
            found, value = np.asarray(smooth), float(shape)
        # Where ArviZ fits no tail, the largest weights are equal: they are bounded.
        elif shape == np.inf:
            value = -math.inf if np.ptp(np.sort(kept)[-5:]) < EXACT else math.inf
    log_weights = np.full(len(ratios), -np.inf)
    top = found.max()
    log_weights[usable] = found - (top + math.log(np.exp(found - top).sum()))
    weights = np.exp(log_weights)
    return log_weights, ParetoK(value, len(ratios), float(1.0 / np.sum(weights * weights)))


def _smoothed(log_ratios: Array) -> tuple[Any, Any]:
    """ArviZ's smoothing of the largest weights by a generalised Pareto distribution: the logarithms, and the shape."""
    try:
        from arviz import psislw
    except ImportError:
        # ArviZ 1 has it in its package of statistics.
        from arviz_stats.base import array_stats

        smooth, shape = array_stats.psislw(log_ratios)
        return smooth, shape
    return psislw(log_ratios)  # type: ignore[no-any-return]
