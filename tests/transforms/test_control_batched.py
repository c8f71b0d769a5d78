"""Derivatives of batched loops, branches and regions are those of each row: checked against a Python loop over the rows."""

import itertools

import numpy as np
import pytest

import workbench as pm
import workbench.tensor as pt
from tests.conftest import BACKENDS
from tests.transforms.test_control_gradients import CASES, x_and_a
from workbench.compile import function
from workbench.transforms import grad, hessian, jacobian, jvp

rng = np.random.default_rng(3)
XS, ROWS_OF_A = rng.normal(size=(3, 5)), np.array([0.6, -0.4, 0.9])


def carried_tuple(x, a):
    """Carried values of several shapes, each with its own start."""
    (s, v), (seen,) = pt.scan(lambda s, v, e: ([s * a + e, v * e + s], [s * v.sum()]), [a, x[:2]], [x])
    return s + (v * v).sum() + (seen * seen).sum()


def only_a_sequence(x, a):
    (last,), _ = pt.scan(lambda s, e, f: ([s * e + f], []), [1.0], [pt.constant(np.linspace(0.5, 1.0, 5)), x])
    return last * a


def only_closed(x, a):
    """Nothing that depends on the batch is carried in at the start."""
    (last,), _ = pt.scan(lambda s, e: ([pt.sin(s) * a + e], []), [0.5], [pt.constant(np.linspace(0.5, 1.0, 5))])
    return last * last + x.sum()


def branch_by_row(x, a):
    """Each row takes its own branch, one of which has no derivative at what the other is for."""
    (y,) = pt.cond(a > 0.0, lambda u: [pt.log(a) * u], lambda u: [pt.sqrt(-a) * u * u], [x])
    return y.sum()


def while_in_scan(x, a):
    def step(total, e):
        _, made = pt.while_loop(lambda i, v: i < 3, lambda i, v: [i + 1, v * e + a], [0, total])
        return [made], []

    (last,), _ = pt.scan(step, [a], [x])
    return last


def branch_in_while(x, a):
    """As many steps as a row needs."""

    def step(v, s):
        (more,) = pt.cond(v > 2.0, lambda v: [v * a], lambda v: [pt.square(v) * x.sum()], [v])
        return [v * 1.9, s + more]

    v, s = pt.while_loop(lambda v, s: v < 10.0, step, [pt.exp(a), 0.0])
    return v * s


ALL = [*CASES, carried_tuple, only_a_sequence, only_closed, branch_by_row, while_in_scan, branch_in_while]
BATCHED = [(True, True), (True, False), (False, True)]


def _each_row(outputs, x, a, which):
    one = function([x, a], outputs, backend="numpy")
    rows = [one(XS[i] if which[0] else XS[0], ROWS_OF_A[i] if which[1] else ROWS_OF_A[0]) for i in range(3)]
    return [np.array(r) for r in zip(*rows)]


def _batch(outputs, x, a, which):
    xs, many = pt.matrix("xs", 3, 5), pt.vector("many", 3)
    inputs = [xs if which[0] else x, many if which[1] else a]
    given = {old: new for old, new in zip((x, a), inputs) if old is not new}
    values = [XS if which[0] else XS[0], ROWS_OF_A if which[1] else ROWS_OF_A[0]]
    return inputs, values, given, pm.vectorize_graph(outputs, given)


@pytest.mark.parametrize("case", ALL, ids=lambda c: c.__name__)
def test_the_gradient_of_a_batch_is_that_of_each_row(case):
    x, a = x_and_a()
    cost = case(x, a)
    for which in BATCHED:
        inputs, values, _, batched = _batch(cost, x, a, which)
        if batched is cost:
            continue
        weights = np.array([1.0, -2.0, 0.5])
        found = function(inputs, grad((batched * weights).sum(), inputs), backend="numpy")(*values)
        for result, rows, over in zip(found, _each_row(grad(cost, [x, a]), x, a, which), which):
            rows = rows * weights.reshape(3, *[1] * (rows.ndim - 1))
            np.testing.assert_allclose(result, rows if over else rows.sum(0), rtol=1e-11, atol=1e-12, err_msg=f"{case.__name__}, {which}")


@pytest.mark.parametrize("case", ALL, ids=lambda c: c.__name__)
def test_other_derivatives_of_a_batch_are_those_of_each_row(case):
    """Forward products, Jacobians and second derivatives, of the batched graph and batched themselves."""
    x, a = x_and_a()
    cost = case(x, a)
    inputs, values, given, batched = _batch(cost, x, a, (True, True))
    ga = grad(cost, a)
    second = grad(ga, a, disconnected_inputs="ignore")
    forward = jvp(cost, [x, a], [pt.ones(5), pt.constant(0.5)])
    of_rows = _each_row([grad(cost, x), second, forward], x, a, (True, True))
    its_ga = grad(batched.sum(), inputs[1])
    outputs = [
        jacobian(batched, inputs[0]),
        grad(its_ga.sum(), inputs[1], disconnected_inputs="ignore"),
        jvp(batched, inputs, [pt.ones((3, 5)), pt.constant(np.full(3, 0.5))]),
        *pm.vectorize_graph([second, forward], given),
    ]
    made = function(inputs, outputs, backend="numpy")(*values)
    between = np.zeros((3, 3, 5))
    between[range(3), range(3)] = of_rows[0]
    for result, wanted in zip(made, [between, of_rows[1], of_rows[2], of_rows[1], of_rows[2]]):
        np.testing.assert_allclose(np.broadcast_to(result, wanted.shape), wanted, rtol=1e-10, atol=1e-11, err_msg=case.__name__)


def test_batched_derivatives_agree_on_every_backend(backend):
    x, a = x_and_a()
    for which in BATCHED[1:] if backend == "c" else BATCHED[:1]:
        inputs, values, _, batched = _batch([case(x, a) for case in ALL], x, a, which)
        outputs = [g for cost in batched for g in grad(cost.sum(), inputs, disconnected_inputs="ignore")]
        for result, wanted in zip(function(inputs, outputs, backend=backend)(*values), function(inputs, outputs, backend="numpy")(*values)):
            np.testing.assert_allclose(result, wanted, rtol=1e-11, atol=1e-12, err_msg=f"{which}, {backend}")


def test_two_batch_axes_and_a_hessian_of_each():
    x, a = x_and_a()
    for case in (carried_tuple, while_in_scan, branch_in_while):
        h = hessian(case(x, a), x)
        xs = pt.tensor("xs", shape=(2, 3, 5))
        values = rng.normal(size=(2, 3, 5))
        made = function([xs, a], pm.vectorize_graph(h, {x: xs}), backend="numpy")(values, 0.7)
        one = function([x, a], h, backend="numpy")
        for i, j in itertools.product(range(2), range(3)):
            np.testing.assert_allclose(made[i, j], one(values[i, j], 0.7), rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("backend", BACKENDS)
def test_rows_of_a_loop_end_when_each_is_done(backend):
    """Doubling until the sum is 10 or more: rows take 2, 1, and 0 steps."""
    x, many = pt.vector("x"), pt.matrix("many")
    turns, last = pt.while_loop(lambda n, y: pt.sum(y) < 10.0, lambda n, y: [n + 1, 2.0 * y], [0, x])
    f = function([many], pm.vectorize_graph([turns, last], {x: many}), backend=backend)
    turns, last = f(np.array([[1.0, 2.0], [3.0, 4.0], [20.0, 1.0]]))
    assert turns.tolist() == [2, 1, 0] and last.tolist() == [[4.0, 8.0], [6.0, 8.0], [20.0, 1.0]]


@pytest.mark.parametrize("backend", BACKENDS)
def test_each_row_reads_and_writes_where_its_own_index_says(backend):
    x, i = pt.matrix("x"), pt.scalar("i", dtype="int64")
    xs, at = pt.tensor("xs", "float64", ("b", "n", "m")), pt.vector("at", "b", dtype="int64")
    f = function([xs, at], pm.vectorize_graph([x[i], x[i].set(7.0), x[i].inc(1.0)], {x: xs, i: at}), backend=backend)
    values, places = np.arange(24.0).reshape(2, 4, 3), np.array([1, -1])
    read, written, added = f(values, places)
    each = np.arange(2), places
    assert np.array_equal(read, values[each])
    for made, change in ((written, lambda old: 0.0 * old + 7.0), (added, lambda old: old + 1.0)):
        wanted = values.copy()
        wanted[each] = change(values[each])
        assert np.array_equal(made, wanted)
    with pytest.raises(IndexError, match="index 4 is out of bounds"):
        f(values, np.array([1, 4]))
