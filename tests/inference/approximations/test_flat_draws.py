"""Flat vectors become InferenceData; derivatives over them against differences."""

import numpy as np
import pytest

import workbench as pm
from workbench.errors import ModelError
from workbench.inference.approximations.flat_density import FlatDensity
from workbench.inference.approximations.flat_draws import draws_as_inference_data, unconstrained_names


@pytest.fixture(scope="module")
def model():
    with pm.Model(coords={"place": ["here", "there"]}) as model:
        mu = pm.Normal("mu")
        sigma = pm.HalfNormal("sigma")
        p = pm.Dirichlet("p", np.ones(3))
        x = pm.Normal("x", mu, sigma, dims="place")
        pm.Deterministic("twice", 2.0 * x, dims="place")
        pm.Poisson("y", pm.math.exp(x) * p[0], observed=[3, 4], dims="place")
    return model


def test_draws_have_the_models_variables_dims_and_data(model):
    q = np.random.default_rng(1).normal(size=(2, 300, model.flat_size))
    idata = draws_as_inference_data(model, q, "numpy", include_transformed=True, stats={"lp": q[..., 0]}, about={"said": "so"})
    found = idata.posterior
    np.testing.assert_allclose(found["sigma"], np.exp(q[..., 1]))
    np.testing.assert_allclose(found["sigma_log__"], q[..., 1])
    np.testing.assert_allclose(found["twice"], 2.0 * q[..., 4:])
    np.testing.assert_allclose(found["p"].sum("p_dim_0"), 1.0)
    assert found["twice"].dims == ("chain", "draw", "place") and list(found["place"].values) == ["here", "there"]
    assert found.attrs["said"] == "so" and idata.sample_stats["lp"].shape == (2, 300) and list(idata.observed_data["y"].values) == [3, 4]
    assert list(draws_as_inference_data(model, q, "numpy", var_names=["mu"]).posterior) == ["mu"]


def test_values_are_the_same_compiled(model, backend):
    q = np.random.default_rng(1).normal(size=(1, 257, model.flat_size))
    one, other = (draws_as_inference_data(model, q, b).posterior for b in ("numpy", backend))
    for name in one:
        np.testing.assert_allclose(other[name], one[name], rtol=1e-13)


def test_elements_of_the_flat_vector_have_names(model):
    assert unconstrained_names(model) == ["mu", "sigma_log__", "p_simplex__[0]", "p_simplex__[1]", "x[here]", "x[there]"]


def test_second_and_third_derivatives_are_those_of_differences(backend):
    with pm.Model() as model:
        mu = pm.Normal("mu")
        sigma = pm.HalfNormal("sigma")
        x = pm.Normal("x", mu, sigma, shape=2)
        pm.Poisson("y", pm.math.exp(x), observed=[3, 4])
    density = FlatDensity(model, backend)
    rng = np.random.default_rng(2)
    q, u, v = 0.5 * rng.normal(size=(3, model.flat_size))
    h = 1e-5
    along = (density(q + h * v)[1] - density(q - h * v)[1]) / (2 * h)
    np.testing.assert_allclose(density.hessian_product(q, v), along, rtol=1e-7, atol=1e-7)
    slopes = [(u @ density.hessian_product(q + h * e, v) - u @ density.hessian_product(q - h * e, v)) / (2 * h) for e in np.eye(len(q))]
    np.testing.assert_allclose(density.third(q, u, v), slopes, rtol=1e-7, atol=1e-7)


def test_discrete_variables_are_refused_at_their_line():
    with pm.Model() as model:
        pm.Poisson("n", 3.0)
    with pytest.raises(ModelError, match="n: a discrete free variable has no gradient") as raised:
        FlatDensity(model, "numpy")
    assert "pm.Poisson" in raised.value.location.text
