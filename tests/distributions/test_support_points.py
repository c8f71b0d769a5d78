"""Support points where the usual one, a mean, is no number or has no density."""

import numpy as np
import pytest

import workbench as pm
from workbench.distributions.support_points import support_point

INF = np.inf
U = pm.Uniform.dist
APART = [U(0.0, 1.0), U(5.0, 6.0)]
CASES = {
    "means too large": [
        pm.Weibull.dist([1e-3, 1e-6], 1.0), pm.Pareto.dist([1e-6, 1e-3], 2.0), pm.LogNormal.dist([-7.0, 0.0, 700.0], [1e6, 50.0, 5.0]),
        pm.HurdleLogNormal.dist(0.5, 0.0, 100.0), pm.Rice.dist([1.0, 1e3, 1e8], [1e-3, 1e-3, 1.0]),
    ],
    "means at the end": [pm.Kumaraswamy.dist([1e-3, 1e-10], 1e6), pm.LogitNormal.dist([1e3, -1e3, 50.0], [1.0, 1.0, 0.1]), pm.Beta.dist(1e-10, [1.0, 1e-10])],
    "gaps": [
        pm.Interpolated.dist([0.0, 1.0, 2.0, 3.0], [1.0, 0.0, 0.0, 1.0]), pm.Interpolated.dist([0.0, 1.0, 2.0], [1.0, 0.0, 1.0]),
        pm.Mixture.dist([0.5, 0.5], APART), pm.Mixture.dist([0.4, 0.6], U([0.0, 5.0], [1.0, 6.0])),
        pm.Mixture.dist([[0.5, 0.5], [1.0, 0.0], [0.1, 0.9]], APART), pm.Mixture.dist([0.5, 0.5], APART, shape=(2, 3)),
        pm.Mixture.dist([0.5, 0.5], [pm.DiscreteUniform.dist(0, 1), pm.DiscreteUniform.dist(5, 6)]),
        pm.Mixture.dist([0.5, 0.5], [pm.DiracDelta.dist(0), pm.DiracDelta.dist(5)]),
        pm.Mixture.dist([0.5, 0.5], [pm.Exponential.dist(1.0), pm.Truncated.dist(pm.Normal.dist(0.0, 1.0), upper=-5.0)]),
        pm.Mixture.dist([0.5, 0.5], [pm.RandomWalk.dist(u, pm.Normal.dist(0.0, 1e-200), steps=2) for u in APART]),
        pm.Truncated.dist(pm.Interpolated.dist([0.0, 1.0, 2.0, 3.0], [1.0, 0.0, 0.0, 1.0]), 0.5, 2.9),
        pm.RandomWalk.dist(pm.Normal.dist(), pm.Mixture.dist([0.5, 0.5], APART), steps=2),
    ],
    "limits far from the mass": [
        *(pm.Censored.dist(base, low, up) for base in (pm.Exponential.dist(1.0), pm.Poisson.dist(3.0), U(0.0, 1.0)) for low, up in ((-5, 1), (-5, 10), (3, 4), (-INF, -1), (2, INF))),
        pm.Truncated.dist(pm.Poisson.dist(3.0), -5, 1), pm.Truncated.dist(pm.Geometric.dist(0.3), -5, 1), pm.Truncated.dist(pm.Geometric.dist(0.3), -5, 2),
        pm.Truncated.dist(pm.Binomial.dist(5, 0.3), -3, 0), pm.Truncated.dist(pm.Binomial.dist(5, 0.3), 4, 30), pm.Truncated.dist(pm.Poisson.dist(50.0), -300, 10),
        pm.Truncated.dist(pm.DiscreteUniform.dist(0, 3), -300, 0),
    ],
}  # fmt: skip


@pytest.mark.parametrize("kind", CASES)
def test_support_points_have_a_density(kind):
    for rv in CASES[kind]:
        point = support_point(rv)
        found, density = point.eval(), pm.logp(rv, np.broadcast_to(point.eval(), rv.type.shape)).eval()
        assert np.isfinite(found).all() and np.isfinite(density).all(), (rv, found, density)


def test_a_mixture_with_gaps_starts_in_the_component_of_most_weight():
    np.testing.assert_array_equal(support_point(pm.Mixture.dist([[0.4, 0.6], [0.8, 0.2]], APART)).eval(), [5.5, 0.5])
    assert support_point(pm.Mixture.dist([0.5, 0.5], [U(0.0, 3.0), U(2.0, 6.0)])).eval() == 2.75


def test_chains_start_where_there_is_little_room():
    with pm.Model() as model:
        pm.Mixture("x", [0.5, 0.5], [U(0.0, 1e-3), U(5.0, 5.001)])
        pm.Interpolated("y", [0.0, 1.0, 2.0, 3.0], [1.0, 0.0, 0.0, 1.0])
    with model:
        draws = pm.sample(5, tune=5, chains=2, random_seed=1, progressbar=False, compute_convergence_checks=False).posterior
    assert (np.minimum(draws["x"], 5.0 - draws["x"]) < 1e-3).all()
