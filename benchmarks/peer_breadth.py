"""Gaussian processes and state spaces for PyMC and for workbench: one function of the modelling module each; run as a program, with PyMC.

    python benchmarks/peer_breadth.py

Prints one line of JSON: for each problem, processor seconds of a gradient, with its value and norm.
"""

from __future__ import annotations

import json
import sys
import time
import warnings

import numpy as np


def regression(n):
    draws = np.random.RandomState(1)
    x = np.sort(draws.uniform(0.0, n / 100, n))
    return x[:, None], np.sin(x) + 0.3 * draws.normal(size=n)


def marginal(pm, kernel="ExpQuad", n=1000):
    """A Gaussian process with noise, its values integrated out."""
    x, y = regression(n)
    with pm.Model() as model:
        ls, eta, sigma = pm.Gamma("ls", 2.0, 2.0), pm.HalfNormal("eta", 2.0), pm.HalfNormal("sigma", 1.0)
        gp = pm.gp.Marginal(cov_func=eta**2 * getattr(pm.gp.cov, kernel)(1, ls=ls))
        gp.marginal_likelihood("y", X=x, y=y, sigma=sigma)
    return model


def hilbert_space(pm, n=100_000, m=30):
    """A Gaussian process in a basis of sines."""
    x, y = regression(n)
    with pm.Model() as model:
        ls, eta, sigma = pm.Gamma("ls", 2.0, 2.0), pm.HalfNormal("eta", 2.0), pm.HalfNormal("sigma", 1.0)
        gp = pm.gp.HSGP(m=[m], c=1.3, cov_func=eta**2 * pm.gp.cov.Matern52(1, ls=ls))
        pm.Normal("y", gp.prior("f", X=x), sigma, observed=y)
    return model


KALMAN = {"sigma_level_trend": (2,), "dampening_factor_c": (), "sigma_c": (), "sigma_obs": ()}


def kalman_data(n=2000):
    draws = np.random.RandomState(2)
    return np.cumsum(0.3 * draws.normal(size=n)) + 2.0 * np.sin(np.arange(n) * np.pi / 6.0) + draws.normal(size=n)


def kalman(pm, n=2000):
    """A trend and a cycle, seen with noise: four states, whose start is known up to a variance of 1."""
    if pm.__name__ == "pymc":
        import pytensor.tensor as pt
        from pymc_extras.statespace import structural as st
    else:
        pt, st = pm.tensor, pm.statespace.structural
    parts = st.LevelTrend(order=2) + st.Cycle(name="c", cycle_length=12, dampen=True) + st.MeasurementError("obs")
    space = parts.build(verbose=False)
    with pm.Model(coords=space.coords) as model:
        for name, value in (("P0", np.eye(4)), ("initial_level_trend", np.zeros(2)), ("params_c", np.zeros(2))):
            pm.Deterministic(name, pt.as_tensor(value))
        pm.HalfNormal("sigma_level_trend", 1.0, shape=2)
        pm.Beta("dampening_factor_c", 2.0, 2.0)
        pm.HalfNormal("sigma_c", 1.0)
        pm.HalfNormal("sigma_obs", 1.0)
        space.build_statespace_graph(kalman_data(n)[:, None])
    return model


PROBLEMS = {
    "Kalman filter, 4 states, T = 2,000": kalman,
    "marginal, ExpQuad, n = 1,000": marginal,
    "marginal, Matern32, n = 1,000": lambda pm: marginal(pm, "Matern32"),
    "HSGP, n = 100,000, m = 30": hilbert_space,
}


def point_of(size):
    return 0.3 * np.sin(1.0 + np.arange(size))


def seconds(f, q, count=5):
    """The least processor seconds of a call: other programs do not count."""
    found = []
    for _ in range(count + 1):
        begun = time.process_time()
        f(q)
        found.append(time.process_time() - begun)
    return min(found)


def main():
    import pymc as pm

    warnings.simplefilter("ignore")
    results = {}
    for name, build in PROBLEMS.items():
        if name.find(sys.argv[1] if len(sys.argv) > 1 else "") < 0:
            continue
        model = build(pm)
        begun = time.process_time()
        f = model.logp_dlogp_function(ravel_inputs=True)
        f.set_extra_values({})
        q = point_of(sum(np.size(v) for v in model.initial_point().values()))
        value, gradient = f(q)
        compiled = time.process_time() - begun
        results[name] = {"compile": compiled, "call": seconds(f, q), "value": float(value), "norm": float(np.linalg.norm(gradient))}
        print(name, file=sys.stderr, flush=True)
    print(json.dumps(results))


if __name__ == "__main__":
    main()
