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

LOG_2PI = math.log(2.0 * math.pi)


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
    below = [(i, j) for i in range(d) for j in range(i + 1)]
    at = {(i, j): k for k, (i, j) in enumerate(below)} | {(j, i): k for k, (i, j) in enumerate(below)}
    steps = [_step(p, gaps) for p in parts]
    seen = [int(i) for i in first[:-1]]
    stationary = {(a + i, a + j): x * p.variance for a, p in zip(seen, parts) for i, row in enumerate(p.chain.stationary) for j, x in enumerate(row) if x}

    def body(*given: Any) -> tuple[list[Any], list[Any]]:
        m, apart, (value, variance, *moves) = list(given[:d]), list(given[d : d + len(below)]), given[d + len(below) :]
        rows = _rows(parts, seen, moves)
        # How far the states' covariance is from the stationary one goes along with the states: no noise of a step is needed.
        m = [_sum(a * m[j] for j, a in row) for row in rows]
        half = [[_sum(a * apart[at[j, k]] for j, a in row) for k in range(d)] for row in rows]
        apart = [_sum(a * half[i][k] for k, a in rows[j]) for i, j in below]
        across = [_sum(apart[at[i, j]] + stationary[i, j] if (i, j) in stationary else apart[at[i, j]] for j in seen) for i in range(d)]
        spread = _sum(across[i] for i in seen) + variance
        new = value - _sum(m[i] for i in seen)
        gain = [a / spread for a in across]
        term = -0.5 * (LOG_2PI + pt.log(spread) + new * new / spread)
        return [*(x + g * new for x, g in zip(m, gain)), *(x - across[i] * gain[j] for x, (i, j) in zip(apart, below))], [term, spread]

    names = [*(f"state{i}" for i in range(d)), *(f"apart{i}{j}" for i, j in below)]
    start = [pt.constant(0.0)] * (d + len(below))
    _, (terms, spreads) = pt.scan(body, start, [y, noise, *(x for step in steps for x in step)], names=names)
    return terms, spreads


def _step(part: Part, gaps: Tensor) -> tuple[Tensor, Tensor]:
    """The steps u of a chain, and ``exp(-u)``: for all at once, outside of the loop."""
    u = gaps * (part.scale * part.chain.rate)
    return u, pt.exp(-u)


def _rows(parts: Sequence[Part], first: Sequence[int], moves: Sequence[Any]) -> list[list[tuple[int, Any]]]:
    """How states follow from those before: of each row of the matrix, the columns and elements that are not zero."""
    rows: list[list[tuple[int, Any]]] = []
    for p, a, u, decay in zip(parts, first, moves[::2], moves[1::2]):
        n = np.array(p.chain.nilpotent)
        powers = [np.eye(len(n)), n, n @ n / 2.0]
        for i in range(len(n)):
            row = []
            for j in range(len(n)):
                terms = [power[i, j] * z for power, z in zip(powers, (1.0, u, u * u)) if power[i, j]]
                if terms:
                    row.append((a + j, decay * _sum(terms)))
            rows.append(row)
    return rows


def _sum(terms: Any) -> Any:
    total: Any = None
    for x in terms:
        total = x if total is None else total + x
    return total
