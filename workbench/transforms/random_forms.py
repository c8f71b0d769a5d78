"""What is written by hand with keys in training: dropout as a choice by random numbers, and noise that is added."""

from __future__ import annotations

from typing import Any

import numpy as np

import workbench.tensor as pt
from workbench.graph.expr import Expr
from workbench.graph.memo import once
from workbench.graph.pattern import uniform_value
from workbench.tensor import elementwise as e
from workbench.tensor.declaration import Cast
from workbench.tensor.elementwise import OPS
from workbench.tensor.random.random_bits import erfinv

UNIT, WORDS = OPS["word_to_unit"], OPS["threefry"]


def dropped_by_hand(expr: Expr) -> Expr | None:
    """Return what is kept or dropped by chance, and divided by the chance that it is kept; ``None`` if that is not what is written.

    Examples
    --------
    >>> x = pt.vector("x", 3)
    >>> keep = pt.random.uniform(pt.random.key(1), (3,)) < 0.8
    >>> dropped_by_hand(pt.where(keep, x / 0.8, 0.0)), dropped_by_hand(x * keep / 0.8), dropped_by_hand(pt.where(keep, x, 0.0))
    (x, x, None)
    """
    if expr.op is e.where:
        mask, kept, otherwise = expr.inputs
        if uniform_value(otherwise) != 0.0:
            return None
        over, under = _factors(kept)
    else:
        over, under = _factors(expr)
        masks = [f for f in over if isinstance(f.op, Cast) and f.inputs[0].type.kind == "b" and _chance(f.inputs[0]) is not None]
        if len(masks) != 1:
            return None
        mask = masks[0].inputs[0]
        _removed(over, lambda f: f is masks[0])
    chance = _chance(mask)
    if chance is None:
        return None
    if not (_removed(under, lambda f: _same(f, chance)) or _removed(over, lambda f: _inverse(f, chance))):
        return None
    if not over or any(map(is_drawn, (*over, *under))):
        return None
    made: Any = over[0]
    for f in over[1:]:
        made = made * f
    for f in under:
        made = made / f
    return made if made.type == expr.type else None


def without_added_noise(expr: Expr) -> Expr | None:
    """Return what normal noise of mean 0 is added to, or ``None`` if none is.

    Examples
    --------
    >>> x = pt.vector("x", 3)
    >>> without_added_noise(x + 0.1 * pt.random.normal(pt.random.key(1), (3,)))
    x
    """
    for x, other in (expr.inputs, expr.inputs[::-1])[: 2 if expr.op is e.add else 1]:
        over, under = _factors(_less_zero(other))
        normals = [f for f in over if _is_normal(f)]
        if len(normals) == 1 and x.type == expr.type and not any(is_drawn(f) for f in (*over, *under) if f is not normals[0]):
            return x
    return None


@once(lambda node: node.inputs)
def is_drawn(node: Expr, parts: list[bool]) -> bool:
    """Return whether an expression depends on random bits."""
    return node.op is WORDS or any(parts)


def _factors(x: Expr) -> tuple[list[Expr], list[Expr]]:
    """What is multiplied, and what is divided by."""
    over: list[Expr] = []
    under: list[Expr] = []
    pending = [(x, True)]
    while pending:
        node, up = pending.pop()
        node = _less_zero(node)
        if node.op is e.multiply and not _is_normal(node):
            pending += [(y, up) for y in reversed(node.inputs)]
        elif node.op is e.divide:
            pending += [(node.inputs[1], not up), (node.inputs[0], up)]
        else:
            (over if up else under).append(node)
    return over, under


def _less_zero(x: Expr) -> Expr:
    """An expression without a zero that is added to it."""
    while x.op is e.add and uniform_value(x.inputs[1]) == 0.0 and x.inputs[0].type == x.type:
        x = x.inputs[0]
    return x


def _removed(factors: list[Expr], fits: Any) -> bool:
    """Whether one of several factors fits, which is then taken away."""
    at = next((i for i, f in enumerate(factors) if fits(f)), None)
    if at is not None:
        del factors[at]
    return at is not None


def _chance(mask: Expr) -> tuple[Expr, bool] | None:
    """A number, and whether it is the chance that a condition holds; else the chance that it does not."""
    if mask.op not in (e.less, e.less_equal, e.greater, e.greater_equal):
        return None
    one, other = mask.inputs
    below = mask.op in (e.less, e.less_equal)
    if _is_uniform(one) and not is_drawn(other):
        return other, below
    return (one, not below) if _is_uniform(other) and not is_drawn(one) else None


def _same(x: Expr, chance: tuple[Expr, bool]) -> bool:
    """Whether an expression is a chance."""
    number, of_holding = chance
    if of_holding and x is number:
        return True
    if x.op is e.subtract and x.inputs[1] is number and uniform_value(x.inputs[0]) == 1.0 and not of_holding:
        return True
    value, known = uniform_value(x), uniform_value(number)
    return value is not None and known is not None and bool(np.isclose(value, known if of_holding else 1.0 - known, rtol=1e-6, atol=0.0))


def _inverse(x: Expr, chance: tuple[Expr, bool]) -> bool:
    """Whether an expression is one divided by a chance."""
    if x.op is e.reciprocal:
        return _same(x.inputs[0], chance)
    value, known = uniform_value(x), uniform_value(chance[0])
    return value is not None and known is not None and bool(np.isclose(value * (known if chance[1] else 1.0 - known), 1.0, rtol=1e-6, atol=0.0))


def _first(x: Expr, depth: int) -> Any:
    """The first operand of the first operand, and so on."""
    for _ in range(depth):
        if not x.inputs:
            return x
        x = x.inputs[0]
    return x


def _is_uniform(x: Expr) -> bool:
    """Whether an expression is of numbers in [0, 1), as `pt.random.uniform` makes them."""
    unit = _first(x, 2)
    return x.op is UNIT or (unit.op is UNIT and x is unit * (pt.as_tensor(1.0) - 0.0) + 0.0)


def _is_normal(x: Expr) -> bool:
    """Whether an expression is of normal numbers, as `pt.random.normal` makes them before they are scaled."""
    unit = _first(x, 3)
    return unit.op is UNIT and x is erfinv(unit * 2.0 + (2.0**-52 - 1.0))


__all__ = ["dropped_by_hand", "is_drawn", "without_added_noise"]
