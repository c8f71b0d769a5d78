"""A run is stopped, paused and gone on with whenever a person likes: while it compiles, too."""

import threading
import time

import pytest

import workbench as pm
from workbench.errors import SamplingError
from workbench.inference import run as running


@pytest.fixture
def model():
    with pm.Model() as made:
        pm.Normal("x", 0.0, 1.0)
    return made


@pytest.fixture
def compiler(monkeypatch):
    """A compiler that goes on until it is told to end."""
    begun, go = threading.Event(), threading.Event()
    real = running.LinkedSampler

    def slow(*args):
        begun.set()
        assert go.wait(60)
        return real(*args)

    monkeypatch.setattr(running, "LinkedSampler", slow)
    yield begun, go
    go.set()


def test_stop_while_compiling_ends_the_run_at_once(model, compiler):
    begun, go = compiler
    run = pm.sample(100, tune=100, chains=2, model=model, random_seed=1, blocking=False, progressbar=False)
    assert begun.wait(30) and run.state == "compiling"
    at = time.perf_counter()
    run.stop()
    assert run.wait(5) and time.perf_counter() - at < 1.0
    assert run.state == "stopped" and run.progress() == [] and run.draws == {}
    with pytest.raises(SamplingError, match="before its first draw"):
        run.idata
    go.set()
    time.sleep(0.5)
    assert run.state == "stopped" and run.kept == [], "what the compiler brings later is not added"


def test_a_pause_takes_no_time_of_the_sampling(model):
    run = pm.sample(10_000_000, tune=100, chains=1, model=model, random_seed=1, blocking=False, progressbar=False)
    while run.state not in ("sampling", "done"):
        time.sleep(0.02)
    run.pause()
    time.sleep(0.2)
    before = run.sampling_seconds
    time.sleep(1.0)
    assert run.state == "paused" and run.sampling_seconds - before < 0.2
    run.resume()
    time.sleep(0.3)
    assert run.sampling_seconds - before > 0.2
    run.stop()
    assert run.wait(20)
    wall = time.perf_counter() - run.started - run.timings["compile"]
    assert run.timings["sample"] < wall - 0.9


def test_what_is_compiled_is_said(model):
    run = pm.sample(10, tune=10, chains=1, model=model, random_seed=1, quiet=True, return_inferencedata=False)
    assert set(run.compiling) == {"the log-density", "the variables", "the sampler"}
    assert all(seconds is not None and seconds <= run.timings["compile"] for seconds in run.compiling.values())
