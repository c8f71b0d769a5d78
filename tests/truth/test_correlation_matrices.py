"""LKJ's distributions of correlation matrices, against the Beta distributions that their correlations have.

Each correlation of LKJ(n, eta) is 2 Beta(b, b) - 1 with b = eta - 1 + n / 2 (Lewandowski, Kurowicka and Joe, 2009), so that
its variance is 1 / (2 b + 1); quadrature in unconstrained space must find it, and the integral 1. Jacobians are differences of
the map from the real numbers to the matrices, which is written here by Stan's reference manual ("Correlation matrices").
"""

import mpmath as mp
import numpy as np
import pytest
import scipy.special as sp
import scipy.stats as st

import workbench as pm

ABOVE = {n: np.triu_indices(n, 1) for n in (2, 3, 4, 5)}


def marginal(n, eta):
    b = eta - 1 + n / 2
    return st.beta(b, b, loc=-1, scale=2)


def correlations(v, n):
    """What stands above the diagonal of L L', with the rows of L made of canonical partial correlations tanh(v)."""
    z, factor, at = [mp.tanh(x) for x in v], mp.zeros(n), 0
    for i in range(n):
        left = mp.mpf(1)
        for j in range(i):
            factor[i, j] = z[at] * mp.sqrt(left)
            left -= factor[i, j] ** 2
            at += 1
        factor[i, i] = mp.sqrt(left)
    whole = factor * factor.T
    return [whole[i, j] for i in range(n) for j in range(i + 1, n)], whole


def log_integral(n, eta):
    """Of |C|**(eta - 1) over correlation matrices of n rows: the vine's product of Beta functions."""
    total = mp.mpf(0)
    for k in range(1, n):
        b = eta + mp.mpf(n - k - 1) / 2
        total += (2 * eta - 2 + n - k) * (n - k) * mp.log(2) + (n - k) * mp.log(mp.beta(b, b))
    return total


def exact(v, n, eta):
    """log f(C(v)) + log |dC/dv|, by differences."""
    with mp.workdps(300 + 14 * int(max(map(abs, v)))):
        v, step = [mp.mpf(x) for x in v], mp.mpf(10) ** -(mp.mp.dps // 3)
        count = len(v)
        slopes = mp.zeros(count)
        for j in range(count):
            sides = [correlations([x + s * step * (i == j) for i, x in enumerate(v)], n)[0] for s in (1, -1)]
            for i in range(count):
                slopes[i, j] = (sides[0][i] - sides[1][i]) / (2 * step)
        whole = correlations(v, n)[1]
        return float((eta - 1) * mp.log(mp.det(whole)) + mp.log(abs(mp.det(slopes))) - log_integral(n, eta))


def model_of(n, eta):
    with pm.Model() as model:
        pm.LKJCorr("c", n=n, eta=eta)
    return model


@pytest.mark.parametrize("n, eta", [(2, 0.7), (3, 1.0), (3, 2.5), (4, 0.4), (4, 2.0)])
def test_density_over_the_real_numbers_is_exact_near_and_far(n, eta):
    f = model_of(n, eta).logp_dlogp_function("numpy")
    count = n * (n - 1) // 2
    for size in (0.0, 0.5, 3.0, 12.0):
        v = size * np.random.default_rng(n).choice([-1.0, 0.6, 0.3], count)
        assert np.isclose(f(v)[0], exact(v, n, eta), rtol=1e-10), (size, f(v)[0])
    for v in (np.full(count, 1000.0), np.linspace(-1000.0, 700.0, count)):
        value, slope = f(v)
        assert np.isfinite(value) and np.isfinite(slope).all()
        # Far out it is a plane.
        assert np.isclose(f(v * 1.01)[0] - value, slope @ (0.01 * v), rtol=1e-9)


@pytest.mark.parametrize("eta", [0.6, 1.0, 3.0])
def test_density_integrates_to_one_with_the_marginals_variance(eta):
    # The trapezoidal rule, exact but for what lies beyond the grid.
    nodes = np.linspace(-30.0, 30.0, 401)
    f = model_of(2, eta).logp_dlogp_function("numpy")
    mass = np.array([np.exp(f(np.array([v]))[0]) for v in nodes]) * (nodes[1] - nodes[0])
    assert np.isclose(mass.sum(), 1.0, rtol=1e-10)
    assert np.isclose(mass @ np.tanh(nodes) ** 2, 1.0 / (2.0 * eta + 1.0), rtol=1e-10)


def test_density_of_three_rows_integrates_to_one():
    f = model_of(3, 1.5).compile_logp(backend="numpy")
    grid = np.linspace(-7.0, 7.0, 29)
    total = sum(np.exp(f({"c_cholesky-corr__": np.array([a, b, c])})) for a in grid for b in grid for c in grid)
    assert np.isclose(total * (grid[1] - grid[0]) ** 3, 1.0, rtol=1e-4)


@pytest.mark.parametrize("n, eta", [(2, 1.0), (3, 0.5), (4, 2.0), (5, 1.0)])
def test_draws_of_correlations_have_the_exact_marginals(n, eta):
    drawn = pm.draw(pm.LKJCorr.dist(n=n, eta=eta), draws=4000, random_seed=1)
    for j in range(n * (n - 1) // 2):
        assert st.kstest(drawn[:, j], marginal(n, eta).cdf).pvalue > 1e-3
    whole = pm.draw(pm.LKJCorr.dist(n=n, eta=eta, return_matrix=True), draws=4000, random_seed=1)
    np.testing.assert_allclose(whole[:, *ABOVE[n]], drawn, atol=1e-14)
    assert (np.linalg.eigvalsh(whole) > 0.0).all() and np.allclose(np.diagonal(whole, axis1=1, axis2=2), 1.0, atol=1e-14)


@pytest.mark.parametrize("n, eta", [(2, 1.0), (4, 2.0)])
def test_draws_of_cholesky_factors_have_the_exact_marginals(n, eta):
    chol, corr, stds = pm.LKJCholeskyCov.dist(eta=eta, n=n, sd_dist=pm.Exponential.dist(0.5))
    corr, stds = pm.draw([corr, stds], draws=4000, random_seed=2)
    for i, j in zip(*ABOVE[n]):
        assert st.kstest(corr[:, i, j], marginal(n, eta).cdf).pvalue > 1e-3
    for i in range(n):
        assert st.kstest(stds[:, i], st.expon(scale=2.0).cdf).pvalue > 1e-3


def within_error(x, mean):
    """Whether the mean of chains of draws is near, in units of its own error over 20 blocks of a chain."""
    blocks = x.reshape(-1, 20, x.shape[-1] // 20).mean(-1).ravel()
    return abs(blocks.mean() - mean) < 4.5 * blocks.std(ddof=1) / np.sqrt(blocks.size)


def sampled(model):
    return pm.sample(2000, tune=1000, chains=4, random_seed=3, progressbar=False, model=model)


def test_sampling_four_rows_gives_the_marginals_and_hardly_a_divergence():
    n, eta = 4, 1.0
    run = sampled(model_of(n, eta))
    assert int(run.sample_stats["diverging"].sum()) <= 4
    c = run.posterior["c"].values
    assert c.shape == (4, 2000, 6)
    for j in range(6):
        assert within_error(c[..., j], 0.0)
        assert within_error(c[..., j] ** 2, marginal(n, eta).var())


def test_sampling_a_covariance_gives_the_marginals():
    n, eta = 3, 2.0
    with pm.Model() as model:
        pm.LKJCholeskyCov("c", eta=eta, n=n, sd_dist=pm.Gamma.dist(4.0, 4.0))
    run = sampled(model)
    assert int(run.sample_stats["diverging"].sum()) <= 4
    corr, stds = run.posterior["c_corr"].values, run.posterior["c_stds"].values
    for i, j in zip(*ABOVE[n]):
        assert within_error(corr[..., i, j] ** 2, marginal(n, eta).var())
    for i in range(n):
        assert within_error(stds[..., i], 1.0)
        assert within_error(np.log(stds[..., i]), sp.digamma(4.0) - np.log(4.0))


@pytest.mark.parametrize("n, eta, packed", [(2, 1.5, [0.7, -0.4, 1.2]), (3, 0.8, [0.7, -0.4, 1.2, 0.5, 0.1, 2.0])])
def test_density_of_a_cholesky_factor_is_that_of_correlations_and_deviations(n, eta, packed):
    rows, columns = np.tril_indices(n)

    def parts(p):
        chol = mp.zeros(n)
        for x, i, j in zip(p, rows, columns):
            chol[int(i), int(j)] = x
        sd = [mp.sqrt(sum(chol[i, j] ** 2 for j in range(n))) for i in range(n)]
        whole = chol * chol.T
        return sd, [whole[i, j] / sd[i] / sd[j] for i in range(n) for j in range(i + 1, n)]

    with mp.workdps(60):
        p, step = [mp.mpf(x) for x in packed], mp.mpf(10) ** -20
        slopes = mp.zeros(len(p))
        for j in range(len(p)):
            moved = [parts([x + s * step * (i == j) for i, x in enumerate(p)]) for s in (1, -1)]
            up, down = ([*sd, *corr] for sd, corr in moved)
            for i in range(len(p)):
                slopes[i, j] = (up[i] - down[i]) / (2 * step)
        sd, corr = parts(p)
        matrix = mp.eye(n)
        for r, i, j in zip(corr, *ABOVE[n]):
            matrix[int(i), int(j)] = matrix[int(j), int(i)] = r
        wanted = (eta - 1) * mp.log(mp.det(matrix)) - log_integral(n, eta) + sum(mp.log(0.7) - 0.7 * s for s in sd)
        wanted = float(wanted + mp.log(abs(mp.det(slopes))))
    rv = pm.LKJCholeskyCov.dist(eta=eta, n=n, sd_dist=pm.Exponential.dist(0.7), compute_corr=False)
    assert np.isclose(pm.logp(rv, np.array(packed)).eval(), wanted, rtol=1e-10)


def test_a_covariance_of_two_rows_far_out_has_the_closed_form():
    """Of n = 2 and eta = 1: log sd is a function of q in closed form, whatever overflows on the way."""
    with pm.Model() as model:
        pm.LKJCholeskyCov("c", eta=1.0, n=2, sd_dist=pm.LogNormal.dist(0.0, 50.0), compute_corr=False)
    f = model.logp_dlogp_function("numpy")
    for q in (1.0, 40.0, 300.0, 700.0, 1000.0, -40.0, -300.0, -700.0, -1000.0):
        for off in (0.3, -5.0, 900.0):
            with mp.workdps(1800):
                log_sd = [mp.mpf(q), mp.log(mp.mpf(off) ** 2 + mp.exp(2 * mp.mpf(q))) / 2]
                of_sd = sum(-(s**2) / 5000 - mp.log(50) - mp.log(2 * mp.pi) / 2 - s for s in log_sd)
                # (sd1, sd2, r) from (l11, l21, l22) at eta = 1: dr = l22 / sd2**2 dl21 ..., and exp(q) twice for the diagonal.
                jacobian = mp.mpf(q) - 2 * log_sd[1] + 2 * mp.mpf(q)
                wanted = float(of_sd - mp.log(2) + jacobian)
            value, slope = f(np.array([q, off, q]))
            assert np.isclose(value, wanted, rtol=1e-10), (q, off, value, wanted)
            assert np.isfinite(slope).all()


def test_fixed_and_variable_concentrations_have_one_constant():
    fixed = pm.logp(pm.LKJCorr.dist(n=3, eta=2.0), np.array([0.1, -0.3, 0.2])).eval()
    eta = pm.tensor.scalar("eta")
    variable = pm.logp(pm.LKJCorr.dist(n=3, eta=eta), np.array([0.1, -0.3, 0.2])).eval({eta: 2.0})
    det = np.linalg.det([[1, 0.1, -0.3], [0.1, 1, 0.2], [-0.3, 0.2, 1]])
    # The integral for n = 3: products of 2**(2b - 1) B(b, b) with b = eta + 1/2 twice and eta once.
    log_integral = 2 * (4.0 * np.log(2) + sp.betaln(2.5, 2.5)) + 3.0 * np.log(2) + sp.betaln(2.0, 2.0)
    assert np.isclose(fixed, np.log(det) - log_integral) and np.isclose(variable, fixed, rtol=1e-13)
