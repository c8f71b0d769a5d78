"""How draws of NUTS are made: by trajectories of one time where warm-up shows that they are worth more, by trees where not; and that both are right."""

import functools

import numpy as np
import pytest
from scipy.special import digamma, polygamma
from scipy.stats import truncnorm

import workbench.tensor as pt
from workbench.graph import Graph
from workbench.samplers import Nuts, NutsSettings
from workbench.samplers.nuts import NutsOfTrees
from workbench.samplers.state import NutsState

STATS = list(Nuts.stats)
STEPS, DEPTH, DIVERGING, ACCEPTED = (STATS.index(name) for name in ("n_steps", "tree_depth", "diverging", "acceptance_rate"))
TUNE = 600
DIAGONAL = NutsSettings(metric="diag")


def normal(precision):
    q = pt.vector("q", len(precision))
    g = pt.constant(precision) @ q
    return Graph([q], [-0.5 * pt.sum(q * g), -g])


def logarithms_of_gammas(shapes):
    """Skewed, with means digamma(a) and variances trigamma(a)."""
    q = pt.vector("q", len(shapes))
    a, e = pt.constant(shapes), pt.exp(q)
    return Graph([q], [pt.sum(a * q - e), a - e])


def above(edges):
    """Normals that are cut off from below."""
    q = pt.vector("q", len(edges))
    inside = pt.all(q > pt.constant(edges))
    return Graph([q], [pt.where(inside, -0.5 * pt.sum(q * q), -float("inf")), -q])


def begun(one_chain, graph, settings=DIAGONAL, tune=TUNE, kernel=Nuts):
    """A chain after warm-up, and by how many trajectories, of what time, it makes a draw."""
    chain = one_chain(kernel, settings, graph).begin(np.full(graph.params[0].type.shape[0], 0.5))
    chain.draw(tune, tune)
    state = dict(zip(NutsState._fields, chain.state))
    return chain, int(state["trajectories"]), float(state["time"])


def made_by(chain, count, time):
    """Let the draws of a chain after warm-up be made so."""
    for name, value in (("trajectories", np.int64(count)), ("time", np.float64(time))):
        chain.state[NutsState._fields.index(name)] = value
    return chain


def correlation(x):
    y = x - x.mean(axis=0)
    return (y[1:] * y[:-1]).mean(axis=0) / (y * y).mean(axis=0)


def test_values_of_one_period_need_one_short_trajectory(one_chain):
    chain, count, time = begun(one_chain, normal(np.eye(20)))
    assert (count, time) == (1, 1.5)
    q, stats = chain.draw(4000, TUNE)
    # After a quarter of a period nothing is left of a value, nor of its square.
    assert abs(np.median(correlation(q))) < 0.35
    assert np.median(correlation(q**2)) < 0.3
    assert np.all(stats[:, DEPTH] == 0)
    # Trees of the same chain sweep to the other side, where the square is what it was.
    back, of_trees = made_by(begun(one_chain, normal(np.eye(20)))[0], 0, 0.0).draw(4000, TUNE)
    assert np.all(of_trees[:, DEPTH] > 0)
    assert np.median(correlation(back)) < -0.2
    assert np.median(correlation(back**2)) > np.median(correlation(q**2)) + 0.1
    assert stats[:, STEPS].mean() < 0.75 * of_trees[:, STEPS].mean()


def test_trees_are_kept_where_values_have_very_different_periods(one_chain):
    """The diagonal leaves one direction of 20 fourteen times as wide as the others, and a trajectory of one time goes a small part of it."""
    chain, count, _ = begun(one_chain, normal(np.linalg.inv(0.1 * np.eye(20) + 0.9)), tune=1000)
    assert count == 0
    assert np.all(chain.draw(100, 1000)[1][:, DEPTH] > 0)


def test_trees_are_kept_after_a_warm_up_too_short_to_tell(one_chain):
    assert begun(one_chain, normal(np.eye(5)), tune=100)[1] == 0


def test_draws_are_by_both_in_turn_in_the_later_half_of_warm_up(one_chain):
    chain = one_chain(Nuts, DIAGONAL, normal(np.eye(5))).begin(np.full(5, 0.5))
    _, stats = chain.draw(400, 400)
    by_time = stats[:, DEPTH] == 0
    assert not by_time[50:201].any()
    assert np.array_equal(by_time[201:340], np.arange(201, 340) % 2 == 1)


def test_trees_alone_where_they_are_asked_for(one_chain):
    settings = NutsSettings(metric="diag", trajectories="trees")
    assert settings.kernel(discrete=False) is NutsOfTrees
    chain = one_chain(NutsOfTrees, settings, normal(np.eye(20))).begin(np.full(20, 0.5))
    assert np.all(chain.draw(TUNE + 100, TUNE)[1][50:, DEPTH] > 0)


def told_by_parts(found):
    """A mean, and its standard error as 100 parts of a run tell it."""
    of_parts = found.reshape(100, -1).mean(axis=1)
    return of_parts.mean(), of_parts.std(ddof=1) / 10.0


WAYS = {"as found": [None], "one short": [(1, 1.5)], "two": [(2, 2.2)], "five short": [(5, 0.7)], "in turn with trees": [(2, 1.5), (0, 0.0)] * 25}
"""How draws are made, for one part of a run after the other."""
EXACT = {
    "normals": (lambda: normal(np.diag(np.logspace(-2, 2, 10) ** -2)), np.zeros(10), np.logspace(-2, 2, 10)),
    "skewed": (lambda: logarithms_of_gammas(np.linspace(2.0, 12.0, 10)), digamma(np.linspace(2.0, 12.0, 10)), np.sqrt(polygamma(1, np.linspace(2.0, 12.0, 10)))),
    "cut off": (lambda: above(np.linspace(-2.0, -1.0, 4)), truncnorm.mean(np.linspace(-2.0, -1.0, 4), np.inf), truncnorm.std(np.linspace(-2.0, -1.0, 4), np.inf)),
}
DRAWS = {"normals": 150_000, "skewed": 250_000, "cut off": 300_000}


@functools.cache
def warmed_up(one_chain, target):
    chain, count, _ = begun(one_chain, EXACT[target][0](), NutsSettings(target_accept=0.65, metric="diag"))
    return chain, list(chain.state), count


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("target", EXACT)
def test_moments_are_right_to_a_percent(one_chain, target, way):
    """With steps so long that a third of the ends is refused."""
    _, mean, sd = EXACT[target]
    chain, state, count = warmed_up(one_chain, target)
    assert count
    chain.state = list(state)
    parts = []
    for how in WAYS[way]:
        if how is not None:
            made_by(chain, *how)
        parts.append(chain.draw(DRAWS[target] // len(WAYS[way]), TUNE))
    q, stats = (np.concatenate(x) for x in zip(*parts))
    assert stats[:, ACCEPTED].mean() < 0.9
    # Below the limits there is no density; far to the right one that falls as exp(-exp(q)), where few trajectories come.
    assert stats[:, DIVERGING].mean() > 0.01 if target == "cut off" else stats[:, DIVERGING].sum() < 20
    # Means over values of deviations and of their squares, in standard ones.
    z = (q - mean) / sd
    for found in (z.mean(axis=1), np.square(z).mean(axis=1) - 1.0):
        of_all, error = told_by_parts(found)
        assert error < 0.0025
        assert abs(of_all) < 4.0 * error


def funnel(width):
    """A neck without end: v has the standard deviation `width`, and x that of exp(v / 2)."""
    q = pt.vector("q", 2)
    v, square = q[0], pt.square(q[1]) * pt.exp(-q[0])
    return Graph([q], [-0.5 * (pt.square(v / width) + square + v), pt.stack([-v / width**2 + 0.5 * square - 0.5, -q[1] * pt.exp(-v)])])


@pytest.mark.parametrize(("width", "draws"), [(1.0, 300_000), (1.5, 500_000)])
def test_draws_come_to_narrow_places(one_chain, width, draws):
    """With steps that are too long for the neck: finer ones go in and come out."""
    chain, count, _ = begun(one_chain, funnel(width))
    assert count
    chain.state[NutsState._fields.index("log_step")] = np.log(1.2)
    q, stats = chain.draw(draws, TUNE)
    assert stats[:, DIVERGING].mean() < 0.003
    z = q[:, 0] / width
    for found in (z, np.square(z) - 1.0):
        mean, error = told_by_parts(found)
        assert error < 0.0095
        assert abs(mean) < 4.0 * error


def test_trajectories_are_taken_where_trees_diverge(one_chain):
    """Periods differ so much that trees are better, but for a neck beside them that trees do not come out of whole."""
    precision = np.linalg.inv(0.1 * np.eye(20) + 0.9)
    q = pt.vector("q", 22)
    wide, narrow = q[:20], funnel(3.0)
    g = pt.constant(precision) @ wide
    lp, slope = narrow.apply(q[20:])
    graph = Graph([q], [lp - 0.5 * pt.sum(wide * g), pt.concatenate([-g, slope])])
    chain, count, _ = begun(one_chain, graph, tune=1000)
    assert count
    assert np.all(chain.draw(100, 1000)[1][:, DEPTH] == 0)
