"""`infer`: which steps a plan has and why, what its code gives, its switches; forms that pilots choose."""

import numpy as np
import pytest
from scipy import stats

import workbench as pm
from workbench.errors import ArgumentError, ModelError, SamplingError
from workbench.inference.diagnostics import mcse_mean
from workbench.inference.planning.model_steps import summed_out
from workbench.inference.planning.pilots import pulled

NU = 8.0
Y = np.array([28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0])
SIGMA = np.array([15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0])


def eight_schools():
    with pm.Model(coords={"school": list("ABCDEFGH")}) as model:
        mu, tau = pm.Normal("mu", 0.0, 5.0), pm.HalfCauchy("tau", 5.0)
        # With tails, so that nothing of it is known in closed form.
        pm.StudentT("y", NU, pm.Normal("theta", mu, tau, dims="school"), sigma=SIGMA, observed=Y, dims="school")
    return model


def posterior_means():
    """Of mu and log(tau), by quadrature over both and each school's effect."""
    mu, log_tau = np.linspace(-18.0, 25.0, 130)[:, None, None, None], np.linspace(-9.0, 5.0, 160)[None, :, None, None]
    z, w = np.polynomial.hermite_e.hermegauss(60)
    tau = np.exp(log_tau)
    likelihood = stats.t.pdf(Y[:, None], NU, mu + tau * z, SIGMA[:, None]) @ (w / w.sum())
    weight = likelihood.prod(axis=-1) * stats.norm.pdf(mu[..., 0, 0], 0.0, 5.0) * stats.halfcauchy.pdf(tau[..., 0, 0], 0.0, 5.0) * tau[..., 0, 0]
    weight /= weight.sum()
    return (weight * mu[..., 0, 0]).sum(), (weight * log_tau[..., 0, 0]).sum()


@pytest.fixture(scope="module")
def schools():
    """The plan for centred eight schools, and its result."""
    plan = pm.infer(eight_schools(), random_seed=5, run=False, show=False)
    return plan, plan.run()


def test_what_data_say_little_of_is_sampled_as_its_noise(schools):
    plan, idata = schools
    step = plan["non-centre theta"]
    assert step.on and "from its prior to its data" in step.reason and step.evidence["share of the data"] < 0.25
    assert idata.sample_stats["diverging"].sum() == 0 and not plan.advice
    assert list(idata.posterior["theta"]["school"].values) == list("ABCDEFGH")
    for x, truth in zip((idata.posterior["mu"].to_numpy(), np.log(idata.posterior["tau"].to_numpy())), posterior_means()):
        assert abs(x.mean() - truth) < 5.0 * mcse_mean(x)


def test_code_gives_the_same_draws(schools):
    plan, idata = schools
    names = {"model": plan.model}
    exec(plan.code().replace("model=made)", "model=made, progressbar=False, quiet=True)"), names)
    assert "pm.reparameterize(made, {'theta': 'noncentred'})" in plan.code() and idata.posterior.attrs["plan"] == plan.code()
    np.testing.assert_array_equal(names["idata"].posterior["theta"], idata.posterior["theta"])


def test_plans_are_shown_with_reasons(schools):
    plan, _ = schools
    assert "non-centre theta" in repr(plan) and "share of the data" in repr(plan) and "<table>" in plan._repr_html_()
    assert set(plan.seconds) >= {"planning and sampling"}


def test_a_step_that_is_switched_off_is_not_done(schools):
    plan, _ = schools
    options = dict(plan.sampling.options)
    try:
        plan["non-centre theta"].on = False
        plan.sampling.options |= {"draws": 100, "tune": 100}
        assert "reparameterize" not in plan.code() and plan.transformed().value_vars[2].name == "theta"
        idata = plan.run()
        assert idata.posterior.sizes["draw"] == 100 and plan.advice
    finally:
        plan["non-centre theta"].on = True
        plan.sampling.options.clear()
        plan.sampling.options |= options
    with pytest.raises(ArgumentError, match="did you mean 'non-centre theta'"):
        plan["noncentre theta"]


def test_what_data_say_much_of_is_sampled_as_itself():
    rng = np.random.default_rng(0)
    group = np.repeat(np.arange(10), 200)
    y = rng.normal(np.linspace(-3.0, 3.0, 10)[group], 1.0)
    with pm.Model() as model:
        mu, s = pm.Normal("mu", 0.0, 5.0), pm.HalfNormal("s", 5.0)
        z = pm.Normal("z", 0.0, 1.0, shape=10)
        a = pm.Deterministic("a", mu + s * z)
        pm.StudentT("y", 30.0, a[group], sigma=1.0, observed=y)
    plan = pm.infer(model, random_seed=1, run=False, show=False)
    step = plan["centre z"]
    assert step.on and step.evidence["share of the data"] > 0.9
    idata = plan.run()
    means = np.array([y[group == i].mean() for i in range(10)])
    assert np.abs(idata.posterior["a"].mean(("chain", "draw")) - means).max() < 0.05


def test_shares_of_draws_from_normal_models_are_the_exact_ones():
    """Of x ~ N(m, s) seen with noise of variance v the posterior is pulled to the data by s^2 / (s^2 + v), here with s and m that vary."""
    rng = np.random.default_rng(1)
    s, m = np.exp(rng.normal(0.0, 0.02, (4000, 1))), rng.normal(0.0, 0.3, (4000, 1))
    v, seen = np.array([0.01, 1.0, 25.0]), np.array([0.7, -0.4, 0.2])
    b = s**2 / (s**2 + v)
    x = b * seen + (1.0 - b) * m + s * np.sqrt(1.0 - b) * rng.normal(size=(4000, 3))
    assert pulled(x, np.broadcast_to(m, x.shape), np.broadcast_to(s, x.shape)) == pytest.approx(1.0 / (1.0 + v), abs=0.03)


def test_discrete_variables_are_summed_out_and_come_back():
    y = np.array([-2.1, -1.9, 2.2, 1.8, 2.0])
    with pm.Model() as model:
        mu = pm.Normal("mu", 0.0, 3.0, shape=2, transform=pm.distributions.transforms.ordered, initval=[-1.0, 1.0])
        k = pm.Categorical("k", [0.4, 0.6], shape=5)
        pm.Deterministic("centre", mu[k])
        pm.Normal("y", mu[k], 0.5, observed=y)
    plan = pm.infer(model, random_seed=2, run=False, show=False)
    assert plan["sum out k"].on and plan["sum out k"].evidence["how"] == "enumeration"
    posterior = plan.run().posterior
    assert (posterior["k"].mean(("chain", "draw")).round(2) == [0.0, 0.0, 1.0, 1.0, 1.0]).all() and "centre" in posterior
    names = {"model": model}
    exec(plan.code().replace("model=made)", "model=made, progressbar=False, quiet=True)"), names)
    np.testing.assert_array_equal(names["idata"].posterior["k"], posterior["k"])


def test_closed_forms_are_drawn_without_chains():
    with pm.Model() as model:
        p = pm.Beta("p", 2.0, 3.0)
        pm.Binomial("y", 10, p, observed=7)
    plan = pm.infer(model, random_seed=3, run=False, show=False)
    assert plan.exact and [s.name for s in plan.chosen] == ["integrate out p"] and "no chain runs" in repr(plan)
    p = plan.run().posterior["p"]
    assert abs(float(p.mean()) - 9.0 / 15.0) < 5.0 * np.sqrt(9 * 6 / (15**2 * 16)) / np.sqrt(p.size)
    names = {"model": model}
    exec(plan.code(), names)
    np.testing.assert_array_equal(names["idata"].posterior["p"], p)


def test_seconds_end_a_run():
    with pm.Model() as model:
        pm.StudentT("y", 4.0, pm.Normal("x", 0.0, 1.0, shape=20), sigma=1.0, observed=np.zeros(20))
    idata = pm.infer(model, seconds=300.0, random_seed=1, show=False)
    assert idata.posterior.sizes["draw"] >= 1000
    with pm.Model() as another:
        z = pm.Bernoulli("z", 0.5, shape=40) + 0.0
        pm.Potential("together", -((z @ np.random.default_rng(0).normal(size=(40, 40)) @ z) ** 2) * pm.Exponential("e", 1.0))
    with pytest.raises(SamplingError, match="time was over before the first draw"):
        pm.infer(another, seconds=1e-3, random_seed=1, show=False)


def test_what_cannot_be_inferred_is_said():
    with pm.Model() as nothing:
        pm.Normal("x", 0.0, 1.0, observed=1.0)
    with pytest.raises(SamplingError, match="no free variable"):
        pm.infer(nothing)
    with pm.Model() as improper:
        pm.Normal("y", pm.Normal("a"), 1.0, observed=1.0)
        pm.Flat("f")
    with pytest.raises(ModelError, match="f has an improper prior") as caught:
        pm.infer(improper)
    assert caught.value.location is not None
    with pytest.raises(ArgumentError, match="seconds must be"):
        pm.infer(improper, seconds=-1.0)
    with pm.Model() as impossible:
        pm.Uniform("y", 0.0, pm.HalfNormal("s") + 1.0, observed=-1.0)
    with pytest.raises(SamplingError, match="log-density is -inf"):
        pm.infer(impossible, show=False)


def test_options_that_are_changed_after_measuring_are_those_of_the_run(schools):
    plan, _ = schools
    before = dict(plan.sampling.options)
    try:
        plan.sampling.options |= {"draws": 50, "tune": 60}
        assert not plan.as_measured and plan.run().posterior.sizes["draw"] == 50
    finally:
        plan.sampling.options.clear()
        plan.sampling.options |= before
    assert plan.as_measured


def test_what_takes_far_more_work_summed_out_than_sampled_in_turn_is_not():
    x = np.random.default_rng(0).normal(size=(20, 8))
    with pm.Model() as slabs:
        spike = pm.Bernoulli("spike", 0.4, shape=8)
        pm.Normal("y", x @ (spike * pm.Normal("slab", 0.0, 1.0, shape=8)), 1.0, observed=x[:, 0])
    (step,), left = summed_out(slabs)
    assert not step.on and step.evidence["times the work"] > 200 and "sampled in turn" in step.reason and len(left.free_RVs) == 2
    with pm.Model() as switch:
        year = pm.DiscreteUniform("year", 0, 110)
        pm.Poisson("y", pm.math.where(np.arange(111) < year, pm.Exponential("early", 1.0), 1.0), observed=np.arange(111) % 3)
    (step,), left = summed_out(switch)
    assert step.on and len(left.free_RVs) == 1


# Other ways to draw -----------------------------------------------------------------------------

KINDS_SEEN = np.array([-3.2, -2.4, -3.0, 2.2, 3.1, 2.9, 3.5, 2.6, 2.8, 3.3])


def two_kinds(prior=lambda: pm.Normal("mu", 0.0, 4.0, shape=2)):
    """Two kinds of unequal shares: their means may change places, which is not as likely."""
    with pm.Model() as model:
        pm.NormalMixture("y", np.array([0.45, 0.55]), prior(), 1.0, observed=KINDS_SEEN)
    return model


def share_in_order():
    """Probability that the first mean is below the second, by quadrature."""
    a, b = np.meshgrid(*2 * [np.linspace(-9.0, 9.0, 901)], indexing="ij")
    log_p = stats.norm.logpdf(a, 0.0, 4.0) + stats.norm.logpdf(b, 0.0, 4.0)
    for y in KINDS_SEEN:
        log_p += np.logaddexp(np.log(0.45) + stats.norm.logpdf(y, a), np.log(0.55) + stats.norm.logpdf(y, b))
    p = np.exp(log_p - log_p.max())
    return p[a < b].sum() / p.sum()


def test_chains_that_stay_apart_give_way_to_populations():
    plan = pm.infer(two_kinds(), random_seed=2, run=False, show=False)
    step = plan["sample by populations"]
    assert step.on and "stay in different places" in step.reason and plan.how.function == "sample_smc"
    idata = plan.run()
    ordered = (idata.posterior["mu"][..., 0] < idata.posterior["mu"][..., 1]).to_numpy()
    error = max(ordered.mean(axis=1).std(ddof=1) / 2.0, np.sqrt(0.25 / ordered.size))
    assert abs(ordered.mean() - share_in_order()) < 4.0 * error < 0.04 and not plan.advice
    names = {"model": plan.model}
    exec(plan.code().replace("model=made)", "model=made, progressbar=False)"), names)
    np.testing.assert_array_equal(names["idata"].posterior["mu"], idata.posterior["mu"])
    step.on = False
    assert plan.how.function == "sample" and any("several modes" in line for line in (plan.run(), plan.advice)[1])


def test_what_populations_cannot_do_is_said_and_chains_go_on():
    plan = pm.infer(two_kinds(lambda: pm.Flat("mu", shape=2)), random_seed=2, run=False, show=False)
    step = plan["sample by populations"]
    assert not step.on and "but that fails" in step.reason
    assert plan.run().posterior.sizes["chain"] == 4 and any("several modes" in line for line in plan.advice)


def counts_by_group(groups=120):
    y = np.random.default_rng(4).poisson(np.exp(np.random.default_rng(3).normal(1.0, 0.6, (groups, 3))[:, :1]), (groups, 3))
    with pm.Model() as model:
        mu, s = pm.Normal("mu", 0.0, 2.0), pm.HalfNormal("s", 1.0)
        pm.Poisson("y", pm.math.exp(pm.Normal("a", mu, s, shape=(groups, 1))), observed=y)
    return model, y


def test_many_latent_gaussian_variables_are_approximated_where_weights_make_that_right():
    model, y = counts_by_group()
    plan = pm.infer(model, random_seed=6, run=False, show=False)
    step = plan["approximate mu, a"]
    assert step.on and step.evidence["k-hat"] < 0.5 and plan.how.function == "fit_inla" and "no chain runs" in repr(plan)
    idata = plan.run()
    # The truth by quadrature: of both numbers on a grid, of each group's effect by Gauss and Hermite around its mode.
    mu, s = np.linspace(0.6, 1.5, 61)[:, None, None, None], np.linspace(0.3, 1.0, 71)[None, :, None, None]
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    a = mu + s * nodes
    totals, number = y.sum(axis=1), y.shape[1]
    known, times = np.unique(totals, return_counts=True)
    log_p = sum(n * np.log(np.exp(t * a - number * np.exp(a)) @ (weights / weights.sum())) for t, n in zip(known, times))[..., 0]
    log_p += stats.norm.logpdf(mu[..., 0, 0], 0.0, 2.0) + stats.halfnorm.logpdf(s[..., 0, 0])
    p = np.exp(log_p - log_p.max())
    p /= p.sum()
    assert p[[0, -1]].sum() + p[:, [0, -1]].sum() < 1e-6
    for name, grid in (("mu", mu[..., 0, 0]), ("s", s[..., 0, 0])):
        truth = (p * grid).sum()
        spread = np.sqrt((p * (grid - truth) ** 2).sum())
        assert abs(float(idata.posterior[name].mean()) - truth) < 4.0 * spread / np.sqrt(step.evidence["independent draws"])
        assert float(idata.posterior[name].std()) == pytest.approx(spread, rel=6.0 / np.sqrt(2.0 * step.evidence["independent draws"]))
    names = {"model": model}
    exec(plan.code(), names)
    np.testing.assert_array_equal(names["idata"].posterior["a"], idata.posterior["a"])


def test_an_approximation_that_weights_cannot_mend_is_not_taken():
    with pm.Model() as model:
        mu, s = pm.Normal("mu", 0.0, 2.0), pm.HalfNormal("s", 3.0)
        pm.Bernoulli("y", logit_p=pm.Normal("a", mu, s, shape=150), observed=np.arange(150) % 2)
    plan = pm.infer(model, random_seed=3, run=False, show=False)
    step = plan["approximate mu, a"]
    assert not step.on and step.evidence["k-hat"] > 0.5 and plan.how.function == "sample" and plan.run().posterior.sizes["draw"] >= 1000


def test_too_little_time_for_chains_gives_an_approximation_and_says_so():
    with pm.Model() as model:
        x = pm.Normal("x", 0.0, 1.0, shape=53)
        pm.StudentT("y", 4.0, x, sigma=pm.HalfNormal("s", 1.0), observed=np.linspace(-3.0, 3.0, 53))
    plan = pm.infer(model, seconds=1e-3, random_seed=1, run=False, show=False)
    assert "warm-up of a chain came to draw" in plan["approximate"].reason and plan.how.function == "fit_pathfinder"
    assert plan.run().posterior["x"].shape[-1] == 53 and any("approximation" in line for line in plan.advice)
