"""Code with slots is compiled once; what is linked there is called, on every backend."""

import pickle

import numpy as np
import pytest

import workbench.tensor as pt
from workbench.compile import function
from workbench.errors import CompileError, IndexBoundsError, ShapeError

BACKENDS = ("numpy", "c", "jax", "numba")
START = np.array([0.5, -1.0, 2.0])


def ascent(backend):
    """`n` steps up a slope: a slot inside a loop."""
    x, n = pt.vector("x", 3), pt.scalar("n", "int64")

    def body(i, x):
        _, slope = pt.slot("f", [pt.scalar("s").type, x.type], x)
        return i + 1, x + 0.1 * slope

    _, end = pt.while_loop(lambda i, x: i < n, body, [0, x])
    return function([x, n], end, backend=backend, name="ascent")


def quadratic(backend, name="quadratic", of=1.0):
    x = pt.vector("x", 3)
    return function([x], [-pt.sum(of * x * x), -2.0 * of * x], backend=backend, name=name)


@pytest.mark.parametrize("backend", BACKENDS)
def test_each_function_linked_is_the_one_that_is_called(backend):
    f = ascent(backend)
    one, three = f.link(f=quadratic(backend)), f.link(f=quadratic(backend, of=3.0))
    np.testing.assert_allclose(one(START, 5), START * 0.8**5, rtol=1e-14)
    np.testing.assert_allclose(three(START, 5), START * 0.4**5, rtol=1e-14)
    np.testing.assert_allclose(one(START, 2), START * 0.8**2, rtol=1e-14)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_function_may_itself_have_a_slot_that_is_filled(backend):
    x = pt.vector("x", 3)
    (inner,) = pt.slot("g", [x.type], x)
    middle = function([x], [pt.sum(inner), inner + x], backend=backend, name="middle")
    g = function([x], [pt.exp(x)], backend=backend, name="g")
    made = ascent(backend).link(f=middle.link(g=g))
    np.testing.assert_allclose(made(START, 1), START + 0.1 * (np.exp(START) + START), rtol=1e-14)


def test_a_region_around_a_slot_calls_what_is_linked():
    from workbench.graph import Graph

    x, u = pt.vector("x", 3), pt.vector("u", 3)
    (inner,) = pt.slot("g", [u.type], u)
    (outer,) = pt.region("part", Graph([u], [inner * 2.0]), x)
    for backend in BACKENDS:
        g = function([u], [u + 1.0], backend=backend)
        np.testing.assert_allclose(function([x], outer, backend=backend).link(g=g)(START), (START + 1.0) * 2.0)


def test_new_data_of_a_linked_function_are_seen():
    x, scale = pt.vector("x", 3), pt.data("scale", 1.0)
    for backend in BACKENDS:
        pt.set_data(scale, 1.0)
        f = ascent(backend).link(f=function([x], [pt.sum(x), -scale * x], backend=backend))
        np.testing.assert_allclose(f(START, 1), 0.9 * START)
        pt.set_data(scale, 5.0)
        np.testing.assert_allclose(f(START, 1), 0.5 * START)


def test_an_index_out_of_bounds_in_a_linked_function_is_an_error_of_its_own():
    x, i = pt.vector("x", 3), pt.data("i", np.array([0, 1]))
    for backend in ("numpy", "c", "numba"):
        pt.set_data(i, np.array([0, 1]))
        f = ascent(backend).link(f=function([x], [pt.sum(x[i]), x], backend=backend))
        f(START, 1)
        pt.set_data(i, np.array([0, 7]))
        with pytest.raises(IndexBoundsError, match="7"):
            f(START, 1)


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_empty_slot_is_an_error_that_says_what_to_do(backend):
    with pytest.raises(CompileError, match=r"slot.*f.*\n.*\n.*link"):
        ascent(backend)(START, 1)


@pytest.mark.parametrize(
    "wrong, says",
    [
        (dict, "has the slots f, and is given functions for none"),
        (lambda: {"g": quadratic("numpy")}, "has the slots f, and is given functions for g"),
        (lambda: {"f": quadratic("c")}, "another backend"),
        (lambda: {"f": ascent("numpy")}, "slots of its own that are empty"),
        (lambda: {"f": function([v := pt.vector("v", 2)], [pt.sum(v), v], backend="numpy")}, r"float64\[2\].*float64\[3\]"),
    ],
)
def test_a_function_that_does_not_fit_is_an_error(wrong, says):
    with pytest.raises(CompileError, match=says):
        ascent("numpy").link(**wrong())


@pytest.mark.parametrize("backend", ["numpy", "c", "numba"])
def test_a_function_of_any_length_fits_a_slot_of_one(backend):
    x = pt.vector("x")
    f = ascent(backend).link(f=function([x], [pt.sum(x), -x], backend=backend))
    np.testing.assert_allclose(f(START, 2), START * 0.9**2, rtol=1e-14)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_slot_of_any_length_takes_functions_of_several(backend):
    x, n = pt.vector("x", "d"), pt.scalar("n", "int64")

    def body(i, x):
        _, slope = pt.slot("f", [pt.scalar("s").type, x.type], x)
        return i + 1, x + 0.1 * slope

    open_ascent = function([x, n], pt.while_loop(lambda i, x: i < n, body, [0, x])[1], backend=backend)
    for d in (3, 1, 5, 0):
        y = pt.vector("y", d)
        f = open_ascent.link(f=function([y], [pt.sum(y), -y], backend=backend))
        start = np.linspace(1.0, 2.0, d)
        np.testing.assert_allclose(f(start, 2), start * 0.9**2, rtol=1e-14)
        with pytest.raises(ShapeError):
            f(np.ones(d + 1), 2)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_function_of_any_length_may_be_linked(backend):
    """Among its operations are some that are made of numbers of lengths."""
    x = pt.vector("x")
    linked = ascent(backend).link(f=function([x], [pt.sum(x), -x + 0.0 * pt.arange(x.shape[0])], backend=backend))
    np.testing.assert_allclose(linked(START, 5), START * 0.9**5, rtol=1e-14)


def test_a_function_without_slots_takes_no_functions():
    with pytest.raises(CompileError, match="quadratic has no slots"):
        quadratic("numpy").link(f=quadratic("numpy"))


def test_a_slot_of_several_types_is_an_error():
    x, y = pt.vector("x", 3), pt.vector("y", 2)
    made = [pt.slot("f", [x.type], x)[0], pt.slot("f", [y.type], y)[0]]
    with pytest.raises(CompileError, match="several types"):
        function([x, y], made, backend="numpy")


def test_a_slot_given_values_of_other_types_is_an_error():
    x, y = pt.vector("x", 3), pt.vector("y", 2)
    (made,) = pt.slot("f", [x.type], x)
    with pytest.raises(ShapeError, match=r"the slot f takes float64\[3\]; it is given float64\[2\]"):
        made.inputs[0].op(y)


@pytest.mark.parametrize("backend", ["numpy", "c"])
def test_what_is_linked_can_be_pickled_and_shows_the_whole_graph(backend):
    f = ascent(backend).link(f=quadratic(backend))
    again = pickle.loads(pickle.dumps(f))
    assert np.array_equal(again(START, 3), f(START, 3))
    np.testing.assert_allclose(f.graph.run("numpy", START, np.int64(3))[0], f(START, 3), rtol=1e-14)


def test_nothing_is_compiled_when_a_function_is_linked(monkeypatch):
    f, one = ascent("c"), quadratic("c")
    monkeypatch.setattr("workbench.compile.c.toolchain.Compiler.library", None)
    assert f.link(f=one)(START, 1).shape == (3,)
