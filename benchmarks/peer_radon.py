"""The radon model with another library, from the start of the process to the draws.

    python benchmarks/peer_radon.py nutpie|pymc|numpyro data.npz

Prints one line of JSON. `data.npz` holds log_radon, floor, county and the number of counties.
"""

import time

begin = time.perf_counter()

import json  # noqa: E402
import sys  # noqa: E402

import numpy as np  # noqa: E402

DRAWS, TUNE, CHAINS, TARGET = 1000, 1000, 4, 0.9


def pymc_model(data):
    import pymc as pm

    with pm.Model() as model:
        mu_a = pm.Normal("mu_a", 0.0, 10)
        sigma_a = pm.HalfNormal("sigma_a", 1.0)
        a = pm.Normal("a_raw", 0, 1, shape=int(data["counties"])) * sigma_a + mu_a
        mu_b = pm.Normal("mu_b", 0.0, 2.0)
        sigma_b = pm.HalfNormal("sigma_b", 1.0)
        b = pm.Normal("b_raw", 0, 1, shape=int(data["counties"])) * sigma_b + mu_b
        eps = pm.HalfNormal("eps", 1.5)
        county = data["county"]
        pm.Normal("y", a[county] + b[county] * data["floor"], eps, observed=data["log_radon"])
    return model


def nutpie(data):
    import nutpie

    compiled = nutpie.compile_pymc_model(pymc_model(data))
    nutpie.sample(compiled, draws=DRAWS, tune=TUNE, chains=CHAINS, target_accept=TARGET, seed=1, cores=2, progress_bar=False)


def pymc(data):
    import pymc as pm

    with pymc_model(data):
        pm.sample(DRAWS, tune=TUNE, chains=CHAINS, cores=2, target_accept=TARGET, random_seed=1, progressbar=False)


def numpyro(data):
    import jax
    import numpyro
    import numpyro.distributions as dist
    from numpyro.infer import MCMC, NUTS

    jax.config.update("jax_enable_x64", True)
    numpyro.set_host_device_count(2)

    def model():
        mu_a = numpyro.sample("mu_a", dist.Normal(0.0, 10.0))
        sigma_a = numpyro.sample("sigma_a", dist.HalfNormal(1.0))
        mu_b = numpyro.sample("mu_b", dist.Normal(0.0, 2.0))
        sigma_b = numpyro.sample("sigma_b", dist.HalfNormal(1.0))
        eps = numpyro.sample("eps", dist.HalfNormal(1.5))
        with numpyro.plate("county", int(data["counties"])):
            a = numpyro.sample("a_raw", dist.Normal(0.0, 1.0)) * sigma_a + mu_a
            b = numpyro.sample("b_raw", dist.Normal(0.0, 1.0)) * sigma_b + mu_b
        county = data["county"]
        numpyro.sample("y", dist.Normal(a[county] + b[county] * data["floor"], eps), obs=data["log_radon"])

    kernel = NUTS(model, target_accept_prob=TARGET)
    mcmc = MCMC(kernel, num_warmup=TUNE, num_samples=DRAWS, num_chains=CHAINS, progress_bar=False, chain_method="sequential")
    mcmc.run(jax.random.PRNGKey(1))
    jax.block_until_ready(mcmc.get_samples())


if __name__ == "__main__":
    name, path = sys.argv[1:]
    {"nutpie": nutpie, "pymc": pymc, "numpyro": numpyro}[name](np.load(path))
    print(json.dumps({"name": name, "ready": time.perf_counter() - begin}))
