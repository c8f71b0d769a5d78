"""The proof of every rule: both sides evaluated on inputs drawn from its domains; precision by mpmath."""

import itertools
import subprocess
import sys
from pathlib import Path

import mpmath
import numpy as np
import pytest

import workbench.tensor as pt
from tests.rewrites.real_numbers import in_real_numbers
from workbench.compile import function
from workbench.errors import RewriteError
from workbench.graph import RULES, Graph, Mode, Pass, free_inputs, intern, summary, topological
from workbench.graph.pattern import PatternVariable, pattern_variables, variable
from workbench.graph.properties import (
    Property,
    has_positive_diagonal,
    is_diagonal,
    is_integer,
    is_lower_triangular,
    is_negative,
    is_nonnegative,
    is_nonpositive,
    is_nonzero,
    is_one_hot,
    is_orthogonal,
    is_positive,
    is_positive_definite,
    is_sorted,
    is_symmetric,
    is_upper_triangular,
)  # fmt: skip
from workbench.graph.rewrite import rule
from workbench.graph.traverse import replace
from workbench.rewrites import default_mode
from workbench.tensor.assumptions import Assume
from workbench.tensor.elementwise import OPS

PLAIN = Mode(())
OURS = [r for r in RULES.values() if r.group in ("canonicalise", "linear algebra", "stabilise", "specialise", "unconstrained", "read once", "factor at hand", "whole operations", "low rank")]
WITH_PATTERN = [r for r in OURS if r.pattern is not None]
FOR_INTEGERS = [r for r in WITH_PATTERN if all("i" in v.op.kinds or "b" in v.op.kinds for v in pattern_variables(r.pattern)) and any("i" in v.op.kinds for v in pattern_variables(r.pattern))]
BY_EXAMPLE = [r for r in OURS if r.pattern is None]


def draw(known, shape, rng):
    """A value with the properties in `known` (matrices on the last two axes)."""
    n = shape[-1] if shape else 0
    value = rng.normal(size=shape)
    if is_orthogonal.of(known) and is_diagonal.of(known):
        return np.broadcast_to(np.eye(n), shape) * 1.0
    if is_orthogonal.of(known):
        return np.linalg.qr(value)[0]
    if is_one_hot.of(known):
        return np.eye(n)[rng.integers(n, size=shape[:-1])]
    if is_integer.of(known):
        value = np.rint(value * 3.0)
    if is_positive.of(known):
        value = np.abs(value) + 0.1
    elif is_negative.of(known):
        value = -np.abs(value) - 0.1
    elif is_nonnegative.of(known):
        value = np.abs(value)
    elif is_nonpositive.of(known):
        value = -np.abs(value)
    elif is_nonzero.of(known):
        value = value + np.sign(value) * 0.1
    if is_sorted.of(known):
        value = np.sort(value)
    if is_positive_definite.of(known) and not is_diagonal.of(known):
        return value @ np.swapaxes(value, -1, -2) + n * np.eye(n)
    if has_positive_diagonal.of(known):
        value = value * (1.0 - np.eye(n)) + np.eye(n) * (np.abs(value) + 0.5)
    if is_diagonal.of(known):
        return value * np.eye(n)
    if is_lower_triangular.of(known):
        return np.tril(value) + np.eye(n)
    if is_upper_triangular.of(known):
        return np.triu(value) + np.eye(n)
    if is_symmetric.of(known):
        return value + np.swapaxes(value, -1, -2)
    return value


def over_integers(pattern, stand_ins):
    """The pattern written again over other variables, its constants in their dtype."""
    memo = dict(stand_ins)
    for node in topological([pattern]):
        if node not in memo:
            memo[node] = int(node.op.value) if node.op.name == "constant" and node.type.kind == "f" else node.op(*[memo[x] for x in node.inputs]) if node.inputs else node
    return memo[pattern]


def instance(rule, shapes, rng, integers=False):
    """The rule's pattern over inputs (constants where it wants them), with values from its domains."""
    variables = pattern_variables(rule.pattern)
    stand_ins, inputs, values = {}, [], []
    for v, shape in zip(variables, itertools.cycle(shapes)):
        value = np.asarray(v.op.domain.sample(rng, () if v.op.constant else shape))
        if integers and value.dtype.kind == "f":
            value = np.rint(value * 4.0).astype("int64") + (isinstance(v.op.where, Property) and is_nonzero.of(v.op.where)) * np.sign(value).astype("int64")
        if isinstance(v.op.where, Property) and is_integer.of(v.op.where):
            value = np.rint(value)
        if v.op.constant:
            stand_ins[v] = pt.constant(value)
            continue
        stand_ins[v] = x = pt.tensor(v.op.label, value.dtype.name, value.shape)
        if isinstance(v.op.where, Property):
            stand_ins[v] = intern(Assume(tuple(v.op.where.label.split(", "))), (x,))
        inputs.append(x)
        values.append(value)
    before = over_integers(rule.pattern, stand_ins) if integers else replace([rule.pattern], stand_ins)[0]
    return before, inputs, values


def example_values(before, rng):
    """Inputs of an example, with values that have what it assumes of them."""
    inputs = free_inputs([before])
    assumed = {node.inputs[0]: node.op.facts for node in topological([before]) if isinstance(node.op, Assume)}
    return inputs, [draw(assumed.get(x, 0), tuple(n if isinstance(n, int) else 4 for n in x.type.shape), rng).astype(x.type.dtype) for x in inputs]


@pytest.mark.parametrize("shapes", [[(), ()], [(4,), (4,)], [(3, 1), (4,)], [(0,), (0,)]], ids=["scalar", "vector", "broadcast", "empty"])
@pytest.mark.parametrize("rule", WITH_PATTERN, ids=lambda r: r.name)
def test_both_sides_of_a_pattern_are_equal(rule, shapes):
    before, inputs, values = instance(rule, shapes, np.random.default_rng(7))
    after = rule.apply(before)
    assert after is not None, "the rule does not fire on its own pattern"
    fitted = after.fit(before)
    assert fitted is not None, f"{before.type} became {after.type}"
    with np.errstate(all="ignore"):
        a, b = Graph(inputs, [before, fitted]).run("numpy", *values)
    np.testing.assert_allclose(b, a, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("rule", FOR_INTEGERS, ids=lambda r: r.name)
def test_both_sides_of_a_pattern_over_integers_are_equal(rule):
    """Rules for any kind of number hold for integers, exactly and in the same dtype."""
    before, inputs, values = instance(rule, [(5,), (5,)], np.random.default_rng(3), integers=True)
    after = rule.apply(before)
    if after is None:
        pytest.skip("the rule leaves integers alone")
    assert after.type.dtype == before.type.dtype
    a, b = Graph(inputs, [before, after.fit(before)]).run("numpy", *values)
    np.testing.assert_array_equal(b, a)


@pytest.mark.parametrize("rule", BY_EXAMPLE, ids=lambda r: r.name)
def test_both_sides_of_an_example_are_equal(rule):
    examples = rule.examples()
    assert examples
    for before in examples:
        after = rule.apply(before)
        assert after is not None, f"the rule does not fire on {before!r}"
        assert after.fit(before) is not None, f"{before.type} became {after.type}"
        inputs, values = example_values(before, np.random.default_rng(2))
        a, b = Graph(inputs, [before, after.fit(before)]).run("numpy", *values)
        for x, y in zip(*(v if isinstance(v, tuple) else (v,) for v in (a, b))):
            np.testing.assert_allclose(y, x, rtol=1e-12, atol=1e-13)


# Few at a time: compilers take more than twice as long for twice the code.
PARTS = [WITH_PATTERN[i::12] for i in range(12)]


@pytest.mark.parametrize("part", range(len(PARTS)))
def test_both_sides_are_equal_on_all_backends(part, backend):
    rng = np.random.default_rng(11)
    inputs, values, sides, names = [], [], [], []
    for each in PARTS[part]:
        before, mine, given = instance(each, [(4,), (4,)], rng)
        inputs += mine
        values += given
        sides += [before, each.apply(before).fit(before)]
        names.append(each.name)
    results = function(inputs, sides, backend=backend, mode=PLAIN)(*values)
    for k, name in enumerate(names):
        np.testing.assert_allclose(results[2 * k + 1], results[2 * k], rtol=1e-9, atol=1e-12, err_msg=name)


# SciPy's ndtr rounds x / sqrt(2) first, which costs x² times the precision of a float.
LIMITS = {"one_minus_ndtr": 1e-13, "log_of_ndtr": 1e-13, "log_of_one_minus_ndtr": 1e-13}


@pytest.mark.parametrize("rule", [r for r in OURS if r.precise], ids=lambda r: r.name)
def test_a_precise_rule_has_more_correct_digits(rule):
    before, (x,), _ = instance(rule, [()], np.random.default_rng(0))
    after = rule.apply(before)
    domain = next(v.op for v in pattern_variables(rule.pattern) if isinstance(v.op, PatternVariable)).domain
    hard = [s * 10.0**-k for k in range(1, 15) for s in (1, -1)] + [s * v for v in (2.0, 10.0, 30.0, 40.0, 100.0, 750.0) for s in (1, -1)]
    points = [p for p in hard if domain.low < p < domain.high]
    worst_before = worst_after = 0.0
    for p in points:
        truth = in_real_numbers([before], {x: np.float64(p)}, 400)[0].item()
        if truth == 0 or abs(truth) > 1e300 or abs(truth) < 1e-300:
            continue
        with np.errstate(all="ignore"):
            left, right = Graph([x], [before, after]).run("numpy", np.float64(p))

        def error(v, truth=truth):
            return float(abs((mpmath.mpf(float(v)) - truth) / truth)) if np.isfinite(v) else np.inf

        worst_before, worst_after = max(worst_before, error(left)), max(worst_after, error(right))
    assert worst_after < LIMITS.get(rule.name, 1e-14), f"{rule.name}: relative error {worst_after}"
    assert worst_before > 1e-10, f"{rule.name}: the left side loses no digits, so there is nothing to gain"


def rewritten(expr):
    (after,), _ = default_mode().run([expr])
    return summary(after)


x, y = pt.scalar("x"), pt.scalar("y")
v = pt.vector("v", 4)


@pytest.mark.parametrize(
    "before, after",
    [
        (pt.log(1.0 + x), "log1p(x)"),
        (pt.log(1.0 - x), "log1p(-x)"),
        (pt.exp(x) - 1.0, "expm1(x)"),
        (pt.log(pt.exp(x)), "x"),
        (pt.log(1.0 + pt.exp(x)), "softplus(x)"),
        (pt.log(1.0 / (1.0 + pt.exp(-x))), "-softplus(-x)"),
        (1.0 - pt.sigmoid(x), "sigmoid(-x)"),
        (x**2, "square(x)"),
        (x * x * 1.0 + 0.0, "square(x)"),
        (-(-x) - (-y), "x + y"),
        ((x * 2.0) * 3.0, "x * 6.0"),
        (pt.sum(v * x), "x * sum{axes=(0,)}(v)"),
        (pt.sum(v - x), "sum{axes=(0,)}(v) - x * 4.0"),
        (pt.sum(pt.broadcast_to(x, (4,))), "x * 4.0"),
        (v / x, "v * reciprocal(x)"),
        (pt.where(pt.exp(x) > 0.0, x, -1.0), "x"),
        (pt.constant(2.0) * 3.0, "6.0"),
        (pt.concatenate([v, v * 2.0])[1:3], "v[1:3]"),
    ],
    ids=str,
)  # fmt: skip
def test_before_and_after(before, after):
    assert rewritten(before) == after


def test_there_are_at_least_twenty_rules_and_every_elementwise_op_has_forms():
    assert len(OURS) >= 20
    for op in OPS.values():
        assert op.jax_form and op.domains and (op.py_form or not op.fusable)


def test_recording_can_be_off_and_changes_nothing():
    graph = pt.log(1.0 + pt.exp(x)) * 1.0
    loud, trace = default_mode().run([graph])
    quiet, silent = default_mode().run([graph], record=False)
    assert loud[0] is quiet[0]
    assert len(trace) > 0 and len(silent) == 0


def test_every_state_of_a_trace_can_be_replayed():
    start = pt.sum(pt.square(v * 2.0 - x) / y) + pt.log(1.0 + pt.exp(x))
    (after,), trace = default_mode().run([start])
    for p in trace.passes:
        roots = p.before
        for f in p.firings:
            roots = tuple(replace(roots, {f.before: f.after}))
        assert roots[0] is p.after[0], p.name
    assert trace.passes[-1].after[0] is after


def test_a_mode_can_be_printed_and_dropped_from():
    mode = default_mode()
    assert repr(mode) == "Mode: reroll, unused results, canonicalise, linear algebra, stabilise, specialise"
    assert repr(mode.excluding("stabilise", "linear algebra")) == "Mode: reroll, unused results, canonicalise, specialise"
    without = mode.excluding("log_of_one_plus")
    assert summary(without.run([pt.log(1.0 + x)])[0][0]) == "log(1.0 + x)"
    assert isinstance(mode.including(Pass("mine", ()), before="stabilise").passes[1], Pass)
    assert "Pass specialise: " in str(mode) and "  small_power: A small whole power takes few multiplications." in str(mode)
    with pytest.raises(RewriteError, match="'log_of_one_plas'(.|\n)*did you mean 'log_of_one_plus'"):
        mode.excluding("log_of_one_plas")
    with pytest.raises(RewriteError, match="'stabilize'(.|\n)*canonicalise, linear algebra"):
        mode.including(Pass("mine", ()), before="stabilize")


CELL = """
@rule("specialise", pt.sin(z))
def of_the_cell(z):
    \"\"\"The sine is something else.\"\"\"
    return pt.{}(z)
"""


def test_a_rule_of_a_notebook_is_used_at_once_and_its_cell_can_be_run_again():
    notebook = {"rule": rule, "pt": pt, "z": variable("z"), "__name__": "__main__"}
    before = dict(RULES)
    try:
        default_mode()
        exec(CELL.format("cos"), notebook)
        assert rewritten(pt.sin(x)) == "cos(x)"
        exec(CELL.format("tan"), notebook)
        assert rewritten(pt.sin(x)) == "tan(x)"
        notebook["__name__"] = "another"
        with pytest.raises(RewriteError, match="'of_the_cell', in __main__"):
            exec(CELL.format("tan"), notebook)
    finally:
        RULES.clear()
        RULES.update(before)
    assert rewritten(pt.sin(x)) == "sin(x)"


LATE_RULE = """
import workbench.tensor as pt
from workbench.graph.pattern import variable
from workbench.graph.rewrite import RULES, rule

known = "log_of_exp" in RULES
x = variable("x")


@rule("canonicalise", pt.sinc(pt.sinc(x)))
def mine(x):
    "A rule of the user's."
    return x


from workbench.rewrites import default_mode

names = next([r.name for r in p.rules] for p in default_mode().passes if p.name == "canonicalise")
assert not known and "log_of_exp" in names and names[-1] == "mine", names
"""


def test_rules_are_asked_in_the_same_order_whatever_was_imported_first():
    subprocess.run([sys.executable, "-c", LATE_RULE], check=True, cwd=Path(__file__).parents[2])
    first = "import workbench.rewrites.trigonometry, workbench.rewrites.stabilise\n"
    told = "from workbench.rewrites import default_mode; print([r.name for p in default_mode().passes[1:] for r in p.rules])"
    made = [subprocess.run([sys.executable, "-c", code + told], check=True, capture_output=True, cwd=Path(__file__).parents[2]).stdout for code in ("", first)]
    assert made[0] == made[1]
