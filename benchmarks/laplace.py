"""Laplace, Pathfinder and nested Laplace approximations: time and error beside NUTS, and beside pymc-extras.

    python benchmarks/laplace.py             # ours
    python benchmarks/laplace.py --peer      # pymc-extras' Pathfinder, in an environment that has it

Errors are differences of means from a long run of NUTS, in its standard deviations: the root of their mean square, and the largest. Times
are of a second call, with everything compiled; the first is given beside. The latent Gaussian models have a thousand nodes.
"""

from __future__ import annotations

import argparse
import importlib
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from workbench import datasets


def eight_schools(pm: Any) -> Any:
    y = np.array([28.0, 8, -3, 7, -1, 1, 18, 12])
    sigma = np.array([15.0, 10, 16, 11, 9, 11, 10, 18])
    with pm.Model() as model:
        mu, tau = pm.Normal("mu", 0.0, 5.0), pm.HalfCauchy("tau", 5.0)
        z = pm.Normal("z", 0.0, 1.0, shape=8)
        pm.Normal("y", mu + tau * z, sigma, observed=y)
    return model


def kidiq(pm: Any) -> Any:
    data = datasets.kidiq()
    with pm.Model() as model:
        beta, sigma = pm.Flat("beta", shape=3), pm.HalfCauchy("sigma", 2.5)
        mean = beta[0] + beta[1] * np.array(data["mom_hs"], float) + beta[2] * np.array(data["mom_iq"], float)
        pm.Normal("y", mean, sigma, observed=np.array(data["kid_score"], float))
    return model


def wells(pm: Any) -> Any:
    data = datasets.wells()
    with pm.Model() as model:
        beta = pm.Flat("beta", shape=3)
        eta = beta[0] + beta[1] * np.array(data["dist"], float) / 100 + beta[2] * np.array(data["arsenic"], float)
        pm.Bernoulli("y", logit_p=eta, observed=np.array(data["switched"]))
    return model


def series(pm: Any, n: int = 1000) -> Any:
    """Counts over time, their logarithm an autoregression."""
    rng = np.random.default_rng(5)
    x = np.zeros(n)
    for t in range(1, n):
        x[t] = 0.9 * x[t - 1] + 0.3 * rng.normal()
    with pm.Model() as model:
        s, rho = pm.HalfNormal("s", 0.5), pm.Uniform("rho", 0.0, 0.99)
        x_ = pm.AR("x", rho=[rho], sigma=s, init_dist=pm.Normal.dist(0.0, 1.0), steps=n - 1)
        pm.Poisson("y", pm.math.exp(0.5 + x_), observed=rng.poisson(np.exp(0.5 + x)))
    return model


def places(pm: Any, side: int = 32) -> Any:
    """Counts on a map of 1,024 places, their logarithm a conditional autoregression."""
    rng = np.random.default_rng(6)
    n = side * side
    w = np.zeros((n, n))
    for i in range(n):
        for j in ([i + 1] if i % side < side - 1 else []) + ([i + side] if i + side < n else []):
            w[i, j] = w[j, i] = 1.0
    q = 2.0 * (np.diag(w.sum(0)) - 0.95 * w)
    x = np.linalg.solve(np.linalg.cholesky(q).T, rng.normal(size=n))
    with pm.Model() as model:
        tau, level = pm.Gamma("tau", 2.0, 1.0), pm.Normal("level", 0.0, 2.0)
        x_ = pm.CAR("x", mu=0.0, W=w, alpha=0.95, tau=tau)
        pm.Poisson("y", pm.math.exp(level + x_), observed=rng.poisson(np.exp(0.7 + x)))
    return model


SMALL: dict[str, Callable[[Any], Any]] = {"eight schools": eight_schools, "kidiq": kidiq, "wells": wells}
LATENT: dict[str, Callable[[Any], Any]] = {"series of 1,000": series, "map of 32 x 32": places}


def moments(posterior: Any, names: list[str]) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    found = [np.asarray(posterior[name]).reshape(posterior[name].shape[0] * posterior[name].shape[1], -1) for name in names]
    whole = np.concatenate(found, axis=1)
    return whole.mean(axis=0), whole.std(axis=0)


def errors(posterior: Any, names: list[str], known: Any) -> str:
    mean, sd = moments(posterior, names)
    z = (mean - known[0]) / known[1]
    return f"error {np.sqrt(np.mean(z**2)):.3f}, at most {np.abs(z).max():.3f} sd; sd ratio {np.mean(sd / known[1]):.3f}"


def timed(call: Callable[[], Any]) -> tuple[Any, float, float]:
    times = []
    for _ in range(2):
        begun = time.perf_counter()
        found = call()
        times.append(time.perf_counter() - begun)
    return found, times[1], times[0]


def ours(draws: int) -> None:
    import arviz

    pm = importlib.import_module("workbench")
    for name, make in {**SMALL, **LATENT}.items():
        model = make(pm)
        latent = name in LATENT
        names = [str(x.name) for x in model.free_RVs]
        pm.sample(10, tune=10, chains=2, model=model, progressbar=False, quiet=True)
        begun = time.perf_counter()
        run = pm.sample(draws, tune=1000, chains=4, model=model, random_seed=1, progressbar=False, quiet=True)
        nuts = time.perf_counter() - begun
        known = moments(run.posterior, names)
        ess = min(float(arviz.ess(run.posterior[n]).to_array().min()) for n in names)
        print(f"{name}: NUTS, 4 x {draws} draws, {nuts:.2f} s, least effective draws {ess:.0f}", flush=True)
        ways = {"laplace": pm.fit_laplace, "pathfinder": pm.fit_pathfinder}
        for way, fit in {"inla": pm.fit_inla, **ways}.items() if latent else ways.items():
            try:
                found, again, first = timed(lambda: fit(model, random_seed=1, quiet=True))
            except Exception as error:
                print(f"  {way}: {getattr(error, 'message', error)}")
                continue
            k = found.posterior.attrs["pareto_k"]
            print(f"  {way}: {again:.2f} s (first {first:.2f}), NUTS / it {nuts / again:.1f}; k-hat {k:.2f}; {errors(found.posterior, names, known)}", flush=True)


def peer() -> None:
    pm, extras = importlib.import_module("pymc"), importlib.import_module("pymc_extras")
    for name, make in SMALL.items():
        model = make(pm)
        names = [x.name for x in model.free_RVs]
        known = moments(pm.sample(2000, chains=4, model=model, random_seed=1, progressbar=False).posterior, names)
        found, again, first = timed(lambda: extras.fit_pathfinder(model=model, random_seed=1, progressbar=False))
        print(f"{name}: pymc-extras' Pathfinder {again:.2f} s (first {first:.2f}); {errors(found.posterior, names, known)}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer", action="store_true")
    parser.add_argument("--draws", type=int, default=2000)
    given = parser.parse_args()
    if given.peer:
        peer()
    else:
        ours(given.draws)
