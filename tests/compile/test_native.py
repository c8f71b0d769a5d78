"""Matrix operations in generated C and by Numba: plain loops when small, BLAS and LAPACK when large."""

import os

import numpy as np
import pytest

import workbench.tensor as pt
from workbench.compile import function
from workbench.compile.c.toolchain import find_compiler
from workbench.tensor.linalg.lapack import SMALL
from workbench.transforms import grad

COMPILED = [
    pytest.param("c", marks=pytest.mark.skipif(find_compiler() is None, reason="no C compiler on this system")), "numba",
]  # fmt: skip
compiled = pytest.mark.parametrize("backend", COMPILED)


def outputs(a, b):
    lower, upper = pt.linalg.cholesky(a), pt.linalg.cholesky(a, lower=False)
    return {
        "cholesky": lower, "forward": pt.linalg.solve_triangular(lower, b, lower=True, b_ndim=2),
        "forward transposed": pt.linalg.solve_triangular(lower, b, lower=True, trans=1, b_ndim=2),
        "backward": pt.linalg.solve_triangular(upper, b, lower=False, b_ndim=2),
        "backward transposed": pt.linalg.solve_triangular(upper, b, lower=False, trans=1, b_ndim=2),
        "solution": pt.linalg.solve(a - 3.0 * pt.sqrt(pt.abs(a)), b, b_ndim=2), "product": a @ b, "square": a @ a,
    }  # fmt: skip


@compiled
@pytest.mark.parametrize("n", [1, 3, SMALL, SMALL + 1, 120])
@pytest.mark.parametrize("batch_a, batch_b", [((), ()), ((2, 3), (2, 3)), ((), (4,)), ((4,), ())])
def test_small_and_large_matrices_agree_with_numpy(backend, n, batch_a, batch_b):
    if backend == "numba" and (batch_a != (2, 3) or n < SMALL) and os.environ.get("WORKBENCH_TESTS") != "all":
        pytest.skip("a sample on Numba")
    rng = np.random.default_rng(n)
    root = rng.normal(size=(*batch_a, n, n))
    va, vb = root @ root.swapaxes(-1, -2) + n * np.eye(n), rng.normal(size=(*batch_b, n, 5))
    a, b = pt.tensor("a", shape=va.shape), pt.tensor("b", shape=vb.shape)
    cases = outputs(a, b)
    f = function([a, b], list(cases.values()), backend=backend)
    wanted = function([a, b], list(cases.values()), backend="numpy")(va, vb)
    for name, result, w in zip(cases, f(va, vb), wanted):
        np.testing.assert_allclose(result, w, rtol=1e-11, atol=1e-12, err_msg=name)
    if batch_a == batch_b:
        assert f.fallbacks == ()


@compiled
@pytest.mark.parametrize("n", [3, SMALL + 2])
def test_a_matrix_without_a_factor_gives_nan_and_leaves_the_others(backend, n):
    x = pt.tensor("x", shape=(3, n, n))
    values = np.stack([np.eye(n), np.eye(n) - 2.0 * np.eye(n)[:, :1] * np.eye(n)[:1], 4.0 * np.eye(n)])
    factors = function([x], pt.linalg.cholesky(x), backend=backend)(values)
    assert np.isnan(factors[1]).all()
    np.testing.assert_array_equal(factors[[0, 2]], [np.eye(n), 2.0 * np.eye(n)])


@compiled
@pytest.mark.parametrize("n", [3, SMALL + 2])
def test_a_singular_matrix_has_a_solution_of_nan_and_leaves_the_others(backend, n):
    x = pt.tensor("x", shape=(3, n, n))
    swapped = np.eye(n)[::-1]
    values = np.stack([swapped, np.zeros((n, n)), 4.0 * np.eye(n)])
    found = function([x], pt.linalg.solve(x, pt.ones((3, n, 2)), b_ndim=2), backend=backend)
    solutions = found(values)
    assert found.fallbacks == () and np.isnan(solutions[1]).all()
    np.testing.assert_array_equal(solutions[[0, 2]], [np.ones((n, 2)), np.full((n, 2), 0.25)])


@compiled
def test_rows_of_formulas_that_are_dear_are_added_where_rows_repeat(backend):
    """The row is found in the outer loop, its elements in the inner one."""
    x = pt.tensor("x", shape=(4, 3))
    rows = np.array([1, 0, 1, 3])
    dear = pt.exp(-pt.square(x)) * pt.log1p(pt.square(x)) + pt.tanh(x)
    values = np.linspace(-1.0, 2.0, 12).reshape(4, 3)
    computed = np.exp(-(values**2)) * np.log1p(values**2) + np.tanh(values)
    wanted = np.zeros((4, 3))
    np.add.at(wanted, rows, computed)
    columns = np.zeros((4, 3))
    np.add.at(columns.T, rows[:3] % 3, computed.T)
    outputs = [pt.zeros((4, 3))[pt.constant(rows)].inc(dear), pt.zeros((4, 3))[:, pt.constant(rows[:3] % 3)].inc(dear)]
    for result, right in zip(function([x], outputs, backend=backend)(values), [wanted, columns]):
        np.testing.assert_allclose(result, right, rtol=1e-13)


@compiled
def test_factors_that_are_transposes_are_read_as_they_lie(backend):
    rng = np.random.default_rng(2)
    few = backend == "numba"  # It compiles each product for a second.
    for dtype, rtol in (("float32", 1e-5),) if few else (("float64", 1e-12), ("float32", 1e-5)):
        given, wanted, inputs, values = [], [], [], []
        for (m, n, k), batch in (((3, 4, 5), ()), ((60, 50, 70), ()), ((3, 30, 40), (2,)))[: 2 if few else 3]:
            vx, vy = (rng.normal(size=(*batch, *s)).astype(dtype) for s in ((m, n), (n, k)))
            for across_x, across_y in ((True, True),) if few else ((False, False), (False, True), (True, False), (True, True)):
                own = [v.swapaxes(-1, -2).copy() if across else v for v, across in ((vx, across_x), (vy, across_y))]
                x, y = (pt.tensor(f"{c}{len(inputs)}", dtype, v.shape) for c, v in zip("xy", own))
                given.append((x.mT if across_x else x) @ (y.mT if across_y else y))
                wanted.append(vx.astype("float64") @ vy.astype("float64"))
                inputs += [x, y]
                values += own
        f = function(inputs, given, backend=backend)
        assert f.fallbacks == ()
        for result, w in zip(f(*values), wanted):
            assert result.dtype == dtype
            np.testing.assert_allclose(result, w, rtol=rtol, atol=rtol * np.abs(w).max())


def test_a_gradient_of_a_product_copies_no_transpose():
    x, w = pt.matrix("x", "n", 30, dtype="float32"), pt.matrix("w", 30, 20, dtype="float32")
    (gradient,) = grad(pt.sum(pt.tanh(x @ w)), [w])
    f = function([x, w], gradient, backend="c")
    values = (np.ones((40, 30), "float32"), np.ones((30, 20), "float32"))
    made = [line.what for line in f.profile(*values, calls=1).lines]
    assert f.fallbacks == () and not any(what.endswith("x.T") and "@" not in what for what in made), made
