"""What it saves to end warm-up when the chains agree (`stop_tuning_early`), and what it costs.

    python benchmarks/early_stop.py [--only radon,garch] [--seeds 5]

For each model of `models.py`, medians over seeds of four chains, with warm-up of 1,000 draws and with one that may end before: draws of warm-up,
its gradients, least effective draws of the 1,000 after it, these per 1,000 of their own gradients, and per 1,000 of all.
"""

from __future__ import annotations

import argparse
from typing import Any

import models
import numpy as np

import workbench as pm
from workbench.inference.diagnostics import ess_bulk

FIVE = "radon,eight_schools,kidiq,irt,garch"


def measured(name: str, early: bool, seed: int) -> list[float]:
    with pm.Model() as model:
        models.MODELS[name](*models.library("workbench"))
    run: Any = pm.sample(model=model, stop_tuning_early=early, random_seed=seed, quiet=True, return_inferencedata=False)
    least = min(float(np.min(ess_bulk(v))) for v in run.draws.values())
    own, warm = float(run.stats["n_steps"].sum()), float(run.warmup_stats["n_steps"].sum())
    return [run.tune, warm, least, 1000 * least / own, 1000 * least / (own + warm)]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default=FIVE)
    parser.add_argument("--seeds", type=int, default=5)
    arguments = parser.parse_args()
    columns = ("tune", "warm-up", "least ESS", "per 1000", "of all")
    print(f"{'model':24}{'':8}" + "".join(f"{c:>12}" for c in columns))
    for name in arguments.only.split(","):
        whole, early = (np.median([measured(name, way, seed) for seed in range(arguments.seeds)], axis=0) for way in (False, True))
        for title, numbers in (("whole", whole), ("early", early), ("ratio", early / whole)):
            print(f"{name:24}{title:8}" + "".join(f"{x:12.2f}" if title == "ratio" else f"{x:12.1f}" for x in numbers), flush=True)


if __name__ == "__main__":
    main()
