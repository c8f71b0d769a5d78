"""Gibbs sampling of a block whose conditional distribution is known: a draw from it, whatever the block was before.

The model gives the draw, `drawn`: of a variable with a conjugate prior, from its posterior given the rest. There is nothing to tune,
and successive draws depend on each other by the rest alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import workbench.tensor as pt
from workbench.samplers.kernel import Kernel, Position, address, known_rest
from workbench.tensor.tensor import Tensor, as_tensor


class GibbsState(NamedTuple):
    """What a chain carries from one draw to the next (`d` elements)."""

    key: Tensor
    """Random key of the chain."""
    draw: Tensor
    """Number of the draw that is being made."""
    rest_q: Tensor
    """Continuous values of the position, of which those of other kernels are read."""
    rest_z: Tensor
    """Discrete values of the position."""
    x: Tensor
    """The block, (d,)."""


class Gibbs(Kernel):
    """A draw of a whole block from its conditional distribution."""

    name = "gibbs"
    stats = {}
    densities = ("drawn",)

    def drawn(self, key: Tensor, x: Tensor, rest: Position | None) -> Tensor:
        """A draw of the block given the rest."""
        (value,) = pt.slot(self.slot("drawn"), (x.type,), key, x, *(rest or ()))
        return value

    def init(self, key: Tensor, x: Tensor, rest: Position | None, *parameters: Tensor) -> GibbsState:
        rest_q, rest_z = known_rest(rest)
        return GibbsState(key=key, draw=as_tensor(0), rest_q=rest_q, rest_z=rest_z, x=x)

    def renew(self, s: GibbsState, rest: Position) -> GibbsState:
        return s._replace(rest_q=rest.q, rest_z=rest.z)

    def begin(self, s: GibbsState) -> GibbsState:
        return s

    def tick(self, s: GibbsState, tune: Tensor) -> GibbsState:
        return s._replace(x=self.drawn(address(s, 0), s.x, self.rest(s)), draw=s.draw + 1)

    def finished(self, s: GibbsState) -> Tensor:
        return pt.constant(True)

    def value(self, s: GibbsState) -> Tensor:
        return s.x

    def statistics(self, s: GibbsState) -> list[Tensor]:
        return []


@dataclass(frozen=True)
class GibbsSettings:
    """There is nothing to choose."""

    def kernel(self, discrete: bool) -> type[Kernel]:
        """Return the kernel for a block of continuous values."""
        return Gibbs

    def arguments(self, size: int) -> list[Any]:
        """Return what the kernel's parameters are given for a block of `size` elements: nothing."""
        return []
