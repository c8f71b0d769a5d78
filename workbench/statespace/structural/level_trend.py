"""Level and trend: a random walk, and what moves it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from workbench.errors import ModelError
from workbench.statespace.model import Parameter
from workbench.statespace.structural.component import Block, Component, order_mask
from workbench.tensor.tensor import Tensor

DERIVATIVES = ("level", "trend", "acceleration", "jerk", "snap", "crackle", "pop")


class LevelTrend(Component):
    """A level that moves by a trend, which moves by an acceleration, and so on.

    Each of the states moves by all after it, and by a shock of its own.

    Parameters
    ----------
    order
        How many there are: 1 for a level, 2 with a trend. A list of zeros and ones says which have a parameter.
    innovations_order
        How many of them have shocks, or a list of zeros and ones; all by default.
    name
        What it is called. Parameters are ``initial_NAME`` and ``sigma_NAME``.
    observed_state_names, share_states
        As for every component.

    Examples
    --------
    >>> import workbench as pm
    >>> pm.statespace.structural.LevelTrend(order=2, innovations_order=1).build().param_names
    ('P0', 'initial_level_trend', 'sigma_level_trend')
    """

    def __init__(
        self, order: Any = 2, innovations_order: Any = None, name: str = "level_trend", observed_state_names: Sequence[str] | None = None, share_states: bool = False
    ) -> None:
        super().__init__(name, observed_state_names, share_states)
        n = len(order_mask(name, order))
        if n > len(DERIVATIVES):
            raise ModelError(f"{name}: an order of {n}", f"at most {len(DERIVATIVES)}")
        moving = n if innovations_order is None else innovations_order
        mask = [k < moving for k in range(n)] if isinstance(moving, int) else [bool(x) for x in moving]
        if len(mask) != n or (isinstance(moving, int) and not 0 <= moving <= n):
            raise ModelError(f"{name}: innovations_order={innovations_order!r} does not fit order={order!r}: there are {n} states", "a number up to it, or a list of as many zeros and ones")
        self.states = DERIVATIVES[:n]
        self.moving = [k for k in range(n) if mask[k]]
        self.shocks = [self.states[k] for k in self.moving]

    def parameters(self) -> list[Parameter]:
        found = [self.parameter(f"initial_{self.name}", {f"state_{self.name}": len(self.states)})]
        if self.moving:
            found.append(self.parameter(f"sigma_{self.name}", {f"shock_{self.name}": len(self.moving)}, "positive"))
        return found

    def starts(self) -> frozenset[str]:
        return frozenset([f"initial_{self.name}"])

    def coords(self) -> dict[str, Sequence[Any]]:
        found: dict[str, Sequence[Any]] = {f"state_{self.name}": self.states}
        if self.moving:
            found[f"shock_{self.name}"] = self.shocks
        return {**found, **({f"endog_{self.name}": self.observed_state_names} if self.copies > 1 else {})}

    def block(self, given: Mapping[str, Tensor], e: int) -> Block:
        n = len(self.states)
        mean = self.of(given[f"initial_{self.name}"], e)
        sigma = self.of(given[f"sigma_{self.name}"], e) if self.moving else None
        return Block(
            {(i, j): 1.0 for i in range(n) for j in range(i, n)}, [mean[i] for i in range(n)], {(i, k): 1.0 for k, i in enumerate(self.moving)},
            [sigma[k] ** 2 for k in range(len(self.moving))] if sigma is not None else [], {0: 1.0},
        )  # fmt: skip


__all__ = ["LevelTrend"]
