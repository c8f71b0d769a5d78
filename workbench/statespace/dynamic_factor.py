"""Dynamic factors: a few series that are not seen move many that are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

import workbench.tensor as pt
from workbench.errors import ModelError
from workbench.statespace.matrices import Matrices, Start, stationary
from workbench.statespace.model import Parameter, StateSpace
from workbench.tensor.tensor import Tensor

COVARIANCES = ("scalar", "diagonal", "unstructured")


class BayesianDynamicFactor(StateSpace):
    """Several series that are weighted sums of a few factors, each with an error of its own.

        y[t] = factor_loadings f[t] + u[t]
        f[t] = sum_i factor_ar_i f[t-i] + noise,  of variance 1;  u[t] = sum_i error_ar_i u[t-i] + noise,  of variance error_sigma**2

    Parameters
    ----------
    k_factors, factor_order
        How many factors there are, and how many of their last values move them.
    endog_names
        Names of the series.
    error_order
        How many of its last values move an error.
    error_var
        Whether the errors of all series move one another.
    error_cov_type
        "scalar", "diagonal" (``error_sigma``, standard deviations; pymc-extras 0.10 takes variances by that name) or "unstructured" (``error_cov``).
    measurement_error
        Whether values are seen with errors beside, of standard deviations ``sigma_obs``.
    stationary_initialization
        Whether the states start from their stationary distribution; else ``x0`` and ``P0`` are parameters, as in pymc-extras.
    name
        What it is called.
    ignored
        Other options of pymc-extras: ``verbose``.

    Notes
    -----
    The sign of a factor is not identified: give one loading a sign by its prior. Regressors are not there: subtract them, or use components.

    Examples
    --------
    >>> import workbench as pm
    >>> model = pm.statespace.BayesianDynamicFactor(1, 2, ["a", "b", "c"], error_order=1, stationary_initialization=True)
    >>> model.param_names
    ('factor_loadings', 'factor_ar', 'error_ar', 'error_sigma')
    """

    def __init__(
        self, k_factors: int, factor_order: int, endog_names: Sequence[str], error_order: int = 0, error_var: bool = False,
        error_cov_type: str = "diagonal", measurement_error: bool = False, stationary_initialization: bool = False, name: str = "DynamicFactor", **ignored: Any,
    ) -> None:  # fmt: skip
        self.name = name
        for what, value, least in (("k_factors", k_factors, 1), ("factor_order", factor_order, 0), ("error_order", error_order, 0)):
            if not isinstance(value, (int, np.integer)) or value < least:
                raise ModelError(f"{name}: {what}={value!r}", f"a whole number of {least} or more")
        if error_cov_type not in COVARIANCES:
            raise ModelError(f"{name}: error_cov_type={error_cov_type!r}", f"one of {', '.join(COVARIANCES)}")
        unknown = sorted(set(ignored) - {"verbose"})
        if unknown:
            raise ModelError(f"{name} has no argument {unknown[0]!r}", "regressors are not there: subtract them, or use components")
        self.observed_states = tuple(endog_names)
        self.factors, self.order, self.error_order = int(k_factors), int(factor_order), int(error_order)
        self.together, self.covariance, self.errors = bool(error_var), error_cov_type, bool(measurement_error)
        k, m = len(self.observed_states), self.factors
        self.width = m * max(self.order, 1)
        own = [f"L{lag}.factor_{i}" if lag else f"factor_{i}" for lag in range(max(self.order, 1)) for i in range(m)]
        self.state_names = (*own, *(f"L{lag}.error_{y}" if lag else f"error_{y}" for lag in range(self.error_order) for y in self.observed_states))
        self.shock_names = (*(f"factor_shock_{i}" for i in range(m)), *(f"error_shock_{y}" for y in self.observed_states if self.error_order))
        self.initialization = "stationary" if stationary_initialization else "given"
        d, found = len(self.state_names), list[Parameter]()
        if self.initialization == "given":
            found += [Parameter("x0", (d,), ("state",)), Parameter("P0", (d, d), ("state", "state_aux"), "covariance")]
        found.append(Parameter("factor_loadings", (k, m), ("observed_state", "factor")))
        if self.order:
            found.append(Parameter("factor_ar", (m, m * self.order), ("factor", "lag_ar")))
        if self.error_order:
            found.append(Parameter("error_ar", (k, self.error_order * (k if self.together else 1)), ("observed_state", "error_lag_ar")))
        if self.covariance == "unstructured":
            found.append(Parameter("error_cov", (k, k), ("observed_state", "observed_state_aux"), "covariance"))
        else:
            found.append(Parameter("error_sigma", (k,) if self.covariance == "diagonal" else (), ("observed_state",) if self.covariance == "diagonal" else (), "positive"))
        if self.errors:
            found.append(Parameter("sigma_obs", (k,), ("observed_state",), "positive"))
        self.parameters = tuple(found)
        lags = {"lag_ar": m * self.order, "error_lag_ar": self.error_order * (k if self.together else 1)}
        self.parameter_coords = {"factor": range(m), **{dim: range(1, n + 1) for dim, n in lags.items() if n}}

    def matrices(self, given: Mapping[str, Tensor]) -> Matrices:
        k, m, w = self.k_endog, self.factors, self.width
        found = Matrices(self.k_states, self.k_posdef, k)
        found["Z"].update({(i, j): given["factor_loadings"][i, j] for i in range(k) for j in range(m)})
        if self.order:
            found["T"].update({(i, j): given["factor_ar"][i, j] for i in range(m) for j in range(m * self.order)})
            found["T"].update({(m + i, i): 1.0 for i in range(m * (self.order - 1))})
        found["R"].update({(i, i): 1.0 for i in range(m)})
        found["Q"].update({(i, i): 1.0 for i in range(m)})
        noise = self._errors(given)
        if self.error_order:
            self._moving_errors(found, given["error_ar"])
            found["Z"].update({(i, w + i): 1.0 for i in range(k)})
            found["R"].update({(w + i, m + i): 1.0 for i in range(k)})
            found["Q"].update({(m + i, m + j): v for (i, j), v in noise.items()})
        else:
            found["H"].update(noise)
        for i in range(k if self.errors else 0):
            more = given["sigma_obs"][i] ** 2
            found["H"][i, i] = found["H"][i, i] + more if (i, i) in found["H"] else more
        if self.initialization == "given":
            found.start = Start(given["x0"], given["P0"])
        else:
            found.start = Start(pt.zeros(self.k_states), stationary(found, range(self.k_states))[1])
        return found

    def _moving_errors(self, found: Matrices, weights: Tensor) -> None:
        """How errors follow from their last values."""
        k, w = self.k_endog, self.width
        for lag in range(self.error_order):
            at = w + k * lag
            if self.together:
                found["T"].update({(w + i, at + j): weights[i, k * lag + j] for i in range(k) for j in range(k)})
            else:
                found["T"].update({(w + i, at + i): weights[i, lag] for i in range(k)})
        found["T"].update({(w + k + i, w + i): 1.0 for i in range(k * (self.error_order - 1))})

    def _errors(self, given: Mapping[str, Tensor]) -> dict[tuple[int, int], Any]:
        """The covariance of what is new in the errors, by entries."""
        k = self.k_endog
        if self.covariance == "unstructured":
            return {(i, j): given["error_cov"][i, j] for i in range(k) for j in range(k)}
        sigma = given["error_sigma"]
        return {(i, i): (sigma[i] if self.covariance == "diagonal" else sigma) ** 2 for i in range(k)}


__all__ = ["BayesianDynamicFactor"]
