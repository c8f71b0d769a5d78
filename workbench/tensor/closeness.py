"""Whether numbers are equal but for rounding."""

from __future__ import annotations

from typing import Any

from workbench.tensor import elementwise as _e
from workbench.tensor.reduction.reductions import all
from workbench.tensor.tensor import Tensor


def isclose(a: Any, b: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Tensor:
    """Return where ``|a - b| <= atol + rtol * |b|``; an infinity is close to itself alone.

    Parameters
    ----------
    a, b
        Tensors, which broadcast.
    rtol, atol
        Tolerances: relative to `b`, and absolute.
    equal_nan
        Whether NaN is close to NaN.

    Examples
    --------
    >>> isclose([1.0, 2.0, float("inf")], [1.0 + 1e-9, 2.1, float("inf")]).eval().tolist()
    [True, False, True]
    """
    x, y = _e.promote("isclose", a, b)
    if x.type.kind != "f":
        x, y = _e.cast(x, "float64"), _e.cast(y, "float64")
    near = _e.less_equal(_e.abs(x - y), atol + rtol * _e.abs(y))
    found = _e.logical_or(_e.logical_and(near, _e.isfinite(y)), _e.equal(x, y))
    return _e.logical_or(found, _e.logical_and(_e.isnan(x), _e.isnan(y))) if equal_nan else found


def allclose(a: Any, b: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Tensor:
    """Return whether all elements are close; see :func:`isclose`.

    Examples
    --------
    >>> pt.allclose([1.0, 2.0], [1.0, 2.0 + 1e-9]).eval().tolist()
    True
    """
    return all(isclose(a, b, rtol, atol, equal_nan))
