"""4,000 posterior predictive draws, and log-likelihoods, of the radon model: ours, and PyMC's, in one run.

    python benchmarks/predictive.py [--peers path/to/python]

Each library runs peer_predictive.py in a process of its own with an empty cache: the first call compiles.
Of the later calls the median is shown.
Both are given the same posterior draws as InferenceData, and return InferenceData. With `--peers`, an
interpreter that has benchmarks/peers-requirements.txt, PyMC does the same.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from workbench.datasets import radon

HERE = Path(__file__).resolve().parent
CHAINS, DRAWS = 4, 1000
TARGET = 5.0
WORDS = {"predictive": "posterior predictive draws", "log_likelihood": "log-likelihoods"}


def posterior(counties: int) -> dict[str, Any]:
    """Draws such as the model's posterior has, the same in every run."""
    rng = np.random.default_rng(20261121)
    shape = (CHAINS, DRAWS)

    def normal(mean: float, sd: float, *more: int) -> Any:
        return mean + sd * rng.standard_normal((*shape, *more))

    return {
        "mu_a": normal(1.46, 0.05), "sigma_a": np.abs(normal(0.33, 0.05)), "a_raw": normal(0.0, 0.8, counties),
        "mu_b": normal(-0.68, 0.08), "sigma_b": np.abs(normal(0.3, 0.1)), "b_raw": normal(0.0, 0.9, counties),
        "eps": np.abs(normal(0.73, 0.02)),
    }  # fmt: skip


def run(python: str, library: str, data: Path, folder: Path) -> dict[str, Any]:
    caches = {
        "WORKBENCH_CACHE_DIR": str(folder / library), "PYTENSOR_FLAGS": f"base_compiledir={folder / library}",
        "NUMBA_CACHE_DIR": str(folder / library), "PYTHONPATH": str(HERE.parent) if library == "workbench" else "",
    }  # fmt: skip
    command = [python, str(HERE / "peer_predictive.py"), library, str(data)]
    done = subprocess.run(command, env={**os.environ, **caches}, capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def times(found: dict[str, Any]) -> tuple[float, float]:
    """Seconds of the first call, and the median of the later ones."""
    first, *later = found["seconds"]
    return first, statistics.median(later)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--peers", help="an interpreter with PyMC")
    arguments = parser.parse_args()
    data = radon()
    counties = len(data["names"])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "data.npz"
        np.savez(path, **{k: data[k] for k in ("log_radon", "floor", "county")}, counties=counties, **posterior(counties))
        ours = run(sys.executable, "workbench", path, folder)
        theirs = run(arguments.peers, "pymc", path, folder) if arguments.peers else None
    for what, found in ours.items():
        first, later = times(found)
        print(f"{WORDS[what]} {tuple(found['shape'])}: ours {first:.2f} s first, {later:.3f} s later; "
              f"mean {found['mean']:.3f}, standard deviation {found['sd']:.3f}")  # fmt: skip
        if theirs is None:
            continue
        peer = theirs[what]
        a, b = times(peer)
        print(f"  PyMC {a:.2f} s first, {b:.3f} s later: {a / first:.1f} and {b / later:.1f} times ours (target {TARGET:g}); "
              f"mean {peer['mean']:.3f}, standard deviation {peer['sd']:.3f}")  # fmt: skip


if __name__ == "__main__":
    main()
