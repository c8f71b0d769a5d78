"""Hidden Markov models and Kalman filters: ours, and the same written by hand in C, in turn in one run.

    python benchmarks/chains.py

Times are of this machine now; the ratios are what to compare.
"""

from __future__ import annotations

import ctypes
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import workbench.tensor as pt
from workbench.compile import function
from workbench.compile.c.toolchain import require_compiler
from workbench.transforms import grad
from workbench.transforms.hidden_markov import forward
from workbench.transforms.kalman import Seen, autoregression

HERE = Path(__file__).resolve().parent
FLAGS = ["-O3", "-march=native", "-fno-math-errno", "-fopenmp-simd", "-shared", "-fPIC"]
ROUNDS, REPEATS = 15, 20
Array = np.ndarray[Any, Any]


def by_hand(folder: Path, name: str, what: str = "logp_grad") -> Any:
    """The function written in C."""
    command = [require_compiler().path, *FLAGS, "-o", str(folder / f"{name}.so"), str(HERE / f"{name}_by_hand.c"), "-lm"]
    subprocess.run(command, check=True)
    found = getattr(ctypes.CDLL(str(folder / f"{name}.so")), f"{name}_{what}")
    found.restype = ctypes.c_double
    return found


def compare(title: str, hand: Callable[[], float], ours: Callable[[], Any], compile_s: float) -> None:
    """Time both in turn."""
    a, b = hand(), float(ours()[0])
    times: dict[str, list[float]] = {"hand": [], "ours": []}
    for _ in range(ROUNDS):
        for name, run in (("hand", hand), ("ours", ours)):
            begin = time.perf_counter()
            for _ in range(REPEATS):
                run()
            times[name].append((time.perf_counter() - begin) / REPEATS * 1e6)
    ratio = statistics.median(o / h for o, h in zip(times["ours"], times["hand"]))
    print(f"{title}: by hand {statistics.median(times['hand']):.0f} us, ours {statistics.median(times['ours']):.0f} us: {ratio:.2f} times "
          f"(target 1.5); they differ by {abs(a - b) / abs(a):.0e}; compiled, cold, in {compile_s:.2f} s (target 1)")  # fmt: skip


def hidden_markov(folder: Path, T: int = 2000, K: int = 8) -> None:
    rng = np.random.default_rng(0)
    start, P, emissions = np.log(rng.dirichlet(np.ones(K))), rng.dirichlet(np.ones(K), size=K), 3.0 * rng.normal(size=(T - 1, K))
    work = [np.empty(n) for n in (K, K * K, (T - 1) * K, T * K, T * K, T, 2 * K)]
    arrays = [ctypes.c_void_p(a.ctypes.data) for a in (start, P, emissions, *work)]
    run = by_hand(folder, "hmm")
    inputs: list[Any] = [pt.vector("start", K), pt.matrix("P", K, K), pt.matrix("emissions", T - 1, K)]
    begin = time.perf_counter()
    total = pt.sum(forward(*inputs).terms)
    f = function(inputs, [total, *grad(total, inputs)], backend="c", name="hmm")
    f(start, P, emissions)
    took = time.perf_counter() - begin
    compare(f"HMM, T = {T}, K = {K}, log-evidence and gradient", lambda: run(ctypes.c_int64(T), ctypes.c_int64(K), *arrays), lambda: f(start, P, emissions), took)
    print("  " + ", ".join(f"{k} {v:.2f} s" for k, v in f.timings.items()))
    for mine, hand, name in zip(f(start, P, emissions)[1:], work[:3], ("start", "P", "emissions")):
        print(f"  slopes to {name} differ by {np.abs(np.ravel(mine) - hand).max():.0e}")
    zeros = np.where(P > 0.05, P, 0.0)
    zeros /= zeros.sum(1, keepdims=True)
    times = []
    for table in (P, zeros):
        begin = time.perf_counter()
        for _ in range(100):
            f(start, table, emissions)
        times.append(time.perf_counter() - begin)
    print(f"  with zeros in P, in logarithms: {times[1] / times[0]:.1f} times as long")


def kalman(folder: Path, T: int = 2000, p: int = 4) -> None:
    """An autoregressive process of order 4, seen with noise: 4 states, and the log-evidence after the first 4 values, which are known to us alone."""
    rng = np.random.default_rng(1)
    rho, noise, scale = np.array([0.6, 0.2, -0.1, 0.1]), 0.5, 0.8
    y = rng.normal(size=T + p)
    inputs: list[Any] = [pt.vector("rho", p), pt.scalar("noise"), pt.scalar("scale")]
    weights, variance, h = inputs[0], inputs[1], inputs[2]
    there = (np.arange(T + p) >= p).astype(float)
    peak = there * (-0.5 * np.log(2.0 * np.pi) - pt.log(h))
    seen = Seen(peak, pt.as_tensor(y), there / h**2, pt.zeros(T + p))
    total = pt.sum(autoregression(np.zeros(p), np.ones(p), [weights[i] for i in range(p)], 0.0, variance, seen))
    F = np.vstack([rho, np.eye(p)[:-1]])
    start, cov, rest = np.zeros(p), np.eye(p), y[p:].copy()
    run = by_hand(folder, "kalman", "logp")
    at = [ctypes.c_void_p(a.ctypes.data) for a in (F, start, cov, rest)]

    def hand() -> float:
        found: float = run(ctypes.c_int64(T), ctypes.c_int64(p), at[0], ctypes.c_double(noise), at[1], at[2], at[3], ctypes.c_double(scale**2))
        return found

    begin = time.perf_counter()
    f = function(inputs, [total], backend="c", name="kalman")
    f(rho, noise, scale)
    took = time.perf_counter() - begin
    compare(f"Kalman filter, {p} states, T = {T}, log-evidence", hand, lambda: f(rho, noise, scale), took)
    g = function(inputs, [total, *grad(total, inputs)], backend="c", name="kalman_gradient")
    times = []
    for run_ours in (f, g):
        run_ours(rho, noise, scale)
        begin = time.perf_counter()
        for _ in range(200):
            run_ours(rho, noise, scale)
        times.append(time.perf_counter() - begin)
    print(f"  with its gradient {times[1] / times[0]:.1f} times as long")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as empty:
        os.environ["WORKBENCH_CACHE_DIR"] = empty
        hidden_markov(Path(folder))
        kalman(Path(folder))


if __name__ == "__main__":
    main()
