"""Data that are a part of all there are: their log-density stands for that of all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import workbench.tensor as pt
from workbench.errors import ModelError
from workbench.tensor.tensor import Tensor

TotalSize = int | Tensor | Sequence[Any] | None
"""How many rows there are in all; or of each axis, ``None`` for one that is whole, ``...`` for those between."""


def scaling(name: str, total_size: TotalSize, rv: Tensor) -> Tensor:
    """Return by how much the log-density of observed rows is multiplied to stand for that of all rows.

    Parameters
    ----------
    name
        The variable's, for errors.
    total_size
        A number of rows; a sequence of lengths by axis, with ``None`` and ``...``.
    rv
        The variable, whose shape is that of the rows at hand.

    Raises
    ------
    ModelError
        If there are more lengths than axes, or one is no whole number.

    Examples
    --------
    >>> import workbench as pm
    >>> x = pm.Normal.dist(0.0, 1.0, shape=(10, 3))
    >>> float(scaling("x", 500, x).eval()), float(scaling("x", [500, ..., 6], x).eval())
    (50.0, 100.0)
    """
    if not isinstance(total_size, Sequence):
        total_size = [total_size] if rv.ndim else []
    given = list(total_size)
    if given.count(...) > 1:
        raise ModelError(f"{name}: total_size has more than one '...': {total_size}")
    split = given.index(...) if ... in given else len(given)
    first, last = given[:split], given[split + 1 :]
    if len(first) + len(last) > rv.ndim:
        raise ModelError(f"{name}: total_size gives {len(first) + len(last)} lengths, but the variable has {rv.ndim} axes")
    scale = pt.constant(1.0)
    for axis, length in [*enumerate(first), *((rv.ndim - len(last) + i, n) for i, n in enumerate(last))]:
        if length is None:
            continue
        if not isinstance(length, (int, np.integer, Tensor)):
            raise ModelError(f"{name}: total_size is a number of rows, not {length!r}", "or a list: one length for each axis, None for an axis that is whole")
        scale = scale * pt.cast(pt.as_tensor(length), "float64") / pt.cast(rv.shape[axis], "float64")
    return scale
