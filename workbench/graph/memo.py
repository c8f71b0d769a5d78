"""Questions about expressions that are answered once for each, and forgotten with it."""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from workbench.graph.expr import Expr

T = TypeVar("T")


def once(
    operands: Callable[[Expr], Sequence[Expr]], known: dict[int, tuple[Any, Any]] | None = None
) -> Callable[[Callable[[Expr, list[Any]], T]], Callable[[Expr], T]]:
    """Make the decorated function a question that is asked once of each expression, without recursion.

    It takes the expression and the answers for its `operands`. An answer must not hold the expression
    itself, which would keep both for ever.

    Parameters
    ----------
    operands
        The expressions below one whose answers its own is made of.
    known
        Where answers are kept, by the id of the expression, with what forgets them.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> @once(lambda node: node.inputs)
    ... def height(node, below):
    ...     return 1 + max(below, default=-1)
    >>> x = pt.scalar("x")
    >>> height(pt.exp(pt.exp(x)) + x)
    3
    """

    def decorate(infer: Callable[[Expr, list[Any]], T]) -> Callable[[Expr], T]:
        # One for each question: several may share their operands.
        table: dict[int, tuple[Any, Any]] = {} if known is None else known

        def is_known(x: Expr) -> bool:
            # An interrupt may have kept the callback from taking an entry out, and another expression has its id since.
            entry = table.get(id(x))
            return entry is not None and entry[1]() is x

        @functools.wraps(infer)
        def answer(x: Expr) -> Any:
            entry = table.get(id(x))
            if entry is not None and entry[1]() is x:
                return entry[0]
            stack = [x]
            while stack:
                node = stack[-1]
                if is_known(node):
                    stack.pop()
                    continue
                below = operands(node)
                waiting = [y for y in below if not is_known(y)]
                if waiting:
                    stack += waiting
                    continue
                stack.pop()
                # By id, for expressions cannot be compared; the entry goes when the expression does.
                key = id(node)
                found = infer(node, [table[id(y)][0] for y in below])
                table[key] = found, weakref.ref(node, lambda _, key=key: table.pop(key, None))  # type: ignore[misc]
            return table[id(x)][0]

        return answer

    return decorate
