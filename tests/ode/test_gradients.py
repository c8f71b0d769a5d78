"""Gradients of solutions: beside closed forms, sensitivities, differences; of the times too; of many solutions at once."""

import numpy as np
import pytest

import workbench as pm
import workbench.tensor as pt
from workbench.compile import function

P, START, TS = np.array([0.55, 0.028, 0.8, 0.024]), np.array([33.0, 6.0]), np.arange(21.0)


def prey_and_predators(t, y, p):
    return [p[0] * y[0] - p[1] * y[0] * y[1], -p[2] * y[1] + p[3] * y[0] * y[1]]


def equations(method):
    return pm.ode.DifferentialEquation(
        lambda y, t, p: prey_and_predators(t, y, p), TS[1:], n_states=2, n_theta=4, method=method, rtol=1e-9, atol=1e-9, max_steps=800
    )


@pytest.fixture(scope="module")
def sensitivities():
    """How each state moves with each element of y0 and p: the equations of the sensitivities, solved with the others."""
    y0, p = pt.vector("y0", 2), pt.vector("p", 4)
    return function([y0, p], equations("Tsit5")(y0, p, return_sens=True)[1], backend="c")(START, P)


@pytest.mark.parametrize("method", ["Tsit5", "Dopri5", "Rodas5P"])
def test_the_adjoint_is_what_forward_sensitivities_are(method, sensitivities):
    """Two derivations of the same derivative: steps run backwards, and equations solved forwards."""
    y0, p = pt.vector("y0", 2), pt.vector("p", 4)
    weights = np.cos(np.arange(40.0)).reshape(20, 2)
    states = equations(method)(y0, p)
    found = function([y0, p], pt.concatenate(pm.grad((weights * states).sum(), [y0, p])), backend="c")(START, P)
    np.testing.assert_allclose(found, np.einsum("ts,tsk->k", weights, sensitivities), rtol=1e-6)


def test_gradients_in_times():
    """Of ``y' = -y t``: the solution moves along the slope with its time, and against it with t0."""
    ts, t0 = pt.vector("ts", 4), pt.scalar("t0")
    y = pm.ode.ode_solve(lambda t, y: -y * t, 1.0, ts, t0=t0, rtol=1e-10, atol=1e-10, max_steps=300)
    times, begin = np.array([0.5, 1.0, 1.0, 2.0]), 0.3
    known = np.exp((begin**2 - times**2) / 2)
    f = function([ts, t0], [y, *pm.grad(y.sum(), [ts, t0])], backend="c")
    value, of_ts, of_t0 = f(times, begin)
    np.testing.assert_allclose(value, known, rtol=1e-9)
    np.testing.assert_allclose(of_ts, -times * known, rtol=1e-8)
    assert of_t0 == pytest.approx(begin * known.sum(), rel=1e-8)


def test_second_derivatives_are_those_of_the_gradient():
    """Of ``y' = a y``: the second derivative in a of y(1) is y(1)."""
    a = pt.scalar("a")
    y = pm.ode.ode_solve(lambda t, y: a * y, 1.0, [0.0, 1.0], rtol=1e-8, atol=1e-8, max_steps=100)[1]
    assert float(pm.hessian(y, a).eval({a: 0.7})) == pytest.approx(np.exp(0.7), rel=1e-5)
    move = pm.jvp(y, a, pt.constant(2.0))
    assert float(move.eval({a: 0.7})) == pytest.approx(2 * np.exp(0.7), rel=1e-6)


def test_many_solutions_by_vectorize():
    starts, rate = pt.matrix("starts", 3, 2), pt.scalar("rate")

    def solve(start):
        return pm.ode.ode_solve(lambda t, y: [rate * y[1], -y[0]], start, [0.0, 0.5, 2.0], rtol=1e-8, atol=1e-8, max_steps=60)

    many = pm.vectorize(solve, "(n)->(m,n)")(starts)
    assert many.type.shape == (3, 3, 2)
    given = np.array([[1.0, 0.0], [0.0, 1.0], [2.0, -1.0]])
    value, gradient = function([starts, rate], [many, pm.grad((many**2).sum(), rate)], backend="c")(given, 2.0)
    root, ts = np.sqrt(2.0), np.array([0.0, 0.5, 2.0])
    known = given[:, :1] * np.cos(root * ts) + given[:, 1:] * root * np.sin(root * ts)
    np.testing.assert_allclose(value[:, :, 0], known, rtol=1e-7, atol=1e-8)
    # Of each, how it moves with the root, which moves with the rate as 1 / (2 root).
    moves = (-ts * np.sin(root * ts) * given[:, :1] + given[:, 1:] * (np.sin(root * ts) + root * ts * np.cos(root * ts))) / (2 * root)
    second = -given[:, :1] * np.sin(root * ts) / root + given[:, 1:] * np.cos(root * ts)
    of_second = (-given[:, :1] * (ts * np.cos(root * ts) / root - np.sin(root * ts) / root**2) - given[:, 1:] * ts * np.sin(root * ts)) / (2 * root)
    assert gradient == pytest.approx((2 * known * moves + 2 * second * of_second).sum(), rel=1e-6)


def test_what_a_function_finds_around_it_has_a_gradient():
    rate, table = pt.scalar("rate"), pt.vector("table", 3)
    y = pm.ode.ode_solve(lambda t, y: -pt.exp(rate) * y + table[1] * t, 1.0, [0.0, 1.0], rtol=1e-10, atol=1e-10, max_steps=300)[1]
    of_rate, of_table = (g.eval({rate: 0.0, table: [5.0, 2.0, 7.0]}) for g in pm.grad(y, [rate, table]))
    # y(1) = y0 e^-k + c (k - 1 + e^-k) / k^2 at k = 1, c = 2.
    e = np.exp(-1.0)
    assert float(of_rate) == pytest.approx(-e + 2.0 * ((1 - e) - 2 * e), rel=1e-7)
    np.testing.assert_allclose(of_table, [0.0, e, 0.0], rtol=1e-7)


def test_the_operation_is_the_same_after_being_written_as_json():
    from workbench.graph.inner import Graph
    from workbench.graph.serialise import from_json, to_json

    a = pt.scalar("a")
    y = pm.ode.ode_solve(lambda t, y: a * y, 1.0, [0.0, 1.0])
    again = from_json(to_json(Graph([a], [y])))
    assert np.array_equal(again.run("numpy", np.array(0.7))[0], y.eval({a: 0.7}))


def test_variables_stay_as_they_are_inside_a_function():
    """A parameter of a variable is not simplified behind the model's back."""
    with pm.Model() as model:
        rate = pm.LogNormal("rate", pm.math.log(10), 2)
        y = pm.ode.ode_solve(lambda t, y: -rate * y, 1.0, [0.0, 1.0], rtol=1e-9, atol=1e-9, max_steps=300)
        pm.Normal("seen", y[1], 1.0, observed=0.2)
    expected = -0.5 * np.log(2 * np.pi) * 2 - np.log(2.0) - 0.5 * (np.exp(-1.0) - 0.2) ** 2 - 0.5 * (np.log(10) / 2) ** 2
    assert float(model.compile_logp()({"rate_log__": 0.0})) == pytest.approx(expected, rel=1e-8)


def test_jax_differentiates_a_solution_by_its_adjoint():
    """The closed form of decay towards a level, by jax.grad of a plain JAX function, jitted and batched."""
    jax = pytest.importorskip("jax")
    rate, start = pt.scalar("rate"), pt.scalar("start")
    ts = np.array([0.0, 0.5, 2.0])
    y = pm.ode.ode_solve(lambda t, y: -rate * (y - 1.0), start, ts, rtol=1e-9, atol=1e-10, max_steps=200)
    f = pm.to_jax([rate, start], (y * [1.0, 2.0, -1.0]).sum())
    slopes = jax.jit(jax.vmap(jax.grad(f, argnums=(0, 1))))(np.array([0.7, 1.3]), np.array([3.0, -0.5]))
    for i, (k, y0) in enumerate(((0.7, 3.0), (1.3, -0.5))):
        faded, weights = np.exp(-k * ts), np.array([1.0, 2.0, -1.0])
        np.testing.assert_allclose(slopes[0][i], weights @ (-(y0 - 1.0) * ts * faded), rtol=1e-6)
        np.testing.assert_allclose(slopes[1][i], weights @ faded, rtol=1e-6)
    with pytest.raises(TypeError, match="forward-mode"):
        jax.jvp(lambda k: f(k, 3.0), (0.7,), (1.0,))
