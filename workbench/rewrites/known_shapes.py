"""Operations on lengths that were not known when the graph was written, once they are."""

from __future__ import annotations

import workbench.tensor as pt
from workbench.graph.expr import Expr, intern
from workbench.graph.rewrite import rule
from workbench.tensor.indexing.advanced import AddIndex, Index, SetIndex
from workbench.tensor.indexing.updates import with_fixed_bounds
from workbench.tensor.shape.run_time_shape import (
    ArangeBetween,
    DropAxes,
    InsertAxes,
    ReshapeLike,
    SameLength,
    SumLike,
    ToLengths,
)

GROUP = "canonicalise"


def _matrix() -> Expr:
    return pt.matrix("m", 3, 4)


@rule(GROUP, ops=(InsertAxes, DropAxes, ReshapeLike, ToLengths, ArangeBetween, SameLength, SumLike), examples=lambda: [
    intern(InsertAxes((1,)), (_matrix(),)), intern(DropAxes((0,)), (pt.matrix("r", 1, 4),)),
    intern(ReshapeLike(), (_matrix(), pt.matrix("w", 2, 6))), intern(SumLike(), (_matrix(), pt.matrix("w", 1, 4))),
    intern(SameLength("@", 1, 0), (_matrix(), pt.matrix("w", 4, 2))),
    intern(ToLengths("reshape", (None, 6)), (_matrix(), pt.constant(2))),
    intern(ArangeBetween("int64"), (pt.constant(1), pt.constant(8), pt.constant(3)))])  # fmt: skip
def shape_known_now(expr: Expr) -> Expr | None:
    """Lengths that are known when the graph is compiled are part of the operation."""
    return expr.op.known(expr)  # type: ignore[no-any-return]


@rule(GROUP, ops=(Index, SetIndex, AddIndex), examples=lambda: [
    intern(Index((("slice", 1, None, 2), ("int", 2))), (_matrix(),)),
    intern(SetIndex((("slice", 1, None, 2), ("int", 2))), (_matrix(), pt.vector("v", 1)))])  # fmt: skip
def index_known_now(expr: Expr) -> Expr | None:
    """An index whose bounds are known when the graph is compiled is a slice with fixed bounds."""
    return with_fixed_bounds(expr)
