import os
import stat
import subprocess
import sys
import threading
from dataclasses import dataclass

import numpy as np
import pytest

import workbench.tensor as pt
from workbench.compile import cache, function
from workbench.compile.c import backend as c_backend
from workbench.compile.c import calls as entry
from workbench.compile.c import toolchain
from workbench.compile.c.toolchain import find_compiler
from workbench.compile.loop_ir.lower import lower
from workbench.compile.loop_ir.storage import plan
from workbench.errors import CompileError, DTypeError, ShapeError
from workbench.graph import Graph, Mode
from workbench.graph.expr import Op, intern, results_of
from workbench.graph.types import TensorType, TupleType

PLAIN = Mode(())


def test_loops_branches_and_row_updates_agree(backend):
    x, table = pt.vector("x", 20), pt.matrix("table", 8, 20)

    def body(i, q, v, rows, total):
        v = v - 0.1 * q
        q = q + 0.1 * v
        rows = rows[i & 7].set(v)
        total, q = pt.cond((i & 3) == 2, lambda t, q: [t + q.sum(), q * 0.9], lambda t, q: [t, q], [total, q])
        return i + 1, q, v, rows, total

    out = pt.while_loop(lambda i, *_: i < 30, body, [0, x, x * 2.0, table, 0.0])
    values = np.arange(20.0) / 7, np.ones((8, 20))
    wanted = function([x, table], out, backend="numpy", mode=PLAIN)(*values)
    for a, b in zip(function([x, table], out, backend=backend)(*values), wanted):
        np.testing.assert_allclose(a, b, rtol=1e-12)


def test_carried_arrays_are_updated_in_place():
    x = pt.vector("x", 50)
    out = pt.while_loop(lambda i, q, v: i < 5, lambda i, q, v: (i + 1, q + 0.1 * v, v - 0.1 * q), [0, x, x * 2.0])
    program = lower(Graph([x], out), "leapfrog")
    storage = plan(program)
    # The old q is still read where the new v is made, so one array is kept aside; no more.
    assert storage.arena <= 512
    swap = pt.while_loop(lambda i, a, b: i < 3, lambda i, a, b: (i + 1, b, a), [0, x, x * 2.0])
    a, b = function([x], swap[1:], backend="c", mode=PLAIN)(np.arange(50.0))
    assert np.array_equal(a, np.arange(50.0) * 2) and np.array_equal(b, np.arange(50.0))


@pytest.mark.parametrize("seed", range(6))
def test_random_programs_with_loops_agree(backend, seed):
    """Random loop bodies: whatever shares storage must not be seen in the results."""
    rng = np.random.default_rng(seed)
    x = pt.vector("x", 6)

    def mix(values):
        a, b = (values[i] for i in rng.integers(0, len(values), 2))
        kinds = [lambda: a + 0.5 * b, lambda: a * 0.7, lambda: pt.sum(a) * 0.1 + b, lambda: a[::-1] - b, lambda: pt.concatenate([b[3:], a[:3]]),
                 lambda: pt.cond(pt.sum(a) > 0, lambda p, q: [p * 0.5, q], lambda p, q: [q, p], [a, b])[int(rng.integers(2))],
                 lambda: b[pt.constant([0, 0, 5])].sum() + a, lambda: a[pt.constant([1, 1, 2])].inc(b[:3])]  # fmt: skip
        return kinds[rng.integers(len(kinds))]()

    def body(i, *carried):
        values = list(carried)
        for _ in range(6):
            values.append(pt.clip(mix(values), -10.0, 10.0))
        return [i + 1, *(values[k] for k in rng.choice(len(values), 3, replace=False))]

    out = pt.while_loop(lambda i, *_: i < 4, body, [0, x, x * 2.0, 1.0 - x])
    given = rng.normal(size=6)
    wanted = function([x], out, backend="numpy", mode=PLAIN)(given)
    for a, b in zip(function([x], out, backend=backend)(given), wanted):
        np.testing.assert_allclose(a, b, rtol=1e-10)


def test_regions_are_called(backend):
    z = pt.vector("z", 5)
    region = Graph([z], [pt.sum(z * z) * -0.5, -z])
    x = pt.vector("x", 5)
    value, gradient = pt.region("logp_grad", region, x * 2.0)
    f = function([x], [value + 1.0, gradient * 2.0], backend=backend)
    a, b = f(np.arange(5.0))
    assert a == -0.5 * 4 * 30 + 1 and np.array_equal(b, -4 * np.arange(5.0))


def test_shapes_may_be_known_at_the_call_only(backend):
    x = pt.vector("x")
    f = function([x], [x.sum(), pt.exp(x)], backend=backend)
    assert f([1.0, 2.0])[0] == 3.0
    assert f([])[1].shape == (0,)


def test_new_data_do_not_recompile(backend):
    x = pt.data("x", [1.0, 2.0])
    f = function([], pt.sum(x) * 2.0, backend=backend)
    assert f() == 6.0
    pt.set_data(x, [5.0, 6.0])
    assert f() == 22.0
    with pytest.raises(ShapeError, match="declared"):
        pt.set_data(x, [1.0, 2.0, 3.0])


def test_data_inside_a_loop_are_read_anew(backend):
    x = pt.data("x", [1.0, 2.0])
    out = pt.while_loop(lambda i, s: i < 3, lambda i, s: (i + 1, s + pt.sum(x)), [0, 0.0])
    f = function([], out[1], backend=backend)
    assert f() == 9.0
    pt.set_data(x, [0.0, 1.0])
    assert f() == 3.0


def test_a_compiled_function_may_be_called_by_many_threads():
    x = pt.vector("x", 1000)
    f = function([x], pt.sum(pt.exp(x[::-1]) * x), backend="c")
    values = [np.random.default_rng(i).normal(size=1000) for i in range(8)]
    wanted = [float(f(v)) for v in values]
    failures = []

    def work(i):
        for _ in range(200):
            if float(f(values[i])) != wanted[i]:
                failures.append(i)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not failures


def test_wrong_values_are_errors():
    f = function([pt.vector("x", 3), pt.scalar("n", dtype="int64")], pt.constant(1.0), backend="numpy")
    with pytest.raises(ShapeError, match=r"input 'x' of function has type float64\[3\]"):
        f([1.0], 1)
    with pytest.raises(DTypeError, match="int64"):
        f([1.0, 2.0, 3.0], 1.5)
    with pytest.raises(TypeError, match="takes 2 values"):
        f([1.0, 2.0, 3.0])


def test_timings_trace_and_source_are_kept(backend):
    x = pt.vector("x", 3)
    f = function([x], pt.log(1.0 + x), backend=backend)
    f([1.0, 2.0, 3.0])
    assert {"rewrite", "first_call"} <= set(f.timings)
    assert len(f.trace) == 1
    if backend != "numpy":
        assert {"lower", "compile"} <= set(f.timings) and "log1p" in f.source.replace("log_plus_one", "log1p")


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    """A cache of its own, for the functions that this process compiles: the way into them it has already."""
    if find_compiler() is not None:
        entry.load(find_compiler(), c_backend.raise_fault)
    monkeypatch.setenv("WORKBENCH_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


def compiled(scale):
    x = pt.vector("x", 3)
    f = function([x], x * scale, backend="c", mode=PLAIN)
    return f, next(iter(f._compiled.values()))


def test_compiled_code_comes_from_the_cache(own_cache):
    assert not compiled(3.25)[1].cached
    assert compiled(3.25)[1].cached
    assert stat.S_IMODE(own_cache.stat().st_mode) == 0o700
    assert not [p for p in own_cache.iterdir() if p.name.startswith("building")]


def test_new_sizes_reuse_the_code(own_cache):
    function([x := pt.vector("x", 50)], pt.sum(x * 7.5), backend="c", mode=PLAIN)
    f = function([y := pt.vector("y", 99)], pt.sum(y * 7.5), backend="c", mode=PLAIN)
    assert next(iter(f._compiled.values())).cached
    assert f(np.ones(99)) == 99 * 7.5


@pytest.mark.parametrize("name", ["c", "numba"])
def test_generated_code_shows_names_and_the_users_lines_which_are_no_part_of_it(own_cache, name):
    def made():
        x = pt.vector("speed", 3)
        energy = 0.5 * x * x  # energy of what moves
        return function([x], [pt.exp(energy).sum()], backend=name, mode=PLAIN)

    f = made()
    assert "speed" in f.source and "energy = 0.5 * x * x # energy of what moves" in f.source
    assert f"test_compile.py:{made.__code__.co_firstlineno + 2} energy = " in f.source
    before = sorted(own_cache.glob("*.so" if name == "c" else "*.py"))
    x = pt.vector("velocity", 3)
    other = function([x], [pt.exp(0.5 * x * x).sum()], backend=name, mode=PLAIN)
    assert "velocity" in other.source and "speed" not in other.source
    assert sorted(own_cache.glob("*.so" if name == "c" else "*.py")) == before and len(before) == 1
    assert other([1.0, 0.0, 1.0]) == f([1.0, 0.0, 1.0])


def test_a_damaged_cache_entry_is_rebuilt(own_cache):
    compiled(4.75)
    (library,) = own_cache.glob("*.so")
    library.unlink()  # The file that this process has loaded stays whole.
    library.write_bytes(b"not a library")
    f, made = compiled(4.75)
    assert not made.cached and f([1.0, 2.0, 3.0])[2] == 14.25


def test_a_cache_others_can_write_to_is_refused(own_cache):
    own_cache.mkdir()
    own_cache.chmod(0o777)
    with pytest.raises(CompileError, match="can be written by others"):
        compiled(1.5)


def test_the_cache_is_bounded(own_cache, monkeypatch):
    monkeypatch.setenv("WORKBENCH_CACHE_MB", "0")
    compiled(8.5)
    (first,) = own_cache.glob("*.so")
    # Other code: another number would be the same.
    x = pt.vector("x", 3)
    function([x], x + 9.5, backend="c", mode=PLAIN)(np.ones(3))
    (second,) = own_cache.glob("*.so")
    assert first.name != second.name


def test_a_large_cache_is_not_looked_through_at_every_build(own_cache, monkeypatch):
    looked = []
    monkeypatch.setattr(cache, "_prune", lambda home, keep: looked.append(keep))
    monkeypatch.setenv("WORKBENCH_CACHE_MB", "16")
    for i in range(12):
        cache.fetch(f"code{i}", ".so", lambda target: target.write_bytes(bytes(300_000)))
    assert looked == ["code0", "code4", "code8"], "at the first build of a process, then whenever a sixteenth of the limit is new"


def test_no_compiler_is_an_error_that_says_what_to_install(monkeypatch):
    monkeypatch.setenv("WORKBENCH_CC", "")
    with pytest.raises(CompileError, match="apt install gcc"):
        compiled(2.0)
    monkeypatch.setattr(sys.modules["workbench.compile.function"], "_said_no_compiler", False)
    x = pt.vector("x", 2)
    with pytest.warns(UserWarning, match="uses Numba"):
        f = function([x], x + 1.0)
    assert f.backend == "numba" and f([1.0, 2.0])[1] == 3.0
    assert toolchain.find_compiler() is None and c_backend.require_compiler is toolchain.require_compiler


def test_an_unknown_backend_is_an_error():
    with pytest.raises(CompileError, match="no backend 'fortran'"):
        function([], pt.constant(1.0), backend="fortran")


def test_two_processes_may_compile_the_same(own_cache):
    code = (
        "import numpy as np, workbench.tensor as pt; from workbench.compile import function; x = pt.vector('x', 9);"
        "print(float(function([x], pt.sum(pt.exp(x) * 1.25), backend='c')(np.zeros(9))))"
    )
    runs = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=dict(os.environ)) for _ in range(2)]
    assert [r.communicate()[0].strip() for r in runs] == ["11.25", "11.25"]


def test_importing_loads_numpy_alone():
    code = "import sys, workbench; print([m for m in ('scipy', 'jax', 'numba', 'arviz', 'xarray', 'matplotlib', 'IPython', 'pandas') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"


@dataclass(frozen=True)
class SortAndSum(Op):
    """An operation without a loop form, with two results."""

    name = "sort_and_sum"

    def infer(self, x):
        return TupleType((x, TensorType("float64")))

    def numpy(self, x):
        if x[0] < 0:
            raise ValueError("a negative start")
        return np.sort(x), x.sum()


@pytest.mark.parametrize("name", ["c", "numba"])
def test_an_operation_without_a_loop_form_is_called_back_and_listed(name):
    x = pt.vector("x", 3)
    ordered, total = results_of(intern(SortAndSum(), (pt.exp(x) * 2.0,)))
    f = function([x], [ordered + 1.0, pt.sqrt(total)], backend=name)
    assert f.fallbacks == ("sort_and_sum",)
    made = 2.0 * np.exp([2.0, 0.0, 1.0])
    first, second = f([2.0, 0.0, 1.0])
    np.testing.assert_allclose(first, np.sort(made) + 1.0, rtol=1e-14)
    assert np.isclose(second, np.sqrt(made.sum()), rtol=1e-14)
    bad = function([x], results_of(intern(SortAndSum(), (x,))), backend=name)
    with pytest.raises(ValueError, match="a negative start"):
        bad([-1.0, 0.0, 1.0])
    assert bad([1.0, 0.0, 1.0])[1] == 2.0


@pytest.mark.parametrize("name", ["c", "numba"])
def test_an_index_out_of_bounds_inside_a_region_names_its_own_variable(name):
    outer, inner, i = pt.vector("outer", 3), pt.vector("inner", 4), pt.tensor("i", "int64", (2,))
    graph = Graph([inner, i], [inner[i]])
    (part,) = pt.region("part", graph, pt.concatenate([outer, [1.0]]), i + 1)
    f = function([outer, i], part + outer.sum(), backend=name)
    assert f([1.0, 2.0, 3.0], [0, 1]).tolist() == [8.0, 9.0]
    with pytest.raises(IndexError, match="index 4 is out of bounds for axis 0 of inner"):
        f([1.0, 2.0, 3.0], [0, 3])


def test_updates_are_computed_from_the_old_values(backend):
    state, total = pt.data("state", np.array([1.0, 2.0])), pt.data("total", 0.0)
    x = pt.scalar("x")
    f = function([x], state.sum(), updates={state: state * x, total: total + state.sum()}, backend=backend)
    assert [float(f(2.0)), float(f(3.0)), float(f(1.0))] == [3.0, 6.0, 18.0]
    assert state.op.value.tolist() == [6.0, 12.0] and float(total.op.value) == 27.0
    with pytest.raises(CompileError, match="not data"):
        function([x], x, updates={x: x + 1.0})
    with pytest.raises(ShapeError, match="update of state"):
        function([x], x, updates={state: x})


def test_givens_stand_in_for_other_expressions(backend):
    x, y = pt.scalar("x"), pt.scalar("y")
    middle = pt.exp(x)
    assert float(function([y], middle + 1.0, givens={middle: y * 2.0}, backend=backend)(3.0)) == 7.0
    assert float(function([], middle, givens=[(x, 0.0)], backend=backend)()) == 1.0


def test_data_may_change_their_shape_where_it_was_left_open(backend):
    series = pt.data("series", np.array([1.0, 2.0]), shape=(None,))
    x = pt.scalar("x")
    _, looped = pt.while_loop(lambda i, s: i < 2, lambda i, s: [i + 1, s + (series * x).sum()], [0, 0.0])
    f = function([x], [(series * x).sum(), looped], backend=backend)
    assert [float(v) for v in f(2.0)] == [6.0, 12.0]
    pt.set_data(series, [1.0, 2.0, 3.0])
    assert [float(v) for v in f(2.0)] == [12.0, 24.0]


def test_the_numpy_backend_keeps_every_value_when_asked():
    x = pt.vector("x")
    y = pt.exp(x)
    total = pt.log1p(y * 2.0).sum()
    f = function([x], total, backend="numpy", keep_values=True)
    for at in ([0.0, 1.0], [2.0, 3.0, 4.0]):
        f(at)
        assert {n.op.name for n in f.values} >= {"exp", "log1p", "sum"}
        exponential = next(v for n, v in f.values.items() if n.op.name == "exp")
        np.testing.assert_allclose(exponential, np.exp(at))
    with pytest.raises(CompileError, match="does not keep"):
        function([x], total, backend="jax", keep_values=True)


def test_arrays_that_a_kernel_reads_and_writes_do_not_overlap_in_part(backend):
    # Loops that carry flags of one byte beside numbers of eight: where a kernel reads the flags element by
    # element, the numbers that it writes must not lie over those that it has yet to read.
    share = pt.random.beta(pt.random.key(7), (4000,), 1.2, 0.7)
    counts = pt.random.binomial(pt.random.key(8), (4000,), 6.0, share)
    for got, should in zip(function([], [share, counts], backend=backend)(), (share.eval(), counts.eval())):
        assert np.isclose(got, should, rtol=1e-9).mean() > 0.999


def test_an_input_that_is_given_twice_is_refused():
    x, y = pt.scalar("x"), pt.scalar("y")
    with pytest.raises(CompileError, match="y.* is given twice among the inputs of function"):
        function([y, x, y], x + y, backend="numpy")
