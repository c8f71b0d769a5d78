"""Models from formulas: bambi's densities, statsmodels' estimates of a mixed model (tests/reference/make_formula.py)."""

import json
from pathlib import Path

import numpy as np
import pytest

import workbench as pm
from workbench.datasets import radon
from workbench.errors import ArgumentError, ModelError
from workbench.model.formula_model import split_terms

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
