"""Samplers that are lowered when the package is built: those of its sources, the same code as made anew, and never those of other sources."""

import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import workbench as pm
from tests.samplers.test_kept import DRAW, WITHOUT_GRAPHS, command, draws, entries, made_old, needs_compiler
from workbench.compile import kept
from workbench.compile.c.vector_math import FUNCTIONS
from workbench.compile.sources import digest_of
from workbench.inference.steps import steps_of
from workbench.samplers.lowered import ALONE, TOGETHER, graphs

PACKAGE = Path(pm.__file__).parent
LIBRARIES = ((), ("exp", "log", "sin", "cos", "pow"), tuple(FUNCTIONS))
"""What libraries have vector forms of: none, glibc from 2.22 on, and from 2.35 on."""


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A copy of the package with samplers that a process of its own lowered."""
    target = tmp_path_factory.mktemp("built") / "workbench"
    shutil.copytree(PACKAGE, target, ignore=shutil.ignore_patterns("__pycache__", "lowered"))
    lower(target)
    made_old(target.parent)
    return target


def lower(package, seed="0"):
    environment = {**os.environ, "PYTHONPATH": str(package.parent), "PYTHONHASHSEED": seed}
    subprocess.run([sys.executable, "-m", "workbench.samplers.lowered"], env=environment, cwd=package.parent, check=True)


def texts(folder):
    """The C code, without comments, of what lies in a folder, its regions included, for each kind of library; and whether it is called seldom."""

    def of(lowered):
        return [lowered.seldom, *(lowered.printed.with_vector_forms(known).code for known in LIBRARIES), *(of(r) for r in lowered.regions if r is not None)]

    return {path.name: of(pickle.loads(path.read_bytes())[2]) for path in folder.glob("*.lowered")}


def test_what_is_built_is_the_code_that_is_made_anew(built, tmp_path):
    """In processes whose sets have other orders; and here."""
    found = texts(built / "lowered")
    assert len(found) == len(graphs()) and (built / "lowered" / "made_of").read_text() == digest_of(built) == digest_of(PACKAGE)
    again = tmp_path / "workbench"
    shutil.copytree(built, again)
    lower(again, seed="7")
    assert texts(again / "lowered") == found
    known = kept._identity(digest_of(PACKAGE))
    for own in graphs()[:3]:
        made = own.compiled(kept._Lowered, "c").lowered
        assert found[own.key("c", known) + ".lowered"][1:4] == [made.printed.with_vector_forms(forms).code for forms in LIBRARIES]


@needs_compiler
def test_a_first_process_needs_no_graph_and_draws_the_same(built, tmp_path):
    code = DRAW.format(backend="c")
    assert draws(command(tmp_path / "of the build", WITHOUT_GRAPHS + code, built)) == draws(command(tmp_path / "checked", code, built, WORKBENCH_CHECK="1"))
    # Nothing of the sampler was made but by the process that checks programs; the machine code is the same.
    assert entries(tmp_path / "of the build") == [] and len(entries(tmp_path / "checked")) == 2
    assert {p.name for p in (tmp_path / "of the build").glob("*.so")} == {p.name for p in (tmp_path / "checked").glob("*.so")}


@needs_compiler
def test_what_was_built_of_other_sources_is_not_taken(built, tmp_path):
    changed = built / "samplers" / "sweep.py"
    before = changed.read_text()
    first = draws(command(tmp_path / "before", DRAW.format(backend="c"), built))
    changed.write_text(before.replace("pt.random.fold_in(key, CHOOSE)", "pt.random.fold_in(key, CHOOSE + 17)"))
    try:
        assert changed.read_text() != before
        assert draws(command(tmp_path / "after", DRAW.format(backend="c"), built)) != first
        assert len(entries(tmp_path / "after")) == 2
    finally:
        changed.write_text(before)


@needs_compiler
def test_a_damaged_file_is_made_anew(built, tmp_path):
    package = tmp_path / "copy" / "workbench"
    shutil.copytree(built, package)
    made_old(package.parent)
    first = draws(command(tmp_path, DRAW.format(backend="c"), package))
    for i, path in enumerate((package / "lowered").glob("*.lowered")):
        path.write_bytes(b"" if i % 2 else pickle.dumps(("of another kind",)))
    assert draws(command(tmp_path, DRAW.format(backend="c"), package)) == first


@pytest.mark.parametrize("discrete", [[], ["binary"], ["categorical"], ["count"], ["count", "categorical"], ["categorical", "binary"]])
def test_what_is_built_is_what_sample_takes(discrete):
    make = {"binary": lambda: pm.Bernoulli("b", 0.5), "categorical": lambda: pm.Categorical("c", [0.2, 0.3, 0.5]), "count": lambda: pm.Poisson("n", 3.0)}
    with pm.Model() as model:
        for kind in discrete:
            make[kind]()
        pm.Normal("x")
    kinds = tuple(s.kernel for s in steps_of(model, None, {}, quiet=True))
    assert kinds in TOGETHER if discrete else kinds[0] in ALONE
    if len(discrete) == 1:
        assert kinds[1] in ALONE


def test_graphs_of_someone_else_are_not_built(tmp_path):
    of = test_graphs_of_someone_else_are_not_built
    with pytest.raises(RuntimeError, match="this package's source alone"):
        kept.build_lowered(lambda: [kept.OwnGraph((of,), "", None, "own")], tmp_path / "lowered")
    assert not (tmp_path / "lowered").exists()
