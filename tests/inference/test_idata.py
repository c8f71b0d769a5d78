"""Draws as ArviZ 1 takes them, xarray's DataTree: what adds groups to draws, and reads them, does so in both forms."""

import numpy as np
import pytest
import xarray

import workbench as pm
from kernel_ext.sampling.source import Source
from workbench.errors import ModelError
from workbench.inference import idata as forms


@pytest.fixture(params=[True, False], ids=["InferenceData", "DataTree"])
def form(request, monkeypatch):
    monkeypatch.setattr(forms, "has_inference_data", lambda: request.param)
    return "InferenceData" if request.param else "DataTree"


@pytest.fixture(scope="module")
def model():
    with pm.Model(coords={"group": ["a", "b", "c"]}) as model:
        mu = pm.Normal("mu", 0.0, 3.0)
        theta = pm.Normal("theta", mu, 1.0, dims="group")
        pm.Deterministic("twice", 2.0 * theta, dims="group")
        pm.Normal("y", theta, 1.0, observed=[1.0, 2.0, 3.0], dims="group")
    return model


def drawn(model, **options):
    return pm.sample(40, tune=60, chains=2, model=model, random_seed=1, progressbar=False, quiet=True, compute_convergence_checks=False, **options)


def test_which_form_is_seen_without_importing_arviz():
    import arviz

    forms.has_inference_data.cache_clear()
    assert forms.has_inference_data() == hasattr(arviz, "InferenceData")


def test_draws_take_further_groups_and_give_them_back(form, model):
    idata = drawn(model, discard_tuned_samples=False)
    assert type(idata).__name__ == form
    assert {"posterior", "sample_stats", "observed_data", "warmup_posterior", "warmup_sample_stats"} == set(forms.group_names(idata))
    first = pm.sample_posterior_predictive(idata, model=model, extend_inferencedata=True, random_seed=1, progressbar=False)
    assert first is idata and idata.posterior_predictive["y"].shape == (2, 40, 3)
    before = np.asarray(idata.posterior_predictive["y"])
    pm.sample_posterior_predictive(idata, model=model, extend_inferencedata=True, random_seed=2, progressbar=False)
    assert not np.array_equal(before, np.asarray(idata.posterior_predictive["y"])), "the newer group is in the place of the older"
    pm.compute_log_likelihood(idata, model=model, progressbar=False)
    pm.compute_log_prior(idata, model=model, progressbar=False)
    theta = np.asarray(idata.posterior["theta"])
    np.testing.assert_allclose(idata.log_likelihood["y"], -0.5 * (np.array([1.0, 2.0, 3.0]) - theta) ** 2 - 0.5 * np.log(2 * np.pi), rtol=1e-12)
    assert {"mu", "theta"} == set(idata.log_prior.data_vars)
    apart = pm.compute_log_likelihood(idata, model=model, extend_inferencedata=False, progressbar=False)
    assert isinstance(apart, xarray.Dataset)
    table = Source.of_idata(idata).table
    assert table.draws.count == 40 and len(table.draws.chains) == 2
    prior = pm.sample_prior_predictive(20, model=model, random_seed=1)
    with pytest.raises(ModelError, match="there is no posterior in it: its groups are prior"):
        pm.sample_posterior_predictive(prior, model=model)


def test_what_was_summed_out_is_put_into_the_posterior(form):
    with pm.Model() as model:
        mu = pm.Normal("mu", 0.0, 3.0)
        z = pm.Bernoulli("z", 0.3, shape=2)
        pm.Normal("y", pm.math.where(z, mu, -mu), 1.0, observed=[9.8, -10.1])
    made = pm.marginalize(model, "z")
    idata = drawn(made, initvals={"mu": 9.0})
    assert pm.recover(idata, made, random_seed=1) is idata
    assert list(idata.posterior.data_vars) == ["mu", "z"] and idata.posterior["z"].shape == (2, 40, 2)
    assert "sample_stats" in forms.group_names(idata)


def test_parts_are_joined(form):
    with pm.Model() as model:
        a, b = pm.Normal("a"), pm.Normal("b")
        pm.Deterministic("c", a + b)
    idata = pm.join([drawn(part) for part in pm.split(model)], model)
    assert type(idata).__name__ == form and list(idata.posterior.data_vars) == ["a", "b", "c"]
    np.testing.assert_allclose(idata.posterior["c"], idata.posterior["a"] + idata.posterior["b"])


def test_an_exact_plan_is_code_for_the_arviz_that_is_there(monkeypatch):
    import workbench.inference.planning.plan as planning

    with pm.Model() as model:
        p = pm.Beta("p", 1.0, 1.0)
        pm.Binomial("y", 10, p, observed=7)
    plan = pm.infer(model, run=False, random_seed=1, progressbar=False)
    for there, made in ((True, "arviz.InferenceData"), (False, "xarray.DataTree.from_dict")):
        monkeypatch.setattr(planning, "has_inference_data", lambda there=there: there)
        code = plan.code()
        assert made in code
        names = {"model": model}
        exec(code, names)
        assert names["idata"].posterior["p"].shape[0] == plan.sampling.options["chains"]
