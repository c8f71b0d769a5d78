"""Hares and lynxes for PyMC, diffrax, SciPy and workbench: the same density and gradient, at one tolerance; run as a program, with the peers.

    python benchmarks/peer_equations.py

Prints one line of JSON: for each peer, processor seconds of a gradient, with its value and norm. SciPy solves the equations of the
sensitivities with the others, from a right-hand side compiled by Numba: by odeint and by DOP853, the faster counts. diffrax solves by Tsit5, with its
gradient by checkpoints and forward: the faster counts.
"""

from __future__ import annotations

import csv
import functools
import json
import sys
import time
import warnings
from pathlib import Path

import numpy as np

TOLERANCE = 1.49012e-8
"""That of PyMC's solver, which cannot be told another."""
TYPICAL = np.array([0.55, 0.028, 0.8, 0.024, 34.0, 5.9])
YEARS = np.arange(1.0, 21.0)


def pelts():
    """Logarithms of thousands of hares and lynxes, (20, 2)."""
    with open(Path(__file__).parents[1] / "workbench" / "datasets" / "data" / "lynx_hare.csv", encoding="utf-8") as file:
        return np.log([[float(row["hare"]), float(row["lynx"])] for row in csv.DictReader(file)][1:])


def predation(pm):
    """Lotka and Volterra's equations with six parameters around typical values."""
    equations = pm.ode.DifferentialEquation(lambda y, t, p: [p[0] * y[0] - p[1] * y[0] * y[1], -p[2] * y[1] + p[3] * y[0] * y[1]], YEARS, n_states=2, n_theta=4)
    with pm.Model() as model:
        raw = pm.Normal("raw", 0.0, 1.0, shape=6)
        p = TYPICAL * pm.math.exp(0.1 * raw)
        pm.Normal("logs", pm.math.log(equations(y0=p[4:], theta=p[:4])), 0.25, observed=pelts())
    return model


def point():
    return 0.3 * np.sin(1.0 + np.arange(6))


def seconds(f, q, runs=7):
    """The least processor seconds of a call, over runs that are long enough for the clock: other programs do not count."""
    begun, count = time.process_time(), 0
    while time.process_time() - begun < 0.02:
        f(q)
        count += 1
    found = []
    for _ in range(runs):
        begun = time.process_time()
        for _ in range(count):
            f(q)
        found.append((time.process_time() - begun) / count)
    return min(found)


def density(states, slopes, q):
    """The density and its gradient from states (20, 2) and their derivatives in the six parameters (20, 2, 6)."""
    misfit = pelts() - np.log(states)
    value = -0.5 * (misfit**2).sum() / 0.25**2 - 40 * np.log(0.25 * np.sqrt(2 * np.pi)) - 0.5 * (q**2).sum() - 3 * np.log(2 * np.pi)
    p = TYPICAL * np.exp(0.1 * q)
    return value, np.einsum("ts,tsk->k", misfit / 0.25**2 / states, slopes) * 0.1 * p - q


def by_pymc():
    import pymc as pm

    f = predation(pm).logp_dlogp_function(ravel_inputs=True)
    f.set_extra_values({})
    return [f]


def by_scipy():
    import numba
    from scipy.integrate import odeint, solve_ivp

    @numba.njit
    def whole(t, z, p):
        u, v = z[0], z[1]
        out = np.empty(14)
        out[0], out[1] = p[0] * u - p[1] * u * v, -p[2] * v + p[3] * u * v
        for k in range(6):
            a, b = z[2 + k], z[8 + k]
            out[2 + k] = (p[0] - p[1] * v) * a - p[1] * u * b
            out[8 + k] = p[3] * v * a + (p[3] * u - p[2]) * b
        out[2] += u
        out[3] -= u * v
        out[10] -= v
        out[11] += u * v
        return out

    times = np.concatenate([[0.0], YEARS])

    def run(solve, q):
        p = TYPICAL * np.exp(0.1 * q)
        z = np.zeros(14)
        z[:2], z[6], z[13] = p[4:], 1.0, 1.0
        found = solve(z, p)
        return density(found[1:, :2], found[1:, 2:].reshape(20, 2, 6), q)

    def by_odeint(z, p):
        return odeint(whole, z, times, args=(p,), rtol=TOLERANCE, atol=TOLERANCE, tfirst=True)

    def by_dop853(z, p):
        return solve_ivp(whole, (0.0, 20.0), z, "DOP853", times, args=(p,), rtol=TOLERANCE, atol=TOLERANCE).y.T

    return [functools.partial(run, by_odeint), functools.partial(run, by_dop853)]


def by_diffrax():
    import diffrax
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    times, logs = jnp.array(YEARS), jnp.array(pelts())

    def field(t, y, p):
        return jnp.stack([p[0] * y[0] - p[1] * y[0] * y[1], -p[2] * y[1] + p[3] * y[0] * y[1]])

    def logp(q, adjoint):
        p = TYPICAL * jnp.exp(0.1 * q)
        states = diffrax.diffeqsolve(
            diffrax.ODETerm(field), diffrax.Tsit5(), 0.0, 20.0, None, p[4:], p[:4], saveat=diffrax.SaveAt(ts=times), adjoint=adjoint,
            stepsize_controller=diffrax.PIDController(rtol=TOLERANCE, atol=TOLERANCE),
        ).ys  # fmt: skip
        misfit = logs - jnp.log(states)
        return -0.5 * (misfit**2).sum() / 0.25**2 - 40 * jnp.log(0.25 * jnp.sqrt(2 * jnp.pi)) - 0.5 * (q**2).sum() - 3 * jnp.log(2 * jnp.pi)

    back = jax.jit(lambda q: jax.value_and_grad(logp)(q, diffrax.RecursiveCheckpointAdjoint()))
    forward = jax.jit(lambda q: (logp(q, diffrax.ForwardMode()), jax.jacfwd(logp)(q, diffrax.ForwardMode())))
    return [lambda q, f=f: jax.block_until_ready(f(q)) for f in (back, forward)]


def main():
    warnings.simplefilter("ignore")
    results = {}
    for name, make in {"PyMC": by_pymc, "SciPy": by_scipy, "diffrax": by_diffrax}.items():
        for f in make():
            begun, q = time.process_time(), point()
            value, gradient = f(q)
            compiled = time.process_time() - begun
            found = {"compile": compiled, "call": seconds(f, q), "value": float(value), "norm": float(np.linalg.norm(gradient))}
            if name not in results or found["call"] < results[name]["call"]:
                results[name] = found
        print(name, file=sys.stderr, flush=True)
    print(json.dumps(results))


if __name__ == "__main__":
    main()
