"""Posteriors by samplers that move many chains together.

- posteriordb's reference posteriors (github.com/stan-dev/posteriordb, BSD-3-Clause: 10 chains x 1000 thinned draws of
  Stan's NUTS), each model written here as its Stan program is: means within 5 standard errors, ours and theirs together, and
  standard deviations within 5, of draws as many as are effective;
- the exact targets of `test_posteriors`: means within 4.5 standard errors, standard deviations within 4 %.

Standard errors come from 256 chains' means, which are independent: no autocorrelation is estimated.
"""

import importlib.util
import os
from pathlib import Path

import numpy as np
import pytest

import workbench as pm
import workbench.tensor as pt

found = importlib.util.spec_from_file_location("posteriors", Path(__file__).with_name("test_posteriors.py"))
posteriors = importlib.util.module_from_spec(found)
found.loader.exec_module(posteriors)
TARGETS = posteriors.TARGETS

ALL = os.environ.get("WORKBENCH_TESTS") == "all"
METHODS = ("chees", "mams", "laps", "meads") if ALL else ("chees",)
CHAINS = 256


@pytest.fixture(autouse=True)
def unchecked(monkeypatch):
    """The proof of programs is for lengths that it can go through."""
    monkeypatch.setenv("WORKBENCH_CHECK", "")


def eight_schools(d):
    with pm.Model() as model:
        mu, tau = pm.Normal("mu", 0.0, 5.0), pm.HalfCauchy("tau", 5.0)
        theta = pm.Deterministic("theta", mu + tau * pm.Normal("theta_trans", 0.0, 1.0, shape=d["J"]))
        pm.Normal("y", theta, np.array(d["sigma"], float), observed=np.array(d["y"], float))
    return model


def kidscore_momiq(d):
    with pm.Model() as model:
        beta = pm.Flat("beta", shape=2, initval=np.array([30.0, 0.5]))
        sigma = pm.HalfCauchy("sigma", 2.5, initval=15.0)
        pm.Normal("y", beta[0] + beta[1] * np.array(d["mom_iq"], float), sigma, observed=np.array(d["kid_score"], float))
    return model


def garch11(d):
    y = np.array(d["y"])
    with pm.Model() as model:
        mu, alpha0 = pm.Flat("mu", initval=float(y.mean())), pm.HalfFlat("alpha0", initval=1.0)
        alpha1, share = pm.Uniform("alpha1", 0.0, 1.0), pm.Uniform("share", 0.0, 1.0)
        beta1 = pm.Deterministic("beta1", (1.0 - alpha1) * share)
        # beta1 is uniform below 1 - alpha1, without the constant that would make it a density.
        pm.Potential("jacobian", pt.log1p(-alpha1))

        def step(variance, before):
            now = alpha0 + alpha1 * pt.square(before - mu) + beta1 * variance
            return [now], [now]

        first = pt.constant(d["sigma1"] ** 2)
        _, (later,) = pt.scan(step, [first], [pt.constant(y[:-1])])
        pm.Normal("y", mu, pt.sqrt(pt.concatenate([pt.reshape(first, (1,)), later])), observed=y)
    return model


def gauss_mix(d):
    with pm.Model() as model:
        mu = pm.Normal("mu", 0.0, 2.0, shape=2, transform=pm.distributions.transforms.ordered, initval=np.array([-1.0, 1.0]))
        sigma, theta = pm.HalfNormal("sigma", 2.0, shape=2), pm.Beta("theta", 5.0, 5.0)
        pm.NormalMixture("y", pt.stack([theta, 1.0 - theta]), mu, sigma, observed=np.array(d["y"]))
    return model


def hmm(d):
    y = pt.constant(np.array(d["y"]))
    with pm.Model() as model:
        theta1, theta2 = pm.Dirichlet("theta1", np.ones(2)), pm.Dirichlet("theta2", np.ones(2))
        mu = pm.Flat("mu", shape=2, transform=pm.distributions.transforms.Chain([pm.distributions.transforms.log, pm.distributions.transforms.ordered]), initval=np.array([3.0, 9.0]))
        pm.Potential("prior", -0.5 * (pt.square(mu[0] - 3.0) + pt.square(mu[1] - 10.0)))
        moves = pt.log(pt.stack([theta1, theta2]))

        def step(gamma, now):
            after = pt.logsumexp(gamma[:, None] + moves, axis=0) - 0.5 * pt.square(now - mu)
            return [after], [after[0]]

        (gamma,), _ = pt.scan(step, [-0.5 * pt.square(y[0] - mu)], [y[1:]])
        pm.Potential("y", pt.logsumexp(gamma))
    return model


REFERENCE = {
    "eight_schools-eight_schools_noncentered": (eight_schools, "eight_schools"), "kidiq-kidscore_momiq": (kidscore_momiq, "kidiq"),
    "garch-garch11": (garch11, "garch"), "low_dim_gauss_mix-low_dim_gauss_mix": (gauss_mix, "low_dim_gauss_mix"),
    "hmm_example-hmm_example": (hmm, "hmm_example"),
}  # fmt: skip


def run_of(model, method, draws=200, tune=400):
    return pm.sample(draws, tune=tune, chains=CHAINS, model=model, method=method, backend="c", random_seed=11, quiet=True, return_inferencedata=False, thin=50)


def moments_of(model, method, **options):
    return run_of(model, method, **options).moments()


SLOWLY = {("kidiq-kidscore_momiq", "meads"): 4000}
"""Transitions of warm-up where 400 are too few: gradients at the starts differ by orders of magnitude, and the largest of all chains says how long steps are."""


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", REFERENCE if ALL else list(REFERENCE)[:3])
def test_reference_posteriors(name, method, real_data):
    build, data = REFERENCE[name]
    known = real_data("reference_posteriors")["posteriors"][name]
    model = build(real_data(data))
    moments = moments_of(model, method, tune=SLOWLY.get((name, method), 400))
    for element, ref in known.items():
        variable, _, index = element.rstrip("]").partition("[")
        at = (int(index) - 1,) if index else ()
        ours = {k: float(v[at]) for k, v in moments[variable].items()}
        assert abs(ours["mean"] - ref["mean"]) < 5.0 * np.hypot(ours["mcse_mean"], ref["mcse_mean"])
        # Of a normal; heavier tails are known less well, and there are at least as many draws as count here.
        error = np.sqrt(0.5 * (1.0 / 10_000 + 1.0 / min(ours["ess"], 10_000.0))) * 1.5
        assert abs(ours["sd"] / ref["sd"] - 1.0) < 5.0 * error
        assert ours["nested_rhat"] < 1.02
    if (name, method) in SLOWLY:
        assert "nested R-hat is above 1.01 for 3 of 3 elements" in next(iter(run_of(model, method).problems()))


SAMPLE = ("independent", "rotated_condition_100", "ordered")


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", TARGETS if ALL else [n for n in SAMPLE if n in TARGETS])
def test_exact_posteriors(name, method, real_data):
    build, _, options = TARGETS[name]
    model, exact = build(real_data(options["real"])) if "real" in options else build()
    moments = moments_of(model, method, draws=400)
    for variable, (mean, sd) in exact.items():
        m = moments[variable]
        assert np.all(np.abs(m["mean"] - mean) < 4.5 * m["mcse_mean"])
        assert np.all(np.abs(m["sd"] / sd - 1.0) < 0.04)
