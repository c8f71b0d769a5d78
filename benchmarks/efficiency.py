"""Effective draws per gradient: our NUTS and, with `--peers`, nutpie's, on the same models in one run.

    python benchmarks/efficiency.py [--peers path/to/python]

The models are written once, in the API that both share. What is compared is the least effective sample
size over all elements, of the draws and of their squared distance from the mean (slower where a sampler
turns back too early), divided by the leapfrogs after warm-up; and those of warm-up.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
DRAWS, TUNE, CHAINS = 1000, 1000, 12


def data(name: str) -> dict[str, Any]:
    sys.path.insert(0, str(HERE.parent))
    import os

    folder = Path(os.environ.get("WORKBENCH_DATA") or HERE.parents[1] / "shared" / "data")
    return {k: np.array(v) if isinstance(v, list) else v for k, v in json.loads((folder / f"{name}.json").read_text()).items()}


def radon(pm: Any) -> None:
    d = data("radon_mn")
    county = d["county_idx"] - 1
    mu_a, sigma_a = pm.Normal("mu_a", 0.0, 10), pm.HalfNormal("sigma_a", 1.0)
    a = pm.Normal("a_raw", 0, 1, shape=int(d["J"])) * sigma_a + mu_a
    mu_b, sigma_b = pm.Normal("mu_b", 0.0, 2.0), pm.HalfNormal("sigma_b", 1.0)
    b = pm.Normal("b_raw", 0, 1, shape=int(d["J"])) * sigma_b + mu_b
    pm.Normal("y", a[county] + b[county] * d["floor_measure"], pm.HalfNormal("eps", 1.5), observed=d["log_radon"])


def eight_schools(pm: Any) -> None:
    d = data("eight_schools")
    mu, tau = pm.Normal("mu", 0, 5), pm.HalfCauchy("tau", 5)
    pm.Normal("y", mu + tau * pm.Normal("z", 0, 1, shape=int(d["J"])), d["sigma"], observed=d["y"])


def kidiq(pm: Any) -> None:
    d = data("kidiq")
    b = pm.Normal("b", 0, 100, shape=3)
    pm.Normal("y", b[0] + b[1] * d["mom_hs"] + b[2] * d["mom_iq"], pm.HalfCauchy("sigma", 2.5), observed=d["kid_score"])


def irt(pm: Any) -> None:
    d = data("irt_2pl")
    theta = pm.Normal("theta", 0, 1, shape=int(d["J"]))
    mu_b, sigma_b = pm.Normal("mu_b", 0, 5), pm.HalfCauchy("sigma_b", 2)
    b = pm.Normal("b", mu_b, sigma_b, shape=int(d["I"]))
    a = pm.LogNormal("a", 0.0, pm.HalfCauchy("sigma_a", 2), shape=int(d["I"]))
    pm.Bernoulli("y", logit_p=a[:, None] * (theta[None, :] - b[:, None]), observed=d["y"])


def wells(pm: Any) -> None:
    d = data("wells_data")
    x = np.column_stack([np.ones(len(d["dist"])), d["dist"] / 100.0, d["arsenic"], d["educ"] / 4.0])
    pm.Bernoulli("y", logit_p=pm.math.dot(x, pm.Normal("b", 0, 10, shape=4)), observed=d["switched"])


def independent(pm: Any) -> None:
    pm.Normal("x", 0, 1, shape=100)


def equicorrelated(pm: Any) -> None:
    pm.MvNormal("x", np.zeros(20), 0.1 * np.eye(20) + 0.9)


def long_and_short(pm: Any) -> None:
    pm.Normal("x", 0, np.logspace(-2, 2, 50), shape=50)


def regression(pm: Any) -> None:
    t = np.linspace(10, 20, 50)
    a, b = pm.Normal("a", 0, 10), pm.Normal("b", 0, 10)
    pm.Normal("y", a + b * t, 1.0, observed=1.0 + 0.5 * t)


def student(pm: Any) -> None:
    pm.StudentT("x", 4, mu=0, sigma=1, shape=10)


MODELS: list[Callable[[Any], None]] = [
    radon, eight_schools, kidiq, irt, wells, independent, equicorrelated, long_and_short, regression, student,
]  # fmt: skip


def ours(build: Callable[[Any], None], seed: int) -> tuple[dict[str, Any], Any, Any]:
    import workbench as pm

    with pm.Model():
        build(pm)
        run = pm.sample(
            DRAWS, tune=TUNE, chains=CHAINS, random_seed=seed, quiet=True, return_inferencedata=False, backend="c"
        )
    return run.draws, run.stats["n_steps"].sum(), run.warmup_stats["n_steps"].sum()


def nutpie(build: Callable[[Any], None], seed: int) -> tuple[dict[str, Any], Any, Any]:
    import nutpie as library
    import pymc as pm

    with pm.Model() as model:
        build(pm)
    names = [v.name for v in model.free_RVs]
    idata = library.sample(
        library.compile_pymc_model(model), draws=DRAWS, tune=TUNE, chains=CHAINS, seed=seed, cores=2, progress_bar=False,
        save_warmup=True, target_accept=0.8,
    )  # fmt: skip
    draws = {name: idata.posterior[name].values for name in names}
    return draws, idata.sample_stats["n_steps"].sum(), idata.warmup_sample_stats["n_steps"].sum()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--peers", help="an interpreter with benchmarks/peers-requirements.txt")
    parser.add_argument("--only", help="names of models, with commas between")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--worker", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        name, path = arguments.worker
        build = next(m for m in MODELS if m.__name__ == name)
        draws, steps, warm = nutpie(build, arguments.seed)
        np.savez(path, steps=steps, warm=warm, **{f"x_{k}": v for k, v in draws.items()})
        return
    from workbench.inference.diagnostics import ess_bulk

    def efficiency(draws: dict[str, Any], steps: float, warm: float) -> tuple[float, float, float]:
        flat = np.concatenate([np.asarray(v, float).reshape(CHAINS, DRAWS, -1) for v in draws.values()], axis=2)
        squares = (flat - flat.mean(axis=(0, 1))) ** 2
        return 1000 * ess_bulk(flat).min() / steps, 1000 * ess_bulk(squares).min() / steps, warm / CHAINS

    print(f"{'model':16}{'ESS':>10}{'of squares':>12}{'warm-up':>10}    (per 1,000 gradients; gradients a chain)")
    ratios = []
    for build in MODELS:
        if arguments.only and build.__name__ not in arguments.only.split(","):
            continue
        mine = efficiency(*ours(build, arguments.seed))
        line = f"{build.__name__:16}{mine[0]:10.1f}{mine[1]:12.1f}{mine[2]:10.0f}"
        if arguments.peers:
            with tempfile.TemporaryDirectory() as folder:
                path = f"{folder}/draws.npz"
                command = [arguments.peers, __file__, "--seed", str(arguments.seed), "--worker", build.__name__, path]
                subprocess.run(command, check=True, capture_output=True)
                found = np.load(path)
                theirs = efficiency({k: found[k] for k in found if k.startswith("x_")}, found["steps"], found["warm"])
            ratios.append([a / b for a, b in zip(mine, theirs)])
            line += f"    nutpie {theirs[0]:8.1f}{theirs[1]:10.1f}{theirs[2]:9.0f}    ours / nutpie " + " ".join(f"{r:5.2f}" for r in ratios[-1])
        print(line, flush=True)
    if ratios:
        print("geometric mean, ours / nutpie: " + " ".join(f"{r:.2f}" for r in np.exp(np.log(ratios).mean(axis=0))))


if __name__ == "__main__":
    main()
