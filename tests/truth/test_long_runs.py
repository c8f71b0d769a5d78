"""`pm.infer` beside long runs of plain sampling: is what it transforms, chooses in pilots and makes anew the posterior?

Long runs are kept in `../reference/infer.json`, with how they were made in `make_infer.py`. They are no truth where a variable mixes in more draws
than a batch has: two models whose scales alone are not integrated easily are held against quadrature, both ways.

Differences over 8 to 24 seeds of each model but the Gaussian process, 16,742 means and variances, have in their joint errors a mean of 0.05 and a
standard deviation of 1.02 (by model 0.83 to 1.07): one of 3.6 among the means of radon was chance.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

import workbench as pm
from workbench.inference.diagnostics import mcse_mean

pytestmark = pytest.mark.skipif(os.environ.get("WORKBENCH_TESTS") != "all", reason="long runs: make test-statistical")
HERE = Path(__file__).resolve().parent
KEPT = json.loads((HERE.parent / "reference" / "infer.json").read_text())
OF_DATA = ("radon_centred", "eight_schools_centred", "irt")
RARE = 1e-4
"""How often a right run fails, of one model, if errors are those of normal means."""


@pytest.fixture(scope="module")
def benchmarks():
    sys.path.insert(0, str(HERE.parents[1] / "benchmarks"))
    try:
        import infer
        import models
    finally:
        sys.path.pop(0)
    return infer, models


def written(name, benchmarks):
    infer, models = benchmarks
    if name in OF_DATA and not models.FOLDER.exists():
        pytest.skip(f"no data at {models.FOLDER}: WORKBENCH_DATA")
    with pm.Model() as model:
        infer.ALL[name](pm, models.library("workbench")[1])
    return model


def moments(x, centre):
    """Means, and means of squares about a centre, with their errors, of draws (chain, draw, ...)."""
    flat = x.reshape(*x.shape[:2], -1).astype(float)
    squares = (flat - centre) ** 2
    return {"mean": (flat.mean((0, 1)), np.ravel(mcse_mean(flat))), "variance": (squares.mean((0, 1)), np.ravel(mcse_mean(squares)))}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", KEPT)
def test_infer_has_the_moments_of_long_runs(name, benchmarks):
    plan = pm.infer(written(name, benchmarks), random_seed=11, show=False, run=False)
    posterior = plan.run().posterior
    if name == "mixture_by_index":
        # Its kinds may change names: a mode of e**-7 of the mass, which the long run has not and a chain may begin in. Then it is said.
        main = posterior["mu"].mean("draw").to_numpy()
        main = main[:, 0] < main[:, 1]
        assert main.any() and (main.all() or any("several modes" in line for line in plan.advice))
        posterior = posterior.isel(chain=np.flatnonzero(main))
    z = {}
    for variable, kept in KEPT[name].items():
        x, kept = posterior[variable].to_numpy(), {k: np.array(v) for k, v in kept.items()}
        # Errors of counts of what is rare are not known from a few of them.
        often = kept["variance"] > (0.01 if x.dtype.kind != "f" else 0.0)
        for what, (value, error) in moments(x, kept["mean"]).items():
            apart = (value - kept[what]) / np.hypot(error, kept[f"{what}_error"]).clip(1e-300)
            z[variable, what] = apart[often]
    every = np.concatenate(list(z.values()))
    assert np.abs(every).max() < stats.norm.isf(0.5 * RARE / every.size), {k: np.abs(v).max() for k, v in z.items() if v.size}


def quadrature_of_uneven_groups(rng):
    """Mean and variance of the mean and the scale of groups, on a grid of both: the groups' effects are normal given them."""
    sizes = np.array([1, 1, 1, 2, 2, 3, 5, 8, 100, 200, 300, 400])
    group = np.repeat(np.arange(12), sizes)
    y = rng.normal(rng.normal(0, 0.5, 12)[group], 1.0)
    means = np.bincount(group, y) / sizes
    s, mu = np.exp(np.linspace(np.log(1e-4), np.log(12.0), 2000)), np.linspace(-8.0, 8.0, 4001)
    joint = stats.halfnorm(scale=2.0).logpdf(s)[:, None] + np.log(s)[:, None] + stats.norm(0.0, 5.0).logpdf(mu)
    for m, n in zip(means, sizes):
        joint = joint + stats.norm.logpdf(m, mu, np.sqrt(s[:, None] ** 2 + 1.0 / n))
    return {"s": (s, np.exp(joint - joint.max()).sum(1)), "mu": (mu, np.exp(joint - joint.max()).sum(0))}


def quadrature_of_three_levels(rng):
    """The three scales, on a grid: means of classes and schools are normal given them, and squares about these chi-squared."""
    school, pupil = np.repeat(np.arange(8), 3), np.repeat(np.arange(24), 4)
    y = (rng.normal(0, 0.3, 8)[school][pupil] + rng.normal(0, 0.2, 24)[pupil] + rng.normal(0, 1, 96)).reshape(8, 3, 4)
    classes, schools = y.mean(2), y.mean((1, 2))
    within, between = ((y - classes[..., None]) ** 2).sum(), ((classes - schools[:, None]) ** 2).sum()
    eps, c, q = np.meshgrid(*(np.exp(np.linspace(np.log(low), np.log(high), n)) for low, high, n in ((0.6, 1.8, 100), (1e-4, 4.0, 300), (1e-4, 5.0, 300))), indexing="ij")
    joint = stats.halfnorm(scale=2.0).logpdf(eps) + stats.halfnorm.logpdf(c) + stats.halfnorm.logpdf(q) + np.log(eps * c * q)
    joint += -72.0 * np.log(eps) - within / 2.0 / eps**2
    of_class = c**2 + eps**2 / 4.0
    joint += -8.0 * np.log(of_class) - between / 2.0 / of_class
    of_school = q**2 + of_class / 3.0
    joint += -3.5 * np.log(of_school) - ((schools - schools.mean()) ** 2).sum() / 2.0 / of_school
    of_all = 4.0 + of_school / 8.0
    joint += -0.5 * np.log(of_all) - schools.mean() ** 2 / 2.0 / of_all
    weight = np.exp(joint - joint.max())
    return {"eps": (eps, weight), "sigma_class": (c, weight), "sigma_school": (q, weight)}


@pytest.mark.parametrize("name, quadrature, seed", [("uneven_groups", quadrature_of_uneven_groups, 7), ("three_levels", quadrature_of_three_levels, 5)])
def test_infer_and_long_runs_have_the_moments_of_quadrature(name, quadrature, seed, benchmarks):
    exact = {}
    for variable, (x, weight) in quadrature(np.random.default_rng(seed)).items():
        mean = (weight * x).sum() / weight.sum()
        exact[variable] = mean, (weight * (x - mean) ** 2).sum() / weight.sum()
    posterior = pm.infer(written(name, benchmarks), random_seed=12, show=False).posterior
    for variable, (mean, variance) in exact.items():
        kept = KEPT[name][variable]
        long = {what: (kept[what][0], kept[f"{what}_error"][0]) for what in ("mean", "variance")}
        drawn = {what: (value[0], error[0]) for what, (value, error) in moments(posterior[variable].to_numpy(), mean).items()}
        for found in (long, drawn):
            assert abs(found["mean"][0] - mean) < 4.0 * found["mean"][1] and abs(found["variance"][0] - variance) < 4.0 * found["variance"][1], variable
