"""Values that enter compiled functions and leave them: as they were meant, and the caller's own."""

import threading

import numpy as np
import pytest

import workbench.tensor as pt
from workbench.compile import function
from workbench.errors import DTypeError
from workbench.graph import Graph, Mode
from workbench.graph.types import KINDS

PLAIN = Mode(())


def unaligned(values):
    made = np.zeros(8 * len(values) + 1, np.uint8)[1:].view(np.float64)
    made[:] = values
    assert not made.flags.aligned
    return made


@pytest.mark.parametrize("arrange", [lambda v: v.astype(">f8"), lambda v: v.astype("<f8"), unaligned, lambda v: v[::-1].copy()[::-1]])
def test_numbers_are_read_in_any_order_of_bytes_and_elements(backend, arrange):
    x = pt.vector("x", 3)
    values = np.array([1.0, 2.5, -3.0])
    given = arrange(values)
    data = pt.data("d", given)
    total = x * 2.0 + pt.constant(given) + data
    f = function([x], total, backend=backend)
    assert f(given).tolist() == (values * 4.0).tolist()
    pt.set_data(data, arrange(values * 10.0))
    assert f(given).tolist() == (values * 13.0).tolist()


def test_masked_elements_are_refused():
    masked = np.ma.array([1.0, 2.0], mask=[True, False])
    x = pt.vector("x", 2)
    f = function([x], x * 2.0, backend="numpy")
    for refuse in (lambda: f(masked), lambda: pt.data("d", masked), lambda: pt.constant(masked), lambda: pt.set_data(pt.data("d", [1.0, 2.0]), masked)):
        with pytest.raises(DTypeError, match="masked"):
            refuse()
    assert f(np.ma.array([1.0, 2.0])).tolist() == [2.0, 4.0]


def test_integers_out_of_range_are_refused():
    n = pt.tensor("n", "uint8", (2,))
    f = function([n], n + 1, backend="numpy")
    assert f([1, 254]).tolist() == [2, 255]
    for bad, number in (([1, 256], 256), ([-1, 1], -1), (np.array([1, 2**63], "uint64"), 2**63)):
        with pytest.raises(DTypeError, match=f"holds no {number}"):
            f(bad)
        with pytest.raises(DTypeError, match=f"holds no {number}"):
            pt.set_data(pt.data("d", np.zeros(2, "uint8")), bad)


def test_results_are_the_callers_own(backend):
    x, data = pt.vector("x", 3), pt.data("d", [1.0, 2.0, 3.0])
    double = x * 2.0
    outputs = [x, x[::-1], pt.constant([7.0, 8.0]), data, data[1:], double, double, double[1:], pt.broadcast_to(x, (2, 3))]
    f = function([x], outputs, backend=backend)
    given = np.arange(3.0)
    wanted = [r.copy() for r in f(given)]
    results = f(given)
    for number, result in enumerate(results):
        result[...] = -1.0 - number
    assert [np.unique(r).tolist() for r in results] == [[-1.0 - k] for k in range(len(results))]
    assert given.tolist() == [0.0, 1.0, 2.0]
    for again, was in zip(f(given), wanted):
        assert again.tolist() == was.tolist()


def test_the_same_array_may_be_given_twice(backend):
    x, y = pt.vector("x", 3), pt.vector("y", 3)
    f = function([x, y], [x[0:1].set(5.0) + y, x - y], backend=backend)
    same = np.arange(3.0)
    first, second = f(same, same)
    assert first.tolist() == [5.0, 2.0, 4.0] and second.tolist() == [0.0, 0.0, 0.0] and same.tolist() == [0.0, 1.0, 2.0]


FLOATS = [
    np.nan, np.inf, -np.inf, -0.0, 0.5, -0.5, 127.0, 128.0, -129.0, 255.0, 256.0, 300.0, -1.0, -300.0, 2.0**31, -(2.0**31) - 1, 2.0**32,
    1e10, -1e10, 2.0**62, 2.0**63, 2.0**64, -(2.0**63), 1e20, -1e20, 1e30,
]  # fmt: skip


def whole(x, dtype):
    """What the docstring of `Cast` says."""
    info = np.iinfo(dtype)
    if dtype == "uint64" and 2**63 <= x < 2**64:
        return int(x)
    wide = int(x) if -(2**63) <= x < 2**63 else -(2**63)
    return (wide - info.min) % (info.max - info.min + 1) + info.min


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_floats_become_integers_in_one_way_everywhere(backend, dtype):
    values = np.array(FLOATS, dtype)
    x = pt.tensor("x", dtype, values.shape)
    kinds = [d for d in KINDS if KINDS[d] in "iu"]
    for kind, result in zip(kinds, function([x], [pt.cast(x, d) for d in kinds], backend=backend, mode=PLAIN)(values)):
        assert result.tolist() == [whole(float(v), kind) for v in values], (kind, backend)
        assert pt.cast(pt.constant(values), kind).eval().tolist() == result.tolist()


def test_nan_as_an_index_is_out_of_bounds(backend):
    if backend == "jax":
        pytest.skip("JAX clamps indices that the graph computes")
    x, i = pt.vector("x", 3), pt.scalar("i")
    f = function([x, i], x[pt.cast(i, "int64")], backend=backend)
    assert f([1.0, 2.0, 3.0], 1.9) == 2.0
    with pytest.raises(IndexError, match="-9223372036854775808 is out of bounds"):
        f([1.0, 2.0, 3.0], np.nan)


# Threads --------------------------------------------------------------------------------------


def at_once(work, threads=6):
    failures = []

    def run(k):
        try:
            work(k)
        except BaseException as error:
            failures.append(error)

    made = [threading.Thread(target=run, args=(k,)) for k in range(threads)]
    for t in made:
        t.start()
    for t in made:
        t.join()
    assert not failures, failures[:1]


def test_data_may_be_set_while_other_threads_read_them(backend):
    data = pt.data("d", np.zeros(3000))
    z = pt.vector("z", 2)
    (inside,) = pt.region("part", Graph([z], [data.sum() + z[0]]), pt.zeros(2))
    f = function([], [data.sum() * 2.0, inside], backend=backend)

    def work(k):
        for i in range(400 if backend != "jax" else 30):
            if k < 2:
                pt.set_data(data, np.full(3000, float(i)))
            else:
                twice, once = f()
                assert twice % 6000 == 0 and once % 3000 == 0

    at_once(work)




def test_calls_that_update_data_take_turns(backend):
    count = pt.data("count", 0)
    step = function([], count, updates={count: count + 1}, backend=backend)
    seen = []
    at_once(lambda k: seen.extend(int(step()) for _ in range(50)))
    assert sorted(seen) == list(range(300)) and count.op.value == 300
