"""Lengths that arguments bring: those that disagree are errors that name both, others give what NumPy gives.

The numbers are NumPy's on the same arguments; errors are where NumPy has one, or would broadcast a length of 1 that is open.
"""

import numpy as np
import pytest

import workbench as pm
import workbench.tensor as pt
from workbench.compile import function
from workbench.errors import IndexBoundsError, ShapeError, WorkbenchError

BACKENDS = ("numpy", "c")
NAMES = {n: getattr(pt, n) for n in dir(pt) if not n.startswith("_")} | {"grad": pm.grad}

DISAGREE = {
    "v + w": "vw", "v * exp(w)": "vw", "v @ w": "vw", "A @ w": "Aw", "w @ A.T": "Aw", "where(v > 0, v, w)": "vw", "stack([v, w])": "vw",
    "concatenate([A, B], axis=1)": "AB", "concatenate([A, B], axis=0)": "AB", "linalg.solve(S, w)": "Sw", "linalg.solve_triangular(S, w)": "Sw",
    "einsum('i,i->', v, w)": "vw", "einsum('ij,j->i', A, w)": "Aw",
    "A[:, 0] + v": "Av", "v[:2].set(v[:2]) + w": "vw", "maximum(v, w)": "vw", "v - w[::-1]": "vw", "sum(v * w)": "vw",
    "outer(v, w) + A": "vwA", "v[w > 0]": "vw", "set_subtensor(v[w > 0], 1.0)": "vw", "A[B > 0]": "AB", "broadcast_arrays(v, w)[0]": "vw",
    "broadcast_arrays(A, w)[1]": "Aw", "v[w > 9].sum()": "vw",
}  # fmt: skip
"""Of these arguments at least two have lengths that do not fit."""
ARGUMENTS = {"v": np.arange(1.0, 4.0), "w": np.arange(1.0, 6.0), "A": np.ones((4, 4)), "B": np.ones((2, 3)), "S": np.eye(3)}


def inputs(names):
    return {n: pt.tensor(n, "float64", (None,) * ARGUMENTS[n].ndim) for n in names}


def ways(given, y):
    """The ways to compute it, each a function of no arguments."""
    values = [ARGUMENTS[n] for n in given]
    yield lambda: y.eval(dict(zip(given.values(), values)))
    for backend in BACKENDS:
        yield lambda backend=backend: function(list(given.values()), y, backend=backend)(*values)


@pytest.mark.parametrize("code", DISAGREE)
def test_lengths_that_disagree_are_named_with_their_numbers_and_the_line(code):
    given = inputs(DISAGREE[code])
    y = eval(compile(code, __file__, "eval"), NAMES | given)
    for compute in ways(given, y):
        with pytest.raises(ShapeError, match=r"is \d") as caught:
            compute()
        assert sum(f"of {n}" in str(caught.value) for n in given) >= 2, str(caught.value)
        assert caught.value.location is not None and caught.value.location.filename == __file__


NEGATIVE = {"zeros(n)": -1, "ones((n, 2))": -2, "broadcast_to(1.0, (n,))": -1, "full((2, n), 0.5)": -3, "zeros(n - 3)": 2}


@pytest.mark.parametrize("code", NEGATIVE)
def test_negative_lengths_are_errors(code):
    n = pt.lscalar("n")
    y = eval(code, NAMES | {"n": n})
    for backend in BACKENDS:
        f = function([n], y, backend=backend)
        assert f(5).shape
        with pytest.raises(ShapeError):
            f(NEGATIVE[code])


NOTHING = {
    "sum(v)": 0.0, "prod(v)": 1.0, "all(v)": True, "any(v)": False, "sum(A, 0)": [], "sum(A)": 0.0, "cumsum(v)": [], "sort(v)": [], "argsort(v)": [],
    "v @ v": 0.0, "A @ v": [], "v[i]": [], "v[::-1]": [], "v[v > 0]": [], "concatenate([v, v])": [], "linalg.det(A)": 1.0, "linalg.solve(A, v)": [],
    "linalg.inv(A)": np.zeros((0, 0)), "linalg.cholesky(A)": np.zeros((0, 0)), "exp(v)": [], "stack([v, v])": np.zeros((2, 0)), "v[i].sum()": 0.0,
    "logsumexp(v)": -np.inf, "logsumexp(A, 0)": [], "softmax(v)": [], "log_softmax(v)": [], "log(sum(exp(v)))": -np.inf, "max(v, initial=3.5)": 3.5,
    "min(v, initial=-1.0)": -1.0, "max(exp(v), initial=-2.0)": -2.0, "max(cast(v, 'int8'), initial=2)": 2, "max(v, where=v > 0, initial=0.5)": 0.5,
    "max(v + 1.0, initial=-2.0)": -2.0, "logsumexp(zeros((3, v.shape[0])), 1)": [-np.inf] * 3, "grad(logsumexp(v), v)": [], "grad(max(v, initial=0.0), v)": [],
    "max(zeros((v.shape[0], 3)), 0, initial=1.0)": [1.0] * 3,
}  # fmt: skip


@pytest.mark.parametrize("code", NOTHING)
def test_a_length_of_nothing_gives_what_it_gives_in_numpy(code):
    v, A, i = pt.vector("v"), pt.matrix("A"), pt.lvector("i")
    y = eval(code, NAMES | {"v": v, "A": A, "i": i})
    for backend in BACKENDS:
        made = function([v, A, i], y, backend=backend)(np.zeros(0), np.zeros((0, 0)), np.zeros(0, "int64"))
        np.testing.assert_array_equal(made, NOTHING[code], err_msg=backend)
        assert np.shape(made) == np.shape(NOTHING[code]), backend


@pytest.mark.parametrize("code", ["max(v)", "min(v)", "argmax(v)", "v[0]", "v[-1]", "v[j]"])
def test_an_element_of_nothing_is_an_error(code):
    v, j = pt.vector("v"), pt.lscalar("j")
    y = eval(code, NAMES | {"v": v, "j": j})
    for backend in BACKENDS:
        with pytest.raises((ShapeError, IndexBoundsError)):
            function([v, j], y, backend=backend)(np.zeros(0), 0)


BY_VALUES = {
    "arange(0, n, 2)": lambda v, n: np.arange(0, n, 2), "v[:n]": lambda v, n: v[:n], "v[n:]": lambda v, n: v[n:], "v[v > 0]": lambda v, n: v[v > 0],
    "v[:n].sum()": lambda v, n: v[:n].sum(), "nonzero(v)[0]": lambda v, n: np.nonzero(v)[0], "v[::2][:n]": lambda v, n: v[::2][:n],
    "exp(v[v > 0]).sum()": lambda v, n: np.exp(v[v > 0]).sum(), "zeros(n) + 1.0": lambda v, n: np.ones(n),
}  # fmt: skip


@pytest.mark.parametrize("code", BY_VALUES)
def test_lengths_by_values_are_numpys(code):
    v, n = pt.vector("v"), pt.lscalar("n")
    y = eval(code, NAMES | {"v": v, "n": n})
    for backend in BACKENDS:
        f = function([v, n], y, backend=backend)
        for value in (np.array([1.0, -2.0, 0.0, 4.0, 0.5]), np.zeros(0), np.ones(1)):
            for count in (0, 1, 3, 9):
                np.testing.assert_allclose(f(value, count), BY_VALUES[code](value, count), rtol=1e-14, err_msg=backend)


@pytest.mark.parametrize("backend", BACKENDS)
def test_more_elements_than_64_bits_count_are_an_error(backend):
    n = pt.lscalar("n")
    with pytest.raises((WorkbenchError, MemoryError, ValueError)):
        function([n], pt.zeros((n, n)), backend=backend)(2**40)


@pytest.mark.parametrize("to, value", [("int8", 261), ("uint8", 300), ("int32", 2**32 + 7), ("uint16", 2**16 + 2), ("int16", 2**16 + 1)])
def test_a_number_that_wraps_is_the_length_that_it_then_is(to, value):
    n = pt.lscalar("n")
    wanted = int(np.array(value).astype(to))
    for backend in BACKENDS:
        assert function([n], pt.zeros(pt.cast(n, to)), backend=backend)(value).shape == (wanted,)
        with pytest.raises(WorkbenchError):
            function([n], pt.arange(pt.cast(n, to)) + pt.arange(n % 1000), backend=backend)(value)
        assert function([n], pt.zeros(pt.cast(n, to)) + 1.0, backend=backend)(3).tolist() == [1.0] * 3


def test_one_number_in_several_lengths_is_one_number():
    n, k = pt.lscalar("n"), pt.lscalar("k")
    y = pt.arange(n)[k] + pt.arange(n + 1)[k] + (pt.zeros((n, n + 1)) + pt.expand_dims(pt.arange(n), 1))[k, k] + pt.arange(2 * n)[k] + pt.zeros(n // 2).sum()
    for backend in BACKENDS:
        assert function([n, k], y, backend=backend)(5, 3) == 12


MISFITS = {
    "reshape(w, (2, -1))": "w", "reshape(A, (3, -1))": "A", "broadcast_to(v, (2, 5))": "v", "v[i]": "v", "v.set(w)": "vw", "v[i].inc(w)": "vw",
    "take(v, i)": "v", "A.T.reshape((17,))": "A", "A[i, j]": "A", "split(w, 2)[0]": "w",
    "squeeze(v, 0)": "v", "split(zeros((w.shape[0], 0)), 2)[0]": "w", "squeeze(zeros((w.shape[0], 0)), 0)": "w",
}  # fmt: skip


@pytest.mark.parametrize("code", MISFITS)
def test_what_does_not_fit_is_an_error(code):
    given = inputs(MISFITS[code])
    y = eval(code.replace(".set(", "[:].set("), NAMES | given | {"i": np.array([0, 4, 7]), "j": np.array([0, 1, 2])})
    for compute in ways(given, y):
        with pytest.raises((ShapeError, IndexBoundsError)):
            compute()
