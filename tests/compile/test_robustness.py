"""Compiling under bad luck: killed half-way, by many at once, damaged files, very large functions, functions dropped."""

import gc
import os
import re
import signal
import subprocess
import sys
import threading
import time
import warnings
import weakref

import numpy as np
import pytest

import workbench.tensor as pt
from workbench.compile import cache, function
from workbench.compile.c import backend as c_backend
from workbench.compile.c import calls as entry
from workbench.compile.c import toolchain
from workbench.compile.c.toolchain import find_compiler
from workbench.errors import CompileError
from workbench.graph import Mode

PLAIN = Mode(())
with_compiler = pytest.mark.skipif(find_compiler() is None, reason="no C compiler on this system")


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    """A cache of its own, for the functions that this process compiles: the way into them it has already."""
    if find_compiler() is not None:
        entry.load(find_compiler(), c_backend.raise_fault)
    monkeypatch.setenv("WORKBENCH_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def slow_compiler(tmp_path, monkeypatch):
    """A compiler that says when it has begun, and takes its time before it writes."""
    folder, real = tmp_path / "slow", find_compiler().path
    folder.mkdir()
    path = folder / "gcc"
    path.write_text(f'#!/bin/sh\necho begun >> "{folder}/log"\nsleep 1\nexec "{real}" "$@"\n')
    path.chmod(0o755)
    monkeypatch.setenv("WORKBENCH_CC", str(path))
    toolchain._find.cache_clear()
    yield folder / "log"
    toolchain._find.cache_clear()


SCALED = (
    "import numpy as np, workbench.tensor as pt; from workbench.compile import function; x = pt.vector('x', 9);"
    "print(float(function([x], pt.sum(pt.exp(x) * {scale}), backend={backend!r})(np.zeros(9))))"
)


@with_compiler
def test_a_killed_compile_leaves_no_entry(own_cache, slow_compiler):
    code = SCALED.format(scale=2.75, backend="c")
    run = subprocess.Popen([sys.executable, "-c", code], start_new_session=True, env=dict(os.environ))
    deadline = time.monotonic() + 60
    while not slow_compiler.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert slow_compiler.exists()
    os.killpg(run.pid, signal.SIGKILL)
    run.wait()
    assert not list(own_cache.glob("*.so")) and not list(own_cache.glob("*.sum"))
    again = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=dict(os.environ))
    assert again.stdout.strip() == "24.75"
    assert len(list(own_cache.glob("*.so"))) == 2  # With the way into it.


@with_compiler
def test_threads_compile_at_once(own_cache, slow_compiler):
    x = pt.vector("x", 3)
    results = {}

    # Functions that differ by a number are one code.
    made = {"product": (x * 1.375).sum(), "sum": (x + 1.375).sum()}

    def work(name):
        results[name] = float(function([x], made[name], backend="c", mode=PLAIN)(np.ones(3)))

    threads = [threading.Thread(target=work, args=(name,)) for name in made]
    begin = time.monotonic()
    for t in threads:
        t.start()
    # Two functions, and the way into both.
    while len(slow_compiler.read_text().split() if slow_compiler.exists() else ()) < 3 and time.monotonic() < begin + 60:
        assert not results, "one had ended before the other began"
        time.sleep(0.01)
    for t in threads:
        t.join()
    assert results == {"product": 4.125, "sum": 7.125}


@pytest.mark.parametrize("damage", [b"", b"not what was written"])
def test_damaged_files_of_numba_are_rebuilt(own_cache, damage):
    code = SCALED.format(scale=1.5, backend="numba")
    for _ in range(2):
        made = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=dict(os.environ))
        assert made.stdout.strip() == "13.5"
        files = [*own_cache.glob("**/*.nbi"), *own_cache.glob("**/*.nbc")]
        assert len(files) >= 2
        for f in files:
            f.write_bytes(damage)


def test_numbas_files_and_what_killed_processes_left_are_pruned(own_cache, monkeypatch):
    home = cache.folder()
    (home / "__pycache__").mkdir()
    for name in ("old.part0-7.nbi", "old.part0-7.1.nbc"):
        (home / "__pycache__" / name).write_bytes(b"0" * 1000)
    for name in ("building-killed", "building-now"):
        (home / name).mkdir()
    os.utime(home / "building-killed", (0, 0))
    monkeypatch.setenv("WORKBENCH_CACHE_MB", "0")
    cache.fetch("new", ".py", lambda target: target.write_text("pass"))
    assert not list(home.glob("__pycache__/*")) and (home / "new.py").exists()
    assert [f.name for f in home.glob("building-*")] == ["building-now"]


@pytest.mark.parametrize("backend", ["c", "numpy"])
def test_a_function_that_is_dropped_frees_its_constants(backend):
    if backend == "c" and find_compiler() is None:
        pytest.skip("no C compiler on this system")
    x = pt.vector("x", 300)
    table = pt.constant(np.random.default_rng(5).normal(size=(200, 300)))
    array = weakref.ref(table.op.value)
    f = function([x], (table @ x).sum(), backend=backend, mode=PLAIN)
    f(np.ones(300))
    del f, table
    gc.collect()
    assert array() is None


@with_compiler
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_function_that_is_dropped_unloads_its_code(own_cache):
    def loaded():
        with open("/proc/self/maps") as maps:
            return len(set(re.findall(re.escape(str(own_cache)) + r"/\w+\.so", maps.read())))

    x = pt.vector("x", 3)
    first, second = (function([x], x * 6.625, backend="c", mode=PLAIN) for _ in range(2))
    assert loaded() == 1
    del first
    gc.collect()
    assert second([1.0, 2.0, 3.0])[2] == 19.875
    del second
    gc.collect()
    assert loaded() == 0


def test_numba_compiles_a_long_function(own_cache):
    x = pt.vector("x", 5)
    y = x
    for i in range(400):
        y = pt.sin(y) + x * (1.0 + i / 64)
    value = function([x], y.sum(), backend="numba", mode=PLAIN)(np.ones(5))
    assert np.isclose(value, function([x], y.sum(), backend="numpy", mode=PLAIN)(np.ones(5)), rtol=1e-12)


@pytest.mark.parametrize("backend", ["c", "numba"])
def test_where_the_cache_cannot_be_used_a_warning_says_so_once(tmp_path, monkeypatch, backend):
    if backend == "c" and find_compiler() is None:
        pytest.skip("no C compiler on this system")
    taken = tmp_path / "file"
    taken.write_text("in the way")
    x = pt.vector("x", 3)
    for factor, folder in ((3.5, taken), (4.5, taken / "below")):
        monkeypatch.setenv("WORKBENCH_CACHE_DIR", str(folder))
        with pytest.warns(UserWarning, match=f"cannot be kept in {folder} .*WORKBENCH_CACHE_DIR") as caught:
            f = function([x], x * factor, backend=backend)
        assert [w.filename for w in caught] == [__file__]
        assert f([2.0, 0.0, 1.0]).tolist() == [2.0 * factor, 0.0, factor]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert function([x], x * 3.75, backend=backend)([2.0, 0.0, 1.0])[0] == 7.5


def test_a_disk_that_is_full_for_numbas_files(own_cache, monkeypatch):
    caching = pytest.importorskip("numba.core.caching")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(caching.IndexDataCacheFile, "_open_for_write", full)
    x = pt.vector("x", 3)
    with pytest.warns(UserWarning, match="cannot be kept in .*No space left on device"):
        # Code that no other test has made in this process: numbers are not part of it.
        f = function([x], x * x * 3.875 - x, backend="numba")
    assert f([2.0, 0.0, 1.0])[0] == 13.5


DAMAGE = {
    "empty": lambda f: f.write_bytes(b""), "short": lambda f: f.write_bytes(f.read_bytes()[: f.stat().st_size // 2]), "zeros": lambda f: f.write_bytes(b"\0" * f.stat().st_size),
    "not text": lambda f: f.write_bytes(b"\xff\xfe\x80 \x00"), "gone": lambda f: None, "a folder": lambda f: (f.mkdir(), (f / "in it").write_text("")),
    "not readable": lambda f: (f.write_bytes(b"x"), f.chmod(0)), "a dead link": lambda f: f.symlink_to(f.parent / "nowhere"),
}  # fmt: skip


@with_compiler
@pytest.mark.parametrize("suffix", [".so", ".sum"])
@pytest.mark.parametrize("damage", DAMAGE)
def test_any_damage_to_the_cache_is_mended_by_compiling_again(own_cache, suffix, damage):
    x = pt.vector("x", 3)
    for again in range(3):
        f = function([x], x * 5.125, backend="c", mode=PLAIN)
        assert f([2.0, 0.0, 1.0])[0] == 10.25
        # Compiled the first time, and after each damage; damaged twice.
        assert [path.suffix for path in own_cache.iterdir() if path.is_file()].count(".so") == 1
        (kept,) = own_cache.glob(f"*{suffix}")
        if again < 2:
            content = kept.read_bytes()
            kept.unlink()  # What this process has loaded stays whole.
            if damage in ("short", "zeros"):
                kept.write_bytes(content)
            DAMAGE[damage](kept)
    del f


@with_compiler
def test_a_kept_file_that_does_not_load_is_compiled_again(own_cache):
    """What was written was damaged before its checksum was made; or the file goes between the look and the loading."""
    x = pt.vector("x", 3)
    function([x], x * 5.25, backend="c", mode=PLAIN)
    (library,), (mark,) = own_cache.glob("*.so"), own_cache.glob("*.sum")
    library.unlink()
    library.write_bytes(b"not a library")
    mark.write_text(cache._checksum(library))
    assert function([x], x * 5.25, backend="c", mode=PLAIN)([2.0, 0.0, 1.0])[0] == 10.5


@pytest.mark.parametrize("name, value, message", [
    ("WORKBENCH_CACHE_MB", "abc", "WORKBENCH_CACHE_MB is 'abc'.*\n.*whole number of megabytes"), ("WORKBENCH_CACHE_MB", "-1", "WORKBENCH_CACHE_MB is '-1'"),
    ("WORKBENCH_CACHE_MB", "1.5", "WORKBENCH_CACHE_MB is '1.5'"), ("WORKBENCH_CC", "nosuch", "WORKBENCH_CC='nosuch' is no program"),
    ("WORKBENCH_CC", "", "WORKBENCH_CC is empty"), ("WORKBENCH_CFLAGS", "-fnosuch", "WORKBENCH_CFLAGS adds '-fnosuch'"), ("WORKBENCH_CHECK", "yes", "WORKBENCH_CHECK is 'yes'"),
])  # fmt: skip
@with_compiler
def test_settings_that_are_wrong_are_named(own_cache, monkeypatch, name, value, message):
    monkeypatch.setenv(name, value)
    x = pt.vector("x", 3)
    with pytest.raises(CompileError, match="(?s)" + message.replace(".*\n", ".*")):
        function([x], x * 6.125, backend="c", mode=PLAIN)


@with_compiler
def test_a_full_disk_and_code_that_may_not_run_are_errors_that_say_so(own_cache, monkeypatch, tmp_path):
    full = tmp_path / "gcc"
    full.write_text("#!/bin/sh\necho 'ld: final link failed: No space left on device' >&2; exit 1\n")
    full.chmod(0o755)
    x = pt.vector("x", 3)
    with monkeypatch.context() as patch:
        patch.setenv("WORKBENCH_CC", str(full))
        # Neither in the cache nor in a temporary folder.
        with pytest.raises(CompileError, match="cannot be kept in .*No space left on device.*\n.*test_robustness"):
            function([x], x * 4.5, backend="c", mode=PLAIN)
    assert not list(own_cache.iterdir())

    def refused(name):
        raise OSError("failed to map segment from shared object")

    monkeypatch.setattr(toolchain.ctypes, "CDLL", refused)
    with pytest.raises(CompileError, match="cannot be run from .*failed to map segment.*\n.*test_robustness.*\n.*noexec"):
        function([x], x * 4.5, backend="c", mode=PLAIN)


def test_the_warning_that_there_is_no_compiler_is_at_the_users_line(monkeypatch):
    monkeypatch.setenv("WORKBENCH_CC", "")
    monkeypatch.setattr(sys.modules["workbench.compile.function"], "_said_no_compiler", False)
    x = pt.vector("x", 3)
    with pytest.warns(UserWarning, match="WORKBENCH_CC is empty.*uses Numba") as caught:
        function([x], x + 1.0)
    assert caught[0].filename == __file__
