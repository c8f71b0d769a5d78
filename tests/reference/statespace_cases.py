"""The models of tests/reference/make_statespace.py, in our names: what is observed, the parameters, and how they are those of statsmodels."""

import json
from pathlib import Path

import numpy as np

import workbench as pm

TRUTH = json.loads((Path(__file__).with_name("statespace.json")).read_text())
ss, st = pm.statespace, pm.statespace.structural
Y, X, WHOLE, TWO = (np.array(TRUTH[k], float) for k in ("y", "x", "whole", "two"))
q = np.sqrt
BOTH = np.c_[WHOLE, TWO[:, 1]]
FLAT = {"initialization": "diffuse"}
ERROR = st.MeasurementError("obs")
LEVEL = st.LevelTrend(1)
CHOL = np.array([[1.2, 0.0], [0.3, 0.9]])
START = {"initial_level": 1.0, "initial_trend": 0.1, "initial_seasonal": [1.0, -0.5, 0.3, -0.8]}

# name: model, data, parameters, and the slope of which element of which of these is a multiple of statsmodels' score (by its number), with the factor:
# standard deviations are the roots of variances.
STATSMODELS = {
    "trend": ((st.LevelTrend(2) + ERROR).build(**FLAT), Y, {"sigma_level_trend": q([0.5, 0.1]), "sigma_obs": q(0.8)}, [("sigma_obs", (), 0), ("sigma_level_trend", (0,), 1), ("sigma_level_trend", (1,), 2)]),
    "season": ((LEVEL + st.TimeSeasonality(4, name="s")).build(**FLAT), Y, {"sigma_level_trend": q([0.5]), "sigma_s": q(0.3)}, [("sigma_level_trend", (0,), 0), ("sigma_s", (), 1)]),
    "waves": ((LEVEL + st.FrequencySeasonality(4, name="s") + ERROR).build(**FLAT), Y, {"sigma_level_trend": q([0.5]), "sigma_s": q(0.2), "sigma_obs": q(0.8)}, [("sigma_obs", (), 0), ("sigma_level_trend", (0,), 1), ("sigma_s", (), 2)]),
    "waves of 12": ((LEVEL + st.FrequencySeasonality(12, 3, name="s") + ERROR).build(**FLAT), Y, {"sigma_level_trend": q([0.5]), "sigma_s": q(0.2), "sigma_obs": q(0.8)}, []),
    "cycle": ((LEVEL + st.Cycle("c", estimate_cycle_length=True) + ERROR).build(**FLAT), Y, {"sigma_level_trend": q([0.3]), "sigma_c": q(0.4), "length_c": 6.0, "sigma_obs": q(0.8)}, [("sigma_obs", (), 0), ("sigma_c", (), 2)]),
    "autoregression": ((LEVEL + st.Autoregressive(2, name="a") + ERROR).build(**FLAT), Y, {"sigma_level_trend": q([0.3]), "sigma_a": q(0.4), "params_a": [0.5, 0.2], "sigma_obs": q(0.8)}, [("params_a", (0,), 3), ("params_a", (1,), 4), ("sigma_a", (), 2)]),
    "regression": ((LEVEL + st.Regression("r", ["u", "v"]) + ERROR).build(**FLAT), Y, {"sigma_level_trend": q([0.3]), "data_r": X, "sigma_obs": q(0.8)}, [("sigma_obs", (), 0), ("sigma_level_trend", (0,), 1)]),
    "arma": (ss.BayesianSARIMAX((2, 0, 1)), Y, {"ar_params": [0.5, 0.2], "ma_params": [0.4], "sigma_state": q(1.3)}, [("ar_params", (0,), 0), ("ar_params", (1,), 1), ("ma_params", (0,), 2), ("sigma_state", (), 3)]),
    "arma with errors": (ss.BayesianSARIMAX((1, 0, 1), measurement_error=True), Y, {"ar_params": [0.5], "ma_params": [0.4], "sigma_state": q(1.3), "sigma_obs": q(0.6)}, [("ar_params", (0,), 0), ("sigma_obs", (), 2), ("sigma_state", (), 3)]),
    "sarima": (ss.BayesianSARIMAX((1, 1, 1), (1, 1, 1, 4)), Y, {"ar_params": [0.5], "ma_params": [0.4], "seasonal_ar_params": [0.3], "seasonal_ma_params": [-0.5], "sigma_state": q(1.3)}, [("ar_params", (0,), 0), ("ma_params", (0,), 1), ("seasonal_ar_params", (0,), 2), ("seasonal_ma_params", (0,), 3), ("sigma_state", (), 4)]),
    "sarimax": (ss.BayesianSARIMAX((0, 2, 1), (0, 2, 1, 4), ["u", "v"]), Y, {"ma_params": [0.4], "seasonal_ma_params": [-0.5], "sigma_state": q(1.3), "beta_exog": [0.5, -0.3], "exogenous_data": X}, [("beta_exog", (0,), 0), ("beta_exog", (1,), 1), ("ma_params", (0,), 2)]),
    "overlap": (ss.BayesianSARIMAX((1, 0, 0), (1, 0, 0, 2)), Y, {"ar_params": [0.3], "seasonal_ar_params": [0.4], "sigma_state": q(1.3)}, [("ar_params", (0,), 0), ("seasonal_ar_params", (0,), 1)]),
    "var": (ss.BayesianVARMAX((2, 0), ["a", "b"], stationary_initialization=True), TWO, {"ar_params": [[[0.4, 0.1], [0.2, -0.1]], [[0.1, 0.3], [0.05, 0.2]]], "state_cov": CHOL @ CHOL.T}, [("ar_params", (0, 0, 0), 0), ("ar_params", (0, 0, 1), 1), ("ar_params", (1, 1, 0), 6)]),
    "varma": (ss.BayesianVARMAX((1, 1), ["a", "b"], stationary_initialization=True, measurement_error=True), TWO, {"ar_params": [[[0.4, 0.1]], [[0.1, 0.3]]], "ma_params": [[[0.2, -0.1]], [[0.05, 0.3]]], "state_cov": CHOL @ CHOL.T, "sigma_obs": q([0.5, 0.25])}, [("ma_params", (0, 0, 1), 5), ("sigma_obs", (0,), 11)]),
    "factor": (ss.BayesianDynamicFactor(1, 2, ["a", "b"], error_order=1, stationary_initialization=True), TWO, {"factor_loadings": [[1.0], [0.5]], "factor_ar": [[0.5, 0.2]], "error_ar": [[0.3], [-0.2]], "error_sigma": q([0.8, 0.4])}, [("factor_loadings", (1, 0), 1), ("error_sigma", (0,), 2), ("factor_ar", (0, 1), 5), ("error_ar", (1, 0), 7)]),
    "ets": (ss.BayesianETS(("A", "Ad", "A"), seasonal_periods=4, initialization="known", use_transformed_parameterization=True), WHOLE, {"alpha": 0.4, "beta": 0.1, "gamma": 0.2, "phi": 0.9, "sigma_state": 1.0, **START}, []),
}  # fmt: skip

EXTRAS = {
    "structural": ((st.LevelTrend(2, innovations_order=[0, 1]) + st.TimeSeasonality(4, name="s") + st.Autoregressive(2, name="a") + ERROR).build(), WHOLE, {"initial_level_trend": [1.0, 0.1], "sigma_level_trend": [0.3], "params_s": [0.5, -0.2, 0.1], "sigma_s": 0.4, "params_a": [0.5, 0.2], "sigma_a": 0.7, "sigma_obs": 0.9}),
    "waves": ((LEVEL + st.FrequencySeasonality(6, n=2, name="s") + st.Cycle("c", estimate_cycle_length=True, dampen=True) + ERROR).build(), WHOLE, {"initial_level_trend": [1.0], "sigma_level_trend": [0.3], "params_s": [0.5, -0.2, 0.1, 0.2], "sigma_s": 0.4, "params_c": [0.3, 0.1], "length_c": 7.5, "dampening_factor_c": 0.9, "sigma_c": 0.3, "sigma_obs": 0.9}),
    "durations": ((LEVEL + st.TimeSeasonality(3, duration=2, name="s") + ERROR).build(), WHOLE, {"initial_level_trend": [1.0], "sigma_level_trend": [0.3], "params_s": [0.5, -0.2], "sigma_s": 0.4, "sigma_obs": 0.9}),
    "two series": ((st.LevelTrend(1, observed_state_names=["a", "b"]) + st.Autoregressive(1, name="common", observed_state_names=["a", "b"], share_states=True) + st.MeasurementError("obs", observed_state_names=["a", "b"])).build(), BOTH, {"initial_level_trend": [[1.0], [0.5]], "sigma_level_trend": [[0.3], [0.5]], "params_common": [0.6], "sigma_common": 0.8, "sigma_obs": [0.9, 0.4]}),
    "regression": ((LEVEL + st.Regression("r", ["u", "v"], innovations=True) + ERROR).build(), WHOLE, {"initial_level_trend": [1.0], "sigma_level_trend": [0.3], "data_r": X, "beta_r": [0.5, -0.3], "sigma_beta_r": [0.1, 0.2], "sigma_obs": 0.9}),
    "ets": (ss.BayesianETS(("A", "Ad", "A"), seasonal_periods=4), WHOLE, {**START, "alpha": 0.4, "beta": 0.2, "gamma": 0.3, "phi": 0.9, "sigma_state": 1.2}),
    "sarima": (ss.BayesianSARIMAX((1, 1, 1), (0, 1, 1, 4), stationary_initialization=False), WHOLE, {"x0": np.linspace(0.1, 1.0, 11), "ar_params": [0.5], "ma_params": [0.4], "seasonal_ma_params": [-0.5], "sigma_state": 1.1}),
    "arma": (ss.BayesianSARIMAX((2, 0, 1), state_structure="interpretable", measurement_error=True), WHOLE, {"ar_params": [0.5, 0.2], "ma_params": [0.4], "sigma_state": 1.1, "sigma_obs": 0.6}),
    "var": (ss.BayesianVARMAX((2, 1), ["a", "b"], stationary_initialization=True), BOTH, {"ar_params": [[[0.4, 0.1], [0.2, -0.1]], [[0.1, 0.3], [0.05, 0.2]]], "ma_params": [[[0.2, -0.1]], [[0.05, 0.3]]], "state_cov": [[1.4, 0.3], [0.3, 0.9]]}),
}  # fmt: skip
