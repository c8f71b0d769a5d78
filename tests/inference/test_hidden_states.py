"""Probabilities of hidden states and the likeliest path, against all 3^5 paths."""

import itertools

import numpy as np
import pytest
from scipy import special, stats

import workbench as pm
from workbench.errors import ArgumentError, ModelError

K, T = 3, 5
RNG = np.random.default_rng(8)
PATHS = np.array(list(itertools.product(range(K), repeat=T)))
START, P, P2 = RNG.dirichlet(np.ones(K)), RNG.dirichlet(np.ones(K), size=K), RNG.dirichlet(np.ones(K), size=(K, K))
Y, MU = RNG.normal(size=T), np.array([[-1.0, 0.2, 1.5], [0.5, 0.0, -2.0]])


def written(lags=1):
    with pm.Model(coords={"day": list("abcde")}) as model:
        z = pm.DiscreteMarkovChain("z", P if lags == 1 else P2, init_dist=pm.Categorical.dist(START), n_lags=lags, dims="day")
        pm.Normal("y", pm.Normal("mu", 0.0, 1.0, shape=K)[z], 0.8, observed=Y, dims="day")
    return pm.marginalize(model, "z")


def joint(mu, lags=1, until=T):
    first = np.log(START[PATHS[:, :lags]]).sum(1)
    moves = [np.log(P[PATHS[:, t], PATHS[:, t + 1]] if lags == 1 else P2[PATHS[:, t], PATHS[:, t + 1], PATHS[:, t + 2]]) for t in range(T - lags)]
    return first + sum(moves) + stats.norm.logpdf(Y[:until], mu[PATHS[:, :until]], 0.8).sum(1)


def marginals(weights):
    return np.array([[weights[PATHS[:, t] == k].sum() for k in range(K)] for t in range(T)])


@pytest.mark.parametrize("lags", [1, 2])
def test_smoothed_probabilities_and_the_likeliest_path(lags):
    made, draws = written(lags), {"mu": MU[None]}
    found = pm.state_probabilities(draws, made)
    assert found.z.dims == ("chain", "draw", "day", "state") and list(found.day.to_numpy()) == list("abcde")
    paths = pm.viterbi(draws, made, "z")
    assert paths.z.dims == ("chain", "draw", "day")
    for i, mu in enumerate(MU):
        weights = special.softmax(joint(mu, lags))
        np.testing.assert_allclose(found.z.to_numpy()[0, i], marginals(weights), atol=1e-12)
        np.testing.assert_array_equal(paths.z.to_numpy()[0, i], PATHS[np.argmax(weights)])


def test_filtered_probabilities_know_no_future():
    found = pm.state_probabilities({"mu": MU[None]}, written(), given="past").z.to_numpy()[0]
    for i, mu in enumerate(MU):
        for t in range(T):
            np.testing.assert_allclose(found[i, t], marginals(special.softmax(joint(mu, until=t + 1)))[t], atol=1e-12)


def test_what_is_not_there_is_said():
    made = written()
    with pytest.raises(ArgumentError, match="given is"):
        pm.state_probabilities({"mu": MU[None]}, made, given="future")
    with pytest.raises(ModelError, match="the draws lack mu"):
        pm.viterbi({"other": np.zeros((1, 2))}, made)
    for model, name in ((made, "mu"), (pm.Model(), None)):
        with pytest.raises(ModelError, match="chains that were summed out are"):
            pm.viterbi({"mu": MU[None]}, model, name)
    with pytest.raises(ModelError, match="one lag"):
        pm.state_probabilities({"mu": MU[None]}, written(2), given="past")


def test_a_chain_may_be_named_state():
    with pm.Model() as model:
        pm.DiscreteMarkovChain("state", P, init_dist=pm.Categorical.dist(START), shape=T)
        pm.Normal("y", pm.Normal("mu", 0.0, 1.0, shape=K)[model["state"]], 0.8, observed=Y)
    made = pm.marginalize(model, "state")
    found = pm.state_probabilities({"mu": MU[None]}, made).state
    assert found.dims == ("chain", "draw", "state_dim_0", "state_state") and np.allclose(found.sum("state_state"), 1.0)
    assert pm.viterbi({"mu": MU[None]}, made).state.dims == ("chain", "draw", "state_dim_0")
