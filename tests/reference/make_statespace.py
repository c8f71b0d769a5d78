"""Numbers of statsmodels 0.15 and pymc-extras 0.10 for state spaces: python make_statespace.py > statespace.json

Needs an interpreter with both. Filters of statsmodels run to the end (tolerance 0), with exact diffuse starts; scores are complex steps.
"""

import json
import sys
import warnings

import numpy as np
import statsmodels.api as sm
from statsmodels.tsa.statespace.exponential_smoothing import ExponentialSmoothing

warnings.simplefilter("ignore")
rng = np.random.default_rng(3)
T = 40
y = np.round(np.cumsum(rng.normal(size=T)) + 3 * np.sin(np.arange(T) * np.pi / 2) + rng.normal(size=T), 2)
whole = y.copy()
y[[7, 20, 21]] = np.nan
x = np.round(rng.normal(size=(T, 2)), 2)
two = np.c_[y, np.roll(whole, 3) + rng.normal(size=T)].round(2)
out = {"y": [None if np.isnan(v) else v for v in y], "x": x.tolist(), "whole": whole.tolist(), "two": [[None if np.isnan(v) else v for v in r] for r in two]}
TIMES = [0, 9, 20, 39]


def keep(name, model, params, **ahead):
    model.ssm.tolerance = 0
    found = model.smooth(params)
    entry = {"logp": float(found.llf), "score": np.asarray(model.score(np.array(params), approx_complex_step=True, approx_centered=True)).tolist()}
    if hasattr(found, "smoothed_state") and found.smoothed_state is not None:
        entry["states"] = found.smoothed_state[:, TIMES].T.tolist()
        entry["variances"] = [np.diag(found.smoothed_state_cov[:, :, t]).tolist() for t in TIMES]
        entry["filtered"] = found.filtered_state[:, TIMES].T.tolist()
    forecast = found.get_forecast(5, **ahead)
    entry["forecast"] = np.asarray(forecast.predicted_mean).tolist()
    entry["forecast_variances"] = np.asarray(forecast.var_pred_mean).T.tolist() if np.ndim(forecast.predicted_mean) == 1 else [np.diag(v).tolist() for v in np.moveaxis(np.atleast_3d(forecast.var_pred_mean), -1, 0)]
    out[name] = entry


UC, SARIMAX, ones = sm.tsa.UnobservedComponents, sm.tsa.SARIMAX, {"exog": np.ones((5, 2))}
keep("trend", UC(y, "lltrend", use_exact_diffuse=True), [0.8, 0.5, 0.1])
keep("season", UC(y, "rwalk", seasonal=4, use_exact_diffuse=True), [0.5, 0.3])
keep("waves", UC(y, "llevel", freq_seasonal=[{"period": 4, "harmonics": 2}], use_exact_diffuse=True), [0.8, 0.5, 0.2])
keep("waves of 12", UC(y, "llevel", freq_seasonal=[{"period": 12, "harmonics": 3}], use_exact_diffuse=True), [0.8, 0.5, 0.2])
keep("cycle", UC(y, "llevel", cycle=True, stochastic_cycle=True, use_exact_diffuse=True, cycle_period_bounds=(2, 20)), [0.8, 0.3, 0.4, 2 * np.pi / 6])
keep("autoregression", UC(y, "llevel", autoregressive=2, use_exact_diffuse=True), [0.8, 0.3, 0.4, 0.5, 0.2])
keep("regression", UC(y, "llevel", exog=x, use_exact_diffuse=True, mle_regression=False), [0.8, 0.3], **ones)
keep("arma", SARIMAX(y, order=(2, 0, 1), use_exact_diffuse=True), [0.5, 0.2, 0.4, 1.3])
keep("arma with errors", SARIMAX(y, order=(1, 0, 1), measurement_error=True), [0.5, 0.4, 0.6, 1.3])
keep("sarima", SARIMAX(y, order=(1, 1, 1), seasonal_order=(1, 1, 1, 4), use_exact_diffuse=True), [0.5, 0.4, 0.3, -0.5, 1.3])
keep("sarimax", SARIMAX(y, order=(0, 2, 1), seasonal_order=(0, 2, 1, 4), use_exact_diffuse=True, exog=x), [0.5, -0.3, 0.4, -0.5, 1.3], **ones)
keep("overlap", SARIMAX(y, order=(1, 0, 0), seasonal_order=(1, 0, 0, 2), use_exact_diffuse=True), [0.3, 0.4, 1.3])
keep("var", sm.tsa.VARMAX(two, order=(2, 0), trend="n"), [0.4, 0.1, 0.2, -0.1, 0.1, 0.3, 0.05, 0.2, 1.2, 0.3, 0.9])
keep("varma", sm.tsa.VARMAX(two, order=(1, 1), trend="n", measurement_error=True), [0.4, 0.1, 0.1, 0.3, 0.2, -0.1, 0.05, 0.3, 1.2, 0.3, 0.9, 0.5, 0.25])
keep("factor", sm.tsa.DynamicFactor(two, k_factors=1, factor_order=2, error_order=1), [1.0, 0.5, 0.8, 0.4, 0.5, 0.2, 0.3, -0.2])
start = {"initialization_method": "known", "initial_level": 1.0, "initial_trend": 0.1, "initial_seasonal": [1.0, -0.5, 0.3, -0.8]}
keep("ets", ExponentialSmoothing(whole, trend=True, damped_trend=True, seasonal=4, concentrate_scale=False, **start), [0.4, 0.1, 0.2, 0.9, 1.0])

# The airline model: the posterior of theta, Theta ~ Uniform(-1, 1), log sigma flat, by quadrature over statsmodels' density ---------

from pathlib import Path  # noqa: E402

passengers = np.loadtxt(Path(__file__).parents[2] / "workbench/datasets/data/airline.csv", delimiter=",", skiprows=1)[:, 2]
airline = SARIMAX(np.log(passengers), order=(0, 1, 1), seasonal_order=(0, 1, 1, 12), simple_differencing=True)
grids = [np.linspace(-0.8, 0.1, 25), np.linspace(-0.99, -0.05, 25), np.linspace(-3.7, -2.9, 81)]
# As a function of the variance s of shocks it is A - n / 2 log s - B / s: two evaluations tell A and B.
pairs = np.array([[[airline.loglike([a, b, s]) for s in (1.0, 0.5)] for b in grids[1]] for a in grids[0]])
n = len(passengers) - 13
slope = pairs[..., 0] - pairs[..., 1] + 0.5 * n * np.log(2.0)
variance = np.exp(2.0 * grids[2])
table = (pairs[..., 0] + slope)[..., None] - 0.5 * n * np.log(variance) - slope[..., None] / variance
weight = np.exp(table - table.max())
weight /= weight.sum()
moments = []
for axis, grid in enumerate(grids):
    own = weight.sum(tuple(i for i in range(3) if i != axis))
    values = np.exp(grid) if axis == 2 else grid
    mean = float(own @ values)
    moments.append([mean, float(np.sqrt(own @ (values - mean) ** 2))])
out["airline"] = {"logp": float(airline.loglike([-0.4, -0.55, 0.00135])), "moments": moments}

# pymc-extras: whole data, without what it adds to covariances. Where data are missing it must add something, and where parts of a row
# are missing its density is another one than statsmodels'.
# ---------------------------------------------------------------------------------------

import pymc as pm  # noqa: E402
import pymc_extras.statespace as theirs  # noqa: E402
import pytensor.tensor as pt  # noqa: E402
from pymc_extras.statespace import structural as st  # noqa: E402


def built(name, model, data, exog=None, **params):
    """The log-density of what is observed, at given parameters; P0 is twice the identity unless given."""
    with pm.Model(coords=model.coords) as m:
        for k, v in params.items():
            pm.Deterministic(k, pt.as_tensor_variable(np.asarray(v, "float64")))
        if "P0" in model.param_names and "P0" not in params:
            pm.Deterministic("P0", 2.0 * pt.eye(model.k_states))
        for k, v in (exog or {}).items():
            pm.Data(k, v)
        model.build_statespace_graph(np.atleast_2d(data.T).T, missing_fill_value=-9999.0, cov_jitter=0.0)
        f = m.compile_fn(m.observedlogp, inputs=[], point_fn=False, on_unused_input="ignore")
        out[f"pymc-extras {name}"] = {"logp": float(f())}


both = np.c_[whole, two[:, 1]]
options = {"verbose": False}
built(
    "structural", (st.LevelTrend(order=2, innovations_order=[0, 1]) + st.TimeSeasonality(4, name="s") + st.Autoregressive(2, name="a") + st.MeasurementError("obs")).build(**options),
    whole, initial_level_trend=[1.0, 0.1], sigma_level_trend=[0.3], params_s=[0.5, -0.2, 0.1], sigma_s=0.4, params_a=[0.5, 0.2], sigma_a=0.7, sigma_obs=0.9,
)  # fmt: skip
built(
    "waves", (st.LevelTrend(order=1) + st.FrequencySeasonality(6, n=2, name="s") + st.Cycle(name="c", estimate_cycle_length=True, dampen=True) + st.MeasurementError("obs")).build(**options),
    whole, initial_level_trend=[1.0], sigma_level_trend=[0.3], params_s=[0.5, -0.2, 0.1, 0.2], sigma_s=0.4, params_c=[0.3, 0.1], length_c=7.5, dampening_factor_c=0.9, sigma_c=0.3, sigma_obs=0.9,
)  # fmt: skip
built(
    "durations", (st.LevelTrend(order=1) + st.TimeSeasonality(3, duration=2, name="s") + st.MeasurementError("obs")).build(**options), whole,
    initial_level_trend=[1.0], sigma_level_trend=[0.3], params_s=[0.5, -0.2], sigma_s=0.4, sigma_obs=0.9,
)  # fmt: skip
names = ["a", "b"]
built(
    "two series", (st.LevelTrend(order=1, observed_state_names=names) + st.Autoregressive(1, name="common", observed_state_names=names, share_states=True) + st.MeasurementError("obs", observed_state_names=names)).build(**options),
    both, initial_level_trend=[[1.0], [0.5]], sigma_level_trend=[[0.3], [0.5]], params_common=[0.6], sigma_common=0.8, sigma_obs=[0.9, 0.4],
)  # fmt: skip
built(
    "regression", (st.LevelTrend(order=1) + st.Regression(name="r", state_names=["u", "v"], innovations=True) + st.MeasurementError("obs")).build(**options), whole, {"data_r": x},
    initial_level_trend=[1.0], sigma_level_trend=[0.3], beta_r=[0.5, -0.3], sigma_beta_r=[0.1, 0.2], sigma_obs=0.9,
)  # fmt: skip
built("ets", theirs.BayesianETS(order=("A", "Ad", "A"), endog_names=["data"], seasonal_periods=4, **options), whole, initial_level=1.0, initial_trend=0.1, initial_seasonal=[1.0, -0.5, 0.3, -0.8], alpha=0.4, beta=0.2, gamma=0.3, phi=0.9, sigma_state=1.2)
built("sarima", theirs.BayesianSARIMAX(order=(1, 1, 1), seasonal_order=(0, 1, 1, 4), stationary_initialization=False, **options), whole, x0=np.linspace(0.1, 1.0, 11), ar_params=[0.5], ma_params=[0.4], seasonal_ma_params=[-0.5], sigma_state=1.1)
built("arma", theirs.BayesianSARIMAX(order=(2, 0, 1), state_structure="interpretable", measurement_error=True, **options), whole, ar_params=[0.5, 0.2], ma_params=[0.4], sigma_state=1.1, sigma_obs=0.6)
built("var", theirs.BayesianVARMAX(order=(2, 1), endog_names=names, stationary_initialization=True, **options), both, ar_params=[[[0.4, 0.1], [0.2, -0.1]], [[0.1, 0.3], [0.05, 0.2]]], ma_params=[[[0.2, -0.1]], [[0.05, 0.3]]], state_cov=[[1.4, 0.3], [0.3, 0.9]])
json.dump(out, sys.stdout)
