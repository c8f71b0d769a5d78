"""Loops, branches and regions: values on every backend, gradients against central differences."""

import numpy as np
import pytest

import workbench.tensor as pt
from workbench.compile import function
from workbench.errors import ShapeError
from workbench.graph import Graph, topological
from workbench.transforms import grad, replace


def x_and_a():
    return pt.vector("x", 5), pt.scalar("a")


def volatility(x, a):
    """A GARCH recursion: one carried scalar, one sequence, two outputs."""

    def step(h, e, w):
        after = w + a * h + 0.1 * e * e
        return [after], [h * e, after]

    (last,), (first, second) = pt.scan(step, [1.0], [x], [a * 2.0])
    return last + (first * first).sum() + (second * pt.arange(5)).sum()


def backwards(x, a):
    """From the last element to the first, over rows of two sequences."""
    rows = pt.expand_dims(x, 1) * pt.constant([1.0, 2.0, 3.0])

    def step(v, row, scale):
        after = v * a + pt.exp(row * 0.1) * scale
        return [after], [after * row]

    (last,), (outputs,) = pt.scan(step, [pt.ones(3)], [rows, x], reverse=True)
    return (outputs * outputs).sum() + last.sum()


def fewer_steps(x, a):
    (last, count), _ = pt.scan(lambda v, n, e: ([v * e + a, n + 1], []), [a, 0], [x], n_steps=3)
    return last * pt.cast(count, "float64")


def nested(x, a):
    def outer(total, e):
        (inner,), _ = pt.scan(lambda s, y: ([s * 0.5 + y * e], []), [total], [x])
        return [inner], [inner * a]

    (last,), (seen,) = pt.scan(outer, [a], [x])
    return last + (seen * seen).sum()


def while_loop(x, a):
    _, y = pt.while_loop(lambda i, y: i < 4, lambda i, y: [i + 1, y * a + pt.sigmoid(y)], [0, x])
    return (y * y).sum()


def while_until(x, a):
    """The number of steps depends on the values."""
    v, s = pt.while_loop(lambda v, s: v < 10.0, lambda v, s: [v * 1.7, s + v * a * x.sum()], [pt.exp(a), 0.0])
    return v * s


def branch(x, a):
    (y,) = pt.cond(a > 0.0, lambda u: [pt.exp(u * a)], lambda u: [u * 3.0 * a * u], [x])
    return (y * y).sum()


def region(x, a):
    u, b = pt.vector("u", x.type.shape[0]), pt.scalar("b")
    value, more = pt.region("part", Graph([u, b], [(pt.exp(u) * b).sum(), u * u]), x * 2.0, a)
    return value * a + more.sum()


def map_rows(x, a):
    table = pt.expand_dims(x, 1) * x
    return (pt.map(lambda row, k: pt.exp(row * k).sum(), [table], [a]) * x).sum()


CASES = [volatility, backwards, fewer_steps, nested, while_loop, while_until, branch, region, map_rows]


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.__name__)
@pytest.mark.parametrize("a_value", [0.6, -0.4])
def test_gradients_agree_with_differences(case, a_value):
    x, a = x_and_a()
    cost = case(x, a)
    value = function([x, a], cost, backend="numpy")
    gx, ga = function([x, a], grad(cost, [x, a]), backend="numpy")(at := np.array([0.3, -0.7, 1.1, 0.2, -0.4]), a_value)
    h = 1e-6
    for k in range(5):
        step = np.zeros(5)
        step[k] = h
        slope = (value(at + step, a_value) - value(at - step, a_value)) / (2 * h)
        assert np.isclose(gx[k], slope, rtol=1e-6, atol=1e-8), (case.__name__, k)
    slope = (value(at, a_value + h) - value(at, a_value - h)) / (2 * h)
    assert np.isclose(ga, slope, rtol=1e-6, atol=1e-8)


def test_all_backends_agree(backend):
    x, a = x_and_a()
    outputs = []
    for case in CASES:
        cost = case(x, a)
        outputs += [cost, *grad(cost, [x, a])]
    at = np.array([0.3, -0.7, 1.1, 0.2, -0.4]), 0.6
    wanted = function([x, a], outputs, backend="numpy")(*at)
    f = function([x, a], outputs, backend=backend)
    for name, result, w in zip([c.__name__ for c in CASES for _ in range(3)], f(*at), wanted):
        np.testing.assert_allclose(result, w, rtol=1e-12, atol=1e-13, err_msg=f"{name}, {backend}")
    assert f.fallbacks == ()


def test_lengths_may_be_known_only_at_the_call(backend):
    x, a = pt.vector("x"), pt.scalar("a")
    cases = [(c.__name__, c(x, a)) for c in CASES] + [("ifelse", pt.ifelse(a > 0.0, x, -x).sum())]
    outputs = [y for _, cost in cases for y in (cost, *grad(cost, [x, a], disconnected_inputs="ignore"))]
    at = np.array([0.3, -0.7, 1.1, 0.2, -0.4]), 0.6
    known, _ = x_and_a()
    wanted = function([known, a], replace(outputs, {x: known}), backend="numpy")(*at)
    f = function([x, a], outputs, backend=backend)
    for name, result, w in zip([n for n, _ in cases for _ in range(3)], f(*at), wanted):
        np.testing.assert_allclose(result, w, rtol=1e-12, atol=1e-13, err_msg=f"{name}, {backend}")
    for y, w in zip(outputs, wanted):
        np.testing.assert_allclose(y.eval({x: at[0], a: at[1]}), w, rtol=1e-12, atol=1e-13)


def test_the_number_of_steps_may_be_computed():
    n, x = pt.iscalar("n"), pt.vector("x")
    (last,), (seen,) = pt.scan(lambda s: ([s * 2.0], [s]), 1.0, n_steps=n)
    assert last.eval({n: 5}) == 32.0 and seen.eval({n: 3}).tolist() == [1.0, 2.0, 4.0]
    _, (part,) = pt.scan(lambda e: ([], [e]), sequences=x, n_steps=n, reverse=True)
    assert part.eval({n: 2, x: [5.0, 6.0, 7.0]}).tolist() == [5.0, 6.0]
    with pytest.raises(ShapeError, match="scan needs lengths that are equal|lengths 2, 3"):
        part.eval({n: 3, x: [5.0, 6.0]})
    _, (both,) = pt.scan(lambda e, f: ([], [e + f]), sequences=[x, pt.vector("y")])
    with pytest.raises(ShapeError, match="scan needs lengths that are equal|lengths 1, 2"):
        both.eval({"x": [5.0, 6.0], "y": [1.0]})


def test_a_carried_length_may_change_from_step_to_step():
    _, kept = pt.while_loop(lambda i, v: i < 2, lambda i, v: [i + 1, v[v > v.mean()]], [0, pt.constant(np.arange(8.0))])
    assert kept.type.is_open and kept.eval().tolist() == [6.0, 7.0]


def test_a_second_derivative_goes_through_a_scan():
    x, a = x_and_a()
    first = grad(volatility(x, a), a)
    second = grad(first, a)
    run = function([x, a], [first, second], backend="numpy")
    at = np.array([0.3, -0.7, 1.1, 0.2, -0.4])
    slope = (run(at, 0.6 + 1e-6)[0] - run(at, 0.6 - 1e-6)[0]) / 2e-6
    assert np.isclose(run(at, 0.6)[1], slope, rtol=1e-7)


def test_a_scan_of_no_steps_gives_its_start_and_empty_outputs(backend):
    x = pt.vector("x", 0)
    (last,), (seen,) = pt.scan(lambda s, e: ([s + e], [s]), [2.0], [x])
    end, stacked = function([x], [last, seen], backend=backend)(np.empty(0))
    assert end == 2.0 and stacked.shape == (0,)


def test_what_a_scan_computes_for_nobody_is_left_out():
    x = pt.vector("x", 5)
    (last,), _ = pt.scan(lambda s, e: ([s + e], [pt.exp(s), s * 2.0]), [0.0], [x])
    f = function([x], last, backend="numpy")
    (loop,) = [n for n in topological(f.graph.results) if n.op.name == "scan"]
    assert len(loop.type.items) == 1
    assert f.trace.passes[1].name == "unused results" and len(f.trace.passes[1].firings) == 1


def test_a_while_loop_carries_what_is_read():
    """Of four carried values one is read, a second by the condition, a third by the first; the last is left out, with its array."""
    x = pt.scalar("x")

    def body(i, total, step, kept):
        return i + 1, total + step, step * 2.0, pt.set_subtensor(kept[i], total)

    _, total, _, kept = pt.while_loop(lambda i, *_: i < 5, body, [0, x, 1.0, pt.zeros(5)])
    f = function([x], total, backend="numpy")
    (loop,) = [n for n in topological(f.graph.results) if n.op.name == "while"]
    assert len(loop.type.items) == 3 and f(1.0) == 32.0
    last, every = function([x], [total, kept], backend="numpy")(1.0)
    assert last == 32.0 and every.tolist() == [1.0, 2.0, 4.0, 8.0, 16.0]


@pytest.mark.parametrize(
    "build, message",
    [
        (lambda x: pt.scan(lambda s, e: ([pt.stack([s, e])], []), [0.0], [x]), "from float64.. into float64.2"),
        (lambda x: pt.scan(lambda e, f: ([], [e]), [], [x, pt.ones(3)]), "lengths 3, 5"),
        (lambda x: pt.scan(lambda e: ([], [e]), [], [x], n_steps=6), "6 steps runs past"),
        (lambda x: pt.scan(lambda s: ([s], []), [0.0]), "needs n_steps"),
        (lambda x: pt.scan(lambda s: s, [0.0], n_steps=2), "two sequences"),
        (lambda x: pt.scan(lambda s: ([s, s], []), [0.0], n_steps=2), "2 carried values for 1"),
        (lambda x: pt.scan(lambda e: ([], [e]), [], [x.sum()]), "cannot run over the scalar"),
        (lambda x: pt.scan(lambda s: ([s], []), [0.0], n_steps=x.sum()), "must be an integer, got float64"),
    ],
)
def test_a_wrong_scan_is_an_error_that_says_what_is_wrong(build, message):
    with pytest.raises(ShapeError, match=message):
        build(pt.vector("x", 5))


def test_no_gradient_flows_through_stop_gradient_and_constants():
    x = pt.scalar("x")
    assert grad(x * pt.stop_gradient(x * 3.0), x).eval({x: 2.0}) == 6.0
    y = x * 3.0
    assert grad(x * y, x, consider_constant=[y]).eval({x: 2.0}) == 6.0


def test_ifelse_computes_one_of_two(backend):
    x = pt.scalar("x")
    both = pt.ifelse(x > 1.0, [x * 2.0, x], [x - 1.0, x * x])
    f = function([x], both, backend=backend)
    assert [float(v) for v in f(3.0)] == [6.0, 3.0] and [float(v) for v in f(0.5)] == [-0.5, 0.25]
