"""A model's log-density in two parts, for tempering: the prior of its free variables, and all that was observed, potentials too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

import workbench.tensor as pt
from workbench.errors import ModelError
from workbench.graph.expr import Expr
from workbench.graph.inner import Graph
from workbench.graph.provenance import nowhere
from workbench.graph.traverse import replace
from workbench.model.density import LogpGraph, slope_of_zero
from workbench.model.missing import Part
from workbench.model.position import position_inputs, within_states
from workbench.tensor.keys import keys_below
from workbench.tensor.tensor import Tensor
from workbench.transforms.gradient import grad
from workbench.transforms.vectorise import vectorize_graph

if TYPE_CHECKING:
    from workbench.model.model import Model


@nowhere()
def prior_and_likelihood(model: Model) -> Graph:
    """Return the graph from a position and a random word to the prior's log-density and the log-likelihood.

    Parameters
    ----------
    model
        The model.

    Raises
    ------
    ModelError
        If vectors are observed in part: their density has no part of its own for what is missing.

    Returns
    -------
    Parameters are both vectors of the position and a word, from which the keys of simulated likelihoods come; results are two
    numbers. Discrete values that are no states have the prior's density 0, and the likelihood of the nearest state.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     x = pm.Normal("x", 0.0, 1.0)
    ...     y = pm.Normal("y", x, 1.0, observed=1.0)
    >>> both = prior_and_likelihood(model).run("numpy", np.zeros(1), np.zeros(0, np.int64), np.uint64(0))
    >>> [round(float(v), 4) for v in both]
    [-0.9189, -1.4189]
    """
    q, z, word, parts, prior, likelihood, _ = _parts(model)
    return Graph([q, z, word], replace([prior, likelihood], parts))


@nowhere()
def tempered_density(model: Model) -> Graph:
    """Return the graph of :func:`prior_and_likelihood`, with an inverse temperature as fourth parameter and a gradient as third result.

    The gradient, (d,), is that of the prior's log-density plus the inverse temperature times the log-likelihood.
    """
    q, z, word, parts, prior, likelihood, density = _parts(model)
    beta = pt.scalar("beta")
    values: list[Any] = [model.rvs_to_values[rv] for rv in model.free_RVs if rv.type.kind == "f"]
    total = prior + beta * likelihood
    slopes = [pt.reshape(g, (-1,)) for g in grad(total, values, disconnected_inputs="ignore")] if values else []
    gradient = pt.concatenate(slopes) if slopes else pt.zeros(0)
    return Graph([q, z, word, beta], replace([prior, likelihood, slope_of_zero(total, gradient)], parts))


def _parts(model: Model) -> tuple[Tensor, Tensor, Tensor, dict[Expr, Any], Any, Any, LogpGraph]:
    split = [rv for rv in model.free_RVs if isinstance(rv.op, Part)]
    if split:
        made = split[0].provenance
        raise ModelError(
            f"{split[0].name}: vectors that are observed in part have one density for what is observed and what is missing: "
            "it has no prior to begin from",
            "observe whole vectors, or none of one; pm.sample takes such models",
            made.location if made else None,
        )
    density = model.density()
    q, z, parts = position_inputs(model)
    free = {str(rv.name) for rv in model.free_RVs}
    prior: Any = pt.constant(0.0)
    likelihood: Any = pt.constant(0.0)
    for factor in density.factors.all:
        term = density.terms[factor.name]
        if free.issuperset(factor.of):
            prior = prior + term
        elif free.isdisjoint(factor.of):
            likelihood = likelihood + term
        else:
            raise ModelError(
                f"{', '.join(factor.of)} have one density together, since what they depend on was summed or integrated out: there is no prior apart "
                "from the likelihood to begin from",
                "sample the model as it was before",
            )
    prior, likelihood = density.representable(prior), density.representable(likelihood)
    states, outside = within_states(model, [model.value_name(rv) for rv in model.free_RVs if rv.type.kind != "f"], parts)
    prior = prior if outside is None else pt.where(outside, -np.inf, prior)
    word = pt.tensor("word", "uint64", ())
    keys: dict[Expr, Any] = {key: pt.random.fold_in(word, i) for i, key in enumerate(keys_below([prior, likelihood]))}
    return q, z, word, {**parts, **states, **keys}, prior, likelihood, density


def of_particles(graph: Graph, together: bool, shared: int = 0) -> Graph:
    """Return a graph of one position as one of many: parameters and results have one axis more, of particles.

    Parameters
    ----------
    graph
        The graph.
    together
        Whether each operation is one of all particles, which is quick with NumPy and JAX, or the graph a loop over them, which is
        with compiled loops.
    shared
        How many of the last parameters are the same for all particles.
    """
    count = len(graph.params) - shared
    own, rest = graph.params[:count], graph.params[count:]
    many = [pt.tensor(str(p.name), p.type.dtype, ("particles", *p.type.shape)) for p in own]
    if together:
        results = vectorize_graph(graph.results, dict(zip(own, many)))
        n = many[0].shape[0]
        results = [y if y.ndim > x.type.ndim else pt.broadcast_to(y, (n, *y.shape)) for x, y in zip(graph.results, results)]
        return Graph([*many, *rest], results)

    def each(*values: Tensor) -> Sequence[Any]:
        return list(graph.apply(*values, *rest))

    return Graph([*many, *rest], list(pt.map(each, many)))
