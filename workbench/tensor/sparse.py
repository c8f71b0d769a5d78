"""Sparse matrices times dense ones: a gather, a product and a scatter, which the compiler runs as one loop."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from workbench.errors import DTypeError, ShapeError
from workbench.graph.expr import Constant
from workbench.graph.frozen import frozen
from workbench.graph.lengths import one_length
from workbench.tensor import elementwise as _e
from workbench.tensor import shape as _s
from workbench.tensor.tensor import Tensor, as_tensor


@frozen(eq=False)
class SparseMatrix:
    """A matrix given by its nonzero elements: where they are is fixed, what they are may be symbolic.

    Attributes
    ----------
    data
        The elements, shape (nnz,).
    rows, columns
        Where each stands. Elements at one place add up.
    shape
        Rows and columns of the matrix.

    Examples
    --------
    >>> from scipy import sparse
    >>> type(pt.sparse.as_sparse(sparse.eye(2))).__name__
    'SparseMatrix'
    """

    data: Tensor
    rows: np.ndarray[Any, Any]
    columns: np.ndarray[Any, Any]
    shape: tuple[int, int]

    __array_priority__ = 1000.0
    __array_ufunc__ = None

    @property
    def dtype(self) -> str:
        return self.data.dtype

    @property
    def ndim(self) -> int:
        return 2

    @property
    def nnz(self) -> int:
        return len(self.rows)

    @property
    def T(self) -> SparseMatrix:
        return SparseMatrix(self.data, self.columns, self.rows, self.shape[::-1])

    def toarray(self) -> Tensor:
        """The same matrix, dense."""
        n, m = self.shape
        flat = _s.zeros((n * m,), self.dtype)
        return _s.reshape(_add_at(flat, self.rows * m + self.columns, self.data), (n, m))

    def __matmul__(self, other: Any) -> Tensor:
        return dot(self, other)

    def __rmatmul__(self, other: Any) -> Tensor:
        return dot(other, self)

    def __repr__(self) -> str:
        n, m = self.shape
        return f"SparseMatrix({n} by {m}, {self.dtype}, {self.nnz} elements)"


def _add_at(base: Tensor, index: np.ndarray[Any, Any], value: Tensor) -> Tensor:
    return base[index].inc(value) if len(index) else base


def csr(data: Any, indices: Any, indptr: Any, shape: tuple[int, int]) -> SparseMatrix:
    """Return a matrix in compressed rows, as ``scipy.sparse.csr_matrix((data, indices, indptr), shape)``.

    Parameters
    ----------
    data
        The elements, row by row, shape (nnz,); may be symbolic, and gradients flow to it.
    indices
        The column of each; constant integers.
    indptr
        Where each row starts, and the end: shape (rows + 1,); constant integers.
    shape
        Rows and columns.

    Raises
    ------
    ShapeError
        If the lengths do not fit, or an index is outside of `shape`.
    DTypeError
        If an index is not an integer, or not constant.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> d = pt.vector("d", 3)
    >>> m = pt.sparse.csr(d, [0, 2, 1], [0, 2, 3], (2, 3))
    >>> (m @ [1.0, 1.0, 1.0]).eval({"d": [1.0, 2.0, 5.0]})
    array([3., 5.])
    """
    rows, columns = _compressed("csr", data, indices, indptr, shape)
    return SparseMatrix(as_tensor(data), rows, columns, (int(shape[0]), int(shape[1])))


def csc(data: Any, indices: Any, indptr: Any, shape: tuple[int, int]) -> SparseMatrix:
    """Return a matrix in compressed columns, as ``scipy.sparse.csc_matrix((data, indices, indptr), shape)``.

    `indices` are the rows of the elements, and `indptr` says where each column starts; the rest is
    as for :func:`csr`.

    Examples
    --------
    >>> x = pt.sparse.csc([1.0, 2.0], [0, 1], [0, 1, 2], (2, 2))
    >>> pt.sparse.is_sparse(x)
    True
    """
    columns, rows = _compressed("csc", data, indices, indptr, shape[::-1])
    return SparseMatrix(as_tensor(data), rows, columns, (int(shape[0]), int(shape[1])))


def _compressed(what: str, data: Any, indices: Any, indptr: Any, shape: Any) -> tuple[Any, Any]:
    """The places of compressed elements: along the axis that is compressed, and along the other."""
    count, other = (int(n) for n in shape)
    inside, starts = (_integers(what, name, v) for name, v in (("indices", indices), ("indptr", indptr)))
    have = as_tensor(data).type.shape
    if len(have) != 1 or one_length(have[0], len(inside)) is None:
        raise ShapeError(f"{what}: data has shape {have}, and there are {len(inside)} indices", "one element an index")
    if len(starts) != count + 1 or starts[0] != 0 or starts[-1] != len(inside) or (np.diff(starts) < 0).any():
        raise ShapeError(
            f"{what}: indptr of length {len(starts)} does not part {len(inside)} elements into {count}",
            f"it must have {count + 1} ascending numbers, from 0 to {len(inside)}",
        )
    if len(inside) and not (inside.min() >= 0 and inside.max() < other):
        raise ShapeError(f"{what}: an index is {inside[(inside < 0) | (inside >= other)][0]}; they run from 0 to {other - 1}")
    return np.repeat(np.arange(count), np.diff(starts)), inside


def _integers(what: str, name: str, value: Any) -> np.ndarray[Any, Any]:
    if isinstance(value, Tensor):
        if not isinstance(value.op, Constant):
            raise DTypeError(f"{what}: {name} must be constant, not {value!r}", "where the elements are is fixed")
        value = value.op.value
    array = np.asarray(value)
    if array.size == 0:
        array = array.astype(np.int64)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise DTypeError(f"{what}: {name} must be a vector of integers, not {array.dtype} of shape {array.shape}")
    return array.astype(np.int64)


def as_sparse(value: Any) -> SparseMatrix:
    """Return a matrix or array of ``scipy.sparse``, of any format, as a constant; or a `SparseMatrix` itself.

    Raises
    ------
    TypeError
        If it is neither.

    Examples
    --------
    >>> pt.sparse.is_sparse(pt.sparse.as_sparse(__import__("scipy.sparse").sparse.eye(2)))
    True
    """
    if isinstance(value, SparseMatrix):
        return value
    if not is_sparse(value):
        raise TypeError(f"a {type(value).__name__} is no sparse matrix")
    if value.ndim != 2:
        raise ShapeError(f"a sparse array of {value.ndim} axes is no matrix")
    # Row by row, so that the loop over the elements reaches each row of the result once.
    by_rows = value.tocsr()
    return csr(by_rows.data, by_rows.indices, by_rows.indptr, by_rows.shape)


def is_sparse(value: Any) -> bool:
    """Whether a value is a sparse matrix, SciPy's or ours.

    Examples
    --------
    >>> pt.sparse.is_sparse(pt.constant([1.0]))
    False
    """
    if isinstance(value, SparseMatrix):
        return True
    # Whoever has a sparse matrix has loaded SciPy's module.
    module = sys.modules.get("scipy.sparse")
    return module is not None and bool(module.issparse(value))


def dot(x: Any, y: Any) -> Tensor:
    """Return the product of a sparse and a dense operand, in either order; dense.

    Parameters
    ----------
    x, y
        One a sparse matrix, of SciPy or made by :func:`csr` or :func:`csc`; the other a vector, a
        matrix or a stack of matrices, as for ``@``.

    Returns
    -------
    A dense tensor. Gradients flow to the dense operand, and to the elements of a matrix made of
    symbolic ones.

    Raises
    ------
    ShapeError
        If the inner lengths differ.
    TypeError
        If neither operand is sparse, or both are.

    Examples
    --------
    >>> import scipy.sparse
    >>> import workbench.tensor as pt
    >>> x = pt.vector("x", 2)
    >>> pt.sparse.dot(scipy.sparse.csr_array([[0.0, 2.0], [1.0, 0.0]]), x).eval({"x": [3.0, 4.0]})
    array([8., 3.])
    """
    if is_sparse(x) == is_sparse(y):
        raise TypeError("sparse.dot takes one sparse matrix and one dense tensor; @ multiplies dense ones")
    if is_sparse(x):
        return _times(as_sparse(x), as_tensor(y))
    dense = as_tensor(x)
    if dense.ndim < 2:
        return _times(as_sparse(y).T, dense)
    return _swap(_times(as_sparse(y).T, _swap(dense)))


def _swap(x: Tensor) -> Tensor:
    return _s.transpose(x, (*range(x.ndim - 2), x.ndim - 1, x.ndim - 2))


def _times(matrix: SparseMatrix, x: Tensor) -> Tensor:
    if x.ndim == 0:
        raise ShapeError("sparse.dot takes vectors and matrices, not scalars", "scale the elements instead")
    n, m = matrix.shape
    axis = max(x.ndim - 2, 0)
    if not isinstance(x.type.shape[axis], int):
        # Of that length, or an error at run time.
        x = _s.reshape(x, (*x.shape[:axis], m, *x.shape[axis + 1 :]))
    if x.type.shape[axis] != m:
        raise ShapeError(
            f"sparse.dot: a sparse matrix with {m} columns meets a tensor of shape {x.type.shape}: "
            f"{m} is not {x.type.shape[axis]}", "the axes that are summed over must have one length",
        )  # fmt: skip
    data, x = _e.promote("sparse.dot", matrix.data, x)
    # The axis that is summed over comes first, for the gather.
    order = [axis, *(i for i in range(x.ndim) if i != axis)]
    moved = _s.transpose(x, order)
    rest = moved.shape[1:]
    products = _s.reshape(data, (-1, *[1] * len(rest))) * moved[matrix.columns] if matrix.nnz else data
    made = _add_at(_s.zeros((n, *rest), data.dtype), matrix.rows, products)
    return _s.transpose(made, [order.index(i) for i in range(x.ndim)])


__all__ = ["SparseMatrix", "as_sparse", "csc", "csr", "dot", "is_sparse"]
