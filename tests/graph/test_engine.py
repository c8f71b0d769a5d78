"""The rewrite engine: what it asks, how often, and what it leaves behind."""

import gc

import pytest

import workbench.tensor as pt
from workbench.graph import Mode
from workbench.graph.collecting import without_collecting
from workbench.graph.pattern import match, variable
from workbench.graph.properties import is_positive
from workbench.graph.rewrite import Pass, Rule


def rule(name, asked, function=lambda expr: None):
    def match(expr):
        asked.append((name, expr))
        return (expr,)

    return Rule(name, "test", "A rule.", (type(pt.exp(pt.scalar()).op),), match, function)


def test_a_pass_asks_no_rule_that_an_earlier_one_asked_in_vain():
    x, asked = pt.scalar("x"), []
    first, other = rule("first", asked), rule("other", asked)
    y = pt.exp(pt.sin(x))
    (made,), _ = Mode((Pass("a", (first,)), Pass("b", (first, other)))).run([y])
    assert made is y
    assert [name for name, _ in asked] == ["first"] * 2 + ["other"] * 2


def test_what_a_pass_made_is_asked_about_by_all_rules():
    x, asked = pt.scalar("x"), []
    exp, sin = pt.exp(x).op, pt.sin(x).op
    first = rule("first", asked, lambda expr: pt.cos(expr.inputs[0]) if expr.op is sin else None)
    other = rule("other", asked, lambda expr: pt.sin(expr.inputs[0]) if expr.op is exp else None)
    (made,), trace = Mode((Pass("a", (first,)), Pass("b", (first, other)))).run([pt.exp(x)])
    assert made is pt.cos(x)
    assert [f.rule.name for p in trace.passes for f in p.firings] == ["other", "first"]


def test_a_condition_that_fails_leaves_no_binding():
    x, y = pt.scalar("x"), pt.scalar("y")
    p, q = variable("p", where=is_positive), variable("q")
    # The first way round binds q before p is found not to be positive.
    assert match(p * q, x * pt.exp(y)) == {"p": pt.exp(y), "q": x}
    assert match(p * q + q, x * pt.exp(y) + x) == {"p": pt.exp(y), "q": x}
    assert match(p * q, x * y) is None


def test_a_condition_is_asked_where_all_else_fits():
    x, y, asked = pt.scalar("x"), pt.scalar("y"), []
    p = variable("p", where=lambda expr: asked.append(expr) or True)
    assert match(p / p, x / y) is None and asked == []
    assert match(p / p, x / x) == {"p": x} and asked == [x]


def test_garbage_is_looked_for_again_after_an_error():
    @without_collecting
    def fails(depth):
        assert not gc.isenabled()
        if depth:
            fails(depth - 1)
        raise ValueError

    with pytest.raises(ValueError):
        fails(2)
    assert gc.isenabled()
    gc.disable()
    try:
        with pytest.raises(ValueError):
            fails(0)
        assert not gc.isenabled()  # As whoever called had it.
    finally:
        gc.enable()
