"""A Matérn process on a line becomes a Kalman filter: the same density, gradient and errors as with the matrix, in linear work."""

import time

import numpy as np
import pytest
from scipy.stats import multivariate_normal

import workbench as pm
import workbench.tensor as pt
from workbench.compile.c.toolchain import find_compiler
from workbench.transforms.covariance_structure import chains_on_a_line

RNG = np.random.default_rng(4)
APART = RNG.uniform(0.0, 4.0, 40)[:, None]
Y = np.sin(2.0 * APART[:, 0]) + 0.2 * RNG.normal(size=40)
Q = np.array([-0.4, 0.3, -1.2])
"""Logarithms of length, standard deviation and noise."""

KERNELS = {
    "Matern12": lambda c, ls: c.Matern12(1, ls=ls),
    "Matern32": lambda c, ls: c.Matern32(1, ls=ls),
    "Matern52": lambda c, ls: c.Matern52(1, ls_inv=1.0 / ls),
    "sum": lambda c, ls: 0.5 * c.Matern52(1, ls=ls) + c.Exponential(1, ls=0.2),
}


def model_of(kernel, x=APART, y=Y, dense=False, noise=None):
    with pm.Model() as model:
        ls, eta, sigma = (pm.LogNormal(name, 0.0, 1.0) for name in ("ls", "eta", "sigma"))
        cov = eta**2 * kernel(pm.gp.cov, ls)
        if dense:
            # A product is no sum of known terms.
            n = len(x)
            matrix = cov(x) + pt.diag(pt.alloc(pt.square(sigma), n)) + 1e-6 * pt.eye(n)
            pm.MvNormal("y", mu=np.full(n, 0.2), chol=pt.linalg.cholesky(matrix), observed=y)
        else:
            gp = pm.gp.Marginal(cov_func=cov, mean_func=pm.gp.mean.Constant(0.2))
            gp.marginal_likelihood("y", X=x, y=y, sigma=sigma if noise is None else noise)
    return model


def slopes(model, backend="numpy"):
    f = model.compile_fn([model.logp(), model.dlogp()], inputs=model.value_vars, backend=backend)
    return f(dict(zip([v.name for v in model.value_vars], Q)))


def rules_of(model):
    return [f.rule.name for p in model.density().trace.passes for f in p.firings]


@pytest.mark.parametrize("name", KERNELS)
def test_density_and_gradient_are_those_with_the_matrix(name):
    model = model_of(KERNELS[name])
    assert "matern_process_is_a_markov_chain" in rules_of(model)
    for ours, known in zip(slopes(model), slopes(model_of(KERNELS[name], dense=True))):
        np.testing.assert_allclose(ours, known, rtol=1e-8)


def test_the_rule_is_seen_in_the_stepper_with_what_it_says():
    trace = model_of(KERNELS["Matern32"]).trace()
    (found,) = [f for p in trace.passes for f in p.firings if f.rule.name == "matern_process_is_a_markov_chain"]
    assert "Kalman filter" in found.rule.doc and found.before.op.name == "logp"
    names = [x.op.name for x in pt_nodes(found.after)]
    assert "scan" in names and "cholesky" not in names


def pt_nodes(x):
    from workbench.graph import topological

    return topological([x])


@pytest.mark.skipif(find_compiler() is None, reason="no C compiler on this system")
def test_compiled_it_is_linear_in_the_number_of_points(monkeypatch):
    # The proof of a program goes through all steps of its loops.
    monkeypatch.delenv("WORKBENCH_CHECK")
    n = 100_000
    x = np.sort(RNG.uniform(0.0, n / 50, n))[:, None]
    found = {}
    for m in (10_000, n):
        f = model_of(KERNELS["Matern32"], x[:m], np.sin(x[:m, 0])).logp_dlogp_function("c")
        best = np.inf
        for _ in range(5):
            begun = time.process_time()
            value, slope = f(Q)
            best = min(best, time.process_time() - begun)
        assert np.isfinite(value) and np.isfinite(slope).all()
        found[m] = best
    # A matrix of so many rows would be 80 GB. Ten times as many points, with room for noise.
    assert found[n] < 40 * found[10_000]


@pytest.mark.skipif(find_compiler() is None, reason="no C compiler on this system")
def test_compiled_it_says_the_same():
    for ours, known in zip(slopes(model_of(KERNELS["Matern32"]), "c"), slopes(model_of(KERNELS["Matern32"]))):
        np.testing.assert_allclose(ours, known, rtol=1e-10)


def test_points_that_are_data_may_come_in_any_order_later():
    with pm.Model() as model:
        x, y = pm.Data("x", APART), pm.Data("y_data", Y)
        pm.gp.Marginal(cov_func=pm.gp.cov.Matern32(1, ls=0.7)).marginal_likelihood("y", X=x, y=y, sigma=0.3)
    f = model.compile_logp(backend="numpy")
    rows = RNG.permutation(40)[:25]
    for at in (np.arange(40), rows):
        with model:
            pm.set_data({"x": APART[at], "y_data": Y[at]})
        cov = pm.gp.cov.Matern32(1, ls=0.7)(APART[at]).eval() + (0.09 + 1e-6) * np.eye(len(at))
        np.testing.assert_allclose(f({}), multivariate_normal.logpdf(Y[at], np.zeros(len(at)), cov), rtol=1e-9)


@pytest.mark.parametrize("x", [[[0.5]], [[0.5], [0.5], [0.5], [1.0]]], ids=["one point", "equal points"])
def test_one_point_and_equal_points_are_right(x):
    x = np.array(x)
    y = np.linspace(-0.3, 0.4, len(x))
    for ours, known in zip(slopes(model_of(KERNELS["Matern32"], x, y)), slopes(model_of(KERNELS["Matern32"], x, y, dense=True))):
        np.testing.assert_allclose(ours, known, rtol=1e-8)


def test_each_value_may_have_noise_of_its_own():
    noise = np.linspace(0.1, 0.9, 40)
    model = model_of(KERNELS["Matern32"], noise=noise)
    assert "matern_process_is_a_markov_chain" in rules_of(model)
    ls, eta, _ = np.exp(Q)
    cov = eta**2 * pm.gp.cov.Matern32(1, ls=ls)(APART).eval() + np.diag(noise**2 + 1e-6)
    found = model.compile_logp(vars=["y"], backend="numpy")(dict(zip([v.name for v in model.value_vars], Q)))
    np.testing.assert_allclose(found, multivariate_normal.logpdf(Y, np.full(40, 0.2), cov), rtol=1e-9)


def test_what_is_no_chain_stays_a_matrix():
    plane = np.hstack([APART, APART**2])
    c = pm.gp.cov
    for cov, x in [
        (c.ExpQuad(1, ls=1.0), APART), (c.Matern32(2, ls=1.0), plane), (c.Matern32(1, ls=1.0) * c.Matern52(1, ls=1.0), APART),
        (c.Matern32(2, ls=1.0, active_dims=[0]) + c.Matern32(2, ls=1.0, active_dims=[1]), plane), (c.Matern52(1, ls=1.0) + c.Linear(1, c=0.0), APART),
        (sum((c.Matern52(1, ls=float(k)) for k in (2, 3)), c.Matern52(1, ls=1.0)), APART),
    ]:  # fmt: skip
        assert chains_on_a_line(cov(x) + 0.1 * pt.eye(40)) is None


def test_a_variance_that_is_not_positive_is_the_error_of_the_matrix():
    with pm.Model() as model:
        shift = pm.Normal("shift")
        cov = pm.gp.cov.Matern32(1, ls=1.0)(APART[:5]) + shift * pt.eye(5)
        pm.MvNormal("y", mu=np.zeros(5), cov=cov, observed=Y[:5])
    assert "matern_process_is_a_markov_chain" in rules_of(model)
    f = model.compile_logp(vars=["y"], backend="numpy")
    assert np.isfinite(f({"shift": 0.1}))
    assert f({"shift": -0.5}) == -np.inf
