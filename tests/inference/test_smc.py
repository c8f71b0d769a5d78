"""`sample_smc` against closed forms: marginal likelihoods with their errors, weights of modes, discrete variables by enumeration."""

import os
import threading
import time

import numpy as np
import pytest
from scipy import special, stats

import workbench as pm
from workbench.errors import ArgumentError, ModelError, SamplingError, ShapeError
from workbench.inference.convergence import ConvergenceWarning

ALL = os.environ.get("WORKBENCH_TESTS") == "all"
KERNELS = ("IMH", "MH", "HMC")


def smc(model, draws=1000, kernel="IMH", seed=1, **options):
    options = {"return_inferencedata": False, "progressbar": False, "backend": "c", **options}
    return pm.sample_smc(draws, getattr(pm.smc, kernel), model=model, random_seed=seed, **options)


def errors_of(run):
    """The populations' marginal likelihoods, and their standard errors."""
    return np.array([c.evidence for c in run.chains]), np.sqrt([c.variance for c in run.chains])


def agrees(run, exact, most=3.5):
    assert abs(run.log_marginal_likelihood - exact) < most * run.log_marginal_likelihood_se
    assert run.log_marginal_likelihood_se < 0.1


def mean_agrees(draws, exact, most=4.0):
    """Whether the mean over the populations is exact, by how their means differ."""
    means = np.asarray(draws).mean(axis=1)
    assert np.all(np.abs(means.mean(axis=0) - exact) < most * means.std(axis=0, ddof=1) / np.sqrt(len(means)))


# Marginal likelihoods -------------------------------------------------------------------------------


def regression(d=3, n=30):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, d))
    y = X @ np.arange(1, d + 1) + rng.normal(size=n)
    with pm.Model() as model:
        b = pm.Normal("b", 0.0, 3.0, shape=d)
        pm.Normal("y", pm.math.dot(X, b), 1.0, observed=y)
    exact = stats.multivariate_normal.logpdf(y, np.zeros(n), np.eye(n) + 9.0 * X @ X.T)
    precision = X.T @ X + np.eye(d) / 9.0
    return model, exact, np.linalg.solve(precision, X.T @ y), np.sqrt(np.diag(np.linalg.inv(precision)))


@pytest.mark.parametrize("kernel", KERNELS)
def test_marginal_likelihoods_and_their_errors_are_those_of_linear_regression(kernel):
    model, exact, mean, sd = regression()
    run = smc(model, 400, kernel, chains=60)
    found, se = errors_of(run)
    z = (found - exact) / se
    # Of 60 standard normal numbers, with probability 0.999.
    assert 0.71 < z.std(ddof=1) < 1.33
    assert abs(z.mean()) < 3.3 / np.sqrt(60)
    agrees(run, exact)
    b = run.draws["b"]
    mean_agrees(b, mean)
    assert b.std(axis=(0, 1)) == pytest.approx(sd, rel=0.03)


@pytest.mark.skipif(not ALL, reason="long: WORKBENCH_TESTS=all")
@pytest.mark.parametrize("kernel", KERNELS)
def test_errors_are_calibrated_in_ten_dimensions(kernel):
    model, exact, mean, _ = regression(10)
    run = smc(model, 2000, kernel, chains=60)
    found, se = errors_of(run)
    z = (found - exact) / se
    assert 0.71 < z.std(ddof=1) < 1.33 and abs(z.mean()) < 0.6
    mean_agrees(run.draws["b"], mean)


def test_a_conjugate_normal_model():
    y = np.array([1.2, 0.4, 2.2, 1.9])
    with pm.Model() as model:
        mu = pm.Normal("mu", 0.0, 2.0)
        pm.Normal("y", mu, 1.5, observed=y)
    run = smc(model, 2000)
    agrees(run, stats.multivariate_normal.logpdf(y, np.zeros(4), 2.25 * np.eye(4) + 4.0))


def test_a_beta_binomial_model():
    with pm.Model() as model:
        p = pm.Beta("p", 2.0, 3.0)
        pm.Binomial("y", 12, p, observed=9)
    run = smc(model, 4000)
    agrees(run, stats.betabinom.logpmf(9, 12, 2.0, 3.0))
    mean_agrees(run.draws["p"], 11.0 / 17.0)


def test_potentials_count_with_the_likelihood():
    with pm.Model() as model:
        x = pm.Normal("x", 0.0, 1.0)
        pm.Potential("height", -2.0 * x**2 + 1.0)
    run = smc(model, 2000)
    agrees(run, 1.0 - 0.5 * np.log(5.0))
    assert run.draws["x"].std() == pytest.approx(5.0**-0.5, rel=0.03)


def test_a_likelihood_that_is_zero_at_most_draws_from_the_prior():
    with pm.Model() as model:
        upper = pm.Uniform("upper", 0.0, 50.0)
        pm.Uniform("y", 0.0, upper, observed=[40.0, 42.0])
    # The integral of 1 / (50 u^2) from 42 to 50.
    run = smc(model, 4000)
    agrees(run, np.log((1.0 / 42.0 - 1.0 / 50.0) / 50.0))
    assert run.draws["upper"].min() > 42.0


def test_missing_values_are_drawn():
    y = np.array([1.0, np.nan, 3.0, 2.5])
    with pytest.warns(pm.ImputationWarning), pm.Model() as model:
        mu = pm.Normal("mu", 0.0, 2.0)
        pm.Normal("y", mu, 1.0, observed=y)
    run = smc(model, 2000, chains=8)
    var = 1.0 / (3.0 + 0.25)
    agrees(run, stats.multivariate_normal.logpdf(y[[0, 2, 3]], np.zeros(3), np.eye(3) + 4.0))
    mean_agrees(run.draws["mu"], var * 6.5)
    mean_agrees(run.draws["y_unobserved"], var * 6.5)
    assert run.draws["y_unobserved"].std() == pytest.approx(np.sqrt(1.0 + var), rel=0.03)


# Posteriors -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kernel", KERNELS)
def test_modes_far_apart_have_their_weights(kernel):
    with pm.Model() as model:
        x = pm.Normal("x", 0.0, 5.0)
        modes = pm.math.logaddexp(np.log(0.3) + pm.logp(pm.Normal.dist(-4.0, 0.3), x), np.log(0.7) + pm.logp(pm.Normal.dist(3.0, 0.5), x))
        pm.Potential("modes", modes - pm.logp(pm.Normal.dist(0.0, 5.0), x))
    run = smc(model, 2000, kernel, chains=16, compute_convergence_checks=False)
    assert (run.draws["x"] > 0.0).mean() == pytest.approx(0.7, abs=0.015)
    agrees(run, 0.0)
    right = run.draws["x"][run.draws["x"] > 0.0]
    assert right.mean() == pytest.approx(3.0, abs=0.02) and right.std() == pytest.approx(0.5, rel=0.03)


COUNTS = np.array([3, 5, 2, 4, 3, 1, 0, 2, 1, 0, 1, 1])


def switch_point(kernel="IMH", **options):
    t = np.arange(len(COUNTS))
    with pm.Model() as model:
        tau = pm.DiscreteUniform("tau", 0, len(COUNTS) - 1)
        early, late = pm.Exponential("early", 0.5), pm.Exponential("late", 0.5)
        pm.Poisson("y", pm.math.where(t < tau, early, late), observed=COUNTS)
    return smc(model, 2000, kernel, chains=8, **options)


@pytest.mark.parametrize("kernel", KERNELS)
def test_discrete_variables_are_those_of_enumeration(kernel):
    t = np.arange(len(COUNTS))

    def part(y):
        # Exponential prior of rate 1/2 times Poisson likelihoods, integrated.
        return np.log(0.5) + special.gammaln(1.0 + y.sum()) - (1.0 + y.sum()) * np.log(0.5 + len(y)) - special.gammaln(y + 1.0).sum()

    terms = np.array([part(COUNTS[t < k]) + part(COUNTS[t >= k]) for k in t]) - np.log(len(t))
    exact = special.logsumexp(terms)
    run = switch_point(kernel)
    agrees(run, exact)
    tau = run.draws["tau"]
    shares = np.stack([(tau == k) for k in t], axis=-1)
    mean_agrees(shares[..., np.exp(terms - exact) > 0.02], np.exp(terms - exact)[np.exp(terms - exact) > 0.02], most=5.0)
    assert shares.mean(axis=(0, 1)) == pytest.approx(np.exp(terms - exact), abs=0.02)
    assert tau.dtype == np.int64


def test_a_hierarchical_model_as_by_nuts():
    y, sigma = np.array([28.0, 8, -3, 7, -1, 1, 18, 12]), np.array([15.0, 10, 16, 11, 9, 11, 10, 18])
    with pm.Model() as model:
        mu, tau = pm.Normal("mu", 0.0, 5.0), pm.HalfNormal("tau", 5.0)
        theta = pm.Normal("theta", mu, tau, shape=8)
        pm.Normal("y", theta, sigma, observed=y)
    run = smc(model, 4000, "HMC", chains=8)
    with model:
        z = pm.Normal("z", shape=8)  # noqa: F841
    with pm.Model() as other:
        mu, tau = pm.Normal("mu", 0.0, 5.0), pm.HalfNormal("tau", 5.0)
        theta = pm.Deterministic("theta", mu + tau * pm.Normal("z", shape=8))
        pm.Normal("y", theta, sigma, observed=y)
    nuts = pm.sample(4000, chains=4, model=other, random_seed=1, quiet=True, return_inferencedata=False, backend="c").draws
    for name in ("mu", "tau", "theta"):
        a, b = run.draws[name].mean(axis=1), nuts[name].mean(axis=1)
        se = np.sqrt(a.var(axis=0, ddof=1) / len(a) + b.var(axis=0, ddof=1) / len(b))
        assert np.all(np.abs(a.mean(axis=0) - b.mean(axis=0)) < 5.0 * se + 0.02)
        assert run.draws[name].std(axis=(0, 1)) == pytest.approx(nuts[name].std(axis=(0, 1)), rel=0.05)


# Results --------------------------------------------------------------------------------------------


def simple():
    with pm.Model(coords={"obs": ["a", "b"]}) as model:
        x = pm.Normal("x", 0.0, 1.0)
        pm.Deterministic("twice", 2.0 * x)
        pm.Normal("y", x, 1.0, observed=[1.0, 2.0], dims="obs")
    return model


def test_draws_do_not_depend_on_how_many_chains_run_at_once():
    one, two = (smc(simple(), 200, chains=3, cores=n) for n in (1, 3))
    assert (one.draws["x"] == two.draws["x"]).all() and one.log_marginal_likelihood == two.log_marginal_likelihood


@pytest.mark.parametrize("kernel", KERNELS)
def test_backends_draw_the_same(kernel):
    backends = ("c", "numpy", "numba", "jax") if ALL else ("c", "numpy")
    first, *others = (smc(simple(), 100, kernel, chains=1, backend=b, compute_convergence_checks=False) for b in backends)
    for other in others:
        assert other.draws["x"] == pytest.approx(first.draws["x"], rel=1e-9)
        assert other.log_marginal_likelihood == pytest.approx(first.log_marginal_likelihood, rel=1e-9)


def test_inference_data_has_pymcs_names():
    idata = smc(simple(), 500, chains=3, return_inferencedata=True, idata_kwargs={"log_likelihood": True})
    stats_of = idata.sample_stats
    assert {"beta", "accept_rate", "log_marginal_likelihood"} <= set(stats_of)
    assert stats_of["beta"].dims == ("chain", "stage") and (stats_of["beta"][:, -1] == 1.0).all()
    assert np.isfinite(stats_of["log_marginal_likelihood"][:, -1]).all() and np.isnan(stats_of["log_marginal_likelihood"][:, :-1]).all()
    assert idata.posterior["x"].shape == (3, 500) and idata.log_likelihood["y"].shape == (3, 500, 2)
    assert np.allclose(idata.posterior["twice"], 2.0 * idata.posterior["x"])
    assert idata.observed_data["y"].coords["obs"].values.tolist() == ["a", "b"]
    assert stats_of.attrs["log_marginal_likelihood"] == pytest.approx(float(special.logsumexp(stats_of["log_marginal_likelihood"][:, -1])) - np.log(3))


def test_particles_begin_where_a_user_says():
    rng = np.random.default_rng(1)
    exact = stats.multivariate_normal.logpdf([1.0, 2.0], np.zeros(2), np.eye(2) + 1.0)
    agrees(smc(simple(), 2000, start={"x": rng.normal(size=2000)}), exact)
    run = smc(simple(), 2000, chains=2, start=[{"x": rng.normal(size=2000)}, None])
    agrees(run, exact)


# Stopping -------------------------------------------------------------------------------------------


def test_a_run_that_is_stopped_has_no_posterior():
    model, *_ = regression(40, 60)
    run = smc_run(model)
    run.start()
    while not any(c.stages for c in run.chains):
        time.sleep(0.01)
    run.stop()
    with pytest.raises(SamplingError, match="before a population came to the posterior") as found:
        run.wait()
    assert found.value.run is run and run.state == "stopped"
    assert 0.0 < max(c.beta for c in run.chains) < 1.0
    assert run.draws == {} and run.tempered["b"].shape[1:] == (5000, 40)
    with pytest.raises(SamplingError, match="inverse temperatures"):
        run.idata


def smc_run(model):
    from workbench.inference.smc.run import SmcRun

    kernel = pm.smc.MH
    return SmcRun(model, 5000, kernel, kernel.settings, 2, 2, 1, "c", [{}, {}])


def test_an_interrupt_keeps_populations_at_the_posterior(monkeypatch):
    from workbench.inference.smc.run import SmcRun

    advance = SmcRun._advance

    def slow(self, chain):
        if chain.number == 1:
            self.stopping.wait(20)
            return
        advance(self, chain)

    monkeypatch.setattr(SmcRun, "_advance", slow)
    import _thread

    threading.Timer(3.0, _thread.interrupt_main).start()
    with pytest.warns(ConvergenceWarning, match="the run was stopped"):
        idata = smc(simple(), 300, chains=2, cores=2, return_inferencedata=True)
    assert idata.posterior.chain.values.tolist() == [0]


# Bad input ------------------------------------------------------------------------------------------


def test_nothing_observed():
    with pm.Model() as model:
        pm.Normal("x")
    with pytest.raises(SamplingError, match="no observed variable and no potential"):
        smc(model)


def test_an_improper_prior():
    with pm.Model() as model:
        x = pm.Flat("x")
        pm.Normal("y", x, 1.0, observed=0.0)
    with pytest.raises(SamplingError, match="improper"):
        smc(model)


def test_starts_of_other_shapes_and_names():
    with pytest.raises(ShapeError, match=r"one value for each of 1000 particles has \(1000,\)"):
        smc(simple(), start={"x": np.zeros(10)})
    with pytest.raises(ModelError, match="which no free variable is called"):
        smc(simple(), start={"z": np.zeros(1000)})
    with pytest.raises(SamplingError, match="a list of 4"):
        smc(simple(), start=[{"x": np.zeros(1000)}])


def test_a_likelihood_that_is_zero_everywhere_names_the_variable():
    with pm.Model() as model:
        p = pm.Beta("p", 1.0, 1.0)
        pm.Bernoulli("y", p, observed=[0, 1, 2])
    with pytest.raises(SamplingError, match="the likelihood is 0 at all 1000 draws from the prior") as found:
        smc(model)
    assert "Bernoulli" in found.value.location.text


def test_a_likelihood_that_is_no_number():
    with pm.Model() as model:
        x = pm.Normal("x")
        pm.Potential("bad", pm.math.log(-1.0 - x**2))
    with pytest.raises(SamplingError, match="the log-likelihood is no number"):
        smc(model)
    with pm.Model() as model:
        x = pm.Normal("x")
        pm.Potential("half", pm.math.log(x))
    with pytest.warns(ConvergenceWarning, match="no number, or infinite, at"):
        run = smc(model)
    agrees(run, np.log(np.sqrt(2.0 / np.pi) / 2.0))


def test_options_that_are_not_there():
    with pytest.raises(ArgumentError, match="did you mean threshold"):
        smc(simple(), treshold=0.4)
    with pytest.raises(SamplingError, match="threshold must lie between 0 and 1"):
        smc(simple(), threshold=1.5)
    with pytest.raises(ArgumentError, match="no kernel"):
        pm.sample_smc(kernel="gibbs", model=simple())
    with pytest.raises(SamplingError, match="draws must be at least 4"):
        smc(simple(), 2)


def test_minibatches_are_refused():
    data = np.random.default_rng(1).normal(size=50)
    with pm.Model() as model:
        mu = pm.Normal("mu")
        pm.Normal("y", mu, 1.0, observed=pm.Minibatch(data, batch_size=10), total_size=50)
    with pytest.raises(ModelError, match="(?i)minibatch"):
        smc(model, 100)
