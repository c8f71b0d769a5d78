"""Convolutions of benchmarks/deep.py: 3 x 3 kernels, 64 channels in and out, images of 56 x 56; and their gradients."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from deep import Case

import workbench as pm
import workbench.tensor as pt

CHANNELS, SIZE = 64, 56


def cases() -> Iterator[Case]:
    """Yield values and gradients of one image and of eight, in single precision, and the value of one in double."""
    for n, dtype in ((1, "float32"), (8, "float32"), (1, "float64")):
        rng = np.random.default_rng(n)
        x, g = (rng.normal(size=(n, CHANNELS, SIZE, SIZE)).astype(dtype) for _ in range(2))
        w = rng.normal(size=(CHANNELS, CHANNELS, 3, 3)).astype(dtype)
        ways = [_ours(x, w, g), _pytorch(x, w, g), _jax(x, w, g)]
        for i, what in enumerate(("value", "by images", "by kernels")):
            if dtype == "float32" or not i:
                yield Case(f"conv2d 3 x 3, {CHANNELS} channels, {SIZE} x {SIZE}, batch {n}, {dtype}, {what}", {name: calls[i] for name, calls in zip(("ours", "PyTorch", "jax.jit"), ways)})


def _ours(x: Any, w: Any, g: Any) -> list[Any]:
    import torch

    X, W, G = (pt.tensor(name, v.dtype.name, v.shape) for name, v in zip("xwg", (x, w, g)))
    y = pt.nn.conv2d(X, W, padding=1)
    by_images, by_kernels = pm.vjp([y], [X, W], [G])
    threads = torch.get_num_threads()
    value, images, kernels = (pm.function(inputs, out, backend="c", threads=threads) for inputs, out in (([X, W], y), ([G, W], by_images), ([X, G], by_kernels)))
    return [lambda: value(x, w), lambda: images(g, w), lambda: kernels(x, g)]


def _pytorch(x: Any, w: Any, g: Any) -> list[Any]:
    import torch
    from torch.nn import grad

    X, W, G = (torch.tensor(v) for v in (x, w, g))
    return [
        lambda: torch.nn.functional.conv2d(X, W, padding=1), lambda: grad.conv2d_input(x.shape, W, G, padding=1),
        lambda: grad.conv2d_weight(X, w.shape, G, padding=1),
    ]  # fmt: skip


def _jax(x: Any, w: Any, g: Any) -> list[Any]:
    import jax

    def conv(x: Any, w: Any) -> Any:
        return jax.lax.conv(x, w, (1, 1), "SAME")

    X, W, G = (jax.numpy.asarray(v) for v in (x, w, g))
    value, images, kernels = jax.jit(conv), jax.jit(lambda w, g: jax.vjp(lambda x: conv(x, w), X)[1](g)[0]), jax.jit(lambda x, g: jax.vjp(lambda w: conv(x, w), W)[1](g)[0])
    return [lambda: value(X, W).block_until_ready(), lambda: images(W, G).block_until_ready(), lambda: kernels(X, G).block_until_ready()]
