"""Norms of vectors and matrices, and traces."""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.errors import ShapeError
from workbench.graph.expr import intern
from workbench.tensor import elementwise as _e
from workbench.tensor import shape as _s
from workbench.tensor.gufunc import check_matrix, floats
from workbench.tensor.linalg.decompositions import svd
from workbench.tensor.linalg.diagonal import Diagonal
from workbench.tensor.reduction import reductions as _r
from workbench.tensor.tensor import Tensor, as_tensor


def trace(x: Any, offset: int = 0, dtype: Any = None) -> Tensor:
    """Return the sum of the diagonal of matrices, or of the `offset`-th one above it: shape (...).

    Raises
    ------
    ShapeError
        If `x` has fewer than two axes.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> float(pt.linalg.trace([[1.0, 2.0], [3.0, 4.0]]).eval())
    5.0
    """
    x = as_tensor(x)
    check_matrix("trace", x.type)
    return _r.sum(intern(Diagonal(int(offset)), (x,)), axis=-1, dtype=dtype)


def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Return the norm of vectors or matrices, as ``numpy.linalg.norm``.

    Parameters
    ----------
    x
        Any tensor.
    ord
        Of a vector: a number p for ``sum(|x|^p)^(1/p)``, ``inf`` and ``-inf`` for the largest and the
        smallest size, 0 for the number of elements that are not zero. Of a matrix: "fro", "nuc", 1,
        -1, 2, -2, ``inf``, ``-inf``. By default the root of the sum of squares.
    axis
        One axis for vectors, a pair for matrices; all axes by default.
    keepdims
        Keep the axes of the norm, with length 1.

    Raises
    ------
    ShapeError
        If the axes are not there, or `ord` asks for a vector or matrix and `x` is neither.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> float(pt.linalg.norm([3.0, 4.0]).eval())
    5.0
    """
    (x,) = floats("norm", x)
    if axis is None and ord is None:
        axes = tuple(range(x.ndim))
    elif axis is None:
        if x.ndim not in (1, 2):
            raise ShapeError(f"norm with ord={ord!r} of a tensor of shape {x.type.shape}", "give the axis, or the pair of axes")
        axes = tuple(range(x.ndim))
    else:
        given = (axis,) if isinstance(axis, (int, np.integer)) else tuple(axis)
        for a in given:
            if not -x.ndim <= a < x.ndim:
                raise ShapeError(f"norm: axis {a} is out of bounds for a tensor of shape {x.type.shape}")
        axes = tuple(int(a) % x.ndim for a in given)
        if len(set(axes)) != len(axes) or len(axes) not in (1, 2):
            raise ShapeError(f"norm: axis must be one axis or a pair of different ones, not {axis!r}")
    if ord is None or (ord == "fro" and len(axes) == 2):
        return _r.root_of_squares(_r.sum(_e.square(x), axis=axes, keepdims=keepdims))
    if len(axes) == 1:
        return _vector_norm(x, ord, axes[0], keepdims)
    return _matrix_norm(x, ord, axes, keepdims)


def _largest(sizes: Tensor, axis: int, keepdims: bool = False) -> Tensor:
    """The largest of sizes: of none, 0."""
    return (_r.sum if sizes.type.shape[axis] == 0 else _r.max)(sizes, axis=axis, keepdims=keepdims)


def _vector_norm(x: Tensor, ord: Any, axis: int, keepdims: bool) -> Tensor:
    if isinstance(ord, str):
        raise ValueError(f"norm: {ord!r} is no norm of vectors")
    size = _e.abs(x)
    if ord == np.inf:
        return _largest(size, axis, keepdims)
    if ord == -np.inf:
        return _r.min(size, axis, keepdims)
    if ord == 0:
        return _r.sum(_e.cast(_e.not_equal(x, 0.0), x.dtype), axis, keepdims=keepdims)
    if ord == 1:
        return _r.sum(size, axis, keepdims=keepdims)
    if ord == 2:
        return _e.sqrt(_r.sum(_e.square(x), axis, keepdims=keepdims))
    return _e.power(_r.sum(_e.power(size, float(ord)), axis, keepdims=keepdims), 1.0 / ord)


def _matrix_norm(x: Tensor, ord: Any, axes: tuple[int, ...], keepdims: bool) -> Tensor:
    rest = [i for i in range(x.ndim) if i not in axes]
    stack = _s.transpose(x, [*rest, *axes])
    if ord in (1, -1, np.inf, -np.inf):
        sums = _r.sum(_e.abs(stack), axis=-2 if ord in (1, -1) else -1)
        result = (_largest if ord > 0 else _r.min)(sums, axis=-1)
    elif ord in (2, -2, "nuc"):
        s = svd(stack, compute_uv=False)
        result = _r.sum(s, axis=-1) if ord == "nuc" else (_largest if ord == 2 else _r.min)(s, axis=-1)
    else:
        raise ValueError(f"norm: {ord!r} is no norm of matrices")
    for axis in sorted(axes) if keepdims else ():
        result = _s.expand_dims(result, axis)
    return result
