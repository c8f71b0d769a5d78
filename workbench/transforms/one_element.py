"""What of a sum depends on one element of an array, indexed before it is computed.

Elements of an expression may depend on those of an array in the same place, or some steps away: ``z[1:] * z[:-1]``. Of a sum of
them only few terms depend on one element. Such a sum is written anew as that of these terms, for which the expressions below are
computed at their places alone: so it costs the same however long the array is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import workbench.tensor as pt
from workbench.distributions.constraints import CheckParameters
from workbench.graph.expr import Expr, intern
from workbench.graph.frozen import changed
from workbench.graph.traverse import topological
from workbench.tensor.elementwise import Elementwise
from workbench.tensor.indexing.advanced import Index
from workbench.tensor.indexing.rows import Take
from workbench.tensor.indexing.slices import Slice
from workbench.tensor.linalg.products import MatMul
from workbench.tensor.markers import Annotation, Named
from workbench.tensor.reduction.reductions import Reduce
from workbench.tensor.shape.broadcasting import BroadcastTo
from workbench.tensor.shape.reshaping import Reshape
from workbench.tensor.shape.transposing import Transpose

LINEAR = ("add", "subtract", "negative", "cast")
MOST_PLACES = 32
"""Terms of a sum that depend on one element are few, or all are computed."""

Offset = tuple[int, ...]
Places = Mapping[int, Any]
"""Axes of an expression, and indices along them (m,): the places where it is wanted."""


class Near(NamedTuple):
    """How elements of an expression depend on those of the array."""

    axes: tuple[int, ...]
    """The axes along which it runs as the array does along its own."""
    offsets: frozenset[Offset]
    """Which elements of the array an element depends on, from its own place."""


APART = Near((), frozenset())
"""How what does not depend on the array does."""


class OneElement:
    """An array, one of whose elements takes another value.

    Parameters
    ----------
    array
        The array, of at least one axis; its lengths are known.
    place
        Index of the element along each axis.
    value
        Its value.
    """

    def __init__(self, array: Any, place: Sequence[Any], value: Any) -> None:
        self.array, self.place, self.value = array, tuple(place), value
        self._near: dict[Expr, Near | None] = {}

    def sum(self, x: Any) -> Any:
        """Return what of the sum of all elements of `x` depends on the element, but for a constant; ``None`` if all may."""
        how = self.near(x)
        if how == APART:
            return pt.constant(0.0)
        if how is not None:
            return self._few(x, how)
        op = x.op
        if isinstance(op, Reduce) and op.kind == "sum" and len(op.axes) == x.inputs[0].type.ndim:
            return self.sum(x.inputs[0])
        if x.type.ndim:
            return None
        if isinstance(op, (Annotation, Named)):
            return self.sum(x.inputs[0])
        if not isinstance(op, Elementwise):
            return None
        if op.name in LINEAR:
            parts = [self.sum(y) for y in x.inputs]
            return None if any(p is None for p in parts) else intern(op, tuple(parts)) if op.name != "cast" else pt.cast(parts[0], x.dtype)
        if op.name == "multiply":
            one, other = x.inputs
            if APART in (self.near(one), self.near(other)):
                fixed, moving = (one, other) if self.near(one) == APART else (other, one)
                part = self.sum(moving)
                return None if part is None else fixed * part
        return None

    def _few(self, x: Any, how: Near) -> Any:
        """The sum of the terms that depend on the element."""
        if len(how.offsets) > MOST_PLACES:
            return None
        offsets = sorted(how.offsets)
        at = [p - pt.constant([o[k] for o in offsets]) for k, p in enumerate(self.place)]
        sizes = [x.type.shape[a] for a in how.axes]
        if offsets == [(0,) * len(at)]:
            return pt.sum(self.at(x, dict(zip(how.axes, at))))
        there: Any = None
        for index, n in zip(at, sizes):
            inside = pt.logical_and(index >= 0, index < n)
            there = inside if there is None else pt.logical_and(there, inside)
        found = self.at(x, {a: pt.clip(index, 0, n - 1) for a, index, n in zip(how.axes, at, sizes)})
        return pt.sum(pt.where(pt.reshape(there, (len(offsets), *(1,) * (found.ndim - 1))), found, pt.constant(0, found.dtype)))

    # How it depends ------------------------------------------------------------------------------

    def near(self, x: Expr) -> Near | None:
        """Return how an expression depends on the array; ``None`` if an element may on all of them."""
        for node in topological([x]) if x not in self._near else ():
            if node not in self._near:
                self._near[node] = self._how(node)
        return self._near[x]

    def _how(self, node: Any) -> Near | None:
        if node is self.array:
            return Near(tuple(range(node.type.ndim)), frozenset([(0,) * node.type.ndim]))
        below = [self._near[x] for x in node.inputs]
        if all(how == APART for how in below):
            return APART
        rule = _rule(node.op)
        return None if rule is None or None in below else rule.how(self, node)

    # Values at places ----------------------------------------------------------------------------

    def at(self, x: Any, places: Places) -> Any:
        """Return `x` at places: of shape (m, ...), without the axes of the places; without the first axis where none is given."""
        if not places:
            return x
        if x is self.array:
            index = [places[k] for k in range(x.type.ndim)]
            here: Any = None
            for p, i in zip(self.place, index):
                same = pt.equal(p, i)
                here = same if here is None else pt.logical_and(here, same)
            return pt.where(here, self.value, x[tuple(index)])
        rule = _rule(x.op)
        found = rule.at(self, x, places) if rule is not None else None
        return _taken(x, places) if found is None else found

    def broadcast(self, x: Any, node: Any, places: Places) -> Any:
        """An operand of an operation over elements, at the places of its result."""
        lead = node.type.ndim - x.type.ndim
        own = {a - lead: index for a, index in places.items() if a >= lead}
        flat = [a for a in own if x.type.shape[a] == 1 and node.type.shape[a + lead] != 1]
        if flat:
            x = pt.squeeze(x, tuple(flat))
            own = {a - sum(b < a for b in flat): index for a, index in own.items() if a not in flat}
        found = self.at(x, own)
        missing = (node.type.ndim - len(places)) - (found.ndim - bool(own))
        return pt.reshape(found, (found.shape[0], *(1,) * missing, *found.shape[1:])) if own and missing else found


class Rule(NamedTuple):
    """How the elements of an operation's result depend on those of its operands, and the result at places."""

    how: Callable[[OneElement, Any], Near | None]
    at: Callable[[OneElement, Any, Places], Any]


def _rule(op: Any) -> Rule | None:
    return next((RULES[kind] for kind in type(op).__mro__ if kind in RULES), None)


def _taken(x: Any, places: Places) -> Any:
    """Any expression at places, computed as a whole."""
    first = (*places, *(a for a in range(x.type.ndim) if a not in places))
    return pt.transpose(x, first)[tuple(places.values())]


def _same_places(e: OneElement, node: Any, operands: Sequence[Any]) -> Near | None:
    """Of operations over elements: all operands run as the array does, along the same axes."""
    axes: Any = None
    offsets: frozenset[Offset] = frozenset()
    for x in operands:
        how = e.near(x)
        if how == APART:
            continue
        if how is None:
            return None
        lead = node.type.ndim - x.type.ndim
        mine = tuple(a + lead for a in how.axes)
        stretched = any(x.type.shape[a] != node.type.shape[a + lead] for a in how.axes)
        if stretched or (axes is not None and mine != axes):
            return None
        axes, offsets = mine, offsets | how.offsets
    return Near(axes, offsets)


def _elementwise_at(e: OneElement, node: Any, places: Places) -> Any:
    return intern(node.op, tuple(e.broadcast(x, node, places) for x in node.inputs))


def _checked_how(e: OneElement, node: Any) -> Near | None:
    return _same_places(e, node, node.inputs[:2])


def _checked_at(e: OneElement, node: Any, places: Places) -> Any:
    logp, condition = (e.broadcast(x, node, places) for x in node.inputs[:2])
    return pt.where(condition, logp, -float("inf"))


def _first_how(e: OneElement, node: Any) -> Near | None:
    return e.near(node.inputs[0])


def _broadcast_how(e: OneElement, node: Any) -> Near | None:
    return _same_places(e, node, node.inputs[:1])


def _broadcast_at(e: OneElement, node: Any, places: Places) -> Any:
    rest = [n for a, n in enumerate(node.type.shape) if a not in places]
    found = e.broadcast(node.inputs[0], node, places)
    m = next(iter(places.values())).shape[0]
    return pt.broadcast_to(found, (m, *rest))


def _take_how(e: OneElement, node: Any) -> Near | None:
    return e.near(node.inputs[1]) if e.near(node.inputs[0]) == APART else None


def _take_at(e: OneElement, node: Any, places: Places) -> Any:
    x, index = node.inputs
    rank = index.type.ndim
    if any(a >= rank for a in places):
        return None
    found = e.at(index, places)
    return x[found]


def _of_arrays(node: Any) -> bool:
    """Whether a table is indexed along all axes by arrays."""
    return all(kind == "array" for kind, _ in node.op.key) and node.type.ndim == max(x.type.ndim for x in node.inputs[1:])


def _index_how(e: OneElement, node: Any) -> Near | None:
    return _same_places(e, node, node.inputs[1:]) if _of_arrays(node) and e.near(node.inputs[0]) == APART else None


def _index_at(e: OneElement, node: Any, places: Places) -> Any:
    if not _of_arrays(node):
        return None
    return node.inputs[0][tuple(e.broadcast(x, node, places) for x in node.inputs[1:])]


def _kept_axes(node: Any) -> dict[int, int] | None:
    """Axes of what is reshaped, by those of the result, where only axes of length 1 come or go."""
    before, after = node.inputs[0].type.shape, node.type.shape
    old, new = ([a for a, n in enumerate(s) if n != 1] for s in (before, after))
    return dict(zip(new, old)) if [before[a] for a in old] == [after[a] for a in new] else None


def _reshape_how(e: OneElement, node: Any) -> Near | None:
    how, kept = e.near(node.inputs[0]), _kept_axes(node)
    back = {} if kept is None else {old: new for new, old in kept.items()}
    if how is None or any(a not in back for a in how.axes):
        return None
    return Near(tuple(back[a] for a in how.axes), how.offsets)


def _reshape_at(e: OneElement, node: Any, places: Places) -> Any:
    kept = _kept_axes(node)
    if kept is None or any(a not in kept for a in places):
        return None
    found = e.at(node.inputs[0], {kept[a]: index for a, index in places.items()})
    return pt.reshape(found, (found.shape[0], *(n for a, n in enumerate(node.type.shape) if a not in places)))


def _transpose_how(e: OneElement, node: Any) -> Near | None:
    how = e.near(node.inputs[0])
    return None if how is None else Near(tuple(node.op.axes.index(a) for a in how.axes), how.offsets)


def _transpose_at(e: OneElement, node: Any, places: Places) -> Any:
    found = e.at(node.inputs[0], {node.op.axes[a]: index for a, index in places.items()})
    rest = [node.op.axes[a] for a in range(node.type.ndim) if a not in places]
    order = sorted(rest)
    return pt.transpose(found, (0, *(1 + order.index(a) for a in rest)))


def _reduce_how(e: OneElement, node: Any) -> Near | None:
    how = e.near(node.inputs[0])
    if how is None or any(a in node.op.axes for a in how.axes):
        return None
    return Near(tuple(a - sum(b < a for b in node.op.axes) for a in how.axes), how.offsets)


def _reduce_at(e: OneElement, node: Any, places: Places) -> Any:
    x = node.inputs[0]
    kept = [a for a in range(x.type.ndim) if a not in node.op.axes]
    inner = {kept[a]: index for a, index in places.items()}
    left = [a for a in range(x.type.ndim) if a not in inner]
    return intern(changed(node.op, axes=tuple(1 + left.index(a) for a in node.op.axes)), (e.at(x, inner),))


def _slice_how(e: OneElement, node: Any) -> Near | None:
    how, spec = e.near(node.inputs[0]), node.op.spec(node)
    if how is None or any(spec[a][2] != 1 or not isinstance(spec[a][0], int) for a in how.axes):
        return None
    return Near(how.axes, frozenset(tuple(o + spec[a][0] for a, o in zip(how.axes, offset)) for offset in how.offsets))


def _slice_at(e: OneElement, node: Any, places: Places) -> Any:
    spec = node.op.spec(node)
    if any(not isinstance(n, int) for part in spec for n in part):
        return None
    x = node.inputs[0]
    found = e.at(x, {a: spec[a][0] + spec[a][2] * index for a, index in places.items()})
    for axis, a in enumerate((a for a in range(node.type.ndim) if a not in places), 1):
        start, length, step = spec[a]
        if (start, length, step) != (0, x.type.shape[a], 1):
            found = pt.take(found, start + step * pt.arange(length), axis=axis)
    return found


def _rows_how(e: OneElement, node: Any) -> Near | None:
    return None


def _rows_at(e: OneElement, node: Any, places: Places) -> Any:
    """Rows of a product of a matrix."""
    x, y = node.inputs
    if x.type.ndim != 2 or y.type.ndim > 2 or list(places) != [0]:
        return None
    return e.at(x, places) @ y


RULES: dict[type, Rule] = {
    Elementwise: Rule(lambda e, node: _same_places(e, node, node.inputs), _elementwise_at),
    CheckParameters: Rule(_checked_how, _checked_at),
    Annotation: Rule(_first_how, lambda e, node, places: e.at(node.inputs[0], places)),
    Named: Rule(_first_how, lambda e, node, places: e.at(node.inputs[0], places)),
    BroadcastTo: Rule(_broadcast_how, _broadcast_at),
    Take: Rule(_take_how, _take_at),
    Index: Rule(_index_how, _index_at),
    Reshape: Rule(_reshape_how, _reshape_at),
    Transpose: Rule(_transpose_how, _transpose_at),
    Reduce: Rule(_reduce_how, _reduce_at),
    Slice: Rule(_slice_how, _slice_at),
    MatMul: Rule(_rows_how, _rows_at),
}
"""By kind of operation; the elements of any other may depend on all of its operands', and it is computed as a whole."""
