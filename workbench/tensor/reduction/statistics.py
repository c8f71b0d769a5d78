"""Statistics over axes, in NumPy's names: quantiles, weighted means, covariances, and those that leave NaN out."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from workbench.errors import DTypeError, ShapeError
from workbench.tensor import elementwise as _e
from workbench.tensor import shape as _s
from workbench.tensor.gufunc import floats
from workbench.tensor.indexing.take import take
from workbench.tensor.linalg.products import matmul, matrix_transpose
from workbench.tensor.reduction import reductions as _r
from workbench.tensor.sorting.sorting import sort
from workbench.tensor.tensor import Tensor, as_tensor


def average(a: Any, axis: Any = None, weights: Any = None, keepdims: bool = False) -> Tensor:
    """Return the weighted mean over `axis`.

    Parameters
    ----------
    a
        Tensor.
    axis
        One, several, or all.
    weights
        Of the shape of `a`, or a vector along the one axis; equal ones by default.
    keepdims
        Keep the axes, with length 1.

    Raises
    ------
    ShapeError
        If the weights do not fit.

    Examples
    --------
    >>> float(average([1.0, 4.0], weights=[2.0, 1.0]).eval())
    2.0
    """
    if weights is None:
        return _r.mean(a, axis, keepdims=keepdims)
    a, weights = floats("average", a, weights)
    axes = _s.axes_of("average", axis, a.ndim)
    if weights.ndim != a.ndim:
        if weights.ndim != 1 or len(axes) != 1:
            raise ShapeError(f"average: weights of shape {weights.type.shape} for a tensor of shape {a.type.shape}", "give the axis along which they lie")
        weights = _s.expand_dims(weights, tuple(i for i in range(a.ndim) if i != axes[0]))
    else:
        for i in range(a.ndim):
            weights = _s.paired("average", weights, i, a, i)
    weights = _s.broadcast_like(weights, a)
    return _r.sum(a * weights, axes, keepdims=keepdims) / _r.sum(weights, axes, keepdims=keepdims)


def median(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Return the median over `axis`; NaN if there is one.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> float(pt.median([3, 1, 2, 10]).eval())
    2.5
    """
    x = _r.as_floats(x)
    axes = tuple(sorted(_s.axes_of("median", axis, x.ndim)))
    rest = [a for a in range(x.ndim) if a not in axes]
    moved = _s.transpose(x, [*rest, *axes])
    flat = _s.reshape(moved, [*(_s.extent(x, a) for a in rest), math.prod(_s.extent(x, a) for a in axes)]) if len(axes) != 1 else moved
    n = _s.extent(flat, flat.ndim - 1)
    ordered = sort(flat, axis=-1)
    if isinstance(n, int) and n == 0:
        middle = _r.sum(ordered, axis=-1) / 0.0
    else:
        middle = (ordered[..., (n - 1) // 2] + ordered[..., n // 2]) / 2.0
        # NaN are last.
        last = ordered[..., -1]
        middle = _e.where(_e.isnan(last), last, middle)
    return _s.expand_dims(middle, axes) if keepdims and axes else middle


def quantile(a: Any, q: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Return quantiles over `axis`, interpolated linearly between the elements in order; NaN if there is one.

    Parameters
    ----------
    a
        Tensor.
    q
        Probabilities in [0, 1]: a number, or a tensor, whose axes come first in the result. NaN for others.
    axis
        One, several, or all.
    keepdims
        Keep the axes, with length 1.

    Raises
    ------
    ShapeError, DTypeError
        If there are no elements, or they are booleans.

    Examples
    --------
    >>> quantile([3.0, 1.0, 2.0, 10.0], [0.5, 1.0]).eval().tolist()
    [2.5, 10.0]
    """
    a = as_tensor(a)
    if a.dtype == "bool":
        raise DTypeError("quantiles lie between numbers, not between booleans", "cast first, with x.astype('int64')")
    (a,) = floats("quantile", a)
    _, q = _e.promote("quantile", a, q)
    axes = tuple(sorted(_s.axes_of("quantile", axis, a.ndim)))
    rest = [i for i in range(a.ndim) if i not in axes]
    n = math.prod(_s.extent(a, i) for i in axes)
    if isinstance(n, int) and n == 0:
        raise ShapeError(f"the quantiles of no elements are not defined: the tensor has shape {a.type.shape}")
    ordered = sort(_s.reshape(_s.transpose(a, [*axes, *rest]), (n, *[_s.extent(a, i) for i in rest])), axis=0)
    at = q * _e.cast(as_tensor(n - 1), q.dtype)
    # Outside of [0, 1] there is no element.
    valid = _e.logical_and(q >= 0.0, q <= 1.0)
    below = _e.cast(_e.floor(_e.where(valid, at, 0.0)), "int64")
    above = _e.minimum(below + 1, n - 1)
    share = _s.expand_dims(at - _e.cast(below, q.dtype), tuple(range(q.ndim, q.ndim + len(rest))))
    low, high = take(ordered, below, axis=0), take(ordered, above, axis=0)
    last = ordered[-1]
    # From the nearer of the two, as NumPy.
    between = _e.where(share < 0.5, low + (high - low) * share, high - (high - low) * (1.0 - share))
    made = _e.where(_e.isnan(last), last, between)
    made = _e.where(_s.expand_dims(valid, tuple(range(q.ndim, q.ndim + len(rest)))), made, np.nan)
    return _s.expand_dims(made, tuple(i + q.ndim for i in axes)) if keepdims and axes else made


def percentile(a: Any, q: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Return percentiles over `axis`: quantiles at ``q / 100``.

    Examples
    --------
    >>> pt.percentile([1.0, 2.0, 3.0], 50).eval().tolist()
    2.0
    """
    return quantile(a, q / 100.0 if isinstance(q, (int, float)) else as_tensor(q) / 100.0, axis, keepdims)


def count_nonzero(a: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Return how many elements over `axis` are not zero.

    Examples
    --------
    >>> pt.count_nonzero([0, 3, 0, 5]).eval().tolist()
    2
    """
    return _r.sum(_e.cast(as_tensor(a), "bool"), axis, keepdims=keepdims)


def cov(m: Any, rowvar: bool = True, bias: bool = False, ddof: int | None = None) -> Tensor:
    """Return the covariance matrix of variables of which each row (each column, unless `rowvar`) has the observations.

    Parameters
    ----------
    m
        A matrix, or a vector: one variable.
    rowvar, bias
        As described; divide by the number of observations n, not by n - 1.
    ddof
        Divide by n - `ddof`.

    Examples
    --------
    >>> cov([[1.0, 2.0, 3.0], [2.0, 4.0, 6.0]]).eval().tolist()
    [[1.0, 2.0], [2.0, 4.0]]
    """
    m = _e.cast(as_tensor(m), "float64")
    if m.ndim > 2:
        raise ShapeError(f"cov takes a matrix or a vector, not a tensor of shape {m.type.shape}")
    rows = _s.atleast_2d(m)
    if not rowvar and m.ndim == 2:
        rows = matrix_transpose(rows)
    n = _s.extent(rows, 1)
    centred = rows - _r.mean(rows, axis=1, keepdims=True)
    left = n - ((0 if bias else 1) if ddof is None else ddof)
    divisor = _e.cast(_e.maximum(as_tensor(left), 0), rows.dtype)
    return _s.squeeze(matmul(centred, matrix_transpose(centred)) / divisor, tuple(i for i in (0, 1) if rows.type.shape[0] == 1))


def corrcoef(x: Any, rowvar: bool = True) -> Tensor:
    """Return the correlation coefficients of variables; see `cov`. In [-1, 1].

    Examples
    --------
    >>> pt.corrcoef([[1.0, 2.0, 3.0], [1.0, 3.0, 2.0]]).eval().round(4).tolist()
    [[1.0, 0.5], [0.5, 1.0]]
    """
    c = cov(x, rowvar)
    if c.ndim == 0:
        return c / c
    scale = _e.sqrt(c.diagonal())
    return _e.clip(c / _s.expand_dims(scale, 1) / scale, -1.0, 1.0)


# Without NaN ----------------------------------------------------------------------------------


def _without_nan(reduction: Callable[..., Tensor], empty: float | None = None) -> Callable[..., Tensor]:
    """A reduction of the elements that are not NaN; of none, NaN, or the reduction's own value of nothing."""

    @functools.wraps(reduction)
    def reduced(a: Any, axis: Any = None, *arguments: Any, **options: Any) -> Tensor:
        a = as_tensor(a)
        if a.type.kind != "f":
            return reduction(a, axis, *arguments, **options)
        some = _e.logical_not(_e.isnan(a))
        if empty is None:
            return reduction(a, axis, *arguments, where=some, **options)
        reduction(a, axis)  # Refuses to have no elements at all.
        found = reduction(a, axis, *arguments, where=some, initial=empty, **options)
        return _e.where(_r.any(some, axis, keepdims=options.get("keepdims", False)), found, np.nan)

    reduced.__name__ = reduced.__qualname__ = f"nan{reduction.__name__}"
    example = f"pt.nan{reduction.__name__}([2.0, np.nan, 4.0]).eval().item()"
    value = getattr(np, reduction.__name__)(np.array([2.0, 4.0])).item()
    reduced.__doc__ = f"Return `{reduction.__name__}` over `axis` of the elements that are not NaN.\n\nExamples\n--------\n>>> {example}\n{value}\n"
    return reduced


nansum, nanprod = _without_nan(_r.sum), _without_nan(_r.prod)
nanmean, nanvar, nanstd = _without_nan(_r.mean), _without_nan(_r.var), _without_nan(_r.std)
nanmax, nanmin = _without_nan(_r.max, -np.inf), _without_nan(_r.min, np.inf)

__all__ = [
    "average", "corrcoef", "count_nonzero", "cov", "nanmax", "nanmean", "nanmin", "nanprod", "nanstd", "nansum", "nanvar",
    "percentile", "quantile",
]  # fmt: skip
