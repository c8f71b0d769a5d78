"""What is wrong at a point: terms that are not finite, where, and with which parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

import workbench.tensor as pt
from workbench.distributions.distribution import LENGTHS, Draw
from workbench.errors import ModelError
from workbench.graph.expr import Constant
from workbench.graph.formulas import formula
from workbench.graph.inner import Graph
from workbench.graph.printing import text
from workbench.model.density import values_for_variables
from workbench.model.drawing import parents
from workbench.model.points import values_of
from workbench.model.writing import as_given
from workbench.transforms.gradient import grad

if TYPE_CHECKING:
    from workbench.model.model import Model


def report(model: Model, point: Mapping[str, Any] | None = None, fn: str = "logp", verbose: bool = False) -> str:
    """Say which term is not finite at a point, at which index, and with which parameters."""
    model = model.at_current_shapes()
    at = point or model.initial_point()
    if fn == "logp":
        faults = [_fault(model, n, "log p({})", v, at, verbose) for n, v in model._terms(at).items() if not np.isfinite(v).all()]
        fine = "every term of the log-density is finite"
    elif fn == "dlogp":
        faults = _faults_of_gradient(model, at)
        fine = "every element of the gradient is finite"
    elif fn == "random":
        faults = [_fault(model, n, "draw of {}", v, at, verbose) for n, v in _draws(model, at).items() if not np.isfinite(v).all()]
        fine = "every draw is finite"
    else:
        raise ModelError(f"debug: there is no {fn!r}", "choose logp, dlogp or random")
    return "\n".join(faults) or fine


def _faults_of_gradient(model: Model, at: Mapping[str, Any]) -> list[str]:
    """Where the gradient is not finite, and the terms that it comes from."""
    by = model.continuous_value_vars
    density = model.density()
    whole = _evaluated(model, at, _derivatives(density.total, by))
    faults = []
    for value, found in zip(by, whole):
        if np.isfinite(found).all():
            continue
        parts = _evaluated(model, at, [_derivatives(term, [value])[0] for term in density.terms.values()])
        line, _ = _place(model, str(value.name), "gradient by {}", found)
        guilty = [name for name, part in zip(density.terms, parts) if not np.isfinite(part).all()]
        faults.append(line + (f"\n  from the term of {', '.join(guilty)}" if guilty else "\n  no term alone: only their sum overflows"))
    return faults


def _derivatives(of: Any, by: Sequence[Any]) -> list[Any]:
    found = grad(of, list(by), disconnected_inputs="ignore")
    return [pt.broadcast_to(g, v.shape) for g, v in zip(found, by)]


def _draws(model: Model, at: Mapping[str, Any]) -> dict[str, np.ndarray[Any, Any]]:
    """A draw of each variable, given the values of the others."""
    from workbench.graph.expr import rebuild
    from workbench.graph.traverse import replace

    values, _ = values_for_variables(model, [])
    drawn = [rebuild(rv, tuple(replace(list(rv.inputs), values))) for rv in model.basic_RVs]
    return dict(zip((str(rv.name) for rv in model.basic_RVs), _evaluated(model, at, drawn)))


def _evaluated(model: Model, at: Mapping[str, Any], graphs: Any) -> list[Any]:
    inputs = [model.rvs_to_values[rv] for rv in model.free_RVs]
    given = values_of(at, [model.value_name(rv) for rv in model.free_RVs])
    with np.errstate(all="ignore"):
        return list(Graph(inputs, graphs).run("numpy", *given))


def _place(model: Model, name: str, what: str, value: np.ndarray[Any, Any]) -> tuple[str, tuple[int, ...]]:
    """A line that says where a value is not finite, and the first such index."""
    bad = np.argwhere(~np.isfinite(value))
    index = tuple(bad[0].tolist()) if value.ndim else ()
    where = f"[{', '.join(map(str, index))}]" if index else ""
    others = f", and {len(bad) - 1} more of {value.size}" if len(bad) > 1 else ""
    return f"{what.format(name + where)} = {value[index]}{_labels(model, name, index)}{others}", index


def _fault(model: Model, name: str, what: str, value: np.ndarray[Any, Any], at: Mapping[str, Any], verbose: bool) -> str:
    """Say where a term is not finite, with what values there, and why as far as that is known."""
    line, index = _place(model, name, what, value)
    lines = [line]
    x = model.named_vars[name]
    drawn = isinstance(x.op, Draw)
    parts: list[Any] = list(x.inputs[1:]) if drawn else parents(model, x)
    labels, rank = [str(p.name) for p in parts], 0
    if isinstance(x.op, Draw):
        d = x.op.distribution
        labels, ranks, rank = list(d.parameters), list(d.ranks or [0] * len(parts)), d.event_rank
    else:
        ranks = [0 if p.type.shape == x.type.shape else p.type.ndim for p in parts]
    values, shown = values_for_variables(model, parts)
    # As it was observed: a fraction where a count was expected must be seen.
    value_here = [values[x] if any(x is y for y in model.free_RVs) else model.rvs_to_values[x]] if x in values else []
    checks = x.op.distribution.checks(*shown) if isinstance(x.op, Draw) else []
    numbers = _evaluated(model, at, [*value_here, *shown, *(condition for condition, _ in checks)])
    if value_here:
        lines.append(f"  value = {_at(numbers.pop(0), index, value.shape, rank)}")
    for label, graph, number, axes in zip(labels, parts, numbers, ranks):
        if label == LENGTHS:
            continue
        given = as_given(graph)
        source = "" if not drawn or isinstance(given.op, Constant) else f"  ({given.name or formula(given)})"
        lines.append(f"  {label} = {_at(number, index, value.shape, axes)}{source}")
        if verbose:
            lines += ["    " + line for line in text(graph).splitlines()]
    failed = [why for (_, why), holds in zip(checks, numbers[len(parts) :]) if not _holds(holds, index, value.shape)]
    if failed:
        lines.append(f"  {'; '.join(failed)}")
    elif drawn and value_here and value[index] == -np.inf:
        lines.append(f"  the value is impossible with {'these parameters' if parts else 'this distribution'}")
    return "\n".join(lines)


def _labels(model: Model, name: str, index: tuple[int, ...]) -> str:
    """The labels of an element of a variable: ``(county = AITKIN)``."""
    dims = model.named_vars_to_dims.get(name, ())
    if len(dims) < len(index):
        return ""
    known = [(d, model.coords.get(d), i) for d, i in zip(dims, index) if d is not None]
    found = ", ".join(f"{d} = {labels[i]}" for d, labels, i in known if labels is not None)
    return f" ({found})" if found else ""


def _holds(condition: Any, index: tuple[int, ...], shape: tuple[int, ...]) -> bool:
    try:
        return bool(np.broadcast_to(condition, shape)[index])
    except ValueError:
        return bool(np.all(condition))


def _at(number: Any, index: tuple[int, ...], shape: tuple[int, ...], rank: int) -> Any:
    """The entry of a parameter, the last `rank` axes of which are one, that belongs to an element of the density."""
    array = np.asarray(number)
    batch = array.shape[: array.ndim - rank]
    try:
        entry = np.broadcast_to(array, (*shape, *array.shape[array.ndim - rank :]))[index]
    except ValueError:
        # A parameter of the whole: the density has lost some of its axes.
        entry = array if len(batch) > len(shape) else array[tuple(0 if n == 1 else i for i, n in zip(index[len(index) - len(batch) :], batch))]
    return entry if np.ndim(entry) == 0 else np.array2string(entry, threshold=8, separator=", ").replace("\n", "")
