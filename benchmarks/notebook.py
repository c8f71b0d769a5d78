"""What the notebook's views cost in the kernel: times and bytes of their messages.

    python benchmarks/notebook.py [steps] [--large]

`steps`: the rewrite stepper of a hierarchy, of chains of variables, and of a sampler. The browser's side is timed by
``tests/browser/run.py stepper``. Times are of this machine now, the median of what is said.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import workbench as pm
from kernel_ext.stepper import RewriteStepper
from kernel_ext.stepper.drawing import BLOCK
from kernel_ext.widget.panel import Panel
from workbench.datasets import radon as radon_data


def radon() -> pm.Model:
    d = radon_data()
    with pm.Model(coords={"county": d["names"]}) as made:
        mu_a, sigma_a = pm.Normal("mu_a", 0.0, 10), pm.HalfNormal("sigma_a", 1.0)
        a = pm.Normal("a_raw", 0, 1, dims="county") * sigma_a + mu_a
        mu_b, sigma_b = pm.Normal("mu_b", 0.0, 2.0), pm.HalfNormal("sigma_b", 1.0)
        b = pm.Normal("b_raw", 0, 1, dims="county") * sigma_b + mu_b
        pm.Normal("y", a[d["county"]] + b[d["county"]] * d["floor"], pm.HalfNormal("eps", 1.5), observed=d["log_radon"])
    return made


def chain(count: int) -> pm.Model:
    with pm.Model() as made:
        x = pm.Normal("x0", 0.0, 1.0)
        for i in range(1, count):
            x = pm.Normal(f"x{i}", x, 1.0)
        pm.Normal("y", x, 1.0, observed=1.0)
    return made


class Wire:
    """A stepper's panel, whose messages are counted and not sent."""

    def __init__(self, stepper: RewriteStepper) -> None:
        self.panel = Panel([stepper])
        self.bytes = 0
        self.panel.send = self.count

    def count(self, content: Any, buffers: Any = None) -> None:
        self.bytes = len(json.dumps(content)) + sum(map(len, buffers or []))

    def ask(self, **content: Any) -> tuple[float, int]:
        """Milliseconds and bytes of an answer."""
        start = time.perf_counter()
        self.panel._receive(None, {"p": "steps", **content}, [])
        return (time.perf_counter() - start) * 1e3, self.bytes


def steps(name: str, make: Callable[[], Any]) -> None:
    stepper = RewriteStepper.of(make())
    start = time.perf_counter()
    stepper.check()
    traced = time.perf_counter() - start
    replay = stepper.replay
    start = time.perf_counter()
    replay.step(len(replay))
    replayed = time.perf_counter() - start
    count, nodes = len(replay), max(len(s) for s in replay._kept.values())
    wire = Wire(stepper)
    blocks = [wire.ask(t="block", rid=1, block=b) for b in range(0, count // BLOCK + 1, max(1, count // BLOCK // 40))]
    details = [wire.ask(t="detail", rid=1, step=n) for n in np.linspace(1, count, 60).astype(int).tolist()]
    pages = [wire.ask(t="page", rid=1, step=n)[0] for n in np.linspace(0, count, 12).astype(int).tolist()]
    checks = []
    for n in np.linspace(1, count, 25).astype(int).tolist():
        record, _ = replay.firings[n - 1]
        start = time.perf_counter()
        stepper.checker.check(record, n - 1 - replay.first[replay.passes.index(record)])
        checks.append((time.perf_counter() - start) * 1e3)
    start = time.perf_counter()
    size = len(stepper.static()["text/html"])
    static = (time.perf_counter() - start) * 1e3
    middle = statistics.median
    print(
        f"{name:>14} {count:>7,} {nodes:>7,} {traced:>8.2f} {replayed:>8.2f} {replayed / count * 1e3:>8.2f} {sum(b for _, b in blocks) / len(blocks) / BLOCK:>8,.0f} "
        f"{max(b for _, b in blocks) / 1024:>8.0f} {middle(t for t, _ in blocks):>8.1f} {middle(t for t, _ in details):>8.1f} {middle(pages):>8.1f} {middle(checks):>8.1f} "
        f"{size / 1024:>8.1f} {static:>8.0f}"
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("view", nargs="?", default="steps", choices=["steps"])
    parser.add_argument("--large", action="store_true", help="also a chain of 1,000 variables, which takes half a minute")
    args = parser.parse_args()
    if args.view == "steps":
        heads = ("steps", "nodes", "trace s", "replay s", "ms/step", "B/step", "block kB", "block ms", "text ms", "state ms", "check ms", "saved kB", "saved ms")
        print(f"{'':>14} {heads[0]:>7} {heads[1]:>7} " + " ".join(f"{h:>8}" for h in heads[2:]))
        chains = (100, 200, 1000) if args.large else (100, 200)
        subjects: list[tuple[str, Callable[[], Any]]] = [("radon", radon), *((f"chain of {n:,}", lambda n=n: chain(n)) for n in chains), ("NUTS", lambda: "nuts")]
        for name, make in subjects:
            steps(name, make)


if __name__ == "__main__":
    main()
