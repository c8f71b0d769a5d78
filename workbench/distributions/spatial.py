"""Distributions of neighbouring places: conditional autoregressions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import workbench.tensor as pt
from workbench.distributions.constraints import Check, positive
from workbench.distributions.distribution import Distribution, cast_real
from workbench.distributions.families import Family
from workbench.distributions.normals import solved, square, widened_mean
from workbench.errors import ModelError, ShapeError
from workbench.graph.expr import Constant, Expr
from workbench.graph.memo import once
from workbench.graph.types import Shape
from workbench.tensor.shape import extent
from workbench.tensor.tensor import Tensor, as_tensor

SPARSE = 0.1
"""The share of nonzero elements below which a constant matrix multiplies as a sparse one."""


def _dense(weights: Any) -> Any:
    """A matrix of weights as a dense one; it may be one of SciPy's sparse ones."""
    return weights.toarray() if pt.sparse.is_sparse(weights) else weights


def _neighbours(weights: Tensor, x: Tensor) -> Tensor:
    """Symmetric weights times vectors, over the last axes."""
    if isinstance(weights.op, Constant):
        content = weights.op.value
        if content.ndim == 2 and np.count_nonzero(content) < SPARSE * content.size:
            rows, columns = np.nonzero(content)
            matrix = pt.sparse.SparseMatrix(pt.constant(content[rows, columns]), rows, columns, content.shape)
            return pt.sparse.dot(x, matrix)
    return pt.matmul(x, weights) if weights.ndim == 2 else pt.matvec(weights, x)


class CAR(Distribution):
    """Conditional autoregression: the mean of each place is a share of the weighted mean of its neighbours.

        f(x) = sqrt(det(Q) / (2 * pi)**n) * exp(-(x - mu) @ Q @ (x - mu) / 2), with Q = tau * (D - alpha * W)

    `D` holds the sums of the rows of `W` on its diagonal.

    Parameters
    ----------
    mu
        Mean, shape ``(..., n)`` or a scalar.
    W
        Symmetric matrix of weights between neighbours, ``(n, n)``, with zeros on its diagonal; dense or
        one of SciPy's sparse matrices.
    alpha
        How strongly places depend on their neighbours, between -1 and 1.
    tau
        Precision, > 0.

    Notes
    -----
    Shape ``(..., n)``. As in PyMC the density leaves out the constants ``(2 * pi)**(-n / 2)`` and
    ``sqrt(det(D))``. Draws have the precision matrix `Q`. (PyMC 5's do not: it solves with `Q` where its
    root is due.) Source: Jin, Carlin and Banerjee, "Generalized hierarchical multivariate CAR models for
    areal data" (2005).

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     x = pm.CAR("x", mu=0.0, W=[[0.0, 1.0], [1.0, 0.0]], alpha=0.5, tau=1.0)
    """

    parameters = ("mu", "W", "alpha", "tau")
    family = Family("mu", "tau", -0.5)
    domains = {"tau": positive}
    event_rank = 1
    ranks = (1, 2, 0, 0)

    @classmethod
    def arguments(cls, mu: Any, W: Any, alpha: Any, tau: Any) -> tuple[Any, ...]:
        weights = square("CAR", "W", _dense(W))
        mean, n = cast_real(mu), extent(weights, -1)
        if mean.ndim and isinstance(n, int) and mean.type.shape[-1] not in (1, n, None):
            raise ShapeError(f"CAR: mu has shape {mean.type.shape}, W is {n} by {n}")
        return widened_mean(mean, n), weights, alpha, tau

    @classmethod
    def event_shape(cls, *parameters: Tensor) -> Shape:
        return parameters[1].type.shape[-1:]

    @classmethod
    def checks(cls, *parameters: Tensor) -> list[Check]:
        _, weights, alpha, _ = parameters
        # The tolerance of NumPy's allclose, which PyMC asks.
        difference = pt.abs(weights - pt.matrix_transpose(weights))
        symmetric = pt.all(difference <= 1e-8 + 1e-5 * pt.abs(weights), axis=(-2, -1))
        return [
            *super().checks(*parameters),
            (pt.logical_and(alpha > -1.0, alpha < 1.0), "alpha must be between -1 and 1"),
            (symmetric, "W must be symmetric"),
        ]

    @classmethod
    def logp(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        mu, weights, alpha, tau = parameters
        sums = pt.sum(weights, axis=-2)
        n = extent(weights, -1)
        eigenvalues = _scaled_eigenvalues(weights)
        log_det = pt.sum(pt.log1p(-pt.expand_dims(alpha, -1) * eigenvalues), axis=-1)
        delta = value - mu
        pulled = sums * delta - pt.expand_dims(alpha, -1) * _neighbours(weights, delta)
        return 0.5 * (n * pt.log(tau) + log_det - tau * pt.sum(delta * pulled, axis=-1))

    @classmethod
    def draw(cls, key: Tensor, shape: tuple[int, ...], *parameters: Tensor) -> Tensor:
        mu, weights, alpha, tau = parameters
        sums = pt.sum(weights, axis=-2)
        n = extent(weights, -1)
        inner = pt.expand_dims(sums, -1) * np.eye(n) - pt.expand_dims(alpha, (-2, -1)) * weights
        root = pt.linalg.cholesky(inner)
        return mu + solved(root, pt.random.normal(key, shape), trans=1) / pt.sqrt(pt.expand_dims(tau, -1))

    @classmethod
    def support_point(cls, *parameters: Tensor) -> Tensor:
        return parameters[0]


def _scaled_eigenvalues(weights: Tensor) -> Tensor:
    """Eigenvalues of the weights with rows and columns divided by the roots of the sums."""
    if isinstance(weights.op, Constant):
        return pt.constant(_eigenvalues_of_constant(weights))
    roots = pt.sqrt(pt.sum(weights, axis=-2))
    return pt.linalg.eigvalsh(weights / (pt.expand_dims(roots, -2) * pt.expand_dims(roots, -1)))


@once(lambda node: ())
def _eigenvalues_of_constant(weights: Expr, below: list[Any]) -> Any:
    """The same of an array: once, not at each evaluation of the density, nor each time that it is derived."""
    content = weights.op.value
    with np.errstate(divide="ignore", invalid="ignore"):
        roots = np.sqrt(content.sum(axis=-2))
        scaled = content / (roots[..., None, :] * roots[..., :, None])
    if not np.isfinite(scaled).all():
        place = int(np.argwhere(content.sum(axis=-2) <= 0.0)[0][-1])
        raise ModelError(f"CAR: place {place} has no neighbours, or negative weights", "each row of W needs a positive sum")
    return np.linalg.eigvalsh(scaled)


class ICAR(Distribution):
    """Intrinsic conditional autoregression: neighbours are alike, and all together sum to about zero.

        f(x) is in proportion to exp(-S / (2 * sigma**2)) * Normal(sum(x) | 0, zero_sum_stdev * n),
            with S the sum of (x[i] - x[j])**2 over neighbours

    Parameters
    ----------
    W
        Matrix of zeros and ones, symmetric, ``(n, n)``: 1 between neighbours. An array, not a variable.
    sigma
        Scale of the differences between neighbours, > 0; 1 by default.
    zero_sum_stdev
        How tightly the mean is held at zero, s; 0.001 by default.

    Notes
    -----
    Shape ``(..., n)``. As in PyMC the density of the differences has no normalising constant, so that it
    does not tell values of `sigma` apart: keep `sigma` at 1 and scale the variable. Draws need a graph
    that is connected. Source: Besag, York and Mollie, "Bayesian image restoration, with two applications
    in spatial statistics" (1991); Morris et al., "Bayesian hierarchical spatial models: implementing the
    Besag York Mollie model in Stan" (2019).

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     x = pm.ICAR("x", W=[[0, 1], [1, 0]])
    """

    parameters = ("W", "sigma", "zero_sum_stdev")
    domains = {"sigma": positive, "zero_sum_stdev": positive}
    event_rank = 1
    ranks = (2, 0, 0)
    repeated = 1  # W stays an array.

    @classmethod
    def arguments(cls, W: Any, sigma: Any = 1.0, zero_sum_stdev: Any = 0.001) -> tuple[Any, ...]:
        weights = as_tensor(_dense(W))
        if weights.ndim != 2 or weights.type.shape[0] != weights.type.shape[1]:
            raise ShapeError(f"ICAR: W must be a square matrix, it has shape {weights.type.shape}")
        if not isinstance(weights.op, Constant):
            raise ModelError(f"ICAR: W must be an array, not {weights!r}", "who is whose neighbour is fixed")
        content = weights.op.value
        if not np.isin(content, (0, 1)).all():
            raise ModelError("ICAR: W must be made of zeros and ones", "weights between neighbours are for CAR")
        if not (content == content.T).all():
            raise ModelError("ICAR: W must be symmetric", "neighbours are so in both directions")
        return weights, sigma, zero_sum_stdev

    @classmethod
    def event_shape(cls, *parameters: Tensor) -> Shape:
        return parameters[0].type.shape[-1:]

    @classmethod
    def logp(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        weights, sigma, stdev = parameters
        n = extent(weights, -1)
        if isinstance(weights.op, Constant):
            # Each pair once; the diagonal makes no difference.
            first, second = np.nonzero(np.tril(weights.op.value))
            squares = pt.sum(pt.square(value[..., first] - value[..., second]), axis=-1)
        else:
            off = weights * (1.0 - np.eye(n))
            squares = pt.sum(pt.square(value) * pt.sum(off, axis=-1) - value * pt.matmul(value, off), axis=-1)
        spread = stdev * n
        zero_sum = -0.5 * pt.square(pt.sum(value, axis=-1) / spread) - 0.5 * math.log(2.0 * math.pi) - pt.log(spread)
        return zero_sum - 0.5 * squares / pt.square(sigma)

    @classmethod
    def draw(cls, key: Tensor, shape: tuple[int, ...], *parameters: Tensor) -> Tensor:
        weights, sigma, stdev = parameters
        n = weights.type.static_shape[-1]
        off = weights * (1.0 - np.eye(n))
        differences = pt.expand_dims(pt.sum(off, axis=-1), -1) * np.eye(n) - off
        precision = differences / pt.square(pt.expand_dims(sigma, (-2, -1)))
        whole = precision + 1.0 / pt.square(pt.expand_dims(stdev * n, (-2, -1)))
        return solved(pt.linalg.cholesky(whole), pt.random.normal(key, shape), trans=1)

    @classmethod
    def support_point(cls, *parameters: Tensor) -> Tensor:
        return pt.zeros(extent(parameters[0], -1))
