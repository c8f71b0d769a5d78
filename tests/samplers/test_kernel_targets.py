"""Kernels, adapted from a far start, find distributions whose moments are known.

Means and standard deviations lie within 4 Monte Carlo standard errors, from means of batches, of the truth; and these
errors are at most 1.5 % of a standard deviation (0.4 % with WORKBENCH_TESTS=all), so that an error of 6 % is seen (1.5 %).
One of 1 % is seen from exact draws, in `test_kernel_invariance.py`.
"""

import os

import numpy as np
import pytest
from scipy import special

import workbench.tensor as pt
from workbench.graph import Graph
from workbench.samplers import (
    CorrelatedMetropolis,
    DEMetropolisZ,
    DEMetropolisZSettings,
    Hmc,
    HmcSettings,
    IntegerMetropolis,
    Mala,
    MalaSettings,
    Metropolis,
    MetropolisSettings,
    PoissonProposal,
    Slice,
    SliceSettings,
)
from workbench.transforms.gradient import grad

ALL = os.environ.get("WORKBENCH_TESTS") == "all"
LONGER = 16 if ALL else 1
BATCHES = 100


def rotated(sd, seed=0):
    """A covariance matrix with these standard deviations along axes that are turned at random."""
    turn = np.linalg.qr(np.random.default_rng(seed).normal(size=(len(sd), len(sd))))[0]
    return (turn * np.square(sd)) @ turn.T


def normal(covariance):
    mean = np.linspace(-1.0, 2.0, len(covariance))
    precision = pt.constant(np.linalg.inv(covariance))
    return lambda q: -0.5 * pt.sum((q - mean) * (precision @ (q - mean))), mean, np.sqrt(np.diag(covariance))


def beta(q):
    return -0.5 * pt.sum(pt.logaddexp(q, 0.0) + pt.logaddexp(-q, 0.0))


def skewed(q):
    return pt.sum(0.5 * q - pt.exp(q))


def two_modes(q):
    return pt.sum(pt.logaddexp(-0.5 * pt.square((q + 1.5) / 0.5) + np.log(0.4 / 0.5), -0.5 * pt.square(q - 1.5) + np.log(0.6)))


TARGETS = {
    "independent, condition 1e6": normal(np.diag(np.logspace(-6, 0, 4))),
    "turned, condition 1e6": normal(rotated(np.logspace(-3, 0, 4))),
    "turned, condition 1e4": normal(rotated(np.logspace(-2, 0, 4))),
    # Of the logarithm of the odds, whose cumulants are those of logarithms of gamma variables.
    "beta(0.5, 0.5)": (beta, np.zeros(2), np.full(2, np.sqrt(2 * special.polygamma(1, 0.5)))),
    "skewed": (skewed, np.full(2, special.digamma(0.5)), np.full(2, np.sqrt(special.polygamma(1, 0.5)))),
    "two modes": (two_modes, np.full(2, 0.3), np.full(2, np.sqrt(0.4 * (0.25 + 1.8**2) + 0.6 * (1 + 1.2**2)))),
}
EASY = ("beta(0.5, 0.5)", "skewed", "two modes")
COVARIANCE = rotated(np.logspace(-2, 0, 4))
CASES = [
    *((Hmc, HmcSettings(), t, 40_000) for t in ("independent, condition 1e6", "turned, condition 1e6")),
    *((Mala, MalaSettings(), t, 60_000) for t in ("independent, condition 1e6", "turned, condition 1e4")),
    (CorrelatedMetropolis, MetropolisSettings(S=COVARIANCE), "turned, condition 1e4", 300_000),
    (DEMetropolisZ, DEMetropolisZSettings(), "turned, condition 1e4", 300_000),
    (Metropolis, MetropolisSettings(), "independent, condition 1e6", 150_000),
    (Slice, SliceSettings(), "independent, condition 1e6", 40_000),
    *((kernel, settings, t, n) for t in EASY for kernel, settings, n in (
        (Hmc, HmcSettings(path_length=3.0), 200_000), (Mala, MalaSettings(), 300_000), (Metropolis, MetropolisSettings(), 150_000),
        (Slice, SliceSettings(), 60_000), (DEMetropolisZ, DEMetropolisZSettings(lamb=1.5), 300_000),
    )),
]  # fmt: skip


def judged(draws, mean, sd):
    """Compare moments with the truth, and say how well they are known."""
    batch = len(draws) // BATCHES * BATCHES
    first = draws[:batch].reshape(BATCHES, -1, draws.shape[1])
    for found, truth, unit in ((first, mean, sd), (np.square(first - mean), sd**2, 2 * sd**2)):
        means = found.mean(axis=1)
        error = means.std(axis=0, ddof=1) / np.sqrt(BATCHES)
        assert (error <= 0.01 * unit / np.sqrt(LONGER) * 1.5).all(), error / unit
        assert (np.abs(means.mean(axis=0) - truth) < 4 * error).all(), (means.mean(axis=0) - truth) / error


@pytest.mark.parametrize("kernel, settings, target, draws", [pytest.param(*c, id=f"{c[0].name}, {c[2]}") for c in CASES])
def test_means_and_standard_deviations_are_right(kernel, settings, target, draws, one_chain):
    density, mean, sd = TARGETS[target]
    q = pt.vector("q", len(mean))
    lp = density(q)
    graph = Graph([q], [lp, *grad(lp, [q])] if kernel.densities[0] == "logp_grad" else [lp])
    chain = one_chain(kernel, settings, graph).begin(mean + 3 * sd)
    tune = 4000
    draws, _ = chain.draw(tune + draws * LONGER, tune)
    judged(draws[tune:], mean, sd)


@pytest.mark.parametrize("settings", [MetropolisSettings(), MetropolisSettings(proposal_dist=PoissonProposal), MetropolisSettings(elementwise=False)])
def test_integers_are_drawn_by_their_probabilities(settings, one_chain):
    """A truncated geometric and a two-peaked distribution, against their probabilities by summation."""
    k = np.arange(-6, 9)
    table = np.stack([0.3 * np.abs(k), np.minimum(np.square(k + 3) / 4, np.square(k - 4) / 2)])
    q = pt.tensor("q", "int64", (2,))
    inside = pt.logical_and(pt.min(q) >= -6, pt.max(q) <= 8)
    at = pt.clip(q, -6, 8) + 6
    lp = pt.where(inside, -pt.constant(table)[0, at[0]] - pt.constant(table)[1, at[1]], -float("inf"))
    draws, _ = one_chain(IntegerMetropolis, settings, Graph([q], [lp])).begin([0, 0]).draw(402_000, 2000)
    for element, energies in enumerate(table):
        truth = np.exp(-energies) / np.exp(-energies).sum()
        hits = (draws[2000:, element, None] == k).reshape(BATCHES, -1, len(k)).mean(axis=1)
        error = hits.std(axis=0, ddof=1) / np.sqrt(BATCHES)
        assert (error < 0.004).all()
        assert (np.abs(hits.mean(axis=0) - truth) < 4.5 * error).all()


@pytest.mark.skipif(not ALL, reason="statistical: WORKBENCH_TESTS=all")
@pytest.mark.parametrize("kernel, settings", [(Hmc, HmcSettings()), (Mala, MalaSettings())])
def test_a_thousand_dimensions(kernel, settings, one_chain):
    """A normal with a condition of 1e6; the squared distance, in standard deviations, is that of a chi-square of 1000."""
    sd = np.logspace(-3, 0, 1000)
    q = pt.vector("q", 1000)
    z = q / pt.constant(sd)
    chain = one_chain(kernel, settings, Graph([q], [-0.5 * pt.sum(z * z), -z / pt.constant(sd)])).begin(sd)
    chain.draw(3000, 3000)
    distances, means, squares = [], [], []
    for _ in range(BATCHES):
        z = chain.draw(500, 3000)[0] / sd
        distances.append(np.square(z).sum(axis=1).mean())
        means.append(z.mean(axis=0))
        squares.append(np.square(z).mean(axis=0))
    for found, truth, scores in ((distances, 1000.0, 4), (means, 0.0, 5), (squares, 1.0, 5)):
        found = np.array(found)
        error = found.std(axis=0, ddof=1) / np.sqrt(BATCHES)
        assert (np.abs(found.mean(axis=0) - truth) < scores * error).all()
