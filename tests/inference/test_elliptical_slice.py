"""Elliptical slice sampling: posteriors that linear algebra gives, and what it refuses."""

import os

import numpy as np
import pytest

import workbench as pm
from workbench.compile.c.toolchain import find_compiler
from workbench.errors import ModelError

ALL = os.environ.get("WORKBENCH_TESTS") == "all"
AT = np.linspace(0.0, 1.0, 5)
COVARIANCE = np.exp(-0.5 * np.square((AT[:, None] - AT) / 0.4)) + 0.01 * np.eye(5)
DATA = np.array([0.3, 1.9, 0.2, -1.0, -2.2])
MEAN, NOISE = 0.5 + AT, 0.7
GIVEN = {"cov": COVARIANCE, "chol": np.linalg.cholesky(COVARIANCE), "tau": np.linalg.inv(COVARIANCE)}


def posterior(prior_mean, covariance):
    gain = covariance @ np.linalg.inv(covariance + NOISE**2 * np.eye(len(DATA)))
    return prior_mean + gain @ (DATA - prior_mean), covariance - gain @ covariance


def draws(model, name, total=40_000, backend="c", **given):
    idata = pm.sample(total, tune=200, chains=2, model=model, random_seed=2, quiet=True, backend=backend, **given)
    return idata.posterior[name].values


def judged(x, mean, covariance):
    """Means and covariances within 4.5 standard errors, from means of 100 batches a chain, which are 1.5 % of a standard deviation at most."""
    batches = x.reshape(200, -1, x.shape[-1])
    sd = np.sqrt(np.diag(covariance))
    centred = batches - mean
    for found, truth, unit in ((batches, mean, sd), (centred[..., :, None] * centred[..., None, :], covariance, 2 * np.outer(sd, sd))):
        means = found.mean(axis=1)
        error = means.std(axis=0, ddof=1) / np.sqrt(200)
        assert (error < 0.015 * unit).all()
        assert (np.abs(means.mean(axis=0) - truth) < 4.5 * error).all()


@pytest.mark.parametrize("given", GIVEN)
def test_a_gaussian_process_seen_with_noise(given):
    with pm.Model() as model:
        f = pm.MvNormal("f", MEAN, **{given: GIVEN[given]})
        pm.Normal("y", f, NOISE, observed=DATA)
        step = pm.EllipticalSlice()
    judged(draws(model, "f", step=step), *posterior(MEAN, COVARIANCE))


def test_several_variables_of_one_block():
    """Two normal ones whose sums are seen; independent a priori, with means and standard deviations of their own."""
    with pm.Model() as model:
        a = pm.Normal("a", [1.0, -1.0], 2.0, shape=2)
        b = pm.Normal("b", 0.0, [0.5, 1.0], shape=2)
        pm.Normal("y", a + b, NOISE, observed=DATA[:2])
        pm.Deterministic("both", pm.math.concatenate([a, b]))
        step = pm.EllipticalSlice([a, b])
    seen = np.hstack([np.eye(2), np.eye(2)])
    mean, covariance = np.array([1.0, -1.0, 0.0, 0.0]), np.diag([4.0, 4.0, 0.25, 1.0])
    gain = covariance @ seen.T @ np.linalg.inv(seen @ covariance @ seen.T + NOISE**2 * np.eye(2))
    judged(draws(model, "both", step=step), mean + gain @ (DATA[:2] - seen @ mean), covariance - gain @ seen @ covariance)


def test_a_prior_that_depends_on_what_another_kernel_moves():
    """x given m is normal, m is normal: both together are, and elliptical slices move each given the other."""
    with pm.Model() as model:
        m = pm.Normal("m", 1.0, 2.0)
        x = pm.Normal("x", m, 0.8)
        pm.Normal("y", x, NOISE, observed=DATA[1])
        pm.Deterministic("both", pm.math.stack([m, x]))
        step = pm.EllipticalSlice([m, x], blocked=False)
    mean, covariance = np.ones(2), np.array([[4.0, 4.0], [4.0, 4.64]])
    gain = covariance[:, 1] / (4.64 + NOISE**2)
    judged(draws(model, "both", 60_000, step=step), mean + gain * (DATA[1] - 1.0), covariance - np.outer(gain, covariance[1]))


@pytest.mark.parametrize("other", ["numpy", "numba", "jax"] if ALL else ["numpy"])
def test_draws_are_the_same_on_every_backend(other):
    if find_compiler() is None:
        pytest.skip("no C compiler on this system")
    with pm.Model() as model:
        f = pm.MvNormal("f", MEAN, COVARIANCE)
        pm.Poisson("y", pm.math.exp(f), observed=[1, 4, 2, 0, 0])
    with model:
        step = pm.EllipticalSlice()
    a, b = (draws(model, "f", 60, backend, step=step) for backend in ("c", other))
    np.testing.assert_allclose(b, a, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("fault", [-np.inf, np.inf, np.nan])
def test_no_draw_is_where_the_likelihood_has_a_fault(fault):
    with pm.Model() as model:
        x = pm.Normal("x", 0.0, 1.0, shape=2, initval=[0.5, 0.5])
        pm.Potential("edge", pm.math.switch(pm.math.sum(x) > 0.0, 0.0, fault))
        step = pm.EllipticalSlice()
    x = draws(model, "x", 2000, step=step, init="adapt_diag")
    assert (x.sum(axis=-1) > 0.0).all() and np.isfinite(x).all()
    # Half of the plane, by symmetry: the mean of either coordinate is 1 / sqrt(pi).
    assert np.allclose(x.mean(axis=(0, 1)), 1 / np.sqrt(np.pi), atol=0.1)


def test_what_has_no_gaussian_prior_is_refused():
    with pm.Model():
        s = pm.HalfNormal("s")
        m = pm.Normal("m", 0.0, s)
        x = pm.Normal("x", m, 1.0)
        t = pm.MvStudentT("t", nu=4, mu=[0.0, 0.0], scale=np.eye(2))
        for rv in (s, t):
            with pytest.raises(ModelError, match=f"EllipticalSlice cannot move {rv.name}: it moves variables of the distributions Normal and MvNormal"):
                pm.EllipticalSlice([rv])
        with pytest.raises(ModelError, match="the prior of x depends on m, which are moved with it"):
            pm.EllipticalSlice([m, x])
        assert pm.EllipticalSlice([x]).names == ("x",)
