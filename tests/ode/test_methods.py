"""Each method: its order, that of what lies between its steps, and of the error that it reports; closed forms and other solvers."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.linalg import expm

import workbench as pm
import workbench.tensor as pt
from workbench.compile import function
from workbench.graph.inner import Graph
from workbench.ode.steps import Step, at, inputs_like
from workbench.ode.tableaus import TABLEAUS

METHODS = list(TABLEAUS)


def swing(t, x, v):
    """A pendulum that is pushed: not linear, not autonomous."""
    return [v, -pt.sin(x) + 0.3 * pt.cos(2.0 * t)]


def one_step(method):
    """A compiled step of given length: its end, the state at 0.4 of it, and its error."""
    t, h, x, v = params = [pt.scalar(name) for name in "thxv"]
    inner = inputs_like([p.type for p in (t, x, v)], "txv")
    step = Step(method, Graph(inner, swing(*inner)), 2)
    made, _ = step.increments(t, h, [x, v], [])
    return function(params, [*step.end([x, v], made), *at(0.4, [x, v], step.between(made)), *step.errors(made)], backend="c")


@pytest.mark.parametrize("method", METHODS)
def test_errors_have_the_order_of_the_method(method):
    """With n steps of one length the error of the states is of order p in 1 / n; errors within steps, and estimates, are of one order more than theirs."""
    f, tableau = one_step(method), TABLEAUS[method]
    whole = solve_ivp(lambda t, y: [y[1], -np.sin(y[0]) + 0.3 * np.cos(2.0 * t)], (0, 8), [1.2, 0.0], method="DOP853", rtol=1e-13, atol=1e-14, dense_output=True).sol
    ends, within, estimates = [], [], []
    for n in (160, 320) if tableau.order > 3 else (80, 160):
        h, states = 8.0 / n, [np.array([1.2, 0.0])]
        for k in range(n):
            states.append(np.array(f(k * h, h, *states[-1])[:2]))
        ends.append(np.linalg.norm(np.transpose(states) - whole(h * np.arange(n + 1))) / np.sqrt(n))
    for n in (40, 80):
        h, starts = 8.0 / n, 8.0 / n * np.arange(n)
        made = np.array([f(t, h, *whole(t)) for t in starts])
        within.append(np.linalg.norm(made[:, 2:4] - whole(starts + 0.4 * h).T) / np.sqrt(n))
        estimates.append(np.linalg.norm(made[:, 4:]) / np.sqrt(n))
    # A wrong coefficient lowers the order; where the leading term is small, as Tsitouras made it, the next still shows.
    assert tableau.order - 0.2 < np.log2(ends[0] / ends[1]) < tableau.order + 0.6
    assert np.log2(within[0] / within[1]) == pytest.approx(len(tableau.dense[0]) + 1, abs=0.35)
    assert np.log2(estimates[0] / estimates[1]) == pytest.approx(tableau.error_order + 1, abs=0.35)


@pytest.mark.parametrize("method", METHODS)
def test_coefficients_are_consistent(method):
    """Sums of a row's stages are its node; the polynomial between the ends is 0 at one and the step's end at the other."""
    t = TABLEAUS[method]
    np.testing.assert_allclose(np.sum(t.dense, axis=1), t.weights, atol=1e-13)
    if not t.is_implicit:
        np.testing.assert_allclose([sum(row) for row in t.stages], t.nodes, atol=1e-14)
        assert sum(t.weights) == pytest.approx(1.0, abs=1e-14)
        assert sum(t.errors) == pytest.approx(0.0, abs=1e-14)
        assert t.ends_at_the_last_stage


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("on", ["numpy", "c"])
def test_linear_systems_are_the_exponential_of_their_matrix(method, on):
    a = np.array([[-0.5, 2.0, 0.0], [-2.0, -0.5, 0.3], [0.0, 0.1, -1.0]])
    start, ts = np.array([1.0, 0.5, -2.0]), np.array([0.0, 0.3, 1.7, 4.0])
    known = np.array([expm(a * t) @ start for t in ts])
    tight = 1e-7 if method == "Bosh3" else 1e-10
    # As scalars, and as one vector.
    for f in (lambda t, y: [sum(float(x) * y[j] for j, x in enumerate(row)) for row in a], lambda t, y: pt.constant(a) @ y):
        found = pm.ode.ode_solve(f, start, ts, method=method, rtol=tight, atol=tight, max_steps=1500)
        np.testing.assert_allclose(function([], found, backend=on)(), known, rtol=0.0, atol=20 * tight)


def logistic(t, y0, rate):
    return y0 / (y0 + (1.0 - y0) * np.exp(-rate * t))


def test_growth_that_saturates_has_its_closed_form_and_gradient(backend):
    ts = np.array([0.0, 0.0, 0.5, 0.5, 2.0, 7.0])
    y0, rate = pt.scalar("y0"), pt.scalar("rate")
    y = pm.ode.ode_solve(lambda t, y: rate * y * (1.0 - y), y0, ts, rtol=1e-10, atol=1e-12, max_steps=400)
    weights = np.array([0.3, -1.0, 2.0, 0.1, 1.0, -0.5])
    f = function([y0, rate], [y, *pm.grad((weights * y).sum(), [y0, rate])], backend=backend)
    y_, of_y0, of_rate = f(0.1, 1.3)
    known = logistic(ts, 0.1, 1.3)
    np.testing.assert_allclose(y_, known, rtol=1e-9)
    # dy/dy0 = y (1 - y) / (y0 (1 - y0)), dy/drate = t y (1 - y).
    assert of_y0 == pytest.approx((weights * known * (1 - known)).sum() / 0.09, rel=1e-8)
    assert of_rate == pytest.approx((weights * ts * known * (1 - known)).sum(), rel=1e-8)


def test_predators_and_prey_agree_with_scipy_to_1e_12():
    p, ts = np.array([0.55, 0.028, 0.8, 0.024]), np.linspace(0.0, 20.0, 41)

    def f(t, y, *p):
        return [p[0] * y[0] - p[1] * y[0] * y[1], -p[2] * y[1] + p[3] * y[0] * y[1]]

    known = solve_ivp(f, (0, 20), [33.0, 6.0], args=tuple(p), t_eval=ts, method="DOP853", rtol=1e-13, atol=1e-13).y.T
    found = pm.ode.ode_solve(f, [33.0, 6.0], ts, tuple(p), rtol=1e-12, atol=1e-12, max_steps=2000)
    np.testing.assert_allclose(function([], found, backend="c")(), known, rtol=2e-10)
    # Between steps the polynomial is of order 4, at ends of steps the state is of order 5.
    every = pm.ode.ode_solve(f, [33.0, 6.0], [0.0, 20.0], tuple(p), rtol=1e-12, atol=1e-12, max_steps=2000)
    np.testing.assert_allclose(function([], every, backend="c")()[-1], known[-1], rtol=1e-11)


@pytest.mark.parametrize("on", ["c", "numpy", "jax"])
def test_backwards_in_time_solutions_and_gradients_have_their_closed_form(on):
    """Of ``y' = a t y``; one function goes both ways, by the times that it is given."""
    ts, y0, a = pt.vector("ts"), pt.scalar("y0"), pt.scalar("a")
    y, steps = pm.ode.ode_solve(lambda t, y: a * t * y, y0, ts, t0=2.0, rtol=1e-10, atol=1e-12, max_steps=400, full_output=True)
    weights = np.array([0.3, -1.0, 2.0, 0.1, 1.0])
    f = function([ts, y0, a], [y, steps.arrived, *pm.grad((weights * y).sum(), [ts, y0, a])], backend=on)
    for times in (np.array([2.0, 1.3, 1.3, 0.2, -1.0]), np.array([1.9, 1.3, 1.3, 0.2, -1.0]), np.array([2.0, 2.0, 2.1, 2.5, 3.0])):
        value, arrived, of_ts, of_y0, of_a = f(times, 0.7, 0.4)
        known = 0.7 * np.exp(0.2 * (times**2 - 4.0))
        np.testing.assert_allclose(value, known, rtol=1e-8)
        assert arrived == times[-1]
        np.testing.assert_allclose(of_ts, weights * 0.4 * times * known, rtol=1e-7)
        assert of_y0 == pytest.approx((weights * known).sum() / 0.7, rel=1e-7)
        assert of_a == pytest.approx((weights * known * (times**2 - 4.0) / 2).sum(), rel=1e-7)


@pytest.mark.parametrize("method, rtol", [("Tsit5", 1e-10), ("Bosh3", 1e-7), ("Rodas5P", 1e-10)])
def test_backwards_in_time_states_agree_with_scipy(method, rtol):
    ts = np.array([3.0, 2.2, 0.4, 0.4, -5.0])
    known = solve_ivp(lambda t, y: [y[1], -np.sin(y[0]) + 0.3 * np.cos(2.0 * t)], (3, -5), [1.2, 0.0], t_eval=np.unique(ts)[::-1], method="DOP853", rtol=1e-12, atol=1e-13).y.T
    y = pm.ode.ode_solve(lambda t, y: swing(t, y[0], y[1]), [1.2, 0.0], ts, method=method, rtol=rtol, atol=rtol, max_steps=3000)
    np.testing.assert_allclose(function([], y, backend="c")(), known[[0, 1, 2, 2, 3]], rtol=0.0, atol=100 * rtol)


def test_there_and_back_again_in_single_precision():
    """A state that is one vector, of a first step that is given; the second solution begins where the first ended."""
    start = np.arange(1.0, 21.0, dtype="float32")
    slope = np.linspace(-1.0, 1.0, 20).astype("float32")
    there = pm.ode.ode_solve(lambda t, y: slope * y, start, np.array([0.0, 1.0], "float32"), rtol=1e-5, atol=1e-5, max_steps=100)
    back = pm.ode.ode_solve(lambda t, y: slope * y, there[1], np.array([1.0, 0.5, 0.0], "float32"), rtol=1e-5, atol=1e-5, max_steps=100, first_step=0.01)
    value = function([], back, backend="c")()
    assert value.dtype == np.float32
    np.testing.assert_allclose(value, start * np.exp(slope * np.array([[1.0], [0.5], [0.0]])), rtol=2e-4)


@pytest.mark.parametrize("rtol", [1e-4, 1e-6, 1e-8])
@pytest.mark.parametrize("method", ["Tsit5", "Dopri5", "Rodas5P"])
def test_errors_follow_the_tolerance(method, rtol):
    ts = np.linspace(0.0, 10.0, 30)
    known = np.stack([np.cos(ts), -np.sin(ts)], axis=1)
    y = pm.ode.ode_solve(lambda t, y: [y[1], -y[0]], [1.0, 0.0], ts, method=method, rtol=rtol, atol=rtol, max_steps=400)
    worst = np.abs(function([], y, backend="c")() - known).max()
    assert 0.003 * rtol < worst < 50 * rtol


ROBERTSON = np.array([0.04, 3e7, 1e4])


def robertson(t, y, k1, k2, k3):
    one, two, three = k1 * y[0], k2 * y[1] ** 2, k3 * y[1] * y[2]
    return [-one + three, one - two - three, two]


def test_robertsons_reactions_agree_with_radau():
    """Rates from 1e-2 to 1e7, over 11 powers of ten of time; the sum of concentrations stays 1."""
    ts = np.array([0.0, 4e-1, 4e1, 4e3, 4e5, 4e7, 4e9])
    known = solve_ivp(robertson, (0, 4e9), [1.0, 0, 0], args=tuple(ROBERTSON), t_eval=ts, method="Radau", rtol=1e-11, atol=1e-16).y.T
    k = pt.vector("k", 3)
    y, steps = pm.ode.ode_solve(robertson, [1.0, 0, 0], ts, (k[0], k[1], k[2]), method="Rodas5P", rtol=1e-8, atol=1e-14, max_steps=800, full_output=True)
    cost = pt.log(y[1:]).sum()
    f = function([k], [y, steps.steps, cost, pm.grad(cost, k)], backend="c")
    y_, count, _, gradient = f(ROBERTSON)
    np.testing.assert_allclose(y_, known, rtol=1e-6)
    np.testing.assert_allclose(y_.sum(axis=1), 1.0, atol=1e-9)
    assert count < 700
    for i in range(3):
        moved = np.eye(3)[i] * ROBERTSON * 1e-3
        difference = (f(ROBERTSON + moved)[2] - f(ROBERTSON - moved)[2]) / (2 * moved[i])
        assert gradient[i] == pytest.approx(difference, rel=2e-4)


def test_van_der_pols_oscillator_is_stiff():
    ts, mu = np.linspace(0.0, 2000.0, 5), 1000.0

    def f(t, y):
        return [y[1], mu * (1 - y[0] ** 2) * y[1] - y[0]]

    known = solve_ivp(f, (0, 2000), [2.0, 0.0], t_eval=ts, method="Radau", rtol=1e-11, atol=1e-11).y.T
    y = pm.ode.ode_solve(f, [2.0, 0.0], ts, method="Rodas5P", rtol=1e-8, atol=1e-8, max_steps=2000)
    np.testing.assert_allclose(function([], y, backend="c")()[:, 0], known[:, 0], rtol=3e-6)


@pytest.mark.parametrize("method", ["Tsit5", "Rodas5P"])
def test_many_states_are_one_vector(method):
    """Heat along a line of 20 points: the exponential of a matrix; the Jacobian is a matrix too."""
    n = 20
    a = (np.diag(np.full(n - 1, 1.0), 1) + np.diag(np.full(n - 1, 1.0), -1) - 2 * np.eye(n)) * 20.0
    start, ts = np.sin(np.linspace(0.1, 3.0, n)) + 0.3 * np.cos(np.arange(n)), np.array([0.0, 0.05, 0.2])
    rate = pt.scalar("rate")
    y = pm.ode.ode_solve(lambda t, y: rate * pt.constant(a) @ y, start, ts, method=method, rtol=1e-8, atol=1e-10, max_steps=200)
    value, gradient = function([rate], [y, pm.grad((y**2).sum(), rate)], backend="c")(1.0)
    known = np.array([expm(a * t) @ start for t in ts])
    np.testing.assert_allclose(value, known, rtol=2e-7, atol=1e-8)
    assert gradient == pytest.approx(sum(2 * t * k @ a @ k for t, k in zip(ts, known)), rel=1e-6)


@pytest.mark.parametrize("method", ["Tsit5", "Rodas5P"])
def test_states_have_any_shape(method):
    ts = [0.0, 0.5, 1.0]
    start = np.arange(1.0, 7.0).reshape(2, 3)
    y = pm.ode.ode_solve(lambda t, y: -y * t, start, ts, method=method, rtol=1e-9, atol=1e-9)
    assert y.type.shape == (3, 2, 3)
    np.testing.assert_allclose(y.eval(), start * np.exp(-np.array(ts) ** 2 / 2)[:, None, None], rtol=1e-8)
    one = pm.ode.ode_solve(lambda t, y: -y * t, 2.0, ts, method=method, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(one.eval(), 2.0 * np.exp(-np.array(ts) ** 2 / 2), rtol=1e-8)


@pytest.mark.parametrize("method", ["Tsit5", "Rodas5P"])
@pytest.mark.parametrize("on", ["numpy", "c"])
def test_the_number_of_states_may_be_known_at_the_call(method, on):
    start, rate = pt.vector("start"), pt.scalar("rate")
    y = pm.ode.ode_solve(lambda t, y: -rate * y, start, [0.0, 1.0], method=method, rtol=1e-8, atol=1e-8, max_steps=60)
    f = function([start, rate], [y, pm.grad(y.sum(), rate)], backend=on)
    for n in (1, 3):
        value, gradient = f(np.arange(1.0, n + 1), 0.5)
        np.testing.assert_allclose(value[1], np.arange(1.0, n + 1) * np.exp(-0.5), rtol=1e-7)
        assert gradient == pytest.approx(-np.arange(1.0, n + 1).sum() * np.exp(-0.5), rel=1e-6)


def test_paths_of_euler_and_maruyama_go_towards_the_solution_as_steps_become_short():
    """Without noise to speak of, a path of the stochastic equation is the solution, less an error of order 1 in the step."""
    apart = []
    for n in (50, 100):
        start = pm.DiracDelta.dist(0.1)
        path = pm.EulerMaruyama.dist(2.0 / n, lambda x, rate: (rate * x * (1.0 - x), 1e-10), (1.5,), init_dist=start, steps=n)
        y = pm.ode.ode_solve(lambda t, y: 1.5 * y * (1.0 - y), 0.1, np.linspace(0.0, 2.0, n + 1), rtol=1e-8, atol=1e-8)
        apart.append(np.abs(pm.draw(path, random_seed=1) - y.eval()).max())
    assert apart[1] < 0.01
    assert np.log2(apart[0] / apart[1]) == pytest.approx(1.0, abs=0.1)
