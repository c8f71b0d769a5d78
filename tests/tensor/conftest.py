"""Every test of operations that compiles runs twice: on inputs of the lengths that it gives, and of lengths known only at the call.

The second run makes each input of open lengths (but those that are 1, which are broadcast by type), and its results are those of the
first, but for the rounding of sums: C takes loops apart where it knows their length, and `einsum` chooses an order by lengths. In both, the lengths of the types are those of the results. What is about static lengths itself is marked
``static_lengths``.
"""

import copy
import os
import sys
from collections import defaultdict

import numpy as np
import pytest

from workbench.compile import CompiledFunction
from workbench.graph.conditions import axes_named
from workbench.graph.lengths import number, symbols

ALL = os.environ.get("WORKBENCH_TESTS") == "all"
found = defaultdict(list)
"""For tests: what the functions that they called were given, and gave, on inputs of static lengths."""
states = {}
"""For tests: the states of the module's generators of random numbers when they began."""


def pytest_generate_tests(metafunc):
    if "backend" in metafunc.fixturenames and not metafunc.definition.get_closest_marker("static_lengths"):
        metafunc.parametrize("lengths", ["static", "open"], indirect=True)


@pytest.fixture(autouse=True)
def lengths(request, monkeypatch):
    kind = getattr(request, "param", None)
    before = None
    if kind is not None:
        test = request.node.nodeid.replace(kind, "")
        before = _both(request, monkeypatch, kind, test)
    call = CompiledFunction.__call__

    def checked(self, *values):
        made = call(self, *values)
        check_type(self, values, made)
        if kind == "static":
            found[test].append(made)
        elif kind == "open":
            check_same(made, next(before, None))
        return made

    monkeypatch.setattr(CompiledFunction, "__call__", checked)


def _both(request, monkeypatch, kind, test):
    generators = [g for g in vars(request.module).values() if isinstance(g, np.random.Generator)]
    if kind == "static":
        states[test] = [copy.deepcopy(g.bit_generator.state) for g in generators]
        return None
    if request.getfixturevalue("backend") in ("numba", "jax") and not (ALL or request.node.get_closest_marker("open_sample")):
        pytest.skip("slow to compile: all with WORKBENCH_TESTS=all")
    for g, state in zip(generators, states.get(test, ())):
        g.bit_generator.state = state
    inputs = sys.modules["workbench.tensor.tensor"]
    of = inputs._lengths
    monkeypatch.setattr(inputs, "_lengths", lambda shape: of(opened(shape)))
    return iter(found.pop(test, ()))


def opened(shape):
    given = shape if isinstance(shape, (tuple, list)) else (shape,)
    return tuple(n if n == 1 else None for n in given)


def check_same(made, wanted):
    if isinstance(made, (list, tuple)) and wanted is not None:
        for a, b in zip(made, wanted, strict=True):
            check_same(a, b)
    elif wanted is not None:
        what = "on open lengths, and on static ones"
        if np.asarray(wanted).dtype.kind != "f":
            np.testing.assert_array_equal(made, wanted, err_msg=what)
        else:
            few = 16 * np.finfo(np.asarray(wanted).dtype).eps
            np.testing.assert_allclose(made, wanted, rtol=few, atol=few * np.max(np.abs(wanted), initial=0.0, where=np.isfinite(wanted)), err_msg=what)
        assert np.asarray(made).dtype == np.asarray(wanted).dtype


def check_type(f, values, made):
    """The lengths of the types of results, for arguments of these shapes, are those of the results."""
    named, _ = axes_named(f.written.params, [np.shape(v) for v in values])
    for y, result in zip(f.written.results, made if isinstance(made, list) else [made]):
        assert len(y.type.shape) == result.ndim
        for n, m in zip(y.type.shape, result.shape):
            assert not symbols(n).keys() <= named.keys() or number(n, named) == m, f"{y.type}, of arguments {named}, is {result.shape}"
