import numpy as np
import pytest
import scipy.stats as st
from mpmath import mp
from scipy.special import logsumexp

import workbench as pm
import workbench.tensor as pt
from workbench.compile import function
from workbench.distributions import Draw, draw_rules, set_key
from workbench.errors import ModelError, ParameterValueError, SerialisationError, ShapeError
from workbench.graph import Graph, Pass
from workbench.graph.serialise import from_json, to_json
from workbench.transforms import grad
from workbench.transforms.logprob import logcdf, logp

REALS = np.array([-np.inf, -4.0, -1.0, 0.0, 0.3, 1.0, 1.5, 2.0, 3.0, 6.0, 40.0, np.inf])
WHOLE = np.array([-1, 0, 1, 2, 3, 4, 5, 9, 30])
W = np.array([0.2, 0.5, 0.3])


def mixed(f, *parts):
    return lambda x: logsumexp([np.log(w) + getattr(p, f)(x) for w, p in zip(W, parts)], axis=0)


NORMALS = st.norm(-1.0, 2.0), st.norm(0.5, 0.1), st.norm(3.0, 1.0)
POISSONS = st.poisson(1.0), st.poisson(4.0), st.poisson(9.0)
MEANS, SDS = np.array([-1.0, 0.5, 3.0]), np.array([2.0, 0.1, 1.0])


def inside(base, low, high, discrete=False):
    """Log-mass and log of the distribution function of a truncated variable."""
    start = base.cdf(low - 1 if discrete else low) if low is not None else 0.0
    total = (base.cdf(high) if high is not None else 1.0) - start
    low, high = -np.inf if low is None else low, np.inf if high is None else high

    def mass(x):
        own = base.logpmf(x) if discrete else base.logpdf(x)
        # SciPy says NaN for some densities at infinity.
        return np.where((x >= low) & (x <= high) & np.isfinite(x), own - np.log(total), -np.inf)

    return mass, lambda x: np.log(np.where(x < low, 0.0, np.where(x >= high, 1.0, (base.cdf(x) - start) / total)))


def censored(base, low, high, discrete=False):
    def mass(x):
        own = base.logpmf(x) if discrete else base.logpdf(x)
        at_high = base.logsf(high - 1 if discrete else high)
        return np.select([x < low, x > high, x == low, x == high], [-np.inf, -np.inf, base.logcdf(low), at_high], own)

    return mass, lambda x: np.where(x < low, -np.inf, np.where(x >= high, 0.0, base.logcdf(x)))


def case(make, formulas, points=REALS, **parameters):
    return make, formulas, points, parameters


# Each: how it is made of inputs, the log-mass and the log of the distribution function, where, and the inputs' values.
CASES = {
    "normals in a list": case(
        lambda w, mu: pm.Mixture.dist(w, [pm.Normal.dist(mu[i], SDS[i]) for i in range(3)], shape=12),
        (mixed("logpdf", *NORMALS), mixed("logcdf", *NORMALS)), w=W, mu=MEANS,
    ),
    "normals along an axis": case(
        lambda w, mu: pm.Mixture.dist(w, pm.Normal.dist(mu, SDS), shape=12),
        (mixed("logpdf", *NORMALS), mixed("logcdf", *NORMALS)), w=W, mu=MEANS,
    ),
    "NormalMixture": case(
        lambda w, sigma: pm.NormalMixture.dist(w, mu=MEANS, sigma=sigma, shape=12),
        (mixed("logpdf", *NORMALS), mixed("logcdf", *NORMALS)), w=W, sigma=SDS,
    ),
    "different kinds": case(
        lambda w, sigma: pm.Mixture.dist(w, [pm.Normal.dist(0.0, sigma), pm.Exponential.dist(1.0), pm.Uniform.dist(-1.0, 2.0)], shape=12),
        tuple(mixed(f, st.norm(0, 1.5), st.expon(), st.uniform(-1, 3)) for f in ("logpdf", "logcdf")), w=W, sigma=np.array(1.5),
    ),
    "counts": case(
        lambda mu: pm.Mixture.dist(W, pm.Poisson.dist(mu), shape=9),
        (mixed("logpmf", *POISSONS), mixed("logcdf", *POISSONS)), WHOLE, mu=np.array([1.0, 4.0, 9.0]),
    ),
    "truncated normal": case(
        lambda mu, high: pm.Truncated.dist(pm.Normal.dist(mu, 2.0), -1.0, high, shape=12),
        inside(st.norm(0.5, 2.0), -1.0, 2.0), mu=np.array(0.5), high=np.array(2.0),
    ),
    "truncated gamma": case(
        lambda alpha, low: pm.Truncated.dist(pm.Gamma.dist(alpha, 1.0), low, 2.5, shape=12),
        inside(st.gamma(1.7), 0.3, 2.5), alpha=np.array(1.7), low=np.array(0.3),
    ),
    "truncated below": case(
        lambda alpha: pm.Truncated.dist(pm.Gamma.dist(alpha, 1.0), lower=1.0, shape=12), inside(st.gamma(1.7), 1.0, None), alpha=np.array(1.7)
    ),
    "truncated above": case(
        lambda lam: pm.Truncated.dist(pm.Exponential.dist(lam), upper=1.5, shape=12), inside(st.expon(scale=0.5), None, 1.5), lam=np.array(2.0)
    ),
    "truncated counts": case(
        lambda mu: pm.Truncated.dist(pm.Poisson.dist(mu), 1, 5, shape=9), inside(st.poisson(3.0), 1, 5, discrete=True), WHOLE, mu=np.array(3.0)
    ),
    "counts without zero": case(
        lambda mu: pm.Truncated.dist(pm.Poisson.dist(mu), lower=1, shape=9), inside(st.poisson(3.0), 1, None, discrete=True), WHOLE, mu=np.array(3.0)
    ),
    "censored normal": case(
        lambda mu, high: pm.Censored.dist(pm.Normal.dist(mu, 2.0), -1.0, high, shape=12),
        censored(st.norm(0.5, 2.0), -1.0, 2.0), mu=np.array(0.5), high=np.array(2.0),
    ),
    "censored counts": case(
        lambda mu: pm.Censored.dist(pm.Poisson.dist(mu), 1, 5, shape=9), censored(st.poisson(3.0), 1, 5, discrete=True), WHOLE, mu=np.array(3.0)
    ),
}  # fmt: skip


def made(name):
    make, formulas, points, parameters = CASES[name]
    inputs = [pt.tensor(k, "float64", v.shape) for k, v in parameters.items()]
    rv = make(*inputs)
    return rv, formulas, points, inputs, list(parameters.values())


@pytest.mark.parametrize("name", CASES)
def test_logp_and_logcdf_are_the_formulas(name):
    rv, formulas, points, inputs, values = made(name)
    x = pt.tensor("x", rv.dtype, points.shape)
    results = function([x, *inputs], [logp(rv, x), logcdf(rv, x)], backend="numpy")(points, *values)
    for got, formula in zip(results, formulas):
        with np.errstate(all="ignore"):
            np.testing.assert_allclose(got, formula(points), rtol=1e-11, atol=1e-14)


def test_they_are_the_same_on_every_backend(backend):
    arguments, values, results, wanted = [], [], [], []
    for name in CASES:
        rv, formulas, points, inputs, given = made(name)
        x = pt.tensor("x", rv.dtype, points.shape)
        arguments += [x, *inputs]
        values += [points, *given]
        results += [logp(rv, x), logcdf(rv, x)]
        with np.errstate(all="ignore"):
            wanted += [(name, f(points)) for f in formulas]
    for got, (name, should) in zip(function(arguments, results, backend=backend)(*values), wanted):
        # JAX's own incomplete gamma functions are good to about 1e-11.
        np.testing.assert_allclose(got, should, rtol=1e-9 if backend == "jax" else 1e-11, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("name", [n for n in CASES if "w" not in CASES[n][3]] + ["normals in a list"])
def test_gradients_agree_with_differences(name):
    rv, (formula, _), points, inputs, values = made(name)
    # Off the limits, on whose two sides the density differs.
    at = points + (1e-3 if rv.dtype == "float64" else 0)
    with np.errstate(all="ignore"):
        at = at[np.isfinite(formula(at))]
    rv = CASES[name][0](*inputs).op.distribution.variable(CASES[name][0](*inputs).inputs[1:], shape=at.shape)
    moved = [(x, v) for x, v in zip(inputs, values) if x.name != "w"]
    total = logp(rv, at).sum()
    # A censored density depends on its limits by comparisons alone.
    slopes_in = grad(total, [x for x, _ in moved], disconnected_inputs="ignore")
    run = function(inputs, [total, *slopes_in], backend="numpy")
    _, *slopes = run(*values)
    for (x, v), slope in zip(moved, slopes):
        for place in np.ndindex(v.shape):
            step = np.zeros(v.shape)
            step[place] = 1e-6
            up, down = ([u + s * step if i is x else u for i, u in zip(inputs, values)] for s in (1, -1))
            assert np.isclose(slope[place], (run(*up)[0] - run(*down)[0]) / 2e-6, rtol=1e-6, atol=1e-6), (x.name, place)


COUNT = 4000


def drawn(rv, backend="numpy"):
    set_key(rv, 11)
    (graph,), _ = Pass("draw", draw_rules).run([rv])
    return function([], graph, backend=backend)()


DRAWS = {
    "list": (pm.Mixture.dist(W, [pm.Normal.dist(m, s) for m, s in zip(MEANS, SDS)], shape=COUNT), mixed("logcdf", *NORMALS)),
    "axis": (pm.Mixture.dist(W, pm.Normal.dist(MEANS, SDS), shape=COUNT), mixed("logcdf", *NORMALS)),
    "by rejection": (pm.Truncated.dist(pm.ExGaussian.dist(mu=0.0, sigma=1.0, nu=1.0), 0.5, 3.0, shape=COUNT), inside(st.exponnorm(1.0), 0.5, 3.0)[1]),
    "by quantiles": (pm.Truncated.dist(pm.Exponential.dist(2.0), 0.5, 3.0, shape=COUNT), inside(st.expon(scale=0.5), 0.5, 3.0)[1]),
}


@pytest.mark.parametrize("name", DRAWS)
def test_draws_follow_the_distribution_on_every_backend(name, backend):
    rv, formula = DRAWS[name]
    draws = drawn(rv, backend)
    assert st.kstest(draws, lambda x: np.exp(formula(x))).pvalue > 0.01
    np.testing.assert_allclose(draws, rv.eval(), rtol=1e-9, atol=1e-12)


def test_draws_of_discrete_ones_follow_the_distribution(backend):
    counts = drawn(pm.Truncated.dist(pm.Poisson.dist(3.0), 1, 5, shape=COUNT), backend)
    expected = st.poisson(3.0).pmf(np.arange(1, 6))
    assert st.chisquare(np.bincount(counts, minlength=6)[1:], COUNT * expected / expected.sum()).pvalue > 0.01
    limited = drawn(pm.Censored.dist(pm.Normal.dist(0.0, 1.0), -1.0, 0.5, shape=COUNT), backend)
    for limit, mass in ((-1.0, st.norm.cdf(-1.0)), (0.5, st.norm.sf(0.5))):
        assert st.binomtest(int((limited == limit).sum()), COUNT, mass).pvalue > 0.01
    assert limited.min() == -1.0 and limited.max() == 0.5


# Each begins on a bound if the support point of what is truncated is taken, or where there is no density.
STARTS = {
    "exponential": (lambda: pm.Truncated.dist(pm.Exponential.dist(1.0), upper=1.0), st.truncexpon(1.0)),
    "half-normal": (lambda: pm.Truncated.dist(pm.HalfNormal.dist(1.0), lower=-1.0, upper=1.0), st.truncnorm(0.0, 1.0)),
    "beta": (lambda: pm.Truncated.dist(pm.Beta.dist(1.0, 1.0), lower=0.5), st.uniform(0.5, 0.5)),
    "uniform": (lambda: pm.Truncated.dist(pm.Uniform.dist(0.0, 4.0), lower=2.0, upper=9.0), st.uniform(2.0, 2.0)),
    "from below only": (lambda: pm.Truncated.dist(pm.Gamma.dist(2.0, 1.0), lower=2.0), None),
    "a shifted Wald": (lambda: pm.Wald.dist(1.0, 2.0, alpha=3.0), st.invgauss(0.5, loc=3.0, scale=2.0)),
    "bounds of some": (
        lambda: pm.TruncatedNormal.dist(0.0, 1.0, lower=[-np.inf, 0.0, -1.0], upper=[1.0, np.inf, 2.0]),
        st.truncnorm([-np.inf, 0.0, -1.0], [1.0, np.inf, 2.0]),
    ),
    "bounds from data": (lambda: pm.TruncatedNormal.dist(0.0, 1.0, lower=pt.data("low", np.array([-np.inf, 0.0]))), st.truncnorm([-np.inf, 0.0], np.inf)),
}  # fmt: skip


@pytest.mark.parametrize("name", STARTS)
def test_every_unconstrained_number_is_a_value_with_a_density(name):
    """Bounds are those of what is truncated where they are narrower, so that a sampler meets no wall."""
    make, exact = STARTS[name]
    with pm.Model() as model:
        model.register_rv(make(), "x")
    (label, start), run, slope = *model.initial_point().items(), model.compile_logp(), model.compile_dlogp()
    rv = model["x"]
    back = function([model.rvs_to_values[rv]], model.rvs_to_transforms[rv].backward(model.rvs_to_values[rv], rv), backend="numpy")
    for v in (start, start - 3.0, start + 3.0):
        assert np.isfinite(run({label: v})) and np.isfinite(slope({label: v})).all()
        if exact is not None:
            jacobian = np.log(np.abs(back(v + 1e-6) - back(v - 1e-6)) / 2e-6)
            np.testing.assert_allclose(run({label: v}), np.sum(exact.logpdf(back(v)) + jacobian), rtol=1e-7, atol=1e-7)


TAIL_COUNT = 30_000
# Far above the mass the distribution function is 1, as it is rounded: what is truncated, a limit, and the probability of more than x, given that.
UPPER_TAILS = {
    "exponential": (lambda: pm.Exponential.dist(1.0), 1e6, lambda x: np.exp(1e6 - x)),
    "gamma": (lambda: pm.Gamma.dist(2.0, 1.0), 45.0, lambda x: (1.0 + x) / 46.0 * np.exp(45.0 - x)),
    "where some digits are left": (lambda: pm.Logistic.dist(0.0, 1.0), 34.0, lambda x: st.logistic.sf(x) / st.logistic.sf(34.0)),
    "a heavy tail": (lambda: pm.Cauchy.dist(0.0, 1.0), 1e17, lambda x: 1e17 / x),
    "without quantiles": (lambda: pm.ExGaussian.dist(mu=0.0, sigma=1.0, nu=1.0), 60.0, lambda x: np.exp(60.0 - x)),
}
TAIL_COUNTS = {
    "poisson": (lambda: pm.Poisson.dist(10.0), 40, lambda k: st.poisson.pmf(k, 10.0)),
    "with quantiles": (lambda: pm.Geometric.dist(0.3), 200, lambda k: 0.7 ** (k - 200.0)),
    "binomial": (lambda: pm.Binomial.dist(100, 0.1), 60, lambda k: st.binom.pmf(k, 100, 0.1)),
}


@pytest.mark.parametrize("name", UPPER_TAILS)
def test_draws_far_above_the_mass_follow_the_distribution(name, backend):
    make, lower, above = UPPER_TAILS[name]
    draws = drawn(pm.Truncated.dist(make(), lower=lower, shape=TAIL_COUNT), backend)
    assert draws.min() >= lower and len(np.unique(draws)) > TAIL_COUNT - 10
    # Of so many draws a difference of 1 % is seen.
    assert st.kstest(draws, lambda x: 1.0 - above(x)).pvalue > 0.01


# And far below it: the probability of x or less, given an upper limit.
LOWER_TAILS = {
    "without quantiles": (lambda: pm.ExGaussian.dist(mu=0.0, sigma=1.0, nu=0.01), -30.0, None),
    "whose probability is no number": (lambda: pm.Logistic.dist(0.0, 1.0), -800.0, lambda x: np.exp(x + 800.0)),
    "where there are quantiles": (lambda: pm.Gumbel.dist(0.0, 1.0), -3.0, lambda x: np.exp(np.exp(3.0) - np.exp(-x))),
}


@pytest.mark.parametrize("name", LOWER_TAILS)
def test_draws_far_below_the_mass_follow_the_distribution(name, backend):
    make, upper, below = LOWER_TAILS[name]
    draws = drawn(pm.Truncated.dist(make(), upper=upper, shape=TAIL_COUNT), backend)
    assert draws.max() <= upper and len(np.unique(draws)) > TAIL_COUNT - 10
    if below is None:
        # Of a sum of a normal number and a hundredth of an exponential one, by quadrature.
        edges = (-30.1, -30.03, -30.01, -30.0)
        with mp.workdps(40):
            total = [mp.quad(lambda z, x=x: mp.npdf(z) * -mp.expm1(-(x - z) * 100), [-60, -35, x - 1, x]) for x in map(mp.mpf, edges)]
        parts = np.diff([0.0, *(float(t / total[-1]) for t in total)])
        assert st.chisquare(np.histogram(draws, bins=[-np.inf, *edges])[0], TAIL_COUNT * parts).pvalue > 0.01
    else:
        assert st.kstest(draws, below).pvalue > 0.01


@pytest.mark.parametrize("name", TAIL_COUNTS)
def test_counts_far_above_the_mass_follow_the_distribution(name, backend):
    make, lower, mass = TAIL_COUNTS[name]
    draws = drawn(pm.Truncated.dist(make(), lower=lower, shape=TAIL_COUNT), backend)
    expected = mass(np.arange(lower, lower + 41))
    expected = TAIL_COUNT * expected / expected.sum()
    few = int((expected > 8.0).sum())
    found = np.bincount(draws - lower, minlength=few)
    assert draws.min() >= lower
    tables = [np.append(x[:few], x.sum() - x[:few].sum()) for x in (found, expected)]
    assert st.chisquare(*tables).pvalue > 0.01


def test_counts_far_below_the_mass_follow_the_distribution(backend):
    draws = drawn(pm.Truncated.dist(pm.Poisson.dist(1000.0), upper=700, shape=TAIL_COUNT), backend)
    expected = st.poisson.pmf(np.arange(700, 640, -1), 1000.0)
    expected = TAIL_COUNT * expected / expected.sum()
    few = int((expected > 8.0).sum())
    found = np.bincount(700 - draws, minlength=few)
    tables = [np.append(x[:few], x.sum() - x[:few].sum()) for x in (found, expected)]
    assert draws.max() <= 700 and st.chisquare(*tables).pvalue > 0.01


def test_limits_of_every_kind_stand_beside_one_another():
    x = pm.draw(pm.Truncated.dist(pm.Gamma.dist(2.0, 1.0), lower=[0.0, 1.0, 50.0, 50.0], upper=[1.0, np.inf, np.inf, 50.5]), draws=COUNT, random_seed=2)
    for i, (low, high) in enumerate([(0.0, 1.0), (1.0, np.inf), (50.0, np.inf), (50.0, 50.5)]):
        above = st.gamma(2.0).sf
        assert st.kstest(x[:, i], lambda v, low=low, high=high: (above(low) - above(v)) / (above(low) - above(high))).pvalue > 0.01


@pytest.mark.parametrize("make", [lambda low: pm.DiscreteUniform.dist(0, low - 1), lambda low: pm.Binomial.dist(low - 1, 0.5), lambda low: pm.Uniform.dist(0.0, low - 0.5)])
def test_nothing_is_drawn_where_there_is_nothing(make):
    with pytest.raises(ModelError, match="has no probability between the limits"):
        pm.Truncated.dist(make(11), lower=11)
    low = pt.data("low", np.array(11.0))
    with pytest.raises(ParameterValueError, match="has no probability between the limits"):
        pm.draw(pm.Truncated.dist(make(11), lower=low), draws=3)


def test_truncation_keeps_its_digits_in_the_tails():
    for rv, at, should in (
        (pm.Truncated.dist(pm.Exponential.dist(1.0), 50.0, 51.0), 50.5, -0.5 - np.log(-np.expm1(-1.0))),
        (pm.Truncated.dist(pm.Normal.dist(0.0, 1.0), lower=30.0), 30.1, st.norm.logpdf(30.1) - st.norm.logsf(30.0)),
        (pm.Censored.dist(pm.Normal.dist(0.0, 1.0), upper=30.0), 30.0, st.norm.logsf(30.0)),
    ):
        assert np.isclose(float(logp(rv, at).eval()), should, rtol=1e-12)


def test_shapes_of_mixtures():
    normal = pm.Normal.dist
    assert pm.Mixture.dist(W, normal(MEANS, 1.0)).type.shape == ()
    assert pm.Mixture.dist(W, normal(MEANS, 1.0, shape=(5, 3))).type.shape == (5,)
    assert pm.Mixture.dist(np.full((5, 3), 1 / 3), normal(MEANS, 1.0)).type.shape == (5,)
    assert pm.Mixture.dist(W, [normal(0.0, 1.0, shape=5), normal(1.0, 1.0), normal(2.0, 1.0)]).type.shape == (5,)
    assert pm.Mixture.dist(W, [normal(m, 1.0) for m in MEANS], size=(2, 4)).type.shape == (2, 4)
    assert pm.NormalMixture.dist(W, 0.0, 1.0, comp_shape=(5, 3)).type.shape == (5,)
    nothing = pm.Mixture.dist(W, normal(MEANS, 1.0), shape=(0,))
    assert nothing.eval().shape == (0,) and logp(nothing, np.zeros(0)).eval().shape == (0,)


def test_mixtures_of_vectors():
    a = np.array([[1.0, 10.0, 100.0], [100.0, 10.0, 1.0]])
    w = np.array([0.3, 0.7])
    x = np.array([[0.2, 0.3, 0.5], [0.6, 0.3, 0.1]])
    should = [logsumexp([np.log(w[i]) + st.dirichlet(a[i]).logpdf(v) for i in range(2)]) for v in x]
    for rv in (
        pm.Mixture.dist(w, [pm.Dirichlet.dist(a[0]), pm.Dirichlet.dist(a[1])], shape=(2, 3)),
        pm.Mixture.dist(w, pm.Dirichlet.dist(a), shape=(2, 3)),
    ):
        assert rv.type.shape == (2, 3)
        np.testing.assert_allclose(logp(rv, x).eval(), should, rtol=1e-12)
        many = rv.op.distribution.variable(rv.inputs[1:], shape=(500, 3))
        set_key(many, 3)
        draws = many.eval()
        np.testing.assert_allclose(draws.sum(-1), 1.0)
        assert st.binomtest(int((draws[:, 2] > draws[:, 0]).sum()), 500, 0.3).pvalue > 0.01


NORMAL = pm.Normal.dist(0.0, 1.0)
BAD = [
    (lambda: pm.Mixture.dist([0.5, 0.4], [NORMAL, NORMAL]), ModelError, "w must be a vector of probabilities"),
    (lambda: pm.Mixture.dist(W, [NORMAL, NORMAL]), ShapeError, r"weights have shape \(3,\) for 2 components"),
    (lambda: pm.Mixture.dist(W, NORMAL), ShapeError, "nothing to mix"),
    (lambda: pm.Mixture.dist([0.5, 0.5], [NORMAL, pm.Poisson.dist(1.0)]), ModelError, "all continuous or all discrete"),
    (lambda: pm.Mixture.dist([0.5, 0.5], [NORMAL, 3.0]), ModelError, "component 1 must be a distribution, got 3.0"),
    (lambda: pm.Mixture.dist([], []), ModelError, "no components"),
    (lambda: pm.Mixture.dist([0.5, 0.5], [NORMAL, pm.Dirichlet.dist([1.0, 1.0])]), ShapeError, "one draw of the components"),
    (lambda: pm.Truncated.dist(pm.Gamma.dist(1.0, 1.0), 2.0, 1.0), ModelError, "lower must not be greater than upper"),
    (lambda: pm.Truncated.dist(pm.Dirichlet.dist([1.0, 1.0]), 0.0), ModelError, "a distribution of vectors"),
    (lambda: pm.Censored.dist(1.0, 0.0, 1.0), ModelError, "must be a distribution, got 1.0"),
]


@pytest.mark.parametrize("call, kind, words", BAD)
def test_bad_components_and_parameters_are_clear_errors(call, kind, words):
    with pytest.raises(kind, match=words):
        call()


def test_a_variable_of_a_model_is_no_component():
    with pm.Model():
        x = pm.Normal("x", 0.0, 1.0)
        with pytest.raises(ModelError, match="is the variable 'x' of a model"):
            pm.Mixture("y", [0.5, 0.5], [x, NORMAL])


def test_a_bad_parameter_of_a_component_is_found(backend):
    sigma = pt.vector("sigma", 2)
    density = logp(pm.Mixture.dist([0.5, 0.5], pm.Normal.dist(0.0, sigma)), 1.0)
    with pytest.raises(ParameterValueError, match=r"component 0 \(Normal\): sigma must be positive"):
        density.eval({"sigma": [1.0, -1.0]})
    assert function([sigma], density, backend=backend)([1.0, -1.0]) == -np.inf


def test_equal_components_make_equal_distributions():
    one, two = (pm.Mixture.dist(W, pm.Normal.dist(MEANS, 1.0)).op for _ in range(2))
    other = pm.Mixture.dist(W, pm.Normal.dist(MEANS, 1.0, shape=(2, 3))).op
    assert one == two and hash(one) == hash(two) and one.distribution is two.distribution
    assert one != other and "Mixture" in repr(one) and one.name == "Mixture"


def test_they_are_written_as_json_and_read_back():
    inner = pm.Truncated.dist(pm.Gamma.dist(2.0, 1.0), 0.5, 3.0)
    rv = pm.Mixture.dist([0.25, 0.75], [inner, pm.Censored.dist(pm.Normal.dist(0.0, 1.0), 0.0, 1.0)])
    back = from_json(to_json(Graph([], [rv]))).results[0]
    assert isinstance(back.op, Draw) and back.op == rv.op
    assert np.isclose(float(logp(back, 0.7).eval()), float(logp(rv, 0.7).eval()))
    damaged = to_json(Graph([], [rv])).replace('"made": [{"named": ["distribution", "Mixture"]}', '"made": ["Mixture"')
    with pytest.raises(SerialisationError, match="nothing that others are made from"):
        from_json(damaged)


# PyMC 5.28.5: `model.initial_point()`. It takes half the distance of the limits, not their middle, for a
# truncated variable whose support point is outside, and leaves out the bounds of what is truncated: those cases are ours.
POINTS = {
    "normals": (lambda: pm.Mixture("x", [0.3, 0.7], [pm.Normal.dist(1, 2), pm.Normal.dist(5, 1)]), {"x": 3.8}),
    "one batch": (lambda: pm.Mixture("x", [0.3, 0.7], pm.Normal.dist([1, 5], [2, 1]), shape=3), {"x": [3.8, 3.8, 3.8]}),
    "counts": (lambda: pm.Mixture("x", [0.3, 0.7], [pm.Poisson.dist(3.5), pm.Poisson.dist(5.7)]), {"x": 4}),
    "positive": (lambda: pm.Mixture("x", [0.3, 0.7], [pm.Exponential.dist(3.5), pm.HalfNormal.dist(5.7)]), {"x_log__": 1.4050460171102317}),
    "equal intervals": (lambda: pm.Mixture("x", [0.3, 0.7], [pm.Uniform.dist(0, 1), pm.Uniform.dist(0, 1)]), {"x_interval__": 0.0}),
    "other intervals": (lambda: pm.Mixture("x", [0.5, 0.5], [pm.Uniform.dist(0, 1), pm.Uniform.dist(0, 2)]), {"x": 0.75}),
    "unit": (lambda: pm.Mixture("x", [0.3, 0.7], [pm.Beta.dist(1, 1), pm.Beta.dist(2, 1)]), {"x_logodds__": 0.47542369671507434}),
    "other supports": (lambda: pm.Mixture("x", [0.3, 0.7], [pm.Normal.dist(1, 1), pm.HalfNormal.dist(2)]), {"x": 1.7}),
    "simplex": (
        lambda: pm.Mixture("x", [0.3, 0.7], [pm.Dirichlet.dist([1, 1, 1.0]), pm.Dirichlet.dist([1, 2.0, 3])]),
        {"x_simplex__": [-0.3872234748784156, 0.04355944121403876]},
    ),
    "truncated normal": (lambda: pm.Truncated("x", pm.Normal.dist(0, 1), lower=[1, -1, -2], upper=[3, 3, -1]), {"x_interval__": [0.0, 0.0, 0.0]}),
    "normal above": (lambda: pm.Truncated("x", pm.Normal.dist(0, 1), lower=1), {"x_interval__": 0.0}),
    "exponential below (ours)": (lambda: pm.Truncated("x", pm.Exponential.dist(0.5), upper=5), {"x_interval__": np.log(2.0 / 3.0)}),
    "exponential below 1 (ours)": (lambda: pm.Truncated("x", pm.Exponential.dist(0.5), upper=1), {"x_interval__": 0.0}),
    "counts above": (lambda: pm.Truncated("x", pm.Poisson.dist(0.5), lower=1), {"x": 2}),
    "counts below": (lambda: pm.Truncated("x", pm.Poisson.dist(5.5), upper=3), {"x": 2}),
    "censored": (lambda: pm.Censored("x", pm.Normal.dist(0, 1), lower=1, upper=3), {"x": 2.0}),
    "censored below": (lambda: pm.Censored("x", pm.Normal.dist(0, 1), lower=[1.0, -2]), {"x": [2.0, -1.0]}),
    "censored above": (lambda: pm.Censored("x", pm.Exponential.dist(1), upper=5.0), {"x": 4.0}),
    "counts between (ours)": (lambda: pm.Truncated("x", pm.Poisson.dist(5.5), lower=1, upper=4), {"x": 2}),
    "gamma between (ours)": (lambda: pm.Truncated("x", pm.Gamma.dist(2.0, 1.0), lower=10.0, upper=12.0), {"x_interval__": 0.0}),
}


@pytest.mark.parametrize("name", POINTS)
def test_initial_points_are_those_of_pymc(name):
    make, should = POINTS[name]
    with pm.Model() as model:
        make()
    point = model.initial_point()
    assert list(point) == list(should)
    for k, v in should.items():
        # PyMC folds some constants in single precision.
        np.testing.assert_allclose(point[k], v, rtol=1e-8, atol=1e-15)
    assert np.isfinite(model.compile_logp(backend="numpy")(point))


def test_a_mixture_model_has_a_gradient(backend):
    rng = np.random.default_rng(0)
    data = np.concatenate([rng.normal(-2, 1, 20), rng.normal(3, 0.5, 30)])
    with pm.Model() as model:
        w = pm.Dirichlet("w", np.ones(2))
        mu = pm.Normal("mu", 0.0, 5.0, shape=2)
        sigma = pm.HalfNormal("sigma", 2.0, shape=2)
        pm.NormalMixture("y", w, mu, sigma, observed=data)
    f = model.logp_dlogp_function(backend=backend)
    q = np.array([0.3, -1.0, 2.0, 0.2, -0.3])
    value, gradient = f(q)
    for i in range(5):
        step = 1e-5 * np.eye(5)[i]
        assert np.isclose(gradient[i], (f(q + step)[0] - f(q - step)[0]) / 2e-5, rtol=1e-6, atol=1e-5)
