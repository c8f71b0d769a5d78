"""Expressions of one form side by side, as one expression with an axis more: lanes of a loop.

Two expressions have one *form* if they differ only in their leaves: in numbers, or in what they pick from tensors. The form of an
expression is a small number, found once, so that thousands of terms are sorted into groups in time proportional to their size.
:meth:`Lanes.joined` writes a group as one expression: where all have the same node, that; where they have numbers, a vector of
them; where they pick from one tensor, one `Take` or slice; where they have operations, the operation on these.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

import workbench.tensor as pt
from workbench.graph.expr import Constant, Expr, constant_op, give_name, intern
from workbench.graph.frozen import changed
from workbench.graph.lengths import at_least
from workbench.graph.provenance import derived
from workbench.graph.types import TensorType
from workbench.tensor.indexing.rows import Take
from workbench.tensor.indexing.slices import Slice, part_of
from workbench.tensor.reduction.reductions import Extremes, Reduce
from workbench.tensor.shape import BroadcastTo, Reshape

NUMBER, PART = "number", "part"
"""What a node is whose inputs are not looked at: a constant, or anything else that has a value."""


class TooLarge(Exception):
    """Lanes share little of what they are made of: joined they would be larger than apart."""


class Lanes:
    """Forms of expressions, and expressions of one form joined.

    Parameters
    ----------
    held
        Expressions that stay as they are: what derivatives are asked for, or taken as constants.
    """

    def __init__(self, held: Iterable[Expr] = ()) -> None:
        self.held = set(held)
        self.forms: dict[Any, int] = {}
        self.form: dict[Expr, int] = {}
        self.picks: dict[Expr, tuple[Expr, np.ndarray[Any, Any]] | None] = {}

    # Forms --------------------------------------------------------------------------------------

    def kind(self, x: Expr) -> str | None:
        """What kind of leaf a node is; ``None`` for one whose inputs count."""
        if x in self.held:
            return PART
        op = x.op
        if isinstance(op, Constant):
            return NUMBER
        if op.batches and all(y.type.ndim <= x.type.ndim for y in x.inputs):
            return None
        shaped = isinstance(op, (Reshape, BroadcastTo)) and len(x.inputs) == 1 and None not in op.shape
        if (shaped or isinstance(op, (Reduce, Extremes))) and self.pick(x) is None:
            return None
        return PART

    def of(self, x: Expr) -> int:
        """The form of an expression."""
        stack = [x]
        while stack:
            node = stack[-1]
            if node in self.form:
                stack.pop()
                continue
            kind = self.kind(node)
            waiting = [y for y in node.inputs if y not in self.form] if kind is None else []
            if waiting:
                stack += waiting
                continue
            stack.pop()
            key: Any
            if kind is None:
                key = (node.op, node.type, *(self.form[y] for y in node.inputs))
            elif kind is NUMBER:
                key = (NUMBER, node.type, _special(node))
            else:
                key = (PART, node.type) if isinstance(node.type, TensorType) else node
            self.form[node] = self.forms.setdefault(key, len(self.forms))
        return self.form[x]

    def is_leaf(self, x: Expr) -> bool:
        """Whether there is nothing to compute in a lane: a number, or a part of something else that is not picked."""
        kind = self.kind(x)
        return kind is NUMBER or (kind is PART and self.pick(x) is None)

    # What is picked -----------------------------------------------------------------------------

    def pick(self, x: Expr) -> tuple[Expr, np.ndarray[Any, Any]] | None:
        """The tensor of which `x` is a part, and which of its elements, row by row, the elements of `x` are."""
        if x not in self.picks:
            self.picks[x] = self._pick(x)
        return self.picks[x]

    def _pick(self, x: Expr) -> tuple[Expr, np.ndarray[Any, Any]] | None:
        node = x
        while isinstance(node.op, Reshape) and node not in self.held:
            node = node.inputs[0]
        shape = x.type.shape if isinstance(x.type, TensorType) else (None,)
        if node in self.held or not all(isinstance(n, int) for n in shape):
            return None
        if isinstance(node.op, Slice):
            source, spec = node.inputs[0], node.op.spec(node)
            at = np.zeros((), np.int64)
            for axis, ((start, length, step), n) in enumerate(zip(spec, source.type.shape)):
                if not (isinstance(start, int) and isinstance(length, int)) or (axis and not isinstance(n, int)):
                    return None
                at = at[..., None] * (n if axis else 0) + (start + step * np.arange(length))
            return source, np.reshape(at, shape)  # type: ignore[arg-type]
        if isinstance(node.op, Take) and isinstance(node.inputs[1].op, Constant) and node.inputs[0].type.ndim == 1:
            return node.inputs[0], np.reshape(node.inputs[1].op.value, shape)  # type: ignore[arg-type]
        return None

    # Joining ------------------------------------------------------------------------------------

    def joined(self, lanes: Sequence[Expr], rule: str) -> Expr:
        """Return expressions of one form as one, with an axis in front along which they stand; `rule` is what asks for it.

        Raises
        ------
        TooLarge
            If it would be larger than they are.
        """
        return self._along(self._join(tuple(lanes), rule), len(lanes))

    def _join(self, lanes: tuple[Expr, ...], rule: str) -> tuple[Expr, bool]:
        """The lanes as one expression, and whether it has the axis: what is the same in all has not."""
        made: dict[tuple[int, ...], tuple[Expr, bool]] = {}  # By identities: `==` on expressions makes expressions.
        seen: set[Expr] = set()
        stack = [lanes]
        while stack:
            group = stack[-1]
            key = tuple(map(id, group))
            first = group[0]
            kind = self.kind(first)
            if key in made:
                stack.pop()
                continue
            if key.count(key[0]) == len(key):
                made[key] = first, False
            elif kind is None:
                below = [tuple(x.inputs[i] for x in group) for i in range(len(first.inputs))]
                keys = [tuple(map(id, g)) for g in below]
                waiting = [g for g, k in zip(below, keys) if k not in made]
                if waiting:
                    stack += waiting
                    continue
                seen.update(group)
                if len(made) > 64 + len(seen):
                    raise TooLarge
                with for_all(group, rule):
                    made[key] = self._apply(group, [made[k] for k in keys]), True
            elif kind is NUMBER:
                made[key] = intern(constant_op(np.stack([x.op.value for x in group]))), True
            else:
                with for_all(group, rule):
                    made[key] = self._gathered(group), True
            if made[key][1] and kind is not NUMBER:
                give_name(made[key][0], _names(group))
            stack.pop()
        return made[tuple(map(id, lanes))]

    def _along(self, value: tuple[Expr, bool], count: int) -> Expr:
        """An expression with the axis: repeated along it, where it has none."""
        x, varies = value
        return x if varies else pt.broadcast_to(x, (count, *pt.shape.extents(x)))  # type: ignore[arg-type]

    def _apply(self, group: tuple[Expr, ...], inputs: list[tuple[Expr, bool]]) -> Expr:
        first = group[0]
        op = first.op
        if op.batches:
            rank = first.type.ndim
            if not (op.broadcasts or inputs[0][1]):  # The others only say something of the first.
                inputs = [(self._along(inputs[0], len(group)), True), *inputs[1:]]
            made: Expr = intern(op, tuple(_raised(x, rank) if varies else x for x, varies in inputs))
            return made
        ((x, varies),) = inputs
        assert varies, "of one input that is the same for all, so is the result"
        if isinstance(op, (Reduce, Extremes)):
            return intern(changed(op, axes=tuple(a + 1 for a in op.axes)), (x,))  # type: ignore[no-any-return]
        shape = (len(group), *op.shape)
        return pt.reshape(x, shape) if isinstance(op, Reshape) else pt.broadcast_to(_raised(x, first.type.ndim), shape)

    def _gathered(self, group: tuple[Expr, ...]) -> Expr:
        """Parts of other tensors along the axis: those of each tensor together, then all in their order."""
        sources: dict[Any, list[int]] = {}
        for k, x in enumerate(group):
            pick = self.pick(x)
            sources.setdefault(None if pick is None else pick[0], []).append(k)
        parts: list[Expr] = []
        order: list[int] = []
        for source, numbers in sources.items():
            if source is None:
                parts.append(pt.stack([group[k] for k in numbers]))
            else:
                at = np.stack([self.picks[group[k]][1] for k in numbers])  # type: ignore[index]
                parts.append(taken(source, at))
            order += numbers
        whole = parts[0] if len(parts) == 1 else pt.concatenate(parts)
        return whole if order == sorted(order) else taken_rows(whole, np.argsort(order))


def taken(source: Expr, at: np.ndarray[Any, Any]) -> Expr:
    """Return elements of a tensor by their numbers, row by row: as a slice, where they follow one another."""
    flat: Any = source if source.type.ndim == 1 else pt.reshape(source, (-1,))
    rows = at.reshape(-1)
    found = _slice_of(flat, rows)
    if found is not None:
        return found if at.ndim == 1 else pt.reshape(found, at.shape)
    return pt.take(flat, pt.constant(at), axis=0)


def taken_rows(x: Expr, order: np.ndarray[Any, Any]) -> Expr:
    """Return rows of a tensor in another order."""
    return intern(Take(), (x, pt.constant(order)))  # type: ignore[no-any-return]


def _slice_of(x: Expr, rows: np.ndarray[Any, Any]) -> Expr | None:
    """Rows that follow one another as a slice; ``None`` for others."""
    step = int(rows[1] - rows[0]) if rows.size > 1 else 1
    if step < 1 or rows[0] < 0 or not np.array_equal(rows, rows[0] + step * np.arange(rows.size)):
        return None
    if not at_least(x.type.shape[0], int(rows[-1]) + 1):
        return None
    found: Expr | None = part_of(x, ((int(rows[0]), int(rows.size), step),))
    return found


def for_all(group: Sequence[Expr], rule: str) -> AbstractContextManager[None]:
    """Nodes made inside are derived by a rule from all of a group: on the line of the first, for what all are for."""
    found = {x.provenance.purpose: None for x in group if x.provenance is not None}
    kinds = {p.kind if p is not None else "" for p in found}
    names = tuple(dict.fromkeys(name for p in found if p is not None for name in p.names)) if len(kinds) == 1 else ()
    return derived(group[0].provenance, rule, kinds.pop() if names else "", names)


def _raised(x: Expr, rank: int) -> Expr:
    """A value of lanes with axes of length 1 behind that of the lanes, so that it broadcasts as each of them does."""
    missing = rank - (x.type.ndim - 1)
    return pt.expand_dims(x, tuple(range(1, 1 + missing))) if missing else x


def _special(x: Expr) -> Any:
    """What tells numbers apart of which rules make something else than of others: what has a zero, or is not finite, is of a form of its own."""
    value = x.op.value
    if value.dtype.kind in "b":
        return x.op.key[2]
    with np.errstate(all="ignore"):
        plain = value.size and np.all(value != 0) and np.all(np.isfinite(value))
    return None if plain else x.op.key[2]


def _names(group: Sequence[Expr]) -> str | None:
    """The names of lanes, where all have one: of the first and the last."""
    if any(x.name is None for x in group):
        return None
    first, last = group[0].name, group[-1].name
    return first if first == last else f"{first} ... {last}"

