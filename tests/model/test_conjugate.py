"""Variables with a conjugate prior, integrated out of models: densities by quadrature with SciPy, draws by their exact posteriors."""

from __future__ import annotations

import functools
import os

import numpy as np
import pytest
from scipy import integrate, stats

import workbench as pm
import workbench.tensor as pt
from workbench.errors import ModelError

GROUP = np.array([0, 0, 1, 1, 1, 2])
TRIALS, SUCCESSES = np.array([5, 6, 7, 8, 9, 4]), np.array([1, 2, 3, 4, 5, 0])


def batters():
    with pm.Model() as model:
        a = pm.HalfNormal("a", 2.0)
        p = pm.Beta("p", a, 2.0, shape=3)
        pm.Deterministic("odds", p / (1 - p))
        pm.Binomial("y", TRIALS, p[GROUP], observed=SUCCESSES)
    return model


def integral(f, low=0.0, high=np.inf):
    return integrate.quad(f, low, high, epsabs=0, epsrel=1e-11, limit=500)[0]


@functools.cache
def log_density_of_batters(a):
    found = stats.halfnorm(scale=2).logpdf(a)
    for k in range(3):
        n, y = TRIALS[k == GROUP], SUCCESSES[k == GROUP]
        found += np.log(integral(lambda t, n=n, y=y: stats.beta.pdf(t, a, 2) * np.prod(stats.binom.pmf(y, n, t)), high=1.0))
    return found


@pytest.mark.parametrize("backend", ["numpy", "c", "numba", "jax"])
def test_rows_share_the_variable_of_their_group(backend):
    made = pm.marginalize(batters(), "p")
    assert [x.name for x in made.free_RVs] == ["a"] and made.deterministics == []
    f = made.logp_dlogp_function(backend)
    value, slope = f(np.array([0.3]))
    a, h = np.exp(0.3), 1e-3
    assert value == pytest.approx(log_density_of_batters(a) + 0.3, rel=1e-9)
    ends = [log_density_of_batters(np.exp(0.3 + k * h)) + 0.3 + k * h for k in (-2, -1, 1, 2)]
    assert slope[0] == pytest.approx((ends[0] - 8 * ends[1] + 8 * ends[2] - ends[3]) / (12 * h), rel=1e-8)


def test_each_group_is_a_term_of_its_own():
    (term,) = [t for name, t in pm.marginalize(batters(), "p").density().elementwise.items() if name == "y"]
    assert term.type.shape == (3,)


def test_several_kinds_of_observations_share_a_rate():
    with pm.Model() as model:
        b = pm.Exponential("b", 1.0)
        rate = pm.Gamma("rate", 3.0, b)
        pm.Poisson("counts", rate * np.array([1.0, 2.0]), observed=[3, 7])
        pm.Exponential("gaps", rate, observed=[0.4, 0.1, 0.3])
        pm.Normal("noise", 1.0, tau=rate, observed=[1.5, 0.8])
    made = pm.marginalize(model, "rate")

    def joint(t):
        f = stats.gamma.logpdf(t, 3.0, scale=1 / 0.7) + stats.poisson.logpmf([3, 7], [t, 2 * t]).sum()
        return np.exp(f + stats.expon.logpdf([0.4, 0.1, 0.3], scale=1 / t).sum() + stats.norm.logpdf([1.5, 0.8], 1.0, t**-0.5).sum())

    known = np.log(integral(joint)) + stats.expon.logpdf(0.7) + np.log(0.7)
    assert float(made.compile_logp(backend="numpy")({"b_log__": np.log(0.7)})) == pytest.approx(known, rel=1e-9)


def test_the_variance_of_a_regression():
    x, y = np.array([-1.0, 0.0, 1.0, 2.0]), np.array([0.2, 1.1, 2.3, 2.8])
    with pm.Model() as model:
        slope = pm.Normal("slope", 0.0, 2.0)
        variance = pm.InverseGamma("variance", 2.0, 1.5)
        pm.Normal("y", 1.0 + slope * x, pt.sqrt(variance), observed=y)
    made = pm.marginalize(model, "variance")
    f = made.compile_logp(backend="numpy")
    for slope in (-0.3, 1.0):
        known = np.log(integral(lambda t, s=slope: stats.invgamma.pdf(t, 2.0, scale=1.5) * np.prod(stats.norm.pdf(y, 1 + s * x, t**0.5))))
        assert float(f({"slope": slope})) == pytest.approx(known + stats.norm(0, 2).logpdf(slope), rel=1e-9)


def test_what_depends_on_it_may_be_free():
    """Of unobserved gaps, in their unconstrained space, too."""
    with pm.Model() as model:
        rate = pm.Gamma("rate", 3.0, 2.0)
        gap = pm.Exponential("gap", rate, shape=2)
        pm.Normal("y", gap, 0.5, observed=[0.3, 0.9])
    f = pm.marginalize(model, "rate").compile_logp(backend="numpy")
    gap = np.array([0.4, 0.7])
    prior = np.log(integral(lambda t: stats.gamma.pdf(t, 3.0, scale=0.5) * np.prod(stats.expon.pdf(gap, scale=1 / t))))
    known = prior + np.log(gap).sum() + stats.norm(gap, 0.5).logpdf([0.3, 0.9]).sum()
    assert float(f({"gap_log__": np.log(gap)})) == pytest.approx(known, rel=1e-9)


def test_missing_values_are_observations_that_are_free():
    with pm.Model() as model, pytest.warns(pm.ImputationWarning):
        p = pm.Beta("p", 2.0, 1.0)
        pm.Bernoulli("y", p, observed=np.ma.masked_values([1, -1, 0], -1))
    f = pm.marginalize(model, "p").compile_logp(backend="numpy")
    known = integral(lambda t: stats.beta.pdf(t, 2, 1) * t**2 * (1 - t), high=1.0)
    assert float(f({"y_unobserved": [1]})) == pytest.approx(np.log(known), rel=1e-9)


def test_data_may_be_replaced_and_lengths_open():
    with pm.Model() as model:
        x = pm.Data("x", [1, 0, 1])
        p = pm.Beta("p", 2.0, 1.0)
        pm.Bernoulli("y", p, observed=x, shape=x.shape)
    f = pm.marginalize(model, "p").compile_logp(backend="numpy")
    assert float(f({})) == pytest.approx(np.log(integral(lambda t: stats.beta.pdf(t, 2, 1) * t**2 * (1 - t), high=1.0)), rel=1e-9)
    pm.set_data({"x": [0, 0, 0, 0, 1]}, model=model)
    assert float(f({})) == pytest.approx(np.log(integral(lambda t: stats.beta.pdf(t, 2, 1) * t * (1 - t) ** 4, high=1.0)), rel=1e-9)


def test_total_size_counts_for_all():
    with pm.Model() as model:
        p = pm.Beta("p", 2.0, 1.0)
        pm.Bernoulli("y", p, observed=[1, 0, 1], total_size=6)
    known = integral(lambda t: stats.beta.pdf(t, 2, 1) * t**4 * (1 - t) ** 2, high=1.0)
    assert float(pm.marginalize(model, "p").compile_logp(backend="numpy")({})) == pytest.approx(np.log(known), rel=1e-9)


def test_impossible_data_and_hyperparameters():
    with pm.Model() as model:
        a = pm.Normal("a")
        p = pm.Beta("p", a, 1.0)
        pm.Binomial("y", 3, p, observed=[2])
        pm.Poisson("count", 3.0, observed=[1])
    f = pm.marginalize(model, "p").compile_logp(backend="c")
    assert np.isfinite(f({"a": 1.0})) and f({"a": -1.0}) == -np.inf
    with pm.Model() as model:
        pm.Binomial("y", 3, pm.Beta("p", 1.0, 1.0), observed=[4])
    assert pm.marginalize(model, "p").compile_logp(backend="c")({}) == -np.inf


def test_what_is_recovered_has_the_posterior():
    with pm.Model() as model:
        p = pm.Beta("p", 2.0, 1.0, shape=2)
        pm.Binomial("y", 10, p, observed=[3, 9])
    made = pm.marginalize(model, "p")
    p = pm.draw(pm.conditional(made)["p"], 4000, random_seed=1)
    for k, (a, b) in enumerate([(5, 8), (11, 2)]):
        assert stats.kstest(p[:, k], stats.beta(a, b).cdf).pvalue > 1e-3


def test_categories_and_their_probabilities():
    with pm.Model() as model:
        p = pm.Dirichlet("p", np.array([1.0, 2.0, 0.5]))
        pm.Categorical("y", p, observed=[0, 2, 2, 1, 2])
    p = pm.draw(pm.conditional(pm.marginalize(model, "p"))["p"], 4000, random_seed=2)
    assert p.shape == (4000, 3)
    for k, a in enumerate([2.0, 3.0, 3.5]):
        assert stats.kstest(p[:, k], stats.beta(a, 8.5 - a).cdf).pvalue > 1e-3


def test_gibbs_draws_are_from_the_posterior():
    with pm.Model():
        tau = pm.Gamma("tau", 2.0, 1.0)
        pm.Normal("y", 0.5, tau=tau, observed=[1.0, 0.5, 2.0])
        idata = pm.sample(1000, tune=0, chains=4, step=pm.ConjugateGibbs([tau]), random_seed=3, progressbar=False, compute_convergence_checks=False)
    draws = idata.posterior["tau"].to_numpy().ravel()
    exact = stats.gamma(2.0 + 1.5, scale=1 / (1.0 + (0.25 + 0.0 + 2.25) / 2))
    assert stats.kstest(draws, exact.cdf).pvalue > 1e-3
    assert abs(np.corrcoef(draws[:-1], draws[1:])[0, 1]) < 0.06


@pytest.mark.skipif(os.environ.get("WORKBENCH_TESTS") != "all", reason="a long run: WORKBENCH_TESTS=all")
def test_gibbs_and_nuts_in_turn():
    """Weights of a mean and a precision that know of each other: the marginal of the mean by quadrature."""
    y = np.array([1.0, 0.5, 2.0, 1.4])
    with pm.Model():
        tau = pm.Gamma("tau", 2.0, 1.0)
        mu = pm.Normal("mu", 0.0, 1.0)
        pm.Normal("y", mu, tau=tau, observed=y)
        idata = pm.sample(4000, tune=500, step=pm.ConjugateGibbs([tau]), random_seed=4, progressbar=False, compute_convergence_checks=False)

    def joint(m, power=0):
        a, b = 2.0 + 2.0, 1.0 + np.sum((y - m) ** 2) / 2
        return stats.norm.pdf(m) * b**-a * m**power

    total, first, second = (integral(lambda m, k=k: joint(m, k), -np.inf) for k in (0, 1, 2))
    draws = idata.posterior["mu"].to_numpy()
    mean, sd = first / total, np.sqrt(second / total - (first / total) ** 2)
    # 16,000 draws of a chain that mixes fast: a standard error of about 1 % of the standard deviation.
    assert abs(draws.mean() - mean) < 0.05 * sd
    assert draws.std() == pytest.approx(sd, rel=0.05)


@pytest.mark.parametrize(
    "build, says",
    [
        (lambda p: pm.Binomial("y", 3, pm.math.sigmoid(p), observed=1), "y depends on it, and p of Binomial is computed from it"),
        (lambda p: pm.Normal("y", p, 1.0, observed=1.0), "Normal is none of the distributions that Beta is conjugate to"),
        (lambda p: pm.Potential("bonus", pm.math.log(p)), "the potential bonus depends on it"),
        (lambda p: pm.Multinomial("y", 3, pt.stack([p, 1 - p]), observed=[1, 2]), "Multinomial is none of the distributions"),
    ],
)
def test_what_is_not_conjugate_is_said_at_the_variables_line(build, says):
    with pm.Model() as model:
        p = pm.Beta("p", 1.0, 1.0)
        build(p)
    with pytest.raises(ModelError, match="p cannot be summed or integrated out") as error:
        pm.marginalize(model, "p")
    assert says in str(error.value) and 'pm.Beta("p", 1.0, 1.0)' in str(error.value)


def test_the_step_is_shown():
    trace = pm.marginalize(batters(), "p").trace()
    (record,) = [p for p in trace.passes if p.name == "conjugacy"]
    (firing,) = record.firings
    assert firing.rule.name == "conjugate_beta_prior" and "beta density again" in firing.rule.doc
    assert record.doc == "The Beta prior of p is conjugate to y (Binomial)."


def test_several_are_taken_out_in_turn():
    with pm.Model() as model:
        z = pm.Bernoulli("z", 0.3, shape=2)
        p = pm.Beta("p", 1.0, 2.0)
        tau = pm.Gamma("tau", 2.0, 1.0)
        pm.Normal("x", pm.math.where(z, 3.0, 0.0), 1.0, observed=[0.5, 2.0])
        pm.Binomial("y", 5, p, observed=2)
        pm.Normal("w", 0.0, tau=tau, observed=0.4)
    made = pm.marginalize(model, ["p", "z", "tau"])
    assert made.free_RVs == [] and {x.name for x in made.marginalized_RVs} == {"z", "p", "tau"}
    known = sum(np.log(0.3 * stats.norm.pdf(x, 3) + 0.7 * stats.norm.pdf(x)) for x in (0.5, 2.0))
    known += np.log(integral(lambda t: stats.beta.pdf(t, 1, 2) * stats.binom.pmf(2, 5, t), high=1.0))
    # Half a t distribution: of 2 * 2 degrees of freedom and a squared scale of 1 / 2.
    known += stats.t.logpdf(0.4, 4, scale=np.sqrt(0.5))
    assert float(made.compile_logp(backend="numpy")({})) == pytest.approx(known, rel=1e-9)


def test_normal_and_gamma_together():
    """A mean whose precision is a multiple of the observations': both leave, and the joint posterior comes back."""
    y = np.array([1.0, 0.2, 2.2])
    with pm.Model() as model:
        tau = pm.Gamma("tau", 2.0, 1.5)
        mu = pm.Normal("mu", 0.3, tau=0.5 * tau)
        pm.Normal("y", mu, tau=tau, observed=y)
    made = pm.marginalize(model, ["mu", "tau"])

    def joint(t, power=0):
        return stats.gamma.pdf(t, 2, scale=1 / 1.5) * stats.multivariate_normal.pdf(y, np.full(3, 0.3), (np.eye(3) + 2.0) / t) * t**power

    total, first = integral(joint), integral(lambda t: joint(t, 1))
    assert float(made.compile_logp(backend="numpy")({})) == pytest.approx(np.log(total), rel=1e-9)
    drawn = pm.conditional(made)
    tau, mu = pm.draw([drawn["tau"], drawn["mu"]], 20_000, random_seed=1)
    # Gamma(3.5, 1.5 + q / 2) with this mean; the mean's posterior is a t distribution of 7 degrees of freedom.
    assert stats.kstest(tau, stats.gamma(3.5, scale=first / total / 3.5).cdf).pvalue > 1e-3
    centre = (0.5 * 0.3 + y.sum()) / 3.5
    assert stats.kstest(mu, stats.t(7, centre, (3.5 * first / total) ** -0.5).cdf).pvalue > 1e-3


def test_a_conjugate_regression_has_a_multivariate_t_distribution():
    x = np.stack([np.ones(4), [-1.0, 0.0, 1.0, 2.5]], axis=1)
    y = np.array([0.2, 1.1, 2.3, 2.8])
    with pm.Model() as model:
        variance = pm.InverseGamma("variance", 3.0, 2.0)
        beta = pm.MvNormal("beta", np.array([0.5, 1.0]), cov=variance * np.array([[2.0, 0.3], [0.3, 1.0]]))
        pm.Normal("y", x @ beta, pt.sqrt(variance), observed=y)
    made = pm.marginalize(model, ["beta", "variance"])
    shape = (np.eye(4) + x @ np.array([[2.0, 0.3], [0.3, 1.0]]) @ x.T) * 2.0 / 3.0
    known = stats.multivariate_t(x @ [0.5, 1.0], shape, df=6).logpdf(y)
    assert float(made.compile_logp(backend="numpy")({})) == pytest.approx(known, rel=1e-10)


def test_a_precision_that_is_not_everywhere_stays():
    with pm.Model() as model:
        tau = pm.Gamma("tau", 2.0, 1.5)
        mu = pm.Normal("mu", 0.3, 1.0)
        pm.Normal("y", mu, tau=tau, observed=[1.0, 0.2])
    with pytest.raises(ModelError, match="tau cannot be summed or integrated out: y has a joint density, in which it is, since mu left"):
        pm.marginalize(model, ["mu", "tau"])
