"""Chains that begin at draws of Pathfinder's approximations."""

import numpy as np
import pytest

import workbench as pm
from workbench.errors import ArgumentError
from workbench.inference.approximations.pathfinder_starts import pathfinder_starts


@pytest.fixture(scope="module")
def model():
    with pm.Model() as model:
        scale = pm.HalfNormal("scale", 3.0)
        x = pm.Normal("x", 50.0, 0.1, shape=3)
        pm.Normal("y", x.sum(), scale, observed=np.linspace(148.0, 152.0, 20))
    return model


def test_chains_begin_in_the_bulk_and_apart(model):
    starts = pathfinder_starts(model, "c", 6, 1, None)
    assert len(starts) == 6 and all(set(s) == {"scale_log__", "x"} for s in starts)
    x = np.array([s["x"] for s in starts])
    # The posterior of each has mean 50 and a standard deviation of about 0.1.
    assert (np.abs(x - 50.0) < 0.5).all() and len(np.unique(x)) == 18


def test_a_run_begins_there_and_its_draws_are_the_posteriors(model):
    options = dict(tune=200, chains=2, random_seed=3, model=model, progressbar=False, quiet=True, return_inferencedata=False, backend="c")
    run = pm.sample(400, init="pathfinder", **options)
    assert np.abs(run.warmup["x"][:, 0] - 50.0).max() < 0.6
    other = pm.sample(400, **options)
    for name in ("x", "scale"):
        np.testing.assert_allclose(run.draws[name].mean((0, 1)), other.draws[name].mean((0, 1)), atol=0.09)
    assert np.array_equal(run.draws["x"], pm.sample(400, init="pathfinder", **options).draws["x"])


def test_what_has_no_path_is_refused(model):
    with pytest.raises(ArgumentError, match="finds starts itself"):
        pm.sample(init="pathfinder", initvals={"scale": 1.0}, model=model)
    with pm.Model() as discrete:
        pm.Normal("x", pm.Poisson("n", 2.0), 1.0)
    with pytest.raises(ArgumentError, match="all continuous"):
        pm.sample(init="pathfinder", model=discrete, progressbar=False)
