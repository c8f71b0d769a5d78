"""Exponential smoothing: states that all move by the one error that is seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

import workbench.tensor as pt
from workbench.errors import ModelError
from workbench.statespace.matrices import Matrices, Start, product, stationary
from workbench.statespace.model import Parameter, StateSpace, is_steady, require_initialization
from workbench.tensor.tensor import Tensor
from workbench.transforms.gaussian_filter import matrix_of, times, total


class BayesianETS(StateSpace):
    """Exponential smoothing with additive errors, a trend that may be damped, and seasons.

        y[t] = level[t-1] + phi trend[t-1] + season[t-m] + e[t],  e ~ Normal(0, sigma_state)
        level[t] = level[t-1] + phi trend[t-1] + alpha e[t]
        trend[t] = phi trend[t-1] + alpha beta e[t]
        season[t] = season[t-m] + (1 - alpha) gamma e[t]

    Parameters
    ----------
    order
        Three letters: "A" for additive errors; "A", "Ad" or "N" for a trend, a damped one, or none; "A" or "N" for seasons.
    endog_names
        Names of the series; each has parameters of its own.
    trend, damped_trend, seasonal
        Instead of `order`.
    seasonal_periods
        How many times a season has.
    measurement_error
        Whether values are seen with errors beside, of standard deviation ``sigma_obs``.
    use_transformed_parameterization
        Whether ``beta`` and ``gamma`` are what the error moves trend and season by, as in statsmodels.
    dense_innovation_covariance
        Whether errors of several series are correlated: ``state_cov`` instead of ``sigma_state``.
    stationary_initialization
        Whether the first states have the covariance of a process that forgets, by `initialization_dampening` at each time, as in pymc-extras.
    initialization_dampening
        That factor.
    initialization
        "given": parameters ``initial_level``, ``initial_trend``, ``initial_seasonal`` and ``P0`` are mean and covariance of the first states, as in
        pymc-extras; "known": they are the states before the first time, known exactly, as in the usual equations; "diffuse".
    name
        What it is called.
    ignored
        ``filter_type="steady_state"``: see :class:`LinearGaussianStateSpace`; ``verbose`` and ``mode`` of pymc-extras are taken.

    Notes
    -----
    Source: Hyndman and Athanasopoulos, "Forecasting: principles and practice" (2018), chapter 7.

    Examples
    --------
    >>> import workbench as pm
    >>> ets = pm.statespace.BayesianETS(order=("A", "Ad", "N"), initialization="known")
    >>> ets.param_names
    ('initial_level', 'initial_trend', 'alpha', 'beta', 'phi', 'sigma_state')
    >>> y = ets.dist(steps=2, initial_level=1.0, initial_trend=0.0, alpha=0.5, beta=0.1, phi=0.9, sigma_state=1.0)
    >>> round(float(pm.logp(y, [2.0, 2.0]).eval()), 4)  # errors are 1, and 2 - (1.5 + 0.9 * 0.05)
    -2.4414
    """

    def __init__(
        self, order: Sequence[str] | None = None, endog_names: Any = None, trend: bool = True, damped_trend: bool = False, seasonal: bool = False,
        seasonal_periods: int | None = None, measurement_error: bool = False, use_transformed_parameterization: bool = False,
        dense_innovation_covariance: bool = False, stationary_initialization: bool = False, initialization_dampening: float = 0.8,
        initialization: str = "given", name: str = "ETS", **ignored: Any,
    ) -> None:  # fmt: skip
        self.name = name
        self.steady = is_steady(name, ignored)
        if order is not None:
            letters = tuple(order)
            if len(letters) != 3 or letters[0] != "A" or letters[1] not in ("A", "Ad", "N") or letters[2] not in ("A", "N"):
                raise ModelError(f"{name}: order={letters}", '("A", "A" or "Ad" or "N", "A" or "N"): errors and seasons are additive')
            trend, damped_trend, seasonal = letters[1] != "N", letters[1] == "Ad", letters[2] == "A"
        if seasonal and (not isinstance(seasonal_periods, (int, np.integer)) or seasonal_periods < 2):
            raise ModelError(f"{name}: seasons have seasonal_periods={seasonal_periods!r}", "a whole number of 2 or more")
        if not 0.0 < initialization_dampening < 1.0:
            raise ModelError(f"{name}: initialization_dampening={initialization_dampening}", "between 0 and 1")
        self.trend, self.damped, self.season = bool(trend), bool(trend and damped_trend), int(seasonal_periods or 0) if seasonal else 0
        self.observed_states = ("data",) if endog_names is None else (endog_names,) if isinstance(endog_names, str) else tuple(endog_names)
        self.errors, self.transformed = bool(measurement_error), bool(use_transformed_parameterization)
        k = len(self.observed_states)
        self.dense = bool(dense_innovation_covariance) and k > 1
        self.dampening = initialization_dampening if stationary_initialization else None
        self.initialization = require_initialization(name, initialization, ("given", "known", "diffuse"))
        own = ["innovation", "level", *(["trend"] if self.trend else []), *(["seasonality", *(f"L{i}.season" for i in range(1, self.season))] if self.season else [])]
        self.width = len(own)
        self.state_names = tuple(f"{y}_{s}" if k > 1 else s for y in self.observed_states for s in own)
        self.shock_names = tuple(f"{y}_innovation" for y in self.observed_states) if k > 1 else ("innovation",)
        self.parameters = tuple(self._parameters(k))
        self.parameter_coords = {"seasonal_lag": range(1, self.season + 1)} if self.season else {}

    def _parameters(self, k: int) -> list[Parameter]:
        several: dict[str, int] = {"observed_state": k} if k > 1 else {}

        def one(what: str, constraint: str = "", dims: Mapping[str, int] = {}) -> Parameter:
            whole = {**several, **dims}
            return Parameter(what, tuple(whole.values()), tuple(whole), constraint)

        found = []
        if self.initialization != "diffuse":
            found.append(one("initial_level"))
            found += [one("initial_trend")] if self.trend else []
            found += [one("initial_seasonal", dims={"seasonal_lag": self.season})] if self.season else []
        if self.initialization == "given" and self.dampening is None:
            d = len(self.state_names)
            found.append(Parameter("P0", (d, d), ("state", "state_aux"), "covariance"))
        found.append(one("alpha", "between 0 and 1"))
        found += [one("beta", "between 0 and alpha" if self.transformed else "between 0 and 1")] if self.trend else []
        found += [one("gamma", "between 0 and 1 - alpha" if self.transformed else "between 0 and 1")] if self.season else []
        found += [one("phi", "between 0 and 1")] if self.damped else []
        found.append(Parameter("state_cov", (k, k), ("observed_state", "observed_state_aux"), "covariance") if self.dense else one("sigma_state", "positive"))
        return [*found, one("sigma_obs", "positive")] if self.errors else found

    def matrices(self, given: Mapping[str, Tensor]) -> Matrices:
        k, w = self.k_endog, self.width
        found = Matrices(self.k_states, k, k)
        mean: dict[int, Any] = {}
        for e in range(k):
            self._series(found, mean, {p: x[e] if k > 1 and p not in ("P0", "state_cov") else x for p, x in given.items()}, e, e * w)
        if self.dense:
            found["Q"].update({(i, j): given["state_cov"][i, j] for i in range(k) for j in range(k)})
        found.start = self._start(found, mean, given)
        return found

    def _series(self, found: Matrices, mean: dict[int, Any], own: Mapping[str, Tensor], e: int, at: int) -> None:
        level, trend, season = at + 1, at + 2, at + 2 + self.trend
        alpha = own["alpha"]
        found["T"][level, level] = 1.0
        found["R"][level, e] = alpha
        found["Z"].update({(e, at): 1.0, (e, level): 1.0})
        # The value is that of the states before, and the error; written by the states after, some of the error is in them.
        rest = 1.0 - alpha
        if self.trend:
            phi = own["phi"] if self.damped else 1.0
            found["T"].update({(level, trend): phi, (trend, trend): phi})
            found["R"][trend, e] = own["beta"] if self.transformed else alpha * own["beta"]
        if self.season:
            m = self.season
            found["T"].update({(season, season + m - 1): 1.0, **{(season + i, season + i - 1): 1.0 for i in range(1, m)}})
            found["Z"][e, season] = 1.0
            moved = own["gamma"] if self.transformed else (1.0 - alpha) * own["gamma"]
            found["R"][season, e] = moved
            rest = rest - moved
        found["R"][at, e] = rest
        if not self.dense:
            found["Q"][e, e] = own["sigma_state"] ** 2
        if self.errors:
            found["H"][e, e] = own["sigma_obs"] ** 2
        if self.initialization != "diffuse":
            mean[level] = own["initial_level"]
            if self.trend:
                mean[trend] = own["initial_trend"]
            mean.update({season + i: own["initial_seasonal"][i] for i in range(self.season)})

    def _start(self, found: Matrices, mean: dict[int, Any], given: Mapping[str, Tensor]) -> Start:
        d = found.states
        if self.initialization == "known":
            # From the states before the first time.
            moved: dict[int, list[Any]] = {}
            for (i, j), a in found["T"].items():
                if j in mean:
                    moved.setdefault(i, []).append(times(a, mean[j]))
            first = matrix_of({(0, i): total(terms) for i, terms in moved.items()}, (1, d))[0]
            return Start(first, matrix_of(product(found["R"], found["Q"]), d))
        whole = matrix_of({(0, i): a for i, a in mean.items()}, (1, d))[0] if mean else pt.zeros(d)
        if self.initialization == "given":
            return Start(whole, given["P0"] if self.dampening is None else self._forgetting(found))
        # Of a season and the level only the sums are seen: the last effect is zero. What the first error moves is anywhere already.
        free = [i for i in range(d) if i % self.width and not (self.season and i % self.width == self.width - 1)]
        errors = [i for i in range(d) if not i % self.width]
        noise = product(found["R"], found["Q"])
        cov = {(i, i): 1.0 for i in free} | {(i, j): noise[i, j] for i in errors for j in errors if (i, j) in noise}
        return Start(whole, matrix_of(cov, d), tuple(free))

    def _forgetting(self, found: Matrices) -> Tensor:
        """The covariance of the states if each forgot, by a factor at each time."""
        damped = Matrices(found.states, found.shocks, found.observed)
        damped.entries = {**found.entries, "T": dict(found["T"])}
        factor = float(self.dampening or 0.0)
        for at in range(0, found.states, self.width):
            damped["T"][at + 1, at + 1] = factor
            if self.trend and not self.damped:
                damped["T"][at + 2, at + 2] = factor
            if self.season:
                first = at + 2 + self.trend
                damped["T"][first, first + self.season - 1] = factor
        return stationary(damped, range(found.states))[1]


__all__ = ["BayesianETS"]
