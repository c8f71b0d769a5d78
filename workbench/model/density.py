"""From a model to its log-density: derived by rules, values in place of variables, gradient."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

import workbench.tensor as pt
from workbench.distributions.distribution import Draw
from workbench.graph.expr import Expr, Input, give_name, intern
from workbench.graph.inner import Graph
from workbench.graph.rewrite import Firing, PassRecord, Rule, Trace
from workbench.graph.traverse import replace
from workbench.graph.types import TensorType
from workbench.tensor.tensor import Tensor
from workbench.transforms.change_of_variables import unconstrained_logp
from workbench.transforms.gradient import grad
from workbench.transforms.logprob import logprob_pass, require_derived

if TYPE_CHECKING:
    from workbench.model.model import Model


class LogpGraph:
    """The log-density of a model over its value variables.

    Attributes
    ----------
    elementwise, terms
        The log-density of each variable, element by element, and summed.
    total
        The sum of all.
    values
        Every random variable's value in its own space, as an expression of the value variables.
    trace
        The passes that led here.
    """

    def __init__(self, model: Model, jacobian: bool = True) -> None:
        self.trace = Trace()
        named: dict[str, Tensor] = {}
        for rv in model.basic_RVs:
            transform = model.rvs_to_transforms.get(rv)
            named[str(rv.name)] = unconstrained_logp(rv, model.rvs_to_values[rv], transform, jacobian)
        potentials = {str(p.name): p for p in model.potentials}
        start = [_total([*named.values(), *potentials.values()]), *named.values(), *potentials.values()]
        derived, record = logprob_pass().run(start)
        require_derived(derived)
        self.trace.passes.append(record)
        self.values, substituted, record = _values_for_variables(model, derived)
        self.trace.passes.append(record)
        self.total: Any = substituted[0]
        self.elementwise: dict[str, Tensor] = dict(zip([*named, *potentials], substituted[1:]))
        self.terms = {name: pt.sum(x) for name, x in self.elementwise.items()}


def _total(terms: Sequence[Tensor]) -> Tensor:
    total: Tensor | None = None
    for term in terms:
        summed = pt.sum(term)
        total = summed if total is None else total + summed
    return pt.constant(0.0) if total is None else total


def _substitute(rv: Expr) -> None:
    """A random variable stands for its value: where the density is asked for, the value is put in its place."""


VALUE_FOR_VARIABLE = Rule(
    "value_for_variable", "values", (_substitute.__doc__ or "").strip(), (), lambda expr: None, _substitute
)


def _values_for_variables(
    model: Model, roots: Sequence[Expr]
) -> tuple[dict[Expr, Expr], list[Any], PassRecord]:
    """Put each variable's value in its place, in order of creation."""
    start = time.perf_counter()
    values: dict[Expr, Expr] = {}
    firings = []
    current = list(roots)
    for rv in model.basic_RVs:
        begun = time.perf_counter()
        value = model.rvs_to_values[rv]
        transform = model.rvs_to_transforms.get(rv)
        step = value if transform is None else transform.backward(value, rv)
        (values[rv],) = replace([step], values)
        for x in (step, values[rv]):
            give_name(x, rv.name)
        firings.append(Firing(VALUE_FOR_VARIABLE, rv, step, time.perf_counter() - begun))
    # One at a time, the last variable goes first: an earlier one may be among its parameters.
    firings.reverse()
    current = replace(current, values)
    record = PassRecord(
        "values", "Each random variable is replaced by its value.", tuple(roots), tuple(current), tuple(firings),
        time.perf_counter() - start,
    )  # fmt: skip
    return values, current, record


def flat_vector(model: Model) -> tuple[Tensor, dict[Expr, Tensor]]:
    """Return the flat vector, and each value variable as a part of it."""
    q: Tensor = intern(Input("q", TensorType("float64", (model.flat_size,))))
    q.name = "q"
    parts: dict[Expr, Tensor] = {}
    for rv, (at, shape) in zip(model.free_RVs, model.flat_slices.values()):
        part = pt.reshape(q[at], shape)
        value = model.rvs_to_values[rv]
        part.name = value.name
        parts[value] = part
    return q, parts


def logp_grad_graph(model: Model, trace: Trace | None = None) -> Graph:
    """Return the graph from the flat vector to the log-density and its gradient."""
    from workbench.errors import ModelError

    discrete = [rv.name for rv in model.free_RVs if np.dtype(rv.dtype).kind != "f"]
    if discrete:
        raise ModelError(
            f"{', '.join(map(str, discrete))}: a discrete free variable has no gradient",
            "observe it, or sum it out of the model",
        )
    density = model.density()
    q, parts = flat_vector(model)
    (total,) = replace([density.total], parts)
    if trace is not None:
        trace.passes += density.trace.passes
    gradients = grad(total, list(parts.values()), disconnected_inputs="ignore", trace=trace)
    flat = pt.concatenate([pt.reshape(g, (-1,)) for g in gradients]) if gradients else pt.zeros(0)
    return Graph([q], [total, flat])


def constrained_graph(model: Model) -> Graph:
    """Return the graph from the flat vector to every free variable and deterministic, by name."""
    density_values, results, _ = _values_for_variables(model, model.deterministics)
    q, parts = flat_vector(model)
    free = [density_values[rv] for rv in model.free_RVs]
    return Graph([q], replace([*free, *results], parts))


class LogpDlogp:
    """A model's log-density and gradient, compiled.

    Call it with the flat unconstrained vector; it returns ``(logp, gradient)``.

    Attributes
    ----------
    function
        The compiled function; `source`, `timings`, `trace` and `backend` are its own.
    """

    def __init__(self, model: Model, backend: str) -> None:
        from workbench.compile import function

        start = time.perf_counter()
        graph = model.logp_grad_graph()
        derive = time.perf_counter() - start
        self.function = function(graph.params, graph.results, backend=backend, name="logp_grad")
        self.timings = {"derive": derive, **self.function.timings}
        self.trace = self.function.trace
        self.backend = self.function.backend

    @property
    def source(self) -> str:
        return self.function.source

    def __call__(self, q: Any) -> tuple[float, np.ndarray[Any, Any]]:
        value, gradient = self.function(q)
        return float(value), gradient


def explain(model: Model, name: str, value: np.ndarray[Any, Any], point: Mapping[str, Any]) -> str:
    """Say where a term is not finite, and the parameters of its distribution there."""
    index = tuple(np.argwhere(~np.isfinite(value))[0].tolist()) if value.ndim else ()
    where = f"[{', '.join(map(str, index))}]" if index else ""
    lines = [f"log p({name}{where}) = {value[index]}"]
    x = model.named_vars[name]
    if isinstance(x.op, Draw):
        values, shown, _ = _values_for_variables(model, x.inputs[1:])
        inputs = [model.rvs_to_values[rv] for rv in model.free_RVs]
        given = [np.asarray(point[model.value_name(rv)]) for rv in model.free_RVs]
        at = values[x]
        with np.errstate(all="ignore"):
            numbers = Graph(inputs, [at, *shown]).run("numpy", *given)
        for label, number in zip(("value", *x.op.distribution.parameters), numbers):
            full = np.broadcast_to(number, value.shape)
            lines.append(f"  {label} = {full[index]}")
    return "\n".join(lines)
