"""PyTensor's form of scan. Right values are those of PyTensor 2.38 (`pytensor.scan` with the same arguments), checked by hand."""

import numpy as np
import pytest

import workbench.tensor as pt
from workbench import pytensor
from workbench.errors import ArgumentError, ShapeError
from workbench.tensor.control.recurrence import until

X = np.arange(1.0, 6.0)
ROWS = np.arange(10.0).reshape(5, 2)


def zero():
    return pt.as_tensor(0.0)


CASES = {
    "running sum": (lambda: pytensor.scan(fn=lambda x, s: s + x, sequences=[X], outputs_info=[zero()]), [1.0, 3.0, 6.0, 10.0, 15.0]),
    "no past": (lambda: pytensor.scan(lambda x: x * 2, X), [2.0, 4.0, 6.0, 8.0, 10.0]),
    "two outputs, one of them with a past": (
        lambda: pytensor.scan(lambda x, s: [s + x, x * s], sequences=X, outputs_info=[zero(), None]), ([1, 3, 6, 10, 15], [0, 2, 9, 24, 50])
    ),
    "two pasts": (
        lambda: pytensor.scan(lambda x, u, v: (u + v, v * x), sequences=[X], outputs_info=[pt.as_tensor(1.0), pt.as_tensor(1.0)], strict=True),
        ([2, 3, 5, 11, 35], [1, 2, 6, 24, 120]),
    ),
    "taps": (
        lambda: pytensor.scan(lambda a, b, k: a + k * b, outputs_info=dict(initial=[1.0, 2.0], taps=[-2, -1]), non_sequences=0.5, n_steps=4),
        [2.0, 3.0, 3.5, 4.75],
    ),
    "taps as a range": (lambda: pytensor.scan(lambda a, b: a + b, outputs_info=dict(initial=[1.0, 2.0], taps=range(-2, 0)), n_steps=3), [3.0, 5.0, 8.0]),
    "taps in another order": (
        lambda: pytensor.scan(lambda b, a: a * 0.5 + b, outputs_info=[dict(initial=[1.0, 2.0, 4.0], taps=[-1, -3])], n_steps=3), [4.5, 5.5, 7.5]
    ),
    "taps of sequences": (
        lambda: pytensor.scan(lambda a, b, c: a + 10 * b + 100 * c, sequences=[dict(input=X, taps=[-1, 0, 1])]), [321.0, 432.0, 543.0]
    ),
    "a tap beside a sequence": (lambda: pytensor.scan(lambda a, b: a + 10 * b, sequences=[dict(input=X, taps=[-2]), X]), [11.0, 22.0, 33.0]),
    "backwards": (lambda: pytensor.scan(lambda x, s: s * 0.5 + x, sequences=[X], outputs_info=[zero()], go_backwards=True), [5, 6.5, 6.25, 5.125, 3.5625]),
    "backwards with taps": (lambda: pytensor.scan(lambda a, b: a + 10 * b, sequences=[dict(input=X, taps=[-1, 0])], go_backwards=True), [54, 43, 32, 21]),
    "fewer steps": (lambda: pytensor.scan(lambda x, s: s + x, sequences=[X], outputs_info=[zero()], n_steps=3), [1.0, 3.0, 6.0]),
    "the shortest": (lambda: pytensor.scan(lambda a, b: a + b, sequences=[X, X[:3]]), [2.0, 4.0, 6.0]),
    "rows": (lambda: pytensor.scan(lambda r, s: s * 0.1 + r, sequences=[ROWS], outputs_info=[pt.zeros(2)]),
             [[0, 1], [2, 3.1], [4.2, 5.31], [6.42, 7.531], [8.642, 9.7531]]),
    "numbers of steps": (lambda: pytensor.scan(lambda i, v: v[i] * 2, sequences=pt.arange(3), non_sequences=[X]), [2.0, 4.0, 6.0]),
    "updates": (lambda: pytensor.scan(lambda x: (x * 2, {}), sequences=[X]), [2.0, 4.0, 6.0, 8.0, 10.0]),
    "until": (lambda: pytensor.scan(lambda x: (2 * x, {}, until(2 * x > 45)), outputs_info=[pt.as_tensor(1.0)], n_steps=100), [2.0, 4, 8, 16, 32, 64]),
    "until, over a sequence": (lambda: pytensor.scan(lambda x, s: (s + x, until(s + x > 5)), sequences=[X], outputs_info=[zero()]), [1.0, 3.0, 6.0]),
    "map": (lambda: pytensor.map(lambda x, y: x * y, [X, X]), X**2),
    "reduce": (lambda: pytensor.reduce(lambda x, s: 2 * s + x, X, pt.as_tensor(1.0)), 89.0),
    "foldl": (lambda: pytensor.foldl(lambda x, s: 2 * s + x, X, pt.as_tensor(1.0)), 89.0),
    "foldr": (lambda: pytensor.foldr(lambda x, s: 2 * s + x, X, pt.as_tensor(1.0)), 161.0),
    "powers": (lambda: pytensor.scan(fn=lambda before, a: before * a, outputs_info=pt.ones(5), non_sequences=X, n_steps=2), [X, X**2]),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_outputs_are_those_of_pytensor(name, backend):
    build, expected = CASES[name]
    outputs, updates = build()
    assert updates == {}
    outputs = outputs if isinstance(outputs, list) else [outputs]
    expected = expected if isinstance(expected, tuple) else (expected,)
    if backend in ("numba", "jax") and name not in ("taps", "two outputs, one of them with a past"):
        pytest.skip("two are enough to compile")
    found = pytensor.function([], outputs, backend=backend)()
    for x, right in zip(found, expected, strict=True):
        np.testing.assert_allclose(x, right, rtol=1e-14)


def test_gradients_run_through_all_steps():
    a = pt.scalar("a")
    path, _ = pytensor.scan(lambda x, s, a: a * s + x, sequences=[X], outputs_info=[zero()], non_sequences=[a])
    # The last value is sum_k a^(4 - k) x_k.
    slope = sum((4 - k) * 0.5 ** (3 - k) * X[k] for k in range(4))
    assert float(pytensor.grad(path[-1], a).eval({"a": 0.5})) == pytest.approx(slope, rel=1e-14)


@pytest.mark.parametrize(("kept", "of_last", "of_sum"), [(-1, 9.0, 18.75), (1, 6.125, 6.125), (2, 8.25, 12.5), (3, 8.875, 16.875), (10, 9.0, 18.75)])
def test_truncated_gradients_are_those_of_pytensor(kept, of_last, of_sum):
    a = pt.scalar("a")
    path, _ = pytensor.scan(lambda x, s, a: a * s + x, sequences=[X], outputs_info=[zero()], non_sequences=[a], truncate_gradient=kept)
    assert float(pytensor.grad(path[-1], a).eval({"a": 0.5})) == pytest.approx(of_last, rel=1e-14)
    assert float(pytensor.grad(path.sum(), a).eval({"a": 0.5})) == pytest.approx(of_sum, rel=1e-14)


def test_a_gradient_stops_where_the_loop_ends():
    a = pt.scalar("a")
    powers, _ = pytensor.scan(lambda x, a: (a * x, until(a * x > 45)), outputs_info=[pt.as_tensor(1.0)], non_sequences=a, n_steps=2000)
    # 2**6 is the last: later ones overflow, and are not computed.
    assert float(pytensor.grad(powers[-1], a).eval({"a": 2.0})) == 6 * 2.0**5


def test_what_does_not_fit_is_said():
    with pytest.raises(ArgumentError, match="truncate_gradient=0"):
        pytensor.scan(lambda x: x, X, truncate_gradient=0)
    with pytest.raises(ShapeError, match="7 steps, and a sequence of 5"):
        pytensor.scan(lambda x: x, X, n_steps=7)
    with pytest.raises(ShapeError, match="2 outputs, but outputs_info has 1"):
        pytensor.scan(lambda x, s: (s, x), X, outputs_info=[zero()])
    with pytest.raises(ShapeError, match="taps"):
        pytensor.scan(lambda a, b: a + b, outputs_info=[dict(initial=1.0, taps=[-2, -1])], n_steps=3)
