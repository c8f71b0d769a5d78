"""Sparse Cholesky factors against NumPy's dense linear algebra; sparse Hessians against dense ones."""

import numpy as np
import pytest
import scipy.sparse as sp

import workbench as pm
from workbench.inference.approximations.flat_density import FlatDensity
from workbench.inference.approximations.hessian import Hessian
from workbench.inference.approximations.precision import Factor, NotPositiveDefinite, structure_of

RNG = np.random.default_rng(1)


def walk(n):
    return sp.diags([[-1.0] * (n - 1), [2.1] * n, [-1.0] * (n - 1)], [-1, 0, 1])


def grid(side):
    return (sp.kron(walk(side), sp.eye(side)) + sp.kron(sp.eye(side), walk(side))).toarray()


def bordered(n, full):
    found = walk(n).toarray()
    for i in full:
        found[i] = found[:, i] = 0.02 * RNG.normal(size=n)
        found[i, i] = 10.0
    return found


def shuffled(a):
    order = RNG.permutation(len(a))
    return a[np.ix_(order, order)]


DENSE = RNG.normal(size=(30, 30))
MATRICES = {
    "walk": (shuffled(walk(200).toarray()), 1, 0), "grid": (shuffled(grid(13)), 20, 0), "border": (shuffled(bordered(150, [3, 70])), 1, 2),
    "full": (DENSE @ DENSE.T + np.eye(30), 0, 30), "diagonal": (np.diag(np.arange(1.0, 8.0)), 0, 0), "one": (np.array([[2.0]]), 0, None),
    "parts": (shuffled(sp.block_diag([walk(40), grid(4), np.eye(5)]).toarray()), 8, 0),
}  # fmt: skip


@pytest.mark.parametrize("name", MATRICES)
def test_factors_are_those_of_dense_matrices(name):
    a, band, border = MATRICES[name]
    s = structure_of(len(a), *np.nonzero(a))
    assert s.band <= band and border in (None, len(s.border))
    values = a[s.rows, s.columns]
    np.testing.assert_array_equal(s.dense(values), a)
    factor, inverse = Factor(s, values), np.linalg.inv(a)
    x = RNG.normal(size=(len(a), 3))
    np.testing.assert_allclose(s.times(values, x[:, 0]), a @ x[:, 0], atol=1e-12)
    np.testing.assert_allclose(factor.solve(x), inverse @ x, atol=1e-12)
    np.testing.assert_allclose(factor.solve(x[:, 0]), inverse @ x[:, 0], atol=1e-12)
    np.testing.assert_allclose(factor.log_det, np.linalg.slogdet(a)[1], rtol=1e-12)
    np.testing.assert_allclose(factor.inverse_elements(), inverse[s.rows, s.columns], atol=1e-12)
    root = factor.coloured(np.eye(len(a)))
    np.testing.assert_allclose(root @ root.T, inverse, atol=1e-12)


@pytest.mark.parametrize("name", ["walk", "border", "full"])
def test_what_is_not_positive_definite_has_no_factor(name):
    a = MATRICES[name][0].copy()
    s = structure_of(len(a), *np.nonzero(a))
    a -= (np.linalg.eigvalsh(a)[0] + 1e-3) * np.eye(len(a))
    with pytest.raises(NotPositiveDefinite):
        Factor(s, a[s.rows, s.columns])
    with pytest.raises(NotPositiveDefinite):
        Factor(s, np.full(len(s.rows), np.nan))


@pytest.fixture(scope="module")
def chain():
    with pm.Model() as model:
        scale = pm.HalfNormal("scale")
        level = pm.Normal("level")
        x = pm.GaussianRandomWalk("x", sigma=scale, init_dist=pm.Normal.dist(0.0, 1.0), steps=39)
        pm.Poisson("y", pm.math.exp(level + x), observed=RNG.poisson(2.0, size=40))
    return model


def differences(density, q, h=1e-5):
    return -np.array([(density(q + h * e)[1] - density(q - h * e)[1]) / (2 * h) for e in np.eye(len(q))])


def test_hessians_are_sparse_and_those_of_differences(chain, backend):
    density = FlatDensity(chain, backend)
    q = 0.3 * np.random.default_rng(2).normal(size=density.size)
    hessian = Hessian(density, np.arange(density.size), q)
    assert hessian.structure.band == 1 and len(hessian.structure.border) == 2
    there = q + 0.2
    np.testing.assert_allclose(hessian.structure.dense(hessian.at(there)), differences(density, there), atol=2e-6)


def test_few_products_give_a_hessian(chain):
    density = FlatDensity(chain, "numpy")
    hessian = Hessian(density, np.arange(density.size), np.zeros(density.size))
    count, product = 0, density.hessian_product

    def counted(q, v):
        nonlocal count
        count += 1
        return product(q, v)

    density.hessian_product = counted
    hessian.at(np.zeros(density.size))
    # Three colours of a chain, one of each full row, and the check.
    assert count == 6


def test_elements_that_were_zero_where_it_was_looked_are_found_later():
    with pm.Model() as model:
        x = pm.Normal("x", shape=3)
        # No derivative of second order where x is less than 1.
        pm.Potential("p", pm.math.switch(x[0] > 1.0, x[0] * x[1], 0.0))
    density = FlatDensity(model, "numpy")
    hessian = Hessian(density, np.arange(3), np.zeros(3))
    assert len(hessian.structure.rows) == 3
    q = np.array([2.0, 0.0, 0.0])
    values = hessian.at(q)
    np.testing.assert_allclose(hessian.structure.dense(values), [[1.0, -1.0, 0.0], [-1.0, 1.0, 0.0], [0.0, 0.0, 1.0]])


def test_the_slope_of_a_trace_is_that_of_differences(chain):
    density = FlatDensity(chain, "numpy")
    where = np.arange(2, density.size)
    q = 0.3 * np.random.default_rng(3).normal(size=density.size)
    hessian = Hessian(density, where, q)
    weights = np.random.default_rng(4).normal(size=len(hessian.structure.rows))
    full = hessian.structure.dense(weights)

    def trace(q):
        return np.sum(full * hessian.structure.dense(hessian.at(q)))

    h = 1e-5
    expected = [(trace(q + h * e) - trace(q - h * e)) / (2 * h) for e in np.eye(len(q))]
    np.testing.assert_allclose(hessian.slope_of_trace(q, weights), expected, rtol=1e-6, atol=1e-6)
