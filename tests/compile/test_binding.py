"""Functions bound to the data of one moment: code compiled once for all lengths, linked with any of them."""

import pickle

import numpy as np
import pytest

import workbench.tensor as pt
from workbench.compile import cache, function
from workbench.errors import CompileError, ShapeError
from workbench.tensor.tensor import set_data

BACKENDS = ("numpy", "c", "jax", "numba")
ONE, TWO = np.array([1.0, -2.0, 3.0]), np.array([5.0, 7.0, -1.0, 2.0, 4.0])


def weighted(backend):
    """`w` times the sum of (x - q)**2, of data `x` of any length and a number `w`."""
    x, w, q = pt.data("x", ONE, shape=(None,)), pt.data("w", 2.0), pt.scalar("q")
    return x, w, function([q], w * pt.sum((x - q) ** 2), backend=backend, name="weighted")


@pytest.mark.parametrize("backend", BACKENDS)
def test_new_data_make_no_difference_to_what_is_bound(backend):
    x, w, f = weighted(backend)
    then = f.bound()
    set_data(x, TWO)
    set_data(w, 10.0)
    later = f.bound()
    set_data(x, ONE[:0])
    assert float(then(1.0)) == 2.0 * 13.0
    assert float(later(1.0)) == 10.0 * np.sum((TWO - 1.0) ** 2)
    assert float(f(1.0)) == 0.0 and float(f.bound()(1.0)) == 0.0
    assert float(f.bound({x: TWO[:1]})(1.0)) == 10.0 * 16.0
    assert later.bound() is later
    assert float(then.graph.run("numpy", 1.0)[0]) == 26.0


@pytest.mark.parametrize("backend", ["c", "numba"])
def test_nothing_is_compiled_for_other_lengths(backend):
    x, _, f = weighted(backend)
    f(1.0)
    built = cache.statistics.built
    for n in (0, 1, 2, 50):
        set_data(x, np.arange(n) * 1.0)
        assert float(f.bound()(1.0)) == float(f(1.0)) == 2.0 * np.sum((np.arange(n) - 1.0) ** 2)
    assert cache.statistics.built == built and f.compilations == f.bound().compilations == 1


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_is_bound_has_lengths_that_are_known_and_fills_a_slot(backend):
    x = pt.data("x", ONE, shape=(None,))
    q = pt.tensor("q", "float64", x.type.shape)
    f = function([q], [pt.sum(q * x), q + x], backend=backend, name="f")
    u = pt.vector("u")
    total, moved = pt.slot("f", [pt.scalar("t").type, u.type], u)
    around = function([u], total + pt.sum(moved), backend=backend, name="around")
    with pytest.raises(CompileError, match=r"bound"):
        around.link(f=f)
    for values in (ONE, TWO, TWO[:1], TWO[:0]):
        set_data(x, values)
        there = around.link(f=f.bound())
        set_data(x, np.zeros(2))
        start = np.arange(len(values)) + 0.5
        np.testing.assert_allclose(there(start), np.sum(start * values) + np.sum(start + values), rtol=1e-14)
        with pytest.raises(ShapeError):
            there(np.zeros(len(values) + 1))
    assert around.compilations <= 1


@pytest.mark.parametrize("backend", BACKENDS)
def test_data_inside_loops_are_bound_too(backend):
    rate, q = pt.data("rate", 2.0), pt.scalar("q")
    _, end = pt.while_loop(lambda i, s: i < 3, lambda i, s: (i + 1, s * rate), [0, q])
    f = function([q], end, backend=backend, name="growth")
    then = f.bound()
    set_data(rate, 10.0)
    assert (float(then(1.0)), float(f(1.0))) == (8.0, 1000.0)
    assert float(then.graph.run("numpy", 1.0)[0]) == 8.0


@pytest.mark.parametrize("backend", BACKENDS)
def test_lengths_by_values_of_data_are_bound(backend):
    x, n, chosen = pt.data("x", TWO, shape=(None,)), pt.data("n", np.int64(2)), pt.data("chosen", TWO > 2, shape=(None,))
    q = pt.scalar("q")
    f = function([q], [q * x[:n], q + x[chosen]], backend=backend, name="parts")
    then = f.bound()
    set_data(n, np.int64(4))
    set_data(chosen, TWO < 0)
    for values, wanted in ((then(2.0), (2 * TWO[:2], 2 + TWO[TWO > 2])), (f.bound()(2.0), (2 * TWO[:4], 2 + TWO[TWO < 0])), (f(2.0), (2 * TWO[:4], 2 + TWO[TWO < 0]))):
        for found, expected in zip(values, wanted, strict=True):
            np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("backend", BACKENDS)
def test_data_that_disagree_cannot_be_bound(backend):
    x, y, q = pt.data("x", ONE, shape=(None,)), pt.data("y", ONE, shape=(None,)), pt.scalar("q")
    f = function([q], pt.sum(x * y) * q, backend=backend, name="f")
    set_data(x, TWO)
    with pytest.raises(ShapeError, match=r"5.*3|3.*5"):
        f.bound()


@pytest.mark.parametrize("backend", ["numpy", "c"])
def test_functions_that_are_not_of_data_alone_cannot_be_bound(backend):
    x, q = pt.data("x", ONE, shape=(None,)), pt.vector("q")
    with pytest.raises(CompileError, match="cannot be bound"):
        function([q], x.sum() + q[q > 0].sum(), backend=backend).bound()
    with pytest.raises(CompileError, match="cannot be bound"):
        function([], x, updates={x: x + 1.0}, backend=backend).bound()


@pytest.mark.parametrize("backend", ["numpy", "c"])
def test_a_bound_function_is_the_same_after_a_pickle(backend):
    x, _, f = weighted(backend)
    then = f.bound()
    set_data(x, TWO)
    read, there = pickle.loads(pickle.dumps((then, f)))
    assert float(read(1.0)) == 26.0 and float(there(1.0)) == float(f(1.0))


def test_code_for_short_lengths_of_bound_data_is_the_same_function():
    from workbench.compile.c.short_lengths import OFTEN
    from workbench.compile.c.toolchain import find_compiler

    if find_compiler() is None:
        pytest.skip("no C compiler on this system")
    x, _, f = weighted("c")
    then = f.bound()
    set_data(x, TWO)
    assert all(float(then(1.0)) == 26.0 for _ in range(3 * OFTEN))
