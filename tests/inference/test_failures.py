"""Whatever ends a run, what it has drawn can be had."""

import signal
import threading
import time
import warnings

import numpy as np
import pytest

import workbench as pm
from workbench.errors import SamplingError
from workbench.inference.callbacks import Draw
from workbench.inference.convergence import ConvergenceWarning
from workbench.inference.run import Run

QUICK = dict(tune=100, chains=4, random_seed=1, progressbar=False, compute_convergence_checks=False)


@pytest.fixture(scope="module")
def model():
    with pm.Model(coords={"g": ["a", "b"]}) as made:
        mu = pm.Normal("mu")
        s = pm.HalfNormal("s")
        x = pm.Normal("x", mu, s, dims="g")
        pm.Normal("y", x, 1.0, observed=[1.0, 2.0])
    return made


def fail_in(monkeypatch, number, at, error):
    """Let one chain's chunk end in an error once it has `at` draws."""
    chunk = Run._chunk

    def failing(self, chain, budget):
        if chain.number == number and chain.count >= at:
            # Not before the others have draws too, which on a busy machine may take longer.
            until = time.monotonic() + 20
            while at and min(c.count for c in self.kept) < min(at, 300) and time.monotonic() < until:
                time.sleep(0.01)
            raise error
        return chunk(self, chain, min(budget, 200))

    monkeypatch.setattr(Run, "_chunk", failing)


@pytest.mark.parametrize("error, blocking", [(MemoryError(), True), (ValueError("no such row"), False), (SystemExit(3), True)], ids=repr)
def test_a_chain_that_fails_late_leaves_all_draws(model, monkeypatch, error, blocking):
    fail_in(monkeypatch, 2, 900, error)
    with pytest.raises(SamplingError, match=r"chain 2 failed after 9\d\d of 2100 draws: " + type(error).__name__) as caught:
        made = pm.sample(2000, model=model, blocking=blocking, **QUICK)
        made.wait(60)
    run = caught.value.run
    assert caught.value.__cause__ is error and run.state == "failed" and run.error is caught.value
    assert "error.run.draws" in str(caught.value) and f"at {__file__}" in str(caught.value)
    failed = run.draws_of(2)
    assert len(failed["mu"]) == run.kept[2].count - 100 >= 800
    chains, draws = run.draws["mu"].shape
    assert chains * draws >= 4 * min(len(run.draws_of(i)["mu"]) for i in range(4))
    assert run.idata.posterior["x"].dims == ("chain", "draw", "g")
    assert run.idata.posterior.sizes["chain"] == chains and run.warmup["mu"].shape == (4, 100)
    assert (str(error) or "MemoryError") in str(caught.value)


def test_a_chain_that_fails_before_its_first_draw_says_why(model, monkeypatch):
    fail_in(monkeypatch, 0, 0, ValueError("nothing works"))
    with pytest.raises(SamplingError, match="chain 0 failed after 0 of") as caught:
        pm.sample(20, model=model, cores=1, **QUICK)
    assert "nothing works" in str(caught.value)
    with pytest.raises(SamplingError, match="before its first draw"):
        _ = caught.value.run.idata


def test_a_chain_that_has_few_draws_does_not_cost_the_others_theirs(model, monkeypatch):
    fail_in(monkeypatch, 1, 110, ValueError("early"))
    with pytest.raises(SamplingError) as caught:
        pm.sample(3000, model=model, cores=1, callback=None, **QUICK)
    run = caught.value.run
    for c in run.kept:
        while c.number != 1 and c.count < 1000:
            run._chunk(c, 10_000)
    cut = run.cut()
    assert cut.numbers == [0, 2, 3] and cut.draws == min(run.kept[i].count for i in (0, 2, 3)) - 100
    assert cut.left_out == {1: run.kept[1].count - 100}
    assert run.idata.posterior["chain"].values.tolist() == [0, 2, 3]
    from workbench.inference.convergence import convergence_problems

    said = next(iter(convergence_problems(run)))
    assert said.startswith("chain 1 had few draws") and "run.draws_of(chain)" in said


# Interrupts ------------------------------------------------------------------------------------


def interrupted(model, wait_for, times, pause=0.3, **given):
    """Sample, and be sent an interrupt so many times once `wait_for` is true."""
    runs = []

    def callback(run, draw):
        runs.append(run) if not runs else None

    def send():
        while not (runs and wait_for(runs[0])):
            time.sleep(0.01)
        for _ in range(times):
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
            time.sleep(pause)

    sender = threading.Thread(target=send)
    sender.start()
    try:
        return pm.sample(2_000_000, model=model, callback=callback, cores=2, **{**QUICK, "chains": 2, **given})
    finally:
        sender.join()


def test_an_interrupt_keeps_the_draws(model):
    idata = interrupted(model, lambda run: min(c.count for c in run.kept) > max(300, 0.7 * max(c.count for c in run.kept)), 1)
    assert idata.posterior.sizes["draw"] > 150 and idata.posterior["chain"].size == 2


def test_an_interrupt_in_warm_up_keeps_its_draws(model):
    idata = interrupted(model, lambda run: run.kept[0].count > 20, 1, tune=1_000_000)
    assert "warmup_posterior" in idata.groups() and "posterior" not in idata.groups()


def test_a_second_interrupt_does_not_wait_for_what_hangs(model, monkeypatch):
    """A chunk that does not return cannot be ended, but the draws until then can be had."""
    chunk, hang = Run._chunk, threading.Event()

    def hanging(self, chain, budget):
        if chain.number == 1 and chain.count > 500:
            hang.wait(20)
        return chunk(self, chain, min(budget, 500))

    monkeypatch.setattr(Run, "_chunk", hanging)
    begun = time.monotonic()
    run = interrupted(model, lambda run: run.kept[1].count > 500, 2, return_inferencedata=False)
    assert run.state == "stopped" and time.monotonic() - begun < 15
    before = {k: v.copy() for k, v in run.draws.items()}
    counts = [c.count for c in run.kept]
    hang.set()
    time.sleep(0.3)
    # What comes later is not added.
    assert counts == [c.count for c in run.kept] and run.state == "stopped" and run.error is None
    assert all(np.array_equal(before[k], v) for k, v in run.draws.items())
    assert run.idata.posterior["mu"].shape == before["mu"].shape


def test_an_interrupt_while_compiling_does_not_wait(model, monkeypatch):
    def compile(self):
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        time.sleep(3)

    monkeypatch.setattr(Run, "_compile", compile)
    begun = time.monotonic()
    with pytest.raises(SamplingError, match="before its first draw"):
        pm.sample(100, model=model, **QUICK)
    assert time.monotonic() - begun < 2


def test_an_interrupt_in_the_terminals_line_stops_the_run(model, monkeypatch):
    class Terminal:
        def isatty(self):
            return True

        def write(self, text):
            if "draws" in text and "compiling" not in text and ": 0/" not in text:
                raise KeyboardInterrupt

        def flush(self):
            pass

    monkeypatch.setattr("sys.stderr", Terminal())
    run = pm.sample(5_000_000, model=model, return_inferencedata=False, **{**QUICK, "progressbar": True})
    assert run.state == "stopped" and run.warmup


# Callbacks ---------------------------------------------------------------------------------------


def test_a_callback_is_told_of_every_draw_in_order(model):
    told = {i: [] for i in range(4)}
    sizes = []

    def callback(run, draw):
        assert isinstance(draw, Draw)
        told[draw.chain].append(draw)
        sizes.append(run.warmup["mu"].shape[1] if run.warmup else 0)

    run = pm.sample(50, model=model, callback=callback, return_inferencedata=False, **QUICK)
    for chain, draws in told.items():
        assert [d.draw_idx for d in draws] == list(range(150)) and [d.tuning for d in draws] == [True] * 100 + [False] * 50
        assert [d.is_last for d in draws] == [False] * 149 + [True]
        for name in ("mu", "s", "x"):
            np.testing.assert_array_equal([d.point[name] for d in draws[100:]], run.draws[name][chain])
        np.testing.assert_allclose([np.exp(d.point["s_log__"]) for d in draws[100:]], run.draws["s"][chain])
        assert [d.stats[0]["n_steps"] for d in draws[100:]] == run.stats["n_steps"][chain].tolist()
        assert all(type(d.stats[0]["diverging"]) is bool for d in draws)


def test_a_callback_stops_the_run_by_an_interrupt(model):
    """As in PyMC: "Sampling can be interrupted by throwing a KeyboardInterrupt in the callback"."""

    def callback(run, draw):
        if draw.draw_idx >= 300:
            raise KeyboardInterrupt

    idata = pm.sample(100_000, model=model, callback=callback, **QUICK)
    assert 100 < idata.posterior.sizes["draw"] < 50_000


def test_an_error_in_a_callback_names_it_and_keeps_the_draws(model):
    def callback(run, draw):
        if draw.draw_idx == 400 and draw.chain == 3:
            raise KeyError("window")

    with pytest.raises(SamplingError, match="chain 3 failed after .* KeyError: 'window'") as caught:
        pm.sample(100_000, model=model, callback=callback, **QUICK)
    assert caught.value.run.draws["mu"].shape[1] > 100


# After sampling ----------------------------------------------------------------------------------


def test_a_log_density_that_cannot_be_computed_does_not_cost_the_draws(model, monkeypatch):
    def broken(*args, **options):
        raise ValueError("dims do not agree")

    monkeypatch.setattr("workbench.inference.results.compute_log_likelihood", broken)
    with pytest.warns(UserWarning, match=r"'log_likelihood' could not be computed \(ValueError: dims do not agree\).*pm.compute_log_likelihood"):
        idata = pm.sample(20, model=model, idata_kwargs={"log_likelihood": True, "log_prior": True}, **QUICK)
    assert idata.posterior["mu"].shape == (4, 20) and "log_prior" in idata.groups() and "log_likelihood" not in idata.groups()


def test_draws_that_cannot_be_converted_are_in_the_run_of_the_error(model, monkeypatch):
    def broken(self, *args, **options):
        raise TypeError("no such index")

    monkeypatch.setattr("workbench.inference.layout.Layout.dataset", broken)
    with pytest.raises(SamplingError, match="cannot become InferenceData: TypeError: no such index") as caught:
        pm.sample(20, model=model, **QUICK)
    assert caught.value.run.draws["mu"].shape == (4, 20) and "error.run.draws" in str(caught.value)


@pytest.mark.parametrize("error", [MemoryError("too large"), KeyboardInterrupt()], ids=repr)
def test_a_check_that_fails_does_not_cost_the_draws(model, monkeypatch, error):
    def broken(*args):
        raise error

    monkeypatch.setattr("workbench.inference.convergence.summary", broken)
    with pytest.warns(ConvergenceWarning, match="whether the draws can be trusted is not known"):
        idata = pm.sample(200, model=model, **{**QUICK, "compute_convergence_checks": True})
    assert idata.posterior["mu"].shape == (4, 200)


def test_a_warning_that_is_an_error_has_the_run(model):
    with warnings.catch_warnings(), pytest.raises(ConvergenceWarning) as caught:
        warnings.simplefilter("error")
        pm.sample(20, model=model, **{**QUICK, "compute_convergence_checks": True})
    assert caught.value.run.draws["mu"].shape == (4, 20)
    assert "error.run.draws" in caught.value.__notes__[0]


def test_a_dashboard_that_fails_does_not_end_the_run(model, monkeypatch):
    def end():
        raise OSError("no display")

    def begin(run):
        raise OSError("no socket")

    monkeypatch.setattr("workbench.inference.run.on_start", [begin, lambda run: end])
    with pytest.warns(UserWarning, match="could not be shown: OSError: no (socket|display)") as caught:
        idata = pm.sample(20, model=model, **{**QUICK, "progressbar": True})
    assert len(caught) == 2 and idata.posterior["mu"].shape == (4, 20)


def test_a_run_that_is_stopped_before_it_begins_says_so(model):
    run = pm.sample(1000, model=model, blocking=False, **QUICK)
    run.stop()
    assert run.wait(30) and run.state == "stopped"
    if not run.warmup:
        with pytest.raises(SamplingError, match="before its first draw"):
            _ = run.idata
    run.stop()
    assert run.wait(1)
