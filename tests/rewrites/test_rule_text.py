"""Rules explain themselves: what they turn into what, where that is proved, and why one does not fire at an expression."""

import inspect
import sys

import numpy as np
import pytest

import workbench.tensor as pt
from workbench.graph import formula, topological
from workbench.graph.rule_text import told
from workbench.graph.why_not import why_not
from workbench.rewrites.passes import rules

RULES = {r.name: r for r in rules()}
x, y, v = pt.scalar("x"), pt.scalar("y"), pt.vector("v", 3)


@pytest.mark.parametrize("name, text", [
    ("log_of_one_plus", "log(1 + small) -> log1p(small)"),
    ("subtract_negative", "n - -m -> n + m"),
    ("sigmoid_from_opposite_odds", "exp(-x)*sigmoid(x) -> sigmoid(-x)"),
    ("constants_added", "for example n + 2.0 + 3.0 -> n + (2.0 + 3.0)"),
    ("slogdet_of_triangular", "for example slogdet(a)[1] -> sum(log(abs(diagonal(a))))"),
    ("known_length", "for example dim(m) -> 3"),
    ("transpose_of_units", "for example transpose(t, (1, 0, 2)) -> t"),
])  # fmt: skip
def test_a_rule_is_two_formulas(name, text):
    assert str(told(RULES[name])) == text


def test_every_rule_says_both_its_sides_and_where_it_is_defined():
    without = []
    for rule in RULES.values():
        said = told(rule)
        lines, first = inspect.getsourcelines(rule.function)
        assert said.location.filename.endswith(".py") and first <= said.location.lineno < first + len(lines)
        assert said.before and said.before != said.after and said.doc
        assert said.domains or said.examples
        if said.after == "…":
            without.append(rule.name)
    # Limits are compared, so that numbers must be in order.
    assert sorted(without) == ["clip_of_clip", "lower_limit_again", "upper_limit_again"]


def test_conditions_and_domains_are_told():
    said = told(RULES["log_of_multiple_plus_exp"])
    assert said.conditions == ("scale is a constant", "scale is positive") and dict(said.domains)["scale"] == "above 0"
    assert told(RULES["log_of_one_plus"]).precise and not told(RULES["subtract_negative"]).precise


@pytest.mark.parametrize("name, expr, text, at", [
    ("log_of_one_plus", pt.log(x + 2.0), "wants 1 where 2 stands", "2"),
    ("log_of_one_plus", pt.log(x * 2.0), "wants 1 + small where x*2 stands", "x*2"),
    ("log_of_one_plus", pt.exp(x), "the rule is about log; this is exp", "exp(x)"),
    ("square_from_product", x * y, "wants x again, for x, where y stands", "y"),
    ("square_from_product", pt.exp(x) * x, "wants exp(x) again, for x, where x stands", "x"),
    ("log_of_power", pt.log(x**y), "wants what is known to be positive, for above_zero, where x stands", "x"),
    ("constants_added", (x + y) + 2.0, "wants a constant, for k, where", None),
    ("reduction_of_sort", pt.sum(v), "no operand is sort", "sum(v)"),
])  # fmt: skip
def test_the_condition_that_fails_is_told(name, expr, text, at):
    reason = why_not(RULES[name], expr)
    assert text in reason.text
    assert at is None or (reason.at.name or formula(reason.at)) == at


def test_a_function_that_declines_is_shown_with_its_line():
    reason = why_not(RULES["factor_out_of_extreme"], pt.sum(v * x))
    source = inspect.getsource(RULES["factor_out_of_extreme"].function)
    assert reason.text == "its function declined" and reason.location.text in source and reason.location.text.startswith("if ")
    assert reason.location.text in str(reason)


def test_operands_of_commutative_operations_are_tried_both_ways():
    assert why_not(RULES["log_of_one_plus"], pt.log(x + 1.0)) is None and why_not(RULES["log_of_one_plus"], pt.log(1.0 + x)) is None


def test_there_is_a_reason_where_a_rule_does_not_fire_and_none_where_it_does():
    exprs = [pt.log(1.0 + pt.exp(x)), pt.sum(v * x) * 0.5, pt.sqrt(pt.exp(x) ** 2), pt.where(x > 0, x, -x), v[1:2], (x + 1.0) - 1.0, pt.dot(np.eye(3), v)]
    for expr in (n for e in exprs for n in topological([e])):
        for rule in RULES.values():
            asked = expr.op in rule.roots or expr.op.__class__ in rule.roots
            spared = bool(rule.over) and rule.pattern is None and not any(i.op in rule.over or i.op.__class__ in rule.over for i in expr.inputs)
            made = rule.apply(expr) if asked and not spared else None
            fires = made is not None and made.fit(expr) is not expr
            assert (why_not(rule, expr) is None) is fires, (rule, expr)


def test_the_tracer_of_a_debugger_is_left_in_place():
    def tracer(*_):
        return None

    before = sys.gettrace()
    sys.settrace(tracer)
    try:
        why_not(RULES["factor_out_of_extreme"], pt.sum(v * x))
        assert sys.gettrace() is tracer
    finally:
        sys.settrace(before)
