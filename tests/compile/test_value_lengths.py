"""Lengths that depend on values: what has them is computed first, and compiled code is the same for all; NumPy's results."""

import numpy as np
import pytest

import workbench.tensor as pt
from workbench.compile import function
from workbench.errors import IndexBoundsError, ShapeError
from workbench.transforms import grad

x, y, A = pt.vector("x"), pt.vector("y"), pt.matrix("A")
k, i, N = pt.scalar("k", "int64"), pt.scalar("i", "int64"), pt.vector("N", dtype="int64")
V = np.array([0.3, -1.2, 0.9, 0.3, -0.1])

CASES = {
    "arange": ([i], [pt.arange(0, i, 2), pt.arange(i).sum()], lambda i: [np.arange(0, i, 2), np.arange(i).sum()], [(7,), (0,), (1,), (-3,)]),
    "zeros": ([k], [pt.zeros(k) + 1.0, pt.ones((2, k + 1)).sum(0), pt.eye(k)], lambda k: [np.ones(k), np.full(k + 1, 2.0), np.eye(k)], [(3,), (0,), (1,)]),
    "slices": ([x, i], [x[:i], pt.exp(x)[i:], x[i::2], x[:i].sum()], lambda x, i: [x[:i], np.exp(x)[i:], x[i::2], x[:i].sum()],
               [(V, 2), (V, -2), (V, 0), (V, 9), (V[:0], 1), (V[:1], 1)]),
    "slices that are changed": ([x, i], [x[i:].set(0.0), x[:i].inc(1.0), grad(pt.sum(pt.exp(x[:i])), x)],
                                lambda x, i: [np.where(np.arange(len(x)) < i % max(len(x), 1), x, 0.0), x + (np.arange(len(x)) < i), np.exp(x) * (np.arange(len(x)) < i)],
                                [(V, 2), (V, 0), (V[:1], 0)]),
    "masks": ([x], [x[x > 0.0], pt.sum(x[x > 0.0] ** 2), grad(pt.sum(x[x > 0.0] ** 2), x), pt.nonzero(x > 0.0)[0]],
              lambda x: [x[x > 0.0], (x[x > 0.0] ** 2).sum(), np.where(x > 0.0, 2.0 * x, 0.0), np.nonzero(x > 0.0)[0]], [(V,), (-V,), (V[:0],), (V[:1],)]),
    "both": ([x, y, i], [x[:i] * y[:i]], lambda x, y, i: [x[:i] * y[:i]], [(V, V, 3), (V, V[:4], 2), (V, V, 0)]),
    "unique": ([x], [pt.unique(x), pt.repeat(x, pt.cast(pt.abs(pt.floor(x)), "int64"))],
               lambda x: [np.unique(x), np.repeat(x, np.abs(np.floor(x)).astype(int))], [(V,), (V[:1],)]),
    "quotients": ([A], [pt.zeros((A.shape[0] * A.shape[1]) // A.shape[1]), pt.reshape(pt.ravel(A), (-1, A.shape[1])), pt.logsumexp(A, axis=1)],
                  lambda A: [np.zeros(len(A) if A.shape[1] else 0), A, np.full(len(A), np.log(A.shape[1]) if A.shape[1] else -np.inf)],
                  [(np.zeros((3, 2)),), (np.zeros((3, 0)),), (np.zeros((0, 2)),), (np.zeros((0, 0)),)]),
    "within a loop": ([x, N], [pt.map(lambda n, x: pt.sum(pt.sort(x[:n])[:2] * pt.arange(pt.minimum(n, 2))), N, x), grad(pt.sum(pt.map(lambda n, x: pt.prod(x[n:]), N, x)), x)],
                      lambda x, n: [[np.sort(x[:k])[:2] @ np.arange(min(k, 2)) for k in n], np.sum([np.where(np.arange(len(x)) >= k, np.prod(x[k:]) / x, 0.0) for k in n], axis=0)],
                      [(V, np.array([2, 0, 5])), (V, np.array([3])), (V[:2], np.array([1, 2]))]),
    "within a branch": ([x], [pt.cond(x[0] > 0.0, lambda x: pt.sum(x[x > 0.0]), lambda x: pt.max(x), [x])[0]], lambda x: [x[x > 0.0].sum() if x[0] > 0.0 else x.max()], [(V,), (-V,), (V[:1],)]),
    "steps": ([x, k], [pt.scan(lambda s: ([s * 0.5], [s]), [x], n_steps=k)[1][0], pt.scan(lambda s: ([s + 1.0], [s]), [x], n_steps=k)[0][0]],
              lambda x, k: [np.array([x * 0.5**j for j in range(k)]).reshape(k, len(x)), x + k], [(V, 4), (V, 0), (V[:0], 2), (V[:1], 1)]),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_results_are_numpys_and_nothing_is_compiled_again(backend, case):
    inputs, outputs, wanted, calls = CASES[case]
    if backend == "jax":
        calls = calls[:2]  # It is compiled for each.
    f = function(inputs, outputs, backend=backend)
    for values in calls:
        for made, right in zip(f(*values), wanted(*values), strict=True):
            assert made.shape == np.shape(right), values
            np.testing.assert_allclose(made, right, rtol=1e-13, atol=1e-15, err_msg=str(values))
    assert backend == "jax" or f.compilations == 1


def test_a_negative_length_is_an_error_at_the_line_that_asks_for_it(backend):
    f = function([k], pt.zeros(k) + 1.0, backend=backend)
    with pytest.raises(ShapeError, match="an axis cannot have length -2"):
        f(-2)


@pytest.mark.parametrize("name", ["c", "numpy"])
def test_lengths_by_values_that_disagree_are_an_error(name):
    f = function([x, k], x + pt.arange(k), backend=name)
    np.testing.assert_allclose(f(V, 5), V + np.arange(5))
    for n in (4, 1, 0):
        with pytest.raises(ShapeError, match=f"(?s)(5.*{n}|{n}.*5)"):
            f(V, n)


def test_a_loop_within_which_lengths_arise_is_called_back_and_says_so():
    inside = pt.map(lambda e: pt.sum(pt.arange(pt.cast(e, "int64"))), x)
    f = function([x], inside, backend="c")
    assert f(np.array([3.0, 0.0, 5.0])).tolist() == [3, 0, 10] and f.fallbacks == ("scan",)
    third = function([x, N], pt.map(lambda n, x: x[:n][2], N, x), backend="c")
    assert third(V, [3, 4]).tolist() == [V[2], V[2]]
    with pytest.raises(IndexBoundsError, match="index 2 is out of bounds for axis 0 of length 1"):
        third(V, [3, 1])


def test_what_leaves_a_loop_with_another_length_is_computed_first():
    made = pt.while_loop(lambda j, v: j < 3, lambda j, v: [j + 1, pt.concatenate([v, v[:j]])], [0, x])[1]
    for name in ("numpy", "c"):
        assert function([x], made.sum(), backend=name)([1.5, 2.0]) == 1.5 + 2.0 + 1.5 + 1.5 + 2.0


def test_data_give_lengths_that_are_looked_at_when_they_are_replaced():
    size, values = pt.data("size", 3), pt.data("values", V, shape=(None,)) if False else pt.data("values", V)
    f = function([], pt.zeros(size).sum() + pt.sum(values), backend="numpy")
    np.testing.assert_allclose(f(), V.sum())
    g = function([], [pt.arange(size)], backend="c")
    assert g()[0].tolist() == [0, 1, 2]
    pt.set_data(size, 5)
    assert g()[0].tolist() == [0, 1, 2, 3, 4] and g.compilations == 1
