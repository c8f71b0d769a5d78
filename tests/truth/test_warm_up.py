"""Warm-up ends where draws are good, wherever a chain starts.

A Poisson regression with a log link and nearly flat priors: `exp` of a jittered start is anything from
1e-200 to 1e200. The posterior is known well enough from its mode: counts of 44 plots, four coefficients.
What a chain leaves warm-up with is judged by what it draws: acceptance near what was asked for, no
divergence, as many effective draws as any other chain.

The counts are simulated from the coefficients published for such data (latitude, elevation, habitat).
"""

import os

import arviz as az
import numpy as np
import pytest

import workbench as pm

SEEDS = 200 if os.environ.get("WORKBENCH_TESTS") == "all" else 8


def plots():
    rng = np.random.default_rng(0)
    latitude = np.repeat(rng.uniform(41.97, 45.0, 22), 2)
    elevation = np.repeat(rng.integers(1, 543, 22), 2).astype(float)
    forest = np.tile([1.0, 0.0], 22)
    counts = rng.poisson(np.exp(11.9 - 0.2355 * latitude - 0.00114 * elevation + 0.635 * forest))
    return np.column_stack([np.ones(44), latitude, elevation, forest]), counts


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("centred", [True, False], ids=["centred predictors", "predictors as measured"])
def test_every_chain_of_a_poisson_regression_leaves_warm_up_well(centred):
    X, counts = plots()
    if centred:
        X[:, 1:3] -= X[:, 1:3].mean(axis=0)
    with pm.Model() as model:
        b = pm.Normal("b", 0.0, tau=1e-4, shape=4)
        pm.Poisson("y", pm.math.exp(pm.math.dot(X, b)), observed=counts)
    for seed in range(SEEDS if centred else SEEDS // 4):
        run = pm.sample(1000, tune=1000, chains=4, model=model, random_seed=seed, quiet=True, return_inferencedata=False, backend="c")
        accepted = run.stats["acceptance_rate"].mean(axis=1)
        assert np.all((accepted > 0.7) & (accepted < 0.95)), (seed, accepted)
        assert not run.stats["diverging"].any(), seed
        steps = run.stats["n_steps"].mean(axis=1)
        assert steps.max() < 2 * steps.min(), (seed, steps)
        draws = {f"b{i}": run.draws["b"][..., i] for i in range(4)}
        assert min(float(v) for v in az.ess(draws).data_vars.values()) > 300, seed
        assert max(float(v) for v in az.rhat(draws).data_vars.values()) < 1.02, seed
