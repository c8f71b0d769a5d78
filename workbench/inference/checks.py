"""Checks of options: what is given, as what it is meant to be, or an error that names it."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from workbench.errors import ArgumentError, SamplingError


def whole(name: str, value: Any, least: int, most: int | None = None) -> int:
    """Return a whole number that was given for an option.

    Raises
    ------
    ArgumentError
        If it is none.
    SamplingError
        If it is too small or too large.

    Examples
    --------
    >>> whole("draws", 1e3, 1)
    1000
    """
    try:
        # Whole numbers written as 1e4 are what they say.
        number = int(value) if isinstance(value, float) and value.is_integer() else operator.index(value)
    except TypeError:
        number = None
    if number is None or isinstance(value, bool):
        raise ArgumentError(f"{name} must be a whole number, got {value!r}")
    if number < least or (most is not None and number > most):
        raise SamplingError(f"{name} must be at least {least}{f' and at most {most}' if most is not None else ''}, got {value!r}")
    return number


def whole_number(least: int, most: int | None = None) -> Callable[[str, Any], int]:
    """Return a check of whole numbers within limits."""
    return lambda name, value: whole(name, value, least, most)


def number(least: float = -math.inf, most: float = math.inf, ends: bool = True) -> Callable[[str, Any], float]:
    """Return a check of numbers within limits, which belong to them or not."""

    def check(name: str, value: Any) -> float:
        if isinstance(value, (bool, str)) or not hasattr(value, "__float__") or np.ndim(value):
            raise ArgumentError(f"{name} must be a number, got {value!r}")
        x = float(value)
        if not (least <= x <= most if ends else least < x < most):
            raise SamplingError(f"{name} must lie between {least:g} and {most:g}, got {value!r}")
        return x

    return check


def one_of(*known: Any) -> Callable[[str, Any], Any]:
    """Return a check of values that are one of some."""

    def check(name: str, value: Any) -> Any:
        if not any(type(value) is type(x) and value == x for x in known):
            raise ArgumentError(f"{name} must be {' or '.join(map(repr, known))}, got {value!r}")
        return value

    return check


def as_given(name: str, value: Any) -> Any:
    """What the settings of a kernel check by themselves."""
    return value


def an_order(name: str, value: Any) -> tuple[int, ...] | None:
    """Return the numbers of elements in turn; ``None`` for a new order each time."""
    if isinstance(value, str) and value == "random":
        return None
    try:
        order = tuple(int(i) for i in np.asarray(value).ravel())
    except (TypeError, ValueError):
        order = ()
    if sorted(order) != list(range(len(order))) or not order:
        raise ArgumentError(f'{name} must be "random", or the numbers of all elements in turn, got {value!r}')
    return order
