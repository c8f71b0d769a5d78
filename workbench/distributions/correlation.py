"""Distributions of correlation matrices, and of covariance matrices by their Cholesky factors: LKJ's."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np

import workbench.tensor as pt
from workbench.distributions.components import (
    Component,
    component,
    component_checks,
    draw_of,
    logp_of,
    names_of,
    ranks_of,
)  # fmt: skip
from workbench.distributions.constraints import Check, positive
from workbench.distributions.distribution import (
    Distribution,
    Draw,
    cast_real,
    register_deterministic,
)  # fmt: skip
from workbench.distributions.normals import log_diagonal, positive_diagonal
from workbench.errors import ModelError, ShapeError
from workbench.graph.expr import Constant
from workbench.tensor.tensor import Tensor, as_tensor

CORRELATIONS, CHOLESKY_COVARIANCE = "correlations", "cholesky covariance"
INF = float("inf")


# Triangles as vectors -------------------------------------------------------------------------


def packed_diagonal(n: int) -> np.ndarray[Any, Any]:
    """Where the diagonal of an `n` by `n` lower triangle stands in the vector of its rows."""
    return np.cumsum(np.arange(1, n + 1)) - 1


def unpacked(packed: Tensor, n: int, strict: bool = False) -> Tensor:
    """Return lower triangles, shape (..., n, n), from the vectors of their rows.

    Parameters
    ----------
    packed
        Shape ``(..., n * (n + 1) / 2)``, row by row.
    n
        Rows of the matrix.
    strict
        The vectors hold no diagonal, and have ``n * (n - 1) / 2`` elements.
    """
    rows, columns = np.tril_indices(n, -1 if strict else 0)
    # What is not in the triangle is read from a zero at the end.
    place = np.full((n, n), len(rows))
    place[rows, columns] = np.arange(len(rows))
    zero = pt.zeros_like(pt.sum(packed, axis=-1, keepdims=True))
    return pt.take(pt.concatenate([packed, zero], axis=-1), place, axis=-1)


def expand_packed_triangular(n: int, packed: Any, lower: bool = True, diagonal_only: bool = False) -> Tensor:
    """Return the triangular matrix of which `packed` holds the rows.

    Parameters
    ----------
    n
        Rows of the matrix.
    packed
        Shape ``(..., n * (n + 1) / 2)``: the rows of the triangle, one after the other.
    lower
        Whether it is the lower triangle; the upper one otherwise.
    diagonal_only
        Return the diagonal alone, shape ``(..., n)``.

    Raises
    ------
    ShapeError
        If `packed` has another length.

    Examples
    --------
    >>> expand_packed_triangular(2, [1.0, 2.0, 3.0]).eval()
    array([[1., 0.],
           [2., 3.]])
    """
    x = cast_real(packed)
    if x.ndim == 0 or x.type.shape[-1] != n * (n + 1) // 2:
        raise ShapeError(f"the triangle of an {n} by {n} matrix has {n * (n + 1) // 2} elements, packed has shape {x.type.shape}")
    if lower:
        return x[..., packed_diagonal(n)] if diagonal_only else unpacked(x, n)
    if diagonal_only:
        return x[..., np.cumsum([0, *range(n, 1, -1)])]
    # Backwards, the rows of an upper triangle are those of a lower one.
    return pt.flip(unpacked(pt.flip(x, -1), n), (-2, -1))


def correlation_matrix(correlations: Tensor, n: int) -> Tensor:
    """Return matrices, shape (..., n, n), with ones on the diagonal, from what stands above it, row by row."""
    rows, columns = np.triu_indices(n, 1)
    place = np.full((n, n), len(rows))
    place[rows, columns] = place[columns, rows] = np.arange(len(rows))
    one = pt.ones_like(pt.sum(correlations, axis=-1, keepdims=True))
    return pt.take(pt.concatenate([correlations, one], axis=-1), place, axis=-1)


# LKJ ------------------------------------------------------------------------------------------


def _log_integral(eta: Tensor, n: int) -> Tensor:
    """The logarithm of the integral of |C|^(eta - 1) over all correlation matrices."""
    k = pt.constant(np.arange(1.0, n))
    powers = 0.25 * n * (n - 1) * math.log(math.pi)
    spread = pt.expand_dims(eta, -1) + 0.5 * (n - 1 - k)
    return powers + pt.sum(pt.gammaln(spread), axis=-1) - (n - 1) * pt.gammaln(eta + 0.5 * (n - 1))


def correlation_factor(key: Tensor, batch: tuple[int, ...], n: int, eta: Tensor) -> Tensor:
    """Return Cholesky factors of correlation matrices drawn from LKJ's distribution, shape (*batch, n, n).

    Source: the onion method of Lewandowski, Kurowicka and Joe, "Generating random correlation matrices
    based on vines and extended onion method" (2009): row k of the factor is a direction, uniform on the
    sphere, of squared length Beta(k/2, eta + (n - 1 - k)/2).
    """
    keys = pt.random.split(key, 2)
    k = np.arange(1.0, n)
    shape = (*batch, n - 1)
    lengths = pt.random.beta(keys[0], shape, k / 2.0, pt.expand_dims(eta, -1) + (n - 1 - k) / 2.0)
    z = pt.random.normal(keys[1], (*batch, n - 1, n - 1)) * np.tril(np.ones((n - 1, n - 1)))
    z = z * pt.expand_dims(pt.sqrt(lengths / pt.sum(pt.square(z), axis=-1)), -1)
    # Under a row of zeros, and left of the diagonal, which takes what remains of the length 1.
    below = pt.pad(z, [*[(0, 0)] * len(batch), (1, 0), (0, 1)])
    last = pt.sqrt(pt.concatenate([pt.ones((*batch, 1)), 1.0 - lengths], axis=-1))
    return below + pt.expand_dims(last, -1) * np.eye(n)


def _count(title: str, n: Any) -> int:
    """The number of rows, which must be known when the variable is made."""
    x = as_tensor(n)
    if not isinstance(x.op, Constant) or x.ndim or float(x.op.value) != int(x.op.value) or int(x.op.value) < 1:
        raise ModelError(f"{title}: n must be a whole number, at least 1, got {n!r}", "it is the number of rows of the matrix, which does not follow data")
    return int(x.op.value)


class LKJCorr(Distribution):
    """LKJ distribution of correlation matrices, as the vector of what stands above the diagonal.

        f(C) is in proportion to det(C)**(eta - 1)

    Parameters
    ----------
    n
        Rows of the matrix, a number.
    eta
        Concentration, > 0: 1 for a uniform distribution over correlation matrices, more for smaller
        correlations.
    return_matrix
        Return the matrix, shape ``(..., n, n)``, made of the variable, not the variable.

    Notes
    -----
    Shape ``(..., n * (n - 1) / 2)``: row by row above the diagonal. Each correlation is a Beta(b, b)
    variable scaled to (-1, 1), with ``b = eta - 1 + n / 2``. Every unconstrained value makes a
    positive-definite matrix, by the partial correlations of its Cholesky factor. In PyMC each
    correlation goes from -1 to 1 by itself, and most points of n = 4 have no density; its normalising
    constant has the opposite of the right sign.

    Source: Lewandowski, Kurowicka and Joe, "Generating random correlation matrices based on vines and
    extended onion method" (2009).

    Examples
    --------
    >>> LKJCorr.dist(n=3, eta=2.0).type.shape
    (3,)
    >>> LKJCorr.dist(n=3, eta=2.0, return_matrix=True).type.shape
    (3, 3)
    """

    parameters = ("eta",)
    domains = {"eta": positive}
    event_rank = 1
    support = CORRELATIONS
    n: ClassVar[int] = 0

    def __new__(cls, name: Any = None, n: Any = None, eta: Any = None, *, return_matrix: bool = False, **kwargs: Any) -> Any:
        vector = super().__new__(cls, name, n=n, eta=eta, **kwargs)
        return correlation_matrix(vector, _count("LKJCorr", n)) if return_matrix else vector

    @classmethod
    def dist(  # type: ignore[override]
        cls, n: Any, eta: Any, *, return_matrix: bool = False, shape: Any = None, size: Any = None
    ) -> Tensor:
        count = _count("LKJCorr", n)
        vector = LKJCorr.with_fields(n=count).variable([cast_real(eta)], shape, size)
        return correlation_matrix(vector, count) if return_matrix else vector

    @classmethod
    def event_shape(cls, *parameters: Tensor) -> tuple[int, ...]:
        return (cls.n * (cls.n - 1) // 2,)

    @classmethod
    def logp(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        (eta,) = parameters
        factor = pt.linalg.cholesky(correlation_matrix(value, cls.n))
        # A correlation outside of [-1, 1] makes no factor either.
        exists = positive_diagonal(factor)
        return pt.where(exists, cls.logp_of_log_det(2.0 * log_diagonal(factor), eta), -INF)

    @classmethod
    def logp_of_log_det(cls, log_det: Tensor, eta: Tensor) -> Tensor:
        """Log-density of matrices by the logarithms of their determinants."""
        return (eta - 1.0) * log_det - _log_integral(eta, cls.n)

    @classmethod
    def draw(cls, key: Tensor, shape: tuple[int, ...], *parameters: Tensor) -> Tensor:
        factor = correlation_factor(key, shape[:-1], cls.n, parameters[0])
        whole = pt.matmul(factor, pt.matrix_transpose(factor))
        rows, columns = np.triu_indices(cls.n, 1)
        return whole[..., rows, columns]

    @classmethod
    def support_point(cls, *parameters: Tensor) -> Tensor:
        return pt.zeros(cls.event_shape())


class LKJCholeskyCov(Distribution):
    """Covariance matrix with LKJ-distributed correlations, as its Cholesky factor.

        f(L) = LKJ(C | eta) * prod(g(sigma)) * abs(J),
            with L @ L.T = diag(sigma) @ C @ diag(sigma), g the density of sd_dist and J the Jacobian

    Parameters
    ----------
    eta
        Concentration of the correlations, > 0: 1 for a uniform distribution over them, more for
        smaller ones.
    n
        Rows of the matrix, a number.
    sd_dist
        Distribution of the standard deviations, made by ``.dist()``: of numbers, or of vectors of
        length `n`.
    compute_corr
        Return ``(chol, corr, stds)``: the factor as a matrix, and the correlations and standard
        deviations that it makes. Otherwise return the variable itself, packed.
    store_in_trace
        Keep `corr` and `stds` as deterministics of the model, ``<name>_corr`` and ``<name>_stds``.

    Notes
    -----
    Shape of the variable ``(..., n * (n + 1) / 2)``: the rows of the lower triangle, one after the
    other; :func:`expand_packed_triangular` makes it a matrix.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     chol, corr, stds = LKJCholeskyCov("chol", eta=2.0, n=3, sd_dist=pm.Exponential.dist(1.0))
    >>> chol.type.shape, stds.type.shape, list(model.initial_point())
    ((3, 3), (3,), ['chol_cholesky-cov-packed__'])
    """

    parameters = ("eta",)
    domains = {"eta": positive}
    event_rank = 1
    support = CHOLESKY_COVARIANCE
    n: ClassVar[int] = 0
    sd_dist: ClassVar[Draw | None] = None

    def __new__(
        cls, name: Any = None, eta: Any = None, n: Any = None, sd_dist: Any = None, *, compute_corr: bool = True,
        store_in_trace: bool = True, **kwargs: Any,
    ) -> Any:  # fmt: skip
        packed = super().__new__(cls, name, eta=eta, n=n, sd_dist=sd_dist, compute_corr=False, **kwargs)
        if not compute_corr:
            return packed
        chol, corr, stds = cls.helper_deterministics(_count("LKJCholeskyCov", n), packed)
        if store_in_trace:
            corr = register_deterministic[0](f"{name}_corr", corr)
            stds = register_deterministic[0](f"{name}_stds", stds)
        return chol, corr, stds

    @classmethod
    def dist(  # type: ignore[override]
        cls, eta: Any, n: Any, sd_dist: Any, *, compute_corr: bool = True, shape: Any = None, size: Any = None
    ) -> Any:
        count = _count("LKJCholeskyCov", n)
        draw, inner = component("LKJCholeskyCov: sd_dist", sd_dist)
        rank = draw.distribution.event_rank
        wanted = (*draw.shape[:-1], count) if draw.shape or rank else (count,)
        if rank > 1 or draw.shape not in ((), wanted):
            raise ShapeError(
                f"LKJCholeskyCov: sd_dist has shape {draw.shape}, there are {count} standard deviations",
                "give a distribution of numbers, or of vectors of that length",
            )
        # The last axis of the parameters, too, runs over the standard deviations.
        ranks = [min(p.ndim, max(r, 1)) if not rank else r for p, r in zip(inner, ranks_of(draw))]
        made = LKJCholeskyCov.with_fields(
            n=count, sd_dist=draw, parameters=("eta", *names_of(draw, "sd_dist")), ranks=(0, *ranks)
        )
        packed = made.variable([cast_real(eta), *inner], shape, size)
        return cls.helper_deterministics(count, packed) if compute_corr else packed

    @classmethod
    def helper_deterministics(cls, n: int, packed_chol: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the factor as a matrix, the correlations, and the standard deviations."""
        chol = unpacked(packed_chol, n)
        stds = pt.sqrt(pt.sum(pt.square(chol), axis=-1))
        rows = chol / pt.expand_dims(stds, -1)
        return chol, pt.matmul(rows, pt.matrix_transpose(rows)), stds

    @classmethod
    def _sd(cls, parameters: tuple[Tensor, ...]) -> Component:
        assert cls.sd_dist is not None
        return cls.sd_dist, parameters[1:]

    @classmethod
    def event_shape(cls, *parameters: Tensor) -> tuple[int, ...]:
        return (cls.n * (cls.n + 1) // 2,)

    @classmethod
    def checks(cls, *parameters: Tensor) -> list[Check]:
        of_sd = component_checks("sd_dist", cls._sd(parameters), over_last=cls._sd(parameters)[0].distribution.event_rank == 0)
        return [(parameters[0] > 0.0, "eta must be positive"), *of_sd]

    @classmethod
    def logp(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        eta, n = parameters[0], cls.n
        on, below = packed_diagonal(n), np.setdiff1d(np.arange(n * (n + 1) // 2), packed_diagonal(n))
        diagonal = value[..., on]
        inside = pt.all(diagonal > 0.0, axis=-1)
        log_diagonal = pt.log(pt.where(pt.expand_dims(inside, -1), diagonal, 1.0))
        # Squared standard deviations are sums of squared rows, whose diagonals may be too large or small to be squared.
        rest = pt.sum(pt.square(unpacked(value[..., below], n, strict=True)), axis=-1)
        some = rest > 0.0
        ratio = pt.where(some, pt.softplus(pt.log(pt.where(some, rest, 1.0)) - 2.0 * log_diagonal), 0.0)
        # Diagonal of the correlations' factor. Row i of it has i free elements, each shrunk by its standard deviation.
        log_corr = -0.5 * ratio
        log_sd, part = log_diagonal - log_corr, cls._sd(parameters)
        of_sd = logp_of(part, pt.exp(log_sd))
        of_sd = pt.sum(of_sd, axis=-1) if part[0].distribution.event_rank == 0 else of_sd
        i = np.arange(float(n))
        exponents = 2.0 * pt.expand_dims(eta, -1) - 2.0 + (n - i)
        total = pt.sum(exponents * log_corr - i * log_sd, axis=-1) - _log_integral(eta, n) + of_sd
        return pt.where(inside, total, -INF)

    @classmethod
    def draw(cls, key: Tensor, shape: tuple[int, ...], *parameters: Tensor) -> Tensor:
        keys = pt.random.split(key, 2)
        batch = shape[:-1]
        sd = draw_of(cls._sd(parameters), keys[0], (*batch, cls.n))
        factor = correlation_factor(keys[1], batch, cls.n, parameters[0]) * pt.expand_dims(sd, -1)
        rows, columns = np.tril_indices(cls.n)
        return factor[..., rows, columns]

    @classmethod
    def support_point(cls, *parameters: Tensor) -> Tensor:
        point = np.zeros(cls.event_shape())
        point[packed_diagonal(cls.n)] = 1.0
        return pt.constant(point)
