"""Gradients that are kept from being too long."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import workbench.tensor as pt
from workbench.errors import ShapeError
from workbench.tensor.tensor import Tensor, as_tensor


def norm_constraint(tensor_var: Any, max_norm: Any, norm_axes: Sequence[int] | None = None, epsilon: float = 1e-7) -> Tensor:
    """Return a tensor whose vectors are not longer than `max_norm`: longer ones are shortened.

    Parameters
    ----------
    tensor_var
        The tensor.
    max_norm
        The longest length.
    norm_axes
        Axes along which a vector lies; the first of a matrix, all but the first of a tensor of more axes.
    epsilon
        Keeps the quotient finite where a vector is zero.

    Raises
    ------
    ShapeError
        If the tensor has no axis, and no `norm_axes` are given.

    Examples
    --------
    >>> norm_constraint(pt.constant([[3.0, 0.3], [4.0, 0.4]]), 1.0).eval().round(3).tolist()
    [[0.6, 0.3], [0.8, 0.4]]
    """
    x = as_tensor(tensor_var)
    if norm_axes is None and x.ndim == 0:
        raise ShapeError("a number has no axes along which a vector could lie", "give norm_axes, or a vector or matrix")
    axes = tuple(norm_axes) if norm_axes is not None else (0,) if x.ndim <= 2 else tuple(range(1, x.ndim))
    norms = pt.sqrt(pt.sum(pt.square(x), axis=axes, keepdims=True))
    return x * (pt.minimum(norms, max_norm) / (epsilon + norms))


def total_norm_constraint(tensor_vars: Sequence[Any], max_norm: Any, epsilon: float = 1e-7, return_norm: bool = False) -> Any:
    """Return tensors that are together not longer than `max_norm`: all are shortened by one factor.

    Parameters
    ----------
    tensor_vars
        The tensors.
    max_norm
        The longest length of all their elements as one vector.
    epsilon
        Keeps the quotient finite where all are zero.
    return_norm
        Return their length as it was too.

    Examples
    --------
    >>> total, norm = total_norm_constraint([pt.constant([3.0]), pt.constant([4.0])], 1.0, return_norm=True)
    >>> [x.eval().round(3).tolist() for x in total], float(norm.eval())
    ([[0.6], [0.8]], 5.0)
    """
    given = [as_tensor(x) for x in tensor_vars]
    norm = pt.sqrt(sum((pt.sum(pt.square(x)) for x in given), as_tensor(0.0)))
    # What is short enough stays as it is, to the last digit.
    factor = pt.where(norm <= max_norm, 1.0, max_norm / (epsilon + norm))
    shortened = [x * factor for x in given]
    return (shortened, norm) if return_norm else shortened
