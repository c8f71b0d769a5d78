"""Draws of variables that a transform restricts, against distribution functions of what is left: 20,000 draws see a difference of 1.2 %."""

import numpy as np
import pytest
from scipy import integrate, stats
from workbench.distributions.transforms import (
    Chain,
    Interval,
    Ordered,
    Transform,
    log,
    log_exp_m1,
    logodds,
    ordered,
    simplex,
)

import workbench as pm
import workbench.tensor as pt
from workbench.errors import ModelError, SamplingError

COUNT = 20_000


def prior(model, draws=COUNT, **options):
    return pm.sample_prior_predictive(draws, model=model, random_seed=3, return_inferencedata=False, **options)


def follows(draws, cdf):
    return stats.kstest(np.ravel(draws), cdf).pvalue > 0.001


def order_statistic(i, n, cdf):
    """The distribution function of the i-th smallest of n independent draws."""
    return lambda x: stats.beta(i + 1, n - i).cdf(cdf(x))


def test_exchangeable_variables_in_order_are_their_order_statistics():
    with pm.Model() as model:
        pm.Normal("up", 1.0, 2.0, shape=7, transform=ordered)
        pm.Normal("rows", 1.0, [[1.0], [2.0]], shape=(2, 3), transform=ordered)
        pm.Gumbel("down", 0.5, [2.0, 2.0, 2.0], transform=Ordered(ascending=False))
        pm.Exponential("waiting", 2.0, shape=3, transform=ordered)
        pm.Uniform("share", 0.0, 1.0, shape=2, default_transform=Chain([logodds, ordered]))
        pm.StudentT("positive", 3.0, 0.2, sigma=1.0, shape=2, transform=Ordered(positive=True))
    drawn = prior(model)
    normal, t = stats.norm(1.0, 2.0).cdf, stats.t(3.0, 0.2)
    for i in range(7):
        assert follows(drawn["up"][:, i], order_statistic(i, 7, normal)), i
    for i in range(3):
        assert follows(drawn["rows"][:, 0, i], order_statistic(i, 3, stats.norm(1.0, 1.0).cdf))
        assert follows(drawn["rows"][:, 1, i], order_statistic(i, 3, normal))
        assert follows(drawn["down"][:, i], order_statistic(2 - i, 3, stats.gumbel_r(0.5, 2.0).cdf))
        assert follows(drawn["waiting"][:, i], order_statistic(i, 3, stats.expon(scale=0.5).cdf))
    for i in range(2):
        assert follows(drawn["share"][:, i], order_statistic(i, 2, stats.uniform().cdf))
        assert follows(drawn["positive"][:, i], order_statistic(i, 2, lambda x: (t.cdf(x) - t.cdf(0)) / t.sf(0)))
    for name in ("up", "rows", "waiting", "share", "positive"):
        assert (np.diff(drawn[name], axis=-1) >= 0).all(), name


def test_others_in_order_are_those_that_came_so():
    with pm.Model() as model:
        pm.Normal("x", [-0.5, 0.5], 1.0, transform=ordered)
        pm.MvNormal("z", [0.0, 0.0], [[1.0, 0.5], [0.5, 2.0]], transform=ordered)
    drawn = prior(model)
    for name, mean, variance in (("x", 1.0, 2.0), ("z", 0.0, 2.0)):
        step = stats.norm(mean, np.sqrt(variance))
        assert follows(np.diff(drawn[name]), lambda d, step=step: (step.cdf(d) - step.cdf(0)) / step.sf(0))


def test_bounds_restrict_each_element():
    with pm.Model() as model:
        pm.StudentT("between", 3.0, 0.0, sigma=1.0, shape=4, transform=Interval(0.5, 2.0))
        pm.Normal("above", 0.0, [1.0, 3.0], transform=log)
        pm.Normal("also above", 0.0, 1.0, default_transform=log_exp_m1)
        pm.Gamma("within", 2.0, 1.0, transform=Interval(-1.0, 1.0), default_transform=None)
    with pm.Model() as other:
        pm.Laplace("chained", 0.0, 1.0, shape=2, transform=Chain([Interval(0.0, 1.0), ordered]))
    drawn = prior(model) | prior(other)

    def part(frozen, low, high=np.inf):
        return lambda x: (frozen.cdf(x) - frozen.cdf(low)) / (frozen.cdf(high) - frozen.cdf(low))

    assert follows(drawn["between"][:, 0], part(stats.t(3.0), 0.5, 2.0)) and follows(drawn["between"][:, 3], part(stats.t(3.0), 0.5, 2.0))
    assert follows(drawn["above"][:, 1], part(stats.norm(0.0, 3.0), 0.0)) and follows(drawn["also above"], part(stats.norm(), 0.0))
    for i in range(2):
        assert follows(drawn["chained"][:, i], order_statistic(i, 2, part(stats.laplace(), 0.0, 1.0)))
    assert follows(drawn["within"], part(stats.gamma(2.0), 0.0, 1.0))


def hierarchy():
    with pm.Model() as model:
        s = pm.HalfNormal("s", 1.0)
        pm.Normal("k", 0.0, s, transform=Interval(0.5, 2.0))
    return model


def test_parents_count_by_how_probable_the_restriction_is():
    drawn = prior(hierarchy())

    def unscaled(s):
        return stats.halfnorm.pdf(s) * (stats.norm.cdf(2.0 / s) - stats.norm.cdf(0.5 / s)) if s else 0.0

    whole = integrate.quad(unscaled, 0, np.inf)[0]
    at = np.linspace(0, 6, 400)
    steps = [integrate.quad(unscaled, a, b)[0] for a, b in zip(at, at[1:])]
    assert follows(drawn["s"], lambda s: np.interp(s, at, np.concatenate([[0.0], np.cumsum(steps)]) / whole))
    assert drawn["k"].min() > 0.5 and drawn["k"].max() < 2.0


def test_given_parents_the_restricted_variable_is_drawn_on_its_own():
    given = {"s": np.repeat([0.3, 3.0], 5000)[None]}
    drawn = pm.sample_posterior_predictive(given, hierarchy(), var_names=["k"], random_seed=1, return_inferencedata=False)["k"][0]
    for rows, s in ((drawn[:5000], 0.3), (drawn[5000:], 3.0)):
        low, high = stats.norm.cdf([0.5 / s, 2.0 / s])
        assert follows(rows, lambda k, s=s, low=low, high=high: (stats.norm.cdf(k / s) - low) / (high - low))


def ordered_logistic():
    with pm.Model() as model:
        cuts = pm.Normal("cuts", 0.0, 2.0, shape=3, transform=ordered, initval=[-1.0, 0.0, 1.0])
        pm.OrderedLogistic("y", 0.3, cuts, observed=[0, 1, 2, 3])
    return model


def test_ordered_categories_have_the_probabilities_of_ordered_cutpoints():
    model = ordered_logistic()
    y = prior(model)["y"]
    lowest = stats.beta(1, 3)
    p = integrate.quad(lambda q: lowest.pdf(q) / (1.0 + np.exp(0.3 - stats.norm(0.0, 2.0).ppf(q))), 0, 1)[0]
    # Four of a draw share the cutpoints.
    assert stats.binomtest(int((y[:, 0] == 0).sum()), COUNT, p).pvalue > 0.001
    assert len(pm.sample_posterior_predictive({"x": np.zeros((1, 30))}, model, var_names=["y"], random_seed=1, return_inferencedata=False)["y"][0]) == 30


def test_draws_are_the_same_on_every_backend(backend):
    with pm.Model() as model:
        mu = pm.Normal("mu", 0.0, 1.0)
        pm.Normal("c", pt.stack([mu, -mu, 0.0]), 1.0, transform=ordered)
    few = prior(model, 40, compile_kwargs={"backend": backend})
    np.testing.assert_allclose(few["c"], prior(model, 300)["c"][:40], rtol=1e-9)
    assert (np.diff(few["c"]) > 0).all()


class Squashed(Transform):
    """A transform of someone's own, which says nothing of its range."""

    name = "squashed"

    def backward(self, value, rv):
        return pt.tanh(value)

    def forward(self, value, rv):
        return pt.arctanh(value)

    def log_jac_det(self, value, rv):
        return pt.log1p(-(pt.tanh(value) ** 2))


def test_the_range_of_a_transform_of_ones_own_is_found_by_mapping_there_and_back():
    with pm.Model() as model:
        pm.Normal("x", 0.0, 1.0, transform=Squashed())
    normal = stats.norm
    assert follows(prior(model)["x"], lambda x: (normal.cdf(x) - normal.cdf(-1)) / (normal.cdf(1) - normal.cdf(-1)))


@pytest.mark.filterwarnings("ignore:R-hat is above")
def test_what_draws_forward_keeps_to_the_restriction():
    model = ordered_logistic()
    assert (np.diff(pm.draw(model["cuts"], 30, random_seed=1)) > 0).all()
    assert (np.diff(pm.draw(model["cuts"] * 1.0)) > 0).all()
    assert (np.diff(pm.draw(pm.do(model, {"y": [0, 0, 0, 0]})["cuts"], 30, random_seed=1)) > 0).all()
    assert pm.check_priors(model, draws=2000).draws == 2000
    with pm.Model():
        c = pm.Normal("c", 0.0, 1.0, shape=5, transform=ordered)
        pm.Normal("y", c, 1.0, observed=np.zeros(5))
        smc = pm.sample_smc(40, chains=2, random_seed=1, progressbar=False)
    assert (np.diff(smc.posterior["c"]) > 0).all()
    seen = []

    def posterior(data, rng):
        seen.append(data["y"])
        return {"cuts": np.sort(rng.normal(size=(99, 3)))}

    with model:
        pm.sbc(replicates=10, posterior=posterior, log_likelihood=False, random_seed=1, progressbar=False)
    assert len(seen) == 10


def test_starts_that_are_draws_keep_to_the_restriction():
    with pm.Model() as model:
        c = pm.Normal("c", 0.0, 2.0, shape=4, transform=ordered, initval="prior")
        pm.Normal("d", c, 2.0, transform=ordered, initval="prior")
    for seed in range(20):
        assert all(np.isfinite(v).all() for v in model.initial_point(seed).values())


def test_what_cannot_be_drawn_is_refused():
    with pm.Model() as model:
        pm.Normal("p", 0.0, 1.0, shape=3, transform=simplex)
    with pytest.raises(ModelError, match="p cannot be drawn from its prior: its transform simplex leads to points without volume, on which Normal"):
        prior(model)
    with pm.Model() as model:
        mu = pm.Normal("mu")
        pm.Normal("far", mu, 1.0, transform=Interval(50.0, 51.0))
    with pytest.raises(SamplingError, match="far: 0 of .* draws lie where the transform leads"):
        prior(model, 100)


def test_what_transforms_of_supports_restrict_is_nothing():
    with pm.Model() as model:
        pm.Dirichlet("p", [0.01, 0.01, 0.01], default_transform=pm.distributions.transforms.stick_breaking)
        pm.Beta("b", 0.01, 0.01, transform=None, default_transform=Interval(0.0, 1.0))
        pm.Exponential("e", 1.0, default_transform=log_exp_m1)
        pm.ZeroSumNormal("z", shape=3)
        pm.LKJCholeskyCov("l", 1.0, 3, pm.Exponential.dist(1.0))
    drawn = prior(model, 2000)
    assert (drawn["p"] == 0.0).any() and (drawn["b"] == 1.0).any()
