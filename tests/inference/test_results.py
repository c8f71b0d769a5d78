"""Names, labels and lengths that results must tell apart, and what is checked on which element."""

import datetime
import warnings

import arviz as az
import numpy as np
import pandas as pd
import pytest

import workbench as pm
from workbench.errors import ModelError
from workbench.inference.convergence import ConvergenceWarning, convergence_problems
from workbench.inference.diagnostics import ess_bulk, rhat

STATS = ["energy", "lp", "diverging", "tree_depth", "n_steps", "step_size", "acceptance_rate", "divergences", "perf_counter_diff"]


def sample(model, **given):
    base = dict(draws=8, tune=8, chains=2, random_seed=1, progressbar=False, compute_convergence_checks=False, discard_tuned_samples=False)
    return pm.sample(model=model, **{**base, **given})


@pytest.mark.parametrize("name", [*STATS, "posterior", "sample", "two words", "x_dim_0"])
def test_a_dim_can_have_the_name_of_a_statistic(name):
    with pm.Model(coords={name: ["a", "b", "c"]}) as model:
        x = pm.Normal("x", dims=name)
        pm.Normal("y", x, 1.0, observed=np.zeros(3), dims=name)
    idata = sample(model, idata_kwargs={"log_likelihood": True, "log_prior": True})
    for group, variable in (("posterior", "x"), ("warmup_posterior", "x"), ("log_prior", "x"), ("log_likelihood", "y")):
        assert idata[group][variable].dims == ("chain", "draw", name)
        assert idata[group][name].values.tolist() == ["a", "b", "c"]
    assert set(idata.sample_stats.dims) == {"chain", "draw"} and "lp" in idata.sample_stats


@pytest.mark.parametrize("name", [*STATS, "two words"])
def test_a_variable_can_have_the_name_of_a_statistic(name):
    with pm.Model() as model:
        pm.Normal(name, 0.0, 1.0, shape=2)
    idata = sample(model)
    assert idata.posterior[name].shape == (2, 8, 2) and idata.sample_stats["lp"].shape == (2, 8)


@pytest.mark.parametrize("name", ["draw", "chain", "__sample__"])
@pytest.mark.parametrize("make", [pm.Normal, lambda name: pm.Deterministic(name, pm.Normal("z") * 2)], ids=["free", "deterministic"])
def test_a_variable_with_the_name_of_a_dim_of_results_is_refused_before_sampling(name, make):
    with pm.Model() as model:
        make(name)
    begun = []
    with pytest.raises(ModelError, match=f"a variable '{name}' and a dim '{name}'"):
        sample(model, callback=lambda run, draw: begun.append(draw))
    assert not begun
    assert sample(model, return_inferencedata=False).draws[name].shape == (2, 8)


def test_a_variable_with_the_name_of_another_ones_dim_is_refused_before_sampling():
    """PyMC leaves the variable out of the posterior, in silence."""
    with pm.Model(coords={"county": ["a", "b"]}) as model:
        pm.Normal("county")
        pm.Normal("level", dims="county")
    with pytest.raises(ModelError, match="a variable 'county' and a dim 'county'"):
        sample(model)
    assert set(sample(model, var_names=["county"]).posterior.data_vars) == {"county"}


def test_data_with_the_name_of_a_dim_are_kept():
    """The index of a county is often called as the dim is."""
    with pm.Model(coords={"county": ["a", "b"]}) as model:
        county = pm.Data("county", [0, 1, 1], dims="obs")
        level = pm.Normal("level", dims="county")
        pm.Normal("y", level[county], 1.0, observed=[1.0, 2.0, 3.0], dims="obs")
    idata = sample(model)
    assert idata.constant_data["county"].values.tolist() == [0, 1, 1] and idata.constant_data["county"].dims == ("obs",)
    assert idata.posterior["county"].values.tolist() == ["a", "b"]


def test_axes_without_a_dim_have_names_that_nothing_else_has():
    """PyMC leaves out `x_dim_0` in the first case, and fails after sampling in the second."""
    with pm.Model() as model:
        pm.Normal("x", shape=2)
        pm.Normal("x_dim_0")
    assert sample(model).posterior["x"].shape == (2, 8, 2) and sample(model).posterior["x_dim_0"].shape == (2, 8)
    with pm.Model(coords={"x_dim_0": range(3)}) as model:
        pm.Normal("x", shape=2)
        pm.Normal("z", dims="x_dim_0")
    posterior = sample(model).posterior
    assert posterior["x"].shape == (2, 8, 2) and posterior["z"].dims == ("chain", "draw", "x_dim_0")


NOON = np.array(["2020-01-01T12:00", "2020-01-02T12:00"], "datetime64[us]")


@pytest.mark.parametrize("given, kept", [
    (["a", "a"], ["a", "a"]),
    ([1.5, np.nan], [1.5, np.nan]),
    ([1, "a"], ["1", "a"]),
    ([("a", 1), ("b", 2)], ["('a', 1)", "('b', 2)"]),
    (pd.MultiIndex.from_tuples([("a", 1), ("b", 2)]), ["('a', 1)", "('b', 2)"]),
    ([datetime.date(2020, 1, 1), datetime.date(2020, 1, 2)], np.array(["2020-01-01", "2020-01-02"], "datetime64[us]")),
    ([datetime.datetime(2020, 1, 1, 12), datetime.datetime(2020, 1, 2, 12)], NOON),
    (pd.DatetimeIndex(NOON), NOON),
    (NOON, NOON),
    (pd.period_range("2020", periods=2, freq="M"), ["2020-01", "2020-02"]),
    (np.array([1, 2], "timedelta64[s]"), np.array([1, 2], "timedelta64[s]")),
    (["a b", "c, d"], ["a b", "c, d"]),
    ([True, False], [True, False]),
    ([2**70, 1], [str(2**70), "1"]),
    ([None, 1.5], ["None", "1.5"]),
], ids=lambda x: str(x)[:30])  # fmt: skip
def test_any_labels_reach_results_and_files(given, kept, tmp_path):
    with pm.Model(coords={"g": given}) as model:
        pm.Normal("x", dims="g")
    idata = sample(model)
    np.testing.assert_array_equal(idata.posterior["g"].values, np.asarray(kept))
    idata.to_netcdf(str(tmp_path / "results"))
    read = az.from_netcdf(str(tmp_path / "results")).posterior
    np.testing.assert_array_equal(read["x"], idata.posterior["x"])
    np.testing.assert_array_equal(read["g"].values, np.asarray(kept))


def test_labels_that_are_none_stay_none():
    with pm.Model(coords={"g": [None, "a"], "nothing": []}) as model:
        pm.Normal("x", dims="g")
        pm.Normal("none", dims="nothing")
    posterior = sample(model).posterior
    assert posterior["none"].shape == (2, 8, 0) and posterior["x"].sel(g="a").shape == (2, 8)


def two_modes(labels):
    """The first element has two modes that no chain leaves; the others are normal."""
    with pm.Model(coords={"g": labels}) as model:
        first = pm.NormalMixture("first", [0.5, 0.5], [-20.0, 20.0], 1.0)
        others = pm.Normal("others", 0.0, 1.0, shape=2)
        pm.Deterministic("x", pm.math.concatenate([first[None], others]), dims="g")
    return model


@pytest.mark.parametrize("labels", [["a", "a", "a"], ["a", "b", "c"], [float("nan")] * 3, [("a", "b"), "('a', 'b')", "x"]], ids=str)
def test_what_is_wrong_with_one_element_is_seen_whatever_its_label(labels):
    """With equal labels the last element stood for all."""
    with pytest.warns(ConvergenceWarning) as caught:
        run = pm.sample(
            500, tune=500, chains=2, model=two_modes(labels), initvals=[{"first": 20.0}, {"first": -20.0}], random_seed=3, progressbar=False,
            return_inferencedata=False,
        )  # fmt: skip
    draws = run.draws["x"]
    names = run.variable_names()
    assert rhat(draws[:, :, 0]) > 1.5 > 1.02 > rhat(draws[:, :, 2])
    [said] = [str(w.message) for w in caught if "R-hat" in str(w.message)]
    assert "for 2 of 6 elements" in said and "first (" in said and f"{names[3]} ({rhat(draws[:, :, 0]):.2f})" in said
    assert len(set(names)) == 6
    for i, name in enumerate(names[3:]):
        np.testing.assert_array_equal(run.values([name], 1, run.tune)[:, 0], draws[1, :, i])


def test_elements_have_names_that_nothing_else_has():
    with pm.Model(coords={"g": ["a", "a, b"], "h": ["b, c", "c"]}) as model:
        pm.Normal("m", dims=("g", "h"))
        pm.Normal("x[0]")
        pm.Normal("x", shape=2)
    run = sample(model, return_inferencedata=False)
    names = run.variable_names()
    flat = np.concatenate([v.reshape(2, 8, -1) for v in run.draws.values()], axis=2)
    assert len(set(names)) == len(names) == 7
    np.testing.assert_array_equal(run.values(names, 0, run.tune), flat[0])


def test_each_element_has_its_own_diagnostics(monkeypatch):
    import workbench.inference.convergence as convergence

    seen = {}
    monkeypatch.setattr(convergence, "summary", lambda names, draws: seen.update(names=names, draws=draws) or [])
    with pm.Model(coords={"g": ["a", "b"], "h": range(3)}) as model:
        m = pm.Normal("m", dims=("g", "h"))
        pm.Deterministic("whole", pm.tensor.cast(m > 0, "int64"))
        pm.Normal("s")
    run = sample(model, draws=120, return_inferencedata=False)
    for most in (10**9, 1000):
        monkeypatch.setattr(convergence, "EXAMINED", most)
        list(convergence_problems(run))
        names = run.variable_names()
        flat = np.concatenate([v.reshape(2, 120, -1) for v in run.draws.values()], axis=2)
        at = [names.index(n) for n in seen["names"]]
        np.testing.assert_array_equal(seen["draws"], flat[:, :, at])
    assert 1 < len(seen["names"]) < len(names)
    assert ess_bulk(flat[:, :, 0]) > 0


def test_constant_data_are_those_that_were_sampled_with():
    with pm.Model() as model:
        x = pm.Data("x", [1.0, 2.0])
        pm.Normal("y", pm.Normal("mu") * x, 1.0, observed=[1.0, 2.0])
    run = sample(model, return_inferencedata=False)
    pm.set_data({"x": [10.0, 20.0]}, model=model)
    assert run.idata.constant_data["x"].values.tolist() == [1.0, 2.0]


def test_predictive_draws_take_dims_and_coords():
    with pm.Model() as model:
        mu = pm.Normal("mu")
        pm.Normal("y", mu, 1.0, observed=[1.0, 2.0])
        options = {"dims": {"y": ["row"]}, "coords": {"row": ["u", "v"]}}
        prior = pm.sample_prior_predictive(5, random_seed=1, idata_kwargs=options)
        later = pm.sample_posterior_predictive({"mu": np.zeros((1, 5))}, random_seed=1, idata_kwargs=options, progressbar=False)
        for group in (prior.prior_predictive, later.posterior_predictive):
            assert group["y"].dims == ("chain", "draw", "row") and group["row"].values.tolist() == ["u", "v"]
        with pytest.raises(TypeError, match="'note' is not there"):
            pm.sample_prior_predictive(5, idata_kwargs={"note": 1})
    assert model.coords == {}


def test_scalar_data_stay_scalars():
    with pm.Model() as model:
        n = pm.Data("n", 3.0)
        pm.Normal("y", pm.Normal("mu"), n, observed=1.0)
    idata = sample(model)
    assert idata.constant_data["n"].shape == () and idata.observed_data["y"].shape == ()


def test_nothing_is_warned_of_in_an_ordinary_conversion():
    with pm.Model() as model:
        pm.Normal("x")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sample(model)


def test_a_run_gives_draws_by_name_as_a_multitrace_does():
    with pm.Model() as model:
        pm.Normal("mu")
        pm.Normal("x", shape=(2, 3))
    run = pm.sample(20, tune=20, chains=2, model=model, backend="c", random_seed=1, quiet=True, return_inferencedata=False)
    assert run["mu"].shape == (40,) and np.array_equal(run["mu"], np.concatenate(run.draws["mu"]))
    assert run["x"].shape == (40, 2, 3) and np.array_equal(run["x"][20:], run.draws["x"][1])
    with pytest.raises(ModelError, match="the run has no draws of 'mus'") as error:
        run["mus"]
    assert "did you mean 'mu'?" in error.value.hint
    with pytest.raises(ModelError, match="no draws of 0") as error:
        run[0]
    assert "it has those of mu, x" in error.value.hint
