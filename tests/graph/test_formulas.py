"""Expressions as formulas: what a reader sees, what is left out where there is no room, and what Python reads it as."""

import ast
import time

import numpy as np
import pytest

import workbench as pm
import workbench.tensor as pt
from workbench.graph import formula, formulas, free_inputs, summary, terms, topological
from workbench.rewrites import default_mode

a = pt.matrix("a", 4, 5)
x = pt.vector("x", 4)
i = pt.vector("i", 3, dtype="int64")
k = pt.scalar("k")
b = [pt.scalar(f"b{n}") for n in range(9)]
line = sum((b[n] * pt.vector(f"x{n}", 3) for n in range(1, 9)), b[0])

READ = [
    (k - 2.0, "k - 2"),
    ((k - 2.0) ** 2, "(k - 2)**2"),
    (k**-k, "k**(-k)"),
    ((-k) ** 2, "(-k)**2"),
    (-(k**2), "-k**2"),
    (k - (x + k), "k - (x + k)"),
    (k + (x + k), "k + x + k"),
    (k / (x * k), "k/(x*k)"),
    (k * -2.0, "-2*k"),
    (k + -2.0 * x, "k - 2*x"),
    (-0.5 * k**2 + -1.0 * k - 3.5, "-0.5*k**2 - k - 3.5"),
    (-(k + x), "-(k + x)"),
    (pt.exp(-(-k)), "exp(k)"),
    (1.0 / (1.0 + pt.exp(-k)), "1/(1 + exp(-k))"),
    (k / 3.0e-12 + 0.123456789, "k/3e-12 + 0.123457"),
    (x[0] + x[-1], "x[0] + x[3]"),
    (x[1:] - x[:-1], "x[1:] - x[:3]"),
    (x[::-1], "x[::-1]"),
    (a[0] + a[:, 1][0], "a[0] + a[:, 1][0]"),
    (a[i], "a[i]"),
    (a[:, i], "a[:, i]"),
    (a[:, None, i], "a[:, None, i]"),
    (x[:, None] - x[None, :], "x[:, None] - x"),
    (pt.reshape(a, (20,)), "reshape(a, (20,))"),
    (pt.sum(a), "sum(a)"),
    (pt.sum(a, axis=1), "sum(a, axis=1)"),
    (a.T, "a.T"),
    (pt.where(pt.logical_or(pt.logical_and(k > 0.0, k < 1.0), k > 2.0), k, -np.inf), "where(k > 0 and k < 1 or k > 2, k, -inf)"),
    (pt.logical_not(k > 0.0), "not k > 0"),
    (pt.broadcast_to(k, (4,)) * x, "k*x"),
    (k * (x > 0.0), "k*(x > 0)"),
    (pt.cast(k, "float32"), "float32(k)"),
    (pt.cast(k, "int64"), "int64(k)"),
    (x * np.full(4, 2.0), "x*2"),
    (pt.vector("z", 9) * np.full(9, 2.0), "z*2"),
    (pt.vector("z", 9) + np.arange(9.0), "z + [0, 1, …]"),
    (pm.Normal.dist(k, 2.0, shape=(4,)) + 1.0, "Normal(k, 2) + 1"),
    (pm.math.dot(np.eye(3), pt.vector("v", 3)), "sum([[1, 0, …], [0, 1, …], …]*v, axis=1)"),
]


@pytest.mark.parametrize("expr, read", READ, ids=[read for _, read in READ])
def test_a_formula_is_as_a_person_writes_it(expr, read):
    assert formula(expr) == read


@pytest.mark.parametrize("limit, read", [
    (20, "b0 + … + b8*x8"), (34, "b0 + b1*x1 + b2*x2 + … + b8*x8"),
    (90, "b0 + b1*x1 + b2*x2 + b3*x3 + b4*x4 + b5*x5 + b6*x6 + b7*x7 + b8*x8"),
])  # fmt: skip
def test_a_long_sum_is_left_out_in_its_middle(limit, read):
    assert formula(line, limit) == read


def test_what_is_left_out_lies_deep_and_the_top_is_never_hidden():
    chosen = pt.where(line > 0.0, pt.log(line), (line - k) / (line**2 + 1.0))
    for limit in range(8, 200):
        read = formula(chosen, limit)
        assert len(read) <= limit and read.startswith("where(") and read.endswith(")")
        assert read.count("(") == read.count(")")


def test_a_negative_end_of_a_sum_keeps_its_sign():
    assert formula(sum(b[1:8], b[0]) - b[8], 24) == "b0 + b1 + b2 + … - b8"
    assert formula(sum([*b, *b, *b], b[0]) + b[1] * -2.0, 24) == "b0 + b0 + … - 2*b1"


def test_formulas_of_many_are_those_of_each():
    nodes = topological([sum([*b, *b, *b, *b], b[0]) * (b[0] * b[1] / b[2] * -3.0) + (b[3] + (b[4] - b[5]))])
    for limit in (12, 34, 160):
        assert formulas(nodes, limit) == [formula(n, limit) for n in nodes]


@pytest.mark.parametrize("limit", [1, 5, 10, 34, 160])
def test_no_formula_is_longer_than_its_limit(limit):
    rng = np.random.default_rng(1)
    with pm.Model() as model:
        mu = pm.Normal("a_name_of_some_length" * 9, 0, 1, shape=3)
        pm.Normal("y", pt.exp(mu), pm.HalfNormal("s"), observed=rng.normal(size=3))
    roots, _ = default_mode().run(model.logp_grad_graph().results)
    for node in topological(roots):
        assert 0 < len(formula(node, limit)) <= limit
        assert len(summary(node, limit)) <= limit


def test_a_long_name_is_cut_and_a_number_is_not():
    assert formula(pt.scalar("n" * 300) + 1.0, 20) == "n" * 15 + "… + 1"
    assert "1.2" not in formula(pt.exp(k + 1.23456), 8)


OPERATIONS = [lambda p, q: p + q, lambda p, q: p - q, lambda p, q: p * q, lambda p, q: p / q, lambda p, q: -p, lambda p, q: p**2, lambda p, q: pt.exp(q / 9.0)]


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("read", [formula, summary], ids=["read", "exact"])
def test_python_reads_a_formula_as_the_value_that_it_is_of(seed, read):
    rng = np.random.default_rng(seed)
    names = [pt.scalar(n) for n in "pqrs"]
    made = [*names, pt.constant(2.0), pt.constant(-3.0), pt.constant(0.5)]
    for _ in range(9):
        p, q = (made[j] for j in rng.integers(max(0, len(made) - 6), len(made), 2))
        made.append(OPERATIONS[rng.integers(len(OPERATIONS))](p, q))
    values = dict(zip("pqrs", rng.uniform(0.5, 1.5, 4)))
    shown = read(made[-1], 10**6)
    expected = float(made[-1].eval({n: values[n.name] for n in free_inputs([made[-1]])}))
    got = eval(compile(ast.parse(shown, mode="eval"), "", "eval"), {"exp": np.exp, "square": np.square, **values})
    np.testing.assert_allclose(got, expected, rtol=1e-9)


def test_the_terms_of_a_sum_have_their_signs():
    named = k + 1.0
    named.name = "named"
    found = terms(x * k - (named + x) + named - -2.0)
    assert [(sign, t.name or formula(t)) for sign, t in found] == [(1, "x*k"), (-1, "named + x"), (1, "named"), (-1, "-2")]
    assert terms(pt.exp(k))[0][1] is pt.exp(k)


def test_the_time_does_not_depend_on_how_often_parts_are_shared():
    node = k
    for _ in range(3000):
        node = pt.sin(node) * node + 1.0
    start = time.perf_counter()
    assert formula(node).endswith("+ 1") and repr(node).endswith("+ 1.0")
    assert time.perf_counter() - start < 0.5


def test_a_model_says_its_formulas_in_full_or_with_dots():
    with pm.Model() as model:
        beta = [pm.Normal(f"beta{n}") for n in range(30)]
        eta = pm.Deterministic("eta", sum((beta[n] * float(n) for n in range(1, 30)), beta[0]))
        pm.Normal("y", eta - 2.0, 1.0, observed=0.0)
    lines = str(model).splitlines()
    assert lines[0] == "beta0 ~ Normal(0, 1)" and lines[-1] == "y ~ Normal(eta - 2, 1) (observed)"
    assert lines[30].startswith("eta = Deterministic(beta0 + beta1*1 + ") and lines[30].endswith("+ … + beta29*29)")
