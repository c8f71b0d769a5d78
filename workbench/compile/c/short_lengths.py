"""Code with numbers for short lengths: loops over at most four elements are unrolled, which pays where they are innermost.

A function that is called often with such lengths is compiled for them too, on a thread of its own, and the
faster code is taken from then on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from workbench.compile.loop_ir.sizes import LITERAL_LIMIT
from workbench.graph.conditions import retyped
from workbench.graph.expr import Expr
from workbench.graph.inner import Graph
from workbench.graph.lengths import Symbol, symbols

OFTEN = 10_000
"""Calls with arguments of the same shapes after which code for short lengths is compiled, or tried."""
LEAST_GAIN = 1.1
"""How much faster it must be to be kept."""
ROUNDS, SPAN = 5, 0.001


def short_lengths(params: Sequence[Expr], values: Mapping[Symbol, int]) -> dict[Symbol, int]:
    """Return those lengths of the parameters that are short."""
    named = dict.fromkeys(s for p in params for n in p.type.shape for s in symbols(n))
    return {s: values[s] for s in named if s in values and values[s] <= LITERAL_LIMIT}


def with_numbers(graph: Graph, numbers: Mapping[Symbol, int]) -> Graph:
    """Return the graph with numbers for some of its lengths."""
    params = [retyped(p, numbers) for p in graph.params]
    return Graph(params, graph.apply(*params))


def gain(old: Callable[..., Any], new: Callable[..., Any], values: Sequence[Any]) -> float:
    """Return how many times faster the second of two functions is: their least times, in turns."""
    least = [float("inf"), float("inf")]
    for _ in range(ROUNDS):
        for k, f in enumerate((old, new)):
            count, begin = 0, time.perf_counter()
            while (spent := time.perf_counter() - begin) < SPAN or not count:
                f(*values)
                count += 1
            least[k] = min(least[k], spent / count)
    return least[0] / least[1]
