"""Nested Laplace approximations: exact for normal observations, close to quadrature for counts, as long runs for a thousand nodes."""

import os

import numpy as np
import pytest
from scipy import special, stats

import workbench as pm
from workbench.errors import ArgumentError, ModelError
from workbench.inference.approximations.flat_density import FlatDensity
from workbench.inference.approximations.laplace_marginal import LaplaceMarginal
from workbench.inference.approximations.latent_gaussian import latent_field
from workbench.inference.convergence import ConvergenceWarning

RNG = np.random.default_rng(1)
N = 25
SERIES = np.cumsum(0.5 * RNG.normal(size=N)) + 0.3 * RNG.normal(size=N)
GRID = np.zeros((N, N))
for place in range(N):
    for beside in ([place + 1] if place % 5 < 4 else []) + ([place + 5] if place < 20 else []):
        GRID[place, beside] = GRID[beside, place] = 1.0


def marginal_of(model, backend="c", latent=None):
    density = FlatDensity(model, backend)
    field = latent_field(model, latent)
    return LaplaceMarginal(density, field, density.start(np.random.default_rng(0), jitter=False))


def walk():
    with pm.Model() as model:
        s = pm.HalfNormal("s", 1.0)
        noise = pm.HalfNormal("noise", 1.0)
        level = pm.Normal("level", 0.0, 2.0)
        x = pm.GaussianRandomWalk("x", sigma=s, init_dist=pm.Normal.dist(0.0, 1.0), steps=N - 1)
        pm.Normal("y", level + x, noise, observed=SERIES)

    def covariance(theta):
        s, noise = np.exp(theta)
        return s**2 * np.minimum.outer(np.arange(N), np.arange(N)) + 1.0 + 4.0, noise**2 * np.eye(N)

    return model, covariance, lambda theta: stats.halfnorm.logpdf(np.exp(theta)).sum() + theta.sum(), lambda q: q[:, :1] + q[:, 1:]


def field_on_a_grid():
    with pm.Model() as model:
        tau = pm.Gamma("tau", 2.0, 1.0)
        alpha = pm.Uniform("alpha", -0.95, 0.95)
        x = pm.CAR("x", mu=0.0, W=GRID, alpha=alpha, tau=tau)
        pm.Normal("y", x, 0.5, observed=SERIES)

    def covariance(theta):
        tau, alpha = np.exp(theta[0]), -0.95 + 1.9 * special.expit(theta[1])
        return np.linalg.inv(tau * (np.diag(GRID.sum(0)) - alpha * GRID)), 0.25 * np.eye(N)

    def prior(theta):
        p = special.expit(theta[1])
        # PyMC's CAR leaves out (2 pi)^(-n / 2) sqrt(det D).
        left_out = 0.5 * N * np.log(2 * np.pi) - 0.5 * np.log(GRID.sum(0)).sum()
        return stats.gamma.logpdf(np.exp(theta[0]), 2.0) + theta[0] + np.log(p * (1 - p)) + left_out

    return model, covariance, prior, lambda q: q


def effects():
    group = np.arange(N) % 6
    with pm.Model() as model:
        s = pm.HalfNormal("s", 1.0)
        z = pm.Normal("z", shape=6)
        slope = pm.Normal("slope", 0.0, 1.0)
        pm.Normal("y", slope * np.linspace(-1, 1, N) + s * z[group], 0.7, observed=SERIES)

    def covariance(theta):
        members = (group[:, None] == np.arange(6)).astype(float)
        along = np.linspace(-1, 1, N)
        return np.exp(2 * theta[0]) * members @ members.T + np.outer(along, along), 0.49 * np.eye(N)

    return model, covariance, lambda theta: stats.halfnorm.logpdf(np.exp(theta[0])) + theta[0], None


NORMAL = {"walk": walk, "grid": field_on_a_grid, "effects": effects}


@pytest.mark.parametrize("name", NORMAL)
def test_with_normal_observations_it_is_exact_at_every_hyperparameter(name):
    model, covariance, prior, predictor = NORMAL[name]()
    marginal = marginal_of(model)
    near = None
    for seed in range(3):
        theta = 0.5 * np.random.default_rng(seed).normal(size=len(marginal.field.hyper))
        near = marginal.at(theta, near)
        signal, noise = covariance(theta)
        exact = stats.multivariate_normal.logpdf(SERIES, np.zeros(N), signal + noise) + prior(theta)
        assert abs(near.log_marginal - exact) < 1e-8
        np.testing.assert_allclose(near.shift, 0.0, atol=1e-10)
        if predictor is not None:
            # The mean and variance of what is observed without noise.
            gain = signal @ np.linalg.inv(signal + noise)
            map_ = predictor(np.eye(len(near.x))).T
            np.testing.assert_allclose(map_ @ near.x, gain @ SERIES, atol=1e-8)
            np.testing.assert_allclose(map_ @ near.factor.inverse() @ map_.T, signal - gain @ signal, atol=1e-8)


def test_results_are_those_of_quadrature_over_hyperparameters():
    model, covariance, prior, _ = walk()
    # Steps of 0.2 in the logarithms, down to where a scale of nearly zero has no share of the posterior.
    axes = np.linspace(-12.0, 2.0, 71), np.linspace(-10.0, 2.0, 61)
    log_density, first, second = np.empty((71, 61)), np.empty((71, 61, N)), np.empty((71, 61, N))
    noise = np.exp(2 * axes[1])[:, None]
    for i, a in enumerate(axes[0]):
        # One set of eigenvectors for all scales of the noise.
        size, vectors = np.linalg.eigh(covariance(np.array([a, 0.0]))[0])
        along = vectors.T @ SERIES
        log_density[i] = [prior(np.array([a, b])) for b in axes[1]]
        log_density[i] -= 0.5 * np.sum(along**2 / (size + noise) + np.log(2 * np.pi * (size + noise)), axis=1)
        first[i] = (size / (size + noise) * along) @ vectors.T
        second[i] = (size * noise / (size + noise)) @ (vectors**2).T + first[i] ** 2
    weights = np.exp(log_density - log_density.max())
    evidence = log_density.max() + np.log(weights.sum() * 0.04)
    weights /= weights.sum()
    means, squares = (np.einsum("ij,ijn->n", weights, x) for x in (first, second))
    found = pm.fit_inla(model, random_seed=1, draws=4000, chains=1, backend="c")
    about = found.posterior.attrs
    assert about["latent"] == "level, x" and about["hyperparameters"] == "s, noise" and about["int_strategy"] == "grid"
    assert abs(about["log_marginal_likelihood"] - evidence) < 0.003
    signal = found.posterior["level"].values[0][:, None] + found.posterior["x"].values[0]
    sd = np.sqrt(squares - means**2)
    np.testing.assert_allclose((signal.mean(0) - means) / sd, 0.0, atol=4.5 / np.sqrt(4000))
    np.testing.assert_allclose(signal.std(0) / sd, 1.0, atol=0.06)
    share = np.exp(axes[0]) @ weights.sum(1)
    assert abs(float(found.posterior["s"].mean()) - share) < 0.02
    assert about["pareto_k"] < 0.5 and about["importance_ess"] > 2500


COUNTS = RNG.poisson(np.exp(0.3 + 0.8 * RNG.normal(size=12)))


def random_effects():
    with pm.Model() as model:
        s = pm.HalfNormal("s", 1.0)
        x = pm.Normal("x", 0.3, s, shape=12)
        pm.Poisson("y", pm.math.exp(x), observed=COUNTS)
    return model


def exact_effects():
    """Evidence, moments of the effects and the mean of their scale: each effect's integral given the scale, and the scale's."""
    u = np.linspace(-10.0, 2.0, 121)
    z = np.linspace(-10.0, 10.0, 1001)
    log_density, means, squares = np.empty(121), np.empty((121, 12)), np.empty((121, 12))
    for i, s in enumerate(np.exp(u)):
        x = 0.3 + s * z
        joint = stats.poisson.pmf(COUNTS[:, None], np.exp(x)) * stats.norm.pdf(z) * 0.02
        mass = joint.sum(1)
        means[i], squares[i] = joint @ x / mass, joint @ x**2 / mass
        log_density[i] = np.log(mass).sum() + stats.halfnorm.logpdf(s) + np.log(s)
    weights = np.exp(log_density - log_density.max())
    evidence = log_density.max() + np.log(weights.sum() * 0.1)
    weights /= weights.sum()
    mean = weights @ means
    return evidence, mean, np.sqrt(weights @ squares - mean**2), weights @ np.exp(u)


def test_counts_agree_with_quadrature_and_the_correction_helps():
    evidence, mean, sd, scale = exact_effects()
    plain = pm.fit_inla(random_effects(), strategy="gaussian", random_seed=1, draws=2000, backend="c", quiet=True)
    found = pm.fit_inla(random_effects(), random_seed=1, draws=2000, backend="c", quiet=True)
    errors = [np.abs((f.fit["mean"].values - mean) / sd) for f in (plain, found)]
    assert errors[1].max() < 0.04 and errors[0].max() > 2 * errors[1].max()
    np.testing.assert_allclose(found.fit["standard_deviations"].values / sd, 1.0, atol=0.05)
    assert abs(found.posterior.attrs["log_marginal_likelihood"] - evidence) < 0.1
    # Importance weights mend the evidence and the moments.
    weighed = pm.fit_inla(random_effects(), random_seed=2, draws=10_000, chains=1, importance_sampling="psir", backend="c", quiet=True)
    about = weighed.posterior.attrs
    assert about["pareto_k"] < 0.7 and abs(about["log_marginal_likelihood_psis"] - evidence) < 0.03
    assert abs(float(weighed.posterior["s"].mean()) - scale) < 0.02
    np.testing.assert_allclose((weighed.posterior["x"].values[0].mean(0) - mean) / sd, 0.0, atol=5 / np.sqrt(about["importance_ess"]))


def test_the_gradient_of_the_marginal_is_that_of_differences(backend):
    """Also where observations tie latent variables together: a categorical choice by their softmax."""
    with pm.Model() as model:
        s = pm.HalfNormal("s", 1.0)
        r = pm.Uniform("r", -0.9, 0.9)
        x = pm.AR("x", rho=[r], sigma=s, init_dist=pm.Normal.dist(0.0, 1.0), steps=5)
        pm.Categorical("y", p=pm.math.softmax(x), observed=[0, 3, 3, 5, 1])
        pm.Poisson("z", pm.math.exp(x), observed=[1, 0, 2, 4, 1, 3])
    marginal = marginal_of(model, backend)
    assert marginal.field.names == ("x",)
    theta = np.array([-0.4, 0.6])
    found = marginal.at(theta)
    h = 1e-4
    sides = [[marginal.at(theta + sign * h * e, found) for sign in (1, -1)] for e in np.eye(2)]
    np.testing.assert_allclose(found.gradient, [(up.log_marginal - down.log_marginal) / (2 * h) for up, down in sides], rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(found.slopes.T, [(up.x - down.x) / (2 * h) for up, down in sides], rtol=1e-5, atol=1e-7)


def test_backends_give_the_same(backend):
    one, other = (pm.fit_inla(random_effects(), random_seed=1, backend=b, quiet=True) for b in ("numpy", backend))
    np.testing.assert_allclose(other.fit["mean"], one.fit["mean"], rtol=1e-6)
    np.testing.assert_allclose(other.posterior["x"], one.posterior["x"], rtol=1e-5, atol=1e-6)


def test_what_is_latent_is_found_by_structure():
    with pm.Model() as model:
        s = pm.HalfNormal("s")
        log_tau = pm.Normal("log_tau")
        rho = pm.Normal("rho", 0.0, 0.3)
        beta = pm.Normal("beta", 0.0, 2.0, shape=2)
        mu = pm.Normal("mu", beta[0], 1.0)
        x = pm.GaussianRandomWalk("x", sigma=s, init_dist=pm.Normal.dist(mu, 1.0), steps=N - 1)
        c = pm.CAR("c", mu=mu, W=GRID, alpha=0.5, tau=pm.math.exp(log_tau))
        a = pm.AR("a", rho=[rho], sigma=1.0, init_dist=pm.Normal.dist(0.0, 1.0), steps=N - 1)
        t = pm.StudentT("t", 4.0)
        zero = pm.ZeroSumNormal("zero", shape=N)
        noise = pm.Normal("noise")
        pm.Normal("y", x + c + a + t + zero + beta[1], pm.math.exp(noise), observed=SERIES)
    field = latent_field(model)
    assert field.names == ("beta", "mu", "x", "c", "a", "zero") and field.hyper_names == ("s", "log_tau", "rho", "t", "noise")
    assert len(field.where) == 2 + 1 + 3 * N + N - 1 and len(field.hyper) == 5
    assert latent_field(model, ["x", c]).names == ("x", "c")


def test_of_two_that_multiply_one_is_a_hyperparameter():
    with pm.Model() as model:
        a = pm.Normal("a")
        x = pm.Normal("x", shape=4)
        pm.Normal("w", a * x, shape=4)
        pm.Potential("p", -(model["w"] ** 4).sum())
    assert latent_field(model).names == ("x", "w")
    with pytest.raises(ModelError, match="not jointly normal given the rest: a multiplies another one"):
        latent_field(model, ["a", "x", "w"])


def test_what_is_not_latent_is_refused_at_its_line():
    model = random_effects()
    with pytest.raises(ModelError, match="s is no latent Gaussian variable: HalfNormal is not normal") as raised:
        pm.fit_inla(model, latent=["s", "x"])
    assert "pm.HalfNormal" in raised.value.location.text
    with pytest.raises(ModelError, match="no free variable 'z'"):
        pm.fit_inla(model, latent="z")
    with pm.Model() as scaled:
        u = pm.Normal("u")
        pm.Normal("x", 0.0, pm.math.exp(u), shape=3)
    with pytest.raises(ModelError, match="u is no latent Gaussian variable beside x"):
        pm.fit_inla(scaled, latent=["u", "x"])
    with pm.Model() as positive:
        pm.Gamma("g", 1.0, 1.0)
    with pytest.raises(ModelError, match="no latent Gaussian variables"):
        pm.fit_inla(positive)
    with pm.Model() as discrete:
        pm.Normal("x", pm.Poisson("n", 2.0), 1.0)
    with pytest.raises(ModelError, match="n: a discrete free variable"):
        pm.fit_inla(discrete)
    with pytest.raises(ArgumentError, match="int_strategy must be one of 'auto', 'grid'"):
        pm.fit_inla(model, int_strategy="sobol")


def test_without_hyperparameters_it_is_laplaces_approximation():
    with pm.Model() as model:
        x = pm.Normal("x", shape=2)
        pm.Normal("y", x, 0.5, observed=[1.0, -1.0])
    found = pm.fit_inla(model, random_seed=1, backend="numpy")
    exact = stats.norm.logpdf([1.0, -1.0], 0.0, np.sqrt(1.25)).sum()
    assert abs(found.posterior.attrs["log_marginal_likelihood"] - exact) < 1e-8 and found.posterior.attrs["pareto_k"] == -np.inf


def test_other_ways_over_hyperparameters():
    evidence = exact_effects()[0]
    for way, error in (("ccd", 0.15), ("eb", 0.4)):
        found = pm.fit_inla(random_effects(), int_strategy=way, random_seed=1, backend="c", quiet=True)
        assert abs(found.posterior.attrs["log_marginal_likelihood"] - evidence) < error and found.posterior.attrs["int_strategy"] == way


def test_bad_approximations_say_of_what_k_hat_speaks():
    with pm.Model() as model:
        s = pm.HalfNormal("s", 3.0)
        x = pm.Normal("x", 0.0, s, shape=40)
        pm.Bernoulli("y", logit_p=x, observed=np.arange(40) % 5 == 0)
    with pytest.warns(ConvergenceWarning, match="joint distribution of 40 latent variables"):
        # The scale, which is far from certain, fixed at its mode.
        pm.fit_inla(model, int_strategy="eb", random_seed=1, backend="c")


@pytest.mark.skipif(os.environ.get("WORKBENCH_TESTS") != "all", reason="a long run of NUTS")
def test_a_thousand_nodes_agree_with_a_long_run():
    n = 1000
    rng = np.random.default_rng(5)
    counts = rng.poisson(np.exp(0.5 + 0.3 * np.cumsum(rng.normal(size=n)) / np.sqrt(np.arange(1, n + 1))))
    with pm.Model() as model:
        s = pm.HalfNormal("s", 0.5)
        rho = pm.Uniform("rho", 0.0, 0.99)
        x = pm.AR("x", rho=[rho], sigma=s, init_dist=pm.Normal.dist(0.0, 1.0), steps=n - 1)
        pm.Poisson("y", pm.math.exp(0.5 + x), observed=counts)
    found = pm.fit_inla(model, random_seed=1, quiet=True)
    run = pm.sample(4000, tune=1500, chains=4, model=model, random_seed=1, progressbar=False).posterior
    mean, sd = run["x"].mean(("chain", "draw")).values, run["x"].std(("chain", "draw")).values
    assert np.abs((found.fit["mean"].values - mean) / sd).max() < 0.12
    np.testing.assert_allclose(found.fit["standard_deviations"].values / sd, 1.0, atol=0.08)
    for name in ("s", "rho"):
        assert abs(float(found.posterior[name].mean() - run[name].mean()) / float(run[name].std())) < 0.2
