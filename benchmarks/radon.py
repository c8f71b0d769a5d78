"""The radon model from import to draws, in one run: ours, and the same formula written by hand in C.

    python benchmarks/radon.py [--peers path/to/python]

Times are of this machine now; ratios within one run are what to compare. With `--peers`, an
interpreter that has benchmarks/peers-requirements.txt, nutpie, PyMC and NumPyro sample the same model.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

import workbench as pm
from workbench.compile.c.toolchain import require_compiler
from workbench.datasets import radon

HERE = Path(__file__).resolve().parent
FLAGS = ["-O3", "-march=native", "-fno-math-errno", "-shared", "-fPIC"]
REPEATS, ROUNDS = 20_000, 7
# As any installed package, ours keeps its byte code.
BYTECODE = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}

CALLER = """
#include <stdint.h>
typedef int32_t (*compiled)(void *const *, const void *, char *, int64_t *);
double repeat(compiled f, int64_t repeats, void *const *io, const void *env, char *arena, int64_t *fault) {
    double total = 0, *q = io[0];
    for (int64_t k = 0; k < repeats; k++) { q[0] += 1e-9; f(io, env, arena, fault); total += *(double *)io[1]; }
    return total;
}
"""

PROCESS = """
import time; begin = time.perf_counter()
import numpy as np
import workbench as pm
import sys, json; sys.path.insert(0, {here!r})
from radon import build
from workbench.datasets import radon
data = radon()
loaded = time.perf_counter()
model = build(data)
what = {what!r}
if what == "gradient":
    f = model.logp_dlogp_function(backend={backend!r})
    built = time.perf_counter()
    print(json.dumps(dict(total=built - loaded, **f.timings)))
else:
    run = pm.sample(1000, tune=1000, chains=4, target_accept=0.9, model=model, random_seed=1, backend={backend!r},
                    progressbar=False, blocking=False, return_inferencedata={arviz!r})
    run.wait()
    ready = time.perf_counter()
    waited = None
    if {arviz!r}:
        run.idata
        waited = time.perf_counter() - ready
    from workbench.inference.diagnostics import summary
    names = run.variable_names()
    rows = summary(names, np.stack([run.values(names, c, 1000) for c in range(4)]))
    print(json.dumps(dict(ready=ready - begin, waited=waited, **run.timings, ess=min(r["ess_bulk"] for r in rows),
                          rhat=max(r["rhat"] for r in rows), divergences=int(run.stats["diverging"].sum()))))
"""


def build(data: dict[str, Any]) -> pm.Model:
    """The model of tutorials/01_radon.ipynb."""
    county = data["county"]
    with pm.Model(coords={"county": data["names"], "obs": range(len(county))}) as model:
        mu_a = pm.Normal("mu_a", 0.0, 10)
        sigma_a = pm.HalfNormal("sigma_a", 1.0)
        a = pm.Normal("a_raw", 0, 1, dims="county") * sigma_a + mu_a
        mu_b = pm.Normal("mu_b", 0.0, 2.0)
        sigma_b = pm.HalfNormal("sigma_b", 1.0)
        b = pm.Normal("b_raw", 0, 1, dims="county") * sigma_b + mu_b
        eps = pm.HalfNormal("eps", 1.5)
        pm.Normal("y", a[county] + b[county] * data["floor"], eps, observed=data["log_radon"], dims="obs")
    return model


def library(folder: Path, name: str, source: str, flags: list[str]) -> ctypes.CDLL:
    (folder / f"{name}.c").write_text(source)
    command = [require_compiler().path, *flags, "-o", str(folder / f"{name}.so"), str(folder / f"{name}.c"), "-lm"]
    subprocess.run(command, check=True)
    return ctypes.CDLL(str(folder / f"{name}.so"))


def address(a: np.ndarray[Any, Any]) -> ctypes.c_void_p:
    return ctypes.c_void_p(a.ctypes.data)


def gradients(model: pm.Model, data: dict[str, Any], folder: Path) -> None:
    """Time log-density and gradient inside C, by hand and ours in turn, and through Python on every backend."""
    hand = library(folder, "hand", (HERE / "radon_by_hand.c").read_text(), FLAGS)
    caller = library(folder, "caller", CALLER, FLAGS)
    hand.radon_logp_grad.restype = hand.repeat.restype = caller.repeat.restype = ctypes.c_double
    y, x, county = data["log_radon"], data["floor"], data["county"].astype(np.int64)
    n, counties = ctypes.c_int64(len(y)), ctypes.c_int64(len(data["names"]))
    d = model.flat_size
    q = np.random.default_rng(0).normal(size=d) * 0.3
    g, work = np.empty(d), np.empty(4 * len(data["names"]))
    value = hand.radon_logp_grad(n, counties, *map(address, (y, x, county, q, g, work)))

    f = model.logp_dlogp_function(backend="c")
    ours, gradient = f(q)
    print(f"by hand and ours differ by {abs(value - ours) / abs(value):.1e} (logp), {np.abs(g - gradient).max():.1e} (gradient)")
    compiled = next(iter(f.function._compiled.values())).sized(q)
    out, arena = np.empty(()), np.empty(compiled.arena + 64, np.uint8)
    fault = np.zeros(3, np.int64)
    io = (ctypes.c_void_p * 3)(q.ctypes.data, out.ctypes.data, g.ctypes.data)
    at = ctypes.c_void_p(arena.ctypes.data + -arena.ctypes.data % 64)
    hand_us, ours_us = [], []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        hand.repeat(ctypes.c_int64(REPEATS), n, counties, *map(address, (y, x, county, q, g, work)))
        middle = time.perf_counter()
        caller.repeat(ctypes.c_void_p(compiled.code.run_address), ctypes.c_int64(REPEATS), io, ctypes.c_void_p(compiled.environment().address), at, address(fault))
        hand_us.append((middle - begin) / REPEATS * 1e6)
        ours_us.append((time.perf_counter() - middle) / REPEATS * 1e6)
    ratio = statistics.median(a / b for a, b in zip(ours_us, hand_us))
    print(f"log-density + gradient in C: by hand {statistics.median(hand_us):.2f} us, ours {statistics.median(ours_us):.2f} us: "
          f"{ratio:.2f} times (target 1.5)")  # fmt: skip
    for backend in ("c", "numba", "jax", "numpy"):
        g_of = model.logp_dlogp_function(backend=backend)
        g_of(q)
        count = 200 if backend == "numpy" else 2000
        begin = time.perf_counter()
        for _ in range(count):
            g_of(q)
        print(f"  called from Python, {backend:6}{(time.perf_counter() - begin) / count * 1e6:8.1f} us")


def process(what: str, backend: str = "c", cache: str | None = None, arviz: bool = False) -> dict[str, float]:
    """Run one job in a process of its own, with the cache folder given (an empty one if none)."""
    with tempfile.TemporaryDirectory() as empty:
        environment = {**BYTECODE, "WORKBENCH_CACHE_DIR": cache or empty}
        code = PROCESS.format(here=str(HERE), what=what, backend=backend, arviz=arviz)
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
        return dict(json.loads(done.stdout.splitlines()[-1]))


def peers(python: str, data: dict[str, Any], ours: float) -> None:
    """The same job with other libraries, each from the start of its process, nothing cached."""
    with tempfile.TemporaryDirectory() as folder:
        np.savez(Path(folder) / "data.npz", **{k: data[k] for k in ("log_radon", "floor", "county")}, counties=len(data["names"]))
        for name in ("nutpie", "pymc", "numpyro"):
            environment = {**os.environ, "PYTENSOR_FLAGS": f"base_compiledir={folder}/{name}", "NUMBA_CACHE_DIR": f"{folder}/{name}"}
            command = [python, str(HERE / "peer_radon.py"), name, f"{folder}/data.npz"]
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
            ready = json.loads(done.stdout.splitlines()[-1])["ready"]
            print(f"  {name:8} draws ready {ready:.1f} s after the process starts: {ready / ours:.1f} times ours")


def import_seconds(module: str) -> float:
    times = []
    for _ in range(7):
        begin = time.perf_counter()
        subprocess.run([sys.executable, "-c", f"import {module}"], check=True, env=BYTECODE)
        times.append(time.perf_counter() - begin)
    bare = []
    for _ in range(7):
        begin = time.perf_counter()
        subprocess.run([sys.executable, "-c", "pass"], check=True, env=BYTECODE)
        bare.append(time.perf_counter() - begin)
    return statistics.median(times) - statistics.median(bare)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--peers", help="an interpreter with nutpie and PyMC")
    arguments = parser.parse_args()
    data = radon()
    model = build(data)
    with tempfile.TemporaryDirectory() as folder:
        gradients(model, data, Path(folder))
        numpy_s, ours_s = import_seconds("numpy"), import_seconds("workbench")
        print(f"import: numpy {numpy_s:.2f} s, workbench {ours_s:.2f} s: {ours_s / numpy_s:.1f} times (target 0.7 s or 3 times)")
        cold = process("gradient", cache=folder)
        warm = process("gradient", cache=folder)
        stages = ", ".join(f"{k} {cold[k]:.3f}" for k in ("derive", "rewrite", "lower", "compile"))
        print(f"model, log-density + gradient, compiled: cold {cold['total']:.2f} s ({stages}; target 1.5), "
              f"from cache {warm['total']:.3f} s (target 0.1)")  # fmt: skip
    runs = [process("sample") for _ in range(3)]
    r = sorted(runs, key=lambda r: r["ready"])[1]
    print(f"4 x (1000 + 1000) draws: sampling {r['sample']:.2f} s (target 1), compile {r['compile']:.2f} s cold; ready {r['ready']:.2f} s "
          f"after the process starts (target 6); least ESS {r['ess']:.0f} (target 400), largest R-hat {r['rhat']:.4f} (target 1.01), "
          f"divergences {r['divergences']}")  # fmt: skip
    r = process("sample", arviz=True)
    print(f"with InferenceData: draws ready {r['ready']:.2f} s, then {r['waited']:.2f} s more for ArviZ")
    if arguments.peers:
        peers(arguments.peers, data, r["ready"])


if __name__ == "__main__":
    main()
