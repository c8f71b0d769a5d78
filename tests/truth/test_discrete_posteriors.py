"""Posteriors with discrete variables: sampled, and summed or integrated by hand.

Where each right answer comes from:

- the switch point: rates integrated out (a gamma integral on each side), the years summed over; counts of years without data have the
  mean of their year's rate;
- spike and slab: coefficients and spikes of known noise, each of the 2**8 models a Gaussian integral;
- the Ising patch: all 2**9 states; the hidden chain: all 2**7 paths, levels a Gaussian integral;
- thinned counts: what is not seen of a Poisson number is Poisson (closed form), with unknown probability a sum over the number;
- the Dirichlet process mixture: PyMC 5.28.5 (NUTS on the model with its assignments summed out, 8 x 3000 draws), with its errors;
- nothing observed: moments of the prior, in closed form, which is the joint-distribution test of Geweke (2004) where data are
  variables as others are.

Each mean is within 4.5 standard errors of the draws' own (by their effective number), of which 1 % of a probability or more would be seen.
"""

import itertools
import logging
import math
import warnings

import numpy as np
import pytest

import workbench as pm
from workbench.inference.diagnostics import ess_bulk

ERRORS = 4.5


@pytest.fixture(autouse=True)
def without_proofs(monkeypatch):
    """Proofs of compiled programs take longer than the draws, and are made elsewhere."""
    monkeypatch.delenv("WORKBENCH_CHECK", raising=False)
    logging.getLogger("workbench").setLevel(logging.WARNING)
    yield
    logging.getLogger("workbench").setLevel(logging.INFO)


def sampled(model, draws=1500, tune=700, seed=7, **options):
    run = pm.sample(draws, tune=tune, chains=4, random_seed=seed, model=model, quiet=True, return_inferencedata=False, **options)
    return run.draws


def check(draws, expected, smallest=math.inf, outside=0.0):
    """Means over chains and draws are as expected; `smallest` bounds what the errors may be, so that a test cannot pass by noise."""
    x = np.asarray(draws, np.float64)
    x = x.reshape(*x.shape[:2], -1)
    for i, right in enumerate(np.broadcast_to(np.ravel(expected), x.shape[2:])):
        v = x[:, :, i]
        error = math.hypot(v.std() / math.sqrt(max(float(ess_bulk(v)), 4.0)), outside) if np.ptp(v) else 0.0
        assert error < smallest, (i, error)
        assert abs(v.mean() - right) <= ERRORS * error + 1e-9, (i, v.mean(), right, error)


DISASTERS = [4, 5, 4, 0, 1, 4, 3, 4, 0, 6, 3, 3, 4, 0, 2, 6, 3, 3, 5, 4, 5, 3, 1, 4, 4, 1, 5, 5, 3, 4, 2, 5, 2, 2, 3, 4, 2, 1, 3, np.nan, 2, 1, 1, 1, 1, 3,
             0, 0, 1, 0, 1, 1, 0, 0, 3, 1, 0, 3, 2, 2, 0, 1, 1, 1, 0, 1, 0, 1, 0, 0, 0, 2, 1, 0, 0, 0, 1, 1, 0, 2, 3, 3, 1, np.nan, 2, 1, 1, 1, 1, 2, 4, 2,
             0, 0, 1, 4, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0, 1]  # fmt: skip
"""Disasters in British coal mines, 1851 to 1961 (Jarrett, 1979), two years masked as in PyMC's overview."""


def test_the_switch_point_of_coal_mining_with_missing_years():
    years, counts = np.arange(1851, 1962), np.array(DISASTERS)
    with warnings.catch_warnings(), pm.Model() as model:
        warnings.simplefilter("ignore", pm.ImputationWarning)
        switch = pm.DiscreteUniform("switch", lower=years.min(), upper=years.max())
        early, late = pm.Exponential("early", 1.0), pm.Exponential("late", 1.0)
        pm.Poisson("disasters", pm.math.switch(switch >= years, early, late), observed=counts)
    seen = ~np.isnan(counts)
    log_mass, rates = [], []
    for s in years:
        sides = [(years <= s) & seen, (years > s) & seen]
        shapes = [(1.0 + np.nansum(counts[side]), 1.0 + side.sum()) for side in sides]
        log_mass.append(sum(math.lgamma(a) - a * math.log(b) for a, b in shapes))
        rates.append([a / b for a, b in shapes])
    p = np.exp(np.array(log_mass) - max(log_mass))
    p /= p.sum()
    rates = np.array(rates)
    draws = sampled(model)
    check(draws["switch"], p @ years, 0.1)
    check(draws["early"], p @ rates[:, 0], 0.01)
    check(draws["late"], p @ rates[:, 1], 0.01)
    for year in (1888, 1889, 1890, 1892):
        check(draws["switch"] == year, p[year - 1851], 0.02)
    missing = [p @ np.where(years >= year, rates[:, 0], rates[:, 1]) for year in years[~seen]]
    check(draws["disasters_unobserved"], missing, 0.2)


def test_spikes_and_slabs_of_a_regression():
    n, k = 60, 8
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, k))
    y = X @ np.array([0.3, -0.25, 0.2, 0.1, 0.0, 0.0, 0.0, 0.0]) + rng.normal(size=n)
    with pm.Model() as model:
        spike, slab = pm.Bernoulli("spike", 0.4, shape=k), pm.Normal("slab", 0.0, 1.0, shape=k)
        beta = pm.Deterministic("beta", spike * slab)
        pm.Normal("y", X @ beta, 1.0, observed=y)
    weights, means, spikes = [], [], list(itertools.product((0, 1), repeat=k))
    for g in spikes:
        Z = X[:, np.flatnonzero(g)]
        precision = np.eye(Z.shape[1]) + Z.T @ Z
        mean = np.linalg.solve(precision, Z.T @ y)
        weights.append(0.5 * (Z.T @ y) @ mean - 0.5 * np.linalg.slogdet(precision)[1] + sum(g) * math.log(0.4 / 0.6))
        means.append(np.zeros(k))
        means[-1][np.flatnonzero(g)] = mean
    p = np.exp(np.array(weights) - max(weights))
    p /= p.sum()
    draws = sampled(model)
    check(draws["spike"], p @ np.array(spikes), 0.03)
    check(draws["beta"], p @ np.array(means), 0.03)


@pytest.mark.parametrize("step", [pm.BinaryGibbsMetropolis, pm.BinaryMetropolis, pm.CategoricalGibbsMetropolis])
def test_an_ising_patch(step):
    coupling, field = 0.4, np.random.default_rng(3).normal(size=(3, 3)) * 0.3
    with pm.Model() as model:
        z = pm.Bernoulli("z", 0.5, shape=(3, 3))
        s = 2 * z - 1
        pairs = pm.Deterministic("pairs", (s[1:] * s[:-1]).sum() + (s[:, 1:] * s[:, :-1]).sum())
        pm.Potential("energy", coupling * pairs + (field * s).sum())
    states = np.array(list(itertools.product((-1, 1), repeat=9))).reshape(-1, 3, 3)
    agree = (states[:, 1:] * states[:, :-1]).sum((1, 2)) + (states[:, :, 1:] * states[:, :, :-1]).sum((1, 2))
    p = np.exp(coupling * agree + (field * states).sum((1, 2)))
    p /= p.sum()
    draws = sampled(model, draws=10_000, tune=500, step=step(model=model))
    check(draws["z"], ((states + 1) / 2 * p[:, None, None]).sum(0), 0.02)
    check(draws["pairs"], p @ agree, 0.2)
    # Flips of half of the elements at once are seldom taken.
    error = 0.03 if step is pm.BinaryMetropolis else 0.01
    for state in np.argsort(p)[-3:]:
        check((draws["z"] == (states[state] + 1) // 2).all((-2, -1)), p[state], error)


def test_a_hidden_chain_of_states():
    stay, n = np.array([[0.8, 0.2], [0.3, 0.7]]), 7
    y = np.array([-1.2, -0.8, 0.4, 1.5, 1.1, -0.3, 0.2])
    with pm.Model() as model:
        z = pm.Bernoulli("z", 0.5, shape=n)
        pm.Potential("steps", pm.tensor.constant(np.log(stay))[z[:-1], z[1:]].sum())
        level = pm.Normal("level", [-1.0, 1.0], 1.0, shape=2)
        pm.Normal("y", level[z], 0.7, observed=y)
    paths = np.array(list(itertools.product((0, 1), repeat=n)))
    weights, levels = [], []
    for path in paths:
        log_weight = np.log(stay[path[:-1], path[1:]]).sum()
        means = []
        for k, prior in enumerate((-1.0, 1.0)):
            own = y[path == k]
            precision = 1.0 + len(own) / 0.49
            means.append((prior + own.sum() / 0.49) / precision)
            log_weight += 0.5 * precision * means[-1] ** 2 - 0.5 * prior**2 - 0.5 * (own**2).sum() / 0.49 - 0.5 * math.log(precision)
        weights.append(log_weight)
        levels.append(means)
    p = np.exp(np.array(weights) - max(weights))
    p /= p.sum()
    draws = sampled(model)
    check(draws["z"], p @ paths, 0.04)
    check(draws["level"], p @ np.array(levels), 0.1)


def test_thinned_counts():
    with pm.Model() as model:
        n = pm.Poisson("n", 5.0, initval=6)
        pm.Binomial("seen", n, 0.4, observed=3)
    check(sampled(model, draws=6000)["n"], 3.0 + 5.0 * 0.6, 0.1)
    with pm.Model() as model:
        n = pm.Poisson("n", 5.0, initval=6)
        pm.Binomial("seen", n, pm.Beta("p", 2.0, 2.0), observed=3)
    total = np.arange(3, 80)
    beta = lambda a, b: math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
    log_mass = [k * math.log(5.0) - math.lgamma(k + 1) + math.lgamma(k + 1) - math.lgamma(k - 2) + beta(5.0, k - 1.0) for k in total]
    mass = np.exp(np.array(log_mass) - max(log_mass))
    mass /= mass.sum()
    draws = sampled(model, draws=6000)
    check(draws["n"], mass @ total, 0.2)
    check(draws["p"], mass @ (5.0 / (5.0 + total - 1.0)), 0.03)


MIXED = [-3.6, -3.4, -3.3, -3.1, -3.0, -2.9, -2.9, -2.7, -2.6, -2.5, -2.2, -2.0, -0.9, -0.6, -0.4, -0.2, 0.0, 0.1, 0.3, 0.5, 0.7, 1.1, 2.1, 2.4, 2.6,
         2.9, 3.0, 3.2, 3.5, 3.9]  # fmt: skip
OF_PYMC = {
    "alpha": (1.47114, 0.0103), "s": (0.59616, 0.0037), "square": (0.284295, 0.00091), "density": ([0.248189, 0.046969, 0.194719, 0.161206], 0.0009),
}  # fmt: skip
"""Means and their errors, of what does not depend on the labels of components."""


def test_a_dirichlet_process_mixture_of_thirty_assignments():
    K = 6
    with pm.Model() as model:
        alpha, s = pm.Gamma("alpha", 2.0, 2.0), pm.HalfNormal("s", 1.0)
        w = pm.StickBreakingWeights("w", alpha=alpha, K=K - 1)
        mu = pm.Normal("mu", 0.0, 3.0, shape=K)
        z = pm.Categorical("z", w, shape=30)
        pm.Normal("y", mu[z], s, observed=MIXED)
        pm.Deterministic("square", (w**2).sum())
        at = np.array([-3.0, -1.5, 0.0, 3.0])[:, None]
        pm.Deterministic("density", (w * pm.math.exp(-0.5 * ((at - mu) / s) ** 2) / s / math.sqrt(2.0 * math.pi)).sum(-1))
    # In one chain of three s is seldom above 0.9: of 5,000 draws a chain its effective number is told too large where none is.
    draws = sampled(model, draws=20_000, tune=1500, target_accept=0.9)
    bounds = {"alpha": 0.06, "s": 0.05, "square": 0.01, "density": 0.02}
    for name, (right, error) in OF_PYMC.items():
        check(draws[name], right, bounds[name], error)


def test_the_prior_where_nothing_is_observed():
    with pm.Model() as model:
        w = pm.Beta("w", 2.0, 3.0)
        z = pm.Bernoulli("z", w, shape=4)
        k = pm.Categorical("k", [0.2, 0.5, 0.3])
        mu = pm.Normal("mu", 0.0, 1.0)
        pm.Normal("y", mu * z + k, 1.0)
    draws = sampled(model, draws=4000, tune=1000, target_accept=0.9)
    check(draws["w"], 0.4, 0.01)
    check(draws["w"] ** 2, 0.04 + 0.16, 0.01)
    check(draws["z"], 0.4, 0.02)
    check(draws["z"][..., 0] * draws["z"][..., 1], 0.2, 0.02)
    check(draws["w"] * draws["z"][..., 0], 0.2, 0.02)
    check(draws["k"] == 1, 0.5, 0.04)
    check(draws["mu"], 0.0, 0.05)
    check(draws["mu"] ** 2, 1.0, 0.1)
    check(draws["y"], 1.1, 0.1)
    check(draws["y"] * draws["mu"][..., None], 0.4, 0.1)
    check((draws["y"] - draws["k"][..., None]) ** 2, 1.4, 0.1)
