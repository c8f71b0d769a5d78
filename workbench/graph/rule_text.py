"""What a rule is, in words and formulas: its pattern, where it is defined, and where it is proved."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from workbench.errors import Location
from workbench.graph.domain import Booleans, Domain, Integers, Interval
from workbench.graph.expr import Expr, constant_op, intern
from workbench.graph.formulas import formula, summary
from workbench.graph.frozen import frozen
from workbench.graph.pattern import PatternVariable, pattern_variables
from workbench.graph.rewrite import Rule
from workbench.graph.traverse import replace

NUMBERS = (2.0, 3.0, 5.0, 0.5, -2.0, -3.0, -5.0, 0.0)
"""What stands for constants where a rule computes with them."""


@frozen
class RuleText:
    """A rule, as it is told to a reader.

    Attributes
    ----------
    name, group, doc
        Its name, the list it belongs to, and what it says of itself.
    before, after
        The two sides as formulas, over the variables of the pattern; of a rule without a pattern, those of its first example.
    general
        Whether the sides are the rule itself, and not an example.
    conditions
        What variables of the pattern must be.
    domains
        Where the proof draws them.
    examples
        Of a rule without a pattern: how many expressions it is proved on.
    precise
        Whether the right side is claimed, and proved, to keep more digits.
    location
        Where it is defined.
    """

    name: str
    group: str
    doc: str
    before: str
    after: str
    general: bool
    conditions: tuple[str, ...]
    domains: tuple[tuple[str, str], ...]
    examples: int
    precise: bool
    location: Location | None

    def __str__(self) -> str:
        return f"{'' if self.general else 'for example '}{self.before} -> {self.after}"


def told(rule: Rule) -> RuleText:
    """Return what a rule is, for a reader.

    Examples
    --------
    >>> from workbench.rewrites import default_mode
    >>> rules = {r.name: r for p in default_mode().passes for r in p.rules}
    >>> print(told(rules["log_of_one_plus"]))
    log(1 + small) -> log1p(small)
    """
    variables = pattern_variables(rule.pattern) if rule.pattern is not None else []
    ops: list[Any] = [v.op for v in variables]
    examples = list(rule.examples()) if rule.examples is not None else []
    sides, general = _sides(rule, variables, examples)
    code = getattr(rule.function, "__code__", None)
    return RuleText(
        rule.name, rule.group, rule.doc, *sides, general,
        tuple(text for op in ops for text in conditions_text(op)),
        tuple((str(op.label), domain_text(op.domain)) for op in ops),
        len(examples), rule.precise, Location(code.co_filename, code.co_firstlineno) if code else None,
    )  # fmt: skip


def _sides(rule: Rule, variables: Sequence[Expr], examples: Sequence[Expr]) -> tuple[tuple[str, str], bool]:
    if rule.pattern is not None:
        made = _applied(rule, {str(v.op.label): v for v in variables})
        if made is not None:
            return _written(rule.pattern, made), True
        numbers = dict(_with_numbers(variables))
        before = replace(rule.pattern, numbers)
        made = _applied(rule, {str(v.op.label): numbers.get(v, v) for v in variables})
        return (_written(before, made) if made is not None else (formula(rule.pattern), "…")), made is None
    for x in examples:
        after = rule.apply(x)
        if after is not None and after is not x:
            return _written(x, after), False
    return ("", ""), False


def _applied(rule: Rule, given: dict[str, Expr]) -> Expr | None:
    """The right side of a rule, if its function makes one of these."""
    code: Any = rule.function.__code__
    try:
        made = rule.function(*(given[name] for name in code.co_varnames[: code.co_argcount]))
    except (AttributeError, TypeError, ValueError, LookupError):
        return None  # It computes with the values of constants, or asks for lengths, which variables have not.
    return made if isinstance(made, Expr) else None


def _with_numbers(variables: Sequence[Expr]) -> Iterator[tuple[Expr, Expr]]:
    left = list(NUMBERS)
    for v in variables:
        op: Any = v.op
        if op.constant:
            number = next((n for n in left if in_domain(op.domain, n) and (op.where is None or op.where(_number(n)))), None)
            if number is not None:
                left.remove(number)
                yield v, _number(number)


def _number(value: float) -> Expr:
    made: Expr = intern(constant_op(value, "float64"))
    return made


def _written(before: Expr, after: Expr) -> tuple[str, str]:
    # What is not shown to readers may be all that a rule changes.
    forms = ((write(before), write(after)) for write in (formula, summary, _call))
    return next((sides for sides in forms if sides[0] != sides[1]), ("", ""))


def _call(expr: Expr) -> str:
    return f"{op_called(expr.op)}({', '.join(map(formula, expr.inputs))})" if expr.inputs else formula(expr)


def in_domain(domain: Domain, value: float) -> bool:
    """Whether a domain has a number."""
    if isinstance(domain, (Interval, Integers)):
        inside = domain.low < value < domain.high if isinstance(domain, Interval) else domain.low <= value <= domain.high
        return inside and (isinstance(domain, Interval) or float(value).is_integer())
    return isinstance(domain, Booleans) and value in (0.0, 1.0)


def domain_text(domain: Domain) -> str:
    """Return a domain in words.

    Examples
    --------
    >>> from workbench.graph.domain import positive, real
    >>> domain_text(positive), domain_text(real), domain_text(Interval(0.0, 1.0)), domain_text(Integers(0, 20))
    ('above 0', 'real', 'between 0 and 1', 'integers from 0 to 20')
    """
    if isinstance(domain, Interval):
        low, high = np.isfinite(domain.low), np.isfinite(domain.high)
        if low and high:
            return f"between {domain.low:g} and {domain.high:g}"
        return f"above {domain.low:g}" if low else f"below {domain.high:g}" if high else "real"
    if isinstance(domain, Integers):
        return f"integers from {domain.low} to {domain.high}"
    return "true or false" if isinstance(domain, Booleans) else type(domain).__name__.lower()


def conditions_text(variable: PatternVariable) -> list[str]:
    """Return what an expression must be for a pattern's variable to stand for it."""
    found = []
    if variable.constant:
        found.append(f"{variable.label} is a constant")
    if variable.where is not None:
        found.append(f"{variable.label} is {condition_text(variable.where)}")
    return found


def condition_text(condition: Any) -> str:
    """Return the name of a condition on an expression, without what all such names begin with."""
    name = str(getattr(condition, "label", "") or getattr(condition, "__name__", ""))
    return "as its condition says" if name in ("", "<lambda>") else name.removeprefix("is_").replace("_", " ")


def op_called(op: Any) -> str:
    """Return what an operation, or a class of them, is called."""
    name = getattr(op, "name", None)
    return name if isinstance(name, str) else op.__name__.lower() if isinstance(op, type) else str(op)
