"""Distributions within distributions: what a mixture, a truncation or a random walk is made of.

A component is a random variable made by ``.dist()``. Its distribution and shape are fixed in the
distribution that is made of it (the `Draw`); its parameters are parameters of that one, in a row
with the others, so that values can take their place. Its key is not used: what is drawn is the
whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import workbench.tensor as pt
from workbench.distributions.constraints import Check
from workbench.distributions.custom import as_draw
from workbench.distributions.distribution import Draw
from workbench.errors import ModelError
from workbench.graph.types import Shape
from workbench.tensor.tensor import Tensor

Component = tuple[Draw, tuple[Tensor, ...]]
"""A distribution with its shape, and its parameters."""


def component(what: str, variable: Any) -> Component:
    """Split a variable made by ``.dist()`` into its distribution and its parameters.

    Raises
    ------
    ModelError
        If it is something else, or a variable of a model.
    """
    variable = as_draw(variable)
    if not isinstance(variable, Tensor) or not isinstance(variable.op, Draw):
        raise ModelError(
            f"{what} must be a distribution, got {variable!r}", "make it with .dist(), as in Normal.dist(0.0, 1.0)"
        )
    if variable.name is not None:
        raise ModelError(
            f"{what} is the variable {variable.name!r} of a model", f"make it with {variable.op.name}.dist(...): it belongs to no model"
        )
    return variable.op, variable.inputs[1:]


def ranks_of(draw: Draw) -> tuple[int, ...]:
    """How many of the last axes of each parameter belong to one draw."""
    return draw.distribution.ranks or (0,) * len(draw.distribution.parameters)


def names_of(draw: Draw, label: str) -> tuple[str, ...]:
    """The parameters' names, said to be those of `label`."""
    return tuple(f"{label}.{name}" for name in draw.distribution.parameters)


def batch_of(part: Component) -> Shape:
    """The shape of a component, without the axes of one draw; lengths that were not known are those of its parameters."""
    draw, parameters = part
    known: Shape = draw.shape[: len(draw.shape) - draw.distribution.event_rank]
    if None not in known:
        return known
    own = draw.distribution.batch_shape(*parameters)
    own = (1,) * (len(known) - len(own)) + tuple(own)
    return tuple(m if n is None else n for n, m in zip(known, own))


def event_of(part: Component) -> Shape:
    """The axes of one draw of a component; lengths that were not known are those of its parameters."""
    draw, parameters = part
    known: Shape = draw.shape[len(draw.shape) - draw.distribution.event_rank :]
    if None not in known:
        return known
    return tuple(m if n is None else n for n, m in zip(known, draw.distribution.event_shape(*parameters)))


def shape_of(part: Component) -> Shape:
    """The shape of a component."""
    return (*batch_of(part), *event_of(part))


def split(draws: Sequence[Draw], parameters: Sequence[Tensor]) -> list[Component]:
    """Give parameters in a row back to the components that they belong to."""
    found, at = [], 0
    for draw in draws:
        count = len(draw.distribution.parameters)
        found.append((draw, tuple(parameters[at : at + count])))
        at += count
    return found


def widened(part: Component) -> tuple[Tensor, ...]:
    """The parameters with one more axis, of length 1, after those of the batch."""
    draw, parameters = part
    return tuple(pt.expand_dims(p, p.ndim - rank) for p, rank in zip(parameters, ranks_of(draw)))


def component_checks(label: str, part: Component, over_last: bool = False) -> list[Check]:
    """The component's conditions on its parameters; `over_last`: held along the last axis of its batch."""
    draw, parameters = part
    found = []
    for condition, text in draw.distribution.checks(*parameters):
        reduced = pt.all(condition, axis=-1) if over_last and condition.ndim else condition
        found.append((reduced, f"{label}: {text}"))
    return found


def logp_of(part: Component, value: Tensor) -> Tensor:
    """The component's log-density; its parameters are taken as valid."""
    return part[0].distribution.logp(value, *part[1])


def draw_of(part: Component, key: Tensor, shape: tuple[int, ...]) -> Tensor:
    """A draw of the component, of `shape`."""
    return pt.broadcast_to(part[0].distribution.draw(key, shape, *part[1]), shape)


def support_point_of(part: Component, shape: Shape) -> Tensor:
    """The component's support point, of `shape`."""
    return pt.broadcast_to(part[0].distribution.support_point(*part[1]), shape)
