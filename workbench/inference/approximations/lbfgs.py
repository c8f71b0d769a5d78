"""The path of L-BFGS to a mode, and what it tells of the inverse Hessian along the way.

Source: Zhang, Carpenter, Gelman and Vehtari, "Pathfinder: parallel quasi-Newton variational inference" (2022), algorithms 3 and 4; the
diagonal is that of Gilbert and Lemaréchal, "Some numerical experiments with variable-storage quasi-Newton algorithms" (1989).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
LEAST_CURVATURE = 1e-12
"""Steps along which the gradient changes by less than this, relatively, tell nothing (epsilon of the paper)."""


@dataclass(frozen=True)
class Path:
    """Points of an optimisation.

    Attributes
    ----------
    q, gradients
        Points and the gradients of the log-density there, (n, d), the start first.
    values
        Log-densities, (n,).
    evaluations
        How often the log-density was computed.
    message
        Why it ended, in the optimiser's words.
    """

    q: Array
    gradients: Array
    values: Array
    evaluations: int
    message: str


def lbfgs_path(
    density: Callable[[Array], tuple[float, Array]], start: Array, maxcor: int, maxiter: int, ftol: float, gtol: float, maxls: int
) -> Path:
    """Return the path of SciPy's L-BFGS-B from a start up the log-density. Options are SciPy's."""
    import scipy.optimize

    value, gradient = density(start)
    seen = {start.tobytes(): (value, gradient)}
    visited = [start]
    lowest = value

    def cost(q: Array) -> tuple[float, Array]:
        nonlocal lowest
        value, gradient = density(q)
        if np.isfinite(value) and np.isfinite(gradient).all():
            seen[q.tobytes()] = value, gradient
            lowest = min(lowest, value)
            return -value, -gradient
        # A wall that the line search turns back from: interpolation between values needs a finite one.
        return 1e3 * (1.0 + abs(lowest)) - lowest, np.zeros(len(q))

    def note(intermediate_result: Any) -> None:
        q = intermediate_result.x
        if q.tobytes() in seen and q.tobytes() != visited[-1].tobytes():
            visited.append(q.copy())

    with np.errstate(all="ignore"):
        raw = scipy.optimize.minimize(
            cost, start, method="L-BFGS-B", jac=True, callback=note,
            options={"maxcor": maxcor, "maxiter": maxiter, "maxfun": 20 * maxiter, "ftol": ftol, "gtol": gtol, "maxls": maxls},
        )  # fmt: skip
    found = [seen[q.tobytes()] for q in visited]
    return Path(np.array(visited), np.array([g for _, g in found]), np.array([v for v, _ in found]), int(raw.nfev) + 1, str(raw.message))


@dataclass(frozen=True)
class InverseHessian:
    """An inverse Hessian of minus the log-density: a diagonal, and what recent steps add to it.

        diag(alpha) + beta @ gamma @ beta.T, with beta = [diag(alpha) @ z, s]

    Attributes
    ----------
    alpha
        The diagonal, (d,), positive.
    s, z
        Recent steps, and how the gradient of minus the log-density changed along each, (d, j), the last one last.
    """

    alpha: Array
    s: Array
    z: Array

    @property
    def beta(self) -> Array:
        return np.concatenate([self.alpha[:, None] * self.z, self.s], axis=1)

    @property
    def gamma(self) -> Array:
        from scipy.linalg import solve_triangular

        j = self.s.shape[1]
        products = self.s.T @ self.z
        inverse = solve_triangular(np.triu(products), np.eye(j))
        inner = np.diag(np.diag(products)) + self.z.T @ (self.alpha[:, None] * self.z)
        found = np.zeros((2 * j, 2 * j))
        found[:j, j:] = -inverse
        found[j:, :j] = -inverse.T
        found[j:, j:] = inverse.T @ inner @ inverse
        return found

    def dense(self) -> Array:
        """Return the matrix, (d, d)."""
        beta = self.beta
        return np.diag(self.alpha) + beta @ self.gamma @ beta.T


def inverse_hessians(path: Path, maxcor: int) -> Iterator[InverseHessian]:
    """Yield the estimate at each point of a path after the first."""
    alpha = np.ones(path.q.shape[1])
    steps: list[Array] = []
    changes: list[Array] = []
    for s, z in zip(np.diff(path.q, axis=0), -np.diff(path.gradients, axis=0)):
        if s @ z > LEAST_CURVATURE * (z @ z):
            alpha = next_diagonal(alpha, s, z)
            steps, changes = [*steps, s][-maxcor:], [*changes, z][-maxcor:]
        none = np.empty((len(alpha), 0))
        yield InverseHessian(alpha, np.array(steps).T if steps else none, np.array(changes).T if steps else none)


def next_diagonal(alpha: Array, s: Array, z: Array) -> Array:
    """Return the diagonal after a step s along which the gradient changed by z: that of the BFGS update of the diagonal matrix."""
    a, b, c = z @ (alpha * z), z @ s, s @ (s / alpha)
    return 1.0 / (a / (b * alpha) + z * z / b - a * s * s / (b * c * alpha * alpha))  # type: ignore[no-any-return]


class FactoredNormal:
    """The normal distribution around a point of a path, with an inverse Hessian as covariance; its mean is a Newton step further.

    Parameters
    ----------
    inverse
        The inverse Hessian.
    q, gradient
        The point, and the gradient of the log-density there.

    Raises
    ------
    numpy.linalg.LinAlgError
        If the inverse Hessian is not positive definite in the precision of numbers.
    """

    def __init__(self, inverse: InverseHessian, q: Array, gradient: Array) -> None:
        self.root = np.sqrt(inverse.alpha)
        beta, gamma = inverse.beta, inverse.gamma
        self.mean = q + inverse.alpha * gradient + beta @ (gamma @ (beta.T @ gradient))
        self.basis, r = np.linalg.qr(beta / self.root[:, None])
        self.factor = np.linalg.cholesky(np.eye(len(r)) + r @ gamma @ r.T)
        self.log_det = float(np.log(inverse.alpha).sum() + 2.0 * np.log(np.diag(self.factor)).sum())
        if not (np.isfinite(self.mean).all() and math.isfinite(self.log_det)):
            raise np.linalg.LinAlgError("a mean or covariance that is no number")

    def draw(self, noise: Array) -> tuple[Array, Array]:
        """Return draws (n, d) from standard normal noise (n, d), and the log-density of each, (n,)."""
        inner = noise @ self.basis
        q = self.mean + self.root * (noise + (inner @ self.factor.T - inner) @ self.basis.T)
        d = noise.shape[1]
        return q, -0.5 * (self.log_det + np.sum(noise * noise, axis=1) + d * math.log(2.0 * math.pi))

    @property
    def variances(self) -> Array:
        """Variances of the elements, (d,)."""
        bent = self.basis @ self.factor
        return self.root**2 * (1.0 + np.sum(bent * bent, axis=1) - np.sum(self.basis * self.basis, axis=1))
