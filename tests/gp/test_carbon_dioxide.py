"""The gallery's model of Mauna Loa's carbon dioxide on the measured series: log-density and gradient are PyMC's (tests/reference/make_co2.py)."""

import importlib.util
import json
from pathlib import Path

import numpy as np

import workbench as pm

REFERENCE = Path(__file__).parents[1] / "reference"
spec = importlib.util.spec_from_file_location("co2_case", REFERENCE / "co2_case.py")
case = importlib.util.module_from_spec(spec)
spec.loader.exec_module(case)


def test_density_and_gradient_of_the_measured_series_are_pymcs():
    model = case.co2(pm)
    f = model.compile_fn([model.logp(), model.dlogp()], inputs=model.value_vars, backend="c")
    for known in json.loads((REFERENCE / "co2.json").read_text())["points"]:
        logp, gradient = f({name: np.float64(value) for name, value in known["point"].items()})
        np.testing.assert_allclose(logp, known["logp"], rtol=1e-8)
        np.testing.assert_allclose(gradient, known["gradient"], rtol=1e-8, atol=1e-9 * np.abs(known["gradient"]).max())
