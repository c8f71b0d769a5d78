"""The Kalman filter and smoother against the joint normal density of all states and all that is seen."""

import os

import numpy as np
import pytest
from scipy import stats

import workbench.tensor as pt
from workbench.compile import function
from workbench.transforms.gaussian_filter import Arrays, Scalars, System, diffuse_of, filtered, layout_of, log_terms
from workbench.transforms.gaussian_smoother import known_after, known_before, smoothed

ALL = os.environ.get("WORKBENCH_TESTS") == "all"
RNG = np.random.default_rng(0)
D, P, T = 3, 2, 9
F = RNG.normal(size=(D, D)) * 0.5
F[0, 1] = 0.0
C, A0, SHIFT = RNG.normal(size=D), RNG.normal(size=D), RNG.normal(size=P)
W, P0, FULL = (a @ a.T for a in (RNG.normal(size=(D, D)), RNG.normal(size=(D, D)), RNG.normal(size=(P, P))))
Z = RNG.normal(size=(P, D))
Z[0] = [1.0, 0.0, 0.0]
Y = RNG.normal(size=(T, P))
Y[2, 0] = Y[5, 1] = np.nan
Y[4] = np.nan
ERRORS = {"correlated": FULL, "independent": np.diag([0.5, 1.5]), "one exact": np.diag([0.0, 1.0])}


def entries(m):
    return {(i, j): m[i, j] for i, j in np.ndindex(m.shape) if m[i, j]}


def system(h):
    rows = [{j: Z[i, j] for j in range(D) if Z[i, j]} for i in range(P)]
    return System(entries(F), dict(enumerate(C)), entries(W), rows, dict(enumerate(SHIFT)), entries(h))


def joint(h, cov, upto=T, y=Y):
    """The log-density of what is seen at the first times; mean and covariance of all states given it."""
    means, blocks, x, p = [], np.zeros((T * D, T * D)), A0, cov
    spreads = []
    for _ in range(T):
        means.append(x)
        spreads.append(p)
        x, p = F @ x + C, F @ p @ F.T + W
    for s in range(T):
        c = spreads[s]
        for t in range(s, T):
            blocks[t * D : t * D + D, s * D : s * D + D] = c
            blocks[s * D : s * D + D, t * D : t * D + D] = c.T
            c = F @ c
    mean, design = np.concatenate(means), np.kron(np.eye(T), Z)
    seen = np.flatnonzero(~np.isnan(y.ravel()) & (np.arange(T * P) < upto * P))
    at, across = (design @ mean + np.tile(SHIFT, T))[seen], (blocks @ design.T)[:, seen]
    spread = (design @ blocks @ design.T + np.kron(np.eye(T), h))[np.ix_(seen, seen)]
    gain = np.linalg.solve(spread, across.T).T
    logp = stats.multivariate_normal.logpdf(y.ravel()[seen], at, spread)
    return logp, (mean + gain @ (y.ravel()[seen] - at)).reshape(T, D), blocks - gain @ across.T


@pytest.mark.parametrize("kind", ERRORS)
@pytest.mark.parametrize("layout", [Scalars, Arrays])
def test_densities_and_states_are_those_of_the_joint_density(kind, layout):
    h = ERRORS[kind]
    found = filtered(lambda: system(h), [pt.as_tensor(A0)], pt.as_tensor(P0), pt.as_tensor(Y), keep=True, layout=layout(D))
    known = smoothed(lambda: system(h), found)
    total, mean, cov, after, before = function([], [pt.sum(log_terms(found)), known.mean, known.cov, known_after(found).mean, known_before(found).mean], backend="numpy")()
    logp, means, covs = joint(h, P0)
    assert np.isclose(total, logp, rtol=1e-12)
    np.testing.assert_allclose(mean, means, atol=1e-12)
    np.testing.assert_allclose([cov[t] for t in range(T)], [covs[t * D : t * D + D, t * D : t * D + D] for t in range(T)], atol=1e-12)
    np.testing.assert_allclose(after[5], joint(h, P0, 6)[1][5], atol=1e-12)
    np.testing.assert_allclose(before[5], joint(h, P0, 5)[1][5], atol=1e-12)


def test_a_diffuse_start_is_the_limit_of_a_wide_one():
    h = ERRORS["independent"]
    y = Y.copy()
    y[0] = np.nan
    means = [pt.as_tensor(A0), *(pt.as_tensor(np.eye(D)[i]) for i in (0, 1))]
    start = np.diag([1.0, 1.0, 0.3])
    found = filtered(lambda: system(h), means, pt.as_tensor(start), pt.as_tensor(y), keep=True)
    known = smoothed(lambda: system(h), found)
    total, mean, cov = function([], [pt.sum(log_terms(found)) + diffuse_of(found).term, known.mean, known.cov], backend="numpy")()

    def limit(of, wide=1e5):
        """Of what moves by a multiple of 1 / wide."""
        few, many = (of(w, *joint(h, np.diag([w, w, 0.3]), y=y)) for w in (wide, 10.0 * wide))
        return (10.0 * many - few) / 9.0

    assert np.isclose(total, limit(lambda wide, logp, means, covs: logp + np.log(wide)), atol=1e-8)
    np.testing.assert_allclose(mean, limit(lambda wide, logp, means, covs: means), atol=1e-5)
    np.testing.assert_allclose(cov[0], limit(lambda wide, logp, means, covs: covs[:D, :D]), rtol=1e-5, atol=1e-5)


def test_how_much_variance_diffuse_states_are_given_at_first_does_not_matter():
    found = []
    for first in (0.01, 1.0, 100.0):
        run = filtered(lambda: system(ERRORS["independent"]), [pt.as_tensor(A0), pt.as_tensor([1.0, 0.0, 0.0])], pt.as_tensor(np.diag([first, 0.5, 0.3])), pt.as_tensor(Y))
        found.append(float((pt.sum(log_terms(run)) + diffuse_of(run).term).eval()))
    np.testing.assert_allclose(found, found[0], rtol=1e-11)


@pytest.mark.parametrize("layout", [Scalars, Arrays])
def test_every_backend_and_several_series(backend, layout):
    if backend == "numba" and layout is Arrays and not ALL:
        pytest.skip("it compiles for 15 s; with WORKBENCH_TESTS=all it runs")
    h = ERRORS["independent"]
    scale = pt.vector("scale", 2)
    y = np.stack([Y, Y + 1.0], axis=-1)

    def at():
        s = system(h)
        return s._replace(variances={k: v * scale for k, v in s.variances.items()})

    start = [pt.broadcast_to(A0, (2, D))]
    run = filtered(at, start, pt.broadcast_to(P0, (2, D, D)), pt.as_tensor(y), layout=layout(D))
    totals = function([scale], [pt.sum(log_terms(run), axis=(0, 1))], backend=backend)(np.array([1.0, 2.0]))[0]
    np.testing.assert_allclose(totals, [joint(h, P0)[0], joint(2.0 * h, P0, y=Y + 1.0)[0]], rtol=1e-11)


def test_few_states_are_scalars():
    assert isinstance(layout_of(4), Scalars)
    assert isinstance(layout_of(40), Arrays)
