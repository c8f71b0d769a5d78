"""Missing values of observed data become free variables."""

import warnings

import numpy as np
import pytest
from scipy import stats

import workbench as pm
from workbench.errors import ModelError


def names(variables):
    return [v.name for v in variables]


@pytest.fixture(autouse=True)
def quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", pm.ImputationWarning)
        yield


def masked(values, mask):
    return np.ma.masked_array(values, mask=mask)


def frame(values):
    return pytest.importorskip("pandas").Series(values)


@pytest.mark.parametrize(
    "data",
    [
        [1.0, np.nan, 2.0, np.nan],
        [1.0, None, 2.0, None],
        masked([1.0, 9.0, 2.0, 9.0], [0, 1, 0, 1]),
        masked([1.0, np.nan, 2.0, 9.0], [0, 0, 0, 1]),
        pytest.param("series", id="pandas"),
        pytest.param("nullable", id="pandas nullable"),
    ],
)
def test_a_variable_splits_into_what_is_observed_and_what_is_not(data):
    if isinstance(data, str):
        pd = pytest.importorskip("pandas")
        data = pd.Series([1.0, None, 2.0, None], dtype="Float64" if data == "nullable" else "float64")
    with pm.Model(coords={"obs": range(4)}) as model:
        mu = pm.Normal("mu")
        y = pm.Normal("y", mu, 1.0, observed=data, dims="obs")
    assert names(model.free_RVs) == ["mu", "y_unobserved"] and names(model.observed_RVs) == ["y_observed"]
    assert names(model.deterministics) == ["y"] and model["y"] is y and model.named_vars_to_dims == {"y": ("obs",)}
    assert model.rvs_to_values[model["y_observed"]].eval().tolist() == [1.0, 2.0]
    point = {"mu": 0.5, "y_unobserved": np.array([-1.0, 3.0])}
    wanted = stats.norm.logpdf(0.5) + stats.norm.logpdf([1.0, 2.0, -1.0, 3.0], 0.5).sum()
    assert np.isclose(model.compile_logp(backend="numpy")(point), wanted, rtol=1e-14)
    (whole,) = model.replace_rvs_by_values([y])
    unobserved = next(v for v in model.value_vars if v.name == "y_unobserved")
    assert whole.eval({unobserved: point["y_unobserved"]}).tolist() == [1.0, -1.0, 2.0, 3.0]


def test_missing_values_take_their_own_parameters_and_transform():
    data = np.array([[1.0, np.nan], [np.nan, 0.5]])
    with pm.Model() as model:
        pm.HalfNormal("y", [1.0, 2.0], observed=data)
    assert names(model.value_vars) == ["y_unobserved_log__"]
    start = model.initial_point()["y_unobserved_log__"]
    np.testing.assert_allclose(start, np.log([2.0, 1.0]))
    x = np.exp([0.3, -0.2])
    wanted = stats.halfnorm.logpdf([1.0, 0.5, *x], scale=[1.0, 2.0, 2.0, 1.0]).sum() + 0.1
    assert np.isclose(model.compile_logp(backend="numpy")({"y_unobserved_log__": [0.3, -0.2]}), wanted, rtol=1e-14)


def test_missing_counts_are_discrete_variables():
    with pm.Model() as model:
        pm.Poisson("y", [2.0, 3.0, 4.0], observed=masked([1, 7, 5], [0, 1, 0]))
    assert names(model.discrete_value_vars) == ["y_unobserved"] and model["y_unobserved"].dtype == "int64"
    wanted = stats.poisson.logpmf([1, 6, 5], [2, 3, 4]).sum()
    assert np.isclose(model.compile_logp(backend="numpy")({"y_unobserved": [6]}), wanted, rtol=1e-14)


def test_missing_elements_of_vectors_are_counted_with_the_whole():
    data = np.array([[0.3, np.nan], [1.0, -0.5], [np.nan, np.nan]])
    cov = np.array([[1.0, 0.4], [0.4, 2.0]])
    with pm.Model() as model:
        pm.MvNormal("y", np.zeros(2), cov, observed=data)
    whole = np.array([[0.3, 0.7], [1.0, -0.5], [1.5, -1.0]])
    found = model.compile_logp(backend="numpy")({"y_unobserved": [0.7, 1.5, -1.0]})
    assert np.isclose(found, stats.multivariate_normal.logpdf(whole, [0, 0], cov).sum(), rtol=1e-13)


def test_whole_vectors_may_be_missing():
    with pm.Model() as model:
        pm.Dirichlet("y", np.ones(3), observed=np.array([[0.2, 0.3, 0.5], [np.nan] * 3]))
    assert names(model.value_vars) == ["y_unobserved_simplex__"] and model["y_unobserved"].type.shape == (1, 3)


def test_all_values_may_be_missing():
    with pm.Model() as model:
        pm.Normal("y", 0.0, 1.0, observed=[np.nan, np.nan])
    assert model.point_logps({"y_unobserved": np.zeros(2)}) == {"y_unobserved": -np.log(2 * np.pi), "y_observed": 0.0}


def test_missing_values_are_drawn_from_their_posterior():
    y = np.array([1.0, np.nan, 1.2, 0.8, 1.1])
    with pm.Model():
        mu = pm.Normal("mu", 0.0, 10.0)
        pm.Normal("y", mu, 0.5, observed=y)
        posterior = {"mu": np.full((1, 500), 2.0), "y_unobserved": np.full((1, 500, 1), 9.0)}
        drawn = pm.sample_posterior_predictive(posterior, random_seed=1, return_inferencedata=False, progressbar=False)
    assert drawn["y_observed"].shape == (1, 500, 4) and abs(drawn["y_observed"].mean() - 2.0) < 0.1
    assert (drawn["y"][0, :, 1] == 9.0).all() and (drawn["y"][0, :, [0, 2, 3, 4]] == drawn["y_observed"][0].T).all()


def test_imputation_is_warned_of():
    with warnings.catch_warnings(), pm.Model():
        warnings.simplefilter("error")
        with pytest.raises(pm.ImputationWarning, match="y: 2 of 3 observed values are missing"):
            pm.Normal("y", 0.0, 1.0, observed=[1.0, np.nan, np.nan])


def test_replaceable_data_with_missing_values_are_an_error():
    with pm.Model(), pytest.raises(ModelError, match="y: the observed data have missing values .NaN., the first at index 1"):
        pm.Normal("y", 0.0, 1.0, observed=pm.Data("d", [1.0, np.nan]))


def test_missing_values_of_an_open_length_are_an_error():
    with pm.Model() as model:
        x = pm.Data("x", [1.0, 2.0], dims="obs")
        with pytest.raises(ModelError, match="y: values are missing, and its length may change"):
            model.register_rv(pm.Normal.dist(x, 1.0), "y", observed=[1.0, np.nan])
