"""Functions on several threads: the same values, and the same bits each time."""

import numpy as np
import pytest

import workbench.tensor as pt
from workbench.compile import function
from workbench.compile.c.toolchain import find_compiler
from workbench.errors import CompileError
from workbench.transforms import grad

pytestmark = pytest.mark.skipif(find_compiler() is None, reason="no C compiler on this system")
N, M = 40_000, 8
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(N, M)), RNG.integers(0, 2, N) * 1.0
GROUP = RNG.integers(0, 50, N)


def logistic(b):
    eta = pt.constant(X) @ b
    return (Y * eta - pt.softplus(eta)).sum() - 0.5 * (b * b).sum()


def groups(b):
    """Gathers, and sums scattered over groups in the gradient."""
    effect = pt.exp(pt.concatenate([b, pt.zeros(42)]) * 0.1)
    return (pt.log1p(pt.square(effect[GROUP] - pt.constant(Y))) * pt.constant(X[:, 0])).sum()


def looped(b):
    """Large loops inside a while loop whose length depends on what they compute."""
    _, total = pt.while_loop(
        lambda i, s: pt.logical_and(i < 6, s < 1e9),
        lambda i, s: [i + 1, s + pt.square(pt.constant(X) @ (b + s * 1e-6)).sum() * 1e-3],
        [0, 0.0],
    )
    return total


def chosen(b):
    """A large loop in one branch only."""
    (y,) = pt.cond(b[0] > 0.0, lambda v: [pt.exp(pt.constant(X[:, 0]) * v[0]).sum()], lambda v: [v.sum()], [b])
    return y


def rows(b):
    """An array as a result, and sums by column."""
    wide = pt.exp(pt.constant(X) * b)
    return (pt.log(wide.sum(axis=1)) * Y).sum() + wide.prod(axis=1).sum()


@pytest.mark.parametrize("case", [logistic, groups, looped, chosen, rows], ids=lambda c: c.__name__)
@pytest.mark.parametrize("threads", [2, 3])
def test_values_are_those_of_one_thread_and_the_same_each_time(case, threads):
    b = pt.vector("b", M)
    cost = case(b)
    outputs = [cost] if case is looped else [cost, grad(cost, b)]
    one, many = function([b], outputs, backend="c"), function([b], outputs, backend="c", threads=threads)
    for at in (RNG.normal(size=M) * 0.3, -np.ones(M) * 0.1):
        wanted, first = one(at), many(at)
        for result, w in zip(first, wanted):
            np.testing.assert_allclose(result, w, rtol=1e-11, atol=1e-11 * max(1.0, np.abs(w).max()))
        for _ in range(5):
            assert all(np.array_equal(p, q) for p, q in zip(many(at), first))
    assert "pthread_create" in many.source


def test_an_index_out_of_bounds_is_an_error_on_threads_too():
    x, i = pt.vector("levels", 4), pt.tensor("i", "int64", (N,))
    f = function([x, i], pt.exp(x[i] * pt.constant(Y)).sum(), backend="c", threads=2)
    index = np.zeros(N, np.int64)
    assert np.isfinite(f(np.arange(4.0), index))
    index[-1] = 9
    with pytest.raises(IndexError, match=r"index 9 .*levels"):
        f(np.arange(4.0), index)


def test_threads_are_refused_where_there_are_none():
    x = pt.vector("x", 3)
    with pytest.raises(CompileError, match="no threads"):
        function([x], x * 2.0, backend="numpy", threads=2)
    with pytest.raises(CompileError, match="1 to 256"):
        function([x], x * 2.0, backend="c", threads=0)
