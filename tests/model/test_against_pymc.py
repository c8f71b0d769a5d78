"""Models and derived densities against PyMC's numbers in tests/reference/models.json."""

import importlib.util
import json
import warnings
from pathlib import Path

import numpy as np
import pytest

import workbench as pm
import workbench.tensor as pt

FOLDER = Path(__file__).resolve().parents[1] / "reference"
spec = importlib.util.spec_from_file_location("reference_models", FOLDER / "models.py")
written = importlib.util.module_from_spec(spec)
spec.loader.exec_module(written)
KNOWN = json.loads((FOLDER / "models.json").read_text())


@pytest.fixture(scope="module")
def models():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", pm.ImputationWarning)
        return {make.__name__: make(pm, pt) for make in written.MODELS}


@pytest.fixture(params=[make.__name__ for make in written.MODELS])
def case(request, models):
    return models[request.param], KNOWN["models"][request.param]


def test_names_are_pymcs(case):
    model, known = case
    assert [v.name for v in model.value_vars] == known["values"]
    assert [v.name for v in model.free_RVs] == known["free"]
    assert [v.name for v in model.observed_RVs] == known["observed"]
    assert [v.name for v in model.deterministics] == known["deterministics"]


def test_initial_points_are_pymcs(case):
    model, known = case
    start = model.initial_point()
    assert list(start) == known["values"]
    for name, value in known["start"].items():
        assert start[name].shape == np.shape(value)
        np.testing.assert_allclose(start[name], value, rtol=1e-12, atol=1e-14, err_msg=name)


def test_log_densities_and_their_terms_are_pymcs(case):
    model, known = case
    f = model.compile_logp(backend="numpy")
    for at in known["points"]:
        assert np.isclose(f(at["point"]), at["logp"], rtol=1e-10, atol=1e-12)
        terms = model.point_logps(at["point"])
        assert list(terms) == list(at["terms"])
        np.testing.assert_allclose(list(terms.values()), list(at["terms"].values()), rtol=1e-9, atol=1e-12)


def test_gradients_are_pymcs(case):
    model, known = case
    f = model.compile_dlogp(backend="numpy")
    for at in known["points"]:
        np.testing.assert_allclose(f(at["point"]), at["gradient"], rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("name", [n for n, v in KNOWN["derived"].items() if v is not None])
def test_derived_densities_are_pymcs(name):
    x, at = written.derived(pm, pt)[name]
    found = pm.logp(x, at).eval()
    wanted = np.array(KNOWN["derived"][name])
    assert found.shape == wanted.shape
    np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-12)
