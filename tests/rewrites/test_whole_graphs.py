"""What is read once, factors at hand and blocks: before -> after, who else reads what, and the same numbers."""

import re
from collections import Counter

import numpy as np
import pytest

import workbench as pm
import workbench.tensor as pt
from workbench.compile.c.toolchain import find_compiler
from workbench.graph import summary, topological
from workbench.rewrites import default_mode
from workbench.tensor import linalg
from workbench.tensor.assumptions import assume

m, v = pt.matrix("m", 3, 4), pt.vector("v", 4)
a, c, u = pt.matrix("a", 3, 3), pt.matrix("c", 2, 2), pt.vector("u", 5)
p, q, r, s = pt.matrix("p", 9, 8), pt.matrix("q", 8, 7), pt.vector("r", 7), pt.matrix("s", 7, 1)
definite = assume(a, positive_definite=True)
k = pt.matrix("k", 3, 4)
blocks = linalg.block_diag(a, c)
factor = linalg.cholesky(definite)


def after(*outputs):
    return [summary(y) for y in default_mode().run(outputs)[0]]


TABLE = [
    # Parts of results are computed alone.
    ([(p @ q)[1:3]], ["matmul(p[1:3, 0:8], q)"]),
    ([(p @ q)[0]], ["reshape{shape=(7,)}(matmul(p[0:1, 0:8], q))"]),
    ([(p @ q)[2:, 1:3]], ["matmul(p[2:9, 0:8], q[0:8, 1:3])"]),
    ([pt.exp(m)[1:]], ["exp(m[1:3, 0:4])"]),
    ([(pt.exp(m) * v)[:, 2:]], ["exp(m[0:3, 2:4]) * v[2:4]"]),
    ([pt.sum(pt.exp(m), axis=1)[:2]], ["sum{axes=(1,)}(exp(m[0:2, 0:4]))"]),
    # Not where the whole is read too, or another part of it, or nothing is left out.
    ([pt.exp(m)[1:], pt.exp(m)], ["exp(m)[1:3, 0:4]", "exp(m)"]),
    ([pt.exp(m)[1:], pt.exp(m)[:2]], ["exp(m)[1:3, 0:4]", "exp(m)[0:2, 0:4]"]),
    ([pt.exp(m)[::-1]], ["exp(m)[2::-1, 0:4]"]),
    # Products in the cheaper order.
    ([(p @ q) @ r], ["sum{axes=(1,)}(p * sum{axes=(1,)}(q * r))"]),
    ([p @ q @ s], ["matmul(p, matmul(q, s))"]),
    ([p @ (q @ pt.matrix("w", 7, 30))], ["matmul(matmul(p, q), w)"]),
    ([(p @ q) @ r, p @ q], ["sum{axes=(1,)}(matmul(p, q) * r)", "matmul(p, q)"]),
    ([(p @ q) * r], ["matmul(p, q) * r"]),
    # Factors that are there.
    ([linalg.det(definite), factor], ["square(prod{axes=(0,)}(diagonal{offset=0}(cholesky(a))))", "cholesky(a)"]),
    ([linalg.inv(definite), factor], ["inverse_from_factor(cholesky(a))", "cholesky(a)"]),
    ([linalg.det(definite)], ["det(a)"]),
    ([linalg.det(a), linalg.inv(c)], ["det(a)", "inv(c)"]),
    # One factor for all systems of a general matrix.
    ([linalg.solve(a, k), linalg.solve(a, 2.0 * k)], ["solve_eliminated{transposed=False}(eliminate(a), k)", "solve_eliminated{transposed=False}(eliminate(a), 2.0 * k)"]),
    ([linalg.solve(a, k), linalg.solve(a.T, k)], ["solve_eliminated{transposed=False}(eliminate(a), k)", "solve_eliminated{transposed=True}(eliminate(a), k)"]),
    ([linalg.solve(a, k), linalg.solve(k[:, :3], a)], ["solve(a, k)", "solve(k[0:3, 0:3], a)"]),
    ([linalg.det(a), linalg.solve(a, k)], ["eliminated_determinant{part=det}(eliminate(a))", "solve_eliminated{transposed=False}(eliminate(a), k)"]),
    ([linalg.slogdet(a)[1], linalg.solve(a.T, k)], ["eliminated_determinant{part=log}(eliminate(a))", "solve_eliminated{transposed=True}(eliminate(a), k)"]),
    # Singular values alone.
    ([linalg.svd(m)[1]], ["singular_values(m)"]),
    ([linalg.norm(m, "nuc")], ["sum{axes=(0,)}(singular_values(m))"]),
    ([linalg.svd(m)[1], linalg.svd(m)[0]], ["get[1](svd{full_matrices=True}(m))", "get[0](svd{full_matrices=True}(m))"]),
    # Blocks.
    ([linalg.det(blocks)], ["det(a) * det(c)"]),
    ([linalg.slogdet(blocks)[1]], ["get[1](slogdet(a)) + get[1](slogdet(c))"]),
    ([blocks @ u], ["concatenate{axis=0}(sum{axes=(1,)}(a * u[0:3]), sum{axes=(1,)}(c * u[3:5]))"]),
    ([linalg.inv(blocks)[:3, :3]], ["inv(a)"]),
]


@pytest.mark.parametrize("before, wanted", TABLE, ids=lambda case: str(case[0])[:60])
def test_before_and_after(before, wanted):
    assert after(*before) == wanted


@pytest.mark.parametrize("backend", ["numpy", "c", "numba", "jax"])
@pytest.mark.parametrize("n", [3, 60])
def test_a_solution_its_gradient_and_that_of_the_transpose_share_a_factor(backend, n):
    if backend == "c" and find_compiler() is None:
        pytest.skip("no C compiler on this system")
    g, h = pt.tensor("g", "float64", (2, None, None)), pt.tensor("h", "float64", (2, None, 2))
    x, y = linalg.solve(g, h), linalg.solve(pt.swapaxes(g, -1, -2), h)
    f = pm.function([g, h], [x, y, *pm.grad((x * y).sum(), [g, h])], backend=backend)
    assert Counter(node.op.name for node in topological(f.graph.results))["eliminate"] == 1
    rng = np.random.default_rng(7)
    G, H = rng.normal(size=(2, n, n)) + 2.0 * np.eye(n), rng.normal(size=(2, n, 2))
    X, Y = np.linalg.solve(G, H), np.linalg.solve(np.swapaxes(G, 1, 2), H)
    # d(sum x y) by what x and y are of: a' u = y, a w = x.
    U, W = np.linalg.solve(np.swapaxes(G, 1, 2), Y), np.linalg.solve(G, X)
    wanted = [X, Y, -U @ np.swapaxes(X, 1, 2) - Y @ np.swapaxes(W, 1, 2), U + W]
    for found, w in zip(f(G, H), wanted, strict=True):
        np.testing.assert_allclose(found, w, rtol=1e-9, atol=1e-9 * np.abs(w).max())
    G[1, :, 0] = 0.0  # Singular: NaN there, and as before beside it.
    if backend != "jax":
        found = f(G, H)
        assert np.isnan(found[0][1]).all() and np.isnan(found[1][1]).all()
        np.testing.assert_allclose(found[0][0], X[0], rtol=1e-9)


@pytest.mark.parametrize("backend", ["numpy", "c", "numba", "jax"])
@pytest.mark.parametrize("n", [1, 4, 60])
def test_a_density_with_a_general_matrix_and_its_gradient_factor_it_once(backend, n):
    """The logarithm of a determinant, its sign, the determinant, a quadratic form and the inverse: from one factor, on compiled backends by one call."""
    if backend == "c" and find_compiler() is None:
        pytest.skip("no C compiler on this system")
    g, h = pt.tensor("g", "float64", (3, n, n)), pt.tensor("h", "float64", (3, n, 1))
    sign, size = linalg.slogdet(g)
    cost = -0.5 * (h * linalg.solve(g, h, b_ndim=2)).sum() - 0.5 * size.sum()
    f = pm.function([g, h], [cost, pm.grad(cost, g), sign, size, linalg.det(g)], backend=backend)
    names = Counter(node.op.name for node in topological(f.graph.results))
    assert names["eliminate"] == 1 and not names.keys() & {"solve", "inv", "det", "slogdet"}
    if backend in ("c", "numba"):
        assert len(re.findall(r"\bwb_eliminate\(", f.compiled.code.lowered.printed.text)) == 2  # Its definition, and a call.
        assert f.fallbacks == ()
    rng = np.random.default_rng(n)
    G, H = rng.normal(size=(3, n, n)) + np.eye(n), rng.normal(size=(3, n, 1))
    G[0] = -np.abs(G[0])
    inverse, U = np.linalg.inv(G), np.linalg.solve(np.swapaxes(G, 1, 2), H)
    X = inverse @ H
    gradient = 0.5 * U @ np.swapaxes(X, 1, 2) - 0.5 * np.swapaxes(inverse, 1, 2)
    signs, sizes = np.linalg.slogdet(G)
    wanted = [-0.5 * (H * X).sum() - 0.5 * sizes.sum(), gradient, signs, sizes, np.linalg.det(G)]
    for found, w in zip(f(G, H), wanted, strict=True):
        np.testing.assert_allclose(found, w, rtol=1e-9, atol=1e-10 * np.abs(w).max())


@pytest.mark.parametrize("backend", ["numpy", "c", "numba", "jax"])
@pytest.mark.parametrize("n", [3, 60])
def test_determinants_from_a_factor_are_numpys_where_matrices_are_singular_or_large(backend, n):
    if backend == "c" and find_compiler() is None:
        pytest.skip("no C compiler on this system")
    g = pt.tensor("g", "float64", (4, n, n))
    f = pm.function([g], [linalg.det(g), *linalg.slogdet(g), linalg.inv(g)[..., 0, 0]], backend=backend)
    assert Counter(node.op.name for node in topological(f.graph.results))["eliminated_determinant"] == 3
    G = np.stack([np.eye(n)[::-1], np.zeros((n, n)), np.diag(np.r_[1e200, 1e200, np.full(n - 2, 1e-300)][:n]), np.full((n, n), np.nan)])
    with np.errstate(all="ignore"):
        wanted = [np.linalg.det(G), *np.linalg.slogdet(G)]
    for found, w in zip(f(G), wanted):
        np.testing.assert_allclose(found[:3], w[:3], rtol=1e-12)
    assert np.isnan(f(G)[0][3]) and np.isnan(f(G)[2][3])
    if backend != "jax":
        assert f(G)[0][1] == 0.0 and not np.signbit(f(G)[0][1])


@pytest.mark.parametrize("backend", ["c", "numba"])
def test_a_pseudoinverse_and_its_gradient_have_one_singular_value_decomposition(backend):
    """The gradient is of the pseudoinverse itself (Golub and Pereyra 1973); that is what calls LAPACK's singular values."""
    if backend == "c" and find_compiler() is None:
        pytest.skip("no C compiler on this system")
    g, w = pt.matrix("g", 5, 3), pt.matrix("w", 3, 5)
    p = linalg.pinv(g)
    f = pm.function([g, w], [p, pm.grad((w * p).sum(), g)], backend=backend)
    assert f.fallbacks == ("pinv",)
    rng = np.random.default_rng(3)
    G, W, step = rng.normal(size=(5, 3)), rng.normal(size=(3, 5)), 1e-6
    made, slope = f(G, W)
    np.testing.assert_allclose(made, np.linalg.solve(G.T @ G, G.T), rtol=1e-10)
    for i, j in np.ndindex(G.shape):
        ends = [(W * np.linalg.pinv(G + s * step * np.outer(np.eye(5)[i], np.eye(3)[j]))).sum() for s in (1, -1)]
        np.testing.assert_allclose(slope[i, j], (ends[0] - ends[1]) / (2 * step), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("backend", ["numpy", "c", "jax"])
def test_singular_values_without_vectors_are_those_with_them(backend):
    if backend == "c" and find_compiler() is None:
        pytest.skip("no C compiler on this system")
    g = pt.tensor("g", "float64", (2, None, 4))
    f = pm.function([g], [linalg.svd(g, compute_uv=False), linalg.norm(g[0], 2)], backend=backend)
    assert {"singular_values"} == {n.op.name for n in topological(f.graph.results) if n.op.name in ("svd", "singular_values")}
    G = np.random.default_rng(8).normal(size=(2, 5, 4))
    values = np.sqrt(np.linalg.eigvalsh(np.swapaxes(G, 1, 2) @ G))[:, ::-1]
    for found, wanted in zip(f(G), (values, values[0, 0]), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-12)


def test_softmax_of_one_row_reads_one_row():
    (made,) = after(pt.softmax(m, axis=1)[:1])
    assert made.count("m[0:1, 0:4]") == 2 and made.count("exp") == 2


@pytest.mark.parametrize("backend", ["numpy", "c"])
def test_values_are_those_of_what_was_written(backend):
    if backend == "c" and find_compiler() is None:
        pytest.skip("no C compiler on this system")
    rng = np.random.default_rng(4)
    inputs = [m, v, a, c, u, p, q, r, s]
    values = [rng.normal(size=x.type.shape) for x in inputs]
    M, _, A, C, U, P, Q, R, S = values
    values[2] = A = A @ A.T + np.eye(3)
    B = np.block([[A, np.zeros((3, 2))], [np.zeros((2, 3)), C]])
    E = np.exp(M)
    wanted = {
        (p @ q)[2:, 1:3]: (P @ Q)[2:, 1:3], pt.softmax(m, axis=1)[1:]: (E / E.sum(1, keepdims=True))[1:], (p @ q) @ r: P @ Q @ R, p @ q @ s: P @ Q @ S,
        linalg.det(definite): np.linalg.det(A), linalg.inv(definite): np.linalg.inv(A), factor: np.linalg.cholesky(A),
        linalg.det(blocks): np.linalg.det(B), linalg.slogdet(blocks)[1]: np.linalg.slogdet(B)[1], linalg.inv(blocks): np.linalg.inv(B),
        blocks @ u: B @ U, u @ blocks: U @ B, linalg.solve(blocks, u): np.linalg.solve(B, U), blocks @ blocks: B @ B,
    }  # fmt: skip
    f = pm.function(inputs, list(wanted), backend=backend)
    for expr, found, value in zip(wanted, f(*values), wanted.values()):
        np.testing.assert_allclose(found, value, rtol=1e-9, atol=1e-12, err_msg=summary(expr))


def test_log_density_gradient_and_determinant_share_one_factorisation():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(6, 1))
    with pm.Model() as model:
        length = pm.HalfNormal("length")
        mu = pm.Normal("mu", shape=6)
        cov = pt.exp(-0.5 * ((x - x.T) / length) ** 2) + 0.1 * pt.eye(6)
        pm.MvNormal("y", mu, cov=cov, observed=rng.normal(size=6))
        pm.Potential("volume", -linalg.det(cov))
    logp = model.logp()
    outputs, _ = default_mode().run([logp, *pm.grad(logp, model.value_vars)])
    made = Counter(n.op.name for n in topological(outputs))
    assert made["cholesky"] == made["inverse_from_factor"] == 1
    assert not made["det"] and not made["inv"] and not made["solve"] and not made["slogdet"]
    # The density and determinant as NumPy has them.
    f = pm.function(model.value_vars, logp, backend="numpy")
    at, center = 0.3, rng.normal(size=6)
    given = {"length": np.array(at), "mu": center}
    k = np.exp(-0.5 * ((x - x.T) / np.exp(at)) ** 2) + 0.1 * np.eye(6)
    d = model.rvs_to_values[model["y"]].eval() - center
    density = -0.5 * (d @ np.linalg.solve(k, d) + np.linalg.slogdet(k)[1] + 6 * np.log(2 * np.pi)) - np.linalg.det(k)
    prior = 0.5 * np.log(2 / np.pi) - 0.5 * np.exp(at) ** 2 + at - 0.5 * center @ center - 3 * np.log(2 * np.pi)
    named = [given["length" if value.ndim == 0 else "mu"] for value in model.value_vars]
    np.testing.assert_allclose(f(*named), density + prior, rtol=1e-10)
