"""NUTS on models whose chains were summed or integrated out, with what was recovered: against quadrature over parameters and exact posteriors given them."""

import itertools
import os

import numpy as np
import pytest
from scipy import special, stats

import workbench as pm
from workbench.inference.diagnostics import mcse_mean

pytestmark = pytest.mark.skipif(os.environ.get("WORKBENCH_TESTS") != "all", reason="long runs: make test-statistical")
T = 6
Y = np.array([-0.4, 1.9, 2.3, 0.2, -1.1, 2.0])
P = np.array([[0.8, 0.2], [0.3, 0.7]])
PATHS = np.array(list(itertools.product(range(2), repeat=T)))


def z_score(drawn, wanted):
    """How many of its own standard errors a mean over draws (chain, draw) is off."""
    return (drawn.mean() - wanted) / mcse_mean(drawn)


def run(model, name):
    made = pm.marginalize(model, name)
    idata = pm.sample(5000, tune=1000, chains=4, model=made, random_seed=3, progressbar=False)
    return pm.recover(idata, made, random_seed=4).posterior


def test_a_hidden_markov_model():
    with pm.Model() as model:
        gap = pm.Normal("gap", 1.0, 1.0)
        z = pm.DiscreteMarkovChain("z", P, init_dist=pm.Categorical.dist([0.5, 0.5]), shape=T)
        pm.Normal("y", gap * z, 0.8, observed=Y)
    posterior = run(model, "z")
    gaps = np.linspace(-5.0, 6.0, 2201)
    paths = np.log(0.5) + sum(np.log(P[PATHS[:, t], PATHS[:, t + 1]]) for t in range(T - 1))
    joint = paths + stats.norm.logpdf(Y, gaps[:, None, None] * PATHS, 0.8).sum(-1) + stats.norm.logpdf(gaps, 1.0, 1.0)[:, None]
    weights = special.softmax(joint)
    drawn = posterior.gap.to_numpy()
    assert abs(z_score(drawn, weights.sum(1) @ gaps)) < 4
    assert abs(z_score(drawn**2, weights.sum(1) @ gaps**2)) < 4
    for t in range(T):
        assert abs(z_score(posterior.z.to_numpy()[..., t].astype(float), weights.sum(0) @ PATHS[:, t])) < 4
    # What they are together: the product of the parameter and a state.
    assert abs(z_score(drawn * posterior.z.to_numpy()[..., 3], np.einsum("gp,g,p", weights, gaps, PATHS[:, 3]))) < 4


def test_a_local_level():
    with pm.Model() as model:
        q, s = pm.HalfNormal("q", 1.0), pm.HalfNormal("s", 1.0)
        x = pm.GaussianRandomWalk("x", sigma=q, init_dist=pm.Normal.dist(0.0, 2.0), shape=T)
        pm.Normal("y", x, s, observed=Y)
    posterior = run(model, "x")
    grid = (np.arange(400) + 0.5) / 80.0
    weights, means = np.empty((400, 400)), np.empty((400, 400, 2))
    steps = np.minimum.outer(np.arange(T), np.arange(T))
    for i, q in enumerate(grid):
        prior = 4.0 + q**2 * steps
        values, vectors = np.linalg.eigh(prior)
        turned = vectors.T @ Y
        spread = values + grid[:, None] ** 2
        weights[i] = -0.5 * (np.log(spread) + turned**2 / spread).sum(1) - 0.5 * (q**2 + grid**2)
        means[i] = ((turned / spread) @ (vectors.T @ prior))[:, [0, 3]]
    weights = special.softmax(weights)
    q, s = posterior.q.to_numpy(), posterior.s.to_numpy()
    assert abs(z_score(q, weights.sum(1) @ grid)) < 4 and abs(z_score(s, weights.sum(0) @ grid)) < 4
    for i, t in enumerate((0, 3)):
        assert abs(z_score(posterior.x.to_numpy()[..., t], (weights * means[..., i]).sum())) < 4
