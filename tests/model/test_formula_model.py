"""Models from formulas: bambi's densities, statsmodels' estimates of a mixed model, bambi's predictions (tests/reference/make_formula.py)."""

import copy
import json
import pickle
from pathlib import Path

import numpy as np
import pytest

import workbench as pm
from workbench.datasets import radon
from workbench.errors import ArgumentError, ModelError
from workbench.model.formula_design import split_terms
from workbench.model.formula_model import FAMILIES

pytest.importorskip("formulaic")
KNOWN = json.loads((Path(__file__).parents[1] / "reference" / "formula.json").read_text())
DATA = KNOWN["data"]


@pytest.mark.parametrize("family", KNOWN["densities"])
def test_priors_and_likelihood_are_those_of_bambi(family):
    known = KNOWN["densities"][family]
    model = pm.formula_model(known["formula"], DATA, family, quiet=True)
    found = {name.replace("Intercept_centred", "Intercept"): value for name, value in model.point_logps(round_vals=12).items()}
    assert found == pytest.approx(known["logps"], rel=1e-8)


def test_the_posterior_of_a_mixed_model_is_where_statsmodels_has_its_estimates():
    known, homes = KNOWN["radon"], radon()
    table = {"log_radon": homes["log_radon"], "floor": homes["floor"], "county": homes["county"]}
    model = pm.formula_model("log_radon ~ floor + (1 | county)", table, quiet=True)
    draws = pm.sample(250, tune=300, chains=1, compute_convergence_checks=False, model=model, random_seed=1, progressbar=False, backend="c").posterior
    for name, value in known["fixed"].items():
        assert abs(float(draws[name].mean()) - value) < 0.25 * known["errors"][name]
    assert float(draws["sigma"].mean()) == pytest.approx(known["sigma"], rel=0.01)
    groups = draws["1|county_sigma"]
    assert abs(float(groups.mean()) - known["groups"]) < 0.5 * float(groups.std())
    assert draws["1|county"].sizes["county"] == 85


def test_the_intercept_is_that_of_columns_as_they_are():
    model = pm.formula_model("y ~ x + C(k)", DATA, quiet=True)
    point = {"Intercept_centred": 1.5, "x": 0.5, "C(k)": np.array([0.2, -0.3]), "sigma_log__": 0.0}
    intercept, mu = model.compile_fn(model.replace_rvs_by_values([model["Intercept"], model["mu"]]), inputs=model.value_vars, backend="numpy")(point)
    by_hand = intercept + 0.5 * np.array(DATA["x"]) + np.select([np.array(DATA["k"]) == "v", np.array(DATA["k"]) == "w"], [0.2, -0.3], 0.0)
    np.testing.assert_allclose(mu, by_hand, rtol=1e-12)
    assert np.isclose(mu.mean(), 1.5)
    assert model.coords["C(k)_dim"] == ("C(k)[T.v]", "C(k)[T.w]")


def test_priors_can_be_given_and_the_others_are_told(capsys):
    model = pm.formula_model("y ~ 0 + x + C(k)", DATA, priors={"x": pm.Laplace.dist(0, 1), "C(k)": pm.Normal.dist(0, 2)})
    assert model["x"].op.name == "Laplace" and model["C(k)"].type.shape == (3,) and "Intercept" not in model
    assert capsys.readouterr().out == ""
    pm.formula_model("y ~ x", DATA, priors={"x": pm.Laplace.dist(0, 1)})
    assert capsys.readouterr().out.startswith("Intercept_centred ~ Normal(2.25, ")
    with pytest.raises(ArgumentError, match="there is no coefficient 'z'"):
        pm.formula_model("y ~ x", DATA, priors={"z": pm.Normal.dist(0, 1)}, quiet=True)


@pytest.mark.parametrize(
    "formula, data, words",
    [
        ("y ~ q", DATA, "`q` is not present"),
        ("y", DATA, "has no outcome"),
        ("y ~ x + (1 | q)", DATA, "there is no column 'q' to group by"),
        ("y ~ x | g", DATA, "a bar that is not of a group"),
        ("k ~ x", DATA, "the outcome has 3 columns"),
        ("y ~ x", {**DATA, "x": [0.0, 1.0, np.nan, 1.5, 3.0, 1.0]}, "contains null values"),
    ],
)
def test_what_does_not_fit_is_an_error(formula, data, words):
    with pytest.raises((ArgumentError, ModelError), match=words):
        pm.formula_model(formula, data, quiet=True)
    with pytest.raises(ArgumentError, match="families are gaussian"):
        pm.formula_model("y ~ x", DATA, "binomial")


def test_group_terms_are_parted_from_common_ones():
    assert split_terms(" (1|g)") == ("1", [("1", "g")])
    assert split_terms("0 + x + (np.log(x) | g) + z") == ("0 + x + z", [("np.log(x)", "g")])


def predictors(model, draws, new):
    """The predictor of new rows for draws of the parameters."""
    with model:
        pm.set_formula_data(new)
        return pm.sample_posterior_predictive(draws, var_names=["mu"], predictions=True, random_seed=1).predictions["mu"]


def test_predictors_of_new_rows_are_those_of_bambi():
    """For draws from bambi's prior; its intercept is that of columns as they are, the variable here that of centred ones."""
    known = KNOWN["predictions"]
    model = pm.formula_model(known["formula"], DATA, quiet=True)
    draws = {name: np.array([values]) for name, values in known["draws"].items()}
    x, k = np.array(DATA["x"]), np.array(DATA["k"])[:, None] == ["v", "w"]
    means = [x.mean() * draws["x"], draws["k"] @ k.mean(axis=0), draws["x:k"] @ (x[:, None] * k).mean(axis=0)]
    given = {**draws, "Intercept_centred": draws["Intercept"] + sum(means)}
    given |= {f"{name}_offset": draws[name] / draws[f"{name}_sigma"][..., None] for name in ("1|g", "x|g")}
    given = {rv.name: given[rv.name] for rv in model.free_RVs}
    found = predictors(model, given, known["new"])
    np.testing.assert_allclose(found[0], known["mu"], rtol=1e-10)
    assert found.coords["obs"].values.tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("family", FAMILIES)
def test_predictions_after_sampling_take_all_parameters_from_the_draws(family):
    """Terms keep the mean, the scale and the levels of the rows they were made of; not all levels and groups are there."""
    outcome = {"bernoulli": "b", "poisson": "n", "negativebinomial": "n"}.get(family, "y")
    model = pm.formula_model(f"{outcome} ~ scale(x) + C(k) + (1 | g)", DATA, family, quiet=True)
    trace = pm.sample(20, tune=20, chains=1, compute_convergence_checks=False, model=model, random_seed=1, progressbar=False, backend="c")
    new = {"x": [2.0, -1.0, 5.0, 0.5], "k": list("wwuw"), "g": list("caca")}
    with model:
        pm.set_formula_data(new)
        made = pm.sample_posterior_predictive(trace, var_names=["mu", outcome], predictions=True, random_seed=1).predictions
    post, x = trace.posterior, np.array(DATA["x"])
    scaled = (np.array(new["x"]) - x.mean()) / x.std(ddof=1)
    of_k = np.concatenate([np.zeros((1, 20, 1)), post["C(k)"].values], axis=2)[:, :, [2, 2, 0, 2]]
    by_hand = post["Intercept"].values[..., None] + post["scale(x)"].values[..., None] * scaled + of_k + post["1|g"].values[:, :, [2, 0, 2, 0]]
    np.testing.assert_allclose(made["mu"], by_hand, rtol=1e-10, atol=1e-12)
    assert made[outcome].shape == (1, 20, 4) and np.isfinite(made[outcome]).all()


def test_outcomes_of_new_rows_are_there_for_densities_or_unknown():
    model = pm.formula_model("y ~ x", DATA, quiet=True)
    point, by_hand = {"Intercept_centred": 2.0, "x": 0.5, "sigma_log__": 0.0}, 2.0 + 0.5 * (4.0 - np.mean(DATA["x"]))
    pm.set_formula_data({"x": [4.0], "y": [3.0]}, model)
    assert model.point_logps(point, round_vals=12)["y"] == pytest.approx(-0.5 * np.log(2 * np.pi) - 0.5 * (3.0 - by_hand) ** 2, rel=1e-10)
    pm.set_formula_data({"x": [4.0, 1.0], "y": [np.nan, 3.0]}, model)
    assert np.isnan(model["y_data"].op.value).tolist() == [True, False]
    pm.set_formula_data({"x": [4.0]}, model)
    with pytest.raises(pm.SamplingError, match="log-density"):
        pm.sample(5, tune=5, chains=1, model=model, progressbar=False, backend="numpy")
    pm.set_formula_data(DATA, model)
    assert model.coords["obs"] == tuple(range(6)) and np.isfinite(model.point_logps(point)["y"])


def test_a_model_of_an_intercept_alone_and_a_copy_predict():
    model = pm.formula_model("y ~ 1", DATA, quiet=True)
    assert predictors(model, {"Intercept_centred": np.array([[1.0, 2.0]])}, {"z": [0.0, 0.0, 0.0]}).values.tolist() == [[[1.0] * 3, [2.0] * 3]]
    other = pickle.loads(pickle.dumps(pm.formula_model("y ~ x", DATA, quiet=True)))
    other = copy.deepcopy(other)
    found = predictors(other, {"Intercept_centred": np.array([[1.0]]), "x": np.array([[2.0]])}, {"x": [np.mean(DATA["x"]) + 1.0]})
    assert found.item() == pytest.approx(3.0, rel=1e-12)


@pytest.mark.parametrize(
    "changed, words",
    [
        ({"k": ["z"]}, "the column 'k' has the level 'z'.*levels are u, v, w"),
        ({"g": ["q"]}, "the column 'g' has the group 'q'.*groups are a, b, c"),
        ({"x": [np.nan]}, "contains null values.*dropped, or filled"),
        ({"x": ["one"]}, "do not fit to the new data"),
        ({"k": None, "kk": ["u"]}, "the new data have no column 'k'.*did you mean 'kk'"),
        ({"g": None}, "the new data have no column 'g'.*columns are x, k"),
    ],
)
def test_new_rows_that_do_not_fit_are_an_error_and_nothing_is_changed(changed, words):
    model = pm.formula_model("y ~ x + C(k) + (1 + k | g)", DATA, quiet=True)
    new = {"x": [1.0], "k": ["u"], "g": ["a"], **changed}
    with pytest.raises(ModelError, match=f"(?s){words}") as caught:
        pm.set_formula_data({name: values for name, values in new.items() if values is not None}, model)
    assert caught.value.location.filename == __file__
    assert model["x_data"].op.value.shape == (6,)
    with pytest.raises(ModelError, match="is not of a formula"):
        pm.set_formula_data(new, pm.Model())
