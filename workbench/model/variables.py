"""What a model has besides random variables: `Deterministic`, `Potential`, `Data`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

import workbench.tensor as pt
from workbench.distributions.distribution import (
    register_deterministic,
)
from workbench.errors import ArgumentError, ModelError, ShapeError
from workbench.model.context import modelcontext
from workbench.model.dims import check_now, labelled, names_of_dims
from workbench.model.missing import numbers_from
from workbench.tensor.markers import Named
from workbench.tensor.tensor import Tensor, as_tensor

if TYPE_CHECKING:
    from workbench.model.model import Model


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

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     log_odds = pm.Normal("log_odds", 0, 1.5)
    ...     share = pm.Deterministic("share", pm.math.invlogit(log_odds))
    >>> model.deterministics == [share]
    True
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
        check_now(model, name, x, names, None)
    return names


register_deterministic.append(Deterministic)


def _own(name: str, x: Tensor) -> Tensor:
    """A node that can carry `name`: an equal one under that name if `x` has another, or is a constant."""
    return x if x.name in (None, name) and x.inputs else Named(name)(x)


def Potential(
    name: str, var: Any, model: Model | None = None, dims: str | Sequence[str | None] | None = None
) -> Tensor:
    """Add an expression to the log-density of the model.

    Parameters
    ----------
    name, var, dims
        Its name, the expression, and its dims. All elements of the expression are added.
    model
        The model; that of the surrounding block by default.

    Raises
    ------
    ShapeError
        If the dims' lengths are not those of the expression.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     a, b = pm.Normal("a"), pm.Normal("b")
    ...     about_equal = pm.Potential("about_equal", -50.0 * (a - b) ** 2)
    >>> model.point_logps({"a": 0.0, "b": 0.1})["about_equal"]
    -0.5000...
    """
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
        Take dims and labels from a pandas object. Those of an xarray array are always taken.
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
    value, names, found = labelled(name, value, names_of_dims(name, dims))
    array = _array(name, value)
    found = {**found, **(coords or {})}
    if infer_dims_and_coords:
        inferred, labels = _inferred(value, array.ndim)
        names = names or inferred
        found = {**labels, **found}
    for d, values in found.items():
        m.add_coord(d, values)
    if names and len(names) != array.ndim:
        raise ShapeError(f"{name}: the data have shape {array.shape}, but {len(names)} dims: {names}")
    full = m.check_new(name)
    x = pt.data(full, array, shape=m.lengths_of_data(array.shape, names))
    m.open_dims(x, names)
    m.add_name(name, x, names)
    m.add_to("data_vars", x)
    return x


def MutableData(name: str, value: Any, **options: Any) -> Tensor:
    """Make data that can be replaced: what :func:`Data` makes, under its older name.

    Examples
    --------
    >>> with pm.Model() as model:
    ...     x = pm.MutableData("x", [1.0, 2.0])
    >>> x.eval().tolist()
    [1.0, 2.0]
    """
    return Data(name, value, **options)


def ConstantData(
    name: str,
    value: Any,
    *,
    dims: str | Sequence[str | None] | None = None,
    coords: Mapping[str, Sequence[Any]] | None = None,
    model: Model | None = None,
) -> Tensor:
    """Make named data of the model that stay as they are: rules may compute with them.

    Parameters
    ----------
    name, value, dims
        Its name, the array, and its dims: those that are not known yet get its lengths.
    coords
        Labels of dims, added to the model.
    model
        The model; that of the surrounding block by default.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     x = pm.ConstantData("x", [1.0, 2.0], dims="obs")
    >>> model.dim_lengths
    {'obs': 2}
    """
    m = modelcontext(model)
    value, names, found = labelled(name, value, names_of_dims(name, dims))
    array = _array(name, value)
    for d, values in {**found, **(coords or {})}.items():
        m.add_coord(d, values)
    for name_of_dim, n in zip(names, array.shape):
        if name_of_dim is not None and name_of_dim not in m.coords:
            m.add_coord(name_of_dim, length=n)
    full = m.check_new(name)
    x = Named(full)(pt.constant(array))
    if names:
        check_now(m, name, x, names, None)
    m.add_name(name, x, names)
    m.add_to("data_vars", x)
    return x


def _array(name: str, value: Any) -> np.ndarray[Any, Any]:
    try:
        array = value.to_numpy() if hasattr(value, "to_numpy") else np.asarray(value)
        if array.dtype == object:
            array = array.astype("float64")
    except (ValueError, TypeError) as error:
        raise ModelError(f"{name}: the data are no array of numbers: {error}", numbers_from(value), page="not-numbers") from None
    if array.dtype.kind not in "biuf":
        raise ModelError(f"{name}: the data are of dtype {array.dtype}, not numbers", numbers_from(value), page="not-numbers")
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

    Examples
    --------
    >>> with pm.Model() as model:
    ...     x = pm.Data("x", [1.0, 2.0])
    ...     pm.set_data({"x": [3.0, 4.0, 5.0]})
    >>> x.eval().tolist()
    [3.0, 4.0, 5.0]
    """
    modelcontext(model).replace_data(new_data, coords or {})


__all__ = [
    "ConstantData", "Data", "Deterministic", "MutableData", "Potential", "set_data",
]  # fmt: skip
