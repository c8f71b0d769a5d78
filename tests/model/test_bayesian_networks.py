"""Networks whose weights are random variables: a last layer beside its closed form, and all layers by a fit and by NUTS."""

import numpy as np
import pytest
from scipy import stats

import workbench as pm
import workbench.tensor as pt

rng = np.random.default_rng(3)
X = np.sort(rng.uniform(-2.0, 2.0, 30))[:, None]
Y = np.sin(2.0 * X[:, 0]) + 0.1 * rng.normal(size=30)
W, B = rng.normal(size=(1, 8)), rng.normal(size=8)


def test_a_last_layer_is_integrated_out_exactly():
    x = pt.matrix("x", "n", 1)
    phi = pm.function([x], pt.tanh(x @ W + B), backend="c")(X)
    tau, sigma = 1.3, 0.2
    with pm.Model() as model:
        spread, noise = pm.HalfNormal("tau", 2.0), pm.HalfNormal("sigma", 1.0)
        w = pm.Normal("w", 0.0, spread, shape=8)
        pm.Normal("y", pt.constant(phi) @ w, noise, observed=Y)
    exact = pm.marginalize(model, "w")
    assert [str(rv.name) for rv in exact.free_RVs] == ["tau", "sigma"]
    found = exact.compile_logp(backend="numpy", jacobian=False)({"tau_log__": np.log(tau), "sigma_log__": np.log(sigma)})
    wanted = stats.multivariate_normal(np.zeros(30), tau**2 * phi @ phi.T + sigma**2 * np.eye(30)).logpdf(Y)
    wanted += stats.halfnorm(scale=2.0).logpdf(tau) + stats.halfnorm(scale=1.0).logpdf(sigma)
    assert abs(found - wanted) < 1e-8
    # The posterior of the weights given the two: a Bayesian linear regression on the features.
    cov = np.linalg.inv(phi.T @ phi / sigma**2 + np.eye(8) / tau**2)
    mean = cov @ phi.T @ Y / sigma**2
    values = {exact.rvs_to_values[rv]: np.log(v) for rv, v in zip(exact.free_RVs, (tau, sigma))}
    given = pm.logp(pm.conditional(exact)["w"], mean + 0.01).eval(values)
    assert abs(given - stats.multivariate_normal(mean, cov).logpdf(mean + 0.01)) < 1e-6


def network(width=6):
    with pm.Model() as model:
        params = {
            "hidden": {"w": pm.Normal("w1", 0.0, 1.5, shape=(1, width)), "b": pm.Normal("b1", 0.0, 1.5, shape=width)},
            "out": {"w": pm.Normal("w2", 0.0, 1.0, shape=width)},
        }
        f = pt.tanh(X @ params["hidden"]["w"] + params["hidden"]["b"]) @ params["out"]["w"]
        pm.Deterministic("f", f)
        pm.Normal("y", f, 0.1, observed=Y)
    return model


def test_all_layers_are_fitted():
    with network():
        approx = pm.fit(6000, obj_optimizer=pm.adam(learning_rate=pm.cosine_decay_schedule(0.05, 6000)), random_seed=2, quiet=True)
        w1, b1, w2 = (approx.sample(200, random_seed=1).posterior[name].values[0] for name in ("w1", "b1", "w2"))
    mean = (np.tanh(X @ w1 + b1[:, None]) @ w2[:, :, None]).mean(0)[:, 0]
    assert np.sqrt(np.mean((mean - np.sin(2.0 * X[:, 0])) ** 2)) < 0.1


@pytest.mark.timeout(200)
def test_nuts_moves_through_all_layers():
    with network():
        draws = pm.sample(draws=200, tune=300, chains=1, random_seed=3, progressbar=False, quiet=True)
    f = draws.posterior["f"].values[0]
    assert f.shape == (200, 30) and np.sqrt(np.mean((f.mean(0) - np.sin(2.0 * X[:, 0])) ** 2)) < 0.1
    assert 0.01 < f.std(0).mean() < 0.1
