"""Where the draws of a run go: what every store does."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np

Array = np.ndarray[Any, Any]
State = list[Array]
"""What a chain needs to go on: plain arrays."""


class Column(NamedTuple):
    """One quantity that every draw has.

    Rows of warm-up are a group of their own in a store, ``warmup_`` before its name, as in ArviZ.
    """

    group: str
    """"posterior", "sample_stats", "unconstrained_posterior"."""
    name: str
    """Of the variable or statistic."""
    dtype: str
    shape: tuple[int, ...]
    """Of one draw."""
    dims: tuple[str, ...]
    """Names of its axes."""

    @property
    def row_bytes(self) -> int:
        """Bytes of one draw."""
        return math.prod(self.shape) * np.dtype(self.dtype).itemsize


@dataclass(frozen=True)
class Contents:
    r"""What a run will write.

    Attributes
    ----------
    columns
        What every draw has.
    chains, tune, draws
        How many chains, and rows of each in warm-up and after it.
    labels
        Of dims, by group; groups of warm-up have those of the others.
    data
        Arrays beside the draws, by group and name, each with its dims.
    about
        Tells what else is known of the run, as JSON can hold it, where that is kept.
    tuning_steps
        Transitions of warm-up, where not a row of each is written.
    together
        Whether chains are moved together: there is one lane, whose rows are those of all chains, (chains, \*shape), and whose state is one.
    """

    columns: Sequence[Column]
    chains: int
    tune: int
    draws: int
    labels: Mapping[str, Mapping[str, Array]] = field(default_factory=dict)
    data: Mapping[str, Mapping[str, tuple[Sequence[str], Array]]] = field(default_factory=dict)
    about: Callable[[], Mapping[str, Any]] = dict
    tuning_steps: int | None = None
    together: bool = False

    @property
    def lanes(self) -> int:
        """How many rows of their own, and states, there are: one for each chain, or one for all."""
        return 1 if self.together else self.chains

    @property
    def row_columns(self) -> Sequence[Column]:
        """The columns of a lane's rows."""
        return [c._replace(shape=(self.chains, *c.shape)) for c in self.columns] if self.together else self.columns

    @property
    def total(self) -> int:
        """Rows of a whole chain."""
        return self.tune + self.draws

    @property
    def bytes(self) -> int:
        """Of all draws of all chains."""
        return self.chains * self.total * sum(c.row_bytes for c in self.columns)


class Rows(Protocol):
    """The draws of one chain, those of warm-up first."""

    @property
    def count(self) -> int:
        """How many there are. It moves last: a reader never sees a row half written."""

    @property
    def state(self) -> State:
        """The chain's state after them."""

    def append(self, columns: Sequence[Array], state: State) -> None:
        """Add rows, an array for each column, and the state after them. There may be none: the state is on its way to the next.

        If they cannot be stored they are still there to be read.

        Raises
        ------
        StoreError
            If they cannot be stored.
        """

    def read(self, column: int, start: int, stop: int) -> Array:
        """Return rows of a column, from `start` on, before `stop`. They are not to be changed."""


@runtime_checkable
class Store(Protocol):
    """Where the draws of a run go. One that can keep chains that are moved together has ``keeps_together = True``."""

    def claim(self) -> None:
        """Make sure, before anything is computed, that draws can be written here.

        Raises
        ------
        StoreError
            If not.
        """

    def begin(self, contents: Contents, states: Sequence[State]) -> Sequence[Rows]:
        """Return the rows of each lane, none yet, from the states that they begin with."""

    def close(self, about: Mapping[str, Any]) -> None:
        """Say that the run is over, and what can be told of it now. Rows can still be read."""
