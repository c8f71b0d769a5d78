"""Where particles begin: draws from the prior, as positions, or those that a user gives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from workbench.errors import ModelError, SamplingError, ShapeError
from workbench.graph.expr import Expr
from workbench.graph.traverse import replace
from workbench.inference.each_draw import EachDraw
from workbench.model.missing import in_own_dtype
from workbench.model.model import Model
from workbench.model.position import Places

Array = np.ndarray[Any, Any]


class FirstParticles:
    """The particles before the first stage.

    Parameters
    ----------
    model
        The model, at lengths of one moment.
    given
        Names of variables, or of their unconstrained values, that a user gives draws of; the others are drawn from the prior.
    backend
        Where to compute.

    Raises
    ------
    SamplingError
        If a prior has no draws.
    """

    def __init__(self, model: Model, given: tuple[str, ...], backend: str) -> None:
        self.model, self._places = model, Places.of(model)
        own: dict[Expr, Any] = {rv: in_own_dtype(rv, model.rvs_to_values[rv]) for rv in model.observed_RVs}
        nodes, outputs = [], []
        for rv in model.free_RVs:
            value, transform = model.rvs_to_values[rv], model.rvs_to_transforms[rv]
            if transform is not None and str(value.name) in given:
                nodes.append(value)
                own[rv] = transform.backward(value, rv)
                outputs.append(value)
                continue
            if str(rv.name) in given:
                nodes.append(rv)
            outputs.append(rv if transform is None else transform.forward(rv, rv))
        self._names = [str(x.name) for x in nodes]
        try:
            self._draw = EachDraw(nodes, replace(outputs, own), backend, transforms=model.rvs_to_transforms)
        except ModelError as error:
            raise SamplingError(
                f"particles cannot begin at draws from the prior: {error.message}", f"{error.hint}; or give start=, draws to begin at", error.location
            ) from error

    def __call__(self, draws: int, seed: int, start: Mapping[str, Any]) -> tuple[Array, Array]:
        """Return particles (draws, d) and (draws, k).

        Parameters
        ----------
        draws
            How many.
        seed
            A 64-bit word.
        start
            What is given, (draws, *shape), by name.
        """
        drawn = self._draw([start[name] for name in self._names], draws, seed)
        point = dict(zip((self.model.value_name(rv) for rv in self.model.free_RVs), drawn))
        q = [np.reshape(point[name], (draws, -1)) for name in self._places.continuous]
        z = [np.reshape(point[name], (draws, -1)).astype(np.int64) for name in self._places.discrete]
        return np.concatenate([np.empty((draws, 0)), *q], axis=1), np.concatenate([np.empty((draws, 0), np.int64), *z], axis=1)


def checked_start(model: Model, start: Any, draws: int, chains: int) -> list[dict[str, Array]]:
    """Return what is given for the particles of each chain, by name.

    Raises
    ------
    SamplingError
        If it is not one mapping, or one for each chain.
    ModelError
        If a name is not that of a free variable.
    ShapeError
        If there is not a value for each particle, of the variable's shape.
    """
    if start is None or isinstance(start, Mapping):
        each = [start or {}] * chains
    else:
        each = list(start) if isinstance(start, (list, tuple, np.ndarray)) else [start]
        if len(each) != chains or not all(s is None or isinstance(s, Mapping) for s in each):
            raise SamplingError(f"start must be values by name, for all chains or a list of {chains}, one for each, got {start!r}")
    shapes: dict[str, tuple[str, tuple[int, ...]]] = {}
    for rv in model.free_RVs:
        shapes[model.value_name(rv)] = str(rv.name), model.rvs_to_values[rv].type.static_shape
        shapes[str(rv.name)] = str(rv.name), rv.type.static_shape
    found = []
    for given in each:
        values = {str(getattr(name, "name", name)): np.asarray(x) for name, x in (given or {}).items()}
        for name, x in values.items():
            if name not in shapes:
                raise ModelError(f"start gives {name!r}, which no free variable is called", f"it may give {', '.join(shapes)}")
            if x.shape != (draws, *shapes[name][1]):
                raise ShapeError(
                    f"start: {name} has shape {x.shape}; one value for each of {draws} particles has {(draws, *shapes[name][1])}",
                    "particles begin at draws from the prior: leave start out, or give draws=",
                )
        twice = [name for name in values if shapes[name][0] != name and shapes[name][0] in values]
        if twice:
            raise ModelError(f"start gives {shapes[twice[0]][0]} twice: itself, and its unconstrained value {twice[0]}", "give it once")
        found.append(values)
    return found
