"""Putting variables into the current model: distributions, `Deterministic`, `Potential`, `Data`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import workbench.tensor as pt
from workbench.distributions.distribution import Distribution, register_deterministic, register_variable
from workbench.errors import ModelError, ShapeError
from workbench.graph.types import Shape
from workbench.model.model import Model, current_model
from workbench.tensor.elementwise import broadcast_shapes
from workbench.tensor.shape import Named
from workbench.tensor.tensor import Tensor, as_tensor
from workbench.transforms.constrained_numbers import DEFAULT, chosen_transform


def register(
    distribution: type[Distribution],
    name: str,
    *args: Any,
    dims: str | Sequence[str] | None = None,
    shape: Any = None,
    observed: Any = None,
    initval: Any = None,
    transform: Any = DEFAULT,
    default_transform: Any = DEFAULT,
    **parameters: Any,
) -> Tensor:
    """Make a random variable of the current model.

    Parameters
    ----------
    distribution, name, args, parameters
        What it is called and how it is distributed.
    dims, shape
        Its dims, by name, or its shape; that of the parameters and the data by default.
    observed
        Data: the variable is then observed.
    initval
        Where sampling starts, in the variable's own space.
    transform
        To unconstrained space: applied after the default one, unless that is ``None``. ``None`` for none.
    default_transform
        The transform chosen from the support by default, ``None`` for none.

    Raises
    ------
    ModelError
        If the name is taken, a dim is unknown, or the data have missing values.
    ShapeError
        If parameters, dims and data do not fit together.
    """
    model = current_model()
    if name in model.named_vars:
        raise ModelError(f"the model has a variable {name!r} already", "names must be unique")
    names = (dims,) if isinstance(dims, str) else tuple(dims or ())
    values = None if observed is None else _observed(name, observed, distribution)
    wanted = _shape(model, name, names, shape, values)
    try:
        rv = distribution.dist(*args, shape=wanted, **parameters)
    except ShapeError as error:
        raise ShapeError(f"{name}: {error.message}" + _where_from(names, values), error.hint, error.location) from None
    except ModelError as error:
        raise ModelError(f"{name}: {error.message}", error.hint, error.location) from None
    model.add_name(name, rv, names)
    if values is not None:
        model.observed_RVs.append(rv)
        model.rvs_to_values[rv] = values
        return rv
    model.free_RVs.append(rv)
    if initval is not None:
        model.initial_values[rv] = initval
    model.make_value(rv, chosen_transform(rv, default_transform, transform))
    return rv


register_variable.append(register)


def _shape(model: Model, name: str, dims: Sequence[str], shape: Any, values: Tensor | None) -> Shape | None:
    """The shape that dims, `shape` and data agree on, if any is given."""
    found: Shape | None = None
    if dims:
        found = model.shape_of_dims(name, dims)
    if shape is not None:
        given = (int(shape),) if isinstance(shape, (int, np.integer)) else tuple(int(n) for n in shape)
        if found is not None and found != given:
            raise ShapeError(f"{name}: shape {given} does not agree with dims {tuple(dims)} of lengths {found}")
        found = given
    if values is None:
        return found
    if found is not None and values.type.shape != found:
        raise ShapeError(
            f"{name}: the observed data have shape {values.type.shape}, but {_dims_text(dims, found)}",
            "the data and the coords must have the same lengths",
        )
    return values.type.shape


def _dims_text(dims: Sequence[str], shape: Shape) -> str:
    return f"its dims {tuple(dims)} have lengths {shape}" if dims else f"its shape is {shape}"


def _where_from(dims: Sequence[str], values: Tensor | None) -> str:
    if values is not None:
        return " (the shape of the observed data)"
    return f" (the lengths of its dims {tuple(dims)})" if dims else ""


def _observed(name: str, observed: Any, distribution: type[Distribution]) -> Tensor:
    """Observed data as a tensor, without missing values."""
    values = as_tensor(observed)
    if values.dtype != distribution.dtype:
        values = pt.cast(values, distribution.dtype)
    content = np.asarray(values.eval())
    if content.dtype.kind == "f" and np.isnan(content).any():
        where = np.argwhere(np.isnan(content))
        first = where[0].tolist()
        at = first[0] if len(first) == 1 else tuple(first)
        raise ModelError(
            f"{name}: the observed data have {len(where)} missing value{'s' * (len(where) > 1)} (NaN), "
            f"the first at index {at}",
            "drop those rows, or fill them in; imputing missing values is not supported yet",
        )
    return values if values.op.name in ("constant", "data") else pt.constant(content)


def Deterministic(name: str, value: Any, dims: str | Sequence[str] | None = None) -> Tensor:
    """Keep an expression as a variable of the model: its draws are stored.

    Parameters
    ----------
    name, value, dims
        Its name, the expression, and its dims.
    """
    model = current_model()
    x = as_tensor(value)
    if name in model.named_vars:
        raise ModelError(f"the model has a variable {name!r} already", "names must be unique")
    names = (dims,) if isinstance(dims, str) else tuple(dims or ())
    if names and model.shape_of_dims(name, names) != x.type.shape:
        raise ShapeError(f"{name}: it has shape {x.type.shape}, but {_dims_text(names, model.shape_of_dims(name, names))}")
    x = _own(name, x)
    model.add_name(name, x, names)
    model.deterministics.append(x)
    return x


register_deterministic.append(Deterministic)


def _own(name: str, x: Tensor) -> Tensor:
    """A node that can carry `name`: an equal one under that name if `x` has another, or is a constant."""
    return x if x.name in (None, name) and x.inputs else Named(name)(x)


def Potential(name: str, value: Any) -> Tensor:
    """Add an expression to the log-density of the model."""
    model = current_model()
    x = _own(name, as_tensor(value))
    model.add_name(name, x)
    model.potentials.append(x)
    return x


def Data(name: str, value: Any, dims: str | Sequence[str] | None = None) -> Tensor:
    """Make named data of the model, replaceable between calls without recompiling.

    Parameters
    ----------
    name, value, dims
        Its name, the array, and its dims.

    Raises
    ------
    ShapeError
        If the dims' lengths are not the array's.
    """
    model = current_model()
    array = value.to_numpy() if hasattr(value, "to_numpy") else np.asarray(value)
    names = (dims,) if isinstance(dims, str) else tuple(dims or ())
    if names and broadcast_shapes(model.shape_of_dims(name, names)) != array.shape:
        raise ShapeError(f"{name}: the data have shape {array.shape}, but {_dims_text(names, model.shape_of_dims(name, names))}")
    x = pt.data(name, array)
    model.add_name(name, x, names)
    model.data_vars.append(x)
    return x
