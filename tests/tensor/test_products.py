"""Products against NumPy on every backend, their gradients against differences, einsum on random subscripts."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import workbench.tensor as pt
from workbench.compile import function
from workbench.errors import ShapeError
from workbench.graph import Mode
from workbench.graph.traverse import topological
from workbench.tensor.linalg.products import MatMul
from workbench.transforms import grad

PLAIN = Mode(())

CASES = {
    "vector @ vector": (pt.matmul, np.matmul, [(4,), (4,)]),
    "matrix @ vector": (pt.matmul, np.matmul, [(3, 4), (4,)]),
    "vector @ matrix": (pt.matmul, np.matmul, [(3,), (3, 4)]),
    "matrix @ matrix": (pt.matmul, np.matmul, [(3, 4), (4, 2)]),
    "one by one": (pt.matmul, np.matmul, [(1, 1), (1, 1)]),
    "nothing summed": (pt.matmul, np.matmul, [(3, 0), (0, 2)]),
    "no rows": (pt.matmul, np.matmul, [(0, 3), (3, 2)]),
    "stack @ matrix": (pt.matmul, np.matmul, [(5, 3, 4), (4, 2)]),
    "matrix @ stack": (pt.matmul, np.matmul, [(3, 4), (5, 4, 2)]),
    "stacks that broadcast": (pt.matmul, np.matmul, [(5, 1, 3, 4), (2, 4, 2)]),
    "empty stack": (pt.matmul, np.matmul, [(0, 3, 4), (4, 2)]),
    "stack @ vector": (pt.matmul, np.matmul, [(5, 3, 4), (4,)]),
    "vector @ stack": (pt.matmul, np.matmul, [(3,), (5, 3, 4)]),
    "dot of scalars": (pt.dot, np.dot, [(), ()]),
    "dot with a scalar": (pt.dot, np.dot, [(), (3, 2)]),
    "dot of matrices": (pt.dot, np.dot, [(3, 4), (4, 2)]),
    "dot of many axes": (pt.dot, np.dot, [(2, 3, 4), (5, 4, 2)]),
    "dot of many axes and a vector": (pt.dot, np.dot, [(2, 3, 4), (4,)]),
    "dot of a vector and many axes": (pt.dot, np.dot, [(4,), (3, 4, 2)]),
    "vecdot": (pt.vecdot, np.vecdot, [(3, 1, 4), (2, 4)]),
    "matvec": (pt.matvec, np.matvec, [(5, 3, 4), (5, 4)]),
    "vecmat": (pt.vecmat, np.vecmat, [(2, 1, 3), (5, 3, 4)]),
    "outer": (pt.outer, np.outer, [(2, 2), (3,)]),
    "outer of scalars": (pt.outer, np.outer, [(), ()]),
    "inner": (pt.inner, np.inner, [(2, 3), (4, 3)]),
    "inner of vectors": (pt.inner, np.inner, [(3,), (3,)]),
    "inner with a vector": (pt.inner, np.inner, [(3,), (2, 5, 3)]),
    "inner with a scalar": (pt.inner, np.inner, [(3,), ()]),
    "vdot": (pt.vdot, np.vdot, [(2, 3), (3, 2)]),
    "kron": (pt.kron, np.kron, [(2, 3), (3, 2)]),
    "kron of vectors": (pt.kron, np.kron, [(2,), (3,)]),
    "kron of unlike ranks": (pt.kron, np.kron, [(2, 1, 2), (3,)]),
    "kron with a scalar": (pt.kron, np.kron, [(), (3, 2)]),
    "kron of nothing": (pt.kron, np.kron, [(0, 2), (2, 2)]),
    "tensordot": (pt.tensordot, np.tensordot, [(2, 3, 4), (3, 4, 2)]),
    **{
        f"{name} {k} {shape}": (lambda x, f=name, k=k: getattr(pt, f)(x, k), lambda x, f=name, k=k: getattr(np, f)(x, k), [shape])
        for name in ("tril", "triu") for k in (0, 1, -2) for shape in [(3, 3), (2, 4), (2, 4, 2), (0, 2), (1, 1)]
    },
    "matrix_transpose": (pt.matrix_transpose, np.matrix_transpose, [(2, 3, 4)]),
    **{
        f"tensordot {axes}": (lambda x, y, a=axes: pt.tensordot(x, y, a), lambda x, y, a=axes: np.tensordot(x, y, a), shapes)
        for axes, shapes in [
            (0, [(2,), (3, 2)]), (1, [(2, 3), (3, 4, 2)]), (([0], [1]), [(3, 2), (4, 3, 2)]), ((-1, 0), [(2, 3), (3,)]),
            (([1, 0], [0, 1]), [(2, 3, 2), (3, 2, 4)]), (([], []), [(2,), (3,)]), (2, [(3, 4), (3, 4)]), (1, [(2, 0), (0, 3)]),
        ]
    },
    **{
        f"einsum {text}": (lambda *x, s=text: pt.einsum(s, *x), lambda *x, s=text: np.einsum(s, *x), shapes)
        for text, shapes in [
            ("ij,jk->ik", [(2, 3), (3, 4)]), ("ij,kj", [(2, 3), (4, 3)]), ("i,i", [(3,), (3,)]), ("i,j->ji", [(3,), (2,)]),
            ("ii", [(3, 3)]), ("ii->i", [(3, 3)]), ("iji->j", [(3, 2, 3)]), ("iii->i", [(2, 2, 2)]), ("ij->", [(2, 3)]), ("ij->ji", [(2, 3)]), ("ba", [(2, 3)]),
            ("bij,bjk->bik", [(5, 2, 3), (5, 3, 2)]), ("bij,bj->bi", [(5, 2, 3), (5, 3)]), ("...ij,...jk->...ik", [(5, 1, 2, 3), (4, 3, 2)]),
            ("i...->...", [(3, 2, 2)]), ("...,...", [(2, 3), (3,)]), ("a...b,b...->a...", [(2, 5, 3), (3, 5)]), ("ijkl,klm->ijm", [(2, 3, 2, 2), (2, 2, 3)]),
            ("ij,jk,kl->il", [(2, 3), (3, 4), (4, 2)]), ("i,ij,j->", [(2,), (2, 3), (3,)]), ("ij,ij,ij->j", [(2, 3)] * 3), ("a,b,c,d->dbca", [(2,), (3,), (1,), (2,)]),
            ("ij,jk->ik", [(2, 1), (3, 4)]), ("ij,ij->ij", [(1, 3), (2, 3)]), (",i->i", [(), (3,)]), ("ij,jk->ik", [(2, 0), (0, 3)]), ("ijk,jil->kl", [(2, 3, 4), (3, 2, 2)]),
            ("ij,k->j", [(2, 3), (4,)]), (" i j , j -> i ", [(2, 3), (3,)]),
        ]
    },
}  # fmt: skip


def inputs_of(shapes, dtype="float64"):
    return [pt.tensor(f"x{i}", dtype, s) for i, s in enumerate(shapes)]


def numbers(shapes, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=s) for s in shapes]


def test_products_agree_with_numpy(backend):
    symbols, values, outputs, wanted = [], [], [], []
    for ours, theirs, shapes in CASES.values():
        x, v = inputs_of(shapes), numbers(shapes)
        symbols += x
        values += v
        outputs.append(ours(*x))
        wanted.append(theirs(*v))
    for name, got, w in zip(CASES, function(symbols, outputs, backend=backend)(*values), wanted):
        assert got.shape == np.shape(w) and got.dtype == np.float64, name
        np.testing.assert_allclose(got, w, rtol=1e-12, atol=1e-13, err_msg=f"{name}, {backend}")


def assert_gradients(build, values, rtol=1e-6, atol=1e-7):
    """Compare the gradient of a weighted sum of every result with central differences."""
    symbols = inputs_of([v.shape for v in values])
    results = build(*symbols)
    results = results if isinstance(results, (list, tuple)) else [results]
    rng = np.random.default_rng(1)
    cost = sum((pt.sum(r * rng.normal(size=r.type.static_shape)) for r in results), pt.constant(0.0))
    run = function(symbols, cost, backend="numpy", mode=PLAIN)
    gradients = function(symbols, grad(cost, symbols), backend="numpy", mode=PLAIN)(*values)
    for i, (v, g) in enumerate(zip(values, gradients)):
        assert g.shape == v.shape
        for k in np.ndindex(*v.shape):
            slope = 0.0
            # A step of a power of two is exact; the error of a central difference is h^2.
            for way in (1, -1):
                moved = [w.copy() for w in values]
                moved[i][k] += way * 2.0**-17
                slope += way * float(run(*moved)) * 2.0**16
            assert np.isclose(g[k], slope, rtol=rtol, atol=atol), f"operand {i} at {k}: {g[k]} is not {slope}"


@pytest.mark.parametrize("name", CASES)
def test_gradients_of_products_agree_with_differences(name):
    ours, _, shapes = CASES[name]
    assert_gradients(ours, numbers(shapes))


@pytest.mark.parametrize("dtype", ["bool", "int8", "int64", "float32"])
def test_products_keep_the_dtype_of_numpy(dtype):
    rng = np.random.default_rng(0)
    a, b, v = (rng.integers(0, 2, size=s).astype(dtype) for s in ((2, 3), (3, 2), (3,)))
    for ours, theirs, values in [
        (pt.matmul, np.matmul, (a, b)), (pt.matmul, np.matmul, (a, v)), (pt.outer, np.outer, (v, v)), (pt.kron, np.kron, (a, b)),
        (pt.tensordot, lambda x, y: np.tensordot(x, y, 1), (a, b)), (lambda x, y: pt.einsum("ij,jk->ki", x, y), lambda x, y: np.einsum("ij,jk->ki", x, y), (a, b)),
    ]:  # fmt: skip
        made = ours(*map(pt.constant, values), *([1] if ours is pt.tensordot else []))
        wanted = theirs(*values)
        assert made.dtype == wanted.dtype.name == made.eval().dtype.name
        assert np.array_equal(made.eval(), wanted)


def test_mixed_dtypes_promote_as_in_numpy():
    i, x = pt.matrix("i", 2, 3, dtype="int64"), pt.matrix("x", 3, 2)
    assert (i @ x).dtype == "float64" and (i @ np.ones((3, 1), "float32")).dtype == "float64"


def test_matrices_multiply_by_matmul_and_vectors_by_a_loop_that_fuses():
    m, v = pt.matrix("m", 3, 3), pt.vector("v", 3)
    assert isinstance((m @ m).op, MatMul)
    for y in (m @ v, v @ m, v @ v):
        assert not any(isinstance(n.op, MatMul) for n in topological([y]))
    assert function([m, v], m @ v, backend="numba").fallbacks == ()


def test_shapes_may_be_known_at_the_call_only(backend):
    x, y, v = pt.matrix("x"), pt.matrix("y"), pt.vector("v")
    outputs = [x @ y, x @ v, v @ y, pt.einsum("ij,kj->ik", x, x), v @ v]
    f = function([x, y, v], outputs, backend=backend)
    for n in (3, 1, 0):
        a, b, c = numbers([(2, n), (n, 4), (n,)])
        for got, w in zip(f(a, b, c), [a @ b, a @ c, c @ b, a @ a.T, c @ c]):
            np.testing.assert_allclose(got, w, rtol=1e-12, atol=1e-14)


def test_gradients_of_matrices_of_unknown_shape():
    x, y = pt.matrix("x"), pt.matrix("y")
    gx, gy = grad(pt.sum(x @ y), [x, y])
    a, b = numbers([(2, 3), (3, 4)])
    np.testing.assert_allclose(gx.eval({"x": a, "y": b}), np.ones((2, 4)) @ b.T)
    np.testing.assert_allclose(gy.eval({"x": a, "y": b}), a.T @ np.ones((2, 4)))


def test_operators_and_methods():
    m = pt.constant([[1.0, 2.0], [3.0, 4.0]])
    array = np.array([[0.0, 1.0], [1.0, 0.0]])
    assert np.array_equal((array @ m).eval(), array @ m.op.value)
    assert np.array_equal((m @ array).eval(), m.op.value @ array)
    assert np.array_equal(m.dot(2.0).eval(), m.op.value * 2)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda x, y, s: x @ x, r"\(2, 3\) and \(2, 3\): 3 is not 2"),
        (lambda x, y, s: s @ x, "not scalars"),
        (lambda x, y, s: x @ pt.ones(2), "3 is not 2"),
        (lambda x, y, s: pt.ones((2, 2, 3)) @ pt.ones((4, 3, 2)), "do not broadcast"),
        (lambda x, y, s: pt.dot(pt.ones((2, 3, 4)), pt.ones((2, 3, 4))), "4 is not 3"),
        (lambda x, y, s: pt.inner(x, pt.ones((2, 4))), "3 is not 4"),
        (lambda x, y, s: pt.vdot(x, pt.ones(5)), "6 is not 5"),
        (lambda x, y, s: pt.vecdot(x, pt.ones(2)), "3 is not 2"),
        (lambda x, y, s: pt.vecdot(s, x), "out of bounds"),
        (lambda x, y, s: pt.matvec(pt.ones(3), x), "matvec takes"),
        (lambda x, y, s: pt.vecmat(x, pt.ones(3)), "vecmat takes"),
        (lambda x, y, s: pt.matrix_transpose(s), "takes matrices"),
        (lambda x, y, s: pt.tril(pt.ones(3)), "tril takes matrices"),
        (lambda x, y, s: pt.tensordot(x, y, 3), "over 3 axes"),
        (lambda x, y, s: pt.tensordot(x, y, ([0], [0])), "2 is not 3"),
        (lambda x, y, s: pt.tensordot(x, y, ([0, 1], [0])), "do not pair up"),
        (lambda x, y, s: pt.tensordot(x, y, ([5], [0])), "axis 5 is out of bounds"),
        (lambda x, y, s: pt.einsum("ij,jk->ik", x), "names 2 operands, and got 1"),
        (lambda x, y, s: pt.einsum("", x), "does not fit"),
        (lambda x, y, s: pt.einsum("ij->ij"), "got 0"),
        (lambda x, y, s: pt.einsum("ijk->i", x), "does not fit a tensor of shape"),
        (lambda x, y, s: pt.einsum("i->i", x), "does not fit a tensor of shape"),
        (lambda x, y, s: pt.einsum("ij,ij->", x, y), "stands for lengths 2 and 3"),
        (lambda x, y, s: pt.einsum("ii->i", x), "lengths 2 and 3 of one operand"),
        (lambda x, y, s: pt.einsum("ij->ik", x), "must occur once"),
        (lambda x, y, s: pt.einsum("ij->ii", x), "must occur once"),
        (lambda x, y, s: pt.einsum("i...->i", x), "the result has no"),
        (lambda x, y, s: pt.einsum("i1->i", x), "must be letters"),
    ],
)
def test_shapes_that_do_not_fit_are_errors(make, message):
    with pytest.raises(ShapeError, match=message):
        make(pt.matrix("x", 2, 3), pt.matrix("y", 3, 2), pt.scalar("s"))


@st.composite
def einsums(draw):
    """Subscripts over five letters with repeats, an ellipsis and lengths of 1, and operands that fit."""
    lengths = {k: draw(st.integers(1, 3)) for k in "abcde"}
    batch = draw(st.lists(st.integers(1, 3), max_size=2))
    groups, shapes = [], []
    for _ in range(draw(st.integers(1, 4))):
        letters = draw(st.lists(st.sampled_from("abcde"), max_size=3))
        shape = [lengths[k] for k in letters]
        if draw(st.booleans()):
            at = draw(st.integers(0, len(letters)))
            own = batch[draw(st.integers(0, len(batch))) :]
            own = [1 if draw(st.booleans()) else n for n in own]
            letters[at:at], shape[at:at] = ["..."], own
        groups.append(letters)
        shapes.append(shape)
    text = ",".join("".join(g) for g in groups)
    if draw(st.booleans()):
        used = sorted({k for g in groups for k in g} - {"..."})
        output = draw(st.permutations(used))[: draw(st.integers(0, len(used)))]
        if any("..." in g for g in groups):
            output = [*output[: len(output) // 2], "...", *output[len(output) // 2 :]]
        text += "->" + "".join(output)
    return text, shapes


@settings(max_examples=200, deadline=None)
@given(einsums())
def test_einsum_agrees_with_numpy_on_random_subscripts(case):
    text, shapes = case
    values = numbers(shapes)
    try:
        wanted = np.einsum(text, *values)
    except ValueError:
        with pytest.raises(ShapeError):
            pt.einsum(text, *values)
        return
    made = pt.einsum(text, *inputs_of(shapes))
    assert made.type.shape == wanted.shape
    got = made.eval({f"x{i}": v for i, v in enumerate(values)})
    np.testing.assert_allclose(got, wanted, rtol=1e-10, atol=1e-12)


@settings(max_examples=20, deadline=None)
@given(einsums())
def test_gradients_of_random_einsums_agree_with_differences(case):
    text, shapes = case
    try:
        np.einsum(text, *numbers(shapes))
    except ValueError:
        return
    assert_gradients(lambda *x: pt.einsum(text, *x), numbers(shapes))


def test_kronecker_products_of_unknown_shape(backend):
    x = pt.matrix("x")
    value = np.array([[2.0, 1.0, 0.0], [1.0, 3.0, -1.0]])
    made, slope = function([x], [pt.kron(x, x), grad(pt.sum(pt.kron(x, x)), x)], backend=backend)(value)
    np.testing.assert_allclose(made, np.kron(value, value))
    np.testing.assert_allclose(slope, np.full((2, 3), 2.0 * value.sum()))
