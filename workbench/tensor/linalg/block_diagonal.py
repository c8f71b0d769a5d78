"""Block-diagonal matrices."""

from __future__ import annotations

from typing import Any

from workbench.errors import ShapeError
from workbench.tensor import elementwise as _e
from workbench.tensor import shape as _s
from workbench.tensor.shape.joining import concatenate
from workbench.tensor.tensor import Tensor


def block_diag(*blocks: Any) -> Tensor:
    """Return matrices with `blocks` along the diagonal and zeros elsewhere.

    Parameters
    ----------
    blocks
        Shapes (..., m_i, n_i); leading axes broadcast. A vector is a matrix of one row, a scalar a
        matrix of one element.

    Returns
    -------
    Shape (..., sum of m_i, sum of n_i).

    Raises
    ------
    ShapeError
        If there is no block, or the leading axes do not broadcast.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> pt.linalg.block_diag([[1, 2]], [[3], [4]]).eval()
    array([[1, 2, 0],
           [0, 0, 3],
           [0, 0, 4]])
    """
    if not blocks:
        raise ShapeError("block_diag of no blocks", "give at least one matrix")
    parts = _e.promote("block_diag", *blocks)
    parts = [_s.expand_dims(x, tuple(range(2 - x.ndim))) if x.ndim < 2 else x for x in parts]
    batch = _s.common_lengths([(x, x.type.shape[:-2]) for x in parts], "block_diag: the leading axes")
    width = sum(x.shape[-1] for x in parts)
    rows, at = [], 0
    for x in parts:
        m, n = x.shape[-2:]
        row = [_s.zeros((*batch, m, at), x.dtype), _s.broadcast_to(x, (*batch, m, n)), _s.zeros((*batch, m, width - at - n), x.dtype)]
        rows.append(concatenate([part for part in row if part.type.shape[-1] != 0] or row[:1], axis=-1))
        at += n
    return concatenate(rows, axis=-2)
