"""Expressions as pickles: equal ones are one object again where they are read, and deep ones are no deep recursion."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from workbench.graph.expr import Constant, Expr, Op, constant_op, give_name, intern
from workbench.graph.memo import once
from workbench.graph.provenance import Provenance, inherited
from workbench.graph.serialise import object_by_name, object_name
from workbench.graph.traverse import topological
from workbench.graph.types import Type

STEP = 64
"""Pickle recurses from a node to its inputs, so many levels at most."""


@once(lambda node: node.inputs)
def height(node: Expr, below: list[Any]) -> int:
    """How far a node is from the leaves."""
    return 1 + max(below, default=-1)


def written(node: Expr) -> Any:
    """Return what pickle writes of a node: before its inputs, those far below it, the lowest first."""
    above = height(node)
    far = [x for x in topological([node]) if x is not node and height(x) % STEP == 0] if above and above % STEP == 0 else []
    return _read, (far, node.op, node.inputs, node.type, node.name, node.provenance)


def _read(far: Sequence[Expr], op: Op, inputs: tuple[Expr, ...], type: Type, name: str | None, provenance: Provenance | None) -> Any:
    return give_name(inherited(provenance, intern, op, inputs, type), name)


def written_op(op: Op) -> Any:
    """Return what pickle writes of an operation that is known by its name, or of a constant; ``None`` for others."""
    if isinstance(op, Constant):
        return constant_op, (op.value,)
    name = object_name(op)
    return (object_by_name, (name,)) if name is not None else None


def _reduced(op: Op, protocol: Any) -> Any:
    return written_op(op) or object.__reduce_ex__(op, protocol)


Expr.__reduce__ = written  # type: ignore[method-assign,assignment]
Op.__reduce_ex__ = _reduced  # type: ignore[method-assign,assignment]
