import numpy as np
import pytest

import workbench.tensor as pt
from workbench.compile import function
from workbench.graph import Graph
from workbench.samplers import STATS, Nuts, NutsSettings
from workbench.samplers.termination import checkpoint_rows


def normal_target(d, backend_sd=None):
    sd = np.linspace(0.5, 3.0, d) if backend_sd is None else backend_sd
    q = pt.vector("q", d)
    z = q / pt.constant(sd)
    return Graph([q], [-0.5 * pt.sum(z * z), -z / pt.constant(sd)]), sd


def draw(graph, backend, total, tune, rows=64, budget=10_000, seed=5, settings=NutsSettings(), start=None):
    nuts = Nuts(graph, settings)
    init = function(nuts.init.params, nuts.init.results, backend=backend)
    step = nuts.advance(rows)
    advance = function(step.params, step.results, backend=backend)
    state = init(np.uint64(seed), np.ones(nuts.d) if start is None else start)
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
def test_checkpoints_reach_every_inner_subtree(depth):
    """The kept rows at each odd leaf are the first leaves of exactly the subtrees that it ends."""
    leaf = pt.scalar("leaf", "int64")
    rows = function([leaf], list(checkpoint_rows(leaf, 99)), backend="numpy")
    kept, found = {}, set()
    for n in range(2**depth):
        keep, highest, lowest = (int(v) for v in rows(n))
        if n % 2 == 0:
            kept[keep] = n
            assert highest < lowest
        else:
            assert keep == 99
            for row in range(highest, lowest - 1, -1):
                found.add((kept[row], n))
    assert found == set(stretches(depth))


def recursive_nuts(logp_grad, q, v, step, depth_limit, directions):
    """A plain recursive tree (oracle): where it ends and whether it turned, for given directions."""

    def leapfrog(q, v, sign):
        v = v + 0.5 * sign * step * logp_grad(q)[1]
        q = q + sign * step * v
        return q, v + 0.5 * sign * step * logp_grad(q)[1]

    def turned(vs):
        rho = sum(vs)
        return rho @ vs[0] <= 0 or rho @ vs[-1] <= 0

    def build(q, v, sign, depth):
        """Leaves of a subtree in order of making, or None when an inner one turned."""
        if depth == 0:
            q, v = leapfrog(q, v, sign)
            return [(q, v)]
        left = build(q, v, sign, depth - 1)
        if left is None:
            return None
        right = build(*left[-1], sign, depth - 1)
        if right is None:
            return None
        leaves = left + right
        return None if turned([v for _, v in leaves]) else leaves

    trajectory = [(q, v)]
    count = 0
    for depth in range(depth_limit):
        sign = directions[depth]
        end = trajectory[-1] if sign > 0 else trajectory[0]
        leaves = build(*end, sign, depth)
        if leaves is None:
            return depth, None
        count += len(leaves)
        old = trajectory
        trajectory = trajectory + leaves if sign > 0 else leaves[::-1] + trajectory
        vs = [v for _, v in trajectory]
        seam = len(old) if sign > 0 else len(leaves)
        if turned(vs) or turned(vs[: seam + 1]) or turned(vs[seam - 1 :]):
            return depth + 1, count
    return depth_limit, count


def test_tree_depths_agree_with_a_recursive_sampler():
    """Same momentum, step and directions: the iterative sampler builds the tree that recursion builds."""
    d = 3
    graph, sd = normal_target(d)

    def logp_grad(q):
        return -0.5 * np.sum((q / sd) ** 2), -q / sd**2

    nuts = Nuts(graph, NutsSettings(max_treedepth=6))
    init = function(nuts.init.params, nuts.init.results, backend="numpy")
    step_graph = nuts.advance(1)
    advance = function(step_graph.params, step_graph.results, backend="numpy")
    fields = type(nuts.init.results) and list(__import__("workbench.samplers.state", fromlist=["NutsState"]).NutsState._fields)
    compared = 0
    for seed in range(40):
        state = init(np.uint64(seed), np.full(d, 0.3))
        values = dict(zip(fields, state))
        scale, step = values["scale"], float(values["step"])
        word = int(pt.random.fold_in(pt.random.fold_in(pt.constant(np.uint64(seed)), 0), 1).eval())
        directions = [1 if word >> k & 1 else -1 for k in range(6)]
        # In whitened space the metric is the identity.
        white = lambda z, s=scale: (logp_grad(z * s)[0], logp_grad(z * s)[1] * s)
        depth, count = recursive_nuts(white, values["q_left"] / scale, values["v_left"], step, 6, directions)
        *_, table = advance(*state, 1, 10_000, 0)
        row = dict(zip(STATS, table[0]))
        assert int(row["tree_depth"]) == depth, seed
        if count is not None:
            assert int(row["n_steps"]) == count, seed
            compared += 1
    assert compared >= 10


@pytest.mark.parametrize("other", ["c", "numba", "jax"])
def test_the_first_draws_are_the_same_on_every_backend(other):
    graph, _ = normal_target(7)
    a, sa = draw(graph, "numpy", 60, 50)
    b, sb = draw(graph, other, 60, 50)
    np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-8)
    assert np.array_equal(sa[:, STATS.index("n_steps")], sb[:, STATS.index("n_steps")])


def test_draws_do_not_depend_on_chunks():
    graph, _ = normal_target(4)
    a, _ = draw(graph, "c", 300, 200)
    b, _ = draw(graph, "c", 300, 200, rows=7, budget=13)
    assert np.array_equal(a, b)


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
    graph, _ = normal_target(2, np.array([1e-3, 1e3]))
    _, stats = draw(graph, "c", 40, 20, settings=NutsSettings(max_treedepth=4))
    assert stats[:, STATS.index("tree_depth")].max() <= 4
    assert stats[:, STATS.index("n_steps")].max() <= 15
    assert stats[:, STATS.index("reached_max_treedepth")].any()
