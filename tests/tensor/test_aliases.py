"""Names that PyTensor has and NumPy has not, against NumPy's and SciPy's words for the same."""

import numpy as np
import pytest
import scipy.special as sp

import workbench as pm
import workbench.tensor as pt
from workbench.errors import ShapeError

A = np.arange(12.0).reshape(3, 4) - 5.0
V = np.array([-2.5, -0.5, 0.5, 1.5, np.inf, -np.inf, np.nan])

CASES = [
    (lambda: pt.batched_dot(A.reshape(3, 2, 2), A.reshape(3, 2, 2)), A.reshape(3, 2, 2) @ A.reshape(3, 2, 2)),
    (lambda: pt.batched_dot(A.reshape(3, 2, 2), A[:, :2]), np.einsum("bij,bj->bi", A.reshape(3, 2, 2), A[:, :2])),
    (lambda: pt.batched_dot(A, A), (A * A).sum(axis=1)),
    (lambda: pt.choose([2, 0, 1, 2], A), np.choose([2, 0, 1, 2], A)),
    (lambda: pt.factorial([0.0, 1.0, 5.0, 10.0]), sp.factorial([0, 1, 5, 10])),
    (lambda: pt.poch([1.5, 2.0], 3.0), sp.poch([1.5, 2.0], 3.0)),
    (lambda: pt.kn(2, [0.5, 3.0]), sp.kn(2, [0.5, 3.0])),
    (lambda: pt.horizontal_stack(A, A[:, :1]), np.hstack([A, A[:, :1]])),
    (lambda: pt.vertical_stack(A, A[:1]), np.vstack([A, A[:1]])),
    (lambda: pt.identity_like(A), np.eye(3, 4)),
    (lambda: pt.iround(V[:4]), np.round(V[:4]).astype("int64")),
    (lambda: pt.isposinf(V), np.isposinf(V)),
    (lambda: pt.isneginf(V), np.isneginf(V)),
    (lambda: pt.largest(A, -A, 1.0), np.maximum(np.maximum(A, -A), 1.0)),
    (lambda: pt.smallest(A, -A, 1.0), np.minimum(np.minimum(A, -A), 1.0)),
    (lambda: pt.max_and_argmax(A, axis=1)[0], A.max(axis=1)),
    (lambda: pt.max_and_argmax(A)[1], A.argmax()),
    (lambda: pt.shape_padaxis(A, 1), A[:, None]),
    (lambda: pt.specify_shape(A, (3, None)), A),
    (lambda: pt.stacklists([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.0, 2.0], [3.0, 4.0]])),
    (lambda: pt.tensor_copy(A), A),
    (lambda: pt.stack(pt.tril_indices_from(A)), np.stack(np.tril_indices_from(A))),
    (lambda: pt.stack(pt.triu_indices_from(A, 1)), np.stack(np.triu_indices_from(A, 1))),
]


@pytest.mark.parametrize("case", range(len(CASES)))
def test_it_is_what_numpy_or_scipy_says(case):
    made, wanted = CASES[case]
    found = made().eval()
    assert found.shape == wanted.shape
    np.testing.assert_allclose(found, wanted, rtol=1e-13)


def test_a_length_that_is_known_is_a_number():
    assert pt.get_vector_length(pt.vector("v", 4)) == 4


def test_a_shape_that_is_known_to_be_another_is_refused():
    with pytest.raises(ShapeError, match=r"has shape \(3, 4\), not \(3, 5\)"):
        pt.specify_shape(A, (3, 5))


def test_densities_are_methods_of_random_expressions():
    at = np.array([-1.0, 0.5])
    x = pm.Normal.dist(0.0, 2.0)
    for name in ("logp", "logcdf", "logccdf"):
        assert np.array_equal(getattr(x, name)(at).eval(), getattr(pm, name)(x, at).eval())
    assert float(x.icdf(0.5).eval()) == 0.0
    with pm.Model() as model:
        mu = pm.Normal("mu")
        assert float(pm.Normal.dist(0, 1).logp(mu).eval({mu: 0.0})) == float(-0.5 * np.log(2 * np.pi))
    assert [v.name for v in model.free_RVs] == ["mu"], "it does not touch the model"
