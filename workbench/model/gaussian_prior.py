"""A density in two parts: the Gaussian prior of a block, and all that else depends on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import workbench.tensor as pt
from workbench.distributions.distribution import Draw
from workbench.distributions.location_scale import Normal
from workbench.distributions.normals import CholeskyMvNormal, MvNormal, PrecisionMvNormal
from workbench.errors import ModelError
from workbench.graph.inner import Graph
from workbench.graph.traverse import replace, topological
from workbench.model.density import values_of_variables
from workbench.model.position import block_parts, variables_of
from workbench.tensor.tensor import Tensor

if TYPE_CHECKING:
    from workbench.model.model import Model


GAUSSIAN = (Normal, MvNormal, CholeskyMvNormal, PrecisionMvNormal)


def is_gaussian(rv: Tensor) -> bool:
    """Whether a variable is normal given its parameters."""
    return isinstance(rv.op, Draw) and rv.op.distribution in GAUSSIAN


def gaussian_prior(model: Model, names: Sequence[str]) -> Graph:
    """Return the graph from standard normal noise to a block's prior mean and a step from it, given the rest.

    Parameters
    ----------
    model
        The model.
    names
        Values of the block.

    Raises
    ------
    ModelError
        If the block's prior given the rest is not Gaussian, for what is known here: a variable is no `Normal` or `MvNormal`, is
        transformed, or is a parameter of another one.

    Returns
    -------
    Parameters are noise (d,) and both vectors of the position; results are the mean (d,) and the step (d,), of the prior's covariance.
    """
    x, q, z, parts = block_parts(model, names)
    chosen = variables_of(model, names)
    own = {model.rvs_to_values[rv] for rv in chosen}
    values = values_of_variables(model)
    means, steps = [], []
    for rv in chosen:
        if not is_gaussian(rv):
            raise ModelError(f"{rv.name} has no Gaussian prior: it is no Normal or MvNormal")
        if model.rvs_to_transforms.get(rv) is not None:
            raise ModelError(f"{rv.name} is transformed: what is moved has no Gaussian prior")
        parameters = replace(list(rv.inputs[1:]), values)
        mean, spread = parameters
        among = own.intersection(topological(parameters))
        if among:
            others = ", ".join(sorted(str(v.name) for v in among))
            raise ModelError(f"the prior of {rv.name} depends on {others}, which are moved with it", "move them by a step of their own")
        shape = model.rvs_to_values[rv].shape
        # In the place of a value stands its noise.
        noise = parts[model.rvs_to_values[rv]]
        kind: Any = rv.op.distribution
        step = spread * noise if kind is Normal else kind.spread.colour(spread, noise)
        means.append(pt.reshape(pt.broadcast_to(mean, shape), (-1,)))
        steps.append(pt.reshape(pt.broadcast_to(step, shape), (-1,)))
    return Graph([x, q, z], replace([pt.concatenate(means), pt.concatenate(steps)], parts))


def likelihood(model: Model, names: Sequence[str]) -> Graph:
    """Return the graph from a block, and both vectors of the position, to the log-density without the block's prior.

    Parameters
    ----------
    model
        The model.
    names
        Values of the block.
    """
    density = model.density()
    x, q, z, parts = block_parts(model, names)
    chosen = variables_of(model, names)
    own = {model.rvs_to_values[rv] for rv in chosen}
    prior = {str(rv.name) for rv in chosen}
    others = [t for name, t in density.terms.items() if name not in prior and not own.isdisjoint(topological([t]))]
    total: Any = sum(others, pt.constant(0.0))
    return Graph([x, q, z], replace([density.representable(total)], parts))
