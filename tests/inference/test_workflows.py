"""Whole workflows, from a model to ArviZ's summaries, comparisons and plots, and predictions, each with few draws.

They run to the end, and what is estimated from much data is near the truth that the data were made with.
"""

import os

import arviz as az
import matplotlib
import matplotlib.pyplot
import numpy as np
import pytest

import workbench as pm
import workbench.tensor as pt

matplotlib.use("Agg")
pytestmark = pytest.mark.filterwarnings("ignore")

DRAWS = np.random.RandomState(1)
X = DRAWS.normal(size=40)
Y = 1 + 2 * X + DRAWS.normal(size=40)
GROUP = np.arange(40) % 5
COUNT = DRAWS.poisson(3, size=40)
BINARY = DRAWS.randint(0, 2, size=40)
WALK = 0.3 * np.cumsum(DRAWS.normal(size=30))
VECTORS = DRAWS.normal(size=(20, 3))
SAMPLED = dict(draws=60, tune=150, chains=2, random_seed=1, progressbar=False)


def sampled(**options):
    return pm.sample(**SAMPLED, **options)


def predicted(idata, **options):
    return pm.sample_posterior_predictive(idata, random_seed=1, progressbar=False, **options)


def regression():
    with pm.Model(coords={"obs": range(40)}):
        x = pm.Data("x", X, dims="obs")
        a, b, s = pm.Normal("a"), pm.Normal("b"), pm.HalfNormal("s")
        mu = pm.Deterministic("mu", a + b * x, dims="obs")
        pm.Normal("y", mu, s, observed=Y, dims="obs", shape=x.shape)
        idata = sampled(idata_kwargs={"log_likelihood": True})
        idata.extend(pm.sample_prior_predictive(20, random_seed=1))
        idata.extend(predicted(idata))
        pm.set_data({"x": [0.0, 1.0]}, coords={"obs": [0, 1]})
        later = predicted(idata, predictions=True)
    assert later.predictions["y"].shape == (2, 60, 2)
    assert abs(float(idata.posterior["b"].mean()) - 2.0) < 0.6
    assert {"mean", "r_hat"} <= set(pm.summary(idata, var_names=["a", "b", "s"]).columns)
    assert np.isfinite(pm.loo(idata).elpd_loo)
    assert np.isfinite(pm.waic(idata).elpd_waic)
    pm.plot_trace(idata, var_names=["a"])
    pm.plot_ppc(idata, num_pp_samples=5)
    pm.plot_pair(idata, var_names=["a", "b"], divergences=True)
    pm.plot_loo_pit(idata, y="y")


def comparison():
    found = {}
    for name in ("flat", "sloped"):
        with pm.Model():
            slope = pm.Normal("b") if name == "sloped" else 0.0
            pm.Normal("y", pm.Normal("a") + slope * X, pm.HalfNormal("s"), observed=Y)
            found[name] = sampled()
            pm.compute_log_likelihood(found[name], progressbar=False)
    table = pm.compare(found)
    assert table.index[0] == "sloped"
    pm.plot_compare(table)


def hierarchy_with_labels():
    with pm.Model(coords={"group": list("abcde"), "obs": range(40)}) as model:
        mu, tau = pm.Normal("mu"), pm.HalfNormal("tau")
        theta = pm.Deterministic("theta", mu + tau * pm.Normal("z", dims="group"), dims="group")
        pm.Normal("y", theta[GROUP], pm.HalfNormal("s"), observed=Y, dims="obs")
        idata = sampled()
    again = pm.compute_deterministics(idata.posterior[["mu", "tau", "z"]], model=model, progressbar=False)
    np.testing.assert_allclose(again["theta"], idata.posterior["theta"], rtol=1e-12)
    assert list(idata.posterior["theta"].sel(group="c").dims) == ["chain", "draw"]
    pm.plot_forest(idata, var_names=["theta"], combined=True)


def density_of_ones_own():
    with pm.Model():
        mu = pm.Normal("mu")
        pm.CustomDist(
            "y", mu, logp=lambda v, mu: pt.sum(-0.5 * (v - mu) ** 2), observed=Y,
            random=lambda mu, rng=None, size=None: rng.normal(mu, 1, size=size),
        )  # fmt: skip
        idata = sampled()
        pm.compute_log_likelihood(idata, progressbar=False)
        after = predicted(idata)
    # The posterior is normal, of mean sum(y) / 41 and standard deviation 1 / sqrt(41).
    assert abs(float(idata.posterior["mu"].mean()) - Y.sum() / 41) < 0.15
    assert idata.log_likelihood["y"].shape == (2, 60)
    assert after.posterior_predictive["y"].shape == (2, 60, 40)


def categories():
    with pm.Model():
        b = pm.Normal("b", shape=(2, 3))
        pm.Categorical("y", p=pm.math.softmax(np.column_stack([np.ones(40), X]) @ b, axis=-1), observed=COUNT % 3)
        idata = sampled(idata_kwargs={"log_likelihood": True})
        after = predicted(idata)
    pm.loo(idata)
    assert set(np.unique(after.posterior_predictive["y"])) <= {0, 1, 2}


def counts():
    with pm.Model():
        mu = pm.math.exp(pm.Normal("a") + pm.Normal("b", sigma=0.5) * X)
        pm.NegativeBinomial("y", mu=mu, alpha=pm.Exponential("alpha", 1), observed=COUNT)
        idata = sampled(target_accept=0.9)
        predicted(idata, extend_inferencedata=True)
    pm.plot_ppc(idata, kind="cumulative", num_pp_samples=5)
    pm.plot_rank(idata)
    assert float(pm.ess(idata)["a"]) > 10
    assert np.all(pm.bfmi(idata) > 0.1)


def missing_outcomes():
    holes = Y.copy()
    holes[::7] = np.nan
    with pm.Model():
        pm.Normal("y", pm.Normal("a") + pm.Normal("b") * X, 1, observed=holes)
        idata = sampled()
        predicted(idata)
    assert idata.posterior["y_unobserved"].shape == (2, 60, 6)


def mixture():
    with pm.Model(coords={"component": range(2)}):
        w = pm.Dirichlet("w", np.ones(2), dims="component")
        mu = pm.Normal("mu", 0, 5, dims="component", transform=pm.distributions.transforms.ordered, initval=[-1, 1])
        pm.NormalMixture("y", w=w, mu=mu, sigma=pm.HalfNormal("s", 1, dims="component"), observed=Y)
        idata = sampled(idata_kwargs={"log_likelihood": True})
        predicted(idata, var_names=["y"])
    assert (idata.posterior["mu"][..., 0] < idata.posterior["mu"][..., 1]).all()
    pm.loo(idata)


def intervention():
    with pm.Model() as generative:
        z = pm.Normal("z", shape=40)
        t = pm.Normal("t", z, 1)
        b = pm.Normal("b", shape=2)
        pm.Normal("y", b[0] * z + b[1] * t, 1)
    observed = pm.observe(generative, {"z": X, "t": X + 1, "y": Y})
    with observed:
        idata = sampled()
    at = [
        predicted(idata, model=pm.do(observed, {"t": np.full(40, v)}), var_names=["y"], predictions=True).predictions["y"] for v in (0.0, 1.0)
    ]
    assert abs(float((at[1] - at[0]).mean()) - float(idata.posterior["b"][..., 1].mean())) < 0.2


def survival():
    seen = np.minimum(3 * DRAWS.weibull(1.5, size=40), 3.0)
    with pm.Model():
        latent = pm.Weibull.dist(pm.HalfNormal("alpha", 2), pm.HalfNormal("beta", 5))
        pm.Censored("t", latent, lower=None, upper=3.0, observed=seen)
        idata = sampled()
        pm.compute_log_likelihood(idata, progressbar=False)
        predicted(idata, extend_inferencedata=True)
    pm.loo(idata)
    assert float(idata.posterior_predictive["t"].max()) <= 3.0


def forecast():
    with pm.Model():
        rho = pm.Normal("rho", 0, 0.5, shape=2)
        pm.AR("y", rho, sigma=pm.HalfNormal("s"), constant=True, init_dist=pm.Normal.dist(0, 1), observed=WALK)
        idata = sampled()
    with pm.Model():
        rho, s = pm.Flat("rho", shape=2), pm.HalfFlat("s")
        pm.AR("future", rho, sigma=s, constant=True, init_dist=pm.DiracDelta.dist(WALK[-1]), steps=5)
        ahead = predicted(idata, var_names=["future"], predictions=True)
    assert ahead.predictions["future"].shape == (2, 60, 6)
    assert (ahead.predictions["future"][..., 0] == WALK[-1]).all()


def walk():
    with pm.Model(coords={"time": range(30)}):
        level = pm.GaussianRandomWalk("level", sigma=pm.Exponential("s", 1), init_dist=pm.Normal.dist(0, 1), dims="time")
        pm.Normal("y", level, 0.2, observed=WALK, dims="time")
        idata = sampled()
    assert float(np.abs(idata.posterior["level"].mean(("chain", "draw")) - WALK).max()) < 0.5
    pm.plot_hdi(range(30), idata.posterior["level"])


def correlations():
    with pm.Model(coords={"v": list("abc")}):
        chol, _, _ = pm.LKJCholeskyCov("chol", n=3, eta=2, sd_dist=pm.Exponential.dist(1.0))
        pm.MvNormal("y", pm.Normal("mu", dims="v"), chol=chol, observed=VECTORS)
        idata = sampled(idata_kwargs={"log_likelihood": True})
        predicted(idata)
    assert idata.log_likelihood["y"].shape == (2, 60, 20)
    np.testing.assert_allclose(np.diagonal(idata.posterior["chol_corr"], axis1=-2, axis2=-1), 1.0, rtol=1e-12)
    pm.loo(idata)


def prior_sensitivity():
    with pm.Model():
        a = pm.Normal("a")
        pm.Potential("softly", -(a**2))
        pm.Bernoulli("y", logit_p=a, observed=BINARY)
        before = pm.sample_prior_predictive(draws=50, random_seed=1)
        idata = sampled()
        idata.extend(before)
        pm.compute_log_likelihood(idata, progressbar=False)
        pm.compute_log_prior(idata, progressbar=False)
    pm.psens(idata, component="prior")
    pm.plot_ppc(idata, group="prior", num_pp_samples=5)
    pm.bayes_factor(idata, "a", ref_val=0)


def ordinal_with_files():
    with pm.Model() as model:
        c = pm.Normal("c", 0, 2, shape=3, transform=pm.distributions.transforms.ordered, initval=np.linspace(-1, 1, 3))
        pm.OrderedLogistic("r", eta=pm.Normal("b") * X, cutpoints=c, observed=np.digitize(Y, [-1, 1, 2]), compute_p=False)
        idata = sampled(idata_kwargs={"log_likelihood": True})
        top = pm.find_MAP(progressbar=False)
    assert set(top) >= {"b", "c"}
    assert np.isfinite(model.compile_logp()(model.initial_point()))
    pm.loo(idata)
    table = idata.to_dataframe()
    assert len(table) == 120


USUAL = [regression, comparison, density_of_ones_own]
MORE = [
    hierarchy_with_labels, categories, counts, missing_outcomes, mixture, intervention, survival, forecast, walk, correlations, prior_sensitivity,
    ordinal_with_files,
]  # fmt: skip


@pytest.mark.parametrize("workflow", USUAL, ids=lambda f: f.__name__)
def test_a_workflow_runs_to_its_end(workflow):
    workflow()
    matplotlib.pyplot.close("all")


@pytest.mark.skipif(os.environ.get("WORKBENCH_TESTS") != "all", reason="more of them with WORKBENCH_TESTS=all")
@pytest.mark.parametrize("workflow", MORE, ids=lambda f: f.__name__)
def test_another_workflow_runs_to_its_end(workflow):
    workflow()
    matplotlib.pyplot.close("all")


def test_results_are_saved_and_read_again(tmp_path):
    with pm.Model():
        pm.Normal("x", pm.Normal("a"), 1.0, observed=Y)
        idata = sampled()
    idata.to_netcdf(str(tmp_path / "results.nc"))
    again = az.from_netcdf(str(tmp_path / "results.nc"))
    np.testing.assert_array_equal(again.posterior["a"], idata.posterior["a"])
