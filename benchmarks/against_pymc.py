"""The models of tests/conformance in PyMC and here, in one run: agreement, and times of log-density and gradient.

    python benchmarks/against_pymc.py --peers path/to/python [--backend c] [model ...]

Both get the same source of the model (``pm = pymc``, ``pm = workbench``). Compared are names, shapes and
start of the values, and log-density and gradient at ten random points. Compile times are from the finished
model to the first result, with an empty cache here and PyMC's as it is; call times are the least of many
calls through Python, all inputs given in order. PyMC runs in its default mode. `--peers` is an interpreter
with benchmarks/peers-requirements.txt.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests" / "conformance"))

import gallery  # noqa: E402, F401
import models  # noqa: E402, F401
from examples import MODELS, make_data, points  # noqa: E402


def least_seconds(call: Any, budget: float = 0.2) -> float:
    """Least mean time of a call, over batches that take about a millisecond each."""
    begin = time.perf_counter()
    call()
    count = max(1, int(1e-3 / max(time.perf_counter() - begin, 1e-7)))
    best, end = math.inf, time.perf_counter() + budget
    while time.perf_counter() < end:
        begin = time.perf_counter()
        for _ in range(count):
            call()
        best = min(best, (time.perf_counter() - begin) / count)
    return best


def answers(pm: Any, name: str, options: dict[str, Any], start: dict[str, Any] | None = None) -> dict[str, Any]:
    """Build a model, compile it, run it at its points and time it."""
    begin = time.perf_counter()
    model = MODELS[name].build(pm, make_data())
    built = time.perf_counter() - begin
    found = model.initial_point()
    own = {v.name: np.asarray(found[v.name]) for v in model.value_vars}
    given = own if start is None else {k: np.asarray(v, own[k].dtype) for k, v in start.items()}
    where = [list(point.values()) for point in points(MODELS[name], given)]
    begin = time.perf_counter()
    f = model.compile_fn([model.logp(), model.dlogp()], inputs=model.value_vars, point_fn=False, **options)
    f(*where[0])
    compiled = time.perf_counter() - begin
    results = [f(*values) for values in where]
    return {
        "start": {k: v.tolist() for k, v in own.items()},
        "shapes": {k: list(v.shape) for k, v in own.items()},
        "logp": [float(logp) for logp, _ in results],
        "gradient": [np.asarray(gradient).tolist() for _, gradient in results],
        "build": built,
        "compile": compiled,
        "call": least_seconds(lambda: f(*where[0])),
    }


def serve() -> None:
    """Answer for PyMC: a model's name a line in, a line of JSON out."""
    import pymc as pm
    import pytensor

    warnings.simplefilter("ignore")
    # PyTensor keeps Python numbers in single precision by default, and takes logarithms of them so.
    pytensor.config.cast_policy = "numpy+floatX"
    print(json.dumps(f"PyMC {pm.__version__}, PyTensor {pytensor.__version__}"), flush=True)
    for line in sys.stdin:
        name = line.strip()
        try:
            reply = answers(pm, name, {})
        except TypeError:
            # A loop inside of a derivative does not compile under that policy.
            with pytensor.config.change_flags(cast_policy="custom"), pytensor.scalar.autocast_float_as("float64"):
                reply = answers(pm, name, {})
        except Exception as error:
            reply = {"error": f"{type(error).__name__}: {str(error)[:300]}"}
        print(json.dumps(reply), flush=True)


def difference(ours: dict[str, Any], theirs: dict[str, Any]) -> tuple[str, float]:
    """What differs in names, shapes and start; and the largest relative difference in numbers."""
    said = []
    if list(ours["start"]) != list(theirs["start"]):
        said.append(f"names {list(ours['start'])} for {list(theirs['start'])}")
    elif ours["shapes"] != theirs["shapes"]:
        said.append(f"shapes {ours['shapes']} for {theirs['shapes']}")
    else:
        for k, value in theirs["start"].items():
            if not np.allclose(ours["start"][k], value, rtol=1e-10, atol=1e-10):
                said.append(f"start of {k}")
    numbers = [0.0]
    for a, b in zip(ours["logp"], theirs["logp"]):
        numbers.append(abs(a - b) / max(abs(b), 1e-2))
    for a, b in zip(ours["gradient"], theirs["gradient"]):
        a, b = np.array(a), np.array(b)
        if a.shape != b.shape:
            said.append("size of the gradient")
        elif b.size:
            # An entry that is a difference of large terms is as precise as they are.
            numbers.append(float((np.abs(a - b) / (np.abs(b) + 1e-2 * (1 + np.abs(b).max()))).max()))
    # Of numbers with a NaN the largest is NaN, which is not below any tolerance.
    worst = float(np.max(numbers))
    return "; ".join(said), worst


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--peers", help="an interpreter with PyMC")
    parser.add_argument("--backend", default="c")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("models", nargs="*")
    given = parser.parse_args()
    if given.serve:
        serve()
        return
    if not given.peers:
        parser.error("PyMC is needed: give --peers path/to/python")
    import workbench as pm

    peer = subprocess.Popen(
        [given.peers, __file__, "--serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert peer.stdin is not None and peer.stdout is not None
    print(f"workbench {pm.__version__} ({given.backend}) and {json.loads(peer.stdout.readline())}")
    print(f"{'model':48s} {'values':>6s} {'differs by':>10s} {'compile s':>17s} {'ratio':>6s} {'call us':>17s} {'ratio':>6s}")
    agreed, compiles, calls = 0, [], []
    with tempfile.TemporaryDirectory() as folder:
        os.environ["WORKBENCH_CACHE_DIR"] = folder
        for name in given.models or MODELS:
            peer.stdin.write(name + "\n")
            peer.stdin.flush()
            theirs = json.loads(peer.stdout.readline())
            if "error" in theirs:
                print(f"{name:48s} PyMC: {theirs['error']}")
                continue
            try:
                ours = answers(pm, name, {"backend": given.backend}, theirs["start"])
            except Exception as error:
                print(f"{name:48s} {type(error).__name__}: {str(error)[:100]}")
                continue
            said, worst = difference(ours, theirs)
            agreed += worst < 1e-8 and not said
            compiles.append(ours["compile"] / theirs["compile"])
            calls.append(ours["call"] / theirs["call"])
            print(
                f"{name:48s} {sum(map(math.prod, ours['shapes'].values())):6d} {worst:10.1e} {ours['compile']:8.2f} {theirs['compile']:8.2f} "
                f"{compiles[-1]:6.2f} {1e6 * ours['call']:8.1f} {1e6 * theirs['call']:8.1f} {calls[-1]:6.2f} {said}",
                flush=True,
            )
    peer.stdin.close()
    peer.wait()
    total = len(given.models or MODELS)
    print(f"{agreed} of {total} agree to 1e-8, with names, shapes and start")
    if calls:
        mean = [math.exp(float(np.mean(np.log(r)))) for r in (compiles, calls)]
        print(f"geometric means of ours to theirs: compile {mean[0]:.3f}, call {mean[1]:.3f}; slowest call {max(calls):.2f}")


if __name__ == "__main__":
    main()
