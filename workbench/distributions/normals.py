"""Normal and Student's t distributions of vectors, and normal ones of matrices and of Kronecker products."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, ClassVar

import workbench.tensor as pt
from workbench.distributions.batch_shapes import alike
from workbench.distributions.constraints import Check, Constraint, positive
from workbench.distributions.distribution import Distribution, cast_real
from workbench.distributions.formulas import log1p_squares
from workbench.errors import ModelError, ShapeError
from workbench.graph.frozen import changed, frozen
from workbench.graph.lengths import differ
from workbench.graph.types import Shape
from workbench.tensor.shape import extent, reshape_like
from workbench.tensor.tensor import Tensor

LOG_TWO_PI = math.log(2.0 * math.pi)


# How a matrix spreads vectors -----------------------------------------------------------------


@frozen
class Spread:
    """A matrix parameter, seen as the square root A of a covariance matrix A A'.

    Attributes
    ----------
    whiten
        Vectors times the inverse of A.
    colour
        Vectors times A.
    log_det
        The logarithm of the determinant of A.
    constraint
        What the matrix must satisfy.
    """

    whiten: Callable[[Tensor, Tensor], Tensor]
    colour: Callable[[Tensor, Tensor], Tensor]
    log_det: Callable[[Tensor], Tensor]
    constraint: Constraint


def _diagonal(matrix: Tensor) -> Tensor:
    return pt.diagonal(matrix, axis1=-2, axis2=-1)


def log_diagonal(factor: Tensor) -> Tensor:
    """Return the logarithm of the determinant of triangles."""
    return pt.sum(pt.log(_diagonal(factor)), axis=-1)


def times(factor: Tensor, x: Tensor) -> Tensor:
    """Return matrices times vectors, over the last axes: shape (..., n)."""
    # One matrix meets all vectors in one product.
    return pt.matmul(x, pt.matrix_transpose(factor)) if factor.ndim == 2 else pt.matvec(factor, x)


def solved(factor: Tensor, x: Tensor, trans: int = 0) -> Tensor:
    """Return the inverse (or its transpose) of lower triangles times vectors, over the last axes."""
    if factor.ndim > 2 or x.ndim == 1:
        return pt.linalg.solve_triangular(factor, x, lower=True, trans=trans, b_ndim=1)
    # One matrix solves for all vectors at once.
    rows = x if x.ndim == 2 else pt.reshape(x, (-1, extent(factor, -1)))
    made = pt.matrix_transpose(pt.linalg.solve_triangular(factor, pt.matrix_transpose(rows), lower=True, trans=trans, b_ndim=2))
    return made if x.ndim == 2 else reshape_like(made, x)


def positive_diagonal(factor: Tensor) -> Tensor:
    """Return whether triangles have a positive diagonal: a matrix without a Cholesky factor has NaN there."""
    diagonal = _diagonal(factor)
    # Rules take the diagonal of a factor for positive, and would drop the comparison alone, with the NaN.
    return pt.all(pt.logical_and(diagonal > 0.0, pt.isfinite(diagonal)), axis=-1)


def positive_definite(matrix: Tensor) -> Tensor:
    """Return whether symmetric matrices have a Cholesky factor."""
    return positive_diagonal(pt.linalg.cholesky(matrix))


POSITIVE_DEFINITE = Constraint("positive definite", positive_definite)
POSITIVE_DIAGONAL = Constraint("a Cholesky factor, with a positive diagonal", positive_diagonal)

COVARIANCE = Spread(
    whiten=lambda cov, x: solved(pt.linalg.cholesky(cov), x),
    colour=lambda cov, x: times(pt.linalg.cholesky(cov), x),
    log_det=lambda cov: log_diagonal(pt.linalg.cholesky(cov)),
    constraint=POSITIVE_DEFINITE,
)
CHOLESKY = Spread(whiten=solved, colour=times, log_det=log_diagonal, constraint=POSITIVE_DIAGONAL)
# A precision matrix T T': the covariance's root is the inverse of T', and T' whitens.
PRECISION = Spread(
    whiten=lambda tau, x: times(pt.matrix_transpose(pt.linalg.cholesky(tau)), x),
    colour=lambda tau, x: solved(pt.linalg.cholesky(tau), x, trans=1),
    log_det=lambda tau: -log_diagonal(pt.linalg.cholesky(tau)),
    constraint=POSITIVE_DEFINITE,
)


def one_of(title: str, **given: Any) -> tuple[str, Any]:
    """Return the name and value of the one argument that is given.

    Raises
    ------
    ModelError
        If none or more than one is.
    """
    found = [(name, value) for name, value in given.items() if value is not None]
    if len(found) != 1:
        names = list(given)
        raise ModelError(
            f"{title}: give one of {', '.join(names[:-1])} and {names[-1]}"
            + (f", not {' and '.join(name for name, _ in found)}" if found else ""),
            "they are different ways to say the same",
        )
    return found[0]


def square(title: str, name: str, matrix: Any) -> Tensor:
    """Return a matrix parameter.

    Raises
    ------
    ShapeError
        If it is not square, over its last two axes.
    """
    x = cast_real(matrix)
    if x.ndim < 2 or not alike(x.type.shape[-1:], x.type.shape[-2:-1]):
        raise ShapeError(f"{title}: {name} must be a square matrix, it has shape {x.type.shape}")
    return x


def widened_mean(mean: Tensor, *event: Any) -> Tensor:
    """A mean, repeated to the lengths of one draw."""
    return pt.broadcast_to(mean, (*[extent(mean, i) for i in range(mean.ndim - len(event))], *event))


def _mean(title: str, mu: Any, matrix: Tensor) -> Tensor:
    """The mean as vectors of the matrix's length."""
    mean = cast_real(mu)
    n = matrix.type.shape[-1]
    if mean.ndim and mean.type.shape[-1] != 1 and differ(mean.type.shape[-1], n):
        raise ShapeError(f"{title}: mu has shape {mean.type.shape}, and the matrix is {n} by {n}")
    if mean.ndim and mean.type.shape[-1] == n:
        return mean
    return widened_mean(mean, extent(matrix, -1))


def _matrix_of(title: str, chol: Any, lower: bool, **others: Any) -> tuple[str, Tensor]:
    """The name and value of the matrix among its parametrisations; of a factor, the lower one."""
    name, matrix = one_of(title, **others, chol=chol)
    made = square(title, name, matrix)
    return name, pt.matrix_transpose(made) if name == "chol" and not lower else made


# Vectors --------------------------------------------------------------------------------------


class MvNormal(Distribution):
    """Multivariate normal distribution.

        f(x) = exp(-(x - mu) @ inv(cov) @ (x - mu) / 2) / sqrt((2 * pi)**k * det(cov)), for any x

    Parameters
    ----------
    mu
        Mean, shape ``(..., k)``; a scalar stands for k equal elements. 0 by default.
    cov
        Covariance matrix, positive definite, shape ``(..., k, k)``. Its lower triangle is read.
    tau
        Precision matrix, the inverse of `cov`: an alternative to it.
    chol
        Cholesky factor of `cov`: an alternative that needs no factorisation.
    lower
        Whether `chol` is the lower factor; its transpose is taken if not.
    method
        How draws are made of `cov`: by its "cholesky" factor, or by its eigenvectors ("eigh", "svd"), for which it need not be more
        than positive semi-definite.

    Notes
    -----
    Shape ``(..., k)``. Mean `mu`, covariance `cov`. A variable given by `tau` or `chol` shows as
    ``PrecisionMvNormal`` or ``CholeskyMvNormal``: each has its own formula, without an inverse.

    Examples
    --------
    >>> from workbench.transforms.logprob import logp
    >>> x = MvNormal.dist(mu=[0.0, 1.0], cov=[[1.0, 0.5], [0.5, 2.0]])
    >>> x.type.shape
    (2,)
    >>> round(float(logp(x, [0.0, 1.0]).eval()), 4)
    -2.1177
    """

    parameters: ClassVar[tuple[str, ...]] = ("mu", "cov")
    event_rank = 1
    ranks: ClassVar[tuple[int, ...]] = (1, 2)
    spread: ClassVar[Spread] = COVARIANCE

    @classmethod
    def dist(  # type: ignore[override]
        cls, mu: Any = 0.0, cov: Any = None, *, tau: Any = None, chol: Any = None, lower: bool = True,
        method: str = "cholesky", shape: Any = None, size: Any = None,
    ) -> Tensor:  # fmt: skip
        if method not in ("cholesky", "eigh", "svd"):
            raise ModelError(f"MvNormal: there is no method {method!r}", "it is 'cholesky', 'eigh' or 'svd'", argument="method")
        name, matrix = _matrix_of("MvNormal", chol, lower, cov=cov, tau=tau)
        made = SemidefiniteMvNormal if name == "cov" and method != "cholesky" else NORMALS[name]
        return made.variable([_mean("MvNormal", mu, matrix), matrix], shape, size)

    @classmethod
    def event_shape(cls, *parameters: Tensor) -> Shape:
        return parameters[-1].type.shape[-1:]

    @classmethod
    def checks(cls, *parameters: Tensor) -> list[Check]:
        constraint = cls.spread.constraint
        return [*super().checks(*parameters), (constraint.holds(parameters[-1]), f"{cls.parameters[-1]} must be {constraint.text}")]

    @classmethod
    def logp(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        *_, mu, matrix = parameters
        return cls.noise_logp(cls.spread.whiten(matrix, value - mu), *parameters) - cls.spread.log_det(matrix)

    @classmethod
    def noise_logp(cls, z: Tensor, *parameters: Tensor) -> Tensor:
        """Log-density of draws with location 0 and the identity as their matrix."""
        return -0.5 * LOG_TWO_PI * extent(parameters[-1], -1) - 0.5 * pt.sum(pt.square(z), axis=-1)

    @classmethod
    def draw(cls, key: Tensor, shape: tuple[int, ...], *parameters: Tensor) -> Tensor:
        mu, matrix = parameters
        return mu + cls.spread.colour(matrix, pt.random.normal(key, shape))

    @classmethod
    def support_point(cls, *parameters: Tensor) -> Tensor:
        return parameters[0]


class CholeskyMvNormal(MvNormal):
    """:class:`MvNormal` given by the Cholesky factor of its covariance matrix.

    Examples
    --------
    >>> pm.MvNormal.dist(np.zeros(2), chol=np.eye(2)).op.distribution.__name__
    'CholeskyMvNormal'
    """

    parameters = ("mu", "chol")
    spread = CHOLESKY


class PrecisionMvNormal(MvNormal):
    """:class:`MvNormal` given by its precision matrix.

    Examples
    --------
    >>> pm.MvNormal.dist(np.zeros(2), tau=np.eye(2)).op.distribution.__name__
    'PrecisionMvNormal'
    """

    parameters = ("mu", "tau")
    spread = PRECISION


class SemidefiniteMvNormal(MvNormal):
    """:class:`MvNormal` whose covariance matrix may have no Cholesky factor: it is drawn by eigenvectors, and has then no density."""

    spread = changed(COVARIANCE, colour=lambda cov, x: times(_root(cov), x))

    @classmethod
    def checks(cls, *parameters: Tensor) -> list[Check]:
        return [(pt.all(pt.isfinite(parameters[-1]), axis=(-2, -1)), "cov must be finite")]

    @classmethod
    def density(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        return MvNormal.density(value, *parameters)


def _root(cov: Tensor) -> Tensor:
    """A square root of matrices by their eigenvectors; what rounding made negative is 0."""
    values, vectors = pt.linalg.eigh(cov)
    return vectors * pt.expand_dims(pt.sqrt(pt.maximum(values, 0.0)), -2)


NORMALS = {"cov": MvNormal, "chol": CholeskyMvNormal, "tau": PrecisionMvNormal}


class MvStudentT(MvNormal):
    """Multivariate Student's t distribution.

        f(x) = Gamma((nu + k) / 2) / (Gamma(nu / 2) * sqrt((nu * pi)**k * det(scale))) * (1 + (x - mu) @ inv(scale)
            @ (x - mu) / nu)**(-(nu + k) / 2),
            for any x

    Parameters
    ----------
    nu
        Degrees of freedom, > 0.
    Sigma, scale
        Scale matrix, positive definite, shape ``(..., k, k)``: two names of one parameter. It is not
        the covariance matrix, which is ``nu / (nu - 2)`` times it.
    mu
        Location, shape ``(..., k)``; a scalar stands for k equal elements. 0 by default.
    tau
        Inverse of the scale matrix: an alternative.
    chol
        Cholesky factor of the scale matrix: an alternative that needs no factorisation.
    lower
        Whether `chol` is the lower factor; its transpose is taken if not.

    Notes
    -----
    Shape ``(..., k)``. Mean `mu` for ``nu > 1``.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     x = pm.MvStudentT("x", nu=5.0, mu=[0.0, 0.0], scale=[[1.0, 0.5], [0.5, 1.0]])
    """

    parameters = ("nu", "mu", "scale")
    domains = {"nu": positive}
    ranks = (0, 1, 2)

    @classmethod
    def dist(  # type: ignore[override]
        cls, nu: Any, *, Sigma: Any = None, mu: Any = 0.0, scale: Any = None, tau: Any = None, chol: Any = None,
        lower: bool = True, shape: Any = None, size: Any = None,
    ) -> Tensor:  # fmt: skip
        named = [value for value in (Sigma, scale) if value is not None]
        if len(named) > 1:
            raise ModelError("MvStudentT: give one of Sigma and scale", "they are two names of one parameter")
        name, matrix = _matrix_of("MvStudentT", chol, lower, scale=named[0] if named else None, tau=tau)
        return STUDENTS[name].variable([cast_real(nu), _mean("MvStudentT", mu, matrix), matrix], shape, size)

    @classmethod
    def noise_logp(cls, z: Tensor, *parameters: Tensor) -> Tensor:
        nu, _, matrix = parameters
        k = extent(matrix, -1)
        # Gamma((nu + k) / 2) / Gamma(nu / 2), which does not cancel for large nu.
        half = 0.5 * pt.cast(k, "float64")
        constant = pt.gammaln(half) - pt.betaln(0.5 * nu, half) - half * pt.log(nu * math.pi)
        return constant - 0.5 * (nu + k) * log1p_squares(z, nu)

    @classmethod
    def draw(cls, key: Tensor, shape: tuple[int, ...], *parameters: Tensor) -> Tensor:
        nu, mu, matrix = parameters
        keys = pt.random.split(key, 2)
        z = cls.spread.colour(matrix, pt.random.normal(keys[0], shape))
        chi_square = pt.random.chi_square(keys[1], shape[:-1], nu)
        return mu + z * pt.expand_dims(pt.sqrt(nu / chi_square), -1)

    @classmethod
    def support_point(cls, *parameters: Tensor) -> Tensor:
        return parameters[1]


class CholeskyMvStudentT(MvStudentT):
    """:class:`MvStudentT` given by the Cholesky factor of its scale matrix.

    Examples
    --------
    >>> pm.MvStudentT.dist(nu=4.0, mu=np.zeros(2), chol=np.eye(2)).op.distribution.__name__
    'CholeskyMvStudentT'
    """

    parameters = ("nu", "mu", "chol")
    spread = CHOLESKY


class PrecisionMvStudentT(MvStudentT):
    """:class:`MvStudentT` given by the inverse of its scale matrix.

    Examples
    --------
    >>> pm.MvStudentT.dist(nu=4.0, mu=np.zeros(2), tau=np.eye(2)).op.distribution.__name__
    'PrecisionMvStudentT'
    """

    parameters = ("nu", "mu", "tau")
    spread = PRECISION


STUDENTS = {"scale": MvStudentT, "chol": CholeskyMvStudentT, "tau": PrecisionMvStudentT}
