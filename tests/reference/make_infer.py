"""Long runs beside `pm.infer`: the numbers of tests/truth/test_long_runs.py.

    python tests/reference/make_infer.py [--only radon_centred,rats]

Each model of benchmarks/infer.py is drawn by plain `pm.sample`, 4 chains of 20,000 draws after 2,000 of warm-up, in a form that `infer`
has no part in: what is hierarchical is written out here by its noise, discrete variables are drawn by Gibbs steps, nothing is summed or
integrated out. (But the groups of uneven sizes, which are sampled as they are written: by its noise, the scale was low by 3.6 of these errors, for
it mixes in more draws than a batch has.) Kept are means and variances of every element, with Monte Carlo errors of batch means: 25 batches
of each chain.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

import workbench as pm

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "benchmarks"))

import infer  # noqa: E402
import models  # noqa: E402

FILE = HERE / "infer.json"
DRAWS, TUNE, CHAINS, BATCHES = 20_000, 2_000, 4, 25


def effects(name: str, location: Any, scale: Any, size: int) -> Any:
    """Effects with a common prior, sampled as their noise."""
    return pm.Deterministic(name, location + scale * pm.Normal(f"{name}_noise", 0.0, 1.0, shape=size))


def radon_centred() -> None:
    d = models.data("radon_mn")
    county = d["county_idx"] - 1
    a = effects("a", pm.Normal("mu_a", 0.0, 10.0), pm.HalfNormal("sigma_a", 1.0), int(d["J"]))
    b = effects("b", pm.Normal("mu_b", 0.0, 2.0), pm.HalfNormal("sigma_b", 1.0), int(d["J"]))
    pm.Normal("y", a[county] + b[county] * d["floor_measure"], pm.HalfNormal("eps", 1.5), observed=d["log_radon"])


def three_levels() -> None:
    rng = np.random.default_rng(5)
    school, pupil = np.repeat(np.arange(8), 3), np.repeat(np.arange(24), 4)
    y = rng.normal(0, 0.3, 8)[school][pupil] + rng.normal(0, 0.2, 24)[pupil] + rng.normal(0, 1, 96)
    s = effects("school", pm.Normal("mu", 0.0, 2.0), pm.HalfNormal("sigma_school", 1.0), 8)
    c = effects("class", s[school], pm.HalfNormal("sigma_class", 1.0), 24)
    pm.Normal("y", c[pupil], pm.HalfNormal("eps", 2.0), observed=y)


def poisson_by_group() -> None:
    rng = np.random.default_rng(11)
    group = np.repeat(np.arange(30), 3)
    a = effects("a", pm.Normal("mu", 0.0, 1.0), pm.HalfNormal("s", 1.0), 30)
    pm.Poisson("y", pm.math.exp(a[group]), observed=rng.poisson(np.exp(rng.normal(0.5, 0.2, 30)))[group])


def eight_schools_centred() -> None:
    d = models.data("eight_schools")
    pm.Normal("y", effects("theta", pm.Normal("mu", 0, 5), pm.HalfCauchy("tau", 5), int(d["J"])), d["sigma"], observed=d["y"])


BY_NOISE = {f.__name__: f for f in (radon_centred, three_levels, poisson_by_group, eight_schools_centred)}
AS_WRITTEN = ("uneven_groups", "irt", "gaussian_process", "mixture_by_index", "occupancy", "rats", "gamma_poisson", "correlated_slopes", "switch_point", "spike_and_slab")
NAMES = (*BY_NOISE, *AS_WRITTEN)


def moments(x: np.ndarray) -> dict[str, list[float]]:
    """Means and variances, with errors of batch means, of draws (chain, draw, *shape)."""
    flat = x.reshape(*x.shape[:2], -1).astype(float)
    mean = flat.mean((0, 1))
    squares = (flat - mean) ** 2
    found = {"mean": mean, "mean_error": by_batches(flat), "variance": squares.mean((0, 1)), "variance_error": by_batches(squares)}
    return {k: [float(f"{v:.7g}") for v in a] for k, a in found.items()}


def by_batches(x: np.ndarray) -> np.ndarray:
    means = x.reshape(x.shape[0] * BATCHES, -1, x.shape[2]).mean(1)
    return means.std(0, ddof=1) / np.sqrt(len(means))


def long_run(name: str) -> dict[str, Any]:
    with pm.Model() as written:
        infer.ALL[name](pm, models.library("workbench")[1])
    model = written
    if name in BY_NOISE:
        with pm.Model() as model:
            BY_NOISE[name]()
    draws = pm.sample(DRAWS, tune=TUNE, chains=CHAINS, target_accept=0.9, model=model, random_seed=20, progressbar=False, quiet=True).posterior
    return {str(rv.name): moments(draws[str(rv.name)].to_numpy()) for rv in written.free_RVs}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default=",".join(NAMES), help="names of models, with commas between")
    found = json.loads(FILE.read_text()) if FILE.exists() else {}
    for name in parser.parse_args().only.split(","):
        found[name] = long_run(name)
        rows = [f"{json.dumps(n)}: {{\n" + ",\n".join(f" {json.dumps(v)}: {json.dumps(m)}" for v, m in sorted(found[n].items())) + "}" for n in sorted(found)]
        FILE.write_text("{" + ",\n".join(rows) + "}\n")
        print(name, flush=True)


if __name__ == "__main__":
    main()
