"""The Kalman filter of Matérn processes on a line, as a graph: the density of n noisy values in n steps.

A process whose spectral density is ``1 / polynomial of the squared frequency`` is the first of a few states that are a Markov
chain: given its value and derivatives at a point, what comes after does not depend on what was before. For smoothness 1/2, 3/2
and 5/2 there are 1, 2 and 3 states. With derivatives in units of the process's rate, the states change over a step of u such units
by ``exp(-u) (I + u N + u**2 / 2 N**2)``, where N is nilpotent.

Source: Hartikainen and Särkkä, "Kalman filtering and smoothing solutions to temporal Gaussian process regression models" (2010).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

import workbench.tensor as pt
from workbench.distributions import distance_kernels as kernels
from workbench.tensor.tensor import Tensor
from workbench.transforms.gaussian_filter import LOG_2PI, Scalars, System, Update, total


class Chain(NamedTuple):
    """A covariance function of the distance on a line as a Markov chain of a few states.

    Attributes
    ----------
    kernel
        The covariance of unit variance, as a function of the distance.
    rate
        By which a distance is multiplied to give the steps u of the chain.
    nilpotent
        N: how the states turn into one another.
    stationary
        Covariance of the states, of unit variance.
    rounded
        How much the variance falls short of 1 by the number under the root in the kernel's distance, where that is seen.
    """

    kernel: Any
    rate: float
    nilpotent: Any
    stationary: Any
    rounded: float = 0.0


CHAINS = (
    Chain(kernels.matern12, 1.0, [[0.0]], [[1.0]], -math.expm1(-1e-6)),
    Chain(kernels.exponential, 0.5, [[0.0]], [[1.0]], -math.expm1(-0.5e-6)),
    Chain(kernels.matern32, math.sqrt(3.0), [[1.0, 1.0], [-1.0, -1.0]], [[1.0, 0.0], [0.0, 1.0]]),
    Chain(
        kernels.matern52, math.sqrt(5.0), [[1.0, 1.0, 0.0], [0.0, 1.0, 1.0], [-1.0, -3.0, -2.0]],
        [[1.0, 0.0, -1.0 / 3.0], [0.0, 1.0 / 3.0, 0.0], [-1.0 / 3.0, 0.0, 1.0]],
    ),
)  # fmt: skip


class Part(NamedTuple):
    """One of the independent processes whose sum is seen.

    Attributes
    ----------
    chain
        What it is.
    variance, scale
        Its variance, and what distances are multiplied by: the inverse of its length.
    """

    chain: Chain
    variance: Any
    scale: Any


def innovations(parts: Sequence[Part], gaps: Any, y: Any, noise: Any) -> tuple[Tensor, Tensor]:
    """Return what is new in each noisy value of a sum of processes: its log-density given those before, and its variance.

    Parameters
    ----------
    parts
        The processes.
    gaps
        How far each point is from the one before; the first is not looked at, ``(n,)``.
    y
        The values less their means, ``(n,)``.
    noise
        Variance of the noise of each, ``(n,)``.

    Returns
    -------
    log-densities, variances
        Each ``(n,)``. The variances are the squared diagonal of the Cholesky factor of the covariance matrix.

    Examples
    --------
    >>> import numpy as np
    >>> terms, variances = innovations([Part(CHAINS[0], 2.0, 1.0)], np.array([0.0, 0.5]), np.zeros(2), np.ones(2))
    >>> variances.eval().round(4)  # 2 + 1, and 3 - (2 exp(-0.5))**2 / 3
    array([3.    , 2.5095])
    """
    gaps, y, noise = (pt.as_tensor(x) for x in (gaps, y, noise))
    first = np.cumsum([0, *(len(p.chain.stationary) for p in parts)])
    d = int(first[-1])
    space = Scalars(d)
    steps = [_step(p, gaps) for p in parts]
    seen = {int(i): 1.0 for i in first[:-1]}
    stationary = {(a + i, a + j): x * p.variance for a, p in zip(seen, parts) for i, row in enumerate(p.chain.stationary) for j, x in enumerate(row) if x}

    def body(*given: Any) -> tuple[list[Any], list[Any]]:
        (m,), apart = space.open(given, 1)
        value, variance, *moves = given[d + len(space.below) :]
        # How far the states' covariance is from the stationary one goes along with the states: no noise of a step is needed.
        system = System(_transition(parts, list(seen), moves), {}, {}, [seen], {}, {})
        (m,), apart = space.ahead(system, [m], apart)
        across = [total([a, *(stationary[i, j] for j in seen if (i, j) in stationary)]) for i, a in enumerate(space.across(seen, apart))]
        spread = space.dot(seen, across) + variance
        new = value - space.dot(seen, m)
        update = Update(1.0 / spread, None)
        term = -0.5 * (LOG_2PI + pt.log(spread) + new * new * update.weight)
        return space.close([space.moved(m, across, update.weight * new)], space.narrowed(apart, across, update, None)), [term, spread]

    start = [pt.constant(0.0)] * (d + len(space.below))
    _, (terms, spreads) = pt.scan(body, start, [y, noise, *(x for step in steps for x in step)], names=space.names(1))
    return terms, spreads


def _step(part: Part, gaps: Tensor) -> tuple[Tensor, Tensor]:
    """The steps u of a chain, and ``exp(-u)``: for all at once, outside of the loop."""
    u = gaps * (part.scale * part.chain.rate)
    return u, pt.exp(-u)


def _transition(parts: Sequence[Part], first: Sequence[int], moves: Sequence[Any]) -> dict[tuple[int, int], Any]:
    """How states follow from those before: the entries of the matrix that are not zero."""
    found: dict[tuple[int, int], Any] = {}
    for p, a, u, decay in zip(parts, first, moves[::2], moves[1::2]):
        n = np.array(p.chain.nilpotent)
        powers = [np.eye(len(n)), n, n @ n / 2.0]
        for i, j in np.ndindex(n.shape):
            terms = [power[i, j] * z for power, z in zip(powers, (1.0, u, u * u)) if power[i, j]]
            if terms:
                found[a + i, a + j] = decay * total(terms)
    return found
