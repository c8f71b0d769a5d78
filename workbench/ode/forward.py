"""The solution as a loop over steps whose lengths follow the error, as Hairer, Nørsett and Wanner choose them.

Solving Ordinary Differential Equations I, II.4: the first step and the measure of the error; II, IV.2: the controller, which looks at
the error of the step before too (PI), with the constants of their program dopri5.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

import workbench.tensor as pt
from workbench.graph.inner import Graph
from workbench.graph.types import Type
from workbench.ode.steps import State, Step, at, inputs_like

SAFETY, SLOWER, FASTER, MEMORY = 0.9, 5.0, 10.0, 0.04
"""How much shorter a step is than its error allows; by what factor at most the next is shorter, or longer; the weight of the error before."""
GIVEN = ("t0", "ts", "rtol", "atol", "first_step")
"""What the graph takes, before the state at t0 and what the right-hand side needs."""


def norm(parts: Sequence[Any], scales: Sequence[Any]) -> Any:
    """Return the root of the mean square of a state's parts, each over its scale."""
    total: Any = 0.0
    count: Any = 0
    for x, s in zip(parts, scales):
        ratio = x / s
        square = ratio * ratio
        total = total + (square if x.ndim == 0 else square.sum())
        count = count + (1 if x.ndim == 0 else x.size_expr())
    return pt.sqrt(total / pt.cast(count, total.dtype))


def direction_of(t0: Any, ts: Any) -> Any:
    """Return 1 where times go forwards from t0, and -1 where they go backwards: where the last is before t0."""
    last = pt.concatenate([pt.expand_dims(t0, 0), ts])[-1]
    one = np.asarray(1.0, t0.dtype)
    return pt.where(last < t0, -one, one)


def first_length(step: Step, t: Any, y: State, slopes: State, scales: Sequence[Any], longest: Any, closed: Sequence[Any], direction: Any) -> Any:
    """Return the length of a first step, without its sign: from the size of y, f and how f changes over a short explicit step."""
    size, slope = norm(y, scales), norm(slopes, scales)
    guess = pt.minimum(pt.where((size < 1e-5) | (slope < 1e-5), 1e-6, 0.01 * size / slope), longest)
    ahead = direction * guess
    there = step.slopes(t + ahead, [x + ahead * k for x, k in zip(y, slopes)], closed)
    bend = norm([a - b for a, b in zip(there, slopes)], scales) / guess
    steepest = pt.maximum(slope, bend)
    allowed = pt.where(steepest <= 1e-15, pt.maximum(1e-6, guess * 1e-3), (0.01 / steepest) ** (1.0 / step.tableau.order))
    return pt.minimum(100.0 * guess, allowed)


@functools.lru_cache(maxsize=64)
def solution(method: str, rhs: Graph, parts: int, max_steps: int, types: tuple[Type, ...]) -> Graph:
    """Return the graph that solves equations.

    Its parameters are those of `GIVEN`, the state's parts at t0, and what the right-hand side needs. Its results are the parts at `ts`,
    stacked along a first axis, NaN where the solution did not arrive; the numbers of steps and of attempts, and at which time it is; and the
    times and states before each step and after the last, of which the gradient is made.
    """
    step = Step(method, rhs, parts)
    params = inputs_like(types, [*GIVEN, *["y"] * parts, *[p.name for p in rhs.params[1 + parts :]]])
    (t0, ts, rtol, atol, given), y0, closed = params[:5], params[5 : 5 + parts], params[5 + parts :]
    tableau, dtype = step.tableau, t0.dtype
    exponent = 1.0 / (tableau.error_order + 1)
    count = ts.shape[0]
    # Steps have the sign of the direction; what is compared is turned so that it goes forwards.
    direction = direction_of(t0, ts)
    ahead, begin = direction * ts, direction * t0
    last = direction * pt.max(pt.concatenate([pt.expand_dims(begin, 0), ahead]))
    # Out of order there is no solution: NaN, without a step.
    in_order = pt.all(ahead[1:] >= ahead[:-1]) & pt.all(ahead >= begin)
    begun = pt.where(in_order, pt.sum(pt.cast(ahead <= begin, "int64")), pt.cast(count, "int64"))
    outputs = []
    for x in y0:
        at_start = pt.reshape(ahead <= begin, (count, *[1] * x.ndim)) & in_order
        outputs.append(pt.where(at_start, pt.expand_dims(x, 0), pt.constant(np.asarray(math.nan, x.dtype))))
    first = step.slopes(t0, y0, closed)
    found = first_length(step, t0, y0, first, [atol + rtol * pt.abs(x) for x in y0], direction * (last - t0), closed, direction)
    h0 = direction * pt.where(given > 0.0, given, found)
    times = pt.set_subtensor(pt.empty((max_steps + 1,), dtype=dtype)[0], t0)
    states = [pt.set_subtensor(pt.empty((max_steps + 1, *x.shape), dtype=x.dtype)[0], x) for x in y0]
    carried_slopes = first if tableau.ends_at_the_last_stage else []
    n, k = parts, len(carried_slopes)

    def going(t: Any, h: Any, before: Any, grow: Any, done: Any, tried: Any, j: Any, *_: Any) -> Any:
        return (j < count) & (tried < max_steps) & (direction * (t + 0.1 * h) > direction * t)

    def body(t: Any, h: Any, before: Any, grow: Any, done: Any, tried: Any, j: Any, *rest: Any) -> list[Any]:
        y, slopes, found, times, states = list(rest[:n]), list(rest[n : n + k]), list(rest[n + k : 2 * n + k]), rest[2 * n + k], list(rest[2 * n + k + 1 :])
        left = last - t
        ends = 1.01 * direction * h >= direction * left
        h = pt.where(ends, left, h)
        after = pt.where(ends, last, t + h)
        made, slopes_after = step.increments(t, h, y, closed, slopes or None)
        y_after = step.end(y, made)
        scales = [atol + rtol * pt.maximum(pt.abs(a), pt.abs(b)) for a, b in zip(y, y_after)]
        error = norm(step.errors(made), scales)
        accepted = error <= 1.0
        # What is not a number is too large.
        plain = pt.where(pt.isnan(error), SLOWER * SAFETY, error**(exponent - 0.75 * MEMORY))
        smooth = pt.clip(plain / before**MEMORY / SAFETY, 1.0 / FASTER, SLOWER)
        h_next = h / pt.where(accepted, pt.where(grow, smooth, pt.maximum(smooth, 1.0)), pt.minimum(plain / SAFETY, SLOWER))
        between = step.between(made)
        reached = pt.where(accepted, direction * after, -math.inf)

        def observe(j: Any, *found: Any) -> list[Any]:
            here = at((ts[j] - t) / h, y, between)
            return [j + 1, *[pt.set_subtensor(f[j], x) for f, x in zip(found, here)]]

        j_after, *found = pt.while_loop(
            lambda j, *_: (j < count) & (ahead[pt.minimum(j, count - 1)] <= reached), observe, [j, *found], names=["observation", *["solution"] * n]
        )
        # A step that is rejected is written too, and overwritten by the next.
        times = pt.set_subtensor(times[done + 1], after)
        states = [pt.set_subtensor(s[done + 1], x) for s, x in zip(states, y_after)]
        return [
            pt.where(accepted, after, t), h_next, pt.where(accepted, pt.maximum(error, 1e-4), before), accepted,
            done + pt.cast(accepted, "int64"), tried + 1, j_after,
            *[pt.where(accepted, a, b) for a, b in zip(y_after, y)],
            *[pt.where(accepted, a, b) for a, b in zip(slopes_after or [], slopes)],
            *found, times, *states,
        ]  # fmt: skip

    start = [
        t0, h0, pt.constant(np.asarray(1e-4, dtype)), pt.constant(True), pt.constant(0), pt.constant(0), begun,
        *y0, *carried_slopes, *outputs, times, *states,
    ]  # fmt: skip
    names = ["t", "h", "error_before", "may_grow", "steps", "attempts", "observed", *["y"] * n, *["slope"] * k, *["solution"] * n, "times", *["states"] * n]
    final = pt.while_loop(going, body, start, names=names)
    t, done, tried = final[0], final[4], final[5]
    arrived = pt.where(final[6] >= count, last, t)
    return Graph(params, [*final[7 + n + k : 7 + 2 * n + k], done, tried, arrived, *final[7 + 2 * n + k :]])
