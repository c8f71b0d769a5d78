"""The log-density of a model as a function of one element of a block, for several values of it at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import workbench.tensor as pt
from workbench.graph.inner import Graph
from workbench.model.position import block_density
from workbench.tensor.shape import extent
from workbench.transforms.vectorise import vectorize_graph

if TYPE_CHECKING:
    from workbench.model.model import Model


def conditional_density(model: Model, names: Sequence[str], count: int) -> Graph:
    """Return the graph from an element of a block and candidates for it to the log-density with each of them, but for a constant.

    Parameters
    ----------
    model
        The model.
    names
        Values of the block, of one kind.
    count
        Number of candidates.

    Returns
    -------
    Parameters are the element's number, candidates (count,), the block (d,) and both vectors of the position; the result is (count,).
    """
    density = block_density(model, names, gradient=False)
    x: Any = density.params[0]
    i = pt.tensor("i", "int64", ())
    candidates = pt.vector("candidates", count, dtype=x.dtype)
    many = pt.broadcast_to(x, (count, extent(x, 0)))
    many = pt.transpose(pt.transpose(many)[i].set(candidates))
    (values,) = vectorize_graph(density.results, {x: many})
    return Graph([i, candidates, *density.params], [pt.broadcast_to(values, candidates.shape)])
