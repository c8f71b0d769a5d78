"""The gradient of a solution: its steps run backwards, each computed anew from the state before it (discrete adjoint).

The lengths of the steps count as given, so the gradient is that of the numbers which the solver returns, at these steps. It costs as much memory
as the states before each step, and about as much time again as the solution, however many parameters there are.
"""

from __future__ import annotations

import functools
from typing import Any

import workbench.tensor as pt
from workbench.graph.inner import Graph
from workbench.graph.types import Type
from workbench.ode.forward import GIVEN, direction_of
from workbench.ode.steps import Step, inputs_like
from workbench.transforms.gradient import vjp


@functools.lru_cache(maxsize=64)
def adjoint(method: str, rhs: Graph, parts: int, types: tuple[Type, ...], results: tuple[Type, ...], read: tuple[int, ...]) -> Graph:
    """Return the graph of the gradient.

    Its parameters are those of the solution, its results, and cotangents of those of its results that are numbered in `read`: parts at the times
    asked for, and states before each step. Its results are cotangents of t0, ts, the parts at t0, and of the real ones that the right-hand side needs.
    """
    step = Step(method, rhs, parts)
    n = parts
    params = inputs_like(types, [*GIVEN, *["y"] * n, *[p.name for p in rhs.params[1 + n :]]])
    made = inputs_like(results, [*["solution"] * n, "steps", "attempts", "arrived", "times", *["states"] * n])
    given = inputs_like([results[i] for i in read], ["cotangent"] * len(read))
    (t0, ts), y0, closed = params[:2], params[5 : 5 + n], params[5 + n :]
    done, times, states = made[n], made[n + 3], made[n + 4 :]
    cotangents = dict(zip(read, given))
    zero = [pt.zeros_like(x) for x in y0]
    wanted = [c for c in closed if c.type.kind == "f"]
    degree = len(step.tableau.dense[0])
    direction = direction_of(t0, ts)
    ahead, begin = direction * ts, direction * t0
    early = pt.sum(pt.cast(ahead <= begin, "int64"))
    # Only what the solution arrived at moves it.
    seen = [i for i in range(n) if i in cotangents]
    ys = {i: pt.where(pt.isnan(made[i]), 0.0, cotangents[i]) for i in seen}
    back, names = _back(step, degree, rhs)

    def going(i: Any, *_: Any) -> Any:
        return i > 0

    def body(i: Any, j: Any, *rest: Any) -> list[Any]:
        moving, sums = list(rest[:n]), rest[n:]
        i = i - 1
        t, y = times[i], [s[i] for s in states]
        h = times[i + 1] - t

        def gather(j: Any, *moments: Any) -> list[Any]:
            theta = (ts[j] - t) / h
            power: Any = None
            after = []
            for d in range(degree + 1):
                for position, k in enumerate(seen):
                    m, g = moments[d * len(seen) + position], ys[k][j]
                    after.append(m + (g if power is None else power * g))
                power = theta if power is None else power * theta
            return [j - 1, *after]

        moments = pt.while_loop(
            lambda j, *_: (j >= early) & (ahead[pt.maximum(j, 0)] > direction * t), gather, [j, *[zero[k] for _ in range(degree + 1) for k in seen]],
            names=["observation", *["moment"] * (degree + 1) * len(seen)],
        )  # fmt: skip
        j, moments = moments[0], moments[1:]

        def moment(d: int, k: int) -> Any:
            return moments[d * len(seen) + seen.index(k)] if k in seen else zero[k]

        towards = [*moving, *[moment(d, k) for d in range(1, degree + 1) for k in range(n)]]
        of_step = list(back.apply(t, h, *y, *closed, *towards))
        before = [a + moment(0, k) if k in seen else a for k, a in enumerate(of_step[:n])]
        before = [a + cotangents[n + 4 + k][i] if n + 4 + k in cotangents else a for k, a in enumerate(before)]
        return [i, j, *before, *[a + b for a, b in zip(sums, of_step[n:])]]

    ends = [cotangents[n + 4 + k][done] if n + 4 + k in cotangents else zero[k] for k in range(n)]
    observed = pt.cast(ts.shape[0], "int64") - 1
    final = pt.while_loop(going, body, [done, observed, *ends, *[pt.zeros_like(c) for c in wanted]], names=["step", "observation", *["adjoint"] * n, *[f"gradient_{m}" for m in names]])
    of_y0 = final[2 : 2 + n]
    of_t0 = -sum((pt.sum(a * f) for a, f in zip(of_y0, step.slopes(t0, y0, closed))), pt.zeros_like(t0))
    for k in seen:
        at_start = pt.reshape(ahead <= begin, (ts.shape[0], *[1] * y0[k].ndim))
        of_y0[k] = of_y0[k] + pt.sum(pt.where(at_start, ys[k], 0.0), axis=0)
    return Graph([*params, *made, *given], [of_t0, _in_times(step, ts, made[:n], closed, ys), *of_y0, *final[2 + n :]])


def _back(step: Step, degree: int, rhs: Graph) -> tuple[Graph, list[str]]:
    """One step backwards: from its state and cotangents of its end, and of its coefficients, to those of the state and what f needs."""
    n = step.parts
    scalar = rhs.params[0].type
    kinds: list[Any] = [p.type for p in rhs.params[1 : 1 + n]]
    t, h = inputs_like([scalar, scalar], ["t", "h"])
    y = inputs_like(kinds, ["y"] * n)
    closed = inputs_like([p.type for p in rhs.params[1 + n :]], [p.name for p in rhs.params[1 + n :]])
    towards = inputs_like(kinds * (1 + degree), ["cotangent"] * (n + n * degree))
    increments, _ = step.increments(t, h, y, closed)
    outputs = [*step.end(y, increments), *[x for row in step.between(increments) for x in row]]
    wanted = [c for c in closed if c.type.kind == "f"]
    found = vjp(outputs, [*y, *wanted], towards)
    return Graph([t, h, *y, *closed, *towards], found), [c.name or "closed" for c in wanted]


def _in_times(step: Step, ts: Any, solution: Any, closed: Any, cotangents: dict[int, Any]) -> Any:
    """Cotangents of the times: the solution moves along f there."""
    if not cotangents:
        return pt.zeros_like(ts)
    seen = list(cotangents)

    def row(t: Any, *rest: Any) -> Any:
        slopes = step.slopes(t, rest[: step.parts], closed)
        return sum((pt.sum(g * slopes[k]) for k, g in zip(seen, rest[step.parts :])), pt.zeros_like(t))

    return pt.map(row, [ts, *solution, *cotangents.values()])
