"""Learning rates that change from step to step, by optax's names: graphs of the number of the step.

A schedule stands where a number could: ``pm.adam(learning_rate=pm.exponential_decay(0.01, 1000, 0.5))``, in `pm.fit` and in
updates of one's own. Any function of the number of the step is one in updates.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

import workbench.tensor as pt
from workbench.errors import ArgumentError
from workbench.tensor.tensor import Tensor, as_tensor

Numbers = Mapping[str, Tensor]


@dataclass(frozen=True)
class Schedule:
    """A number that changes with the steps.

    Attributes
    ----------
    name
        What it is called.
    settings
        Numbers by name: the code is the same for all of them.
    formula
        From the settings, and the number of the step (from 0) as a float, to the number.

    Examples
    --------
    >>> rate = linear_schedule(1.0, 0.0, 4)
    >>> [float(rate(i).eval()) for i in (0, 1, 4, 9)]
    [1.0, 0.75, 0.0, 0.0]
    """

    name: str
    settings: Mapping[str, float]
    formula: Callable[[Numbers, Tensor], Tensor]

    def __call__(self, step: Any) -> Tensor:
        """Return the number at a step."""
        return self.formula({k: pt.constant(v) for k, v in self.settings.items()}, pt.cast(as_tensor(step), "float64"))

    def __repr__(self) -> str:
        return f"{self.name}({', '.join(f'{k}={v:g}' for k, v in self.settings.items())})"


def _schedule(name: str, formula: Callable[[Numbers, Tensor], Tensor], settings: Mapping[str, Any], steps: tuple[str, ...]) -> Schedule:
    for key, value in settings.items():
        if isinstance(value, bool) or not isinstance(value, (int, float, np.number)) or not math.isfinite(value) or value < 0:
            raise ArgumentError(f"{name}: {key} must be a number, 0 or more, got {value!r}", argument=key)
        if key in steps and (value != int(value) or value < 1):
            raise ArgumentError(f"{name}: {key} must be a whole number, 1 or more, got {value!r}", argument=key)
    return Schedule(name, {k: float(v) for k, v in settings.items()}, formula)


def linear_schedule(init_value: float, end_value: float, transition_steps: int) -> Schedule:
    """Return a straight line from one value to another over so many steps, and the last value from there.

    Examples
    --------
    >>> pm.linear_schedule(0.1, 0.0, 100)
    linear_schedule(init_value=0.1, end_value=0, transition_steps=100)
    """
    settings = {"init_value": init_value, "end_value": end_value, "transition_steps": transition_steps}
    return _schedule("linear_schedule", _linear, settings, ("transition_steps",))


def _linear(s: Numbers, step: Tensor) -> Tensor:
    return s["init_value"] + (s["end_value"] - s["init_value"]) * pt.minimum(step / s["transition_steps"], 1.0)


def exponential_decay(init_value: float, transition_steps: int, decay_rate: float) -> Schedule:
    """Return a value that is multiplied by `decay_rate` in each `transition_steps` steps, smoothly.

    Examples
    --------
    >>> float(pm.exponential_decay(0.1, 10, 0.5)(20).eval())
    0.025
    """
    settings = {"init_value": init_value, "transition_steps": transition_steps, "decay_rate": decay_rate}
    return _schedule("exponential_decay", _exponential, settings, ("transition_steps",))


def _exponential(s: Numbers, step: Tensor) -> Tensor:
    return s["init_value"] * s["decay_rate"] ** (step / s["transition_steps"])


def cosine_decay_schedule(init_value: float, decay_steps: int, alpha: float = 0.0) -> Schedule:
    """Return half a wave of the cosine, from a value down to `alpha` times it. Source: Loshchilov and Hutter (2017).

    Examples
    --------
    >>> rate = pm.cosine_decay_schedule(1.0, 10)
    >>> [round(float(rate(i).eval()), 6) for i in (0, 5, 10, 20)]
    [1.0, 0.5, 0.0, 0.0]
    """
    settings = {"init_value": init_value, "decay_steps": decay_steps, "alpha": alpha}
    return _schedule("cosine_decay_schedule", _cosine, settings, ("decay_steps",))


def _cosine(s: Numbers, step: Tensor) -> Tensor:
    wave = 0.5 * (1.0 + pt.cos(math.pi * pt.minimum(step / s["decay_steps"], 1.0)))
    return s["init_value"] * ((1.0 - s["alpha"]) * wave + s["alpha"])


def warmup_cosine_decay_schedule(init_value: float, peak_value: float, warmup_steps: int, decay_steps: int, end_value: float = 0.0) -> Schedule:
    """Return a straight line up to a peak, and from there half a wave of the cosine down.

    Parameters
    ----------
    init_value, peak_value, end_value
        The value at first, at the peak, and in the end.
    warmup_steps, decay_steps
        How many steps the line has, and how many all have.

    Examples
    --------
    >>> rate = pm.warmup_cosine_decay_schedule(0.0, 1.0, 10, 30)
    >>> [round(float(rate(i).eval()), 6) for i in (0, 5, 10, 20, 30)]
    [0.0, 0.5, 1.0, 0.5, 0.0]
    """
    settings = {"init_value": init_value, "peak_value": peak_value, "warmup_steps": warmup_steps, "decay_steps": decay_steps, "end_value": end_value}
    made = _schedule("warmup_cosine_decay_schedule", _warmup_cosine, settings, ("warmup_steps", "decay_steps"))
    if decay_steps <= warmup_steps:
        raise ArgumentError(f"warmup_cosine_decay_schedule: decay_steps ({decay_steps}) counts the warm-up too, and must be more than warmup_steps ({warmup_steps})", argument="decay_steps")
    return made


def _warmup_cosine(s: Numbers, step: Tensor) -> Tensor:
    up = s["init_value"] + (s["peak_value"] - s["init_value"]) * step / s["warmup_steps"]
    done = pt.minimum((step - s["warmup_steps"]) / (s["decay_steps"] - s["warmup_steps"]), 1.0)
    down = s["end_value"] + (s["peak_value"] - s["end_value"]) * 0.5 * (1.0 + pt.cos(math.pi * done))
    return pt.where(step < s["warmup_steps"], up, down)
