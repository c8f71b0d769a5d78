"""Equations in PyMC's form give PyMC's numbers, and the hares and lynxes the posterior that others find.

The numbers are in tests/reference/ode.json, made by tests/reference/make_ode.py.
"""

import functools
import json
import sys
from pathlib import Path

import numpy as np
import pytest

import workbench as pm
import workbench.tensor as pt
from workbench.compile import function

REFERENCE = Path(__file__).parents[1] / "reference"
sys.path.insert(0, str(REFERENCE))
from ode_cases import EQUATIONS, START, YEARS, pelts  # noqa: E402

KNOWN = json.loads((REFERENCE / "ode.json").read_text())


@pytest.mark.parametrize("name", EQUATIONS)
def test_states_and_sensitivities_are_pymcs(name):
    f, times, y0, theta, t0 = EQUATIONS[name]
    equations = pm.ode.DifferentialEquation(
        functools.partial(f, pt), times, n_states=len(y0), n_theta=len(theta), t0=t0, rtol=1e-9, atol=1e-10, max_steps=700
    )
    states, sensitivities = function([], list(equations(y0=y0, theta=theta, return_sens=True)), backend="c")()
    for found, known in ((states, KNOWN["solutions"][name]["states"]), (sensitivities, KNOWN["solutions"][name]["sensitivities"])):
        assert found.shape == np.shape(known)
        np.testing.assert_allclose(found, known, rtol=1e-6, atol=1e-7 * np.abs(known).max())


def test_the_default_tolerance_is_that_of_odeint():
    f, times, y0, theta, _ = EQUATIONS["predation"]
    states = pm.ode.DifferentialEquation(functools.partial(f, pt), times, n_states=2, n_theta=4)(y0, theta)
    np.testing.assert_allclose(function([], states, backend="c")(), KNOWN["solutions"]["predation"]["states"], rtol=2e-6)


def hares_and_lynxes():
    """B. Carpenter's model (2018), its states as logarithms, which no error of a step makes negative."""
    with pm.Model() as model:
        rates = pm.TruncatedNormal("rates", 1.0, 0.5, lower=0.0, shape=2)
        eaten = pm.TruncatedNormal("eaten", 0.05, 0.05, lower=0.0, shape=2)
        z0 = pm.LogNormal("z0", np.log(10.0), 1.0, shape=2)
        sigma = pm.LogNormal("sigma", -1.0, 1.0, shape=2)
        logs = pm.ode.ode_solve(lambda t, z: [rates[0] - eaten[0] * pt.exp(z[1]), eaten[1] * pt.exp(z[0]) - rates[1]], pt.log(z0), YEARS)
        pm.LogNormal("pelts", logs, sigma, observed=pelts())
    return model


def test_hares_and_lynxes_have_the_posterior_that_diffrax_and_blackjax_find():
    """From a start in the main mode: there is another with scales of 1, where the curves miss the cycles."""
    start = {"rates": START[:2], "eaten": START[2:4], "z0": START[4:6], "sigma": START[6:]}
    idata = pm.sample(1000, tune=700, chains=2, model=hares_and_lynxes(), initvals=start, random_seed=1, progressbar=False, backend="c")
    draws = np.concatenate([idata.posterior[name].values for name in start], axis=-1)
    known = {k: np.array(v) for k, v in KNOWN["posterior"].items()}
    # At least 400 effective draws: a mean is within four standard errors, of a twentieth of a standard deviation each.
    np.testing.assert_array_less(np.abs(draws.mean((0, 1)) - known["mean"]) / known["sd"], 0.2)
    np.testing.assert_allclose(draws.std((0, 1)), known["sd"], rtol=0.2)
    assert idata.sample_stats["diverging"].values.mean() < 0.01
