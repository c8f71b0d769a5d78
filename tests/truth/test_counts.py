"""Whole numbers and what lies between them: truncation at 1.5, counts of 0.7, distribution functions at 2.3.

Masses are SciPy's (`scipy.stats`, ``pmf``), restricted and divided by hand; a distribution function is their sum.
"""

import warnings

import numpy as np
import pytest
import scipy.stats as st

import workbench as pm

NUMBERS = np.arange(-3, 200)
P = [0.2, 0.5, 0.3]


def inflated(inside, psi, k):
    return psi * inside.pmf(k) + (1 - psi) * (k == 0)


def hurdle(inside, psi, k):
    return np.where(k > 0, psi * inside.pmf(k) / (1 - inside.pmf(0)), (1 - psi) * (k == 0))


def weibull(k):
    return np.where(k >= 0, 0.5 ** (np.maximum(k, 0) ** 0.9) - 0.5 ** (np.maximum(k + 1, 0) ** 0.9), 0.0)


COUNTS = {
    "Bernoulli": (lambda: pm.Bernoulli.dist(0.3), st.bernoulli(0.3).pmf),
    "BetaBinomial": (lambda: pm.BetaBinomial.dist(1.2, 0.7, 6), st.betabinom(6, 1.2, 0.7).pmf),
    "Binomial": (lambda: pm.Binomial.dist(7, 0.4), st.binom(7, 0.4).pmf),
    "Categorical": (lambda: pm.Categorical.dist(P), lambda k: np.where((k >= 0) & (k < 3), np.take(P, np.clip(k, 0, 2)), 0.0)),
    "DiscreteUniform": (lambda: pm.DiscreteUniform.dist(-2, 5), st.randint(-2, 6).pmf),
    "DiscreteWeibull": (lambda: pm.DiscreteWeibull.dist(0.5, 0.9), weibull),
    "Geometric": (lambda: pm.Geometric.dist(0.3), st.geom(0.3).pmf),
    "HurdleNegativeBinomial": (lambda: pm.HurdleNegativeBinomial.dist(0.7, 3.0, 2.0), lambda k: hurdle(st.nbinom(2.0, 2.0 / 5.0), 0.7, k)),
    "HurdlePoisson": (lambda: pm.HurdlePoisson.dist(0.7, 3.0), lambda k: hurdle(st.poisson(3.0), 0.7, k)),
    "HyperGeometric": (lambda: pm.HyperGeometric.dist(20, 7, 12), st.hypergeom(20, 7, 12).pmf),
    "NegativeBinomial": (lambda: pm.NegativeBinomial.dist(3.0, 2.0), st.nbinom(2.0, 2.0 / 5.0).pmf),
    "Poisson": (lambda: pm.Poisson.dist(3.0), st.poisson(3.0).pmf),
    "ZeroInflatedBinomial": (lambda: pm.ZeroInflatedBinomial.dist(0.7, 7, 0.4), lambda k: inflated(st.binom(7, 0.4), 0.7, k)),
    "ZeroInflatedNegativeBinomial": (
        lambda: pm.ZeroInflatedNegativeBinomial.dist(0.7, 3.0, 2.0), lambda k: inflated(st.nbinom(2.0, 2.0 / 5.0), 0.7, k)
    ),
    "ZeroInflatedPoisson": (lambda: pm.ZeroInflatedPoisson.dist(0.7, 3.0), lambda k: inflated(st.poisson(3.0), 0.7, k)),
    "Mixture": (
        lambda: pm.Mixture.dist([0.4, 0.6], [pm.Poisson.dist(3.0), pm.Geometric.dist(0.3)]),
        lambda k: 0.4 * st.poisson(3.0).pmf(k) + 0.6 * st.geom(0.3).pmf(k),
    ),
}  # fmt: skip
LIMITS = [(1.5, None), (None, 3.5), (0.5, 4.2), (1.0, 3.0), (1.5, 2.5), (-0.5, 4.0), (0.999, 3.001)]


def test_truncation_of_a_difference_of_counts_takes_negative_numbers_too():
    x, numbers = pm.Truncated.dist(pm.Skellam.dist(3.0, 2.0), lower=-4.5, upper=2), np.arange(-8, 6)
    mass = np.where((numbers > -4.5) & (numbers <= 2), st.skellam(3.0, 2.0).pmf(numbers), 0.0)
    np.testing.assert_allclose(np.exp(pm.logp(x, numbers).eval()), mass / mass.sum(), rtol=1e-9, atol=1e-14)
    assert set(pm.draw(x, 300, random_seed=3)) <= set(range(-4, 3))


@pytest.mark.parametrize("lower, upper", LIMITS)
@pytest.mark.parametrize("name", COUNTS)
def test_truncation_counts_the_whole_numbers_within_its_limits(name, lower, upper):
    make, pmf = COUNTS[name]
    low, high = (-np.inf if lower is None else lower), (np.inf if upper is None else upper)
    inside = np.array([low <= k <= high for k in NUMBERS])
    mass = np.where(inside, pmf(NUMBERS), 0.0)
    if not mass.any():
        pytest.skip("nothing of it lies there")
    mass = mass / mass.sum()
    above = np.cumsum(mass[::-1])[::-1] - mass
    x = pm.Truncated.dist(make(), lower=lower, upper=upper)
    np.testing.assert_allclose(np.exp(pm.logp(x, NUMBERS).eval()), mass, rtol=1e-9, atol=1e-14)
    for off in (0.0, 0.3):
        np.testing.assert_allclose(np.exp(pm.logcdf(x, NUMBERS + off).eval()), np.cumsum(mass), rtol=1e-9, atol=1e-14)
        np.testing.assert_allclose(np.exp(pm.logccdf(x, NUMBERS + off).eval()), above, rtol=1e-8, atol=1e-14)
    drawn = pm.draw(x, 60, random_seed=3)
    assert np.isin(drawn, NUMBERS[mass > 0]).all()


def test_a_poisson_variable_truncated_at_one_and_a_half():
    # Poisson(3) from 2 up: exp(-3) 3^2 / 2! / (1 - 4 exp(-3)).
    x = pm.Truncated.dist(pm.Poisson.dist(3.0), lower=1.5)
    np.testing.assert_allclose(np.exp(pm.logp(x, [0, 1, 2]).eval()), [0.0, 0.0, np.exp(-3.0) * 4.5 / (1.0 - 4.0 * np.exp(-3.0))], rtol=1e-13)
    assert pm.draw(x, 2000, random_seed=0).min() == 2


@pytest.mark.parametrize("name", COUNTS)
def test_distribution_functions_between_whole_numbers_are_those_of_the_number_below(name):
    make, pmf = COUNTS[name]
    x, mass = make(), pmf(NUMBERS)
    total, above = np.cumsum(mass), np.cumsum(mass[::-1])[::-1] - mass
    for off in (0.0, 0.3, 0.999):
        np.testing.assert_allclose(np.exp(pm.logcdf(x, NUMBERS + off).eval()), total, rtol=1e-9, atol=1e-13)
        np.testing.assert_allclose(np.exp(pm.logccdf(x, NUMBERS + off).eval()), above, rtol=1e-8, atol=1e-14)


@pytest.mark.parametrize("name", [n for n in COUNTS if n not in ("Mixture",)])
def test_censoring_of_counts_sums_to_one_at_whole_limits_and_refuses_others(name):
    make, pmf = COUNTS[name]
    x = pm.Censored.dist(make(), lower=1, upper=3)
    mass = pmf(NUMBERS)
    wanted = [mass[NUMBERS <= 1].sum(), mass[NUMBERS == 2].sum(), mass[NUMBERS >= 3].sum()]
    np.testing.assert_allclose(np.exp(pm.logp(x, [1, 2, 3]).eval()), wanted, rtol=1e-9, atol=1e-13)
    with pytest.raises(ValueError, match=r"lower must be a whole number .*got .*lower = 1\.5"):
        pm.Censored.dist(make(), lower=1.5, upper=3)
    with pytest.raises(ValueError, match=r"upper must be a whole number .*got .*upper = 3\.5"):
        pm.Censored.dist(make(), lower=1, upper=3.5)


def test_limits_with_no_whole_number_between_them_are_refused():
    with pytest.raises(ValueError, match=r"a whole number between lower and upper, got lower = 1\.2, upper = 1\.7"):
        pm.Truncated.dist(pm.Poisson.dist(3.0), lower=1.2, upper=1.7)


# Counts that are no whole numbers --------------------------------------------------------------

VECTORS = {"Multinomial": lambda: pm.Multinomial.dist(4, P), "DirichletMultinomial": lambda: pm.DirichletMultinomial.dist(4, [1.0, 2.0, 3.0])}


@pytest.mark.parametrize("value", [0.7, 1.0 + 1e-9, -0.5, np.inf, -np.inf, np.nan])
@pytest.mark.parametrize("name", COUNTS)
def test_what_is_no_whole_number_cannot_occur(name, value):
    x = COUNTS[name][0]()
    assert pm.logp(x, value).eval() == -np.inf
    np.testing.assert_array_equal(np.isfinite(pm.logp(x, [1.0, value]).eval()), [True, False])


@pytest.mark.parametrize("name", VECTORS)
def test_a_vector_with_a_fraction_cannot_occur(name):
    found = pm.logp(VECTORS[name](), [[1.0, 2.0, 1.0], [0.7, 2.3, 1.0]]).eval()
    assert np.isfinite(found[0]) and found[1] == -np.inf


def observed_ways(values):
    """Models of Poisson(2) whose observed values come by each way there is."""
    array = np.asarray(values)
    with pm.Model() as direct:
        pm.Poisson("y", 2.0, observed=array)
    with pm.Model() as listed:
        pm.Poisson("y", 2.0, observed=array.tolist())
    with pm.Model() as data:
        pm.Poisson("y", 2.0, observed=pm.Data("d", array))
    with pm.Model() as expression:
        pm.Poisson("y", 2.0, observed=1.0 * pm.Data("d", array))
    with pm.Model() as fixed:
        pm.Poisson("y", 2.0, observed=pm.ConstantData("d", array))
    with pm.Model() as later:
        d = pm.Data("d", np.zeros(len(array)))
        pm.Poisson("y", 2.0, observed=d)
        pm.set_data({"d": array})
    with pm.Model() as free:
        pm.Poisson("y", 2.0, shape=array.shape)
    return {"array": direct, "list": listed, "Data": data, "of Data": expression, "ConstantData": fixed, "set_data": later, "observe": pm.observe(free, {"y": array})}


@pytest.mark.filterwarnings("ignore:y. . of 3 observed values are no whole numbers")
@pytest.mark.parametrize("backend", ["c", "numpy"])
def test_fractions_observed_in_any_way_have_no_density_and_whole_floats_have_theirs(backend):
    for values, total in (([1.0, 0.7, 2.0], -np.inf), ([1.0, 0.0, 2.0], st.poisson(2.0).logpmf([1, 0, 2]).sum())):
        for way, model in observed_ways(values).items():
            assert float(model.compile_logp(backend=backend)({})) == pytest.approx(total, rel=1e-12), way


def test_fractions_are_said_once_where_the_variable_is_made_and_named_by_debug(capsys):
    for way in ("array", "Data"):
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            with pm.Model() as model:
                values = np.array([1.0, 0.7, 2.0])
                pm.Poisson("y", 2.0, observed=pm.Data("d", values) if way == "Data" else values)
        (warning,) = said
        assert "y: 1 of 3 observed values are no whole numbers, the first 0.7 at index 1" in str(warning.message)
        assert warning.filename == __file__
        model.debug()
        assert "log p(y[1]) = -inf\n  value = 0.7" in capsys.readouterr().out


def test_missing_counts_are_imputed_and_fractions_beside_them_have_no_density():
    with pytest.warns(UserWarning, match="no whole numbers"), pm.Model() as model:
        pm.Poisson("y", 2.0, observed=np.ma.masked_array([1.0, 0.7, 3.0], [False, False, True]))
    assert model.point_logps()["y_observed"] == -np.inf


def test_a_fraction_is_no_start_of_a_count_and_no_value_to_set_it_to():
    with pm.Model() as model:
        k = pm.Poisson("k", 2.0, initval=0.7)
        pm.Normal("y", k, 1.0)
    with pytest.raises(ValueError, match=r"k: its start is 0\.7, and its values are whole numbers"):
        model.initial_point()
    with pytest.raises(ValueError, match=r"k: its value is 0\.7, and its values are whole numbers"):
        pm.do(model, {"k": 0.7})
    with pytest.raises(TypeError, match="int64, the value given is float64"):
        model.compile_logp()({"k": 0.7, "y": 0.0})


def test_children_of_counts_that_were_given_as_floats_take_them_as_integers():
    with pm.Model() as model:
        z = pm.Bernoulli("z", 0.5, observed=pm.Data("d", [0.0, 1.0, 1.0]))
        pm.Normal("y", pm.math.stack([1.0, 5.0])[z], 1.0, observed=[1.0, 5.0, 5.0])
    wanted = 3 * np.log(0.5) + 3 * st.norm.logpdf(0.0)
    assert float(model.compile_logp()({})) == pytest.approx(wanted, rel=1e-12)
