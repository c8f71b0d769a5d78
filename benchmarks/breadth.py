"""Gaussian processes, state spaces and differential equations: the gradient of a log-density beside PyMC's and others', in one run.

    python benchmarks/breadth.py --peers path/to/python

Processor seconds, the least of some calls, with one thread: what else the machine does is not counted. `--peers` is an interpreter
with PyMC; without it, only ours are measured. The larger Matérn processes have no peer: PyMC would need a matrix of 80 GB for 100,000
points. A filter is measured beside one by hand in C; differential equations beside diffrax and SciPy too.
"""

from __future__ import annotations

import os

for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import argparse  # noqa: E402
import ctypes  # noqa: E402
import json  # noqa: E402
import subprocess  # noqa: E402
import sys  # noqa: E402
import tempfile  # noqa: E402
import time  # noqa: E402
from collections.abc import Callable  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import numpy as np  # noqa: E402
import peer_equations  # noqa: E402
from peer_breadth import PROBLEMS, kalman_data, marginal, point_of, seconds  # noqa: E402

import workbench as pm  # noqa: E402
from workbench.compile.c.toolchain import require_compiler  # noqa: E402

EQUATIONS = "hares and lynxes, two equations"
LARGE = {f"marginal, Matern32, n = {n:,}": n for n in (10_000, 100_000)}


def peers(python: str, only: str = "", program: str = "peer_breadth.py") -> dict[str, dict[str, float]]:
    done = subprocess.run([python, str(Path(__file__).with_name(program)), only], capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"{program} failed: {done.stderr.strip().splitlines()[-1]}", file=sys.stderr)
        return {}
    found: dict[str, dict[str, float]] = json.loads(done.stdout.splitlines()[-1])
    return found


def kalman_by_hand(q: Any) -> Callable[[Any], Any]:
    """The filter of the problem and its gradient, written in C: slopes to its matrices, at the point where ours is measured."""
    T, m = 2000, 4
    folder = tempfile.mkdtemp()
    library = str(Path(folder) / "kalman.so")
    flags = ["-O3", "-march=native", "-fno-math-errno", "-fopenmp-simd", "-shared", "-fPIC"]
    subprocess.run([require_compiler().path, *flags, "-o", library, str(Path(__file__).with_name("kalman_by_hand.c")), "-lm"], check=True)
    run = ctypes.CDLL(library).kalman_logp_grad
    run.restype = ctypes.c_double
    level, trend, factor, cycle, error = np.exp(q[0]), np.exp(q[1]), 1.0 / (1.0 + np.exp(-q[2])), np.exp(q[3]), np.exp(q[4])
    c, s = factor * np.cos(np.pi / 6.0), factor * np.sin(np.pi / 6.0)
    F = np.array([[1.0, 1.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, c, s], [0.0, 0.0, -s, c]])
    arrays = [F, np.array([level, trend, cycle, cycle]) ** 2, np.zeros(m), np.eye(m), np.array([1.0, 0.0, 1.0, 0.0]), kalman_data(T)]
    work = [np.empty(n) for n in (T * m, T * m * m, m * m, m, 1)]
    at = [ctypes.c_void_p(a.ctypes.data) for a in (*arrays, *work)]

    def call(_: Any) -> Any:
        return run(ctypes.c_int64(T), ctypes.c_int64(m), *at[:6], ctypes.c_double(error**2), *at[6:]), arrays, work

    return call


def equations(python: str | None) -> None:
    """The hares and lynxes, beside each of their peers."""
    begun = time.process_time()
    f = peer_equations.predation(pm).logp_dlogp_function("c")
    q = peer_equations.point()
    value, gradient = f(q)
    compiled, call = time.process_time() - begun, peer_equations.seconds(f, q)
    line = f"{EQUATIONS:34} {call * 1e3:9.3f} ms   compile {compiled:5.2f} s"
    found = peers(python, program="peer_equations.py") if python else {}
    for name, r in found.items():
        apart = max(abs(r["value"] - value) / abs(value), abs(r["norm"] - np.linalg.norm(gradient)) / r["norm"])
        line += f"   {name} {r['call'] * 1e3:.3f} ms, compile {r['compile']:.1f} s, differs by {apart:.0e}"
    if found:
        line += f": the best takes {min(r['call'] for r in found.values()) / call:.1f} times ours"
    print(line, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--peers", help="an interpreter with PyMC")
    parser.add_argument("--only", default="", help="problems whose name has this in it")
    arguments = parser.parse_args()
    theirs = peers(arguments.peers, arguments.only) if arguments.peers else {}
    builds = {**PROBLEMS, **{name: lambda pm, n=n: marginal(pm, "Matern32", n) for name, n in LARGE.items()}}
    for name, build in builds.items():
        if arguments.only not in name:
            continue
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
        if name.startswith("Kalman"):
            by_hand = kalman_by_hand(q)
            # In turn, so that both see the machine as it is.
            pairs = [(seconds(f, q, 30), seconds(by_hand, q, 30)) for _ in range(7)]
            ours, theirs_in_c = (min(p[i] for p in pairs) for i in (0, 1))
            seen = model.compile_logp(vars=model.observed_RVs, backend="c")(model.unflatten(q))
            apart = abs(by_hand(q)[0] - seen) / abs(seen)
            line += f"   by hand in C {theirs_in_c * 1e3:.3f} ms: ours {ours / theirs_in_c:.2f} times; differs by {apart:.0e}"
        print(line, flush=True)
    if arguments.only in EQUATIONS:
        equations(arguments.peers)


if __name__ == "__main__":
    main()
