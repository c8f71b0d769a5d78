"""Warm-up that ends when the chains agree: when it does, that draws are right, and the same however the run is cut."""

import os
import time

import numpy as np
import pytest

import workbench as pm
from workbench.errors import ArgumentError
from workbench.inference.early_stop import plans

ALL = os.environ.get("WORKBENCH_TESTS") == "all"


def regression():
    """A straight line whose posterior is normal: covariance by linear algebra, correlated by -0.87, and far from the starts."""
    x = np.linspace(0.0, 2.0, 40)
    y = 30.0 - 20.0 * x + np.sin(7.0 * x)
    with pm.Model() as model:
        a, b = pm.Normal("a", 0.0, 100.0), pm.Normal("b", 0.0, 100.0)
        pm.Normal("y", a + b * x, 0.5, observed=y)
        pm.Gamma("g", 3.0, 2.0)
        pm.Beta("p", 0.5, 0.5)
    design = np.stack([np.ones(40), x], axis=1)
    covariance = np.linalg.inv(design.T @ design / 0.25 + np.eye(2) / 1e4)
    mean = covariance @ design.T @ y / 0.25
    sd = np.sqrt(np.diag(covariance))
    truth = {"a": (mean[0], sd[0]), "b": (mean[1], sd[1]), "g": (1.5, np.sqrt(0.75)), "p": (0.5, np.sqrt(0.125))}
    return model, truth


def run_of(model, **options):
    given = {"draws": 100, "tune": 1000, "random_seed": 3, "backend": "c", "quiet": True, "return_inferencedata": False, "stop_tuning_early": True}
    return pm.sample(model=model, **{**given, **options})


def same(a, b):
    return all(np.array_equal(a.draws[n], x) for n, x in b.draws.items()) and all(np.array_equal(a.warmup[n], x) for n, x in b.warmup.items())


def test_when_it_is_asked_depends_on_numbers_of_draws_alone():
    assert plans(1000) == [(300, 255), (450, 383), (675, 574)]
    assert plans(300) == plans(10) == [] and plans(301) == [(300, 255)]


def test_it_ends_where_chains_agree_and_results_say_so():
    model, _ = regression()
    asked = [rows for rows, _ in plans(1000)]
    run = run_of(model)
    assert run.tune in asked and run.draws["a"].shape == (4, 100) and run.warmup["a"].shape == (4, run.tune)
    idata = pm.sample(50, tune=1000, stop_tuning_early=True, model=model, random_seed=3, quiet=True, backend="c", discard_tuned_samples=False)
    assert idata.warmup_posterior.sizes["draw"] == run.tune and idata.posterior.sizes["draw"] == 50 and idata.posterior.attrs["tuning_steps"] == run.tune
    told = []
    two = run_of(model, draws=20, chains=2, callback=lambda run, draw: told.append((draw.chain, draw.tuning, draw.is_last)))
    assert two.tune in asked and sum(t for _, t, _ in told) == 2 * two.tune and sum(last for *_, last in told) == 2 and len(told) == 2 * two.tune + 40
    # A chain of few draws of warm-up is not asked.
    assert run_of(model, tune=200).tune == 200


def test_it_does_not_end_while_chains_are_apart():
    """Two modes 40 standard deviations apart, and chains in each."""
    with pm.Model() as model:
        pm.Mixture("x", w=[0.5, 0.5], comp_dists=[pm.Normal.dist(-20.0, 1.0), pm.Normal.dist(20.0, 1.0)])
    starts = [{"x": s} for s in (-20.0, 20.0, -20.0, 20.0)]
    assert run_of(model, initvals=starts).tune == 1000
    assert run_of(model, initvals={"x": 20.0}).tune < 1000


def test_draws_after_it_are_right():
    """Moments of all draws of many runs that begin far out, within 4.5 standard errors, which the runs' independence gives: 2 % of a
    standard deviation or less (0.6 % with WORKBENCH_TESTS=all)."""
    model, truth = regression()
    runs, found, lengths = (600 if ALL else 60), [], []
    far = {name: mean + 30.0 * sd for name, (mean, sd) in truth.items() if name != "p"}
    for seed in range(runs):
        run = run_of(model, draws=150, random_seed=seed, initvals=far)
        lengths.append(run.tune)
        z = np.stack([(run.draws[n] - mean) / sd for n, (mean, sd) in truth.items()], axis=-1)
        kurtosis = {"p": 1.5, "g": 5.0}
        found.append([z.mean(axis=(0, 1)), (z**2).mean(axis=(0, 1)) - 1.0, (z**4).mean(axis=(0, 1)) - [kurtosis.get(n, 3.0) for n in truth]])
    assert np.mean(lengths) < 500
    found = np.array(found)
    error = found.std(axis=0, ddof=1) / np.sqrt(runs)
    assert (error[:2] < (0.01 if ALL else 0.03)).all()
    assert (np.abs(found.mean(axis=0)) < 4.5 * error).all(), found.mean(axis=0) / error


def test_draws_are_the_same_whatever_cores_chunks_and_pauses(monkeypatch):
    model, _ = regression()
    whole = run_of(model)
    assert same(whole, run_of(model, cores=1))
    monkeypatch.setattr("workbench.inference.run.FIRST_BUDGET", 16)
    monkeypatch.setattr("workbench.inference.executors.CHUNK_SECONDS", 0.002)
    run = run_of(model, blocking=False)
    for _ in range(3):
        run.pause()
        time.sleep(0.02)
        run.resume()
    run.wait()
    assert same(whole, run)


@pytest.mark.parametrize("stop_at", [100, 255, 280, 350])
def test_a_stored_run_goes_on_with_the_same_draws(tmp_path, stop_at, monkeypatch):
    model, _ = regression()
    whole = run_of(model, chains=2, draws=5000)
    # Pieces so short, and draws so many, that there is something left to stop.
    monkeypatch.setattr("workbench.inference.run.FIRST_BUDGET", 16)
    monkeypatch.setattr("workbench.inference.executors.CHUNK_SECONDS", 0.0005)

    def stop(run, draw):
        if draw.draw_idx >= stop_at:
            raise KeyboardInterrupt

    run = run_of(model, chains=2, draws=5000, trace=tmp_path / "run.zarr", callback=stop)
    assert run.state == "stopped"
    again = pm.resume_run(tmp_path / "run.zarr", model, quiet=True, return_inferencedata=False)
    assert again.tune == whole.tune < 1000 and same(whole, again)
    idata = pm.resume_run(tmp_path / "run.zarr", model, draws=5020, quiet=True)
    assert idata.posterior.sizes["draw"] == 5020 and np.array_equal(idata.posterior["a"][:, :5000], whole.draws["a"])
    import xarray

    with xarray.open_datatree(tmp_path / "run.zarr", engine="zarr") as stored:
        assert stored["warmup_posterior"].sizes["draw"] == whole.tune and np.array_equal(stored["warmup_posterior/a"], whole.warmup["a"])
        assert stored["posterior"].attrs["tuning_steps"] == whole.tune


def test_compounds_end_early_too():
    with pm.Model() as model:
        z = pm.Bernoulli("z", 0.4)
        pm.Normal("x", 3.0 * z, 1.0)
    assert run_of(model).tune < 1000


def test_what_it_is_not_for_is_said():
    model, _ = regression()
    for options, words in (
        ({"nuts": {"adaptation": "stan"}}, "nuts_by_stan plans its windows by the length of warm-up"),
        ({"method": "chees", "chains": 8}, "stop_tuning_early=True is for chains by themselves"),
    ):
        with pytest.raises(ArgumentError, match=words):
            run_of(model, **options)
