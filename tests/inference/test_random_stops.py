"""Whatever a person does to a run, and when, its draws are those of a run that was left alone."""

import os
import time

import numpy as np
import pytest

import workbench as pm

SEQUENCES = 200 if os.environ.get("WORKBENCH_TESTS") == "all" else 12
CHAINS, TUNE = 2, 300
KINDS = {
    "nuts": dict(draws=6000, tune=TUNE, chains=CHAINS, cores=2),
    "compound": dict(draws=6000, tune=TUNE, chains=CHAINS, cores=2),
    "many": dict(draws=1500, tune=100, chains=16, method="chees"),
}


def model_of(kind):
    with pm.Model() as model:
        mu = pm.Normal("mu", 0.0, 1.0)
        pm.Deterministic("square", mu**2)
        if kind == "compound":
            mu = mu + pm.Bernoulli("z", 0.4)
        pm.Normal("y", mu, 1.0, observed=[0.5, 1.5])
    return model


@pytest.fixture(scope="module", params=KINDS)
def example(request):
    """A model, options, and the draws of a run that nobody touches: warm-up and the rest, and statistics."""
    options = dict(KINDS[request.param], random_seed=7, model=model_of(request.param), backend="c", quiet=True, return_inferencedata=False)
    whole = pm.sample(**options)
    assert whole.state == "done"
    return options, whole


def disturbed(rng, options):
    """A run with a few actions at random moments, of which stop is the last if it is one; how many draws it has after it, and its end."""
    run = pm.sample(**{k: v for k, v in options.items() if k != "return_inferencedata"}, blocking=False)
    while run.state == "compiling":
        time.sleep(0.001)
    stopped = False
    for action in rng.choice(["pause", "resume", "pause", "resume", "look", "stop"], size=rng.integers(2, 9)):
        time.sleep(float(rng.exponential(0.004)))
        if action == "look":
            run.progress(), run.state
        else:
            getattr(run, action)()
        if action == "stop":
            stopped = True
            break
    if not stopped:
        run.resume()
    assert run.wait(120) and run.error is None
    return run, stopped


CLOCKS = {"perf_counter_diff", "perf_counter_start", "process_time_diff"}


def test_draws_are_those_of_a_run_that_nobody_touches(example):
    options, whole = example
    rng = np.random.default_rng(3)
    ends = set()
    for _ in range(SEQUENCES):
        run, stopped = disturbed(rng, options)
        assert run.state == "done" or (run.state == "stopped" and stopped)
        ends.add(run.state)
        for warmup in (True, False):
            cut = run.cut(warmup)
            found, wanted = ({**r.warmup, **r.warmup_stats} if warmup else {**r.draws, **r.stats} for r in (run, whole))
            for name in found.keys() - CLOCKS:
                np.testing.assert_array_equal(found[name], wanted[name][cut.numbers, : cut.draws], err_msg=name)
            if run.state == "done" and (found or not warmup):  # Chains that are moved together keep no draws of warm-up.
                assert cut.numbers == list(range(options["chains"])) and cut.draws == options["tune" if warmup else "draws"]
    assert ends == {"done", "stopped"}
