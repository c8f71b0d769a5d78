"""Shorter steps of a run whose draws are on disk: the store is that of the run, wherever it ends it goes on to the same draws."""

import shutil
import warnings

import numpy as np
import pytest
import xarray as xr

import workbench as pm
from tests.inference.test_resume import same
from tests.inference.test_shorter_steps import funnel
from workbench.inference import shorter_steps
from workbench.inference.stores import zarr as zarr_store
from workbench.inference.stores import zarr_format

MODEL = funnel()
CHAINS, DRAWS, TUNE = 3, 400, 300
SEED = [0]
"""That of the runs of a test: where trajectories diverge hangs on the last bits, so on compilers and processors."""


def run_of(**options):
    # Trees diverge in a funnel; trajectories of one time are made again with finer steps.
    given = {
        "draws": DRAWS, "tune": TUNE, "chains": CHAINS, "random_seed": SEED[0], "backend": "c", "quiet": True, "return_inferencedata": False,
        "shorter_steps": (0.9, 0.99), "nuts": {"trajectories": "trees"},
    }  # fmt: skip
    return pm.sample(model=MODEL, **given | options)


def resumed(path, **options):
    return pm.resume_run(path, MODEL, quiet=True, return_inferencedata=False, **options)


@pytest.fixture(scope="module", autouse=True)
def quick():
    """Programs are proven in other tests; here each run would prove them again."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("WORKBENCH_CHECK", raising=False)
        yield


def first_run(wanted, **options):
    """The run of the first seed of which that holds; later ones have that seed."""
    for SEED[0] in range(60):
        run = run_of(**options)
        if wanted(run.shortened):
            return run
    raise AssertionError("no seed of 60 has such a run")


@pytest.fixture(scope="module")
def shortened_twice():
    return first_run(lambda shortened: len(shortened) == 2), SEED[0]


@pytest.fixture
def whole(shortened_twice):
    """A run whose steps are shortened twice."""
    run, SEED[0] = shortened_twice
    return run


def require_whole(run, whole):
    assert same(run, whole) and run.shortened == whole.shortened and run.tune == whole.tune


@pytest.mark.parametrize("memory", [0, 1 << 30])
def test_a_run_with_a_store_is_the_run_without(whole, tmp_path, memory, monkeypatch):
    # Files of a few rows each: some are removed whole, some cut.
    monkeypatch.setattr(zarr_store, "CHUNK_BYTES", 700)
    path = tmp_path / "run.zarr"
    run = run_of(trace=pm.ZarrStore(path, memory))
    require_whole(run, whole)
    tree = xr.open_datatree(path, engine="zarr")
    for group, draws in (("posterior", whole.draws), ("warmup_posterior", whole.warmup), ("sample_stats", whole.stats), ("warmup_sample_stats", whole.warmup_stats)):
        for name, x in draws.items():
            found = tree[group][name].values
            assert found.shape == x.shape and (x.dtype.kind != "f" or not np.isnan(found[np.isfinite(x)]).any())
            assert name.startswith(("perf_counter", "process_time")) or np.array_equal(found, x, equal_nan=x.dtype.kind == "f")
    assert tree["posterior"].attrs["tuning_steps"] == whole.tune


def test_a_run_that_is_stopped_anywhere_goes_on(whole, tmp_path, monkeypatch):
    first, second = (s.tune + s.draws for s in whole.shortened)
    for i, at in enumerate([TUNE // 2, TUNE + 1, first - 1, first, first + 1, whole.shortened[1].tune - 1, second, second + 30, whole.tune + 200]):
        path, memory = tmp_path / f"{at}.zarr", (0, 1 << 30)[i % 2]
        with monkeypatch.context() as patch:
            # Chunks of a few draws.
            patch.setattr("workbench.inference.executors.Threads.seconds", 2e-5)
            run_of(trace=pm.ZarrStore(path, memory), callback=lambda run, draw, at=at: run.stop() if draw.chain == 1 and draw.draw_idx >= at - 1 else None)
        require_whole(resumed(pm.ZarrStore(path, memory), cores=1 + at % 2), whole)


@pytest.mark.parametrize("draws", [100, 200])
def test_a_run_that_is_made_longer_is_one_that_was_as_long_from_the_start(whole, tmp_path, draws):
    path = tmp_path / "run.zarr"
    run_of(trace=path, draws=draws)
    require_whole(resumed(path, draws=DRAWS), whole)


def test_a_run_goes_on_from_every_moment_of_its_rows_becoming_warm_up(whole, tmp_path, monkeypatch):
    """Before each write, each cut and each exchange of a file that is part of it, what the disk has then is what a killed process leaves."""
    monkeypatch.setattr(zarr_store, "CHUNK_BYTES", 2000)
    path, left, within = tmp_path / "run.zarr", [], []

    def seen(owner, name):
        real = getattr(owner, name)

        def call(*args, **options):
            if within:
                left.append(tmp_path / f"{len(left)}.zarr")
                shutil.copytree(path, left[-1])
                (left[-1] / zarr_store.FOLDER / "lock").unlink()
            return real(*args, **options)

        monkeypatch.setattr(owner, name, call)

    def adapt_again(run, new):
        within.append(new)
        adapting(run, new)
        within.clear()

    adapting = shorter_steps.adapt_again
    monkeypatch.setattr(shorter_steps, "adapt_again", adapt_again)
    # Else states of another thread, too.
    monkeypatch.setattr(zarr_store, "SYNC_SECONDS", 1e9)
    for owner, name in ((zarr_format.os, "replace"), (zarr_format.RowFiles, "write"), (zarr_format.RowFiles, "cut")):
        seen(owner, name)
    require_whole(run_of(trace=pm.ZarrStore(path, 0)), whole)
    monkeypatch.undo()
    monkeypatch.delenv("WORKBENCH_CHECK", raising=False)
    assert len(left) > 300
    states = {tuple(sorted(p.relative_to(at).as_posix() for p in at.rglob("*"))) for at in left}
    assert len(states) > 20
    with warnings.catch_warnings():
        # Nothing is found to be damaged, and drawn again.
        warnings.simplefilter("error")
        for at in [*left[::40], *left[-2 * CHAINS :]]:
            require_whole(resumed(pm.ZarrStore(at, 0)), whole)


@pytest.mark.parametrize("kind", ["synced", "start"])
def test_a_chain_whose_last_states_are_lost_goes_on_from_before(whole, tmp_path, kind, monkeypatch):
    """From before steps were shortened, while the others have gone on: what is warm-up is known, and adaptation is as it was there."""
    path = tmp_path / "run.zarr"
    store = pm.ZarrStore(path, 0)
    # No state is made durable but one, before the first place where steps are shortened, and the last.
    monkeypatch.setattr(zarr_store, "SYNC_SECONDS", 1e9)
    kept = {}

    def at_first(run, draw):
        if draw.chain == 1 and draw.draw_idx > TUNE and not kept:
            kept.update({p.name: p.read_bytes() for p in (path / zarr_store.FOLDER).glob("chain-1.state")})
        if draw.chain == 1 and draw.draw_idx >= whole.tune + 50:
            run.stop()

    with monkeypatch.context() as patch:
        patch.setattr("workbench.inference.executors.Threads.seconds", 1e-4)
        assert len(run_of(trace=store, callback=at_first).shortened) == 2
    folder = path / zarr_store.FOLDER
    (folder / "chain-1.state").unlink()
    if kind == "synced":
        (folder / "chain-1.synced").write_bytes(kept["chain-1.state"])
    else:
        (folder / "chain-1.synced").unlink()
    with pytest.warns(UserWarning, match="its last state is not what was written"):
        require_whole(resumed(pm.ZarrStore(path, 0)), whole)


def test_warm_up_that_ended_early_is_made_longer_too(tmp_path):
    given = {"stop_tuning_early": True, "tune": 1000}
    one = first_run(lambda shortened: shortened and shortened[0].tune < 1000, **given)
    for draws in (10, 160):
        path = tmp_path / f"{draws}.zarr"
        run_of(trace=path, draws=draws, **given)
        require_whole(resumed(path, draws=DRAWS), one)
