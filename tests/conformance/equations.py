"""Models with differential equations, as PyMC's documentation and gallery write them, on data made in each model's function."""

import numpy as np
from examples import model, scan, tensors


def equations(pm, f, times, n_states, n_theta, t0=0):
    """Equations in PyMC's form; solved to 1e-12 by both, which PyMC is told by its reference's maker."""
    tight = {} if pm.__name__ == "pymc" else {"rtol": 1e-12, "atol": 1e-12, "max_steps": 2000}
    return pm.ode.DifferentialEquation(func=f, times=times, n_states=n_states, n_theta=n_theta, t0=t0, **tight)


@model()
def ode_freefall(pm, d):
    """Falling with the resistance of the air: one state, one parameter."""
    times = np.arange(0, 10, 0.5)
    draws = np.random.RandomState(1)
    speed = 9.8 / 0.4 * (1 - np.exp(-0.4 * times)) + draws.normal(size=20)
    fall = equations(pm, lambda y, t, p: 2.0 * p[1] - p[0] * y[0], times[1:], 1, 2)
    with pm.Model() as m:
        sigma = pm.HalfCauchy("sigma", 1)
        gamma = pm.LogNormal("gamma", 0, 1)
        speeds = fall(y0=[0], theta=[gamma, 4.9])
        pm.Normal("Y", mu=speeds, sigma=sigma, observed=speed[1:, None])
    return m


@model()
def ode_freefall_with_gravity(pm, d):
    """The same with gravity and the first speed to be found."""
    times = np.arange(0, 10, 0.5)
    draws = np.random.RandomState(2)
    speed = 9.8 / 0.4 * (1 - np.exp(-0.4 * times)) + draws.normal(size=20)
    fall = equations(pm, lambda y, t, p: p[1] - p[0] * y[0], times[1:], 1, 2)
    with pm.Model() as m:
        sigma = pm.HalfCauchy("sigma", 1)
        gamma = pm.LogNormal("gamma", 0, 1)
        g = pm.LogNormal("g", pm.math.log(10), 2)
        begin = pm.Normal("begin", 0.0, 1.0)
        speeds = fall(y0=[begin], theta=[gamma, g])
        pm.Normal("Y", mu=speeds, sigma=sigma, observed=speed[1:, None])
    return m


@model(spread=0.2)
def ode_epidemic(pm, d):
    """Susceptible and infected, with a logarithmic likelihood of both."""
    times = np.arange(0.25, 5, 0.25)
    draws = np.random.RandomState(3)
    epidemic = equations(pm, lambda y, t, p: [-p[0] * y[0] * y[1], p[0] * y[0] * y[1] - p[1] * y[1]], times, 2, 2)
    logs = np.log(np.stack([0.99 - 0.9 / (1 + np.exp(-3 * (times - 1.5))), 0.02 + 0.3 * np.exp(-((times - 1.7) ** 2))], axis=1))
    with pm.Model() as m:
        sigma = pm.HalfCauchy("sigma", 1, shape=2)
        rate = pm.TruncatedNormal("R0", 2, 3, lower=1.0)
        recovery = pm.LogNormal("lambda", pm.math.log(2), pm.math.log(2))
        beta = pm.Deterministic("beta", recovery * rate)
        curves = epidemic(y0=[0.99, 0.01], theta=[beta, recovery])
        pm.LogNormal("Y", mu=pm.math.log(curves), sigma=sigma, observed=np.exp(logs + 0.2 * draws.normal(size=logs.shape)))
    return m


@model(spread=0.1)
def ode_hares_and_lynxes(pm, d):
    """Lotka and Volterra's equations in the form of the gallery's comparison of solvers."""
    pt = tensors(pm)
    draws = np.random.RandomState(4)
    times = np.arange(1.0, 12.0)
    observed = np.stack([30 + 20 * np.sin(0.6 * times), 20 + 15 * np.cos(0.6 * times)], axis=1) + draws.normal(size=(11, 2))
    cycle = equations(pm, lambda y, t, p: [p[0] * y[0] - p[1] * y[0] * y[1], -p[2] * y[1] + p[3] * p[1] * y[0] * y[1]], times, 2, 4)
    with pm.Model() as m:
        alpha = pm.TruncatedNormal("alpha", mu=0.52, sigma=0.1, lower=0, initval=0.52)
        beta = pm.TruncatedNormal("beta", mu=0.026, sigma=0.01, lower=0, initval=0.026)
        gamma = pm.TruncatedNormal("gamma", mu=0.84, sigma=0.1, lower=0, initval=0.84)
        delta = pm.TruncatedNormal("delta", mu=0.9, sigma=0.1, lower=0, initval=0.9)
        x0 = pm.TruncatedNormal("xt0", mu=34.9, sigma=1, lower=0, initval=34.9)
        y0 = pm.TruncatedNormal("yt0", mu=3.8, sigma=1, lower=0, initval=3.8)
        sigma = pm.HalfNormal("sigma", 10)
        solution = cycle(y0=pt.stack([x0, y0]), theta=pt.stack([alpha, beta, gamma, delta]))
        pm.Normal("Y_obs", mu=solution, sigma=sigma, observed=observed)
    return m


@model(spread=0.1)
def ode_by_steps_of_scan(pm, d):
    """The same equations by Euler's steps in a loop."""
    pt = tensors(pm)
    draws = np.random.RandomState(5)
    with pm.Model() as m:
        alpha = pm.TruncatedNormal("alpha", mu=0.52, sigma=0.1, lower=0, initval=0.52)
        beta = pm.TruncatedNormal("beta", mu=0.026, sigma=0.01, lower=0, initval=0.026)
        x0 = pm.TruncatedNormal("xt0", mu=34.9, sigma=1, lower=0, initval=34.9)
        y0 = pm.TruncatedNormal("yt0", mu=3.8, sigma=1, lower=0, initval=3.8)
        sigma = pm.HalfNormal("sigma", 10)

        def update(x, y, alpha, beta):
            return x + 0.1 * (alpha * x - beta * x * y), y + 0.1 * (-0.84 * y + 0.023 * x * y)

        (xs, ys), _ = scan(pm)(fn=update, outputs_info=[x0, y0], non_sequences=[alpha, beta], n_steps=60)
        found = pt.concatenate([xs[::10][:, None], ys[::10][:, None]], axis=1)
        pm.Normal("Y_obs", mu=found, sigma=sigma, observed=20 + 10 * draws.normal(size=(6, 2)))
    return m


@model(spread=0.1)
def ode_spikes_of_a_nerve(pm, d):
    """FitzHugh and Nagumo's equations: a potential that jumps, and what pulls it back."""
    times = np.linspace(0.5, 10, 12)
    draws = np.random.RandomState(6)
    nerve = equations(
        pm, lambda y, t, p: [(y[0] - y[0] ** 3 / 3.0 + y[1]) * p[2], -(y[0] - p[0] + p[1] * y[1]) / p[2]], times, 2, 3
    )
    with pm.Model() as m:
        a = pm.Gamma("a", 2, 1, initval=0.2)
        b = pm.Gamma("b", 2, 1, initval=0.2)
        c = pm.Gamma("c", 2, 1, initval=3.0)
        sigma = pm.HalfNormal("sigma", 1, initval=0.5)
        potential = nerve(y0=[-1.0, 1.0], theta=[a, b, c])
        pm.Normal("R", mu=potential, sigma=sigma, observed=draws.normal(size=(12, 2)))
    return m


@model()
def ode_dose_taken_up(pm, d):
    """A dose is taken up and cleared; concentrations in several people share a prior."""
    times, people = np.array([0.5, 1.0, 2.0, 4.0, 8.0]), 3
    draws = np.random.RandomState(7)
    body = equations(pm, lambda y, t, p: [-p[0] * y[0], p[0] * y[0] - p[1] * y[1]], times, 2, 2)
    with pm.Model() as m:
        uptake = pm.LogNormal("uptake", 0.5, 0.3)
        mu = pm.Normal("mu", -1.0, 0.5)
        clearance = pm.LogNormal("clearance", mu, 0.3, shape=people)
        sigma = pm.HalfNormal("sigma", 0.5)
        for i in range(people):
            amounts = body(y0=[5.0, 0.0], theta=[uptake, clearance[i]])
            pm.LogNormal(f"seen_{i}", pm.math.log(amounts[:, 1]), sigma, observed=np.exp(0.3 * draws.normal(size=5)))
    return m
