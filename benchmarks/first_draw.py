"""From a model to its first draw: what a new size costs where the sampler is compiled, and what a cold cache costs.

    python benchmarks/first_draw.py [--before path/to/another/checkout] [--rounds 3] [--numba]

With `--before`, both checkouts run in turns, and ratios are of their medians: those are what to compare
on a machine that others use too.
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

HERE = Path(__file__).resolve().parent
SIZES = (9, 12, 5, 7, 13, 30)

SMALL = """
import json, sys, time
import numpy as np
import workbench as pm
from workbench.compile.c.toolchain import Compiler

libraries = []  # Lines of what is compiled: the sampler's are many.
build = Compiler.build
def counted(self, code, *more):
    path, hit = build(self, code, *more)
    if not hit:
        libraries.append(len(code.splitlines()))
    return path, hit
Compiler.build = counted

def model(d):
    rng = np.random.default_rng(d)
    with pm.Model() as m:
        slopes, noise = pm.Normal("slopes", 0.0, 1.0, shape=d - 1), pm.HalfNormal("noise", 1.0)
        pm.Normal("y", rng.normal(size=(50, d - 1)) @ slopes, noise, observed=rng.normal(size=50))
    return m

seconds, sampler = [], []
for d in {sizes}:
    libraries.clear()
    begin = time.perf_counter()
    run = pm.sample(1, tune=0, chains=1, model=model(d), random_seed=1, backend={backend!r}, progressbar=False, blocking=False,
                    return_inferencedata=False)
    run.wait()
    seconds.append(time.perf_counter() - begin)
    sampler.append(sum(lines > 600 for lines in libraries))
print(json.dumps(dict(first=seconds[0], new=sorted(seconds[1:])[len(seconds[1:]) // 2] if seconds[1:] else 0.0, compilations=sum(sampler[1:]))))
"""

RADON = """
import time; begin = time.perf_counter()
import sys, json; sys.path.insert(0, {here!r})
import workbench as pm
from radon import build
from workbench.datasets import radon
run = pm.sample(1000, tune=1000, chains=4, target_accept=0.9, model=build(radon()), random_seed=1, backend="c", progressbar=False,
                blocking=False, return_inferencedata=False)
run.wait()
print(json.dumps(dict(ready=time.perf_counter() - begin)))
"""


def process(code: str, checkout: Path, cache: str) -> dict[str, float]:
    environment = {**os.environ, "PYTHONPATH": str(checkout), "WORKBENCH_CACHE_DIR": cache}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    done = subprocess.run([sys.executable, "-c", code], cwd=checkout, env=environment, capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def measure(checkout: Path, numba: bool) -> dict[str, float]:
    """Run every job once in a cache of its own."""
    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as cache:
        small = process(SMALL.format(sizes=SIZES, backend="c"), checkout, cache)
        found["C, new size, seconds"] = small["new"]
        found["C, compilations of the sampler after the first"] = small["compilations"]
    with tempfile.TemporaryDirectory() as cache:
        code = RADON.format(here=str(checkout / "benchmarks"))
        found["radon, cold, seconds to 4 x (1000 + 1000) draws"] = process(code, checkout, cache)["ready"]
        found["radon, from the cache"] = process(code, checkout, cache)["ready"]
    if numba:
        with tempfile.TemporaryDirectory() as cache:
            code = SMALL.format(sizes=SIZES[:2], backend="numba")
            cold, warm = process(code, checkout, cache), process(code, checkout, cache)
        found["Numba, cold, seconds to the first draw"] = cold["first"]
        found["Numba, new size"] = cold["new"]
        found["Numba, from the cache"] = warm["first"]
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--before", type=Path, help="another checkout to compare with")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--numba", action="store_true", help="Numba too")
    arguments = parser.parse_args()
    checkouts = {"now": HERE.parent} | ({"before": arguments.before.resolve()} if arguments.before else {})
    rows: dict[str, list[dict[str, float]]] = {name: [] for name in checkouts}
    for _ in range(arguments.rounds):
        for name, checkout in checkouts.items():
            rows[name].append(measure(checkout, arguments.numba))
    for what in rows["now"][0]:
        medians = {name: statistics.median(r[what] for r in made) for name, made in rows.items()}
        ratio = f"   {medians['now'] / medians['before']:.2f} times" if medians.get("before") else ""
        print(f"{what:50}" + "".join(f"  {name} {value:7.3f}" for name, value in medians.items()) + ratio)


if __name__ == "__main__":
    main()
