"""Diagonals and triangles of matrices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from workbench.errors import ShapeError
from workbench.graph.expr import Expr, Op, intern
from workbench.graph.frozen import frozen
from workbench.graph.lengths import Size, maximum, minimum
from workbench.graph.types import TensorType
from workbench.tensor import elementwise as _e
from workbench.tensor import shape as _s
from workbench.tensor.shape.lengths import OfLengths, divided, filled, filled_with_values
from workbench.tensor.tensor import Tensor, as_tensor, floatX


def _length(n: Size, m: Size, offset: int) -> Size:
    """How many elements a diagonal of an `n` by `m` matrix has."""
    return maximum(0, minimum(n + min(offset, 0), m - max(offset, 0)))


def _corner(offset: int) -> tuple[int, int]:
    """Row and column where a diagonal begins."""
    return max(-offset, 0), max(offset, 0)


@frozen
class Eye(OfLengths):
    """Ones on a diagonal of a matrix, zeros elsewhere; its lengths that are ``None`` are the inputs."""

    shape: tuple[int | None, int | None]
    offset: int
    to: str
    name = "eye"
    of_values = 0

    def infer_from(self, inputs: tuple[Expr, ...]) -> TensorType:
        return TensorType(self.to, filled(self.shape, inputs))

    def numpy(self, *numbers: Any) -> Any:
        n, m = filled_with_values(self.shape, numbers, "eye")
        return np.eye(n, m, self.offset, dtype=self.to)

    def jax(self, *numbers: Any) -> Any:
        import jax.numpy as jnp

        n, m = filled_with_values(self.shape, numbers, "eye")
        return jnp.eye(n, m, self.offset, dtype=self.to)

    def grad(self, node: Expr, cotangent: Tensor) -> Sequence[Expr | None]:
        return [None] * len(node.inputs)

    def element(self, builder: Any, node: Expr, index: Sequence[Any]) -> Any:
        row, column = (_s.arange(n) for n in _s.extents(node))
        formula = _e.cast(_e.equal(_s.expand_dims(row, 1) + np.int64(self.offset), column), self.to)
        return builder.element(formula, index)


@frozen
class Diagonal(Op):
    """A diagonal of the last two axes."""

    offset: int
    name = "diagonal"

    def infer(self, x: TensorType) -> TensorType:
        return x.with_shape((*x.shape[:-2], _length(x.shape[-2], x.shape[-1], self.offset)))

    def numpy(self, x: Any) -> Any:
        return np.diagonal(x, self.offset, -2, -1)

    def jax(self, x: Any) -> Any:
        import jax.numpy as jnp

        return jnp.diagonal(x, self.offset, -2, -1)

    def grad(self, node: Expr, cotangent: Tensor) -> Sequence[Expr | None]:
        return [intern(SetDiagonal(self.offset), (_s.zeros_like(node.inputs[0]), _s.whole(cotangent, node)))]

    def element(self, builder: Any, node: Expr, index: Sequence[Any]) -> Any:
        return builder.element(node.inputs[0], _on_diagonal(builder, index, self.offset))


def _on_diagonal(builder: Any, index: Sequence[Any], offset: int) -> list[Any]:
    """The place in a matrix of an element of its diagonal."""
    ends = [builder.slice_index([index[-1]], [(start, 2, 1)])[0] for start in _corner(offset)]
    return [*index[:-1], *ends]


@frozen
class SetDiagonal(Op):
    """Matrices with other values on a diagonal."""

    offset: int
    name = "set_diagonal"

    def infer(self, x: TensorType, value: TensorType) -> TensorType:
        return x

    def numpy(self, x: Any, value: Any) -> Any:
        result = np.array(x)
        i = np.arange(np.shape(value)[-1])
        row, column = _corner(self.offset)
        result[..., i + row, i + column] = value
        return result

    def jax(self, x: Any, value: Any) -> Any:
        i = np.arange(value.shape[-1])
        row, column = _corner(self.offset)
        return x.at[..., i + row, i + column].set(value)

    def grad(self, node: Expr, cotangent: Tensor) -> Sequence[Expr | None]:
        g = _s.whole(cotangent, node)
        kept = intern(self, (g, _s.zeros_like(node.inputs[1])))
        return [kept, intern(Diagonal(self.offset), (g,))]

    def accumulate(self, builder: Any, node: Expr) -> None:
        x, value = node.inputs

        def body(index: Sequence[Any]) -> tuple[Sequence[Any], Any]:
            return _on_diagonal(builder, index, self.offset), builder.element(value, index)

        builder.accumulate(node, value.type.shape, body, None, start=x)


@frozen
class DiagonalMatrix(Op):
    """Square matrices with vectors on a diagonal and zeros elsewhere."""

    offset: int
    name = "diagonal_matrix"

    def infer(self, v: TensorType) -> TensorType:
        n = v.shape[-1]
        side = n + abs(self.offset)
        return v.with_shape((*v.shape[:-1], side, side))

    def numpy(self, v: Any) -> Any:
        n = np.shape(v)[-1]
        side = n + abs(self.offset)
        result = np.zeros((*np.shape(v)[:-1], side, side), np.asarray(v).dtype)
        row, column = _corner(self.offset)
        result[..., np.arange(n) + row, np.arange(n) + column] = v
        return result

    def jax(self, v: Any) -> Any:
        import jax.numpy as jnp

        n = v.shape[-1]
        side = n + abs(self.offset)
        row, column = _corner(self.offset)
        zeros = jnp.zeros((*v.shape[:-1], side, side), v.dtype)
        return zeros.at[..., np.arange(n) + row, np.arange(n) + column].set(v)

    def grad(self, node: Expr, cotangent: Tensor) -> Sequence[Expr | None]:
        return [intern(Diagonal(self.offset), (_s.whole(cotangent, node),))]

    def accumulate(self, builder: Any, node: Expr) -> None:
        (v,) = node.inputs

        def body(index: Sequence[Any]) -> tuple[Sequence[Any], Any]:
            return _on_diagonal(builder, index, self.offset), builder.element(v, index)

        builder.accumulate(node, v.type.shape, body, None, start=0)


def eye(N: Any, M: Any = None, k: int = 0, dtype: str = floatX) -> Tensor:
    """Return an `N` by `M` matrix (square by default) with ones on its `k`-th diagonal.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> pt.eye(2).eval()
    array([[1., 0.],
           [0., 1.]])
    """
    shape, numbers = divided(_s.lengths((N, N if M is None else M), "eye"))
    return intern(Eye(shape, int(k), np.dtype(dtype).name), numbers)  # type: ignore[arg-type]


def identity(n: Any, dtype: str = floatX) -> Tensor:
    """Return the `n` by `n` matrix with ones on its diagonal.

    Examples
    --------
    >>> pt.identity(2).eval().tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    return eye(n, dtype=dtype)


def diagonal(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """Return a diagonal of the planes of two axes, as the last axis of the result.

    Raises
    ------
    ShapeError
        If there are not two axes.

    Examples
    --------
    >>> pt.diagonal([[1.0, 2.0], [3.0, 5.0]]).eval().tolist()
    [1.0, 5.0]
    """
    x = as_tensor(x)
    a, b = _s.axes_of("diagonal", (axis1, axis2), x.ndim)
    moved = _s.transpose(x, [*(i for i in range(x.ndim) if i not in (a, b)), a, b])
    return intern(Diagonal(int(offset)), (moved,))


def diag(x: Any, k: int = 0) -> Tensor:
    """Return the `k`-th diagonal of a matrix, or the matrix with a vector as its `k`-th diagonal.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> pt.diag([1, 2]).eval()
    array([[1, 0],
           [0, 2]])
    """
    x = as_tensor(x)
    if x.ndim == 1:
        return intern(DiagonalMatrix(int(k)), (x,))
    if x.ndim == 2:
        return intern(Diagonal(int(k)), (x,))
    raise ShapeError(f"diag takes a vector or a matrix, not a tensor of shape {x.type.shape}", "diagonal takes any")


def diagflat(x: Any, k: int = 0) -> Tensor:
    """Return the matrix with the elements of `x`, row-major, as its `k`-th diagonal.

    Examples
    --------
    >>> pt.diagflat([1, 2]).eval().tolist()
    [[1, 0], [0, 2]]
    """
    return intern(DiagonalMatrix(int(k)), (_s.ravel(x),))


def trace(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None) -> Tensor:
    """Return the sums of a diagonal of the planes of two axes (of `linalg.trace`: the last two).

    Raises
    ------
    ShapeError
        If there are not two axes.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> int(pt.trace([[1, 2], [3, 4]]).eval())
    5
    """
    from workbench.tensor.reduction.reductions import sum

    return sum(diagonal(x, offset, axis1, axis2), axis=-1, dtype=dtype)


def fill_diagonal(x: Any, val: Any, k: int = 0) -> Tensor:
    """Return matrices with other values on their `k`-th diagonal.

    NumPy's function writes into its argument; an expression does not change, so this returns the new
    one.

    Parameters
    ----------
    x
        Matrices, shape (..., n, m).
    val
        Broadcasts to the diagonal.

    Examples
    --------
    >>> pt.fill_diagonal([[1, 2], [3, 4]], 0).eval().tolist()
    [[0, 2], [3, 0]]
    """
    x = as_tensor(x)
    if x.ndim < 2:
        raise ShapeError(f"fill_diagonal takes matrices, not a tensor of shape {x.type.shape}")
    part = intern(Diagonal(int(k)), (x,))
    given = _e.cast(as_tensor(val), x.dtype)
    return intern(SetDiagonal(int(k)), (x, _s.broadcast_like(given, part)))


def tri(N: int, M: int | None = None, k: int = 0, dtype: str = floatX) -> Tensor:
    """Return an `N` by `M` matrix with ones on and below its `k`-th diagonal.

    Examples
    --------
    >>> pt.tri(2).eval().tolist()
    [[1.0, 0.0], [1.0, 1.0]]
    """
    row, column = _s.arange(N), _s.arange(N if M is None else M)
    return _e.cast(_e.less_equal(column, _s.expand_dims(row, 1) + np.int64(k)), dtype)
