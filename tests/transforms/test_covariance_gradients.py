"""Gradients through Cholesky factors: the general formula, its own gradient, and the short one of Gaussian densities."""

import numpy as np
import pytest

import workbench.tensor as pt
from workbench.compile import function
from workbench.graph import Mode, topological
from workbench.graph.expr import intern
from workbench.rewrites import default_mode
from workbench.tensor.linalg.decompositions import Cholesky, CholeskyGradient, InverseFromFactor
from workbench.transforms import grad

PLAIN = Mode(())


def definite(n, *batch):
    root = np.random.default_rng(n).normal(size=(*batch, n, n))
    return root @ root.swapaxes(-1, -2) + n * np.eye(n)


def gaussian(k, y, copies=1.0):
    """What a Gaussian log-density makes of a covariance."""
    factor = pt.linalg.cholesky(k)
    z = pt.linalg.solve_triangular(factor, y, lower=True)
    return -0.5 * pt.square(z).sum() - copies * pt.log(pt.diagonal(factor)).sum()


@pytest.mark.parametrize("n", [1, 4, 60])
@pytest.mark.parametrize("shape, copies", [((), 1.0), ((3,), 3.0)])
def test_the_gradient_of_a_gaussian_density_takes_one_inverse(backend, n, shape, copies):
    k, y = pt.matrix("k", n, n), pt.tensor("y", shape=(n, *shape))
    values = definite(n), np.random.default_rng(1).normal(size=(n, *shape))
    gradient = grad(gaussian(k, y, copies), k)
    f = function([k, y], gradient, backend=backend)
    (result,), _ = default_mode().run([gradient])
    kinds = {type(node.op) for node in topological([result])}
    assert n == 1 or (InverseFromFactor in kinds and CholeskyGradient not in kinds)
    wanted = function([k, y], gradient, backend="numpy", mode=PLAIN)(*values)
    np.testing.assert_allclose(f(*values), wanted, rtol=1e-9, atol=1e-11)
    inverse, u = np.linalg.inv(values[0]), np.linalg.solve(*values).reshape(n, -1)
    whole = 0.5 * (u @ u.T - copies * inverse)
    np.testing.assert_allclose(wanted, np.tril(whole) + np.tril(whole, -1), rtol=1e-9, atol=1e-11)
    assert getattr(f, "fallbacks", ()) == ()


def others(factor, z):
    """Functions of a factor whose gradients are not those of a Gaussian density."""
    yield pt.exp(factor * 0.3).sum()
    yield (factor @ z).sum() - pt.log(pt.diagonal(factor)).sum()
    yield pt.sin(pt.linalg.solve_triangular(factor, z, lower=True)).sum()
    yield (pt.log(pt.diagonal(factor)) * pt.arange(4)).sum()


@pytest.mark.parametrize("case", range(4))
def test_other_gradients_keep_to_the_general_formula(backend, case):
    k, z = pt.matrix("k", 4, 4), pt.vector("z", 4)
    values = definite(4), np.linspace(-1.0, 1.0, 4)
    gradient = grad(list(others(pt.linalg.cholesky(k), z))[case], k)
    wanted = function([k, z], gradient, backend="numpy", mode=PLAIN)(*values)
    np.testing.assert_allclose(function([k, z], gradient, backend=backend)(*values), wanted, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("of", ["cholesky_gradient", "inverse_from_factor"])
@pytest.mark.parametrize("batch", [(), (2,)])
def test_the_operations_have_gradients_of_their_own(of, batch):
    n = 3
    rng = np.random.default_rng(5)
    factor, g = pt.tensor("factor", shape=(*batch, n, n)), pt.tensor("g", shape=(*batch, n, n))
    at = [np.linalg.cholesky(definite(n, *batch)), rng.normal(size=(*batch, n, n))]
    inputs = [factor, g] if of == "cholesky_gradient" else [factor]
    made = intern(CholeskyGradient(), (factor, g)) if of == "cholesky_gradient" else intern(InverseFromFactor(), (factor,))
    weights = rng.normal(size=(*batch, n, n))
    if of == "cholesky_gradient":
        weights = np.tril(weights)
    cost = (made * weights).sum()
    f = function([factor, g], cost, backend="numpy", mode=PLAIN)
    found = function([factor, g], grad(cost, inputs), backend="numpy", mode=PLAIN)(*at)
    for which, gradient in enumerate(found):
        direction = np.tril(rng.normal(size=gradient.shape))
        up, down = ([x + s * 1e-6 * direction if i == which else x for i, x in enumerate(at)] for s in (1.0, -1.0))
        slope = (float(f(*up)) - float(f(*down))) / 2e-6
        assert np.isclose(slope, (gradient * direction).sum(), rtol=1e-6), (of, which)


def test_second_derivatives_in_a_covariance():
    log_length, y = pt.scalar("log_length"), pt.vector("y", 5)
    x = np.linspace(0.0, 2.0, 5)
    k = pt.exp(-0.5 * np.subtract.outer(x, x) ** 2 / pt.exp(2.0 * log_length)) + 0.1 * np.eye(5)
    slope = grad(gaussian(k, y), log_length)
    f = function([log_length, y], [slope, grad(slope, log_length)], backend="numpy")
    values = np.sin(x)
    difference = (f(0.3 + 1e-5, values)[0] - f(0.3 - 1e-5, values)[0]) / 2e-5
    assert np.isclose(f(0.3, values)[1], difference, rtol=1e-7)


@pytest.mark.parametrize("n, batch", [(0, ()), (1, (2,)), (5, ()), (60, (2,))])
def test_operations_with_factors_on_every_backend(backend, n, batch):
    a, g = pt.tensor("a", shape=(*batch, n, n)), pt.tensor("g", shape=(*batch, n, n))
    values = definite(n, *batch), np.random.default_rng(2).normal(size=(*batch, n, n))
    factor = intern(Cholesky(), (a,))
    outputs = [intern(InverseFromFactor(), (factor,)), intern(CholeskyGradient(), (factor, g))]
    f = function([a, g], outputs, backend=backend, mode=PLAIN)
    wanted = function([a, g], outputs, backend="numpy", mode=PLAIN)(*values)
    for result, w in zip(f(*values), wanted):
        np.testing.assert_allclose(result, w, rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(f(*values)[0], np.linalg.inv(values[0]), rtol=1e-8, atol=1e-11)
    if n:
        bad = values[0].copy()
        bad[..., 0, 0] = -1.0
        assert all(np.isnan(r[..., -1, 0]).all() for r in f(bad, values[1]))


def test_one_factor_takes_many_cotangents():
    rng = np.random.default_rng(3)
    factor, g = np.linalg.cholesky(np.eye(3) + 0.3), rng.normal(size=(4, 3, 3))
    one, many = pt.matrix("one", 3, 3), pt.tensor("many", "float64", (4, 3, 3))
    both = intern(CholeskyGradient(), (one, many))
    assert both.type.shape == (4, 3, 3)
    rows = [intern(CholeskyGradient(), (one, many[i])) for i in range(4)]
    at = {one: factor, many: g}
    np.testing.assert_allclose(both.eval(at), [row.eval(at) for row in rows], rtol=1e-12)
    whole, parts = (grad((x * pt.sin(x)).sum(), one) for x in (both, pt.stack(rows)))
    assert whole.type.shape == (3, 3)
    np.testing.assert_allclose(whole.eval(at), parts.eval(at), rtol=1e-10)
