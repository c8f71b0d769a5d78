"""Draws on disk: what xarray and ArviZ read there without us, and what is there after any crash."""

import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import warnings
from pathlib import Path

import arviz as az
import numpy as np
import pytest
import xarray as xr

from workbench.errors import StoreError
from workbench.inference.stores import Column, Contents, MemoryStore, ZarrStore, zarr_format
from workbench.inference.stores import zarr as zarr_store
from workbench.inference.stores.checkpoint import Checkpoint, decode, encode

COLUMNS = [
    Column("posterior", "mu", "float64", (), ()),
    Column("posterior", "a", "float64", (3,), ("g",)),
    Column("posterior", "m", "float32", (2, 2), ("m_dim_0", "m_dim_1")),
    Column("posterior", "k", "int64", (), ()),
    Column("posterior", "empty", "float64", (0,), ("empty_dim_0",)),
    Column("sample_stats", "diverging", "bool", (), ()),
    Column("sample_stats", "lp", "float64", (), ()),
]
LABELS = {
    "posterior": {"g": np.array(["å", "b", "c c"]), "m_dim_0": np.arange(2), "m_dim_1": np.arange(2)},
    "observed_data": {"when": np.array(["2024-01-01", "2025-06-30"], "M8[D]")},
}
DATA = {"observed_data": {"y": (["when"], np.array([0.5, 1.5])), "n": ([], np.array(7))}}


def made(start, stop, chain=0):
    """Rows of the columns: no two elements are equal."""
    i = np.arange(start, stop) + 1000.0 * chain
    return [i, i[:, None] + [0.1, 0.2, 0.3], (i[:, None, None] + np.eye(2)).astype("f4"), i.astype(int), np.empty((len(i), 0)), i % 3 == 0, -i]


def state(count):
    return [np.array(count), np.full((2, 3), float(count)), np.array([], np.uint64), np.array([True, False])]


def contents(chains=2, tune=10, draws=40):
    return Contents(COLUMNS, chains, tune, draws, LABELS, DATA, lambda: {"seed": "1"})


def begun(path, memory=0, **given):
    store = ZarrStore(path, memory)
    store.claim()
    what = contents(**given)
    return store, store.begin(what, [state(0)] * what.chains)


def add(rows, *sizes, chain=0):
    for n in sizes:
        rows.append(made(rows.count, rows.count + n, chain), state(rows.count + n))


def holds(rows, count, chain=0):
    """Whether there are `count` rows, those that were made, and the state after them."""
    right = rows.count == count and all(np.array_equal(x, y) for x, y in zip(rows.state, state(count)))
    whole = made(0, count, chain)
    return right and all(np.array_equal(rows.read(i, 0, count), whole[i]) and rows.read(i, 0, count).dtype == c.dtype for i, c in enumerate(COLUMNS))


@pytest.fixture
def tmp_path(tmp_path):
    """A folder in memory, where there is such a thing: thousands of files are written."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        yield Path(folder)


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch):
    """No test here turns the machine off."""
    monkeypatch.setattr(os, "fsync", lambda file: None)


@pytest.fixture(params=[0, 1 << 30], ids=["on disk", "held in memory, too"])
def memory(request):
    return request.param


# What others read ---------------------------------------------------------------------------------


def test_xarray_and_arviz_open_it_without_a_warning(tmp_path):
    store, rows = begun(tmp_path / "x.zarr")
    for i in range(2):
        add(rows[i], 3, 20, 1, 26, chain=i)
    store.close({"sampling_time": 1.5})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tree = xr.open_datatree(tmp_path / "x.zarr", engine="zarr").load()
        one = xr.open_zarr(tmp_path / "x.zarr", group="posterior", chunks=None)
    whole = [np.stack(x) for x in zip(made(0, 50, 0), made(0, 50, 1))]
    for c, x in zip(COLUMNS, whole):
        for group, rows_of in ((f"warmup_{c.group}", x[:, :10]), (c.group, x[:, 10:])):
            found = tree[group][c.name]
            assert found.dims == ("chain", "draw", *c.dims) and found.dtype == c.dtype
            np.testing.assert_array_equal(found.values, rows_of)
    assert one["a"].sel(g="c c").shape == (2, 40) and one["k"].dtype == "int64"
    assert tree.posterior.draw.values.tolist() == list(range(40)) and tree.warmup_posterior.draw.size == 10
    assert tree.observed_data["y"].sel(when="2025-06-30") == 1.5 and tree.observed_data["n"] == 7
    assert tree.posterior.attrs["sampling_time"] == 1.5 and tree.posterior.attrs["inference_library"] == "workbench"
    idata = az.InferenceData.from_datatree(tree)
    assert set(idata.groups()) == {"posterior", "sample_stats", "warmup_posterior", "warmup_sample_stats", "observed_data"}
    assert az.summary(idata, var_names=["mu"]).shape[0] == 1


@pytest.mark.parametrize("labels", [
    np.array(["a", "ß", ""]), np.array([1.5, np.nan, -0.0]), np.array([1, 2, 3], np.int16), np.array([True, False, True]), np.array(["x", None, 3], object),
    np.array(["2024-01-01T10:30", "1950-01-01", "2024-01-02"], "M8[ns]"), np.array([1, 2, 3], "m8[s]"), np.array([1, 2, 3], np.uint8), np.array([1 + 2j, 0, 1j]),
], ids=lambda x: str(x.dtype))  # fmt: skip
def test_arrays_of_every_kind_are_read_as_they_were(tmp_path, labels):
    what = Contents(COLUMNS[:1], 1, 0, 5, {}, {"constant_data": {"x": (["i"], labels), "none": (["j"], labels[:0])}})
    store = ZarrStore(tmp_path / "x.zarr")
    store.claim()
    store.begin(what, [[]])
    store.close({})
    found = xr.open_datatree(tmp_path / "x.zarr", engine="zarr").constant_data
    expected = labels.astype(str) if labels.dtype == object else labels
    np.testing.assert_array_equal(found.x.values.astype(expected.dtype), expected)
    assert found.none.shape == (0,)


def test_while_it_is_written_others_read_the_rows_that_are_there_and_nothing_plausible_after_them(tmp_path):
    _, rows = begun(tmp_path / "x.zarr")
    add(rows[0], 10, 5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = xr.open_datatree(tmp_path / "x.zarr", engine="zarr")
    assert found.posterior.sizes["draw"] == 40
    np.testing.assert_array_equal(found.posterior.mu.values[0], np.r_[made(10, 15)[0], np.full(35, np.nan)])
    assert (found.posterior.k.values[0, 5:] == np.iinfo("int64").min).all() and np.isnan(found.posterior.a.values[1]).all()


def test_a_run_that_is_stopped_is_as_long_as_its_longest_chain(tmp_path):
    store, rows = begun(tmp_path / "x.zarr")
    add(rows[0], 30), add(rows[1], 15)
    store.close({})
    found = xr.open_datatree(tmp_path / "x.zarr", engine="zarr")
    assert found.posterior.sizes["draw"] == 20 and found.warmup_posterior.sizes["draw"] == 10
    assert np.isnan(found.posterior.mu.values[1, 5:]).all() and not np.isnan(found.posterior.mu.values[:, :5]).any()


@pytest.mark.parametrize("name", ["a/b", "..", "zarr.json"])
def test_a_name_that_is_no_folder_is_refused_before_the_first_draw(tmp_path, name):
    store = ZarrStore(tmp_path / "x.zarr")
    store.claim()
    with pytest.raises(StoreError, match=f"'{name}' cannot be stored.*no name of a folder"):
        store.begin(Contents([Column("posterior", name, "float64", (), ())], 1, 0, 5), [[]])


# Rows ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("chunk_bytes", [1, 100, 1 << 20])
def test_rows_are_read_as_they_were_added(tmp_path, memory, chunk_bytes, monkeypatch):
    monkeypatch.setattr(zarr_store, "CHUNK_BYTES", chunk_bytes)
    _, (rows, _) = begun(tmp_path / "x.zarr", memory)
    add(rows, 1, 8, 3, 20, 0, 18)
    whole = made(0, 50)
    for start, stop in ((0, 50), (0, 0), (5, 15), (9, 10), (10, 11), (49, 80), (12, 30)):
        for i, c in enumerate(COLUMNS):
            assert np.array_equal(rows.read(i, start, stop), whole[i][start:stop]), (c.name, start, stop)


def test_memory_alone_reads_the_same():
    (rows,) = MemoryStore().begin(contents(chains=1), [state(0)])
    add(rows, 1, 8, 20)
    assert holds(rows, 29)


def test_readers_see_whole_rows_while_others_are_added(tmp_path):
    _, (rows, _) = begun(tmp_path / "x.zarr", 0, draws=400)
    wrong, over = [], threading.Event()

    def look():
        while not over.is_set():
            n = rows.count
            found = rows.read(0, 0, n)
            if not np.array_equal(found, np.arange(n)):
                wrong.append((n, found))

    threads = [threading.Thread(target=look) for _ in range(2)]
    for t in threads:
        t.start()
    add(rows, *[1, 4] * 80)
    over.set()
    for t in threads:
        t.join()
    assert not wrong


# Going on -----------------------------------------------------------------------------------------


def test_it_goes_on_from_the_rows_and_the_state_that_were_written(tmp_path, memory):
    store, rows = begun(tmp_path / "x.zarr")
    add(rows[0], 7, 18), add(rows[1], 4, chain=1)
    store.release()
    again = ZarrStore(tmp_path / "x.zarr", memory)
    assert again.open().about() == {"seed": "1"}
    rows = again.go_on()
    assert holds(rows[0], 25) and holds(rows[1], 4, chain=1)
    add(rows[0], 25), add(rows[1], 46, chain=1)
    again.close({})
    longer = ZarrStore(tmp_path / "x.zarr", memory)
    longer.open()
    rows = longer.go_on(draws=70)
    assert holds(rows[0], 50) and holds(rows[1], 50, chain=1)
    add(rows[0], 30), add(rows[1], 30, chain=1)
    longer.close({})
    found = xr.open_datatree(tmp_path / "x.zarr", engine="zarr")
    np.testing.assert_array_equal(found.posterior.a.values, np.stack([made(10, 80, i)[1] for i in range(2)]))
    assert found.posterior.draw.size == 70
    fewer = ZarrStore(tmp_path / "x.zarr")
    fewer.open()
    with pytest.raises(StoreError, match="draws=20, but 70 are there"):
        fewer.go_on(draws=20)


def test_a_relative_path_stays_where_it_was(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    store, rows = begun("x.zarr")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    add(rows[0], 12)
    store.close({})
    assert not list((tmp_path / "elsewhere").iterdir())
    again = ZarrStore(tmp_path / "x.zarr")
    again.open()
    assert holds(again.go_on()[0], 12)


class Killed(BaseException):
    """The program ends here."""


def test_after_a_crash_at_any_write_there_are_the_rows_before_it_and_their_state(tmp_path, monkeypatch):
    """The program ends before, in the middle of, or after each call that changes the disk."""
    monkeypatch.setattr(zarr_store, "CHUNK_BYTES", 200)
    real_write, real_replace = zarr_format._write_all, os.replace
    calls, at, sizes = 0, 0, (4, 9, 3)

    def counted(before, half=None):
        nonlocal calls
        calls += 1
        if calls == at:
            if half is not None:
                half()
            raise Killed
        return before()

    monkeypatch.setattr(zarr_format, "_write_all", lambda file, content: counted(
        lambda: real_write(file, content), lambda: real_write(file, content[: len(content) // 2])))  # fmt: skip
    monkeypatch.setattr(zarr_format.os, "replace", lambda *names: counted(lambda: real_replace(*names)))
    tried = 0
    while True:
        at, calls = 0, 0
        path = tmp_path / f"{tried}.zarr"
        store, rows = begun(path)
        at, calls = tried + 1, 0
        whole = 0
        try:
            for n in sizes:
                add(rows[0], n)
                whole += n
                zarr_store.sync(rows)
        except Killed:
            pass
        ended = calls < at
        at = 0
        store.release()
        again = ZarrStore(path)
        again.open()
        rows = again.go_on()
        assert rows[0].count in (whole, whole + next((n for i, n in enumerate(sizes) if sum(sizes[:i]) == whole), 0)), tried
        assert holds(rows[0], rows[0].count), tried
        add(rows[0], 50 - rows[0].count)
        again.close({})
        if ended:
            break
        tried += 1
    assert tried > 40
    found = xr.open_datatree(path, engine="zarr")
    np.testing.assert_array_equal(found.posterior.a.values[0], made(10, 50)[1])


@pytest.mark.parametrize("tear", ["rows after the state", "half a file", "a file lost", "a byte of rows", "the state cut", "the state gone", "all states of one"])
def test_a_torn_tail_is_dropped_and_what_is_damaged_is_drawn_again(tmp_path, tear):
    store, rows = begun(tmp_path / "x.zarr")
    add(rows[0], 15)
    zarr_store.sync(rows)
    add(rows[0], 10)
    store.release()
    folder, mu = tmp_path / "x.zarr" / ".workbench", tmp_path / "x.zarr" / "posterior" / "mu" / "c" / "0" / "0"
    expected, warns = 25, 1
    if tear == "rows after the state":
        zarr_format.RowFiles(mu.parents[2], 0, "float64", (), 40).write(15, np.full(20, 7.0))
        warns = 0
    elif tear == "half a file":
        os.truncate(mu, 6 * 8)
        expected = 15
    elif tear == "a file lost":
        mu.unlink()
        expected = 0
    elif tear == "a byte of rows":
        with open(mu, "r+b") as file:
            file.seek(12 * 8 + 3)
            file.write(b"\x07")
        expected = 15
    elif tear == "the state cut":
        os.truncate(folder / "chain-0.state", 100)
        expected = 15
    elif tear == "the state gone":
        (folder / "chain-0.state").unlink()
        expected = 15
    else:
        for kind in zarr_store.KINDS:
            (folder / f"chain-0.{kind}").write_bytes(b"nothing")
    again = ZarrStore(tmp_path / "x.zarr")
    again.open()
    if tear == "all states of one":
        with pytest.raises(StoreError, match=r"chain 0 cannot go on: its states are damaged(.|\n)*open_datatree"):
            again.go_on()
        return
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        rows = again.go_on()
    assert len(caught) == warns and all(f"goes on from draw {expected}" in str(w.message) for w in caught)
    assert holds(rows[0], expected) and holds(rows[1], 0)
    found = xr.open_datatree(tmp_path / "x.zarr", engine="zarr")
    assert np.isnan(found.posterior.mu.values[0, max(0, expected - 10) :]).all()


def test_states_say_of_themselves_whether_they_are_whole():
    content = encode(Checkpoint(7, (1, 2), state(7)))
    for i in range(len(content)):
        assert decode(content[:i]) is None and decode(content[:i] + bytes([content[i] ^ 1]) + content[i + 1 :]) is None
    found = decode(content)
    assert found.count == 7 and [x.dtype for x in found.state] == [x.dtype for x in state(7)] and [x.shape for x in found.state] == [(), (2, 3), (0,), (2,)]


# What the disk refuses ----------------------------------------------------------------------------


@pytest.mark.parametrize("number, said, hint", [
    (28, "no space is left on the disk", "make space"), (13, "may not write there", "give it permission"), (30, "can only be read", "another disk"),
    (5, "Input/output error", "look at the disk"),
])  # fmt: skip
def test_rows_that_cannot_be_written_are_still_there_and_are_written_later(tmp_path, memory, monkeypatch, number, said, hint):
    store, (rows, _) = begun(tmp_path / "x.zarr", memory)
    add(rows, 12)
    real = zarr_format._write_all

    def refuse(file, content):
        raise OSError(number, os.strerror(number), file.name)

    monkeypatch.setattr(zarr_format, "_write_all", refuse)
    for n in (5, 6):
        with pytest.raises(StoreError, match=f"chain 0: draws from 12 on could not be written: .*{said}") as caught:
            add(rows, n)
        assert hint in caught.value.hint and "pm.resume_run(path, model)" in caught.value.hint and str(tmp_path) in caught.value.message
    assert holds(rows, 23)
    monkeypatch.setattr(zarr_format, "_write_all", real)
    add(rows, 2)
    assert holds(rows, 25)
    store.close({})
    again = ZarrStore(tmp_path / "x.zarr")
    again.open()
    assert holds(again.go_on()[0], 25)


FULL = """
import subprocess, sys
sys.path.insert(0, sys.argv[2])
import numpy as np
from test_zarr import *
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", sys.argv[1]], check=True)
path = sys.argv[1] + "/x.zarr"
wide = Contents([Column("posterior", "w", "float64", (100,), ("w_dim_0",))], 1, 0, 5000)
store = ZarrStore(path, 0)
store.claim()
(rows,) = store.begin(wide, [[np.array(0)]])
zarr_store.CHUNK_BYTES
try:
    while True:
        rows.append([np.arange(rows.count, rows.count + 20)[:, None] + np.zeros(100)], [np.array(rows.count + 20)])
except StoreError as error:
    assert "no space is left on the disk" in str(error), error
made = rows.count
assert np.array_equal(rows.read(0, 0, made)[:, 5], np.arange(made))
try:
    store.close({})
except StoreError as error:
    print("at the end:", error.message)
again = ZarrStore(path, 0)
again.open()
subprocess.run(["mount", "-o", "remount,size=10m", sys.argv[1]], check=True)
(rows,) = again.go_on()
assert made - 20 <= rows.count <= made and rows.state[0] == rows.count, (made, rows.count)
assert np.array_equal(rows.read(0, 0, rows.count)[:, 5], np.arange(rows.count))
print("whole:", rows.count)
"""


def test_on_a_disk_that_is_really_full_what_was_written_is_whole(tmp_path):
    tests = Path(__file__).parent
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(zarr_store.__file__).parents[3]), str(tests)])}
    monkey = FULL.replace("zarr_store.CHUNK_BYTES\n", "").replace("store = ZarrStore(path, 0)", "zarr_store.CHUNK_BYTES = 32_000; store = ZarrStore(path, 0)", 1)
    alone = ["unshare", "--map-root-user", "--mount"]
    try:
        subprocess.run([*alone, "mount", "-t", "tmpfs", "tmpfs", tmp_path], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no small disk can be made here")
    done = subprocess.run([*alone, sys.executable, "-c", monkey, tmp_path, tests], env=environment, capture_output=True, text=True)
    assert done.returncode == 0 and int(re.search(r"whole: (\d+)", done.stdout)[1]) > 40, done.stderr + done.stdout


@pytest.fixture
def ordinary_user():
    """Permissions say nothing to the superuser: be another for a while."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    yield
    os.seteuid(0)


def test_a_folder_that_may_not_be_written_is_refused_at_once(tmp_path, ordinary_user):
    with pytest.raises(StoreError, match="may not write there") as caught:
        ZarrStore(tmp_path / "x.zarr" if os.getuid() == 0 else "/x.zarr").claim()
    assert "another path" in caught.value.hint


# Whose it is --------------------------------------------------------------------------------------


def test_a_second_writer_is_refused_and_says_who_writes(tmp_path):
    store, rows = begun(tmp_path / "x.zarr")
    with pytest.raises(StoreError, match=f"another run writes to it: process {os.getpid()}"):
        ZarrStore(tmp_path / "x.zarr").open()
    with pytest.raises(StoreError, match="another run writes to it"):
        ZarrStore(tmp_path / "x.zarr").claim()
    add(rows[0], 5)
    assert holds(rows[0], 5)
    store.close({})
    ZarrStore(tmp_path / "x.zarr").open()


def lock_of(tmp_path, content):
    store, rows = begun(tmp_path / "x.zarr")
    add(rows[0], 5)
    store.release()
    (tmp_path / "x.zarr" / ".workbench" / "lock").write_bytes(content)
    return ZarrStore(tmp_path / "x.zarr")


def test_the_lock_of_a_process_that_has_ended_is_taken_over(tmp_path):
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    child.wait()
    node = os.uname().nodename
    for i, content in enumerate((json.dumps({"pid": child.pid, "host": node}).encode(), b"", b"\x00garbage", json.dumps({"pid": 1, "host": node, "started": "long ago"}).encode())):
        (tmp_path / str(i)).mkdir()
        store = lock_of(tmp_path / str(i), content)
        store.open()
        assert holds(store.go_on()[0], 5)


def test_a_process_that_waits_to_be_buried_has_ended(tmp_path):
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    store = lock_of(tmp_path, json.dumps({"pid": child.pid, "host": os.uname().nodename}).encode())
    store.open()
    child.wait()


def test_the_lock_of_a_live_process_or_of_another_machine_is_not(tmp_path):
    store = lock_of(tmp_path, json.dumps({"pid": os.getppid(), "host": os.uname().nodename}).encode())
    with pytest.raises(StoreError, match=f"process {os.getppid()}\n"):
        store.open()
    (tmp_path / "x.zarr" / ".workbench" / "lock").write_text(json.dumps({"pid": 1, "host": "elsewhere"}))
    with pytest.raises(StoreError, match="process 1 on elsewhere") as caught:
        store.open()
    assert "delete" in caught.value.hint and "lock" in caught.value.hint


def test_of_many_that_come_at_once_one_has_the_lock(tmp_path):
    _, _ = begun(tmp_path / "x.zarr")
    (tmp_path / "x.zarr" / ".workbench" / "lock").write_text("")
    won, barrier = [], threading.Barrier(8)

    def come():
        store = ZarrStore(tmp_path / "x.zarr")
        barrier.wait()
        try:
            store.open()
            won.append(store)
        except StoreError:
            pass

    threads = [threading.Thread(target=come) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(won) == 1


@pytest.mark.parametrize("what, said", [
    ("a file", "this is a file"), ("another folder", "no store of draws .it has notes.txt"), ("a run", r"there is a run in it already: 5 of 100 draws"),
    ("a manifest lost", "there are draws in it of a run that cannot be told"),
])  # fmt: skip
def test_a_new_run_does_not_write_over_what_is_there(tmp_path, what, said):
    path = tmp_path / "x.zarr"
    if what == "a file":
        path.write_text("mine")
    elif what == "another folder":
        path.mkdir()
        (path / "notes.txt").write_text("mine")
    else:
        store, rows = begun(path)
        add(rows[0], 5)
        store.release()
        for copy in path.glob(".workbench/manifest*") if what == "a manifest lost" else ():
            copy.unlink()
    before = {p: p.read_bytes() for p in path.rglob("*") if p.is_file()}
    with pytest.raises(StoreError, match=said) as caught:
        ZarrStore(path).claim()
    assert caught.value.hint and "path" in caught.value.hint
    assert before == {p: p.read_bytes() for p in path.rglob("*") if p.is_file()}


def test_an_empty_folder_and_one_of_a_run_that_never_began_are_taken(tmp_path):
    (tmp_path / "x.zarr").mkdir()
    store = ZarrStore(tmp_path / "x.zarr")
    store.claim()
    (tmp_path / "x.zarr" / "posterior").mkdir()
    (tmp_path / "x.zarr" / ".workbench" / "lock").write_text("")
    with pytest.raises(StoreError, match=r"ended before its first draw(.|\n)*begin it again"):
        ZarrStore(tmp_path / "x.zarr").open()
    _, rows = begun(tmp_path / "x.zarr")
    add(rows[0], 5)
    assert holds(rows[0], 5)


def test_what_never_began_leaves_nothing_behind(tmp_path):
    store = ZarrStore(tmp_path / "x.zarr")
    store.claim()
    store.release()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b"\xff\xfe\x00", b'{"format": "workbench.store", "version": 1, "content": {}, "sha256": "0"}'])
def test_a_damaged_manifest_is_mended_from_its_copy(tmp_path, damage):
    store, rows = begun(tmp_path / "x.zarr")
    add(rows[0], 5)
    store.release()
    first, copy = (tmp_path / "x.zarr" / ".workbench" / name for name in ("manifest.json", "manifest.copy.json"))
    right = first.read_bytes()
    first.write_bytes(damage)
    with pytest.warns(UserWarning, match="manifest.json is damaged .*: its copy is whole, and is used"):
        store.open()
    assert first.read_bytes() == right and holds(store.go_on()[0], 5)
    store.release()
    for file in (first, copy):
        file.write_bytes(damage)
    with pytest.raises(StoreError, match=r"cannot be read: manifest.json is damaged(.|\n)*open_datatree"):
        store.open()
    assert holds(rows[0], 5)


def test_one_of_a_later_version_and_none_are_said_to_be_so(tmp_path):
    store, _ = begun(tmp_path / "x.zarr")
    store.release()
    file = tmp_path / "x.zarr" / ".workbench" / "manifest.json"
    file.write_text(file.read_text().replace('"version": 1', '"version": 2'))
    with pytest.raises(StoreError, match="version 2 of the format"):
        store.open()
    with pytest.raises(StoreError, match=r"there is no such folder(.|\n)*trace=path"):
        ZarrStore(tmp_path / "y.zarr").open()
    (tmp_path / "z").mkdir()
    with pytest.raises(StoreError, match="this is no store of draws"):
        ZarrStore(tmp_path / "z").open()
