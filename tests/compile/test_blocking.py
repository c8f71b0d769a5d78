"""Kernels over the same rows take turns where that changes nothing, and only there."""

import numpy as np
import pytest

import workbench.tensor as pt
from workbench.compile import function
from workbench.compile.loop_ir import loops as L
from workbench.compile.loop_ir.lower import lower
from workbench.compile.loop_ir.storage import plan
from workbench.graph import Graph, Mode
from workbench.rewrites import default_mode
from workbench.transforms import grad

N, M = 1200, 40
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(N, M)), RNG.integers(0, 2, N) * 1.0


def logistic(b):
    eta = pt.constant(X) @ b
    return (Y * eta - pt.softplus(eta)).sum() - 0.5 * (b * b).sum()


def softmax_over_rows(b):
    """What the second product needs depends on all rows of the first."""
    eta = pt.constant(X) @ b
    shifted = pt.exp(eta - pt.max(eta))
    return (shifted / shifted.sum() * Y).sum()


def other_rows(b):
    """The second product reads the first one's rows in reverse."""
    eta = pt.constant(X) @ b
    return (pt.expand_dims(eta[::-1], 1) * X * b).sum() + eta.sum()


def next_rows(b):
    """Rows read one row further, of a product that is read whole too."""
    eta = pt.constant(X) @ b
    return (pt.expand_dims(eta[1:], 1) * pt.constant(X)[:-1] * b).sum() + eta.sum()


def matrix_parameters(b):
    """The wide array is an intermediate value, read again by its gradient."""
    wide = pt.exp(pt.constant(X) * b * 0.1)
    total = wide.sum(axis=1)
    return (pt.log(total) * Y).sum() + (wide * pt.expand_dims(total, 1)).sum() * 1e-3


CASES = [logistic, softmax_over_rows, other_rows, next_rows, matrix_parameters]


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.__name__)
def test_values_and_gradients_are_those_of_numpy(case, backend):
    b = pt.vector("b", M)
    cost = case(b)
    outputs = [cost, grad(cost, b)]
    at = RNG.normal(size=M) * 0.3
    for result, wanted in zip(function([b], outputs, backend=backend)(at), function([b], outputs, backend="numpy")(at)):
        np.testing.assert_allclose(result, wanted, rtol=1e-11, atol=1e-11 * np.abs(wanted).max())


def blocked(case):
    b = pt.vector("b", M)
    cost = case(b)
    results, _ = default_mode().run([cost, grad(cost, b)])
    return [s for s in L.walk(lower(Graph([b], results), "f").body) if isinstance(s, L.Blocked)], results, b


def test_a_logistic_regression_reads_its_design_matrix_once():
    groups, results, b = blocked(logistic)
    (group,) = groups
    program = lower(Graph([b], results), "f")
    inside = {id(k) for s in L.walk(program.body) if isinstance(s, L.Blocked) for k in s.kernels}
    readers = [
        k for k in L.walk(program.body) if isinstance(k, L.Kernel)
        if any(isinstance(x, L.Load) and x.buffer.kind == "constant" and x.buffer.shape == (N, M) for x in k.lines)
    ]  # fmt: skip
    assert len(readers) == 2 and all(id(k) in inside for k in readers)
    assert len(group.kernels) == 3


@pytest.mark.parametrize("case", [other_rows, next_rows])
def test_rows_that_need_other_rows_do_not_take_turns(case):
    groups, _, _ = blocked(case)
    for group in groups:
        reads = [x.buffer for k in group.kernels for x in k.lines if isinstance(x, L.Load) and x.buffer.kind == "temporary"]
        written = [e.buffer for k in group.kernels for e in k.folds]
        assert not [b for b in reads if any(b is w for w in written)]


@pytest.mark.parametrize("backend", ["numpy", "c"])
def test_gradients_of_slices_are_written_where_they_lie(backend):
    q = pt.vector("q", 12)
    a, b = q[1:6], pt.reshape(q[6:12], (2, 3))
    cost = pt.exp(q[0]) * pt.square(a).sum() + (pt.sin(b) * pt.exp(q[0])).sum()
    gradient = grad(cost, q)
    given = np.linspace(-1.0, 1.0, 12)
    f = function([q], [cost, gradient], backend=backend)
    plain = function([q], [cost, gradient], backend="numpy", mode=Mode(()))
    np.testing.assert_allclose(f(given)[1], plain(given)[1], rtol=1e-13)
    program = lower(f.graph, "f")
    assert not [s for s in L.walk(program.body) if isinstance(s, L.Fill) and s.buffer.size > 1]
    assert plan(program).arena == 0
