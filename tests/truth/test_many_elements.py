"""Arrays of 2**31 elements and more, or of more than 2**32 bytes: what is asked of them is where Python's integers say it is.

By default of arrays that are nothing but a few pages of memory, and of values that are computed where they are asked for;
what passes over every element of 2**31 + 8 bytes, with ``WORKBENCH_TESTS=all``.
"""

import os

import numpy as np
import pytest

import workbench.tensor as pt
from workbench.compile import function
from workbench.compile.c.toolchain import find_compiler
from workbench.errors import IndexBoundsError

MANY = 2**31 + 8
BACKENDS = ("numpy", "c", "numba")
ALL = os.environ.get("WORKBENCH_TESTS") == "all"


@pytest.fixture(autouse=True)
def without_proofs(monkeypatch):
    """The proof of a program goes through the elements that it has."""
    monkeypatch.delenv("WORKBENCH_CHECK", raising=False)


def backends(names=BACKENDS):
    return pytest.mark.parametrize("backend", [n for n in names if n != "c" or find_compiler() is not None])


def mostly_zeros(dtype, shape, **at):
    """An array of zeros, of which memory is taken only where something else is put."""
    made = np.zeros(shape, dtype)
    for value, index in at.items():
        made.reshape(-1)[index] = int(value[1:])
    return made


@backends()
def test_elements_beyond_31_bits_are_read_where_they_are(backend):
    x, i, n = pt.tensor("x", "uint8", (None,)), pt.lvector("i"), pt.lscalar("n")
    value = mostly_zeros("uint8", MANY, _7=MANY - 3, _9=2**31, _5=0)
    f = function([x, i, n], [x[i], x[-3], x[n], x[n:], x[-5:][::-1], x[:: 2**30], x[i[0]] + x[n]], backend=backend)
    found = f(value, [MANY - 3, -8, -MANY, 1], 2**31)
    wanted = [7, 9, 5, 0], 7, 9, [9, 0, 0, 0, 0, 7, 0, 0], [0, 0, 7, 0, 0], [5, 0, 9], 16
    for made, right in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(made, right)
    for wrong in (MANY, -MANY - 1, 2**33, -(2**40)):
        with pytest.raises(IndexBoundsError, match=str(wrong)):
            f(value, [wrong], 2**31)


@backends()
def test_rows_beyond_32_bits_of_bytes_are_read_where_they_are(backend):
    A, i, j = pt.matrix("A"), pt.lscalar("i"), pt.lscalar("j")
    rows, columns = 2**17 + 3, 2**13
    value = mostly_zeros("float64", (rows, columns), _7=(rows - 1) * columns + 5, _3=(rows - 2) * columns, _2=columns - 1)
    f = function([A, i, j], [A[i, j], A[i].sum(), A[-2:, 0], A.T[j, -1], pt.ravel(A)[i * columns + j], A[i:, :8].sum(0)], backend=backend)
    for made, right in zip(f(value, rows - 1, 5), (7, 7, [3, 0], 7, 7, [0, 0, 0, 0, 0, 7, 0, 0]), strict=True):
        np.testing.assert_array_equal(made, right)


COMPUTED = {
    "arange(n)[k]": lambda n, k: k, "(expand_dims(arange(n), 1) * 3 + arange(n + 1))[k, k - 1]": lambda n, k: 4 * k - 1, "arange(5, n, 7)[k // 7 - 1]": lambda n, k: 5 + 7 * (k // 7 - 1),
    "ravel(expand_dims(arange(n), 1) * 3 + arange(n + 1))[k * (n + 1) + 2]": lambda n, k: 3 * k + 2, "broadcast_to(k, (n, n))[k, k]": lambda n, k: k, "eye(n)[k, k]": lambda n, k: 1,
    "reshape(arange(n) + 1, (1, -1, 1))[0, -1, 0]": lambda n, k: n, "arange(n)[::-1][k]": lambda n, k: n - 1 - k, "zeros((n, n), 'int64').shape[1]": lambda n, k: n,
}  # fmt: skip


@pytest.mark.parametrize("code", COMPUTED)
def test_what_memory_does_not_hold_is_computed_where_it_is_asked_for_or_is_an_error(code):
    if find_compiler() is None:
        pytest.skip("no C compiler on this system")
    n, k = pt.lscalar("n"), pt.lscalar("k")
    f = function([n, k], eval(code, {"n": n, "k": k} | {x: getattr(pt, x) for x in dir(pt)}), backend="c")
    for size, at in ((12, 9), (2**31 + 11, 2**31 + 2), (2**33 + 11, 2**32 + 1)):
        try:
            made = f(size, at)
        except MemoryError:
            assert size > 12
        else:
            assert int(made) == COMPUTED[code](size, at)


@pytest.mark.skipif(not ALL, reason="takes 8 GiB: with WORKBENCH_TESTS=all")
@backends(("c", "numba"))
def test_every_element_is_passed_over(backend):
    x, i = pt.tensor("x", "uint8", (None,)), pt.lvector("i")
    value = mostly_zeros("uint8", MANY, _7=MANY - 3, _9=2**31, _5=0)
    f = function([x, i], [pt.sum(x, dtype="int64"), pt.argmax(x), pt.max(x[::-1]), x[i].inc(1)[-4:], pt.all(x < 10), pt.concatenate([x[:1], x])[-3]], backend=backend)
    for made, right in zip(f(value, [MANY - 4, 3]), (21, 2**31, 9, [1, 7, 0, 0], True, 7), strict=True):
        np.testing.assert_array_equal(made, right)
