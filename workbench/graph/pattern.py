"""Patterns: expressions over pattern variables, written with the same functions as any other."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from workbench.graph.domain import Booleans, Domain, Integers, Interval
from workbench.graph.expr import Constant, Expr, Input, Op, intern
from workbench.graph.frozen import frozen
from workbench.graph.lengths import fresh
from workbench.graph.types import KINDS, TensorType

Bindings = dict[str, Expr]
Condition = Callable[[Expr], bool]


@frozen(eq=False)
class PatternVariable(Input):
    """Stands for any expression of its kind of dtype; `domain` is where the rule's proof draws it.

    `constant` restricts it to constants, `where` to what it is true of; `kinds` are the kinds of
    dtype it may have, and the rank of its type the least that it may have.
    """

    domain: Domain = Interval()
    constant: bool = False
    where: Condition | None = None
    kinds: str = "f"

    name = "variable"


def variable(
    name: str,
    domain: Domain = Interval(),
    constant: bool = False,
    where: Condition | None = None,
    kinds: str | None = None,
    ndim: int = 0,
) -> Any:
    """Return a pattern variable: real by default, integer or boolean when its domain is.

    Parameters
    ----------
    name, domain
        What the rule's function calls it; where the rule's proof draws its values.
    constant
        It stands for constants only.
    where
        A condition on the expression, such as a property: ``where=is_positive``. It is asked where all else fits.
    kinds
        The kinds of dtype that it stands for, of "f", "i", "u" and "b", where the domain's own is
        not all.
    ndim
        The least number of axes: 2 for matrices on the last two.
    """
    dtype = "bool" if isinstance(domain, Booleans) else "int64" if isinstance(domain, Integers) else "float64"
    type = TensorType(dtype, tuple(fresh("n") for _ in range(ndim)))
    node = intern(PatternVariable(name, type, domain, constant, where, kinds or type.kind))
    node.name = name
    return node


def uniform_value(expr: Expr) -> Any | None:
    """Return the one value that all elements of a constant have, else ``None``."""
    return uniform_of(expr.op.value) if isinstance(expr.op, Constant) else None


def uniform_of(value: np.ndarray[Any, Any]) -> Any | None:
    """Return the one value that all elements of an array have, else ``None``."""
    if value.size == 0 or value.size > 4096:
        return None
    first = value.reshape(-1)[0]
    if value.size == 1 or bool((value == first).all()):
        return first
    return None


Rest = Callable[[], bool]
"""What is left to match once a part fits."""
Matcher = Callable[[Expr, Bindings, Rest], bool]


def match(pattern: Expr, expr: Expr) -> Bindings | None:
    """Return what the variables stand for where `pattern` is `expr`; ``None`` where it is not.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> x, y, n, m = pt.scalar("x"), pt.scalar("y"), variable("n"), variable("m")
    >>> match((n + m) - n, (x + y) - y)
    {'n': y, 'm': x}
    """
    found: Bindings = {}
    return found if matcher(pattern)(expr, found, matched) else None


def matched() -> bool:
    return True


def matcher(pattern: Expr) -> Matcher:
    """Return the test of whether an expression is `pattern`, and the rest fits too; it fills in the bindings.

    Operands of commutative operations are tried both ways round, and taken back where the rest does not fit.
    """
    op = pattern.op
    if isinstance(op, PatternVariable):
        return _variable_matcher(op)
    if isinstance(op, Constant):
        wanted, truth = op.value, op.value.dtype.kind == "b"

        def is_wanted(expr: Expr, _: Bindings, rest: Rest) -> bool:
            if not isinstance(expr.op, Constant) or (expr.op.value.dtype.kind == "b") is not truth:
                return False
            value = uniform_value(expr)
            return value is not None and bool(value == wanted) and rest()

        return is_wanted
    parts = [matcher(p) for p in pattern.inputs]
    if len(parts) == 1:
        (only,) = parts
        return lambda expr, found, rest: expr.op == op and only(expr.inputs[0], found, rest)
    if len(parts) == 2:
        return _pair_matcher(op, parts[0], parts[1], getattr(op, "commutative", False))

    def in_order(expr: Expr, found: Bindings, rest: Rest) -> bool:
        if expr.op != op:
            return False
        for part, x in zip(parts[::-1], expr.inputs[::-1]):
            rest = functools.partial(part, x, found, rest)
        return rest()

    return in_order


def _pair_matcher(op: Op, first: Matcher, second: Matcher, either_way: bool) -> Matcher:
    def pair(expr: Expr, found: Bindings, rest: Rest) -> bool:
        if expr.op != op:
            return False
        left, right = expr.inputs
        if first(left, found, lambda: second(right, found, rest)):
            return True
        return either_way and first(right, found, lambda: second(left, found, rest))

    return pair


def _variable_matcher(op: PatternVariable) -> Matcher:
    assert op.label is not None and isinstance(op.type, TensorType)
    label, kinds, constant, where, ndim = op.label, op.kinds, op.constant, op.where, op.type.ndim

    def bind(expr: Expr, found: Bindings, rest: Rest) -> bool:
        known = found.get(label)
        if known is not None:
            return known is expr and rest()
        type = expr.type
        if not isinstance(type, TensorType) or KINDS[type.dtype] not in kinds or len(type.shape) < ndim:
            return False
        if constant and not isinstance(expr.op, Constant):
            return False
        known_before = len(found)
        found[label] = expr
        # What costs most is asked last: a condition may have to look at all that is below.
        if rest() and (where is None or where(expr)):
            return True
        while len(found) > known_before:
            found.popitem()
        return False

    return bind


def pattern_variables(pattern: Expr) -> list[Expr]:
    """Return the variables of a pattern, in order of first appearance."""
    from workbench.graph.traverse import topological

    return [n for n in topological([pattern]) if isinstance(n.op, PatternVariable)]
