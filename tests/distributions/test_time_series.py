import warnings

import numpy as np
import pytest
import scipy.stats as st

import workbench as pm
import workbench.tensor as pt
from workbench.compile import function
from workbench.distributions import draw_rules, set_key
from workbench.errors import ModelError, ParameterValueError, SerialisationError, ShapeError
from workbench.graph import Graph, Pass
from workbench.graph.serialise import from_json, to_json
from workbench.transforms import grad
from workbench.transforms.logprob import logp

X = np.array([[3.0, 3.5, 4.0, 5.0, 4.2], [1.0, 2.0, 1.5, 3.0, 3.1]])
COV = np.array([[1.0, 0.3], [0.3, 0.5]])


def pull(x, rate):
    return -rate * x, 0.5 + 0.1 * x * x


def walk(x, init, step):
    return init.logpdf(x[:, 0]) + step.logpdf(np.diff(x, axis=1)).sum(1)


def autoregression(x, init, rho, constant, sigma):
    total = init.logpdf(x[:, :2]).sum(1)
    for t in range(2, x.shape[1]):
        total += st.norm(constant + rho[0] * x[:, t - 1] + rho[1] * x[:, t - 2], sigma).logpdf(x[:, t])
    return total


def garch(x, omega, alpha, beta, first):
    variance, total = np.full(len(x), first**2), 0.0
    for t in range(x.shape[1]):
        total = total + st.norm(0, np.sqrt(variance)).logpdf(x[:, t])
        variance = omega + alpha * x[:, t] ** 2 + beta * variance
    return total


def euler(x, dt, rate, init):
    drift, diffusion = pull(x[:, :-1], rate)
    return init.logpdf(x[:, 0]) + st.norm(x[:, :-1] + dt * drift, np.sqrt(dt) * diffusion).logpdf(x[:, 1:]).sum(1)


START = pm.Normal.dist(3.0, 1.0)
NORMAL = st.norm(3.0, 1.0)


def array(*values):
    return np.array(values[0] if len(values) == 1 else values, float)


# Each: how it is made of inputs, the log-density of two series, and the inputs' values.
CASES = {
    "RandomWalk": (
        lambda mu, rate: pm.RandomWalk.dist(pm.Normal.dist(mu, 1.0), pm.Laplace.dist(0.15, rate), shape=(2, 5)),
        walk(X, NORMAL, st.laplace(0.15, 2.0)), {"mu": array(3.0), "rate": array(2.0)},
    ),
    "GaussianRandomWalk": (
        lambda mu, sigma: pm.GaussianRandomWalk.dist(mu, sigma, init_dist=START, steps=4),
        walk(X, NORMAL, st.norm(0.5, np.array([[1.0], [2.0]]))), {"mu": array(0.5), "sigma": array(1.0, 2.0)},
    ),
    "AR": (
        lambda rho, sigma: pm.AR.dist(rho, sigma, init_dist=START, shape=(2, 5)),
        autoregression(X, NORMAL, [0.5, 0.2], 0.0, 0.7), {"rho": array(0.5, 0.2), "sigma": array(0.7)},
    ),
    "AR with a constant": (
        lambda rho, tau: pm.AR.dist(rho, tau=tau, constant=True, init_dist=pm.Normal.dist([3.0, 2.0], 1.0), shape=(2, 5)),
        autoregression(X, st.norm([3.0, 2.0], 1.0), [0.5, 0.2], 1.5, 0.5), {"rho": array(1.5, 0.5, 0.2), "tau": array(4.0)},
    ),
    "AR of several": (
        lambda rho: pm.AR.dist(rho, 0.7, init_dist=START, steps=3),
        np.concatenate([autoregression(X[:1], NORMAL, [0.5, 0.2], 0.0, 0.7), autoregression(X[1:], NORMAL, [0.1, -0.3], 0.0, 0.7)]),
        {"rho": array([[0.5, 0.2], [0.1, -0.3]])},
    ),
    "GARCH11": (
        lambda omega, alpha, beta, first: pm.GARCH11.dist(omega, alpha, beta, first, shape=(2, 5)),
        garch(X, 1.2, 0.3, 0.2, 2.0), {"omega": array(1.2), "alpha": array(0.3), "beta": array(0.2), "first": array(2.0)},
    ),
    "EulerMaruyama": (
        lambda dt, rate: pm.EulerMaruyama.dist(dt, pull, (rate,), init_dist=START, shape=(2, 5)),
        euler(X, 0.1, 0.5, NORMAL), {"dt": array(0.1), "rate": array(0.5)},
    ),
}  # fmt: skip


def made(name):
    make, wanted, parameters = CASES[name]
    inputs = [pt.tensor(k, "float64", v.shape) for k, v in parameters.items()]
    return make(*inputs), wanted, inputs, list(parameters.values())


@pytest.mark.parametrize("name", CASES)
def test_logp_is_the_formula(name, backend):
    rv, wanted, inputs, values = made(name)
    x = pt.matrix("x", 2, 5)
    assert rv.type.shape == (2, 5)
    np.testing.assert_allclose(function([x, *inputs], logp(rv, x), backend=backend)(X, *values), wanted, rtol=1e-12)


@pytest.mark.parametrize("name", CASES)
def test_gradients_agree_with_differences(name):
    rv, _, inputs, values = made(name)
    x = pt.matrix("x", 2, 5)
    inputs, values = [x, *inputs], [X, *values]
    total = logp(rv, x).sum()
    run = function(inputs, [total, *grad(total, inputs)], backend="c")
    _, *slopes = run(*values)
    for i, slope in enumerate(slopes):
        for place in np.ndindex(values[i].shape):
            step = np.zeros(values[i].shape)
            step[place] = 1e-5
            up, down = ([v + s * step if j == i else v for j, v in enumerate(values)] for s in (1, -1))
            assert np.isclose(slope[place], (run(*up)[0] - run(*down)[0]) / 2e-5, rtol=1e-6, atol=1e-6), (i, place)


COUNT = 3000


def drawn(rv, backend="numpy"):
    set_key(rv, 21)
    (graph,), _ = Pass("draw", draw_rules).run([rv])
    return function([], graph, backend=backend)()


def test_draws_of_random_walks_have_independent_steps(backend):
    rv = pm.RandomWalk.dist(START, pm.Exponential.dist(2.0), shape=(COUNT, 4))
    x = drawn(rv, backend)
    np.testing.assert_allclose(x, rv.eval(), rtol=1e-12)
    assert st.kstest(x[:, 0], NORMAL.cdf).pvalue > 0.01
    for moves in np.diff(x, axis=1).T:
        assert st.kstest(moves, st.expon(scale=0.5).cdf).pvalue > 0.01
    assert abs(np.corrcoef(np.diff(x, axis=1).T) - np.eye(3)).max() < 0.06


def test_draws_of_autoregressions_leave_normal_noise(backend):
    rv = pm.AR.dist([1.5, 0.5, 0.2], 0.7, constant=True, init_dist=START, shape=(COUNT, 4))
    x = drawn(rv, backend)
    np.testing.assert_allclose(x, rv.eval(), rtol=1e-12)
    assert st.kstest(x[:, :2].ravel(), NORMAL.cdf).pvalue > 0.01
    noise = x[:, 2:] - 1.5 - 0.5 * x[:, 1:-1] - 0.2 * x[:, :-2]
    assert st.kstest(noise.ravel(), st.norm(0, 0.7).cdf).pvalue > 0.01


def test_draws_of_garch_have_the_volatility_of_their_past(backend):
    rv = pm.GARCH11.dist(1.2, 0.3, 0.2, 2.0, shape=(COUNT, 4))
    x = drawn(rv, backend)
    np.testing.assert_allclose(x, rv.eval(), rtol=1e-12)
    variance = np.full(COUNT, 4.0)
    for t in range(4):
        assert st.kstest(x[:, t] / np.sqrt(variance), st.norm().cdf).pvalue > 0.01
        variance = 1.2 + 0.3 * x[:, t] ** 2 + 0.2 * variance


def test_draws_of_a_differential_equation_follow_its_steps(backend):
    rv = pm.EulerMaruyama.dist(0.1, pull, (0.5,), init_dist=START, shape=(COUNT, 4))
    x = drawn(rv, backend)
    np.testing.assert_allclose(x, rv.eval(), rtol=1e-10)
    drift, diffusion = pull(x[:, :-1], 0.5)
    noise = (np.diff(x, axis=1) - 0.1 * drift) / (diffusion * np.sqrt(0.1))
    assert st.kstest(x[:, 0], NORMAL.cdf).pvalue > 0.01
    assert st.kstest(noise.ravel(), st.norm().cdf).pvalue > 0.01


def test_walks_of_vectors():
    start = pm.MvNormal.dist([5.0, 6.0], cov=np.eye(2))
    x = np.array([[5.0, 6.0], [6.0, 8.5], [7.5, 9.0]])
    steps = np.diff(x, axis=0)
    first = st.multivariate_normal([5.0, 6.0], np.eye(2)).logpdf(x[0])
    normal = pm.MvGaussianRandomWalk.dist([1.0, 2.0], cov=COV, init_dist=start, steps=2)
    assert normal.type.shape == (3, 2)
    should = first + st.multivariate_normal([1.0, 2.0], COV).logpdf(steps).sum()
    assert np.isclose(float(logp(normal, x).eval()), should, rtol=1e-12)
    student = pm.MvStudentTRandomWalk.dist(nu=4.0, mu=[1.0, 2.0], scale=COV, init_dist=start, shape=(3, 2))
    should = first + st.multivariate_t([1.0, 2.0], COV, df=4.0).logpdf(steps).sum()
    assert np.isclose(float(logp(student, x).eval()), should, rtol=1e-12)
    many = drawn(pm.MvGaussianRandomWalk.dist([1.0, 2.0], cov=COV, init_dist=start, shape=(COUNT, 3, 2)))
    np.testing.assert_allclose(np.cov(np.diff(many, axis=1).reshape(-1, 2).T), COV, atol=0.06)
    several = pm.MvGaussianRandomWalk.dist(np.array([[1.0, 2.0], [0.0, 0.0]]), cov=COV, init_dist=start, steps=2)
    assert several.type.shape == (2, 3, 2)
    together = logp(several, np.stack([x, x])).eval()
    assert np.isclose(together[0], first + st.multivariate_normal([1.0, 2.0], COV).logpdf(steps).sum(), rtol=1e-12)
    assert np.isclose(together[1], first + st.multivariate_normal([0.0, 0.0], COV).logpdf(steps).sum(), rtol=1e-12)


def test_walks_of_counts_are_counts():
    rv = pm.RandomWalk.dist(pm.Poisson.dist(2.0), pm.Poisson.dist(1.0), steps=3)
    assert rv.dtype == "int64" and (np.diff(rv.eval()) >= 0).all()
    should = st.poisson(2.0).logpmf(1) + st.poisson(1.0).logpmf([0, 2, 1]).sum()
    assert np.isclose(float(logp(rv, [1, 1, 3, 4]).eval()), should)


def test_values_that_are_no_numbers_or_infinite():
    for name in CASES:
        rv, _, inputs, values = made(name)
        x = X.copy()
        x[0, 1], x[1, 2] = np.nan, np.inf
        density = logp(rv, x).eval(dict(zip(inputs, values)))
        assert not np.isfinite(density).any(), name


def test_a_series_of_no_steps_is_its_start():
    assert np.isclose(float(logp(pm.GaussianRandomWalk.dist(init_dist=START, steps=0), [2.0]).eval()), NORMAL.logpdf(2.0))
    assert pm.GaussianRandomWalk.dist(init_dist=START, steps=0).eval().shape == (1,)
    ar = pm.AR.dist([0.5], 1.0, init_dist=START, steps=0)
    assert np.isclose(float(logp(ar, [2.0]).eval()), NORMAL.logpdf(2.0)) and ar.eval().shape == (1,)
    garch = pm.GARCH11.dist(1.0, 0.1, 0.1, 2.0, steps=0)
    assert np.isclose(float(logp(garch, [2.0]).eval()), st.norm(0, 2).logpdf(2.0)) and garch.eval().shape == (1,)
    euler = pm.EulerMaruyama.dist(0.1, pull, (0.5,), init_dist=START, steps=0)
    assert np.isclose(float(logp(euler, [2.0]).eval()), NORMAL.logpdf(2.0)) and euler.eval().shape == (1,)


BAD = [
    (lambda: pm.GaussianRandomWalk.dist(init_dist=START), ShapeError, "how long is it"),
    (lambda: pm.GaussianRandomWalk.dist(init_dist=START, steps=3, shape=(3,)), ShapeError, "3 steps make a series of length 4"),
    (lambda: pm.GaussianRandomWalk.dist(sigma=-1.0, init_dist=START, steps=3), ModelError, "sigma must be positive"),
    (lambda: pm.RandomWalk.dist(START, 1.0, steps=3), ModelError, "innovation_dist must be a distribution, got 1.0"),
    (lambda: pm.RandomWalk.dist(START, pm.Dirichlet.dist([1.0, 1.0]), steps=3), ShapeError, r"the start has event shape \(\), a step \(2,\)"),
    (lambda: pm.AR.dist([0.5, 0.1], 1.0, init_dist=START, shape=(1,)), ShapeError, "shorter than its start of 2"),
    (lambda: pm.AR.dist([0.5], 1.0, tau=1.0, init_dist=START, steps=1), ModelError, "sigma or tau, not both"),
    (lambda: pm.AR.dist([0.5], 1.0, constant=True, init_dist=START, steps=1), ShapeError, "leaves no coefficients"),
    (lambda: pm.AR.dist([0.5, 0.1, 0.2], 1.0, ar_order=2, init_dist=START, steps=1), ShapeError, "an order of 2 needs 2"),
    (lambda: pm.AR.dist([0.5, 0.1], 1.0, init_dist=pm.Normal.dist(0, 1, shape=3), steps=1), ShapeError, r"init_dist has shape \(3,\), but the order is 2"),
    (lambda: pm.AR.dist([0.5], -1.0, init_dist=START, steps=1), ModelError, "sigma must be positive"),
    (lambda: pm.GARCH11.dist(0.0, 0.1, 0.1, 1.0, steps=2), ModelError, "omega must be positive"),
    (lambda: pm.EulerMaruyama.dist(0.0, pull, (1.0,), init_dist=START, steps=2), ModelError, "dt must be positive"),
    (lambda: pm.EulerMaruyama.dist(0.1, pull, (1.0,), init_dist=pm.Dirichlet.dist([1.0, 1.0]), steps=2), ShapeError, "a distribution of numbers"),
]  # fmt: skip


@pytest.mark.parametrize("call, kind, words", BAD)
def test_bad_series_are_clear_errors(call, kind, words):
    with pytest.raises(kind, match=words):
        call()


def test_a_bad_parameter_is_an_error_when_evaluated_and_minus_infinity_when_sampled(backend):
    sigma = pt.vector("sigma", 2)
    density = logp(pm.AR.dist([0.5, 0.2], sigma, init_dist=START, shape=(2, 5)), X)
    with pytest.raises(ParameterValueError, match="sigma must be positive"):
        density.eval({"sigma": [1.0, -1.0]})
    value = function([sigma], density, backend=backend)([1.0, -1.0])
    assert np.isfinite(value[0]) and value[1] == -np.inf


def test_a_start_that_is_not_given_is_wide_and_said_so():
    with pytest.warns(UserWarning, match=r"it is Normal\(0, 100\)"):
        rv = pm.GaussianRandomWalk.dist(steps=3)
    wide = st.norm(0, 100)
    assert np.isclose(float(logp(rv, [1.0, 1.0, 1.0, 1.0]).eval()), wide.logpdf(1.0) + 3 * st.norm.logpdf(0.0))
    with pytest.warns(UserWarning, match=r"MvNormal\(0, 100 I\)"):
        assert pm.MvGaussianRandomWalk.dist([0.0, 0.0], cov=COV, steps=3).type.shape == (4, 2)


def test_series_are_written_as_json_but_for_python_functions():
    for name in ("RandomWalk", "AR", "GARCH11"):
        rv, wanted, inputs, values = made(name)
        back = from_json(to_json(Graph(inputs, [rv])))
        assert back.results[0].op == rv.op
        density = logp(back.results[0], X)
        np.testing.assert_allclose(Graph(back.params, [density]).run("numpy", *values)[0], wanted, rtol=1e-12)
    with pytest.raises(SerialisationError, match="a field of type function"):
        to_json(Graph([], [pm.EulerMaruyama.dist(0.1, pull, (0.5,), init_dist=START, steps=3)]))


# PyMC 5.28.5: `model.initial_point()`. Of a differential equation it draws a path; ours rests at the start's.
POINTS = {
    "walk": (lambda: pm.RandomWalk("x", init_dist=pm.Normal.dist(3, 1), innovation_dist=pm.Exponential.dist(2), steps=3), [3.0, 3.5, 4.0, 4.5]),
    "normal": (lambda: pm.GaussianRandomWalk("x", mu=0.5, sigma=[1.0, 2.0], init_dist=pm.Normal.dist(3, 1), steps=4), [[3.0, 3.5, 4.0, 4.5, 5.0]] * 2),
    "by shape": (lambda: pm.GaussianRandomWalk("x", mu=0.5, sigma=1, init_dist=pm.Normal.dist(0, 1), shape=4), [0.0, 0.5, 1.0, 1.5]),
    "vectors": (
        lambda: pm.MvGaussianRandomWalk("x", mu=[1.0, 2.0], cov=np.eye(2), init_dist=pm.MvNormal.dist([5.0, 6.0], np.eye(2)), steps=3),
        [[5.0, 6.0], [6.0, 8.0], [7.0, 10.0], [8.0, 12.0]],
    ),
    "AR": (lambda: pm.AR("x", rho=[0.5, 0.2], sigma=1.0, init_dist=pm.Normal.dist(4, 1, shape=2), steps=3), [4.0] * 5),
    "AR with a constant": (lambda: pm.AR("x", rho=[3, 0.5, 0.2], sigma=1.0, constant=True, init_dist=pm.Normal.dist([4, 7], 1), shape=5), [7.0] * 5),
    "AR of several": (lambda: pm.AR("x", rho=[[0.5], [0.2]], sigma=1.0, init_dist=pm.Normal.dist([4], 1), steps=3), [[4.0] * 4] * 2),
    "GARCH11": (lambda: pm.GARCH11("x", omega=1.0, alpha_1=0.3, beta_1=0.2, initial_vol=2.0, shape=4), [0.0] * 4),
    "EulerMaruyama (ours)": (lambda: pm.EulerMaruyama("x", 0.1, pull, (0.5,), init_dist=pm.Normal.dist(4, 1), steps=3), [4.0] * 4),
}


@pytest.mark.parametrize("name", POINTS)
def test_initial_points_are_those_of_pymc(name):
    make, should = POINTS[name]
    with pm.Model() as model:
        make()
    point = model.initial_point()
    assert list(point) == ["x"]
    np.testing.assert_allclose(point["x"], should, rtol=1e-14)
    assert np.isfinite(model.compile_logp(backend="numpy")(point))


def test_dims_and_data_tell_the_length():
    data = np.array([0.5, 0.7, 0.2, 0.4])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pm.Model(coords={"time": range(4)}) as model:
            level = pm.GaussianRandomWalk("level", sigma=0.5, init_dist=pm.Normal.dist(0.0, 1.0), dims="time")
            pm.AR("y", rho=[0.5], sigma=1.0, init_dist=pm.Normal.dist(0.0, 1.0), observed=data)
            pm.Normal("z", level, 1.0, observed=data, dims="time")
    f = model.logp_dlogp_function(backend="numpy")
    q = np.array([0.1, 0.3, -0.2, 0.4])
    value, gradient = f(q)
    ar = st.norm.logpdf(0.5) + st.norm(0.5 * data[:-1], 1.0).logpdf(data[1:]).sum()
    assert np.isclose(value, st.norm.logpdf(0.1) + st.norm(0, 0.5).logpdf(np.diff(q)).sum() + ar + st.norm(q, 1).logpdf(data).sum(), rtol=1e-12)
    step = 1e-6 * np.eye(4)
    np.testing.assert_allclose(gradient, [(f(q + s)[0] - f(q - s)[0]) / 2e-6 for s in step], rtol=1e-6, atol=1e-6)


def test_one_coefficient_stands_for_as_many_as_the_order():
    short, full = (pm.AR.dist(rho, 1.0, ar_order=2, init_dist=pm.Normal.dist(0.0, 1.0), steps=3) for rho in ([0.3], [0.3, 0.3]))
    assert pm.draw(short).shape == (5,)
    at = [0.1, -0.4, 0.3, 0.9, 0.0]
    assert float(pm.logp(short, at).eval()) == float(pm.logp(full, at).eval())


def test_an_autoregression_with_exogenous_terms():
    x, y = np.random.default_rng(0).normal(size=(2, 8))
    rv = pm.AR.dist([0.1, 0.5, 0.2], sigma=0.7, constant=True, init_dist=pm.Normal.dist(0.0, 1.0), exogenous=x)
    assert rv.type.shape == (8,)
    known = st.norm.logpdf(y[:2]).sum() + st.norm.logpdf(y[2:], 0.1 + 0.5 * y[1:-1] + 0.2 * y[:-2] + x[2:], 0.7).sum()
    assert np.isclose(pm.logp(rv, y).eval(), known, rtol=1e-12)
    drawn = pm.draw(pm.AR.dist([0.5], sigma=1e-9, init_dist=pm.Normal.dist(0.0, 1e-9), exogenous=x), random_seed=1)
    np.testing.assert_allclose(drawn[1:], 0.5 * drawn[:-1] + x[1:], atol=1e-7)
    with pytest.raises(ShapeError, match="AR: exogenous has length 8, the series 4"):
        pm.AR.dist([0.5], sigma=1.0, init_dist=pm.Normal.dist(0.0, 1.0), exogenous=x, steps=3)


def test_exogenous_terms_of_new_data():
    with pm.Model(coords={"time": range(8)}) as model:
        b = pm.Normal("b")
        x, y = pm.Data("x", np.zeros(8), dims="time"), pm.Data("seen", np.zeros(8), dims="time")
        pm.AR("y", [0.5], sigma=1.0, init_dist=pm.Normal.dist(0.0, 1.0), exogenous=b * x, observed=y, dims="time")
        pm.set_data({"x": np.ones(10), "seen": np.zeros(10)}, coords={"time": range(10)})
    known = st.norm.logpdf(2.0) + st.norm.logpdf(0.0) + 9 * st.norm.logpdf(-2.0)
    assert np.isclose(model.compile_logp(backend="c")({"b": 2.0}), known, rtol=1e-12)
