"""Every covariance function, spectral density and process says what it says in PyMC.

PyMC's answers are in tests/reference/gp.json, made by tests/reference/make_gp.py.
"""

import json
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

import workbench as pm

REFERENCE = Path(__file__).parents[1] / "reference"
sys.path.insert(0, str(REFERENCE))
from gp_cases import COVARIANCES, DENSITIES, GRID, MARGINALS, NEW, PRIORS, SOME, point_of  # noqa: E402

KNOWN = json.loads((REFERENCE / "gp.json").read_text())


def test_every_case_has_an_answer():
    for part, cases in (("covariances", COVARIANCES), ("densities", DENSITIES), ("marginals", MARGINALS), ("priors", PRIORS)):
        assert list(cases) == list(KNOWN[part])


@pytest.mark.parametrize("name", COVARIANCES)
def test_covariances_agree(name):
    make, x, xs = COVARIANCES[name]
    cov = make(pm.gp.cov)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Only . column")
        found = [cov(x), cov(x, xs), cov(x, diag=True)]
    for ours, known in zip(found, KNOWN["covariances"][name]):
        np.testing.assert_allclose(ours.eval(), known, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", DENSITIES)
def test_spectral_densities_agree(name):
    make, omega = DENSITIES[name]
    cov = make(pm.gp.cov)
    found = cov.power_spectral_density_approx(np.arange(6)) if omega is None else cov.power_spectral_density(omega)
    np.testing.assert_allclose(found.eval(), KNOWN["densities"][name], rtol=1e-10)


def slopes_agree(model, known, rtol):
    assert [v.name for v in model.value_vars] == known["values"]
    point = point_of({v.name: model.initial_point()[v.name] for v in model.value_vars})
    f = model.compile_fn([model.logp(), model.dlogp()], inputs=model.value_vars, backend="numpy")
    logp, gradient = f(point)
    np.testing.assert_allclose(logp, known["logp"], rtol=rtol)
    np.testing.assert_allclose(gradient, known["gradient"], rtol=rtol, atol=rtol * np.abs(known["gradient"]).max())
    return point


@pytest.mark.parametrize("name", MARGINALS)
def test_marginal_processes_agree(name):
    model, gp = MARGINALS[name](pm)
    known = KNOWN["marginals"][name]
    # Where a Matérn process is filtered it is without the number under PyMC's root, 1e-12.
    slopes_agree(model, known, 1e-8 if name.startswith("matern") else 1e-9)
    new = pm.math.cartesian(*GRID)[:3] + 0.1 if name == "kron" else NEW
    for how, parts in known["predictions"].items():
        options = dict(part.split("=") for part in how.split())
        found = gp.predict(new, point=SOME, diag=options["diag"] == "True", pred_noise=options["noise"] == "True", model=model)
        for ours, theirs in zip(found, parts):
            np.testing.assert_allclose(ours, theirs, rtol=1e-8, atol=1e-9, err_msg=how)


@pytest.mark.parametrize("name", PRIORS)
def test_priors_agree(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = PRIORS[name](pm)
    known = KNOWN["priors"][name]
    point = slopes_agree(model, known, 1e-8)
    if "functions" in known:
        f = model.compile_fn(model.replace_rvs_by_values([model["f"], model["f_new"]]), inputs=model.value_vars, backend="numpy")
        for ours, theirs in zip(f(point), known["functions"]):
            np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9)
