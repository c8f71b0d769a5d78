"""Densities, slopes, states and forecasts beside statsmodels and pymc-extras; how their numbers were made is in tests/reference/make_statespace.py."""

import sys
from pathlib import Path

import numpy as np
import pytest

import workbench as pm
import workbench.tensor as pt
from workbench.compile import function
from workbench.statespace.posterior import seen_of
from workbench.transforms import grad

sys.path.insert(0, str(Path(__file__).parents[1] / "reference"))
from statespace_cases import EXTRAS, STATSMODELS, TRUTH

TIMES = [0, 9, 20, 39]


@pytest.mark.parametrize("name", STATSMODELS)
def test_densities_and_slopes_are_those_of_statsmodels(name):
    model, data, given, slopes = STATSMODELS[name]
    inputs = {k: pt.tensor(k, "float64", np.shape(v)) for k, v in given.items()}
    total = pm.logp(model.dist(shape=data.shape, **inputs), data)
    found = function(list(inputs.values()), [total, *grad(total, list(inputs.values()))], backend="numpy")(*(np.asarray(v, float) for v in given.values()))
    truth = TRUTH[name]
    np.testing.assert_allclose(found[0], truth["logp"], rtol=1e-10)
    for parameter, at, number in slopes:
        # A variance moves by twice the standard deviation.
        factor = 2.0 * np.asarray(given[parameter])[at] if "sigma" in parameter else 1.0
        slope = found[1 + list(given).index(parameter)][at]
        np.testing.assert_allclose(slope, truth["score"][number] * factor, rtol=1e-7, err_msg=f"{parameter}{at}")


@pytest.mark.parametrize("name", [k for k in STATSMODELS if k != "ets"])
def test_states_and_forecasts_are_those_of_statsmodels(name):
    model, data, given, _ = STATSMODELS[name]
    truth, ahead = TRUTH[name], np.full((5, *data.shape[1:]), np.nan)
    further = {k: np.vstack([v, np.ones((5, 2))]) if "data" in k else v for k, v in given.items()}
    longer = np.concatenate([data, ahead])
    rv = model.dist(shape=longer.shape, **further)
    kind, parameters = rv.op.distribution, rv.inputs[1:]
    found = kind.smooth(pt.as_tensor(longer), parameters)
    design = seen_of(kind, parameters, found.mean)
    mean, cov, seen = function([], [found.mean, found.cov, design], backend="numpy")()
    n = np.shape(truth["states"])[1]
    np.testing.assert_allclose(mean[TIMES, :n], truth["states"], rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(cov[TIMES][:, range(n), range(n)], truth["variances"], rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(seen[-5:].reshape(np.shape(truth["forecast"])), truth["forecast"], rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("name", EXTRAS)
def test_densities_are_those_of_pymc_extras(name):
    model, data, given = EXTRAS[name]
    p0 = {"P0": 2.0 * np.eye(model.k_states)} if "P0" in model.param_names else {}
    total = pm.logp(model.dist(shape=data.shape, **given, **p0), data)
    # pymc-extras 0.10 counts log(2 pi) / 2 once for each time, whatever the number of series: statsmodels, and we, once for each number.
    short = 0.5 * np.log(2.0 * np.pi) * len(data) * (model.k_endog - 1)
    np.testing.assert_allclose(total.eval(), TRUTH[f"pymc-extras {name}"]["logp"] - short, rtol=1e-9)
