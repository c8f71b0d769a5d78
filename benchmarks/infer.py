"""`pm.infer` beside plain `pm.sample` over many models: plans, seconds, effective draws a second, and how far their means are apart.

    python benchmarks/infer.py [--only radon,funnel] [--out table.json] [--peers path/to/python]

Each method is a process of its own that goes through all models, with a cache of compiled code that is empty but for the samplers.
Plans, pilots, compilers and InferenceData count. Seconds are of processors (compilers included), so that ratios hold on a machine that
others use too; wall time is beside them. The least bulk effective sample size is of the model's free continuous variables, of all where
there are none. `apart` is the largest difference of means in their joint Monte Carlo standard errors. With `--peers`, PyMC draws each model too: by nutpie,
which is the fastest of its samplers, or by its own step methods where variables are discrete.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import models
import numpy as np

HERE = Path(__file__).resolve().parent


def radon_centred(pm: Any, scan: Any) -> None:
    d = models.data("radon_mn")
    county = d["county_idx"] - 1
    a = pm.Normal("a", pm.Normal("mu_a", 0.0, 10.0), pm.HalfNormal("sigma_a", 1.0), shape=int(d["J"]))
    b = pm.Normal("b", pm.Normal("mu_b", 0.0, 2.0), pm.HalfNormal("sigma_b", 1.0), shape=int(d["J"]))
    pm.Normal("y", a[county] + b[county] * d["floor_measure"], pm.HalfNormal("eps", 1.5), observed=d["log_radon"])


def three_levels(pm: Any, scan: Any) -> None:
    """Pupils in classes in schools; few of each."""
    rng = np.random.default_rng(5)
    school = np.repeat(np.arange(8), 3)
    pupil = np.repeat(np.arange(24), 4)
    y = rng.normal(0, 0.3, 8)[school][pupil] + rng.normal(0, 0.2, 24)[pupil] + rng.normal(0, 1, 96)
    s = pm.Normal("school", pm.Normal("mu", 0.0, 2.0), pm.HalfNormal("sigma_school", 1.0), shape=8)
    c = pm.Normal("class", s[school], pm.HalfNormal("sigma_class", 1.0), shape=24)
    pm.Normal("y", c[pupil], pm.HalfNormal("eps", 2.0), observed=y)


def many_rows_noncentred(pm: Any, scan: Any) -> None:
    rng = np.random.default_rng(6)
    group = np.repeat(np.arange(20), 100)
    y = rng.normal(rng.normal(0, 2, 20)[group], 1.0)
    mu, s = pm.Normal("mu", 0.0, 5.0), pm.HalfNormal("s", 5.0)
    a = pm.Deterministic("a", mu + s * pm.Normal("z", 0.0, 1.0, shape=20))
    pm.Normal("y", a[group], pm.HalfNormal("eps", 2.0), observed=y)


def uneven_groups(pm: Any, scan: Any) -> None:
    """Of some groups there is one row, of others there are hundreds."""
    rng = np.random.default_rng(7)
    sizes = [1, 1, 1, 2, 2, 3, 5, 8, 100, 200, 300, 400]
    group = np.repeat(np.arange(12), sizes)
    y = rng.normal(rng.normal(0, 0.5, 12)[group], 1.0)
    a = pm.Normal("a", pm.Normal("mu", 0.0, 5.0), pm.HalfNormal("s", 2.0), shape=12)
    pm.Normal("y", a[group], 1.0, observed=y)


def mixture_by_index(pm: Any, scan: Any) -> None:
    rng = np.random.default_rng(8)
    y = np.concatenate([rng.normal(-2, 0.7, 60), rng.normal(1.5, 1.0, 90)])
    w = pm.Dirichlet("w", np.ones(2))
    mu = pm.Normal("mu", [-1.0, 1.0], 1.0, shape=2)
    s = pm.HalfNormal("s", 2.0, shape=2)
    k = pm.Categorical("k", w, shape=150)
    pm.Normal("y", mu[k], s[k], observed=y)


def occupancy(pm: Any, scan: Any) -> None:
    """Sites that are occupied or not, visited five times."""
    rng = np.random.default_rng(9)
    z = rng.uniform(size=60) < 0.6
    y = rng.binomial(5, 0.3 * z)
    psi, p = pm.Beta("psi", 1.0, 1.0), pm.Beta("p", 1.0, 1.0)
    z = pm.Bernoulli("z", psi, shape=60)
    pm.Binomial("y", 5, p * z, observed=y)


def poisson_regression(pm: Any, scan: Any) -> None:
    rng = np.random.default_rng(10)
    x = rng.normal(size=(200, 3))
    b = pm.Normal("b", 0.0, 1.0, shape=3)
    a = pm.Normal("a", 0.0, 1.0)
    pm.Poisson("y", pm.math.exp(a + pm.math.dot(x, b)), observed=rng.poisson(np.exp(0.5 + x @ [0.3, -0.2, 0.1])))


def poisson_by_group(pm: Any, scan: Any) -> None:
    rng = np.random.default_rng(11)
    group = np.repeat(np.arange(30), 3)
    a = pm.Normal("a", pm.Normal("mu", 0.0, 1.0), pm.HalfNormal("s", 1.0), shape=30)
    pm.Poisson("y", pm.math.exp(a[group]), observed=rng.poisson(np.exp(rng.normal(0.5, 0.2, 30)))[group])


def rats(pm: Any, scan: Any) -> None:
    """Rates by group with a common prior, as of rats with tumours."""
    rng = np.random.default_rng(12)
    n = rng.integers(10, 40, 30)
    mean, size = pm.Beta("mean", 1.0, 1.0), pm.Gamma("size", 2.0, 0.05)
    theta = pm.Beta("theta", mean * size, (1.0 - mean) * size, shape=30)
    pm.Binomial("y", n, theta, observed=rng.binomial(n, rng.beta(3, 15, 30)))


def gamma_poisson(pm: Any, scan: Any) -> None:
    rng = np.random.default_rng(13)
    rate = pm.Gamma("rate", pm.Exponential("shape_of_rates", 1.0) + 0.5, pm.Exponential("beta", 1.0), shape=20)
    pm.Poisson("y", rate, observed=rng.poisson(rng.gamma(2.0, 2.0, 20)))


def stochastic_volatility(pm: Any, scan: Any) -> None:
    rng = np.random.default_rng(14)
    h = np.cumsum(rng.normal(0, 0.15, 150)) - 0.5
    s = pm.Exponential("s", 10.0)
    x = pm.GaussianRandomWalk("h", sigma=s, init_dist=pm.Normal.dist(0.0, 1.0), steps=149)
    pm.Normal("y", 0.0, pm.math.exp(0.5 * x), observed=rng.normal(size=150) * np.exp(h / 2))


def correlated_slopes(pm: Any, scan: Any) -> None:
    rng = np.random.default_rng(15)
    person = np.repeat(np.arange(18), 10)
    days = np.tile(np.arange(10.0), 18)
    y = 250 + 25 * rng.normal(size=18)[person] + (10 + 6 * rng.normal(size=18))[person] * days + 25 * rng.normal(size=180)
    chol, _, _ = pm.LKJCholeskyCov("chol", n=2, eta=2.0, sd_dist=pm.HalfNormal.dist(30.0))
    u = pm.MvNormal("u", mu=np.array([250.0, 10.0]), chol=chol, shape=(18, 2))
    pm.Normal("y", u[person, 0] + u[person, 1] * days, pm.HalfNormal("eps", 50.0), observed=y)


def conjugate_normal(pm: Any, scan: Any) -> None:
    pm.Normal("y", pm.Normal("mu", 0.0, 5.0), 1.0, observed=np.linspace(-1.0, 2.0, 50))


def coin(pm: Any, scan: Any) -> None:
    pm.Binomial("y", 20, pm.Beta("p", 1.0, 1.0), observed=13)


OWN = (
    radon_centred, three_levels, many_rows_noncentred, uneven_groups, mixture_by_index, occupancy, poisson_regression, poisson_by_group, rats, gamma_poisson,
    stochastic_volatility, correlated_slopes, conjugate_normal, coin,
)  # fmt: skip
LARGE = ("logistic",)
ALL: dict[str, Callable[..., None]] = {**models.MODELS, **models.DISCRETE, **{f.__name__: f for f in OWN}}


def work(method: str, names: list[str]) -> None:
    pm, scan = models.library("pymc" if method == "peer" else "workbench")
    from workbench.inference.diagnostics import ess_bulk, mcse_mean

    warnings.simplefilter("ignore")
    with pm.Model() as first:
        pm.Normal("x", 0.0, pm.HalfNormal("s"), shape=3)
    pm.sample(50, tune=50, model=first, progressbar=False, **({} if method == "peer" else {"quiet": True}))
    for name in names:
        with pm.Model() as model:
            ALL[name](pm, scan)
        begin, before = time.perf_counter(), os.times()
        plan = None
        try:
            if method == "infer":
                plan = pm.infer(model, random_seed=1, run=False, show=False)
                idata = plan.run()
            elif method == "peer":
                continuous = all(rv.dtype.startswith("float") for rv in model.free_RVs)
                idata = pm.sample(model=model, random_seed=1, progressbar=False, chains=4, compute_convergence_checks=False, **({"nuts_sampler": "nutpie"} if continuous else {}))
            else:
                idata = pm.sample(model=model, random_seed=1, progressbar=False)
        except Exception as error:
            print(json.dumps({"name": name, "error": f"{type(error).__name__}: {error}"}), flush=True)
            continue
        wall, after = time.perf_counter() - begin, os.times()
        processor = sum(after[:4]) - sum(before[:4])
        posterior = {k: v.to_numpy() for k, v in idata.posterior.data_vars.items()}
        free = [str(rv.name) for rv in model.free_RVs if np.dtype(rv.dtype).kind == "f" and str(rv.name) in posterior]
        # Draws by weights are worth fewer than there are.
        count = idata.posterior.sizes["chain"] * idata.posterior.sizes["draw"]
        share = idata.posterior.attrs.get("importance_ess", count) / count
        found = {"name": name, "wall": wall, "processor": processor, "ess": {}, "mean": {}, "mcse": {}, "draws": idata.posterior.sizes["draw"]}
        for k in free or list(posterior):
            x = posterior[k].astype(float)
            moves = x.std(axis=(0, 1)) > 0
            if np.any(moves):
                found["ess"][k] = share * float(np.min(ess_bulk(x)[moves]) if np.ndim(moves) else ess_bulk(x))
            found["mean"][k], found["mcse"][k] = np.ravel(x.mean((0, 1))).tolist(), np.ravel(mcse_mean(x) / np.sqrt(share)).tolist()
        found["divergences"] = int(idata.sample_stats["diverging"].sum()) if hasattr(idata, "sample_stats") and "diverging" in idata.sample_stats else 0
        found["free"] = free
        if plan is not None:
            found["plan"], found["steps"], found["advice"] = repr(plan), [s.name for s in plan.chosen], plan.advice
        print(json.dumps(found), flush=True)


def ran(method: str, names: list[str], python: str = sys.executable) -> subprocess.Popen[str]:
    folder = tempfile.mkdtemp()
    environment = {**os.environ, "WORKBENCH_CACHE_DIR": folder, "PYTENSOR_FLAGS": f"base_compiledir={folder}", "PYTHONPATH": f"{HERE.parent}{os.pathsep}{HERE}"}
    return subprocess.Popen([python, __file__, "--worker", method, ",".join(names)], env=environment, stdout=subprocess.PIPE, text=True)


def compared(name: str, plain: dict[str, Any], button: dict[str, Any]) -> dict[str, Any]:
    if "error" in plain or "error" in button:
        return {"name": name, "error": plain.get("error") or button.get("error")}
    both = [k for k in plain["ess"] if k in button["mean"]]
    # Draws from closed forms are independent.
    least = [min(run["ess"].get(k, 4.0 * run["draws"]) for k in both) for run in (plain, button)]
    speed = [n / run["processor"] for n, run in zip(least, (plain, button))]
    apart = 0.0
    for k in both:
        m, e = (np.array([run[what][k] for run in (plain, button)]) for what in ("mean", "mcse"))
        with np.errstate(all="ignore"):
            z = np.abs(m[0] - m[1]) / np.hypot(*e)
        apart = max(apart, float(np.nanmax(np.where(np.isfinite(z), z, 0.0))))
    return {
        "name": name, "plain": {k: plain[k] for k in ("wall", "processor", "divergences")}, "infer": {k: button[k] for k in ("wall", "processor", "divergences", "steps", "plan", "advice")},
        "ess": least, "speed": speed, "ratio": speed[1] / speed[0], "apart": apart,
    }  # fmt: skip


def beside(row: dict[str, Any], peer: dict[str, Any]) -> None:
    """Put into a row how many times faster `infer` is than a peer."""
    if "error" in row or "error" in peer:
        row["peer error"] = peer.get("error", "")
        return
    speed = min(peer["ess"].values()) / peer["processor"]
    row |= {"peer": {k: peer[k] for k in ("wall", "processor", "divergences")}, "peer ratio": row["speed"][1] / speed}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", help="names of models, with commas between")
    parser.add_argument("--out", help="a file for all that was found, as JSON")
    parser.add_argument("--peers", help="an interpreter with benchmarks/peers-requirements.txt")
    parser.add_argument("--worker", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        work(arguments.worker[0], arguments.worker[1].split(","))
        return
    names = arguments.only.split(",") if arguments.only else [n for n in ALL if n not in LARGE]
    workers = [ran(method, names) for method in ("plain", "infer")]
    if arguments.peers:
        workers.append(ran("peer", names, arguments.peers))
    print(f"{'model':24} {'plain: s':>8} {'ESS/s':>8} {'div':>4}   {'infer: s':>8} {'ESS/s':>8} {'div':>4} {'ratio':>6} {'apart':>6} {'peer':>6}  steps")
    rows = []
    for name in names:
        lines = [worker.stdout.readline() if worker.stdout else "" for worker in workers]
        if not all(lines):
            print(f"{name:24} no result")
            continue
        found = [json.loads(line) for line in lines]
        row = compared(name, *found[:2])
        if arguments.peers:
            beside(row, found[2])
        rows.append(row)
        if "error" in row:
            print(f"{name:24} {row['error'][:150]}", flush=True)
            continue
        p, i = row["plain"], row["infer"]
        print(
            f"{name:24} {p['processor']:8.2f} {row['speed'][0]:8.1f} {p['divergences']:4d}   {i['processor']:8.2f} {row['speed'][1]:8.1f} {i['divergences']:4d} "
            f"{row['ratio']:6.2f} {row['apart']:6.1f} {row.get('peer ratio', float('nan')):6.1f}  {', '.join(i['steps']) or '-'}",
            flush=True,
        )
        if arguments.out:
            Path(arguments.out).write_text(json.dumps(rows, indent=1))
    for what in ("ratio", "peer ratio"):
        ratios = sorted(row[what] for row in rows if what in row)
        if ratios:
            print(f"{what}: least {ratios[0]:.2f}, median {ratios[len(ratios) // 2]:.2f}, of {len(ratios)} models")


if __name__ == "__main__":
    main()
