"""Distributions of matrices, and of vectors whose covariance is a Kronecker product of matrices."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np

import workbench.tensor as pt
from workbench.distributions.constraints import Check
from workbench.distributions.distribution import Distribution, cast_real
from workbench.distributions.normals import (
    LOG_TWO_PI,
    POSITIVE_DEFINITE,
    POSITIVE_DIAGONAL,
    log_diagonal,
    one_of,
    positive_definite,
    solved,
    square,
    times,
    widened_mean,
)  # fmt: skip
from workbench.errors import ModelError, ShapeError
from workbench.graph.expr import Constant
from workbench.graph.lengths import differ
from workbench.graph.types import Shape
from workbench.tensor.shape import extent, reshape_like
from workbench.tensor.tensor import Tensor


class Wishart(Distribution):
    """Wishart distribution of positive-definite matrices: of the sum of squares of normal vectors.

        f(X) = det(X)**((nu - p - 1) / 2) * exp(-trace(inv(V) @ X) / 2) / (2**(nu * p / 2) * det(V)**(nu / 2) *
            Gamma_p(nu / 2))

    Parameters
    ----------
    nu
        Degrees of freedom, > p - 1.
    V
        Scale matrix, positive definite, shape ``(..., p, p)``.

    Notes
    -----
    Shape ``(..., p, p)``. Mean ``nu * V``. A matrix that is not symmetric has density zero. There is no
    default transform, as in PyMC, so a free Wishart variable cannot be sampled by NUTS: its value would
    have to stay symmetric. For a prior of covariance matrices use :class:`LKJCholeskyCov`.

    Examples
    --------
    >>> Wishart.dist(nu=4.0, V=[[1.0, 0.5], [0.5, 2.0]]).type.shape
    (2, 2)
    """

    parameters = ("nu", "V")
    domains = {"V": POSITIVE_DEFINITE}
    event_rank = 2
    ranks = (0, 2)

    @classmethod
    def arguments(cls, nu: Any, V: Any) -> tuple[Any, ...]:
        return nu, square("Wishart", "V", V)

    @classmethod
    def event_shape(cls, *parameters: Tensor) -> Shape:
        return parameters[1].type.shape[-1:] * 2

    @classmethod
    def checks(cls, *parameters: Tensor) -> list[Check]:
        nu, matrix = parameters
        return [*super().checks(*parameters), (nu > extent(matrix, -1) - 1, "nu must be greater than the rows of V less 1")]

    @classmethod
    def logp(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        nu, matrix = parameters
        p = extent(matrix, -1)
        root, factor = pt.linalg.cholesky(matrix), pt.linalg.cholesky(value)
        # tr(inv(V) X) is the sum of squares of what turns one root into the other.
        turn = pt.linalg.solve_triangular(root, factor, lower=True, b_ndim=2)
        i = pt.cast(pt.arange(p), "float64")
        log_gamma = 0.25 * p * (p - 1) * math.log(math.pi) + pt.sum(pt.gammaln(0.5 * (pt.expand_dims(nu, -1) - i)), axis=-1)
        total = (
            (nu - p - 1.0) * log_diagonal(factor)
            - 0.5 * pt.sum(pt.square(turn), axis=(-2, -1))
            - 0.5 * nu * p * math.log(2.0)
            - nu * log_diagonal(root)
            - log_gamma
        )
        symmetric = pt.all(pt.equal(value, pt.matrix_transpose(value)), axis=(-2, -1))
        return pt.where(pt.logical_and(symmetric, positive_definite(value)), total, -float("inf"))

    @classmethod
    def draw(cls, key: Tensor, shape: tuple[int, ...], *parameters: Tensor) -> Tensor:
        # Bartlett (1933): the Cholesky factor of a standard Wishart matrix has independent elements.
        nu, matrix = parameters
        p = shape[-1]
        keys = pt.random.split(key, 2)
        below = pt.random.normal(keys[0], shape) * np.tril(np.ones((p, p)), -1)
        diagonal = pt.sqrt(pt.random.chi_square(keys[1], shape[:-1], pt.expand_dims(nu, -1) - np.arange(float(p))))
        root = pt.matmul(pt.linalg.cholesky(matrix), below + pt.expand_dims(diagonal, -1) * np.eye(p))
        return pt.matmul(root, pt.matrix_transpose(root))

    @classmethod
    def support_point(cls, *parameters: Tensor) -> Tensor:
        nu, matrix = parameters
        return pt.expand_dims(nu, (-2, -1)) * matrix


class MatrixNormal(Distribution):
    """Matrix normal distribution: rows are correlated, and columns are.

        f(X) = exp(-trace(inv(V) @ (X - mu).T @ inv(U) @ (X - mu)) / 2) / ((2 * pi)**(m * n / 2) * det(V)**(m / 2) *
            det(U)**(n / 2))

    Parameters
    ----------
    mu
        Mean, shape ``(..., m, n)``, or what broadcasts to it.
    rowcov, rowchol
        Covariance of the elements of a column, `U`, or its lower Cholesky factor, ``(m, m)``.
    colcov, colchol
        Covariance of the elements of a row, `V`, or its lower Cholesky factor, ``(n, n)``.

    Notes
    -----
    Shape ``(..., m, n)``. Mean `mu`. Element (i, j) and (k, l) have covariance ``U[i, k] * V[j, l]``.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     x = pm.MatrixNormal("x", mu=[[0.0, 0.0], [0.0, 0.0]], rowcov=[[1.0, 0.5], [0.5, 1.0]], colcov=[[1.0, 0.0], [0.0, 2.0]])
    """

    parameters = ("mu", "rowchol", "colchol")
    event_rank = 2
    ranks = (2, 2, 2)

    @classmethod
    def arguments(
        cls, mu: Any = 0.0, rowcov: Any = None, rowchol: Any = None, colcov: Any = None, colchol: Any = None
    ) -> tuple[Any, ...]:
        factors = []
        for title, given in (("row", {"rowcov": rowcov, "rowchol": rowchol}), ("col", {"colcov": colcov, "colchol": colchol})):
            name, matrix = one_of("MatrixNormal", **given)
            matrix = square("MatrixNormal", name, matrix)
            factors.append(pt.linalg.cholesky(matrix) if name == f"{title}cov" else matrix)
        mean = cast_real(mu)
        return widened_mean(mean, extent(factors[0], -1), extent(factors[1], -1)), *factors

    @classmethod
    def event_shape(cls, *parameters: Tensor) -> Shape:
        return parameters[0].type.shape[-2:]

    @classmethod
    def checks(cls, *parameters: Tensor) -> list[Check]:
        texts = ("rowcov must be positive definite (rowchol have a positive diagonal)",
                 "colcov must be positive definite (colchol have a positive diagonal)")  # fmt: skip
        return [(POSITIVE_DIAGONAL.holds(factor), text) for factor, text in zip(parameters[1:], texts)]

    @classmethod
    def logp(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        mu, rowchol, colchol = parameters
        m, n = extent(rowchol, -1), extent(colchol, -1)
        by_rows = pt.linalg.solve_triangular(rowchol, value - mu, lower=True, b_ndim=2)
        z = pt.linalg.solve_triangular(colchol, pt.matrix_transpose(by_rows), lower=True, b_ndim=2)
        log_det = n * log_diagonal(rowchol) + m * log_diagonal(colchol)
        return -0.5 * LOG_TWO_PI * (m * n) - 0.5 * pt.sum(pt.square(z), axis=(-2, -1)) - log_det

    @classmethod
    def draw(cls, key: Tensor, shape: tuple[int, ...], *parameters: Tensor) -> Tensor:
        mu, rowchol, colchol = parameters
        z = pt.random.normal(key, shape)
        return mu + pt.matmul(pt.matmul(rowchol, z), pt.matrix_transpose(colchol))

    @classmethod
    def support_point(cls, *parameters: Tensor) -> Tensor:
        return parameters[0]


# Kronecker products ---------------------------------------------------------------------------


def _along_factors(function: Callable[[Tensor, Tensor], Tensor], factors: Sequence[Tensor], x: Tensor) -> Tensor:
    """Apply a function of a matrix and vectors along each axis of `x`, taken as a tensor of the factors' lengths."""
    batch = [extent(x, i) for i in range(x.ndim - 1)]
    grid = pt.reshape(x, (*batch, *[extent(f, -1) for f in factors]))
    for i, factor in enumerate(factors):
        axis = len(batch) + i
        grid = pt.moveaxis(function(factor, pt.moveaxis(grid, axis, -1)), -1, axis)
    return reshape_like(grid, x)


class KroneckerNormal(Distribution):
    """Normal distribution whose covariance is a Kronecker product of matrices, plus noise.

        x ~ MvNormal(mu, kron(covs[0], covs[1], ...) + sigma**2 * I)

    Parameters
    ----------
    mu
        Mean, shape ``(..., N)`` or a scalar; N is the product of the factors' lengths.
    covs
        Covariance matrices, a list of shapes ``(n_i, n_i)``.
    chols
        Their lower Cholesky factors: an alternative.
    evds
        Their eigenvalues and eigenvectors, a list of pairs: an alternative.
    sigma
        Standard deviation of the noise, 0 by default.

    Notes
    -----
    Shape ``(..., N)``. The large matrix is never formed: the factors' eigenvalues and eigenvectors, or
    their Cholesky factors where `sigma` is the number 0, do. Source: Wilson and Nickisch, "Kernel
    interpolation for scalable structured Gaussian processes" (2015).

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     x = pm.KroneckerNormal("x", mu=0.0, covs=[[[1.0, 0.5], [0.5, 1.0]], [[2.0]]], sigma=0.1)
    """

    parameters: ClassVar[tuple[str, ...]] = ("mu", "sigma")
    event_rank = 1
    ranks = (1, 0)

    @classmethod
    def dist(  # type: ignore[override]
        cls, mu: Any, covs: Any = None, chols: Any = None, evds: Any = None, sigma: Any = 0.0, *, shape: Any = None,
        size: Any = None,
    ) -> Tensor:  # fmt: skip
        name, given = one_of("KroneckerNormal", covs=covs, chols=chols, evds=evds)
        if not len(given):
            raise ModelError(f"KroneckerNormal: {name} is empty", "give at least one matrix")
        noise = cast_real(sigma)
        exact = isinstance(noise.op, Constant) and not noise.op.value.any()
        if name == "evds":
            pairs: list[tuple[Tensor, Tensor]] = [(cast_real(values), square("KroneckerNormal", "evds", vectors)) for values, vectors in given]
        else:
            matrices = [square("KroneckerNormal", name, m) for m in given]
            if exact:
                factors = matrices if name == "chols" else [pt.linalg.cholesky(m) for m in matrices]
                made = CholeskyKroneckerNormal.of(factors)
                return made.variable([_vector(mu, factors), *factors], shape, size)
            covariances = [pt.matmul(m, pt.matrix_transpose(m)) for m in matrices] if name == "chols" else matrices
            pairs = [pt.linalg.eigh(m) for m in covariances]
        inner = [x for pair in pairs for x in pair]
        labels = [label for i in range(len(pairs)) for label in (f"eigenvalues[{i}]", f"eigenvectors[{i}]")]
        made = KroneckerNormal.with_fields(parameters=("mu", "sigma", *labels), ranks=(1, 0, *(1, 2) * len(pairs)))
        return made.variable([_vector(mu, inner[1::2]), noise, *inner], shape, size)

    @classmethod
    def event_shape(cls, *parameters: Tensor) -> Shape:
        return parameters[0].type.shape[-1:]

    @staticmethod
    def _variances(*parameters: Tensor) -> Tensor:
        """The variances along the eigenvectors of the whole."""
        sigma, *inner = parameters[1:]
        product = inner[0]
        for values in inner[2::2]:
            product = pt.reshape(pt.expand_dims(product, -1) * values, (-1,))
        return product + pt.square(pt.expand_dims(sigma, -1))

    @classmethod
    def checks(cls, *parameters: Tensor) -> list[Check]:
        positive = pt.all(cls._variances(*parameters) > 0.0, axis=-1)
        return [
            (parameters[1] >= 0.0, "sigma must be zero or positive"),
            (positive, "covs must be positive definite, or sigma greater"),
        ]

    @classmethod
    def logp(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        vectors = parameters[3::2]
        variances = cls._variances(*parameters)
        turned = _along_factors(lambda q, x: times(pt.matrix_transpose(q), x), vectors, value - parameters[0])
        n = extent(parameters[0], -1)
        quadratic = pt.sum(pt.square(turned) / variances, axis=-1)
        return -0.5 * (quadratic + pt.sum(pt.log(variances), axis=-1) + n * LOG_TWO_PI)

    @classmethod
    def draw(cls, key: Tensor, shape: tuple[int, ...], *parameters: Tensor) -> Tensor:
        z = pt.random.normal(key, shape) * pt.sqrt(cls._variances(*parameters))
        return parameters[0] + _along_factors(times, parameters[3::2], z)

    @classmethod
    def support_point(cls, *parameters: Tensor) -> Tensor:
        return parameters[0]


class CholeskyKroneckerNormal(KroneckerNormal):
    """:class:`KroneckerNormal` without noise, given by the factors of its covariance matrices.

    Examples
    --------
    >>> pm.KroneckerNormal.dist(np.zeros(2), covs=[np.eye(1), np.eye(2)]).op.distribution.__name__
    'CholeskyKroneckerNormal'
    """

    parameters = ("mu",)

    @classmethod
    def of(cls, factors: Sequence[Tensor]) -> Any:
        """The class for that many factors."""
        labels = [f"chols[{i}]" for i in range(len(factors))]
        return cls.with_fields(parameters=("mu", *labels), ranks=(1, *(2,) * len(factors)))

    @classmethod
    def checks(cls, *parameters: Tensor) -> list[Check]:
        return [
            (POSITIVE_DIAGONAL.holds(f), f"covs[{i}] must be positive definite (its Cholesky factor have a positive diagonal)")
            for i, f in enumerate(parameters[1:])
        ]

    @classmethod
    def logp(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        mu, *factors = parameters
        z = _along_factors(solved, factors, value - mu)
        n = extent(mu, -1)
        log_det = sum(log_diagonal(f) * (n / extent(f, -1)) for f in factors)
        return -0.5 * LOG_TWO_PI * n - 0.5 * pt.sum(pt.square(z), axis=-1) - log_det

    @classmethod
    def draw(cls, key: Tensor, shape: tuple[int, ...], *parameters: Tensor) -> Tensor:
        mu, *factors = parameters
        return mu + _along_factors(times, factors, pt.random.normal(key, shape))


def _vector(mu: Any, matrices: Sequence[Tensor]) -> Tensor:
    """The mean, of as many elements as the product of the matrices' rows."""
    rows = [extent(m, -1) for m in matrices]
    mean = cast_real(mu)
    known = math.prod(rows) if all(isinstance(n, int) for n in rows) else None
    if mean.ndim and known is not None and mean.type.shape[-1] != 1 and differ(mean.type.shape[-1], known):
        raise ShapeError(f"KroneckerNormal: mu has shape {mean.type.shape}, the product of the matrices has {known} rows")
    return widened_mean(mean, math.prod(rows[1:], start=rows[0]))
