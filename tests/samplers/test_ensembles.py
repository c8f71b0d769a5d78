"""Samplers that move all chains together.

That a kernel keeps its target is seen from exact draws of it: chains that start there must be there after any
number of transitions, each one a draw of its own. With 100,000 chains a standard deviation is known to 0.2 %, and a
distribution function to 0.3 %: an error in the acceptance, the integrator's Jacobian or the energy of a
few per cent is seen at once, where long runs of few chains would need hours.
"""

import functools
import math
import os

import numpy as np
import pytest

import workbench.tensor as pt
from workbench.compile import function
from workbench.graph import Graph
from workbench.samplers.chain_numbers import van_der_corput
from workbench.samplers.chees import LOWEST_ACCEPTANCE, Chees, criterion_slope
from workbench.samplers.demetropolis import DEMetropolis
from workbench.samplers.ensemble import Moments, moments_graph, quantiles_of_chains
from workbench.samplers.laps import UNADJUSTED, Laps
from workbench.samplers.mams import Mams
from workbench.samplers.meads import Meads, largest_eigenvalue
from workbench.samplers.nuts_of_chains import NutsOfChains
from workbench.transforms.vectorise import vectorize_graph

SAMPLERS = {"chees": Chees, "mams": Mams, "laps": Laps, "meads": Meads, "demetropolis": DEMetropolis, "nuts": NutsOfChains}
ROWS = 50
ALL = os.environ.get("WORKBENCH_TESTS") == "all"
MANY = 100_000 if ALL else 40_000
FEWER = {"nuts": 10}
"""Samplers whose loop is for accelerators have fewer chains here, and fewer transitions; their draws are those of chains by themselves, which have tests of their own."""


def compiled(name, backend):
    return compiled_once(name, backend, os.environ["WORKBENCH_CHECK"])


@functools.cache
def compiled_once(name, backend, checked):
    """Initial state and transitions, compiled once for all targets; those of JAX when they are linked."""
    sampler = SAMPLERS[name]()
    return [function(g.params, g.results, backend=backend, name=n) for g, n in ((sampler.init, "init"), (sampler.advance, name))]


def of_chains(graph, chains):
    (q,) = graph.params
    many = pt.matrix("q", chains, *q.type.shape)
    return Graph([many], vectorize_graph(graph.results, {q: many}))


class Draws:
    """What an ensemble makes on a target, a graph from (d,) to log-density and gradient; moments are of the positions."""

    def __init__(self, name, target, starts, total, tune, backend="c", thin=1, chunk=ROWS, seed=1, change=None, **settings):
        sampler = SAMPLERS[name]()
        n, d = starts.shape
        graph = of_chains(target, n if backend == "jax" else "chains")
        (q,) = graph.params
        moments = moments_graph(Graph([q], [q * 1.0]))
        results = graph.results if sampler.density == "logp_grad" else graph.results[:1]
        slots = {sampler.density: function([q], results, backend=backend), "moments": function(moments.params, moments.results, backend=backend)}
        init, advance = compiled(name, backend)
        init, advance = init.link(**{sampler.density: slots[sampler.density]}), advance.link(**slots)
        chosen = list({**sampler.settings, **settings}.values())
        self.names = list(sampler.stats)
        self.fields = sampler._first[1]._fields
        state = init(np.uint64(seed), starts, *chosen)
        for field, value in (change or {}).items():
            at = self.fields.index(field)
            state[at] = np.array(np.broadcast_to(value, state[at].shape))
        moments = Moments.none(n, d)
        draws, stats, made, self.gradients = [], [], 0, 0
        room = np.zeros((ROWS, n, d)), np.zeros((ROWS, n, len(self.names)))
        while made < total:
            out = advance(*state, *moments, min(chunk, total - made), thin, tune, *room)
            a, b = len(state), len(state) + len(moments)
            state, moments, (gradients, k, rows, block, table) = out[:a], out[a:b], out[b:]
            self.gradients += int(gradients)
            made += int(k)
            draws.append(block[: int(rows)])
            stats.append(table[: int(rows)])
        self.q, self.table = np.concatenate(draws), np.concatenate(stats)
        self.state, self.count, self.mean, self.square, self.quantiles = state, *moments

    def stat(self, name):
        return self.table[:, :, self.names.index(name)]

    def field(self, name):
        return self.state[self.fields.index(name)]


def normal(cov):
    q = pt.vector("q", len(cov))
    g = pt.constant(np.linalg.inv(cov)) @ q
    return Graph([q], [-0.5 * pt.sum(q * g), -g])


def banana():
    """x normal, y normal around x squared: E y = 1, var y = 2 + 1/4."""
    q = pt.vector("q", 2)
    x, y = q[0], q[1]
    off = (y - pt.square(x)) / 0.25
    return Graph([q], [-0.5 * (pt.square(x) + off * (y - pt.square(x))), pt.stack([-x + 2.0 * x * off, -off])])


def exact(target, n, rng):
    if target == "banana":
        x = rng.normal(size=n)
        return np.stack([x, x**2 + 0.5 * rng.normal(size=n)], axis=1)
    return rng.multivariate_normal(np.zeros(4), COVARIANCE, size=n)


SCALES = np.array([0.1, 1.0, 3.0, 10.0])
COVARIANCE = SCALES[:, None] * SCALES * (0.5 * np.eye(4) + 0.5)
TARGETS = {"normal": normal(COVARIANCE), "banana": banana()}
# Steps so long that a fifth of the proposals or more is refused: what refusals do must be right too.
FIXED = {
    ("chees", "normal"): {"log_step": math.log(1.1), "log_length": math.log(3.0), "log_scale": np.log(SCALES)},
    ("chees", "banana"): {"log_step": math.log(0.6), "log_length": math.log(3.0), "log_scale": np.log([0.7, 1.3])},
    ("mams", "normal"): {"free": False, "log_step": math.log(5.0), "log_length": math.log(12.0), "log_scale": np.log(SCALES)},
    ("mams", "banana"): {"free": False, "log_step": math.log(1.5), "log_length": math.log(5.0), "log_scale": np.log([0.7, 1.3])},
    ("laps", "normal"): {"log_step": math.log(5.0), "log_length": math.log(12.0), "log_scale": np.log(SCALES)},
    ("laps", "banana"): {"log_step": math.log(1.5), "log_length": math.log(5.0), "log_scale": np.log([0.7, 1.3])},
    ("nuts", "normal"): {"log_step": math.log(1.1), "scale": SCALES},
    ("nuts", "banana"): {"log_step": math.log(0.6), "scale": np.array([0.7, 1.3])},
}


@pytest.fixture
def unchecked(monkeypatch):
    """The proof of programs is for lengths that it can go through."""
    monkeypatch.setenv("WORKBENCH_CHECK", "")


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", SAMPLERS)
def test_chains_that_start_at_the_target_stay_there(name, target, unchecked):
    rng = np.random.default_rng(4)
    n, transitions = MANY // FEWER.get(name, 1), 6 if name == "meads" else 12
    start, fresh = exact(target, n, rng), exact(target, n, rng)
    made = Draws(name, TARGETS[target], start, transitions, 0, thin=transitions, change=FIXED.get((name, target)))
    (end,) = made.q
    assert 0.1 < made.stat("acceptance_rate").mean() < 0.99
    assert np.mean(np.any(end != start, axis=1)) > 0.75
    for power in (1, 2, 3, 4):
        known = fresh**power
        error = np.sqrt((known.var(axis=0) + (end**power).var(axis=0)) / n)
        assert np.all(np.abs((end**power).mean(axis=0) - known.mean(axis=0)) < 4.5 * error)
    # Kolmogorov and Smirnov's distance, of each coordinate and of sums of two: at the 1e-6 level.
    for i in range(end.shape[1]):
        for j in range(i, end.shape[1]):
            a, b = np.sort(end[:, i] / start[:, i].std() + end[:, j] / start[:, j].std()), np.sort(fresh[:, i] / start[:, i].std() + fresh[:, j] / start[:, j].std())
            both = np.concatenate([a, b])
            distance = np.abs(np.searchsorted(a, both, side="right") - np.searchsorted(b, both, side="right")).max() / n
            assert distance < 2.69 * np.sqrt(2.0 / n)


# Numba and JAX compile slowly.
BACKENDS = [*((name, "numpy") for name in SAMPLERS), ("chees", "jax"), ("meads", "jax"), ("demetropolis", "numba")]


@pytest.mark.parametrize(("name", "other"), [(n, b) for n in SAMPLERS for b in ("numpy", "numba", "jax")] if ALL else BACKENDS)
def test_draws_are_the_same_on_every_backend(name, other):
    start = np.random.default_rng(0).uniform(-1, 1, size=(32, 4))
    start, transitions = start[: 32 // FEWER.get(name, 1)], 30 // FEWER.get(name, 1)
    a, b = (Draws(name, TARGETS["normal"], start, transitions, transitions * 2 // 3, backend=backend) for backend in ("c", other))
    np.testing.assert_allclose(a.q, b.q, rtol=1e-7, atol=1e-7)
    np.testing.assert_allclose(a.table, b.table, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(a.mean, b.mean, rtol=1e-7, atol=1e-7)
    assert a.gradients == b.gradients


@pytest.mark.parametrize("name", SAMPLERS)
def test_draws_do_not_depend_on_chunks(name):
    start = np.random.default_rng(0).uniform(-1, 1, size=(9, 4))
    a, b = (Draws(name, TARGETS["normal"], start, 70, 40, thin=3, chunk=chunk) for chunk in (50, 7))
    assert np.array_equal(a.q, b.q) and np.array_equal(a.table, b.table)
    assert np.array_equal(a.mean, b.mean) and np.array_equal(a.square, b.square)


def test_a_chain_after_warm_up_does_not_see_the_others():
    rng = np.random.default_rng(0)
    start = rng.normal(size=(8, 4)) * SCALES
    fixed = FIXED["chees", "normal"]
    a = Draws("chees", TARGETS["normal"], start, 20, 0, change=fixed)
    start[4:] *= 2.0
    b = Draws("chees", TARGETS["normal"], start, 20, 0, change=fixed)
    assert np.array_equal(a.q[:, :4], b.q[:, :4]) and not np.any(a.q[-1, 4:] == b.q[-1, 4:])


def test_moments_are_of_all_draws_after_warm_up_and_rows_of_those_whose_turn_it_is():
    start = np.random.default_rng(0).uniform(-1, 1, size=(5, 4))
    a = Draws("chees", TARGETS["normal"], start, 80, 20)
    b = Draws("chees", TARGETS["normal"], start, 80, 20, thin=4)
    assert a.q.shape == (80, 5, 4) and b.q.shape == (20, 5, 4)
    assert np.array_equal(b.q, a.q[3::4])
    assert float(b.count) == 60
    np.testing.assert_allclose(b.mean, a.q[20:].mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(b.square / 60, a.q[20:].var(axis=0), rtol=1e-10)


def test_quantiles_over_chains_are_numpys_and_unbiased():
    start = np.random.default_rng(0).uniform(-1, 1, size=(39, 4))
    made = Draws("chees", TARGETS["normal"], start, 60, 20)
    known = np.quantile(made.q[20::8], [0.05, 0.5, 0.95], axis=1, method="weibull").mean(axis=1)
    np.testing.assert_allclose(made.quantiles, known, rtol=1e-12)
    few = Draws("chees", TARGETS["normal"], start[:18], 30, 20).quantiles
    assert np.isnan(few[[0, 2]]).all() and np.isfinite(few[1]).all()
    # Uniform draws: the quantile's mean is the level, however few the chains.
    x = pt.matrix("x")
    f = function([x], quantiles_of_chains(x), backend="c")
    rng = np.random.default_rng(1)
    found = np.mean([f(rng.uniform(size=(20, 50))) for _ in range(400)], axis=(0, 2))
    assert np.allclose(found, [0.05, 0.5, 0.95], atol=0.003)


def rotated(d, condition, seed=3):
    rng = np.random.default_rng(seed)
    rotation = np.linalg.qr(rng.normal(size=(d, d)))[0]
    values = np.logspace(-0.5, 0.5, d) ** np.log10(condition)
    return rotation, values, rotation * values @ rotation.T


@pytest.mark.parametrize(
    ("name", "d", "condition", "chains", "tune", "draws"),
    [("chees", 100, 1e4, 96, 300, 60), ("mams", 100, 1e4, 128, 300, 60), ("chees", 10, 1e2, 256, 200, 200), ("mams", 10, 1e2, 256, 200, 200),
     ("laps", 10, 1e2, 256, 200, 200), ("laps", 100, 1e4, 128, 400, 60),
     ("meads", 10, 1e2, 256, 400, 600), ("demetropolis", 5, 1e2, 256, 1000, 3000)],
)  # fmt: skip
def test_an_ill_conditioned_normal(name, d, condition, chains, tune, draws, unchecked):
    """Means and standard deviations along the principal axes, within 5 standard errors, which the chains' independence gives."""
    rotation, values, covariance = rotated(d, condition)
    start = np.random.default_rng(8).uniform(-1, 1, size=(chains, d))
    made = Draws(name, normal(covariance), start, tune + draws, tune, thin=1)
    x = made.q[tune:] @ rotation / np.sqrt(values)
    for power, truth in ((1, 0.0), (2, 1.0)):
        means = (x**power).mean(axis=0)
        error = means.std(axis=0, ddof=1) / np.sqrt(chains)
        assert np.all(np.abs(means.mean(axis=0) - truth) < 5.0 * error)
        assert error.max() < 0.1
    assert np.all(made.field("draw") == tune + draws)


@pytest.mark.parametrize("name", ["chees", "mams", "laps"])
def test_many_chains_know_a_standard_deviation_to_one_per_cent(name, unchecked):
    """Chains are independent, so that their own means and squares tell the standard errors; these are small enough for 1 % to be seen."""
    sd = np.logspace(-2, 2, 10)
    start = np.random.default_rng(8).uniform(-1, 1, size=(1024, 10))
    made = Draws(name, normal(np.diag(sd**2)), start, 560, 200)
    x = made.q[200:] / sd
    for power, truth in ((1, 0.0), (2, 1.0)):
        means = (x**power).mean(axis=0)
        error = means.std(axis=0, ddof=1) / 32.0
        assert np.all(error < 0.0045)
        assert np.all(np.abs(means.mean(axis=0) - truth) < 4.0 * error)
    assert np.all(np.abs(x.std(axis=(0, 1)) - 1.0) < 0.008)
    assert np.all(np.abs(made.field("log_scale") - np.log(sd)) < 0.05)


def test_the_step_size_reaches_the_acceptance_that_is_asked_for(unchecked):
    start = np.random.default_rng(8).uniform(-1, 1, size=(256, 10))
    for target in (0.5, 0.9):
        made = Draws("chees", normal(np.eye(10)), start, 500, 400, target_accept=target)
        accept = np.maximum(made.stat("acceptance_rate")[400:], LOWEST_ACCEPTANCE)
        assert abs(1.0 / np.mean(1.0 / accept) - target) < 0.06


def test_laps_comes_in_from_far_out_by_steps_that_nobody_refuses_and_is_exact_after_them(unchecked):
    """Thirty standard deviations out: a transition of the first part of warm-up is one step of the integrator."""
    sd = np.logspace(-1, 1, 10)
    start = np.random.default_rng(8).uniform(-1, 1, size=(256, 10)) + 30.0 * sd
    tune = 160
    made = Draws("laps", normal(np.diag(sd**2)), start, tune + 100, tune)
    first = int(UNADJUSTED * tune)
    steps = made.stat("n_steps")[:, 0]
    assert np.all(steps[:first] == 1) and steps[first:].max() > 1
    # About there before anything is refused; exact after.
    end = made.q[first - 1] / sd
    assert np.all(np.abs(end.mean(axis=0)) < 0.3) and np.all(np.abs(end.std(axis=0) - 1.0) < 0.25)
    x = made.q[tune:] / sd
    for power, truth in ((1, 0.0), (2, 1.0)):
        means = (x**power).mean(axis=0)
        assert np.all(np.abs(means.mean(axis=0) - truth) < 4.0 * means.std(axis=0, ddof=1) / 16.0)


@pytest.mark.parametrize("name", ["chees", "mams"])
@pytest.mark.parametrize(("away", "tune", "together"), [(100.0, 100, True), (100.0, 200, False), (1000.0, 200, True)])
def test_chains_come_in_from_far_out_and_are_exact_then(name, away, tune, together, unchecked):
    """A hundred and a thousand standard deviations, all chains on one side, or each in a corner of its own."""
    sd = np.logspace(-1, 1, 10)
    rng = np.random.default_rng(8)
    corner = rng.choice([-1.0, 1.0], size=10 if together else (256, 10))
    made = Draws(name, normal(np.diag(sd**2)), (away * corner + rng.uniform(-1, 1, size=(256, 10))) * sd, tune + 100, tune)
    x = made.q[tune:] / sd
    for power, truth in ((1, 0.0), (2, 1.0)):
        means = (x**power).mean(axis=0)
        error = means.std(axis=0, ddof=1) / 16.0
        assert np.all(error < 0.02) and np.all(np.abs(means.mean(axis=0) - truth) < 4.5 * error)
    # As good a kernel as from near by: steps and metric are those of the posterior.
    assert np.all(np.abs(made.field("log_scale") - np.log(sd)) < 0.1)
    assert made.stat("acceptance_rate")[tune:].mean() > 0.6 and made.stat("n_steps")[tune:].mean() < 8.0


@pytest.mark.parametrize(("name", "beyond"), [*((name, -math.inf) for name in SAMPLERS), ("chees", math.inf), ("meads", math.nan)])
def test_a_cliff_is_never_entered(name, beyond, unchecked):
    q = pt.vector("q", 2)
    inside = pt.sum(q) > 0.0
    target = Graph([q], [pt.where(inside, -0.5 * pt.sum(q * q), beyond), pt.where(inside, -q, 0.0)])
    start = np.abs(np.random.default_rng(8).normal(size=(64, 2)))
    made = Draws(name, target, start, 600, 300)
    assert (made.q.sum(axis=2) > 0).all()
    # Half of the plane, by symmetry: the mean of either coordinate is 1 / sqrt(pi).
    means = made.q[300:].mean(axis=0)
    assert np.all(np.abs(means.mean(axis=0) - 1 / np.sqrt(np.pi)) < 4.5 * means.std(axis=0, ddof=1) / 8.0)


def test_the_criterions_slope_is_that_of_exact_trajectories():
    """For a standard normal, q(t) = q cos t + v sin t: the slope of half the mean of (|q(t)|^2 - |q|^2)^2 / 2 over t, by quadrature."""
    rng = np.random.default_rng(5)
    q, v = rng.normal(size=(2, 4000, 3))
    q -= q.mean(axis=0)

    def criterion(t):
        end = q * np.cos(t) + v * np.sin(t)
        end = end - end.mean(axis=0)
        return 0.25 * np.mean((np.sum(end**2, axis=1) - np.sum(q**2, axis=1)) ** 2)

    inputs = [pt.matrix("q"), pt.matrix("end"), pt.matrix("v"), pt.vector("accept"), pt.vector("scale")]
    slope = function(inputs, criterion_slope(*inputs), backend="numpy")
    for t in (0.4, 1.0, 2.0):
        found = slope(q, q * np.cos(t) + v * np.sin(t), v * np.cos(t) - q * np.sin(t), np.ones(4000), np.ones(3))
        assert np.isclose(found, (criterion(t + 1e-4) - criterion(t - 1e-4)) / 2e-4, rtol=0.02, atol=0.02)


def test_halton_numbers():
    i = pt.vector("i", dtype="int64")
    found = function([i], van_der_corput(i), backend="numpy")(np.arange(1, 9))
    assert found.tolist() == [1 / 2, 1 / 4, 3 / 4, 1 / 8, 5 / 8, 3 / 8, 7 / 8, 1 / 16]
    many = function([i], van_der_corput(i), backend="numpy")(np.arange(1, 2**12))
    assert np.array_equal(np.sort(many), np.arange(1, 2**12) / 2**12)
    assert float(function([i], van_der_corput(i), backend="numpy")(np.array([2**31]))[0]) == 2.0**-32


@pytest.mark.parametrize(("n", "d"), [(400, 6), (150, 200)])
def test_the_largest_eigenvalue_is_about_that_of_the_second_moments(n, d):
    x = pt.matrix("x")
    f = function([x], largest_eigenvalue(x), backend="c")
    rng = np.random.default_rng(2)
    scale = np.r_[30.0, np.ones(d - 1)]
    found = [float(f(rng.normal(size=(n, d)) * scale)) for _ in range(40)]
    # The trace of the square over the trace, which the largest of them is when it stands out.
    assert np.isclose(np.mean(found), np.sum(scale**4) / np.sum(scale**2), rtol=0.1)
