"""Equations in PyMC's form give PyMC's numbers.

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
from ode_cases import EQUATIONS  # noqa: E402

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
