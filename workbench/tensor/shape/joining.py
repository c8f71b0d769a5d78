"""Joining, splitting, repeating and padding tensors."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from workbench.errors import ShapeError
from workbench.graph.expr import Constant, Expr, Op, intern
from workbench.graph.frozen import frozen
from workbench.graph.length_names import shapes_text
from workbench.graph.lengths import Size, at_least, differ, one_length
from workbench.graph.types import DECLARE_LENGTHS, TensorType
from workbench.tensor import elementwise as _e
from workbench.tensor import shape as _s
from workbench.tensor.reduction.statistics import median
from workbench.tensor.shape.axes import axis_of
from workbench.tensor.shape.broadcasting import whole
from workbench.tensor.shape.lengths import Dim, extent, paired
from workbench.tensor.sorting.sorting import repeated_numbers
from workbench.tensor.tensor import Tensor, as_tensor


@frozen
class Concatenate(Op):
    """Tensors one after another along an axis."""

    axis: int
    name = "concatenate"

    def infer(self, *types: TensorType) -> TensorType:
        first, *others = types
        shape: list[Size] = list(first.shape)
        for t in others:
            one = [one_length(n, m) for a, (n, m) in enumerate(zip(shape, t.shape)) if a != self.axis]
            if t.ndim != first.ndim or None in one:
                raise ShapeError(
                    f"tensors of shapes {', '.join(shapes_text(*(t.shape for t in types)))} cannot be concatenated along axis {self.axis}",
                    "all other axes must have the same lengths",
                )
            one.insert(self.axis, shape[self.axis] + t.shape[self.axis])
            shape = one  # type: ignore[assignment]
        return first.with_shape(tuple(shape))

    def numpy(self, *values: Any) -> Any:
        return np.concatenate(values, self.axis)

    def jax(self, *values: Any) -> Any:
        import jax.numpy as jnp

        return jnp.concatenate(values, self.axis)

    def grad(self, node: Expr, cotangent: Tensor) -> Sequence[Expr | None]:
        found: list[Expr | None] = []
        g = whole(cotangent, node)
        start: Any = 0
        for x in node.inputs:
            n = x.type.shape[self.axis]
            # n - 1 of an axis that there is: the number itself might be negative.
            length = extent(x, self.axis) if at_least(n, 0) else intern(Dim(self.axis), (x,))
            stop = length if isinstance(start, int) and start == 0 else start + length
            found.append(g[(slice(None),) * self.axis + (slice(start, stop),)])
            start = stop
        return found


# Joining --------------------------------------------------------------------------------------


def concatenate(tensors: Sequence[Any], axis: int | None = 0) -> Tensor:
    """Return tensors one after another along `axis` (flattened, for ``None``).

    Raises
    ------
    ShapeError
        If they differ in length along another axis, or are scalars.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> pt.concatenate([[1, 2], [3]]).eval()
    array([1, 2, 3])
    """
    given = list(tensors)
    if not given:
        raise ShapeError("concatenate needs at least one tensor")
    parts = _e.promote("concatenate", *[as_tensor(t) for t in given])
    if axis is None:
        parts, axis = [_s.ravel(p) for p in parts], 0
    if parts[0].ndim == 0:
        raise ShapeError("scalars cannot be concatenated", "use stack")
    at = axis_of("concatenate", axis, parts[0].ndim)
    return parts[0] if len(parts) == 1 else intern(Concatenate(at), tuple(parts))


def stack(tensors: Sequence[Any], axis: int = 0) -> Tensor:
    """Return tensors of one shape along a new axis.

    Raises
    ------
    ShapeError
        If their shapes differ.

    Examples
    --------
    >>> pt.stack([1, 2]).eval().tolist()
    [1, 2]
    """
    parts = [as_tensor(t) for t in tensors]
    if not parts:
        raise ShapeError("stack needs at least one tensor")
    ranks = {t.ndim for t in parts}
    if len(ranks) > 1 or any(differ(n, m) for t in parts for n, m in zip(parts[0].type.shape, t.type.shape)):
        raise ShapeError(f"tensors of shapes {', '.join(shapes_text(*(t.type.shape for t in parts)))} cannot be stacked")
    at = axis_of("stack", axis, parts[0].ndim + 1)
    return concatenate([_s.expand_dims(t, at) for t in parts], at)


def hstack(tensors: Sequence[Any]) -> Tensor:
    """Return tensors one after another along the second axis (the first, for vectors).

    Examples
    --------
    >>> pt.hstack([[1, 2], [3]]).eval().tolist()
    [1, 2, 3]
    """
    parts = [_s.atleast_1d(t) for t in tensors]
    return concatenate(parts, 0 if parts and parts[0].ndim == 1 else 1)


def vstack(tensors: Sequence[Any]) -> Tensor:
    """Return tensors one after another along the first axis; vectors are rows.

    Examples
    --------
    >>> pt.vstack([[1, 2], [3, 4]]).eval().tolist()
    [[1, 2], [3, 4]]
    """
    return concatenate([_s.atleast_2d(t) for t in tensors], 0)


def dstack(tensors: Sequence[Any]) -> Tensor:
    """Return tensors one after another along the third axis.

    Examples
    --------
    >>> pt.dstack([[1, 2], [3, 4]]).type.shape
    (1, 2, 2)
    """
    return concatenate([_s.atleast_3d(t) for t in tensors], 2)


def column_stack(tensors: Sequence[Any]) -> Tensor:
    """Return vectors as the columns of a matrix, and matrices beside one another.

    Examples
    --------
    >>> pt.column_stack([[1, 2], [3, 4]]).eval().tolist()
    [[1, 3], [2, 4]]
    """
    parts = [as_tensor(t) for t in tensors]
    return concatenate([_s.expand_dims(_s.atleast_1d(t), 1) if t.ndim < 2 else t for t in parts], 1)


def append(x: Any, values: Any, axis: int | None = None) -> Tensor:
    """Return `values` after `x` along `axis` (both flattened, for ``None``).

    Examples
    --------
    >>> pt.append([1, 2], [3]).eval().tolist()
    [1, 2, 3]
    """
    return concatenate([x, values], axis)


def part_that_has(joined: Expr, rows: tuple[Size, Size, int]) -> tuple[Expr, tuple[Size, Size, int]] | None:
    """The part of a concatenation in which rows (start, length, step) lie, and these counted from its start."""
    start, length, step = rows
    if length == 0:
        return None
    last = start + (length - 1) * step
    first, last = (start, last) if step > 0 else (last, start)
    at: Size = 0
    for part in joined.inputs:
        end = at + part.type.shape[joined.op.axis]
        if at_least(first, at) and at_least(end, last + 1):
            return part, (start - at, length, step)
        at = end
    return None


# Splitting ------------------------------------------------------------------------------------


def array_split(x: Any, indices_or_sections: Any, axis: int = 0) -> list[Tensor]:
    """Return the parts of `x` along `axis`: that many, of nearly equal length, or cut at the places given.

    Raises
    ------
    ShapeError
        If there is no such axis, or no part.

    Examples
    --------
    >>> [x.eval().tolist() for x in pt.array_split([1, 2, 3], 2)]
    [[1, 2], [3]]
    """
    x = as_tensor(x)
    at = axis_of("split", axis, x.ndim)
    if isinstance(indices_or_sections, (int, np.integer)):
        count = int(indices_or_sections)
        n = x.type.shape[at]
        if count < 1:
            raise ShapeError(f"split: the number of parts must be positive, got {count}")
        length = _s.extent(x, at)
        longer: Any = length % count
        # The first parts are one longer each, as many as remain.
        cuts: list[Any] = [i * (length // count) + (min(i, longer) if isinstance(n, int) else _e.minimum(i, longer)) for i in range(1, count)]
    else:
        cuts = [c if isinstance(c, Tensor) else operator.index(c) for c in indices_or_sections]
    before = (slice(None),) * at
    return [x[(*before, slice(a, b))] for a, b in zip([0, *cuts], [*cuts, None])]


def split(x: Any, indices_or_sections: Any, axis: int = 0) -> list[Tensor]:
    """Return the parts of `x` along `axis`: that many of equal length, or cut at the places given.

    Raises
    ------
    ShapeError
        If it does not divide into equal parts.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> [part.type.shape for part in pt.split(pt.zeros(6), [1, 4])]
    [(1,), (3,), (2,)]
    """
    x = as_tensor(x)
    if isinstance(indices_or_sections, (int, np.integer)):
        at = axis_of("split", axis, x.ndim)
        n = x.type.shape[at]
        if not isinstance(n, int) and indices_or_sections > 0:
            count = int(indices_or_sections)
            each = extent(x, at) // count
            x = paired("split: an axis, and its parts", x, at, _s.zeros(each * count), 0)
            parts = _s.reshape(x, (*x.shape[:at], count, each, *x.shape[at + 1 :]))
            return [parts[(*[slice(None)] * at, i)] for i in range(count)]
        if isinstance(n, int) and (indices_or_sections < 1 or n % indices_or_sections):
            raise ShapeError(f"split: an axis of length {n} does not divide into {indices_or_sections} equal parts", "use array_split")
    return array_split(x, indices_or_sections, axis)


def hsplit(x: Any, indices_or_sections: Any) -> list[Tensor]:
    """Return the parts of `x` along its second axis (the first, for a vector).

    Examples
    --------
    >>> [x.eval().tolist() for x in pt.hsplit([1, 2, 3, 4], 2)]
    [[1, 2], [3, 4]]
    """
    x = as_tensor(x)
    return split(x, indices_or_sections, 1 if x.ndim > 1 else 0)


def vsplit(x: Any, indices_or_sections: Any) -> list[Tensor]:
    """Return the parts of `x`, of two axes or more, along its first axis.

    Examples
    --------
    >>> [x.eval().tolist() for x in pt.vsplit([[1, 2], [3, 4]], 2)]
    [[[1, 2]], [[3, 4]]]
    """
    x = as_tensor(x)
    if x.ndim < 2:
        raise ShapeError(f"vsplit takes two axes or more, not a tensor of shape {x.type.shape}", "use split")
    return split(x, indices_or_sections, 0)


def dsplit(x: Any, indices_or_sections: Any) -> list[Tensor]:
    """Return the parts of `x` along its third axis.

    Examples
    --------
    >>> [x.type.shape for x in pt.dsplit(np.zeros((1, 2, 4)), 2)]
    [(1, 2, 2), (1, 2, 2)]
    """
    return split(x, indices_or_sections, 2)


# Repeating ------------------------------------------------------------------------------------


def tile(x: Any, reps: Any) -> Tensor:
    """Return `x` laid side by side, `reps` times along each axis.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> pt.tile(pt.arange(2), (2, 2)).eval()
    array([[0, 1, 0, 1],
           [0, 1, 0, 1]])
    """
    x = as_tensor(x)
    times = _s.lengths(reps, "tile")
    if any(isinstance(n, int) and n < 0 for n in times):
        raise ShapeError(f"tile: the numbers of repeats cannot be negative, got {times}")
    rank = max(x.ndim, len(times))
    times = (1,) * (rank - len(times)) + times
    x = _s.expand_dims(x, tuple(range(rank - x.ndim)))
    if all(isinstance(n, int) and n == 1 for n in times):
        return x
    own = [_s.extent(x, a) for a in range(rank)]
    pairs = [n for t, n in zip(times, own) for n in (t, n)]
    wide = _s.broadcast_to(_s.expand_dims(x, tuple(range(0, 2 * rank, 2))), pairs)
    return _s.reshape(wide, [t * n for t, n in zip(times, own)])


def repeat(x: Any, repeats: Any, axis: int | None = None) -> Tensor:
    """Return `x` with each element along `axis` (flattened, for ``None``) repeated.

    Parameters
    ----------
    x
        Tensor.
    repeats
        How often; one number, or one for each element. Where these are not known when the
        expression is written, nor is the result's length.
    axis
        Along which.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> pt.repeat([1, 2], [1, 3]).eval()
    array([1, 2, 2, 2])
    """
    x = as_tensor(x)
    if axis is None:
        x, axis = _s.ravel(x), 0
    at = axis_of("repeat", axis, x.ndim)
    before = (slice(None),) * at
    times = as_tensor(repeats)
    if times.type.kind not in "iu" or times.ndim > 1:
        raise ShapeError(f"repeat: the numbers of repeats must be an integer, or a vector of them, not {times.type}")
    n = x.type.shape[at]
    if times.ndim and times.type.shape[0] != 1 and differ(times.type.shape[0], n):
        raise ShapeError(f"repeat: {times.type.shape[0]} numbers of repeats for an axis of length {n}")
    if isinstance(times.op, Constant):
        value = times.op.value
        if (value < 0).any():
            raise ShapeError("repeat: the numbers of repeats cannot be negative")
        if value.size == 1:
            count = int(value.reshape(-1)[0])
            own = [_s.extent(x, a) for a in range(x.ndim)]
            wide = _s.broadcast_to(_s.expand_dims(x, at + 1), [*own[: at + 1], count, *own[at + 1 :]])
            return _s.reshape(wide, [*own[:at], own[at] * count, *own[at + 1 :]])
        return x[(*before, np.repeat(np.arange(value.size), value))]
    length = _s.extent(x, at)
    return x[(*before, repeated_numbers(_s.broadcast_to(times, (length,))))]


def roll(x: Any, shift: Any, axis: Any = None) -> Tensor:
    """Return `x` with its elements moved on by `shift` along `axis`; those pushed out come in at the other end.

    Parameters
    ----------
    x
        Tensor.
    shift
        By how many places: an integer, or one for each axis. May be a scalar expression.
    axis
        One or several; the flattened tensor, for ``None``.

    Examples
    --------
    >>> pt.roll([1, 2, 3], 1).eval().tolist()
    [3, 1, 2]
    """
    x = as_tensor(x)
    if axis is None:
        return _s.reshape_like(roll(_s.ravel(x), shift, 0), x)
    axes = list(axis) if isinstance(axis, (tuple, list)) else [axis]
    shifts = list(shift) if isinstance(shift, (tuple, list)) else [shift]
    if len(shifts) not in (1, len(axes)) and len(axes) != 1:
        raise ShapeError(f"roll: {len(shifts)} shifts for {len(axes)} axes")
    pairs = [(axes[0], s) for s in shifts] if len(axes) == 1 else list(zip(axes, shifts * len(axes)))
    for a, s in pairs:
        x = _roll(x, s, axis_of("roll", a, x.ndim))
    return x


def _roll(x: Tensor, shift: Any, axis: int) -> Tensor:
    n = x.type.shape[axis]
    before = (slice(None),) * axis
    if isinstance(shift, Tensor) or not isinstance(n, int):
        length = as_tensor(_s.extent(x, axis))
        at = _s.arange(length) - _e.cast(as_tensor(shift), "int64")
        return x[(*before, _e.mod(at, _e.maximum(length, 1)))]
    if n == 0 or shift % n == 0:
        return x
    cut = -operator.index(shift) % n
    return concatenate([x[(*before, slice(cut, None))], x[(*before, slice(None, cut))]], axis)


# Padding --------------------------------------------------------------------------------------

MIRRORS = ("edge", "reflect", "symmetric", "wrap")
STATISTICS = ("maximum", "minimum", "mean", "median")


def pad(x: Any, pad_width: Any, mode: str = "constant", **options: Any) -> Tensor:
    """Return `x` with more elements at both ends of its axes.

    Parameters
    ----------
    x
        Tensor.
    pad_width
        How many: one number, one pair (before, after), or a pair for each axis.
    mode
        What they are, as in NumPy: "constant" (`constant_values`), "edge", "reflect", "symmetric"
        (both with `reflect_type`), "wrap", "linear_ramp" (`end_values`), "maximum", "minimum",
        "mean", "median" (of the whole axis), "empty".

    Raises
    ------
    ShapeError
        If the widths do not fit, or there is no such mode.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> pt.pad(pt.arange(3), (2, 1), "reflect").eval()
    array([2, 1, 0, 1, 2, 1])
    """
    x = as_tensor(x)
    widths = _pairs("pad_width", pad_width, x.ndim)
    if any(operator.index(w) < 0 for pair in widths for w in pair):
        raise ShapeError(f"pad: widths cannot be negative, got {pad_width}")
    known = {"constant": {"constant_values"}, "linear_ramp": {"end_values"}, "reflect": {"reflect_type"}, "symmetric": {"reflect_type"}}
    if mode not in ("constant", "empty", "linear_ramp", *MIRRORS, *STATISTICS):
        raise ShapeError(f"pad: there is no mode {mode!r}", "the modes are NumPy's, but a function")
    if not set(options) <= known.get(mode, set()):
        raise TypeError(f"pad: the mode {mode!r} does not take {', '.join(sorted(options))}")
    if mode in MIRRORS and options.get("reflect_type", "even") == "even":
        for axis, width in enumerate(widths):
            if any(width):
                x = _mirror(x, axis, width, mode)
        return x
    ends = _pairs(mode, options.get("constant_values", options.get("end_values", 0)), x.ndim)
    for axis, width in enumerate(widths):
        if any(width):
            x = _extend(x, axis, width, mode, ends[axis])
    return x


def _pairs(what: str, given: Any, ndim: int) -> list[tuple[Any, Any]]:
    if isinstance(given, dict):
        table: list[Any] = [(0, 0)] * ndim
        for axis, pair in given.items():
            table[axis_of("pad", axis, ndim)] = pair if isinstance(pair, (tuple, list)) else (pair, pair)
        return [tuple(pair) for pair in table]
    if isinstance(given, Tensor):
        return [(given, given)] * ndim
    if isinstance(given, (tuple, list)) and any(isinstance(g, Tensor) for g in given):
        return [tuple(given)] * ndim if len(given) == 2 else [(given[0],) * 2] * ndim
    try:
        return [tuple(pair) for pair in np.broadcast_to(np.asarray(given), (ndim, 2)).tolist()]
    except ValueError:
        raise ShapeError(f"pad: {what} {given} does not give a pair for each of {ndim} axes") from None


def _known(x: Tensor, axis: int, mode: str) -> int:
    n = x.type.shape[axis]
    if not isinstance(n, int):
        raise ShapeError(f"pad: the length of axis {axis} of {x.type} must be known for the mode {mode!r}", DECLARE_LENGTHS)
    return n


def _mirror(x: Tensor, axis: int, width: tuple[int, int], mode: str) -> Tensor:
    n = x.type.shape[axis]
    if n == 0:
        raise ShapeError(f"pad: the mode {mode!r} needs an element, and axis {axis} is empty", "use mode='constant'")
    before = (slice(None),) * axis
    if isinstance(n, int):
        # NumPy pads the row numbers; the elements follow.
        return x[(*before, np.pad(np.arange(n), width, mode=mode))]  # type: ignore[call-overload]
    length = _s.dim(x, axis)
    at = _s.arange(length + width[0] + width[1]) - width[0]
    # Elements repeat with a period: that of the axis, or there and back again.
    if mode == "edge":
        at = _e.clip(at, 0, length - 1)
    elif mode == "wrap":
        at = _e.mod(at, length)
    else:
        period = 2 * length if mode == "symmetric" else _e.maximum(2 * length - 2, 1)
        at = _e.mod(at, period)
        at = _e.where(at < length, at, (period - 1 if mode == "symmetric" else period) - at)
    return x[(*before, at)]


def _extend(x: Tensor, axis: int, width: tuple[int, int], mode: str, ends: tuple[Any, Any]) -> Tensor:
    before = (slice(None),) * axis
    parts = []
    for side, (count, end) in enumerate(zip(width, ends)):
        own = [_s.extent(x, a) for a in range(x.ndim)]
        shape = [*own[:axis], count, *own[axis + 1 :]]
        if mode in ("constant", "empty"):
            made = _s.broadcast_to(_e.cast(as_tensor(end), x.dtype), shape)
        elif mode == "linear_ramp":
            steps = np.arange(count) / count if side == 0 else np.arange(count - 1, -1, -1) / count
            along = _s.reshape(as_tensor(steps), (-1, *[1] * (x.ndim - 1 - axis)))
            edge = _s.expand_dims(x[(*before, 0 if side == 0 else -1)], axis)
            ramp = end + (edge - end) * along
            made = _e.cast(_e.floor(ramp) if x.type.kind != "f" else ramp, x.dtype)
        elif mode in STATISTICS:
            statistics: dict[str, Callable[..., Tensor]] = {"maximum": x.max, "minimum": x.min, "mean": x.mean, "median": functools.partial(median, x)}
            value = statistics[mode](axis=axis, keepdims=True)
            value = _e.rint(value) if x.type.kind != "f" and value.type.kind == "f" else value
            made = _s.broadcast_to(_e.cast(value, x.dtype), shape)
        else:  # An odd reflection continues the slope: twice the edge less the mirror image.
            n = _known(x, axis, mode)
            made = _odd_reflection(x, axis, count, side, mode, n)
        parts.append(made)
    return concatenate([p for p in (parts[0], x, parts[1]) if p.type.shape[axis] != 0], axis)


def _odd_reflection(x: Tensor, axis: int, count: int, side: int, mode: str, n: int) -> Tensor:
    if count > n - (mode == "reflect"):
        raise ShapeError(f"pad: an odd reflection of {count} elements needs a longer axis than {n}")
    first = 1 if mode == "reflect" else 0
    before = (slice(None),) * axis
    if side == 0:
        rows = np.arange(first, first + count)[::-1]
        return 2 * x[(*before, slice(0, 1))] - x[(*before, rows)]
    rows = np.arange(n - first - count, n - first)[::-1]
    return 2 * x[(*before, slice(-1, None))] - x[(*before, rows)]
