"""What is called while a fit goes on: ``callback(approx, losses, i)`` after step `i`, or after each `every`-th, if it says so."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from workbench.errors import ArgumentError
from workbench.inference.checks import whole

Array = np.ndarray[Any, Any]
EPSILON = 1e-10


class CheckParametersConvergence:
    """Ends a fit when its parameters change little.

    Parameters
    ----------
    every
        Steps between looks.
    tolerance
        The norm of the change below which the fit ends.
    diff
        "relative" or "absolute" changes.
    ord
        The norm, as in ``numpy.linalg.norm``.

    Examples
    --------
    >>> CheckParametersConvergence(every=50, diff="absolute").every
    50
    """

    def __init__(self, every: int = 100, tolerance: float = 1e-3, diff: str = "relative", ord: Any = np.inf) -> None:
        if diff not in ("relative", "absolute"):
            raise ArgumentError(f'diff must be "relative" or "absolute", got {diff!r}', argument="diff")
        self.every = whole("every", every, 1)
        self.tolerance, self.diff, self.ord = tolerance, diff, ord
        self.prev: Array | None = None

    def __call__(self, approx: Any, losses: Array, i: int) -> None:
        now = np.concatenate([np.ravel(v) for v in approx.values])
        if self.prev is None:
            self.prev = now
            return
        if i % self.every or i < self.every:
            return
        change = np.abs(now - self.prev)
        if self.diff == "relative":
            change = (change + EPSILON) / (np.abs(self.prev) + EPSILON)
        self.prev = now
        if np.linalg.norm(change, self.ord) < self.tolerance:
            raise StopIteration(f"Convergence achieved at {i}")


class Tracker:
    """Keeps values from step to step: ``Tracker(mean=approx.mean.eval, std=approx.std.eval)``.

    Parameters
    ----------
    every
        Steps between looks. At each the fit comes back to Python: every 10 or 100 costs less.
    functions
        Each takes nothing, or the approximation, the losses so far and the number of the step. Tracked values are lists by name.

    Examples
    --------
    >>> tracker = Tracker(step=lambda approx, losses, i: i)
    >>> tracker(None, [], 0)
    >>> tracker["step"]
    [0]
    """

    def __init__(self, every: int = 1, **functions: Callable[..., Any]) -> None:
        for name, f in functions.items():
            if not callable(f):
                raise ArgumentError(f"{name} must be a function, got {f!r}", "for example approx.mean.eval")
        self.every = whole("every", every, 1)
        self.whatchdict: Mapping[str, Callable[..., Any]] = functions
        self.hist: dict[str, list[Any]] = {name: [] for name in functions}

    def __call__(self, approx: Any, losses: Array, i: int) -> None:
        if i % self.every:
            return
        for name, f in self.whatchdict.items():
            self.hist[name].append(f(approx, losses, i) if _takes(f, 3) else f())

    def __getitem__(self, name: str) -> list[Any]:
        return self.hist[name]

    def clear(self) -> None:
        """Forget what was tracked."""
        self.hist = {name: [] for name in self.hist}


def _takes(f: Callable[..., Any], count: int) -> bool:
    """Whether a function can be called with so many values."""
    try:
        inspect.signature(f).bind(*range(count))
    except (TypeError, ValueError):
        return False
    return True


def due(callbacks: Sequence[Callable[..., Any]], i: int) -> list[Callable[..., Any]]:
    """Return those that are called after step `i`."""
    return [c for c in callbacks if i % getattr(c, "every", 1) == 0]


def steps_until(callbacks: Sequence[Callable[..., Any]], i: int, most: int) -> int:
    """Return how many steps there are, from step `i`, up to and with the first after which one is called."""
    return min([most, *(-i % getattr(c, "every", 1) + 1 for c in callbacks)])
