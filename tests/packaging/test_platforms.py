"""What other systems are spared: macOS and Windows as Python says they are. Nothing here has run there, see docs/platforms.md."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from workbench import config
from workbench.compile.c import toolchain
from workbench.errors import CompileError
from workbench.inference import loading_xarray
from workbench.inference.stores import lock


@pytest.fixture
def system(monkeypatch):
    def become(name, machine="x86_64"):
        monkeypatch.setattr(sys, "platform", name)
        monkeypatch.setattr("platform.machine", lambda: machine)

    yield become
    toolchain._find.cache_clear()
    toolchain._processor.cache_clear()


@pytest.mark.parametrize(("name", "variable", "expected"), [
    ("linux", "XDG_CACHE_HOME", "given/workbench"), ("darwin", None, "Library/Caches/workbench"), ("win32", "LOCALAPPDATA", "given/workbench/Cache"),
])  # fmt: skip
def test_compiled_code_is_kept_where_the_system_keeps_such(system, monkeypatch, tmp_path, name, variable, expected):
    for other in ("WORKBENCH_CACHE_DIR", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(other, raising=False)
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    if variable:
        monkeypatch.setenv(variable, str(tmp_path / "given"))
    system(name)
    assert config.cache_directory() == tmp_path / expected


@pytest.mark.parametrize(("machine", "flag"), [("x86_64", "-march=native"), ("AMD64", "-march=native"), ("arm64", "-mcpu=native"), ("aarch64", "-mcpu=native")])
def test_the_processor_is_asked_for_as_its_compilers_take_it(machine, flag):
    # The module reads it once: in a process of its own.
    code = f"import platform; platform.machine = lambda: {machine!r}\nfrom workbench.compile.c.toolchain import FLAGS; print([f for f in FLAGS if f.endswith('=native')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str([flag])


def test_arm_has_no_vector_forms_of_glibc_and_no_system_but_linux_is_asked_for_them(system, monkeypatch):
    system("darwin", "arm64")
    monkeypatch.setattr("ctypes.CDLL", lambda name: pytest.fail(f"{name} is not there"))
    assert toolchain._vector_forms() == ()


def test_windows_takes_a_compiler_that_is_asked_for_alone(system, monkeypatch):
    monkeypatch.delenv("WORKBENCH_CC", raising=False)
    system("win32", "AMD64")
    toolchain._find.cache_clear()
    assert toolchain.find_compiler() is None
    with pytest.raises(CompileError, match="on Windows none is taken that is not asked for") as caught:
        toolchain.require_compiler()
    assert "backend='numba'" in str(caught.value)


def test_a_thread_is_given_a_low_priority_where_threads_have_one(system, monkeypatch):
    import xarray  # noqa: F401 - what it imports is of the system that this is.

    asked = []
    monkeypatch.setattr(os, "setpriority", lambda *given: asked.append(given))
    system("darwin")
    loading_xarray._load()
    assert asked == []
    system("linux")
    loading_xarray._load()
    # At nice 3 a thread has half the share of one at 0. Lower, and who waits for the import on a busy machine waits for minutes.
    assert [nice for *_, nice in asked] == [3]


def test_the_owner_of_a_store_is_not_interrupted_to_see_whether_it_lives(system, monkeypatch):
    monkeypatch.setattr(os, "kill", lambda *given: pytest.fail("os.kill interrupts on Windows"))
    system("win32")
    assert lock._may_live({"host": lock.platform.node(), "pid": 1})


def test_the_compiler_of_this_machine_takes_the_flags(tmp_path):
    found = toolchain.find_compiler()
    if found is None:
        pytest.skip("no C compiler on this system")
    source = tmp_path / "x.c"
    source.write_text("int x(void) { return 1; }\n")
    flags = [f for f in found.flags() if not f.startswith("-l")]
    subprocess.run([found.path, *flags, "-o", str(tmp_path / "x.so"), str(source)], check=True)
