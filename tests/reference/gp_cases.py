"""Covariance functions and processes that PyMC and we are both asked for: `pm` is either."""

import numpy as np

X1 = np.array([[-1.3], [-0.4], [0.0], [0.35], [1.2], [2.5]])
S1 = np.array([[-0.7], [0.35], [3.1]])
X2 = np.array([[0.1, 1.2], [-0.8, 0.4], [0.5, -0.3], [1.7, 0.9], [0.0, 0.0]])
S2 = np.array([[0.3, 0.3], [-1.1, 2.0]])
X3 = np.array([[0.2, 0.0], [0.7, 1.0], [-0.5, 2.0], [1.1, 1.0]])
S3 = np.array([[0.9, 2.0], [0.2, 0.0]])
OMEGA = np.array([[0.0], [0.4], [1.3], [4.0]])
OMEGA2 = np.array([[0.1, 0.3], [1.3, 0.2], [4.0, 2.0]])


def _tanh(x, a, b, c):
    return 1.0 + a * np.tanh(b * (x - c))


COVARIANCES = {
    "constant": (lambda c: c.Constant(2.5) + 0.0 * c.ExpQuad(1, ls=1.0), X1, S1),
    "white_noise": (lambda c: c.WhiteNoise(0.4) + c.ExpQuad(1, ls=1.0), X1, S1),
    "exp_quad": (lambda c: c.ExpQuad(1, ls=0.7), X1, S1),
    "exp_quad_inverse": (lambda c: c.ExpQuad(1, ls_inv=2.0), X1, S1),
    "exp_quad_ard": (lambda c: c.ExpQuad(2, ls=np.array([0.5, 2.0])), X2, S2),
    "exp_quad_active": (lambda c: c.ExpQuad(2, ls=0.8, active_dims=[1]), X2, S2),
    "rat_quad": (lambda c: c.RatQuad(1, alpha=0.6, ls=0.7), X1, S1),
    "exponential": (lambda c: c.Exponential(1, ls=0.7), X1, S1),
    "matern12": (lambda c: c.Matern12(1, ls=0.7), X1, S1),
    "matern32": (lambda c: c.Matern32(2, ls=[0.7, 1.1]), X2, S2),
    "matern52": (lambda c: c.Matern52(1, ls=0.7), X1, S1),
    "matern52_inverse": (lambda c: c.Matern52(2, ls_inv=[0.7, 1.1]), X2, S2),
    "cosine": (lambda c: c.Cosine(1, ls=1.7), X1, S1),
    "periodic": (lambda c: c.Periodic(1, period=1.4, ls=0.6), X1, S1),
    "periodic_two_columns": (lambda c: c.Periodic(2, period=1.4, ls=0.6), X2, S2),
    "wrapped_periodic": (lambda c: c.WrappedPeriodic(c.Matern52(1, ls=0.6), period=1.4), X1, S1),
    "circular": (lambda c: c.Circular(1, period=3.0, tau=5.0), X1, S1),
    "linear": (lambda c: c.Linear(2, c=[0.1, 0.2]), X2, S2),
    "polynomial": (lambda c: c.Polynomial(1, c=0.3, d=2, offset=0.5), X1, S1),
    "warped_input": (lambda c: c.WarpedInput(1, cov_func=c.Matern52(1, ls=0.5), warp_func=_tanh, args=(0.5, 2.0, 0.1)), X1, S1),
    "gibbs": (lambda c: c.Gibbs(1, lengthscale_func=_tanh, args=(0.5, 2.0, 0.1)), X1, S1),
    "gibbs_active": (lambda c: c.Gibbs(2, lengthscale_func=_tanh, args=(0.5, 2.0, 0.1), active_dims=[1]), X2, S2),
    "scaled": (lambda c: c.ScaledCov(1, cov_func=c.ExpQuad(1, ls=0.5), scaling_func=_tanh, args=(0.5, 2.0, 0.1)), X1, S1),
    "coregion": (lambda c: c.Coregion(2, W=np.array([[1.0, 0.2], [0.5, -0.3], [-0.4, 0.9]]), kappa=np.array([0.3, 0.2, 0.1]), active_dims=[1]), X3, S3),
    "coregion_whole": (lambda c: c.Coregion(2, B=np.array([[2.0, 0.3, 0.1], [0.3, 1.0, 0.2], [0.1, 0.2, 1.5]]), active_dims=[1]), X3, S3),
    "coregionalised": (lambda c: c.ExpQuad(2, ls=0.6, active_dims=[0]) * c.Coregion(2, W=np.ones((3, 1)), kappa=np.ones(3), active_dims=[1]), X3, S3),
    "kron": (lambda c: c.Kron([c.ExpQuad(1, ls=0.4), c.Matern32(1, ls=0.9)]), X2, S2),
    "sum": (lambda c: 2.0 * c.ExpQuad(1, ls=0.7) + c.Linear(1, c=0.2) + 0.3, X1, S1),
    "product": (lambda c: c.Periodic(1, period=1.0, ls=0.5) * c.Matern52(1, ls=2.0) * 0.5, X1, S1),
    "power": (lambda c: c.Linear(1, c=0.2) ** 2, X1, S1),
    "additive_columns": (lambda c: c.ExpQuad(2, ls=0.7, active_dims=[0]) + c.Matern32(2, ls=0.7, active_dims=[1]), X2, S2),
}
"""By name: what makes the function, and two sets of inputs."""

DENSITIES = {
    "exp_quad": (lambda c: c.ExpQuad(1, ls=0.7), OMEGA), "exp_quad_ard": (lambda c: c.ExpQuad(2, ls=[0.7, 1.5]), OMEGA2),
    "matern32": (lambda c: c.Matern32(1, ls=0.7), OMEGA), "matern52_ard": (lambda c: c.Matern52(2, ls=[0.7, 1.5]), OMEGA2),
    "rat_quad": (lambda c: c.RatQuad(1, alpha=1.7, ls=0.7), OMEGA), "sum": (lambda c: 2.0 * c.ExpQuad(1, ls=0.7) + 0.5 * c.Matern52(1, ls=0.2), OMEGA),
    "periodic": (lambda c: c.Periodic(1, period=1.4, ls=0.6), None),
}  # fmt: skip
"""Spectral densities, at frequencies; of the periodic function, coefficients."""

N = 14
X = np.linspace(0.0, 3.0, N)[:, None] + 0.03 * np.sin(np.arange(N))[:, None]
Y = np.sin(2.0 * X[:, 0]) + 0.1 * np.cos(7.0 * np.arange(N))
NEW = np.array([[0.3], [1.55], [4.0]])
GRID = [np.linspace(0.0, 1.0, 4)[:, None], np.linspace(0.0, 2.0, 3)[:, None]]
ON_GRID = np.sin(np.arange(12.0))
COUNTS = np.array([1, 2, 2, 3, 1, 0, 2, 4, 3, 3, 1, 0, 0, 1])
SOME = {"ls": 0.8, "eta": 1.3, "sigma": 0.25}


def _hyper(pm):
    return pm.Gamma("ls", 2.0, 2.0), pm.HalfNormal("eta", 2.0), pm.HalfNormal("sigma", 1.0)


def _marginal(cov):
    def build(pm):
        with pm.Model() as model:
            ls, eta, sigma = _hyper(pm)
            gp = pm.gp.Marginal(mean_func=pm.gp.mean.Linear(coeffs=0.2, intercept=0.1), cov_func=cov(pm.gp.cov, ls, eta))
            gp.marginal_likelihood("y", X=X, y=Y, sigma=sigma)
        return model, gp

    return build


def _approximate(approx):
    def build(pm):
        with pm.Model() as model:
            ls, eta, sigma = _hyper(pm)
            gp = pm.gp.MarginalApprox(approx, mean_func=pm.gp.mean.Constant(0.3), cov_func=eta**2 * pm.gp.cov.ExpQuad(1, ls=ls))
            gp.marginal_likelihood("y", X=X, Xu=X[1::3], y=Y, sigma=sigma)
        return model, gp

    return build


def _kron(pm):
    with pm.Model() as model:
        ls, eta, sigma = _hyper(pm)
        gp = pm.gp.MarginalKron(cov_funcs=[eta**2 * pm.gp.cov.ExpQuad(1, ls=ls), pm.gp.cov.Matern32(1, ls=0.9)])
        gp.marginal_likelihood("y", Xs=GRID, y=ON_GRID, sigma=sigma)
    return model, gp


MARGINALS = {
    "exp_quad": _marginal(lambda c, ls, eta: eta**2 * c.ExpQuad(1, ls=ls)),
    "matern12": _marginal(lambda c, ls, eta: eta**2 * c.Matern12(1, ls=ls)),
    "matern32": _marginal(lambda c, ls, eta: eta**2 * c.Matern32(1, ls=ls)),
    "matern52": _marginal(lambda c, ls, eta: eta**2 * c.Matern52(1, ls=ls)),
    "rat_quad_and_periodic": _marginal(lambda c, ls, eta: eta**2 * c.RatQuad(1, alpha=0.7, ls=ls) + c.Periodic(1, period=1.1, ls=0.8) * c.Matern52(1, ls=3.0)),
    "fitc": _approximate("FITC"), "vfe": _approximate("VFE"), "dtc": _approximate("DTC"), "kron": _kron,
}  # fmt: skip
"""Models, with the process that predicts."""


def _latent(reparameterize, process):
    def build(pm):
        with pm.Model() as model:
            ls, eta, _ = _hyper(pm)
            cov = eta**2 * pm.gp.cov.Matern52(1, ls=ls)
            gp = pm.gp.TP(scale_func=cov, nu=4.0) if process == "TP" else pm.gp.Latent(cov_func=cov)
            f = gp.prior("f", X=X, reparameterize=reparameterize)
            pm.Poisson("y", pm.math.exp(f), observed=COUNTS)
        return model

    return build


def _latent_kron(pm):
    with pm.Model() as model:
        ls, eta, sigma = _hyper(pm)
        f = pm.gp.LatentKron(cov_funcs=[eta**2 * pm.gp.cov.ExpQuad(1, ls=ls), pm.gp.cov.Matern32(1, ls=0.9)]).prior("f", Xs=GRID)
        pm.Normal("y", f, sigma, observed=ON_GRID)
    return model


def _several_outputs(pm):
    with pm.Model() as model:
        ls, eta, sigma = _hyper(pm)
        f = pm.gp.Latent(cov_func=eta**2 * pm.gp.cov.ExpQuad(1, ls=ls)).prior("f", X=X, n_outputs=2)
        pm.Normal("y", f, sigma, observed=np.stack([Y, Y**2]))
    return model


def _hsgp(**options):
    def build(pm):
        with pm.Model() as model:
            ls, eta, sigma = _hyper(pm)
            gp = pm.gp.HSGP(cov_func=eta**2 * pm.gp.cov.Matern52(1, ls=ls), mean_func=pm.gp.mean.Constant(0.5), **options)
            f = gp.prior("f", X=X)
            gp.conditional("f_new", NEW[:2])
            pm.Normal("y", f, sigma, observed=Y)
        return model

    return build


def _hsgp_two_columns(pm):
    with pm.Model() as model:
        ls, eta, sigma = _hyper(pm)
        gp = pm.gp.HSGP(m=[4, 3], L=[3.0, 2.5], cov_func=eta**2 * pm.gp.cov.ExpQuad(3, ls=[ls, 1.2], active_dims=[0, 2]))
        f = gp.prior("f", X=np.hstack([X2, X2[:, :1] ** 2]))
        pm.Normal("y", f, sigma, observed=Y[:5])
    return model


def _hsgp_periodic(pm):
    with pm.Model() as model:
        ls, eta, sigma = _hyper(pm)
        gp = pm.gp.HSGPPeriodic(m=5, scale=eta, cov_func=pm.gp.cov.Periodic(1, period=1.3, ls=ls))
        f = gp.prior("f", X=X)
        gp.conditional("f_new", NEW)
        pm.Normal("y", f, sigma, observed=Y)
    return model


PRIORS = {
    "latent": _latent(True, "Latent"), "latent_centred": _latent(False, "Latent"), "tp": _latent(True, "TP"), "tp_centred": _latent(False, "TP"),
    "latent_kron": _latent_kron, "several_outputs": _several_outputs, "hsgp": _hsgp(m=[7], c=1.5), "hsgp_centred": _hsgp(m=[7], L=[3.5], parametrization="centered"),
    "hsgp_drop_first": _hsgp(m=[7], c=1.5, drop_first=True), "hsgp_two_columns": _hsgp_two_columns, "hsgp_periodic": _hsgp_periodic,
}  # fmt: skip
"""Models."""


def point_of(start):
    """A point of a model near its start."""
    return {name: np.asarray(v, float) + 0.2 * np.sin(1.0 + np.arange(np.size(v))).reshape(np.shape(v)) for name, v in start.items()}
