"""Posteriors whose moments are known: long runs agree with them to half a per cent.

What is sampled is a model in the public API; what it is compared with is a closed form, or a
quadrature made here by SciPy:

- normal, Dirichlet, beta, gamma and half-normal moments are textbook formulas;
- truncated normal and Student t moments are SciPy's;
- order statistics of three normals: integrals over the density 3 choose 1 phi F^k (1 - F)^(2 - k);
- linear regression with a normal prior and known noise: its normal posterior; with unknown noise
  (kidiq, real data): that posterior, averaged over the noise's marginal on a fine grid;
- eight schools (real data): the effects' normal conditionals, averaged over a grid of (mu, tau);
- the banana: E y = E x^2 / 2 = 1/2, var y = 1 + var(x^2) / 4 = 3/2.

Runs go on until the Monte Carlo error (batch means) of the ratio sd / exact is an eighth of a per
cent, so that a true ratio of 1 passes at four standard errors and one of 1.01 fails at four. The
default run takes a sample of the targets, at twice that error and bound.
"""

import os

import numpy as np
import pytest
from scipy import integrate, stats

import workbench as pm

ALL = os.environ.get("WORKBENCH_TESTS") == "all"
BOUND = 0.005 if ALL else 0.01
DRAWS, CHAINS, MOST_BLOCKS = (100_000, 4, 12) if ALL else (25_000, 4, 12)
BATCHES = 25

TARGETS = {}


def target(*, sampled=False, **options):
    """Register a function that returns a model and {variable: (mean, sd)}; `sampled`: in the default run too."""

    def register(build):
        TARGETS[build.__name__] = (build, sampled, options)
        return build

    return register


def equicorrelated(d, rho):
    with pm.Model() as model:
        pm.MvNormal("x", np.zeros(d), np.full((d, d), rho) + (1 - rho) * np.eye(d))
        pm.Deterministic("mean", model["x"].mean())
    return model, {"x": (0.0, 1.0), "mean": (0.0, np.sqrt(rho + (1 - rho) / d))}


@target()
def equicorrelated_2():
    return equicorrelated(2, 0.9)


@target(sampled=True)
def equicorrelated_10():
    return equicorrelated(10, 0.9)


@target()
def equicorrelated_20():
    return equicorrelated(20, 0.99)


@target(sampled=True)
def independent():
    with pm.Model() as model:
        pm.Normal("x", 1.0, 2.0, shape=50)
    return model, {"x": (1.0, 2.0)}


@target(sampled=True)
def scales_from_a_thousandth_to_a_thousand():
    sd = np.logspace(-3, 3, 13)
    with pm.Model() as model:
        pm.Normal("x", 0.0, sd)
    return model, {"x": (0.0, sd)}


def rotated(condition, d=5):
    rng = np.random.default_rng(7)
    axes = np.linalg.qr(rng.normal(size=(d, d)))[0]
    cov = axes @ np.diag(np.logspace(0, np.log10(condition), d)) @ axes.T
    with pm.Model() as model:
        pm.MvNormal("x", np.zeros(d), (cov + cov.T) / 2)
    return model, {"x": (0.0, np.sqrt(np.diag(cov)))}


@target()
def rotated_condition_100():
    return rotated(1e2)


@target()
def rotated_condition_10_000():
    return rotated(1e4)


@target(sampled=True)
def line_far_from_its_origin():
    t = np.linspace(10, 20, 50)
    X, y = np.column_stack([np.ones(50), t]), 1.0 + 0.5 * t + np.sin(np.arange(50.0))
    with pm.Model() as model:
        a, b = pm.Normal("a", 0.0, 10.0), pm.Normal("b", 0.0, 10.0)
        pm.Normal("y", a + b * t, 1.5, observed=y)
    cov = np.linalg.inv(X.T @ X / 1.5**2 + np.eye(2) / 100)
    mean, sd = cov @ X.T @ y / 1.5**2, np.sqrt(np.diag(cov))
    return model, {"a": (mean[0], sd[0]), "b": (mean[1], sd[1])}


@target(real="kidiq")
def kidiq(d):
    X = np.column_stack([np.ones(d["N"]), d["mom_hs"], d["mom_iq"]])
    y = np.array(d["kid_score"], float)
    with pm.Model() as model:
        b = pm.Normal("b", 0.0, 100.0, shape=3)
        sigma = pm.HalfNormal("sigma", 50.0)
        pm.Normal("y", pm.math.dot(X, b), sigma, observed=y)
    grid = np.linspace(14.0, 23.0, 2001)
    logs, means, variances = [], [], []
    for s in grid:
        precision = X.T @ X / s**2 + np.eye(3) / 1e4
        cov = np.linalg.inv(precision)
        mean = cov @ X.T @ y / s**2
        # log p(y | s), b integrated out, and the prior of s, up to constants.
        logs.append(
            -len(y) * np.log(s) - 0.5 * y @ y / s**2 + 0.5 * mean @ precision @ mean + 0.5 * np.linalg.slogdet(cov)[1]
            - 0.5 * (s / 50) ** 2
        )  # fmt: skip
        means.append(mean)
        variances.append(np.diag(cov))
    w = np.exp(np.array(logs) - max(logs))
    w /= w.sum()
    mean = w @ np.array(means)
    sd = np.sqrt(w @ (np.array(variances) + np.array(means) ** 2) - mean**2)
    s_mean = w @ grid
    return model, {"b": (mean, sd), "sigma": (s_mean, np.sqrt(w @ grid**2 - s_mean**2))}


@target(real="eight_schools")
def eight_schools(d):
    y, noise = np.array(d["y"], float), np.array(d["sigma"], float)
    with pm.Model() as model:
        mu, tau = pm.Normal("mu", 0.0, 5.0), pm.HalfNormal("tau", 5.0)
        theta = pm.Deterministic("theta", mu + tau * pm.Normal("z", 0.0, 1.0, shape=len(y)))
        pm.Normal("y", theta, noise, observed=y)
    m, t = (g[..., None] for g in np.meshgrid(np.linspace(-30, 35, 1301), np.linspace(0.0125, 30.0, 1200), indexing="ij"))
    log = stats.norm.logpdf(y, m, np.hypot(noise, t)).sum(-1) - 0.5 * (m[..., 0] / 5) ** 2 - 0.5 * (t[..., 0] / 5) ** 2
    w = np.exp(log - log.max())
    w /= w.sum()
    precision = 1 / noise**2 + 1 / t**2
    conditional = (y / noise**2 + m / t**2) / precision
    moments = {}
    for name, first, second in (
        ("mu", m, m**2), ("tau", t, t**2), ("theta", conditional, conditional**2 + 1 / precision)
    ):  # fmt: skip
        mean, square = np.tensordot(w, first, 2), np.tensordot(w, second, 2)
        moments[name] = (mean.squeeze(), np.sqrt(square - mean**2).squeeze())
    return model, moments


@target()
def student_t():
    with pm.Model() as model:
        pm.StudentT("x", nu=10, mu=1.0, sigma=2.0, shape=5)
    return model, {"x": (1.0, 2.0 * np.sqrt(10 / 8))}


@target(sampled=True)
def truncated():
    with pm.Model() as model:
        pm.TruncatedNormal("above", 0.0, 1.0, lower=0.5)
        pm.TruncatedNormal("between", 1.0, 2.0, lower=-1.0, upper=1.5)
        pm.Truncated("exponential", pm.Exponential.dist(1.0), lower=0.2, upper=2.0)
    exact = {
        "above": stats.truncnorm(0.5, np.inf),
        "between": stats.truncnorm(-1.0, 0.25, loc=1.0, scale=2.0),
        "exponential": stats.truncexpon(1.8, loc=0.2),
    }
    return model, {name: (e.mean(), e.std()) for name, e in exact.items()}


@target(sampled=True)
def ordered():
    with pm.Model() as model:
        pm.Normal("x", 0.0, 1.0, shape=3, transform=pm.distributions.transforms.ordered, initval=[-1.0, 0.0, 1.0])

    def moment(k, power):
        def density(x):
            cdf = stats.norm.cdf(x)
            return x**power * (6, 6, 6)[k] / (2, 1, 2)[k] * stats.norm.pdf(x) * cdf**k * (1 - cdf) ** (2 - k)

        return integrate.quad(density, -12, 12, epsabs=1e-13)[0]

    mean = np.array([moment(k, 1) for k in range(3)])
    return model, {"x": (mean, np.sqrt([moment(k, 2) for k in range(3)] - mean**2))}


@target(sampled=True)
def simplex():
    a = np.array([0.7, 2.0, 5.0, 1.0]) + np.array([0, 3, 1, 2])
    with pm.Model() as model:
        p = pm.Dirichlet("p", a - np.array([0, 3, 1, 2]))
        pm.Multinomial("n", 6, p, observed=[0, 3, 1, 2])
    mean = a / a.sum()
    return model, {"p": (mean, np.sqrt(mean * (1 - mean) / (a.sum() + 1)))}


@target(sampled=True)
def bounded():
    with pm.Model() as model:
        pm.Beta("arcsine", 0.5, 0.5)
        pm.Beta("flat", 0.9, 0.9)
        pm.Gamma("gamma", 0.5, 2.0)
        pm.Uniform("uniform", -1.0, 3.0)
        pm.HalfNormal("half", 2.0)
        pm.Exponential("exponential", 0.5)
    exact = {
        "arcsine": stats.beta(0.5, 0.5), "flat": stats.beta(0.9, 0.9), "gamma": stats.gamma(0.5, scale=0.5),
        "uniform": stats.uniform(-1, 4), "half": stats.halfnorm(scale=2), "exponential": stats.expon(scale=2),
    }  # fmt: skip
    return model, {name: (e.mean(), e.std()) for name, e in exact.items()}


@target()
def banana():
    with pm.Model() as model:
        x = pm.Normal("x", 0.0, 1.0)
        pm.Normal("y", 0.5 * x**2, 1.0)
    return model, {"x": (0.0, 1.0), "y": (0.5, np.sqrt(1.0 + 0.5))}


class Moments:
    """Means of z = (x - mean) / sd and of its square, with Monte Carlo errors from batch means."""

    def __init__(self, mean, sd):
        self.mean, self.sd, self.batches = np.asarray(mean, float), np.asarray(sd, float), []

    def add(self, x):
        z = ((x - self.mean) / self.sd).reshape(CHAINS * BATCHES, DRAWS // BATCHES, -1)
        self.batches.append(np.stack([z.mean(axis=1), (z**2).mean(axis=1)]))

    def errors(self):
        """Distance of the means of z and of sd / exact from 0 and 1, and their Monte Carlo errors."""
        b = np.concatenate(self.batches, axis=1)
        mean, error = b.mean(axis=1), b.std(axis=1, ddof=1) / np.sqrt(b.shape[1])
        # Half of a relative error in the variance is one in the standard deviation.
        return (mean[0], error[0]), (np.sqrt(mean[1] - mean[0] ** 2) - 1.0, error[1] / 2)


def long_run(model, exact, backend, seed=20):
    """Draw in blocks until sd / exact is known to a quarter of the bound."""
    moments = {name: Moments(*pair) for name, pair in exact.items()}
    for block in range(MOST_BLOCKS):
        run = pm.sample(
            DRAWS, tune=1000, chains=CHAINS, model=model, backend=backend, random_seed=seed + block, target_accept=0.9,
            quiet=True, return_inferencedata=False,
        )  # fmt: skip
        for name, m in moments.items():
            m.add(run.draws[name])
        if max(m.errors()[1][1].max() for m in moments.values()) <= BOUND / 4:
            return moments
    worst = {name: m.errors()[1][1].max() for name, m in moments.items()}
    raise AssertionError(f"{MOST_BLOCKS * CHAINS * DRAWS} draws do not tell sd / exact to {BOUND / 4}: {worst}")


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", [n for n, (_, sampled, _) in TARGETS.items() if sampled or ALL])
def test_moments_are_exact(name, real_data):
    build, _, options = TARGETS[name]
    model, exact = build(real_data(options["real"])) if "real" in options else build()
    for variable, m in long_run(model, exact, "c").items():
        (mean, mean_error), (sd, _) = m.errors()
        assert np.all(np.abs(mean) <= 4.5 * mean_error), f"mean of {variable}: {mean / mean_error} standard errors away"
        assert np.all(np.abs(sd) <= BOUND), f"sd of {variable} / exact - 1: {sd}"
