"""Sweeps over elements of finitely many states: transition probabilities are their formulas, the target stays as it is, by enumeration."""

import itertools

import numpy as np
import pytest

import workbench.tensor as pt
from workbench.graph.inner import Graph
from workbench.samplers.binary_gibbs import BinaryGibbs
from workbench.samplers.binary_metropolis import BinaryMetropolis, BinaryMetropolisSettings
from workbench.samplers.categorical_gibbs import CategoricalGibbs, CategoricalMetropolis
from workbench.samplers.sweep import SweepSettings

P = np.array([0.05, 0.5, 0.15, 0.3])


def of_one(table, count, low=0):
    """The log-density of one element, by its state."""
    i, candidates, x = pt.tensor("i", "int64", ()), pt.vector("candidates", count, dtype="int64"), pt.vector("x", 1, dtype="int64")
    return Graph([i, candidates, x], [pt.constant(np.log(table))[candidates - low]])


def gibbs(p):
    return np.tile(p, (len(p), 1))


def liu(p):
    """min(p_j / (1 - p_i), p_j / (1 - p_j)): Liu (1996), equation 2."""
    moves = np.minimum(p / (1.0 - p)[:, None], (p / (1.0 - p))[None, :])
    return completed(moves)


def uniform_metropolis(p):
    return completed(np.minimum(p[None, :] / p[:, None], 1.0) / (len(p) - 1))


def flips(tendency):
    def formula(p):
        r = p[::-1] / p
        rate = np.minimum(1.0, r) * np.maximum(tendency, 1.0 / (1.0 + np.minimum(r, 1.0 / r)))
        return completed(np.array([[0.0, rate[0]], [rate[1], 0.0]]))

    return formula


def completed(moves):
    """A transition matrix from the probabilities of its moves."""
    moves = moves - np.diag(np.diag(moves))
    return moves + np.diag(1.0 - moves.sum(axis=1))


TWO = np.array([0.8, 0.2])
KERNELS = [
    (CategoricalGibbs, SweepSettings((0,), (4,), None, 0.0, 4), P, gibbs),
    (CategoricalGibbs, SweepSettings((0,), (4,), None, 1.0, 4), P, liu),
    (CategoricalGibbs, SweepSettings((-3,), (4,), (0,), 0.0, 4), P, gibbs),
    (CategoricalMetropolis, SweepSettings((0,), (4,)), P, uniform_metropolis),
    (BinaryGibbs, SweepSettings((0,), (2,), None, 0.0), TWO, gibbs),
    (BinaryGibbs, SweepSettings((0,), (2,), None, 0.8), TWO, flips(0.8)),
    (BinaryGibbs, SweepSettings((5,), (2,), None, 1.0), TWO, flips(1.0)),
    (BinaryGibbs, SweepSettings((0,), (2,), None, 0.8), np.array([0.5, 0.5]), flips(0.8)),
]


@pytest.mark.parametrize("kernel, settings, p, formula", KERNELS)
def test_transition_probabilities_are_their_formulas(kernel, settings, p, formula, one_chain):
    """Of 40,000 transitions: each probability within 4.5 standard errors, which are at most 0.8 %."""
    expected = formula(p)
    np.testing.assert_allclose(p[:, None] * expected, (p[:, None] * expected).T, atol=1e-15)  # detailed balance
    low = settings.low[0]
    draws, _ = one_chain(kernel, settings, of_one(p, settings.candidates, low)).begin([low]).draw(40_000, 0)
    x = draws[:, 0] - low
    for i in range(len(p)):
        after = x[1:][x[:-1] == i]
        error = np.sqrt(expected[i] * (1.0 - expected[i]) / len(after))
        np.testing.assert_array_less(np.abs(np.bincount(after, minlength=len(p)) / len(after) - expected[i]), 4.5 * error + 1e-12)


def pairwise(sizes, seed=0):
    """A joint distribution of elements with as many states as said, any of which depend on each other: a table of log-densities."""
    return np.random.default_rng(seed).normal(size=sizes)


def of_joint(table, count):
    """The log-density of each element given the others."""
    sizes = table.shape
    strides = np.cumprod((1, *sizes[:0:-1]))[::-1].copy()
    i, candidates, x = pt.tensor("i", "int64", ()), pt.vector("candidates", count, dtype="int64"), pt.vector("x", len(sizes), dtype="int64")
    base = pt.sum(x * strides) - x[i] * pt.constant(strides)[i]
    return Graph([i, candidates, x], [pt.constant(table.ravel())[base + candidates * pt.constant(strides)[i]]])


def distance(draws, table):
    """Total variation from the target, and what it is for as many draws from the target itself on average, for the batch means' variance."""
    p = np.exp(table) / np.exp(table).sum()
    states = list(itertools.product(*(range(n) for n in table.shape)))
    number = np.ravel_multi_index(draws.T, table.shape)
    batches = number[: len(number) // 50 * 50].reshape(50, -1)
    counts = np.stack([np.bincount(b, minlength=len(states)) for b in batches]) / batches.shape[1]
    error = counts.std(axis=0, ddof=1) / np.sqrt(50)
    return 0.5 * np.abs(counts.mean(axis=0) - p.ravel()).sum(), 0.5 * np.sqrt(2.0 / np.pi) * error.sum(), error


SWEEPS = [
    (CategoricalGibbs, (3, 2, 4), None, 0.0), (CategoricalGibbs, (3, 2, 4), None, 1.0), (CategoricalGibbs, (3, 2, 4), (2, 0, 1), 0.0),
    (CategoricalMetropolis, (3, 2, 4), None, 0.0), (BinaryGibbs, (2, 2, 2, 2), None, 0.8), (BinaryGibbs, (2, 2, 2, 2), (3, 1, 0, 2), 0.8),
    (BinaryGibbs, (2, 2, 2, 2), None, 0.0),
]  # fmt: skip


@pytest.mark.parametrize("kernel, sizes, order, tendency", SWEEPS)
def test_a_sweep_leaves_a_joint_distribution_as_it_is(kernel, sizes, order, tendency, one_chain):
    """Total variation of 200,000 draws from the enumerated distribution is that of their error, which would show 1 %."""
    table = pairwise(sizes)
    count = 2 if kernel is not CategoricalGibbs else max(sizes)
    settings = SweepSettings((0,) * len(sizes), sizes, order, tendency, count)
    draws, _ = one_chain(kernel, settings, of_joint(table, count)).begin(np.zeros(len(sizes), np.int64)).draw(200_000, 0)
    found, expected, error = distance(draws, table)
    assert found < expected + 4.0 * np.sqrt((error**2).sum()) / 2.0 < 0.01


def test_flips_of_several_elements_leave_their_distribution_as_it_is(one_chain):
    table = 0.5 * pairwise((2, 2, 2))
    x = pt.vector("x", 3, dtype="int64")
    graph = Graph([x], [pt.constant(table.ravel())[pt.sum((x - 4) * np.array([4, 2, 1]))]])
    settings = BinaryMetropolisSettings((4, 4, 4))
    draws, stats = one_chain(BinaryMetropolis, settings, graph).begin([4, 4, 4]).draw(200_000, 0)
    found, expected, error = distance(draws - 4, table)
    assert found < expected + 4.0 * np.sqrt((error**2).sum()) / 2.0 < 0.01
    np.testing.assert_array_equal(stats[:, 1], 0.5)
    assert 0.2 < stats[:, 0].mean() < 1.0


def test_fewer_elements_are_flipped_where_few_flips_are_taken(one_chain):
    """Ten elements that must all but agree: half of them flipped at once is hardly ever taken."""
    x = pt.vector("x", 10, dtype="int64")
    graph = Graph([x], [-3.0 * pt.sum(pt.cast(x, "float64"))])
    start = np.zeros(10, np.int64)
    tuned = one_chain(BinaryMetropolis, BinaryMetropolisSettings((0,) * 10), graph).begin(start).draw(3000, 2000)[1]
    fixed = one_chain(BinaryMetropolis, BinaryMetropolisSettings((0,) * 10, tune=False), graph).begin(start).draw(3000, 2000)[1]
    assert (fixed[:, 1] == 0.5).all() and fixed[:, 0].mean() < 0.02
    assert tuned[-1, 1] < 0.25 and tuned[2000:, 0].mean() > 0.1 and len(set(tuned[2000:, 1])) == 1


@pytest.mark.parametrize("kernel, count, tendency", [(BinaryGibbs, 2, 0.8), (CategoricalGibbs, 3, 1.0), (CategoricalMetropolis, 2, 0.0)])
def test_draws_are_those_of_the_reference_bit_for_bit(kernel, count, tendency, one_chain):
    sizes = (2, 2, 2) if kernel is BinaryGibbs else (3, 2, 3)
    settings = SweepSettings((0, 0, 0), sizes, None, tendency, count)
    one, two = (one_chain(kernel, settings, of_joint(pairwise(sizes), count), backend, 16).begin([0, 0, 0]).draw(16, 0)[0] for backend in ("c", "numpy"))
    np.testing.assert_array_equal(one, two)


def test_a_state_that_is_no_density_is_not_gone_to(one_chain):
    table = np.array([0.0, np.nan, np.inf, -np.inf, 0.5])
    i, candidates, x = pt.tensor("i", "int64", ()), pt.vector("candidates", 5, dtype="int64"), pt.vector("x", 1, dtype="int64")
    graph = Graph([i, candidates, x], [pt.constant(table)[candidates]])
    draws, _ = one_chain(CategoricalGibbs, SweepSettings((0,), (5,), None, 0.0, 5), graph).begin([0]).draw(2000, 0)
    assert set(draws[:, 0].tolist()) == {0, 4}


def test_a_large_block_is_swept_whole_in_any_chunks(one_chain):
    """Each element has one turn a sweep, whatever a call's budget is: with all states but one impossible they count."""
    d = 150
    i, candidates, x = pt.tensor("i", "int64", ()), pt.vector("candidates", 3, dtype="int64"), pt.vector("x", d, dtype="int64")
    graph = Graph([i, candidates, x], [pt.where(pt.equal(candidates, (x[i] + 1) % 3), 0.0, -np.inf)])
    settings = SweepSettings((0,) * d, (3,) * d, None, 0.0, 3)
    whole = one_chain(CategoricalGibbs, settings, graph).begin(np.zeros(d, np.int64)).draw(5, 0)[0]
    np.testing.assert_array_equal(whole, np.tile((np.arange(1, 6) % 3)[:, None], d))
    cut = one_chain(CategoricalGibbs, settings, graph).begin(np.zeros(d, np.int64)).draw(5, 0, budget=3)[0]
    np.testing.assert_array_equal(whole, cut)
