"""Runs of chains that are moved together: their results, their options, their errors."""

import json
import math
import os
import subprocess
import sys
import time

import numpy as np
import pytest

import workbench as pm
from workbench.compile import function
from workbench.compile.jax.devices import Device, chosen_devices
from workbench.errors import ArgumentError, CompileError, ModelError, SamplingError
from workbench.inference import ensemble_run
from workbench.inference.convergence import ConvergenceWarning
from workbench.inference.drift import drift
from workbench.inference.ensemble_run import EnsembleRun, groups_of
from workbench.samplers.moments import NAMES, moments_summary

Y = np.array([1.2, 0.7, 2.9, 1.8])


def conjugate():
    """A normal mean with a normal prior: its posterior is normal, precision 1/9 + 4; and an independent exponential."""
    with pm.Model(coords={"unit": list("abcd")}) as model:
        mu = pm.Normal("mu", 0.0, 3.0)
        pm.Normal("y", mu, 1.0, observed=Y, dims="unit")
        rate = pm.Exponential("rate", 2.0, shape=2)
        pm.Deterministic("both", mu + rate)
    return model


PRECISION = 1.0 / 9.0 + 4.0
TRUTH = {"mu": (Y.sum() / PRECISION, PRECISION**-0.5), "rate": (0.5, 0.5), "both": (Y.sum() / PRECISION + 0.5, math.hypot(PRECISION**-0.5, 0.5))}


@pytest.fixture(autouse=True)
def unchecked(monkeypatch):
    """The proof of programs is for lengths that it can go through."""
    monkeypatch.setenv("WORKBENCH_CHECK", "")


def run_of(**options):
    given = {"draws": 100, "tune": 150, "chains": 256, "random_seed": 4, "backend": "c", "method": "chees", "quiet": True}
    return pm.sample(**{**given, "model": conjugate(), **options}, return_inferencedata=False)


def assert_true_moments(moments, bound=4.5):
    for name, (mean, sd) in TRUTH.items():
        m = moments[name]
        assert np.all(np.abs(m["mean"] - mean) < bound * m["mcse_mean"])
        assert np.all(m["mcse_mean"] < 0.02 * sd)
        assert np.all(np.abs(m["sd"] / sd - 1.0) < 0.05)
        assert np.all(m["nested_rhat"] < 1.01)


@pytest.mark.parametrize(("method", "draws"), [("chees", 100), ("mams", 100), ("laps", 100), ("meads", 150), ("demetropolis", 1500)])
def test_posteriors_are_right_and_moments_are_those_of_all_draws(method, draws):
    run = run_of(method=method, draws=draws, tune=300)
    moments = run.moments()
    assert_true_moments(moments)
    for name, kept in run.draws.items():
        for what, level in (("q5", 0.05), ("median", 0.5), ("q95", 0.95)):
            known = np.quantile(kept[:, ::8], level, axis=0, method="weibull").mean(axis=0)
            np.testing.assert_allclose(moments[name][what], known, rtol=1e-10)
        np.testing.assert_allclose(moments[name]["mean"], kept.mean(axis=(0, 1)), rtol=1e-10)
        np.testing.assert_allclose(moments[name]["sd"], kept.reshape(-1, *kept.shape[2:]).std(axis=0, ddof=1), rtol=1e-10)
    assert run.draws["both"].shape == (256, draws, 2)
    assert list(run.problems()) == []


def test_nuts_in_one_loop_draws_what_each_chain_draws_by_itself():
    options = {"draws": 100, "tune": 200, "chains": 128, "discard_tuned_samples": False, "initvals": {"mu": 0.5, "rate": [0.4, 0.6]}, "init": "adapt_diag"}
    together = run_of(method="nuts", backend="jax", **options)
    alone = run_of(method="nuts", nuts={"metric": "diag"}, **options)
    assert "ensemble" in type(together).__module__ and "ensemble" not in type(alone).__module__
    # Rounding grows along trajectories, draw after draw.
    for name, draws in alone.warmup.items():
        np.testing.assert_allclose(together.warmup[name][:, :12], draws[:, :12], rtol=1e-6, atol=1e-6)
    assert_true_moments(together.moments())
    assert abs(together.stats["n_steps"].mean() / alone.stats["n_steps"].mean() - 1.0) < 0.02


def test_errors_of_means_are_honest():
    """Means of repeated runs differ from the truth by what their errors say."""
    z = []
    for seed in range(12):
        moments = run_of(draws=40, tune=100, chains=64, random_seed=seed).moments()
        z += [(moments[name]["mean"] - mean) / moments[name]["mcse_mean"] for name, (mean, _) in TRUTH.items() if name != "both"]
    z = np.concatenate([np.ravel(x) for x in z])
    # 36 numbers of a distribution near the normal: their mean square is 1 within 0.236 a standard error.
    assert abs(np.mean(z**2) - 1.0) < 4 * np.sqrt(2 / len(z))


def test_thinned_runs_keep_every_so_manyth_draw_and_all_moments():
    a, b = run_of(), run_of(thin=7)
    assert b.draws["mu"].shape == (256, 14)
    assert np.array_equal(b.draws["mu"], a.draws["mu"][:, 6::7])
    assert float(b._moments[0]) == 98
    mean = a.draws["mu"][:, :98].mean()
    np.testing.assert_allclose(b.moments()["mu"]["mean"], mean, rtol=1e-10)


def test_warm_up_is_kept_where_it_is_asked_for():
    run = run_of(discard_tuned_samples=False, thin=3)
    assert run.warmup["mu"].shape == (256, 50) and run.draws["mu"].shape == (256, 33)
    assert np.array_equal(run.draws["mu"], run_of(thin=3).draws["mu"])
    assert run_of().warmup == {}


@pytest.mark.parametrize("room", [8 * 256 * 11, 8 * 256 * 11 * 6])
def test_draws_do_not_depend_on_chunks(room, monkeypatch):
    whole = run_of()
    monkeypatch.setattr("workbench.inference.linked_ensemble.ROOM", room)
    cut = run_of()
    assert cut.linked.room < whole.linked.room
    for name, x in whole.draws.items():
        assert np.array_equal(x, cut.draws[name])
    for name, x in whole.stats.items():
        assert "perf" in name or "time" in name or np.array_equal(x, cut.stats[name])


def test_jax_draws_what_c_draws():
    a, b = run_of(chains=32, draws=30, tune=60), run_of(chains=32, draws=30, tune=60, backend="jax")
    for name, x in a.draws.items():
        np.testing.assert_allclose(b.draws[name], x, rtol=1e-7, atol=1e-8)
    for name, m in a.moments().items():
        for k, x in m.items():
            np.testing.assert_allclose(b.moments()[name][k], x, rtol=1e-6)


SHARDED = """
import json, sys
import jax
import numpy as np
sys.path.insert(0, sys.argv[1])
import workbench as pm
from test_many_chains import conjugate
out = []
for device in ("cpu", jax.devices()[3]):
    run = pm.sample(int(sys.argv[4]), tune=int(sys.argv[3]), chains=64, random_seed=4, model=conjugate(), backend="jax", method=sys.argv[2], device=device,
                    quiet=True, return_inferencedata=False, thin=2)
    out.append([len(run.devices), {k: np.asarray(v).tolist() for k, v in run.draws.items()}, run.moments()["mu"]["mean"].tolist(),
                len(run._state_of_all[2].sharding.device_set)])
print(json.dumps([len(jax.devices()), [str(d) for d in pm.devices()], out]))
"""


# Where chains adapt together, rounding grows by half with each transition of MAMS and LAPS: after some 80 it is seen.
SHARED_STEPS = {"chees": (80, 40), "meads": (80, 40), "mams": (30, 10), "laps": (30, 10)}


@pytest.mark.parametrize("method", SHARED_STEPS if os.environ.get("WORKBENCH_TESTS") == "all" else ["chees"])
def test_draws_do_not_depend_on_how_many_devices_share_the_chains(method):
    tune, draws = SHARED_STEPS[method]
    environment = {**os.environ, "XLA_FLAGS": "--xla_force_host_platform_device_count=8", "JAX_PLATFORMS": "cpu"}
    here = os.path.dirname(os.path.abspath(__file__))
    done = subprocess.run([sys.executable, "-c", SHARDED, here, method, str(tune), str(draws)], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    there, listed, out = json.loads(done.stdout.splitlines()[-1])
    assert there == 8 and len([d for d in listed if d.startswith("cpu")]) == 8
    assert [x[0] for x in out] == [8, 1] == [x[3] for x in out]
    alone = run_of(chains=64, draws=draws, tune=tune, thin=2, method=method)
    for _, drawn, mean, _ in out:
        for name, x in alone.draws.items():
            np.testing.assert_allclose(np.array(drawn[name]), x, rtol=1e-6, atol=1e-7)
        np.testing.assert_allclose(mean, alone.moments()["mu"]["mean"], rtol=1e-7)


SHARDED_MOMENTS = """
import json, sys
import numpy as np
sys.path.insert(0, sys.argv[1])
import workbench as pm
from test_many_chains import conjugate
run = pm.sample(250, tune=200, chains=1024, random_seed=4, model=conjugate(), backend="jax", method="laps", device="cpu", quiet=True,
                return_inferencedata=False)
found = {name: np.concatenate([x.reshape(1024, 250, -1), x.reshape(1024, 250, -1) ** 2], axis=2).mean(axis=1) for name, x in run.draws.items()}
means = {k: v.mean(axis=0).tolist() for k, v in found.items()}
errors = {k: (v.std(axis=0, ddof=1) / 32).tolist() for k, v in found.items()}
print(json.dumps([len(run.devices), means, errors, list(run.problems())]))
"""


@pytest.mark.skipif(os.environ.get("WORKBENCH_TESTS") != "all", reason="half a minute")
def test_laps_on_eight_devices_knows_a_standard_deviation_to_one_per_cent():
    environment = {**os.environ, "XLA_FLAGS": "--xla_force_host_platform_device_count=8", "JAX_PLATFORMS": "cpu"}
    here = os.path.dirname(os.path.abspath(__file__))
    done = subprocess.run([sys.executable, "-c", SHARDED_MOMENTS, here], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    devices, means, errors, problems = json.loads(done.stdout.splitlines()[-1])
    assert devices == 8 and problems == []
    for name, (mean, sd) in TRUTH.items():
        first, second = np.reshape(means[name], (2, -1))
        error, of_squares = np.reshape(errors[name], (2, -1))
        assert np.all(error < 0.0045 * sd) and np.all(np.abs(first - mean) < 4.0 * error)
        # An error of 1 % in the standard deviation would be four standard errors or more.
        assert np.all(of_squares < 0.01 * sd**2 + 0.01 * abs(mean) * sd) and np.all(np.abs(second - mean**2 - sd**2) < 4.0 * of_squares)


def test_inference_data_has_dims_statistics_and_how_it_was_made():
    idata = pm.sample(20, tune=50, chains=128, model=conjugate(), backend="c", method="chees", random_seed=1, quiet=True)
    assert idata.posterior.sizes == {"chain": 128, "draw": 20, "rate_dim_0": 2, "both_dim_0": 2}
    assert {"acceptance_rate", "diverging", "energy", "lp", "n_steps", "step_size"} <= set(idata.sample_stats)
    assert idata.posterior.attrs["method"] == "chees" and idata.posterior.attrs["tuning_steps"] == 50
    assert idata.observed_data.sizes == {"unit": 4}


def test_a_run_is_paused_resumed_and_stopped():
    run = pm.sample(
        100_000, tune=100, chains=128, model=conjugate(), backend="c", method="chees", random_seed=4, quiet=True, thin=20, blocking=False
    )
    while run.state in ("compiling", "tuning"):
        time.sleep(0.01)
    run.pause()
    # The chunk in hand is made, and no other.
    counts = [-1]
    while len(counts) < 2 or (counts[-1] != counts[-2] and len(counts) < 30):
        counts.append(run.progress()[0]["draws"])
        time.sleep(1.0)
    before = counts[-1]
    assert run.state == "paused" and before == run.progress()[0]["draws"] < 5000
    run.resume()
    while run.progress()[0]["draws"] <= before:
        time.sleep(0.01)
    run.stop()
    assert run.wait(20) and run.state == "stopped"
    made = run.draws["mu"].shape[1]
    assert before < made < 5000 and len(run.progress()) == 8
    whole = run_of(chains=128, draws=made * 20, tune=100, thin=20)
    assert np.array_equal(whole.draws["mu"], run.draws["mu"])
    assert float(run._moments[0]) >= 20 * made
    run.idata  # What there is can be had.


def test_hundreds_of_chains_on_jax_are_moved_together_and_few_by_themselves():
    from workbench.inference.many_chains import way_of

    def way(chains, backend, model=None, method=None):
        found = way_of(model or conjugate(), method, chains, 10, 1, None, backend, None)
        return None if found is None else found.sampler.name

    assert way(100, "jax") == way(4096, "jax") == "chees"
    assert way(99, "jax") is None and way(4096, "c") is None and way(4096, None) is None
    assert way(8, "c", method="MEADS") == "meads" and way(4096, "jax", method="nuts") == "nuts" and way(8, "jax", method="nuts") is None
    with pm.Model() as model:
        pm.Normal("x", pm.Bernoulli("b", 0.5), 1.0)
    assert way(4096, "jax", model) is None


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"method": "chess"}, ArgumentError, "did you mean 'chees'"),
        ({"method": 3}, ArgumentError, "method must be a name"),
        ({"method": "meads", "chains": 4}, SamplingError, "at least 8 chains"),
        ({"method": "meads", "target_accept": 0.9}, ArgumentError, "no target_accept"),
        ({"device": "cpu"}, ArgumentError, "backend='c' is asked for"),
        ({"device": "abacus", "backend": None}, ArgumentError, "'cpu', 'gpu', 'tpu'"),
        ({"device": [], "backend": "jax"}, ArgumentError, "empty list"),
        ({"method": "nuts", "thin": 3}, ArgumentError, "thin=3"),
        ({"max_treedepth": 5}, ArgumentError, "max_treedepth=5"),
        ({"nuts": {"target_accept": 0.9}}, ArgumentError, "nuts={"),
        ({"init": "adapt_full"}, ArgumentError, "init='adapt_full'"),
        ({"step": pm.Metropolis}, ArgumentError, "step is not for it"),
        ({"step": pm.Metropolis, "method": None, "thin": 3}, ArgumentError, "thin=3"),
        ({"thin": 101}, SamplingError, "keeps none of 100 draws"),
        ({"thin": 0}, SamplingError, "thin must be at least 1"),
        ({"callback": lambda *_: None}, ArgumentError, "leave it out"),
        ({"target_accept": 1.5}, SamplingError, "between 0 and 1"),
    ],
)
def test_options_that_cannot_be_are_errors(options, error, said):
    with pytest.raises(error) as raised:
        run_of(**options)
    assert said in str(raised.value)


def test_models_that_cannot_be_are_errors():
    with pm.Model() as discrete:
        pm.Poisson("n", 3.0)
        pm.Normal("x")
    with pytest.raises(ModelError, match="n: method='chees' moves continuous variables, this one is discrete") as caught:
        run_of(model=discrete)
    assert "leave method and device out" in caught.value.hint
    with pm.Model() as one:
        pm.Normal("x")
    with pytest.raises(ModelError, match="at least 2 parameters"):
        run_of(model=one, method="mams")
    assert run_of(model=one).draws["x"].shape == (256, 100)


def test_a_gpu_that_is_not_there_is_an_error_that_lists_what_is():
    if any(d.kind == "gpu" and not d.why_not for d in pm.devices()):
        pytest.skip("there is a GPU")
    with pytest.raises(CompileError, match=r"no GPU that JAX can use(.|\n)*there is (.|\n)*cpu: "):
        run_of(backend="jax", device="gpu")


def test_devices_are_listed_with_name_and_memory():
    found = pm.devices()
    cpu = next(d for d in found if d.kind == "cpu")
    assert cpu.name and cpu.memory > 2**20 and not cpu.why_not and cpu.jax.platform == "cpu"
    assert str(cpu).startswith(f"cpu: {cpu.name}") and "GiB" in str(cpu)
    assert str(Device("NVIDIA H200", "gpu", None, "JAX is installed without CUDA")) == "gpu: NVIDIA H200 (not usable: JAX is installed without CUDA)"
    assert chosen_devices(cpu, 10) == chosen_devices(cpu.jax, 10) == [cpu.jax]
    with pytest.raises(ArgumentError, match="without CUDA"):
        chosen_devices(Device("NVIDIA H200", "gpu", None, "JAX is installed without CUDA"), 10)
    with pytest.raises(CompileError, match="give chains=12"):
        chosen_devices([cpu.jax] * 3, 10)


def test_draws_without_room_are_an_error_that_says_what_thin_would_do(monkeypatch):
    monkeypatch.setattr(ensemble_run, "free_memory", lambda: 2**20)
    with pytest.raises(SamplingError) as raised:
        run_of(draws=5000)
    text = str(raised.value)
    # 3 parameters, 5 elements of variables, 8 statistics, 3 times and a count: 20 numbers a draw.
    assert "5000 draws of 256 chains" in text and "195 MiB" in text and "1 MiB are free" in text
    thin = int(text.partition("thin=")[2].split()[0])
    assert thin == math.ceil(5000 / (0.8 * 2**20 // (8 * 256 * 20)))
    assert run_of(draws=5000, thin=thin).draws["mu"].shape == (256, 5000 // thin)
    with pytest.raises(SamplingError, match="give fewer chains"):
        run_of(chains=2**15)


def test_chains_that_remember_where_they_began_are_told_of():
    """Two modes far apart: groups stay where they began, so their means differ by more than draws do."""
    with pm.Model() as model:
        x = pm.Flat("x", initval=0.0)
        pm.Normal("z")
        pm.Potential("modes", pm.math.logaddexp(-0.5 * (x - 30.0) ** 2, -0.5 * (x + 30.0) ** 2))
    with pytest.warns(ConvergenceWarning, match=r"nested R-hat is above 1.01 for 1 of 2 elements, the worst x"):
        pm.sample(50, tune=50, chains=160, model=model, backend="c", method="chees", random_seed=2, progressbar=False)


def test_chains_that_have_not_come_in_are_told_of_though_they_agree():
    """A hundred standard deviations out MEADS, whose steps are no longer than the chains' spread, comes in slowly."""
    sd = np.array([1.0, 1.0, 10.0, 10.0])
    with pm.Model() as model:
        pm.Normal("x", 0.0, sd, shape=4)
    options = {"tune": 20, "draws": 20, "model": model, "initvals": {"x": 100.0 * sd}}
    said = [x for x in run_of(method="meads", **options).problems() if "moved the same way" in x]
    assert len(said) == 1 and "in 4 of 4 elements, the most x[" in said[0] and 'method="chees"' in said[0]
    run = run_of(**{**options, "tune": 200, "draws": 100})
    assert list(run.problems()) == []
    for x, scale in zip(np.moveaxis(run.draws["x"], 2, 0), sd):
        assert abs(x.mean()) < 0.05 * scale and abs(x.std() / scale - 1.0) < 0.02
    # MAMS, of a constant speed: in a warm-up of four transitions none is of free speeds.
    corner = 100.0 * np.random.default_rng(1).choice([-1, 1], 10)
    starts = [{"x": corner + np.random.default_rng(i).uniform(-1, 1, 10)} for i in range(256)]
    with pm.Model() as other:
        pm.Normal("x", shape=10)
    run = run_of(method="mams", model=other, initvals=starts, tune=4)
    assert np.abs(run.draws["x"].mean(axis=(0, 1))).min() > 1.0
    assert [x for x in run.problems() if "moved the same way" in x and "in 10 of 10 elements" in x]
    run = run_of(method="mams", model=other, initvals=starts, tune=200)
    assert list(run.problems()) == [] and np.abs(run.draws["x"].mean(axis=(0, 1))).max() < 0.05
    # One draw says nothing of how chains move.
    assert not [x for x in run_of(method="meads", **{**options, "draws": 1}).problems() if "moved" in x]


def test_a_drift_is_told_from_chance_whatever_the_tails():
    rng = np.random.default_rng(5)
    draws = [rng.normal, rng.standard_cauchy, lambda size: rng.exponential(size=size) ** 3, lambda size: np.exp(2.0 * rng.normal(size=size))]
    for draw in draws:
        alarms = sum(drift(*draw(size=(2, 4, 64, 5))).any() for _ in range(500))
        # Expected: 0.05.
        assert alarms <= 1
    first, last = rng.normal(size=(2, 8, 256, 2))
    assert np.allclose(drift(first, last + [0.0, 0.5]), [0.0, 0.5], atol=0.1)
    # Chains that stand still far out, but for a little.
    still = 100.0 + rng.normal(size=(1, 256, 1)) + np.zeros((8, 1, 1))
    assert drift(still, still - 0.3 + 0.05 * rng.normal(size=still.shape))[0] > 0.2


def test_groups_of_chains_begin_at_one_point():
    assert groups_of(127).tolist() == list(range(127))
    assert np.bincount(groups_of(2048)).tolist() == [128] * 16
    assert set(np.bincount(groups_of(1000))) == {62, 63}
    run = run_of(chains=160, tune=0, draws=1)
    starts = run._begin_at()
    assert len(np.unique(starts, axis=0)) == 16
    given = [{"mu": float(i)} for i in range(160)]
    assert len(run_of(chains=160, initvals=given, draws=1)._begin_at()) == 160


def nested_rhat(draws, groups):
    """Margossian et al. (2024), equations 3 to 6, of draws (chains, draws)."""
    kept = [draws[groups == k] for k in np.unique(groups)]
    means = np.array([x.mean() for x in kept])
    between = means.var(ddof=1)
    within = np.mean([(x.mean(axis=1).var(ddof=1) if len(x) > 1 else 0.0) + x.var(axis=1, ddof=1).mean() for x in kept])
    return math.sqrt(1.0 + between / within)


@pytest.mark.parametrize("backend", ["numpy", "c", "jax"])
@pytest.mark.parametrize("groups", [np.arange(12) // 3, np.array([0, 0, 0, 0, 1, 1, 1, 2, 2, 2, 2, 2]), np.arange(12)])
def test_moments_are_those_of_the_draws(backend, groups):
    rng = np.random.default_rng(7)
    draws = rng.normal(size=(12, 9, 2)) + 0.7 * rng.normal(size=(12, 1, 2)) + np.array([5.0, -1e4])
    graph = moments_summary()
    mean, square = draws.mean(axis=1), ((draws - draws.mean(axis=1, keepdims=True)) ** 2).sum(axis=1)
    f = function(graph.params, graph.results, backend=backend)
    found = dict(zip(NAMES, f(9.0, mean, square, groups, np.zeros(groups.max() + 1)), strict=True))
    flat = draws.reshape(-1, 2)
    np.testing.assert_allclose(found["mean"], flat.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(found["sd"], flat.std(axis=0, ddof=1), rtol=1e-9)
    np.testing.assert_allclose(found["mcse_mean"], mean.std(axis=0, ddof=1) / np.sqrt(12), rtol=1e-9)
    np.testing.assert_allclose(found["ess"], flat.var(axis=0, ddof=1) / (mean.var(axis=0, ddof=1) / 12), rtol=1e-9)
    np.testing.assert_allclose(found["nested_rhat"], [nested_rhat(draws[..., i], groups) for i in range(2)], rtol=1e-9)


def test_chains_are_views_of_the_rows_of_all():
    run = run_of()
    assert isinstance(run, EnsembleRun) and all(np.shares_memory(run.kept[3].value(i), table) for i, table in enumerate(run._rows[0].tables[:2]))
