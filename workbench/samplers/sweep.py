"""Sweeps: the elements of a block in turn, each moved given all others."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

import workbench.tensor as pt
from workbench.samplers.kernel import Kernel, Position
from workbench.tensor.tensor import Tensor, as_tensor

ORDER, PROPOSE, CHOOSE = range(3)
"""What an element's random numbers are for."""
STRIDE, PARTS = 64, 8
"""A tick is a turn of so many elements, or of that part of all: a run can be cut within a sweep, and what a tick costs beside
its turns is little."""


class SweepState(NamedTuple):
    """What a chain carries from one tick to the next."""

    key: Tensor
    """Random key of the chain."""
    draw: Tensor
    """Number of the sweep that is being made."""
    rest_q: Tensor
    """Continuous values of the position."""
    rest_z: Tensor
    """Discrete values of the position, those of the block excepted."""
    x: Tensor
    """The block, (d,)."""
    done: Tensor
    """Elements of this sweep that have had their turn."""
    order: Tensor
    """The elements in turn, (d,)."""
    shuffled: Tensor
    """Whether every sweep has an order of its own."""
    low: Tensor
    """Lowest state of each element, (d,)."""
    states: Tensor
    """Number of states of each element, (d,)."""
    offsets: Tensor
    """What candidates are above the lowest state, (c,)."""
    tendency: Tensor
    """How much it likes to move: a setting of the kernel."""


@dataclass(frozen=True)
class SweepSettings:
    """What a kernel of finite elements is given.

    Parameters
    ----------
    low, states
        Lowest state of each element, and how many it has.
    order
        The elements in turn; each sweep has a random order of its own when ``None``.
    tendency
        See the kernel.
    candidates
        How many values of an element are compared.
    """

    low: tuple[int, ...]
    states: tuple[int, ...]
    order: tuple[int, ...] | None = None
    tendency: float = 0.0
    candidates: int = 2

    def arguments(self, size: int) -> list[Any]:
        """Return what the kernel's parameters are given for a block of `size` elements."""
        order = np.arange(size) if self.order is None else np.asarray(self.order, np.int64)
        low, states = np.asarray(self.low, np.int64), np.asarray(self.states, np.int64)
        return [order, self.order is None, low, states, np.arange(self.candidates), self.tendency]


class Sweep(Kernel):
    """A transition moves each element of a block once, given the others.

    A subclass says which values an element may take next, and chooses among them by their log-densities.
    """

    densities = ("conditional",)
    discrete = True

    def parameters(self) -> list[Tensor]:
        return [
            pt.vector("order", "d", dtype="int64"), pt.scalar("shuffled", dtype="bool"), pt.vector("low", "d", dtype="int64"),
            pt.vector("states", "d", dtype="int64"), pt.vector("offsets", "c", dtype="int64"), pt.scalar("tendency"),
        ]  # fmt: skip

    def init(self, key: Tensor, x: Tensor, rest: Position | None, *parameters: Tensor) -> SweepState:
        rest_q, rest_z = rest if rest else (pt.zeros(0), pt.zeros(0, "int64"))
        return SweepState(key, as_tensor(0), rest_q, rest_z, x, as_tensor(0), *parameters)

    def renew(self, s: SweepState, rest: Position) -> SweepState:
        return s._replace(rest_q=rest.q, rest_z=rest.z)

    def begin(self, s: SweepState) -> SweepState:
        return s._replace(done=as_tensor(0))

    def tick(self, s: SweepState, tune: Tensor) -> SweepState:
        size = s.x.shape[0]
        last = pt.minimum(s.done + pt.maximum(STRIDE, size // PARTS), size)
        numbers = pt.random.fold_in(s.key, s.draw)

        def turn(done: Tensor, order: Tensor, x: Tensor) -> list[Tensor]:
            key = pt.random.fold_in(numbers, done)
            # The next of a shuffle is any of those that are left.
            left = pt.cast(size - done, "float64")
            chosen = done + pt.cast(pt.floor(left * pt.random.uniform(pt.random.fold_in(key, ORDER))), "int64")
            other = pt.where(s.shuffled, chosen, done)
            i = order[other]
            order = order[pt.stack([other, done])].set(pt.stack([order[done], i]))
            return [done + 1, order, x[i].set(self.moved(s._replace(x=x), i, key))]

        done, order, x = pt.while_loop(lambda done, order, x: done < last, turn, [s.done, s.order, s.x], ("done", "order", "x"))
        return s._replace(done=done, order=order, x=x, draw=s.draw + pt.cast(done >= size, "int64"))

    def moved(self, s: SweepState, i: Tensor, key: Tensor) -> Tensor:
        """Return the next value of an element."""
        values = self.candidates(s, i, pt.random.fold_in(key, PROPOSE))
        rest = None if self.place is None else Position(s.rest_q, s.rest_z)
        logp = self.conditional(i, values, s.x, rest)
        # What is no density is not gone to.
        logp = pt.where(logp < float("inf"), logp, -float("inf"))
        return values[self.choose(s, i, values, logp, pt.random.fold_in(key, CHOOSE))]

    def candidates(self, s: SweepState, i: Tensor, key: Tensor) -> Tensor:
        """Return the values that an element may take, (c,): all its states, and the highest once more where others have more."""
        return s.low[i] + pt.minimum(s.offsets, s.states[i] - 1)

    @abstractmethod
    def choose(self, s: SweepState, i: Tensor, values: Tensor, logp: Tensor, key: Tensor) -> Tensor:
        """Return the number of the candidate that is taken."""

    def finished(self, s: SweepState) -> Tensor:
        return s.done >= s.x.shape[0]

    def value(self, s: SweepState) -> Tensor:
        return s.x

    def statistics(self, s: SweepState) -> list[Tensor]:
        return []
