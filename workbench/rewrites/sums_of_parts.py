"""Arrays that are set in one part and zero elsewhere: their sum is the parts side by side."""

from __future__ import annotations

import workbench.tensor as pt
from workbench.graph.expr import Expr, intern
from workbench.graph.pattern import uniform_value
from workbench.graph.rewrite import rule
from workbench.tensor import elementwise as e
from workbench.tensor.indexing.slices import SetSlice
from workbench.tensor.shape import BroadcastTo, Reshape, extents
from workbench.tensor.shape.joining import Concatenate
from workbench.tensor.tensor import Tensor

GROUP = "specialise"

Part = tuple[int, int, Expr]
"""From where to where along the axis, and what is there."""


def _set(start: int, stop: int, name: str) -> Tensor:
    return pt.zeros(6)[start:stop].set(pt.vector(name, stop - start))


@rule(GROUP, ops=(e.add,), over=(SetSlice,), examples=lambda: [_set(0, 2, "u") + _set(3, 6, "v"), pt.concatenate([pt.vector("u", 1), pt.zeros(3), pt.vector("v", 2)]) + _set(1, 3, "w"), pt.zeros((3, 4))[:, 1:3].set(pt.matrix("m", 3, 2)) + pt.zeros((3, 4))[:, 3:].set(pt.matrix("n", 3, 1))])  # fmt: skip
def sum_of_parts(expr: Expr) -> Expr | None:
    """Arrays that are zero but for a part each, as gradients of slices are, add up to the parts side by side."""
    found = [_parts(x) for x in expr.inputs]
    if found[0] is None or found[1] is None or found[0][0] != found[1][0] or any(x.type != expr.type for x in expr.inputs):
        return None
    axis = found[0][0]
    parts = sorted((*found[0][1], *found[1][1]), key=lambda part: part[:2])
    if any(stop > start for (_, stop, _), (start, _, _) in zip(parts, parts[1:])):
        return None
    shape, lengths = expr.type.shape, extents(expr)
    joined: list[Expr] = []
    at = 0
    for start, stop, value in (*parts, (shape[axis], shape[axis], None)):
        if start > at:
            joined.append(pt.zeros((*lengths[:axis], start - at, *lengths[axis + 1 :]), dtype=expr.type.dtype))
        if value is not None:
            joined.append(value)
        at = stop
    return joined[0] if len(joined) == 1 else intern(Concatenate(axis), tuple(joined))


def _parts(x: Expr) -> tuple[int, list[Part]] | None:
    """The axis along which an array is zero but for some parts, and these."""
    if isinstance(x.op, SetSlice):
        base, value = x.inputs
        spec = x.op.spec(x)
        cut = [a for a, (_, length, _) in enumerate(spec) if length != x.type.shape[a]]
        if len(cut) != 1 or not is_zero(base) or any(step != 1 for _, _, step in spec):
            return None
        start, length, _ = spec[cut[0]]
        if not isinstance(start, int) or not isinstance(length, int):
            return None
        return cut[0], [(start, start + length, value)] if length else []
    if not isinstance(x.op, Concatenate) or not any(map(is_zero, x.inputs)):
        return None
    parts, at = [], 0
    for part in x.inputs:
        n = part.type.shape[x.op.axis]
        if not isinstance(n, int):
            return None
        if not is_zero(part):
            parts.append((at, at + n, part))
        at += n
    return x.op.axis, parts


def is_zero(x: Expr) -> bool:
    """Whether all elements are a constant zero."""
    while isinstance(x.op, (BroadcastTo, Reshape)):
        x = x.inputs[0]
    return bool(uniform_value(x) == 0)
