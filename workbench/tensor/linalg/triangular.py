"""Triangles of matrices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from workbench.graph.expr import Expr, intern
from workbench.graph.frozen import frozen
from workbench.graph.types import TensorType
from workbench.tensor import elementwise as _e
from workbench.tensor import shape as _s
from workbench.tensor.gufunc import Gufunc, check_matrix
from workbench.tensor.sorting.sorting import nonzero
from workbench.tensor.tensor import Tensor, as_tensor, constant


@frozen
class Triangle(Gufunc):
    """The elements on and below (above) the `k`-th diagonal; zeros elsewhere."""

    is_lower: bool
    k: int

    @property
    def name(self) -> str:
        return "tril" if self.is_lower else "triu"

    def infer(self, x: TensorType) -> TensorType:
        check_matrix(self.name, x)
        return x

    def numpy(self, x: Any) -> Any:
        return (np.tril if self.is_lower else np.triu)(x, self.k)

    def jax(self, x: Any) -> Any:
        import jax.numpy as jnp

        return (jnp.tril if self.is_lower else jnp.triu)(x, self.k)

    def grad(self, node: Expr, cotangent: Tensor) -> Sequence[Expr | None]:
        return [intern(self, (_s.whole(cotangent, node),))]

    def element(self, builder: Any, node: Expr, index: Sequence[Any]) -> Any:
        """The element of the input, where the column is far enough from the row."""
        (x,) = node.inputs
        rows, columns = (_s.arange(n) for n in _s.extents(x)[-2:])
        limit = _s.expand_dims(rows, 1) + np.int64(self.k)
        kept = columns <= limit if self.is_lower else columns >= limit
        return builder.element(_e.where(kept, x, as_tensor(0, x.type.dtype)), index)


def tril(x: Any, k: int = 0) -> Tensor:
    """Return matrices with zeros above the `k`-th diagonal (0 is the main one, 1 the next above it).

    Parameters
    ----------
    x
        Shape (..., m, n).

    Raises
    ------
    ShapeError
        If `x` has fewer than two axes.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> pt.tril([[1, 2], [3, 4]]).eval()
    array([[1, 0],
           [3, 4]])
    """
    return intern(Triangle(True, int(k)), (as_tensor(x),))


def triu(x: Any, k: int = 0) -> Tensor:
    """Return matrices with zeros below the `k`-th diagonal. See :func:`tril`.

    Examples
    --------
    >>> pt.triu([[1, 2], [3, 4]]).eval().tolist()
    [[1, 2], [0, 4]]
    """
    return intern(Triangle(False, int(k)), (as_tensor(x),))


def tril_indices(n: Any, k: int = 0, m: Any = None) -> tuple[Tensor, Tensor]:
    """Return the rows and columns of the lower triangle of an `n` by `m` matrix, row by row; these may be numbers of the graph.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> pt.matrix("a", 2, 2)[pt.tril_indices(2)].eval({"a": [[1.0, 2.0], [3.0, 4.0]]}).tolist()
    [1.0, 3.0, 4.0]
    """
    if isinstance(n, Tensor) or isinstance(m, Tensor):
        found = nonzero(tril(_s.ones((n, n if m is None else m), "bool"), k))
        return found[0], found[1]
    rows, columns = np.tril_indices(n, k, m)
    return constant(rows), constant(columns)


def triu_indices(n: Any, k: int = 0, m: Any = None) -> tuple[Tensor, Tensor]:
    """Return the rows and columns of the upper triangle of an `n` by `m` matrix, row by row; these may be numbers of the graph.

    Examples
    --------
    >>> [i.eval().tolist() for i in pt.triu_indices(2)]
    [[0, 0, 1], [0, 1, 1]]
    """
    if isinstance(n, Tensor) or isinstance(m, Tensor):
        found = nonzero(triu(_s.ones((n, n if m is None else m), "bool"), k))
        return found[0], found[1]
    rows, columns = np.triu_indices(n, k, m)
    return constant(rows), constant(columns)


__all__ = ["Triangle", "tril", "tril_indices", "triu", "triu_indices"]
