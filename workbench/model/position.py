"""Positions: the values of a model's free variables as two flat vectors, of continuous and of discrete ones; densities of parts of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

import workbench.tensor as pt
from workbench.distributions.distribution import Draw
from workbench.graph.expr import Expr, Input
from workbench.graph.inner import Graph
from workbench.graph.provenance import nowhere
from workbench.graph.traverse import replace, topological
from workbench.model.density import slope_of_zero, values_for_variables, vector_of_values
from workbench.model.simulators import require_density
from workbench.tensor.tensor import Tensor
from workbench.transforms.gradient import grad

if TYPE_CHECKING:
    from workbench.model.model import Model

Array = np.ndarray[Any, Any]
Slices = dict[str, tuple[slice, tuple[int, ...]]]


class Places(NamedTuple):
    """Where values lie in the two vectors of a position, by value name, and their shapes."""

    continuous: Slices
    discrete: Slices

    @staticmethod
    def of(model: Model) -> Places:
        """Return the places of a model's values, with the shapes that they have now."""
        found = Places({}, {})
        sizes = [0, 0]
        for value in model.at_current_shapes().value_vars:
            which = int(value.type.kind != "f")
            at = sizes[which]
            found[which][str(value.name)] = (slice(at, at + value.size), value.type.static_shape)
            sizes[which] += value.size
        return found

    @property
    def sizes(self) -> tuple[int, int]:
        """Lengths of the two vectors."""
        d, k = (max((at.stop for at, _ in places.values()), default=0) for places in self)
        return d, k

    def vectors(self, point: Mapping[str, Any]) -> tuple[Array, Array]:
        """Return a point, values by name, as the two vectors."""
        q = [np.ravel(np.asarray(point[name], np.float64)) for name in self.continuous]
        z = [np.ravel(np.asarray(point[name], np.int64)) for name in self.discrete]
        return np.concatenate(q or [np.empty(0)]), np.concatenate(z or [np.empty(0, np.int64)])

    def point(self, q: Array, z: Array) -> dict[str, Array]:
        """Return the two vectors as a point; leading axes are kept."""
        return {
            name: v[..., at].reshape((*v.shape[:-1], *shape))
            for v, places in ((q, self.continuous), (z, self.discrete))
            for name, (at, shape) in places.items()
        }

    def indices(self, names: Sequence[str]) -> Array:
        """Return where values of one kind lie in their vector, one after the other, int64."""
        both = {**self.continuous, **self.discrete}
        found = [np.arange(at.start, at.stop) for at, _ in (both[name] for name in names)]
        return np.concatenate(found or [np.empty(0, np.int64)])


def position_inputs(model: Model) -> tuple[Tensor, Tensor, dict[Expr, Any]]:
    """Return the two vectors as inputs, and each value variable as a part of one of them."""
    q, continuous = vector_of_values(model, [rv for rv in model.free_RVs if rv.type.kind == "f"], "q")
    z, discrete = vector_of_values(model, [rv for rv in model.free_RVs if rv.type.kind != "f"], "z", "int64")
    return q, z, {**continuous, **discrete}


def variables_of(model: Model, names: Sequence[str]) -> list[Tensor]:
    """Return the free variables whose values have these names, in the order of the names."""
    found = {model.value_name(rv): rv for rv in model.free_RVs}
    return [found[name] for name in names]


def block_parts(model: Model, names: Sequence[str]) -> tuple[Tensor, Tensor, Tensor, dict[Expr, Any]]:
    """Return a block and the two vectors of a position as inputs, and each value variable as a part of one of them.

    Parameters
    ----------
    model
        The model.
    names
        Values of the block, of one kind.
    """
    q, z, parts = position_inputs(model)
    variables = variables_of(model, names)
    x, own = vector_of_values(model, variables, "x", "float64" if variables[0].type.kind == "f" else "int64")
    return x, q, z, {**parts, **own}


def within_states(model: Model, names: Sequence[str], parts: Mapping[Expr, Any]) -> tuple[dict[Expr, Any], Any]:
    """Return discrete values of a block moved to the nearest states that they have, and whether one was moved; ``None`` if none can be.

    A step may propose what is no state. Its density is 0, and is not computed: it may be an index that is out of bounds.
    """
    found: dict[Expr, Any] = {}
    outside: Any = None
    for rv in variables_of(model, names):
        ends = rv.op.distribution.ends(*rv.inputs[1:]) if isinstance(rv.op, Draw) else None
        for end, beyond in zip(ends or (), (pt.less, pt.greater)):
            limit = pt.as_tensor(end)
            if any(isinstance(node.op, (Draw, Input)) for node in topological([limit])) or (isinstance(end, float) and np.isinf(end)):
                continue
            value = model.rvs_to_values[rv]
            given = found.get(value, parts[value])
            far = beyond(pt.cast(given, "float64"), limit)
            found[value] = pt.where(far, pt.cast(limit, value.dtype), given)
            outside = pt.any(far) if outside is None else pt.logical_or(outside, pt.any(far))
    return found, outside


@nowhere()
def block_density(model: Model, names: Sequence[str], gradient: bool | Collection[str], all_terms: bool = False) -> Graph:
    """Return the graph from a block of a position, and both its vectors, to the log-density and its gradient.

    Parameters
    ----------
    model
        The model.
    names
        Values of the block, of one kind: it holds them one after the other, and what the vectors hold in their place is not read.
    gradient
        Whether to give the gradient with respect to the block; or the names of the values to give it for, 0 for the others.
    all_terms
        Whether to count the terms that do not depend on the block too.
    """
    require_density(model, "chains cannot be moved by it")
    density = model.density()
    x, q, z, parts = block_parts(model, names)
    chosen: list[Any] = [model.rvs_to_values[rv] for rv in variables_of(model, names)]
    total: Any = density.total
    if not all_terms:
        total = sum((t for t in density.terms.values() if not set(chosen).isdisjoint(topological([t]))), pt.constant(0.0))
    total = density.representable(total)
    if x.type.kind != "f":
        states, outside = within_states(model, names, parts)
        parts = {**parts, **states}
        total = total if outside is None else pt.where(outside, -np.inf, total)
    results = [total]
    if gradient:
        wanted = [value for value in chosen if gradient is True or str(value.name) in gradient]  # type: ignore[operator]
        found = dict(zip(wanted, grad(total, wanted, disconnected_inputs="ignore")))
        slopes = [found.get(value, pt.zeros_like(value)) for value in chosen]
        flat = pt.concatenate([pt.reshape(g, (-1,)) for g in slopes])
        results = [total, slope_of_zero(total, flat)]
    return Graph([x, q, z], replace(results, parts))


@nowhere()
def constrained_position(model: Model) -> Graph:
    """Return the graph from the two vectors of a position to every free variable and deterministic, by name."""
    values, results = values_for_variables(model, model.deterministics)
    q, z, parts = position_inputs(model)
    return Graph([q, z], replace([*(values[rv] for rv in model.free_RVs), *results], parts))
