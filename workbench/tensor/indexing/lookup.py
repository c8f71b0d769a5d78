"""Choosing by conditions and looking up in tables, in NumPy's names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from workbench.errors import ShapeError
from workbench.tensor import elementwise as _e
from workbench.tensor import shape as _s
from workbench.tensor.gufunc import floats
from workbench.tensor.indexing.take import take
from workbench.tensor.reduction import reductions as _r
from workbench.tensor.sorting.sorting import searchsorted
from workbench.tensor.tensor import Tensor, as_tensor


def select(condlist: Sequence[Any], choicelist: Sequence[Any], default: Any = 0) -> Tensor:
    """Return, for each element, the choice whose condition is the first to hold.

    Parameters
    ----------
    condlist, choicelist
        Booleans and as many choices, which broadcast.
    default
        Where none holds.

    Raises
    ------
    ShapeError
        If there are not as many choices as conditions, or none.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> x = pt.constant([-1.0, 0.5, 3.0])
    >>> select([x < 0.0, x < 1.0], [0.0, x], 9.0).eval().tolist()
    [0.0, 0.5, 9.0]
    """
    if len(condlist) != len(choicelist) or not condlist:
        raise ShapeError(f"select: {len(condlist)} conditions for {len(choicelist)} choices", "give one of each at least")
    *choices, made = _e.promote("select", *choicelist, default)
    for condition, choice in zip(condlist[::-1], choices[::-1]):
        made = _e.where(condition, choice, made)
    return made


def isin(element: Any, test_elements: Any, invert: bool = False) -> Tensor:
    """Return for each element whether it is one of `test_elements` (is none of them, if `invert`).

    Examples
    --------
    >>> isin([1, 2, 3], [3, 1]).eval().tolist()
    [True, False, True]
    """
    element = as_tensor(element)
    found = _r.any(_e.equal(_s.expand_dims(element, element.ndim), _s.ravel(test_elements)), axis=-1)
    return _e.logical_not(found) if invert else found


def interp(x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None) -> Tensor:
    """Return the values at `x` of the line through points; constant beyond them.

    Parameters
    ----------
    x
        Where to evaluate.
    xp, fp
        Vectors: where the points are, ascending, and the values there.
    left, right
        Values before and behind all points; those of the first and the last by default.

    Raises
    ------
    ShapeError
        If `xp` and `fp` are not vectors of one length.

    Examples
    --------
    >>> interp([0.5, 9.0], [0.0, 1.0, 2.0], [0.0, 10.0, 30.0]).eval().tolist()
    [5.0, 30.0]
    """
    x, xp, fp = floats("interp", x, xp, fp)
    if xp.ndim != 1 or fp.ndim != 1 or not xp.type.may_be(fp.type) or xp.type.shape[0] == 0:
        raise ShapeError(f"interp takes two vectors of one length, not {xp.type} and {fp.type}")
    xp = _s.paired("interp", xp, 0, fp, 0)
    last = _s.extent(xp, 0) - 1
    above = _e.clip(searchsorted(xp, x, side="right"), 1, _e.maximum(as_tensor(last), 1))
    below = above - 1
    above = _e.minimum(above, last)
    x0, x1, f0, f1 = (take(v, i, axis=0) for v in (xp, fp) for i in (below, above))
    inside = _e.logical_and(x1 > x0, _e.logical_and(x >= xp[0], x <= xp[-1]))
    share = (x - x0) / _e.where(x1 > x0, x1 - x0, 1.0)
    made = _e.where(inside, f0 + share * (f1 - f0), f1)
    made = _e.where(x < xp[0], fp[0] if left is None else left, _e.where(x > xp[-1], fp[-1] if right is None else right, made))
    return _e.where(_e.isnan(x), x, made)


__all__ = ["interp", "isin", "select"]
