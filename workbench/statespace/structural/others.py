"""Autoregression, regression on data, and errors of measurement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from workbench.errors import ModelError
from workbench.statespace.model import DataOf, Parameter
from workbench.statespace.structural.component import Block, Component, along, order_mask
from workbench.tensor.tensor import Tensor


class Autoregressive(Component):
    """An autoregressive process around zero.

    Parameters
    ----------
    order
        How many lags, or a list of zeros and ones that says which.
    name
        What it is called. Parameters are ``params_NAME`` and ``sigma_NAME``.
    observed_state_names, share_states
        As for every component.

    Examples
    --------
    >>> import workbench as pm
    >>> pm.statespace.structural.Autoregressive(order=[1, 0, 1]).build(initialization="stationary").param_info["params_auto_regressive"]["shape"]
    (2,)
    """

    def __init__(self, order: Any = 1, name: str = "auto_regressive", observed_state_names: Sequence[str] | None = None, share_states: bool = False) -> None:
        super().__init__(name, observed_state_names, share_states)
        mask = order_mask(name, order)
        self.lags = [k for k, there in enumerate(mask) if there]
        self.states = [f"L{i + 1}_{name}" for i in range(len(mask))]
        self.shocks = [name]

    def parameters(self) -> list[Parameter]:
        return [self.parameter(f"params_{self.name}", {f"lag_{self.name}": len(self.lags)}), self.parameter(f"sigma_{self.name}", {}, "positive")]

    def coords(self) -> dict[str, Sequence[Any]]:
        found: dict[str, Sequence[Any]] = {f"lag_{self.name}": [k + 1 for k in self.lags]}
        return {**found, **({f"endog_{self.name}": self.observed_state_names} if self.copies > 1 else {})}

    def block(self, given: Mapping[str, Tensor], e: int) -> Block:
        rho, sigma = (self.of(given[f"{what}_{self.name}"], e) for what in ("params", "sigma"))
        n = len(self.states)
        moves: dict[tuple[int, int], Any] = {(0, lag): rho[k] for k, lag in enumerate(self.lags)}
        moves.update({(i, i - 1): 1.0 for i in range(1, n)})
        return Block(moves, [0.0] * n, {(0, 0): 1.0}, [sigma**2], {0: 1.0}, stationary=True)


class Regression(Component):
    """A regression on data, whose coefficients may change.

    Parameters
    ----------
    name
        What it is called. Parameters are ``beta_NAME`` and ``sigma_beta_NAME``; the data are ``data_NAME``, with a row for each time.
    state_names
        Labels of the columns of the data.
    observed_state_names, share_states
        As for every component.
    innovations
        Whether coefficients change, by shocks at each time.

    Examples
    --------
    >>> import workbench as pm
    >>> model = pm.statespace.structural.Regression(name="weather", state_names=["rain", "wind"]).build()
    >>> model.data_names, model.param_names
    (('data_weather',), ('P0', 'beta_weather'))
    """

    def __init__(
        self, name: str = "regression", state_names: Sequence[str] | None = None, observed_state_names: Sequence[str] | None = None,
        innovations: bool = False, share_states: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(name, observed_state_names, share_states)
        if not state_names:
            raise ModelError(f"{name}: what are the columns of the data called?", "state_names=[...]")
        self.states, self.innovations = list(state_names), innovations
        self.shocks = self.states if innovations else []

    def parameters(self) -> list[Parameter]:
        columns = {f"state_{self.name}": len(self.states)}
        found = [self.parameter(f"beta_{self.name}", columns)]
        return [*found, self.parameter(f"sigma_beta_{self.name}", columns, "positive")] if self.innovations else found

    def starts(self) -> frozenset[str]:
        return frozenset([f"beta_{self.name}"])

    def coords(self) -> dict[str, Sequence[Any]]:
        found: dict[str, Sequence[Any]] = {f"state_{self.name}": self.states}
        return {**found, **({f"endog_{self.name}": self.observed_state_names} if self.copies > 1 else {})}

    def data(self) -> list[DataOf]:
        return [DataOf(f"data_{self.name}", len(self.states), f"state_{self.name}")]

    def block(self, given: Mapping[str, Tensor], e: int) -> Block:
        n, x = len(self.states), given[f"data_{self.name}"]
        beta = self.of(given[f"beta_{self.name}"], e)
        sigma = self.of(given[f"sigma_beta_{self.name}"], e) if self.innovations else None
        return Block(
            {(i, i): 1.0 for i in range(n)}, [beta[i] for i in range(n)], {(i, i): 1.0 for i in range(n)} if self.innovations else {},
            [sigma[i] ** 2 for i in range(n)] if sigma is not None else [], {i: along(x[:, i]) for i in range(n)},
        )  # fmt: skip


class MeasurementError(Component):
    """Independent errors of what is observed.

    Parameters
    ----------
    name
        What it is called. The parameter is ``sigma_NAME``.
    observed_state_names, share_states
        As for every component; with shared states all series have one standard deviation.

    Examples
    --------
    >>> import workbench as pm
    >>> model = (pm.statespace.structural.LevelTrend(order=1) + pm.statespace.structural.MeasurementError("obs")).build()
    >>> model.param_names[-1]
    'sigma_obs'
    """

    def __init__(self, name: str = "MeasurementError", observed_state_names: Sequence[str] | None = None, share_states: bool = False) -> None:
        super().__init__(name, observed_state_names, share_states)

    def parameters(self) -> list[Parameter]:
        return [self.parameter(f"sigma_{self.name}", {}, "positive")]

    def coords(self) -> dict[str, Sequence[Any]]:
        return {f"endog_{self.name}": self.observed_state_names} if self.copies > 1 else {}

    def errors(self, given: Mapping[str, Tensor]) -> dict[str, Any]:
        return {y: self.of(given[f"sigma_{self.name}"], e) ** 2 for e, y in enumerate(self.observed_state_names)}


__all__ = ["Autoregressive", "MeasurementError", "Regression"]
