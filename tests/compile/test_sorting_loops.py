"""Sorting, searching and finding extremes in C and Numba without call-backs: ties, NaN, every axis and dtype."""

import os

import numpy as np
import pytest

import workbench.tensor as pt
from workbench.compile import function
from workbench.compile.c.toolchain import find_compiler
from workbench.graph import Mode

COMPILED = [
    pytest.param("c", marks=pytest.mark.skipif(find_compiler() is None, reason="no C compiler on this system")), "numba",
]  # fmt: skip
RNG = np.random.default_rng(0)
WITH_NAN = np.where(RNG.uniform(size=(4, 9)) < 0.2, np.nan, RNG.integers(0, 5, (4, 9)) * 1.0)
LONG = RNG.integers(-50, 50, 2000)
VALUES = {
    "ties and NaN": WITH_NAN, "long": LONG, "one": np.array([3.0]), "nothing": np.empty((3, 0)), "small floats": LONG[:40].astype("float32"),
    "unsigned": LONG[:60].astype("uint64"), "flags": LONG[:30].reshape(5, 6) > 0, "three axes": RNG.normal(size=(2, 3, 4)),
}  # fmt: skip


@pytest.mark.parametrize("backend", COMPILED)
def test_sorted_and_extreme_elements_are_those_of_numpy(backend):
    inputs, outputs, wanted, what = [], [], [], []
    few = backend == "numba" and os.environ.get("WORKBENCH_TESTS") != "all"
    chosen = {name: v for name, v in VALUES.items() if not few or name in ("ties and NaN", "flags")}
    for name, v in chosen.items():
        x = pt.tensor(name.replace(" ", "_"), v.dtype.name, v.shape)
        inputs.append(x)
        for axis in range(v.ndim):
            outputs += [pt.argsort(x, axis), pt.sort(x, axis)]
            wanted += [np.argsort(v, axis, kind="stable"), np.sort(v, axis)]
            what += [f"argsort of {name}, axis {axis}", f"sort of {name}, axis {axis}"]
            if v.size:
                outputs += [pt.argmax(x, axis), pt.argmin(x, axis)]
                wanted += [np.argmax(v, axis), np.argmin(v, axis)]
                what += [f"argmax of {name}, axis {axis}", f"argmin of {name}, axis {axis}"]
    f = function(inputs, outputs, backend=backend, mode=Mode(()))
    assert f.fallbacks == ()
    for result, w, message in zip(f(*chosen.values()), wanted, what):
        assert result.dtype == w.dtype, message
        np.testing.assert_array_equal(result, w, err_msg=message)


@pytest.mark.parametrize("backend", COMPILED)
def test_places_in_a_sorted_vector_are_those_of_numpy(backend):
    a, v = np.sort(WITH_NAN[:2].ravel()), np.array([[-1.0, 0.0, 2.0], [4.0, 9.0, np.nan]])
    x, y, one = pt.vector("x", a.size), pt.matrix("y", *v.shape), pt.scalar("one")
    outputs = [pt.searchsorted(x, at, side) for at in (y, one) for side in ("left", "right")]
    f = function([x, y, one], outputs, backend=backend, mode=Mode(()))
    assert f.fallbacks == ()
    wanted = [np.searchsorted(a, at, side) for at in (v, 2.0) for side in ("left", "right")]
    for result, w in zip(f(a, v, 2.0), wanted):
        np.testing.assert_array_equal(result, w)
