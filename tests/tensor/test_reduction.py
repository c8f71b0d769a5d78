"""Reductions and running sums against NumPy on every backend; gradients against differences; promotion; errors."""

import warnings

import numpy as np
import pytest
import scipy.special
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import workbench.tensor as pt
from workbench.compile import function
from workbench.errors import ShapeError
from workbench.graph import Mode
from workbench.transforms import grad, hessian

PLAIN = Mode(())
RNG = np.random.default_rng(0)
NAMES = ["sum", "prod", "mean", "var", "std", "max", "min", "all", "any", "ptp", "median", "argmax", "argmin", "logsumexp"]
AXES = [None, 0, -1, (0, 2), (1, -1), ()]


def reference(name, x, axis, keepdims):
    if name == "logsumexp":
        return scipy.special.logsumexp(x, axis=axis, keepdims=keepdims)
    return getattr(np, name)(x, axis=axis, keepdims=keepdims)


def reductions(x, value):
    """Every reduction with every axis it takes: name, expression, NumPy's value."""
    for name in NAMES:
        for axis in AXES:
            if (isinstance(axis, tuple) and name.startswith("arg")) or (axis == () and name in ("median", "logsumexp")):
                continue
            for keepdims in (False, True):
                with warnings.catch_warnings(), np.errstate(all="ignore"):
                    warnings.simplefilter("ignore")
                    wanted = np.asarray(reference(name, value, axis, keepdims))
                yield f"{name}, axis {axis}, keepdims {keepdims}", getattr(pt, name)(x, axis=axis, keepdims=keepdims), wanted


@pytest.mark.parametrize("shape", [(2, 3, 4), (1, 5, 1)])
def test_reductions_agree_with_numpy(backend, shape):
    x = pt.tensor("x", shape=shape)
    value = RNG.normal(size=shape)
    cases = list(reductions(x, value))
    if backend == "numba":
        cases = cases[::5]  # Numba compiles each for long.
    results = function([x], [y for _, y, _ in cases], backend=backend)(value)
    for (name, y, wanted), result in zip(cases, results):
        assert y.dtype == wanted.dtype.name, name
        np.testing.assert_allclose(result, wanted, rtol=1e-12, atol=1e-14, err_msg=f"{name}, {backend}")


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint8", "int32", "uint32", "int64", "uint64", "float32"])
def test_reductions_promote_as_numpy(dtype):
    value = RNG.integers(0, 2 if dtype == "bool" else 100, (2, 3)).astype(dtype)
    x = pt.tensor("x", dtype, (2, 3))
    for name in ["sum", "prod", "mean", "var", "std", "max", "min", "all", "any", "cumsum", "cumprod", "median"]:
        y, wanted = getattr(pt, name)(x, axis=1), getattr(np, name)(value, axis=1)
        assert y.dtype == wanted.dtype.name, name
        np.testing.assert_allclose(y.eval({"x": value}), wanted, rtol=1e-6, err_msg=name)
    y = function([x], [pt.sum(x), pt.max(x, 0), pt.min(x, 0)], backend="c")(value)
    assert [r.dtype for r in y] == [np.sum(value).dtype, value.dtype, value.dtype]
    for result, wanted in zip(y, [np.sum(value), value.max(0), value.min(0)]):
        np.testing.assert_allclose(result, wanted, rtol=1e-6)


@pytest.mark.static_lengths
def test_reductions_over_nothing_are_numpys(backend):
    x = pt.tensor("x", shape=(0, 3))
    value = np.zeros((0, 3))
    outputs = [x.sum(), x.sum(0), x.sum(1), x.prod(0), x.all(0), x.any(0), x.mean(0), x.max(1), pt.cumsum(x, 0), pt.cumprod(x, 1), x.var(0), pt.logsumexp(x, 0)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wanted = [value.sum(), value.sum(0), value.sum(1), value.prod(0), value.all(0), value.any(0), value.mean(0), value.max(1), value.cumsum(0), value.cumprod(1), value.var(0), np.full(3, -np.inf)]
    for result, true in zip(function([x], outputs, backend=backend)(value), wanted):
        np.testing.assert_array_equal(result, true)


@pytest.mark.parametrize("name", ["max", "min", "argmax", "argmin", "ptp"])
def test_the_largest_of_nothing_is_an_error_when_written(name):
    for axis in (None, 0):
        with pytest.raises(ShapeError, match=r"no elements.*\(0, ?3?"):
            getattr(pt, name)(pt.zeros((0, 3)), axis=axis)


def test_the_largest_of_nothing_is_an_error_when_the_length_becomes_known():
    x = pt.vector("x")
    f = function([x], x.max(), backend="c")
    assert float(f([1.0, 3.0])) == 3.0
    with pytest.raises(ShapeError, match="no elements"):
        f(np.zeros(0))


def test_nan_and_infinity_reduce_as_in_numpy(backend):
    value = np.array([[np.nan, 1.0, 2.0], [np.inf, 1.0, -np.inf], [-np.inf, -np.inf, -np.inf], [np.inf, 0.0, 1.0]])
    x = pt.matrix("x", 4, 3)
    names = ["sum", "prod", "max", "min", "mean", "median", "argmax", "argmin", "logsumexp"]
    results = function([x], [getattr(pt, n)(x, axis=1) for n in names], backend=backend)(value)
    with np.errstate(all="ignore"):
        for name, result in zip(names, results):
            np.testing.assert_array_equal(result, reference(name, value, 1, False), err_msg=f"{name}, {backend}")


def test_ddof_divides_by_less(backend):
    x = pt.matrix("x", 3, 4)
    value = RNG.normal(size=(3, 4))
    outputs = [x.var(ddof=1), x.std(axis=0, ddof=1), x.var(axis=1, ddof=2, keepdims=True)]
    wanted = [value.var(ddof=1), value.std(axis=0, ddof=1), value.var(axis=1, ddof=2, keepdims=True)]
    for result, true in zip(function([x], outputs, backend=backend)(value), wanted):
        np.testing.assert_allclose(result, true, rtol=1e-13)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        np.testing.assert_array_equal(pt.var(x[:1], axis=0, ddof=1).eval({"x": value}), np.var(value[:1], axis=0, ddof=1))


def test_softmax_does_not_overflow(backend):
    value = np.array([[1000.0, 1001.0, -5000.0], [0.0, -800.0, 1.0], [-np.inf, 0.0, 0.0]])
    x = pt.matrix("x", 3, 3)
    outputs = [pt.softmax(x, axis=1), pt.log_softmax(x, axis=-1), pt.softmax(x), pt.logsumexp(x, axis=0, keepdims=True)]
    wanted = [scipy.special.softmax(value, 1), scipy.special.log_softmax(value, -1), scipy.special.softmax(value), scipy.special.logsumexp(value, 0, keepdims=True)]
    for result, true in zip(function([x], outputs, backend=backend)(value), wanted):
        np.testing.assert_allclose(result, true, rtol=1e-13, atol=1e-300)


def test_running_sums_and_differences_agree_with_numpy(backend):
    x = pt.tensor("x", shape=(3, 4, 2))
    value = RNG.normal(size=(3, 4, 2))
    outputs, wanted = [], []
    for axis in (None, 0, 1, -1):
        outputs += [pt.cumsum(x, axis), pt.cumprod(x, axis)]
        wanted += [np.cumsum(value, axis), np.cumprod(value, axis)]
    for options in ({}, {"n": 2, "axis": 1}, {"axis": 0, "prepend": 0.0}, {"axis": 1, "append": value[:, :1], "prepend": value[:, :2]}, {"n": 0}, {"n": 3, "axis": 2}):
        outputs.append(pt.diff(x, **options))
        wanted.append(np.diff(value, **options))
    for result, true in zip(function([x], outputs, backend=backend)(value), wanted):
        np.testing.assert_allclose(result, true, rtol=1e-12, atol=1e-14)
    mask = value > 0
    np.testing.assert_array_equal(pt.diff(pt.constant(mask), axis=1).eval(), np.diff(mask, axis=1))


def differences(cost, x, value, h=1e-6):
    run = function([x], cost, backend="numpy", mode=PLAIN)
    found = np.empty(value.size)
    for k in range(value.size):
        up, down = value.copy(), value.copy()
        up.reshape(-1)[k] += h
        down.reshape(-1)[k] -= h
        found[k] = (run(up) - run(down)) / (2 * h)
    return found.reshape(value.shape)


ZEROS = np.array([[0.0, 1.5, -2.0, 0.5], [1.0, 2.0, 3.0, -1.0], [0.0, 0.0, 2.0, 1.0]])
DIFFERENTIABLE = {
    "sum": lambda x: x.sum(axis=0), "prod": lambda x: x.prod(axis=1), "prod of all": lambda x: x.prod(), "prod of columns": lambda x: x.prod(axis=0, keepdims=True),
    "mean": lambda x: x.mean(axis=-1), "var": lambda x: x.var(axis=1, ddof=1), "std": lambda x: x.std(), "max": lambda x: x.max(axis=1), "min": lambda x: x.min(),
    "ptp": lambda x: pt.ptp(x, axis=1), "median": lambda x: pt.median(x, axis=1), "logsumexp": lambda x: pt.logsumexp(x, axis=0), "softmax": lambda x: pt.softmax(x, axis=1),
    "log_softmax": lambda x: pt.log_softmax(x, axis=1), "cumsum": lambda x: x.cumsum(axis=1), "cumsum of all": lambda x: x.cumsum(), "cumprod": lambda x: x.cumprod(axis=1),
    "cumprod of columns": lambda x: x.cumprod(axis=0), "diff": lambda x: pt.diff(x, n=2), "no axes": lambda x: x.sum(axis=()),
}  # fmt: skip


@pytest.mark.parametrize("name", DIFFERENTIABLE)
@pytest.mark.parametrize("zeros", [False, True], ids=["numbers", "zeros"])
def test_gradients_agree_with_differences(name, zeros):
    if zeros and "prod" not in name:
        pytest.skip("zeros matter to products alone")
    value = ZEROS if zeros else RNG.normal(size=(3, 4))
    x = pt.matrix("x", 3, 4)
    y = DIFFERENTIABLE[name](x)
    cost = pt.sum(y * RNG.normal(size=y.type.shape) + pt.square(y))
    g = function([x], grad(cost, x), backend="numpy")(value)
    np.testing.assert_allclose(g, differences(cost, x, value), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("name", ["prod", "prod of columns", "cumprod", "cumsum", "logsumexp", "median"])
def test_second_derivatives_agree_with_differences(name):
    x = pt.matrix("x", 3, 4)
    y = DIFFERENTIABLE[name](x)
    value = ZEROS if "prod" in name else RNG.normal(size=(3, 4))
    first = pt.sum(grad(pt.sum(y * RNG.normal(size=y.type.shape) + pt.square(y)), x) * RNG.normal(size=(3, 4)))
    second = function([x], grad(first, x), backend="numpy")(value)
    np.testing.assert_allclose(second, differences(first, x, value), rtol=1e-5, atol=1e-5)


def test_the_hessian_of_a_product_is_right_at_zeros():
    x = pt.vector("x", 3)
    assert hessian(x.prod(), x).eval({"x": [0.0, 0.0, 5.0]}).tolist() == [[0, 5, 0], [5, 0, 0], [0, 0, 0]]


def test_compiled_gradients_agree_with_numpy(backend):
    x = pt.matrix("x", 3, 4)
    cases = DIFFERENTIABLE if backend != "numba" else {n: DIFFERENTIABLE[n] for n in ("prod", "max", "logsumexp", "cumprod")}
    outputs = [grad(pt.sum(pt.square(f(x))), x) for f in cases.values()]
    value = RNG.normal(size=(3, 4))
    wanted = function([x], outputs, backend="numpy", mode=PLAIN)(value)
    for name, result, true in zip(cases, function([x], outputs, backend=backend)(value), wanted):
        np.testing.assert_allclose(result, true, rtol=1e-10, atol=1e-12, err_msg=f"{name}, {backend}")


def test_reductions_of_unknown_shapes(backend):
    x = pt.matrix("x")
    outputs = [x.sum(0), x.mean(), x.mean(1, keepdims=True), x.var(0), pt.softmax(x, axis=1), x.cumsum(0), x.argmax(1), x.prod(1), grad(pt.sum(x.prod(1) * x.max(1) + x.mean(1)), x), x - x.mean(0)]
    f = function([x], outputs, backend=backend)
    for shape in ((2, 3), (4, 2)):
        v = RNG.normal(size=shape)
        known = pt.tensor("x", shape=shape)
        true_grad = grad(pt.sum(known.prod(1) * known.max(1) + known.mean(1)), known).eval({"x": v})
        wanted = [v.sum(0), v.mean(), v.mean(1, keepdims=True), v.var(0), scipy.special.softmax(v, 1), v.cumsum(0), v.argmax(1), v.prod(1), true_grad, v - v.mean(0)]
        for result, true in zip(f(v), wanted):
            np.testing.assert_allclose(result, true, rtol=1e-10, atol=1e-12)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_random_axes_reduce_as_numpy(data):
    shape = data.draw(hnp.array_shapes(min_dims=0, max_dims=4, min_side=1, max_side=4))
    rank = len(shape)
    axis = data.draw(st.one_of(st.none(), st.just(()), *([st.integers(-rank, rank - 1), st.lists(st.integers(0, rank - 1), unique=True).map(tuple)] if rank else [])))
    keepdims = data.draw(st.booleans())
    value = RNG.normal(size=shape)
    x = pt.tensor("x", shape=shape)
    for name in ("sum", "prod", "max", "all", "mean", "var"):
        y = getattr(pt, name)(x, axis=axis, keepdims=keepdims)
        wanted = np.asarray(getattr(np, name)(value, axis=axis, keepdims=keepdims))
        assert y.type.shape == wanted.shape
        np.testing.assert_allclose(y.eval({"x": value}), wanted, rtol=1e-12, atol=1e-14)


def test_axes_that_do_not_exist_are_errors_when_written():
    x = pt.matrix("x", 3, 4)
    for call in (lambda: x.sum(2), lambda: x.mean((0, -3)), lambda: x.cumsum(2), lambda: x.argmax(5), lambda: pt.diff(x, axis=2)):
        with pytest.raises(ShapeError, match="out of bounds for a tensor of 2 dimensions"):
            call()
    with pytest.raises(ShapeError, match="given twice"):
        x.sum((0, -2))


@pytest.mark.parametrize("shape", [(2, 0, 2, 3), (0, 2, 3), (2, 1, 2, 3)])
def test_reductions_over_several_axes_where_another_has_no_elements(backend, shape):
    """A length of -1 can't be told then."""
    x, axes, value = pt.tensor("x", "float64", shape), (-2, -1), np.arange(np.prod(shape)).reshape(shape) + 1.0
    outputs = [pt.median(x, axis=axes), pt.quantile(x, 0.5, axis=axes), pt.prod(x, axis=axes), grad(pt.sum(pt.prod(x, axis=axes)), x)]
    found = function([x], outputs, backend=backend)(value)
    product = np.prod(value, axis=axes)
    # NumPy's own median fails there.
    middle = value.reshape(*shape[:-2], 6)[..., 2:4].mean(-1)
    for one, wanted in zip(found, [middle, middle, product, product[..., None, None] / value]):
        np.testing.assert_allclose(one, wanted, rtol=1e-13, strict=True)
