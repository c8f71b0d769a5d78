"""Copied scalars share a variable where they never hold different values at once, and nowhere else."""

import numpy as np
import pytest

import workbench.tensor as pt
from workbench.compile import function
from workbench.compile.loop_ir import loops as L
from workbench.compile.loop_ir.lower import lower
from workbench.graph import Graph


def scalar_copies(inputs, outputs):
    """Copies of one scalar variable to another, in the program as it is printed."""
    copies = [s for s in L.walk(lower(Graph(inputs, outputs), "f").body) if isinstance(s, L.Copy)]
    return [(a.name, b.name) for s in copies for a, b in s.pairs if a.is_local and isinstance(b, L.Buffer) and b.is_local]


def nested(x, n):
    """A loop whose state of three numbers passes through branches within branches; each changes one of them."""

    def step(i, a, b, c):
        def outer(i, a, b, c):
            inner = pt.cond(b > 4.0, lambda i, a, b, c: [i, a, b, c * 0.5], lambda i, a, b, c: [i, a, b + 1.0, c], [i, a, b, c])
            return [inner[0], inner[1], inner[2], inner[3] + 1.0]

        i, a, b, c = pt.cond(a > 2.0, outer, lambda i, a, b, c: [i, a + 1.0, b, c], [i, a, b, c])
        return [i + 1, a, b, c]

    return pt.while_loop(lambda i, a, b, c: i < n, step, [0, x, x + 1.0, x + 2.0])[1:]


def nested_in_python(x, n):
    a, b, c = x, x + 1.0, x + 2.0
    for _ in range(n):
        if a > 2.0:
            if b > 4.0:
                c = c * 0.5
            else:
                b = b + 1.0
            c = c + 1.0
        else:
            a = a + 1.0
    return a, b, c


@pytest.mark.parametrize("backend", ["c", "numba"])
def test_what_branches_pass_on_is_not_copied(backend):
    x, n = pt.scalar("x"), pt.scalar("n", "int64")
    out = nested(x, n)
    assert scalar_copies([x, n], out) == []
    f = function([x, n], out, backend=backend)
    for count in (0, 1, 3, 20):
        assert tuple(map(float, f(0.7, count))) == nested_in_python(0.7, count)


@pytest.mark.parametrize("backend", ["c", "numba"])
def test_values_that_are_exchanged_keep_apart(backend):
    """Fibonacci's numbers, and three values in a ring: each is read after the one before it is written."""
    n = pt.scalar("n", "int64")
    _, a, b = pt.while_loop(lambda i, a, b: i < n, lambda i, a, b: [i + 1, b, a + b], [0, 0, 1])
    _, p, q, r = pt.while_loop(lambda i, p, q, r: i < n, lambda i, p, q, r: [i + 1, q, r, p], [0, 1.0, 2.0, 3.0])
    f = function([n], [a, b, p, q, r], backend=backend)
    assert [float(v) for v in f(10)] == [55, 89, 2.0, 3.0, 1.0]
    assert [float(v) for v in f(0)] == [0, 1, 1.0, 2.0, 3.0]


@pytest.mark.parametrize("backend", ["c", "numba"])
def test_a_value_that_is_read_after_its_branch_is_kept(backend):
    x = pt.scalar("x")
    y = x * 2.0
    (z,) = pt.cond(x > 0.0, lambda y: [y + 1.0], lambda y: [y], [y])
    (w,) = pt.cond(x > 1.0, lambda z: [z * y], lambda z: [z], [z])
    f = function([x], [y, z, w], backend=backend)
    for v in (-1.0, 0.5, 3.0):
        once = 2 * v + 1 if v > 0 else 2 * v
        assert [float(g) for g in f(v)] == [2 * v, once, once * 2 * v if v > 1 else once]


def test_a_number_that_a_loop_over_rows_reads_is_not_the_one_it_adds_to():
    """A sum over rows that starts from a carried number: the number is read by the loop that adds to another."""
    x, n = pt.vector("x", 50), pt.scalar("n", "int64")
    _, s = pt.while_loop(lambda i, s: i < n, lambda i, s: [i + 1, pt.sum(x * s) + s], [0, 1.5])
    values = np.linspace(-0.1, 0.2, 50)
    wanted = 1.5
    for _ in range(4):
        wanted = (values * wanted).sum() + wanted
    assert np.isclose(function([x, n], s, backend="c")(values, 4), wanted, rtol=1e-13)
