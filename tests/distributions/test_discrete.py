import warnings

import mpmath
import numpy as np
import pytest
import scipy.stats as st
from scipy.special import expit, gammaln, log_softmax, roots_jacobi

import workbench as pm
import workbench.tensor as pt
from workbench.compile import function
from workbench.distributions import (
    Bernoulli,
    BetaBinomial,
    BetaNegativeBinomial,
    Binomial,
    Categorical,
    DiscreteUniform,
    DiscreteWeibull,
    GeneralizedPoisson,
    Geometric,
    HurdleGamma,
    HurdleLogNormal,
    HurdleNegativeBinomial,
    HurdlePoisson,
    HyperGeometric,
    NegativeBinomial,
    OrderedLogistic,
    OrderedMultinomial,
    OrderedProbit,
    Poisson,
    Skellam,
    ZeroInflatedBinomial,
    ZeroInflatedNegativeBinomial,
    ZeroInflatedPoisson,
    draw_rules,
    set_key,
)  # fmt: skip
from workbench.errors import ModelError, ParameterValueError, ShapeError
from workbench.graph import Pass
from workbench.transforms import grad
from workbench.transforms.logprob import icdf, logcdf, logp


class Table:
    """A distribution on 0, 1, ... given by its probabilities."""

    def __init__(self, p):
        self.p = np.asarray(p, float)

    def pmf(self, x):
        return np.array([self.p[int(k)] if 0 <= k < len(self.p) else 0.0 for k in np.atleast_1d(x)])

    def logpmf(self, x):
        return np.log(self.pmf(x))

    def logcdf(self, x):
        return np.log(np.array([self.p[: max(int(k) + 1, 0)].sum() for k in np.atleast_1d(x)]))


class AtZero:
    """Zero with probability 1 - psi; else as `inside`, without its zeros if `hurdle`."""

    def __init__(self, psi, inside, hurdle=False):
        self.psi, self.inside, self.hurdle = psi, inside, hurdle

    def pmf(self, x):
        x = np.atleast_1d(x)
        inside = self.inside.pmf(x) if hasattr(self.inside, "pmf") else self.inside.pdf(x)
        if self.hurdle:
            inside = np.where(x > 0, inside, 0.0) / self.inside.sf(0)
        return (1 - self.psi) * (x == 0) + self.psi * inside

    def logpmf(self, x):
        return np.log(self.pmf(x))

    def logcdf(self, x):
        x = np.atleast_1d(x)
        inside = self.inside.cdf(x)
        if self.hurdle:
            inside = np.clip(inside - self.inside.cdf(0), 0.0, None) / self.inside.sf(0)
        return np.log(np.where(x < 0, 0.0, (1 - self.psi) + self.psi * inside))


NUMBERS = np.arange(4000.0)


def generalized_poisson(mu, lam):
    """Its probabilities, cut off where the rate is not positive."""
    rate = mu + lam * NUMBERS
    safe = np.where(rate > 0, rate, 1.0)
    return Table(np.where(rate > 0, np.exp(np.log(mu) + (NUMBERS - 1) * np.log(safe) - safe - gammaln(NUMBERS + 1)), 0.0))


def beta_negative_binomial(alpha, beta, r):
    """By the mixture: negative binomial probabilities, weighted by the beta density of their parameter."""
    p, w = roots_jacobi(200, beta - 1, alpha - 1)
    p = (p + 1) / 2
    return Table(np.array([w @ st.nbinom(r, p).pmf(k) for k in range(400)]) / w.sum())


WEIBULL = Table(0.9 ** (np.arange(4000) ** 0.6) - 0.9 ** ((np.arange(4000) + 1) ** 0.6))
CUTS = np.array([-1.0, 0.5, 2.0])
CASES = [
    (Bernoulli, {"p": 0.3}, st.bernoulli(0.3)),
    (Bernoulli, {"logit_p": 1.3}, st.bernoulli(expit(1.3))),
    (Binomial, {"n": 5.0, "p": 0.3}, st.binom(5, 0.3)),
    (Binomial, {"n": 40.0, "logit_p": 0.8}, st.binom(40, expit(0.8))),
    (BetaBinomial, {"n": 6.0, "alpha": 1.2, "beta": 0.7}, st.betabinom(6, 1.2, 0.7)),
    (Poisson, {"mu": 2.3}, st.poisson(2.3)),
    (Poisson, {"mu": 61.0}, st.poisson(61.0)),
    (NegativeBinomial, {"mu": 2.3, "alpha": 1.7}, st.nbinom(1.7, 1.7 / 4.0)),
    (NegativeBinomial, {"n": 3.0, "p": 0.4}, st.nbinom(3.0, 0.4)),
    (Geometric, {"p": 0.3}, st.geom(0.3)),
    (HyperGeometric, {"N": 20.0, "k": 7.0, "n": 12.0}, st.hypergeom(20, 7, 12)),
    (HyperGeometric, {"N": 20.0, "k": 17.0, "n": 12.0}, st.hypergeom(20, 17, 12)),
    (DiscreteUniform, {"lower": -2.0, "upper": 4.0}, st.randint(-2, 5)),
    (DiscreteWeibull, {"q": 0.9, "beta": 0.6}, WEIBULL),
    (Categorical, {"p": np.array([0.1, 0.5, 0.4])}, Table([0.1, 0.5, 0.4])),
    (Categorical, {"logit_p": np.array([0.1, 0.5, -1.4])}, Table(np.exp(log_softmax([0.1, 0.5, -1.4])))),
    (OrderedLogistic, {"eta": 0.3, "cutpoints": CUTS}, Table(np.diff([0.0, *expit(CUTS - 0.3), 1.0]))),
    (OrderedProbit, {"eta": 0.3, "cutpoints": CUTS, "sigma": 1.3}, Table(np.diff([0.0, *st.norm.cdf((CUTS - 0.3) / 1.3), 1.0]))),
    (ZeroInflatedPoisson, {"psi": 0.3, "mu": 2.1}, AtZero(0.3, st.poisson(2.1))),
    (ZeroInflatedBinomial, {"psi": 0.7, "n": 5.0, "p": 0.4}, AtZero(0.7, st.binom(5, 0.4))),
    (ZeroInflatedNegativeBinomial, {"psi": 0.7, "mu": 2.1, "alpha": 1.3}, AtZero(0.7, st.nbinom(1.3, 1.3 / 3.4))),
    (HurdlePoisson, {"psi": 0.7, "mu": 2.1}, AtZero(0.7, st.poisson(2.1), hurdle=True)),
    (HurdlePoisson, {"psi": 0.7, "mu": 0.05}, AtZero(0.7, st.poisson(0.05), hurdle=True)),
    (HurdleNegativeBinomial, {"psi": 0.7, "mu": 2.1, "alpha": 1.3}, AtZero(0.7, st.nbinom(1.3, 1.3 / 3.4), hurdle=True)),
    (HurdleNegativeBinomial, {"psi": 0.7, "mu": 0.2, "alpha": 0.3}, AtZero(0.7, st.nbinom(0.3, 0.6), hurdle=True)),
    (Skellam, {"mu1": 5.3, "mu2": 2.1}, st.skellam(5.3, 2.1)),
    (Skellam, {"mu1": 40.0, "mu2": 31.0}, st.skellam(40.0, 31.0)),
    (GeneralizedPoisson, {"mu": 4.0, "lam": 0.3}, generalized_poisson(4.0, 0.3)),
    (GeneralizedPoisson, {"mu": 4.0, "lam": -0.15}, generalized_poisson(4.0, -0.15)),
    (BetaNegativeBinomial, {"alpha": 30.0, "beta": 21.0, "r": 4.5}, beta_negative_binomial(30.0, 21.0, 4.5)),
]
IDS = [f"{c.__name__}-{'-'.join(p)}" for c, p, _ in CASES]
POINTS = np.array([-3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7, 12, 13, 40, 70])
# Our sums of terms and SciPy's differences of tails agree to fewer digits in the middle of the incomplete functions.
CLOSE = {"rtol": 1e-11, "atol": 1e-14}


def wanted(frozen):
    with np.errstate(divide="ignore"):
        return frozen.logpmf(POINTS), frozen.logcdf(POINTS)


@pytest.mark.parametrize("cls, parameters, frozen", CASES, ids=IDS)
def test_logp_and_logcdf_agree_with_scipy_everywhere(cls, parameters, frozen):
    x = pt.tensor("x", "int64", POINTS.shape)
    rv = cls.dist(**parameters, shape=POINTS.shape)
    mass, below = function([x], [logp(rv, x), logcdf(rv, x)], backend="numpy")(POINTS)
    for got, should in zip((mass, below), wanted(frozen)):
        np.testing.assert_allclose(got, should, **CLOSE)


MADE_OF_OTHERS = (BetaNegativeBinomial, GeneralizedPoisson, Skellam)
"""Long to compile, of the same parts as others: their sums by C, not by Numba, and their draws by NumPy."""


def test_logp_and_logcdf_are_the_same_on_every_backend(backend):
    x = pt.tensor("x", "int64", POINTS.shape)
    cases = [c for c in CASES if backend in ("numpy", "c") or c[0] not in MADE_OF_OTHERS]
    rvs = [cls.dist(**parameters, shape=POINTS.shape) for cls, parameters, _ in cases]
    run = function([x], [f(rv, x) for rv in rvs for f in (logp, logcdf)], backend=backend)
    for k, (got, (cls, _, frozen)) in enumerate(zip(run(POINTS), [c for c in cases for _ in range(2)])):
        # JAX's own incomplete beta and gamma functions are good to about 1e-11.
        close = {"rtol": 1e-9, "atol": 1e-12} if backend == "jax" else CLOSE
        np.testing.assert_allclose(got, wanted(frozen)[k % 2], err_msg=cls.__name__, **close)


WHOLE = ("N", "k", "n", "lower", "upper")


@pytest.mark.parametrize("cls, parameters, frozen", CASES, ids=IDS)
def test_gradients_of_logp_agree_with_differences(cls, parameters, frozen):
    inside = np.array([k for k in POINTS if frozen.pmf(k) > 1e-12])
    given = {name: np.asarray(v, float) for name, v in parameters.items() if name not in WHOLE or cls is NegativeBinomial}
    fixed = {name: v for name, v in parameters.items() if name not in given}
    inputs = [pt.tensor(name, "float64", v.shape) for name, v in given.items()]
    if cls is Categorical and "p" in given:
        pytest.skip("probabilities that must sum to 1 cannot be moved one by one")
    if not inputs:
        pytest.skip("no real parameter")
    rv = cls.dist(**dict(zip(given, inputs)), **fixed, shape=inside.shape)
    total = logp(rv, inside).sum()
    run = function(inputs, [total, *grad(total, inputs)], backend="numpy")
    start = list(given.values())
    _, *slopes = run(*start)
    for i, slope in enumerate(slopes):
        for at in np.ndindex(start[i].shape):
            step = np.zeros(start[i].shape)
            step[at] = 1e-6
            up, down = ([v + s * step if j == i else v for j, v in enumerate(start)] for s in (1, -1))
            difference = (run(*up)[0] - run(*down)[0]) / 2e-6
            assert np.isclose(slope[at], difference, rtol=1e-6, atol=1e-6), (list(given)[i], at)


COUNT = 4000


def counts_fit(draws, frozen):
    """P-value of a chi-square test, rare values put together."""
    values = np.arange(draws.min() - 1, draws.max() + 2)
    expected = frozen.pmf(values) * len(draws)
    rare = expected < 5
    observed = np.array([(draws == v).sum() for v in values])
    pooled_seen, pooled_wanted = observed[rare].sum(), len(draws) - expected[~rare].sum()
    seen, should = observed[~rare], expected[~rare]
    if pooled_wanted > 1.0:
        seen, should = np.append(seen, pooled_seen), np.append(should, pooled_wanted)
    else:
        assert pooled_seen <= 10
        should = should * seen.sum() / should.sum()
    return st.chisquare(seen, should * seen.sum() / should.sum()).pvalue if len(seen) > 1 else 1.0


@pytest.fixture(scope="module")
def numpy_draws():
    return all_draws("numpy", CASES)


def all_draws(backend, cases):
    rvs = []
    for i, (cls, parameters, _) in enumerate(cases):
        rv = cls.dist(**parameters, shape=(COUNT,))
        set_key(rv, 100 + i)
        rvs.append(rv)
    drawn, _ = Pass("draw", draw_rules).run(rvs)
    return function([], list(drawn), backend=backend)()


def test_draws_follow_the_distribution(numpy_draws):
    for (cls, parameters, frozen), draws in zip(CASES, numpy_draws):
        assert draws.dtype == np.int64
        assert np.isfinite(wanted_mass(frozen, draws)).all(), f"{cls.__name__} draws outside its support"
        # 30 tests at fixed keys: the least of as many p-values is below 0.001 once in 33 times.
        assert counts_fit(draws, frozen) > 0.001, (cls.__name__, parameters)


def wanted_mass(frozen, draws):
    with np.errstate(divide="ignore"):
        return frozen.logpmf(draws)


SLOW_TO_COMPILE = (BetaBinomial, NegativeBinomial, ZeroInflatedBinomial, ZeroInflatedNegativeBinomial, HurdleNegativeBinomial)


def test_draws_are_the_same_on_every_backend(backend):
    # Numba takes minutes for the loops of many samplers; those left out there are put together of the same parts.
    cases = [c for c in CASES if c[0] not in MADE_OF_OTHERS and (backend == "c" or c[0] not in SLOW_TO_COMPILE)]
    for (cls, _, _), ours, reference in zip(cases, all_draws(backend, cases), all_draws("numpy", cases)):
        # A comparison with a uniform number may fall to the other side where logarithms differ in the last digit.
        assert (ours != reference).mean() < 1e-3, cls.__name__


def test_hurdles_before_continuous_distributions():
    at = np.array([-1.0, 0.0, 0.5, 3.0])
    for rv, frozen in (
        (HurdleGamma.dist(0.3, alpha=2.1, beta=1.3, shape=4), st.gamma(2.1, scale=1 / 1.3)),
        (HurdleLogNormal.dist(0.3, mu=0.1, sigma=1.3, shape=4), st.lognorm(1.3, scale=np.exp(0.1))),
    ):
        with np.errstate(divide="ignore"):
            should = np.where(at == 0, np.log(0.7), np.where(at > 0, np.log(0.3) + frozen.logpdf(at), -np.inf))
            below = np.log(np.where(at < 0, 0.0, 0.7 + 0.3 * frozen.cdf(at)))
        np.testing.assert_allclose(logp(rv, at).eval(), should, rtol=1e-12)
        np.testing.assert_allclose(logcdf(rv, at).eval(), below, rtol=1e-12)
    rv = HurdleGamma.dist(0.3, alpha=2.1, beta=1.3, shape=COUNT)
    set_key(rv, 5)
    draws = rv.eval()
    assert st.binomtest(int((draws > 0).sum()), COUNT, 0.3).pvalue > 0.01
    assert st.kstest(draws[draws > 0], st.gamma(2.1, scale=1 / 1.3).cdf).pvalue > 0.01


@pytest.mark.parametrize(
    "rv, frozen", [(Geometric.dist(0.3), st.geom(0.3)), (DiscreteUniform.dist(1, 4), st.randint(1, 5)), (Bernoulli.dist(0.3), st.bernoulli(0.3))]
)
def test_quantiles_agree_with_scipy(rv, frozen):
    edges = frozen.cdf(np.arange(1, 4))
    for q in (*edges, *(edges - 1e-9), 1e-3, 0.2, 0.69, 0.95):
        assert float(icdf(rv, q).eval()) == frozen.ppf(q)
    assert np.isnan(float(icdf(rv, 1.5).eval()))


def test_the_quantiles_of_a_discrete_weibull_invert_its_distribution_function():
    rv = DiscreteWeibull.dist(0.9, 0.6)
    for k in range(8):
        below = np.exp(float(logcdf(rv, k).eval()))
        assert float(icdf(rv, below - 1e-9).eval()) == k


@pytest.mark.parametrize("logit", [-700.0, -50.0, 40.0, 800.0])
def test_log_odds_are_exact_in_the_tails(logit, backend):
    x = pt.scalar("x")
    terms = [logp(Bernoulli.dist(logit_p=x), k) for k in (0, 1)] + [logp(Binomial.dist(3, logit_p=x), k) for k in (0, 3)]
    values = function([x], terms, backend=backend)(logit)
    no, yes = (float(-mpmath.log1p(mpmath.exp(mpmath.mpf(s) * logit))) for s in (1, -1))
    np.testing.assert_allclose(values, [no, yes, 3 * no, 3 * yes], rtol=1e-14)
    slope = function([x], grad(terms[1], x), backend=backend)(logit)
    np.testing.assert_allclose(slope, float(1 / (1 + mpmath.exp(mpmath.mpf(logit)))), rtol=1e-14)


def test_ordered_categories_are_exact_in_the_tails():
    p = OrderedLogistic.dist(eta=-60.0, cutpoints=[-1.0, 1.0]).inputs[1].eval()
    with mpmath.workdps(60):
        should = float(1 / (1 + mpmath.exp(-61)) - 1 / (1 + mpmath.exp(-59)))
        probit = float(mpmath.ncdf(-11) - mpmath.ncdf(-12))
    assert np.isclose(p[1], should, rtol=1e-13)
    p = OrderedProbit.dist(eta=-10.0, cutpoints=[1.0, 2.0]).inputs[1].eval()
    assert np.isclose(p[1], probit, rtol=1e-13)


@pytest.mark.parametrize("cls, log_below", [
    (OrderedLogistic, lambda x: -mpmath.log1p(mpmath.exp(-x))), (OrderedProbit, lambda x: mpmath.log(mpmath.erfc(-x / mpmath.sqrt(2)) / 2)),
])  # fmt: skip
@pytest.mark.parametrize("eta", [-60.0, 0.3, 60.0, 900.0])
def test_ordered_categories_can_be_left_from_however_far(cls, log_below, eta, backend):
    if backend in ("numba", "jax") and eta != 900.0:
        pytest.skip("one far point tells")
    e, c = pt.scalar("e"), pt.vector("c", 2)
    mass = logp(cls.dist(e, c, shape=3), [0, 1, 2])
    found, *slopes = function([e, c], [mass, *grad(mass.sum(), [e, c])], backend=backend)(eta, [-1.0, 1.0])
    with mpmath.workdps(50):
        # The side on which the logarithms are far from 0.
        sign = 1 if eta > 0 else -1
        far, near = sorted(log_below(sign * (k - mpmath.mpf(eta))) for k in (-1, 1))
        should = [far, near + mpmath.log1p(-mpmath.exp(far - near)), mpmath.log1p(-mpmath.exp(near))][::sign]
    np.testing.assert_allclose(found, [float(v) for v in should], rtol=1e-12, atol=1e-14)
    assert all(np.isfinite(slope).all() for slope in slopes)
    counts = logp(OrderedMultinomial.dist(e, c, 6), [1, 2, 3])
    if cls is OrderedLogistic:
        assert np.isfinite(function([e, c], [counts, *grad(counts, [e, c])], backend=backend)(eta, [-1.0, 1.0])[1])


def test_probabilities_of_many_trials_keep_their_digits():
    with mpmath.workdps(60):
        n, k, p = mpmath.mpf(10**9), mpmath.mpf(3), mpmath.mpf(2.0**-30)
        exact = mpmath.log(mpmath.binomial(n, k)) + k * mpmath.log(p) + (n - k) * mpmath.log1p(-p)
        alpha, mu = mpmath.mpf(1e12), mpmath.mpf(3)
        negative = mpmath.loggamma(5 + alpha) - mpmath.loggamma(alpha) - mpmath.loggamma(6)
        negative += 5 * mpmath.log(mu / (mu + alpha)) + alpha * mpmath.log(alpha / (mu + alpha))
    assert np.isclose(float(logp(Binomial.dist(1e9, 2.0**-30), 3).eval()), float(exact), rtol=1e-13)
    assert np.isclose(float(logp(NegativeBinomial.dist(3.0, 1e12), 5).eval()), float(negative), rtol=1e-13)


@pytest.mark.parametrize(
    "rv, values, masses",
    [
        (Binomial.dist(5, 0.0), [0, 1], [0.0, -np.inf]),
        (Binomial.dist(5, 1.0), [5, 4], [0.0, -np.inf]),
        (Binomial.dist(0, 0.5), [0, 1], [0.0, -np.inf]),
        (Poisson.dist(0.0), [0, 1], [0.0, -np.inf]),
        (Geometric.dist(1.0), [1, 2], [0.0, -np.inf]),
        (Bernoulli.dist(1.0), [1, 0], [0.0, -np.inf]),
        (ZeroInflatedPoisson.dist(0.0, 3.0), [0, 1], [0.0, -np.inf]),
        (HurdlePoisson.dist(0.0, 3.0), [0, 1], [0.0, -np.inf]),
        (Categorical.dist([0.0, 1.0]), [1, 0], [0.0, -np.inf]),
        (HyperGeometric.dist(5, 5, 3), [3, 2], [0.0, -np.inf]),
        (DiscreteUniform.dist(2, 2), [2, 3], [0.0, -np.inf]),
    ],
)
def test_what_is_certain_has_probability_one(rv, values, masses):
    assert [float(logp(rv, v).eval()) for v in values] == masses
    assert int(rv.eval()) == values[0]


def test_gradients_are_finite_where_a_probability_is_zero_or_one():
    p = pt.scalar("p")
    for at, k in ((0.0, 0), (1.0, 5)):
        assert np.isclose(float(grad(logp(Binomial.dist(5, p), k), p).eval({"p": at})), -5.0 if at == 0.0 else 5.0)


@pytest.mark.parametrize("cls, parameters, frozen", CASES, ids=IDS)
def test_values_that_are_no_numbers_or_infinite_have_no_mass(cls, parameters, frozen):
    values = np.array([np.nan, np.inf, -np.inf])
    mass = logp(cls.dist(**parameters, shape=3), values).eval()
    assert not (mass > -np.inf).any()


def test_shapes_batches_and_nothing():
    assert Binomial.dist([3, 4], [[0.1], [0.2], [0.3]]).type.shape == (3, 2)
    assert Categorical.dist(np.full((4, 2, 3), 1 / 3)).type.shape == (4, 2)
    assert OrderedLogistic.dist(np.zeros(5), CUTS).type.shape == (5,)
    assert Categorical.dist(np.full(3, 1 / 3), shape=(7,)).eval().shape == (7,)
    p = np.array([[0.2, 0.8], [0.5, 0.5], [1.0, 0.0]])
    with np.errstate(divide="ignore"):
        np.testing.assert_allclose(logp(Categorical.dist(p), [0, 1, 1]).eval(), np.log([0.2, 0.5, 0.0]))
        np.testing.assert_allclose(logp(Categorical.dist(p, shape=(2, 3)), [[0, 1, 1], [1, 0, 0]]).eval(), np.log([[0.2, 0.5, 0.0], [0.8, 0.5, 1.0]]))
    for rv in (Poisson.dist(2.0, shape=(0,)), HyperGeometric.dist(5, 2, 3, shape=(2, 0))):
        assert rv.eval().shape == rv.type.shape
        assert logp(rv, np.zeros(rv.type.shape, int)).eval().shape == rv.type.shape


BAD = [
    (lambda: Bernoulli.dist(1.5), r"p must be between 0 and 1, got p = 1\.5"),
    (lambda: Bernoulli.dist(), "give either p or logit_p"),
    (lambda: Bernoulli.dist(0.5, logit_p=0.0), "give either p or logit_p, not both"),
    (lambda: Binomial.dist(-1, 0.5), "n must be zero or positive"),
    (lambda: Poisson.dist([1.0, -2.0]), "mu must be zero or positive"),
    (lambda: Poisson.dist(np.nan), "mu is NaN"),
    (lambda: NegativeBinomial.dist(mu=1.0, alpha=0.0), "alpha must be positive"),
    (lambda: NegativeBinomial.dist(mu=1.0), "give either alpha or n"),
    (lambda: NegativeBinomial.dist(mu=1.0, alpha=1.0, p=0.5), "give either mu or p, not both"),
    (lambda: Geometric.dist(0.0), "p must be greater than 0"),
    (lambda: HyperGeometric.dist(5, 6, 2), "k must be at most N"),
    (lambda: DiscreteUniform.dist(3, 2), "lower must not be greater than upper"),
    (lambda: Skellam.dist(-1.0, 1.0), "mu1 must be zero or positive"),
    (lambda: GeneralizedPoisson.dist(2.0, -0.6), "lam must be between max"),
    (lambda: GeneralizedPoisson.dist(2.0, 1.1), "lam must be between max"),
    (lambda: BetaNegativeBinomial.dist(1.0, 1.0, 0.0), "r must be positive"),
    (lambda: DiscreteWeibull.dist(1.0, 1.0), "q must be between 0 and 1, both excluded"),
    (lambda: Categorical.dist([0.5, -0.1]), "must not be negative"),
    (lambda: Categorical.dist(0.5), "its last axis runs over the categories"),
    (lambda: OrderedLogistic.dist(0.0, [1.0, -1.0]), "a vector of probabilities"),
    (lambda: OrderedProbit.dist(0.0, [1.0, 2.0], sigma=0.0), "sigma must be positive"),
    (lambda: ZeroInflatedPoisson.dist(1.5, 2.0), "psi must be between 0 and 1"),
    (lambda: HurdlePoisson.dist(0.5, -2.0), "mu must be zero or positive"),
]


@pytest.mark.parametrize("call, words", BAD)
def test_a_bad_constant_parameter_is_an_error_that_names_it(call, words):
    with pytest.raises((ModelError, ShapeError), match=words):
        call()


def test_a_bad_parameter_is_an_error_when_evaluated_and_minus_infinity_when_sampled(backend):
    mu = pt.vector("mu", 2)
    density = logp(ZeroInflatedPoisson.dist(0.5, mu), 1)
    with pytest.raises(ParameterValueError, match="mu must be zero or positive"):
        density.eval({"mu": [1.0, -1.0]})
    value = function([mu], density, backend=backend)([1.0, -1.0])
    assert np.isfinite(value[0]) and value[1] == -np.inf


def test_constant_probabilities_of_another_sum_are_scaled_with_a_warning():
    with pytest.warns(UserWarning, match="have the sum"):
        rv = Categorical.dist([1.0, 3.0])
    assert np.isclose(float(logp(rv, 1).eval()), np.log(0.75))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Categorical.dist([0.25, 0.75])


# PyMC 5.28.5, `model.initial_point()`; vectors where PyMC takes them.
POINTS_OF_PYMC = [
    (Bernoulli.dist([0.2, 0.5, 0.51]), [0, 1, 1]),
    (Binomial.dist([5, 5, 5, 4], [0.1, 0.3, 0.9, 0.625]), [0, 2, 4, 2]),
    (BetaBinomial.dist(n=[5, 6], alpha=1.0, beta=[1.0, 2.0]), [2, 2]),
    (NegativeBinomial.dist(n=3, p=0.3), 7),
    (Poisson.dist([0.3, 2.7]), [0, 2]),
    (Geometric.dist([0.3, 0.6, 1.0]), [3, 2, 1]),
    (HyperGeometric.dist(20, [7, 13], [12, 3]), [4, 1]),
    (DiscreteUniform.dist([-3, 0], [4, 5]), [0, 2]),
    (DiscreteWeibull.dist([0.3, 0.9, 0.99], [1.0, 0.5, 2.0]), [0, 42, 7]),
    (Categorical.dist([[0.1, 0.5, 0.4], [0.6, 0.2, 0.2]]), [1, 0]),
    (OrderedLogistic.dist([0.3, 2.0], [-1.0, 0.0, 1.0]), [3, 3]),
    (OrderedProbit.dist([0.3, 2.0], [-1.0, 0.0, 1.0]), [2, 3]),
    (ZeroInflatedPoisson.dist([0.3, 0.6, 0.9, 0.9], [5, 2.5, 2.5, 10.7]), [2, 1, 2, 9]),
    (ZeroInflatedBinomial.dist([0.3, 0.6, 0.9], [10, 10, 20], [0.5, 0.33, 0.77]), [2, 2, 14]),
    (HurdlePoisson.dist([0.3, 0.6, 0.9, 0.9], [5, 2.5, 2.5, 0.4]), [2, 1, 2, 2]),
    (HurdleGamma.dist([0.3, 0.6, 0.9], alpha=2, beta=[1, 2, 3]), [0.6, 0.6, 0.6]),
    (HurdleLogNormal.dist(0.3, mu=0.5, sigma=1.0), 0.8154845485377135),
]


@pytest.mark.parametrize("rv, point", POINTS_OF_PYMC, ids=[rv.op.name for rv, _ in POINTS_OF_PYMC])
def test_support_points_are_those_of_pymc(rv, point):
    np.testing.assert_allclose(rv.op.distribution.support_point(*rv.inputs[1:]).eval(), point, rtol=1e-14)


def test_ordered_variables_of_a_model_keep_their_probabilities():
    with pm.Model() as model:
        eta = pm.Normal("eta", 0.0, 1.0)
        OrderedLogistic("y", eta=eta, cutpoints=CUTS, observed=[0, 1, 3])
        OrderedProbit("z", eta=eta, cutpoints=CUTS, observed=[0, 1], compute_p=False)
    assert [v.name for v in model.deterministics] == ["y_probs"]
    table = np.diff([0.0, *expit(CUTS), 1.0])
    other = np.diff([0.0, *st.norm.cdf(CUTS), 1.0])
    should = st.norm.logpdf(0.0) + np.log(table[[0, 1, 3]]).sum() + np.log(other[[0, 1]]).sum()
    assert np.isclose(float(model.compile_logp(backend="numpy")({"eta": 0.0})), should, rtol=1e-13)


def test_bounds_that_are_whole_are_shown_as_they_were_given():
    with pm.Model() as model:
        pm.DiscreteUniform("day", 1, np.int64(7))
        pm.DiscreteUniform("rounded", 0.5, pm.Normal("n", 6.0, 1.0))
    assert "day ~ DiscreteUniform(1, 7)" in str(model) and "rounded ~ DiscreteUniform(floor(0.5), floor(n))" in str(model)
    assert pm.logp(pm.DiscreteUniform.dist(0.5, 3.5), 0).eval() == pytest.approx(-np.log(4.0))
