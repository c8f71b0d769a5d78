"""`total_size`: the log-density of some rows stands for that of all."""

import numpy as np
import pytest

import workbench as pm
from workbench.errors import ModelError


def term(rows, total_size):
    with pm.Model() as model:
        pm.Normal("y", 0.0, 1.0, observed=rows, total_size=total_size)
    return model.point_logps()["y"]


ROWS = np.arange(12.0).reshape(4, 3)
ONE = -0.5 * (ROWS**2).sum() - 12 * 0.5 * np.log(2 * np.pi)


@pytest.mark.parametrize(
    "total_size, factor",
    [(None, 1.0), (100, 25.0), ([100], 25.0), ([100, None], 25.0), ([None, 6], 2.0), ([100, ..., 6], 50.0), ([..., 6], 2.0), (np.int64(8), 2.0)],
)
def test_total_size_multiplies_the_density(total_size, factor):
    assert np.isclose(term(ROWS, total_size), factor * ONE, rtol=1e-12)


def test_total_size_follows_data_that_change_and_models_made_of_the_model():
    with pm.Model() as model:
        x = pm.Data("x", [1.0, 2.0])
        mu = pm.Normal("mu")
        pm.Normal("y", mu, 1.0, observed=x, total_size=12)
    each = -0.5 * np.log(2 * np.pi) - 0.5 * np.array([1.0, 4.0, 9.0])
    f = model.compile_logp(vars=[model["y"]], backend="numpy")
    assert np.isclose(f({"mu": 0.0}), 6 * each[:2].sum())
    pm.set_data({"x": [1.0, 2.0, 3.0]}, model)
    assert np.isclose(f({"mu": 0.0}), 4 * each.sum())
    assert np.isclose(pm.do(model, {"mu": 0.0}).point_logps({})["y"], 4 * each.sum())
    assert np.isclose(pm.freeze_dims_and_data(model).point_logps({"mu": 0.0})["y"], 4 * each.sum())
    assert np.isclose(pm.observe(model, {"y": [1.0, 2.0, 3.0]}).point_logps({"mu": 0.0})["y"], 4 * each.sum())
    # The log-likelihood of single observations is theirs.
    found = pm.compute_log_likelihood({"mu": np.zeros((1, 2))}, model=model, extend_inferencedata=False)
    np.testing.assert_allclose(found["y"].to_numpy()[0, 1], each)


@pytest.mark.parametrize(
    "options, words",
    [
        ({"total_size": 3}, "total_size is for a variable that is observed"),
        ({"total_size": 3, "observed": [1.0, np.nan]}, "without missing values"),
        ({"total_size": "3", "observed": [1.0]}, "total_size is a number of rows, not '3'"),
        ({"total_size": [1, 2], "observed": [1.0]}, "2 lengths, but the variable has 1 axes"),
        ({"total_size": [..., ...], "observed": [1.0]}, "more than one"),
    ],
)
def test_bad_total_sizes_are_errors(options, words):
    with pm.Model(), pytest.raises(ModelError, match=words):
        pm.Normal("y", 0.0, 1.0, **options)
