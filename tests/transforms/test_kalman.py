"""Kalman filters against the joint normal density of what is seen."""

import numpy as np
import pytest
from mpmath import mp, mpf
from scipy import stats

import workbench.tensor as pt
from workbench.compile import function
from workbench.transforms import grad
from workbench.transforms.kalman import Seen, autoregression, local_level

RNG = np.random.default_rng(2)
T = 8
Y, SCALE = 2.0 * RNG.normal(size=(3, T)), np.array([0.7, 0.3, 1.5])
THERE = np.array([True, True, False, True, True, False, True, True])


def seen_normal(y, scale, there=THERE):
    """Normal observations of the states, missing at some times."""
    precision = np.where(there, 1.0 / scale**2, 0.0)
    return Seen(*map(pt.as_tensor, (np.where(there, -0.5 * np.log(2 * np.pi * scale**2), 0.0), np.where(there, y, 0.0), precision, np.zeros_like(y))))


def walk(mean, variance, drift, noise):
    steps = np.arange(T)
    return mean + drift * steps, variance + noise * np.minimum.outer(steps, steps)


def process(mean, variance, weights, constant, noise):
    """Mean and covariance of an autoregressive process, as a matrix times independent numbers."""
    p, m, a = len(weights), np.zeros(T), np.zeros((T, T))
    for t in range(T):
        if t < p:
            m[t], a[t, t] = mean[t], np.sqrt(variance[t])
        else:
            m[t] = constant + sum(w * m[t - 1 - i] for i, w in enumerate(weights))
            a[t] = sum(w * a[t - 1 - i] for i, w in enumerate(weights))
            a[t, t] += np.sqrt(noise)
    return m, a @ a.T


def joint(mean, cov, y, scale, there=THERE):
    """log p of what is seen, one step ahead."""
    so_far = [0.0]
    for t in range(1, T + 1):
        at = np.flatnonzero(there[:t])
        so_far.append(stats.multivariate_normal.logpdf(y[at], mean[at], cov[np.ix_(at, at)] + scale**2 * np.eye(len(at))) if len(at) else 0.0)
    return np.diff(so_far)


@pytest.mark.parametrize("noise", [0.4, 0.0, 1e-12, 1e6])
def test_a_local_level_has_the_joint_density_step_by_step(noise):
    found = local_level(0.3, 1.5, 0.2, noise, seen_normal(Y[0], 0.7)).eval()
    np.testing.assert_allclose(found, joint(*walk(0.3, 1.5, 0.2, noise), Y[0], 0.7), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(("weights", "noise"), [([0.9], 0.4), ([0.5, 0.2, -0.1], 0.6), ([1.2, -0.5, 0.1, 0.1], 1e-3), ([0.5, 0.3], 0.0)])
def test_an_autoregression_has_the_joint_density_step_by_step(weights, noise):
    p = len(weights)
    mean, variance = np.linspace(0.1, 0.5, p), np.linspace(1.0, 2.0, p)
    found = autoregression(mean, variance, [pt.constant(w) for w in weights], 0.3, noise, seen_normal(Y[1], 0.3)).eval()
    np.testing.assert_allclose(found, joint(*process(mean, variance, weights, 0.3, noise), Y[1], 0.3), rtol=1e-10, atol=1e-12)


def test_several_series_and_every_backend(backend):
    seen = seen_normal(Y, SCALE[:, None])
    noise, rho = pt.vector("noise", 3), pt.tensor("rho", "float64", (2, 3))
    outputs = [local_level(0.3, 1.5, 0.2, noise, seen), autoregression(np.zeros(2), np.ones(2), [rho[0], rho[1]], 0.1, noise, seen)]
    noises, weights = np.array([0.4, 2.0, 0.1]), np.array([[0.5, 0.9, -0.3], [0.2, 0.05, 0.4]])
    walks, processes = function([noise, rho], outputs, backend=backend)(noises, weights)
    for i in range(3):
        np.testing.assert_allclose(walks[i], joint(*walk(0.3, 1.5, 0.2, noises[i]), Y[i], SCALE[i]), rtol=1e-10)
        np.testing.assert_allclose(processes[i], joint(*process(np.zeros(2), np.ones(2), weights[:, i], 0.1, noises[i]), Y[i], SCALE[i]), rtol=1e-10)


def precise(noise, rho, scale, y):
    """log p of an AR(2) seen with noise, and its slopes, in 40 digits: the joint normal density and differences."""
    mp.dps = 60

    def value(noise, r1, r2, scale):
        a = mp.zeros(T)
        for t in range(T):
            if t < 2:
                a[t, t] = 1
            else:
                for j in range(T):
                    a[t, j] = r1 * a[t - 1, j] + r2 * a[t - 2, j]
                a[t, t] += mp.sqrt(noise)
        at = [int(i) for i in np.flatnonzero(THERE)]
        whole = a * a.T
        cov = mp.matrix(len(at))
        for i, s in enumerate(at):
            for j, t in enumerate(at):
                cov[i, j] = whole[s, t] + (scale**2 if i == j else 0)
        x = mp.matrix([mpf(float(y[t])) for t in at])
        return -(len(at) * mp.log(2 * mp.pi) + mp.log(mp.det(cov)) + (x.T * mp.lu_solve(cov, x))[0]) / 2

    at = [mpf(noise), *map(mpf, rho), mpf(scale)]
    h = mpf(10) ** -20
    slopes = [(value(*[a + h * (i == j) for j, a in enumerate(at)]) - value(*[a - h * (i == j) for j, a in enumerate(at)])) / (2 * h) for i in range(4)]
    return float(value(*at)), [float(s) for s in slopes]


def test_gradients_are_those_of_the_joint_density_in_forty_digits():
    noise, r1, r2, scale = inputs = [pt.scalar(n) for n in ("noise", "r1", "r2", "scale")]
    precision = pt.where(THERE, 1.0 / scale**2, 0.0)
    seen = Seen(pt.where(THERE, -0.5 * np.log(2 * np.pi) - pt.log(scale), 0.0), pt.as_tensor(np.where(THERE, Y[0], 0.0)), precision, pt.zeros(T))
    total = pt.sum(autoregression(np.zeros(2), np.ones(2), [r1, r2], 0.0, noise, seen))
    found = function(inputs, [total, *grad(total, inputs)], backend="numpy")(0.4, 0.5, 0.2, 0.7)
    value, slopes = precise(0.4, (0.5, 0.2), 0.7, Y[0])
    np.testing.assert_allclose(found, [value, *slopes], rtol=1e-11)


def test_a_linear_term_where_nothing_is_seen_is_the_moment_generating_function():
    slope = np.where(THERE, 0.0, np.arange(T) / 5.0)
    seen = seen_normal(Y[0], 0.7)
    with_it = local_level(0.3, 1.5, 0.2, 0.4, seen._replace(slope=pt.as_tensor(slope))).eval().sum()
    mean, cov = walk(0.3, 1.5, 0.2, 0.4)
    at, rest = np.flatnonzero(THERE), np.flatnonzero(~THERE)
    gain = cov[np.ix_(rest, at)] @ np.linalg.inv(cov[np.ix_(at, at)] + 0.49 * np.eye(len(at)))
    m, v = mean[rest] + gain @ (Y[0, at] - mean[at]), cov[np.ix_(rest, rest)] - gain @ cov[np.ix_(at, rest)]
    s = slope[rest]
    assert np.isclose(with_it, joint(mean, cov, Y[0], 0.7).sum() + s @ m + 0.5 * s @ v @ s, rtol=1e-11)
