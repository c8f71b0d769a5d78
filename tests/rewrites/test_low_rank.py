"""A diagonal plus a product of low rank: what becomes of it, why not, and its numbers against SciPy and mpmath."""

import mpmath
import numpy as np
import pytest
import scipy.stats

import workbench as pm
import workbench.tensor as pt
from workbench.compile import function
from workbench.graph import Mode, topological
from workbench.graph.rewrite import RULES
from workbench.graph.types import TensorType
from workbench.graph.why_not import why_not
from workbench.rewrites import default_mode
from workbench.tensor import linalg
from workbench.transforms import grad

N, R = 40, 3
d, y, u, w = pt.vector("d", N), pt.vector("y", N), pt.matrix("u", N, R), pt.matrix("w", R, N)
c, s = pt.matrix("c", R, R), pt.scalar("s")
m = pt.diag(pt.exp(d)) + u @ u.T
rng = np.random.default_rng(7)
VALUES = {x: rng.normal(size=x.type.shape) for x in (d, y, u, w, c, s)}


def squares(roots):
    """The operations on N by N matrices that are left."""
    return [str(n.op.name) for n in topological(roots) if isinstance(n.type, TensorType) and n.type.shape[-2:] == (N, N)]


TABLE = {
    "solve": linalg.solve(m, y),
    "solve, U V": linalg.solve(pt.diag(pt.exp(d)) + u @ w, y),
    "solve, U C V": linalg.solve(u @ c @ w + pt.exp(s) * pt.eye(N), y),
    "solve, scaled": linalg.solve(2.0 * (u @ u.T) + pt.diag(pt.exp(d)), y),
    "quadratic form": y @ linalg.inv(m) @ y,
    "determinant": linalg.det(m),
    "logarithm of the determinant": pt.log(linalg.det(m)),
    "slogdet": linalg.slogdet(pt.diag(pt.exp(d)) + u @ w).logabsdet,
    "a normal density": pm.logp(pm.MvNormal.dist(pt.zeros(N), cov=m), y),
    "a normal density, one variance": pm.logp(pm.MvNormal.dist(s, cov=pt.exp(s) * pt.eye(N) + u @ u.T), y),
}


@pytest.mark.parametrize("name", TABLE)
def test_no_matrix_of_full_size_is_left_nor_in_the_gradient(name):
    expr = TABLE[name]
    cost = expr if expr.ndim == 0 else pt.sum(pt.sin(expr))
    there = set(topological([cost]))
    wrt = [x for x in (d, y, u, w, c, s) if x in there]
    gradients = grad(cost, wrt)
    # The gradient of what is written as an inverse goes through the inverse, a whole matrix.
    after, _ = default_mode().run([expr, cost, *(gradients if name != "quadratic form" else [])])
    assert not set(squares(after)) - {"eye"}
    values = [VALUES[x] for x in wrt]
    plain = function(wrt, [expr, cost], mode=Mode(()), backend="numpy")
    made = function(wrt, [expr, cost, *gradients])(*values)
    np.testing.assert_allclose(made[0], plain(*values)[0], rtol=1e-10)
    way = [rng.normal(size=v.shape) for v in values]
    ahead, back = (plain(*(v + h * e for v, e in zip(values, way)))[1] for h in (1e-5, -1e-5))
    np.testing.assert_allclose(sum(np.sum(g * e) for g, e in zip(made[2:], way)), (ahead - back) / 2e-5, rtol=2e-6)


@pytest.mark.parametrize(
    ("expr", "rule", "reason"),
    [
        (linalg.solve(pt.diag(d) + u @ u.T, y), "solve_with_low_rank", "the diagonal is not known to be positive"),
        (linalg.solve(m @ m, y), "solve_with_low_rank", "no operand is add"),
        (linalg.solve(u @ u.T + u @ w, y), "solve_with_low_rank", "no term of the sum is a diagonal matrix"),
        (linalg.solve(pt.diag(pt.exp(d)) + pt.outer(y, y), y), "solve_with_low_rank", "what is added to a diagonal is no product"),
        (linalg.det(pt.eye(30) + pt.matrix("a", 30, 10) @ pt.matrix("b", 10, 30)), "determinant_with_low_rank", "30 rows and a rank of 10 gain nothing"),
        (linalg.det(pt.eye(30) + pt.matrix("a", 30, None) @ pt.matrix("b", None, 30)), "determinant_with_low_rank", "the rank is not known to be lower"),
        (pt.sum(pt.log(pt.diagonal(linalg.cholesky(pt.eye(N) + u @ w)))), "log_diagonal_with_low_rank", "not one with its own transpose"),
    ],
)
def test_why_it_stays(expr, rule, reason):
    while RULES[rule].roots[0] is not type(expr.op):
        expr = expr.inputs[0]
    assert reason in str(why_not(RULES[rule], expr))


@pytest.mark.parametrize("backend", ["c", "jax"])
def test_a_density_is_scipys(backend):
    given = [VALUES[x] for x in (d, u, y)]
    cov = np.diag(np.exp(given[0])) + given[1] @ given[1].T
    density = function([d, u, y], TABLE["a normal density"], backend=backend)
    np.testing.assert_allclose(density(*given), scipy.stats.multivariate_normal.logpdf(given[2], np.zeros(N), cov), rtol=1e-12)
    assert density(np.full(N, np.nan), *given[1:]) == -np.inf


def test_open_lengths():
    e, z, v = pt.vector("e"), pt.vector("z"), pt.matrix("v", None, 2)
    f = function([e, z, v], pm.logp(pm.MvNormal.dist(0.0, cov=pt.diag(pt.exp(e)) + v @ v.T), z))
    for n in (1, 5, 60):
        a, b, k = rng.normal(size=n), rng.normal(size=n), rng.normal(size=(n, 2))
        np.testing.assert_allclose(f(a, b, k), scipy.stats.multivariate_normal.logpdf(b, np.zeros(n), np.diag(np.exp(a)) + k @ k.T), rtol=1e-11)


def test_a_small_diagonal_does_not_cancel():
    """The quadratic form is a sum of squares: of residuals, and of their coefficients."""
    rows = rng.normal(size=(N, R))
    target = rows @ [1.0, -2.0, 0.5] + 1e-5 * rng.normal(size=N)
    small = np.full(N, np.log(1e-10))
    with mpmath.workdps(60):
        exact = mpmath.matrix(rows) * mpmath.matrix(rows).T
        for i in range(N):
            exact[i, i] += mpmath.exp(small[i])
        wanted = (mpmath.matrix(target).T * mpmath.lu_solve(exact, mpmath.matrix(target)))[0]
    whitened = linalg.solve_triangular(linalg.cholesky(m), y, lower=True)
    made = function([d, u, y], pt.sum(pt.square(whitened)))(small, rows, target)
    plain = function([d, u, y], pt.sum(pt.square(whitened)), mode=Mode(()))(small, rows, target)
    assert abs(made / float(wanted) - 1.0) < 1e-9
    assert abs(made / float(wanted) - 1.0) < abs(plain / float(wanted) - 1.0)
