"""Random graphs over every family of operations: values and gradients on every backend are NumPy's before any rewriting.

By default some graphs on each backend, as many as compile in a minute; all of them, ten thousand in C, with
``WORKBENCH_TESTS=all`` (``make test-all``). Their programs alone, which is quick, are proven for many more.
"""

import os
from math import prod

import numpy as np
import pytest

import workbench.tensor as pt
from workbench.compile import function
from workbench.compile.c.toolchain import find_compiler
from workbench.compile.loop_ir.lower import lower
from workbench.compile.loop_ir.storage import plan
from workbench.graph import Graph, Mode
from workbench.graph.lengths import named, number, symbols
from workbench.rewrites import default_mode
from workbench.transforms import grad

PER_FUNCTION = 4
GRAPHS = {"numpy": 10_000, "c": 10_000, "numba": 400, "jax": 2_000}
SAMPLE = {"numpy": 80, "c": 24, "numba": 4, "jax": 12}
PROVEN, PROVEN_SAMPLE, PER_TEST = 10_000, 160, 40
INPUTS = {"s": (), "v": (3,), "w": (5,), "m": (4, 3), "c": (4, 1), "q": (3, 3), "t": (2, 4, 3)}
NAMES = {3: "three", 4: "four", 5: "five"}
"""Lengths that are names where they are open."""
NUMBERS_OF_NAMES = {name: n for n, name in NAMES.items()}
NUMBERS = {s: n for n, name in NAMES.items() for s in symbols(named(name))}


def shape(x):
    """The shape of an expression in numbers, whether its lengths are open or not."""
    return tuple(number(n, NUMBERS) for n in x.type.shape)


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
        n = shape(x)[0]
        index = pt.constant(self.rng.integers(-n, n, self.chance(5) + 1))
        return [
            lambda: x[::-1], lambda: x[: max(1, n - 1)], lambda: x.T, lambda: pt.reshape(x, (-1,)), lambda: x[index],
            lambda: pt.concatenate([x, x * 0.5]), lambda: pt.expand_dims(x, 0), lambda: x[index].inc(0.3), lambda: x[0:1].set(0.1),
            lambda: pt.stack([x, -x]), lambda: pt.broadcast_to(x, (2, *x.shape)), lambda: x[-1], lambda: x[..., 0],
        ][self.chance(13)]()  # fmt: skip

    def product(self):
        x = self.pick(1)
        fitting = [y for y in self.pool if y.ndim and shape(y)[-1] == shape(x)[-1] and y.ndim < 3] or [x[0, 0] if x.ndim == 3 else x]
        y = fitting[self.chance(len(fitting))]
        return pt.dot(x, y.T) * 0.3 if x.ndim < 3 else pt.sum(x * y[-1] if y.ndim == 2 else x * y, axis=-1) * 0.3

    def join(self):
        """Pieces that are inputs, views, products and formulas, some of which others need too."""
        x = self.pick(1)
        same = [y for y in self.pool if shape(y) == shape(x)]
        pieces = [x, *(same[self.chance(len(same))] for _ in range(1 + self.chance(2)))]
        pieces = [[p, p[::-1], p * 0.3, pt.exp(-pt.square(p))][self.chance(4)] for p in pieces]
        if x.ndim == 2 and shape(x)[0] == shape(x)[1]:
            pieces = [[p, p.T, p @ x * 0.3][self.chance(3)] for p in pieces]
        axis = self.chance(x.ndim)
        made = [lambda: pt.concatenate(pieces, axis=axis), lambda: pt.stack(pieces, axis=axis), lambda: pt.stack(pieces)][self.chance(3)]()
        return [lambda: made, lambda: made[1:], lambda: made[::2], lambda: pt.sum(made, axis=0)][self.chance(4)]()

    def update(self):
        x = self.pick(1)
        n = shape(x)[0]
        rows, value = pt.constant(self.rng.integers(-n, n, 2)), self.pick()
        at = pt.clip(pt.cast(pt.floor(pt.abs(pt.mean(value)) * 2.0), "int64"), 0, n - 1)
        return [
            lambda: pt.set_subtensor(x[at], pt.mean(value)), lambda: pt.inc_subtensor(x[at], x[0]), lambda: x[rows].set(x[rows[::-1]]),
            lambda: pt.inc_subtensor(x[rows], x[::-1][rows]), lambda: pt.set_subtensor(x[: n // 2 + 1], pt.sum(value)),
            lambda: pt.inc_subtensor(x[..., ::2], 0.5), lambda: x[at], lambda: pt.take(x, rows, axis=0), lambda: pt.set_subtensor(x[::-1][:1], x[:1]),
        ][self.chance(9)]()  # fmt: skip

    def along(self):
        x = self.pick(1)
        axis = self.chance(x.ndim)
        return [
            lambda: pt.cumsum(x, axis=axis) * 0.3, lambda: pt.cumprod(pt.sigmoid(x), axis=axis), lambda: pt.sort(x, axis=axis),
            lambda: pt.cast(pt.argmax(x, axis=axis), "float64"), lambda: pt.prod(pt.sigmoid(x), axis=axis), lambda: pt.logsumexp(x, axis=axis),
            lambda: pt.softmax(x, axis=axis), lambda: pt.median(x, axis=axis), lambda: pt.roll(x, 1, axis), lambda: pt.var(x, axis=axis),
            lambda: pt.take_along_axis(x, pt.argsort(x, axis=axis), axis), lambda: pt.diff(x, axis=axis) if shape(x)[axis] > 1 else x,
            lambda: pt.repeat(x, 2, axis), lambda: pt.where(x > pt.mean(x), x, pt.max(x, axis=axis, keepdims=True)),
        ][self.chance(14)]()  # fmt: skip

    def matrix(self):
        square = [x for x in self.pool if x.ndim == 2 and shape(x)[0] == shape(x)[1] and shape(x)[0] > 1]
        x = square[self.chance(len(square))]
        n = shape(x)[0]
        positive = x @ x.T * 0.1 + pt.eye(n) * 2.0
        right = [y for y in self.pool if y.ndim in (1, 2) and shape(y)[0] == n]
        b = right[self.chance(len(right))]
        return [
            lambda: pt.linalg.cholesky(positive), lambda: pt.linalg.solve(positive, b), lambda: pt.linalg.inv(positive),
            lambda: pt.log(pt.linalg.det(positive)), lambda: pt.linalg.solve_triangular(pt.linalg.cholesky(positive), b, lower=True, b_ndim=b.ndim),
            lambda: pt.diagonal(x) * x, lambda: pt.tril(x) + x.T, lambda: pt.sum(x * pt.eye(n)), lambda: x @ b * 0.3, lambda: pt.outer(b[..., 0] if b.ndim == 2 else b, x[0]) * 0.3,
        ][self.chance(10)]()  # fmt: skip

    def control(self):
        x, s = self.pick(1), pt.mean(self.pick())
        kind = self.chance(7)
        if kind == 4:
            joined = pt.stack([x, x[::-1], x * s])
            return pt.scan(lambda c, e: ([pt.tanh(c + e)], [pt.stack([c, e * 0.5])]), [x], [joined])[self.chance(2)][0]
        if kind == 5:
            return pt.map(lambda e: pt.concatenate([pt.atleast_1d(e), pt.atleast_1d(e)[::-1] * s]), x)
        if kind == 6:
            return pt.while_loop(lambda i, y, z: i < 4, lambda i, y, z: [i + 1, z, pt.tanh(y + z * s)], [0, x, x[::-1] * 0.5])[1]
        if kind == 0:
            return pt.scan(lambda c, e: ([0.5 * c + e], [c * s]), [pt.zeros_like(x[0])], [x])[1][0]
        if kind == 1:
            return pt.while_loop(lambda i, y: i < 3, lambda i, y: [i + 1, 0.5 * y + s], [0, x])[1]
        if kind == 2:
            return pt.cond(s > 0.0, lambda u: [u * 2.0], lambda u: [pt.exp(-pt.square(u))], [x])[0]
        u = pt.tensor("u", shape=x.type.shape)
        return pt.region("part", Graph([u], [pt.sigmoid(u) - 0.5]), x)[0]

    def expression(self, steps=12):
        kinds = [
            self.unary, self.binary, self.binary, self.reduction, self.arrangement, self.product, self.control, self.join, self.join, self.update,
            self.along, self.matrix,
        ]  # fmt: skip
        for _ in range(steps):
            made = kinds[self.chance(len(kinds))]()
            if 0 < prod(shape(made)) <= 400 and made.ndim <= 3:
                # Bounded, so that a difference of 1e-10 means something.
                self.pool.append(made / (1.0 + pt.abs(made) * 0.05))
        total = pt.constant(0.0)
        for x in self.pool[-6:]:
            total = total + pt.sum(x)
        return total


def _broadcasts(x, y):
    """Whether two shapes fit: a length that may be another one is not broadcast where it is 1."""
    both = [[*zip(reversed(z.type.shape), reversed(shape(z)))] for z in (x, y)]
    return all(n == m or 1 in (one, other) for (one, n), (other, m) in zip(*both))


STATIC = [pt.tensor(name, shape=shape) for name, shape in INPUTS.items()]
OPEN = [pt.tensor(name, shape=tuple(NAMES.get(n, n) for n in shape)) for name, shape in INPUTS.items()]


def graph_of(seed, inputs=STATIC):
    """A graph's results: a number, its gradients, and some of what it is made of."""
    generator = Generator(seed, inputs)
    total = generator.expression()
    return [total, *grad(total, inputs, disconnected_inputs="ignore"), *generator.pool[-2:]]


def cases():
    count = GRAPHS if os.environ.get("WORKBENCH_TESTS") == "all" else SAMPLE
    return [(backend, first) for backend in SAMPLE for first in range(0, count[backend], PER_FUNCTION)]


@pytest.mark.parametrize("name, first", cases())
def test_every_backend_agrees_with_numpy_before_any_rewriting(name, first):
    if name == "c" and find_compiler() is None:
        pytest.skip("no C compiler on this system")
    values = [np.random.default_rng(0).normal(size=shape) for shape in INPUTS.values()]
    outputs = [graph_of(seed) for seed in range(first, first + PER_FUNCTION)]
    flat = [x for results in outputs for x in results]
    labels = [f"graph {first + k}, result {i}" for k, results in enumerate(outputs) for i in range(len(results))]
    wanted = function(STATIC, flat, backend="numpy", mode=Mode(()))(*values)
    # In C as written too, in turns.
    mode = Mode(()) if name == "c" and first // PER_FUNCTION % 2 else None
    for label, result, w in zip(labels, function(STATIC, flat, backend=name, mode=mode)(*values), wanted):
        scale = max(1.0, float(np.abs(w).max(initial=0.0)))
        np.testing.assert_allclose(result, w, rtol=1e-9, atol=1e-11 * scale, err_msg=f"{label}, {name}")


def open_cases():
    count = GRAPHS if os.environ.get("WORKBENCH_TESTS") == "all" else SAMPLE
    return [(backend, first) for backend in ("numpy", "c", "numba") for first in range(0, count[backend] // 2, PER_FUNCTION)]


@pytest.mark.parametrize("name, first", open_cases())
def test_code_for_all_lengths_gives_what_code_for_these_gives(name, first):
    if name == "c" and find_compiler() is None:
        pytest.skip("no C compiler on this system")
    values = [np.random.default_rng(0).normal(size=shape) for shape in INPUTS.values()]
    flat, same = ([x for seed in range(first, first + PER_FUNCTION) for x in graph_of(seed, inputs)] for inputs in (STATIC, OPEN))
    wanted = function(STATIC, flat, backend="numpy", mode=Mode(()))(*values)
    mode = Mode(()) if name == "c" and first // PER_FUNCTION % 2 else None
    f = function(OPEN, same, backend=name, mode=mode)
    for k, (result, w) in enumerate(zip(f(*values), wanted, strict=True)):
        scale = max(1.0, float(np.abs(w).max(initial=0.0)))
        assert result.shape == w.shape
        np.testing.assert_allclose(result, w, rtol=1e-9, atol=1e-11 * scale, err_msg=f"graphs from {first}, result {k}, {name}")
    assert f.compilations == 1


def proven():
    return range(0, PROVEN if os.environ.get("WORKBENCH_TESTS") == "all" else PROVEN_SAMPLE, PER_TEST)


@pytest.mark.parametrize("first", proven())
def test_programs_read_what_was_written_for_them(first):
    """The proof alone, of the programs of each graph as written and rewritten."""
    for seed in range(first, first + PER_TEST):
        results = graph_of(20_000 + seed)
        for mode in (Mode(()), default_mode()) if seed % 4 == 0 else (Mode(()),):
            plan(lower(Graph(STATIC, mode.run(results, record=False)[0]), f"graph {20_000 + seed}"))


@pytest.mark.parametrize("first", proven())
def test_programs_of_open_lengths_do_so_too(first):
    for seed in range(first, first + PER_TEST, 4):
        graph, _ = Graph(OPEN, graph_of(20_000 + seed, OPEN)).unified()
        program = lower(graph, f"graph {20_000 + seed}")
        plan(program).at({s: NUMBERS_OF_NAMES[s.name] for s in program.lengths})
