"""Putting variables into the current model: distributions, `Deterministic`, `Potential`, `Data`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

import workbench.tensor as pt
from workbench.distributions.distribution import (
    Distribution,
    Draw,
    as_length,
    register_deterministic,
    register_variable,
)
from workbench.errors import ArgumentError, ModelError, ShapeError
from workbench.graph.types import Shape
from workbench.model.context import UNSET, current_model, modelcontext
from workbench.model.minibatch import TotalSize, scaling
from workbench.model.missing import Observed, impute, numbers_from, observed_shape, observed_values
from workbench.model.model import Model
from workbench.tensor.shape.reshaping import Named
from workbench.tensor.tensor import Tensor, as_tensor
from workbench.transforms.change_of_variables import Transform, default_transform


def register(
    distribution: type[Distribution],
    name: str,
    *args: Any,
    dims: str | Sequence[str | None] | None = None,
    shape: Any = None,
    observed: Any = None,
    initval: Any = None,
    transform: Any = UNSET,
    default_transform: Any = UNSET,
    total_size: TotalSize = None,
    model: Model | None = None,
    **parameters: Any,
) -> Tensor:
    """Make a random variable of the current model.

    Parameters
    ----------
    distribution, name, args, parameters
        What it is called and how it is distributed.
    dims, shape
        Its dims, by name, or its shape; that of the parameters and the data by default. With both, dims that are
        not known yet get the lengths of the shape.
    observed
        Data: the variable is then observed. Missing values (NaN, or masked) become free variables.
    initval
        Where sampling starts: a value in the variable's own space, "support_point" or "prior".
    transform
        To unconstrained space, after the default one; ``None`` for none at all.
    default_transform
        Instead of the one chosen from the support; ``None`` for none.
    total_size
        How many rows there are in all, where the data are a part of them; see :func:`.minibatch.scaling`.
    model
        The model; that of the surrounding block by default.

    Raises
    ------
    ModelError
        If the name is taken, or a dim is unknown.
    ShapeError
        If parameters, dims and data do not fit together.
    """
    m = modelcontext(model)
    m.check_new(name)
    names = names_of_dims(name, dims)
    have = None if observed is None else observed_shape(name, observed)
    wanted = _shape(m, name, names, shape, parameters.get("size"), have)
    with m:
        try:
            rv = distribution.call(distribution.dist, *args, shape=wanted, **parameters)
        except ShapeError as error:
            raise ShapeError(f"{name}: {error.message}" + _where_from(names, have), error.hint, error.location) from None
        except ModelError as error:
            raise ModelError(f"{name}: {error.message}", error.hint, error.location) from None
    given = None if observed is None else observed_values(name, observed, rv.dtype)
    if given is not None and given.missing is not None and None in rv.type.shape:
        # What is missing has its places now.
        with m:
            closed = {k: _of_shape_now(m, name, p) for k, p in parameters.items()}
            rv = distribution.call(distribution.dist, *(_of_shape_now(m, name, p) for p in args), shape=np.shape(observed), **closed)
    _keep_lengths(m, name, names, wanted, rv)
    if shape is not None or parameters.get("size") is not None:
        _declare(m, names, rv)
    if not distribution.chained and transform is not UNSET and default_transform is UNSET:
        default_transform = None
    return register_rv(
        m, name, rv, dims=names, observed=given, initval=initval, transform=transform, default_transform=default_transform,
        total_size=total_size,
    )  # fmt: skip


def names_of_dims(name: str, dims: Any) -> tuple[str | None, ...]:
    """Return the names in an argument `dims`: a name, several, or ``None``; ``None`` among them is an axis without one.

    Raises
    ------
    ModelError
        If something else is among them.
    """
    names = () if dims is None else (dims,) if isinstance(dims, str) else tuple(dims)
    for d in names:
        if d is not None and not isinstance(d, str):
            raise ModelError(f"{name}: dims are names, not {d!r}", "every axis has its own: dims=(\"group\", \"obs\"), None for one without a name")
    return names


def _declare(model: Model, dims: Sequence[str | None], rv: Tensor) -> None:
    """Give dims that are not known yet the lengths of a variable whose shape was given."""
    if len(dims) != rv.ndim:
        return
    for axis, (d, n) in enumerate(zip(dims, model.shapes.of(rv))):
        if d is not None and d not in model.dim_lengths:
            model.add_coord(d, length=rv.shape[axis] if rv.type.shape[axis] is None else n)
            model.shape_from_dims([d])


def _keep_lengths(model: Model, name: str, dims: Sequence[str | None], wanted: Any, rv: Tensor) -> None:
    """Let lengths stay as they are that a variable was asked to have and has for good: its parameters, or values, have them."""
    for axis, n in enumerate(_as_tuple(wanted)):
        if isinstance(n, Tensor) and rv.type.shape[axis] is not None:
            if axis < len(dims) and dims[axis] in model.dim_lengths:
                model.fix_dim(str(dims[axis]), name)
            else:
                model.keep_length(n, name)


def _as_tuple(shape: Any) -> tuple[Any, ...]:
    return () if shape is None else shape if isinstance(shape, tuple) else tuple(shape) if getattr(shape, "ndim", 0) else (shape,)


def _of_shape_now(model: Model, name: str, p: Any) -> Any:
    """A parameter whose lengths may change as one of the lengths that it has."""
    if not isinstance(p, Tensor) or None not in p.type.shape:
        return p
    now = model.shapes.of(p)
    if None in now:
        return p
    for axis, n in enumerate(p.type.shape):
        if n is None:
            model.keep_length(p.shape[axis], name)
    return pt.reshape(p, now)


register_variable.append(register)


def register_rv(
    model: Model,
    name: str,
    rv: Tensor,
    *,
    dims: Sequence[str | None] = (),
    observed: Observed | None = None,
    initval: Any = None,
    transform: Any = UNSET,
    default_transform: Any = UNSET,
    total_size: TotalSize = None,
) -> Tensor:
    """Make a random expression a random variable of a model."""
    if total_size is not None and (observed is None or observed.missing is not None):
        raise ModelError(f"{name}: total_size is for a variable that is observed, without missing values", "leave total_size out")
    if rv.name is not None and rv.name in model.root.named_vars:
        rv = Named(name)(rv)
    _check_now(model, name, rv, dims, observed)
    if observed is not None and observed.missing is not None:
        return impute(model, name, rv, observed, dims, initval, transform, default_transform)
    model.add_name(name, rv, dims)
    if observed is not None:
        model.add_to("observed_RVs", rv)
        for m in model.lineage:
            m.rvs_to_values[rv] = observed.values
            m.rvs_to_transforms[rv] = None
            if total_size is not None:
                m.rvs_to_scalings[rv] = scaling(name, total_size, rv)
        return rv
    model.add_to("free_RVs", rv)
    model.set_initval(rv, initval)
    model.make_value(rv, chosen_transform(rv, transform, default_transform))
    return rv


def chosen_transform(rv: Tensor, transform: Any, instead_of_default: Any) -> Transform | None:
    """The transform of a free variable: that of its support, then the user's."""
    for given in (transform, instead_of_default):
        if given is not UNSET and given is not None and not isinstance(given, Transform):
            raise ModelError(f"{given!r} is no transform", "for example workbench.transforms.log, or ordered")
    chosen = instead_of_default
    if chosen is UNSET:
        chosen = default_transform(rv) if isinstance(rv.op, Draw) else None
    if transform is UNSET:
        return chosen
    if transform is None or chosen is None:
        return transform
    from workbench.transforms.constrained_numbers import Chain

    return Chain([chosen, transform])


def _shape(model: Model, name: str, dims: Sequence[str | None], shape: Any, size: Any, data: Any) -> Any:
    """The shape that dims, `shape` and data agree on, if any is given; symbolic where lengths may change."""
    if shape is not None:
        given = _lengths(shape)
        for d, n in zip(dims, given):
            if d in model.dim_lengths and isinstance(n, int) and model.shape_from_dims([str(d)], name) and model.length_of(str(d)) != n:
                known = ", ".join(f"{k!r} has length {model.length_of(str(k))}" for k in dims if k in model.dim_lengths)
                raise ShapeError(f"{name}: shape {given} does not agree with its dims {tuple(dims)}: {known}")
        return given
    if size is not None:
        return None
    if dims:
        if None in dims:
            raise ShapeError(f"{name}: an axis without a dim has no known length", "give shape too")
        return model.shape_from_dims(dims, name)
    return data


def _lengths(shape: Any) -> tuple[Any, ...]:
    if isinstance(shape, Tensor):
        return tuple(shape) if shape.ndim else (shape,)
    given = tuple(shape) if isinstance(shape, (tuple, list, np.ndarray)) else (shape,)
    return tuple(n if isinstance(n, Tensor) else as_length(n) for n in given)


def _check_now(model: Model, name: str, rv: Tensor, dims: Sequence[str | None], data: Observed | None) -> None:
    """Raise if the shape that the variable has now does not fit its dims or its data."""
    now = model.shapes.of(rv)
    if dims and len(dims) != len(now):
        raise ShapeError(f"{name}: it has {len(now)} axes, but {len(dims)} dims: {tuple(dims)}")
    lengths = tuple(None if d is None else model.length_of(d) for d in dims)
    if any(n is not None and m is not None and n != m for n, m in zip(now, lengths)):
        raise ShapeError(f"{name}: it has shape {now}, but its dims {tuple(dims)} have lengths {lengths}")
    if data is None:
        return
    have = model.shapes.of(data.values)
    if len(have) != len(now) or any(n is not None and m is not None and n != m for n, m in zip(now, have)):
        raise ShapeError(
            f"{name}: the observed data have shape {have}, but {_dims_text(dims, now)}",
            "the data and the coords must have the same lengths",
        )


def _dims_text(dims: Sequence[str | None], shape: Shape) -> str:
    return f"its dims {tuple(dims)} have lengths {shape}" if dims else f"its shape is {shape}"


def _where_from(dims: Sequence[str | None], data: Any) -> str:
    if data is not None and not dims:
        return " (the shape of the observed data)"
    return f" (the lengths of its dims {tuple(dims)})" if dims else ""


def Deterministic(
    name: str, var: Any, model: Model | None = None, dims: str | Sequence[str | None] | None = None
) -> Tensor:
    """Keep an expression as a variable of the model: its draws are stored.

    Parameters
    ----------
    name, var, dims
        Its name, the expression, and its dims.
    model
        The model; that of the surrounding block by default.

    Raises
    ------
    ShapeError
        If the dims' lengths are not those of the expression.
    """
    m = modelcontext(model)
    x = as_tensor(var)
    full = m.check_new(name)
    names = _checked_dims(m, name, x, dims)
    x = _own(full, x)
    m.add_name(name, x, names)
    m.add_to("deterministics", x)
    return x


def _checked_dims(model: Model, name: str, x: Tensor, dims: Any) -> tuple[str | None, ...]:
    """The dims of an expression, which must be known and have its lengths."""
    names = names_of_dims(name, dims)
    if names:
        model.shape_from_dims([d for d in names if d is not None], name)
        _check_now(model, name, x, names, None)
    return names


register_deterministic.append(Deterministic)


def _own(name: str, x: Tensor) -> Tensor:
    """A node that can carry `name`: an equal one under that name if `x` has another, or is a constant."""
    return x if x.name in (None, name) and x.inputs else Named(name)(x)


def Potential(
    name: str, var: Any, model: Model | None = None, dims: str | Sequence[str | None] | None = None
) -> Tensor:
    """Add an expression to the log-density of the model."""
    m = modelcontext(model)
    full = m.check_new(name)
    x = as_tensor(var)
    names = _checked_dims(m, name, x, dims)
    x = _own(full, x)
    m.add_name(name, x, names)
    m.add_to("potentials", x)
    return x


def Data(
    name: str,
    value: Any,
    *,
    dims: str | Sequence[str | None] | None = None,
    coords: Mapping[str, Sequence[Any]] | None = None,
    infer_dims_and_coords: bool = False,
    model: Model | None = None,
    **unknown: Any,
) -> Tensor:
    """Make named data of the model, replaceable between calls by :func:`set_data`, in another length too.

    Parameters
    ----------
    name, value, dims
        Its name, the array, and its dims: those that are not known yet get its lengths.
    coords
        Labels of dims, added to the model.
    infer_dims_and_coords
        Take dims and labels from a pandas or xarray object.
    model
        The model; that of the surrounding block by default.

    Raises
    ------
    ShapeError
        If the dims' lengths are not the array's.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     x = pm.Data("x", [1.0, 2.0], dims="obs")
    ...     double = pm.Deterministic("double", 2.0 * x, dims="obs")
    ...     pm.set_data({"x": [1.0, 2.0, 3.0]})
    >>> double.eval().tolist()
    [2.0, 4.0, 6.0]
    """
    if unknown:
        hint = "all data can be replaced by pm.set_data; those of pm.ConstantData cannot" if "mutable" in unknown else ""
        raise ArgumentError(f"Data got an unexpected keyword argument {next(iter(unknown))!r}", hint)
    m = modelcontext(model)
    array = _array(name, value)
    names = names_of_dims(name, dims)
    found = dict(coords or {})
    if infer_dims_and_coords:
        inferred, labels = _inferred(value, array.ndim)
        names = names or inferred
        found = {**labels, **found}
    for d, values in found.items():
        m.add_coord(d, values)
    if names and len(names) != array.ndim:
        raise ShapeError(f"{name}: the data have shape {array.shape}, but {len(names)} dims: {names}")
    full = m.check_new(name)
    x = pt.data(full, array, shape=(None,) * array.ndim)
    m.open_dims(x, names)
    m.add_name(name, x, names)
    m.add_to("data_vars", x)
    return x


def MutableData(name: str, value: Any, **options: Any) -> Tensor:
    """Make data that can be replaced: what :func:`Data` makes, under its older name."""
    return Data(name, value, **options)


def ConstantData(
    name: str,
    value: Any,
    *,
    dims: str | Sequence[str | None] | None = None,
    coords: Mapping[str, Sequence[Any]] | None = None,
    model: Model | None = None,
) -> Tensor:
    """Make named data of the model that stay as they are: rules may compute with them."""
    m = modelcontext(model)
    array = _array(name, value)
    names = names_of_dims(name, dims)
    for d, values in (coords or {}).items():
        m.add_coord(d, values)
    for name_of_dim, n in zip(names, array.shape):
        if name_of_dim is not None and name_of_dim not in m.coords:
            m.add_coord(name_of_dim, length=n)
    full = m.check_new(name)
    x = Named(full)(pt.constant(array))
    if names:
        _check_now(m, name, x, names, None)
    m.add_name(name, x, names)
    m.add_to("data_vars", x)
    return x


def _array(name: str, value: Any) -> np.ndarray[Any, Any]:
    try:
        array = value.to_numpy() if hasattr(value, "to_numpy") else np.asarray(value)
        if array.dtype == object:
            array = array.astype("float64")
    except (ValueError, TypeError) as error:
        raise ModelError(f"{name}: the data are no array of numbers: {error}", numbers_from(value)) from None
    if array.dtype.kind not in "biuf":
        raise ModelError(f"{name}: the data are of dtype {array.dtype}, not numbers", numbers_from(value))
    if hasattr(value, "columns") and array.dtype.kind in "iu":
        # A table is a design matrix, as in PyMC: other data of it may have fractions.
        array = array.astype("float64")
    if array.dtype == np.float32 or array.dtype == np.float16:
        return array.astype("float64")
    # Counts are computed with: narrow integers would wrap around, and those without a sign have no differences.
    held = array.dtype.kind == "i" or (array.dtype.kind == "u" and (array.dtype.itemsize < 8 or not array.size or array.max() < 2**63))
    return array.astype("int64") if held else array


def _inferred(value: Any, ndim: int) -> tuple[tuple[str, ...], dict[str, Any]]:
    """Dims and labels that an xarray or pandas object has."""
    if hasattr(value, "coords") and hasattr(value, "dims"):
        return tuple(map(str, value.dims)), {str(d): value.coords[d].to_numpy() for d in value.dims if d in value.coords}
    axes = [getattr(value, "index", None), getattr(value, "columns", None)][:ndim]
    if axes[0] is None or any(a is None or a.name is None for a in axes):
        raise ModelError(
            "no dims can be inferred from these data", "give an xarray object, or a pandas one whose index and columns have names"
        )
    return tuple(str(a.name) for a in axes if a is not None), {str(a.name): a.to_numpy() for a in axes if a is not None}


def set_data(new_data: Mapping[str, Any], model: Model | None = None, *, coords: Mapping[str, Sequence[Any]] | None = None) -> None:
    """Replace data of a model: compiled functions use the new ones from their next call on.

    Parameters
    ----------
    new_data
        Arrays by name; their lengths may differ from the old ones.
    model
        The model; that of the surrounding block by default.
    coords
        New labels of dims, needed where the length of a dim with labels changes.

    Raises
    ------
    ModelError
        If a name is not that of data, or lengths of a dim do not agree; nothing is changed then.
    """
    modelcontext(model).replace_data(new_data, coords or {})


__all__ = [
    "ConstantData", "Data", "Deterministic", "MutableData", "Potential", "current_model", "register", "register_rv",
    "set_data",
]  # fmt: skip
