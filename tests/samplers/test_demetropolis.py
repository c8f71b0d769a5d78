"""DEMetropolis of a population: chains in turn, each by the difference of two others.

That few chains which move each other are independent draws of the target is seen from many populations of exact draws: after some
transitions single chains, products of two of them and the population's mean must be as before. Moved all at once, by where the
others were, as PyMC 5.28.5 moves them, they are not: `test_moving_all_at_once_is_seen` moves them so.
"""

import os

import numpy as np
import pytest

import workbench.tensor as pt
from workbench.compile import function
from workbench.graph import Graph
from workbench.samplers import (
    CauchyProposal,
    DEMetropolisInTurn,
    DEMetropolisSettings,
    LaplaceProposal,
    UniformProposal,
)
from workbench.samplers.ensemble import Moments, moments_graph

ALL = os.environ.get("WORKBENCH_TESTS") == "all"
POPULATIONS = 100_000 if ALL else 8_000


class Populations:
    """The sampler, compiled, on a log-density of (d,)."""

    def __init__(self, density, d, backend="c", rows=1):
        sampler = DEMetropolisInTurn()
        q = pt.vector("q", "d")
        many = pt.matrix("q", "chains", "d")
        moments = moments_graph(Graph([many], [many * 1.0]))
        logp = function([q], [density(q)], backend=backend)
        of = function(moments.params, moments.results, backend=backend)
        self.init = function(sampler.init.params, sampler.init.results, backend=backend).link(logp=logp)
        self.advance = function(sampler.advance.params, sampler.advance.results, backend=backend).link(logp=logp, moments=of)
        self.fields, self.names, self.d = sampler._first[1]._fields, list(sampler.stats), d
        self.parameters = [str(x.name) for x in sampler.parameters()]

    def draws(self, start, transitions, warm_up=0, seed=1, chunk=None, **options):
        """Draws (transitions, chains, d) and statistics; the state after them."""
        n, d = start.shape
        given = DEMetropolisSettings(**options).arguments(d)
        state = self.init(np.uint64(seed), start, *(given[name] for name in self.parameters))
        moments = Moments.none(n, d)
        blocks, tables, made = [], [], 0
        chunk = chunk or transitions
        room = np.zeros((chunk, n, d)), np.zeros((chunk, n, len(self.names)))
        while made < transitions:
            out = self.advance(*state, *moments, min(chunk, transitions - made), 1, warm_up, *room)
            a, b = len(state), len(state) + len(moments)
            state, moments, (_, k, rows, q, table) = out[:a], out[a:b], out[b:]
            made += int(k)
            blocks.append(q[: int(rows)].copy())
            tables.append(table[: int(rows)].copy())
        self.state = dict(zip(self.fields, state))
        return np.concatenate(blocks), dict(zip(self.names, np.moveaxis(np.concatenate(tables), -1, 0)))


def standard(q):
    return -0.5 * pt.sum(q * q)


@pytest.fixture(scope="module")
def normal():
    return Populations(standard, 1)


def z_scores(end):
    """How far populations (many, chains) of a standard normal are from independent draws, in standard errors: moments of single chains, of the
    product of the first and the last, and of the mean."""
    n = end.shape[1]
    mean = end.mean(axis=1) * np.sqrt(n)
    product = end[:, 0] * end[:, -1]
    found = {
        "mean": end[:, 0], "square": end[:, 0] ** 2 - 1.0, "fourth": end[:, 0] ** 4 - 3.0, "product": product,
        "product of squares": (end[:, 0] ** 2 - 1.0) * (end[:, -1] ** 2 - 1.0), "square of the mean": mean**2 - 1.0,
        "sum of squares": np.sum(end**2, axis=1) - n, "its square": (np.sum(end**2, axis=1) - n) ** 2 - 2 * n,
    }  # fmt: skip
    return {name: float(x.mean() / x.std() * np.sqrt(len(x))) for name, x in found.items()}


@pytest.mark.parametrize("chains, options", [
    (3, {}), (5, {"lamb": 0.7}), (4, {"scaling": 0.8, "proposal_dist": UniformProposal}), (4, {"scaling": 0.3, "proposal_dist": CauchyProposal}),
    (4, {"S": [0.5], "scaling": 1.0, "proposal_dist": LaplaceProposal}),
])  # fmt: skip
def test_populations_of_exact_draws_stay_exact(normal, chains, options):
    rng = np.random.default_rng(chains)
    start = rng.normal(size=(POPULATIONS, chains, 1))
    end, moved = np.empty((POPULATIONS, chains)), 0.0
    for i, q in enumerate(start):
        draws, stats = normal.draws(q, 8, seed=i, **options)
        end[i] = draws[-1, :, 0]
        moved += stats["accepted"].mean()
    assert 0.2 < moved / POPULATIONS < 0.8
    assert max(map(abs, z_scores(end).values())) < 4.5


def test_moving_all_at_once_is_seen():
    """What the test above is for: PyMC's way is far from independent draws after as many transitions."""
    rng = np.random.default_rng(0)
    q = rng.normal(size=(20_000, 3))
    for _ in range(8):
        # Of three chains the others are two, in either order.
        sign = rng.choice([-1.0, 1.0], size=q.shape)
        apart = np.stack([q[:, 1] - q[:, 2], q[:, 0] - q[:, 2], q[:, 0] - q[:, 1]], axis=1)
        proposal = q + 2.38 / np.sqrt(2.0) * sign * apart + 0.001 * rng.normal(size=q.shape)
        taken = np.log(rng.uniform(size=q.shape)) < 0.5 * (q**2 - proposal**2)
        q = np.where(taken, proposal, q)
    assert max(map(abs, z_scores(q).values())) > 10.0


def test_moments_of_a_turned_normal_and_of_a_skewed_density():
    """Long runs of few chains, from far out; errors from means of batches, which are 1 % of a standard deviation or less."""
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    sd = np.array([0.03, 1.0, 1.0])
    covariance = (turn * np.square(sd)) @ turn.T
    precision, mean = pt.constant(np.linalg.inv(covariance)), np.array([-1.0, 0.5, 2.0])
    gamma = np.array([0.9237, 0.5772156649015329])  # Of the third element below: minus Euler's constant, and pi / sqrt(6).
    cases = [
        (lambda q: -0.5 * pt.sum((q - mean) * (precision @ (q - mean))), mean, np.sqrt(np.diag(covariance))),
        (lambda q: pt.sum(q - pt.exp(q)), np.full(2, -gamma[1]), np.full(2, np.pi / np.sqrt(6.0))),
    ]  # fmt: skip
    for density, centre, width in cases:
        made = Populations(density, len(centre))
        total = 1_600_000 if ALL else 200_000
        start = centre + 5.0 * width * np.random.default_rng(3).normal(size=(10, len(centre)))
        draws, _ = made.draws(start, total + 2000, 2000, chunk=2000)
        x = ((draws[2000:] - centre) / width).reshape(100, -1, 10, len(centre))
        for found, truth in ((x, 0.0), (x**2, 1.0)):
            means = found.mean(axis=(1, 2))
            error = means.std(axis=0, ddof=1) / 10.0
            assert (error < 0.01).all(), error
            assert (np.abs(means.mean(axis=0) - truth) < 4.0 * error).all(), (means.mean(axis=0) - truth) / error


def test_two_different_others_are_chosen_evenly():
    """On a flat density every proposal is taken: the step is the multiple of a difference, which tells the two others."""
    made = Populations(lambda q: 0.0 * pt.sum(q), 1)
    start = np.array([[0.0], [1.0], [10.0], [100.0], [1000.0]])
    found = []
    for seed in range(6000):
        draws, stats = made.draws(start, 1, seed=seed, lamb=1.0, scaling=1e-12)
        assert stats["accepted"].all()
        found.append(round(float(draws[0, 0, 0])))
    values, counts = np.unique(found, return_counts=True)
    others = start[1:, 0]
    assert set(values) == {int(a - b) for a in others for b in others if a != b}
    assert np.all(np.abs(counts - 500) < 4.5 * np.sqrt(500 * 11 / 12))


@pytest.mark.parametrize("tune", ["scaling", "lambda", None])
def test_tuning_is_by_pymcs_table_in_warm_up_alone(tune):
    """By the share of all chains' proposals, every `tune_interval` transitions: nearly none is taken here, then nearly all."""
    for wide, factor in ((1e6, 0.1), (1e-6, 10.0)):
        made = Populations(standard, 2)
        start = np.random.default_rng(0).normal(size=(6, 2)) * (1.0 if factor < 1.0 else 1e-6)
        _, stats = made.draws(start, 60, 40, tune=tune, tune_interval=20, scaling=wide, lamb=wide)
        for name, what in (("scaling", "scaling"), ("lambda", "lambda")):
            found = stats[name][:, 0] / wide
            assert np.allclose(found[[0, 19]], 1.0)
            assert np.allclose(found[20], factor if tune == what else 1.0) and (found[40:] == found[40]).all()


@pytest.mark.parametrize("backend", ["numpy", "numba", "jax"] if ALL else ["numpy"])
def test_draws_are_the_same_on_every_backend_and_in_any_chunks(backend):
    start = np.random.default_rng(0).normal(size=(5, 3))
    a, stats = Populations(standard, 3).draws(start, 60, 40, tune_interval=10, chunk=60)
    for made in (Populations(standard, 3, backend).draws(start, 60, 40, tune_interval=10, chunk=60), Populations(standard, 3).draws(start, 60, 40, tune_interval=10, chunk=7)):
        np.testing.assert_allclose(made[0], a, rtol=1e-10, atol=1e-12)
        assert all(np.allclose(made[1][name], x, rtol=1e-9) for name, x in stats.items())


def test_a_point_without_density_is_never_taken():
    for beyond in (-np.inf, np.inf, np.nan):
        made = Populations(lambda q, beyond=beyond: pt.where(pt.sum(q) > 0.0, -0.5 * pt.sum(q * q), beyond), 1)
        draws, stats = made.draws(np.array([[0.5], [1.0], [2.0], [0.1]]), 300)
        assert (draws > 0.0).all() and 0.1 < stats["accepted"].mean() < 0.6
