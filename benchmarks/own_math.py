"""Nanoseconds for each element: functions of our own beside glibc's vector forms and its scalar functions, in one run.

    python benchmarks/own_math.py [name ...]

Loops of 4,096 elements, the least of many calls of the compiled loop alone. `library` is what gcc takes here: glibc's vector form where
there is one. `ours` are our own with gcc, and with clang where that is installed. `scalar` is glibc's function, called element by element.
Units in the last place are held by `tests/truth/test_own_math.py`.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import workbench.tensor as pt
from workbench.compile import function
from workbench.tensor.elementwise import OPS

N = 4096
rng = np.random.default_rng(1)
WIDE, POSITIVE = rng.uniform(-10.0, 10.0, N), np.exp(rng.uniform(-3.0, 5.0, N))
UNIT = rng.uniform(0.0, 1.0, N)
CASES = {
    "exp": (WIDE,), "expm1": (0.3 * WIDE,), "log": (POSITIVE,), "log1p": (POSITIVE,), "tanh": (0.3 * WIDE,), "erf": (0.4 * WIDE,), "erfc": (WIDE,),
    "gammaln": (POSITIVE,), "digamma": (POSITIVE,), "trigamma": (POSITIVE,), "betaln": (POSITIVE, POSITIVE[::-1].copy()),
    "erfcx": (WIDE,), "log_ndtr": (WIDE,), "inverse_mills": (WIDE,), "ndtri": (UNIT,), "i0e": (POSITIVE,), "i1e": (POSITIVE,),
}  # fmt: skip
SCALAR = {"gammaln": "lgamma", **{name: name for name in ("exp", "expm1", "log", "log1p", "tanh", "erf", "erfc")}}
"""Those that C's library has."""


def least(call, *arguments: object) -> float:
    """The least time of many, for each element, in nanoseconds."""
    times = []
    for _ in range(400):
        begin = time.perf_counter()
        call(*arguments)
        times.append(time.perf_counter() - begin)
    return min(times) / N * 1e9


def compiled(name: str, compiler: str, own: bool) -> float:
    os.environ.update(WORKBENCH_CC=compiler, WORKBENCH_MATH="own" if own else "")
    if not own:
        del os.environ["WORKBENCH_MATH"]
    symbols = [pt.vector(f"x{i}", N) for i in range(len(CASES[name]))]
    return least(function(symbols, OPS[name](*symbols), backend="c"), *CASES[name])


def scalar(name: str) -> float:
    """The library's function in a loop that is no vector loop."""
    folder = Path(tempfile.mkdtemp())
    (folder / "scalar.c").write_text(f"double {name}(double);\nvoid run(const double *x, double *y) {{ for (int i = 0; i < {N}; i++) y[i] = {name}(x[i]); }}\n")
    subprocess.run(["gcc", "-O2", "-fno-tree-vectorize", "-shared", "-fPIC", "-o", folder / "scalar.so", folder / "scalar.c", "-lm"], check=True)
    run = ctypes.CDLL(str(folder / "scalar.so")).run
    run.argtypes = [ctypes.c_void_p] * 2
    (x,) = CASES["gammaln" if name == "lgamma" else name]
    y = np.empty(N)
    return least(run, x.ctypes.data, y.ctypes.data)


def main() -> None:
    print(f"{'':16}{'library':>10}{'ours, gcc':>12}{'ours, clang':>12}{'scalar':>10}")
    for name in sys.argv[1:] or CASES:
        row = [compiled(name, "gcc", False), compiled(name, "gcc", True)]
        shown = [f"{t:.2f}" for t in row]
        shown.append(f"{compiled(name, 'clang', True):.2f}" if shutil.which("clang") else "-")
        shown.append(f"{scalar(SCALAR[name]):.2f}" if name in SCALAR else "-")
        print(f"{name:16}{shown[0]:>10}{shown[1]:>12}{shown[2]:>12}{shown[3]:>10}", flush=True)


if __name__ == "__main__":
    main()
