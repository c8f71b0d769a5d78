"""What a sampler is: a Markov transition of a part of the position, as graphs. A new one is one short file.

The graphs hold the model's log-density as a slot, and sizes are lengths: so a kernel's code is compiled once for all models.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, TypeVar

import workbench.tensor as pt
from workbench.graph.expr import Input, intern
from workbench.graph.inner import Graph
from workbench.tensor.tensor import Tensor, as_tensor

State = TypeVar("State", bound=Any)
"""A NamedTuple of tensors: plain arrays, so that a run can pause, move and resume bit for bit."""


class Position(NamedTuple):
    """Where a chain is."""

    q: Tensor
    """Unconstrained values of the continuous variables, float64 (d,)."""
    z: Tensor
    """Values of the discrete variables, int64 (k,)."""


class Kernel(ABC):
    """A transition that moves a block of the position, given the rest, and leaves the posterior as it is.

    Parameters
    ----------
    place
        The kernel's number among those of a compound, which the names of its slots end with; ``None`` for one that moves all,
        whose density takes no rest.
    """

    name: ClassVar[str]
    """What its code is called."""
    stats: ClassVar[Mapping[str, str]]
    """Dtypes of the statistics of a transition, by ArviZ's names: "float64", "int64" or "bool"."""
    densities: ClassVar[tuple[str, ...]] = ("logp_grad",)
    """The functions of the model that it calls, of `logp`, `logp_grad`, `conditional`, `log_likelihood`, `prior` and `drawn`."""
    discrete: ClassVar[bool] = False
    """Whether the block holds integers."""
    plans_warm_up: ClassVar[bool] = False
    """Whether it must know from the first draw on how long warm-up will be."""
    apart: ClassVar[Mapping[str, Callable[[], Graph]]] = {}
    """Slots for large and seldom called parts of the kernel itself, which are compiled apart, and what makes their graphs."""

    def __init__(self, place: int | None = None) -> None:
        self.place = place

    # What a kernel declares ----------------------------------------------------------------------

    def parameters(self) -> list[Tensor]:
        """Return inputs for what its settings give: numbers, or arrays whose sizes are lengths; ``"d"`` is that of the block."""
        return []

    @abstractmethod
    def init(self, key: Tensor, x: Tensor, rest: Position | None, *parameters: Tensor) -> Any:
        """Return the state of a chain at the block `x`, before its first transition."""

    @abstractmethod
    def begin(self, s: Any) -> Any:
        """Return the state at the beginning of the next transition."""

    @abstractmethod
    def tick(self, s: Any, tune: Tensor) -> Any:
        """Return the state after one unit of work, of about one evaluation of the density.

        Adapts at the end of the first `tune` transitions.
        """

    @abstractmethod
    def finished(self, s: Any) -> Tensor:
        """Whether the transition is complete."""

    @abstractmethod
    def value(self, s: Any) -> Tensor:
        """Return the block after the transition."""

    @abstractmethod
    def statistics(self, s: Any) -> Sequence[Tensor]:
        """Return the statistics of a complete transition, in the order of `stats`."""

    @abstractmethod
    def renew(self, s: Any, rest: Position) -> Any:
        """Return the state with another rest, which other kernels have moved: densities are computed anew."""

    # What transitions have in common -------------------------------------------------------------

    def rest(self, s: Any) -> Position | None:
        """The rest that a state knows of, which has the fields `rest_q` and `rest_z`."""
        return None if self.place is None else Position(s.rest_q, s.rest_z)

    # The model's functions -----------------------------------------------------------------------

    def slot(self, kind: str) -> str:
        """Return the name of the slot for one of the model's functions."""
        return kind if self.place is None else f"{kind}_{self.place}"

    def logp(self, x: Tensor, rest: Position | None) -> Tensor:
        """The log-density of the block given the rest, but for a constant."""
        (value,) = pt.slot(self.slot("logp"), (_REAL,), x, *(rest or ()))
        return value

    def logp_grad(self, x: Tensor, rest: Position | None) -> tuple[Tensor, Tensor]:
        """The log-density, and its gradient with respect to the block."""
        value, gradient = pt.slot(self.slot("logp_grad"), (_REAL, x.type), x, *(rest or ()))
        return value, gradient

    def conditional(self, i: Tensor, candidates: Tensor, x: Tensor, rest: Position | None) -> Tensor:
        """The log-density with each of some candidates (c,) as element `i` of the block, but for a constant: (c,)."""
        like = pt.cast(candidates, "float64").type
        (values,) = pt.slot(self.slot("conditional"), (like,), i, candidates, x, *(rest or ()))
        return values


_REAL = as_tensor(0.0).type


def address(s: Any, purpose: int | Tensor) -> Tensor:
    """Return the key for one purpose of a draw, from a state's `key` and `draw`: no number depends on how the loop is cut."""
    return pt.random.fold_in(pt.random.fold_in(s.key, s.draw), purpose)


def named(kind: Any, name: str) -> Tensor:
    """Return an input of a type, with a name that people read."""
    x: Tensor = intern(Input(name, kind))
    x.name = name
    return x


def known_rest(rest: Position | None) -> tuple[Tensor, Tensor]:
    """Return what a state keeps of the rest: arrays of no elements where there is none."""
    return (rest.q, rest.z) if rest else (pt.zeros(0), pt.zeros(0, "int64"))


def branch(predicate: Tensor, then: Callable[[State], State], orelse: Callable[[State], State], state: State) -> State:
    """Choose between two continuations of a state."""
    make = type(state)._make
    results = pt.cond(predicate, lambda *fields: then(make(fields)), lambda *fields: orelse(make(fields)), state, state._fields)
    return make(results)  # type: ignore[no-any-return]


def unchanged(s: State) -> State:
    """The continuation that changes nothing."""
    return s
