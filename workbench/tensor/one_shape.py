"""Which expressions are plainly of one shape, whatever the lengths that are known only at the call."""

from __future__ import annotations

import weakref
from typing import Any

from workbench.graph.expr import Expr
from workbench.tensor.elementwise import Elementwise

_known: dict[int, tuple[Expr | None, Any]] = {}
"""By the id of an expression: what it has its shape from (``None`` for itself), and what forgets the entry with it."""


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
    stack = [x]
    while stack:
        node = stack[-1]
        if id(node) in _known:
            stack.pop()
            continue
        full = _full_operands(node)
        waiting = [y for y in full if id(y) not in _known]
        if waiting:
            stack.extend(waiting)
            continue
        stack.pop()
        lowest = {_lowest(y) for y in full}
        key = id(node)
        _known[key] = lowest.pop() if len(lowest) == 1 else None, weakref.ref(node, lambda _, key=key: _known.pop(key, None))  # type: ignore[misc]
    return _lowest(x)


def _lowest(x: Expr) -> Expr:
    found = _known[id(x)][0]
    return x if found is None else found


def _full_operands(node: Expr) -> list[Expr]:
    """The operands that an elementwise result has its shape from; none where an axis may come from elsewhere."""
    if not isinstance(node.op, Elementwise):
        return []
    full = [y for y in node.inputs if any(n != 1 for n in y.type.shape)]
    return full if all(y.type.ndim == node.type.ndim for y in full) else []
