"""Densities with large parameters and counts, whose terms cancel: values and slopes against mpmath with 80 digits.

Each formula is the textbook one, by mpmath's loggamma; slopes are central differences with a step of 1e-30 of the parameter.
"""

import mpmath as mp
import numpy as np
import pytest

import workbench as pm
import workbench.tensor as pt
from workbench.transforms import grad

L = mp.loggamma


def choose(n, k):
    return L(n + 1) - L(k + 1) - L(n - k + 1)


def beta_binomial(x, a, b, n):
    return choose(n, x) + mp.log(mp.beta(1, 1)) + (L(x + a) + L(n - x + b) - L(n + a + b)) - (L(a) + L(b) - L(a + b))


def dirichlet_multinomial(x, n, *a):
    total = sum(a)
    return L(n + 1) + L(total) - L(n + total) + sum(L(k + b) - L(k + 1) - L(b) for k, b in zip(x, a))


def multinomial(x, n, *p):
    return L(n + 1) + sum(k * mp.log(q) - L(k + 1) for k, q in zip(x, p))


def binomial(x, n, p):
    return choose(n, x) + x * mp.log(p) + (n - x) * mp.log1p(-p)


def poisson(x, mu):
    return x * mp.log(mu) - mu - L(x + 1)


def negative_binomial(x, mu, a):
    return L(x + a) - L(x + 1) - L(a) + a * mp.log(a / (mu + a)) + x * mp.log(mu / (mu + a))


def hypergeometric(x, total, good, drawn):
    return choose(good, x) + choose(total - good, drawn - x) - choose(total, drawn)


def beta(x, a, b):
    return (a - 1) * mp.log(x) + (b - 1) * mp.log1p(-x) - L(a) - L(b) + L(a + b)


def gamma(x, a, b):
    return a * mp.log(b) - L(a) + (a - 1) * mp.log(x) - b * x


def skellam(x, a, b):
    return -a - b + x / 2 * mp.log(a / b) + mp.log(mp.besseli(abs(x), 2 * mp.sqrt(a * b), maxterms=10**6))


def generalized_poisson(x, mu, lam):
    return mp.log(mu) + (x - 1) * mp.log(mu + lam * x) - mu - lam * x - L(x + 1)


def beta_negative_binomial(x, a, b, r):
    return L(r + x) - L(r) - L(x + 1) + L(a + r) + L(b + x) - L(a + b + r + x) - L(a) - L(b) + L(a + b)


def student_t(x, nu, sigma):
    z = x / sigma
    return L((nu + 1) / 2) - L(nu / 2) - mp.log(nu * mp.pi) / 2 - mp.log(sigma) - (nu + 1) / 2 * mp.log1p(z * z / nu)


# distribution, formula, value, parameters, those with slopes
CASES = [
    *((pm.BetaBinomial, beta_binomial, k, (a, b, n), (0, 1)) for k, a, b, n in (
        (3, 1e10, 2e10, 9), (0, 1e12, 1.1e12, 5), (5, 1e12, 3e11, 5), (3.3e9, 1e10, 2e10, 1.01e10), (4e8, 1.2, 0.7, 1e9), (1e9, 0.55, 1e11, 1e12),
        (2, 1e-3, 1e9, 7), (3, 2.5, 1.5, 8), (0, 0.3, 0.4, 0), (17, 12.0, 11.0, 40), (5e11, 1e12, 1.01e12, 1.02e12))),
    *((pm.DirichletMultinomial, dirichlet_multinomial, x, (sum(x), a), ()) for x, a in (
        ((1, 2, 3), (1e10, 2e10, 5e10)), ((0, 2, 0), (1e12, 1e11, 1.0)), ((3e8, 5e8, 0), (1.5, 0.7, 2.0)), ((3e9, 5e9, 1e9), (1e10, 2e10, 1e9)), ((4, 0, 1), (0.5, 1.5, 2.5)))),
    *((pm.Multinomial, multinomial, x, (sum(x), p), ()) for x, p in (((3e8, 5e8, 2e8), (0.3, 0.5, 0.2)), ((1e10, 0, 1e10), (0.5, 2.0**-40, 0.5 - 2.0**-40)))),
    *((pm.Binomial, binomial, k, (n, p), (1,)) for k, n, p in ((3e8, 1e9, 0.3001), (3.0001e11, 1e12, 0.3), (0, 1e9, 1e-9), (1e9, 1e9, 0.9999), (7, 1e12, 1e-11))),
    *((pm.Poisson, poisson, k, (mu,), (0,)) for k, mu in ((1e9, 1e9 + 1.0), (1.0001e9, 1e9), (1e12, 1e12 + 3e6), (0, 1e6), (3, 2e5))),
    *((pm.NegativeBinomial, negative_binomial, k, (mu, a), (0, 1)) for k, mu, a in ((1e9, 1.1e9, 3.3), (5, 4.4, 1e10), (5, 4.4, 1e12), (1e10, 1.01e10, 1e12), (0, 1e7, 0.2))),
    *((pm.Skellam, skellam, k, (a, b), (0, 1)) for k, a, b in ((1001, 3000.3, 2100.7), (-3, 2e5, 1.1e-3), (0, 14.3, 11.2), (-200, 1e-8, 30.7), (24, 2.3, 1.1), (7, 90.7, 100.3))),
    *((pm.GeneralizedPoisson, generalized_poisson, k, (mu, lam), (0, 1)) for k, mu, lam in ((1e9, 0.7501e9, 0.2501), (5, 4.3, -0.7), (3e4, 2.3, 0.999), (0, 1.1e-5, 0.53))),
    *((pm.BetaNegativeBinomial, beta_negative_binomial, k, p, (0, 1, 2)) for k, p in ((1e9, (1.1e9, 2.2e9, 5.2e8)), (3, (1.1e10, 2.1e9, 7.3)), (0, (0.31, 0.23, 1.1e-3)), (1e7, (1.57, 0.73, 2.53)))),
    *((pm.HyperGeometric, hypergeometric, k, (t, g, d), ()) for k, t, g, d in ((30, 1e10, 3e9, 100), (3e8, 1e10, 3e9, 1e9), (0, 1e9, 5, 1e8), (2, 20, 7, 12), (0, 1e9, 5, 0))),
    *((pm.Beta, beta, x, (a, b), (0, 1)) for x, a, b in ((1 / 3, 1e10, 2e10), (0.4999999, 1e12, 1.0000001e12), (0.500001, 1e12, 1.000001e12), (1e-9, 10.0, 1e10))),
    *((pm.Gamma, gamma, x, (a, b), (0, 1)) for x, a, b in ((1.0, 1e10, 1.00001e10), (2.000001, 2e12, 1e12), (5e7, 1e8, 2.0))),
    *((pm.StudentT, student_t, x, (nu, 0.0, s), ()) for x, nu, s in ((3.0, 1e8, 1.0), (40.0, 1e10, 2.0), (3.0, 1e12, 1.0), (1e5, 1e12, 0.5), (2.0, 1e15, 1.0))),
]  # fmt: skip


# Equal numbers are one constant, of which there is one slope: all that are asked for are different.


def flat(parameters):
    return [x for p in parameters for x in (p if isinstance(p, tuple) else (p,))]


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c[0].__name__} {c[2]} {c[3]}")
@pytest.mark.parametrize("backend", ["numpy", "c"])
def test_large_numbers_keep_ten_digits(case, backend):
    distribution, formula, value, parameters, sloped = case
    given = [p for p in parameters if p != 0.0] if distribution is pm.StudentT else list(parameters)
    with mp.workdps(80):
        at = [mp.mpf(x) for x in flat(given)]
        x = tuple(map(mp.mpf, value)) if isinstance(value, tuple) else mp.mpf(value)
        wanted = float(formula(x, *at))
        slopes = {}
        for i in sloped:
            up, down = (formula(x, *[a * (1 + s * mp.mpf(10) ** -30) if j == i else a for j, a in enumerate(at)]) for s in (1, -1))
            slopes[i] = float((up - down) / (2 * at[i] * mp.mpf(10) ** -30))
    inputs = [pt.constant(np.array(p, float)) for p in parameters]
    if distribution is pm.StudentT:
        rv = pm.StudentT.dist(inputs[0], 0.0, sigma=inputs[2])
    else:
        rv = distribution.dist(*inputs)
    density = pm.logp(rv, np.array(value, float))
    places = [inputs[i] for i in sloped]
    f = pm.function([], [density, *grad(density, places)] if places else [density], backend=backend)
    found = f()
    assert np.isclose(found[0], wanted, rtol=1e-10, atol=1e-10), (found[0], wanted)
    for i, slope in zip(sloped, found[1:]):
        # A slope is a difference of logarithms: it has the rounding of one of them.
        assert np.isclose(slope, slopes[i], rtol=1e-8, atol=3e-15 * max(1.0, abs(wanted / float(at[i])))), (i, slope, slopes[i])


def test_variable_concentrations_keep_their_digits():
    """Of the same distributions where parameters are known only at the call."""
    a, b = pt.scalar("a"), pt.scalar("b")
    f = pm.function([a, b], pm.logp(pm.BetaBinomial.dist(a, b, 9), 3), backend="c")
    v = pt.vector("v", 3)
    g = pm.function([v], pm.logp(pm.DirichletMultinomial.dist(6, v), [1, 2, 3]), backend="c")
    with mp.workdps(80):
        for size in (1e-6, 0.3, 1.0, 9.99, 10.01, 200.0, 1e5, 1e10, 1e12):
            assert np.isclose(f(size, 2 * size), float(beta_binomial(mp.mpf(3), mp.mpf(size), mp.mpf(2 * size), mp.mpf(9))), rtol=1e-12)
            at = [mp.mpf(x * size) for x in (1, 2, 5)]
            assert np.isclose(g(size * np.array([1.0, 2.0, 5.0])), float(dirichlet_multinomial((1, 2, 3), mp.mpf(6), *at)), rtol=1e-12)
