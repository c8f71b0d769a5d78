"""Fourier transforms and convolution against NumPy and SciPy on every backend, gradients against differences."""

import numpy as np
import pytest
import scipy.signal

import workbench.tensor as pt
from workbench.compile import function
from workbench.errors import ShapeError
from workbench.graph import Mode
from workbench.transforms import grad

PLAIN = Mode(())
NORMS = ("backward", "ortho", "forward")


def draw(*shape):
    return np.random.default_rng(len(shape)).normal(size=shape)


def pairs(z):
    return np.stack([z.real, z.imag], axis=-1)


def numbers(x):
    return x[..., 0] + 1j * x[..., 1]


def each_row(f):
    """A function of two vectors over leading axes that broadcast."""

    def run(x, y):
        batch = np.broadcast_shapes(x.shape[:-1], y.shape[:-1])
        x, y = np.broadcast_to(x, (*batch, x.shape[-1])), np.broadcast_to(y, (*batch, y.shape[-1]))
        rows = {i: f(x[i], y[i]) for i in np.ndindex(*batch)}
        result = np.zeros((*batch, len(f(np.zeros(x.shape[-1]), np.zeros(y.shape[-1])))))
        for i, row in rows.items():
            result[i] = row
        return result

    return run


CASES = {}
for norm in NORMS:
    for n in (1, 2, 5, 6):
        CASES |= {
            f"fft of {n}, {norm}": (lambda x, s=norm: pt.fft.fft(x, norm=s), lambda x, s=norm: pairs(np.fft.fft(numbers(x), norm=s)), [draw(n, 2)]),
            f"ifft of {n}, {norm}": (lambda x, s=norm: pt.fft.ifft(x, norm=s), lambda x, s=norm: pairs(np.fft.ifft(numbers(x), norm=s)), [draw(n, 2)]),
            f"rfft of {n}, {norm}": (lambda x, s=norm: pt.fft.rfft(x, norm=s), lambda x, s=norm: pairs(np.fft.rfft(x, norm=s)), [draw(n)]),
            f"irfft to {n}, {norm}": (lambda x, s=norm, n=n: pt.fft.irfft(x, n, norm=s), lambda x, s=norm, n=n: np.fft.irfft(numbers(x), n, norm=s), [draw(n // 2 + 1, 2)]),
        }  # fmt: skip
for n in (3, 4, 7):
    CASES |= {
        f"fft of 5 as {n}": (lambda x, n=n: pt.fft.fft(x, n), lambda x, n=n: pairs(np.fft.fft(numbers(x), n)), [draw(5, 2)]),
        f"rfft of 5 as {n}": (lambda x, n=n: pt.fft.rfft(x, n), lambda x, n=n: pairs(np.fft.rfft(x, n)), [draw(5)]),
        f"irfft of 3 to {n}": (lambda x, n=n: pt.fft.irfft(x, n), lambda x, n=n: np.fft.irfft(numbers(x), n), [draw(3, 2)]),
    }  # fmt: skip
CASES |= {
    "rfft of rows": (pt.fft.rfft, lambda x: pairs(np.fft.rfft(x)), [draw(2, 3, 5)]),
    "irfft of rows": (pt.fft.irfft, lambda x: np.fft.irfft(numbers(x)), [draw(2, 3, 4, 2)]),
    "fft of rows": (pt.fft.fft, lambda x: pairs(np.fft.fft(numbers(x))), [draw(3, 4, 2)]),
    "rfft of no rows": (pt.fft.rfft, lambda x: pairs(np.fft.rfft(x)), [draw(0, 4)]),
    "there and back": (lambda x: pt.fft.irfft(pt.fft.rfft(x), 5), lambda x: x, [draw(2, 5)]),
}
for mode in ("full", "valid", "same"):
    for left, right in [((5,), (3,)), ((3,), (5,)), ((4,), (4,)), ((1,), (1,)), ((6,), (2,)), ((2, 1, 5), (3, 2)), ((0, 4), (3,))]:
        if mode == "same" and left[-1] < right[-1]:
            continue
        CASES[f"convolve {mode} {left} {right}"] = (
            lambda x, y, m=mode: pt.signal.convolve(x, y, m), each_row(lambda x, y, m=mode: scipy.signal.convolve(x, y, m, method="direct")), [draw(*left), draw(*right)],
        )  # fmt: skip
CASES["convolve same with the longer second"] = (
    lambda x, y: pt.signal.convolve(x, y, "same"), lambda x, y: scipy.signal.convolve(x, y, "same"), [draw(3), draw(6)],
)  # fmt: skip


def inputs_of(values):
    return [pt.tensor(f"x{i}", v.dtype.name, v.shape) for i, v in enumerate(values)]


@pytest.mark.static_lengths
@pytest.mark.parametrize("part", range(3))
def test_transforms_and_convolutions_agree_with_numpy_and_scipy(backend, part):
    symbols, values, outputs, wanted, names = [], [], [], [], list(CASES)[part::3]
    for ours, theirs, operands in (CASES[name] for name in names):
        x = inputs_of(operands)
        symbols += x
        values += operands
        outputs.append(ours(*x))
        wanted.append(theirs(*operands))
    results = function(symbols, outputs, backend=backend, mode=PLAIN)(*values)
    for name, got, w in zip(names, results, wanted):
        assert got.shape == w.shape and got.dtype == np.float64, name
        np.testing.assert_allclose(got, w, rtol=1e-12, atol=1e-13, err_msg=f"{name}, {backend}")


@pytest.mark.parametrize("name", CASES)
def test_gradients_agree_with_differences(name):
    ours, _, values = CASES[name]
    symbols = inputs_of(values)
    y = ours(*symbols)
    cost = pt.sum(y * np.random.default_rng(1).normal(size=y.type.static_shape))
    run = function(symbols, cost, backend="numpy", mode=PLAIN)
    gradients = function(symbols, grad(cost, symbols), backend="numpy", mode=PLAIN)(*values)
    for i, (v, g) in enumerate(zip(values, gradients)):
        assert g.shape == v.shape
        for k in np.ndindex(*v.shape):
            high, low = ([w.copy() for w in values] for _ in range(2))
            # Linear in each operand, so a wide step loses nothing.
            high[i][k] += 0.5
            low[i][k] -= 0.5
            assert np.isclose(g[k], run(*high) - run(*low), rtol=1e-11, atol=1e-12), f"operand {i} at {k}"


def test_second_gradients_of_a_power_spectrum():
    x = pt.vector("x", 5)
    power = pt.sum(pt.square(pt.fft.rfft(x)) * np.arange(6.0).reshape(3, 2))
    g = grad(power, x)
    curvature = grad(pt.sum(g * np.arange(5.0)), x)
    v, h = draw(5), np.arange(5.0)
    # The cost is quadratic, so the gradient is linear: its difference is the curvature times the step.
    np.testing.assert_allclose(curvature.eval({"x": v}), (g.eval({"x": v + h}) - g.eval({"x": v})), rtol=1e-11, atol=1e-11)


@pytest.mark.static_lengths
def test_single_precision_stays_and_integers_convolve(backend):
    x, i = pt.tensor("x", "float32", (4,)), pt.tensor("i", "int64", (3,))
    outputs = [pt.fft.rfft(x), pt.fft.irfft(pt.fft.rfft(x)), pt.fft.fft(pt.fft.rfft(x)), pt.signal.convolve(x, x), pt.signal.convolve(i, i), pt.fft.rfft(i)]
    v, w = np.array([1, 2, 0, -1], "float32"), np.array([1, 2, 3])
    results = function([x, i], outputs, backend=backend)(v, w)
    assert [r.dtype.name for r in results] == [y.dtype for y in outputs] == ["float32"] * 4 + ["int64", "float64"]
    np.testing.assert_allclose(results[1], v, atol=1e-6)
    assert results[4].tolist() == np.convolve(w, w).tolist()


def test_lengths_may_be_known_at_the_call_only(backend):
    x, y = pt.vector("x"), pt.vector("y")
    f = function([x, y], [pt.fft.rfft(x), pt.signal.convolve(x, y)], backend=backend)
    for n in (3, 4):
        a, b = draw(n), draw(2)
        spectrum, product = f(a, b)
        np.testing.assert_allclose(spectrum, pairs(np.fft.rfft(a)), rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(product, np.convolve(a, b), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda x: pt.fft.fft(x), ShapeError, r"last axis of length 2, not a tensor of shape \(4, 3\)"),
        (lambda x: pt.fft.ifft(x[0]), ShapeError, "last axis of length 2"),
        (lambda x: pt.fft.irfft(x), ShapeError, "last axis of length 2"),
        (lambda x: pt.fft.rfft(1.0), ShapeError, "scalar"),
        (lambda x: pt.fft.rfft(pt.ones(0)), ShapeError, "no points"),
        (lambda x: pt.fft.fft(pt.ones((0, 2))), ShapeError, "no points"),
        (lambda x: pt.fft.rfft(x, n=0), ShapeError, "0 points"),
        (lambda x: pt.fft.irfft(pt.ones((1, 2))), ShapeError, "0 points"),
        (lambda x: pt.fft.rfft(x, norm="unit"), ValueError, "norm is one of"),
        (lambda x: pt.signal.convolve(x, 2.0), ShapeError, "not scalars"),
        (lambda x: pt.signal.convolve(x, pt.ones(0)), ShapeError, "empty"),
        (lambda x: pt.signal.convolve(x, pt.ones((3, 2))), ShapeError, "do not broadcast"),
        (lambda x: pt.signal.convolve(x, x, mode="wrap"), ValueError, "mode is"),
    ],
)
def test_bad_arguments_are_errors(make, error, message):
    with pytest.raises(error, match=message):
        make(pt.matrix("x", 4, 3))


def test_any_axis_may_be_transformed():
    rng = np.random.default_rng(0)
    at = rng.normal(size=(4, 3, 5))
    x = pt.tensor("x", "float64", (4, 3, 5))
    outputs, wanted = [], []
    for axis in (0, 1, -1):
        for n in (None, 2, 6):
            outputs.append(pt.fft.rfft(x, n, axis=axis, norm="ortho"))
            wanted.append(np.fft.rfft(at, n, axis=axis, norm="ortho"))
        pairs = pt.stack([x, 2.0 * x], axis=-1)
        outputs += [pt.fft.fft(pairs, axis=axis), pt.fft.ifft(pairs, axis=axis)]
        wanted += [np.fft.fft(at + 2j * at, axis=axis), np.fft.ifft(at + 2j * at, axis=axis)]
    results = function([x], [*outputs, pt.fft.irfft(pt.fft.rfft(x, axis=0), 4, axis=0)], backend="c")(at)
    for result, w in zip(results, wanted):
        np.testing.assert_allclose(result[..., 0] + 1j * result[..., 1], w, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(results[-1], at, rtol=1e-12)
