"""Gaussian processes as PyMC's documentation and gallery write them, on data made in each model's function."""

import numpy as np
from examples import model, tensors


def _line(n, seed, to=10.0):
    draws = np.random.RandomState(seed)
    x = np.sort(to * draws.uniform(size=n))
    return draws, x


@model()
def gp_marginal_likelihood(pm, d):
    """Regression with the values integrated out: here that is a Kalman filter."""
    draws, x = _line(16, 1)
    with pm.Model() as m:
        ell = pm.Gamma("ell", alpha=2, beta=1)
        eta = pm.HalfCauchy("eta", beta=5)
        gp = pm.gp.Marginal(cov_func=eta**2 * pm.gp.cov.Matern52(1, ell))
        sigma = pm.HalfCauchy("sigma", beta=5)
        gp.marginal_likelihood("y", X=x[:, None], y=np.sin(x) + 0.3 * draws.normal(size=16), sigma=sigma)
    return m


@model()
def gp_latent_with_outliers(pm, d):
    """Function values are variables, and the noise is Student's t."""
    draws, x = np.random.RandomState(2), np.linspace(0.0, 15.0, 12)
    with pm.Model() as m:
        ell = pm.Gamma("ell", alpha=2, beta=1)
        eta = pm.HalfNormal("eta", sigma=5)
        gp = pm.gp.Latent(cov_func=eta**2 * pm.gp.cov.ExpQuad(1, ell))
        f = gp.prior("f", X=x[:, None])
        sigma = pm.HalfNormal("sigma", sigma=2.0)
        nu = pm.Gamma("nu", alpha=2, beta=0.1)
        pm.StudentT("y", mu=f, lam=1.0 / sigma, nu=1 + nu, observed=np.sin(x) + 0.3 * draws.standard_t(3, size=12))
    return m


@model()
def gp_classification(pm, d):
    """The logit of a probability is a process."""
    draws, x = _line(12, 3, 1.5)
    with pm.Model() as m:
        ell = pm.InverseGamma("ell", mu=1.0, sigma=0.5)
        eta = pm.Exponential("eta", lam=1.0)
        gp = pm.gp.Latent(cov_func=eta**2 * pm.gp.cov.ExpQuad(1, ell))
        f = gp.prior("f", X=x[:, None])
        p = pm.Deterministic("p", pm.math.invlogit(f))
        pm.Bernoulli("y", p=p, observed=(draws.uniform(size=12) < 0.5).astype(int))
    return m


@model()
def gp_student_t_process(pm, d):
    """A Student's t process under counts, with a parameter for its tails."""
    draws, x = _line(10, 4, 5.0)
    with pm.Model() as m:
        ell = pm.Gamma("ell", alpha=2, beta=2)
        eta = pm.HalfCauchy("eta", beta=3)
        tp = pm.gp.TP(scale_func=eta**2 * pm.gp.cov.ExpQuad(1, ell), nu=3 + pm.Exponential("nu", 0.1))
        f = tp.prior("f", X=x[:, None])
        pm.Poisson("y", mu=pt_square(pm, f), observed=draws.poisson(2.0, size=10))
    return m


def pt_square(pm, f):
    return tensors(pm).square(f) + 0.1


@model()
def gp_inducing_points_that_move(pm, d):
    """A sparse approximation whose inducing points are variables."""
    draws, x = _line(20, 5)
    with pm.Model() as m:
        ell = pm.Gamma("ell", alpha=2, beta=1)
        eta = pm.HalfCauchy("eta", beta=5)
        gp = pm.gp.MarginalApprox(cov_func=eta**2 * pm.gp.cov.Matern52(1, ell), approx="FITC")
        at = pm.Flat("Xu", shape=5, initval=np.linspace(1.0, 9.0, 5))
        sigma = pm.HalfCauchy("sigma", beta=5)
        gp.marginal_likelihood("y", X=x[:, None], Xu=at[:, None], y=np.sin(x) + 0.2 * draws.normal(size=20), sigma=sigma)
    return m


@model()
def gp_variational_free_energy(pm, d):
    draws, x = _line(20, 6)
    with pm.Model() as m:
        ell = pm.Gamma("ell", alpha=2, beta=1)
        gp = pm.gp.MarginalApprox(cov_func=pm.gp.cov.ExpQuad(1, ell), approx="VFE")
        sigma = pm.HalfCauchy("sigma", beta=5)
        gp.marginal_likelihood("y", X=x[:, None], Xu=x[1::4, None], y=np.cos(x) + 0.2 * draws.normal(size=20), sigma=sigma)
    return m


@model()
def gp_on_a_grid(pm, d):
    """A Kronecker product of covariance matrices, and noise."""
    draws = np.random.RandomState(7)
    xs = [np.linspace(0, 5, 5)[:, None], np.linspace(0, 2, 4)[:, None]]
    with pm.Model() as m:
        ls1 = pm.Gamma("ls1", alpha=2, beta=2)
        ls2 = pm.Gamma("ls2", alpha=2, beta=2)
        eta = pm.HalfNormal("eta", sigma=2)
        gp = pm.gp.MarginalKron(cov_funcs=[pm.gp.cov.Matern52(1, ls=ls1), eta**2 * pm.gp.cov.Cosine(1, ls=ls2 + 3.0) + pm.gp.cov.ExpQuad(1, ls=0.5)])
        sigma = pm.HalfNormal("sigma", sigma=2)
        gp.marginal_likelihood("y", Xs=xs, y=draws.normal(size=20), sigma=sigma)
    return m


@model()
def gp_on_a_grid_of_counts(pm, d):
    draws = np.random.RandomState(8)
    xs = [np.linspace(0, 5, 4)[:, None], np.linspace(0, 2, 3)[:, None]]
    with pm.Model() as m:
        ls = pm.Gamma("ls", alpha=2, beta=2)
        gp = pm.gp.LatentKron(cov_funcs=[pm.gp.cov.ExpQuad(1, ls=ls), pm.gp.cov.Matern32(1, ls=1.0)])
        f = gp.prior("f", Xs=xs)
        pm.Poisson("y", pm.math.exp(f), observed=draws.poisson(1.5, size=12))
    return m


@model()
def gp_carbon_dioxide(pm, d):
    """Mauna Loa: a season that drifts, a medium term and a trend are three processes, and the noise is correlated."""
    draws = np.random.RandomState(9)
    t = np.arange(18) / 8.0
    y = 0.3 * t + np.sin(2 * np.pi * t) + 0.05 * draws.normal(size=18)
    cov = pm.gp.cov
    with pm.Model() as m:
        eta_per = pm.HalfCauchy("eta_per", beta=2)
        l_pdecay = pm.Gamma("l_pdecay", alpha=10, beta=0.75)
        period = pm.Normal("period", mu=1, sigma=0.05)
        l_psmooth = pm.Gamma("l_psmooth", alpha=4, beta=3)
        seasonal = pm.gp.Marginal(cov_func=eta_per**2 * cov.Periodic(1, period, l_psmooth) * cov.Matern52(1, l_pdecay))
        eta_med = pm.HalfCauchy("eta_med", beta=0.5)
        l_med = pm.Gamma("l_med", alpha=2, beta=0.75)
        alpha = pm.Gamma("alpha", alpha=5, beta=2)
        medium = pm.gp.Marginal(cov_func=eta_med**2 * cov.RatQuad(1, l_med, alpha))
        eta_trend = pm.HalfCauchy("eta_trend", beta=2)
        l_trend = pm.Gamma("l_trend", alpha=4, beta=0.1)
        trend = pm.gp.Marginal(cov_func=eta_trend**2 * cov.ExpQuad(1, l_trend))
        eta_noise = pm.HalfNormal("eta_noise", sigma=0.5)
        l_noise = pm.Gamma("l_noise", alpha=2, beta=4)
        sigma = pm.HalfNormal("sigma", sigma=0.25)
        noise = eta_noise**2 * cov.Matern32(1, l_noise) + cov.WhiteNoise(sigma)
        gp = seasonal + medium + trend
        gp.marginal_likelihood("y", X=t[:, None], y=y, sigma=noise)
    return m


@model()
def gp_hilbert_space(pm, d):
    """A process in a basis of sines, centred by its middle."""
    draws, x = _line(25, 10)
    with pm.Model() as m:
        ell = pm.LogNormal("ell", mu=1.0, sigma=0.5)
        eta = pm.Exponential("eta", scale=1.0)
        gp = pm.gp.HSGP(m=[8], c=1.5, cov_func=eta**2 * pm.gp.cov.Matern52(input_dim=1, ls=ell))
        f = gp.prior("f", X=x[:, None])
        sigma = pm.Exponential("sigma", scale=1.0)
        pm.Normal("y", mu=f, sigma=sigma, observed=np.sin(x) + 0.2 * draws.normal(size=25))
    return m


@model()
def gp_births(pm, d):
    """Births by day: a trend, and a season by cosines and sines, in bases."""
    draws = np.random.RandomState(11)
    t = np.linspace(-1.0, 1.0, 30)
    with pm.Model(coords={"time": t}) as m:
        x = pm.Data("x", t, dims="time")
        ls_trend = pm.LogNormal("ls_trend", mu=-0.5, sigma=0.5)
        trend = pm.gp.HSGP(m=[6], c=1.5, cov_func=pm.HalfNormal("eta", 1.0) ** 2 * pm.gp.cov.ExpQuad(1, ls=ls_trend)).prior("trend", X=x[:, None], dims="time")
        season = pm.gp.HSGPPeriodic(m=4, scale=pm.HalfNormal("scale", 1.0), cov_func=pm.gp.cov.Periodic(1, period=0.5, ls=pm.Gamma("ls_season", 2, 1)))
        f = trend + season.prior("season", X=x[:, None], dims="time")
        pm.Normal("births", mu=f, sigma=pm.HalfNormal("sigma", 1.0), observed=np.sin(4 * np.pi * t) + 0.1 * draws.normal(size=30), dims="time")
    return m


@model()
def gp_hierarchical_basis(pm, d):
    """Processes of groups around their mean, that share one basis."""
    draws, x = _line(15, 12)
    with pm.Model() as m:
        mean = pm.gp.HSGP(m=[5], c=1.5, cov_func=pm.HalfNormal("eta_mean", 1.0) ** 2 * pm.gp.cov.Matern52(1, ls=pm.InverseGamma("ell_mean", mu=3, sigma=1)))
        phi, sqrt_psd = mean.prior_linearized(x[:, None] - 5.0)
        beta = pm.Normal("beta", size=mean.n_basis_vectors)
        offset = pm.gp.HSGP(m=[5], c=1.5, cov_func=pm.gp.cov.Matern52(1, ls=2.0))
        _, sqrt_offset = offset.prior_linearized(x[:, None] - 5.0)
        z = pm.ZeroSumNormal("z", 1.0, shape=(5, 3), n_zerosum_axes=1)
        f = (phi @ (beta * sqrt_psd))[:, None] + phi @ (z * sqrt_offset[:, None])
        pm.Normal("y", mu=f, sigma=pm.Exponential("sigma", 1.0), observed=np.sin(x)[:, None] + 0.3 * draws.normal(size=(15, 3)))
    return m


@model()
def gp_several_outputs(pm, d):
    """Coregionalisation: one process for each output, correlated."""
    draws, x = _line(8, 13, 3.0)
    inputs = np.vstack([np.column_stack([x, np.full(8, k)]) for k in range(2)])
    with pm.Model() as m:
        ell = pm.Gamma("ell", alpha=2, beta=0.5)
        eta = pm.Gamma("eta", alpha=3, beta=1)
        w = pm.Normal("W", mu=0, sigma=3, shape=(2, 1), initval=np.array([[0.5], [-0.3]]))
        kappa = pm.Gamma("kappa", alpha=1.5, beta=1, shape=2)
        cov = eta**2 * pm.gp.cov.ExpQuad(2, ls=ell, active_dims=[0]) * pm.gp.cov.Coregion(2, W=w, kappa=kappa, active_dims=[1])
        gp = pm.gp.Marginal(cov_func=cov)
        sigma = pm.HalfNormal("sigma", sigma=3)
        gp.marginal_likelihood("y", X=inputs, y=np.concatenate([np.sin(x), np.cos(x)]) + 0.2 * draws.normal(size=16), sigma=sigma)
    return m


@model()
def gp_cox_process(pm, d):
    """Points in the plane, counted in cells: their intensity is the exponential of a process."""
    draws = np.random.RandomState(14)
    centres = np.array([[i, j] for i in range(4) for j in range(4)], float)
    with pm.Model() as m:
        mu = pm.Normal("mu", sigma=3)
        rho = pm.Uniform("rho", lower=0.5, upper=3.0)
        variance = pm.InverseGamma("variance", alpha=1, beta=1)
        gp = pm.gp.Latent(mean_func=pm.gp.mean.Constant(mu), cov_func=variance * pm.gp.cov.Matern52(2, ls=rho))
        log_intensity = gp.prior("log_intensity", X=centres)
        intensity = pm.math.exp(log_intensity)
        pm.Poisson("counts", mu=intensity * 0.8, observed=draws.poisson(2.0, size=16))
    return m


@model()
def gp_on_a_circle(pm, d):
    """Angles: the covariance of the distance along a circle."""
    draws = np.random.RandomState(15)
    angle = np.sort(2 * np.pi * draws.uniform(size=12))
    with pm.Model() as m:
        eta = pm.HalfNormal("eta", sigma=1)
        tau = 4 + pm.HalfNormal("tau", sigma=1)
        gp = pm.gp.Marginal(mean_func=pm.gp.mean.Constant(pm.Normal("level", 0, 2)), cov_func=eta**2 * pm.gp.cov.Circular(1, period=2 * np.pi, tau=tau))
        sigma = pm.HalfNormal("sigma", sigma=0.2)
        gp.marginal_likelihood("y", X=angle[:, None], y=np.cos(angle) + 0.1 * draws.normal(size=12), sigma=sigma)
    return m


@model()
def gp_length_that_varies(pm, d):
    """Gibbs's covariance, whose length is a function, and a variance that is one."""
    draws, x = _line(12, 16, 4.0)
    pt = tensors(pm)

    def tanh(x, x1, x2, w, x0):
        return (x1 + x2) / 2.0 - (x1 - x2) / 2.0 * pt.tanh((x - x0) / w)

    with pm.Model() as m:
        first, last = pm.HalfNormal("first", 1.0), pm.HalfNormal("last", 1.0)
        cov = pm.gp.cov.Gibbs(1, tanh, args=(first + 0.1, last + 0.1, 0.5, 2.0))
        scaled = pm.gp.cov.ScaledCov(1, cov_func=cov, scaling_func=tanh, args=(1.0, 2.0, 0.5, 2.0))
        gp = pm.gp.Marginal(cov_func=scaled)
        gp.marginal_likelihood("y", X=x[:, None], y=np.sin(x * x) + 0.1 * draws.normal(size=12), sigma=pm.HalfNormal("sigma", 0.5))
    return m
