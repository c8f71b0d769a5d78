"""What of the draws is used in predictions, and what is computed or drawn anew.

The cases are those of `tests/reference/predictive_cases.py`, in which every random variable is all but certain, so that a
result says where each number came from; PyMC 5.28.5 made `tests/reference/predictive.json` from them
(`tests/reference/make_predictive.py`): its results and its "Sampling: [...]". Where it is not followed (`DIFFERENT`) the value
follows by hand from the model. The other tests compare with closed forms.
"""

import json
import logging
import sys
from pathlib import Path

import numpy as np
import pytest

import workbench as pm
from workbench.errors import ModelError, ShapeError

az = pytest.importorskip("arviz")
REFERENCE = Path(__file__).resolve().parents[1] / "reference"
sys.path.insert(0, str(REFERENCE))
from predictive_cases import CASES, S, mediated  # noqa: E402

PYMC = json.loads((REFERENCE / "predictive.json").read_text())["cases"]
QUIET = {"random_seed": 1, "progressbar": False}

DIFFERENT = {
    # y = 2 x with x set to 0.5; PyMC uses d = 6 of the draws.
    "set_to_a_constant": (["y"], {"y": 1.0}),
    # m = 2 t + 1 with t set to 1, y = 3 m; PyMC uses m = 50 of the draws.
    "set_to_a_constant_above_a_latent_variable": (["m", "y"], {"y": 9.0}),
    # x = 10 z with z = 7, y = 2 x; PyMC uses d = 6 of the draws.
    "set_to_an_expression": (["y"], {"y": 140.0}),
    # Draws that have no labels are those of the dim if they are as many; PyMC draws a from its prior.
    "draws_without_labels": (["y"], {"y": [5.0, 6.0]}),
    "points_of_a_model_with_dims": (["y"], {"y": [5.0, 6.0]}),
    # Data have not changed by being asked for; PyMC draws b from its prior.
    "asked_for_data_that_a_prior_depends_on": (["y"], {"s": 2.0, "y": 5.0}),
    # y = 2 x is computed; PyMC has put it among the observed variables of the model.
    "observed_when_fitted_and_computed_now": ([], {"y": 6.0, "z": 7.0}),
}
ERRORS = {
    "nothing_is_observed": (ModelError, "no observed variable to draw"),
    "draws_of_another_shape": (ShapeError, r"x: the draws have shape \(2,\), the variable has shape \(\)"),
}
WARNINGS = {
    "data_that_a_prior_depends_on_are_not_known": "b is among the draws, but is drawn again: it depends on data scale",
    "latent_variable_of_each_new_row": "e is among the draws, but is drawn again: its length is that of data x",
    "length_of_changed_data": "e is among the draws, but is drawn again: its length is that of data x",
    "as_many_coefficients_as_changed_data_have_columns": "b is among the draws, but is drawn again: its length is that of data x",
    "asked_for_deterministics_above_a_variable": "z is among the draws, but is drawn again, as in PyMC: it depends on det_xy",
    "deterministic_is_given_without_its_variable": "d is among the draws, but x, which it depends on, is not",
    "potential_is_passed_over": "the model has potentials",
}


@pytest.fixture(autouse=True)
def said(caplog):
    caplog.set_level(logging.INFO, logger="workbench")
    return caplog


def predicted(name, said, backend):
    """Means of the results of a case, and the words that were said."""
    model, given, options = CASES[name](pm)
    said.clear()
    with model:
        found = pm.sample_posterior_predictive(given, compile_kwargs={"backend": backend}, **QUIET, **options)
    (group,) = set(found.groups()) & {"posterior_predictive", "predictions"}
    assert group == ("predictions" if options.get("predictions") else "posterior_predictive")
    dims = list(options.get("sample_dims", ("chain", "draw")))
    return {k: v.mean(dims).to_numpy() for k, v in found[group].data_vars.items()}, [r.getMessage() for r in said.records]


def check(name, said, backend):
    names, values = DIFFERENT.get(name) or (None, PYMC[name]["values"])
    sentence = f"Sampling: [{', '.join(names)}]" if names is not None else PYMC[name]["said"][0]
    found, words = predicted(name, said, backend)
    assert [w.splitlines()[0] for w in words] == [sentence]
    assert set(found) == set(values)
    for k, v in values.items():
        np.testing.assert_allclose(found[k], v, atol=2e-3, err_msg=f"{name}: {k}")


@pytest.mark.filterwarnings("ignore::workbench.model.missing.ImputationWarning")
@pytest.mark.parametrize("name", [n for n in CASES if n not in ERRORS and n not in WARNINGS])
def test_predictions_use_what_holds(name, said, recwarn):
    check(name, said, "numpy")
    assert not [w for w in recwarn if "among the draws" in str(w.message)]


@pytest.mark.parametrize("name", WARNINGS)
def test_draws_that_are_set_aside_for_want_of_knowledge_are_warned_of(name, said):
    with pytest.warns(UserWarning, match=WARNINGS[name]):
        check(name, said, "numpy")


@pytest.mark.parametrize("name", ERRORS)
def test_what_cannot_be_predicted_is_an_error(name):
    kind, words = ERRORS[name]
    model, given, options = CASES[name](pm)
    with model, pytest.raises(kind, match=words):
        pm.sample_posterior_predictive(given, **QUIET, **options)


def test_where_pymc_is_not_followed_it_gives_something_else():
    for name, (names, values) in DIFFERENT.items():
        theirs = PYMC[name]
        assert (theirs["said"], theirs["values"]) != ([f"Sampling: [{', '.join(names)}]"], values)


@pytest.mark.parametrize("name", ["set_above_a_latent_variable", "data_are_longer", "latent_variable_of_more_labelled_rows"])
def test_predictions_use_what_holds_on_every_backend(name, said, backend):
    check(name, said, backend)


@pytest.mark.parametrize("shared", [True, False])
def test_effect_of_a_treatment_through_a_latent_mediator_is_the_product_of_its_slopes(shared):
    # E[y | do(t = 1)] - E[y | do(t = 0)] = E[b c] over the draws of the slopes.
    with pm.Model() as model:
        b, c = pm.Normal("b"), pm.Normal("c")
        t = pm.Normal("t", 0.0, 1.0, shape=3)
        m = pm.Normal("m", b * t, S, shape=3)
        pm.Deterministic("twice", 2.0 * m)
        pm.Normal("y", c * m, S, observed=np.zeros(3))
    rng = np.random.default_rng(5)
    draws = {k: rng.normal(2.0, 0.3, size=(2, 50)) for k in "bc"} | {k: rng.normal(size=(2, 50, 3)) for k in ("t", "m", "twice")}
    means = []
    for level in (0.0, 1.0):
        with pm.do(model, {"t": np.full(3, level)}, make_interventions_shared=shared):
            found = pm.sample_posterior_predictive(draws, var_names=["m", "twice", "y"], return_inferencedata=False, **QUIET)
        np.testing.assert_allclose(found["m"], (draws["b"] * level)[..., None] + np.zeros(3), atol=1e-5)
        np.testing.assert_allclose(found["twice"], 2.0 * found["m"], atol=1e-12)
        means.append(found["y"].mean())
    assert np.isclose(means[1] - means[0], (draws["b"] * draws["c"]).mean(), atol=1e-5)


def test_scalar_data_are_known_again_in_what_was_sampled_and_stored(tmp_path):
    with pm.Model() as model:
        s = pm.Data("s", 2.0)
        b = pm.Normal("b", s, 100.0)
        pm.Normal("y", b, 1e-3, observed=np.full(4, 5.0))
        run = pm.sample(50, tune=200, chains=2, compute_convergence_checks=False, return_inferencedata=False, **QUIET)
        pm.set_data({"s": 7.0})
        idata = run.idata
        idata.to_netcdf(str(tmp_path / "run.nc"))
        assert idata.constant_data["s"].shape == () and float(idata.constant_data["s"]) == 2.0
        pm.set_data({"s": 2.0})
    for given in (run, idata, az.from_netcdf(str(tmp_path / "run.nc"))):
        with model:
            drawn = pm.sample_posterior_predictive(given, return_inferencedata=False, **QUIET)["y"]
            # Where b is drawn from its prior, its standard deviation is 100.
            np.testing.assert_allclose(drawn.mean(-1), run.draws["b"], atol=5e-3)
            pm.set_data({"s": 7.0})
            drawn = pm.sample_posterior_predictive(given, return_inferencedata=False, **QUIET)["y"]
            assert drawn[..., 0].std() > 50.0
            pm.set_data({"s": 2.0})


def test_a_run_is_of_the_data_that_it_was_started_with():
    with pm.Model():
        s, w = pm.Data("s", 0.0), pm.Data("w", [1.0, 2.0])
        pm.Normal("b", s + 0.0 * w.sum(), 1.0)
        run = pm.sample(500, tune=300, chains=2, blocking=False, **QUIET)
        pm.set_data({"s": 100.0, "w": [3.0, 4.0, 5.0]})
        run.wait()
    assert abs(run.draws["b"].mean()) < 1.0
    assert float(run.idata.constant_data["s"]) == 0.0 and run.idata.constant_data["w"].to_numpy().tolist() == [1.0, 2.0]


def test_what_was_taken_and_set_aside_is_said(said):
    texts = {
        "data_have_changed": "Sampling: [y]\nTaken from the draws: [b]; computed again: [d], for data x have other values",
        "set_above_a_latent_variable": "Sampling: [m, y]\nNothing is taken from the draws; drawn again: [m], for t was set",
        "labels_have_changed": "Sampling: [a, y]\nTaken from the draws: [mu]; drawn again: [a], for dim group has other labels",
        "draws_without_data": "Sampling: [y]\nTaken from the draws: [b]; computed again: [d], for the draws do not hold data x",
    }
    for name, text in texts.items():
        assert predicted(name, said, "numpy")[1] == [text]


def test_log_densities_and_deterministics_are_those_of_the_model_as_it_is():
    # Of an intervention: y | m ~ N(3 m, S), m | t ~ N(2 t + 1, S) at t = 1, whatever t the draws hold.
    given = {"t": np.full((1, 2), 5.0), "m": np.full((1, 2), 3.0 + 2 * S)}
    with pm.do(mediated(pm), {"t": 1.0}):
        likelihood = pm.compute_log_likelihood(given, extend_inferencedata=False)["y"]
        prior = pm.compute_log_prior(given, extend_inferencedata=False)
    np.testing.assert_allclose(likelihood, -0.5 * ((1.0 - 9.0) / S) ** 2, rtol=1e-5)
    np.testing.assert_allclose(prior["m"], -0.5 * 2.0**2 - np.log(S * np.sqrt(2 * np.pi)), atol=1e-6)
    assert list(prior.data_vars) == ["m"]
    with pm.Model() as model:
        x, w = pm.Normal("x"), pm.Data("w", [1.0, 2.0])
        pm.Deterministic("d", x * w)
    with model:
        pm.set_data({"w": [10.0, 20.0, 30.0]})
        found = pm.compute_deterministics({"x": np.full((1, 2), 2.0), "d": np.zeros((1, 2, 2))})
    np.testing.assert_allclose(found["d"], np.broadcast_to([20.0, 40.0, 60.0], (1, 2, 3)))
    with pm.do(model, {"x": 3.0}, make_interventions_shared=False):
        found = pm.compute_deterministics({"x": np.full((1, 2), 2.0)})
    np.testing.assert_allclose(found["d"], np.broadcast_to([30.0, 60.0, 90.0], (1, 2, 3)))


def test_modes_are_those_of_the_data_as_they_are():
    # Posterior of b: precision 1 + sum x^2, mean (sum x y) / precision.
    with pm.Model():
        x, seen = pm.Data("x", [1.0, 2.0]), pm.Data("seen", [3.0, 6.0])
        b = pm.Normal("b")
        pm.Normal("y", pm.Deterministic("d", b * x), 1.0, observed=seen)
        for data, values in (([1.0, 2.0], [3.0, 6.0]), ([1.0, 3.0], [3.0, 6.0]), ([1.0, 2.0, 3.0], [1.0, 1.0, 1.0])):
            pm.set_data({"x": data, "seen": values})
            wanted = np.dot(data, values) / (1.0 + np.dot(data, data))
            found = pm.find_MAP(progressbar=False)
            np.testing.assert_allclose(found["b"], wanted, rtol=1e-4)
            np.testing.assert_allclose(found["d"], wanted * np.array(data), rtol=1e-4)
