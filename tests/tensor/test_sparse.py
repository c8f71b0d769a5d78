"""Sparse products against SciPy on every backend, gradients against differences, matrices that are malformed."""

import numpy as np
import pytest
import scipy.sparse

import workbench.tensor as pt
from workbench.compile import function
from workbench.errors import DTypeError, ShapeError
from workbench.graph import Mode
from workbench.transforms import grad

PLAIN = Mode(())


def draw(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def sparse(n, m, kind=scipy.sparse.csr_array):
    dense = draw(n, m, seed=n + 10 * m)
    return kind(np.where(np.abs(dense) > 0.6, dense, 0.0))


A = sparse(4, 6)
SIDES = {
    "matrix, vector": (A, draw(6)), "matrix, matrix": (A, draw(6, 2)), "matrix, stack": (A, draw(3, 2, 6, 2)), "matrix, no columns": (A, draw(6, 0)),
    "vector, matrix": (draw(4), A), "matrix, sparse": (draw(2, 4), A), "stack, sparse": (draw(2, 3, 4), A), "by columns": (sparse(4, 6, scipy.sparse.csc_matrix), draw(6, 2)),
    "by places": (sparse(3, 3, scipy.sparse.coo_array), draw(3)), "by columns, right": (draw(2, 3), sparse(3, 5, scipy.sparse.csc_array)), "one by one": (sparse(1, 1), draw(1)),
    "nothing in it": (scipy.sparse.csr_array((3, 2)), draw(2, 2)), "no rows": (scipy.sparse.csr_array((0, 2)), draw(2)), "no columns": (scipy.sparse.csr_array((2, 0)), draw(0, 3)),
    "an empty row and column": (scipy.sparse.csr_array([[0.0, 1.0, 0.0], [0.0, 0.0, 0.0]]), draw(3)),
}  # fmt: skip


def dense(x):
    return x.toarray() if scipy.sparse.issparse(x) else x


def test_products_agree_with_scipy(backend):
    symbols, values, outputs, wanted = [], [], [], []
    for i, (x, y) in enumerate(SIDES.values()):
        given = y if scipy.sparse.issparse(x) else x
        s = pt.tensor(f"x{i}", "float64", given.shape)
        symbols.append(s)
        values.append(given)
        outputs.append(pt.sparse.dot(x, s) if scipy.sparse.issparse(x) else pt.sparse.dot(s, y))
        wanted.append(dense(x) @ dense(y))
    f = function(symbols, outputs, backend=backend)
    if backend in ("c", "numba"):
        assert f.fallbacks == ()  # Loops of the compiler's own, not calls back into SciPy.
    for name, got, w in zip(SIDES, f(*values), wanted):
        assert got.shape == w.shape, name
        np.testing.assert_allclose(got, w, rtol=1e-12, atol=1e-14, err_msg=f"{name}, {backend}")


def assert_gradients(build, values):
    """Products are linear in each operand, so a difference over a wide step is the gradient."""
    symbols = [pt.tensor(f"x{i}", "float64", v.shape) for i, v in enumerate(values)]
    y = build(*symbols)
    cost = pt.sum(y * draw(*y.type.static_shape, seed=3))
    run = function(symbols, cost, backend="numpy", mode=PLAIN)
    for i, g in enumerate(function(symbols, grad(cost, symbols, disconnected_inputs="ignore"), backend="numpy")(*values)):
        assert g.shape == values[i].shape
        for k in np.ndindex(*values[i].shape):
            high, low = ([v.copy() for v in values] for _ in range(2))
            high[i][k] += 0.5
            low[i][k] -= 0.5
            assert np.isclose(g[k], run(*high) - run(*low), rtol=1e-11, atol=1e-12), (i, k)


@pytest.mark.parametrize("name", SIDES)
def test_gradients_to_the_dense_side_agree_with_differences(name):
    x, y = SIDES[name]
    if scipy.sparse.issparse(x):
        assert_gradients(lambda d: pt.sparse.dot(x, d), [y])
    else:
        assert_gradients(lambda d: pt.sparse.dot(d, y), [x])


@pytest.mark.static_lengths
@pytest.mark.parametrize("kind", ["csr", "csc"])
def test_elements_may_be_symbolic_and_have_gradients(kind, backend):
    matrix = sparse(4, 6).asformat(kind)
    make = getattr(pt.sparse, kind)
    build = lambda d: make(d, matrix.indices, matrix.indptr, matrix.shape)
    data, x, y = pt.vector("data", matrix.nnz), pt.matrix("x", 6, 2), pt.matrix("y", 3, 4)
    s = build(data)
    assert (s.shape, s.nnz, s.ndim, s.dtype) == ((4, 6), matrix.nnz, 2, "float64") and f"{matrix.nnz} elements" in repr(s)
    values = matrix.data, draw(6, 2), draw(3, 4)
    results = function([data, x, y], [s @ x, y @ s, s.T @ s.toarray(), pt.sparse.dot(s, np.ones(6))], backend=backend)(*values)
    for got, w in zip(results, [matrix @ values[1], values[2] @ matrix, (matrix.T @ matrix).toarray(), matrix @ np.ones(6)]):
        np.testing.assert_allclose(got, w, rtol=1e-12, atol=1e-13)
    if backend == "numpy":
        assert_gradients(lambda d, x: build(d) @ x, [values[0], values[1]])
        assert_gradients(lambda d, y: y @ build(d), [values[0], values[2]])
        assert_gradients(lambda d: build(d).toarray(), [values[0]])


def test_elements_at_one_place_add_up():
    twice = pt.sparse.csr([1.0, 2.0], [1, 1], [0, 2], (1, 3))
    assert twice.toarray().eval().tolist() == [[0.0, 3.0, 0.0]]
    assert (twice @ [1.0, 1.0, 1.0]).eval().tolist() == [3.0]


def test_numpy_arrays_stand_on_either_side():
    s = pt.sparse.as_sparse(A)
    assert pt.sparse.as_sparse(s) is s
    np.testing.assert_allclose((np.ones((2, 4)) @ s).eval(), np.ones((2, 4)) @ A.toarray())
    np.testing.assert_allclose((s @ np.ones(6)).eval(), A.toarray() @ np.ones(6))


def test_a_matrix_of_scipy_may_stand_right_of_the_operator():
    x = pt.matrix("x", 2, 4)
    np.testing.assert_allclose((x @ A).eval({"x": np.ones((2, 4))}), np.ones((2, 4)) @ A.toarray())


def test_dtypes_promote():
    ones = scipy.sparse.csr_array(np.eye(2, dtype="int64"))
    assert pt.sparse.dot(ones, pt.vector("i", 2, dtype="int64")).dtype == "int64"
    assert pt.sparse.dot(ones, pt.vector("x", 2)).dtype == "float64"
    single = ones.astype("float32")
    assert pt.sparse.dot(single, pt.vector("f", 2, dtype="float32")).dtype == "float32"


def test_a_large_matrix_is_not_made_dense():
    n = 200_000
    x = pt.vector("x", n)
    band = scipy.sparse.diags_array([np.ones(n), np.ones(n - 1)], offsets=[0, 1]).tocsr()
    f = function([x], [pt.sparse.dot(band, x), grad(pt.sum(pt.sparse.dot(band, x) ** 2), x)], backend="numpy")
    v = draw(n)
    y, g = f(v)
    np.testing.assert_allclose(y, band @ v)
    np.testing.assert_allclose(g, 2.0 * band.T @ (band @ v))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda x: pt.sparse.dot(A, x), ShapeError, r"6 columns meets a tensor of shape \(5,\): 6 is not 5"),
        (lambda x: pt.sparse.dot(x, A), ShapeError, "4 is not 5"),
        (lambda x: pt.sparse.dot(A, 2.0), ShapeError, "not scalars"),
        (lambda x: pt.sparse.dot(x, x), TypeError, "one sparse matrix and one dense"),
        (lambda x: pt.sparse.dot(A, A.T), TypeError, "one sparse matrix and one dense"),
        (lambda x: pt.sparse.as_sparse(x), TypeError, "no sparse matrix"),
        (lambda x: pt.sparse.as_sparse(scipy.sparse.coo_array(([1.0], ([0],)), shape=(3,))), ShapeError, "no matrix"),
        (lambda x: pt.sparse.csr(x, [0, 1], [0, 2], (1, 2)), ShapeError, r"data has shape \(5,\), and there are 2 indices"),
        (lambda x: pt.sparse.csr(x, range(5), [0, 5], (2, 5)), ShapeError, "does not part 5 elements into 2"),
        (lambda x: pt.sparse.csr(x, range(5), [0, 3, 2, 5], (3, 5)), ShapeError, "ascending"),
        (lambda x: pt.sparse.csr(x, range(5), [0, 5], (1, 4)), ShapeError, "an index is 4; they run from 0 to 3"),
        (lambda x: pt.sparse.csr(x, [0, 1, -1, 2, 3], [0, 5], (1, 5)), ShapeError, "an index is -1"),
        (lambda x: pt.sparse.csr(x, x, [0, 5], (1, 5)), DTypeError, "must be constant"),
        (lambda x: pt.sparse.csr(x, np.arange(5.0), [0, 5], (1, 5)), DTypeError, "vector of integers"),
    ],
)
def test_bad_arguments_are_errors(make, error, message):
    with pytest.raises(error, match=message):
        make(pt.vector("x", 5))


def test_lengths_may_be_known_at_the_call_only(backend):
    a = scipy.sparse.csr_array(np.array([[0.0, 2.0, 1.0], [3.0, 0.0, 0.0]]))
    x = pt.matrix("x")
    product = pt.sparse.dot(a, x)
    made, slope = function([x], [product, grad(pt.sum(product**2), x)], backend=backend)(np.ones((3, 4)))
    np.testing.assert_allclose(made, a @ np.ones((3, 4)))
    np.testing.assert_allclose(slope, 2.0 * a.T @ (a @ np.ones((3, 4))))


@pytest.mark.parametrize("make", [lambda a, x: a @ x, lambda a, x: a * x, lambda a, x: x + a, lambda a, x: pt.as_tensor(a)])
def test_what_scipys_operators_cannot_do_is_an_error_that_names_dot(make):
    with pytest.raises(TypeError, match=r"sparse\.dot"):
        make(scipy.sparse.csr_array(np.eye(3)), pt.vector("x", 3))
