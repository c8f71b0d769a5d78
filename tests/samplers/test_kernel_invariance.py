"""Each kernel leaves its target as it is: exactly where choices can be enumerated, else from exact draws of the target.

Chains that start at exact draws are exact draws after any number of transitions, each chain one of its own. With
40,000 of them (400,000 with WORKBENCH_TESTS=all) a distribution function is known to 0.5 % (0.15 %), its mean and
spread to less: errors of long runs that need hours to be seen are seen in seconds. Distribution functions are SciPy's.
"""

import functools
import itertools
import os

import numpy as np
import pytest
from scipy import stats

import workbench.tensor as pt
from workbench.compile import function
from workbench.graph import Graph
from workbench.samplers import (
    CauchyProposal,
    CorrelatedMetropolis,
    DEMetropolisZ,
    DEMetropolisZSettings,
    Hmc,
    HmcSettings,
    IntegerMetropolis,
    LaplaceProposal,
    Mala,
    MalaSettings,
    Metropolis,
    MetropolisSettings,
    PoissonProposal,
    Slice,
    SliceSettings,
    UniformProposal,
)
from workbench.samplers.de_metropolis_z import DEMetropolisZState
from workbench.samplers.hmc import HmcNumbers, HmcState
from workbench.transforms.gradient import grad

ALL = os.environ.get("WORKBENCH_TESTS") == "all"
NEVER = 1.0 - 2.0**-53

# Metropolis on a lattice, its transition matrix ------------------------------------------------------

N = 4
REACH = 3


@functools.cache
def update():
    """Where a draw of integer Metropolis on a lattice (N, N) leads, given its step and its uniform numbers."""
    x, table = pt.tensor("x", "int64", (2,)), pt.matrix("table", N, N)
    step, uniforms, together = pt.vector("step", 2), pt.vector("uniforms", 2), pt.scalar("together", "bool")

    class Scripted(IntegerMetropolis):
        def logp(self, x, rest):
            inside = pt.logical_and(pt.min(x) >= 0, pt.max(x) < N)
            at = pt.clip(x, 0, N - 1)
            return pt.where(inside, table[at[0], at[1]], -float("inf"))

        def steps(self, s):
            return step

        def uniform(self, s):
            return uniforms[s.element]

    kernel = Scripted()
    state = kernel.init(pt.constant(np.uint64(0)), x, None, pt.ones(2), pt.ones(2), pt.constant(0), together, pt.constant(0))
    state = kernel.begin(state)
    kind = type(state)
    end = kind(
        *pt.while_loop(
            lambda *s: pt.logical_not(kernel.finished(kind(*s))), lambda *s: list(kernel.tick(kind(*s), pt.constant(0))), list(state), kind._fields
        )
    )
    return function([x, table, step, uniforms, together], [end.x], backend="c")


def bracketed(call, probability, taken):
    """Check that a choice is made just below its probability, and not just above it."""
    assert taken(call(min(probability * (1 - 1e-12), NEVER))) or probability == 0.0
    assert probability >= 1.0 or not taken(call(probability * (1 + 1e-12)))


def transitions(weights, chances, together):
    """The transition matrix over the lattice, when steps are as probable as `chances` (2 REACH + 1, 2 REACH + 1) says."""
    run = update()
    with np.errstate(divide="ignore"):
        table = np.log(weights)

    def weight(at):
        return weights[at] if min(at) >= 0 and max(at) < N else 0.0

    P = np.zeros((N, N, N, N))
    for start in itertools.product(range(N), repeat=2):
        if weights[start] == 0.0:
            P[start][start] = 1.0
            continue
        for step in itertools.product(range(-REACH, REACH + 1), repeat=2):
            chance = chances[step[0] + REACH, step[1] + REACH]

            def call(*u, start=start, step=step):
                # A fraction that is rounded away.
                x = run(np.array(start), table, np.array(step) + 0.3, np.array(u + (0.5,) * (2 - len(u))), together)
                return tuple(int(i) for i in np.ravel(x))

            if together:
                end = (start[0] + step[0], start[1] + step[1])
                accept = min(1.0, weight(end) / weights[start])
                if end != start:
                    bracketed(call, accept, lambda x, end=end: x == end)
                P[start][end if accept else start] += chance * accept
                P[start][start] += chance * (1 - accept)
                continue
            first = (start[0] + step[0], start[1])
            accept = min(1.0, weight(first) / weights[start])
            if step[0]:
                bracketed(lambda u: call(u, NEVER), accept, lambda x, first=first: x[0] == first[0])
            for moved, share in ((first, accept), (start, 1 - accept)):
                if share == 0.0:
                    continue
                u = 0.0 if moved == first else NEVER
                second = (moved[0], moved[1] + step[1])
                after = min(1.0, weight(second) / weight(moved))
                if step[1] and (u == 0.0 or accept < 1.0):
                    bracketed(lambda v, u=u: call(u, v), after, lambda x, second=second: x == second)
                P[start][second if after else moved] += chance * share * after
                P[start][moved] += chance * share * (1 - after)
    P = P.reshape(N * N, N * N)
    np.testing.assert_allclose(P.sum(axis=1), 1.0, rtol=1e-13)
    return P


def lattice(seed):
    rng = np.random.default_rng(seed)
    weights = rng.gamma(0.7, size=(N, N))
    weights[2, 1] = 0.0
    weights /= weights.sum()
    steps = np.arange(-REACH, REACH + 1)
    one = np.exp(-0.5 * (steps / 1.3) ** 2)
    independent = np.outer(one, one)
    correlated = np.exp(-0.5 * (steps[:, None] ** 2 + steps**2 - 1.8 * np.outer(steps, steps)))
    return weights, independent / independent.sum(), correlated / correlated.sum()


@pytest.mark.parametrize("seed", range(3))
def test_metropolis_keeps_a_lattice_distribution_element_by_element(seed):
    weights, independent, _ = lattice(seed)
    P = transitions(weights, independent, together=False)
    np.testing.assert_allclose(weights.ravel() @ P, weights.ravel(), atol=1e-15)


@pytest.mark.parametrize("seed", range(3))
def test_metropolis_of_whole_blocks_flows_both_ways_alike(seed):
    weights, _, correlated = lattice(seed)
    flow = weights.ravel()[:, None] * transitions(weights, correlated, together=True)
    np.testing.assert_allclose(flow, flow.T, atol=1e-16)


def test_a_correlated_step_taken_in_part_would_change_the_distribution():
    """Why a covariance's steps are made whole: taken element by element they would not keep the target."""
    weights, _, correlated = lattice(0)
    P = transitions(weights, correlated, together=False)
    assert np.abs(weights.ravel() @ P - weights.ravel()).max() > 1e-3
    settings = MetropolisSettings(S=np.eye(2), elementwise=True)
    assert settings.arguments(2)[3]


# Steps --------------------------------------------------------------------------------------------


def test_poisson_steps_are_counts_less_their_mean_in_either_direction():
    key, width = pt.scalar("key", "uint64"), pt.vector("width", "d")
    draw = function([key, width], [PoissonProposal.steps(key, width)], backend="c")
    steps = np.ravel([draw(np.uint64(i), np.full(200, 2.4)) for i in range(200)])
    for k in range(7):
        for sign in (1, -1):
            expected = 0.5 * stats.poisson.pmf(k, 2.4)
            found = np.isclose(steps, sign * (k - 2.4)).mean()
            assert abs(found - expected) < 4 * np.sqrt(expected / 40_000), (k, sign)


def test_differences_of_any_two_past_draws_are_as_probable(one_chain):
    """On a flat density, with three past draws and next to no noise, all six differences are steps."""
    q = pt.vector("q", 2)
    settings = DEMetropolisZSettings(lamb=1.0, scaling=1e-12, tune=None, capacity=3)
    chain = one_chain(DEMetropolisZ, settings, Graph([q], [0.0 * pt.sum(q)])).begin([0.0, 0.0])
    past = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 3.0]])
    fill(chain, past)
    draws, _ = chain.draw(6_000, 0)
    steps = np.round(np.diff(draws, axis=0), 6)
    for i, j in itertools.permutations(range(3), 2):
        share = (steps == past[i] - past[j]).all(axis=1).mean()
        assert abs(share - 1 / 6) < 4 * np.sqrt(1 / 6 / 6_000), (i, j)


def fill(chain, past):
    """Give a chain all of its past."""
    fields = DEMetropolisZState._fields
    chain.state[fields.index("history")] = np.ascontiguousarray(past)
    chain.state[fields.index("kept")] = np.asarray(len(past))


def test_the_past_is_forgotten_in_order_and_stays_once_it_is_full(one_chain):
    q = pt.vector("q", 1)
    settings = DEMetropolisZSettings(capacity=40, tune_drop_fraction=0.75, scaling=0.5)
    chain = one_chain(DEMetropolisZ, settings, Graph([q], [-0.5 * pt.sum(q * q)])).begin([0.0])

    def past():
        s = DEMetropolisZState._make(chain.state[:-1])
        rows = (int(s.oldest) + np.arange(int(s.kept))) % 40
        return s.history[rows, 0]

    early = chain.draw(30, 100)[0][:, 0]
    assert np.array_equal(past(), early)
    early = np.concatenate([early, chain.draw(69, 100)[0][:, 0]])
    assert np.array_equal(past(), early[-40:])
    early = np.concatenate([early, chain.draw(1, 100)[0][:, 0]])
    assert np.array_equal(past(), early[-10:])
    late = chain.draw(20, 100)[0][:, 0]
    assert np.array_equal(past(), np.concatenate([early[-10:], late]))
    late = np.concatenate([late, chain.draw(50, 100)[0][:, 0]])
    assert np.array_equal(past(), np.concatenate([early[-10:], late[:30]]))


# Trajectories -------------------------------------------------------------------------------------


class Scripted(HmcNumbers):
    """Numbers that a test chooses."""

    def __init__(self):
        self.v, self.u, self.jittered = pt.vector("v", 2), pt.scalar("u"), pt.scalar("jitter")

    def velocity(self, s):
        return self.v

    def jitter(self, s):
        return self.jittered

    def accept(self, s):
        return self.u


def anharmonic(m, q):
    a, b = q[0], q[1]
    return -(a**4 / 4 + b**4 / 4 + a * a * b * b / 2 + a * b / 3), -m.stack([a**3 + a * b * b + b / 3, b**3 + a * a * b + a / 3])


def cliff(m, q):
    lp, g = anharmonic(m, q)
    return m.where(q[0] > 0.9, -np.inf, lp), g


def spike(m, q):
    lp, g = anharmonic(m, q)
    return m.where(q[0] > 0.9, np.inf, lp), g


@functools.cache
def trajectory(density, kind):
    q, numbers = pt.vector("q", 2), Scripted()
    step, length, scale = pt.scalar("step"), pt.scalar("length"), pt.vector("scale", 2)

    class OfDensity(kind):
        def logp_grad(self, x, rest):
            return density(pt, x)

    kernel = OfDensity(numbers=numbers)
    state = kernel.init(pt.constant(np.uint64(0)), q, None, pt.constant(0.8), length, pt.constant(1000), step, pt.zeros((0, 2)), pt.zeros((0, 2)))
    state = kernel.begin(state._replace(scale=scale))
    end = HmcState(
        *pt.while_loop(
            lambda *s: pt.logical_not(HmcState(*s).ended), lambda *s: list(kernel.tick(HmcState(*s), pt.constant(0))), list(state), HmcState._fields
        )
    )
    params = [q, numbers.v, numbers.u, numbers.jittered, step, length, scale]
    return function(params, [end.proposal_q, end.v, end.accept, end.leapfrogs, end.diverging], backend="c")


@pytest.mark.parametrize("kind", [Hmc, Mala])
@pytest.mark.parametrize("density", [anharmonic, cliff, spike])
def test_a_trajectory_flows_both_ways_alike(density, kind):
    """From (q, v) to (q', v'), made here by NumPy, and back from (q', -v'): the flows of probability are one."""
    call = trajectory(density, kind)
    rng = np.random.default_rng(3)
    taken = diverged = 0
    for _ in range(60):
        step, jitter, scale = rng.uniform(0.2, 0.7), rng.uniform(), rng.uniform(0.5, 1.5, 2)
        q, v = rng.normal(size=2) * 0.6, rng.normal(size=2) * 1.3
        h = step * (0.85 + 0.3 * jitter) if kind is Hmc else step
        n = int(np.floor(1.9 / h)) if kind is Hmc else 1
        if not np.isfinite(density(np, q)[0]):
            continue

        def energy(q, v):
            return 0.5 * v @ v - density(np, q)[0]

        at, w, lost = q, v, False
        for _ in range(n):
            w = w + 0.5 * h * scale * density(np, at)[1]
            at = at + h * scale * w
            w = w + 0.5 * h * scale * density(np, at)[1]
            lost = lost or not np.isfinite(energy(at, w))
        accept = 0.0 if lost else min(1.0, np.exp(energy(q, v) - energy(at, w)))

        def run(start, velocity, u):
            return call(start, velocity, u, jitter, step, 1.9, scale)

        for u, moves in ((accept * (1 - 1e-9), True), (accept * (1 + 1e-9), False)):
            if 0.0 < u < 1.0:
                assert np.allclose(run(q, v, u)[0], at if moves else q, rtol=1e-10)
        end, w_end, found, leapfrogs, diverging = run(q, v, 0.0)
        if lost:
            assert np.array_equal(end, q) and float(found) == 0.0 and bool(diverging)
            diverged += 1
            continue
        assert int(leapfrogs) == n and np.allclose(w_end, w, rtol=1e-10)
        back, _, again, *_ = run(at, -w, 0.0)
        assert np.allclose(back, q, rtol=1e-9, atol=1e-9)
        flow, reverse = np.exp(-energy(q, v)) * float(found), np.exp(-energy(at, -w)) * float(again)
        np.testing.assert_allclose(flow, reverse, rtol=1e-9)
        taken += 1
    assert taken > 20 and (diverged > 3 or density is anharmonic)


# From exact draws ---------------------------------------------------------------------------------


def softplus(x):
    return pt.logaddexp(x, 0.0)


TARGETS = {
    "beta(0.5, 0.5)": (
        lambda x: -0.5 * (softplus(x) + softplus(-x)),
        lambda rng, shape: logit(rng.beta(0.5, 0.5, shape)),
        lambda x: stats.beta.cdf(1 / (1 + np.exp(-x)), 0.5, 0.5),
    ),
    "skewed": (
        lambda x: 0.5 * x - pt.exp(x),
        lambda rng, shape: np.log(rng.gamma(0.5, size=shape)),
        lambda x: stats.gamma.cdf(np.exp(x), 0.5),
    ),
    "two modes": (
        lambda x: pt.logaddexp(-0.5 * pt.square((x + 1.5) / 0.5) + np.log(0.4 / 0.5), -0.5 * pt.square(x - 1.5) + np.log(0.6)),
        lambda rng, shape: np.where(rng.uniform(size=shape) < 0.4, -1.5 + 0.5 * rng.normal(size=shape), 1.5 + rng.normal(size=shape)),
        lambda x: 0.4 * stats.norm.cdf(x, -1.5, 0.5) + 0.6 * stats.norm.cdf(x, 1.5),
    ),
}
ELEMENTS = 8
KERNELS = {
    "metropolis": (Metropolis, MetropolisSettings(scaling=2.0)),
    "metropolis, uniform": (Metropolis, MetropolisSettings(scaling=3.0, proposal_dist=UniformProposal)),
    "metropolis, cauchy": (Metropolis, MetropolisSettings(scaling=1.0, proposal_dist=CauchyProposal)),
    "metropolis, laplace": (Metropolis, MetropolisSettings(scaling=0.7, proposal_dist=LaplaceProposal, elementwise=False)),
    "metropolis, covariance": (CorrelatedMetropolis, MetropolisSettings(S=0.2 * (0.5 + 0.5 * np.eye(ELEMENTS)))),
    "slice": (Slice, SliceSettings(w=1.0)),
    "slice, two steps": (Slice, SliceSettings(w=0.7, iter_limit=2)),
    "slice, no step": (Slice, SliceSettings(w=3.0, iter_limit=0)),
    "hmc": (Hmc, HmcSettings(path_length=2.0, step_scale=1.5)),
    "mala": (Mala, MalaSettings(step_scale=1.8)),
    "de metropolis z": (DEMetropolisZ, DEMetropolisZSettings(capacity=20, scaling=0.3, lamb=0.3)),
}
MANY = 400_000 if ALL else 40_000
TRANSITIONS = 3


def logit(y):
    # Draws that are 0 or 1 in double precision lie beyond all that is looked at.
    return np.log(y) - np.log1p(-np.minimum(y, 1 - 2**-53))


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("case", KERNELS)
def test_exact_draws_stay_exact(case, target, one_chain):
    kernel, settings = KERNELS[case]
    log_density, exact, cdf = TARGETS[target]
    q = pt.vector("q", ELEMENTS)
    lp = pt.sum(log_density(q))
    chain = one_chain(kernel, settings, Graph([q], [lp, *grad(lp, [q])] if kernel.densities[0] == "logp_grad" else [lp]))
    rng = np.random.default_rng(17)
    starts = exact(rng, (MANY // ELEMENTS, ELEMENTS))
    past = exact(rng, (20, ELEMENTS))
    ends, moved = np.empty_like(starts), np.empty_like(starts)
    for i, start in enumerate(starts):
        chain.begin(start, seed=i)
        if kernel is DEMetropolisZ:
            fill(chain, past)
        elif kernel in (Hmc, Mala):
            # The first scale depends on the start.
            chain.state[HmcState._fields.index("scale")] = np.ones(ELEMENTS)
        draws, _ = chain.draw(TRANSITIONS, 0)
        ends[i], moved[i] = draws[-1], draws[-1] != start
    # As many start where they are again as the kernel does not move.
    assert moved.mean() > 0.1
    u = np.sort(cdf(ends).ravel())
    n = u.size
    distance = max(np.max(np.arange(1, n + 1) / n - u), np.max(u - np.arange(n) / n)) * np.sqrt(n)
    # Kolmogorov's distribution: 2.2 is reached once in 8,000 times.
    assert distance < 2.2
    assert abs(u.mean() - 0.5) < 4 * np.sqrt(1 / 12 / n)
    assert abs(np.square(u - 0.5).mean() - 1 / 12) < 4 * np.sqrt(1 / 180 / n)
