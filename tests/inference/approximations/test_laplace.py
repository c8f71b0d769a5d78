"""Laplace's approximation: exact for normal posteriors, its error elsewhere that of the closed form, refusals at the line at fault."""

import numpy as np
import pytest
from scipy import special, stats

import workbench as pm
from workbench.errors import ArgumentError, ModelError, SamplingError
from workbench.inference.convergence import ConvergenceWarning

RNG = np.random.default_rng(1)
X = RNG.normal(size=(40, 3))
Y = X @ [1.0, -2.0, 0.5] + 0.7 * RNG.normal(size=40)


@pytest.fixture(scope="module")
def regression():
    with pm.Model(coords={"column": ["a", "b", "c"]}) as model:
        level = pm.Normal("level", 1.0, 3.0)
        beta = pm.Normal("beta", 0.0, 2.0, dims="column")
        pm.Deterministic("twice", 2.0 * beta, dims="column")
        pm.Normal("y", level + pm.math.dot(X, beta), 0.7, observed=Y)
    return model


def test_normal_posteriors_are_exact(regression, backend):
    found = pm.fit_laplace(regression, random_seed=1, backend=backend)
    design = np.column_stack([np.ones(40), X])
    prior = np.diag([9.0, 4.0, 4.0, 4.0])
    mean = np.array([1.0, 0.0, 0.0, 0.0])
    precision = design.T @ design / 0.49 + np.linalg.inv(prior)
    posterior = np.linalg.solve(precision, design.T @ Y / 0.49 + np.linalg.solve(prior, mean))
    evidence = stats.multivariate_normal.logpdf(Y, design @ mean, 0.49 * np.eye(40) + design @ prior @ design.T)
    np.testing.assert_allclose(found.fit["mean_vector"], posterior, atol=1e-10)
    np.testing.assert_allclose(found.fit["covariance_matrix"], np.linalg.inv(precision), atol=1e-10)
    about = found.posterior.attrs
    assert abs(about["log_marginal_likelihood"] - evidence) < 1e-8 and abs(about["log_marginal_likelihood_psis"] - evidence) < 1e-8
    assert about["pareto_k"] == -np.inf and "exact" in about["pareto_k_words"]
    np.testing.assert_allclose(found.posterior["twice"], 2.0 * found.posterior["beta"])
    assert found.posterior["beta"].dims == ("chain", "draw", "column") and found.posterior["beta"].shape == (2, 500, 3)
    assert list(found.fit["rows"].values) == ["level", "beta[a]", "beta[b]", "beta[c]"] and list(found.observed_data) == ["y"]


def test_draws_have_the_moments_of_the_normal(regression):
    found = pm.fit_laplace(regression, random_seed=2, draws=20_000, chains=1, backend="c")
    q = np.column_stack([found.posterior["level"].values[0], found.posterior["beta"].values[0]])
    covariance = found.fit["covariance_matrix"].values
    np.testing.assert_allclose((q.mean(0) - found.fit["mean_vector"].values) / np.sqrt(np.diag(covariance) / len(q)), 0.0, atol=4.0)
    whitened = (q - found.fit["mean_vector"].values) @ np.linalg.inv(np.linalg.cholesky(covariance)).T
    np.testing.assert_allclose(whitened.T @ whitened / len(q), np.eye(4), atol=0.04)
    expected = stats.multivariate_normal.logpdf(q[:50], found.fit["mean_vector"].values, covariance)
    np.testing.assert_allclose(found.sample_stats["log_q"].values[0, :50], expected, rtol=1e-10)


def test_the_mode_of_what_is_constrained_is_that_with_its_jacobian():
    """A gamma prior and Poisson counts: the logarithm of the rate has density ``a log(rate) - b rate``, so the mode log(a / b) and the precision a."""
    with pm.Model() as model:
        rate = pm.Gamma("rate", 3.0, 2.0)
        pm.Poisson("y", rate, observed=[4, 7, 2, 5])
    found = pm.fit_laplace(model, random_seed=1, draws=2000, backend="c")
    a, b = 3.0 + 18, 2.0 + 4
    np.testing.assert_allclose(found.fit["mean_vector"], [np.log(a / b)], atol=1e-9)
    np.testing.assert_allclose(found.fit["covariance_matrix"], [[1 / a]], rtol=1e-9)
    exact = special.gammaln(a) - a * np.log(b) - special.gammaln(3.0) + 3.0 * np.log(2.0) - special.gammaln(np.array([5.0, 8, 3, 6])).sum()
    about = found.posterior.attrs
    # Stirling's formula is Laplace's approximation of the gamma function: what it leaves is 1 / (12 a) - 1 / (360 a^3).
    assert abs(exact - about["log_marginal_likelihood"] - (1 / (12 * a) - 1 / (360 * a**3))) < 1e-7
    # 4,000 draws whose weights have a standard deviation of about 0.1.
    assert abs(about["log_marginal_likelihood_psis"] - exact) < 0.008 and about["pareto_k"] < 0.7
    np.testing.assert_allclose(found.posterior["rate"], np.exp(found.posterior["rate_log__"]))


def test_the_error_in_two_dimensions_is_that_of_quadrature():
    y = np.array([1, 0, 3, 2, 0, 4])
    with pm.Model() as model:
        level = pm.Normal("level", 0.0, 2.0)
        size = pm.HalfNormal("size", 1.0)
        pm.NegativeBinomial("y", pm.math.exp(level), size, observed=y)

    # The trapezoidal rule, of an integrand that is smooth and zero at the ends.
    v, u = np.meshgrid(np.linspace(-10, 10, 401), np.linspace(-14, 3, 401), indexing="ij")
    prior = stats.norm.logpdf(v, 0, 2) + stats.halfnorm.logpdf(np.exp(u)) + u
    density = np.exp(prior + stats.nbinom.logpmf(y, np.exp(u)[..., None], (1 / (1 + np.exp(v - u)))[..., None]).sum(-1))
    exact = np.log(density.sum() * (20 / 400) * (17 / 400))
    found = pm.fit_laplace(model, random_seed=3, draws=4000, importance_sampling="psir", backend="c", quiet=True)
    about = found.posterior.attrs
    assert 0.001 < abs(about["log_marginal_likelihood"] - exact) < 0.2
    assert abs(about["log_marginal_likelihood_psis"] - exact) < 0.02
    mean = (v * density).sum() / density.sum()
    spread = found.posterior["level"].values.std()
    assert abs(found.posterior["level"].values.mean() - mean) < 5 * spread / np.sqrt(about["importance_ess"])


def test_sparse_and_dense_are_the_same():
    n = 60
    with pm.Model() as model:
        level = pm.Normal("level", 0.0, 1.0)
        x = pm.GaussianRandomWalk("x", sigma=0.5, init_dist=pm.Normal.dist(0.0, 1.0), steps=n - 1)
        pm.Poisson("y", pm.math.exp(level + x), observed=np.random.default_rng(5).poisson(3.0, n))
    found = pm.fit_laplace(model, backend="c", random_seed=1, quiet=True)
    mode = found.fit["mean_vector"].values
    dense = model.compile_d2logp(backend="c")({"level": mode[0], "x": mode[1:]})
    np.testing.assert_allclose(found.fit["covariance_matrix"], np.linalg.inv(dense), rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(model.compile_dlogp(backend="c")({"level": mode[0], "x": mode[1:]}), 0.0, atol=1e-5)


def test_where_the_log_density_does_not_fall_the_direction_is_named():
    with pm.Model() as model:
        a = pm.Flat("a")
        b = pm.Flat("b")
        pm.Normal("y", a + b, 1.0, observed=[3.0])
    with pytest.raises(SamplingError, match=r"does not fall .* along [-+]0.71 [ab] [-+]0.71 [ab]") as raised:
        pm.fit_laplace(model, backend="numpy")
    assert "pm.Flat" in raised.value.location.text and "proper prior" in raised.value.hint


def test_a_density_without_upper_bound_is_refused():
    with pm.Model() as model:
        tau = pm.HalfCauchy("tau", 5.0)
        theta = pm.Normal("theta", 0.0, tau, shape=8)
        pm.Normal("y", theta, [15.0, 10, 16, 11, 9, 11, 10, 18], observed=[28.0, 8, -3, 7, -1, 1, 18, 12])
    with pytest.raises(SamplingError, match="tau_log__") as raised:
        pm.fit_laplace(model, backend="c")
    assert "pm.HalfCauchy" in raised.value.location.text


def test_what_it_cannot_do_is_said():
    with pm.Model() as model:
        n = pm.Poisson("n", 3.0)
        pm.Normal("y", n, 1.0, observed=2.0)
    with pytest.raises(ModelError, match="n: a discrete free variable"):
        pm.fit_laplace(model)
    with pytest.raises(ArgumentError, match="importance_sampling must be one of None, 'psis'"):
        pm.fit_laplace(model, importance_sampling="pareto")
    with pytest.raises(ArgumentError, match="must be a Model"):
        pm.fit_laplace("model")


@pytest.mark.parametrize("fit", [pm.fit_laplace, pm.fit_pathfinder, pm.fit_inla])
def test_minibatches_are_refused_and_new_data_are_those_of_the_next_fit(fit):
    with pm.Model() as model:
        x = pm.Normal("x")
        pm.Normal("y", x, 1.0, observed=pm.Minibatch(Y, batch_size=5), total_size=40)
    with pytest.raises(ModelError, match="its data are a minibatch"):
        fit(model)
    with pm.Model() as model:
        x = pm.Normal("x")
        pm.Normal("y", x, 1.0, observed=pm.Data("data", [1.0, 2.0]))
    for data in ([1.0, 2.0], [3.0, 4.0, 5.0]):
        pm.set_data({"data": data}, model=model)
        found = fit(model, random_seed=1, backend="numpy", quiet=True)
        exact = stats.multivariate_normal.logpdf(data, np.zeros(len(data)), np.eye(len(data)) + 1.0)
        # Of Pathfinder by importance weights, whose normal has the covariance of one step.
        assert abs(found.posterior.attrs["log_marginal_likelihood"] - exact) < (0.02 if fit is pm.fit_pathfinder else 1e-8)
        assert list(found.observed_data["y"].values) == data


def test_an_approximation_that_is_far_off_says_so():
    with pm.Model() as model:
        v = pm.Normal("v", 0.0, 3.0)
        pm.Normal("x", 0.0, pm.math.exp(v / 2), shape=5)
    with pytest.warns(ConvergenceWarning, match="k-hat"):
        found = pm.fit_laplace(model, random_seed=1, backend="c")
    assert found.posterior.attrs["pareto_k"] > 0.7
