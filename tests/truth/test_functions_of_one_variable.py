"""Functions of one variable, their first and second derivatives, over the whole range of floats, against mpmath.

The right values are closed forms evaluated by mpmath with 60 digits or more (asymptotic series where an argument is so
large that mpmath cannot say); nothing of them is computed by the package. Points: powers of ten from 1e-300 to 1e300 on
both sides of zero, ordinary numbers, and numbers next to the ends of the domain and to poles.
"""

import functools
import os

import numpy as np
import pytest
from mpmath import mp, mpf

import workbench.tensor as pt
from workbench.compile import function
from workbench.transforms import grad

inf = float("inf")
log, exp, erfc = mp.log, mp.exp, mp.erfc
RELATIVE = 1e-11
# The second derivative is a difference at its zero; sinc's argument times pi is rounded.
ABSOLUTE = {"sigmoid": 1e-16, "sinc": 1e-14}


def logistic(x):
    return 1 / (1 + exp(-x))


def normal(x):
    return exp(-x * x / 2) / mp.sqrt(2 * mp.pi)


def series(x, power, step, factors, order):
    """The derivative of a sum of ``factors[k] * x**(power - step * k)``."""
    total = mpf(0)
    for k, c in enumerate(factors):
        for j in range(order):
            c *= power - step * k - j
        total += c * x ** (power - step * k - order)
    return total


def log_of_normal(x):
    if x < -1e4:
        return -x * x / 2 - log(-x) - log(2 * mp.pi) / 2 - 1 / x**2
    return log(erfc(-x / mp.sqrt(2)) / 2) if x < 5 else mp.log1p(-erfc(x / mp.sqrt(2)) / 2) if x < 1e50 else mpf(0)


def hazard(x):
    """normal(x) over the distribution function, and how far it is from -x."""
    if x < -1e4:
        t = 1 / x**2
        rest = -x * (t - 2 * t**2 + 10 * t**3 - 74 * t**4)
        return rest - x, rest
    ratio = normal(x) / (erfc(-x / mp.sqrt(2)) / 2 if x < 1e50 else 1)
    return ratio, ratio + x


def quantile(p):
    """The normal quantile, by Newton's method on the logarithm for small p."""
    if p > 0.5:
        return -quantile(1 - p)
    z = -mp.sqrt(-2 * log(p)) if p < 1e-5 else mp.sqrt(2) * mp.erfinv(2 * mpf(float(p)) - 1)
    for _ in range(60):
        move = (log_of_normal(z) - log(p)) / hazard(z)[0]
        z -= move
        if abs(move) < mpf(10) ** -45:
            return z
    raise ArithmeticError(p)


def inverse_erf(x):
    if abs(x) > 0.1:
        return -mp.sign(x) * quantile((1 - abs(x)) / 2) / mp.sqrt(2)
    z = x * mp.sqrt(mp.pi) / 2
    for _ in range(12):
        z -= (mp.erf(z) - x) * mp.sqrt(mp.pi) / 2 * exp(z * z)
    return z


def inverse_erfc(x):
    return inverse_erf(1 - x) if 0.9 < x < 1.1 else -quantile(x / 2) / mp.sqrt(2) if x < 1 else quantile((2 - x) / 2) / mp.sqrt(2)


def scaled_erfc(order):
    factors = [mp.fac2(2 * k - 1) / (-mpf(2)) ** k / mp.sqrt(mp.pi) for k in range(12)]

    def value(x):
        if x > 1e5:
            return series(x, mpf(-1), 2, factors, order)
        e = exp(x * x) * erfc(x)
        return [e, 2 * x * e - 2 / mp.sqrt(mp.pi), (2 + 4 * x * x) * e - 4 * x / mp.sqrt(mp.pi)][order]

    return value


def scaled_bessel(nu, order):
    """The derivative of exp(-|x|) I_nu(x); a series in 1 / x far out."""
    factors = [mpf(1)]
    for k in range(1, 15):
        factors.append(-factors[-1] * (4 * nu * nu - (2 * k - 1) ** 2) / (8 * k))

    def derivative(n, d, x):
        return mp.besseli(abs(n), x) if d == 0 else (derivative(n - 1, d - 1, x) + derivative(n + 1, d - 1, x)) / 2

    def value(x):
        side = mp.sign(x)
        if abs(x) > 1e4:
            return side ** (nu + order) * series(abs(x), mpf(-0.5), 1, factors, order) / mp.sqrt(2 * mp.pi)
        terms = [mp.binomial(order, k) * (-side) ** (order - k) * derivative(nu, k, x) for k in range(order + 1)]
        return sum(terms) * exp(-abs(x))

    return value


def sine_over(order):
    def value(x):
        with mp.workdps(1000 if abs(x) < 1e-3 else 100):
            y = mp.pi * x
            s, c = mp.sin(y), mp.cos(y)
            return [s / y, mp.pi * (c / y - s / y**2), mp.pi**2 * (-s / y - 2 * c / y**2 + 2 * s / y**3)][order]

    return value


def three(make):
    return tuple(make(order) for order in range(3))


def bessel(n, sign):
    f = mp.besseli if sign > 0 else mp.besselj
    return {
        0: (lambda x: f(0, x), lambda x: sign * f(1, x), lambda x: (sign * f(0, x) + f(2, x)) / 2),
        1: (lambda x: f(1, x), lambda x: (f(0, x) + sign * f(2, x)) / 2, lambda x: (3 * sign * f(1, x) + f(3, x)) / 4),
    }[n]


def psi(n):
    return lambda x: mp.polygamma(n, x)


def root(x):
    return mp.sign(x) * mp.cbrt(abs(x))


def inner(x):
    return (1 - x) * (1 + x)


ROOT_PI = mp.sqrt(mp.pi)
whole, plus = (-inf, inf), (0.0, inf)
CASES = {
    "exp": (whole, exp, exp, exp),
    "exp2": (whole, lambda x: mpf(2) ** x, lambda x: log(2) * mpf(2) ** x, lambda x: log(2) ** 2 * mpf(2) ** x),
    "expm1": (whole, mp.expm1, exp, exp),
    "log": (plus, log, lambda x: 1 / x, lambda x: -1 / x**2),
    "log1p": ((-1.0, inf), mp.log1p, lambda x: 1 / (1 + x), lambda x: -1 / (1 + x) ** 2),
    "log2": (plus, lambda x: log(x) / log(2), lambda x: 1 / x / log(2), lambda x: -1 / x**2 / log(2)),
    "log10": (plus, lambda x: log(x) / log(10), lambda x: 1 / x / log(10), lambda x: -1 / x**2 / log(10)),
    "sigmoid": (whole, logistic, lambda x: logistic(x) * logistic(-x), lambda x: -logistic(x) * logistic(-x) * mp.tanh(x / 2)),
    "softplus": (whole, lambda x: max(x, mpf(0)) + mp.log1p(exp(-abs(x))), logistic, lambda x: logistic(x) * logistic(-x)),
    "logit": ((0.0, 1.0), lambda x: log(x / (1 - x)), lambda x: 1 / (x * (1 - x)), lambda x: (2 * x - 1) / (x * (1 - x)) ** 2),
    "log1mexp": (
        (-inf, 0.0), lambda x: mp.log1p(-exp(x)) if x < -1 else log(-mp.expm1(x)), lambda x: -1 / mp.expm1(-x),
        lambda x: -exp(-x) / mp.expm1(-x) ** 2,
    ),
    "abs": (whole, abs, mp.sign, lambda x: mpf(0)),
    "negative": (whole, lambda x: -x, lambda x: mpf(-1), lambda x: mpf(0)),
    "square": (whole, lambda x: x * x, lambda x: 2 * x, lambda x: mpf(2)),
    "reciprocal": (whole, lambda x: 1 / x, lambda x: -1 / x**2, lambda x: 2 / x**3),
    "sqrt": (plus, mp.sqrt, lambda x: 1 / (2 * mp.sqrt(x)), lambda x: -1 / (4 * x * mp.sqrt(x))),
    "cbrt": (whole, root, lambda x: 1 / (3 * root(x) ** 2), lambda x: -2 / (9 * root(x) ** 5)),
    "sin": (whole, mp.sin, mp.cos, lambda x: -mp.sin(x)),
    "cos": (whole, mp.cos, lambda x: -mp.sin(x), lambda x: -mp.cos(x)),
    "tan": (whole, mp.tan, lambda x: mp.sec(x) ** 2, lambda x: 2 * mp.tan(x) * mp.sec(x) ** 2),
    "arcsin": ((-1.0, 1.0), mp.asin, lambda x: inner(x) ** -0.5, lambda x: x * inner(x) ** -1.5),
    "arccos": ((-1.0, 1.0), mp.acos, lambda x: -(inner(x) ** -0.5), lambda x: -x * inner(x) ** -1.5),
    "arctan": (whole, mp.atan, lambda x: 1 / (1 + x * x), lambda x: -2 * x / (1 + x * x) ** 2),
    "sinh": (whole, mp.sinh, mp.cosh, mp.sinh),
    "cosh": (whole, mp.cosh, mp.sinh, mp.cosh),
    "tanh": (whole, mp.tanh, lambda x: mp.sech(x) ** 2, lambda x: -2 * mp.tanh(x) * mp.sech(x) ** 2),
    "arcsinh": (whole, mp.asinh, lambda x: (1 + x * x) ** -0.5, lambda x: -x * (1 + x * x) ** -1.5),
    "arccosh": ((1.0, inf), mp.acosh, lambda x: (-inner(x)) ** -0.5, lambda x: -x * (-inner(x)) ** -1.5),
    "arctanh": ((-1.0, 1.0), mp.atanh, lambda x: 1 / inner(x), lambda x: 2 * x / inner(x) ** 2),
    "deg2rad": (whole, lambda x: x * mp.pi / 180, lambda x: mp.pi / 180, lambda x: mpf(0)),
    "rad2deg": (whole, lambda x: x * 180 / mp.pi, lambda x: 180 / mp.pi, lambda x: mpf(0)),
    "sinc": (whole, *three(sine_over)),
    "erf": (whole, mp.erf, lambda x: 2 / ROOT_PI * exp(-x * x), lambda x: -4 * x / ROOT_PI * exp(-x * x)),
    "erfc": (whole, lambda x: erfc(x) if x < 1e50 else mpf(0), lambda x: -2 / ROOT_PI * exp(-x * x), lambda x: 4 * x / ROOT_PI * exp(-x * x)),
    "erfcx": ((-26.0, inf), *three(scaled_erfc)),
    "ndtr": (whole, lambda x: erfc(-x / mp.sqrt(2)) / 2 if x > -1e50 else mpf(0), normal, lambda x: -x * normal(x)),
    "log_ndtr": (whole, log_of_normal, lambda x: hazard(x)[0], lambda x: -hazard(x)[0] * hazard(x)[1]),
    "ndtri": ((0.0, 1.0), quantile, lambda p: 1 / normal(quantile(p)), lambda p: quantile(p) / normal(quantile(p)) ** 2),
    "erfinv": ((-1.0, 1.0), inverse_erf, lambda x: ROOT_PI / 2 * exp(inverse_erf(x) ** 2), lambda x: mp.pi / 2 * inverse_erf(x) * exp(2 * inverse_erf(x) ** 2)),
    "erfcinv": ((0.0, 2.0), inverse_erfc, lambda x: -ROOT_PI / 2 * exp(inverse_erfc(x) ** 2), lambda x: mp.pi / 2 * inverse_erfc(x) * exp(2 * inverse_erfc(x) ** 2)),
    "gamma": (
        (-60.0, inf), mp.gamma, lambda x: mp.gamma(x) * mp.digamma(x) if x < 1e3 else mpf(inf),
        lambda x: mp.gamma(x) * (mp.digamma(x) ** 2 + mp.polygamma(1, x)) if x < 1e3 else mpf(inf),
    ),
    "gammaln": ((-60.0, inf), lambda x: mp.re(mp.loggamma(x)), psi(0), psi(1)),
    "digamma": ((-60.0, inf), psi(0), psi(1), psi(2)),
    "trigamma": ((-60.0, inf), psi(1), psi(2), psi(3)),
    "i0": ((-1e4, 1e4), *bessel(0, 1)),
    "i1": ((-1e4, 1e4), *bessel(1, 1)),
    "j0": ((-1e3, 1e3), *bessel(0, -1)),
    "j1": ((-1e3, 1e3), *bessel(1, -1)),
    "i0e": (whole, *three(lambda d: scaled_bessel(0, d))),
    "i1e": (whole, *three(lambda d: scaled_bessel(1, d))),
}  # fmt: skip
GRID = np.concatenate([
    10.0 ** np.arange(-300, 301, 30), np.linspace(0.07, 60, 24),
    [0.5, 1, 1.5, 2, 4, 8, 10, 12, 20, 26, 30, 37.5, 50, 171.3, 300, 356, 372, 700, 709, 745, 800, 1e3, 1e5, 1e8, 1e10],
])  # fmt: skip
NEXT = [1 - 1e-3, 1 - 1e-9, 1 - 1e-15, -1 + 1e-9, -1 + 1e-15, -1e-3, -1e-20, 1 + 1e-9, 1 + 1e-15, 1.999999, 2 - 1e-12]
POLES = ("gamma", "gammaln", "digamma", "trigamma")


def points(name):
    low, high = CASES[name][0]
    x = np.unique(np.concatenate([-GRID, GRID, NEXT]))
    x = x[(x > low) & (x < high)]
    if name in POLES:
        x = x[(x > 0) | (x != np.floor(x))]
    return x[np.abs(x) < 1e15] if name in ("sin", "cos", "tan", "sinc") else x


def as_float(value):
    try:
        return float(mp.re(value))
    except OverflowError:
        return inf * float(mp.sign(value))


@functools.cache
def exact(name, order):
    with mp.workdps(60):
        return np.array([as_float(CASES[name][1 + order](mpf(float(v)))) for v in points(name)])


def check(name, order, x, found):
    wanted = exact(name, order)
    with np.errstate(invalid="ignore"):
        near = np.abs(found - wanted) <= RELATIVE * np.abs(wanted) + max(1e-300, ABSOLUTE.get(name, 0.0))
    # What rounds to infinity, or nearly does.
    good = near | (found == wanted) | ((np.abs(wanted) > 1e300) & np.isinf(found) & (np.sign(found) == np.sign(wanted)))
    bad = ~good
    assert not bad.any(), f"derivative {order} of {name} at {x[bad][:5]}: {found[bad][:5]}, right is {wanted[bad][:5]}"


def outputs_of(name, x):
    value = getattr(pt, name)(x)
    first = grad(value.sum(), x)
    return [value, first, grad(first.sum(), x, disconnected_inputs="ignore")]


@pytest.mark.parametrize("part", range(4))
def test_values_and_two_derivatives_are_right_over_the_whole_range(backend, part):
    if backend in ("numba", "jax") and os.environ.get("WORKBENCH_TESTS") != "all":
        pytest.skip("slow to compile: all with WORKBENCH_TESTS=all")
    names = list(CASES)[part::4]
    symbols = [pt.vector(n) for n in names]
    run = function(symbols, [y for n, x in zip(names, symbols) for y in outputs_of(n, x)], backend=backend)
    made = iter(run(*map(points, names)))
    for name in names:
        for order in range(3):
            check(name, order, points(name), next(made))


def test_every_smooth_function_of_one_variable_is_here():
    """A new elementwise function comes with its exact values; inverse_mills and sech_squared are the derivatives of log_ndtr and tanh."""
    from workbench.tensor.elementwise import OPS

    smooth = {op.name for op in OPS.values() if op.arity == 1 and any(g is not None for g in op.gradients)}
    assert smooth - {"inverse_mills", "sech_squared"} == set(CASES)


@pytest.mark.parametrize("backend", ["numpy", "jax"])
@pytest.mark.parametrize("n", [1, 2, 3])
def test_polygamma_is_right_far_out(backend, n):
    x = np.array([0.3, 5.0, 1e10, 3e16, 1.1e17, 1e30, 1e60, 1e90])
    wanted = [float(mp.polygamma(n, mpf(v))) for v in x]
    a = pt.vector("a", len(x))
    found = function([a], pt.polygamma(n, a), backend=backend)(x)
    np.testing.assert_allclose(found, wanted, rtol=1e-13)
