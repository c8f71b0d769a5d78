"""Data replaced by others of another length than fixed observed values: the error names the variable, and what to do."""

import numpy as np
import pytest

import workbench as pm
from workbench.errors import ShapeError


def line():
    with pm.Model() as model:
        x = pm.Data("x", [1.0, 2.0, 3.0])
        slope = pm.Normal("slope")
        pm.Normal("y", slope * x, 1.0, observed=[1.0, 2.0, 3.0])
    with model:
        pm.set_data({"x": [1.0, 2.0]})
    return model


def vectors():
    with pm.Model() as model:
        x = pm.Data("x", np.ones((3, 2)))
        slope = pm.Normal("slope")
        pm.MvNormal("y", slope * x, np.eye(2), observed=np.ones((3, 2)))
    with model:
        pm.set_data({"x": np.ones((4, 2))})
    return model


@pytest.mark.parametrize("make", [line, vectors])
def test_the_density_names_the_variable(make):
    model = make()
    for ask in (lambda: model.compile_logp()({"slope": 0.5}), lambda: model.point_logps({"slope": 0.5}), lambda: pm.find_MAP(model=model, progressbar=False)):
        with pytest.raises(ShapeError, match="y: the observed data, and its parameter mu, need lengths that are equal: one is 3"):
            ask()


@pytest.mark.parametrize("make", [line, vectors])
def test_draws_and_likelihoods_name_the_variable(make):
    model = make()
    posterior = {"slope": np.zeros((1, 3))}
    for ask in (
        lambda: pm.sample_prior_predictive(5, model=model),
        lambda: pm.sample_posterior_predictive(posterior, model, progressbar=False),
        lambda: pm.compute_log_likelihood(posterior, model=model, extend_inferencedata=False),
    ):
        with pytest.raises(ShapeError, match=r"y: it has shape \(3.*, and its parameters have shapes mu \([24]") as error:
            ask()
        assert "pm.Data" in str(error.value)


def test_data_that_are_replaced_together_fit():
    with pm.Model() as model:
        x, seen = pm.Data("x", [1.0, 2.0, 3.0]), pm.Data("seen", [1.0, 2.0, 3.0])
        slope = pm.Normal("slope")
        pm.Normal("y", slope * x, 1.0, observed=seen)
        pm.set_data({"x": [1.0, 2.0], "seen": [0.5, 1.0]})
        assert np.isfinite(model.compile_logp()({"slope": 0.5}))


def test_data_observed_of_another_length_are_named_with_what_they_do_not_fit():
    with pytest.raises(ShapeError, match=r"seen: a tensor of shape \(3,\) cannot be broadcast to \(2,\): what it is made of, its data and its dims") as error, pm.Model():
        x, seen = pm.Data("x", [1.0, 2.0, 3.0]), pm.Data("y", [1.0, 2.0])
        pm.Normal("seen", pm.Normal("slope") * x, 1.0, observed=seen)
    assert 'pm.Normal("seen"' in str(error.value)
    with pm.Model() as model:
        x, seen = pm.Data("x", [1.0, 2.0, 3.0]), pm.Data("y", [1.0, 2.0, 3.0])
        slope = pm.Normal("slope")
        pm.Normal("seen", slope * x, 1.0, observed=seen)
        pm.set_data({"y": [1.0, 2.0]})
    with pytest.raises(ShapeError, match=r"seen: the observed data, and its parameter mu, need lengths that are equal: .* is 2 \(axis 0 of y\), .* is 3 \(axis 0 of x\)"):
        model.compile_logp()({"slope": 0.5})
    for ask in (lambda: pm.sample(10, tune=10, model=model), lambda: pm.find_MAP(model=model, progressbar=False), lambda: pm.sample_prior_predictive(5, model=model)):
        with pytest.raises(ShapeError, match=r"seen: a tensor of shape \(3,\) cannot be broadcast to \(2,\)") as error:
            ask()
        assert 'pm.Normal("seen"' in str(error.value) and "replaced together" in str(error.value)
    with model:
        pm.set_data({"x": [1.0, 2.0]})
    assert np.isfinite(model.compile_logp()({"slope": 0.5}))
