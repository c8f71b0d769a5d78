"""A step of training of a network of three layers, in single precision: loss, gradient and Adam's or plain descent's update.

Ours is one compiled function that updates its parameters; JAX's is jitted with its arguments donated; PyTorch's is what its users write.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax
import numpy as np
import optax
import torch
from deep import Case

import workbench as pm
import workbench.tensor as pt

SIZES = (784, 256, 128, 10)
BATCHES = (64, 512)
RATES = {"sgd": 0.1, "adamw": 1e-3}


def _layers() -> list[tuple[Any, Any]]:
    rng = np.random.default_rng(1)
    return [((rng.normal(size=(a, b)) * np.sqrt(2 / a)).astype("float32"), np.zeros(b, "float32")) for a, b in zip(SIZES, SIZES[1:])]


def _ours(optimizer: str) -> Any:
    params = [[pt.data(f"w{i}", w), pt.data(f"b{i}", b)] for i, (w, b) in enumerate(_layers())]
    x, y = pt.matrix("x", "n", SIZES[0], dtype="float32"), pt.vector("y", "n", dtype="int64")
    h = x
    for i, (w, b) in enumerate(params):
        h = h @ w + b
        h = pm.nn.relu(h) if i + 1 < len(params) else h
    loss = pm.nn.cross_entropy(h, y)
    return pm.function([x, y], loss, updates=getattr(pm, optimizer)(loss, params, learning_rate=RATES[optimizer]), backend="c")


def _torch(optimizer: str) -> Any:
    model = torch.nn.Sequential()
    for i, (w, b) in enumerate(_layers()):
        linear = torch.nn.Linear(*w.shape)
        with torch.no_grad():
            linear.weight.copy_(torch.tensor(w.T))
            linear.bias.copy_(torch.tensor(b))
        model.append(linear)
        if i + 2 < len(SIZES):
            model.append(torch.nn.ReLU())
    made = torch.optim.SGD if optimizer == "sgd" else torch.optim.AdamW
    steps = made(model.parameters(), lr=RATES[optimizer])

    def step(x: Any, y: Any) -> float:
        steps.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(x), y)
        loss.backward()
        steps.step()
        return loss.item()

    return step


def _jax(optimizer: str) -> Any:
    params = [(jax.numpy.asarray(w), jax.numpy.asarray(b)) for w, b in _layers()]
    steps = optax.sgd(RATES["sgd"]) if optimizer == "sgd" else optax.adamw(RATES["adamw"], weight_decay=0.01)
    state = steps.init(params)

    def loss(params: Any, x: Any, y: Any) -> Any:
        h = x
        for i, (w, b) in enumerate(params):
            h = h @ w + b
            h = jax.nn.relu(h) if i + 1 < len(params) else h
        return optax.softmax_cross_entropy_with_integer_labels(h, y).mean()

    def step(params: Any, state: Any, x: Any, y: Any) -> Any:
        value, gradients = jax.value_and_grad(loss)(params, x, y)
        change, state = steps.update(gradients, state, params)
        return optax.apply_updates(params, change), state, value

    compiled = jax.jit(step, donate_argnums=(0, 1))

    def call(x: Any, y: Any) -> float:
        nonlocal params, state
        params, state, value = compiled(params, state, x, y)
        return float(value)

    return call


def cases() -> Iterator[Case]:
    """Yield a step of each optimizer on each size of batch."""
    rng = np.random.default_rng(2)
    for optimizer in RATES:
        for n in BATCHES:
            x, y = rng.normal(size=(n, SIZES[0])).astype("float32"), rng.integers(0, SIZES[-1], n)
            tx, ty = torch.tensor(x), torch.tensor(y)
            ours, theirs, jitted = _ours(optimizer), _torch(optimizer), _jax(optimizer)

            def called(step: Any, *batch: Any) -> Any:
                return lambda: np.array([step(*batch)])

            ways = {"ours": called(ours, x, y), "PyTorch": called(theirs, tx, ty), "jax.jit": called(jitted, x, y)}
            yield Case(f"training step, {optimizer}, batch {n}", ways)
