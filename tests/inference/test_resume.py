"""Runs that are stopped, killed or too short go on: the draws are those of a run that was not."""

import os
import signal
import subprocess
import sys
import textwrap
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import workbench as pm
from workbench.errors import ArgumentError, ModelError, SamplingError, StoreError
from workbench.inference.stores import zarr as zarr_store
from workbench.inference.stores import zarr_format

ROOT = Path(__file__).parents[2]
TIMES = ("perf_counter_start", "perf_counter_diff", "process_time_diff")


def model_of(y=(0.5, 1.0), sd=1.0, group=("a", "b"), x=(1.0, 2.0)):
    with pm.Model(coords={"group": list(group)}) as made:
        mu = pm.Normal("mu", 0.0, sd)
        s = pm.HalfNormal("s", 1.0)
        level = pm.Normal("level", mu, 1.0, dims="group")
        pm.Deterministic("double", 2.0 * level)
        slope = pm.Data("x", list(x))
        pm.Normal("y", level + mu * slope.sum(), s, observed=list(y))
    return made


def sample(model, **given):
    base = dict(draws=60, tune=40, chains=2, random_seed=1, progressbar=False, quiet=True, return_inferencedata=False)
    return pm.sample(model=model, **{**base, **given})


def resume(path, model, **given):
    return pm.resume_run(path, model, **{**dict(progressbar=False, quiet=True, return_inferencedata=False), **given})


def same(run, other):
    """Whether all draws and statistics of two runs are equal, bit for bit; times apart."""
    for mine, theirs in ((run.draws, other.draws), (run.warmup, other.warmup), (run.stats, other.stats), (run.warmup_stats, other.warmup_stats)):
        assert list(mine) == list(theirs)
        for name in mine:
            assert mine[name].dtype == theirs[name].dtype and (name in TIMES or mine[name].tobytes() == theirs[name].tobytes()), name
    return True


@pytest.fixture(scope="module", autouse=True)
def quick():
    """Programs are proven in other tests; here each run would prove them again."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("WORKBENCH_CHECK", raising=False)
        yield


@pytest.fixture(scope="module")
def model():
    return model_of()


@pytest.fixture(scope="module")
def whole(model):
    return sample(model)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.zarr"


# What is written ----------------------------------------------------------------------------------


@pytest.mark.parametrize("memory", [0, 1 << 30])
def test_a_run_with_a_store_is_the_run_without(model, whole, path, memory):
    run = sample(model, trace=pm.ZarrStore(path, memory))
    assert same(run, whole)
    one, two = run.idata, whole.idata
    assert set(one.groups()) == set(two.groups())
    for group in two.groups():
        xr.testing.assert_equal(one[group].drop_vars(TIMES, errors="ignore"), two[group].drop_vars(TIMES, errors="ignore"))


def test_others_open_it_and_find_what_inference_data_has(model, path):
    import arviz as az

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run = sample(model, trace=str(path), discard_tuned_samples=False)
        tree = xr.open_datatree(path, engine="zarr")
    found = az.InferenceData.from_datatree(tree)
    idata = run.idata
    assert set(idata.groups()) <= set(found.groups()) <= {*idata.groups(), "unconstrained_posterior", "warmup_unconstrained_posterior"}
    for group in idata.groups():
        theirs = found[group].load()
        assert set(theirs.data_vars) == set(idata[group].data_vars), group
        for name, x in idata[group].data_vars.items():
            assert theirs[name].dims == x.dims and theirs[name].dtype == x.dtype
            np.testing.assert_array_equal(theirs[name].values, x.values)
            for d in x.coords:
                np.testing.assert_array_equal(theirs[d].values, x[d].values)
    assert found.posterior.attrs["sampling_time"] == pytest.approx(run.timings["sample"], rel=0.5)
    q = tree["unconstrained_posterior"]["q"]
    assert q.q_dim_0.values.tolist() == ["mu", "s_log__", "level[0]", "level[1]"]
    np.testing.assert_allclose(q.sel(q_dim_0="s_log__").values, np.log(run.draws["s"]), rtol=1e-12)


# Going on -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("draws", [1, 25, 59])
def test_a_run_that_is_made_longer_is_one_that_was_as_long_from_the_start(model, whole, path, draws):
    short = sample(model, draws=draws, trace=path)
    longer = resume(path, model, draws=60)
    assert same(longer, whole)
    assert all(np.array_equal(short.draws[n], whole.draws[n][:, :draws]) for n in whole.draws)
    assert same(resume(path, model), whole)


def test_a_run_that_is_stopped_anywhere_goes_on(model, whole, path):
    for at in (3, 39, 40, 41, 77, 99):
        stop = lambda run, draw: run.stop() if draw.draw_idx == at else None
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("workbench.inference.executors.Threads.seconds", 1e-9)
            first = sample(model, trace=path, callback=stop)
        assert first.state in ("stopped", "done")
        assert same(resume(path, model, cores=1 + at % 2), whole)
        for p in sorted(path.rglob("*"), reverse=True):
            p.rmdir() if p.is_dir() else p.unlink()


def test_it_goes_on_with_what_was_asked_for_at_first(model, path):
    sample(model, draws=20, trace=path, var_names=["mu"], discard_tuned_samples=False, idata_kwargs={"log_likelihood": True})
    again = resume(path, model, draws=30, return_inferencedata=True)
    assert list(again.posterior.data_vars) == ["mu"] and again.posterior.sizes["draw"] == 30
    assert {"warmup_posterior", "log_likelihood"} <= set(again.groups())
    other = resume(path, model, draws=30, return_inferencedata=True, var_names=["s"], discard_tuned_samples=True)
    assert list(other.posterior.data_vars) == ["s"] and "warmup_posterior" not in other.groups()


@pytest.mark.parametrize("backend", ["numpy", "jax", "numba"])
def test_it_goes_on_on_its_own_backend(model, path, backend):
    if backend != "numpy" and os.environ.get("WORKBENCH_TESTS") != "all":
        pytest.skip("compiles slowly: WORKBENCH_TESTS=all")
    uninterrupted = sample(model, backend=backend, draws=10, tune=5)
    sample(model, backend=backend, draws=2, tune=5, trace=path)
    again = resume(path, model, draws=10)
    assert again.backend == backend and same(again, uninterrupted)


@pytest.mark.parametrize("method", ["assigned", "Metropolis"])
def test_compounds_of_kernels_go_on(path, method):
    with pm.Model() as model:
        mu = pm.Normal("mu", 0.0, 1.0)
        on = pm.Bernoulli("on", 0.4)
        kind = pm.Categorical("kind", [0.2, 0.3, 0.5], shape=2)
        n = pm.Poisson("n", 3.0)
        pm.Normal("y", mu + on + kind.sum() + n, 1.0, observed=[2.0, 4.0])
        # Kernels take long to compile.
        given = {"backend": "numpy", "tune": 10, **({} if method == "assigned" else {"step": pm.Metropolis()})}
        whole = sample(model, draws=20, **given)
        sample(model, draws=7, trace=pm.ZarrStore(path, 0), **given)
        again = resume(path, model, draws=20)
    assert same(again, whole) and again.draws["kind"].dtype == whole.draws["kind"].dtype
    assert np.array_equal(xr.open_datatree(path, engine="zarr").posterior["on"].values, whole.draws["on"])


def test_the_callback_of_the_rest_gets_the_rest(model, path):
    sample(model, draws=20, trace=path)
    seen = []
    resume(path, model, draws=23, callback=lambda run, draw: seen.append((draw.chain, draw.draw_idx, draw.is_last)))
    assert sorted(seen) == [(c, i, i == 62) for c in range(2) for i in (60, 61, 62)]


def test_the_seconds_of_all_its_parts_count(model, path):
    first = sample(model, draws=20, trace=path)
    second = resume(path, model, draws=30)
    assert second.timings["sample"] > first.timings["sample"] > 0


# Whose draws these are ----------------------------------------------------------------------------


def more_of(model):
    with model:
        pm.Normal("more", 0.0, 1.0)
    return model


def another_role():
    with pm.Model(coords={"group": ["a", "b"]}) as made:
        mu = pm.StudentT("mu", 3, mu=0.0, sigma=1.0)
        s = pm.HalfNormal("s", 1.0)
        level = pm.Normal("level", mu, 1.0, dims="group")
        pm.Deterministic("double", 3.0 * level)
        slope = pm.Data("x", [1.0, 2.0])
        pm.Normal("y", level + mu * slope.sum(), s, observed=[0.5, 1.0])
    return made


@pytest.mark.parametrize("other, said", [
    (lambda: model_of(sd=2.0), "'mu' is another Normal: its parameters, or its transform, are not the same"),
    (lambda: model_of(y=[0.5, 1.5]), "the observed values of 'y' are others"),
    (lambda: model_of(x=[1.0, 2.5]), "the data 'x' are others"),
    (lambda: model_of(x=[1.0, 2.0, 3.0]), r"'x' has shape \(3,\), not \(2,\)"),
    (lambda: model_of(group="ac"), "the labels of the dim 'group' are others"),
    (lambda: model_of(group="abc", y=[1.0, 2.0, 3.0]), r"'level' has shape \(3,\), not \(2,\).*'y' has shape.*the dim 'group' has length 3, not 2"),
    (lambda: more_of(model_of()), "the model has 'more', a free variable, which was not there"),
    (another_role, "'mu' is a StudentT, not a Normal"),
    (lambda: radon(), "the model has no 'mu', which was a free variable.*and 4 more"),
], ids=range(9))  # fmt: skip
def test_another_model_is_refused_and_what_differs_is_said(model, path, other, said):
    sample(model, draws=5, trace=path)
    before = {p: p.read_bytes() for p in path.rglob("*") if p.is_file()}
    with pytest.raises(ModelError, match=f"run.zarr: its draws are of another model: .*{said}") as caught:
        resume(path, other())
    assert "another path" in caught.value.hint
    assert {p: p.read_bytes() for p in path.rglob("*") if p.is_file()} == before
    assert len(resume(path, model, draws=6).draws["mu"][0]) == 6


def radon():
    with pm.Model() as made:
        pm.Normal("a", 0, 1)
        pm.Normal("b", 0, 1)
    return made


def test_the_same_model_written_again_is_the_same(path):
    sample(model_of(), draws=5, trace=path)
    model = model_of()
    with model:
        pm.set_data({"x": [5.0, 6.0]})
    with pytest.raises(ModelError, match="the data 'x' are others"):
        resume(path, model)
    with model:
        pm.set_data({"x": [1.0, 2.0]})
        assert pm.resume_run(path, quiet=True, progressbar=False).posterior.sizes["draw"] == 5


def test_a_run_begun_by_another_version_warns_and_says_so(model, path, monkeypatch):
    sample(model, draws=5, trace=path)
    monkeypatch.setattr(pm, "__version__", "9.9")
    with pytest.warns(UserWarning, match="begun by workbench .*, it goes on with 9.9"):
        resume(path, model)
    with pytest.raises(ModelError) as caught:
        resume(path, model_of(sd=2.0))
    assert "may write the same formula in another way" in caught.value.hint


@pytest.mark.parametrize("given, error, said", [
    ({"draws": 3}, StoreError, "draws=3, but 5 are there"), ({"draws": 0}, SamplingError, "draws must be at least 1"),
    ({"draws": "x"}, ArgumentError, "draws must be a whole number"), ({"var_names": ["nu"]}, ModelError, "'nu'"),
    ({"cores": 0}, SamplingError, "cores"), ({"callback": 3}, ArgumentError, "callback"),
])  # fmt: skip
def test_what_cannot_be_done_is_refused_and_the_store_stays_free(model, path, given, error, said):
    sample(model, draws=5, trace=path)
    with pytest.raises(error, match=said):
        resume(path, model, **given)
    assert len(resume(path, model, draws=6).draws["mu"][0]) == 6


def test_two_runs_do_not_write_to_one_store(model, path):
    run = sample(model, draws=10**6, trace=path, blocking=False)
    while not run.kept or run.kept[0].count < 20:
        time.sleep(0.01)
    with pytest.raises(StoreError, match=f"another run writes to it: process {os.getpid()}"):
        resume(path, model)
    with pytest.raises(StoreError, match="another run writes to it"):
        sample(model, trace=path)
    run.stop()
    run.wait()
    assert run.kept[0].count > 20 and run.state == "stopped"
    with pytest.raises(StoreError, match="there is a run in it already"):
        sample(model, trace=path)
    made = max(c.count for c in run.kept) - 40
    assert len(resume(path, model, draws=max(1, made)).draws["mu"][0]) == max(1, made)


@pytest.mark.parametrize("how", ["a file", "a folder"])
def test_what_is_there_is_not_written_over(model, path, how):
    if how == "a file":
        path.write_text("mine")
    else:
        path.mkdir()
        (path / "notes.txt").write_text("mine")
    with pytest.raises(StoreError) as caught:
        sample(model, trace=path)
    assert "give the path of a folder that is not there" in caught.value.hint and "test_resume.py" in str(caught.value)


EXTERNAL = [
    ("numpyro", {}), ("blackjax", {}), ("numpyro", {"nuts_kwargs": {"dense_mass": True, "max_tree_depth": (4, 5)}, "chain_method": "sequential"}),
]  # fmt: skip


@pytest.mark.parametrize("name, options", EXTERNAL)
def test_chains_of_other_packages_go_on(model, path, name, options):
    """Stopped at its first rows and within warm-up, then made longer: the draws of a run that was as long from the start."""
    pytest.importorskip(name)
    given = dict(draws=400, tune=600, nuts_sampler=name, nuts_sampler_kwargs=options, target_accept=0.7)
    whole = sample(model, **given)

    def stop(run, draw):
        raise KeyboardInterrupt

    begun = sample(model, trace=path, callback=stop, **{**given, "draws": 200})
    assert begun.state == "stopped" and 0 < max(c.count for c in begun.kept) < 600
    again = resume(path, model, callback=lambda run, draw: stop(run, draw) if draw.draw_idx == 450 else None)
    assert again.state == "stopped" and 450 < max(c.count for c in again.kept) < 800
    again = resume(path, model)
    assert again.state == "done" and again.draws["mu"].shape == (2, 200)
    assert same(resume(path, model, draws=400), whole)


def test_what_cannot_go_on_says_so():
    from workbench.inference.external import sampler as external

    def told(**given):
        kept = {"package": "numpyro", "target_accept": 0.8, "max_treedepth": 10, "options": {}, **given}
        return external.Chosen.again(kept, "numpyro 0.1", "run.zarr")

    with pytest.raises(StoreError, match="made by numpyro 0.1, which cannot go on where it stopped"):
        told(package="nutpie")
    with pytest.raises(StoreError, match="one program of numpyro 0.1 .chain_method='vectorized'., which cannot go on"):
        told(options={"chain_method": "vectorized"})
    kept = external.Chosen(external.kind_of("numpyro"), {"nuts_kwargs": {"inverse_mass_matrix": np.ones(2)}}, 0.8, 10).told
    assert "options" not in kept
    with pytest.raises(StoreError, match="its nuts_sampler_kwargs could not be written"):
        external.Chosen.again(kept, "numpyro 0.1", "run.zarr")


def test_nutpies_draws_are_kept_and_say_that_they_cannot_go_on(model, path):
    pytest.importorskip("nutpie")
    run = sample(model, trace=path, draws=5, tune=5, nuts_sampler="nutpie")
    assert np.array_equal(xr.open_datatree(path, engine="zarr").posterior.mu.values, run.draws["mu"])
    with pytest.raises(StoreError, match="made by nutpie .* which cannot go on where it stopped") as caught:
        resume(path, model, draws=10)
    assert "the draws can be read" in caught.value.hint


def test_a_run_that_fails_before_its_first_draw_leaves_nothing_behind(path):
    with pm.Model() as impossible:
        pm.Normal("x", 0, 1)
        pm.Potential("never", pm.math.log(-1.0))
    with pytest.raises(SamplingError):
        sample(impossible, trace=path)
    assert not path.exists()


# What the disk refuses ----------------------------------------------------------------------------


@pytest.mark.parametrize("memory", [0, 1 << 30])
def test_when_the_disk_is_full_the_run_ends_with_its_draws_and_goes_on_when_there_is_room(model, path, monkeypatch, memory):
    monkeypatch.setattr("workbench.inference.executors.Threads.seconds", 1e-9)
    real, written = zarr_format._write_all, 0

    def full(file, content):
        nonlocal written
        written += len(content)
        if written > 3_000_000:
            raise OSError(28, "No space left on device", file.name)
        real(file, content)

    monkeypatch.setattr(zarr_format, "_write_all", full)
    with pytest.raises(SamplingError, match="no space is left on the disk") as caught:
        sample(model, trace=pm.ZarrStore(path, memory), draws=2000)
    run = caught.value.run
    assert run.state == "failed" and "make space" in str(caught.value) and "resume_run" in str(caught.value)
    monkeypatch.setattr(zarr_format, "_write_all", real)
    again = resume(path, model)
    for c in run.kept:
        assert np.array_equal(c.value(0), again.kept[c.number].value(0, 0, c.count)) and c.count > 0
    assert same(again, sample(model, draws=2000))


def test_when_the_folder_is_deleted_the_draws_are_in_the_run(model, path, monkeypatch):
    import shutil

    monkeypatch.setattr("workbench.inference.executors.Threads.seconds", 1e-9)
    with pytest.raises(SamplingError, match=r"the folder is gone") as caught:
        sample(model, draws=3000, trace=path, callback=lambda run, draw: shutil.rmtree(path) if draw.draw_idx == 100 and draw.chain == 0 else None)
    run = caught.value.run
    n = min(c.count for c in run.kept)
    assert n > 0 and np.array_equal(run.kept[0].value(0, 0, n), sample(model, draws=3000).kept[0].value(0, 0, n))


# Killed -------------------------------------------------------------------------------------------

CHILD = """
    import sys, os
    sys.path[:0] = [{root!r}]
    import workbench as pm
    from workbench.inference.executors import Threads
    from workbench.inference.stores import zarr
    Threads.seconds, zarr.SYNC_SECONDS, zarr.CHUNK_BYTES = 0.002, 0.01, 4000
    from tests.inference.test_resume import model_of
    path, model = {path!r}, model_of()
    if os.path.exists(path + "/.workbench/manifest.json"):
        print("resumed", flush=True)
        pm.resume_run(path, model, progressbar=False, quiet=True, return_inferencedata=False)
    else:
        print("begun", flush=True)
        pm.sample(model=model, trace=path, draws=DRAWS, tune=100, chains=2, random_seed=3, progressbar=False, quiet=True, return_inferencedata=False)
    print("done", flush=True)
"""
DRAWS = 3000


def ended(path, seconds):
    """Run the child, and kill it some seconds after it says that it has begun; return whether it was done by then."""
    code = textwrap.dedent(CHILD).format(root=str(ROOT), path=str(path)).replace("DRAWS", str(DRAWS))
    child = subprocess.Popen([sys.executable, "-W", "error::UserWarning", "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    assert child.stdout is not None and child.stderr is not None
    said = child.stdout.readline()
    if said:
        try:
            child.wait(seconds)
        except subprocess.TimeoutExpired:
            child.send_signal(signal.SIGKILL)
    rest, wrong = child.communicate()
    assert child.returncode in (0, -signal.SIGKILL), wrong
    return child.returncode == 0


def test_a_run_that_is_killed_again_and_again_is_in_the_end_the_run_that_was_not(path):
    model, rng = model_of(), np.random.default_rng(0)
    kills = 100 if os.environ.get("WORKBENCH_TESTS") == "all" else 2
    uninterrupted = sample(model, draws=DRAWS, tune=100, random_seed=3)
    killed, runs, compared = 0, 0, 0
    while killed < kills or not compared:
        here = path.with_name(f"{runs}.zarr")
        runs += 1
        while killed < kills and not ended(here, rng.uniform(0.0, 0.6)):
            killed += 1
        if not (here / ".workbench" / "manifest.json").exists():
            if killed < kills:
                continue
            # Killed before its first draw: it begins again.
            assert ended(here, 600.0)
        compared += 1
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)
            whole = resume(here, model)
        assert same(whole, uninterrupted)
        tree = xr.open_datatree(here, engine="zarr")
        np.testing.assert_array_equal(tree["posterior/level"].values, uninterrupted.draws["level"])


# Memory -------------------------------------------------------------------------------------------


def test_the_memory_of_twenty_runs_is_that_of_one(tmp_path):
    code = textwrap.dedent("""
        import sys, gc, threading
        sys.path[:0] = [{root!r}]
        import workbench as pm
        from tests.inference.test_resume import model_of
        model = model_of()
        def resident():
            gc.collect()
            return int(open("/proc/self/statm").read().split()[1]) * 4096 / 2**20
        for i in range(28):
            trace = pm.ZarrStore({path!r} + "/" + str(i), 0) if i % 2 else None
            run = pm.sample(4000, tune=100, chains=2, model=model, random_seed=i, progressbar=False, quiet=True, return_inferencedata=False, trace=trace)
            run.draws
            del run
            if i == 7:
                before, threads = resident(), threading.active_count()
        print(resident() - before, threading.active_count() - threads)
    """).format(root=str(ROOT), path=str(tmp_path))
    if not os.path.exists("/proc/self/statm"):
        pytest.skip("no way to ask for the memory of a process")
    # Threads with heaps of their own would make the figure depend on which of them the system starts first.
    environment = {**os.environ, "MALLOC_ARENA_MAX": "2"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, env=environment)
    assert done.returncode == 0, done.stderr
    grown, threads = map(float, done.stdout.split())
    # A run's rows alone take 2 x 4100 x 26 numbers: 1.7 MB.
    assert grown < 8 and threads <= 0


def test_draws_on_disk_are_not_in_memory_too(model, path):
    run = sample(model, draws=3000, trace=pm.ZarrStore(path, 1000))
    assert all(c.rows.memory is None and not c.rows._pending[1] for c in run.kept)
    assert run.draws["level"].shape == (2, 3000, 2) and run.values(["mu", "level[b]"], 1, 3000).shape == (40, 2)
    assert zarr_store.MEMORY == 1 << 30
