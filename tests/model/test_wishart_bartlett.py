"""WishartBartlett is the Wishart distribution: by its density under a change of variables, and by the mean of draws."""

import numpy as np
import pytest
import scipy.stats as st

import workbench as pm
from workbench.errors import ModelError, ShapeError

S = np.array([[2.0, 0.6, 0.1], [0.6, 1.0, -0.2], [0.1, -0.2, 0.5]])


def made(**options):
    with pytest.warns(UserWarning, match="LKJCholeskyCov"), pm.Model() as model:
        pm.WishartBartlett("W", S, nu=6, **options)
    return model


def test_the_density_of_its_parts_is_that_of_scipys_wishart():
    """p(c, z) = p(W) |dW / d(c, z)|, with W = L A A' L': the Jacobian of the outer product and of the squares on the diagonal."""
    model = made()
    c, z = np.array([3.0, 2.0, 1.4]), np.array([0.4, -1.0, 0.3])
    A = np.diag(np.sqrt(c))
    A[np.tril_indices(3, -1)] = z
    L = np.linalg.cholesky(S)
    W = L @ A @ A.T @ L.T
    logp = sum(float(np.sum(x)) for x in model.compile_logp(model.basic_RVs, sum=False, jacobian=False, backend="numpy")({"W_c_log__": np.log(c), "W_z": z}))
    outer = 3 * np.log(2) + np.sum((3 - np.arange(3)) * np.log(np.diag(A))) - np.sum(np.log(2 * np.sqrt(c)))
    assert np.isclose(logp, st.wishart(6, S).logpdf(W) + outer + 4 * np.sum(np.log(np.diag(L))), rtol=1e-12)
    np.testing.assert_allclose(pm.draw(pm.replace([model["W"]], {model["W_c"]: pm.tensor.constant(c), model["W_z"]: pm.tensor.constant(z)})[0]), W, rtol=1e-12)


def test_draws_have_the_mean_of_a_wishart_matrix_and_their_factor_its_square():
    draws = pm.draw(made()["W"], 4000, random_seed=1)
    sd = np.sqrt(6 * (S**2 + np.outer(np.diag(S), np.diag(S))) / 4000)
    assert (np.abs(draws.mean(0) - 6 * S) < 4 * sd).all()
    factors = pm.draw(made(return_cholesky=True)["W"], 4000, random_seed=1)
    np.testing.assert_allclose(factors @ np.swapaxes(factors, 1, 2), draws, rtol=1e-12)


def test_it_starts_where_it_is_told():
    start = 5 * np.eye(3) + 1.0
    model = made(initval=start, is_cholesky=False)
    point = model.initial_point()
    W = pm.replace([model["W"]], {model["W_c"]: pm.tensor.constant(np.exp(point["W_c_log__"])), model["W_z"]: pm.tensor.constant(point["W_z"])})[0]
    np.testing.assert_allclose(W.eval(), start, rtol=1e-12)


@pytest.mark.parametrize("bad, error, words", [([1.0], ShapeError, "square matrix"), ([[1.0, 2.0], [2.0, 1.0]], ModelError, "not positive definite")])
def test_a_scale_that_is_none_is_an_error(bad, error, words):
    with pm.Model(), pytest.raises(error, match=words):
        pm.WishartBartlett("W", bad, nu=6)


def test_the_prior_of_explained_variance_says_what_does_not_fit():
    def prior(**options):
        with pm.Model(coords={"column": ["a", "b"], "one": [0]}):
            pm.R2D2M2CP("beta", 1.0, [1.0, 2.0], **{"dims": "column", "r2": 0.5, **options})

    for options, words in (
        (dict(variables_importance=[1, 2], variance_explained=[0.5, 0.5]), "not both"),
        (dict(dims="one", variance_explained=[1.0]), "shared by several columns"),
        (dict(dims="other"), "dims that the model knows, got other"),
        (dict(positive_probs=[0.5, 1.2]), "between 0 and 1, got 1.2"),
        (dict(positive_probs=[0.5, 1.0], positive_probs_std=0.1), "whose sign is certain"),
        (dict(positive_probs=pm.math.sqrt(pm.Normal.dist())), "must be constant"),
    ):
        with pytest.raises((TypeError, ValueError), match=words):
            prior(**options)
