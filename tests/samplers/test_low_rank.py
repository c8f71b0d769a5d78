import numpy as np
import pytest
import scipy.linalg

import workbench as pm
import workbench.tensor as pt
from workbench.compile import function
from workbench.samplers import Nuts, NutsSettings, compiled_apart
from workbench.samplers.chain import Chain
from workbench.samplers.compound import Alone
from workbench.samplers.low_rank import directions, divergences, orthonormal, square_root
from workbench.samplers.state import NutsState


def found(y, g, rank, backend="c"):
    a, b, zeros = pt.matrix("y", "n", "d"), pt.matrix("g", "n", "d"), pt.vector("zeros", "rank")
    basis, factor, inverse = directions(a, b, zeros.shape[0])
    f = function([a, b, zeros], [basis, factor, inverse, *divergences(a, b, basis, factor, inverse)], backend=backend)
    return f(y, g, np.zeros(rank))


def normal_draws(covariance, n, seed=0):
    """Centred draws of a normal, and the gradients of its log-density there."""
    y = np.random.default_rng(seed).multivariate_normal(np.zeros(len(covariance)), covariance, size=n)
    y = y - y.mean(axis=0)
    return y, -np.linalg.solve(covariance, y.T).T


def with_eigenvalues(*eigenvalues, d=40, seed=1):
    q, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(d, d)))
    return q @ np.diag([*eigenvalues, *np.ones(d - len(eigenvalues))]) @ q.T


@pytest.mark.parametrize("backend", ["numpy", "c"])
@pytest.mark.parametrize("eigenvalues", [(100.0,), (0.01, 100.0), (100.0, 0.01, 30.0), (4.0, 0.25, 9.0, 1e4, 1e-4), ()])
def test_a_normal_is_whitened_exactly_by_fewer_draws_than_it_has_dimensions(eigenvalues, backend):
    covariance = with_eigenvalues(*eigenvalues)
    basis, factor, inverse, before, after = found(*normal_draws(covariance, 24), 8, backend)
    stretch = np.eye(40) + basis.T @ (factor - np.eye(8)) @ basis
    np.testing.assert_allclose(stretch @ stretch.T, covariance, rtol=1e-6, atol=1e-6 * max(1.0, *eigenvalues, 1.0))
    np.testing.assert_allclose(factor @ inverse, np.eye(8), atol=1e-8)
    assert after < 1e-9 * max(before, 1.0)


def test_the_divergence_is_the_sum_over_eigenvalues():
    covariance = with_eigenvalues(50.0, 0.1, d=5)
    y, g = normal_draws(covariance, 200_000)
    a, b, nothing = pt.matrix("y", "n", 5), pt.matrix("g", "n", 5), pt.zeros((1, 5))
    before, after = function([a, b], divergences(a, b, nothing, pt.eye(1), pt.eye(1)), backend="c")(y, g)
    assert after == before
    # 50 + 1/50 - 2, and 0.1 + 10 - 2.
    assert np.isclose(before, 48.02 + 8.1, rtol=0.01)


def test_rows_of_a_span_are_orthonormal_or_zero():
    rng = np.random.default_rng(2)
    x = rng.normal(size=(3, 7))
    rows = np.concatenate([x, x[:2] + 2.0 * x[1:], rng.normal(size=(1, 7)) * 1e-9])
    a = pt.matrix("rows")
    q = function([a], orthonormal(a), backend="c")(rows)
    np.testing.assert_allclose(q @ q.T, np.diag([1.0, 1.0, 1.0, 0.0, 0.0, 1.0]), atol=1e-12)
    np.testing.assert_allclose(rows - rows @ q.T @ q, 0.0, atol=1e-12)


@pytest.mark.parametrize("backend", ["numpy", "c"])
def test_square_roots_are_scipys(backend):
    x = with_eigenvalues(1e4, 1e-3, 7.0, d=12)
    a = pt.matrix("x")
    np.testing.assert_allclose(function([a], square_root(a), backend=backend)(x), scipy.linalg.sqrtm(x), rtol=1e-8, atol=1e-8)


def test_directions_are_a_change_of_coordinates():
    """The same random numbers make the same trajectory from ``y`` of the density at ``A y`` as from ``q = A y`` with A in the metric."""
    rng, d, rank = np.random.default_rng(3), 6, 2
    q0, scale = rng.normal(size=d), np.exp(rng.normal(size=d))
    basis = np.linalg.qr(rng.normal(size=(d, rank)))[0].T
    factor = rng.normal(size=(rank, rank)) + 2.0 * np.eye(rank)
    a = np.diag(scale) @ (np.eye(d) + basis.T @ (factor - np.eye(rank)) @ basis)
    precision = with_eigenvalues(3.0, 0.2, d=d)

    def target(matrix):
        x = pt.vector("x", d)
        q = pt.constant(matrix) @ x
        g = pt.constant(precision) @ q
        return function([x], [-0.5 * pt.sum(q * g) - 0.1 * pt.sum(q**4), pt.constant(matrix.T) @ (-g - 0.4 * q**3)], backend="c")

    chain = Chain(Alone(Nuts()))
    init, advance = (function(g.params, g.results, backend="c") for g in (chain.init, chain.advance(8)))

    def draws(matrix, x, **fields):
        density = target(matrix)
        settings = NutsSettings(max_treedepth=6).arguments(d)
        settings[2] = np.zeros((rank, d))
        state = dict(zip((*NutsState._fields, "since"), init.link(logp_grad=density)(np.uint64(4), x, *settings)))
        state |= {"log_step": np.log(0.03), "step": 0.03, **fields}
        *_, block, _ = advance.link(logp_grad=density, **compiled_apart("c", Nuts))(*state.values(), 8, 10_000, 0)
        return block

    plain = draws(a, np.linalg.solve(a, q0), scale=np.ones(d))
    bent = draws(np.eye(d), q0, scale=scale, bent=np.bool_(True), basis=basis, factor=factor)
    np.testing.assert_allclose(bent[1:], (plain @ a.T)[1:], rtol=1e-9, atol=1e-9)
    assert len(np.unique(bent[1:, 0])) > 4


def gradients_and_draws(model, metric):
    run = pm.sample(
        4000, tune=1000, chains=2, random_seed=6, model=model, quiet=True, return_inferencedata=False, backend="c", nuts={"metric": metric}
    )
    return run.stats["n_steps"].mean(), run.draws["x"].reshape(8000, -1)


def test_directions_are_found_where_they_pay_and_the_draws_are_right():
    covariance = 0.1 * np.eye(20) + 0.9
    with pm.Model() as model:
        pm.MvNormal("x", np.zeros(20), covariance)
    steps, draws = gradients_and_draws(model, "auto")
    assert steps < 8
    # 8,000 draws, at least as good as a third as many independent ones: 4 standard errors of an sd are 5 %.
    assert np.abs(draws.std(axis=0) - 1.0).max() < 0.05
    # The sum has standard deviation sqrt(20 * 0.1 + 400 * 0.9), a difference sqrt(0.2).
    assert abs(draws.sum(axis=1).std() / np.sqrt(362.0) - 1.0) < 0.05
    assert abs((draws[:, 3] - draws[:, 11]).std() / np.sqrt(0.2) - 1.0) < 0.05


def test_independent_variables_are_sampled_as_without_directions():
    with pm.Model() as model:
        pm.Normal("x", np.zeros(30), np.logspace(-2, 2, 30))
    one, other = (gradients_and_draws(model, metric)[1] for metric in ("auto", "diag"))
    assert np.array_equal(one, other)
