"""Predictive sampling, log-likelihoods and deterministics from given draws."""

import numpy as np
import pytest
from scipy import stats

import workbench as pm
import workbench.tensor as pt
from workbench.errors import ModelError, ParameterValueError, ShapeError

az = pytest.importorskip("arviz")
QUIET = {"random_seed": 1, "progressbar": False}


def line():
    with pm.Model(coords={"obs": ["a", "b"]}) as model:
        x = pm.Data("x", [1.0, 2.0], dims="obs")
        slope = pm.Normal("slope")
        mean = pm.Deterministic("mean", slope * x, dims="obs")
        noise = pm.HalfNormal("noise")
        pm.Normal("y", mean, noise, observed=[1.0, 2.5], dims="obs")
    return model


def posterior(chains=2, draws=50, noise=1e-9):
    slope = np.random.default_rng(0).normal(size=(chains, draws))
    values = {"slope": slope, "noise": np.full((chains, draws), noise), "mean": slope[..., None] * [1.0, 2.0]}
    return az.from_dict(posterior=values, coords={"obs": ["a", "b"]}, dims={"mean": ["obs"]}, constant_data={"x": np.array([1.0, 2.0])})


def layout(idata):
    return {g: {k: v.dims for k, v in idata[g].data_vars.items()} for g in idata.groups()}


# From the prior ------------------------------------------------------------------------------------


def test_draws_from_the_prior_are_grouped_as_pymcs():
    idata = pm.sample_prior_predictive(7, model=line(), random_seed=1)
    assert layout(idata) == {
        "prior": {"slope": ("chain", "draw"), "noise": ("chain", "draw"), "mean": ("chain", "draw", "obs")},
        "prior_predictive": {"y": ("chain", "draw", "obs")},
        "observed_data": {"y": ("obs",)}, "constant_data": {"x": ("obs",)},
    }  # fmt: skip
    assert idata.prior.sizes == {"chain": 1, "draw": 7, "obs": 2} and idata.prior.obs.to_numpy().tolist() == ["a", "b"]
    np.testing.assert_allclose(idata.prior["mean"], idata.prior["slope"].to_numpy()[..., None] * [1.0, 2.0])


def test_draws_from_the_prior_follow_it():
    drawn = pm.sample_prior_predictive(2000, model=line(), random_seed=2, return_inferencedata=False)
    assert {k: v.shape for k, v in drawn.items()} == {"slope": (2000,), "noise": (2000,), "mean": (2000, 2), "y": (2000, 2)}
    assert stats.kstest(drawn["slope"], stats.norm.cdf).pvalue > 0.01
    assert stats.kstest(drawn["noise"], stats.halfnorm.cdf).pvalue > 0.01
    standard = (drawn["y"] - drawn["mean"]) / drawn["noise"][:, None]
    assert stats.kstest(standard.ravel(), stats.norm.cdf).pvalue > 0.01
    again = pm.sample_prior_predictive(2000, model=line(), random_seed=2, return_inferencedata=False)
    assert all(np.array_equal(again[k], drawn[k]) for k in drawn)


def test_some_variables_from_the_prior():
    drawn = pm.sample_prior_predictive(samples=5, model=line(), var_names=["y", "slope"], random_seed=1, return_inferencedata=False)
    assert {k: v.shape for k, v in drawn.items()} == {"y": (5, 2), "slope": (5,)}
    with pytest.raises(ModelError, match="the model has no variable 'slop'"):
        pm.sample_prior_predictive(5, model=line(), var_names=["slop"])


def test_potentials_are_warned_of():
    with pm.Model() as model:
        pm.Potential("p", -(pm.Normal("x") ** 2))
    with pytest.warns(UserWarning, match="draws from the prior take no notice of them"):
        pm.sample_prior_predictive(3, model=model)


# From the posterior --------------------------------------------------------------------------------


def test_observed_variables_are_drawn_given_the_posterior():
    given = posterior()
    with line():
        idata = pm.sample_posterior_predictive(given, **QUIET)
    assert layout(idata) == {
        "posterior_predictive": {"y": ("chain", "draw", "obs")}, "observed_data": {"y": ("obs",)}, "constant_data": {"x": ("obs",)},
    }  # fmt: skip
    np.testing.assert_allclose(idata.posterior_predictive["y"], given.posterior["mean"], atol=1e-7)


def test_predictive_draws_have_their_distribution_and_follow_the_seed():
    with line():
        first, second = (
            pm.sample_posterior_predictive(posterior(draws=500, noise=2.0), random_seed=s, return_inferencedata=False)["y"] for s in (1, 2)
        )
    mean = posterior(draws=500).posterior["mean"].to_numpy()
    assert stats.kstest(((first - mean) / 2.0).ravel(), stats.norm.cdf).pvalue > 0.01
    assert not (first == second).any() and abs(np.corrcoef((first - mean).ravel(), (second - mean).ravel())[0, 1]) < 0.1


def test_predictive_draws_are_the_same_on_every_backend(backend):
    with line():
        drawn = [
            pm.sample_posterior_predictive(posterior(noise=1.0), return_inferencedata=False, compile_kwargs={"backend": b}, **QUIET)["y"]
            for b in ("numpy", backend)
        ]
    np.testing.assert_allclose(drawn[1], drawn[0], rtol=1e-12)


def test_new_data_and_labels_give_predictions():
    given = posterior()
    with line():
        pm.set_data({"x": [1.0, 2.0, 10.0]}, coords={"obs": ["c", "d", "e"]})
        idata = pm.sample_posterior_predictive(given, predictions=True, var_names=["mean", "y"], **QUIET)
    assert layout(idata) == {
        "predictions": {"mean": ("chain", "draw", "obs"), "y": ("chain", "draw", "obs")}, "predictions_constant_data": {"x": ("obs",)},
    }  # fmt: skip
    assert idata.predictions.obs.to_numpy().tolist() == ["c", "d", "e"]
    np.testing.assert_allclose(idata.predictions["y"], given.posterior["slope"].to_numpy()[..., None] * [1.0, 2.0, 10.0], atol=1e-7)


def test_results_are_added_to_what_was_given():
    given = posterior()
    with line():
        assert pm.sample_posterior_predictive(given, extend_inferencedata=True, **QUIET) is given
    assert "posterior_predictive" in given.groups() and "posterior" in given.groups()


@pytest.mark.parametrize(
    "asked, wanted",
    [(None, {"y": 6.0}), (["b", "y"], {"b": 7.0, "y": 14.0}), (["d"], {"d": 6.0}), (["a", "y"], {"a": 0.0, "y": 0.0})],
)
def test_what_is_asked_for_is_drawn_again_with_all_that_depends_on_it(asked, wanted):
    with pm.Model():
        a = pm.Normal("a", 0.0, 1e-6)
        b = pm.Normal("b", a, 1e-6)
        d = pm.Deterministic("d", b * 2.0)
        pm.Normal("y", d, 1e-6, observed=1.0)
        given = {"a": np.full((1, 30), 7.0), "b": np.full((1, 30), 3.0), "d": np.full((1, 30), 6.0)}
        drawn = pm.sample_posterior_predictive(given, var_names=asked, return_inferencedata=False, **QUIET)
    assert set(drawn) == set(wanted)
    for name, value in wanted.items():
        np.testing.assert_allclose(drawn[name], value, atol=1e-4)


def test_another_model_predicts_for_new_groups():
    given = {"mu": np.full((1, 30), 3.0), "group": np.zeros((1, 30, 2))}
    with pm.Model(coords={"new": ["c", "d", "e"]}):
        mu = pm.Normal("mu")
        group = pm.Normal("new_group", mu, 1e-6, dims="new")
        pm.Normal("new_y", group, 1e-6, dims="new")
        drawn = pm.sample_posterior_predictive(given, var_names=["new_group", "new_y"], return_inferencedata=False, **QUIET)
    assert drawn["new_y"].shape == (1, 30, 3)
    np.testing.assert_allclose(drawn["new_y"], 3.0, atol=1e-4)


class MultiTrace:
    """As PyMC's: values by name, one array a chain."""

    def __init__(self, draws):
        self.draws_by_name, self.varnames = draws, list(draws)

    def get_values(self, name, combine=True, squeeze=True):
        assert not combine and not squeeze
        return list(self.draws_by_name[name])


@pytest.mark.parametrize("form", ["dataset", "stacked", "extracted", "dict", "points", "multitrace"])
def test_draws_come_in_several_forms(form):
    whole = posterior(chains=1, draws=30)
    given, options = {
        "dataset": (whole.posterior, {}),
        "stacked": (whole.posterior.stack(sample=["chain", "draw"]), {"sample_dims": ["sample"]}),
        "extracted": (az.extract(whole), {}),
        "multitrace": (MultiTrace({k: v.to_numpy() for k, v in whole.posterior.data_vars.items()}), {}),
        "dict": ({k: v.to_numpy() for k, v in whole.posterior.data_vars.items()}, {}),
        "points": ([{k: v.to_numpy()[0, i] for k, v in whole.posterior.data_vars.items()} for i in range(30)], {}),
    }[form]
    with line():
        drawn = pm.sample_posterior_predictive(given, return_inferencedata=False, **QUIET, **options)["y"]
    np.testing.assert_allclose(drawn.reshape(30, 2), whole.posterior["mean"].to_numpy()[0], atol=1e-7)


@pytest.mark.parametrize(
    "call, kind, words",
    [
        (lambda p: pm.sample_posterior_predictive(p, var_names=["z"]), ModelError, "no variable 'z'"),
        (lambda p: pm.sample_posterior_predictive(3.0), ModelError, "draws cannot be read from a float"),
        (lambda p: pm.sample_posterior_predictive({}), ModelError, "there are no draws"),
        (lambda p: pm.sample_posterior_predictive([]), ModelError, "there are no draws"),
        (
            lambda p: pm.sample_posterior_predictive({"slope": np.zeros((2, 50)), "noise": np.ones((50, 2))}),
            ModelError, r"not as many draws of each variable: .* slope \(2, 50\), noise \(50, 2\)",
        ),
        (lambda p: pm.sample_posterior_predictive({"slope": 1.0, "noise": 2.0}), ModelError, r"one point: \[point\]"),
        (lambda p: pm.sample_posterior_predictive(az.from_dict(prior={"slope": [1.0]})), ModelError, "no posterior in it: its groups are prior"),
        (lambda p: pm.sample_posterior_predictive(p, sample_dims="sample"), ModelError, "the draws have no dim 'sample'"),
        (lambda p: pm.sample_posterior_predictive(p.posterior, extend_inferencedata=True), ModelError, "a Dataset has no groups"),
        (lambda p: pm.compute_log_likelihood({"slope": np.zeros((2, 5)), "noise": np.ones((2, 5))}), ModelError, "a dict has no groups"),
        (
            lambda p: pm.sample_posterior_predictive({"slope": np.zeros((1, 3, 2)), "noise": np.ones((1, 3))}),
            ShapeError, r"slope: the draws have shape \(2,\), the variable has shape \(\)",
        ),
        (lambda p: pm.compute_log_likelihood(p, var_names=["slope"]), ModelError, "only observed variables have a log-likelihood"),
        (lambda p: pm.compute_log_likelihood(p.posterior[["slope"]], extend_inferencedata=False), ModelError, "the draws lack noise"),
        (lambda p: pm.compute_deterministics(p, var_names=["y"]), ModelError, "not all of the variables are deterministics"),
        (lambda p: pm.compute_deterministics(p.posterior[["noise"]]), ModelError, "the draws lack slope"),
    ],
)  # fmt: skip
def test_bad_calls_are_clear_errors(call, kind, words):
    with line(), pytest.raises(kind, match=words):
        call(posterior())


def test_a_model_without_observations_has_nothing_to_predict():
    with pm.Model():
        pm.Normal("x")
        with pytest.raises(ModelError, match="no observed variable to draw"):
            pm.sample_posterior_predictive({"x": np.zeros((1, 3))})


@pytest.mark.parametrize("draws", [5, 100])
def test_impossible_parameters_in_a_draw_are_an_error(draws):
    given = posterior(chains=1, draws=draws)
    given.posterior["noise"][0, 3] = -1.0
    with line(), pytest.raises(ParameterValueError, match="sigma must be positive"):
        pm.sample_posterior_predictive(given, **QUIET)


# From draws ----------------------------------------------------------------------------------------


def test_log_likelihoods_are_those_of_each_observation():
    given = posterior(noise=0.7)
    with line():
        extended = pm.compute_log_likelihood(given)
        alone = pm.compute_log_likelihood(posterior(noise=0.7), extend_inferencedata=False)
    assert extended is given and layout(given)["log_likelihood"] == {"y": ("chain", "draw", "obs")}
    wanted = stats.norm.logpdf([1.0, 2.5], given.posterior["mean"], 0.7)
    np.testing.assert_allclose(given.log_likelihood["y"], wanted, rtol=1e-12)
    np.testing.assert_allclose(alone["y"], wanted, rtol=1e-12)
    assert np.isfinite(az.loo(given).elpd_loo)


def test_log_likelihoods_of_vectors_and_derived_densities():
    data = np.array([[0.1, 0.2], [1.0, -1.0], [0.3, 2.0]])
    with pm.Model():
        mu = pm.Normal("mu", shape=2)
        pm.MvNormal("v", mu, np.eye(2), observed=data)
        pm.CustomDist("w", mu[0], dist=lambda m, size: pt.exp(pm.Normal.dist(m, 1.0, size=size)), observed=[0.5, 2.0])
        draws = np.random.default_rng(1).normal(size=(1, 4, 2))
        found = pm.compute_log_likelihood({"mu": draws}, extend_inferencedata=False)
    assert found["v"].shape == (1, 4, 3) and found["w"].shape == (1, 4, 2)
    np.testing.assert_allclose(found["v"][0, 2], stats.multivariate_normal(np.zeros(2)).logpdf(data - draws[0, 2]), rtol=1e-12)
    np.testing.assert_allclose(found["w"][0, 2], stats.lognorm.logpdf([0.5, 2.0], 1.0, scale=np.exp(draws[0, 2, 0])), rtol=1e-12)


def test_deterministics_are_computed_and_replace_old_ones():
    given = posterior()
    given.posterior["mean"] = given.posterior["mean"] * 0.0
    with line():
        found = pm.compute_deterministics(given.posterior)
        merged = pm.compute_deterministics(given.posterior, merge_dataset=True)
    wanted = given.posterior["slope"].to_numpy()[..., None] * [1.0, 2.0]
    np.testing.assert_allclose(found["mean"], wanted)
    assert list(found.data_vars) == ["mean"] and found["mean"].dims == ("chain", "draw", "obs")
    np.testing.assert_allclose(merged["mean"], wanted)
    assert set(merged.data_vars) == {"slope", "noise", "mean"}


def test_functions_of_draws_are_kept_and_follow_data():
    model, given = line(), posterior(draws=100)
    with model:
        first = pm.sample_posterior_predictive(given, var_names=["mean", "y"], return_inferencedata=False, **QUIET)
        pm.set_data({"x": [3.0, 4.0]})
        second = pm.sample_posterior_predictive(given, var_names=["mean", "y"], return_inferencedata=False, **QUIET)
        pm.set_data({"x": [1.0, 2.0]})
        third = pm.sample_posterior_predictive(given, var_names=["mean", "y"], return_inferencedata=False, **QUIET)
    slope = given.posterior["slope"].to_numpy()[..., None]
    np.testing.assert_allclose(first["y"], slope * [1.0, 2.0], atol=1e-7)
    np.testing.assert_allclose(second["y"], slope * [3.0, 4.0], atol=1e-7)
    assert np.array_equal(first["y"], third["y"])


def test_log_priors_are_those_of_each_free_variable():
    with pm.Model() as model:
        s = pm.HalfNormal("s")
        x = pm.Normal("x", 0.0, s, shape=2)
        pm.Normal("y", x, 1.0, observed=[0.0, 1.0])
    rng = np.random.default_rng(3)
    draws = {"s": rng.uniform(0.5, 1.5, size=(2, 30)), "x": rng.normal(size=(2, 30, 2))}
    found = pm.compute_log_prior(draws, model=model, extend_inferencedata=False)
    np.testing.assert_allclose(found["s"], stats.halfnorm.logpdf(draws["s"]))
    np.testing.assert_allclose(found["x"], stats.norm.logpdf(draws["x"], 0.0, draws["s"][..., None]))
    assert list(pm.compute_log_prior(draws, ["x"], False, model).data_vars) == ["x"]
    with pytest.raises(ModelError, match="only free variables have a prior"):
        pm.compute_log_prior(draws, ["y"], model=model)


def test_a_later_group_is_in_the_place_of_an_older_one():
    given = posterior(noise=0.5)
    with line():
        pm.sample_posterior_predictive(given, extend_inferencedata=True, **QUIET)
        pm.compute_log_likelihood(given)
        before = {g: given[g]["y"].to_numpy() for g in ("posterior_predictive", "log_likelihood")}
        pm.set_data({"x": [10.0, 20.0]})
        pm.sample_posterior_predictive(given, extend_inferencedata=True, **QUIET)
        pm.compute_log_likelihood(given)
    slope = given.posterior["slope"].to_numpy()[..., None]
    np.testing.assert_allclose(
        given.posterior_predictive["y"].to_numpy() - before["posterior_predictive"], slope * [9.0, 18.0], atol=1e-9
    )
    np.testing.assert_allclose(given.log_likelihood["y"], stats.norm.logpdf([1.0, 2.5], slope * [10.0, 20.0], 0.5), rtol=1e-9)
    # What the posterior was made with stays.
    assert given.constant_data["x"].to_numpy().tolist() == [1.0, 2.0]


def test_draws_that_are_fractions_are_no_draws_of_whole_numbers():
    with pm.Model():
        k = pm.Poisson("k", 3.0)
        pm.Normal("y", k, 1e-9, observed=1.0)
        drawn = pm.sample_posterior_predictive({"k": np.full((1, 3), 2.0)}, return_inferencedata=False, **QUIET)
        np.testing.assert_allclose(drawn["y"], 2.0, atol=1e-6)
        with pytest.raises(ModelError, match="k: the draws hold 2.7, the variable is a whole number"):
            pm.sample_posterior_predictive({"k": np.full((1, 3), 2.7)}, **QUIET)


def test_what_is_drawn_is_said_on_stderr_and_can_be_silenced():
    import subprocess
    import sys

    program = """
import logging, sys
import workbench as pm
with pm.Model():
    x = pm.Normal("x")
    pm.Normal("y", x, observed=1.0)
    pm.sample_posterior_predictive([{"x": 1.0}], random_seed=1, progressbar=False, return_inferencedata=False)
    pm.sample_prior_predictive(2, random_seed=1, return_inferencedata=False)
    logging.getLogger("workbench").setLevel("WARNING")
    pm.sample_prior_predictive(2, random_seed=1, return_inferencedata=False)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr == "Sampling: [y]\nTaken from the draws: [x]\nSampling: [x, y]\n" and not done.stdout


# Log-densities of vectors ----------------------------------------------------------------------------


def vectors():
    with pm.Model(coords={"obs": range(3), "k": ["a", "b"]}) as model:
        mu = pm.Normal("mu", shape=2)
        pm.MvNormal("v", mu, np.eye(2), observed=[[0.1, 0.2], [1.0, -1.0], [0.3, 2.0]], dims=("obs", "k"))
        pm.DirichletMultinomial("n", 5, np.array([1.0, 2.0]), observed=[[1, 4], [2, 3], [5, 0]], dims=("obs", "k"))
        pm.MatrixNormal("w", mu=np.zeros((3, 2)), rowcov=np.eye(3), colcov=np.eye(2), observed=np.ones((3, 2)), dims=("obs", "k"))
    return model


def test_log_likelihoods_of_vectors_have_the_dims_of_their_rows():
    draws = np.random.default_rng(1).normal(size=(1, 4, 2))
    with vectors():
        found = pm.compute_log_likelihood({"mu": draws}, extend_inferencedata=False)
    assert {k: v.dims[2:] for k, v in found.data_vars.items()} == {"v": ("obs",), "n": ("obs",), "w": ()}
    assert found.obs.to_numpy().tolist() == [0, 1, 2]
    data = np.array([[0.1, 0.2], [1.0, -1.0], [0.3, 2.0]])
    np.testing.assert_allclose(found["v"], stats.norm.logpdf(data, draws[:, :, None]).sum(-1), rtol=1e-12)
    counts = stats.dirichlet_multinomial.logpmf([[1, 4], [2, 3], [5, 0]], [1.0, 2.0], 5)
    np.testing.assert_allclose(found["n"], np.broadcast_to(counts, (1, 4, 3)), rtol=1e-12)
    np.testing.assert_allclose(found["w"], 6 * stats.norm.logpdf(1.0), rtol=1e-12)


def test_log_likelihoods_of_vectors_are_kept_with_the_draws():
    with vectors():
        idata = pm.sample(
            20, tune=100, chains=2, compute_convergence_checks=False, idata_kwargs={"log_likelihood": True}, **QUIET
        )
    assert {k: v.dims for k, v in idata.log_likelihood.data_vars.items()} == {
        "v": ("chain", "draw", "obs"), "n": ("chain", "draw", "obs"), "w": ("chain", "draw"),
    }  # fmt: skip
    data = np.array([[0.1, 0.2], [1.0, -1.0], [0.3, 2.0]])
    wanted = stats.norm.logpdf(data, idata.posterior["mu"].to_numpy()[:, :, None]).sum(-1)
    np.testing.assert_allclose(idata.log_likelihood["v"], wanted, rtol=1e-12)


def test_a_model_without_observations_has_no_log_likelihood_and_no_error():
    with pm.Model():
        pm.Normal("mu", shape=2)
        idata = pm.sample(
            20, tune=100, chains=2, compute_convergence_checks=False, idata_kwargs={"log_likelihood": True}, **QUIET
        )
        assert idata.groups() == ["posterior", "sample_stats"]
        assert pm.compute_log_likelihood(idata) is idata and idata.groups() == ["posterior", "sample_stats"]
        assert not pm.compute_log_likelihood(idata, extend_inferencedata=False).data_vars
        assert not pm.compute_deterministics(idata).data_vars


def test_deterministics_are_not_merged_with_draws_along_other_labels():
    given = posterior()
    given.posterior["other"] = (("chain", "draw", "obs"), np.zeros((2, 50, 2)))
    with line():
        pm.set_data({"x": [1.0, 2.0]}, coords={"obs": ["c", "d"]})
        with pytest.raises(ModelError, match="the dim 'obs' has other labels in the draws"):
            pm.compute_deterministics(given, merge_dataset=True)
        merged = pm.compute_deterministics(given.posterior.drop_vars("other"), merge_dataset=True)
    np.testing.assert_allclose(merged["mean"], given.posterior["slope"].to_numpy()[..., None] * [1.0, 2.0])
    assert merged.obs.to_numpy().tolist() == ["c", "d"]


def test_stacked_samples_keep_their_labels():
    import xarray as xr

    with pm.Model(coords={"k": ["a", "b"]}) as model:
        mu = pm.Normal("mu", dims="k")
        pm.Normal("y", mu, 1e-9, observed=[0.0, 1.0], dims="k")
        pm.Normal("z", mu.sum(), 1e-9, observed=[[0.0], [1.0]])
    rng = np.random.default_rng(3)
    posterior = xr.Dataset({"mu": (("chain", "draw", "k"), rng.normal(size=(2, 5, 2)))}, coords={"chain": [0, 1], "draw": np.arange(5)})
    stacked = posterior.stack(sample=("chain", "draw"))
    with model:
        idata = pm.sample_posterior_predictive(stacked, sample_dims=["sample"], random_seed=1, progressbar=False)
    y = idata.posterior_predictive["y"]
    assert y.dims == ("sample", "k") and idata.posterior_predictive["z"].dims == ("sample", "z_dim_0", "z_dim_1")
    np.testing.assert_allclose(y.unstack("sample").transpose("chain", "draw", "k"), posterior["mu"], atol=1e-6)


def test_a_list_of_points_is_one_chain():
    with pm.Model():
        mu = pm.Normal("mu")
        pm.Normal("y", mu, 1e-9, observed=[0.0, 1.0])
        drawn = pm.sample_posterior_predictive([{"mu": 1.0}, {"mu": 2.0}, {"mu": 3.0}], random_seed=1, return_inferencedata=False)
    assert drawn["y"].shape == (1, 3, 2)
    np.testing.assert_allclose(drawn["y"][0, :, 0], [1.0, 2.0, 3.0], atol=1e-6)


@pytest.mark.parametrize(
    "labels",
    [
        [3, 1], [0.5, np.nan], ["p", "q"], [True, False], ["p", 1], [("p", 1), ("q", 2)],
        np.array(["2020-01-01", "2021-01-01"], "datetime64[D]"), np.array([1, 2], "timedelta64[D]"),
    ],
    ids=str,
)  # fmt: skip
def test_labels_of_all_kinds_are_known_again(labels, tmp_path):
    def model(labels):
        with pm.Model(coords={"g": labels}) as made:
            a = pm.Normal("a", 0.0, 1.0, dims="g")
            pm.Normal("y", a, 1e-7, observed=[0.0, 0.0], dims="g")
        return made

    prior = pm.sample_prior_predictive(5, model=model(labels), random_seed=2).prior
    given = [az.InferenceData(posterior=prior)]
    if not isinstance(labels[0], tuple) and not isinstance(labels[1], int):
        given[0].to_netcdf(str(tmp_path / "draws.nc"))
        given.append(az.from_netcdf(str(tmp_path / "draws.nc")))
    for draws in given:
        with model(labels):
            drawn = pm.sample_posterior_predictive(draws, return_inferencedata=False, **QUIET)["y"]
        np.testing.assert_allclose(drawn, prior["a"], atol=1e-5)
        with model(list(labels)[::-1]):
            drawn = pm.sample_posterior_predictive(draws, return_inferencedata=False, **QUIET)["y"]
        assert np.abs(drawn - prior["a"].to_numpy()).max() > 0.1


def test_points_and_runs_have_axes_of_their_own():
    with pm.Model():
        mu = pm.Normal("mu")
        pm.Normal("y", mu, 1e-9, observed=[0.0, 1.0])
        points = [{"mu": 1.0}, {"mu": 2.0}, {"mu": 3.0}]
        drawn = pm.sample_posterior_predictive(points, sample_dims=["sample"], return_inferencedata=False, **QUIET)["y"]
    np.testing.assert_allclose(drawn[0, :, 0], [1.0, 2.0, 3.0], atol=1e-6)


def test_labels_and_dims_can_be_given_for_the_results():
    options = {"idata_kwargs": {"coords": {"who": ["v", "w"]}, "dims": {"y": ["who"]}}, "random_seed": 1}
    with pm.Model():
        mu = pm.Normal("mu")
        pm.Normal("y", mu, 1.0, observed=[0.0, 1.0])
        after = pm.sample_posterior_predictive([{"mu": 1.0}], **options).posterior_predictive
        before = pm.sample_prior_predictive(3, **options).prior_predictive
    for found in (after, before):
        assert found["y"].dims == ("chain", "draw", "who") and found.who.to_numpy().tolist() == ["v", "w"]
