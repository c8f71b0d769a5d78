"""How compile time grows with the number of terms: value and gradient of models and graphs that are written term by term.

    python benchmarks/growth.py [--sizes 100 1000 10000] [--only stack picks] [--backend c] [--limit 120] [--chains 100000]
                                [--peers path/to/python]

With `--peers`, an interpreter that has benchmarks/peers-requirements.txt, PyTensor (graphs) and PyMC (models) do the same after
each measurement, written by the same lines, with their default mode and an empty cache. What they do not tell apart is under
`compile`: rewriting, making of C, and gcc.

Each graph and size is measured in a process of its own, with an empty cache. A line says the seconds of building, differentiating,
rewriting, lowering (graph to code), compiling (gcc, or Numba), of one call, and the peak memory; `x` is the growth of the
whole from the size before (10 is linear in sizes that grow tenfold). Seconds are those of the processor, of gcc's processes too:
what they add up to on one core, whatever else the machine does.

One run on two shared cores, in seconds (10**2, 10**3, 10**4 terms; beside them PyTensor's at 10**2, which was at none of the graphs but the last done with 10**3 in 300 s):

    terms    0.09  0.23   2.1    33        picks    0.11  0.38   4.3    44        chain   0.15  0.98   4.3    1.5       10**5: 43
    stack    0.12  0.41   3.8    93        slices   0.09  0.52   1.8    16        mixed   0.47  1.87  19.3    3.3 and 67

graphs
    terms     a sum of n formulas of one vector, each with a number of its own
    stack     n scalar formulas, of n scalar inputs, stacked to a vector
    picks     n formulas of elements `x[i]`, added up in a loop
    slices    n differences of slices `x[i:i + 3]` of one vector
    chain     n steps, each a formula of the step before
    mixed     n scalar formulas of six kinds, each on results of others: nothing repeats
models (log-density and gradient, from the model's own functions)
    names     n named Normal variables
    walk      a hand-written chain, `x[i] ~ Normal(x[i - 1], s)`
    survival  n observed spells, each a potential written in a Python loop
    drawn     names, to the first draw of NUTS, which is compiled too: all that is not building is said as of its run
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

PHASES = ("build", "differentiate", "rewrite", "lower", "compile", "run")


def terms(pt: Any, n: int) -> tuple[list[Any], Any, list[Any]]:
    x = pt.vector("x", 8)
    total = 0.0
    for k in range(n):
        total = total + pt.log1p(pt.exp(x * (0.1 + k * 1e-4))).sum()
    return [x], total, [np.linspace(-1.0, 1.0, 8)]


def stack(pt: Any, n: int) -> tuple[list[Any], Any, list[Any]]:
    xs = [pt.scalar(f"x{k}") for k in range(n)]
    made = pt.stack([pt.log1p(pt.exp(x)) * (1.5 + k) for k, x in enumerate(xs)])
    return xs, (made * made).sum(), list(np.linspace(-1.0, 1.0, n))


def picks(pt: Any, n: int) -> tuple[list[Any], Any, list[Any]]:
    x, s = pt.vector("x", n), pt.scalar("s")
    total = 0.0
    for k in range(n):
        total = total + pt.exp(-0.5 * ((x[k] - 0.01 * k) / s) ** 2)
    return [x, s], total, [np.linspace(-1.0, 1.0, n), np.array(1.3)]


def slices(pt: Any, n: int) -> tuple[list[Any], Any, list[Any]]:
    x = pt.vector("x", n + 3)
    total = 0.0
    for k in range(n):
        total = total + pt.sqr(pt.tanh(x[k : k + 3])).sum()
    return [x], total, [np.linspace(-1.0, 1.0, n + 3)]


def chain(pt: Any, n: int) -> tuple[list[Any], Any, list[Any]]:
    x = pt.scalar("x")
    y = x
    for _ in range(n):
        y = pt.sin(y) + x
    return [x], y, [np.array(0.3)]


def mixed(pt: Any, n: int) -> tuple[list[Any], Any, list[Any]]:
    x = pt.scalar("x")
    last = [x, x * 0.5, x + 1.25, x - 0.75]
    for k in range(n):
        a, b, c = last[k % 4], last[(k * 7 + 1) % 4], 1.0 + k * 1e-3
        forms: list[Callable[[], Any]] = [
            lambda: pt.sigmoid(a) * b, lambda: pt.log1p(pt.exp(a * 0.1)) + c, lambda: (a - b) / (c + pt.sqr(b)),
            lambda: pt.sqrt(c + pt.sqr(a)) + b * 0.5, lambda: pt.tanh(b) * c - a, lambda: pt.switch(a > b, pt.tanh(a) * c, pt.tanh(b - c)),
        ]  # fmt: skip
        last[k % 4] = forms[(k * k + k // 6) % 6]()
    return [x], last[0] + last[1] + last[2] + last[3], [np.array(0.3)]


def names(pm: Any, n: int) -> Any:
    rng = np.random.default_rng(1)
    with pm.Model() as model:
        s = pm.HalfNormal("s", 1.0)
        for k in range(n):
            a = pm.Normal(f"a{k}", 0.0, s)
            if k % 10 == 0:
                pm.Normal(f"y{k}", a, 1.0, observed=rng.normal())
    return model


def walk(pm: Any, n: int) -> Any:
    rng = np.random.default_rng(2)
    data = rng.normal(size=n).cumsum()
    with pm.Model() as model:
        s = pm.HalfNormal("s", 1.0)
        x = pm.Normal("x0", 0.0, 1.0)
        for k in range(1, n):
            x = pm.Normal(f"x{k}", x, s)
            pm.Normal(f"y{k}", x, 0.5, observed=data[k])
    return model


def survival(pm: Any, n: int) -> Any:
    rng = np.random.default_rng(3)
    spell, seen, age = rng.weibull(1.5, size=n) + 0.01, rng.uniform(size=n) < 0.7, rng.normal(size=n)
    pt = pm.math
    with pm.Model() as model:
        shape, level, slope = pm.HalfNormal("shape", 2.0), pm.Normal("level", 0.0, 1.0), pm.Normal("slope", 0.0, 1.0)
        total = 0.0
        for k in range(n):
            scale = pt.exp(level + slope * age[k])
            z = spell[k] / scale
            if seen[k]:
                total = total + pt.log(shape / scale) + (shape - 1.0) * pt.log(z)
            total = total - z**shape
        pm.Potential("likelihood", total)
    return model


GRAPHS: dict[str, Callable[..., Any]] = {f.__name__: f for f in (terms, stack, picks, slices, chain, mixed)}
MODELS: dict[str, Callable[..., Any]] = {f.__name__: f for f in (names, walk, survival)} | {"drawn": names}


def first_draw(pm: Any, model: Any, backend: str) -> tuple[float, Any]:
    """The log-density of the first draw, and the draw."""
    run = pm.sample(1, tune=0, chains=1, model=model, backend=backend, random_seed=1, quiet=True, return_inferencedata=False)
    return run.stats["lp"].item(), run.draws["a0"]


def seconds() -> float:
    """Processor seconds of this process and of those that it has waited for."""
    own, others = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + others.ru_utime + others.ru_stime


class PyTensor:
    """PyTensor's functions by the names that graphs here are written with."""

    def __init__(self) -> None:
        import pytensor.tensor

        self.tensor: Any = pytensor.tensor

    def scalar(self, name: str) -> Any:
        return self.tensor.dscalar(name)

    def vector(self, name: str, length: int) -> Any:
        return self.tensor.tensor(name, dtype="float64", shape=(length,))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.tensor, name)


def measure_peer(which: str, n: int) -> dict[str, Any]:
    """The same with PyTensor, or PyMC."""
    import pytensor

    sys.setrecursionlimit(1_000_000)
    pt = PyTensor()
    pytensor.function([], pt.constant(1.0) + 1.0)()
    spent, marks = dict.fromkeys(PHASES, 0.0), [seconds()]
    if which in GRAPHS:
        inputs, cost, values = GRAPHS[which](pt, n)
        marks.append(seconds())
        outputs = [cost, *pytensor.grad(cost, inputs)]
        marks.append(seconds())
        f = pytensor.function(inputs, outputs)
    else:
        import pymc

        marks[0] = seconds()
        model = MODELS[which](pymc, n)
        marks.append(seconds())
        compiled = model.logp_dlogp_function(ravel_inputs=True)
        compiled.set_extra_values({})
        f, values = compiled, [np.linspace(-0.5, 0.5, sum(int(np.prod(v.type.shape)) for v in model.value_vars))]
        marks.append(marks[-1])  # Differentiation is a part of compiling.
    marks.append(seconds())
    value, *rest = f(*values)
    marks.append(seconds())
    for phase, start, stop in zip(("build", "differentiate", "compile", "run"), marks, marks[1:]):
        spent[phase] = stop - start
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) / 1024.0
    return {**spent, "total": sum(spent.values()), "wall": 0.0, "MB": peak, "value": float(value), "gradient": float(sum(np.sum(g) for g in rest))}


def measure(which: str, n: int, backend: str) -> dict[str, Any]:
    """Seconds of each phase, peak memory in MB, the value and a sum of the gradient: in a new process."""
    import workbench as pm
    from workbench.compile.phases import heard

    marks: list[tuple[str, float]] = []

    def mark(phase: str) -> None:
        marks.append((phase, seconds()))

    pm.function([], pm.math.constant(1.0) + 1.0, backend=backend)()  # What is loaded and compiled once is not counted.
    marks.clear()
    wall = time.perf_counter()
    mark("build")
    with heard(mark):
        if which in GRAPHS:
            inputs, cost, values = GRAPHS[which](pm.tensor, n)
            mark("differentiate")
            f: Any = pm.function(inputs, [cost, *pm.grad(cost, inputs)], backend=backend)
        else:
            model = MODELS[which](pm, n)
            mark("differentiate")
            if which == "drawn":
                f, values = partial(first_draw, pm, model, backend), []
            else:
                f = model.logp_dlogp_function(backend=backend)
                values = [np.linspace(-0.5, 0.5, sum(int(np.prod(v.type.shape)) for v in model.value_vars))]
    mark("run")
    results = f(*values)
    mark("end")
    total = time.perf_counter() - wall
    spent = dict.fromkeys(PHASES, 0.0)
    for (phase, start), (_, stop) in zip(marks, marks[1:]):
        spent[{"derive": "differentiate"}.get(phase, phase)] += stop - start
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) / 1024.0
    value, *rest = results
    return {**spent, "total": sum(spent.values()), "wall": total, "MB": peak, "value": float(value), "gradient": float(sum(np.sum(g) for g in rest))}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 1000, 10_000])
    parser.add_argument("--only", nargs="+", choices=[*GRAPHS, *MODELS], default=[*GRAPHS, *MODELS])
    parser.add_argument("--chains", type=int, default=100_000, help="the largest size of chain and mixed; 0 for none beyond the others")
    parser.add_argument("--backend", default="c")
    parser.add_argument("--limit", type=float, default=120.0, help="seconds after which a measurement is given up")
    parser.add_argument("--peers", help="an interpreter with PyTensor and PyMC")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        which, n = given.one[0], int(given.one[1])
        print(json.dumps(measure_peer(which, n) if given.backend == "pytensor" else measure(which, n, given.backend)))
        return
    print(f"{'graph':9} {'n':>7} " + " ".join(f"{p[:8]:>8}" for p in PHASES) + f" {'total':>8} {'x':>5} {'wall':>7} {'MB':>6}")
    for which in given.only:
        whose = {sys.executable: given.backend} | ({given.peers: "pytensor"} if given.peers and which != "drawn" else {})
        before: dict[str, float] = {}
        for n in [*given.sizes, *([given.chains] if which in ("chain", "mixed") and given.chains > max(given.sizes) else [])]:
            found = {python: one(python, backend, which, n, given.limit) for python, backend in whose.items()}
            for python, r in found.items():
                label = which if python == sys.executable else "  theirs"
                if isinstance(r, str):
                    print(f"{label:9} {n:7} {r}", flush=True)
                    del whose[python]
                    continue
                growth = f"{r['total'] / before[python]:5.1f}" if python in before else "    -"
                before[python] = r["total"]
                print(f"{label:9} {n:7} " + " ".join(f"{r[p]:8.2f}" for p in PHASES) + f" {r['total']:8.2f} {growth} {r['wall']:7.1f} {r['MB']:6.0f}", flush=True)
            values = [(r["value"], r["gradient"]) for r in found.values() if not isinstance(r, str)]
            if len(values) == 2 and not np.allclose(*values, rtol=1e-6):
                print(f"{which:9} {n:7} values and sums of gradients differ: {values}", flush=True)
            if sys.executable not in whose:
                break


def one(python: str, backend: str, which: str, n: int, limit: float) -> dict[str, Any] | str:
    """One measurement, in a process with an empty cache; why there is none, if there is none."""
    with tempfile.TemporaryDirectory() as cache:
        os.chmod(cache, 0o700)
        command = [python, __file__, "--one", which, str(n), "--backend", backend]
        caches = {"WORKBENCH_CACHE_DIR": cache, "PYTENSOR_FLAGS": f"base_compiledir={cache}"}
        try:
            done = subprocess.run(command, env={**os.environ, **caches}, capture_output=True, text=True, timeout=limit)
        except subprocess.TimeoutExpired:
            return f"over {limit:.0f} s"
    return f"failed: {done.stderr.strip().splitlines()[-1:] or done.returncode}" if done.returncode else dict(json.loads(done.stdout.splitlines()[-1]))


if __name__ == "__main__":
    main()
