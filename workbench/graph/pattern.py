"""Patterns: expressions over pattern variables, written with the same functions as any other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from workbench.graph.domain import Booleans, Domain, Integers, Interval
from workbench.graph.expr import Constant, Expr, Input, intern
from workbench.graph.types import TensorType

Bindings = dict[str, Expr]


@dataclass(frozen=True, eq=False)
class PatternVariable(Input):
    """Stands for any expression of its kind of dtype; `domain` is where the rule's proof draws it.

    `constant` restricts it to constants.
    """

    domain: Domain = Interval()
    constant: bool = False

    name = "variable"


def variable(name: str, domain: Domain = Interval(), constant: bool = False) -> Any:
    """Return a pattern variable: real by default, integer or boolean when its domain is."""
    dtype = "bool" if isinstance(domain, Booleans) else "int64" if isinstance(domain, Integers) else "float64"
    node = intern(PatternVariable(name, TensorType(dtype), domain, constant))
    node.name = name
    return node


def uniform_value(expr: Expr) -> Any | None:
    """Return the one value that all elements of a constant have, else ``None``."""
    if not isinstance(expr.op, Constant):
        return None
    value = expr.op.value
    if value.size == 0 or value.size > 4096:
        return None
    first = value.reshape(-1)[0]
    if value.size == 1 or bool((value == first).all()):
        return first
    return None


def match(pattern: Expr, expr: Expr, bindings: Bindings) -> Bindings | None:
    """Return the bindings under which `pattern` is `expr`, extending `bindings`; ``None`` if none."""
    op = pattern.op
    if isinstance(op, PatternVariable):
        return _bind(op, expr, bindings)
    if isinstance(op, Constant):
        value = uniform_value(expr)
        return bindings if value is not None and value == op.value else None
    if expr.op != op or len(expr.inputs) != len(pattern.inputs):
        return None
    found = _match_all(pattern.inputs, expr.inputs, bindings)
    if found is None and getattr(op, "commutative", False):
        found = _match_all(pattern.inputs, expr.inputs[::-1], bindings)
    return found


def _match_all(patterns: tuple[Expr, ...], exprs: tuple[Expr, ...], bindings: Bindings) -> Bindings | None:
    found = bindings
    for p, e in zip(patterns, exprs):
        more = match(p, e, found)
        if more is None:
            return None
        found = more
    return found


def _bind(op: PatternVariable, expr: Expr, bindings: Bindings) -> Bindings | None:
    assert op.label is not None and isinstance(op.type, TensorType)
    known = bindings.get(op.label)
    if known is not None:
        return bindings if known is expr else None
    if not isinstance(expr.type, TensorType):
        return None
    if np.dtype(expr.type.dtype).kind != np.dtype(op.type.dtype).kind:
        return None
    if op.constant and not isinstance(expr.op, Constant):
        return None
    return {**bindings, op.label: expr}


def pattern_variables(pattern: Expr) -> list[Expr]:
    """Return the variables of a pattern, in order of first appearance."""
    from workbench.graph.traverse import topological

    return [n for n in topological([pattern]) if isinstance(n.op, PatternVariable)]
