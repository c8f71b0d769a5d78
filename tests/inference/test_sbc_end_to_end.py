"""Simulation-based calibration of whole ways to draws: summed or integrated out, sampled and recovered; and `pm.infer`.

Label switching, and what cannot be told from the data, is no matter: ranks are uniform for any quantity.
"""

import os

import numpy as np
import pytest

import workbench as pm

ALL = os.environ.get("WORKBENCH_TESTS") == "all"
REPLICATES, DRAWS, TUNE = (200, 1000, 600) if ALL else (12, 400, 300)
RANKED = 49
CHAINS = 2


def mixture():
    """Two kinds of observations of an unknown share: each one's kind is summed out."""
    with pm.Model() as model:
        seen = pm.Data("seen", np.zeros(8))
        w = pm.Beta("w", 2.0, 2.0)
        mu = pm.Normal("mu", np.array([-1.0, 1.0]), 1.0)
        z = pm.Bernoulli("z", w, shape=8)
        pm.Normal("y", mu[z], 0.8, observed=seen)
    return model, ["z"]


def hidden_chain():
    """States of a Markov chain with unknown transitions, seen through noise."""
    with pm.Model() as model:
        seen = pm.Data("seen", np.zeros(9))
        P = pm.Dirichlet("P", np.array([[3.0, 1.0], [1.0, 2.0]]))
        gap = pm.HalfNormal("gap", 2.0)
        z = pm.DiscreteMarkovChain("z", P=P, init_dist=pm.Categorical.dist([0.6, 0.4]), shape=9)
        pm.Normal("y", gap * z, 1.0, observed=seen)
    return model, ["z"]


def rates():
    """Rates of groups, conjugate to counts given their own prior: they are integrated out."""
    with pm.Model() as model:
        seen = pm.Data("seen", np.ones(6, int))
        b = pm.Gamma("b", 3.0, 1.0)
        rate = pm.Gamma("rate", 2.0, b, shape=3)
        pm.Poisson("y", rate[np.array([0, 0, 1, 1, 1, 2])], observed=seen)
    return model, ["rate"]


def groups():
    """A model of three levels for `pm.infer`: it chooses what to integrate out, and the parametrisation."""
    with pm.Model() as model:
        seen = pm.Data("seen", np.zeros(12))
        mu, tau = pm.Normal("mu", 0.0, 2.0), pm.HalfNormal("tau", 1.0)
        theta = pm.Normal("theta", mu, tau, shape=4)
        pm.StudentT("y", nu=4, mu=theta[np.arange(12) % 4], sigma=1.0, observed=seen)
    return model


def spread(idata, model):
    """Draws taken out of the chains evenly, by variable: nearly independent ones, as many as are ranked."""
    posterior = idata.posterior
    n = posterior.sizes["chain"] * posterior.sizes["draw"]
    kept = np.linspace(0, n - 1, RANKED).astype(int)
    return {x.name: posterior[x.name].to_numpy().reshape(n, *posterior[x.name].shape[2:])[kept] for x in (*model.free_RVs, *model.deterministics)}


def by_recovery(model, taken_out):
    made = pm.marginalize(model, taken_out)
    assert not set(taken_out) & {x.name for x in made.free_RVs}

    def posterior(data, rng):
        pm.set_data({"seen": data["y"]}, made)
        options = dict(chains=CHAINS, model=made, quiet=True, compute_convergence_checks=False, target_accept=0.9)
        idata = pm.sample(DRAWS, tune=TUNE, random_seed=int(rng.integers(2**31)), **options)
        return spread(pm.recover(idata, made, random_seed=int(rng.integers(2**31))), model)

    return posterior


@pytest.mark.parametrize("example", [mixture, hidden_chain, rates])
def test_what_is_taken_out_and_recovered_is_calibrated(example):
    model, taken_out = example()
    found = pm.sbc(model, REPLICATES, posterior=by_recovery(model, taken_out), ranked=RANKED, cores=1, random_seed=31)
    assert found.passed and not found.failures, str(found)
    assert set(taken_out) < set(found.ranks)


def by_infer(model):
    def posterior(data, rng):
        pm.set_data({"seen": data["y"]}, model)
        return spread(pm.infer(model, show=False, chains=CHAINS, random_seed=int(rng.integers(2**31))), model)

    return posterior


@pytest.mark.skipif(not ALL, reason="200 runs with their pilots: in make test-statistical")
@pytest.mark.parametrize("example", [lambda: mixture()[0], groups], ids=["mixture", "groups"])
def test_infer_is_calibrated(example):
    found = pm.sbc(example(), REPLICATES, posterior=by_infer(example()), ranked=RANKED, cores=1, random_seed=32)
    assert found.passed and not found.failures, str(found)


def test_infer_is_calibrated_where_all_is_in_closed_form():
    def model():
        with pm.Model() as made:
            mu = pm.Normal("mu", 1.0, 2.0)
            pm.Normal("y", mu, 1.0, observed=pm.Data("seen", np.zeros(3)))
        return made

    # Draws of a closed form cost little: enough of them to tell.
    found = pm.sbc(model(), 100, posterior=by_infer(model()), ranked=RANKED, cores=1, random_seed=77)
    assert found.passed and not found.failures, str(found)


@pytest.mark.skipif(not ALL, reason="200 replicates: in make test-statistical")
def test_a_compound_of_nuts_and_gibbs_is_calibrated():
    """Categories by Gibbs, the means that they share and their spread by NUTS."""
    with pm.Model() as model:
        mu = pm.Normal("mu", np.array([-2.0, 0.0, 2.0]), 1.0)
        sigma = pm.LogNormal("sigma", -0.5, 0.3)
        z = pm.Categorical("z", [0.5, 0.3, 0.2], shape=6)
        pm.Normal("y", mu[z], sigma, observed=np.zeros(6))
        step = [pm.NUTS([mu, sigma]), pm.CategoricalGibbsMetropolis([z])]
    found = pm.sbc(model, 200, 3000, tune=800, step=step, random_seed=34)
    assert found.passed and not found.failures, str(found)
