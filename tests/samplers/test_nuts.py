import functools
import os

import numpy as np
import pytest

import workbench.tensor as pt
from workbench.compile import function
from workbench.graph import Graph
from workbench.samplers import Nuts, NutsSettings, compiled_apart
from workbench.samplers.chain import Chain
from workbench.samplers.compound import Alone
from workbench.samplers.termination import checkpoint_rows

STATS = list(Nuts.stats)


def normal_target(d, backend_sd=None):
    sd = np.linspace(0.5, 3.0, d) if backend_sd is None else backend_sd
    q = pt.vector("q", d)
    z = q / pt.constant(sd)
    return Graph([q], [-0.5 * pt.sum(z * z), -z / pt.constant(sd)]), sd


@functools.cache
def sampler(backend, rows):
    """Compiled once for all targets."""
    chain = Chain(Alone(Nuts()))
    return [function(g.params, g.results, backend=backend) for g in (chain.init, chain.advance(rows))]


def linked(f, slots, backend):
    """A function of NUTS with what is for its slots in them."""
    slots = {**slots, **compiled_apart(backend, Nuts)}
    return f.link(**{name: slots[name] for name in f.slots})


def draw(graph, backend, total, tune, rows=64, budget=10_000, seed=5, settings=NutsSettings(), start=None):
    d = graph.params[0].type.shape[0]
    logp_grad = function(graph.params, graph.results, backend=backend)
    init, advance = (linked(f, {"logp_grad": logp_grad}, backend) for f in sampler(backend, rows))
    state = init(np.uint64(seed), np.ones(d) if start is None else start, *settings.arguments(d))
    draws, stats = [], []
    while sum(map(len, draws)) < total:
        wanted = min(rows, total - sum(map(len, draws)))
        *state, _, row, block, table = advance(*state, wanted, budget, tune)
        draws.append(block[: int(row)])
        stats.append(table[: int(row)])
    return np.concatenate(draws), np.concatenate(stats)


def stretches(depth):
    """Every balanced inner subtree of 2**depth leaves: (first, last), by brute force."""
    for level in range(1, depth + 1):
        for first in range(0, 2**depth, 2**level):
            yield first, first + 2**level - 1


@pytest.mark.parametrize("depth", range(1, 7))
def test_checkpoints_reach_both_halves_of_every_inner_subtree(depth):
    """At each odd leaf the rows hold the first leaves of the halves of exactly the subtrees that it ends."""
    leaf = pt.scalar("leaf", "int64")
    rows = function([leaf], list(checkpoint_rows(leaf)), backend="numpy")
    first, last, found = {}, {}, set()
    for n in range(2**depth):
        start, highest, lowest = (int(v) for v in rows(n))
        first[start] = n
        assert (highest < lowest) == (n % 2 == 0)
        assert start <= depth
        for row in range(highest, lowest - 1, -1):
            assert first[row + 1] == last[row] + 1 == (first[row] + n + 1) // 2
            found.add((first[row], n))
        last[min(start, lowest)] = n
    assert found == set(stretches(depth))


# On Numba, which takes a minute for this program, the draws of whole runs are compared (tests/inference/test_sampling.py).
@pytest.mark.parametrize("other", ["c", "numba", "jax"] if os.environ.get("WORKBENCH_TESTS") == "all" else ["c", "jax"])
def test_the_first_draws_are_the_same_on_every_backend(other):
    graph, _ = normal_target(7)
    a, sa = draw(graph, "numpy", 60, 50)
    b, sb = draw(graph, other, 60, 50)
    np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-8)
    assert np.array_equal(sa[:, STATS.index("n_steps")], sb[:, STATS.index("n_steps")])
    by_time = sa[25:42, STATS.index("tree_depth")] == 0
    assert by_time.any() and not by_time.all()


def test_draws_do_not_depend_on_chunks():
    graph, _ = normal_target(4)
    a, stats = draw(graph, "c", 400, 300)
    b, _ = draw(graph, "c", 400, 300, rows=7, budget=13)
    assert np.array_equal(a, b)
    assert np.all(stats[300:, STATS.index("tree_depth")] == 0)


def test_moments_of_a_normal_after_a_short_warm_up():
    graph, sd = normal_target(10, np.logspace(-2, 2, 10))
    draws, stats = draw(graph, "c", 4400, 400, rows=256)
    kept = draws[400:]
    # 4,000 draws of nearly independent normals: a bound of five standard errors.
    assert np.all(np.abs(kept.mean(0)) / sd < 5 / np.sqrt(2000))
    assert np.all(np.abs(kept.std(0) / sd - 1) < 5 / np.sqrt(2 * 1000))
    accept = stats[400:, STATS.index("acceptance_rate")].mean()
    assert 0.7 < accept < 0.92
    assert stats[400:, STATS.index("diverging")].sum() == 0


def test_a_correlated_normal():
    rho = 0.9
    precision = np.linalg.inv(np.array([[1.0, rho], [rho, 1.0]]))
    q = pt.vector("q", 2)
    g = pt.constant(precision) @ q
    draws, _ = draw(Graph([q], [-0.5 * pt.sum(q * g), -g]), "c", 8500, 500, rows=256)
    assert np.isclose(np.corrcoef(draws[500:].T)[0, 1], rho, atol=0.02)


def test_a_cliff_counts_as_a_divergence_and_is_never_entered():
    q = pt.vector("q", 2)
    inside = pt.sum(q) > 0.0
    lp = pt.where(inside, -0.5 * pt.sum(q * q), -float("inf"))
    draws, stats = draw(Graph([q], [lp, pt.where(inside, -q, 0.0)]), "c", 1500, 500)
    assert (draws.sum(axis=1) > 0).all()
    assert stats[:, STATS.index("diverging")].sum() > 0


def test_depth_is_limited():
    rho = 0.999
    precision = np.linalg.inv(np.array([[1.0, rho], [rho, 1.0]]))
    q = pt.vector("q", 2)
    g = pt.constant(precision) @ q
    _, stats = draw(Graph([q], [-0.5 * pt.sum(q * g), -g]), "c", 300, 200, settings=NutsSettings(max_treedepth=4, metric="diag"))
    depth, steps, full = (stats[:, STATS.index(name)] for name in ("tree_depth", "n_steps", "reached_max_treedepth"))
    # Draws are by trees, or by two trajectories of one time or more, which are no longer.
    assert depth.max() == 4 and steps[depth > 0].max() == 15
    assert 15 < steps[depth == 0].max() <= 16 * 15
    assert full[200:].any()
    assert (steps[full > 0] == 15).all()
    # A tree that turns as it reaches the limit was not cut by it.
    assert ((steps == 15) & (full == 0) & (depth == 4)).any()


def test_a_density_of_plus_infinity_is_a_divergence():
    """Beyond the line the density is a fault of the model; no draw is there, in warm-up or after."""
    q = pt.vector("q", 2)
    inside = pt.sum(q) > 0.0
    lp = pt.where(inside, -0.5 * pt.sum(q * q), float("inf"))
    draws, stats = draw(Graph([q], [lp, pt.where(inside, -q, 0.0)]), "c", 1500, 500)
    assert (draws.sum(axis=1) > 0).all()
    diverging = stats[:, STATS.index("diverging")] > 0
    assert diverging.any()
    assert (stats[diverging, STATS.index("max_energy_error")] == -np.inf).all()
    # Half of the plane, by symmetry: the mean of either coordinate is 1 / sqrt(pi).
    assert np.allclose(draws[500:].mean(axis=0), 1 / np.sqrt(np.pi), atol=0.12)


@pytest.mark.parametrize("fault", [np.nan, np.inf])
def test_a_point_without_a_gradient_is_a_divergence(fault):
    q = pt.vector("q", 2)
    inside = pt.sum(q) > 0.0
    draws, stats = draw(Graph([q], [-0.5 * pt.sum(q * q), pt.where(inside, -q, fault)]), "c", 1500, 500)
    assert (draws.sum(axis=1) > 0).all()
    assert stats[:, STATS.index("diverging")].any()


def test_a_far_start_falls_to_the_bulk():
    """From 1,000 standard deviations away, a fall of energy by 500,000 is no divergence in warm-up."""
    graph, sd = normal_target(2, np.array([1e-3, 1e3]))
    draws, stats = draw(graph, "c", 2300, 300)
    assert np.all(np.abs(draws[300:].std(0) / sd - 1) < 0.1)
    assert stats[30:, STATS.index("diverging")].sum() == 0
