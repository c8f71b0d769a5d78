"""The log-density of a model as a function of one element of a block, for several values of it at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import workbench.tensor as pt
from workbench.errors import ModelError
from workbench.graph.expr import Expr, Input, intern
from workbench.graph.inner import Graph
from workbench.graph.traverse import replace, topological
from workbench.graph.types import TensorType
from workbench.model.position import block_parts, variables_of
from workbench.model.shapes import has_open_lengths
from workbench.transforms.one_element import OneElement
from workbench.transforms.vectorise import vectorize_graph

if TYPE_CHECKING:
    from workbench.model.model import Model


def conditional_density(model: Model, names: Sequence[str], count: int) -> Graph:
    """Return the graph from an element of a block and candidates for it to the log-density with each of them, but for a constant.

    Terms that do not depend on the element are left out, and sums are of the terms that do (:mod:`workbench.transforms.one_element`).

    Parameters
    ----------
    model
        The model.
    names
        Values of the block, of one kind.
    count
        Number of candidates.

    Raises
    ------
    ModelError
        If lengths of the model are open.

    Returns
    -------
    Parameters are the element's number, candidates (count,), the block (d,) and both vectors of the position; the result is (count,).
    """
    if has_open_lengths(model):
        raise ModelError("terms are found by their places, where lengths are known")
    terms = list(model.density().elementwise.values())
    x, q, z, parts = block_parts(model, names)
    i, candidates = pt.tensor("i", "int64", ()), pt.vector("candidates", count, dtype=x.dtype)
    params = [i, candidates, x, q, z]
    made: list[tuple[int, Any]] = []
    end = 0
    for value in (model.rvs_to_values[rv] for rv in variables_of(model, names)):
        if value.size:
            made.append((end + value.size, _of_value(terms, value, i - end, candidates, parts)))
            end += value.size
    return Graph(params, [_choice(i, made, params) if made else pt.zeros(count)])


def _choice(i: Any, made: Sequence[tuple[int, Any]], params: Sequence[Any]) -> Any:
    """The expression of the value that element `i` belongs to: of those before the number that goes with it, by halves."""
    if len(made) == 1:
        return made[0][1]
    half = len(made) // 2
    return _either(i < made[half - 1][0], _choice(i, made[:half], params), _choice(i, made[half:], params), params)


def _either(predicate: Any, then: Any, orelse: Any, params: Sequence[Any]) -> Any:
    """One of two expressions of the parameters; only that is computed."""
    (found,) = pt.cond(
        predicate, lambda *given: replace([then], dict(zip(params, given))), lambda *given: replace([orelse], dict(zip(params, given))), params
    )
    return found


def _of_value(terms: Sequence[Any], value: Any, number: Any, candidates: Any, parts: Mapping[Expr, Any]) -> Any:
    """The log-density with candidates for an element of one value, which is given by its number in row-major order."""
    one: Any = intern(Input("candidate", TensorType(value.dtype, ())))
    place, left = [], number
    for n in reversed(value.type.shape):
        place.append(left % n)
        left = left // n
    place.reverse()
    element = OneElement(value, place, one)
    few: list[Any] = []
    whole: list[Any] = []
    for term in terms:
        if value in set(topological([term])):
            part = element.sum(term) if value.ndim else None
            if part is None:
                whole.append(pt.sum(term))
            else:
                few.append(pt.cast(part, "float64"))
    total: Any = pt.constant(0.0)
    for part in few:
        total = total + part
    if whole:
        replaced = pt.reshape(pt.reshape(value, (-1,))[number].set(one), value.type.shape) if value.ndim else one
        for part in replace(whole, {value: replaced}):
            total = total + part
    (total,) = replace([total], parts)
    many = vectorize_graph(total, {one: pt.cast(candidates, value.dtype)})
    return pt.broadcast_to(many, candidates.shape)
