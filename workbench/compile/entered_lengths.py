"""Numbers for the lengths of a program, from the shapes of its arguments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from workbench.errors import CompileError, ShapeError
from workbench.graph.conditions import axes_named, axis_text
from workbench.graph.expr import Expr
from workbench.graph.lengths import Size, Symbol, number, symbols, text

KEPT = 16
"""Tuples of shapes of arguments, of which a compiled function keeps what it made for them."""


def lengths_of(params: Sequence[Expr], shapes: Sequence[Sequence[int]], known: Mapping[Symbol, int] | None = None) -> dict[Symbol, int]:
    """Return the numbers that the names of lengths in the types of parameters stand for.

    Parameters
    ----------
    params, shapes
        Parameters, and the shapes of their values.
    known
        Numbers of names that are known already.

    Raises
    ------
    ShapeError
        If two parameters give a name two numbers, or a length is not what the others say.
    """
    values, given = axes_named(params, shapes, known or {})
    for p, shape in zip(params, shapes, strict=True):
        for axis, (n, m) in enumerate(zip(p.type.shape, shape, strict=True)):
            unknown = symbols(n).keys() - values.keys()
            if unknown:
                raise CompileError(f"the length {text(n)} of {axis_text(p, axis)} does not say what {', '.join(s.name for s in unknown)} is")
            if number(n, values) != m:
                others = ", ".join(f"{s.name} is {values[s]}" + (f" ({given[s]})" if s in given else "") for s in symbols(n))
                raise ShapeError(f"{axis_text(p, axis)} has length {m}, and {text(n)} is asked for{': ' if others else ''}{others}")
    return values


def sizes_at(sizes: Sequence[Size], values: Mapping[Symbol, int], last: int) -> np.ndarray[Any, Any]:
    """Return what compiled code reads its sizes from, and one number more.

    Raises
    ------
    MemoryError
        If one has more than 63 bits.
    """
    found = [number(n, values) for n in sizes]
    if found and max(found) >= 2**63:
        raise MemoryError(f"an array of {max(found)} elements or bytes is asked for")
    return np.array([*found, last], np.int64)


def shape_at(shape: Sequence[Size], values: Mapping[Symbol, int]) -> tuple[int, ...]:
    """Return a shape in numbers."""
    return tuple(number(n, values) for n in shape)
