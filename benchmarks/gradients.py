"""Log-density and gradient on every backend, against C by hand, PyTensor and jax.jit, in one run.

    python benchmarks/gradients.py --peers path/to/python
    python benchmarks/gradients.py --calls --peers path/to/python    # times of calls alone, of the radon model: the README's

Times are the least of many calls through Python, ours without checks of the input's type left out;
C by hand is called through ctypes the same way. `--peers` is an interpreter with
benchmarks/peers-requirements.txt; without it, PyTensor is left out.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from peer_gradients import timed
from problems import Problem, Workbench, logistic_data, problems
from radon import FLAGS, address, library

import workbench as pm
from workbench.datasets import radon

HERE = Path(__file__).resolve().parent
BACKENDS = ("c", "numba", "jax")

PROCESS = """
import importlib, json, sys, time
sys.path.insert(0, {here!r})
import workbench as pm
import workbench.rewrites, workbench.transforms
from problems import Workbench, problems
from workbench.compile import BACKENDS
from workbench.datasets import radon
importlib.import_module(BACKENDS[{backend!r}].partition(":")[0])
if {backend!r} != "c":
    importlib.import_module({backend!r})
p = problems(radon())[{number}]
m = Workbench()
q = pm.tensor.vector("q", p.size)
begin = time.perf_counter()
cost = p.density(m, q)
outputs = [cost, pm.grad(cost, q)]
built = time.perf_counter()
f = pm.function([q], outputs, backend={backend!r})
print(json.dumps([built - begin, time.perf_counter() - built]))
"""


MEMORY = """
import sys
sys.path.insert(0, {here!r})
import workbench as pm
import numpy.random, workbench.compile.c.backend, workbench.rewrites, workbench.transforms
from problems import Workbench, logistic
def status(key):
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith(key)) / 1024
before = status("VmRSS")
p, m = logistic(), Workbench()
open("/proc/self/clear_refs", "w").write("5")  # The peak counts from here: not what drawing the data took.
q = pm.tensor.vector("q", p.size)
cost = p.density(m, q)
f = pm.function([q], [cost, pm.grad(cost, q)], backend="c")
f(p.point)
print(status("VmHWM") - before - 20_000 * 51 * 8 / 2**20)
"""


def megabytes() -> float:
    """Peak memory of making and calling the logistic gradient in C beyond imports and data; a copy of the data is in it."""
    done = subprocess.run([sys.executable, "-c", MEMORY.format(here=str(HERE))], check=True, capture_output=True, text=True)
    return float(done.stdout)


def compile_seconds(number: int, backend: str) -> tuple[float, float, float]:
    """Seconds in a new process: for the formula and its gradient; to compile with an empty cache, and with a full one.

    Imports are left out, as they are for the others.
    """
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "WORKBENCH_CACHE_DIR": folder}
        code = PROCESS.format(here=str(HERE), number=number, backend=backend)
        runs = [
            json.loads(subprocess.run([sys.executable, "-c", code], env=environment, check=True, capture_output=True, text=True).stdout)
            for _ in range(4)
        ]
    return min(built for built, _ in runs), runs[0][1], min(compiled for _, compiled in runs[1:])


def by_hand(p: Problem, data: dict[str, Any], folder: Path) -> Any:
    """The hand-written C for a problem, as a function of the flat vector; ``None`` if there is none."""
    g = np.empty(p.size)
    if p.name.startswith("radon"):
        hand = library(folder, "radon", (HERE / "radon_by_hand.c").read_text(), FLAGS)
        run = hand.radon_logp_grad
        counties = len(data["names"])
        county, work = data["county"].astype(np.int64), np.empty(4 * counties)
        arrays = [data["log_radon"], data["floor"].astype(float), county]
        fixed = [ctypes.c_int64(len(county)), ctypes.c_int64(counties), *map(address, arrays)]
        tail = [address(g), address(work)]
    elif p.name.startswith("logistic"):
        hand = library(folder, "logistic", (HERE / "logistic_by_hand.c").read_text(), [*FLAGS, "-fopenmp-simd"])
        run = hand.logistic_logp_grad
        arrays = [*logistic_data(20_000, 50)]
        work = None
        fixed = [ctypes.c_int64(20_000), ctypes.c_int64(50), *map(address, arrays)]
        tail = [address(g)]
    else:
        return None
    run.restype = ctypes.c_double
    return lambda q, kept=(arrays, g, work): (run(*fixed, ctypes.c_void_p(q.ctypes.data), *tail), g)


def peers(python: str, data: dict[str, Any], folder: Path, *first: str) -> dict[str, dict[str, Any]]:
    path = folder / "data.npz"
    np.savez(path, **{k: np.asarray(data[k]) for k in ("log_radon", "floor", "county", "names")})
    found = {}
    for which in ("pytensor-c", "pytensor-numba", "jax"):
        environment = {**os.environ, "PYTENSOR_FLAGS": f"base_compiledir={folder}/{which}", "NUMBA_CACHE_DIR": f"{folder}/{which}"}
        command = [python if which != "jax" else sys.executable, str(HERE / "peer_gradients.py"), which, str(path), *first]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            print(f"{which} failed: {done.stderr.strip().splitlines()[-1]}")
        else:
            found[which] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--peers", help="an interpreter with PyTensor")
    parser.add_argument("--calls", action="store_true", help="times of calls alone, of the first problem")
    arguments = parser.parse_args()
    data = radon()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        others = peers(arguments.peers, data, folder, *(["1"] if arguments.calls else [])) if arguments.peers else {}
        if arguments.calls:
            p = problems(data)[0]
            calls_alone(p, by_hand(p, data, folder), {k: v[p.name] for k, v in others.items()})
            return
        for number, p in enumerate(problems(data)):
            report(number, p, by_hand(p, data, folder), {k: v[p.name] for k, v in others.items()})
    print(f"memory of the logistic gradient in C beyond its data: {megabytes():.1f} MB (target 10)")


def calls_alone(p: Problem, hand: Any, others: dict[str, Any]) -> None:
    q = pm.tensor.vector("q", p.size)
    cost = p.density(Workbench(), q)
    ours = {backend: timed(pm.function([q], [cost, pm.grad(cost, q)], backend=backend), p.point) for backend in BACKENDS}
    print(p.name)
    found = {**{f"workbench, {k}": v for k, v in ours.items()}, **{k: v["call"] for k, v in others.items()}, "C by hand": timed(hand, p.point)}
    for name, seconds in sorted(found.items(), key=lambda x: x[1]):
        print(f"  {name:18} {seconds * 1e6:8.1f} us: {seconds / ours['c']:.2f} times workbench, c")


def report(number: int, p: Problem, hand: Any, others: dict[str, Any]) -> None:
    q = pm.tensor.vector("q", p.size)
    cost = p.density(Workbench(), q)
    print(p.name)
    calls: dict[str, float] = {}
    for backend in BACKENDS:
        f = pm.function([q], [cost, pm.grad(cost, q)], backend=backend)
        value, gradient = f(p.point)
        calls[backend] = timed(f, p.point)
        built, cold, warm = compile_seconds(number, backend)
        called = f"; called back: {', '.join(f.fallbacks)}" if f.fallbacks else ""
        print(f"  {backend:15} {calls[backend] * 1e6:9.1f} us   compile {cold:6.2f} s cold, {warm:6.3f} s from cache, after {built:.3f} s for the graph{called}")
    for which, r in others.items():
        agree = abs(r["value"] - value) / abs(value), abs(r["norm"] - np.linalg.norm(gradient)) / r["norm"]
        print(f"  {which:15} {r['call'] * 1e6:9.1f} us   compile {r['compile']:6.2f} s; {r['call'] / calls['c']:.1f} times our C; differs by {max(agree):.0e}")
    if hand:
        seconds = timed(hand, p.point)
        print(f"  {'C by hand':15} {seconds * 1e6:9.1f} us; our C takes {calls['c'] / seconds:.2f} of it (target 1.5)")
    both = [r["call"] for k, r in others.items() if k.startswith("pytensor")]
    if both:
        print(f"  best PyTensor mode: {min(both) / min(calls.values()):.1f} times our best (target {'3' if number == 0 else '1.5'})")


if __name__ == "__main__":
    main()
