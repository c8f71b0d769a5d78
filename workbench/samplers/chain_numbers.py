"""Random numbers of many chains, by address: the run's key folded with the chain, the draw and the purpose.

The numbers of a chain do not depend on how many chains there are, where they run, or how the loop is cut.
"""

from __future__ import annotations

import math

import workbench.tensor as pt
from workbench.tensor.random.random_bits import erfinv, threefry, word_to_unit
from workbench.tensor.tensor import Tensor


class ChainNumbers:
    """Random numbers of chains, whose numbers are `chains` (chains,); those of one draw and purpose are drawn once."""

    def normal(self, key: Tensor, draw: Tensor, purpose: int, chains: Tensor, d: Tensor | int) -> Tensor:
        """Standard normal numbers, (chains, d)."""
        words = threefry(self.words(key, draw, purpose, chains)[:, None], pt.arange(d, dtype="uint64"))
        return erfinv(word_to_unit(words) * 2.0 + (2.0**-52 - 1.0)) * math.sqrt(2.0)

    def uniform(self, key: Tensor, draw: Tensor, purpose: int, chains: Tensor) -> Tensor:
        """A uniform number on [0, 1) for each chain, (chains,)."""
        return word_to_unit(self.words(key, draw, purpose, chains))

    def words(self, key: Tensor, draw: Tensor, purpose: int, chains: Tensor) -> Tensor:
        """A random word for each chain, (chains,)."""
        return pt.random.fold_in(pt.random.fold_in(pt.random.fold_in(key, chains), draw), purpose)

    def shared(self, draw: Tensor) -> Tensor:
        """A number on (0, 1) for all chains: the next of van der Corput's sequence, 1/2, 1/4, 3/4, 1/8, ..."""
        return van_der_corput(draw + 1)


def numbered(q: Tensor) -> Tensor:
    """Return the numbers of the chains at `q` (chains, d)."""
    return pt.arange(q.shape[0], dtype="uint64")


def van_der_corput(number: Tensor) -> Tensor:
    """Return the bits of a whole number mirrored at the point: Halton's sequence of base 2, evenly spread on (0, 1).

    Examples
    --------
    >>> [float(van_der_corput(pt.constant(i)).eval()) for i in (1, 2, 3, 4)]
    [0.5, 0.25, 0.75, 0.125]
    """
    x = pt.cast(number, "uint64")
    for shift, mask in ((1, 0x5555555555555555), (2, 0x3333333333333333), (4, 0x0F0F0F0F0F0F0F0F), (8, 0x00FF00FF00FF00FF)):
        low = pt.constant(mask, "uint64")
        x = ((x >> pt.constant(shift, "uint64")) & low) | ((x & low) << pt.constant(shift, "uint64"))
    # Of 16-bit groups those that are counted with: numbers below 2**32.
    x = ((x & pt.constant(0xFFFF, "uint64")) << pt.constant(16, "uint64")) | ((x >> pt.constant(16, "uint64")) & pt.constant(0xFFFF, "uint64"))
    return pt.cast(x, "float64") * 2.0**-32
