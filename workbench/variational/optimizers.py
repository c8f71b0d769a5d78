"""Steps down a gradient, by PyMC's names, as graphs.

Each is called with its settings, ``adam(learning_rate=0.01)``, and is then an `Optimizer`: what it keeps of each parameter, and
how it makes a step. The formulas are those of PyMC, which took them from Lasagne.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import workbench.tensor as pt
from workbench.errors import ArgumentError
from workbench.tensor.tensor import Tensor, as_tensor

Array = np.ndarray[Any, Any]
Settings = Mapping[str, Tensor]
Step = Callable[..., tuple[Any, ...]]


@dataclass(frozen=True)
class Optimizer:
    """A way to go down a gradient.

    Attributes
    ----------
    name
        What it is called.
    settings
        Numbers by name: the code is the same for all of them.
    keeps
        What it keeps of each parameter, by name: arrays like it, zero at first; along a new first axis of that length, where a
        number is given.
    step
        From the settings, the number of the step (from 0), the gradient, and what is kept, to what is taken off the parameter,
        and what is kept then.
    """

    name: str
    settings: Mapping[str, float]
    keeps: Mapping[str, int | None]
    step: Step

    def first(self, values: Sequence[Array]) -> list[Array]:
        """Return what is kept before the first step."""
        return [np.zeros(v.shape if n is None else (n, *v.shape)) for v in values for n in self.keeps.values()]

    def inputs(self, values: Sequence[Tensor]) -> list[Tensor]:
        """Return inputs for what is kept."""
        return [
            pt.tensor(f"{v.name}_{kept}", "float64", v.type.shape if n is None else ("window", *v.type.shape))
            for v in values for kept, n in self.keeps.items()
        ]  # fmt: skip

    def stepped(
        self, settings: Settings, number: Tensor, values: Sequence[Tensor], gradients: Sequence[Tensor], kept: Sequence[Tensor]
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Return the parameters after a step, and what is kept then."""
        after, n = [], len(self.keeps)
        remembered: list[Tensor] = []
        for i, (value, gradient) in enumerate(zip(values, gradients)):
            change, *now = self.step(settings, number, gradient, *kept[n * i : n * (i + 1)])
            after.append(value - change)
            remembered += now
        return after, remembered

    def __repr__(self) -> str:
        return f"{self.name}({', '.join(f'{k}={v:g}' for k, v in self.settings.items())})"


def _optimizer(name: str, step: Step, settings: Mapping[str, Any], keeps: Mapping[str, int | None]) -> Optimizer:
    for key, value in settings.items():
        if isinstance(value, bool) or not isinstance(value, (int, float, np.number)) or not value >= 0.0 or not np.isfinite(value):
            raise ArgumentError(f"{name}: {key} must be a number, 0 or more, got {value!r}", argument=key)
    return Optimizer(name, {k: float(v) for k, v in settings.items()}, keeps, step)


def sgd(learning_rate: float = 1e-3) -> Optimizer:
    """Return stochastic gradient descent: ``rate * g``.

    Examples
    --------
    >>> sgd(learning_rate=0.5)
    sgd(learning_rate=0.5)
    """
    return _optimizer("sgd", _sgd, {"learning_rate": learning_rate}, {})


def _sgd(s: Settings, number: Tensor, g: Tensor) -> tuple[Any, ...]:
    return (s["learning_rate"] * g,)


def momentum(learning_rate: float = 1e-3, momentum: float = 0.9) -> Optimizer:
    """Return gradient descent with momentum: ``v = momentum * v - rate * g`` is added.

    Examples
    --------
    >>> pm.momentum(learning_rate=0.01).name
    'momentum'
    """
    return _optimizer("momentum", _momentum, {"learning_rate": learning_rate, "momentum": momentum}, {"velocity": None})


def _momentum(s: Settings, number: Tensor, g: Tensor, v: Tensor) -> tuple[Any, ...]:
    v = s["momentum"] * v - s["learning_rate"] * g
    return -v, v


def nesterov_momentum(learning_rate: float = 1e-3, momentum: float = 0.9) -> Optimizer:
    """Return gradient descent with Nesterov's momentum: ``v`` as above, and ``momentum * v - rate * g`` is added.

    Examples
    --------
    >>> pm.nesterov_momentum(learning_rate=0.01).name
    'nesterov_momentum'
    """
    return _optimizer("nesterov_momentum", _nesterov, {"learning_rate": learning_rate, "momentum": momentum}, {"velocity": None})


def _nesterov(s: Settings, number: Tensor, g: Tensor, v: Tensor) -> tuple[Any, ...]:
    v = s["momentum"] * v - s["learning_rate"] * g
    return s["learning_rate"] * g - s["momentum"] * v, v


def adagrad(learning_rate: float = 1.0, epsilon: float = 1e-6) -> Optimizer:
    """Return AdaGrad: ``rate * g / sqrt(sum of all g^2 + epsilon)``. Source: Duchi, Hazan and Singer (2011).

    Examples
    --------
    >>> pm.adagrad(learning_rate=0.01).name
    'adagrad'
    """
    return _optimizer("adagrad", _adagrad, {"learning_rate": learning_rate, "epsilon": epsilon}, {"squares": None})


def _adagrad(s: Settings, number: Tensor, g: Tensor, squares: Tensor) -> tuple[Any, ...]:
    squares = squares + pt.square(g)
    return s["learning_rate"] * g / pt.sqrt(squares + s["epsilon"]), squares


def adagrad_window(learning_rate: float = 1e-3, epsilon: float = 0.1, n_win: int = 10) -> Optimizer:
    """Return AdaGrad over the last `n_win` gradients: ``rate * g / sqrt(sum of their squares + epsilon)``. PyMC's default.

    Examples
    --------
    >>> pm.adagrad_window(learning_rate=0.01).name
    'adagrad_window'
    """
    if isinstance(n_win, bool) or not isinstance(n_win, (int, np.integer)) or n_win < 1:
        raise ArgumentError(f"adagrad_window: n_win must be a whole number, 1 or more, got {n_win!r}", argument="n_win")
    return _optimizer("adagrad_window", _adagrad_window, {"learning_rate": learning_rate, "epsilon": epsilon}, {"squares": int(n_win)})


def _adagrad_window(s: Settings, number: Tensor, g: Tensor, squares: Tensor) -> tuple[Any, ...]:
    squares = squares[number % squares.shape[0]].set(pt.square(g))
    return s["learning_rate"] * g / pt.sqrt(pt.sum(squares, axis=0) + s["epsilon"]), squares


def rmsprop(learning_rate: float = 1.0, rho: float = 0.9, epsilon: float = 1e-6) -> Optimizer:
    """Return RMSProp: ``rate * g / sqrt(running mean of g^2 + epsilon)``. Source: Tieleman and Hinton (2012).

    Examples
    --------
    >>> pm.rmsprop(learning_rate=0.01).name
    'rmsprop'
    """
    return _optimizer("rmsprop", _rmsprop, {"learning_rate": learning_rate, "rho": rho, "epsilon": epsilon}, {"squares": None})


def _rmsprop(s: Settings, number: Tensor, g: Tensor, squares: Tensor) -> tuple[Any, ...]:
    squares = s["rho"] * squares + (1.0 - s["rho"]) * pt.square(g)
    return s["learning_rate"] * g / pt.sqrt(squares + s["epsilon"]), squares


def adadelta(learning_rate: float = 1.0, rho: float = 0.95, epsilon: float = 1e-6) -> Optimizer:
    """Return Adadelta: steps as large as the last ones were, by running means. Source: Zeiler (2012).

    Examples
    --------
    >>> pm.adadelta(learning_rate=0.01).name
    'adadelta'
    """
    return _optimizer("adadelta", _adadelta, {"learning_rate": learning_rate, "rho": rho, "epsilon": epsilon}, {"squares": None, "changes": None})


def _adadelta(s: Settings, number: Tensor, g: Tensor, squares: Tensor, changes: Tensor) -> tuple[Any, ...]:
    rho, epsilon = s["rho"], s["epsilon"]
    squares = rho * squares + (1.0 - rho) * pt.square(g)
    change = g * pt.sqrt(changes + epsilon) / pt.sqrt(squares + epsilon)
    return s["learning_rate"] * change, squares, rho * changes + (1.0 - rho) * pt.square(change)


def adam(learning_rate: float = 1e-3, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8) -> Optimizer:
    """Return Adam: the running mean of gradients over the root of that of their squares. Source: Kingma and Ba (2015).

    Examples
    --------
    >>> pm.adam(learning_rate=0.01).name
    'adam'
    """
    settings = {"learning_rate": learning_rate, "beta1": beta1, "beta2": beta2, "epsilon": epsilon}
    return _optimizer("adam", _adam, settings, {"mean": None, "squares": None})


def _adam(s: Settings, number: Tensor, g: Tensor, mean: Tensor, squares: Tensor) -> tuple[Any, ...]:
    t = pt.cast(as_tensor(number), "float64") + 1.0
    rate = s["learning_rate"] * pt.sqrt(1.0 - s["beta2"] ** t) / (1.0 - s["beta1"] ** t)
    mean = s["beta1"] * mean + (1.0 - s["beta1"]) * g
    squares = s["beta2"] * squares + (1.0 - s["beta2"]) * pt.square(g)
    return rate * mean / (pt.sqrt(squares) + s["epsilon"]), mean, squares


def adamax(learning_rate: float = 2e-3, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8) -> Optimizer:
    """Return Adamax: Adam with the largest of the fading gradients in place of the root. Source: Kingma and Ba (2015).

    Examples
    --------
    >>> pm.adamax(learning_rate=0.01).name
    'adamax'
    """
    settings = {"learning_rate": learning_rate, "beta1": beta1, "beta2": beta2, "epsilon": epsilon}
    return _optimizer("adamax", _adamax, settings, {"mean": None, "largest": None})


def _adamax(s: Settings, number: Tensor, g: Tensor, mean: Tensor, largest: Tensor) -> tuple[Any, ...]:
    t = pt.cast(as_tensor(number), "float64") + 1.0
    mean = s["beta1"] * mean + (1.0 - s["beta1"]) * g
    largest = pt.maximum(s["beta2"] * largest, pt.abs(g))
    return s["learning_rate"] / (1.0 - s["beta1"] ** t) * mean / (largest + s["epsilon"]), mean, largest
