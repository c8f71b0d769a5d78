"""The states of discrete variables that are summed out."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

import workbench.tensor as pt
from workbench.distributions.distribution import Draw
from workbench.graph.expr import Data, Expr, Input
from workbench.graph.traverse import replace, topological
from workbench.model.elimination import refused
from workbench.model.shapes import has_open_lengths
from workbench.tensor.tensor import Tensor
from workbench.transforms.enumerated import StateSpace

if TYPE_CHECKING:
    from workbench.model.model import Model

MOST_STATES = 10_000_000
"""More joint states of several elements than this are not gone through."""

FREEZE = "with pm.freeze_dims_and_data(model) they are known for good"


def states_of(model: Model, rv: Any, last: Mapping[str, int] = MappingProxyType({})) -> StateSpace:
    """Return the states of a discrete variable.

    Parameters
    ----------
    model, rv
        The model, and its variable.
    last
        The highest state to sum of variables that have infinitely many, by name.

    Raises
    ------
    ModelError
        If they are not known, depend on variables that have no finitely many states, or are infinitely many, and no highest is given.
    """
    name = str(rv.name)
    low, high = _ends(model, rv, last)
    upper = last.get(name)
    if any(isinstance(node.op, (Draw, Input)) for node in topological([low, high])):
        raise refused(
            model, name, "how many states it has depends on other random variables, which may have any value",
            "give it an upper bound of its own: pm.Truncated(name, distribution, upper=100)",
        )
    follows_data = any(isinstance(node.op, Data) for node in topological([low, high]))
    if follows_data and has_open_lengths(model):
        raise refused(model, name, "how many states it has follows from data that may be replaced", FREEZE)
    first, highest = (np.broadcast_to(np.asarray(x.eval(), np.float64), _shape_now(model, rv)) for x in (low, high))
    if not np.isfinite(first).all() or (np.isinf(highest).any() and upper is None):
        raise refused(
            model, name, f"a {rv.op.name} has infinitely many states", "give it an upper bound: pm.Truncated(name, pm.Poisson.dist(mu), upper=100)"
        )
    cut = int(upper) if upper is not None and np.isinf(highest).any() else None
    most = np.minimum(highest, np.inf if cut is None else cut)
    low_at, numbers = np.ceil(first).astype(np.int64), (np.floor(most) - np.ceil(first) + 1).astype(np.int64)
    count = int(numbers.max(initial=1))
    there = enough = None
    if follows_data:
        steps = pt.constant(np.arange(count).reshape((count, *(1,) * rv.ndim)))
        there = steps <= pt.floor(high) - pt.ceil(low)
        enough = pt.all(pt.floor(high) - pt.ceil(low) < count)
        return StateSpace(pt.broadcast_to(pt.cast(pt.ceil(low), "int64"), rv.shape), count, there, enough, cut)
    if (numbers < count).any():
        there = pt.constant(np.arange(count).reshape((count, *(1,) * rv.ndim)) < numbers)
    every = np.unique(low_at)
    return StateSpace(pt.constant(every[0] if len(every) == 1 else low_at), count, there, None, cut)


def _shape_now(model: Model, rv: Any) -> tuple[int, ...]:
    return tuple(n if isinstance(n, int) else 1 for n in model.shapes.of(rv))


def _ends(model: Model, rv: Any, last: Mapping[str, int]) -> tuple[Any, Any]:
    """The lowest and the highest state, as expressions of data."""
    name = str(rv.name)
    if not isinstance(rv.op, Draw):
        raise refused(model, name, "it is made of other random variables, and its states are not known", "sum out those that it is made of")
    if rv.type.kind == "f":
        raise refused(model, name, f"a {rv.op.name} has a density, not separate states")
    distribution = rv.op.distribution
    ends = distribution.ends(*rv.inputs[1:])
    if ends is None and distribution.event_rank:
        raise refused(model, name, f"a draw of {rv.op.name} is a vector, whose states are not gone through", "write it as several discrete numbers")
    if ends is None:
        raise refused(model, name, f"the states of a {rv.op.name} are not known", "pm.Truncated(name, distribution, lower=0, upper=10) says what they are")
    low, high = (pt.cast(pt.as_tensor(x), "float64") for x in ends)
    return low, _at_most(high, last)


def _at_most(high: Tensor, last: Mapping[str, int]) -> Any:
    """A highest state that is that of another discrete variable as the highest that this may have."""
    node: Any = high
    while node.inputs and not isinstance(node.op, Draw) and len(node.inputs) == 1:
        node = node.inputs[0]
    if not isinstance(node.op, Draw) or node.type.kind == "f":
        return high
    ends = node.op.distribution.ends(*node.inputs[1:])
    if ends is None:
        return high
    most: Any = _at_most(pt.cast(pt.as_tensor(ends[1]), "float64"), last)
    most = pt.broadcast_to(pt.minimum(most, float(last.get(str(node.name), np.inf))), node.shape)
    found: dict[Expr, Expr] = {node: pt.cast(pt.minimum(most, 2.0**53), node.dtype)}
    return pt.where(pt.any(pt.isinf(most)), np.inf, replace(high, found))
