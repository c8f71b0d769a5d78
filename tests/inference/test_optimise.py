"""Modes, and priors with a given mass between two bounds."""

import numpy as np
import pytest
from scipy import stats

import workbench as pm
from workbench.errors import ModelError, SamplingError

DATA = np.array([1.0, 2.0, 4.0])


@pytest.fixture(scope="module")
def model():
    with pm.Model() as model:
        mu = pm.Normal("mu")
        s = pm.HalfNormal("s")
        pm.Deterministic("d", mu + s)
        pm.Normal("y", mu, s, observed=DATA)
    return model


def density(mu, s):
    return stats.norm.logpdf(mu) + stats.halfnorm.logpdf(s) + stats.norm.logpdf(DATA, mu, s).sum()


@pytest.mark.parametrize("method", ["L-BFGS-B", "BFGS", "Powell", "Nelder-Mead"])
def test_the_mode_is_that_of_the_variables_in_their_own_space(model, method):
    found = pm.find_MAP(model=model, method=method, progressbar=False, backend="numpy")
    assert list(found) == ["mu", "s_log__", "s", "d"]
    # PyMC 5.28 finds 1.57732 and 1.19913.
    np.testing.assert_allclose([found["mu"], found["s"]], [1.57732, 1.19913], atol=2e-4)
    best = density(found["mu"], found["s"])
    assert all(best >= density(found["mu"] + a, found["s"] + b) for a, b in [(0.01, 0), (-0.01, 0), (0, 0.01), (0, -0.01)])
    assert np.isclose(found["d"], found["mu"] + found["s"]) and np.isclose(found["s_log__"], np.log(found["s"]))


def test_results_can_be_raw_and_without_transformed_values(model):
    found, raw = pm.find_MAP(model=model, return_raw=True, include_transformed=False, start={"mu": 1.0, "s": 2.0}, backend="numpy")
    assert list(found) == ["mu", "s", "d"] and raw.success and np.isclose(raw.fun, -density(found["mu"], found["s"]))


def test_only_some_variables_move(model):
    for chosen in (["mu"], [model["mu"]], model["mu"]):
        found = pm.find_MAP(vars=chosen, model=model, start={"s": 2.0}, backend="numpy")
        assert np.isclose(found["s"], 2.0) and np.isclose(found["mu"], DATA.sum() / (len(DATA) + 4.0), atol=1e-5)


def test_discrete_variables_move_without_gradients():
    with pm.Model() as model:
        n = pm.Poisson("n", 6.0)
        pm.Normal("y", n, 0.3, observed=8.2)
    assert pm.find_MAP(vars=[n], model=model, backend="numpy")["n"] == 8
    with pytest.raises(ModelError, match="no continuous free variable to move"):
        pm.find_MAP(model=model, backend="numpy")


def test_the_mode_is_the_same_compiled(model, backend):
    found = pm.find_MAP(model=model, backend=backend, progressbar=False)
    np.testing.assert_allclose([found["mu"], found["s"]], [1.57732, 1.19913], atol=1e-5)


def test_an_impossible_start_is_an_error_that_says_why():
    with pm.Model() as model:
        s = pm.Normal("s")
        pm.Normal("y", 0.0, s, observed=1.0)
    with pytest.raises(SamplingError, match=r"not finite at the start:\nlog p\(y\) = -inf\n  value = 1.0\n  mu = 0.0\n  sigma = -1.0"):
        pm.find_MAP(start={"s": -1.0}, model=model, backend="numpy")


def test_too_few_evaluations_are_warned_of(model):
    with pytest.warns(UserWarning, match="ended after 2 evaluations, before it had converged"):
        pm.find_MAP(model=model, maxeval=2, backend="numpy")


# Priors --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "distribution, guess, fixed, bounds, mass, reference",
    [
        (pm.Gamma, {"alpha": 1.0, "beta": 10.0}, {}, (0.1, 0.4), 0.75, lambda p: stats.gamma(p["alpha"], scale=1 / p["beta"])),
        (pm.StudentT, {"mu": 5.0, "sigma": 2.0}, {"nu": 7}, (0.0, 1.0), 0.95, lambda p: stats.t(7, p["mu"], p["sigma"])),
        (pm.Normal, {"mu": 0.0, "sigma": 1.0}, {}, (-2.0, 6.0), 0.5, lambda p: stats.norm(p["mu"], p["sigma"])),
        (pm.Beta, {"alpha": 2.0, "beta": 2.0}, {}, (0.2, 0.9), 0.9, lambda p: stats.beta(p["alpha"], p["beta"])),
    ],
)
def test_a_prior_has_its_mass_between_the_bounds_and_equal_tails(distribution, guess, fixed, bounds, mass, reference):
    found = pm.find_constrained_prior(distribution, *bounds, init_guess=guess, mass=mass, fixed_params=fixed)
    assert set(found) == {*guess, *fixed}
    made = reference(found)
    tail = (1 - mass) / 2
    np.testing.assert_allclose([made.cdf(bounds[0]), made.sf(bounds[1])], tail, atol=1e-5)


def test_a_prior_of_counts_and_a_mass_below():
    found = pm.find_constrained_prior(pm.Poisson, lower=1, upper=15, init_guess={"mu": 10.0}, mass=0.8)
    made = stats.poisson(found["mu"])
    assert np.isclose(made.cdf(15) - made.cdf(0), 0.8, atol=1e-4)
    found = pm.find_constrained_prior(pm.Exponential, 0.0, 3.0, {"lam": 1.0}, mass=0.9, mass_below_lower=0.0)
    assert np.isclose(found["lam"], -np.log(0.1) / 3.0, rtol=1e-5)


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: pm.find_constrained_prior(pm.Normal, 0.0, 1.0, {"mu": 0.0}, mass=1.5), "mass must lie between 0 and 1, got 1.5"),
        (
            lambda: pm.find_constrained_prior(pm.Normal, 0.0, 1.0, {"mu": 0.0, "sigma": 1.0}, mass=0.9, mass_below_lower=0.5),
            "mass_below_lower must lie between",
        ),
        (
            lambda: pm.find_constrained_prior(pm.Exponential, 5.0, 5.1, {"lam": 1.0}, mass=0.9),
            "no parameters of Exponential put 0.9 between 5.0 and 5.1",
        ),
        (lambda: pm.find_constrained_prior(pm.Dirichlet, 0.0, 1.0, {}, fixed_params={"a": np.ones(3)}), "not a distribution of numbers"),
    ],
)  # fmt: skip
def test_bad_priors_are_clear_errors(call, words):
    with pytest.raises(ModelError, match=words):
        call()
