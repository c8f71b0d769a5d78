"""Data that a function updates: all from the old values, each call whole, nothing copied, and nobody else's array changed."""

import sys
import threading

import numpy as np
import pytest

import workbench.tensor as pt
from workbench.compile import function
from workbench.errors import IndexBoundsError

backends = pytest.mark.parametrize("backend", ["c", "numba", "jax", "numpy"])


@backends
def test_updates_are_computed_from_the_old_values_and_keep_what_others_hold(backend):
    a, b, n = pt.data("a", [1.0, 2.0]), pt.data("b", np.float32([3.0, 4.0])), pt.data("n", 0)
    x = pt.vector("x", 2)
    step = function([x], [a + x, n], updates={a: pt.cast(b, "float64"), b: pt.cast(a + x, "float32"), n: n + 1}, backend=backend)
    seen = function([], a * 10.0, backend=backend)
    bound = seen.bound()
    held = a.get_value(borrow=True)
    found = [step([1.0, 1.0]) for _ in range(6)]
    assert [r[0].tolist() for r in found[:3]] == [[2.0, 3.0], [4.0, 5.0], [3.0, 4.0]]
    assert [int(r[1]) for r in found] == list(range(6)) and n.get_value() == 6 and n.get_value().dtype == "int64"
    assert (a.get_value().tolist(), b.get_value().tolist(), b.get_value().dtype) == ([4.0, 5.0], [6.0, 7.0], "float32")
    assert seen().tolist() == [40.0, 50.0]
    assert held.tolist() == [1.0, 2.0] and bound().tolist() == [10.0, 20.0]
    a.set_value([0.0, 0.0])
    step([1.0, 1.0])
    assert (a.get_value().tolist(), b.get_value().tolist()) == ([6.0, 7.0], [1.0, 1.0])


@pytest.mark.parametrize("backend", ["c", "numba"])
@pytest.mark.skipif(not hasattr(sys, "getrefcount"), reason="Python does not count references")
def test_two_arrays_take_turns(backend):
    a = pt.data("a", np.zeros(1000))
    step = function([], a.sum(), updates={a: a + 1.0}, backend=backend)
    step()
    places = []
    for _ in range(6):
        step()
        places.append(a.get_value(borrow=True).ctypes.data)
    assert len(set(places)) == 2
    kept = a.get_value(borrow=True)
    part = kept[:3]
    del kept
    step()
    step()
    assert part.tolist() == [7.0] * 3 and float(a.get_value()[0]) == 9.0


def test_a_call_that_fails_leaves_all_data_as_they_were():
    a, table = pt.data("a", [1.0, 2.0]), pt.data("table", np.arange(5.0))
    i = pt.vector("i", "n", "int64")
    step = function([i], table[i].sum(), updates={a: a + 1.0, table: table[i].inc(1.0)}, backend="c")
    step([0, 4])
    with pytest.raises(IndexBoundsError):
        step([0, 5])
    assert a.get_value().tolist() == [2.0, 3.0] and table.get_value().tolist() == [1.0, 1.0, 2.0, 3.0, 5.0]


def test_what_is_read_on_another_thread_is_never_half_a_step():
    n = 200_000
    a = pt.data("a", np.zeros(n))
    step = function([], [], updates={a: a + 1.0}, backend="c")
    ends = function([], [pt.min(a), pt.max(a)], backend="c")
    seen, going = [], True

    def look():
        while going:
            seen.append(tuple(map(float, ends())))

    thread = threading.Thread(target=look)
    thread.start()
    for _ in range(200):
        step()
    going = False
    thread.join()
    assert seen and all(low == high for low, high in seen)


def test_data_of_open_lengths_may_change_their_lengths():
    a = pt.data("a", [1.0], shape=(None,))
    step = function([], a.sum(), updates={a: pt.concatenate([a, a])}, backend="c")
    assert [float(step()) for _ in range(3)] == [1.0, 2.0, 4.0] and a.get_value().shape == (8,)


def test_what_an_update_makes_of_data_alone_is_no_loop_of_its_own():
    w, mean, x = pt.data("w", np.ones(50)), pt.data("mean", np.zeros(50)), pt.vector("x", 50)
    gradient = pt.tanh(x) @ pt.constant(np.eye(50) + 1.0)
    kept = 0.9 * mean + 0.1 * gradient
    step = function([x], gradient.sum(), updates={w: w - 0.01 * kept - 0.001 * w, mean: kept}, backend="c")
    loops = [part for line in step.profile(np.ones(50), calls=1).lines for part in line.what.split(", ")]
    assert not {"0.9*mean", "0.001*w"} & set(loops), loops
    step(np.ones(50))
    g = np.tanh(np.ones(50)) @ (np.eye(50) + 1.0)
    np.testing.assert_allclose(mean.get_value(), 0.1 * g, rtol=1e-14)
    np.testing.assert_allclose(w.get_value(), 1.0 - 0.001 * g - 0.001, rtol=1e-14)
