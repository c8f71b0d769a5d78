"""Both sides of every pattern at infinities, signed zeros, ties, denormal and huge numbers.

A rule may only change a value there towards the truth: that of the left side in the real numbers, to 700 digits by mpmath. Where that
has no value (the logarithm of a negative number, a difference of infinities) the left side's was an accident of rounding.
"""

import itertools

import mpmath
import numpy as np
import pytest

import workbench as pm
import workbench.tensor as pt
from tests.rewrites.real_numbers import MP
from workbench.graph import Graph, intern, topological
from workbench.graph.pattern import PatternVariable, pattern_variables
from workbench.graph.properties import (
    Property,
    is_integer,
    is_negative,
    is_nonnegative,
    is_nonpositive,
    is_nonzero,
    is_positive,
)
from workbench.graph.traverse import replace
from workbench.rewrites import default_mode
from workbench.tensor.assumptions import Assume

POINTS = np.array([-np.inf, -1e300, -800.0, -40.0, -1.0, -1e-20, -1e-310, -0.0, 0.0, 1e-310, 1e-20, 0.5, 1.0, 2.0, 40.0, 800.0, 1e300, np.inf])
WHOLE = np.array([-np.inf, -1e300, -3.0, -0.0, 0.0, 2.0, 1e300, np.inf])
FEW = np.array([-np.inf, -800.0, -1.0, -0.0, 0.0, 1e-310, 2.0, 800.0, np.inf])
SIGNS = {is_positive: lambda p: p > 0, is_negative: lambda p: p < 0, is_nonnegative: lambda p: p >= 0, is_nonpositive: lambda p: p <= 0, is_nonzero: lambda p: p != 0}
OWN_DOMAIN = {"log_of_reciprocal", "log_of_iv", "log_of_kv", "one_minus_betainc", "gammaincc_from_gammainc", "gammainc_from_gammaincc"}
"""Functions of mathematics only where their arguments are positive: there they are compared."""
MAY_BE_ANY = {
    "exp_of_betaln": "SciPy's beta at 1e300 is NaN",
    "log_of_iv": "SciPy's ive is NaN far out",
    "log_of_kv": "SciPy's kve is NaN far out",
    "constant_factors_divided": "x / y may overflow where (c x) / (d y) does not quite: the rules take numbers for real numbers",
    "gammaincc_from_gammainc": "SciPy's gammainc is 0 for a denormal shape",
    "gammainc_from_gammaincc": "SciPy's gammainc is 0 for a denormal shape",
}
SCALAR = [
    r for r in {r.name: r for p in default_mode().passes for r in getattr(p, "rules", ())}.values()
    if r.group in ("canonicalise", "linear algebra", "stabilise", "specialise") and r.pattern is not None
    and all(v.type.ndim == 0 and v.type.kind in "fb" for v in pattern_variables(r.pattern))
]  # fmt: skip


def points(rule, v, few):
    """Where a variable of a pattern is tried."""
    op = v.op
    if v.type.kind == "b":
        return np.array([False, True])
    found = FEW if few else POINTS
    if rule.name == "power_of_power":
        # The product of two denormal exponents is 0.
        found = found[(found == 0) | (abs(found) > 1e-300)]
    if isinstance(op.where, Property):
        found = WHOLE if is_integer.of(op.where) else found
        for sign, has in SIGNS.items():
            if sign.of(op.where):
                found = found[has(found)]
    if rule.name in OWN_DOMAIN:
        found = found[(found > 0) & (found < np.inf) & (op.domain.low <= found) & (found <= op.domain.high)]
    return found[np.isfinite(found)] if op.constant else found


def instances(rule):
    """The pattern over arrays of all combinations of points, for each combination of its constants."""
    variables = pattern_variables(rule.pattern)
    tried = [points(rule, v, len(variables) > 2) for v in variables]
    free = [i for i, v in enumerate(variables) if not v.op.constant]
    grids = [g.ravel() for g in np.meshgrid(*[tried[i] for i in free], indexing="ij")]
    for constants in itertools.product(*[p for p, v in zip(tried, variables) if v.op.constant]):
        given, stand_ins, values = iter(constants), {}, {}
        for i, v in enumerate(variables):
            if v.op.constant:
                stand_ins[v] = pt.constant(next(given))
                continue
            grid = grids[free.index(i)]
            x = stand_ins[v] = pt.tensor(v.op.label, grid.dtype.name, grid.shape)
            if isinstance(v.op.where, Property):
                stand_ins[v] = intern(Assume(tuple(v.op.where.label.split(", "))), (x,))
            values[v] = x, grid
        yield replace([rule.pattern], stand_ins)[0], dict(values.values()), stand_ins


def truth(pattern, values):
    """The value of a pattern in the real numbers; ``None`` where a function of it is not known here."""
    with mpmath.workdps(700):
        memo = {}
        for n in topological([pattern]):
            if isinstance(n.op, PatternVariable):
                memo[n] = bool(values[n]) if n.type.kind == "b" else mpmath.mpf(float(values[n]))
            elif n.op.name == "constant":
                memo[n] = mpmath.mpf(float(n.op.value))
            elif n.op.name not in MP:
                return None
            else:
                try:
                    memo[n] = MP[n.op.name](*[memo[x] for x in n.inputs])
                except OverflowError:
                    return None
        return memo[pattern]


def is_right(found, exact, size):
    """Whether a value is the exact one as double precision can say it, terms of `size` rounded."""
    if mpmath.isnan(exact):
        return True
    if not np.isfinite(found):
        return not np.isnan(found) and abs(exact) > 1.7e308 and (found > 0) == (exact > 0)
    if mpmath.isinf(exact):
        # Of a number with more than 700 digits.
        return abs(found) > 700.0
    return abs(mpmath.mpf(float(found)) - exact) <= 1e-8 * abs(exact) + 1e-15 * size + 1e-300


@pytest.mark.parametrize("rule", SCALAR, ids=lambda r: r.name)
def test_a_rule_changes_values_at_special_points_only_towards_the_truth(rule):
    compared = 0
    for before, values, stand_ins in instances(rule):
        after = rule.apply(before)
        if after is None or after is before:
            continue
        with np.errstate(all="ignore"):
            a, b = np.broadcast_arrays(*Graph(list(values), [before, after]).run("numpy", *values.values()))
            same = (a == b) | (a != a) if a.dtype.kind != "f" else np.isclose(a, b, rtol=1e-9, atol=1e-300) | np.isnan(a)
        compared += a.size
        for i in np.flatnonzero(~same):
            at = {v: (values[s][i] if s in values else values[s.inputs[0]][i] if s.inputs else s.op.value) for v, s in stand_ins.items()}
            says = f"{rule.name} at {({v.op.label: float(x) for v, x in at.items()})}: {a.ravel()[i]} became {b.ravel()[i]}"
            exact = truth(rule.pattern, at)
            if exact is None or rule.name in MAY_BE_ANY:
                assert rule.name in MAY_BE_ANY or not np.isnan(b.ravel()[i]), says
                continue
            size = max([abs(float(x)) for x in at.values() if np.isfinite(float(x))], default=0.0)
            assert is_right(b.ravel()[i], exact, size), f"{says}, exactly {mpmath.nstr(exact, 10)}"
    assert compared


def test_the_difference_of_exponentials_of_minus_infinity():
    x, y = pt.vector("x", 6), pt.vector("y", 6)
    (after,), trace = default_mode().run([pt.log(pt.exp(x) - pt.exp(y))])
    assert "log_of_difference_of_exp" in trace.counts
    with np.errstate(all="ignore"):
        (found,) = Graph([x, y], [after]).run("numpy", np.array([-np.inf, 0.0, 3.0, 800.0, np.inf, 2.0]), np.array([-np.inf, -np.inf, 3.0, -np.inf, 0.0, 1.0]))
    np.testing.assert_allclose(found, [-np.inf, 0.0, -np.inf, 800.0, np.inf, np.log(np.exp(2.0) - np.exp(1.0))], rtol=1e-15)


def test_a_constant_that_two_make_is_in_the_range_of_double_precision():
    x = pt.vector("x", 2)
    for expr, wanted in (
        ((x * 1e-200) * 1e-200, [1e-100, 0.0]), ((x * 1e200) * 1e200, [np.inf, 0.0]), ((x / 1e200) / 1e200, [1e-100, 0.0]), ((x * 1e-200) / 1e200, [1e-100, 0.0]),
    ):  # fmt: skip
        (after,), _ = default_mode().run([expr])
        with np.errstate(all="ignore"):
            np.testing.assert_allclose(Graph([x], [after]).run("numpy", np.array([1e300, 0.0]))[0], wanted, rtol=1e-12)


@pytest.mark.parametrize(
    "build",
    [
        lambda x: (x + np.inf) - (x + np.inf) + (pt.constant(np.inf) - pt.constant(np.inf)),
        lambda x: (pt.constant(-np.inf) + x) - pt.constant(-np.inf),
        lambda x: pt.constant(np.inf) - (pt.constant(np.inf) - x),
        lambda x: (x - pt.constant([1.0, np.inf])) + pt.constant([1.0, np.inf]),
    ],
)
def test_constant_infinities_do_not_cancel(build):
    """An impossible observation times an infinite density is no probability of 1."""
    x = pt.scalar("x")
    assert np.isnan(pm.function([x], build(x), backend="numpy")(1.0)).any()
