"""State spaces in models: posteriors, missing values, new data, forecasts, responses, and errors with names and lines."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from scipy import linalg

import workbench as pm
import workbench.tensor as pt
from workbench import datasets
from workbench.errors import ModelError, ParameterValueError, ShapeError
from workbench.graph import Graph
from workbench.graph.serialise import from_json, to_json

TRUTH = json.loads((Path(__file__).parents[1] / "reference" / "statespace.json").read_text())
ss, st = pm.statespace, pm.statespace.structural
ALL = os.environ.get("WORKBENCH_TESTS") == "all"
NILE = np.asarray(datasets.nile()["volume"], float)
LEVEL = (st.LevelTrend(1) + st.MeasurementError("obs")).build(initialization="diffuse")


def local_level(y=NILE, **options):
    with pm.Model(coords=LEVEL.coords) as model:
        pm.HalfNormal("sigma_level_trend", 50.0, dims="shock_level_trend")
        pm.HalfNormal("sigma_obs", 200.0)
        LEVEL("y", observed=y, **options)
    return model


def differences_logp(level, error, y=NILE):
    """Of a local level with a flat start: the density of the differences, which are all that tells of the variances.

    Their covariance is level**2 on the diagonal, and error**2 times (2, -1): sines are its eigenvectors.
    """
    n = len(y) - 1
    k = np.arange(1, n + 1)
    sines = np.sqrt(2.0 / (n + 1)) * np.sin(np.outer(k, k) * np.pi / (n + 1))
    var = np.asarray(level)[..., None] ** 2 + np.asarray(error)[..., None] ** 2 * (2.0 - 2.0 * np.cos(k * np.pi / (n + 1)))
    return -0.5 * np.sum(np.log(2.0 * np.pi * var) + (sines @ np.diff(y)) ** 2 / var, axis=-1)


def agrees(draws, mean, sd, errors=4.5):
    """Whether a mean of draws (chain, draw) is that, within so many Monte Carlo errors, told from the chains' halves."""
    halves = np.concatenate(np.split(np.asarray(draws), 10, axis=1)).mean(axis=1)
    error = halves.std(ddof=1) / np.sqrt(len(halves))
    assert error < 0.12 * sd
    return abs(halves.mean() - mean) < errors * error


def test_the_posterior_of_the_nile_is_that_of_quadrature():
    levels, errors = np.linspace(1.0, 150.0, 60), np.linspace(80.0, 180.0, 60)
    log = differences_logp(levels[:, None], errors[None, :]) - 0.5 * (levels[:, None] / 50.0) ** 2 - 0.5 * (errors / 200.0) ** 2
    weight = np.exp(log - log.max())
    weight /= weight.sum()
    with local_level():
        draws = pm.sample(1000, tune=600, chains=4, random_seed=3, progressbar=False).posterior
    for name, grid, own in (("sigma_level_trend", levels, weight.sum(1)), ("sigma_obs", errors, weight.sum(0))):
        mean = own @ grid
        assert agrees(draws[name].to_numpy().reshape(4, -1), mean, np.sqrt(own @ (grid - mean) ** 2)), name


def test_the_density_of_a_diffuse_level_is_that_of_its_differences():
    model = local_level()
    f = model.compile_logp(vars=model.observed_RVs, backend="c")
    at = [f({"sigma_level_trend_log__": np.log([a]), "sigma_obs_log__": np.log(b)}) for a, b in ((30.0, 120.0), (60.0, 90.0))]
    known = [differences_logp(30.0, 120.0), differences_logp(60.0, 90.0)]
    # The first value, of which nothing was known, adds log(2 pi) / 2.
    np.testing.assert_allclose(np.array(known) - at, 0.5 * np.log(2.0 * np.pi), rtol=1e-9)


LOG_PASSENGERS = np.log(np.asarray(datasets.airline()["passengers"], float))
CHANGES = np.diff(LOG_PASSENGERS[12:] - LOG_PASSENGERS[:-12])
"""Differences by hand, as in statsmodels' simple_differencing."""
OF_CHANGES = ss.BayesianSARIMAX(order=(0, 0, 1), seasonal_order=(0, 0, 1, 12))


def test_the_density_of_the_airline_model_is_that_of_its_differences_and_of_statsmodels():
    given = {"ma_params": [-0.4], "seasonal_ma_params": [-0.55], "sigma_state": np.sqrt(0.00135)}
    known = TRUTH["airline"]["logp"]
    assert np.isclose(pm.logp(OF_CHANGES.dist(shape=(131,), **given), CHANGES).eval(), known, rtol=1e-10)
    # Of 13 diffuse numbers the first values tell all: what follows is the density of the differences.
    whole = ss.BayesianSARIMAX(order=(0, 1, 1), seasonal_order=(0, 1, 1, 12))
    assert np.isclose(pm.logp(whole.dist(shape=(144,), **given), LOG_PASSENGERS).eval(), known - 6.5 * np.log(2.0 * np.pi), rtol=1e-9)


@pytest.mark.skipif(not ALL, reason="20 s: with WORKBENCH_TESTS=all")
def test_the_posterior_of_the_airline_model_is_that_of_quadrature_over_statsmodels():
    with pm.Model(coords=OF_CHANGES.coords):
        pm.Uniform("ma_params", -1.0, 1.0, dims="lag_ma")
        pm.Uniform("seasonal_ma_params", -1.0, 1.0, dims="seasonal_lag_ma")
        pm.Deterministic("sigma_state", pt.exp(pm.Flat("log_sigma", initval=-3.0)))
        OF_CHANGES("z", observed=CHANGES)
        draws = pm.sample(500, tune=500, chains=4, random_seed=5, progressbar=False).posterior
    for name, (mean, sd) in zip(("ma_params", "seasonal_ma_params", "sigma_state"), TRUTH["airline"]["moments"]):
        assert agrees(draws[name].to_numpy().reshape(4, -1), mean, sd), name


def test_what_is_missing_is_integrated_over_and_not_imputed():
    y = NILE.copy()
    y[20:40] = np.nan
    model = local_level(y)
    assert [v.name for v in model.free_RVs] == ["sigma_level_trend", "sigma_obs"]
    there = np.ma.masked_invalid(y)
    point = model.initial_point()
    assert model.compile_logp(backend="numpy")(point) == local_level(there).compile_logp(backend="numpy")(point)


def test_observed_afterwards_it_is_the_same():
    y = NILE.copy()
    y[3] = np.nan
    with pm.Model(coords=LEVEL.coords) as free:
        pm.HalfNormal("sigma_level_trend", 50.0, dims="shock_level_trend")
        pm.HalfNormal("sigma_obs", 200.0)
        LEVEL("y", steps=100)
    model = pm.observe(free, {"y": y})
    point = model.initial_point()
    assert model.compile_logp(backend="numpy")(point) == local_level(y).compile_logp(backend="numpy")(point)
    assert set(free.initial_point()) == {*point, "y"}


def test_new_data_and_new_times():
    with pm.Model(coords={**LEVEL.coords, "time": range(100)}) as model:
        y = pm.Data("seen", NILE, dims="time")
        pm.HalfNormal("sigma_level_trend", 50.0, dims="shock_level_trend")
        pm.HalfNormal("sigma_obs", 200.0)
        LEVEL("y", observed=y, dims="time")
    f = model.compile_logp(backend="c")
    point = model.initial_point()
    assert np.isclose(f(point), local_level().compile_logp(backend="c")(point), rtol=1e-12)
    with model:
        longer = np.r_[NILE, np.full(10, np.nan)]
        pm.set_data({"seen": longer}, coords={"time": range(110)})
    assert np.isclose(model.compile_logp(backend="c")(point), local_level().compile_logp(backend="c")(point), rtol=1e-12)


GIVEN = {"posterior": {"sigma_level_trend": np.full((2, 2000, 1), 40.0), "sigma_obs": np.full((2, 2000), 120.0)}}


def test_forecasts_have_the_exact_mean_and_variance():
    model = local_level()
    found = LEVEL.forecast(GIVEN["posterior"], periods=3, random_seed=1)["forecast_observed"].to_numpy().reshape(-1, 3)
    # From the dense joint density with a wide start.
    n, wide = len(NILE), 1e9
    cov = wide + 40.0**2 * np.minimum.outer(np.arange(n + 3), np.arange(n + 3)) + 120.0**2 * np.eye(n + 3)
    gain = np.linalg.solve(cov[:n, :n], cov[:n, n:]).T
    mean, var = NILE[0] + gain @ (NILE - NILE[0]), np.diag(cov[n:, n:] - gain @ cov[:n, n:])
    assert model.name == ""
    np.testing.assert_allclose(found.mean(0), mean, atol=4.5 * np.sqrt(var.max() / len(found)))
    np.testing.assert_allclose(found.var(0), var, rtol=4.5 * np.sqrt(2.0 / len(found)) + 0.01)


def test_paths_given_the_data_have_the_smoothed_mean_and_variance():
    y = NILE[:20].copy()
    y[5:9] = np.nan
    local_level(y)
    draws = LEVEL.sample_conditional_posterior(GIVEN["posterior"], random_seed=2)
    known = LEVEL.smoother(y, sigma_level_trend=[40.0], sigma_obs=120.0)
    mean, cov = known.mean.eval()[:, 0], known.cov.eval()[:, 0, 0]
    paths = draws["smoothed_posterior"].to_numpy().reshape(-1, 20)
    np.testing.assert_allclose(paths.mean(0), mean, atol=5.0 * np.sqrt(cov.max() / len(paths)))
    np.testing.assert_allclose(paths.var(0), cov, rtol=0.13)
    # Steps of a path are those of one path: from the dense joint density with a wide start.
    prior, there = 1e8 + 40.0**2 * np.minimum.outer(np.arange(20), np.arange(20)), np.flatnonzero(~np.isnan(y))
    gain = np.linalg.solve(prior[np.ix_(there, there)] + 120.0**2 * np.eye(len(there)), prior[there]).T
    left = prior - gain @ prior[there]
    steps = left.diagonal()[1:] + left.diagonal()[:-1] - 2.0 * left.diagonal(1)
    np.testing.assert_allclose(np.diff(paths, axis=1).var(0), steps, rtol=0.13)
    filtered = draws["filtered_posterior"].to_numpy().reshape(-1, 20)[:, -1]
    assert abs(filtered.mean() - mean[-1]) < 5.0 * np.sqrt(cov[-1] / len(filtered))


def test_prior_draws_have_the_covariance_of_the_density():
    space = ss.BayesianVARMAX((1, 0), ["a", "b"], stationary_initialization=True)
    A, cov = np.array([[0.5, 0.2], [-0.1, 0.6]]), np.array([[1.0, 0.4], [0.4, 0.8]])
    y = space.dist(steps=3, ar_params=A[:, None, :], state_cov=cov)
    drawn = pm.draw(y, 6000, random_seed=1)
    whole = np.linalg.solve(np.eye(4) - np.kron(A, A), cov.ravel()).reshape(2, 2)
    np.testing.assert_allclose(np.cov(drawn[:, 0].T), whole, atol=0.1)
    np.testing.assert_allclose(np.cov(drawn[:, 2].T), whole, atol=0.1)
    lag = np.cov(np.c_[drawn[:, 1], drawn[:, 2]].T)[2:, :2]
    np.testing.assert_allclose(lag, A @ whole, atol=0.1)


def test_responses_to_shocks_are_powers_of_the_transition():
    space = ss.BayesianVARMAX((1, 0), ["a", "b"], stationary_initialization=True)
    A, cov = np.array([[0.5, 0.2], [-0.1, 0.6]]), np.array([[1.0, 0.4], [0.4, 0.8]])
    with pm.Model(coords=space.coords):
        scale = pm.HalfNormal("scale")
        space("y", observed=np.zeros((5, 2)), ar_params=A[:, None, :], state_cov=cov * scale)
    draws = {"scale": np.array([[1.0, 4.0]])}
    found = space.impulse_response_function(draws, n_steps=4)["irf"].to_numpy()[0]
    powers = np.array([np.linalg.matrix_power(A, k) for k in range(4)])
    np.testing.assert_allclose(found[0, 1], powers[:, :, 1] * np.sqrt(0.8), rtol=1e-12)
    np.testing.assert_allclose(found[1], 2.0 * found[0], rtol=1e-12)
    one = space.impulse_response_function(draws, n_steps=4, shock_size=[1.0, -1.0])["irf"].to_numpy()[0, 0]
    np.testing.assert_allclose(one, powers @ [1.0, -1.0], rtol=1e-12)
    together = space.impulse_response_function(draws, n_steps=2, orthogonalize_shocks=True)["irf"].to_numpy()[0, 0]
    np.testing.assert_allclose(together[:, 0], np.linalg.cholesky(cov).T, rtol=1e-12)


def test_regressors_of_the_future():
    space = (st.LevelTrend(1) + st.Regression("r", ["u"]) + st.MeasurementError("obs")).build(initialization="known")
    x = np.arange(8.0)[:, None]
    with pm.Model(coords={**space.coords, "time": np.arange("2020-01", "2020-09", dtype="datetime64[M]")}):
        pm.Normal("beta_r", dims="state_r")
        space("y", observed=2.0 * x[:, 0], dims="time", data_r=x, initial_level_trend=[0.0], sigma_level_trend=[1e-6], sigma_obs=1e-3)
    draws = {"beta_r": np.full((1, 50, 1), 2.0)}
    with pytest.raises(ModelError, match="a forecast needs the data data_r of the times to come"):
        space.forecast(draws, periods=2)
    with pytest.raises(ShapeError, match=r"data_r has shape \(3, 1\) in the scenario"):
        space.forecast(draws, periods=2, scenario={"data_r": np.zeros((3, 1))})
    found = space.forecast(draws, periods=2, scenario={"data_r": [10.0, 20.0]}, random_seed=1)
    np.testing.assert_allclose(found["forecast_observed"].mean(("chain", "draw")).to_numpy()[:, 0], [20.0, 40.0], atol=0.01)
    assert found["time"].to_numpy().astype("datetime64[M]").astype(str).tolist() == ["2020-09", "2020-10"]


def test_it_is_the_same_after_json_and_another_system_is_another_distribution():
    given = {"sigma_level_trend": pt.vector("s", 1), "sigma_obs": pt.scalar("e")}
    rv = LEVEL.dist(steps=4, **given)
    (again,) = from_json(to_json(Graph(list(given.values()), [rv]))).results
    assert again.op.distribution is rv.op.distribution
    other = (st.LevelTrend(1) + st.MeasurementError("obs")).build(initialization="known")
    assert other.dist(steps=4, initial_level_trend=[0.0], **given).op.distribution is not rv.op.distribution


def test_a_model_in_the_form_of_pymc_extras():
    space = (st.LevelTrend(order=1) + st.MeasurementError("obs")).build(verbose=False)
    with pm.Model(coords=space.coords) as model:
        pm.Deterministic("P0", pt.eye(1) * 1e4)
        pm.Normal("initial_level_trend", 1000.0, 100.0, dims=space.param_dims["initial_level_trend"])
        pm.HalfNormal("sigma_level_trend", 50.0, dims=space.param_dims["sigma_level_trend"])
        pm.HalfNormal("sigma_obs", 100.0)
        space.build_statespace_graph(NILE[:, None], mode="JAX")
    assert model.named_vars_to_dims["obs"] == ("time", "observed_state")
    assert np.isfinite(model.compile_logp(backend="numpy")(model.initial_point()))


# Errors -----------------------------------------------------------------------------------------------


def test_a_missing_parameter_is_named_with_its_shape():
    with pm.Model(coords=LEVEL.coords), pytest.raises(ModelError, match=r"needs sigma_level_trend of shape \(1,\), positive; sigma_obs, positive"):
        LEVEL("y", observed=NILE)


def test_an_unknown_parameter_is_named():
    with pytest.raises(ModelError, match="no parameter 'sigma_ob'") as error:
        LEVEL.dist(steps=3, sigma_ob=1.0)
    assert "did you mean 'sigma_obs'" in error.value.hint


def test_shapes_that_do_not_fit_are_said():
    with pytest.raises(ShapeError, match=r"the parameter sigma_level_trend has shape \(2,\), not \(1,\)"):
        LEVEL.dist(steps=3, sigma_level_trend=[1.0, 2.0], sigma_obs=1.0)
    with pm.Model(), pytest.raises(ShapeError, match=r"y: the observed data have shape \(10, 3\), StructuralTimeSeries has 1 observed series: data"):
        LEVEL("y", observed=np.zeros((10, 3)), sigma_level_trend=[1.0], sigma_obs=1.0)
    with pytest.raises(ShapeError, match=r"the state space matrix T has shape \(1, 1\), or with a time in front, not \(2, 2\)"):
        ss.LinearGaussianStateSpace.dist([0.0], [[1.0]], [0.0], [0.0], np.eye(2), [[1.0]], [[1.0]], [[1.0]], [[1.0]], steps=3)
    with pytest.raises(ShapeError, match=r"has 5 times, what changes with the time has 4"):
        (st.LevelTrend(1) + st.Regression("r", ["u"])).build(initialization="diffuse").dist(shape=(5,), data_r=np.zeros((4, 1)), sigma_level_trend=[1.0])


def test_nothing_seen_at_all_is_an_error():
    with pm.Model(), pytest.raises(ModelError, match="y: all 10 values are missing"):
        LEVEL("y", observed=np.full(10, np.nan), sigma_level_trend=[1.0], sigma_obs=1.0)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: ss.BayesianSARIMAX(order=(1, -1, 0)), "order=\\(1, -1, 0\\)"),
        (lambda: ss.BayesianSARIMAX(order=(1, 0)), "order=\\(1, 0\\)"),
        (lambda: ss.BayesianSARIMAX(order=(1, 0, 0), seasonal_order=(1, 0, 0, 1)), "has terms, and a season of 1 times"),
        (lambda: ss.BayesianSARIMAX(order=(1, 1, 0), state_structure="interpretable"), "differences have no interpretable states"),
        (lambda: ss.BayesianVARMAX(order=(0, 0), endog_names=["a"]), "order=\\(0, 0\\)"),
        (lambda: ss.BayesianETS(order=("M", "N", "N")), "order=\\('M', 'N', 'N'\\)"),
        (lambda: ss.BayesianETS(order=("A", "N", "A")), "seasonal_periods=None"),
        (lambda: st.LevelTrend(order=2, innovations_order=3), "does not fit order=2"),
        (lambda: st.LevelTrend(order=[1, 0]), "is zero"),
        (lambda: st.TimeSeasonality(1), "season_length=1"),
        (lambda: st.FrequencySeasonality(4, n=3), "3 waves of a season of 4"),
        (lambda: st.Cycle(), "its length is given"),
        (lambda: (st.LevelTrend() + st.LevelTrend()).build(), "two components are called 'level_trend'"),
        (lambda: st.LevelTrend().build(initialization="anywhere"), "no initialization 'anywhere'"),
        (lambda: st.MeasurementError().build(), "has no states"),
    ],
)
def test_orders_and_components_that_do_not_fit(make, text):
    with pytest.raises(ModelError, match=text) as error:
        make()
    assert error.value.hint


def test_a_start_that_is_not_stationary_is_said_and_has_no_density():
    space = ss.BayesianSARIMAX(order=(1, 0, 0))
    rho = pt.vector("rho", 1)
    logp = pm.logp(space.dist(steps=4, ar_params=rho, sigma_state=1.0), np.zeros(4))
    with pytest.raises((ModelError, ParameterValueError), match="no stationary distribution where the transition has an eigenvalue of absolute value 1 or more"):
        pm.logp(space.dist(steps=4, ar_params=[1.01], sigma_state=1.0), np.zeros(4)).eval()
    f = pm.function([rho], logp, backend="c")
    assert np.isfinite(f([0.999]))
    assert f([1.0]) == f([1.01]) == f([-3.0]) == -np.inf
    with pytest.raises(ModelError, match="level_trend has no stationary distribution to start with"):
        st.LevelTrend(1).build(initialization="stationary").dist(steps=3, sigma_level_trend=[1.0])


def test_covariances_that_are_none_are_said():
    def of(P0=((1.0,),), H=((1.0,),), Q=((1.0,),)):
        return ss.LinearGaussianStateSpace.dist([0.0], P0, [0.0], [0.0], [[1.0]], [[1.0]], [[1.0]], H, Q, steps=3)

    with pytest.raises((ModelError, ParameterValueError), match="P0 must be a covariance"):
        pm.logp(of(P0=[[-1.0]]), np.zeros((3, 1))).eval()
    for wrong in ({"H": [[-3.0]]}, {"Q": [[-9.0]]}, {"P0": [[0.0]], "H": [[0.0]]}):
        with pytest.raises(ParameterValueError, match="the variance of what is seen must be positive"):
            pm.logp(of(**wrong), np.zeros((3, 1))).eval()


def test_a_diffuse_start_has_no_prior_draws():
    with pytest.raises(ModelError, match="a diffuse start has no draws"):
        pm.draw(LEVEL.dist(steps=3, sigma_level_trend=[1.0], sigma_obs=1.0))


def test_an_error_is_at_the_line_of_the_user():
    with pm.Model(), pytest.raises(ShapeError) as error:
        LEVEL("y", observed=NILE, sigma_level_trend=[1.0, 2.0], sigma_obs=1.0)  # here
    assert "test_models.py" in str(error.value)
    assert "# here" in str(error.value)


def test_every_parameter_of_every_model_compiles_on_every_backend(backend):
    # Numba compiles for long what has many scalars.
    space = (st.LevelTrend(1) + st.Autoregressive(1, name="a") + st.MeasurementError("obs")).build(initialization="diffuse")
    given = {"sigma_level_trend": [0.3], "params_a": [0.5], "sigma_a": 0.7, "sigma_obs": 0.9}
    inputs = {k: pt.tensor(k, "float64", np.shape(v)) for k, v in given.items()}
    y = NILE[:12] / 100.0
    total = pm.logp(space.dist(shape=(12,), **inputs), y)
    found = pm.function(list(inputs.values()), [total, *pm.grad(total, list(inputs.values()))], backend=backend)(*(np.asarray(v, float) for v in given.values()))
    known = pm.function(list(inputs.values()), [total, *pm.grad(total, list(inputs.values()))], backend="numpy")(*(np.asarray(v, float) for v in given.values()))
    for ours, other in zip(found, known):
        np.testing.assert_allclose(ours, other, rtol=1e-9)


def test_a_steady_filter_is_the_one_that_begins_with_its_covariance():
    parts = st.LevelTrend(2) + st.MeasurementError("obs")
    given = {"initial_level_trend": [1100.0, 1.0], "sigma_level_trend": [40.0, 2.0], "sigma_obs": 120.0}
    T, Z, W, H = np.array([[1.0, 1.0], [0.0, 1.0]]), np.array([[1.0, 0.0]]), np.diag([1600.0, 4.0]), np.array([[120.0**2]])
    P0 = linalg.solve_discrete_are(T.T, Z.T, W, H)
    steady = parts.build(filter_type="steady_state")
    inputs = {k: pt.tensor(k, "float64", np.shape(v)) for k, v in given.items()}
    found = pm.logp(steady.dist(shape=(100,), P0=np.eye(2), **inputs), NILE)
    exact = pm.logp(parts.build().dist(shape=(100,), P0=P0, **given), NILE).eval()
    sigma = inputs["sigma_obs"]
    f = pm.function(list(inputs.values()), [found, pm.grad(found, sigma)], backend="c")
    values = [np.asarray(v, float) for v in given.values()]
    value, slope = f(*values)
    assert np.isclose(value, exact, rtol=1e-10)
    h = 1e-3
    ends = [f(*values[:-1], np.asarray(120.0 + e))[0] for e in (h, -h)]
    assert np.isclose(slope, (ends[0] - ends[1]) / (2.0 * h), rtol=1e-5)


def test_a_steady_state_that_is_not_there_is_an_error():
    with pytest.raises(ModelError, match="no steady state where matrices change with the time, or the start is diffuse"):
        st.LevelTrend(1).build(initialization="diffuse", filter_type="steady_state").dist(steps=3, sigma_level_trend=[1.0])
    steady = (st.LevelTrend(1) + st.MeasurementError("obs")).build(initialization="known", filter_type="steady_state")
    with pm.Model(), pytest.raises(ModelError, match="y: values are missing, and a filter in its steady state has none that are"):
        steady("y", observed=[1.0, np.nan], initial_level_trend=[0.0], sigma_level_trend=[1.0], sigma_obs=1.0)
    with pytest.raises(ModelError, match="filter_type='fast'"):
        ss.BayesianSARIMAX((1, 0, 0), filter_type="fast")
    with pytest.raises(ModelError, match="there is no argument 'sesonal'"):
        ss.BayesianSARIMAX((1, 0, 0), sesonal=3)
