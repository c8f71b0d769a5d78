"""What an example of models.py or gallery.py is: a model in PyMC's public API alone, for ``pm = pymc`` and ``pm = workbench``.

A model is a function of the module to write it with, and of the data that :func:`make_data` returns.
Data and points come from NumPy's legacy generator, whose streams never change.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np

POINTS = 10


@dataclass(frozen=True)
class Example:
    """A model, and how far from its start to look at it.

    Attributes
    ----------
    name, build
        What it is called, and the function ``(pm, data) -> model``.
    spread
        Standard deviation of the points around the start.
    choices
        For discrete free variables: their number of values, from 0, by value name.
    """

    name: str
    build: Callable[[Any, Any], Any]
    spread: float = 0.3
    choices: dict[str, int] = field(default_factory=dict)


MODELS: dict[str, Example] = {}


def model(spread: float = 0.3, **choices: int) -> Callable[[Any], Any]:
    """Put a function among the models."""

    def add(build: Any) -> Any:
        MODELS[build.__name__] = Example(build.__name__, build, spread, choices)
        return build

    return add


def tensors(pm: Any) -> Any:
    """Return the module of tensors that goes with `pm`: what one imports as ``pt``."""
    return importlib.import_module("pytensor.tensor" if pm.__name__ == "pymc" else f"{pm.__name__}.tensor")


def scan(pm: Any) -> Any:
    """Return the loop that goes with `pm`: what one calls as ``pytensor.scan``."""
    return importlib.import_module("pytensor" if pm.__name__ == "pymc" else f"{pm.__name__}.pytensor").scan


def extras(pm: Any) -> Any:
    """Return the module that has what pymc-extras has beside `pm`."""
    return importlib.import_module("pymc_extras") if pm.__name__ == "pymc" else pm


def points(example: Example, start: dict[str, Any]) -> list[dict[str, Any]]:
    """Return random points around a start, by value name."""
    draws = np.random.RandomState(20261121)
    found = []
    for _ in range(POINTS):
        point = {}
        for name, value in start.items():
            value = np.asarray(value)
            if name in example.choices:
                point[name] = draws.randint(example.choices[name], size=value.shape).astype(value.dtype)
            elif value.dtype.kind == "f":
                point[name] = value + example.spread * draws.standard_normal(value.shape)
            else:
                point[name] = value
        found.append(point)
    return found


def projections(size: int) -> Any:
    """Return eight random directions: what is kept of a long gradient."""
    return np.random.RandomState(size).standard_normal((8, size))


def make_data() -> SimpleNamespace:
    """Return every model's data."""
    draws = np.random.RandomState(8)
    d = SimpleNamespace()
    # Rubin (1981), the coaching experiments.
    d.schools_y = np.array([28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0])
    d.schools_sigma = np.array([15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0])
    # Simulated, of the structure of Gelman and Hill's radon.
    d.counties = [f"county {i}" for i in range(12)]
    d.county = draws.randint(12, size=90)
    d.floor = (draws.uniform(size=90) < 0.2).astype(int)
    d.uranium = draws.normal(size=12)
    d.log_radon = 1.3 - 0.6 * d.floor + 0.4 * draws.normal(size=12)[d.county] + 0.7 * draws.normal(size=90)
    # A design matrix with outcomes of several kinds.
    d.x = draws.normal(size=(40, 3))
    eta = 0.3 + d.x @ np.array([0.7, -0.4, 0.2])
    d.y = eta + 0.5 * draws.normal(size=40)
    d.binary = (draws.uniform(size=40) < 1 / (1 + np.exp(-eta))).astype(int)
    d.count = draws.poisson(np.exp(eta))
    d.zero_heavy = np.where(draws.uniform(size=40) < 0.4, 0, d.count)
    d.positive = np.exp(0.5 * d.y)
    d.proportion = 1 / (1 + np.exp(-d.y))
    d.trials = 3 + draws.randint(10, size=40)
    d.successes = draws.binomial(d.trials, d.proportion)
    d.category = draws.randint(4, size=40)
    d.rating = np.digitize(d.y, [-0.6, 0.2, 0.9])
    d.votes = draws.multinomial(12, [0.2, 0.5, 0.3], size=9)
    d.angle = draws.vonmises(0.4, 2.0, size=25)
    d.clusters = np.concatenate([draws.normal(-2.0, 0.6, 20), draws.normal(1.0, 1.0, 30)])
    d.vectors = draws.normal(size=(20, 3)) @ np.array([[1.0, 0.3, 0.0], [0.0, 0.8, -0.4], [0.0, 0.0, 0.6]])
    d.series = np.cumsum(0.3 * draws.normal(size=30))
    d.returns = 0.1 * draws.standard_t(6, size=30)
    d.time = draws.weibull(1.4, size=30) * 3
    d.died = draws.uniform(size=30) < 0.7
    d.answers = (draws.uniform(size=(15, 6)) < 0.6).astype(int)
    d.groups = draws.randint(5, size=40)
    # Jarrett (1979): disasters in British coal mines, 1851 to 1962; two years are missing.
    d.disasters = np.array(
        [4, 5, 4, 0, 1, 4, 3, 4, 0, 6, 3, 3, 4, 0, 2, 6, 3, 3, 5, 4, 5, 3, 1, 4, 4, 1, 5, 5, 3, 4, 2, 5, 2, 2, 3, 4, 2, 1,
         3, -1, 2, 1, 1, 1, 1, 3, 0, 0, 1, 0, 1, 1, 0, 0, 3, 1, 0, 3, 2, 2, 0, 1, 1, 1, 0, 1, 0, 1, 0, 0, 0, 2, 1, 0, 0, 0,
         1, 1, 0, 2, 3, 3, 1, -1, 2, 1, 1, 1, 1, 2, 4, 2, 0, 0, 1, 4, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0, 1]
    )  # fmt: skip
    d.holes = d.y.copy()
    d.holes[[3, 17, 28]] = np.nan
    d.x_holes = d.x[:, 0].copy()
    d.x_holes[[1, 5, 8, 30]] = np.nan
    return d
