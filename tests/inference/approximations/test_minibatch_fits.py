"""Fits over minibatches: rows are uniform, the estimate has the right expectation, and memory does not grow with the data."""

import itertools
import resource

import numpy as np
import pytest
import scipy.stats

import workbench as pm
from workbench.errors import ArgumentError, ModelError, ShapeError
from workbench.inference.approximations.linked_descent import batch_density

ROWS = np.array([0.3, 1.9, -0.7, 2.2])
TIMES = np.array([1.0, 2.0, 3.0, 4.0])


def slope_model(x, y, total=None):
    with pm.Model() as model:
        b = pm.Normal("b", 0.0, 2.0)
        s = pm.HalfNormal("s", 1.0)
        pm.Normal("y", b * x, s, observed=y, total_size=total)
    return model


def test_the_mean_over_all_minibatches_is_the_density_of_all_data():
    """Of 4 rows there are 16 equally probable minibatches of 2: the mean of density and gradient is exact."""
    q = np.array([0.4, -0.2])
    whole = slope_model(TIMES, ROWS).logp_dlogp_function(backend="numpy") if hasattr(pm.Model, "logp_dlogp_function") else None
    density = batch_density(slope_model(TIMES, ROWS), "numpy")
    value, gradient = density(q, np.uint64(0))
    assert whole is None or np.isclose(whole(q)[0], value)
    found = {}
    batched = slope_model(*pm.Minibatch(TIMES, ROWS, batch_size=2), total=4)
    estimate = batch_density(batched, "numpy")
    by_hand = {}
    for pair in itertools.product(range(4), repeat=2):
        rows = list(pair)
        by_hand[pair] = batch_density(slope_model(TIMES[rows], ROWS[rows], total=4), "numpy")(q, np.uint64(0))
    for key in range(400):
        got = estimate(q, np.uint64(key))
        pair = next(p for p, wanted in by_hand.items() if np.isclose(wanted[0], got[0], rtol=1e-12) and np.allclose(wanted[1], got[1], rtol=1e-12))
        found[pair] = found.get(pair, 0) + 1
    assert np.isclose(np.mean([v for v, _ in by_hand.values()]), value, rtol=1e-12)
    assert np.allclose(np.mean([g for _, g in by_hand.values()], axis=0), gradient, rtol=1e-12)
    # Two orders of one pair of rows have one density: 4 pairs alike, 6 of two orders.
    classes = {}
    for pair, n in found.items():
        classes[tuple(sorted(pair))] = classes.get(tuple(sorted(pair)), 0) + n
    expected = [400 * (1 if a == b else 2) / 16 for a, b in classes]
    assert len(classes) == 10 and scipy.stats.chisquare(list(classes.values()), expected).pvalue > 1e-3


def test_a_fit_over_minibatches_finds_the_posterior_of_all_data():
    rng = np.random.default_rng(0)
    x = rng.normal(size=2000)
    y = 1.5 * x + rng.normal(size=2000)
    with pm.Model() as model:
        b = pm.Normal("b", 0.0, 1.0)
        rows, seen = pm.Minibatch(x, y, batch_size=100)
        pm.Normal("y", b * rows, 1.0, observed=seen, total_size=2000)
        advi = pm.ADVI(random_seed=1, backend="c")
        for rate in (0.02, 0.002, 0.0004):
            approx = advi.fit(3000, obj_optimizer=pm.adam(learning_rate=rate), quiet=True)
    precision = (x**2).sum() + 1.0
    assert abs(approx.mean.eval()[0] - (x * y).sum() / precision) < 0.2 * precision**-0.5
    assert np.isclose(approx.std.eval()[0], precision**-0.5, rtol=0.05)
    with pytest.raises(ModelError, match="y: its log-density is only estimated"):
        approx.khat
    with pm.Model() as whole:
        b = pm.Normal("b", 0.0, 1.0)
        pm.Normal("y", b * x, 1.0, observed=y)
    assert approx.judged_by(whole).good
    assert "y" not in approx.sample(5).groups() and "observed_data" not in approx.sample(5).groups()
    assert model["b"].name == "b"


@pytest.mark.parametrize("method", ["svgd", "fullrank_advi"])
def test_other_methods_take_minibatches_too(method):
    model = slope_model(*pm.Minibatch(TIMES, ROWS, batch_size=2), total=4)
    fits = [pm.fit(8, method, model=model, random_seed=1, quiet=True, backend="numpy") for _ in range(2)]
    assert np.array_equal(fits[0].hist, fits[1].hist) and np.isfinite(fits[0].hist).all()


def test_what_needs_all_data_refuses_minibatches():
    model = slope_model(*pm.Minibatch(TIMES, ROWS, batch_size=2), total=4)
    for job in (lambda: pm.sample(model=model), lambda: pm.fit(method="dadvi", model=model), lambda: pm.find_MAP(model=model), lambda: pm.fit_laplace(model=model)):
        with pytest.raises(ModelError, match="y: its data are a minibatch") as caught:
            job()
        assert "pm.Normal" in caught.value.location.text


def test_rows_that_count_as_all_there_are_are_warned_of():
    model = slope_model(*pm.Minibatch(TIMES, ROWS, batch_size=2))
    with pytest.warns(UserWarning, match="y: its data are a minibatch, and count as all there are: give total_size="):
        pm.fit(2, model=model, random_seed=1, progressbar=False, compute_convergence_checks=False, backend="numpy")


def test_rows_of_several_arrays_belong_together_and_keep_their_dtypes():
    x = np.arange(30)
    a, b, c = pm.Minibatch(x, np.stack([x, -x], 1).astype(float), x % 2 == 0, batch_size=7)
    assert a.dtype == "int64" and b.type.shape == (7, 2) and c.dtype == "bool"
    assert np.array_equal(b.eval()[:, 1], -a.eval()) and np.array_equal(c.eval(), a.eval() % 2 == 0)


def test_minibatches_of_data_follow_the_data():
    with pm.Model() as model:
        x = pm.Data("x", np.zeros(5))
        mu = pm.Normal("mu", 0.0, 1.0)
        pm.Normal("y", mu, 1.0, observed=pm.Minibatch(x, batch_size=3), total_size=5)
    first = float(batch_density(model, "numpy")([0.0], np.uint64(1))[0])
    with model:
        pm.set_data({"x": np.full(8, 2.0)})
    second = float(batch_density(model, "numpy")([0.0], np.uint64(1))[0])
    assert np.isclose(second - first, -0.5 * 5 * 4.0)


def test_observed_expressions_of_data_follow_the_data_whatever_they_are_made_of():
    """A minibatch's rows are numbered by `arange`, which is neither data nor a constant."""
    with pm.Model() as model:
        x = pm.Data("x", np.zeros(3))
        mu = pm.Normal("mu", 0.0, 1.0)
        pm.Normal("y", mu, 1.0, observed=x[::-1] + pm.tensor.arange(3))
    before = float(model.compile_logp(backend="numpy")({"mu": 0.0}))
    with model:
        pm.set_data({"x": np.array([1.0, 1.0, 1.0])})
    after = float(model.compile_logp(backend="numpy")({"mu": 0.0}))
    assert np.isclose(after - before, -0.5 * (1 + 4 + 9 - 0 - 1 - 4))


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: pm.Minibatch(ROWS, TIMES[:2], batch_size=2), ShapeError, "equally many, these have 4, 2"),
        (lambda: pm.Minibatch(3.0, batch_size=2), ShapeError, "a number has none"),
        (lambda: pm.Minibatch([], batch_size=2), ShapeError, "no rows"),
        (lambda: pm.Minibatch([1.0, np.nan], batch_size=2), ModelError, "missing values"),
        (lambda: pm.Minibatch(["a", "b"], batch_size=2), ModelError, "numbers"),
        (lambda: pm.Minibatch(ROWS, batch_size=0), ArgumentError, "at least 1"),
        (lambda: pm.Minibatch(ROWS, batch_size=2.5), ArgumentError, "whole number"),
    ],
)
def test_bad_minibatches_are_errors(make, error, words):
    with pytest.raises(error, match=words):
        make()


def test_memory_does_not_grow_with_the_rows():
    """Of 2 million rows (16 MB) a fit needs the rows themselves, and next to nothing more."""
    y = np.random.default_rng(0).normal(1.0, 1.0, 2_000_000)
    with pm.Model():
        mu = pm.Normal("mu", 0.0, 1.0)
        pm.Normal("y", mu, 1.0, observed=pm.Minibatch(y, batch_size=64), total_size=len(y))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        approx = pm.fit(2000, random_seed=1, backend="c", quiet=True, obj_optimizer=pm.adam(learning_rate=0.01))
    assert abs(approx.mean.eval()[0] - 1.0) < 0.2
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 150_000
