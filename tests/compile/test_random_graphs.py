"""Random graphs: values and gradients on every backend are NumPy's.

By default some graphs on each backend, as many as compile in a minute; all of them with
``WORKBENCH_TESTS=all`` (``make test-all``).
"""

import os

import numpy as np
import pytest

import workbench.tensor as pt
from workbench.compile import function
from workbench.compile.toolchain import find_compiler
from workbench.graph import Graph, Mode
from workbench.transforms import grad

GRAPHS, PER_FUNCTION = 300, 4
SAMPLE = {"numpy": 80, "c": 24, "numba": 4, "jax": 16}
INPUTS = {"s": (), "v": (3,), "w": (5,), "m": (4, 3), "c": (4, 1), "t": (2, 4, 3)}


class Generator:
    """Builds one random expression from what it has built so far. Values stay of moderate size."""

    def __init__(self, seed, inputs):
        self.rng = np.random.default_rng(seed)
        self.pool = list(inputs)

    def pick(self, rank=None):
        fitting = [x for x in self.pool if rank is None or x.ndim >= rank]
        return fitting[self.rng.integers(len(fitting))]

    def chance(self, n):
        return int(self.rng.integers(n))

    def unary(self):
        x = self.pick()
        return [
            lambda: pt.exp(-pt.square(x)), lambda: pt.sigmoid(x), lambda: pt.log1p(pt.square(x)), lambda: pt.sqrt(1.0 + pt.square(x)),
            lambda: -x, lambda: pt.softplus(x), lambda: pt.square(x) / (1.0 + pt.square(x)), lambda: pt.expm1(-pt.abs(x)),
            lambda: pt.clip(x, -1.0, 0.7), lambda: pt.reciprocal(1.0 + pt.exp(x)), lambda: pt.log(1.0 + pt.exp(x)),
        ][self.chance(11)]()  # fmt: skip

    def binary(self):
        x = self.pick()
        fitting = [y for y in self.pool if _broadcasts(x, y)]
        y = fitting[self.chance(len(fitting))]
        return [
            lambda: x + y, lambda: x - y, lambda: x * y, lambda: x / (1.5 + pt.square(y)), lambda: pt.maximum(x, y),
            lambda: pt.minimum(x, y), lambda: pt.where(x > y, x, y * 0.5), lambda: x * 0.25 + y * 0.75,
        ][self.chance(8)]()  # fmt: skip

    def reduction(self):
        x = self.pick(1)
        axis = [None, self.chance(x.ndim), -1][self.chance(3)]
        return [pt.sum, pt.mean, pt.max, pt.min][self.chance(4)](x, axis=axis, keepdims=bool(self.chance(2)))

    def arrangement(self):
        x = self.pick(1)
        n = x.type.shape[0]
        index = pt.constant(self.rng.integers(-n, n, self.chance(5) + 1))
        return [
            lambda: x[::-1], lambda: x[: max(1, n - 1)], lambda: x.T, lambda: pt.reshape(x, (-1,)), lambda: x[index],
            lambda: pt.concatenate([x, x * 0.5]), lambda: pt.expand_dims(x, 0), lambda: x[index].inc(0.3), lambda: x[0:1].set(0.1),
            lambda: pt.stack([x, -x]), lambda: pt.broadcast_to(x, (2, *x.type.shape)), lambda: x[-1], lambda: x[..., 0],
        ][self.chance(13)]()  # fmt: skip

    def product(self):
        x = self.pick(1)
        fitting = [y for y in self.pool if y.ndim and y.type.shape[-1] == x.type.shape[-1] and y.ndim < 3]
        y = fitting[self.chance(len(fitting))]
        return pt.dot(x, y.T) * 0.3 if x.ndim < 3 else pt.sum(x * y[-1] if y.ndim == 2 else x * y, axis=-1) * 0.3

    def control(self):
        x, s = self.pick(1), pt.mean(self.pick())
        kind = self.chance(4)
        if kind == 0:
            return pt.scan(lambda c, e: ([0.5 * c + e], [c * s]), [pt.zeros_like(x[0])], [x])[1][0]
        if kind == 1:
            return pt.while_loop(lambda i, y: i < 3, lambda i, y: [i + 1, 0.5 * y + s], [0, x])[1]
        if kind == 2:
            return pt.cond(s > 0.0, lambda u: [u * 2.0], lambda u: [pt.exp(-pt.square(u))], [x])[0]
        u = pt.tensor("u", shape=x.type.shape)
        return pt.region("part", Graph([u], [pt.sigmoid(u) - 0.5]), x)[0]

    def expression(self, steps=12):
        kinds = [self.unary, self.binary, self.binary, self.reduction, self.arrangement, self.product, self.control]
        for _ in range(steps):
            made = kinds[self.chance(len(kinds))]()
            if made.size <= 400 and made.ndim <= 3:
                # Bounded, so that a difference of 1e-10 means something.
                self.pool.append(made / (1.0 + pt.abs(made) * 0.05))
        total = pt.constant(0.0)
        for x in self.pool[-6:]:
            total = total + pt.sum(x)
        return total


def _broadcasts(x, y):
    try:
        np.broadcast_shapes(x.type.shape, y.type.shape)
    except ValueError:
        return False
    return True


INPUT_EXPRESSIONS = [pt.tensor(name, shape=shape) for name, shape in INPUTS.items()]


def cases():
    count = dict.fromkeys(SAMPLE, GRAPHS) if os.environ.get("WORKBENCH_TESTS") == "all" else SAMPLE
    return [(backend, first) for backend in SAMPLE for first in range(0, count[backend], PER_FUNCTION)]


@pytest.mark.parametrize("name, first", cases())
def test_every_backend_agrees_with_numpy_before_any_rewriting(name, first):
    if name == "c" and find_compiler() is None:
        pytest.skip("no C compiler on this system")
    values = [np.random.default_rng(0).normal(size=shape) for shape in INPUTS.values()]
    outputs = []
    for seed in range(first, first + PER_FUNCTION):
        total = Generator(seed, INPUT_EXPRESSIONS).expression()
        outputs += [total, *grad(total, INPUT_EXPRESSIONS, disconnected_inputs="ignore")]
    wanted = function(INPUT_EXPRESSIONS, outputs, backend="numpy", mode=Mode(()))(*values)
    results = function(INPUT_EXPRESSIONS, outputs, backend=name)(*values)
    per_graph = 1 + len(INPUTS)
    for k, (result, w) in enumerate(zip(results, wanted)):
        scale = max(1.0, float(np.abs(w).max()))
        np.testing.assert_allclose(
            result, w, rtol=1e-10, atol=1e-12 * scale, err_msg=f"graph {first + k // per_graph}, result {k % per_graph}, {name}"
        )
