"""Log-densities and their slopes in the value and in every parameter, at ordinary and awkward sizes, against mpmath.

Each line states a density by its textbook formula over mpmath's numbers; slopes are its derivatives there, by differences with a step of
1e-30 in the logarithm of what moves. Nothing here comes from the package. Points are as far out as 1e300: what is a number of the computer
must be found, and be right.
"""

import mpmath as mp
import numpy as np
import pytest

import workbench as pm
import workbench.tensor as pt
from workbench.compile import function
from workbench.graph import Graph
from workbench.transforms import grad

HALF, LOG, log_gamma = mp.mpf(1) / 2, mp.log, mp.memoize(mp.loggamma)
FAR = [s * 10.0**k for k in (-300, -160, -20, -3, 0, 1, 2, 8, 100, 150, 154, 160, 300) for s in (1, -1)]
POSITIVE = [10.0**k for k in (-300, -160, -154, -20, -3, 0, 1, 2, 8, 100, 150, 154, 160, 300)]
UNIT = [1e-300, 1e-160, 1e-20, 1e-3, 0.5, 0.75, 1 - 2.0**-20, 1 - 2.0**-50]
COUNTS = [0.0, 1.0, 2.0, 7.0, 40.0, 1e3, 1e6, 1e9]
PLACES = [(0.25, 1.0), (0.5, 2.0), (1e3, 1e-5)]
SHAPES = (0.01, 0.5, 2.0, 50.0, 1e5)


def normal(z):
    return -z * z / 2 - LOG(2 * mp.pi) / 2


def log_normal_below(z):
    if z > -1e3:
        return LOG(mp.erfc(-z / mp.sqrt(2)) / 2)
    return normal(z) - LOG(-z) + mp.log1p(-1 / z**2 + 3 / z**4 - 15 / z**6 + 105 / z**8)


def student(x, nu, mu, sigma):
    z = (x - mu) / sigma
    return log_gamma((nu + 1) / 2) - log_gamma(nu / 2) - LOG(nu * mp.pi) / 2 - LOG(sigma) - (nu + 1) / 2 * mp.log1p(z * z / nu)


def gamma(x, a, b):
    return a * LOG(b) - log_gamma(a) + (a - 1) * LOG(x) - b * x


def log_beta(a, b):
    return log_gamma(a) + log_gamma(b) - log_gamma(a + b)


def log_choose(n, k):
    return log_gamma(n + 1) - log_gamma(k + 1) - log_gamma(n - k + 1)


def skew_student(x, a, b, mu, sigma):
    t = (x - mu) / sigma / mp.sqrt(a + b)
    side = mp.asinh(abs(t)) * mp.sign(t)
    return (a - b) * side - (a + b + 1) / 2 * mp.log1p(t * t) - log_beta(a, b) - (a + b - 1) * LOG(2) - LOG(a + b) / 2 - LOG(sigma)


def logistic(x, mu, s):
    z = abs(x - mu) / s
    return -z - LOG(s) - 2 * mp.log1p(mp.exp(-z))


def log_i0(x):
    if x < 1e3:
        return LOG(mp.besseli(0, x))
    term, total = mp.mpf(1), mp.mpf(1)
    for k in range(1, 16):
        term *= mp.mpf((2 * k - 1) ** 2) / (8 * k * x)
        total += term
    return x - LOG(2 * mp.pi * x) / 2 + LOG(total)


def gumbel(x, mu, b):
    z = (x - mu) / b
    return -z - mp.exp(-z) - LOG(b) if z > -1e4 else -mp.inf


def moyal(x, mu, s):
    z = (x - mu) / s
    return -(z + mp.exp(-z)) / 2 - LOG(s) - LOG(2 * mp.pi) / 2 if z > -1e4 else -mp.inf


def gen_extreme(x, mu, s, xi):
    y = 1 + xi * (x - mu) / s
    return -LOG(s) - (1 + 1 / xi) * LOG(y) - y ** (-1 / xi) if y > 0 and abs(LOG(y) / xi) < 1e4 else -mp.inf


def negative_binomial(k, mu, alpha):
    return log_choose(k + alpha - 1, k) + alpha * LOG(alpha / (mu + alpha)) + k * LOG(mu / (mu + alpha))


def poisson(k, mu):
    return k * LOG(mu) - mu - log_gamma(k + 1)


def binomial(k, n, p):
    return log_choose(n, k) + k * LOG(p) + (n - k) * mp.log1p(-p) if k <= n else -mp.inf


def beta_binomial(k, n, a, b):
    return log_choose(n, k) + log_beta(k + a, n - k + b) - log_beta(a, b) if k <= n else -mp.inf


def beta_negative_binomial(k, a, b, r):
    return log_beta(r + k, a + b) - log_beta(r, a) + log_gamma(k + b) - log_gamma(b) - log_gamma(k + 1)


def mixed(psi, k, inside):
    return LOG(psi * mp.exp(inside) + (1 - psi)) if k == 0 else LOG(psi) + inside


def hurdle(psi, k, inside, none):
    return mp.log1p(-psi) if k == 0 else LOG(psi) + inside - mp.log1p(-mp.exp(none))


def truncated_normal(x, mu, s, lower, upper):
    side = mp.sign(mu - lower)
    mass = abs(mp.erfc(side * (mu - upper) / s / mp.sqrt(2)) - mp.erfc(side * (mu - lower) / s / mp.sqrt(2))) / 2
    return normal((x - mu) / s) - LOG(s) - LOG(mass) if lower <= x <= upper else -mp.inf


def triangular(x, lower, c, upper):
    if not lower < x < upper:
        return -mp.inf
    return LOG(2 * (x - lower) / ((upper - lower) * (c - lower))) if x < c else LOG(2 * (upper - x) / ((upper - lower) * (upper - c)))


def ex_gaussian(x, mu, s, nu):
    return -LOG(nu) + (mu - x) / nu + s * s / (2 * nu * nu) + log_normal_below((x - mu) / s - s / nu)


# The distribution, points, values of its parameters, and the formula.
CASES = [
    (pm.Normal, FAR, PLACES, lambda x, m, s: normal((x - m) / s) - LOG(s)),
    (pm.Cauchy, FAR, PLACES, lambda x, a, b: -LOG(mp.pi * b) - mp.log1p(((x - a) / b) ** 2)),
    (pm.Laplace, FAR, PLACES, lambda x, m, b: -LOG(2 * b) - abs(x - m) / b),
    (pm.Logistic, FAR, PLACES, logistic),
    (pm.Gumbel, FAR, PLACES, gumbel),
    (pm.Moyal, FAR, PLACES, moyal),
    (pm.StudentT, FAR, [(nu, *p) for nu in (0.01, 1.0, 3.5, 1e5, 1e12) for p in PLACES], student),
    (pm.AsymmetricLaplace, FAR, [(k, *p) for k in (0.7, 30.0) for p in PLACES],
     lambda x, k, m, b: LOG(b / (k + 1 / k)) - (b * k * (x - m) if x >= m else -b * (x - m) / k)),
    (pm.SkewNormal, FAR, [(*p, a) for a in (-3.0, 2.0, 1e-3) for p in PLACES],
     lambda x, m, s, a: normal((x - m) / s) - LOG(s) + LOG(2) + log_normal_below(a * (x - m) / s)),
    (pm.SkewStudentT, FAR, [(a, b, *p) for a, b in ((2.0, 3.0), (0.01, 5.0)) for p in PLACES], skew_student),
    (pm.ExGaussian, FAR, [(*p, nu) for nu in (1.5, 1e-2) for p in PLACES[:2]], ex_gaussian),
    (pm.GenExtreme, FAR, [(*p, xi) for xi in (0.3, -0.3, 0.9) for p in PLACES], gen_extreme),
    (pm.HalfCauchy, POSITIVE, [(s,) for s in (1.0, 1e-5, 1e10)], lambda x, b: LOG(2 / (mp.pi * b)) - mp.log1p((x / b) ** 2)),
    (pm.HalfNormal, POSITIVE, [(s,) for s in (1.0, 1e-5, 1e10)], lambda x, s: LOG(2) + normal(x / s) - LOG(s)),
    (pm.HalfStudentT, POSITIVE, [(nu, s) for nu in (0.01, 4.0, 1e5) for s in (1.0, 1e-5)], lambda x, nu, s: LOG(2) + student(x, nu, mp.mpf(0), s)),
    (pm.Exponential, POSITIVE, [(s,) for s in (1.0, 1e-5, 1e10)], lambda x, lam: LOG(lam) - lam * x),
    (pm.Gamma, POSITIVE, [(a, b) for a in SHAPES for b in (1.0, 1e-5)], gamma),
    (pm.InverseGamma, POSITIVE, [(a, b) for a in SHAPES for b in (1.0, 1e-5)], lambda x, a, b: a * LOG(b) - log_gamma(a) - (a + 1) * LOG(x) - b / x),
    (pm.ChiSquared, POSITIVE, [(a,) for a in SHAPES], lambda x, nu: gamma(x, nu / 2, HALF)),
    (pm.Chi, POSITIVE, [(a,) for a in SHAPES], lambda x, nu: gamma(x * x, nu / 2, HALF) + LOG(2 * x)),
    (pm.Maxwell, POSITIVE, [(1.0,), (1e-5,)], lambda x, a: LOG(2 / mp.pi) / 2 + 2 * LOG(x) - 3 * LOG(a) - (x / a) ** 2 / 2),
    (pm.Weibull, POSITIVE, [(a, b) for a in SHAPES[:4] for b in (1.0, 1e-5)], lambda x, a, b: LOG(a / b) + (a - 1) * LOG(x / b) - (x / b) ** a),
    (pm.Pareto, POSITIVE, [(a, b) for a in SHAPES[:4] for b in (0.5, 1e-5)], lambda x, a, m: LOG(a) + a * LOG(m) - (a + 1) * LOG(x) if x >= m else -mp.inf),
    (pm.LogNormal, POSITIVE, [(0.25, 1.0), (5.0, 1e-3), (-3.0, 10.0)], lambda x, m, s: normal((LOG(x) - m) / s) - LOG(s * x)),
    (pm.Wald, POSITIVE, [(m, lam, 0.0) for m in (0.5, 1e3) for lam in (1.0, 1e-3)],
     lambda x, m, lam, a: LOG(lam / (2 * mp.pi * (x - a) ** 3)) / 2 - lam * (x - a - m) ** 2 / (2 * m * m * (x - a))),
    (pm.Rice, POSITIVE, [(1.5, 2.0), (60.0, 2.0), (1e-3, 1.0)], lambda x, nu, s: LOG(x / s**2) - (x * x + nu * nu) / (2 * s * s) + log_i0(x * nu / s**2)),
    (pm.Beta, UNIT, [(0.01, 0.5), (2.0, 3.0), (1e5, 1e-3), (1e6, 2e6)], lambda x, a, b: (a - 1) * LOG(x) + (b - 1) * mp.log1p(-x) - log_beta(a, b)),
    (pm.Kumaraswamy, UNIT, [(0.01, 0.5), (2.0, 3.0), (1e5, 1e-3)], lambda x, a, b: LOG(a * b) + (a - 1) * LOG(x) + (b - 1) * mp.log1p(-(x**a))),
    (pm.LogitNormal, UNIT, [(0.01, 0.5), (-30.0, 2.0)], lambda x, m, s: normal((LOG(x) - mp.log1p(-x) - m) / s) - LOG(s) - LOG(x) - mp.log1p(-x)),
    (pm.Triangular, UNIT, [(0.0, 0.3, 1.0), (-1.0, 0.7, 8.0)], triangular),
    (pm.TruncatedNormal, UNIT, [(0.2, 1.0, 0.0, 1.0), (-30.0, 1.0, 0.0, 1.0), (90.0, 3.0, -1.0, 2.0)], truncated_normal),
    (pm.VonMises, [-3.0, -1e-8, 0.3, 3.1], [(0.25, 1e-3), (0.5, 3.0), (2.0, 1e5)], lambda x, m, k: k * mp.cos(x - m) - LOG(2 * mp.pi) - log_i0(k)),
    (pm.Poisson, COUNTS, [(1e-8,), (3.3,), (1e4,)], poisson),
    (pm.Geometric, COUNTS[1:], [(1e-9,), (0.3,), (1 - 1e-9,)], lambda k, p: LOG(p) + (k - 1) * mp.log1p(-p)),
    (pm.NegativeBinomial, COUNTS, [(m, a) for m in (1e-5, 3.3, 1e5) for a in (1e-3, 1.7, 1e8)], negative_binomial),
    (pm.Binomial, COUNTS, [(n, p) for n in (7.0, 1e6) for p in (1e-8, 0.3, 1 - 1e-8)], binomial),
    (pm.BetaBinomial, COUNTS, [(n, a, b) for n in (7.0, 1e6) for a, b in ((0.01, 0.5), (2.0, 3.0), (1e6, 1e3))], beta_binomial),
    (pm.BetaNegativeBinomial, COUNTS, [(3.0, 2.0, 1.5), (0.1, 30.0, 1e4), (1e5, 0.2, 3.0)], beta_negative_binomial),
    (pm.DiscreteWeibull, COUNTS[:6], [(0.9, 0.6), (0.999999, 1.5), (1e-3, 0.2)], lambda k, q, b: LOG(q ** (k**b) - q ** ((k + 1) ** b))),
    (pm.GeneralizedPoisson, COUNTS, [(2.0, 0.3), (1e3, 0.9), (1e-3, 1e-6)], lambda k, m, lam: LOG(m) + (k - 1) * LOG(m + lam * k) - m - lam * k - log_gamma(k + 1)),
    (pm.Skellam, [-1e3, -40.0, -1.0, 0.0, 2.0, 1e3], [(2.0, 3.0), (1e3, 1e3), (1e-3, 5.0)],
     lambda k, a, b: -(a + b) + k * LOG(a / b) / 2 + LOG(mp.besseli(abs(k), 2 * mp.sqrt(a * b)))),
    (pm.ZeroInflatedPoisson, COUNTS, [(0.3, 2.1), (1e-9, 1e3), (1 - 1e-9, 1e-5)], lambda k, psi, m: mixed(psi, k, poisson(k, m))),
    (pm.ZeroInflatedBinomial, COUNTS, [(0.3, 50.0, 0.1), (0.999, 1e6, 1e-9)], lambda k, psi, n, p: mixed(psi, k, binomial(k, n, p))),
    (pm.ZeroInflatedNegativeBinomial, COUNTS, [(0.3, 2.1, 0.7), (0.999, 1e5, 1e-3)], lambda k, psi, m, a: mixed(psi, k, negative_binomial(k, m, a))),
    (pm.HurdlePoisson, COUNTS, [(0.3, 2.1), (0.999, 1e-6), (1e-9, 1e3)], lambda k, psi, m: hurdle(psi, k, poisson(k, m), -m)),
    (pm.HurdleNegativeBinomial, COUNTS, [(0.3, 2.1, 0.7), (0.999, 1e-5, 10.0)], lambda k, psi, m, a: hurdle(psi, k, negative_binomial(k, m, a), -a * mp.log1p(m / a))),
]  # fmt: skip
IDS = [cls.__name__ for cls, *_ in CASES]
STILL = {"n", "N", "lower", "upper", "alpha of Wald"}
LARGE = 1e290
"""Slopes beyond this are no numbers of the computer, or on the way to be none."""


def moves(cls, name):
    if name == "value":
        return cls.dtype != "int64"
    return name not in STILL and f"{name} of {cls.__name__}" not in STILL


def slope(formula, arguments, i):
    """The derivative in one argument, relative to its size."""
    x = arguments[i]
    of = lambda u: formula(*arguments[:i], x * mp.exp(u), *arguments[i + 1 :])
    return (of(mp.mpf(10) ** -30) - of(-(mp.mpf(10) ** -30))) / (2 * mp.mpf(10) ** -30) / x


def truth(cls, points, parameters, formula):
    """The log-density at each point, and the slopes in what moves."""
    names = ["value", *cls.parameters]
    values, slopes = [], {n: [] for n in names if moves(cls, n)}
    for x in points:
        # Far out a step of the logarithm of a parameter changes the value by next to nothing.
        with mp.workdps(120 if x == 0 or 1e-20 <= abs(x) <= 1e20 else 420):
            arguments = [mp.mpf(float(v)) for v in (x, *parameters)]
            value = formula(*arguments)
            values.append(float(value))
            for i, name in enumerate(names):
                if name in slopes:
                    slopes[name].append(float(slope(formula, arguments, i)) if mp.isfinite(value) else np.nan)
    return np.array(values), {n: np.array(v) for n, v in slopes.items()}


def graph(cls, points, parameters):
    x, *inner = inputs = [pt.vector(None, len(points)) for _ in range(1 + len(parameters))]
    total = cls.density(x, *inner)
    moving = [v for v, n in zip(inputs, ("value", *cls.parameters)) if moves(cls, n)]
    return inputs, [total, *grad(total.sum(), moving)], [np.array(points), *(np.full(len(points), p) for p in parameters)]


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_densities_and_slopes(case):
    cls, points, settings, formula = case
    for parameters in settings:
        wanted, slopes = truth(cls, points, parameters, formula)
        inputs, outputs, at = graph(cls, points, parameters)
        with np.errstate(all="ignore"):
            found, *derivatives = Graph(inputs, outputs).run("numpy", *at)
        np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-12, err_msg=f"{parameters}")
        sizes = dict(zip(("value", *cls.parameters), at))
        for (name, right), one in zip(slopes.items(), derivatives):
            known = np.isfinite(wanted) & (np.abs(right) < LARGE)
            # Slopes in the logarithm of what moves, which are 0 at its best value but for rounding.
            size = sizes[name][known]
            rounding = 1e-13 * (1.0 + max(map(abs, parameters)))
            np.testing.assert_allclose(one[known] * size, right[known] * size, rtol=1e-9, atol=rounding, err_msg=f"{name} at {parameters}: {np.array(points)[known]}")


def test_student_vectors_far_out(backend):
    """Their squares are no numbers of the computer. The density of one with a triangular factor, by its formula."""
    chol, mu, points = np.array([[2.0, 0.0], [0.5, 1.5]]), np.array([0.25, -0.5]), [[0.5, 1.0], [1e8, -1e3], [1e160, 3.0], [-1e300, 1e299], [0.0, 1e200]]

    def exact(x, nu):
        (p, q), scale = ((mp.mpf(float(v)) - mp.mpf(m) for v, m in zip(x, mu)), mp.mpf(2) * HALF * 3)
        z = [p / 2, (q - p / 4) / (mp.mpf(3) / 2)]
        square = z[0] ** 2 + z[1] ** 2
        return log_gamma((nu + 2) / 2) - log_gamma(nu / 2) - LOG(nu * mp.pi) - LOG(scale) - (nu + 2) / 2 * mp.log1p(square / nu)

    x, nu = pt.tensor("x", shape=(5, 2)), pt.scalar("nu")
    density = pm.logp(pm.MvStudentT.dist(nu, mu=mu, chol=chol), x)
    run = function([x, nu], [density, grad(density.sum(), x)], backend=backend)
    for degrees in (0.5, 4.0, 1e12):
        found, slopes = run(np.array(points), degrees)
        with mp.workdps(60):
            wanted = [float(exact(p, mp.mpf(degrees))) for p in points]
        np.testing.assert_allclose(found, wanted, rtol=1e-12)
        assert np.isfinite(slopes).all()
        # A power of the distance: what is twice as far has half the slope.
        twice = run(np.array(points) * 2.0, degrees)[1]
        np.testing.assert_allclose(twice[2:], slopes[2:] / 2.0, rtol=1e-9, atol=1e-290)
