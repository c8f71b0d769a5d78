"""Loops that draw again until all are accepted compute what still waits alone, and draw what they would otherwise."""

import numpy as np
import pytest

import workbench.tensor as pt
from workbench.compile import function
from workbench.compile.c.toolchain import find_compiler

pytestmark = pytest.mark.skipif(find_compiler() is None, reason="no C compiler on this system")
SKIPS = "continue;"


def test_drawing_again_skips_what_is_accepted():
    draw = pt.random.gamma(pt.random.key(7), (3, 1001), np.linspace(0.2, 5.0, 1001))
    run = function([], draw, backend="c")
    assert SKIPS in run.source
    np.testing.assert_allclose(run(), draw.eval(), rtol=1e-12)


def costly(x):
    for _ in range(12):
        x = pt.sin(pt.exp(-x * x))
    return x


@pytest.mark.parametrize("changes", [False, True])
def test_elements_are_skipped_only_where_they_stay_as_they_are(changes):
    start = pt.vector("start", 50)

    def step(turn, x, waiting):
        going = pt.logical_and(waiting, x < 0.9)
        # What is not waiting stays, or goes on by itself.
        other = x + 0.25 if changes else x
        return [turn + 1, pt.where(waiting, costly(x) + 0.05 * turn, other), going]

    flags = start > 0.5
    result = pt.while_loop(lambda turn, x, waiting: turn < 6, step, [pt.cast(0, "int64"), start, flags])[1]
    run = function([start], result, backend="c")
    assert (SKIPS in run.source) is not changes
    at = np.linspace(0.0, 1.0, 50)
    np.testing.assert_allclose(run(at), result.eval({"start": at}), rtol=1e-12)
