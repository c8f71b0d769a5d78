"""Why a rule does not fire at an expression: which of its conditions fails there, and what stands there instead."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import FrameType
from typing import Any

from workbench.errors import Location
from workbench.graph.expr import Constant, Expr
from workbench.graph.formulas import formula
from workbench.graph.frozen import frozen
from workbench.graph.pattern import Bindings, PatternVariable, uniform_value
from workbench.graph.rewrite import Declined, Rule
from workbench.graph.rule_text import condition_text, op_called
from workbench.graph.types import TensorType

KINDS = {"f": "real", "i": "integer", "u": "unsigned", "b": "boolean"}
SHOWN = 60


@frozen
class Reason:
    """Why a rule does not fire.

    Attributes
    ----------
    text
        What fails, in words.
    at
        The part of the expression that it fails at.
    location
        The line of the rule that decided it, if it was the rule's function.
    """

    text: str
    at: Expr
    location: Location | None = None

    def __str__(self) -> str:
        source = f": {self.location.text}" if self.location is not None and self.location.text else ""
        return self.text + source


def why_not(rule: Rule, expr: Expr) -> Reason | None:
    """Return why a rule does not fire at an expression; ``None`` where it does, though another rule may come first.

    Of several ways to match a pattern, it is the one that comes farthest.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> from workbench.rewrites import default_mode
    >>> rules = {r.name: r for p in default_mode().passes for r in p.rules}
    >>> x = pt.scalar("x")
    >>> print(why_not(rules["log_of_one_plus"], pt.log(x + 2.0)))
    the pattern log(1 + small) wants 1 where 2 stands
    >>> why_not(rules["log_of_one_plus"], pt.log(x + 1.0)) is None
    True
    """
    if not _is_root(rule, expr):
        wanted = " or ".join(dict.fromkeys(map(op_called, rule.roots))) or "nothing: another part of the engine applies it"
        return Reason(f"the rule is about {wanted}; this is {op_called(expr.op)}", expr)
    if rule.pattern is not None:
        search = _Search(rule.pattern)
        if not any(True for _ in search.ways(rule.pattern, expr, {}, 0)):
            return search.reason
    elif rule.over and not any(x.op in rule.over or x.op.__class__ in rule.over for x in expr.inputs):
        return Reason(f"no operand is {' or '.join(dict.fromkeys(map(op_called, rule.over)))}", expr)
    return _declined(rule, expr)


def _is_root(rule: Rule, expr: Expr) -> bool:
    return expr.op in rule.roots or expr.op.__class__ in rule.roots


class _Search:
    """All ways to match a pattern, and the failure that came farthest."""

    def __init__(self, pattern: Expr) -> None:
        self.pattern = pattern
        self.reason: Reason | None = None
        self.farthest = -1.0

    def fails(self, depth: float, text: str, at: Expr) -> None:
        if depth > self.farthest:
            self.farthest, self.reason = depth, Reason(f"the pattern {formula(self.pattern, SHOWN)} {text}", at)

    def ways(self, pattern: Expr, expr: Expr, found: Bindings, done: int) -> Iterator[tuple[Bindings, int]]:
        """What variables stand for, and how much of the pattern has been matched, for each way to match it."""
        shown = formula(expr, SHOWN) if not expr.name else expr.name
        op: Any = pattern.op
        if isinstance(op, PatternVariable):
            wrong = _unfit(op, expr, found)
            if wrong:
                self.fails(done, f"wants {wrong} where {shown} stands", expr)
            else:
                yield {**found, str(op.label): expr}, done + 1
        elif isinstance(op, Constant):
            value, wanted = uniform_value(expr), formula(pattern)
            if value is None or (expr.op.value.dtype.kind == "b") is not (op.value.dtype.kind == "b") or not bool(value == op.value):
                # Another number comes nearer than no number.
                self.fails(done + 0.5 * isinstance(expr.op, Constant), f"wants {wanted} where {shown} stands", expr)
            else:
                yield found, done + 1
        elif expr.op != op:
            self.fails(done, f"wants {formula(pattern, SHOWN)} where {shown} stands", expr)
        else:
            parts = list(zip(pattern.inputs, expr.inputs))
            yield from self.all(parts, found, done + 1)
            if len(parts) == 2 and getattr(op, "commutative", False):
                yield from self.all(list(zip(pattern.inputs, expr.inputs[::-1])), found, done + 1)

    def all(self, parts: list[tuple[Expr, Expr]], found: Bindings, done: int) -> Iterator[tuple[Bindings, int]]:
        if not parts:
            yield found, done
            return
        (pattern, expr), *rest = parts
        for bound, reached in self.ways(pattern, expr, found, done):
            yield from self.all(rest, bound, reached)


def _unfit(variable: PatternVariable, expr: Expr, found: Bindings) -> str:
    """What a variable wants that an expression is not; nothing if it may stand for it."""
    label = str(variable.label)
    known = found.get(label)
    if known is not None:
        return "" if known is expr else f"{formula(known, SHOWN)} again, for {label},"
    if not isinstance(expr.type, TensorType):
        return "one value"
    if expr.type.kind not in variable.kinds:
        return f"{' or '.join(KINDS[k] for k in variable.kinds)} numbers, for {label},"
    wanted = variable.type
    if isinstance(wanted, TensorType) and expr.type.ndim < wanted.ndim:
        return f"at least {wanted.ndim} axes, for {label},"
    if variable.constant and not isinstance(expr.op, Constant):
        return f"a constant, for {label},"
    if variable.where is not None and not variable.where(expr):
        return f"what is known to be {condition_text(variable.where)}, for {label},"
    return ""


def _declined(rule: Rule, expr: Expr) -> Reason | None:
    """Why the rule's function made nothing; ``None`` if it made something."""
    arguments = rule.match(expr)
    try:
        if arguments is not None:
            rule.function(*arguments)
    except Declined as reason:
        return Reason(reason.text, reason.at)
    code: Any = getattr(rule.function, "__code__", None)
    lines: list[int] = []

    def watch(frame: FrameType, event: str, argument: object) -> Any:
        if frame.f_code is not code or (event == "call" and lines):
            return None
        if event == "line":
            lines.append(frame.f_lineno)
        return watch

    before = sys.gettrace()
    sys.settrace(watch)
    try:
        made = rule.apply(expr)
    finally:
        sys.settrace(before)
    if made is None:
        asked = [n for n in lines if not Location(code.co_filename, n).text.startswith("return None")] or lines
        return Reason("its function declined", expr, Location(code.co_filename, asked[-1]) if asked else None)
    fitted = made.fit(expr)
    return Reason("it would change nothing here", expr) if fitted is expr else None
