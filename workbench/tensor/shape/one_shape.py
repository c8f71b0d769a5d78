"""Which expressions are plainly of one shape, whatever the lengths that are known only at the call."""

from __future__ import annotations

from workbench.graph.expr import Expr
from workbench.graph.memo import once
from workbench.tensor.elementwise import Elementwise


def of_one_shape(x: Expr) -> Expr:
    """Return an expression of the shape of `x`, the lowest that is found: two with the same one have one shape.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> x, y = pt.vector("x"), pt.vector("y")
    >>> of_one_shape(2.0 * pt.exp(x) + x)
    x
    >>> of_one_shape(x * y)
    x * y
    """
    found = _below(x)
    return x if found is None else found


def _full_operands(node: Expr) -> list[Expr]:
    """The operands that an elementwise result has its shape from; none where an axis may come from elsewhere."""
    if not isinstance(node.op, Elementwise):
        return []
    full = [y for y in node.inputs if any(n != 1 for n in y.type.shape)]
    return full if all(y.type.ndim == node.type.ndim for y in full) else []


@once(_full_operands)
def _below(node: Expr, found: list[Expr | None]) -> Expr | None:
    """What an expression has its shape from; ``None`` for itself."""
    lowest = {y if z is None else z for y, z in zip(_full_operands(node), found)}
    return lowest.pop() if len(lowest) == 1 else None
