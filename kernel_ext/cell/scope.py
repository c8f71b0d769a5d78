"""The names of a model cell: its own, then the data's columns, the notebook's, those of the model language, and Python's."""

from __future__ import annotations

import builtins
import functools
from collections.abc import Mapping
from typing import Any

import numpy as np

import workbench
from workbench import math, tensor, transforms
from workbench.distributions import Distribution

MAKERS = ("ConstantData", "Data", "Deterministic", "MutableData", "Potential")
"""Functions that make a variable, and so take a name as distributions do."""


@functools.cache
def _language() -> Mapping[str, Any]:
    functions = {n: getattr(math, n) for n in math.__all__ if not hasattr(builtins, n)}
    distributions = {n: x for n in workbench.__all__ if is_distribution(x := getattr(workbench, n, None)) and n != "Distribution"}
    makers = {n: getattr(workbench, n) for n in MAKERS}
    modules = {"math": math, "np": np, "pm": workbench, "pt": tensor, "transforms": transforms}
    return {**distributions, **makers, **modules, **functions}


def visible_names() -> dict[str, Any]:
    """Return what a model cell sees without importing it: distributions, functions of ``pm.math``, ``math``, ``pt``, ``pm``, ``np``.

    Where Python has a function of the same name (``abs``, ``max``, ``min``, ``round``, ``sum``), it stays Python's, and the other
    is ``math.sum``.
    """
    return dict(_language())


def is_distribution(x: Any) -> bool:
    """Whether something is a class of distributions."""
    return isinstance(x, type) and issubclass(x, Distribution)


def distribution_of(x: Any) -> type[Distribution] | None:
    """The distribution that something is, or whose `dist` it is."""
    owner = getattr(x, "__self__", None)
    return x if is_distribution(x) else owner if is_distribution(owner) and x.__name__ == "dist" else None


def makes_a_variable(x: Any) -> bool:
    """Whether a call of something makes a variable of the model, whose name is its first argument."""
    return is_distribution(x) or any(x is _language()[n] for n in MAKERS)
