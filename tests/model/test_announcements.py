"""The models of PyMC's 4.0 announcement, and of its introduction "PyMC3 and Theano", work as they are written there."""

import numpy as np
import pytest
from scipy import stats

import workbench as pm
import workbench.tensor as pt
from workbench.datasets import simulate_radon
from workbench.errors import ModelError, SymbolicBoolError

# The 4.0 announcement ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def radon():
    return simulate_radon(homes=60, counties=7)


def hierarchical(data):
    """Partially pooled slopes and intercepts, with data that can be replaced."""
    coords = {"county": data["names"][:7], "obs_id": np.arange(len(data["log_radon"]))}
    with pm.Model(coords=coords) as model:
        floor_idx = pm.MutableData("floor_idx", data["floor"], dims="obs_id")
        county_idx = pm.MutableData("county_idx", data["county"], dims="obs_id")
        mu_a = pm.Normal("mu_a", mu=0.0, sigma=10.0)
        sigma_a = pm.HalfNormal("sigma_a", 1.0)
        mu_b = pm.Normal("mu_b", mu=0.0, sigma=10.0)
        sigma_b = pm.HalfNormal("sigma_b", 1.0)
        a = pm.Normal("a", mu=mu_a, sigma=sigma_a, dims="county")
        b = pm.Normal("b", mu=mu_b, sigma=sigma_b, dims="county")
        eps = pm.HalfCauchy("eps", 5.0)
        radon_est = pm.Deterministic("radon_est", a[county_idx] + b[county_idx] * floor_idx, dims="obs_id")
        pm.Normal("radon_like", mu=radon_est, sigma=eps, observed=data["log_radon"], dims="obs_id")
    return model


def test_hierarchical_radon_with_coords_and_dims(radon):
    model = hierarchical(radon)
    assert model.eval_rv_shapes()["a"] == (7,) and model["radon_est"].eval().shape == (60,)
    rng = np.random.default_rng(1)
    point = {k: 0.3 * rng.normal(size=np.shape(v)) for k, v in model.initial_point().items()}
    own = {k.removesuffix("_log__"): np.exp(v) if k.endswith("_log__") else v for k, v in point.items()}
    line = own["a"][radon["county"]] + own["b"][radon["county"]] * radon["floor"]
    wanted = (
        stats.norm.logpdf([own["mu_a"], own["mu_b"]], 0, 10).sum()
        + stats.halfnorm.logpdf([own["sigma_a"], own["sigma_b"]]).sum()
        + stats.halfcauchy.logpdf(own["eps"], scale=5)
        + stats.norm.logpdf(own["a"], own["mu_a"], own["sigma_a"]).sum()
        + stats.norm.logpdf(own["b"], own["mu_b"], own["sigma_b"]).sum()
        + stats.norm.logpdf(radon["log_radon"], line, own["eps"]).sum()
        + point["sigma_a_log__"] + point["sigma_b_log__"] + point["eps_log__"]
    )  # fmt: skip
    assert np.isclose(model.compile_logp(backend="numpy")(point), wanted, rtol=1e-12)


def test_hierarchical_radon_predicts_for_new_homes(radon):
    posterior = {"mu_a": 1.0, "sigma_a": 1.0, "mu_b": 0.0, "sigma_b": 1.0, "a": np.arange(7.0), "b": -np.ones(7), "eps": 1e-6}
    draws = {k: np.broadcast_to(v, (2, 30, *np.shape(v))) for k, v in posterior.items()}
    with hierarchical(radon):
        pm.set_data({"floor_idx": [0.0, 1.0, 1.0], "county_idx": [6, 0, 3]}, coords={"obs_id": [100, 101, 102]})
        idata = pm.sample_posterior_predictive(draws, predictions=True, random_seed=1, progressbar=False)
    assert idata.predictions.obs_id.to_numpy().tolist() == [100, 101, 102]
    np.testing.assert_allclose(idata.predictions["radon_like"].to_numpy()[1, 7], [6.0, -1.0, 2.0], atol=1e-4)


def test_random_variables_are_tensors_that_can_be_clipped_and_evaluated():
    with pm.Model():
        x = pm.Normal("x")
        clipped = pt.clip(x, 0, np.inf)
    values = pm.draw(clipped, draws=200, random_seed=1)
    assert clipped.eval() >= 0 and values.min() == 0 and 0.4 < (values == 0).mean() < 0.6


@pytest.mark.parametrize("index", [lambda: pm.Bernoulli("i", 0.3), lambda: pm.Categorical("i", p=[0.7, 0.3])])
def test_stacked_variables_with_a_random_index(index):
    with pm.Model():
        x = pm.Normal("x", -10.0, 1.0)
        y = pm.Gamma("y", 2.0, 1.0)
        mixture = pt.stack([x, y])[index()]
    values = pm.draw(mixture, draws=500, random_seed=2)
    assert abs((values > 0).mean() - 0.3) < 0.08
    at = np.array([-9.5, 1.5])
    wanted = np.log(0.7 * stats.norm.pdf(at, -10, 1) + 0.3 * stats.gamma.pdf(at, 2))
    np.testing.assert_allclose([pm.logp(mixture, v).eval() for v in at], wanted, rtol=1e-10)


def test_a_mixture_by_a_fancy_index():
    data = np.array([-5.2, 0.1, 4.7, 5.3])
    with pm.Model() as model:
        component = pm.Categorical("component", p=[0.2, 0.3, 0.5], shape=4)
        mu = pm.Normal("mu", mu=[-5.0, 0.0, 5.0], sigma=1.0)
        pm.Normal("y", mu=mu[component], sigma=0.5, observed=data)
    point = {"component": np.array([0, 1, 2, 2]), "mu": np.array([-5.0, 0.5, 5.0])}
    wanted = (
        np.log([0.2, 0.3, 0.5, 0.5]).sum()
        + stats.norm.logpdf(point["mu"], [-5, 0, 5]).sum()
        + stats.norm.logpdf(data, point["mu"][point["component"]], 0.5).sum()
    )
    assert np.isclose(model.compile_logp(backend="numpy")(point), wanted, rtol=1e-12)


def test_a_random_shape_is_drawn_and_has_no_posterior():
    with pm.Model() as model:
        x = pm.Poisson("x", 2)
        z = pm.Normal("z", shape=x)
    shapes = [pm.draw([x, z], random_seed=seed) for seed in range(12)]
    assert all(np.shape(v) == (n,) for n, v in shapes) and len({int(n) for n, _ in shapes}) > 2
    assert z.eval().ndim == 1
    with pytest.raises(ModelError, match="z: its shape is known only at run time, it depends on a random variable"):
        pm.sample(10, tune=10, chains=1, model=model, progressbar=False)


# PyMC3 and Theano ----------------------------------------------------------------------------------


def test_a_function_of_symbolic_inputs():
    a, x, y = pt.scalar("a"), pt.vector("x"), pt.ivector("y")
    out = pt.exp(a * x**3 + y**2).sum()
    with_numpy = np.exp(a * x**3 + y**2).sum()
    assert with_numpy is out
    xs, ys = np.linspace(-1, 1, 10), np.arange(-5, 5, dtype="int32") // 3
    (found,) = pm.function([a, x, y], [out], backend="numpy")(1.2, xs, ys)
    assert np.isclose(found, np.exp(1.2 * xs**3 + ys**2).sum(), rtol=1e-14)


def test_choosing_indexing_and_setting():
    a = pt.vector("a")
    with pytest.raises(SymbolicBoolError, match="switch"):
        bool((a > 0).all())
    chosen = pt.switch((a > 0).all(), pt.sqrt(a), -a)
    assert chosen.eval({a: np.array([4.0, 9.0])}).tolist() == [2.0, 3.0]
    assert chosen.eval({a: np.array([4.0, -9.0])}).tolist() == [-4.0, 9.0]
    values = np.arange(12.0)
    assert a[10].eval({a: values}) == 10.0 and a[[1, 2, 10]].eval({a: values}).tolist() == [1.0, 2.0, 10.0]
    assert pt.set_subtensor(a[:10], 1).eval({a: values}).tolist() == [1.0] * 10 + [10.0, 11.0]
    with pytest.raises(IndexError):
        a[10].eval({a: values[:3]})


def test_a_normal_with_unknown_mean_is_the_sum_of_its_terms():
    data = 0.1 + np.random.default_rng(0).normal(size=50)
    with pm.Model() as model:
        mu = pm.Normal("mu", mu=0, sigma=1)
        pm.Normal("y", mu=mu, sigma=1, observed=data)
    by_hand = pt.scalar("mu")
    total = pm.logp(pm.Normal.dist(0, 1), by_hand) + pm.logp(pm.Normal.dist(by_hand, 1), data).sum()
    assert np.isclose(model.compile_logp(backend="numpy")({"mu": 0.4}), total.eval({by_hand: 0.4}), rtol=1e-14)


def test_a_positive_variable_is_sampled_as_its_logarithm():
    data = np.array([0.3, -1.2, 0.8])
    with pm.Model() as model:
        mu = pm.Normal("mu", 0, 1)
        sd = pm.HalfNormal("sd", 1)
        pm.Normal("y", mu=mu, sigma=sd, observed=data)
    assert [v.name for v in model.value_vars] == ["mu", "sd_log__"]
    s = np.exp(0.7)
    wanted = stats.norm.logpdf(-0.2) + stats.halfnorm.logpdf(s) + 0.7 + stats.norm.logpdf(data, -0.2, s).sum()
    assert np.isclose(model.compile_logp(backend="numpy")({"mu": -0.2, "sd_log__": 0.7}), wanted, rtol=1e-14)


def test_variables_are_operands_of_tensor_functions():
    design = np.array([[1.0, 0.5], [1.0, -0.5], [1.0, 2.0]])
    data = np.array([0.4, -0.3, 2.0])
    with pm.Model() as model:
        beta = pm.Normal("beta", 0, 1, shape=design.shape[1])
        predict = pt.dot(design, beta)
        sd = pm.HalfCauchy("sd", beta=2.5)
        pm.Normal("y", mu=predict, sigma=sd, observed=data)
    b = np.array([0.1, 0.9])
    wanted = stats.norm.logpdf(b).sum() + stats.halfcauchy.logpdf(1, scale=2.5) + stats.norm.logpdf(data, design @ b, 1).sum()
    assert np.isclose(model.compile_logp(backend="numpy")({"beta": b, "sd_log__": 0.0}), wanted, rtol=1e-14)
