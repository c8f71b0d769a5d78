"""Special functions against SciPy and mpmath over their whole range, and their derivatives."""

import itertools

import mpmath
import numpy as np
import pytest
import scipy.special

import workbench.tensor as pt
from workbench.compile import function
from workbench.errors import GradientError
from workbench.graph import Mode
from workbench.tensor.elementwise import OPS
from workbench.tensor.special import forms
from workbench.transforms import grad

PLAIN = Mode(())
rng = np.random.default_rng(11)
SMALL_TO_LARGE = np.concatenate([np.logspace(-300, -1, 40), np.linspace(0.1, 12, 120), np.logspace(1.1, 8, 40)])
BOTH_SIDES = np.concatenate([-SMALL_TO_LARGE, SMALL_TO_LARGE])
UNIT = np.concatenate([np.logspace(-300, -1, 60), rng.uniform(0, 1, 100), 1 - np.logspace(-15, -1, 30)])
NEGATIVE = -np.concatenate([np.linspace(0.03, 12.5, 60), rng.uniform(0, 60, 40)])
RANGES = {
    "erf": BOTH_SIDES, "erfc": np.concatenate([-SMALL_TO_LARGE, np.linspace(0, 26, 200)]),
    "erfcx": np.concatenate([np.linspace(-26, 60, 400), SMALL_TO_LARGE]), "erfinv": np.concatenate([-UNIT, UNIT]), "erfcinv": 2 * UNIT,
    "ndtr": np.linspace(-37, 9, 200), "log_ndtr": np.concatenate([np.linspace(-60, 5, 300), -np.logspace(0, 8, 50)]), "ndtri": UNIT,
    "gamma": np.concatenate([np.linspace(0.01, 171, 300), NEGATIVE[:60]]), "gammaln": np.concatenate([SMALL_TO_LARGE, NEGATIVE]),
    "digamma": np.concatenate([SMALL_TO_LARGE, NEGATIVE, 1.4616321449683623 + np.linspace(-1e-3, 1e-3, 41)]),
    "trigamma": np.concatenate([np.logspace(-100, -1, 20), SMALL_TO_LARGE[40:], NEGATIVE]),
    "i0": np.linspace(-700, 700, 1001), "i1": np.linspace(-700, 700, 1001), "j0": np.linspace(-100, 100, 401), "j1": np.linspace(-100, 100, 401),
    "i0e": BOTH_SIDES, "i1e": BOTH_SIDES, "logit": UNIT, "log1mexp": -SMALL_TO_LARGE[SMALL_TO_LARGE < 700], "softplus": BOTH_SIDES, "sinc": np.linspace(-20, 20.1, 300),
}  # fmt: skip
# Relative, and absolute where a zero of the function is not a number of the computer: there the error of the argument decides.
TOLERANCES = {
    "erfc": (1e-13, 0), "j0": (1e-13, 2e-15), "j1": (1e-13, 2e-15), "gammaln": (1e-13, 1e-13), "digamma": (1e-13, 2e-13),
    "sinc": (1e-13, 1e-16), "trigamma": (1e-12, 0),
    # The rounding of x / sqrt(2), multiplied by x**2.
    "ndtr": (5e-13, 0),
}  # fmt: skip


def test_special_functions_agree_with_scipy_over_their_range(backend):
    names = list(RANGES)
    symbols = [pt.vector(n, len(RANGES[n])) for n in names]
    results = function(symbols, [OPS[n](x) for n, x in zip(names, symbols)], backend=backend, mode=PLAIN)(*RANGES.values())
    for name, result in zip(names, results):
        with np.errstate(all="ignore"):
            wanted = OPS[name].function(RANGES[name])
        rtol, atol = TOLERANCES.get(name, (1e-13, 0))
        if (name, backend) == ("gamma", "jax"):
            rtol = 1e-12  # The exponential of gammaln, which is up to 700.
        np.testing.assert_allclose(result, wanted, rtol=rtol, atol=max(atol, 1e-307), err_msg=f"{name}, {backend}")


EXACT = {
    "erfcx": lambda x: mpmath.exp(x * x) * mpmath.erfc(x), "digamma": mpmath.digamma, "trigamma": lambda x: mpmath.polygamma(1, x),
    "log_ndtr": lambda x: mpmath.log(mpmath.erfc(-x / mpmath.sqrt(2)) / 2), "i0": lambda x: mpmath.besseli(0, x),
    "i1": lambda x: mpmath.besseli(1, x), "i0e": lambda x: mpmath.besseli(0, x) * mpmath.exp(-abs(x)), "i1e": lambda x: mpmath.besseli(1, x) * mpmath.exp(-abs(x)),
    "erfinv": mpmath.erfinv, "ndtri": lambda x: mpmath.sqrt(2) * mpmath.erfinv(2 * x - 1),
    "log1mexp": lambda x: mpmath.log(1 - mpmath.exp(x)), "logit": lambda x: mpmath.log(x / (1 - x)),
}  # fmt: skip
POINTS = {
    "erfcx": np.linspace(-5, 30, 71), "digamma": np.linspace(0.05, 25, 60), "trigamma": np.linspace(0.05, 25, 60), "log_ndtr": np.linspace(-40, 4, 60),
    "i0": np.linspace(-40, 40, 81), "i1": np.linspace(-40, 40, 81), "i0e": np.linspace(-40, 40, 81), "i1e": np.linspace(-40, 40, 81),
    "erfinv": np.linspace(-0.99, 0.99, 50), "ndtri": np.linspace(0.01, 0.99, 50),
    "log1mexp": -np.logspace(-10, 2, 40), "logit": np.linspace(0.01, 0.99, 50),
}  # fmt: skip


def test_special_functions_are_exact_to_a_few_units_in_the_last_place(backend):
    names = list(EXACT)
    symbols = [pt.vector(n, len(POINTS[n])) for n in names]
    results = function(symbols, [OPS[n](x) for n, x in zip(names, symbols)], backend=backend, mode=PLAIN)(*(POINTS[n] for n in names))
    with mpmath.workdps(40):
        for name, result in zip(names, results):
            wanted = np.array([float(EXACT[name](mpmath.mpf(float(x)))) for x in POINTS[name]])
            np.testing.assert_allclose(result, wanted, rtol=2e-14, atol=1e-17, err_msg=f"{name}, {backend}")


def test_betaln_keeps_its_digits_when_one_operand_is_large():
    """SciPy's own loses some there. JAX's form is the same, over a gammaln of a digit less."""
    a, b = map(np.array, zip(*itertools.product([0.01, 0.5, 3.0, 9.9, 10.1, 50.0, 1e3], [0.3, 7.0, 12.0, 1e3, 1e6, 1e9])))
    x, y = pt.vector("x", len(a)), pt.vector("y", len(a))
    with mpmath.workdps(50):
        wanted = np.array([float(mpmath.log(mpmath.beta(mpmath.mpf(float(p)), mpmath.mpf(float(q))))) for p, q in zip(a, b)])
    for backend in ("numpy", "c", "numba"):
        result = function([x, y], pt.betaln(x, y), backend=backend, mode=PLAIN)(a, b)
        # Relative to the terms, not to their difference where that is near zero.
        np.testing.assert_allclose(result, wanted, rtol=2e-15, atol=2e-15 * 20, err_msg=backend)


ENDS = {
    "gamma": [0.0, -0.0, -1.0, -2.0, 171.7, np.inf, np.nan], "gammaln": [0.0, -1.0, np.inf, np.nan], "digamma": [0.0, -0.0, -1.0, -3.0, np.inf, np.nan],
    "trigamma": [0.0, np.inf, np.nan], "erfinv": [-1.0, 1.0, 1.5, np.nan], "erfcinv": [0.0, 2.0, -0.1, np.nan], "ndtri": [0.0, 1.0, -0.1, 1.1, np.nan],
    "log_ndtr": [-np.inf, np.inf, np.nan], "erfcx": [-30.0, np.inf, np.nan], "i0e": [0.0, -np.inf, np.inf, np.nan], "i1e": [0.0, -np.inf, np.inf, np.nan],
    "logit": [0.0, 1.0, -0.5, 1.5, np.nan], "log1mexp": [0.0, -np.inf, 1.0, np.nan],
}  # fmt: skip


def test_poles_and_ends_are_scipys(backend):
    symbols = [pt.vector(n, len(points)) for n, points in ENDS.items()]
    run = function(symbols, [OPS[n](x) for n, x in zip(ENDS, symbols)], backend=backend, mode=PLAIN)
    for (name, points), result in zip(ENDS.items(), run(*map(np.array, ENDS.values()))):
        with np.errstate(all="ignore"):
            wanted = OPS[name].function(np.array(points))
        np.testing.assert_array_equal(result, wanted, err_msg=f"{name}, {backend}, at {points}")


# Functions of several operands, most of which compiled code calls back ------------------------


def test_functions_of_several_operands_agree_with_scipy(backend):
    v, x = (np.array(s) for s in zip(*itertools.product([0.0, 0.5, 1.0, 2.0, 3.7], [0.01, 1.0, 2.5, 20.0])))
    z = np.linspace(-0.95, 0.95, len(v))
    cases = {
        "iv": (v, x), "ive": (v, x), "jv": (v, x), "kv": (v, x), "kve": (v, x), "owens_t": (v, z), "polygamma": (np.arange(len(v)) % 5.0, x),
        "beta": (v + 0.1, x), "betaln": (v + 0.1, x), "gammainc": (v + 0.1, x), "gammaincc": (v + 0.1, x),
        "betainc": (v + 0.1, x, np.abs(z)), "hyp2f1": (v, x, v + 0.5, z * 0.9),
    }  # fmt: skip
    symbols = {n: [pt.vector(f"{n}{i}", len(v)) for i in range(len(vs))] for n, vs in cases.items()}
    inputs = [x for s in symbols.values() for x in s]
    run = function(inputs, [getattr(pt, n)(*s) for n, s in symbols.items()], backend=backend, mode=PLAIN)
    for name, result in zip(cases, run(*(v for vs in cases.values() for v in vs))):
        # Incomplete functions of JAX stop their series at about 1e-13.
        rtol = 1e-12 if backend == "jax" else 1e-13
        np.testing.assert_allclose(result, getattr(scipy.special, name)(*cases[name]), rtol=rtol, atol=1e-300, err_msg=f"{name}, {backend}")


def test_incomplete_gamma_functions_agree_with_scipy_in_their_tails():
    shapes = [1e-10, 1e-3, 0.05, 0.3, 0.5, 0.9, 1.0, 1.7, 3.0, 9.9, 10.0, 30.0, 250.0, 1e4, 1e6]
    points = [1e-12, 1e-5, 0.01, 0.3, 0.5, 0.51, 0.9, 1.0, 1.05, 1.2, 3.0, 8.0, 25.0, 40.0, 230.0, 260.0, 9900.0, 1.01e4, 1.001e6]
    ends = [(0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (np.inf, 1.0), (1.0, np.inf), (np.inf, np.inf), (-1.0, 1.0), (1.0, -1.0), (np.nan, 1.0), (1.0, np.nan)]
    a, x = (np.array(s) for s in zip(*itertools.product(shapes, points), *ends))
    p, q = pt.vector("p", len(a)), pt.vector("q", len(a))
    for backend in ("c", "numba"):
        run = function([p, q], [pt.gammainc(p, q), pt.gammaincc(p, q)], backend=backend, mode=PLAIN)
        assert run.fallbacks == ()
        for name, result in zip(("gammainc", "gammaincc"), run(a, x)):
            # As many digits as the logarithm of the result has: it is up to 700.
            np.testing.assert_allclose(result, getattr(scipy.special, name)(a, x), rtol=4e-13, atol=1e-290, err_msg=f"{name}, {backend}")


def test_the_incomplete_beta_function_agrees_with_scipy_in_its_tails():
    shapes = [0.01, 0.5, 1.0, 2.0, 9.9, 10.0, 30.0, 250.0, 1e4]
    points = [1e-12, 1e-3, 0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.96, 0.99, 0.999]
    ends = [
        (1.0, 1.0, 0.0), (1.0, 1.0, 1.0), (0.0, 1.0, 0.5), (1.0, 0.0, 0.5), (0.0, 0.0, 0.5), (np.inf, 1.0, 0.5), (1.0, np.inf, 0.5),
        (np.nan, 1.0, 0.5), (1.0, 1.0, np.nan), (1.0, 1.0, 1.5), (-1.0, 1.0, 0.5), (np.inf, np.inf, 0.5),
    ]  # fmt: skip
    a, b, x = (np.array(s) for s in zip(*itertools.product(shapes, shapes, points), *ends))
    inputs = [pt.vector(n, len(a)) for n in "abx"]
    for backend in ("c", "numba"):
        run = function(inputs, pt.betainc(*inputs), backend=backend, mode=PLAIN)
        assert run.fallbacks == ()
        # As many digits as the logarithm of the result has: it is up to 700.
        np.testing.assert_allclose(run(a, b, x), scipy.special.betainc(a, b, x), rtol=1e-12, atol=1e-290, err_msg=backend)


def test_compiled_code_says_what_it_calls_back():
    x = pt.vector("x", 3)
    f = function([x], pt.exp(pt.iv(1.0, x * 2.0)) + pt.i0(x), backend="c")
    assert not OPS["iv"].fusable and OPS["i0"].fusable
    np.testing.assert_allclose(f(np.ones(3)), np.exp(scipy.special.iv(1.0, 2.0)) + scipy.special.i0(1.0), rtol=1e-14)


# Derivatives ----------------------------------------------------------------------------------

SHAPES = [(0.03, 0.1), (0.5, 0.2), (0.5, 3.0), (2.0, 1.9), (2.0, 1.5), (5.0, 4.5), (20.0, 15.0), (20.0, 40.0), (100.0, 99.4), (0.01, 1e-3), (300.0, 310.0)]
TRIPLES = [
    (0.01, 0.5, 0.2), (0.5, 0.5, 0.5), (0.5, 0.01, 0.99), (2.0, 3.0, 0.3), (2.0, 3.0, 0.45), (20.0, 5.0, 0.8), (20.0, 5.0, 0.95), (100.0, 200.0, 0.33),
    (0.3, 0.2, 1 - 1e-9), (0.05, 0.71, 3e-4), (1.0, 50.0, 0.02),
]  # fmt: skip


def test_derivatives_of_incomplete_functions_in_their_shapes():
    a, b, x = pt.scalar("a"), pt.scalar("b"), pt.scalar("x")
    slopes = [grad(pt.gammainc(a, x), a), grad(pt.gammaincc(a, x), a)]
    lower, compiled = (function([a, x], slopes, backend=backend) for backend in ("numpy", "c"))
    ratio, compiled_ratio = (function([a, b, x], [grad(pt.betainc(a, b, x), v) for v in (a, b)], backend=backend) for backend in ("numpy", "c"))
    with mpmath.workdps(40):
        for p, t in SHAPES:
            wanted = float(mpmath.diff(lambda s: mpmath.gammainc(s, 0, mpmath.mpf(t), regularized=True), mpmath.mpf(p)))
            for run in (lower, compiled):
                np.testing.assert_allclose(run(p, t), [wanted, -wanted], rtol=1e-12, err_msg=f"gammainc at {p}, {t}")
        for p, q, t in TRIPLES:
            exact = [mpmath.mpf(v) for v in (p, q, t)]
            wanted = [
                float(mpmath.diff(lambda s: mpmath.betainc(s, exact[1], 0, exact[2], regularized=True), exact[0])),
                float(mpmath.diff(lambda s: mpmath.betainc(exact[0], s, 0, exact[2], regularized=True), exact[1])),
            ]
            # 1 - x, which the second is computed from, has the digits of x alone.
            for run in (ratio, compiled_ratio):
                np.testing.assert_allclose(run(p, q, t), wanted, rtol=1e-12 if t < 0.999 else 1e-7, err_msg=f"betainc at {p}, {q}, {t}")


def test_derivatives_of_incomplete_functions_run_on_every_backend(backend):
    a, b, x = (pt.vector(n, 4) for n in "abx")
    values = np.array([0.5, 2.0, 5.0, 9.0]), np.array([3.0, 0.7, 2.0, 1.5]), np.array([0.1, 0.4, 0.7, 0.9])
    cost = pt.sum(pt.gammainc(a, b) + pt.betainc(a, b, x))
    gradients = [grad(cost, v) for v in (a, b, x)]
    wanted = function([a, b, x], gradients, backend="numpy", mode=PLAIN)(*values)
    for result, w in zip(function([a, b, x], gradients, backend=backend, mode=PLAIN)(*values), wanted):
        np.testing.assert_allclose(result, w, rtol=1e-11)


@pytest.mark.parametrize(
    ("name", "points"),
    [
        ("erfcx", [-2.0, 0.3, 19.0, 21.0, 1e4, 1e8]), ("log_ndtr", [-1e6, -40.0, -1.0, 3.0, 20.0]), ("log1mexp", [-1e-10, -0.5, -3.0, -100.0]),
        ("sinc", [1e-6, 0.01, 0.0999, 0.1001, 1.0, 3.3]), ("digamma", [0.01, 1.46, 30.0]), ("logit", [1e-10, 0.5, 0.999]), ("tanh", [0.1, 5.0, 30.0]),
        ("erfinv", [1e-10, 0.5, 0.99999]), ("gammaln", [0.5, 1.46163, 30.0]), ("i1", [1e-8, 0.5, 7.9, 8.1, 50.0]),
    ],
)  # fmt: skip
def test_derivatives_keep_their_digits(name, points):
    exact = {
        "tanh": mpmath.tanh, "gammaln": mpmath.loggamma, "sinc": lambda x: mpmath.sin(mpmath.pi * x) / (mpmath.pi * x), **EXACT,
    }[name]  # fmt: skip
    x = pt.scalar("x")
    slope = function([x], grad(OPS[name](x), x), backend="numpy", mode=PLAIN)
    with mpmath.workdps(250):
        for at in points:
            wanted = float(mpmath.diff(exact, mpmath.mpf(at)))
            assert np.isclose(slope(at), wanted, rtol=1e-12, atol=0), f"{name} at {at}: {slope(at)}, not {wanted}"


@pytest.mark.parametrize("name", ["erf", "erfcx", "log_ndtr", "gammaln", "i0", "i1", "j0", "iv", "kv", "jv", "gammainc", "betainc", "hyp2f1", "owens_t", "betaln"])
def test_second_derivatives_agree_with_differences_of_first(name):
    op = OPS[name]
    last = len(op.domains) - 1
    values = [np.asarray(d.sample(np.random.default_rng(5), ())) for d in op.domains]
    symbols = [pt.scalar(f"x{i}") for i in range(last + 1)]
    first = grad(op(*symbols), symbols[last])
    run = function(symbols, [first, grad(first, symbols[last])], backend="numpy", mode=PLAIN)
    h = 1e-5
    up, down = (float(run(*values[:last], values[last] + s)[0]) for s in (h, -h))
    assert np.isclose(run(*values)[1], (up - down) / (2 * h), rtol=1e-6, atol=1e-8), name


@pytest.mark.parametrize(("name", "parameter"), [(n, g.parameter) for n, op in OPS.items() for g in op.gradients if hasattr(g, "parameter")])
def test_unknown_derivatives_are_errors_that_name_the_parameter(name, parameter):
    op = OPS[name]
    symbols = [pt.scalar(f"x{i}") for i in range(len(op.domains))]
    position = [getattr(g, "parameter", None) for g in op.gradients].index(parameter)
    with pytest.raises(GradientError, match=f"derivative of {name} in its parameter '{parameter}'"):
        grad(op(*symbols), symbols[position])
    # The others are not touched by it.
    assert grad(op(*symbols), symbols[-1]).dtype == "float64"


def test_the_series_of_lgamma_has_riemanns_zeta_function_for_coefficients():
    k = np.arange(28, 1, -1)
    np.testing.assert_allclose(forms.LGAMMA_1P, [*((-1.0) ** k * scipy.special.zetac(k) / k), 1.0 - np.euler_gamma], rtol=1e-14)
