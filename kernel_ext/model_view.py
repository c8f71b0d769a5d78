"""A model as columns for the widgets: variables in plates of their dims, arrows from what they are made of."""

from __future__ import annotations

from typing import Any

from kernel_ext.snapshot import Keys, columns
from workbench import Model
from workbench.distributions import Draw
from workbench.graph import formula
from workbench.model.drawing import drawn_parents, kind_of, named_expressions, plate_of

KINDS = {"free": "random"}
"""What drawings call kinds of variables, where that is another word."""
FORMULA = 34
"""Most characters of a formula under a name."""


def model_columns(keys: Keys, model: Model) -> tuple[dict[str, Any], list[str]]:
    """Return the columns of a model's variables, and the labels of their plates.

    Expressions that have a name, as those assigned to one in a ``%%model`` cell, are drawn too.
    """
    nodes = [*model.named_vars.values(), *named_expressions(model)]
    known = set(nodes)
    above = {x: drawn_parents(model, x, known) for x in nodes}
    plates: dict[str, int] = {}
    groups = []
    for x in nodes:
        label = _plate(model, x, above[x])
        groups.append(plates.setdefault(label, len(plates)) if label else -1)
    return columns(
        keys,
        nodes,
        [(parent, x) for x in nodes for parent in above[x]],
        {x: str(x.name) for x in nodes},
        {x: KINDS.get(kind := kind_of(model, x), kind) for x in nodes},
        {x: _said(x) for x in nodes},
        groups,
    ), list(plates)


def _plate(model: Model, x: Any, above: list[Any]) -> str:
    """The label of a variable's plate; an expression's is that of a parent of the same shape."""
    if kind_of(model, x) == "expression":
        alike = next((p for p in above if p.type.shape == x.type.shape and p.name in model.named_vars_to_dims), None)
        return plate_of(model, x if alike is None else alike)
    return plate_of(model, x)


def _said(x: Any) -> str:
    if isinstance(x.op, Draw):
        return f"~ {formula(x, FORMULA)}"
    return f"= {formula(x, FORMULA)}" if x.inputs else str(x.type.dtype)
