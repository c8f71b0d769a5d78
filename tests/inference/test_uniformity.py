"""Bands and p-values of ranks: against all rank vectors of small cases, counted, and against simulated uniform ranks."""

import itertools

import numpy as np
import pytest

from workbench.inference.uniformity import band, counts_below, departure, furthest, interval, p_value


def everything(n, most):
    """All vectors of `n` ranks, each as probable as the others."""
    return [np.array(r) for r in itertools.product(range(most + 1), repeat=n)]


@pytest.mark.parametrize("n, most", [(1, 1), (2, 3), (3, 2), (4, 4), (6, 2), (7, 1), (1, 9)])
def test_p_values_are_the_share_of_all_rank_vectors_that_are_as_far(n, most):
    ranks = everything(n, most)
    far = np.array([furthest(r, most) for r in ranks])
    for r, own in zip(ranks, far):
        assert p_value(r, most) == pytest.approx(np.mean(far <= own * (1 + 1e-9)), abs=1e-12)


@pytest.mark.parametrize("n, most, level", [(4, 4, 0.5), (4, 4, 0.8), (6, 2, 0.9), (5, 3, 0.9), (3, 5, 0.7)])
def test_a_band_holds_as_many_of_all_rank_vectors_as_it_says_and_no_narrower_one_does(n, most, level):
    counts = np.array([counts_below(r, most) for r in everything(n, most)])
    low, high = band(n, most, level)
    inside = ((counts >= low) & (counts <= high)).all(axis=1)
    assert inside.mean() >= level
    # The next narrower band leaves out the least probable counts of those inside.
    far = np.array([furthest(r, most) for r in everything(n, most)])
    least = far[inside].min()
    assert (far > least * (1 + 1e-9)).mean() < level


@pytest.mark.parametrize("n, most", [(200, 99), (50, 99), (100, 19), (40, 999)])
def test_false_alarms_are_as_rare_as_is_said(n, most):
    rng = np.random.default_rng([n, most])
    sets = 20_000 if most < 500 else 4000
    low, high = band(n, most, 0.95)
    counts = np.array([counts_below(r, most) for r in rng.integers(0, most + 1, size=(sets, n))])
    alarms = ((counts < low) | (counts > high)).any(axis=1).mean()
    error = np.sqrt(0.05 * 0.95 / sets)
    assert 0.04 - 4 * error < alarms < 0.05 + 4 * error


def test_a_p_value_is_below_one_in_twenty_where_the_band_is_left():
    rng = np.random.default_rng(3)
    low, high = band(60, 19, 0.95)
    seen = set()
    for scale in np.repeat([1.0, 1.0, 0.6], 40):
        ranks = (rng.normal(size=(60, 19)) * scale < rng.normal(size=(60, 1))).sum(axis=1)
        counts = counts_below(ranks, 19)
        outside = bool(((counts < low) | (counts > high)).any())
        seen.add(outside)
        assert (p_value(ranks, 19) <= 0.05) == outside
    assert seen == {True, False}


@pytest.mark.parametrize("scale, shift, least", [(0.8, 0.0, 0.75), (1.0, 0.3, 0.9), (1.25, 0.0, 0.6)])
def test_wrong_posteriors_are_found(scale, shift, least):
    """Share of 200 studies of 200 replicates in which a posterior 20 % too narrow, 0.3 sd off, 25 % too wide leaves the band."""
    rng = np.random.default_rng(int(100 * scale + 10 * shift))
    found = 0
    for _ in range(200):
        draws = shift + scale * rng.normal(size=(200, 99))
        found += p_value((draws < rng.normal(size=(200, 1))).sum(axis=1), 99) <= 0.05
    assert found / 200 >= least


@pytest.mark.parametrize("scale, shift, words", [
    (0.6, 0.0, "too narrow"), (1.7, 0.0, "too wide"), (1.0, 0.7, "too high"), (1.0, -0.7, "too low"),
])  # fmt: skip
def test_what_departs_is_said(scale, shift, words):
    rng = np.random.default_rng(5)
    ranks = (shift + scale * rng.normal(size=(200, 99)) < rng.normal(size=(200, 1))).sum(axis=1)
    assert words in departure(ranks, 99)


def test_intervals_are_those_of_scipy():
    from scipy.stats import binom

    for n, share, level in [(200, 0.05, 0.99), (37, 0.5, 0.9), (1000, 0.1, 0.995), (5, 0.2, 0.5)]:
        assert interval(n, share, level) == tuple(int(x) for x in binom.interval(level, n, share))
    assert interval(10, 1.0, 0.95) == (10, 10)
