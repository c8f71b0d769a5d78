"""Long convolutions by Fourier transforms, where they take less time: by default as measured once, or as measured here."""

from __future__ import annotations

import functools
import json
import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import workbench.tensor as pt
from workbench.config import cache_directory
from workbench.graph.expr import Expr, intern
from workbench.graph.frozen import frozen
from workbench.graph.properties import is_nonnegative
from workbench.graph.rewrite import Declined, rule
from workbench.tensor.signal import Convolve, LongConvolve

FILE = "convolution.json"


@frozen
class Costs:
    """What transforms take, in products of the direct sum.

    Attributes
    ----------
    per_point, overhead
        Of N points, ``overhead + per_point * N * log2(N)``.
    origin
        Where the numbers are from, in words.
    """

    per_point: float = 18.0
    overhead: float = 150_000.0
    origin: str = "by default"


def calibrate() -> Costs:
    """Measure what transforms and direct sums take here, and keep it beside compiled code; takes a tenth of a second.

    From then on, in processes that start later and in this one, the rule ``convolution_by_fft`` goes by it.
    Without it the rule goes by numbers that are the same everywhere.

    Examples
    --------
    >>> from workbench.rewrites.convolution import calibrate
    >>> calibrate().origin  # doctest: +SKIP
    'measured here'
    """
    rng = np.random.default_rng(0)
    long, short = rng.normal(size=4000), rng.normal(size=500)
    product = _seconds(lambda: np.convolve(long, short)) / (long.size * short.size)
    # Of two lengths, as both parts of the cost are to be found.
    few, many = 256, 16_384
    signals = [rng.normal(size=n) for n in (few, many)]
    ends = [_seconds(functools.partial(_transforms, x)) / product for x in signals]
    work = [n * math.log2(n) for n in (few, many)]
    per_point = max((ends[1] - ends[0]) / (work[1] - work[0]), 0.1)
    costs = {"per_point": round(per_point, 3), "overhead": round(max(ends[0] - per_point * work[0], 0.0), 1)}
    folder = cache_directory()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / FILE).write_text(json.dumps(costs))
    measured.cache_clear()
    return measured()


def _transforms(x: Any) -> Any:
    return np.fft.irfft(np.fft.rfft(x) * np.fft.rfft(x))


def _seconds(function: Callable[[], Any]) -> float:
    function()
    times = []
    for _ in range(15):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)


@functools.cache
def measured() -> Costs:
    """Return the costs that were measured here; those by default, where nothing was, or what was kept cannot be read."""
    try:
        kept = json.loads((cache_directory() / FILE).read_text())
        return Costs(float(kept["per_point"]), float(kept["overhead"]), "measured here")
    except (OSError, ValueError, KeyError, TypeError):
        return Costs()


def _see_that_it_pays(op: LongConvolve, expr: Expr, origin: str) -> None:
    lengths = [x.type.shape[-1] for x in expr.inputs]
    known = [n for n in lengths if isinstance(n, int)]
    if len(known) == 2 and not op.pays(known[0], known[1]):
        raise Declined(f"{op.products(known[0], known[1])} products take less time than transforms: {origin}, these take {op.overhead:.0f} + {op.per_point:g} N log2(N) products, for N points", expr)
    if len(known) == 1 and not op.pays(known[0], 1000 * known[0]):
        raise Declined(f"one of the signals has {known[0]} elements: {origin}, transforms take more time than sums, however long the other is", expr)


@rule("specialise", ops=(Convolve,), examples=lambda: [pt.signal.convolve(pt.vector("x", 3000), pt.vector("y", 700)), pt.signal.convolve(pt.matrix("x", 2, 500), pt.vector("y", 9000), "valid")])
def convolution_by_fft(expr: Expr) -> Expr:
    """Transforms of both signals, multiplied, are the transform of their convolution: N log N operations for a sum of products of each pair.

    Elements much smaller than the largest lose digits of their own. What lengths it takes is measured by
    :func:`workbench.rewrites.convolution.calibrate`, else the same everywhere.
    """
    if expr.type.kind != "f":
        raise Declined("sums of products of integers are exact, and transforms are not", expr)
    if all(map(is_nonnegative, expr.inputs)):
        raise Declined("both signals are known not to be negative: each element of their convolution has all its digits, of which transforms would lose those of small ones", expr)
    costs = measured()
    op = LongConvolve(expr.op.mode, costs.per_point, costs.overhead)
    _see_that_it_pays(op, expr, costs.origin)
    made: Expr = intern(op, expr.inputs)
    return made
