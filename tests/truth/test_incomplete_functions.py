"""Incomplete gamma and beta functions: large shapes, second derivatives in the shapes, and an end to every call.

Values are mpmath's regularised functions with 60 digits, and numerical derivatives of them with 40 digits (`mp.diff`). For
shapes too large for mpmath, limits: with r = (x - a) / sqrt(a), gammainc(a, x) tends to the normal distribution function at r
plus (1 - r**2) / 3 times the density over sqrt(a); betainc(a, a, 1/2) is 1/2, and betainc(a, a, x) tends to the normal
distribution function at (2 x - 1) sqrt(2 a).
"""

import itertools
import math

import numpy as np
import pytest
from mpmath import mp, mpf

import workbench.tensor as pt
from workbench.compile import function
from workbench.transforms import grad


def gamma(a, x):
    return mp.gammainc(a, 0, x, regularized=True)


def beta(a, b, x):
    return mp.betainc(a, b, 0, x, regularized=True)


def normal(r):
    return 0.5 * math.erfc(-r / math.sqrt(2))


def test_the_gamma_functions_are_right_for_moderate_and_large_shapes(backend):
    a, x = pt.vector("a"), pt.vector("x")
    run = function([a, x], [pt.gammainc(a, x), pt.gammaincc(a, x)], backend=backend)
    rows = [(s, s * r) for s in (1e-10, 0.5, 3.0, 50.0, 199.0, 200.0, 1e3, 1e4) for r in (1e-10, 0.1, 0.69, 0.71, 0.97, 1.0, 1.02, 1.29, 1.31, 2.0)]
    with mp.workdps(60):
        wanted = [(float(gamma(mpf(s), mpf(t))), float(mp.gammainc(mpf(s), mpf(t), regularized=True))) for s, t in rows]
    found = run(*map(np.array, zip(*rows)))
    for made, right in zip(found, zip(*wanted)):
        np.testing.assert_allclose(made, right, rtol=2e-12, atol=1e-290)
    for s in (1e10, 1e16, 1e100):
        r = np.array([-8.0, -3.0, -1.0, 0.0, 1.0, 3.0])
        at = s + r * math.sqrt(s)
        r = (at - s) / math.sqrt(s)
        lower, _ = run(np.full(len(at), s), at)
        density = np.exp(-r * r / 2) / math.sqrt(2 * math.pi)
        np.testing.assert_allclose(lower, [normal(v) for v in r] + density * (1 - r * r) / 3 / math.sqrt(s), rtol=1e-5 if s == 1e10 else 1e-11)


def test_the_beta_function_is_right_for_moderate_and_large_shapes(backend):
    a, b, x = (pt.vector(n) for n in "abx")
    run = function([a, b, x], pt.betainc(a, b, x), backend=backend)
    shapes = [0.01, 0.5, 3.0, 50.0, 101.0, 1e3]
    rows = []
    for p, q in itertools.product(shapes, repeat=2):
        mean = p / (p + q)
        sd = math.sqrt(mean * (1 - mean) / (p + q + 1))
        rows += [(p, q, t) for t in (*(mean + r * sd for r in (-6, -1, 0, 1)), 1e-10, 1 - 1e-10) if 0 < t < 1]
    with mp.workdps(60):
        rows, wanted = zip(*[(row, w) for row in rows if (w := _of_mpmath(*row)) is not None])
    # JAX's own, for shapes below a thousand, ends its series earlier, and loses the digits of small values.
    tolerance = {"rtol": 1e-6, "atol": 1e-10} if backend == "jax" else {"rtol": 2e-10, "atol": 1e-280}
    np.testing.assert_allclose(run(*map(np.array, zip(*rows))), wanted, **tolerance)
    for s in (1e10, 1e16, 1e100):
        at = 0.5 + np.array([-5.0, -1.0, 0.0, 1.0, 5.0]) / math.sqrt(8 * s)
        np.testing.assert_allclose(run(np.full(5, s), np.full(5, s), at), [normal((2 * t - 1) * math.sqrt(2 * s)) for t in at], rtol=1e-7)
    np.testing.assert_allclose(run(np.array([1e16]), np.array([1e16]), np.array([0.5])), 0.5, rtol=1e-14)


def _of_mpmath(p, q, t):
    try:
        return float(beta(mpf(p), mpf(q), mpf(t)))
    except mp.NoConvergence:
        return None


GAMMA = [(0.03, 0.1), (0.5, 0.2), (0.5, 3.0), (2.0, 1.9), (5.0, 4.5), (20.0, 15.0), (20.0, 40.0), (100.0, 99.4), (0.01, 1e-3), (300.0, 310.0)]
BETA = [
    (0.01, 0.5, 0.2), (0.5, 0.5, 0.5), (0.5, 0.01, 0.99), (2.0, 3.0, 0.3), (2.0, 3.0, 0.45), (20.0, 5.0, 0.8), (20.0, 5.0, 0.95),
    (100.0, 200.0, 0.33), (0.05, 0.71, 3e-4), (1.0, 50.0, 0.02), (2.0, 3.0, 1e-3),
]  # fmt: skip


def test_second_derivatives_in_the_shapes(backend):
    if backend == "numba":
        pytest.skip("the same graph as for C, slow to compile")
    a, b, x = pt.scalar("a"), pt.scalar("b"), pt.scalar("x")
    lower = pt.gammainc(a, x)
    of_gamma = function([a, x], [grad(grad(lower, u), v) for u in (a, x) for v in (a, x)], backend=backend)
    ratio = pt.betainc(a, b, x)
    firsts = grad(ratio, [a, b, x])
    of_beta = function([a, b, x], [grad(g, v) for g in firsts for v in (a, b, x)], backend=backend)
    with mp.workdps(40):
        for at in GAMMA:
            p, t = map(mpf, at)
            density = lambda s, u: mp.exp((s - 1) * mp.log(u) - u - mp.loggamma(s))
            mixed = mp.diff(lambda s: density(s, t), p)
            wanted = [mp.diff(lambda s: gamma(s, t), p, 2), mixed, mixed, mp.diff(lambda u: density(p, u), t)]
            _close(of_gamma(*at), wanted, f"gammainc at {at}")
        for at in BETA:
            p, q, t = map(mpf, at)
            density = lambda s, r, u: u ** (s - 1) * (1 - u) ** (r - 1) / mp.beta(s, r)
            aa = mp.diff(lambda s: beta(s, q, t), p, 2)
            bb = mp.diff(lambda s: beta(p, s, t), q, 2)
            ab = mp.diff(lambda s, r: beta(s, r, t), (p, q), (1, 1))
            ax, bx = mp.diff(lambda s: density(s, q, t), p), mp.diff(lambda s: density(p, s, t), q)
            xx = mp.diff(lambda u: density(p, q, u), t)
            _close(of_beta(*at), [aa, ab, ax, ab, bb, bx, ax, bx, xx], f"betainc at {at}")


def _close(found, wanted, what):
    wanted = np.array([float(w) for w in wanted])
    # Mixed ones pass through zero.
    np.testing.assert_allclose(found, wanted, rtol=1e-10, atol=1e-12 * np.abs(wanted).max(), err_msg=what)


ANY = [0.0, 1e-300, 5e-324, 0.5, 1.0, 50.0, 1e8, 1e16, 1e308, np.inf, -np.inf, np.nan, -1.0, -1e16, 1 - 1e-16]
MANY = {
    "gammainc": 2, "gammaincc": 2, "betainc": 3, "gammaincinv": 2, "betaincinv": 3, "digamma": 1, "trigamma": 1, "polygamma": 2, "betaln": 2,
    "beta": 2, "i0": 1, "i1": 1, "i0e": 1, "i1e": 1, "erfcx": 1, "owens_t": 2, "iv": 2, "kv": 2, "jv": 2, "hyp2f1": 4,
}  # fmt: skip


def test_every_call_ends(backend):
    """Of any floats, in well under a second for thousands of them (the test itself would not end, otherwise)."""
    if backend in ("numba", "jax"):
        pytest.skip("the forms of C in Numba, SciPy's and bounded series in JAX")
    symbols, outputs, values = [], [], []
    for name, arity in MANY.items():
        points = np.array(list(itertools.product(ANY if arity < 4 else ANY[::3], repeat=arity)))
        mine = [pt.vector(f"{name}{i}") for i in range(arity)]
        symbols += mine
        values += list(points.T)
        outputs.append(getattr(pt, name)(*mine))
    for result in function(symbols, outputs, backend=backend)(*values):
        assert len(result)


def test_digamma_and_trigamma_next_to_zero_from_below(backend):
    x = pt.vector("x")
    at = -np.array([1e-300, 1e-100, 1e-20, 1e-10, 1e-3])[1:]
    run = function([x], [pt.digamma(x), pt.trigamma(x)], backend=backend)
    with mp.workdps(150):
        wanted = [[float(mp.polygamma(n, mpf(float(v)))) for v in at] for n in (0, 1)]
    for found, right in zip(run(at), wanted):
        np.testing.assert_allclose(found, right, rtol=1e-13)
