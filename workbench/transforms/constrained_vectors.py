"""Transforms of vectors and matrices whose elements are constrained together, in PyMC's names."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import workbench.tensor as pt
from workbench.distributions.constraints import checked
from workbench.distributions.correlation import (
    CHOLESKY_COVARIANCE,
    CORRELATIONS,
    LKJCorr,
    correlation_matrix,
    packed_diagonal,
    unpacked,
)
from workbench.distributions.distribution import SIMPLEX, Draw
from workbench.distributions.zero_sum import ZERO_SUM
from workbench.errors import ModelError, ShapeError
from workbench.graph.frozen import frozen
from workbench.graph.types import Shape
from workbench.tensor.shape import extent
from workbench.tensor.tensor import Tensor
from workbench.transforms.change_of_variables import BY_SUPPORT, Transform


def _one_less(shape: Shape) -> Shape:
    return (*shape[:-1], shape[-1] - 1)


@frozen
class Simplex(Transform):
    """Probabilities that sum to 1, by their logarithms less the mean of these; the last one is left out.

    All elements are treated alike (the centred log-ratio of compositional data), as in PyMC.
    """

    name = "simplex"
    event_rank = 1

    def backward(self, value: Tensor, rv: Tensor) -> Tensor:
        return pt.softmax(_with_rest(value), axis=-1)

    def forward(self, value: Tensor, rv: Tensor) -> Tensor:
        logs = pt.log(value)
        return logs[..., :-1] - pt.mean(logs, axis=-1, keepdims=True)

    def log_jacobian(self, value: Tensor, rv: Tensor) -> Tensor:
        # The determinant is K times the product of the probabilities.
        count = extent(value, -1) + 1
        return pt.log(pt.cast(count, "float64")) + pt.sum(pt.log_softmax(_with_rest(value), axis=-1), axis=-1)

    def value_shape(self, shape: Shape) -> Shape:
        return _one_less(shape)


def _with_rest(value: Tensor) -> Tensor:
    """With one element more, so that they sum to zero."""
    return pt.concatenate([value, -pt.sum(value, axis=-1, keepdims=True)], axis=-1)


@frozen
class StickBreaking(Transform):
    """Probabilities that sum to 1, by the share that each takes of what those before it have left.

    The value 0 stands for equal probabilities. Source: Stan Reference Manual, "Unit simplex".
    """

    name = "stickbreaking"
    event_rank = 1

    def backward(self, value: Tensor, rv: Tensor) -> Tensor:
        log_share, log_left = self._shares(value)
        nothing = pt.zeros_like(value[..., :1])
        taken = pt.concatenate([log_share, nothing], axis=-1)
        before = pt.concatenate([nothing, pt.cumsum(log_left, axis=-1)], axis=-1)
        return pt.exp(taken + before)

    def forward(self, value: Tensor, rv: Tensor) -> Tensor:
        after = pt.flip(pt.cumsum(pt.flip(value, -1), axis=-1), -1)[..., 1:]
        return pt.log(value[..., :-1]) - pt.log(after) + self._offsets(extent(value, -1))

    def log_jacobian(self, value: Tensor, rv: Tensor) -> Tensor:
        log_share, log_left = self._shares(value)
        before = pt.cumsum(log_left, axis=-1) - log_left
        return pt.sum(log_share + log_left + before, axis=-1)

    def value_shape(self, shape: Shape) -> Shape:
        return _one_less(shape)

    def _shares(self, value: Tensor) -> tuple[Tensor, Tensor]:
        """Logarithms of the share that is taken at each break, and of the share that is left."""
        x = value - self._offsets(extent(value, -1) + 1)
        return -pt.softplus(-x), -pt.softplus(x)

    @staticmethod
    def _offsets(count: Any) -> Tensor:
        return pt.log(pt.cast(pt.arange(count - 1, 0, -1), "float64"))


@frozen
class SumTo1(Transform):
    """Numbers that sum to 1: all but the last. Nothing keeps them positive, so the value has bounds."""

    name = "sumto1"
    event_rank = 1

    def backward(self, value: Tensor, rv: Tensor) -> Tensor:
        return pt.concatenate([value, 1.0 - pt.sum(value, axis=-1, keepdims=True)], axis=-1)

    def forward(self, value: Tensor, rv: Tensor) -> Tensor:
        return value[..., :-1]

    def log_jacobian(self, value: Tensor, rv: Tensor) -> Tensor:
        return pt.zeros_like(pt.sum(value, axis=-1))

    def value_shape(self, shape: Shape) -> Shape:
        return _one_less(shape)


@frozen
class Ordered(Transform):
    """Vectors in order: the first element, then the logarithms of the steps to the next.

    Parameters
    ----------
    positive
        All elements are positive: the first, too, is given by its logarithm.
    ascending
        The smallest comes first; the greatest if not.
    """

    positive: bool = False
    ascending: bool = True

    name = "ordered"
    event_rank = 1

    def backward(self, value: Tensor, rv: Tensor) -> Tensor:
        first = pt.exp(value[..., :1]) if self.positive else value[..., :1]
        steps = pt.concatenate([first, pt.exp(value[..., 1:])], axis=-1)
        made = pt.cumsum(steps, axis=-1)
        return made if self.ascending else pt.flip(made, -1)

    def forward(self, value: Tensor, rv: Tensor) -> Tensor:
        x = value if self.ascending else pt.flip(value, -1)
        first = pt.log(x[..., :1]) if self.positive else x[..., :1]
        return pt.concatenate([first, pt.log(x[..., 1:] - x[..., :-1])], axis=-1)

    def log_jacobian(self, value: Tensor, rv: Tensor) -> Tensor:
        return pt.sum(value if self.positive else value[..., 1:], axis=-1)

    def reaches(self, value: Tensor, rv: Tensor) -> Tensor:
        x = value if self.ascending else pt.flip(value, -1)
        in_order = pt.all(x[..., 1:] >= x[..., :-1], axis=-1)
        return pt.logical_and(in_order, x[..., 0] >= 0.0) if self.positive else in_order


class ZeroSumTransform(Transform):
    """Tensors that sum to zero along some axes: turned so that one coordinate of each axis is nothing.

    The rest keeps lengths and angles (a Householder reflection), so the Jacobian is 1.

    Parameters
    ----------
    zerosum_axes
        The axes, positive or negative integers.
    """

    name = "zerosum"

    def __init__(self, zerosum_axes: Any) -> None:
        axes = (zerosum_axes,) if isinstance(zerosum_axes, (int, np.integer)) else zerosum_axes
        self.zerosum_axes = tuple(int(a) for a in axes)
        if not self.zerosum_axes:
            raise ModelError("ZeroSumTransform: there is no axis to sum over", "ZeroSumTransform([-1]) takes the last")
        # Counted from the end where that can be told; else all axes are mapped together.
        if all(a < 0 for a in self.zerosum_axes):
            self.event_rank = -min(self.zerosum_axes)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ZeroSumTransform) and self.zerosum_axes == other.zerosum_axes

    def __hash__(self) -> int:
        return hash((ZeroSumTransform, self.zerosum_axes))

    def backward(self, value: Tensor, rv: Tensor) -> Tensor:
        for axis in self.zerosum_axes:
            n = pt.cast(extent(value, axis) + 1, "float64")
            total = pt.sum(value, axis=axis, keepdims=True)
            shift = total / (pt.sqrt(n) + n)
            value = pt.concatenate([value, shift - total / pt.sqrt(n)], axis=axis) - shift
        return value

    def forward(self, value: Tensor, rv: Tensor) -> Tensor:
        for axis in self.zerosum_axes:
            axis %= value.ndim
            n = pt.cast(extent(value, axis), "float64")
            before = (slice(None),) * axis
            shift = value[(*before, slice(-1, None))] * (pt.sqrt(n) / (pt.sqrt(n) + n))
            value = value[(*before, slice(None, -1))] - shift
        return value

    def log_jacobian(self, value: Tensor, rv: Tensor) -> Tensor:
        # Axes after the first that sums to zero are mapped together with it.
        first = min(a % value.ndim for a in self.zerosum_axes)
        return pt.zeros_like(pt.sum(value, axis=tuple(range(first, value.ndim))))

    def value_shape(self, shape: Shape) -> Shape:
        made = list(shape)
        for axis in self.zerosum_axes:
            made[axis] -= 1
        return tuple(made)


@frozen
class CholeskyCovPacked(Transform):
    """Packed Cholesky factors of covariance matrices: the logarithm of the diagonal.

    Parameters
    ----------
    n
        Rows of the matrix; vectors have ``n * (n + 1) / 2`` elements, row by row.
    """

    n: int

    name = "cholesky-cov-packed"
    event_rank = 1

    def backward(self, value: Tensor, rv: Tensor) -> Tensor:
        return pt.where(self._on_diagonal, pt.exp(value), value)

    def forward(self, value: Tensor, rv: Tensor) -> Tensor:
        # The logarithm of 1 where it is not taken: of a negative number it would be NaN, and so its gradient.
        return pt.where(self._on_diagonal, pt.log(pt.where(self._on_diagonal, value, 1.0)), value)

    def log_jacobian(self, value: Tensor, rv: Tensor) -> Tensor:
        return pt.sum(value[..., packed_diagonal(self.n)], axis=-1)

    def reaches(self, value: Tensor, rv: Tensor) -> Tensor:
        return pt.all(value[..., packed_diagonal(self.n)] >= 0.0, axis=-1)

    @property
    def _on_diagonal(self) -> Tensor:
        return pt.constant(np.isin(np.arange(self.n * (self.n + 1) // 2), packed_diagonal(self.n)))


@frozen
class CholeskyCorrelation(Transform):
    """Correlations above the diagonal of a matrix, by the partial correlations that its Cholesky factor has.

    Every unconstrained value makes a positive-definite matrix, which the interval transform of each
    correlation by itself does not. Source: Stan Reference Manual, "Cholesky factors of correlation
    matrices"; Lewandowski, Kurowicka and Joe (2009).

    Parameters
    ----------
    n
        Rows of the matrix; vectors have ``n * (n - 1) / 2`` elements, row by row above the diagonal.
    """

    n: int

    name = "cholesky-corr"
    event_rank = 1

    def factor(self, value: Tensor) -> Tensor:
        """The Cholesky factor of the correlation matrix, shape (..., n, n)."""
        log_left, z = self._breaks(value)
        # What is left of a row's squared length before each element: the elements before it took the rest.
        before = pt.cumsum(log_left, axis=-1) - log_left
        lower = unpacked(z, self.n, strict=True)
        diagonal = pt.constant(np.eye(self.n))
        return (lower + diagonal) * pt.exp(0.5 * before)

    def _breaks(self, value: Tensor) -> tuple[Tensor, Tensor]:
        """Logarithms of 1 - z^2 below the diagonal of a matrix (zeros elsewhere), and partial correlations z."""
        z = pt.tanh(value)
        # log(1 - tanh(v)^2), exact in the tails.
        log_left = 2.0 * (math.log(2.0) - value - pt.softplus(-2.0 * value))
        return unpacked(log_left, self.n, strict=True), z

    def logp(self, value: Tensor, rv: Tensor) -> Tensor:
        distribution = rv.op.distribution if isinstance(rv.op, Draw) else None
        if distribution is None or not issubclass(distribution, LKJCorr):
            return super().logp(value, rv)
        # The determinant is the product of the squared diagonal: of what the rows have left.
        log_left, _ = self._breaks(value)
        parameters = rv.inputs[1:]
        found = distribution.logp_of_log_det(pt.sum(log_left, axis=(-2, -1)), *parameters)
        return checked(distribution.__name__, found, distribution.checks(*parameters), distribution.parameters, parameters)

    def backward(self, value: Tensor, rv: Tensor) -> Tensor:
        factor = self.factor(value)
        whole = pt.matmul(factor, pt.matrix_transpose(factor))
        rows, columns = np.triu_indices(self.n, 1)
        return whole[..., rows, columns]

    def forward(self, value: Tensor, rv: Tensor) -> Tensor:
        factor = pt.linalg.cholesky(correlation_matrix(value, self.n))
        rows, columns = np.tril_indices(self.n, -1)
        squares = pt.square(factor)
        left = 1.0 - (pt.cumsum(squares, axis=-1) - squares)
        return pt.arctanh(factor[..., rows, columns] / pt.sqrt(left[..., rows, columns]))

    def log_jacobian(self, value: Tensor, rv: Tensor) -> Tensor:
        log_left, _ = self._breaks(value)
        before = pt.cumsum(log_left, axis=-1) - log_left
        rows, columns = np.tril_indices(self.n, -1)
        # tanh; then the row's remaining length; then from the factor to the matrix by the columns' diagonals.
        of_factor = pt.sum(log_left + 0.5 * unpacked(pt.ones_like(value), self.n, strict=True) * before, axis=(-2, -1))
        diagonal = 0.5 * pt.sum(log_left, axis=-1)
        counts = pt.constant(np.arange(self.n - 1, -1, -1.0))
        return of_factor + pt.sum(counts * diagonal, axis=-1)


def _draw_of(rv: Tensor) -> Any:
    if not isinstance(rv.op, Draw):
        raise ShapeError(f"{rv!r} is not a random variable")
    return rv.op.distribution


BY_SUPPORT[SIMPLEX] = lambda rv: Simplex()
BY_SUPPORT[ZERO_SUM] = lambda rv: ZeroSumTransform(range(-_draw_of(rv).event_rank, 0))
BY_SUPPORT[CHOLESKY_COVARIANCE] = lambda rv: CholeskyCovPacked(_draw_of(rv).n)
BY_SUPPORT[CORRELATIONS] = lambda rv: CholeskyCorrelation(_draw_of(rv).n)

simplex = Simplex()
stick_breaking = StickBreaking()
sum_to_1 = SumTo1()
ordered = Ordered()
