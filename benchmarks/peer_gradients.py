"""The problems of problems.py with PyTensor (C and Numba modes) or jax.jit: compile and call times.

    python benchmarks/peer_gradients.py pytensor-c|pytensor-numba|jax data.npz [how many of the problems]

Prints one line of JSON: for each problem, seconds to compile and to call, value and gradient's norm.
"""

from __future__ import annotations

import json
import sys
import time

import numpy as np
from problems import Jax, PyTensor, problems


def timed(f, q, least=1.0):
    """The least seconds of a call."""
    f(q)
    begin = time.perf_counter()
    f(q)
    once = time.perf_counter() - begin
    count = max(1, int(0.001 / max(once, 1e-7)))  # Short, so that some of them are not disturbed.
    found = []
    stop = time.perf_counter() + least
    while time.perf_counter() < stop or len(found) < 5:
        begin = time.perf_counter()
        for _ in range(count):
            f(q)
        found.append((time.perf_counter() - begin) / count)
    return min(found)


def main(which, path, first=None):
    data = dict(np.load(path))
    results = {}
    for p in problems(data)[: first and int(first)]:
        begin = time.perf_counter()
        if which == "jax":
            import jax

            m = Jax()
            f = jax.jit(jax.value_and_grad(lambda q, p=p, m=m: p.density(m, q)))
            f = f.lower(jax.ShapeDtypeStruct((p.size,), "float64")).compile()
            call = lambda q, f=f: jax.block_until_ready(f(q))  # noqa: E731
        else:
            import pytensor

            m = PyTensor()
            q = m.pt.vector("q", shape=(p.size,))
            cost = p.density(m, q)
            mode = "CVM" if which == "pytensor-c" else "NUMBA"
            call = pytensor.function([q], [cost, pytensor.grad(cost, q)], mode=pytensor.compile.mode.get_mode(mode), trust_input=True)
        value, gradient = call(p.point)
        compiled = time.perf_counter() - begin
        results[p.name] = {
            "compile": compiled, "call": timed(call, p.point), "value": float(value), "norm": float(np.linalg.norm(gradient)),
        }  # fmt: skip
    print(json.dumps(results))


if __name__ == "__main__":
    main(*sys.argv[1:])
