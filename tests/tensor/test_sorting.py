"""Sorting, searching and counting against NumPy on every backend; gradients; run-time lengths; errors."""

import numpy as np
import pytest

import workbench.tensor as pt
from workbench.compile import function
from workbench.errors import DTypeError, ShapeError
from workbench.graph import Mode
from workbench.transforms import grad

PLAIN = Mode(())
RNG = np.random.default_rng(0)
M = RNG.normal(size=(3, 5))
TIES = np.array([[3.0, 1.0, 3.0, np.nan, -1.0], [0.0, 0.0, -0.0, 2.0, 2.0], [1.0, 1.0, 1.0, 1.0, 1.0]])
I = RNG.integers(0, 6, 12)  # noqa: E741
EDGES = np.array([-1.0, 0.0, 0.5, 2.0])


def test_sorting_agrees_with_numpy(backend):
    x = pt.matrix("x", 3, 5)
    outputs, wanted = [], []
    for axis in (-1, 0, None):
        outputs += [pt.sort(x, axis=axis), pt.argsort(x, axis=axis)]
    f = function([x], outputs, backend=backend)
    for value in (M, TIES):
        wanted = [w for axis in (-1, 0, None) for w in (np.sort(value, axis), np.argsort(value, axis, kind="stable"))]
        for result, true in zip(f(value), wanted):
            assert result.dtype == true.dtype
            np.testing.assert_array_equal(result, true)


def test_searching_agrees_with_numpy(backend):
    a, v = pt.vector("a", 4), pt.matrix("v", 3, 5)
    outputs = [pt.searchsorted(a, v), pt.searchsorted(a, v, side="right"), pt.searchsorted(a[::-1], v, sorter=[3, 2, 1, 0]), pt.digitize(v, a), pt.digitize(v, a[::-1], right=True), pt.histogram(v, a)[0]]
    value = M.copy()
    value[0, :4] = EDGES
    wanted = [np.searchsorted(EDGES, value), np.searchsorted(EDGES, value, "right"), np.searchsorted(EDGES[::-1], value, sorter=[3, 2, 1, 0]), np.digitize(value, EDGES), np.digitize(value, EDGES[::-1], right=True), np.histogram(value, EDGES)[0]]
    for result, true in zip(function([a, v], outputs, backend=backend)(EDGES, value), wanted):
        assert result.dtype == true.dtype
        np.testing.assert_array_equal(result, true)


def test_counting_a_constant_agrees_with_numpy(backend):
    w = pt.vector("w", 12)
    weights = RNG.normal(size=12)
    outputs = [pt.bincount(I), pt.bincount(I, minlength=9), pt.bincount(I, w), pt.bincount([True, False, True]), grad(pt.sum(pt.bincount(I, w) ** 2.0), w)]
    wanted = [np.bincount(I), np.bincount(I, minlength=9), np.bincount(I, weights), np.array([1, 2]), 2 * np.bincount(I, weights)[I]]
    for result, true in zip(function([w], outputs, backend=backend)(weights), wanted):
        np.testing.assert_allclose(result, true, rtol=1e-13)


def test_lengths_that_depend_on_values_are_found_before_compiled_code_is_entered():
    i, x, w = pt.lvector("i", 12), pt.matrix("x", 3, 5), pt.vector("w", 12)
    value = np.where(np.abs(M) < 0.5, 0.0, M)
    weights = RNG.normal(size=12)
    unique = pt.unique(i, return_index=True, return_inverse=True, return_counts=True)
    outputs = [
        pt.bincount(i), pt.bincount(i, minlength=9), pt.bincount(i, w), *unique, pt.unique(x), *pt.nonzero(x), pt.flatnonzero(x), pt.argwhere(x), *pt.where(x > 0), *x.nonzero(),
        pt.unique(x, return_inverse=True)[1], pt.repeat(w, i),
    ]  # fmt: skip
    wanted = [
        np.bincount(I), np.bincount(I, minlength=9), np.bincount(I, weights), *np.unique(I, True, True, True), np.unique(value), *np.nonzero(value), np.flatnonzero(value), np.argwhere(value), *np.where(value > 0), *value.nonzero(),
        np.unique(value, return_inverse=True)[1], np.repeat(weights, I),
    ]  # fmt: skip
    f = function([i, x, w], outputs, backend="numpy")
    for result, true in zip(f(I, value, weights), wanted, strict=True):
        assert result.shape == true.shape and result.dtype == true.dtype
        np.testing.assert_array_equal(result, true)
    for y in (pt.bincount(i), pt.unique(i), pt.nonzero(i)[0], pt.repeat(w, i)):
        assert y.type.is_open
        for name in ("c", "jax"):
            np.testing.assert_array_equal(function([i, w], y * 2, backend=name)(I, weights), function([i, w], y * 2, backend="numpy")(I, weights))


def test_what_is_chosen_of_constants_has_a_known_length(backend):
    rows, columns = pt.nonzero(np.array([[0, 1], [2, 0]]))
    assert rows.type.shape == (2,)
    results = function([], [rows, columns, pt.flatnonzero(np.array([0, 3, 0, 1]))], backend=backend)()
    assert [r.tolist() for r in results] == [[0, 1], [1, 0], [1, 3]]


@pytest.mark.parametrize("make", [
    lambda x: pt.sort(x), lambda x: pt.sort(x, axis=0), lambda x: pt.sort(x, axis=None), lambda x: pt.take_along_axis(x, pt.argsort(x, axis=1), axis=1),
    lambda x: pt.unique(x), lambda x: x[x > 0], lambda x: x[pt.nonzero(x)] * 2.0, lambda x: pt.bincount(pt.constant(np.tile([0, 2, 1], 5)), pt.ravel(x)), lambda x: x.sort() * pt.searchsorted(EDGES, x),
])  # fmt: skip
def test_gradients_agree_with_differences(make):
    x = pt.matrix("x", 3, 5)
    y = make(x)
    cost = pt.sum(pt.square(y)) + pt.sum(pt.cumsum(y))
    run = function([x], cost, backend="numpy", mode=PLAIN)
    g = grad(cost, x).eval({"x": M})
    for k in range(M.size):
        up, down = M.copy(), M.copy()
        up.reshape(-1)[k] += 1e-6
        down.reshape(-1)[k] -= 1e-6
        assert np.isclose(g.reshape(-1)[k], (run(up) - run(down)) / 2e-6, rtol=1e-6, atol=1e-7)


def test_what_cannot_be_sorted_or_counted_is_an_error_when_written():
    cases = [
        (ShapeError, lambda: pt.sort(pt.scalar("s")), "axis -1 is out of bounds"), (ShapeError, lambda: pt.searchsorted(pt.zeros((2, 2)), 1.0), "sorted vector"), (ShapeError, lambda: pt.searchsorted([1], 1, "middle"), "side"),
        (DTypeError, lambda: pt.bincount(pt.vector("x")), "vector of integers"), (ShapeError, lambda: pt.bincount([-1]), "negative"), (ShapeError, lambda: pt.nonzero(pt.scalar("s")), "atleast_1d"),
        (ShapeError, lambda: pt.digitize([1.0], pt.zeros((2, 2))), "vector of bins"),
    ]  # fmt: skip
    for kind, call, message in cases:
        with pytest.raises(kind, match=message):
            call()
