"""A cycle: a wave whose length may be unknown, and which may fade."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

import workbench.tensor as pt
from workbench.errors import ModelError
from workbench.statespace.model import Parameter
from workbench.statespace.structural.component import Block, Component
from workbench.statespace.structural.seasonality import turned
from workbench.tensor.tensor import Tensor
from workbench.transforms.gaussian_filter import times


class Cycle(Component):
    """A wave that shocks move, of a length that is given or a parameter; it may fade.

    Parameters
    ----------
    name
        What it is called. Parameters are ``params_NAME`` (where it starts), ``length_NAME``, ``dampening_factor_NAME`` and ``sigma_NAME``.
    cycle_length
        Its length, in times.
    estimate_cycle_length
        Whether the length is a parameter.
    dampen
        Whether it fades, by a factor at each time.
    innovations
        Whether shocks move it.
    observed_state_names, share_states
        As for every component. The length and the factor are the same for all series.

    Examples
    --------
    >>> import workbench as pm
    >>> cycle = pm.statespace.structural.Cycle(name="business", estimate_cycle_length=True, dampen=True)
    >>> cycle.build(initialization="diffuse").param_names
    ('length_business', 'dampening_factor_business', 'sigma_business')
    """

    def __init__(
        self, name: str | None = None, cycle_length: float | None = None, estimate_cycle_length: bool = False, dampen: bool = False, innovations: bool = True,
        observed_state_names: Sequence[str] | None = None, share_states: bool = False,
    ) -> None:  # fmt: skip
        if (cycle_length is None) != bool(estimate_cycle_length):
            raise ModelError("Cycle: its length is given, cycle_length=12, or a parameter, estimate_cycle_length=True", "one of them")
        if cycle_length is not None and cycle_length < 2:
            raise ModelError(f"Cycle: cycle_length={cycle_length}", "a shorter one than two times is not seen")
        length = "Estimate" if cycle_length is None else int(cycle_length)
        super().__init__(name or f"Cycle[s={length}, dampen={dampen}, innovations={innovations}]", observed_state_names, share_states)
        self.length, self.dampen, self.innovations = cycle_length, dampen, innovations
        self.states = [f"Cos_{self.name}", f"Sin_{self.name}"]
        self.shocks = self.states if innovations else []

    def parameters(self) -> list[Parameter]:
        found = [self.parameter(f"params_{self.name}", {f"state_{self.name}": 2})]
        if self.length is None:
            found.append(self.parameter(f"length_{self.name}", {}, "positive", shared=True))
        if self.dampen:
            found.append(self.parameter(f"dampening_factor_{self.name}", {}, "between 0 and 1", shared=True))
        if self.innovations:
            found.append(self.parameter(f"sigma_{self.name}", {}, "positive"))
        return found

    def starts(self) -> frozenset[str]:
        return frozenset([f"params_{self.name}"])

    def coords(self) -> dict[str, Sequence[Any]]:
        found: dict[str, Sequence[Any]] = {f"state_{self.name}": self.states}
        return {**found, **({f"endog_{self.name}": self.observed_state_names} if self.copies > 1 else {})}

    def block(self, given: Mapping[str, Tensor], e: int) -> Block:
        start = self.of(given[f"params_{self.name}"], e)
        if self.length is None:
            angle = 2.0 * np.pi / given[f"length_{self.name}"]
            c, s = pt.cos(angle), pt.sin(angle)
            moves: dict[tuple[int, int], Any] = {(0, 0): c, (0, 1): s, (1, 0): -s, (1, 1): c}
        else:
            moves = dict(turned(0, 2.0 * np.pi / self.length))
        if self.dampen:
            factor = given[f"dampening_factor_{self.name}"]
            moves = {at: times(a, factor) for at, a in moves.items()}
        variances = [self.of(given[f"sigma_{self.name}"], e) ** 2] * 2 if self.innovations else []
        return Block(
            moves, [start[0], start[1]], {(i, i): 1.0 for i in range(2)} if self.innovations else {}, variances, {0: 1.0},
            stationary=self.dampen and self.innovations,
        )  # fmt: skip


__all__ = ["Cycle"]
