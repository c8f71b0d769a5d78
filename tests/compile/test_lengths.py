"""Code that takes lengths as arguments: compiled once, right for every length, 0 and 1 among them."""

import numpy as np
import pytest

import workbench.tensor as pt
from workbench.compile import cache, function
from workbench.compile.c.toolchain import find_compiler
from workbench.compile.loop_ir.lower import lower
from workbench.compile.loop_ir.storage import plan
from workbench.errors import IndexBoundsError, ShapeError
from workbench.graph import Graph
from workbench.graph.expr import Input, intern
from workbench.graph.lengths import named, number, symbols
from workbench.graph.types import TensorType

n, m, k = named("n"), named("m"), named("k")


def given(name, *shape, dtype="float64"):
    made = intern(Input(name, TensorType(dtype, shape)))
    made.name = name
    return made


x, y, A, b, i = given("x", n), given("y", n), given("A", n, m), given("b", m), given("i", k, dtype="int64")
LENGTHS = [(5, 3, 7), (0, 0, 0), (1, 1, 1), (2, 2, 5), (0, 3, 0), (3, 0, 2), (1000, 17, 30), (5, 3, 7)]


def values(rng, inputs, lengths):
    sizes = dict(zip("nmk", lengths))
    for v in inputs:
        shape = tuple(sizes[str(s)] for s in v.type.shape)
        yield rng.integers(-sizes["n"], max(sizes["n"], 1), shape) if v.dtype == "int64" else rng.normal(size=shape)


CASES = {
    "elementwise": ([x, y], [pt.exp(x) * y + 1.0, (x * y).sum(), pt.sum(pt.exp(-x * x))],
                    lambda x, y: [np.exp(x) * y + 1.0, (x * y).sum(), np.exp(-x * x).sum()]),
    "reductions": ([A, b], [A @ b, A.sum(0), A.sum(1), (A * b).sum(), A.T * 2.0, A.T.sum(0)],
                   lambda A, b: [A @ b, A.sum(0), A.sum(1), (A * b).sum(), A.T * 2.0, A.T.sum(0)]),
    "gathers": ([x, i], [x[i], x[i].sum(), pt.exp(x)[i] * 2.0], lambda x, i: [x[i], x[i].sum(), np.exp(x)[i] * 2.0]),
    "products": ([A], [A @ A.T, A.T @ A], lambda A: [A @ A.T, A.T @ A]),
    "parts": ([x, b], [pt.concatenate([x, b * 2.0, pt.exp(x)])], lambda x, b: [np.concatenate([x, b * 2.0, np.exp(x)])]),
    "order": ([A], [pt.argsort(A, axis=1), pt.where(A > 0.0, A, 0.5)], lambda A: [np.argsort(A, 1), np.where(A > 0.0, A, 0.5)]),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("backend", ["numpy", "c", "numba"])
def test_one_compiled_function_is_right_for_every_length(backend, case):
    if backend == "c" and find_compiler() is None:
        pytest.skip("no C compiler on this system")
    inputs, outputs, wanted = CASES[case]
    f = function(inputs, outputs, backend=backend)
    built = cache.statistics.built
    for lengths in LENGTHS:
        arrays = [*values(np.random.default_rng(0), inputs, lengths)]
        for made, right in zip(f(*arrays), wanted(*arrays), strict=True):
            assert made.shape == np.shape(right)
            np.testing.assert_allclose(made, right, rtol=1e-13, atol=1e-13, err_msg=str(lengths))
    assert f.compilations == 1 and cache.statistics.built == built


@pytest.mark.parametrize("backend", ["c", "numba"])
def test_an_index_out_of_bounds_is_told_with_the_length_of_the_call(backend):
    if backend == "c" and find_compiler() is None:
        pytest.skip("no C compiler on this system")
    f = function([x, i], x[i], backend=backend)
    for length in (3, 5):
        assert f(np.arange(float(length)), [-length, length - 1]).tolist() == [0.0, length - 1.0]
        with pytest.raises(IndexBoundsError, match=rf"index {length} is out of bounds for axis 0 of x, which has length {length}"):
            f(np.arange(float(length)), [length])
    with pytest.raises(IndexBoundsError):
        f(np.zeros(0), [0])


@pytest.mark.parametrize("backend", ["numpy", "c", "numba"])
def test_lengths_that_disagree_are_an_error_with_both_variables_and_values(backend):
    if backend == "c" and find_compiler() is None:
        pytest.skip("no C compiler on this system")
    f = function([x, y], (x * y).sum(), backend=backend)
    for shapes in ((3, 4), (3, 1), (0, 1)):
        with pytest.raises(ShapeError) as raised:
            f(*map(np.zeros, shapes))
        assert all(part in str(raised.value) for part in ("x", "y", *map(str, shapes)))


def test_generated_code_names_lengths_and_does_not_depend_on_their_names():
    if find_compiler() is None:
        pytest.skip("no C compiler on this system")
    codes = []
    for name in ("county", "school"):
        length = named(name)
        v, w = given("v", length), given("w", length + 1)
        f = function([v, w], [pt.exp(v) * 2.0, w.sum()], backend="c")
        assert f"// {name}\n" in f.source and f"// {name} + 1\n" in f.source
        before = cache.statistics.built
        function([v, w], [pt.exp(v) * 2.0, w.sum()], backend="c")
        assert cache.statistics.built == before
        codes.append(f.source.replace(name, "NAME"))
    assert codes[0] == codes[1]


def test_what_a_loop_does_not_need_at_the_same_time_shares_memory_at_every_length():
    program = lower(Graph([A], [pt.exp(A @ A.T) @ A, (A @ A.T).sum()]), "f")
    storage = plan(program)
    for lengths in ({"n": 4, "m": 3}, {"n": 300, "m": 2}):
        found = storage.at({s: lengths[s.name] for s in program.lengths})
        assert len(found) > len(lengths)


def test_a_matrix_of_open_rows_is_read_once_a_block():
    from workbench.compile.loop_ir import loops as L

    rate = pt.sigmoid(A @ b)
    program = lower(Graph([A, b], [rate.sum(), (A * pt.expand_dims(rate, 1)).sum(0)]), "f")
    (blocked,) = [s for s in program.body if isinstance(s, L.Blocked)]
    assert blocked.extent is n
    rows = {
        (r, c): number(blocked.rows, {s: {"n": r, "m": c}[s.name] for s in symbols(blocked.rows)})
        for r, c in ((20_000, 50), (100, 3), (0, 5), (7, 0))
    }
    assert rows[20_000, 50] == 4096 // 50 and rows[100, 3] >= 100 and min(rows.values()) >= 8


def test_threads_share_out_rows_of_every_number():
    if find_compiler() is None:
        pytest.skip("no C compiler on this system")
    f = function([A, b], [(A @ b).sum(), pt.exp(A).sum(0), A.T @ (A @ b)], backend="c", threads=3)
    for rows, columns in ((0, 0), (0, 3), (3, 0), (1, 1), (7, 2), (20_000, 3), (100, 100)):
        v, w = np.random.default_rng(0).normal(size=(rows, columns)), np.ones(columns)
        for made, right in zip(f(v, w), [(v @ w).sum(), np.exp(v).sum(0), v.T @ (v @ w)], strict=True):
            np.testing.assert_allclose(made, right, rtol=1e-10, atol=1e-10)
    assert f.compilations == 1


def test_explain_says_which_lengths_are_arguments():
    assert "lengths that are arguments of the code: n" in function([x, y], x * y, backend="numpy").explain()
    assert "all lengths are numbers" in function([pt.vector("z", 3)], pt.constant(1.0), backend="numpy").explain()


def test_what_is_called_often_with_short_lengths_is_compiled_for_them_if_that_is_faster(monkeypatch):
    if find_compiler() is None:
        pytest.skip("no C compiler on this system")
    monkeypatch.setattr("workbench.compile.c.backend.OFTEN", 20)
    f = function([A, b], [(A @ b).sum(), (A * (A @ b).sum()).sum(0)], backend="c")
    rng = np.random.default_rng(0)
    arrays = rng.normal(size=(2000, 3)), rng.normal(size=3)
    right = [(arrays[0] @ arrays[1]).sum()]
    right.append((arrays[0] * right[0]).sum(0))
    (compiled,) = f._compiled.values()
    for gain, kept in ((5.0, "m = 3"), (0.5, "")):
        monkeypatch.setattr("workbench.compile.c.backend.gain", lambda old, new, values, gain=gain: gain)
        compiled.gains.clear()
        compiled._ways.clear()
        f._enter = None
        for _turn in range(3):
            for _ in range(25):
                for made, wanted in zip(f(*arrays), right, strict=True):
                    np.testing.assert_allclose(made, wanted, rtol=1e-12)
            for trial in compiled._trials.values():
                trial.result(60)
        assert (f"compiled for {kept} too, where that is 5.0 times faster" in f.explain()) == bool(kept)
    assert len(compiled._trials) == 1


def weighted(A, s):
    """Rows times what a loop makes of their sums: in the loop, lengths are asked of a matrix from outside."""
    row = pt.exp(s * pt.sum(A, axis=1))
    return pt.sum(row[:, None] * A) / pt.cast(A.shape[0] * A.shape[1] // 2 + 1, "float64")


@pytest.mark.parametrize("backend", ["numpy", "c", "jax"])
@pytest.mark.parametrize("kind", ["loop", "branch"])
def test_a_length_asked_inside_is_that_of_what_comes_from_outside(backend, kind):
    if backend == "c" and find_compiler() is None:
        pytest.skip("no C compiler on this system")
    s = pt.scalar("s")
    if kind == "loop":
        end = pt.while_loop(lambda i, s: i < 3, lambda i, s: [i + 1, s + 0.1 * weighted(A, s)], [0, s])[1]
    else:
        (end,) = pt.cond(s > 0.0, lambda s: [s + weighted(A, s)], lambda s: [s], [s])
    f = function([A, s], end, backend=backend)
    for shape in ((3, 2), (1, 5), (0, 2), (4, 1)):
        a = np.random.default_rng(1).normal(size=shape)
        right = 0.3
        for _ in range(3 if kind == "loop" else 1):
            change = (np.exp(right * a.sum(1))[:, None] * a).sum() / (a.shape[0] * a.shape[1] // 2 + 1)
            right += (0.1 if kind == "loop" else 1.0) * change
        np.testing.assert_allclose(f(a, 0.3), right, rtol=1e-12)
