"""What is wrong is said where it is; what cannot be solved ends, with NaN and a reason."""

import numpy as np
import pytest

import workbench as pm
import workbench.tensor as pt
from workbench.compile import function
from workbench.errors import ArgumentError, ShapeError


def decay(t, y):
    return -y


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: pm.ode.ode_solve(decay, 1.0, [0.0, 2.0, 1.0]), r"ts is out of order: ts\[2\] = 1 comes after ts\[1\] = 2.*\n.*sort"),
        (lambda: pm.ode.ode_solve(decay, 1.0, [0.0, np.nan]), "ts has a time that is not finite: nan"),
        (lambda: pm.ode.ode_solve(decay, 1.0, [1.0, 2.0], t0=1.5), r"ts\[0\] = 1 is before t0 = 1.5"),
        (lambda: pm.ode.ode_solve(decay, 1.0, [2.0, 2.0, 1.0, 3.0]), r"ts is out of order: ts\[3\] = 3 comes after ts\[2\] = 1.*\n.*backwards in time"),
        (lambda: pm.ode.ode_solve(decay, 1.0, [2.0, 1.0], t0=1.5), r"ts\[0\] = 2 is after t0 = 1.5.*\n.*forwards in time from there"),
        (lambda: pm.ode.ode_solve(decay, 1.0, [0.0, 1.0], t0=1.5), r"ts\[0\] = 0 is before t0 = 1.5.*\n.*backwards in time from there"),
        (lambda: pm.ode.ode_solve(decay, 1.0, [1.0], t0=np.nan), "t0=nan"),
        (lambda: pm.ode.ode_solve(decay, 1.0, []), "ts is empty"),
        (lambda: pm.ode.ode_solve(decay, 1.0, [0.0, 1.0], method="Radau"), "no method 'Radau'.*\n.*Rodas5P"),
        (lambda: pm.ode.ode_solve(decay, 1.0, [0.0, 1.0], method="Tsit"), "did you mean 'Tsit5'"),
        (lambda: pm.ode.ode_solve(decay, 1.0, [0.0, 1.0], rtol=0.0), "rtol=0"),
        (lambda: pm.ode.ode_solve(decay, 1.0, [0.0, 1.0], max_steps=0), "max_steps=0"),
        (lambda: pm.ode.ode_solve(decay, "x", [0.0, 1.0]), "y0"),
        (lambda: pm.ode.ode_solve(3.0, 1.0, [0.0, 1.0]), "f must be a function of t and y, not 3.0"),
        (lambda: pm.ode.ode_solve(lambda t, y: None, 1.0, [0.0, 1.0]), "f returned None.*\n.*dy/dt"),
        (lambda: pm.ode.DifferentialEquation(None, [1.0], n_states=1, n_theta=1), "func must be a function"),
        (lambda: pm.ode.DifferentialEquation(decay, [1.0], n_states=0, n_theta=1), "n_states=0"),
        (lambda: pm.ode.DifferentialEquation(decay, [1.0], n_states=1, n_theta=0), "n_theta=0"),
    ],
)
def test_wrong_arguments_are_named_at_the_users_line(call, message):
    with pytest.raises((ArgumentError, TypeError), match=f"(?s){message}") as caught:
        call()
    if isinstance(caught.value, ArgumentError):
        assert caught.value.location.filename == __file__


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: pm.ode.ode_solve(lambda t, y: [y[0], y[1], y[0]], [1.0, 2.0], [0.0, 1.0]), r"slopes of shape \(3,\) for a state of shape \(2,\)"),
        (lambda: pm.ode.ode_solve(lambda t, y: y[0], [1.0, 2.0], [0.0, 1.0]), r"slopes of shape \(\) for a state of shape \(2,\)"),
        (lambda: pm.ode.ode_solve(lambda t, y: [y[0], y], [1.0, 2.0], [0.0, 1.0]), "do not stack"),
        (lambda: pm.ode.ode_solve(decay, 1.0, [[0.0, 1.0]]), r"ts is a vector of times, not of shape \(1, 2\)"),
        (lambda: pm.ode.ode_solve(decay, 1.0, [0.0, 1.0], t0=[0.0]), "t0 is a scalar"),
        (lambda: pm.ode.ode_solve(decay, 1.0, [0.0, 1.0], rtol=[1e-6, 1e-6]), "rtol is a scalar"),
        (lambda: pm.ode.DifferentialEquation(lambda y, t, p: y, [1.0], n_states=2, n_theta=1)([1.0], [1.0]), "y0 has 1 elements, it must have 2"),
        (lambda: pm.ode.DifferentialEquation(lambda y, t, p: y, [1.0], n_states=1, n_theta=2)([1.0], np.zeros(3)), r"theta has shape \(3,\)"),
        (lambda: pm.ode.DifferentialEquation(lambda y, t, p: [y[0], y[0]], [1.0], n_states=1, n_theta=1)([1.0], [1.0], return_sens=True), "for 1 states"),
    ],
)
def test_wrong_shapes_are_named_at_the_users_line(call, message):
    with pytest.raises(ShapeError, match=message) as caught:
        call()
    assert caught.value.location.filename == __file__


def test_a_solution_that_goes_to_infinity_ends_with_a_reason(backend):
    """``y' = y^2`` from 1 is ``1 / (1 - t)``."""
    rate = pt.scalar("rate")
    y, steps = pm.ode.ode_solve(lambda t, y: rate * y * y, 1.0, [0.0, 0.5, 0.9, 1.5], max_steps=500, full_output=True)
    found, arrived, attempts, slope = function([rate], [y, steps.arrived, steps.attempts, pm.grad(y.sum(), rate)], backend=backend)(1.0)
    np.testing.assert_allclose(found[:3], [1.0, 2.0, 10.0], rtol=1e-4)
    assert np.isnan(found[3]) and arrived == pytest.approx(1.0, abs=1e-6) and attempts < 500
    assert np.isfinite(slope)


def test_a_warning_says_why_a_solution_did_not_arrive():
    with pytest.warns(pm.ode.SolverWarning, match=r"stopped at t = 1, before the last time 2.*infinity.*solver-stopped") as caught:
        pm.ode.ode_solve(lambda t, y: y * y, 1.0, [0.0, 2.0]).eval()
    assert caught[0].filename == __file__
    with pytest.warns(pm.ode.SolverWarning, match=r"from t = 2 stopped at t = 0.99999\d, before the last time 0:"):
        # y is 1 / (t - 1).
        found = pm.ode.ode_solve(lambda t, y: -y * y, 1.0, [2.0, 1.5, 0.0]).eval()
    np.testing.assert_allclose(found, [1.0, 2.0, np.nan], rtol=1e-5)
    stiff = {"y0": 1.0, "ts": [0.0, 100.0], "max_steps": 300}
    with pytest.warns(pm.ode.SolverWarning, match=r"after 300 steps; equations that are stiff need an implicit method: method='Rodas5P'"):
        assert np.isnan(pm.ode.ode_solve(lambda t, y: -1e5 * (y - pt.cos(t)), **stiff).eval()[1])
    y = pm.ode.ode_solve(lambda t, y: -1e5 * (y - pt.cos(t)), method="Rodas5P", **stiff).eval()
    # The solution follows cos(t), behind by sin(t) / 1e5.
    assert y[1] == pytest.approx(np.cos(100.0) + np.sin(100.0) / -1e5 * -1, abs=1e-5)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_give_nan_not_endless_loops(bad):
    a = pt.scalar("a")
    y, steps = pm.ode.ode_solve(lambda t, y: a * y, 1.0, [0.0, 1.0], max_steps=200, full_output=True)
    found, attempts = function([a], [y, steps.attempts], backend="c")(bad)
    assert found[0] == 1.0 and np.isnan(found[1]) and attempts < 100


def test_times_that_are_known_later_are_checked_then():
    ts = pt.vector("ts")
    f = function([ts], pm.ode.ode_solve(decay, 1.0, ts, t0=0.0, max_steps=100), backend="c")
    np.testing.assert_allclose(f([0.0, 1.0, 1.0, 2.0]), np.exp([0.0, -1.0, -1.0, -2.0]), rtol=1e-5)
    np.testing.assert_allclose(f([0.0, -0.5, -2.0]), np.exp([0.0, 0.5, 2.0]), rtol=1e-5)
    assert np.isnan(f([0.0, 2.0, 1.0])).all() and np.isnan(f([-1.0, 1.0])).all() and np.isnan(f([1.0, -1.0])).all()
    assert f([]).shape == (0,) and f([0.0]).tolist() == [1.0]


def test_a_density_without_a_solution_is_not_finite_and_sampling_goes_on():
    with pm.Model() as model:
        rate = pm.Normal("rate", 0.5, 0.5)
        y = pm.ode.ode_solve(lambda t, y: rate * y * y, 1.0, [0.0, 1.0], max_steps=200)
        pm.Normal("seen", y[1], 0.1, observed=2.0)
    f = model.compile_fn(model.logp(), inputs=model.value_vars, backend="c")
    assert np.isfinite(f({"rate": 0.5})) and not np.isfinite(f({"rate": 1.5}))
