"""Gradients of the largest, the smallest, the middle and sorted elements of computed numbers.

The truth: the derivative of max_i f(x_i) is f' at the row of the largest x_i for a rising f, and 0 elsewhere; of a sorted
vector it permutes; of a median or quantile it is the weights with which the neighbours in order enter. f' by its formula in NumPy.
"""

import os

import numpy as np
import pytest

import workbench as pm
import workbench.tensor as pt
from workbench.compile import function
from workbench.compile.c.toolchain import find_compiler
from workbench.graph import Mode
from workbench.transforms import grad

BACKENDS = ["numpy", pytest.param("c", marks=pytest.mark.skipif(find_compiler() is None, reason="no C compiler on this system"))]
SLOW = ["numba", "jax"]
FUNCTIONS = {
    "exp": np.exp, "expm1": np.exp, "sigmoid": lambda x: 1.0 / (2.0 + np.exp(x) + np.exp(-x)), "softplus": lambda x: 1.0 / (1.0 + np.exp(-x)),
    "tanh": lambda x: 1.0 / np.cosh(x) ** 2, "sinh": np.cosh, "arctan": lambda x: 1.0 / (1.0 + x * x), "erf": lambda x: 2.0 / np.sqrt(np.pi) * np.exp(-x * x),
}  # fmt: skip
X = np.random.default_rng(0).normal(size=(100, 17))
ROWS = np.arange(100)


def at_extreme(slope, extreme, axis=1):
    wanted = np.zeros_like(X)
    rows = extreme(X, axis)
    index = (ROWS, rows) if axis == 1 else (rows, np.arange(17))
    wanted[index] = slope(X[index])
    return wanted


@pytest.mark.parametrize("backend", [*BACKENDS, *SLOW])
def test_largest_and_smallest_of_computed_numbers(backend):
    x = pt.tensor("x", shape=X.shape)
    names = list(FUNCTIONS) if backend not in SLOW or os.environ.get("WORKBENCH_TESTS") == "all" else ["exp", "softplus"]
    outputs, wanted = [], []
    for name in names:
        for extreme, row in ((pt.max, np.argmax), (pt.min, np.argmin)):
            for axis in (0, 1):
                outputs.append(grad(extreme(getattr(pt, name)(x), axis=axis).sum(), x))
                wanted.append(at_extreme(FUNCTIONS[name], row, axis))
    for mode in (None, Mode(())) if backend not in SLOW else (None,):
        for result, w in zip(function([x], outputs, backend=backend, mode=mode)(X), wanted):
            np.testing.assert_allclose(result, w, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("backend", BACKENDS)
def test_elements_in_order(backend):
    x, weights = pt.tensor("x", shape=X.shape), np.random.default_rng(1).normal(size=X.shape)
    order = np.argsort(X, axis=1)
    rows = ROWS[:, None]
    slope = np.exp(X)
    sort, median, quantile, largest = (np.zeros_like(X) for _ in range(4))
    sort[rows, order] = weights
    sort *= slope
    median[ROWS, order[:, 8]] = slope[ROWS, order[:, 8]]
    # 0.3 of the way through 17 numbers: 4.8, between those numbered 4 and 5.
    quantile[ROWS, order[:, 4]], quantile[ROWS, order[:, 5]] = 0.2 * slope[ROWS, order[:, 4]], 0.8 * slope[ROWS, order[:, 5]]
    for k in range(12, 17):
        largest[ROWS, order[:, k]] = slope[ROWS, order[:, k]]
    e = pt.exp(x)
    outputs = [
        (pt.sort(e, axis=1) * weights).sum(), pt.median(e, axis=1).sum(), pt.quantile(e, 0.3, axis=1).sum(), pt.sort(e, axis=1)[:, -5:].sum(),
        pt.ptp(e, axis=1).sum(), e[np.arange(100), pt.argmax(e, axis=1)].sum(), pt.logsumexp(x, axis=1).sum(),
    ]  # fmt: skip
    softmax = slope / slope.sum(1, keepdims=True)
    top = at_extreme(np.exp, np.argmax)
    wanted = [sort, median, quantile, largest, top - at_extreme(np.exp, np.argmin), top, softmax]
    for result, w in zip(function([x], [grad(out, x) for out in outputs], backend=backend)(X), wanted):
        np.testing.assert_allclose(result, w, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("backend", [*BACKENDS, *SLOW])
def test_equal_elements_share(backend):
    """Each of k equal largest elements has 1/k: the mean of the one-sided slopes of all orders in which they may be moved apart."""
    x = pt.tensor("x", shape=(3, 4))
    values = np.array([[1.0, 3.0, 3.0, 0.0], [2.0, 2.0, 2.0, 2.0], [-1.0, -2.0, -2.0, 5.0]])
    share = np.array([[0, 0.5, 0.5, 0], [0.25] * 4, [0, 0, 0, 1.0]])
    least = np.array([[0, 0, 0, 1.0], [0.25] * 4, [0, 0.5, 0.5, 0]])
    cubed = (pt.max(x, axis=1) ** 3).sum()
    outputs = [grad(pt.max(x, axis=1).sum(), x), grad(pt.min(x, axis=1).sum(), x), grad(grad(cubed, x).sum(), x), grad(pt.max(x), x)]
    top = values.max(1, keepdims=True)
    # The slopes of 3 m**2, which is the sum of a row of the gradient.
    wanted = [share, least, share * 6.0 * top, (values == 5.0) * 1.0]
    for result, w in zip(function([x], outputs, backend=backend)(values), wanted):
        np.testing.assert_allclose(result, w, rtol=1e-14)


@pytest.mark.parametrize("backend", BACKENDS)
def test_gradient_of_a_model_with_a_largest_element(backend):
    with pm.Model() as model:
        x = pm.Normal("x", 0.0, 1.0, shape=(20, 10))
        pm.Potential("penalty", -pm.math.max(pm.math.exp(x), axis=1).sum())
    values = np.random.default_rng(2).normal(size=(20, 10))
    row = values.argmax(1)
    wanted = -values
    wanted[np.arange(20), row] -= np.exp(values[np.arange(20), row])
    dlogp = model.compile_dlogp(backend=backend)({"x": values})
    np.testing.assert_allclose(np.reshape(dlogp, (20, 10)), wanted, rtol=1e-12)
