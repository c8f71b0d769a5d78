"""Integration over hyperparameters of marginals that are known; the map that gives a marginal its skewness."""

import numpy as np
import pytest
from scipy import special, stats

from workbench.inference.approximations.hyperparameters import MESHES, MarginalMode, composite_design, lattice
from workbench.inference.approximations.skewed import SkewedMap


class Known:
    """In the place of a Laplace marginal: a density that is known."""

    def __init__(self, f):
        self.f = f

    def at(self, theta, near=None):
        return Point(np.array(theta), float(self.f(np.array(theta))))


class Point:
    def __init__(self, theta, log_marginal):
        self.theta, self.log_marginal = theta, log_marginal


def normal(p, seed=0):
    root = np.random.default_rng(seed).normal(size=(p, p)) + 2 * np.eye(p)
    return stats.multivariate_normal(np.arange(p), root @ root.T), root


@pytest.mark.parametrize("p", [1, 2, 3, 4, 5, 6, 7, 8])
def test_a_design_has_the_mass_and_the_moments_of_a_normal_marginal(p):
    of, root = normal(p)
    known = Known(lambda t: -7.0 + of.logpdf(t))
    found = composite_design(known, MarginalMode(known.at(of.mean), root, 1))
    weights = np.exp(found.log_weights)
    assert abs(found.log_marginal_likelihood + 7.0) < 1e-10 and np.isclose(weights.sum(), 1.0)
    np.testing.assert_allclose(weights @ found.z, 0.0, atol=1e-10)
    np.testing.assert_allclose((found.z.T * weights) @ found.z, np.eye(p), atol=1e-10)
    assert len(found.points) == 1 + 2 * p + 2 ** (p - {5: 1, 6: 1, 7: 1, 8: 2}.get(p, 0))


@pytest.mark.parametrize("p", [1, 2, 3])
def test_a_lattice_integrates_a_normal_marginal(p):
    of, root = normal(p)
    known = Known(lambda t: -7.0 + of.logpdf(t))
    found = lattice(known, MarginalMode(known.at(of.mean), root, 1))
    # What lies lower than that below the mode is left out.
    lost = stats.chi2.sf(2 * MESHES[p].fall, p)
    assert -3 * lost - 1e-6 < found.log_marginal_likelihood + 7.0 < 1e-6
    z, log_density = found.density.draw(np.random.default_rng(1), 40_000)
    np.testing.assert_allclose(z.mean(0), 0.0, atol=0.025)
    np.testing.assert_allclose(np.cov(z.T), np.eye(p), atol=0.03)
    # Cells have one density each: the mean of its logarithm is that of the normal one less what cells widen it by.
    assert abs(np.mean(log_density) + 0.5 * p * np.log(2 * np.pi * np.e)) < 0.03


def test_a_lattice_integrates_a_skewed_marginal():
    """The logarithm of a gamma variable of shape 3."""
    known = Known(lambda t: 3.0 * t[0] - np.exp(t[0]))
    found = lattice(known, MarginalMode(known.at([np.log(3.0)]), np.array([[1 / np.sqrt(3.0)]]), 1))
    assert abs(found.log_marginal_likelihood - np.log(2.0)) < 5e-4
    z, log_density = found.density.draw(np.random.default_rng(2), 200_000)
    theta = found.mode.theta(z)[:, 0]
    assert abs(theta.mean() - special.digamma(3.0)) < 0.006 and abs(theta.var() - special.polygamma(1, 3.0)) < 0.01
    exact = 3.0 * theta - np.exp(theta) - np.log(2.0)
    # The density of draws, in theta, is the marginal's.
    assert abs(np.mean(np.exp(exact - (log_density - found.mode.log_volume))) - 1.0) < 0.003
    assert np.std(exact - (log_density - found.mode.log_volume)) < 0.1


def test_points_without_a_mode_are_left_out():
    def f(t):
        return -np.inf if t[0] < -1.0 else -0.5 * t[0] ** 2

    known = Known(f)
    mode = MarginalMode(known.at([0.0]), np.eye(1), 1)
    assert lattice(known, mode).z.min() == -1.0
    assert (composite_design(known, mode).z >= -1.0).all()


@pytest.mark.parametrize("skewness", [-1.5, -0.3, -1e-3, 0.0, 5e-5, 0.1, 0.9])
def test_the_map_has_mean_0_variance_1_and_the_skewness_exactly(skewness):
    z, weights = np.polynomial.hermite_e.hermegauss(80)
    weights = weights / weights.sum()
    made = SkewedMap(np.array([skewness]))
    w, slope = (x[:, 0] for x in made(z[:, None]))
    expected = skewness if abs(skewness) >= 1e-4 else 0.0
    np.testing.assert_allclose([weights @ w, weights @ w**2, weights @ w**3], [0.0, 1.0, expected], atol=1e-7)
    h = 1e-6
    numeric = (made(z[:, None] + h)[0] - made(z[:, None] - h)[0])[:, 0] / (2 * h)
    middle = np.abs(z) < 6
    np.testing.assert_allclose(np.exp(slope[middle]), numeric[middle], rtol=1e-6)
    assert (np.diff(w) > 0).all()
