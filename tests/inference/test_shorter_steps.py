"""Shorter steps where trajectories diverge: that draws are right, the same however a run is cut, and what is warm-up."""

import numpy as np
import pytest
from scipy import stats

import workbench as pm
from workbench.errors import ArgumentError
from workbench.inference.diagnostics import mcse_mean

TREES = {"trajectories": "trees"}
"""What diverges in funnels: trajectories of one time go on with finer steps."""


def funnel():
    with pm.Model() as model:
        v = pm.Normal("v", 0.0, 2.0)
        pm.Normal("x", 0.0, pm.math.exp(0.5 * v), shape=5)
    return model


def run_of(model, **options):
    return pm.sample(model=model, **{"draws": 2000, "tune": 400, "random_seed": 1, "backend": "c", "quiet": True, "return_inferencedata": False, "shorter_steps": (0.95, 0.99), "nuts": TREES} | options)


@pytest.fixture(scope="module")
def run():
    return run_of(funnel())


def test_warm_up_goes_on_where_trajectories_diverge(run):
    first = run.shortened[0]
    assert first.target == 0.95 and first.divergences > 0.001 * 4 * first.draws and run.tune >= 400 + first.draws + 44
    assert run.draws["v"].shape == (4, 2000) and run.warmup["v"].shape == (4, run.tune)
    before, after = run.warmup_stats["step_size_bar"][:, 399], run.stats["step_size_bar"][:, -1]
    assert (after < before).all() and (after / before).mean() < 0.8 and (np.ptp(run.stats["step_size_bar"], axis=1) == 0.0).all()
    # What is counted is what diverged after the warm-up that was made longer.
    assert (run.stats["divergences"][:, -1] == run.stats["diverging"].sum(axis=1)).all()


def test_draws_of_the_funnel_are_right(run):
    v = run.draws["v"]
    for statistic, truth in ((v, 0.0), (v**2, 4.0), (v < stats.norm.ppf(0.1, 0.0, 2.0), 0.1)):
        x = statistic.astype(float)
        assert abs(x.mean() - truth) < 4.0 * mcse_mean(x)


def test_draws_do_not_hang_on_cores_or_on_how_they_are_asked_for(run):
    again = run_of(funnel(), cores=1)
    assert again.shortened == run.shortened and np.array_equal(again.draws["v"], run.draws["v"])
    idata = run_of(funnel(), return_inferencedata=True, discard_tuned_samples=False)
    assert np.array_equal(idata.posterior["v"], run.draws["v"]) and idata.warmup_posterior.sizes["draw"] == run.tune == idata.posterior.attrs["tuning_steps"]


def test_steps_stay_where_nothing_diverges():
    with pm.Model() as model:
        pm.Normal("x", 0.0, 1.0, shape=3)
    run = run_of(model, draws=400)
    assert run.tune == 400 and not run.shortened and np.array_equal(run.draws["x"], run_of(model, draws=400, shorter_steps=None).draws["x"])


def test_nuts_among_others_has_shorter_steps():
    model = funnel()
    with model:
        pm.Poisson("n", 3.0)
    run = run_of(model, random_seed=2)
    assert run.shortened and run.stats["step_size_bar"][0, -1] < run.warmup_stats["step_size_bar"][0, 399]
    assert abs(run.draws["n"].mean() - 3.0) < 5.0 * mcse_mean(run.draws["n"].astype(float))


@pytest.mark.parametrize(
    "options, said",
    [
        ({"shorter_steps": 0.5}, "rise from target_accept=0.8"), ({"shorter_steps": (0.99, 0.95)}, "rise"), ({"shorter_steps": "0.9"}, "rise"),
        ({"tune": 0}, "tune=0 adapts none"), ({"method": "chees"}, "chains by themselves"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_said(options, said):
    with pytest.raises(ArgumentError, match=said):
        run_of(funnel(), nuts=None, **options)
    with pytest.raises(ArgumentError, match="moves no variable"):
        run_of(funnel(), nuts=None, step=pm.Slice(model=funnel()))
