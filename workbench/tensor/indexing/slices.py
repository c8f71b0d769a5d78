"""Parts with bounds that are numbers: `Slice`, and `SetSlice`, its update.

Bounds are kept as Python writes them, of which an axis of open length makes a start and a length. Those of a part that
is known by these are found again by :func:`part_of`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

import numpy as np

from workbench.errors import IndexBoundsError
from workbench.graph.expr import Expr, Op, intern
from workbench.graph.frozen import frozen
from workbench.graph.lengths import Minimum, Size
from workbench.graph.types import Shape, TensorType
from workbench.tensor import shape as _s
from workbench.tensor.indexing.layout import resolve_int, resolve_slice
from workbench.tensor.indexing.rows import check_value
from workbench.tensor.tensor import Tensor

Bound = tuple[int | None, int | None, int]
"""Start, stop and step, as Python counts them; or an index, ``None`` and 0, for one element that must be there."""
Bounds = tuple[Bound, ...]
Spec = tuple[tuple[Size, Size, int], ...]
"""Start, length and step of every axis."""


def slices(bounds: Bounds) -> tuple[slice, ...]:
    """Return Python's slices for bounds."""
    return tuple(slice(start, start + 1 or None) if step == 0 and start is not None else slice(start, stop, step) for start, stop, step in bounds)


def resolved(bounds: Bounds, shape: Shape) -> Spec:
    """Return where parts of a shape begin, their lengths and steps.

    Raises
    ------
    IndexBoundsError
        If an element that must be there surely is not.
    """
    found = []
    for axis, ((start, stop, step), n) in enumerate(zip(bounds, shape)):
        one = (resolve_int(start, TensorType("bool", shape), axis), 1, 1) if step == 0 and start is not None else resolve_slice((start, stop, step), n)
        assert one is not None  # The signs of numbers are known.
        found.append(one)
    return tuple(found)


def fixed(bounds: Bounds, shape: Shape) -> Bounds:
    """Return bounds in one form: counted from the start of axes of known length, and short elsewhere."""
    return tuple(
        _of_known(*one) if isinstance(n, int) else (None, stop, step) if start == 0 and step > 0 else (start, stop, step)  # type: ignore[arg-type]
        for (start, stop, step), n, one in zip(bounds, shape, resolved(bounds, shape))
    )


def _of_known(start: int, length: int, step: int) -> Bound:
    stop = start + step * length
    return start, None if step < 0 and stop < 0 else stop, step


def bounds_of(spec: Spec, shape: Shape) -> Bounds | None:
    """Return the bounds of parts of a shape, if they can be written."""
    found = []
    for one, n in zip(spec, shape):
        start, length, step = one
        if isinstance(n, int):
            if not isinstance(start, int) or not isinstance(length, int):
                return None
            found.append(_of_known(start, length, step))
            continue
        wanted = (*_numbers_in(start, n), None), (None, *_numbers_in(start + length * step, n))
        made = (bound for a, b in product(*wanted) for bound in [(a, b, step)] if resolve_slice(bound, n) == one)
        rows = ((i, None, 0) for i in wanted[0] if length == 1 and i is not None and (i if i >= 0 else n + i) == start)
        bound = next(made, None) or next(rows, None)
        if bound is None:
            return None
        found.append(bound)
    return tuple(found)


def _numbers_in(size: Size, n: Size) -> Iterator[int]:
    """Numbers that Python's bounds of an axis of length `n` may have, where they come to `size`."""
    for counted in (size, size - n):
        if isinstance(counted, int):
            yield counted
            continue
        for monomial, _ in counted.terms:
            for atom in monomial:
                if isinstance(atom, Minimum):
                    yield from (k * sign for k in atom.of if isinstance(k, int) for sign in (1, -1))


def everything(shape: Shape) -> Spec:
    """Return the part that is all of a shape."""
    return tuple((0, n, 1) for n in shape)


def part_of(x: Any, spec: Spec) -> Any:
    """Return a part of a tensor; ``None`` if no bounds say it."""
    if spec == everything(x.type.shape):
        return x
    bounds = bounds_of(spec, x.type.shape)
    return None if bounds is None else intern(Slice(bounds), (x,))


@frozen
class Slice(Op):
    """Every `step`-th element from `start`, on every axis."""

    bounds: Bounds
    name = "slice"

    def spec(self, node: Expr) -> Spec:
        """Start, length and step of every axis."""
        return resolved(self.bounds, node.inputs[0].type.shape)

    def infer(self, x: TensorType) -> TensorType:
        return x.with_shape(tuple(length for _, length, _ in resolved(self.bounds, x.shape)))

    def numpy(self, x: Any) -> Any:
        return x[_within(self.bounds, np.shape(x))]

    def jax(self, x: Any) -> Any:
        return x[_within(self.bounds, x.shape)]

    def grad(self, node: Expr, cotangent: Tensor) -> Sequence[Expr | None]:
        return [intern(SetSlice(self.bounds), (_s.zeros_like(node.inputs[0]), _s.whole(cotangent, node)))]

    def written(self, *operands: str) -> str:
        return f"{operands[0]}[{bounds_text(self.bounds)}]"

    def read(self, node: Expr, *operands: str) -> str:
        """Slices of one element are shown as that, ``x[0]``; bounds that are those of the axis are not."""
        shown = [_slice_read(*b, n) for b, n in zip(self.bounds, node.inputs[0].type.shape)]
        while len(shown) > 1 and shown[-1] == ":":
            shown.pop()
        return f"{operands[0]}[{', '.join(shown)}]"

    def element(self, builder: Any, node: Expr, index: Sequence[Any]) -> Any:
        return builder.element(node.inputs[0], builder.slice_index(index, self.spec(node)))


def _slice_read(start: Any, stop: Any, step: Any, n: Any) -> str:
    if step in (None, 1) and stop == (start or 0) + 1:
        return str(start or 0)
    backwards = isinstance(step, int) and step < 0
    first, last = (n - 1 if isinstance(n, int) else None, None) if backwards else (0, n)
    return bounds_text(((None if start == first else start, None if stop == last else stop, step),))


def bounds_text(bounds: Bounds) -> str:
    """Return bounds as Python writes them."""
    return ", ".join(
        f"{'' if s.start is None else s.start}:{'' if s.stop is None else s.stop}" + (f":{s.step}" if s.step not in (1, None) else "") for s in slices(bounds)
    )


def _within(bounds: Bounds, shape: tuple[int, ...]) -> tuple[slice, ...]:
    """Python's slices, of which those of one element have it."""
    for (i, _, step), n in zip(bounds, shape):
        if step == 0 and i is not None and not -n <= i < n:
            raise IndexBoundsError(f"index {i} is out of bounds for an axis of length {n}")
    return slices(bounds)


@frozen
class SetSlice(Op):
    """A tensor with a slice of it replaced."""

    bounds: Bounds
    name = "set_slice"

    def spec(self, node: Expr) -> Spec:
        """Start, length and step of every axis."""
        return resolved(self.bounds, node.inputs[0].type.shape)

    def infer(self, x: TensorType, value: TensorType) -> TensorType:
        check_value("x[key].set(value)", x, tuple(length for _, length, _ in resolved(self.bounds, x.shape)), value)
        return x

    def numpy(self, x: Any, value: Any) -> Any:
        result = np.array(x)
        result[_within(self.bounds, np.shape(x))] = value
        return result

    def jax(self, x: Any, value: Any) -> Any:
        return x.at[_within(self.bounds, x.shape)].set(value)

    def grad(self, node: Expr, cotangent: Tensor) -> Sequence[Expr | None]:
        g = _s.whole(cotangent, node)
        kept = intern(SetSlice(self.bounds), (g, _s.zeros_like(node.inputs[1])))
        return [kept, intern(Slice(self.bounds), (g,))]

    def accumulate(self, builder: Any, node: Expr) -> None:
        x, value = node.inputs

        def body(index: Sequence[Any]) -> tuple[Sequence[Any], Any]:
            return builder.slice_index(index, self.spec(node)), builder.element(value, index)

        builder.accumulate(node, value.type.shape, body, None, start=x)
