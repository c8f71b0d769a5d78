"""Sequential Monte Carlo with the library named, on models of known marginal likelihood.

    python benchmarks/peer_smc.py workbench|pymc

Prints one line of JSON: of each model the seconds of each call, the first of which compiles, and for each population the
logarithm of the marginal likelihood; and a mean of the posterior.
"""

import importlib
import json
import sys
import time
import warnings

import numpy as np

CALLS = 2
DRAWS, CHAINS = 1000, 4


def regression(pm, d):
    """Linear regression with known noise; `exact` is the density of a normal distribution."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(10 * d, d))
    y = X @ np.arange(1, d + 1) + rng.normal(size=10 * d)
    with pm.Model() as model:
        b = pm.Normal("b", 0.0, 3.0, shape=d)
        pm.Normal("y", pm.math.dot(X, b), 1.0, observed=y)
    cov = np.eye(10 * d) + 9.0 * X @ X.T
    return model, -0.5 * (len(y) * np.log(2.0 * np.pi) + np.linalg.slogdet(cov)[1] + y @ np.linalg.solve(cov, y)), "b"


def switch_point(pm):
    """Counts whose rate changes once, at a discrete variable; `exact` is the sum over it of gamma integrals."""
    from scipy.special import gammaln, logsumexp

    y = np.array([3, 5, 2, 4, 3, 1, 0, 2, 1, 0, 1, 1])
    t = np.arange(len(y))
    with pm.Model() as model:
        tau = pm.DiscreteUniform("tau", 0, len(y) - 1)
        early, late = pm.Exponential("early", 0.5), pm.Exponential("late", 0.5)
        pm.Poisson("y", pm.math.where(t < tau, early, late), observed=y)

    def part(y):
        return np.log(0.5) + gammaln(1.0 + y.sum()) - (1.0 + y.sum()) * np.log(0.5 + len(y)) - gammaln(y + 1.0).sum()

    return model, logsumexp([part(y[t < k]) + part(y[t >= k]) for k in t]) - np.log(len(t)), "tau"


def simulator(pm, fn):
    """A normal mean by approximate Bayesian computation."""
    y = np.random.default_rng(1).normal(1.0, 1.0, 50)
    with pm.Model() as model:
        mu = pm.Normal("mu", 0.0, 2.0)
        pm.Simulator("y", fn, mu, sum_stat="mean", epsilon=0.2, observed=y)
    variance = 4.0 + 1.0 / 50.0 + 0.04
    return model, -0.5 * np.log(variance / 0.04) - 0.5 * y.mean() ** 2 / variance, "mu"


def by_numpy(rng, mu, size):
    return rng.normal(mu, 1.0, size=size)


def last_of_each(values):
    """The last number of each chain, of a table or, as in PyMC where chains have other numbers of stages, of lists."""
    rows = values.ravel() if isinstance(values.ravel()[0], (list, np.ndarray)) else np.atleast_2d(values)
    return [float(row[-1]) for row in rows]


def timed(call):
    begin = time.perf_counter()
    found = call()
    return time.perf_counter() - begin, found


def main(library):
    warnings.simplefilter("ignore")
    pm = importlib.import_module(library)
    models = {
        "regression, 3 coefficients": lambda: regression(pm, 3),
        "regression, 10 coefficients": lambda: regression(pm, 10),
        "switch point": lambda: switch_point(pm),
        "simulator in NumPy": lambda: simulator(pm, by_numpy),
    }
    if library == "workbench":
        models["simulator in tensors"] = lambda: simulator(pm, lambda rng, mu, size: pm.Normal.dist(mu, 1.0, size=size))
    result = {}
    for name, build in models.items():
        model, exact, variable = build()
        seconds, evidence = [], []
        for seed in range(CALLS):
            with model:
                time_taken, idata = timed(lambda seed=seed: pm.sample_smc(DRAWS, chains=CHAINS, random_seed=seed, progressbar=False, compute_convergence_checks=False))
            seconds.append(time_taken)
            evidence += last_of_each(idata.sample_stats["log_marginal_likelihood"].values)
        result[name] = {"seconds": seconds, "evidence": evidence, "exact": float(exact), "mean": float(idata.posterior[variable].mean())}
        print(name, result[name], file=sys.stderr)
    print(json.dumps(result))


if __name__ == "__main__":
    main(*sys.argv[1:])
