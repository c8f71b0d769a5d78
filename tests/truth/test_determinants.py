"""The gradient of a determinant is the matrix of its cofactors, whatever the rank: by hand, and by minors."""

import numpy as np

import workbench.tensor as pt
from workbench.compile import function
from workbench.transforms import grad, hessian


def cofactors(x):
    """Determinants of what is left without a row and a column, signed."""
    n = len(x)
    minors = [[np.linalg.det(np.delete(np.delete(x, i, 0), j, 1)) for j in range(n)] for i in range(n)]
    return np.array(minors) * (-1.0) ** np.add.outer(range(n), range(n))


MATRICES = np.array([
    [[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [0.0, 1.0, 5.0]],
    [[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [3.0, 6.0, 9.0]],
    [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]],
    [[1.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, -2.0]],
    [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 10.0]],
    [[2.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 2.0]],
])  # fmt: skip


def test_the_gradient_at_singular_matrices_of_every_rank(backend):
    x = pt.tensor("x", shape=(6, 3, 3))
    found = function([x], grad((pt.linalg.det(x) * np.arange(1.0, 7.0)).sum(), x), backend=backend)(MATRICES)
    for k, matrix in enumerate(MATRICES):
        np.testing.assert_allclose(found[k], (k + 1) * cofactors(matrix), rtol=1e-12, atol=1e-13)


def test_the_gradient_of_one_singular_matrix():
    x = pt.matrix("x", 2, 2)
    assert np.allclose(function([x], grad(pt.linalg.det(x), x), backend="numpy")([[1.0, 2.0], [2.0, 4.0]]), [[4.0, -2.0], [-2.0, 1.0]], rtol=1e-14)


def test_the_second_derivative_of_a_determinant_of_equal_singular_values():
    x = pt.matrix("x", 2, 2)
    found = function([x], hessian(pt.linalg.det(x), x), backend="numpy")(np.eye(2))
    wanted = np.zeros((2, 2, 2, 2))
    wanted[0, 0, 1, 1] = wanted[1, 1, 0, 0] = 1.0
    wanted[0, 1, 1, 0] = wanted[1, 0, 0, 1] = -1.0
    np.testing.assert_allclose(found, wanted, atol=1e-15)
