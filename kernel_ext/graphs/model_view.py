"""A model as columns for the widgets: variables in plates of their dims, arrows from what they are made of."""

from __future__ import annotations

from typing import Any, NamedTuple

from kernel_ext.graphs.grouping import Group, repeats
from kernel_ext.graphs.snapshot import Keys, columns
from workbench import Model
from workbench.distributions import Draw
from workbench.graph import formula
from workbench.model.drawing import drawn_parents, kind_of, named_expressions, plate_of

KINDS = {"free": "random"}
"""What drawings call kinds of variables, where that is another word."""
FORMULA = 34
"""Most characters of a formula under a name."""


class Variable(NamedTuple):
    """What a drawing shows of a variable; two models have it in common if all of this is the same."""

    name: str
    said: str
    kind: str
    plate: str


def model_columns(keys: Keys, model: Model) -> tuple[dict[str, Any], list[Group]]:
    """Return the columns of a model's variables, and their groups: plates, and in large models variables alike.

    Expressions that have a name, as those assigned to one in a ``%%model`` cell, are drawn too.
    """
    above = arrows(model)
    shown = {x: variable(model, x, above[x]) for x in above}
    return variable_columns(keys, shown, [(parent, x) for x in above for parent in above[x]])


def arrows(model: Model) -> dict[Any, list[Any]]:
    """Return what is drawn of a model, each with what arrows to it come from."""
    nodes = [*model.named_vars.values(), *named_expressions(model)]
    known = set(nodes)
    return {x: drawn_parents(model, x, known) for x in nodes}


def variable(model: Model, x: Any, above: list[Any]) -> Variable:
    """Return what is shown of a variable."""
    return Variable(str(x.name), _said(x), KINDS.get(kind := kind_of(model, x), kind), _plate(model, x, above))


def variable_columns(keys: Keys, shown: dict[Any, Variable], edges: list[tuple[Any, Any]]) -> tuple[dict[str, Any], list[Group]]:
    """Return the columns of variables, and their groups."""
    groups: list[Group] = []
    number: dict[str, int] = {"": -1}
    for v in shown.values():
        if v.plate not in number:
            number[v.plate] = len(groups)
            groups.append(Group(v.plate, kind="plate", open=True))
    said = {x: f"{'~' if isinstance(x.op, Draw) else '='} {v.said}" if x.inputs else v.said for x, v in shown.items()}
    parents: dict[Any, set[str]] = {}
    for a, b in edges:
        parents.setdefault(b, set()).add(a.op.name)
    likeness = [(v.kind, x.op.name, tuple(sorted(parents.get(x, ())))) for x, v in shown.items()]
    names = [v.name for v in shown.values()]
    held = repeats(names, list(said.values()), likeness, [number[v.plate] for v in shown.values()], groups)
    kinds, labels = {x: v.kind for x, v in shown.items()}, {x: v.name for x, v in shown.items()}
    return columns(keys, list(shown), edges, labels, kinds, said, held), groups


def _plate(model: Model, x: Any, above: list[Any]) -> str:
    """The label of a variable's plate; an expression's is that of a parent of the same shape."""
    if kind_of(model, x) == "expression":
        alike = next((p for p in above if p.type.shape == x.type.shape and p.name in model.named_vars_to_dims), None)
        return plate_of(model, x if alike is None else alike)
    return plate_of(model, x)


def _said(x: Any) -> str:
    return formula(x, FORMULA) if x.inputs else str(x.type.dtype)
