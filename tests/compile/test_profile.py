"""Where time and memory go: `profile` and `explain`."""

import numpy as np
import pytest

import workbench as pm
import workbench.tensor as pt
from workbench.compile import function
from workbench.compile.c.toolchain import find_compiler
from workbench.compile.listing import listing_of
from workbench.errors import CompileError
from workbench.graph.inner import nodes_within

with_compiler = pytest.mark.skipif(find_compiler() is None, reason="no C compiler on this system")


@pytest.fixture(scope="module", params=[pytest.param("c", marks=with_compiler), "numba"])
def work(request):
    x, a = pt.vector("x"), pt.matrix("a")
    _, (walk,) = pt.scan(lambda c, e: ([pt.sin(c) + e], [c]), [0.0], [x])
    heavy = pt.sum(pt.gammaln(pt.exp(x) + 1.0))
    heavy.name = "heavy"
    return function([x, a], [heavy, walk[-1], pt.linalg.lu_factor(a)[0], pt.linalg.cholesky(a @ a.T)], backend=request.param, name="work")


def test_a_profile_finds_what_takes_the_time(work):
    values = np.linspace(0.1, 2.0, 50_000), np.eye(3) + 0.1
    profile = work.profile(*values, calls=4)
    assert (profile.calls, profile.backend, profile.name) == (4, work.backend, "work")
    (heavy,) = (line for line in profile.lines if "heavy" in line.what and line.kind == "loop")
    assert heavy.times == 1 and heavy.location.filename.endswith("test_profile.py")
    stepped = [line for line in profile.lines if line.times == 50_000]
    assert any("sin(" in line.what for line in stepped)
    # No processor has an exponential and a gammaln in less than a nanosecond; how much less the rest takes depends on what else the machine does.
    assert heavy.seconds > 50_000 * 1e-9
    (back,) = (line for line in profile.lines if line.kind == "called back")
    assert back.what.startswith("lu_factor") and back.bytes == 9 * 8 + 3 * 4
    assert {line.what.split(":")[0] for line in profile.lines if line.kind == "library"} == {"matmul", "cholesky"}
    assert profile.arguments == values[0].nbytes + 72 and profile.results == 16 + 72 + 72


def test_a_profile_is_a_table_with_the_longest_first(work):
    profile = work.profile(np.linspace(0.1, 2.0, 2000), np.eye(3), calls=3)
    head, memory, titles, *rows = str(profile).splitlines()
    assert head.startswith(f"work on {work.backend}: ") and "a call (mean of 3)" in head
    assert memory.startswith("memory: arguments 16.1 kB, results 160 B, temporaries ")
    assert titles.split() == ["time", "share", "times", "writes", "kind", "what", "line"]
    assert len(rows) == len(profile.lines) and max(map(len, rows)) < 220
    shares = [float(row.split("%")[0].split()[-1]) for row in rows]
    assert shares == sorted(shares, reverse=True) and abs(sum(shares) - 100.0) < 1.0


@with_compiler
def test_a_profile_updates_nothing_and_takes_the_data_of_now():
    count, data = pt.data("count", 0.0), pt.data("numbers", np.zeros(3))
    f = function([], count + data.sum(), updates={count: count + 1.0}, backend="c")
    f.profile(calls=3)
    assert float(f()) == 0.0 and float(f()) == 1.0


@with_compiler
def test_a_profile_of_a_model_has_its_names():
    with pm.Model() as model:
        mu = pm.Normal("mu")
        pm.Normal("y", mu, 1.0, observed=np.linspace(0.0, 1.0, 100))
    f = function(model.value_vars, model.logp(), backend="c")
    assert any("mu" in line.what and line.what.startswith("over 100: ") for line in f.profile(np.float64(0.5), calls=2).lines)


def test_numpy_has_a_line_for_each_operation():
    x = pt.vector("x")
    f = function([x], [pt.exp(x).sum(), pt.sin(x)], backend="numpy")
    profile = f.profile(np.zeros(100), calls=5)
    assert sorted((line.what, line.bytes) for line in profile.lines) == [("exp(x)", 800), ("sin(x)", 800), ("sum(exp(x))", 8)]
    assert profile.temporaries == 800 and all(line.kind == "operation" for line in profile.lines)


def test_what_cannot_be_measured_is_said():
    x = pt.vector("x")
    f = function([x], pt.exp(x), backend="numpy")
    with pytest.raises(CompileError, match="one call or more, not 0"):
        f.profile(np.zeros(3), calls=0)
    with pytest.raises(TypeError, match="takes 1 values, got 0"):
        f.profile()
    f.backend = "jax"
    with pytest.raises(CompileError, match="the jax backend has no clocks of ours(.|\n)*compile for backend='c'"):
        f.profile(np.zeros(3))


def test_an_explanation_says_what_is_fused_called_back_and_held(work):
    text = work.explain()
    assert "lengths that are arguments of the code" in text
    assert "heavy (3 operations in one pass)" in text
    assert "routines of libraries:\n    matmul: a @ a.T" in text and "cholesky: " in text
    assert "called back, for they have no form as loops" in text and "lu_factor: " in text.split("called back")[1]
    x = pt.vector("x", 500)
    y = pt.exp(x)
    text = function([x], [y[::-1] * y, pt.cumsum(y)[::-1] + 1.0], backend="c").explain()
    assert "all lengths are numbers" in text and "memory for " in text and ": 4.0 kB" in text


def test_a_profile_counts_statements_as_the_listing_does(work):
    lines = work.profile(np.linspace(0.1, 2.0, 2000), np.eye(3), calls=2).lines
    code = listing_of(work)
    assert [line.statement for line in lines] == list(range(1, len(lines) + 1))
    # Lowering makes the tests of loops anew.
    kept = set(nodes_within([work.graph]))
    of_code = {n: {line.of for line in code if line.statement == n and line.of in kept} for n in range(1, len(lines) + 1)}
    compared = [line for line in lines if of_code[line.statement]]
    assert len(compared) > 4 and all(of_code[line.statement] & {*line.computes} for line in compared)
    (heavy,) = (line for line in lines if "heavy" in line.what and line.kind == "loop")
    assert {"exp", "gammaln"} <= {x.op.name for x in heavy.computes}
    assert sum("wb_gammaln" in line or "lgamma" in line for line in code if line.statement == heavy.statement) == 1


@with_compiler
def test_the_clocks_themselves_are_not_counted():
    x = pt.vector("x")
    _, (walk,) = pt.scan(lambda c, e: ([c * 0.5 + e], [c]), [0.0], [x])
    f = function([x], walk[-1], backend="c")
    steps = [line for _ in range(8) for line in f.profile(np.zeros(50_000)).lines if "*0.5" in line.what]
    assert [step.times for step in steps] == [50_000] * 8
    # A multiplication, an addition and a store: a few nanoseconds. The two clocks around them take forty; whoever else computes here makes a run longer, not shorter.
    assert min(step.seconds for step in steps) / 50_000 < 15e-9
