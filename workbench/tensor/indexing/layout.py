"""Keys, and how the axes of ``x[key]`` come from those of ``x``."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from workbench.errors import DTypeError, IndexBoundsError
from workbench.graph.lengths import Size, at_least, fresh, maximum, minimum, one_length, quotient
from workbench.graph.types import Shape, TensorType
from workbench.tensor import elementwise as _e

Entry = tuple[Any, ...]
"""One part of a key: ("new",), ("int", i), ("slice", start, stop, step), ("array", k): input k after
the tensor, or ("flag", k): an array that indexes no axis, from a boolean without axes; or ("rest",): an
ellipsis that stands for no axis, between index arrays, which are then not side by side. A bound of a slice
is an integer, ``None``, or ("input", k)."""
Key = tuple[Entry, ...]


class Layout:
    """How the axes of ``x[key]`` come from those of ``x``.

    Attributes
    ----------
    shape
        Of the result.
    axes
        For each axis of `x`: ("slice", axis of the result, (start, length, step) or ``None``), ("int",
        row, ``None``) or ("array", input, ``None``).
    start
        Where the axes of the index arrays begin in the result.
    together
        The shape to which the index arrays broadcast.
    """

    def __init__(self) -> None:
        self.shape: list[Size] = []
        self.axes: list[tuple[str, Any, Any]] = []
        self.start = 0
        self.together: Shape = ()


def layout_of(key: Key, x: TensorType, others: Sequence[TensorType], values: Sequence[Size] = (), counts: Collection[Size] = ()) -> Layout:
    """Return how the axes of ``x[key]`` come from those of `x`.

    Parameters
    ----------
    key, x, others
        The key, the type of the tensor, and those of the other inputs that the key names.
    values
        Of `others`, where they are numbers: as lengths.
    counts
        Those of `values` that are lengths of axes, and so not negative.

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
            resolved = resolve_slice(entry[1:], n, values, counts)
            made.axes.append(("slice", len(made.shape), resolved))
            made.shape.append(fresh("k") if resolved is None else resolved[1])
        elif kind == "int":
            made.axes.append(("int", resolve_int(entry[1], x, len(made.axes)), None))
        elif kind == "array":
            made.axes.append(("array", entry[1], None))
    if advanced and not adjacent:
        rank = len(made.together)
        made.shape[:0] = made.together
        made.axes = [(k, at + rank if k == "slice" else at, r) for k, at, r in made.axes]
    return made


def resolve_slice(
    bounds: Sequence[Any], n: Size, values: Sequence[Size] = (), counts: Collection[Size] = ()
) -> tuple[Size, Size, int] | None:
    """Return start, length and step of a slice; ``None`` where the sign of a bound, or the step, is not known."""
    if isinstance(n, int) and not any(isinstance(b, tuple) for b in bounds):
        begin, end, every = slice(*bounds).indices(n)
        length = len(range(begin, end, every))
        return (begin if length else 0, length, every)
    if any(isinstance(b, tuple) and not values for b in bounds):
        return None
    start, stop, by = (values[b[1]] if isinstance(b, tuple) else b for b in bounds)
    step: Size = 1 if by is None else by
    if not isinstance(step, int) or step == 0:
        return None
    if step > 0:
        first = 0 if start is None else _clipped(start, 0, n, n, counts)
        last = n if stop is None else _clipped(stop, 0, n, n, counts)
    else:
        first = n - 1 if start is None else _clipped(start, -1, n - 1, n, counts)
        last = -1 if stop is None else _clipped(stop, -1, n - 1, n, counts)
    if first is None or last is None:
        return None
    # No bound is before the start of its axis.
    distance = last if step > 0 and start is None else maximum(last - first if step > 0 else first - last, 0)
    return first, quotient(distance + (abs(step) - 1), abs(step)), step


def _clipped(bound: Size, low: int, high: Size, n: Size, counts: Collection[Size]) -> Size | None:
    """A bound of a slice, counted from the start and within the axis; ``None`` if its sign is not known."""
    if bound in counts or at_least(bound, 0):
        return minimum(bound, high)
    return maximum(n + bound, low) if at_least(-1 - bound, 0) else None


def resolve_int(i: int, x: TensorType, axis: int) -> Size:
    """Return an index of an axis, counted from its start.

    Raises
    ------
    IndexBoundsError
        If it is outside, where the length is known; else that it is inside is a condition.
    """
    n = x.shape[axis]
    if not isinstance(n, int):
        needed = i + 1 if i >= 0 else -i
        one_length(minimum(n, needed), needed)
        return i if i >= 0 else n + i
    if not -n <= i < n:
        raise IndexBoundsError(
            f"index {i} is out of bounds for axis {axis} of length {n}",
            f"valid indices: {-n} to {n - 1}" if n else "the axis is empty",
        )
    return i % n
