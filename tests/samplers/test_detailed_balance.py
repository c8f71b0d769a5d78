"""NUTS is reversible: on one orbit, the flow of probability from any point to any other equals that back.

An orbit of the leapfrog integrator is a row of points z_i, made here by NumPy. From every z_i the
sampler builds its tree for every sequence of directions. Where trees end is read off the sampler; each
of its choices is bracketed: with a uniform number a relative 1e-12 below the multinomial probability
(from the energies computed here) it must take the new point, a relative 1e-12 above it must not. What
follows is the transition matrix P, exactly, and ``exp(-H_i) P_ij = exp(-H_j) P_ji`` must hold for all
pairs. A test like this sees what long runs show as too large a variance: trees that grow from z_i and
hold z_j, but would not have grown from z_j.

Trajectories of one time are enumerated the same way: from every point, both ways, for every length that a time is varied to.
"""

import functools
import itertools
import os

import numpy as np
import pytest

import workbench.tensor as pt
from workbench.compile import function
from workbench.samplers import Nuts
from workbench.samplers.nuts import MAX_TIMED_RANGE
from workbench.samplers.random_numbers import RandomNumbers
from workbench.samplers.state import NutsState

STATS = list(Nuts.stats)
NEVER = 1.0 - 2.0**-53
DEPTHS = (1, 2, 3, 4, 5) if os.environ.get("WORKBENCH_TESTS") == "all" else (1, 2, 4)


class Scripted(RandomNumbers):
    """Numbers that a test chooses; velocities, times and choices of ends by trajectory."""

    def __init__(self):
        self.v, self.word = pt.matrix("v", "trajectories", "d"), pt.scalar("word", "int64")
        self.durations, self.ends = pt.vector("durations", "trajectories"), pt.vector("ends", "trajectories")
        self.leaves, self.merges = pt.vector("leaves", 64), pt.vector("merges", 8)

    def velocity(self, s):
        return self.v[s.trajectory]

    def duration(self, s):
        return self.durations[s.trajectory]

    def end(self, s):
        return self.ends[s.trajectory]

    def forward(self, s):
        return pt.equal((self.word >> s.depth) & 1, 1)

    def leaf(self, s):
        return self.leaves[s.leapfrogs - 1]

    def merge(self, s):
        return self.merges[s.depth]

    def jitter(self, s):
        return pt.constant(0.5)


@functools.cache
def one_draw():
    """A draw from (q, v): what a call with scripted numbers and a budget of leapfrogs tells; of any density, size and depth."""
    q, numbers, target = pt.vector("q", "d"), Scripted(), pt.constant(0.8)
    checkpoints = pt.matrix("checkpoints", "levels", "d")
    nuts = Nuts(numbers=numbers)
    step, time, count, budget = pt.scalar("step"), pt.scalar("time"), pt.scalar("count", "int64"), pt.scalar("budget", "int64")
    none = pt.zeros((0, q.shape[0]))
    state = nuts.init(pt.constant(np.uint64(0)), q, None, target, checkpoints, none, none)
    state = nuts.begin(state._replace(scale=pt.ones_like(q), log_step=pt.log(step), time=time, trajectories=count))

    def going(*carried):
        return pt.logical_and(~nuts.finished(NutsState(*carried[:-1])), carried[-1] < budget)

    def body(*carried):
        return [*nuts.tick(NutsState(*carried[:-1]), pt.constant(0)), carried[-1] + 1]

    *fields, done = pt.while_loop(going, body, [*state, 0], (*NutsState._fields, "done"))
    end = NutsState(*fields)
    stats = pt.stack([pt.cast(x, "float64") for x in nuts.statistics(end)])
    results = [pt.cast(end.ended, "int64"), done, end.depth, end.sub_index, end.proposal_index, stats, end.proposal_q]
    given = [numbers.v, numbers.word, numbers.leaves, numbers.merges, numbers.durations, numbers.ends, step, time, count, budget]
    return function([checkpoints, q, *given], results, backend="c")


@functools.cache
def draw_of(density, d, depth):
    q = pt.vector("q", d)
    made = one_draw().link(logp_grad=function([q], list(density(pt, q)), backend="c"))
    return functools.partial(made, np.zeros((depth + 1, d)))


def orbit(density, q, v, step, before, after):
    """Points (q, v, H), `before` leapfrogs behind the start to `after` ahead of it."""

    def leapfrog(q, v, h):
        v = v + 0.5 * h * density(np, q)[1]
        q = q + h * v
        return q, v + 0.5 * h * density(np, q)[1]

    back, ahead = [(q, v)], [(q, v)]
    with np.errstate(all="ignore"):
        for _ in range(before):
            back.append(leapfrog(*back[-1], -step))
        for _ in range(after):
            ahead.append(leapfrog(*ahead[-1], step))
        points = back[:0:-1] + ahead
        return [(q, v, 0.5 * v @ v - density(np, q)[0]) for q, v in points]


def weights_of(points):
    """Weights of points by their energies; those of no density, or of an infinite one, have none."""
    energies = np.array([h for *_, h in points])
    finite = np.isfinite(energies)
    return np.where(finite, np.exp(-np.where(finite, energies - energies[finite].min(), 0.0)), 0.0)


def bracket(p, taken, within=1e-12):
    """The sampler takes below `p`, and not above."""
    assert taken(p * (1 - within)), f"a choice of probability {p} is not made"
    above = p * (1 + within)
    assert above >= NEVER or not taken(above), f"a choice of probability {p} is made too often"


class Trees:
    """All trees of depth `depth` at most that start in `window` points of an orbit."""

    def __init__(self, density, q, v, step, depth, window):
        self.depth, self.window, self.reach = depth, window, 2**depth - 1
        self.points = orbit(density, q, v, step, self.reach, window - 1 + self.reach)
        self.weights = weights_of(self.points)
        self.call = draw_of(density, len(q), depth)
        self.step = step
        self.known = {}
        self.depths, self.divergences = set(), 0

    def run(self, start, word, leaves=None, merges=None, budget=10_000):
        q, v, _ = self.points[start + self.reach]
        u, m = np.full(64, NEVER), np.full(8, NEVER)
        for script, given in ((u, leaves), (m, merges)):
            for at, value in (given or {}).items():
                script[at] = value
        return self.call(q, v[None], word, u, m, np.zeros(1), np.zeros(1), self.step, 0.0, 0, budget)

    def subtree(self, start, prefix):
        """Candidate distribution (index -> probability) of a whole subtree, its choices bracketed."""
        if (start, prefix) in self.known:
            return self.known[start, prefix]
        level, sign = len(prefix) - 1, 1 if prefix[-1] else -1
        low = high = start
        for k, ahead in enumerate(prefix[:-1]):
            low, high = (low, high + 2**k) if ahead else (low - 2**k, high)
        edge = high if sign > 0 else low
        word = sum(bit << k for k, bit in enumerate(prefix))
        made = 2**level - 1
        total, members = 0.0, []
        for leaf in range(2**level):
            at = edge + sign * (leaf + 1)
            w = self.weights[at + self.reach]
            total += w
            members.append(at)
            if leaf and w > 0:
                n = made + leaf + 1
                bracket(
                    w / total,
                    lambda u, n=n, at=at: int(self.run(start, word, {n - 1: u}, budget=n)[3]) == at - start,
                )
        main = self.weights[np.arange(low, high + 1) + self.reach].sum()
        after = made + 2**level

        def merged(u):
            row, _, _, _, proposal, stats, _ = self.run(start, word, merges={level: u}, budget=after)
            index = int(stats[STATS.index("index_in_trajectory")]) if row else int(proposal)
            return (start + index) in members

        take = min(1.0, total / main)
        if take > 0:  # What lies 1000 higher has no weight in double precision.
            bracket(take, merged)
        found = {at: self.weights[at + self.reach] / (total or 1.0) for at in members}, take
        self.known[start, prefix] = found
        return found

    def row(self, start):
        """Transition probabilities from one point: over all directions, all choices."""
        probabilities = np.zeros(len(self.points))
        if self.weights[start + self.reach] == 0.0:
            probabilities[start + self.reach] = 1.0
            return probabilities
        for bits in itertools.product((0, 1), repeat=self.depth):
            word = sum(bit << k for k, bit in enumerate(bits))
            stats = dict(zip(STATS, self.run(start, word)[5]))
            depth = int(stats["tree_depth"])
            self.depths.add(depth)
            self.divergences += int(stats["diverging"])
            now = {start: 1.0}
            for k in range(depth):
                candidates, take = self.subtree(start, bits[: k + 1])
                now = {at: p * (1 - take) for at, p in now.items()}
                for at, p in candidates.items():
                    now[at] = now.get(at, 0.0) + take * p
            for at, p in now.items():
                probabilities[at + self.reach] += p / 2**self.depth
        return probabilities

    def matrix(self):
        rows = np.array([self.row(i) for i in range(self.window)])
        np.testing.assert_allclose(rows.sum(axis=1), 1.0, rtol=1e-12)
        return rows[:, self.reach : self.reach + self.window], self.weights[self.reach : self.reach + self.window]


def gaussian(m, q):
    scales = np.array([1.0, 0.37, 2.1])[: q.shape[0] if m is np else q.type.shape[0]]
    precision = 1.0 / scales**2
    return -0.5 * m.sum(q * q * precision), -q * precision


def anharmonic(m, q):
    """A quartic oscillator, with coupling."""
    a, b = q[0], q[1]
    return -(a**4 / 4 + b**4 / 4 + a * a * b * b / 2 + a * b / 3), -m.stack([a**3 + a * b * b + b / 3, b**3 + a * a * b + a / 3])


def terrace(m, q):
    """The same with a plateau 1000 below it: energies of two points are a little less, or more, than 1000 apart."""
    lp, g = anharmonic(m, q)
    return lp - m.where(q[0] + q[1] > 1.1, 1000.0, 0.0), g


def cliff(m, q):
    """No density beyond a line."""
    lp, g = anharmonic(m, q)
    return m.where(q[0] > 1.3, -np.inf, lp), g


def spike(m, q):
    """A density of plus infinity beyond a line, which is a fault and no good place."""
    lp, g = anharmonic(m, q)
    return m.where(q[0] > 1.3, np.inf, lp), g


CASES = {
    "gaussian, one dimension": (gaussian, 1, 0.35, 0),
    "gaussian": (gaussian, 3, 0.3, 0),
    "gaussian, rough steps": (gaussian, 2, 0.62, 0),
    "anharmonic": (anharmonic, 2, 0.25, 0),
    "anharmonic, rough steps": (anharmonic, 2, 0.8, 0),
    "terrace": (terrace, 2, 0.75, 1),
    "cliff": (cliff, 2, 0.3, 1),
    "spike": (spike, 2, 0.3, 1),
}


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("case", CASES)
def test_flow_of_probability_is_the_same_both_ways(case, depth):
    density, d, step, diverges = CASES[case]
    depths, divergences = set(), 0
    for seed in range(4):
        rng = np.random.default_rng([seed, d])
        trees = Trees(density, rng.normal(size=d) * 0.8, rng.normal(size=d) * 1.5, step, depth, 2**depth)
        P, weights = trees.matrix()
        flow = weights[:, None] * P
        apart = np.abs(flow - flow.T)
        i, j = np.unravel_index(apart.argmax(), flow.shape)
        assert apart.max() <= 1e-12 * weights.max(), f"from {i} to {j} flows {flow[i, j]}, back {flow[j, i]}"
        depths |= trees.depths
        divergences += trees.divergences
    # Trees that are cut by the limit, trees that turn and, where they should, trees that diverge were seen.
    assert max(depths) == depth or depth > 2
    assert len(depths) > 1 or depth < 3
    assert divergences or not diverges or depth < 3


LONGEST = 6
"""Doublings of a tree, of whose length trajectories may be."""


def timed(density, q, velocities, word, durations, ends, step, time):
    """A draw by a trajectory from each velocity: where it ends, and statistics."""
    call = draw_of(density, len(q), LONGEST)
    none = np.zeros(64)
    ended, *_, stats, last = call(q, np.array(velocities), word, none, none[:8], np.array(durations), np.array(ends), step, time, len(velocities), 10_000)
    assert ended
    return last, dict(zip(STATS, stats))


@pytest.mark.parametrize("case", CASES)
def test_flow_of_probability_of_trajectories_of_one_time_is_the_same_both_ways(case):
    density, d, step, diverges = CASES[case]
    # At 0.8 these orbits are unstable, and part by rounding on the way there and back.
    step = 0.6 if case == "anharmonic, rough steps" else step
    window, reach, time, lengths, refused = 6, 7, 5.0 * step, set(), 0
    for seed in range(4):
        rng = np.random.default_rng([seed, d])
        q, v = rng.normal(size=d) * 0.8, rng.normal(size=d) * 1.5
        points = orbit(density, q, v, step, reach, window - 1 + reach)
        weights = weights_of(points)
        for u in np.linspace(0.01, 0.99, 12):
            P = np.zeros((len(points), len(points)))
            for start in range(len(points)):
                q, v, _ = points[start]
                if weights[start] == 0.0:
                    continue
                for word in (0, 1):
                    last, stats = timed(density, q, [v], word, [u], [0.0], step, time)
                    steps = int(stats["n_steps"])
                    if stats["diverging"]:
                        # Refused, whatever the number; what it would have reached is not known to the sampler.
                        assert np.array_equal(last, q) and stats["index_in_trajectory"] == 0 and stats["acceptance_rate"] == 0.0
                        refused += 1
                        continue
                    wanted = max(1, round(time * (0.7 + 0.6 * u) / step))
                    if steps != wanted:
                        # Made again with finer steps, which have an orbit of their own.
                        energies = [h for *_, h in orbit(density, q, v, step, 0 if word else wanted, wanted if word else 0)]
                        assert np.ptp(energies) > MAX_TIMED_RANGE
                        continue
                    lengths.add(steps)
                    end = start + (steps if word else -steps)
                    if not 0 <= end < len(points):
                        continue
                    np.testing.assert_allclose(last, points[end][0], rtol=1e-9, atol=1e-9)
                    p = min(1.0, weights[end] / weights[start])
                    # Rough steps part what differs by rounding: energies here are of an orbit from its middle.
                    bracket(p, lambda x, a=(q, v, word, u): timed(density, a[0], [a[1]], a[2], [a[3]], [x], step, time)[1]["index_in_trajectory"] > 0, 1e-9)
                    assert stats["acceptance_rate"] == pytest.approx(p, rel=1e-9)
                    P[start, end] += 0.5 * p
            flow = weights[:, None] * P
            apart = np.abs(flow - flow.T)
            i, j = np.unravel_index(apart.argmax(), flow.shape)
            assert apart.max() <= 1e-12 * weights.max(), f"from {i} to {j} flows {flow[i, j]}, back {flow[j, i]}"
    assert lengths >= {4, 5, 6} or diverges
    assert refused or not diverges


def funnel(m, q):
    """A neck that gets narrower without end."""
    v, x = q[0], q[1]
    square = x * x * m.exp(-v)
    return -v * v / 8.0 - square / 2.0 - v / 2.0, m.stack([-v / 4.0 + square / 2.0 - 0.5, -x * m.exp(-v)])


@pytest.mark.parametrize(("density", "step", "shares"), [(funnel, 1.3, 3), (anharmonic, 1.1, 2)])
def test_what_finer_steps_come_to_comes_back(density, step, shares):
    """From the end of a trajectory with finer steps, which follows one that diverges, the same numbers lead back the same way: with the same flow of probability."""
    time, rng, stages, refused = 3.0, np.random.default_rng(17), [], 0
    steps = step / 4.0 ** np.arange(4)
    for _ in range(4000):
        q, v = rng.normal(size=2) * [2.5, 1.0], rng.normal(size=2)
        q[1] *= np.exp(0.5 * q[0]) if density is funnel else 1.0
        u, word = rng.uniform(), int(rng.integers(2))
        last, stats = timed(density, q, [v], word, [u], [0.0], step, time)
        counts = [min(2**LONGEST - 1, max(1, round(time * (0.7 + 0.6 * u) / h))) for h in steps]
        if np.array_equal(last, q):
            # Refused, but not as the finest steps diverge: those at first would not have diverged on the way back.
            refused += not stats["diverging"]
            continue
        ends = [orbit(density, q, v, h, 0 if word else n, n if word else 0)[-1 if word else 0] for h, n in zip(steps, counts)]
        stage = int(np.nanargmin([np.abs(end[0] - last).max() for end in ends]))
        assert stats["index_in_trajectory"] == counts[stage]
        if stage == 0:
            assert stats["n_steps"] == counts[0]
            continue
        _, w, energy = ends[stage]
        back, there = timed(density, last, [w], 1 - word, [u], [0.0], step, time)
        np.testing.assert_allclose(back, q, rtol=1e-6, atol=1e-6)
        assert there["index_in_trajectory"] == counts[stage]
        started = 0.5 * v @ v - density(np, q)[0]
        for begin, towards, way, p in ((q, v, word, np.exp(min(0.0, started - energy))), (last, w, 1 - word, np.exp(min(0.0, energy - started)))):
            bracket(p, lambda x, a=(begin, towards, way): timed(density, a[0], [a[1]], a[2], [u], [x], step, time)[1]["index_in_trajectory"] > 0, 1e-6)
        stages.append(stage)
    # Shares of the step size, and ends that are refused because a coarser way back is there, were seen.
    assert min(refused, *(stages.count(i + 1) for i in range(shares))) > 20


@pytest.mark.parametrize("case", ["gaussian, rough steps", "anharmonic, rough steps", "terrace", "cliff"])
def test_trajectories_of_a_draw_follow_one_another(case):
    """Each from where the one before ended, or began where that was refused; whatever the one before came to."""
    density, d, step, diverges = CASES[case]
    rng = np.random.default_rng(d)
    seen, taken = set(), set()
    for _ in range(40):
        q, v = rng.normal(size=d) * 0.8, rng.normal(size=(3, d)) * 1.5
        u, ends = rng.uniform(size=3), rng.uniform(size=3)
        last, stats = timed(density, q, v, 1, u, ends, step, 5.0 * step)
        now, each = q, []
        for i in range(3):
            now, found = timed(density, now, v[i : i + 1], 1, u[i : i + 1], ends[i : i + 1], step, 5.0 * step)
            each.append(found)
        assert np.array_equal(last, now)
        assert stats["n_steps"] == sum(x["n_steps"] for x in each)
        assert stats["index_in_trajectory"] == sum(x["index_in_trajectory"] for x in each)
        assert stats["acceptance_rate"] == pytest.approx(np.mean([x["acceptance_rate"] for x in each]))
        assert stats["diverging"] == max(x["diverging"] for x in each)
        assert abs(stats["max_energy_error"]) == max(abs(x["max_energy_error"]) for x in each)
        assert (stats["energy"], stats["lp"], stats["tree_depth"]) == (each[-1]["energy"], each[-1]["lp"], 0)
        seen.add(tuple(bool(x["diverging"]) for x in each))
        taken.add(tuple(bool(x["index_in_trajectory"]) for x in each))
    # Draws that go on after a divergence, and after an end that is refused, were seen.
    assert any(x[0] and not x[2] for x in seen) or not diverges
    assert any(not x[0] and x[2] for x in taken)


def test_a_trajectory_is_a_leapfrog_at_least_and_no_longer_than_a_tree():
    _, stats = timed(gaussian, np.ones(2), [np.ones(2)], 1, [0.0], [0.5], 0.1, 0.05)
    assert stats["n_steps"] == 1
    _, stats = timed(gaussian, np.ones(2), [np.ones(2)], 1, [1.0], [0.5], 0.01, 100.0)
    assert stats["n_steps"] == 2**LONGEST - 1
