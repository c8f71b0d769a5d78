"""Discrete variables summed out: time against their number, and effective draws a second against Gibbs sampling.

    python benchmarks/marginalize.py
"""

from __future__ import annotations

import time

import arviz as az
import numpy as np

import workbench as pm


def mixture(n: int, k: int = 4) -> pm.Model:
    rng = np.random.default_rng(0)
    y = rng.normal(3.0 * rng.integers(0, k, n) - 4.0, 1.0)
    with pm.Model() as model:
        w = pm.Dirichlet("w", np.full(k, 4.0))
        mu = pm.Normal("mu", 0.0, 5.0, shape=k, transform=pm.transforms.ordered, initval=np.linspace(-4.0, 5.0, k))
        sigma = pm.HalfNormal("sigma")
        z = pm.Categorical("z", w, shape=n)
        pm.Normal("y", mu[z], sigma, observed=y)
    return model


def seconds(run, q) -> float:
    run(q)
    found = []
    for _ in range(15):
        begun = time.perf_counter()
        run(q)
        found.append(time.perf_counter() - begun)
    return min(found)


def linear() -> None:
    print("log-density and gradient of n assignments to 4 components")
    print(f"{'n':>8} {'marginalize s':>14} {'compile s':>10} {'ms':>9} {'ns an element':>14}")
    for n in (1_000, 10_000, 100_000):
        begun = time.perf_counter()
        made = pm.marginalize(mixture(n), "z")
        derived = time.perf_counter() - begun
        begun = time.perf_counter()
        run = made.logp_dlogp_function()
        compiled = time.perf_counter() - begun
        one = seconds(run, made.flatten(made.initial_point()))
        print(f"{n:8} {derived:14.2f} {compiled:10.2f} {1e3 * one:9.3f} {1e9 * one / n:14.1f}")


def against_gibbs(n: int = 300) -> None:
    model = mixture(n)
    print(f"effective draws of mu a second, the fewest of its elements, n = {n}")
    rates = []
    for name, m in (("summed out", pm.marginalize(model, "z")), ("Gibbs + NUTS", model)):
        begun = time.perf_counter()
        idata = pm.sample(1000, tune=1000, chains=2, cores=1, model=m, random_seed=1, progressbar=False)
        whole = time.perf_counter() - begun
        if name == "summed out":
            begun = time.perf_counter()
            pm.recover(idata, m, random_seed=2)
            print(f"  recover: {time.perf_counter() - begun:.2f} s for 2,000 draws")
        ess = float(az.ess(idata, var_names=["mu"]).mu.min())
        sampling = float(idata.posterior.attrs["sampling_time"])
        rates.append(ess / sampling)
        print(f"  {name:14} {ess:8.0f} draws, {sampling:6.2f} s of sampling ({whole:.2f} s in all): {rates[-1]:9.0f} a second; mu {idata.posterior.mu.mean(('chain', 'draw')).values.round(3)}")
    print(f"  {rates[0] / rates[1]:.1f} times as many")


if __name__ == "__main__":
    linear()
    against_gibbs()
