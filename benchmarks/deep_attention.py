"""Attention of benchmarks/deep.py: 8 heads, 4,096 places, 64 wide, written as a formula; long convolutions; a diagonal plus low rank.

Run by itself it prints what memory attention takes, as an operation and as the formula, each in a process of its own.
"""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

import workbench as pm
import workbench.tensor as pt
from workbench.graph.rewrite import RULES, Mode
from workbench.rewrites import default_mode

HEADS, PLACES, WIDTH = 8, 4096, 64
FORMULA = "softmax_times_values"


def without(*groups: str) -> Mode:
    """The default mode without the rules of some groups."""
    mode = default_mode()
    return mode.excluding(*(r.name for r in RULES.values() if r.group in groups or r.name in groups))


def attention(causal: bool, dtype: str, shape: tuple[int, ...]) -> tuple[list[Any], Any]:
    """Inputs and the formula, as people write it."""
    q, k, v = (pt.tensor(name, dtype, shape) for name in "qkv")
    scores = q @ pt.swapaxes(k, -1, -2) / np.sqrt(shape[-1]).astype(dtype)
    if causal:
        scores = pt.where(pt.tril(pt.ones((shape[-2], shape[-2]))) > 0, scores, np.asarray(-np.inf, dtype))
    return [q, k, v], pt.softmax(scores, axis=-1) @ v


def cases() -> Iterator[Any]:
    """Yield values and gradients of attention, then what the other rules of large structure gain."""
    import jax
    import torch
    from deep import Case

    threads = torch.get_num_threads()
    for dtype, causal in (("float32", False), ("float32", True), ("float64", False)):
        shape = (1, HEADS, PLACES, WIDTH)
        values = [np.random.default_rng(i).normal(size=shape).astype(dtype) for i in range(4)]
        inputs, out = attention(causal, dtype, shape)
        ours = pm.function(inputs, out, threads=threads)
        theirs = [torch.tensor(v, requires_grad=True) for v in values[:3]]
        plain = [t.detach() for t in theirs]
        weights = torch.tensor(values[3])
        sdpa = torch.nn.functional.scaled_dot_product_attention
        rows = [jax.numpy.swapaxes(jax.numpy.asarray(v), 1, 2) for v in values[:3]]
        in_jax = jax.jit(lambda q, k, v, c=causal: jax.numpy.swapaxes(jax.nn.dot_product_attention(q, k, v, is_causal=c), 1, 2))
        name = f"attention, {HEADS} heads x {PLACES} x {WIDTH}, {dtype}{', causal' if causal else ''}"
        yield Case(f"{name}, value", {
            "ours": lambda f=ours, v=values: f(*v[:3]), "PyTorch": lambda p=plain, c=causal: sdpa(*p, is_causal=c).numpy(),
            "jax.jit": lambda f=in_jax, r=rows: f(*r).block_until_ready(),
        })  # fmt: skip
        if dtype == "float64":
            continue
        by_queries = pm.function([*inputs], pm.grad(pt.sum(out * values[3]), inputs), threads=threads)

        def in_torch(t: Any = theirs, w: Any = weights, c: bool = causal) -> Any:
            return torch.autograd.grad((sdpa(*t, is_causal=c) * w).sum(), t)[0].numpy()

        yield Case(f"{name}, value and gradient", {"ours": lambda f=by_queries, v=values: f(*v[:3])[0], "PyTorch": in_torch})
    yield from _convolutions()
    yield from _low_rank()


def _convolutions() -> Iterator[Any]:
    import scipy.signal
    from deep import Case

    for n, m in ((10_000, 1000), (100_000, 1000)):
        a, b = (np.random.default_rng(i).normal(size=k) for i, k in enumerate((n, m)))
        x, y = pt.vector("x", n), pt.vector("y", m)
        out = pt.signal.convolve(x, y)
        ours, sums = pm.function([x, y], out), pm.function([x, y], out, mode=without("convolution_by_fft"))
        yield Case(f"convolution of {n} with {m}", {
            "ours": lambda f=ours, a=a, b=b: f(a, b), "sums": lambda f=sums, a=a, b=b: f(a, b), "SciPy": lambda a=a, b=b: scipy.signal.oaconvolve(a, b),
        })  # fmt: skip


def _low_rank() -> Iterator[Any]:
    from deep import Case

    for n, r in ((50, 3), (1000, 10)):
        rng = np.random.default_rng(n)
        d, u, y = pt.vector("d", n), pt.matrix("u", n, r), pt.vector("y", n)
        density = pm.logp(pm.MvNormal.dist(pt.zeros(n), cov=pt.diag(pt.exp(d)) + u @ u.T), y)
        values = [rng.normal(size=n), rng.normal(size=(n, r)), rng.normal(size=n)]
        ours, whole = (pm.function([d, u, y], density, mode=m) for m in (default_mode(), without("low rank")))
        yield Case(f"density of MvNormal, diagonal plus rank {r} of {n}", {"ours": lambda f=ours, v=values: f(*v), "whole matrix": lambda f=whole, v=values: f(*v)})


def peak(what: str) -> None:
    """Print by how many megabytes a call raises the most memory that this process had."""
    inputs, out = attention(False, "float32", (1, HEADS, PLACES, WIDTH))
    f = pm.function(inputs, out, mode=default_mode() if what == "operation" else without(FORMULA))
    values = [np.random.default_rng(i).standard_normal((1, HEADS, PLACES, WIDTH), "float32") for i in range(3)]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    f(*values)
    print(f"{what}: {(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024:.1f} MB")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        peak(sys.argv[1])
    else:
        for each in ("operation", "formula"):
            subprocess.run([sys.executable, __file__, each], check=True)
