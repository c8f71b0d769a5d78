"""Chains on Dask's workers: the draws are those of threads, and a worker that is lost loses nothing."""

import os
import signal
import threading
import time

import numpy as np
import pytest

import workbench as pm
import workbench.tensor as pt
from workbench.errors import ArgumentError, SamplingError
from workbench.inference.executors import Dask

distributed = pytest.importorskip("distributed")
QUIET = {"progressbar": False, "quiet": True}


@pytest.fixture(scope="module")
def client():
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster, distributed.Client(cluster) as made:
        yield made


def eight_schools():
    with pm.Model(coords={"school": range(8)}) as model:
        mu, tau = pm.Normal("mu", 0.0, 5.0), pm.HalfCauchy("tau", 5.0)
        theta = pm.Deterministic("theta", mu + tau * pm.Normal("z", 0.0, 1.0, dims="school"), dims="school")
        pm.Normal("y", theta, [15.0, 10, 16, 11, 9, 11, 10, 18], observed=[28.0, 8, -3, 7, -1, 1, 18, 12], dims="school")
    return model


def switch_point():
    with pm.Model() as model:
        at = pm.DiscreteUniform("at", 0, 19)
        early, late = pm.Exponential("early", 1.0), pm.Exponential("late", 1.0)
        pm.Poisson("y", pm.math.where(np.arange(20) < at, early, late), observed=[3] * 8 + [1] * 12)
    return model


def same(a, b):
    return all(np.array_equal(a.draws[n], b.draws[n]) and np.array_equal(a.warmup[n], b.warmup[n]) for n in a.draws)


@pytest.mark.parametrize("model", [eight_schools, switch_point])
def test_draws_are_those_of_threads(client, model):
    options = {"draws": 300, "tune": 200, "chains": 3, "random_seed": 4, "model": model(), "return_inferencedata": False, **QUIET}
    here = pm.sample(**options)
    there = pm.sample(executor=client, **options)
    assert same(here, there)
    assert there.state == "done" and there.cores == 2


def test_a_worker_that_is_killed_loses_nothing(client):
    options = {"draws": 20_000, "tune": 300, "chains": 2, "random_seed": 4, "model": eight_schools(), **QUIET}
    run = pm.sample(executor=client, blocking=False, **options)
    while sum(c.count for c in run.kept) < 3000 and run.wait_quietly(0.01) is False:
        pass
    assert run.state in ("tuning", "sampling"), "killed in the middle"
    for pid in client.run(os.getpid).values():
        os.kill(pid, signal.SIGKILL)
    assert run.wait(120) and run.state == "done"
    assert same(pm.sample(return_inferencedata=False, **options), run)


def test_stop_keeps_the_draws(client):
    run = pm.sample(10_000_000, tune=100, chains=2, random_seed=1, model=eight_schools(), executor=client, blocking=False, **QUIET)
    while sum(c.count for c in run.kept) < 500:
        time.sleep(0.01)
    run.stop()
    assert run.wait(30) and run.state == "stopped" and run.draws["mu"].shape[1] > 0


def test_stop_does_not_wait_for_workers_that_are_gone():
    class Gone:
        def submit(self, *_, **__):
            return self

        def add_done_callback(self, _):
            pass

        def release(self):
            pass

        def nthreads(self):
            return {}

    dask = Dask(Gone(), 1)
    threading.Timer(0.5, dask.stopping.set).start()
    with pytest.raises(KeyboardInterrupt):
        dask.call(print)


def test_a_time_out_on_a_worker_is_not_waited_for_again():
    class Late:
        def submit(self, *_, **__):
            return self

        def add_done_callback(self, done):
            done(self)

        def result(self):
            raise TimeoutError("there")

        def release(self):
            pass

    with pytest.raises(TimeoutError, match="there"):
        Dask(Late(), 1).call(print)


def test_results_come_however_often_they_are_waited_for(client, monkeypatch):
    """A wait that ends while a result is on its way does not lose it."""
    monkeypatch.setattr(Dask, "PATIENCE", 1e-3)
    dask = Dask(client, 2)
    dask.send(tuple, "ab")
    for i in range(100):
        assert dask.call(with_a_large_array, i).sum() == i * 300_000
    dask.close()


def with_a_large_array(made, i):
    assert made == ("a", "b")
    return np.full(300_000, float(i))


def test_what_fails_on_a_worker_is_said_as_what_fails_here(client):
    with pm.Model() as model:
        x = pm.Normal("x", 0.0, 1.0)
        pm.Potential("p", pt.constant(np.zeros(3))[pt.cast(pt.abs(x), "int64")])
    options = {"draws": 2000, "tune": 10, "chains": 1, "random_seed": 1, "model": model, "init": "adapt_diag", **QUIET}
    said = []
    for executor in (None, client):
        with pytest.raises(SamplingError) as caught:
            pm.sample(executor=executor, **options)
        said.append(caught.value.message)
    assert said[0] == said[1] and "index" in said[0]


def test_a_stored_run_goes_on_on_workers(client, tmp_path):
    model = eight_schools()
    whole = pm.sample(400, tune=100, chains=2, random_seed=3, model=model, return_inferencedata=False, **QUIET)
    pm.sample(100, tune=100, chains=2, random_seed=3, model=model, trace=tmp_path / "a.zarr", executor=client, **QUIET)
    run = pm.resume_run(tmp_path / "a.zarr", model, draws=400, executor=client, return_inferencedata=False, **QUIET)
    assert same(whole, run)


def test_replicates_of_sbc_are_those_of_threads(client):
    options = {"replicates": 12, "draws": 150, "tune": 100, "random_seed": 2, "progressbar": False, "quantities": {"gap": lambda v: v["mu"] - v["y"].mean()}}
    here, there = pm.sbc(eight_schools(), **options), pm.sbc(eight_schools(), executor=client, **options)
    assert here.ranks.keys() == there.ranks.keys() and "gap" in there.ranks
    assert all(np.array_equal(here.ranks[n], there.ranks[n]) for n in here.ranks)


@pytest.mark.parametrize("executor, words", [("spark", "executor must be"), (3, "executor must be")])
def test_other_executors_are_refused(executor, words):
    with pytest.raises(ArgumentError, match=words):
        pm.sample(executor=executor, model=eight_schools())


def test_chains_that_are_moved_together_have_no_executor(client):
    with pytest.raises(ArgumentError, match="executor"):
        pm.sample(executor=client, method="chees", chains=100, model=eight_schools())
