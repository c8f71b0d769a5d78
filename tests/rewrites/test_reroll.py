"""Repeated structure becomes a loop: forms before and after, values of both, and what stays as it is."""

import numpy as np
import pytest

import workbench as pm
import workbench.tensor as pt
from workbench.compile import function
from workbench.graph import summary
from workbench.graph.traverse import replace, topological
from workbench.rewrites import default_mode, reroll
from workbench.rewrites.reroll import LEAST, Reroll
from workbench.transforms import grad

N = 20
assert N >= LEAST


def rerolled(*roots):
    after, record = Reroll().run(roots)
    return after, [f.rule.name for f in record.firings]


def added(terms):
    total = terms[0]
    for t in terms[1:]:
        total = total + t
    return total


def test_terms_of_picks_and_numbers_are_a_sum_over_a_vector():
    x, s = pt.vector("x", 30), pt.scalar("s")
    (after,), rules = rerolled(added([pt.exp(x[k] * (k + 1.5)) / s for k in range(N)]))
    assert rules == ["sum_of_equal_terms"]
    assert summary(after) == "sum{axes=(0,)}(exp(x[0:20] * const float64[20]) / s)"


def test_picks_in_any_order_are_taken_by_their_numbers():
    x, order = pt.vector("x", 30), [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3, 2, 3, 8, 4]
    (after,), _ = rerolled(added([pt.exp(x[k]) for k in order]))
    assert summary(after) == "sum{axes=(0,)}(exp(x[const int64[20]]))"
    (take,) = [n for n in topological([after]) if n.op.name == "take"]
    assert take.inputs[1].op.value.tolist() == order


def test_elements_of_a_stack_are_the_form_over_a_vector():
    xs = [pt.scalar(f"x{k}") for k in range(N)]
    (after,), rules = rerolled(pt.stack([pt.log1p(pt.exp(x)) * 2.0 for x in xs]))
    assert rules == ["stack_of_equal_elements"]
    assert sum(n.op is pt.log1p for n in topological([after])) == 1 and after.type.shape == (N,)


def test_what_is_subtracted_and_what_is_alone_keep_their_signs():
    x = pt.vector("x", 64)
    total = x[60]
    for k in range(N):
        total = total - pt.exp(x[k]) + pt.sin(x[k + 20])
    total = total - pt.cos(x[61])
    (after,), _ = rerolled(-total)
    value = np.linspace(-1.0, 1.0, 64)
    wanted = -(value[60] - np.exp(value[:20]).sum() + np.sin(value[20:40]).sum() - np.cos(value[61]))
    np.testing.assert_allclose(function([x], after, backend="numpy")(value), wanted, rtol=1e-13)
    assert len(topological([after])) < 30


def test_sums_within_terms_come_first_and_every_state_can_be_replayed():
    x = pt.matrix("x", N, N)
    start = added([pt.exp(added([pt.sin(x[i, j] * (i + 0.5)) for j in range(N)])) for i in range(N)])
    (after,), record = Reroll().run([start])
    assert len(topological([after])) < 15
    (now,) = record.before
    for f in record.firings:
        (now,) = replace([now], {f.before: f.after})
    assert now is after


def test_fewer_terms_stay_as_they_are():
    x = pt.vector("x", N)
    total = added([pt.exp(x[k]) for k in range(LEAST - 1)])
    (after,), rules = rerolled(total)
    assert after is total and not rules


def test_numbers_that_rules_know_are_of_a_form_of_their_own():
    """0 * log(x) is 0 wherever x is: it must not become a product with a vector that has a zero somewhere."""
    x = pt.vector("x", 2 * N)
    seen = [float(k % 2) for k in range(2 * N)]
    f = function([x], added([d * pt.log(x[k]) for k, d in enumerate(seen)]), backend="numpy")
    value = np.where(np.arange(2 * N) % 2 == 1, 2.0, 0.0)
    np.testing.assert_allclose(f(value), N * np.log(2.0), rtol=1e-13)


def test_what_is_differentiated_for_stays():
    x = pt.vector("x", N)
    picks = [x[k] for k in range(N)]
    inner = [pt.exp(p) for p in picks]
    total = added([pt.sin(y) * p for y, p in zip(inner, picks)])
    value = np.linspace(-1.0, 1.0, N)
    f = function([x], [*grad(total, inner), *grad(total, picks), grad(total, x)], backend="numpy")
    found = np.array([np.sum(r) for r in f(value)[: 2 * N]])
    np.testing.assert_allclose(found[:N], value * np.cos(np.exp(value)), rtol=1e-13)
    np.testing.assert_allclose(found[N:], np.sin(np.exp(value)) + value * np.cos(np.exp(value)) * np.exp(value), rtol=1e-13)
    np.testing.assert_allclose(f(value)[-1], found[N:], rtol=1e-13)


def test_draws_keep_their_keys():
    draws = [pm.Normal.dist(float(k), 1.0) for k in range(N)]
    total = pt.stack([pt.exp(d) for d in draws])
    seeded = pm.draw(total, random_seed=3)
    apart = pm.draw([pt.exp(d) for d in draws], random_seed=3)
    np.testing.assert_allclose(seeded, apart, rtol=1e-14)


FORMS = (
    lambda a, b, c: a * b + c, lambda a, b, c: pt.tanh(a - c) * 1.5, lambda a, b, c: pt.where(a > b, a, c), lambda a, b, c: pt.maximum(a, b) - c,
    lambda a, b, c: pt.sqr(a) + b, lambda a, b, c: pt.stack([a, b, c]).max(), lambda a, b, c: pt.exp(-pt.sqr(b)) + a, lambda a, b, c: a + 0.0 * b,
)  # fmt: skip


def random_program(rng, dtype):
    """Sums and stacks of terms of few random forms, over picks of vectors and matrices, windows, inputs, numbers and shared values."""
    x, m, s = pt.vector("x", 40, dtype=dtype), pt.matrix("m", 5, 8, dtype=dtype), pt.scalar("s", dtype=dtype)
    shared = [pt.tanh(x[39] * s), s, x[0]]

    def leaf(k, kind):
        if kind == 0:
            return x[int(rng.integers(40))]
        if kind == 1:
            return m[int(rng.integers(5)), int(rng.integers(8))]
        if kind == 2:
            return shared[k % 3]
        if kind == 3:
            at = int(rng.integers(36))
            return x[at : at + 3].sum()
        return pt.cast(pt.constant(float(np.round(rng.normal(), 1))), dtype)

    terms = []
    for _ in range(int(rng.integers(1, 4))):
        kinds, forms = rng.integers(0, 5, size=3), rng.choice(len(FORMS), size=2)
        for k in range(int(rng.integers(LEAST - 2, LEAST + 12))):
            y = FORMS[forms[0]](*(leaf(k, kind) for kind in kinds))
            terms.append(pt.cast(FORMS[forms[1]](y, leaf(k, kinds[0]), leaf(k, kinds[1])), dtype))
    order = rng.permutation(len(terms))
    total = terms[order[0]]
    for k in order[1:]:
        total = total + terms[k] if rng.uniform() < 0.8 else total - terms[k]
    return [x, m, s], [total, pt.stack([terms[k] for k in order])]


@pytest.mark.parametrize("dtype", ["float64", "float32", "int64"])
def test_random_programs_have_the_values_that_they_have_term_by_term(dtype, monkeypatch):
    fired = 0
    for seed in range(8 if dtype == "float64" else 3):
        rng = np.random.default_rng(seed)
        inputs, outputs = random_program(rng, dtype)
        values = [np.asarray(rng.normal(size=p.type.static_shape) * 2.0).astype(dtype) for p in inputs]

        def results(inputs=inputs, outputs=outputs, values=values):
            cost = outputs[0] + pt.sqr(outputs[1]).sum()
            f = function(inputs, [*outputs, *(grad(cost, inputs, disconnected_inputs="ignore") if dtype != "int64" else [])], backend="numpy")
            return f(*values), sum(len(p.firings) for p in f.trace.passes if p.name == "reroll")

        found, times = results()
        fired += times
        with monkeypatch.context() as patched:
            patched.setattr(reroll, "LEAST", 10**9)
            wanted, none = results()
        assert not none
        for r, w in zip(found, wanted):
            assert r.dtype == w.dtype and r.shape == w.shape
            # Sums of up to a hundred terms in another order: the last digits may differ.
            tolerance = 2e-4 if dtype == "float32" else 1e-12
            np.testing.assert_allclose(r, w, rtol=tolerance, atol=tolerance * np.abs(w).max(initial=1.0))
    assert fired >= 3


def test_a_model_in_a_loop_of_python_is_the_vectorised_one():
    rng = np.random.default_rng(1)
    data = rng.normal(size=N)
    with pm.Model() as by_loop:
        s = pm.HalfNormal("s", 1.0)
        x = pm.Normal("x0", 0.0, s)
        for k in range(1, N + 1):
            before, x = x, pm.Normal(f"x{k}", x, s)
            pm.Normal(f"y{k}", before, 0.5, observed=data[k - 1])
    with pm.Model() as whole:
        s = pm.HalfNormal("s", 1.0)
        x = pm.Normal("x", 0.0, s, shape=N + 1) * 1.0
        pm.Potential("steps", pm.logp(pm.Normal.dist(x[:-1], s), x[1:]).sum() - pm.logp(pm.Normal.dist(0.0, s), x[1:]).sum())
        pm.Normal("y", x[:-1], 0.5, observed=data)
    q = rng.normal(size=N + 2)
    found, wanted = (m.logp_dlogp_function(backend="numpy")(q) for m in (by_loop, whole))
    np.testing.assert_allclose(found[0], wanted[0], rtol=1e-12)
    np.testing.assert_allclose(found[1], wanted[1], rtol=1e-11, atol=1e-12)
    nodes = len(topological(by_loop.logp_dlogp_function(backend="numpy").function.graph.results))
    assert nodes < 120


def test_work_and_steps_are_in_proportion_to_the_number_of_terms():
    def steps(n):
        x, s = pt.vector("x", n + 1), pt.scalar("s")
        total = added([pt.exp(-pt.sqr((x[k] - 0.01 * k - x[k + 1]) / s)) for k in range(n)])
        return len(default_mode().run([total, grad(total, x)])[1])

    assert steps(400) <= steps(100) + 5
