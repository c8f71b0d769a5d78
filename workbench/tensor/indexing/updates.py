"""``x[key]`` replaced or added to: `set_subtensor` and `inc_subtensor`."""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.errors import DTypeError, ShapeError
from workbench.graph.expr import Expr, intern
from workbench.tensor import elementwise as _e
from workbench.tensor import shape as _s
from workbench.tensor.indexing.advanced import AddIndex, Index, SetIndex
from workbench.tensor.indexing.getitem import getitem
from workbench.tensor.indexing.rows import AddAt, SetAt, Take
from workbench.tensor.indexing.slices import SetSlice, Slice
from workbench.tensor.tensor import Tensor, as_tensor


def set_subtensor(part: Tensor, value: Any) -> Tensor:
    """Return `x` with ``x[i]`` replaced: ``set_subtensor(x[i], v)``.

    Parameters
    ----------
    part
        An indexing ``x[i]``.
    value
        Broadcasts to its shape. Where an element is named twice the last value wins.

    Raises
    ------
    ShapeError, DTypeError
        If `part` is not an indexing, or the value does not fit it.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> set_subtensor(pt.arange(4)[1:3], 9).eval()
    array([0, 9, 9, 3])
    """
    return _update(part, value, "set")


def inc_subtensor(part: Tensor, value: Any) -> Tensor:
    """Return `x` with a value added to ``x[i]``: ``inc_subtensor(x[i], v)``.

    Parameters
    ----------
    part
        An indexing ``x[i]``.
    value
        Broadcasts to its shape. Elements named twice get both.

    Raises
    ------
    ShapeError, DTypeError
        If `part` is not an indexing, or the value does not fit it.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> inc_subtensor(pt.arange(3)[[0, 0, 2]], 10).eval()
    array([20,  1, 12])
    """
    return _update(part, value, "inc")


def _update(part: Tensor, value: Any, how: str) -> Tensor:
    reshaped = isinstance(part.op, _s.Reshape)
    inner = part.inputs[0] if reshaped else part
    if not isinstance(inner.op, (Slice, Take, Index)) and not (reshaped and _only_units(part, inner)):
        raise ShapeError(f"{part!r} is not an indexing x[i], so it cannot be {how}", f"write x[i].{how}(value)")
    value = _fitting(value, part, how)
    if isinstance(inner.op, (Take, Index)) and not reshaped:
        x, *others = inner.inputs
        chosen = _where_chosen(inner, value, how)
        if chosen is not None:
            return chosen
        if isinstance(inner.op, Take):
            return intern(SetAt() if how == "set" else AddAt(), (x, *others, value))
        return intern((SetIndex if how == "set" else AddIndex)(inner.op.key), (x, *others, value))
    value = _s.reshape_like(value, inner)
    if how == "inc":
        value = inner + value
    return intern(SetSlice(inner.op.bounds), (inner.inputs[0], value)) if isinstance(inner.op, Slice) else value


def _only_units(part: Expr, inner: Expr) -> bool:
    return [n for n in part.type.shape if n != 1] == [n for n in inner.type.shape if n != 1]


def _fitting(value: Any, part: Tensor, how: str) -> Tensor:
    """The value in the dtype and shape of the part that it updates."""
    if isinstance(value, (bool, int, float)) and not isinstance(value, np.generic):
        kind = np.result_type(np.dtype(part.dtype), value).name
        given = as_tensor(value, kind)
    else:
        given = as_tensor(value)
    if given.dtype != part.dtype and not np.can_cast(given.dtype, part.dtype, "same_kind"):
        raise DTypeError(
            f"a part of a tensor of {part.dtype} cannot be {how} to values of {given.dtype}",
            f"cast the tensor first, or the value: value.astype({part.dtype!r})",
        )
    given = _e.cast(given, part.dtype)
    if given.ndim > part.ndim:
        # NumPy drops leading axes of length 1 when it assigns.
        extra = given.ndim - part.ndim
        if any(n != 1 for n in given.type.shape[:extra]):
            raise ShapeError(f"a value of shape {given.type.shape} cannot be {how} in a part of shape {part.type.shape}")
        given = _s.squeeze(given, tuple(range(extra)))
    return _s.whole(given, part)


def _where_chosen(part: Tensor, value: Tensor, how: str) -> Tensor | None:
    """An update under a symbolic boolean index, by a value that does not depend on how many are chosen."""
    if not part.type.is_open:
        return None
    from workbench.tensor.sorting.sorting import mask_of

    x, *others = part.inputs
    mask = mask_of(others)
    rank = 0 if mask is None else mask.ndim
    wanted = (*(("array", i) for i in range(rank)), *[("slice", None, None, None)] * (x.ndim - rank))
    key = part.op.key if isinstance(part.op, Index) else wanted
    if mask is None or key != wanted or not isinstance(value.op, _s.BroadcastTo):
        return None
    narrow = value.inputs[0]
    if narrow.ndim > x.ndim - rank:
        if narrow.type.shape[0] != 1 or narrow.ndim != x.ndim - rank + 1:
            return None
        narrow = _s.squeeze(narrow, 0)
    wide = _s.expand_dims(mask, tuple(range(rank, x.ndim)))
    return _e.where(wide, x + narrow if how == "inc" else narrow, x)


def with_fixed_bounds(node: Expr) -> Expr | None:
    """Return what an `Index`, `SetIndex` or `AddIndex` does by simpler operations, where shapes and bounds are known now."""
    op = node.op
    key = op.rebuilt(node)
    if key is None:
        return None
    part = getitem(node.inputs[0], key)
    if isinstance(part.op, Index) and part.op.key == op.key:
        return None
    return part if isinstance(op, Index) else _update(part, node.inputs[-1], "set" if isinstance(op, SetIndex) else "inc")
