"""Steps down a gradient, by PyMC's names, as graphs.

Each has two forms. Called with a loss and parameters, ``pm.adam(loss, params, learning_rate=0.01)``, it returns updates for
:func:`workbench.function`: loss, gradient and step are then one compiled function. Called with settings alone,
``pm.adam(learning_rate=0.01)``, it is an `Optimizer`, which `pm.fit` takes: what it keeps of each parameter, and how it makes a
step. The formulas are those of PyMC, which took them from Lasagne; `adamw` is PyTorch's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import workbench.tensor as pt
from workbench.errors import ArgumentError
from workbench.tensor.tensor import Tensor, as_tensor
from workbench.variational.schedules import Schedule
from workbench.variational.updates import updates_of

Array = np.ndarray[Any, Any]
Settings = Mapping[str, Tensor]
Step = Callable[..., tuple[Any, ...]]
Rate = float | Schedule | Tensor | Callable[[Tensor], Any]
"""How long steps are: a number, or what changes from step to step."""


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
        From the settings, the number of the step (from 0), the parameter, the gradient, and what is kept, to what is taken off the
        parameter, and what is kept then.
    changing
        Settings that change from step to step, by name: schedules, whose own numbers are among the settings; expressions, or
        functions of the number of the step, which updates take.
    """

    name: str
    settings: Mapping[str, float]
    keeps: Mapping[str, int | None]
    step: Step
    changing: Mapping[str, Any] = field(default_factory=dict)

    def first(self, values: Sequence[Array]) -> list[Array]:
        """Return what is kept before the first step."""
        return [np.zeros(v.shape if n is None else (n, *v.shape), v.dtype) for v in values for n in self.keeps.values()]

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
        given = {**settings, **{key: _now(key, how, settings, number) for key, how in self.changing.items()}}
        after, n = [], len(self.keeps)
        remembered: list[Tensor] = []
        for i, (value, gradient) in enumerate(zip(values, gradients)):
            narrow = _Narrow(given, value.dtype)
            change, *now = self.step(narrow, number, value, gradient, *kept[n * i : n * (i + 1)])
            after.append(value - change)
            remembered += now
        return after, remembered

    def updates(self, loss_or_grads: Any, params: Any) -> dict[Tensor, Tensor]:
        """Return new values of the parameters, and of what is kept of them, for :func:`workbench.function`.

        Parameters
        ----------
        loss_or_grads
            A scalar, or gradients in the form of the parameters.
        params
            Data of floats, or lists and dictionaries of them.

        Examples
        --------
        >>> w = pt.data("w", [4.0, 2.0])
        >>> step = pm.function([], pt.sum(w**2), updates=sgd(learning_rate=0.25).updates(pt.sum(w**2), [w]), backend="numpy")
        >>> [float(step()) for _ in range(3)]
        [20.0, 5.0, 1.25]
        """
        return updates_of(self, loss_or_grads, params)

    @property
    def formulas(self) -> list[Any]:
        """The functions that the graph of a step follows from."""
        return [self.step, *(how.formula for how in self.changing.values() if isinstance(how, Schedule))]

    def __repr__(self) -> str:
        shown = {**{k: f"{v:g}" for k, v in self.settings.items() if not any(k.startswith(f"{key}: ") for key in self.changing)}, **self.changing}
        return f"{self.name.partition(' ')[0]}({', '.join(f'{k}={v}' for k, v in shown.items())})"


def _now(key: str, how: Any, settings: Settings, number: Tensor) -> Tensor:
    """What a setting that changes is at a step."""
    if isinstance(how, Schedule):
        own = {name: settings[f"{key}: {name}"] for name in how.settings}
        return how.formula(own, pt.cast(number, "float64"))
    made = as_tensor(how(number) if callable(how) and not isinstance(how, Tensor) else how)
    if made.ndim or made.type.kind not in "fiu":
        raise ArgumentError(f"{key} must be a number at each step, not {made.type}", argument=key)
    return made


class _Narrow(Mapping[str, Tensor]):
    """Settings, and what follows from them, in the dtype of a parameter: they are computed with in double precision before."""

    def __init__(self, settings: Settings, dtype: str) -> None:
        self.wide, self.dtype = settings, dtype

    def __call__(self, number: Tensor) -> Tensor:
        return pt.cast(number, self.dtype)

    def __getitem__(self, name: str) -> Tensor:
        return self(self.wide[name])

    def less(self, name: str) -> Tensor:
        """One less a setting."""
        return self(1.0 - self.wide[name])

    def __iter__(self) -> Any:
        return iter(self.wide)

    def __len__(self) -> int:
        return len(self.wide)


def _optimizer(name: str, step: Step, settings: Mapping[str, Any], keeps: Mapping[str, int | None], loss: Any, params: Any) -> Any:
    numbers: dict[str, float] = {}
    changing: dict[str, Any] = {}
    label = name
    for key, value in settings.items():
        if isinstance(value, Schedule):
            changing[key] = value
            numbers.update({f"{key}: {k}": v for k, v in value.settings.items()})
            label += f" {key} {value.name}"
        elif key == "learning_rate" and (isinstance(value, Tensor) or callable(value)):
            changing[key] = value
        elif isinstance(value, bool) or not isinstance(value, (int, float, np.number)) or not value >= 0.0 or not np.isfinite(value):
            raise ArgumentError(f"{name}: {key} must be a number, 0 or more, got {value!r}", argument=key)
        else:
            numbers[key] = float(value)
    made = Optimizer(label, numbers, keeps, step, changing)
    if loss is None and params is None:
        return made
    if loss is None or params is None or isinstance(loss, (int, float)):
        raise ArgumentError(f"{name} takes a loss and its parameters, or neither: {name}(loss, params, learning_rate=...), {name}(learning_rate=...)")
    return made.updates(loss, params)


def sgd(loss_or_grads: Any = None, params: Any = None, learning_rate: Rate = 1e-3) -> Any:
    """Return stochastic gradient descent: ``rate * g``.

    Parameters
    ----------
    loss_or_grads
        A scalar, or gradients in the form of the parameters: the optimizer then returns updates.
    params
        What changes: data of floats, or lists and dictionaries of them.
    learning_rate
        A number; a schedule such as :func:`~workbench.variational.schedules.cosine_decay_schedule`; for updates also an
        expression, such as data that are set between steps, or a function of the number of the step, from 0.

    Returns
    -------
    Updates, new values by data; without a loss an `Optimizer`, for :func:`workbench.fit`.

    Raises
    ------
    ArgumentError
        If a setting is no number from 0 on, or a parameter no data of floats.

    Examples
    --------
    >>> w, x, y = pt.data("w", [0.0, 0.0]), pt.matrix("x", "n", 2), pt.vector("y", "n")
    >>> loss = pt.mean((y - x @ w) ** 2)
    >>> step = pm.function([x, y], loss, updates=pm.sgd(loss, [w], learning_rate=0.5))
    >>> [round(float(step([[1.0, 0.0], [0.0, 1.0]], [2.0, -1.0])), 4) for _ in range(3)]
    [2.5, 0.625, 0.1562]

    For `pm.fit`:

    >>> sgd(learning_rate=0.5)
    sgd(learning_rate=0.5)
    """
    return _optimizer("sgd", _sgd, {"learning_rate": learning_rate}, {}, loss_or_grads, params)


def _sgd(s: _Narrow, number: Tensor, value: Tensor, g: Tensor) -> tuple[Any, ...]:
    return (s["learning_rate"] * g,)


def momentum(loss_or_grads: Any = None, params: Any = None, learning_rate: Rate = 1e-3, momentum: float = 0.9) -> Any:
    """Return gradient descent with momentum: ``v = momentum * v - rate * g`` is added.

    Examples
    --------
    >>> pm.momentum(learning_rate=0.01).name
    'momentum'
    """
    return _optimizer("momentum", _momentum, {"learning_rate": learning_rate, "momentum": momentum}, {"velocity": None}, loss_or_grads, params)


def _momentum(s: _Narrow, number: Tensor, value: Tensor, g: Tensor, v: Tensor) -> tuple[Any, ...]:
    v = s["momentum"] * v - s["learning_rate"] * g
    return -v, v


def nesterov_momentum(loss_or_grads: Any = None, params: Any = None, learning_rate: Rate = 1e-3, momentum: float = 0.9) -> Any:
    """Return gradient descent with Nesterov's momentum: ``v`` as above, and ``momentum * v - rate * g`` is added.

    Examples
    --------
    >>> pm.nesterov_momentum(learning_rate=0.01).name
    'nesterov_momentum'
    """
    return _optimizer("nesterov_momentum", _nesterov, {"learning_rate": learning_rate, "momentum": momentum}, {"velocity": None}, loss_or_grads, params)


def _nesterov(s: _Narrow, number: Tensor, value: Tensor, g: Tensor, v: Tensor) -> tuple[Any, ...]:
    v = s["momentum"] * v - s["learning_rate"] * g
    return s["learning_rate"] * g - s["momentum"] * v, v


def adagrad(loss_or_grads: Any = None, params: Any = None, learning_rate: Rate = 1.0, epsilon: float = 1e-6) -> Any:
    """Return AdaGrad: ``rate * g / sqrt(sum of all g^2 + epsilon)``. Source: Duchi, Hazan and Singer (2011).

    Examples
    --------
    >>> pm.adagrad(learning_rate=0.01).name
    'adagrad'
    """
    return _optimizer("adagrad", _adagrad, {"learning_rate": learning_rate, "epsilon": epsilon}, {"squares": None}, loss_or_grads, params)


def _adagrad(s: _Narrow, number: Tensor, value: Tensor, g: Tensor, squares: Tensor) -> tuple[Any, ...]:
    squares = squares + pt.square(g)
    return s["learning_rate"] * g / pt.sqrt(squares + s["epsilon"]), squares


def adagrad_window(loss_or_grads: Any = None, params: Any = None, learning_rate: Rate = 1e-3, epsilon: float = 0.1, n_win: int = 10) -> Any:
    """Return AdaGrad over the last `n_win` gradients: ``rate * g / sqrt(sum of their squares + epsilon)``. PyMC's default.

    Examples
    --------
    >>> pm.adagrad_window(learning_rate=0.01).name
    'adagrad_window'
    """
    if isinstance(n_win, bool) or not isinstance(n_win, (int, np.integer)) or n_win < 1:
        raise ArgumentError(f"adagrad_window: n_win must be a whole number, 1 or more, got {n_win!r}", argument="n_win")
    return _optimizer("adagrad_window", _adagrad_window, {"learning_rate": learning_rate, "epsilon": epsilon}, {"squares": int(n_win)}, loss_or_grads, params)


def _adagrad_window(s: _Narrow, number: Tensor, value: Tensor, g: Tensor, squares: Tensor) -> tuple[Any, ...]:
    squares = squares[number % squares.shape[0]].set(pt.square(g))
    return s["learning_rate"] * g / pt.sqrt(pt.sum(squares, axis=0) + s["epsilon"]), squares


def rmsprop(loss_or_grads: Any = None, params: Any = None, learning_rate: Rate = 1.0, rho: float = 0.9, epsilon: float = 1e-6) -> Any:
    """Return RMSProp: ``rate * g / sqrt(running mean of g^2 + epsilon)``. Source: Tieleman and Hinton (2012).

    Examples
    --------
    >>> pm.rmsprop(learning_rate=0.01).name
    'rmsprop'
    """
    return _optimizer("rmsprop", _rmsprop, {"learning_rate": learning_rate, "rho": rho, "epsilon": epsilon}, {"squares": None}, loss_or_grads, params)


def _rmsprop(s: _Narrow, number: Tensor, value: Tensor, g: Tensor, squares: Tensor) -> tuple[Any, ...]:
    squares = s["rho"] * squares + s.less("rho") * pt.square(g)
    return s["learning_rate"] * g / pt.sqrt(squares + s["epsilon"]), squares


def adadelta(loss_or_grads: Any = None, params: Any = None, learning_rate: Rate = 1.0, rho: float = 0.95, epsilon: float = 1e-6) -> Any:
    """Return Adadelta: steps as large as the last ones were, by running means. Source: Zeiler (2012).

    Examples
    --------
    >>> pm.adadelta(learning_rate=0.01).name
    'adadelta'
    """
    return _optimizer("adadelta", _adadelta, {"learning_rate": learning_rate, "rho": rho, "epsilon": epsilon}, {"squares": None, "changes": None}, loss_or_grads, params)


def _adadelta(s: _Narrow, number: Tensor, value: Tensor, g: Tensor, squares: Tensor, changes: Tensor) -> tuple[Any, ...]:
    squares = s["rho"] * squares + s.less("rho") * pt.square(g)
    change = g * pt.sqrt(changes + s["epsilon"]) / pt.sqrt(squares + s["epsilon"])
    return s["learning_rate"] * change, squares, s["rho"] * changes + s.less("rho") * pt.square(change)


def adam(loss_or_grads: Any = None, params: Any = None, learning_rate: Rate = 1e-3, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8) -> Any:
    """Return Adam: the running mean of gradients over the root of that of their squares. Source: Kingma and Ba (2015).

    Examples
    --------
    >>> pm.adam(learning_rate=0.01).name
    'adam'
    """
    settings = {"learning_rate": learning_rate, "beta1": beta1, "beta2": beta2, "epsilon": epsilon}
    return _optimizer("adam", _adam, settings, {"mean": None, "squares": None}, loss_or_grads, params)


def _adam(s: _Narrow, number: Tensor, value: Tensor, g: Tensor, mean: Tensor, squares: Tensor) -> tuple[Any, ...]:
    first, second = _corrections(s, number)
    mean = s["beta1"] * mean + s.less("beta1") * g
    squares = s["beta2"] * squares + s.less("beta2") * pt.square(g)
    return s(s.wide["learning_rate"] * pt.sqrt(second) / first) * mean / (pt.sqrt(squares) + s["epsilon"]), mean, squares


def _corrections(s: _Narrow, number: Tensor) -> tuple[Tensor, Tensor]:
    """How much of their weights the running means of Adam have by now."""
    t = pt.cast(number, "float64") + 1.0
    return 1.0 - s.wide["beta1"] ** t, 1.0 - s.wide["beta2"] ** t


def adamw(
    loss_or_grads: Any = None, params: Any = None, learning_rate: Rate = 1e-3, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8,
    weight_decay: float = 0.01,
) -> Any:  # fmt: skip
    """Return Adam with weights that decay by themselves: ``rate * weight_decay * value`` is taken off beside. Source: Loshchilov and Hutter (2019).

    The step is PyTorch's and optax's: `epsilon` is added to the root of the corrected mean, where `adam`, as PyMC's, adds it before.
    Parameters that are not to decay have updates of their own: ``{**pm.adamw(loss, weights), **pm.adam(loss, biases)}``.

    Examples
    --------
    >>> pm.adamw(learning_rate=0.01).name
    'adamw'
    """
    settings = {"learning_rate": learning_rate, "beta1": beta1, "beta2": beta2, "epsilon": epsilon, "weight_decay": weight_decay}
    return _optimizer("adamw", _adamw, settings, {"mean": None, "squares": None}, loss_or_grads, params)


def _adamw(s: _Narrow, number: Tensor, value: Tensor, g: Tensor, mean: Tensor, squares: Tensor) -> tuple[Any, ...]:
    first, second = _corrections(s, number)
    mean = s["beta1"] * mean + s.less("beta1") * g
    squares = s["beta2"] * squares + s.less("beta2") * pt.square(g)
    rate = s.wide["learning_rate"]
    change = s(rate / first) * mean / (pt.sqrt(squares) * s(1.0 / pt.sqrt(second)) + s["epsilon"])
    return change + s(rate * s.wide["weight_decay"]) * value, mean, squares


def adamax(loss_or_grads: Any = None, params: Any = None, learning_rate: Rate = 2e-3, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8) -> Any:
    """Return Adamax: Adam with the largest of the fading gradients in place of the root. Source: Kingma and Ba (2015).

    Examples
    --------
    >>> pm.adamax(learning_rate=0.01).name
    'adamax'
    """
    settings = {"learning_rate": learning_rate, "beta1": beta1, "beta2": beta2, "epsilon": epsilon}
    return _optimizer("adamax", _adamax, settings, {"mean": None, "largest": None}, loss_or_grads, params)


def _adamax(s: _Narrow, number: Tensor, value: Tensor, g: Tensor, mean: Tensor, largest: Tensor) -> tuple[Any, ...]:
    first, _ = _corrections(s, number)
    mean = s["beta1"] * mean + s.less("beta1") * g
    largest = pt.maximum(s["beta2"] * largest, pt.abs(g))
    return s(s.wide["learning_rate"] / first) * mean / (largest + s["epsilon"]), mean, largest
