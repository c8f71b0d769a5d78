"""Models with discrete variables from the start of a process to InferenceData, with empty caches and with full ones, beside PyMC.

    python benchmarks/discrete.py [--peers path/to/python] [--before path/to/another/checkout] [--rounds 3] [--only ising_patch] [--chains 4]

Models are in `models.py`. Libraries and checkouts take turns, so that on a machine that others use too ratios hold; of seconds the
median over rounds is shown, of a whole process, and in brackets those of all its processors' time, compilers included.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

HERE = Path(__file__).resolve().parent
DRAWS, TUNE = 1000, 1000


def work(library: str, name: str, chains: int) -> None:
    sys.path.insert(0, str(HERE))
    import models

    warnings.simplefilter("ignore")
    pm, scan = models.library(library)
    more = {**models.DISCRETE, **models.MODELS}
    with pm.Model():
        more[name](pm, scan)
        idata = pm.sample(DRAWS, tune=TUNE, chains=chains, cores=min(chains, os.cpu_count() or 1), random_seed=1, progressbar=False)
    print(json.dumps({str(k): float(v.mean()) for k, v in idata.posterior.data_vars.items()}))


def measured(python: str, library: str, path: str, name: str, chains: int, cache: str) -> tuple[float, float]:
    """Seconds of a process, and of processors."""
    environment = {**os.environ, "WORKBENCH_CACHE_DIR": cache, "PYTENSOR_FLAGS": f"base_compiledir={cache}", "PYTHONPATH": path}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    begin, before = time.perf_counter(), os.times()
    subprocess.run([python, __file__, "--worker", library, name, "--chains", str(chains)], env=environment, check=True, capture_output=True)
    after = os.times()
    return time.perf_counter() - begin, after.children_user + after.children_system - before.children_user - before.children_system


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--peers", help="an interpreter with benchmarks/peers-requirements.txt")
    parser.add_argument("--before", type=Path, help="another checkout to compare with")
    parser.add_argument("--only", help="names of models, with commas between")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--chains", type=int, default=4)
    parser.add_argument("--worker", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        work(*arguments.worker, arguments.chains)
        return
    sys.path.insert(0, str(HERE))
    from models import DISCRETE

    who = {"workbench": (sys.executable, "workbench", str(HERE.parent))}
    if arguments.before:
        who["before"] = (sys.executable, "workbench", str(arguments.before.resolve()))
    if arguments.peers:
        who["pymc"] = (arguments.peers, "pymc", "")
    for name in arguments.only.split(",") if arguments.only else DISCRETE:
        found: dict[tuple[str, str], list[tuple[float, float]]] = {}
        for _ in range(arguments.rounds):
            for which, (python, library, path) in who.items():
                with tempfile.TemporaryDirectory() as cache:
                    for state in ("cold", "warm"):
                        found.setdefault((state, which), []).append(measured(python, library, path, name, arguments.chains, cache))
        for state in ("cold", "warm"):
            line = f"{name:18}{state:6}"
            for which in who:
                wall, cpu = (statistics.median(column) for column in zip(*found[state, which]))
                ours = statistics.median(w for w, _ in found[state, "workbench"])
                line += f"{which:>12} {wall:6.2f} ({cpu:6.2f})" + (f" {wall / ours:5.1f} x" if which != "workbench" else "")
            print(line, flush=True)


if __name__ == "__main__":
    main()
