"""Support points: where sampling starts, a finite point of a random expression's support."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import workbench.tensor as pt
from workbench.distributions.distribution import Draw
from workbench.graph.expr import Expr
from workbench.graph.traverse import replace, topological
from workbench.tensor.black_box import START
from workbench.tensor.tensor import Tensor


def support_point(rv: Tensor, known: Collection[Expr] = ()) -> Tensor:
    """Return a finite point of the support; of a function of variables, that function of their points.

    Parameters
    ----------
    rv
        A random expression.
    known
        Random variables to leave as they are: their values are put in later.

    Examples
    --------
    >>> import workbench as pm
    >>> float(support_point(pt.exp(pm.Normal.dist(0.0, 1.0))).eval())
    1.0
    """
    if isinstance(rv.op, Draw):
        return rv.op.distribution.support_point_of(rv)
    inside: dict[Expr, Any] = {x: x for x in known}
    for x in topological([rv]):
        if isinstance(x.op, Draw) and x not in inside:
            start = x.op.distribution.support_point_of(x)  # type: ignore[arg-type]
            (inside[x],) = replace([pt.broadcast_to(pt.cast(start, x.type.dtype), x.shape)], inside)  # type: ignore[attr-defined]
    return replace([rv], inside)[0]  # type: ignore[no-any-return]


def _at_start(expressions: Sequence[Tensor]) -> list[Tensor]:
    return [pt.broadcast_to(pt.cast(support_point(x), x.dtype), x.shape) for x in expressions]


START.append(_at_start)
