"""Elements at indices along one axis: `take`, `take_along_axis`, `put_along_axis`."""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.errors import DTypeError, ShapeError
from workbench.graph.expr import Constant
from workbench.tensor import elementwise as _e
from workbench.tensor import shape as _s
from workbench.tensor.indexing.getitem import getitem, one_index
from workbench.tensor.indexing.updates import set_subtensor
from workbench.tensor.tensor import Tensor, as_tensor


def take(x: Any, indices: Any, axis: int | None = None, mode: str = "raise") -> Tensor:
    """Return the elements of `x` at `indices` along `axis` (flattened, for ``None``).

    Parameters
    ----------
    x
        Tensor.
    indices
        Integers of any shape.
    axis
        Along which.
    mode
        What an index out of bounds does: "raise" an error, "wrap" around, or be "clip"ped to the ends
        (negative ones to the first).

    Raises
    ------
    IndexBoundsError
        If a constant index is out of bounds.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> take([10, 20, 30], [4, -1], mode="wrap").eval()
    array([20, 30])
    """
    x, index = as_tensor(x), one_index(indices)
    if axis is None:
        x, axis = _s.ravel(x), 0
    at = _s.axis_of("take", axis, x.ndim)
    if mode not in ("raise", "wrap", "clip"):
        raise ShapeError(f"take: there is no mode {mode!r}", "the modes are 'raise', 'wrap', 'clip'")
    if mode != "raise":
        n = x.type.shape[at]
        if isinstance(n, int) and n and (isinstance(index, int) or isinstance(index.op, Constant)):
            value = index if isinstance(index, int) else index.op.value
            index = as_tensor(np.mod(value, n) if mode == "wrap" else np.clip(value, 0, n - 1))
        else:
            length = as_tensor(_s.extent(x, at))
            index = _e.cast(as_tensor(index), "int64")
            index = _e.mod(index, length) if mode == "wrap" else _e.clip(index, 0, length - 1)
    return getitem(x, (*(slice(None),) * at, index))


def take_along_axis(x: Any, indices: Any, axis: int | None = -1) -> Tensor:
    """Return the elements of `x` at `indices` along `axis`, matched with `x` on the other axes.

    Parameters
    ----------
    x
        Tensor.
    indices
        Integers, with as many axes as `x`; the other axes broadcast.
    axis
        Along which; the flattened tensor, for ``None``.

    Raises
    ------
    ShapeError
        If the numbers of axes differ.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> x = pt.constant([[3, 1, 2], [4, 6, 5]])
    >>> take_along_axis(x, pt.argsort(x, axis=1), axis=1).eval()
    array([[1, 2, 3],
           [4, 5, 6]])
    """
    x, key = _along(x, indices, axis)
    return getitem(x, key)


def put_along_axis(x: Any, indices: Any, values: Any, axis: int | None = -1) -> Tensor:
    """Return `x` with `values` at `indices` along `axis`, matched with `x` on the other axes.

    NumPy's function writes into its argument; an expression does not change, so this returns the new
    one.

    Examples
    --------
    >>> pt.put_along_axis([[1, 2], [3, 4]], [[0], [1]], 9, 1).eval().tolist()
    [[9, 2], [3, 9]]
    """
    given = as_tensor(x)
    x, key = _along(given, indices, axis)
    return _s.reshape_like(set_subtensor(getitem(x, key), values), given)


def _along(x: Any, indices: Any, axis: int | None) -> tuple[Tensor, tuple[Any, ...]]:
    x, index = as_tensor(x), as_tensor(indices)
    if axis is None:
        x, axis = _s.ravel(x), 0
    at = _s.axis_of("take_along_axis", axis, x.ndim)
    if index.ndim != x.ndim:
        raise ShapeError(f"the indices have {index.ndim} axes, the tensor {x.ndim}: they must be as many")
    if index.type.kind not in "iu":
        raise DTypeError(f"an index must be an integer, got {index.type}")
    key: list[Any] = []
    for a in range(x.ndim):
        rows = _s.arange(_s.extent(x, a)) if a != at else index
        key.append(rows if a == at else _s.reshape(rows, [-1 if b == a else 1 for b in range(x.ndim)]))
    return x, tuple(key)
