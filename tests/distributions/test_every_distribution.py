"""What holds for every distribution that there is: nothing exported is without a line here and in its family's tables."""

import importlib.util
import inspect
import os
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.stats as st

import workbench as pm
import workbench.tensor as pt
from workbench import distributions
from workbench.compile import function
from workbench.compile.c.toolchain import find_compiler
from workbench.distributions import Distribution, set_key
from workbench.errors import ModelError, ParameterValueError
from workbench.graph import Graph
from workbench.transforms import grad

A2 = np.array([[2.0, 0.5], [0.5, 1.0]])
W3 = np.array([[0.0, 1.0, 1.0], [1.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
P = np.array([0.2, 0.5, 0.3])
NORMAL = pm.Normal.dist(0.3, 1.0)


def pull(x, rate):
    return -rate * x, 0.5 + 0.1 * x * x


EVERY = {
    "AR": lambda: pm.AR.dist([0.5, 0.2], 0.7, init_dist=NORMAL, shape=5),
    "AsymmetricLaplace": lambda: pm.AsymmetricLaplace.dist(0.7, 0.5, 2.0, shape=3),
    "Bernoulli": lambda: pm.Bernoulli.dist(0.3, shape=3),
    "Beta": lambda: pm.Beta.dist(2.5, 1.5, shape=3),
    "BetaNegativeBinomial": lambda: pm.BetaNegativeBinomial.dist(3.0, 2.0, 1.5, shape=3),
    "BetaBinomial": lambda: pm.BetaBinomial.dist(1.2, 0.7, 6, shape=3),
    "Binomial": lambda: pm.Binomial.dist(5, 0.3, shape=3),
    "CAR": lambda: pm.CAR.dist(np.ones(3), W3, 0.6, 2.0),
    "Categorical": lambda: pm.Categorical.dist(P, shape=3),
    "Cauchy": lambda: pm.Cauchy.dist(0.5, 2.0, shape=3),
    "Censored": lambda: pm.Censored.dist(pm.Normal.dist(0.5, 2.0), -1.0, 2.0, shape=3),
    "ChiSquared": lambda: pm.ChiSquared.dist(3.0, shape=3),
    "CholeskyKroneckerNormal": lambda: pm.KroneckerNormal.dist(0.0, covs=[A2, A2]),
    "CholeskyMvNormal": lambda: pm.MvNormal.dist([0.1, 0.2], chol=np.linalg.cholesky(A2)),
    "CholeskyMvStudentT": lambda: pm.MvStudentT.dist(4.0, mu=[0.1, 0.2], chol=np.linalg.cholesky(A2)),
    "DiracDelta": lambda: pm.DiracDelta.dist(2.5, shape=3),
    "Dirichlet": lambda: pm.Dirichlet.dist([0.7, 1.0, 3.0]),
    "DirichletMultinomial": lambda: pm.DirichletMultinomial.dist(6, [0.7, 1.0, 3.0]),
    "DiscreteMarkovChain": lambda: pm.DiscreteMarkovChain.dist([[0.7, 0.3], [0.4, 0.6]], init_dist=pm.Categorical.dist([0.2, 0.8]), steps=5),
    "DiscreteUniform": lambda: pm.DiscreteUniform.dist(-2, 4, shape=3),
    "DiscreteWeibull": lambda: pm.DiscreteWeibull.dist(0.9, 0.6, shape=3),
    "EulerMaruyama": lambda: pm.EulerMaruyama.dist(0.1, pull, (0.5,), init_dist=NORMAL, shape=4),
    "ExGaussian": lambda: pm.ExGaussian.dist(0.5, 2.0, nu=1.5, shape=3),
    "Exponential": lambda: pm.Exponential.dist(2.5, shape=3),
    "Flat": lambda: pm.Flat.dist(shape=3),
    "GARCH11": lambda: pm.GARCH11.dist(1.2, 0.3, 0.2, 2.0, shape=4),
    "Gamma": lambda: pm.Gamma.dist(2.5, 1.5, shape=3),
    "GaussianRandomWalk": lambda: pm.GaussianRandomWalk.dist(0.1, 0.5, init_dist=NORMAL, steps=3),
    "GeneralizedPoisson": lambda: pm.GeneralizedPoisson.dist(2.0, 0.3, shape=3),
    "Geometric": lambda: pm.Geometric.dist(0.3, shape=3),
    "Gumbel": lambda: pm.Gumbel.dist(0.5, 2.0, shape=3),
    "HalfCauchy": lambda: pm.HalfCauchy.dist(2.0, shape=3),
    "HalfFlat": lambda: pm.HalfFlat.dist(shape=3),
    "HalfNormal": lambda: pm.HalfNormal.dist(1.5, shape=3),
    "HalfStudentT": lambda: pm.HalfStudentT.dist(3.5, 2.0, shape=3),
    "HurdleGamma": lambda: pm.HurdleGamma.dist(0.7, 2.5, 1.5, shape=3),
    "HurdleLogNormal": lambda: pm.HurdleLogNormal.dist(0.7, 0.1, 1.3, shape=3),
    "HurdleNegativeBinomial": lambda: pm.HurdleNegativeBinomial.dist(0.7, 2.1, 1.3, shape=3),
    "HurdlePoisson": lambda: pm.HurdlePoisson.dist(0.7, 2.1, shape=3),
    "HyperGeometric": lambda: pm.HyperGeometric.dist(20, 7, 12, shape=3),
    "ICAR": lambda: pm.ICAR.dist(W3, 1.3, 0.5),
    "Interpolated": lambda: pm.Interpolated.dist([-1.0, 0.5, 1.0, 2.0], [0.1, 1.0, 0.25, 2.0], shape=3),
    "InverseGamma": lambda: pm.InverseGamma.dist(2.5, 1.5, shape=3),
    "KroneckerNormal": lambda: pm.KroneckerNormal.dist(0.0, covs=[A2, A2], sigma=0.5),
    "Kumaraswamy": lambda: pm.Kumaraswamy.dist(2.5, 1.5, shape=3),
    "LKJCholeskyCov": lambda: pm.LKJCholeskyCov.dist(1.5, 2, pm.Exponential.dist(1.0), compute_corr=False),
    "LKJCorr": lambda: pm.LKJCorr.dist(3, 1.5),
    "Laplace": lambda: pm.Laplace.dist(0.5, 2.0, shape=3),
    "LogNormal": lambda: pm.LogNormal.dist(0.5, 0.7, shape=3),
    "Logistic": lambda: pm.Logistic.dist(0.5, 2.0, shape=3),
    "LogitNormal": lambda: pm.LogitNormal.dist(0.5, 2.0, shape=3),
    "MatrixNormal": lambda: pm.MatrixNormal.dist(np.ones((2, 2)), rowcov=A2, colcov=A2),
    "Mixture": lambda: pm.Mixture.dist(P[:2] / P[:2].sum(), [pm.Normal.dist(0.0, 1.0), pm.Gumbel.dist(3.0, 1.0)], shape=3),
    "Chi": lambda: pm.Chi.dist(2.5, shape=3),
    "GenExtreme": lambda: pm.GenExtreme.dist(0.5, 2.0, 0.1, shape=3),
    "Maxwell": lambda: pm.Maxwell.dist(2.0, shape=3),
    "Moyal": lambda: pm.Moyal.dist(0.5, 2.0, shape=3),
    "Multinomial": lambda: pm.Multinomial.dist(6, P),
    "MvGaussianRandomWalk": lambda: pm.MvGaussianRandomWalk.dist([0.1, 0.2], cov=A2, init_dist=pm.MvNormal.dist([0.0, 0.0], A2), steps=3),
    "MvNormal": lambda: pm.MvNormal.dist([0.1, 0.2], cov=A2),
    "MvStudentT": lambda: pm.MvStudentT.dist(4.0, mu=[0.1, 0.2], scale=A2),
    "MvStudentTRandomWalk": lambda: pm.MvStudentTRandomWalk.dist(
        nu=4.0, mu=[0.1, 0.2], scale=A2, init_dist=pm.MvNormal.dist([0.0, 0.0], A2), steps=3
    ),
    "NegativeBinomial": lambda: pm.NegativeBinomial.dist(2.3, 1.7, shape=3),
    "Normal": lambda: pm.Normal.dist(1.5, 2.0, shape=3),
    "NormalMixture": lambda: pm.NormalMixture.dist(P, [-1.0, 0.0, 4.0], [1.0, 2.0, 0.5], shape=3),
    "OrderedLogistic": lambda: pm.OrderedLogistic.dist(0.3, [-1.0, 0.5], shape=3),
    "OrderedMultinomial": lambda: pm.OrderedMultinomial.dist(0.3, [-1.0, 0.5], 6),
    "OrderedProbit": lambda: pm.OrderedProbit.dist(0.3, [-1.0, 0.5], shape=3),
    "Pareto": lambda: pm.Pareto.dist(2.5, 1.5, shape=3),
    "Poisson": lambda: pm.Poisson.dist(2.3, shape=3),
    "PolyaGamma": lambda: pm.PolyaGamma.dist(1.5, 0.5, shape=3),
    "PrecisionMvNormal": lambda: pm.MvNormal.dist([0.1, 0.2], tau=A2),
    "PrecisionMvStudentT": lambda: pm.MvStudentT.dist(4.0, mu=[0.1, 0.2], tau=A2),
    "RandomWalk": lambda: pm.RandomWalk.dist(NORMAL, pm.Laplace.dist(0.15, 2.0), steps=3),
    "Rice": lambda: pm.Rice.dist(1.5, 2.0, shape=3),
    "Skellam": lambda: pm.Skellam.dist(2.0, 3.0, shape=3),
    "SkewNormal": lambda: pm.SkewNormal.dist(-1.5, 0.5, 2.0, shape=3),
    "SkewStudentT": lambda: pm.SkewStudentT.dist(2.0, 3.0, mu=0.5, sigma=2.0, shape=3),
    "StickBreakingWeights": lambda: pm.StickBreakingWeights.dist(2.5, 2),
    "StudentT": lambda: pm.StudentT.dist(3.5, 1.0, sigma=2.0, shape=3),
    "Triangular": lambda: pm.Triangular.dist(-1.0, 3.0, 0.5, shape=3),
    "Truncated": lambda: pm.Truncated.dist(pm.Gamma.dist(1.7, 1.0), 0.3, 2.5, shape=3),
    "TruncatedNormal": lambda: pm.TruncatedNormal.dist(0.5, 2.0, lower=-1.0, upper=2.5, shape=3),
    "Uniform": lambda: pm.Uniform.dist(-1.0, 3.0, shape=3),
    "VonMises": lambda: pm.VonMises.dist(0.5, 2.0, shape=3),
    "Wald": lambda: pm.Wald.dist(1.5, 2.0, alpha=0.5, shape=3),
    "Weibull": lambda: pm.Weibull.dist(1.5, 2.0, shape=3),
    "Wishart": lambda: pm.Wishart.dist(5.5, A2),
    "ZeroInflatedBinomial": lambda: pm.ZeroInflatedBinomial.dist(0.7, 5, 0.4, shape=3),
    "ZeroInflatedNegativeBinomial": lambda: pm.ZeroInflatedNegativeBinomial.dist(0.7, 2.1, 1.3, shape=3),
    "ZeroInflatedPoisson": lambda: pm.ZeroInflatedPoisson.dist(0.3, 2.1, shape=3),
    "ZeroSumNormal": lambda: pm.ZeroSumNormal.dist(1.5, shape=3),
}
# What MvNormal, MvStudentT and KroneckerNormal choose by their arguments: tested and documented under these names.
CHOSEN = {"CholeskyMvNormal", "PrecisionMvNormal", "CholeskyMvStudentT", "PrecisionMvStudentT", "CholeskyKroneckerNormal"}
IMPROPER = {"Flat", "HalfFlat"}
AT = np.array([0.5, 1.5, 2.5])
HERE = Path(__file__).parent


def exported(module):
    found = [getattr(module, n) for n in module.__all__]
    return {c.__name__ for c in found if isinstance(c, type) and issubclass(c, Distribution) and c is not Distribution}


def family(name):
    spec = importlib.util.spec_from_file_location(name, HERE / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_exported_distribution_has_its_line():
    assert set(EVERY) == exported(distributions)
    # What takes Python functions is tested in tests/model; the rest of the names is the same.
    assert exported(pm) - {"CustomDist", "DensityDist", "Simulator"} <= set(EVERY)


# Tested in functions of their own, by file.
ELSEWHERE = {
    "density": {
        "test_continuous": {"PolyaGamma": "test_the_density_of_polya_gamma_is_its_series", "Flat": "test_nan_and_infinity_have_no_density",
                            "HalfFlat": "test_nan_and_infinity_have_no_density"},
        "test_discrete": dict.fromkeys(["HurdleGamma", "HurdleLogNormal"], "test_hurdles_before_continuous_distributions"),
        "test_time_series": dict.fromkeys(["MvGaussianRandomWalk", "MvStudentTRandomWalk"], "test_walks_of_vectors"),
        "test_every_distribution": {"DiracDelta": "test_a_point_mass_is_there_alone"},
        "test_markov_chains": {"DiscreteMarkovChain": "test_logp_is_the_product_of_the_steps"},
    },
    "draw": {
        "test_continuous": {"PolyaGamma": "test_draws_of_polya_gamma_have_its_mean_and_follow_the_density",
                            **dict.fromkeys(IMPROPER, "test_improper_priors_cannot_be_drawn")},
        "test_discrete": {"HurdleGamma": "test_hurdles_before_continuous_distributions"},
        "test_time_series": {"RandomWalk": "test_draws_of_random_walks_have_independent_steps",
                             "AR": "test_draws_of_autoregressions_leave_normal_noise",
                             "GARCH11": "test_draws_of_garch_have_the_volatility_of_their_past",
                             "EulerMaruyama": "test_draws_of_a_differential_equation_follow_its_steps",
                             "MvGaussianRandomWalk": "test_walks_of_vectors"},
        "test_markov_chains": {"DiscreteMarkovChain": "test_draws_have_the_probabilities_of_the_chain"},
        "test_every_distribution": {"DiracDelta": "test_a_point_mass_is_there_alone",
                                    **dict.fromkeys(["HurdleLogNormal", "OrderedMultinomial", "GaussianRandomWalk", "MvStudentTRandomWalk",
                                                     "NormalMixture", "Censored"], "test_draws_of_what_is_made_of_others")},
    },
}  # fmt: skip


def test_every_distribution_is_in_the_tables_of_its_family():
    names = ("test_continuous", "test_discrete", "test_multivariate", "test_modifiers", "test_time_series", "test_markov_chains")
    modules = {name: family(name) for name in names} | {"test_every_distribution": sys.modules[__name__]}
    continuous, discrete, multivariate, modifiers, series, _ = (modules[name] for name in names)

    def first_words(table):
        return {name.split()[0] for name in table}

    one_by_one = {c.__name__ for c, *_ in continuous.CASES} | {c.__name__ for c, *_ in discrete.CASES}
    modified = {modifiers.made(name)[0].op.name for name in modifiers.CASES}
    tables = {
        "density": one_by_one | first_words(multivariate.pymc_says.CASES) | modified | first_words(series.CASES),
        "draw": one_by_one | first_words({**multivariate.DRAWS, **multivariate.COUNTS}) | {rv.op.name for rv, _ in modifiers.DRAWS.values()},
    }
    for kind, found in tables.items():
        for file, functions in ELSEWHERE[kind].items():
            assert all(hasattr(modules[file], f) for f in functions.values()), file
            found |= set(functions)
        assert set(EVERY) - CHOSEN - found == set(), kind


# Densities and their gradients ----------------------------------------------------------------

# Where draws will not do: there are none, or they lie where the density is not smooth.
VALUES = {"Flat": AT, "HalfFlat": AT, "HurdleGamma": AT, "HurdleLogNormal": AT, "Censored": np.array([-0.5, 0.3, 1.5])}
WHOLE = {"N", "k", "n"}


class Case:
    """A distribution's density as a function of its value and its parameters, and where."""

    def __init__(self, name):
        self.rv = EVERY[name]()
        self.cls = self.rv.op.distribution
        set_key(self.rv, 5)
        self.value = VALUES[name] if name in VALUES else self.rv.eval()
        parameters = self.rv.inputs[1:]
        self.at = [self.value, *(p.eval() for p in parameters)]
        self.inputs = [pt.tensor(f"{name}{i}", x.dtype.name, x.shape) for i, x in enumerate(self.at)]
        self.total = pt.sum(self.cls.density(*self.inputs))
        discrete = self.rv.dtype == "int64"
        moving = [not discrete, *(not discrete or n not in {*WHOLE, "lower", "upper"} for n in self.cls.parameters)]
        if name == "DiracDelta":
            moving = [False, False]
        self.moving = [i for i, moves in enumerate(moving) if moves]
        self.slopes = grad(self.total, [self.inputs[i] for i in self.moving], disconnected_inputs="ignore") if self.moving else []
        self.outputs = [self.total, *self.slopes]

    def direction(self, i, rng):
        """Where an argument may move: matrices stay symmetric (or triangular), the sum of vectors stays."""
        x = self.at[i]
        d = rng.normal(size=x.shape)
        if x.ndim > 1 and x.shape[-1] == x.shape[-2]:
            return (d + np.swapaxes(d, -1, -2)) * (x != 0)
        return d - d.mean(-1, keepdims=True) if x.ndim and x.shape[-1] > 1 else d


@pytest.fixture(scope="module")
def cases():
    return {name: Case(name) for name in EVERY}


def test_gradients_agree_with_differences(cases):
    rng = np.random.default_rng(4)
    for name, case in cases.items():
        run = Graph(case.inputs, case.outputs)
        density = Graph(case.inputs, [case.total])
        _, *slopes = run.run("numpy", *case.at)
        for i, slope in zip(case.moving, slopes):
            d, h = case.direction(i, rng), 1e-6
            up, down = ([x + s * h * d if j == i else x for j, x in enumerate(case.at)] for s in (1, -1))
            difference = (density.run("numpy", *up)[0] - density.run("numpy", *down)[0]) / (2 * h)
            assert np.isclose(np.sum(slope * d), difference, rtol=1e-5, atol=1e-6), (name, ("value", *case.cls.parameters)[i])


# Numba and JAX compile for long: there some stand for all.
SOME = {"jax": list(EVERY)[3::4], "numba": ["Beta", "Rice", "ZeroInflatedPoisson"]}
if os.environ.get("WORKBENCH_TESTS") == "all":
    SOME = {}
# What compiled code calls back.
CALLED_BACK = {"CAR": ["eigh"]}


def test_densities_and_gradients_are_the_same_on_every_backend(cases, backend):
    chosen = SOME.get(backend, list(EVERY))
    called_back = []
    # A few together: one function of all takes C's compiler longer.
    for some in (chosen[i : i + 8] for i in range(0, len(chosen), 8)):
        inputs, outputs, at = ([x for n in some for x in getattr(cases[n], part)] for part in ("inputs", "outputs", "at"))
        run = function(inputs, outputs, backend=backend)
        found = iter(run(*at))
        for name in some:
            for wanted in Graph(cases[name].inputs, cases[name].outputs).run("numpy", *cases[name].at):
                np.testing.assert_allclose(next(found), wanted, rtol=1e-8, atol=1e-9, err_msg=name)
        called_back += run.fallbacks
    if backend == "c":
        assert sorted(called_back) == sorted(n for names in CALLED_BACK.values() for n in names)


# Values -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", EVERY)
def test_values_at_the_edge_of_what_is_a_number(cases, name):
    case = cases[name]
    rv, shape = case.rv, case.value.shape

    def logp(value):
        with np.errstate(all="ignore"):
            return pm.logp(rv, value).eval()

    np.testing.assert_array_equal(logp(np.ones(shape, int)), logp(np.ones(shape)))
    assert not np.isfinite(logp(np.full(shape, np.nan))).any()
    if name not in IMPROPER:
        for infinite in (np.inf, -np.inf):
            assert not (logp(np.full(shape, infinite)) > -np.inf).any()
    if case.cls.event_rank == 0:
        none = case.cls.variable(rv.inputs[1:], shape=(0,))
        assert logp(case.value[:0] if none is rv else case.value).shape == shape
        assert pm.logp(none, np.zeros(0, rv.dtype)).eval().shape == (0,)
        assert name in IMPROPER or none.eval().shape == (0,)


@pytest.mark.parametrize("name", EVERY)
def test_support_points_are_in_the_support(cases, name):
    case = cases[name]
    point = np.broadcast_to(case.cls.support_point(*case.rv.inputs[1:]).eval(), case.value.shape)
    assert np.isfinite(point).all() and np.isfinite(pm.logp(case.rv, point).eval()).all()


@pytest.mark.parametrize("name", [n for n in EVERY if n not in IMPROPER])
def test_draws_are_in_the_support_and_follow_their_seed(cases, name):
    rv = cases[name].rv
    one, again, *others = (pm.draw(rv, random_seed=seed) for seed in (3, 3, 4, 5, 6, 7))
    assert one.shape == rv.type.shape and one.dtype == rv.dtype
    assert np.isfinite(pm.logp(rv, one).eval()).all()
    np.testing.assert_array_equal(one, again)
    assert name == "DiracDelta" or any(not np.array_equal(one, other) for other in others)
    many = pm.draw(rv, draws=12, random_seed=3)
    np.testing.assert_array_equal(many[0], one)
    assert name == "DiracDelta" or any(not np.array_equal(one, other) for other in many[1:])


ANYWHERE = np.array([-50.0, -2.0, -1.0, 0.0, 0.5, 1.0, 3.0, 50.0])


@pytest.mark.parametrize("name", [n for n in EVERY if n not in {*IMPROPER, "DiracDelta"} and getattr(distributions, n).event_rank == 0])
def test_slopes_in_a_mixture_are_finite_where_a_component_has_no_mass(cases, name):
    """There its share has a derivative of zero times what must not be NaN: it would stop the sampler at once."""
    case = cases[name]
    value, *parameters = inputs = [pt.vector(None, len(ANYWHERE)), *case.inputs[1:]]
    mixed = pt.logaddexp(case.cls.logp(value, *parameters), -0.5 * value * value)
    moving = inputs if case.rv.dtype == "float64" else parameters
    slopes = grad(mixed.sum(), moving, disconnected_inputs="ignore")
    with np.errstate(all="ignore"):
        for slope in Graph(inputs, slopes).run("numpy", ANYWHERE, *case.at[1:]):
            assert np.isfinite(slope).all(), slope


# Parameters -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [n for n, make in EVERY.items() if getattr(distributions, n).domains])
def test_a_bad_parameter_is_an_error_with_its_name_and_value(cases, name):
    case = cases[name]
    parameters = list(case.rv.inputs[1:])
    for i, label in enumerate(case.cls.parameters):
        if label not in case.cls.domains:
            continue
        bad = np.full(parameters[i].type.static_shape, -2.5)
        with pytest.raises(ModelError, match=rf"{case.cls.__name__}: {label} must.*(.|\n)*{label} = .*-2\.5"):
            case.cls.variable([*parameters[:i], pt.constant(bad), *parameters[i + 1 :]])
        given = [*case.at[: i + 1], bad, *case.at[i + 2 :]]
        with pytest.raises(ParameterValueError, match=rf"{case.cls.__name__}: {label} must"):
            case.total.eval(dict(zip(case.inputs, given)))
        random = pt.constant(bad) + 1e-9 * pm.Uniform.dist(0.0, 1.0)
        with pytest.raises(ParameterValueError, match=rf"{case.cls.__name__}: {label} must.*(.|\n)*{label} = "):
            pm.draw(case.cls.variable([*parameters[:i], random, *parameters[i + 1 :]]))


def test_bad_parameters_have_no_density_in_compiled_functions(cases):
    inputs, given = [], []
    chosen = [c for c in cases.values() if c.cls.domains]
    for case in chosen:
        label = next(iter(case.cls.domains))
        i = 1 + case.cls.parameters.index(label)
        inputs += case.inputs
        given += [*case.at[:i], np.full(case.at[i].shape, -2.5), *case.at[i + 1 :]]
    found = function(inputs, [c.total for c in chosen], backend="c" if find_compiler() else "numpy")(*given)
    assert [c.cls.__name__ for c, x in zip(chosen, found) if x != -np.inf] == []


@pytest.mark.parametrize("name", [n for n in EVERY if n not in CHOSEN])
def test_every_distribution_is_documented(name):
    cls = getattr(distributions, name)
    text = cls.__doc__ or ""
    own = "dist" in vars(cls)
    arguments = [n for n in inspect.signature(cls.dist if own else cls.arguments).parameters if n not in ("shape", "size")]
    assert all(re.search(rf"\b{n}\b", text) for n in arguments), name
    assert re.search(r"^ {8}\S", text.partition("Parameters")[0], re.MULTILINE) or name in {*IMPROPER, "Interpolated"}, "its density as a formula"
    assert "Examples" in text


# Those that no other file draws or weighs -------------------------------------------------------


def test_a_point_mass_is_there_alone():
    for c, dtype in ((2, "int64"), (2.5, "float64"), ([1.0, 2.5], "float64")):
        rv = pm.DiracDelta.dist(c)
        assert rv.dtype == dtype
        np.testing.assert_array_equal(pm.draw(rv), c)
        for shift, mass, below in ((0, 0.0, 0.0), (1, -np.inf, 0.0), (-1, -np.inf, -np.inf)):
            np.testing.assert_array_equal(pm.logp(rv, np.asarray(c) + shift).eval(), np.full(np.shape(c), mass))
            np.testing.assert_array_equal(pm.logcdf(rv, np.asarray(c) + shift).eval(), np.full(np.shape(c), below))
    inflated = pm.Mixture.dist([0.3, 0.7], [pm.DiracDelta.dist(0), pm.Poisson.dist(2.0)], shape=4)
    at = [0, 1, 2, 3]
    np.testing.assert_allclose(pm.logp(inflated, at).eval(), pm.logp(pm.ZeroInflatedPoisson.dist(0.7, 2.0, shape=4), at).eval(), rtol=1e-14)
    walk = pm.GaussianRandomWalk.dist(0.0, 1.0, init_dist=pm.DiracDelta.dist(0), steps=2)
    assert np.isclose(pm.logp(walk, [0.0, 1.0, 1.5]).eval(), st.norm.logpdf([1.0, 0.5]).sum())


COUNT = 4000


def test_draws_of_what_is_made_of_others():
    def draws(make, **options):
        return pm.draw(make, draws=COUNT, random_seed=11, **options)

    x = draws(pm.HurdleLogNormal.dist(0.3, mu=0.1, sigma=1.3))
    assert st.binomtest(int((x > 0).sum()), COUNT, 0.3).pvalue > 0.01
    assert st.kstest(x[x > 0], st.lognorm(1.3, scale=np.exp(0.1)).cdf).pvalue > 0.01
    x = draws(pm.OrderedMultinomial.dist(0.3, [-1.0, 0.5], 6))
    assert (x.sum(-1) == 6).all()
    counted, p = np.bincount(x[:, 0], minlength=7), 1 / (1 + np.exp(1.3))
    wanted = st.binom(6, p).pmf(np.arange(7)) * COUNT
    assert st.chisquare([*counted[:4], counted[4:].sum()], [*wanted[:4], wanted[4:].sum()]).pvalue > 0.01
    x = draws(pm.GaussianRandomWalk.dist(0.1, 0.5, init_dist=NORMAL, steps=2))
    assert st.kstest(x[:, 0], st.norm(0.3, 1.0).cdf).pvalue > 0.01
    assert st.kstest(np.diff(x).ravel(), st.norm(0.1, 0.5).cdf).pvalue > 0.01
    x = draws(pm.MvStudentTRandomWalk.dist(nu=4.0, mu=[0.1, 0.2], scale=A2, init_dist=pm.MvNormal.dist([0.0, 0.0], A2), steps=1))
    step = x[:, 1] - x[:, 0] - [0.1, 0.2]
    assert st.kstest(np.einsum("ni,ij,nj->n", step, np.linalg.inv(A2), step) / 2, st.f(2, 4).cdf).pvalue > 0.01
    x = draws(pm.NormalMixture.dist(P, [-1.0, 0.0, 4.0], [1.0, 2.0, 0.5]))
    assert st.kstest(x, lambda v: sum(w * st.norm(m, s).cdf(v) for w, m, s in zip(P, [-1.0, 0.0, 4.0], [1.0, 2.0, 0.5]))).pvalue > 0.01
    x, frozen = draws(pm.Censored.dist(pm.Normal.dist(0.5, 2.0), -1.0, 2.0)), st.norm(0.5, 2.0)
    assert x.min() == -1.0 and x.max() == 2.0
    assert st.binomtest(int((x == -1.0).sum()), COUNT, frozen.cdf(-1.0)).pvalue > 0.01
    assert st.binomtest(int((x == 2.0).sum()), COUNT, frozen.sf(2.0)).pvalue > 0.01
    middle = x[(x > -1.0) & (x < 2.0)]
    low, high = frozen.cdf([-1.0, 2.0])
    assert st.kstest(middle, lambda v: (frozen.cdf(v) - low) / (high - low)).pvalue > 0.01
