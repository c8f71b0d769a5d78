"""A model's log-density over its flat unconstrained vector, with first, second and third derivatives, compiled."""

from __future__ import annotations

from typing import Any

import numpy as np

import workbench.tensor as pt
from workbench.compile import CompiledFunction, choose_backend
from workbench.errors import ArgumentError, SamplingError
from workbench.graph.inner import Graph
from workbench.inference.start import start_point
from workbench.model.context import modelcontext
from workbench.model.density import logp_grad_graph, slopes
from workbench.model.functions import function_of
from workbench.model.minibatch import refuse_minibatches
from workbench.model.model import Model
from workbench.transforms.gradient import grad, vjp

Array = np.ndarray[Any, Any]
NO_INTEGERS = np.empty(0, np.int64)


def model_of_all_data(model: Model | None, what: str) -> Model:
    """Return the model that is given, or that of the surrounding block, for what needs all its data.

    Raises
    ------
    ArgumentError
        If it is no model.
    ModelError
        If its data are a minibatch.
    """
    given = modelcontext(model)
    if not isinstance(given, Model):
        raise ArgumentError(f"model must be a Model, got {given!r}")
    refuse_minibatches(given, what)
    return given


class FlatDensity:
    """The log-density of a model, with the Jacobian of its transforms, and derivatives. Threads may share it.

    Parameters
    ----------
    model
        The model, at its current shapes.
    backend
        Where to compute.

    Attributes
    ----------
    size
        Length of the flat vector.

    Raises
    ------
    ModelError
        If a free variable is discrete; at its line.
    """

    def __init__(self, model: Model, backend: str) -> None:
        refuse_minibatches(model, "this approximation")
        self.model, self.backend = model, choose_backend(backend)
        self._logp = function_of(model, "logp_grad", self.backend, logp_grad_graph)
        self.size: int = model.flat_size
        if not self.size:
            raise SamplingError("the model has no free variable with elements: there is nothing to approximate")
        self._second: CompiledFunction | None = None
        self._third: CompiledFunction | None = None

    def __call__(self, q: Array) -> tuple[float, Array]:
        """Return the log-density at a point (d,), and its gradient (d,)."""
        value, gradient = self._logp(q)
        return float(value), np.asarray(gradient)

    def values(self, rows: Array) -> Array:
        """Return the log-density at each of several points, (n, d); minus infinity where it is no number."""
        found = np.array([float(self._logp(q)[0]) for q in np.ascontiguousarray(rows)])
        return np.where(np.isnan(found), -np.inf, found)

    def hessian_product(self, q: Array, v: Array) -> Array:
        """Return the second derivatives at a point times a direction, (d,)."""
        if self._second is None:
            self._second = function_of(self.model, "hessian_product", self.backend, hessian_product_graph)
        return np.asarray(self._second(q, v)[0])

    def third(self, q: Array, u: Array, v: Array) -> Array:
        """Return the gradient (d,) of ``u @ H(q) @ v`` with respect to q, the second derivatives being H."""
        if self._third is None:
            self._third = function_of(self.model, "third_derivatives", self.backend, _third)
        return np.asarray(self._third(q, u, v)[0])

    def start(self, rng: np.random.Generator, initvals: Any = None, jitter: bool = True) -> Array:
        """Return a start as the sampler's: jittered around the support point, checked."""
        return start_point(self.model, lambda q, z: self(q), rng, initvals, jitter)[0]


def hessian_product_graph(model: Model) -> Graph:
    found = slopes(model)
    v = pt.tensor("v", "float64", found.q.type.shape)
    # Of the density itself: what guards it is for points where there is no derivative.
    return Graph([found.q, v], [vjp(_gradient(found), found.q, v)])


def _third(model: Model) -> Graph:
    found = slopes(model)
    u, v = (pt.tensor(name, "float64", found.q.type.shape) for name in "uv")
    second = vjp(_gradient(found), found.q, v)
    return Graph([found.q, u, v], [grad(pt.sum(u * second), found.q, disconnected_inputs="ignore")])


def _gradient(found: Any) -> Any:
    return pt.concatenate(found.rows)
