"""Convolutions and pooling against SciPy, on every backend and several threads; second derivatives; batches; bad input.

What PyTorch makes of the same is compared in tests/tensor/test_nn.py. Gradients are convolution_input (ConvolutionInput) and
convolution_kernel (ConvolutionKernel), those of pooling at_largest (AtLargest) and of_largest (OfLargest).
"""

import numpy as np
import pytest
import scipy.signal

import workbench as pm
import workbench.tensor as pt
from workbench.compile import function
from workbench.errors import ArgumentError, ShapeError
from workbench.graph import Mode

nn = pt.nn
PLAIN = Mode(())

# Shapes of images and kernels, and options: channels that fill no tile, strides that divide nothing, one row, one column.
CASES = {
    "padded": ((2, 4, 7, 6), (6, 4, 3, 3), {"padding": 1}),
    "strides, groups": ((2, 4, 7, 6), (6, 2, 3, 2), {"padding": ((1, 0), (2, 1)), "stride": (2, 3), "groups": 2}),
    "dilated": ((1, 3, 9, 8), (13, 3, 2, 3), {"dilation": (2, 1), "padding": "same"}),
    "depthwise": ((2, 4, 8, 8), (4, 1, 3, 3), {"groups": 4, "stride": 2, "padding": 1}),
    "one by one, strides": ((3, 5, 4, 4), (7, 5, 1, 1), {"stride": 3}),
    "all at once": ((1, 2, 20, 31), (9, 2, 5, 4), {"stride": 2, "dilation": 3, "padding": 4}),
    "kernel as large as images": ((2, 3, 4, 5), (2, 3, 4, 5), {}),
    "a column": ((2, 3, 300, 1), (5, 3, 4, 1), {"padding": ((2, 5), (0, 0)), "stride": (3, 1), "dilation": (2, 1)}),
    "a column, each place": ((1, 2, 200, 1), (3, 2, 3, 1), {"padding": ((1, 1), (0, 0))}),
    "more of kernels than of images": ((1, 5, 3, 4), (27, 5, 3, 3), {"padding": 1}),
    "wide": ((1, 1, 1, 300), (33, 1, 1, 7), {}), "a wide kernel": ((1, 2, 3, 400), (3, 2, 2, 200), {"padding": 3}),
}  # fmt: skip


def with_second_derivatives(xs, ws, options, dtype):
    x, w = pt.tensor("x", dtype, xs), pt.tensor("w", dtype, ws)
    y = nn.conv2d(x, w, **options)
    g = pt.reshape(pt.cos(pt.arange(float(np.prod(y.type.shape)))), y.type.shape).astype(dtype)
    slopes = pm.grad(pt.sum(y * g), [x, w])
    return [x, w], [y, *slopes, *pm.grad(sum(pt.sum(s**2) for s in slopes), [x, w])]


@pytest.mark.parametrize("form", [("c", 1, "float64"), ("c", 3, "float32"), ("jax", 1, "float64"), ("numba", 1, "float32")], ids=str)
def test_backends_and_threads_agree_with_plain_numpy(form):
    on, threads, dtype = form
    rng = np.random.default_rng(0)
    inputs, made, given, names = [], [], [], []
    for name, (xs, ws, options) in CASES.items():
        if on == "numba" and name not in ("strides, groups", "all at once"):
            continue  # One code for all lengths.
        i, m = with_second_derivatives(xs, ws, options, dtype)
        inputs += i
        made += m
        given += [rng.normal(size=xs).astype(dtype), rng.normal(size=ws).astype(dtype)]
        names += [name] * len(m)
    found = function(inputs, made, backend=on, **({"threads": threads} if threads > 1 else {}))(*given)
    for name, a, b in zip(names, found, function(inputs, made, backend="numpy", mode=PLAIN)(*given)):
        assert a.dtype == dtype
        np.testing.assert_allclose(a / abs(b).max(), b / abs(b).max(), atol=1e-5 if dtype == "float32" else 1e-13, err_msg=name)


def test_nothing_is_called_back_from_c():
    inputs, made = with_second_derivatives(*CASES["strides, groups"], "float32")
    text = str(function(inputs, made, backend="c").explain())
    assert "called back" not in text or "nothing" in text


@pytest.mark.parametrize("mode", ["valid", "same", "full"])
def test_values_are_scipys(mode):
    rng = np.random.default_rng(1)
    x, w = rng.normal(size=(2, 3, 9, 8)), rng.normal(size=(4, 3, 5, 3))
    wanted = np.array([[sum(scipy.signal.correlate2d(i[c], k[c], mode) for c in range(3)) for k in w] for i in x])
    made = nn.conv2d(x, w, padding={"valid": 0, "same": "same", "full": (4, 2)}[mode])
    np.testing.assert_allclose(function([], made)(), wanted, rtol=1e-12, atol=1e-12)
    line, kernel = rng.normal(size=(1, 200)), rng.normal(size=(1, 1, 11))
    np.testing.assert_allclose(function([], nn.conv1d(line, kernel, padding=10)) ()[0], scipy.signal.correlate(line[0], kernel[0, 0], "full"), rtol=1e-12, atol=1e-12)


def test_a_transpose_is_the_adjoint():
    rng = np.random.default_rng(2)
    x, w = rng.normal(size=(2, 4, 9, 8)), rng.normal(size=(6, 2, 3, 2))
    options = {"stride": (2, 3), "padding": (1, 0), "groups": 2, "dilation": 2}
    y = nn.conv2d(x, w, **options).eval()
    g = rng.normal(size=y.shape)
    back = nn.conv_transpose2d(g, w, output_padding=(0, 2), **options).eval()
    assert back.shape == x.shape
    assert np.sum(y * g) == pytest.approx(np.sum(x * back), rel=1e-12)


def test_padding_same_with_strides_is_that_of_jax():
    jax = pytest.importorskip("jax")
    rng = np.random.default_rng(3)
    x, w = rng.normal(size=(1, 2, 7, 10)), rng.normal(size=(3, 2, 4, 3))
    with jax.enable_x64() if hasattr(jax, "enable_x64") else jax.experimental.enable_x64():
        wanted = jax.lax.conv(x, w, (2, 3), "SAME")
    np.testing.assert_allclose(nn.conv2d(x, w, stride=(2, 3), padding="same").eval(), wanted, rtol=1e-12, atol=1e-12)


def test_batches_of_images_and_of_kernels():
    x, w = pt.tensor3("x", shape=(2, 6, 5)), pt.tensor4("w", shape=(3, 2, 2, 2))
    many, kernels = pt.tensor("many", "float64", (4, 2, 6, 5)), pt.tensor("kernels", "float64", (4, 3, 2, 2, 2))
    y = nn.max_pool2d(nn.conv2d(x, w), 2) + nn.conv_transpose2d(x, pt.swapaxes(w, 0, 1))[:, :2, :2]
    rng = np.random.default_rng(4)
    a, b = rng.normal(size=(4, 2, 6, 5)), rng.normal(size=(4, 3, 2, 2, 2))
    of_images = pm.vectorize_graph(y, {x: many})
    np.testing.assert_allclose(of_images.eval({many: a, w: b[0]}), [y.eval({x: i, w: b[0]}) for i in a], rtol=1e-12)
    of_both = pm.vectorize_graph(y, {x: many, w: kernels})
    np.testing.assert_allclose(of_both.eval({many: a, kernels: b}), [y.eval({x: i, w: k}) for i, k in zip(a, b)], rtol=1e-12)


def test_pooling_of_nan_equal_elements_and_minus_infinity():
    x = pt.tensor4("x", shape=(1, 1, 4, 4))
    y = nn.max_pool2d(x, 2, padding=1, stride=1)
    at = np.array([[[[1.0, 1.0, -np.inf, -np.inf], [1.0, 1.0, -np.inf, -np.inf], [0.0, np.nan, 3.0, 2.0], [0.0, 0.0, 2.0, 3.0]]]])
    made = [nn.max_pool2d(x, 2), pm.grad(pt.sum(nn.max_pool2d(x, 2)), x), y]
    plain = function([x], made, backend="numpy", mode=PLAIN)(at)
    assert np.array_equal(plain[0], [[[[1.0, -np.inf], [np.nan, 3.0]]]], equal_nan=True)
    assert np.array_equal(plain[1], [[[[1.0, 0.0, 1.0, 0.0], [0.0] * 4, [0.0, 1.0, 1.0, 0.0], [0.0] * 4]]])
    for backend in ("c", "jax", "numba"):
        for a, b in zip(function([x], made, backend=backend)(at), plain):
            assert np.array_equal(a, b, equal_nan=True), backend
    # The second derivative of the sum of squares, OfLargest: 2 where an element is the largest of its window.
    slope = pm.grad(pt.sum(nn.max_pool2d(x, 2) ** 2), x)
    twice = pm.grad(pt.sum(slope), x).eval({x: np.arange(16.0).reshape(1, 1, 4, 4)})
    assert np.array_equal(np.flatnonzero(twice), [5, 7, 13, 15]) and twice.max() == 2.0


def test_no_images_and_lengths_known_at_the_call():
    x, w = pt.tensor4("x"), pt.tensor4("w")
    f = function([x, w], [nn.conv2d(x, w, padding=1, stride=2), *pm.grad(pt.sum(nn.conv2d(x, w, padding=1, stride=2)), [x, w])])
    for shape in ((0, 2, 5, 5), (2, 2, 5, 4), (1, 2, 1, 1)):
        y, gx, gw = f(np.ones(shape), np.ones((3, 2, 3, 3)))
        assert y.shape == (shape[0], 3, (shape[2] + 1) // 2, (shape[3] + 1) // 2) and gx.shape == shape and gw.shape == (3, 2, 3, 3)
    with pytest.raises(ShapeError, match="n1? is 3 .axis 1 of x."):
        f(np.ones((1, 3, 5, 5)), np.ones((3, 2, 3, 3)))
    g = function([x], nn.conv2d(x, pt.ones((3, 2, 3, 3)), padding=1))
    with pytest.raises(ShapeError, match=r"a kernel of shape \(3, 3\) does not fit into an image of shape \(0, 5\)"):
        g(np.ones((1, 2, 0, 5)))


X, W = pt.tensor4("x", shape=(2, 4, 6, 5)), pt.tensor4("w", shape=(6, 4, 3, 3))
BAD = {
    "channels": (lambda: nn.conv2d(X, pt.zeros((6, 3, 3, 3))), ShapeError, "images of 4 channels, and kernels for 3 channels in 1 group"),
    "groups that do not divide": (lambda: nn.conv2d(X, pt.zeros((5, 2, 3, 3)), groups=2), ShapeError, "5 channels out cannot be divided into 2 groups"),
    "groups of channels": (lambda: nn.conv2d(X, W, groups=2), ShapeError, "4 channels in 2 groups"),
    "no groups": (lambda: nn.conv2d(X, W, groups=0), ArgumentError, "groups is a whole number of at least 1, not 0"),
    "kernel too large": (lambda: nn.conv2d(X, W, dilation=3), ShapeError, r"a kernel of shape \(3, 3\) does not fit into an image of shape \(6, 5\)"),
    "empty kernel": (lambda: nn.conv2d(X, pt.zeros((6, 4, 0, 3))), ShapeError, "does not fit"),
    "axes": (lambda: nn.conv2d(X, W[0]), ShapeError, r"weight \(4, 3, 3\)"),
    "axes of signals": (lambda: nn.conv1d(X, W), ShapeError, r"signals are \(n, channels, length\)"),
    "stride": (lambda: nn.conv2d(X, W, stride=0), ArgumentError, "stride is a whole number of at least 1, or one for each axis; not 0"),
    "dilation": (lambda: nn.conv2d(X, W, dilation=(1, 2, 3)), ArgumentError, "dilation is a whole number"),
    "padding": (lambda: nn.conv2d(X, W, padding=-1), ArgumentError, "padding is a whole number of at least 0"),
    "word of padding": (lambda: nn.conv2d(X, W, padding="full"), ArgumentError, "'valid', 'same' or numbers, not 'full'"),
    "same of open lengths": (lambda: nn.conv2d(pt.tensor4("open"), W, padding="same", stride=2), ShapeError, "depends on lengths that are not known"),
    "output padding": (lambda: nn.conv_transpose2d(X, pt.zeros((4, 2, 3, 3)), stride=2, output_padding=2), ArgumentError, "not below the stride"),
    "channels of a transpose": (lambda: nn.conv_transpose2d(X, pt.zeros((3, 2, 3, 3))), ShapeError, "results of shape"),
    "bias": (lambda: nn.conv2d(X, W, pt.zeros((6, 1))), ShapeError, "one number for each channel out"),
    "bias of other channels": (lambda: nn.conv2d(X, W, pt.zeros(5)), ShapeError, "do not broadcast"),
    "window": (lambda: nn.max_pool2d(X, 7), ShapeError, "does not fit into images"),
    "padding of a window": (lambda: nn.avg_pool2d(X, 2, padding=2), ArgumentError, "more than half of a window"),
    "window of nothing": (lambda: nn.avg_pool1d(X[0], 0), ArgumentError, "kernel_size is a whole number of at least 1"),
    "axes of pooling": (lambda: nn.max_pool2d(X[0, 0], 2), ShapeError, "images are"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_a_clear_error(case):
    call, error, message = BAD[case]
    with pytest.raises(error, match=message):
        call()
