"""Elements that a flag says are done: what a loop that draws again until all are accepted need not compute.

Such a loop's state is `where(waiting, new, old)`, stored where `old` was read, and the flag itself, which
stays false. Where the flag is false each store writes what is there already.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from workbench.compile.loop_ir import loops as L
from workbench.compile.loop_ir.loop_levels import Nest

WORTH = 200
"""The cost of an element from which looking at its flag first pays, though the loop is none of vectors then."""

Place = Callable[[L.Buffer, L.Index], str]


def idle_flag(n: Nest, place: Place) -> L.Load | None:
    """Return the flag without which an element of the innermost loop stays as it is, if there is one.

    `place` names the memory of a buffer at an index: the old state and the new may share theirs.
    """
    if n.checked or n.scattered or n.folds_inside or any(n.folds_outside) or not n.depth:
        return None
    lines = n.lines[n.depth]
    if sum(line.op.cost for line in lines if isinstance(line, L.Let)) < WORTH:
        return None
    stored = {place(s.buffer, s.index) for s in n.stores}
    for line in lines:
        if isinstance(line, L.Load) and line.dtype == "bool" and place(line.buffer, line.index) in stored and _all_stay(n, line, place):
            return line
    return None


def _all_stay(n: Nest, flag: L.Load, place: Place) -> bool:
    """Whether each store writes what is there already, if the flag is false."""
    false: set[Any] = {flag.name}
    held: dict[Any, str] = {}
    for line in n.lines[n.depth]:
        if isinstance(line, L.Load):
            held[line.name] = place(line.buffer, line.index)
        elif isinstance(line, L.Let) and line.op.name == "logical_and" and any(a in false for a in line.arguments):
            false.add(line.name)
        elif isinstance(line, L.Let) and line.op.name == "where" and line.arguments[0] in false and line.arguments[2] in held:
            held[line.name] = held[line.arguments[2]]
    targets = [(s.value, place(s.buffer, s.index)) for s in n.stores]
    own = place(flag.buffer, flag.index)
    return all(held.get(value) == target or (value in false and target == own) for value, target in targets)
