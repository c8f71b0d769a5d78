"""Whole numbers as vectors: one of many, or a row of a table."""

from __future__ import annotations

from typing import Any

from workbench.errors import DTypeError, ShapeError
from workbench.tensor import elementwise as _e
from workbench.tensor import shape as _s
from workbench.tensor.indexing.take import take
from workbench.tensor.tensor import Tensor, as_tensor


def _whole_numbers(what: str, x: Any) -> Tensor:
    x = as_tensor(x)
    if x.type.kind not in "iu":
        raise DTypeError(f"{what} takes whole numbers, not {x.type}", "cast them first, with x.astype('int64')")
    return x


def one_hot(x: Any, num_classes: Any, dtype: str = "float64", axis: int = -1) -> Tensor:
    """Return a vector for each number: 1 at its place, 0 elsewhere.

    Parameters
    ----------
    x
        Whole numbers, any shape. Of one that is no class the vector is zeros, as in JAX (PyTorch raises).
    num_classes
        How many classes there are: an integer, or a number of the graph.
    dtype
        Of the result.
    axis
        Where the result has the axis of classes; last, by default.

    Raises
    ------
    DTypeError
        If `x` is not of whole numbers.
    ShapeError
        If there is no such axis.

    Examples
    --------
    >>> pt.nn.one_hot([0, 2, 3], 3).eval().tolist()
    [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 0.0]]
    """
    x = _whole_numbers("one_hot", x)
    (n,) = _s.lengths(num_classes, "one_hot: the number of classes")
    at = _s.axis_of("one_hot", axis, x.ndim + 1)
    classes = _s.expand_dims(_s.arange(n, dtype=x.dtype), tuple(range(1, x.ndim + 1 - at)))
    return _e.cast(_e.equal(_s.expand_dims(x, at), classes), dtype)


def embedding(x: Any, weight: Any) -> Tensor:
    """Return the row of a table for each number.

    Parameters
    ----------
    x
        Whole numbers, any shape; negative ones count from the end, as in NumPy.
    weight
        The table, ``(rows, features)``.

    Returns
    -------
    ``(*x.shape, features)``.

    Raises
    ------
    DTypeError
        If `x` is not of whole numbers.
    ShapeError
        If `weight` is no matrix.
    IndexBoundsError
        If there is no such row: now, for constants, or at the call, with the name of the variable and the number.

    Examples
    --------
    >>> pt.nn.embedding([2, 0], [[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]).eval().tolist()
    [[4.0, 5.0], [0.0, 1.0]]
    """
    table = as_tensor(weight)
    if table.ndim != 2:
        raise ShapeError(f"embedding: the table is a matrix of rows and features, not a tensor of shape {table.type.shape}")
    return take(table, _whole_numbers("embedding", x), axis=0)


__all__ = ["embedding", "one_hot"]
