"""Densities in unconstrained space, far out: every distribution with a transform, against arithmetic of 600 digits.

Each line states a density by its textbook formula and a map from the real line by its own, over mpmath's numbers. The
truth at q is their composition, not what a double of x = exp(q) would give: log f(x(q)) + log |dx/dq|, and its slope by a
central difference with a step of 1e-60. Nothing here comes from the package.
"""

import functools
import math
import os

import mpmath as mp
import numpy as np
import pytest

import workbench as pm
from workbench.compile.c.toolchain import find_compiler
from workbench.transforms import Chain, Interval, LogExpM1, circular, log, log_exp_m1

DIGITS = 600
SIZES = (0, 1, 10, 37, 40, 100, 300, 700, 720, 745, 800, 1000)
AT = tuple(float(s * q) for q in SIZES for s in (1, -1) if s * q or s > 0)

LOG_2PI = lambda: mp.log(2 * mp.pi)


# The maps: x, 1 - x (where it is of use), and the logarithm of the slope -------------------------------


def positive(q):
    return mp.exp(q), q


def unit(q):
    x = 1 / (1 + mp.exp(-q))
    return x, mp.log(x) + mp.log(1 / (1 + mp.exp(q)))


def between(lower, upper):
    def of(q):
        s, slope = unit(q)
        return lower + (upper - lower) * s, mp.log(mp.mpf(upper) - lower) + slope

    return of


def above(lower):
    return lambda q: (lower + mp.exp(q), q)


def below(upper):
    return lambda q: (upper - mp.exp(q), q)


def softplus(q):
    return mp.log1p(mp.exp(q)), -mp.log1p(mp.exp(-q))


def angle(q):
    return mp.atan2(mp.sin(q), mp.cos(q)), mp.mpf(0)


def same(q):
    return q, mp.mpf(0)


# The densities --------------------------------------------------------------------------------------


def normal(x, mu=0, sigma=1):
    return -(((x - mu) / sigma) ** 2) / 2 - mp.log(sigma) - LOG_2PI() / 2


def log_cdf(x):
    """Logarithm of the standard normal distribution function, by its asymptotic series far out."""
    if x > -60:
        return mp.log(mp.ncdf(x)) if x < 0 else mp.log1p(-mp.ncdf(-x))
    total, term = mp.mpf(1), mp.mpf(1)
    for k in range(1, 30):
        term *= -(2 * k - 1) / x**2
        total += term
    return -(x**2) / 2 - mp.log(-x) - LOG_2PI() / 2 + mp.log(total)


def gamma(x, a, b):
    return a * mp.log(b) - mp.loggamma(a) + (a - 1) * mp.log(x) - b * x


def inverse_gamma(x, a, b):
    return a * mp.log(b) - mp.loggamma(a) - (a + 1) * mp.log(x) - b / x


def beta(x, a, b):
    constant = mp.loggamma(a) + mp.loggamma(b) - mp.loggamma(mp.mpf(a) + b)
    return (a - 1) * mp.log(x) + (b - 1) * mp.log1p(-x) - constant


def kumaraswamy(x, a, b):
    return mp.log(mp.mpf(a) * b) + (a - 1) * mp.log(x) + (b - 1) * mp.log(-mp.expm1(a * mp.log(x)))


def weibull(x, a, b):
    return mp.log(mp.mpf(a) / b) + (a - 1) * mp.log(x / b) - (x / b) ** a


def student(x, nu, mu=0, sigma=1):
    constant = mp.loggamma((mp.mpf(nu) + 1) / 2) - mp.loggamma(mp.mpf(nu) / 2) - mp.log(nu * mp.pi) / 2
    return constant - mp.log(sigma) - (mp.mpf(nu) + 1) / 2 * mp.log1p(((x - mu) / sigma) ** 2 / nu)


def cauchy(x, a, b):
    return -mp.log(mp.pi * b) - mp.log1p(((x - a) / b) ** 2)


def wald(x, mu, lam, alpha=0):
    y = x - alpha
    return mp.log(lam / (2 * mp.pi * y**3)) / 2 - lam * (y - mu) ** 2 / (2 * mu**2 * y)


def log_i0(x):
    if x < 300:
        return mp.log(mp.besseli(0, x))
    total, term = mp.mpf(1), mp.mpf(1)
    for k in range(1, 12):
        term *= mp.mpf((2 * k - 1) ** 2) / (8 * k * x)
        total += term
    return x - (LOG_2PI() + mp.log(x)) / 2 + mp.log(total)


def rice(x, nu, sigma):
    return mp.log(x) - 2 * mp.log(sigma) - (x**2 + nu**2) / (2 * sigma**2) + log_i0(x * nu / sigma**2)


def von_mises(x, mu, kappa):
    return kappa * mp.cos(x - mu) - LOG_2PI() - log_i0(mp.mpf(kappa))


def pareto(x, a, m):
    return mp.log(a) + a * mp.log(m) - (a + 1) * mp.log(x)


def exponential(x, lam):
    return mp.log(lam) - lam * x


def laplace(x, mu, b):
    return -mp.log(2 * b) - abs(x - mu) / b


def asymmetric_laplace(x, b, kappa, mu):
    d = x - mu
    return mp.log(b / (kappa + 1 / mp.mpf(kappa))) - (d * b * kappa if d >= 0 else -d * b / kappa)


def logistic(x, mu, s):
    z = (x - mu) / s
    return -z - mp.log(s) - 2 * mp.log1p(mp.exp(-z))


def gumbel(x, mu, b):
    z = (x - mu) / b
    return -z - mp.exp(-z) - mp.log(b)


def chi(x, nu):
    return (1 - nu / 2) * mp.log(2) - mp.loggamma(nu / 2) + (nu - 1) * mp.log(x) - x * x / 2 if x > 0 else -mp.inf


def maxwell(x, a):
    return (mp.log(2) - mp.log(mp.pi)) / 2 + 2 * mp.log(x) - (x / a) ** 2 / 2 - 3 * mp.log(a) if x > 0 else -mp.inf


def gen_extreme(x, mu, s, xi):
    u = 1 + xi * (x - mu) / s
    return -(1 + 1 / xi) * mp.log(u) - u ** (-1 / xi) - mp.log(s) if u > 0 else -mp.inf


def moyal(x, mu, s):
    z = (x - mu) / s
    return -(z + mp.exp(-z)) / 2 - mp.log(s) - LOG_2PI() / 2


def ex_gaussian(x, mu, sigma, nu):
    mu, sigma, nu = map(mp.mpf, (mu, sigma, nu))
    return -mp.log(nu) + (mu - x) / nu + (sigma / nu) ** 2 / 2 + log_cdf((x - mu) / sigma - sigma / nu)


def skew_normal(x, mu, sigma, alpha):
    z = (x - mu) / mp.mpf(sigma)
    return mp.log(2) - mp.log(sigma) - z**2 / 2 - LOG_2PI() / 2 + log_cdf(alpha * z)


def triangular(x, low, mode, high):
    share = (x - low) / (mode - low) if x < mode else (high - x) / (high - mode)
    return mp.log(2 * share / (high - low))


def truncated_normal(x, mu, sigma, mass):
    return normal(x, mu, sigma) - mp.log(mass)


def logit_normal(x, mu, sigma):
    return normal(mp.log(x) - mp.log1p(-x), mu, sigma) - mp.log(x) - mp.log1p(-x)


def log_normal(x, mu, sigma):
    return normal(mp.log(x), mu, sigma) - mp.log(x)


def half(density):
    return lambda x: mp.log(2) + density(x)


def mixed(*parts):
    return lambda x: mp.log(sum(w * mp.exp(f(x)) for w, f in parts))


def ncdf(x):
    return mp.ncdf(mp.mpf(x))


N = lambda name, *a, **k: lambda: getattr(pm, name)("x", *a, **k)

CASES = {
    # On the positive numbers, by their logarithm.
    "Exponential": (N("Exponential", 2.5), lambda x: exponential(x, mp.mpf(2.5)), positive),
    "Exponential, tiny rate": (N("Exponential", 1e-300), lambda x: exponential(x, mp.mpf(1e-300)), positive),
    "HalfNormal": (N("HalfNormal", 1.5), half(lambda x: normal(x, 0, mp.mpf(1.5))), positive),
    "HalfNormal, wide": (N("HalfNormal", 1e200), half(lambda x: normal(x, 0, mp.mpf(1e200))), positive),
    "HalfCauchy": (N("HalfCauchy", 2.0), half(lambda x: cauchy(x, 0, 2)), positive),
    "HalfStudentT, 3": (N("HalfStudentT", 3.0, 2.0), half(lambda x: student(x, 3, 0, 2)), positive),
    "HalfStudentT, 0.5": (N("HalfStudentT", 0.5, 2.0), half(lambda x: student(x, 0.5, 0, 2)), positive),
    "HalfStudentT, 1e10": (N("HalfStudentT", 1e10, 2.0), half(lambda x: student(x, 1e10, 0, 2)), positive),
    "HalfFlat": (N("HalfFlat"), lambda x: mp.mpf(0), positive),
    "LogNormal": (N("LogNormal", 0.5, 0.7), lambda x: log_normal(x, mp.mpf(0.5), mp.mpf(0.7)), positive),
    "LogNormal, wide": (N("LogNormal", 0.0, 100.0), lambda x: log_normal(x, 0, mp.mpf(100)), positive),
    **{
        f"Gamma, {a}": (N("Gamma", a, 1.5), lambda x, a=a: gamma(x, mp.mpf(a), mp.mpf(1.5)), positive)
        for a in (1e-10, 0.1, 0.5, 1.0, 2.5, 2.0, 1e8)
    },
    **{
        f"Gamma, 0.3, {b}": (N("Gamma", 0.3, b), lambda x, b=b: gamma(x, mp.mpf(0.3), mp.mpf(b)), positive)
        for b in (1e-250, 1e-20, 1e20)
    },
    **{
        f"ChiSquared, {nu}": (N("ChiSquared", nu), lambda x, nu=nu: gamma(x, mp.mpf(nu) / 2, mp.mpf(0.5)), positive)
        for nu in (0.3, 1.0, 2.0, 5.0)
    },
    **{
        f"InverseGamma, {a}": (N("InverseGamma", a, 1.5), lambda x, a=a: inverse_gamma(x, mp.mpf(a), mp.mpf(1.5)), positive)
        for a in (1e-3, 0.5, 1.0, 3.0, 1e6)
    },
    **{
        f"Weibull, {a}": (N("Weibull", a, 2.0), lambda x, a=a: weibull(x, mp.mpf(a), mp.mpf(2)), positive)
        for a in (0.01, 0.5, 1.0, 2.0, 1.5, 50.0)
    },
    **{
        f"Wald, {mu}, {lam}": (N("Wald", mu, lam), lambda x, mu=mu, lam=lam: wald(x, mp.mpf(mu), mp.mpf(lam)), positive)
        for mu, lam in ((1.5, 2.0), (1.0, 1e-3), (1e3, 1e-3))
    },
    "Rice": (N("Rice", 1.5, 2.0), lambda x: rice(x, mp.mpf(1.5), 2), positive),
    "Rice, 0": (N("Rice", 0.0, 2.0), lambda x: rice(x, 0, 2), positive),
    # Between 0 and 1, by their log-odds.
    **{
        f"Beta, {a}, {b}": (N("Beta", a, b), lambda x, a=a, b=b: beta(x, mp.mpf(a), mp.mpf(b)), unit)
        for a, b in ((0.5, 0.5), (0.9, 0.9), (1.0, 1.0), (1.0, 3.0), (2.5, 1.5), (1e-8, 2.0), (1e6, 1e6))
    },
    **{
        f"Kumaraswamy, {a}, {b}": (N("Kumaraswamy", a, b), lambda x, a=a, b=b: kumaraswamy(x, mp.mpf(a), mp.mpf(b)), unit)
        for a, b in ((0.5, 0.5), (1.0, 1.0), (2.5, 1.5), (1.0, 0.3), (50.0, 0.2), (0.01, 20.0))
    },
    "LogitNormal": (N("LogitNormal", 0.5, 2.0), lambda x: logit_normal(x, mp.mpf(0.5), 2), unit),
    # Between bounds of their own.
    "Uniform": (N("Uniform", -1.0, 3.0), lambda x: -mp.log(4), between(-1, 3)),
    "Uniform, 0 to 1": (N("Uniform", 0.0, 1.0), lambda x: mp.mpf(0), between(0, 1)),
    "Uniform, far": (N("Uniform", 1e6, 1e6 + 1.0), lambda x: mp.mpf(0), between(10**6, 10**6 + 1)),
    "Triangular": (N("Triangular", -1.0, 3.0, 0.5), lambda x: triangular(x, -1, mp.mpf(0.5), 3), between(-1, 3)),
    "Triangular, 0 to 1": (N("Triangular", 0.0, 1.0, 0.25), lambda x: triangular(x, 0, mp.mpf(0.25), 1), between(0, 1)),
    "Triangular, rising": (N("Triangular", 0.0, 1.0, 1.0), lambda x: mp.log(2 * x), between(0, 1)),
    "Triangular, falling": (N("Triangular", 0.0, 1.0, 0.0), lambda x: mp.log(2 * (1 - x)), between(0, 1)),
    "TruncatedNormal": (
        N("TruncatedNormal", 0.5, 2.0, lower=-1.0, upper=2.5),
        lambda x: truncated_normal(x, mp.mpf(0.5), 2, ncdf(1) - ncdf(-0.75)), between(-1, mp.mpf(2.5)),
    ),
    "TruncatedNormal, below": (
        N("TruncatedNormal", 0.5, 2.0, lower=-1.0), lambda x: truncated_normal(x, mp.mpf(0.5), 2, ncdf(0.75)), above(-1)
    ),
    "TruncatedNormal, above": (
        N("TruncatedNormal", 0.5, 2.0, upper=2.5), lambda x: truncated_normal(x, mp.mpf(0.5), 2, ncdf(1)), below(mp.mpf(2.5))
    ),
    "Pareto": (N("Pareto", 2.5, 1.5), lambda x: pareto(x, mp.mpf(2.5), mp.mpf(1.5)), above(mp.mpf(1.5))),
    "Pareto, flat": (N("Pareto", 1e-3, 1e-5), lambda x: pareto(x, mp.mpf(1e-3), mp.mpf(1e-5)), above(mp.mpf(1e-5))),
    "VonMises": (N("VonMises", 0.5, 2.0), lambda x: von_mises(x, mp.mpf(0.5), 2), angle),
    # On the line.
    "Normal": (N("Normal", 1.5, 2.0), lambda x: normal(x, mp.mpf(1.5), 2), same),
    "StudentT": (N("StudentT", 3.5, 1.0, sigma=2.0), lambda x: student(x, 3.5, 1, 2), same),
    "StudentT, 1e12": (N("StudentT", 1e12, 1.0, sigma=2.0), lambda x: student(x, 1e12, 1, 2), same),
    "Cauchy": (N("Cauchy", 0.5, 2.0), lambda x: cauchy(x, mp.mpf(0.5), 2), same),
    "Laplace": (N("Laplace", 0.25, 2.0), lambda x: laplace(x, mp.mpf(0.25), 2), same),
    "AsymmetricLaplace": (N("AsymmetricLaplace", kappa=0.5, mu=2.25, b=0.7), lambda x: asymmetric_laplace(x, mp.mpf(0.7), 0.5, 2.25), same),
    "Logistic": (N("Logistic", 0.5, 2.0), lambda x: logistic(x, mp.mpf(0.5), 2), same),
    "Logistic, narrow": (N("Logistic", 0.5, 0.01), lambda x: logistic(x, mp.mpf(0.5), mp.mpf(0.01)), same),
    "Gumbel": (N("Gumbel", 0.5, 2.0), lambda x: gumbel(x, mp.mpf(0.5), 2), same),
    "Gumbel, narrow": (N("Gumbel", 0.5, 0.5), lambda x: gumbel(x, mp.mpf(0.5), mp.mpf(0.5)), same),
    "Chi": (N("Chi", 2.5), lambda x: chi(x, mp.mpf(2.5)), positive),
    "Maxwell": (N("Maxwell", 2.0), lambda x: maxwell(x, 2), positive),
    "GenExtreme": (N("GenExtreme", 0.5, 2.0, xi=0.25), lambda x: gen_extreme(x, mp.mpf(0.5), 2, mp.mpf(0.25)), same),
    "GenExtreme, bounded": (N("GenExtreme", 0.5, 2.0, xi=-0.25), lambda x: gen_extreme(x, mp.mpf(0.5), 2, mp.mpf(-0.25)), same),
    "Moyal": (N("Moyal", 0.5, 2.0), lambda x: moyal(x, mp.mpf(0.5), 2), same),
    "Moyal, narrow": (N("Moyal", 0.5, 0.5), lambda x: moyal(x, mp.mpf(0.5), mp.mpf(0.5)), same),
    "ExGaussian": (N("ExGaussian", 0.5, 2.0, nu=1.5), lambda x: ex_gaussian(x, 0.5, 2, 1.5), same),
    "SkewNormal": (N("SkewNormal", mu=0.5, sigma=2.0, alpha=-1.5), lambda x: skew_normal(x, 0.5, 2, mp.mpf(-1.5)), same),
    # Transforms that a user chooses.
    "Normal, interval": (N("Normal", 0.5, 2.0, default_transform=Interval(-1.0, 2.5)), lambda x: normal(x, mp.mpf(0.5), 2), between(-1, mp.mpf(2.5))),
    "Gamma, interval from 0": (N("Gamma", 0.5, 1.5, default_transform=Interval(0.0, None)), lambda x: gamma(x, mp.mpf(0.5), mp.mpf(1.5)), positive),
    "Gamma, interval from 0 to 2": (N("Gamma", 0.5, 1.5, default_transform=Interval(0.0, 2.0)), lambda x: gamma(x, mp.mpf(0.5), mp.mpf(1.5)), between(0, 2)),
    "Gumbel, interval to 2": (N("Gumbel", 0.5, 2.0, default_transform=Interval(None, 2.0)), lambda x: gumbel(x, mp.mpf(0.5), 2), below(2)),
    "Beta, interval": (N("Beta", 0.5, 0.5, default_transform=Interval(0.0, 1.0)), lambda x: beta(x, mp.mpf(0.5), mp.mpf(0.5)), between(0, 1)),
    "Exponential, log_exp_m1": (N("Exponential", 2.5, default_transform=log_exp_m1), lambda x: exponential(x, mp.mpf(2.5)), softplus),
    "Gamma, log_exp_m1": (N("Gamma", 0.5, 1.5, default_transform=log_exp_m1), lambda x: gamma(x, mp.mpf(0.5), mp.mpf(1.5)), softplus),
    "Weibull, log_exp_m1": (N("Weibull", 0.5, 1.5, default_transform=log_exp_m1), lambda x: weibull(x, mp.mpf(0.5), mp.mpf(1.5)), softplus),
    "HalfCauchy, log_exp_m1": (N("HalfCauchy", 2.0, default_transform=LogExpM1()), half(lambda x: cauchy(x, 0, 2)), softplus),
    "InverseGamma, log_exp_m1": (N("InverseGamma", 0.5, 1.5, default_transform=log_exp_m1), lambda x: inverse_gamma(x, mp.mpf(0.5), mp.mpf(1.5)), softplus),
    "Normal, circular": (N("Normal", 0.5, 2.0, default_transform=circular), lambda x: normal(x, mp.mpf(0.5), 2), angle),
    "LogNormal, log": (N("LogNormal", 0.5, 2.0, default_transform=log), lambda x: log_normal(x, mp.mpf(0.5), 2), positive),
    "Uniform, chain of one": (N("Uniform", -1.0, 3.0, default_transform=Chain([Interval(-1.0, 3.0)])), lambda x: -mp.log(4), between(-1, 3)),
    # Of other distributions.
    "Truncated": (
        lambda: pm.Truncated("x", pm.Gamma.dist(0.5, 1.0), 0.0, 2.5),
        lambda x: gamma(x, mp.mpf(0.5), 1) - mp.log(mp.erf(mp.sqrt(mp.mpf(2.5)))), between(0, mp.mpf(2.5)),
    ),
    "Truncated below": (
        lambda: pm.Truncated("x", pm.Exponential.dist(1.5), lower=0.5),
        lambda x: exponential(x - mp.mpf(0.5), mp.mpf(1.5)), above(mp.mpf(0.5)),
    ),
    "Mixture of positive": (
        lambda: pm.Mixture("x", [0.25, 0.75], [pm.Gamma.dist(0.5, 1.5), pm.HalfNormal.dist(2.0)]),
        mixed((mp.mpf(0.25), lambda x: gamma(x, mp.mpf(0.5), mp.mpf(1.5))), (mp.mpf(0.75), half(lambda x: normal(x, 0, 2)))), positive,
    ),
    "Mixture with a heavy tail": (
        lambda: pm.Mixture("x", [0.25, 0.75], [pm.HalfCauchy.dist(0.5), pm.HalfNormal.dist(2.0)]),
        mixed((mp.mpf(0.25), half(lambda x: cauchy(x, 0, mp.mpf(0.5)))), (mp.mpf(0.75), half(lambda x: normal(x, 0, 2)))), positive,
    ),
    "Mixture of unit": (
        lambda: pm.Mixture("x", [0.25, 0.75], [pm.Beta.dist(0.5, 0.7), pm.Beta.dist(3.0, 1.0)]),
        mixed((mp.mpf(0.25), lambda x: beta(x, mp.mpf(0.5), mp.mpf(0.7))), (mp.mpf(0.75), lambda x: beta(x, 3, 1))), unit,
    ),
    "Mixture on the line": (
        lambda: pm.NormalMixture("x", [0.25, 0.75], [-1.0, 2.0], [1.0, 2.0]),
        mixed((mp.mpf(0.25), lambda x: normal(x, -1, 1)), (mp.mpf(0.75), lambda x: normal(x, 2, 2))), same,
    ),
}  # fmt: skip


def composed(density, space, q):
    x, slope = space(mp.mpf(q))
    return density(x) + slope


def truth(density, space, q):
    """The value and the slope at q, as doubles (infinite where they overflow)."""
    with mp.workdps(DIGITS):
        step = mp.mpf(10) ** -60
        value = composed(density, space, q)
        slope = (composed(density, space, mp.mpf(q) + step) - composed(density, space, mp.mpf(q) - step)) / (2 * step)
        return as_float(value), as_float(slope)


def as_float(x):
    return float(x) if abs(x) < mp.mpf(1.7e308) else math.copysign(math.inf, x)


def complaints(name, value, slope, expected, at, rtol=2e-10):
    """What is wrong with a value and a slope."""
    exact, exact_slope = expected
    if math.isinf(exact) or exact < -1e300:
        if not (value < -1e300 and not math.isnan(slope) and (math.isfinite(slope) or math.isinf(exact_slope))):
            yield f"{name} at {at}: {value}, slope {slope}; right {exact}, {exact_slope}"
        return
    for what, found, right in (("value", value, exact), ("slope", slope, exact_slope)):
        if not abs(found - right) <= rtol * max(abs(right), 1.0):
            yield f"{name} at {at}: {what} {found}, right {right}"


@functools.cache
def truths(name):
    """The truth of a case at all points."""
    _, density, space = CASES[name]
    return [truth(density, space, q) for q in AT]


def density_and_gradient(name):
    """The graph of a model with one variable: its flat vector, its log-density, its gradient."""
    with pm.Model() as model:
        CASES[name][0]()
    graph = model.logp_grad_graph()
    return graph.params[0], graph.results


@pytest.mark.parametrize("name", CASES)
def test_density_far_out_is_the_exact_one(name):
    q, results = density_and_gradient(name)
    f = pm.function([q], list(results), backend="numpy")
    found = []
    for at, expected in zip(AT, truths(name)):
        with np.errstate(all="ignore"):
            value, slope = f(np.array([at]))
        found += complaints(name, value, slope[0], expected, at)
    assert not found, "\n".join(found)


SAMPLE = ("HalfCauchy", "Gamma, 0.5", "InverseGamma, 3.0", "Weibull, 0.5", "Beta, 0.5, 0.5", "Kumaraswamy, 2.5, 1.5", "Triangular", "Pareto", "Gamma, log_exp_m1")


@pytest.mark.parametrize("backend", ["c", "numba", "jax"])
def test_compiled_densities_far_out_are_the_exact_ones(backend):
    if backend == "c" and find_compiler() is None:
        pytest.skip("no C compiler on this system")
    names = list(CASES) if backend == "c" or os.environ.get("WORKBENCH_TESTS") == "all" else SAMPLE
    graphs = [density_and_gradient(name) for name in names]
    f = pm.function([q for q, _ in graphs], [r for _, results in graphs for r in results], backend=backend)
    found = []
    for i, at in enumerate(AT):
        values = f(*[np.array([at])] * len(names))
        for name, value, slope in zip(names, values[::2], values[1::2]):
            found += complaints(name, value, slope[0], truths(name)[i], at)
    assert not found, "\n".join(found)


# Vectors, and parameters that are themselves far out ---------------------------------------------------


def simplex(q):
    """Centred log-ratios: the last is the opposite of the others' sum."""
    logs = [*q, -sum(q)]
    top = max(logs)
    total = top + mp.log(sum(mp.exp(x - top) for x in logs))
    return [x - total for x in logs], mp.log(len(logs)) + sum(x - total for x in logs)


def dirichlet(logs, a):
    return mp.loggamma(sum(a)) + sum((mp.mpf(b) - 1) * x - mp.loggamma(b) for x, b in zip(logs, a))


def stick_breaking_weights(logs, alpha):
    weights = [mp.exp(x) for x in logs]
    left = [sum(weights[i:]) for i in range(1, len(logs) - 1)]
    return (len(logs) - 1) * mp.log(alpha) - sum(map(mp.log, left)) + (alpha - 1) * logs[-1]


def polya_gamma(x, terms=400):
    """PG(1, 0): the alternating series near 0, and its dual by Poisson's summation further out."""
    if x < mp.mpf(0.2):
        signed = sum((-1) ** n * (2 * n + 1) * mp.exp(-((2 * n + 1) ** 2 - 1) / (8 * x)) for n in range(60))
        return -1 / (8 * x) + mp.log(signed) - mp.log(2 * mp.pi * x**3) / 2
    signed = sum((-1) ** n * (2 * n + 1) * mp.exp(-2 * (n * n + n) * mp.pi**2 * x) for n in range(60))
    return mp.log(2 * mp.pi) - mp.pi**2 * x / 2 + mp.log(signed)


VECTORS = {
    "Dirichlet": (lambda: pm.Dirichlet("x", [0.5, 1.0, 3.0]), lambda logs: dirichlet(logs, (0.5, 1.0, 3.0))),
    "Dirichlet, two": (lambda: pm.Dirichlet("x", [0.5, 0.5]), lambda logs: dirichlet(logs, (0.5, 0.5))),
    "StickBreakingWeights": (lambda: pm.StickBreakingWeights("x", 0.5, 3), lambda logs: stick_breaking_weights(logs, mp.mpf(0.5))),
}


@pytest.mark.parametrize("name", VECTORS)
def test_simplex_density_far_out_is_the_exact_one(name):
    make, density = VECTORS[name]
    with pm.Model() as model:
        make()
    f = model.logp_dlogp_function("numpy")
    directions = np.random.default_rng(3).uniform(-1, 1, (3, model.flat_size)).tolist()
    for size in SIZES:
        for d in (*directions, [1.0] * model.flat_size, [-1.0] * model.flat_size):
            at = np.multiply(size, d)
            value, slope = f(at)
            with mp.workdps(DIGITS + 1500):

                def of(q):
                    logs, jacobian = simplex(q)
                    return density(logs) + jacobian

                step = mp.mpf(10) ** -60
                q = [mp.mpf(x) for x in at]
                assert np.isclose(value, float(of(q)), rtol=1e-10), (at, value)
                for i in range(len(q)):
                    up, down = (of([x + s * step * (i == j) for j, x in enumerate(q)]) for s in (1, -1))
                    assert np.isclose(slope[i], float((up - down) / (2 * step)), rtol=1e-9, atol=1e-9), (at, i)


def test_polya_gamma_far_out_is_the_exact_one():
    with pm.Model() as model:
        pm.PolyaGamma("x", 1.0, 0.0)
    f = model.logp_dlogp_function("numpy")
    found = []
    for at in AT:
        if at < 700.0:
            value, slope = f(np.array([at]))
            found += complaints("PolyaGamma", value, slope[0], truth(polya_gamma, positive, at), at, rtol=1e-9)
    assert not found, "\n".join(found)
    assert f(np.array([720.0]))[0] == -math.inf


Y = np.array([0.3, 1.2, 2.0])
START = pm.Normal.dist(0.0, 1.0)
GIVEN = {
    "Normal": lambda s: pm.Normal("y", 0.0, s, observed=Y - 1.2),
    "Normal, centred": lambda s: pm.Normal("y", 0.0, s, shape=2),
    "Normal, not centred": lambda s: pm.Normal("y", pm.Normal("z", 0.0, 1.0) * s, 1.0, observed=Y),
    "StudentT": lambda s: pm.StudentT("y", 3.0, 0.0, sigma=s, observed=Y),
    "Cauchy": lambda s: pm.Cauchy("y", 0.0, s, observed=Y),
    "Laplace": lambda s: pm.Laplace("y", 0.0, s, observed=Y),
    "Logistic": lambda s: pm.Logistic("y", 0.0, s, observed=Y),
    "Gumbel": lambda s: pm.Gumbel("y", 0.0, s, observed=Y),
    "Moyal": lambda s: pm.Moyal("y", 0.0, s, observed=Y),
    "AsymmetricLaplace": lambda s: pm.AsymmetricLaplace("y", kappa=s, mu=0.0, b=1.0, observed=Y),
    "SkewNormal": lambda s: pm.SkewNormal("y", mu=0.0, sigma=s, alpha=2.0, observed=Y),
    "Gamma, shape": lambda s: pm.Gamma("y", s, 1.0, observed=Y),
    "Gamma, rate": lambda s: pm.Gamma("y", 2.0, s, observed=Y),
    "Gamma, mean": lambda s: pm.Gamma("y", mu=s, sigma=1.0, observed=Y),
    "Gamma, deviation": lambda s: pm.Gamma("y", mu=1.0, sigma=s, observed=Y),
    "Weibull, shape": lambda s: pm.Weibull("y", s, 1.0, observed=Y),
    "Weibull, scale": lambda s: pm.Weibull("y", 2.0, s, observed=Y),
    "InverseGamma": lambda s: pm.InverseGamma("y", s, s, observed=Y),
    "LogNormal": lambda s: pm.LogNormal("y", 0.0, s, observed=Y),
    "HalfNormal": lambda s: pm.HalfNormal("y", s, observed=Y),
    "HalfCauchy": lambda s: pm.HalfCauchy("y", s, observed=Y),
    "Wald, mean": lambda s: pm.Wald("y", s, 1.0, observed=Y),
    "Wald, shape": lambda s: pm.Wald("y", 1.0, s, observed=Y),
    "Rice, scale": lambda s: pm.Rice("y", 1.0, s, observed=Y),
    "Rice, distance": lambda s: pm.Rice("y", s, 1.0, observed=Y),
    "VonMises": lambda s: pm.VonMises("y", 0.0, s, observed=Y),
    "Beta": lambda s: pm.Beta("y", s, 1.0, observed=Y / 3.0),
    "Beta, size": lambda s: pm.Beta("y", mu=0.3, nu=s, observed=Y / 3.0),
    "Kumaraswamy": lambda s: pm.Kumaraswamy("y", s, s, observed=Y / 3.0),
    "LogitNormal": lambda s: pm.LogitNormal("y", 0.0, s, observed=Y / 3.0),
    "Poisson": lambda s: pm.Poisson("y", s, observed=[0, 3, 5]),
    "ZeroInflatedPoisson": lambda s: pm.ZeroInflatedPoisson("y", 0.5, s, observed=[0, 3, 5]),
    "NegativeBinomial": lambda s: pm.NegativeBinomial("y", s, 2.0, observed=[0, 3, 5]),
    "NegativeBinomial, size": lambda s: pm.NegativeBinomial("y", 2.0, s, observed=[0, 3, 5]),
    "BetaBinomial": lambda s: pm.BetaBinomial("y", s, s, 6, observed=[2, 3]),
    "DirichletMultinomial": lambda s: pm.DirichletMultinomial("y", 6, pm.math.stack([s, s, s]), observed=[1, 2, 3]),
    "Dirichlet": lambda s: pm.Dirichlet("y", s * np.ones(3)),
    "TruncatedNormal": lambda s: pm.TruncatedNormal("y", 0.0, s, lower=0.1, upper=3.0, observed=Y),
    "TruncatedNormal, mean": lambda s: pm.TruncatedNormal("y", s, 1.0, lower=0.1, upper=3.0, observed=Y),
    "Censored": lambda s: pm.Censored("y", pm.Normal.dist(0.0, s), -1.0, 1.0, observed=[-1.0, 0.2, 1.0]),
    "Censored above": lambda s: pm.Censored("y", pm.Gamma.dist(2.0, s), None, 1.0, observed=[0.2, 1.0]),
    "Mixture": lambda s: pm.NormalMixture("y", [0.5, 0.5], [0.0, 1.0], s, observed=Y),
    "GaussianRandomWalk": lambda s: pm.GaussianRandomWalk("y", 0.0, s, init_dist=START, steps=2, observed=Y),
    "AR": lambda s: pm.AR("y", [0.5], s, init_dist=START, observed=Y),
    "Uniform, bound": lambda s: pm.Uniform("y", 0.0, s),
    "Uniform, bounds": lambda s: pm.Uniform("y", -s, s),
    "Pareto": lambda s: pm.Pareto("y", 2.0, s),
    "Categorical": lambda s: pm.Categorical("y", logit_p=pm.math.stack([s, 0.0, -s]), observed=1),
}


@pytest.mark.parametrize("name", GIVEN)
def test_what_depends_on_a_parameter_far_out_is_a_number_or_impossible(name):
    """Never NaN, never plus infinity; and no slope but a finite one."""
    with pm.Model() as model:
        GIVEN[name](pm.HalfCauchy("s", 1.0))
    f = model.logp_dlogp_function("numpy")
    others = model.flat_size - 1
    for at in AT:
        for other in (0.0, 1.5, -40.0):
            with np.errstate(all="ignore"):
                value, slope = f(np.array([at, *[other] * others]))
            assert value < math.inf and np.isfinite(slope).all(), (at, other, value, slope)


def test_truncated_normal_keeps_its_digits_at_any_mean_and_width():
    def log_mass(a, b):
        if a > 0:
            a, b = -b, -a
        return log_cdf(b) + mp.log1p(-mp.exp(log_cdf(a) - log_cdf(b)))

    for mu in (0.0, -3.0, 1.8, 30.0, 1e3, -1e6):
        for sigma in (1e-3, 0.5, 1.0, 10.0, 100.0, 1e4, 1e8):
            for lower, upper in ((-1.0, 2.5), (0.1, 3.0), (-5.0, 5.0)):
                found = float(pm.logp(pm.TruncatedNormal.dist(mu, sigma, lower=lower, upper=upper), 2.4).eval())
                with mp.workdps(400):
                    a, b = ((mp.mpf(x) - mp.mpf(mu)) / mp.mpf(sigma) for x in (lower, upper))
                    wanted = float(normal(mp.mpf(2.4), mp.mpf(mu), mp.mpf(sigma)) - log_mass(a, b))
                assert np.isclose(found, wanted, rtol=1e-12, atol=1e-12), (mu, sigma, lower, upper)


def test_single_precision_accepts_what_its_rounding_makes():
    """On JAX in float32: sums that are zero or one, and matrices that are symmetric, but for rounding."""
    cov = np.array([[2.0, 0.5], [0.5, 1.0]])
    models = {
        "ZeroSumNormal": lambda: pm.ZeroSumNormal("x", 1e3, shape=(20, 30), n_zerosum_axes=2),
        "Dirichlet": lambda: pm.Categorical("y", p=pm.Dirichlet("w", np.ones(200)), observed=[3]),
        "StickBreakingWeights": lambda: pm.StickBreakingWeights("x", 2.0, 30),
        "MvNormal": lambda: pm.MvNormal("x", np.zeros(2), cov=cov * pm.HalfNormal("s")),
        "LKJCholeskyCov": lambda: pm.LKJCholeskyCov("x", eta=2.0, n=3, sd_dist=pm.Exponential.dist(1.0)),
        "CAR": lambda: pm.CAR("x", np.zeros(2), np.array([[0.0, 0.1], [0.1, 0.0]]), 0.3, pm.HalfNormal("s")),
    }
    rng = np.random.default_rng(0)
    for name, make in models.items():
        with pm.Model() as model:
            make()
        graph = model.logp_grad_graph()
        wide = pm.function(graph.params, list(graph.results), backend="numpy")
        narrow = pm.function(graph.params, list(graph.results), backend="jax", precision="float32")
        for _ in range(5):
            q = rng.normal(size=model.flat_size) * 1.5
            value, slope = narrow(q.astype(np.float32))
            assert np.isfinite(slope).all() and np.isclose(value, wide(q)[0], rtol=2e-5), name


def test_values_that_do_not_sum_to_zero_have_no_density():
    assert pm.logp(pm.ZeroSumNormal.dist(1.0, shape=3), np.array([0.5, 0.5, -0.999])).eval() == -math.inf
