"""Fits as runs: results, callbacks, stopping, what is wrong and where it is said."""

import logging
import threading
import time

import arviz
import numpy as np
import pytest

import workbench as pm
from workbench.errors import ArgumentError, ModelError, SamplingError
from workbench.inference.approximations import fit_run
from workbench.inference.convergence import ConvergenceWarning

Y = np.array([[1.2, 0.7, 2.9], [1.8, -0.4, 0.3]])


def model():
    with pm.Model(coords={"g": list("abc")}) as m:
        mu = pm.Normal("mu", 0.0, 1.0, dims="g")
        s = pm.HalfNormal("s", 1.0)
        pm.Deterministic("twice", 2.0 * mu, dims="g")
        pm.Normal("y", mu, s, observed=Y)
    return m


def quick(n=40, method="advi", **options):
    given = {"model": model(), "random_seed": 3, "quiet": True, "backend": "numpy", "obj_optimizer": pm.adam(learning_rate=0.05)}
    return pm.fit(n, method, **{**given, **options})


@pytest.fixture(scope="module")
def approx():
    return quick(backend="c")


def test_draws_are_in_arvizs_layout(approx):
    idata = approx.sample(30, random_seed=1)
    assert dict(idata.posterior.sizes) == {"chain": 1, "draw": 30, "g": 3}
    assert list(idata.posterior.g.values) == list("abc") and set(idata.posterior.data_vars) == {"mu", "s", "twice"}
    assert np.allclose(idata.posterior.twice, 2.0 * idata.posterior.mu) and (idata.posterior.s > 0.0).all()
    assert np.array_equal(idata.observed_data.y, Y) and idata.posterior.attrs["inference_method"] == "MeanField"
    again = approx.sample(30, random_seed=1, return_inferencedata=False, var_names="mu")
    assert list(again) == ["mu"] and np.array_equal(again["mu"], idata.posterior.mu[0])
    with pytest.raises(ModelError, match="no variable 'nu'"):
        approx.sample(3, var_names=["nu"])


def test_moments_are_of_the_flat_vector_and_of_now(approx):
    assert approx.names == ["mu[a]", "mu[b]", "mu[c]", "s_log__"]
    z, log_q = approx.flat_draws(500, 2)
    assert z.shape == (500, 4) and log_q.shape == (500,)
    assert (np.abs(z.mean(0) - approx.mean.eval()) < 4.5 * approx.std.eval() / np.sqrt(500)).all()
    assert np.allclose(np.sqrt(np.diag(approx.cov.eval())), approx.std.eval())


def test_a_seed_makes_the_fit_and_chunks_do_not(approx):
    assert np.array_equal(approx.hist, quick(backend="c").hist)
    # A function without `every` is called after each step.
    assert np.array_equal(approx.hist, quick(backend="c", callbacks=[lambda *_: None]).hist)
    assert np.allclose(approx.hist, quick().hist, rtol=1e-12)
    assert not np.array_equal(approx.hist, quick(random_seed=4).hist)


def test_callbacks_are_called_after_the_steps_that_they_ask_for():
    seen = []
    mean = pm.ADVI(model=model(), random_seed=3, backend="numpy")
    tracker = pm.callbacks.Tracker(every=10, mean=mean.approx.mean.eval, step=lambda approx, losses, i: (i, len(losses)))
    mean.fit(35, callbacks=[tracker, lambda approx, losses, i: seen.append(i)], quiet=True, obj_optimizer=pm.adam(learning_rate=0.05))
    assert seen == list(range(35)) and tracker["step"] == [(0, 1), (10, 11), (20, 21), (30, 31)]
    assert np.array_equal(tracker["mean"][0].shape, (4,)) and not np.array_equal(tracker["mean"][1], tracker["mean"][2])


def test_a_fit_ends_when_parameters_change_little():
    stop = pm.callbacks.CheckParametersConvergence(every=5, tolerance=0.5, diff="absolute")
    inference = pm.ADVI(model=model(), random_seed=3, backend="numpy")
    run = inference.fit(200, callbacks=[stop], quiet=True, blocking=False, obj_optimizer=pm.sgd(learning_rate=1e-6))
    assert run.wait() and run.state == "done" and run.message == "Convergence achieved at 5" and run.steps == 6
    with pytest.raises(ArgumentError, match="relative"):
        pm.callbacks.CheckParametersConvergence(diff="both")


def test_refining_goes_on_where_the_fit_was():
    one, two = (pm.ADVI(model=model(), random_seed=3, backend="numpy") for _ in range(2))
    options = {"quiet": True, "obj_optimizer": pm.adam(learning_rate=0.05)}
    whole = one.fit(30, **options).hist
    two.fit(12, **options)
    two.refine(18, quiet=True)
    assert np.array_equal(whole, two.hist)
    with pytest.raises(ModelError, match="call fit first"):
        pm.ADVI(model=model()).refine(3)


def test_a_run_can_be_watched_and_stopped():
    watched, ended = [], threading.Event()
    fit_run.on_start.append(lambda run: watched.append(run) or ended.set)
    try:
        run = quick(10**6, blocking=False, quiet=False, compute_convergence_checks=False)
    finally:
        fit_run.on_start.pop()
    while run.steps < 5:
        time.sleep(0.01)
    assert run.state == "fitting" and run.progress()["total"] == 10**6 and np.isfinite(run.loss_history).all()
    run.stop()
    assert run.wait() and run.state == "stopped" and watched == [run] and ended.is_set()
    assert len(run.approx.hist) == run.steps >= 5 and "stopped" in repr(run)
    assert run.approx.sample(3, return_inferencedata=False)["mu"].shape == (3, 3)


def test_an_interrupt_keeps_what_is_fitted():
    def interrupt(approx, losses, i):
        if i == 7:
            raise KeyboardInterrupt

    assert len(quick(100, callbacks=[interrupt]).hist) == 8


def test_a_callback_that_fails_loses_nothing():
    def fail(approx, losses, i):
        if i == 3:
            raise ValueError("no disk")

    with pytest.raises(SamplingError, match="failed after 4 of 100 steps: ValueError: no disk") as caught:
        quick(100, callbacks=[fail])
    assert len(caught.value.run.approx.hist) == 4


def test_a_loss_that_is_no_number_names_the_variable_and_its_line():
    with pm.Model() as m:
        x = pm.Normal("x", 0.0, 1.0)
        pm.Potential("edge", pm.math.log(2.0 - x))
    with pytest.raises(SamplingError) as caught:
        pm.fit(500, model=m, random_seed=1, quiet=True, backend="numpy", obj_optimizer=pm.sgd(learning_rate=0.5))
    error = caught.value
    assert "the log-density of edge is not finite" in error.message and "x = " not in error.hint and "start_sigma" in error.hint
    assert "Potential" in error.location.text
    assert len(error.run.loss_history) == len(error.run.approx.hist) and np.isfinite(error.run.approx.mean.eval()).all()


def test_steps_that_are_too_large_are_said_to_be():
    with pytest.raises(SamplingError) as caught:
        quick(500, obj_optimizer=pm.sgd(learning_rate=1e30))
    assert "not finite" in caught.value.message and "obj_optimizer" in caught.value.hint


def test_discrete_variables_are_refused_at_their_line():
    with pm.Model() as m:
        k = pm.Poisson("k", 3.0)
        pm.Normal("y", k, 1.0, observed=1.0)
    for method in ("advi", "svgd", "dadvi"):
        with pytest.raises(ModelError, match="k: a discrete free variable") as caught:
            pm.fit(3, method, model=m)
        assert "Poisson" in caught.value.location.text and "pm.sample" in caught.value.hint


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"method": "adviii"}, ArgumentError, "did you mean 'advi'"),
        ({"method": 3}, ArgumentError, "there are advi, fullrank_advi"),
        ({"obj_optimizer": 0.1}, ArgumentError, "an optimizer such as pm.adam"),
        ({"obj_n_mc": 0}, SamplingError, "obj_n_mc must be at least 1"),
        ({"n": -1}, SamplingError, "n must be at least 1"),
        ({"total_grad_norm_constraint": 0.0}, SamplingError, "total_grad_norm_constraint"),
        ({"callbacks": [3]}, ArgumentError, "callbacks must be functions"),
        ({"start": {"nu": 1.0}}, ModelError, "nu"),
        ({"start_sigma": {"nu": 1.0}}, ModelError, "no free variable 'nu'"),
        ({"start_sigma": {"mu": -1.0}}, SamplingError, "must be positive"),
        ({"inf_kwargs": {"rank": 3}}, ArgumentError, "rank"),
        ({"more_updates": {1: 2}}, ArgumentError, "no option more_updates"),
        ({"obj_n_mcc": 3}, ArgumentError, "did you mean 'obj_n_mc'"),
        ({"method": "nfvi=warp*2"}, ArgumentError, "no layer of a flow"),
        ({"method": "svgd", "inf_kwargs": {"n_particles": 0}}, SamplingError, "n_particles must be at least 1"),
    ],
)
def test_bad_options_are_errors(options, error, words):
    with pytest.raises(error) as caught:
        quick(**options)
    assert words in str(caught.value)


def test_starts_are_taken_in_the_models_own_space():
    inference = pm.ADVI(model=model(), start={"s": 4.0, "mu": [1.0, 2.0, 3.0]}, start_sigma={"mu": 0.5}, backend="numpy")
    assert np.allclose(inference.approx.mean.eval(), [1.0, 2.0, 3.0, np.log(4.0)])
    assert np.allclose(inference.approx.std.eval(), [0.5, 0.5, 0.5, 0.1])


def test_whether_to_trust_it_is_said_in_a_sentence(caplog):
    with caplog.at_level(logging.INFO, "workbench"):
        quick(method="dadvi", quiet=False, progressbar=False, n=100, backend="c")
    assert len(caplog.records) == 1 and "converged after" in caplog.text and "k-hat is" in caplog.text
    with pytest.warns(ConvergenceWarning, match="done after 3 of 3 steps.*k-hat is"), pm.Model():
        pm.Normal("x", 300.0, 0.01)
        pm.fit(3, progressbar=False, backend="c", random_seed=1)


def test_particles_are_those_of_a_trace_or_of_noise():
    m = model()
    rng = np.random.default_rng(1)
    trace = arviz.from_dict({"mu": rng.normal(size=(2, 20, 3)), "s": rng.exponential(size=(2, 20))})
    empirical = pm.Empirical(trace, model=m, backend="c")
    (particles,) = empirical.values
    assert particles.shape == (40, 4)
    assert np.allclose(np.exp(particles[:, 3]), np.ravel(trace.posterior.s)) and np.allclose(particles[:, :3], trace.posterior.mu.values.reshape(40, 3))
    assert np.allclose(empirical.mean.eval(), particles.mean(0)) and np.allclose(empirical.cov.eval(), np.cov(particles.T, ddof=0))
    drawn = empirical.sample(200, random_seed=1, return_inferencedata=False)["s"]
    assert set(np.round(drawn, 10)) <= set(np.round(np.exp(particles[:, 3]), 10)) and len(set(drawn)) > 30
    assert pm.Empirical.from_noise(7, model=m).values[0].shape == (7, 4)
    with pytest.raises(ModelError, match="particles have no density"):
        empirical.khat


def test_an_approximation_can_be_made_first_and_fitted_then():
    approx = pm.FullRank(model=model(), random_seed=3, backend="numpy")
    assert pm.KLqp(approx).fit(5, quiet=True) is approx and len(approx.hist) == 5
    assert pm.fit(5, pm.KLqp(approx), quiet=True) is approx and len(approx.hist) == 10
    assert len(pm.fit(3, pm.ADVI, model=model(), quiet=True, backend="numpy").hist) == 3
    assert pm.sample_approx(approx, 4, return_inferencedata=False)["mu"].shape == (4, 3)
