"""Vector autoregression with moving averages and regressors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

import workbench.tensor as pt
from workbench.errors import ModelError
from workbench.statespace.matrices import Along, Matrices, Start, stationary
from workbench.statespace.model import DataOf, Parameter, StateSpace, is_steady
from workbench.tensor.tensor import Tensor


class BayesianVARMAX(StateSpace):
    """Several series, each of which depends on the last values and shocks of all.

        y[t] = sum_i A_i y[t-i] + e[t] + sum_j M_j e[t-j],  e ~ Normal(0, state_cov)

    Parameters
    ----------
    order
        (p, q): how many values and shocks.
    endog_names
        Names of the series.
    exog_state_names
        Labels of the columns of regressors, the data ``exogenous_data`` with coefficients ``beta_exog`` for each series; or a dict of such by
        series, with data ``SERIES_exogenous_data`` and coefficients ``beta_SERIES``.
    stationary_initialization
        Whether the states start from their stationary distribution; else ``x0`` and ``P0`` are parameters.
    measurement_error
        Whether values are seen with errors, of standard deviations ``sigma_obs`` (pymc-extras 0.10 takes variances by that name).
    k_endog
        How many series there are, where they have no names.
    name
        What it is called.
    ignored
        ``filter_type="steady_state"``: see :class:`LinearGaussianStateSpace`; ``verbose`` and ``mode`` of pymc-extras are taken.

    Examples
    --------
    >>> import workbench as pm
    >>> var = pm.statespace.BayesianVARMAX(order=(2, 0), endog_names=["gdp", "rate"])
    >>> var.param_info["ar_params"]["shape"], var.param_dims["ar_params"]
    ((2, 2, 2), ('observed_state', 'lag_ar', 'observed_state_aux'))
    """

    def __init__(
        self, order: tuple[int, int], endog_names: Sequence[str] | None = None, exog_state_names: Any = None, stationary_initialization: bool = False,
        measurement_error: bool = False, k_endog: int | None = None, name: str = "VARMAX", **ignored: Any,
    ) -> None:  # fmt: skip
        self.name = name
        self.steady = is_steady(name, ignored)
        if len(tuple(order)) != 2 or any(not isinstance(x, (int, np.integer)) or x < 0 for x in order) or not any(order):
            raise ModelError(f"{name}: order={order}", "two whole numbers (p, q), not both 0")
        if endog_names is None and k_endog is None:
            raise ModelError(f"{name}: which series are there?", "endog_names=[...]")
        self.p, self.q = order
        self.observed_states = tuple(endog_names) if endog_names is not None else tuple(f"observed_{i}" for i in range(int(k_endog or 0)))
        k = len(self.observed_states)
        self.errors = bool(measurement_error)
        self.initialization = "stationary" if stationary_initialization else "given"
        own = [s for i in range(max(self.p, 1)) for s in (self.observed_states if not i else [f"L{i}_{y}" for y in self.observed_states])]
        self.state_names = (*own, *(f"L{i + 1}_{y}_innov" for i in range(self.q) for y in self.observed_states))
        self.shock_names = self.observed_states
        self.exogenous = _exogenous(name, exog_state_names, self.observed_states)
        d, found = len(self.state_names), list[Parameter]()
        if self.initialization == "given":
            found += [Parameter("x0", (d,), ("state",)), Parameter("P0", (d, d), ("state", "state_aux"), "covariance")]
        if self.p:
            found.append(Parameter("ar_params", (k, self.p, k), ("observed_state", "lag_ar", "observed_state_aux")))
        if self.q:
            found.append(Parameter("ma_params", (k, self.q, k), ("observed_state", "lag_ma", "observed_state_aux")))
        found.append(Parameter("state_cov", (k, k), ("shock", "shock_aux"), "covariance"))
        if self.errors:
            found.append(Parameter("sigma_obs", (k,), ("observed_state",), "positive"))
        self.parameter_coords = {dim: range(1, n + 1) for dim, n in (("lag_ar", self.p), ("lag_ma", self.q)) if n}
        data = []
        for series, columns in self.exogenous.items():
            dim = "exogenous" if series is None else f"exogenous_{series}"
            data.append(DataOf("exogenous_data" if series is None else f"{series}_exogenous_data", len(columns), dim))
            found.append(Parameter("beta_exog", (k, len(columns)), ("observed_state", dim)) if series is None else Parameter(f"beta_{series}", (len(columns),), (dim,)))
            self.parameter_coords = {**self.parameter_coords, dim: columns}
        self.data, self.parameters = tuple(data), tuple(found)

    def matrices(self, given: Mapping[str, Tensor]) -> Matrices:
        k, d = self.k_endog, self.k_states
        found = Matrices(d, k, k)
        past = k * max(self.p, 1)
        if self.p:
            found["T"].update({(i, k * lag + j): given["ar_params"][i, lag, j] for i in range(k) for lag in range(self.p) for j in range(k)})
            found["T"].update({(k + i, i): 1.0 for i in range(k * (self.p - 1))})
        if self.q:
            found["T"].update({(i, past + k * lag + j): given["ma_params"][i, lag, j] for i in range(k) for lag in range(self.q) for j in range(k)})
            found["T"].update({(past + k + i, past + i): 1.0 for i in range(k * (self.q - 1))})
        found["R"].update({(i, i): 1.0 for i in range(k)})
        found["R"].update({(past + i, i): 1.0 for i in range(k) if self.q})
        found["Q"].update({(i, j): given["state_cov"][i, j] for i in range(k) for j in range(k)})
        found["Z"].update({(i, i): 1.0 for i in range(k)})
        if self.errors:
            found["H"].update({(i, i): given["sigma_obs"][i] ** 2 for i in range(k)})
        for series in self.exogenous:
            if series is None:
                x = pt.dot(given["exogenous_data"], given["beta_exog"].T)
                found["d"].update({i: Along(x[:, i]) for i in range(k)})
            else:
                found["d"][self.observed_states.index(series)] = Along(pt.dot(given[f"{series}_exogenous_data"], given[f"beta_{series}"]))
        if self.initialization == "given":
            found.start = Start(given["x0"], given["P0"])
        else:
            found.start = Start(pt.zeros(d), stationary(found, range(d))[1])
        return found


def _exogenous(name: str, given: Any, series: Sequence[str]) -> dict[str | None, tuple[str, ...]]:
    """Labels of columns of regressors: of all series, or by series."""
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        return {None: tuple(given)}
    unknown = [y for y in given if y not in series]
    if unknown:
        raise ModelError(f"{name}: there are regressors of {unknown[0]!r}, which is no series", f"series are {', '.join(series)}")
    return {str(y): tuple(columns) for y, columns in given.items()}


__all__ = ["BayesianVARMAX"]
