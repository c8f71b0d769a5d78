"""NUTS is reversible: on one orbit, the flow of probability from any point to any other equals that back.

An orbit of the leapfrog integrator is a row of points z_i, made here by NumPy. From every z_i the
sampler builds its tree for every sequence of directions. Where trees end is read off the sampler; each
of its choices is bracketed: with a uniform number a relative 1e-12 below the multinomial probability
(from the energies computed here) it must take the new point, a relative 1e-12 above it must not. What
follows is the transition matrix P, exactly, and ``exp(-H_i) P_ij = exp(-H_j) P_ji`` must hold for all
pairs. A test like this sees what long runs show as too large a variance: trees that grow from z_i and
hold z_j, but would not have grown from z_j.
"""

import functools
import itertools
import os

import numpy as np
import pytest

import workbench.tensor as pt
from workbench.compile import function
from workbench.samplers import Nuts
from workbench.samplers.random_numbers import RandomNumbers
from workbench.samplers.state import NutsState

STATS = list(Nuts.stats)
NEVER = 1.0 - 2.0**-53
DEPTHS = (1, 2, 3, 4, 5) if os.environ.get("WORKBENCH_TESTS") == "all" else (1, 2, 4)


class Scripted(RandomNumbers):
    """Numbers that a test chooses."""

    def __init__(self):
        self.v, self.word = pt.vector("v", "d"), pt.scalar("word", "int64")
        self.leaves, self.merges = pt.vector("leaves", 64), pt.vector("merges", 8)

    def velocity(self, s):
        return self.v

    def forward(self, s):
        return pt.equal((self.word >> s.depth) & 1, 1)

    def leaf(self, s):
        return self.leaves[s.leapfrogs - 1]

    def merge(self, s):
        return self.merges[s.depth]

    def jitter(self, s):
        return pt.constant(0.5)


@functools.cache
def tree():
    """The sampler's tree from (q, v): what a call with scripted numbers and a budget of leapfrogs tells; of any density, size and depth."""
    q, numbers, target = pt.vector("q", "d"), Scripted(), pt.constant(0.8)
    checkpoints = pt.matrix("checkpoints", "levels", "d")
    nuts = Nuts(numbers=numbers)
    step, limit, budget = pt.scalar("step"), pt.scalar("limit"), pt.scalar("budget", "int64")
    none = pt.zeros((0, q.shape[0]))
    state = nuts.init(pt.constant(np.uint64(0)), q, None, target, checkpoints, none, none)
    state = nuts.begin(state._replace(scale=pt.ones_like(q), log_step=pt.log(step), turn_limit=limit))

    def going(*carried):
        return pt.logical_and(~nuts.finished(NutsState(*carried[:-1])), carried[-1] < budget)

    def body(*carried):
        return [*nuts.tick(NutsState(*carried[:-1]), pt.constant(0)), carried[-1] + 1]

    *fields, done = pt.while_loop(going, body, [*state, 0], (*NutsState._fields, "done"))
    end = NutsState(*fields)
    stats = pt.stack([pt.cast(x, "float64") for x in nuts.statistics(end)])
    results = [pt.cast(end.ended, "int64"), done, end.depth, end.sub_index, end.proposal_index, stats]
    return function([checkpoints, q, numbers.v, numbers.word, numbers.leaves, numbers.merges, step, limit, budget], results, backend="c")


@functools.cache
def tree_of(density, d, depth):
    q = pt.vector("q", d)
    made = tree().link(logp_grad=function([q], list(density(pt, q)), backend="c"))
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


class Trees:
    """All trees of depth `depth` at most that start in `window` points of an orbit."""

    def __init__(self, density, q, v, step, depth, window, limit):
        self.depth, self.window, self.reach = depth, window, 2**depth - 1
        self.points = orbit(density, q, v, step, self.reach, window - 1 + self.reach)
        energies = np.array([h for *_, h in self.points])
        # Points of no density, or of an infinite one, have no weight.
        finite = np.isfinite(energies)
        self.weights = np.where(finite, np.exp(-np.where(finite, energies - energies[finite].min(), 0.0)), 0.0)
        self.call = tree_of(density, len(q), depth)
        self.step, self.limit = step, limit
        self.known = {}
        self.depths, self.divergences = set(), 0

    def run(self, start, word, leaves=None, merges=None, budget=10_000):
        q, v, _ = self.points[start + self.reach]
        u, m = np.full(64, NEVER), np.full(8, NEVER)
        for script, given in ((u, leaves), (m, merges)):
            for at, value in (given or {}).items():
                script[at] = value
        return self.call(q, v, word, u, m, self.step, self.limit, budget)

    def bracket(self, p, taken):
        """The sampler takes below `p`, and not above."""
        assert taken(p * (1 - 1e-12)), f"a choice of probability {p} is not made"
        above = p * (1 + 1e-12)
        assert above >= NEVER or not taken(above), f"a choice of probability {p} is made too often"

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
                self.bracket(
                    w / total,
                    lambda u, n=n, at=at: int(self.run(start, word, {n - 1: u}, budget=n)[3]) == at - start,
                )
        main = self.weights[np.arange(low, high + 1) + self.reach].sum()
        after = made + 2**level

        def merged(u):
            row, _, _, _, proposal, stats = self.run(start, word, merges={level: u}, budget=after)
            index = int(stats[STATS.index("index_in_trajectory")]) if row else int(proposal)
            return (start + index) in members

        take = min(1.0, total / main)
        if take > 0:  # What lies 1000 higher has no weight in double precision.
            self.bracket(take, merged)
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
    "gaussian, one dimension": (gaussian, 1, 0.35, 0, -np.inf),
    "gaussian": (gaussian, 3, 0.3, 0, -np.inf),
    "gaussian, rough steps": (gaussian, 2, 0.62, 0, -np.inf),
    "gaussian, a quarter of a turn": (gaussian, 3, 0.13, 0, 0.0),
    "anharmonic": (anharmonic, 2, 0.25, 0, -np.inf),
    "anharmonic, rough steps": (anharmonic, 2, 0.8, 0, -np.inf),
    "anharmonic, less than back": (anharmonic, 2, 0.25, 0, -0.4),
    "terrace": (terrace, 2, 0.75, 1, -np.inf),
    "cliff": (cliff, 2, 0.3, 1, -np.inf),
    "spike": (spike, 2, 0.3, 1, -np.inf),
}


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("case", CASES)
def test_flow_of_probability_is_the_same_both_ways(case, depth):
    density, d, step, diverges, limit = CASES[case]
    depths, divergences = set(), 0
    for seed in range(4):
        rng = np.random.default_rng([seed, d])
        trees = Trees(density, rng.normal(size=d) * 0.8, rng.normal(size=d) * 1.5, step, depth, 2**depth, limit)
        P, weights = trees.matrix()
        flow = weights[:, None] * P
        apart = np.abs(flow - flow.T)
        i, j = np.unravel_index(apart.argmax(), flow.shape)
        assert apart.max() <= 1e-12 * weights.max(), f"from {i} to {j} flows {flow[i, j]}, back {flow[j, i]}"
        depths |= trees.depths
        divergences += trees.divergences
    # Trees that are cut by the limit, trees that turn and, where they should, trees that diverge were seen.
    assert max(depths) == depth or depth > 3
    assert len(depths) > 1 or depth < 3
    assert divergences or not diverges or depth < 3
