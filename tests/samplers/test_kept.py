"""Samplers are kept as they are lowered: a process finds them without their graphs, and never those of other sources or settings."""

import json
import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import workbench as pm
from workbench.compile import cache, kept
from workbench.compile.c.toolchain import find_compiler
from workbench.graph.inner import Graph
from workbench.graph.pattern import variable
from workbench.graph.rewrite import RULES, rule
from workbench.samplers import compiled_sampler
from workbench.samplers.binary_gibbs import BinaryGibbs
from workbench.samplers.compiled import CompiledSampler
from workbench.samplers.compound import Alone

PACKAGE = Path(pm.__file__).parent
SLACK = 3.0
"""Seconds after which a file that was changed is not taken for one that was changed in mid-process."""

DRAW = """
import json
import workbench as pm
with pm.Model() as model:
    z = pm.Bernoulli("z", 0.3, shape=4)
    pm.Potential("pairs", (z[1:] * z[:-1]).sum())
run = pm.sample(30, tune=10, chains=2, model=model, random_seed=5, quiet=True, return_inferencedata=False, backend={backend!r})
print(json.dumps(run.draws["z"].tolist()))
"""
WITHOUT_GRAPHS = """
from workbench.samplers.chain import Chain
Chain.advance = Chain.init = None
"""

needs_compiler = pytest.mark.skipif(find_compiler() is None, reason="no C compiler on this system")


def command(folder, code, package, **settings):
    environment = {**os.environ, "WORKBENCH_CACHE_DIR": str(folder), "WORKBENCH_CHECK": "", "PYTHONPATH": str(package.parent), **settings}
    return subprocess.Popen([sys.executable, "-c", code], env=environment, cwd=package.parent, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def draws(process):
    out, err = process.communicate()
    assert process.returncode == 0, err
    return json.loads(out.splitlines()[-1])


def entries(folder):
    return sorted(path.name for path in folder.glob("*.lowered"))


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """A copy of the package, whose files may be changed, as old as the package's own."""
    target = tmp_path_factory.mktemp("package") / "workbench"
    shutil.copytree(PACKAGE, target, ignore=shutil.ignore_patterns("__pycache__", "lowered"))
    made_old(target.parent)
    return target


def made_old(folder):
    """A file's time of change cannot be set: the process is told that it began later."""
    (folder / "sitecustomize.py").write_text(f"import time\nreal = time.time\ntime.time = lambda: real() + {SLACK}\n")


@needs_compiler
@pytest.mark.parametrize("backend", ["c", "numba"])
def test_another_process_draws_the_same_without_the_samplers_graph(backend, package, tmp_path):
    code = DRAW.format(backend=backend)
    first = draws(command(tmp_path, code, package))
    assert len(entries(tmp_path)) == 2
    assert draws(command(tmp_path, WITHOUT_GRAPHS + code, package)) == first


@needs_compiler
def test_other_sources_and_settings_find_nothing(package, tmp_path):
    code = DRAW.format(backend="c")
    first = draws(command(tmp_path, code, package))
    found = entries(tmp_path)
    draws(command(tmp_path, code, package))
    assert entries(tmp_path) == found
    compiled = len(list(tmp_path.glob("*.so")))
    draws(command(tmp_path, code, package, WORKBENCH_CFLAGS="-DOTHER"))
    # What is lowered is so for all compilers.
    assert entries(tmp_path) == found and len(list(tmp_path.glob("*.so"))) > compiled
    draws(command(tmp_path, code, package, WORKBENCH_CHECK="1"))
    more = entries(tmp_path)
    assert set(found) < set(more)
    found = more
    changed = package / "samplers" / "sweep.py"
    before = changed.read_text()
    changed.write_text(before + "\n# Of the same meaning, but who knows.\n")
    try:
        assert draws(command(tmp_path, code, package)) == first
        assert set(found) < set(entries(tmp_path))
    finally:
        changed.write_text(before)


@needs_compiler
def test_a_damaged_entry_is_mended(package, tmp_path):
    code = DRAW.format(backend="c")
    first = draws(command(tmp_path, code, package))
    for name, content in zip(entries(tmp_path), (b"", pickle.dumps(("of another kind",)))):
        # With the right sum: what reads it must notice.
        path = tmp_path / name
        path.write_bytes(content)
        path.with_suffix(".sum").write_text(cache._checksum(path))
    assert draws(command(tmp_path, code, package)) == first
    assert draws(command(tmp_path, WITHOUT_GRAPHS + code, package)) == first


@needs_compiler
def test_two_processes_at_once_and_one_that_can_keep_nothing_draw_the_same(package, tmp_path):
    code = DRAW.format(backend="c")
    none = "/dev/null/cache"
    made = [draws(p) for p in [command(folder, code, package) for folder in (tmp_path, tmp_path, none)]]
    assert made[0] == made[1] == made[2]
    assert len(entries(tmp_path)) == 2


@needs_compiler
def test_what_is_kept_has_its_graph_and_trace_when_asked(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(kept, "_identity", lambda: "as if nothing had changed")
    fresh, again = (CompiledSampler("c", Alone(BinaryGibbs()), (Alone, BinaryGibbs)).advance for _ in range(2))
    assert type(again) is kept._Kept and type(fresh) is not kept._Kept
    assert again.source == fresh.source and again.slots == fresh.slots
    assert repr(again.graph) == repr(fresh.graph) and len(again.trace.passes) == len(fresh.trace.passes)
    assert pickle.loads(pickle.dumps(again)).source == fresh.source


def test_what_does_not_follow_from_the_package_alone_is_not_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(kept, "_sources", lambda: "as if nothing had changed")
    before = kept._identity()
    assert before is not None

    x = pm.tensor.vector("x")
    for of, backend in (test_what_does_not_follow_from_the_package_alone_is_not_kept, "numba"), (Alone, "numpy"):
        kept.kept_function(kept.OwnGraph((of,), "", lambda: Graph([x], [x + 1.0]), "own"), backend)
    assert not entries(tmp_path)

    @rule("canonicalise", pm.tensor.sin(variable("x")) + 12345.0)
    def of_someone_else(x):
        """A rule of someone's own."""
        return x

    try:
        assert kept._identity() is None
    finally:
        del RULES["of_someone_else"]
    assert kept._identity() == before


def test_sources_that_were_changed_after_they_were_read_are_not_those_of_the_process(monkeypatch):
    newest = max(path.stat().st_ctime for path in PACKAGE.rglob("*.py"))
    monkeypatch.setattr(kept, "BEGAN", newest + kept.CHANGED + 1.0)
    assert kept._sources.__wrapped__() is not None
    monkeypatch.setattr(kept, "BEGAN", newest)
    assert kept._sources.__wrapped__() is None


@needs_compiler
def test_a_run_asks_for_no_graph_of_the_sampler(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(kept, "_identity", lambda: "as if nothing had changed")
    monkeypatch.delenv("WORKBENCH_CHECK", raising=False)
    with pm.Model() as model:
        pm.Bernoulli("x", 0.3, shape=3)
    found = []
    for _ in range(2):
        compiled_sampler.cache_clear()
        found.append(pm.sample(20, tune=20, chains=1, model=model, random_seed=2, quiet=True, return_inferencedata=False, backend="c").draws["x"])
        sampler = compiled_sampler("c", (BinaryGibbs,), True)
    compiled_sampler.cache_clear()
    assert type(sampler.advance) is kept._Kept and not set(kept.ON_DEMAND) & vars(sampler.advance).keys()
    np.testing.assert_array_equal(*found)
