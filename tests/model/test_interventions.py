"""`do`, `observe` and `freeze_dims_and_data` make models of models."""

import warnings

import numpy as np
import pytest
from scipy import stats

import workbench as pm
import workbench.tensor as pt
from workbench.errors import ModelError, ShapeError


def names(variables):
    return [v.name for v in variables]


@pytest.fixture
def chain():
    with pm.Model(coords={"k": [1, 2]}) as model:
        z = pm.Normal("z")
        x = pm.HalfNormal("x", pt.exp(z), dims="k")
        double = pm.Deterministic("double", 2.0 * x, dims="k")
        pm.Normal("y", double, 1.0, dims="k")
    return model


def test_do_cuts_what_causes_a_variable(chain):
    made = pm.do(chain, {"x": [1.0, 2.0]})
    assert names(made.free_RVs) == ["z", "y"] and names(made.data_vars) == ["x"] and names(made.deterministics) == ["double"]
    assert made.named_vars_to_dims == chain.named_vars_to_dims and made.coords == chain.coords
    wanted = stats.norm.logpdf(0.7) + stats.norm.logpdf([3.0, 3.0], [2.0, 4.0]).sum()
    assert np.isclose(made.compile_logp(backend="numpy")({"z": 0.7, "y": [3.0, 3.0]}), wanted, rtol=1e-14)
    assert names(chain.free_RVs) == ["z", "x", "y"] and chain["x"] is not made["x"]


def test_what_was_set_is_data_that_can_be_replaced(chain):
    made = pm.do(chain, {chain["x"]: np.zeros(2)})
    pm.set_data({"x": [5.0, 7.0]}, made)
    drawn = pm.sample_prior_predictive(400, model=made, random_seed=1, return_inferencedata=False)
    np.testing.assert_allclose(drawn["y"].mean(0), [10.0, 14.0], atol=0.2)
    assert (drawn["double"] == [10.0, 14.0]).all()
    fixed = pm.do(chain, {"x": 1.0}, make_interventions_shared=False)
    assert names(fixed.deterministics) == ["double", "x"] and fixed["x"].eval().tolist() == [1.0, 1.0]


def test_do_takes_expressions_of_other_variables(chain):
    made = pm.do(chain, {"x": chain["z"] + 1.0})
    wanted = stats.norm.logpdf(0.5) + stats.norm.logpdf([3.0, 3.0], 3.0).sum()
    assert np.isclose(made.compile_logp(backend="numpy")({"z": 0.5, "y": [3.0, 3.0]}), wanted, rtol=1e-14)


def test_pruning_leaves_out_what_has_no_effect(chain):
    made = pm.do(pm.observe(chain, {"y": [1.0, 2.0]}), {"x": np.ones(2)}, prune_vars=True)
    assert list(made.named_vars) == ["x", "double", "y"] and made.free_RVs == []


def test_observe_gives_values(chain):
    made = pm.observe(chain, {"y": [2.0, 3.0], chain["z"]: 0.5})
    assert names(made.free_RVs) == ["x"] and names(made.observed_RVs) == ["y", "z"] and names(made.value_vars) == ["x_log__"]
    x = np.exp([0.1, 0.2])
    wanted = (
        stats.norm.logpdf(0.5) + stats.halfnorm.logpdf(x, scale=np.exp(0.5)).sum() + 0.3
        + stats.norm.logpdf([2.0, 3.0], 2 * x).sum()
    )  # fmt: skip
    assert np.isclose(made.compile_logp(backend="numpy")({"x_log__": [0.1, 0.2]}), wanted, rtol=1e-14)


def test_the_density_of_an_observed_deterministic_is_derived():
    with pm.Model() as model:
        mu = pm.Normal("mu")
        pm.Deterministic("y", pt.exp(mu + pm.Normal.dist(0.0, 2.0)))
    made = pm.observe(model, {"y": 3.0})
    assert names(made.observed_RVs) == ["y"] and made.deterministics == []
    wanted = stats.norm.logpdf(0.4) + stats.lognorm.logpdf(3.0, 2.0, scale=np.exp(0.4))
    assert np.isclose(made.compile_logp(backend="numpy")({"mu": 0.4}), wanted, rtol=1e-13)


def test_effects_by_do_differ_from_those_by_observing():
    with pm.Model() as model:
        cause = pm.Normal("cause")
        treatment = pm.Normal("treatment", cause, 0.1)
        pm.Normal("outcome", treatment + 5.0 * cause, 0.1)
    done = pm.sample_prior_predictive(2000, model=pm.do(model, {"treatment": 2.0}), random_seed=1, return_inferencedata=False)
    assert abs(done["outcome"].mean() - 2.0) < 0.4
    seen = pm.observe(model, {"treatment": 2.0}).compile_logp(vars=["cause", "treatment"], backend="numpy")
    assert seen({"cause": 1.98, "outcome": 0.0}) > seen({"cause": 0.0, "outcome": 0.0})


def test_freezing_makes_lengths_known_and_data_constant():
    with pm.Model(coords={"k": [1, 2]}) as model:
        x = pm.Data("x", [1.0, 2.0], dims="k")
        other = pm.Data("other", [1.0, 1.0, 1.0])
        b = pm.Normal("b", dims="k")
        pm.Normal("y", b * x, 1.0, observed=x, dims="k")
        pm.Deterministic("total", other.sum())
    frozen = pm.freeze_dims_and_data(model)
    assert str(model["b"].type.shape) == "(k,)" and frozen["b"].type.shape == (2,) == frozen["y"].type.shape
    assert names(frozen.data_vars) == ["x", "other"] and frozen.coords == {"k": (1, 2)}
    assert frozen.compile_d2logp(backend="numpy")({"b": np.zeros(2)}).tolist() == [[2.0, 0.0], [0.0, 5.0]]
    with pytest.raises(ModelError, match="'x' is not data"):
        pm.set_data({"x": [0.0, 0.0]}, frozen)
    partly = pm.freeze_dims_and_data(model, data=["other"])
    pm.set_data({"x": [1.0, 2.0, 3.0]}, partly, coords={"k": [1, 2, 3]})
    assert partly.initial_point()["b"].shape == (3,) and model.initial_point()["b"].shape == (3,)


def test_freezing_leaves_other_data_that_are_lengths():
    with pm.Model() as model:
        n, m = pm.Data("n", 2), pm.Data("m", 3)
        pm.Normal("z", shape=(n, m))
    partly = pm.freeze_dims_and_data(model, data=["m"])
    pm.set_data({"n": 5}, partly)
    assert partly.initial_point()["z"].shape == (5, 3)


@pytest.mark.parametrize(
    "change, kind, words",
    [
        (lambda m: pm.do(m, {"q": 1.0}), KeyError, "no variable 'q'; it has z, x, double, y"),
        (lambda m: pm.do(m, {"x": np.zeros(3)}), ShapeError, r"x: the value has shape \(3,\), the variable has shape \(2,\)"),
        (lambda m: pm.do(m, {pm.Normal.dist(): 1.0}), ModelError, "it is no variable of the model"),
        (lambda m: pm.observe(m, {"q": 1.0}), KeyError, "no variable 'q'"),
        (lambda m: pm.observe(m, {"y": [1.0]}), ShapeError, r"y: the data have shape \(1,\), the variable has shape \(2,\)"),
        (lambda m: pm.observe(m, {"y": [1.0, np.nan]}), ModelError, "y: the data have missing values"),
        (lambda m: pm.observe(m, {"double": [1.0, 2.0]}), ModelError, "double cannot be observed: given the model's variables"),
        (lambda m: pm.observe(m, {pm.Normal.dist(): 1.0}), ModelError, "cannot be observed: it is no random variable"),
    ],
)  # fmt: skip
def test_bad_interventions_are_clear_errors(chain, change, kind, words):
    with warnings.catch_warnings(), pytest.raises(kind, match=words):
        warnings.simplefilter("ignore", pm.ImputationWarning)
        change(chain)


def test_an_observed_variable_can_be_observed_again(chain):
    first = pm.observe(chain, {"y": [1.0, 2.0]})
    again = pm.observe(first, {"y": [3.0, 4.0]})
    assert first.rvs_to_values[first["y"]].eval().tolist() == [1.0, 2.0]
    assert again.rvs_to_values[again["y"]].eval().tolist() == [3.0, 4.0]
    assert [v.name for v in again.observed_RVs] == ["y"]
