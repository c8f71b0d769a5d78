"""Markov chains of finitely many states, against the product of their steps written out."""

import itertools

import numpy as np
import pytest
import scipy.stats as st

import workbench as pm
import workbench.tensor as pt
from workbench.compile import function
from workbench.distributions import draw_rules, set_key
from workbench.errors import ModelError, ParameterValueError, ShapeError
from workbench.graph import Graph, Pass
from workbench.graph.serialise import from_json, to_json
from workbench.transforms import grad

RNG = np.random.default_rng(1)
START = RNG.dirichlet(np.ones(3))
ONE = RNG.dirichlet(np.ones(3), size=3)
BY_STEP = RNG.dirichlet(np.ones(3), size=(4, 3))
BY_SERIES = RNG.dirichlet(np.ones(3), size=(2, 3))
BOTH = RNG.dirichlet(np.ones(3), size=(2, 4, 3))
LAGGED = RNG.dirichlet(np.ones(3), size=(3, 3))
LAGGED_BY_STEP = RNG.dirichlet(np.ones(3), size=(3, 3, 3))
SERIES = np.array([[0, 2, 1, 1, 0], [2, 2, 0, 1, 2]])
CASES = {
    "one": (ONE, {}), "by step": (BY_STEP, {"time_varying": True}), "by series": (BY_SERIES, {}), "by series and step": (BOTH, {"time_varying": True}),
    "two lags": (LAGGED, {"n_lags": 2}), "two lags by step": (LAGGED_BY_STEP, {"n_lags": 2, "time_varying": True}),
}  # fmt: skip


def written_out(x, P, start, options):
    n = options.get("n_lags", 1)
    rank = n + 1 + options.get("time_varying", False)
    total = sum(np.log(start[x[i]]) for i in range(n))
    for t in range(n, len(x)):
        table = P[t - n] if options.get("time_varying") else P
        assert table.ndim == rank - options.get("time_varying", False)
        total += np.log(table[tuple(x[t - n : t + 1])])
    return total


def made(P, options, start=START, shape=(2, 5)):
    return pm.DiscreteMarkovChain.dist(P, init_dist=pm.Categorical.dist(start), shape=shape, **options)


@pytest.mark.parametrize("name", CASES)
def test_logp_is_the_product_of_the_steps(name, backend):
    P, options = CASES[name]
    table, start, x = pt.tensor("P", "float64", P.shape), pt.vector("start", 3), pt.tensor("x", "int64", (2, 5))
    rank = options.get("n_lags", 1) + 1 + options.get("time_varying", False)
    each = P if P.ndim > rank else [P, P]
    wanted = [written_out(s, p, START, options) for s, p in zip(SERIES, each)]
    total = pm.logp(made(table, options, start), x)
    found, slope = function([x, table, start], [total, grad(total.sum(), table)], backend=backend)(SERIES, P, START)
    np.testing.assert_allclose(found, wanted, rtol=1e-13)
    # The slope to a probability is how often it is used, divided by it.
    h = 1e-6 * np.where(np.arange(3) == 1, 1.0, 0.0) * P
    up, down = (sum(written_out(s, p, START, options) for s, p in zip(SERIES, (q if q.ndim > rank else [q, q]))) for q in (P + h, P - h))
    assert np.isclose((slope * h).sum(), (up - down) / 2, rtol=1e-6)


def test_all_series_together_have_the_probability_one():
    for P, options in ((ONE, {}), (LAGGED, {"n_lags": 2}), (BY_STEP[:3], {"time_varying": True})):
        every = np.array(list(itertools.product(range(3), repeat=4)))
        assert np.isclose(np.exp(pm.logp(made(P, options, shape=(81, 4)), every).eval()).sum(), 1.0, rtol=1e-13)


def test_what_is_no_state_has_no_probability():
    rv = made(ONE, {}, shape=3)
    for x in ([0, 3, 1], [-1, 0, 1], [0, 1, 1.5], [0, np.nan, 1]):
        with np.errstate(all="ignore"):
            assert pm.logp(rv, np.array(x)).eval() == -np.inf


def test_logits_are_an_alternative():
    logits = RNG.normal(size=(3, 3)) * 3
    one = pm.DiscreteMarkovChain.dist(logit_P=logits, init_dist=pm.Categorical.dist(START), steps=4)
    P = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    assert np.isclose(pm.logp(one, SERIES[0]).eval(), written_out(SERIES[0], P, START, {}), rtol=1e-13)


@pytest.mark.parametrize("name", CASES)
def test_draws_have_the_probabilities_of_the_chain(name):
    P, options = CASES[name]
    n, varies = options.get("n_lags", 1), options.get("time_varying", False)
    if P.ndim > n + 1 + varies:
        P = np.broadcast_to(P[:, None], (2, 30_000, *P.shape[1:]))
    rv = made(P, options, shape=(2, 30_000, 5))
    set_key(rv, 3)
    x = rv.eval()
    seen = np.bincount(x[..., 0].ravel(), minlength=3)
    assert st.chisquare(seen, START * seen.sum()).pvalue > 1e-4
    for t in range(n, 5):
        for before in itertools.product(range(3), repeat=n):
            for series in range(2):
                table = P[series, 0] if P.ndim > n + 1 + varies else P
                row = (table[t - n] if varies else table)[before]
                here = (x[series, :, t - n : t] == before).all(-1)
                counts = np.bincount(x[series, here, t], minlength=3)
                assert st.chisquare(counts, row * counts.sum()).pvalue > 1e-5, (t, before)


def test_draws_are_the_same_on_every_backend(backend):
    for P, options in CASES.values():
        rv = made(P, options)
        set_key(rv, 7)
        (drawn,), _ = Pass("draw", draw_rules).run([rv])
        np.testing.assert_array_equal(function([], drawn, backend=backend)(), rv.eval())


def test_a_state_of_probability_0_is_never_drawn_nor_where_sampling_starts():
    P = np.array([[0.0, 1.0, 0.0], [0.5, 0.0, 0.5], [0.0, 1.0, 0.0]])
    rv = pm.DiscreteMarkovChain.dist(P, init_dist=pm.Categorical.dist([0.0, 1.0, 0.0]), shape=(1000, 6))
    set_key(rv, 1)
    x = rv.eval()
    assert (x[:, ::2] == 1).all() and set(np.unique(x[:, 1::2])) == {0, 2}
    point = rv.op.distribution.support_point_of(rv).eval()
    assert np.isfinite(pm.logp(rv, np.broadcast_to(point, rv.type.shape)).eval()).all()


def test_lengths_from_data_dims_and_json():
    with pm.Model(coords={"day": range(5), "site": ["a", "b"]}) as model:
        P = pm.Dirichlet("P", np.ones((3, 3)))
        z = pm.DiscreteMarkovChain("z", P, init_dist=pm.Categorical.dist(START), dims=("site", "day"))
        seen = pm.Data("seen", SERIES)
        pm.DiscreteMarkovChain("y", P, init_dist=pm.Categorical.dist(START), observed=seen)
    assert z.type.shape == (2, 5)
    logp = model.compile_logp(vars=[model["y"]])
    at = model.initial_point()
    every = np.full((3, 3), 1 / 3)
    assert np.isclose(logp(at), sum(written_out(s, every, START, {}) for s in SERIES), rtol=1e-12)
    with model:
        pm.set_data({"seen": SERIES[:1, :3]})
    assert np.isclose(logp(at), written_out(SERIES[0, :3], every, START, {}), rtol=1e-12)
    rv = made(LAGGED, {"n_lags": 2}, shape=(5,))
    again = from_json(to_json(Graph([], [pm.logp(rv, SERIES[0])]))).run("numpy")[0]
    assert np.isclose(again, written_out(SERIES[0], LAGGED, START, {"n_lags": 2}))


def test_the_start_is_said_to_be_uniform_where_none_is_given():
    with pytest.warns(UserWarning, match="all states are alike"):
        rv = pm.DiscreteMarkovChain.dist(ONE, steps=1)
    assert np.isclose(pm.logp(rv, [1, 0]).eval(), np.log(ONE[1, 0] / 3))


BAD = [
    (lambda: pm.DiscreteMarkovChain.dist(steps=2), ModelError, "P or logit_P"),
    (lambda: pm.DiscreteMarkovChain.dist(START, steps=2), ShapeError, r"P has shape \(3,\)"),
    (lambda: pm.DiscreteMarkovChain.dist(np.ones((2, 3)) / 3, steps=2), ShapeError, "those of the same states"),
    (lambda: pm.DiscreteMarkovChain.dist(ONE, steps=2, n_lags=0), ModelError, "n_lags"),
    (lambda: pm.DiscreteMarkovChain.dist(ONE, init_dist=pm.Normal.dist(0, 1), steps=2), ShapeError, "single whole numbers"),
    (lambda: pm.DiscreteMarkovChain.dist(ONE, init_dist=pm.Categorical.dist(START)), ShapeError, "how long is it"),
    (lambda: pm.DiscreteMarkovChain.dist(ONE * 2, init_dist=pm.Categorical.dist(START), steps=2), ModelError, "each row of P must be"),
    (lambda: made(BY_STEP, {"time_varying": True}, shape=7), ShapeError, "P is given for 4 steps"),
    (lambda: made(LAGGED, {"n_lags": 2}, np.broadcast_to(START, (3, 3)), shape=7), ShapeError, "there are 2 first states"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "kind", "text"), BAD)
def test_bad_input_is_named(make, kind, text):
    with pytest.raises(kind, match=text):
        make()


def test_rows_that_do_not_sum_to_1_are_an_error_when_they_come():
    P = pt.matrix("P", 3, 3)
    with pytest.raises(ParameterValueError, match="each row of P must be probabilities"):
        pm.logp(made(P, {}, shape=5), SERIES[0]).eval({P: ONE * 1.1})
