"""Objectives: their gradients by finite differences of losses computed without them."""

import functools

import numpy as np
import pytest
import scipy.stats

import workbench.tensor as pt
from workbench.compile import function
from workbench.tensor.random import threefry
from workbench.variational import (
    AmortisedStein,
    Elbo,
    FlowFamily,
    FullRankFamily,
    LowRankFamily,
    MeanFieldFamily,
    Particles,
    Stein,
    word,
)
from workbench.variational.elbo import NOISE
from workbench.variational.stein import direction

D = 3
KEY = np.uint64(77)


def density(z):
    """A curved log-density, and its gradient."""
    value = -0.5 * z[0] ** 2 - 0.5 * (z[1] - 0.3 * z[0] ** 2) ** 2 - 2.0 * np.cosh(0.5 * z[2] - 0.2 * z[1])
    a, s = z[1] - 0.3 * z[0] ** 2, np.sinh(0.5 * z[2] - 0.2 * z[1])
    return value, np.array([-z[0] + 0.6 * z[0] * a, -a + 0.4 * s, -s])


def linked(graph_of, inputs):
    q, batch = pt.vector("q", D), word("batch")
    a, u = q[1] - 0.3 * q[0] ** 2, 0.5 * q[2] - 0.2 * q[1]
    value = -0.5 * q[0] ** 2 - 0.5 * a**2 - 2.0 * pt.cosh(u)
    slope = pt.stack([-q[0] + 0.6 * q[0] * a, -a + 0.4 * pt.sinh(u), -pt.sinh(u)])
    f = function([q, batch], [value, slope], backend="numpy", name="logp_grad")
    return function(inputs, graph_of, backend="numpy").link(logp_grad=f)


def estimate(objective, values, draws, *given):
    key, count = word("key"), pt.tensor("draws", "int64", ())
    inputs = objective.parameters()
    extra = [*(pt.scalar(n) for n in objective.settings), *objective.rooms()]
    found = objective.estimate(key, tuple(inputs), count, extra)
    f = linked([found.loss, found.z, *found.gradients], [key, *inputs, count, *extra])
    loss, z, *gradients = f(KEY, *values, draws, *given)
    return float(loss), gradients


def fold_in(key, i):
    return np.uint64(threefry.numpy(np.uint64(key), np.uint64(i)))


def some_values(family):
    rng = np.random.default_rng(2)
    return [np.asarray(v) + 0.3 * rng.normal(size=np.shape(v)) for v in family.start(np.array([0.2, -0.1, 0.4]), None, rng)]


@functools.cache
def drawn(family):
    inputs = tuple(family.parameters())
    key = word("key")
    place = family.draw(inputs, family.noise(key, inputs))
    return function([*inputs, key], [place.z, place.log_q, place.entropy], backend="numpy")


def places(family, values, draws):
    """Points, log-densities and entropies of the draws that an objective makes, by the family's own graph."""
    return [[np.asarray(x) for x in drawn(family)(*values, fold_in(fold_in(KEY, NOISE), i))] for i in range(draws)]


def differences(loss, values, step=1e-6):
    found = []
    for k, v in enumerate(values):
        slope = np.zeros(v.shape)
        for at in np.ndindex(v.shape):
            ends = []
            for sign in (1.0, -1.0):
                moved = [np.array(x) for x in values]
                moved[k][at] += sign * step
                ends.append(loss(moved))
            slope[at] = (ends[0] - ends[1]) / (2.0 * step)
        found.append(slope)
    return found


@pytest.mark.parametrize("family", [MeanFieldFamily(), FullRankFamily(), LowRankFamily(2), FlowFamily("planar-radial-hh-scale-loc")], ids=lambda f: f.name)
def test_gradients_of_the_bound_are_those_of_the_loss_at_these_draws(family):
    values, draws = some_values(family), 3
    loss, gradients = estimate(Elbo(family, False), values, draws)
    made = places(family, values, draws)
    assert np.isclose(loss, np.mean([log_q - density(z)[0] for z, log_q, _ in made]), rtol=1e-12)

    def bound(moved):
        return np.mean([-density(z)[0] - entropy for z, _, entropy in places(family, moved, draws)])

    for got, wanted in zip(gradients, differences(bound, values)):
        assert np.allclose(got, wanted, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("family", [MeanFieldFamily(), FullRankFamily(), LowRankFamily(2)], ids=lambda f: f.name)
def test_gradients_that_stick_the_landing_are_those_along_the_path(family):
    values, draws = some_values(family), 3
    loss, gradients = estimate(Elbo(family, True), values, draws)
    assert np.isclose(loss, estimate(Elbo(family, False), values, draws)[0], rtol=1e-14)
    inputs = tuple(family.parameters())
    mean, cov = (np.asarray(x) for x in function(list(inputs), list(family.moments(inputs)), backend="numpy")(*values))
    still = scipy.stats.multivariate_normal(mean, cov)

    def along(moved):
        return np.mean([still.logpdf(z) - density(z)[0] for z, *_ in places(family, moved, draws)])

    for got, wanted in zip(gradients, differences(along, values)):
        assert np.allclose(got, wanted, rtol=1e-6, atol=1e-8)


def test_sticking_the_landing_has_no_variance_where_the_approximation_is_the_posterior():
    """Of a standard normal log-density at its own approximation every single draw has the gradient 0; with the entropy it has not."""
    q, batch = pt.vector("q", D), word("batch")
    f = function([q, batch], [-0.5 * pt.sum(q * q), -q], backend="numpy", name="logp_grad")
    values = [np.zeros(D), np.full(D, np.log(np.e - 1.0))]
    for sticks, largest in ((True, 1e-14), (False, None)):
        objective, key, count = Elbo(MeanFieldFamily(), sticks), word("key"), pt.tensor("draws", "int64", ())
        inputs = objective.parameters()
        found = objective.estimate(key, tuple(inputs), count, [])
        _, *gradients = function([key, *inputs, count], [found.loss, *found.gradients], backend="numpy").link(logp_grad=f)(KEY, *values, 1)
        size = max(np.abs(g).max() for g in gradients)
        assert size < largest if sticks else size > 0.1


def test_steins_direction_is_the_one_of_the_paper():
    """Liu and Wang (2016), equation 8, and the discrepancy of Liu, Lee and Jordan (2016), theorem 3.6, pair by pair."""
    rng = np.random.default_rng(4)
    n, d = 7, 2
    x, g, temperature = rng.normal(size=(n, d)), rng.normal(size=(n, d)), 1.7
    squares = ((x[:, None] - x[None]) ** 2).sum(-1)
    h = 0.5 * np.median(squares) / np.log(n + 1.0)

    def k(a, b):
        return np.exp(-((a - b) ** 2).sum() / (2.0 * h))

    def slope(f, a, step=1e-5):
        return np.array([(f(a + e) - f(a - e)) / (2.0 * step) for e in step * np.eye(d)])

    s = g / temperature
    upward = [np.mean([k(x[j], x[i]) * s[j] + slope(lambda a: k(a, x[i]), x[j]) for j in range(n)], axis=0) for i in range(n)]
    total = 0.0
    for i in range(n):
        for j in range(n):
            cross = sum(slope(lambda b: slope(lambda a: k(a, b), x[i])[m], x[j])[m] for m in range(d))
            total += k(x[i], x[j]) * (s[i] @ s[j]) + s[i] @ slope(lambda b: k(x[i], b), x[j]) + s[j] @ slope(lambda a: k(a, x[j]), x[i]) + cross
    found = direction(pt.constant(x), pt.constant(g), pt.constant(temperature))
    assert np.allclose(found.upward.eval(), upward, rtol=1e-7, atol=1e-8)
    assert np.isclose(float(found.discrepancy.eval()), np.sqrt(total / n**2), rtol=1e-4)


def test_particles_and_their_amortised_form_go_the_same_way():
    family = MeanFieldFamily()
    values, n = some_values(family), 6
    x = np.stack([z for z, *_ in places(family, values, n)])
    loss, (down,) = estimate(Stein(Particles()), [x], 1, 1.3)
    g = np.stack([density(z)[1] for z in x])
    known = direction(pt.constant(x), pt.constant(g), pt.constant(1.3))
    assert np.allclose(down, -known.upward.eval(), rtol=1e-10) and np.isclose(loss, known.discrepancy.eval())
    amortised, gradients = estimate(AmortisedStein(family), values, n, 1.3, np.zeros((n, D)))
    # The others' part of the direction: a particle's own is its slope, times the kernel at 0, which is 1.
    others = (n * known.upward.eval() - g / 1.3) / (n - 1)

    def along(moved):
        return -np.sum(others * np.stack([z for z, *_ in places(family, moved, n)])) / n

    assert np.isclose(amortised, loss, rtol=1e-12)
    for got, wanted in zip(gradients, differences(along, values)):
        assert np.allclose(got, wanted, rtol=1e-6, atol=1e-8)
