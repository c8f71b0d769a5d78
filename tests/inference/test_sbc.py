"""Simulation-based calibration: right posteriors pass, wrong ones are found; the truth is the closed form of normal-normal models."""

import os
import sys
import threading
import time

import numpy as np
import pytest

import workbench as pm
from workbench.errors import ArgumentError, ModelError, SamplingError
from workbench.inference import step_methods
from workbench.inference.sbc import Study

N = 5
ALL = os.environ.get("WORKBENCH_TESTS") == "all"


@pytest.fixture(scope="module")
def normal():
    """The posterior of mu is normal, with mean sum(y) / (N + 1) and variance 1 / (N + 1)."""
    with pm.Model() as model:
        mu = pm.Normal("mu", 0.0, 1.0)
        pm.Normal("y", mu, 1.0, observed=np.zeros(N))
    return model


def exact(data, rng, scale=1.0, shift=0.0, n=99):
    sd = 1.0 / np.sqrt(N + 1.0)
    return {"mu": data["y"].sum() / (N + 1.0) + sd * (shift + scale * rng.normal(size=n))}


def test_ranks_among_exact_draws_are_uniform(normal):
    found = pm.sbc(normal, 2000, posterior=exact, random_seed=1)
    assert found.ranks["mu"].shape == found.ranks["log_likelihood"].shape == (2000,)
    assert found.passed and min(float(p) for p in found.p_values.values()) > 0.05
    # Mean and variance of uniform whole numbers from 0 to 99, within four standard errors.
    ranks = found.ranks["mu"]
    assert abs(ranks.mean() - 49.5) < 4 * 28.866 / np.sqrt(2000)
    assert abs(ranks.var() / 833.25 - 1.0) < 4 * np.sqrt(0.8 / 2000)
    assert "nothing speaks against" in str(found)


@pytest.mark.parametrize("options, words", [
    ({"scale": 0.8}, "too narrow"), ({"scale": 1.25}, "too wide"), ({"shift": 0.3}, "too high"), ({"shift": -0.3}, "too low"),
])  # fmt: skip
def test_wrong_posteriors_are_found_and_said_to_be(normal, options, words):
    found = pm.sbc(normal, 1000, posterior=lambda data, rng: exact(data, rng, **options), log_likelihood=False, random_seed=2)
    assert not found.passed and float(found.p_values["mu"]) < 1e-3
    assert words in found.table()[0]["verdict"] and words in str(found)


def test_a_posterior_that_is_the_prior_is_seen_in_the_log_likelihood_alone(normal):
    found = pm.sbc(normal, 200, posterior=lambda data, rng: {"mu": rng.normal(size=99)}, random_seed=3)
    verdicts = {row["name"]: row["adjusted"] for row in found.table()}
    assert verdicts["log_likelihood"] < 1e-6 and verdicts["mu"] > 0.05


def test_a_quantity_of_parameters_and_data_is_ranked(normal):
    quantities = {"gap": lambda v: v["mu"] - v["y"].mean(), "both": lambda v: np.array([v["mu"], -v["mu"]])}
    found = pm.sbc(normal, 60, posterior=exact, quantities=quantities, random_seed=4)
    assert found.ranks["both"].shape == (60, 2) and found.elements["both"] == ["both[0]", "both[1]"]
    # Ranks of what grows with mu are those of mu, and of what falls the others.
    np.testing.assert_array_equal(found.ranks["gap"], found.ranks["mu"])
    np.testing.assert_array_equal(found.ranks["both"], np.stack([found.ranks["mu"], 99 - found.ranks["mu"]], axis=1))


def test_ties_are_broken_at_random():
    """A Bernoulli variable of probability 0.3 whose posterior is its prior: ranks are uniform only if ties are."""
    with pm.Model() as model:
        pm.Bernoulli("k", 0.3)
        pm.Normal("y", 0.0, 1.0, observed=[0.0])
    found = pm.sbc(model, 2000, posterior=lambda data, rng: {"k": rng.uniform(size=99) < 0.3}, log_likelihood=False, random_seed=5)
    assert float(found.p_values["k"]) > 0.01
    assert np.bincount(found.ranks["k"], minlength=100).min() > 3


def test_nuts_passes_on_a_normal_model(normal):
    found = pm.sbc(normal, 100, draws=400, tune=300, random_seed=6)
    assert found.passed and (found.ess >= 99).all() and not found.failures


@pytest.mark.parametrize("how", ["array", "data", "counts", "missing"])
def test_observed_values_are_replaced_however_they_were_given(how):
    with pm.Model() as model:
        mu = pm.Normal("mu", 0.0, 1.0)
        if how == "counts":
            pm.Poisson("y", pm.math.exp(mu), observed=[1, 2, 3])
        elif how == "missing":
            with pytest.warns(pm.ImputationWarning):
                pm.Normal("y", mu, 1.0, observed=np.ma.masked_invalid([1.0, np.nan, 2.0]))
        else:
            values = [0.5, 1.0]
            pm.Normal("y", mu, 1.0, observed=pm.Data("values", values) if how == "data" else values)
    found = pm.sbc(model, 20, draws=200, tune=200, random_seed=7)
    assert not found.failures and found.ranks["mu"].shape == (20,)
    assert found.passed


def test_the_same_seed_gives_the_same_ranks_on_any_number_of_cores(normal):
    a, b, c = (pm.sbc(normal, 6, draws=150, tune=100, random_seed=s, cores=k) for s, k in ((8, 1), (8, 3), (9, 1)))
    for name in a.ranks:
        np.testing.assert_array_equal(a.ranks[name], b.ranks[name])
    assert any((a.ranks[name] != c.ranks[name]).any() for name in a.ranks)


def test_a_chain_is_made_longer_where_its_draws_depend_on_each_other(normal):
    # 99 effective draws do not come out of 20.
    found = pm.sbc(normal, 6, draws=20, tune=200, random_seed=10)
    assert (found.ess >= 99).all() and (found.ranks["mu"] <= 99).all()


def test_it_is_compiled_once_for_all_replicates(normal, monkeypatch):
    made, module = [], sys.modules[Study.__module__]
    linked = module.LinkedSampler
    monkeypatch.setattr(module, "LinkedSampler", lambda *a: made.append(1) or linked(*a))
    pm.sbc(normal, 8, draws=120, tune=100, random_seed=11, cores=1)
    assert len(made) == 1


def test_an_interrupt_keeps_what_is_done(normal, monkeypatch):
    begun = threading.Event()

    def slow(data, rng):
        time.sleep(0.02)
        return exact(data, rng)

    def interrupted(self, shown):
        if len(self.done) >= 3 and not begun.is_set():
            begun.set()
            raise KeyboardInterrupt

    monkeypatch.setattr(Study, "_show", interrupted)
    found = pm.sbc(normal, 500, posterior=slow, random_seed=12, cores=2)
    assert 3 <= len(found.numbers) < 500 and found.asked == 500
    assert f"{len(found.numbers)} of 500 replicates" in str(found)
    np.testing.assert_array_equal(found.ranks["mu"][:3], pm.sbc(normal, 500, posterior=exact, random_seed=12).ranks["mu"][found.numbers[:3]])


def test_a_replicate_that_fails_is_left_out_and_told_of(normal):
    def sometimes(data, rng):
        if data["y"][0] > 1.0:
            raise ValueError("no posterior here")
        return exact(data, rng)

    found = pm.sbc(normal, 40, posterior=sometimes, random_seed=13)
    assert found.failures and len(found.failures) + len(found.numbers) == 40
    assert "no posterior here" in str(found)
    with pytest.raises(SamplingError, match="all 5 replicates failed; number 0: ValueError: never"):
        pm.sbc(normal, 5, posterior=lambda data, rng: (_ for _ in ()).throw(ValueError("never")), random_seed=14)


@pytest.mark.parametrize("options, error, message", [
    ({"replicates": 0}, SamplingError, "replicates"), ({"ranked": 0}, SamplingError, "ranked"), ({"draws": 1.5}, ArgumentError, "draws"),
    ({"cores": 0}, SamplingError, "cores"), ({"var_names": ["nothing"]}, ModelError, "'nothing'"), ({"var_names": []}, ModelError, "var_names"),
    ({"posterior": 3}, ArgumentError, "posterior"), ({"quantities": {"mu": len}}, ArgumentError, "'mu'"), ({"quantities": {"t": 1}}, ArgumentError, "t must be"),
    ({"quantities": [len]}, ArgumentError, "functions by name"),
    ({"posterior": lambda data, rng: {"mu": np.zeros(5)}}, ArgumentError, "5 draws, fewer than ranked=99"),
    ({"posterior": lambda data, rng: {"nu": np.zeros(99)}}, ArgumentError, "nu: draws of no variable"),
    ({"posterior": lambda data, rng: {"mu": np.zeros((99, 2))}}, ArgumentError, "mu: draws of shape"),
    ({"posterior": lambda data, rng: np.zeros(99)}, ArgumentError, "draws by variable"),
])  # fmt: skip
def test_what_cannot_be_is_refused(normal, options, error, message):
    with pytest.raises(error, match=message):
        pm.sbc(normal, **{"replicates": 4, "random_seed": 1, **options})


def test_a_model_without_observed_variables_is_refused():
    with pm.Model() as model:
        pm.Normal("x")
    with pytest.raises(ModelError, match="nothing is observed"):
        pm.sbc(model)


def test_a_variable_called_as_the_log_likelihood_is_refused_or_ranked():
    with pm.Model() as model:
        mu = pm.Normal("mu", 0.0, 1.0)
        pm.Deterministic("log_likelihood", 2.0 * mu)
        pm.Normal("y", mu, 1.0, observed=np.zeros(N))
    with pytest.raises(ArgumentError, match="called log_likelihood"):
        pm.sbc(model, 5, posterior=exact)
    twice = pm.sbc(model, 5, posterior=lambda d, rng: {"log_likelihood": 2.0 * exact(d, rng)["mu"]}, log_likelihood=False, random_seed=1)
    np.testing.assert_array_equal(twice.ranks["log_likelihood"], pm.sbc(model, 5, posterior=exact, log_likelihood=False, random_seed=1).ranks["mu"])


def test_potentials_are_warned_of(normal):
    with pm.Model() as model:
        mu = pm.Normal("mu", 0.0, 1.0)
        pm.Potential("more", -mu)
        pm.Normal("y", mu, 1.0, observed=np.zeros(N))
    with pytest.warns(UserWarning, match="potentials"):
        pm.sbc(model, 5, posterior=exact, random_seed=1)


def test_it_is_drawn(normal):
    import matplotlib

    matplotlib.use("Agg")
    found = pm.sbc(normal, 100, posterior=lambda data, rng: exact(data, rng, scale=0.6), random_seed=15)
    figure = found.plot()
    rows = [axis.get_ylabel() for axis in figure.axes[::2]]
    assert rows == ["mu", "log_likelihood"]
    # The curve that leaves its band is the share of ranks below less what it should be.
    low, high = found.band()
    curve = figure.axes[0].lines[-1].get_ydata()
    below = np.array([(found.ranks["mu"] < k).sum() for k in range(1, 100)])
    np.testing.assert_allclose(curve, below / 100 - np.arange(1, 100) / 100)
    assert ((below < low) | (below > high)).any()
    assert len(found.plot("mu").axes) == 2
    with pytest.raises(ModelError, match="'nothing'"):
        found.plot("nothing")


def eight_schools():
    sd = np.array([15.0, 10, 16, 11, 9, 11, 10, 18])
    with pm.Model(coords={"school": list("abcdefgh")}) as model:
        mu = pm.Normal("mu", 0.0, 5.0)
        tau = pm.HalfNormal("tau", 5.0)
        z = pm.Normal("z", 0.0, 1.0, dims="school")
        theta = pm.Deterministic("theta", mu + tau * z, dims="school")
        pm.Normal("y", theta, sd, observed=np.zeros(8), dims="school")
    return model


def test_eight_schools_pass():
    found = pm.sbc(eight_schools(), 200 if ALL else 30, draws=1000 if ALL else 400, tune=1000 if ALL else 400, random_seed=16)
    assert found.passed, str(found)
    assert found.elements["theta"][1] == "theta[b]" and found.ranks["theta"].shape[1:] == (8,)


def logistic():
    """Patients in hospitals of their own rates."""
    with pm.Model(coords={"hospital": list("abcde")}) as model:
        mu = pm.Normal("mu", 0.0, 1.0)
        tau = pm.HalfNormal("tau", 1.0)
        z = pm.Normal("z", 0.0, 1.0, dims="hospital")
        slope = pm.Normal("slope", 0.0, 1.0)
        x = np.linspace(-1.0, 1.0, 50)
        pm.Bernoulli("y", logit_p=mu + tau * z[np.arange(50) % 5] + slope * x, observed=np.zeros(50, int))
    return model


def switch_point():
    """Counts whose rate changes in a year that is not known."""
    with pm.Model() as model:
        when = pm.DiscreteUniform("when", 0, 29)
        early, late = pm.Exponential("early", 0.5), pm.Exponential("late", 0.5)
        pm.Poisson("disasters", pm.math.where(np.arange(30) < when, early, late), observed=np.ones(30, int))
    return model


@pytest.mark.skipif(not ALL, reason="200 replicates: in make test-statistical")
def test_a_hierarchical_logistic_model_passes():
    found = pm.sbc(logistic(), 200, random_seed=17)
    assert found.passed, str(found)


def test_a_switch_point_passes():
    """The year and the rates in turn, each by the method that it is assigned."""
    replicates = 200 if ALL else 20
    found = pm.sbc(switch_point(), replicates, 4000 if ALL else 1000, tune=1000 if ALL else 500, ranked=99 if ALL else 19, random_seed=18)
    assert found.passed and found.ranks["when"].shape == (replicates,), str(found)


@pytest.mark.skipif(not ALL, reason="200 replicates for each step method: in make test-statistical")
@pytest.mark.parametrize("name", [n for n in ("NUTS", "HamiltonianMC", "Metropolis", "Slice", "DEMetropolisZ") if hasattr(step_methods, n)])
def test_every_step_method_passes(name):
    with pm.Model() as model:
        mu = pm.Normal("mu", 0.0, 1.0)
        sigma = pm.Exponential("sigma", 1.0)
        pm.Normal("y", mu, sigma, observed=np.zeros(6))
        step = getattr(pm, name)([mu, sigma])
    found = pm.sbc(model, 200, 4000, tune=2000, step=step, random_seed=19)
    assert found.passed, str(found)


@pytest.mark.skipif(not ALL, reason="200 replicates: in make test-statistical")
def test_a_population_passes():
    """Six chains that move each other: draws of all of them."""
    with pm.Model() as model:
        seen = pm.Data("seen", np.zeros(6))
        mu = pm.Normal("mu", 0.0, 1.0)
        sigma = pm.Exponential("sigma", 1.0)
        pm.Normal("y", mu, sigma, observed=seen)
        step = pm.DEMetropolis()

    def posterior(data, rng):
        pm.set_data({"seen": data["y"]}, model)
        run = pm.sample(2000, tune=1000, chains=6, step=step, model=model, random_seed=int(rng.integers(2**31)), quiet=True, return_inferencedata=False)
        return {name: v[:, 19::20].reshape(-1) for name, v in run.draws.items()}

    found = pm.sbc(model, 200, posterior=posterior, cores=1, random_seed=21)
    assert found.passed and not found.failures, str(found)


@pytest.mark.skipif(not ALL, reason="200 replicates for each step method: in make test-statistical")
@pytest.mark.parametrize("name", ["BinaryMetropolis", "BinaryGibbsMetropolis", "CategoricalGibbsMetropolis", "Metropolis"])
def test_every_step_method_for_integers_passes(name):
    """Flags of mixture components, with the mean that they share."""
    with pm.Model() as model:
        flag = pm.Bernoulli("flag", 0.4, shape=4)
        mu = pm.Normal("mu", 0.0, 1.0)
        pm.Normal("y", mu + 2.0 * flag, 1.0, observed=np.zeros(4))
        step = getattr(pm, name)([flag])
    found = pm.sbc(model, 200, 4000, tune=1000, step=step, random_seed=20)
    assert found.passed, str(found)


def centred():
    with pm.Model() as model:
        mu = pm.Normal("mu", 0.0, 5.0)
        tau = pm.HalfNormal("tau", 5.0)
        theta = pm.Normal("theta", mu, tau, shape=8)
        pm.Normal("y", theta, np.array([15.0, 10, 16, 11, 9, 11, 10, 18]), observed=np.zeros(8))
    return model


@pytest.mark.skipif(not ALL, reason="300 replicates of chains that diverge: in make test-statistical")
def test_a_funnel_that_trees_do_not_reach_the_neck_of_is_found():
    with centred() as model:
        step = pm.NUTS(trajectories="trees")
    found = pm.sbc(model, 300, step=step, random_seed=3)
    assert not found.passed and (found.divergences > 0).mean() > 0.5
    assert (found.ranks["tau"] < 10).mean() > 0.15  # of a hundred ranks: small values are missing


@pytest.mark.skipif(not ALL, reason="300 replicates of a funnel: in make test-statistical")
def test_a_centred_funnel_passes():
    """Finer steps come to its neck."""
    found = pm.sbc(centred(), 300, random_seed=3)
    assert found.passed, str(found)
    # Four standard errors of a share of one in ten.
    assert abs((found.ranks["tau"] < 10).mean() - 0.1) < 4.0 * np.sqrt(0.09 / 300)
