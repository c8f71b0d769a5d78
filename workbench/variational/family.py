"""Families of approximating distributions: what is asked of each. A new one is a class with `parameters`, `noise` and `draw`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np

import workbench.tensor as pt
from workbench.graph.inner import Graph
from workbench.tensor.tensor import Tensor, as_tensor

Array = np.ndarray[Any, Any]
Values = tuple[Any, ...]
"""Values of a family's parameters, in order."""


class Place(NamedTuple):
    """Where noise lands, and how probable that is."""

    z: Tensor
    """The point, (d,), in the model's unconstrained space."""
    log_q: Tensor
    """Its log-density under the approximation."""
    entropy: Tensor
    """The entropy but for a constant, or what has its gradient in expectation."""


class Family:
    """A family of distributions on (d,) unconstrained numbers: a map from noise, with parameters.

    Lengths are names: one graph, and its code, are for all of them.

    Attributes
    ----------
    name
        What its code is called.
    """

    name: ClassVar[str] = "family"

    def parameters(self) -> list[Tensor]:
        """Inputs for the parameters."""
        raise NotImplementedError

    def start(self, mean: Array, sd: Array | None, rng: np.random.Generator) -> list[Array]:
        """Return parameters of a distribution around `mean` (d,) of standard deviations `sd`; its own, if ``None``."""
        raise NotImplementedError

    def zeros(self, values: Values) -> Tensor:
        """Return zeros like a point, (d,)."""
        return pt.zeros_like(values[0])

    def noise(self, key: Tensor, values: Values) -> list[Tensor]:
        """Return the noise of one draw: arrays of standard normal numbers."""
        raise NotImplementedError

    def draw(self, values: Values, noise: Sequence[Tensor]) -> Place:
        """Return where noise lands."""
        raise NotImplementedError

    def score(self, values: Values, noise: Sequence[Tensor], z: Tensor) -> Tensor | None:
        """Return the gradient of the log-density with respect to the point `z`; ``None`` if there is no closed form."""
        return None

    def moments(self, values: Values) -> tuple[Tensor, Tensor] | None:
        """Return the mean (d,) and the covariance (d, d); ``None`` if there is no closed form."""
        return None

    def draws(self) -> Graph:
        """Return the graph of many draws.

        Parameters are those of the family, a key, and room for draws (rows, d), and for log-densities (rows,); results
        are the draws and their log-densities.
        """
        values = self.parameters()
        key, z, log_q = word("key"), pt.matrix("z", "rows", "d"), pt.vector("log_q", "rows")

        def body(i: Tensor, z: Tensor, log_q: Tensor) -> list[Tensor]:
            place = self.draw(tuple(values), self.noise(pt.random.fold_in(key, i), tuple(values)))
            return [i + 1, z[i].set(place.z), log_q[i].set(place.log_q)]

        _, made, density = pt.while_loop(lambda i, *_: i < z.shape[0], body, [0, z, log_q], ("i", "z", "log_q"))
        return Graph([*values, key, z, log_q], [made, density])


def word(name: str) -> Tensor:
    """Return an input for a random key."""
    return pt.tensor(name, "uint64", ())


def standard_normal(noise: Tensor) -> Tensor:
    """Return the log-density of standard normal numbers, all together."""
    n = pt.cast(as_tensor(noise.shape[0]), "float64")
    return -0.5 * pt.sum(pt.square(noise)) - 0.5 * math.log(2.0 * math.pi) * n
