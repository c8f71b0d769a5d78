"""Linear algebra against NumPy and SciPy on every backend, gradients against differences, matrices that fail."""

import numpy as np
import pytest
import scipy.linalg

import workbench.tensor as pt
from workbench.compile import function
from workbench.errors import DTypeError, GradientError, ShapeError
from workbench.graph import Mode
from workbench.transforms import grad

PLAIN = Mode(())
SQUARE = [(1, 1), (3, 3), (4, 3, 3), (2, 1, 2, 2), (0, 0), (0, 2, 2), (2, 0, 0)]
OBLONG = [*SQUARE, (4, 2), (2, 4), (3, 4, 2), (2, 2, 3), (3, 0), (0, 3)]


def draw(shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def swap(x):
    return np.swapaxes(x, -1, -2)


def positive(shape, seed=0):
    x = draw(shape, seed)
    return x @ swap(x) + 0.5 * np.eye(shape[-1])


def regular(shape, seed=0):
    """A general matrix far from singular, whose triangles are too."""
    return draw(shape, seed) + 3.0 * np.eye(shape[-1])


def triangle(x, lower, unit):
    x = np.tril(x) if lower else np.triu(x)
    if unit:
        x = x - x * np.eye(x.shape[-1]) + np.eye(x.shape[-1])
    return x


def expm(x):
    return scipy.linalg.expm(x) if x.size else x


def norms(x):
    found = [(None, None), ("fro", (-2, -1)), (None, 0), (2, -1), (1, 0), (np.inf, -1), (-np.inf, 0), (3, -1), (0.5, 0), (0, -1)]
    return found + [(o, (-2, -1)) for o in (1, -1, 2, -2, np.inf, -np.inf, "nuc")] + [(1, (-1, -2))]


# name: (ours, theirs, operands).
CASES = {}
for shape in SQUARE:
    p, a = positive(shape), regular(shape)
    CASES |= {
        f"cholesky {shape}": (pt.linalg.cholesky, np.linalg.cholesky, [p]),
        f"cholesky upper {shape}": (lambda x: pt.linalg.cholesky(x, lower=False), lambda x: swap(np.linalg.cholesky(x)), [p]),
        f"inv {shape}": (pt.linalg.inv, np.linalg.inv, [a]),
        f"det {shape}": (pt.linalg.det, np.linalg.det, [a]),
        f"slogdet {shape}": (pt.linalg.slogdet, np.linalg.slogdet, [draw(shape)]),
        f"eigvalsh {shape}": (pt.linalg.eigvalsh, np.linalg.eigvalsh, [p]),
        f"eigvalsh upper {shape}": (lambda x: pt.linalg.eigvalsh(x, "U"), lambda x: np.linalg.eigvalsh(x, "U"), [a]),
        f"expm {shape}": (pt.linalg.expm, expm, [draw(shape)]),
        f"solve {shape}": (pt.linalg.solve, np.linalg.solve, [a, draw((shape[-1], 2))]),
        f"solve a vector {shape}": (pt.linalg.solve, np.linalg.solve, [a, draw(shape[-1:])]),
        f"solve positive {shape}": (lambda x, y: pt.linalg.solve(x, y, assume_a="pos"), np.linalg.solve, [p, draw((*shape[:-1], 2))]),
        f"solve positive, a vector {shape}": (lambda x, y: pt.linalg.solve(x, y, "pos"), np.linalg.solve, [p, draw(shape[-1:])]),
        f"cube {shape}": (lambda x: pt.linalg.matrix_power(x, 3), lambda x: np.linalg.matrix_power(x, 3), [a]),
        f"to the minus second {shape}": (lambda x: pt.linalg.matrix_power(x, -2), lambda x: np.linalg.matrix_power(x, -2), [a]),
        f"to the zeroth {shape}": (lambda x: pt.linalg.matrix_power(x, 0) * 2.0, lambda x: np.linalg.matrix_power(x, 0) * 2.0, [a]),
    }
for shape in OBLONG:
    x = draw(shape)
    CASES |= {
        f"pinv {shape}": (pt.linalg.pinv, np.linalg.pinv, [x]),
        f"singular values {shape}": (lambda x: pt.linalg.svd(x, compute_uv=False), lambda x: np.linalg.svd(x, compute_uv=False), [x]),
        f"trace {shape}": (pt.linalg.trace, np.linalg.trace, [x]),
        f"trace above {shape}": (lambda x: pt.linalg.trace(x, 1), lambda x: np.linalg.trace(x, offset=1), [x]),
        f"trace below {shape}": (lambda x: pt.linalg.trace(x, -1), lambda x: np.linalg.trace(x, offset=-1), [x]),
        f"lstsq {shape}": (lambda a, b: pt.linalg.lstsq(a, b).solution, lambda a, b: np.linalg.pinv(a) @ b, [x, draw((*shape[:-1], 2), 1)]),
    }
for lower in (True, False):
    for trans in (0, "T"):
        for unit in (True, False):
            for left, right in [((3, 3), (3, 2)), ((2, 1, 3, 3), (4, 3, 2)), ((1, 1), (1, 1)), ((0, 0), (0, 2)), ((3, 3), (3, 0))]:
                how = dict(lower=lower, trans=trans, unit_diagonal=unit)
                CASES[f"solve_triangular {how} {left}"] = (
                    lambda a, b, how=how: pt.linalg.solve_triangular(a, b, **how),
                    lambda a, b, lower=lower, trans=trans, unit=unit: np.linalg.solve(
                        swap(triangle(a, lower, unit)) if trans else triangle(a, lower, unit), b
                    ),
                    [regular(left), draw(right, 1)],
                )  # fmt: skip
for order, axis in norms(None):
    CASES[f"norm {order} {axis}"] = (
        lambda x, o=order, a=axis: pt.linalg.norm(x, o, a), lambda x, o=order, a=axis: np.linalg.norm(x, o, a), [draw((2, 3, 4))],
    )  # fmt: skip
    if axis is not None:
        CASES[f"norm {order} {axis} keepdims"] = (
            lambda x, o=order, a=axis: pt.linalg.norm(x, o, a, keepdims=True), lambda x, o=order, a=axis: np.linalg.norm(x, o, a, keepdims=True),
            [draw((2, 3, 4))],
        )  # fmt: skip


def riccati(a, b, q, r):
    """The solution by iteration from 0, of which the steady state of a regulator is the limit."""
    x = np.zeros_like(a)
    for _ in range(2000):
        gain = np.linalg.solve(r + r.T + b.T @ x @ b, b.T @ x @ a)
        x = a.T @ x @ a - a.T @ x @ b @ gain + q + q.T
    return x


CASES |= {
    "solve stacks that broadcast": (pt.linalg.solve, np.linalg.solve, [regular((2, 1, 3, 3)), draw((4, 3, 2))]),
    "solve a stack of vectors": (lambda a, b: pt.linalg.solve(a, b, b_ndim=1), lambda a, b: np.linalg.solve(a, b[..., None])[..., 0], [regular((2, 3, 3)), draw((5, 2, 3))]),
    "solve_triangular a vector": (pt.linalg.solve_triangular, lambda a, b: np.linalg.solve(np.triu(a), b), [regular((3, 3)), draw(3)]),
    "cho_solve": (pt.linalg.cho_solve, lambda c, b: np.linalg.solve(np.tril(c) @ np.tril(c).T, b), [regular((3, 3)), draw((3, 2))]),
    "cho_solve of a pair": (lambda c, b: pt.linalg.cho_solve((c, False), b), lambda c, b: np.linalg.solve(np.triu(c).T @ np.triu(c), b), [regular((3, 3)), draw(3)]),
    "cho_solve upper": (lambda c, b: pt.linalg.cho_solve(c, b, lower=False), lambda c, b: np.linalg.solve(np.triu(c).T @ np.triu(c), b), [regular((3, 3)), draw(3)]),
    "lu_factor": (lambda x: pt.linalg.lu_factor(x)[0], lambda x: scipy.linalg.lu_factor(x)[0], [regular((4, 4))]),
    "lu_factor of a stack": (lambda x: pt.linalg.lu_factor(x)[0], lambda x: np.array([scipy.linalg.lu_factor(a)[0] for a in x]), [regular((2, 3, 3))]),
    "lu": (lambda x: pt.linalg.lu(x), lambda x: scipy.linalg.lu(x), [regular((4, 4))]),
    "lu permuted": (lambda x: pt.linalg.lu(x, permute_l=True), lambda x: scipy.linalg.lu(x, permute_l=True), [regular((2, 3, 3))]),
    "lu_solve": (lambda a, b: pt.linalg.lu_solve(pt.linalg.lu_factor(a), b), np.linalg.solve, [regular((4, 4)), draw((4, 2))]),
    "lu_solve transposed": (lambda a, b: pt.linalg.lu_solve(pt.linalg.lu_factor(a), b, trans=1), lambda a, b: np.linalg.solve(a.T, b), [regular((4, 4)), draw(4)]),
    "lu_solve stacks": (lambda a, b: pt.linalg.lu_solve(pt.linalg.lu_factor(a), b, b_ndim=1), lambda a, b: np.linalg.solve(a, b[..., None])[..., 0], [regular((2, 3, 3)), draw((2, 3))]),
    # The equations themselves, by Kronecker products, are the reference.
    "solve_sylvester": (pt.linalg.solve_sylvester, lambda a, b, q: np.linalg.solve(np.kron(a, np.eye(2)) + np.kron(np.eye(3), b.T), q.ravel()).reshape(3, 2), [regular((3, 3)), regular((2, 2)), draw((3, 2))]),
    "solve_continuous_lyapunov": (pt.linalg.solve_continuous_lyapunov, lambda a, q: np.linalg.solve(np.kron(a, np.eye(3)) + np.kron(np.eye(3), a), q.ravel()).reshape(3, 3), [regular((3, 3)), draw((3, 3))]),
    "solve_discrete_lyapunov": (pt.linalg.solve_discrete_lyapunov, lambda a, q: np.linalg.solve(np.eye(9) - np.kron(a, a), q.ravel()).reshape(3, 3), [0.3 * regular((3, 3)), draw((3, 3))]),
    "solve_discrete_lyapunov of a stack": (pt.linalg.solve_discrete_lyapunov, lambda a, q: np.array([np.linalg.solve(np.eye(4) - np.kron(x, x), q.ravel()).reshape(2, 2) for x in a]), [0.3 * regular((2, 2, 2)), draw((2, 2))]),
    "solve_discrete_are": (lambda a, b, q, r: pt.linalg.solve_discrete_are(a, b, q + q.T, r + r.T), riccati, [0.5 * regular((3, 3)), draw((3, 2)), positive((3, 3)), positive((2, 2))]),
    "norm of a vector": (pt.linalg.norm, np.linalg.norm, [draw(3)]),
    "norm of a scalar": (pt.linalg.norm, np.linalg.norm, [draw(())]),
    "norm 1 of a matrix": (lambda x: pt.linalg.norm(x, 1), lambda x: np.linalg.norm(x, 1), [draw((2, 3))]),
    "lstsq a vector": (lambda a, b: pt.linalg.lstsq(a, b)[:2], lambda a, b: (np.linalg.lstsq(a, b)[0], np.linalg.lstsq(a, b)[1][0]), [draw((5, 2)), draw(5, 1)]),
    "lstsq residuals": (lambda a, b: pt.linalg.lstsq(a, b).residuals, lambda a, b: np.linalg.lstsq(a, b)[1], [draw((5, 2)), draw((5, 3), 1)]),
    "lstsq singular values": (lambda a, b: pt.linalg.lstsq(a, b).singular_values, lambda a, b: np.linalg.lstsq(a, b)[3], [draw((5, 2)), draw((5, 3), 1)]),
    "lstsq broadcast": (lambda a, b: pt.linalg.lstsq(a, b).solution, lambda a, b: np.linalg.pinv(a) @ b, [draw((2, 1, 5, 2)), draw((3, 5, 2), 1)]),
    "block_diag": (pt.linalg.block_diag, scipy.linalg.block_diag, [draw((2, 1)), draw((1, 3)), draw(2), draw(()), draw((0, 2))]),
    "block_diag of one": (pt.linalg.block_diag, scipy.linalg.block_diag, [draw((2, 3))]),
    "block_diag batched": (pt.linalg.block_diag, lambda x, y: np.array([scipy.linalg.block_diag(a, y) for a in x]), [draw((3, 2, 1)), draw((1, 2))]),
    # Of rank 1, where the gradient of pinv has all its terms; a product keeps the rank when moved.
    "pinv of low rank": (lambda x, y: pt.linalg.pinv(x @ y, rtol=1e-8), lambda x, y: np.linalg.pinv(x @ y, rcond=1e-8), [draw((4, 1)), draw((1, 3))]),
    "lstsq of low rank": (lambda x, y, b: pt.linalg.lstsq(x @ y, b, rcond=1e-8).solution, lambda x, y, b: np.linalg.pinv(x @ y, rcond=1e-8) @ b, [draw((4, 1)), draw((1, 3)), draw((4, 2))]),
}  # fmt: skip


def inputs_of(values):
    return [pt.tensor(f"x{i}", v.dtype.name, v.shape) for i, v in enumerate(values)]


def several(results):
    return list(results) if isinstance(results, (tuple, list)) else [results]


# In parts: Numba's compiler overruns Python's recursion limit on one function of 700 calls.
@pytest.mark.parametrize("part", range(8))
def test_functions_agree_with_numpy_and_scipy(backend, part):
    symbols, values, outputs, wanted, names = [], [], [], [], []
    # Numba takes a second for ten calls, and calls what the C backend does.
    for name, (ours, theirs, operands) in list(CASES.items())[part :: 32 if backend == "numba" else 8]:
        x = inputs_of(operands)
        made = several(ours(*x))
        symbols += x
        values += operands
        outputs += made
        wanted += several(theirs(*operands))
        names += [name] * len(made)
    assert len(outputs) == len(wanted)
    results = function(symbols, outputs, backend=backend, mode=PLAIN)(*values)
    for name, got, w in zip(names, results, wanted):
        message = f"{name}, {backend}"
        assert got.shape == np.shape(w), message
        assert got.dtype == np.float64, message
        np.testing.assert_allclose(got, w, rtol=1e-9, atol=1e-11, err_msg=message)


def test_a_constant_right_hand_side_is_passed_whole(backend):
    x = pt.matrix("x", 2, 2)
    f = function([x], pt.linalg.solve(x, np.ones((2, 1))), backend=backend)
    np.testing.assert_allclose(f([[4.0, 2.0], [2.0, 10.0]]), [[2 / 9], [1 / 18]], rtol=1e-14)


def factors(x, s):
    """What factorisations must satisfy, whatever the signs of their vectors."""
    oblong, symmetric = x, s
    q, r = pt.linalg.qr(oblong)
    full_q, full_r = pt.linalg.qr(oblong, mode="complete")
    u, v, vt = pt.linalg.svd(oblong, full_matrices=False)
    full_u, _, full_vt = pt.linalg.svd(oblong)
    w, e = pt.linalg.eigh(symmetric)
    square = x @ pt.matrix_transpose(x)
    re, im, vre, vim = pt.linalg.eig(square + 2.0 * pt.linalg.cholesky(s))
    general = square + 2.0 * pt.linalg.cholesky(s)
    t = pt.matrix_transpose
    one = lambda n, a=x: pt.broadcast_to(pt.constant(np.eye(n)), (*a.type.shape[:-2], n, n))
    m, n = x.type.shape[-2:]
    k = min(m, n)
    return {
        "Q R": (q @ r, x), "Q.T Q": (t(q) @ q, one(k)), "R is a triangle": (r * np.tril(np.ones((k, n)), -1), r * 0.0),
        "complete Q R": (full_q @ full_r, x), "complete Q Q.T": (full_q @ t(full_q), one(m)), "R alone": (pt.linalg.qr(x, mode="r"), r),
        "U S V": ((u * v[..., None, :]) @ vt, x), "U.T U": (t(u) @ u, one(k)), "V.T V": (vt @ t(vt), one(k)),
        "full U": (full_u @ t(full_u), one(m)), "full V": (full_vt @ t(full_vt), one(n)),
        "symmetric eigenvectors": (s @ e, e * w[..., None, :]), "they are orthonormal": (t(e) @ e, one(m)),
        "eigenvectors, real": (general @ vre, vre * re[..., None, :] - vim * im[..., None, :]),
        "eigenvectors, imaginary": (general @ vim, vre * im[..., None, :] + vim * re[..., None, :]),
        "eigenvectors have length 1": (pt.sum(vre * vre + vim * vim, axis=-2), re * 0.0 + 1.0),
        "eigenvalues add up to the trace": (pt.sum(re, axis=-1), pt.linalg.trace(general)),
    }  # fmt: skip


# Numba takes a second for ten calls, and calls what the C backend does.
FEWER = {"numba": [(2, 0, 0), (3, 4, 2), (2, 2, 3)]}


@pytest.mark.parametrize(
    ("backend", "shape"), [(b, s) for b in ("numpy", "c", "numba", "jax") for s in FEWER.get(b, OBLONG)], indirect=["backend"]
)
@pytest.mark.static_lengths
def test_factorisations_multiply_to_the_matrix(backend, shape):
    x, s = inputs_of([draw(shape), positive(shape[:-1] + shape[-2:-1])])
    pairs = factors(x, s)
    f = function([x, s], [side for pair in pairs.values() for side in pair], backend=backend, mode=PLAIN)
    made = f(draw(shape), positive(shape[:-1] + shape[-2:-1]))
    for name, left, right in zip(pairs, made[::2], made[1::2]):
        assert left.shape == right.shape, name
        np.testing.assert_allclose(left, right, rtol=1e-9, atol=1e-11, err_msg=f"{name}, {backend}")


def test_eig_gives_the_complex_eigenvalues_of_a_rotation(backend):
    turn = np.array([[0.0, -1.0], [1.0, 0.0]])
    x = pt.matrix("x", 2, 2)
    re, im, _, _ = function([x], list(pt.linalg.eig(x)), backend=backend)(turn)
    np.testing.assert_allclose(re, 0.0, atol=1e-15)
    np.testing.assert_allclose(np.sort(im), [-1.0, 1.0], rtol=1e-14)


# Gradients ------------------------------------------------------------------------------------


def assert_gradients(build, values, rtol=2e-6, atol=1e-7):
    """Compare the gradient of a weighted sum of every result with central differences."""
    symbols = inputs_of(values)
    rng = np.random.default_rng(1)
    cost = pt.constant(0.0)
    for r in several(build(*symbols)):
        cost = cost + pt.sum(r * rng.normal(size=r.type.static_shape))
    run = function(symbols, cost, backend="numpy", mode=PLAIN)
    gradients = function(symbols, grad(cost, symbols, disconnected_inputs="ignore"), backend="numpy", mode=PLAIN)(*values)
    for i, (v, g) in enumerate(zip(values, gradients)):
        assert g.shape == v.shape
        for k in np.ndindex(*v.shape):
            slope = 0.0
            for way, weight in ((1, 8.0), (-1, -8.0), (2, -1.0), (-2, 1.0)):
                moved = [w.copy() for w in values]
                moved[i][k] += way * 2.0**-11
                slope += weight * float(run(*moved)) * 2.0**11 / 12.0
            assert np.isclose(g[k], slope, rtol=rtol, atol=atol), f"operand {i} at {k}: {g[k]} is not {slope}"


FACTORS = {
    **{
        f"{name} {shape}": (ours, [operand(shape)])
        for shape in [(1, 1), (3, 3), (2, 3, 3), (0, 0)]
        for name, ours, operand in [
            ("eigh", pt.linalg.eigh, positive), ("eigenvectors", lambda x: pt.linalg.eigh(x).eigenvectors, regular), ("eigh upper", lambda x: pt.linalg.eigh(x, "U"), regular),
        ]
    },
    **{
        f"{name} {shape}": (ours, [draw(shape)])
        for shape in [(1, 1), (3, 3), (2, 3, 2), (2, 2, 3), (4, 2), (2, 4), (3, 0)]
        for name, ours in [
            ("svd", lambda x: pt.linalg.svd(x, full_matrices=False)), ("U alone", lambda x: pt.linalg.svd(x, full_matrices=False).U),
            ("V alone", lambda x: pt.linalg.svd(x, full_matrices=False).Vh), ("qr", pt.linalg.qr), ("Q alone", lambda x: pt.linalg.qr(x)[0]), ("R alone", lambda x: pt.linalg.qr(x, "r")),
        ]
    },
    "svd full, square": (pt.linalg.svd, [draw((3, 3))]),
    "svd full, values alone": (lambda x: pt.linalg.svd(x).S, [draw((4, 2))]),
    "qr complete, wide": (lambda x: pt.linalg.qr(x, "complete"), [draw((2, 4))]),
    "lstsq with all it gives": (lambda a, b: [y for y in pt.linalg.lstsq(a, b) if y.dtype == "float64"], [draw((4, 2)), draw((4, 3), 1)]),
    "lstsq wide": (lambda a, b: pt.linalg.lstsq(a, b).solution, [draw((2, 4)), draw(2, 1)]),
    "lstsq broadcast": (lambda a, b: pt.linalg.lstsq(a, b).solution, [draw((2, 1, 3, 2)), draw((2, 3, 1), 1)]),
}  # fmt: skip


@pytest.mark.parametrize("name", [n for n in CASES if not n.startswith("norm 0 ")])
def test_gradients_agree_with_differences(name):
    ours, _, operands = CASES[name]
    assert_gradients(ours, operands)


@pytest.mark.parametrize("name", FACTORS)
def test_gradients_of_factorisations_agree_with_differences(name):
    ours, operands = FACTORS[name]
    assert_gradients(ours, operands)


@pytest.mark.parametrize(
    ("name", "build", "x"),
    [
        ("cholesky", pt.linalg.cholesky, positive((2, 2))), ("inv", pt.linalg.inv, regular((2, 2))), ("solve", lambda x: pt.linalg.solve(x, np.ones(2)), regular((2, 2))),
        ("triangular", lambda x: pt.linalg.solve_triangular(x, np.ones(2)), regular((2, 2))), ("slogdet", lambda x: pt.linalg.slogdet(x)[1], regular((2, 2))),
        ("det", pt.linalg.det, regular((2, 2))), ("expm", pt.linalg.expm, draw((2, 2))), ("eigh", pt.linalg.eigh, positive((2, 2))), ("qr", pt.linalg.qr, draw((3, 2))),
        ("svd", lambda x: pt.linalg.svd(x, full_matrices=False), draw((3, 2))), ("pinv", pt.linalg.pinv, draw((3, 2))),
        ("lstsq", lambda x: pt.linalg.lstsq(x, np.arange(3.0)).solution, draw((3, 2))),
    ],
)  # fmt: skip
def test_second_derivatives_agree_with_differences(name, build, x):
    def slope(x):
        results = several(build(x))
        weights = [np.random.default_rng(2).normal(size=r.type.static_shape) for r in results]
        return grad(sum((pt.sum(r * w) for r, w in zip(results, weights)), pt.constant(0.0)), x)

    assert_gradients(slope, [x], rtol=2e-5, atol=1e-5)


def test_gradients_agree_on_every_backend(backend):
    p, a, b = inputs_of([positive((2, 3, 3)), regular((3, 3)), draw((2, 3))])
    half = pt.linalg.cholesky(p)
    white = pt.linalg.solve_triangular(half, b, lower=True, b_ndim=1)
    cost = pt.sum(white * white) + pt.linalg.slogdet(a @ p)[1].sum() + pt.sum(pt.linalg.eigh(p)[0] ** 2) + pt.linalg.expm(a * 0.1).sum()
    outputs = [cost, *grad(cost, [p, a, b])]
    values = positive((2, 3, 3)), regular((3, 3)), draw((2, 3))
    wanted = function([p, a, b], outputs, backend="numpy", mode=PLAIN)(*values)
    for got, w in zip(function([p, a, b], outputs, backend=backend)(*values), wanted):
        np.testing.assert_allclose(got, w, rtol=1e-10, atol=1e-12)


def test_lu_of_oblong_matrices_and_its_rows():
    for shape in ((2, 4), (4, 2), (0, 0), (2, 3, 5)):
        x = draw(shape)
        p, lower, upper = pt.linalg.lu(x)
        np.testing.assert_allclose((p @ lower @ upper).eval(), x, atol=1e-14)
        rows, lower, upper = (r.eval() for r in pt.linalg.lu(x, p_indices=True))
        np.testing.assert_allclose(np.take_along_axis(lower, rows[..., None], -2) @ upper, x, atol=1e-14)
    with pytest.raises(GradientError, match="2 by 4"):
        grad(pt.linalg.lu(x := pt.matrix("x", 2, 4))[1].sum(), x)


def test_schur_forms(backend):
    a, b = regular((2, 4, 4)), regular((2, 4, 4)) + 1.0
    x, y = inputs_of([a, b])
    t, z, aa, bb, left, right = function([x, y], [*pt.linalg.schur(x), *pt.linalg.qz(x, y)], backend=backend)(a, b)
    np.testing.assert_allclose(z @ t @ swap(z), a, atol=1e-12)
    np.testing.assert_allclose(left @ aa @ swap(right), a, atol=1e-12)
    np.testing.assert_allclose(left @ bb @ swap(right), b, atol=1e-12)
    # Below the blocks of two on the diagonal there is nothing.
    assert (np.tril(t, -2) == 0).all() and (np.tril(bb, -1) == 0).all()


def test_equations_without_a_solution_are_nan_alone_in_their_stack():
    a = np.array([[[1.0]], [[0.5]]])
    found = pt.linalg.solve_discrete_lyapunov(a, [[3.0]]).eval()
    assert not np.isfinite(found[0]) or abs(found[0]) > 1e15
    assert found[1] == pytest.approx(4.0)
    unstable = pt.linalg.solve_discrete_are([[2.0]], [[0.0]], [[1.0]], [[1.0]]).eval()
    assert np.isnan(unstable).all()
    with pytest.raises(ShapeError, match="do not fit together"):
        pt.linalg.solve_sylvester(np.eye(2), np.eye(3), np.ones((3, 2)))


# Matrices that fail ---------------------------------------------------------------------------


def test_a_matrix_without_a_cholesky_factor_gives_nan_alone_in_its_stack(backend):
    bad = np.array([[[1.0, 2.0], [2.0, 1.0]], [[4.0, 2.0], [2.0, 10.0]], [[np.nan, 0.0], [0.0, 1.0]]])
    x = pt.tensor("x", shape=(3, 2, 2))
    outputs = [pt.linalg.cholesky(x), pt.linalg.solve(x, np.ones(2), assume_a="pos")]
    factor, solved = function([x], outputs, backend=backend)(bad)
    assert np.isnan(factor[[0, 2]]).all() and np.array_equal(factor[1], [[2.0, 0.0], [1.0, 3.0]])
    assert np.isnan(solved[[0, 2]]).all()
    np.testing.assert_allclose(solved[1], np.linalg.solve(bad[1], np.ones(2)))


def test_the_gradient_of_a_failed_cholesky_is_nan(backend):
    x = pt.matrix("x", 2, 2)
    g = function([x], grad(pt.sum(pt.linalg.cholesky(x)), x), backend=backend)(np.array([[1.0, 2.0], [2.0, 1.0]]))
    assert np.isnan(g).any() and not np.isfinite(g).all()


def test_only_the_lower_triangle_is_read_by_cholesky_and_eigh(backend):
    p = positive((3, 3))
    half = np.tril(p) + 7.0 * np.triu(np.ones((3, 3)), 1)
    x = pt.matrix("x", 3, 3)
    factor, values = function([x], [pt.linalg.cholesky(x), pt.linalg.eigvalsh(x)], backend=backend)(half)
    np.testing.assert_allclose(factor, np.linalg.cholesky(p), rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(values, np.linalg.eigvalsh(p), rtol=1e-12)


def test_singular_matrices_give_no_finite_answer_and_do_not_raise(backend):
    stack = np.array([[[1.0, 1.0], [1.0, 1.0]], [[2.0, 0.0], [0.0, 4.0]], [[0.0, 0.0], [0.0, 0.0]]])
    x = pt.tensor("x", shape=(3, 2, 2))
    b = np.array([1.0, 2.0])
    lower = pt.linalg.solve_triangular(pt.constant([[0.0, 0.0], [1.0, 1.0]]) + 0.0 * x[0], b, lower=True)
    outputs = [pt.linalg.inv(x), pt.linalg.solve(x, b), *pt.linalg.slogdet(x), pt.linalg.det(x), lower]
    inverse, solved, sign, log, det, lower = function([x], outputs, backend=backend)(stack)
    assert not np.isfinite(inverse[0]).any() and not np.isfinite(inverse[2]).all()
    np.testing.assert_allclose(inverse[1], np.diag([0.5, 0.25]))
    assert not np.isfinite(solved[0]).any() and not np.isfinite(solved[2]).any()
    np.testing.assert_allclose(solved[1], [0.5, 0.5])
    assert sign.tolist() == [0.0, 1.0, 0.0] and log[0] == log[2] == -np.inf
    np.testing.assert_allclose(det, [0.0, 8.0, 0.0], rtol=1e-14)
    assert not np.isfinite(lower).all()


def test_nan_and_infinity_go_through(backend):
    stack = np.stack([np.full((2, 2), np.nan), np.full((2, 2), np.inf), 2.0 * np.eye(2)])
    x = pt.tensor("x", shape=(3, 2, 2))
    if backend == "jax":
        stack[1] = np.nan  # XLA's singular values of an infinite matrix may not converge; NaN is looked for first.
    outputs = {
        "inv": pt.linalg.inv(x), "solve": pt.linalg.solve(x, np.ones((2, 1))), "det": pt.linalg.det(x), "eigh": pt.linalg.eigvalsh(x),
        "svd": pt.linalg.svd(x, compute_uv=False), "pinv": pt.linalg.pinv(x), "expm": pt.linalg.expm(x), "lstsq": pt.linalg.lstsq(x, np.ones(2)).solution,
        "eig": pt.linalg.eig(x)[0], "qr": pt.linalg.qr(x, "r"),
    }  # fmt: skip
    for name, got in zip(outputs, function([x], list(outputs.values()), backend=backend)(stack)):
        assert not np.isfinite(got[0]).any() or name == "qr", name
        assert not np.isfinite(got[1]).all(), name
        assert np.isfinite(got[2]).all(), name


def test_rank_is_found(backend):
    a = np.stack([np.ones((3, 2)), draw((3, 2)), np.zeros((3, 2))])
    x = pt.tensor("x", shape=(3, 3, 2))
    rank = function([x], pt.linalg.lstsq(x, np.ones(3)).rank, backend=backend)(a)
    assert rank.dtype == np.int64 and rank.tolist() == [1, 2, 0]


# Dtypes, shapes, errors -----------------------------------------------------------------------


def test_single_precision_stays_and_integers_become_double(backend):
    x = pt.tensor("x", "float32", (3, 3))
    i = pt.tensor("i", "int64", (2, 2))
    made = [
        pt.linalg.cholesky(x), pt.linalg.inv(x), pt.linalg.solve(x, np.ones(3, "float32")), pt.linalg.det(x), *pt.linalg.slogdet(x), *pt.linalg.eigh(x), *pt.linalg.svd(x),
        *pt.linalg.qr(x), *pt.linalg.eig(x), pt.linalg.expm(x), pt.linalg.pinv(x), pt.linalg.solve_triangular(x, np.ones(3, "float32")), pt.linalg.lstsq(x, np.ones(3, "float32"))[0],
        pt.linalg.norm(x), pt.linalg.trace(x),
    ]  # fmt: skip
    p = (np.eye(3) * 2 + 0.1).astype("float32")
    results = function([x, i], [*made, pt.linalg.inv(i), pt.linalg.trace(i)], backend=backend)(p, [[2, 0], [0, 4]])
    for y, got in zip(made, results):
        assert y.dtype == "float32" and got.dtype == np.float32 and np.isfinite(got).all()
    np.testing.assert_allclose(results[1], np.linalg.inv(p), rtol=1e-5)
    np.testing.assert_array_equal(results[-2], np.diag([0.5, 0.25]))
    assert results[-1] == 6 and results[-1].dtype == np.int64


def test_shapes_may_be_known_at_the_call_only(backend):
    x, b = pt.matrix("x"), pt.matrix("b")
    outputs = [pt.linalg.cholesky(x), pt.linalg.solve(x, b), pt.linalg.inv(x), pt.linalg.slogdet(x)[1], pt.linalg.expm(x), pt.linalg.lstsq(x, b).singular_values]
    f = function([x, b], outputs, backend=backend)
    for n in (2, 1, 4):
        p, y = positive((n, n)), draw((n, 2))
        wanted = np.linalg.cholesky(p), np.linalg.solve(p, y), np.linalg.inv(p), np.linalg.slogdet(p)[1], expm(p), np.linalg.svd(p)[1]
        for got, w in zip(f(p, y), wanted):
            np.testing.assert_allclose(got, w, rtol=1e-9, atol=1e-12)


def test_gradients_may_be_written_before_shapes_are_known():
    x, b = pt.matrix("x"), pt.matrix("b")
    cost = pt.linalg.slogdet(x)[1] + pt.sum(pt.linalg.solve(x, b)) + pt.sum(pt.linalg.cholesky(x)) + pt.sum(pt.linalg.inv(x))
    known = [pt.matrix("x", 3, 3), pt.matrix("b", 3, 2)]
    fixed = pt.linalg.slogdet(known[0])[1] + pt.sum(pt.linalg.solve(*known)) + pt.sum(pt.linalg.cholesky(known[0])) + pt.sum(pt.linalg.inv(known[0]))
    values = {"x": positive((3, 3)), "b": draw((3, 2))}
    for a, w in zip(grad(cost, [x, b]), grad(fixed, known)):
        np.testing.assert_allclose(a.eval(values), w.eval(values), rtol=1e-13)


def test_gradients_that_do_not_exist_are_errors():
    x = pt.matrix("x", 4, 2)
    for y in (pt.linalg.svd(x).U, pt.linalg.qr(x, "complete")[0], pt.linalg.svd(x).Vh):
        with pytest.raises(GradientError, match="are arbitrary"):
            grad(pt.sum(y), x)


@pytest.mark.parametrize("name", ["cholesky", "inv", "det", "slogdet", "eigh", "eigvalsh", "eig", "expm"])
def test_what_is_not_square_is_an_error(name):
    with pytest.raises(ShapeError, match=f"{name.removesuffix('valsh').removesuffix('h') if name.startswith('eig') else name}.*square matrices, not 2 by 3"):
        getattr(pt.linalg, name)(pt.tensor("x", shape=(4, 2, 3)))
    with pytest.raises(ShapeError, match=r"takes matrices, not a tensor of shape \(3,\)"):
        getattr(pt.linalg, name)(pt.vector("v", 3))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda x, v: pt.linalg.solve(x, v), ShapeError, "square matrices, not 2 by 3"),
        (lambda x, v: pt.linalg.solve(pt.ones((2, 2)), v), ShapeError, "has 3 rows, the matrix 2"),
        (lambda x, v: pt.linalg.solve(pt.ones((2, 2)), 1.0), ShapeError, "right-hand side is a scalar"),
        (lambda x, v: pt.linalg.solve(pt.ones((3, 2, 2)), pt.ones((4, 2, 1))), ShapeError, "do not broadcast"),
        (lambda x, v: pt.linalg.solve(pt.ones((3, 3)), v, assume_a="diag"), ValueError, "'gen' or 'pos'"),
        (lambda x, v: pt.linalg.solve(pt.ones((3, 3)), v, b_ndim=3), ValueError, "b_ndim"),
        (lambda x, v: pt.linalg.solve_triangular(pt.ones((2, 2)), v), ShapeError, "has 3 rows, the matrix 2"),
        (lambda x, v: pt.linalg.solve_triangular(pt.ones((3, 3)), v, trans="Q"), ValueError, "trans is"),
        (lambda x, v: pt.linalg.lstsq(x, v), ShapeError, "has 3 rows, the matrix 2"),
        (lambda x, v: pt.linalg.lstsq(x, 2.0), ShapeError, "right-hand side is a scalar"),
        (lambda x, v: pt.linalg.svd(v), ShapeError, "takes matrices"),
        (lambda x, v: pt.linalg.qr(v), ShapeError, "takes matrices"),
        (lambda x, v: pt.linalg.qr(x, mode="raw"), ValueError, "no mode 'raw'"),
        (lambda x, v: pt.linalg.eigh(x, UPLO="X"), ValueError, "'L' or 'U'"),
        (lambda x, v: pt.linalg.pinv(v), ShapeError, "takes matrices"),
        (lambda x, v: pt.linalg.trace(v), ShapeError, "takes matrices"),
        (lambda x, v: pt.linalg.matrix_power(x, 2), ShapeError, "not 2 by 3"),
        (lambda x, v: pt.linalg.matrix_power(pt.ones((2, 2)), 0.5), TypeError, "must be an integer"),
        (lambda x, v: pt.linalg.block_diag(), ShapeError, "no blocks"),
        (lambda x, v: pt.linalg.block_diag(pt.ones((2, 1, 1)), pt.ones((3, 1, 1))), ShapeError, "do not broadcast"),
        (lambda x, v: pt.linalg.norm(x, axis=2), ShapeError, "axis 2 is out of bounds"),
        (lambda x, v: pt.linalg.norm(x, axis=(0, 0)), ShapeError, "pair of different"),
        (lambda x, v: pt.linalg.norm(pt.ones((2, 2, 2)), 2), ShapeError, "give the axis"),
        (lambda x, v: pt.linalg.norm(v, "fro"), ValueError, "no norm of vectors"),
        (lambda x, v: pt.linalg.norm(x, 3), ValueError, "no norm of matrices"),
        (lambda x, v: pt.linalg.inv(np.ones((2, 2), complex)), DTypeError, "complex128"),
    ],
)
def test_bad_arguments_are_errors(make, error, message):
    with pytest.raises(error, match=message):
        make(pt.matrix("x", 2, 3), pt.vector("v", 3))


@pytest.mark.parametrize("at", [
    np.array([[1.0, 2.0, 0.3], [-1.5, 0.4, 0.7], [0.2, 0.9, -2.0]]), np.array([[0.0, 1.7], [-1.0, 0.3]]), np.array([[3.0, 1.0], [0.5, 1.0]]), np.array([[2.0]]),
])  # fmt: skip
def test_the_gradient_of_eig_agrees_with_differences(at):
    n = len(at)
    x = pt.matrix("x", n, n)
    rng = np.random.default_rng(4)
    parts = pt.linalg.eig(x)
    cost = sum(pt.sum(pt.sin(part) * pt.constant(rng.normal(size=part.type.shape))) for part in parts)
    for total in (cost, pt.sum(parts.real_eigenvalues**2), pt.sum(parts.imag_eigenvalues**2), pt.sum(parts.real_eigenvectors[0])):
        run = function([x], total, backend="numpy")
        slope = grad(total, x).eval({x: at})
        for i, j in np.ndindex(n, n):
            step = np.zeros((n, n))
            step[i, j] = 1e-5
            assert np.isclose(slope[i, j], (run(at + step) - run(at - step)) / 2e-5, rtol=1e-6, atol=1e-8), (i, j)


def test_eig_has_a_gradient_in_a_stack(backend):
    rng = np.random.default_rng(5)
    at = rng.normal(size=(2, 3, 3))
    x, one = pt.tensor("x", "float64", (2, 3, 3)), pt.matrix("m", 3, 3)

    def cost(a):
        w = pt.linalg.eig(a)
        return pt.sum(w.real_eigenvalues**3 + w.imag_eigenvalues**2) + pt.sum(w.real_eigenvectors**4)

    slope = function([x], grad(cost(x), x), backend=backend)(at)
    for k in range(2):
        np.testing.assert_allclose(slope[k], grad(cost(one), one).eval({one: at[k]}), rtol=1e-9, atol=1e-10)
