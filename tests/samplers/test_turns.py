"""How far trajectories of NUTS go: less far where all values overshoot, until they turn back where one is slow."""

import numpy as np
from scipy.special import digamma, polygamma

import workbench.tensor as pt
from workbench.graph import Graph
from workbench.samplers import Nuts, NutsSettings
from workbench.samplers.state import NutsState

STEPS = list(Nuts.stats).index("n_steps")
TUNE = 600


def normal(precision):
    q = pt.vector("q", len(precision))
    g = pt.constant(precision) @ q
    return Graph([q], [-0.5 * pt.sum(q * g), -g])


def logarithms_of_gammas(shapes):
    """Skewed, with means digamma(a) and variances trigamma(a)."""
    q = pt.vector("q", len(shapes))
    a, e = pt.constant(shapes), pt.exp(q)
    return Graph([q], [pt.sum(a * q - e), a - e])


def drawn(one_chain, graph, draws, settings=NutsSettings(metric="diag"), tune=TUNE):
    """Draws after warm-up, leapfrogs of each, and the limit of turns."""
    chain = one_chain(Nuts, settings, graph).begin(np.full(graph.params[0].type.shape[0], 0.5))
    q, stats = chain.draw(tune + draws, tune)
    limit = dict(zip(NutsState._fields, chain.state))["turn_limit"]
    return q[tune:], stats[tune:, STEPS], float(limit)


def correlation(x):
    y = x - x.mean(axis=0)
    return (y[1:] * y[:-1]).mean(axis=0) / (y * y).mean(axis=0)


def test_values_of_one_period_need_a_part_of_a_turn(one_chain):
    q, steps, limit = drawn(one_chain, normal(np.eye(20)), 4000)
    assert limit > -20 * 0.1
    # By theory nothing is left of a value after a quarter of a turn, and less of its square than after more.
    assert abs(np.median(correlation(q))) < 0.35
    assert np.median(correlation(q**2)) < 0.3
    # The same chain, made to turn back: a sweep to the other side, where the square is what it was.
    chain = one_chain(Nuts, NutsSettings(metric="diag"), normal(np.eye(20))).begin(np.full(20, 0.5))
    chain.draw(TUNE, TUNE)
    fields = NutsState._fields.index("turn_limit")
    chain.state[fields] = np.float64(-np.inf)
    back, stats = chain.draw(4000, TUNE)
    assert np.median(correlation(back)) < -0.2
    assert np.median(correlation(back**2)) > np.median(correlation(q**2)) + 0.1
    assert steps.mean() < 0.75 * stats[:, STEPS].mean()


def test_trajectories_turn_back_where_a_value_is_slow(one_chain):
    """The diagonal leaves the sum of a correlated pair slower than the rest."""
    precision = np.eye(20)
    precision[:2, :2] = np.linalg.inv([[1.0, 0.97], [0.97, 1.0]])
    _, _, limit = drawn(one_chain, normal(precision), 1)
    assert limit == -np.inf


def test_trajectories_turn_back_after_a_warm_up_too_short_to_tell(one_chain):
    assert drawn(one_chain, normal(np.eye(5)), 1, tune=60)[2] == -np.inf


def test_draws_of_parts_of_a_turn_are_right(one_chain):
    shapes = np.linspace(2.0, 12.0, 10)
    q, _, limit = drawn(one_chain, logarithms_of_gammas(shapes), 20_000)
    assert limit > -np.inf
    # 20,000 draws, of squares a third as many independent ones, of ten values: 4 standard errors of the mean sd are 1 %.
    sd = np.sqrt(polygamma(1, shapes))
    assert abs(np.mean(q.std(axis=0) / sd) - 1.0) < 0.01
    assert abs(np.mean((q.mean(axis=0) - digamma(shapes)) / sd)) < 0.01
    assert np.all(np.abs(q.std(axis=0) / sd - 1.0) < 0.05)
