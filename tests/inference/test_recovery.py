"""`recover` draws what was summed out from its exact conditional distribution."""

import numpy as np
import pytest
from scipy import special, stats

import workbench as pm
from workbench.errors import ModelError

Y = np.array([0.1, 3.8, 4.1, 1.0, -2.0])


@pytest.fixture(scope="module")
def mixture():
    with pm.Model(coords={"obs": list("abcde")}) as model:
        w = pm.Dirichlet("w", [1.0, 2.0, 3.0])
        mu = pm.Normal("mu", 0.0, 3.0, shape=3)
        z = pm.Categorical("z", w, dims="obs")
        mean = pm.Deterministic("mean", mu[z], dims="obs")
        pm.Normal("y", mean, 0.7, observed=Y, dims="obs")
    return pm.marginalize(model, "z")


def likely(counts, probabilities):
    """P-value of Pearson's test of counts against probabilities."""
    kept = probabilities > 0
    assert counts[~kept].sum() == 0
    return stats.chisquare(counts[kept], counts.sum() * probabilities[kept]).pvalue


@pytest.mark.parametrize("backend", ["numpy", "c"])
def test_draws_have_the_exact_conditional_probabilities(mixture, backend):
    w, mu, n = np.array([0.2, 0.5, 0.3]), np.array([-1.0, 0.5, 2.0]), 20_000
    draws = {"w": np.tile(w, (2, n, 1)), "mu": np.tile(mu, (2, n, 1))}
    found = pm.recover(draws, mixture, random_seed=3, extend_inferencedata=False, compile_kwargs={"backend": backend})
    assert found.z.dims == ("chain", "draw", "obs") and found.z.dtype == "int64" and list(found.obs.values) == list("abcde")
    exact = special.softmax(np.log(w) + stats.norm.logpdf(Y[:, None], mu, 0.7), axis=1)
    for i in range(5):
        counts = np.bincount(found.z.values[..., i].ravel(), minlength=3)
        assert likely(counts, exact[i]) > 1e-4
        # The test sees an error of 3 %.
        worse = exact[i] * np.array([1.03, 1.0, 1.0])
        assert exact[i][0] < 0.05 or likely(counts, worse / worse.sum()) < likely(counts, exact[i])
    np.testing.assert_array_equal(found["mean"].values, mu[found.z.values])
    pairs = np.bincount((3 * found.z.values[..., 0] + found.z.values[..., 3]).ravel(), minlength=9)
    assert likely(pairs, np.outer(exact[0], exact[3]).ravel()) > 1e-4


def test_it_is_put_into_the_posterior_and_predictions_use_it(mixture):
    idata = pm.sample(200, tune=300, chains=2, model=mixture, random_seed=1, progressbar=False)
    assert "z" not in idata.posterior
    assert pm.recover(idata, mixture, random_seed=2) is idata
    assert idata.posterior.z.shape == (2, 200, 5) and list(idata.posterior["mean"].dims) == ["chain", "draw", "obs"]
    mu = idata.posterior.mu.values
    np.testing.assert_array_equal(np.take_along_axis(mu, idata.posterior.z.values, 2), idata.posterior["mean"].values)
    drawn = pm.sample_posterior_predictive(idata, model=mixture, random_seed=3, progressbar=False)
    assert abs((drawn.posterior_predictive.y - idata.posterior["mean"]).std() - 0.7) < 0.02
    again = pm.recover(idata, mixture, var_names="z", random_seed=2, extend_inferencedata=False)
    np.testing.assert_array_equal(again.z.values, idata.posterior.z.values)


def test_the_log_likelihood_is_that_of_the_observations_with_it_summed_out(mixture):
    rng = np.random.default_rng(4)
    draws = {"w": rng.dirichlet(np.ones(3), (1, 7)), "mu": rng.normal(0, 2, (1, 7, 3))}
    found = pm.compute_log_likelihood(draws, model=mixture, extend_inferencedata=False)
    exact = special.logsumexp(np.log(draws["w"])[..., None, :] + stats.norm.logpdf(Y[:, None], draws["mu"][..., None, :], 0.7), axis=-1)
    assert found.y.dims == ("chain", "draw", "obs")
    np.testing.assert_allclose(found.y.values, exact, rtol=1e-12)


def test_what_cannot_be_recovered_is_said(mixture):
    with pm.Model() as plain:
        pm.Normal("x")
    with pytest.raises(ModelError, match="nothing was summed"):
        pm.recover({"x": np.zeros((1, 3))}, plain, extend_inferencedata=False)
    with pytest.raises(ModelError, match="lack mu"):
        pm.recover({"w": np.ones((1, 2, 3)) / 3}, mixture, extend_inferencedata=False)
    with pytest.raises(ModelError, match="'mu'"):
        pm.recover({"w": np.ones((1, 2, 3)) / 3}, mixture, var_names=["mu"], extend_inferencedata=False)
    with pytest.raises(ModelError, match="no posterior"):
        pm.recover({"w": np.ones((1, 2, 3)) / 3}, mixture)


def test_what_depends_on_a_variable_that_was_summed_out_starts_given_where_that_would():
    with pm.Model() as model:
        k = pm.Bernoulli("k", 0.7)
        pm.Normal("x", 1.0 + 2.0 * k, 1.0)
    assert pm.marginalize(model, "k").initial_point()["x"] == pytest.approx(3.0)


def test_predictions_take_draws_of_what_depends_on_it_and_ask_for_it_to_be_recovered():
    with pm.Model() as model:
        z = pm.Bernoulli("z", 0.3)
        w = pm.Normal("w", 10.0 * z, 1.0)
        pm.Normal("y", w, 0.1, observed=9.7)
    made = pm.marginalize(model, "z")
    draws = {"w": np.full((1, 400), 9.7)}
    with pytest.warns(UserWarning, match="pm.recover"):
        drawn = pm.sample_posterior_predictive(draws, model=made, random_seed=1, return_inferencedata=False, progressbar=False)
    assert abs(drawn["y"].mean() - 9.7) < 0.03 and abs(drawn["y"].std() - 0.1) < 0.02
    z = pm.recover(draws, made, random_seed=1, extend_inferencedata=False).z.values
    assert z.mean() == 1.0
