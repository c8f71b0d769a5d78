"""Patterns: expressions over pattern variables, written with the same functions as any other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

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


Matcher = Callable[[Expr, Bindings], bool]


def match(pattern: Expr, expr: Expr) -> Bindings | None:
    """Return what the variables stand for where `pattern` is `expr`; ``None`` where it is not."""
    found: Bindings = {}
    return found if matcher(pattern)(expr, found) else None


def matcher(pattern: Expr) -> Matcher:
    """Return the test of whether an expression is `pattern`, which fills in the bindings.

    Bindings of a failed attempt are left behind: they are of no use then.
    """
    op = pattern.op
    if isinstance(op, PatternVariable):
        return _variable_matcher(op)
    if isinstance(op, Constant):
        wanted = op.value
        return lambda expr, _: isinstance(expr.op, Constant) and (v := uniform_value(expr)) is not None and v == wanted
    parts = [matcher(p) for p in pattern.inputs]
    if len(parts) == 1:
        (only,) = parts
        return lambda expr, found: expr.op == op and only(expr.inputs[0], found)
    if len(parts) != 2 or not getattr(op, "commutative", False):
        return lambda expr, found: expr.op == op and all(p(x, found) for p, x in zip(parts, expr.inputs))
    first, second = parts

    def either_way_round(expr: Expr, found: Bindings) -> bool:
        if expr.op != op:
            return False
        left, right = expr.inputs
        before = dict(found)
        if first(left, found) and second(right, found):
            return True
        found.clear()
        found.update(before)
        return first(right, found) and second(left, found)

    return either_way_round


def _variable_matcher(op: PatternVariable) -> Matcher:
    assert op.label is not None and isinstance(op.type, TensorType)
    label, kind, constant = op.label, op.type.kind, op.constant

    def bind(expr: Expr, found: Bindings) -> bool:
        known = found.get(label)
        if known is not None:
            return known is expr
        if not isinstance(expr.type, TensorType) or expr.type.kind != kind:
            return False
        if constant and not isinstance(expr.op, Constant):
            return False
        found[label] = expr
        return True

    return bind


def pattern_variables(pattern: Expr) -> list[Expr]:
    """Return the variables of a pattern, in order of first appearance."""
    from workbench.graph.traverse import topological

    return [n for n in topological([pattern]) if isinstance(n.op, PatternVariable)]
