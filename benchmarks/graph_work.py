"""Building, differentiating and rewriting graphs: the same work with workbench or with PyTensor.

    python benchmarks/graph_work.py workbench|pytensor

Prints one line of JSON: seconds of each part, the least of several runs.
"""

import gc
import json
import sys
import time


def build(pt, x, count):
    """About `count` elementwise operations, each on two of the last results; nothing repeats."""
    last = [x, x * 0.5, x + 1.25, x - 0.75]
    made, k = 3, 0
    while made < count:
        a, b, c = last[k % 4], last[(k * 7 + 1) % 4], 1.0 + k * 1e-3
        kind = k % 6
        if kind == 0:
            y, ops = pt.sigmoid(a) * b, 2
        elif kind == 1:
            y, ops = pt.log(1.0 + pt.exp(a * c)), 4
        elif kind == 2:
            y, ops = (a - b) / (c + pt.sqr(b)), 4
        elif kind == 3:
            y, ops = pt.sqrt(c + pt.sqr(a)) + b * 1.0, 5
        elif kind == 4:
            y, ops = -(-a) + pt.tanh(b) * c, 5
        else:
            y, ops = pt.switch(a > b, a * c, pt.exp(b - c)), 5
        last[k % 4] = y
        made += ops
        k += 1
    return (last[0] + last[1] + last[2] + last[3]).sum()


def least(job, times=5):
    found = []
    for _ in range(times):
        gc.collect()
        begin = time.perf_counter()
        kept = job()
        found.append(time.perf_counter() - begin)
        del kept
    return min(found)


def main(which):
    if which == "workbench":
        import workbench as pm
        from workbench.rewrites import default_mode

        pt, grad = pm.tensor, pm.grad

        def rewrite(cost):
            return default_mode().run([cost])
    else:
        import pytensor
        import pytensor.tensor as pt
        from pytensor.graph.fg import FunctionGraph
        from pytensor.graph.rewriting.utils import rewrite_graph

        grad = pytensor.grad
        pytensor.config.cxx = ""

        def rewrite(cost):
            # Built anew for each run by the caller: PyTensor rewrites in place.
            return rewrite_graph(FunctionGraph(outputs=[cost], clone=False), include=("canonicalize", "stabilize", "specialize"))

    def fresh(count):
        x = pt.vector("x")
        return x, build(pt, x, count)

    seconds = {"build 10,000": least(lambda: fresh(10_000))}
    x, cost = fresh(2_000)
    seconds["gradient of 2,000"] = least(lambda: grad(cost, x))

    def rewritten():
        gc.collect()
        _, again = fresh(2_000)
        begin = time.perf_counter()
        kept = rewrite(again)
        took = time.perf_counter() - begin
        del kept
        return took

    seconds["rewriting 2,000"] = min(rewritten() for _ in range(3))
    print(json.dumps(seconds))


if __name__ == "__main__":
    main(sys.argv[1])
