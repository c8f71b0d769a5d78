"""The way from Python into compiled code, of C and Numba: what it takes, what it makes, what it leaves behind."""

import gc
import pickle
import sys
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

import workbench.tensor as pt
from workbench.compile import function
from workbench.compile.c.toolchain import find_compiler
from workbench.errors import ShapeError
from workbench.graph.expr import Op, intern
from workbench.graph.types import TensorType


@pytest.fixture(scope="module", params=[pytest.param("c", marks=pytest.mark.skipif(find_compiler() is None, reason="no C compiler on this system")), "numba"])
def backend(request):
    return request.param


class Subclass(np.ndarray):
    pass


def compiled(backend, inputs, outputs):
    f = function(inputs, outputs, backend=backend)
    return f, next(iter(f._compiled.values())).enter


def test_only_plain_arrays_of_the_right_type_pass_without_a_look(backend):
    x, n = pt.vector("x", 3), pt.tensor("n", "int64")
    f, enter = compiled(backend, [x, n], [x * 2.0, n + 1])
    good, count = np.arange(3.0), np.array(7)
    assert [r.tolist() for r in enter(good, count)] == [[0.0, 2.0, 4.0], 8]
    others = [
        np.arange(3), np.arange(4.0), np.arange(3.0)[:, None], np.arange(3.0).astype(">f8"), np.arange(6.0)[::2], np.arange(3.0).view(Subclass),
        [0.0, 1.0, 2.0], None, 1.0, np.float64(1.0), np.arange(3.0, dtype="float32"), pickle.loads(pickle.dumps(np.arange(3.0))),
    ]  # fmt: skip
    for other in others:
        assert enter(other, count) is None
    assert enter(good) is None and enter() is None and enter(good, count, count) is None
    # What is not plain is made so, or is an error.
    f(good, count)
    for other in [others[i] for i in (0, 3, 4, 5, 6, 10, 11)]:
        assert f(other, 7)[0].size == 3
    for other in [others[i] for i in (1, 2, 8, 9)]:
        with pytest.raises(ShapeError):
            f(other, count)
    with pytest.raises(TypeError, match="takes 2 values, got 1"):
        f(good)


@pytest.mark.parametrize("count", [0, 1, 63, 65])
def test_any_number_of_arguments_and_results(backend, count):
    inputs = [pt.vector(f"x{i}", 2) for i in range(count)]
    f = function(inputs, [x + float(i) for i, x in enumerate(inputs)], backend=backend)
    for _ in range(2):
        results = f(*[np.full(2, 10.0 * i) for i in range(count)])
        assert [r.tolist() for r in results] == [[11.0 * i] * 2 for i in range(count)]


@pytest.mark.parametrize("shape", [(), (0,), (3, 0, 2), (2, 1, 3)])
def test_results_are_arrays_of_numpys_own(backend, shape):
    x = pt.tensor("x", "float64", shape)
    _, enter = compiled(backend, [x], [x + 1.0, pt.cast(x, "int8"), x > 0.5])
    results = enter(np.ones(shape))
    assert [r.dtype.name for r in results] == ["float64", "int8", "bool"]
    for r in results:
        assert type(r) is np.ndarray and r.shape == shape and r.flags.owndata and r.flags.writeable and r.flags.carray


def test_calls_and_faults_leave_nothing_behind(backend):
    x, i = pt.vector("x", 1000), pt.tensor("i", "int64")
    f, enter = compiled(backend, [x, i], [x[::-1] * 2.0, pt.exp(x).sum(), x[i]])
    given, good, bad = np.arange(1000.0) / 1000.0, np.array(3), np.array(1000)

    def work():
        for _ in range(300):
            f(given, good)
            enter(given, 1)
            with pytest.raises(IndexError, match="index 1000 is out of bounds for axis 0 of x"):
                f(given, bad)

    work()
    gc.collect()
    counted = [given, good, bad, np.dtype("float64"), np.dtype("int64")]

    def left():
        before = [sys.getrefcount(o) for o in counted]
        work()
        gc.collect()
        return max(abs(sys.getrefcount(o) - b) for o, b in zip(counted, before))

    def from_here():
        gc.collect()
        here = tracemalloc.Filter(True, __file__, all_frames=True)
        return sum(trace.size for trace in tracemalloc.take_snapshot().filter_traces([here]).traces)

    def kept():
        held = from_here()
        work()
        return from_here() - held

    # What other threads refer to comes and goes: a leak is there every time. What they take does not come from this file.
    tracemalloc.start(30)
    try:
        assert min(kept() for _ in range(3)) < 20_000  # One result is 8,000 bytes.
    finally:
        tracemalloc.stop()
    assert min(left() for _ in range(3)) < 20


@dataclass(frozen=True, eq=False)
class CallingBack(Op):
    """A number that a Python function makes of a vector."""

    call: Callable
    name = "calling_back"

    def infer(self, x):
        return TensorType("float64")

    def numpy(self, x):
        return self.call(x)


def test_a_call_within_a_call_back_has_its_own_memory(backend):
    x = pt.vector("x", 200)
    shift = pt.exp(x[::-1]) * 2.0
    inner = function([x], shift.sum(), backend=backend)
    depth = []

    def call(values):
        depth.append(1)
        return outer(values) if len(depth) < 20 else inner(values)

    outer = function([x], intern(CallingBack(call), (x,)) + shift.sum(), backend=backend)
    assert outer.fallbacks == ("calling_back",)
    assert np.isclose(outer(np.zeros(200)), 21 * inner(np.zeros(200)))


def test_an_interrupted_call_back_interrupts_the_call(backend):
    def call(values):
        raise KeyboardInterrupt

    x = pt.vector("x", 2)
    f = function([x], intern(CallingBack(call), (x,)), backend=backend)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            f([1.0, 2.0])
