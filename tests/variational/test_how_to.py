"""The families of docs/adding-an-approximation.md work as the page says."""

import re
from pathlib import Path

import numpy as np

import workbench as pm
import workbench.tensor as pt
from workbench.inference import Approximation
from workbench.variational.family import Family, Place, standard_normal

PAGE = Path(__file__).parents[2] / "docs" / "adding-an-approximation.md"


def test_the_pages_family_is_fitted_as_it_says():
    family, fit = re.findall(r"```python\n(.*?)```", PAGE.read_text(), flags=re.S)
    with pm.Model() as model:
        pm.Normal("x", [1.0, 2.0], [0.5, 2.0])
    names = {"Family": Family, "Place": Place, "standard_normal": standard_normal, "pt": pt, "np": np, "pm": pm, "Approximation": Approximation, "model": model}
    exec(family, names)
    # Twenty draws a step: of one, the last step's noise is a tenth of what is fitted.
    exec(fit.replace("Isotropic())", "Isotropic(), random_seed=1)").replace(".fit(5000,", ".fit(4000, obj_n_mc=20, quiet=True,"), names)
    approx = names["approx"]
    # The best common variance is 1 / the mean precision: here 1 / mean(4, 1/4).
    assert np.allclose(approx.values[0], [1.0, 2.0], atol=0.2) and np.isclose(np.exp(2.0 * approx.values[1]), 1.0 / 2.125, rtol=0.15)
    assert np.isfinite(approx.khat)
