"""What processes do beyond their values: sums, new inputs by data, bases, bad input, what is drawn and drawn as a plot."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal

import workbench as pm
import workbench.tensor as pt
from workbench.errors import ModelError, ParameterValueError, ShapeError

X = np.linspace(0.0, 3.0, 8)[:, None]
Y = np.sin(2.0 * X[:, 0])
NEW = np.array([[0.2], [1.7], [3.4]])
cov = pm.gp.cov


def dense(k, x, xs=None):
    return k(x, xs).eval()


# Sums -------------------------------------------------------------------------------------------


def test_a_part_of_a_sum_is_predicted_from_what_was_seen_of_the_sum():
    k1, k2 = cov.ExpQuad(1, ls=0.8), 0.5 * cov.Linear(1, c=1.0)
    with pm.Model() as model:
        one, two = pm.gp.Marginal(cov_func=k1, mean_func=pm.gp.mean.Constant(0.3)), pm.gp.Marginal(cov_func=k2)
        total = one + two
        total.marginal_likelihood("y", X=X, y=Y, sigma=0.2)
        mean, covariance = two.predict(NEW, given={"X": X, "y": Y, "sigma": 0.2, "gp": total})
    whole = dense(k1, X) + dense(k2, X) + (0.04 + 1e-6) * np.eye(8)
    across = dense(k2, NEW, X)
    np.testing.assert_allclose(mean, across @ np.linalg.solve(whole, Y - 0.3), atol=1e-10)
    np.testing.assert_allclose(covariance, dense(k2, NEW) - across @ np.linalg.solve(whole, across.T) + 1e-6 * np.eye(3), atol=1e-10)
    assert round(float(model.compile_logp(backend="numpy")({})), 8) == round(multivariate_normal.logpdf(Y, np.full(8, 0.3), whole), 8)


def test_only_processes_of_one_kind_add():
    marginal, latent = pm.gp.Marginal(cov_func=cov.ExpQuad(1, ls=1.0)), pm.gp.Latent(cov_func=cov.ExpQuad(1, ls=1.0))
    for one, other in [(marginal, latent), (pm.gp.TP(scale_func=cov.ExpQuad(1, ls=1.0), nu=3.0), latent)]:
        with pytest.raises(TypeError):
            one + other
    with pytest.raises(TypeError, match="different approximations"):
        pm.gp.MarginalApprox("FITC", cov_func=cov.ExpQuad(1, ls=1.0)) + pm.gp.MarginalApprox("VFE", cov_func=cov.ExpQuad(1, ls=1.0))


def test_covariances_take_scalars_and_matrices_from_either_side():
    k, a = cov.ExpQuad(1, ls=1.0), np.diag(np.arange(8.0))
    scale = pt.constant(3.0)
    for made, known in [
        (scale * k, 3.0 * dense(k, X)), (k * scale, 3.0 * dense(k, X)), (np.float64(3.0) * k, 3.0 * dense(k, X)), (2 + k, 2 + dense(k, X)),
        (a + k, a + dense(k, X)), (k + a, a + dense(k, X)), (k * k + k, dense(k, X) ** 2 + dense(k, X)), (k**0.5, dense(k, X) ** 0.5),
    ]:  # fmt: skip
        np.testing.assert_allclose(dense(made, X), known)
        np.testing.assert_allclose(made(X, diag=True).eval(), np.diag(known))


# New inputs -------------------------------------------------------------------------------------


def test_new_inputs_come_by_set_data():
    with pm.Model() as model:
        ls = pm.Gamma("ls", 2.0, 2.0)
        gp = pm.gp.Marginal(cov_func=cov.ExpQuad(1, ls=ls))
        gp.marginal_likelihood("y", X=X, y=Y, sigma=0.1)
        at = pm.Data("at", NEW)
        f = gp.conditional("f", Xnew=at)
    for new in (NEW, np.linspace(0.0, 3.0, 5)[:, None]):
        with model:
            pm.set_data({"at": new})
        mean, covariance = gp.predict(new, point={"ls": 0.8}, model=model)
        mu, matrix = (x.eval({ls: 0.8}) for x in f.inputs[1:])
        assert f.eval({ls: 0.8}).shape == (len(new),)
        np.testing.assert_allclose(mu, mean)
        np.testing.assert_allclose(matrix, covariance)


def test_values_at_old_inputs_are_those_that_were_drawn():
    with pm.Model():
        gp = pm.gp.Latent(cov_func=cov.ExpQuad(1, ls=0.8))
        f = gp.prior("f", X=X)
        again = gp.conditional("again", Xnew=X[::2])
    drawn, seen = pm.draw([f, again], 20, random_seed=2)
    # Up to the jitter's standard deviation.
    np.testing.assert_allclose(seen, drawn[:, ::2], atol=6e-3)


def test_a_basis_is_fixed_by_the_first_inputs():
    with pm.Model() as model:
        x = pm.Data("x", X)
        gp = pm.gp.HSGP(m=[10], c=2.0, cov_func=cov.ExpQuad(1, ls=0.8))
        phi, sqrt_psd = gp.prior_linearized(x)
        pm.Deterministic("f", pt.dot(phi, sqrt_psd * pm.Normal("beta", size=10)))
    first = phi.eval()
    with model:
        pm.set_data({"x": X[2:5]})
    np.testing.assert_allclose(phi.eval(), first[2:5])


@pytest.mark.parametrize("kernel", [lambda: cov.ExpQuad(1, ls=0.6), lambda: 1.5 * cov.Matern52(1, ls=0.8) + cov.Matern32(1, ls=1.0)])
def test_a_basis_of_many_functions_is_the_process(kernel):
    phi, sqrt_psd = pm.gp.HSGP(m=[400], c=4.0, cov_func=kernel()).prior_linearized(X)
    basis = (phi * sqrt_psd).eval()
    np.testing.assert_allclose(basis @ basis.T, dense(kernel(), X), atol=2e-4)


def test_coefficients_of_cosines_are_those_of_the_series():
    ls, angle = 0.7, np.linspace(0.0, 2 * np.pi, 9)
    found = cov.Periodic(1, period=1.3, ls=ls).power_spectral_density_approx(np.arange(40)).eval()
    np.testing.assert_allclose(np.cos(np.outer(angle, np.arange(40))) @ found, np.exp((np.cos(angle) - 1.0) / ls**2), atol=1e-12)


# Bad input --------------------------------------------------------------------------------------


def test_shapes_that_disagree_are_said():
    gp = pm.gp.Marginal(cov_func=cov.ExpQuad(1, ls=1.0))
    with pm.Model():
        with pytest.raises(ShapeError, match=r"column vector|matrix"):
            gp.marginal_likelihood("y", X=X[:, 0], y=Y, sigma=0.1)
        with pytest.raises(ShapeError, match="X has 8 rows"):
            gp.marginal_likelihood("y", X=X, y=Y[:5], sigma=0.1)
        with pytest.raises(ShapeError, match="looks at column 1"):
            cov.ExpQuad(2, ls=1.0)(X)
        with pytest.raises(ShapeError, match="half widths"):
            pm.gp.HSGP(m=[5], c=2.0, cov_func=cov.ExpQuad(1, ls=1.0)).prior_linearized(X[:1])
        with pytest.raises(ValueError, match="cartesian product"):
            pm.gp.MarginalKron(cov_funcs=[cov.ExpQuad(1, ls=1.0)] * 2).marginal_likelihood("y", Xs=[X, X], y=Y, sigma=0.1)
    with pytest.warns(UserWarning, match="Only 1 column"):
        cov.ExpQuad(1, ls=1.0)(np.hstack([X, X]))


def test_what_is_not_positive_definite_is_said():
    with pm.Model():
        y = pm.gp.Marginal(cov_func=cov.ExpQuad(1, ls=1.0)).marginal_likelihood("y", X=X, y=Y, sigma=0.0, jitter=-1e-2)
    with pytest.raises(ParameterValueError, match="cov must be positive definite"):
        pm.logp(y, Y).eval()
    with pm.Model() as model:
        level = pm.Normal("level")
        pm.gp.Marginal(cov_func=level * cov.ExpQuad(1, ls=1.0)).marginal_likelihood("y", X=X, y=Y, sigma=0.1)
    assert model.compile_logp(vars=["y"], backend="numpy")({"level": -1.0}) == -np.inf


def test_equal_inputs_with_noise_are_right():
    twice = np.repeat(X, 2, axis=0)
    with pm.Model() as model:
        pm.gp.Marginal(cov_func=cov.ExpQuad(1, ls=1.0)).marginal_likelihood("y", X=twice, y=np.repeat(Y, 2), sigma=0.1)
    known = multivariate_normal.logpdf(np.repeat(Y, 2), np.zeros(16), dense(cov.ExpQuad(1, ls=1.0), twice) + (0.01 + 1e-6) * np.eye(16))
    np.testing.assert_allclose(model.compile_logp(backend="numpy")({}), known, rtol=1e-9)


def test_what_is_asked_too_early_is_said():
    with pm.Model() as model:
        with pytest.raises(AttributeError, match="'X' not set"):
            pm.gp.Latent(cov_func=cov.ExpQuad(1, ls=1.0)).conditional("f", NEW)
        with pytest.raises(ValueError, match="Prior is not set"):
            pm.gp.HSGP(m=[5], c=2.0, cov_func=cov.ExpQuad(1, ls=1.0)).conditional("f", NEW)
        ls = pm.Gamma("ls", 2.0, 2.0)
        gp = pm.gp.Marginal(cov_func=cov.ExpQuad(1, ls=ls))
        gp.marginal_likelihood("y", X=X, y=Y, sigma=0.1)
    with pytest.raises(ValueError, match="Values for ls"):
        gp.predict(NEW, point={}, model=model)


# A conditional distribution of Student's t ------------------------------------------------------


def test_the_conditional_of_a_students_t_process_is_exact():
    nu, k = 4.0, cov.Matern52(1, ls=0.8)
    both = np.vstack([X, NEW])
    with pm.Model() as model:
        tp = pm.gp.TP(scale_func=k, nu=nu)
        tp.prior("f", X=X, reparameterize=False, jitter=1e-6)
        tp.conditional("new", NEW, jitter=1e-6)
        joint = pm.MvStudentT.dist(nu=nu, mu=np.zeros(11), scale=dense(k, both) + 1e-6 * np.eye(11))
    new = np.array([0.3, -0.2, 0.1])
    found = model.compile_logp(backend="numpy")({"f": Y, "new": new})
    np.testing.assert_allclose(found, pm.logp(joint, np.concatenate([Y, new])).eval(), rtol=1e-5)


# Preparation and plots --------------------------------------------------------------------------


def test_inducing_points_are_centres_of_clusters():
    draws = np.random.default_rng(3)
    x = np.concatenate([draws.normal(c, 0.01, size=(30, 2)) for c in (0.0, 5.0, 9.0)])
    found = pm.gp.util.kmeans_inducing_points(3, x, seed=1)
    np.testing.assert_allclose(np.sort(found[:, 0]), [0.0, 5.0, 9.0], atol=0.05)
    with pytest.raises(TypeError, match="K-means"):
        pm.gp.util.kmeans_inducing_points(3, "x")


def test_bands_are_drawn():
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, ax = plt.subplots()
    assert pm.gp.util.plot_gp_dist(ax, np.random.default_rng(1).normal(size=(50, 8)), X) is ax
    assert len(ax.collections) == 40 and len(ax.lines) == 30
    plt.close(figure)


def test_the_checks_of_a_draw_of_a_semidefinite_covariance():
    x = pm.MvNormal.dist(mu=np.zeros(2), cov=np.ones((2, 2)), method="eigh")
    drawn = pm.draw(x, 5, random_seed=1)
    np.testing.assert_allclose(drawn[:, 0], drawn[:, 1], atol=1e-7)
    with pytest.raises((ModelError, ParameterValueError), match="positive definite"):
        pm.logp(x, np.zeros(2)).eval()
    with pytest.raises(ModelError, match="no method"):
        pm.MvNormal.dist(mu=np.zeros(2), cov=np.eye(2), method="qr")
