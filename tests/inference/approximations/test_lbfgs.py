"""The inverse Hessian along an L-BFGS path is that of the dense recursion; the normal it makes is drawn from, and evaluated, exactly."""

import numpy as np
import pytest
from scipy import stats

from workbench.inference.approximations.lbfgs import (
    FactoredNormal,
    InverseHessian,
    inverse_hessians,
    lbfgs_path,
    next_diagonal,
)


def target(d, seed=0):
    """A normal log-density and its gradient, with its mean and precision."""
    rng = np.random.default_rng(seed)
    axes = np.linalg.qr(rng.normal(size=(d, d)))[0]
    precision = axes @ np.diag(np.logspace(-1, 1.5, d)) @ axes.T
    mean = rng.normal(size=d)

    def density(q):
        return -0.5 * (q - mean) @ precision @ (q - mean), -precision @ (q - mean)

    return density, mean, precision


def path_of(d, maxcor, seed=0):
    density, *_ = target(d, seed)
    return lbfgs_path(density, 3.0 * np.random.default_rng(seed + 1).normal(size=d), maxcor, 1000, 1e-12, 1e-8, 100)


def bfgs(h, s, z):
    """One update of an inverse Hessian, by the textbook (Nocedal and Wright, 6.17)."""
    rho = 1.0 / (s @ z)
    left = np.eye(len(s)) - rho * np.outer(s, z)
    return left @ h @ left.T + rho * np.outer(s, s)


@pytest.mark.parametrize(("d", "maxcor"), [(12, 4), (12, 30), (3, 5), (40, 8)])
def test_the_factored_form_is_the_dense_recursion(d, maxcor):
    path = path_of(d, maxcor)
    steps, changes = np.diff(path.q, axis=0), -np.diff(path.gradients, axis=0)
    assert len(steps) > 5
    for i, found in enumerate(inverse_hessians(path, maxcor)):
        dense = np.diag(found.alpha)
        for s, z in list(zip(steps, changes))[max(0, i + 1 - maxcor) : i + 1]:
            dense = bfgs(dense, s, z)
        np.testing.assert_allclose(found.dense(), dense, rtol=1e-10, atol=1e-10 * np.abs(dense).max())


def test_the_diagonal_is_that_of_the_updated_matrix():
    rng = np.random.default_rng(2)
    alpha, s = rng.uniform(0.5, 2.0, 6), rng.normal(size=6)
    z = s * rng.uniform(0.5, 2.0, 6)
    # Of the update of the Hessian itself, whose diagonal is that of B - B s s' B / s' B s + z z' / z' s, scaled first as in the paper.
    a, b = z @ (alpha * z), z @ s
    hessian = np.diag(1.0 / alpha) * (a / b)
    hessian = hessian - np.outer(hessian @ s, s @ hessian) / (s @ hessian @ s) + np.outer(z, z) / b
    np.testing.assert_allclose(next_diagonal(alpha, s, z), 1.0 / np.diag(hessian), rtol=1e-12)


def test_steps_that_tell_nothing_are_left_out():
    path = path_of(5, 4)
    backwards = path.q.copy()
    backwards[2] = path.q[0]
    bent = type(path)(backwards, path.gradients, path.values, path.evaluations, path.message)
    for found in inverse_hessians(bent, 4):
        assert (found.alpha > 0).all() and (np.linalg.eigvalsh(found.dense()) > 0).all()


@pytest.mark.parametrize(("d", "maxcor", "at"), [(12, 4, 7), (3, 5, 3), (40, 8, 0)])
def test_draws_and_their_log_density_are_those_of_the_dense_normal(d, maxcor, at):
    path = path_of(d, maxcor)
    inverse = list(inverse_hessians(path, maxcor))[at]
    normal = FactoredNormal(inverse, path.q[at + 1], path.gradients[at + 1])
    dense = inverse.dense()
    np.testing.assert_allclose(normal.mean, path.q[at + 1] + dense @ path.gradients[at + 1], rtol=1e-10, atol=1e-10)
    noise = np.random.default_rng(3).normal(size=(20, d))
    q, log_q = normal.draw(noise)
    np.testing.assert_allclose(log_q, stats.multivariate_normal.logpdf(q, normal.mean, dense, allow_singular=False), rtol=1e-9)
    root = normal.draw(np.eye(d))[0] - normal.mean
    np.testing.assert_allclose(root.T @ root, dense, rtol=1e-9, atol=1e-10 * np.abs(dense).max())
    np.testing.assert_allclose(normal.variances, np.diag(dense), rtol=1e-9)


def test_without_steps_it_is_the_diagonal():
    inverse = InverseHessian(np.array([1.0, 4.0]), np.empty((2, 0)), np.empty((2, 0)))
    normal = FactoredNormal(inverse, np.zeros(2), np.array([1.0, 1.0]))
    np.testing.assert_allclose(normal.mean, [1.0, 4.0])
    np.testing.assert_allclose(normal.draw(np.ones((1, 2)))[0], [[2.0, 6.0]])


def test_the_line_search_turns_back_from_where_there_is_no_density():
    def density(q):
        # log of a gamma density of shape 3, which is nothing below zero.
        return (2.0 * np.log(q[0]) - q[0], np.array([2.0 / q[0] - 1.0])) if q[0] > 0 else (-np.inf, np.array([np.nan]))

    path = lbfgs_path(density, np.array([20.0]), 5, 100, 1e-12, 1e-8, 100)
    np.testing.assert_allclose(path.q[-1], 2.0, rtol=1e-5)
    assert (path.q > 0).all() and np.isfinite(path.values).all() and len(path.q) == len(path.values) == len(path.gradients)
