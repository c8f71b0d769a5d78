"""Cotangents that a choice makes zero: ``where(c, g, 0)`` stays a choice on its way back.

The branch of a `where` that is not taken gets no cotangent. Multiplied by an infinite derivative, as that of
``log(x)`` at 0 in ``where(x > 0, log(x), 0)``, that zero would be NaN; chosen after the multiplication, it is zero.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from workbench.graph.expr import Constant, Expr, intern
from workbench.graph.memo import once
from workbench.tensor.elementwise import logical_and, logical_not, logical_or, not_equal, where
from workbench.tensor.indexing.advanced import AddIndex
from workbench.tensor.indexing.rows import AddAt
from workbench.tensor.indexing.slices import SetSlice
from workbench.tensor.shape import BroadcastTo, Reshape, Transpose, broadcast_like, unbroadcast
from workbench.tensor.tensor import Tensor

Mask = tuple[tuple[Tensor, bool], ...]
"""Conditions, and for each whether the value counts where it is true; else the value is 0."""


ARRANGEMENTS = (Reshape, BroadcastTo, Transpose)
"""Operations whose elements are those of their first input, or repeat them."""
PLACES = (SetSlice, AddAt, AddIndex)
"""Operations that put a cotangent in its place among zeros."""


def unmasked(cotangent: Tensor) -> tuple[Mask, Tensor]:
    """Return what makes a cotangent zero, and the cotangent without it."""
    moves: list[Expr] = []
    found: list[tuple[Tensor, bool]] = []
    g = cotangent
    while True:
        if isinstance(g.op, ARRANGEMENTS):
            moves.append(g)
            g = g.inputs[0]
            continue
        if getattr(g.op, "result", "") != "where":
            break
        test, yes, no = g.inputs
        if not (_is_zero(yes) or _is_zero(no)):
            break
        found.append((_moved(test, g, moves), _is_zero(no)))
        g = no if _is_zero(yes) else yes
    return tuple(found), cotangent if not found else _moved(g, g, moves)


def masked(mask: Mask, value: Tensor) -> Tensor:
    """Return `value` where `mask` lets it count, else 0."""
    for test, counts in mask[::-1]:
        value = where(test, value, 0.0) if counts else where(test, 0.0, value)
    return value


def not_counting(cotangent: Tensor, steep: bool) -> Mask:
    """Return the mask of where a cotangent is 0, if the derivative that it meets may be infinite there.

    Parameters
    ----------
    cotangent
        Without its mask.
    steep
        Whether the derivative is infinite at some edge of the operation's domain, as those of `log` and `sqrt` at 0. Of the
        other operations' it is asked only what was not picked: elements of which an index, or a slice, took none.
    """
    if not (_picked(cotangent) if not steep else not _never_zero(cotangent)):
        return ()
    return ((not_equal(cotangent, 0.0), True),)


def _way(g: Expr) -> Sequence[Expr]:
    """The cotangents that one is made of, where it is their product, or has their elements."""
    if isinstance(g.op, ARRANGEMENTS) or g.op.name in ("negative", "divide"):
        return g.inputs[:1]
    return g.inputs if g.op.name == "multiply" else ()


@once(_way)
def _picked(g: Expr, before: list[bool]) -> bool:
    """Whether a cotangent is 0 where an element was not picked, by an index or a slice, on the way of the value."""
    return isinstance(g.op, PLACES) or any(before)


@once(_way)
def _never_zero(g: Expr, before: list[bool]) -> bool:
    """Whether a cotangent is known not to be 0: made of constants, and of ones."""
    if isinstance(g.op, Constant):
        return bool(g.op.value.all())
    return bool(before) and g.op.name != "divide" and all(before)


def narrowed(mask: Mask, value: Tensor, x: Expr) -> Tensor:
    """Return the cotangent of the operand `x`, for one of the result that counts where `mask` lets it."""
    return unbroadcast(masked(mask, value), x)


def accumulated(one: Tensor, other: Tensor) -> Tensor:
    """Return the sum of two cotangents, zero where both are."""
    (mask, g), (its_mask, its_g) = unmasked(one), unmasked(other)
    same = len(mask) == len(its_mask) and all(t is u for (t, _), (u, _) in zip(mask, its_mask))
    signs = [(counts, its) for (_, counts), (_, its) in zip(mask, its_mask)]
    if not mask or not its_mask or (same and len(mask) == 1 and signs[0][0] is not signs[0][1]):
        # One of them always counts.
        return one + other
    if same and all(counts is its for counts, its in signs):
        return masked(mask, g + its_g)
    either = [functools.reduce(logical_and, [t if counts else logical_not(t) for t, counts in m]) for m in (mask, its_mask)]
    return masked(((logical_or(*either), True),), one + other)


def _moved(x: Any, like: Tensor, moves: list[Expr]) -> Tensor:
    """`x`, of which `like` has the shape, through what has been done to `like`."""
    if moves:
        x = broadcast_like(x, like)
    for node in moves[::-1]:
        x = intern(node.op, (x, *node.inputs[1:]))
    return x  # type: ignore[no-any-return]


def _is_zero(x: Expr) -> bool:
    return isinstance(x.op, Constant) and not x.op.value.any()
