"""Seasons: an effect for each of a period's times, or waves of a period and its parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from workbench.errors import ModelError
from workbench.statespace.model import Parameter
from workbench.statespace.structural.component import Block, Component
from workbench.tensor.tensor import Tensor


class TimeSeasonality(Component):
    """Effects of the times of a season, which sum to zero.

    Parameters
    ----------
    season_length
        How many times a season has.
    duration
        For how many steps each lasts.
    innovations
        Whether effects change, by a shock at each time.
    name
        What it is called. Parameters are ``params_NAME`` and ``sigma_NAME``.
    state_names
        Labels of the times of a season.
    remove_first_state
        Whether the first effect is what makes the sum zero; else all have a state, and the season turns them.
    observed_state_names, share_states
        As for every component.

    Examples
    --------
    >>> import workbench as pm
    >>> pm.statespace.structural.TimeSeasonality(4, name="quarter").build(initialization="diffuse").state_names
    ('quarter_1[data]', 'quarter_2[data]', 'quarter_3[data]')
    """

    def __init__(
        self, season_length: int, duration: int = 1, innovations: bool = True, name: str | None = None, state_names: Sequence[Any] | None = None,
        remove_first_state: bool = True, observed_state_names: Sequence[str] | None = None, share_states: bool = False,
    ) -> None:  # fmt: skip
        for what, value, least in (("season_length", season_length, 2), ("duration", duration, 1)):
            if not isinstance(value, (int, np.integer)) or value < least:
                raise ModelError(f"TimeSeasonality: {what}={value!r}", f"a whole number of {least} or more")
        super().__init__(name or f"Seasonal[s={season_length}, d={duration}]", observed_state_names, share_states)
        labels = [f"{self.name}_{i}" for i in range(season_length)] if duration == 1 else [f"{self.name}_{i}_{j}" for i in range(season_length) for j in range(duration)]
        labels = labels if state_names is None else list(state_names)
        if len(labels) != season_length * duration:
            raise ModelError(f"{self.name}: {len(labels)} state_names for {season_length * duration} times", "one for each")
        self.season_length, self.duration, self.first = int(season_length), int(duration), bool(remove_first_state)
        self.states = labels[duration:] if remove_first_state else labels
        self.shocks = [self.name] if innovations else []

    def parameters(self) -> list[Parameter]:
        found = [self.parameter(f"params_{self.name}", {f"state_{self.name}": len(self.states) // self.duration})]
        return [*found, self.parameter(f"sigma_{self.name}", {}, "positive")] if self.shocks else found

    def starts(self) -> frozenset[str]:
        return frozenset([f"params_{self.name}"])

    def coords(self) -> dict[str, Sequence[Any]]:
        found: dict[str, Sequence[Any]] = {f"state_{self.name}": self.states[:: self.duration]}
        return {**found, **({f"endog_{self.name}": self.observed_state_names} if self.copies > 1 else {})}

    def block(self, given: Mapping[str, Tensor], e: int) -> Block:
        n, step = len(self.states), self.duration
        effects = self.of(given[f"params_{self.name}"], e)
        if self.first:
            moves = {(i, j): -1.0 for i in range(step) for j in range(i, n, step)} | {(i, i - step): 1.0 for i in range(step, n)}
        else:
            moves = {(i, i + 1): 1.0 for i in range(n - 1)} | {(n - 1, 0): 1.0}
        variances = [self.of(given[f"sigma_{self.name}"], e) ** 2] if self.shocks else []
        return Block(moves, [effects[i // step] for i in range(n)], {(0, 0): 1.0} if self.shocks else {}, variances, {0: 1.0})


class FrequencySeasonality(Component):
    """A season as a sum of waves: of its length, half of it, a third of it and so on.

    Parameters
    ----------
    season_length
        How many times a season has; it need not be whole.
    n
        How many waves; half the length by default, which gives any pattern.
    name
        What it is called. Parameters are ``params_NAME`` and ``sigma_NAME``.
    innovations
        Whether waves change, by shocks at each time.
    observed_state_names, share_states
        As for every component.

    Examples
    --------
    >>> import workbench as pm
    >>> pm.statespace.structural.FrequencySeasonality(12, n=2, name="year").build(initialization="diffuse").state_names
    ('Cos_0_year[data]', 'Sin_0_year[data]', 'Cos_1_year[data]', 'Sin_1_year[data]')
    """

    def __init__(
        self, season_length: float, n: int | None = None, name: str | None = None, innovations: bool = True,
        observed_state_names: Sequence[str] | None = None, share_states: bool = False,
    ) -> None:  # fmt: skip
        count = int(season_length / 2) if n is None else n
        if season_length < 2 or not isinstance(count, (int, np.integer)) or not 1 <= count <= season_length / 2:
            raise ModelError(f"FrequencySeasonality: {count} waves of a season of {season_length}", "at least one, and at most half the season's length")
        super().__init__(name or f"Frequency[s={season_length}, n={count}]", observed_state_names, share_states)
        self.season_length, self.n = season_length, int(count)
        self.states = [f"{w}_{i}_{self.name}" for i in range(self.n) for w in ("Cos", "Sin")]
        # The sine of the shortest wave of a whole season is zero at all times.
        self.coefficients = 2 * self.n - (season_length == 2 * self.n)
        self.shocks = self.states if innovations else []

    def parameters(self) -> list[Parameter]:
        found = [self.parameter(f"params_{self.name}", {f"state_{self.name}": self.coefficients})]
        return [*found, self.parameter(f"sigma_{self.name}", {}, "positive")] if self.shocks else found

    def starts(self) -> frozenset[str]:
        return frozenset([f"params_{self.name}"])

    def coords(self) -> dict[str, Sequence[Any]]:
        found: dict[str, Sequence[Any]] = {f"state_{self.name}": self.states[: self.coefficients]}
        return {**found, **({f"endog_{self.name}": self.observed_state_names} if self.copies > 1 else {})}

    def block(self, given: Mapping[str, Tensor], e: int) -> Block:
        d = 2 * self.n
        effects = self.of(given[f"params_{self.name}"], e)
        moves: dict[tuple[int, int], Any] = {}
        for k in range(self.n):
            moves.update(turned(2 * k, 2.0 * np.pi * (k + 1) / self.season_length))
        variances = [self.of(given[f"sigma_{self.name}"], e) ** 2] * d if self.shocks else []
        mean = [effects[i] if i < self.coefficients else 0.0 for i in range(d)]
        return Block(moves, mean, {(i, i): 1.0 for i in range(d)} if self.shocks else {}, variances, {2 * k: 1.0 for k in range(self.n)}, certain=frozenset(range(self.coefficients, d)))


def turned(first: int, angle: float) -> dict[tuple[int, int], float]:
    """Entries that turn two states by an angle."""
    c, s = float(np.cos(angle)), float(np.sin(angle))
    c, s = (0.0 if abs(c) < 1e-15 else c), (0.0 if abs(s) < 1e-15 else s)
    found = {(first, first): c, (first, first + 1): s, (first + 1, first): -s, (first + 1, first + 1): c}
    return {at: a for at, a in found.items() if a != 0.0}


__all__ = ["FrequencySeasonality", "TimeSeasonality", "turned"]
