"""Functions of two variables: values, gradients and all entries of the Hessian, over the whole range of floats, against mpmath.

The right values are closed forms with 60 digits. Both mixed entries are compared: the Hessian is symmetric.
"""

import itertools

import numpy as np
import pytest
from mpmath import mp, mpf

import workbench as pm
import workbench.tensor as pt
from workbench.compile import function
from workbench.transforms import grad

log, exp = mp.log, mp.exp


def logistic(x):
    return 1 / (1 + exp(-x))


def sum_of_powers(base):
    def all_of(x, y):
        scale = log(base)
        s, t = logistic((x - y) * scale), logistic((y - x) * scale)
        h = s * t * scale
        return max(x, y) + mp.log1p(exp(-abs(x - y) * scale)) / scale, s, t, h, -h, -h, h

    return all_of


def difference(x, y):
    r = exp(y - x) / -mp.expm1(y - x)
    h = -exp(y - x) / mp.expm1(y - x) ** 2
    return x + log(-mp.expm1(y - x)), 1 + r, -r, h, -h, -h, h


def hypotenuse(x, y):
    h = mp.sqrt(x * x + y * y)
    return h, x / h, y / h, y * y / h**3, -x * y / h**3, -x * y / h**3, x * x / h**3


def angle(x, y):
    r = x * x + y * y
    mixed = (x - y) * (x + y) / r**2
    return mp.atan2(x, y), y / r, -x / r, -2 * x * y / r**2, mixed, mixed, 2 * x * y / r**2


def power(x, y):
    p = x**y
    mixed = p / x * (1 + y * log(x))
    return p, y * p / x, p * log(x), y * (y - 1) * p / x**2, mixed, mixed, p * log(x) ** 2


def quotient(x, y):
    return x / y, 1 / y, -x / y**2, mpf(0), -1 / y**2, -1 / y**2, 2 * x / y**3


SIZES = [1e-300, 1e-200, 1e-100, 1e-30, 1e-8, 1e-3, 0.3, 1.0, 2.0, 7.5, 37.0, 800.0, 1e5, 1e8, 1e30, 1e100, 1e200, 1e300]
BOTH = [-s for s in SIZES] + SIZES
PAIRS = [*itertools.product(BOTH, BOTH), (3.0, 3.0), (3.0, 3.0 + 1e-12), (-1e5, -1e5), (1.0, 1.0 + 1e-15), (0.0, 0.0), (0.0, -745.0), (100.0, 100 - 1e-9)]
CASES = {
    "logaddexp": (pt.logaddexp, sum_of_powers(mp.e), PAIRS),
    "logaddexp2": (pt.logaddexp2, sum_of_powers(2), PAIRS),
    "logdiffexp": (pm.math.logdiffexp, difference, [(x, y) for x, y in PAIRS if x > y] + [(800.0, -800.0), (-1e5, -1e5 - 1)]),
    "hypot": (pt.hypot, hypotenuse, PAIRS[:-7]),
    # Where 1 / (x**2 + y**2) is a number.
    "arctan2": (pt.arctan2, angle, [(x, y) for x, y in PAIRS[:-7] if max(abs(x), abs(y)) > 1e-140]),
    # Where x**y itself neither overflows nor underflows.
    "power": (pt.power, power, [(x, y) for x in SIZES[2:-2] for y in (0.0, 1.0, 2.0, 3.0, -1.0, -2.0, 0.5, -0.5, 1e-3)]),
    "divide": (pt.divide, quotient, [(x, y) for x, y in PAIRS[:-7] if abs(np.log10(abs(x))) < 150 and abs(np.log10(abs(y))) < 110]),
}  # fmt: skip


def as_float(value):
    try:
        return float(value)
    except OverflowError:
        return float("inf") * float(mp.sign(value))


@pytest.mark.parametrize("name", CASES)
def test_hessians_are_right_over_the_whole_range(backend, name):
    if backend in ("numba", "jax") and name not in ("logaddexp", "power"):
        pytest.skip("a sample: slow to compile")
    op, exact, pairs = CASES[name]
    x, y = pt.vector("x"), pt.vector("y")
    value = op(x, y)
    firsts = grad(value.sum(), [x, y])
    seconds = [grad(g.sum(), v, disconnected_inputs="ignore") for g in firsts for v in (x, y)]
    a, b = map(np.array, zip(*pairs))
    found = np.array(function([x, y], [value, *firsts, *seconds], backend=backend)(a, b))
    with mp.workdps(60):
        wanted = np.array([[as_float(v) for v in exact(mpf(float(p)), mpf(float(q)))] for p, q in pairs]).T
    smallest = np.full_like(wanted, 1e-300)
    if name == "arctan2":
        # The mixed entry is a difference at its zero.
        smallest[4:6] = np.maximum(1e-300, 1e-15 * np.abs(wanted[3:7]).max(0))
    with np.errstate(invalid="ignore"):
        good = (np.abs(found - wanted) <= 1e-11 * np.abs(wanted) + smallest) | (found == wanted) | ((np.abs(wanted) > 1e300) & np.isinf(found))
    if backend == "jax":
        good |= (np.abs(a) < 1e-290) | (np.abs(b) < 1e-290) | (np.abs(wanted) < 1e-290)  # XLA flushes denormal numbers on the way.
    assert good.all(), [(name, k, pairs[i], found[k, i], wanted[k, i]) for k, i in np.argwhere(~good)[:6]]


def test_the_examples():
    x = pt.vector("x", 2)
    for cost, at, wanted in [
        (pt.logaddexp(x[0], x[1]), [1.0, 1.0], [[0.25, -0.25], [-0.25, 0.25]]),
        (x[0] ** x[1], [2.0, 0.0], [[0.0, 0.5], [0.5, float(np.log(2.0) ** 2)]]),
        (pt.tanh(x).sum(), [800.0, -800.0], [[0.0, 0.0], [0.0, 0.0]]),
        (pt.log(pt.sigmoid(x)).sum(), [-400.0, -800.0], [[float(-np.exp(-400.0)), 0.0], [0.0, 0.0]]),
        (pt.log_ndtr(x).sum(), [50.0, 1e10], [[0.0, 0.0], [0.0, 0.0]]),
        (pt.log1mexp(x).sum(), [-1e5, -800.0], [[0.0, 0.0], [0.0, 0.0]]),
    ]:
        for backend in ("numpy", "c"):
            np.testing.assert_allclose(function([x], pm.hessian(cost, x), backend=backend)(at), wanted, rtol=1e-13, atol=1e-300)
