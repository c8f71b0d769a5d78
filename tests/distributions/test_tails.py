"""Distribution functions far in the tails, where the probability itself is no number of the computer, against mpmath."""

import functools

import mpmath as mp
import numpy as np
import pytest

import workbench as pm
import workbench.tensor as pt
from workbench.compile import function
from workbench.graph import Graph
from workbench.transforms import grad

INF = np.inf


def normal_tail(z):
    return mp.erfc(z / mp.sqrt(2)) / 2


def skew_t_below(x, a, b, mu, sigma):
    z = (x - mu) / sigma
    return mp.betainc(a, b, 0, (1 + z / mp.sqrt(a + b + z * z)) / 2, regularized=True)


def ex_gaussian_below(x, mu, sigma, nu):
    exponential = mp.exp((mu - x) / nu + sigma**2 / (2 * nu**2))
    return normal_tail((mu - x) / sigma) - exponential * normal_tail((mu - x) / sigma + sigma / nu)


def wald_above(x, mu, lam, alpha):
    y = x - alpha
    root = mp.sqrt(lam / y)
    return normal_tail(root * (y / mu - 1)) - mp.exp(2 * lam / mu) * normal_tail(root * (y / mu + 1))


def gamma_below(x, a, rate=1):
    return mp.gammainc(a, 0, rate * x, regularized=True)


def gamma_above(x, a, rate=1):
    return mp.gammainc(a, rate * x, mp.inf, regularized=True)


def beta_below(x, a, b):
    return mp.betainc(a, b, 0, x, regularized=True)


def t_tail(t, nu):
    """Beyond a distance from the centre, on one side."""
    return beta_below(nu / (nu + t * t), nu / 2, mp.mpf(1) / 2) / 2


def t_far_out(t, nu):
    """Beyond so far that the first term of the series is exact."""
    return (nu / (t * t)) ** (nu / 2) / nu / mp.beta(nu / 2, mp.mpf(1) / 2)


def skew_t_far_left(x, a, b, mu, sigma):
    """The same, of the odds of the share below."""
    odds = (a + b) / (4 * ((x - mu) / sigma) ** 2)
    return odds**a / a / mp.beta(a, b)


# The probability below and above, exactly, or None; and points.
CASES = [
    (pm.AsymmetricLaplace, (0.7, 0.5, 2.0), lambda x, k, m, b: k**2 / (1 + k**2) * mp.exp(b / k * (x - m)),
     lambda x, k, m, b: mp.exp(-k * b * (x - m)) / (1 + k**2), [-1e6, -3.0], [0.7, 1e6]),
    (pm.AsymmetricLaplace, (1e-70, 0.0, 1.0), lambda x, k, m, b: k**2 / (1 + k**2) * mp.exp(b / k * (x - m)), None, [-1e-69], []),
    (pm.LogitNormal, (2.0, 0.01), None, lambda x, m, s: normal_tail((mp.log(x / (1 - x)) - m) / s), [], [0.5, 1 - 1e-9]),
    (pm.Weibull, (100.0, 2.0), lambda x, a, b: -mp.expm1(-((x / b) ** a)), None, [1e-300, 1e-3, 1.9, 2.5], []),
    (pm.Gumbel, (0.5, 2.0), None, lambda x, m, b: -mp.expm1(-mp.exp((m - x) / b)), [], [-3.0, 3.0, 90.0, 1e4]),
    *((pm.GenExtreme, (0.5, 2.0, xi), lambda x, m, s, xi: mp.exp(-((1 + xi * (x - m) / s) ** (-1 / xi))), lambda x, m, s, xi: -mp.expm1(-((1 + xi * (x - m) / s) ** (-1 / xi))), low, high)
      for xi, low, high in ((0.3, [-3.0, 0.5], [3.0, 1e4]), (-0.3, [-9.0, 0.5], [3.0, 7.0]))),
    (pm.Chi, (2.5,), lambda x, nu: mp.gammainc(nu / 2, 0, x * x / 2, regularized=True), lambda x, nu: mp.gammainc(nu / 2, x * x / 2, mp.inf, regularized=True), [1e-9, 0.5], [3.0, 20.0]),
    (pm.Maxwell, (2.0,), lambda x, a: mp.gammainc(mp.mpf(3) / 2, 0, (x / a) ** 2 / 2, regularized=True), lambda x, a: mp.gammainc(mp.mpf(3) / 2, (x / a) ** 2 / 2, mp.inf, regularized=True), [1e-9, 0.5], [6.0, 40.0]),
    (pm.Moyal, (0.5, 2.0), None, lambda x, m, s: mp.erf(mp.exp((m - x) / (2 * s)) / mp.sqrt(2)), [], [-1.0, 3.0, 80.0, 1e4]),
    (pm.ExGaussian, (0.5, 2.0, 1.5), ex_gaussian_below, lambda *a: 1 - ex_gaussian_below(*a), [-200.0, -20.0, -1.0], [1.0, 30.0, 2000.0]),
    (pm.ExGaussian, (0.0, 1.0, 1e3), ex_gaussian_below, lambda *a: 1 - ex_gaussian_below(*a), [-50.0, -1.0, 0.3], [-1.0, 1e6]),
    (pm.SkewStudentT, (2.0, 3.0, 0.5, 2.0), skew_t_below, lambda x, a, b, m, s: skew_t_below(-x, b, a, -m, s), [-1e4, -3.0], [3.0, 1e4]),
    (pm.Wald, (1.5, 2.0, 0.5), lambda *a: 1 - wald_above(*a), wald_above, [0.51, 1.0], [1.0, 2.5, 60.0, 5e3]),
    (pm.Uniform, (-1.0, 3.0), None, lambda x, lower, upper: (upper - x) / (upper - lower), [], [-0.5, 3.0 - 1e-15]),
    (pm.Triangular, (-1.0, 0.5, 3.0), None, lambda x, low, c, up: (up - x) ** 2 / ((up - low) * (up - c)), [], [1.0, 3.0 - 2e-15]),
    (pm.DiscreteUniform, (0.0, 1e9), None, lambda k, low, up: (up - k) / (up - low + 1), [], [5.0, 1e9 - 1]),
    (pm.BetaBinomial, (30.0, 0.01, 40.0), None,
     lambda k, n, a, b: mp.fsum(mp.binomial(n, j) * mp.beta(j + a, n - j + b) / mp.beta(a, b) for j in range(int(k) + 1, int(n) + 1)), [], [0.0, 20.0, 29.0]),
    (pm.HyperGeometric, (1000.0, 20.0, 30.0), None,
     lambda k, total, good, n: mp.fsum(mp.binomial(good, j) * mp.binomial(total - good, n - j) / mp.binomial(total, n) for j in range(int(k) + 1, 21)),
     [], [0.0, 12.0, 19.0]),
    (pm.HurdleLogNormal, (0.999, 0.0, 0.5), lambda x, psi, m, s: 1 - psi + psi * normal_tail((m - mp.log(x)) / s), None, [1e-5, 1.0], []),
    (pm.HurdleGamma, (1.0 - 2.0**-52, 2.0, 1.0), lambda x, psi, a, b: 1 - psi + psi * mp.gammainc(a, 0, b * x, regularized=True), None, [1e-12, 1e-7, 1.0], []),
    (pm.Gamma, (2.5, 1.5), gamma_below, gamma_above, [1e-200, 1e-3, 1.0], [1e-3, 1.0, 50.0, 1e3, 1e6]),
    (pm.Gamma, (1e3, 1.0), gamma_below, gamma_above, [1e-3, 500.0, 900.0], [1100.0, 2e3, 1e5]),
    (pm.ChiSquared, (1.0,), lambda x, n: gamma_below(x, n / 2, mp.mpf(1) / 2), lambda x, n: gamma_above(x, n / 2, mp.mpf(1) / 2), [1e-200], [80.0, 5e3]),
    (pm.InverseGamma, (2.5, 1.5), lambda x, a, b: gamma_above(b / x, a), lambda x, a, b: gamma_below(b / x, a), [1e-4, 1e-2, 1.0], [1e3, 1e200]),
    (pm.Poisson, (1e3,), lambda k, mu: gamma_above(mu, k + 1), lambda k, mu: gamma_below(mu, k + 1), [0.0, 10.0, 900.0], [1100.0, 4e3]),
    (pm.Binomial, (1000.0, 0.7), lambda k, n, p: beta_below(1 - p, n - k, k + 1), lambda k, n, p: beta_below(p, k + 1, n - k), [0.0, 100.0, 650.0], [800.0, 999.0]),
    (pm.NegativeBinomial, (3.0, 1.7), None, lambda k, mu, a: beta_below(mu / (mu + a), k + 1, a), [], [5.0, 100.0, 3e3]),
    (pm.NegativeBinomial, (3.0, 1e12), lambda k, mu, a: beta_below(a / (mu + a), a, k + 1), None, [0.0, 2.0, 6.0], []),
    (pm.Beta, (300.0, 200.0), beta_below, lambda x, a, b: beta_below(1 - x, b, a), [1e-5, 0.1, 0.5], [0.7, 0.99, 1 - 1e-5]),
    (pm.Beta, (0.3, 40.0), beta_below, lambda x, a, b: beta_below(1 - x, b, a), [1e-200], [0.5, 1 - 1e-12]),
    (pm.StudentT, (30.0, 0.5, 2.0), lambda x, nu, m, s: t_tail((m - x) / s, nu), lambda x, nu, m, s: t_tail((x - m) / s, nu), [-1e20, -50.0, 0.5], [0.5, 1e3, 1e40]),
    (pm.StudentT, (1e6, 0.0, 1.0), lambda x, nu, m, s: t_tail((m - x) / s, nu), None, [-60.0, -8.0, -1.0], []),
    (pm.HalfStudentT, (4.0, 2.0), lambda x, nu, s: beta_below(x * x / (nu * s * s + x * x), mp.mpf(1) / 2, nu / 2), lambda x, nu, s: 2 * t_tail(x / s, nu),
     [1e-100, 1.0, 3.0], [1e-3, 3.0, 1e90]),
    *((pm.StudentT, (nu, 0.5, 2.0), lambda x, nu, m, s: t_far_out((m - x) / s, nu), lambda x, nu, m, s: t_far_out((x - m) / s, nu), [-1e300, -1e155, -1e102], [1e300])
      for nu in (0.01, 3.5, 1e4)),
    (pm.StudentT, (0.01, 0.5, 2.0), lambda x, nu, m, s: 1 - t_far_out((x - m) / s, nu), None, [1e300, 1e155], []),
    (pm.HalfStudentT, (0.01, 2.0), lambda x, nu, s: 1 - 2 * t_far_out(x / s, nu), lambda x, nu, s: 2 * t_far_out(x / s, nu), [1e155, 1e300], [1e155, 1e300]),
    (pm.SkewStudentT, (0.01, 5.0, 0.5, 2.0), lambda x, a, b, m, s: skew_t_far_left(x, a, b, m, s), lambda x, a, b, m, s: 1 - skew_t_far_left(x, a, b, m, s),
     [-1e300, -1e155], [-1e300, -1e155]),
    (pm.Kumaraswamy, (1e5, 1e-3), lambda x, a, b: -mp.expm1(b * mp.log1p(-(x**a))), None, [1e-300, 1e-3, 0.5, 0.993], []),
    (pm.ZeroInflatedPoisson, (0.3, 2.1), None, lambda k, psi, mu: psi * gamma_below(mu, k + 1), [], [0.0, 3.0, 400.0]),
    (pm.HurdleGamma, (0.7, 2.5, 1.5), None, lambda x, psi, a, b: psi * gamma_above(x, a, b), [], [0.5, 3e3]),
]  # fmt: skip
IDS = [f"{c.__name__}-{'-'.join(map(str, p))}" for c, p, *_ in CASES]
# Whose exact formulas are differences of what is nearly equal.
DIFFERENCES = (pm.ExGaussian, pm.Wald)
WHOLE = {"n", "N", "k", "lower", "upper"}


def tails(case):
    """The logarithms of both tails at their points, with their derivatives in all that is real; and what they should be."""
    cls, parameters, below, above, left, right = case
    for kind, exact, points in (("logcdf", below, left), ("logccdf", above, right)):
        if not points:
            continue
        at = np.array(points)
        x, *inner = inputs = [pt.vector(None, len(at)) for _ in range(1 + len(parameters))]
        tail = getattr(cls, kind)(x, *inner)
        discrete = cls.dtype == "int64"
        moving = [i for i, name in enumerate(("value", *cls.parameters)) if not (discrete and (i == 0 or name in WHOLE))]
        slopes = grad(tail.sum(), [inputs[i] for i in moving], disconnected_inputs="ignore")
        with mp.workdps(1200 if cls in DIFFERENCES else 60):
            wanted = [float(mp.log(exact(mp.mpf(float(v)), *map(mp.mpf, parameters)))) for v in at]
        yield kind, inputs, [at, *(np.full(len(at), p) for p in parameters)], [tail, *slopes], np.array(wanted)


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_tails_are_exact_and_have_finite_slopes(case):
    for kind, inputs, at, outputs, wanted in tails(case):
        with np.errstate(all="ignore"):
            found, *slopes = Graph(inputs, outputs).run("numpy", *at)
        np.testing.assert_allclose(found, wanted, rtol=1e-10, atol=1e-14, err_msg=kind)
        for name, slope in zip(("value", *case[0].parameters), slopes):
            assert np.isfinite(slope).all(), (kind, name, slope)


def test_tails_are_the_same_on_compiled_backends(backend):
    if backend == "numpy":
        return  # above
    # Numba and JAX compile for long. For shapes of 1e12 compiled code's own incomplete beta function has but four digits.
    cases = [c for c in CASES if max(c[1]) < 1e12][:: {"numba": 9, "jax": 6}.get(backend, 1)]
    chosen = [t for case in cases for t in tails(case)]
    run = function([x for _, inputs, *_ in chosen for x in inputs], [outputs[0] for *_, outputs, _ in chosen], backend=backend)
    for (kind, *_, wanted), found in zip(chosen, run(*(x for _, _, at, *_ in chosen for x in at))):
        np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-14, err_msg=kind)


# Where a distribution function ends, its derivative is finite too: limits often lie at the bounds of the support.
ENDS = [
    (pm.LogNormal, (0.3, 1.2), [-1.0, 0.0]), (pm.Weibull, (0.5, 2.0), [-1.0, 0.0]), (pm.LogitNormal, (0.3, 1.2), [-0.1, 0.0, 1.0, 1.1]),
    (pm.Kumaraswamy, (2.5, 1.5), [-0.1, 0.0, 1.0, 1.1]), (pm.Gumbel, (0.5, 2.0), [-1e4]), (pm.Moyal, (0.5, 2.0), [-1e4]),
    (pm.SkewStudentT, (2.0, 3.0, 0.5, 2.0), [-1e4]), (pm.Gamma, (0.5, 2.0), [-1.0, 0.0]), (pm.InverseGamma, (0.5, 2.0), [-1.0, 0.0]),
    (pm.Beta, (0.5, 2.0), [-0.1, 0.0, 1.0, 1.1]), (pm.StudentT, (3.0, 0.0, 1.0), [0.0, 1e200]), (pm.HalfStudentT, (3.0, 1.0), [-1.0, 0.0, 1e200]),
]  # fmt: skip


@pytest.mark.parametrize("cls, parameters, points", ENDS, ids=lambda v: v.__name__ if isinstance(v, type) else None)
def test_the_ends_of_distribution_functions_have_finite_slopes(cls, parameters, points):
    at = np.array(points)
    x, *inner = inputs = [pt.vector(None, len(at)) for _ in range(1 + len(parameters))]
    for tail in (cls.logcdf(x, *inner), cls.logccdf(x, *inner)):
        with np.errstate(all="ignore"):
            found, *slopes = Graph(inputs, [tail, *grad(tail.sum(), inputs)]).run("numpy", at, *(np.full(len(at), p) for p in parameters))
        for slope in slopes:
            assert not np.isnan(slope[found > -INF]).any(), (found, slope)


# mpmath, 60 digits: z, alpha, the logarithm of the integral of 2 phi(t) Phi(alpha t) from z on.
CCDF_OF_SKEW_NORMAL = [
    (2.0, 0.0, -3.783184333682032),
    (2.0, 1.0, -3.101477409997824),
    (2.0, 20.0, -3.0900371531220867),
    (9.0, 0.0, -43.628149113332114),
    (9.0, 1.0, -42.93500193277217),
    (9.0, 20.0, -42.93500193277217),
    (20.0, 0.0, -203.9171553711113),
    (20.0, 1.0, -203.22400819055136),
    (20.0, 20.0, -203.22400819055136),
]



def test_the_heavier_tail_of_a_skew_normal_keeps_its_digits():
    for z, alpha, wanted in CCDF_OF_SKEW_NORMAL:
        for mirror in (1.0, -1.0):
            side = pm.logccdf if mirror > 0 else pm.logcdf
            found = side(pm.SkewNormal.dist(alpha=mirror * alpha, mu=0.5, sigma=2.0), 0.5 + mirror * 2.0 * z).eval()
            np.testing.assert_allclose(found, wanted, rtol=1e-12)


@functools.cache
def von_mises_mass(x, mu, kappa, above):
    """The logarithm of the mass on one side of an angle, by mpmath's quadrature between places where the density is seen to change."""
    x, mu, kappa = mp.mpf(x), mp.mpf(mu), mp.mpf(kappa)
    low, high = (x, mp.pi) if above else (-mp.pi, x)

    def reach(place):
        return 1 / (kappa * max(abs(mp.sin(place - mu)), 1 / mp.sqrt(kappa)))

    turns = [mu + mp.pi * i for i in range(-3, 4)]
    near = [turn + mp.mpf(c) / mp.sqrt(kappa) for turn in turns for c in (-20, -8, -3, -1, 0, 1, 3, 8, 20)]
    ends = [end + side * c * reach(end) for end, side in ((low, 1), (high, -1)) for c in (0.1, 0.5, 2, 5, 10, 20, 40, 80, 160)]
    found = mp.quad(lambda s: mp.exp(kappa * (mp.cos(s - mu) - 1)), [low, *sorted({p for p in (*near, *ends) if low < p < high}), high])
    return mp.log(found / (2 * mp.pi * mp.besseli(0, kappa) * mp.exp(-kappa)))


def test_both_tails_of_angles_are_right(backend):
    """Also of means near the ends of the circle, and beyond them, and where a density of 1e5 is narrow; the smallest is exp(-200,000)."""
    at = [-3.1, -2.0, -0.5, -1e-3, 0.3, 1.5, 2.5, 3.14]
    x, mu, kappa = pt.vector("x", len(at)), pt.scalar("mu"), pt.scalar("kappa")
    f = function([x, mu, kappa], [pm.VonMises.logcdf(x, mu, kappa), pm.VonMises.logccdf(x, mu, kappa)], backend=backend)
    with mp.workdps(40):
        for m in (0.0, 0.5, -1.0, 3.0, -3.1, 7.0):
            for k in (1e-3, 2.0, 30.0, 1e3, 1e5):
                for above, found in enumerate(f(np.array(at), m, k)):
                    for a, value in zip(at, found):
                        known = von_mises_mass(a, m, k, above)
                        assert abs(value - known) < 1e-12 * abs(known) + 1e-13, (a, m, k, above)
    below, above = f(np.array([-4.0, -np.pi, np.pi, 4.0, np.nan, 0.0, 0.0, 0.0]), 0.0, 2.0)
    assert below[:4].tolist() == [-np.inf, -np.inf, 0.0, 0.0] and above[:4].tolist() == [0.0, 0.0, -np.inf, -np.inf]
    assert np.isnan(below[4]) and abs(below[5] - np.log(0.5)) < 1e-14
