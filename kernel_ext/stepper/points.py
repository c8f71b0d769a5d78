"""Values for the inputs of a step: of a model, at and about its initial point; of anything else, such that the step is defined."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

import workbench.tensor as pt
from workbench import Model
from workbench.errors import WorkbenchError
from workbench.graph import Data, Expr, Input, topological
from workbench.graph.expr import Op, input_like, intern
from workbench.graph.inner import Graph, mapped
from workbench.graph.lengths import number, symbols
from workbench.graph.types import TensorType
from workbench.model.density import values_of_variables
from workbench.tensor.control.flow import Region, Slot

POINTS = 3
SPREAD = 0.3
"""How far the second and third point lie from the initial one, in unconstrained space."""

Named = Mapping[str, Any]


class NoValue(Exception):
    """Why there is nothing to compare; a sentence."""


class Points:
    """Points of a model, or of nothing in particular.

    Attributes
    ----------
    named
        For each point, the values of the model's variables by name: constrained, unconstrained, and as one vector.
    """

    def __init__(self, model: Model | None = None) -> None:
        self.model = model
        self.named: list[Named] = [{}] * POINTS if model is None else [_point(model.at_current_shapes(), i) for i in range(POINTS)]

    @property
    def where(self) -> str:
        """What the points are, in words."""
        return "random points" if self.model is None else "the initial point and two near it"

    def at(self, inputs: Sequence[Expr], results: Sequence[Expr]) -> Iterator[tuple[list[Any], list[Any]]]:
        """Give, for each point, the values of the inputs and of the results.

        Inputs that no name tells are drawn so that the first result is finite, if that can be had.

        Raises
        ------
        NoValue
            If there is none at which the results can be computed.
        """
        graph = Graph(inputs, results)
        for i, named in enumerate(self.named):
            best: tuple[list[Any], list[Any]] | None = None
            share, problem = -1.0, ""
            for draw in _WAYS:
                rng = np.random.default_rng(i)
                try:
                    values = [_value(x, named, draw, rng) for x in inputs]
                    with np.errstate(all="ignore"):
                        found = graph.run("numpy", *values)
                except (WorkbenchError, NotImplementedError, AttributeError, TypeError, ValueError, IndexError, KeyError, np.linalg.LinAlgError) as error:
                    problem = problem or f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
                    continue
                finite = _share_finite(found[0])
                if finite > share:
                    best, share = (values, list(found)), finite
                if share == 1.0 or all(_name(x) in named for x in inputs):
                    break
            if best is None:
                raise NoValue(f"The step could not be computed at any point that was tried ({problem}).")
            yield best


def _point(model: Model, i: int) -> Named:
    rng = np.random.default_rng(i)
    point = model.initial_point()
    if i:
        point = {k: v + SPREAD * rng.normal(size=np.shape(v)) if np.asarray(v).dtype.kind == "f" else v for k, v in point.items()}
    found: dict[str, Any] = {"q": model.flatten(point), **point}
    hidden = {model.rvs_to_values[rv] for rv in model.marginalized_RVs}
    own = {rv: x for rv, x in values_of_variables(model).items() if rv.name and hidden.isdisjoint(topological([x]))}
    values = [model.rvs_to_values[rv] for rv in model.free_RVs]
    with np.errstate(all="ignore"):
        numbers = Graph(values, list(own.values())).run("numpy", *(point[model.value_name(rv)] for rv in model.free_RVs))
    found.update((str(rv.name), v) for rv, v in zip(own, numbers))
    return found


def _name(x: Expr) -> str:
    return str(x.name or getattr(x.op, "label", "") or "")


def _value(x: Expr, named: Named, draw: Any, rng: np.random.Generator) -> Any:
    known = named.get(_name(x))
    if not isinstance(x.type, TensorType):
        raise NoValue(f"A value of type {x.type} cannot be drawn.")
    lengths = {s: 3 for n in x.type.shape for s in symbols(n)}
    shape = tuple(number(n, lengths) for n in x.type.shape)
    if known is not None and (np.shape(known) == shape or lengths):
        return np.asarray(known, x.type.dtype)
    kind = np.dtype(x.type.dtype).kind
    if kind == "b":
        return rng.random(shape) < 0.5
    if kind == "u":
        return rng.integers(0, np.iinfo(x.type.dtype).max, shape, x.type.dtype)
    if kind == "i":
        return rng.integers(0, 3, shape).astype(x.type.dtype) if draw is not _near_zero else np.zeros(shape, x.type.dtype)
    return np.asarray(draw(rng, shape), x.type.dtype)


def _normal(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    return 0.5 * rng.normal(size=shape)


def _positive(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    return 0.2 + np.abs(rng.normal(size=shape))


def _unit(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    return rng.uniform(0.05, 0.95, size=shape)


def _definite(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    if len(shape) < 2 or shape[-1] != shape[-2]:
        return _positive(rng, shape)
    a = rng.normal(size=shape)
    return a @ np.swapaxes(a, -1, -2) / shape[-1] + np.eye(shape[-1])


def _near_zero(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    return 0.01 * rng.normal(size=shape)


_WAYS = (_normal, _positive, _unit, _definite, _near_zero)


def _share_finite(value: Any) -> float:
    if isinstance(value, tuple):
        return min((_share_finite(v) for v in value), default=1.0)
    array = np.asarray(value)
    return float(np.isfinite(array).mean()) if array.dtype.kind == "f" and array.size else 1.0


def with_densities(roots: Sequence[Expr]) -> list[Any]:
    """Return expressions with the density of a standard normal, and its gradient, in the slots of a sampler that are for those."""

    def region(node: Expr, inputs: tuple[Expr, ...]) -> Expr | None:
        return _bowl(node.op, inputs) if isinstance(node.op, Slot) else None

    return mapped(roots, region)


def _bowl(slot: Slot, inputs: Sequence[Any]) -> Any:
    """What stands for a function that is given later; ``None`` where it is no density."""
    params: list[Any] = [input_like(x, x.type) for x in inputs]
    real = [p for p in params if p.type.kind == "f"]
    results: list[Any] = []
    for wanted in slot(*inputs).type.items:
        like = next((p for p in real if p.type.shape == wanted.shape and p.ndim), None)
        if like is None and wanted.ndim:
            return None
        results.append(-like if like is not None else sum((pt.sum(p * p) * -0.5 for p in real), pt.constant(0.0)))
    return Region(slot.label, Graph(params, results))(*inputs)


def has_value(x: Expr) -> bool:
    """Whether the operation of a node can be computed by itself: random variables, densities not derived and slots cannot."""
    if type(x.op).numpy is Op.numpy:
        return False
    return all(has_value(n) for g in x.op.graphs for n in topological(g.results) if not isinstance(n.op, (Input, Data)))


def opened(roots: Sequence[Expr]) -> tuple[list[Expr], list[Expr], list[Expr]]:
    """Return expressions with inputs in the place of what has no value by itself; the inputs; and what they stand for."""
    memo: dict[Expr, Expr] = {}
    inputs: list[Expr] = []
    hidden: list[Expr] = []
    pending = list(roots)
    # Only what is needed down to those places: not what a random variable is drawn by.
    stack = list(reversed(pending))
    from workbench.graph.expr import rebuild

    while stack:
        node = stack[-1]
        if node in memo:
            stack.pop()
            continue
        if isinstance(node.op, Input):
            memo[node] = node
            inputs.append(node)
        elif (not node.op.graphs and type(node.op).numpy is Op.numpy) or (node.op.graphs and not has_value(node)):
            if not isinstance(node.type, TensorType):
                raise NoValue(f"{node.op.name} has no value by itself.")
            stand = intern(Input(node.name, node.type))
            stand.name = node.name
            memo[node] = stand
            inputs.append(stand)
            hidden.append(node)
        else:
            waiting = [x for x in node.inputs if x not in memo]
            if waiting:
                stack.extend(reversed(waiting))
                continue
            memo[node] = rebuild(node, tuple(memo[x] for x in node.inputs)) if node.inputs else node
        stack.pop()
    return [memo[r] for r in roots], inputs, hidden
