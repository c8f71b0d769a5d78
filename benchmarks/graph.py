"""Graphs against PyTensor's, in one run: importing, building, differentiating, rewriting; and a deep chain.

    python benchmarks/graph.py --peers path/to/python

`--peers` is an interpreter that has benchmarks/peers-requirements.txt; without it, our own times alone.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
# As any installed package, both keep their byte code.
ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}


def process(python: str, *arguments: str) -> float:
    begin = time.perf_counter()
    subprocess.run([python, *arguments], check=True, env=ENVIRONMENT, capture_output=True)
    return time.perf_counter() - begin


def import_seconds(python: str, module: str, times: int = 7) -> float:
    """Median time to import a module, less that of an empty process."""
    process(python, "-c", f"import {module}")
    pairs = [(process(python, "-c", f"import {module}"), process(python, "-c", "pass")) for _ in range(times)]
    return statistics.median(a for a, _ in pairs) - statistics.median(b for _, b in pairs)


def work(python: str, which: str) -> dict[str, float]:
    done = subprocess.run([python, str(HERE / "graph_work.py"), which], check=True, env=ENVIRONMENT, capture_output=True, text=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def chain(count: int = 100_000) -> None:
    """A chain of `count` operations through everything that walks graphs."""
    import workbench as pm
    from workbench.graph import Mode, text

    pt = pm.tensor
    stages = {}
    begin = time.perf_counter()

    def stage(name: str) -> None:
        nonlocal begin
        stages[name] = time.perf_counter() - begin
        begin = time.perf_counter()

    x = pt.scalar("x")
    y = x
    for k in range(count // 2):
        y = pt.sigmoid(y) * (1.0 + k * 1e-6)
    stage("built")
    g = pm.grad(y, x)
    stage("differentiated")
    printed = text([y, g])
    stage("printed")
    value, slope = pm.function([x], [y, g], backend="numpy", mode=Mode(()))(0.3)
    stage("evaluated")
    shown = ", ".join(f"{k} {v:.2f} s" for k, v in stages.items())
    print(f"a chain of {count:,} operations: {shown} (value {float(value):.6f}, {len(printed.splitlines()):,} lines)")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--peers", help="an interpreter with PyTensor")
    peer = parser.parse_args().peers
    numpy_s, ours = import_seconds(sys.executable, "numpy"), import_seconds(sys.executable, "workbench")
    print(f"import: numpy {numpy_s:.3f} s, workbench {ours:.3f} s: {ours / numpy_s:.1f} times (target 3)", end="")
    if peer:
        theirs = import_seconds(peer, "pytensor", 3)
        print(f"; pytensor {theirs:.2f} s: workbench {ours / theirs:.3f} of it (target 0.1; numpy alone {numpy_s / theirs:.3f})", end="")
    print()
    mine = work(sys.executable, "workbench")
    his = work(peer, "pytensor") if peer else {}
    for name, seconds in mine.items():
        ratio = f", PyTensor {his[name] * 1e3:.0f} ms: {his[name] / seconds:.1f} times ours (target 1)" if peer else ""
        print(f"{name} operations: {seconds * 1e3:.0f} ms{ratio}")
    chain()


if __name__ == "__main__":
    main()
