import time
import warnings

import numpy as np
import pytest

import workbench as pm
from workbench.errors import ArgumentError, ModelError, SamplingError
from workbench.inference.convergence import ConvergenceWarning, convergence_problems
from workbench.inference.diagnostics import ess_bulk, mcse_mean, rhat
from workbench.inference.start import start_point


def within(draws, mean, sd, mcse, label, mcse_sd=None):
    """Mean and sd within 5 Monte Carlo standard errors, ours and the reference's together."""
    error = np.hypot(mcse_mean(draws), mcse)
    assert abs(draws.mean() - mean) < 5 * error, f"{label}: mean {draws.mean()}, reference {mean}, error {error}"
    n = ess_bulk(draws)
    own = draws.std() * np.sqrt(1.0 / (2 * n)) * 2  # Heavy tails: twice the normal formula.
    error = np.hypot(own, mcse_sd if mcse_sd is not None else sd / np.sqrt(2 * 5000) * 2)
    assert abs(draws.std() - sd) < 5 * error, f"{label}: sd {draws.std()}, reference {sd}, error {error}"


def test_radon_posterior_agrees_with_a_long_reference_run(real_radon, reference):
    run = pm.sample(1000, tune=1000, chains=4, target_accept=0.9, model=real_radon, random_seed=3, progressbar=False, return_inferencedata=False)
    assert run.stats["diverging"].sum() == 0
    known = reference["posterior"]["variables"]
    for name, r in known.items():
        draws = run.draws[name].reshape(4, 1000, -1)
        mean, sd, mcse, mcse_sd = (np.ravel(r[k]) for k in ("mean", "sd", "mcse_mean", "mcse_sd"))
        for i in range(draws.shape[2]):
            within(draws[:, :, i], mean[i], sd[i], mcse[i], f"{name}[{i}]", mcse_sd[i])
            assert ess_bulk(draws[:, :, i]) >= 400
            assert rhat(draws[:, :, i]) < 1.02


def test_eight_schools_agree_with_posteriordb(real_data):
    known = real_data("reference_posteriors")["posteriors"]["eight_schools-eight_schools_noncentered"]
    with pm.Model() as model:
        mu = pm.Normal("mu", 0, 5)
        tau = pm.HalfCauchy("tau", 5)
        z = pm.Normal("z", 0, 1, shape=8)
        theta = pm.Deterministic("theta", mu + tau * z)
        d = real_data("eight_schools")
        pm.Normal("y", theta, np.array(d["sigma"], float), observed=np.array(d["y"], float))
    run = pm.sample(4000, tune=1000, chains=4, target_accept=0.95, model=model, random_seed=1, progressbar=False, return_inferencedata=False)
    for name, r in known.items():
        base, _, index = name.partition("[")
        draws = run.draws[base]
        within(draws[:, :, int(index[:-1]) - 1] if index else draws, r["mean"], r["sd"], r["mcse_mean"], name)


def small_model():
    with pm.Model(coords={"group": ["a", "b", "c"]}) as model:
        mu = pm.Normal("mu", 0.0, 2.0)
        sigma = pm.HalfNormal("sigma", 1.0)
        level = pm.Normal("level", mu, 1.0, dims="group")
        pm.Deterministic("double", 2.0 * level, dims="group")
        pm.Normal("y", level[np.array([0, 1, 2, 2])], sigma, observed=[0.5, 1.0, -1.0, -0.5])
    return model


@pytest.mark.parametrize("other", ["c", "numba"])
def test_the_same_seed_gives_the_same_draws(other):
    model = small_model()
    options = dict(draws=20, tune=0, chains=2, random_seed=9, model=model, quiet=True, return_inferencedata=False)
    a, b = pm.sample(backend="numpy", **options), pm.sample(backend=other, **options)
    for name in a.draws:
        np.testing.assert_allclose(a.draws[name], b.draws[name], rtol=1e-7, atol=1e-9)
    again = pm.sample(backend=other, cores=1, **options)
    assert all(np.array_equal(b.draws[n], again.draws[n]) for n in b.draws)


def test_the_first_radon_draws_are_the_same_on_c_numba_and_numpy(simulated_radon):
    options = dict(draws=20, tune=0, chains=1, random_seed=2, model=simulated_radon, quiet=True, return_inferencedata=False)
    runs = {b: pm.sample(backend=b, **options).draws for b in ("numpy", "c", "numba")}
    for other in ("c", "numba"):
        for name, draws in runs["numpy"].items():
            np.testing.assert_allclose(draws, runs[other][name], rtol=1e-6, atol=1e-8, err_msg=f"{name} on {other}")


def test_inference_data_has_groups_dims_coords_and_stats():
    model = small_model()
    idata = pm.sample(100, tune=150, chains=2, random_seed=1, model=model, quiet=True, discard_tuned_samples=False)
    assert idata.posterior["level"].dims == ("chain", "draw", "group")
    assert list(idata.posterior["double"].coords["group"].values) == ["a", "b", "c"]
    assert np.allclose(idata.posterior["double"], 2 * idata.posterior["level"])
    assert idata.warmup_posterior["mu"].shape == (2, 150)
    assert {"diverging", "energy", "tree_depth", "n_steps", "step_size", "acceptance_rate", "lp"} <= set(idata.sample_stats)
    assert idata.sample_stats["diverging"].dtype == bool
    assert idata.observed_data["y"].values.tolist() == [0.5, 1.0, -1.0, -0.5]
    assert idata.posterior.attrs["inference_library"] == "workbench"


def test_diagnostics_equal_arvizs():
    import arviz as az

    rng = np.random.default_rng(0)
    smooth = np.cumsum(rng.normal(size=(4, 500)), axis=1) * 0.05 + rng.normal(size=(4, 500))
    tied = np.round(rng.normal(size=(3, 101)), 1)
    apart = rng.normal(size=(4, 200)) + np.arange(4)[:, None] * 0.5
    for draws in (smooth, tied, apart, rng.normal(size=(1, 50))):
        posterior = az.convert_to_dataset({"x": draws})
        assert np.isclose(ess_bulk(draws), float(az.ess(posterior, method="bulk")["x"]), rtol=1e-6)
        assert np.isclose(mcse_mean(draws), float(az.mcse(posterior, method="mean")["x"]), rtol=1e-6)
        if len(draws) > 1:
            assert np.isclose(rhat(draws), float(az.rhat(posterior)["x"]), rtol=1e-6)


def test_stop_keeps_the_draws_and_pause_holds_them():
    run = pm.sample(500_000, tune=100, chains=2, random_seed=1, model=small_model(), blocking=False, progressbar=False)
    while min((r["draws"] for r in run.progress()), default=0) < 300:
        time.sleep(0.02)
        assert run.error is None
    run.pause()
    time.sleep(0.5)
    held = [r["draws"] for r in run.progress()]
    time.sleep(0.3)
    assert run.state == "paused" and held == [r["draws"] for r in run.progress()]
    run.resume()
    time.sleep(0.3)
    assert sum(r["draws"] for r in run.progress()) > sum(held)
    run.stop()
    assert run.wait(10) and run.state == "stopped"
    kept = run.draws["mu"].shape[1]
    assert 200 < kept < 500_000 and np.isfinite(run.draws["mu"]).all()
    assert run.idata.posterior["mu"].shape == run.draws["mu"].shape == (len(run.cut().chains), kept)


def test_stopping_in_warm_up_keeps_its_draws():
    run = pm.sample(10, tune=1_000_000, chains=1, model=small_model(), blocking=False, progressbar=False)
    while not sum(r["draws"] for r in run.progress()):
        time.sleep(0.02)
    run.stop()
    run.wait(10)
    kept = run.warmup["mu"].shape[1]
    assert kept > 0 and "posterior" not in run.idata.groups()
    assert run.idata.warmup_posterior["mu"].shape == (1, kept) and run.idata.warmup_posterior.attrs["backend"]
    assert list(convergence_problems(run)) == ["it was stopped in warm-up: there are no draws of the posterior, only those of warm-up"]


def test_an_impossible_start_names_the_term_and_its_parameters():
    with pm.Model() as model:
        x = pm.Uniform("x", 0.0, 1.0)
        pm.Uniform("y", 0.0, x, observed=2.0)
    with pytest.raises(SamplingError) as caught:
        pm.sample(10, tune=10, chains=1, model=model, progressbar=False, return_inferencedata=False)
    assert "log p(y) = -inf" in str(caught.value) and "value = 2.0" in str(caught.value)
    assert caught.value.location.text == 'pm.Uniform("y", 0.0, x, observed=2.0)'


@pytest.mark.parametrize("options", [{"draws": 0}, {"chains": 0}, {"target_accept": 1.0}])
def test_options_that_make_no_sense_are_errors(options):
    with pytest.raises(SamplingError):
        pm.sample(**{"draws": 10, "model": small_model(), **options})


def test_a_model_without_free_variables_cannot_be_sampled():
    with pm.Model() as model:
        pm.Normal("y", 0.0, 1.0, observed=1.0)
    with pytest.raises(SamplingError, match="no free variable"):
        pm.sample(model=model)


EVERY = {"mu": 0.5, "sigma": 2.0, "level": [1.0, 2.0, 3.0]}


@pytest.mark.parametrize("given", [
    lambda m: EVERY,
    lambda m: {m[k]: v for k, v in EVERY.items()},
    lambda m: {"mu": 0.5, "level": [1.0, 2.0, 3.0], "sigma_log__": np.log(2.0)},
], ids=["by name", "by variable", "unconstrained"])  # fmt: skip
def test_initial_values_are_where_a_chain_starts(given):
    model = small_model()
    logp_grad = model.logp_dlogp_function(backend="numpy")
    q, _ = start_point(model, lambda q, z: logp_grad(q), np.random.default_rng(0), given(model))
    point = model.unflatten(q)
    np.testing.assert_allclose(point["mu"], 0.5)
    np.testing.assert_allclose(point["sigma_log__"], np.log(2.0))
    np.testing.assert_allclose(point["level"], [1.0, 2.0, 3.0])


@pytest.mark.parametrize("given, message", [
    ({"nothing": 1.0}, "'nothing', which no free variable"),
    ({"sigma": -1.0}, "sigma: its start -1.0 lies outside"),
    ([EVERY], "1 starts for 2 chains"),
])  # fmt: skip
def test_impossible_initial_values_are_errors(given, message):
    with pytest.raises((ModelError, SamplingError), match=message):
        pm.sample(10, tune=10, chains=2, initvals=given, model=small_model(), progressbar=False)


def test_inference_data_has_what_is_asked_for():
    options = dict(draws=150, tune=100, chains=2, random_seed=[1, 2], progressbar=False, compute_convergence_checks=False)
    idata = pm.sample(model=small_model(), var_names=["mu"], idata_kwargs={"log_likelihood": True}, **options)
    assert list(idata.posterior.data_vars) == ["mu"] and "warmup_posterior" not in idata.groups()
    assert idata.log_likelihood["y"].shape == (2, 150, 4)
    whole = pm.sample(model=small_model(), nuts={"target_accept": 0.8}, **options)
    assert np.array_equal(whole.posterior["mu"], idata.posterior["mu"])
    sigma, level = whole.posterior["sigma"].values, whole.posterior["level"].values
    expected = -0.5 * ((0.5 - level[..., 0]) / sigma) ** 2 - np.log(sigma) - 0.5 * np.log(2 * np.pi)
    np.testing.assert_allclose(idata.log_likelihood["y"][..., 0], expected)
    with pytest.raises(ModelError, match="'tau' is not sampled"):
        pm.sample(model=small_model(), var_names=["tau"], **options)


def test_what_speaks_against_a_run_is_said():
    with pm.Model() as cliffs:
        x = pm.Normal("x", 0.0, 1.0)
        pm.Potential("between them", pm.math.where(pm.math.abs(x) > 1.0, 0.0, -np.inf))
    apart = [{"x": 2.0}, {"x": -2.0}]
    with pytest.warns(ConvergenceWarning) as caught:
        pm.sample(200, tune=200, chains=2, initvals=apart, random_seed=1, model=cliffs, progressbar=False, return_inferencedata=False)
    said = "\n".join(str(w.message) for w in caught)
    assert "transitions after warm-up diverged" in said and "R-hat is above 1.01" in said and "effective draws" in said
    assert {w.filename for w in caught} == {__file__}
    options = dict(tune=300, chains=2, random_seed=1, model=small_model(), progressbar=False, return_inferencedata=False)
    with pytest.warns(ConvergenceWarning, match="20 draws a chain are too few"):
        pm.sample(20, target_accept=0.99, **options)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pm.sample(20, quiet=True, **options)
        run = pm.sample(4000, target_accept=0.98, **{**options, "tune": 1000, "chains": 4})
    assert not run.stats["diverging"].any()


def test_what_is_all_but_certain_is_not_said_to_be_stuck_and_two_places_without_a_way_are():
    with pm.Model() as certain:
        pm.Normal("y", 20.0 * pm.Bernoulli("z", 0.5), 1.0, observed=0.0)
    given = dict(draws=200, tune=10, chains=2, random_seed=1, quiet=True, return_inferencedata=False)
    run = pm.sample(model=certain, initvals={"z": 0}, **given)
    assert not run.draws["z"].any() and not [p for p in convergence_problems(run) if "stuck" in p]
    with pm.Model() as apart:
        z = pm.Bernoulli("z", 0.5, shape=2)
        pm.Potential("same", -50.0 * pm.math.abs(z[0] - z[1]))
    run = pm.sample(model=apart, initvals=[{"z": [0, 0]}, {"z": [1, 1]}], **given)
    assert sum("is stuck: its draws hardly move" in p for p in convergence_problems(run)) == 2


def test_a_few_proposals_that_are_refused_are_not_a_stuck_chain():
    with pm.Model() as model:
        pm.Normal("x", 0.0, 1.0)
    step = pm.Metropolis(model=model, scaling=20.0)
    run = pm.sample(6, tune=0, chains=60, model=model, step=step, random_seed=1, quiet=True, return_inferencedata=False)
    x = run.draws["x"]
    assert (x == x[:, :1]).all(axis=1).any()
    assert not [p for p in convergence_problems(run) if "stuck" in p]


def test_a_chain_that_does_not_move_is_said_to_be_stuck_where_it_is():
    """One chain starts on a spike 2,000 above all around it; no option of the sampler gets it away."""
    with pm.Model() as model:
        pm.Normal("y", 0.0, 1.0)
        x = pm.Normal("x", 0.0, 1.0, shape=2)
        pm.Potential("spike", pm.math.switch(pm.math.eq(x[1], 0.5), 2000.0, 0.0) * (1.0 + x[1]))
    starts = [{"x": [0.25, 0.5], "y": 0.125}, None, None]
    run = pm.sample(300, tune=300, chains=3, model=model, initvals=starts, random_seed=1, quiet=True, return_inferencedata=False)
    problems = list(convergence_problems(run))
    assert len(problems) == 1
    assert "chain 0 is stuck: its draws do not move from x[1] = 0.5, where the log-density is 29" in problems[0]
    assert "target_accept" not in problems[0]


def test_chains_that_start_astronomically_far_out_are_brought_near():
    """exp(700 b) of a count model at b = 1 is 1e304: half of the log-density a draw would take 1,000 draws."""
    t = np.array([-700.0, -350.0, 0.0, 350.0, 700.0])
    with pm.Model() as model:
        b = pm.Normal("b", 0.0, 100.0)
        pm.Poisson("y", pm.math.exp(b * t / 1.0), observed=[1, 0, 1, 2, 1])
    run = pm.sample(1000, tune=300, chains=4, model=model, random_seed=1, quiet=True, return_inferencedata=False)
    grid = np.linspace(-0.01, 0.01, 20001)
    log = (np.array([1, 0, 1, 2, 1]) @ np.outer(t, grid)) - np.exp(np.outer(t, grid)).sum(0)
    w = np.exp(log - log.max()) / np.exp(log - log.max()).sum()
    mean = w @ grid
    sd = np.sqrt(w @ grid**2 - mean**2)
    draws = run.draws["b"]
    assert np.all(np.abs(draws.mean(axis=1) - mean) < 0.25 * sd)
    assert np.all(np.abs(draws.std(axis=1) / sd - 1) < 0.25)


@pytest.mark.parametrize("init", ["advi", "advi+adapt_diag", "advi_map", "map"])
def test_chains_begin_at_a_fit(init):
    """A normal posterior far from the initial point, with its scales: draws of a mean-field fit are draws of it; the mode is its mean."""
    mean, sd = np.array([40.0, -3.0]), np.array([2.0, 0.1])
    with pm.Model() as model:
        x = pm.Normal("x", np.zeros(2), 1e3)
        pm.Normal("y", x, sd, observed=mean)
    run = pm.sample(2, tune=0, chains=200 if init != "map" else 2, model=model, init=init, random_seed=1, quiet=True, return_inferencedata=False, backend="c")
    starts = np.array([start["x"] for start in run._starts])
    if init == "map":
        np.testing.assert_allclose(starts, [mean] * 2, rtol=1e-4)
        return
    z = (starts - mean) / sd
    # The fit is of 30 draws that stay: its means are off by a fifth of a standard deviation.
    assert np.all(np.abs(z.mean(axis=0)) < 4.5 / np.sqrt(200) + 0.5) and np.all(np.abs(z.std(axis=0) - 1.0) < 0.35)


def test_a_fit_to_begin_at_is_refused_where_there_is_none():
    with pm.Model() as model:
        pm.Poisson("n", 3.0)
        pm.Normal("x")
    with pytest.raises(ArgumentError, match="init='advi' is for models whose variables are all continuous"):
        pm.sample(10, model=model, init="advi", quiet=True)
    with pm.Model() as model:
        pm.Normal("x")
    with pytest.raises(ArgumentError, match="init='map' finds starts itself"):
        pm.sample(10, model=model, init="map", initvals={"x": 1.0}, quiet=True)
