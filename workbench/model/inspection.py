"""What is wrong at a point: terms that are not finite, where, and with which parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.distributions.distribution import Draw
from workbench.errors import ModelError
from workbench.graph.inner import Graph
from workbench.graph.printing import text
from workbench.model.density import values_for_variables
from workbench.model.points import values_of

if TYPE_CHECKING:
    from workbench.model.model import Model


def report(model: Model, point: Mapping[str, Any] | None = None, fn: str = "logp", verbose: bool = False) -> str:
    """Say which term is not finite at a point, at which index, and with which parameters."""
    model = model.at_current_shapes()
    at = point or model.initial_point()
    if fn == "logp":
        bad = {name: v for name, v in model._terms(at).items() if not np.isfinite(v).all()}
        what = "log p({})"
        fine = "every term of the log-density is finite"
    elif fn == "dlogp":
        bad = {n: v for n, v in model.unflatten(_gradient(model, at)).items() if not np.isfinite(v).all()}
        what = "gradient by {}"
        fine = "every element of the gradient is finite"
    elif fn == "random":
        bad = {n: v for n, v in _draws(model, at).items() if not np.isfinite(v).all()}
        what = "draw of {}"
        fine = "every draw is finite"
    else:
        raise ModelError(f"debug: there is no {fn!r}", "choose logp, dlogp or random")
    if not bad:
        return fine
    return "\n".join(_explain(model, name, what, value, at, verbose) for name, value in bad.items())


def _gradient(model: Model, at: Mapping[str, Any]) -> np.ndarray[Any, Any]:
    return np.asarray(model.logp_dlogp_function(backend="numpy")(model.flatten(at))[1])


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


def _explain(model: Model, name: str, what: str, value: np.ndarray[Any, Any], at: Mapping[str, Any], verbose: bool) -> str:
    """Say where a term is not finite, and the parameters of its distribution there."""
    index = tuple(np.argwhere(~np.isfinite(value))[0].tolist()) if value.ndim else ()
    where = f"[{', '.join(map(str, index))}]" if index else ""
    lines = [f"{what.format(name + where)} = {value[index]}"]
    x = model.named_vars.get(name)
    if x is None or not isinstance(x.op, Draw):
        return lines[0]
    values, shown = values_for_variables(model, x.inputs[1:])
    labels = ("value", *x.op.distribution.parameters)
    for label, number, graph in zip(labels, _evaluated(model, at, [values[x], *shown]), [x, *x.inputs[1:]]):
        lines.append(f"  {label} = {_at(number, index, value.shape)}")
        if verbose and label != "value":
            lines += ["    " + line for line in text(graph).splitlines()]
    return "\n".join(lines)


def _at(number: Any, index: tuple[int, ...], shape: tuple[int, ...]) -> Any:
    """The entry of a parameter that belongs to an element of the density."""
    array = np.asarray(number)
    try:
        return np.broadcast_to(array, shape)[index]
    except ValueError:
        batch = array.shape[: len(shape)]
        chosen = tuple(0 if n == 1 else i for i, n in zip(index[len(index) - len(batch) :], batch))
        return np.array2string(array[chosen], threshold=8) if array.ndim >= len(shape) else np.array2string(array, threshold=8)
