import jax
import numpy as np
import pytest
import scipy.special
import scipy.stats as st

import workbench.tensor as pt
from workbench.compile import function
from workbench.errors import DTypeError, ShapeError
from workbench.tensor.random.discrete import NO_INTEGER, log_factorial

r = pt.random
INF = np.inf
N = 20_000

CONTINUOUS = [
    *[(f"gamma-{a}", lambda k, a=a: r.gamma(k, (N,), a, 2.0), st.gamma(a, scale=2.0)) for a in (0.05, 0.5, 1.0, 3.0, 500.0)],
    *[(f"beta-{a}-{b}", lambda k, a=a, b=b: r.beta(k, (N,), a, b), st.beta(a, b)) for a, b in ((0.5, 0.5), (0.1, 3.0), (50.0, 2.0))],
    *[
        (f"truncated_normal-{a}-{b}", lambda k, a=a, b=b: r.truncated_normal(k, (N,), a, b), st.truncnorm(a, b))
        for a, b in ((-INF, INF), (-1, 2), (-0.1, 0.1), (0, INF), (2, 3), (5, INF), (-9, -8), (-3, 10), (-INF, -2), (-INF, 1))
    ],
    *[(f"von_mises-{k}", lambda key, k=k: r.von_mises(key, (N,), 0.0, k), st.vonmises(k)) for k in (1e-6, 0.01, 1.0, 50.0, 1e5, 1e7)],
    ("von_mises-0", lambda k: r.von_mises(k, (N,), 0.0, 0.0), st.uniform(-np.pi, 2 * np.pi)),
    *[(f"wald-{m}-{s}", lambda k, m=m, s=s: r.wald(k, (N,), m, s), st.invgauss(m / s, scale=s)) for m, s in ((1.0, 1.0), (3.0, 0.5), (0.5, 20.0))],
    ("student_t", lambda k: r.student_t(k, (N,), 3.5), st.t(3.5)),
    ("chi_square", lambda k: r.chi_square(k, (N,), 3.0), st.chi2(3.0)),
    ("log_gamma", lambda k: r.log_gamma(k, (N,), 0.02), st.loggamma(0.02)),
    ("cauchy", lambda k: r.cauchy(k, (N,)), st.cauchy),
    ("laplace", lambda k: r.laplace(k, (N,)), st.laplace),
    ("logistic", lambda k: r.logistic(k, (N,)), st.logistic),
    ("gumbel", lambda k: r.gumbel(k, (N,)), st.gumbel_r),
    ("dirichlet", lambda k: r.dirichlet(k, (N, 3), [0.5, 1.0, 2.0])[:, 0], st.beta(0.5, 3.0)),
]
DISCRETE = [
    *[(f"poisson-{m}", lambda k, m=m: r.poisson(k, (N,), m), st.poisson(m)) for m in (0.1, 3.0, 9.99, 10.0, 47.3, 1e4)],
    *[
        (f"binomial-{n}-{p}", lambda k, n=n, p=p: r.binomial(k, (N,), n, p), st.binom(n, p))
        for n, p in ((1, 0.5), (10, 0.3), (10, 0.9), (1000, 0.001), (40, 0.5), (1000, 0.3), (100_000, 0.98))
    ],
    *[(f"geometric-{p}", lambda k, p=p: r.geometric(k, (N,), p), st.geom(p)) for p in (0.2, 0.9)],
    *[
        (f"hypergeometric-{g}-{b}-{n}", lambda k, g=g, b=b, n=n: r.hypergeometric(k, (N,), g, b, n), st.hypergeom(g + b, g, n))
        for g, b, n in ((1, 1, 1), (7, 13, 12), (13, 7, 2), (50, 51, 49), (990, 10, 900), (1000, 999_000, 10_000))
    ],
    ("negative_binomial", lambda k: r.negative_binomial(k, (N,), 4.0, 2.0), st.nbinom(2.0, 1 / 3)),
    ("randint", lambda k: r.randint(k, (N,), -3, 9), st.randint(-3, 9)),
    ("bernoulli", lambda k: r.bernoulli(k, (N,), 0.3), st.bernoulli(0.3)),
    ("categorical", lambda k: r.categorical(k, (N,), [1.0, 0.0, 3.0]), st.rv_discrete(values=([0, 1, 2], [0.25, 0.0, 0.75]))),
]


@pytest.mark.parametrize("name, draw, frozen", CONTINUOUS, ids=[c[0] for c in CONTINUOUS])
def test_real_numbers_follow_their_distribution(name, draw, frozen):
    assert st.kstest(draw(r.key(8)).eval(), frozen.cdf).pvalue > 0.001


@pytest.mark.parametrize("name, draw, frozen", DISCRETE, ids=[c[0] for c in DISCRETE])
def test_counts_follow_their_distribution(name, draw, frozen):
    drawn = draw(r.key(8)).eval()
    assert drawn.dtype == np.int64
    values = np.arange(int(frozen.ppf(1e-5)), int(frozen.ppf(1 - 1e-5)) + 1)
    seen = np.array([(drawn == v).sum() for v in values])
    wanted = frozen.pmf(values) * N
    often = wanted > 5
    seen, wanted = np.append(seen[often], N - seen[often].sum()), np.append(wanted[often], N - wanted[often].sum())
    if wanted[-1] < 5:
        seen, wanted = np.append(seen[:-2], seen[-2:].sum()), np.append(wanted[:-2], wanted[-2:].sum())
    assert st.chisquare(seen, wanted).pvalue > 0.001


@pytest.mark.parametrize("h, z", [(1.0, 0.0), (1.0, 2.0), (2.5, -1.5), (0.3, 60.0), (1.0, 300.0)])
def test_polya_gamma_numbers_have_the_laplace_transform_of_theirs(h, z):
    # E exp(-t x) = (cosh(z/2) / cosh(sqrt(z^2/4 + t/2)))^h, for every t.
    x = r.polya_gamma(r.key(3), (N,), h, z).eval()
    mean = h / (2 * z) * np.tanh(z / 2) if z else h / 4
    for t in (0.3 / mean, 3.0 / mean, 30.0 / mean):
        log_cosh = np.logaddexp([z / 2, np.sqrt(z * z / 4 + t / 2)], [-z / 2, -np.sqrt(z * z / 4 + t / 2)])
        wanted = np.exp(h * (log_cosh[0] - log_cosh[1]))
        sample = np.exp(-t * x)
        assert abs(sample.mean() - wanted) < 4.0 * sample.std() / np.sqrt(N)


def everything(key):
    return [
        r.beta(key, (40,), 0.5, 2.0),
        r.truncated_normal(key, (40,), np.linspace(-3, 3, 40), 4.0),
        r.von_mises(key, (40,), 3.0, 2.0),
        r.polya_gamma(key, (2, 3), 1.0, 2.0),
        r.poisson(key, (40,), np.linspace(0, 30, 40)),
        r.binomial(key, (40,), 50, np.linspace(0, 1, 40)),
        r.hypergeometric(key, (40,), 20, 30, np.arange(40)),
        r.categorical(key, (2, 20), [0.2, 0.3, 0.5]),
        r.randint(key, (40,), -5, 2**40),
        r.permutation(key, 30),
        r.gamma(key, (0,), 2.0),
        r.gamma(key, (3,), [-1.0, np.nan, 1.0]),
        r.wald(key, (), 1.0, 2.0),
        r.logistic(key, (5,)),
    ]


def test_every_backend_draws_the_same(backend):
    key = pt.scalar("key", dtype="uint64")
    graphs = everything(key)
    drawn = function([key], graphs, backend=backend)(np.uint64(12345))
    for graph, x in zip(graphs, drawn):
        # The logarithms of the C library, of NumPy and of XLA differ in the last bit.
        np.testing.assert_allclose(x, graph.eval({"key": np.uint64(12345)}), rtol=1e-12, atol=1e-13)
        assert x.dtype == graph.dtype and x.shape == graph.type.shape


def test_words_are_those_of_jax():
    with jax.enable_x64(True):
        key = jax.random.key(42)
        for number in (0, 7, 2**31):
            wanted = jax.random.bits(jax.random.fold_in(key, number), (3,), "uint64")
            assert np.array_equal(r.bits(r.fold_in(r.key(42), number), (3,)).eval(), wanted)
        for i, one in enumerate(jax.random.split(key, 3)):
            assert np.array_equal(r.uniform(r.split(r.key(42), 3)[i], (2, 2)).eval(), jax.random.uniform(one, (2, 2), np.float64))


def test_parameters_that_are_not_valid_give_no_number():
    key = r.key(0)
    assert np.isnan(r.gamma(key, (3,), [0.0, -1.0, np.nan]).eval()).all()
    assert np.isnan(r.beta(key, (2,), [-1.0, 1.0], [1.0, np.nan]).eval()).all()
    assert np.isnan(r.truncated_normal(key, (3,), [1.0, 0.0, INF], [0.0, np.nan, INF]).eval()).all()
    assert np.isnan(r.von_mises(key, (2,), [0.0, np.nan], [-1.0, 1.0]).eval()).all()
    assert (r.poisson(key, (4,), [-1.0, np.nan, INF, 1e19]).eval() == NO_INTEGER).all()
    assert (r.binomial(key, (4,), [-1, 3, 3, 3], [0.5, 1.5, -0.1, np.nan]).eval() == NO_INTEGER).all()
    assert (r.hypergeometric(key, (4,), [-1, 3, 3, np.nan], [5, -1, 2, 2], [2, 1, 6, 1]).eval() == NO_INTEGER).all()
    assert (r.categorical(key, (), [-1.0, 2.0]).eval() == NO_INTEGER).all()
    assert (r.geometric(key, (3,), [0.0, 1.5, np.nan]).eval() == NO_INTEGER).all()


def test_certain_results():
    key = r.key(0)
    assert r.poisson(key, (), 0.0).eval() == 0
    assert r.binomial(key, (3,), [0, 5, 5], [0.5, 0.0, 1.0]).eval().tolist() == [0, 0, 5]
    assert r.geometric(key, (), 1.0).eval() == 1
    assert r.hypergeometric(key, (5,), [0, 0, 1, 5, 5], [0, 3, 0, 0, 2], [0, 2, 1, 3, 7]).eval().tolist() == [0, 0, 1, 3, 5]
    assert r.randint(key, (3,), 7, 8).eval().tolist() == [7, 7, 7]
    assert (np.bincount(r.categorical(key, (2000,), [0.0, 1.0, 1e-300, 0.0]).eval(), minlength=4)[[0, 3]] == 0).all()
    assert r.truncated_normal(key, (), 1e10, INF).eval() == 1e10


def test_a_permutation_keeps_rows_together():
    x = np.arange(12).reshape(6, 2)
    mixed = r.permutation(r.key(1), x).eval()
    assert not np.array_equal(mixed, x) and np.array_equal(mixed[np.argsort(mixed[:, 0])], x)
    places = np.array([r.permutation(r.key(s), 4).eval() for s in range(400)])
    seen = np.array([[(places[:, i] == v).sum() for v in range(4)] for i in range(4)])
    assert st.chisquare(seen.ravel(), np.full(16, 100.0)).pvalue > 0.001


def test_randint_covers_wide_ranges():
    x = r.randint(r.key(2), (2000,), -(2**62), 2**62).eval()
    assert st.kstest(x / 2.0**62, st.uniform(-1, 2).cdf).pvalue > 0.001
    assert 0 <= r.randint(r.key(0), (), 5).eval() < 5


def test_log_factorials():
    k = np.concatenate([np.arange(0.0, 300.0), 10.0 ** np.arange(3, 15)])
    np.testing.assert_allclose(log_factorial(pt.constant(k)).eval(), scipy.special.gammaln(k + 1), rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize(
    "call, kind, words",
    [
        (lambda: r.randint(r.key(0), (), 0.5, 2), DTypeError, "integer bounds"),
        (lambda: r.categorical(r.key(0), (), 0.5), ShapeError, "last axis"),
        (lambda: r.gamma(r.key(0), (2,), [1.0, 2.0, 3.0]), ShapeError, "broadcast"),
    ],
)
def test_bad_calls_are_clear_errors(call, kind, words):
    with pytest.raises(kind, match=words):
        call()
