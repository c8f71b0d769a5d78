"""Keys, and how the axes of ``x[key]`` come from those of ``x``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from workbench.errors import DTypeError, IndexBoundsError
from workbench.graph.types import Shape, TensorType
from workbench.tensor import elementwise as _e

Entry = tuple[Any, ...]
"""One part of a key: ("new",), ("int", i), ("slice", start, stop, step), ("array", k): input k after
the tensor, or ("flag", k): an array that indexes no axis, from a boolean without axes; or ("rest",): an
ellipsis that stands for no axis, between index arrays, which are then not side by side. A bound of a slice
is an integer, ``None``, or ("input", k)."""
Key = tuple[Entry, ...]


@dataclass
class Layout:
    """How the axes of ``x[key]`` come from those of ``x``."""

    shape: list[int | None] = field(default_factory=list)
    axes: list[tuple[str, Any, Any]] = field(default_factory=list)
    """For each axis of `x`: ("slice", axis of the result, (start, length, step) or ``None``), ("int",
    row, ``None``) or ("array", input, ``None``)."""
    start: int = 0
    """Where the axes of the index arrays begin in the result."""
    together: Shape = ()
    """The shape to which the index arrays broadcast."""


def layout_of(key: Key, x: TensorType, others: Sequence[TensorType]) -> Layout:
    """Return how the axes of ``x[key]`` come from those of `x`.

    Raises
    ------
    IndexBoundsError, ShapeError, DTypeError
        If the key does not fit.
    """
    made = Layout()
    chosen = [others[e[1]] for e in key if e[0] in ("array", "flag")]
    for t in chosen:
        if t.kind not in "iu":
            raise DTypeError(f"an index must be an integer or a boolean, got {t.dtype}")
    made.together = _e.broadcast_shapes(*(t.shape for t in chosen), what="index arrays")
    advanced = [i for i, e in enumerate(key) if e[0] in ("array", "flag", "int")] if chosen else []
    adjacent = advanced == list(range(advanced[0], advanced[-1] + 1)) if advanced else False
    for i, entry in enumerate(key):
        if advanced and i == advanced[0] and adjacent:
            made.start = len(made.shape)
            made.shape += made.together
        kind = entry[0]
        if kind == "new":
            made.shape.append(1)
        elif kind == "slice":
            n = x.shape[len(made.axes)]
            resolved = _resolve_slice(entry, n)
            made.axes.append(("slice", len(made.shape), resolved))
            made.shape.append(None if resolved is None else resolved[1])
        elif kind == "int":
            made.axes.append(("int", resolve_int(entry[1], x, len(made.axes)), None))
        elif kind == "array":
            made.axes.append(("array", entry[1], None))
    if advanced and not adjacent:
        rank = len(made.together)
        made.shape[:0] = made.together
        made.axes = [(k, at + rank if k == "slice" else at, r) for k, at, r in made.axes]
    return made


def _resolve_slice(entry: Entry, n: int | None) -> tuple[int, int, int] | None:
    bounds = entry[1:]
    if n is None or any(isinstance(b, tuple) for b in bounds):
        return None
    start, stop, step = slice(*bounds).indices(n)
    length = len(range(start, stop, step))
    return (start if length else 0, length, step)


def resolve_int(i: int, x: TensorType, axis: int) -> int:
    """Return an index of an axis, counted from its start where its length is known.

    Raises
    ------
    IndexBoundsError
        If it is outside.
    """
    n = x.shape[axis]
    if n is None:
        return i
    if not -n <= i < n:
        raise IndexBoundsError(
            f"index {i} is out of bounds for axis {axis} of length {n}",
            f"valid indices: {-n} to {n - 1}" if n else "the axis is empty",
        )
    return i % n
