"""The Laplace approximation of the marginal density of hyperparameters, with its exact gradient.

    log p(theta, y) is about log p(x*, theta, y) + n / 2 log(2 pi) - 1 / 2 log det A, with x* the mode of x given theta, A the precision there

The gradient follows x* by the adjoint method: Margossian, Vehtari, Simpson and Agrawal, "Hamiltonian Monte Carlo using an
adjoint-differentiated Laplace approximation" (2020). Derivatives of the precision come from products of third derivatives with its few
directions, so it holds for any likelihood, also one that ties latent variables together.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from workbench.inference.approximations.flat_density import FlatDensity
from workbench.inference.approximations.hessian import Hessian
from workbench.inference.approximations.latent_gaussian import LatentField
from workbench.inference.approximations.mode import Mode, newton
from workbench.inference.approximations.precision import Factor

Array = np.ndarray[Any, Any]


class LaplaceMarginal:
    """The marginal density of hyperparameters, by Laplace's approximation of the latent field given them.

    Parameters
    ----------
    density
        The model's density.
    field
        Which elements are latent.
    start
        A point (d,) to begin from.
    """

    def __init__(self, density: FlatDensity, field: LatentField, start: Array) -> None:
        self.density, self.field = density, field
        self.start = start
        self.hessian = Hessian(density, field.where, start)

    def at(self, theta: Array, near: Conditional | None = None) -> Conditional:
        """Return the latent field given hyperparameters; its mode is sought from that of others near by, if it is known.

        Raises
        ------
        NoMode
            If there is none.
        """
        q = (self.start if near is None else near.moved(theta)).copy()
        q[self.field.hyper] = theta
        return Conditional(self, newton(self.density, self.hessian, q))


@dataclass(frozen=True, eq=False)
class Conditional:
    """The latent field given hyperparameters: its normal approximation, and what follows from it.

    Attributes
    ----------
    marginal
        Of which it is one point.
    mode
        The mode, and the precision there.
    """

    marginal: LaplaceMarginal
    mode: Mode

    @property
    def theta(self) -> Array:
        """The hyperparameters, unconstrained."""
        return self.mode.q[self.marginal.field.hyper]

    @property
    def x(self) -> Array:
        """The mode of the latent field, (n,)."""
        return self.mode.q[self.marginal.field.where]

    @property
    def factor(self) -> Factor:
        return self.mode.factor

    @property
    def log_marginal(self) -> float:
        """The log-density of the hyperparameters and the data, approximately."""
        return self.mode.value + 0.5 * len(self.x) * math.log(2.0 * math.pi) - 0.5 * self.mode.factor.log_det

    @cached_property
    def covariances(self) -> Array:
        """Elements of the covariance where the precision is not zero."""
        return self.mode.factor.inverse_elements()

    @property
    def deviations(self) -> Array:
        """Standard deviations of the latent variables, (n,)."""
        return np.sqrt(self.covariances[self.mode.factor.structure.diagonal])  # type: ignore[no-any-return]

    @cached_property
    def _slope_of_log_det(self) -> Array:
        return self.marginal.hessian.slope_of_trace(self.mode.q, self.covariances)

    @cached_property
    def shift(self) -> Array:
        """How far the mean of the latent field lies from its mode, by the third derivatives, (n,)."""
        return self.factor.solve(-0.5 * self._slope_of_log_det[self.marginal.field.where])

    @cached_property
    def gradient(self) -> Array:
        """The gradient of `log_marginal` by the hyperparameters."""
        field, density = self.marginal.field, self.marginal.density
        along = np.zeros(density.size)
        along[field.where] = self.shift
        whole = density(self.mode.q)[1] - 0.5 * self._slope_of_log_det + density.hessian_product(self.mode.q, along)
        return whole[field.hyper]  # type: ignore[no-any-return]

    @cached_property
    def slopes(self) -> Array:
        """How the mode moves with each hyperparameter, (n, p)."""
        field, density = self.marginal.field, self.marginal.density
        columns = np.empty((len(field.where), len(field.hyper)))
        for j, place in enumerate(field.hyper):
            direction = np.zeros(density.size)
            direction[place] = 1.0
            columns[:, j] = density.hessian_product(self.mode.q, direction)[field.where]
        return self.factor.solve(columns) if columns.size else columns

    def moved(self, theta: Array) -> Array:
        """Return the flat vector at other hyperparameters, the latent field where its mode is by a first-order step."""
        q = self.mode.q.copy()
        q[self.marginal.field.hyper] = theta
        q[self.marginal.field.where] = self.x + self.slopes @ (theta - self.theta)
        return q

    def skewness(self) -> Array:
        """Return the skewness of each latent variable, to first order in the third derivatives: (n,)."""
        field, density = self.marginal.field, self.marginal.density
        covariance = self.factor.inverse()
        found = np.empty(len(covariance))
        column = np.zeros(density.size)
        for i, c in enumerate(covariance):
            column[field.where] = c
            found[i] = density.third(self.mode.q, column, column)[field.where] @ c
        return found / np.diag(covariance) ** 1.5  # type: ignore[no-any-return]
