"""Large graphs: loops of bounded size, C functions of bounded length, storage found in little time."""

import sys
import time

import numpy as np
import pytest
import scipy.special

import workbench.tensor as pt
from workbench.compile import function
from workbench.compile.c import printer as print_c
from workbench.compile.c import tables, toolchain
from workbench.compile.c.toolchain import find_compiler
from workbench.compile.loop_ir import loops as L
from workbench.compile.loop_ir import lower, parts
from workbench.compile.loop_ir.lower import lower as lowered
from workbench.compile.loop_ir.storage import plan
from workbench.compile.seldom import seldom_called
from workbench.graph import Graph, Mode
from workbench.transforms import grad

PLAIN = Mode(())
with_compiler = pytest.mark.skipif(find_compiler() is None, reason="no C compiler on this system")


@pytest.fixture
def small_parts(monkeypatch):
    """Everything is divided as if it were large."""
    for backend in parts.LENGTHS:
        monkeypatch.setitem(parts.LENGTHS, backend, parts.Lengths(6, 3))
    monkeypatch.setattr(lower, "KERNEL_NODES", 3)
    monkeypatch.setattr(lower, "SCALAR_NODES", 2)


def programs():
    x, i = pt.vector("x", 9), pt.tensor("i", "int64", (4,))
    cost = (pt.log1p(pt.exp(x)) * x[::-1]).sum() + pt.square(x[i]).sum() / (1.0 + pt.exp(x).sum())
    yield [x, i], [cost, grad(cost, x)]
    _, (walk,) = pt.scan(lambda c, e: ([0.5 * c + e], [c * x.sum()]), [0.0], [x])
    yield [x, i], [walk, pt.cond(walk.sum() > 0.0, lambda u: [u * 2.0], lambda u: [u - 1.0], [x])[0]]
    z = pt.vector("z", 9)
    yield [x, i], pt.region("part", Graph([z], [pt.exp(z).sum(), -z]), x * 2.0)
    total = x.sum()
    for k in range(30):
        total = pt.sin(total) + total * x[k % 9]
    yield [x, i], [total, pt.concatenate([x, pt.exp(x)]) * total, i + 1]


@pytest.mark.parametrize("case", range(4))
@pytest.mark.parametrize(("backend", "threads"), [pytest.param("c", 1, marks=with_compiler), pytest.param("c", 2, marks=with_compiler), ("numba", 1)])
def test_a_divided_program_does_what_the_whole_does(small_parts, case, backend, threads):
    inputs, outputs = list(programs())[case]
    values = np.linspace(-1.0, 1.0, 9), np.array([0, 8, -9, 3])
    wanted = function(inputs, outputs, backend="numpy", mode=PLAIN)(*values)
    f = function(inputs, outputs, backend=backend, threads=threads)
    for result, w in zip(f(*values), wanted):
        np.testing.assert_allclose(result, w, rtol=1e-13)
    assert "part1(" in f.source
    if case == 0:
        with pytest.raises(IndexError, match="index 9 is out of bounds for axis 0 of x"):
            f(values[0], [0, 1, 2, 9])


@with_compiler
def test_statements_that_differ_in_names_are_one_function(monkeypatch):
    seed, shapes = pt.tensor("seed", "uint64", ()), pt.vector("shapes", 5)
    own = pt.random.split(seed, 5)
    draws = [pt.random.gamma(own[k], (6 + k,), shapes[k], 1.0 + k) for k in range(5)]
    most = pt.stack([d.max() for d in draws]).max()  # In which order a sum adds up in a vector loop is the compiler's choice.
    values = np.uint64(7), np.array([0.4, 1.0, 2.5, 9.0, 0.7])
    monkeypatch.setitem(parts.LENGTHS, "c", parts.Lengths(10_000, 12))
    whole = function([seed, shapes], [*draws, most], backend="c")
    monkeypatch.setitem(parts.LENGTHS, "c", parts.Lengths(200, 12))
    f = function([seed, shapes], [*draws, most], backend="c")
    for found, wanted in zip(f(*values), whole(*values), strict=True):
        np.testing.assert_array_equal(found, wanted)
    assert whole.source.count("for (;;)") == 5 and f.source.count("for (;;)") == 1  # The loops of rejection.
    assert f.source.count("\n") < 0.6 * whole.source.count("\n")


@pytest.mark.parametrize("case", [0, 1, 3])
@with_compiler
def test_a_table_computes_what_lines_do(monkeypatch, case):
    inputs, outputs = list(programs())[case]
    values = np.linspace(-1.0, 1.0, 9), np.array([0, 8, -9, 3])
    wanted = function(inputs, outputs, backend="c")(*values)
    monkeypatch.setattr(tables, "LEAST", 1)
    f = function(inputs, outputs, backend="c")
    assert "order of a table" in f.source
    for result, w in zip(f(*values), wanted, strict=True):
        np.testing.assert_array_equal(result, w)


@pytest.mark.parametrize("largest", [4, 1])
@with_compiler
def test_a_table_in_a_loop_hands_on_what_the_next_step_reads(monkeypatch, largest):
    """Scalars of several dtypes are carried by a loop and changed by a branch; some are read before they are written again."""
    n = pt.scalar("n", dtype="int64")

    def step(i, a, b, odd):
        new = pt.tanh(a * 1.7 + b) + pt.switch(odd, 0.1, -0.3)
        (seen,) = pt.cond(odd, lambda x: [pt.exp(-x * x) + x], lambda x: [x / 3.0 - 1.0], [new])
        return [i + 1, b * 0.25 + seen, a, ~odd]

    carried = pt.while_loop(lambda i, a, b, odd: i < n, step, [pt.constant(0), pt.constant(0.5), pt.constant(-0.25), pt.constant(True)])
    wanted = function([n], carried, backend="c")(11)
    monkeypatch.setattr(tables, "LEAST", 1)
    monkeypatch.setattr(tables, "LARGEST", (largest,))
    f = function([n], carried, backend="c")
    assert f.source.count("order of a table") > 1
    for result, w in zip(f(11), wanted, strict=True):
        np.testing.assert_array_equal(result, w)
    a, b, odd = 0.5, -0.25, True
    for _ in range(11):
        new = np.tanh(a * 1.7 + b) + (0.1 if odd else -0.3)
        a, b, odd = b * 0.25 + (np.exp(-new * new) + new if odd else new / 3.0 - 1.0), a, not odd
    np.testing.assert_allclose([float(r) for r in f(11)], [11, a, b, odd], rtol=1e-12)


@with_compiler
def test_code_of_a_table_does_not_grow_with_its_rows(monkeypatch):
    monkeypatch.setattr(tables, "LEAST", 100)

    def lines(n):
        x = pt.scalar("x")
        y = x
        for k in range(n):
            y = pt.sin(y) * (0.2 + 0.001 * k) + pt.log1p(pt.exp(y * 0.3)) * 0.5
        f = function([x], [y, grad(y, x)], backend="c")
        np.testing.assert_allclose(f(0.3), function([x], [y, grad(y, x)], backend="numpy")(0.3), rtol=1e-9)
        return f.source.count("\n")

    assert lines(240) < 1.1 * lines(60)


@with_compiler
def test_long_code_is_compiled_for_less_and_has_the_same_values(monkeypatch):
    x = pt.vector("x", 9)
    y = pt.sin(x[0] * 1.1) + pt.exp(x[1])
    for k in range(20):
        y = pt.log1p(pt.exp(y * 0.3)) * x[k % 9] + pt.tanh(y)
    values, outputs = np.linspace(-1.0, 1.0, 9), [y, *grad(y, [x]), pt.exp(x * y).sum()]
    wanted = function([x], outputs, backend="c")(values)
    asked = []
    run = toolchain.Compiler._run
    monkeypatch.setattr(toolchain, "LONG", 0)
    monkeypatch.setattr(toolchain, "LINES_TO_A_LOOP", 0)
    monkeypatch.setattr(toolchain.Compiler, "_run", lambda self, code, target, flags: asked.append(flags) or run(self, code, target, flags))
    for found, w in zip(function([x], outputs, backend="c")(values), wanted):
        np.testing.assert_array_equal(found, w)
    assert all("-O1" in flags and "-O3" not in flags for flags in asked) and asked


@with_compiler
def test_long_code_that_calls_others_is_compiled_for_less_and_they_are_not(monkeypatch):
    x, z = pt.vector("x", 9), pt.vector("z", 9)
    total = pt.region("called", Graph([z], [(pt.exp(z) * z).sum()]), pt.tanh(x))
    outputs = [total * x, pt.log1p(pt.exp(x)).sum()]
    values = np.linspace(-1.0, 1.0, 9)
    wanted = function([x], outputs, backend="c")(values)
    asked = []
    run = toolchain.Compiler._run
    monkeypatch.setattr(toolchain, "LONG_CALLER", 0)
    monkeypatch.setattr(toolchain.cache, "_intact", lambda path, mark: False)
    monkeypatch.setattr(toolchain.Compiler, "_run", lambda self, code, target, flags: asked.append((toolchain.CALL in code, "-O1" in flags)) or run(self, code, target, flags))
    for found, w in zip(function([x], outputs, backend="c")(values), wanted):
        np.testing.assert_array_equal(found, w)
    assert set(asked) == {(True, True), (False, False)}


def test_loops_and_functions_have_a_bounded_size():
    x = pt.vector("x", 50)
    total = x.sum()
    for k in range(300):
        total = total + pt.log1p(pt.exp(x * float(k))).sum()
    program = lowered(Graph([x], [total]), "wide")
    kernels = [s for s in L.walk(program.body) if isinstance(s, L.Kernel)]
    assert max(len(k.lines) + len(k.folds) for k in kernels) <= 2 * lower.KERNEL_NODES
    code = print_c.print_c(program, plan(program)).with_vector_forms(()).code
    functions = code.split("static __attribute__((noinline))")[1:]
    assert len(functions) > 2 and max(f.count("\n") for f in functions) < 3 * parts.LENGTHS["c"].longest


def test_storage_of_many_arrays_is_found_in_little_time():
    x = pt.vector("x", 40)
    parts = [pt.exp(x * float(k)) for k in range(400)]
    outputs = [p[::-1] + q for p, q in zip(parts, parts[::-1])]
    program = lowered(Graph([x], outputs), "many")
    begin = time.process_time()
    storage = plan(program)
    assert time.process_time() - begin < 10.0  # Where each is tried at every place, it takes a minute.
    assert storage.arena >= 400 * 40 * 8


def test_storage_of_many_arrays_that_a_loop_carries_is_found_in_little_time(monkeypatch):
    monkeypatch.delenv("WORKBENCH_CHECK")
    k = 1500
    n, rows = pt.scalar("n", "int64"), pt.matrix("rows", 5, k)
    start = [0, *[pt.zeros(5)] * k]
    _, *filled = pt.while_loop(lambda i, *ys: i < n, lambda i, *ys: [i + 1, *(y[i].set(rows[i, j]) for j, y in enumerate(ys))], start)
    program = lowered(Graph([n, rows], filled), "carried")
    begin = time.process_time()
    storage = plan(program)
    assert time.process_time() - begin < 2.0  # It takes 0.05 seconds; pair by pair, 10.
    copies = [s for loop in program.body if isinstance(loop, L.Loop) for s in L.walk(loop.body) if isinstance(s, L.Copy)]
    assert copies and storage.arena == 64 and not any(a.size == 5 and isinstance(b, L.Buffer) for s in copies for a, b in s.pairs)


@with_compiler
def test_an_index_is_checked_once_in_a_loop():
    x, i = pt.matrix("x", 5, 3), pt.scalar("i", "int64")
    f = function([x, i], x[i, 0] + x[i, 1] * x[i, 2], backend="c")
    assert f.source.count("fault[2] =") == 1
    with pytest.raises(IndexError, match="index 7 is out of bounds for axis 0 of x, which has length 5"):
        f(np.ones((5, 3)), 7)


@with_compiler
def test_what_is_called_seldom_is_compiled_for_less(monkeypatch):
    asked = []
    run = toolchain.Compiler._run
    monkeypatch.setattr(toolchain.Compiler, "_run", lambda self, code, target, flags: asked.append(flags) or run(self, code, target, flags))
    x = pt.vector("x", 9)
    with seldom_called():
        f = function([x], pt.exp(x * 1.2345).sum(), backend="c", name="seldom")
    g = function([x], pt.exp(x * 1.2345).sum(), backend="c", name="seldom")
    assert [flags[0] for flags in asked] == ["-O1", "-O3"]
    given = np.linspace(-1.0, 1.0, 9)
    np.testing.assert_allclose(f(given), g(given), rtol=1e-15)


@with_compiler
def test_a_long_chain_compiles():
    x = pt.vector("x", 10)
    y = x
    for k in range(3000):
        y = y * 1.0001 + float(k % 7) if k % 2 else pt.sin(y) + x
    f = function([x], y, backend="c", mode=PLAIN)
    given = np.linspace(0.0, 1.0, 10)
    np.testing.assert_allclose(f(given), function([x], y, backend="numpy", mode=PLAIN)(given), rtol=1e-10)


def test_the_gradient_of_a_long_chain_takes_steps_in_proportion():
    def steps(n):
        x = pt.vector("x")
        y = x
        for _ in range(n):
            y = pt.sin(y) + x
        total = pt.sum(y)
        count = 0

        def line(frame, event, argument):
            nonlocal count
            count += 1
            return line

        sys.settrace(line)
        try:
            grad(total, x)
        finally:
            sys.settrace(None)
        return count

    # Eight times the length: sixty-four times as many lines of Python, if each step looked back over all before it.
    assert steps(800) < 10 * steps(100)


@with_compiler
def test_functions_whose_names_end_in_numbers_are_told_apart(small_parts):
    functions = {pt.exp2: np.exp2, pt.log2: np.log2, pt.j0: scipy.special.j0, pt.j1: scipy.special.j1}
    inputs = [pt.vector(f"x{k}", 6 + k) for k in range(len(functions))]
    values = [np.linspace(0.5, 2.0, 6 + k) for k in range(len(functions))]
    made = function(inputs, [f(x) for f, x in zip(functions, inputs)], backend="c")(*values)
    for found, f, value in zip(made, functions.values(), values, strict=True):
        np.testing.assert_allclose(found, f(value), rtol=1e-13)
