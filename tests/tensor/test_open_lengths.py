"""Functions of tensors whose lengths are known only at the call: the values and gradients of known lengths."""

import numpy as np
import pytest

import workbench as pm
import workbench.tensor as pt
from workbench.compile import function
from workbench.errors import GradientError, IndexBoundsError, ShapeError

M = np.array([[4.0, 1.0, 0.3], [1.0, 3.0, -0.5], [0.3, -0.5, 2.0]])
V = np.array([0.4, -1.2, 0.9])

CALLS = """median(v); median(m, axis=0); median(m, axis=1, keepdims=True); split(v, 3)[1]; split(m, 3, axis=1)[2]; array_split(v, 2)[0]; array_split(m, 2, axis=1)[1]
linalg.block_diag(m, v, 2.0); linalg.expm(m); linalg.matrix_power(m, 0); linalg.matrix_power(m, 3); linalg.matrix_power(m, -1); linalg.qr(m).Q; linalg.qr(m).R
linalg.qr(m[:, :2]).Q; linalg.qr(m[:2]).R; linalg.qr(m[:2]).Q; linalg.svd(m, full_matrices=False).U; linalg.svd(m[:2]).S; linalg.eigh(m).eigenvectors; linalg.cholesky(m)
linalg.solve(m, v); linalg.inv(m); linalg.pinv(m[:2]); linalg.det(m); linalg.slogdet(m).logabsdet; linalg.norm(m, axis=1); linalg.lstsq(m[:, :2], v)[0]; linalg.norm(m, "nuc")
linspace(0.0, v.sum(), v.shape[0]); linspace(v, 1.0, m.shape[1], endpoint=False); linspace(v, v + 1.0, v.shape[0], axis=1); arange(m.shape[0]) * v; eye(v.shape[0]) * v; diag(v)
cumprod(m, axis=1); sort(m, axis=0); tile(v, (2, 1)); repeat(v, 2); pad(m, 1); roll(m, 1, axis=1); kron(m, v); einsum("ij,j->i", m, v); tensordot(m, m, axes=2); outer(v, v); tril(m)
std(m, axis=0); var(m, ddof=1); softmax(v); logsumexp(m, axis=1); mean(m, where=m > 0); sum(m, axis=0, initial=1.5); max(m, initial=3.5); prod(v); m[tril_indices_from(m)]; m[triu_indices(m.shape[0], 1)]; identity_like(m) * m; math.kron_dot([m, m], concatenate([v, v * v, v])); math.kron_solve_lower([m + 4.0 * eye(m.shape[0])], v); math.batched_diag(m); linalg.tensorinv(expand_dims(m, 0) + 4.0 * eye(m.shape[0]), 2); linalg.tensorsolve(m + 4.0 * eye(m.shape[0]), v); signal.convolve(v, m[0]); signal.convolve(v, m[0, :2], "same")
map(lambda r: r.sum() * r, m); vectorize(lambda r: r / r.sum(), "(n)->(n)")(m); scan(lambda s, r: ([s + r], [s * r]), v, m)[1][0]; where(m > 0, m, v); meshgrid(v, v)[0]; concatenate([m, m])"""
CALLS = [c.strip() for c in CALLS.replace("\n", ";").split(";")]


def built(m, v):
    names = {n: getattr(pt, n) for n in dir(pt) if not n.startswith("_")} | {"vectorize": pm.vectorize, "math": pm.math}
    made = [eval(code, {**names, "m": m, "v": v}) for code in CALLS]
    costs = [pt.sum(y * pt.cos(pt.reshape(pt.arange(y.size), y.shape) * 1.0)) for y in made]
    return made, [g for c in costs for g in pm.grad(c, [m, v], disconnected_inputs="ignore")]


@pytest.fixture(scope="module")
def known():
    m, v = pt.matrix("m", 3, 3), pt.vector("v", 3)
    made, slopes = built(m, v)
    return function([m, v], [*made, *slopes], backend="numpy")(M, V)


def test_values_and_gradients_are_those_of_known_lengths(known, backend):
    m, v = pt.matrix("m"), pt.vector("v")
    made, slopes = built(m, v)
    labels = [*CALLS, *(f"gradient of {code}" for code in CALLS for _ in range(2))]
    # Once lengths are known the graph is that of known ones, which Numba compiles for minutes: there one in eight.
    chosen = list(zip(labels, [*made, *slopes], known))[:: 8 if backend == "numba" else 1]
    results = function([m, v], [y for _, y, _ in chosen], backend=backend)(M, V)
    for (code, _, wanted), result in zip(chosen, results):
        np.testing.assert_allclose(result, wanted, rtol=1e-10, atol=1e-11, err_msg=f"{code}, {backend}")


def test_eval_needs_no_lengths(known):
    m, v = pt.matrix("m"), pt.vector("v")
    made, slopes = built(m, v)
    labels = [*CALLS, *(f"gradient of {code}" for code in CALLS for _ in range(2))]
    for code, y, wanted in zip(labels, [*made, *slopes], known):
        np.testing.assert_allclose(y.eval({m: M, v: V}), wanted, rtol=1e-10, atol=1e-11, err_msg=code)


def test_what_does_not_fit_at_run_time_is_an_error_with_shapes():
    m, v = pt.matrix("m"), pt.vector("v")
    with pytest.raises(ShapeError, match=r"add needs lengths that are equal: n is 3 \(axis 0 of v\), n2 is 2 \(axis 0 of w\)") as caught:
        (v + pt.vector("w")).eval({"v": V, "w": V[:2]})
    assert caught.value.location.filename == __file__
    with pytest.raises(ShapeError, match=r"split: an axis, and its parts, need lengths that are equal: n is 3 \(axis 0 of v\)"):
        pt.split(v, 2)[0].eval({v: V})
    with pytest.raises(GradientError, match="complete"):
        pm.grad(pt.linalg.qr(m, mode="complete").Q.sum(), m)


def test_permutations_of_a_number_known_only_at_the_call(backend):
    n, v = pt.lscalar("n"), pt.vector("v")
    shuffled = pt.random.permutation(pt.random.key(3), v)
    assert sorted(function([v], shuffled, backend=backend)(V)) == sorted(V)
    assert sorted(pt.random.permutation(pt.random.key(3), n).eval({n: 5}).tolist()) == [0, 1, 2, 3, 4]


def test_axes_whose_lengths_are_sums_say_how_many_elements_there_are(backend):
    b = pt.tensor3("b")
    joined = pt.concatenate([b, b[..., 1:]], axis=2)
    results = [pt.map(lambda r: pt.ravel(r).cumsum(), joined), pt.map(lambda r: pt.reshape(r, (-1, 3)), joined), pt.map(lambda r: pt.mean(pt.broadcast_to(pt.mean(r), r.shape)), joined)]
    at = np.arange(24.0).reshape(2, 3, 4)
    value = np.concatenate([at, at[..., 1:]], 2)
    for made, wanted in zip(function([b], results, backend=backend)(at), (value.reshape(2, -1).cumsum(1), value.reshape(2, -1, 3), value.mean((1, 2)))):
        np.testing.assert_allclose(made, wanted, rtol=1e-14)


AT_RUN_TIME = {"x + y": ((1,), (5,)), "exp(x) / y": ((5,), (1,)), "x + y * y": ((1, 5), (3, 5)), "where(y > 0, x, 0.0)": ((1,), (5,)), "broadcast_to(x, (4, 5)) * y": ((1,), (5,)), "arctan2(x, y)": ((3, 1), (3, 5))}
"""An axis that turns out to be of length 1 is repeated along no axis: it would be only if its length were 1 by type."""


@pytest.mark.parametrize("code", AT_RUN_TIME)
def test_what_is_of_length_one_only_at_run_time_is_not_broadcast(code):
    at = [np.full(shape, 0.5) for shape in AT_RUN_TIME[code]]
    x, y = (pt.tensor(n, "float64", (None,) * v.ndim) for n, v in zip("xy", at))
    made = eval(code, {n: getattr(pt, n) for n in dir(pt) if not n.startswith("_")} | {"x": x, "y": y})
    for backend in ("numpy", "c"):
        with pytest.raises(ShapeError, match="1 by type") as caught:
            function([x, y], [made, *pm.grad(pt.sum(made), [x, y], disconnected_inputs="ignore")], backend=backend)(*at)
        assert caught.value.location is not None
    with pytest.raises(ShapeError, match=r"axis \d of x"):
        made.eval({x: at[0], y: at[1]})


MISFITS = {
    "dot(v, w)": (3, 1), "m @ v": (1, 1), "v @ m": (1, 1), "vecdot(v, w)": (3, 1), "vdot(v, w)": (1, 3), "matvec(m, v)": (1, 1), "tensordot(v, m, 1)": (1, 1), "tensordot(m, outer(v, w), 2)": (1, 3),
    "linalg.solve(m, v)": (1, 1), "linalg.inv(m[:2])": (3, 3), "linalg.cholesky(m[1:])": (3, 3), "linalg.eigh(m[1:])[0]": (3, 3), "linalg.det(m[:, 1:])": (3, 3), "linalg.lstsq(m, v)[0]": (4, 1),
    "linalg.solve_triangular(m, v)": (1, 1), "sparse.dot(sparse.csr([1.0], [0], [0, 1, 1], (2, 3)), v)": (4, 1), "where(v > 0, v, w)": (3, 2), "stack([v, w])": (3, 1), "interp(0.5, v, w)": (3, 4),
    "average(v, weights=w)": (3, 1), "v[3]": (3, 1), "squeeze(v, 0)": (3, 1),
}  # fmt: skip


@pytest.mark.parametrize("code", MISFITS)
def test_lengths_that_do_not_fit_are_errors_at_the_call_and_are_not_broadcast(code):
    n, k = MISFITS[code]
    m, v, w = pt.matrix("m"), pt.vector("v"), pt.vector("w")
    y = eval(code, {n: getattr(pt, n) for n in dir(pt) if not n.startswith("_")} | {"m": m, "v": v, "w": w})
    given = {m: M, v: np.arange(1.0, n + 1), w: np.arange(1.0, k + 1)}
    with pytest.raises((ShapeError, IndexBoundsError)):
        y.eval(given)
    for backend in ("numpy", "c"):
        with pytest.raises((ShapeError, IndexBoundsError)):
            function(list(given), y, backend=backend)(*given.values())
