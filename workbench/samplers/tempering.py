"""Tempering: how far a population may go towards the posterior at once, and which of its particles go on.

A stage multiplies the prior by the likelihood to a power between 0 and 1, its inverse temperature. Particles of one stage
are weighted to stand for the next: the power is raised as far as their effective number stays above a share of them.
"""

from __future__ import annotations

import workbench.tensor as pt
from workbench.tensor.tensor import Tensor, as_tensor

PRECISION = 1e-4
"""Relative error of a step of the inverse temperature; it is never too long."""
MOST_HALVINGS = 1100
"""So many halvings reach the smallest number that there is."""


def relative_weights(log_likelihood: Tensor, step: Tensor) -> Tensor:
    """Return weights (n,) for a step of the inverse temperature, the greatest of which is 1; 0 where the likelihood is 0.

    Parameters
    ----------
    log_likelihood
        Of each particle, (n,); at least one is finite, and none NaN.
    step
        How much the inverse temperature grows, a number.

    Examples
    --------
    >>> relative_weights(pt.constant([0.0, -2.0, -float("inf")]), as_tensor(0.5)).eval().round(4)
    array([1.    , 0.3679, 0.    ])
    """
    best = pt.max(log_likelihood)
    # Minus infinity times a step of 0 is no number.
    return pt.where(pt.equal(log_likelihood, -float("inf")), 0.0, pt.exp(step * (log_likelihood - best)))


def effective_number(weights: Tensor) -> Tensor:
    """Return how many particles of equal weight say as much: the squared sum of the weights by the sum of their squares."""
    return pt.square(pt.sum(weights)) / pt.sum(pt.square(weights))


def next_step(log_likelihood: Tensor, room: Tensor, threshold: Tensor) -> Tensor:
    """Return how much the inverse temperature grows, by bisection.

    Parameters
    ----------
    log_likelihood
        Of each particle, (n,).
    room
        How much it may grow.
    threshold
        Share of the particles that their effective number shall be.

    Returns
    -------
    `room`, if the effective number is then large enough; 0, if particles without a likelihood alone make it too small; else the
    longest step, but for `PRECISION`, after which it is not.
    """
    least = threshold * pt.cast(log_likelihood.shape[0], "float64")

    def enough(step: Tensor) -> Tensor:
        return effective_number(relative_weights(log_likelihood, step)) >= least

    def going(low: Tensor, high: Tensor, halvings: Tensor) -> Tensor:
        return pt.logical_and(high - low > PRECISION * low, halvings < MOST_HALVINGS)

    def halve(low: Tensor, high: Tensor, halvings: Tensor) -> list[Tensor]:
        middle = 0.5 * (low + high)
        good = enough(middle)
        return [pt.where(good, middle, low), pt.where(good, high, middle), halvings + 1]

    zero = as_tensor(0.0)
    begin = pt.where(enough(room), room, zero)
    # Where no step is possible there is nothing to look for.
    end = pt.where(enough(zero), room, begin)
    low, _, _ = pt.while_loop(going, halve, [begin, end, as_tensor(0)], ("low", "high", "halvings"))
    return low


def systematic_resampling(weights: Tensor, uniform: Tensor) -> Tensor:
    """Return the numbers of the particles that go on, (n,) in order: of each as many as its share of `n`, rounded up or down.

    Parameters
    ----------
    weights
        Of each particle, (n,), not negative, at least one positive.
    uniform
        A uniform random number on [0, 1).

    Examples
    --------
    >>> systematic_resampling(pt.constant([1.0, 0.0, 3.0, 4.0]), as_tensor(0.25)).eval()
    array([0, 2, 3, 3])
    """
    shares = pt.cumsum(weights)
    n = weights.shape[0]
    at = (pt.cast(pt.arange(n), "float64") + uniform) / pt.cast(n, "float64")
    return pt.searchsorted(shares / shares[-1], at, side="right")
