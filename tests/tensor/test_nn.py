"""Operations of deep learning against PyTorch's numbers, values and gradients; what they do at the edges; bad input.

The numbers are in tests/reference/nn.npz, made by tests/reference/make_nn.py.
"""

import sys
from pathlib import Path

import numpy as np
import pytest

import workbench as pm
import workbench.tensor as pt
from workbench.compile import function
from workbench.errors import ArgumentError, DTypeError, IndexBoundsError, ShapeError
from workbench.graph import Graph, Mode
from workbench.graph.serialise import from_json, to_json

REFERENCE = Path(__file__).parents[1] / "reference"
sys.path.insert(0, str(REFERENCE))
from nn_cases import CASES, CLASS_WEIGHTS, LABELS, MASK, RUNNING, values, weights  # noqa: E402

nn = pt.nn
THEIRS = np.load(REFERENCE / "nn.npz")
SOFT = np.exp(v := values("probabilities", (4, 5))[0]) / np.exp(v).sum(-1, keepdims=True)
KEY = pt.random.key(3)
BACKENDS = ["c", "numba", "jax", "numpy"]


SLIDING = [n for n in CASES if n.startswith(("conv", "max_pool", "avg_pool")) and n != "conv2d same"]


def normed(x, w, b):
    return nn.batch_norm(x, *RUNNING, w, b)


OURS = {
    "relu": nn.relu, "leaky_relu": nn.leaky_relu, "elu": nn.elu, "gelu": nn.gelu, "gelu tanh": lambda x: nn.gelu(x, "tanh"), "silu": nn.silu,
    "softplus": nn.softplus, "log_sigmoid": nn.log_sigmoid, "softmax": nn.softmax, "log_softmax": nn.log_softmax,
    "softmax masked": lambda x: nn.softmax(x, where=MASK), "layer_norm": nn.layer_norm, "layer_norm two axes": lambda x, w, b: nn.layer_norm(x, w, b, (-2, -1)),
    "rms_norm": nn.rms_norm, "batch_norm": normed, "batch_norm of images": normed, "batch_norm predicts": lambda x, w, b: pm.for_prediction(normed(x, w, b).output),
    "embedding": lambda t: nn.embedding([[1, 5], [0, 1]], t), "cross_entropy": lambda x: nn.cross_entropy(x, LABELS),
    "cross_entropy weighed": lambda x: nn.cross_entropy(x, LABELS, weight=CLASS_WEIGHTS),
    "cross_entropy smoothed": lambda x: nn.cross_entropy(x, LABELS, label_smoothing=0.1),
    "cross_entropy smoothed and weighed": lambda x: nn.cross_entropy(x, LABELS, weight=CLASS_WEIGHTS, label_smoothing=0.1),
    "cross_entropy of some": lambda x: nn.cross_entropy(x, [2, 99, 1, 4], where=[True, False, True, True], weight=CLASS_WEIGHTS),
    "cross_entropy of probabilities": lambda x: nn.cross_entropy(x, SOFT, weight=CLASS_WEIGHTS, label_smoothing=0.2),
    "cross_entropy sum": lambda x: nn.cross_entropy(pt.swapaxes(x, 0, 1), LABELS, axis=0, reduction="sum"),
    "binary": lambda x: nn.binary_cross_entropy_with_logits(x, MASK),
    "binary weighed": lambda x: nn.binary_cross_entropy_with_logits(x, MASK, pos_weight=CLASS_WEIGHTS),
    "conv1d": lambda x, w, b: nn.conv1d(x, w, b, stride=2, padding=1, dilation=2, groups=2), "conv2d": lambda x, w, b: nn.conv2d(x, w, b, padding=1),
    "conv2d same": lambda x, w: nn.conv2d(x, w, padding="same", dilation=2, groups=2),
    "conv2d depthwise": lambda x, w: nn.conv2d(x, w, stride=(2, 3), padding=(1, 0), groups=4), "conv2d of one": nn.conv2d,
    "conv_transpose1d": lambda x, w: nn.conv_transpose1d(x, w, stride=3, padding=1, output_padding=1, groups=2),
    "conv_transpose2d": lambda x, w, b: nn.conv_transpose2d(x, w, b, (2, 3), 1, (1, 0), 2, 2),
    "max_pool1d": lambda x: nn.max_pool1d(x, 3, 2), "max_pool2d": lambda x: nn.max_pool2d(x, (3, 2), (2, 1), 1, (1, 2)),
    "avg_pool1d": lambda x: nn.avg_pool1d(x, 4), "avg_pool2d": lambda x: nn.avg_pool2d(x, 3, 2, 1),
    "avg_pool2d of what is met": lambda x: nn.avg_pool2d(x, 2, 1, 1, count_include_pad=False),
    "mse": nn.mse_loss, "huber": lambda x, y: nn.huber_loss(x, y, 0.7),
}  # fmt: skip


def asked(name, dtype, open_lengths=False):
    """Results of a case, and gradients, as PyTorch was asked for them."""
    inputs = [pt.tensor(f"x{i}", dtype, (None,) * len(s) if open_lengths else s) for i, s in enumerate(CASES[name])]
    results = OURS[name](*inputs)
    results = results if isinstance(results, tuple) else (results,)
    total = pt.sum(results[0] * weights(THEIRS[f"{name}/0"].shape).astype(dtype))
    wanted = [*(THEIRS[f"{name}/{i}"] for i in range(len(results))), *(THEIRS[f"{name}/grad {i}"] for i in range(len(inputs)))]
    return inputs, [*results, *pm.grad(total, inputs)], wanted


FOR_NUMBA = ("softmax masked", "cross_entropy smoothed", "batch_norm", "gelu")
"""It is slow to compile; operations with code of their own are tried elsewhere."""


@pytest.mark.parametrize("form", [("c", "float64"), ("c", "float32"), ("jax", "float64"), ("numpy", "float32"), ("numba", "float64")], ids="-".join)
def test_values_and_gradients_are_those_of_pytorch(form):
    on, dtype = form
    inputs, made, wanted, given, names = [], [], [], [], []
    for name in FOR_NUMBA if on == "numba" else CASES:
        i, m, w = asked(name, dtype)
        inputs += i
        made += m
        wanted += w
        given += [v.astype(dtype) for v in values(name, *CASES[name])]
        names += [name] * len(m)
    found = function(inputs, made, backend=on)(*given)
    tolerance = 1e-10 if dtype == "float64" else 2e-5
    for name, x, y in zip(names, found, wanted):
        assert x.dtype == dtype, name
        np.testing.assert_allclose(x, y, rtol=tolerance, atol=tolerance, err_msg=name)


def test_lengths_may_be_open():
    for name in ("softmax", "layer_norm", "batch_norm of images", "cross_entropy smoothed", "log_softmax", "embedding", "rms_norm", *SLIDING):
        inputs, made, wanted = asked(name, "float64", open_lengths=True)
        for x, y in zip(function(inputs, made, backend="c")(*values(name, *CASES[name])), wanted):
            np.testing.assert_allclose(x, y, rtol=1e-10, atol=1e-10, err_msg=name)


def test_nothing_overflows_and_small_numbers_keep_their_digits():
    import mpmath

    x = np.array([-800.0, -30.0, -5.0, 800.0])
    for made, wanted in (
        (nn.gelu(x), [-0.0 if v < -40.0 else float(v * mpmath.ncdf(v)) for v in x]), (nn.log_sigmoid(x), [float(-mpmath.log1p(mpmath.exp(-mpmath.mpf(v)))) for v in x]),
        (nn.elu(x), [-1.0, float(mpmath.expm1(-30)), float(mpmath.expm1(-5)), 800.0]),
        (nn.cross_entropy(np.array([[800.0, -800.0]]), [1]), 1600.0), (nn.softmax(np.array([800.0, 801.0])), [0.2689414213699951, 0.7310585786300049]),
    ):  # fmt: skip
        np.testing.assert_allclose(made.eval(), wanted, rtol=1e-13, atol=0.0)
    assert np.isnan(nn.relu(pt.constant([np.nan])).eval()).all()


def test_rows_in_which_nothing_counts_are_zeros_with_no_gradient():
    x = pt.matrix("x", 2, 3)
    mask = np.array([[True, False, True], [False, False, False]])
    for dtype in ("float64", "float32"):
        x = pt.matrix("x", 2, 3, dtype=dtype)
        y = nn.softmax(x, where=mask)
        loss = nn.cross_entropy(x, [0, 1], where=[True, False])
        for backend in BACKENDS[::2]:
            found, slope, of_loss = function([x], [y, pm.grad(pt.sum(y[:, 0]), x), pm.grad(loss, x)], backend=backend)(np.array([[1.0, 5.0, 1.0], [2.0, np.inf, 3.0]], dtype))
            np.testing.assert_allclose(found, [[0.5, 0.0, 0.5], [0.0, 0.0, 0.0]], rtol=1e-6)
            np.testing.assert_allclose(slope, [[0.25, 0.0, -0.25], [0.0, 0.0, 0.0]], rtol=1e-6)
            assert not of_loss[1].any()
    assert np.isneginf(nn.log_softmax(x, where=mask).eval({"x": np.ones((2, 3), dtype)})[1]).all()


# Dropout --------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_dropout_draws_the_same_on_every_backend_and_its_gradient_draws_again(dtype):
    x, p = pt.tensor("x", dtype, (40, 50)), pt.scalar("p")
    y = nn.dropout(x, p, KEY)
    made = [y, pm.grad(pt.sum(y * 3.0), x), nn.dropout(x, 0.0, KEY), nn.dropout(x, 1.0, KEY), nn.dropout(x, 0.3, KEY, shared=[1]), nn.stochastic_depth(x, 0.3, KEY)]
    ones = np.ones((40, 50), dtype)
    plain = function([x, p], made, backend="numpy", mode=Mode(()))(ones, 0.25)
    y, slope, whole, none, rows, branch = plain
    # 2,000 draws: four standard deviations are 0.04.
    assert set(np.unique(y)) == {0.0, dtype_of(4 / 3, dtype)} and abs((y == 0.0).mean() - 0.25) < 0.04
    assert np.array_equal(slope, y * 3) and np.array_equal(whole, ones) and not none.any()
    assert np.array_equal(rows, np.repeat(rows[:, :1], 50, 1)) and np.array_equal(rows, branch) and 0 < np.count_nonzero(rows[:, 0]) < 40
    for backend in BACKENDS:
        for a, b in zip(plain, function([x, p], made, backend=backend)(ones, 0.25)):
            assert a.dtype == b.dtype == dtype
            np.testing.assert_allclose(b, a, rtol=1e-6)


def dtype_of(number, dtype):
    return np.asarray(number, dtype)[()]


def test_dropout_of_open_lengths_and_in_a_batch():
    x, row = pt.matrix("x"), pt.vector("row", 6)
    assert function([x], nn.dropout(x, 0.5, KEY))(np.ones((0, 3))).shape == (0, 3)
    known = function([x], nn.dropout(x, 0.5, KEY))(np.ones((2, 3)))
    assert np.array_equal(known.ravel(), nn.dropout(pt.ones(6), 0.5, KEY).eval())
    many, keys = pt.matrix("many", 4, 6), pt.random.split(KEY, 4)
    together = pm.vectorize_graph(nn.dropout(row, 0.5, KEY), {row: many}).eval({"many": np.ones((4, 6))})
    assert (together == nn.dropout(pt.ones(6), 0.5, KEY).eval()).all()
    key = pt.scalar("key", "uint64")
    each = pm.vectorize_graph(nn.dropout(row, 0.5, key), {row: many, key: keys}).eval({"many": np.ones((4, 6))})
    assert np.array_equal(each, [nn.dropout(pt.ones(6), 0.5, keys[i]).eval() for i in range(4)])


def test_a_probability_of_the_graph_that_is_none_gives_nan():
    p = pt.scalar("p")
    for backend in BACKENDS[::2]:
        f = function([p], nn.dropout(pt.ones(3), p, KEY), backend=backend)
        assert np.isnan(f(-0.1)).all() and np.isnan(f(1.1)).all() and np.isnan(f(np.nan)).all() and not f(1.0).any()


def test_noise_has_its_deviation_and_a_gradient_of_one():
    x, sd = pt.vector("x", 4000, dtype="float32"), pt.scalar("sd")
    y = nn.gaussian_noise(x, sd, KEY)
    made, slope, of_sd = function([x, sd], [y, *pm.grad(pt.sum(y), [x, sd])])(np.ones(4000), 0.5)
    assert made.dtype == "float32" and (slope == 1.0).all() and of_sd == pytest.approx((made - 1.0).sum() / 0.5, rel=1e-4)
    assert abs(made.mean() - 1.0) < 4 * 0.5 / np.sqrt(4000) and abs(made.std() - 0.5) < 4 * 0.5 / np.sqrt(8000)


# Statistics that training keeps ---------------------------------------------------------------


def test_batch_norm_keeps_its_statistics_by_updates():
    x, mean, var = pt.matrix("x"), pt.data("mean", RUNNING[0]), pt.data("var", RUNNING[1])
    y = nn.batch_norm(x, mean, var)
    step = function([x], y.output, updates={mean: y.running_mean, var: y.running_var})
    predict = function([x], pm.for_prediction(y.output))
    batches = np.random.default_rng(1).normal(size=(30, 8, 3)) * 2.0 + 5.0
    wanted = [*RUNNING]
    for batch in batches:
        assert np.allclose(step(batch).mean(0), 0.0)
        wanted = [0.9 * wanted[0] + 0.1 * batch.mean(0), 0.9 * wanted[1] + 0.1 * batch.var(0, ddof=1)]
    np.testing.assert_allclose([mean.eval(), var.eval()], wanted, rtol=1e-12)
    np.testing.assert_allclose(predict(batches[0, :1]), (batches[0, :1] - wanted[0]) / np.sqrt(wanted[1] + 1e-5), rtol=1e-12)


def test_a_batch_of_one_is_an_error_that_says_so():
    x = pt.matrix("x")
    f = function([x], nn.batch_norm(x, *RUNNING).output)
    for refused in (lambda: f(np.ones((1, 3))), lambda: nn.batch_norm(pt.matrix("x", 1, 3), *RUNNING)):
        with pytest.raises(ShapeError, match=r"batch_norm of a batch of shape \(1, 3\): a channel has fewer than two values.*\n.*\n.*for_prediction"):
            refused()
    images = pt.tensor4("images")
    assert function([images], nn.batch_norm(images, *RUNNING).output)(np.random.default_rng(0).normal(size=(1, 3, 2, 2))).shape == (1, 3, 2, 2)


def test_graphs_of_all_operations_are_read_back():
    x, key = pt.tensor4("x", shape=(2, 3, 6, 6)), pt.scalar("key", "uint64")
    y = nn.batch_norm(nn.dropout(nn.conv2d(x, np.ones((3, 3, 2, 2))), 0.5, key, shared=[2]), *RUNNING).output
    y = nn.stochastic_depth(nn.max_pool2d(y, 2), 0.1, key) + nn.gaussian_noise(pt.zeros((2, 3, 2, 2)), 1.0, key)
    graph = Graph([x, key], [y, pm.grad(pt.sum(y**2), x)])
    given = [np.random.default_rng(0).normal(size=(2, 3, 6, 6)), np.uint64(5)]
    for a, b in zip(from_json(to_json(graph)).run("numpy", *given), graph.run("numpy", *given)):
        assert np.array_equal(a, b)


# Numbers as vectors ---------------------------------------------------------------------------


def test_one_hot_and_embedding():
    x = pt.matrix("ids", dtype="int32")
    given = np.array([[0, 2], [3, -1]], "int32")
    wanted = np.array([[[1, 0, 0], [0, 0, 1]], [[0, 0, 0], [0, 0, 0]]], float)
    for axis in (-1, 0, 1):
        made = function([x], nn.one_hot(x, 3, axis=axis))(given)
        assert np.array_equal(made, np.moveaxis(wanted, -1, axis))
    n = pt.scalar("n", "int64")
    assert function([n], nn.one_hot([1], n, dtype="float32"))(4).tolist() == [[0.0, 1.0, 0.0, 0.0]]
    assert nn.one_hot(2, 3).eval().tolist() == [0.0, 0.0, 1.0]
    table = pt.matrix("table", 4, 2)
    f = function([x, table], nn.embedding(x, table))
    assert f(np.zeros((0, 3), "int32"), np.ones((4, 2))).shape == (0, 3, 2)
    with pytest.raises(IndexBoundsError, match="index 6 is out of bounds for axis 0 of table, which has length 4"):
        f(given * 3, np.ones((4, 2)))


BAD = {
    "p below 0": (lambda x: nn.dropout(x, -0.1, KEY), ArgumentError, "between 0 and 1, not -0.1"),
    "p above 1": (lambda x: nn.stochastic_depth(x, 1.5, KEY), ArgumentError, "stochastic_depth: a probability is between 0 and 1"),
    "p of rows": (lambda x: nn.dropout(x, [0.1, 0.2], KEY), ShapeError, "one number"),
    "no key": (lambda x: nn.dropout(x, 0.5, 3), DTypeError, "the key is one of pt.random"),
    "mode": (lambda x: nn.stochastic_depth(x, 0.5, KEY, "rows"), ArgumentError, "'row' or 'batch', not 'rows'"),
    "of a scalar": (lambda x: nn.stochastic_depth(x[0, 0], 0.5, KEY), ShapeError, "there are no rows"),
    "form of gelu": (lambda x: nn.gelu(x, "erf"), ArgumentError, "'none' or 'tanh', not 'erf'"),
    "mask of numbers": (lambda x: nn.softmax(x, where=x), DTypeError, "a mask of booleans, not of float64"),
    "axis": (lambda x: nn.layer_norm(x, axis=2), ShapeError, "axis 2 is out of bounds"),
    "channels": (lambda x: nn.batch_norm(x, *RUNNING), ShapeError, r"running_mean has shape \(3,\), for 5 channels"),
    "a vector": (lambda x: nn.batch_norm(x[0], *RUNNING), ShapeError, "a batch of channels"),
    "ids that are floats": (lambda x: nn.one_hot(x, 3), DTypeError, "one_hot takes whole numbers"),
    "no table": (lambda x: nn.embedding([0], x[0]), ShapeError, "the table is a matrix"),
    "row that is not there": (lambda x: nn.embedding([4], x), IndexBoundsError, "index 4 is out of bounds"),
    "labels of two axes": (lambda x: nn.cross_entropy(x, [[0]]), ShapeError, "labels have the shape of the logits without the axis of classes"),
    "probabilities of one axis": (lambda x: nn.cross_entropy(x, [0.1, 0.2, 0.3, 0.4]), ShapeError, "probabilities of shape"),
    "labels that are booleans": (lambda x: nn.cross_entropy(x, x[:, 0] > 0), DTypeError, "whole numbers or probabilities"),
    "smoothing": (lambda x: nn.cross_entropy(x, LABELS, label_smoothing=2.0), ArgumentError, "label_smoothing is between 0 and 1"),
    "reduction": (lambda x: nn.mse_loss(x, x, reduction="max"), ArgumentError, "'mean', 'sum' or 'none', not 'max'"),
    "no classes": (lambda x: nn.cross_entropy(x[0, 0], 0), ShapeError, "there are no classes"),
    "mask of a loss": (lambda x: nn.huber_loss(x, x, where=[1, 0, 1, 0, 0]), DTypeError, "a mask of booleans"),
    "what is predicted": (lambda x: nn.in_training(x, pt.zeros(3)), ShapeError, "broadcast"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_a_clear_error(case):
    call, error, message = BAD[case]
    with pytest.raises(error, match=message):
        call(pt.matrix("x", 4, 5))
