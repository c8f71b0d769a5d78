"""The degree of an expression as a polynomial in an array, against differences along a line."""

import numpy as np
import pytest

import workbench.tensor as pt
from workbench.graph.inner import Graph
from workbench.transforms.polynomial_degree import Degrees

A = np.array([[1.0, 0.4, 0.2], [0.4, 2.0, 0.1], [0.2, 0.1, 1.5]])
CASES = {
    "itself": (lambda x: x, 1), "of nothing": (lambda x: pt.constant(A) @ pt.ones(3), 0), "affine": (lambda x: 2.0 * x[::-1] - A, 1),
    "square": (lambda x: (x - 1.0) ** 2, 2), "product": (lambda x: x[:, None] * x, 2), "product with a matrix": (lambda x: pt.constant(A) @ x, 1),
    "form": (lambda x: x @ pt.constant(A) @ x, 2), "solution": (lambda x: pt.sum(pt.linalg.solve_triangular(pt.constant(np.tril(A)), x - 1.0, lower=True) ** 2), 2),
    "chosen": (lambda x: pt.where(np.array([True, False, True]), x, 2.0 * x * x), 2), "gathered": (lambda x: x[np.array([0, 0, 2, 1])] / 3.0, 1),
    "joined": (lambda x: pt.concatenate([x, x * x]), 2), "cumulative": (lambda x: pt.cumsum(x), 1), "cubic": (lambda x: x * x * x, 3),
    "set": (lambda x: pt.zeros(5)[1:4].set(x), 1),
}  # fmt: skip
NONE = {
    "exponential": pt.exp, "divided by": lambda x: 1.0 / x, "chosen by": lambda x: pt.where(x > 0, x, -x), "root": lambda x: pt.sqrt(x * x), "largest": pt.max,
    "to a fraction": lambda x: x**0.5, "rounded": lambda x: pt.cast(pt.cast(x, "int64"), "float64"), "solved with": lambda x: pt.linalg.solve(A * x, np.ones(3)),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_differences_of_an_order_above_the_degree_vanish_and_of_it_do_not(name):
    x = pt.vector("x", 3)
    made, degree = CASES[name]
    y = made(x)
    assert Degrees(x).of(y) == degree and Degrees(x).obstacle(y) is None
    run, rng = Graph([x], [y]), np.random.default_rng(1)
    start, way = rng.normal(size=3), rng.normal(size=3)
    values = np.stack([run.run("numpy", start + t * way)[0] for t in range(degree + 2)])
    assert np.abs(np.diff(values, degree + 1, axis=0)).max() < 1e-12
    if degree:
        assert np.abs(np.diff(values, degree, axis=0)).max() > 1e-3


@pytest.mark.parametrize("name", NONE)
def test_what_is_no_polynomial_has_no_degree(name):
    x = pt.vector("x", 3)
    y = pt.sum(NONE[name](x) + x)
    assert Degrees(x).of(y) is None and Degrees(x).obstacle(y) is not None
