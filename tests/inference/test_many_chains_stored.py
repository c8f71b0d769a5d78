"""Runs of chains that are moved together, on disk: they go on with the same draws, whatever ended them."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import xarray

import workbench as pm
from workbench.errors import ArgumentError, ModelError, StoreError
from workbench.inference.stores import MemoryStore
from workbench.inference.stores.zarr import ZarrRows

ALL = os.environ.get("WORKBENCH_TESTS") == "all"


def model(scale=3.0):
    with pm.Model(coords={"unit": list("abcd")}) as made:
        mu = pm.Normal("mu", 0.0, scale)
        pm.Normal("y", mu, 1.0, observed=[1.2, 0.7, 2.9, 1.8], dims="unit")
        rate = pm.Exponential("rate", 2.0, shape=2)
        pm.Deterministic("both", mu + rate)
    return made


@pytest.fixture(autouse=True)
def unchecked(monkeypatch):
    """The proof of programs is for lengths that it can go through."""
    monkeypatch.setenv("WORKBENCH_CHECK", "")


def run_of(**options):
    given = {"draws": 60, "tune": 50, "chains": 24, "random_seed": 4, "backend": "c", "method": "chees", "quiet": True, "model": model()}
    return pm.sample(**{**given, **options}, return_inferencedata=False)


def again(path, **options):
    return pm.resume_run(path, **{"model": model(), "quiet": True, "return_inferencedata": False, **options})


def assert_same(a, b):
    for name, x in b.draws.items():
        assert np.array_equal(a.draws[name], x), name
    for name, x in b.warmup.items():
        assert np.array_equal(a.warmup[name], x), name
    for name, x in b.stats.items():
        assert "perf" in name or "time" in name or np.array_equal(a.stats[name], x), name
    for name, m in b.moments().items():
        assert all(np.array_equal(a.moments()[name][k], x, equal_nan=True) for k, x in m.items())
    assert a.gradients == b.gradients


class Ended(Exception):
    """The end of a run in mid-chunk."""


def ended(path, monkeypatch, appends, **options):
    """A run that ends when its rows were to be added for so manyth time, in small chunks."""
    real, count = ZarrRows.append, [0]

    def append(self, columns, state):
        count[0] += 1
        if count[0] > appends:
            raise Ended
        real(self, columns, state)

    with monkeypatch.context() as patch:
        patch.setattr(ZarrRows, "append", append)
        patch.setattr("workbench.inference.ensemble_run.CHUNK_SECONDS", 1e-9)
        with pytest.raises(pm.SamplingError, match="Ended"):
            run_of(trace=path, **options)


CASES = [
    ("chees", 20, {}), ("chees", 75, {"thin": 4}), ("chees", 30, {"discard_tuned_samples": False, "thin": 3}), ("meads", 80, {}), ("mams", 70, {}), ("laps", 40, {}),
    ("demetropolis", 90, {}), ("step", 80, {}),
]  # fmt: skip


@pytest.mark.parametrize("method, appends, options", CASES)
def test_a_run_goes_on_with_the_same_draws(tmp_path, monkeypatch, method, appends, options):
    if method == "step":
        made = model()
        options = {"method": None, "model": made, "step": pm.DEMetropolis(model=made, tune="lambda", tune_interval=20), **options}
    else:
        options = {"method": method, **options}
    whole = run_of(**options)
    ended(tmp_path / "run.zarr", monkeypatch, appends, **options)
    found = again(tmp_path / "run.zarr")
    assert_same(found, whole)
    assert found.state == "done" and np.array_equal(found.groups, whole.groups)


def test_a_run_that_is_done_is_made_longer(tmp_path):
    whole = run_of(draws=90, thin=3)
    run_of(draws=60, thin=3, trace=tmp_path / "run.zarr")
    assert_same(again(tmp_path / "run.zarr", draws=30), whole)
    with pytest.raises(StoreError, match="draws=10, but 30 are there"):
        again(tmp_path / "run.zarr", draws=10)


@pytest.mark.parametrize("memory", [1 << 30, 0])
def test_the_store_is_read_without_us(tmp_path, memory):
    whole = run_of(discard_tuned_samples=False)
    path = tmp_path / "run.zarr"
    stored = run_of(discard_tuned_samples=False, trace=pm.ZarrStore(path, memory=memory))
    assert_same(stored, whole)
    with xarray.open_datatree(path, engine="zarr") as tree:
        for group, draws in (("posterior", whole.draws), ("warmup_posterior", whole.warmup)):
            assert all(np.array_equal(tree[group][name], x) for name, x in draws.items())
        assert tree["posterior"].sizes == {"chain": 24, "draw": 60, "rate_dim_0": 2, "both_dim_0": 2}
        assert np.array_equal(tree["sample_stats/lp"], whole.stats["lp"]) and tree["posterior"].attrs["tuning_steps"] == 50
        assert list(tree["observed_data/unit"].values) == list("abcd")
    # A file for each column, not for each chain.
    assert len(list((path / "posterior" / "mu").rglob("0"))) == 2
    idata = pm.resume_run(path, model(), quiet=True)
    assert np.array_equal(idata.posterior["both"], whole.draws["both"]) and idata.posterior.attrs["method"] == "chees"


@pytest.mark.skipif(not ALL, reason="compiles slowly: WORKBENCH_TESTS=all")
def test_a_run_on_jax_goes_on(tmp_path, monkeypatch):
    options = {"backend": "jax", "draws": 20, "tune": 20, "chains": 8}
    whole = run_of(**options)
    ended(tmp_path / "run.zarr", monkeypatch, 25, **options)
    assert_same(again(tmp_path / "run.zarr"), whole)


KILLED = """
import sys
sys.path.insert(0, sys.argv[1])
import workbench as pm
from workbench.inference import ensemble_run
from test_many_chains_stored import run_of
ensemble_run.CHUNK_SECONDS = 1e-3
run_of(draws=20_000, tune=50, chains=16, thin=10, trace=sys.argv[2])
"""


def test_a_run_that_is_killed_at_any_moment_goes_on(tmp_path):
    whole = run_of(draws=20_000, tune=50, chains=16, thin=10)
    here = os.path.dirname(os.path.abspath(__file__))
    for i in range(10 if ALL else 2):
        path = tmp_path / f"{i}.zarr"
        process = subprocess.Popen([sys.executable, "-c", KILLED, here, str(path)], env=os.environ)
        while not (path / "posterior" / "mu" / "c").exists() and process.poll() is None:
            time.sleep(0.01)
        time.sleep(0.05 + 0.3 * i)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert process.returncode == -signal.SIGKILL
        assert_same(again(path), whole)


def test_what_does_not_fit_is_said(tmp_path):
    run_of(trace=tmp_path / "run.zarr", draws=5, tune=5)
    with pytest.raises(ModelError, match="its draws are of another model"):
        again(tmp_path / "run.zarr", model=model(2.0))
    with pytest.raises(ArgumentError, match="callback is told of draws of chains by themselves"):
        again(tmp_path / "run.zarr", callback=print)
    with pytest.raises(ArgumentError, match="executor='dask' is for chains by themselves"):
        again(tmp_path / "run.zarr", executor="dask")
    with pytest.raises(StoreError, match="there is a run in it already: 120 of 120 draws"):
        run_of(trace=tmp_path / "run.zarr")

    class Other(MemoryStore):
        keeps_together = False

    with pytest.raises(ArgumentError, match="cannot keep chains that are moved together"):
        run_of(trace=Other())
