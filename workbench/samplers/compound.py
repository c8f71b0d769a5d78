"""How kernels move a whole position: one that moves all of it, or several in turn, each its block."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import workbench.tensor as pt
from workbench.samplers.kernel import Kernel, Position, branch, named, unchanged
from workbench.tensor.tensor import Tensor, as_tensor

Column = tuple[str, str]
"""Name and dtype of a statistic."""


def chain_key() -> Tensor:
    """The input for a chain's key."""
    return named(pt.constant(np.uint64(0)).type, "key")


class Alone:
    """One kernel that moves the whole position, which is its block.

    Attributes
    ----------
    columns
        The statistics of a draw.
    """

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.name = kernel.name
        self.columns: list[Column] = list(kernel.stats.items())

    def parameters(self) -> list[Tensor]:
        """Inputs of `init` after the key: the block, and what the kernel's settings give."""
        x = pt.vector("x", "d", dtype="int64" if self.kernel.discrete else "float64")
        return [x, *self.kernel.parameters()]

    def init(self, key: Tensor, x: Tensor, *parameters: Tensor) -> Any:
        return self.kernel.begin(self.kernel.init(key, x, None, *parameters))

    def tick(self, s: Any, tune: Tensor) -> Any:
        return self.kernel.tick(s, tune)

    def finished(self, s: Any) -> Tensor:
        return self.kernel.finished(s)

    def begin(self, s: Any) -> Any:
        return self.kernel.begin(s)

    def blocks(self, s: Any) -> list[Tensor]:
        """What is kept of a draw: the block."""
        return [self.kernel.value(s)]

    def statistics(self, s: Any) -> list[Tensor]:
        return list(self.kernel.statistics(s))


class Compound:
    """Kernels in turn, each moving its block given the rest: one draw is a transition of each.

    Parameters
    ----------
    kinds
        Makes each kernel, from its place.
    """

    def __init__(self, kinds: Sequence[Callable[[int], Kernel]]) -> None:
        self.kernels = [kind(i) for i, kind in enumerate(kinds)]
        self.name = "_".join(k.name for k in self.kernels)
        self.columns: list[Column] = [c for k in self.kernels for c in k.stats.items()]
        # The state of each kernel has a type of its own, which its first state tells.
        self._types: list[Any] = [None] * len(self.kernels)
        self._type: Any = None

    def parameters(self) -> list[Tensor]:
        """Inputs of `init` after the key: the position, then for each kernel where its block lies, and what its settings give."""
        found = [pt.vector("q", "n"), pt.vector("z", "k", dtype="int64")]
        for i, kernel in enumerate(self.kernels):
            found.append(pt.vector(f"at_{i}", f"d{i}", dtype="int64"))
            found += [self._own(p, i) for p in kernel.parameters()]
        return found

    @staticmethod
    def _own(parameter: Tensor, i: int) -> Tensor:
        """An input of one kernel, with names of its own."""
        shape = [n if isinstance(n, int) else f"{n}{i}" for n in parameter.type.shape]
        return pt.tensor(f"{parameter.name}_{i}", parameter.dtype, shape)

    # The state: position, whose turn it is, places of the blocks, and the states of the kernels, in one flat tuple.

    def _packed(self, position: Position, turn: Any, ats: Sequence[Tensor], states: Sequence[Any]) -> Any:
        return self._type._make([*position, turn, *ats, *(x for s in states for x in s)])

    def _unpacked(self, s: Any) -> tuple[Position, Tensor, list[Tensor], list[Any]]:
        n = len(self.kernels)
        at, states = 3 + n, []
        for kind in self._types:
            states.append(kind._make(s[at : at + len(kind._fields)]))
            at += len(kind._fields)
        return Position(s[0], s[1]), s[2], list(s[3 : 3 + n]), states

    def init(self, key: Tensor, q: Tensor, z: Tensor, *parameters: Tensor) -> Any:
        position, ats, states, left = Position(q, z), [], [], list(parameters)
        for i, kernel in enumerate(self.kernels):
            at, *mine = left[: 1 + len(kernel.parameters())]
            left = left[1 + len(mine) :]
            ats.append(at)
            states.append(kernel.init(pt.random.fold_in(key, 2**62 + i), self._block(kernel, position, at), position, *mine))
        self._types = [type(s) for s in states]
        names = ["q", "z", "turn", *(f"at_{i}" for i in range(len(ats)))]
        names += [f"{name}_{i}" for i, s in enumerate(states) for name in s._fields]
        self._type = namedtuple("CompoundState", names)  # type: ignore[misc]
        return self.begin(self._packed(position, as_tensor(0), ats, states))

    @staticmethod
    def _block(kernel: Kernel, position: Position, at: Tensor) -> Tensor:
        return (position.z if kernel.discrete else position.q)[at]

    def begin(self, s: Any) -> Any:
        return self._hand_over(s, 0)

    def _hand_over(self, s: Any, i: int) -> Any:
        """Begin a transition of the kernel at place `i`, or end the draw."""
        position, _, ats, states = self._unpacked(s)
        if i < len(self.kernels):
            kernel = self.kernels[i]
            states[i] = kernel.begin(kernel.renew(states[i], position))
        return self._packed(position, as_tensor(i), ats, states)

    def tick(self, s: Any, tune: Tensor) -> Any:
        # The kernels as they stood: a turn that is handed over waits for the next tick.
        turn = s.turn
        for i in range(len(self.kernels)):
            s = branch(pt.equal(turn, i), lambda s, i=i: self._tick_of(s, i, tune), unchanged, s)  # type: ignore[misc]
        return s

    def _tick_of(self, s: Any, i: int, tune: Tensor) -> Any:
        kernel = self.kernels[i]
        position, turn, ats, states = self._unpacked(s)
        states[i] = kernel.tick(states[i], tune)
        s = self._packed(position, turn, ats, states)

        def moved(s: Any) -> Any:
            position, turn, ats, states = self._unpacked(s)
            value = kernel.value(states[i])
            if kernel.discrete:
                position = position._replace(z=position.z[ats[i]].set(value))
            else:
                position = position._replace(q=position.q[ats[i]].set(value))
            return self._hand_over(self._packed(position, turn, ats, states), i + 1)

        return branch(kernel.finished(states[i]), moved, unchanged, s)

    def finished(self, s: Any) -> Tensor:
        return pt.equal(s.turn, len(self.kernels))

    def blocks(self, s: Any) -> list[Tensor]:
        """What is kept of a draw: the continuous values, and the discrete ones."""
        return [s.q, s.z]

    def statistics(self, s: Any) -> list[Tensor]:
        *_, states = self._unpacked(s)
        return [x for kernel, state in zip(self.kernels, states) for x in kernel.statistics(state)]
