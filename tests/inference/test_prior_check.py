"""Priors beside the scale of the data: what is found has a known answer, and what fits is not found fault with."""

import numpy as np
import pytest
from scipy import stats

import workbench as pm
from workbench.datasets import simulate_radon
from workbench.errors import ModelError
from workbench.inference import prior_check

RNG = np.random.default_rng(7)


def normal_model(scale, data, centre=0.0, sigma=1.0):
    with pm.Model() as model:
        mu = pm.Normal("mu", centre, scale)
        pm.Normal("y", mu, sigma, observed=data)
    return model


def found(model, **options):
    return {(f.variable, f.statistic): f for f in pm.check_priors(model, **options).findings}


def test_a_mean_that_the_prior_does_not_reach():
    data = RNG.normal(250.0, 1.0, 50)
    (finding,) = pm.check_priors(normal_model(10.0, data)).findings
    assert (finding.variable, finding.statistic, finding.cause) == ("y", "mean", "mu ~ Normal(0, 10)")
    assert finding.observed == pytest.approx(data.mean())
    # The mean of 50 is normal, of variance 100 + 1 / 50.
    edge = stats.norm.ppf(0.9995) * np.sqrt(100.0 + 1.0 / 50.0)
    assert finding.low == pytest.approx(-edge, rel=0.15)
    assert finding.high == pytest.approx(edge, rel=0.15)
    assert "Give mu a centre near 2" in str(finding)


@pytest.mark.parametrize(("distance", "surprise"), [(2.0, False), (2.8, False), (4.2, True), (6.0, True)])
def test_a_surprise_begins_at_one_in_a_thousand(distance, surprise):
    # 3.29 standard deviations have a probability of 0.001 outside.
    data = np.full(4, distance * np.sqrt(1.0 + 0.25)) + np.array([-1.0, 1.0, -1.0, 1.0])
    assert (("y", "mean") in found(normal_model(1.0, data))) is surprise


def test_data_from_the_prior_itself_are_a_surprise_as_often_as_is_said():
    with pm.Model() as model:
        mu, sigma = pm.Normal("mu", 0.0, 3.0), pm.HalfNormal("sigma", 2.0)
        values = pm.Data("values", np.zeros(20), dims="row")
        pm.Normal("y", mu, sigma, observed=values, dims="row")
    surprises = 0
    for _ in range(80):
        pm.set_data({"values": RNG.normal(RNG.normal(0.0, 3.0), abs(RNG.normal(0.0, 2.0)), 20)}, model)
        surprises += len(pm.check_priors(model, draws=2500).findings)
    # Four statistics, each with 0.001 or less: more than 4 have a probability below 1e-4.
    assert surprises <= 4


@pytest.mark.parametrize(("scale", "wide"), [(700.0, False), (1400.0, True), (1e6, True)])
def test_a_prior_a_thousand_times_as_wide_as_the_data_says_nothing(scale, wide):
    data = stats.norm.ppf((np.arange(200) + 0.5) / 200.0)
    finding = found(normal_model(scale, data)).get(("y", "width"))
    assert (finding is not None) is wide
    if finding is not None:
        assert finding.cause == f"mu ~ Normal(0, {scale:.6g})" or finding.cause.startswith("mu ~ ")
        assert finding.observed == pytest.approx(data.std())
        assert finding.high == pytest.approx(1.96 * scale, rel=0.1)


def test_data_that_vary_more_or_less_than_the_prior_has_it():
    for spread, size in ((1000.0, "larger"), (1e-4, "smaller")):
        with pm.Model() as model:
            mu, sigma = pm.Normal("mu", 0.0, 2.0 * spread if spread > 1 else 0.1), pm.Gamma("sigma", 20.0, 20.0)
            pm.Normal("y", mu, sigma, observed=RNG.normal(0.0, spread, 100))
        finding = found(model)["y", "standard deviation"]
        assert finding.cause == "sigma ~ Gamma(20, 20)"
        assert f"Try a {size} scale for sigma, or standardise the data" in str(finding)


def test_an_outlier_is_told_by_its_place():
    data = RNG.normal(0.0, 1.0, 400)
    data[17] = 8.0
    found_here = found(normal_model(1.0, data))
    assert list(found_here) == [("y", "largest value")]
    assert "at index 17, or take a distribution with heavier tails" in str(found_here["y", "largest value"])


def test_what_is_infinite_is_told():
    with pm.Model() as model:
        b = pm.Normal("b", 0.0, 1000.0)
        pm.Normal("y", pm.math.exp(b), 1.0, observed=[1.0, 2.0, 3.0])
    finding = found(model)["y", "finite"]
    # exp is infinite above 709.78.
    assert 1.0 - finding.observed == pytest.approx(stats.norm.sf(709.78 / 1000.0), abs=0.03)
    assert finding.cause == "b ~ Normal(0, 1000)"


def test_counts_and_shares():
    with pm.Model() as model:
        p, rate = pm.Beta("p", 1.0, 1000.0), pm.Exponential("rate", 0.01)
        pm.Bernoulli("won", p, observed=[1, 1, 0, 1, 1, 1])
        pm.Poisson("n", rate, observed=[80, 95, 110, 102])
    assert {name for name, _ in found(model)} == {"won"}
    assert found(model)["won", "mean"].cause == "p ~ Beta(1, 1000)"


def test_a_model_that_fits_is_not_found_fault_with():
    data = simulate_radon()
    with pm.Model(coords={"county": data["names"]}) as model:
        mu_a, sigma_a = pm.Normal("mu_a", 0.0, 10.0), pm.HalfNormal("sigma_a", 1.0)
        a = pm.Normal("a", mu_a, sigma_a, dims="county")
        pm.Normal("y", a[data["county"]], pm.HalfNormal("eps", 1.5), observed=data["log_radon"])
    assert repr(pm.check_priors(model)) == (
        "The data are no surprise under the priors: their means, standard deviations and extremes are like those of 4,000 simulated data sets."
    )


def test_missing_values_vectors_and_single_values():
    with pm.Model() as model:
        mu = pm.Normal("mu", 0.0, 1.0, shape=2)
        pm.MvNormal("v", mu, np.eye(2), observed=np.zeros((5, 2)) + np.array([0.0, 90.0]))
        with pytest.warns(UserWarning, match="missing"):
            pm.Normal("gaps", mu[0], 1.0, observed=[0.1, np.nan, 0.3])
        pm.Normal("one", mu[0], 1.0, observed=-50.0)
        pm.Normal("none", mu[0], 1.0, observed=np.zeros(0))
    assert {name for name, _ in found(model)} == {"v", "one"}
    assert {s for name, s in found(model) if name == "one"} == {"mean"}


def test_the_same_seed_finds_the_same_and_blocks_are_joined(monkeypatch):
    model = normal_model(10.0, RNG.normal(250.0, 1.0, 50))
    once = pm.check_priors(model, random_seed=3)
    assert once == pm.check_priors(model, random_seed=3) != pm.check_priors(model, random_seed=4)
    monkeypatch.setattr(prior_check, "BLOCK", 50 * 700)
    (finding,) = pm.check_priors(model, random_seed=3).findings
    assert finding.low == pytest.approx(once.findings[0].low, rel=0.2)


def test_what_cannot_be_checked_is_said():
    with pm.Model() as nothing:
        pm.Normal("x")
    with pytest.raises(ModelError, match="nothing is observed"):
        pm.check_priors(nothing)
    with pm.Model() as improper:
        pm.Normal("y", pm.Flat("x"), 1.0, observed=[1.0])
    with pytest.raises(ModelError, match="improper"):
        pm.check_priors(improper)
    with pytest.raises(ModelError, match="too few"):
        pm.check_priors(normal_model(1.0, [0.0]), draws=100)
