"""Sets of numbers: where an operation or a pattern variable takes its values, and how to test there."""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.graph.frozen import frozen

inf = float("inf")


@frozen
class Domain:
    """A set of numbers that tests can draw from."""

    def sample(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
        raise NotImplementedError


@frozen
class Interval(Domain):
    """Real numbers strictly between `low` and `high`.

    Examples
    --------
    >>> bool((Interval(0, inf).sample(np.random.default_rng(0), (5,)) > 0).all())
    True
    """

    low: float = -inf
    high: float = inf

    def sample(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
        if np.isfinite(self.low) and np.isfinite(self.high):
            return np.asarray(rng.uniform(self.low, self.high, shape))
        spread = np.asarray(np.exp(rng.uniform(-3.0, 2.0, shape)))
        if np.isfinite(self.low):
            return self.low + spread
        if np.isfinite(self.high):
            return self.high - spread
        return spread * rng.choice([-1.0, 1.0], shape)


@frozen
class Integers(Domain):
    """Integers from `low` to `high`, both included.

    Examples
    --------
    >>> bool((pt.Integers(2, 4).sample(np.random.default_rng(0), (9,)) >= 2).all())
    True
    """

    low: int = -20
    high: int = 20

    def sample(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
        return np.asarray(rng.integers(self.low, self.high, shape, endpoint=True))


@frozen
class Booleans(Domain):
    """True and False.

    Examples
    --------
    >>> pt.Booleans().sample(np.random.default_rng(0), (3,)).dtype.name
    'bool'
    """

    def sample(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
        return np.asarray(rng.random(shape) < 0.5)


@frozen
class Words(Domain):
    """64-bit words."""

    def sample(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
        return np.asarray(rng.integers(0, 2**64, shape, dtype=np.uint64))


real = Interval()
positive = Interval(0.0, inf)
unit = Interval(0.0, 1.0)
