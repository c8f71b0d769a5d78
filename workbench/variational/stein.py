"""Particles that are moved together until they lie as the posterior does: Stein variational gradient descent.

Each particle goes where the log-density rises, weighted by how near the others are, and away from these. Source: Liu and Wang,
"Stein variational gradient descent" (2016). The loss is the kernelised Stein discrepancy of the particles (Liu, Lee and Jordan, 2016),
whose fastest fall that is; the kernel is normal, as wide as the median distance says, as in PyMC.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

import workbench.tensor as pt
from workbench.tensor.markers import stop_gradient
from workbench.tensor.tensor import Tensor, as_tensor
from workbench.transforms.gradient import grad
from workbench.variational.elbo import BATCH, NOISE, Estimate, Objective, logp_grad
from workbench.variational.family import Array, Family, Values


class Particles(Family):
    """Points, each as probable as any other."""

    name = "particles"

    def __init__(self, size: int = 100, jitter: float = 1.0) -> None:
        self.size, self.jitter = size, jitter

    def parameters(self) -> list[Tensor]:
        return [pt.matrix("particles", "n", "d")]

    def start(self, mean: Array, sd: Array | None, rng: np.random.Generator) -> list[Array]:
        return [mean + (self.jitter if sd is None else sd) * rng.standard_normal((self.size, len(mean)))]

    def zeros(self, values: Values) -> Tensor:
        return pt.zeros_like(values[0][0])

    def moments(self, values: Values) -> tuple[Tensor, Tensor]:
        (x,) = values
        mean = pt.mean(x, axis=0)
        away = x - mean
        return mean, pt.dot(away.T, away) / pt.cast(x.shape[0], "float64")


class Direction(NamedTuple):
    """Where particles go."""

    upward: Tensor
    """How far each, (n, d)."""
    discrepancy: Tensor
    """The kernelised Stein discrepancy."""


def direction(x: Tensor, g: Tensor, temperature: Tensor) -> Direction:
    """Return Stein's direction.

    Parameters
    ----------
    x
        Particles, (n, d).
    g
        Gradients of the log-density there, (n, d).
    temperature
        What the gradients are divided by: that of 2 is of the square root of the density.
    """
    n, d = (pt.cast(as_tensor(m), "float64") for m in x.shape)
    g = g / temperature
    inner = pt.dot(x, x.T)
    squares = pt.diagonal(inner)
    distance = pt.maximum(squares[:, None] + squares[None, :] - 2.0 * inner, 0.0)
    ordered = pt.sort(pt.flatten(distance))
    last = ordered.shape[0] - 1
    median = 0.5 * (ordered[last // 2] + ordered[(last + 1) // 2])
    # One particle, or several in one place, have no distance.
    width = pt.where(median > 0.0, 0.5 * median / pt.log(n + 1.0), 1.0)
    kernel = pt.exp(-0.5 * distance / width)
    apart = (x * pt.sum(kernel, axis=1)[:, None] - pt.dot(kernel, x)) / width
    across = pt.dot(g, x.T)
    own = pt.diagonal(across)
    along = own[:, None] + own[None, :] - across - across.T
    terms = kernel * (pt.dot(g, g.T) + along / width + d / width - distance / pt.square(width))
    return Direction((pt.dot(kernel, g) + apart) / n, pt.sqrt(pt.maximum(pt.mean(terms), 0.0)))


class Stein(Objective):
    """The Stein discrepancy of particles that are moved freely."""

    name = "stein"
    settings: Mapping[str, float] = {"temperature": 1.0}

    def __init__(self, family: Particles) -> None:
        self.family = family

    def estimate(self, key: Tensor, values: Values, draws: Tensor, given: Sequence[Tensor]) -> Estimate:
        (x,) = values
        (temperature,) = given
        g, z, usable = slopes_at(x, pt.random.fold_in(key, BATCH))
        found = direction(x, g, temperature)
        return Estimate(pt.where(usable, found.discrepancy, np.nan), [-found.upward], z)


def slopes_at(x: Tensor, batch: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return gradients at particles (n, d), the one that was looked at last, and whether all log-densities are finite."""

    def one(i: Tensor, g: Tensor, z: Tensor, usable: Tensor) -> list[Any]:
        lp, slope = logp_grad(x[i], batch)
        return [i + 1, g[i].set(slope), x[i], pt.isfinite(lp)]

    first = [as_tensor(0), pt.zeros_like(x), pt.zeros_like(x[0]), pt.constant(True)]
    going = lambda i, g, z, usable: pt.logical_and(usable, i < x.shape[0])  # noqa: E731
    _, g, z, usable = pt.while_loop(going, one, first, ("i", "slopes", "z", "usable"))
    return g, z, usable


class AmortisedStein(Objective):
    """The Stein discrepancy of draws of a family, whose parameters are moved so that its draws go Stein's way.

    Source: Feng, Wang and Liu, "Learning to draw samples with amortized Stein variational gradient descent" (2017). A draw is moved by
    the others, not by itself: draws are independent, and the mean direction is then that of infinitely many. With itself counted,
    as in PyMC, variances come out too small, by a quarter with 60 draws of two parameters.
    """

    settings: Mapping[str, float] = {"temperature": 1.0}

    def __init__(self, family: Family) -> None:
        self.family = family
        self.name = f"amortised_stein_{family.name}"

    def rooms(self) -> list[Tensor]:
        return [pt.matrix("room", "n", "d")]

    def estimate(self, key: Tensor, values: Values, draws: Tensor, given: Sequence[Tensor]) -> Estimate:
        temperature, room = given
        own = pt.random.fold_in(key, NOISE)

        def placed(i: Tensor) -> Tensor:
            return self.family.draw(values, self.family.noise(pt.random.fold_in(own, i), values)).z

        _, x = pt.while_loop(lambda i, x: i < draws, lambda i, x: [i + 1, x[i].set(placed(i))], [as_tensor(0), room], ("i", "particles"))
        g, z, usable = slopes_at(x, pt.random.fold_in(key, BATCH))
        found = direction(x, g, temperature)
        n = pt.cast(draws, "float64")
        upward = (n * found.upward - g / temperature) / (n - 1.0)

        def carried_back(i: Tensor, *sums: Tensor) -> list[Any]:
            slopes = grad(pt.sum(stop_gradient(upward[i]) * placed(i)) / n, list(values), disconnected_inputs="ignore")
            return [i + 1, *(s - g for s, g in zip(sums, slopes))]

        first = [as_tensor(0), *(pt.zeros_like(v) for v in values)]
        _, *sums = pt.while_loop(lambda i, *_: i < draws, carried_back, first, ("i", *(f"slope_{v.name}" for v in self.parameters())))
        return Estimate(pt.where(usable, found.discrepancy, np.nan), sums, z)
