"""Normal approximations: independent, with any covariance, and with a diagonal plus a few directions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

import workbench.tensor as pt
from workbench.tensor.tensor import Tensor, as_tensor
from workbench.variational.family import Array, Family, Place, Values, standard_normal

FIRST = math.log(2.0)
"""Standard deviation that is begun with: softplus(0), as PyMC has it."""


def inverse_softplus(sd: Any) -> Array:
    """Return what softplus maps to a positive number.

    Examples
    --------
    >>> inverse_softplus(np.log(2.0)).item()
    0.0
    """
    sd = np.asarray(sd, np.float64)
    return sd + np.log(-np.expm1(-sd))


def _rho(mean: Array, sd: Array | None) -> Array:
    return np.zeros(len(mean)) if sd is None else np.broadcast_to(inverse_softplus(sd), mean.shape).copy()


class MeanFieldFamily(Family):
    """Independent normal distributions: ``mu + softplus(rho) * noise``.

    Source: Kucukelbir, Tran, Ranganath, Gelman and Blei, "Automatic differentiation variational inference" (2017).
    """

    name = "mean_field"

    def parameters(self) -> list[Tensor]:
        return [pt.vector("mu", "d"), pt.vector("rho", "d")]

    def start(self, mean: Array, sd: Array | None, rng: np.random.Generator) -> list[Array]:
        return [mean.copy(), _rho(mean, sd)]

    def noise(self, key: Tensor, values: Values) -> list[Tensor]:
        return [pt.random.normal(key, values[0].shape)]

    def draw(self, values: Values, noise: Sequence[Tensor]) -> Place:
        mu, rho = values
        sd = pt.softplus(rho)
        volume = pt.sum(pt.log(sd))
        return Place(mu + sd * noise[0], standard_normal(noise[0]) - volume, volume)

    def score(self, values: Values, noise: Sequence[Tensor], z: Tensor) -> Tensor:
        return -noise[0] / pt.softplus(values[1])

    def moments(self, values: Values) -> tuple[Tensor, Tensor]:
        mu, rho = values
        return mu, pt.diag(pt.square(pt.softplus(rho)))


class FullRankFamily(Family):
    """A normal distribution of any covariance ``L L'``: ``mu + L noise``.

    `lower` holds L below the diagonal; what is on the diagonal is softplus of what is there, and positive.
    """

    name = "full_rank"

    def parameters(self) -> list[Tensor]:
        return [pt.vector("mu", "d"), pt.matrix("lower", "d", "d")]

    def start(self, mean: Array, sd: Array | None, rng: np.random.Generator) -> list[Array]:
        return [mean.copy(), np.diag(_rho(mean, np.ones(len(mean)) if sd is None else sd))]

    def noise(self, key: Tensor, values: Values) -> list[Tensor]:
        return [pt.random.normal(key, values[0].shape)]

    @staticmethod
    def factor(lower: Tensor) -> Tensor:
        """The Cholesky factor L."""
        return pt.tril(lower, -1) + pt.diag(pt.softplus(pt.diagonal(lower)))

    def draw(self, values: Values, noise: Sequence[Tensor]) -> Place:
        mu, lower = values
        volume = pt.sum(pt.log(pt.softplus(pt.diagonal(lower))))
        return Place(mu + pt.dot(self.factor(lower), noise[0]), standard_normal(noise[0]) - volume, volume)

    def score(self, values: Values, noise: Sequence[Tensor], z: Tensor) -> Tensor:
        return -pt.linalg.solve_triangular(self.factor(values[1]), noise[0], lower=True, trans=1)

    def moments(self, values: Values) -> tuple[Tensor, Tensor]:
        factor = self.factor(values[1])
        return values[0], pt.dot(factor, factor.T)


class LowRankFamily(Family):
    """A normal distribution of covariance ``S^2 + F F'``, S diagonal and F (d, r): ``mu + S noise + F noise``.

    Source: Ong, Nott and Smith, "Gaussian variational approximation with a factor covariance structure" (2018).

    Parameters
    ----------
    rank
        How many directions there are; a length of the code, which is for all.
    """

    name = "low_rank"
    WIDTH = 0.01
    """Standard deviation that the directions begin with: with none, their gradient would be zero too."""

    def __init__(self, rank: int = 5) -> None:
        self.rank = rank

    def parameters(self) -> list[Tensor]:
        return [pt.vector("mu", "d"), pt.vector("rho", "d"), pt.matrix("factors", "r", "d")]

    def start(self, mean: Array, sd: Array | None, rng: np.random.Generator) -> list[Array]:
        return [mean.copy(), _rho(mean, sd), self.WIDTH * rng.standard_normal((min(self.rank, len(mean)), len(mean)))]

    def noise(self, key: Tensor, values: Values) -> list[Tensor]:
        own, shared = (pt.random.fold_in(key, i) for i in range(2))
        return [pt.random.normal(own, values[0].shape), pt.random.normal(shared, values[2].shape[:1])]

    @staticmethod
    def _capacitance(values: Values) -> tuple[Tensor, Tensor]:
        """``F S^-2`` (r, d), and the Cholesky factor of ``I + F S^-2 F'`` (r, r)."""
        _, rho, factors = values
        weighted = factors / pt.square(pt.softplus(rho))
        return weighted, pt.linalg.cholesky(pt.eye(factors.shape[0]) + pt.dot(weighted, factors.T))

    def draw(self, values: Values, noise: Sequence[Tensor]) -> Place:
        mu, rho, factors = values
        sd = pt.softplus(rho)
        away = sd * noise[0] + pt.dot(noise[1], factors)
        weighted, half = self._capacitance(values)
        # By Woodbury's identity: of the squared distance in S^-2 the part within the directions is taken off.
        inside = pt.linalg.solve_triangular(half, pt.dot(weighted, away), lower=True)
        distance = pt.sum(pt.square(away / sd)) - pt.sum(pt.square(inside))
        volume = pt.sum(pt.log(sd)) + pt.sum(pt.log(pt.diagonal(half)))
        n = pt.cast(as_tensor(mu.shape[0]), "float64")
        return Place(mu + away, -0.5 * distance - 0.5 * math.log(2.0 * math.pi) * n - volume, volume)

    def score(self, values: Values, noise: Sequence[Tensor], z: Tensor) -> Tensor:
        mu, rho, _ = values
        away = z - mu
        weighted, half = self._capacitance(values)
        inside = pt.linalg.solve_triangular(half, pt.dot(weighted, away), lower=True)
        return pt.dot(pt.linalg.solve_triangular(half, inside, lower=True, trans=1), weighted) - away / pt.square(pt.softplus(rho))

    def moments(self, values: Values) -> tuple[Tensor, Tensor]:
        mu, rho, factors = values
        return mu, pt.diag(pt.square(pt.softplus(rho))) + pt.dot(factors.T, factors)
