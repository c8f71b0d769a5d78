"""Families: their densities, moments and gradients, against SciPy and finite differences."""

import numpy as np
import pytest
import scipy.stats

import workbench.tensor as pt
from workbench.compile import function
from workbench.errors import ArgumentError
from workbench.variational import FlowFamily, FullRankFamily, LowRankFamily, MeanFieldFamily
from workbench.variational.flows import LAYERS, layers_of
from workbench.variational.gaussian import inverse_softplus

D = 4
NORMAL = [MeanFieldFamily(), FullRankFamily(), LowRankFamily(2)]
FLOWS = [FlowFamily(f) for f in ("scale-loc", "hh*2-loc", "planar*2", "radial*2-scale", "coupling*3-scale-loc", "loc-planar-hh-radial-coupling*2-scale-loc")]


def some_values(family, d=D, scale=0.4, seed=5):
    rng = np.random.default_rng(seed)
    return [v + scale * rng.normal(size=v.shape) for v in map(np.asarray, family.start(np.arange(d) - 1.0, None, rng))]


def some_noise(family, seed=6, d=D):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=d), *([rng.normal(size=2)] if isinstance(family, LowRankFamily) else [])]


def placed(family, *what):
    """A function of values and noise."""
    inputs = tuple(family.parameters())
    noise = [pt.vector("noise", "d"), *([pt.vector("shared", "r")] if isinstance(family, LowRankFamily) else [])]
    place = family.draw(inputs, noise)
    results = {"z": place.z, "log_q": place.log_q, "entropy": place.entropy, "score": family.score(inputs, noise, place.z)}
    f = function([*inputs, *noise], [results[w] for w in what], backend="numpy")
    return lambda values, noise: [np.asarray(x) for x in f(*values, *noise)]


def moments(family, values):
    inputs = tuple(family.parameters())
    return [np.asarray(x) for x in function(list(inputs), list(family.moments(inputs)), backend="numpy")(*values)]


@pytest.mark.parametrize("family", NORMAL, ids=lambda f: f.name)
def test_normal_families_have_the_density_of_their_moments(family):
    values, noise = some_values(family), some_noise(family)
    z, log_q, score = placed(family, "z", "log_q", "score")(values, noise)
    target = scipy.stats.multivariate_normal(*moments(family, values))
    assert np.isclose(log_q, target.logpdf(z), rtol=1e-11)
    step = 1e-6 * np.eye(D)
    slope = [(target.logpdf(z + h) - target.logpdf(z - h)) / 2e-6 for h in step]
    assert np.allclose(score, slope, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("family", NORMAL, ids=lambda f: f.name)
def test_normal_families_have_the_entropy_of_their_covariance(family):
    entropies, exact = [], []
    for seed in range(3):
        values = some_values(family, seed=seed)
        entropies.append(placed(family, "entropy")(values, some_noise(family))[0])
        exact.append(scipy.stats.multivariate_normal(*moments(family, values)).entropy())
    assert np.allclose(np.diff(entropies), np.diff(exact), rtol=1e-10)


@pytest.mark.parametrize("family", [*NORMAL, *FLOWS], ids=lambda f: f.name)
def test_draws_have_the_moments_and_densities_that_are_said(family):
    backend, rows = ("c", 20_000) if family in NORMAL else ("numpy", 50)
    values = some_values(family)
    graph = family.draws()
    draws = function(graph.params, graph.results, backend=backend)
    z, log_q = draws(*values, np.uint64(3), np.zeros((rows, D)), np.zeros(rows))
    again, _ = draws(*values, np.uint64(3), np.zeros((10, D)), np.zeros(10))
    assert np.array_equal(z[:10], again)
    if family in NORMAL:
        mean, cov = moments(family, values)
        assert np.allclose(log_q, scipy.stats.multivariate_normal(mean, cov).logpdf(z), rtol=1e-10)
        if rows > 50:
            error = np.sqrt(np.diag(cov) / rows)
            assert (np.abs(z.mean(0) - mean) < 4.5 * error).all()
            assert np.allclose(np.cov(z.T), cov, atol=0.05 * np.diag(cov).max())


@pytest.mark.parametrize("family", FLOWS, ids=lambda f: f.name)
def test_flows_change_volume_as_their_jacobian_says(family):
    values = some_values(family)
    f = placed(family, "z", "log_q")
    for seed in range(3):
        (noise,) = some_noise(family, seed)
        columns = [(f(values, [noise + h])[0] - f(values, [noise - h])[0]) / 2e-6 for h in 1e-6 * np.eye(D)]
        _, volume = np.linalg.slogdet(np.stack(columns, axis=1))
        base = scipy.stats.norm.logpdf(noise).sum()
        assert np.isclose(f(values, [noise])[1], base - volume, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("kind", LAYERS)
def test_layers_begin_near_the_identity(kind):
    family = FlowFamily(kind)
    values = family.start(np.zeros(D), np.ones(D), np.random.default_rng(0))
    (noise,) = some_noise(family)
    z, log_q = placed(family, "z", "log_q")(values, [noise])
    if kind == "hh":
        assert np.isclose(np.linalg.norm(z), np.linalg.norm(noise), rtol=1e-12)
    else:
        assert np.allclose(z, noise, atol=1e-12)
    assert np.isclose(log_q, scipy.stats.norm.logpdf(noise).sum(), rtol=1e-12)


@pytest.mark.parametrize("w", [3.0, -3.0])
def test_planar_layers_are_invertible_whatever_their_parameters(w):
    """Along w the map is increasing: its slope is above 0 for any u."""
    family = FlowFamily("planar")
    f = placed(family, "z")
    for u in (-20.0, -1.0, 0.5, 20.0):
        z = [f([np.array([u]), np.array([w]), np.float64(0.3)], [np.array([x])])[0][0] for x in np.linspace(-2, 2, 81)]
        assert (np.diff(z) > 0.0).all()


@pytest.mark.parametrize("d", [1, 2, 7])
def test_flows_are_for_any_length(d):
    family = FlowFamily("coupling*2-planar-radial-hh-scale-loc")
    values = some_values(family, d)
    f = placed(family, "z", "log_q")
    (noise,) = some_noise(family, d=d)
    columns = [(f(values, [noise + h])[0] - f(values, [noise - h])[0]) / 2e-6 for h in 1e-6 * np.eye(d)]
    _, volume = np.linalg.slogdet(np.stack(columns, axis=1))
    assert np.isclose(f(values, [noise])[1], scipy.stats.norm.logpdf(noise).sum() - volume, atol=1e-6)


def test_starts_are_what_is_asked_for():
    mean, sd = np.array([1.0, -2.0, 3.0]), np.array([0.5, 1e-3, 20.0])
    for family in (MeanFieldFamily(), FullRankFamily()):
        found, cov = moments(family, family.start(mean, sd, np.random.default_rng(0)))
        assert np.allclose(found, mean) and np.allclose(cov, np.diag(sd**2), rtol=1e-10)
    assert np.allclose(np.logaddexp(0.0, inverse_softplus([1e-8, 1.0, 800.0])), [1e-8, 1.0, 800.0], rtol=1e-12)


@pytest.mark.parametrize(
    ("formula", "words"),
    [("planer*2", "did you mean 'planar'"), ("", "a flow is a formula"), ("scale-loc*0", "no layer"), (3, "a flow is a formula"), ("warp", "there are loc, scale, hh")],
)
def test_bad_formulas_are_errors(formula, words):
    with pytest.raises(ArgumentError) as caught:
        layers_of(formula)
    assert words in str(caught.value)
