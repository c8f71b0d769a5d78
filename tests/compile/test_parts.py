"""Programs in parts: what is alike is one function, what is not is not; clocks, lines of code and messages are those of the whole."""

import numpy as np
import pytest

import workbench.tensor as pt
from workbench.compile import function
from workbench.compile.c.toolchain import find_compiler
from workbench.compile.listing import listing_of
from workbench.compile.loop_ir import loops as L
from workbench.compile.loop_ir import parts
from workbench.compile.loop_ir.lower import lower
from workbench.compile.loop_ir.storage import plan
from workbench.graph import Graph, Mode

PLAIN = Mode(())
BACKENDS = [pytest.param("c", marks=pytest.mark.skipif(find_compiler() is None, reason="no C compiler on this system")), "numba"]


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    """Everything is divided, and statements of a line or more that repeat are one function."""
    for backend in parts.LENGTHS:
        monkeypatch.setitem(parts.LENGTHS, backend, parts.Lengths(2, 1))


def x(k, n=None, dtype="float64"):
    """Loops over other lengths are others."""
    return pt.tensor(f"x{k}", dtype, (6 + k if n is None else n,))


TEST = x("t", 7, "bool")
UNLIKE = {
    "functions": [pt.exp2(x(0)), pt.log2(x(1)), pt.j0(x(2)), pt.j1(x(3))],
    "numbers": [x(0) * 2.0, x(1) * 3.0, x(2) * -2.0],
    "a number's sign": [pt.copysign(x(0), 0.0), pt.copysign(x(1), -0.0)],
    "dtypes": [x(0) + 1.0, x(2, dtype="float32") + 1.0, x(4, dtype="int64") + 1, x(5, dtype="int32") + 1],
    "dtypes of operands": [pt.cast(x(0, dtype="int32"), "float64") * 3.0, pt.cast(x(2, dtype="int64"), "float64") * 3.0],
    "one of them twice": [x(0, 6) * x(1, 6), x(2) * x(2), x(3) * x(3)],
    "steps": [pt.exp(x(0, 9)[::2]), pt.exp(x(1, 18)[::3]), pt.exp(x(2, 7)[::-1])],
    "quotients and remainders": [pt.exp(pt.tile(x(0, 6), 5)), pt.exp(pt.repeat(x(1, 7), 5))],
    "which axis": [pt.tensor("a", "float64", (5, 6)) * x(0, 6)[None], pt.tensor("b", "float64", (6, 7)) * x(1, 6)[:, None]],
    "orders of axes": [pt.sum(pt.tensor("a", "float64", (5, 6)), axis=0), pt.sum(pt.tensor("b", "float64", (6, 5)), axis=1)],
    "short lengths": [x(0, 3).sum(), x(1, 4).sum(), x(2, 6).sum(), x(3, 7).sum()],
    "truth values as masks": [pt.where(TEST, x(0, 7), 1.0), pt.where(pt.constant(np.arange(8) % 2 == 0), x(1, 8), 1.0)],
    "sums and products": [x(0).sum(), x(1).prod(), x(2).max()],
    "regions": [pt.region("one", Graph([u := x("u", 6)], [u * 2.0]), x(0))[0], pt.region("two", Graph([w := x("w", 7)], [w + 2.0]), x(1))[0]],
    "library functions": [pt.linalg.cholesky(pt.tensor("a", "float64", (3, 3))), pt.linalg.cholesky(pt.tensor("b", "float64", (5, 5)))],
}


def leaves(outputs):
    from workbench.graph.expr import Input
    from workbench.graph.traverse import topological

    return [e for e in topological(outputs) if isinstance(e.op, Input)]


def value_of(e, rng):
    shape = e.type.shape
    if e.dtype == "bool":
        return rng.uniform(size=shape) < 0.5
    if len(shape) == 2 and shape[0] == shape[1]:
        a = rng.normal(size=shape)
        return a @ a.T + np.eye(shape[0])
    return (rng.uniform(0.5, 2.0, shape) * 5).astype(e.dtype)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("what", UNLIKE)
def test_what_differs_in_more_than_names_is_not_one_function(backend, what):
    outputs = UNLIKE[what]
    inputs = leaves(outputs)
    rng = np.random.default_rng(3)
    given = [value_of(e, rng) for e in inputs]
    f = function(inputs, outputs, backend=backend)
    assert "part0(" in f.source
    for found, wanted in zip(f(*given), function(inputs, outputs, backend="numpy", mode=PLAIN)(*given), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-6 if found.dtype == "float32" else 1e-12)


@pytest.mark.parametrize("backend", BACKENDS)
def test_checks_of_alike_statements_say_which_failed(backend):
    xs, rows = [x(k, 5 + k) for k in range(3)], [pt.tensor(f"at{k}", "int64", (5 + k,)) for k in range(3)]
    f = function([*xs, *rows], [pt.square(x[at]) for x, at in zip(xs, rows)], backend=backend)
    given = [np.arange(5.0 + k) for k in range(3)]
    good = [[0, -1, 4, 2, 3], [5, 0, -6, 1, 1, 2], [6, 2, -7, 1, 0, 0, 3]]
    for found, value, at in zip(f(*given, *good), given, good, strict=True):
        np.testing.assert_array_equal(found, value[at] ** 2)
    for k in range(3):
        for wrong in (5 + k, -6 - k):
            with pytest.raises(IndexError, match=f"index {wrong} is out of bounds for axis 0 of x{k}, which has length {5 + k}"):
                f(*given, *(at[:-1] + [wrong] if i == k else at for i, at in enumerate(good)))


@pytest.mark.parametrize("backend", BACKENDS)
def test_loops_that_are_alike_are_one_function_of_several(backend):
    n, xs = pt.scalar("n", dtype="int64"), [x(k) for k in range(3)]

    def halved(i, y, total):
        """Parts of a part: what differs from loop to loop is handed on to them."""
        y = pt.tanh(y * 0.5) + y[::-1]
        return [i + 1, y, pt.cond(total > 1.0, lambda t: [pt.exp(-t) + y.sum()], lambda t: [t + pt.prod(y)], [total])[0]]

    loops = [pt.while_loop(lambda i, y, total: i < n, halved, [0, x, pt.constant(0.5)])[1:] for x in xs]
    outputs = [r for some in loops for r in some]
    given = [np.array(5), *(np.linspace(0.1, 1.0, 6 + k) for k in range(3))]
    f = function([n, *xs], outputs, backend=backend)
    assert f.source.count("while True:" if backend == "numba" else "for (;;)") == 1
    for found, wanted in zip(f(*given), function([n, *xs], outputs, backend="numpy", mode=PLAIN)(*given), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-12)


def test_statements_that_differ_in_names_and_lengths_are_one_part():
    xs = [x(k, 6 + k) for k in range(4)]
    program = lower(Graph(xs, [pt.tanh(x).sum() * 2.0 for x in xs]), "alike")
    made = parts.divided(program.body, plan(program), parts.Lengths(5, 6))
    called = [s for s in L.walk(made.body) if isinstance(s, L.Do) and len(s.part.parameters) > 1]
    inner = [s for p in made.parts for s in L.walk(p.body) if isinstance(s, L.Do) and len(s.part.parameters) > 1]
    shared = {s.part.name for s in (*called, *inner)}
    assert len(shared) == 1 and len(called) + len(inner) == 4
    arguments = [tuple(a.name if isinstance(a, L.Buffer) else a for a in s.arguments) for s in (*called, *inner)]
    assert len(set(arguments)) == 4 and all({f"in{k}", 6 + k} <= set(some) for k, some in enumerate(sorted(arguments)))


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_profile_of_parts_counts_each_statement_by_itself(backend):
    n, xs = pt.scalar("n", dtype="int64"), [x(k, 600 + k) for k in range(3)]
    total = pt.while_loop(lambda i, y: i < n, lambda i, y: [i + 1, y * 0.5 + pt.tanh(xs[0] * y).sum()], [0, pt.constant(1.0)])[1]
    f = function([n, *xs], [total, *(pt.exp(x).sum() for x in xs)], backend=backend)
    given = [np.array(7), *(np.linspace(0.0, 1.0, 600 + k) for k in range(3))]
    profile = f.profile(*given, calls=20)
    told = [(line.what, line.times) for line in profile.lines if line.kind == "loop"]
    assert sum(times == 7.0 and "tanh" in what for what, times in told) == 1
    assert sum(times == 1.0 and "exp" in what for what, times in told) == 3
    # Each line that is there leads to what it computes.
    lines = listing_of(f)
    for line in profile.lines:
        if line.kind == "loop" and "tanh" in line.what:
            assert any(code.statement == line.statement and code.of is not None and any(code.of is e for e in line.computes) for code in lines)
