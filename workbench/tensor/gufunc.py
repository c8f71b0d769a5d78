"""Operations on the last axes of their operands, batched over the leading ones: NumPy's generalised ufuncs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from workbench.errors import ShapeError
from workbench.graph.expr import Expr, Op, results_of
from workbench.graph.lengths import one_length
from workbench.graph.types import Shape, TensorType, TupleType
from workbench.tensor import elementwise as _e
from workbench.tensor import shape as _s
from workbench.tensor.tensor import Tensor


class Gufunc(Op):
    """An operation on the last axes of its operands; the leading axes of all operands broadcast.

    Attributes
    ----------
    cores
        How many axes of each operand it works on.
    """

    cores: tuple[int, ...] = (2,)

    def batch(self, *types: TensorType) -> Shape:
        """The leading axes of the result."""
        leading = [t.shape[: t.ndim - n] for t, n in zip(types, self.cores)]
        return _e.broadcast_shapes(*leading, what=f"{self.name}: the leading axes")


def floats(what: str, *operands: Any) -> list[Tensor]:
    """Return operands in their common floating dtype."""
    parts = _e.promote(what, *operands)
    return parts if parts[0].type.kind == "f" else [_e.cast(p, "float64") for p in parts]


def check_matrix(what: str, x: TensorType, square: bool = False) -> None:
    """Raise unless the last two axes are a matrix, a square one if asked."""
    if x.ndim < 2:
        raise ShapeError(f"{what} takes matrices, not a tensor of shape {x.shape}", "x[..., None] adds an axis")
    n, m = x.shape[-2:]
    if square and one_length(n, m) is None:
        raise ShapeError(f"{what} takes square matrices, not {n} by {m} ones")


def of_results(node: Expr, cotangents: Sequence[Any]) -> list[Tensor | None]:
    """Return the cotangents of a node with several results, each in the full shape of its result."""
    assert isinstance(node.type, TupleType)
    return [None if g is None else _s.whole(g, r) for g, r in zip(cotangents, results_of(node))]


def nan_where_it_fails(function: Callable[..., Any], cores: Sequence[tuple[int, ...]], *stacks: Any) -> Any:
    """Call a function of ``numpy.linalg``; a matrix for which it raises gets NaN, alone in its stack.

    Parameters
    ----------
    function
        Takes stacks of matrices.
    cores
        The shape, without leading axes, of each of its results for one matrix.
    stacks
        Its arguments.
    """
    try:
        return function(*stacks)
    except np.linalg.LinAlgError:
        pass
    results = of_each(function, cores, np.linalg.LinAlgError, *stacks)
    return results if len(results) > 1 else results[0]


def of_each(function: Callable[..., Any], cores: Sequence[Any], failure: Any, *stacks: Any) -> tuple[Any, ...]:
    """Call a function for one matrix of each stack at a time; NaN where it raises `failure`. Returns its results, in stacks."""
    batch = np.broadcast_shapes(*(x.shape[:-2] for x in stacks))
    spread = [np.broadcast_to(x, (*batch, *x.shape[-2:])) for x in stacks]
    results = [np.full((*batch, *core), np.nan, stacks[0].dtype) for core in cores]
    for i in np.ndindex(*batch):
        try:
            made = function(*[x[i] for x in spread])
        except failure:
            continue
        for target, value in zip(results, made if isinstance(made, tuple) else (made,)):
            target[i] = value
    return tuple(results)
