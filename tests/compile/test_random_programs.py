"""Random programs over all kinds of numbers: loops within branches within loops, indices computed on the way, empty axes.

What `test_random_graphs` does not reach: integers that wrap, truth values, rows chosen at run time, sorted and
accumulated axes, draws, updates of what is read, lengths 0 and 1; on inputs whose lengths are numbers, and on inputs whose lengths
are known only at the call. By default a sample; all with ``WORKBENCH_TESTS=all``.
"""

import os
from math import prod

import numpy as np
import pytest

import workbench.tensor as pt
from workbench.compile import function
from workbench.compile.c.toolchain import find_compiler
from workbench.compile.loop_ir import parts
from workbench.errors import WorkbenchError
from workbench.graph import Graph, Mode
from workbench.graph.conditions import conditions_of, retyped
from workbench.graph.expr import Input
from workbench.graph.lengths import named, number, symbols
from workbench.graph.traverse import replace, topological
from workbench.graph.types import KINDS

PROGRAMS = 240
PER_FUNCTION = {"c": 6, "numba": 1, "jax": 3}
"""Numba's time to compile grows faster than a function."""
SAMPLE = {"c": 48, "numba": 2, "jax": 6}
INPUTS = {
    "s": ("float64", ()), "v": ("float64", (5,)), "m": ("float64", (3, 4)), "e": ("float64", (0,)),
    "i": ("int64", (5,)), "b": ("int8", (3, 4)), "u": ("uint8", (5,)), "w": ("uint64", (2,)), "t": ("bool", (5,)), "one": ("int32", (1, 4)),
}  # fmt: skip
NAMES = {0: "nothing", 2: "two", 3: "three", 4: "four", 5: "five"}
"""Lengths that are names where they are open."""
NUMBERS = {s: n for n, name in NAMES.items() for s in symbols(named(name))}


def shape(x):
    """The shape of an expression in numbers, whether its lengths are open or not; ``None`` where it is known by values."""
    lengths = x.type.shape
    return tuple(number(n, NUMBERS) for n in lengths) if all(symbols(n).keys() <= NUMBERS.keys() for n in lengths) else None


def fits(x):
    """Whether what an expression needs of lengths holds; an error, where numbers in the place of names are refused."""
    inputs = [i for i in topological([x]) if isinstance(i.op, Input) and i.type.is_open]
    if not inputs:
        return True
    replace([x], {i: retyped(i, NUMBERS) for i in inputs})
    found = conditions_of([x])
    return all({*symbols(c.one), *symbols(c.other)} <= NUMBERS.keys() and number(c.one, NUMBERS) == number(c.other, NUMBERS) for c in found)


class Generator:
    """Builds expressions from what it has built so far; an operation that refuses its operands is passed over."""

    def __init__(self, seed, inputs, depth=0):
        self.rng = np.random.default_rng(seed)
        self.pool = list(inputs)
        self.depth = depth

    def chance(self, n):
        return int(self.rng.integers(n))

    def pick(self, kinds="fiub", rank=0):
        fitting = [x for x in self.pool if KINDS[x.dtype] in kinds and x.ndim >= rank]
        return fitting[self.chance(len(fitting))]

    def choose(self, *makers):
        return makers[self.chance(len(makers))]()

    def whole(self):
        x, y = self.pick("iu"), self.pick("iu")
        return self.choose(
            lambda: x + y, lambda: x * y, lambda: x - y, lambda: x // y, lambda: x % y, lambda: x & y, lambda: x ^ y, lambda: x | 3,
            lambda: ~x, lambda: -x, lambda: pt.abs(x), lambda: pt.sign(x), lambda: x << 1, lambda: x >> 2, lambda: pt.square(x),
            lambda: pt.minimum(x, y), lambda: pt.cast(x, "int8"), lambda: pt.cast(x, "uint32"), lambda: pt.cast(self.pick("f") * 100.0, "int16"),
        )  # fmt: skip

    def truth(self):
        x, y, p = self.pick(), self.pick(), self.pick("b")
        return self.choose(
            lambda: x > y, lambda: pt.equal(x, y), lambda: ~p, lambda: p & (x <= y), lambda: p ^ (x < y), lambda: pt.isnan(self.pick("f")),
            lambda: pt.any(p, axis=-1), lambda: pt.all(x > 0), lambda: pt.where(p, x, y), lambda: pt.cast(p, "float64") * x,
        )  # fmt: skip

    def number(self):
        x, y = self.pick("f"), self.pick("f")
        return self.choose(
            lambda: x + y, lambda: x * y, lambda: x - pt.cast(self.pick("iu"), "float64") * 1e-3, lambda: pt.tanh(x), lambda: pt.maximum(x, y),
            lambda: pt.floor(x * 3.0), lambda: pt.sqrt(pt.abs(x)), lambda: pt.exp(-pt.square(x)), lambda: x / (1.0 + pt.square(y)), lambda: x % 0.7,
            lambda: pt.arctan2(x, y), lambda: pt.copysign(x, y), lambda: pt.log1p(pt.abs(x))
        )  # fmt: skip

    def along(self):
        x = self.pick("fiu", 1)
        axis = self.chance(x.ndim)
        return self.choose(
            lambda: pt.sum(x, axis=axis), lambda: pt.prod(x, axis=axis), lambda: pt.cumsum(x, axis=axis), lambda: pt.max(x, axis=axis, keepdims=True),
            lambda: pt.argmax(x, axis=axis), lambda: pt.sort(x, axis=axis), lambda: pt.argsort(x, axis=axis), lambda: pt.mean(x, axis=axis),
            lambda: pt.cumprod(x, axis=axis), lambda: pt.min(x), lambda: pt.sum(x),
        )  # fmt: skip

    def rows(self):
        x = self.pick("fiub", 1)
        n = shape(x)[0]
        if n == 0:
            return self.choose(lambda: x[::-1], lambda: pt.concatenate([x, x]), lambda: pt.stack([x, x]), lambda: x[None])
        at = pt.cast(self.pick("iu"), "int64") % n
        value = self.pick("f")
        return self.choose(
            lambda: x[at], lambda: x[at - n], lambda: x[at].set(x[0]), lambda: x[at].inc(x[-1]), lambda: x[::-2], lambda: x[n // 2 :], lambda: x[:0],
            lambda: pt.concatenate([x, x[::-1]]), lambda: x[1:2].set(x[:1]), lambda: pt.roll(x, 1, 0), lambda: pt.repeat(x, 2, 0),
            lambda: pt.where(x[..., :1] > 0, x, x[::-1]), lambda: pt.reshape(x, (-1,)), lambda: x.T, lambda: pt.stack([value, value * 2.0]), lambda: x[None],
        )  # fmt: skip

    def drawn(self):
        key = pt.random.key(self.chance(99))
        return self.choose(lambda: pt.random.normal(key, (4,)), lambda: pt.random.randint(key, (3,), 0, 9), lambda: pt.random.poisson(key, (2,), 3.0))

    def control(self):
        if self.depth > 1:
            return self.number()
        x, n = self.pick("f", 1), self.chance(4)
        start = self.pick("f")

        def within(*inputs):
            made = Generator(self.chance(10**6), [*inputs, *self.pool[:4]], self.depth + 1)
            for _ in range(3):
                made.grow()
            fitting = [y for y in made.pool if y.type == start.type]
            return pt.tanh(fitting[made.chance(len(fitting))])

        test = pt.sum(pt.cast(self.pick(), "float64")) > 0.0
        return self.choose(
            lambda: pt.while_loop(lambda i, y: i < n, lambda i, y: [i + 1, within(y)], [0, start])[1],
            lambda: pt.cond(test, lambda y: [within(y)], lambda y: [y * 0.5], [start])[0],
            lambda: pt.scan(lambda c, e: ([within(c)], [pt.sum(c) + pt.sum(e)]), [start], [x])[1][0],
            lambda: pt.region("part", Graph([u := pt.tensor("u", "float64", start.type.shape)], [pt.sin(u), u + 1.0]), pt.cast(start, "float64"))[1],
        )  # fmt: skip

    def grow(self):
        kinds = [self.whole, self.truth, self.number, self.number, self.along, self.rows, self.rows, self.control, self.drawn]
        try:
            made = kinds[self.chance(len(kinds))]()
            known = shape(made)
            if known is None or prod(known) > 200 or not fits(made):
                return
        except (WorkbenchError, TypeError, ValueError, IndexError):
            return
        if made.ndim <= 3:
            self.pool.append(pt.tanh(made) if KINDS[made.dtype] == "f" and self.chance(4) == 0 else made)


def program(seed, is_open=False):
    inputs = [pt.tensor(name, dtype, tuple(NAMES.get(n, n) if is_open else n for n in lengths)) for name, (dtype, lengths) in INPUTS.items()]
    generator = Generator(seed, inputs)
    for _ in range(16):
        generator.grow()
    return inputs, generator.pool[len(inputs) :]


def values(seed):
    rng = np.random.default_rng(seed)
    return [
        (rng.integers(0, 2, shape) if dtype == "bool" else rng.integers(*SPANS[KINDS[dtype]], shape) if KINDS[dtype] in "iu" else rng.normal(size=shape)).astype(dtype)
        for dtype, shape in INPUTS.values()
    ]


SPANS = {"i": (-9, 10), "u": (0, 20)}


def cases():
    count = dict.fromkeys(SAMPLE, PROGRAMS) if os.environ.get("WORKBENCH_TESTS") == "all" else SAMPLE
    return [(backend, first) for backend in SAMPLE for first in range(0, count[backend], PER_FUNCTION[backend])]


@pytest.mark.parametrize("name, first", cases())
@pytest.mark.parametrize("is_open", [False, True], ids=["static", "open"])
def test_every_backend_does_what_numpy_does_before_any_rewriting(name, first, is_open):
    assert_as_numpy(name, first, is_open)


@pytest.mark.parametrize("name, first, threads", [*(("c", first, threads) for first in (0, 60, 120, 180) for threads in (1, 2)), ("numba", 3, 1), ("numba", 7, 1), ("numba", 11, 1)])
@pytest.mark.parametrize("is_open", [False, True], ids=["static", "open"])
def test_programs_in_many_parts_do_what_numpy_does(monkeypatch, name, first, threads, is_open):
    monkeypatch.setitem(parts.LENGTHS, name, parts.Lengths(5, 2))
    assert_as_numpy(name, first, is_open, threads)


def assert_as_numpy(name, first, is_open, threads=1):
    if name == "c" and find_compiler() is None:
        pytest.skip("no C compiler on this system")
    inputs, outputs, given = [], [], []
    for seed in range(first, first + PER_FUNCTION[name]):
        made, results = program(seed, is_open)
        inputs += made
        outputs += results
        given += values(seed)
    # The truth is NumPy's on known lengths.
    known = Graph(inputs, outputs).at([x.type.with_shape(shape(x)) for x in inputs])
    wanted = function(list(known.params), list(known.results), backend="numpy", mode=Mode(()))(*given)
    for rewritten in (True, False) if name == "c" else (True,):
        results = function(inputs, outputs, backend=name, mode=None if rewritten else Mode(()), threads=threads)(*given)
        for k, (result, w) in enumerate(zip(results, wanted)):
            message = f"programs from {first}, result {k} of {len(outputs)}, {name}, {'rewritten' if rewritten else 'as written'}: {outputs[k]!r}"
            assert result.dtype == w.dtype and result.shape == w.shape, message
            if w.dtype.kind == "f":
                largest = np.abs(w).max(initial=1.0, where=np.isfinite(w))
                np.testing.assert_allclose(result, w, rtol=1e-10, atol=1e-12 * largest, err_msg=message)
            else:
                np.testing.assert_array_equal(result, w, err_msg=message)
