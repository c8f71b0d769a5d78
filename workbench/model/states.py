"""Which states a discrete variable has, where they are finitely many."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

import workbench.tensor as pt
from workbench.distributions.distribution import Draw
from workbench.graph.expr import Input
from workbench.graph.traverse import topological
from workbench.tensor.tensor import Tensor

if TYPE_CHECKING:
    from workbench.model.model import Model

MOST = 500
"""More states than this are not gone through one by one."""


class States(NamedTuple):
    """The states of the elements of a variable, in row-major order: whole numbers in a row."""

    low: np.ndarray[Any, Any]
    """The lowest state of each element, int64 (n,)."""
    numbers: np.ndarray[Any, Any]
    """How many it has."""


def finite_states(model: Model, rv: Tensor) -> States | None:
    """Return the states of a free variable's elements; ``None`` if they are many, depend on other variables, or are not known.

    Parameters
    ----------
    model
        The model, with the shapes that it has now.
    rv
        One of its free variables.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     year = pm.DiscreteUniform("year", 1851, 1961)
    ...     count = pm.Poisson("count", 3.0)
    >>> finite_states(model, year)
    States(low=array([1851]), numbers=array([111]))
    >>> finite_states(model, count)
    """
    if not isinstance(rv.op, Draw):
        return None
    found = rv.op.distribution.ends(*rv.inputs[1:])
    if found is None:
        return None
    ends = [pt.broadcast_to(pt.cast(pt.as_tensor(x), "float64"), rv.shape) for x in found]
    if any(isinstance(node.op, (Draw, Input)) for node in topological(ends)):
        return None
    low, high = (np.ravel(np.asarray(x.eval(), np.float64)) for x in ends)
    if not np.isfinite(high - low).all() or (high < low).any() or (high - low >= MOST).any():
        return None
    return States(np.ceil(low).astype(np.int64), (np.floor(high) - np.ceil(low) + 1).astype(np.int64))
