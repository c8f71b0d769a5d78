"""Predictive draws, log-densities and deterministics are compiled once for all lengths of data.

Log-densities are SciPy's, deterministics NumPy's; draws have the moments of what they are drawn from, and are those that NumPy makes.
"""

import numpy as np
import pytest
from scipy import stats

import workbench as pm
from workbench.compile import cache
from workbench.compile.c.toolchain import find_compiler

COMPILED = [b for b in ("c", "numba") if b != "c" or find_compiler() is not None]
LENGTHS = (20, 5, 0, 1, 33)
CHAINS, DRAWS = 2, 150


def values(n):
    rng = np.random.default_rng(n)
    return {"x": rng.normal(size=(n, 3)), "group": rng.integers(0, 4, size=n), "y": rng.normal(size=n)}


def posterior():
    rng = np.random.default_rng(1)
    sizes = {"sd": (), "levels": (4,), "slopes": (3,)}
    return {k: np.abs(rng.normal(size=(CHAINS, DRAWS, *shape))) + 0.5 for k, shape in sizes.items()}


@pytest.fixture
def model():
    given = values(7)
    with pm.Model() as made:
        x, group, y = (pm.Data(name, v) for name, v in given.items())
        sd, levels, slopes = pm.HalfNormal("sd", 1.0), pm.Normal("levels", 0.0, 1.0, shape=4), pm.Normal("slopes", 0.0, 1.0, shape=3)
        middle = pm.Deterministic("middle", levels[group] + x @ slopes)
        pm.Normal("seen", middle, sd, observed=y)
    return made


def found(model, backend, draws):
    options = dict(model=model, compile_kwargs={"backend": backend})
    return {
        "prior": pm.sample_prior_predictive(200, random_seed=1, return_inferencedata=False, **options)["seen"],
        "posterior": pm.sample_posterior_predictive(draws, random_seed=1, return_inferencedata=False, **options)["seen"],
        "densities": pm.compute_log_likelihood(draws, extend_inferencedata=False, **options)["seen"].to_numpy(),
        "middle": pm.compute_deterministics(draws, **options)["middle"].to_numpy(),
    }


@pytest.mark.parametrize("backend", COMPILED)
def test_other_lengths_of_data_compile_nothing_and_are_right(model, backend):
    draws = posterior()
    found(model, backend, draws)
    built = cache.statistics.built
    for n in LENGTHS:
        given = values(n)
        pm.set_data(given, model)
        now = found(model, backend, draws)
        middle = draws["levels"][..., given["group"]] + draws["slopes"] @ given["x"].T
        np.testing.assert_allclose(now["middle"], middle, rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(now["densities"], stats.norm(middle, draws["sd"][..., None]).logpdf(given["y"]), rtol=1e-11)
        assert now["prior"].shape == (200, n) and now["posterior"].shape == (CHAINS, DRAWS, n)
        if n:
            standard = ((now["posterior"] - middle) / draws["sd"][..., None]).ravel()
            assert stats.kstest(standard, "norm").pvalue > 1e-4
    assert cache.statistics.built == built


@pytest.mark.parametrize("backend", COMPILED[:1])
def test_draws_of_data_of_any_length_are_those_that_numpy_makes(model, backend):
    draws = posterior()
    for n in (5, 1):
        pm.set_data(values(n), model)
        now, exact = found(model, backend, draws), found(model, "numpy", draws)
        for name, v in now.items():
            np.testing.assert_allclose(v, exact[name], rtol=1e-10, atol=1e-12, err_msg=f"{name}, {n} rows")


@pytest.mark.parametrize("backend", COMPILED[:1])
def test_what_draws_ask_numbers_for_is_drawn_at_the_lengths_of_now(backend):
    with pm.Model() as model:
        count, start = pm.Data("count", [5, 6]), pm.Data("start", np.zeros(3))
        pm.Multinomial("counts", count, np.array([0.5, 0.5]))
        pm.AR("walk", [0.5], sigma=1.0, init_dist=pm.Normal.dist(0.0, 1.0), shape=start.shape[0] + 2)
    for n in (2, 4):
        pm.set_data({"count": np.arange(n) + 5, "start": np.zeros(n)}, model)
        drawn = pm.sample_prior_predictive(100, model=model, random_seed=1, return_inferencedata=False, compile_kwargs={"backend": backend})
        assert (drawn["counts"].sum(-1) == np.arange(n) + 5).all() and drawn["counts"].shape == (100, n, 2)
        assert drawn["walk"].shape == (100, n + 2)


@pytest.mark.parametrize("backend", COMPILED[:1])
def test_any_number_of_draws_is_of_one_form(model, backend):
    pm.sample_prior_predictive(30, model=model, return_inferencedata=False, compile_kwargs={"backend": backend})
    built = cache.statistics.built
    for draws in (1, 255, 700):
        drawn = pm.sample_prior_predictive(draws, model=model, random_seed=2, return_inferencedata=False, compile_kwargs={"backend": backend})
        assert drawn["seen"].shape == (draws, 7)
    few = pm.sample_prior_predictive(255, model=model, random_seed=2, return_inferencedata=False, compile_kwargs={"backend": backend})
    np.testing.assert_array_equal(drawn["seen"][:255], few["seen"])
    assert cache.statistics.built == built


def test_copies_with_other_variables_of_one_name_are_apart(model):
    one, two = model.copy(), model.copy()
    for made, factor in ((one, 2.0), (two, -3.0)):
        with made:
            pm.Deterministic("scaled", factor * made["middle"])
    draws = posterior()
    a, b = (pm.compute_deterministics(draws, model=m, compile_kwargs={"backend": COMPILED[0]})["scaled"].to_numpy() for m in (one, two))
    np.testing.assert_allclose(a / 2.0, b / -3.0, rtol=1e-14)
