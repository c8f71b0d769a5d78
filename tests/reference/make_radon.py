"""Make the reference numbers in this folder: run with PyMC and nutpie in an environment of their own.

    pip install -r benchmarks/peers-requirements.txt
    python tests/reference/make_radon.py path/to/data

Parameters are NumPy float64: PyTensor keeps a Python number in single precision where that loses
nothing, and then takes its logarithm in single precision.
Writes radon.json: posterior means and sds with their Monte Carlo errors from a long nutpie run, and
PyMC's log-density and gradient at five points of radon and of non-centred eight schools.
"""

import json
import sys
from pathlib import Path

import arviz as az
import numpy as np
import nutpie
import pymc as pm

HERE = Path(__file__).parent
F = np.float64
DRAWS, TUNE, CHAINS, SEED = 5000, 2000, 8, 20261121


def radon_model(folder: Path) -> pm.Model:
    d = json.loads((folder / "radon_mn.json").read_text())
    county, floor = np.array(d["county_idx"]) - 1, np.array(d["floor_measure"], float)
    with pm.Model(coords={"county": np.arange(d["J"])}) as model:
        mu_a = pm.Normal("mu_a", F(0.0), F(10.0))
        sigma_a = pm.HalfNormal("sigma_a", F(1.0))
        a = pm.Deterministic("a", pm.Normal("a_raw", F(0.0), F(1.0), dims="county") * sigma_a + mu_a, dims="county")
        mu_b = pm.Normal("mu_b", F(0.0), F(2.0))
        sigma_b = pm.HalfNormal("sigma_b", F(1.0))
        b = pm.Deterministic("b", pm.Normal("b_raw", F(0.0), F(1.0), dims="county") * sigma_b + mu_b, dims="county")
        eps = pm.HalfNormal("eps", F(1.5))
        pm.Normal("y", a[county] + b[county] * floor, eps, observed=np.array(d["log_radon"]))
    return model


def schools_model(folder: Path) -> pm.Model:
    d = json.loads((folder / "eight_schools.json").read_text())
    with pm.Model() as model:
        mu = pm.Normal("mu", F(0.0), F(5.0))
        tau = pm.HalfNormal("tau", F(5.0))
        z = pm.Normal("z", F(0.0), F(1.0), shape=d["J"])
        pm.Normal("y", mu + tau * z, np.array(d["sigma"], float), observed=np.array(d["y"], float))
    return model


def points(model: pm.Model) -> list[dict]:
    rng = np.random.default_rng(SEED)
    logp, dlogp = model.compile_logp(), model.compile_dlogp()
    found = []
    for _ in range(5):
        point = {v.name: rng.normal(size=np.shape(model.initial_point()[v.name])) * 0.5 for v in model.value_vars}
        flat = np.concatenate([np.ravel(point[v.name]) for v in model.value_vars])
        found.append({"q": flat.tolist(), "logp": float(logp(point)), "gradient": dlogp(point).tolist()})
    return found


def sd_error(post, name: str) -> np.ndarray:
    """Monte Carlo error of a posterior sd, from its effective sample size (Stan's approximation)."""
    n = az.ess(post, var_names=[name], method="sd")[name].values
    sd = post[name].std(("chain", "draw")).values
    return sd * np.sqrt(np.exp(1.0) * (1.0 - 1.0 / n) ** (n - 1.0) - 1.0)


def main(folder: Path) -> None:
    radon, schools = radon_model(folder), schools_model(folder)
    result = {
        "points": {
            "source": f"PyMC {pm.__version__}",
            "radon": {"values": [v.name for v in radon.value_vars], "points": points(radon)},
            "eight_schools": {"values": [v.name for v in schools.value_vars], "points": points(schools)},
        }
    }
    compiled = nutpie.compile_pymc_model(radon)
    idata = nutpie.sample(
        compiled, draws=DRAWS, tune=TUNE, chains=CHAINS, cores=2, target_accept=0.95, seed=SEED, progress_bar=False
    )
    names = ["mu_a", "sigma_a", "mu_b", "sigma_b", "eps", "a", "b"]
    post = idata.posterior
    rhat = max(float(az.rhat(post, var_names=[n])[n].max()) for n in names)
    result["posterior"] = {
        "source": f"nutpie {nutpie.__version__}, PyMC {pm.__version__}: {CHAINS} chains of {DRAWS} draws after {TUNE} "
        f"of warm-up, target_accept 0.95, seed {SEED}; largest R-hat {rhat:.4f}",
        "variables": {
            n: {
                "mean": post[n].mean(("chain", "draw")).values.tolist(),
                "sd": post[n].std(("chain", "draw")).values.tolist(),
                "mcse_mean": az.mcse(post, var_names=[n], method="mean")[n].values.tolist(),
                "mcse_sd": sd_error(post, n).tolist(),
            }
            for n in names
        },
    }
    (HERE / "radon.json").write_text(json.dumps(result, indent=1))
    print(result["posterior"]["source"])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
