"""Gaussian processes: the gradient of a log-density beside PyMC's, in one run.

    python benchmarks/breadth.py --peers path/to/python

Processor seconds, the least of some calls, with one thread: what else the machine does is not counted. `--peers` is an interpreter
with PyMC; without it, only ours are measured. The larger Matérn processes have no peer: PyMC would need a matrix of 80 GB for 100,000
points.
"""

from __future__ import annotations

import os

for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import argparse  # noqa: E402
import json  # noqa: E402
import subprocess  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
from pathlib import Path  # noqa: E402

import numpy as np  # noqa: E402
from peer_breadth import PROBLEMS, marginal, point_of, seconds  # noqa: E402

import workbench as pm  # noqa: E402

LARGE = {f"marginal, Matern32, n = {n:,}": n for n in (10_000, 100_000)}


def peers(python: str) -> dict[str, dict[str, float]]:
    done = subprocess.run([python, str(Path(__file__).with_name("peer_breadth.py"))], capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"PyMC failed: {done.stderr.strip().splitlines()[-1]}", file=sys.stderr)
        return {}
    found: dict[str, dict[str, float]] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--peers", help="an interpreter with PyMC")
    arguments = parser.parse_args()
    theirs = peers(arguments.peers) if arguments.peers else {}
    builds = {**PROBLEMS, **{name: lambda pm, n=n: marginal(pm, "Matern32", n) for name, n in LARGE.items()}}
    for name, build in builds.items():
        model = build(pm)
        begun = time.process_time()
        f = model.logp_dlogp_function("c")
        q = point_of(model.flat_size)
        value, gradient = f(q)
        compiled, call = time.process_time() - begun, seconds(f, q)
        line = f"{name:34} {call * 1e3:9.2f} ms   compile {compiled:5.2f} s"
        if name in theirs:
            r = theirs[name]
            apart = max(abs(r["value"] - value) / abs(value), abs(r["norm"] - np.linalg.norm(gradient)) / r["norm"])
            line += f"   PyMC {r['call'] * 1e3:9.2f} ms, compile {r['compile']:5.2f} s: {r['call'] / call:.1f} times ours; differs by {apart:.0e}"
        print(line, flush=True)


if __name__ == "__main__":
    main()
