"""Densities, distribution functions and quantiles of functions of random variables, against SciPy, integrals and differences."""

import sys

import numpy as np
import pytest
from scipy import special, stats

import workbench as pm
import workbench.tensor as pt
from workbench.errors import LogProbError, ModelError
from workbench.graph.rewrite import RULES
from workbench.transforms.logprob import log_survival_node, logprob_pass, require_derived
from workbench.transforms.random_variables import random_pass

NORMAL, GAMMA, BETA, UNIFORM = stats.norm(0.3, 1.3), stats.gamma(2.0, scale=1 / 1.5), stats.beta(2.0, 3.0), stats.uniform(-1.0, 2.0)
COUNTS = stats.poisson(2.0)


def normal(**shape):
    return pm.Normal.dist(0.3, 1.3, **shape)


def gamma(**shape):
    return pm.Gamma.dist(2.0, 1.5, **shape)


def counts(**shape):
    return pm.Poisson.dist(2.0, **shape)


VARIABLES = {
    "normal": (normal, NORMAL, (-1.1, 0.9)),
    "gamma": (gamma, GAMMA, (0.4, 1.9)),
    "beta": (lambda: pm.Beta.dist(2.0, 3.0), BETA, (0.2, 0.7)),
    "uniform": (lambda: pm.Uniform.dist(-1.0, 1.0), UNIFORM, (-0.6, 0.8)),
}

# Variable, the function on the graph, and by NumPy. It is one-to-one.
ONE_TO_ONE = {
    "exp": ("normal", pt.exp, np.exp),
    "exp2": ("normal", pt.exp2, np.exp2),
    "expm1": ("normal", pt.expm1, np.expm1),
    "log": ("gamma", pt.log, np.log),
    "log1p": ("gamma", pt.log1p, np.log1p),
    "log2": ("gamma", pt.log2, np.log2),
    "log10": ("gamma", pt.log10, np.log10),
    "sigmoid": ("normal", pt.sigmoid, special.expit),
    "logit": ("beta", pt.logit, special.logit),
    "softplus": ("normal", pt.softplus, lambda x: np.logaddexp(0.0, x)),
    "log1mexp": ("gamma", lambda x: pt.log1mexp(-x), lambda x: np.log1p(-np.exp(-x))),
    "tanh": ("normal", pt.tanh, np.tanh),
    "arctanh": ("uniform", pt.arctanh, np.arctanh),
    "sinh": ("normal", pt.sinh, np.sinh),
    "arcsinh": ("normal", pt.arcsinh, np.arcsinh),
    "cosh of something positive": ("gamma", pt.cosh, np.cosh),
    "arccosh": ("gamma", lambda x: pt.arccosh(x + 1.0), lambda x: np.arccosh(x + 1.0)),
    "arctan": ("normal", pt.arctan, np.arctan),
    "arcsin": ("uniform", pt.arcsin, np.arcsin),
    "arccos": ("uniform", pt.arccos, np.arccos),
    "erf": ("normal", pt.erf, special.erf),
    "erfc": ("normal", pt.erfc, special.erfc),
    "erfcx": ("normal", pt.erfcx, special.erfcx),
    "erfinv": ("uniform", pt.erfinv, special.erfinv),
    "sqrt": ("gamma", pt.sqrt, np.sqrt),
    "cbrt": ("normal", pt.cbrt, np.cbrt),
    "negative": ("normal", lambda x: -x, np.negative),
    "reciprocal of something positive": ("gamma", lambda x: 1.0 / x, np.reciprocal),
    "cube": ("gamma", lambda x: x**3, lambda x: x**3),
    "square of something positive": ("gamma", lambda x: x**2, lambda x: x**2),
    "root": ("gamma", lambda x: x**1.5, lambda x: x**1.5),
    "negative fraction": ("gamma", lambda x: x**-0.5, lambda x: x**-0.5),
    "negative even": ("gamma", lambda x: x**-2, lambda x: x**-2.0),
    "negative odd": ("gamma", lambda x: x**-3, lambda x: x**-3.0),
    "base": ("normal", lambda x: 0.5**x, lambda x: 0.5**x),
    "affine": ("normal", lambda x: 1.0 - 2.0 * x, lambda x: 1.0 - 2.0 * x),
    "quotient": ("gamma", lambda x: -3.0 / x, lambda x: -3.0 / x),
    "bent line": ("normal", lambda x: pt.where(x > 0.0, x, 0.1 * x), lambda x: np.where(x > 0, x, 0.1 * x)),
    "chain": ("normal", lambda x: 1.0 / (1.0 + pt.exp(1.0 - 2.0 * x)), lambda x: 1 / (1 + np.exp(1 - 2 * x))),
    "named, cast and reshaped": ("gamma", lambda x: pt.reshape(pt.log(pt.stop_gradient(x)), (1,))[0], np.log),
}
NODES, WEIGHTS = np.polynomial.legendre.leggauss(60)
# Distribution functions of functions that are one-to-one only where the variable lies.
NO_TAILS = {"cosh of something positive", "square of something positive", "negative even"}
NO_QUANTILES = NO_TAILS | {"bent line"}


@pytest.mark.parametrize("name", ONE_TO_ONE)
def test_one_to_one_functions(name):
    variable, on_graph, function = ONE_TO_ONE[name]
    make, known, inside = VARIABLES[variable]
    x = on_graph(make())
    cuts = np.linspace(*inside, 5)
    low, high = function(cuts[:-1]), function(cuts[1:])
    # The integral between two values is the probability between what they come from.
    middle, half = (low + high) / 2, (high - low) / 2
    at = middle[:, None] + half[:, None] * NODES
    found = np.exp(pm.logp(x, at).eval()) @ WEIGHTS * np.abs(half)
    np.testing.assert_allclose(found, np.diff(known.cdf(cuts)), rtol=1e-7 if name != "bent line" else 2e-2)
    increasing = high[0] > low[0]
    if name not in NO_TAILS:
        np.testing.assert_allclose(np.exp(pm.logcdf(x, low).eval()), (known.cdf if increasing else known.sf)(cuts[:-1]), rtol=1e-9)
    if name not in NO_QUANTILES:
        q = np.array([0.1, 0.5, 0.8])
        np.testing.assert_allclose(pm.icdf(x, q).eval(), function(known.ppf(q if increasing else 1 - q)), rtol=1e-8)


def test_functions_with_two_branches():
    v = np.array([0.2, 1.0, 2.5])
    both = lambda x: NORMAL.pdf(x) + NORMAL.pdf(-x)
    wanted = {
        "abs": (pt.abs(normal()), both(v)),
        "square": (pt.square(normal()), both(np.sqrt(v)) / (2 * np.sqrt(v))),
        "power": (normal() ** 4, both(v**0.25) * v**-0.75 / 4),
        "negative power": (normal() ** -2, both(v**-0.5) * v**-1.5 / 2),
        "cosh": (pt.cosh(normal()), np.where(v > 1, both(np.arccosh(np.maximum(v, 1.1))) / np.sqrt(np.maximum(v, 1.1) ** 2 - 1), np.inf)),
    }
    for name, (x, density) in wanted.items():
        at = v[2:] if name == "cosh" else v
        np.testing.assert_allclose(np.exp(pm.logp(x, at).eval()), density[-len(at) :], rtol=1e-12, err_msg=name)
        assert np.isneginf(pm.logp(x, -0.5).eval()), name


@pytest.mark.parametrize("make, function", [(lambda: 1.0 / normal(), lambda x: 1 / x), (lambda: -2.0 / normal(), lambda x: -2 / x), (lambda: normal() ** -3, lambda x: x**-3.0)])  # fmt: skip
def test_reciprocals_of_both_signs(make, function):
    x = make()
    sample = function(NORMAL.ppf((np.arange(200_000) + 0.5) / 200_000))
    v = np.array([-3.0, -0.4, 0.0, 0.4, 3.0])
    np.testing.assert_allclose(np.exp(pm.logcdf(x, v).eval()), [(sample <= a).mean() for a in v], atol=1e-5)
    q = np.array([0.1, 0.3, 0.5, 0.9])
    np.testing.assert_allclose(np.exp(pm.logcdf(x, pm.icdf(x, q)).eval()), q, rtol=1e-9)


@pytest.mark.parametrize(
    "make, values, numbers",
    [
        (lambda: pt.exp(counts()), np.exp([0.0, 1.0, 3.0, 7.0, 2.5]), [0, 1, 3, 7, -1]),
        (lambda: 0.1 * counts(), [0.1, 0.3, 0.7, 0.35], [1, 3, 7, -1]),
        (lambda: counts() ** 3, [0, 1, 27, 64, 343, 10], [0, 1, 3, 4, 7, -1]),
        (lambda: counts() ** 2, [0, 1, 9, 49, 10], [0, 1, 3, 7, -1]),
        (lambda: pt.sqrt(counts()), np.sqrt([0.0, 1.0, 3.0, 7.0, 2.5]), [0, 1, 3, 7, -1]),
        (lambda: 1.0 / counts(), [1.0, 0.5, 1 / 3, 1 / 49], [1, 2, 3, 49]),
        (lambda: pt.sigmoid(counts() / 2.0), special.expit([0.5, 1.5, 3.5, 0.2]), [1, 3, 7, -1]),
        (lambda: 1 - counts(), [1, 0, -6, 2], [0, 1, 7, -1]),
    ],
)
def test_a_discrete_variable_keeps_its_probabilities_whatever_rounding_does(make, values, numbers):
    np.testing.assert_allclose(np.exp(pm.logp(make(), values).eval()), COUNTS.pmf(numbers), rtol=1e-9)


def test_distribution_functions_of_discrete_variables_turned_round():
    np.testing.assert_allclose(np.exp(pm.logcdf(-(0.5 * counts()), [-1.0, -1.25, 0.0]).eval()), COUNTS.sf([1, 2, -1]), rtol=1e-12)
    np.testing.assert_allclose(np.exp(pm.logcdf(0.1 * counts(), [0.3, 0.35]).eval()), COUNTS.cdf(3), rtol=1e-12)
    np.testing.assert_allclose(np.exp(pm.logcdf(pt.abs(counts() - 2), 1).eval()), COUNTS.cdf(3) - COUNTS.cdf(0), rtol=1e-12)


@pytest.mark.parametrize(
    "make, probability",
    [
        (lambda: normal() > 0.2, NORMAL.sf(0.2)),
        (lambda: pt.less_equal(0.2, normal()), NORMAL.sf(0.2)),
        (lambda: counts() < 2, COUNTS.cdf(1)),
        (lambda: counts() < 2.5, COUNTS.cdf(2)),
        (lambda: counts() >= 2, COUNTS.sf(1)),
        (lambda: 0.5 * counts() >= 1.0, COUNTS.sf(1)),
        (lambda: pt.equal(counts(), 2), COUNTS.pmf(2)),
        (lambda: ~(normal() > 0.2), NORMAL.cdf(0.2)),
        (lambda: normal() > pm.Normal.dist(1.0, 0.5), stats.norm(-0.7, np.hypot(1.3, 0.5)).sf(0.0)),
    ],
)
def test_comparisons(make, probability):
    np.testing.assert_allclose(np.exp(pm.logp(make(), [True, False]).eval()), [probability, 1 - probability], rtol=1e-10)


def test_rounding_and_what_is_made_of_it():
    v = np.array([-1.0, 0.0, 2.0, 0.5])
    cdf = NORMAL.cdf
    for x, low, high in ((pt.floor(normal()), v, v + 1), (pt.ceil(normal()), v - 1, v), (pt.round(normal()), v - 0.5, v + 0.5)):
        wanted = np.where(v == np.floor(v), cdf(high) - cdf(low), 0.0)
        np.testing.assert_allclose(np.exp(pm.logp(x, v).eval()), wanted, rtol=1e-10)
        # It stays discrete: nothing is stretched.
        np.testing.assert_allclose(np.exp(pm.logp(0.3 * x, 0.3 * v).eval()), wanted, rtol=1e-10)


@pytest.mark.parametrize(
    "make, limits",
    [
        (lambda x: 2.0 * x, [-1.0, 2.0]),
        (lambda x: pt.exp(x), np.exp([-0.5, 1.0])),
        (lambda x: 0.1 - x, [0.6, -0.9]),
        (lambda x: pt.sigmoid(-3.0 * x), special.expit([1.5, -3.0])),
    ],
)
@pytest.mark.parametrize("limited", [lambda: pt.clip(normal(), -0.5, 1.0), lambda: pm.Censored.dist(normal(), -0.5, 1.0)])
def test_a_function_of_what_is_clipped_keeps_the_masses(make, limits, limited):
    x, free = make(limited()), make(normal())
    inside = np.array(limits) @ np.array([[0.25, 0.5], [0.75, 0.5]])
    np.testing.assert_allclose(np.exp(pm.logp(x, limits).eval()), [NORMAL.cdf(-0.5), NORMAL.sf(1.0)], rtol=1e-12)
    np.testing.assert_allclose(pm.logp(x, inside).eval(), pm.logp(free, inside).eval(), rtol=1e-12)
    end, other = max(limits), min(limits)
    np.testing.assert_allclose(pm.logcdf(x, end).eval(), 0.0, atol=1e-15)
    assert np.isneginf(pm.logcdf(x, other - 1e-9).eval())
    np.testing.assert_allclose(np.exp(pm.logcdf(x, other).eval()), NORMAL.cdf(-0.5) if limits[0] == other else NORMAL.sf(1.0), rtol=1e-12)


def test_choices_by_chance():
    bern, cat = (lambda: pm.Bernoulli.dist(0.3)), pm.Categorical.dist([0.2, 0.3, 0.5])
    v = np.array([0.4, 1.3])
    half = np.log(0.7 * NORMAL.pdf(v) + 0.3 * GAMMA.pdf(v))
    np.testing.assert_allclose(pm.logp(pt.stack([normal(), gamma()])[bern()], v).eval(), half, rtol=1e-12)
    np.testing.assert_allclose(pm.logp(pt.where(bern(), gamma(), normal()), v).eval(), half, rtol=1e-12)
    three = 0.2 * NORMAL.pdf(v) + 0.3 * GAMMA.pdf(v) + 0.5 * stats.lognorm(1.3, scale=np.exp(0.3)).pdf(v)
    mixture = pt.stack([normal(), gamma(), pt.exp(normal())])[cat]
    np.testing.assert_allclose(np.exp(pm.logp(mixture, v).eval()), three, rtol=1e-12)
    below = 0.2 * NORMAL.cdf(v) + 0.3 * GAMMA.cdf(v) + 0.5 * stats.lognorm(1.3, scale=np.exp(0.3)).cdf(v)
    np.testing.assert_allclose(np.exp(pm.logcdf(mixture, v).eval()), below, rtol=1e-12)
    np.testing.assert_allclose(np.exp(pm.logp(pt.clip(mixture, 0.4, 9.0), 0.4).eval()), below[0], rtol=1e-12)
    # An index of one vector variable, counted from the end too.
    one = pm.Normal.dist([0.0, 1.0, 5.0], 1.0)[pm.DiscreteUniform.dist(-1, 1)]
    np.testing.assert_allclose(np.exp(pm.logp(one, 5.0).eval()), np.mean(stats.norm.pdf([5.0, 4.0, 0.0])), rtol=1e-12)


def test_where_one_alternative_has_a_mass_the_density_of_the_other_counts_nothing():
    zero_or_normal = pt.where(pm.Bernoulli.dist(0.3), normal(), 0.0)
    np.testing.assert_allclose(np.exp(pm.logp(zero_or_normal, [0.0, 0.5]).eval()), [0.7, 0.3 * NORMAL.pdf(0.5)], rtol=1e-12)
    x = normal()
    rectified = pt.where(x > 0.0, x, 0.0)
    np.testing.assert_allclose(np.exp(pm.logp(rectified, [0.0, 0.5]).eval()), [NORMAL.cdf(0.0), NORMAL.pdf(0.5)], rtol=1e-12)


def test_extremes():
    v = np.array([0.4, 1.3])
    five = 5 * NORMAL.pdf(v) * NORMAL.cdf(v) ** 4
    np.testing.assert_allclose(np.exp(pm.logp(pt.max(normal(shape=(5,))), v).eval()), five, rtol=1e-12)
    np.testing.assert_allclose(np.exp(pm.logp(pt.min(-normal(shape=(5,))), -v).eval()), five, rtol=1e-12)
    three = pt.max(pt.stack([normal(), gamma(), -normal()]))
    cdf = lambda a: NORMAL.cdf(a) * GAMMA.cdf(a) * NORMAL.sf(-a)
    np.testing.assert_allclose(np.exp(pm.logp(three, v).eval()), (cdf(v + 1e-6) - cdf(v - 1e-6)) / 2e-6, rtol=1e-8)
    np.testing.assert_allclose(np.exp(pm.logcdf(three, v).eval()), cdf(v), rtol=1e-12)
    k = np.arange(4)
    other = stats.poisson(3.0)
    largest = COUNTS.cdf(k) * other.cdf(k) - COUNTS.cdf(k - 1) * other.cdf(k - 1)
    smallest = COUNTS.sf(k - 1) * other.sf(k - 1) - COUNTS.sf(k) * other.sf(k)
    for x, wanted in ((pt.maximum(counts(), pm.Poisson.dist(3.0)), largest), (pt.minimum(counts(), pm.Poisson.dist(3.0)), smallest)):
        np.testing.assert_allclose(np.exp(pm.logp(x, k).eval()), wanted, rtol=1e-10)
    np.testing.assert_allclose(np.exp(pm.logp(pt.min(counts(shape=(3,))), k).eval()), COUNTS.sf(k - 1) ** 3 - COUNTS.sf(k) ** 3, rtol=1e-10)


def test_sums_and_linear_maps_of_normals():
    a, b = pm.Normal.dist(0.3, 1.3), pm.Normal.dist(1.0, 2.0)
    known = stats.norm(2 * 0.3 - 3 * 1.0 + 1, np.hypot(2 * 1.3, 3 * 2.0))
    x, v, q = 2.0 * a - 3.0 * b + 1.0, np.array([-1.0, 2.0]), np.array([0.2, 0.9])
    np.testing.assert_allclose(pm.logp(x, v).eval(), known.logpdf(v), rtol=1e-12)
    np.testing.assert_allclose(pm.logcdf(x, v).eval(), known.logcdf(v), rtol=1e-12)
    np.testing.assert_allclose(pm.icdf(x, q).eval(), known.ppf(q), rtol=1e-12)
    A = np.array([[2.0, 1.0], [0.5, 3.0]])
    for x, matrix in ((pt.constant(A) @ normal(shape=2), A), (normal(shape=2) @ pt.constant(A), A.T)):
        wanted = stats.multivariate_normal(matrix @ [0.3, 0.3], 1.3**2 * matrix @ matrix.T).logpdf([1.0, 2.0])
        np.testing.assert_allclose(pm.logp(x, [1.0, 2.0]).eval(), wanted, rtol=1e-12)


def test_the_event_axes_of_a_linear_map_are_known_from_the_first_call():
    import subprocess
    import sys

    code = "import workbench as pm, workbench.tensor as pt; print(pm.logp(pt.eye(2) @ pm.Normal.dist(0, 1, shape=2), [0.0, 0.0]).shape)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "()"


def test_parts_have_distribution_functions_and_quantiles_too():
    x = pt.exp(pm.Normal.dist([0.0, 3.0], 1.0))[1]
    known = stats.lognorm(1.0, scale=np.exp(3.0))
    np.testing.assert_allclose([pm.logcdf(x, 9.0).eval(), pm.icdf(x, 0.3).eval()], [known.logcdf(9.0), known.ppf(0.3)], rtol=1e-12)
    joined = pt.stack([normal(), gamma()])
    np.testing.assert_allclose(pm.logcdf(joined, [0.1, 0.9]).eval(), [NORMAL.logcdf(0.1), GAMMA.logcdf(0.9)], rtol=1e-12)
    np.testing.assert_allclose(pm.logp(joined[1], 0.9).eval(), GAMMA.logpdf(0.9), rtol=1e-12)


# Derived variables in models ---------------------------------------------------------------------

OBSERVED = {
    "chain": (lambda mu, s, size: pt.exp(1.0 + s * pm.Normal.dist(mu, 1.0, size=size)), [0.5, 1.0, 2.0]),
    "clipped": (lambda mu, s, size: pt.exp(pt.clip(pm.Normal.dist(mu, s, size=size), 0.0, 1.0)), [1.0, 1.7, np.e]),
    "mixture": (lambda mu, s, size: pt.stack([pm.Normal.dist(mu, s), pt.exp(pm.Normal.dist(mu, s))])[pm.Bernoulli.dist(0.3)], 1.2),
    "rounded": (lambda mu, s, size: pt.round(pt.exp(pm.Normal.dist(mu, s, size=size))), [1.0, 3.0]),
    "reciprocal": (lambda mu, s, size: 1.0 / pm.Normal.dist(mu, s, size=size), [1.0, -3.0]),
    "size": (lambda mu, s, size: pt.abs(pm.Normal.dist(mu, s, size=size)), [1.0, 0.3]),
    "true": (lambda mu, s, size: pm.Normal.dist(mu, s, size=size) > 0.2, [True, False]),
    "steps": (lambda mu, s, size: pt.cumsum(pm.Normal.dist(mu, s, shape=3)), [1.0, 0.3, 2.0]),
    "map": (lambda mu, s, size: pt.stack([pt.stack([s, mu]), pt.constant([0.0, 1.0])]) @ pm.Normal.dist(mu, s, shape=2), [1.0, 0.3]),
    "erfcx": (lambda mu, s, size: pt.erfcx(pm.Normal.dist(mu, s, size=size)), [1.0, 0.4, 3.0]),
    "cosh": (lambda mu, s, size: pt.cosh(pm.Normal.dist(mu, s, size=size)), [1.5, 3.0]),
    "larger": (lambda mu, s, size: pt.maximum(pm.Normal.dist(mu, s, size=size), pm.Gamma.dist(2.0, 1.0, size=size)), [0.5, 1.5]),
    "largest": (lambda mu, s, size: pt.max(pm.Normal.dist(mu, s, shape=3)), 1.5),
    "sum": (lambda mu, s, size: pm.Normal.dist(mu, s, size=size) + pm.Normal.dist(mu, 1.0, size=size), [0.2, -1.0]),
    "bent": (lambda mu, s, size: bent(pm.Normal.dist(mu, s, size=size)), [0.2, -0.1]),
}  # fmt: skip


def bent(x):
    return pt.where(x > 0.0, x, 0.1 * x)


def test_gradients_by_hyperparameters_agree_with_differences():
    with pm.Model() as model:
        mu, s = pm.Normal("mu"), pm.HalfNormal("s")
        for name, (dist, observed) in OBSERVED.items():
            pm.CustomDist(name, mu, s, dist=dist, observed=observed)
    at = np.array([0.3, -0.2])
    every = model.point_logps({"mu": at[0], "s_log__": at[1]}, round_vals=12)
    assert np.isfinite(list(every.values())).all(), every
    for backend in ("numpy", "c"):
        run = model.logp_dlogp_function(backend=backend)
        value, gradient = run(at)
        np.testing.assert_allclose(value, sum(every.values()), rtol=1e-10)
        slopes = [(run(at + h)[0] - run(at - h)[0]) / 2e-5 for h in 1e-5 * np.eye(2)]
        np.testing.assert_allclose(gradient, slopes, rtol=1e-6, atol=1e-6)


def test_a_derived_variable_may_be_free_and_a_parameter_of_others():
    with pm.Model() as model:
        mu = pm.Normal("mu")
        y = pm.CustomDist("y", mu, dist=lambda mu, size: pt.exp(pm.Normal.dist(mu, 1.0, size=size)))
        pm.Normal("z", y, 1.0, observed=1.0)
    found = model.compile_logp(backend="numpy")({"mu": 0.3, "y": 0.8})
    wanted = stats.norm.logpdf(0.3) + stats.lognorm(1.0, scale=np.exp(0.3)).logpdf(0.8) + stats.norm(0.8, 1.0).logpdf(1.0)
    np.testing.assert_allclose(found, wanted, rtol=1e-12)
    assert "density_of_exp" in [f.rule.name for p in model.density().trace.passes for f in p.firings]


# What cannot be derived ----------------------------------------------------------------------------


def twice(function):
    x = normal()
    return function(x)


UNDERIVABLE = {
    "add": lambda: normal() + gamma(),
    "multiply": lambda: normal() * normal(),
    "divide": lambda: twice(lambda x: x / pt.exp(x)),
    "sort": lambda: pt.sort(normal(shape=3)),
    "sum": lambda: pt.dot(normal(shape=(2, 2)), normal(shape=2)),
    "prod": lambda: pt.prod(gamma(shape=3)),
    "sin": lambda: pt.sin(normal()),
    "broadcast_to": lambda: pt.broadcast_to(normal(), (3,)),
    "concatenate": lambda: twice(lambda x: pt.stack([x, x])),
    "subtract": lambda: twice(lambda x: x - 0.5 * x),
    "greater": lambda: twice(lambda x: x > pt.sin(x)),
    "maximum": lambda: twice(lambda x: pt.maximum(x, -x)),
    "where": lambda: twice(lambda x: pt.where(x > 0.0, x, -x)),
    "abs": lambda: pt.abs(pt.clip(normal(), -1.0, 0.5)),
    "floor": lambda: pt.floor(pm.HurdleGamma.dist(psi=0.5, alpha=1.0, beta=1.0)),
    "exp": lambda: pt.exp(pm.HurdleGamma.dist(psi=0.5, alpha=1.0, beta=1.0)),
    "greater_equal": lambda: pt.clip(normal(), -1.0, 0.5) >= 0.5,
    "take": lambda: normal(shape=3)[pt.constant([0, 0])],
    "argmax": lambda: pt.argmax(normal(shape=3)),
    "cumprod": lambda: pt.cumprod(normal(shape=3)),
    "equal": lambda: pt.equal(normal(), 0.2),
    "log": lambda: pt.log(pt.scalar("a")),
}


@pytest.mark.parametrize("op", UNDERIVABLE)
def test_what_cannot_be_derived_is_an_error_that_names_the_operation_and_the_line(op):
    x = UNDERIVABLE[op]()
    value = pt.tensor("v", "int64" if x.dtype == "bool" else x.dtype, x.type.shape)
    with pytest.raises(LogProbError, match=op) as caught:
        pm.logp(x, value)
    assert caught.value.location.filename == __file__ and f'"{op}": lambda' in caught.value.location.text


@pytest.mark.parametrize(
    "make",
    [
        lambda: twice(lambda x: x + x),
        lambda: twice(lambda x: x * x),
        lambda: twice(lambda x: x + pm.Normal.dist(x, 1.0)),
        lambda: twice(lambda x: pt.max(pt.stack([x, x]))),
        lambda: twice(lambda x: pt.sum(pt.stack([x, x]))),
        lambda: pt.sum(normal() * pt.constant([1.0, 2.0])),
        lambda: 0.0 * normal(),
        lambda: pt.constant([[1.0, 2.0], [2.0, 4.0]]) @ normal(shape=2),
        lambda: pt.constant([[1.0, 2.0], [2.0, 4.0], [0.0, 1.0]]) @ normal(shape=2),
        lambda: pm.Dirichlet.dist([1.0, 2.0, 3.0])[0],
        lambda: pt.max(pm.MvNormal.dist([0.0, 1.0], np.eye(2))),
    ],
)
def test_nothing_wrong_is_derived_in_silence(make):
    x = make()
    with pytest.raises(LogProbError):
        pm.logp(x, pt.tensor("v", "float64", x.type.shape))


def test_an_error_in_a_model_names_the_line_that_wrote_the_expression():
    with pm.Model() as model:
        mu = pm.Normal("mu")
        pm.CustomDist("y", mu, dist=lambda mu, size: pt.sin(pm.Normal.dist(mu, 1.0, size=size)), observed=[0.2, 0.3])
    with pytest.raises(LogProbError, match="sin") as caught:
        model.logp()
    assert "pt.sin(" in caught.value.location.text


def test_a_function_of_a_variable_that_has_a_value_has_no_density():
    with pm.Model() as model:
        pm.CustomDist("y", pm.Normal("x"), dist=lambda x, size: pt.exp(x), observed=2.0)
    with pytest.raises(LogProbError, match="no random variable lies below exp"):
        model.logp()


def test_two_variables_made_of_one_that_has_no_value_are_an_error():
    z = normal()
    with pm.Model() as model:
        pm.CustomDist("y", dist=lambda size: pt.exp(z), observed=2.0)
        pm.CustomDist("w", dist=lambda size: 2.0 * z, observed=1.0)
    with pytest.raises(ModelError, match="y and w are made of the same random variable"):
        model.logp()


def test_given_what_they_are_drawn_by_variables_are_independent():
    with pm.Model() as model:
        mu = pm.Normal("mu")
        pm.Potential("p", pm.logp(pm.Normal.dist(mu, 1.0) + pm.Normal.dist(mu, 2.0), 1.5))
    wanted = stats.norm.logpdf(0.4) + stats.norm(0.8, np.sqrt(5.0)).logpdf(1.5)
    np.testing.assert_allclose(model.compile_logp(backend="numpy")({"mu": 0.4}), wanted, rtol=1e-12)


# Random variables as tensors ------------------------------------------------------------------------


def test_a_shifted_or_scaled_normal_is_one_that_makes_the_same_numbers():
    a, x = pt.scalar("a"), pm.Normal.dist(0.5, 1.5)
    texts = {}
    for before in (x + a, a + x, x - a, 2.0 * x, x / 4.0, 1.0 + 2.0 * x, pt.exp(a) * x, a * x, -2.0 * x, a - x, 2.0 / x):
        (after,), record = random_pass().run([before])
        texts[str(before)] = [f.rule.name for f in record.firings]
        # Compiled functions draw from the keys that stand in the graph.
        found, wanted = (pm.function([a], y + 0.0 * a, backend="numpy")(0.7) for y in (after, before))
        np.testing.assert_allclose(found, wanted, rtol=1e-14)
    assert [len(names) for names in texts.values()] == [1, 1, 1, 1, 1, 2, 1, 0, 0, 0, 0]


def test_a_random_variable_may_be_the_shape_of_another():
    z = pm.Normal.dist(0.0, 1.0, shape=pm.Poisson.dist(4.0))
    assert {len(pm.draw(z, random_seed=seed)) for seed in range(8)} > {2, 3} or z.eval().ndim == 1
    with pm.Model() as model:
        n = pm.Poisson("n", 2.0)
        pm.Normal("z", shape=n)
    number, numbers = pm.draw([n, model["z"]], random_seed=3)
    assert len(numbers) == number
    with pytest.raises(ModelError, match="z: its shape is known only at run time, it depends on a random variable"), model:
        pm.sample(draws=5, tune=5, chains=1)


# Rules --------------------------------------------------------------------------------------------------

DERIVATIONS = [r for r in (logprob_pass(), RULES)[1].values() if r.group == "logprob"]


@pytest.mark.parametrize("rule", DERIVATIONS, ids=lambda r: r.name)
def test_every_rule_has_a_text_and_an_example_that_it_derives(rule):
    assert len(rule.doc) > 20 and rule.examples()
    for example in rule.examples():
        derived, record = logprob_pass().run([example])
        require_derived(derived)
    assert rule.name in {f.rule.name for f in record.firings} or len(rule.examples()) > 1


def test_survival_functions_keep_their_digits():
    (tail,), _ = logprob_pass().run([log_survival_node(pt.exp(normal()), pt.constant(np.exp(12.0)))])
    np.testing.assert_allclose(tail.eval(), NORMAL.logsf(12.0), rtol=1e-12)


def test_a_chain_of_variables_takes_work_in_proportion_to_its_length():
    def calls(n):
        with pm.Model() as model:
            x = pm.Normal("x0")
            for i in range(1, n):
                x = pm.Normal(f"x{i}", x, 1.0)
        made = 0

        def count(frame, event, argument):
            nonlocal made
            made += event == "call"

        sys.setprofile(count)
        try:
            model.logp()
        finally:
            sys.setprofile(None)
        return made

    calls(20)
    # 8 times as many, where it would be 64 if every variable went through all before it.
    assert calls(480) < 12 * calls(60)
