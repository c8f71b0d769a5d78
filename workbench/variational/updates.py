"""Updates of an optimizer: from a loss and parameters to new values of these, and of what is kept of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

import workbench.tensor as pt
from workbench.errors import ArgumentError
from workbench.graph.expr import Data, Expr
from workbench.graph.traverse import depends_on
from workbench.graph.trees import leaves
from workbench.tensor.tensor import Tensor, as_tensor
from workbench.transforms import grad

if TYPE_CHECKING:
    from workbench.variational.optimizers import Optimizer


def updates_of(optimizer: Optimizer, loss_or_grads: Any, params: Any) -> dict[Tensor, Tensor]:
    """Return what `optimizer` makes of parameters in a step, by data.

    Raises
    ------
    ArgumentError
        If a parameter is no data of floats, or there are not as many gradients as parameters.
    GradientError
        If the loss has no gradient with respect to a parameter.
    """
    what = optimizer.name.partition(" ")[0]
    values = checked(what, leaves(params))
    gradients = _gradients(what, loss_or_grads, values)
    kept = [
        pt.data(f"{v.name}_{name}", np.zeros(v.op.value.shape if n is None else (n, *v.op.value.shape), v.dtype))
        for v in values for name, n in optimizer.keeps.items()
    ]  # fmt: skip
    number = pt.data(f"{what}_steps", 0)
    settings = {name: pt.constant(value) for name, value in optimizer.settings.items()}
    after, now = optimizer.stepped(settings, number, values, gradients, kept)
    updates = {x: pt.cast(new, x.dtype) for x, new in zip([*values, *kept], [*after, *now])}
    if depends_on(list(updates.values()), [number]):
        updates[number] = number + 1
    return updates


def checked(what: str, values: list[Any]) -> list[Tensor]:
    """Return parameters, if they are data of floats, each once."""
    if not values:
        raise ArgumentError(f"{what} has no parameters to update", argument="params")
    for i, x in enumerate(values):
        if not isinstance(x, Tensor) or not isinstance(x.op, Data):
            raise ArgumentError(f"{what} updates data, and {x!r} is none", "make parameters with pt.data(name, value)", argument="params")
        if x.type.kind != "f":
            raise ArgumentError(f"{what} updates data of floats, and {x!r} is {x.type}", argument="params")
        if any(x is y for y in values[:i]):
            raise ArgumentError(f"{what} is given {x!r} twice", argument="params")
    return values


def _gradients(what: str, loss_or_grads: Any, values: list[Tensor]) -> list[Tensor]:
    if isinstance(loss_or_grads, Expr):
        return list(grad(as_tensor(loss_or_grads), values))
    found = [as_tensor(g) for g in leaves(loss_or_grads)]
    if len(found) != len(values):
        raise ArgumentError(f"{what} is given {len(found)} gradients of {len(values)} parameters", argument="loss_or_grads")
    return [pt.cast(g, v.dtype) for g, v in zip(found, values)]
