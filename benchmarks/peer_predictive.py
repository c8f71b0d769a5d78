"""Posterior predictive draws and log-likelihoods of the radon model, with the library named.

    python benchmarks/peer_predictive.py workbench|pymc data.npz

Prints one line of JSON: seconds of each call, the first of which compiles, and what was computed. `data.npz`
holds log_radon, floor, county, the number of counties, and posterior draws (chain, draw, ...) by name.
"""

import importlib
import json
import sys
import time
import warnings

import arviz as az
import numpy as np

CALLS = 6
DRAWN = ("mu_a", "sigma_a", "a_raw", "mu_b", "sigma_b", "b_raw", "eps")


def build(pm, data):
    """The model of tutorials/01_radon.ipynb."""
    county = data["county"]
    with pm.Model(coords={"county": range(int(data["counties"])), "obs": range(len(county))}) as model:
        mu_a = pm.Normal("mu_a", 0.0, 10.0)
        sigma_a = pm.HalfNormal("sigma_a", 1.0)
        a = pm.Normal("a_raw", 0.0, 1.0, dims="county") * sigma_a + mu_a
        mu_b = pm.Normal("mu_b", 0.0, 2.0)
        sigma_b = pm.HalfNormal("sigma_b", 1.0)
        b = pm.Normal("b_raw", 0.0, 1.0, dims="county") * sigma_b + mu_b
        eps = pm.HalfNormal("eps", 1.5)
        pm.Normal("y", a[county] + b[county] * data["floor"], eps, observed=data["log_radon"], dims="obs")
    return model


def timed(call):
    begin = time.perf_counter()
    found = call()
    return time.perf_counter() - begin, found


def main(library, path):
    warnings.simplefilter("ignore")
    pm = importlib.import_module(library)
    data = np.load(path)
    model = build(pm, data)
    coords = {"county": range(int(data["counties"]))}
    posterior = az.from_dict(
        posterior={name: data[name] for name in DRAWN}, coords=coords, dims={"a_raw": ["county"], "b_raw": ["county"]}
    )
    result = {}
    with model:
        for what, call in {
            "predictive": lambda: pm.sample_posterior_predictive(posterior, random_seed=1, progressbar=False).posterior_predictive,
            "log_likelihood": lambda: pm.compute_log_likelihood(posterior, extend_inferencedata=False, progressbar=False),
        }.items():
            times = []
            for _ in range(CALLS):
                seconds, found = timed(call)
                times.append(seconds)
            y = found["y"].to_numpy()
            result[what] = {"seconds": times, "shape": y.shape, "mean": float(y.mean()), "sd": float(y.std())}
    print(json.dumps(result))


if __name__ == "__main__":
    main(*sys.argv[1:])
