"""Points: a value for each free variable, by the name of the value."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

import workbench.tensor as pt
from workbench.distributions.support_points import support_point
from workbench.errors import ModelError, ShapeError
from workbench.graph.expr import Expr
from workbench.graph.inner import Graph
from workbench.graph.traverse import replace
from workbench.model.density import in_order
from workbench.model.missing import in_own_dtype, require_whole
from workbench.model.restrictions import restricted, restriction
from workbench.tensor.keys import keys_below
from workbench.tensor.tensor import Tensor
from workbench.transforms.change_of_variables import Transform

if TYPE_CHECKING:
    from workbench.model.model import Model

DRAWN_AGAIN = 1000
"""So often is a start drawn from the prior, until restricted variables lie where their transforms lead."""


def values_of(point: Mapping[str, Any], names: Sequence[str]) -> list[Any]:
    """Return the values of a point in the order of `names`.

    Raises
    ------
    ModelError
        If one is missing.
    """
    missing = [n for n in names if n not in point]
    if missing:
        raise ModelError(f"the point has no value for {', '.join(missing)}", f"a point has {', '.join(names)}")
    return [np.asarray(point[n]) for n in names]


def initial_point(model: Model, random_seed: int | None = None) -> dict[str, np.ndarray[Any, Any]]:
    """Return where sampling starts: each variable at its start, unconstrained, by value name."""
    model = model.at_current_shapes()
    own = _own_starts(model, {})
    unconstrained: list[Tensor] = []
    for rv in model.free_RVs:
        transform = model.rvs_to_transforms[rv]
        unconstrained.append(own[rv] if transform is None else replace([transform.forward(own[rv], rv)], own)[0])
    keys, rng = keys_below(unconstrained), np.random.default_rng(random_seed)
    restricted = [i for i, rv in enumerate(model.free_RVs) if keys and restriction(rv, model.rvs_to_transforms[rv]) is not None]
    for _ in range(DRAWN_AGAIN):
        # Words for the keys of what starts at a draw.
        seeds: dict[Expr, Expr] = {key: pt.constant(np.uint64(rng.integers(2**64, dtype=np.uint64))) for key in keys}
        with np.errstate(all="ignore"):
            values = Graph([], replace(unconstrained, seeds)).run("numpy")
        if all(np.isfinite(values[i]).all() for i in restricted):
            break
    return {model.value_name(rv): np.array(v) for rv, v in zip(model.free_RVs, values)}


def unconstrained(model: Model, start: Mapping[Any, Any]) -> dict[str, np.ndarray[Any, Any]]:
    """Return a start as a part of a point: values by value name.

    Parameters
    ----------
    model
        The model.
    start
        Values in the variables' own space by variable or its name, or unconstrained by value name.

    Raises
    ------
    ModelError
        If there is no such free variable, or a value lies outside of its support.
    ShapeError
        If a value does not have its variable's shape.
    """
    free = {str(rv.name): rv for rv in model.free_RVs}
    names = {model.value_name(rv): rv for rv in model.free_RVs}
    given = {str(k.name) if isinstance(k, Expr) else str(k): v for k, v in start.items()}
    unknown = [n for n in given if n not in free and n not in names]
    if unknown:
        known = ", ".join(dict.fromkeys([*free, *names]))
        raise ModelError(f"the start gives {', '.join(map(repr, unknown))}, which no free variable is called", f"it may give {known}")
    own = _own_starts(model, {rv: given[name] for name, rv in free.items() if name in given})
    found = {name: np.asarray(v) for name, v in given.items() if name in names}
    for name, rv in free.items():
        if name not in given:
            continue
        transform = model.rvs_to_transforms[rv]
        # What it depends on may be other variables: as they are given, else where they start.
        (at,) = replace([own[rv] if transform is None else transform.forward(own[rv], rv)], own)
        with np.errstate(all="ignore"):
            found[model.value_name(rv)] = at.eval()
        if rv.type.kind == "f" and not np.isfinite(found[model.value_name(rv)]).all():
            raise ModelError(f"{rv.name}: its start {given[str(rv.name)]} lies outside of its support, or on its edge")
    return found


def _own_starts(model: Model, given: Mapping[Expr, Any]) -> dict[Expr, Tensor]:
    """Each random variable's start in its own space, and each start as itself: it is not looked through again for those that it is made of."""
    own: dict[Expr, Tensor] = {}
    free = {*model.free_RVs, *model.marginalized_RVs}
    for rv in in_order(model):
        if rv not in free:
            # Observed variables stand where they were observed.
            own[rv] = in_own_dtype(rv, model.rvs_to_values[rv])
            continue
        start = _start(rv, given.get(rv, model.rvs_to_initial_values.get(rv)), own, model.rvs_to_transforms)
        (at,) = replace([start], own)
        own[rv] = own[at] = at
    return own


def _start(rv: Tensor, given: Any, known: Collection[Expr], transforms: Mapping[Tensor, Transform | None]) -> Tensor:
    """Where a variable starts, in its own space."""
    if given is None or (isinstance(given, str) and given in ("support_point", "moment")):
        start = support_point(rv, known)
    elif isinstance(given, str):
        if given != "prior":
            raise ModelError(f"{rv.name}: there is no start called {given!r}", 'give a value, "support_point" or "prior"')
        (drawn,), _, _ = restricted([rv], known, {rv: transforms.get(rv)})
        return drawn
    else:
        start = pt.as_tensor(given)
        require_whole(str(rv.name), "start", start, rv.dtype)
    try:
        return pt.broadcast_to(pt.cast(start, rv.dtype), rv.shape)
    except ShapeError:
        raise ShapeError(f"{rv.name}: its start has shape {start.type.shape}, it has shape {rv.type.shape}") from None
