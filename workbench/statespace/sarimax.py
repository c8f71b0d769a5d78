"""Autoregressive, integrated, moving average processes with seasons and regressors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

import workbench.tensor as pt
from workbench.errors import ModelError
from workbench.statespace.matrices import Along, Matrices, Start, stationary
from workbench.statespace.model import DataOf, Parameter, StateSpace, is_steady, require_initialization
from workbench.tensor.tensor import Tensor
from workbench.transforms.gaussian_filter import total

STRUCTURES = ("fast", "interpretable")


class BayesianSARIMAX(StateSpace):
    """A seasonal ARIMA process, with regressors.

        (1 - phi(B)) (1 - Phi(B^S)) (1 - B)^d (1 - B^S)^D (y - x beta) = (1 + theta(B)) (1 + Theta(B^S)) e

    Parameters
    ----------
    order
        (p, d, q): how many values, differences and shocks.
    seasonal_order
        (P, D, Q, S): the same for steps of a season of S times.
    exog_state_names
        Labels of the columns of regressors: the data are called ``exogenous_data``, with a row for each time.
    stationary_initialization
        Whether the process of differences starts from its stationary distribution; else the first states have a mean ``x0`` and a covariance
        ``P0`` that are parameters. What is differenced away starts *diffuse*, in both statsmodels' exact sense and this.
    state_structure
        "fast" as Harvey has it, or "interpretable": values and shocks, each with its lags, without differences.
    measurement_error
        Whether values are seen with errors, of standard deviation ``sigma_obs``.
    name
        What it is called.
    ignored
        ``filter_type="steady_state"``: see :class:`LinearGaussianStateSpace`; ``verbose`` and ``mode`` of pymc-extras are taken.

    Notes
    -----
    Parameters are ``ar_params``, ``ma_params``, ``seasonal_ar_params``, ``seasonal_ma_params``, ``beta_exog``, ``sigma_state`` and
    ``sigma_obs``. Where ordinary and seasonal lags meet, their terms are added, as the product of the polynomials says.

    Examples
    --------
    >>> import numpy as np
    >>> import workbench as pm
    >>> airline = pm.statespace.BayesianSARIMAX(order=(0, 1, 1), seasonal_order=(0, 1, 1, 4))
    >>> airline.param_names
    ('ma_params', 'seasonal_ma_params', 'sigma_state')
    >>> y = airline.dist(steps=20, ma_params=[-0.4], seasonal_ma_params=[-0.6], sigma_state=1.0)
    >>> round(float(pm.logp(y, np.arange(20.0)).eval()), 4)
    -19.3559
    """

    def __init__(
        self, order: tuple[int, int, int], seasonal_order: tuple[int, int, int, int] | None = None, exog_state_names: Sequence[str] | None = None,
        stationary_initialization: bool = True, state_structure: str = "fast", measurement_error: bool = False, name: str = "SARIMAX", **ignored: Any,
    ) -> None:  # fmt: skip
        self.name = name
        self.steady = is_steady(name, ignored)
        self.order, self.seasonal_order = _orders(name, order, seasonal_order)
        (self.p, self.d, self.q), (self.P, self.D, self.Q, self.S) = self.order, self.seasonal_order
        if state_structure not in STRUCTURES:
            raise ModelError(f"{name}: state_structure={state_structure!r}", f"one of {', '.join(STRUCTURES)}")
        if state_structure == "interpretable" and self.d + self.D:
            raise ModelError(f"{name}: differences have no interpretable states", 'difference the data, or state_structure="fast"')
        self.fast, self.errors = state_structure == "fast", bool(measurement_error)
        self.initialization = require_initialization(name, "stationary" if stationary_initialization else "given")
        self.exogenous = tuple(exog_state_names or ())
        self.ar_lags, self.ma_lags = self.p + self.P * self.S, self.q + self.Q * self.S
        self.differences = self.d + self.S * self.D
        self.lags = max(self.ar_lags, self.ma_lags + 1)
        self.state_names = tuple(self._labels())
        self.shock_names = ("innovation",)
        self.parameters = tuple(self._parameters())
        self.data = (DataOf("exogenous_data", len(self.exogenous), "exogenous"),) if self.exogenous else ()
        lags = {"lag_ar": self.p, "lag_ma": self.q, "seasonal_lag_ar": self.P, "seasonal_lag_ma": self.Q}
        self.parameter_coords = {**{k: range(1, n + 1) for k, n in lags.items() if n}, **({"exogenous": self.exogenous} if self.exogenous else {})}

    def _labels(self) -> list[str]:
        if not self.fast:
            past, shocks = max(1, self.ar_lags), max(1, self.ma_lags)
            return ["data", *(f"L{i}.data" for i in range(1, past)), "innovations", *(f"L{i}.innovations" for i in range(1, shocks))]
        stages = [f"D1^{i}." if i else "" for i in range(self.d)]
        own = f"D1^{self.d}." if self.d else ""
        seasonal = [f"L{k}.{own}{f'D{self.S}^{j}.' if j else ''}data" for j in range(self.D) for k in range(1, self.S + 1)]
        star = "data_star" if self.d + self.D else "data"
        return [*(f"L1.{s}data" for s in stages), *seasonal, star, *(f"state_{k}" for k in range(1, self.lags))]

    def _parameters(self) -> list[Parameter]:
        found = []
        if self.initialization == "given":
            d = len(self.state_names)
            found += [Parameter("x0", (d,), ("state",)), Parameter("P0", (d, d), ("state", "state_aux"), "covariance")]
        for what, n, dim in (("ar_params", self.p, "lag_ar"), ("ma_params", self.q, "lag_ma"), ("seasonal_ar_params", self.P, "seasonal_lag_ar"), ("seasonal_ma_params", self.Q, "seasonal_lag_ma")):
            if n:
                found.append(Parameter(what, (n,), (dim,)))
        if self.exogenous:
            found.append(Parameter("beta_exog", (len(self.exogenous),), ("exogenous",)))
        found.append(Parameter("sigma_state", (), (), "positive"))
        return [*found, Parameter("sigma_obs", (), (), "positive")] if self.errors else found

    def matrices(self, given: Mapping[str, Tensor]) -> Matrices:
        found = Matrices(self.k_states, 1, 1)
        ar = multiplied(given.get("ar_params"), given.get("seasonal_ar_params"), self.p, self.P, self.S, -1.0)
        ma = multiplied(given.get("ma_params"), given.get("seasonal_ma_params"), self.q, self.Q, self.S, 1.0)
        found["Q"][0, 0] = given["sigma_state"] ** 2
        if self.errors:
            found["H"][0, 0] = given["sigma_obs"] ** 2
        (self._fast if self.fast else self._interpretable)(found, ar, ma)
        if self.exogenous:
            found["d"][0] = Along(pt.dot(given["exogenous_data"], given["beta_exog"]))
        if self.initialization == "given":
            found.start = Start(given["x0"], given["P0"])
            return found
        k = self.differences
        _, cov = stationary(found, range(k, self.k_states))
        whole = pt.linalg.block_diag(pt.eye(k), cov) if k else cov
        found.start = Start(pt.zeros(self.k_states), whole, tuple(range(k)))
        return found

    def _fast(self, found: Matrices, ar: Mapping[int, Any], ma: Mapping[int, Any]) -> None:
        """Harvey's states: of the process the value, and what its past adds to later ones; before them the last values of what is differenced."""
        k, star = self.differences, self.differences
        # What value is: the last values at the ends of the stages of differencing, and the process.
        ends = [self.d + self.S * (j + 1) - 1 for j in range(self.D)]
        transition = found["T"]
        for i in range(self.d):
            transition.update({(i, j): 1.0 for j in (*range(i, self.d), *ends, star)})
        for j in range(self.D):
            first = self.d + j * self.S
            transition.update({(first, c): 1.0 for c in (*ends[j:], star)})
            transition.update({(first + n, first + n - 1): 1.0 for n in range(1, self.S)})
        transition.update({(k + n, k + n + 1): 1.0 for n in range(self.lags - 1)})
        transition.update({(k + lag - 1, k): a for lag, a in ar.items()})
        found["R"].update({(k, 0): 1.0, **{(k + lag, 0): a for lag, a in ma.items()}})
        found["Z"].update({(0, j): 1.0 for j in (*range(self.d), *ends, star)})

    def _interpretable(self, found: Matrices, ar: Mapping[int, Any], ma: Mapping[int, Any]) -> None:
        past, n = max(1, self.ar_lags), self.k_states
        found["T"].update({(0, lag - 1): a for lag, a in ar.items()})
        found["T"].update({(0, past + lag - 1): a for lag, a in ma.items()})
        found["T"].update({(i, i - 1): 1.0 for i in range(1, n) if i != past})
        found["R"].update({(0, 0): 1.0, (past, 0): 1.0})
        found["Z"][0, 0] = 1.0


def multiplied(own: Tensor | None, seasonal: Tensor | None, n: int, m: int, season: int, sign: float) -> dict[int, Any]:
    """The coefficients, by lag, of a product of two polynomials, ``(1 + sign a(B)) (1 + sign b(B^season))``, times `sign`, without the 1."""
    terms: dict[int, list[Any]] = {}
    for i in range(n):
        terms.setdefault(i + 1, []).append(own[i])  # type: ignore[index]
    for j in range(m):
        lag = (j + 1) * season
        terms.setdefault(lag, []).append(seasonal[j])  # type: ignore[index]
        for i in range(n):
            both = own[i] * seasonal[j]  # type: ignore[index]
            terms.setdefault(lag + i + 1, []).append(both if sign > 0 else -both)
    return {lag: total(parts) for lag, parts in terms.items()}


def _orders(name: str, order: Any, seasonal_order: Any) -> tuple[tuple[int, int, int], tuple[int, int, int, int]]:
    own, seasonal = tuple(order), tuple(seasonal_order or (0, 0, 0, 0))
    for what, given, n, letters in (("order", own, 3, "(p, d, q)"), ("seasonal_order", seasonal, 4, "(P, D, Q, S)")):
        if len(given) != n or any(not isinstance(x, (int, np.integer)) or x < 0 for x in given):
            raise ModelError(f"{name}: {what}={given}", f"{n} whole numbers {letters}, none below 0")
    if any(seasonal[:3]) and seasonal[3] < 2:
        raise ModelError(f"{name}: seasonal_order={seasonal} has terms, and a season of {seasonal[3]} times", "a season has 2 times or more")
    if not any(seasonal[:3]):
        seasonal = (0, 0, 0, 0)
    return own, seasonal  # type: ignore[return-value]


__all__ = ["BayesianSARIMAX"]
